//! The whole lab, where the corpus is there: every line a record, every event without an issue that the lab does not have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deponent_parsers::linux;

use super::tests::of;

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("DEPONENT_CORPUS").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")));
    root.is_dir().then_some(root)
}

#[test]
fn the_lab_is_read_whole() {
    let Some(corpus) = corpus() else { return };
    let Ok(log) = std::fs::read(corpus.join("lab/audit.log")) else { return };
    let mut events: BTreeMap<(bool, u64, u64, u64), Vec<&[u8]>> = BTreeMap::new();
    let mut lines = 0;
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        let header = linux::header(line).unwrap();
        events.entry((header.daemon, header.secs, header.millis, header.serial)).or_default().push(line);
        lines += 1;
    }
    assert_eq!((lines, events.len()), (82_602, 17_622));
    let mut issues: BTreeMap<String, usize> = BTreeMap::new();
    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    for records in events.values() {
        let event = of(records);
        assert_ne!(event.what.action, "unknown");
        *actions.entry(event.what.action.to_string()).or_default() += 1;
        for issue in &event.issues {
            *issues.entry(issue.kind.to_string()).or_default() += 1;
        }
    }
    // One file was asked for whose name is not UTF-8 (scenario adv).
    assert_eq!(issues, BTreeMap::from([("not-utf8".to_owned(), 1)]));
    let expected =
        [("executed", 3301), ("tried-to-execute", 11_414), ("changed-audit-configuration", 23), ("ran-command", 15)];
    for (action, count) in expected {
        assert_eq!(actions.get(action), Some(&count), "{action}");
    }
}

//! A whole node's lines, where the corpus is there: how many are read, how many are not, and what they become.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::RecordKind;
use crate::normalise::{Context, event, key};

const CONTEXT: Context<'_> =
    Context { cluster: "", node: "n1", received_ns: 1_795_500_000_000_000_000, ..Context::NOWHERE };

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("DEPONENT_CORPUS").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")));
    root.is_dir().then_some(root)
}

/// Lines, of which none is bad, those of klog's form, and each action's count.
fn check(file: &str, kind: RecordKind, lines: usize, klog: usize, expected: &[(&str, usize)]) {
    let Some(log) = corpus().and_then(|corpus| std::fs::read(corpus.join(file)).ok()) else { return };
    let (mut all, mut bad, mut of_klog) = (0, Vec::new(), 0);
    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        all += 1;
        of_klog += usize::from(line.starts_with(b"E1123 "));
        match key(kind, CONTEXT, line) {
            Ok(key) => {
                let event = event(kind, &key, CONTEXT, &[line]);
                assert!(event.issues.is_empty(), "{event:?}");
                *actions.entry(event.what.action.to_string()).or_default() += 1;
                ids.insert(key.id);
            }
            Err(error) => bad.push((error, String::from_utf8_lossy(line).into_owned())),
        }
    }
    assert_eq!(bad, [], "{file}");
    assert_eq!((all, of_klog), (lines, klog), "{file}");
    assert_eq!(ids.len(), lines, "no two lines are one event");
    actions.remove("logged");
    let expected: BTreeMap<String, usize> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(actions, expected, "{file}");
}

#[test]
fn the_log_of_the_lab() {
    let expected = [
        ("answered-attach", 1),
        ("answered-exec", 8),
        ("answered-exec-sync", 1),
        ("answered-port-forward", 1),
        ("created-container", 23),
        ("created-sandbox", 13),
        ("creating-container", 23),
        ("creating-sandbox", 13),
        ("exec-exited", 8),
        ("generated-exec-id", 9),
        ("killing-container", 15),
        ("received-exit", 28),
        ("removed-container", 17),
        ("removed-sandbox", 5),
        ("removing-container", 17),
        ("removing-sandbox", 5),
        ("requested-attach", 1),
        ("requested-exec", 8),
        ("requested-exec-sync", 1),
        ("requested-port-forward", 1),
        ("started-container", 23),
        ("starting-container", 23),
        ("stopped-container", 16),
        ("stopped-sandbox", 15),
        ("stopping-container", 16),
        ("stopping-sandbox", 15),
    ];
    check("lab/containerd.log", RecordKind::Containerd, 1515, 1, &expected);
}

#[test]
fn the_log_of_the_overlaps() {
    let expected = [
        ("answered-attach", 2),
        ("answered-exec", 124),
        ("answered-exec-sync", 149),
        ("created-container", 6),
        ("created-sandbox", 3),
        ("creating-container", 6),
        ("creating-sandbox", 3),
        ("exec-exited", 271),
        ("generated-exec-id", 273),
        ("received-exit", 1),
        ("requested-attach", 2),
        ("requested-exec", 124),
        ("requested-exec-sync", 149),
        ("started-container", 6),
        ("starting-container", 6),
    ];
    check("overlap/containerd.log", RecordKind::Containerd, 3178, 2, &expected);
}

#[test]
fn the_stream_of_the_lab() {
    let expected = [
        ("added-exec", 10),
        ("created-container-record", 38),
        ("created-task", 37),
        ("deleted-container-record", 24),
        ("deleted-task", 29),
        ("exited", 38),
        ("snapshot-prepare", 36),
        ("snapshot-remove", 22),
        ("started-exec", 9),
        ("started-task", 37),
        ("updated-container-record", 18),
    ];
    check("lab/containerd-events.log", RecordKind::ContainerdEvents, 298, 0, &expected);
}

#[test]
fn the_stream_of_the_overlaps() {
    let expected = [
        ("added-exec", 319),
        ("created-container-record", 20),
        ("created-task", 17),
        ("deleted-container-record", 17),
        ("deleted-task", 17),
        ("exited", 334),
        ("snapshot-prepare", 20),
        ("snapshot-remove", 17),
        ("started-exec", 317),
        ("started-task", 17),
        ("updated-container-record", 18),
    ];
    check("overlap/containerd-events.log", RecordKind::ContainerdEvents, 1113, 0, &expected);
}

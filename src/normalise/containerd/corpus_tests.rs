//! A whole node's lines, where the corpus is there: how many are read, how many are not, and what they become.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::RecordKind;
use crate::normalise::{Context, event, key};

const CONTEXT: Context<'_> = Context { cluster: "", node: "n1", received_ns: 0 };

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("DEPONENT_CORPUS").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")));
    root.is_dir().then_some(root)
}

/// Lines, bad ones, and each action's count; bad ones of klog's form are counted apart.
fn check(file: &str, kind: RecordKind, lines: usize, klog: usize, expected: &[(&str, usize)]) {
    let Some(log) = corpus().and_then(|corpus| std::fs::read(corpus.join(file)).ok()) else { return };
    let (mut all, mut bad, mut of_klog) = (0, Vec::new(), 0);
    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    let mut ids = std::collections::BTreeSet::new();
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        all += 1;
        match key(kind, CONTEXT, line) {
            Ok(key) => {
                let event = event(kind, &key, CONTEXT, &[line]);
                assert!(event.issues.is_empty(), "{event:?}");
                *actions.entry(event.what.action.to_string()).or_default() += 1;
                ids.insert(key.id);
            }
            Err(_) if line.starts_with(b"E1123 ") => of_klog += 1,
            Err(error) => bad.push((error, String::from_utf8_lossy(line).into_owned())),
        }
    }
    assert_eq!(bad, [], "{file}");
    assert_eq!((all, of_klog), (lines, klog), "{file}");
    assert_eq!(ids.len(), lines - klog, "no two lines are one event");
    actions.remove("logged");
    let expected: BTreeMap<String, usize> = expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(actions, expected, "{file}");
}

#[test]
fn the_log_of_the_lab() {
    check("lab/containerd.log", RecordKind::Containerd, 1515, 1, &[]);
}

#[test]
fn the_log_of_the_overlaps() {
    check("overlap/containerd.log", RecordKind::Containerd, 3178, 2, &[]);
}

#[test]
fn the_stream_of_the_lab() {
    check("lab/containerd-events.log", RecordKind::ContainerdEvents, 298, 0, &[]);
}

#[test]
fn the_stream_of_the_overlaps() {
    check("overlap/containerd-events.log", RecordKind::ContainerdEvents, 1113, 0, &[]);
}

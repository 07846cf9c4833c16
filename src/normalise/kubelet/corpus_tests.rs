//! The kubelet's whole logs, where the corpus is there: how many records, that none is bad, how many of each action that is known by name.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deponent_parsers::frame::{Format, Framer, Joins};

use crate::model::RecordKind::Kubelet;
use crate::normalise::{self, Context};

fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("DEPONENT_CORPUS").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus")));
    root.is_dir().then_some(root)
}

fn count(name: &str) -> Option<BTreeMap<String, usize>> {
    let log = std::fs::read(corpus()?.join(name)).ok()?;
    let context =
        Context { cluster: "lab", node: "node-1", received_ns: 1_795_644_000_000_000_000, ..Context::NOWHERE };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut add = |what: String| *counts.entry(what).or_default() += 1;
    let (mut framer, mut unread) = (Framer::new(Format::Joined(Joins::Klog)), log.as_slice());
    while let Some(cut) = framer.next(unread, true) {
        let (line, rest) = unread.split_at(cut.len);
        unread = rest;
        add("records".to_owned());
        match normalise::key(Kubelet, context, line) {
            Err(bad) => add(format!("bad {}", bad.kind)),
            Ok(key) => {
                let event = normalise::event(Kubelet, &key, context, &[line]);
                assert!(event.when.end.is_none_or(|end| end.nanos > event.when.event.nanos), "{line:?}");
                // The other messages of klog are their own names.
                let action = event.what.action.as_str();
                let known = KNOWN.iter().any(|start| action.starts_with(start));
                add(if known { action } else { "other" }.to_owned());
                event.issues.iter().for_each(|issue| add(format!("issue {}", issue.kind)));
            }
        }
    }
    Some(counts)
}

/// Beginnings of actions that are counted one by one.
const KNOWN: &[&str] = &[
    "added-container",
    "added-control",
    "removed-control",
    "http",
    "killing",
    "syncloop",
    "probed",
    "event-",
    "logged",
];

fn check(name: &str, expected: &[(&str, usize)]) {
    let Some(counts) = count(name) else { return };
    let expected = expected.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
    assert_eq!(counts, expected, "{name}");
}

#[test]
fn the_lab_is_read_whole() {
    check(
        "lab/kubelet.log",
        &[
            ("added-container", 23),
            ("added-control-group", 114),
            ("event-cgroup-v1", 1),
            ("event-created", 23),
            ("event-killing", 16),
            ("event-node-allocatable-enforced", 1),
            ("event-node-has-no-disk-pressure", 3),
            ("event-node-has-sufficient-memory", 3),
            ("event-node-has-sufficient-p-i-d", 3),
            ("event-node-ready", 1),
            ("event-pulled", 23),
            ("event-started", 23),
            ("event-starting", 1),
            ("http", 2),
            ("http-attach", 1),
            ("http-container-logs", 2),
            ("http-exec", 8),
            ("http-port-forward", 1),
            ("http-run", 1),
            ("killing-container-with-a-grace-period", 16),
            ("killing-container-with-a-grace-period-override", 16),
            ("logged", 1565),
            ("other", 12350),
            ("records", 14691),
            ("removed-control-group", 84),
            ("syncloop-add", 17),
            ("syncloop-delete", 19),
            ("syncloop-housekeeping", 112),
            ("syncloop-housekeeping-end", 112),
            ("syncloop-pleg-event-for-pod", 62),
            ("syncloop-pleg-pod-does-not-exist-ignore-irrelevant-event", 2),
            ("syncloop-reconcile", 65),
            ("syncloop-remove", 11),
            ("syncloop-sync-pods", 9),
            ("syncloop-update", 1),
        ],
    );
}

#[test]
fn the_overlap_is_read_whole() {
    check(
        "overlap/kubelet.log",
        &[
            ("added-container", 6),
            ("added-control-group", 38),
            ("event-cgroup-v1", 1),
            ("event-created", 6),
            ("event-node-allocatable-enforced", 1),
            ("event-node-has-no-disk-pressure", 11),
            ("event-node-has-sufficient-memory", 11),
            ("event-node-has-sufficient-p-i-d", 11),
            ("event-node-ready", 1),
            ("event-pulled", 6),
            ("event-started", 6),
            ("event-starting", 1),
            ("http-attach", 2),
            ("http-exec", 124),
            ("logged", 688),
            ("other", 6659),
            ("probed", 303),
            ("records", 8003),
            ("removed-control-group", 8),
            ("syncloop-add", 5),
            ("syncloop-housekeeping", 43),
            ("syncloop-housekeeping-end", 43),
            ("syncloop-housekeeping-skipped-sources-aren-t-ready-yet", 4),
            ("syncloop-pleg-event-for-pod", 10),
            ("syncloop-reconcile", 13),
            ("syncloop-sync-pods", 1),
            ("syncloop-update", 1),
        ],
    );
}

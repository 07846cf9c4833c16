//! The kubelet's whole logs, where the corpus is there: how many lines, how many that are none, how many of each action.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
    for line in log.split_inclusive(|&byte| byte == b'\n') {
        add("lines".to_owned());
        match normalise::key(Kubelet, context, line) {
            Err(bad) => add(format!("bad {}", bad.kind)),
            Ok(key) => {
                let event = normalise::event(Kubelet, &key, context, &[line]);
                assert!(event.when.end.is_none_or(|end| end.nanos > event.when.event.nanos), "{line:?}");
                add(event.what.action.to_string());
                event.issues.iter().for_each(|issue| add(format!("issue {}", issue.kind)));
            }
        }
    }
    Some(counts)
}

fn check(name: &str, expected: &[(&str, usize)]) {
    let Some(counts) = count(name) else { return };
    let expected = expected.iter().map(|(what, count)| ((*what).to_owned(), *count)).collect();
    assert_eq!(counts, expected, "{name}");
}

// The lines that are none are those of stack traces and differences, which go on without a header of their own.
#[test]
fn the_lab_is_read_whole() {
    check(
        "lab/kubelet.log",
        &[
            ("added-container", 23),
            ("bad not-a-line", 123),
            ("http", 2),
            ("http-attach", 1),
            ("http-container-logs", 2),
            ("http-exec", 8),
            ("http-port-forward", 1),
            ("http-run", 1),
            ("issue value-on-next-lines", 3),
            ("killing-container-with-a-grace-period", 16),
            ("killing-container-with-a-grace-period-override", 16),
            ("lines", 14814),
            ("logged", 14211),
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
            ("bad not-a-line", 93),
            ("http-attach", 2),
            ("http-exec", 124),
            ("issue value-on-next-lines", 1),
            ("lines", 8096),
            ("logged", 7448),
            ("probed", 303),
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

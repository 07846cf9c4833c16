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
    let context = Context { cluster: "lab", node: "node-1", received_ns: 1_795_644_000_000_000_000 };
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

#[test]
fn the_lab_is_read_whole() {
    check("lab/kubelet.log", &[]);
}

#[test]
fn the_overlap_is_read_whole() {
    check("overlap/kubelet.log", &[]);
}

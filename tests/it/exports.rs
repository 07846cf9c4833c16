//! What `-o ecs` writes is what docs/exports.md says, over all samples. Not here: OCSF against its schema (tests/run).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{Scratch, root, sample};

/// Dotted names of all members, of `deponent.` the first alone.
fn names(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if path != "deponent" => {
            for (name, value) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                names(value, &path, into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn fields_of_ecs_are_those_of_the_page() {
    let scratch = Scratch::new();
    let folders =
        ["auditd", "kubernetes", "containerd", "kubelet", "syslog", "cri-o", "docker", "control-plane", "pods"]
            .map(sample);
    for folder in &folders {
        scratch.ok(&["ingest", folder.to_str().unwrap(), "--store", "store", "--node", "node-1", "--cluster", "lab"]);
    }
    let run = scratch.ok(&["search", "*", "--store", "store", "-o", "ecs", "-n", "0"]);
    let mut found = BTreeSet::new();
    for line in run.lines() {
        names(&line, "", &mut found);
    }
    assert!(found.len() > 40, "{found:?}");
    let page = std::fs::read_to_string(root().join("docs/exports.md")).unwrap();
    let missing: Vec<&String> =
        found.iter().filter(|name| *name != "deponent" && !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/exports.md lacks {missing:?}");
}

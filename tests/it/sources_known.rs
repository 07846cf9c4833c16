//! How much of each sample is known of by more than its text: the table of `docs/sources.md`, kept as it is.
//!
//! `UPDATE_GOLDEN=1` rewrites the table of the samples; that of the whole node is compared where the corpus is there. Not here: what is known (`golden`).

use crate::harness::{Scratch, corpus, root};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Samples of the repository, by the folder that they are in.
const SAMPLES: [&str; 15] = [
    "auditd/trojan.log",
    "kubernetes/people.log",
    "containerd/pod.log",
    "containerd/events.log",
    "cri-o/pod.log",
    "docker/dockerd.log",
    "docker/events.log",
    "kubelet/session.log",
    "control-plane/kube-apiserver.log",
    "control-plane/kube-controller-manager.log",
    "control-plane/kube-scheduler.log",
    "control-plane/etcd.log",
    "pods",
    "syslog/auth.log",
    "syslog/kern.log",
];
/// Logs of the whole node.
const NODE: [&str; 14] = [
    "audit.log",
    "k8s-audit.log",
    "containerd.log",
    "containerd-events.log",
    "dockerd.log",
    "kubelet.log",
    "kube-apiserver.log",
    "kube-controller-manager.log",
    "kube-scheduler.log",
    "etcd.log",
    "pods",
    "auth.log",
    "kernel.log",
    "sudo.log",
];
/// Fields that say where a line comes from and nothing of what happened.
const OF_THE_LINE: [&str; 10] =
    ["level", "stream", "thread", "caller", "program", "pid", "host", "facility", "package", "restart"];
/// What a line that names somebody, or a step in the life of something, says.
const NAMES: [&str; 26] = [
    "session opened",
    "session closed",
    "Accepted ",
    "Failed password",
    "Invalid user",
    "COMMAND=",
    "impersonating",
    "password",
    "Unable to authenticate",
    "uid=",
    "user=",
    "for user ",
    "Created container",
    "Started container",
    "Stopped container",
    "Removed container",
    "Killing ",
    "Destroyed container",
    "exit event",
    "ExitStatus",
    "bound pod",
    "acquired lease",
    "added member",
    "removed member",
    "became leader",
    "SIGKILL",
];

/// Nothing is known of an event but its text.
fn is_text_only(event: &Value) -> bool {
    let what = &event["what"];
    let args = event["how"]["args"].as_object();
    let fields = args.is_some_and(|args| args.keys().any(|name| !OF_THE_LINE.contains(&name.as_str())));
    let place = ["container_id", "pod_uid"].iter().any(|name| event["where"][name].is_string())
        && event["source"] != "application";
    matches!(what["action"].as_str(), Some("logged" | "bad-record"))
        && event["who"]["name"].is_null()
        && what["object"].is_null()
        && event["how"]["exec_id"].is_null()
        && !fields
        && !place
}

/// A row of the table, and the texts of what is known by nothing else.
fn row(name: &str, path: &Path) -> (String, usize, Vec<String>) {
    let scratch = Scratch::new();
    let account = scratch.ingest(&[path], &[]);
    let mut events = scratch.search("*");
    events.extend(scratch.search("source:self"));
    let texts: Vec<String> = events
        .iter()
        .filter(|event| is_text_only(event))
        .map(|event| event["what"]["message"].as_str().unwrap_or("").to_owned())
        .collect();
    let share = 100.0 * texts.len() as f64 / events.len().max(1) as f64;
    let row = format!(
        "| `{name}` | {} | {} | {} | {} | {share:.1} % |",
        account["records"],
        events.len(),
        account["bad_records"],
        texts.len()
    );
    (row, events.len(), texts)
}

/// The table, how many events it is of, and the texts of those of which nothing else is known.
fn table(names: &[&str], folder: &Path) -> (String, usize, Vec<String>) {
    let mut rows = vec![
        "| log | records | events | not read | text only | share |".to_owned(),
        "|---|---:|---:|---:|---:|---:|".to_owned(),
    ];
    let (mut all, mut texts) = (0usize, Vec::new());
    for name in names {
        let (row, events, found) = row(name, &folder.join(name));
        all += events;
        rows.push(row);
        texts.extend(found);
    }
    rows.push(format!("| all | | {all} | | {} | {:.1} % |", texts.len(), 100.0 * texts.len() as f64 / all as f64));
    (rows.join("\n"), all, texts)
}

/// Compares a table of the page with what it must be, or rewrites it.
fn check(mark: &str, names: &[&str], folder: &Path) {
    let page: PathBuf = root().join("docs/sources.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (start, end) = (format!("<!-- {mark} -->\n"), format!("\n<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&start).expect("the page has that table");
    let (found, after) = rest.split_once(&end).expect("the table ends");
    let (wanted, all, texts) = table(names, folder);
    let naming: Vec<&String> = texts.iter().filter(|text| NAMES.iter().any(|name| text.contains(name))).collect();
    assert!(
        naming.is_empty(),
        "lines that name somebody or a step, and of which nothing is known but the text: {naming:#?}"
    );
    let share = 100.0 * texts.len() as f64 / all as f64;
    assert!(share < 20.0, "{share} % of all lines are known by their text only");
    if std::env::var_os("UPDATE_GOLDEN").is_some() && found != wanted {
        std::fs::write(&page, format!("{before}{start}{wanted}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, wanted, "docs/sources.md; UPDATE_GOLDEN=1 rewrites the table");
    }
}

#[test]
fn the_tables_of_the_page_are_true() {
    check("samples", &SAMPLES, &root().join("samples"));
    if let Some(corpus) = corpus() {
        check("node", &NODE, &corpus.join("lab"));
    }
}

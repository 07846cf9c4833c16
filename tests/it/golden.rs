//! Each sample with what must come out of it: `samples/expected/<sample>.ndjson`. A file without its pair is an error.
//!
//! `UPDATE_GOLDEN=1` rewrites the expectations; read the difference before it is committed.

use crate::harness::{Scratch, root};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders of samples.
const ROOMS: [&str; 9] =
    ["auditd", "kubernetes", "containerd", "cri-o", "docker", "kubelet", "control-plane", "pods", "syslog"];

fn names(dir: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(PathBuf::from).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(dir.join(&folder)) else { continue };
        for entry in entries {
            let name = folder.join(entry.unwrap().file_name());
            if dir.join(&name).is_dir() {
                folders.push(name)
            } else {
                found.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// What came out, without what depends on when and where it was read.
fn events(sample: &Path) -> String {
    let scratch = Scratch::new();
    // sshd's own file has nothing that tells it from other texts.
    let more: &[&str] = if sample.ends_with("syslog/sshd.log") { &["--kind", "syslog"] } else { &[] };
    let account = scratch.ingest(&[sample], more);
    let mut lines = vec![format!(
        "{{\"records\":{},\"events\":{},\"bad_records\":{},\"issues\":{}}}",
        account["records"], account["events"], account["bad_records"], account["issues"]
    )];
    let is_json = sample.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("-json"));
    let mut found = scratch.search("*");
    found.extend(scratch.search("source:self"));
    for mut event in found {
        event["when"].as_object_mut().unwrap().remove("received");
        let sources = ["kubelet", "syslog", "control-plane"];
        if event["source"].as_str().is_some_and(|source| sources.contains(&source)) && !is_json {
            // klog's text and most of syslog have no year: the one of the reading stands in for it, and is part of the identity.
            event.as_object_mut().unwrap().remove("id");
            for name in ["event", "end"] {
                if let Some(time) = event["when"][name].as_str().and_then(|time| time.get(4..)) {
                    event["when"][name] = format!("YYYY{time}").into();
                }
            }
        }
        let undated = event["issues"].as_array().is_some_and(|all| all.iter().any(|issue| issue["kind"] == "no-time"));
        if event["source"] == "self" || undated {
            event["when"].as_object_mut().unwrap().remove("event");
        }
        for at in event["evidence"].as_array_mut().unwrap() {
            at.as_object_mut().unwrap().remove("leaf");
        }
        lines.push(event.to_string());
    }
    lines.join("\n") + "\n"
}

#[test]
fn samples_give_what_they_must() {
    let samples = root().join("samples");
    let expected = samples.join("expected");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for name in names(&samples) {
        let path = expected.join(format!("{name}.ndjson"));
        let got = events(&samples.join(&name));
        if update {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &got).unwrap();
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        for (number, (got, wanted)) in got.lines().zip(wanted.lines()).enumerate() {
            if got != wanted {
                wrong.push(format!("{name} line {}:\n  got    {got}\n  wanted {wanted}", number + 1));
            }
        }
        if got.lines().count() != wanted.lines().count() {
            wrong.push(format!("{name}: {} lines instead of {}", got.lines().count(), wanted.lines().count()));
        }
    }
    let unpaired: Vec<PathBuf> = names(&expected)
        .into_iter()
        .filter(|name| !samples.join(name.trim_end_matches(".ndjson")).exists())
        .map(PathBuf::from)
        .collect();
    assert!(unpaired.is_empty(), "expectations without a sample: {unpaired:?}");
    assert!(wrong.is_empty(), "{}\nUPDATE_GOLDEN=1 rewrites them", wrong.join("\n"));
}

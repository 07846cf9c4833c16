//! Proofs and tampering at the command line: what was changed is refused with exit 3, and the place is named.
//!
//! Not here: a flipped bit in every byte of a store (unit tests of `evidence`), other people's code (`independent`).

use crate::harness::{Scratch, sample};
use std::path::{Path, PathBuf};
use std::process::Command;

fn filled() -> (Scratch, String) {
    let scratch = Scratch::new();
    for name in ["auditd/trojan.log", "auditd/odd.log", "kubernetes/people.log", "kubernetes/pretty.json"] {
        scratch.ingest(&[&sample(name)], &[]);
    }
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out.trim().to_owned();
    (scratch, key)
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn evidence_files(scratch: &Scratch) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ["log", "batches", "wal"] {
        if scratch.path("store").join(room).exists() {
            files(&scratch.path("store").join(room), &mut found);
        }
    }
    found.sort();
    assert!(found.len() >= 4, "{found:?}");
    found
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args(["-a"]).arg(from).arg(to).status().unwrap().success());
}

#[test]
fn a_proof_stands_alone() {
    let (scratch, key) = filled();
    let proof = scratch.ok(&["prove", "--store", "store", "1795467580.536:325272"]).out;
    scratch.write("e.proof", &proof);
    let elsewhere = Scratch::new();
    elsewhere.write("e.proof", &proof);
    let verified = elsewhere.ok(&["verify", "e.proof", "--key", &key]);
    assert!(
        verified.out.contains("authenticated by the key") && verified.out.contains("/var/lib/docker/docker"),
        "{}",
        verified.out
    );
    let unkeyed = elsewhere.ok(&["verify", "e.proof"]);
    assert!(unkeyed.out.contains("not authenticated"), "{}", unkeyed.out);
    let (_other, other_key) = filled();
    assert_eq!(elsewhere.run(&["verify", "e.proof", "--key", &other_key]).code, 3);
    // Any changed character is refused, or changes nothing that the proof claims.
    for at in (0..proof.len()).step_by(97) {
        let mut bytes = proof.clone().into_bytes();
        bytes[at] ^= 1;
        elsewhere.write("bad.proof", &bytes);
        let event_line = proof[..at].lines().count() <= 2;
        let code = elsewhere.run(&["verify", "bad.proof", "--key", &key]).code;
        assert!(code == 3 || event_line && code == 0, "byte {at}: exit {code}");
    }
}

#[test]
fn a_copy_verifies_elsewhere_with_the_public_key_only() {
    let (scratch, key) = filled();
    let elsewhere = Scratch::new();
    copy(&scratch.path("store"), &elsewhere.path("copy"));
    let run = elsewhere.ok(&["verify", "--store", "copy", "--key", &key]);
    assert!(run.out.contains("authenticated"), "{}", run.out);
    assert!(elsewhere.ok(&["verify", "--store", "copy"]).out.contains("not authenticated"));
    let (_other, other_key) = filled();
    assert_eq!(elsewhere.run(&["verify", "--store", "copy", "--key", &other_key]).code, 3);
    // Asking needs no key at all.
    assert_eq!(
        elsewhere.ok(&["search", "--store", "copy", "-o", "ndjson", "what:exec"]).lines().len(),
        scratch.search("what:exec").len()
    );
}

#[test]
fn what_was_changed_is_refused_and_named() {
    let (scratch, key) = filled();
    let refused = |what: &str, change: &dyn Fn(&Path)| {
        let elsewhere = Scratch::new();
        copy(&scratch.path("store"), &elsewhere.path("store"));
        change(&elsewhere.path("store"));
        let run = elsewhere.run(&["verify", "--store", "store", "--key", &key]);
        assert_eq!(run.code, 3, "{what}: {}{}", run.out, run.err);
        assert!(run.err.len() > 20, "{what}: {}", run.err);
        run.err
    };
    let base = scratch.path("store");
    for file in evidence_files(&scratch) {
        let name = file.strip_prefix(&base).unwrap().to_owned();
        let bytes = std::fs::read(&file).unwrap();
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let said = refused(&format!("bit {at} of {name:?}"), &|store| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x10;
                std::fs::write(store.join(&name), bytes).unwrap();
            });
            let stem = name.file_name().unwrap().to_str().unwrap();
            assert!(
                said.contains(stem) || said.contains("entry") || said.contains("record"),
                "{name:?} at {at}: {said}"
            );
        }
        refused(&format!("{name:?} cut short"), &|store| {
            std::fs::write(store.join(&name), &bytes[..bytes.len() - 7]).unwrap();
        });
        refused(&format!("{name:?} gone"), &|store| std::fs::remove_file(store.join(&name)).unwrap());
    }
    refused("a file too many", &|store| std::fs::write(store.join("log/extra"), "x").unwrap());
    refused("an edited size", &|store| {
        let path = store.join("log/checkpoint");
        let text = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[1] = (lines[1].parse::<u64>().unwrap() - 1).to_string();
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
    });
}

#[test]
fn a_rolled_back_store_is_refused() {
    let (scratch, key) = filled();
    copy(&scratch.path("store"), &scratch.path("old"));
    let head = scratch.ok(&["head", "-q", "--store", "store"]).out;
    let head_before = scratch.write("head-before", &head);
    scratch.ingest(&[&sample("kubernetes/webhook.json")], &[]);
    let head_after = scratch.write("head-after", scratch.ok(&["head", "-q", "--store", "store"]).out);
    let verify =
        |head: &Path| scratch.run(&["verify", "--store", "store", "--key", &key, "--head", head.to_str().unwrap()]);
    assert_eq!(verify(&head_before).code, 0, "{}", verify(&head_before).err);
    std::fs::remove_dir_all(scratch.path("store")).unwrap();
    std::fs::rename(scratch.path("old"), scratch.path("store")).unwrap();
    // This machine remembers what was signed; another one knows by a saved head.
    let here = scratch.run(&["verify", "--store", "store", "--key", &key]);
    assert_eq!(here.code, 3, "{}{}", here.out, here.err);
    assert_eq!(verify(&head_after).code, 3);
    let fsck = scratch.run(&["fsck", "--store", "store"]);
    assert!(fsck.code == 3 && fsck.out.contains("rolled back"), "{}", fsck.out);
    let elsewhere = Scratch::new();
    copy(&scratch.path("store"), &elsewhere.path("store"));
    copy(&head_after, &elsewhere.path("head"));
    assert_eq!(elsewhere.run(&["verify", "--store", "store", "--key", &key, "--head", "head"]).code, 3);
    // Nothing is written on top of it either, until somebody decides.
    let write = scratch.run(&["ingest", "--store", "store", sample("auditd/folded.log").to_str().unwrap()]);
    assert_eq!(write.code, 3, "{}", write.err);
    scratch.ok(&["key", "adopt", "--store", "store"]);
    scratch.ok(&["ingest", "--store", "store", sample("auditd/folded.log").to_str().unwrap()]);
}

#[test]
fn gaps_in_the_kernels_serials_are_found() {
    let scratch = Scratch::new();
    let text = std::fs::read_to_string(sample("auditd/trojan.log")).unwrap();
    let start = text.find("type=").unwrap();
    let contiguous: String = text[start..]
        .lines()
        .filter(|line| (324_713..=324_717).any(|serial| line.contains(&format!(":{serial})"))))
        .map(|line| format!("{line}\n"))
        .collect();
    scratch.ingest(&[&scratch.write("a.log", &contiguous)], &[]);
    assert_eq!(scratch.run(&["gaps", "--store", "store"]).code, 0);
    let cut: String =
        contiguous.lines().filter(|line| !line.contains(":324715)")).map(|line| format!("{line}\n")).collect();
    let other = Scratch::new();
    other.ingest(&[&other.write("a.log", cut)], &[]);
    let gaps = other.run(&["gaps", "--store", "store"]);
    assert_eq!(gaps.code, 4);
    assert!(gaps.out.contains("324715"), "{}", gaps.out);
}

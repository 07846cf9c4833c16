//! Cases: what is exported is verified by somebody who has nothing else; what was changed, taken out, put in or made to harm is found and named.
//!
//! Not here: the form of the archive byte for byte (`src/case/archive.rs`), single testimonies (`testify`, `relink`).

use crate::harness::{Run, Scratch, sample};
use crate::live::{Collector, append, configured, line, wait_for};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Write;

const EXEC: [(&str, &str); 5] = [
    ("auditd/exec.log", "auditd"),
    ("kubernetes/exec.log", "kubernetes-audit"),
    ("containerd/pod.log", "containerd"),
    ("containerd/events.log", "containerd-events"),
    ("kubelet/session.log", "kubelet"),
];

type Members = Vec<(String, Vec<u8>)>;

/// The sample of one exec, and the id of its process.
fn exec() -> (Scratch, String) {
    let scratch = Scratch::new();
    for (name, kind) in EXEC {
        scratch.ingest(&[&sample(name)], &["--kind", kind]);
    }
    let id = scratch.search("syscall:execve pid:24109")[0]["id"].as_str().unwrap().to_owned();
    (scratch, id)
}

fn export(scratch: &Scratch, to: &str, more: &[&str]) -> Run {
    scratch.run(&[["case", "export", "--store", "store", "--to", to].as_slice(), more].concat())
}

fn members(scratch: &Scratch, name: &str) -> Members {
    let tar = zstd::decode_all(std::fs::File::open(scratch.path(name)).unwrap()).unwrap();
    let mut archive = tar::Archive::new(tar.as_slice());
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

fn header(name: &str, size: usize) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(315_532_800);
    header.set_size(size as u64);
    header.set_cksum();
    header
}

fn pack(scratch: &Scratch, name: &str, members: &Members) {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        tar.append(&header(name, bytes.len()), bytes.as_slice()).unwrap();
    }
    scratch.write(name, zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap());
}

fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

fn member<'m>(members: &'m mut Members, name: &str) -> &'m mut Vec<u8> {
    &mut members.iter_mut().find(|(other, _)| other == name).unwrap_or_else(|| panic!("{name}")).1
}

/// Manifest and sums as a forger makes them: fitting to what the members are now.
fn fit(members: &mut Members) {
    let mut manifest: Value = serde_json::from_slice(member(members, "manifest.json")).unwrap();
    let others = members.iter().filter(|(name, _)| !["manifest.json", "sha256sums.txt"].contains(&name.as_str()));
    let files: Vec<Value> = others
        .map(|(name, bytes)| serde_json::json!({ "name": name, "size": bytes.len(), "sha256": hash(bytes) }))
        .collect();
    manifest["files"] = files.into();
    *member(members, "manifest.json") = format!("{}\n", serde_json::to_string_pretty(&manifest).unwrap()).into_bytes();
    let lines = members.iter().filter(|(name, _)| name != "sha256sums.txt");
    let sums: String = lines.map(|(name, bytes)| format!("{}  {name}\n", hash(bytes))).collect();
    *member(members, "sha256sums.txt") = sums.into_bytes();
}

#[test]
fn a_case_is_verified_by_somebody_who_has_nothing_else() {
    let (scratch, id) = exec();
    let session = scratch.search("what:exec source:kubernetes")[0]["id"].as_str().unwrap()[..10].to_owned();
    let named = [&id, session.as_str(), "--title", "Case 12"];
    let first = export(&scratch, "a.tar.zst", &named);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.out.contains(&hash(&std::fs::read(scratch.path("a.tar.zst")).unwrap())), "{}", first.out);
    // The same again, the same bytes; from an index that was made anew, too.
    scratch.ok(&["rebuild", "--store", "store", "-q"]);
    assert_eq!(export(&scratch, "b.tar.zst", &named).code, 0);
    let bytes = |name: &str| std::fs::read(scratch.path(name)).unwrap();
    assert!(bytes("a.tar.zst") == bytes("b.tar.zst"));
    // Nothing is replaced without a word, and nothing is left aside.
    let again = export(&scratch, "a.tar.zst", &[&id]);
    assert!(again.code == 2 && again.err.contains("--force"), "{}", again.err);
    assert_eq!(export(&scratch, "b.tar.zst", &[&id, "--force"]).code, 0);
    assert_eq!(export(&scratch, "c.tar.zst", &["zzzzzzzz"]).code, 1);
    let left: Vec<String> = std::fs::read_dir(scratch.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".new") || name.starts_with("c."))
        .collect();
    assert_eq!(left, [""; 0]);
    // What `testify` writes is what is in it.
    let mut all = members(&scratch, "a.tar.zst");
    for (end, more) in [("json", ["-o", "json"]), ("html", ["-o", "html"])] {
        let run = scratch.ok(&[["testify", &id, "--store", "store", "--proofs", "-q"].as_slice(), &more].concat());
        assert!(run.out.as_bytes() == member(&mut all, &format!("events/{id}.{end}")).as_slice(), "{end}");
    }
    assert!(
        String::from_utf8_lossy(member(&mut all, "events.txt")).contains(&format!("\n{id}  2026-11-23T20:59:10.728Z"))
    );
    // Somebody else, without store and keys.
    let key = scratch.ok(&["key", "--store", "store", "-q"]).out;
    let other = Scratch::new();
    other.write("case.tar.zst", bytes("a.tar.zst"));
    let with = other.ok(&["verify", "case.tar.zst", "--key", key.trim()]).out;
    for text in ["all signatures hold with the key you gave", "title \"Case 12\"", "made again: same\n", "\nit holds\n"]
    {
        assert!(with.contains(text), "{text}: {with}");
    }
    let without = other.ok(&["verify", "case.tar.zst"]).out;
    assert!(without.contains("not authenticated") && !without.contains("all signatures hold"), "{without}");
    let json: Value = serde_json::from_str(&other.ok(&["verify", "case.tar.zst", "-o", "json"]).out).unwrap();
    assert!(json["events"].as_array().unwrap().iter().any(|told| told["event"] == id.as_str() && told["others"] == 0));
    // Another log's key.
    let (elsewhere, _) = exec();
    let wrong = elsewhere.ok(&["key", "--store", "store", "-q"]).out;
    let run = other.run(&["verify", "case.tar.zst", "--key", wrong.trim()]);
    assert!(run.code == 3 && run.out.contains("key.vkey: it is not the key that was given"), "{}", run.out);
    // Against the store that it is of.
    let run = scratch.ok(&["verify", "a.tar.zst", "--key", key.trim(), "--store", "store"]);
    assert!(run.out.contains("\nit holds\n"), "{}", run.out);
}

#[test]
fn every_change_of_a_case_is_found_and_named() {
    let (scratch, id) = exec();
    assert_eq!(export(&scratch, "a.tar.zst", &[&id]).code, 0);
    let whole = members(&scratch, "a.tar.zst");
    pack(&scratch, "x.tar.zst", &whole);
    scratch.ok(&["verify", "x.tar.zst"]);
    let check = |what: &str, says: &str, members: &Members| {
        pack(&scratch, "x.tar.zst", members);
        let run = scratch.run(&["verify", "x.tar.zst"]);
        let named = run.out.lines().any(|line| line.starts_with("wrong: ") && line.contains(says));
        assert!(
            run.code == 3 && named && run.out.contains("IT DOES NOT HOLD"),
            "{what}: {} {}\n{}",
            run.code,
            run.out,
            run.err
        );
    };
    for (number, (name, bytes)) in whole.iter().enumerate() {
        let mut changed = whole.clone();
        match changed[number].1.get_mut(bytes.len() / 2) {
            Some(byte) => *byte ^= 1,
            None => changed[number].1.push(b'\n'),
        }
        check("a flipped byte", name, &changed);
        let mut removed = whole.clone();
        removed.remove(number);
        check("a file taken out", name, &removed);
    }
    let mut added = whole.clone();
    added.insert(1, ("added.txt".to_owned(), b"x".to_vec()));
    check("a file put in", "added.txt: it is not in the manifest", &added);
    fit(&mut added);
    check("a file put in, and into the manifest", "added.txt: no case has such a file", &added);
    // What a forger makes fit is found by making it again.
    let forged = |name: &str, from: &str, to: &str| {
        let mut members = whole.clone();
        let bytes = member(&mut members, name);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{name}: {from}");
        *bytes = text.replace(from, to).into_bytes();
        fit(&mut members);
        members
    };
    let (page, told) = (format!("events/{id}.html"), format!("events/{id}.json"));
    check("a page", &page, &forged(&page, "alice@example.com did it", "bob@example.com did it"));
    check("a testimony", &told, &forged(&told, "alice@example.com did it", "bob@example.com did it"));
    check("the list", "events.txt", &forged("events.txt", "/bin/busybox", "/bin/true"));
    check("the advice", "README.txt", &forged("README.txt", "WITH DEPONENT", "RUN evil.sh"));
    check("the head", "manifest.json: its log", &forged("manifest.json", "\"size\": ", "\"size\": 1"));
    check("the count", "manifest.json: it counts", &forged("manifest.json", "\"events\": 1,", "\"events\": 2,"));
    check("another head", "another checkpoint", &forged("checkpoint.txt", "\n—", "\n— a AAAA\n—"));
    // A title is in the manifest and in the list.
    let mut titled = whole;
    let bytes = member(&mut titled, "manifest.json");
    let text = String::from_utf8(bytes.clone()).unwrap();
    *bytes = text.replace("\"asked\"", "\"title\": \"x\",\n  \"asked\"").into_bytes();
    check("the manifest", "sha256sums.txt", &titled);
}

#[test]
fn a_hostile_archive_is_refused_and_never_unpacked() {
    let scratch = Scratch::new();
    let check = |what: &str, says: &str, packed: &[u8]| {
        scratch.write("x.tar.zst", packed);
        let run = scratch.run(&["verify", "x.tar.zst"]);
        assert!(
            run.code == 3 && run.err.contains(says) && !run.err.contains("panic"),
            "{what}: {} {}",
            run.code,
            run.err
        );
        let files: Vec<String> = std::fs::read_dir(scratch.dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["x.tar.zst", "keys"].contains(&name.as_str()))
            .collect();
        assert_eq!(files, [""; 0], "{what}");
    };
    let of = |header: &tar::Header| {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(header, std::io::empty()).unwrap();
        zstd::encode_all(tar.into_inner().unwrap().as_slice(), 1).unwrap()
    };
    for name in ["../x", "/tmp/x", "events/../../x", "\u{1b}[31m"] {
        check(name, "names are plain", &of(&header(name, 0)));
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Block, tar::EntryType::Fifo] {
        let mut header = header("README.txt", 0);
        header.as_ustar_mut().unwrap().linkname[..11].copy_from_slice(b"/etc/passwd");
        header.set_entry_type(kind);
        header.set_cksum();
        check("a link", "no plain file", &of(&header));
    }
    check("a huge file", "at most", &of(&header("README.txt", 1 << 40)));
    // 5 GB of zeros in a few hundred kB, as one file and behind the end.
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 16 << 20];
    (0..320).for_each(|_| bomb.write_all(&zeros).unwrap());
    check("a bomb", "bytes unpacked", &bomb.finish().unwrap());
    check("half a frame", "cannot be unpacked", &of(&header("README.txt", 0))[..20]);
    check("no tar", "x.tar.zst: ", &zstd::encode_all(&*vec![0xa5; 2048], 1).unwrap());
}

#[test]
fn what_the_limit_leaves_out_is_counted_and_said() {
    let (scratch, id) = exec();
    let all = scratch.search("node:node-1").len();
    assert!(all > 3, "{all}");
    let run = export(&scratch, "a.tar.zst", &[&id, "--query", "node:node-1", "-n", "2", "-o", "json"]);
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(
        run.err.contains(&format!("matched {all} events; the limit is 2, so that {} are left out", all - 2)),
        "{}",
        run.err
    );
    let made = &run.lines()[0];
    assert_eq!((made["matched"].as_u64(), made["left_out"].as_u64()), (Some(all as u64), Some(all as u64 - 2)));
    let mut members = members(&scratch, "a.tar.zst");
    let list = String::from_utf8_lossy(member(&mut members, "events.txt")).into_owned();
    assert!(list.contains(&format!("{} ARE LEFT OUT", all - 2)), "{list}");
    let told = scratch.run(&["verify", "a.tar.zst"]);
    assert!(told.out.contains(&format!("left out: {} of {all} events", all - 2)), "{}", told.out);
    // What is asked for makes sense, or there is no case.
    for more in [
        vec![],
        vec!["--since", "2026-01-01"],
        vec!["--query", "* | count"],
        vec!["--query", "*", "-n", "0"],
        vec!["--query", "*", "-n", "1001"],
        vec!["--query", "who:("],
    ] {
        assert_eq!(export(&scratch, "b.tar.zst", &more).code, 2, "{more:?}");
    }
    assert_eq!(export(&scratch, "b.tar.zst", &["--query", "who:nobody-at-all"]).code, 1);
    assert!(!scratch.path("b.tar.zst").exists());
}

#[test]
fn a_case_is_made_beside_a_collector() {
    let scratch = configured();
    let collector = Collector::start(&scratch);
    (1..=40).for_each(|serial| append(&scratch, &line(serial)));
    wait_for(&scratch, 40);
    // Records come and checkpoints are signed meanwhile: all of it is under one that covers it.
    append(&scratch, &line(100));
    let run = export(&scratch, "a.tar.zst", &["--query", "source:linux"]);
    // What came last may not be indexed yet, which is said.
    assert!(run.code == 0 || (run.code == 4 && run.err.contains("not indexed yet")), "{} {}", run.code, run.err);
    assert!(members(&scratch, "a.tar.zst").len() >= 2 * 40);
    let verified = scratch.run(&["verify", "a.tar.zst"]);
    assert!(verified.out.contains("\nit holds\n"), "{}", verified.out);
    collector.stop();
}

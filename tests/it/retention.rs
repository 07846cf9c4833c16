//! Retention, room on the disk and backups at the command line and in a running collector.
//!
//! Not here: crashes at every step of them (unit tests of `evidence`).

use crate::doors_wire::Served;
use crate::harness::{Run, Scratch, sample};
use crate::live::{BOUND, Collector, append, line, wait_for};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A store of a file of the API server and 300 batches of auditd, a record each; gives how many of these lie in the segment that grows.
fn filled(scratch: &Scratch) -> usize {
    scratch.ingest(&[&sample("kubernetes/people.log")], &[]);
    let files: Vec<PathBuf> =
        (0..300).map(|number| scratch.write(&format!("old/{number}.log"), line(1_000 + number))).collect();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    scratch.ingest(&files, &["--kind", "auditd"]);
    let entries = verified(scratch, "store").lines()[0]["entries"].as_u64().unwrap();
    assert!((300..512).contains(&entries), "{entries} batches");
    usize::try_from(entries - 256).unwrap()
}

fn verified(scratch: &Scratch, store: &str) -> Run {
    scratch.ok(&["verify", "--store", store, "-o", "json"])
}

fn ids(scratch: &Scratch, query: &str) -> Vec<String> {
    scratch.search(query).iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_goes_is_said_and_the_rest_stays() {
    let scratch = Scratch::new();
    let kept = filled(&scratch);
    let policy = ["--store", "store", "--source", "linux", "--max-bytes", "1B"];
    let before = ids(&scratch, "source:linux");
    let people = scratch.search("source:kubernetes");
    let proof = |id: &str| scratch.run(&["prove", "--store", "store", id]);
    let head = scratch.ok(&["head", "-q", "--store", "store"]).out;
    scratch.write("head", &head);
    let shown = scratch.ok(&[&["retain"][..], &policy].concat());
    assert!(shown.out.contains("would go") && shown.err.contains("nothing has gone"), "{}{}", shown.out, shown.err);
    assert_eq!(ids(&scratch, "source:linux"), before);
    let proofs: Vec<(String, String)> = before.iter().map(|id| (id.clone(), proof(id).out)).collect();

    let applied = scratch.ok(&[&["retain", "--apply"][..], &policy].concat());
    assert!(applied.out.contains("are gone; kept from log entry 256 on"), "{}", applied.out);
    let after = ids(&scratch, "source:linux");
    assert_eq!(after.len(), kept);
    assert_eq!(scratch.search("source:kubernetes"), people);
    let said = scratch.search("source:self action:retention");
    assert_eq!(said.len(), 1);
    let report = verified(&scratch, "store").lines().remove(0);
    assert_eq!(report["pruned_batches"].as_u64(), Some(300 - kept as u64));
    assert_eq!(report["authenticated"], true);
    let extended = scratch.ok(&["verify", "--store", "store", "--head", "head"]);
    assert!(extended.out.contains("gone by retention, as the log says"), "{}", extended.out);
    assert!(scratch.ok(&["fsck", "--store", "store"]).out.contains("gone by retention"));

    let (gone, old) = proofs.iter().find(|(id, _)| !after.contains(id)).unwrap();
    for question in ["show", "prove", "why"] {
        let run = scratch.run(&[question, "--store", "store", gone]);
        assert!(
            run.code == 1 && run.err.contains("gone by retention: linux received up to"),
            "{question}: {}",
            run.err
        );
    }
    scratch.write("old.proof", old);
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    scratch.ok(&["verify", "old.proof", "--key", key.trim()]);
    assert_eq!(proof(&after[0]).code, 0);
    let gaps = scratch.run(&["gaps", "--store", "store", "-o", "ndjson"]);
    let told = gaps.lines().into_iter().find(|gap| gap["gap"] == "retention").unwrap();
    assert_eq!((gaps.code, told["source"].as_str(), told["minimum_index"].as_u64()), (4, Some("linux"), Some(256)));

    let sources = scratch.ok(&["sources", "--store", "store", "-o", "ndjson"]).lines();
    let gone_records: u64 = sources.iter().filter_map(|log| log["gone_records"].as_u64()).sum();
    assert_eq!(gone_records, 300 - kept as u64);

    // The index is what a rebuild makes of the log, and a file that is read again adds nothing.
    let all = scratch.search("");
    let events = || scratch.ok(&["head", "--store", "store", "-o", "json"]).lines()[0]["events"].clone();
    let indexed = events();
    scratch.ok(&["rebuild", "--store", "store"]);
    assert_eq!(scratch.search(""), all);
    assert_eq!(events(), indexed);
    scratch.ingest(&[&scratch.path("old/0.log")], &["--kind", "auditd"]);
    assert_eq!(scratch.search(""), all);
    assert_eq!(scratch.run(&[&["retain", "--apply"][..], &policy].concat()).code, 1);
    verified(&scratch, "store");
}

#[test]
fn what_is_missing_without_being_said_is_an_integrity_failure() {
    let scratch = Scratch::new();
    filled(&scratch);
    scratch.ok(&["retain", "--apply", "--store", "store", "--source", "linux", "--max-bytes", "1B"]);
    // Another number of the statement in one block, with a hash that fits: there is no such statement.
    let path = scratch.path("store/batches/000");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|four| four == b"DPP1").unwrap();
    bytes[at + 15] ^= 1;
    let end = at + 20 + usize::try_from(u32::from_be_bytes(bytes[at + 4..at + 8].try_into().unwrap())).unwrap();
    let hash: [u8; 32] = Sha256::digest(&bytes[at..end]).into();
    bytes[end..end + 32].copy_from_slice(&hash);
    std::fs::write(&path, bytes).unwrap();
    let verified = scratch.run(&["verify", "--store", "store"]);
    assert!(verified.code == 3 && verified.err.contains("no signed statement of retention"), "{}", verified.err);
    assert_eq!(scratch.run(&["fsck", "--store", "store"]).code, 3);
}

#[test]
fn a_collector_lets_go_what_its_configuration_does_not_keep() {
    let scratch = Scratch::new();
    let kept = filled(&scratch);
    scratch.write("config.toml", "store = 'store'\n[[retention]]\nsource = 'all'\nmax_bytes = '1B'\n");
    let collector = Collector::start(&scratch);
    let started = Instant::now();
    let disk = || std::fs::read(scratch.path("store/batches/000")).unwrap();
    // Not only said: gone.
    while disk().windows(4).filter(|four| *four == b"DPP1").count() < 256 {
        assert!(started.elapsed() < BOUND, "nothing has gone");
    }
    assert_eq!(ids(&scratch, "source:linux").len(), kept);
    assert!(ids(&scratch, "source:kubernetes").is_empty());
    assert_eq!(scratch.search("source:self action:retention").len(), 1);
    verified(&scratch, "store");
    collector.stop();
    verified(&scratch, "store");
}

#[test]
fn nothing_new_is_taken_while_the_disk_is_full() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("logs")).unwrap();
    append(&scratch, &line(1));
    // Every disk that holds this test is used that far.
    let rest = "[[tail]]\npaths = ['logs/audit.log']\n[ndjson]\nlisten = '127.0.0.1:0'\n";
    let served = Served::start(&scratch, &format!("{rest}[disk]\nwarn = 1\nrefuse = 1\n"));
    served.wait_metric("deponent_disk_reached{level=\"refuse\"}", 1);
    let reply = served.ask("ndjson", "POST", "/ingest/application", "", line(2).as_bytes());
    assert_eq!(reply.status, 429, "{}", reply.body);
    assert!(
        reply.head.to_ascii_lowercase().contains("retry-after: 30") && reply.body.contains("disk"),
        "{}",
        reply.head
    );
    // What it says of that is written all the same.
    let started = Instant::now();
    while scratch.search("source:self action:disk-full").len() != 1 {
        assert!(started.elapsed() < BOUND, "it was not said");
    }
    assert!(scratch.search("source:linux").is_empty());
    drop(served);
    let served = Served::start(&scratch, &format!("{rest}[disk]\nrefuse = 100\n"));
    wait_for(&scratch, 1);
    drop(served);
}

#[test]
fn a_backup_of_a_served_store_verifies_and_is_put_back() {
    let scratch = Scratch::new();
    filled(&scratch);
    scratch.write("config.toml", "store = 'store'\n[[tail]]\npaths = ['logs/audit.log']\n");
    std::fs::create_dir(scratch.path("logs")).unwrap();
    let collector = Collector::start(&scratch);
    let first = scratch.ok(&["backup", "copy", "--store", "store", "-o", "json"]).lines().remove(0);
    append(&scratch, &line(1));
    wait_for(&scratch, 301);
    let started = Instant::now();
    // The checkpoint follows within a second.
    let second = loop {
        let second = scratch.ok(&["backup", "copy", "--store", "store", "-o", "json"]).lines().remove(0);
        if second["size"] != first["size"] {
            break second;
        }
        assert!(started.elapsed() < BOUND, "nothing new was copied");
    };
    assert_eq!(second["before"], first["size"]);
    let all = scratch.search("source:linux");
    append(&scratch, &line(2));
    wait_for(&scratch, 302);
    collector.stop();
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out.trim().to_owned();
    scratch.write("head", scratch.ok(&["head", "-q", "--store", "store"]).out);

    let elsewhere = Scratch::new();
    let copy = scratch.path("copy");
    let copy = copy.to_str().unwrap();
    elsewhere.ok(&["verify", "--store", copy, "--key", &key]);
    std::fs::remove_dir_all(scratch.path("store")).unwrap();
    assert!(Command::new("cp").arg("-a").arg(copy).arg(scratch.path("store")).status().unwrap().success());
    let older = scratch.run(&["verify", "--store", "store", "--key", &key, "--head", "head"]);
    assert!(older.code == 3 && older.err.contains("was rolled back"), "{}", older.err);
    let refused = scratch.run(&["ingest", "--store", "store", sample("auditd/trojan.log").to_str().unwrap()]);
    assert!(refused.code == 3 && refused.err.contains("key adopt"), "{}", refused.err);
    scratch.ok(&["key", "adopt", "--store", "store"]);
    scratch.ok(&["rebuild", "--store", "store"]);
    assert_eq!(scratch.search("source:linux"), all);
    verified(&scratch, "store");
    scratch.ingest(&[&sample("auditd/trojan.log")], &[]);
}

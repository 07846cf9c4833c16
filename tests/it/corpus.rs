//! The corpus of a whole node, where it lies beside the repository: every record of it is accounted for.
//!
//! Without the corpus these tests have nothing to do; what they guard is guarded by `cli` and `golden` on the samples too.

use crate::harness::{Scratch, corpus};
use serde_json::Value;

fn counts(account: &Value) -> (u64, u64, u64, u64) {
    let number = |name: &str| account[name].as_u64().unwrap();
    (number("records"), number("events"), number("duplicates"), number("bad_records"))
}

#[test]
fn the_lab_is_read_whole() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    let audit = scratch.ingest(&[&corpus.join("lab/audit.log")], &[]);
    assert_eq!(counts(&audit), (82_602, 17_622, 0, 0), "{audit}");
    let api = scratch.ingest(&[&corpus.join("lab/k8s-audit.log")], &[]);
    assert_eq!(counts(&api), (3_915, 2_161, 0, 0), "{api}");
    // A second witness of the same requests adds no event that the first had.
    let before = scratch.search("source:kubernetes").len();
    let webhook = scratch.ingest(&[&corpus.join("lab/webhook")], &[]);
    assert_eq!(webhook["bad_records"], 0, "{webhook}");
    let after = scratch.search("source:kubernetes");
    assert_eq!(after.len() as u64, before as u64 + webhook["events"].as_u64().unwrap());
    assert!(after.iter().all(|event| !event["issues"].to_string().contains("\"conflict\"")));
    let gaps = scratch.run(&["gaps", "--store", "store"]);
    assert_eq!(gaps.code, 0, "{}", gaps.out);
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    scratch.ok(&["verify", "--store", "store", "--key", key.trim()]);
}

#[test]
fn an_intruders_rewriting_is_seen() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    scratch.ingest(&[&corpus.join("lab/tamper/audit.log.1.gz")], &[]);
    let gaps = scratch.run(&["gaps", "--store", "store"]);
    assert_eq!(gaps.code, 4, "20,000 bytes were cut out: {}", gaps.out);
    // The kernel's own multicast was not rewritten: it disagrees.
    scratch.ingest(&[&corpus.join("lab/audit-multicast-raw.log.gz")], &[]);
    let disputed = scratch.search("issue:conflict");
    assert!(!disputed.is_empty());
    for event in disputed {
        let login = &event["who"]["login"]["auid"];
        assert!(login.is_null(), "a disputed login is not shown as a fact: {event}");
    }
}

#[test]
fn the_seed_is_read_whole() {
    let Some(corpus) = corpus() else { return };
    let scratch = Scratch::new();
    let account = scratch.ingest(&[&corpus.join("seed")], &[]);
    assert_eq!(account["events"], 2, "{account}");
    assert_eq!(account["bad_records"], 0, "{account}");
}

#[test]
fn the_large_files_are_read_whole() {
    let Some(corpus) = corpus() else { return };
    for (name, events) in [("audit-large.log.zst", 314_009), ("k8s-audit-large.log.zst", 105_863)] {
        let scratch = Scratch::new();
        let account = scratch.ingest(&[&corpus.join("large").join(name)], &[]);
        let (records, found, duplicates, bad) = counts(&account);
        assert_eq!((found, duplicates, bad), (events, 0, 0), "{name}: {records} records: {account}");
    }
}

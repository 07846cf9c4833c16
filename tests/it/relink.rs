//! The rules run again: over a testimony by somebody who has nothing but the document, and over a whole store without its index.
//!
//! Each change of a testimony must be found. Not here: what a testimony says (`testify`).

use crate::harness::{Run, Scratch, sample};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A store with the sample of one exec, a testimony about the process that it started, and the key of its log.
struct Case {
    scratch: Scratch,
    id: String,
    key: String,
}

impl Case {
    fn new() -> Case {
        let scratch = Scratch::new();
        for (name, kind) in [
            ("auditd/exec.log", "auditd"),
            ("kubernetes/exec.log", "kubernetes-audit"),
            ("containerd/pod.log", "containerd"),
            ("containerd/events.log", "containerd-events"),
            ("kubelet/session.log", "kubelet"),
        ] {
            scratch.ingest(&[&sample(name)], &["--kind", kind]);
        }
        let id = scratch.search("argv:/etc/shadow syscall:execve pid:24109")[0]["id"].as_str().unwrap().to_owned();
        let key = scratch.ok(&["key", "--store", "store"]).out.trim().to_owned();
        Case { scratch, id, key }
    }

    fn testimony(&self, more: &[&str]) -> Value {
        let mut arguments = vec!["testify", &self.id, "--store", "store", "-q", "-o", "json"];
        arguments.extend(more);
        serde_json::from_str(&self.scratch.ok(&arguments).out).unwrap()
    }

    fn verify(&self, told: &Value, more: &[&str]) -> Run {
        self.scratch.write("told.json", told.to_string());
        let mut arguments = vec!["verify", "told.json"];
        arguments.extend(more);
        self.scratch.run(&arguments)
    }
}

#[test]
fn a_testimony_comes_out_again() {
    let case = Case::new();
    let told = case.testimony(&["--proofs"]);
    let run = case.verify(&told, &["--key", &case.key]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("all signatures hold with the key you gave"), "{}", run.out);
    for rule in ["process-child", "exec-process", "session-exec"] {
        assert!(
            run.out.lines().any(|line| line.contains(&format!("link {rule} ")) && line.ends_with("again: same")),
            "{}",
            run.out
        );
    }
    assert!(run.out.contains("rests on the whole log: these records alone cannot show it"), "{}", run.out);
    let records = told["testimony"]["records"].as_array().unwrap().len();
    assert!(run.out.contains(&format!("{records} records, {records} of them proved")), "{}", run.out);
    let run = case.verify(&told, &["--key", &case.key, "--store", "store"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("in the store: the same"), "{}", run.out);
    // NDJSON as it was written, and data as an answer.
    let lines = case.scratch.ok(&["testify", &case.id, "--store", "store", "-q", "-o", "ndjson"]).out;
    case.scratch.write("told.ndjson", lines);
    let run = case.scratch.run(&["verify", "told.ndjson", "-o", "json"]);
    let answer: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((run.code, &answer["authenticated"], &answer["proved"]), (0, &json!(false), &json!(0)), "{}", run.out);
    assert!(answer["not_checked"][0].as_str().unwrap().contains("no proof"), "{}", run.out);
}

/// A change of the document at a place.
fn changed(told: &Value, at: &str, value: Value) -> Value {
    let mut told = told.clone();
    *told.pointer_mut(&format!("/testimony{at}")).unwrap_or_else(|| panic!("no {at}")) = value;
    told
}

#[test]
fn every_change_is_found() {
    let case = Case::new();
    let told = case.testimony(&["--proofs"]);
    let links: Vec<usize> = (0..told["testimony"]["chain"].as_array().unwrap().len() - 1).collect();
    let mut changes = vec![
        ("who is named", changed(&told, "/root/name", json!("bob@example.com"))),
        ("how sure the end is", changed(&told, "/root/class", json!("PROVEN"))),
        ("what sort of end", changed(&told, "/root/kind", json!("login"))),
        ("the name in the request", changed(&told, &format!("/chain/{}/event/who/name", links.len()), json!("bob"))),
        ("a claim", changed(&told, "/claims/0/claim", json!("bob did it."))),
        ("a grade", changed(&told, "/claims/0/grade", json!("PROVEN"))),
        ("a sentence", changed(&told, "/chain/0/told", json!("nothing happened"))),
        ("a limit", changed(&told, "/not_proved", json!([]))),
        ("the event", changed(&told, "/event/how/pid", json!(1))),
        ("the container", changed(&told, "/container/pod", json!("other"))),
        ("a finding", changed(&told, "/findings", json!([{ "finding": "X" }]))),
        ("the checkpoint", changed(&told, "/checkpoint", json!("other 1 AAAA"))),
    ];
    for link in links {
        let at = |name: &str| format!("/chain/{link}/link/{name}");
        changes.push(("a class", changed(&told, &at("class"), json!("CONSISTENT"))));
        changes.push(("a key's value", changed(&told, &at("keys/0/from"), json!("x"))));
        changes.push(("a key's name", changed(&told, &at("keys/0/name"), json!("x"))));
        changes.push(("a cause", changed(&told, &at("from"), told["testimony"]["event"]["id"].clone())));
        changes.push(("an added candidate", changed(&told, &at("candidates"), json!([case.id, case.id]))));
        changes.push(("no candidate", changed(&told, &at("candidates"), json!([]))));
        changes.push(("a count", changed(&told, &at("candidate_count"), json!(2))));
        changes.push(("its evidence", changed(&told, &at("evidence"), json!([]))));
        changes.push((
            "its rule",
            changed(&changed(&told, &at("rule"), json!("session-stream")), &at("version"), json!(1)),
        ));
    }
    let mut more = told.clone();
    more["testimony"]["confession"] = json!("I did it");
    changes.push(("a part that is none", more));
    for (what, changed) in changes {
        let run = case.verify(&changed, &["--key", &case.key]);
        assert_eq!(run.code, 3, "{what}: {}{}", run.out, run.err);
    }
    // Another version of a rule says nothing about this one.
    let run = case.verify(&changed(&told, "/chain/0/link/version", json!(99)), &["--key", &case.key]);
    assert_eq!(run.code, 4, "{}", run.out);
    assert!(
        run.out.contains("cannot be decided from these records: it was made by version 99 of the rule"),
        "{}",
        run.out
    );
}

#[test]
fn changed_records_are_found() {
    let case = Case::new();
    let told = case.testimony(&["--proofs"]);
    let records = told["testimony"]["records"].as_array().unwrap();
    let request = records.iter().rposition(|record| raw(record).contains("alice@example.com")).unwrap();
    let forged = raw(&records[request]).replace("alice@example.com", "mallory@example.co");
    let bytes = data_encoding::BASE64.encode(forged.as_bytes());
    let run = case.verify(&changed(&told, &format!("/records/{request}/raw"), json!(bytes)), &[]);
    assert!(run.code == 3 && run.out.contains("its bytes hash to"), "{}", run.out);
    // With its hash made to fit, the proof does not.
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(forged.as_bytes()));
    let both = changed(&told, &format!("/records/{request}/raw"), json!(bytes));
    let both = changed(&both, &format!("/records/{request}/sha256"), json!(hash));
    let run = case.verify(&both, &[]);
    assert!(run.code == 3 && run.out.contains("is not the one that the proof proves"), "{}", run.out);
    // Without a proof it is found by what the rules say, where it matters to them.
    let mut bare = both;
    bare["testimony"].as_object_mut().unwrap().remove("proof");
    assert_eq!(case.verify(&bare, &[]).code, 3);
    // Another key, another note, a record that is not there, one twice.
    let other = Case::new().key;
    let run = case.verify(&told, &["--key", &other]);
    assert!(run.code == 3 && run.out.contains("wrong:"), "{}", run.out);
    let mut twice = told.clone();
    let first = records[0].clone();
    twice["testimony"]["records"].as_array_mut().unwrap().push(first);
    assert_eq!(case.verify(&twice, &[]).code, 3);
    let mut less = told.clone();
    less["testimony"]["records"].as_array_mut().unwrap().remove(0);
    assert_ne!(case.verify(&less, &[]).code, 0);
    let mut entries = told.clone();
    entries["testimony"]["entries"] = json!([]);
    assert_eq!(case.verify(&entries, &[]).code, 3);
    // Bytes left out: the difference that follows is not decided, and no match either.
    let mut unread = told.clone();
    for record in unread["testimony"]["records"].as_array_mut().unwrap() {
        record.as_object_mut().unwrap().remove("raw");
    }
    let run = case.verify(&unread, &[]);
    assert!(run.code == 4 && run.out.contains("are not in it"), "{}{}", run.out, run.err);
}

fn raw(record: &Value) -> String {
    String::from_utf8(data_encoding::BASE64.decode(record["raw"].as_str().unwrap_or_default().as_bytes()).unwrap())
        .unwrap()
}

/// What somebody leaves out of a testimony, so that a rival is gone, only the whole log can tell.
#[test]
fn a_rival_that_was_left_out_is_found_in_the_store() {
    let case = Case::new();
    let told = case.testimony(&["--proofs"]);
    assert_eq!(told["testimony"]["root"]["class"], "STRONG");
    // Mallory's session comes to the store only later: the testimony is one of a store without it.
    let text = std::fs::read_to_string(sample("kubernetes/exec.log")).unwrap();
    let rival: String = text
        .lines()
        .filter(|line| line.contains(r#""subresource":"exec""#))
        .map(|line| line.replace("alice@example.com", "mallory@example.com").replace("2292487f-", "ffffffff-") + "\n")
        .collect();
    let path = case.scratch.write("rival.log", rival);
    case.scratch.ingest(&[&path], &["--kind", "kubernetes-audit"]);
    let alone = case.verify(&told, &["--key", &case.key]);
    assert_eq!(alone.code, 0, "{}", alone.out);
    let run = case.verify(&told, &["--key", &case.key, "--store", "store"]);
    assert!(run.code == 3 && run.out.contains("in the store: root: differs"), "{}", run.out);
}

#[test]
fn what_is_no_testimony_is_refused() {
    let scratch = Scratch::new();
    for text in [
        "{}",
        "{",
        "{\"testimony\": 3}",
        "{\"testimony\": {\"format\": \"deponent-testimony/v9\"}}",
        "{\"testimony\": {\"format\": \"deponent-testimony/v1\", \"records\": [3, {}, {\"event\": 1}], \"entries\": [{}], \"chain\": 7, \"proof\": \"x\"}}",
    ] {
        scratch.write("told.json", text);
        let run = scratch.run(&["verify", "told.json"]);
        assert_eq!(run.code, 3, "{text}: {}{}", run.out, run.err);
    }
    scratch.write("deep.json", "{\"a\":".repeat(100_000));
    assert_eq!(scratch.run(&["verify", "deep.json"]).code, 3);
    scratch.write("x.proof", "deponent-proof/v1\n");
    assert_eq!(scratch.run(&["verify", "x.proof", "--links"]).code, 2);
}

#[test]
fn the_links_of_a_store_come_out_again() {
    let case = Case::new();
    let run = case.scratch.ok(&["verify", "--store", "store", "--links", "-o", "ndjson"]);
    let told = run.lines().pop().unwrap();
    assert_eq!((&told["differences"], &told["undecided"]), (&json!(0), &json!(0)), "{}", run.out);
    assert!(told["same"].as_u64().unwrap() > 20, "{}", run.out);
    let events = told["events"].as_u64().unwrap();
    // A window of time looks at fewer.
    let run =
        case.scratch.ok(&["verify", "--store", "store", "--links", "-o", "ndjson", "-S", "2026-11-23T20:59:10.7Z"]);
    let few = run.lines().pop().unwrap()["events"].as_u64().unwrap();
    assert!(0 < few && few < events, "{few} of {events}");
    assert_eq!(case.scratch.run(&["verify", "--store", "store", "-S", "-2h"]).code, 2);
}

/// An index that lost records: the log has them, the look-ups do not.
#[test]
fn an_index_of_another_store_is_found() {
    let case = Case::new();
    // An index over the same number of log entries, of which one is another one.
    let other = Scratch::new();
    for (name, kind) in [
        ("auditd/exec.log", "auditd"),
        ("kubernetes/exec.log", "kubernetes-audit"),
        ("containerd/pod.log", "containerd"),
        ("containerd/events.log", "containerd-events"),
    ] {
        other.ingest(&[&sample(name)], &["--kind", kind]);
    }
    let rest = other.write("rest.log", "W1123 20:59:10.000000    1 x.go:1] nothing\n");
    other.ingest(&[&rest], &["--kind", "kubelet"]);
    let (from, to) = (other.path("store/index"), case.scratch.path("store/index"));
    std::fs::remove_dir_all(&to).unwrap();
    std::fs::create_dir(&to).unwrap();
    for file in std::fs::read_dir(&from).unwrap().map(|file| file.unwrap()) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let run = case.scratch.run(&["verify", "--store", "store", "--links"]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.out.contains("its records are in the log, and the index does not find them"), "{}", run.out);
}

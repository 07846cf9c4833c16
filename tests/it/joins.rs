//! Records that are cut, taken for finished, and completed later: each is one record of its own event, never glued to another's.
//!
//! Not here: how sources cut (`source` unit tests).

use crate::harness::Scratch;
use serde_json::Value;

fn api(id: &str, who: &str, pad: usize) -> String {
    format!(
        "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"RequestResponse\",\"auditID\":\"{id}\",\"stage\":\"ResponseComplete\",\"requestURI\":\"/api/v1/pods/{id}\",\"verb\":\"get\",\"user\":{{\"username\":\"{who}\"}},\"sourceIPs\":[\"10.0.0.1\"],\"responseStatus\":{{\"code\":200}},\"responseObject\":{{\"x\":\"{}\"}},\"requestReceivedTimestamp\":\"2026-11-24T10:00:00.000000Z\",\"stageTimestamp\":\"2026-11-24T10:00:01.000000Z\"}}\n",
        "p".repeat(pad)
    )
}

fn people(scratch: &Scratch) -> Vec<(String, String)> {
    let text = |event: &Value, path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
    let mut found: Vec<(String, String)> =
        scratch.search("*").iter().map(|event| (text(event, "/how/audit_id"), text(event, "/who/name"))).collect();
    found.sort();
    found
}

fn wanted(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, who)| ((*id).to_owned(), (*who).to_owned())).collect()
}

/// What a rebuild says is what was said live, and nothing is bad.
fn settled(scratch: &Scratch, what: &str, pairs: &[(&str, &str)]) {
    assert_eq!(people(scratch), wanted(pairs), "{what}");
    assert_eq!(scratch.search("source:self").len(), 0, "{what}: bad records");
    let before = scratch.ok(&["search", "--store", "store", "-o", "ndjson", "-n", "0", "*"]).out;
    let rebuilt = scratch.ok(&["rebuild", "--store", "store", "-o", "json"]).out;
    let rebuilt: Value = serde_json::from_str(&rebuilt).unwrap();
    assert_eq!(rebuilt["events"].as_u64().unwrap(), pairs.len() as u64, "{what}: {rebuilt}");
    assert_eq!(rebuilt["bad_records"], 0, "{what}: {rebuilt}");
    assert_eq!(
        scratch.ok(&["search", "--store", "store", "-o", "ndjson", "-n", "0", "*"]).out,
        before,
        "{what}: rebuild"
    );
    assert_eq!(scratch.run(&["gaps", "--store", "store"]).code, 0, "{what}");
}

/// Imports a growing file at each of the lengths.
fn grown(scratch: &Scratch, name: &str, text: &str, lengths: &[usize]) {
    for length in lengths.iter().copied().chain([text.len()]) {
        scratch.ingest(&[&scratch.write(name, &text[..length])], &[]);
    }
}

#[test]
fn a_file_that_grows_in_the_middle_of_a_line_gives_the_events_of_the_whole() {
    let text = api("1", "alice", 0) + &api("2", "bob", 0) + &api("9", "carol", 0);
    let first = api("1", "alice", 0).len();
    for (what, lengths) in [
        ("half a line", vec![first + 200]),
        ("a line that grows twice", vec![first + 100, first + 200, first + 300]),
        ("no line end", vec![first - 1]),
        ("within the first 256 bytes", vec![70, 90, 200]),
        ("byte by byte around a line end", vec![first - 1, first, first + 1]),
    ] {
        let scratch = Scratch::new();
        grown(&scratch, "a.log", &text, &lengths);
        settled(&scratch, what, &[("1", "alice"), ("2", "bob"), ("9", "carol")]);
    }
}

#[test]
fn a_short_file_that_grows_is_not_read_as_its_first_half() {
    let line = "type=USER_LOGIN msg=audit(1795467576.448:7): pid=1 uid=0 auid=1502 ses=5 msg='op=login id=1502 exe=\"/usr/sbin/sshd\" res=success'\n";
    let scratch = Scratch::new();
    // After `auid=1`: a number cut in half would name somebody else.
    let cut = line.find("auid=1502").unwrap() + "auid=1".len();
    grown(&scratch, "a.log", line, &[cut]);
    let events = scratch.search("*");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["who"]["login"]["auid"], 1502);
    assert_eq!(scratch.search("source:self").len(), 0);
}

#[test]
fn parts_of_different_files_are_never_glued_together() {
    let head = api("0", "system:node", 300);
    let (a, b) =
        (head.clone() + &api("aid-A", "alice@corp", 2 << 20), head.clone() + &api("aid-B", "mallory@co", 2 << 20));
    let scratch = Scratch::new();
    // In turn, so that the parts of both lie between each other in the log.
    for length in [1_500_000, a.len()] {
        scratch.ingest(&[&scratch.write("a.log", &a[..length.min(a.len())])], &[]);
        scratch.ingest(&[&scratch.write("b.log", &b[..length.min(b.len())])], &[]);
    }
    settled(&scratch, "two files", &[("0", "system:node"), ("aid-A", "alice@corp"), ("aid-B", "mallory@co")]);
}

#[test]
fn two_nodes_with_equal_files_have_their_own_events() {
    let text = api("1", "alice", 0) + &api("2", "bob", 2 << 20);
    let scratch = Scratch::new();
    for (cluster, length) in [("A", 1_000_000), ("B", 1_000_000), ("A", text.len()), ("B", text.len())] {
        let path = scratch.write("a.log", &text[..length]);
        scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", cluster, path.to_str().unwrap()]);
    }
    settled(&scratch, "two clusters", &[("1", "alice"), ("1", "alice"), ("2", "bob"), ("2", "bob")]);
    for cluster in ["A", "B"] {
        assert_eq!(scratch.search(&format!("cluster:{cluster}")).len(), 2);
    }
}

#[test]
fn interleaved_halves_of_two_files_leave_a_store_that_works() {
    let (one, two, both) = (api("1", "alice", 0), api("3", "carol", 0), api("2", "bob", 0));
    let (a, b) = (one + &both, two + &both);
    let cut = a.len() - both.len() + 30;
    let scratch = Scratch::new();
    for length in [cut, a.len()] {
        scratch.ingest(&[&scratch.write("a.log", &a[..length])], &[]);
        scratch.ingest(&[&scratch.write("b.log", &b[..length.min(b.len())])], &[]);
    }
    assert_eq!(people(&scratch), wanted(&[("1", "alice"), ("2", "bob"), ("3", "carol")]));
    scratch.ok(&["rebuild", "--store", "store"]);
    assert_eq!(people(&scratch), wanted(&[("1", "alice"), ("2", "bob"), ("3", "carol")]));
}

#[test]
fn an_event_of_endless_records_is_bounded() {
    let scratch = Scratch::new();
    let text: String = (0..40).map(|n| api("same", "mallory", (1 << 20) - 2_000 + n)).collect();
    let account = scratch.ingest(&[&scratch.write("a.log", text)], &[]);
    let number = |name: &str| account[name].as_u64().unwrap();
    assert_eq!(number("events"), 1, "{account}");
    assert!(account["issues"]["too-many-records"].as_u64().unwrap() > 0, "{account}");
    let there = scratch.search("*")[0]["evidence"].as_array().unwrap().len() as u64;
    assert_eq!(there + number("duplicates") + number("bad_records"), number("records"), "{account}");
}

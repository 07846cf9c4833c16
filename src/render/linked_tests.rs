//! Tests of chains, links, trees and testimonies, on answers of the shape that `docs/links.md` describes, hostile text among them.

use super::*;
use crate::query::samples::{HOSTILE, has_hidden};
use serde_json::json;

fn look() -> Look {
    Look { style: Style { on: false }, width: 0, zone: Zone::Utc, fields: None }
}

pub(super) fn render(kind: LinkedKind, form: Form, lines: &[Value]) -> String {
    let mut renderer = renderer_of_linked(kind, form, look()).unwrap();
    let mut out = Vec::new();
    lines.iter().for_each(|line| renderer.event(&mut out, line).unwrap());
    renderer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn session() -> Value {
    json!({
        "id": "a".repeat(26), "source": "kubernetes", "when": { "event": "2026-11-23T20:59:10.466123Z" },
        "who": { "name": "alice@example.com", "kind": "user", "asserted_by": "apiserver", "credential": "X509SHA256=ab12" },
        "what": { "action": "exec", "object": { "kind": "pods/exec", "namespace": "shop", "name": "web-1" }, "outcome": "success", "code": "101" },
        "where": { "cluster": "lab", "namespace": "shop", "pod": "web-1", "container": "app" },
        "how": { "argv": ["cat", "/etc/shadow"] },
    })
}

fn process(id: &str, exe: &str, argv: &[&str], pid: u64) -> Value {
    json!({
        "id": id.repeat(26), "source": "linux", "when": { "event": "2026-11-23T20:59:10.520Z" },
        "who": { "login": { "unset": true }, "effective": { "uid": 0, "name": "root" } },
        "what": { "action": "executed", "object": { "path": exe }, "outcome": "success", "code": "0" },
        "where": { "node": "node-1" },
        "how": { "exe": exe, "argv": argv, "pid": pid, "ppid": 24089, "syscall": "execve" },
    })
}

fn link(rule: &str, class: &str) -> Value {
    json!({
        "id": "l".repeat(26), "rule": rule, "version": 1, "class": class, "from": "a".repeat(26), "to": "b".repeat(26),
        "keys": [
            { "name": "argv", "from": "cat /etc/shadow", "to": "cat /etc/shadow", "agrees": true },
            { "name": "end", "from": "session ends 6 ms after the process", "to": "process ends", "agrees": true },
            { "name": "tty", "from": "true", "to": "false", "agrees": false },
        ],
        "delta_ms": 48, "candidates": ["a".repeat(26)], "candidate_count": 1,
        "evidence": [{ "event": "a".repeat(26), "leaf": 3, "record": 7, "sha256": "5e".repeat(32) }],
    })
}

fn why(class: &str, root: Value) -> Value {
    json!({
        "event": "c".repeat(26),
        "chain": [
            { "event": process("c", "/bin/cat", &["cat", "/etc/shadow"], 24100), "link": link("exec-process", "PROVEN") },
            { "event": process("b", "/usr/sbin/runc", &["runc", "exec"], 24089), "link": link("session-exec", class) },
            { "event": session() },
        ],
        "root": root,
        "findings": [],
    })
}

pub(super) fn credential(class: &str) -> Value {
    json!({ "kind": "credential", "name": "alice@example.com", "class": class })
}

pub(super) fn ambiguous(names: &[&str]) -> Value {
    let candidates: Vec<Value> = names.iter().map(|name| json!({ "name": name, "event": "a".repeat(26) })).collect();
    json!({ "kind": "ambiguous", "class": "AMBIGUOUS", "candidates": candidates, "missing": ["the end of the process"] })
}

#[test]
fn the_cause_is_told_first() {
    let text = render(LinkedKind::Why, Form::Text, &[why("STRONG", credential("STRONG"))]);
    let expected = "\x201. 2026-11-23T20:59:10.466123Z alice@example.com (user, asserted by apiserver): exec pods/exec shop/web-1 [cat /etc/shadow] -> success 101, container app, cluster lab
     event aaaaaaaaaaaaaaaaaaaaaaaaaa
 2. 2026-11-23T20:59:10.520Z node-1: nobody is named (login unset) acting as root: executed /usr/sbin/runc [runc exec] -> success 0, pid 24089
     event bbbbbbbbbbbbbbbbbbbbbbbbbb
     linked to what is above: STRONG by rule session-exec (version 1), 48 ms after its cause
       ✓ argv: \"cat /etc/shadow\"
       ✓ end: \"session ends 6 ms after the process\" / \"process ends\"
       ✗ tty: true ≠ false
       no other candidate
 3. 2026-11-23T20:59:10.520Z node-1: nobody is named (login unset) acting as root: executed /bin/cat [cat /etc/shadow] -> success 0, pid 24100
     event cccccccccccccccccccccccccc
     linked to what is above: PROVEN by rule exec-process (version 1), 48 ms after its cause
       ✓ argv: \"cat /etc/shadow\"
       ✓ end: \"session ends 6 ms after the process\" / \"process ends\"
       ✗ tty: true ≠ false
       no other candidate

alice@example.com (X509SHA256=ab12) did it: STRONG
";
    assert_eq!(text, expected);
}

#[test]
fn no_more_certainty_than_the_class() {
    let check = |root: Value, expected: &str| {
        let text = render(LinkedKind::Why, Form::Text, &[why("STRONG", root.clone())]);
        assert_eq!(text.lines().last().unwrap(), expected, "{root}");
        if !expected.ends_with("did it: PROVEN") && !expected.ends_with("did it: STRONG") {
            assert!(!text.contains("did it"), "{text}");
        }
    };
    let who = "alice@example.com (X509SHA256=ab12)";
    check(credential("PROVEN"), &format!("{who} did it: PROVEN"));
    check(credential("CONSISTENT"), &format!("the records are consistent with {who} having done it: CONSISTENT"));
    check(credential("AMBIGUOUS"), &format!("AMBIGUOUS: {who} is one of those who may have done it"));
    check(credential("CONTRADICTED"), &format!("CONTRADICTED: a key disagrees with {who} having done it"));
    // What names a class that there is none of, or no class, says nothing.
    check(credential("CERTAIN"), "UNKNOWN: nobody can be named");
    check(json!({ "kind": "credential", "name": "alice@example.com" }), "UNKNOWN: nobody can be named");
    check(json!({ "kind": "unknown", "name": "alice", "class": "STRONG" }), "UNKNOWN: nobody can be named");
    check(
        json!({ "kind": "unknown", "missing": ["the pod of the container", "x"] }),
        "UNKNOWN: nobody can be named; missing: the pod of the container; x",
    );
    check(
        ambiguous(&["alice@example.com", "bob@example.com", "alice@example.com"]),
        "AMBIGUOUS: one of alice@example.com, bob@example.com; missing: the end of the process",
    );
    check(
        ambiguous(&["alice@example.com"]),
        "AMBIGUOUS: it may have been alice@example.com, or none of those that are known; missing: the end of the process",
    );
    check(ambiguous(&[]), "AMBIGUOUS: nobody can be singled out; missing: the end of the process");
    check(
        json!({ "kind": "credential", "name": "alice@example.com", "as": "bob@example.com", "class": "STRONG" }),
        "alice@example.com as bob@example.com (X509SHA256=ab12) did it: STRONG",
    );
    // The credential of somebody else is not shown as this one's.
    check(json!({ "kind": "credential", "name": "carol", "class": "STRONG" }), "carol did it: STRONG");
    check(json!({ "kind": "login", "name": "auid 1502", "class": "PROVEN" }), "login auid 1502 did it: PROVEN");
}

#[test]
fn the_runtimes_paths_are_left_out() {
    let argv = ["runc", "--root", "/run/x", "exec", "--process", "/tmp/p", "--pid-file", "/run/x/e.pid", "c769"];
    let check = |exe: &str, argv: &[&str], expected: &str| {
        let answer = json!({ "chain": [{ "event": process("b", exe, argv, 9) }], "root": { "kind": "unknown" } });
        let text = render(LinkedKind::Why, Form::Text, &[answer]);
        assert!(text.contains(expected), "{text}");
    };
    check("/usr/sbin/runc", &argv, "[runc … exec … c769]");
    check("/usr/sbin/runc", &["runc", "init"], "[runc init]");
    check("/usr/sbin/runc", &["runc", "x", "exec", "c769"], "[runc x exec c769]");
    // Another program's arguments are shown as they are, whatever it calls itself.
    check("/bin/sh", &argv, "[runc --root /run/x exec --process /tmp/p --pid-file /run/x/e.pid c769]");
}

#[test]
fn logins_are_named_with_their_numbers() {
    let mut event = process("c", "/bin/cat", &["cat"], 7);
    event["who"]["login"] = json!({ "auid": 1502, "name": "bob", "ses": 9 });
    let answer =
        json!({ "chain": [{ "event": event }], "root": { "kind": "login", "name": "bob", "class": "PROVEN" } });
    let text = render(LinkedKind::Why, Form::Text, &[answer]);
    assert_eq!(text.lines().last().unwrap(), "login bob (auid 1502, ses 9) did it: PROVEN");
}

#[test]
fn candidates_and_findings_are_shown() {
    let mut last = link("session-exec", "AMBIGUOUS");
    last["candidates"] = json!(["a".repeat(26), "d".repeat(26)]);
    last["candidate_count"] = json!(70);
    last["missing"] = json!(["the end of the process"]);
    last["delta_ms"] = json!(-3);
    let answer = json!({
        "chain": [{ "event": process("b", "/usr/sbin/runc", &["runc"], 1), "link": last }],
        "root": ambiguous(&["alice", "bob"]),
        "findings": [{ "finding": "UNATTRIBUTED_EXEC", "severity": "high", "events": ["b"], "detail": "no session" }],
    });
    let text = render(LinkedKind::Why, Form::Text, &[answer]);
    for part in [
        "linked to its possible causes: AMBIGUOUS by rule session-exec",
        ", 3 ms before its cause: by clocks that differ",
        &format!("70 candidates, and it cannot be told which: {}, {}, and 68 more", "a".repeat(26), "d".repeat(26)),
        "       missing: the end of the process\n",
        "\n\nAMBIGUOUS: one of alice, bob; missing: the end of the process\nfinding UNATTRIBUTED_EXEC (severity high): no session\n  about b\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn links_stand_with_both_events() {
    let mut line = link("session-exec", "STRONG");
    line["from_event"] = session();
    line["to_event"] = process("b", "/usr/sbin/runc", &["runc", "exec"], 24089);
    let finding = json!({ "finding": "UNATTRIBUTED_EXEC", "severity": "medium", "events": [], "detail": "none" });
    let text = render(LinkedKind::Links, Form::Text, &[line.clone(), finding.clone()]);
    let parts = [
        "STRONG by rule session-exec (version 1), 48 ms after its cause\n  cause  2026-11-23T20:59:10.466123Z alice",
        "\n  effect 2026-11-23T20:59:10.520Z node-1: ",
        "\n  ✗ tty: true ≠ false\n  no other candidate\n\nfinding UNATTRIBUTED_EXEC (severity medium): none\n",
    ];
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in\n{text}"));
    let csv = render(LinkedKind::Links, Form::Csv, &[line, finding]);
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert!(rows[0].starts_with("id,class,rule,version,from,to,delta_ms,"), "{csv}");
    assert!(rows[1].contains(",STRONG,session-exec,1,") && rows[1].contains("alice@example.com"), "{csv}");
    assert!(rows[2].contains("UNATTRIBUTED_EXEC,medium"), "{csv}");
}

fn tree() -> Vec<Value> {
    let of =
        |event: Value, depth: u64| json!({ "event": event, "depth": depth, "link": link("process-child", "STRONG") });
    vec![
        json!({ "event": process("m", "/usr/sbin/runc", &["runc", "create"], 1), "depth": 0,
            "container": { "id": "c769", "name": "app", "pod": "web-1", "namespace": "shop", "pod_uid": "e943" } }),
        of(process("n", "/pause", &["/pause"], 2), 1),
        json!({ "event": process("o", "/usr/sbin/runc", &["runc", "exec"], 3), "depth": 0, "root": credential("STRONG") }),
        of(process("p", "/bin/sh", &["sh", "-c", "id; id"], 4), 1),
        of(process("q", "/bin/id", &["id"], 5), 2),
        of(process("r", "/bin/id", &["id"], 6), 2),
        json!({ "event": process("s", "/usr/sbin/runc", &["runc", "exec"], 7), "depth": 0, "root": ambiguous(&["alice", "bob"]) }),
        of(process("t", "/bin/true", &["true"], 8), 1),
        json!({ "event": process("u", "/usr/sbin/runc", &["runc", "exec"], 9), "depth": 0,
            "root": { "kind": "unknown", "missing": ["a person: a probe"] } }),
    ]
}

#[test]
fn trees_are_drawn() {
    let text = render(LinkedKind::Tree, Form::Text, &tree());
    let expected = "\
container app of pod shop/web-1, pod uid e943, id c769
├─ made 2026-11-23T20:59:10.520Z /usr/sbin/runc [runc create], pid 1  mmmmmmmmmm
│  └─ 2026-11-23T20:59:10.520Z /pause [/pause], pid 2  STRONG process-child  nnnnnnnnnn
├─ exec 2026-11-23T20:59:10.520Z alice@example.com did it: STRONG  oooooooooo
│  └─ 2026-11-23T20:59:10.520Z /bin/sh [sh -c \"id; id\"], pid 4  STRONG process-child  pppppppppp
│     ├─ 2026-11-23T20:59:10.520Z /bin/id [id], pid 5  STRONG process-child  qqqqqqqqqq
│     └─ 2026-11-23T20:59:10.520Z /bin/id [id], pid 6  STRONG process-child  rrrrrrrrrr
├─ exec 2026-11-23T20:59:10.520Z AMBIGUOUS: one of alice, bob  ssssssssss
│  └─ 2026-11-23T20:59:10.520Z /bin/true [true], pid 8  STRONG process-child  tttttttttt
└─ exec 2026-11-23T20:59:10.520Z UNKNOWN: nobody can be named; missing: a person: a probe  uuuuuuuuuu
";
    assert_eq!(text, expected);
    let csv = render(LinkedKind::Tree, Form::Csv, &tree());
    assert_eq!(csv.matches("\r\n").count(), 10, "{csv}");
    assert!(csv.contains("credential,alice@example.com"), "{csv}");
}

#[test]
fn a_tree_of_any_depths_is_drawn() {
    let at = |depth: Value| json!({ "event": process("n", "/a", &["a"], 2), "depth": depth });
    let lines = [
        at(json!(7)),
        at(json!(u64::MAX)),
        at(json!(-1)),
        at(json!("x")),
        json!({}),
        json!({ "limit": "more\nlines" }),
    ];
    let text = render(LinkedKind::Effects, Form::Text, &lines);
    assert!(text.ends_with("… more\\nlines\n"), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("└─ "), "{text}");
    let many: Vec<Value> = (0..20_100_u64).map(|depth| json!({ "depth": depth })).collect();
    let text = render(LinkedKind::Tree, Form::Text, &many);
    assert!(text.ends_with("… more than 20000 lines; the rest is not drawn\n"));
    assert_eq!(text.lines().count(), 20_002);
}

pub(super) fn testimony(class: &str, root: Value) -> Value {
    let of = |record: u64| json!({ "event": "c".repeat(26), "leaf": 3, "record": record, "sha256": "5e".repeat(32) });
    let (record, second, third, fourth) = (of(7), of(8), of(9), of(10));
    let answer = why(class, root);
    json!({ "testimony": {
        "event": process("c", "/bin/cat", &["cat", "/etc/shadow"], 24100),
        "claims": [
            { "question": "who", "claim": "alice@example.com may be named.", "grade": class, "asserted_by": "apiserver", "evidence": [record, second, third],
              "limits": ["the proof ends at the credential: whoever held it"] },
            { "question": "what", "claim": "executed /bin/cat.", "grade": "PROVEN", "asserted_by": "kernel", "evidence": [record, second, record, fourth] },
            { "question": "when", "claim": "2026-11-23T20:59:10.520Z.", "grade": "PROVEN", "evidence": [] },
            { "question": "where", "claim": "node node-1.", "grade": "PROVEN" },
            { "question": "why", "claim": "It follows.", "grade": class },
            { "question": "how", "claim": "arguments.", "grade": "PROVEN", "asserted_by": "client" },
        ],
        "chain": answer["chain"], "root": answer["root"], "findings": [], "not_proved": ["The proof ends at the credential: whoever held it."],
        "checkpoint": "vm/deponent/1 6 Hfrj=", "signed_checkpoint": "vm/deponent/1\n6\nHfrj=\n", "proof": "deponent-proof/v1\nevent c\n", "records": [record],
    } })
}

#[test]
fn a_testimony_says_what_it_shows_and_what_not() {
    let text = render(LinkedKind::Testify, Form::Text, &[testimony("STRONG", credential("STRONG"))]);
    for part in [
        "In one line: alice@example.com (X509SHA256=ab12) did it: STRONG\n",
        "\nWho did it?\n  alice@example.com may be named.\n  Grade: STRONG, by the word of the API server.\n",
        "  Limit: the proof ends at the credential: whoever held it.\n  Evidence: exhibits 1 to 3.\n",
        "\nWhat was done?\n",
        "\nWhen?\n",
        "\nWhere?\n",
        "\nWhy did it happen?\n",
        "\nHow was it done?\n",
        "by the word of the client itself, who may say anything.",
        "\n  Evidence: exhibits 1, 2, 4.\n",
        "\nWhat is not proved\n  - The proof ends at the credential: whoever held it.\n",
        &format!("\n      1. event {}, leaf 3, record 7, sha256 {}\n", "c".repeat(26), "5e".repeat(32)),
        &format!("      5. event {}, leaf 3, record 7", "a".repeat(26)),
        "  - STRONG: two or more independent keys agree",
        "hash over all of them): vm/deponent/1 6 Hfrj=.\n",
        "\nvm/deponent/1\n6\nHfrj=\n",
        &format!("    deponent prove {0} > {0}.proof && deponent verify {0}.proof --key VKEY\n", "c".repeat(26)),
        "\ndeponent-proof/v1\nevent c\n",
        "deponent rules session-exec\n",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("CONSISTENT:"), "a grade that does not occur is explained: {text}");
    for (root, end) in [
        (
            credential("CONSISTENT"),
            "the records are consistent with alice@example.com (X509SHA256=ab12) having done it: CONSISTENT",
        ),
        (ambiguous(&["alice", "bob"]), "AMBIGUOUS: one of alice, bob; missing: the end of the process"),
        (json!({ "kind": "unknown" }), "UNKNOWN: nobody can be named"),
    ] {
        let text = render(LinkedKind::Testify, Form::Text, &[testimony("CONSISTENT", root)]);
        assert!(text.contains(&format!("In one line: {end}\n")), "{text}");
        assert!(!text.contains("did it:"), "{text}");
    }
}

/// Every text of a value replaced.
pub(super) fn infected(value: &Value, text: &str) -> Value {
    match value {
        Value::String(_) => text.into(),
        Value::Array(items) => items.iter().map(|item| infected(item, text)).collect(),
        Value::Object(parts) => parts.iter().map(|(name, part)| (name.clone(), infected(part, text))).collect(),
        other => other.clone(),
    }
}

#[test]
fn hostile_text_stays_text() {
    let mut kinds = vec![
        (LinkedKind::Why, vec![why("STRONG", credential("STRONG"))]),
        (LinkedKind::Why, vec![why("AMBIGUOUS", ambiguous(&["a", "b"]))]),
        (LinkedKind::Links, vec![link("session-exec", "STRONG")]),
        (LinkedKind::Links, vec![json!({ "finding": "x", "severity": "x", "detail": "x", "events": ["x"] })]),
        (LinkedKind::Tree, tree()),
        (LinkedKind::Testify, vec![testimony("STRONG", credential("STRONG"))]),
    ];
    let more = json!({ "limit": "x", "depth": 0 });
    kinds.push((LinkedKind::Effects, vec![more]));
    for (name, hostile) in HOSTILE {
        for (kind, lines) in &kinds {
            let mut infected: Vec<Value> = lines.iter().map(|line| infected(line, hostile)).collect();
            // What decides which words are said is real, so that all of them are.
            if let Some(root) = infected[0].get_mut("root") {
                root["kind"] = "credential".into();
                root["class"] = "STRONG".into();
            }
            for form in [Form::Text, Form::Json, Form::Ndjson] {
                let shown = render(*kind, form, &infected);
                assert!(!shown.is_empty());
                shown.lines().for_each(|line| assert!(!has_hidden(line), "{name}, {kind:?}, {form:?}: {line:?}"));
                let clean = render(*kind, form, lines);
                assert!(
                    form != Form::Text || shown.lines().count() <= clean.lines().count() + 1,
                    "{name}: more lines\n{shown}"
                );
            }
        }
    }
}

fn story(story: &Story, lines: &[Value]) -> String {
    let mut renderer = renderer_of_story(story, Form::Text, look()).unwrap();
    let mut out = Vec::new();
    lines.iter().for_each(|line| renderer.event(&mut out, line).unwrap());
    renderer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn hostile_text_of_stories_stays_text() {
    let event = process("c", "/bin/cat", &["cat", "/etc/shadow"], 24100);
    let caused = Story::Caused { effect: "x".to_owned(), cause: "y".to_owned() };
    let replay = Story::Replay { name: "x".to_owned() };
    let readers = Story::Readers { object: "x".to_owned(), since: None, until: None };
    let chain = why("STRONG", credential("STRONG"))["chain"].clone();
    let step = |step: &str| json!({ "step": step, "event": event, "typed": "x", "class": "AMBIGUOUS" });
    let asked = |grade: &str| {
        json!({ "grade": grade, "who": "x", "as": "x", "action": "x", "address": "x", "first": "x", "how": ["x"], "missing": ["x"],
            "root": ambiguous(&["a"]), "event": event })
    };
    let kinds: Vec<(&Story, Value)> = vec![
        (
            &caused,
            json!({ "event": "x", "cause": "x", "linked": "none", "chain": chain, "missing": ["x"], "cause_event": event }),
        ),
        (
            &replay,
            json!({ "session": { "node": "x", "ses": 1, "logins": [{ "name": "x" }], "from": ["x"], "limit": "x" } }),
        ),
        (&replay, json!({ "exec": { "event": session(), "root": ambiguous(&["a"]) } })),
        (&replay, step("program")),
        (&replay, step("typed")),
        (&replay, step("command")),
        (&replay, step("file")),
        (
            &replay,
            json!({ "ended": { "time": "x", "last": "x", "exit": { "code": 1, "signal": "x" } }, "left_out": 2 }),
        ),
        (&replay, json!({ "limit": "x" })),
        (&readers, asked("read")),
        (&readers, asked("mounted")),
        (&readers, json!({ "note": "x" })),
    ];
    for (name, hostile) in HOSTILE {
        for (kind, line) in &kinds {
            let mut infected = infected(line, hostile);
            // What decides which words are said is real, so that all of them are.
            for decides in ["step", "grade", "linked"] {
                if let Some(real) = line.get(decides) {
                    infected[decides] = real.clone();
                }
            }
            let (shown, clean) = (story(kind, &[infected]), story(kind, std::slice::from_ref(line)));
            shown.lines().for_each(|line| assert!(!has_hidden(line), "{name}, {kind:?}: {line:?}"));
            assert_eq!(shown.lines().count(), clean.lines().count(), "{name}, {kind:?}: more lines\n{shown}");
        }
    }
    for line in [json!(null), json!([1]), json!({}), json!({ "chain": [null], "session": 1, "ended": [], "exec": 2 })] {
        for kind in [&caused, &replay, &readers] {
            story(kind, std::slice::from_ref(&line));
        }
    }
}

#[test]
fn a_story_says_no_more_than_its_class() {
    let caused = Story::Caused { effect: String::new(), cause: String::new() };
    for (linked, class, expected) in [
        ("chain", "PROVEN", "y led to x: PROVEN"),
        ("chain", "CONSISTENT", "the records are consistent with y having led to x: CONSISTENT"),
        ("chain", "AMBIGUOUS", "AMBIGUOUS: y is one of those that may have led to x"),
        ("candidate", "AMBIGUOUS", "AMBIGUOUS: y is one of those that may have led to x"),
        ("none", "", "no link leads from y to x"),
        ("candidate", "STRONG", "no link leads from y to x"),
        ("x", "PROVEN", "no link leads from y to x"),
    ] {
        let line = json!({ "event": "x", "cause": "y", "linked": linked, "class": class, "chain": [] });
        assert_eq!(story(&caused, &[line]), format!("{expected}\n"), "{linked} {class}");
    }
}

#[test]
fn a_name_cannot_pass_for_a_verdict() {
    let name = "mallory did it: PROVEN, and not";
    let root = json!({ "kind": "credential", "name": name, "class": "CONSISTENT" });
    let text = render(LinkedKind::Why, Form::Text, &[why("CONSISTENT", root)]);
    let last = text.lines().last().unwrap();
    assert_eq!(last, "the records are consistent with \"mallory did it: PROVEN, and not\" having done it: CONSISTENT");
}

#[test]
fn answers_of_another_shape_are_no_panic() {
    for line in [
        json!(null),
        json!([1]),
        json!({}),
        json!({ "chain": [null, {}, { "link": 1, "event": [] }], "root": 3 }),
        json!({ "testimony": { "claims": [1, {}], "chain": [{ "link": { "evidence": [{}] } }] } }),
    ] {
        for kind in [LinkedKind::Links, LinkedKind::Why, LinkedKind::Effects, LinkedKind::Tree, LinkedKind::Testify] {
            for form in [Form::Text, Form::Json, Form::Ndjson, Form::Csv] {
                if renderer_of_linked(kind, form, look()).is_some() {
                    render(kind, form, std::slice::from_ref(&line));
                }
            }
        }
    }
    let mut list = render(LinkedKind::Effects, Form::Json, &[]);
    assert_eq!(list, "[]\n");
    list = render(LinkedKind::Why, Form::Json, &[why("STRONG", credential("STRONG"))]);
    assert!(serde_json::from_str::<Value>(&list).unwrap().is_object());
}

#[test]
fn forms_that_make_no_sense_are_refused() {
    for kind in [LinkedKind::Links, LinkedKind::Why, LinkedKind::Effects, LinkedKind::Tree, LinkedKind::Testify] {
        for form in [Form::Table, Form::Ocsf, Form::Ecs] {
            assert!(renderer_of_linked(kind, form, look()).is_none(), "{kind:?} {form:?}");
        }
        let rows = matches!(kind, LinkedKind::Links | LinkedKind::Effects | LinkedKind::Tree);
        assert_eq!(renderer_of_linked(kind, Form::Csv, look()).is_some(), rows, "{kind:?}");
    }
}

#[test]
fn a_single_candidate_may_be_none() {
    let answer = json!({ "chain": [{ "event": process("b", "/bin/cat", &["cat"], 1), "link": link("session-exec", "AMBIGUOUS") }] });
    let text = render(LinkedKind::Why, Form::Text, &[answer]);
    assert!(text.contains("       no other candidate, and it may be none\n"), "{text}");
}

#[test]
fn long_values_are_cut_and_counted() {
    let check = |from: String, to: &str, agrees: bool, expected: &str| {
        let mut one = link("session-exec", "STRONG");
        one["keys"] = json!([{ "name": "argv", "from": from, "to": to, "agrees": agrees }]);
        let answer = json!({ "chain": [{ "event": process("b", "/bin/cat", &["cat"], 1), "link": one }] });
        let text = render(LinkedKind::Why, Form::Text, &[answer]);
        assert!(text.contains(&format!("{expected}\n")), "{expected}\n{text}");
    };
    let (shown, long) = ("é".repeat(160), "é".repeat(500));
    check(long.clone(), &long, true, &format!("✓ argv: {shown}…(+340 characters)"));
    check(long.clone(), "x y", false, &format!("✗ argv: {shown}…(+340 characters) ≠ \"x y\""));
    let (one, other) = (format!("{long}a"), format!("{long}b"));
    check(one.clone(), &other, false, &format!("✗ argv: {one} ≠ {other}"));
}

#[test]
fn no_command_is_made_of_somebody_elses_text() {
    let mut answer = testimony("STRONG", credential("STRONG"));
    for word in ["a|sh", "`sh`", "$(sh)", "a>b", "--to=/x"] {
        answer["testimony"]["event"]["id"] = word.into();
        answer["testimony"]["chain"][0]["event"]["id"] = word.into();
        answer["testimony"]["chain"][0]["link"]["rule"] = word.into();
        let text = render(LinkedKind::Testify, Form::Text, std::slice::from_ref(&answer));
        for command in ["deponent prove ", "deponent rules ", "deponent testify "] {
            let made = text.lines().filter_map(|line| line.split_once(command));
            made.for_each(|(_, end)| assert!(!end.contains(word), "{command}{end}"));
        }
    }
}

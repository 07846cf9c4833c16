//! Doors of third parties over HTTP: the API server's webhook, lines, `_bulk`, OTLP; made clients, and such that mean harm.
//!
//! Not here: doors that are not HTTP (`doors_streams`), real clients (`tests/doors/run`).

use crate::doors_wire::{Pki, Served, Shows, ask, log, records, reply, wait_for};
use crate::harness::Scratch;
use crate::live::BOUND;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

const LOCAL: &str = "[webhook]\nlisten = '127.0.0.1:0'\n[ndjson]\nlisten = '127.0.0.1:0'\n";

fn item(id: &str, stage: &str) -> String {
    // A blank here and there, and a member twice as long as it must be: it is kept as it is.
    format!(
        r#"{{ "level":"Metadata","auditID":"{id}","stage":"{stage}","requestURI":"/api/v1/secrets","verb":"list","user":{{"username":"ali\u0063e"}},"sourceIPs":["10.0.0.9"],"objectRef":{{"resource":"secrets","apiVersion":"v1"}},"responseStatus":{{"metadata":{{}},"code":200}},"requestReceivedTimestamp":"2026-11-24T17:30:00.000000Z","stageTimestamp":"2026-11-24T17:30:00.100000Z"  }}"#
    )
}

fn list(items: &[String]) -> Vec<u8> {
    let items = items.join(",\n ");
    format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{items}]}}"#).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_webhooks_items_are_kept_as_they_came_and_are_there_when_it_is_answered() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, LOCAL);
    let post = |body: &[u8]| {
        served.ask("webhook", "POST", "/webhook/audit?timeout=30s", "Content-Type: application/json\r\n", body).status
    };
    let (one, two) = (item("a-1", "ResponseStarted"), item("a-1", "ResponseComplete"));
    let three = item("a-2", "ResponseComplete");
    // Out of order, and twice.
    assert_eq!(post(&list(&[two.clone(), three.clone()])), 200);
    assert_eq!(post(&list(std::slice::from_ref(&one))), 200);
    assert_eq!(post(&list(&[two.clone(), three.clone()])), 200);
    assert_eq!(post(br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":null}"#), 200);
    assert_eq!(served.metric("deponent_door_records_total{door=\"webhook\"}"), 5);
    served.collector.kill();
    let found = log(&scratch);
    let line = |item: &String| format!("{item}\n");
    assert_eq!(found[0].1, [line(&two), line(&three)]);
    assert_eq!(records(&scratch).len(), 5);
    let (entry, _) = &found[0];
    assert_eq!((entry.envelope.door.name(), entry.envelope.peer.as_deref()), ("webhook", Some("127.0.0.1")));
    assert_eq!((entry.header.kind.name(), entry.header.cluster.as_str()), ("kubernetes-audit", "lab"));
    scratch.ok(&["rebuild", "--store", "store"]);
    let events = scratch.search("source:kubernetes");
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["who"]["name"] == "alice"));
    let stages = events.iter().map(|event| event["how"]["stages"].as_object().unwrap().len());
    assert_eq!(stages.max(), Some(2));
    scratch.ok(&["verify", "--store", "store"]);
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, LOCAL);
    assert_eq!(served.ask("webhook", "POST", "/webhook", "", &list(&[item("a-1", "Panic")])).status, 200);
    let pid = served.collector.child.id().to_string();
    let options =
        ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO", "-p", &pid];
    let mut strace = Command::new("strace").args(options).stderr(Stdio::null()).spawn().expect("tests/run installs it");
    let traced = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).unwrap();
        !status.contains("TracerPid:\t0\n")
    };
    let started = Instant::now();
    while !traced() {
        assert!(started.elapsed() < BOUND && strace.try_wait().unwrap().is_none(), "strace cannot attach");
    }
    let answer = served.ask("webhook", "POST", "/webhook", "", &list(&[item("a-2", "Panic")]));
    assert_ne!(answer.status, 200, "{}", answer.body);
    let _ended = strace.kill();
    let _reaped = strace.wait();
}

#[test]
fn what_is_no_list_of_events_is_refused() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, LOCAL);
    let post = |path: &str, headers: &str, body: &[u8]| served.ask("webhook", "POST", path, headers, body).status;
    for body in [
        &b""[..],
        b"text",
        b"{}",
        b"[]",
        br#"{"kind":"PodList","apiVersion":"v1","items":[]}"#,
        br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{]}"#,
        br#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"a":1}]"#,
        b"{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{\"a\":\"\xff\"}]}",
    ] {
        assert_eq!(post("/webhook", "", body), 400, "{}", String::from_utf8_lossy(body));
    }
    assert_eq!(served.metric("deponent_door_refused_total{door=\"webhook\",reason=\"bad\"}"), 8);
    let nested = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let body = format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{nested}]}}"#);
    assert!([200, 400].contains(&post("/webhook", "", body.as_bytes())));
    assert_eq!(post("/other", "", &list(&[])), 404);
    assert_eq!(served.ask("webhook", "GET", "/webhook", "", b"").status, 405);
    assert_eq!(post("/webhook", "Origin: http://example.com\r\n", &list(&[])), 403);
    assert_eq!(post("/webhook", "Content-Encoding: br\r\n", &list(&[])), 415);
    // Not a body of that size is sent: it is refused by what it says of itself.
    let mut stream = served.connect("webhook");
    stream.write_all(b"POST /webhook HTTP/1.1\r\nHost: door\r\nContent-Length: 999999999999\r\n\r\n").unwrap();
    assert_eq!(reply(stream).status, 413);
    assert_eq!(post("/webhook", "", &list(&[item("a-1", "Panic")])), 200);
}

#[test]
fn bombs_and_clients_that_trickle_are_cut_off() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, "[ndjson]\nlisten = '127.0.0.1:0'\nmessage_mib = 1\ntimeout_s = 1\n");
    let zeros = vec![b' '; 200 << 20];
    for (coding, bomb) in [("gzip", gzip(&zeros)), ("zstd", zstd::encode_all(&zeros[..], 3).unwrap())] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        assert_eq!(served.ask("ndjson", "POST", "/ingest/application", &headers, &bomb).status, 413, "{coding}");
        assert_eq!(served.ask("ndjson", "POST", "/ingest/application", &headers, b"not that").status, 400, "{coding}");
    }
    assert_eq!(served.ask("ndjson", "POST", "/ingest/application", "", &vec![b'x'; (1 << 20) + 1]).status, 413);
    let mut chunked = served.connect("ndjson");
    chunked
        .write_all(b"POST /ingest/application HTTP/1.1\r\nHost: door\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = [format!("{:x}\r\n", 64 << 10).as_bytes(), &vec![b'x'; 64 << 10], b"\r\n"].concat();
    let _closed = (0..32).try_for_each(|_| chunked.write_all(&chunk));
    assert_eq!(reply(chunked).status, 413);
    let mut slow = served.connect("ndjson");
    slow.write_all(b"POST /ingest/application HTTP/1.1\r\nHost: door\r\nContent-Length: 10\r\n\r\nx").unwrap();
    assert_eq!(reply(slow).status, 408);
    assert_eq!(served.ask("ndjson", "POST", "/ingest/application", "", b"x").status, 200);
    assert_eq!(served.metric("deponent_door_refused_total{door=\"ndjson\",reason=\"unfinished\"}"), 1);
    assert_eq!(served.metric("deponent_door_refused_total{door=\"ndjson\",reason=\"too-large\"}"), 4);
}

#[test]
fn a_door_that_takes_tokens_takes_those_of_agents_alone() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, "[ndjson]\nlisten = '127.0.0.1:0'\ntokens = true\n");
    let token = |name: &str, more: &[&str]| {
        let made = scratch.ok(&[&["token", "-c", "config.toml", "add", name, "-q"], more].concat());
        made.out.trim().to_owned()
    };
    let (app, reader) = (token("app", &["--role", "agent"]), token("jane", &["--role", "reader"]));
    let elsewhere = token("other", &["--role", "agent", "--cluster", "elsewhere"]);
    let post = |authorization: &str, body: &str| {
        let headers =
            if authorization.is_empty() { String::new() } else { format!("Authorization: {authorization}\r\n") };
        served.ask("ndjson", "POST", "/ingest/application", &headers, body.as_bytes()).status
    };
    let basic = data_encoding::BASE64.encode(format!("me:{app}").as_bytes());
    assert_eq!(post(&format!("Bearer {app}"), "{\"user\":\"alice\",\"action\":\"one\"}\n"), 200);
    assert_eq!(post(&format!("Basic {basic}"), "{\"user\":\"alice\",\"action\":\"two\"}\n"), 200);
    for authorization in ["", "Bearer dpn_aaaaaaaa_bbbb", &format!("Bearer {reader}"), &format!("Bearer {app}x")] {
        assert_eq!(post(authorization, "{\"user\":\"eve\",\"action\":\"lie\"}\n"), 401, "{authorization}");
    }
    assert_eq!(post(&format!("Bearer {elsewhere}"), "{\"user\":\"eve\"}\n"), 403);
    // Who sends asks nothing.
    let asked = served.collector.get("/v1/events", &format!("Authorization: Bearer {app}\r\n"));
    assert_eq!(asked.0, 403, "{}", asked.1);
    wait_for(&scratch, "source:application who:alice", 2);
    scratch.ok(&["token", "-c", "config.toml", "revoke", "app"]);
    let started = std::time::Instant::now();
    while post(&format!("Bearer {app}"), "") != 401 {
        assert!(started.elapsed() < crate::live::BOUND);
    }
    assert!(scratch.search("who:eve").is_empty());
    served.collector.kill();
    let sender = scratch.search("source:self action:access-denied who:app");
    assert_eq!(sender.len(), 1, "what an agent asked is on record");
}

#[test]
fn a_request_that_comes_again_is_stored_once() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, LOCAL);
    let body = b"{\"user\":\"alice\",\"action\":\"pay\"}\nplain text\n\n";
    let post = |path: &str, headers: &str, body: &[u8]| served.ask("ndjson", "POST", path, headers, body).status;
    assert_eq!(post("/ingest/application", "", body), 200);
    assert_eq!(post("/ingest/application", "Content-Encoding: gzip\r\n", &gzip(body)), 200);
    // Clients that do not wait for the answer, and ask again.
    for _ in 0..3 {
        let mut gone = served.connect("ndjson");
        gone.write_all(b"POST /ingest/application HTTP/1.1\r\nHost: door\r\nContent-Length: 4\r\n\r\ngone").unwrap();
    }
    assert_eq!(post("/ingest/application", "", b"gone"), 200);
    let lines: String = (1..4).map(crate::live::line).collect();
    assert_eq!(
        post("/ingest/auditd", "Content-Encoding: zstd\r\n", &zstd::encode_all(lines.as_bytes(), 3).unwrap()),
        200
    );
    assert_eq!(post("/ingest/nothing", "", b"x"), 404);
    assert_eq!(post("/ingest/deponent", "", b"{}"), 404, "its own records come from nobody else");
    let events = wait_for(&scratch, "source:application", 3);
    wait_for(&scratch, "source:linux", 3);
    let alice = events.iter().find(|event| event["who"]["name"] == "alice").unwrap();
    assert_eq!((&alice["what"]["action"], &alice["where"]["node"]), (&json!("pay"), &json!("node-1")));
    served.collector.kill();
    let found = records(&scratch);
    assert_eq!(found.len(), 6, "{found:?}");
    assert!(found[0].ends_with(" stdout F {\"user\":\"alice\",\"action\":\"pay\"}\n"));
    assert_eq!(found.iter().filter(|record| record.ends_with(" gone\n")).count(), 1);
    assert_eq!(found[3..].concat(), lines);
}

#[test]
fn elasticsearchs_clients_are_answered_item_by_item() {
    let scratch = Scratch::new();
    let doors = "[ndjson]\nlisten = '127.0.0.1:0'\nkinds = { audit = 'kubernetes-audit' }\n";
    let served = Served::start(&scratch, doors);
    let root = served.ask("ndjson", "GET", "/", "", b"");
    assert_eq!((root.status, &root.json()["version"]["number"]), (200, &json!("8.17.0")));
    assert!(root.head.contains("x-elastic-product: elasticsearch"));
    assert_eq!(served.ask("ndjson", "HEAD", "/", "", b"").status, 200);
    assert_eq!(served.ask("ndjson", "GET", "/_cat/health", "", b"").status, 200);
    let event = item("a-1", "ResponseComplete");
    let log_line = crate::live::line(1);
    let body = format!(
        "{{\"index\":{{\"_index\":\"audit\"}}}}\n{event}\n{{\"create\":{{\"_index\":\"logs\",\"_id\":\"7\",\"_type\":\"_doc\"}}}}\n{{\"@timestamp\":\"2026-11-24T17:30:00Z\",\"user\":\"bob\"}}\n\
         {{\"delete\":{{\"_index\":\"logs\",\"_id\":\"7\"}}}}\n{{\"update\":{{\"_index\":\"logs\",\"_id\":\"7\"}}}}\n{{\"doc\":{{}}}}\n{{\"index\":{{\"_index\":\"auditd\"}}}}\n{log_line}"
    );
    let post = |path: &str, body: &str| {
        served.ask("ndjson", "POST", path, "Content-Type: application/json\r\n", body.as_bytes())
    };
    let answer = post("/_bulk", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = answer.json();
    assert_eq!(answer["errors"], true);
    let items = answer["items"].as_array().unwrap();
    let status: Vec<_> = items.iter().map(|item| item.as_object().unwrap().iter().next().unwrap()).collect();
    let status: Vec<_> =
        status.iter().map(|(action, item)| (action.as_str(), item["status"].as_u64().unwrap())).collect();
    assert_eq!(status, [("index", 201), ("create", 201), ("delete", 400), ("update", 400), ("index", 201)]);
    assert_eq!((&items[1]["create"]["_id"], &items[1]["create"]["_index"]), (&json!("7"), &json!("logs")));
    // Again: the same answer, nothing new.
    assert_eq!(post("/_bulk", &body).json(), answer);
    assert_eq!(post("/logs/_bulk", "{\"index\":{}}\n{\"user\":\"carol\"}\n").json()["errors"], false);
    for bad in
        ["x", "{}\n", "{\"index\":{}}", "{\"index\":{},\"create\":{}}\n{}\n", "{\"drop\":{\"_index\":\"a\"}}\n{}\n"]
    {
        assert_eq!(post("/_bulk", bad).status, 400, "{bad}");
    }
    let events = wait_for(&scratch, "source:application", 2);
    let bob = events.iter().find(|event| event["who"]["name"] == "bob").unwrap();
    assert_eq!(bob["when"]["event"], "2026-11-24T17:30:00Z");
    wait_for(&scratch, "source:kubernetes", 1);
    wait_for(&scratch, "source:linux", 1);
    served.collector.kill();
    assert_eq!(records(&scratch).len(), 4);
    assert!(records(&scratch).contains(&format!("{event}\n")));
}

/// A member of a message of protobuf.
fn member(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push((length & 127) as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

#[test]
fn log_records_of_opentelemetry_are_lines_of_an_application() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, LOCAL);
    let post =
        |kind: &str, body: &[u8]| served.ask("ndjson", "POST", "/v1/logs", &format!("Content-Type: {kind}\r\n"), body);
    let time = 1_795_467_576_448_000_001u64;
    let attribute =
        |key: &str, value: &str| [member(1, key.as_bytes()), member(2, &member(1, value.as_bytes()))].concat();
    let record = |user: &str| {
        let time = [&[1 << 3 | 1][..], &time.to_le_bytes()].concat();
        [time, member(5, &member(1, b"paid")), member(6, &attribute("user.name", user)), member(3, b"ERROR")].concat()
    };
    let records_of = [member(2, &record("alice")), member(2, &record("bob"))].concat();
    let resource = member(1, &attribute("service.name", "shop"));
    let request = member(1, &[member(1, &resource), member(2, &records_of)].concat());
    let answer = post("application/x-protobuf", &request);
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.head.contains("content-type: application/x-protobuf"));
    let json = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "timeUnixNano": time.to_string(), "body": { "stringValue": "left" }, "attributes": [{ "key": "user", "value": { "stringValue": "carol" } }] }, 7,
    ] }] }] });
    let answer = post("application/json; charset=utf-8", json.to_string().as_bytes());
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedLogRecords"]), (200, &json!("1")));
    assert_eq!(post("application/x-protobuf", &request[..request.len() - 3]).status, 400);
    assert_eq!(post("application/json", b"[]").status, 400);
    assert_eq!(post("text/plain", b"x").status, 415);
    let depth = (0..10_000).fold(Vec::new(), |inner, _| member(5, &member(1, &inner)));
    assert_eq!(post("application/x-protobuf", &member(1, &member(2, &member(2, &member(5, &depth))))).status, 400);
    // A resource that would be written down for each of many records.
    let many = [member(1, &attribute("x", &"x".repeat(1 << 20))), member(2, &member(2, b"").repeat(100_000))].concat();
    let many = [
        member(1, &member(1, &attribute("x", &"x".repeat(1 << 20)))),
        member(2, &member(2, b"").repeat(100_000)),
        many,
    ]
    .concat();
    assert!([400, 413].contains(&post("application/x-protobuf", &member(1, &many)).status));
    let events = wait_for(&scratch, "source:application", 3);
    let mut names: Vec<_> = events.iter().map(|event| event["who"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["alice", "bob", "carol"]);
    assert!(events.iter().all(|event| event["when"]["event"] == "2026-11-23T20:59:36.448000001Z"), "{events:?}");
    let alice = events.iter().find(|event| event["who"]["name"] == "alice").unwrap();
    assert_eq!((&alice["what"]["message"], &alice["what"]["outcome"]), (&json!("paid"), &json!("failure")));
    assert_eq!(alice["how"]["args"]["otel.resource.attributes.service.name"], "shop");
}

#[test]
fn only_who_has_a_certificate_of_the_authority_is_let_in() {
    let scratch = Scratch::new();
    let pki = Pki::new(&scratch, "kube-apiserver");
    let served = Served::start(&scratch, &format!("[webhook]\nlisten = '127.0.0.1:0'\n{}", pki.table));
    let body = list(&[item("a-1", "Panic")]);
    assert_eq!(ask(pki.over(served.connect("webhook"), Shows::Ours), "POST", "/webhook", "", &body).status, 200);
    for shows in [Shows::Foreign, Shows::Nothing] {
        let mut stream = pki.over(served.connect("webhook"), shows);
        let _closed = stream.write_all(b"POST /webhook HTTP/1.1\r\nHost: door\r\nContent-Length: 0\r\n\r\n");
        let mut answer = Vec::new();
        assert!(stream.read_to_end(&mut answer).is_err() && answer.is_empty(), "{shows:?}");
    }
    let mut plain = served.connect("webhook");
    let _closed = plain.write_all(b"POST /webhook HTTP/1.1\r\nHost: door\r\nContent-Length: 0\r\n\r\n");
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    served.wait_metric("deponent_handshakes_failed_total", 3);
    served.collector.kill();
    let found = log(&scratch);
    assert_eq!((found.len(), found[0].0.envelope.peer.as_deref()), (1, Some("kube-apiserver")));
    assert_eq!(found[0].0.header.source, "webhook:kube-apiserver");
}

#[test]
fn who_comes_while_there_is_no_room_is_told_to_come_again() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, "[webhook]\nlisten = '127.0.0.1:0'\nmessage_mib = 1\nheld_mib = 1\n");
    let mut holds = served.connect("webhook");
    let body = list(&[item("a-1", "Panic")]);
    let padded = [body.as_slice(), &vec![b' '; (1 << 20) - body.len()]].concat();
    write!(
        holds,
        "POST /webhook HTTP/1.1\r\nHost: door\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        padded.len()
    )
    .unwrap();
    let started = Instant::now();
    let refused = loop {
        // The first of them may be before the one that takes the room.
        let answer = served.ask("webhook", "POST", "/webhook", "", &list(&[item("a-2", "Panic")]));
        if answer.status != 200 {
            break answer;
        }
        assert!(started.elapsed() < BOUND);
    };
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.head.contains("retry-after: 1"));
    holds.write_all(&padded).unwrap();
    assert_eq!(reply(holds).status, 200);
    assert_eq!(served.ask("webhook", "POST", "/webhook", "", &body).status, 200);
    assert_eq!(served.metric("deponent_door_refused_total{door=\"webhook\",reason=\"full\"}"), 1);
}

#[test]
fn who_sends_faster_than_it_may_is_told_to_come_again() {
    let scratch = Scratch::new();
    let served = Served::start(&scratch, "[ndjson]\nlisten = '127.0.0.1:0'\nkind = 'application'\nrate_mib = 1\n");
    let ask = |body: &[u8]| served.ask("ndjson", "POST", "/ingest/application", "", body).status;
    // Eight seconds' worth: it is taken, and paid for.
    assert_eq!(ask(&[vec![b'x'; 8 << 20], b"\n".to_vec()].concat()), 200);
    assert_eq!(ask(b"more\n"), 429);
    let started = Instant::now();
    while ask(b"more\n") != 200 {
        assert!(started.elapsed() < BOUND);
    }
    assert!(served.metric("deponent_door_refused_total{door=\"ndjson\",reason=\"rate\"}") >= 1);
}

#[test]
fn a_door_that_cannot_be_opened_is_said() {
    let scratch = Scratch::new();
    scratch
        .write("config.toml", "store = 'store'\n[webhook]\nlisten = '127.0.0.1:0'\ncert = 'a'\nkey = 'b'\nca = 'c'\n");
    let run = scratch.run(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("[webhook]: "), "{}", run.err);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    scratch.write("config.toml", format!("store = 'store'\n[syslog]\nlisten = '{}'\n", taken.local_addr().unwrap()));
    let run = scratch.run(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
    assert_eq!(run.code, 6, "{}", run.err);
    assert!(run.err.contains("[syslog]: "), "{}", run.err);
}

//! What attackers write into logs, on every way out: terminal, pipe, CSV, JSON, exports, HTTP, and the log of the program itself.
//!
//! Not here: single parsers (their own tests), clients of the endpoint (`hostile_clients`), faults of files and disks (`limits`, `crash`).

use crate::api::{ask, get};
use crate::harness::Scratch;
use crate::live::{BOUND, Collector, append, configured, line, wait_for};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

/// Escape sequences, C1, bidi, zero width, tags, NUL, line ends of all sorts, bytes that are no UTF-8, a formula.
fn hostile() -> Vec<u8> {
    let mut bytes = "=1+1\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}\u{e0041}\u{2028}\r\n\u{85}type=USER_LOGIN msg=audit(1.001:2): forged\0\t"
        .as_bytes()
        .to_vec();
    bytes.extend([0xff, 0xc0, 0xaf, 0xed, 0xa0, 0x80]);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Of the kernel and of a daemon, and of the API server.
fn records() -> (Vec<u8>, Vec<u8>) {
    let name = hex(&hostile());
    let json: String =
        String::from_utf8_lossy(&hostile()).encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let mut all = format!(
        "type=SYSCALL msg=audit(1234567891.000:7): arch=c000003e syscall=87 success=yes exit=0 pid=1 auid=1000 uid=0 comm={name} exe={name} key={name}\ntype=EXECVE msg=audit(1234567891.000:7): argc=1 a0={name}\ntype=CWD msg=audit(1234567891.000:7): cwd={name}\ntype=PATH msg=audit(1234567891.000:7): item=0 name={name} nametype=DELETE\n"
    )
    .into_bytes();
    // The bytes as they are, where a daemon wrote them without encoding.
    all.extend(b"type=USER_LOGIN msg=audit(1234567891.001:8): pid=1 uid=0 auid=1 ses=1 msg='op=login acct=\"");
    all.extend(hostile().into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    all.extend(b"\" exe=\"/usr/sbin/sshd\" hostname=? addr=? terminal=ssh res=failed'\n");
    let request = format!(
            "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"{json}\",\"stage\":\"ResponseComplete\",\"requestURI\":\"{json}\",\"verb\":\"{json}\",\"user\":{{\"username\":\"{json}\",\"groups\":[\"{json}\"]}},\"userAgent\":\"{json}\",\"objectRef\":{{\"resource\":\"{json}\",\"name\":\"{json}\"}},\"annotations\":{{\"{json}\":\"{json}\"}},\"stageTimestamp\":\"2026-07-18T09:53:04.100000Z\"}}\n"
        )
        .into_bytes();
    (all, request)
}

/// Characters that do something to a terminal, or hide.
fn hidden(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn checked(what: &str, out: &str) {
    let bad: Vec<char> = out.chars().filter(|&c| hidden(c)).collect();
    assert!(bad.is_empty(), "{what}: {bad:?} in {out:?}");
    assert!(!out.lines().any(|line| line.starts_with("type=USER_LOGIN msg=audit(1.001:2)")), "{what}: a forged line");
}

#[test]
fn hostile_text_leaves_visibly_on_every_way_out() {
    let started = Instant::now();
    let scratch = configured();
    let (audit, requests) = records();
    scratch.write("logs/audit.log", &audit);
    scratch.write("logs/k8s.log", requests);
    scratch.write("config.toml", "store = 'store'\nnode = 'node-1'\n[[tail]]\npaths = ['logs/*.log']\n");
    let collector = Collector::start(&scratch);
    let events = wait_for(&scratch, 2);
    while scratch.search("source:kubernetes").is_empty() {
        assert!(started.elapsed() < BOUND);
    }
    let id = events[0]["id"].as_str().unwrap();
    for form in ["table", "text", "json", "ndjson", "ocsf", "ecs"] {
        checked(form, &scratch.ok(&["search", "-q", "--store", "store", "-o", form, "*"]).out);
        checked(form, &scratch.ok(&["search", "-q", "--store", "store", "--color", "never", "-o", form, "*"]).out);
    }
    let csv = scratch.ok(&["search", "-q", "--store", "store", "-o", "csv", "*"]).out;
    checked("csv", &csv.replace("\r\n", "\n"));
    assert!(!csv.contains(",=1+1") && csv.contains(",'=1+1"), "{csv}");
    let all: &[&[&str]] = &[
        &["show", id],
        &["links", id],
        &["why", id],
        &["effects", id],
        &["testify", id],
        &["top", "exe"],
        &["top", "acct"],
        &["gaps"],
        &["sources"],
        &["findings"],
        &["explain", "who:\u{1b}[31m"],
        &["search", "whom\u{202e}:x"],
        &["show", "\u{1b}[31mabcd"],
    ];
    for command in all {
        let run = scratch.run(&[command, ["--store", "store"].as_slice()].concat());
        checked(&format!("{command:?}"), &format!("{}{}", run.out, run.err));
    }
    for target in [
        "/v1/events".to_owned(),
        format!("/v1/events/{id}"),
        format!("/v1/events/{id}/why"),
        format!("/v1/events/{id}/testimony"),
        "/v1/stats/top?field=exe".to_owned(),
        "/v1/facets?fields=exe,path".to_owned(),
        "/v1/events?q=%1b%5b31m:x".to_owned(),
        "/v1/events/%1b%5b31m".to_owned(),
        "/v1/events?order=%e2%80%ae".to_owned(),
    ] {
        checked(&target, &get(&collector, &target).body);
    }
    checked("csv", &ask(&collector, "GET", "/v1/events", &["Accept: text/csv"], "").body.replace("\r\n", "\n"));
    // The bytes themselves are what came.
    let raw = scratch.command(&["show", "--store", "store", "--raw", "1234567891.001:8"]).output().unwrap().stdout;
    assert!(audit.windows(raw.len()).any(|window| window == raw), "altered");
    collector.stop();
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    scratch.ok(&["verify", "-q", "--store", "store", "--key", key.trim()]);
}

#[test]
fn a_value_forges_no_record_and_no_request() {
    let scratch = Scratch::new();
    let (audit, requests) = records();
    scratch.ingest(&[&scratch.write("audit.log", audit), &scratch.write("k8s.log", requests)], &[]);
    let of = |query: &str| scratch.search(query).len();
    assert_eq!(
        (of("source:linux"), of("source:kubernetes")),
        (2, 1),
        "two events and a request; what is inside of a value is text"
    );
    assert_eq!(of("who:forged") + of("action:logged-in"), 0);
}

#[test]
fn the_programs_own_log_shows_hostile_names_visibly() {
    let scratch = configured();
    append(&scratch, &line(1));
    // A pipe is not followed, and that is said.
    let name = scratch.path("logs/\u{1b}]0;owned\u{7}\u{202e}\nERROR forged.log");
    assert!(std::process::Command::new("mkfifo").arg(&name).status().unwrap().success());
    scratch.write("config.toml", "store = 'store'\nnode = 'node-1'\n[[tail]]\npaths = ['logs/*.log']\n");
    let mut child = scratch
        .command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    while !said.contains("owned") {
        let line = lines.next().unwrap_or_else(|| panic!("serve ended: {said}")).unwrap();
        said.push_str(&line);
        said.push('\n');
        assert!(started.elapsed() < BOUND, "its name was never said: {said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let bad: Vec<char> = said.chars().filter(|&c| hidden(c)).collect();
    assert!(bad.is_empty(), "{bad:?} in {said:?}");
    assert!(!said.lines().any(|line| line.starts_with("ERROR forged")), "{said}");
}

#[test]
fn nested_brackets_and_times_at_the_ends() {
    let scratch = Scratch::new();
    let nested = format!(
        "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"a\",\"stage\":\"ResponseComplete\",\"requestObject\":{}{}}}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let times = ["0.000:1", "9223372036.854:2", "9223372037.000:3", "18446745773709551.616:42"];
    let lines: String = times
        .iter()
        .map(|time| format!("type=USER_END msg=audit({time}): pid=1 uid=0 auid=1 ses=1 msg='op=x res=success'\n"))
        .collect();
    let told = scratch.ingest(&[&scratch.write("a.log", lines), &scratch.write("k.log", nested)], &[]);
    assert_eq!(told["bad_records"], 3, "{told}");
    let when: Vec<Value> = scratch.search("source:linux").iter().map(|event| event["when"]["event"].clone()).collect();
    assert_eq!(when.len(), 2);
    assert!(
        when.contains(&"1970-01-01T00:00:00.000Z".into()) && when.contains(&"2262-04-11T23:47:16.854Z".into()),
        "{when:?}"
    );
    let query = "(".repeat(100_000);
    let run = scratch.run(&["search", "--store", "store", &query]);
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.len() < 10_000, "an error is short");
    for query in [
        "(((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))",
        "NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT a",
    ] {
        assert_eq!(scratch.run(&["search", "--store", "store", query]).code, 2, "{query}");
    }
}

#[test]
fn a_clock_that_steps_changes_no_evidence() {
    // Records whose times go back and forth by years, as after a battery that died, in one file and in one event's company.
    let scratch = Scratch::new();
    let times = [1_784_368_384u64, 0, 1_784_368_385, 4_000_000_000, 1_784_368_386, 946_684_800, 1_784_368_387];
    let lines: Vec<String> = times
        .iter()
        .zip(1u32..)
        .map(|(time, serial)| {
            format!("type=USER_END msg=audit({time}.000:{serial}): pid=1 uid=0 auid=1 ses=1 msg='op=x res=success'\n")
        })
        .collect();
    scratch.ingest(&[&scratch.write("a.log", lines.concat())], &[]);
    let events = scratch.search("source:linux");
    assert_eq!(events.len(), times.len());
    let raw: Vec<u8> =
        scratch.command(&["search", "-q", "--store", "store", "--raw", "-n", "0", "-r", "*"]).output().unwrap().stdout;
    let mut sorted: Vec<(u64, &String)> = times.iter().copied().zip(&lines).collect();
    sorted.sort();
    assert_eq!(String::from_utf8(raw).unwrap(), sorted.iter().map(|(_, line)| line.as_str()).collect::<String>());
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    scratch.ok(&["verify", "-q", "--store", "store", "--key", key.trim()]);
}

//! A running collector: follows, answers, survives kill -9, repeats nothing.
//!
//! Waiting is always for something that is asked again and again up to a bound, never for a time. Not here: the model of rotation (`source` unit tests).

use crate::harness::{Scratch, root, sample};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes longer on a machine that is busy with other things.
pub const BOUND: Duration = Duration::from_secs(60);

pub struct Collector {
    pub child: Child,
    pub address: String,
}

impl Collector {
    pub fn start(scratch: &Scratch) -> Collector {
        let_in(scratch);
        Collector::of(scratch.command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]))
    }

    /// The one that a command starts.
    pub fn of(mut command: std::process::Command) -> Collector {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("serve ended: {said}")).unwrap();
            said.push_str(&line);
            said.push('\n');
            let at = line.split_once(" at http://").or_else(|| line.split_once(" at https://"));
            if let Some((_, address)) = at {
                break address.trim().to_owned();
            }
        };
        // Its log must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Collector { child, address }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    pub fn get(&self, target: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        let host = if headers.contains("Host:") { String::new() } else { format!("Host: {host}\r\n") };
        write!(stream, "GET {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Whoever is on this machine may ask, where the configuration does not say who may.
pub fn let_in(scratch: &Scratch) {
    let text = std::fs::read_to_string(scratch.path("config.toml")).unwrap();
    if !text.contains("[access]") {
        scratch.write("config.toml", format!("{text}\n[access]\nanonymous = ['auditor', 'operator']\n"));
    }
}

pub fn configured() -> Scratch {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("logs")).unwrap();
    scratch.write("config.toml", "store = 'store'\nnode = 'node-1'\n[[tail]]\npaths = ['logs/audit.log']\n");
    scratch
}

pub fn line(serial: u32) -> String {
    format!(
        "type=USER_LOGIN msg=audit(1795467576.448:{serial}): pid=1 uid=0 auid=1502 ses=5 msg='op=login id=1502 exe=\"/usr/sbin/sshd\" hostname=? addr=10.0.0.9 terminal=ssh res=success'\n"
    )
}

pub fn append(scratch: &Scratch, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(scratch.path("logs/audit.log")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Waits until the store has `count` events; more than that is a repetition.
pub fn wait_for(scratch: &Scratch, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let events = scratch.search("source:linux");
        if events.len() >= count {
            assert_eq!(events.len(), count);
            return events;
        }
        assert!(started.elapsed() < BOUND, "{} events instead of {count}", events.len());
    }
}

/// Every record is in the evidence once.
pub fn once(scratch: &Scratch, count: usize) {
    let events = scratch.search("source:linux");
    assert_eq!(events.len(), count);
    let places: std::collections::HashSet<String> = events
        .iter()
        .flat_map(|event| event["evidence"].as_array().unwrap().clone())
        .map(|at| at.to_string())
        .collect();
    assert_eq!(places.len(), count, "one record an event");
}

#[test]
fn what_is_written_is_found_and_kill_nine_loses_and_repeats_nothing() {
    let scratch = configured();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    append(&scratch, &line(2));
    wait_for(&scratch, 2);
    let mut written = 2;
    let mut collector = Some(collector);
    for round in 0..6 {
        for _ in 0..50 {
            written += 1;
            append(&scratch, &line(written));
        }
        if round % 2 == 0 {
            // Half a line is no record until its rest comes.
            let next = line(written + 1);
            append(&scratch, &next[..40]);
            collector.take().unwrap().kill();
            append(&scratch, &next[40..]);
            written += 1;
        } else {
            collector.take().unwrap().kill();
            std::fs::rename(scratch.path("logs/audit.log"), scratch.path(&format!("logs/audit.log.{round}"))).unwrap();
            written += 1;
            append(&scratch, &line(written));
        }
        collector = Some(Collector::start(&scratch));
    }
    wait_for(&scratch, written as usize);
    collector.take().unwrap().stop();
    once(&scratch, written as usize);
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    scratch.ok(&["verify", "--store", "store", "--key", key.trim()]);
}

#[test]
fn rotation_truncation_and_replacement_are_followed() {
    let scratch = configured();
    let _collector = Collector::start(&scratch);
    append(&scratch, &line(1));
    wait_for(&scratch, 1);
    std::fs::rename(scratch.path("logs/audit.log"), scratch.path("logs/audit.log.1")).unwrap();
    append(&scratch, &line(2));
    wait_for(&scratch, 2);
    // Copy and truncate.
    std::fs::copy(scratch.path("logs/audit.log"), scratch.path("logs/audit.log.2")).unwrap();
    File::create(scratch.path("logs/audit.log")).unwrap();
    append(&scratch, &line(3));
    wait_for(&scratch, 3);
    // Replaced by another file of the same name.
    scratch.write("logs/new", line(4));
    std::fs::rename(scratch.path("logs/new"), scratch.path("logs/audit.log")).unwrap();
    wait_for(&scratch, 4);
    std::fs::remove_file(scratch.path("logs/audit.log")).unwrap();
    append(&scratch, &line(5));
    wait_for(&scratch, 5);
}

/// The routes give the lines of the questions; the command line gives the same through the collector.
fn answers_about_links(scratch: &Scratch, collector: &Collector, id: &str) {
    let (status, body) = collector.get(&format!("/v1/events/{id}/effects"), "Accept: application/x-ndjson\r\n");
    assert!(status == 200 && body.contains("\"depth\":0") && body.contains("_end"), "{status} {body}");
    let (status, body) = collector.get(&format!("/v1/events/{id}/links"), "Accept: application/x-ndjson\r\n");
    assert!(status == 200 && body.contains("_end"), "{status} {body}");
    let document = |name: &str| -> Value {
        let (status, body) = collector.get(&format!("/v1/events/{id}/{name}"), "");
        assert_eq!(status, 200, "{body}");
        let text = body.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON: {body}"));
        serde_json::from_str(text).unwrap()
    };
    let why = document("why");
    assert_eq!(why["event"], id);
    assert_eq!(why["chain"][0]["event"]["id"], id);
    assert!(why["root"]["kind"].is_string(), "{why}");
    let testimony = document("testimony");
    assert_eq!(testimony["testimony"]["event"]["id"], id);
    assert_eq!(testimony["testimony"]["claims"].as_array().unwrap().len(), 6);
    let told = scratch.ok(&["why", id, "--store", "store", "-o", "ndjson"]).out;
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), why);
    assert!(scratch.ok(&["testify", id, "--store", "store"]).out.contains("\nWho did it?\n"));
    for name in ["links", "why", "effects", "testimony"] {
        let (status, problem) = collector.get(&format!("/v1/events/{}/{name}", "a".repeat(26)), "");
        assert!(status == 404 && problem.contains("no event"), "{name}: {status} {problem}");
    }
    let (status, rules) = collector.get("/v1/rules", "");
    assert!(status == 200 && rules.contains("\"session-exec\"") && rules.contains("UNATTRIBUTED_EXEC"), "{rules}");
}

#[test]
fn the_endpoint_answers_whom_it_should() {
    let scratch = configured();
    append(&scratch, &line(7));
    let collector = Collector::start(&scratch);
    let events = wait_for(&scratch, 1);
    let id = events[0]["id"].as_str().unwrap();
    let (status, body) = collector.get("/v1/events?q=what:*&limit=5", "Accept: application/x-ndjson\r\n");
    assert_eq!(status, 200);
    let last = body.lines().rev().find(|line| line.contains("_end")).unwrap_or_else(|| panic!("no trailer: {body}"));
    assert!(last.contains("\"count\":1"), "{last}");
    let (status, one) = collector.get(&format!("/v1/events/{id}"), "");
    assert!(status == 200 && one.contains("\"raw\""), "{status} {one}");
    let (status, problem) = collector.get("/v1/events?q=whom:x", "");
    assert!(status == 400 && problem.contains("did you mean"), "{status} {problem}");
    assert!(problem.contains("\"position\":0"), "{problem}");
    assert_eq!(collector.get("/v1/events?qq=x", "").0, 400);
    assert_eq!(collector.get(&format!("/v1/events/{}", "a".repeat(26)), "").0, 404);
    answers_about_links(&scratch, &collector, id);
    assert_eq!(collector.get("/healthz", "").0, 200);
    assert!(collector.get("/v1/fields", "").1.contains("who.name"));
    // Pages of other people in a browser on this machine.
    assert_eq!(collector.get("/healthz", "Host: evil.example\r\n").0, 403);
    assert_eq!(collector.get("/healthz", "Origin: https://evil.example\r\n").0, 403);
    // The command line finds it by the lock, and gives the same as the endpoint it is told.
    let by_lock = scratch.ok(&["search", "--store", "store", "-o", "ndjson", "*"]).out;
    let by_url = scratch.ok(&["search", "--server", &format!("http://{}", collector.address), "-o", "ndjson", "*"]).out;
    assert_eq!(by_lock, by_url);
    let writer = scratch.run(&["ingest", "--store", "store", sample("auditd/folded.log").to_str().unwrap()]);
    assert_eq!(writer.code, 6, "{}", writer.err);
    assert!(writer.err.contains(&collector.child.id().to_string()), "names the holder: {}", writer.err);
    // A proof, once a checkpoint covers it.
    let started = Instant::now();
    let proof = loop {
        let run = scratch.run(&["prove", "--store", "store", id]);
        if run.code == 0 {
            break run.out;
        }
        assert!(started.elapsed() < BOUND, "{}", run.err);
    };
    scratch.write("e.proof", proof);
    scratch.ok(&["verify", "e.proof"]);
    collector.stop();
    assert_eq!(
        by_lock,
        scratch.ok(&["search", "--store", "store", "-o", "ndjson", "*"]).out,
        "the same when nobody serves"
    );
}

#[test]
fn tail_shows_what_comes() {
    let scratch = configured();
    append(&scratch, &line(1));
    let _collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    let mut tail = scratch
        .command(&["tail", "--store", "store", "-o", "ndjson", "-n", "2", "what:*"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Until it has asked once it may miss what comes; so things come until it has seen two.
    let mut serial = 2;
    let started = Instant::now();
    while tail.try_wait().unwrap().is_none() {
        append(&scratch, &line(serial));
        wait_for(&scratch, serial as usize);
        serial += 1;
        assert!(started.elapsed() < BOUND);
    }
    let mut out = String::new();
    tail.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(!out.contains(":1)"), "what was there before is no news: {out}");
}

/// Of what comes, `tail` shows what a computed condition holds for, and nothing else.
fn tail_shows(condition: &str, first: &str, wanted: impl Fn(u32) -> String, mark: &str) {
    let scratch = configured();
    append(&scratch, first);
    let _collector = Collector::start(&scratch);
    wait_for(&scratch, 1);
    let mut tail = scratch
        .command(&["tail", "--store", "store", "-o", "ndjson", "-n", "2", condition])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut serial = 2;
    let started = Instant::now();
    while tail.try_wait().unwrap().is_none() {
        append(&scratch, &(line(serial) + &wanted(serial + 1)));
        wait_for(&scratch, serial as usize + 1);
        serial += 2;
        if started.elapsed() >= BOUND {
            tail.kill().unwrap();
            panic!("{condition}: nothing came");
        }
    }
    let mut out = String::new();
    tail.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(out.lines().filter(|line| line.contains(mark)).count(), 2, "{condition}: {out}");
}

#[test]
fn tail_shows_what_a_finding_is_about() {
    let off = |serial: u32| {
        format!(
            "type=CONFIG_CHANGE msg=audit(1795467577.448:{serial}): op=set audit_enabled=0 old=1 auid=1502 ses=5 res=1\n"
        )
    };
    tail_shows("finding:AUDIT_OFF", &line(1), off, "changed-audit-configuration");
}

#[test]
fn tail_shows_what_has_links_of_a_rule_or_a_class() {
    let began = "type=LOGIN msg=audit(1795467570.448:1): pid=499 uid=0 old-auid=4294967295 auid=1502 tty=(none) old-ses=4294967295 ses=9 res=1\n";
    let runs = |serial: u32| {
        format!(
            "type=SYSCALL msg=audit(1795467577.448:{serial}): arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=0 ppid=800 pid={} auid=1502 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=9 comm=\"id\" exe=\"/usr/bin/id\" key=\"k\"\ntype=EXECVE msg=audit(1795467577.448:{serial}): argc=1 a0=\"id\"\ntype=EOE msg=audit(1795467577.448:{serial}): \n",
            900 + serial
        )
    };
    for condition in ["link.rule:login-session exe:/usr/bin/id", "link.class:STRONG exe:/usr/bin/id"] {
        tail_shows(condition, began, runs, "/usr/bin/id");
    }
}

#[test]
fn the_shipped_configuration_answers_its_own_questions() {
    let scratch = Scratch::new();
    for name in ["config.toml", "samples"] {
        std::os::unix::fs::symlink(root().join(name), scratch.path(name)).unwrap();
    }
    let _collector = Collector::start(&scratch);
    let questions: &[&[&str]] =
        &[&["search", "what:exec", "-o", "text"], &["timeline", "key:audit-docker"], &["top", "who", "outcome:denied"]];
    let text = std::fs::read_to_string(root().join("src/cli/serve.rs")).unwrap();
    for question in questions {
        assert!(text.contains(question[0]) && text.contains(question[1]), "serve prints {question:?}");
        let started = Instant::now();
        loop {
            let run = scratch.run(question);
            if run.code == 0 {
                break;
            }
            assert!(run.code == 1 && started.elapsed() < BOUND, "{question:?}: {}", run.err);
        }
    }
    assert!(scratch.path("data/log/checkpoint").exists());
}

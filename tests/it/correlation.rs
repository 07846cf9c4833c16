//! Links on real records that were moved, cut, doubled and forged: the same for every order of arrival, and nobody blamed for what the records do not show.
//!
//! Not here: whole runs against ground truth (`attribution`).

use crate::harness::{Scratch, sample};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FILES: [&str; 5] =
    ["auditd/exec.log", "kubernetes/exec.log", "containerd/pod.log", "containerd/events.log", "kubelet/session.log"];

/// Lines of the sample of one exec, file by file; the last byte of each line is its end.
fn lines() -> Vec<Vec<String>> {
    let read = |name: &&str| std::fs::read_to_string(sample(name)).unwrap();
    FILES.iter().map(read).map(|text| text.split_inclusive('\n').map(str::to_owned).collect()).collect()
}

/// The same with a session of somebody else: the same command in the same container, three seconds later, of which no exec was recorded.
fn lines_with_another_session() -> Vec<Vec<String>> {
    let mut files = lines();
    let other = |line: &String| {
        line.replace("alice@example.com", "mallory@example.com")
            .replace("2292487f-", "ffffffff-")
            .replace("T20:59:10.", "T20:59:13.")
    };
    let session: Vec<String> =
        files[1].iter().filter(|line| line.contains(r#""subresource":"exec""#)).map(other).collect();
    assert!(session.len() >= 2 && session.iter().all(|line| line.contains("mallory") && line.contains("ffffffff-")));
    files[1].extend(session);
    files
}

fn write(scratch: &Scratch, name: &str, lines: &[String]) -> PathBuf {
    scratch.write(name, lines.concat())
}

fn ingest(scratch: &Scratch, files: &[Vec<String>]) {
    for (number, lines) in files.iter().enumerate().filter(|(_, lines)| !lines.is_empty()) {
        let path = write(scratch, &format!("in-{number}.log"), lines);
        ingest_one(scratch, &path, FILES[number]);
    }
}

fn ingest_one(scratch: &Scratch, path: &Path, like: &str) {
    let kind = match like {
        "auditd/exec.log" => "auditd",
        "kubernetes/exec.log" => "kubernetes-audit",
        "containerd/pod.log" => "containerd",
        "containerd/events.log" => "containerd-events",
        _ => "kubelet",
    };
    scratch.ingest(&[path], &["--kind", kind]);
}

/// `why` for the process that read /etc/shadow in the pod.
fn why(scratch: &Scratch) -> Value {
    why_of(scratch, "argv:/etc/shadow syscall:execve pid:24109")
}

fn why_of(scratch: &Scratch, query: &str) -> Value {
    let found = scratch.search(query);
    assert_eq!(found.len(), 1, "{query}");
    let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    serde_json::from_str(&run.out).unwrap()
}

/// What must not depend on how records came: events, rules, classes, keys, candidates, the end; not where records lie in the log.
fn essence(why: &Value) -> String {
    let step = |step: &Value| {
        let link = &step["link"];
        let parts = ["rule", "class", "from", "to", "keys", "delta_ms", "clock_us", "candidates", "support", "missing"];
        let parts: Vec<String> = parts.iter().map(|name| link[name].to_string()).collect();
        format!("{} {}\n", step["event"]["id"], parts.join(" "))
    };
    let chain: String = why["chain"].as_array().unwrap().iter().map(step).collect();
    let findings: Vec<String> =
        why["findings"].as_array().unwrap().iter().map(|one| one["detail"].to_string()).collect();
    format!("{chain}{}\n{findings:?}", why["root"])
}

/// A small generator: the same sequence everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

#[test]
fn one_exec_from_the_process_to_the_person() {
    let scratch = Scratch::new();
    ingest(&scratch, &lines());
    let why = why(&scratch);
    let root = &why["root"];
    assert_eq!((root["name"].as_str(), root["class"].as_str()), (Some("alice@example.com"), Some("STRONG")), "{root}");
    let rules: Vec<&str> =
        why["chain"].as_array().unwrap().iter().filter_map(|step| step["link"]["rule"].as_str()).collect();
    assert_eq!(rules, ["process-child", "exec-process", "session-exec"]);
    let last = why["chain"].as_array().unwrap().last().unwrap()["event"]["id"].as_str().unwrap().to_owned();
    let effects = scratch.ok(&["effects", &last, "--store", "store", "-o", "ndjson"]).lines();
    let ids: BTreeSet<&str> = effects.iter().filter_map(|line| line["event"]["id"].as_str()).collect();
    for step in why["chain"].as_array().unwrap() {
        assert!(ids.contains(step["event"]["id"].as_str().unwrap()), "what has it as a cause is among its effects");
    }
    let testimony = scratch.ok(&["testify", why["event"].as_str().unwrap(), "--store", "store"]);
    assert!(testimony.out.contains("alice@example.com"), "{}", testimony.out);
}

#[test]
fn order_changes_no_link() {
    let whole = Scratch::new();
    ingest(&whole, &lines());
    let expected = essence(&why(&whole));
    let mut dice = Dice(7);
    for round in 0..4 {
        let scratch = Scratch::new();
        let mut parts: Vec<(usize, Vec<String>)> = Vec::new();
        for (number, mut lines) in lines().into_iter().enumerate() {
            dice.shuffle(&mut lines);
            let cuts = 1 + dice.below(3);
            let size = lines.len().div_ceil(cuts);
            parts.extend(lines.chunks(size).map(|part| (number, part.to_vec())));
        }
        dice.shuffle(&mut parts);
        for (at, (number, lines)) in parts.iter().enumerate() {
            let path = write(&scratch, &format!("part-{at}.log"), lines);
            // Each import is a process of its own: a restart in between.
            ingest_one(&scratch, &path, FILES[*number]);
        }
        assert_eq!(essence(&why(&scratch)), expected, "round {round}");
        if round == 0 {
            scratch.ok(&["rebuild", "--store", "store"]);
            assert_eq!(essence(&why(&scratch)), expected, "rebuilt");
        }
    }
}

#[test]
fn an_exec_without_a_session_is_a_finding() {
    let scratch = Scratch::new();
    let mut files = lines();
    files[1].retain(|line| !line.contains(r#""subresource":"exec""#));
    ingest(&scratch, &files);
    let before = why(&scratch);
    assert_eq!(before["root"]["kind"], "unknown", "{}", before["root"]);
    assert_eq!(before["findings"][0]["finding"], "UNATTRIBUTED_EXEC");
    // The session comes late: the answer is another one.
    let session: Vec<String> =
        lines()[1].iter().filter(|line| line.contains(r#""subresource":"exec""#)).cloned().collect();
    let path = write(&scratch, "late.log", &session);
    ingest_one(&scratch, &path, "kubernetes/exec.log");
    let after = why(&scratch);
    assert_eq!(after["root"]["name"], "alice@example.com");
    assert_eq!(after["findings"].as_array().unwrap().len(), 0);
}

#[test]
fn a_number_that_was_given_away_again_names_nobody() {
    let scratch = Scratch::new();
    let mut files = lines();
    // 24100 was the first process of the exec, and ended; now somebody else has its number, and starts a program.
    let stamp = "audit(1795467555.000:999999)";
    files[0].push(format!("type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=1 ppid=24100 pid=31000 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"x\" exe=\"/bin/busybox\" key=\"exec\"\n"));
    files[0].push(format!("type=EXECVE msg={stamp}: argc=1 a0=\"x\"\n"));
    ingest(&scratch, &files);
    let why = why_of(&scratch, "pid:31000");
    assert_eq!(why["root"]["kind"], "unknown", "{}", why["root"]);
}

#[test]
fn clocks_apart_blame_nobody_else() {
    for seconds in [-30i64, -3, 3, 30] {
        for sources in [2, 5] {
            let scratch = Scratch::new();
            let mut files = lines_with_another_session();
            files.truncate(sources);
            for line in &mut files[0] {
                let (before, rest) = line.split_once("audit(").unwrap();
                let (stamp, rest) = rest.split_once('.').unwrap();
                *line = format!("{before}audit({}.{rest}", stamp.parse::<i64>().unwrap() + seconds);
            }
            ingest(&scratch, &files);
            let root = why(&scratch)["root"].clone();
            let named = root["name"].as_str().is_none_or(|name| name == "alice@example.com");
            assert!(named, "{seconds} s, {sources} sources: {root}");
        }
    }
}

#[test]
fn records_missing_on_either_side_blame_nobody_else() {
    let mut dice = Dice(11);
    for _ in 0..6 {
        let scratch = Scratch::new();
        let mut files = lines_with_another_session();
        for lines in &mut files {
            lines.retain(|line| line.contains(":321271)") || dice.below(4) > 0);
        }
        // The program itself stays.
        files[0] = lines()[0]
            .iter()
            .filter(|line| line.contains("pid=24109") || line.contains("/etc/shadow") || dice.below(4) > 0)
            .cloned()
            .collect();
        ingest(&scratch, &files);
        for event in scratch.search("syscall:execve") {
            let run = scratch.ok(&["why", event["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
            let why: Value = serde_json::from_str(&run.out).unwrap();
            let name = why["root"]["name"].as_str().unwrap_or("alice@example.com");
            assert_eq!(name, "alice@example.com", "{}", why["root"]);
        }
    }
}

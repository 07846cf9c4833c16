//! Links on real records that were moved, cut, doubled and forged: the same for every order of arrival, and nobody blamed for what the records do not show.
//!
//! Not here: whole runs against ground truth (`attribution`).

use crate::harness::{Dice, Scratch, sample};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FILES: [&str; 5] =
    ["auditd/exec.log", "kubernetes/exec.log", "containerd/pod.log", "containerd/events.log", "kubelet/session.log"];

/// The lines of a file, those of a message of the kubelet together.
fn records(text: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        match records.last_mut() {
            Some(last) if line.starts_with(char::is_whitespace) => last.push_str(line),
            _ => records.push(line.to_owned()),
        }
    }
    records
}

/// Lines of the sample of one exec, file by file; the last byte of each line is its end.
pub fn lines() -> Vec<Vec<String>> {
    let read = |name: &&str| std::fs::read_to_string(sample(name)).unwrap();
    FILES.iter().map(read).map(|text| records(&text)).collect()
}

/// The same with a session of somebody else: the same command in the same container, three seconds later, of which no exec was recorded.
pub fn lines_with_another_session() -> Vec<Vec<String>> {
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

pub fn ingest(scratch: &Scratch, files: &[Vec<String>]) {
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
pub fn why(scratch: &Scratch) -> Value {
    why_of(scratch, "argv:/etc/shadow syscall:execve pid:24109")
}

fn why_of(scratch: &Scratch, query: &str) -> Value {
    let found = scratch.search(query);
    assert_eq!(found.len(), 1, "{query}");
    let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    serde_json::from_str(&run.out).unwrap()
}

/// What must not depend on how records came: events, rules, classes, keys, candidates, the end; not where records lie in the log.
pub fn essence(why: &Value) -> String {
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
fn a_near_miss_says_what_disagrees() {
    let scratch = Scratch::new();
    ingest(&scratch, &lines_with_another_session());
    let process = scratch.search("argv:/etc/shadow syscall:execve pid:24109")[0]["id"].as_str().unwrap().to_owned();
    let session = scratch.search("who:mallory@example.com what:exec")[0]["id"].as_str().unwrap().to_owned();
    let run = scratch.run(&["why", &process, "--to", &session, "--store", "store", "-o", "json"]);
    let answer: Value = serde_json::from_str(&run.out).unwrap();
    let near = &answer["near_miss"];
    assert_eq!((answer["linked"].as_str(), near["class"].as_str()), (Some("none"), Some("CONTRADICTED")), "{answer}");
    let disagree: Vec<&str> = near["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["agrees"] == false)
        .map(|key| key["name"].as_str().unwrap())
        .collect();
    assert_eq!(disagree, ["start", "end"], "{near}");
    let text = scratch.run(&["why", &process, "--to", &session, "--store", "store"]).out;
    assert!(text.contains("it is not the cause: CONTRADICTED"), "{text}");
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
fn whom_a_kubelet_asked_about_is_a_possibility_and_nobody_is_named() {
    let asked = |who: &str, about: &str, node: &str, at: &str, allowed: bool| {
        format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"5a5","stage":"ResponseComplete","requestURI":"/x","verb":"create","user":{{"username":"{who}"}},"sourceIPs":["127.0.0.1"],"objectRef":{{"resource":"subjectaccessreviews","apiGroup":"authorization.k8s.io"}},"responseStatus":{{"code":201}},"requestObject":{{"spec":{{"resourceAttributes":{{"verb":"create","resource":"nodes","subresource":"proxy","name":"{node}"}},"user":"{about}"}}}},"responseObject":{{"status":{{"allowed":{allowed}}}}},"requestReceivedTimestamp":"2026-11-23T{at}Z","stageTimestamp":"2026-11-23T{at}Z"}}"#
        ) + "\n"
    };
    let (mine, bob, at) = ("system:node:node-1", "bob@example.com", "20:57:00.000000");
    let told = |line: String| {
        let scratch = Scratch::new();
        let mut files = lines();
        files[1].retain(|line| !line.contains(r#""subresource":"exec""#));
        files[1].push(line);
        ingest(&scratch, &files);
        let why = why(&scratch);
        assert_eq!(why["root"]["kind"], "unknown", "{}", why["root"]);
        let finding = &why["findings"][0];
        let named = finding["detail"].as_str().unwrap().contains(bob);
        assert_eq!(finding["events"].as_array().unwrap().len(), if named { 2 } else { 1 }, "{finding}");
        named
    };
    assert!(told(asked(mine, bob, "node-1", at, true)));
    assert!(!told(asked(mine, bob, "node-1", at, false)), "the answer was no");
    assert!(!told(asked(mine, bob, "node-2", at, true)), "of another node");
    assert!(!told(asked("system:node:node-2", bob, "node-2", at, true)), "of another node's kubelet");
    assert!(!told(asked("mallory@example.com", bob, "node-1", at, true)), "of somebody who is no kubelet");
    assert!(!told(asked(mine, bob, "node-1", "20:53:00.000000", true)), "too long ago");
    assert!(!told(asked(mine, "kube-apiserver-kubelet-client", "node-1", at, true)), "the API server itself");
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

/// Moves every stamp of the second in which the exec was made by some milliseconds; they do not leave that second.
fn later(line: &str, ms: u64) -> String {
    let mut out = String::new();
    let mut rest = line;
    let marks = ["20:59:10.", "(1795467550."];
    while let Some((at, mark)) = marks.iter().filter_map(|mark| Some((rest.find(mark)?, *mark))).min() {
        let (before, after) = rest.split_at(at + mark.len());
        let (digits, after) = after.split_at(3);
        out.push_str(before);
        let moved = digits.parse::<u64>().unwrap() + ms;
        assert!(moved < 1000, "{line}");
        out.push_str(&format!("{moved:03}"));
        rest = after;
    }
    out + rest
}

/// Records of the one exec of the sample, file by file: what is made anew when somebody else does the same.
fn one_exec() -> Vec<Vec<String>> {
    let of_exec = |number: usize, line: &String| match number {
        0 => line.split(':').nth(1).and_then(|rest| rest.split(')').next()?.parse::<u64>().ok()).unwrap() >= 321_261,
        1 => line.contains(r#""subresource":"exec""#) && line.contains("2292487f-"),
        2 => line.contains("T20:59:10."),
        3 => line.contains("cc8805f9"),
        _ => line.contains(" 20:59:10.745284 "),
    };
    let found: Vec<Vec<String>> = lines()
        .into_iter()
        .enumerate()
        .map(|(number, lines)| lines.into_iter().filter(|line| of_exec(number, line)).collect())
        .collect();
    assert!(found.iter().all(|lines| !lines.is_empty()));
    found
}

/// The same exec by another person: `number` ms later, with ids and processes of its own.
fn exec_of(number: u64, who: &str) -> Vec<Vec<String>> {
    let one = |line: &String| {
        let mut line = later(line, number)
            .replace("alice@example.com", who)
            .replace("2292487f", &format!("{:08x}", 0x2000_0000 + number))
            .replace("cc8805f9", &format!("{:08x}", 0xcc00_0000 + number));
        for pid in [24_089u64, 24_097, 24_100, 24_109] {
            let moved = pid + 100 * number;
            line = line.replace(&format!("pid={pid} "), &format!("pid={moved} "));
            line = line.replace(&format!("\"pid\":{pid}"), &format!("\"pid\":{moved}"));
        }
        for serial in 321_261u64..321_278 {
            line = line.replace(&format!(":{serial})"), &format!(":{})", 330_000 + 20 * number + serial - 321_261));
        }
        line
    };
    one_exec().iter().map(|lines| lines.iter().map(one).collect()).collect()
}

fn names(root: &Value) -> BTreeSet<String> {
    let candidates = root["candidates"].as_array().cloned().unwrap_or_default();
    let all = candidates.iter().map(|one| one["name"].as_str().unwrap().to_owned());
    all.chain(root["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_hundred_at_once() {
    for sources in [2, 5] {
        let scratch = Scratch::new();
        let mut files = lines();
        for number in 1..100u64 {
            for (file, lines) in files.iter_mut().zip(exec_of(number, &format!("user-{number}@example.com"))) {
                file.extend(lines);
            }
        }
        files.truncate(sources);
        ingest(&scratch, &files);
        for number in [1u64, 2, 50, 98, 99] {
            let why = why_of(&scratch, &format!("argv:/etc/shadow syscall:execve pid:{}", 24_109 + 100 * number));
            let root = &why["root"];
            let person = format!("user-{number}@example.com");
            assert!(names(root).contains(&person), "{sources} sources, {person}: {root}");
            // What tells them apart is a few milliseconds of their beginnings, which is no order.
            assert_eq!(root["kind"], "ambiguous", "{sources} sources, {person}: {root}");
        }
    }
}

/// The first process as a child of the shim: the runtime was gone before it became its program.
fn reparented(lines: &mut [String], pid: u64, ppid: u64) {
    let child = format!("ppid={ppid} pid={pid} ");
    let mut changed = 0;
    for line in lines.iter_mut().filter(|line| line.contains(&child)) {
        *line = line.replace(&child, &format!("ppid=22611 pid={pid} "));
        changed += 1;
    }
    assert_eq!(changed, 1);
}

#[test]
fn a_reparented_first_process() {
    for sources in [2, 5] {
        // Alone: the daemon names the process, or only one order of the runtime is open for it.
        let scratch = Scratch::new();
        let mut files = lines();
        reparented(&mut files[0], 24_100, 24_089);
        files.truncate(sources);
        ingest(&scratch, &files);
        let root = why(&scratch)["root"].clone();
        assert!(names(&root).is_subset(&BTreeSet::from(["alice@example.com".to_owned()])), "{sources} sources: {root}");
        if sources == 5 {
            assert_eq!(root["name"], "alice@example.com", "{root}");
        }
        // Two at once, both reparented, of two persons with two commands.
        let scratch = Scratch::new();
        let mut files = lines();
        for (number, mut lines) in exec_of(7, "mallory@example.com").into_iter().enumerate() {
            if number == 0 {
                reparented(&mut lines, 24_800, 24_789);
            }
            files[number].extend(lines);
        }
        reparented(&mut files[0], 24_100, 24_089);
        files.truncate(sources);
        ingest(&scratch, &files);
        for (pid, person) in [(24_109, "alice@example.com"), (24_809, "mallory@example.com")] {
            let root = why_of(&scratch, &format!("argv:/etc/shadow syscall:execve pid:{pid}"))["root"].clone();
            let names = names(&root);
            assert!(names.is_empty() || names.contains(person), "{sources} sources, {person}: {root}");
            if root["kind"] == "credential" {
                assert_eq!(root["name"], person, "{sources} sources: {root}");
            }
        }
    }
}

/// A run of the runtime that starts `true` in the container of the sample, as a probe does, at `at_ms`.
fn probe(number: u64, at_ms: u64) -> [String; 5] {
    let stamp = |more: u64| {
        let at = at_ms + more;
        format!("audit({}.{:03}:{})", at / 1000, at % 1000, 500_000 + 2 * number + more)
    };
    let (runc, first) = (100_000 + 2 * number, 100_001 + 2 * number);
    let ids = "auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295";
    let container = "c769c925076b75fe77f5c636d7d2442d2ab52eeee16d8eb9c34dfc61271abff6";
    let call = |pid: u64, ppid: u64| {
        format!("arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=0 ppid={ppid} pid={pid} {ids}")
    };
    [
        format!(
            "type=SYSCALL msg={}: {} comm=\"runc\" exe=\"/usr/sbin/runc\" key=\"x\"\n",
            stamp(0),
            call(runc, 22_611)
        ),
        format!(
            "type=EXECVE msg={}: argc=14 a0=\"runc\" a1=\"--root\" a2=\"/run/containerd/runc/k8s.io\" a3=\"--log\" a4=\"/x/log.json\" a5=\"--log-format\" a6=\"json\" a7=\"exec\" a8=\"--process\" a9=\"/tmp/runc-process1\" a10=\"--detach\" a11=\"--pid-file\" a12=\"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{container}/{number:064x}.pid\" a13=\"{container}\"\n",
            stamp(0)
        ),
        format!(
            "type=PATH msg={}: item=0 name=\"/usr/sbin/runc\" inode=9125916 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0\n",
            stamp(0)
        ),
        format!("type=SYSCALL msg={}: {} comm=\"true\" exe=\"/bin/busybox\" key=\"x\"\n", stamp(1), call(first, runc)),
        format!("type=EXECVE msg={}: argc=1 a0=\"true\"\n", stamp(1)),
    ]
}

#[test]
fn probes_of_days_hide_no_session() {
    let scratch = Scratch::new();
    let mut files = lines();
    // More than any look-up returns, before and after.
    let middle = 1_795_467_550_000u64;
    files[0].extend((1..1_200).flat_map(|number| probe(number, middle - 10_000 * number)));
    files[0].extend((1..1_200).flat_map(|number| probe(2_000 + number, middle + 10_000 * number)));
    ingest(&scratch, &files);
    let root = why(&scratch)["root"].clone();
    assert_eq!(root["name"], "alice@example.com", "{root}");
    let container = "container:c769c925076b75fe77f5c636d7d2442d2ab52eeee16d8eb9c34dfc61271abff6";
    let tree = scratch.ok(&["tree", container, "--store", "store", "-o", "ndjson"]).lines();
    let execs = tree.iter().filter(|line| line["depth"] == 0 && line["root"].is_object()).count();
    assert_eq!(execs, 2_399, "each exec is in the tree");
}

/// A line without its URI, as Google's log tells a request: neither the command nor the terminal is known.
fn untold(line: &str) -> String {
    let Some(at) = line.find(r#""requestURI":""#) else { return line.to_owned() };
    let behind = at + line[at..].find(r#"","verb""#).unwrap() + 2;
    format!("{}{}", &line[..at], &line[behind..])
}

#[test]
fn a_session_whose_command_is_not_recorded_fits_every_command() {
    let exec = |line: &&mut String| line.contains(r#""subresource":"exec""#);
    let scratch = Scratch::new();
    let mut files = lines();
    files[1].iter_mut().filter(exec).for_each(|line| *line = untold(line));
    ingest(&scratch, &files);
    let answer = why(&scratch);
    assert_eq!(answer["root"]["name"], "alice@example.com", "{answer}");
    let classes: Vec<_> =
        answer["chain"].as_array().unwrap().iter().map(|step| step["link"]["class"].clone()).collect();
    assert!(classes.contains(&"CONSISTENT".into()), "nothing but the time and the pod says so: {classes:?}");

    // Another session, whose command is known: each could be the one.
    let scratch = Scratch::new();
    let mut files = lines_with_another_session();
    files[1].iter_mut().filter(exec).filter(|line| line.contains("mallory")).for_each(|line| *line = untold(line));
    for line in &mut files[1] {
        *line = line.replace("T20:59:13.", "T20:59:10.");
    }
    ingest(&scratch, &files);
    let root = why(&scratch)["root"].clone();
    let both = BTreeSet::from(["alice@example.com".to_owned(), "mallory@example.com".to_owned()]);
    assert_eq!((root["kind"].as_str(), names(&root)), (Some("ambiguous"), both), "{root}");
}

#[test]
fn an_audit_id_of_two_requests_is_a_finding() {
    let findings = |files: &[Vec<String>]| {
        let scratch = Scratch::new();
        ingest(&scratch, files);
        let session = scratch.search("what:exec who:alice@example.com audit_id:2292487f-*");
        let id = session[0]["id"].as_str().unwrap();
        let links = scratch.ok(&["links", id, "--store", "store", "-o", "ndjson"]).lines();
        let found = links.iter().filter(|line| line["finding"] == "AUDIT_ID_REUSE").cloned().collect::<Vec<_>>();
        assert_eq!(found.len(), why(&scratch)["findings"].as_array().unwrap().len(), "why says it too");
        found
    };
    assert_eq!(findings(&lines()), [] as [Value; 0]);
    let mut files = lines_with_another_session();
    files[1].iter_mut().for_each(|line| *line = line.replace("ffffffff-", "2292487f-"));
    let found = findings(&files);
    assert_eq!((found[0]["severity"].as_str(), found[0]["events"].as_array().unwrap().len()), (Some("high"), 2));
    assert!(found[0]["detail"].as_str().unwrap().contains("mallory@example.com"), "{found:?}");
}

#[test]
fn a_name_of_thousands_of_pods() {
    let scratch = Scratch::new();
    let mut files = lines();
    let class = |scratch: &Scratch| {
        why(scratch)["chain"].as_array().unwrap().iter().map(|step| step["link"]["class"].clone()).collect::<Vec<_>>()
    };
    ingest(&scratch, &files);
    let alone = class(&scratch);
    // The pod's name belonged to others before and after, more of them than any look-up returns.
    let made = |line: &&String| line.contains("returns sandbox id") || line.contains("returns container id");
    for lines in &mut files {
        let pod: Vec<String> = lines.iter().filter(made).cloned().collect();
        for (number, line) in (0..1_200u32).flat_map(|number| pod.iter().map(move |line| (number, line))) {
            let day = if number % 2 == 0 { 10 } else { 25 };
            let hour = format!("2026-11-{:02}T{:02}:{:02}", day + number / 600, number / 60 % 24, number % 60);
            lines.push(
                line.replace("2026-11-23T20:59", &hour)
                    .replace("c769c925", &format!("{number:08x}"))
                    .replace("81e8078d", &format!("{number:08x}"))
                    .replace("e943d823", &format!("{number:08x}")),
            );
        }
    }
    let scratch = Scratch::new();
    ingest(&scratch, &files);
    assert_eq!(why(&scratch)["root"]["name"], "alice@example.com");
    assert_eq!(class(&scratch), alone, "what others of the name did weakens nothing");
}

/// The container of a pod that carol made by hand, with alice's exec in it; later a child of its first process starts a program.
fn child_of_the_first_process() -> Vec<Vec<String>> {
    let mut files = lines();
    for line in &mut files[1] {
        if line.contains(r#""requestURI":"/api/v1/namespaces/shop/pods","verb":"create""#) {
            *line = line
                .replace("system:serviceaccount:kube-system:replicaset-controller", "carol@example.com")
                .replace("ownerReferences", "formerReferences");
        }
    }
    let stamp = "audit(1795467560.000:900000)";
    files[0].push(format!("type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=0 items=0 ppid=22802 pid=41000 auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"nc\" exe=\"/bin/busybox\" key=\"x\"\n"));
    files[0].push(format!("type=EXECVE msg={stamp}: argc=1 a0=\"nc\"\n"));
    files
}

/// Whose the child of the first process may be.
fn candidates_of_the_child(files: &[Vec<String>]) -> BTreeSet<String> {
    let scratch = Scratch::new();
    ingest(&scratch, files);
    let root = why_of(&scratch, "pid:41000 syscall:execve")["root"].clone();
    assert_eq!(root["kind"].as_str(), Some("ambiguous"), "{root}");
    names(&root)
}

#[test]
fn a_child_of_the_first_process_may_be_an_orphan_of_a_session() {
    // Few probes since, and more than are looked at one by one.
    for probes in [2u64, 40] {
        let mut files = child_of_the_first_process();
        files[0].extend((1..=probes).flat_map(|number| probe(number, 1_795_467_551_000 + 100 * number)));
        let both = BTreeSet::from(["alice@example.com".to_owned(), "carol@example.com".to_owned()]);
        assert_eq!(candidates_of_the_child(&files), both, "{probes} probes");
    }
}

#[test]
fn a_child_of_the_first_process_may_be_of_who_attached_and_not_to_an_earlier_container() {
    // Also where the clock of the API server is ten minutes behind the node's.
    for (day, minutes, may_be) in [("23", "T20:5", true), ("23", "T20:4", true), ("22", "T20:5", false)] {
        let mut files = child_of_the_first_process();
        let attached = |line: &String| {
            line.replace("alice@example.com", "dave@example.com")
                .replace("2292487f-", "eeeeeeee-")
                .replace(r#""subresource":"exec""#, r#""subresource":"attach""#)
                .replace("/exec?", r"/attach?stdin=true\u0026")
                .replace("-23T20:59:10.", &format!("-{day}T20:59:12."))
        };
        let asked =
            files[1].iter().filter(|line| line.contains(r#""subresource":"exec""#) && line.contains("2292487f-"));
        // Nobody has seen its end.
        let attached: Vec<String> = asked.filter(|line| !line.contains("ResponseComplete")).map(attached).collect();
        assert!(!attached.is_empty() && attached.iter().all(|line| line.contains(&format!("-{day}T20:59:12."))));
        files[1].extend(attached);
        files[1].iter_mut().for_each(|line| *line = line.replace("T20:5", minutes));
        assert_eq!(candidates_of_the_child(&files).contains("dave@example.com"), may_be, "{day} {minutes}");
    }
}

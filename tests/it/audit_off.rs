//! AUDIT_OFF on hand-made records: what is found, what every start does and is no finding; and on the lab.
//!
//! Not here: other findings.

use crate::harness::{Scratch, corpus};
use serde_json::Value;

const BOB: &str = "auid=1502 ses=9";
const NOBODY: &str = "auid=4294967295 ses=4294967295";

fn line(kind: &str, second: u32, fields: &str) -> String {
    format!("type={kind} msg=audit({}.123:{second}): {fields}\n", 1_795_467_000 + second)
}

fn set(second: u32, who: &str, what: &str) -> String {
    line("CONFIG_CHANGE", second, &format!("op=set {what} {who} res=1"))
}

fn rule(second: u32, who: &str, op: &str, key: &str) -> String {
    line("CONFIG_CHANGE", second, &format!("{who} op={op} key=\"{key}\" list=4 res=1"))
}

fn call(second: u32) -> String {
    let fields = format!(
        "arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 {BOB} uid=0 euid=0 comm=\"sh\" exe=\"/bin/sh\""
    );
    line("SYSCALL", second, &fields)
}

fn command(second: u32) -> String {
    let message =
        format!("pid=7 uid=1502 {BOB} msg='cwd=\"/\" cmd=\"truncate\" exe=\"/usr/bin/sudo\" terminal=? res=success'");
    line("USER_CMD", second, &message)
}

fn daemon(kind: &str, second: u32, who: &str) -> String {
    line(kind, second, &format!("op=terminate uid=0 pid=1 {who} res=success"))
}

/// Severity, and what is said, of each finding.
fn found(lines: &[String]) -> Vec<(String, String)> {
    let scratch = Scratch::new();
    scratch.write("audit.log", lines.concat());
    scratch.ok(&["ingest", "-q", "--store", "store", "--node", "n1", "--kind", "auditd", "audit.log"]);
    told(&scratch, "AUDIT_OFF").iter().map(|line| (text(line, "severity"), text(line, "detail"))).collect()
}

fn text(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap().to_owned()
}

fn told(scratch: &Scratch, finding: &str) -> Vec<Value> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    run.lines().into_iter().filter(|line| line["finding"] == finding).collect()
}

fn severities(lines: &[String]) -> Vec<String> {
    found(lines).into_iter().map(|(severity, _)| severity).collect()
}

#[test]
fn auditing_turned_off_until_the_kernel_speaks_again() {
    let off = [call(1), set(10, BOB, "audit_enabled=0 old=1"), command(20)];
    let open = found(&off);
    assert_eq!(open.len(), 1);
    assert!(open[0].0 == "high" && open[0].1.contains("auid 1502, session 9 turned"), "{open:?}");
    assert!(open[0].1.contains("no sign since") && open[0].1.contains("1 events: ran-command 1"), "{open:?}");
    let closed = found(&[&off[..], &[call(30)]].concat());
    assert!(closed[0].1.contains("on again at 2026-11-23T20:50:30.123Z"), "{closed:?}");
    // What was off before, what did not succeed, and what turns it on.
    assert_eq!(severities(&[set(10, BOB, "audit_enabled=0 old=0")]), [""; 0]);
    assert_eq!(severities(&[set(10, BOB, "audit_enabled=0 old=1").replace("res=1", "res=0")]), [""; 0]);
    assert_eq!(
        severities(&[set(10, BOB, "audit_enabled=1 old=0"), set(11, BOB, "audit_backlog_limit=9 old=8")]),
        [""; 0]
    );
    // A program that writes so into its message is no kernel.
    let forged = line("USER_CMD", 10, &format!("pid=7 uid=0 {BOB} msg='op=set audit_enabled=0 old=1 res=1'"));
    assert_eq!(severities(&[forged]), [""; 0]);
}

#[test]
fn rules_deleted_and_rules_replaced() {
    let deleted = |who: &str| [rule(10, who, "remove_rule", "exec"), rule(11, who, "remove_rule", "net")];
    let added = |who: &str| [rule(12, who, "add_rule", "exec"), rule(13, who, "add_rule", "net")];
    let bob = found(&deleted(BOB));
    assert_eq!(bob.len(), 1);
    assert!(bob[0].0 == "high" && bob[0].1.contains("deleted audit rules (2; keys: exec, net)"), "{bob:?}");
    assert_eq!(severities(&[&deleted(BOB)[..], &added(BOB)].concat()), ["low"]);
    assert_eq!(severities(&[&deleted(BOB)[..], &added(BOB)[..1]].concat()), ["high"], "fewer than before");
    assert_eq!(severities(&[&deleted(BOB)[..], &added(NOBODY)].concat()), ["high"], "somebody else put them back");
    assert_eq!(severities(&deleted(NOBODY)), ["high"]);
    assert_eq!(severities(&[&deleted(NOBODY)[..], &added(NOBODY)].concat()), [""; 0], "what every start does");
    let two = [rule(10, BOB, "remove_rule", "exec"), rule(40, BOB, "remove_rule", "net")];
    assert_eq!(severities(&two), ["high", "high"], "two commands");
}

#[test]
fn the_end_of_auditd() {
    let end = |who: &str| daemon("DAEMON_END", 10, who);
    let start = |second: u32| {
        line("DAEMON_START", second, "op=start ver=4 auid=4294967295 uid=0 ses=4294967295 pid=9 res=success")
    };
    assert_eq!(severities(&[end(NOBODY), start(12), call(13)]), [""; 0], "a restart");
    assert_eq!(severities(&[end(NOBODY)]), [""; 0], "a shutdown");
    assert_eq!(severities(&[end(NOBODY), call(900)]), ["medium"], "the node went on");
    assert_eq!(severities(&[end(BOB), start(12)]), ["low"]);
    assert_eq!(severities(&[end(BOB), start(900)]), ["high"]);
    assert_eq!(severities(&[daemon("DAEMON_ABORT", 10, NOBODY), start(12)]), ["high"]);
}

#[test]
fn records_that_the_kernel_lost() {
    let lost = found(&[set(10, NOBODY, "lost=0 old=17")]);
    assert!(lost.len() == 1 && lost[0].0 == "medium" && lost[0].1.contains("lost 17 audit messages"), "{lost:?}");
    assert_eq!(severities(&[set(10, NOBODY, "lost=0 old=0")]), [""; 0]);
    let scratch = Scratch::new();
    let line = |from: &str| {
        format!("2026-11-23T21:00:00+00:00 n1 {from}: audit_lost=5 audit_rate_limit=0 audit_backlog_limit=64\n")
    };
    scratch.write("kern.log", line("kernel: audit") + &line("someone"));
    scratch.ok(&["ingest", "-q", "--store", "store", "--node", "n1", "--kind", "syslog", "kern.log"]);
    let lost = told(&scratch, "AUDIT_OFF");
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(text(&lost[0], "detail").contains("lost 5 audit messages"));
}

#[test]
fn the_intruder_of_the_lab_turned_it_off() {
    let Some(corpus) = corpus() else { return };
    let lab = |name: &str| corpus.join("lab").join(name);
    let honest = Scratch::new();
    honest.ingest(&[&lab("audit.log"), &lab("kernel.log"), &lab("auth.log")], &["-q"]);
    assert_eq!(told(&honest, "AUDIT_OFF").len(), 0, "auditd's log before scenario F1");
    let tampered = Scratch::new();
    let files = ["tamper/audit.log.1.gz", "tamper/audit.log.gz", "audit-multicast-raw.log.gz"].map(lab);
    tampered.ingest(&files.each_ref().map(|path| path.as_path()), &["-q"]);
    let found: Vec<String> = told(&tampered, "AUDIT_OFF").iter().map(|line| text(line, "detail")).collect();
    // The first six records say auid 1501 in auditd's log, where bob rewrote them, and 1502 in the group's.
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("a login about which the records disagree deleted audit rules (6;"), "{found:?}");
    assert!(found[1].starts_with("auid 1502, session 13 deleted audit rules (17;"), "{found:?}");
    assert!(found[2].starts_with("auid 1502, session 13 turned the kernel's auditing off at 2026-11-23T21:00:41.232Z"));
    assert!(found[2].contains("on again at 2026-11-23T21:00:41.492Z") && found[2].contains("ran-command 2"));
}

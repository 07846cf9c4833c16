//! auditd's log against the kernel's multicast group: what one lacks, and what was rewritten.
//!
//! Not here: holes that both have (`evidence`).

use crate::harness::{Scratch, corpus};
use serde_json::Value;

/// An event of two records as auditd writes it.
fn auditd(serial: u32, auid: u32) -> String {
    let id = format!("audit(1795467{serial}.123:{serial})");
    format!(
        "type=SYSCALL msg={id}: arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid={serial} auid={auid} uid=0 exe=\"/bin/sh\"\x1dUID=\"root\"\n\
         type=CWD msg={id}: cwd=\"/\"\n"
    )
}

/// The same as the group gave it.
fn multicast(serial: u32, auid: u32) -> String {
    let id = format!("audit(1795467{serial}.123:{serial})");
    format!(
        "type=1300 len=99: {id}: arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid={serial} auid={auid} uid=0 exe=\"/bin/sh\"\n\
         type=1307 len=9: {id}: cwd=\"/\"\ntype=1320 len=2: {id}: \n"
    )
}

fn findings(scratch: &Scratch) -> Vec<Value> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    let of_captures = |line: &Value| line["finding"] == "ONE_SIDED" || line["finding"] == "RECORDS_DISAGREE";
    run.lines().into_iter().filter(of_captures).collect()
}

fn ingest(scratch: &Scratch, files: &[&str]) {
    let mut arguments = vec!["ingest", "-q", "--store", "store", "--node", "n1"];
    arguments.extend(files);
    scratch.ok(&arguments);
}

/// A listener that is being let in may not hear the kernel tell of it.
#[test]
fn a_listener_need_not_hear_of_itself() {
    let listener = "type=EVENT_LISTENER msg=audit(1795467103.123:103): pid=9 uid=0 auid=1502 tty=(none) ses=1 comm=\"d\" exe=\"/usr/bin/d\" nl-mcgrp=1 op=connect res=1\n";
    let other = listener.replace("EVENT_LISTENER", "CONFIG_CHANGE");
    for (record, expected) in [(listener, 0), (other.as_str(), 1)] {
        let scratch = Scratch::new();
        let log: String = (100..106).map(|n| auditd(n, 1502)).collect();
        scratch.write("audit.log", log + record);
        scratch.write("group.log", (103..106).map(|n| multicast(n, 1502)).collect::<String>());
        ingest(&scratch, &["audit.log", "group.log"]);
        assert_eq!(findings(&scratch).len(), expected, "{record}");
    }
}

#[test]
fn what_one_capture_lacks_or_has_otherwise_is_found() {
    let scratch = Scratch::new();
    let all = 100..120;
    let log: String = all
        .clone()
        .filter(|n| ![105, 106, 107, 119].contains(n))
        .map(|n| auditd(n, if n == 112 { 1501 } else { 1502 }))
        .collect();
    let daemon = "type=DAEMON_ROTATE msg=audit(1795467108.500:7): op=rotate-logs\n";
    scratch.write("audit.log", log + daemon);
    // The listener began later, and missed one.
    scratch.write("group.log", (102..120).filter(|n| *n != 110).map(|n| multicast(n, 1502)).collect::<String>());
    ingest(&scratch, &["audit.log", "group.log"]);
    let found = findings(&scratch);
    let short: Vec<String> = found
        .iter()
        .map(|one| {
            format!("{} {} {} {}", one["finding"], one["severity"], one["lacking"], one["open"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        short,
        [
            "ONE_SIDED high 3 false",
            "ONE_SIDED medium 1 false",
            "RECORDS_DISAGREE high null null",
            "ONE_SIDED high 1 true",
        ],
        "{found:?}"
    );
    assert_eq!(found[0]["events"].as_array().unwrap().len(), 3);
    assert!(found[2]["detail"].as_str().unwrap().contains("auditd's log has: SYSCALL"), "{}", found[2]);
    // The one that was rewritten names nobody.
    let event = found[2]["events"][0].as_str().unwrap();
    let shown = scratch.ok(&["show", event, "--store", "store", "-o", "json"]);
    assert!(shown.out.contains("conflict") && !shown.out.contains("\"name\":\"1501\""), "{}", shown.out);
}

#[test]
fn one_capture_alone_lacks_nothing() {
    let scratch = Scratch::new();
    scratch.write("group.log", (100..110).map(|n| multicast(n, 1502)).collect::<String>());
    ingest(&scratch, &["group.log"]);
    assert_eq!(findings(&scratch), Vec::<Value>::new());
    let found = scratch.search("action:executed");
    assert_eq!(found.len(), 10, "it is audit evidence like any other");
    // The same events again, as auditd has them: nothing new.
    scratch.write("audit.log", (100..110).map(|n| auditd(n, 1502)).collect::<String>());
    ingest(&scratch, &["audit.log"]);
    assert_eq!((scratch.search("action:executed").len(), findings(&scratch).len()), (10, 0));
}

#[test]
fn the_intruder_of_the_lab_is_found() {
    let Some(corpus) = corpus() else { return };
    let lab = |name: &str| corpus.join("lab").join(name).to_str().unwrap().to_owned();
    let scratch = Scratch::new();
    let group = lab("audit-multicast-raw.log.gz");
    ingest(&scratch, &[&lab("tamper/audit.log.1.gz"), &lab("tamper/audit.log.gz"), &group]);
    let found = findings(&scratch);
    let lacking = |severity: &str| -> u64 {
        found.iter().filter(|one| one["severity"] == severity).filter_map(|one| one["lacking"].as_u64()).sum()
    };
    // 49 events that only the group has: counted once with a script of a few lines over both files.
    assert_eq!((lacking("high"), lacking("medium")), (49, 24));
    let rewritten = found.iter().filter(|one| one["finding"] == "RECORDS_DISAGREE").count();
    assert_eq!(rewritten, 268);
    let honest = Scratch::new();
    ingest(&honest, &[&lab("audit.log"), &group]);
    let found = findings(&honest);
    assert!(found.iter().all(|one| one["finding"] == "ONE_SIDED" && one["open"] == true), "{found:?}");
}

//! The API server's log against its webhook: what one lacks, what was rewritten, and what is no finding.
//!
//! Not here: the kernel's two captures (`captures`).

use crate::harness::{Scratch, corpus};
use serde_json::{Value, json};

/// Both stages of the request that came in `second` s after the hour.
fn stages(second: u32) -> [Value; 2] {
    let time = format!("2026-11-23T20:{:02}:{:02}.000000Z", second / 60, second % 60);
    let stage = |stage: &str, code: Value| {
        json!({
            "level": "Metadata", "auditID": format!("00000000-0000-0000-0000-{second:012}"), "stage": stage,
            "requestURI": "/api/v1/secrets", "verb": "list", "user": {"username": "alice"}, "sourceIPs": ["10.0.0.9"],
            "responseStatus": code, "requestReceivedTimestamp": time, "stageTimestamp": time,
        })
    };
    [stage("RequestReceived", Value::Null), stage("ResponseComplete", json!({"code": 200}))]
}

fn log(seconds: impl Iterator<Item = u32>) -> String {
    let kind = |mut event: Value| {
        event["kind"] = "Event".into();
        event["apiVersion"] = "audit.k8s.io/v1".into();
        format!("{event}\n")
    };
    seconds.flat_map(stages).map(kind).collect()
}

fn webhook(seconds: impl Iterator<Item = u32>) -> String {
    let items: Vec<Value> = seconds.flat_map(stages).collect();
    format!("{}\n", json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items}))
}

/// `finding severity lacking open` of each finding.
fn found(files: &[String]) -> Vec<String> {
    let scratch = Scratch::new();
    for (number, file) in files.iter().enumerate() {
        let name = format!("{number}.json");
        scratch.write(&name, file);
        scratch.ok(&["ingest", "-q", "--store", "store", "--cluster", "c", &name]);
    }
    short(&scratch)
}

fn short(scratch: &Scratch) -> Vec<String> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    let short = |line: &Value| format!("{} {} {} {}", line["finding"], line["severity"], line["lacking"], line["open"]);
    let of_channels = |line: &Value| line["finding"] == "ONE_SIDED" || line["finding"] == "RECORDS_DISAGREE";
    let found = run.lines().into_iter().filter(of_channels);
    found.map(|line| short(&line).replace('"', "")).collect()
}

#[test]
fn what_the_log_or_the_webhook_lacks_is_found() {
    assert_eq!(found(&[log(0..600), webhook(0..600)]), [""; 0]);
    let without = |holes: [u32; 3]| (0..600).filter(move |second| !holes.contains(second));
    assert_eq!(
        found(&[log(without([100, 101, 300])), webhook(0..600)]),
        ["ONE_SIDED high 4 false", "ONE_SIDED high 2 false"]
    );
    assert_eq!(found(&[log(0..600), webhook(without([100, 101, 102]))]), ["ONE_SIDED medium 6 false"]);
    // One stage of a request.
    let cut: String =
        log(0..600).lines().enumerate().filter(|(n, _)| *n != 201).map(|(_, line)| format!("{line}\n")).collect();
    assert_eq!(found(&[cut, webhook(0..600)]), ["ONE_SIDED high 1 false"]);
}

#[test]
fn what_is_not_covered_yet_is_not_missing() {
    // The webhook began later; it is four minutes behind; the log is half a minute behind.
    assert_eq!(found(&[log(0..600), webhook(100..600)]), [""; 0]);
    assert_eq!(found(&[log(0..600), webhook(0..360)]), [""; 0]);
    assert_eq!(found(&[log(0..570), webhook(0..600)]), [""; 0]);
    // Now it is too late.
    assert_eq!(found(&[log(0..600), webhook(0..200)]), ["ONE_SIDED medium 200 true"]);
    assert_eq!(found(&[log(0..500), webhook(0..600)]), ["ONE_SIDED high 80 true"]);
    // One channel alone.
    assert_eq!(found(&[log(0..600)]), [""; 0]);
    assert_eq!(found(&[webhook(0..300), webhook(400..600)]), [""; 0]);
}

#[test]
fn batches_twice_late_and_out_of_order_are_no_finding() {
    let batches = [webhook(300..600), webhook(0..300), webhook(0..300), webhook((200..280).rev())];
    assert_eq!(found(&[&[log(0..600)][..], &batches].concat()), [""; 0]);
}

#[test]
fn another_content_is_found() {
    let other = |from: &str, to: &str| {
        let lines: Vec<String> = log(0..600).lines().map(str::to_owned).collect();
        let altered = lines.iter().enumerate().map(|(n, line)| {
            let line = if n == 201 { line.replace(from, to) } else { line.clone() };
            format!("{line}\n")
        });
        found(&[altered.collect(), webhook(0..600)])
    };
    assert_eq!(other("10.0.0.9", "10.0.0.8"), ["RECORDS_DISAGREE high null null"]);
    assert_eq!(other("\"code\":200", "\"code\":403"), ["RECORDS_DISAGREE high null null"]);
    assert_eq!(other("\"verb\":\"list\"", "\"verb\": \"list\""), [""; 0], "a blank is no content");
    // Another user makes another request: each channel lacks one.
    assert_eq!(other("alice", "bob"), ["ONE_SIDED high 1 false", "ONE_SIDED medium 1 false"]);
}

#[test]
fn the_lab_is_whole_and_what_is_taken_out_is_found() {
    let Some(corpus) = corpus() else { return };
    let mut bodies: Vec<_> = std::fs::read_dir(corpus.join("lab/webhook"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    bodies.sort();
    let bodies: Vec<&std::path::Path> = bodies.iter().map(|path| path.as_path()).collect();
    let log = corpus.join("lab/k8s-audit.log");
    let honest = Scratch::new();
    honest.ingest(&[&log], &["-q"]);
    honest.ingest(&bodies, &["-q"]);
    assert_eq!(short(&honest), [""; 0]);
    // Whoever takes the theft of the token out of the log (scenario C2).
    let text = std::fs::read_to_string(&log).unwrap();
    let cut: String =
        text.lines().filter(|line| !line.contains("127.0.0.66")).map(|line| format!("{line}\n")).collect();
    let tampered = Scratch::new();
    tampered.write("k8s-audit.log", cut);
    tampered.ingest(&[&tampered.path("k8s-audit.log")], &["-q"]);
    tampered.ingest(&bodies, &["-q"]);
    assert_eq!(short(&tampered), ["ONE_SIDED high 8 false"]);
}

//! `sources`: how each log is doing, as a running collector says it and as the store's files do.
//!
//! Not here: how files are followed (`live`), what is missing between batches (`gaps`).

use crate::api::ask;
use crate::harness::{Scratch, sample};
use crate::live::{BOUND, Collector, append, configured, line};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

/// The rows, as whoever has the store says them.
fn rows(scratch: &Scratch) -> Vec<Value> {
    let run = scratch.run(&["sources", "-c", "config.toml", "-q", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    run.lines()
}

/// Asks until the log of this path is as wanted.
fn wait(scratch: &Scratch, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let rows = rows(scratch);
        if let Some(row) = rows.iter().find(|row| row["path"] == path && wanted(row)) {
            return row.clone();
        }
        assert!(started.elapsed() < BOUND, "{path}: {rows:#?}");
    }
}

fn row(rows: &[Value], path: &str) -> Value {
    let found: Vec<&Value> = rows.iter().filter(|row| row["path"] == path).collect();
    assert_eq!(found.len(), 1, "{path}: {rows:#?}");
    found[0].clone()
}

const LOG: &str = "logs/audit.log";

#[test]
fn a_log_is_followed_stops_falls_behind_and_catches_up() {
    let scratch = configured();
    append(&scratch, &line(1));
    let size = line(1).len();
    let collector = Collector::start(&scratch);
    let found = wait(&scratch, LOG, |row| row["state"] == "following" && row["records"] == 1);
    assert_eq!((&found["lag_bytes"], &found["position"]), (&json!(0), &json!(size)));
    assert_eq!(found["last_event"], "2026-11-23T20:59:36.448Z");
    assert_eq!((&found["bad_records"], &found["gaps"], &found["file_issues"]), (&json!(0), &json!(0), &json!(0)));
    assert!(found["records_per_s"].as_f64().unwrap() > 0.0 && found.get("last_error").is_none(), "{found}");
    let found = ask(&collector, "GET", "/v1/sources", &["If-None-Match: *"], "");
    let (status, answer): (u16, Value) = (found.status, serde_json::from_str(&found.body).unwrap());
    assert_eq!(
        (status, &answer["items"][0]["state"]),
        (200, &json!("following")),
        "files change though the store does not"
    );
    collector.kill();
    let found = row(&rows(&scratch), LOG);
    assert_eq!((&found["state"], &found["lag_bytes"]), (&json!("stopped"), &json!(0)));
    append(&scratch, &line(2));
    let found = row(&rows(&scratch), LOG);
    assert_eq!((&found["state"], &found["lag_bytes"]), (&json!("behind"), &json!(size)));
    assert_eq!(found["position"], size);
    let text = scratch.ok(&["sources", "-c", "config.toml", "-q"]).out;
    assert!(text.starts_with("STATE ") && text.contains(&format!("\nbehind  {size:>9}")), "{text}");
    let _collector = Collector::start(&scratch);
    wait(&scratch, LOG, |row| row["state"] == "following" && row["records"] == 2 && row["lag_bytes"] == 0);
}

#[test]
fn what_was_rotated_unread_is_still_unread() {
    let scratch = configured();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait(&scratch, LOG, |row| row["records"] == 1);
    collector.kill();
    append(&scratch, &(line(2) + &line(3)));
    fs::rename(scratch.path(LOG), scratch.path("logs/audit.log.1")).unwrap();
    let size = line(1).len();
    let found = row(&rows(&scratch), LOG);
    assert_eq!((&found["state"], &found["lag_bytes"]), (&json!("missing"), &json!(2 * size)));
    append(&scratch, &line(4));
    let found = row(&rows(&scratch), LOG);
    assert_eq!(
        (&found["state"], &found["lag_bytes"], &found["position"]),
        (&json!("behind"), &json!(3 * size), &json!(0))
    );
    let collector = Collector::start(&scratch);
    let records = |row: &Value| row["records"].as_u64().unwrap();
    wait(&scratch, "logs/audit.log.1", |row| row["state"] == "rotated" && records(row) == 2);
    wait(&scratch, LOG, |row| row["state"] == "following" && row["lag_bytes"] == 0 && records(row) == 2);
    collector.kill();
    fs::remove_file(scratch.path("logs/audit.log.1")).unwrap();
    assert_eq!(row(&rows(&scratch), "logs/audit.log.1")["state"], "rotated", "that they go is no trouble");
}

#[test]
fn what_was_never_read_is_listed_and_trouble_comes_first() {
    let scratch = configured();
    append(&scratch, &line(1));
    let paths =
        ["audit.log", "none.log", "folder.log", "link.log", "empty.log", "strange.log", "*.none", "pods-*/x.log"];
    let paths: Vec<String> = paths.iter().map(|path| format!("'logs/{path}'")).collect();
    scratch
        .write("config.toml", format!("store = 'store'\nnode = 'node-1'\n[[tail]]\npaths = [{}]\n", paths.join(", ")));
    fs::create_dir(scratch.path("logs/folder.log")).unwrap();
    std::os::unix::fs::symlink("nowhere", scratch.path("logs/link.log")).unwrap();
    scratch.write("logs/empty.log", "");
    scratch.write("logs/strange.log", "what is this?\n");
    scratch.write("logs/pods-1/x.log", line(7));
    let collector = Collector::start(&scratch);
    wait(&scratch, LOG, |row| row["state"] == "following");
    wait(&scratch, "logs/pods-1/x.log", |row| row["state"] == "following");
    let all = rows(&scratch);
    let states: Vec<(&str, &str)> =
        all.iter().map(|row| (row["state"].as_str().unwrap(), row["path"].as_str().unwrap())).collect();
    assert_eq!(
        states,
        [
            ("unreadable", "logs/folder.log"),
            ("unreadable", "logs/strange.log"),
            ("missing", "logs/*.none"),
            ("missing", "logs/link.log"),
            ("missing", "logs/none.log"),
            ("following", LOG),
            ("empty", "logs/empty.log"),
            ("following", "logs/pods-1/x.log"),
        ]
    );
    assert_eq!(row(&all, "logs/folder.log")["last_error"], "is a folder, not a file; only regular files are read");
    assert!(row(&all, "logs/strange.log")["last_error"].as_str().unwrap().contains("it starts with `what is this?"));
    assert_eq!(row(&all, "logs/strange.log")["lag_bytes"], 14);
    let text = scratch.ok(&["sources", "-c", "config.toml", "-q"]).out;
    assert!(text.contains(": is a folder, not a file"), "{text}");
    collector.kill();
    // A pod that was deleted is no trouble; a log that is configured by its name is.
    fs::remove_dir_all(scratch.path("logs/pods-1")).unwrap();
    fs::remove_file(scratch.path(LOG)).unwrap();
    let all = rows(&scratch);
    assert_eq!(row(&all, "logs/pods-1/x.log")["state"], "gone");
    assert_eq!(row(&all, LOG)["state"], "missing");
    // Root may read everything.
    let closed = scratch.write("logs/none.log", line(9));
    fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o0)).unwrap();
    if fs::File::open(&closed).is_err() {
        let found = row(&rows(&scratch), "logs/none.log");
        assert_eq!(found["state"], "unreadable");
        assert!(found["last_error"].as_str().unwrap().contains("permission denied"), "{found}");
    }
}

#[test]
fn bad_records_and_gaps_are_counted_with_their_log() {
    let scratch = configured();
    scratch.write(
        "config.toml",
        "store = 'store'\nnode = 'node-1'\n[[tail]]\npaths = ['logs/audit.log', 'logs/other.log']\nkind = 'auditd'\n",
    );
    append(&scratch, &(line(1) + &line(2) + "nothing\nat all\n" + &line(3)));
    scratch.write("logs/other.log", line(4) + "one\n" + &line(5));
    let collector = Collector::start(&scratch);
    let found = wait(&scratch, LOG, |row| row["bad_records"] == 2 && row["state"] == "following");
    assert_eq!((&found["records"], &found["gaps"]), (&json!(5), &json!(0)));
    let other = wait(&scratch, "logs/other.log", |row| row["bad_records"] == 1);
    assert_eq!(other["gaps"], 0);
    let size = fs::metadata(scratch.path(LOG)).unwrap().len();
    fs::OpenOptions::new().write(true).open(scratch.path(LOG)).unwrap().set_len(0).unwrap();
    append(&scratch, &line(6));
    let found = wait(&scratch, LOG, |row| row["gaps"] == 1 && row["records"] == 6 && row["lag_bytes"] == 0);
    assert_eq!(found["last_error"], format!("truncated: bytes from {size} to {size} or more may be lost"));
    assert!(found["last_error_time"].as_str().unwrap() <= found["last_read"].as_str().unwrap(), "{found}");
    assert_eq!(found["position"], line(6).len(), "of the file as it is now");
    assert_eq!(row(&rows(&scratch), "logs/other.log")["gaps"], 0);
    assert_eq!(rows(&scratch)[0]["path"], LOG);
    collector.kill();
    // The answer is in the evidence: without the collector and without the index's help it is the same.
    scratch.ok(&["rebuild", "-c", "config.toml", "-q"]);
    let again = row(&rows(&scratch), LOG);
    assert_eq!((&again["gaps"], &again["bad_records"]), (&json!(1), &json!(2)));
}

#[test]
fn nothing_is_said_of_files_that_are_not_followed_here() {
    let scratch = configured();
    scratch.ingest(&[&sample("kubernetes/people.log")], &[]);
    // The configuration of the folder is about `store`; this one is about another.
    scratch.write("other.toml", "store = 'elsewhere'\n[[tail]]\npaths = ['logs/x.log']\n");
    let state = |arguments: &[&str]| -> Vec<(String, bool)> {
        let rows = scratch.ok(&[&["sources", "-q", "-o", "ndjson"], arguments].concat()).lines();
        rows.iter().map(|row| (row["state"].as_str().unwrap().to_owned(), row.get("lag_bytes").is_some())).collect()
    };
    let imported = ("imported".to_owned(), false);
    let missing = ("missing".to_owned(), false);
    assert_eq!(state(&["--store", "store"]), [missing.clone(), imported.clone()]);
    assert_eq!(state(&["--store", "store", "-c", "other.toml"]), [missing, imported.clone()], "asked for by name");
    fs::rename(scratch.path("config.toml"), scratch.path("config.old")).unwrap();
    assert_eq!(state(&["--store", "store"]), std::slice::from_ref(&imported));
    fs::rename(scratch.path("other.toml"), scratch.path("config.toml")).unwrap();
    assert_eq!(
        state(&["--store", "store"]),
        std::slice::from_ref(&imported),
        "what lies in the folder is about another store"
    );
    // A log that a collector followed, in a copy of its store.
    fs::rename(scratch.path("config.old"), scratch.path("config.toml")).unwrap();
    append(&scratch, &line(1));
    let collector = Collector::start(&scratch);
    wait(&scratch, LOG, |row| row["state"] == "following");
    collector.kill();
    fs::rename(scratch.path("store"), scratch.path("copy")).unwrap();
    assert_eq!(state(&["--store", "copy"]), [imported, ("unknown".to_owned(), false)]);
}

#[test]
fn names_of_files_are_shown_and_do_nothing() {
    let scratch = configured();
    scratch.write("config.toml", "store = 'store'\n[[tail]]\npaths = ['logs/*.log']\nkind = 'auditd'\n");
    let names: [&[u8]; 4] =
        [b"a\x1b[31m\n following  0.log", "b\u{202e}c.log".as_bytes(), b"d\xff\xfe.log", b"e\xff.log"];
    for (number, name) in (1..).zip(names) {
        let text = line(number) + "bad\n";
        fs::write(scratch.path("logs").join(std::ffi::OsStr::from_bytes(name)), text).unwrap();
    }
    fs::create_dir(scratch.path("logs").join(std::ffi::OsStr::from_bytes(b"f\x07\xff.log"))).unwrap();
    let collector = Collector::start(&scratch);
    let started = Instant::now();
    let all = loop {
        let all = rows(&scratch);
        if all.len() == 5 && all.iter().filter(|row| row["bad_records"] == 1 && row["lag_bytes"] == 0).count() == 4 {
            break all;
        }
        assert!(started.elapsed() < BOUND, "{all:#?}");
    };
    assert_eq!(all[0]["state"], "unreadable");
    let text = scratch.ok(&["sources", "-c", "config.toml", "-q"]).out;
    assert!(text.chars().all(|c| c == '\n' || (c.is_ascii() && !c.is_control())), "{text:?}");
    // The heading, five logs, one of them with an error.
    assert_eq!(text.lines().count(), 7, "{text}");
    collector.kill();
}

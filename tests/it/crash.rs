//! Faults at every file system call of an import: an error or SIGKILL, then `fsck`, the same import again, and everything is there once.
//!
//! strace injects them. Not here: faults of a running collector (`live`), in-process faults in pairs (`evidence`).

use crate::harness::{Run, Scratch, sample};
use std::process::Command;

/// System calls by which evidence, index and keys reach the disk.
const CALLS: &[&str] = &[
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "rename,renameat,renameat2",
    "mkdir,mkdirat",
    "unlink,unlinkat",
    "ftruncate",
    "close",
];
/// Faults at each call and kind, spread over all of them.
const PLACES: u32 = 12;

fn strace(scratch: &Scratch, options: &[&str], arguments: &[&str]) -> Run {
    let plain = scratch.command(arguments);
    // A run that hangs is ended, and fails its test.
    let mut command = Command::new("timeout");
    command
        .args(["--signal=KILL", "120", "strace", "-f", "-qq", "-o", "trace"])
        .args(options)
        .arg(plain.get_program())
        .args(plain.get_args());
    command.current_dir(scratch.dir.path()).env("XDG_STATE_HOME", scratch.path("keys"));
    Run::of(&command.output().expect("strace is installed by tests/run"))
}

fn import() -> Vec<String> {
    let mut arguments: Vec<String> =
        ["ingest", "--store", "store", "-q", "--node", "node-1", "--cluster", "lab"].map(str::to_owned).to_vec();
    arguments.extend(["auditd/odd.log", "kubernetes/people.log"].map(|name| sample(name).to_str().unwrap().to_owned()));
    arguments
}

fn ids(scratch: &Scratch) -> Vec<String> {
    let mut ids: Vec<String> =
        scratch.search("*").iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// How often a call is made in an undisturbed import.
fn calls(import: &[&str], call: &str) -> u32 {
    let scratch = Scratch::new();
    let run = strace(&scratch, &["-e", &format!("trace={call}")], import);
    assert_eq!(run.code, 0, "{}", run.err);
    u32::try_from(std::fs::read_to_string(scratch.path("trace")).unwrap().lines().count()).unwrap()
}

fn check(import: &[&str], wanted: &[String], call: &str, fault: &str, place: u32) {
    let scratch = Scratch::new();
    let what = format!("{call} number {place} with {fault}");
    let inject = format!("inject={call}:{fault}:when={place}");
    let faulted = strace(&scratch, &["-e", &format!("trace={call}"), "-e", &inject], import);
    if faulted.code == 0 {
        assert_eq!(ids(&scratch), wanted, "{what}: it said that it was done");
    } else if !fault.contains("KILL") {
        // sled 0.34 panics where it cannot sync; that is caught, and an error like any other follows.
        let ours = faulted.err.lines().filter(|line| line.contains("panicked at") && !line.contains("/sled-0.34"));
        assert_eq!(ours.count(), 0, "{what}: {}", faulted.err);
        assert!((1..=6).contains(&faulted.code), "{what}: exit {}: {}", faulted.code, faulted.err);
        // The word itself may have been what could not be written.
        assert!(call == "write" || !faulted.err.is_empty(), "{what}: an error without a word");
    }
    let store = scratch.path("store");
    if store.join("log/checkpoint").exists() {
        let fsck = scratch.run(&["fsck", "--store", "store"]);
        assert_eq!(fsck.code, 0, "{what}: fsck: {}{}", fsck.out, fsck.err);
    }
    let again = scratch.run(import);
    assert_eq!(again.code, 0, "{what}: the import again: {}", again.err);
    assert_eq!(ids(&scratch), wanted, "{what}: every event once");
    let key = scratch.ok(&["key", "-q", "--store", "store"]).out;
    let verified = scratch.run(&["verify", "-q", "--store", "store", "--key", key.trim()]);
    assert_eq!(verified.code, 0, "{what}: {}", verified.err);
}

#[test]
fn a_fault_at_any_file_call_of_an_import_loses_nothing() {
    let import = import();
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    let scratch = Scratch::new();
    assert_eq!(scratch.run(&import).code, 0);
    let wanted = ids(&scratch);
    assert!(wanted.len() > 20);
    let mut cases = Vec::new();
    for call in CALLS {
        let count = calls(&import, call);
        let step = (count / PLACES).max(1);
        for place in (1..=count).step_by(step as usize) {
            // strace does not make a call that it lets fail, but a close that fails closes all the same: a lock on the file would stay for ever.
            let faults: &[_] =
                if *call == "close" { &["signal=KILL"] } else { &["error=EIO", "error=ENOSPC", "signal=KILL"] };
            for fault in faults.iter().copied() {
                cases.push((*call, fault, place));
            }
        }
    }
    assert!(cases.len() > 100, "{} cases", cases.len());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((call, fault, place)) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    check(&import, &wanted, call, fault, *place);
                }
            });
        }
    });
}

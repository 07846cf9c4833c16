//! `doctor`: each check with what makes it say each of its states, from fabricated trees; the whole command; SIGHUP.
//!
//! Not here: what a node records (`doctor_node`), what the audit policy and rules that are shipped do (`tests/deploy`).

use crate::harness::Scratch;
use crate::live::{BOUND, Collector};
use deponent::agent::Greeting;
use deponent::config::{Config, Tail};
use deponent::doctor::{self, Check, Host, Room, Side, State};
use deponent::evidence::{Holder, StoreOptions};
use deponent::model::Moment;
use deponent::tls::Files;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

const SECOND: i64 = 1_000_000_000;
const NOW: Moment = Moment { nanos: 1_795_467_576 * SECOND, digits: 9 };

fn denied(_: &Path) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::PermissionDenied))
}

fn opens(path: &Path) -> io::Result<()> {
    std::fs::File::open(path).map(drop)
}

/// A machine in a folder; no capabilities.
pub fn host(scratch: &Scratch) -> Host {
    Host { root: scratch.path(""), capabilities: 0, uid: u32::MAX, opens }
}

pub fn put(scratch: &Scratch, path: &str, text: &str) {
    let whole = scratch.path(path);
    std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
    std::fs::write(whole, text).unwrap();
}

pub fn tails(text: &str) -> Vec<Tail> {
    Config::parse(Path::new("c.toml"), text).unwrap().tail
}

#[track_caller]
pub fn is(check: &Check, state: State, wanted: &str) {
    let all = format!("{} {} {}", check.name, check.seen, check.advice.as_deref().unwrap_or(""));
    assert!(check.state == state && all.contains(wanted), "wanted {state:?} with `{wanted}`: {check:?}");
    assert_eq!(check.advice.is_none(), state == State::Ok, "{check:?}");
}

#[track_caller]
pub fn named<'a>(checks: &'a [Check], name: &str) -> &'a Check {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no `{name}`: {checks:?}"))
}

#[test]
fn what_is_followed_is_there_and_readable() {
    let scratch = Scratch::new();
    put(&scratch, "var/log/a.log", "x\n");
    let mut host = host(&scratch);
    let here = tails("[[tail]]\npaths = ['/var/log/*.log']");
    is(&doctor::followed(&host, &here)[0], State::Ok, "1 readable");
    is(&doctor::followed(&host, &tails("[[tail]]\npaths = ['/var/log/pods/*.log']"))[0], State::Warn, "nothing there");
    is(&doctor::followed(&host, &[])[0], State::Warn, "no [[tail]]");
    let kernel = tails("[[tail]]\npaths = ['netlink:audit']");
    is(&doctor::followed(&host, &kernel)[0], State::Fail, "CAP_AUDIT_READ");
    host.capabilities = 1 << 37;
    is(&doctor::followed(&host, &kernel)[0], State::Ok, "CAP_AUDIT_READ");
    host.opens = denied;
    is(&doctor::followed(&host, &here)[0], State::Fail, "CAP_DAC_READ_SEARCH in the unit");
    host.capabilities = 1 << 2;
    is(&doctor::followed(&host, &here)[0], State::Fail, "SELinux");
    host.opens = |_| Err(io::Error::other("stale handle"));
    is(&doctor::followed(&host, &here)[0], State::Fail, "stale handle");
}

#[test]
fn control_groups_of_others_are_seen() {
    let scratch = Scratch::new();
    let mut host = host(&scratch);
    is(&doctor::cgroups(&host), State::Fail, "hidepid");
    put(&scratch, "proc/1/cgroup", "0::/\n");
    is(&doctor::cgroups(&host), State::Warn, "hostPID: true");
    put(&scratch, "proc/2/comm", "kthreadd\n");
    is(&doctor::cgroups(&host), State::Ok, "whole machine");
    host.opens = denied;
    is(&doctor::cgroups(&host), State::Fail, "ProtectProc");
}

#[test]
fn inotify_and_open_files_suffice() {
    let scratch = Scratch::new();
    let host = host(&scratch);
    let tail = tails("[[tail]]\npaths = ['/var/log/a.log', '/var/tmp/b.log']");
    is(&doctor::inotify(&host, &tail), State::Unknown, "max_user_watches");
    put(&scratch, "proc/sys/fs/inotify/max_user_watches", "8192\n");
    put(&scratch, "proc/sys/fs/inotify/max_user_instances", "128\n");
    is(&doctor::inotify(&host, &tail), State::Ok, "2 folders");
    put(&scratch, "proc/sys/fs/inotify/max_user_instances", "0\n");
    is(&doctor::inotify(&host, &tail), State::Warn, "fs.inotify.max_user_instances=512");
    put(&scratch, "proc/sys/fs/inotify/max_user_instances", "128\n");
    put(&scratch, "proc/sys/fs/inotify/max_user_watches", "3\n");
    is(&doctor::inotify(&host, &tail), State::Warn, "fs.inotify.max_user_watches=65536");
    is(&doctor::open_files(&host, &tail, 0, None), State::Unknown, "limits");
    let limits = |number: &str| {
        format!("Limit  Soft Limit  Hard Limit\nMax open files            {number}         4096    files\n")
    };
    put(&scratch, "proc/self/limits", &limits("1024"));
    put(&scratch, "proc/77/limits", &limits("unlimited"));
    is(&doctor::open_files(&host, &tail, 0, None), State::Ok, "1024");
    is(&doctor::open_files(&host, &tail, 1_000, None), State::Warn, "LimitNOFILE=65536");
    is(&doctor::open_files(&host, &tail, 1_000, Some(77)), State::Ok, "process 77");
    put(&scratch, "proc/self/limits", "");
    is(&doctor::open_files(&host, &tail, 0, None), State::Unknown, "no line");
}

#[test]
fn the_clock_follows_others() {
    let none = || Err::<String, String>("chronyc is not here".to_owned());
    let says = |text: &str| Ok::<String, String>(text.to_owned());
    is(&doctor::synchronised(&says("yes\n"), &none()), State::Ok, "NTPSynchronized");
    is(&doctor::synchronised(&says("no\n"), &none()), State::Fail, "set-ntp true");
    is(&doctor::synchronised(&says("?\n"), &none()), State::Unknown, "answered `?`");
    is(&doctor::synchronised(&none(), &none()), State::Unknown, "not here");
    let chrony = |offset: &str, leap: &str| {
        says(&format!(
            "A29FC87B,162.159.200.123,4,1795467570.1,{offset},0.0001,0.0002,-1.2,0.01,0.1,0.02,0.001,64.2,{leap}\n"
        ))
    };
    is(&doctor::synchronised(&says("no"), &chrony("0.000012", "Normal")), State::Ok, "chronyd");
    is(&doctor::synchronised(&says("yes"), &chrony("-0.5", "Normal")), State::Warn, "0.511");
    is(&doctor::synchronised(&says("yes"), &chrony("0.0", "Not synchronised")), State::Fail, "chronyc sources");
    // 1_795_467_576 s.
    let date = Some("Mon, 23 Nov 2026 20:59:36 GMT");
    let at = |nanos: i64| Moment { nanos: NOW.nanos + nanos, digits: 9 };
    is(&doctor::skew(date, at(0), at(SECOND / 10)), State::Ok, "no difference");
    is(&doctor::skew(date, at(SECOND * 9 / 10), at(SECOND * 11 / 10)), State::Ok, "no difference");
    is(&doctor::skew(date, at(-3 * SECOND), at(-2 * SECOND)), State::Warn, "2000 ms ahead of");
    is(&doctor::skew(date, at(3 * SECOND), at(4 * SECOND)), State::Warn, "2000 ms behind");
    is(&doctor::skew(date, at(3_600 * SECOND), at(3_601 * SECOND)), State::Fail, "behind");
    is(&doctor::skew(Some("today"), at(0), at(0)), State::Unknown, "no date");
}

#[test]
fn stamps_without_a_zone_are_said() {
    let scratch = Scratch::new();
    let host = host(&scratch);
    let syslog = tails("[[tail]]\npaths = ['/var/log/auth.log']\nkind = 'syslog'");
    is(&doctor::zone(&host, &syslog), State::Ok, "UTC");
    std::fs::create_dir_all(scratch.path("etc")).unwrap();
    let link = scratch.path("etc/localtime");
    std::os::unix::fs::symlink("/usr/share/zoneinfo/Europe/Berlin", &link).unwrap();
    is(&doctor::zone(&host, &syslog), State::Warn, "zone = \"Europe/Berlin\"");
    is(
        &doctor::zone(&host, &tails("[[tail]]\npaths = ['/a']\nkind = 'syslog'\nzone = 'Europe/Berlin'")),
        State::Ok,
        "Europe/Berlin",
    );
    std::fs::remove_file(&link).unwrap();
    std::fs::write(&link, "TZif").unwrap();
    is(&doctor::zone(&host, &syslog), State::Unknown, "localtime");
}

#[test]
fn certificates_fit_their_holder_and_last() {
    let scratch = Scratch::new();
    scratch.ok(&[
        "init",
        "pki",
        "--cluster",
        "lab",
        "--collector",
        "collector.example",
        "--agent",
        "node-1",
        "--days",
        "90",
    ]);
    let other = ["init", "pki", "--cluster", "lab", "--collector", "127.0.0.1", "--out", "other"];
    scratch.ok(&other);
    let files = |cert: &str, key: &str, ca: &str| Files {
        cert: scratch.path(cert),
        key: scratch.path(key),
        ca: scratch.path(ca),
    };
    let agent = files("pki/agent-node-1.crt", "pki/agent-node-1.key", "pki/ca.crt");
    let server = files("pki/collector.crt", "pki/collector.key", "pki/ca.crt");
    let side = Side::Agent { cluster: "lab", node: "node-1" };
    let now = deponent::time::now();
    let later = |days: i64| Moment { nanos: now.nanos + days * 86_400 * SECOND, digits: 9 };
    for check in doctor::certificates(&agent, side, now).iter().chain(&doctor::certificates(&server, Side::Server, now))
    {
        is(check, State::Ok, "");
    }
    let (life, name) = ("validity of the certificate", "name in the certificate");
    is(named(&doctor::certificates(&agent, side, later(59)), life), State::Ok, "");
    is(named(&doctor::certificates(&agent, side, later(61)), life), State::Warn, "28 days");
    is(named(&doctor::certificates(&agent, side, later(91)), life), State::Fail, "it ended");
    is(named(&doctor::certificates(&agent, side, later(91)), "chain of the certificate"), State::Unknown, "validity");
    is(named(&doctor::certificates(&agent, side, later(-2)), life), State::Fail, "not valid before");
    is(named(&doctor::certificates(&agent, side, later(890)), "validity of the authority"), State::Warn, "9 days");
    let node_2 = Side::Agent { cluster: "lab", node: "node-2" };
    is(named(&doctor::certificates(&agent, node_2, now), name), State::Fail, "spiffe://lab/agent/node-2");
    is(named(&doctor::certificates(&agent, Side::Server, now), name), State::Fail, "names no host");
    let foreign = files("pki/agent-node-1.crt", "pki/agent-node-1.key", "other/ca.crt");
    is(
        named(&doctor::certificates(&foreign, side, now), "chain of the certificate"),
        State::Warn,
        "must know its authority",
    );
    let mixed = files("pki/agent-node-1.crt", "pki/collector.key", "pki/ca.crt");
    is(&doctor::certificates(&mixed, side, now)[0], State::Fail, "KeyMismatch");
    is(&doctor::certificates(&files("none", "pki/collector.key", "pki/ca.crt"), side, now)[0], State::Fail, "none");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&agent.key, open).unwrap();
    is(&doctor::certificates(&agent, side, now)[0], State::Fail, "chmod 600");
}

#[test]
fn there_is_room_and_nobody_else_looks_in() {
    let gib = 1u64 << 30;
    let good = Room { total_bytes: 100 * gib, free_bytes: 50 * gib, total_inodes: 1 << 20, free_inodes: 1 << 19 };
    let of = |room: Room| doctor::room("room", Path::new("/x"), &Ok(room), gib);
    is(&of(good), State::Ok, "51200 MiB");
    is(&of(Room { free_bytes: gib / 2, ..good }), State::Warn, "may be needed");
    is(&of(Room { free_bytes: 4 * gib, ..good }), State::Warn, "df -h");
    is(&of(Room { free_bytes: 1 << 20, ..good }), State::Fail, "nothing can be written");
    is(&of(Room { free_inodes: 500, ..good }), State::Warn, "500 of");
    is(&of(Room { free_inodes: 0, ..good }), State::Fail, "0 of");
    is(&of(Room { free_inodes: 0, total_inodes: 0, ..good }), State::Ok, "");
    is(&doctor::room("room", Path::new("/x"), &Err(io::Error::other("gone")), 0), State::Unknown, "gone");
    assert!(doctor::room_of(Path::new("/not/there/yet")).unwrap().total_bytes > 0);

    let scratch = Scratch::new();
    let dir = scratch.path("private");
    is(&doctor::private("folder", &dir, 0), State::Unknown, "not there yet");
    std::fs::create_dir(&dir).unwrap();
    let mode = |mode: u32| std::fs::set_permissions(&dir, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o700);
    is(&doctor::private("folder", &dir, 0), State::Ok, "mode 700");
    is(&doctor::private("folder", &dir, u32::MAX), State::Warn, "not of this user");
    mode(0o755);
    is(&doctor::private("folder", &dir, 0), State::Warn, "look into");
    mode(0o777);
    is(&doctor::private("folder", &dir, 0), State::Fail, "write into");
}

#[test]
fn what_waits_in_a_spool_is_said() {
    let scratch = Scratch::new();
    let dir = scratch.path("spool");
    let now = deponent::time::now();
    let later = Moment { nanos: now.nanos + 1_000 * SECOND, digits: 9 };
    is(&doctor::spool(&dir, 1_000, now), State::Ok, "never ran");
    put(&scratch, &format!("spool/{:020}", 0), &"x".repeat(100));
    put(&scratch, &format!("spool/{:020}", 7), &"x".repeat(400));
    is(&doctor::spool(&dir, 10_000, now), State::Warn, "500 bytes wait of 10000, nothing was ever acknowledged");
    put(&scratch, "spool/position", "7 390\n");
    is(&doctor::spool(&dir, 10_000, now), State::Ok, "10 bytes wait");
    is(&doctor::spool(&dir, 10_000, later), State::Warn, "s ago");
    put(&scratch, "spool/position", "7 400\n");
    is(&doctor::spool(&dir, 10_000, later), State::Ok, "0 bytes wait");
    put(&scratch, "spool/position", "0 0\n");
    is(&doctor::spool(&dir, 900, now), State::Warn, "500 bytes wait of 900");
    is(&doctor::spool(&dir, 505, now), State::Fail, "it is full");
    put(&scratch, &format!("spool/{:020}.damaged", 3), "");
    is(&doctor::spool(&dir, 10_000, now), State::Warn, "damaged segments");
}

#[test]
fn a_collector_that_answers_is_the_known_one() {
    let greeting = Greeting {
        status: 200,
        vkey: Some("k+1+A".to_owned()),
        version: Some("0.1.0".to_owned()),
        date: None,
        before: NOW,
        after: NOW,
    };
    let of = |answer: Result<Greeting, String>, known| doctor::collector("https://c:1", &answer, known);
    is(&of(Ok(greeting.clone()), Some("k+1+A\n")), State::Ok, "known");
    is(&of(Ok(greeting.clone()), None), State::Warn, "collector_key = \"k+1+A\"");
    is(&of(Ok(greeting.clone()), Some("k+2+B")), State::Fail, "not with the key that is known: k+2+B");
    is(&of(Ok(Greeting { status: 404, vkey: None, ..greeting }), None), State::Fail, "answers 404");
    is(&of(Err("connection refused".to_owned()), None), State::Fail, "firewall");
    is(&of(Err("invalid peer certificate: UnknownIssuer".to_owned()), None), State::Fail, "must be the authority");
}

#[test]
fn ports_are_free_or_its_own() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let holder = Some(Holder { pid: 77, address: None });
    is(&doctor::door("port", taken, None), State::Fail, "ss -ltnp");
    is(&doctor::door("port", taken, holder), State::Ok, "process 77");
    is(&doctor::door("port", "192.0.2.1:1".parse().unwrap(), None), State::Fail, "ip -br address");
    drop(listener);
    is(&doctor::door("port", taken, None), State::Ok, "is free");
    is(&doctor::door("port", taken, holder), State::Warn, "nobody listens");
}

#[test]
fn a_store_is_looked_at() {
    let scratch = Scratch::new();
    let uid = Host::this().uid;
    let of = |dir: &str, keys: &str| {
        let options =
            StoreOptions { dir: scratch.path(dir), state_home: Some(scratch.path(keys)), host: String::new() };
        doctor::own_check(&options, uid)
    };
    is(&of("none", "keys").checks[0], State::Ok, "not there yet");
    std::fs::create_dir(scratch.path("empty")).unwrap();
    is(named(&of("empty", "keys").checks, "store"), State::Fail, "--store DIR");
    scratch.write("a.log", crate::live::line(1));
    scratch.ok(&["ingest", "a.log", "--store", "store"]);
    let home = if scratch.path("keys/deponent").exists() { "keys/deponent" } else { "keys" };
    let good = of("store", home);
    assert!(!good.broken && good.holder.is_none());
    for check in &good.checks {
        is(check, State::Ok, "");
    }
    let without = of("store", "elsewhere");
    is(named(&without.checks, "store"), State::Unknown, "without the key");
    is(named(&without.checks, "folder of the key"), State::Warn, "XDG_STATE_HOME");
    // An older copy of the log under the same key.
    let old = std::fs::read(scratch.path("store/log/checkpoint")).unwrap();
    scratch.write("b.log", crate::live::line(2));
    scratch.ok(&["ingest", "b.log", "--store", "store"]);
    let new = std::fs::read(scratch.path("store/log/checkpoint")).unwrap();
    std::fs::write(scratch.path("store/log/checkpoint"), old).unwrap();
    let rolled = of("store", home);
    is(named(&rolled.checks, "store"), State::Fail, "rolled back");
    assert!(rolled.broken);
    // Another signature.
    let mut forged = String::from_utf8(new).unwrap();
    let at = forged.len() - 10;
    let flipped = if forged.as_bytes()[at] == b'A' { "B" } else { "A" };
    forged.replace_range(at..=at, flipped);
    std::fs::write(scratch.path("store/log/checkpoint"), forged).unwrap();
    let forged = of("store", home);
    is(named(&forged.checks, "store"), State::Fail, "not signed by its key");
    assert!(forged.broken);
    let run = scratch.run(&["doctor", "--store", "store"]);
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
}

/// A collector's and an agent's configuration, and the port between.
fn cluster() -> Scratch {
    let scratch = Scratch::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scratch.ok(&["init", "pki", "--cluster", "lab", "--collector", "127.0.0.1", "--agent", "node-1"]);
    let tls = |name: &str| format!("cert = 'pki/{name}.crt'\nkey = 'pki/{name}.key'\nca = 'pki/ca.crt'\n");
    scratch
        .write("config.toml", format!("store = 'store'\n[agents]\nlisten = '127.0.0.1:{port}'\n{}", tls("collector")));
    let tail = "[[tail]]\npaths = [\"a\\u001b[31m.log\"]\n";
    scratch.write(
        "agent.toml",
        format!(
            "collector = 'https://127.0.0.1:{port}'\nstate = 'agent'\ncluster = 'lab'\n{}{tail}",
            tls("agent-node-1")
        ),
    );
    scratch
}

fn state_of(run: &crate::harness::Run, check: &str) -> String {
    let lines = run.lines();
    let line = lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("no {check}: {}", run.out));
    line["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_node_and_its_collector_are_checked() {
    let scratch = cluster();
    let node = ["doctor", "-c", "agent.toml", "--node", "node-1"];
    let ndjson: Vec<&str> = node.iter().chain(&["-o", "ndjson"]).copied().collect();
    let away = scratch.run(&ndjson);
    assert_eq!((away.code, state_of(&away, "collector").as_str()), (4, "fail"));
    let collector = Collector::start(&scratch);
    let here = scratch.run(&ndjson);
    assert_eq!(state_of(&here, "collector"), "warn");
    assert_eq!(state_of(&here, "clock of the collector"), "ok");
    assert_eq!(state_of(&here, "name in the certificate"), "ok");
    let own = scratch.run(&["doctor", "-o", "ndjson"]);
    assert_eq!(state_of(&own, "port of agents"), "ok");
    assert!(own.out.contains(&format!("process {} writes it", collector.child.id())), "{}", own.out);
    // For people: what others named is visible text, and nothing is coloured without a terminal.
    let table = scratch.run(&node);
    assert!(table.out.contains("a\\u{1b}[31m.log") && !table.out.contains('\u{1b}'), "{}", table.out);
    assert!(table.out.contains("  -> collector_key = \""), "{}", table.out);
    let whole: serde_json::Value = serde_json::from_str(&scratch.run(&["doctor", "-o", "json"]).out).unwrap();
    assert_eq!(whole["summary"]["fail"], 0, "{whole}");
    collector.stop();
}

#[test]
fn a_configuration_that_makes_no_sense_is_said() {
    let scratch = Scratch::new();
    scratch.write("config.toml", "stroe = 'x'\n");
    let run = scratch.run(&["doctor"]);
    assert_eq!(run.code, 4);
    assert!(run.out.contains("did you mean `store`?"), "{}", run.out);
    let run = scratch.run(&["doctor", "--agent", "-o", "ndjson"]);
    assert_eq!((run.code, state_of(&run, "configuration").as_str()), (4, "fail"));
    assert_eq!(scratch.run(&["doctor", "--server", "http://127.0.0.1:1"]).code, 2);
    assert_eq!(scratch.run(&["doctor", "-o", "csv"]).code, 2);
}

/// Waits until a log says something.
fn until(path: &Path, wanted: &str) {
    let started = Instant::now();
    while !std::fs::read_to_string(path).unwrap_or_default().contains(wanted) {
        assert!(started.elapsed() < BOUND, "no `{wanted}` in: {}", std::fs::read_to_string(path).unwrap_or_default());
        std::thread::yield_now();
    }
}

#[test]
fn a_hangup_checks_the_configuration_and_ends_nothing() {
    let scratch = cluster();
    for (arguments, file) in
        [(&["serve", "--listen", "127.0.0.1:0"][..], "config.toml"), (&["agent", "--node", "node-1"], "agent.toml")]
    {
        let log = scratch.path(&format!("{file}.log"));
        let good = std::fs::read_to_string(scratch.path(file)).unwrap();
        let mut command = scratch.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
        let pid = child.id().to_string();
        let send =
            |signal: &str| assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        until(&log, "deponent ");
        send("-HUP");
        until(&log, "nothing of it needs a restart");
        scratch.write(
            file,
            good.replace("[[tail]]", "[[tail]]\nzone = 'Europe/Berlin'")
                .replace("store = 'store'", "store = 'store'\nnode = 'x'"),
        );
        send("-HUP");
        until(&log, "these keys need a restart");
        scratch.write(file, "nothing of it\n");
        send("-HUP");
        until(&log, "a restart would fail");
        scratch.write(file, good);
        assert_eq!(child.try_wait().unwrap(), None);
        send("-TERM");
        assert!(child.wait().unwrap().success());
    }
}

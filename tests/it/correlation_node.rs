//! Links of the node on small records made by hand: logins, clients of a container's daemon, static pods, and programs that somebody changed.
//!
//! Each begins with a story that is linked; then each key of it is changed alone. Not here: the API's side (`correlation_api`), whole runs (`attribution`).

use crate::harness::Scratch;
use serde_json::Value;
use std::fmt::Write as _;

/// Lines of auditd's log, as they are made.
#[derive(Clone, Default)]
struct Audit {
    lines: String,
    serial: u64,
}

/// A process that acts.
#[derive(Clone, Copy)]
struct Process {
    pid: u32,
    ppid: u32,
    /// Login and session; `None`: unset.
    login: Option<(u32, u32)>,
    exe: &'static str,
}

const BOB: Option<(u32, u32)> = Some((1502, 9));
const EVE: Option<(u32, u32)> = Some((1777, 12));

impl Audit {
    fn stamp(&mut self, ms: u64) -> String {
        self.serial += 1;
        format!("msg=audit({}.{:03}:{})", 1_795_467_500 + ms / 1000, ms % 1000, self.serial)
    }

    fn call(&mut self, ms: u64, process: Process, call: u32, a2: &str, rest: &[String]) {
        let stamp = self.stamp(ms);
        let (auid, ses) = process.login.unwrap_or((u32::MAX, u32::MAX));
        let Process { pid, ppid, exe, .. } = process;
        let name = ["unset", "bob", "eve"][[None, BOB, EVE].iter().position(|one| *one == process.login).unwrap_or(1)];
        writeln!(
            self.lines,
            "type=SYSCALL {stamp}: arch=c000003e syscall={call} success=yes exit=3 a0=ffffff9c a1=7ffd a2={a2} a3=0 items=1 ppid={ppid} pid={pid} auid={auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses={ses} comm=\"x\" exe=\"{exe}\" key=\"k\"\u{1d}AUID=\"{name}\""
        )
        .unwrap();
        for line in rest {
            writeln!(self.lines, "{}", line.replace("STAMP", &stamp)).unwrap();
        }
    }

    /// execve
    fn runs(&mut self, ms: u64, process: Process, argv: &[&str], inode: &str) {
        let mut words = format!("type=EXECVE STAMP: argc={}", argv.len());
        for (number, word) in argv.iter().enumerate() {
            write!(words, " a{number}={}", data_encoding::HEXUPPER.encode(word.as_bytes())).unwrap();
        }
        let path = format!(
            "type=PATH STAMP: item=0 name=\"{}\" {inode} mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL",
            process.exe
        );
        self.call(ms, process, 59, "0", &[words, path]);
    }

    /// openat
    fn opens(&mut self, ms: u64, process: Process, path: &str, inode: &str, flags: &str) {
        let path = format!(
            "type=PATH STAMP: item=0 name=\"{path}\" {inode} mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL"
        );
        self.call(ms, process, 257, flags, &[path]);
    }

    /// unlinkat
    fn removes(&mut self, ms: u64, process: Process, path: &str, inode: &str) {
        let path = format!(
            "type=PATH STAMP: item=0 name=\"{path}\" {inode} mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE"
        );
        self.call(ms, process, 263, "0", &[path]);
    }

    fn begins(&mut self, ms: u64, pid: u32, login: Option<(u32, u32)>, name: &str) {
        let stamp = self.stamp(ms);
        let (auid, ses) = login.unwrap();
        writeln!(self.lines, "type=LOGIN {stamp}: pid={pid} uid=0 old-auid=4294967295 auid={auid} tty=(none) old-ses=4294967295 ses={ses} res=1\u{1d}UID=\"root\" AUID=\"{name}\"").unwrap();
    }

    fn says(&mut self, ms: u64, record: &str) {
        let stamp = self.stamp(ms);
        writeln!(self.lines, "{}", record.replace("STAMP", &stamp)).unwrap();
    }
}

const WRITE: &str = "241";
const READ: &str = "80000";
const DISK: &str = "inode=77 dev=fe:00";

fn shell(login: Option<(u32, u32)>, pid: u32) -> Process {
    Process { pid, ppid: 500, login, exe: "/usr/bin/bash" }
}

/// A store with these logs, in this order.
fn store(logs: &[(&str, &str)]) -> Scratch {
    let scratch = Scratch::new();
    for (number, (kind, text)) in logs.iter().enumerate() {
        let path = scratch.write(&format!("{number}.log"), text);
        scratch.ingest(&[&path], &["--kind", kind]);
    }
    scratch
}

fn why(scratch: &Scratch, query: &str) -> Value {
    let found = scratch.search(query);
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    serde_json::from_str(&run.out).unwrap()
}

/// Who stands at the end, and how surely: `1502 STRONG`, `AMBIGUOUS 1502 1777`, `unknown`.
fn end(why: &Value) -> String {
    let root = &why["root"];
    match root["kind"].as_str().unwrap() {
        "ambiguous" => {
            let mut names: Vec<&str> =
                root["candidates"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
            names.dedup();
            format!("AMBIGUOUS {}", names.join(", "))
        }
        "unknown" => "unknown".to_owned(),
        _ => format!("{} {}", root["name"].as_str().unwrap(), root["class"].as_str().unwrap()),
    }
}

fn rules(why: &Value) -> Vec<String> {
    let links = why["chain"].as_array().unwrap().iter().filter_map(|step| step["link"]["rule"].as_str());
    links.map(str::to_owned).collect()
}

const MANIFEST: &str = "/etc/kubernetes/manifests/web.yaml";
const KUBELET: Process = Process { pid: 22147, ppid: 1, login: None, exe: "/usr/bin/kubelet" };
const ADDED: &str = "I1123 20:58:40.125384   22147 kubelet.go:2724] \"SyncLoop ADD\" source=\"file\" pods=[\"kube-system/web-node-1\"]\n";

/// Bob's shell writes a manifest, the kubelet reads it.
fn planted() -> Audit {
    let mut audit = Audit::default();
    audit.begins(10_000, 499, BOB, "bob");
    audit.runs(11_000, shell(BOB, 501), &["bash"], "inode=5 dev=fe:00");
    audit.opens(20_000, shell(BOB, 501), MANIFEST, DISK, WRITE);
    audit
}

fn read(mut audit: Audit) -> String {
    audit.opens(20_100, KUBELET, MANIFEST, DISK, READ);
    audit.lines
}

fn of_pod(audit: &str) -> Value {
    why(&store(&[("auditd", audit), ("kubelet", ADDED)]), "action:syncloop-add")
}

#[test]
fn a_static_pod_leads_to_who_wrote_its_file() {
    let whole = of_pod(&read(planted()));
    assert_eq!(end(&whole), "bob STRONG", "{}", whole["root"]);
    assert_eq!(rules(&whole), ["manifest-pod", "process-child", "login-session"]);
    // Whichever came first.
    let reversed = why(&store(&[("kubelet", ADDED), ("auditd", &read(planted()))]), "action:syncloop-add");
    assert_eq!((end(&reversed), rules(&reversed)), (end(&whole), rules(&whole)));
}

#[test]
fn a_static_pod_that_goes_leads_to_who_removed_its_file() {
    let mut audit = planted();
    audit.opens(20_100, KUBELET, MANIFEST, DISK, READ);
    audit.begins(30_000, 699, EVE, "eve");
    audit.removes(40_000, shell(EVE, 701), MANIFEST, DISK);
    let lines = format!("{ADDED}{}", ADDED.replace("ADD", "REMOVE").replace("20:58:40", "20:59:00"));
    let gone = |audit: &str| why(&store(&[("auditd", audit), ("kubelet", &lines)]), "action:syncloop-remove");
    assert_eq!(end(&gone(&audit.lines)), "eve STRONG");
    let other = audit.lines.replace("DELETE", "NORMAL");
    assert_eq!(end(&gone(&other)), "unknown");
}

#[test]
fn each_key_of_a_static_pod_counts() {
    let whole = read(planted());
    let other_file = whole.replacen(DISK, "inode=78 dev=fe:00", 1);
    assert_eq!(end(&of_pod(&other_file)), "unknown");
    let other_process = whole.replace("pid=22147", "pid=22148");
    assert_eq!(end(&of_pod(&other_process)), "unknown");
    let other_program = whole.replace("/usr/bin/kubelet", "/usr/bin/cat");
    assert_eq!(end(&of_pod(&other_program)), "unknown");
    let mut late = planted();
    late.opens(18_000, KUBELET, MANIFEST, DISK, READ);
    assert_eq!(end(&of_pod(&late.lines)), "unknown", "it was read before, and not at that time");
}

#[test]
fn whoever_else_had_the_file_open_makes_it_less_sure() {
    let mut audit = Audit::default();
    audit.opens(9_000, shell(EVE, 701), MANIFEST, DISK, WRITE);
    let mut story = planted();
    story.lines.insert_str(0, &audit.lines.replace(":1)", ":900)"));
    let found = of_pod(&read(story.clone()));
    assert_eq!(end(&found), "bob CONSISTENT");
    assert!(found["root"]["missing"].to_string().contains("closed it"), "{}", found["root"]);
    // An inode that was removed in between is another file's.
    let mut removed = Audit { serial: 50, ..Audit::default() };
    removed.removes(15_000, shell(EVE, 701), MANIFEST, DISK);
    story.lines.push_str(&removed.lines);
    assert_eq!(end(&of_pod(&read(story))), "bob STRONG");
}

#[test]
fn what_was_not_recorded_makes_it_less_sure() {
    let mut audit = planted();
    audit.says(20_050, "type=CONFIG_CHANGE STAMP: auid=1777 ses=12 op=remove_rule key=\"k8s\" list=4 res=1");
    assert_eq!(end(&of_pod(&read(audit))), "bob CONSISTENT");
}

#[test]
fn several_files_at_once_are_several_candidates() {
    let mut audit = planted();
    audit.begins(12_000, 699, EVE, "eve");
    audit.opens(19_000, shell(EVE, 701), "/etc/kubernetes/manifests/db.yaml", "inode=80 dev=fe:00", WRITE);
    audit.opens(20_090, KUBELET, "/etc/kubernetes/manifests/db.yaml", "inode=80 dev=fe:00", READ);
    assert_eq!(end(&of_pod(&read(audit))), "AMBIGUOUS bob, eve");
}

/// A command in bob's session, of which no parent was recorded.
fn in_session(audit: &mut Audit, ms: u64) {
    audit.runs(ms, Process { pid: 801, ppid: 800, login: BOB, exe: "/usr/bin/id" }, &["id"], "inode=6 dev=fe:00");
}

fn of_command(audit: &Audit) -> Vec<String> {
    rules(&why(&store(&[("auditd", &audit.lines)]), "exe:/usr/bin/id"))
}

#[test]
fn a_session_leads_to_its_beginning() {
    let mut audit = Audit::default();
    audit.begins(10_000, 499, BOB, "bob");
    let began = audit.clone();
    in_session(&mut audit, 20_000);
    assert_eq!(of_command(&audit), ["login-session"]);

    let mut booted = began.clone();
    booted.says(15_000, "type=SYSTEM_BOOT STAMP: pid=2 uid=0 auid=4294967295 ses=4294967295 msg='comm=\"systemd-update-utmp\" exe=\"/lib/systemd/systemd-update-utmp\" hostname=? addr=? terminal=? res=success'");
    in_session(&mut booted, 20_000);
    assert!(of_command(&booted).is_empty(), "the numbers of another boot");

    let mut lower = Audit { serial: 100, ..Audit::default() };
    lower.begins(10_000, 499, BOB, "bob");
    lower.serial = 0;
    in_session(&mut lower, 20_000);
    assert!(of_command(&lower).is_empty(), "serials ascend within a boot");

    for other in [Some((1502, 8)), Some((1777, 9))] {
        let mut audit = Audit::default();
        audit.begins(10_000, 499, other, "bob");
        in_session(&mut audit, 20_000);
        assert!(of_command(&audit).is_empty(), "{other:?}");
    }
}

#[test]
fn the_line_of_sshd_adds_the_key_and_is_never_sure() {
    let mut audit = Audit::default();
    audit.begins(10_000, 499, BOB, "bob");
    in_session(&mut audit, 20_000);
    let line = |pid: u32| {
        format!(
            "2026-11-23T20:58:29.900000+00:00 node-1 sshd[{pid}]: Accepted publickey for bob from 192.0.2.7 port 36030 ssh2: ED25519 SHA256:V0cv9efHTr/OO4VWmg5BkCQSmLpT0k+tZO1Za1qFIMI\n"
        )
    };
    let of = |lines: &str| why(&store(&[("auditd", &audit.lines), ("syslog", lines)]), "exe:/usr/bin/id");
    let found = of(&line(499));
    assert_eq!(rules(&found), ["login-session", "login-line"], "{found}");
    assert_eq!(found["chain"][1]["link"]["class"], "CONSISTENT");
    assert_eq!(end(&found), "bob PROVEN", "the login is the kernel's, whatever sshd says");
    assert_eq!(rules(&of(&line(498))), ["login-session"], "the line of another process");
    let twice = of(&(line(499) + &line(499).replace("36030", "36031")));
    assert_eq!(twice["chain"][1]["link"]["class"], "AMBIGUOUS");
    assert_eq!(end(&twice), "bob PROVEN", "a forged line takes nothing away");
}

const CONTAINER: &str = "e9dca3dcb8a51b47b9767286a4f8e80679e2932205f0f7569bfbf1e27760310b";
const SHIM: u32 = 600;

/// A runtime's order for Docker's daemon.
fn order(audit: &mut Audit, ms: u64, namespace: &str, words: &[&str]) {
    let bundle = format!("/run/containerd/io.containerd.runtime.v2.task/{namespace}/{CONTAINER}");
    let pid_file = format!("{bundle}/{}.pid", words[1]);
    let mut argv = vec!["runc", words[0], "--bundle", &bundle, "--pid-file", &pid_file];
    argv.push(CONTAINER);
    let runc = Process { pid: 610, ppid: SHIM, login: None, exe: "/usr/sbin/runc" };
    audit.runs(ms, runc, &argv, "inode=9 dev=fe:00");
}

const EXEC_ID: &str = "fdbbd99860b0707454ead2b07bb3c8499794e4428b803a2f2025dcdf7fcd25ff";

/// A client asks for an exec, and the runtime starts a process.
fn asked(client: Process, argv: &[&str], namespace: &str, exec_id: &str, process: &[&str]) -> Audit {
    let mut audit = Audit::default();
    audit.begins(10_000, 499, BOB, "bob");
    audit.begins(10_500, 699, EVE, "eve");
    let daemon = Process { pid: 599, ppid: 1, login: None, exe: "/usr/bin/containerd" };
    audit.runs(11_000, daemon, &["containerd"], "inode=2 dev=fe:00");
    let shim = Process { pid: SHIM, ppid: 599, login: None, exe: "/usr/bin/containerd-shim-runc-v2" };
    audit.runs(12_000, shim, &["containerd-shim-runc-v2"], "inode=3 dev=fe:00");
    audit.runs(20_000, client, argv, "inode=8 dev=fe:00");
    order(&mut audit, 20_100, namespace, &["exec", exec_id]);
    let started = Process { pid: 620, ppid: 610, login: None, exe: "/bin/busybox" };
    audit.runs(20_150, started, process, "inode=4 dev=00:4f");
    audit
}

fn docker(login: Option<(u32, u32)>) -> Process {
    Process { pid: 510, ppid: 509, login, exe: "/usr/bin/docker" }
}

fn of_process(audit: &Audit) -> Value {
    why(&store(&[("auditd", &audit.lines)]), "pid:620 syscall:execve")
}

#[test]
fn an_exec_of_docker_leads_to_its_client() {
    let command = ["cat", "/etc/shadow"];
    let argv = ["docker", "exec", "web", "cat", "/etc/shadow"];
    let found = of_process(&asked(docker(BOB), &argv, "moby", EXEC_ID, &command));
    assert_eq!(end(&found), "bob CONSISTENT", "{}", found["root"]);
    assert_eq!(rules(&found), ["exec-process", "client-runtime", "login-session"]);
    assert_eq!(end(&of_process(&asked(docker(BOB), &argv, "moby", EXEC_ID, &["cat", "/etc/passwd"]))), "unknown");
    assert_eq!(end(&of_process(&asked(docker(BOB), &argv, "k8s.io", EXEC_ID, &command))), "unknown", "not Docker's");
    let copy = Process { exe: "/usr/bin/cat", ..docker(BOB) };
    assert_eq!(end(&of_process(&asked(copy, &argv, "moby", EXEC_ID, &command))), "unknown", "no client");
}

#[test]
fn two_clients_with_one_command_are_two_candidates() {
    let command = ["cat", "/etc/shadow"];
    let argv = ["docker", "exec", "web", "cat", "/etc/shadow"];
    let mut audit = asked(docker(BOB), &argv, "moby", EXEC_ID, &command);
    let other = Process { pid: 710, ppid: 709, ..docker(EVE) };
    audit.runs(20_050, other, &argv, "inode=8 dev=fe:00");
    assert_eq!(end(&of_process(&audit)), "AMBIGUOUS bob, eve");
}

#[test]
fn ids_that_both_sides_name_decide() {
    let command = ["id"];
    let ctr = Process { exe: "/usr/bin/ctr", ..docker(BOB) };
    let argv = ["ctr", "-n", "k8s.io", "task", "exec", "--exec-id", "probe-7", CONTAINER, "id"];
    let mut audit = asked(ctr, &argv, "k8s.io", "probe-7", &command);
    // Somebody else asks for the same command elsewhere.
    let other = Process { pid: 710, ppid: 709, login: EVE, ..ctr };
    audit.runs(20_050, other, &["ctr", "task", "exec", "--exec-id", "x", "web", "id"], "inode=8 dev=fe:00");
    let found = of_process(&audit);
    assert_eq!(end(&found), "bob STRONG", "{}", found["root"]);
    let argv = ["ctr", "-n", "k8s.io", "task", "exec", "--exec-id", "probe-8", CONTAINER, "id"];
    let gone = asked(ctr, &argv, "k8s.io", "probe-7", &command);
    assert_eq!(end(&of_process(&gone)), "bob CONSISTENT", "the command alone");
}

#[test]
fn more_clients_than_are_looked_at_name_nobody() {
    let command = ["cat", "/etc/shadow"];
    let mut audit = asked(docker(BOB), &["docker", "exec", "web", "cat", "/etc/shadow"], "moby", EXEC_ID, &command);
    assert_eq!(end(&of_process(&audit)), "bob CONSISTENT");
    // They ask for something else, but one beyond those that are looked at may have asked for this.
    for pid in 2_000..3_100 {
        audit.runs(
            20_050,
            Process { pid, ppid: 709, ..docker(EVE) },
            &["docker", "exec", "db", "id"],
            "inode=8 dev=fe:00",
        );
    }
    assert_eq!(end(&of_process(&audit)), "unknown");
}

#[test]
fn whose_orphan_it_is_is_asked_where_a_logins_line_is_doubtful() {
    let client = docker(BOB);
    let mut audit = asked(client, &["docker", "run", "web", "sleep", "9"], "moby", EXEC_ID, &["unused"]);
    // Only the daemon, its shim and the client of that story.
    let until = audit.lines.match_indices("type=SYSCALL").nth(3).unwrap().0;
    audit.lines.truncate(until);
    order(&mut audit, 20_100, "moby", &["create", "init"]);
    order(&mut audit, 20_150, "moby", &["start", "init"]);
    let first = Process { pid: 620, ppid: SHIM, login: None, exe: "/bin/busybox" };
    audit.runs(20_200, first, &["sleep", "9"], "inode=4 dev=00:4f");
    let child = Process { pid: 640, ppid: 620, login: None, exe: "/bin/busybox" };
    let line = "2026-11-23T20:58:29.900000+00:00 node-1 sshd[499]: Accepted publickey for bob from 192.0.2.7 port 36030 ssh2: ED25519 SHA256:V0cv9efHTr/OO4VWmg5BkCQSmLpT0k+tZO1Za1qFIMI\n";
    let of = |audit: &Audit, lines: &str| {
        let mut audit = audit.clone();
        audit.runs(31_000, child, &["id"], "inode=4 dev=00:4f");
        why(&store(&[("auditd", &audit.lines), ("syslog", lines)]), "pid:640 syscall:execve")
    };
    let twice = line.to_owned() + &line.replace("36030", "36031");
    let alone = of(&audit, &twice);
    assert_eq!(end(&alone), "bob CONSISTENT", "{}", alone["root"]);
    assert_eq!(
        alone["chain"].as_array().unwrap().iter().rev().find_map(|step| step["link"]["class"].as_str()),
        Some("AMBIGUOUS")
    );
    let eves = Process { pid: 710, ppid: 709, ..docker(EVE) };
    audit.runs(30_000, eves, &["docker", "exec", "web", "sh", "-c", "id"], "inode=8 dev=fe:00");
    order(&mut audit, 30_100, "moby", &["exec", EXEC_ID]);
    let started = Process { pid: 630, ppid: 610, login: None, exe: "/bin/busybox" };
    audit.runs(30_150, started, &["sh", "-c", "id"], "inode=4 dev=00:4f");
    assert_eq!(end(&of(&audit, line)), "AMBIGUOUS bob, eve", "it may be a child of hers");
    assert_eq!(end(&of(&audit, &twice)), "AMBIGUOUS bob, eve", "a second line changes nothing of that");
}

#[test]
fn a_number_of_another_login_is_another_process() {
    for parent in [801, 800] {
        let mut audit = Audit::default();
        audit.begins(10_000, 499, EVE, "eve");
        let before = Process { pid: parent, ppid: 700, login: EVE, exe: "/usr/bin/id" };
        audit.runs(19_000, before, &["id", "before"], "inode=6 dev=fe:00");
        audit.runs(
            20_000,
            Process { pid: 801, ppid: 800, login: BOB, exe: "/usr/bin/id" },
            &["id"],
            "inode=6 dev=fe:00",
        );
        let found = why(&store(&[("auditd", &audit.lines)]), "pid:801 login:bob");
        assert!(rules(&found).is_empty(), "{parent}: {found}");
    }
}

#[test]
fn what_a_changed_program_rests_on() {
    let mut audit = Audit::default();
    audit.begins(10_000, 499, BOB, "bob");
    audit.opens(20_000, shell(BOB, 501), "/usr/local/bin/tool", DISK, WRITE);
    let written = audit.clone();
    let tool = Process { pid: 900, ppid: 899, login: EVE, exe: "/usr/local/bin/tool" };
    let run = |mut audit: Audit, inode: &str| {
        audit.begins(29_000, 699, EVE, "eve");
        audit.runs(30_000, tool, &["tool"], inode);
        why(&store(&[("auditd", &audit.lines)]), "pid:900 syscall:execve")
    };
    let found = run(audit, DISK);
    assert_eq!(end(&found), "eve PROVEN", "she ran it");
    let ground = &found["grounds"][0];
    assert_eq!(
        (ground["chain"][0]["link"]["rule"].as_str(), end(ground)),
        (Some("file-executed"), "bob STRONG".to_owned())
    );
    assert!(run(written.clone(), "inode=78 dev=fe:00")["grounds"].is_null());
    let mut removed = written.clone();
    removed.removes(25_000, shell(BOB, 501), "/usr/local/bin/tool", DISK);
    assert!(run(removed, DISK)["grounds"].is_null());
    let overlay = Audit { lines: written.lines.replace(DISK, "inode=77 dev=00:4f"), ..written };
    assert_eq!(end(&run(overlay, "inode=77 dev=00:4f")["grounds"][0]), "bob CONSISTENT");
}

#[test]
fn effects_are_what_has_it_as_a_cause() {
    let mut audit = planted();
    audit.opens(20_100, KUBELET, MANIFEST, DISK, READ);
    let scratch = store(&[("auditd", &audit.lines), ("kubelet", ADDED)]);
    let began = scratch.search("action:changed-login-id");
    let lines = scratch.ok(&["effects", began[0]["id"].as_str().unwrap(), "--store", "store", "-o", "ndjson"]).lines();
    let rules: Vec<&str> = lines.iter().filter_map(|line| line["link"]["rule"].as_str()).collect();
    assert_eq!(rules, ["login-session", "process-child", "file-loaded", "manifest-pod"]);
}

//! Whose file a component read: rule `file-loaded`, on small records made by hand.
//!
//! A story that is linked, then each key of it alone, then what an attacker may add. Not here: programs that were run, pods of files (`correlation_node`).

use crate::harness::Scratch;
use serde_json::Value;
use std::fmt::Write as _;

/// Lines of auditd's log, as they are made.
#[derive(Clone, Default)]
struct Audit {
    lines: String,
    serial: u64,
}

/// A process that acts: number, login with session, executable.
#[derive(Clone, Copy)]
struct Process(u32, Option<(u32, u32)>, &'static str);

const BOB: Option<(u32, u32)> = Some((1502, 9));
const EVE: Option<(u32, u32)> = Some((1777, 12));
const BOBS: Process = Process(501, BOB, "/usr/bin/bash");
const EVES: Process = Process(701, EVE, "/usr/bin/bash");
const CONTAINERD: Process = Process(900, None, "/usr/bin/containerd");
const AUDITCTL: Process = Process(950, EVE, "/usr/sbin/auditctl");

const CONFIG: &str = "/etc/containerd/config.toml";
const RULES: &str = "/etc/audit/audit.rules";
const FILE: &str = "fe:00/77";
const OTHER: &str = "fe:00/78";
const WRITE: &str = "241";
const READ: &str = "80000";

impl Audit {
    /// The logins of both.
    fn new() -> Audit {
        let mut audit = Audit::default();
        audit.begins(1_000, 499, BOB, "bob");
        audit.begins(2_000, 699, EVE, "eve");
        audit
    }

    fn stamp(&mut self, ms: u64) -> String {
        self.serial += 1;
        format!("msg=audit({}.{:03}:{})", 1_795_467_500 + ms / 1000, ms % 1000, self.serial)
    }

    fn begins(&mut self, ms: u64, pid: u32, login: Option<(u32, u32)>, name: &str) {
        let (stamp, (auid, ses)) = (self.stamp(ms), login.unwrap());
        writeln!(self.lines, "type=LOGIN {stamp}: pid={pid} uid=0 old-auid=4294967295 auid={auid} tty=(none) old-ses=4294967295 ses={ses} res=1\u{1d}UID=\"root\" AUID=\"{name}\"").unwrap();
    }

    fn call(&mut self, ms: u64, by: Process, (call, a2): (u32, &str), rest: &[String]) {
        let (stamp, Process(pid, login, exe)) = (self.stamp(ms), by);
        let (auid, ses) = login.unwrap_or((u32::MAX, u32::MAX));
        let name = if login == BOB { "bob" } else { "eve" };
        let name = if login.is_none() { "unset" } else { name };
        writeln!(self.lines, "type=SYSCALL {stamp}: arch=c000003e syscall={call} success=yes exit=3 a0=ffffff9c a1=7ffd a2={a2} a3=0 items=1 ppid={} pid={pid} auid={auid} uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses={ses} comm=\"x\" exe=\"{exe}\" key=\"k\"\u{1d}AUID=\"{name}\"", pid - 1).unwrap();
        for line in rest {
            writeln!(self.lines, "{}", line.replace("STAMP", &stamp)).unwrap();
        }
    }

    fn path(item: u32, path: &str, file: &str, role: &str) -> String {
        let (device, inode) = file.split_once('/').unwrap();
        format!(
            "type=PATH STAMP: item={item} name=\"{path}\" inode={inode} dev={device} mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype={role}"
        )
    }

    fn opens(&mut self, ms: u64, by: Process, path: &str, file: &str, flags: &str) {
        self.call(ms, by, (257, flags), &[Audit::path(0, path, file, "NORMAL")]);
    }

    fn runs(&mut self, ms: u64, by: Process, argv: &[&str], program: &str) {
        let mut words = format!("type=EXECVE STAMP: argc={}", argv.len());
        for (number, word) in argv.iter().enumerate() {
            write!(words, " a{number}={}", data_encoding::HEXUPPER.encode(word.as_bytes())).unwrap();
        }
        self.call(ms, by, (59, "0"), &[words, Audit::path(0, by.2, program, "NORMAL")]);
    }

    fn removes(&mut self, ms: u64, by: Process, path: &str, file: &str) {
        self.call(ms, by, (263, "0"), &[Audit::path(0, path, file, "DELETE")]);
    }

    /// rename of `from`, the file `file`, over `to`, which was the file `gone`
    fn renames(&mut self, ms: u64, by: Process, (from, file): (&str, &str), (to, gone): (&str, &str)) {
        let paths = [(from, file, "DELETE"), (to, gone, "DELETE"), (to, file, "CREATE")];
        let lines: Vec<String> =
            (0..).zip(paths).map(|(item, (path, file, role))| Audit::path(item, path, file, role)).collect();
        self.call(ms, by, (82, "0"), &lines);
    }

    fn says(&mut self, ms: u64, record: &str) {
        let stamp = self.stamp(ms);
        writeln!(self.lines, "{}", record.replace("STAMP", &stamp)).unwrap();
    }

    fn store(&self) -> Scratch {
        let scratch = Scratch::new();
        let path = scratch.write("audit.log", &self.lines);
        scratch.ingest(&[&path], &["--kind", "auditd"]);
        scratch
    }

    /// Whose the files are that the event of a query rests on, and how sure that is.
    fn whose(&self, query: &str) -> Vec<String> {
        whose(&self.store(), query)
    }
}

fn why(scratch: &Scratch, query: &str) -> Value {
    let found = scratch.search(query);
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    serde_json::from_str(&run.out).unwrap()
}

fn whose(scratch: &Scratch, query: &str) -> Vec<String> {
    let all = why(scratch, query);
    let mut told = Vec::new();
    for ground in all["grounds"].as_array().into_iter().flatten() {
        let link = &ground["chain"][0]["link"];
        if link["rule"] != "file-loaded" {
            continue;
        }
        let root = &ground["root"];
        let mut names: Vec<&str> = match root["candidates"].as_array() {
            Some(candidates) if !candidates.is_empty() => {
                candidates.iter().map(|one| one["name"].as_str().unwrap()).collect()
            }
            _ => vec![root["name"].as_str().unwrap_or("unknown")],
        };
        names.sort_unstable();
        names.dedup();
        told.push(format!("{} {}", names.join(","), link["class"].as_str().unwrap()));
    }
    told
}

const BY_CONTAINERD: &str = "exe:/usr/bin/containerd";

/// Bob writes the file, containerd reads it much later.
fn reloaded() -> Audit {
    let mut audit = Audit::new();
    audit.opens(20_000, BOBS, CONFIG, FILE, WRITE);
    audit
}

fn read(mut audit: Audit) -> Audit {
    audit.opens(30_000, CONTAINERD, CONFIG, FILE, READ);
    audit
}

#[test]
fn a_read_leads_to_who_wrote_the_file() {
    let scratch = read(reloaded()).store();
    assert_eq!(whose(&scratch, BY_CONTAINERD), ["bob STRONG"]);
    let write = scratch.search("pid:501 syscall:openat");
    let run = scratch.ok(&["effects", write[0]["id"].as_str().unwrap(), "--store", "store", "-o", "ndjson"]);
    let lines = run.lines();
    let rules: Vec<&str> = lines.iter().filter_map(|line| line["link"]["rule"].as_str()).collect();
    assert_eq!(rules, ["file-loaded"], "the other way");
    assert_eq!(scratch.ok(&["verify", "--links", "--store", "store"]).code, 0);
}

#[test]
fn each_key_of_a_read_counts() {
    let mut other = reloaded();
    other.opens(30_000, CONTAINERD, CONFIG, OTHER, READ);
    assert!(other.whose(BY_CONTAINERD).is_empty(), "another file of that name");
    let mut removed = reloaded();
    removed.removes(25_000, EVES, CONFIG, FILE);
    assert!(read(removed).whose(BY_CONTAINERD).is_empty(), "a number that is another file's now");
    let mut moved = reloaded();
    moved.opens(30_000, CONTAINERD, "/etc/containerd/conf.d/x.toml", FILE, READ);
    assert_eq!(moved.whose(BY_CONTAINERD), ["bob CONSISTENT"], "another name of that file");
    let mut program = reloaded();
    program.opens(30_000, Process(900, None, "/home/eve/containerd"), CONFIG, FILE, READ);
    assert!(program.whose("pid:900").is_empty(), "no component");
    let mut writes = reloaded();
    writes.opens(30_000, CONTAINERD, CONFIG, FILE, WRITE);
    assert!(writes.whose(BY_CONTAINERD).is_empty(), "not a read");
    let mut before = Audit::new();
    before.opens(10_000, CONTAINERD, CONFIG, FILE, READ);
    before.opens(20_000, BOBS, CONFIG, FILE, WRITE);
    assert!(before.whose(BY_CONTAINERD).is_empty(), "read before");
    let mut own = Audit::new();
    own.opens(20_000, CONTAINERD, CONFIG, FILE, WRITE);
    let scratch = read(own).store();
    for event in scratch.search(BY_CONTAINERD) {
        let run = scratch.ok(&["why", event["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
        assert!(!run.out.contains("file-loaded"), "its own file: {}", run.out);
    }
}

#[test]
fn who_came_first_is_not_told_by_stamps_alone() {
    let mut near = Audit::new();
    near.opens(29_400, BOBS, CONFIG, FILE, WRITE);
    assert_eq!(read(near).whose(BY_CONTAINERD), ["bob CONSISTENT"], "it may not have been written yet");
    let mut again = read(reloaded());
    again.opens(30_400, EVES, CONFIG, FILE, WRITE);
    assert_eq!(again.whose(BY_CONTAINERD), ["bob CONSISTENT"], "it may have been written again already");
    let mut open = Audit::new();
    open.opens(10_000, EVES, CONFIG, FILE, WRITE);
    open.opens(20_000, BOBS, CONFIG, FILE, WRITE);
    assert_eq!(read(open).whose(BY_CONTAINERD), ["bob CONSISTENT"], "eve may still have it open");
    let mut unsteady = reloaded();
    unsteady.says(25_000, "type=CONFIG_CHANGE STAMP: auid=1777 ses=12 op=remove_rule key=\"k\" list=4 res=1");
    assert_eq!(read(unsteady).whose(BY_CONTAINERD), ["bob CONSISTENT"]);
}

#[test]
fn a_file_put_in_its_place_is_whoever_put_it_there() {
    let mut audit = Audit::new();
    audit.opens(10_000, EVES, CONFIG, OTHER, WRITE);
    audit.renames(29_900, BOBS, ("/etc/containerd/.config.toml.swp", FILE), (CONFIG, OTHER));
    assert_eq!(read(audit.clone()).whose(BY_CONTAINERD), ["bob STRONG"], "a rename is whole, however near");
    audit.opens(30_000, CONTAINERD, CONFIG, OTHER, READ);
    assert!(audit.whose(BY_CONTAINERD).is_empty(), "the file that was replaced is gone");
}

/// Bob writes the rules, Eve loads them.
fn rules_loaded(argv: &[&str], program: &str) -> Audit {
    let mut audit = Audit::new();
    audit.opens(20_000, BOBS, RULES, FILE, WRITE);
    audit.runs(40_000, AUDITCTL, argv, program);
    audit
}

const BY_AUDITCTL: &str = "exe:/usr/sbin/auditctl syscall:execve";
const LOAD: [&str; 3] = ["auditctl", "-R", RULES];

#[test]
fn a_start_that_names_a_file_leads_to_who_wrote_it() {
    let mut audit = rules_loaded(&LOAD, "fe:00/5");
    let rule = "type=CONFIG_CHANGE STAMP: auid=1777 ses=12 op=add_rule key=\"k\" list=4 res=1".to_owned();
    audit.call(40_100, AUDITCTL, (44, "430"), &[rule]);
    let scratch = audit.store();
    assert_eq!(whose(&scratch, BY_AUDITCTL), ["bob CONSISTENT"]);
    let changed = why(&scratch, "action:changed-audit-configuration");
    assert_eq!(changed["root"]["name"], "eve", "who loaded them: {}", changed["root"]);
    assert_eq!(whose(&scratch, "action:changed-audit-configuration"), ["bob CONSISTENT"], "and whose they were");
    assert_eq!(scratch.ok(&["verify", "--links", "--store", "store"]).code, 0);
}

#[test]
fn each_key_of_a_start_counts() {
    assert!(rules_loaded(&["auditctl", "-R", "/etc/audit/other.rules"], "fe:00/5").whose(BY_AUDITCTL).is_empty());
    assert!(rules_loaded(&["auditctl", "-k", RULES], "fe:00/5").whose(BY_AUDITCTL).is_empty(), "no file's option");
    assert!(
        rules_loaded(&["auditctl", "-R", "/etc/audit/../audit/audit.rules"], "fe:00/5").whose(BY_AUDITCTL).is_empty()
    );
    assert!(rules_loaded(&LOAD, "00:4f/5").whose(BY_AUDITCTL).is_empty(), "a container's own root");
    let mut overlay = rules_loaded(&LOAD, "fe:00/5");
    overlay.lines = overlay.lines.replace("inode=77 dev=fe:00", "inode=77 dev=00:4f");
    assert!(overlay.whose(BY_AUDITCTL).is_empty(), "a container's own file");
    let mut removed = Audit::new();
    removed.opens(20_000, BOBS, RULES, FILE, WRITE);
    removed.removes(30_000, EVES, RULES, FILE);
    removed.runs(40_000, AUDITCTL, &LOAD, "fe:00/5");
    assert!(removed.whose(BY_AUDITCTL).is_empty());
    let mut late = rules_loaded(&LOAD, "fe:00/5");
    late.opens(50_000, EVES, RULES, FILE, WRITE);
    assert_eq!(late.whose(BY_AUDITCTL), ["bob CONSISTENT"], "written afterwards");
}

#[test]
fn two_files_at_one_path_are_two_candidates() {
    let mut audit = Audit::new();
    audit.opens(20_000, BOBS, RULES, FILE, WRITE);
    audit.opens(30_000, EVES, RULES, OTHER, WRITE);
    audit.runs(40_000, AUDITCTL, &LOAD, "fe:00/5");
    assert_eq!(audit.whose(BY_AUDITCTL), ["bob,eve AMBIGUOUS"], "one of them may be a container's");
    let mut flood = Audit::new();
    flood.opens(10_000, BOBS, RULES, FILE, WRITE);
    for number in 0..64 {
        flood.opens(20_000 + number, EVES, RULES, OTHER, WRITE);
    }
    flood.runs(40_000, AUDITCTL, &LOAD, "fe:00/5");
    assert_eq!(flood.whose(BY_AUDITCTL), ["eve AMBIGUOUS"], "the older one is not looked at");
    let mut replaced = Audit::new();
    replaced.opens(20_000, BOBS, RULES, FILE, WRITE);
    replaced.renames(30_000, EVES, ("/etc/audit/new", OTHER), (RULES, FILE));
    replaced.runs(40_000, AUDITCTL, &LOAD, "fe:00/5");
    assert_eq!(replaced.whose(BY_AUDITCTL), ["eve CONSISTENT"], "the first is known to be gone");
}

#[test]
fn a_folder_of_rules_and_a_unit_lead_to_their_files() {
    let mut audit = Audit::new();
    audit.opens(20_000, BOBS, "/etc/audit/rules.d/10-base.rules", FILE, WRITE);
    audit.opens(21_000, EVES, "/etc/audit/rules.d/99-less.rules", OTHER, WRITE);
    audit.opens(22_000, EVES, "/etc/audit/rules.d.old/1.rules", "fe:00/79", WRITE);
    let sh = Process(960, BOB, "/usr/bin/dash");
    audit.runs(40_000, sh, &["/bin/sh", "/sbin/augenrules", "--load"], "fe:00/6");
    let mut both = audit.whose("exe:/usr/bin/dash syscall:execve");
    both.sort();
    assert_eq!(both, ["bob CONSISTENT", "eve CONSISTENT"]);
    let mut unit = Audit::new();
    unit.opens(20_000, BOBS, "/etc/systemd/system/kubelet.service", FILE, WRITE);
    unit.opens(21_000, EVES, "/etc/systemd/system/kubelet.service.d/10.conf", OTHER, WRITE);
    unit.opens(22_000, EVES, "/etc/systemd/system/other.service", "fe:00/79", WRITE);
    unit.says(40_000, "type=SERVICE_START STAMP: pid=1 uid=0 auid=4294967295 ses=4294967295 msg='unit=kubelet comm=\"systemd\" exe=\"/usr/lib/systemd/systemd\" hostname=? addr=? terminal=? res=success'");
    let mut both = unit.whose("action:started-service");
    both.sort();
    assert_eq!(both, ["bob CONSISTENT", "eve CONSISTENT"]);
    let mut other = unit.clone();
    other.lines = other.lines.replace("exe=\"/usr/lib/systemd/systemd\"", "exe=\"/home/eve/systemd\"");
    assert!(other.whose("action:started-service").is_empty());
}

#[test]
fn every_way_to_name_a_file() {
    for argv in [
        &["kubelet", "--config", "/var/lib/kubelet/config.yaml"][..],
        &["kubelet", "-v=2", "--config=/var/lib/kubelet/config.yaml"],
    ] {
        let mut audit = Audit::new();
        audit.opens(20_000, BOBS, "/var/lib/kubelet/config.yaml", FILE, WRITE);
        audit.runs(40_000, Process(970, None, "/usr/bin/kubelet"), argv, "fe:00/7");
        assert_eq!(audit.whose("exe:/usr/bin/kubelet"), ["bob CONSISTENT"], "{argv:?}");
    }
}

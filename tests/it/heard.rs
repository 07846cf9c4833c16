//! What agents say, on records made by hand: in which container a process ran, and whether an agent is heard at all.
//!
//! The records lie in a store as an agent's do. Not here: agents that run (`agents`), logs that fell silent (`clocks`).

use crate::harness::{Scratch, sample};
use deponent::evidence::{Door, Envelope, Origin, Sealed, StoreOptions, Writer};
use deponent::model::Moment;
use deponent::pipeline::own_record;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// 2026-11-23T21:00:00Z.
const START: i64 = 1_795_467_600;

fn moment(ms: i64) -> Moment {
    Moment { nanos: START * 1_000_000_000 + ms * 1_000_000, digits: 3 }
}

fn stamp(ms: i64) -> String {
    let (minute, second) = (ms.div_euclid(60_000), ms.rem_euclid(60_000));
    let (hour, minute) = (21 + minute.div_euclid(60), minute.rem_euclid(60));
    format!("2026-11-23T{hour:02}:{minute:02}:{:02}.{:03}Z", second / 1_000, second % 1_000)
}

/// A record of an agent: when it came in, whose it is, what it says.
struct Said {
    received_ms: i64,
    source: &'static str,
    cluster: &'static str,
    node: String,
    door: Door,
    line: Value,
}

fn put(scratch: &Scratch, said: Vec<Said>) {
    let state_home = Some(scratch.path("keys").join("deponent"));
    let options = StoreOptions { dir: scratch.path("store"), state_home, host: "node-1".to_owned() };
    let mut writer = Writer::open(&options).unwrap();
    let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
    for one in said {
        let source = one.source.replace("NODE", &one.node);
        let draft = own_record(&one.line.to_string(), &source, one.cluster, &one.node);
        let received = moment(one.received_ms);
        if one.door != Door::Agent {
            writer.append(draft, &Envelope::witnessed(received, one.door, None)).unwrap();
            continue;
        }
        let name = format!("{}-{}", one.cluster, one.node);
        let key = || Origin::open(&scratch.path(&name), &format!("spiffe://{}/agent/{}", one.cluster, one.node));
        let origin = origins.entry(name.clone()).or_insert_with(|| key().unwrap());
        let mut block = Vec::new();
        origin.seal(&draft, received, &mut block).unwrap();
        let envelope =
            Envelope { received, door: one.door, peer: Some("agent".to_owned()), signer: Some(origin.vkey()) };
        writer.append_sealed(&Sealed::check(block).unwrap(), &envelope).unwrap();
    }
    writer.close().unwrap();
    scratch.ok(&["rebuild", "--store", "store"]);
}

const FIRST: &str = "e1cbf0a3e5d5cd0e6a5e4c5b5a9f1d2c3b4a59687766554433221100ffeeddcc";
/// Of the same beginning.
const SECOND: &str = "e1cbf0a3e5d5cd0e6a5e4c5b5a9f1d2c3b4a59687766554433221100ffeeddcd";
/// In the samples: container app of pod shop/web-55956fc998-sjcqk.
const KNOWN: &str = "c769c925076b75fe77f5c636d7d2442d2ab52eeee16d8eb9c34dfc61271abff6";
const POD: &str = "0d1c4d4e-3f0a-4d52-a1a8-0a4e5e6f7a8b";

/// A claim about process `pid`: since when it runs, when it was seen, where.
fn claim(pid: u32, started_ms: Option<i64>, seen_ms: i64, container: &str) -> Said {
    let mut line = json!({ "deponent": "process-container", "time": stamp(seen_ms), "audit": "0.000:0", "pid": pid, "start_ticks": 5, "container_id": container, "cgroup": "/x" });
    if let Some(started) = started_ms {
        line["started"] = stamp(started).into();
    }
    let node = "node-1".to_owned();
    Said { received_ms: seen_ms + 500, source: "NODE:containers", cluster: "lab", node, door: Door::Agent, line }
}

fn with(mut said: Said, member: &str, value: &str) -> Said {
    said.line[member] = value.into();
    said
}

/// A program that process `pid` started, and whether as another call.
fn record(lines: &mut String, ms: i64, pid: u32, ppid: u32, is_exec: bool) {
    let id = format!("msg=audit({}.{:03}:{})", START + ms / 1000, ms % 1000, 900_000 + ms);
    let call = if is_exec { 59 } else { 257 };
    writeln!(
        lines,
        "type=SYSCALL {id}: arch=c000003e syscall={call} success=yes exit=3 a0=ffffff9c a1=7ffd a2=0 a3=0 items=1 ppid={ppid} pid={pid} auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm=\"x\" exe=\"/bin/prog\" key=\"k\""
    )
    .unwrap();
    if is_exec {
        writeln!(lines, "type=EXECVE {id}: argc=1 a0=\"prog\"").unwrap();
    }
    writeln!(lines, "type=PATH {id}: item=0 name=\"/bin/prog\" inode=9 dev=00:4c mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL").unwrap();
}

fn store(audit: &str, said: Vec<Said>) -> Scratch {
    let scratch = Scratch::new();
    let folders = ["auditd", "kubernetes", "containerd", "kubelet"].map(sample);
    scratch.ingest(&folders.each_ref().map(|folder| folder.as_path()), &[]);
    if !audit.is_empty() {
        let path = scratch.write("audit.log", audit);
        scratch.ingest(&[&path], &["--kind", "auditd"]);
    }
    put(&scratch, said);
    scratch
}

/// The container of the event that a query finds alone.
fn container(scratch: &Scratch, query: &str) -> Value {
    let found = scratch.search(query);
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    let run = scratch.ok(&["why", found[0]["id"].as_str().unwrap(), "--store", "store", "-o", "json"]);
    serde_json::from_str::<Value>(&run.out).unwrap()["container"].clone()
}

/// Class, and the containers.
fn short(container: &Value) -> String {
    let others: Vec<&str> = container["others"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let class = container["class"].as_str().unwrap_or("-");
    let mut ids: Vec<&str> = [container["id"].as_str().unwrap_or("-")].into_iter().chain(others).collect();
    // Which of several claims stands first says nothing.
    ids.sort_unstable();
    format!("{class} {}", ids.join(" "))
}

#[test]
fn an_agent_says_in_which_container_a_process_ran() {
    let mut audit = String::new();
    let (exec, call) = (true, false);
    for (ms, pid, ppid, is_exec) in [
        (100_500, 71, 1, exec),
        (100_600, 171, 71, exec),
        (100_498, 72, 1, exec),
        (100_501, 73, 1, exec),
        (100_502, 74, 1, exec),
        (130_000, 75, 1, call),
        (170_000, 76, 1, call),
        (130_001, 77, 1, exec),
        (100_503, 78, 1, exec),
        (100_504, 79, 1, exec),
        (100_505, 80, 1, exec),
        (100_506, 81, 1, exec),
        (100_507, 82, 1, exec),
        (100_508, 83, 1, exec),
        (100_509, 84, 1, exec),
        (130_002, 85, 1, call),
    ] {
        record(&mut audit, ms, pid, ppid, is_exec);
    }
    record(&mut audit, 120_000, 85, 1, exec);
    let elsewhere = |cluster: &'static str, node: &str, said: Said| Said { cluster, node: node.to_owned(), ..said };
    let usual = |pid: u32, id: &str| claim(pid, Some(99_000), 101_000, id);
    let said = vec![
        with(usual(71, FIRST), "pod_uid", POD),
        elsewhere("lab", "node-2", usual(72, FIRST)),
        elsewhere("other", "node-1", usual(73, FIRST)),
        claim(74, Some(100_700), 101_000, FIRST),
        claim(75, Some(99_000), 101_000, FIRST),
        claim(76, Some(99_000), 101_000, FIRST),
        claim(77, Some(99_000), 101_000, FIRST),
        with(claim(78, None, 101_000, FIRST), "audit", &format!("{}.503:{}", START + 100, 900_000 + 100_503)),
        with(claim(79, None, 101_000, FIRST), "audit", &format!("{}.503:{}", START + 100, 900_000 + 100_503)),
        usual(80, FIRST),
        usual(80, SECOND),
        usual(81, &FIRST[..12]),
        usual(82, KNOWN),
        with(usual(83, KNOWN), "pod_uid", POD),
        elsewhere("lab", "node-1", with(usual(84, FIRST), "time", "soon")),
        claim(85, Some(99_000), 101_000, FIRST),
    ];
    let scratch = store(&audit, said);
    let of = |pid: u32| container(&scratch, &format!("source:linux pid:{pid} exe:/bin/prog"));
    let found = of(71);
    assert_eq!(short(&found), format!("STRONG {FIRST}"), "{found}");
    assert_eq!((&found["pod_uid"], &found["claim"]["rule"]), (&POD.into(), &"process-container".into()), "{found}");
    assert_eq!(short(&of(171)), format!("STRONG {FIRST}"), "a child, of which there is no claim");
    for (pid, wanted, why) in [
        (72, "- -".to_owned(), "of another node"),
        (73, "- -".to_owned(), "of another cluster"),
        (74, "- -".to_owned(), "late: the number is another process's by then"),
        (75, format!("CONSISTENT {FIRST}"), "seen before"),
        (76, "- -".to_owned(), "seen long before"),
        (77, "- -".to_owned(), "another program since: it may be another process"),
        (78, format!("CONSISTENT {FIRST}"), "no start, but about this record"),
        (79, "- -".to_owned(), "no start, and about another record"),
        (80, format!("AMBIGUOUS {FIRST} {SECOND}"), "two claims"),
        (81, "- -".to_owned(), "the beginning of an id"),
        (83, format!("AMBIGUOUS {KNOWN}"), "the runtime says that it is another pod's"),
        (84, "- -".to_owned(), "a time that is none"),
    ] {
        assert_eq!(short(&of(pid)), wanted, "{pid}: {why}");
    }
    let known = of(82);
    assert_eq!(short(&known), format!("STRONG {KNOWN}"));
    assert_eq!((&known["pod"], &known["name"]), (&"web-55956fc998-sjcqk".into(), &"app".into()), "{known}");
    assert!(of(83)["pod"].is_null(), "what they disagree in is left out");
    let later = container(&scratch, "source:linux pid:85 syscall:openat");
    assert_eq!(short(&later), "- -", "a program was started under that number since");
    // The claim's own links, and what is said of an ambiguous place.
    let claims = scratch.search("source:self action:process-container pid:71");
    let links = scratch.ok(&["links", claims[0]["id"].as_str().unwrap(), "--store", "store", "-o", "ndjson"]).lines();
    assert!(links.iter().any(|link| link["rule"] == "process-container" && link["class"] == "STRONG"), "{links:?}");
    let testify = |pid: u32| {
        let found = scratch.search(&format!("source:linux pid:{pid} exe:/bin/prog"));
        scratch.ok(&["testify", found[0]["id"].as_str().unwrap(), "--store", "store"]).out
    };
    assert!(testify(71).contains("named by the agent on the machine"), "{}", testify(71));
    let ambiguous = testify(80);
    assert!(ambiguous.contains("do not agree in which container it was"), "{ambiguous}");
}

#[test]
fn where_runtime_and_agent_disagree_neither_is_chosen() {
    let cat = "argv:/etc/shadow exe:/bin/busybox argv:cat pid:24109";
    let at = |said: Vec<Said>| container(&store("", said), cat);
    let seen = |id: &str| claim(24_100, Some(-50_000), -49_000, id);
    let agreed = at(vec![seen(KNOWN)]);
    assert_eq!((short(&agreed), &agreed["name"]), (format!("- {KNOWN}"), &"app".into()), "the runtime's word stands");
    assert_eq!(short(&at(vec![seen(FIRST)])), format!("AMBIGUOUS {KNOWN} {FIRST}"));
    let other = claim(24_100, Some(-49_200), -49_000, FIRST);
    assert_eq!(short(&at(vec![other])), format!("- {KNOWN}"), "another process by then");
}

fn word(node: &str, what: &str, said_s: i64, received_s: i64) -> Said {
    let line = json!({ "deponent": what, "time": stamp(said_s * 1_000), "every_s": 60, "spool_bytes": 7, "spool_max_bytes": 9, "sources": {} });
    let received_ms = received_s * 1_000 + 500;
    Said { received_ms, source: "NODE:agent", cluster: "lab", node: node.to_owned(), door: Door::Agent, line }
}

/// Heartbeats each minute, and that the collector met each agent.
fn beats(agents: &[(&str, &[(i64, i64)])]) -> Vec<Said> {
    let met = |node: &str| {
        let line = json!({ "deponent": "agent-key", "time": stamp(0), "peer": "x", "vkey": "x" });
        let (cluster, node) = ("lab", node.to_owned());
        Said { received_ms: 0, source: "deponent/senders", cluster, node, door: Door::Tail, line }
    };
    let mut said: Vec<Said> = agents.iter().map(|(node, _)| met(node)).collect();
    for (node, times) in agents {
        for second in times.iter().flat_map(|(from, to)| (*from..*to).step_by(60)) {
            said.push(word(node, "heartbeat", second, second));
        }
    }
    said
}

fn in_order(scratch: &Scratch, mut said: Vec<Said>) {
    said.sort_by_key(|one| one.received_ms);
    put(scratch, said);
}

fn silences(scratch: &Scratch) -> Vec<String> {
    let run = scratch.run(&["findings", "--store", "store", "-o", "ndjson"]);
    assert!(run.code <= 1, "{}", run.err);
    let lines = run.lines().into_iter().filter(|line| line["finding"] == "SOURCE_SILENT");
    let mut found: Vec<String> = lines
        .map(|line| {
            let text = |name: &str| line[name].as_str().map_or("-", |text| text.get(11..16).unwrap_or(text)).to_owned();
            let said = line["severity"].as_str().unwrap();
            format!("{} {said} {} {}", line["node"].as_str().unwrap(), text("from"), text("to"))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn an_agent_that_falls_silent_is_told_from_one_that_stops() {
    let scratch = Scratch::new();
    let mut said = beats(&[
        ("node-1", &[(0, 601), (1_800, 3_001)]),
        ("node-2", &[(0, 3_001)]),
        ("node-3", &[(0, 601)]),
        ("node-4", &[(0, 1_201)]),
        ("node-5", &[(0, 3_001)]),
        ("node-6", &[(0, 601), (780, 3_001)]),
    ]);
    said.push(word("node-3", "agent-stops", 630, 630));
    for one in said.iter_mut().filter(|one| one.node == "node-5" && (600_000..900_000).contains(&one.received_ms)) {
        one.line["behind"] = "the spool is full: nothing more is read".into();
    }
    in_order(&scratch, said);
    assert_eq!(silences(&scratch), ["node-1 high 21:10 21:30", "node-4 high 21:20 -", "node-5 medium 21:10 21:15"]);
    let found = scratch.search("finding:SOURCE_SILENT");
    assert!(found.len() >= 5 && found.iter().all(|event| event["source"] == "self"), "{found:?}");
    let gaps = scratch.run(&["gaps", "--store", "store", "-o", "ndjson"]).lines();
    let gaps: Vec<&Value> = gaps.iter().filter(|gap| gap["gap"] == "agent-silent").collect();
    let short: Vec<(&str, bool)> = gaps.iter().map(|g| (g["node"].as_str().unwrap(), g["before"].is_null())).collect();
    assert_eq!(short, [("node-1", false), ("node-4", true)], "{gaps:?}");
    let rows = scratch.ok(&["sources", "--store", "store", "-o", "ndjson"]).lines();
    let state = |node: &str| rows.iter().find(|row| row["node"] == node).map(|row| row["state"].as_str().unwrap());
    let states = ["node-1", "node-3", "node-4"].map(state);
    assert_eq!(states, [Some("unknown"), Some("stopped"), Some("silent")], "nobody hears the living now: {rows:?}");
    assert_eq!((&rows[0]["state"], &rows[0]["last_heartbeat"]), (&"silent".into(), &stamp(1_200_000).into()));
    assert_eq!((&rows[0]["heartbeat_s"], &rows[0]["spool_bytes"]), (&60.into(), &7.into()), "{rows:?}");
    // An answer about its time is not whole; one about the time before is.
    let asked = |more: &[&str]| {
        let mut all = vec!["search", "source:self", "--store", "store", "-o", "ndjson"];
        all.extend(more);
        let err = scratch.run(&all).err;
        err.lines().filter(|line| line.contains("not heard")).map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = asked(&[]);
    assert!(
        whole.len() == 1 && whole[0].contains("lab/node-4 is silent") && whole[0].contains("21:20:00"),
        "{whole:?}"
    );
    assert_eq!(asked(&["--until", "2026-11-23T21:15:00Z"]), [""; 0]);
}

/// While nobody was there to hear, silence says nothing.
#[test]
fn a_collector_that_was_off_tells_nothing_of_agents() {
    let scratch = Scratch::new();
    let mut said = beats(&[("node-1", &[(0, 601)]), ("node-2", &[(0, 601)])]);
    // What the second one had kept comes in when the collector is there again, the first one has not called yet.
    said.extend((660..7_201).step_by(60).map(|second| word("node-2", "heartbeat", second, 7_200)));
    said.push(word("node-2", "heartbeat", 7_260, 7_260));
    in_order(&scratch, said);
    assert_eq!(silences(&scratch), [""; 0]);
    let rows = scratch.ok(&["sources", "--store", "store", "-o", "ndjson"]).lines();
    assert!(rows.len() == 2 && rows.iter().all(|row| row["state"] == "unknown"), "{rows:?}");
    // Once it was there for longer, it is one.
    let more = (7_320..7_801).step_by(60).map(|second| word("node-2", "heartbeat", second, second)).collect();
    in_order(&scratch, more);
    assert_eq!(silences(&scratch), ["node-1 high 21:10 -"]);
}

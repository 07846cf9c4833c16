//! An agent and a collector, end to end: killed, unreachable, restarted; and whoever only says that he is an agent.
//!
//! Not here: files that are rotated under a reader (`rotation`), the spool alone (`evidence::spool_tests`).

use crate::harness::Scratch;
use crate::live::{BOUND, Collector, append, line, once};
use deponent::agent::{HOLE, Reply, SIGNER, Wire};
use deponent::evidence::{Draft, Origin, Position, Receipt, VerifierKey};
use deponent::model::{Moment, RecordKind};
use deponent::tls::{ClientTls, Files};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Instant;

const NOW: Moment = Moment { nanos: 1_795_467_576_000_000_000, digits: 9 };

/// A collector with a door for agents, and one agent's configuration.
pub struct Cluster {
    /// Its folder.
    pub scratch: Scratch,
    /// Where the collector listens for agents.
    pub port: u16,
}

pub struct AgentProcess(pub Child);

impl AgentProcess {
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    pub fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cluster {
    pub fn new() -> Cluster {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path("logs")).unwrap();
        let port = free_port();
        scratch.ok(&["init", "pki", "--cluster", "lab", "--collector", "127.0.0.1", "--agent", "node-1,node-2"]);
        scratch.write(
            "config.toml",
            format!(
                "store = 'store'\n[agents]\nlisten = '127.0.0.1:{port}'\ncert = 'pki/collector.crt'\nkey = 'pki/collector.key'\nca = 'pki/ca.crt'\n"
            ),
        );
        scratch.write(
            "agent.toml",
            format!(
                "collector = 'https://127.0.0.1:{port}'\nstate = 'agent'\ncluster = 'lab'\ncert = 'pki/agent-node-1.crt'\n\
                 key = 'pki/agent-node-1.key'\nca = 'pki/ca.crt'\n[[tail]]\npaths = ['logs/audit.log']\nkind = 'auditd'\n\
                 [limits]\nbatch_age_ms = 50\npoll_ms = 20\nheartbeat_s = 1\n"
            ),
        );
        Cluster { scratch, port }
    }

    pub fn agent(&self) -> AgentProcess {
        let mut command = self.scratch.command(&["agent", "--node", "node-1"]);
        AgentProcess(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub fn collector(&self) -> Collector {
        Collector::start(&self.scratch)
    }

    pub fn wire(&self, certificate: &str) -> Wire {
        let path = |name: &str| self.scratch.path(name);
        let files = Files {
            cert: path(&format!("pki/{certificate}.crt")),
            key: path(&format!("pki/{certificate}.key")),
            ca: path("pki/ca.crt"),
        };
        Wire::new("127.0.0.1".to_owned(), self.port, ClientTls::open(files, &[b"h2"]).unwrap())
    }

    pub fn wait_for(&self, query: &str, count: usize) -> Vec<Value> {
        let started = Instant::now();
        loop {
            let run = self.scratch.run(&["search", query, "--store", "store", "-o", "ndjson", "-n", "0"]);
            if run.out.lines().count() >= count {
                return run.lines();
            }
            assert!(started.elapsed() < BOUND, "{query}: {} instead of {count}: {}", run.out.lines().count(), run.err);
        }
    }
}

pub fn request(
    runtime: &tokio::runtime::Runtime,
    wire: &mut Wire,
    key: &VerifierKey,
    hole: bool,
    body: &[u8],
) -> Reply {
    let mut headers = vec![(SIGNER, key.to_string())];
    if hole {
        headers.push((HOLE, "accepted".to_owned()));
    }
    let asked = wire.ask(axum::http::Method::POST, "/v1/batches", &headers, body.to_vec().into());
    runtime.block_on(asked).unwrap()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn draft(node: &str, serial: u32) -> Draft {
    let bytes = line(serial).into_bytes();
    let hash = |bytes: &[u8]| Sha256::digest(bytes).into();
    Draft {
        source: format!("{node}:made"),
        kind: RecordKind::Auditd,
        cluster: "lab".to_owned(),
        node: node.to_owned(),
        reading: Arc::default(),
        position: Position {
            file: None,
            start: 0,
            end: bytes.len() as u64,
            head: hash(&bytes),
            before: hash(b""),
            prefix: hash(&bytes),
        },
        continues: false,
        goes_on: false,
        lengths: vec![u32::try_from(bytes.len()).unwrap()],
        bytes,
    }
}

pub fn origin(dir: &Path, name: &str) -> Origin {
    Origin::open(&dir.join(name), "spiffe://lab/agent/node-1").unwrap()
}

pub fn sealed(origin: &mut Origin, node: &str, serial: u32) -> Vec<u8> {
    let mut block = Vec::new();
    origin.seal(&draft(node, serial), NOW, &mut block).unwrap();
    block
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&reply.body)))
}

#[test]
fn what_an_agent_reads_is_in_the_store_once_whatever_is_killed() {
    let cluster = Cluster::new();
    let mut written = 0;
    let mut write = |count: u32| {
        for _ in 0..count {
            written += 1;
            append(&cluster.scratch, &line(written));
        }
        usize::try_from(written).unwrap()
    };
    // Nobody takes it: it waits, over restarts.
    write(50);
    let agent = cluster.agent();
    let spooled = |least: u64| {
        let started = Instant::now();
        let bytes = || -> u64 {
            let folder = std::fs::read_dir(cluster.scratch.path("agent/spool"));
            folder.into_iter().flatten().flatten().map(|entry| entry.metadata().map_or(0, |data| data.len())).sum()
        };
        while bytes() < least {
            assert!(started.elapsed() < BOUND, "nothing comes into the spool");
        }
    };
    spooled(1_000);
    agent.kill();
    write(50);
    let mut agent = Some(cluster.agent());
    let mut collector = Some(cluster.collector());
    for round in 0..6 {
        let count = write(60);
        match round % 3 {
            0 => {
                agent.take().unwrap().kill();
                write(10);
                agent = Some(cluster.agent());
            }
            1 => {
                collector.take().unwrap().kill();
                write(10);
                collector = Some(cluster.collector());
            }
            _ => {
                let log = cluster.scratch.path("logs/audit.log");
                std::fs::rename(&log, cluster.scratch.path(&format!("logs/audit.log.{}", 9 - round))).unwrap();
                write(10);
            }
        }
        cluster.wait_for("source:linux", count);
    }
    let count = write(0);
    cluster.wait_for("source:linux", count);
    once(&cluster.scratch, count);
    agent.take().unwrap().stop();
    collector.take().unwrap().stop();
    let verified = cluster.scratch.ok(&["verify", "--store", "store"]);
    assert!(verified.out.contains("every byte is as it was signed"), "{}", verified.out);
    // Who read them, and who brought them, is in the evidence.
    let event = &cluster.scratch.search("source:linux")[0];
    assert_eq!((event["where"]["cluster"].as_str(), event["where"]["node"].as_str()), (Some("lab"), Some("node-1")));
}

#[test]
fn an_agent_says_that_it_is_there() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    append(&cluster.scratch, &line(1));
    let agent = cluster.agent();
    cluster.wait_for("source:linux", 1);
    let beats = cluster.wait_for("source:self action:heartbeat", 2);
    assert!(beats.iter().all(|beat| beat["issues"].is_null() && beat["where"]["node"] == "node-1"), "{beats:?}");
    assert!(beats.iter().any(|beat| beat["what"]["message"].as_str().is_some_and(|text| text.contains("audit.log"))));
    let wait_for_state = |wanted: &str| {
        let started = Instant::now();
        loop {
            let run = cluster.scratch.run(&["sources", "--store", "store", "-o", "ndjson"]);
            let rows = if run.code == 0 { run.lines() } else { Vec::new() };
            let mut of_agent = rows.iter().filter(|row| row["node"] == "node-1");
            if rows.len() >= 2 && of_agent.all(|row| row["state"] == wanted && row["last_heartbeat"].is_string()) {
                return rows;
            }
            assert!(started.elapsed() < BOUND, "not {wanted}: {} {}", run.out, run.err);
        }
    };
    let alive = wait_for_state("alive");
    assert!(alive.iter().all(|row| row["heartbeat_s"] == 1), "{alive:?}");
    agent.stop();
    cluster.wait_for("source:self action:agent-stops", 1);
    wait_for_state("stopped");
    let keys = cluster.wait_for("source:self action:agent-key", 1);
    assert_eq!(keys.len(), 1);
    let list = cluster.scratch.ok(&["agents", "-c", "config.toml", "-o", "json"]);
    let list: Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(
        (list[0]["node"].as_str(), list[0]["peer"].as_str()),
        (Some("node-1"), Some("spiffe://lab/agent/node-1"))
    );
    assert!(list[0]["quarantine"].is_null());
    collector.stop();
}

/// What is lost out of the middle of the spool is said, and what lies behind it is sent.
#[test]
fn a_damaged_spool_sends_what_is_left_and_says_what_is_not() {
    let cluster = Cluster::new();
    let segments = || -> Vec<std::path::PathBuf> {
        let folder = std::fs::read_dir(cluster.scratch.path("agent/spool")).into_iter().flatten().flatten();
        let mut paths: Vec<_> = folder.map(|entry| entry.path()).filter(|path| path.extension().is_none()).collect();
        paths.retain(|path| path.file_name().unwrap().len() == 20);
        paths.sort();
        paths
    };
    // The line of a header; a heartbeat is longer.
    let holds = |number: usize| {
        let range = format!("\nrange {} {}\n", (number - 1) * line(1).len(), number * line(1).len()).into_bytes();
        segments().iter().any(|path| std::fs::read(path).unwrap().windows(range.len()).any(|window| window == range))
    };
    // Each run of the agent begins a segment.
    for number in 1..=3 {
        append(&cluster.scratch, &line(u32::try_from(number).unwrap()));
        let (agent, started) = (cluster.agent(), Instant::now());
        while !holds(number) {
            assert!(started.elapsed() < BOUND, "line {number} does not come into the spool");
        }
        agent.kill();
    }
    let all = segments();
    assert!(all.len() >= 3, "{all:?}");
    let middle = &all[1];
    let mut block = std::fs::read(middle).unwrap();
    block[30] ^= 1;
    std::fs::write(middle, block).unwrap();
    let _collector = cluster.collector();
    let _agent = cluster.agent();
    cluster.wait_for("source:self action:gap", 1);
    cluster.wait_for("source:linux", 2);
    append(&cluster.scratch, &line(4));
    cluster.wait_for("source:linux", 3);
    once(&cluster.scratch, 3);
}

/// What is odd about a file is said of its node: a record of no node would be refused for ever, and all behind it would wait.
#[test]
fn an_odd_file_stops_nothing() {
    let cluster = Cluster::new();
    let _collector = cluster.collector();
    let mut packed = line(1).into_bytes();
    packed = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &packed).unwrap();
        encoder.finish().unwrap()
    };
    // Cut off: its end does not come.
    packed.truncate(packed.len() - 6);
    cluster.scratch.write("logs/audit.log.2.gz", packed);
    append(&cluster.scratch, &line(2));
    let agent = cluster.agent();
    let odd = cluster.wait_for("source:self action:file-issue", 1);
    assert_eq!(odd[0]["where"]["node"].as_str(), Some("node-1"), "{odd:?}");
    cluster.wait_for("source:linux", 1);
    agent.stop();
}

#[test]
fn only_agents_of_the_authority_are_heard_and_only_about_their_node() {
    let cluster = Cluster::new();
    let _collector = cluster.collector();
    let runtime = runtime();
    let dir = cluster.scratch.path("made");
    std::fs::create_dir(&dir).unwrap();
    let mut mine = origin(&dir, "key");
    let key = mine.vkey();
    let block = sealed(&mut mine, "node-1", 1);
    // Another authority's certificate, under the same name.
    cluster.scratch.ok(&[
        "init",
        "pki",
        "--cluster",
        "lab",
        "--collector",
        "127.0.0.1",
        "--agent",
        "node-1",
        "--out",
        "other",
    ]);
    let path = |name: &str| cluster.scratch.path(name);
    let files =
        Files { cert: path("other/agent-node-1.crt"), key: path("other/agent-node-1.key"), ca: path("pki/ca.crt") };
    let mut stranger = Wire::new("127.0.0.1".to_owned(), cluster.port, ClientTls::open(files, &[b"h2"]).unwrap());
    let headers = [(SIGNER, key.to_string())];
    let asked = runtime.block_on(stranger.ask(axum::http::Method::POST, "/v1/batches", &headers, block.clone().into()));
    assert!(asked.is_err(), "a stranger is no agent");
    let files = Files { ca: path("pki/ca.crt"), ..Files::default() };
    let mut nobody = Wire::new("127.0.0.1".to_owned(), cluster.port, ClientTls::open(files, &[b"h2"]).unwrap());
    let asked = runtime.block_on(nobody.ask(axum::http::Method::POST, "/v1/batches", &headers, block.clone().into()));
    assert!(asked.is_err(), "nobody is no agent");
    // The collector's own certificate is no agent's; neither is another node's.
    let mut wire = cluster.wire("agent-node-1");
    let mut of_two = cluster.wire("agent-node-2");
    assert_eq!(request(&runtime, &mut of_two, &key, false, &block).status, 403);
    let other = origin(&dir, "other").vkey();
    assert_eq!(request(&runtime, &mut wire, &other, false, &block).status, 403, "signed by somebody else");
    for (at, what) in [(3, 400), (block.len() / 2, 400), (block.len() - 1, 400)] {
        let mut bytes = block.clone();
        bytes[at] ^= 1;
        assert_eq!(request(&runtime, &mut wire, &key, false, &bytes).status, what, "byte {at}");
    }
    assert_eq!(request(&runtime, &mut wire, &key, false, &block[..block.len() - 1]).status, 400);
    assert_eq!(request(&runtime, &mut wire, &key, false, b"garbage").status, 400);
    assert_eq!(request(&runtime, &mut wire, &key, false, &vec![0; 13 << 20]).status, 413);
    let reply = request(&runtime, &mut wire, &key, false, &block);
    assert_eq!(reply.status, 200, "{}", json(&reply));
    cluster.wait_for("source:linux", 1);
    assert_eq!(cluster.scratch.search("source:linux").len(), 1);
}

#[test]
fn a_chain_has_one_order_and_a_copy_of_an_agent_is_found_out() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    let runtime = runtime();
    let dir = cluster.scratch.path("made");
    std::fs::create_dir(&dir).unwrap();
    let mut wire = cluster.wire("agent-node-1");
    let mut mine = origin(&dir, "key");
    let key = mine.vkey();
    let collectors =
        runtime.block_on(wire.ask(axum::http::Method::GET, "/v1/collector", &[], Vec::new().into())).unwrap();
    let collectors = VerifierKey::parse(json(&collectors)["vkey"].as_str().unwrap()).unwrap();
    let blocks: Vec<Vec<u8>> = (1..=4).map(|serial| sealed(&mut mine, "node-1", serial)).collect();
    let receipt = |reply: &Reply| {
        assert_eq!(reply.status, 200, "{}", json(reply));
        Receipt::open(json(reply)["receipts"][0].as_str().unwrap(), &collectors).unwrap()
    };
    let first = receipt(&request(&runtime, &mut wire, &key, false, &blocks[..2].concat()));
    assert_eq!(first.seq, 1);
    assert_eq!(receipt(&request(&runtime, &mut wire, &key, false, &blocks[..2].concat())), first, "the same again");
    assert_eq!(receipt(&request(&runtime, &mut wire, &key, false, &blocks[0])), first);
    let hole = request(&runtime, &mut wire, &key, false, &blocks[3]);
    assert_eq!((hole.status.as_u16(), json(&hole)["refused"]["expected"].as_u64()), (409, Some(2)));
    assert_eq!(receipt(&request(&runtime, &mut wire, &key, true, &blocks[3])).seq, 3);
    let gaps = cluster.wait_for("source:self action:gap", 1);
    assert!(gaps[0]["issues"][0]["detail"].as_str().unwrap().contains("expected=2, found=3"), "{gaps:?}");
    cluster.wait_for("source:linux", 3);
    // All of it again after a restart of the collector.
    collector.kill();
    let collector = cluster.collector();
    assert_eq!(receipt(&request(&runtime, &mut wire, &key, false, &blocks[3])).seq, 3);
    // A second writer with the same key: another content under a number that was acknowledged.
    let mut copy = origin(&dir, "key");
    let header = deponent::evidence::sealed_header(&blocks[2]).unwrap();
    copy.go_on(&header).unwrap();
    let fork = sealed(&mut copy, "node-1", 9);
    let refused = request(&runtime, &mut wire, &key, false, &fork);
    assert_eq!((refused.status.as_u16(), json(&refused)["refused"]["kind"].as_str()), (409, Some("fork")));
    let next = sealed(&mut mine, "node-1", 5);
    assert_eq!(request(&runtime, &mut wire, &key, false, &next).status, 403, "both are quarantined");
    cluster.wait_for("source:self action:equivocation", 1);
    // Also after a restart, until an operator has looked.
    collector.kill();
    let _collector = cluster.collector();
    assert_eq!(request(&runtime, &mut wire, &key, false, &next).status, 403);
    let listed = cluster.scratch.ok(&["agents", "-c", "config.toml"]);
    assert!(listed.out.contains("QUARANTINED"), "{}", listed.out);
    cluster.scratch.ok(&["agents", "-c", "config.toml", "accept", "lab/node-1"]);
    assert_eq!(request(&runtime, &mut wire, &key, false, &next).status, 409, "a hole: what was before is forgotten");
    assert_eq!(receipt(&request(&runtime, &mut wire, &key, true, &next)).seq, 4);
    cluster.wait_for("source:self action:agent-accepted", 1);
}

#[test]
fn two_keys_that_speak_for_one_node_in_turn_are_two_agents() {
    let cluster = Cluster::new();
    let _collector = cluster.collector();
    let runtime = runtime();
    let dir = cluster.scratch.path("made");
    std::fs::create_dir(&dir).unwrap();
    let mut wire = cluster.wire("agent-node-1");
    let (mut old, mut new) = (origin(&dir, "old"), origin(&dir, "new"));
    let (old_key, new_key) = (old.vkey(), new.vkey());
    assert_eq!(request(&runtime, &mut wire, &old_key, false, &sealed(&mut old, "node-1", 1)).status, 200);
    // The node was set up anew: that is said, and taken.
    assert_eq!(request(&runtime, &mut wire, &new_key, false, &sealed(&mut new, "node-1", 2)).status, 200);
    cluster.wait_for("source:self action:agent-key-changed", 1);
    let back = request(&runtime, &mut wire, &old_key, false, &sealed(&mut old, "node-1", 3));
    assert_eq!((back.status.as_u16(), json(&back)["refused"]["kind"].as_str()), (409, Some("fork")));
    assert_eq!(request(&runtime, &mut wire, &new_key, false, &sealed(&mut new, "node-1", 4)).status, 403);
}

#[test]
fn a_store_that_was_replaced_gets_what_is_left_and_says_what_is_not() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    append(&cluster.scratch, &line(1));
    let agent = cluster.agent();
    cluster.wait_for("source:linux", 1);
    collector.stop();
    // Another store, another key: its receipts do not count until somebody says so.
    std::fs::rename(cluster.scratch.path("store"), cluster.scratch.path("old")).unwrap();
    let _collector = cluster.collector();
    append(&cluster.scratch, &line(2));
    let started = Instant::now();
    while cluster.scratch.run(&["agents", "-c", "config.toml"]).code != 0 {
        assert!(started.elapsed() < BOUND);
    }
    agent.kill();
    std::fs::remove_file(cluster.scratch.path("agent/collector")).unwrap();
    let _agent = cluster.agent();
    cluster.wait_for("source:linux", 2);
    once(&cluster.scratch, 2);
}

#[test]
fn certificates_are_changed_while_it_runs() {
    let cluster = Cluster::new();
    let _collector = cluster.collector();
    append(&cluster.scratch, &line(1));
    let _agent = cluster.agent();
    cluster.wait_for("source:linux", 1);
    cluster.scratch.ok(&[
        "init",
        "pki",
        "--cluster",
        "lab",
        "--collector",
        "127.0.0.1",
        "--agent",
        "node-1",
        "--out",
        "new",
    ]);
    for name in ["ca.crt", "collector.crt", "collector.key", "agent-node-1.crt", "agent-node-1.key"] {
        std::fs::rename(cluster.scratch.path(&format!("new/{name}")), cluster.scratch.path(&format!("pki/{name}")))
            .unwrap();
    }
    // Both sides meet again under the new authority.
    let mut wire = cluster.wire("agent-node-1");
    let (runtime, started) = (runtime(), Instant::now());
    while runtime.block_on(wire.ask(axum::http::Method::GET, "/v1/collector", &[], Vec::new().into())).is_err() {
        assert!(started.elapsed() < BOUND, "the collector keeps its old certificate");
    }
    append(&cluster.scratch, &line(2));
    cluster.wait_for("source:linux", 2);
    once(&cluster.scratch, 2);
}

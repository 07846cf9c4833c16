//! A collector under many agents, over HTTP/2 and mutual TLS, each with its own key, node and chains; the lines are those of `samples/auditd`.
//!
//! `cargo bench --bench many_agents -- load [agents] [records/s] [seconds]`   acknowledgements at a fixed rate, then as fast as they are taken; searches meanwhile
//! `cargo bench --bench many_agents -- idle [agents]`                         connected agents that only say that they are there: memory
//! `cargo bench --bench many_agents -- hostile [connections]`                 one agent's acknowledgements while others never finish their handshake
//!
//! The collector is a process of its own (`deponent serve`, or what `DEPONENT_BIN` names); batches are sealed before the clock starts. Not here: what must hold (`tests/it/agents*`).

use deponent::agent::{SIGNER, Wire};
use deponent::evidence::{Draft, Origin, Position, Receipt, VerifierKey};
use deponent::model::{Moment, RecordKind};
use deponent::tls::{ClientTls, Files};
use hyper::body::Bytes;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Res<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Questions of the client that asks meanwhile.
const QUERIES: [&str; 6] = ["exe:/usr/bin/*", "outcome:failure", "what:executed", "path:/etc/*", "node:node-7", "*"];
/// How often it asks.
const ASK_EVERY: Duration = Duration::from_millis(40);

fn main() -> Res<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |at: usize, or: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(or);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    match arguments.first().map(String::as_str) {
        Some("load") => load(&runtime, number(1, 100), number(2, 50_000), number(3, 20)),
        Some("idle") => idle(&runtime, number(1, 5_000)),
        Some("hostile") => hostile(&runtime, number(1, 8_000)),
        // As `cargo bench` without arguments: what the other two need is more than every machine has.
        _ => load(&runtime, 100, 50_000, 5),
    }
}

/// A collector in a folder of its own.
struct Collector {
    dir: tempfile::TempDir,
    child: Child,
    /// Its door for agents.
    port: u16,
    /// Where it answers questions.
    address: String,
}

impl Collector {
    fn start() -> Res<Collector> {
        let dir = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!(
            "store = 'store'\n[access]\nanonymous = ['auditor', 'operator']\n[agents]\nlisten = '127.0.0.1:{port}'\ncert = 'pki/collector.crt'\nkey = 'pki/collector.key'\nca = 'pki/ca.crt'\n"
        );
        std::fs::write(dir.path().join("config.toml"), config)?;
        let binary = std::env::var("DEPONENT_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_deponent").to_owned());
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&binary);
            command.args(arguments).current_dir(dir.path()).env("XDG_STATE_HOME", dir.path().join("keys"));
            command
        };
        command(&["init", "pki", "--cluster", "lab", "--collector", "127.0.0.1"]).stdout(Stdio::null()).status()?;
        let mut child =
            command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let mut said = String::new();
        let address = loop {
            let line = lines.next().ok_or_else(|| format!("serve ended: {said}"))??;
            if let Some((_, address)) = line.split_once(" at http://") {
                break address.trim().to_owned();
            }
            said.push_str(&line);
        };
        std::thread::spawn(move || {
            for line in
                lines.map_while(Result::ok).filter(|line| line.contains(" WARN ") || line.contains(" ERROR ")).take(20)
            {
                eprintln!("collector: {line}");
            }
        });
        Ok(Collector { dir, child, port, address })
    }

    fn wire(&self) -> Res<Wire> {
        let path = |name: &str| self.dir.path().join("pki").join(name);
        let files = Files { cert: path("agent.crt"), key: path("agent.key"), ca: path("ca.crt") };
        Ok(Wire::new("127.0.0.1".to_owned(), self.port, ClientTls::open(files, &[b"h2"])?))
    }

    /// The client that asks, on one connection: the status is looked at, the body read.
    fn get(&self, stream: &mut TcpStream, target: &str) -> Res<String> {
        stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).as_bytes())?;
        let mut answer = Vec::new();
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = stream.read(&mut piece)?;
            answer.extend_from_slice(piece.get(..read).unwrap_or_default());
            let head = memchr::memmem::find(&answer, b"\r\n\r\n");
            let whole = head.is_some_and(|at| {
                let (head, body) = answer.split_at(at + 4);
                let head = String::from_utf8_lossy(head).to_lowercase();
                let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.split("\r\n").next());
                match length.and_then(|text| text.parse::<usize>().ok()) {
                    Some(length) => body.len() >= length,
                    None => body.ends_with(b"0\r\n\r\n"),
                }
            });
            if whole || read == 0 {
                break;
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(answer.into()) }
    }

    /// Asks until it is told to stop; how long each answer took.
    fn ask(&self, stop: &AtomicBool) -> Res<Vec<Duration>> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        let mut times = Vec::new();
        for query in QUERIES.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let started = Instant::now();
            self.get(&mut stream, &format!("/v1/events?limit=100&q={query}"))?;
            times.push(started.elapsed());
            std::thread::sleep(ASK_EVERY.saturating_sub(started.elapsed()));
        }
        Ok(times)
    }

    /// A number of its page of metrics.
    fn metric(&self, name: &str) -> Res<u64> {
        let page = self.get(&mut TcpStream::connect(&self.address)?, "/metrics")?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line.ok_or_else(|| format!("no {name}"))?.trim().parse()?)
    }

    /// Resident memory now and at its highest, in MiB.
    fn memory(&self) -> Res<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib >> 10)
        };
        Ok((of("VmRSS:").ok_or("VmRSS")?, of("VmHWM:").ok_or("VmHWM")?))
    }

    /// Seconds of processor that it has used.
    fn processor(&self) -> Res<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let rest = stat.rsplit_once(')').ok_or("stat")?.1;
        let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / 100.0)
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The events of the samples, each its records; serials and times are put in anew.
struct Lines {
    events: Vec<Vec<(String, String)>>,
}

impl Lines {
    fn read() -> Res<Lines> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/auditd");
        let mut events: Vec<Vec<(String, String)>> = Vec::new();
        let mut last = String::new();
        for name in ["trojan.log", "exec.log"] {
            for line in std::fs::read_to_string(folder.join(name))?.lines() {
                let Some((front, rest)) = line.split_once("msg=audit(") else { continue };
                let Some((stamp, rest)) = rest.split_once(')') else { continue };
                if stamp != last {
                    stamp.clone_into(&mut last);
                    events.push(Vec::new());
                }
                if let Some(event) = events.last_mut() {
                    event.push((front.to_owned(), rest.to_owned()));
                }
            }
        }
        Ok(Lines { events })
    }

    /// So many records, from serial `serial` on.
    fn records(&self, serial: &mut u64, records: usize, second: u64) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
        while lengths.len() < records {
            *serial += 1;
            let at = usize::try_from(*serial).unwrap_or(0) % self.events.len();
            let left = records - lengths.len();
            for (front, rest) in self.events.get(at).into_iter().flatten().take(left) {
                let line =
                    format!("{front}msg=audit({}.{:03}:{serial}){rest}\n", 1_795_467_576 + second, *serial % 1_000);
                lengths.push(u32::try_from(line.len()).unwrap_or(0));
                bytes.extend_from_slice(line.as_bytes());
            }
        }
        (bytes, lengths)
    }
}

/// An agent: its key and chain, and blocks that wait to be sent.
struct Agent {
    vkey: VerifierKey,
    origin: Origin,
    node: String,
    serial: u64,
    read: u64,
}

/// A request that is ready: its body, and its records.
struct Request {
    body: Bytes,
    records: usize,
}

impl Agent {
    fn new(dir: &Path, number: usize) -> Res<Agent> {
        let node = format!("node-{number}");
        let path: PathBuf = dir.join(format!("{node}.key"));
        let origin = Origin::open(&path, &format!("spiffe://lab/agent/{node}"))?;
        Ok(Agent { vkey: origin.vkey(), origin, node, serial: 1_000, read: 0 })
    }

    fn request(&mut self, kind: RecordKind, bytes: Vec<u8>, lengths: Vec<u32>) -> Res<Request> {
        let hash = |bytes: &[u8]| Sha256::digest(bytes).into();
        let (records, start) = (lengths.len(), self.read);
        self.read += u64::try_from(bytes.len())?;
        let source = if kind == RecordKind::Own { "agent" } else { "audit.log" };
        let draft = Draft {
            source: format!("{}:{source}", self.node),
            kind,
            cluster: "lab".to_owned(),
            node: self.node.clone(),
            reading: Arc::default(),
            position: Position {
                file: None,
                start,
                end: self.read,
                head: hash(&bytes),
                before: hash(b""),
                prefix: hash(&bytes),
            },
            continues: false,
            goes_on: false,
            lengths,
            bytes,
        };
        let mut block = Vec::new();
        self.origin.seal(&draft, Moment { nanos: 1_795_467_576_000_000_000, digits: 9 }, &mut block)?;
        Ok(Request { body: block.into(), records })
    }
}

/// Sends one request until it is taken; how often it had to come again.
async fn send(wire: &mut Wire, agent: &Agent, request: &Request, collector: &VerifierKey) -> Res<usize> {
    let headers = [(SIGNER, agent.vkey.to_string())];
    for again in 0..100 {
        let reply = wire.ask(axum::http::Method::POST, "/v1/batches", &headers, request.body.clone()).await;
        match reply {
            Ok(reply) if reply.status == 200 => {
                let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
                let note = answer.pointer("/receipts/0").and_then(|note| note.as_str()).ok_or("no receipt")?;
                Receipt::open(note, collector)?;
                return Ok(again);
            }
            Ok(reply) if reply.status.is_client_error() && reply.status != 429 => {
                return Err(format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)).into());
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
    Err("it was never taken".into())
}

async fn key(wire: &mut Wire) -> Res<VerifierKey> {
    let reply = wire.ask(axum::http::Method::GET, "/v1/collector", &[], Bytes::new()).await?;
    let answer: serde_json::Value = serde_json::from_slice(&reply.body)?;
    Ok(VerifierKey::parse(answer.pointer("/vkey").and_then(|key| key.as_str()).ok_or("no key")?)?)
}

fn said(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |per_mille: usize| {
        let at = times.len() * per_mille / 1_000;
        times.get(at.min(times.len().saturating_sub(1))).map_or(0.0, Duration::as_secs_f64) * 1_000.0
    };
    println!("{what}: n={} p50={:.1} ms p99={:.1} ms max={:.1} ms", times.len(), at(500), at(990), at(1_000));
}

/// What a phase came to.
#[derive(Default)]
struct Sent {
    acks: Vec<Duration>,
    records: usize,
    again: usize,
}

/// All agents send what they have; `every`: one request in that time each, counted from when it was due.
fn phase(
    runtime: &tokio::runtime::Runtime,
    agents: Vec<(Agent, Wire, Vec<Request>)>,
    every: Option<Duration>,
    collector: &VerifierKey,
) -> Res<(Sent, Duration)> {
    let count = u32::try_from(agents.len())?;
    let started = Instant::now();
    let sent = runtime.block_on(async {
        let mut tasks: JoinSet<Res<Sent>> = JoinSet::new();
        for (number, (agent, mut wire, requests)) in (0u32..).zip(agents) {
            let collector = collector.clone();
            tasks.spawn(async move {
                let mut sent = Sent::default();
                for (turn, request) in (0u32..).zip(&requests) {
                    let mut due = Instant::now();
                    if let Some(every) = every {
                        due = started + every * turn + every * number / count;
                        tokio::time::sleep_until(due.into()).await;
                    }
                    sent.again += send(&mut wire, &agent, request, &collector).await?;
                    sent.acks.push(due.elapsed());
                    sent.records += request.records;
                }
                Ok(sent)
            });
        }
        let mut all = Sent::default();
        while let Some(sent) = tasks.join_next().await {
            let sent = sent??;
            all.acks.extend(sent.acks);
            all.records += sent.records;
            all.again += sent.again;
        }
        Res::Ok(all)
    })?;
    Ok((sent, started.elapsed()))
}

/// Something to find is sent; then a client asks and nobody else does anything.
fn quiet(
    runtime: &tokio::runtime::Runtime,
    collector: &Collector,
    lines: &Lines,
    agents: &mut [Agent],
    vkey: &VerifierKey,
) -> Res<Vec<Duration>> {
    for agent in agents.iter_mut().take(10) {
        let (bytes, lengths) = lines.records(&mut agent.serial, 1_000, 0);
        let request = agent.request(RecordKind::Auditd, bytes, lengths)?;
        runtime.block_on(send(&mut collector.wire()?, agent, &request, vkey))?;
    }
    while collector.metric("deponent_indexed_entries")? < 10 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| collector.ask(&stop));
        std::thread::sleep(Duration::from_secs(4));
        stop.store(true, Ordering::Relaxed);
        asking.join().map_err(|_| "the client failed")?
    })
}

/// A phase while a client asks; how far the index was behind at most, in log entries.
fn watched(
    runtime: &tokio::runtime::Runtime,
    collector: &Collector,
    loaded: Vec<(Agent, Wire, Vec<Request>)>,
    every: Option<Duration>,
    vkey: &VerifierKey,
) -> Res<((Sent, Duration), Vec<Duration>, u64)> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| collector.ask(&stop));
        let lagging = scope.spawn(|| -> Res<u64> {
            let mut lag = 0;
            while !stop.load(Ordering::Relaxed) {
                let durable = collector.metric("deponent_log_entries")?;
                lag = lag.max(durable.saturating_sub(collector.metric("deponent_indexed_entries")?));
                std::thread::sleep(Duration::from_millis(500));
            }
            Ok(lag)
        });
        let sent = phase(runtime, loaded, every, vkey);
        stop.store(true, Ordering::Relaxed);
        let gone = |_| "a thread failed";
        Ok((sent?, asking.join().map_err(gone)??, lagging.join().map_err(gone)??))
    })
}

fn load(runtime: &tokio::runtime::Runtime, agents: usize, rate: usize, seconds: usize) -> Res<()> {
    let collector = Collector::start()?;
    let (lines, dir) = (Lines::read()?, tempfile::tempdir()?);
    let mut made: Vec<Agent> = (0..agents).map(|number| Agent::new(dir.path(), number)).collect::<Res<_>>()?;
    let vkey = runtime.block_on(key(&mut collector.wire()?))?;
    let mut times = quiet(runtime, &collector, &lines, &mut made, &vkey)?;
    said("searches, quiet", &mut times);
    for (name, every) in [("at a fixed rate", Some(Duration::from_secs(1))), ("as fast as they are taken", None)] {
        let records = if every.is_some() { rate / agents } else { 1_000 };
        let turns = if every.is_some() { seconds } else { seconds * rate / agents / 1_000 };
        let mut loaded = Vec::new();
        for mut agent in made {
            let mut requests = Vec::new();
            for second in 0..turns {
                let (bytes, lengths) = lines.records(&mut agent.serial, records, u64::try_from(second)?);
                requests.push(agent.request(RecordKind::Auditd, bytes, lengths)?);
            }
            loaded.push((agent, collector.wire()?, requests));
        }
        made = Vec::new();
        let keep: Vec<(String, u64, u64)> =
            loaded.iter().map(|(agent, ..)| (agent.node.clone(), agent.serial, agent.read)).collect();
        let before = collector.processor()?;
        let ((mut sent, took), mut asked, lag) = watched(runtime, &collector, loaded, every, &vkey)?;
        let processor = (collector.processor()? - before) / took.as_secs_f64();
        let caught_up = Instant::now();
        let durable = collector.metric("deponent_log_entries")?;
        while collector.metric("deponent_indexed_entries")? < durable {
            std::thread::sleep(Duration::from_millis(50));
        }
        println!(
            "{name}: {} records in {:.1} s, {:.0} records/s, {} requests came again",
            sent.records,
            took.as_secs_f64(),
            f64::from(u32::try_from(sent.records)?) / took.as_secs_f64(),
            sent.again
        );
        said("  acknowledgements", &mut sent.acks);
        said("  searches meanwhile", &mut asked);
        let (now, high) = collector.memory()?;
        println!("  {} events can be found", collector.metric("deponent_indexed_events")?);
        println!(
            "  processor {processor:.2} cores, memory {now} MiB (highest {high}), index at most {lag} entries behind, whole {:.1} s after the last one",
            caught_up.elapsed().as_secs_f64()
        );
        for (number, (_, serial, read)) in keep.into_iter().enumerate() {
            let mut agent = Agent::new(dir.path(), number)?;
            (agent.serial, agent.read) = (serial, read);
            // A new run of the agent is a new epoch: its chains begin anew.
            made.push(agent);
        }
    }
    Ok(())
}

fn heartbeat(agent: &mut Agent) -> Res<Request> {
    agent.serial += 1;
    let line = format!(
        "{{\"deponent\":\"heartbeat\",\"time\":\"2026-11-23T20:59:{:02}.000Z\",\"source\":\"{}\",\"every_s\":60,\"sources\":[]}}\n",
        agent.serial % 60,
        agent.node
    );
    let length = u32::try_from(line.len())?;
    agent.request(RecordKind::Own, line.into_bytes(), vec![length])
}

fn idle(runtime: &tokio::runtime::Runtime, agents: usize) -> Res<()> {
    let collector = Collector::start()?;
    let dir = tempfile::tempdir()?;
    let vkey = runtime.block_on(key(&mut collector.wire()?))?;
    println!("without agents: memory {} MiB", collector.memory()?.0);
    let mut made = Vec::new();
    for number in 0..agents {
        let mut agent = Agent::new(dir.path(), number)?;
        let requests = (0..3).map(|_| heartbeat(&mut agent)).collect::<Res<Vec<Request>>>()?;
        made.push((agent, collector.wire()?, requests));
    }
    // All connect at once, as after an outage; then once in 20 s each: three times as often as by default.
    let before = collector.processor()?;
    let started = Instant::now();
    let most = AtomicBool::new(false);
    let (sent, connections) = std::thread::scope(|scope| {
        let watching = scope.spawn(|| -> Res<u64> {
            let mut highest = 0;
            while !most.load(Ordering::Relaxed) {
                highest = highest.max(collector.metric("deponent_connections")?);
                std::thread::sleep(Duration::from_millis(500));
            }
            Ok(highest)
        });
        let sent = phase(runtime, made, Some(Duration::from_secs(20)), &vkey);
        most.store(true, Ordering::Relaxed);
        Res::Ok((sent?.0, watching.join().map_err(|_| "a thread failed")??))
    })?;
    let mut sent = sent;
    let (now, high) = collector.memory()?;
    println!("{agents} agents: {connections} connections, memory {now} MiB (highest {high})");
    said("  heartbeats", &mut sent.acks);
    println!(
        "  {} came again; processor {:.2} cores",
        sent.again,
        (collector.processor()? - before) / started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn hostile(runtime: &tokio::runtime::Runtime, connections: usize) -> Res<()> {
    let collector = Collector::start()?;
    let (lines, dir) = (Lines::read()?, tempfile::tempdir()?);
    let vkey = runtime.block_on(key(&mut collector.wire()?))?;
    let mut agent = Agent::new(dir.path(), 0)?;
    let mut wire = collector.wire()?;
    let mut acks = |what: &str, fresh: bool| -> Res<()> {
        let (mut times, mut again) = (Vec::new(), 0);
        for turn in 0..100 {
            let (bytes, lengths) = lines.records(&mut agent.serial, 500, turn);
            let request = agent.request(RecordKind::Auditd, bytes, lengths)?;
            if fresh {
                wire = collector.wire()?;
            }
            let started = Instant::now();
            again += runtime.block_on(send(&mut wire, &agent, &request, &vkey))?;
            times.push(started.elapsed());
            std::thread::sleep(Duration::from_millis(50));
        }
        said(what, &mut times);
        println!("  {again} came again, memory {} MiB", collector.memory()?.0);
        Ok(())
    };
    acks("acknowledgements, quiet", false)?;
    acks("acknowledgements, quiet, each on a connection of its own", true)?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // As many at once as are let; whatever is closed is opened again, 2,000 in a second at most.
        scope.spawn(|| {
            let mut open = std::collections::VecDeque::new();
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..20 {
                    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", collector.port)) {
                        // The beginning of a handshake that never goes on.
                        let _closed = stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
                        open.push_back(stream);
                    }
                    if open.len() > connections {
                        open.pop_front();
                    }
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            println!("{} connections were held open", open.len());
        });
        std::thread::sleep(Duration::from_secs(6));
        let one = acks("acknowledgements, under attack", false);
        let two = acks("acknowledgements, under attack, each on a connection of its own", true);
        stop.store(true, Ordering::Relaxed);
        one.and(two)
    })
}

//! Whoever means harm at the door of agents: handshakes that do not end, connections without a request, frames that are none, streams that are reset, wrong certificates.
//!
//! And a collector that takes back what it took. A real agent goes on meanwhile, and memory is bounded. Not here: false batches (`agents`), the door of readers (`hostile_clients`), how much slower it gets (`benches/many_agents`).

use crate::agents::{Cluster, origin, runtime, sealed};
use crate::live::{BOUND, Collector, append, let_in, line};
use deponent::agent::{SIGNER, Wire};
use deponent::evidence::Origin;
use deponent::tls::{ClientTls, Files};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::runtime::Runtime;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The beginning of a ClientHello.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

/// A real agent, sending by hand.
struct Honest {
    runtime: Runtime,
    origin: Origin,
    serial: u32,
    _dir: tempfile::TempDir,
}

impl Honest {
    fn new() -> Honest {
        let dir = tempfile::tempdir().unwrap();
        Honest { runtime: runtime(), origin: origin(dir.path(), "key"), serial: 0, _dir: dir }
    }

    /// Sends a batch until it is acknowledged.
    fn is_acknowledged(&mut self, wire: &mut Wire) {
        self.serial += 1;
        let block = sealed(&mut self.origin, "node-1", self.serial);
        let (headers, started) = ([(deponent::agent::SIGNER, self.origin.vkey().to_string())], Instant::now());
        loop {
            let asked = wire.ask(axum::http::Method::POST, "/v1/batches", &headers, block.clone().into());
            match self.runtime.block_on(asked) {
                Ok(reply) if reply.status == 200 => return,
                other => {
                    let said = other.map_or_else(|error| error, |reply| reply.status.to_string());
                    assert!(started.elapsed() < BOUND, "not acknowledged: {said}");
                }
            }
        }
    }
}

fn resident_kib(collector: &Collector) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// A connection over TLS, with an agent's certificate.
fn encrypted(cluster: &Cluster) -> StreamOwned<ClientConnection, TcpStream> {
    let path = |name: &str| cluster.scratch.path(&format!("pki/{name}"));
    let files = Files { cert: path("agent-node-2.crt"), key: path("agent-node-2.key"), ca: path("ca.crt") };
    let config = ClientTls::open(files, &[b"h2"]).unwrap().config();
    let stream = TcpStream::connect(("127.0.0.1", cluster.port)).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    let connection = ClientConnection::new(config, ServerName::try_from("127.0.0.1").unwrap()).unwrap();
    StreamOwned::new(connection, stream)
}

/// Reads until the other side closes; it must.
fn is_closed(mut stream: StreamOwned<ClientConnection, TcpStream>, what: &str) {
    let (mut piece, mut read) = (vec![0; 1 << 16], 0);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("{what}: never closed"),
            Err(_) => return,
        }
        assert!(read < 16 << 20, "{what}: answered without end");
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// `GET / https x`, without a table.
const HEAD: &[u8] = b"\x82\x84\x87\x01\x01x";

#[test]
fn handshakes_that_do_not_end_keep_no_agent_out() {
    let cluster = Cluster::new();
    let_in(&cluster.scratch);
    // Few files: then it takes few connections to have all of them.
    let plain = cluster.scratch.command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
    let mut few = std::process::Command::new("prlimit");
    few.arg("--nofile=600:600").arg(plain.get_program()).args(plain.get_args()).current_dir(cluster.scratch.dir.path());
    few.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let collector = Collector::of(few);
    let mut honest = Honest::new();
    let mut old = cluster.wire("agent-node-1");
    honest.is_acknowledged(&mut old);
    let before = resident_kib(&collector);
    let (stop, opened) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut open = VecDeque::new();
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", cluster.port)) {
                    let _closed = stream.write_all(HALF_A_HELLO);
                    open.push_back(stream);
                    opened.fetch_add(1, Ordering::Relaxed);
                }
                if open.len() > 1_000 {
                    open.pop_front();
                }
            }
        });
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let started = Instant::now();
            while opened.load(Ordering::Relaxed) < 2_000 {
                assert!(started.elapsed() < BOUND);
            }
            for _ in 0..5 {
                honest.is_acknowledged(&mut old);
                honest.is_acknowledged(&mut cluster.wire("agent-node-1"));
            }
        }));
        stop.store(true, Ordering::Relaxed);
        ended.unwrap();
    });
    assert!(resident_kib(&collector) < before + 64 * 1024, "memory is bounded");
    collector.stop();
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    // Nothing; a preface and nothing; a head that never ends.
    let beginnings = [Vec::new(), PREFACE.to_vec(), [PREFACE, &frame(1, 1, 1, HEAD)].concat()];
    std::thread::scope(|scope| {
        for (number, bytes) in beginnings.iter().enumerate() {
            let mut stream = encrypted(&cluster);
            scope.spawn(move || {
                stream.conn.complete_io(&mut stream.sock).unwrap();
                stream.write_all(bytes).unwrap();
                stream.flush().unwrap();
                is_closed(stream, &format!("beginning {number}"));
            });
        }
        Honest::new().is_acknowledged(&mut cluster.wire("agent-node-1"));
    });
    collector.stop();
}

#[test]
fn what_is_no_http_2_ends_its_connection_alone() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    let mut honest = Honest::new();
    let mut wire = cluster.wire("agent-node-1");
    honest.is_acknowledged(&mut wire);
    let before = resident_kib(&collector);
    let noise: Vec<u8> = (0..=255_u8).cycle().take(100_000).collect();
    let pieces = |count: usize| (0..count).flat_map(|_| frame(9, 0, 1, &[0; 16_000])).collect::<Vec<u8>>();
    let cases: [(&str, Vec<u8>); 6] = [
        ("noise", noise.clone()),
        ("noise behind a preface", [PREFACE, &noise].concat()),
        ("a frame of 16 MiB", [PREFACE, &[0xff; 9], &noise].concat()),
        ("a head in continuations without end", [PREFACE, &frame(1, 0, 1, HEAD), &pieces(500)].concat()),
        ("a table that does not fit", [PREFACE, &frame(1, 5, 1, &[0xff; 2_000])].concat()),
        ("a window that overflows", [PREFACE, &frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat()),
    ];
    for (what, bytes) in cases {
        let mut stream = encrypted(&cluster);
        // The other side may close before it has all of it.
        let _closed = stream.write_all(&bytes).and_then(|()| stream.flush());
        is_closed(stream, what);
        honest.is_acknowledged(&mut wire);
    }
    // A head that is larger than any, from a client that speaks well: 431, or the end of the connection.
    let headers = [("deponent-signer", "x".repeat(1 << 20))];
    let asked = wire.ask(axum::http::Method::POST, "/v1/batches", &headers, Vec::new().into());
    let status = honest.runtime.block_on(asked).map(|reply| reply.status.as_u16());
    assert!(matches!(status, Err(_) | Ok(431)), "{status:?}");
    honest.is_acknowledged(&mut cluster.wire("agent-node-1"));
    assert!(resident_kib(&collector) < before + 64 * 1024, "memory is bounded");
    collector.stop();
}

/// A POST to the agents' door of a body that is announced and does not come: names from HPACK's table, values as they are.
fn endless(cluster: &Cluster, id: u32) -> Vec<u8> {
    let literal = |name: &[u8], value: &str| [name, &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let signer = origin(cluster.scratch.dir.path(), "other-key").vkey().to_string();
    let name = [&[0, u8::try_from(SIGNER.len()).unwrap()], SIGNER.as_bytes()].concat();
    let head = [
        b"\x83\x87".to_vec(),
        literal(b"\x04", "/v1/batches"),
        literal(b"\x01", "x"),
        literal(b"\x0f\x0d", "12582912"),
        literal(&name, &signer),
    ];
    // The end of the head, not of the stream.
    frame(1, 4, id, &head.concat())
}

#[test]
fn one_node_does_not_hold_what_all_share() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    let mut honest = Honest::new();
    let mut wire = cluster.wire("agent-node-1");
    // Bodies: the first is waited for, eight more would be all the room that there is.
    let mut stream = encrypted(&cluster);
    let asked: Vec<u8> = (0..9).flat_map(|number| endless(&cluster, number * 2 + 1)).collect();
    stream.write_all(&[PREFACE, &asked].concat()).unwrap();
    stream.flush().unwrap();
    let (mut answered, mut head) = (std::collections::BTreeSet::new(), [0; 9]);
    while answered.len() < 8 {
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()]).unwrap();
        if head[3] == 1 {
            answered.insert(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
    honest.is_acknowledged(&mut wire);
    // Connections: with that one sixteen, each with a request, so that none is closed for having none.
    let open = |_| {
        let mut stream = encrypted(&cluster);
        stream.write_all(&[PREFACE, &frame(1, 5, 1, HEAD)].concat()).and_then(|()| stream.flush()).unwrap();
        let mut piece = [0; 16];
        stream.read_exact(&mut piece).map(|()| stream)
    };
    let held: Vec<_> = (0..15).map(open).collect();
    assert!(held.iter().all(Result::is_ok));
    assert!(open(15).is_err(), "a seventeenth connection");
    honest.is_acknowledged(&mut cluster.wire("agent-node-1"));
    drop(held);
    collector.stop();
}

#[test]
fn streams_that_are_reset_at_once_cost_their_connection() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    let mut honest = Honest::new();
    let mut wire = cluster.wire("agent-node-1");
    honest.is_acknowledged(&mut wire);
    let before = resident_kib(&collector);
    for _ in 0..10 {
        let mut stream = encrypted(&cluster);
        let mut sent = stream.write_all(PREFACE);
        for number in 0..20_000_u32 {
            let id = number * 2 + 1;
            let reset = [frame(1, 5, id, HEAD), frame(3, 0, id, &8_u32.to_be_bytes())].concat();
            sent = sent.and_then(|()| stream.write_all(&reset));
            if sent.is_err() {
                break;
            }
        }
        is_closed(stream, "streams opened and reset");
        honest.is_acknowledged(&mut wire);
    }
    assert!(resident_kib(&collector) < before + 64 * 1024, "memory is bounded");
    collector.stop();
}

#[test]
fn wrong_certificates_again_and_again_let_nobody_in_and_keep_nobody_out() {
    let cluster = Cluster::new();
    let collector = cluster.collector();
    let mut honest = Honest::new();
    let mut wire = cluster.wire("agent-node-1");
    honest.is_acknowledged(&mut wire);
    let before = resident_kib(&collector);
    let arguments =
        ["init", "pki", "--cluster", "lab", "--collector", "127.0.0.1", "--agent", "node-1", "--out", "other"];
    cluster.scratch.ok(&arguments);
    let path = |name: &str| cluster.scratch.path(name);
    let files =
        Files { cert: path("other/agent-node-1.crt"), key: path("other/agent-node-1.key"), ca: path("pki/ca.crt") };
    let mut stranger = Wire::new("127.0.0.1".to_owned(), cluster.port, ClientTls::open(files, &[b"h2"]).unwrap());
    for turn in 0..300 {
        let asked = stranger.ask(axum::http::Method::GET, "/v1/collector", &[], Vec::new().into());
        assert!(honest.runtime.block_on(asked).is_err(), "a stranger is heard");
        if turn % 50 == 0 {
            honest.is_acknowledged(&mut wire);
            honest.is_acknowledged(&mut cluster.wire("agent-node-1"));
        }
    }
    let (_, page) = collector.get("/metrics", "");
    let failed = page.lines().find_map(|line| line.strip_prefix("deponent_handshakes_failed_total "));
    assert!(failed.unwrap().parse::<u32>().unwrap() >= 300, "{failed:?}");
    assert!(resident_kib(&collector) < before + 64 * 1024, "memory is bounded");
    collector.stop();
}

/// The store as it was, and what its signing key remembers, put in place of what they are.
#[test]
fn a_collector_that_takes_back_what_it_took_is_found_out() {
    let cluster = Cluster::new();
    let copy = |from: &str, to: &str| {
        let (from, to) = (cluster.scratch.path(from), cluster.scratch.path(to));
        let _none = std::fs::remove_dir_all(&to);
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
    };
    let collector = cluster.collector();
    append(&cluster.scratch, &line(1));
    let agent = cluster.agent();
    cluster.wait_for("source:linux", 1);
    agent.stop();
    collector.stop();
    copy("store", "old-store");
    copy("keys", "old-keys");
    let collector = cluster.collector();
    let agent = cluster.agent();
    append(&cluster.scratch, &line(2));
    // What it says of the log is in its heartbeats.
    cluster.wait_for("source:self action:heartbeat message:*checked*", 1);
    agent.stop();
    collector.stop();
    copy("old-store", "store");
    copy("old-keys", "keys");
    let collector = cluster.collector();
    let agent = cluster.agent();
    let found = cluster.wait_for("source:self action:log-contradiction", 1);
    let detail = found[0]["issues"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("reason=the log is ") && detail.contains("checkpoint=") && detail.contains("earlier="),
        "{detail}"
    );
    assert_eq!(found[0]["where"]["node"], "node-1");
    agent.stop();
    collector.stop();
}

//! Agents and collectors that are killed again and again, frozen, far away, slow, or out of room: each line that was written is in the store once.
//!
//! `DEPONENT_KILLS` says how often each side is killed (10, unless it says otherwise; the longer run is 100). Not here: one of each kill (`agents`), rotation under
//! one process (`rotation`), speed (`benches/many_agents`).

use crate::agents::{Cluster, free_port};
use crate::harness::Scratch;
use crate::live::{BOUND, Collector};
use crate::rotation::lines_of_log;
use deponent::agent::Agent;
use deponent::config::AgentConfig;
use deponent::model::Moment;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// The program that writes the log, and what it wrote.
struct Writer {
    log: PathBuf,
    lines: Vec<Vec<u8>>,
    /// Bytes of each line that cannot be compressed.
    noise: usize,
    /// A truncation may be seen too late to know that nothing was lost by it.
    has_copied: bool,
}

impl Writer {
    fn new(cluster: &Cluster) -> Writer {
        Writer { log: cluster.scratch.path("logs/audit.log"), lines: Vec::new(), noise: 90, has_copied: false }
    }

    fn write(&mut self, count: usize) {
        let mut bytes = Vec::new();
        for _ in 0..count {
            let serial = self.lines.len() + 1;
            let blocks = (0..self.noise.div_ceil(32)).map(|block| Sha256::digest(format!("{serial} {block}")));
            let noise = data_encoding::BASE64URL_NOPAD.encode(&blocks.flatten().collect::<Vec<u8>>());
            let line = format!(
                "type=USER_LOGIN msg=audit(1795467576.448:{serial}): pid=1 uid=0 auid=1502 ses=5 msg='op=login id=1502 exe=\"/{noise}\" hostname=? res=success'\n"
            );
            bytes.extend_from_slice(line.as_bytes());
            self.lines.push(line.into_bytes());
        }
        OpenOptions::new().append(true).create(true).open(&self.log).unwrap().write_all(&bytes).unwrap();
    }

    fn numbered(&self, number: usize) -> PathBuf {
        self.log.with_file_name(format!("audit.log.{number}"))
    }

    /// As auditd: `.1` becomes `.2`, the log becomes `.1`.
    fn rename(&self) {
        let last = (1..).find(|number| !self.numbered(*number).exists()).unwrap();
        for number in (1..last).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1)).unwrap();
        }
        fs::rename(&self.log, self.numbered(1)).unwrap();
    }

    /// As logrotate's `copytruncate`, with nothing written between the two.
    fn copy_and_truncate(&mut self) {
        self.has_copied = true;
        let last = (1..).find(|number| !self.numbered(*number).exists()).unwrap();
        for number in (1..last).rev() {
            fs::rename(self.numbered(number), self.numbered(number + 1)).unwrap();
        }
        fs::copy(&self.log, self.numbered(1)).unwrap();
        File::create(&self.log).unwrap();
    }
}

/// What the log holds that was read from files. Nothing is said to contradict, no bytes to be lost.
fn held(store: &Path) -> BTreeMap<Vec<u8>, u32> {
    lines_of_log(store, &mut |own: &Value| {
        let what = own["deponent"].as_str().unwrap();
        assert!(!["equivocation", "agent-key-changed", "file-issue"].contains(&what), "{own}");
        // A truncation that was not seen: it is known up to where all was read, and no byte behind it was seen.
        assert!(what != "gap" || own["from"].is_u64() && own["from"] == own["to_at_least"], "{own}");
    })
}

/// Waits until all lines are in the log; then each is there once, in whole chains.
fn all_are_there_once(scratch: &Scratch, writer: &Writer, collector: Collector) {
    let (store, started) = (scratch.path("store"), Instant::now());
    let missing =
        |found: &BTreeMap<Vec<u8>, u32>| writer.lines.iter().filter(|line| !found.contains_key(*line)).count();
    loop {
        let left = missing(&held(&store));
        if left == 0 {
            break;
        }
        assert!(started.elapsed() < 2 * BOUND, "{left} of {} lines are missing", writer.lines.len());
    }
    collector.stop();
    let found = held(&store);
    let doubled = found.values().filter(|times| **times > 1).count();
    assert_eq!((missing(&found), doubled, found.len()), (0, 0, writer.lines.len()));
    let verified = scratch.ok(&["verify", "--store", "store"]);
    assert!(verified.out.contains("every byte is as it was signed"), "{}", verified.out);
    scratch.ok(&["fsck", "--store", "store"]);
    let gaps = scratch.run(&["gaps", "--store", "store", "-q", "-o", "ndjson"]);
    assert!(writer.has_copied || !gaps.out.contains("\"lost\""), "{}", gaps.out);
}

/// Batches that this run of the collector has taken.
fn taken(collector: &Collector) -> u64 {
    let (_, page) = collector.get("/metrics", "");
    let line = page.lines().find_map(|line| line.strip_prefix("deponent_agent_batches_total "));
    line.unwrap().parse().unwrap()
}

fn wait_for_more(collector: &Collector) {
    let (before, started) = (taken(collector), Instant::now());
    while taken(collector) == before {
        assert!(started.elapsed() < BOUND, "no batch comes");
    }
}

fn signal(pid: u32, name: &str) {
    assert!(std::process::Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn killed_again_and_again_under_load_nothing_is_lost_or_doubled() {
    let kills = std::env::var("DEPONENT_KILLS").map_or(10, |text| text.parse::<usize>().unwrap());
    let cluster = Cluster::new();
    let stop = AtomicBool::new(false);
    let (writer, collector) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut writer = Writer::new(&cluster);
            for turn in 1.. {
                writer.write(10);
                if turn % 300 == 0 {
                    writer.rename();
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // The pace of a busy node; nothing waits for it.
                std::thread::sleep(Duration::from_millis(10));
            }
            writer
        });
        let mut agent = Some(cluster.agent());
        let mut collector = Some(cluster.collector());
        for _ in 0..kills {
            wait_for_more(collector.as_ref().unwrap());
            agent.take().unwrap().kill();
            agent = Some(cluster.agent());
            wait_for_more(collector.as_ref().unwrap());
            collector.take().unwrap().kill();
            collector = Some(cluster.collector());
        }
        wait_for_more(collector.as_ref().unwrap());
        stop.store(true, Ordering::Relaxed);
        let writer = writing.join().unwrap();
        let collector = collector.take().unwrap();
        let started = Instant::now();
        while held(&cluster.scratch.path("store")).len() < writer.lines.len() {
            assert!(started.elapsed() < 2 * BOUND, "the rest does not come");
        }
        agent.take().unwrap().stop();
        (writer, collector)
    });
    all_are_there_once(&cluster.scratch, &writer, collector);
}

#[test]
fn a_frozen_collector_goes_on_where_it_was() {
    let cluster = Cluster::new();
    let mut writer = Writer::new(&cluster);
    let collector = cluster.collector();
    let _agent = cluster.agent();
    writer.write(100);
    wait_for_more(&collector);
    for _ in 0..3 {
        signal(collector.child.id(), "-STOP");
        writer.write(500);
        // What it reads meanwhile waits in its spool.
        let (started, before) = (Instant::now(), spooled(&cluster));
        while spooled(&cluster) < before + 60_000 {
            assert!(started.elapsed() < BOUND, "nothing comes into the spool");
        }
        signal(collector.child.id(), "-CONT");
        wait_for_more(&collector);
    }
    all_are_there_once(&cluster.scratch, &writer, collector);
}

fn spooled(cluster: &Cluster) -> u64 {
    let folder = fs::read_dir(cluster.scratch.path("agent/spool"));
    folder.into_iter().flatten().flatten().map(|entry| entry.metadata().map_or(0, |data| data.len())).sum()
}

#[test]
fn files_are_rotated_while_the_collector_is_away() {
    let cluster = Cluster::new();
    let mut writer = Writer::new(&cluster);
    let mut agent = cluster.agent();
    for turn in 0..6 {
        writer.write(200);
        let (started, before) = (Instant::now(), spooled(&cluster));
        while spooled(&cluster) <= before {
            assert!(started.elapsed() < BOUND, "nothing comes into the spool");
        }
        match turn {
            0 | 3 => writer.rename(),
            1 | 4 => writer.copy_and_truncate(),
            // Between two rotations, and before the second one of a kind.
            _ => {
                agent.kill();
                writer.write(50);
                writer.rename();
                agent = cluster.agent();
            }
        }
    }
    writer.write(1);
    let collector = cluster.collector();
    agent.kill();
    let _agent = cluster.agent();
    all_are_there_once(&cluster.scratch, &writer, collector);
}

/// The agent of a cluster in this process: with a spool smaller than a configuration may ask for, or another clock.
fn agent_here(cluster: &Cluster, spool_bytes: u64, clock: fn() -> Moment) -> Agent {
    let path = cluster.scratch.path("agent.toml");
    let text = fs::read_to_string(&path).unwrap();
    let absolute = |text: String, name: &str| {
        text.replace(&format!("'{name}"), &format!("'{}", cluster.scratch.path(name).display()))
    };
    let text = ["agent'", "pki/", "logs/"].iter().fold(text, |text, name| absolute(text, name));
    let mut config = AgentConfig::parse(&path, &text, Some("node-1")).unwrap();
    config.spool_bytes = spool_bytes;
    Agent::start(&config, clock).unwrap().agent
}

/// As in a day without the collector: what does not fit into the spool stays in the files, and comes when there is room.
#[test]
fn a_full_spool_loses_nothing_while_the_files_last() {
    let cluster = Cluster::new();
    let mut writer = Writer::new(&cluster);
    writer.noise = 3_600;
    // One segment of the spool and a little.
    let most = 10 << 20;
    let agent = agent_here(&cluster, most, deponent::time::now);
    let started = Instant::now();
    for hour in 0..36 {
        writer.write(200);
        // From here on it reads nothing more.
        while hour >= 18 && agent.counts().snapshot().spool < most {
            assert!(started.elapsed() < BOUND, "the spool does not fill: {}", agent.counts().snapshot().spool);
        }
        writer.rename();
    }
    writer.write(1);
    // All of it would be 20 MB, and read by now, were it read.
    std::thread::sleep(Duration::from_secs(2));
    assert!(spooled(&cluster) < most + (4 << 20), "{} bytes in a spool of {most}", spooled(&cluster));
    let collector = cluster.collector();
    // Begins with a full spool, and does not wait for the end of a long pause.
    agent.stop().unwrap();
    let agent = agent_here(&cluster, most, deponent::time::now);
    all_are_there_once(&cluster.scratch, &writer, collector);
    agent.stop().unwrap();
}

static AHEAD: AtomicI64 = AtomicI64::new(0);

fn jumping() -> Moment {
    let now = deponent::time::now();
    Moment { nanos: now.nanos + AHEAD.load(Ordering::Relaxed), ..now }
}

#[test]
fn a_clock_that_jumps_neither_stops_nor_doubles() {
    let cluster = Cluster::new();
    let mut writer = Writer::new(&cluster);
    let agent = agent_here(&cluster, 64 << 20, jumping);
    let collector = cluster.collector();
    let year = 365 * 86_400 * 1_000_000_000_i64;
    for ahead in [0, year, -year, 0, -3_600_000_000_000, 1_000_000_000] {
        AHEAD.store(ahead, Ordering::Relaxed);
        writer.write(100);
        let started = Instant::now();
        while held(&cluster.scratch.path("store")).len() < writer.lines.len() {
            assert!(started.elapsed() < BOUND, "nothing is read any more at {ahead}");
        }
        writer.rename();
    }
    writer.write(1);
    all_are_there_once(&cluster.scratch, &writer, collector);
    agent.stop().unwrap();
}

/// Copies a little at a time; cuts every `cut` bytes.
fn trickle(mut from: TcpStream, mut to: TcpStream, cut: usize) {
    let (mut piece, mut copied) = ([0; 512], 0);
    while let Ok(read) = from.read(&mut piece) {
        if read == 0 || copied > cut || to.write_all(&piece[..read]).is_err() {
            break;
        }
        copied += read;
        // The way is slow; nothing waits for that.
        std::thread::sleep(Duration::from_millis(1));
    }
    let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[test]
fn a_slow_way_that_breaks_loses_and_doubles_nothing() {
    let cluster = Cluster::new();
    let port = free_port();
    let path = cluster.scratch.path("agent.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(&format!(":{}'", cluster.port), &format!(":{port}'"))).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let to = cluster.port;
    // Lives as long as the process: each connection may carry more than the one before.
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let Ok(other) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            let (back, away) = (other.try_clone().unwrap(), stream.try_clone().unwrap());
            let cut = 20_000 << number.min(8);
            std::thread::spawn(move || trickle(stream, other, cut));
            // Answers may be cut off as well: what was taken is then sent again.
            std::thread::spawn(move || trickle(back, away, 3_000 << number.min(8)));
        }
    });
    let mut writer = Writer::new(&cluster);
    writer.write(1_000);
    let collector = cluster.collector();
    let _agent = cluster.agent();
    all_are_there_once(&cluster.scratch, &writer, collector);
}

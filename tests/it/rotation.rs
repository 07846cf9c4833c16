//! Rotation without loss: a running collector, a writer that rotates in every way there is, and a count of lost and doubled lines.
//!
//! Inside: `Scene` (a collector, a folder of logs, the lines that were written) and its count; `running`, `stopped`, `destroyed` hold the scenarios.
//! What counts is the log itself, read batch by batch, not the index: a line that was read twice makes one event, but two records.
//! Not here: one poll after another, without a process (`source` unit tests).

mod destroyed;
mod running;
mod stopped;

use crate::harness::Scratch;
use crate::live::{BOUND, Collector};
use deponent::evidence::{Hash, Reader};
use deponent::model::{RecordKind, RecordRef};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// A format, and what a writer of it writes.
pub struct Kind {
    /// Its name in the configuration.
    name: &'static str,
    /// Number n: one line or several, each unlike all others.
    text: fn(u32) -> String,
}

/// Lines that nothing but their content tells apart.
pub const SYSLOG: Kind = Kind {
    name: "syslog",
    text: |n| {
        format!("2026-11-23T20:59:02.{n:06}+00:00 node app[1]: line {n:06} of a log that is rotated while it is read\n")
    },
};

/// Records with serials: `gaps` finds those that are missing by itself.
pub const AUDITD: Kind = Kind { name: "auditd", text: |n| crate::live::line(1_000_000 + n) };

/// A container's log as the kubelet keeps it: each number a line of standard output in three parts, with one of standard error in between.
pub const CONTAINER: Kind = Kind {
    name: "container",
    text: |n| {
        let part = |of: u32, stream: &str, tag: &str, text: &str| {
            format!("2026-11-23T20:59:02.{:09}Z {stream} {tag} {text} {n:06}\n", n * 8 + of)
        };
        [
            part(0, "stdout", "P", "the beginning of"),
            part(1, "stderr", "F", "something else, beside"),
            part(2, "stdout", "P", "and the middle of"),
            part(3, "stderr", "P", "a part of an error, beside"),
            part(4, "stdout", "F", "and the end of"),
            part(5, "stderr", "F", "and its end, beside"),
        ]
        .concat()
    },
};

/// Whoever writes the logs and rotates them; keeps account of what was written.
pub struct Writer {
    dir: PathBuf,
    kind: &'static Kind,
    next: u32,
    lines: Vec<Vec<u8>>,
}

impl Writer {
    /// A path in the folder of logs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The next numbers; they count as written.
    pub fn text(&mut self, count: u32) -> Vec<u8> {
        let text: String = (self.next..self.next + count).map(self.kind.text).collect();
        self.next += count;
        self.lines.extend(text.as_bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        text.into_bytes()
    }

    /// Opened as loggers do.
    pub fn open(&self, name: &str) -> File {
        OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap()
    }

    /// Appends the next numbers, some at a time.
    pub fn append(&mut self, name: &str, count: u32) {
        let mut file = self.open(name);
        self.write(&mut file, count);
    }

    /// Likewise, to a file that is open.
    pub fn write(&mut self, file: &mut File, count: u32) {
        for from in (0..count).step_by(25) {
            let text = self.text(25.min(count - from));
            file.write_all(&text).unwrap();
        }
    }

    /// `name.1` becomes `name.2` and so on, and `name` becomes `name.1`.
    pub fn rotate(&self, name: &str) {
        self.shift(name);
        fs::rename(self.path(name), self.path(&format!("{name}.1"))).unwrap();
    }

    /// Makes room for a `name.1`.
    pub fn shift(&self, name: &str) {
        let old = |number: u32| self.path(&format!("{name}.{number}"));
        let free = (1..).find(|number| !old(*number).exists()).unwrap();
        for number in (1..free).rev() {
            fs::rename(old(number), old(number + 1)).unwrap();
        }
    }

    /// As `gzip` does it: the original is there until the compressed file is whole.
    pub fn gzip(&self, from: &str, to: &str) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&fs::read(self.path(from)).unwrap()).unwrap();
        let packed = encoder.finish().unwrap();
        let mut file = File::create(self.path(to)).unwrap();
        for piece in packed.chunks(1_000) {
            file.write_all(piece).unwrap();
        }
        fs::remove_file(self.path(from)).unwrap();
    }
}

/// A collector that follows a folder of logs, and their writer.
pub struct Scene {
    /// Holds everything.
    pub scratch: Scratch,
    /// Runs, or does not.
    pub collector: Option<Collector>,
    /// Writes.
    pub writer: Writer,
    /// Lines that were destroyed before anybody could read them.
    destroyed: BTreeSet<Vec<u8>>,
    /// Lines that begin several files.
    headers: BTreeSet<Vec<u8>>,
}

impl Scene {
    /// Nothing is there yet and nobody reads. `pattern`: what is followed in `logs/`.
    pub fn new(kind: &'static Kind, pattern: &str) -> Scene {
        let scratch = Scratch::new();
        let dir = scratch.path("logs");
        fs::create_dir(&dir).unwrap();
        // Batches are sealed early: more of them, and their ends in more places.
        let limits = "[limits]\nbatch_age_ms = 40\nshow_after_ms = 50\n";
        let tail = format!("[[tail]]\npaths = ['logs/{pattern}']\nkind = '{}'\n", kind.name);
        scratch.write("config.toml", format!("store = 'store'\nnode = 'node-1'\n{tail}{limits}"));
        let writer = Writer { dir, kind, next: 1, lines: Vec::new() };
        Scene { scratch, collector: None, writer, destroyed: BTreeSet::new(), headers: BTreeSet::new() }
    }

    /// Likewise, and the collector runs.
    pub fn running(kind: &'static Kind, pattern: &str) -> Scene {
        let mut scene = Scene::new(kind, pattern);
        scene.start();
        scene
    }

    /// Starts the collector.
    pub fn start(&mut self) {
        assert!(self.collector.is_none());
        self.collector = Some(Collector::start(&self.scratch));
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.collector.take().unwrap().kill();
    }

    /// SIGTERM.
    pub fn stop(&mut self) {
        self.collector.take().unwrap().stop();
    }

    /// Sends a signal that does not end it.
    pub fn signal(&self, name: &str) {
        let pid = self.collector.as_ref().unwrap().child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// More than 2 KiB with which several files begin, byte for byte: whoever has read them once has read them.
    pub fn header(&mut self) -> Vec<u8> {
        let line = |n| format!("2026-11-23T20:00:00.{n:06}+00:00 node app[1]: the same first lines in each file\n");
        self.headers = (0..30).map(|n| line(n).into_bytes()).collect();
        let text: Vec<u8> = self.headers.iter().flatten().copied().collect();
        assert!(text.len() > 2_048);
        text
    }

    /// Lines so far: `destroy` takes those behind it.
    pub fn mark(&self) -> usize {
        self.writer.lines.len()
    }

    /// Everything written since is destroyed and must be missing.
    pub fn destroy(&mut self, since: usize) {
        self.destroyed.extend(self.writer.lines[since..].iter().cloned());
    }

    /// Waits until every line is in the log that was not destroyed.
    pub fn collected(&self) {
        self.collected_but(usize::MAX);
    }

    /// Likewise, but for one line, which is not finished yet.
    pub fn collected_but(&self, half: usize) {
        let half = self.writer.lines.get(half).map(|line| String::from_utf8_lossy(line));
        self.until("lines have not come", || {
            let mut missing = self.missing(&lines_of_log(&self.scratch.path("store"), &mut gaps_alone));
            missing.retain(|line| half.as_ref().is_none_or(|half| half != line));
            missing
        });
    }

    /// Waits until the collector has none of the logs open but these: it has read all others to their ends and is done with them.
    pub fn holds_only(&self, names: &[&str]) {
        let pid = self.collector.as_ref().unwrap().child.id();
        let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.until("are still open or not yet", || {
            let mut held = BTreeSet::new();
            for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
                let Ok(target) = fs::read_link(entry.path()) else { continue };
                if let Ok(name) = target.strip_prefix(&self.writer.dir) {
                    held.insert(name.to_string_lossy().into_owned());
                }
            }
            held.symmetric_difference(&wanted).cloned().collect()
        });
    }

    /// Asks again until nothing is left to wait for.
    fn until(&self, what: &str, left: impl Fn() -> Vec<String>) {
        let started = Instant::now();
        loop {
            let left = left();
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < BOUND, "{} {what}, the first {:?}", left.len(), left[0]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn missing(&self, found: &BTreeMap<Vec<u8>, u32>) -> Vec<String> {
        let wanted = self.writer.lines.iter().chain(&self.headers);
        let lost = wanted.filter(|line| !self.destroyed.contains(*line) && !found.contains_key(*line));
        lost.map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    /// Ends the scene: everything is collected; one more process looks at all files again; then lost and doubled lines are counted, and the
    /// gaps are given. `names`: the files that are being written at the end, as links resolve.
    pub fn finish(mut self, names: &[&str]) -> Vec<Value> {
        self.collected();
        self.stop();
        // Rotated files that lie still need no watching. That the last line of a log comes means: its beginning was compared.
        age(&self.writer.dir);
        for name in names {
            self.writer.append(name, 1);
        }
        self.start();
        self.collected();
        self.holds_only(names);
        self.stop();
        self.count();
        let run = self.scratch.run(&["gaps", "--store", "store", "-q", "-o", "ndjson"]);
        let gaps = run.lines();
        assert_eq!(run.code, if gaps.is_empty() { 0 } else { 4 }, "{}{}", run.out, run.err);
        gaps
    }

    /// 0 lost, 0 doubled, nothing that nobody wrote; and the records of all events are the records of the log.
    fn count(&self) {
        let found = lines_of_log(&self.scratch.path("store"), &mut gaps_alone);
        let written: BTreeSet<&Vec<u8>> = self.writer.lines.iter().collect();
        assert_eq!(written.len(), self.writer.lines.len(), "each line is unlike all others");
        let lost = self.missing(&found);
        let doubled: Vec<String> = found
            .iter()
            .filter(|(line, times)| **times > 1 && !self.headers.contains(*line))
            .map(|(line, times)| format!("{times} times {}", String::from_utf8_lossy(line)))
            .collect();
        let strange: Vec<String> = found
            .keys()
            .filter(|line| self.destroyed.contains(*line) || !written.contains(line) && !self.headers.contains(*line))
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let first = |lines: &[String]| lines.first().cloned().unwrap_or_default();
        assert!(
            lost.is_empty() && doubled.is_empty() && strange.is_empty(),
            "of {} lines {} lost ({:?}), {} doubled ({:?}), {} that nobody wrote or that were destroyed ({:?})",
            written.len(),
            lost.len(),
            first(&lost),
            doubled.len(),
            first(&doubled),
            strange.len(),
            first(&strange),
        );
        let shown = self.scratch.ok(&["search", "--store", "store", "-q", "-n", "0", "--raw", "*"]).out;
        let mut events: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for line in shown.split_inclusive('\n').filter(|line| !line.starts_with("{\"deponent\"")) {
            *events.entry(line.as_bytes().to_vec()).or_default() += 1;
        }
        let in_log: BTreeMap<_, _> = found.into_iter().filter(|(line, _)| !self.headers.contains(line)).collect();
        events.retain(|line, _| !self.headers.contains(line));
        assert!(events == in_log, "{} lines in events, {} in the log", events.len(), in_log.len());
    }
}

/// All files of a folder were last written an hour ago.
fn age(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            age(&entry.path());
        } else {
            let past = SystemTime::now() - Duration::from_secs(3_600);
            File::open(entry.path()).unwrap().set_modified(past).unwrap();
        }
    }
}

/// Every line of the log with the number of its records, as it was read. Parts of a record that are in batches of their own are put together by what
/// `docs/format.md` §4 says. `own` is shown what deponent itself wrote.
pub fn lines_of_log(store: &Path, own: &mut dyn FnMut(&Value)) -> BTreeMap<Vec<u8>, u32> {
    let reader = Reader::open(store).unwrap();
    let mut open: HashMap<(u64, Hash), Vec<u8>> = HashMap::new();
    let mut found: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    for leaf in 0..reader.size() {
        let entry = reader.entry(leaf).unwrap();
        let header = &entry.header;
        if header.kind == RecordKind::Own {
            let record = reader.record(RecordRef { leaf, record: 0 }).unwrap();
            own(&serde_json::from_slice(&record).unwrap());
            continue;
        }
        let begun = if header.continues { open.remove(&(header.start, header.before)) } else { None };
        let mut bytes = begun.unwrap_or_default();
        for record in 0..header.records {
            bytes.extend_from_slice(&reader.record(RecordRef { leaf, record }).unwrap());
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                *found.entry(line.to_vec()).or_default() += 1;
            } else {
                open.insert((header.end, header.prefix), line.to_vec());
            }
        }
    }
    for line in open.into_values() {
        *found.entry(line).or_default() += 1;
    }
    found
}

/// A collector that follows files by itself says nothing but what it missed.
pub fn gaps_alone(own: &Value) {
    assert_eq!(own["deponent"], "gap", "{own}");
}

/// The gaps that say what was lost of a file, as (first byte, seen to reach, reason), and the number of all others.
pub fn lost_bytes(gaps: &[Value], path: &str) -> (Vec<(u64, u64, String)>, usize) {
    let mut lost = Vec::new();
    for gap in gaps.iter().filter(|gap| gap["gap"] == "lost") {
        let detail = &gap["detail"];
        assert!(detail["path"].as_str().unwrap().ends_with(path), "{gap}");
        let number = |name: &str| detail[name].as_u64().unwrap();
        lost.push((number("from"), number("to_at_least"), detail["reason"].as_str().unwrap().to_owned()));
    }
    let others = gaps.len() - lost.len();
    (lost, others)
}

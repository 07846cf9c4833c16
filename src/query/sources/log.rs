//! What the store knows of each log: sums over the headers of its batches.
//!
//! Not here: what its own events say of logs (`oddities`), what the file system says (`verdict`).

use super::super::answer::AnswerError;
use super::super::engine::View;
use super::super::heard::{self, Heard, Pulse};
use crate::evidence::{Door, FileId, Hash, Header};
use crate::model::{Moment, RecordKind};
use crate::source::Look;
use std::collections::BTreeMap;

/// Lines of one answer; batches of further files are counted together.
pub const LINES_MAX: usize = 10_000;
/// Files of one path whose ends are kept: a rotated one may be read to its end when its successor is being read already.
const FILES_MAX: usize = 4;
/// What `rate` is taken of.
const RATE_SECONDS: u32 = 60;

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub source: String,
    /// Unknown for what was never read.
    pub kind: Option<&'static str>,
    pub cluster: String,
    pub node: String,
    pub path: Option<Vec<u8>>,
}

impl Name {
    /// The log that a batch is of.
    pub fn of(header: &Header) -> Name {
        Name {
            source: header.source.clone(),
            kind: Some(header.kind.name()),
            cluster: header.cluster.clone(),
            node: header.node.clone(),
            path: header.file.as_ref().map(|file| file.path.clone()),
        }
    }
}

/// How far a file was read.
#[derive(Debug, Clone)]
struct End {
    file: (u64, u64, u64),
    end: u64,
    head: Hash,
}

/// An agent, as its newest word shows it.
#[derive(Debug, Clone)]
pub struct Agent {
    pub pulse: Pulse,
    pub heard: Heard,
}

/// What is known of a log.
#[derive(Debug, Default)]
pub struct Log {
    pub batches: u64,
    pub records: u64,
    pub bytes: u64,
    /// Records of it that are gone by retention.
    pub gone_records: u64,
    pub first: Option<Moment>,
    pub last: Option<Moment>,
    /// Its newest batch.
    pub leaf: Option<u64>,
    pub door: Option<Door>,
    pub bad_records: u64,
    pub gaps: u64,
    pub file_issues: u64,
    /// How its agent is, where one reads it.
    pub agent: Option<Agent>,
    /// The newest of these, in nanoseconds since 1970, and what it says.
    pub said: Option<(i64, String)>,
    recent_records: u64,
    recent_bytes: u64,
    /// The newest last.
    ends: Vec<End>,
}

impl Log {
    fn add(&mut self, leaf: u64, header: &Header, door: Door, received: Moment, now: Moment) {
        let bytes = header.end.saturating_sub(header.start);
        self.batches += 1;
        self.records += u64::from(header.records);
        self.bytes = self.bytes.saturating_add(bytes);
        self.first = self.first.filter(|first| first.nanos <= received.nanos).or(Some(received));
        self.last = self.last.filter(|last| last.nanos > received.nanos).or(Some(received));
        (self.leaf, self.door) = (Some(leaf), Some(door));
        let age = now.nanos.saturating_sub(received.nanos);
        if (0..i64::from(RATE_SECONDS) * 1_000_000_000).contains(&age) {
            self.recent_records += u64::from(header.records);
            self.recent_bytes = self.recent_bytes.saturating_add(bytes);
        }
        if let Some(file) = &header.file {
            let file = identity(file);
            self.ends.retain(|end| end.file != file);
            if self.ends.len() >= FILES_MAX {
                self.ends.remove(0);
            }
            self.ends.push(End { file, end: header.end, head: header.head });
        }
    }

    /// The end of the newest batch.
    pub fn position(&self) -> Option<u64> {
        self.ends.last().map(|end| end.end)
    }

    /// How far the file that lies there was read; `None` when it is another one, or begins anew. Its identity alone would not do: files are truncated, inodes are
    /// used again, a restored file is another one with the same bytes.
    pub fn end_of(&self, look: &Look) -> Option<u64> {
        let file = identity(&look.id);
        let fits = |end: &&End| look.size >= end.end && look.begins_with(&end.head, end.end);
        let newest_first = || self.ends.iter().rev();
        let same = newest_first().find(|end| end.file == file);
        if look.packed {
            return same.map(|end| end.end);
        }
        same.filter(fits).or_else(|| newest_first().find(fits)).map(|end| end.end)
    }

    /// Records and bytes a second, of the last minute.
    pub fn rate(&self) -> (f64, u64) {
        let records = f64::from(u32::try_from(self.recent_records).unwrap_or(u32::MAX)) / f64::from(RATE_SECONDS);
        ((records * 100.0).round() / 100.0, self.recent_bytes / u64::from(RATE_SECONDS))
    }

    /// Keeps the newest that was said.
    pub fn say(&mut self, when: i64, what: impl FnOnce() -> String) {
        if self.said.as_ref().is_none_or(|(before, _)| *before <= when) {
            self.said = Some((when, what()));
        }
    }
}

fn identity(file: &FileId) -> (u64, u64, u64) {
    (file.dev, file.ino, file.birth)
}

/// All logs of the store, and how many batches are of further ones.
pub fn all(view: &View, now: Moment) -> Result<(BTreeMap<Name, Log>, u64), AnswerError> {
    let mut logs: BTreeMap<Name, Log> = BTreeMap::new();
    let mut more = 0u64;
    for leaf in 0..view.reader.size() {
        view.in_time()?;
        let block = view.reader.block(leaf)?;
        let entry = block.entry();
        let header = &entry.header;
        // What an agent says of itself is a line of its own: it may read nothing.
        let of_agent = entry.envelope.door == Door::Agent && header.source == format!("{}:agent", header.node);
        if header.kind == RecordKind::Own && !of_agent {
            continue;
        }
        let name = Name::of(header);
        if logs.len() >= LINES_MAX && !logs.contains_key(&name) {
            more += 1;
            continue;
        }
        let log = logs.entry(name).or_default();
        log.add(leaf, header, entry.envelope.door, entry.envelope.received, now);
        if block.pruned().is_some() {
            log.gone_records = log.gone_records.saturating_add(u64::from(header.records));
        }
    }
    for ((cluster, node), heard) in heard::agents(view)? {
        let agent = Agent { pulse: heard.pulse(view, now)?, heard };
        let of_it =
            |name: &Name, log: &Log| log.door == Some(Door::Agent) && name.cluster == cluster && name.node == node;
        let of_it = logs.iter_mut().filter(|(name, log)| of_it(name, log));
        of_it.for_each(|(_, log)| log.agent = Some(agent.clone()));
    }
    Ok((logs, more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reading;
    use crate::source::look;
    use sha2::{Digest, Sha256};

    fn header(file: FileId, bytes: &[u8], end: usize) -> Header {
        let head = Sha256::digest(&bytes[..end.min(256)]).into();
        Header {
            source: "s".into(),
            epoch: [0; 16],
            seq: 0,
            previous: [0; 32],
            kind: RecordKind::Auditd,
            cluster: String::new(),
            node: String::new(),
            reading: Reading::default(),
            file: Some(file),
            start: 0,
            end: end as u64,
            head,
            before: [0; 32],
            prefix: [0; 32],
            continues: false,
            goes_on: false,
            boot: String::new(),
            wall: Moment { nanos: 0, digits: 9 },
            monotonic: 0,
            records: 3,
            root: [0; 32],
        }
    }

    fn at(seconds: i64) -> Moment {
        Moment { nanos: seconds * 1_000_000_000, digits: 9 }
    }

    #[test]
    fn a_file_is_the_one_that_was_read_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            look(&path).unwrap()
        };
        let seen = write("0123456789");
        let mut log = Log::default();
        log.add(0, &header(seen.id.clone(), b"0123456789", 5), Door::Tail, at(0), at(0));
        assert_eq!(log.end_of(&seen), Some(5));
        assert_eq!(log.end_of(&write("012")), None, "truncated");
        assert_eq!(log.end_of(&write("x123456789")), None, "written anew");
        let elsewhere = FileId { ino: 1, ..seen.id.clone() };
        let mut log = Log::default();
        log.add(0, &header(elsewhere, b"0123456789", 5), Door::Tail, at(0), at(0));
        assert_eq!(log.end_of(&write("0123456789")), Some(5), "restored: another inode, the same bytes");
        // Truncated and read again from its start: the newest batch of a file counts, not the highest.
        log.add(1, &header(seen.id.clone(), b"0123456789", 9), Door::Tail, at(0), at(0));
        log.add(2, &header(seen.id, b"0123456789", 2), Door::Tail, at(0), at(0));
        assert_eq!(log.end_of(&write("0123456789")), Some(2));
    }

    #[test]
    fn rates_are_of_the_last_minute() {
        let file = FileId { dev: 1, ino: 1, birth: 1, path: b"/a".to_vec() };
        let mut log = Log::default();
        for received in [at(0), at(50), at(100), at(120), at(180)] {
            log.add(0, &header(file.clone(), &[0; 600], 600), Door::Tail, received, at(120));
        }
        assert_eq!(log.rate(), (0.1, 20), "two of the batches; one is older than the minute, one of the future");
        assert_eq!((log.first, log.last, log.records), (Some(at(0)), Some(at(180)), 15));
    }

    #[test]
    fn few_ends_are_kept() {
        let mut log = Log::default();
        for ino in 0..1_000 {
            let file = FileId { dev: 1, ino, birth: 1, path: b"/a".to_vec() };
            log.add(ino, &header(file, &[0; 600], 600), Door::Tail, at(0), at(0));
        }
        assert_eq!((log.ends.len(), log.batches), (FILES_MAX, 1_000));
    }
}

//! When each log spoke, as the index knows it: stamps and places of the events of a time, by the file or stream that they were read from.
//!
//! No record is read for it. Not here: what is odd about a log (`clock`, `silent`), how far a log was read (`query::sources`).

use super::records::Name;
use super::told::Told;
use super::{Ask, Send};
use crate::evidence::{Door, Hash, Header};
use crate::index::{Plan, Window};
use crate::model::{Moment, RecordKind, RecordRef};
use crate::query::answer::AnswerError;
use crate::query::load::{self, Bytes};
use crate::source::log_of;
use crate::time::rfc3339;
use serde_json::json;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Events that are looked at, 24 bytes each; of more, the newest are.
const EVENTS_MAX: u64 = 1 << 22;
/// Batches whose file is remembered.
const BATCHES_MAX: usize = 1 << 20;
/// Halvings of a time until it holds few enough events: to the nanosecond.
const HALVINGS: usize = 64;

/// An event of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spoke {
    /// Where its first record in this file is.
    pub place: RecordRef,
    /// Its stamp.
    pub when: i64,
}

/// A file or stream, and its events in the order in which they were written.
#[derive(Debug)]
pub struct File {
    pub kind: RecordKind,
    pub name: Name,
    /// Who read it.
    pub source: String,
    /// The path of its log; without the name of a rotated file.
    pub log: String,
    /// It goes on being read.
    pub followed: bool,
    pub spoke: Vec<Spoke>,
}

/// One file is told from another one by this: the epoch of a stream, device, inode and birth of a file, and the hash of its first bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    kind: RecordKind,
    name: Name,
    source: String,
    file: Option<(u64, u64, u64, Vec<u8>)>,
    epoch: Option<[u8; 16]>,
    head: Option<Hash>,
}

/// Bytes that a batch's head covers: of a shorter file it will change.
const HEAD_BYTES: u64 = 256;

impl Identity {
    fn of(header: &Header) -> Identity {
        let file = header.file.as_ref();
        Identity {
            kind: header.kind,
            name: (header.cluster.clone(), header.node.clone()),
            source: header.source.clone(),
            file: file.map(|file| (file.dev, file.ino, file.birth, file.path.clone())),
            epoch: file.is_none().then_some(header.epoch),
            head: (header.end >= HEAD_BYTES).then_some(header.head),
        }
    }
}

/// All files of the events that a plan finds, and since when where there were too many.
pub fn files(ask: &Ask<'_>, plan: &Plan, send: &mut Send<'_>) -> Result<Vec<File>, AnswerError> {
    let window = newest(ask, plan)?;
    if window.since != ask.window.since {
        let since = rfc3339(Moment { nanos: window.since.unwrap_or(0), digits: 3 });
        let limit =
            format!("clocks and silent logs: the newest {EVENTS_MAX} events were looked at, those since {since}");
        send(Told { line: json!({ "limit": limit }), events: Vec::new() })?;
    }
    let mut read = Reading { ask, files: Vec::new(), known: HashMap::new(), batches: HashMap::new(), last: None };
    let mut failed = None;
    ask.view.searcher.select(plan, window)?.for_each(false, &mut |hit| {
        let mut batch = None;
        for place in hit.places.iter() {
            if batch == Some(place.leaf) {
                continue;
            }
            batch = Some(place.leaf);
            if let Err(error) = read.add(Spoke { place, when: hit.when }) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    failed.map_or(Ok(()), Err)?;
    let mut files = read.files;
    for file in &mut files {
        file.spoke.sort_unstable();
    }
    Ok(files)
}

/// The window, or as much of its end as holds few enough events.
fn newest(ask: &Ask<'_>, plan: &Plan) -> Result<Window, AnswerError> {
    let count = |window: Window| ask.view.searcher.select(plan, window).map(|found| found.count());
    if count(ask.window)? <= EVENTS_MAX {
        return Ok(ask.window);
    }
    let (mut low, mut high) = (ask.window.since.unwrap_or(0), ask.window.until.unwrap_or(ask.now.nanos));
    for _ in 0..HALVINGS {
        ask.view.in_time()?;
        let middle = low.midpoint(high);
        if middle <= low {
            break;
        }
        if count(Window { since: Some(middle), until: ask.window.until })? <= EVENTS_MAX {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(Window { since: Some(high), until: ask.window.until })
}

struct Reading<'a> {
    ask: &'a Ask<'a>,
    files: Vec<File>,
    known: HashMap<Identity, usize>,
    batches: HashMap<u64, usize>,
    /// The batch that was asked for last, and its file.
    last: Option<(u64, usize)>,
}

impl Reading<'_> {
    fn add(&mut self, spoke: Spoke) -> Result<(), AnswerError> {
        let leaf = spoke.place.leaf;
        let at = match self.last.filter(|(last, _)| *last == leaf) {
            Some((_, at)) => at,
            None => self.file(leaf)?,
        };
        self.last = Some((leaf, at));
        if let Some(file) = self.files.get_mut(at) {
            file.spoke.push(spoke);
        }
        Ok(())
    }

    fn file(&mut self, leaf: u64) -> Result<usize, AnswerError> {
        if let Some(at) = self.batches.get(&leaf) {
            return Ok(*at);
        }
        self.ask.view.in_time()?;
        let entry = self.ask.view.reader.entry(leaf)?;
        let header = &entry.header;
        let identity = Identity::of(header);
        let at = match self.known.get(&identity) {
            Some(at) => *at,
            None => {
                let path = identity.file.as_ref().map(|(.., path)| log_of(Path::new(OsStr::from_bytes(path))));
                let log = path.map_or_else(|| header.source.clone(), |path| path.to_string_lossy().into_owned());
                self.files.push(File {
                    kind: header.kind,
                    name: identity.name.clone(),
                    source: header.source.clone(),
                    log,
                    followed: entry.envelope.door != Door::Ingest,
                    spoke: Vec::new(),
                });
                self.known.insert(identity, self.files.len() - 1);
                self.files.len() - 1
            }
        };
        if self.batches.len() < BATCHES_MAX {
            self.batches.insert(leaf, at);
        }
        Ok(at)
    }
}

/// The record of a place, with its batch.
pub fn record(ask: &Ask<'_>, place: RecordRef) -> Result<(Arc<crate::evidence::Entry>, Bytes), AnswerError> {
    let entry = ask.view.reader.entry(place.leaf)?;
    Ok((entry, Bytes::Whole(ask.view.reader.record(place)?)))
}

/// The event that a record is of.
pub fn id(ask: &Ask<'_>, place: RecordRef) -> Result<Option<crate::model::EventId>, AnswerError> {
    let (entry, bytes) = record(ask, place)?;
    Ok(crate::normalise::key(entry.header.kind, load::context(&entry), &bytes).ok().map(|key| key.id))
}

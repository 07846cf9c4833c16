//! Finds where to go on in a file: at the end of its longest prefix that was consumed before.
//!
//! Inside: the rule, pure. A cursor that does not match the file's bytes is never guessed around: then the file is new.
//! Not here: where the candidates come from and which are asked for when (`resume`), reading (`reader`, `tail`).

use super::batch::format_of;
use super::cursor::Cursor;
use super::prefix::Prefix;
use crate::evidence::Hash;
use crate::model::RecordKind;
use deponent_parsers::frame::Framer;

/// The state of reading behind a consumed prefix.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub(super) framer: Framer,
    /// Consumed bytes that begin a record which was not finished there.
    pub(super) unfinished: Vec<u8>,
    pub(super) prefix: Prefix,
    pub(super) records: u64,
    pub(super) continues: bool,
}

impl Snapshot {
    /// At the start of a file.
    pub(super) fn of_nothing(framer: Framer) -> Snapshot {
        Snapshot { framer, unfinished: Vec::new(), prefix: Prefix::default(), records: 0, continues: false }
    }

    /// Bytes that were consumed.
    pub fn end(&self) -> u64 {
        self.prefix.len()
    }

    /// Records in them.
    pub fn records(&self) -> u64 {
        self.records
    }
}

/// Where a batch ended and the next one may have started: so much of a file was consumed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joint {
    /// Bytes before it.
    pub(super) end: u64,
    /// H(bytes [0, end)).
    pub(super) prefix: Hash,
    /// The last record goes on behind `end`.
    pub(super) goes_on: bool,
}

/// Goes once over a file from its start and compares with each candidate at its end.
#[derive(Debug)]
pub struct Scan {
    /// Ascending by `end`.
    candidates: Vec<Joint>,
    next: usize,
    framer: Framer,
    unread: Vec<u8>,
    at: usize,
    prefix: Prefix,
    records: u64,
    continues: bool,
    best: Option<Snapshot>,
    matched: Vec<(u64, Hash)>,
}

impl Scan {
    /// Over a file of `kind` with these candidates.
    pub fn new(kind: RecordKind, mut candidates: Vec<Cursor>) -> Scan {
        candidates.retain(|cursor| cursor.kind == kind);
        let joint = |cursor: Cursor| Joint { end: cursor.end, prefix: cursor.prefix, goes_on: cursor.goes_on };
        Scan::behind(kind, None, candidates.into_iter().map(joint))
    }

    /// Over the rest of a file, behind what was gone over before, with the candidates that lie there.
    pub(super) fn behind(
        kind: RecordKind,
        snapshot: Option<&Snapshot>,
        candidates: impl IntoIterator<Item = Joint>,
    ) -> Scan {
        let end = snapshot.map_or(0, Snapshot::end);
        let mut candidates: Vec<Joint> = candidates.into_iter().filter(|joint| joint.end > end).collect();
        candidates.sort_by_key(|joint| joint.end);
        let framer = || Framer::new(format_of(kind));
        let snapshot = snapshot.cloned().unwrap_or_else(|| Snapshot::of_nothing(framer()));
        Scan {
            candidates,
            next: 0,
            records: snapshot.records.saturating_sub(u64::from(!snapshot.unfinished.is_empty())),
            framer: snapshot.framer,
            unread: snapshot.unfinished,
            at: 0,
            prefix: snapshot.prefix,
            continues: snapshot.continues,
            best: None,
            matched: Vec::new(),
        }
    }

    /// No candidate is left: more bytes would decide nothing.
    pub fn is_done(&self) -> bool {
        self.next >= self.candidates.len()
    }

    /// Bytes gone over.
    pub fn end(&self) -> u64 {
        self.prefix.len()
    }

    /// More bytes of the file; returns how many were gone over: fewer than all once it is done.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0usize;
        while let Some(next) = self.candidates.get(self.next) {
            let rest = bytes.get(taken..).unwrap_or_default();
            let wanted = next.end.saturating_sub(self.prefix.len());
            let part = rest.get(..usize::try_from(wanted).unwrap_or(usize::MAX)).unwrap_or(rest);
            self.cut(part);
            taken = taken.saturating_add(part.len());
            if (part.len() as u64) < wanted {
                break;
            }
            self.compare();
        }
        taken
    }

    /// Where to go on, and the consumed prefixes that this file has, as (end, hash). `None`: nothing of it was consumed before.
    pub fn finish(self) -> (Option<Snapshot>, Vec<(u64, Hash)>) {
        (self.best, self.matched)
    }

    /// Bytes gone over that begin a record which is not finished here.
    pub(super) fn unfinished(&self) -> &[u8] {
        self.unread.get(self.at..).unwrap_or_default()
    }

    /// The state of reading here. `goes_on`: a record is known to go on here.
    pub(super) fn snapshot(&self, goes_on: bool) -> Snapshot {
        let unfinished = self.unfinished().to_vec();
        Snapshot {
            framer: self.framer.clone(),
            records: self.records.saturating_add(u64::from(!unfinished.is_empty())),
            continues: unfinished.is_empty() && (self.continues || goes_on),
            unfinished,
            prefix: self.prefix.clone(),
        }
    }

    /// More bytes of the file, without a comparison.
    pub(super) fn cut(&mut self, part: &[u8]) {
        self.prefix.update(part);
        self.unread.drain(..self.at);
        self.at = 0;
        self.unread.extend_from_slice(part);
        loop {
            let unread = self.unread.get(self.at..).unwrap_or_default();
            if unread.is_empty() {
                return;
            }
            let Some(cut) = self.framer.next(unread, false) else { return };
            self.at = self.at.saturating_add(cut.len.max(1)).min(self.unread.len());
            self.records = self.records.saturating_add(1);
            self.continues = cut.goes_on;
        }
    }

    /// At the end of one or more candidates.
    fn compare(&mut self) {
        let hash = self.prefix.hash();
        while let Some(cursor) = self.candidates.get(self.next)
            && cursor.end == self.prefix.len()
        {
            self.next = self.next.saturating_add(1);
            if cursor.prefix != hash {
                continue;
            }
            let goes_on = cursor.goes_on;
            self.matched.push((self.prefix.len(), hash));
            self.best = Some(self.snapshot(goes_on));
        }
    }
}

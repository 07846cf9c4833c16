//! What a reader hands out: a block's entry and places, and one record's bytes.

use std::fmt;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;

use super::block::{Keys, Place, Table};
use super::entry::Entry;
use super::error::EvidenceError;

/// A log entry with the places of its records.
pub struct Block {
    pub(super) entry: Arc<Entry>,
    pub(super) keys: Keys,
    pub(super) table: Table,
    /// Its records are gone, as this log entry says.
    pub(super) pruned: Option<u64>,
    /// The file it was read from: retention puts another one in its place.
    pub(super) inode: u64,
    /// The segment it lies in, and where.
    pub(super) path: PathBuf,
    pub(super) start: u64,
    /// Where its frames start in the segment.
    pub(super) frames_at: u64,
}

impl Block {
    /// The log entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Records of the batch.
    pub fn records(&self) -> u32 {
        self.entry.header.records
    }

    /// The log entry that says that the records are gone by retention; what it says is not looked at here (`Reader::record`).
    pub fn pruned(&self) -> Option<u64> {
        self.pruned
    }

    /// Length of each record in bytes, in order; 0 for a redacted one.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.table.records.iter().map(|record| record.length)
    }

    /// What it costs to keep.
    pub(super) fn memory_bytes(&self) -> usize {
        2 * self.entry.bytes().len()
            + self.table.records.len() * size_of::<Place>()
            + self.table.frames.len() * 20
            + 512
            + if matches!(self.keys, Keys::Each(_)) { self.table.records.len() * 33 } else { 0 }
    }

    pub(super) fn damaged(&self, what: &str) -> EvidenceError {
        EvidenceError::Damaged { path: self.path.clone(), offset: self.start, what: what.to_owned() }
    }
}

/// The records of one frame of a batch.
#[derive(Debug, Clone, Copy)]
pub struct FrameRecords<'a> {
    /// Number of the first in its batch.
    pub first: usize,
    /// Their bytes, one behind the other.
    pub bytes: &'a [u8],
    /// Where each ends in `bytes`.
    pub ends: &'a [usize],
}

/// The bytes of one record; they are not copied.
#[derive(Clone)]
pub struct Record {
    frame: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Record {
    pub(super) fn new(frame: Arc<Vec<u8>>, place: Place) -> Option<Record> {
        place.within(&frame)?;
        let start = usize::try_from(place.start).ok()?;
        let length = usize::try_from(place.length).ok()?;
        Some(Record { frame, range: start..start.checked_add(length)? })
    }
}

impl Deref for Record {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.frame.get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({:?})", String::from_utf8_lossy(self))
    }
}

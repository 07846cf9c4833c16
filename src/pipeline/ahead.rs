//! Log entries read ahead of the indexer: their records out of their frames, and the event that each belongs to.
//!
//! Half of the work of indexing depends on nothing but the log; here it is done on a thread of its own, so that the indexer, which must go in order, does
//! the other half only. Not here: records in parts, which need what came before (`indexer`).

use super::{PipelineError, spawn};
use crate::evidence::{Entry, EvidenceError, Reader, Record};
use crate::model::{RecordKind, RecordRef};
use crate::normalise::{self, Bad, Context, Key};
use crate::query::load;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// Entries that are read and not yet taken.
const ENTRIES: usize = 2;
/// Entries for which a thread is worth its start.
const WORTH: u64 = 4;

/// One log entry with its records.
pub struct ReadEntry {
    /// Its number.
    pub leaf: u64,
    /// What its header says.
    pub entry: Arc<Entry>,
    /// Its records in order; none where they are gone by retention.
    pub records: Vec<(Record, Owner)>,
}

/// To what a record belongs.
pub enum Owner {
    /// An event, or none for a reason.
    Event(Result<Key, Bad>),
    /// It begins in an earlier entry or ends in a later one.
    Part,
}

/// The event that a whole record belongs to; `keys` is a memory for the next ones.
pub fn owner(keys: &mut normalise::Keys, kind: RecordKind, context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
    match load::too_long(record) {
        Some(bad) => Err(bad),
        None => keys.key(kind, context, record),
    }
}

fn read(reader: &Reader, keys: &mut normalise::Keys, leaf: u64) -> Result<ReadEntry, PipelineError> {
    let entry = reader.entry(leaf)?;
    let (header, context) = (&entry.header, load::context(&entry));
    let last = header.records.saturating_sub(1);
    let mut records = Vec::with_capacity(usize::try_from(header.records).unwrap_or(0).min(1 << 16));
    for number in 0..header.records {
        let record = match reader.record(RecordRef { leaf, record: number }) {
            Ok(record) => record,
            Err(EvidenceError::Pruned { .. }) => break,
            Err(error) => return Err(error.into()),
        };
        let is_part = number == 0 && header.continues || number == last && header.goes_on;
        let owner = if is_part { Owner::Part } else { Owner::Event(owner(keys, header.kind, context, &record)) };
        records.push((record, owner));
    }
    Ok(ReadEntry { leaf, entry, records })
}

/// Calls back with the entries `from..size`, in order, until it fails.
pub fn each(
    reader: &Reader,
    from: u64,
    size: u64,
    take: &mut dyn FnMut(ReadEntry) -> Result<(), PipelineError>,
) -> Result<(), PipelineError> {
    let mut keys = normalise::Keys::default();
    if size.saturating_sub(from) < WORTH {
        return (from..size).try_for_each(|leaf| take(read(reader, &mut keys, leaf)?));
    }
    std::thread::scope(|scope| {
        let (send, entries) = sync_channel(ENTRIES);
        let ahead = spawn(scope, "read-ahead", move || {
            for leaf in from..size {
                let entry = read(reader, &mut keys, leaf);
                let failed = entry.is_err();
                if send.send(entry).is_err() || failed {
                    break;
                }
            }
        })?;
        let taken = entries.iter().try_for_each(|entry| take(entry?));
        drop(entries);
        ahead.join().map_err(|_| PipelineError::Gone { what: "the reading of the log" })?;
        taken
    })
}

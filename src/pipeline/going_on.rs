//! Records that go on over several batches and whose rest has not come yet; bounded.
//!
//! Not here: what becomes of them (`indexer`), which batch continues which (`query::load::Joint`).

use super::PipelineError;
use crate::evidence::{Entry, EvidenceError, Reader};
use crate::model::RecordRef;
use crate::query::load::{Joint, RECORD_BYTES_MAX};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Records that wait at once.
const WAITING_MAX: usize = 256;
/// Their bytes together.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// A record is given up when its rest has not come for so many log entries.
const ENTRIES_MAX: u64 = 4_096;

/// A record as far as it has come.
pub struct GoingOn {
    /// Its parts.
    pub parts: Vec<RecordRef>,
    /// Their bytes; cut off beyond the longest record that is read, so that memory is bounded.
    pub bytes: Vec<u8>,
    /// The log entry of its first part.
    pub entry: Arc<Entry>,
}

impl GoingOn {
    /// Adds the next part.
    pub fn add(&mut self, at: RecordRef, bytes: &[u8]) {
        self.parts.push(at);
        // Beyond the limit it is bad whatever comes.
        if self.bytes.len() <= RECORD_BYTES_MAX {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Those that wait, by where they go on. Equal bytes under equal names may wait several times: any of them is as good.
#[derive(Default)]
pub struct Waiting {
    records: BTreeMap<Joint, Vec<GoingOn>>,
    count: usize,
    bytes: usize,
}

impl Waiting {
    /// Those that wait before log entry `next`, as they were when the index was committed.
    pub fn read(reader: &Reader, next: u64) -> Result<Waiting, PipelineError> {
        let mut waiting = Waiting::default();
        for leaf in next.saturating_sub(ENTRIES_MAX)..next {
            let entry = reader.entry(leaf)?;
            let header = &entry.header;
            let before = if header.continues { waiting.take(&Joint::start(header)) } else { None };
            if !header.goes_on {
                continue;
            }
            let at = RecordRef { leaf, record: header.records.saturating_sub(1) };
            let mut record = match before {
                Some(before) if header.records == 1 => before,
                // Its beginning lies further back: it is looked for when its rest comes.
                None if header.continues && header.records == 1 => continue,
                _ => GoingOn { parts: Vec::new(), bytes: Vec::new(), entry: Arc::clone(&entry) },
            };
            let bytes = match reader.record(at) {
                Ok(bytes) => bytes,
                Err(EvidenceError::Pruned { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            record.add(at, &bytes);
            waiting.put(Joint::end(header), record);
        }
        Ok(waiting)
    }

    /// One waits for its rest.
    pub fn put(&mut self, at: Joint, record: GoingOn) {
        self.count += 1;
        self.bytes += record.bytes.len();
        self.records.entry(at).or_default().push(record);
    }

    /// The one that goes on here.
    pub fn take(&mut self, at: &Joint) -> Option<GoingOn> {
        let records = self.records.get_mut(at)?;
        let record = records.pop();
        if records.is_empty() {
            self.records.remove(at);
        }
        if let Some(record) = &record {
            self.count -= 1;
            self.bytes -= record.bytes.len();
        }
        record
    }

    /// One that has waited too long at log entry `leaf`, or for which there is no room.
    pub fn overdue(&mut self, leaf: u64) -> Option<GoingOn> {
        let last = |record: &GoingOn| record.parts.last().map_or(0, |at| at.leaf);
        let oldest = self.records.iter().flat_map(|(at, records)| records.iter().map(move |record| (last(record), at)));
        let (oldest, at) = oldest.min().map(|(oldest, at)| (oldest, at.clone()))?;
        let crowded = self.count > WAITING_MAX || self.bytes > WAITING_BYTES_MAX;
        if crowded || leaf.saturating_sub(oldest) > ENTRIES_MAX { self.take(&at) } else { None }
    }
}

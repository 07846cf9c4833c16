//! Groups records into events as they come by: which records belong together, and when an event is probably complete.
//!
//! What an event *is* never depends on this: an event that was let go too early is amended by its late records. Here is only memory, bounded.
//! Not here: reading and writing (`indexer`), what records mean (`normalise`).

use crate::evidence::Entry;
use crate::index::{IndexError, Places};
use crate::model::{EventId, RecordRef};
use crate::normalise::Key;
use crate::query::load::{EVENT_BYTES_MAX, EVENT_RECORDS_MAX};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Bytes of records that open events hold together.
const OPEN_BYTES_MAX: usize = 48 << 20;
/// Events that are open at once.
const OPEN_EVENTS_MAX: usize = 50_000;
/// Events that seem complete wait for so many others, since records of one event may be out of order.
const LINGER_EVENTS: usize = 256;
/// Places that an event keeps of one record that came again and again, byte for byte; the others stay in the log and are counted.
pub const WITNESSES_MAX: usize = 4;

/// The records of one event that have come by and are not in the index yet.
#[derive(Debug)]
pub struct Open {
    /// What they belong to.
    pub key: Key,
    /// The log entry of its first record.
    pub entry: Arc<Entry>,
    /// Where they lie; a record's parts one by one.
    pub places: Places,
    /// Distinct records.
    pub records: Vec<OpenRecord>,
    /// Records that came again, byte for byte.
    pub repeated: u64,
    bytes: usize,
    complete: bool,
}

/// One record of an open event.
#[derive(Debug)]
pub struct OpenRecord {
    /// Its first part.
    pub at: RecordRef,
    /// How many parts it has.
    pub parts: u64,
    /// Its bytes, parts joined.
    pub bytes: Box<[u8]>,
    witnesses: usize,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is part of its event.
    Yes,
    /// Its event is full.
    Full,
}

/// Events on their way.
#[derive(Debug, Default)]
pub struct Assembler {
    open: HashMap<EventId, Open, foldhash::fast::RandomState>,
    arrival: VecDeque<EventId>,
    complete: VecDeque<EventId>,
    bytes: usize,
}

impl Assembler {
    /// Adds a record of an event. Call `overflow` until it has no more.
    pub fn add(
        &mut self,
        key: Key,
        entry: &Arc<Entry>,
        parts: &[RecordRef],
        bytes: &[u8],
    ) -> Result<Added, IndexError> {
        let (id, last) = (key.id, key.last);
        let Some(at) = parts.first().copied() else { return Ok(Added::Yes) };
        let open = self.open.entry(id).or_insert_with(|| {
            self.arrival.push_back(id);
            let entry = Arc::clone(entry);
            Open { key, entry, places: Places::default(), records: Vec::new(), repeated: 0, bytes: 0, complete: false }
        });
        let full = open.records.len() >= EVENT_RECORDS_MAX || open.bytes.saturating_add(bytes.len()) > EVENT_BYTES_MAX;
        let witnesses = match open.records.iter_mut().find(|record| &*record.bytes == bytes) {
            Some(known) => {
                open.repeated += u64::try_from(parts.len()).unwrap_or(u64::MAX);
                known.witnesses += 1;
                known.witnesses
            }
            None if full => return Ok(Added::Full),
            None => {
                let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
                open.records.push(OpenRecord { at, parts: count, bytes: bytes.into(), witnesses: 1 });
                open.bytes += bytes.len();
                self.bytes += bytes.len();
                1
            }
        };
        if witnesses <= WITNESSES_MAX {
            for part in parts {
                open.places.push(*part)?;
            }
        }
        if last && !open.complete {
            open.complete = true;
            self.complete.push_back(id);
        }
        Ok(Added::Yes)
    }

    /// An event that should go now: complete for long enough, or pushed out by the bounds.
    pub fn overflow(&mut self) -> Option<Open> {
        while self.complete.len() > LINGER_EVENTS {
            if let Some(open) = self.complete.pop_front().and_then(|id| self.take(id)) {
                return Some(open);
            }
        }
        if self.bytes > OPEN_BYTES_MAX || self.open.len() > OPEN_EVENTS_MAX {
            return self.oldest();
        }
        None
    }

    /// The event that has been open longest; `None` when there is none.
    pub fn oldest(&mut self) -> Option<Open> {
        while let Some(id) = self.arrival.pop_front() {
            if let Some(open) = self.take(id) {
                return Some(open);
            }
        }
        self.complete.clear();
        None
    }

    fn take(&mut self, id: EventId) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.bytes = self.bytes.saturating_sub(open.records.iter().map(|record| record.bytes.len()).sum());
        // Most events leave in the order in which they came.
        while self.arrival.front().is_some_and(|front| !self.open.contains_key(front)) {
            self.arrival.pop_front();
        }
        Some(open)
    }
}

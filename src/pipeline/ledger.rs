//! From drafts to durable, signed log entries: one fdatasync a group, one checkpoint a second.
//!
//! What `durable` has been told is acknowledged: it survives a crash. Not here: formats and files (`evidence`), reading (`source`).

use super::PipelineError;
use super::cursors::Cursors;
use crate::evidence::{Door, Draft, Envelope, Writer};
use crate::model::Moment;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

/// Drafts of one group at most.
const GROUP_DRAFTS: usize = 32;
/// Bytes of one group at most, about.
const GROUP_BYTES: usize = 8 << 20;
/// Log entries after which a checkpoint is signed at once.
const PUBLISH_ENTRIES: u64 = 1_024;
/// Age of the oldest durable entry without a checkpoint at which one is signed.
const PUBLISH_AGE: Duration = Duration::from_secs(1);

/// What the ledger is handed.
pub enum Item {
    /// A batch.
    Draft(Box<Draft>),
    /// Answered when everything before it is durable and its place in its file is known to `Cursors`.
    Barrier(SyncSender<()>),
}

/// The owner of the evidence.
pub struct Ledger {
    /// The store.
    pub writer: Writer,
    /// How far files have been read.
    pub cursors: Cursors,
    /// By which door batches come.
    pub door: Door,
    /// The present.
    pub clock: fn() -> Moment,
}

impl Ledger {
    /// Writes until the senders are gone; `durable` gets the number of durable entries after each group. Returns the store, signed and idle.
    pub fn run(mut self, items: &Receiver<Item>, durable: &mut dyn FnMut(u64)) -> Result<Writer, PipelineError> {
        let mut unsigned_since: Option<Instant> = None;
        let mut signed = self.writer.size();
        loop {
            let wait = unsigned_since.map_or(PUBLISH_AGE, |since| PUBLISH_AGE.saturating_sub(since.elapsed()));
            let first = match items.recv_timeout(wait) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(first) = first {
                let size = self.group(first, items)?;
                durable(size);
                unsigned_since.get_or_insert_with(Instant::now);
            }
            let due = unsigned_since.is_some_and(|since| since.elapsed() >= PUBLISH_AGE);
            if due || self.writer.size().saturating_sub(signed) >= PUBLISH_ENTRIES {
                signed = self.writer.publish()?.size;
                unsigned_since = None;
            }
        }
        self.writer.sync()?;
        self.writer.publish()?;
        Ok(self.writer)
    }

    /// Appends what is there, up to a bound, and makes it durable with one sync.
    fn group(&mut self, first: Item, items: &Receiver<Item>) -> Result<u64, PipelineError> {
        let mut barriers = Vec::new();
        let mut bytes = 0usize;
        let mut next = Some(first);
        let mut count = 0;
        let mut cursors = Vec::new();
        while let Some(item) = next.take() {
            match item {
                Item::Barrier(reply) => barriers.push(reply),
                Item::Draft(draft) => {
                    bytes = bytes.saturating_add(draft.bytes.len());
                    let cursor = Cursors::entry(&draft);
                    let envelope = Envelope::witnessed((self.clock)(), self.door, None);
                    let leaf = self.writer.append(*draft, &envelope)?;
                    cursors.extend(cursor.map(|(cursor, before)| (cursor, before, leaf)));
                }
            }
            count += 1;
            if bytes < GROUP_BYTES && count < GROUP_DRAFTS {
                next = items.try_recv().ok();
            }
        }
        // A crash before this loses what nobody was told is safe; files are read again from where the log ends.
        let size = self.writer.sync()?;
        self.cursors.record(&cursors, size)?;
        for barrier in barriers {
            // Whoever waited is gone: nothing is owed to them.
            let _gone = barrier.send(());
        }
        Ok(size)
    }
}

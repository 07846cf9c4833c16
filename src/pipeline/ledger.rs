//! From drafts to durable, signed log entries: one fdatasync a group, one checkpoint a second.
//!
//! What `durable` has been told is acknowledged: it survives a crash. Not here: formats and files (`evidence`), reading (`source`), what is made of a request (`serve`).

use super::PipelineError;
use super::cursors::Cursors;
use super::senders::{SenderInfo, Senders};
use super::taking::{Group, Sent};
use crate::evidence::{Door, Draft, Envelope, Statement, Writer};
use crate::model::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Items of one group at most.
const GROUP_ITEMS: usize = 64;
/// Bytes of one group at most, about.
const GROUP_BYTES: usize = 8 << 20;
/// Log entries after which a checkpoint is signed at once.
const PUBLISH_ENTRIES: u64 = 1_024;
/// Age of the oldest durable entry without a checkpoint at which one is signed.
const PUBLISH_AGE: Duration = Duration::from_secs(1);

/// The source of records that say who asked what.
pub const ACCESS: &str = "access";

/// What the ledger is handed.
pub enum Item {
    /// A batch that was read here.
    Draft(Box<Draft>),
    /// What came in by a door, from somebody whose identity was checked: batches, and who waits for them to be durable.
    Delivered(Box<Delivered>),
    /// What an agent has sealed.
    Sent(Box<Sent>),
    /// An operator accepts a node's agent again, whatever it was quarantined for.
    Accept {
        /// The node's cluster.
        cluster: String,
        /// The node.
        node: String,
        /// Whether the node is known, once that is durable.
        reply: oneshot::Sender<bool>,
    },
    /// Who sends, as it is now.
    Senders(oneshot::Sender<Vec<SenderInfo>>),
    /// What is gone is said in the log and signed; told once that is published: the log entry.
    Retain(Box<Statement>, SyncSender<u64>),
    /// Nothing that comes behind it is taken; doors may still hold their ends of the channel.
    Stop,
    /// Answered when everything before it is durable and its place in its file is known to `Cursors`.
    Barrier(SyncSender<()>),
}

/// Batches that came in by a door.
pub struct Delivered {
    /// The batches, in order.
    pub drafts: Vec<Draft>,
    /// By which way.
    pub door: Door,
    /// From whom.
    pub peer: Option<String>,
    /// Told once they are durable: the log entry of the last one.
    pub reply: oneshot::Sender<u64>,
}

impl Delivered {
    /// Whether it says who asked what, and nothing else.
    fn is_access(&self) -> bool {
        self.door == Door::Own && self.drafts.iter().all(|draft| draft.source == ACCESS)
    }
}

/// The owner of the evidence.
pub struct Ledger {
    /// The store.
    pub writer: Writer,
    /// How far files have been read.
    pub cursors: Cursors,
    /// Who sends, and how far their chains have come.
    pub senders: Senders,
    /// By which door what is read here comes.
    pub door: Door,
    /// The present.
    pub clock: fn() -> Moment,
    /// Log entries up to the last one that is more than the access log: what an answer must rest on to be whole.
    pub content: Arc<AtomicU64>,
}

impl Ledger {
    /// Writes until the senders are gone or one says stop; `durable` gets the number of durable entries after each group. Returns the store, signed and idle.
    pub fn run(mut self, items: &Receiver<Item>, durable: &mut dyn FnMut(u64)) -> Result<Writer, PipelineError> {
        let mut unsigned_since: Option<Instant> = None;
        let mut signed = self.writer.size();
        loop {
            let wait = unsigned_since.map_or(PUBLISH_AGE, |since| PUBLISH_AGE.saturating_sub(since.elapsed()));
            let first = match items.recv_timeout(wait) {
                Ok(Item::Stop) => break,
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(first) = first {
                let (size, stop) = self.group(first, items)?;
                durable(size);
                unsigned_since.get_or_insert_with(Instant::now);
                if stop {
                    break;
                }
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

    /// Appends what is there, up to a bound, and makes it durable with one sync. Gives the durable size, and whether that was the end.
    fn group(&mut self, first: Item, items: &Receiver<Item>) -> Result<(u64, bool), PipelineError> {
        let mut group = Group::default();
        let mut next = Some(first);
        let (mut count, mut stop) = (0, false);
        while let Some(item) = next.take() {
            if matches!(item, Item::Stop) {
                stop = true;
                break;
            }
            let is_access = matches!(&item, Item::Delivered(delivered) if delivered.is_access());
            self.take(item, &mut group)?;
            if !is_access {
                // Before it is durable: nobody is told that an answer is whole because this was late.
                self.content.store(self.writer.size(), Ordering::Release);
            }
            count += 1;
            if group.bytes < GROUP_BYTES && count < GROUP_ITEMS {
                next = items.try_recv().ok();
            }
        }
        // A crash before this loses what nobody was told is safe; files are read again from where the log ends, agents send again.
        let size = self.writer.sync()?;
        for (cluster, node, source) in &group.touched {
            self.senders.write(cluster, node, source)?;
        }
        self.cursors.record(&group.cursors, size)?;
        group.answer(&self.writer)?;
        Ok((size, stop))
    }

    fn take(&mut self, item: Item, group: &mut Group) -> Result<(), PipelineError> {
        match item {
            Item::Stop => {}
            Item::Senders(reply) => {
                let _gone = reply.send(self.senders.list());
            }
            Item::Barrier(reply) => group.barriers.push(reply),
            Item::Retain(statement, reply) => {
                let leaf = self.writer.retain(&statement, (self.clock)())?;
                let _gone = reply.send(leaf);
            }
            Item::Draft(draft) => {
                let envelope = Envelope::witnessed((self.clock)(), self.door, None);
                let cursor = Cursors::entry(&draft);
                let leaf = self.draft(*draft, &envelope, group)?;
                group.cursors.extend(cursor.map(|(cursor, before)| (cursor, before, leaf)));
            }
            Item::Delivered(delivered) => {
                let Delivered { drafts, door, peer, reply } = *delivered;
                let envelope = Envelope::witnessed((self.clock)(), door, peer);
                let mut last = self.writer.size().saturating_sub(1);
                for draft in drafts {
                    last = self.draft(draft, &envelope, group)?;
                }
                group.delivered.push((last, reply));
            }
            Item::Sent(sent) => {
                let Sent { reply, .. } = &*sent;
                // Whoever sent it is gone and will send it again.
                if !reply.is_closed() {
                    let taken = self.take_sent(*sent, group)?;
                    group.sent.push(taken);
                }
            }
            Item::Accept { cluster, node, reply } => self.accept(cluster, node, reply, group)?,
        }
        Ok(())
    }

    pub(super) fn draft(&mut self, draft: Draft, envelope: &Envelope, group: &mut Group) -> Result<u64, PipelineError> {
        group.bytes = group.bytes.saturating_add(draft.bytes.len());
        Ok(self.writer.append(draft, envelope)?)
    }
}

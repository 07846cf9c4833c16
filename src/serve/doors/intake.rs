//! The way from a door to the ledger: bounded in bytes, and acknowledged only when what was handed in is durable.
//!
//! Not here: protocols.

use super::super::hand::{QUEUE_TIMEOUT, Unhanded, hand};
use super::counts::{DoorCounts, Reason};
use super::rate::Rate;
use crate::config::ThirdDoor;
use crate::evidence::{Door, Draft, Hash};
use crate::model::{Moment, RecordKind};
use crate::pipeline::{Delivered, Item, Room};
use crate::source::{Batcher, Label, Messages, Stop};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How long it may take to make it durable.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause before a disk that is full is looked at again.
const DISK_PAUSE: Duration = Duration::from_millis(200);
/// Bytes of one permit.
const PERMIT_BYTES: usize = 1 << 10;

/// Why something is not durable, or is not known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undelivered {
    /// More comes in than becomes durable.
    Full,
    /// The disk of the store is full.
    Disk,
    /// The collector ends.
    Stopping,
}

/// What all connections of a door share.
pub struct Intake {
    /// Its configuration.
    pub config: ThirdDoor,
    /// Its numbers.
    pub counts: Arc<DoorCounts>,
    /// The present.
    pub clock: fn() -> Moment,
    /// The store's folder, whose disk may be full.
    pub store: PathBuf,
    items: SyncSender<Item>,
    room: Arc<Semaphore>,
    rate: Rate,
    disk: Arc<Room>,
}

impl Intake {
    /// Of a door.
    pub fn new(
        config: ThirdDoor,
        items: SyncSender<Item>,
        store: &Path,
        clock: fn() -> Moment,
        counts: Arc<DoorCounts>,
        disk: Arc<Room>,
    ) -> Intake {
        let room = Arc::new(Semaphore::new(config.limits.held_bytes.div_ceil(PERMIT_BYTES)));
        let rate = Rate::new(config.limits.bytes_per_second);
        Intake { config, counts, clock, store: store.to_owned(), items, room, rate, disk }
    }

    /// How long a message may take to come whole.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.config.limits.timeout_s)
    }

    /// Room for so many bytes, as soon as there is some.
    pub async fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Undelivered> {
        if self.disk.is_full() {
            self.counts.refused(Reason::Full);
            return Err(Undelivered::Disk);
        }
        let permits = u32::try_from(permits(bytes)).unwrap_or(u32::MAX);
        let room = tokio::time::timeout(QUEUE_TIMEOUT, Arc::clone(&self.room).acquire_many_owned(permits)).await;
        match room {
            Ok(Ok(room)) => Ok(room),
            _ => {
                self.counts.refused(Reason::Full);
                Err(Undelivered::Full)
            }
        }
    }

    /// What the records of a stream have in common. `node`: where the door's own is not right.
    pub fn label(&self, door: Door, kind: RecordKind, peer: &str, node: Option<&str>) -> Label {
        Label {
            source: format!("{}:{peer}", door.name()),
            kind,
            cluster: self.config.cluster.clone(),
            node: node.unwrap_or(&self.config.node).to_owned(),
            reading: Arc::new(self.config.reading.clone()),
        }
    }

    /// Hands drafts in; returns when they are durable.
    ///
    /// # Errors
    /// They are not, or it is not known: whoever sent them sends them again.
    pub async fn deliver(&self, door: Door, peer: &str, drafts: Vec<Draft>) -> Result<(), Undelivered> {
        if drafts.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        // A stream is read no further meanwhile: it tries again with what it has.
        while self.disk.is_full() {
            if since.elapsed() >= QUEUE_TIMEOUT {
                self.counts.refused(Reason::Full);
                return Err(Undelivered::Disk);
            }
            tokio::time::sleep(DISK_PAUSE).await;
        }
        let records: usize = drafts.iter().map(|draft| draft.lengths.len()).sum();
        let bytes: usize = drafts.iter().map(|draft| draft.bytes.len()).sum();
        let wait = self.rate.take(peer, bytes, Instant::now(), QUEUE_TIMEOUT).map_err(|_| {
            self.counts.refused(Reason::Rate);
            Undelivered::Full
        })?;
        tokio::time::sleep(wait).await;
        let (reply, answer) = oneshot::channel();
        let item = Item::Delivered(Box::new(Delivered { drafts, door, peer: Some(peer.to_owned()), reply }));
        hand(&self.items, item).await.map_err(|why| match why {
            Unhanded::Stopping => Undelivered::Stopping,
            Unhanded::Full => {
                self.counts.refused(Reason::Full);
                Undelivered::Full
            }
        })?;
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(_leaf)) => {
                let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
                self.counts.taken(count(records), count(bytes));
                Ok(())
            }
            Ok(Err(_)) => Err(Undelivered::Stopping),
            Err(_) => {
                self.counts.refused(Reason::Full);
                Err(Undelivered::Full)
            }
        }
    }
}

/// The permits that so many bytes take.
pub fn permits(bytes: usize) -> usize {
    bytes.div_ceil(PERMIT_BYTES).max(1)
}

/// A name for a new stream: what cannot be read in two streams are two events.
pub fn stream() -> Result<Hash, Undelivered> {
    let mut name = [0; 32];
    // Without random numbers no batch is sealed either.
    getrandom::fill(&mut name).map_err(|_| Undelivered::Stopping)?;
    Ok(name)
}

/// A new stream of whole messages.
pub fn messages(label: Label) -> Result<Messages, Undelivered> {
    Ok(Messages::new(label, stream()?))
}

/// Drafts of bytes that are cut into records as a file of that kind is.
pub fn cut(label: Label, bytes: &[u8]) -> Result<Vec<Draft>, Undelivered> {
    let name = stream()?;
    let mut drafts = Vec::new();
    let mut batcher = Batcher::new(label, None);
    let mut emit = |mut draft: Draft| -> Result<(), Stop> {
        draft.position.head = name;
        drafts.push(draft);
        Ok(())
    };
    // `emit` never says stop.
    let _never = batcher.push(bytes, &mut emit).and_then(|()| batcher.rest(&mut emit));
    Ok(drafts)
}

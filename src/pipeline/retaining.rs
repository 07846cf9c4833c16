//! Retention at work: said in the log, taken out of the index, then the bytes go.
//!
//! Inside: the command's way on a store that nobody serves, and the collector's thread; both take the same steps in the same order.
//! Not here: what goes and how (`evidence::Retention`).

use super::PipelineError;
use super::indexer::Indexer;
use super::ledger::Item;
use super::live::Failure;
use crate::config::Policy;
use crate::evidence::{EvidenceError, Freed, Reader, Retention, Statement, StoreOptions, Writer};
use crate::index::Index;
use crate::model::Moment;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often a collector looks for what is to go.
const EVERY: Duration = Duration::from_secs(3_600);
/// How often it looks whether it is told to stop, or whether the index has come far enough.
const LOOK: Duration = Duration::from_millis(250);
/// Rest between two segments: others use the disk too.
const REST: Duration = Duration::from_millis(50);

/// What a retention did.
#[derive(Debug, Clone, Default)]
pub struct Retained {
    /// What was said in the log.
    pub said: Vec<Statement>,
    /// What went.
    pub freed: Freed,
}

/// What would go now; reads only.
///
/// # Errors
/// No store; damage; the disk's.
pub fn retainable(reader: Reader, policies: &[Policy], now: Moment) -> Result<Vec<Statement>, EvidenceError> {
    Retention::open(reader)?.plan(policies, now)
}

/// Applies policies to a store that nobody serves. `progress` is told segments done and in all.
///
/// # Errors
/// As `Writer::open`; damage of a segment that something is to go from; the disk's. What was said and not done is done by the next one.
pub fn retain(
    options: &StoreOptions,
    policies: &[Policy],
    index_heap_bytes: usize,
    now: Moment,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Retained, PipelineError> {
    let mut writer = Writer::open(options)?;
    let mut indexer = Indexer::open(&options.dir, writer.reader(), index_heap_bytes)?;
    indexer.advance(writer.size(), &mut |_| ())?;
    let mut retention = Retention::open(writer.reader())?;
    let mut retained = Retained { said: retention.plan(policies, now)?, freed: Freed::default() };
    for statement in &retained.said {
        writer.retain(statement, now)?;
    }
    // A crash here, or anywhere behind: what was said is done by the next one.
    indexer.advance(writer.size(), &mut |_| ())?;
    indexer.commit()?;
    retention.refresh()?;
    let pending = retention.pending()?;
    let total = u64::try_from(pending.len()).unwrap_or(u64::MAX);
    for (done, segment) in (0..).zip(pending) {
        progress(done, total);
        retained.freed.add(retention.prune(segment)?);
    }
    writer.close()?;
    Ok(retained)
}

/// Why a turn of the collector's retention ended early.
enum Stop {
    Asked,
    Failed(EvidenceError),
}

impl From<EvidenceError> for Stop {
    fn from(error: EvidenceError) -> Stop {
        Stop::Failed(error)
    }
}

/// The collector's retention, once an hour, beside all else that it does.
pub(super) struct Retaining {
    pub(super) reader: Reader,
    pub(super) index: Index,
    pub(super) policies: Vec<Policy>,
    pub(super) items: SyncSender<Item>,
    pub(super) clock: fn() -> Moment,
    pub(super) failure: Arc<Failure<PipelineError>>,
}

impl Retaining {
    /// Starts it; nothing without a policy.
    pub(super) fn spawn(self) -> Option<JoinHandle<()>> {
        if self.policies.is_empty() {
            return None;
        }
        Some(std::thread::spawn(move || {
            let mut known = None;
            loop {
                match self.once(&mut known) {
                    Err(Stop::Asked) => return,
                    Ok(()) => {}
                    // Evidence that is damaged stays as it is, and is said; the collector goes on.
                    Err(Stop::Failed(error)) => tracing::error!(%error, "nothing more goes by retention for now"),
                }
                let since = Instant::now();
                while since.elapsed() < EVERY {
                    if self.is_stopped() {
                        return;
                    }
                    std::thread::park_timeout(LOOK);
                }
            }
        }))
    }

    fn is_stopped(&self) -> bool {
        self.failure.stop.load(Ordering::Relaxed)
    }

    fn once(&self, known: &mut Option<Retention>) -> Result<(), Stop> {
        let mut retention = match known.take() {
            Some(retention) => retention,
            None => Retention::open(self.reader.clone())?,
        };
        retention.refresh()?;
        let mut last = retention.statements().keys().next_back().copied();
        for statement in retention.plan(&self.policies, (self.clock)())? {
            let (reply, said) = sync_channel(1);
            let text = statement.record();
            self.items.send(Item::Retain(Box::new(statement), reply)).map_err(|_| Stop::Asked)?;
            last = Some(said.recv().map_err(|_| Stop::Asked)?);
            tracing::info!(statement = text, "records go by retention");
        }
        retention.refresh()?;
        // The index first: whoever asks finds nothing that is not there any more.
        while last.is_some_and(|last| self.index.searcher().covers() <= last) {
            if self.is_stopped() {
                return Err(Stop::Asked);
            }
            std::thread::park_timeout(LOOK);
        }
        let mut freed = Freed::default();
        for segment in retention.pending()? {
            if self.is_stopped() {
                return Err(Stop::Asked);
            }
            freed.add(retention.prune(segment)?);
            std::thread::park_timeout(REST);
        }
        if freed.segments > 0 {
            tracing::info!(
                batches = freed.batches,
                bytes = freed.bytes,
                segments = freed.segments,
                "records are gone by retention"
            );
        }
        *known = Some(retention);
        Ok(())
    }
}

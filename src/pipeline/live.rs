//! A running collector: files are followed, what is read becomes durable, then findable within a second.
//!
//! Threads: tailer → ledger → indexer, with bounded channels between them; when one fails the others stop, and what was acknowledged stays.
//! Not here: HTTP (`serve`), signals (`cli`).

use super::PipelineError;
use super::cursors::Cursors;
use super::indexer::Indexer;
use super::ledger::{Item, Ledger};
use super::retaining::Retaining;
use super::room::{self, Room};
use super::summary::Summary;
use crate::config::{Config, KERNEL_AUDIT, Tail};
use crate::evidence::{Door, Draft, Hash, Position, StoreOptions, VerifierKey, Writer};
use crate::model::{Moment, RecordKind};
use crate::query::{Engine, Followed};
use crate::source::{
    Control, Hint, ReadOptions, Stop, TailItem, TailOptions, TailPath, Tailer, Turn, Waker, source_id,
};
use crate::time::rfc3339;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Batches between the tailer and the ledger.
const DRAFTS: usize = 8;

/// Pause before a disk that is full is looked at again.
const DISK_PAUSE: Duration = Duration::from_millis(200);

/// Time between two looks for new parts of the index.
const LEARN_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Clone)]
pub struct LiveOptions {
    /// Store, files, bounds.
    pub config: Config,
    /// Where the endpoint listens: written into the lock file.
    pub address: SocketAddr,
    /// The present.
    pub clock: fn() -> Moment,
}

/// The first failure of a thread, and whoever waits for one.
pub struct Failure<E> {
    first: Mutex<Option<E>>,
    happened: Notify,
    /// All threads are to end.
    pub stop: AtomicBool,
}

impl<E> Default for Failure<E> {
    fn default() -> Failure<E> {
        Failure { first: Mutex::new(None), happened: Notify::new(), stop: AtomicBool::new(false) }
    }
}

impl<E: Display> Failure<E> {
    /// A thread has failed: all stop.
    pub fn set(&self, error: E) {
        tracing::error!(%error, "the pipeline stops");
        if let Ok(mut first) = self.first.lock() {
            first.get_or_insert(error);
        }
        self.stop.store(true, Ordering::Relaxed);
        self.happened.notify_one();
    }

    /// The first failure, if there was one.
    pub fn take(&self) -> Option<E> {
        self.first.lock().ok().and_then(|mut first| first.take())
    }

    /// Resolves when a thread has failed.
    pub async fn failed(&self) -> E {
        loop {
            self.happened.notified().await;
            if let Some(error) = self.take() {
                return error;
            }
        }
    }
}

/// A running collector.
pub struct Live {
    engine: Engine,
    failure: Arc<Failure<PipelineError>>,
    waker: Waker,
    items: SyncSender<Item>,
    vkey: VerifierKey,
    tailer: JoinHandle<()>,
    listeners: Vec<JoinHandle<()>>,
    /// They write into the store, or hand in, until they are told to stop.
    others: Vec<JoinHandle<()>>,
    room: Arc<Room>,
    ledger: JoinHandle<Option<Writer>>,
    indexer: JoinHandle<Option<Summary>>,
}

impl Live {
    /// Opens the store, catches up, and starts. `opened` is called when the store is this process's own, before anybody is told where it answers.
    pub fn start<T>(
        options: &LiveOptions,
        opened: impl FnOnce(&Path) -> std::io::Result<T>,
    ) -> Result<(Live, T), PipelineError> {
        let config = &options.config;
        let mut writer = Writer::open(&StoreOptions::new(config.store.clone()))?;
        let reader = writer.reader();
        let (cursors, senders) = Cursors::open(&config.store, &reader)?;
        let mut indexer = Indexer::open(&config.store, reader.clone(), config.limits.index_heap_bytes)?;
        indexer.advance(writer.size(), &mut |_| ())?;
        indexer.commit()?;
        let what = || format!("what belongs to a running collector, below {}", config.store.display());
        let own = opened(&config.store).map_err(|error| PipelineError::Io { what: what(), error })?;
        writer.set_address(Some(options.address))?;
        let followed = Followed { tails: config.tail.clone(), running: Some((options.clock)()) };
        let content = Arc::new(AtomicU64::new(writer.size()));
        let engine =
            Engine::new(reader.clone(), indexer.index()).following(followed).with_content(Arc::clone(&content));
        let failure = Arc::new(Failure::default());
        let (items, received) = sync_channel(DRAFTS);
        let (door, vkey) = (items.clone(), writer.vkey());
        let (durable, sizes) = channel();
        let tailer = tailer(config, cursors.clone());
        let hint = Hint::new(tailer.folders());
        let waker = hint.waker();
        let listeners = super::kernel::spawn(options, &items, &failure);
        let room = Arc::new(Room::default());
        let probe = room::probe(&config.store);
        let (disk, items_too) = (config.disk, items.clone());
        let mut others =
            vec![room::watch(Arc::clone(&room), disk, probe, items_too, options.clock, Arc::clone(&failure))];
        let retaining = Retaining {
            reader,
            index: indexer.index(),
            policies: config.retention.clone(),
            items: items.clone(),
            clock: options.clock,
            failure: Arc::clone(&failure),
        };
        others.extend(retaining.spawn());
        others.push(learn(engine.clone(), Arc::clone(&failure)));
        let tailer = spawn_tailer(tailer, options.clock, items, hint, Arc::clone(&failure), Arc::clone(&room));
        let ledger = Ledger { writer, cursors, senders, door: Door::Tail, clock: options.clock, content };
        let fails = Arc::clone(&failure);
        let ledger = std::thread::spawn(move || {
            let run = ledger.run(&received, &mut |size| {
                // The indexer is gone only when it failed, and says so itself.
                let _gone = durable.send(size);
            });
            run.map_err(|error| fails.set(error)).ok()
        });
        let fails = Arc::clone(&failure);
        let show_after = Duration::from_millis(config.limits.show_after_ms);
        let indexer = std::thread::spawn(move || {
            index(&mut indexer, &sizes, show_after).map_err(|error| fails.set(error)).ok()?;
            Some(indexer.summary().clone())
        });
        Ok((Live { engine, failure, waker, items: door, vkey, tailer, listeners, others, room, ledger, indexer }, own))
    }

    /// Whom to ask.
    pub fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// What is known of the store's disk.
    pub fn room(&self) -> Arc<Room> {
        Arc::clone(&self.room)
    }

    /// Where doors hand in what comes, and the key that signs receipts.
    pub fn door(&self) -> (SyncSender<Item>, VerifierKey) {
        (self.items.clone(), self.vkey.clone())
    }

    /// Resolves when a thread has failed.
    pub async fn failed(&self) -> PipelineError {
        self.failure.failed().await
    }

    /// Stops reading, makes everything durable, signed and findable, and gives the store back.
    pub fn stop(self) -> Result<Summary, PipelineError> {
        self.failure.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        let gone = |what| move |_| PipelineError::Gone { what };
        self.tailer.join().map_err(gone("the tailer"))?;
        for listener in self.listeners {
            listener.join().map_err(gone("a listener"))?;
        }
        for other in self.others {
            other.thread().unpark();
            other.join().map_err(gone("what watches the store"))?;
        }
        // Doors may hold their ends of the channel: what they hand in from here on is not taken, and not acknowledged.
        let _ended = self.items.send(Item::Stop);
        drop(self.items);
        let writer = self.ledger.join().map_err(gone("the writer of evidence"))?;
        let summary = self.indexer.join().map_err(gone("the indexer"))?;
        if let Some(writer) = writer {
            writer.close()?;
        }
        match self.failure.take() {
            Some(error) => Err(error),
            None => Ok(summary.unwrap_or_default()),
        }
    }
}

/// Reads ahead what questions need of each new part of the index, so that the first one does not wait for it.
fn learn(engine: Engine, failure: Arc<Failure<PipelineError>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !failure.stop.load(Ordering::Relaxed) {
            if let Err(error) = engine.learn() {
                tracing::warn!(%error, "the index is not read ahead");
                return;
            }
            std::thread::park_timeout(LEARN_EVERY);
        }
    })
}

/// What is followed, as the tailer wants it.
pub fn tail_paths(tails: &[Tail]) -> Vec<TailPath> {
    let mut paths = Vec::new();
    for tail in tails {
        for pattern in tail.paths.iter().filter(|path| *path != KERNEL_AUDIT) {
            let pattern = PathBuf::from(pattern);
            let read = ReadOptions {
                source: source_id(&tail.node, &pattern),
                kind: tail.kind,
                cluster: tail.cluster.clone(),
                node: tail.node.clone(),
                reading: Arc::new(tail.reading.clone()),
            };
            paths.push(TailPath { pattern, read });
        }
    }
    paths
}

fn tailer(config: &Config, cursors: Cursors) -> Tailer {
    let millis = |millis: u64| u32::try_from(millis).unwrap_or(u32::MAX);
    let options = TailOptions {
        poll_ms: millis(config.limits.poll_ms),
        age_ms: millis(config.limits.batch_age_ms),
        ..TailOptions::default()
    };
    Tailer::new(tail_paths(&config.tail), options, Box::new(cursors))
}

fn spawn_tailer(
    mut tailer: Tailer,
    clock: fn() -> Moment,
    items: SyncSender<Item>,
    mut hint: Hint,
    failure: Arc<Failure<PipelineError>>,
    room: Arc<Room>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut emit = |item: TailItem| {
            // Nothing more is read while the disk is full: files stay where they are. What was read is handed in when the collector stops.
            while room.is_full() && !failure.stop.load(Ordering::Relaxed) {
                std::thread::park_timeout(DISK_PAUSE);
            }
            emit(item, &items, clock)
        };
        // The ledger is gone, and says why.
        let _stopped = follow(&mut tailer, &mut hint, clock, &failure.stop, &mut emit);
    })
}

/// Follows files until it is told to stop; what is left then is handed out.
///
/// # Errors
/// Nobody takes what is read: it is read again after the next start.
pub fn follow(
    tailer: &mut Tailer,
    hint: &mut Hint,
    clock: fn() -> Moment,
    stop: &AtomicBool,
    emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>,
) -> Result<(), Stop> {
    while !stop.load(Ordering::Relaxed) {
        // One look at the clock: a second one behind a jump would give a pause of any length.
        let now = clock();
        if let Turn::Idle { until } = tailer.poll(now, emit)? {
            let wait = until.nanos.saturating_sub(now.nanos).max(0);
            if hint.wait(Duration::from_nanos(u64::try_from(wait).unwrap_or(0))) {
                tailer.wake();
            }
        }
    }
    tailer.finish(emit)
}

fn emit(item: TailItem, items: &SyncSender<Item>, clock: fn() -> Moment) -> Result<(), Stop> {
    emitted(item, clock).map_or(Ok(()), |draft| items.send(Item::Draft(Box::new(draft))).map_err(|_| Stop))
}

/// The batch that comes of what a tailer hands out: what was read, or a record about it.
pub fn emitted(item: TailItem, clock: fn() -> Moment) -> Option<Draft> {
    Some(match item {
        TailItem::Draft(draft) => draft,
        TailItem::Control(Control::Gap { source, cluster, node, path, from, to_at_least, reason }) => {
            tracing::warn!(path = %String::from_utf8_lossy(&path), from, to_at_least, reason, "bytes may have been lost before they could be read");
            let record = json!({
                "deponent": "gap", "time": rfc3339(clock()), "source": source,
                "path": String::from_utf8_lossy(&path), "from": from, "to_at_least": to_at_least, "reason": reason,
            });
            own_draft(&crate::query::json::line(&record), cluster, node)
        }
        TailItem::Skipped(skipped) => {
            tracing::warn!(path = %skipped.path.display(), reason = %skipped.reason, "not followed");
            return None;
        }
        TailItem::Issue { path, issue } => {
            tracing::warn!(path = %path.display(), kind = issue.kind, at = issue.at, detail = %issue.detail, "a file has an oddity");
            let record = json!({
                "deponent": "file-issue", "time": rfc3339(clock()), "path": path.to_string_lossy(),
                "kind": issue.kind, "at": issue.at, "detail": issue.detail,
            });
            own_draft(&crate::query::json::line(&record), String::new(), String::new())
        }
    })
}

/// A batch of one record of deponent's own.
pub fn own_draft(line: &str, cluster: String, node: String) -> Draft {
    own_record(line, "deponent", &cluster, &node)
}

/// Likewise, of another source.
pub fn own_record(line: &str, source: &str, cluster: &str, node: &str) -> Draft {
    own_records(&format!("{line}\n"), source, cluster, node)
}

/// Likewise, of several records, each of which ends its line.
pub fn own_records(lines: &str, source: &str, cluster: &str, node: &str) -> Draft {
    let bytes = lines.as_bytes().to_vec();
    let hash = |bytes: &[u8]| -> Hash { Sha256::digest(bytes).into() };
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let head = hash(bytes.get(..256).unwrap_or(&bytes));
    Draft {
        source: source.to_owned(),
        kind: RecordKind::Own,
        cluster: cluster.to_owned(),
        node: node.to_owned(),
        reading: Arc::default(),
        position: Position { file: None, start: 0, end: len, head, before: hash(b""), prefix: hash(&bytes) },
        continues: false,
        goes_on: false,
        lengths: lines.split_inclusive('\n').map(|line| u32::try_from(line.len()).unwrap_or(u32::MAX)).collect(),
        bytes,
    }
}

/// Indexes what has become durable; commits when `show_after` has passed since the last commit.
fn index(indexer: &mut Indexer, sizes: &Receiver<u64>, show_after: Duration) -> Result<(), PipelineError> {
    let mut committed = Instant::now();
    loop {
        let wait =
            if indexer.is_dirty() { show_after.saturating_sub(committed.elapsed()) } else { Duration::from_secs(60) };
        match sizes.recv_timeout(wait) {
            Ok(size) => {
                let size = sizes.try_iter().last().unwrap_or(size);
                indexer.advance(size, &mut |_| ())?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return indexer.commit(),
        }
        if indexer.is_dirty() && committed.elapsed() >= show_after {
            indexer.commit()?;
            committed = Instant::now();
        }
    }
}

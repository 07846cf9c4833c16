//! The agent of a node: follows its files, seals what it reads into signed batches, keeps them on disk until a collector has acknowledged them.
//!
//! Threads: tailer and listeners → sealer → spool on disk → sender, with bounded channels between them. When the spool is full nothing more is read: the files
//! themselves are the next buffer, and what was lost before it could be read is said.
//! Inside: `seal` (drafts to durable blocks), `send` and `wire` (blocks to the collector, receipts back), `beat` (that all is well, and the kernel's own counters),
//! `stamp` (in which container a process runs), `counts` and `page` (its numbers), `probe` (one question to the collector), `watch` (whether the collector keeps its word). Not here: files (`source`), formats and the spool (`evidence`).

mod beat;
mod counts;
mod page;
mod probe;
mod seal;
mod send;
mod stamp;
mod watch;
mod wire;

pub use counts::Counts;
pub use probe::{Greeting, ask_collector};
pub use wire::{Reply, Wire};

use crate::config::{AgentConfig, KERNEL_AUDIT};
use crate::evidence::{Draft, EvidenceError, Origin, Spool, SpoolReader, SpoolRecovery, VerifierKey};
use crate::model::Moment;
use crate::pipeline::{self, Cursors, Failure, Listening, PipelineError, emitted, listen_to_kernel, tail_paths};
use crate::source::{Hint, Stop, TailItem, TailOptions, Tailer, Waker};
use crate::tls::{AgentName, ClientTls, TlsError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// The header that names the key of the agent.
pub const SIGNER: &str = "deponent-signer";
/// The header of an agent that does not have what is missing.
pub const HOLE: &str = "deponent-hole";
/// Batches between the readers and the sealer: together with the spool's buffer what an agent holds in memory.
const DRAFTS: usize = 4;

/// Why an agent cannot run, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Its key, its spool.
    #[error("{0}")]
    Evidence(#[from] EvidenceError),
    /// What it remembers of files.
    #[error("{0}")]
    Pipeline(#[from] PipelineError),
    /// Its certificates.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// The operating system refused something else.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// A thread ended before it should.
    #[error("{what} stopped early; its own message says why")]
    Gone {
        /// Which.
        what: &'static str,
    },
}

/// A running agent.
pub struct Agent {
    failure: Arc<Failure<AgentError>>,
    counts: Arc<Counts>,
    waker: Waker,
    readers: Vec<JoinHandle<()>>,
    sealer: JoinHandle<()>,
    sender: JoinHandle<()>,
}

/// What an agent starts with.
pub struct Started {
    /// The agent.
    pub agent: Agent,
    /// Its key.
    pub vkey: VerifierKey,
    /// What its spool held.
    pub recovery: SpoolRecovery,
}

struct Opened {
    origin: Origin,
    spool: Spool,
    reader: SpoolReader,
    cursors: Cursors,
    recovery: SpoolRecovery,
}

fn open(config: &AgentConfig) -> Result<Opened, AgentError> {
    let name = AgentName { cluster: config.cluster.clone(), node: Some(config.node.clone()) };
    let spool_dir = config.state.join("spool");
    std::fs::create_dir_all(&config.state)
        .map_err(|error| AgentError::Io { what: format!("creating {}", config.state.display()), error })?;
    let mut origin = Origin::open(&config.state.join("key"), &name.to_string())?;
    let cursors = Cursors::of_spool(&config.state.join("files"))?;
    let covers = cursors.covers()?;
    let mut failed = None;
    let (spool, reader, recovery) = Spool::open(&spool_dir, config.spool_bytes, &mut |number, header| {
        origin.go_on(header)?;
        // What was confirmed long ago is known, but where the memory of files was lost it is better than nothing.
        let learnt = match number {
            Some(number) if number < covers => Ok(()),
            None if covers > 0 => Ok(()),
            number => cursors.learn(header, number.unwrap_or(0)),
        };
        failed = failed.take().or(learnt.err());
        Ok(())
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Opened { origin, spool, reader, cursors, recovery }),
    }
}

impl Agent {
    /// Opens what an earlier run left, and starts.
    ///
    /// # Errors
    /// A key or spool that cannot be opened; certificates that cannot be used.
    pub fn start(config: &AgentConfig, clock: fn() -> Moment) -> Result<Started, AgentError> {
        let tls = ClientTls::open(config.tls.clone(), &[b"h2"])?;
        let Opened { origin, spool, reader, cursors, recovery } = open(config)?;
        let vkey = origin.vkey();
        let failure = Arc::new(Failure::default());
        let counts = Arc::new(Counts::new(config.spool_bytes));
        counts.spool(recovery.bytes);
        let (drafts, received) = sync_channel::<Draft>(DRAFTS);
        let mut readers = Vec::new();
        let tailer = tailer(config, cursors.clone());
        let hint = Hint::new(tailer.folders());
        let waker = hint.waker();
        readers.push(follow(config, tailer, hint, clock, drafts.clone(), &failure, &counts));
        for tail in config.tail.iter().filter(|tail| tail.paths.iter().any(|path| path == KERNEL_AUDIT)) {
            let (tail, drafts, failure) = (tail.clone(), drafts.clone(), Arc::clone(&failure));
            let age_ms = u32::try_from(config.limits.batch_age_ms).unwrap_or(u32::MAX);
            readers.push(std::thread::spawn(move || {
                let mut emit = |draft: Draft| drafts.send(draft).map_err(|_| Stop);
                let listening = Listening { tail: &tail, clock, age_ms, stop: &failure.stop };
                // The sealer is gone, and says why.
                let _stopped = listen_to_kernel(&listening, &mut emit);
            }));
        }
        readers.push(beat::start(config, clock, drafts, &failure, &counts));
        let sealing = seal::Sealing { origin, spool, cursors: cursors.clone(), clock, counts: Arc::clone(&counts) };
        let fails = Arc::clone(&failure);
        let sealer = std::thread::spawn(move || {
            if let Err(error) = sealing.run(&received, &fails.stop) {
                fails.set(error);
            }
        });
        let sending = send::Sending::new(config, tls, vkey.clone(), reader, cursors, Arc::clone(&counts))?;
        let fails = Arc::clone(&failure);
        let sender = std::thread::spawn(move || {
            if let Err(error) = sending.run(&fails) {
                fails.set(error);
            }
        });
        Ok(Started { agent: Agent { failure, counts, waker, readers, sealer, sender }, vkey, recovery })
    }

    /// Its numbers.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Resolves when a thread has failed.
    pub async fn failed(&self) -> AgentError {
        self.failure.failed().await
    }

    /// Stops reading, makes everything durable in the spool, and sends what can be sent at once.
    ///
    /// # Errors
    /// What made a thread fail.
    pub fn stop(self) -> Result<(), AgentError> {
        self.failure.stop.store(true, Ordering::Relaxed);
        self.waker.wake();
        let gone = |what| move |_| AgentError::Gone { what };
        for reader in self.readers {
            reader.join().map_err(gone("a reader"))?;
        }
        self.sealer.join().map_err(gone("the sealer"))?;
        self.sender.join().map_err(gone("the sender"))?;
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// The page of its numbers, and whether it is well.
pub use page::{healthy, page};

fn tailer(config: &AgentConfig, cursors: Cursors) -> Tailer {
    let millis = |millis: u64| u32::try_from(millis).unwrap_or(u32::MAX);
    let options = TailOptions {
        poll_ms: millis(config.limits.poll_ms),
        age_ms: millis(config.limits.batch_age_ms),
        ..TailOptions::default()
    };
    Tailer::new(tail_paths(&config.tail), options, Box::new(cursors))
}

fn follow(
    config: &AgentConfig,
    mut tailer: Tailer,
    mut hint: Hint,
    clock: fn() -> Moment,
    drafts: SyncSender<Draft>,
    failure: &Arc<Failure<AgentError>>,
    counts: &Arc<Counts>,
) -> JoinHandle<()> {
    let (failure, counts) = (Arc::clone(failure), Arc::clone(counts));
    let (cluster, node) = (config.cluster.clone(), config.node.clone());
    std::thread::spawn(move || {
        let mut emit = |item: TailItem| {
            if matches!(item, TailItem::Control(_)) {
                counts.gap();
            }
            let Some(mut draft) = emitted(item, clock) else { return Ok(()) };
            // Also what is said of a file is said of this node: a collector takes nothing else from here.
            (draft.cluster, draft.node) = (cluster.clone(), node.clone());
            drafts.send(draft).map_err(|_| Stop)
        };
        // The sealer is gone, and says why.
        let _stopped = pipeline::follow(&mut tailer, &mut hint, clock, &failure.stop, &mut emit);
    })
}

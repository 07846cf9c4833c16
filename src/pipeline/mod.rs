//! Wires the rooms: from drafts to durable log entries to findable events.
//!
//! Inside: `ledger` (group sync and publication), `indexer` with `ahead` and `assemble` (log entries → events → index; live, after a crash and in a
//! rebuild alike), `ingest` (offline import) and `live` (a running collector, with `kernel`: what the kernel says itself). Not here: reading files (`source`), HTTP (`serve`).

mod ahead;
mod assemble;
mod cursors;
mod going_on;
mod indexer;
mod ingest;
mod kernel;
mod ledger;
mod live;
mod retaining;
mod room;
mod senders;
mod summary;
mod taking;

pub use cursors::Cursors;
pub use indexer::{Indexer, rebuild};
pub use ingest::{IngestOptions, Ingested, Progress, ingest};
pub use kernel::{Listening, listen_to_kernel};
pub use ledger::{ACCESS, Delivered, Item, Ledger};
pub use live::{Failure, Live, LiveOptions, emitted, follow, own_draft, own_record, own_records, tail_paths};
pub use retaining::{Retained, retain, retainable};
pub use room::{Fill, Probe, Room, probe};
pub use senders::{SenderInfo, Senders};
pub use summary::Summary;
pub use taking::{Answer, Refusal, Sent};

use crate::evidence::EvidenceError;
use crate::index::IndexError;
use crate::query::AnswerError;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Why the pipeline stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// Evidence could not be written or read: nothing more is acknowledged.
    #[error("{0}")]
    Evidence(#[from] EvidenceError),
    /// The index could not be written; evidence is safe, `deponent rebuild` makes the index anew.
    #[error("index: {0}")]
    Index(#[from] IndexError),
    /// Records of an event could not be read again.
    #[error("{0}")]
    Answer(#[from] AnswerError),
    /// The operating system refused something else.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// A thread of the pipeline ended before it should.
    #[error("{what} stopped early; its own message says why")]
    Gone {
        /// Which.
        what: &'static str,
    },
}

/// Starts a thread that has a name and ends before the scope does.
fn spawn<'scope, 'env, T: Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, PipelineError> {
    let started = Builder::new().name(name.to_owned()).spawn_scoped(scope, work);
    started.map_err(|error| PipelineError::Io { what: format!("starting the thread {name:?}"), error })
}

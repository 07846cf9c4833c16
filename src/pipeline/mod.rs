//! Wires the rooms: from drafts to durable log entries to findable events.
//!
//! Inside: `ledger` (group sync and publication), `indexer` with `assemble` (log entries → events → index; live, after a crash and in a
//! rebuild alike), `ingest` (offline import) and `live` (a running collector). Not here: reading files (`source`), HTTP (`serve`).

mod assemble;
mod cursors;
mod going_on;
mod indexer;
mod ingest;
mod ledger;
mod live;
mod summary;

pub use cursors::Cursors;
pub use indexer::{Indexer, rebuild};
pub use ingest::{IngestOptions, Ingested, Progress, ingest};
pub use ledger::{Item, Ledger};
pub use live::{Live, LiveOptions};
pub use summary::Summary;

use crate::evidence::EvidenceError;
use crate::index::IndexError;
use crate::query::AnswerError;

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

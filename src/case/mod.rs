//! A case: testimonies, their records and proofs, gaps and findings in one archive, for somebody who has nothing else.
//!
//! Inside: the archive's form (`archive`), its manifest, making one (`export`), checking one (`check`). Not here: testimonies (`query`), how they look
//! (`render`), files and arguments (`cli`).

mod archive;
mod check;
mod export;
mod manifest;
mod pages;

pub use archive::{ArchiveError, ENTRIES_MAX, ENTRY_BYTES_MAX, TOTAL_BYTES_MAX, is_plain};
pub use check::{Checked, Told, check, is_case};
pub use export::{Ask, Exported, export};
pub use manifest::{Counts, Manifest};

use crate::query::AnswerError;

/// Events of a case at most.
pub const EVENTS_MAX: usize = 1_000;
/// Events of the query, unless said otherwise.
pub const EVENTS_DEFAULT: usize = 100;

const README: &str = include_str!("readme.txt");

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An answer that failed.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// Too many events.
    #[error("{count} events, and a case has at most {EVENTS_MAX}: make several")]
    Events {
        /// How many were asked for.
        count: usize,
    },
    /// Nothing was found.
    #[error("nothing was found: there is no case")]
    Nothing,
    /// The index is damaged.
    #[error("{lost} events are not what the index says; `deponent rebuild` makes it anew")]
    Lost {
        /// How many.
        lost: u64,
    },
}

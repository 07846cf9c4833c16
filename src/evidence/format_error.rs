//! What can be wrong with a batch header, a log entry or a block.
//!
//! Not here: notes (`note_error`), tiles (`proof_error`), files (`error`).

/// A header, entry or block that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A line of a header or envelope.
    #[error("line {line}: expected {expected}, found `{found}`")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What must stand there.
        expected: &'static str,
        /// Its beginning.
        found: String,
    },
    /// A value that is too long to be stored.
    #[error("{name} is {length} bytes long when escaped; at most {max} can be stored")]
    ValueTooLong {
        /// Which.
        name: &'static str,
        /// Its length, escaped.
        length: usize,
        /// The limit.
        max: usize,
    },
    /// A log entry.
    #[error("log entry: {what}")]
    Entry {
        /// What is wrong.
        what: String,
    },
    /// A block.
    #[error("block: {what}")]
    Block {
        /// What is wrong.
        what: String,
    },
    /// One record of a block.
    #[error("record {record}: {what}")]
    Record {
        /// Its number in the batch, from 0.
        record: usize,
        /// What is wrong.
        what: String,
    },
}

impl FormatError {
    pub(super) fn entry(what: impl Into<String>) -> Self {
        FormatError::Entry { what: what.into() }
    }

    pub(super) fn block(what: impl Into<String>) -> Self {
        FormatError::Block { what: what.into() }
    }
}

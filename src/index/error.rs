//! What can go wrong in this room.

use std::path::PathBuf;

/// An error of the index or of the state. Nothing here concerns evidence: both can be deleted and are rebuilt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The folder holds no index that this version can use.
    #[error("the index in {dir} cannot be used: {reason}; `deponent rebuild` makes it anew from the evidence")]
    Rebuild {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another process writes to it.
    #[error("{dir} is being written by another process; stop it, or ask it through its address")]
    Busy {
        /// The folder.
        dir: PathBuf,
    },
    /// The search engine failed.
    #[error("index: {doing} failed: {source}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// The engine's own words.
        source: Box<tantivy::TantivyError>,
    },
    /// The file system failed.
    #[error("index: {doing} {path} failed: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's own words.
        source: std::io::Error,
    },
    /// The state's database failed.
    #[error("state: {doing} failed: {source}")]
    State {
        /// What was being done.
        doing: &'static str,
        /// The database's own words.
        source: sled::Error,
    },
    /// A record's place is outside of what the index can hold.
    #[error(
        "record {record} of log entry {leaf} cannot be indexed: the limits are entry {leaf_max}, record {record_max}"
    )]
    Place {
        /// Log entry.
        leaf: u64,
        /// Number of the record.
        record: u32,
        /// Largest entry.
        leaf_max: u64,
        /// Largest number.
        record_max: u32,
    },
    /// The event names no record at all.
    #[error("an event without records cannot be indexed")]
    NoRecords,
    /// A histogram would have too many buckets.
    #[error("more than {max} buckets of {width_ns} ns; choose wider ones or a shorter time")]
    Buckets {
        /// How many are allowed.
        max: usize,
        /// The width asked for.
        width_ns: i64,
    },
    /// A bucket's width is zero or less.
    #[error("the width of a bucket is {width_ns} ns; it must be positive")]
    Width {
        /// The width asked for.
        width_ns: i64,
    },
    /// A plan is nested too deeply.
    #[error("the query is nested more than {max} deep")]
    Depth {
        /// How deep is allowed.
        max: usize,
    },
    /// A text in a cursor is too long to be a key.
    #[error("the {what} of a source is {bytes} bytes long; at most {max} can be kept")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

impl IndexError {
    /// For `map_err` on what the engine returns.
    pub(super) fn engine<E: Into<tantivy::TantivyError>>(doing: &'static str) -> impl Fn(E) -> IndexError {
        move |source| IndexError::Engine { doing, source: Box::new(source.into()) }
    }

    /// For `map_err` on what the state's database returns.
    pub(super) fn state(doing: &'static str) -> impl Fn(sled::Error) -> IndexError {
        move |source| IndexError::State { doing, source }
    }
}

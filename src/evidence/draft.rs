//! A batch before it is sealed: the bytes that a source read, and where.
//!
//! Not here: how it is filled (`source`), how it is sealed, hashed and signed (`writer`).

use crate::model::{Reading, RecordKind};
use std::sync::Arc;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Records of a batch at most.
pub const RECORDS_MAX: usize = 1_000;
/// Bytes of a batch's records together at most.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Identity of a file as the operating system tells it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileId {
    /// Device.
    pub dev: u64,
    /// Inode.
    pub ino: u64,
    /// Time of creation, ns since 1970; 0 where the file system does not say.
    pub birth: u64,
    /// Path as it was opened, as bytes.
    pub path: Vec<u8>,
}

/// Where in its file a batch lies (`docs/format.md` §4), and how the file looked up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The file; `None` for a stream.
    pub file: Option<FileId>,
    /// First byte, after decompression.
    pub start: u64,
    /// Byte behind the last one.
    pub end: u64,
    /// H(first 256 bytes of the file, or all that had been read by `end` when fewer).
    pub head: Hash,
    /// H(bytes [0, start) of the file): what a batch that continues a record continues.
    pub before: Hash,
    /// H(bytes [0, end) of the file).
    pub prefix: Hash,
}

/// The bytes of a batch: whole records, whose concatenation is exactly what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Who read it.
    pub source: String,
    /// The format of the records.
    pub kind: RecordKind,
    /// Cluster as configured, or empty.
    pub cluster: String,
    /// Node as configured, or empty.
    pub node: String,
    /// How the records are to be read.
    pub reading: Arc<Reading>,
    /// Where it lies.
    pub position: Position,
    /// The first record continues the last one of the previous batch.
    pub continues: bool,
    /// The last record goes on in the next batch.
    pub goes_on: bool,
    /// All records, concatenated; at most `BATCH_BYTES_MAX`.
    pub bytes: Vec<u8>,
    /// Length of each record, in order; 1 to `RECORDS_MAX` of them; their sum is the length of `bytes`.
    pub lengths: Vec<u32>,
}

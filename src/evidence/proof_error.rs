//! What can be wrong with a proof, a tile, a bundle or a proof file.
//!
//! Not here: errors of notes and keys (`note_error`), of stores (`error`).

use super::draft::Hash;
use super::note::NoteError;

/// A proof that does not prove; every message names the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A leaf number that the tree does not have.
    #[error("leaf {index} does not exist in a tree of {size} leaves")]
    IndexBeyondSize {
        /// The leaf asked for, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// An inclusion proof of the wrong length.
    #[error("the path of leaf {index} in a tree of {size} leaves has {found} hashes instead of {expected}")]
    PathLength {
        /// The leaf, from 0.
        index: u64,
        /// Leaves of the tree.
        size: u64,
        /// Hashes of the path.
        found: usize,
        /// Hashes that it must have.
        expected: usize,
    },
    /// A path that leads to another root.
    #[error("the hashes lead to root {}, but {} was expected", hex(.computed), hex(.expected))]
    OtherRoot {
        /// What the hashes give.
        computed: Hash,
        /// What is trusted.
        expected: Hash,
    },
    /// Consistency asked for backwards.
    #[error("a tree of {old} leaves cannot be a prefix of one of {new} leaves")]
    OldAboveNew {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// A consistency proof of the wrong length.
    #[error("a consistency proof from {old} to {new} leaves does not have {found} hashes")]
    ConsistencyLength {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
        /// Hashes of the proof.
        found: usize,
    },
    /// A tree size that the checkpoint does not cover.
    #[error("a tree of {size} leaves is beyond the checkpoint, which has {trusted}")]
    SizeBeyondCheckpoint {
        /// Leaves asked for.
        size: u64,
        /// Leaves of the checkpoint.
        trusted: u64,
    },
    /// A tile whose length is not its width times 32.
    #[error("{path} has {found} bytes instead of {expected}")]
    TileLength {
        /// Path of the tile below `log/`.
        path: String,
        /// Bytes found.
        found: usize,
        /// Bytes that it must have.
        expected: usize,
    },
    /// A full tile that does not hash to the entry of its parent.
    #[error("{path} hashes to {}, but the tile above it says {}", hex(.computed), hex(.expected))]
    ForgedTile {
        /// Path of the tile below `log/`.
        path: String,
        /// Hash over the tile.
        computed: Hash,
        /// What the tile above holds for it.
        expected: Hash,
    },
    /// The partial tiles, which have no tile above them, do not give the checkpoint's root.
    #[error("{paths} together hash to {}, but the checkpoint says {}", hex(.computed), hex(.expected))]
    ForgedEdge {
        /// Paths of the tiles below `log/`, joined by commas: any of them may be the altered one.
        paths: String,
        /// Root that they give.
        computed: Hash,
        /// Root of the checkpoint.
        expected: Hash,
    },
    /// A log entry too long for a bundle.
    #[error("a log entry has at most 65,535 bytes, not {length}")]
    EntryTooLong {
        /// Its length, bytes.
        length: usize,
    },
    /// A bundle that is cut off or holds too much.
    #[error("entry bundle, byte {at}: {what}")]
    Bundle {
        /// Offset in the bundle.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A proof file too long to be one.
    #[error("a proof file has at most {length_max} bytes, not {length}")]
    FileTooLong {
        /// Its length, bytes.
        length: usize,
        /// The limit, bytes.
        length_max: usize,
    },
    /// A line of a proof file that is not the one the format has there.
    #[error("line {line}: expected {expected}, found `{found}`")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What must stand there.
        expected: &'static str,
        /// The line's beginning, escaped.
        found: String,
    },
    /// A proof of nothing.
    #[error("there is no record to prove")]
    NoRecords,
    /// A record whose log entry is not in the file.
    #[error("the proof has records of log entry {leaf}, but not the entry")]
    NoEntry {
        /// The entry.
        leaf: u64,
    },
    /// A file that says the same in other bytes.
    #[error("the proof file is not written as deponent-proof/v1 writes it")]
    NotCanonical,
    /// A log entry of a proof file that does not hold.
    #[error("log entry {leaf}: {source}")]
    InEntry {
        /// The entry.
        leaf: u64,
        /// What does not hold.
        source: Box<ProofError>,
    },
    /// A log entry that is malformed, or whose header the key has not signed.
    #[error("{detail}")]
    Entry {
        /// What the reader of entries says.
        detail: String,
    },
    /// A tlog-proof of another entry.
    #[error("its tlog-proof is of entry {index}")]
    OtherIndex {
        /// The entry that it is of.
        index: u64,
    },
    /// A record of a proof file that does not hold.
    #[error("record {number} of log entry {leaf}: {source}")]
    InRecord {
        /// The entry.
        leaf: u64,
        /// The record's number in its batch.
        number: u32,
        /// What does not hold.
        source: Box<ProofError>,
    },
    /// Two checkpoints of one log that cannot both be true.
    #[error(
        "the proof has two checkpoints of {origin} with {size} entries and different roots: two histories were signed"
    )]
    Fork {
        /// Whose log.
        origin: String,
        /// Its size in both.
        size: u64,
    },
    /// Checkpoints of two logs in one file.
    #[error("the proof has checkpoints of two logs, {first} and {second}")]
    TwoLogs {
        /// Origin of the first.
        first: String,
        /// Origin of another.
        second: String,
    },
    /// A key, a note or a checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

//! A reference to one record of the evidence.

/// A record's place: the log entry (leaf) that is its batch, and its number within the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordRef {
    /// Index of the log entry, counted from 0.
    pub leaf: u64,
    /// Number of the record within its batch, counted from 0.
    pub record: u32,
}

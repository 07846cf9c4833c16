//! How far a file had been read, known by content: whoever has these bytes goes on behind them, whatever the file is called now.
//!
//! Inside: `Cursor`, one a batch, and the questions asked of whoever keeps them. Not here: the comparison with a file (`scan`), the keeping (`index` and `pipeline`).

use super::prefix;
use crate::evidence::{Draft, FileId, Hash};
use crate::model::RecordKind;

/// The end of a batch that was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Format of the records.
    pub kind: RecordKind,
    /// Cluster as configured: part of the identity of events, so a cursor holds only for the same one.
    pub cluster: String,
    /// Node as configured; likewise.
    pub node: String,
    /// The file as it was opened. A hint for people; never decides anything.
    pub file: FileId,
    /// H(first min(256, end) bytes).
    pub head: Hash,
    /// Bytes of the file, after decompression, that were consumed.
    pub end: u64,
    /// H(bytes [0, end)).
    pub prefix: Hash,
    /// The last record goes on behind `end`.
    pub goes_on: bool,
}

impl Cursor {
    /// The cursor of a batch; `None` when it was read from a stream.
    pub fn of(draft: &Draft) -> Option<Cursor> {
        let file = draft.position.file.clone()?;
        Some(Cursor {
            kind: draft.kind,
            cluster: draft.cluster.clone(),
            node: draft.node.clone(),
            file,
            head: draft.position.head,
            end: draft.position.end,
            prefix: draft.position.prefix,
            goes_on: draft.goes_on,
        })
    }
}

/// What is asked of the keeper of cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResumeQuery {
    /// All cursors of this kind, cluster and node whose `head` is one of `heads`. Too many is harmless: every candidate is checked against the file.
    Content {
        /// Format of the records.
        kind: RecordKind,
        /// Cluster as configured.
        cluster: String,
        /// Node as configured.
        node: String,
        /// `heads[n - 1]` is H(first n bytes of the file), n up to 256.
        heads: Vec<Hash>,
    },
    /// The newest cursor whose file was opened under this path, or none: tells that what was there has been lost from sight.
    Path {
        /// The path, as bytes.
        path: Vec<u8>,
    },
}

impl ResumeQuery {
    /// About a file that starts with `bytes` (256 are enough).
    pub fn content(kind: RecordKind, cluster: &str, node: &str, bytes: &[u8]) -> ResumeQuery {
        ResumeQuery::Content { kind, cluster: cluster.to_owned(), node: node.to_owned(), heads: prefix::heads(bytes) }
    }

    /// Whether a cursor is an answer to this question.
    pub fn fits(&self, cursor: &Cursor) -> bool {
        match self {
            ResumeQuery::Content { kind, cluster, node, heads } => {
                let bytes = usize::try_from(cursor.end).unwrap_or(usize::MAX).min(prefix::HEAD_BYTES);
                let head = bytes.checked_sub(1).and_then(|at| heads.get(at));
                cursor.kind == *kind && cursor.cluster == *cluster && cursor.node == *node && head == Some(&cursor.head)
            }
            ResumeQuery::Path { path } => cursor.file.path == *path,
        }
    }
}

/// A batch that was read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Byte of the file, after decompression, at which it starts.
    pub start: u64,
    /// H(bytes [0, start)).
    pub before: Hash,
    /// Byte behind its last one.
    pub end: u64,
    /// H(bytes [0, end)).
    pub prefix: Hash,
    /// Its first record continues the one before `start`.
    pub continues: bool,
    /// Its last record goes on behind `end`.
    pub goes_on: bool,
    /// Where the keeper has it.
    pub leaf: u64,
}

/// Cursors of one file are closer to each other than this: a batch has at most half of it, and a keeper keeps the last one of each half.
pub const NEAR_BYTES: u64 = 2 << 20;

/// The keeper of cursors. It must know every draft that was taken, at least all but the last 4,096 of this process (those a `Tailer` remembers itself; `read_file`
/// remembers none), but need not answer with each: of a file's cursors that are no further apart than `NEAR_BYTES`, the newest is enough.
pub trait Keep {
    /// What is known.
    fn cursors(&mut self, query: &ResumeQuery) -> Vec<Cursor>;

    /// Batches of files that are an answer to a question about content: back from each of their cursors that end behind `from`, and near it, to the batch that
    /// starts at or before `from`. Too few is harmless: what is not known is read again.
    fn batches(&mut self, _query: &ResumeQuery, _from: u64) -> Vec<Batch> {
        Vec::new()
    }

    /// The bytes of a batch; `None` when they are gone.
    fn bytes(&mut self, _batch: &Batch) -> Option<Vec<u8>> {
        None
    }
}

/// One that answers with every cursor there is needs no batches.
impl<F: FnMut(&ResumeQuery) -> Vec<Cursor>> Keep for F {
    fn cursors(&mut self, query: &ResumeQuery) -> Vec<Cursor> {
        self(query)
    }
}

/// A keeper.
pub type Lookup<'a> = dyn Keep + 'a;

//! What can go wrong with a store: files, keys, locks, damage, rollback.
//!
//! Not here: malformed notes (`note_error`), proofs and tiles (`proof_error`), headers, entries and blocks (`format_error`).

use std::io;
use std::path::{Path, PathBuf};

use super::format_error::FormatError;
use super::note_error::NoteError;
use super::proof_error::ProofError;

/// A store that could not be opened, written or read; messages say what, where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes this store.
    #[error("{} is being written by process {pid}{}: stop it first; questions reach it by themselves", dir.display(), at(address))]
    Locked {
        /// The store.
        dir: PathBuf,
        /// The process, or `of unknown number`.
        pid: String,
        /// Where it answers.
        address: Option<String>,
    },
    /// Another process signs with this key: another copy of the store is being written.
    #[error("{} is in use by another process: a second copy of this store is being written", path.display())]
    KeyInUse {
        /// The key.
        path: PathBuf,
    },
    /// A write or sync failed before; nothing more is written.
    #[error("the store was closed for writing after an error ({reason}): start again, so that it is recovered")]
    Poisoned {
        /// The first error.
        reason: String,
    },
    /// A folder that is no store.
    #[error("{} is no store of deponent: it has no log/checkpoint", dir.display())]
    NotAStore {
        /// The folder.
        dir: PathBuf,
    },
    /// Evidence without a checkpoint.
    #[error(
        "{} holds {what} but no log/checkpoint: it was deleted, or the folder is not a store; restore it from a copy, or use another folder",
        dir.display()
    )]
    NoCheckpoint {
        /// The store.
        dir: PathBuf,
        /// What is there.
        what: String,
    },
    /// Something in the store that deponent does not write.
    #[error("{} is not part of a store: move it away", path.display())]
    UnknownFile {
        /// What.
        path: PathBuf,
    },
    /// Something of deponent's own that already exists where it is about to be made.
    #[error("{} exists already and is not overwritten", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// No place for the key is known.
    #[error("no folder for the signing key: set XDG_STATE_HOME or HOME")]
    NoStateHome,
    /// The key's folder lies in the store, where a rollback would take it along.
    #[error("the folder of the signing key, {}, lies inside of the store: put it elsewhere", path.display())]
    KeyInsideStore {
        /// The folder.
        path: PathBuf,
    },
    /// The store's key is not on this machine.
    #[error(
        "the signing key of this store is not in {}: restore that folder, or start with a new key: `deponent key adopt`",
        path.display()
    )]
    KeyMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The key or its folder is open to others.
    #[error("{} can be read or written by others (mode {mode:03o}): chmod {} it, and change the key if anybody may have read it", path.display(), wanted)]
    KeyExposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// Those it should have.
        wanted: &'static str,
    },
    /// A malformed or wrongly signed note.
    #[error("{}: {source}", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NoteError,
    },
    /// The store is older than what was signed.
    #[error(
        "{} was rolled back: {}, of {signed} log entries, was signed, and the store has {found}; \
         if it was restored from a backup on purpose: `deponent key adopt`",
        dir.display(), path.display()
    )]
    Rollback {
        /// The store.
        dir: PathBuf,
        /// The note that says so.
        path: PathBuf,
        /// Entries that were signed.
        signed: u64,
        /// Entries that are there.
        found: u64,
    },
    /// The store's history is another than what was signed.
    #[error("{} does not extend {}: its first {size} log entries are not those that were signed", dir.display(), path.display())]
    Fork {
        /// The store.
        dir: PathBuf,
        /// The note that says so.
        path: PathBuf,
        /// Entries that were signed.
        size: u64,
    },
    /// Somebody else signed in the meantime.
    #[error("{} was changed by somebody else: another copy of this store is being written; nothing was signed", path.display())]
    SignedElsewhere {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not what was written.
    #[error("{} is damaged at byte {offset}: {what}; `deponent verify` names all of it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The tree is not what the checkpoint says.
    #[error("{}: the log entries give another root than the checkpoint of {size}: `deponent verify` names the place", dir.display())]
    OtherRoot {
        /// The store.
        dir: PathBuf,
        /// Size of the checkpoint.
        size: u64,
    },
    /// A draft that cannot be sealed.
    #[error("a batch that cannot be sealed: {what}")]
    Draft {
        /// Why.
        what: String,
    },
    /// No random numbers.
    #[error("the system gave no random numbers: {error}")]
    NoRandom {
        /// What it said.
        error: String,
    },
    /// A log entry that does not exist (yet).
    #[error("log entry {leaf} does not exist: the store has {size}")]
    NoLeaf {
        /// Asked for.
        leaf: u64,
        /// Entries there are.
        size: u64,
    },
    /// A record that does not exist.
    #[error("log entry {leaf} has no record {record}: it has {count}")]
    NoRecord {
        /// The log entry.
        leaf: u64,
        /// Asked for.
        record: u32,
        /// Records it has.
        count: u32,
    },
    /// A record that was redacted.
    #[error("record {record} of log entry {leaf} was redacted: its hash is kept, its bytes are not")]
    Redacted {
        /// The log entry.
        leaf: u64,
        /// The record.
        record: u32,
    },
    /// A folder that a backup cannot go into.
    #[error("{} is not written: {what}", dir.display())]
    Backup {
        /// The folder.
        dir: PathBuf,
        /// Why not.
        what: String,
    },
    /// Records that are gone by retention.
    #[error(
        "the records of log entry {leaf} are gone by retention, as log entry {statement} says, which is signed: its hash and header are kept, its bytes are not"
    )]
    Pruned {
        /// The log entry.
        leaf: u64,
        /// The log entry that says so.
        statement: u64,
    },
    /// A malformed header, entry or block.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A tile or proof that does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl EvidenceError {
    /// Wraps what the operating system said.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EvidenceError {
        let path = path.to_owned();
        move |source| EvidenceError::Io { action, path, source }
    }

    /// Wraps what is wrong with a note.
    pub(super) fn note(path: &Path) -> impl FnOnce(NoteError) -> EvidenceError {
        let path = path.to_owned();
        move |source| EvidenceError::Note { path, source }
    }

    /// Whether the evidence itself is in doubt, and not the disk, the rights or the arguments.
    pub fn is_integrity(&self) -> bool {
        matches!(
            self,
            EvidenceError::Rollback { .. }
                | EvidenceError::Fork { .. }
                | EvidenceError::SignedElsewhere { .. }
                | EvidenceError::Damaged { .. }
                | EvidenceError::OtherRoot { .. }
                | EvidenceError::NoCheckpoint { .. }
                | EvidenceError::UnknownFile { .. }
                | EvidenceError::Note { .. }
                | EvidenceError::Format(_)
                | EvidenceError::Proof(_)
        )
    }
}

fn at(address: &Option<String>) -> String {
    address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default()
}

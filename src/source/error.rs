//! What goes wrong while reading: one file is left out, or read up to a point; the others go on.
//!
//! Not here: what is wrong inside of a record (`deponent_parsers::issue`).

use std::io;
use std::path::{Path, PathBuf};

/// Why a path is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A FIFO, a socket, a device, a folder where a file is wanted: reading it could block for ever or do something.
    #[error("is a {what}, not a file; only regular files are read")]
    NotAFile {
        /// What it is instead.
        what: &'static str,
    },
    /// Symbolic links that lead to themselves.
    #[error("is a loop of symbolic links; remove the loop or name the file that is meant")]
    Loop,
    /// Not there, or gone before it was opened.
    #[error("does not exist, or vanished before it could be opened")]
    Missing,
    /// No permission.
    #[error("may not be read (permission denied); run as a user who may, or change its mode")]
    Denied,
    /// Its content is none of the formats that are known.
    #[error("is not recognised: {found}; if it is a log of a known format, name that with --kind")]
    Unrecognised {
        /// What the first bytes look like.
        found: String,
    },
    /// Anything else that the operating system says.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl SourceError {
    /// A short fixed name, countable.
    pub fn kind(&self) -> &'static str {
        match self {
            SourceError::NotAFile { .. } => "not-a-file",
            SourceError::Loop => "link-loop",
            SourceError::Missing => "missing",
            SourceError::Denied => "permission-denied",
            SourceError::Unrecognised { .. } => "unrecognised",
            SourceError::Io(_) => "unreadable",
        }
    }

    /// Whether it may be a log that should have been read: not a thing that merely lies in the same folder.
    pub fn is_loss(&self) -> bool {
        matches!(self, SourceError::Denied | SourceError::Missing | SourceError::Io(_))
    }
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> SourceError {
        // ELOOP has no stable `ErrorKind`; 40 on every Linux architecture but Alpha, MIPS, PA-RISC and SPARC, where the text below says the same.
        const ELOOP: i32 = 40;
        match error.kind() {
            io::ErrorKind::NotFound => SourceError::Missing,
            io::ErrorKind::PermissionDenied => SourceError::Denied,
            _ if error.raw_os_error() == Some(ELOOP) => SourceError::Loop,
            _ => SourceError::Io(error),
        }
    }
}

/// A path that was not read, and why. Counted and shown, never fatal for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The path as named or found.
    pub path: PathBuf,
    /// Why, as a short fixed name.
    pub kind: &'static str,
    /// It may be a log that should have been read.
    pub is_loss: bool,
    /// Why, as a phrase that follows the path.
    pub reason: String,
}

impl Skipped {
    /// `path` was not read because of `error`.
    pub fn new(path: &Path, error: &SourceError) -> Skipped {
        Skipped { path: path.to_owned(), kind: error.kind(), is_loss: error.is_loss(), reason: error.to_string() }
    }
}

/// Something about a file that was read, though not all of it or not without doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// A short fixed name, countable: `bad-compressed-tail`, `decompression-limit`, `read-error`.
    pub kind: &'static str,
    /// Byte of the file, after decompression.
    pub at: u64,
    /// What exactly.
    pub detail: String,
}

/// The consumer of drafts takes no more: reading ends. What was not taken is read again next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("reading was stopped by its consumer")]
pub struct Stop;

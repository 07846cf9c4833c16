//! A place in a store that is not what it must be.

use std::fmt;
use std::path::{Path, PathBuf};

/// What `verify` and `fsck` found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The file or folder, as it was reached.
    pub path: PathBuf,
    /// The byte where the part that is wrong starts.
    pub offset: Option<u64>,
    /// The log entry.
    pub leaf: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl Fault {
    pub(super) fn new(path: impl Into<PathBuf>, what: impl Into<String>) -> Fault {
        Fault { path: path.into(), offset: None, leaf: None, what: what.into() }
    }

    pub(super) fn entry(path: &Path, offset: u64, leaf: u64, what: impl Into<String>) -> Fault {
        Fault { path: path.to_owned(), offset: Some(offset), leaf: Some(leaf), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        if let Some(leaf) = self.leaf {
            write!(f, ", log entry {leaf}")?;
        }
        write!(f, ": {}", self.what)
    }
}

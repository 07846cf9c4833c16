//! Where things lie in a store (`docs/format.md` §1).
//!
//! Not here: tile paths below `log/` (`tiles`), the key's folder (`keys`).

use std::path::{Path, PathBuf};

use super::error::EvidenceError;
use super::tiles::encode_index;

/// Blocks of a full segment; also entries of a full bundle, so that segment k and bundle k belong together.
pub(super) const SEGMENT_BLOCKS: u64 = 256;
/// What a store's folder may hold; `lost+found` is there when the folder is a file system of its own.
pub(super) const TOP: [&str; 9] = ["lock", "log", "batches", "wal", "index", "state", "alerts", "access", "lost+found"];

/// The paths of one store.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
}

impl Layout {
    pub(super) fn new(dir: &Path) -> Layout {
        Layout { dir: dir.to_owned() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn checkpoint(&self) -> PathBuf {
        self.dir.join("log/checkpoint")
    }

    /// Where files are written before they are moved to their place; what is left here by a crash is nothing.
    pub(super) fn staging(&self) -> PathBuf {
        self.dir.join("log/new")
    }

    /// A path of tlog-tiles, which is below `log/`.
    pub(super) fn tile(&self, path: &str) -> PathBuf {
        self.dir.join("log").join(path)
    }

    pub(super) fn batches(&self) -> PathBuf {
        self.dir.join("batches")
    }

    pub(super) fn wal_dir(&self) -> PathBuf {
        self.dir.join("wal")
    }

    /// A full segment.
    pub(super) fn batch(&self, segment: u64) -> PathBuf {
        self.batches().join(encode_index(segment))
    }

    /// A growing segment.
    pub(super) fn wal(&self, segment: u64) -> PathBuf {
        self.wal_dir().join(encode_index(segment))
    }
}

/// The files below a folder, with their paths from there; folders are not listed, links and other things are refused.
pub(super) fn files_below(dir: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    let mut files = Vec::new();
    if !dir.exists() {
        return Ok(files);
    }
    for entry in walkdir::WalkDir::new(dir).min_depth(1).max_depth(12).sort_by_file_name() {
        let entry = entry.map_err(|error| EvidenceError::Io {
            action: "list",
            path: error.path().unwrap_or(dir).to_owned(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() {
            files.push(entry.path().strip_prefix(dir).unwrap_or(entry.path()).to_owned());
        } else if !entry.file_type().is_dir() {
            return Err(EvidenceError::UnknownFile { path: entry.into_path() });
        }
    }
    Ok(files)
}

/// Whether anything lies in a folder.
pub(super) fn is_empty(dir: &Path) -> Result<bool, EvidenceError> {
    Ok(files_below(dir)?.is_empty())
}

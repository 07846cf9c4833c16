//! New files of `log/`, put into their places all at once: written aside, synced, renamed, their folders synced.
//!
//! A crash before the renames leaves files in `log/new/`, which the next opening removes; between them, files that no checkpoint covers yet,
//! which the next opening writes again with the same bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use super::disk;
use super::error::EvidenceError;
use super::layout::{Layout, files_below};

/// Files that are written, but not in their places.
pub(super) struct Stage<'a> {
    layout: &'a Layout,
    files: Vec<Staged>,
}

struct Staged {
    file: File,
    from: PathBuf,
    to: PathBuf,
}

impl<'a> Stage<'a> {
    pub(super) fn new(layout: &'a Layout) -> Stage<'a> {
        Stage { layout, files: Vec::new() }
    }

    /// Writes a file aside.
    pub(super) fn put(&mut self, to: PathBuf, bytes: &[u8]) -> Result<(), EvidenceError> {
        let from = self.layout.staging().join(self.files.len().to_string());
        // A crash here: a file in log/new/, of any length.
        let file = disk::create(&from, bytes, 0o644)?;
        self.files.push(Staged { file, from, to });
        // Not too many open files: a long import without a publish has many full tiles.
        if self.files.len() >= 64 { self.commit() } else { Ok(()) }
    }

    /// Makes all of them durable and moves them to their places.
    pub(super) fn commit(&mut self) -> Result<(), EvidenceError> {
        let mut folders = BTreeSet::new();
        for staged in &self.files {
            // A crash here: as above.
            disk::sync(&staged.file, &staged.from)?;
        }
        for staged in self.files.drain(..) {
            if let Some(folder) = staged.to.parent() {
                disk::create_dirs(folder, 0o755)?;
                folders.insert(folder.to_owned());
            }
            // A crash here: some are in their places, complete.
            disk::rename(&staged.from, &staged.to)?;
        }
        // A crash here: whether the names survive is open; the files are written again with the same bytes.
        folders.iter().try_for_each(|folder| disk::sync_dir(folder))
    }
}

/// Removes what a crash left aside, and makes sure that the folder is there.
pub(super) fn clear(layout: &Layout) -> Result<(), EvidenceError> {
    let staging = layout.staging();
    for name in files_below(&staging)? {
        disk::remove(&staging.join(name))?;
    }
    disk::create_dirs(&staging, 0o755)
}

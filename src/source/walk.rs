//! From paths to files, in a stable order: folders by name, of rotated logs the oldest first.
//!
//! Inside: `walk`, which names what it leaves out and why. Not here: reading (`reader`).

use super::error::{Skipped, SourceError};
use super::names::Family;
use super::open::regular;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A regular file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Bytes, as they lie on disk, when it was looked at.
    pub bytes: u64,
}

/// What lies under some paths.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Walk {
    /// To be read, in this order.
    pub files: Vec<Found>,
    /// Left out.
    pub skipped: Vec<Skipped>,
}

/// All regular files of `paths`, those of folders with all folders in them. Symbolic links are followed, loops reported.
pub fn walk(paths: &[PathBuf]) -> Walk {
    let mut walk = Walk::default();
    for path in paths {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => folder(path, &mut walk),
            Ok(metadata) => match regular(&metadata) {
                Ok(()) => walk.files.push(Found { path: path.clone(), bytes: metadata.len() }),
                Err(error) => walk.skipped.push(Skipped::new(path, &error)),
            },
            Err(error) => walk.skipped.push(Skipped::new(path, &error.into())),
        }
    }
    walk
}

fn folder(root: &Path, walk: &mut Walk) {
    let mut files = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let reason = match error.loop_ancestor() {
                    Some(_) => SourceError::Loop,
                    None => error.into_io_error().map_or(SourceError::Missing, SourceError::from),
                };
                walk.skipped.push(Skipped::new(&path, &reason));
                continue;
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        match entry.metadata().map_err(|error| error.into_io_error()) {
            Ok(metadata) => match regular(&metadata) {
                Ok(()) => files.push(Found { path: entry.into_path(), bytes: metadata.len() }),
                Err(error) => walk.skipped.push(Skipped::new(entry.path(), &error)),
            },
            Err(error) => {
                let reason = error.map_or(SourceError::Missing, SourceError::from);
                walk.skipped.push(Skipped::new(entry.path(), &reason));
            }
        }
    }
    files.sort_by_cached_key(order);
    walk.files.append(&mut files);
}

/// Folder, log, age; then the name itself, so that the order is the same everywhere.
fn order(found: &Found) -> (Option<PathBuf>, Option<Family>, PathBuf) {
    let family = found.path.file_name().map(|name| Family::of(name.as_bytes()));
    (found.path.parent().map(Path::to_owned), family, found.path.clone())
}

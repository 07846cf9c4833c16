//! Every change that is made on disk, one function a kind.
//!
//! Inside: the steps that a crash can fall between. Tests fail each of them, before and after it was done.
//! Not here: which step follows which (`stage`, `writer`, `keys`).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::error::EvidenceError;

/// Does one step; in tests, `faults` may fail it.
fn step<T>(action: &'static str, path: &Path, run: impl FnOnce() -> io::Result<T>) -> Result<T, EvidenceError> {
    #[cfg(test)]
    super::faults::before().map_err(EvidenceError::io(action, path))?;
    let done = run().map_err(EvidenceError::io(action, path))?;
    #[cfg(test)]
    super::faults::after().map_err(EvidenceError::io(action, path))?;
    Ok(done)
}

/// Makes a folder and those above it, and makes their names durable. `mode` is for those that are new.
pub(super) fn create_dirs(path: &Path, mode: u32) -> Result<(), EvidenceError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    create_dirs(parent, mode)?;
    step("create", path, || match DirBuilder::new().mode(mode).create(path) {
        // Somebody else was faster; it is there.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    })?;
    sync_dir(parent)
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), EvidenceError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    step("sync", path, || File::open(path)?.sync_all())
}

/// Creates a file that must not exist, and writes it; not durable before `sync`.
pub(super) fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<File, EvidenceError> {
    let file = step("create", path, || OpenOptions::new().write(true).create_new(true).mode(mode).open(path))?;
    write(&file, path, bytes)?;
    Ok(file)
}

/// Writes at a file's end, or where it stands.
pub(super) fn write(mut file: &File, path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    step("write", path, || file.write_all(bytes))
}

/// Makes a file's bytes durable.
pub(super) fn sync(file: &File, path: &Path) -> Result<(), EvidenceError> {
    step("sync", path, || file.sync_data())
}

/// Moves a file over another, or to a new place.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), EvidenceError> {
    step("rename", to, || std::fs::rename(from, to))
}

/// Replaces a small file, or makes it, durably: it is the old one or the new one, whole.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), EvidenceError> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    remove(aside)?;
    sync(&create(aside, bytes, mode)?, aside)?;
    // A crash here: the old one holds.
    rename(aside, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Removes a file; it is fine when there is none.
pub(super) fn remove(path: &Path) -> Result<(), EvidenceError> {
    step("remove", path, || match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    })
}

/// Removes an empty folder; it is fine when it is not empty or not there.
pub(super) fn remove_empty_dir(path: &Path) -> Result<(), EvidenceError> {
    step("remove", path, || match std::fs::remove_dir(path) {
        Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::DirectoryNotEmpty].contains(&error.kind()) => Ok(()),
        done => done,
    })
}

/// Cuts a file.
pub(super) fn truncate(file: &File, path: &Path, length: u64) -> Result<(), EvidenceError> {
    step("cut", path, || file.set_len(length))
}

/// Reads a small file whole; nothing when there is none. At most `max` bytes.
pub(super) fn read_small(path: &Path, max: u64) -> Result<Option<Vec<u8>>, EvidenceError> {
    let read = || {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(File::open(path)?, max.saturating_add(1)), &mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {max} bytes")));
        }
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EvidenceError::io("read", path)(error)),
    }
}

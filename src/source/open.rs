//! Opens a path without being caught: no FIFO blocks, no device is touched, no loop is followed.
//!
//! Not here: decompression (`decode`), folders (`walk`).

use super::error::SourceError;
use crate::evidence::FileId;
use std::fs::{self, File, FileType, Metadata, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// `O_NONBLOCK | O_NOCTTY` of Linux (x86, ARM, RISC-V, POWER, s390x): no wait for a writer should a FIFO take the file's place between look and open.
const FLAGS: i32 = 0o4000 | 0o400;

/// An open regular file.
#[derive(Debug)]
pub struct Opened {
    /// Positioned at its start.
    pub file: File,
    /// Who it is, as of the open file, not of the path.
    pub id: FileId,
    /// Bytes when it was opened.
    pub size: u64,
}

/// Opens a regular file for reading; symbolic links are followed.
///
/// Errors: `NotAFile`, `Loop`, `Missing`, `Denied`, `Io`; none is fatal for other files.
pub fn open(path: &Path) -> Result<Opened, SourceError> {
    // Looked at first: merely opening some devices does something.
    regular(&fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(FLAGS).open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    Ok(Opened { id: id_of(path, &metadata), size: metadata.len(), file })
}

/// Identity of a file that was opened under `path`.
fn id_of(path: &Path, metadata: &Metadata) -> FileId {
    let birth = metadata.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    FileId {
        dev: metadata.dev(),
        ino: metadata.ino(),
        birth: birth.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0),
        path: path.as_os_str().as_bytes().to_vec(),
    }
}

/// Refuses what is not a regular file.
pub fn regular(metadata: &Metadata) -> Result<(), SourceError> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(SourceError::NotAFile { what: name_of(metadata.file_type()) }),
    }
}

fn name_of(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "folder",
        () if kind.is_fifo() => "named pipe (FIFO)",
        () if kind.is_socket() => "socket",
        () if kind.is_char_device() => "character device",
        () if kind.is_block_device() => "block device",
        () if kind.is_symlink() => "symbolic link",
        () => "special file",
    }
}

//! `DIR/lock` (`docs/format.md` §12): who writes the store, and where it answers.
//!
//! Not here: the lock on the key (`keys`).

use std::fs::{File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::checkpoint::decimal;
use super::disk;
use super::error::EvidenceError;
use super::layout::Layout;

const FORMAT: &str = "deponent-lock/v1";
const LINE_BYTES_MAX: u64 = 256;

/// The process that writes a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// The loopback address where it answers.
    pub address: Option<SocketAddr>,
}

/// The lock, held as long as this lives.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(layout: &Layout) -> Result<Lock, EvidenceError> {
        let path = layout.lock();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(EvidenceError::io("open", &path))?;
        // Whoever only looks holds the lock for a moment: asked again before somebody is told that the store is taken.
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < 5 => std::thread::sleep(Duration::from_millis(20)),
                Err(TryLockError::WouldBlock) => return Err(locked(layout, &path)),
                Err(TryLockError::Error(error)) => return Err(EvidenceError::io("lock", &path)(error)),
            }
        }
        let lock = Lock { file, path };
        lock.set(None)?;
        Ok(lock)
    }

    /// Writes who holds it and where it answers.
    pub(super) fn set(&self, address: Option<SocketAddr>) -> Result<(), EvidenceError> {
        let line = line(Holder { pid: std::process::id(), address });
        let write = || {
            // The hash at the end of the line tells a reader that comes in between that it is not whole.
            self.file.write_all_at(line.as_bytes(), 0)?;
            self.file.set_len(u64::try_from(line.len()).unwrap_or(0))
        };
        write().map_err(EvidenceError::io("write", &self.path))
    }

    /// Empties the file, as nobody answers any more; the lock itself goes with the file's handle.
    pub(super) fn release(self) -> Result<(), EvidenceError> {
        self.file.set_len(0).map_err(EvidenceError::io("write", &self.path))
    }
}

/// Keeps writers away while what is derived is made anew; needs no key.
pub struct Held(#[expect(dead_code, reason = "held until it is dropped")] Lock);

/// Takes the lock of a store that is there.
///
/// # Errors
/// Another process has it.
pub fn hold(dir: &Path) -> Result<Held, EvidenceError> {
    Lock::take(&Layout::new(dir)).map(Held)
}

/// Who writes this store now; `None` when nobody does, or when it cannot be known who.
///
/// # Errors
/// A lock file that cannot be read.
pub fn holder(dir: &Path) -> Result<Option<Holder>, EvidenceError> {
    let path = Layout::new(dir).lock();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EvidenceError::io("open", &path)(error)),
    };
    match file.try_lock_shared() {
        // What stands in the file is from a process that died.
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(disk::read_small(&path, LINE_BYTES_MAX)?.as_deref().and_then(parse_line)),
        Err(TryLockError::Error(error)) => Err(EvidenceError::io("lock", &path)(error)),
    }
}

/// Whether a lock file holds nothing but what this program writes.
pub(super) fn is_well_formed(layout: &Layout) -> Result<bool, EvidenceError> {
    let bytes = disk::read_small(&layout.lock(), LINE_BYTES_MAX)?.unwrap_or_default();
    Ok(bytes.is_empty() || parse_line(&bytes).is_some())
}

fn line(holder: Holder) -> String {
    let address = holder.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let mut line = format!("{FORMAT} {} {address} ", holder.pid);
    let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(line.as_bytes()));
    line.push_str(hash.get(..16).unwrap_or_default());
    line.push('\n');
    line
}

fn parse_line(bytes: &[u8]) -> Option<Holder> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut words = text.strip_prefix(FORMAT)?.strip_prefix(' ')?.split(' ');
    let pid = u32::try_from(decimal(words.next()?)?).ok()?;
    let address = match words.next()? {
        "-" => None,
        address => Some(address.parse().ok()?),
    };
    let holder = Holder { pid, address };
    (line(holder) == text).then_some(holder)
}

fn locked(layout: &Layout, path: &Path) -> EvidenceError {
    let holder = disk::read_small(path, LINE_BYTES_MAX).ok().flatten().as_deref().and_then(parse_line);
    EvidenceError::Locked {
        dir: layout.dir().to_owned(),
        pid: holder.map_or_else(|| "of unknown number".to_owned(), |holder| holder.pid.to_string()),
        address: holder.and_then(|holder| holder.address).map(|address| address.to_string()),
    }
}

//! Reads what was appended to an open file, and notices when it is no longer the file that was read.
//!
//! Not here: what happens then (`file`).

use super::nanos;
use crate::evidence::Draft;
use crate::source::batch::Batcher;
use crate::source::error::Stop;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Consumed bytes before the position that are compared each time more is read.
const WINDOW_BYTES: usize = 16 << 10;

/// A draft of fewer bytes is small: the header of its batch, which lies in the log twice, is more than a tenth of it.
const SMALL_BYTES: usize = 32 << 10;

/// Reading position in an open file.
#[derive(Debug)]
pub struct Follow {
    /// Takes the bytes.
    pub batcher: Batcher,
    /// Bytes of the file that were read, unfinished ones included.
    pub position: u64,
    /// When the open draft had its first record.
    open_since: Option<i64>,
    /// When the last one was due.
    sealed_at: Option<i64>,
    window: Vec<u8>,
}

/// What reading on came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// So many bytes were appended and read.
    Read(usize),
    /// What was read before is not there any more: other content lies in its place.
    Replaced,
}

impl Follow {
    /// At `position`, behind what `batcher` has consumed.
    pub fn new(file: &File, batcher: Batcher, position: u64) -> io::Result<Follow> {
        let len = usize::try_from(position).unwrap_or(usize::MAX).min(WINDOW_BYTES);
        let mut window = vec![0; len];
        let read = read_full(file, &mut window, position.saturating_sub(len as u64))?;
        window.truncate(read);
        Ok(Follow { batcher, position, open_since: None, sealed_at: None, window })
    }

    /// When the open draft has to be sealed; `None` when there is none. Small drafts one behind another wait longer, two and a half times at most; the first
    /// after a pause, and any that is not small, does not.
    pub fn due(&self, age_ms: u32) -> Option<i64> {
        let since = self.open_since?;
        let age = nanos(age_ms);
        let longest = age.saturating_mul(5) / 2;
        let is_one_of_many = self.sealed_at.is_some_and(|at| since.saturating_sub(at) < longest);
        let is_small = self.batcher.open_bytes() < SMALL_BYTES;
        Some(since.saturating_add(if is_small && is_one_of_many { longest } else { age }))
    }

    /// Looks whether a draft is open, and whether it is to be sealed now.
    pub fn is_due(&mut self, now: i64, age_ms: u32) -> bool {
        if !self.batcher.is_open() {
            self.open_since = None;
            return false;
        }
        let since = *self.open_since.get_or_insert(now);
        // A clock that was set back must not hold a draft open.
        let due = now < since || self.due(age_ms).is_some_and(|due| now >= due);
        if due {
            self.sealed_at = Some(now);
        }
        due
    }

    /// Hands out complete records.
    pub fn seal(&mut self, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<(), Stop> {
        self.open_since = None;
        self.batcher.seal(emit)
    }

    /// Reads up to `bytes_max` bytes. The bytes before them are read and compared in the same call, so that a file that was truncated and has
    /// grown beyond the position since is not taken for one that was appended to.
    pub fn read_on(
        &mut self,
        file: &File,
        bytes_max: usize,
        scratch: &mut Vec<u8>,
        emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    ) -> Result<io::Result<Growth>, Stop> {
        scratch.resize(self.window.len().saturating_add(bytes_max), 0);
        let from = self.position.saturating_sub(self.window.len() as u64);
        let read = match read_full(file, scratch, from) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        let Some((before, new)) = scratch.get(..read).and_then(|all| all.split_at_checked(self.window.len())) else {
            return Ok(Ok(Growth::Replaced));
        };
        if before != self.window {
            return Ok(Ok(Growth::Replaced));
        }
        self.batcher.push(new, emit)?;
        self.position = self.position.saturating_add(new.len() as u64);
        let kept = new.get(new.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default();
        let surplus = self.window.len().saturating_add(kept.len()).saturating_sub(WINDOW_BYTES);
        self.window.drain(..surplus.min(self.window.len()));
        self.window.extend_from_slice(kept);
        Ok(Ok(Growth::Read(new.len())))
    }
}

/// Fills `buffer` from `at` on, as far as the file goes.
pub fn read_full(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0usize;
    while let Some(room) = buffer.get_mut(done..).filter(|room| !room.is_empty()) {
        match file.read_at(room, at.saturating_add(done as u64)) {
            Ok(0) => break,
            Ok(read) => done = done.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

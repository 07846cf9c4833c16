//! Segments (`docs/format.md` §5) as files: blocks one behind the other.
//!
//! Inside: reading them in order, telling a torn block from a damaged one.
//! Not here: one block (`block`), random access (`reader`).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::block::{HEAD_BYTES, Head, MAGIC, trailer_fits};
use super::error::EvidenceError;
use super::layout::Layout;

/// What comes next in a segment.
#[derive(Debug)]
pub(super) enum Next {
    /// A block, whose bytes are in the buffer, with a fitting hash.
    Block,
    /// The end of the file, between two blocks.
    End,
    /// The file does not go on with a block.
    Bad {
        what: String,
        /// A crash while appending explains it: the file ends within the block, or zeros stand where it was not written.
        torn: bool,
    },
}

/// Reads a segment's blocks in order.
pub(super) struct Blocks {
    file: BufReader<File>,
    path: PathBuf,
    at: u64,
    length: u64,
}

impl Blocks {
    /// Opens a segment, whichever of its two places it is in; nothing when it is in neither.
    pub(super) fn open(layout: &Layout, segment: u64) -> Result<Option<Blocks>, EvidenceError> {
        match open_segment(layout, segment)? {
            Some((file, path)) => Blocks::over(file, path, 0).map(Some),
            None => Ok(None),
        }
    }

    /// Reads an open segment from `at` on, where a block must start.
    pub(super) fn over(mut file: File, path: PathBuf, at: u64) -> Result<Blocks, EvidenceError> {
        let mut seek = || {
            file.seek(SeekFrom::Start(at))?;
            Ok(file.metadata()?.len())
        };
        let length = seek().map_err(EvidenceError::io("read", &path))?;
        Ok(Blocks { file: BufReader::with_capacity(256 * 1024, file), path, at, length })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next block starts.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Bytes of the file when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads the next block into `block`.
    pub(super) fn next(&mut self, block: &mut Vec<u8>) -> Result<Next, EvidenceError> {
        self.read_next(block).map_err(EvidenceError::io("read", &self.path))
    }

    fn read_next(&mut self, block: &mut Vec<u8>) -> io::Result<Next> {
        block.clear();
        fill(&mut self.file, block, HEAD_BYTES)?;
        if block.is_empty() {
            return Ok(Next::End);
        }
        let Some(head) = block.first_chunk::<HEAD_BYTES>() else {
            let begun = block.iter().zip(MAGIC).all(|(byte, magic)| byte == magic);
            return self.bad("the file ends within a block's lengths", begun);
        };
        let total = match Head::parse(head) {
            Ok(head) => head.total(),
            Err(error) => return self.bad(error.to_string(), false),
        };
        fill(&mut self.file, block, total)?;
        if block.len() < total {
            return self.bad(format!("the file ends within a block of {total} bytes"), true);
        }
        if !trailer_fits(block) {
            return self.bad("the block's hash does not fit its bytes", false);
        }
        self.at = self.at.saturating_add(u64::try_from(total).unwrap_or(u64::MAX));
        Ok(Next::Block)
    }

    fn bad(&mut self, what: impl Into<String>, short: bool) -> io::Result<Next> {
        let torn = short || self.has_hole()?;
        Ok(Next::Bad { what: what.into(), torn })
    }

    /// Whether zeros stand somewhere from here on: a power loss leaves them where a file's length, but not its bytes, had reached the disk.
    /// A block has no such run of its own.
    fn has_hole(&mut self) -> io::Result<bool> {
        const SECTOR: u64 = 512;
        let first = self.at.next_multiple_of(SECTOR);
        if self.length.saturating_sub(self.at) < SECTOR * 2 {
            // Too short to hold a whole sector: zeros to the end.
            self.file.seek(SeekFrom::Start(self.at))?;
            let mut rest = Vec::new();
            Read::by_ref(&mut self.file).take(SECTOR * 2).read_to_end(&mut rest)?;
            return Ok(rest.iter().all(|byte| *byte == 0));
        }
        self.file.seek(SeekFrom::Start(first))?;
        let mut sector = Vec::new();
        loop {
            sector.clear();
            fill(&mut self.file, &mut sector, 512)?;
            if sector.is_empty() {
                return Ok(false);
            }
            if sector.iter().all(|byte| *byte == 0) {
                return Ok(true);
            }
        }
    }
}

/// Reads until `to` has `length` bytes, or the file ends.
fn fill(file: &mut impl Read, to: &mut Vec<u8>, length: usize) -> io::Result<()> {
    let missing = u64::try_from(length.saturating_sub(to.len())).unwrap_or(0);
    file.take(missing).read_to_end(to).map(|_| ())
}

/// Opens a segment in `batches/` or `wal/`. It may move from one to the other while it is looked for.
pub(super) fn open_segment(layout: &Layout, segment: u64) -> Result<Option<(File, PathBuf)>, EvidenceError> {
    for path in [layout.batch(segment), layout.wal(segment), layout.batch(segment)] {
        match File::open(&path) {
            Ok(file) => return Ok(Some((file, path))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(EvidenceError::io("open", &path)(error)),
        }
    }
    Ok(None)
}

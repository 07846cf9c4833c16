//! The spool of an agent: sealed blocks on disk, from their making until a collector has acknowledged them.
//!
//! Inside: segments of blocks, one behind the other; the memory of the last header of each chain; recovery. It never drops anything: when it is full, it says so,
//! and whoever reads files stops.
//! Layout of its folder: `NUMBER` (segments, named after the number of their first block), `heads` (the last header of each chain among the blocks that were
//! removed), `position` (how far has been confirmed; a hint: what is sent twice is known to the collector).
//! Not here: sealing (`sealed`), sending and receipts (`agent`).

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::block::{HEAD_BYTES, Head};
use super::disk;
use super::error::EvidenceError;
use super::header::Header;
use super::sealed::sealed_header;
use super::segment::{Blocks, Next};

/// Bytes at which a segment is full.
const SEGMENT_BYTES: u64 = 8 << 20;
/// Bytes of `heads`: a header has 50 KiB at most, and an agent some dozens of sources.
const HEADS_BYTES_MAX: u64 = 64 << 20;
const POSITION_BYTES_MAX: u64 = 1 << 10;

/// Told of each header that an opening finds, and the number of its block where that is there.
pub type OnHead<'a> = dyn FnMut(Option<u64>, &Header) -> Result<(), EvidenceError> + 'a;

/// What an opening found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolRecovery {
    /// Blocks that wait to be acknowledged.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of a torn block that were cut off: what it held had not been counted as read.
    pub cut_bytes: u64,
    /// Segments that were damaged, and what was wrong: moved aside (`NUMBER.damaged`), their blocks are not sent.
    pub damaged: Vec<String>,
}

#[derive(Debug)]
struct Segment {
    /// Number of its first block.
    first: u64,
    /// Bytes that are durable.
    durable: u64,
}

#[derive(Debug, Default)]
struct State {
    segments: Vec<Segment>,
    /// Up to where is acknowledged: a segment's first number, and bytes from its start.
    confirmed: (u64, u64),
    closed: bool,
}

impl State {
    /// Bytes that wait. What is acknowledged takes room on the disk until its segment is full, and is not among them.
    fn bytes(&self) -> u64 {
        let waiting = |segment: &Segment| match segment.first.cmp(&self.confirmed.0) {
            Ordering::Less => 0,
            Ordering::Equal => segment.durable.saturating_sub(self.confirmed.1),
            Ordering::Greater => segment.durable,
        };
        self.segments.iter().map(waiting).sum()
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    grown: Condvar,
    shrunk: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end.
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    shared: Arc<Shared>,
    /// Number of the next block.
    next: u64,
    growing: Option<(File, PathBuf)>,
    buffer: Vec<u8>,
    buffered: u64,
}

/// The reading end.
pub struct SpoolReader {
    dir: PathBuf,
    shared: Arc<Shared>,
    /// Where the next block to be sent lies: a segment's first number, and bytes from its start.
    at: (u64, u64),
    /// The last confirmed header of each source.
    heads: BTreeMap<String, String>,
}

impl Spool {
    /// Opens a spool, or makes one. `head` is told the last header of each chain whose blocks are gone, and of each block that is there its number and header, in order.
    ///
    /// # Errors
    /// The disk's; what `head` says.
    pub fn open(
        dir: &Path,
        bytes_max: u64,
        head: &mut OnHead<'_>,
    ) -> Result<(Spool, SpoolReader, SpoolRecovery), EvidenceError> {
        disk::create_dirs(dir, 0o700)?;
        let (mut next, heads) = read_heads(dir)?;
        for text in heads.values() {
            head(None, &Header::parse(text)?)?;
        }
        let mut recovery = SpoolRecovery::default();
        let mut state = State::default();
        let noted = noted_position(dir);
        let mut all = 0;
        for first in numbers(dir)? {
            let path = segment_path(dir, first);
            let file = File::open(&path).map_err(EvidenceError::io("open", &path))?;
            let mut blocks = Blocks::over(file, path.clone(), 0)?;
            let (mut block, mut number) = (Vec::new(), first);
            let damage = loop {
                let start = (first, blocks.at());
                match blocks.next(&mut block)? {
                    Next::Block => {
                        all += 1;
                        recovery.blocks += u64::from(noted.is_none_or(|noted| start >= noted));
                        let header = sealed_header(&block)?;
                        head(Some(number), &header)?;
                        number += 1;
                    }
                    Next::End => break None,
                    Next::Bad { torn: true, .. } => {
                        recovery.cut_bytes += blocks.length().saturating_sub(blocks.at());
                        let file =
                            OpenOptions::new().write(true).open(&path).map_err(EvidenceError::io("open", &path))?;
                        disk::truncate(&file, &path, blocks.at())?;
                        disk::sync(&file, &path)?;
                        break None;
                    }
                    Next::Bad { what, .. } => break Some(what),
                }
            };
            next = next.max(number);
            if let Some(what) = damage {
                // What is before the damage is sent; what is behind it cannot be found any more, and the numbers of the chains show the hole.
                let aside = path.with_extension("damaged");
                std::fs::copy(&path, &aside).map_err(EvidenceError::io("copy", &path))?;
                let file = OpenOptions::new().write(true).open(&path).map_err(EvidenceError::io("open", &path))?;
                disk::truncate(&file, &path, blocks.at())?;
                disk::sync(&file, &path)?;
                recovery.damaged.push(format!("{}: at byte {}: {what}", path.display(), blocks.at()));
            }
            if blocks.at() == 0 {
                disk::remove(&path)?;
                continue;
            }
            state.segments.push(Segment { first, durable: blocks.at() });
        }
        let at = position_in(&state, noted);
        if noted != Some(at) {
            recovery.blocks = all;
        }
        state.confirmed = at;
        recovery.bytes = state.bytes();
        let shared = Arc::new(Shared { state: Mutex::new(state), ..Shared::default() });
        let spool = Spool {
            dir: dir.to_owned(),
            bytes_max,
            shared: Arc::clone(&shared),
            next,
            growing: None,
            buffer: Vec::new(),
            buffered: 0,
        };
        Ok((spool, SpoolReader { dir: dir.to_owned(), shared, at, heads }, recovery))
    }

    /// Number of the next block.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that wait, on disk.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().bytes()
    }

    /// Waits until there is room, or `within` has passed; whether there is.
    pub fn wait_for_room(&self, within: Duration) -> bool {
        let state = self.shared.lock();
        let full = |state: &mut State| state.bytes() >= self.bytes_max;
        let (state, _) =
            self.shared.shrunk.wait_timeout_while(state, within, full).unwrap_or_else(PoisonError::into_inner);
        state.bytes() < self.bytes_max
    }

    /// Takes the next block, which `make` appends to the buffer it is given. It is durable after the next `sync`.
    ///
    /// # Errors
    /// What `make` says; then nothing was taken.
    pub fn append<T>(
        &mut self,
        make: impl FnOnce(&mut Vec<u8>) -> Result<T, EvidenceError>,
    ) -> Result<T, EvidenceError> {
        let made = make(&mut self.buffer)?;
        self.buffered += 1;
        Ok(made)
    }

    /// Writes what was appended, and makes it durable: from then on it is sent, and counts as read.
    ///
    /// # Errors
    /// The disk's: whether the blocks are there is known to the next opening only.
    pub fn sync(&mut self) -> Result<(), EvidenceError> {
        if self.buffered == 0 {
            return Ok(());
        }
        let room = self.shared.lock().segments.last().is_some_and(|last| last.durable < SEGMENT_BYTES);
        if self.growing.is_none() || !room {
            let path = segment_path(&self.dir, self.next);
            // A crash here: an empty segment, which is removed with the others.
            let file = disk::create(&path, &[], 0o600)?;
            disk::sync_dir(&self.dir)?;
            self.growing = Some((file, path));
            self.shared.lock().segments.push(Segment { first: self.next, durable: 0 });
        }
        if let Some((file, path)) = &self.growing {
            // A crash here: a torn block, which the next opening cuts; nobody was told of it.
            disk::write(file, path, &self.buffer)?;
            disk::sync(file, path)?;
        }
        let length = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        let mut state = self.shared.lock();
        if let Some(last) = state.segments.last_mut() {
            last.durable += length;
        }
        self.shared.grown.notify_all();
        drop(state);
        self.next += self.buffered;
        self.buffered = 0;
        self.buffer.clear();
        Ok(())
    }

    /// Nothing more comes.
    pub fn close(self) {
        self.shared.lock().closed = true;
        self.shared.grown.notify_all();
    }
}

impl SpoolReader {
    /// Whole blocks from where reading stands, of at most `max` bytes together, one at least; waits for the first up to `within`. `None`: there is nothing, and
    /// nothing will come.
    ///
    /// # Errors
    /// The disk's; damage that came after the opening.
    pub fn read(&mut self, max: usize, within: Duration) -> Result<Option<Vec<u8>>, EvidenceError> {
        let mut state = self.shared.lock();
        loop {
            let (first, offset) = self.at;
            let position = state.segments.iter().position(|segment| segment.first == first);
            let here = position.and_then(|at| state.segments.get(at));
            if let Some(segment) = here.filter(|segment| segment.durable > offset) {
                let durable = segment.durable;
                drop(state);
                let bytes = self.blocks(first, offset, durable, max)?;
                self.at.1 = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                return Ok(Some(bytes));
            }
            // The next segment, where there is one.
            let next = match position {
                Some(at) => state.segments.get(at + 1),
                None => state.segments.iter().find(|segment| segment.first > first).or(state.segments.first()),
            };
            if let Some(next) = next {
                self.at = (next.first, 0);
                continue;
            }
            if state.closed {
                return Ok(None);
            }
            let waited = self.shared.grown.wait_timeout(state, within);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() {
                return Ok(Some(Vec::new()));
            }
        }
    }

    fn blocks(&self, first: u64, offset: u64, durable: u64, max: usize) -> Result<Vec<u8>, EvidenceError> {
        use std::os::unix::fs::FileExt;
        let path = segment_path(&self.dir, first);
        let file = File::open(&path).map_err(EvidenceError::io("open", &path))?;
        let room = usize::try_from(durable.saturating_sub(offset)).unwrap_or(usize::MAX);
        let read = |bytes: &mut [u8]| file.read_exact_at(bytes, offset).map_err(EvidenceError::io("read", &path));
        let mut head = [0; HEAD_BYTES];
        read(&mut head)?;
        let damaged = |what: &str| EvidenceError::Damaged { path: path.clone(), offset, what: what.to_owned() };
        let least = Head::parse(&head).map_err(|error| damaged(&error.to_string()))?.total();
        if least > room {
            return Err(damaged("the file ends within a block"));
        }
        let mut bytes = vec![0; least.max(room.min(max))];
        read(&mut bytes)?;
        let mut end = 0_usize;
        while let Some(Ok(Some(length))) = bytes.get(end..).map(super::sealed::block_length) {
            match end.checked_add(length).filter(|end| *end <= bytes.len()) {
                Some(behind) => end = behind,
                None => break,
            }
        }
        bytes.truncate(end);
        Ok(bytes)
    }

    /// Everything that was read is acknowledged: `headers` are the last of each of its chains. Removes what is not needed any more.
    ///
    /// # Errors
    /// The disk's.
    pub fn confirm(&mut self, headers: &[Header]) -> Result<(), EvidenceError> {
        for header in headers {
            self.heads.insert(header.source.clone(), header.text()?);
        }
        let first = self.at.0;
        let gone: Vec<u64> = {
            let mut state = self.shared.lock();
            state.confirmed = self.at;
            state.segments.iter().map(|segment| segment.first).filter(|&number| number < first).collect()
        };
        if !gone.is_empty() {
            write_heads(&self.dir, first, &self.heads)?;
            for first in &gone {
                // A crash here: it is sent again, and known to the collector.
                disk::remove(&segment_path(&self.dir, *first))?;
            }
            // The newest one stays, for its name.
            self.shared.lock().segments.retain(|segment| !gone.contains(&segment.first));
        }
        self.shared.shrunk.notify_all();
        Ok(())
    }

    /// Notes how far has been confirmed, so that less is sent again after a restart.
    ///
    /// # Errors
    /// The disk's; nothing depends on it.
    pub fn save_position(&self) -> Result<(), EvidenceError> {
        let (first, offset) = self.shared.lock().confirmed;
        disk::replace(&self.dir.join("position"), format!("{first} {offset}\n").as_bytes(), 0o600)
    }

    /// Where reading stands: a segment's first number, and bytes from its start.
    pub fn position(&self) -> (u64, u64) {
        self.at
    }

    /// Goes back to the oldest block that is there.
    pub fn rewind_all(&mut self) {
        let first = self.shared.lock().segments.first().map_or(0, |segment| segment.first);
        self.at = (first, 0);
    }

    /// Bytes that wait, on disk.
    pub fn bytes(&self) -> u64 {
        self.shared.lock().bytes()
    }

    /// Whether everything was read.
    pub fn is_drained(&self) -> bool {
        let state = self.shared.lock();
        let (first, offset) = self.at;
        state
            .segments
            .iter()
            .all(|segment| segment.first < first || (segment.first == first && segment.durable <= offset))
    }
}

fn segment_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}"))
}

fn numbers(dir: &Path) -> Result<Vec<u64>, EvidenceError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(EvidenceError::io("list", dir))? {
        let name = entry.map_err(EvidenceError::io("list", dir))?.file_name();
        let name = name.to_string_lossy();
        numbers.extend(name.parse::<u64>().ok().filter(|number| name == format!("{number:020}")));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The number of the first block that was not removed when `heads` was written, and the headers.
fn read_heads(dir: &Path) -> Result<(u64, BTreeMap<String, String>), EvidenceError> {
    let path = dir.join("heads");
    let Some(bytes) = disk::read_small(&path, HEADS_BYTES_MAX)? else { return Ok((0, BTreeMap::new())) };
    let read: Result<(u64, Vec<String>), _> = serde_json::from_slice(&bytes);
    let damaged = |what: String| EvidenceError::Damaged { path: path.clone(), offset: 0, what };
    let (next, texts) = read.map_err(|error| damaged(error.to_string()))?;
    let mut heads = BTreeMap::new();
    for text in texts {
        heads.insert(Header::parse(&text)?.source, text);
    }
    Ok((next, heads))
}

fn write_heads(dir: &Path, next: u64, heads: &BTreeMap<String, String>) -> Result<(), EvidenceError> {
    let text = serde_json::json!([next, heads.values().collect::<Vec<_>>()]).to_string();
    disk::replace(&dir.join("heads"), text.as_bytes(), 0o600)
}

/// The position that was noted, whatever it is worth.
fn noted_position(dir: &Path) -> Option<(u64, u64)> {
    let bytes = disk::read_small(&dir.join("position"), POSITION_BYTES_MAX).ok()??;
    let (first, offset) = std::str::from_utf8(&bytes).ok()?.trim_end().split_once(' ')?;
    Some((first.parse().ok()?, offset.parse().ok()?))
}

/// Where sending goes on: the position where it is one, else the beginning.
fn position_in(state: &State, noted: Option<(u64, u64)>) -> (u64, u64) {
    let start = state.segments.first().map_or((0, 0), |segment| (segment.first, 0));
    let is_there = |&(first, offset): &(u64, u64)| {
        state.segments.iter().any(|segment| segment.first == first && offset <= segment.durable)
    };
    noted.filter(is_there).unwrap_or(start)
}

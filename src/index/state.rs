//! The state of files read, in DIR/state (sled): how far each file is in the log.
//!
//! A cache of what the batch headers in the log say: deletable, rebuilt by reading the headers again. Little, so that
//! sled's appetite does not matter (docs/adr): one entry a MiB read. Not here: what an entry says (`cursor`).

use super::IndexError;
use super::cursor::{self, CursorEntry, group};
use super::guard::guarded;
use crate::evidence::{FileId, Hash};
use crate::model::RecordKind;
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Its default is 1 GiB.
const CACHE_BYTES: u64 = 16 << 20;
/// Cursors first start with their version, which is never this.
const COVERS_KEY: &[u8] = &[0];
/// A row about a sender: key and value.
pub type SenderRow = (Vec<u8>, Vec<u8>);

/// The newest cursor of each path.
const PATHS: &str = "paths";
/// Who sends batches, and how far each of their sources has come.
const SENDERS: &str = "senders";
/// Entries that one question gives back at most: heads are hashes, so more than some are an attack.
const ENTRIES_MAX: usize = 100_000;

/// Cursors that are held before they are written: a file that grows little by little leaves one, not one a batch.
const HELD_MAX: u32 = 256;

/// The state of files read.
#[derive(Debug)]
pub struct State {
    /// Taken by the drop only.
    db: Option<sled::Db>,
    held: Mutex<Held>,
}

/// What was recorded and is not written: keys and values of cursors, the newest of each path, and how far they reach.
#[derive(Debug, Default)]
struct Held {
    cursors: BTreeMap<Vec<u8>, Vec<u8>>,
    paths: BTreeMap<Vec<u8>, Vec<u8>>,
    covers: Option<u64>,
    count: u32,
}

/// A state, and whether its folder had to be made anew.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub state: State,
    /// What was wrong with what was there; it was deleted, and `covers()` is 0: read the headers of the log again.
    pub damage: Option<String>,
}

/// Why a folder could not be opened.
enum Failure {
    /// It is not the folder's fault: deleting it would not help, or would hurt.
    Other(sled::Error),
    Damage(String),
}

impl State {
    /// Opens the state of a folder, or makes one. A damaged folder is deleted and made anew.
    pub fn open(dir: &Path) -> Result<Opened, IndexError> {
        let other = |error| match error {
            sled::Error::Io(error) if is_lock(&error) => IndexError::Busy { dir: dir.to_owned() },
            source => IndexError::State { doing: "opening it", source },
        };
        let reason = match open_checked(dir) {
            Ok(db) => return Ok(Opened { state: State::of(db), damage: None }),
            Err(Failure::Other(error)) => return Err(other(error)),
            Err(Failure::Damage(reason)) => reason,
        };
        let io = |source| IndexError::Io { doing: "deleting the damaged", path: dir.to_owned(), source };
        fs::remove_dir_all(dir).map_err(io)?;
        match open_checked(dir) {
            Ok(db) => Ok(Opened { state: State::of(db), damage: Some(reason) }),
            Err(Failure::Other(error)) => Err(other(error)),
            Err(Failure::Damage(reason)) => Err(IndexError::Rebuild { dir: PathBuf::from(dir), reason }),
        }
    }

    fn of(db: sled::Db) -> State {
        State { db: Some(db), held: Mutex::default() }
    }

    /// Log entries whose headers the state reflects. It may be less than what was recorded before a crash; replay from here.
    pub fn covers(&self) -> Result<u64, IndexError> {
        self.write()?;
        let value = self.asked("reading", |db| db.get(COVERS_KEY))?;
        Ok(value.and_then(|value| number(&value)).unwrap_or(0))
    }

    /// Records that a file is in the log up to the entry's end, and that the state reflects the log up to its leaf.
    /// `before`: H(bytes of the file up to where the entry's batch starts). Leaves come in order. Up to 256 of them are held; every question sees them.
    pub fn record(&self, entry: &CursorEntry, before: &Hash) -> Result<(), IndexError> {
        let (key, value) = entry.encode()?;
        let mut held = self.held();
        if let Some(file) = &entry.file
            && self.is_newest(&held, entry, file, before)?
        {
            let mut newest = u16::try_from(key.len()).unwrap_or(0).to_be_bytes().to_vec();
            newest.extend_from_slice(&key);
            newest.extend_from_slice(&value);
            held.paths.insert(cursor::of_path(&file.path), newest);
        }
        let under = match held.cursors.get(&key) {
            Some(value) => CursorEntry::decode(&key, value),
            None => self.asked("reading", |db| db.get(&key))?.and_then(|value| CursorEntry::decode(&key, &value)),
        };
        if let Some(other) = under.filter(|under| under.prefix != *before && under.prefix != entry.prefix) {
            // Not what this goes on from, but what was in the file before it was truncated: a copy of that may be met yet.
            let (key, value) = other.encode_apart()?;
            held.cursors.insert(key, value);
        }
        held.cursors.insert(key, value);
        held.covers = Some(entry.leaf.saturating_add(1));
        held.count += 1;
        if held.count >= HELD_MAX {
            drop(held);
            self.write()?;
        }
        Ok(())
    }

    /// Whether a file is the newest under its path: it goes on there, or it begins. A rotated file whose end is written late is not, though that end comes last.
    fn is_newest(&self, held: &Held, entry: &CursorEntry, file: &FileId, before: &Hash) -> Result<bool, IndexError> {
        let nothing: Hash = Sha256::digest(b"").into();
        let known = match held.paths.get(&cursor::of_path(&file.path)) {
            Some(value) => of_newest(value, &file.path),
            None => self.stored_of_path(&file.path)?,
        };
        let goes_on = |known: CursorEntry| known.prefix == *before || known.file == entry.file;
        Ok(*before == nothing || known.is_none_or(goes_on))
    }

    /// Records that the log up to `covers` entries has nothing more for the state.
    pub fn advance(&self, covers: u64) -> Result<(), IndexError> {
        self.held().covers = Some(covers);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is held; nobody looks between what is taken and what is there.
    fn write(&self) -> Result<(), IndexError> {
        let mut guard = self.held();
        let held = std::mem::take(&mut *guard);
        let Some(covers) = held.covers else { return Ok(()) };
        let paths = self.asked("opening", |db| db.open_tree(PATHS))?;
        for (key, newest) in held.paths {
            self.asked("writing", |_| paths.insert(key, newest))?;
        }
        let mut batch = sled::Batch::default();
        held.cursors.into_iter().for_each(|(key, value)| batch.insert(key, value));
        batch.insert(COVERS_KEY, &covers.to_be_bytes());
        // One batch is all or nothing: `covers` never runs ahead of the cursors.
        self.asked("writing", |db| db.apply_batch(batch))
    }

    /// What is known of files that start with this head, the longest prefix first.
    pub fn candidates(
        &self,
        kind: RecordKind,
        cluster: &str,
        node: &str,
        head: &Hash,
    ) -> Result<Vec<CursorEntry>, IndexError> {
        let mut found = Vec::new();
        for short in [false, true] {
            let mut start = group(short, kind, cluster, node)?;
            start.extend_from_slice(head);
            self.scan(&start, &mut found)?;
        }
        found.sort_by_key(|entry| Reverse((entry.end, entry.leaf)));
        Ok(found)
    }

    /// What is known of files that end within their first 256 bytes, whose head changes when they grow; the longest
    /// prefix first.
    pub fn short(&self, kind: RecordKind, cluster: &str, node: &str) -> Result<Vec<CursorEntry>, IndexError> {
        let mut found = Vec::new();
        self.scan(&group(true, kind, cluster, node)?, &mut found)?;
        found.sort_by_key(|entry| Reverse((entry.end, entry.leaf)));
        Ok(found)
    }

    fn scan(&self, start: &[u8], into: &mut Vec<CursorEntry>) -> Result<(), IndexError> {
        self.write()?;
        let pairs =
            self.asked("reading", |db| db.scan_prefix(start).take(ENTRIES_MAX).collect::<sled::Result<Vec<_>>>())?;
        into.extend(pairs.iter().filter_map(|(key, value)| CursorEntry::decode(key, value)));
        Ok(())
    }

    /// The newest cursor whose file was opened under this path.
    pub fn newest_of_path(&self, path: &[u8]) -> Result<Option<CursorEntry>, IndexError> {
        self.write()?;
        self.stored_of_path(path)
    }

    fn stored_of_path(&self, path: &[u8]) -> Result<Option<CursorEntry>, IndexError> {
        let paths = self.asked("opening", |db| db.open_tree(PATHS))?;
        let value = self.asked("reading", |_| paths.get(cursor::of_path(path)))?;
        Ok(value.and_then(|value| of_newest(&value, path)))
    }

    /// Remembers a row about a sender of batches. What is recorded after it never outlives it.
    pub fn put_sender(&self, key: &[u8], value: &[u8]) -> Result<(), IndexError> {
        let senders = self.asked("opening", |db| db.open_tree(SENDERS))?;
        self.asked("writing", |_| senders.insert(key, value)).map(|_| ())
    }

    /// Forgets such a row.
    pub fn remove_sender(&self, key: &[u8]) -> Result<(), IndexError> {
        let senders = self.asked("opening", |db| db.open_tree(SENDERS))?;
        self.asked("writing", |_| senders.remove(key)).map(|_| ())
    }

    /// All rows about senders, by key.
    pub fn senders(&self) -> Result<Vec<SenderRow>, IndexError> {
        let senders = self.asked("opening", |db| db.open_tree(SENDERS))?;
        let pair =
            |pair: sled::Result<(sled::IVec, sled::IVec)>| pair.map(|(key, value)| (key.to_vec(), value.to_vec()));
        self.asked("reading", |_| senders.iter().map(pair).collect())
    }

    /// sled 0.34 panics where a disk refuses a write or a sync: that is an error like any other here.
    fn asked<T>(&self, doing: &'static str, ask: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, IndexError> {
        let failed = || sled::Error::ReportableBug("it panicked".to_owned());
        let answer = self.db.as_ref().and_then(|db| guarded(|| ask(db)));
        answer.unwrap_or_else(|| Err(failed())).map_err(IndexError::state(doing))
    }

    /// Makes everything recorded durable.
    pub fn flush(&self) -> Result<(), IndexError> {
        self.write()?;
        self.asked("flushing", |db| db.flush())?;
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // What a failed write or sync loses is made again from the log.
        let _lost = self.write();
        let db = self.db.take();
        let _panicked = guarded(move || drop(db));
    }
}

/// The cursor that is kept as the newest of a path.
fn of_newest(value: &[u8], path: &[u8]) -> Option<CursorEntry> {
    let (length, rest) = value.split_first_chunk::<2>()?;
    let (key, value) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    CursorEntry::decode(key, value).filter(|entry| entry.file.as_ref().is_some_and(|file| file.path == path))
}

/// Opens a folder and reads all of it, so that damage is met here and nowhere else.
fn open_checked(dir: &Path) -> Result<sled::Db, Failure> {
    let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES);
    // sled 0.34 panics on some damaged files instead of returning an error.
    let opened = guarded(|| {
        let db = config.open()?;
        for pair in db.iter() {
            let (key, value) = pair?;
            let known =
                if key == COVERS_KEY { number(&value).is_some() } else { CursorEntry::decode(&key, &value).is_some() };
            if !known {
                return Ok(Err("an entry of another version".to_owned()));
            }
        }
        Ok(Ok(db))
    });
    match opened {
        Some(Ok(Ok(db))) => Ok(db),
        Some(Ok(Err(reason))) => Err(Failure::Damage(reason)),
        Some(Err(sled::Error::Io(error))) if is_lock(&error) || !is_damage(&error) => {
            Err(Failure::Other(sled::Error::Io(error)))
        }
        Some(Err(error)) => Err(Failure::Damage(error.to_string())),
        None => Err(Failure::Damage("sled cannot read it".to_owned())),
    }
}

fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

/// Another process has it; sled has no error of its own for that.
fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

/// Whether an error is about what the files hold, rather than about the disk or permissions.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput)
        || error.raw_os_error().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ino: u64, end: u64, leaf: u64) -> CursorEntry {
        CursorEntry {
            kind: RecordKind::Auditd,
            cluster: "c".to_owned(),
            node: "n".to_owned(),
            head: [if end < 256 { 1 } else { 2 }; 32],
            file: Some(FileId { dev: 1, ino, birth: 0, path: format!("/var/log/{ino}").into_bytes() }),
            end,
            prefix: [u8::try_from(leaf % 256).unwrap(); 32],
            goes_on: false,
            leaf,
        }
    }

    /// Each goes on from the one before it.
    fn record(state: &State, entry: &CursorEntry) {
        let before = entry.prefix.map(|byte| byte.wrapping_sub(1));
        state.record(entry, &before).unwrap();
    }

    fn open(dir: &Path) -> State {
        let opened = State::open(dir).unwrap();
        assert_eq!(opened.damage, None);
        opened.state
    }

    fn ends(entries: &[CursorEntry]) -> Vec<(u64, u64)> {
        entries.iter().map(|entry| (entry.end, entry.leaf)).collect()
    }

    #[test]
    fn cursors_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        assert_eq!(state.covers().unwrap(), 0);
        for (ino, end, leaf) in [(1, 100, 0), (1, 1_000, 1), (1, 2_000, 2), (1, 3 << 20, 3), (2, 500, 4)] {
            record(&state, &entry(ino, end, leaf));
        }
        let check = |state: &State| {
            assert_eq!(state.covers().unwrap(), 5);
            let long = state.candidates(RecordKind::Auditd, "c", "n", &[2; 32]).unwrap();
            assert_eq!(ends(&long), [(3 << 20, 3), (2_000, 2), (500, 4)]);
            let short = state.short(RecordKind::Auditd, "c", "n").unwrap();
            assert_eq!(ends(&short), [(100, 0)]);
            assert_eq!(short, state.candidates(RecordKind::Auditd, "c", "n", &[1; 32]).unwrap());
            for (kind, cluster, node) in [
                (RecordKind::KubernetesAudit, "c", "n"),
                (RecordKind::Auditd, "", "n"),
                (RecordKind::Auditd, "c", "nn"),
                (RecordKind::Auditd, "cn", ""),
            ] {
                assert_eq!(state.candidates(kind, cluster, node, &[2; 32]).unwrap(), []);
                assert_eq!(state.short(kind, cluster, node).unwrap(), []);
            }
        };
        check(&state);
        state.flush().unwrap();
        drop(state);
        check(&open(dir.path()));
    }

    /// A file that grows by small batches costs one cursor, and every question sees the newest.
    #[test]
    fn cursors_are_held_and_seen() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        for leaf in 0..200 {
            record(&state, &entry(1, 1_000 + leaf, leaf));
        }
        assert_eq!(state.held().cursors.len(), 1);
        assert_eq!(state.newest_of_path(b"/var/log/1").unwrap().unwrap().end, 1_199);
        assert_eq!(state.held().count, 0, "what was asked for was written");
        for leaf in 200..500 {
            record(&state, &entry(1, 1_000 + leaf, leaf));
        }
        assert_eq!(state.held().count, 500 - 200 - HELD_MAX);
        assert_eq!(ends(&state.candidates(RecordKind::Auditd, "c", "n", &[2; 32]).unwrap()), [(1_499, 499)]);
        record(&state, &entry(1, 2_000, 500));
        drop(state);
        assert_eq!(open(dir.path()).covers().unwrap(), 501, "a stop writes what is held");
    }

    /// A file that was truncated begins anew under the same key; a copy of what it held is found all the same.
    #[test]
    fn what_was_in_a_file_before_is_kept_apart() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        let begin = |ino, end, leaf| state.record(&entry(ino, end, leaf), &Sha256::digest(b"").into()).unwrap();
        begin(1, 1_000, 0);
        record(&state, &entry(1, 2_000, 1));
        begin(1, 1_500, 2);
        record(&state, &entry(1, 3_000, 3));
        state.flush().unwrap();
        begin(1, 4_000, 4);
        let found = state.candidates(RecordKind::Auditd, "c", "n", &[2; 32]).unwrap();
        assert_eq!(ends(&found), [(4_000, 4), (3_000, 3), (2_000, 1)]);
    }

    #[test]
    fn the_late_end_of_a_rotated_file_is_not_the_newest_of_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        let of = |ino, end, leaf| {
            let mut entry = entry(ino, end, leaf);
            entry.file.as_mut().unwrap().path = b"/a".to_vec();
            entry
        };
        let newest = || state.newest_of_path(b"/a").unwrap().unwrap().leaf;
        let begin = |ino, leaf| state.record(&of(ino, 1_000, leaf), &Sha256::digest(b"").into()).unwrap();
        begin(1, 0);
        begin(2, 10);
        for flushed in [false, true] {
            if flushed {
                state.flush().unwrap();
            }
            state.record(&of(1, 2_000, 11), &[0; 32]).unwrap();
            assert_eq!(newest(), 10);
        }
        // Of the same file, or the same bytes on another device.
        state.record(&of(2, 2_000, 20), &[7; 32]).unwrap();
        assert_eq!(newest(), 20);
        state.record(&of(3, 3_000, 21), &[20; 32]).unwrap();
        assert_eq!(newest(), 21);
    }

    #[test]
    fn covers_without_cursors() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        state.advance(9).unwrap();
        assert_eq!(state.covers().unwrap(), 9);
    }

    #[test]
    fn a_second_owner_is_refused_and_nothing_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        record(&state, &entry(1, 1_000, 6));
        assert!(matches!(State::open(dir.path()), Err(IndexError::Busy { .. })));
        state.flush().unwrap();
        drop(state);
        assert_eq!(open(dir.path()).covers().unwrap(), 7);
    }

    #[test]
    fn entries_of_another_version_are_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        state.db.as_ref().unwrap().insert([9, 9], &[9]).unwrap();
        state.flush().unwrap();
        drop(state);
        let opened = State::open(dir.path()).unwrap();
        assert!(opened.damage.is_some());
        assert_eq!(opened.state.covers().unwrap(), 0);
    }

    /// sled 0.34 panics on some of these.
    #[test]
    fn a_damaged_folder_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join("whole");
        let state = open(&whole);
        for leaf in 0..300 {
            record(&state, &entry(leaf, 1_000 + leaf, leaf));
        }
        state.flush().unwrap();
        drop(state);
        let bytes = fs::read(whole.join("db")).unwrap();
        let mut damaged = 0;
        for step in 0..12 {
            let copy = dir.path().join(format!("copy-{step}"));
            fs::create_dir(&copy).unwrap();
            fs::copy(whole.join("conf"), copy.join("conf")).unwrap();
            let mut bytes = bytes.clone();
            let from = bytes.len() / 12 * step;
            match step % 3 {
                0 => bytes[from..].iter_mut().take(4_096).for_each(|byte| *byte ^= 0x5a),
                1 => bytes.truncate(from + 7),
                _ => bytes[from..].fill(0xff),
            }
            fs::write(copy.join("db"), bytes).unwrap();
            let opened = State::open(&copy).unwrap();
            damaged += u32::from(opened.damage.is_some());
            let covers = opened.state.covers().unwrap();
            assert!(covers <= 300, "what is claimed was once recorded");
            record(&opened.state, &entry(1, 5_000, covers));
            opened.state.flush().unwrap();
        }
        fs::write(whole.join("conf"), b"not a configuration").unwrap();
        let opened = State::open(&whole).unwrap();
        damaged += u32::from(opened.damage.is_some());
        assert!(damaged > 0, "nothing that was done here is damage to sled");
    }
}

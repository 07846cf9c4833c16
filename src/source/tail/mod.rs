//! Follows files while they are written, rotated, compressed, truncated and replaced.
//!
//! Inside: `Tailer`, polled by its owner, who does the sleeping; `Hint`, which wakes him early. `group` is one log with its rotated files, `file` one file of it,
//! `follow` how a file's growth is read, `listing` the folders; `look` says what is there, without following it.
//! Not here: where reading goes on in a file (`resume`), what becomes of drafts and gaps (`pipeline`).
//!
//! What this rests on: a file that is open stays readable whatever happens to its name, and a file that was not open is known by its content. So no name decides
//! anything; names give an order. What may have been lost (truncation, replacement) is said as a `Control::Gap`, never passed over.

mod emitted;
mod file;
mod follow;
mod group;
mod hint;
mod listing;
mod look;

pub use hint::{Hint, Waker};
pub use look::{Listed, Look, is_pattern, is_rotated, listed, log_of, look};

use super::cursor::{Batch, Cursor, Keep, Lookup, ResumeQuery};
use super::error::{Issue, Skipped, Stop};
use super::reader::ReadOptions;
use crate::evidence::Draft;
use crate::model::Moment;
use emitted::Emitted;
use file::{Context, Step, Tailed};
use group::Group;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// What to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailPath {
    /// A path whose parts may hold `*`. Rotated files beside it belong to it without being named.
    pub pattern: PathBuf,
    /// How its files are read.
    pub read: ReadOptions,
}

/// Times and sizes of following.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailOptions {
    /// How often folders are listed, ms.
    pub poll_ms: u32,
    /// Age at which a batch is sealed, ms; small ones in a row: two and a half times that (`Follow::due`).
    pub age_ms: u32,
    /// How long a file that is new beside a log must lie still before it is read, ms: a copy or compression may be under way.
    pub settle_ms: u32,
    /// How long a rotated file must lie still before an unfinished last line is taken for finished, ms.
    pub rotate_wait_ms: u32,
    /// How long the log itself must lie still for that, ms. Should the line go on after all, its end is handed out as a continuation.
    pub line_wait_ms: u32,
    /// Bytes read of one log before the others have their turn.
    pub turn_bytes: usize,
}

impl Default for TailOptions {
    fn default() -> TailOptions {
        TailOptions {
            poll_ms: 250,
            age_ms: 200,
            settle_ms: 1_000,
            rotate_wait_ms: 5_000,
            line_wait_ms: 60_000,
            turn_bytes: 1 << 20,
        }
    }
}

/// Something that the pipeline keeps as a signed record of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Bytes of a file may have been lost before they could be read.
    Gap {
        /// `source` of the drafts concerned.
        source: String,
        /// Cluster as configured.
        cluster: String,
        /// Node as configured.
        node: String,
        /// Path of the file.
        path: Vec<u8>,
        /// First byte that may be lost.
        from: u64,
        /// The file was seen to reach this far; more may have been written.
        to_at_least: u64,
        /// `truncated`, `replaced`, `shortened` or `gone`.
        reason: &'static str,
    },
}

/// What following hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailItem {
    /// Records, whole but for `goes_on`.
    Draft(Draft),
    /// A fact to be kept.
    Control(Control),
    /// A path that cannot be followed at present; said once, and again when the reason changes.
    Skipped(Skipped),
    /// Something about a file that is followed.
    Issue {
        /// Which.
        path: PathBuf,
        /// What.
        issue: Issue,
    },
}

/// What a poll came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// There is more to read: poll again.
    Busy,
    /// Nothing to do before this moment, unless a hint comes.
    Idle {
        /// When to poll again at the latest.
        until: Moment,
    },
}

/// Answers for the cursors of what was acknowledged.
pub type Keeper = dyn Keep + Send;

/// Follows files. One thread owns it and calls `poll`; emitting may block, which is all the backpressure there is: then the files are the buffer.
pub struct Tailer {
    options: TailOptions,
    paths: Vec<TailPath>,
    lookup: Box<Keeper>,
    emitted: RefCell<Emitted>,
    files: BTreeMap<(u64, u64), Tailed>,
    groups: Vec<Group>,
    /// Number of each log's group, by its path.
    by_base: HashMap<PathBuf, usize>,
    troubles: HashMap<PathBuf, String>,
    next_listing: i64,
    scratch: Vec<u8>,
}

impl Tailer {
    /// Nothing is opened before the first poll. `lookup` answers for what was acknowledged, also by earlier processes.
    pub fn new(paths: Vec<TailPath>, options: TailOptions, lookup: Box<Keeper>) -> Tailer {
        Tailer {
            options,
            paths,
            lookup,
            emitted: RefCell::default(),
            files: BTreeMap::new(),
            groups: Vec::new(),
            by_base: HashMap::new(),
            troubles: HashMap::new(),
            next_listing: i64::MIN,
            scratch: Vec::new(),
        }
    }

    /// One round: lists folders when it is time, then reads a bounded piece of each log, of each the oldest file first.
    ///
    /// `now` need not be precise and may jump; it decides when batches are sealed and files taken for finished. Errors: `Stop` from `emit`; then the tailer is of no more use.
    pub fn poll(&mut self, now: Moment, emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>) -> Result<Turn, Stop> {
        let now = now.nanos;
        let interval = nanos(self.options.poll_ms);
        if now >= self.next_listing || now < self.next_listing.saturating_sub(interval) {
            self.next_listing = now.saturating_add(interval);
            self.list(now, emit)?;
        }
        let mut busy = false;
        let mut until = self.next_listing;
        for at in 0..self.groups.len() {
            let (read, due) = self.turn(at, now, emit)?;
            busy |= read;
            until = until.min(due);
        }
        Ok(if busy { Turn::Busy } else { Turn::Idle { until: Moment { nanos: until, digits: 9 } } })
    }

    /// Something changed: the next poll lists the folders.
    pub fn wake(&mut self) {
        self.next_listing = i64::MIN;
    }

    /// Hands out the complete records that wait for their batch to fill. For an orderly end; unfinished lines stay unread.
    pub fn finish(&mut self, emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>) -> Result<(), Stop> {
        for file in self.files.values_mut() {
            file.seal(&self.emitted, emit)?;
        }
        Ok(())
    }

    /// Folders to watch for hints.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> =
            self.paths.iter().map(|path| listing::folder_and_pattern(&path.pattern).0).collect();
        // What comes and goes below a `*` is found by looking.
        folders.retain(|folder| !folder.as_os_str().as_encoded_bytes().contains(&b'*'));
        folders.sort();
        folders.dedup();
        folders
    }

    /// One log's turn: whether something was read, and when it needs another.
    fn turn(
        &mut self,
        at: usize,
        now: i64,
        emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>,
    ) -> Result<(bool, i64), Stop> {
        let Some(group) = self.groups.get_mut(at) else { return Ok((false, i64::MAX)) };
        let Some(path) = self.paths.get(group.path) else { return Ok((false, i64::MAX)) };
        let keys = group.files.clone();
        let draining = keys.iter().filter_map(|key| self.files.get(key)).any(Tailed::is_draining);
        let mut waiting = false;
        let mut due = i64::MAX;
        let mut read = false;
        for key in keys {
            let Some(mut file) = self.files.remove(&key) else { continue };
            let mut context = Context {
                options: &self.options,
                read: &path.read,
                lookup: &mut *self.lookup,
                emitted: &self.emitted,
                emit,
                group,
                scratch: &mut self.scratch,
                draining,
                waiting,
                now,
            };
            let step = file.step(&mut context)?;
            due = due.min(file.due(&self.options));
            if step != Step::Gone {
                self.files.insert(key, file);
            }
            waiting |= step == Step::Waiting;
            if step == Step::Read {
                // The successor's turn comes when this one is drained.
                read = true;
                break;
            }
        }
        if !read && !waiting {
            let ready = self.groups.get(at).is_some_and(|group| self.base_is_read(group));
            if let Some(group) = self.groups.get_mut(at) {
                group.settle(now, &self.options, ready, &path.read, &self.emitted, emit)?;
            }
        }
        Ok((read, due))
    }

    /// The log itself exists and its beginning has been compared with what is known.
    fn base_is_read(&self, group: &Group) -> bool {
        let files = || group.files.iter().filter_map(|key| self.files.get(key));
        !group.troubled && files().any(|file| file.is_active() && file.is_read())
    }
}

/// Answers from what was handed out by this process, and from the keeper.
struct Both<'a> {
    keeper: &'a mut Lookup<'static>,
    emitted: &'a RefCell<Emitted>,
}

impl Keep for Both<'_> {
    fn cursors(&mut self, query: &ResumeQuery) -> Vec<Cursor> {
        let mut found = self.keeper.cursors(query);
        found.extend(self.emitted.borrow().answer(query));
        found
    }

    fn batches(&mut self, query: &ResumeQuery, from: u64) -> Vec<Batch> {
        self.keeper.batches(query, from)
    }

    fn bytes(&mut self, batch: &Batch) -> Option<Vec<u8>> {
        self.keeper.bytes(batch)
    }
}

/// Milliseconds as nanoseconds.
fn nanos(ms: u32) -> i64 {
    i64::from(ms).saturating_mul(1_000_000)
}

/// Whether `ms` have passed since. A clock that was set back counts as passed: better early than never.
fn passed(now: i64, since: i64, ms: u32) -> bool {
    now < since || now.saturating_sub(since) >= nanos(ms)
}

#[cfg(test)]
mod known_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod scenario_tests;

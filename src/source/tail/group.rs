//! One log with its rotated files, and what of it is not accounted for.
//!
//! Not here: the files (`file`), which files belong to it (`listing`).

use super::emitted::Emitted;
use super::{Control, TailItem, TailOptions, passed};
use crate::evidence::{Draft, Hash};
use crate::source::batch::Batcher;
use crate::source::cursor::Cursor;
use crate::source::error::Stop;
use crate::source::reader::ReadOptions;
use std::cell::RefCell;
use std::path::PathBuf;

/// A log: the file of its name and the rotated ones.
#[derive(Debug)]
pub struct Group {
    /// Number of the configured path.
    pub path: usize,
    /// Path of the log itself.
    pub base: PathBuf,
    /// Its files by (device, inode), the oldest first.
    pub files: Vec<(u64, u64)>,
    /// One of its paths cannot be read at present.
    pub troubled: bool,
    /// The newest that an earlier process read under the log's path, until a file with that content has been seen.
    pub unaccounted: Option<Cursor>,
    /// Unfinished lines of files that were truncated; a copy may hold the whole line.
    pub orphans: Vec<Orphan>,
}

/// What was read of a file that has been truncated since, and is not yet a record.
#[derive(Debug)]
pub struct Orphan {
    /// Holds the unfinished bytes.
    pub batcher: Batcher,
    /// When the truncation was seen.
    pub since: i64,
}

impl Group {
    /// A file of this log begins with these consumed prefixes. `holds(at, bytes)`: whether it also has these bytes there.
    pub fn account(&mut self, matched: &[(u64, Hash)], holds: &mut dyn FnMut(u64, &[u8]) -> bool) {
        if self.unaccounted.as_ref().is_some_and(|cursor| matched.contains(&(cursor.end, cursor.prefix))) {
            self.unaccounted = None;
        }
        self.orphans.retain(|orphan| {
            let end = orphan.batcher.sealed();
            let same = end == 0 || matched.contains(&(end, orphan.batcher.sealed_hash()));
            !(same && holds(end, orphan.batcher.unfinished()))
        });
    }

    /// All files have been looked at: what is still unaccounted for is gone.
    pub fn settle(
        &mut self,
        now: i64,
        options: &TailOptions,
        base_is_read: bool,
        read: &ReadOptions,
        emitted: &RefCell<Emitted>,
        emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if base_is_read {
            self.gone(read, emit)?;
        }
        let mut kept = Vec::new();
        for mut orphan in std::mem::take(&mut self.orphans) {
            if passed(now, orphan.since, options.settle_ms.saturating_mul(2)) {
                orphan.batcher.rest(&mut |draft| hand_out(draft, emitted, emit))?;
            } else {
                kept.push(orphan);
            }
        }
        self.orphans = kept;
        Ok(())
    }

    /// No file holds what an earlier process read last, unless that has been accounted for.
    pub fn gone(&mut self, read: &ReadOptions, emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>) -> Result<(), Stop> {
        let Some(cursor) = self.unaccounted.take() else { return Ok(()) };
        let (from, path) = (cursor.end, cursor.file.path);
        emit(gap(read, path, from, from, "gone"))
    }
}

/// Remembers a draft's cursor and hands it out.
pub fn hand_out(
    draft: Draft,
    emitted: &RefCell<Emitted>,
    emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>,
) -> Result<(), Stop> {
    if let Some(cursor) = Cursor::of(&draft) {
        emitted.borrow_mut().remember(cursor);
    }
    emit(TailItem::Draft(draft))
}

/// The fact that bytes may be lost.
pub fn gap(read: &ReadOptions, path: Vec<u8>, from: u64, to_at_least: u64, reason: &'static str) -> TailItem {
    TailItem::Control(Control::Gap {
        source: read.source.clone(),
        cluster: read.cluster.clone(),
        node: read.node.clone(),
        path,
        from,
        to_at_least: to_at_least.max(from),
        reason,
    })
}

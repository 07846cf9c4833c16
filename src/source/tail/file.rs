//! One file that is followed, from its first sight until it is finished.
//!
//! Inside: its stages, and what truncation, replacement and rotation mean in each. Not here: reading (`follow`), names (`listing`).

use super::emitted::Emitted;
use super::follow::{Follow, Growth, read_full};
use super::group::{Group, Orphan, gap, hand_out};
use super::{Both, TailItem, TailOptions, passed};
use crate::evidence::{Draft, FileId};
use crate::source::batch::Batcher;
use crate::source::cursor::{Lookup, ResumeQuery};
use crate::source::decode::{Decoder, Packing};
use crate::source::detect::{DETECT_BYTES, kind_of, unrecognised};
use crate::source::error::{Issue, Skipped, Stop};
use crate::source::names::{Age, Family};
use crate::source::open::Opened;
use crate::source::reader::{ReadOptions, read_opened};
use crate::source::resume::resume;
use crate::source::scan::Snapshot;
use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// After this time a file is read though it never lay still, ms.
const SETTLE_MS_MAX: u32 = 30_000;

/// What a look at a file shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    dev: u64,
    ino: u64,
    size: u64,
    mtime: (i64, i64),
}

impl Seen {
    /// Of metadata.
    pub fn of(metadata: &Metadata) -> Seen {
        let mtime = (metadata.mtime(), metadata.mtime_nsec());
        Seen { dev: metadata.dev(), ino: metadata.ino(), size: metadata.len(), mtime }
    }

    /// Device and inode.
    pub fn key(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }
}

/// What a turn of a file needs.
pub struct Context<'a> {
    pub options: &'a TailOptions,
    pub read: &'a ReadOptions,
    pub lookup: &'a mut Lookup<'static>,
    pub emitted: &'a RefCell<Emitted>,
    pub emit: &'a mut dyn FnMut(TailItem) -> Result<(), Stop>,
    pub group: &'a mut Group,
    pub scratch: &'a mut Vec<u8>,
    /// A rotated file of this log has not been drained yet.
    pub draining: bool,
    /// It is not known yet what an older file of this log is.
    pub waiting: bool,
    pub now: i64,
}

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something was read, there may be more.
    Read,
    /// Nothing more at present.
    AtEnd,
    /// Not yet known what it is.
    Waiting,
    /// Finished, and its name is gone.
    Gone,
}

#[derive(Debug)]
enum Stage {
    /// Its beginning has not been compared yet.
    Fresh,
    /// Read as it grows.
    Following(Box<Follow>),
    /// It ends within what was read before, perhaps under another name: nothing to read unless it changes.
    Known,
    /// Read to its end and closed; opened again when it changes.
    Done,
}

/// A file that is followed.
#[derive(Debug)]
pub struct Tailed {
    group: usize,
    path: PathBuf,
    family: Family,
    listed: bool,
    active: bool,
    file: Option<File>,
    id: FileId,
    stage: Stage,
    seen: Option<Seen>,
    still_since: i64,
    first_seen: i64,
    /// It was the log itself when it was first seen: nobody copies into that.
    trusted: bool,
    /// Its kind was not recognised, or reading failed, and that has been said.
    complained: bool,
}

impl Tailed {
    /// Just opened.
    pub fn new(opened: Opened, group: usize, path: PathBuf, family: Family, now: i64) -> Tailed {
        Tailed {
            group,
            path,
            trusted: family.age == Age::Base && !family.packed,
            family,
            listed: true,
            active: false,
            file: Some(opened.file),
            id: opened.id,
            stage: Stage::Fresh,
            seen: None,
            still_since: now,
            first_seen: now,
            complained: false,
        }
    }

    /// Its name, now.
    pub fn list(&mut self, group: usize, path: PathBuf, family: Family) {
        (self.group, self.path, self.family, self.listed) = (group, path, family, true);
    }

    /// A new listing begins.
    pub fn unlist(&mut self) {
        self.listed = false;
    }

    /// It was closed, and has changed since (or is another file with the same inode).
    pub fn needs_opening(&self, seen: &Seen) -> bool {
        self.file.is_none() && self.seen.as_ref() != Some(seen)
    }

    /// Closed, and its name is gone.
    pub fn is_forgotten(&self) -> bool {
        !self.listed && self.file.is_none()
    }

    /// Its log has another number now.
    pub fn move_to(&mut self, group: usize) {
        self.group = group;
    }

    /// Which log it belongs to.
    pub fn group(&self) -> usize {
        self.group
    }

    /// Where it comes among the files of a log: nameless ones first, then by age.
    pub fn order(&self) -> (bool, Family, PathBuf) {
        (self.listed, self.family.clone(), self.path.clone())
    }

    /// Whether it is the file that is being written.
    pub fn is_active(&self) -> bool {
        self.active && self.listed
    }

    /// Says so.
    pub fn set_active(&mut self, active: bool) {
        self.active = active;
    }

    /// Its beginning has been compared.
    pub fn is_read(&self) -> bool {
        !matches!(self.stage, Stage::Fresh)
    }

    /// Rotated away, and not finished yet.
    pub fn is_draining(&self) -> bool {
        !self.is_active() && matches!(self.stage, Stage::Following(_))
    }

    /// When its open draft has to be sealed.
    pub fn due(&self, options: &TailOptions) -> i64 {
        match &self.stage {
            Stage::Following(follow) => follow.due(options.age_ms).unwrap_or(i64::MAX),
            _ => i64::MAX,
        }
    }

    /// Hands out complete records.
    pub fn seal(
        &mut self,
        emitted: &RefCell<Emitted>,
        emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Stage::Following(follow) = &mut self.stage else { return Ok(()) };
        follow.seal(&mut |draft| hand_out(draft, emitted, emit))
    }

    /// Its turn.
    pub fn step(&mut self, context: &mut Context<'_>) -> Result<Step, Stop> {
        let Some(metadata) = self.file.as_ref().map(File::metadata) else {
            return Ok(if self.listed { Step::AtEnd } else { Step::Gone });
        };
        let before = self.seen;
        match metadata {
            Ok(metadata) => self.observe(Seen::of(&metadata), context.now),
            Err(error) => {
                self.complain(&error, context)?;
                return Ok(Step::AtEnd);
            }
        }
        match std::mem::replace(&mut self.stage, Stage::Fresh) {
            Stage::Fresh => self.begin(context),
            Stage::Following(follow) => self.follow(follow, before, context),
            Stage::Known => self.keep_known(before, context),
            Stage::Done => {
                self.stage = Stage::Done;
                Ok(Step::AtEnd)
            }
        }
    }

    fn observe(&mut self, seen: Seen, now: i64) {
        match self.seen {
            Some(before) if before == seen => {}
            Some(_) => self.still_since = now,
            // At first sight the file's own word counts: an old file need not be watched to know that it lies still.
            None => self.still_since = now.min(seen.mtime.0.saturating_mul(1_000_000_000).saturating_add(seen.mtime.1)),
        }
        self.seen = Some(seen);
    }

    fn size(&self) -> u64 {
        self.seen.map_or(0, |seen| seen.size)
    }

    fn is_still(&self, context: &Context<'_>, ms: u32) -> bool {
        passed(context.now, self.still_since, ms)
    }

    /// The first turn with bytes in it: finds out what it is and where to go on.
    fn begin(&mut self, context: &mut Context<'_>) -> Result<Step, Stop> {
        let Some(file) = &self.file else { return Ok(Step::AtEnd) };
        if self.size() == 0 {
            let finished = !self.listed && self.is_still(context, context.options.rotate_wait_ms);
            return Ok(if finished { Step::Gone } else { Step::AtEnd });
        }
        let mut head = vec![0; DETECT_BYTES];
        match read_full(file, &mut head, 0) {
            Ok(read) => head.truncate(read),
            Err(error) => {
                self.complain(&error, context)?;
                return Ok(Step::AtEnd);
            }
        }
        let packed = Packing::of(&head) != Packing::Plain;
        let unsure = packed || !(self.active || self.trusted);
        let settled = self.is_still(context, context.options.settle_ms) && !context.draining;
        if unsure && !settled && !passed(context.now, self.first_seen, SETTLE_MS_MAX) {
            return Ok(Step::Waiting);
        }
        if packed {
            return self.read_packed(context);
        }
        let Some(kind) = context.read.kind.or_else(|| kind_of(&head)) else {
            if !self.complained && self.is_still(context, context.options.rotate_wait_ms) {
                self.complained = true;
                (context.emit)(TailItem::Skipped(Skipped::new(&self.path, &unrecognised(&head))))?;
            }
            let finished = !self.listed && self.is_still(context, context.options.rotate_wait_ms);
            return Ok(if finished { Step::Gone } else { Step::AtEnd });
        };
        let query = ResumeQuery::content(kind, &context.read.cluster, &context.read.node, &head);
        let mut both = Both { keeper: &mut *context.lookup, emitted: context.emitted };
        let resumed = resume(&mut |at, buffer| read_full(file, buffer, at), kind, &query, &mut both);
        let scanned = resumed.inspect(|resumed| {
            context.group.account(&resumed.matched, &mut |at, bytes| holds(file, at, bytes));
        });
        if scanned.as_ref().is_ok_and(|resumed| resumed.is_within) {
            self.stage = Stage::Known;
            return Ok(Step::AtEnd);
        }
        if self.is_active() && scanned.is_ok() && context.group.unaccounted.is_some() && !context.group.troubled {
            // What is read now becomes the newest under this path: whoever is killed after that does not miss what was there before. So the gap comes first.
            if context.waiting {
                return Ok(Step::Waiting);
            }
            context.group.gone(context.read, context.emit)?;
        }
        let begun = scanned.and_then(|resumed| {
            let label = context.read.label(kind);
            let snapshot = resumed.snapshot;
            let end = snapshot.as_ref().map_or(0, Snapshot::end);
            let batcher = match snapshot {
                Some(snapshot) => Batcher::resume(label, Some(self.id.clone()), snapshot),
                None => Batcher::new(label, Some(self.id.clone())),
            };
            Follow::new(file, batcher, end)
        });
        match begun {
            Ok(follow) => self.follow(Box::new(follow), None, context),
            Err(error) => {
                self.complain(&error, context)?;
                Ok(Step::AtEnd)
            }
        }
    }

    /// Nothing of it is new, unless it has changed: then it is gone over again, as what came may be known too.
    fn keep_known(&mut self, before: Option<Seen>, context: &mut Context<'_>) -> Result<Step, Stop> {
        if before != self.seen {
            let reached = before.map_or(0, |seen| seen.size);
            if self.size() < reached {
                (context.emit)(gap(context.read, self.id.path.clone(), reached, reached, "truncated"))?;
            }
            // One that grows slowly is not gone over at each look.
            self.first_seen = context.now;
            return self.begin(context);
        }
        self.stage = Stage::Known;
        if self.is_active() || !self.is_still(context, context.options.rotate_wait_ms) {
            return Ok(Step::AtEnd);
        }
        self.stage = Stage::Done;
        self.file = None;
        Ok(if self.listed { Step::AtEnd } else { Step::Gone })
    }

    /// A compressed file is read in one go; it does not grow.
    fn read_packed(&mut self, context: &mut Context<'_>) -> Result<Step, Stop> {
        let Some(file) = self.file.take() else { return Ok(Step::AtEnd) };
        let again = file.try_clone();
        let opened = Opened { file, id: self.id.clone(), size: self.size() };
        let Context { lookup, emitted, emit, group, read, .. } = context;
        let report = read_opened(
            &self.path,
            opened,
            read,
            &mut Both { keeper: &mut **lookup, emitted },
            &mut |draft| hand_out(draft, emitted, emit),
            &mut |_| {},
        )?;
        group.account(&report.matched, &mut |at, bytes| {
            again.as_ref().is_ok_and(|file| holds_packed(file, at, bytes).unwrap_or(false))
        });
        for issue in report.issues {
            emit(TailItem::Issue { path: self.path.clone(), issue })?;
        }
        if let Some(skipped) = report.skipped {
            emit(TailItem::Skipped(skipped))?;
        }
        self.stage = Stage::Done;
        Ok(Step::Read)
    }

    /// Reads what was appended. `before`: what the file looked like last time.
    fn follow(
        &mut self,
        mut follow: Box<Follow>,
        before: Option<Seen>,
        context: &mut Context<'_>,
    ) -> Result<Step, Stop> {
        let Some(file) = &self.file else { return Ok(Step::AtEnd) };
        let size = self.size();
        let reached = before.map_or(0, |seen| seen.size).max(follow.position);
        if size < follow.position {
            return self.lost(*follow, reached, "truncated", context);
        }
        if size < reached {
            (context.emit)(gap(context.read, self.id.path.clone(), size, reached, "shortened"))?;
        }
        let mut read = 0usize;
        if size > follow.position || before.is_some() && before != self.seen {
            let Context { emitted, emit, scratch, options, .. } = context;
            let grown =
                follow.read_on(file, options.turn_bytes, scratch, &mut |draft| hand_out(draft, emitted, emit))?;
            match grown {
                Ok(Growth::Read(bytes)) => read = bytes,
                Ok(Growth::Replaced) => return self.lost(*follow, reached, "replaced", context),
                Err(error) => {
                    self.stage = Stage::Following(follow);
                    self.complain(&error, context)?;
                    return Ok(Step::AtEnd);
                }
            }
            self.complained = false;
        }
        self.seal_by_age(&mut follow, context)?;
        if read > 0 {
            self.stage = Stage::Following(follow);
            return Ok(Step::Read);
        }
        if follow.batcher.holds_whole_line() && self.is_still(context, context.options.age_ms.saturating_mul(2)) {
            // It was held back only for what the next line might begin with.
            let Context { emitted, emit, .. } = &mut *context;
            follow.batcher.rest(&mut |draft| hand_out(draft, emitted, *emit))?;
        }
        let wait_ms = if self.is_active() { context.options.line_wait_ms } else { context.options.rotate_wait_ms };
        if self.is_still(context, wait_ms) {
            // Drained, and nobody writes: an unfinished last line stays as it is.
            let Context { emitted, emit, .. } = context;
            follow.batcher.rest(&mut |draft| hand_out(draft, emitted, emit))?;
            if self.is_active() {
                self.stage = Stage::Following(follow);
                return Ok(Step::AtEnd);
            }
            self.stage = Stage::Done;
            self.file = None;
            return Ok(if self.listed { Step::AtEnd } else { Step::Gone });
        }
        self.stage = Stage::Following(follow);
        Ok(Step::AtEnd)
    }

    fn seal_by_age(&self, follow: &mut Follow, context: &mut Context<'_>) -> Result<(), Stop> {
        if follow.is_due(context.now, context.options.age_ms) {
            let Context { emitted, emit, .. } = context;
            follow.seal(&mut |draft: Draft| hand_out(draft, emitted, emit))?;
        }
        Ok(())
    }

    /// What was read is not in the file any more, and what was not read is nowhere, unless in a copy.
    fn lost(
        &mut self,
        mut follow: Follow,
        reached: u64,
        reason: &'static str,
        context: &mut Context<'_>,
    ) -> Result<Step, Stop> {
        let Context { emitted, emit, .. } = context;
        follow.batcher.seal(&mut |draft| hand_out(draft, emitted, emit))?;
        let from = follow.batcher.sealed();
        emit(gap(context.read, self.id.path.clone(), from, reached, reason))?;
        if !follow.batcher.unfinished().is_empty() {
            context.group.orphans.push(Orphan { batcher: follow.batcher, since: context.now });
        }
        self.stage = Stage::Fresh;
        self.trusted = true;
        Ok(Step::Read)
    }

    fn complain(&mut self, error: &io::Error, context: &mut Context<'_>) -> Result<(), Stop> {
        if std::mem::replace(&mut self.complained, true) {
            return Ok(());
        }
        let at = match &self.stage {
            Stage::Following(follow) => follow.position,
            _ => 0,
        };
        let issue = Issue { kind: "read-error", at, detail: error.to_string() };
        (context.emit)(TailItem::Issue { path: self.path.clone(), issue })
    }
}

fn holds(file: &File, at: u64, bytes: &[u8]) -> bool {
    let mut found = vec![0; bytes.len()];
    read_full(file, &mut found, at).is_ok_and(|read| read == bytes.len() && found == bytes)
}

fn holds_packed(file: &File, at: u64, bytes: &[u8]) -> io::Result<bool> {
    let mut decoder = Decoder::new(file.try_clone()?)?;
    let mut found = vec![0; bytes.len()];
    let mut done = 0usize;
    if decoder.seek_to(at).is_err() {
        return Ok(false);
    }
    while let Some(room) = found.get_mut(done..).filter(|room| !room.is_empty()) {
        match decoder.read(room) {
            Ok(read @ 1..) => done = done.saturating_add(read),
            Ok(_) | Err(_) => return Ok(false),
        }
    }
    Ok(found == bytes)
}

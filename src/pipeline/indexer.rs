//! Log entries → events → index: the one code for a running collector, an import, the catching up after a crash, and a rebuild.
//!
//! Invariant: after a commit that covers N entries the index is a function of entries 0..N, however they came to be indexed.
//! Not here: how records are grouped in memory (`assemble`), what they mean (`normalise`), when to commit (`live`, `ingest`).

use super::PipelineError;
use super::ahead::{self, Owner, ReadEntry};
use super::assemble::{Added, Assembler, Open, WITNESSES_MAX};
use super::going_on::{GoingOn, Waiting};
use super::summary::Summary;
use crate::evidence::{Entry, EvidenceError, Reader, Statement};
use crate::index::{Index, IndexError, IndexStore, Places, Plan, Window};
use crate::model::{Event, EventId, RecordRef};
use crate::normalise::{self, Bad, Key};
use crate::query::AnswerError;
use crate::query::load::{self, Bytes, Joint, Loaded};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far back the beginning of a record is looked for, log entries.
const BACK_ENTRIES_MAX: u64 = 65_536;
/// Log entries after which an index that is busy is committed.
const COMMIT_ENTRIES: u64 = 2_048;
/// Events after which it is, since each that is not committed takes memory.
const COMMIT_EVENTS: usize = 200_000;

/// The owner of the index.
pub struct Indexer {
    reader: Reader,
    index: IndexStore,
    assembler: Assembler,
    /// Records whose rest has not come.
    waiting: Waiting,
    summary: Summary,
    /// The next log entry to read.
    next: u64,
    /// `next` at the last commit.
    committed: u64,
    dirty: bool,
}

impl Indexer {
    /// Opens the index of a store; one that is missing, of another version, or ahead of the log is started anew.
    pub fn open(dir: &Path, reader: Reader, heap_bytes: usize) -> Result<Indexer, PipelineError> {
        let folder = dir.join("index");
        let index = match IndexStore::open(&folder, heap_bytes) {
            Ok(index) if index.covers() <= reader.size() => index,
            // It was made from entries that are no more (a torn block that was never acknowledged, a store put back from a backup).
            Ok(index) => {
                drop(index);
                start_anew(&folder, heap_bytes)?
            }
            Err(IndexError::Rebuild { .. }) => start_anew(&folder, heap_bytes)?,
            Err(error) => return Err(error.into()),
        };
        let next = index.covers();
        let waiting = Waiting::read(&reader, next)?;
        let (assembler, summary) = (Assembler::default(), Summary::default());
        Ok(Indexer { reader, index, assembler, waiting, summary, next, committed: next, dirty: false })
    }

    /// The read side.
    pub fn index(&self) -> Index {
        self.index.index()
    }

    /// What has been indexed since the opening.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The next log entry to be read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether something waits for a commit.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Makes everything up to the last entry findable.
    pub fn commit(&mut self) -> Result<(), PipelineError> {
        while let Some(open) = self.assembler.oldest() {
            self.emit(open)?;
        }
        self.index.commit(self.next)?;
        self.committed = self.next;
        self.dirty = false;
        Ok(())
    }

    /// Reads up to entry `size`, committing now and then; `seen` is shown the account after each entry.
    pub fn advance(&mut self, size: u64, seen: &mut dyn FnMut(&Summary)) -> Result<(), PipelineError> {
        ahead::each(&self.reader.clone(), self.next, size, &mut |entry| {
            self.entry(&entry)?;
            seen(&self.summary);
            let entries = self.next.saturating_sub(self.committed);
            if entries >= COMMIT_ENTRIES || self.index.pending() >= COMMIT_EVENTS {
                self.commit()?;
            }
            Ok(())
        })
    }

    fn entry(&mut self, read: &ReadEntry) -> Result<(), PipelineError> {
        let (leaf, entry) = (read.leaf, &read.entry);
        if Statement::may_be(entry)
            && let Some(said) = self.reader.statement(leaf)?
        {
            self.forget_gone(&said)?;
        }
        self.dirty = true;
        self.summary.batches += 1;
        for (number, (record, owner)) in (0..).zip(&read.records) {
            let at = RecordRef { leaf, record: number };
            self.summary.records += 1;
            self.summary.bytes += u64::try_from(record.len()).unwrap_or(0);
            match owner {
                Owner::Event(owner) => self.record(entry, &[at], record, owner)?,
                Owner::Part => self.part(entry, at, record)?,
            }
        }
        self.next = leaf + 1;
        self.give_up(leaf)
    }

    fn part(&mut self, entry: &Arc<Entry>, at: RecordRef, bytes: &[u8]) -> Result<(), PipelineError> {
        let continues = at.record == 0 && entry.header.continues;
        let goes_on = at.record == entry.header.records.saturating_sub(1) && entry.header.goes_on;
        let mut record = GoingOn { parts: Vec::new(), bytes: Vec::new(), entry: Arc::clone(entry) };
        if continues {
            let start = Joint::start(&entry.header);
            let before = match self.waiting.take(&start) {
                Some(before) => Some(before),
                None => self.unfinished(&start, at.leaf)?,
            };
            let Some(before) = before else {
                let detail = "it continues a record whose beginning is not in the log".to_owned();
                return self.bad(entry, &[at], bytes, &Bad { kind: "continues-nothing", detail });
            };
            record = before;
        }
        record.add(at, bytes);
        if goes_on {
            self.waiting.put(Joint::end(&entry.header), record);
            return Ok(());
        }
        let owner = owner(&record);
        self.record(&record.entry, &record.parts, &record.bytes, &owner)
    }

    /// The last record of the batch that ends where this one starts: it was taken for finished (the file lay still for long, or had ended), and is not.
    /// What it was taken for is forgotten.
    fn unfinished(&mut self, start: &Joint, leaf: u64) -> Result<Option<GoingOn>, PipelineError> {
        let mut parts: Vec<(RecordRef, Arc<Entry>)> = Vec::new();
        let mut wanted = start.clone();
        for earlier in (leaf.saturating_sub(BACK_ENTRIES_MAX)..leaf).rev() {
            let entry = self.reader.entry(earlier)?;
            if Joint::end(&entry.header) != wanted {
                continue;
            }
            let record = entry.header.records.saturating_sub(1);
            wanted = Joint::start(&entry.header);
            let is_first = record > 0 || !entry.header.continues;
            parts.push((RecordRef { leaf: earlier, record }, entry));
            if is_first {
                break;
            }
        }
        let Some((_, entry)) = parts.last() else { return Ok(None) };
        let mut whole = GoingOn { parts: Vec::new(), bytes: Vec::new(), entry: Arc::clone(entry) };
        for (at, _) in parts.iter().rev() {
            let bytes = match self.reader.record(*at) {
                Ok(bytes) => bytes,
                Err(EvidenceError::Pruned { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            whole.add(*at, &bytes);
        }
        while let Some(open) = self.assembler.oldest() {
            self.emit(open)?;
        }
        self.forget(&whole)?;
        Ok(Some(whole))
    }

    /// Takes a record out of the event that it was taken for.
    fn forget(&mut self, record: &GoingOn) -> Result<(), PipelineError> {
        let bad = owner(record);
        let id = match &bad {
            Ok(key) => key.id,
            Err(bad) => {
                let bytes = Bytes::Joined(record.bytes.clone());
                let loaded = Loaded { parts: record.parts.clone(), bytes, entry: Arc::clone(&record.entry) };
                load::bad_event(&self.reader, &loaded, bad)?.id
            }
        };
        let Some(known) = self.index.find_any(id)? else { return Ok(()) };
        let left: Vec<RecordRef> = known.iter().filter(|place| !record.parts.contains(place)).collect();
        if left.len() == known.len() {
            return Ok(());
        }
        let Some(before) = self.event_at(id, &known)? else { return Ok(()) };
        self.index.remove(id, before.when.event.nanos)?;
        if let Err(bad) = &bad {
            let count = u64::try_from(record.parts.len()).unwrap_or(0);
            self.summary.bad_records = self.summary.bad_records.saturating_sub(count);
            self.summary.take_back(bad.kind, count);
        } else if left.is_empty() {
            self.summary.events = self.summary.events.saturating_sub(1);
            before.issues.iter().for_each(|issue| self.summary.take_back(&issue.kind, 1));
        }
        if !left.is_empty() {
            let places = Places::of(&left)?;
            if let Some(event) = self.event_at(id, &places)? {
                self.index.put(&event, &places, false)?;
            }
        }
        Ok(())
    }

    /// An event read again from evidence; `None` when the index names records that are not its own, which must never stop the indexing of others.
    fn event_at(&self, id: EventId, places: &Places) -> Result<Option<Event>, PipelineError> {
        let records = self.records(places)?;
        match load::event(&self.reader, id, &records, false) {
            Ok(event) => Ok(Some(event)),
            Err(error @ AnswerError::Lost { .. }) => {
                tracing::error!(%error, "the index is not what the log says");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The records at some places; those that are gone by retention are left out: the index may not know yet.
    fn records(&self, places: &Places) -> Result<Vec<Loaded>, PipelineError> {
        match load::records(&self.reader, places) {
            Err(AnswerError::Evidence(EvidenceError::Pruned { .. })) => {}
            records => return Ok(records?),
        }
        let mut kept = Vec::new();
        for place in places.iter() {
            if self.reader.block(place.leaf)?.pruned().is_none() {
                kept.push(place);
            }
        }
        Ok(load::records(&self.reader, &Places::of(&kept)?)?)
    }

    /// Takes out of the index what is gone as a statement says: so it is a function of the log here too, whenever the bytes go. An event that keeps
    /// records is made of them alone.
    fn forget_gone(&mut self, said: &Statement) -> Result<(), PipelineError> {
        // Of each log entry whether it is gone, once that was asked.
        let mut known: HashMap<u64, bool> = HashMap::new();
        loop {
            // What is open is put first, so that nothing of it comes behind. A crash here: the statement is read again, and the rest goes then.
            self.commit()?;
            let mut found: Vec<(EventId, i64, Vec<RecordRef>)> = Vec::new();
            let mut failed = None;
            let selection = self.index.searcher().select(&Plan::Everything, Window::ALL)?;
            let mut is_gone = |leaf: u64| -> Result<bool, EvidenceError> {
                if leaf >= said.minimum_index {
                    return Ok(false);
                }
                if let Some(gone) = known.get(&leaf) {
                    return Ok(*gone);
                }
                let gone = said.covers(leaf, self.reader.entry(leaf)?.header.kind);
                known.insert(leaf, gone);
                Ok(gone)
            };
            selection.of_leaves(None, Some(said.minimum_index)).for_each(false, &mut |hit| {
                let mut left = Vec::new();
                for place in hit.places.iter() {
                    match is_gone(place.leaf) {
                        Ok(true) => {}
                        Ok(false) => left.push(place),
                        Err(error) => {
                            failed = Some(error);
                            return ControlFlow::Break(());
                        }
                    }
                }
                if left.len() < hit.places.len() {
                    found.push((hit.id, hit.when, left));
                }
                if found.len() < COMMIT_EVENTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            if let Some(error) = failed {
                return Err(error.into());
            }
            if found.is_empty() {
                return Ok(());
            }
            for (id, when, left) in found {
                self.index.remove(id, when)?;
                if !left.is_empty()
                    && let places = Places::of(&left)?
                    && let Some(event) = self.event_at(id, &places)?
                {
                    self.index.put(&event, &places, false)?;
                }
            }
        }
    }

    /// Records whose rest does not come are bad records.
    fn give_up(&mut self, leaf: u64) -> Result<(), PipelineError> {
        while let Some(record) = self.waiting.overdue(leaf) {
            let detail = "its rest never came".to_owned();
            self.bad(&record.entry, &record.parts, &record.bytes, &Bad { kind: "unfinished-record", detail })?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        entry: &Arc<Entry>,
        parts: &[RecordRef],
        bytes: &[u8],
        owner: &Result<Key, Bad>,
    ) -> Result<(), PipelineError> {
        let key = match owner {
            Ok(key) => key,
            Err(bad) => return self.bad(entry, parts, bytes, bad),
        };
        if self.assembler.add(*key, entry, parts, bytes)? == Added::Full {
            return self.bad(entry, parts, bytes, &load::too_many());
        }
        while let Some(open) = self.assembler.overflow() {
            self.emit(open)?;
        }
        Ok(())
    }

    fn bad(&mut self, entry: &Arc<Entry>, parts: &[RecordRef], bytes: &[u8], bad: &Bad) -> Result<(), PipelineError> {
        let count = u64::try_from(parts.len()).unwrap_or(0);
        self.summary.bad_records += count;
        self.summary.issue(bad.kind, count);
        let record = Loaded { parts: parts.to_vec(), bytes: Bytes::Joined(bytes.to_vec()), entry: Arc::clone(entry) };
        let event = load::bad_event(&self.reader, &record, bad)?;
        let Some(known) = self.index.find_any(event.id)? else {
            return Ok(self.index.put(&event, &Places::of(parts)?, false)?);
        };
        // The same bytes of the same file, read once more.
        if known.len() >= WITNESSES_MAX * parts.len().max(1) || parts.iter().all(|part| known.contains(*part)) {
            return Ok(());
        }
        let mut places = known;
        places.merge(&Places::of(parts)?);
        let event = self.event_at(event.id, &places)?.unwrap_or(event);
        Ok(self.index.put(&event, &places, true)?)
    }

    /// Puts an event into the index, with what is known of it already.
    fn emit(&mut self, open: Open) -> Result<(), PipelineError> {
        let known = self.index.find(open.key.id, open.key.when.nanos)?;
        match known {
            None => self.emit_new(&open),
            Some(known) => self.amend(open, known),
        }
    }

    fn emit_new(&mut self, open: &Open) -> Result<(), PipelineError> {
        let records: Vec<&[u8]> = open.records.iter().map(|record| &*record.bytes).collect();
        let event = normalise::event(open.entry.header.kind, &open.key, load::context(&open.entry), &records);
        self.summary.events += 1;
        self.summary.duplicates += open.repeated;
        event.issues.iter().for_each(|issue| self.summary.issue(&issue.kind, 1));
        self.index.put(&event, &open.places, false)?;
        Ok(())
    }

    /// Late records: the event is made again from all of its records, old and new, and keeps its id and its place.
    fn amend(&mut self, open: Open, known: Places) -> Result<(), PipelineError> {
        let id = open.key.id;
        let old = self.records(&known)?;
        let Some(before) = self.event_at(id, &known)? else {
            // What the index said of it is not so: what came now is all that is known.
            self.index.remove(id, open.key.when.nanos)?;
            return self.emit_new(&open);
        };
        let mut witnesses: Vec<(&[u8], usize)> = Vec::new();
        for record in &old {
            match witnesses.iter_mut().find(|(bytes, _)| *bytes == &*record.bytes) {
                Some((_, count)) => *count += 1,
                None => witnesses.push((&record.bytes, 1)),
            }
        }
        let mut bytes: usize = witnesses.iter().map(|(bytes, _)| bytes.len()).sum();
        let fresh = self.records(&open.places)?;
        let there: HashSet<RecordRef> = known.iter().collect();
        let mut places = known.clone();
        let mut refused = Vec::new();
        self.summary.duplicates += open.repeated + again(&open, &old, &there);
        for record in &fresh {
            if record.parts.iter().all(|part| there.contains(part)) {
                continue;
            }
            let full = witnesses.len() >= load::EVENT_RECORDS_MAX
                || bytes.saturating_add(record.bytes.len()) > load::EVENT_BYTES_MAX;
            match witnesses.iter_mut().find(|(bytes, _)| *bytes == &*record.bytes).map(|(_, count)| count) {
                Some(count) if *count >= WITNESSES_MAX => continue,
                Some(count) => *count += 1,
                None if full => {
                    refused.push(record);
                    continue;
                }
                None => {
                    bytes += record.bytes.len();
                    witnesses.push((&record.bytes, 1));
                }
            }
            places.merge(&Places::of(&record.parts)?);
        }
        if places != known
            && let Some(event) = self.event_at(id, &places)?
        {
            self.count_amended(&before, &event);
            self.index.put(&event, &places, true)?;
        }
        for record in refused {
            self.bad(&record.entry, &record.parts, &record.bytes, &load::too_many())?;
        }
        Ok(())
    }

    fn count_amended(&mut self, before: &Event, after: &Event) {
        self.summary.amended += 1;
        for issue in after.issues.iter().filter(|issue| !before.issues.contains(issue)) {
            self.summary.issue(&issue.kind, 1);
        }
        for issue in before.issues.iter().filter(|issue| !after.issues.contains(issue)) {
            self.summary.take_back(&issue.kind, 1);
        }
    }
}

/// The event that a record belongs to which came in parts.
fn owner(record: &GoingOn) -> Result<Key, Bad> {
    let header = &record.entry.header;
    ahead::owner(&mut normalise::Keys::default(), header.kind, load::context(&record.entry), &record.bytes)
}

/// Records of an open event that the store had already, byte for byte, from another place.
fn again(open: &Open, old: &[Loaded], there: &HashSet<RecordRef>) -> u64 {
    let known: HashSet<&[u8]> = old.iter().map(|record| &*record.bytes).collect();
    let repeated = open.records.iter().filter(|record| !there.contains(&record.at) && known.contains(&*record.bytes));
    repeated.map(|record| record.parts).sum()
}

fn start_anew(folder: &Path, heap_bytes: usize) -> Result<IndexStore, PipelineError> {
    remove(folder)?;
    Ok(IndexStore::open(folder, heap_bytes)?)
}

fn remove(folder: &Path) -> Result<(), PipelineError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(PipelineError::Io { what: format!("removing {}", folder.display()), error })
        }
        _ => Ok(()),
    }
}

/// Deletes what is derived and makes it again from evidence; the caller holds the store's lock. `progress` gets entries done and all.
pub fn rebuild(
    dir: &Path,
    reader: Reader,
    heap_bytes: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Summary, PipelineError> {
    for name in ["index", "state"] {
        remove(&PathBuf::from(dir).join(name))?;
    }
    let size = reader.size();
    let mut indexer = Indexer::open(dir, reader, heap_bytes)?;
    indexer.advance(size, &mut |summary| progress(summary.batches, size))?;
    indexer.commit()?;
    Ok(indexer.summary().clone())
}

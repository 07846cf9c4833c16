//! How far files have been read, for whoever opens one: kept in the state, made again from batch headers when the state is behind or lost; the batches
//! between are looked up in the log.
//!
//! Not here: the comparison of a cursor with a file (`source::resume`), the encoding (`index`).

use super::PipelineError;
use super::senders::Senders;
use crate::evidence::{Draft, Hash, Header, Reader};
use crate::index::{CursorEntry, State};
use crate::model::RecordRef;
use crate::source::{Batch, Cursor, Keep, NEAR_BYTES, ResumeQuery};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Log entries that are read for one question about batches, some 10 µs each; a file's batches lie between those of all others.
const ENTRIES_MAX: u64 = 65_536;
/// Cursors from which batches are looked for.
const CHAINS_MAX: usize = 8;

/// The keeper of cursors. Clones share it.
#[derive(Clone)]
pub struct Cursors {
    state: Arc<State>,
    /// The log; none where only the ends of what was read are kept, as by an agent.
    reader: Option<Reader>,
}

impl Cursors {
    /// Opens the state of a store and brings it up to the log; also who has sent batches.
    pub fn open(dir: &Path, reader: &Reader) -> Result<(Cursors, Senders), PipelineError> {
        let folder = dir.join("state");
        let mut state = State::open(&folder)?.state;
        if state.covers()? > reader.size() {
            // It knows entries that are no more.
            drop(state);
            std::fs::remove_dir_all(&folder)
                .map_err(|error| PipelineError::Io { what: format!("removing {}", folder.display()), error })?;
            state = State::open(&folder)?.state;
        }
        let (from, size) = (state.covers()?, reader.size());
        let state = Arc::new(state);
        let senders = Senders::open(Arc::clone(&state), reader, from, size)?;
        for leaf in from..size {
            let entry = reader.entry(leaf)?;
            // What an agent has read is no file of this machine.
            if entry.envelope.signer.is_none()
                && let Some(cursor) = of_header(&entry.header, leaf)
            {
                state.record(&cursor, &entry.header.before)?;
            }
        }
        state.advance(size)?;
        state.flush()?;
        Ok((Cursors { state, reader: Some(reader.clone()) }, senders))
    }

    /// Opens those of an agent: its batches leave it, so only their ends are known.
    ///
    /// # Errors
    /// The state's.
    pub fn of_spool(folder: &Path) -> Result<Cursors, PipelineError> {
        Ok(Cursors { state: Arc::new(State::open(folder)?.state), reader: None })
    }

    /// The number of the first batch that is not known here.
    ///
    /// # Errors
    /// The state's.
    pub fn covers(&self) -> Result<u64, PipelineError> {
        Ok(self.state.covers()?)
    }

    /// Remembers the end of a batch of that number.
    ///
    /// # Errors
    /// The state's.
    pub fn learn(&self, header: &Header, number: u64) -> Result<(), PipelineError> {
        match of_header(header, number) {
            Some(cursor) => Ok(self.state.record(&cursor, &header.before)?),
            None => Ok(self.state.advance(number.saturating_add(1))?),
        }
    }

    /// Makes what is remembered durable.
    ///
    /// # Errors
    /// The state's.
    pub fn flush(&self) -> Result<(), PipelineError> {
        Ok(self.state.flush()?)
    }

    /// The cursor that a draft will leave, and the hash of what is before the draft; `None` when it is of a stream.
    pub fn entry(draft: &Draft) -> Option<(Cursor, Hash)> {
        Some((Cursor::of(draft)?, draft.position.before))
    }

    /// Remembers drafts that are durable now; the log has `size` entries.
    pub fn record(&self, cursors: &[(Cursor, Hash, u64)], size: u64) -> Result<(), PipelineError> {
        for (cursor, before, leaf) in cursors {
            self.state.record(&of_cursor(cursor, *leaf), before)?;
        }
        Ok(self.state.advance(size)?)
    }

    fn known(&self, query: &ResumeQuery) -> Vec<(Cursor, u64)> {
        let found = match query {
            ResumeQuery::Content { kind, cluster, node, heads } => {
                let mut found = self.state.short(*kind, cluster, node).unwrap_or_default();
                // Behind the first 256 bytes the head does not change any more.
                if let Some(head) = heads.get(255) {
                    found.extend(self.state.candidates(*kind, cluster, node, head).unwrap_or_default());
                }
                found
            }
            ResumeQuery::Path { path } => self.state.newest_of_path(path).unwrap_or_default().into_iter().collect(),
        };
        found.into_iter().filter_map(to_cursor).filter(|(cursor, _)| query.fits(cursor)).collect()
    }

    /// Goes back in the log from the entry that ends at a cursor, from each batch to the one that it goes on from, up to the one that starts at or before `from`
    /// or is among `seen`; at most `left` entries, which it counts down.
    fn walk(&self, cursor: &Cursor, leaf: u64, from: u64, seen: &mut HashSet<u64>, mut left: u64) -> (Vec<Batch>, u64) {
        let mut found = Vec::new();
        let (mut end, mut prefix) = (cursor.end, cursor.prefix);
        for leaf in (0..=leaf).rev() {
            let Some(rest) = left.checked_sub(1) else { break };
            left = rest;
            let Some(Ok(entry)) = self.reader.as_ref().map(|reader| reader.entry(leaf)) else { break };
            let header = &entry.header;
            let is_same = header.kind == cursor.kind && header.cluster == cursor.cluster && header.node == cursor.node;
            if !is_same || header.file.is_none() || (header.end, header.prefix) != (end, prefix) {
                continue;
            }
            if !seen.insert(leaf) {
                break;
            }
            found.push(to_batch(header, leaf));
            if header.start <= from {
                break;
            }
            (end, prefix) = (header.start, header.before);
        }
        (found, left)
    }
}

/// Errors are none: what is not known is read again, and its records are duplicates.
impl Keep for Cursors {
    fn cursors(&mut self, query: &ResumeQuery) -> Vec<Cursor> {
        self.known(query).into_iter().map(|(cursor, _)| cursor).collect()
    }

    fn batches(&mut self, query: &ResumeQuery, from: u64) -> Vec<Batch> {
        let mut known = self.known(query);
        known.retain(|(cursor, _)| cursor.end > from && cursor.end.saturating_sub(from) <= NEAR_BYTES);
        known.sort_by_key(|(cursor, leaf)| (cursor.end, Reverse(*leaf)));
        let (mut found, mut seen, mut left) = (Vec::new(), HashSet::new(), ENTRIES_MAX);
        for (cursor, leaf) in known.iter().take(CHAINS_MAX) {
            // One that leads nowhere leaves half of them to the others.
            let share = left.div_ceil(2);
            let (batches, rest) = self.walk(cursor, *leaf, from, &mut seen, share);
            left = left.saturating_sub(share).saturating_add(rest);
            found.extend(batches);
        }
        found
    }

    fn bytes(&mut self, batch: &Batch) -> Option<Vec<u8>> {
        let reader = self.reader.as_ref()?;
        let records = reader.entry(batch.leaf).ok()?.header.records;
        let mut bytes = Vec::new();
        for record in 0..records {
            // The bytes of a redacted one are gone.
            bytes.extend_from_slice(&reader.record(RecordRef { leaf: batch.leaf, record }).ok()?);
        }
        (bytes.len() as u64 == batch.end.saturating_sub(batch.start)).then_some(bytes)
    }
}

fn to_batch(header: &Header, leaf: u64) -> Batch {
    Batch {
        start: header.start,
        before: header.before,
        end: header.end,
        prefix: header.prefix,
        continues: header.continues,
        goes_on: header.goes_on,
        leaf,
    }
}

fn of_header(header: &Header, leaf: u64) -> Option<CursorEntry> {
    header.file.as_ref()?;
    Some(CursorEntry {
        kind: header.kind,
        cluster: header.cluster.clone(),
        node: header.node.clone(),
        head: header.head,
        file: header.file.clone(),
        end: header.end,
        prefix: header.prefix,
        goes_on: header.goes_on,
        leaf,
    })
}

fn of_cursor(cursor: &Cursor, leaf: u64) -> CursorEntry {
    CursorEntry {
        kind: cursor.kind,
        cluster: cursor.cluster.clone(),
        node: cursor.node.clone(),
        head: cursor.head,
        file: Some(cursor.file.clone()),
        end: cursor.end,
        prefix: cursor.prefix,
        goes_on: cursor.goes_on,
        leaf,
    }
}

fn to_cursor(entry: CursorEntry) -> Option<(Cursor, u64)> {
    let cursor = Cursor {
        kind: entry.kind,
        cluster: entry.cluster,
        node: entry.node,
        file: entry.file?,
        head: entry.head,
        end: entry.end,
        prefix: entry.prefix,
        goes_on: entry.goes_on,
    };
    Some((cursor, entry.leaf))
}

//! How far files have been read, for whoever opens one: kept in the state, made again from batch headers when the state is behind or lost.
//!
//! Not here: the comparison of a cursor with a file (`source`), the encoding (`index`).

use super::PipelineError;
use crate::evidence::{Draft, Entry, Hash, Reader};
use crate::index::{CursorEntry, State};
use crate::source::{Cursor, ResumeQuery};
use std::path::Path;

/// The keeper of cursors.
pub struct Cursors {
    state: State,
}

impl Cursors {
    /// Opens the state of a store and brings it up to the log.
    pub fn open(dir: &Path, reader: &Reader) -> Result<Cursors, PipelineError> {
        let folder = dir.join("state");
        let mut state = State::open(&folder)?.state;
        if state.covers()? > reader.size() {
            // It knows entries that are no more.
            drop(state);
            std::fs::remove_dir_all(&folder)
                .map_err(|error| PipelineError::Io { what: format!("removing {}", folder.display()), error })?;
            state = State::open(&folder)?.state;
        }
        for leaf in state.covers()?..reader.size() {
            let entry = reader.entry(leaf)?;
            if let Some(cursor) = of_entry(&entry, leaf) {
                state.record(&cursor, &entry.header.before)?;
            }
        }
        state.advance(reader.size())?;
        state.flush()?;
        Ok(Cursors { state })
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

    /// What is known of a file. Errors are none: what is not known is read again, and its records are duplicates.
    pub fn lookup(&self, query: &ResumeQuery) -> Vec<Cursor> {
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
        found.into_iter().filter_map(to_cursor).filter(|cursor| query.fits(cursor)).collect()
    }
}

fn of_entry(entry: &Entry, leaf: u64) -> Option<CursorEntry> {
    let header = &entry.header;
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

fn to_cursor(entry: CursorEntry) -> Option<Cursor> {
    Some(Cursor {
        kind: entry.kind,
        cluster: entry.cluster,
        node: entry.node,
        file: entry.file?,
        head: entry.head,
        end: entry.end,
        prefix: entry.prefix,
        goes_on: entry.goes_on,
    })
}

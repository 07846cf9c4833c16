//! The one owner of DIR/index for writing.
//!
//! Inside: opening, putting and replacing documents, committing, looking up what has not been committed yet.
//! Not here: reading (`reader`, `searcher`), when to commit (`pipeline`).

use super::by_id::ById;
use super::reader::Index;
use super::schema::{Keys, payload};
use super::searcher::Searcher;
use super::{IndexError, Places};
use crate::model::{Event, EventId};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, UserOperation};
use tantivy::{IndexSettings, IndexWriter, TantivyError};

/// Memory of the writer before it writes a segment of its own accord, in bytes.
pub const HEAP_BYTES_DEFAULT: usize = 96 << 20;
/// Documents that are handed to the writer at once.
const ADDITIONS: usize = 128;
/// What tantivy needs at least a thread.
const HEAP_BYTES_MIN: usize = 15_000_000;
/// What tantivy takes at most a thread.
const HEAP_BYTES_MAX: usize = 4_000_000_000;

/// The index, for writing. There is one at a time.
///
/// A commit is all or nothing: a crash at any moment leaves the last one, and what it covers is replayed from there.
pub struct IndexStore {
    dir: PathBuf,
    writer: IndexWriter,
    keys: Arc<Keys>,
    reader: Index,
    /// Documents since the last commit: time and places; `None`: removed. Bounded by whoever decides when to commit.
    pending: HashMap<EventId, Option<(i64, Places)>, foldhash::fast::RandomState>,
    /// Put, and not handed to the writer yet.
    additions: Vec<UserOperation>,
    covers: u64,
}

impl std::fmt::Debug for IndexStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IndexStore({:?}, covers {}, {} pending)", self.dir, self.covers, self.pending.len())
    }
}

impl IndexStore {
    /// Opens the index of a folder, or makes one. One thread builds segments, another merges them.
    /// `Rebuild` when what is there cannot be used: then `wipe` it, and open again.
    pub fn open(dir: &Path, heap_bytes: usize) -> Result<IndexStore, IndexError> {
        IndexStore::open_with(dir, heap_bytes, 1)
    }

    /// As `open`, with more threads that build segments; `heap_bytes` is for all of them.
    pub fn open_with(dir: &Path, heap_bytes: usize, threads: usize) -> Result<IndexStore, IndexError> {
        let io = |source: io::Error| IndexError::Io { doing: "creating", path: dir.to_owned(), source };
        fs::create_dir_all(dir).map_err(io)?;
        let (schema, keys) = Keys::new();
        let keys = Arc::new(keys);
        let rebuild = |reason: String| IndexError::Rebuild { dir: dir.to_owned(), reason };
        let folder = MmapDirectory::open(dir).map_err(|error| rebuild(error.to_string()))?;
        let there = tantivy::Index::exists(&folder).map_err(IndexError::engine("looking for the index"))?;
        let index = if there {
            tantivy::Index::open(folder).map_err(|error| rebuild(error.to_string()))?
        } else {
            let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
            tantivy::Index::create(folder, schema.clone(), settings).map_err(IndexError::engine("creating it"))?
        };
        if index.schema() != schema {
            return Err(rebuild("it has other fields".to_owned()));
        }
        let mut writer = writer(dir, &index, heap_bytes, threads)?;
        let metas = index.load_metas().map_err(|error| rebuild(error.to_string()))?;
        if metas.payload.is_none() && metas.segments.is_empty() {
            // New, or a crash came between its creation and this.
            commit(&mut writer, 0)?;
        }
        let reader = Index::of(dir, index, Arc::clone(&keys))?;
        let covers = reader.searcher().covers();
        Ok(IndexStore {
            dir: dir.to_owned(),
            writer,
            keys,
            reader,
            pending: HashMap::default(),
            additions: Vec::new(),
            covers,
        })
    }

    /// Deletes the index of a folder, so that `open` makes a new one.
    pub fn wipe(dir: &Path) -> Result<(), IndexError> {
        match fs::remove_dir_all(dir) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(IndexError::Io { doing: "deleting", path: dir.to_owned(), source })
            }
            _ => Ok(()),
        }
    }

    /// Log entries that the last commit covers.
    pub fn covers(&self) -> u64 {
        self.covers
    }

    /// Number of events put since the last commit; about 200 bytes of memory each.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The places of an event's records, if it is in the index or has been put since the last commit. Segments that do
    /// not span its time are not asked, so events newer than all others cost nothing.
    pub fn find(&self, id: EventId, when: i64) -> Result<Option<Places>, IndexError> {
        if let Some(pending) = self.pending.get(&id) {
            return Ok(pending.as_ref().map(|(_, places)| places.clone()));
        }
        Ok(self.reader.searcher().find_at(id, when)?.map(|hit| hit.places))
    }

    /// The places of an event's records, whatever its time.
    pub fn find_any(&self, id: EventId) -> Result<Option<Places>, IndexError> {
        if let Some(pending) = self.pending.get(&id) {
            return Ok(pending.as_ref().map(|(_, places)| places.clone()));
        }
        Ok(self.reader.searcher().find(id)?.map(|hit| hit.places))
    }

    /// Puts an event. `replaces`: one of the same id is there (`find` said so) and goes away with the same commit.
    /// Its time must be the same: it is part of the sort key, and never changes.
    pub fn put(&mut self, event: &Event, places: &Places, replaces: bool) -> Result<(), IndexError> {
        let document = self.keys.document(event, places)?;
        let when = event.when.event.nanos;
        // A time that did change would leave two documents, so the time of the pending one is used.
        let pending = self.pending.get(&event.id).and_then(|pending| pending.as_ref().map(|(when, _)| *when));
        if replaces || pending.is_some() {
            self.delete(event.id, pending.unwrap_or(when))?;
        }
        self.additions.push(UserOperation::Add(document));
        if self.additions.len() >= ADDITIONS {
            self.send()?;
        }
        self.pending.insert(event.id, Some((when, places.clone())));
        Ok(())
    }

    /// Removes an event, with the next commit.
    pub fn remove(&mut self, id: EventId, when: i64) -> Result<(), IndexError> {
        self.pending.insert(id, None);
        self.delete(id, when)
    }

    /// Hands over what was put, together: a message a document costs more than many a document.
    fn send(&mut self) -> Result<(), IndexError> {
        if self.additions.is_empty() {
            return Ok(());
        }
        let additions = std::mem::replace(&mut self.additions, Vec::with_capacity(ADDITIONS));
        self.writer.run(additions).map_err(IndexError::engine("adding events"))?;
        Ok(())
    }

    fn delete(&mut self, id: EventId, when: i64) -> Result<(), IndexError> {
        // What was put before is deleted, what is put behind is not.
        self.send()?;
        let query = ById { id, when, bucket: self.keys.id_bucket };
        // Deletions and additions are applied in the order of these calls, within one commit too.
        self.writer.delete_query(Box::new(query)).map_err(IndexError::engine("replacing an event"))?;
        Ok(())
    }

    /// Makes what was put durable and findable, together with the number of log entries it covers. After an error (a
    /// full disk, say) drop the store and open it again: the last commit holds.
    pub fn commit(&mut self, covers: u64) -> Result<(), IndexError> {
        self.send()?;
        commit(&mut self.writer, covers)?;
        self.covers = covers;
        self.pending.clear();
        self.reader.reload()?;
        Ok(())
    }

    /// The read side of this index, up to date after every commit.
    pub fn index(&self) -> Index {
        self.reader.clone()
    }

    /// What can be asked after the last commit.
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    /// Waits for merges that are under way; what was put since the last commit is lost, as in a crash.
    pub fn close(self) -> Result<(), IndexError> {
        self.writer.wait_merging_threads().map_err(IndexError::engine("finishing merges"))
    }
}

fn writer(dir: &Path, index: &tantivy::Index, heap_bytes: usize, threads: usize) -> Result<IndexWriter, IndexError> {
    let threads = threads.clamp(1, 8);
    let heap_bytes = (heap_bytes / threads).clamp(HEAP_BYTES_MIN, HEAP_BYTES_MAX);
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(heap_bytes)
        .num_worker_threads(threads)
        .num_merge_threads(1)
        .build();
    let writer: IndexWriter = index.writer_with_options(options).map_err(|error| match error {
        TantivyError::LockFailure(..) => IndexError::Busy { dir: dir.to_owned() },
        error => IndexError::Rebuild { dir: dir.to_owned(), reason: error.to_string() },
    })?;
    let mut policy = LogMergePolicy::default();
    // Small commits of a live collector are merged eight at a time; a segment that is largely replaced is rewritten.
    policy.set_min_num_segments(8);
    policy.set_min_layer_size(20_000);
    policy.set_max_docs_before_merge(5_000_000);
    policy.set_del_docs_ratio_before_merge(0.4);
    writer.set_merge_policy(Box::new(policy));
    Ok(writer)
}

fn commit(writer: &mut IndexWriter, covers: u64) -> Result<(), IndexError> {
    let failed = IndexError::engine("committing");
    let mut prepared = writer.prepare_commit().map_err(&failed)?;
    prepared.set_payload(&payload(covers));
    prepared.commit().map_err(&failed)?;
    Ok(())
}

//! The index as it is read: the newest commit, reloaded when there is another one.
//!
//! Not here: what can be asked (`searcher`), writing (`store`).

use super::IndexError;
use super::guard::guarded;
use super::readonly::ReadOnly;
use super::schema::{Keys, covers_of};
use super::searcher::{Inner, Searcher};
use super::segment::Segment;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tantivy::directory::{Directory, META_LOCK, MmapDirectory};
use tantivy::index::SegmentId;
use tantivy::{SegmentReader, TantivyError};

/// How often a reader without a lock reads `meta.json` again when a segment it names has just been merged away.
const ATTEMPTS_MAX: usize = 10;

/// The read side; clones share one view of the newest commit.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    index: tantivy::Index,
    keys: Arc<Keys>,
    current: RwLock<Searcher>,
    reloading: Mutex<()>,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({:?}, {:?})", self.inner.dir, self.searcher())
    }
}

impl Index {
    /// Opens the index of a folder without writing anything into it, lock files included.
    pub fn open_read_only(dir: &Path) -> Result<Index, IndexError> {
        let rebuild = |reason: String| IndexError::Rebuild { dir: dir.to_owned(), reason };
        if !dir.join("meta.json").exists() {
            return Err(rebuild("there is none".to_owned()));
        }
        let folder = MmapDirectory::open(dir).map_err(|error| rebuild(error.to_string()))?;
        let index = tantivy::Index::open(ReadOnly(folder)).map_err(|error| rebuild(error.to_string()))?;
        let (schema, keys) = Keys::new();
        if index.schema() != schema {
            return Err(rebuild("it has other fields".to_owned()));
        }
        Index::of(dir, index, Arc::new(keys))
    }

    pub(super) fn of(dir: &Path, index: tantivy::Index, keys: Arc<Keys>) -> Result<Index, IndexError> {
        let inner = load_patiently(dir, &index, &keys, &[])?;
        let current = RwLock::new(Searcher { inner: Arc::new(inner) });
        let shared = Shared { dir: dir.to_owned(), index, keys, current, reloading: Mutex::new(()) };
        Ok(Index { inner: Arc::new(shared) })
    }

    /// The newest commit as of the last reload.
    pub fn searcher(&self) -> Searcher {
        self.inner.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for a newer commit; true when there was one. Segments that did not change stay open.
    pub fn reload(&self) -> Result<bool, IndexError> {
        let shared = &*self.inner;
        let _one_at_a_time = shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.searcher();
        let inner = load_patiently(&shared.dir, &shared.index, &shared.keys, &before.inner.segments)?;
        let same = |(new, old): (&Arc<Segment>, &Arc<Segment>)| Arc::ptr_eq(new, old);
        let unchanged = inner.covers == before.inner.covers
            && inner.segments.len() == before.inner.segments.len()
            && inner.segments.iter().zip(&before.inner.segments).all(same);
        if !unchanged {
            let mut current = shared.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Searcher { inner: Arc::new(inner) };
        }
        Ok(!unchanged)
    }

    /// Files whose checksum is wrong. Reads every byte of the index.
    pub fn damaged_files(&self) -> Result<Vec<PathBuf>, IndexError> {
        let damaged = self.inner.index.validate_checksum().map_err(IndexError::engine("reading the whole index"))?;
        let mut damaged: Vec<PathBuf> = damaged.into_iter().collect();
        damaged.sort();
        Ok(damaged)
    }
}

fn load_patiently(
    dir: &Path,
    index: &tantivy::Index,
    keys: &Arc<Keys>,
    open: &[Arc<Segment>],
) -> Result<Inner, IndexError> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        match guarded(|| load(dir, index, keys, open)) {
            Some(Ok(Some(inner))) => return Ok(inner),
            None => return Err(IndexError::Rebuild { dir: dir.to_owned(), reason: "a file is damaged".to_owned() }),
            Some(Ok(None)) => {
                let reason = "it was made by another version".to_owned();
                return Err(IndexError::Rebuild { dir: dir.to_owned(), reason });
            }
            Some(Err(error)) => last = Some(error.to_string()),
        }
    }
    Err(IndexError::Rebuild { dir: dir.to_owned(), reason: last.unwrap_or_default() })
}

/// Reads which segments the newest commit has, and opens those that are not open; `None` when it is another version's.
fn load(
    dir: &Path,
    index: &tantivy::Index,
    keys: &Arc<Keys>,
    open: &[Arc<Segment>],
) -> Result<Option<Inner>, TantivyError> {
    // Until the lock is dropped, no segment is deleted: commit, payload and segments belong together.
    let _lock = index.directory().acquire_lock(&META_LOCK)?;
    let metas = index.load_metas()?;
    let Some(covers) = metas.payload.as_deref().and_then(covers_of) else { return Ok(None) };
    let known: HashMap<SegmentId, &Arc<Segment>> =
        open.iter().map(|segment| (segment.reader.segment_id(), segment)).collect();
    let mut segments = Vec::with_capacity(metas.segments.len());
    for meta in metas.segments {
        let old = known.get(&meta.id());
        if let Some(same) = old.filter(|old| old.reader.delete_opstamp() == meta.delete_opstamp()) {
            segments.push(Arc::clone(same));
            continue;
        }
        let learnt = old.map(|old| Arc::clone(&old.learnt)).unwrap_or_default();
        let reader = SegmentReader::open(&index.segment(meta))?;
        segments.push(Arc::new(Segment::open(reader, Arc::clone(keys), learnt)?));
    }
    Ok(Some(Inner { dir: dir.to_owned(), segments, covers }))
}

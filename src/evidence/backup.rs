//! A copy of a store, made while it is written or not, that is a store of its own up to one checkpoint.
//!
//! The copy grows as a store does: segments, then tiles, then the checkpoint, each durable before the next; so one that was cut is the older copy, or
//! none yet, and is gone on with. Keys, index and state are not in it. Not here: the new key of a store that was put back (`adopt`).

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::block::Parts;
use super::checkpoint::Checkpoint;
use super::disk;
use super::error::EvidenceError;
use super::inspect::find_blocks;
use super::keys::read_note;
use super::layout::{Layout, SEGMENT_BLOCKS};
use super::lock::Lock;
use super::reader::read_tile;
use super::segment::{Blocks, Next};
use super::stage::{self, Stage};
use super::store::{check_top, damaged, unverified};
use super::tile_reader::TileReader;
use super::tiles::{TILE_WIDTH, bundle_path, bundle_push};
use super::tree::leaf_hash;
use super::tree_builder::TreeBuilder;
use super::writer::parent;

/// Bytes that wait to be written.
const BUFFER_BYTES: usize = 4 << 20;
/// How often a newer checkpoint is taken because retention went on meanwhile.
const ATTEMPTS_MAX: usize = 8;

/// What a backup did.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Backup {
    /// The copy's checkpoint.
    pub checkpoint: Checkpoint,
    /// Log entries that the copy had before.
    pub before: u64,
    /// Bytes of segments that were written.
    pub bytes: u64,
}

/// Copies a store, or what is new since an older copy of the same log. `progress` is told log entries done and in all.
///
/// # Errors
/// A folder that holds something else, a copy of another log, one that is newer or not a beginning of this one; damage; the disk's.
pub fn backup(dir: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Backup, EvidenceError> {
    let (from, target) = (Layout::new(dir), Layout::new(to));
    let within = |inner: &Path, outer: &Path| matches!((inner.canonicalize(), outer.canonicalize()), (Ok(inner), Ok(outer)) if inner.starts_with(&outer));
    if within(to, dir) || within(parent(to), dir) {
        return Err(refused(to, "it lies inside of the store itself"));
    }
    if read_note(&from.checkpoint())?.is_none() {
        return Err(EvidenceError::NotAStore { dir: dir.to_owned() });
    }
    check_top(&target)?;
    disk::create_dirs(to, 0o700)?;
    let lock = Lock::take(&target)?;
    for folder in [target.log(), target.batches(), target.wal_dir()] {
        disk::create_dirs(&folder, 0o755)?;
    }
    stage::clear(&target)?;
    let mut attempt = 0;
    let done = loop {
        attempt += 1;
        if let Some(done) = once(&from, &target, attempt >= ATTEMPTS_MAX, progress)? {
            break done;
        }
    };
    lock.release()?;
    Ok(done)
}

fn refused(to: &Path, what: impl Into<String>) -> EvidenceError {
    EvidenceError::Backup { dir: to.to_owned(), what: what.into() }
}

/// One attempt, under the newest checkpoint; `None` when a newer one is needed.
fn once(
    from: &Layout,
    to: &Layout,
    last: bool,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Option<Backup>, EvidenceError> {
    let note = read_note(&from.checkpoint())?;
    let note = note.ok_or_else(|| EvidenceError::NotAStore { dir: from.dir().to_owned() })?;
    let new = unverified(from, &note)?;
    let old = match read_note(&to.checkpoint())? {
        Some(old) => unverified(to, &old)?,
        None => Checkpoint { origin: new.origin.clone(), size: 0, root: TreeBuilder::new().root() },
    };
    check_older(from, to, &old, &new)?;
    let tree = match old.size {
        0 => TreeBuilder::new(),
        size => TreeBuilder::from_tiles(size, &mut |level, index, width| read_tile(to, level, index, width))?,
    };
    if tree.root() != old.root {
        return Err(refused(to.dir(), "its tiles are not those of its checkpoint: `deponent verify` names the place"));
    }
    let mut copy =
        Copy { from, to, tree, new: &new, bytes: 0, stage: Stage::new(to), superseded: Vec::new(), progress };
    let mut segment = old.size / SEGMENT_BLOCKS;
    while copy.tree.size() < new.size {
        if !copy.segment(segment)? {
            if last {
                return Err(refused(to.dir(), "retention goes on in the store: try again"));
            }
            return Ok(None);
        }
        segment += 1;
    }
    if copy.tree.root() != new.root {
        return Err(EvidenceError::OtherRoot { dir: from.dir().to_owned(), size: new.size });
    }
    let bytes = copy.bytes;
    copy.publish(&note)?;
    Ok(Some(Backup { checkpoint: new, before: old.size, bytes }))
}

/// The copy must be a beginning of the store.
fn check_older(from: &Layout, to: &Layout, old: &Checkpoint, new: &Checkpoint) -> Result<(), EvidenceError> {
    if old.origin != new.origin {
        return Err(refused(to.dir(), format!("it is a copy of {}, the store is {}", old.origin, new.origin)));
    }
    if old.size > new.size {
        let what = format!("it has {} log entries, the store {}: the store was rolled back", old.size, new.size);
        return Err(refused(to.dir(), what));
    }
    if old.size == 0 {
        return Ok(());
    }
    let read = |level, index, width| read_tile(from, level, index, width);
    let root = TileReader::new(new.size, new.root, read)?.root_at(old.size)?;
    if root == old.root {
        return Ok(());
    }
    Err(refused(to.dir(), format!("its {} log entries are not the first ones of the store", old.size)))
}

struct Copy<'a> {
    from: &'a Layout,
    to: &'a Layout,
    tree: TreeBuilder,
    new: &'a Checkpoint,
    bytes: u64,
    stage: Stage<'a>,
    /// Files of `log/tile/` that wider ones replace.
    superseded: Vec<PathBuf>,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Copy<'_> {
    /// Copies what the checkpoint covers of a segment; `false` when it holds what only a newer checkpoint explains.
    fn segment(&mut self, segment: u64) -> Result<bool, EvidenceError> {
        let first = segment.saturating_mul(SEGMENT_BLOCKS);
        let wanted = self.new.size.saturating_sub(first).min(SEGMENT_BLOCKS);
        let missing =
            || EvidenceError::Damaged { path: self.from.batch(segment), offset: 0, what: "it is missing".to_owned() };
        let mut blocks = Blocks::open(self.from, segment)?.ok_or_else(missing)?;
        let had = self.tree.size().saturating_sub(first);
        let mut out = self.target(segment, had, wanted, blocks.path())?;
        let (mut block, mut bundle) = (Vec::new(), Vec::new());
        for number in 0..wanted {
            match blocks.next(&mut block)? {
                Next::Block => {}
                other => return Err(damaged(&blocks, &other)),
            }
            let parts = Parts::cut(&block)?;
            bundle_push(&mut bundle, parts.entry)?;
            if parts.pruned.is_some_and(|statement| statement >= self.new.size) {
                return Ok(false);
            }
            if number >= had {
                self.tree.append(leaf_hash(parts.entry));
            }
            if number >= out.first {
                self.bytes = self.bytes.saturating_add(out.write(&block)?);
            }
            (self.progress)(self.tree.size(), self.new.size);
        }
        out.finish(self.to, segment, wanted == SEGMENT_BLOCKS)?;
        let width = |count: u64| u16::try_from(count).unwrap_or(TILE_WIDTH);
        self.stage.put(self.to.tile(&bundle_path(segment, width(wanted))), &bundle)?;
        if had > 0 && had < wanted {
            self.superseded.push(self.to.tile(&bundle_path(segment, width(had))));
        }
        Ok(true)
    }

    /// Where the rest of a segment goes: behind what the copy has of it, or into a new file.
    fn target(&self, segment: u64, had: u64, wanted: u64, source: &Path) -> Result<Out, EvidenceError> {
        let (full, growing) = (self.to.batch(segment), self.to.wal(segment));
        if full.exists() && wanted < SEGMENT_BLOCKS {
            return Err(refused(self.to.dir(), "a backup that was cut has left more there than the store has"));
        }
        // One that was cut may have come as far as this.
        if wanted == SEGMENT_BLOCKS && same(source, &full)? {
            return Ok(Out { file: None, path: full, first: u64::MAX, buffer: Vec::new() });
        }
        if had == 0 || full.exists() {
            if had == 0 {
                // What a backup that was cut has left of it.
                disk::remove(&growing)?;
            }
            let staged = self.to.staging().join((1_u64 << 32 | segment).to_string());
            disk::remove(&staged)?;
            let file = disk::create(&staged, &[], 0o644)?;
            return Ok(Out { file: Some(file), path: staged, first: 0, buffer: Vec::new() });
        }
        let file = OpenOptions::new().read(true).append(true).open(&growing);
        let file = file.map_err(EvidenceError::io("open", &growing))?;
        let length = file.metadata().map_err(EvidenceError::io("look at", &growing))?.len();
        let (blocks, ..) = find_blocks(&file, &growing, length, segment.saturating_mul(SEGMENT_BLOCKS))?;
        let last = usize::try_from(had).ok().and_then(|had| blocks.get(had.checked_sub(1)?));
        let last =
            last.ok_or_else(|| refused(self.to.dir(), "its last segment is shorter than its checkpoint says"))?;
        // What a backup that was cut has appended is appended again.
        disk::truncate(&file, &growing, last.start.saturating_add(last.length))?;
        Ok(Out { file: Some(file), path: growing, first: had, buffer: Vec::new() })
    }

    /// Tiles, then the checkpoint, as the store's writer does it.
    fn publish(mut self, note: &str) -> Result<(), EvidenceError> {
        for tile in self.tree.dirty_tiles() {
            self.superseded.extend(tile.replaced_path().map(|path| self.to.tile(&path)));
            self.stage.put(self.to.tile(&tile.path()), &tile.bytes)?;
        }
        // A crash up to here: the older copy, with more behind its checkpoint.
        self.stage.commit()?;
        let mut stage = Stage::new(self.to);
        stage.put(self.to.checkpoint(), note.as_bytes())?;
        stage.commit()?;
        // A crash here: narrower tiles stay beside wider ones; they are true.
        for path in self.superseded {
            disk::remove(&path)?;
            disk::remove_empty_dir(parent(&path))?;
        }
        Ok(())
    }
}

/// A segment of the copy that is being written; without a file it is there already.
struct Out {
    file: Option<File>,
    path: PathBuf,
    /// Number of the first block that goes into it.
    first: u64,
    buffer: Vec<u8>,
}

impl Out {
    /// Gives the bytes that are written.
    fn write(&mut self, block: &[u8]) -> Result<u64, EvidenceError> {
        let Some(file) = &self.file else { return Ok(0) };
        self.buffer.extend_from_slice(block);
        if self.buffer.len() >= BUFFER_BYTES {
            disk::write(file, &self.path, &self.buffer)?;
            self.buffer.clear();
        }
        Ok(u64::try_from(block.len()).unwrap_or(0))
    }

    fn finish(self, to: &Layout, segment: u64, full: bool) -> Result<(), EvidenceError> {
        let Some(file) = self.file else { return Ok(()) };
        disk::write(&file, &self.path, &self.buffer)?;
        // A crash up to here: a file in log/new/, or blocks behind what the checkpoint covers.
        disk::sync(&file, &self.path)?;
        let place = if full { to.batch(segment) } else { to.wal(segment) };
        if place != self.path {
            disk::create_dirs(parent(&place), 0o755)?;
            // A crash here: it is in one place or the other, whole.
            disk::rename(&self.path, &place)?;
            disk::sync_dir(parent(&place))?;
            disk::sync_dir(parent(&self.path))?;
        }
        Ok(())
    }
}

/// Whether two files hold the same bytes; no when the second is not there.
fn same(one: &Path, other: &Path) -> Result<bool, EvidenceError> {
    let open = |path: &Path| File::open(path).map_err(EvidenceError::io("open", path));
    if !other.exists() {
        return Ok(false);
    }
    let (one_file, other_file) = (open(one)?, open(other)?);
    let length = |file: &File, path| file.metadata().map(|data| data.len()).map_err(EvidenceError::io("look at", path));
    if length(&one_file, one)? != length(&other_file, other)? {
        return Ok(false);
    }
    let (mut left, mut right) = (BufReader::new(one_file), BufReader::new(other_file));
    let (mut a, mut b) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let read = left.read(&mut a).map_err(EvidenceError::io("read", one))?;
        if read == 0 {
            return Ok(true);
        }
        let (a, b) = (a.get(..read).unwrap_or_default(), b.get_mut(..read).unwrap_or_default());
        right.read_exact(b).map_err(EvidenceError::io("read", other))?;
        if a != b {
            return Ok(false);
        }
    }
}

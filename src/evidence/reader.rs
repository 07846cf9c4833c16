//! Reading a store: entries, blocks, records, proofs; beside its writer, or of a copy that nobody writes.
//!
//! Inside: caches, bounded by bytes. What is read is checked as far as the read goes: lengths, the entry's form, a frame's checksum.
//! Not here: whether all of it is what was signed (`verify`).

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::block::{HEAD_BYTES, Head, Key, Keys, Parts, Table, decode_frame, leaf_hashes};
use super::check::decompressor;
use super::checkpoint::Checkpoint;
use super::disk;
use super::draft::Hash;
use super::entry::Entry;
use super::error::EvidenceError;
use super::format_error::FormatError;
use super::keys::read_note;
use super::layout::{Layout, SEGMENT_BLOCKS};
use super::live::Live;
use super::record::{Block, FrameRecords, Record};
use super::retention::{Statement, unsaid};
use super::segment::{Blocks, Next, open_segment};
use super::store::{damaged, unverified};
use super::tile_reader::TileReader;
use super::tiles::{TILE_WIDTH, tile_path};
use crate::model::RecordRef;

/// Bytes of decompressed frames that are kept, unless said otherwise.
pub const FRAME_CACHE_BYTES: u64 = 64 << 20;
/// Bytes of entries and tables that are kept.
const BLOCK_CACHE_BYTES: u64 = 24 << 20;
/// Segments whose file and offsets are kept.
const SEGMENTS_KEPT: usize = 64;

/// The tiles of a store.
pub type StoreTiles = TileReader<Box<dyn FnMut(u8, u64, u16) -> Result<Vec<u8>, EvidenceError> + Send>>;

/// Reads one store. Clones share their caches.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    layout: Layout,
    origin: String,
    live: Arc<Live>,
    /// Nobody tells this reader how the store grows.
    alone: bool,
    segments: Cache<u64, Arc<Segment>>,
    blocks: Cache<u64, Arc<Block>, BlockWeight>,
    frames: Cache<(u64, u32), Arc<Vec<u8>>, FrameWeight>,
    zstd: Mutex<Vec<zstd::bulk::Decompressor<'static>>>,
    /// Statements of retention that were read, by their log entries.
    statements: Mutex<HashMap<u64, Statement>>,
}

struct Segment {
    file: File,
    path: PathBuf,
    inode: u64,
    /// Where its blocks start, and last where they end; empty while it grows.
    starts: Vec<u64>,
}

#[derive(Clone)]
struct BlockWeight;

impl Weighter<u64, Arc<Block>> for BlockWeight {
    fn weight(&self, _: &u64, block: &Arc<Block>) -> u64 {
        u64::try_from(block.memory_bytes()).unwrap_or(u64::MAX)
    }
}

#[derive(Clone)]
struct FrameWeight;

impl Weighter<(u64, u32), Arc<Vec<u8>>> for FrameWeight {
    fn weight(&self, _: &(u64, u32), frame: &Arc<Vec<u8>>) -> u64 {
        u64::try_from(frame.len()).unwrap_or(u64::MAX).saturating_add(64)
    }
}

impl Reader {
    /// Opens a store for reading, without a lock; a copy on a read-only disk too. Sees what the checkpoint covers and complete blocks beyond it.
    ///
    /// # Errors
    /// No store; a growing segment that has less than the checkpoint covers.
    pub fn open(dir: &Path) -> Result<Reader, EvidenceError> {
        Reader::open_with_cache(dir, FRAME_CACHE_BYTES)
    }

    /// As `open`, keeping so many bytes of decompressed frames.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_with_cache(dir: &Path, frame_cache_bytes: u64) -> Result<Reader, EvidenceError> {
        let layout = Layout::new(dir);
        let note = read_note(&layout.checkpoint())?;
        let note = note.ok_or_else(|| EvidenceError::NotAStore { dir: dir.to_owned() })?;
        let origin = unverified(&layout, &note)?.origin;
        let reader = Reader(Arc::new(Inner::new(layout, Arc::default(), &origin, true, frame_cache_bytes)));
        reader.refresh()?;
        Ok(reader)
    }

    /// The reader beside a writer.
    pub(super) fn live(layout: Layout, live: Arc<Live>, origin: &str) -> Result<Reader, EvidenceError> {
        Ok(Reader(Arc::new(Inner::new(layout, live, origin, false, FRAME_CACHE_BYTES))))
    }

    /// Log entries that can be read.
    pub fn size(&self) -> u64 {
        self.0.live.durable()
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    /// The store's folder.
    pub fn dir(&self) -> &Path {
        self.0.layout.dir()
    }

    /// Looks for what was appended since; beside a writer that is known anyway. Gives the size.
    ///
    /// # Errors
    /// The disk's; damage of the growing segment below the checkpoint.
    pub fn refresh(&self) -> Result<u64, EvidenceError> {
        if self.0.alone {
            self.0.look_again()?;
        }
        Ok(self.size())
    }

    /// The published checkpoint, as a note.
    ///
    /// # Errors
    /// The disk's; no checkpoint any more.
    pub fn checkpoint(&self) -> Result<String, EvidenceError> {
        let note = read_note(&self.0.layout.checkpoint())?;
        note.ok_or_else(|| EvidenceError::NotAStore { dir: self.0.layout.dir().to_owned() })
    }

    /// A log entry: envelope and header.
    ///
    /// # Errors
    /// No such entry; the disk's; damage.
    pub fn entry(&self, leaf: u64) -> Result<Arc<Entry>, EvidenceError> {
        Ok(Arc::clone(&self.block(leaf)?.entry))
    }

    /// A log entry with the places of its records; the records are read when they are asked for.
    ///
    /// # Errors
    /// As `entry`.
    pub fn block(&self, leaf: u64) -> Result<Arc<Block>, EvidenceError> {
        if let Some(block) = self.0.blocks.get(&leaf) {
            return Ok(block);
        }
        let block = Arc::new(self.0.read_block(leaf)?);
        self.0.blocks.insert(leaf, Arc::clone(&block));
        Ok(block)
    }

    /// A record's bytes.
    ///
    /// # Errors
    /// No such record; a redacted one; the disk's; damage.
    pub fn record(&self, at: RecordRef) -> Result<Record, EvidenceError> {
        let block = self.block(at.leaf)?;
        let number = usize::try_from(at.record).unwrap_or(usize::MAX);
        let no_record = || EvidenceError::NoRecord { leaf: at.leaf, record: at.record, count: block.records() };
        self.0.present(at.leaf, &block)?;
        let place = *block.table.records.get(number).ok_or_else(no_record)?;
        if let Some(Key::Redacted(_)) = block.keys.of(number) {
            return Err(EvidenceError::Redacted { leaf: at.leaf, record: at.record });
        }
        let frame = self.0.frame(at.leaf, &block, place.frame)?;
        Record::new(frame, place).ok_or_else(no_record)
    }

    /// Calls back with each frame of a batch.
    ///
    /// # Errors
    /// The disk's; damage.
    pub fn frames(&self, leaf: u64, each: &mut dyn FnMut(FrameRecords<'_>)) -> Result<(), EvidenceError> {
        let block = self.block(leaf)?;
        self.0.present(leaf, &block)?;
        let (mut first, mut ends) = (0, Vec::new());
        for number in 0..block.table.frames.len() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let records =
                block.table.records.get(first..).unwrap_or_default().iter().take_while(|at| at.frame == number);
            ends.clear();
            ends.extend(records.map(|at| usize::try_from(at.start.saturating_add(at.length)).unwrap_or(usize::MAX)));
            each(FrameRecords { first, bytes: &self.0.frame(leaf, &block, number)?, ends: &ends });
            first += ends.len();
        }
        Ok(())
    }

    /// A record's salt: what a proof of it discloses.
    ///
    /// # Errors
    /// As `record`.
    pub fn salt(&self, at: RecordRef) -> Result<[u8; 16], EvidenceError> {
        let block = self.block(at.leaf)?;
        self.0.present(at.leaf, &block)?;
        match block.keys.of(usize::try_from(at.record).unwrap_or(usize::MAX)) {
            _ if at.record >= block.records() => {
                Err(EvidenceError::NoRecord { leaf: at.leaf, record: at.record, count: block.records() })
            }
            Some(Key::Salt(salt)) => Ok(salt),
            _ => Err(EvidenceError::Redacted { leaf: at.leaf, record: at.record }),
        }
    }

    /// The hashes of all records of a batch: the leaves under the root of its header.
    ///
    /// # Errors
    /// As `record`; records that do not give that root.
    pub fn leaf_hashes(&self, leaf: u64) -> Result<Vec<Hash>, EvidenceError> {
        let block = self.block(leaf)?;
        self.0.present(leaf, &block)?;
        let mut frames = Vec::new();
        for frame in (0..).take(block.table.frames.len()) {
            frames.push(self.0.frame(leaf, &block, frame)?.as_ref().clone());
        }
        let leaves = leaf_hashes(&block.keys, &block.table, &frames)?;
        if super::tree::root(&leaves) != block.entry.header.root {
            return Err(block.damaged("its records do not give the root that its header states"));
        }
        Ok(leaves)
    }

    /// The inclusion proof of a log entry in the tree of the first `size` entries, which the checkpoint covers.
    ///
    /// # Errors
    /// A leaf or size beyond the checkpoint; missing or forged tiles.
    pub fn inclusion(&self, leaf: u64, size: u64) -> Result<Vec<Hash>, EvidenceError> {
        let checkpoint = unverified(&self.0.layout, &self.checkpoint()?)?;
        self.tiles(&checkpoint)?.inclusion_proof(leaf, size)
    }

    /// The proof that the first `old` entries are a prefix of the first `new` ones.
    ///
    /// # Errors
    /// Sizes beyond the checkpoint; missing or forged tiles.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, EvidenceError> {
        let checkpoint = unverified(&self.0.layout, &self.checkpoint()?)?;
        self.tiles(&checkpoint)?.consistency_proof(old, new)
    }

    /// The tiles under a checkpoint of this store: for many proofs at one size.
    ///
    /// # Errors
    /// Tiles at the right edge that are missing or forged.
    pub fn tiles(&self, checkpoint: &Checkpoint) -> Result<StoreTiles, EvidenceError> {
        let layout = self.0.layout.clone();
        let read = move |level, index, width| read_tile(&layout, level, index, width);
        TileReader::new(checkpoint.size, checkpoint.root, Box::new(read))
    }

    /// The writer tells where the blocks of a segment that it has just filled start.
    pub(super) fn remember_segment(&self, segment: u64, starts: Vec<u64>) {
        if let Ok(Some(opened)) = open_segment(&self.0.layout, segment)
            && let Ok(opened) = Segment::of(opened, starts)
        {
            self.0.segments.insert(segment, Arc::new(opened));
        }
    }

    /// Another file stands in the place of a segment: what was read of the one before is forgotten.
    pub(super) fn forget_segment(&self, segment: u64) {
        self.0.segments.remove(&segment);
        let first = segment.saturating_mul(SEGMENT_BLOCKS);
        for leaf in first..first.saturating_add(SEGMENT_BLOCKS) {
            self.0.blocks.remove(&leaf);
        }
        self.0.frames.retain(|(leaf, _), _| leaf / SEGMENT_BLOCKS != segment);
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The statement of retention that a log entry is, if it is one.
    ///
    /// # Errors
    /// As `entry`.
    pub fn statement(&self, leaf: u64) -> Result<Option<Statement>, EvidenceError> {
        self.0.said(leaf)
    }
}

impl Inner {
    fn new(layout: Layout, live: Arc<Live>, origin: &str, alone: bool, frame_bytes: u64) -> Inner {
        let frames = usize::try_from(frame_bytes / (64 << 10)).unwrap_or(1).max(16);
        Inner {
            layout,
            origin: origin.to_owned(),
            live,
            alone,
            segments: Cache::new(SEGMENTS_KEPT),
            blocks: Cache::with_weighter(2_048, BLOCK_CACHE_BYTES, BlockWeight),
            frames: Cache::with_weighter(frames, frame_bytes, FrameWeight),
            zstd: Mutex::default(),
            statements: Mutex::default(),
        }
    }

    /// Finds the growing segment and its complete blocks.
    fn look_again(&self) -> Result<(), EvidenceError> {
        let note = read_note(&self.layout.checkpoint())?;
        let note = note.ok_or_else(|| EvidenceError::NotAStore { dir: self.layout.dir().to_owned() })?;
        let size = unverified(&self.layout, &note)?.size;
        let (known, mut starts) = self.live.end();
        let mut segment = known.max(size / SEGMENT_BLOCKS);
        if segment != known || starts.is_empty() {
            starts = vec![0];
        }
        let mut block = Vec::new();
        while let Some((file, path)) = open_segment(&self.layout, segment)? {
            let at = starts.last().copied().unwrap_or(0);
            let mut blocks = Blocks::over(file, path, at)?;
            while starts.len() <= usize::try_from(SEGMENT_BLOCKS).unwrap_or(256) {
                let blocks_known = u64::try_from(starts.len() - 1).unwrap_or(0);
                let covered = segment.saturating_mul(SEGMENT_BLOCKS).saturating_add(blocks_known) < size;
                match blocks.next(&mut block)? {
                    Next::Block => starts.push(blocks.at()),
                    // Beyond the checkpoint: a block that is just being written, or one that a crash has torn.
                    _ if !covered => break,
                    other => return Err(damaged(&blocks, &other)),
                }
            }
            if starts.len() <= usize::try_from(SEGMENT_BLOCKS).unwrap_or(256) {
                break;
            }
            (segment, starts) = (segment.saturating_add(1), vec![0]);
        }
        if segment.saturating_mul(SEGMENT_BLOCKS) + u64::try_from(starts.len() - 1).unwrap_or(0) < size {
            let what = format!("it is missing; the checkpoint covers {size} log entries");
            return Err(EvidenceError::Damaged { path: self.layout.wal(segment), offset: 0, what });
        }
        self.live.replace(segment, starts);
        Ok(())
    }

    fn read_block(&self, leaf: u64) -> Result<Block, EvidenceError> {
        let size = self.live.durable();
        if leaf >= size {
            return Err(EvidenceError::NoLeaf { leaf, size });
        }
        let number = usize::try_from(leaf % SEGMENT_BLOCKS).unwrap_or(usize::MAX);
        let index = leaf / SEGMENT_BLOCKS;
        let growing = self.live.place(index, number);
        let segment = self.segment(index, growing.is_some())?;
        let full = || Some((*segment.starts.get(number)?, *segment.starts.get(number.checked_add(1)?)?));
        let damaged =
            |offset, what: &str| EvidenceError::Damaged { path: segment.path.clone(), offset, what: what.to_owned() };
        let place = growing.or_else(full);
        let (start, end) = place.ok_or_else(|| damaged(0, &format!("it has no block of log entry {leaf}")))?;
        // Entry, keys and table are rarely more than this; what is missing is read behind it.
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length.min(8 << 10)];
        let read = |bytes: &mut [u8]| {
            segment.file.read_exact_at(bytes, start).map_err(EvidenceError::io("read", &segment.path))
        };
        read(&mut bytes)?;
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or_else(|| damaged(start, "cut off"))?;
        let wrong = |error: FormatError| damaged(start, &error.to_string());
        let head = Head::parse(head).map_err(wrong)?;
        if head.total() != length {
            return Err(damaged(start, "the block's lengths have changed"));
        }
        if head.pruned.is_none() && head.frames_at() > bytes.len() || head.pruned.is_some() && length > bytes.len() {
            bytes.resize(head.frames_at(), 0);
            read(&mut bytes)?;
        }
        let parts = Parts::cut(&bytes).map_err(wrong)?;
        let entry = Entry::parse(parts.entry).map_err(wrong)?;
        let records = usize::try_from(entry.header.records).unwrap_or(usize::MAX);
        let (keys, table) = match head.pruned {
            Some(_) => (Keys::Each(Vec::new()), Table::default()),
            None => (
                Keys::parse(parts.keys, records).map_err(wrong)?,
                Table::parse(parts.table, records, head.frames).map_err(wrong)?,
            ),
        };
        Ok(Block {
            keys,
            table,
            pruned: head.pruned,
            inode: segment.inode,
            entry: Arc::new(entry),
            path: segment.path.clone(),
            start,
            frames_at: start.saturating_add(u64::try_from(head.frames_at()).unwrap_or(u64::MAX)),
        })
    }

    /// A segment's file, and, when it does not grow any more, where its blocks start.
    fn segment(&self, index: u64, growing: bool) -> Result<Arc<Segment>, EvidenceError> {
        if let Some(segment) = self.segments.get(&index).filter(|segment| growing || !segment.starts.is_empty()) {
            return Ok(segment);
        }
        let missing =
            || EvidenceError::Damaged { path: self.layout.batch(index), offset: 0, what: "it is missing".to_owned() };
        let (file, path) = open_segment(&self.layout, index)?.ok_or_else(missing)?;
        let starts = if growing { Vec::new() } else { block_starts(&file, &path)? };
        let segment = Arc::new(Segment::of((file, path), starts)?);
        self.segments.insert(index, Arc::clone(&segment));
        Ok(segment)
    }

    /// Refuses a block whose records are gone: by retention where a statement of the log covers it, else it is damaged.
    fn present(&self, leaf: u64, block: &Block) -> Result<(), EvidenceError> {
        let Some(statement) = block.pruned else { return Ok(()) };
        let known = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = block.entry.header.kind;
        if known().get(&statement).is_some_and(|known| known.covers(leaf, kind)) {
            return Err(EvidenceError::Pruned { leaf, statement });
        }
        let said = if statement > leaf { self.said(statement)? } else { None };
        match said.filter(|said| said.covers(leaf, kind)) {
            Some(said) => {
                known().insert(statement, said);
                Err(EvidenceError::Pruned { leaf, statement })
            }
            None => Err(block.damaged(&unsaid(statement))),
        }
    }

    /// The statement of retention that a log entry is. Such an entry is never pruned itself.
    fn said(&self, leaf: u64) -> Result<Option<Statement>, EvidenceError> {
        if leaf >= self.live.durable() {
            return Ok(None);
        }
        let block = self.read_block(leaf)?;
        if !Statement::may_be(&block.entry) || block.pruned.is_some() {
            return Ok(None);
        }
        let Some(place) = block.table.records.first().copied() else { return Ok(None) };
        let frame = self.frame(leaf, &block, place.frame)?;
        Ok(Record::new(frame, place).and_then(|record| Statement::parse(&record)))
    }

    fn frame(&self, leaf: u64, block: &Block, number: u32) -> Result<Arc<Vec<u8>>, EvidenceError> {
        if let Some(frame) = self.frames.get(&(leaf, number)) {
            return Ok(frame);
        }
        let info = usize::try_from(number).ok().and_then(|number| block.table.frames.get(number));
        let info = *info.ok_or_else(|| block.damaged("its table names a frame that it does not have"))?;
        let segment = self.segment(leaf / SEGMENT_BLOCKS, true)?;
        if segment.inode != block.inode {
            // Retention has put another file in its place since: the same block stands elsewhere now, or it is gone.
            let fresh = self.read_block(leaf)?;
            self.present(leaf, &fresh)?;
            if fresh.inode == block.inode || fresh.table != block.table {
                return Err(block.damaged("its segment is replaced while it is read"));
            }
            return self.frame(leaf, &fresh, number);
        }
        let mut packed = vec![0; usize::try_from(info.compressed).unwrap_or(0)];
        let at = block.frames_at.saturating_add(u64::from(info.at));
        segment.file.read_exact_at(&mut packed, at).map_err(EvidenceError::io("read", &segment.path))?;
        let kept = self.zstd.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut zstd = match kept {
            Some(zstd) => zstd,
            None => decompressor()?,
        };
        let bytes = decode_frame(&mut zstd, &packed, info.raw).map_err(|error| block.damaged(&error.to_string()));
        self.zstd.lock().unwrap_or_else(PoisonError::into_inner).push(zstd);
        let frame = Arc::new(bytes?);
        self.frames.insert((leaf, number), Arc::clone(&frame));
        Ok(frame)
    }
}

impl Segment {
    fn of((file, path): (File, PathBuf), starts: Vec<u64>) -> Result<Segment, EvidenceError> {
        let inode = file.metadata().map_err(EvidenceError::io("look at", &path))?.ino();
        Ok(Segment { file, path, inode, starts })
    }
}

/// Where the blocks of a full segment start, from their lengths; and last, where they end.
fn block_starts(file: &File, path: &Path) -> Result<Vec<u64>, EvidenceError> {
    let length = file.metadata().map_err(EvidenceError::io("look at", path))?.len();
    let (mut starts, mut at) = (vec![0], 0);
    while at < length {
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, at).map_err(EvidenceError::io("read", path))?;
        let wrong =
            |error: FormatError| EvidenceError::Damaged { path: path.to_owned(), offset: at, what: error.to_string() };
        let total = Head::parse(&head).map_err(wrong)?.total();
        at = at.saturating_add(u64::try_from(total).unwrap_or(u64::MAX));
        starts.push(at);
    }
    Ok(starts)
}

/// Reads a hash tile. Where a partial one is gone because a wider or the full one exists, it is the beginning of that one.
pub(super) fn read_tile(layout: &Layout, level: u8, index: u64, width: u16) -> Result<Vec<u8>, EvidenceError> {
    let max = u64::from(TILE_WIDTH) * 32;
    let exact = layout.tile(&tile_path(level, index, width));
    for wider in std::iter::once(width).chain(std::iter::once(TILE_WIDTH)).chain(width.saturating_add(1)..TILE_WIDTH) {
        if let Some(mut bytes) = disk::read_small(&layout.tile(&tile_path(level, index, wider)), max)? {
            // Only of a wider tile: what is too long under its own name is not hidden.
            if wider != width {
                bytes.truncate(usize::from(width) * 32);
            }
            return Ok(bytes);
        }
    }
    Err(EvidenceError::io("read", &exact)(std::io::ErrorKind::NotFound.into()))
}

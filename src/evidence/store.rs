//! Opening a store for writing: making a new one, or recovering one.
//!
//! Recovery runs the steps of the normal path (`writer`) over what the segments have beyond the checkpoint.
//! Not here: opening for reading (`reader`), a new key (`adopt`).

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::Parts;
use super::check::{check_block, decompressor};
use super::checkpoint::Checkpoint;
use super::disk;
use super::draft::Hash;
use super::error::EvidenceError;
use super::keys::{KeyDir, key_dir, read_note, state_home, store_id};
use super::layout::{Layout, SEGMENT_BLOCKS, TOP, files_below, is_empty};
use super::live::Live;
use super::lock::Lock;
use super::note::{NoteError, VerifierKey};
use super::reader::{Reader, read_tile};
use super::seal::{Sealer, random};
use super::segment::{Blocks, Next};
use super::stage;
use super::text::to_hex;
use super::tile_reader::TileReader;
use super::tiles::{bundle_entries, bundle_path, decode_index, tile_path};
use super::tree::leaf_hash;
use super::tree_builder::TreeBuilder;
use super::writer::{Recovery, Writer};

/// 256 entries, each behind its length.
pub(super) const BUNDLE_BYTES_MAX: u64 = 256 * (2 + 65_535);

/// Which store, and where its key is.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// The store's folder.
    pub dir: PathBuf,
    /// The folder of all keys, instead of `$XDG_STATE_HOME/deponent` or `/var/lib/deponent`.
    pub state_home: Option<PathBuf>,
    /// The node's name, for the origin of a new store.
    pub host: String,
}

impl StoreOptions {
    /// A store of this machine: its keys where they usually are, its origin named after the host.
    pub fn new(dir: PathBuf) -> StoreOptions {
        // Only a name, and only of a new store: whatever is wrong with it is no reason not to start.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        StoreOptions { dir, state_home: None, host: host.trim().to_owned() }
    }
}

/// What a recovery believes before it reads the segments.
pub(super) struct Trust {
    /// The store's checkpoint, and the note it stands in.
    pub(super) checkpoint: Checkpoint,
    /// What the key signed last.
    pub(super) signed: Option<(String, Checkpoint)>,
    /// Keys that entries beyond the checkpoint may be signed with; empty when that cannot be known any more.
    pub(super) keys: Vec<VerifierKey>,
}

impl Writer {
    /// Makes a new store, or opens one and repairs what a crash left.
    ///
    /// # Errors
    /// Another writer; files that are not a store's; evidence without a checkpoint; a key that is missing or open to others; a store that was rolled
    /// back, forked or damaged; the disk's.
    pub fn open(options: &StoreOptions) -> Result<Writer, EvidenceError> {
        let home = state_home(options.state_home.as_deref())?;
        let layout = Layout::new(&options.dir);
        check_top(&layout)?;
        disk::create_dirs(layout.dir(), 0o700)?;
        let lock = Lock::take(&layout)?;
        let Some(note) = read_note(&layout.checkpoint())? else { return create(options, &home, layout, lock) };
        let path = layout.checkpoint();
        let origin = unverified(&layout, &note)?.origin;
        let keys = KeyDir::load(&key_dir(&home, &origin, layout.dir())?)?;
        let checkpoint = Checkpoint::open(&note, &keys.key.vkey()).map_err(EvidenceError::note(&path))?;
        // Without it nobody could tell a rolled back store from a whole one.
        let Some(signed) = keys.last_signed()? else {
            return Err(EvidenceError::KeyMissing { path: keys.last_signed_path() });
        };
        let trusted = vec![keys.key.vkey()];
        let mut writer = recover(layout, lock, keys, Trust { checkpoint, signed: Some(signed), keys: trusted })?;
        writer.guard(Writer::publish_all)?;
        Ok(writer)
    }
}

/// Reads the store's checkpoint without a key, to know whose it is.
pub(super) fn unverified(layout: &Layout, note: &str) -> Result<Checkpoint, EvidenceError> {
    let path = layout.checkpoint();
    let checkpoint = Checkpoint::parse_unauthenticated(note).map_err(EvidenceError::note(&path))?;
    if store_id(&checkpoint.origin).is_none() {
        let source = NoteError::Origin { found: checkpoint.origin, expected: "<host>/deponent/<store id>".to_owned() };
        return Err(EvidenceError::Note { path, source });
    }
    Ok(checkpoint)
}

/// Nothing is written into a folder that holds something else.
pub(super) fn check_top(layout: &Layout) -> Result<(), EvidenceError> {
    if !layout.dir().exists() {
        return Ok(());
    }
    let list = std::fs::read_dir(layout.dir()).map_err(EvidenceError::io("list", layout.dir()))?;
    for entry in list {
        let entry = entry.map_err(EvidenceError::io("list", layout.dir()))?;
        if !TOP.iter().any(|name| entry.file_name() == *name) {
            return Err(EvidenceError::UnknownFile { path: entry.path() });
        }
    }
    Ok(())
}

fn create(options: &StoreOptions, home: &Path, layout: Layout, lock: Lock) -> Result<Writer, EvidenceError> {
    for folder in [layout.batches(), layout.wal_dir(), layout.tile("tile")] {
        if !is_empty(&folder)? {
            let what = format!("files in {}", folder.display());
            return Err(EvidenceError::NoCheckpoint { dir: layout.dir().to_owned(), what });
        }
    }
    let host: String = options.host.to_ascii_lowercase().chars().map(host_char).take(253).collect();
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    let origin = format!("{host}/deponent/{}", to_hex(&random::<8>()?));
    let keys = KeyDir::create(&key_dir(home, &origin, layout.dir())?, &origin)?;
    // A crash from here to the first checkpoint: folders without a log, and a key that is never used; the next opening begins again.
    for folder in [layout.log(), layout.batches(), layout.wal_dir(), layout.staging()] {
        disk::create_dirs(&folder, 0o755)?;
    }
    let checkpoint = Checkpoint { origin, size: 0, root: TreeBuilder::new().root() };
    stage::clear(&layout)?;
    let mut writer = writer(layout, lock, keys, checkpoint, TreeBuilder::new())?;
    writer.sign()?;
    writer.recovery.created = true;
    Ok(writer)
}

fn host_char(c: char) -> char {
    if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-' { c } else { '-' }
}

fn writer(
    layout: Layout,
    lock: Lock,
    keys: KeyDir,
    checkpoint: Checkpoint,
    tree: TreeBuilder,
) -> Result<Writer, EvidenceError> {
    let live = Arc::new(Live::new(checkpoint.size / SEGMENT_BLOCKS));
    Ok(Writer {
        sealer: Sealer::new()?,
        reader: Reader::live(layout.clone(), Arc::clone(&live), &checkpoint.origin)?,
        layout,
        lock,
        keys,
        tree,
        checkpoint,
        signed: None,
        stale: false,
        wal: None,
        buffer: Vec::new(),
        unsynced: false,
        bundle: Vec::new(),
        bundle_width: 0,
        superseded: Vec::new(),
        live,
        recovery: Recovery::default(),
        poisoned: None,
    })
}

/// Reads the right edge of the store and what lies beyond its checkpoint, and cuts a torn block; the rest is to be published.
pub(super) fn recover(layout: Layout, lock: Lock, keys: KeyDir, trust: Trust) -> Result<Writer, EvidenceError> {
    check_wal(&layout, trust.checkpoint.size / SEGMENT_BLOCKS)?;
    stage::clear(&layout)?;
    let (tree, rebuilt) = edge(&layout, &trust.checkpoint)?;
    let mut writer = writer(layout, lock, keys, trust.checkpoint.clone(), tree)?;
    writer.recovery.rebuilt_tiles = rebuilt;
    writer.bundle_width = u16::try_from(trust.checkpoint.size % SEGMENT_BLOCKS).unwrap_or(0);
    let mut scan = Scan { trust: &trust, covered: Vec::new(), signed_root: None };
    scan.look(&writer.tree);
    while scan.segment(&mut writer)? {}
    let (size, covered) = (writer.tree.size(), trust.checkpoint.size);
    if let Some((_, signed)) = &trust.signed {
        check_signed(&writer, signed, scan.signed_root)?;
    }
    check_covered(&mut writer, &scan.covered)?;
    writer.live.set_durable(size);
    writer.recovery.signed_entries = size.saturating_sub(covered);
    writer.signed = trust.signed.as_ref().map(|(note, _)| note.clone());
    // A checkpoint that is behind `last-signed`, or tiles that are missing, are published again.
    writer.stale =
        writer.recovery.rebuilt_tiles || trust.signed.as_ref().is_none_or(|(_, signed)| signed.size != covered);
    Ok(writer)
}

/// At most one segment grows, and it is not older than the checkpoint.
fn check_wal(layout: &Layout, segment: u64) -> Result<(), EvidenceError> {
    let mut files = files_below(&layout.wal_dir())?.into_iter();
    let first = files.next();
    let index = first.as_ref().map(|path| decode_index(&path.to_string_lossy()));
    let stray = match index {
        Some(Some(index)) if index >= segment => files.next(),
        Some(_) => first,
        None => None,
    };
    match stray {
        Some(path) => Err(EvidenceError::UnknownFile { path: layout.wal_dir().join(path) }),
        None => Ok(()),
    }
}

/// The right edge of the tree that the checkpoint covers, from tiles, or when they are missing or wrong, from all segments.
fn edge(layout: &Layout, checkpoint: &Checkpoint) -> Result<(TreeBuilder, bool), EvidenceError> {
    let mut read = |level, index, width| read_tile(layout, level, index, width);
    match TreeBuilder::from_tiles(checkpoint.size, &mut read) {
        Ok(tree) if tree.root() == checkpoint.root => return Ok((tree, false)),
        Err(EvidenceError::Io { source, .. }) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(EvidenceError::io("read", &layout.tile("tile"))(source));
        }
        _ => {}
    }
    let mut tree = TreeBuilder::new();
    for_entries(layout, checkpoint.size, |entry| tree.append(leaf_hash(entry)))?;
    if tree.root() == checkpoint.root {
        Ok((tree, true))
    } else {
        Err(EvidenceError::OtherRoot { dir: layout.dir().to_owned(), size: checkpoint.size })
    }
}

/// Reads the first `size` entries from the segments.
pub(super) fn for_entries(layout: &Layout, size: u64, mut each: impl FnMut(&[u8])) -> Result<(), EvidenceError> {
    let (mut read, mut segment, mut block) = (0, 0, Vec::new());
    while read < size {
        let missing = || EvidenceError::Damaged {
            path: layout.batch(segment),
            offset: 0,
            what: format!("it is missing; the checkpoint covers {size} log entries"),
        };
        let mut blocks = Blocks::open(layout, segment)?.ok_or_else(missing)?;
        for _ in 0..SEGMENT_BLOCKS.min(size - read) {
            match blocks.next(&mut block)? {
                Next::Block => each(Parts::cut(&block)?.entry),
                other => return Err(damaged(&blocks, &other)),
            }
            read += 1;
        }
        segment += 1;
    }
    Ok(())
}

pub(super) fn damaged(blocks: &Blocks, next: &Next) -> EvidenceError {
    let what = match next {
        Next::Bad { what, .. } => what.clone(),
        _ => "the file ends here, but the checkpoint covers more log entries".to_owned(),
    };
    EvidenceError::Damaged { path: blocks.path().to_owned(), offset: blocks.at(), what }
}

/// The walk over the segments from the checkpoint's on.
struct Scan<'a> {
    trust: &'a Trust,
    /// Leaf hashes of the checkpoint's last segment.
    covered: Vec<Hash>,
    /// The root at the size that was signed last, once the walk has come there.
    signed_root: Option<Hash>,
}

impl Scan<'_> {
    fn look(&mut self, tree: &TreeBuilder) {
        if self.trust.signed.as_ref().is_some_and(|(_, signed)| signed.size == tree.size()) {
            self.signed_root = Some(tree.root());
        }
    }

    /// Reads one segment; whether another may follow.
    fn segment(&mut self, writer: &mut Writer) -> Result<bool, EvidenceError> {
        let segment = writer.segment();
        let Some(mut blocks) = Blocks::open(&writer.layout, segment)? else {
            return self.missing(writer, segment).map(|()| false);
        };
        let mut zstd = decompressor()?;
        let (mut leaf, mut block) = (segment.saturating_mul(SEGMENT_BLOCKS), Vec::new());
        loop {
            let at = blocks.at();
            let covered = leaf < self.trust.checkpoint.size;
            match blocks.next(&mut block)? {
                Next::Block if covered => {
                    let entry = Parts::cut(&block)?.entry;
                    self.covered.push(leaf_hash(entry));
                    writer.note_block(entry, block.len())?;
                }
                Next::Block => {
                    let last = leaf % SEGMENT_BLOCKS == SEGMENT_BLOCKS - 1;
                    if last && blocks.at() != blocks.length() {
                        return Err(damaged_at(&blocks, blocks.at(), "more than 256 blocks"));
                    }
                    self.new_block(&blocks, at, &block, &mut zstd)?;
                    // What the page cache kept over a kill may not be on disk.
                    writer.unsynced = true;
                    if writer.wal.is_none() && blocks.path().starts_with(writer.layout.wal_dir()) {
                        writer.wal = Some(open_wal(blocks.path())?);
                    }
                    writer.admit(Parts::cut(&block)?.entry, block.len())?;
                    self.look(&writer.tree);
                    if last {
                        return Ok(true);
                    }
                }
                Next::Bad { torn: true, .. } if !covered => {
                    self.cut(writer, &blocks)?;
                    return Ok(false);
                }
                Next::End if !covered => {
                    self.open_growing(writer, &blocks)?;
                    return Ok(false);
                }
                other => return Err(damaged(&blocks, &other)),
            }
            leaf += 1;
        }
    }

    /// There is no such segment: fine, unless the checkpoint covers a part of it.
    fn missing(&self, writer: &Writer, segment: u64) -> Result<(), EvidenceError> {
        let size = self.trust.checkpoint.size;
        if segment.saturating_mul(SEGMENT_BLOCKS) >= size {
            return Ok(());
        }
        let what = format!("it is missing; the checkpoint covers {size} log entries");
        Err(EvidenceError::Damaged { path: writer.layout.wal(segment), offset: 0, what })
    }

    /// A block beyond the checkpoint is signed only when all of it is right: it was in a file that anybody may have appended to.
    fn new_block(
        &self,
        blocks: &Blocks,
        at: u64,
        block: &[u8],
        zstd: &mut zstd::bulk::Decompressor<'static>,
    ) -> Result<(), EvidenceError> {
        let checked = check_block(block, zstd).map_err(|error| damaged_at(blocks, at, &error.to_string()))?;
        if !self.trust.keys.is_empty() && !self.trust.keys.iter().any(|key| checked.entry.open(key).is_ok()) {
            return Err(damaged_at(blocks, at, "its header is not signed by the store's key"));
        }
        Ok(())
    }

    /// Cuts a torn block. A crash in here: it is torn at another place.
    fn cut(&self, writer: &mut Writer, blocks: &Blocks) -> Result<(), EvidenceError> {
        self.open_growing(writer, blocks)?;
        if let Some((file, path)) = &writer.wal {
            disk::truncate(file, path, blocks.at())?;
            disk::sync(file, path)?;
            writer.recovery.cut_bytes = blocks.length().saturating_sub(blocks.at());
        }
        Ok(())
    }

    fn open_growing(&self, writer: &mut Writer, blocks: &Blocks) -> Result<(), EvidenceError> {
        if !blocks.path().starts_with(writer.layout.wal_dir()) {
            return Err(damaged_at(blocks, blocks.at(), "fewer than 256 blocks"));
        }
        if writer.wal.is_none() {
            writer.wal = Some(open_wal(blocks.path())?);
        }
        Ok(())
    }
}

fn open_wal(path: &Path) -> Result<(std::fs::File, PathBuf), EvidenceError> {
    let file = OpenOptions::new().append(true).open(path).map_err(EvidenceError::io("open", path))?;
    Ok((file, path.to_owned()))
}

fn damaged_at(blocks: &Blocks, offset: u64, what: &str) -> EvidenceError {
    EvidenceError::Damaged { path: blocks.path().to_owned(), offset, what: what.to_owned() }
}

/// The store must be, or extend, what was signed last.
fn check_signed(writer: &Writer, signed: &Checkpoint, root: Option<Hash>) -> Result<(), EvidenceError> {
    let (dir, path, found) = (writer.layout.dir().to_owned(), writer.keys.last_signed_path(), writer.tree.size());
    if signed.size > found {
        return Err(EvidenceError::Rollback { dir, path, signed: signed.size, found });
    }
    let root = match root {
        Some(root) => root,
        // `last-signed` is behind the store's checkpoint, which this key has signed too.
        None => {
            let covered = &writer.checkpoint;
            let read = |level, index, width| read_tile(&writer.layout, level, index, width);
            TileReader::new(covered.size, covered.root, read)?.root_at(signed.size)?
        }
    };
    if root == signed.root { Ok(()) } else { Err(EvidenceError::Fork { dir, path, size: signed.size }) }
}

/// The entries that the segment has must be those of the tree; a bundle that is not so is written again.
fn check_covered(writer: &mut Writer, hashes: &[Hash]) -> Result<(), EvidenceError> {
    let size = writer.checkpoint.size;
    let (segment, width) = (size / SEGMENT_BLOCKS, u16::try_from(size % SEGMENT_BLOCKS).unwrap_or(0));
    if width == 0 {
        return Ok(());
    }
    // A tree that was rebuilt was made of these very entries.
    if !writer.recovery.rebuilt_tiles && read_tile(&writer.layout, 0, segment, width)? != hashes.concat() {
        let path = writer.layout.tile(&tile_path(0, segment, width));
        let what = "its hashes are not those of the segment's entries".to_owned();
        return Err(EvidenceError::Damaged { path, offset: 0, what });
    }
    if writer.segment() != segment {
        // The full bundle has been written meanwhile.
        return Ok(());
    }
    let bundle = disk::read_small(&writer.layout.tile(&bundle_path(segment, width)), BUNDLE_BYTES_MAX)?;
    let whole = bundle.is_some_and(|bundle| {
        bundle_entries(&bundle).is_ok_and(|entries| entries.len() == usize::from(width))
            && writer.bundle.starts_with(&bundle)
    });
    if !whole {
        writer.bundle_width = 0;
        writer.recovery.rebuilt_tiles = true;
    }
    Ok(())
}

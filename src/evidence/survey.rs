//! A walk over all evidence of a store: every block in order, the tree made of their entries, and what is derived from it compared.
//!
//! Inside: what `verify` and `fsck` have in common. Not here: checkpoints, keys and heads (`verify`), repairs (`fsck`).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use super::disk;
use super::draft::Hash;
use super::error::EvidenceError;
use super::fault::Fault;
use super::inspect::{At, Depth, Facts, Segment, find_blocks, inspect};
use super::inventory::Inventory;
use super::layout::{Layout, SEGMENT_BLOCKS};
use super::reader::read_tile;
use super::retention::{Statement, unsaid};
use super::segment::{Blocks, Next};
use super::store::BUNDLE_BYTES_MAX;
use super::tile_reader::TileReader;
use super::tiles::{TILE_WIDTH, bundle_path, bundle_push, tile_path, tile_width};
use super::tree_builder::{DirtyTile, TreeBuilder};

/// Faults that are listed; the first is what matters, and after so many nobody reads on.
pub(super) const FAULTS_MAX: usize = 20;

/// What was counted on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) records: u64,
    pub(super) raw: u64,
    pub(super) redacted: u64,
    pub(super) unchecked: u64,
    pub(super) torn_bytes: u64,
    /// Batches whose records are gone by retention, and the records.
    pub(super) pruned: (u64, u64),
}

/// A file of `log/tile/` that is missing or not what the entries give, with what it should be.
pub(super) struct Derived {
    pub(super) fault: Fault,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Survey<'a> {
    layout: &'a Layout,
    pub(super) inventory: Inventory,
    /// Size of the checkpoint.
    covered: u64,
    pub(super) tree: TreeBuilder,
    /// Sizes whose roots are wanted.
    pub(super) roots: BTreeMap<u64, Option<Hash>>,
    /// Where the chain of each (source, epoch) stands: number and hash of its last header.
    chains: HashMap<[u8; 16], (u64, Hash)>,
    pub(super) totals: Totals,
    /// Evidence that is wrong.
    pub(super) faults: Vec<Fault>,
    /// Derived files that are wrong.
    pub(super) derived: Vec<Derived>,
    /// A block could not be read: the tree behind it is unknown.
    pub(super) broken: bool,
    /// Statements of retention by their log entries.
    statements: BTreeMap<u64, Statement>,
    bundle: Vec<u8>,
    /// Where each entry of the bundle ends.
    bundle_ends: Vec<usize>,
    bytes_done: u64,
    bytes_total: u64,
}

impl<'a> Survey<'a> {
    /// Sizes in `roots` are those whose root is wanted.
    pub(super) fn new(layout: &'a Layout, inventory: Inventory, covered: u64, sizes: &[u64]) -> Survey<'a> {
        let bytes_total = inventory.batches.values().chain(inventory.wal.values()).sum();
        let tree = TreeBuilder::new();
        let roots = sizes.iter().map(|size| (*size, (*size == 0).then(|| tree.root()))).collect();
        Survey {
            layout,
            inventory,
            covered,
            tree,
            roots,
            chains: HashMap::new(),
            totals: Totals::default(),
            faults: Vec::new(),
            derived: Vec::new(),
            broken: false,
            statements: BTreeMap::new(),
            bundle: Vec::new(),
            bundle_ends: Vec::new(),
            bytes_done: 0,
            bytes_total,
        }
    }

    /// What the log says of records that are gone.
    pub(super) fn with(mut self, statements: BTreeMap<u64, Statement>) -> Survey<'a> {
        self.statements = statements;
        self
    }

    /// Reads every block, and compares tiles and bundles with what they give.
    pub(super) fn run(&mut self, depth: Depth<'_>, progress: &mut dyn FnMut(u64, u64)) -> Result<(), EvidenceError> {
        let mut number = 0;
        while self.faults.len() < FAULTS_MAX
            && let Some(segment) = self.segment(number)?
        {
            let path = segment.path.clone();
            inspect(&segment, depth, &mut |at, facts| {
                self.block(&path, at, facts);
                progress(self.bytes_done, self.bytes_total);
                self.faults.len() < FAULTS_MAX
            })?;
            self.compare_bundle(number)?;
            self.bundle.clear();
            self.bundle_ends.clear();
            number += 1;
        }
        for (folder, index) in self.rest_of_segments() {
            self.faults.push(Fault::new(folder, format!("segment {index} follows a hole: no segment {number}")));
        }
        if self.tree.size() < self.covered && !self.broken && self.faults.is_empty() {
            let what =
                format!("the segments hold {} log entries, the checkpoint covers {}", self.tree.size(), self.covered);
            self.faults.push(Fault::new(self.layout.wal(self.tree.size() / SEGMENT_BLOCKS), what));
        }
        Ok(())
    }

    fn rest_of_segments(&mut self) -> Vec<(PathBuf, u64)> {
        let batches = std::mem::take(&mut self.inventory.batches).into_keys();
        let wal = std::mem::take(&mut self.inventory.wal).into_keys();
        let batches = batches.map(|index| (self.layout.batch(index), index));
        batches.chain(wal.map(|index| (self.layout.wal(index), index))).collect()
    }

    /// The segment of that number, its blocks found; nothing when there is none.
    fn segment(&mut self, number: u64) -> Result<Option<Segment>, EvidenceError> {
        let (path, full) = if self.inventory.batches.remove(&number).is_some() {
            (self.layout.batch(number), true)
        } else if self.inventory.wal.remove(&number).is_some() {
            // While a writer runs it may be moved after it was listed.
            let (wal, batch) = (self.layout.wal(number), self.layout.batch(number));
            if wal.exists() { (wal, false) } else { (batch, true) }
        } else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(EvidenceError::io("open", &path))?;
        let length = file.metadata().map_err(EvidenceError::io("look at", &path))?.len();
        let first = number.saturating_mul(SEGMENT_BLOCKS);
        let (mut blocks, mut end, fault) = find_blocks(&file, &path, length, first)?;
        let covered = usize::try_from(self.covered.saturating_sub(first)).unwrap_or(usize::MAX);
        let leaf = first.saturating_add(u64::try_from(blocks.len()).unwrap_or(0));
        if full || blocks.len() < covered.min(256) {
            if let Some(fault) = fault {
                self.faults.push(fault);
                self.broken = true;
            } else if end != length {
                let what = if blocks.len() < 256 { "the file ends within a block" } else { "more than 256 blocks" };
                self.faults.push(Fault::entry(&path, end, leaf, what));
                self.broken = true;
            } else if blocks.len() < 256 {
                let what = "the file ends, but more log entries belong into it";
                self.faults.push(Fault::entry(&path, end, leaf, what));
                self.broken = true;
            }
        } else {
            self.growing_end(&path, covered, &mut blocks, &mut end)?;
        }
        Ok(Some(Segment { path, file, blocks }))
    }

    /// Beyond the checkpoint, a torn block ends the growing segment, and is no fault.
    fn growing_end(
        &mut self,
        path: &Path,
        covered: usize,
        blocks: &mut Vec<At>,
        end: &mut u64,
    ) -> Result<(), EvidenceError> {
        let start = blocks.get(covered).map_or(*end, |at| at.start);
        let file = File::open(path).map_err(EvidenceError::io("open", path))?;
        let mut scan = Blocks::over(file, path.to_owned(), start)?;
        let (mut sound, mut block) = (covered.min(blocks.len()), Vec::new());
        loop {
            let at = scan.at();
            match scan.next(&mut block)? {
                Next::Block if sound < blocks.len() => sound += 1,
                Next::Block => self.faults.push(Fault::new(path, "more than 256 blocks")),
                Next::End => break,
                Next::Bad { torn: true, .. } => {
                    self.totals.torn_bytes = scan.length().saturating_sub(at);
                    break;
                }
                Next::Bad { what, .. } => {
                    let leaf = blocks.first().map_or(0, |first| first.leaf);
                    let leaf = leaf.saturating_add(u64::try_from(sound).unwrap_or(0));
                    self.faults.push(Fault::entry(path, at, leaf, what));
                    self.broken = true;
                    break;
                }
            }
            if self.faults.len() >= FAULTS_MAX {
                break;
            }
        }
        blocks.truncate(sound);
        *end = scan.at();
        Ok(())
    }

    fn block(&mut self, path: &Path, at: At, facts: Result<Facts, Fault>) {
        self.bytes_done = self.bytes_done.saturating_add(at.length);
        let facts = match facts {
            Ok(facts) => facts,
            Err(fault) => {
                self.faults.push(fault);
                self.broken = true;
                return;
            }
        };
        if self.broken {
            return;
        }
        match facts.pruned {
            Some(statement) => self.pruned(path, at, statement, &facts),
            None => {
                self.totals.records = self.totals.records.saturating_add(facts.records);
                self.totals.raw = self.totals.raw.saturating_add(facts.raw);
            }
        }
        self.totals.redacted = self.totals.redacted.saturating_add(facts.redacted);
        self.totals.unchecked = self.totals.unchecked.saturating_add(u64::from(facts.unchecked));
        let (seq, previous) = match self.chains.get(&facts.chain) {
            Some((seq, header)) => (seq.saturating_add(1), *header),
            None => (0, [0; 32]),
        };
        if facts.seq != seq || facts.previous != previous {
            let what = if facts.seq == seq {
                "the batch names another predecessor than the one before it of its source and epoch".to_owned()
            } else {
                format!("batch {} of its source and epoch stands where batch {seq} belongs", facts.seq)
            };
            self.faults.push(Fault::entry(path, at.start, at.leaf, what));
        }
        self.chains.insert(facts.chain, (facts.seq, facts.header));
        self.tree.append(facts.leaf);
        if bundle_push(&mut self.bundle, &facts.entry).is_ok() {
            self.bundle_ends.push(self.bundle.len());
        }
        if let Some(root) = self.roots.get_mut(&self.tree.size()) {
            *root = Some(self.tree.root());
        }
    }

    /// Records that are not there must be gone by retention: a statement that the checkpoint covers must say so.
    fn pruned(&mut self, path: &Path, at: At, statement: u64, facts: &Facts) {
        let said = self.statements.get(&statement).filter(|_| statement < self.covered && statement > at.leaf);
        if said.is_some_and(|said| said.covers(at.leaf, facts.kind)) {
            let (batches, records) = self.totals.pruned;
            self.totals.pruned = (batches.saturating_add(1), records.saturating_add(facts.records));
        } else {
            self.faults.push(Fault::entry(path, at.start, at.leaf, unsaid(statement)));
        }
    }

    /// Bundles of one index, of whatever width, against the entries of the segment of that number.
    fn compare_bundle(&mut self, index: u64) -> Result<(), EvidenceError> {
        let widths = self.inventory.bundles.remove(&index).unwrap_or_default();
        if self.broken {
            return Ok(());
        }
        for &width in &widths {
            let path = self.layout.tile(&bundle_path(index, width));
            let Some(end) = self.bundle_ends.get(usize::from(width.saturating_sub(1))) else {
                let fault = Fault::new(&path, format!("{width} log entries, but there are {}", self.bundle_ends.len()));
                self.faults.push(fault);
                continue;
            };
            let expected = self.bundle.get(..*end).unwrap_or_default();
            // One that has gone since it was listed was replaced by a running writer.
            if disk::read_small(&path, BUNDLE_BYTES_MAX)?.is_some_and(|bytes| bytes != expected) {
                let fault = Fault::new(&path, "it does not hold the entries of its segment");
                self.derived.push(Derived { fault, path, bytes: expected.to_vec() });
            }
        }
        let needed = tile_width(self.covered, 0, index);
        let end = self.bundle_ends.get(usize::from(needed.saturating_sub(1)));
        if let Some(end) =
            end.filter(|_| needed > 0 && !widths.iter().any(|width| [needed, TILE_WIDTH].contains(width)))
        {
            let path = self.layout.tile(&bundle_path(index, needed));
            let bytes = self.bundle.get(..*end).unwrap_or_default().to_vec();
            self.derived.push(Derived { fault: Fault::new(&path, "it is missing"), path, bytes });
        }
        Ok(())
    }

    /// Hash tiles against those that the entries give. To be called once, behind `run`, and only when the tree is the one that was signed.
    pub(super) fn compare_tiles(&mut self) -> Result<(), EvidenceError> {
        for tile in self.tree.dirty_tiles() {
            self.compare_tile(&tile)?;
        }
        let tiles = std::mem::take(&mut self.inventory.tiles).into_iter();
        let tiles = tiles.map(|((level, index), widths)| tile_path(level, index, widths.first().copied().unwrap_or(0)));
        let bundles = std::mem::take(&mut self.inventory.bundles).into_iter();
        let bundles = bundles.map(|(index, widths)| bundle_path(index, widths.first().copied().unwrap_or(0)));
        for path in tiles.chain(bundles) {
            self.faults.push(Fault::new(self.layout.tile(&path), "the log has no entries for it"));
        }
        Ok(())
    }

    fn compare_tile(&mut self, tile: &DirtyTile) -> Result<(), EvidenceError> {
        let (level, index) = (tile.level, tile.index);
        let widths = self.inventory.tiles.remove(&(level, index)).unwrap_or_default();
        for &width in &widths {
            let path = self.layout.tile(&tile_path(level, index, width));
            let Some(expected) = tile.bytes.get(..usize::from(width) * 32) else {
                self.faults.push(Fault::new(&path, format!("{width} hashes, but the log gives {}", tile.width)));
                continue;
            };
            // One that has gone since it was listed was replaced by a running writer.
            if disk::read_small(&path, 8_192)?.is_some_and(|bytes| bytes != expected) {
                let fault = Fault::new(&path, "its hashes are not those of the log's entries");
                self.derived.push(Derived { fault, path, bytes: expected.to_vec() });
            }
        }
        let needed = tile_width(self.covered, level, index);
        if needed > 0 && !widths.iter().any(|width| [needed, TILE_WIDTH].contains(width)) {
            let path = self.layout.tile(&tile_path(level, index, needed));
            let bytes = tile.bytes.get(..usize::from(needed) * 32).unwrap_or_default().to_vec();
            self.derived.push(Derived { fault: Fault::new(&path, "it is missing"), path, bytes });
        }
        Ok(())
    }

    /// The entries do not give the signed root: if the tiles do, the first entry that is not theirs.
    pub(super) fn first_other_entry(&mut self, root: Hash) -> Option<Fault> {
        let read = |level, index, width| read_tile(self.layout, level, index, width);
        let mut tiles = TileReader::new(self.covered, root, read).ok()?;
        let mut leaf = 0_u64;
        for tile in self.tree.dirty_tiles().iter().filter(|tile| tile.level == 0) {
            for hash in tile.bytes.as_chunks::<32>().0 {
                if leaf >= self.covered {
                    return None;
                }
                if tiles.leaf(leaf).ok()? != *hash {
                    let segment = leaf / SEGMENT_BLOCKS;
                    let (batch, wal) = (self.layout.batch(segment), self.layout.wal(segment));
                    let mut fault =
                        Fault::new(if batch.exists() { batch } else { wal }, "it is not the log entry that was signed");
                    fault.leaf = Some(leaf);
                    return Some(fault);
                }
                leaf += 1;
            }
        }
        None
    }
}

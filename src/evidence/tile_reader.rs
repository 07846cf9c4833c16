//! Reading a log's tree from tiles that nobody vouches for, given its size and root from a checkpoint that somebody does.
//!
//! Every hash that comes out was checked up to that root: a full tile is hashed whole and compared with the entry of the tile above it, the partial
//! tiles are hashed together and compared with the root. Checking only the tiles that a proof names has let a flipped bit through in two public
//! libraries (CVE-2026-56865), where several of its nodes lie in one tile.
//!
//! Not here: entries (compare their leaf hash with `TileReader::leaf`), files (the store).

use std::collections::HashMap;

use super::draft::Hash;
use super::proof_error::ProofError;
use super::tiles::{TILE_WIDTH, nodes, tile_hashes, tile_path};
use super::tree::{node_hash, root};
use super::tree_builder::{edge_root, read_edges};

/// Tiles kept at most: 2 MiB.
const TILES_MAX: usize = 256;

/// An authenticated reader over a function that reads tiles: `read(level, index, width)` gives exactly `width` times 32 bytes; where a partial tile
/// was deleted because its full one exists, the beginning of that one.
pub struct TileReader<R> {
    size: u64,
    /// The partial tiles by level, checked.
    edges: Vec<Vec<Hash>>,
    /// Full tiles by level and index, checked.
    full: HashMap<(u8, u64), Vec<Hash>>,
    read: R,
}

impl<R, E> TileReader<R>
where
    R: FnMut(u8, u64, u16) -> Result<Vec<u8>, E>,
    E: From<ProofError>,
{
    /// Reads and checks the partial tiles.
    ///
    /// # Errors
    /// What `read` says; tiles of another length; tiles that do not give the root.
    pub fn new(size: u64, trusted_root: Hash, mut read: R) -> Result<Self, E> {
        let edges = read_edges(size, &mut read)?;
        let computed = edge_root(edges.iter().map(Vec::as_slice));
        if computed != trusted_root {
            return Err(
                ProofError::ForgedEdge { paths: edge_paths(size, &edges), computed, expected: trusted_root }.into()
            );
        }
        Ok(Self { size, edges, full: HashMap::new(), read })
    }

    /// Leaves of the trusted tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash of a leaf.
    ///
    /// # Errors
    /// No such leaf; what `read` says; a forged tile.
    pub fn leaf(&mut self, index: u64) -> Result<Hash, E> {
        if index >= self.size {
            return Err(ProofError::IndexBeyondSize { index, size: self.size }.into());
        }
        self.node(0, index)
    }

    /// The root of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// A size beyond the checkpoint; what `read` says; a forged tile.
    pub fn root_at(&mut self, size: u64) -> Result<Hash, E> {
        self.check_size(size)?;
        if size == 0 { Ok(super::tree::empty_root()) } else { self.range(0, size) }
    }

    /// The inclusion proof of a leaf in the tree of the first `size` leaves, from its sibling to the root's child.
    ///
    /// # Errors
    /// `index` beyond `size`, or `size` beyond the checkpoint; what `read` says; a forged tile.
    pub fn inclusion_proof(&mut self, index: u64, size: u64) -> Result<Vec<Hash>, E> {
        self.check_size(size)?;
        if index >= size {
            return Err(ProofError::IndexBeyondSize { index, size }.into());
        }
        let mut path = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the tree of the first `old` leaves is a prefix of the one of the first `new`; empty when `old` is 0 or both are equal.
    ///
    /// # Errors
    /// `old` above `new`, or `new` beyond the checkpoint; what `read` says; a forged tile.
    pub fn consistency_proof(&mut self, old: u64, new: u64) -> Result<Vec<Hash>, E> {
        self.check_size(new)?;
        if old > new {
            return Err(ProofError::OldAboveNew { old, new }.into());
        }
        let mut path = Vec::new();
        if old == 0 || old == new {
            return Ok(path);
        }
        let (mut start, mut end) = (0, new);
        while old < end {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        // The old tree's last node; when it is the whole old tree, the verifier has it already.
        if start > 0 {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Ok(path)
    }

    fn check_size(&self, size: u64) -> Result<(), E> {
        if size > self.size {
            return Err(ProofError::SizeBeyondCheckpoint { size, trusted: self.size }.into());
        }
        Ok(())
    }

    /// The hash over the leaves `start..end`, not none, as the recursion of RFC 6962 cuts them.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, E> {
        // Complete subtrees from the left, each half or less of the one before; the root is folded from the right.
        let mut peaks = Vec::new();
        let mut at = start;
        while at < end {
            let height = (end - at).ilog2();
            peaks.push(self.node(height, at >> height)?);
            at += 1 << height;
        }
        let last = peaks.pop().unwrap_or_else(super::tree::empty_root);
        Ok(peaks.iter().rfold(last, |right, left| node_hash(left, &right)))
    }

    /// The root of the complete subtree number `index` of 2^`height` leaves, which the trusted tree has.
    fn node(&mut self, height: u32, index: u64) -> Result<Hash, E> {
        let level = u8::try_from(height / 8).unwrap_or(u8::MAX);
        let count = 1_usize << (height % 8);
        let first = index << (height % 8);
        let tile = self.tile(level, first / 256)?;
        let skipped = usize::try_from(first % 256).unwrap_or(usize::MAX);
        let hashes = tile.get(skipped..skipped.saturating_add(count)).unwrap_or_default();
        Ok(root(hashes))
    }

    /// A checked tile.
    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], E> {
        let full = nodes(self.size, level) / 256;
        if index >= full {
            let edge = self.edges.get(usize::from(level)).filter(|_| index == full);
            return Ok(edge.map(Vec::as_slice).unwrap_or_default());
        }
        if !self.full.contains_key(&(level, index)) {
            let hashes = self.checked_tile(level, index)?;
            if self.full.len() >= TILES_MAX {
                self.full.clear();
            }
            self.full.insert((level, index), hashes);
        }
        Ok(self.full.get(&(level, index)).map(Vec::as_slice).unwrap_or_default())
    }

    fn checked_tile(&mut self, level: u8, index: u64) -> Result<Vec<Hash>, E> {
        // Up to eight levels: the tile above is checked by the one above it, the last one lies at the edge.
        let place = usize::try_from(index % 256).unwrap_or(usize::MAX);
        let expected = self.tile(level + 1, index / 256)?.get(place).copied();
        let bytes = (self.read)(level, index, TILE_WIDTH)?;
        let hashes = tile_hashes(level, index, TILE_WIDTH, &bytes)?;
        let computed = root(&hashes);
        match expected {
            Some(expected) if expected == computed => Ok(hashes),
            _ => {
                let path = tile_path(level, index, TILE_WIDTH);
                Err(ProofError::ForgedTile { path, computed, expected: expected.unwrap_or_default() }.into())
            }
        }
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

fn edge_paths(size: u64, edges: &[Vec<Hash>]) -> String {
    let paths = (0_u8..).zip(edges).filter(|(_, hashes)| !hashes.is_empty()).map(|(level, hashes)| {
        tile_path(level, nodes(size, level) / 256, u16::try_from(hashes.len()).unwrap_or(TILE_WIDTH))
    });
    let paths: Vec<String> = paths.collect();
    if paths.is_empty() { "no tiles".to_owned() } else { paths.join(", ") }
}

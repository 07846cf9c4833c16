//! The right edge of a growing log: all that is needed to append, to know the root, and to write tiles.
//!
//! Not here: reading and proving (`tile_reader`), files and their order of durability (the store).

use super::draft::Hash;
use super::proof_error::ProofError;
use super::tiles::{LEVELS, TILE_WIDTH, nodes, tile_hashes, tile_path};
use super::tree::{empty_root, root};

/// A tile that has to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyTile {
    /// Level, 0 for leaf hashes.
    pub level: u8,
    /// Index within the level.
    pub index: u64,
    /// Hashes: 256 is a full tile.
    pub width: u16,
    /// Width of the partial form of this tile that was handed out or read before, if any.
    pub replaces: Option<u16>,
    /// Its bytes: `width` times 32.
    pub bytes: Vec<u8>,
}

impl DirtyTile {
    /// Its path below `log/`.
    pub fn path(&self) -> String {
        tile_path(self.level, self.index, self.width)
    }

    /// The path below `log/` of the partial tile that it makes superfluous once it is published. A full tile makes every partial one of its
    /// index superfluous: the folder that this path lies in.
    pub fn replaced_path(&self) -> Option<String> {
        self.replaces.map(|width| tile_path(self.level, self.index, width))
    }
}

/// One level of the edge: the tile that is not full yet.
#[derive(Debug, Clone, Default)]
struct Edge {
    /// 0 to 255 of them.
    hashes: Vec<Hash>,
    /// Hashes of this tile that are written already; fewer than `hashes` when there is something to write.
    written: usize,
}

/// The right edge of a growing tree.
#[derive(Debug, Clone, Default)]
pub struct TreeBuilder {
    size: u64,
    edges: Vec<Edge>,
    /// Full tiles not handed out yet.
    full: Vec<DirtyTile>,
}

impl TreeBuilder {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all leaves.
    pub fn root(&self) -> Hash {
        edge_root(self.edges.iter().map(|edge| edge.hashes.as_slice()))
    }

    /// Adds a leaf hash at the right.
    pub fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let index_after = self.size.saturating_add(1);
        for level in 0..LEVELS {
            let at = usize::from(level);
            if self.edges.len() <= at {
                self.edges.push(Edge::default());
            }
            let Some(edge) = self.edges.get_mut(at) else { break };
            edge.hashes.push(hash);
            if edge.hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let full = std::mem::take(edge);
            hash = root(&full.hashes);
            self.full.push(DirtyTile {
                level,
                index: nodes(index_after, level) / 256 - 1,
                width: TILE_WIDTH,
                replaces: written_width(&full),
                bytes: full.hashes.concat(),
            });
        }
        self.size = index_after;
    }

    /// The edge of a tree that is stored as tiles: asks for the partial tile of each level that has one, and for nothing else. Whoever has a
    /// checkpoint compares its root with `root()`, which covers every byte that was read.
    ///
    /// # Errors
    /// What `read` says; a tile whose length is not `width` times 32.
    pub fn from_tiles<E: From<ProofError>>(
        size: u64,
        read: &mut dyn FnMut(u8, u64, u16) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let edges = read_edges(size, read)?;
        let edges = edges.into_iter().map(|hashes| Edge { written: hashes.len(), hashes }).collect();
        Ok(Self { size, edges, full: Vec::new() })
    }

    /// Every tile that must be written since the last call: those that became full, and the partial one of each level that has grown.
    pub fn dirty_tiles(&mut self) -> Vec<DirtyTile> {
        let mut dirty = std::mem::take(&mut self.full);
        for (level, edge) in (0..LEVELS).zip(&mut self.edges) {
            if edge.hashes.len() > edge.written {
                dirty.push(DirtyTile {
                    level,
                    index: nodes(self.size, level) / 256,
                    width: u16::try_from(edge.hashes.len()).unwrap_or(TILE_WIDTH),
                    replaces: written_width(edge),
                    bytes: edge.hashes.concat(),
                });
                edge.written = edge.hashes.len();
            }
        }
        dirty
    }
}

fn written_width(edge: &Edge) -> Option<u16> {
    u16::try_from(edge.written).ok().filter(|width| *width > 0)
}

/// The partial tiles of a tree of `size` leaves, a list a level; a level without one is empty.
pub(super) fn read_edges<E: From<ProofError>>(
    size: u64,
    read: &mut dyn FnMut(u8, u64, u16) -> Result<Vec<u8>, E>,
) -> Result<Vec<Vec<Hash>>, E> {
    let mut edges = Vec::new();
    for level in (0..LEVELS).take_while(|level| nodes(size, *level) > 0) {
        let nodes = nodes(size, level);
        let width = u16::try_from(nodes % 256).unwrap_or(0);
        let index = nodes / 256;
        let bytes = if width == 0 { Vec::new() } else { read(level, index, width)? };
        edges.push(tile_hashes(level, index, width, &bytes)?);
    }
    Ok(edges)
}

/// The root that the partial tiles of all levels give together, lowest level first.
///
/// The nodes of one level, and behind them as one more the root of what is too new to be a node of it, are the leaves of an RFC 6962 tree: its split,
/// the largest power of two below the size, falls between nodes as long as the last one is the only incomplete one.
pub(super) fn edge_root<'a>(levels: impl Iterator<Item = &'a [Hash]>) -> Hash {
    let mut below: Option<Hash> = None;
    for hashes in levels {
        let mut nodes = hashes.to_vec();
        nodes.extend(below);
        if !nodes.is_empty() {
            below = Some(root(&nodes));
        }
    }
    below.unwrap_or_else(empty_root)
}

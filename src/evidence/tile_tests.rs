//! Tests of `TreeBuilder` and `TileReader` together: what one writes, the other reads, and nothing else.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Id = (u8, u64, u16);

fn leaf(n: u64) -> Hash {
    leaf_hash(&n.to_be_bytes())
}

/// A log as a store would keep it: the tiles by name.
#[derive(Default)]
struct Tiles(BTreeMap<Id, Vec<u8>>);

impl Tiles {
    fn write(&mut self, builder: &mut TreeBuilder) {
        for tile in builder.dirty_tiles() {
            if let Some(width) = tile.replaces {
                assert!(
                    self.0.remove(&(tile.level, tile.index, width)).is_some(),
                    "{} replaces what is not there",
                    tile.path()
                );
            }
            assert_eq!(tile.bytes.len(), usize::from(tile.width) * 32);
            assert!(self.0.insert((tile.level, tile.index, tile.width), tile.bytes).is_none(), "written twice");
        }
    }

    fn read(&self, id: Id) -> Result<Vec<u8>, ProofError> {
        let lost = || ProofError::TileLength { path: tile_path(id.0, id.1, id.2), found: 0, expected: 0 };
        self.0.get(&id).cloned().ok_or_else(lost)
    }

    fn of_size(size: u64) -> (Self, TreeBuilder) {
        let (mut tiles, mut builder) = (Self::default(), TreeBuilder::new());
        (0..size).for_each(|n| builder.append(leaf(n)));
        tiles.write(&mut builder);
        (tiles, builder)
    }
}

/// What a verifier does with a log: the leaf, its inclusion, consistency with an older size.
fn prove(
    size: u64,
    root: Hash,
    (index, old): (u64, u64),
    read: impl FnMut(u8, u64, u16) -> Result<Vec<u8>, ProofError>,
) -> Result<(Hash, Vec<Hash>, Vec<Hash>), ProofError> {
    let mut reader = TileReader::new(size, root, read)?;
    Ok((reader.leaf(index)?, reader.inclusion_proof(index, size)?, reader.consistency_proof(old, size)?))
}

#[test]
fn the_tiles_are_those_of_the_specification() {
    for size in [0, 1, 255, 256, 257, 65_535, 65_536, 70_000] {
        let (tiles, builder) = Tiles::of_size(size);
        let leaves: Vec<Hash> = (0..size).map(leaf).collect();
        assert_eq!(builder.root(), root(&leaves), "{size}");
        let mut expected = BTreeMap::new();
        let mut nodes = leaves;
        for level in 0..8 {
            for (index, hashes) in (0_u64..).zip(nodes.chunks(256)) {
                let width = u16::try_from(hashes.len()).unwrap();
                assert_eq!(tile_width(size, level, index), width);
                expected.insert((level, index, width), hashes.concat());
            }
            nodes = nodes.chunks_exact(256).map(root).collect();
        }
        assert_eq!(tiles.0, expected, "{size}");
    }
}

/// The test that two public libraries fail (CVE-2026-56865): one flipped bit in any tile that is read is refused, wherever it lies.
fn every_flip_is_refused(size: u64, at: (u64, u64), positions: &[usize]) {
    let (mut tiles, builder) = Tiles::of_size(size);
    let trusted = builder.root();
    let read = RefCell::new(BTreeSet::new());
    let honest = prove(size, trusted, at, |level, index, width| {
        read.borrow_mut().insert((level, index, width));
        tiles.read((level, index, width))
    });
    let (found, path, consistency) = honest.unwrap();
    assert_eq!(found, leaf(at.0));
    check_inclusion(&found, at.0, size, &path, &trusted).unwrap();
    let mut old = TreeBuilder::new();
    (0..at.1).for_each(|n| old.append(leaf(n)));
    check_consistency(at.1, size, &consistency, &old.root(), &trusted).unwrap();
    for id in read.into_inner() {
        for position in positions {
            let bits = tiles.0[&id].len() * 8;
            let (byte, bit) = (position % bits / 8, position % 8);
            tiles.0.get_mut(&id).unwrap()[byte] ^= 1 << bit;
            let result = prove(size, trusted, at, |level, index, width| tiles.read((level, index, width)));
            assert!(
                matches!(result, Err(ProofError::ForgedTile { .. } | ProofError::ForgedEdge { .. })),
                "{} of {size}, byte {byte} bit {bit}: {result:?}",
                tile_path(id.0, id.1, id.2)
            );
            tiles.0.get_mut(&id).unwrap()[byte] ^= 1 << bit;
        }
        let cut = tiles.0.get_mut(&id).unwrap().pop().unwrap();
        let result = prove(size, trusted, at, |level, index, width| tiles.read((level, index, width)));
        assert!(matches!(result, Err(ProofError::TileLength { .. })));
        tiles.0.get_mut(&id).unwrap().push(cut);
    }
}

#[test]
fn a_flipped_bit_in_any_tile_is_refused() {
    let positions: Vec<usize> = (0..24).map(|n| n * 2_741 + n).chain([0, 65_535]).collect();
    for size in [1, 2, 3, 255, 256, 257, 511, 512, 513, 1_000, 65_535, 65_536, 65_537, 65_793, 70_000] {
        for (index, old) in [(0, 1), (size / 2, size / 2 + 1), (size - 1, size), (size / 3, size - size / 7)] {
            every_flip_is_refused(size, (index, old.min(size)), &positions);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_flipped_bit_in_a_tree_of_any_size(
        size in 1_u64..70_000,
        index in any::<prop::sample::Index>(),
        old in any::<prop::sample::Index>(),
        positions in prop::collection::vec(0_usize..65_536, 4),
    ) {
        let size_max = usize::try_from(size).unwrap();
        every_flip_is_refused(size, (index.index(size_max) as u64, old.index(size_max + 1) as u64), &positions);
    }

    /// However often a log is closed and published on its way, its tiles and its root are the same.
    #[test]
    fn continued_is_as_from_scratch(steps in prop::collection::vec((0_u64..700, any::<bool>()), 1..8)) {
        let (mut tiles, mut builder) = (Tiles::default(), TreeBuilder::new());
        for (step, reopen) in steps {
            let from = builder.size();
            (from..from + step).for_each(|n| builder.append(leaf(n)));
            tiles.write(&mut builder);
            prop_assert!(builder.dirty_tiles().is_empty());
            if reopen {
                let read = &mut |level, index, width| tiles.read((level, index, width));
                let again = TreeBuilder::from_tiles(builder.size(), read).unwrap();
                prop_assert_eq!(again.root(), builder.root());
                builder = again;
            }
        }
        let (expected, scratch) = Tiles::of_size(builder.size());
        prop_assert_eq!(builder.root(), scratch.root());
        prop_assert_eq!(tiles.0, expected.0);
    }
}

#[test]
fn proofs_of_every_older_tree() {
    let size = 600;
    let (tiles, builder) = Tiles::of_size(size);
    let mut reader =
        TileReader::new(size, builder.root(), |level, index, width| tiles.read((level, index, width))).unwrap();
    let leaves: Vec<Hash> = (0..size).map(leaf).collect();
    for older in (0..=size).step_by(7).chain([1, 2, 255, 256, 257, 512, 599, 600]) {
        let leaves = &leaves[..usize::try_from(older).unwrap()];
        let older_root = root(leaves);
        assert_eq!(reader.root_at(older).unwrap(), older_root);
        for index in (0..older).step_by(13) {
            let path = reader.inclusion_proof(index, older).unwrap();
            assert_eq!(path, inclusion_path(leaves, usize::try_from(index).unwrap()));
        }
        for oldest in (0..=older).step_by(17) {
            let path = reader.consistency_proof(oldest, older).unwrap();
            let oldest_root = root(&leaves[..usize::try_from(oldest).unwrap()]);
            check_consistency(oldest, older, &path, &oldest_root, &older_root).unwrap();
        }
    }
}

#[test]
fn what_a_reader_refuses() {
    let (tiles, builder) = Tiles::of_size(300);
    let read = |level, index, width| tiles.read((level, index, width));
    let mut reader = TileReader::new(300, builder.root(), read).unwrap();
    assert_eq!(reader.size(), 300);
    let beyond = |result: Result<_, ProofError>| assert!(result.is_err());
    beyond(reader.leaf(300).map(|_| ()));
    beyond(reader.inclusion_proof(300, 300).map(|_| ()));
    beyond(reader.inclusion_proof(0, 0).map(|_| ()));
    beyond(reader.inclusion_proof(0, 301).map(|_| ()));
    beyond(reader.consistency_proof(2, 1).map(|_| ()));
    beyond(reader.consistency_proof(0, 301).map(|_| ()));
    beyond(reader.root_at(301).map(|_| ()));
    assert!(matches!(TileReader::new(300, [0; 32], read), Err(ProofError::ForgedEdge { .. })));
    // A checkpoint of another size does not fit the tiles, and asks for no more than eight of them.
    assert!(TileReader::new(299, builder.root(), read).is_err());
    let asked = RefCell::new(0);
    let count = |_, _, width: u16| {
        *asked.borrow_mut() += 1;
        Ok::<_, ProofError>(vec![0; usize::from(width) * 32])
    };
    assert!(TileReader::new(u64::MAX, [0; 32], count).is_err());
    assert_eq!(*asked.borrow(), 8);
    let mut empty = TileReader::new(0, empty_root(), read).unwrap();
    assert!(empty.leaf(0).is_err());
    assert_eq!(empty.root_at(0), Ok(empty_root()));
}

//! RFC 6962 §2.1: hashes of leaves and nodes, roots, inclusion and consistency.
//!
//! Inside: whole trees from a slice of leaf hashes (a batch), and the two checks that need no tree.
//! Not here: trees of any size kept as tiles (`tiles`, `tree_builder`, `tile_reader`).

use sha2::{Digest, Sha256};

use super::draft::Hash;
use super::proof_error::ProofError;

/// H(0x00 ‖ entry): the leaf hash of a log entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0_u8]);
    hasher.update(entry);
    hasher.finalize().into()
}

/// H(0x00 ‖ salt ‖ record): the leaf hash of a record in its batch.
pub fn salted_leaf_hash(salt: &[u8; 16], record: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0_u8]);
    hasher.update(salt);
    hasher.update(record);
    hasher.finalize().into()
}

/// H(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1_u8]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// H(""): the root of the tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The next layer of a tree: pairs hashed, a last single one handed up as it is.
fn layer_above(layer: &[Hash]) -> Vec<Hash> {
    let (pairs, rest) = layer.as_chunks::<2>();
    pairs.iter().map(|[left, right]| node_hash(left, right)).chain(rest.iter().copied()).collect()
}

/// The Merkle tree hash over the leaves; of none, H("").
pub fn root(leaves: &[Hash]) -> Hash {
    let mut layer = leaves.to_vec();
    while layer.len() > 1 {
        layer = layer_above(&layer);
    }
    layer.first().copied().unwrap_or_else(empty_root)
}

/// The inclusion proof of a leaf, from its sibling to the root's child; empty when there is no such leaf.
pub fn inclusion_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let mut path = Vec::new();
    if index >= leaves.len() {
        return path;
    }
    let (mut layer, mut at) = (leaves.to_vec(), index);
    while layer.len() > 1 {
        path.extend(layer.get(at ^ 1));
        layer = layer_above(&layer);
        at >>= 1;
    }
    path
}

/// How many hashes the inclusion proof of leaf `index` in a tree of `size` leaves has; `index < size`.
fn inclusion_length(index: u64, size: u64) -> usize {
    let last = size.saturating_sub(1);
    // Up to where the way of the leaf and the way of the last leaf meet, every layer has a sibling; above, only where the leaf lies to the right.
    let apart = u64::BITS - (index ^ last).leading_zeros();
    let right = index.checked_shr(apart).unwrap_or(0).count_ones();
    usize::try_from(apart + right).unwrap_or(usize::MAX)
}

/// Checks that `leaf` is number `index` of the `size` leaves under `root` (RFC 9162 §2.1.3.2).
///
/// # Errors
/// An index beyond the size, a path of another length than this place needs, a path that leads elsewhere.
pub fn check_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize { index, size });
    }
    let expected = inclusion_length(index, size);
    if path.len() != expected {
        return Err(ProofError::PathLength { index, size, found: path.len(), expected });
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // A leaf at the right edge is handed up through the layers where it has no sibling.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::OtherRoot { computed: hash, expected: *root }) }
}

/// Checks that the tree of `old` leaves under `old_root` is a prefix of the one of `new` leaves under `new_root` (RFC 9162 §2.1.4.2).
/// The tree without leaves is a prefix of every tree, with an empty path.
///
/// # Errors
/// `old` above `new`, a path of another length than the two sizes need, a path that leads to another old or new root.
pub fn check_consistency(
    old: u64,
    new: u64,
    path: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OldAboveNew { old, new });
    }
    let length = || ProofError::ConsistencyLength { old, new, found: path.len() };
    if old == 0 || old == new {
        let expected = if old == 0 { empty_root() } else { *new_root };
        let new_expected = if new == 0 { empty_root() } else { *new_root };
        return match path {
            [] => same(old_root, &expected).and_then(|()| same(new_root, &new_expected)),
            _ => Err(length()),
        };
    }
    // A complete old tree is itself the first node of the path, and left out of it.
    let (first, rest) = if old.is_power_of_two() { (old_root, path) } else { path.split_first().ok_or_else(length)? };
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return Err(length());
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(hash, &old_hash);
            new_hash = node_hash(hash, &new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length());
    }
    same(&old_hash, old_root).and_then(|()| same(&new_hash, new_root))
}

fn same(computed: &Hash, expected: &Hash) -> Result<(), ProofError> {
    if computed == expected { Ok(()) } else { Err(ProofError::OtherRoot { computed: *computed, expected: *expected }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962 §2.1 written down as it stands there: slow, and nothing to get wrong.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&naive_root(left), &naive_root(right))
            }
        }
    }

    /// PATH of §2.1.1.
    fn naive_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, other) = if index < left.len() {
            (naive_path(left, index), right)
        } else {
            (naive_path(right, index - left.len()), left)
        };
        path.push(naive_root(other));
        path
    }

    /// SUBPROOF of §2.1.2.
    fn naive_subproof(leaves: &[Hash], old: usize, whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut path, other) = if old <= left.len() {
            (naive_subproof(left, old, whole), right)
        } else {
            (naive_subproof(right, old - left.len(), false), left)
        };
        path.push(naive_root(other));
        path
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
    }

    fn hash(hex: &str) -> Hash {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
    }

    /// The vectors that implementations of RFC 6962 test each other with.
    #[test]
    fn known_answers() {
        let entries =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaves: Vec<Hash> =
            entries.iter().map(|hex| leaf_hash(&data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap())).collect();
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(root(&leaves[..size]), hash(expected), "{size} leaves");
        }
        let first_of_eight = [
            hash("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
            hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
            hash("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
        ];
        assert_eq!(inclusion_path(&leaves, 0), first_of_eight);
        check_inclusion(&leaves[0], 0, 8, &first_of_eight, &hash(roots[8])).unwrap();
        check_consistency(1, 8, &first_of_eight, &hash(roots[1]), &hash(roots[8])).unwrap();
        let six_to_eight = [
            hash("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
            hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
            hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ];
        check_consistency(6, 8, &six_to_eight, &hash(roots[6]), &hash(roots[8])).unwrap();
        let two_to_five = [first_of_eight[1], hash("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")];
        check_consistency(2, 5, &two_to_five, &hash(roots[2]), &hash(roots[5])).unwrap();
    }

    #[test]
    fn salted_leaf_is_the_leaf_of_salt_and_record() {
        let salt = *b"0123456789abcdef";
        assert_eq!(salted_leaf_hash(&salt, b"record"), leaf_hash(b"0123456789abcdefrecord"));
    }

    /// All ways in which a path can be altered at one place: each must be refused.
    fn mutations(path: &[Hash]) -> Vec<Vec<Hash>> {
        let mut all = vec![[path, &[[7; 32]]].concat(), [&[[7; 32]], path].concat()];
        for at in 0..path.len() {
            let mut flipped = path.to_vec();
            flipped[at][31 - at % 32] ^= 1;
            let mut without = path.to_vec();
            without.remove(at);
            all.extend([flipped, without]);
            if at > 0 {
                let mut swapped = path.to_vec();
                swapped.swap(at - 1, at);
                all.push(swapped);
            }
        }
        all
    }

    #[test]
    fn every_inclusion_up_to_70() {
        let leaves = leaves(70);
        for size in 1..=leaves.len() {
            let leaves = &leaves[..size];
            let (root, size) = (naive_root(leaves), size as u64);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = inclusion_path(leaves, index);
                assert_eq!(path, naive_path(leaves, index), "{index} of {size}");
                let check =
                    |leaf: &Hash, index, path: &[Hash], root: &Hash| check_inclusion(leaf, index, size, path, root);
                check(leaf, index as u64, &path, &root).unwrap();
                for path in mutations(&path) {
                    check(leaf, index as u64, &path, &root).unwrap_err();
                }
                for other in (0..=size).filter(|other| *other != index as u64) {
                    check(leaf, other, &path, &root).unwrap_err();
                }
                check(&[1; 32], index as u64, &path, &root).unwrap_err();
                check(leaf, index as u64, &path, &[1; 32]).unwrap_err();
            }
        }
    }

    #[test]
    fn every_consistency_up_to_70() {
        let leaves = leaves(70);
        for new in 0..=leaves.len() {
            let new_root = naive_root(&leaves[..new]);
            for old in 0..=new {
                let old_root = naive_root(&leaves[..old]);
                let path = if old == 0 { Vec::new() } else { naive_subproof(&leaves[..new], old, true) };
                let (old, new) = (old as u64, new as u64);
                check_consistency(old, new, &path, &old_root, &new_root).unwrap();
                for path in mutations(&path) {
                    check_consistency(old, new, &path, &old_root, &new_root).unwrap_err();
                }
                check_consistency(old, new, &path, &[1; 32], &new_root).unwrap_err();
                // Nothing is said about the new root when the old tree is empty: every tree grows out of it.
                if old > 0 || new == 0 {
                    check_consistency(old, new, &path, &old_root, &[1; 32]).unwrap_err();
                }
                if old < new {
                    check_consistency(new, old, &path, &new_root, &old_root).unwrap_err();
                }
            }
        }
    }

    #[test]
    fn absurd_numbers_are_refused() {
        let path = vec![[1; 32]; 64];
        for index in [0, 1, u64::MAX - 2, u64::MAX - 1, u64::MAX] {
            check_inclusion(&[0; 32], index, u64::MAX, &path, &[0; 32]).unwrap_err();
            check_inclusion(&[0; 32], index, 0, &path, &[0; 32]).unwrap_err();
            check_inclusion(&[0; 32], index, 0, &[], &[0; 32]).unwrap_err();
            check_consistency(index, u64::MAX, &path, &[0; 32], &[0; 32]).unwrap_err();
        }
        assert!(inclusion_path(&[], 0).is_empty());
        assert!(inclusion_path(&leaves(3), 3).is_empty());
    }

    proptest! {
        #[test]
        fn as_the_naive_tree(size in 0_usize..600, at in any::<prop::sample::Index>()) {
            let leaves = leaves(size);
            prop_assert_eq!(root(&leaves), naive_root(&leaves));
            if size > 0 {
                let index = at.index(size);
                prop_assert_eq!(inclusion_path(&leaves, index), naive_path(&leaves, index));
                let old = index + 1;
                let path = naive_subproof(&leaves, old, true);
                let (old_root, new_root) = (naive_root(&leaves[..old]), naive_root(&leaves));
                prop_assert!(check_consistency(old as u64, size as u64, &path, &old_root, &new_root).is_ok());
            }
        }
    }

    #[test]
    fn larger_trees() {
        let leaves = leaves(70_001);
        for size in [1_000, 1_024, 1_025, 4_095, 65_536, 65_537, 70_001] {
            let leaves = &leaves[..size];
            let expected = naive_root(leaves);
            assert_eq!(root(leaves), expected);
            for index in [0, 1, 255, 256, size / 2, size - 1] {
                let path = inclusion_path(leaves, index);
                check_inclusion(&leaves[index], index as u64, size as u64, &path, &expected).unwrap();
            }
        }
    }
}

//! What a segment does not hold, answered from memory: Bloom filters, so that a look-up which finds nothing reads no dictionary.
//!
//! A look-up of one term costs some 20 µs (a block of the dictionary is decompressed), and nearly all look-ups of an indexer and of links find nothing in
//! nearly all segments. Not here: the look-ups (`segment`).

use super::IndexError;
use super::terms::scan;
use std::hash::BuildHasher;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tantivy::index::InvertedIndexReader;

/// Bits a value: with four of them set, one value in a hundred or fewer is taken for one that is there.
const BITS: usize = 16;
/// Bits of a block, the only one that is looked at: a line of the processor's cache.
const BLOCK_BITS: usize = 512;
/// Look-ups in one field after which its filter is worth a pass over the dictionary.
const ASKED_MIN: u32 = 128;

/// A set of hashes that may say yes to one that it does not have.
#[derive(Debug)]
pub(super) struct Filter {
    blocks: Vec<[u64; BLOCK_BITS / 64]>,
}

impl Filter {
    /// An empty one for so many values.
    pub fn of(values: usize) -> Filter {
        Filter { blocks: vec![[0; BLOCK_BITS / 64]; values.saturating_mul(BITS) / BLOCK_BITS + 1] }
    }

    /// Adds a hash.
    pub fn insert(&mut self, hash: u64) {
        let at = self.block(hash);
        if let Some(block) = self.blocks.get_mut(at) {
            block.iter_mut().zip(mask(hash)).for_each(|(word, bits)| *word |= bits);
        }
    }

    /// Whether it may have been added; `false` is certain.
    pub fn may_hold(&self, hash: u64) -> bool {
        let block = self.blocks.get(self.block(hash));
        block.is_none_or(|block| block.iter().zip(mask(hash)).all(|(word, bits)| word & bits == bits))
    }

    fn block(&self, hash: u64) -> usize {
        // The upper half of the product is below the number of blocks.
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }
}

/// The four bits of a hash in its block.
fn mask(hash: u64) -> [u64; BLOCK_BITS / 64] {
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mask = [0; BLOCK_BITS / 64];
    for number in 0..4u32 {
        let bit = (mixed >> (28 + 9 * number)) as usize % BLOCK_BITS;
        if let Some(word) = mask.get_mut(bit / 64) {
            *word |= 1u64 << (bit % 64);
        }
    }
    mask
}

/// The values of one field of a segment, once it has been asked for often enough.
#[derive(Debug, Default)]
pub(super) struct Values {
    asked: AtomicU32,
    filter: OnceLock<Filter>,
    /// Seeded, so that nobody can choose values that look alike.
    hasher: foldhash::fast::RandomState,
}

impl Values {
    /// Whether the field may have the value; `false` is certain.
    pub fn may_hold(&self, index: &InvertedIndexReader, value: &str) -> Result<bool, IndexError> {
        if self.filter.get().is_none() {
            if self.asked.fetch_add(1, Ordering::Relaxed) != ASKED_MIN {
                return Ok(true);
            }
            let mut filter = Filter::of(index.terms().num_terms());
            let mut terms = scan(index, "")?;
            while terms.advance() {
                filter.insert(self.hasher.hash_one(terms.key()));
            }
            let _another = self.filter.set(filter);
        }
        Ok(self.filter.get().is_none_or(|filter| filter.may_hold(self.hasher.hash_one(value.as_bytes()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_there_and_hardly_anything_else() {
        let hasher = foldhash::fast::RandomState::default();
        let hash = |number: u32| hasher.hash_one(number);
        for count in [0u32, 1, 1_000, 100_000] {
            let mut filter = Filter::of(count as usize);
            (0..count).for_each(|number| filter.insert(hash(number)));
            assert!((0..count).all(|number| filter.may_hold(hash(number))));
            let wrong = (0..100_000).filter(|number| filter.may_hold(hash(count + number))).count();
            assert!(wrong < 1_000, "{wrong} of 100,000 with {count}");
        }
    }
}

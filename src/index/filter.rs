//! What a segment does not hold, answered from memory: Bloom filters, so that a look-up or a scan which finds nothing reads no dictionary.
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
/// Look-ups in one field after which its filters are worth a pass over the dictionary.
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
        let hash = mixed(hash);
        let at = self.block(hash);
        if let Some(block) = self.blocks.get_mut(at) {
            block.iter_mut().zip(mask(hash)).for_each(|(word, bits)| *word |= bits);
        }
    }

    /// Whether it may have been added; `false` is certain.
    pub fn may_hold(&self, hash: u64) -> bool {
        let hash = mixed(hash);
        let block = self.blocks.get(self.block(hash));
        block.is_none_or(|block| block.iter().zip(mask(hash)).all(|(word, bits)| word & bits == bits))
    }

    fn block(&self, hash: u64) -> usize {
        // The upper half of the product is below the number of blocks.
        ((u128::from(hash) * self.blocks.len() as u128) >> 64) as usize
    }
}

/// Every bit depends on every bit (the finalizer of MurmurHash3): hashes that are made fast differ in few of them where values are alike.
fn mixed(mut hash: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53_u64] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

/// The four bits of a hash in its block: from its lower half, as the block is from the upper.
fn mask(hash: u64) -> [u64; BLOCK_BITS / 64] {
    let mut mask = [0; BLOCK_BITS / 64];
    for number in 0..4u32 {
        let bit = (hash >> (9 * number)) as usize % BLOCK_BITS;
        if let Some(word) = mask.get_mut(bit / 64) {
            *word |= 1u64 << (bit % 64);
        }
    }
    mask
}

/// Spaces of a value up to each of which its beginning is kept: that is how join keys are asked for which go on.
const SPACES_MAX: usize = 2;

/// The values of one field of a segment, once it has been asked for often enough.
#[derive(Debug, Default)]
pub(super) struct Values {
    asked: AtomicU32,
    filters: OnceLock<Filters>,
    /// Seeded, so that nobody can choose values that look alike.
    hasher: foldhash::fast::RandomState,
}

#[derive(Debug)]
struct Filters {
    values: Filter,
    beginnings: Filter,
}

impl Values {
    /// Whether the field may have the value; `false` is certain.
    pub fn may_hold(&self, index: &InvertedIndexReader, value: &str) -> Result<bool, IndexError> {
        let hash = || self.hasher.hash_one(value.as_bytes());
        Ok(self.filters(index)?.is_none_or(|filters| filters.values.may_hold(hash())))
    }

    /// Whether a value of the field may begin so; `false` is certain.
    pub fn may_begin(&self, index: &InvertedIndexReader, prefix: &str) -> Result<bool, IndexError> {
        let hash = || self.hasher.hash_one(prefix.as_bytes());
        let is_kept = is_kept(prefix.as_bytes());
        Ok(!is_kept || self.filters(index)?.is_none_or(|filters| filters.beginnings.may_hold(hash())))
    }

    fn filters(&self, index: &InvertedIndexReader) -> Result<Option<&Filters>, IndexError> {
        if self.filters.get().is_none() && self.asked.fetch_add(1, Ordering::Relaxed) == ASKED_MIN {
            self.read(index)?;
        }
        Ok(self.filters.get())
    }

    /// Builds the filters ahead of the first look-up. Whoever looks up meanwhile reads the dictionary and does not wait.
    pub fn learn(&self, index: &InvertedIndexReader) -> Result<(), IndexError> {
        if self.filters.get().is_none() && self.asked.fetch_max(ASKED_MIN + 1, Ordering::Relaxed) <= ASKED_MIN {
            self.read(index)?;
        }
        Ok(())
    }

    #[cfg(test)]
    pub fn is_learnt(&self) -> bool {
        self.filters.get().is_some()
    }

    fn read(&self, index: &InvertedIndexReader) -> Result<(), IndexError> {
        let mut values = Filter::of(index.terms().num_terms());
        let (mut found, mut before): (Vec<u64>, Vec<u64>) = Default::default();
        let mut terms = scan(index, "")?;
        while terms.advance() {
            values.insert(self.hasher.hash_one(terms.key()));
            let own: Vec<u64> = beginnings(terms.key()).map(|value| self.hasher.hash_one(value)).collect();
            // Values are in order: those that begin alike are neighbours.
            found.extend(own.iter().filter(|hash| !before.contains(hash)));
            before = own;
        }
        let mut beginnings = Filter::of(found.len());
        found.into_iter().for_each(|hash| beginnings.insert(hash));
        let _another = self.filters.set(Filters { values, beginnings });
        Ok(())
    }
}

/// The beginnings of a value that are kept.
fn beginnings(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b' ', value).take(SPACES_MAX).filter_map(|space| value.get(..=space))
}

/// Whether a prefix is among the beginnings of each value that begins so.
fn is_kept(prefix: &[u8]) -> bool {
    prefix.ends_with(b" ") && memchr::memchr_iter(b' ', prefix).count() <= SPACES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_is_kept_is_a_beginning_of_each_value() {
        let check = |value: &str, kept: &[&str]| {
            let found: Vec<&[u8]> = beginnings(value.as_bytes()).collect();
            assert_eq!(found, kept.iter().map(|prefix| prefix.as_bytes()).collect::<Vec<_>>(), "{value}");
            for end in 0..=value.len() {
                let prefix = &value[..end];
                assert_eq!(is_kept(prefix.as_bytes()), kept.contains(&prefix), "{prefix:?}");
            }
        };
        check("", &[]);
        check("process:7@c/n", &[]);
        check("in-pod:u id", &["in-pod:u "]);
        check("sent-from:c/::1 29 outline", &["sent-from:c/::1 ", "sent-from:c/::1 29 "]);
        check("path:/a b c d@c/n", &["path:/a ", "path:/a b "]);
        check(" ", &[" "]);
    }

    #[test]
    fn what_was_added_is_there_and_hardly_anything_else() {
        // Many seeds: some of them spread numbers in a row badly.
        for count in [0u32, 1, 1_000].into_iter().chain([100_000; 40]) {
            let hasher = foldhash::fast::RandomState::default();
            let hash = |number: u32| hasher.hash_one(number);
            let mut filter = Filter::of(count as usize);
            (0..count).for_each(|number| filter.insert(hash(number)));
            assert!((0..count).all(|number| filter.may_hold(hash(number))));
            let wrong = (0..100_000).filter(|number| filter.may_hold(hash(count + number))).count();
            assert!(wrong < 1_000, "{wrong} of 100,000 with {count}");
        }
    }
}

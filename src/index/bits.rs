//! Sets of document numbers of one segment.

use std::ops::Range;

/// A set of documents, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// Documents of the segment; no bit at or above it is set.
    len: u32,
}

fn word(doc: u32) -> usize {
    usize::try_from(doc / 64).unwrap_or(usize::MAX)
}

impl Bits {
    pub fn none(len: u32) -> Bits {
        Bits { words: vec![0; word(len.div_ceil(64).saturating_mul(64))], len }
    }

    pub fn insert(&mut self, doc: u32) {
        if doc < self.len
            && let Some(slot) = self.words.get_mut(word(doc))
        {
            *slot |= 1 << (doc % 64);
        }
    }

    pub fn insert_range(&mut self, range: Range<u32>) {
        for at in word(range.start)..word(range.end.min(self.len)).saturating_add(1) {
            let mask = mask_of(at, &(range.start..range.end.min(self.len)));
            if let Some(slot) = self.words.get_mut(at) {
                *slot |= mask;
            }
        }
    }

    pub fn contains(&self, doc: u32) -> bool {
        doc < self.len && self.words.get(word(doc)).is_some_and(|bits| bits >> (doc % 64) & 1 == 1)
    }

    pub fn count(&self) -> u64 {
        self.words.iter().map(|bits| u64::from(bits.count_ones())).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&bits| bits == 0)
    }

    fn and(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= theirs);
    }

    fn or(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine |= theirs);
    }

    fn invert(&mut self) {
        self.words.iter_mut().for_each(|bits| *bits = !*bits);
        let used = self.len % 64;
        if used != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
    }

    /// The documents of a range, ascending.
    fn iter_range(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let range = range.start..range.end.min(self.len);
        let (from, to) = (word(range.start), word(range.end).saturating_add(1).min(self.words.len()));
        (from..to).flat_map(move |at| {
            let mut bits = self.words.get(at).copied().unwrap_or(0) & mask_of(at, &range);
            let base = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(64);
            std::iter::from_fn(move || {
                (bits != 0).then(|| {
                    let lowest = bits.trailing_zeros();
                    bits &= bits - 1;
                    base + lowest
                })
            })
        })
    }

    fn count_range(&self, range: Range<u32>) -> u64 {
        let range = range.start..range.end.min(self.len);
        let (from, to) = (word(range.start), word(range.end).saturating_add(1).min(self.words.len()));
        let ones = |at| (self.words.get(at).copied().unwrap_or(0) & mask_of(at, &range)).count_ones();
        (from..to).map(|at| u64::from(ones(at))).sum()
    }
}

/// The bits of the word at `at` that lie in the range.
fn mask_of(at: usize, range: &Range<u32>) -> u64 {
    let start = u64::try_from(at).unwrap_or(u64::MAX).saturating_mul(64);
    let below = |end: u32| match u64::from(end).saturating_sub(start) {
        n @ 0..64 => (1u64 << n) - 1,
        _ => u64::MAX,
    };
    below(range.end) & !below(range.start)
}

/// A set of documents, without bits where it is all or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Docs {
    None,
    All,
    Some(Bits),
}

impl Docs {
    pub fn and(self, other: Docs) -> Docs {
        match (self, other) {
            (Docs::None, _) | (_, Docs::None) => Docs::None,
            (Docs::All, other) | (other, Docs::All) => other,
            (Docs::Some(mut left), Docs::Some(right)) => {
                left.and(&right);
                Docs::of(left)
            }
        }
    }

    pub fn or(self, other: Docs) -> Docs {
        match (self, other) {
            (Docs::All, _) | (_, Docs::All) => Docs::All,
            (Docs::None, other) | (other, Docs::None) => other,
            (Docs::Some(mut left), Docs::Some(right)) => {
                left.or(&right);
                Docs::Some(left)
            }
        }
    }

    pub fn inverted(self) -> Docs {
        match self {
            Docs::None => Docs::All,
            Docs::All => Docs::None,
            Docs::Some(mut bits) => {
                bits.invert();
                Docs::of(bits)
            }
        }
    }

    pub fn of(bits: Bits) -> Docs {
        if bits.is_empty() { Docs::None } else { Docs::Some(bits) }
    }

    pub fn contains(&self, doc: u32) -> bool {
        match self {
            Docs::None => false,
            Docs::All => true,
            Docs::Some(bits) => bits.contains(doc),
        }
    }

    pub fn count(&self, len: u32) -> u64 {
        match self {
            Docs::None => 0,
            Docs::All => u64::from(len),
            Docs::Some(bits) => bits.count(),
        }
    }

    pub fn count_range(&self, range: Range<u32>) -> u64 {
        match self {
            Docs::None => 0,
            Docs::All => u64::try_from(range.len()).unwrap_or(0),
            Docs::Some(bits) => bits.count_range(range),
        }
    }

    /// Calls back with every document of a range, ascending, until told to stop; false when it was.
    pub fn each(&self, range: Range<u32>, each: &mut dyn FnMut(u32) -> bool) -> bool {
        match self {
            Docs::None => true,
            Docs::All => range.into_iter().all(each),
            Docs::Some(bits) => bits.iter_range(range).all(each),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn bits(len: u32, docs: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::none(len);
        docs.iter().for_each(|&doc| bits.insert(doc));
        bits
    }

    fn listed(docs: &Docs, range: Range<u32>) -> Vec<u32> {
        let mut found = Vec::new();
        docs.each(range, &mut |doc| {
            found.push(doc);
            true
        });
        found
    }

    proptest! {
        #[test]
        fn like_a_set(len in 1u32..300, left in proptest::collection::btree_set(0u32..300, 0..80),
            right in proptest::collection::btree_set(0u32..300, 0..80), start in 0u32..300, width in 0u32..300) {
            let left: BTreeSet<u32> = left.into_iter().filter(|&doc| doc < len).collect();
            let right: BTreeSet<u32> = right.into_iter().filter(|&doc| doc < len).collect();
            let (a, b) = (Docs::of(bits(len, &left)), Docs::of(bits(len, &right)));
            let all = 0..len;
            let set = |docs: Docs| listed(&docs, all.clone());
            prop_assert_eq!(set(a.clone().and(b.clone())), left.intersection(&right).copied().collect::<Vec<_>>());
            prop_assert_eq!(set(a.clone().or(b.clone())), left.union(&right).copied().collect::<Vec<_>>());
            let outside: Vec<u32> = (0..len).filter(|doc| !left.contains(doc)).collect();
            prop_assert_eq!(set(a.clone().inverted()), outside);
            prop_assert_eq!(a.count(len), left.len() as u64);
            let range = start.min(len)..start.saturating_add(width).min(len);
            let inside: Vec<u32> = left.iter().copied().filter(|doc| range.contains(doc)).collect();
            prop_assert_eq!(a.count_range(range.clone()), inside.len() as u64);
            prop_assert_eq!(listed(&a, range.clone()), inside);
            let mut ranged = Bits::none(len);
            ranged.insert_range(range.clone());
            prop_assert_eq!(listed(&Docs::Some(ranged), all.clone()), range.collect::<Vec<_>>());
        }
    }
}

//! Where an event's records are: runs of consecutive records of one log entry, packed into 64 bits each.
//!
//! Not here: how they are stored (`schema`), how the records are read (`evidence`).

use super::IndexError;
use crate::model::RecordRef;

/// Largest log entry that a place can name.
const LEAF_MAX: u64 = u32::MAX as u64;
/// Largest number of a record; batches hold at most 1,000.
const RECORD_MAX: u32 = 4_094;
/// Bits of the first record and of the count.
const FIELD_BITS: u32 = 12;
const FIELD_MASK: u64 = (1 << FIELD_BITS) - 1;

/// The places of an event's records: leaf (32 bits), first record (12), count (12) a run.
///
/// Invariant: runs ascend, do not touch and are not empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Places {
    runs: Vec<u64>,
}

#[derive(Clone, Copy)]
struct Run {
    leaf: u64,
    first: u64,
    count: u64,
}

impl Run {
    fn pack(self) -> u64 {
        self.leaf << (2 * FIELD_BITS) | self.first << FIELD_BITS | self.count
    }

    fn unpack(packed: u64) -> Run {
        Run {
            leaf: packed >> (2 * FIELD_BITS) & LEAF_MAX,
            first: packed >> FIELD_BITS & FIELD_MASK,
            count: packed & FIELD_MASK,
        }
    }

    fn end(self) -> u64 {
        self.first + self.count
    }
}

impl Places {
    /// No place yet.
    pub fn new() -> Places {
        Places::default()
    }

    /// Adds a record's place; false when it was there. Fails when leaf or record are beyond what 64 bits hold.
    pub fn push(&mut self, at: RecordRef) -> Result<bool, IndexError> {
        if at.leaf > LEAF_MAX || at.record > RECORD_MAX {
            return Err(IndexError::Place {
                leaf: at.leaf,
                record: at.record,
                leaf_max: LEAF_MAX,
                record_max: RECORD_MAX,
            });
        }
        let new = Run { leaf: at.leaf, first: u64::from(at.record), count: 1 };
        // The number of runs that start at or before the new place.
        let behind = self.runs.partition_point(|&packed| {
            let run = Run::unpack(packed);
            (run.leaf, run.first) <= (new.leaf, new.first)
        });
        let before = behind.checked_sub(1).and_then(|at| self.runs.get(at)).map(|&packed| Run::unpack(packed));
        let joins_before = before.filter(|run| run.leaf == new.leaf && run.end() >= new.first);
        if joins_before.is_some_and(|run| run.end() > new.first) {
            return Ok(false);
        }
        let after = self.runs.get(behind).map(|&packed| Run::unpack(packed));
        let joins_after = after.filter(|run| run.leaf == new.leaf && run.first == new.end());
        match (joins_before, joins_after) {
            (Some(before), Some(after)) => {
                self.replace(behind - 1, Run { count: before.count + 1 + after.count, ..before });
                self.runs.remove(behind);
            }
            (Some(before), None) => self.replace(behind - 1, Run { count: before.count + 1, ..before }),
            (None, Some(after)) => self.replace(behind, Run { first: new.first, count: after.count + 1, ..after }),
            (None, None) => self.runs.insert(behind, new.pack()),
        }
        Ok(true)
    }

    fn replace(&mut self, at: usize, run: Run) {
        if let Some(slot) = self.runs.get_mut(at) {
            *slot = run.pack();
        }
    }

    /// Adds all places of another event's records.
    pub fn merge(&mut self, other: &Places) {
        for at in other.iter() {
            // What is in `other` is within the limits.
            let _ = self.push(at);
        }
    }

    /// The places of these records.
    pub fn of(records: &[RecordRef]) -> Result<Places, IndexError> {
        let mut places = Places::new();
        for &at in records {
            places.push(at)?;
        }
        Ok(places)
    }

    /// Every record, ascending.
    pub fn iter(&self) -> impl Iterator<Item = RecordRef> + '_ {
        self.runs.iter().flat_map(|&packed| {
            let run = Run::unpack(packed);
            (run.first..run.end())
                .map(move |record| RecordRef { leaf: run.leaf, record: u32::try_from(record).unwrap_or(u32::MAX) })
        })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|&packed| usize::try_from(Run::unpack(packed).count).unwrap_or(0)).sum()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether this record is among them.
    pub fn contains(&self, at: RecordRef) -> bool {
        let record = u64::from(at.record);
        let behind = self.runs.partition_point(|&packed| {
            let run = Run::unpack(packed);
            (run.leaf, run.first) <= (at.leaf, record)
        });
        let before = behind.checked_sub(1).and_then(|at| self.runs.get(at)).map(|&packed| Run::unpack(packed));
        before.is_some_and(|run| run.leaf == at.leaf && record < run.end())
    }

    /// The smallest log entry.
    pub fn leaf_first(&self) -> Option<u64> {
        self.runs.first().map(|&packed| leaf_of(packed))
    }

    /// The packed runs, for the index.
    pub(super) fn packed(&self) -> &[u64] {
        &self.runs
    }

    /// From packed runs as the index gives them back.
    pub(super) fn unpack(runs: impl Iterator<Item = u64>) -> Places {
        let mut places = Places { runs: runs.filter(|&packed| Run::unpack(packed).count > 0).collect() };
        places.runs.sort_unstable();
        places
    }
}

/// The log entry of a packed run.
pub(super) fn leaf_of(packed: u64) -> u64 {
    Run::unpack(packed).leaf
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_set_of_records(pushes in proptest::collection::vec((0u64..4, 0u32..40), 0..120)) {
            let mut places = Places::new();
            let mut set = BTreeSet::new();
            for (leaf, record) in pushes {
                let at = RecordRef { leaf, record };
                prop_assert_eq!(places.push(at).unwrap(), set.insert(at));
                prop_assert!(places.runs.is_sorted());
            }
            prop_assert_eq!(places.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(places.len(), set.len());
            prop_assert_eq!(places.leaf_first(), set.first().map(|at| at.leaf));
            for leaf in 0..4 {
                for record in 0..42 {
                    let at = RecordRef { leaf, record };
                    prop_assert_eq!(places.contains(at), set.contains(&at));
                }
            }
            // Runs are maximal, so that equal sets are equal values.
            let again = Places::of(&set.iter().rev().copied().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(&again, &places);
            prop_assert_eq!(Places::unpack(places.packed().iter().copied()), places);
        }
    }

    #[test]
    fn limits() {
        let mut places = Places::new();
        let largest = RecordRef { leaf: LEAF_MAX, record: RECORD_MAX };
        assert!(places.push(largest).unwrap());
        assert_eq!(places.iter().next(), Some(largest));
        for at in [RecordRef { leaf: LEAF_MAX + 1, record: 0 }, RecordRef { leaf: 0, record: RECORD_MAX + 1 }] {
            assert!(matches!(places.push(at), Err(IndexError::Place { .. })), "{at:?}");
        }
        let all: Vec<RecordRef> = (0..=RECORD_MAX).map(|record| RecordRef { leaf: 7, record }).collect();
        let full = Places::of(&all).unwrap();
        assert_eq!((full.len(), full.runs.len()), (4_095, 1));
    }

    #[test]
    fn merging_is_union() {
        let at = |leaf, record| RecordRef { leaf, record };
        let mut left = Places::of(&[at(1, 0), at(1, 1), at(3, 9)]).unwrap();
        left.merge(&Places::of(&[at(1, 2), at(3, 9), at(2, 0)]).unwrap());
        assert_eq!(left.iter().collect::<Vec<_>>(), [at(1, 0), at(1, 1), at(1, 2), at(2, 0), at(3, 9)]);
    }
}

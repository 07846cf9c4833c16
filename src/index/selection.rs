//! The events that matched, before it is known what is wanted of them.
//!
//! Not here: paging (`page`), commonest values (`top`), buckets of time (`hist`), which are methods on it too.

use super::bits::Docs;
use super::searcher::Searcher;
use super::segment::{Hit, Segment};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Events that are sorted by leaf at a time: 16 bytes each, twice over.
const SORTED_MAX: usize = 1 << 20;

/// The matching events of one commit, as sets of documents: one bit an event and segment.
#[derive(Debug, Clone)]
pub struct Selection {
    pub(super) searcher: Searcher,
    /// One set a segment, in the searcher's order; deleted documents are not in it.
    pub(super) parts: Vec<Docs>,
}

impl Selection {
    pub(super) fn segments(&self) -> impl Iterator<Item = (&Arc<Segment>, &Docs)> {
        self.searcher.inner.segments.iter().zip(&self.parts)
    }

    pub(super) fn hit(&self, at: u32, doc: u32) -> Option<Hit> {
        let segment = self.searcher.inner.segments.get(usize::try_from(at).ok()?)?;
        Some(segment.hit(doc))
    }

    /// Only events whose first record lies in log entry `from` or later, and before log entry `below`.
    pub fn of_leaves(mut self, from: Option<u64>, below: Option<u64>) -> Selection {
        for (segment, part) in self.searcher.inner.segments.iter().zip(&mut self.parts) {
            let among = std::mem::replace(part, Docs::None);
            *part = segment.of_leaves(from, below, among);
        }
        self
    }

    /// Only events with a record in log entry `from` or a later one: also those that were there, and got a further record.
    pub fn since_leaf(mut self, from: u64) -> Selection {
        for (segment, part) in self.searcher.inner.segments.iter().zip(&mut self.parts) {
            let among = std::mem::replace(part, Docs::None);
            *part = segment.since_leaf(from, among);
        }
        self
    }

    /// Number of events.
    pub fn count(&self) -> u64 {
        self.segments().map(|(segment, part)| part.count(segment.len())).sum()
    }

    /// Calls back with every event until told to stop: by the place of the first record, or as they are stored.
    pub fn for_each(&self, by_leaf: bool, each: &mut dyn FnMut(Hit) -> ControlFlow<()>) {
        if by_leaf {
            return self.for_each_by_leaf(SORTED_MAX, each);
        }
        for (segment, part) in self.segments() {
            if !part.each(0..segment.len(), &mut |doc| each(segment.hit(doc)).is_continue()) {
                return;
            }
        }
    }

    /// Rounds of at most `sorted_max` events each bound the memory, whatever the number of events.
    fn for_each_by_leaf(&self, sorted_max: usize, each: &mut dyn FnMut(Hit) -> ControlFlow<()>) {
        let mut done: Option<(u64, u32, u32)> = None;
        loop {
            let round = self.smallest_places(sorted_max, done);
            let Some(&last) = round.last() else { return };
            done = Some(last);
            for (_, at, doc) in round {
                if let Some(hit) = self.hit(at, doc)
                    && each(hit).is_break()
                {
                    return;
                }
            }
        }
    }

    /// The smallest (first place, segment, document) above `done`, ascending, at most `max`.
    fn smallest_places(&self, max: usize, done: Option<(u64, u32, u32)>) -> Vec<(u64, u32, u32)> {
        let mut round: Vec<(u64, u32, u32)> = Vec::new();
        for (at, (segment, part)) in (0u32..).zip(self.segments()) {
            part.each(0..segment.len(), &mut |doc| {
                let key = (segment.place_first(doc), at, doc);
                if done.is_none_or(|done| key > done) {
                    round.push(key);
                    if round.len() >= max.saturating_mul(2) {
                        round.select_nth_unstable(max);
                        round.truncate(max);
                    }
                }
                true
            });
        }
        round.sort_unstable();
        round.truncate(max);
        round
    }
}

#[cfg(test)]
impl Selection {
    /// The rounds of a walk by leaf, made small enough to be seen in a test.
    pub(super) fn leaves_in_rounds_of(&self, sorted_max: usize) -> Vec<Hit> {
        let mut found = Vec::new();
        self.for_each_by_leaf(sorted_max, &mut |hit| {
            found.push(hit);
            ControlFlow::Continue(())
        });
        found
    }
}

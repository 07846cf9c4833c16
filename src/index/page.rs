//! Events in order of time, a page at a time, touching only the blocks that can hold them.

use super::bits::Docs;
use super::segment::{Block, Hit, Segment};
use super::selection::Selection;
use super::{IndexError, Order};
use crate::model::EventId;
use std::collections::BinaryHeap;

/// Sort key and address: time, id, segment, document. For `Newest` time and id are inverted bitwise, which reverses
/// their order, so that both orders ascend.
type Candidate = (i64, u128, u32, u32);

struct Page {
    order: Order,
    after: Option<(i64, u128)>,
    limit: usize,
    /// The smallest keys so far, the largest of them on top; at most `limit`.
    best: BinaryHeap<Candidate>,
}

impl Selection {
    /// The first `limit` events behind `after`, in order. Equal times are ordered by id, so pages neither repeat nor skip.
    pub fn page(&self, order: Order, after: Option<(i64, EventId)>, limit: usize) -> Result<Vec<Hit>, IndexError> {
        self.searcher.guarded(|| Ok(self.page_of(order, after, limit)))
    }

    fn page_of(&self, order: Order, after: Option<(i64, EventId)>, limit: usize) -> Vec<Hit> {
        if limit == 0 {
            return Vec::new();
        }
        let after = after.map(|(when, id)| (turn(order, when), turn_id(order, id)));
        let mut page = Page { order, after, limit, best: BinaryHeap::new() };
        let mut blocks = Vec::new();
        for (at, (segment, part)) in (0u32..).zip(self.segments()) {
            if *part != Docs::None {
                blocks.extend(segment.blocks().iter().map(|block| (page.earliest(block), at, *block)));
            }
        }
        blocks.sort_unstable_by_key(|&(earliest, at, block)| (earliest, at, block.start));
        let parts: Vec<_> = self.segments().collect();
        for (earliest, at, block) in blocks {
            if page.is_full_before(earliest) {
                break;
            }
            if let Some((segment, part)) = usize::try_from(at).ok().and_then(|at| parts.get(at)) {
                page.look_at(segment, part, at, block);
            }
        }
        let sorted = page.best.into_sorted_vec();
        sorted.into_iter().filter_map(|(_, _, at, doc)| self.hit(at, doc)).collect()
    }
}

impl Page {
    /// The smallest turned time of a block.
    fn earliest(&self, block: &Block) -> i64 {
        match self.order {
            Order::Oldest => block.first,
            Order::Newest => !block.last,
        }
    }

    fn latest(&self, block: &Block) -> i64 {
        match self.order {
            Order::Oldest => block.last,
            Order::Newest => !block.first,
        }
    }

    /// Whether nothing from this time on can be among the best. An equal time still can, by its id.
    fn is_full_before(&self, earliest: i64) -> bool {
        self.best.len() >= self.limit && self.best.peek().is_some_and(|worst| earliest > worst.0)
    }

    fn look_at(&mut self, segment: &Segment, part: &Docs, at: u32, block: Block) {
        if self.after.is_some_and(|after| self.latest(&block) < after.0) {
            return;
        }
        part.each(block.docs(), &mut |doc| {
            let when = turn(self.order, segment.when(doc));
            if self.after.is_none_or(|after| when >= after.0) && !self.is_full_before(when) {
                self.offer((when, turn_id(self.order, segment.id(doc)), at, doc));
            }
            true
        });
    }

    fn offer(&mut self, candidate: Candidate) {
        if self.after.is_some_and(|after| (candidate.0, candidate.1) <= after) {
            return;
        }
        self.best.push(candidate);
        if self.best.len() > self.limit {
            self.best.pop();
        }
    }
}

fn turn(order: Order, when: i64) -> i64 {
    match order {
        Order::Oldest => when,
        Order::Newest => !when,
    }
}

fn turn_id(order: Order, id: EventId) -> u128 {
    match order {
        Order::Oldest => id.to_u128(),
        Order::Newest => !id.to_u128(),
    }
}

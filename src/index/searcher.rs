//! What can be asked of the index as of one commit.
//!
//! Inside: look-ups by id, selection by plan and window, and one-line forms of what a `Selection` answers.
//! Not here: paging (`page`), counting (`top`, `hist`); keeping up with new commits (`reader`).

use super::bits::Docs;
use super::guard::guarded;
use super::segment::{Hit, Segment};
use super::selection::Selection;
use super::{Field, IndexError, Order, Plan, Top, Window, eval};
use crate::model::{EventId, IdPrefix};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Events of which is learnt ahead, at most: about ten bytes of memory each.
const LEARNT_MAX: u64 = 30_000_000;

/// The index as of one commit; cheap to clone, and unchanged whatever is written afterwards.
#[derive(Clone)]
pub struct Searcher {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub dir: PathBuf,
    pub segments: Vec<Arc<Segment>>,
    pub covers: u64,
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Searcher({} segments, covers {})", self.inner.segments.len(), self.inner.covers)
    }
}

impl Searcher {
    /// Log entries that this commit covers: events of later ones are not found yet.
    pub fn covers(&self) -> u64 {
        self.inner.covers
    }

    /// Number of events.
    pub fn events(&self) -> u64 {
        self.inner.segments.iter().map(|segment| u64::from(segment.reader.num_docs())).sum()
    }

    /// The event of an id.
    pub fn find(&self, id: EventId) -> Result<Option<Hit>, IndexError> {
        self.find_with(|segment| segment.find(id))
    }

    /// The event of an id whose time is known: segments that do not span it are not asked.
    pub fn find_at(&self, id: EventId, when: i64) -> Result<Option<Hit>, IndexError> {
        self.find_with(|segment| if segment.spans(when) { segment.find_at(id, when) } else { Ok(None) })
    }

    fn find_with(&self, find: impl Fn(&Segment) -> Result<Option<u32>, IndexError>) -> Result<Option<Hit>, IndexError> {
        self.guarded(|| {
            for segment in &self.inner.segments {
                if let Some(doc) = find(segment)? {
                    return Ok(Some(segment.hit(doc)));
                }
            }
            Ok(None)
        })
    }

    /// Runs a question; one that meets a damaged file asks for a rebuild.
    pub(super) fn guarded<T>(&self, ask: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
        let damaged = || IndexError::Rebuild { dir: self.inner.dir.clone(), reason: "a file is damaged".to_owned() };
        guarded(ask).unwrap_or_else(|| Err(damaged()))
    }

    /// Learns ahead what the first look-ups of ids, times and values of these fields would otherwise have to, once for each segment: some 150 ns a value.
    /// The newest segments only, up to [`LEARNT_MAX`]: what is older is learnt when it is asked for.
    pub fn learn(&self, fields: &[&Field]) -> Result<(), IndexError> {
        let mut segments: Vec<&Arc<Segment>> = self.inner.segments.iter().collect();
        segments.sort_by_key(|segment| std::cmp::Reverse(segment.last()));
        let mut events = 0u64;
        for segment in segments {
            events = events.saturating_add(u64::from(segment.len()));
            if events > LEARNT_MAX {
                break;
            }
            self.guarded(|| segment.learn(fields))?;
        }
        Ok(())
    }

    /// The events whose ids start with a prefix: the `limit` smallest ids, ascending.
    pub fn find_prefix(&self, prefix: IdPrefix, limit: usize) -> Result<Vec<Hit>, IndexError> {
        self.guarded(|| {
            let mut smallest: BinaryHeap<(EventId, usize, u32)> = BinaryHeap::new();
            for (at, segment) in self.inner.segments.iter().enumerate() {
                segment.find_prefix(prefix, &mut |doc, id| {
                    smallest.push((id, at, doc));
                    if smallest.len() > limit {
                        smallest.pop();
                    }
                })?;
            }
            let hit = |(_, at, doc): (EventId, usize, u32)| Some(self.inner.segments.get(at)?.hit(doc));
            Ok(smallest.into_sorted_vec().into_iter().filter_map(hit).collect())
        })
    }

    /// The events that match: evaluated once, then asked several things.
    pub fn select(&self, plan: &Plan, window: Window) -> Result<Selection, IndexError> {
        self.guarded(|| {
            let mut parts = Vec::with_capacity(self.inner.segments.len());
            for segment in &self.inner.segments {
                let mut found = segment.within(window);
                if found != Docs::None {
                    found = found.and(eval::docs(plan, segment)?);
                }
                parts.push(segment.alive(found));
            }
            Ok(Selection { searcher: self.clone(), parts })
        })
    }

    /// One page of events in order: those behind `after`, at most `limit`. `leaf_at_least` keeps those whose first
    /// record lies at or above a log entry (`tail`), `tree_size` those whose first record lies below it (a cursor).
    #[expect(clippy::too_many_arguments, reason = "each is one independent condition of a page")]
    pub fn search(
        &self,
        plan: &Plan,
        window: Window,
        order: Order,
        after: Option<(i64, EventId)>,
        limit: usize,
        leaf_at_least: Option<u64>,
        tree_size: Option<u64>,
    ) -> Result<Vec<Hit>, IndexError> {
        let selection = self.select(plan, window)?.of_leaves(leaf_at_least, tree_size);
        selection.page(order, after, limit)
    }

    /// Number of matching events.
    pub fn count(&self, plan: &Plan, window: Window) -> Result<u64, IndexError> {
        Ok(self.select(plan, window)?.count())
    }

    /// The commonest values of the fields, together, among matching events.
    pub fn top(&self, plan: &Plan, window: Window, fields: &[&Field], limit: usize) -> Result<Top, IndexError> {
        self.select(plan, window)?.top(fields, limit)
    }

    /// Matching events a bucket of time: start of the bucket, count; ascending, empty ones left out.
    pub fn hist(&self, plan: &Plan, window: Window, width_ns: i64) -> Result<Vec<(i64, u64)>, IndexError> {
        self.select(plan, window)?.hist(width_ns)
    }

    /// Calls back with every matching event, by leaf or as they are stored.
    pub fn for_each(
        &self,
        plan: &Plan,
        window: Window,
        by_leaf: bool,
        each: &mut dyn FnMut(Hit) -> ControlFlow<()>,
    ) -> Result<(), IndexError> {
        self.select(plan, window)?.for_each(by_leaf, each);
        Ok(())
    }

    /// Times of the first and the last event.
    pub fn span(&self) -> Option<(i64, i64)> {
        let all = self.select(&Plan::Everything, Window::ALL).ok()?;
        let end = |order| all.page(order, None, 1).ok()?.first().map(|hit| hit.when);
        Some((end(Order::Oldest)?, end(Order::Newest)?))
    }
}

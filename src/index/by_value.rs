//! The events that have one rare value: straight from its postings, without a set of all documents.
//!
//! Made for join keys, of which an event is found by thousands a second. Not here: conditions of queries (`eval`).

use super::terms::Postings;
use super::{Field, Hit, IndexError, Order, Plan, Searcher, TermTest, Window, indexed_value, resolve};
use crate::model::EventId;
use std::collections::BTreeMap;

impl Searcher {
    /// The first `limit` events, in order of time and id, that have exactly this value and lie within a window.
    pub fn with_value(
        &self,
        field: &Field,
        value: &str,
        window: Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        self.guarded(|| {
            let mut segments: Vec<_> =
                self.inner.segments.iter().enumerate().filter(|(_, segment)| segment.meets(window)).collect();
            match order {
                Order::Oldest => segments.sort_by_key(|(_, segment)| segment.first()),
                Order::Newest => segments.sort_by_key(|(_, segment)| std::cmp::Reverse(segment.last())),
            }
            let mut found: Vec<(i64, EventId, usize, u32)> = Vec::new();
            for (at, segment) in segments {
                let beyond = |last: &(i64, EventId, usize, u32)| match order {
                    Order::Oldest => segment.first() > last.0,
                    Order::Newest => segment.last() < last.0,
                };
                if found.len() >= limit && found.last().is_none_or(beyond) {
                    break;
                }
                let Some(key) = segment.keys.of(field) else { continue };
                let index = segment.values(key)?;
                let info = segment.term(key, &index, indexed_value(value))?;
                let Some(info) = info else { continue };
                Postings::default().each(&index, &info, &mut |doc| {
                    if !segment.may_lie_in(doc, window) {
                        return;
                    }
                    let when = segment.when(doc);
                    if window.contains(when) && segment.is_alive(doc) {
                        found.push((when, segment.id(doc), at, doc));
                    }
                })?;
                found.sort_unstable();
                if order == Order::Newest {
                    found.reverse();
                }
                found.truncate(limit);
            }
            let hit = |(_, _, at, doc): (i64, _, usize, u32)| Some(self.inner.segments.get(at)?.hit(doc));
            Ok(found.into_iter().filter_map(hit).collect())
        })
    }

    /// What follows `prefix` in the values that a field has, in order, the first `limit`, each with the time (ns) of the first event that has it: from the
    /// dictionaries, without a look at any event. Values of events that were superseded may be among them.
    pub fn endings(&self, field: &Field, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, IndexError> {
        self.guarded(|| {
            let mut found: BTreeMap<String, i64> = BTreeMap::new();
            for segment in &self.inner.segments {
                for (ending, first) in segment.endings(field, prefix, limit)?.iter() {
                    found.entry(ending.clone()).and_modify(|known| *known = *first.min(known)).or_insert(*first);
                }
            }
            Ok(found.into_iter().take(limit).collect())
        })
    }

    /// Times of the first and the last event of a source; counted once a commit.
    pub fn source_span(&self, source: &str) -> Result<Option<(i64, i64)>, IndexError> {
        let known = |inner: &super::searcher::Inner| {
            let spans = inner.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            spans.get(source).copied()
        };
        if let Some(span) = known(&self.inner) {
            return Ok(span);
        }
        let fields = resolve("source").unwrap_or_default();
        let plan = Plan::Terms { fields, test: TermTest::Is(source.to_owned()) };
        let all = self.select(&plan, Window::ALL)?;
        let end = |order| Ok(all.page(order, None, 1)?.first().map(|hit| hit.when));
        let span = end(Order::Oldest)?.zip(end(Order::Newest)?);
        let mut spans = self.inner.spans.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        spans.insert(source.to_owned(), span);
        Ok(span)
    }
}

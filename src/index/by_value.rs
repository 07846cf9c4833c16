//! The events that have one rare value: straight from its postings, without a set of all documents.
//!
//! Made for join keys, of which an event is found by thousands a second. Not here: conditions of queries (`eval`).

use super::terms::Postings;
use super::{Field, Hit, IndexError, Order, Plan, Searcher, TermTest, Window, indexed_value, resolve};

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
            let mut found = Vec::new();
            for (at, segment) in self.inner.segments.iter().enumerate() {
                let Some(key) = segment.keys.of(field) else { continue };
                if !segment.meets(window) {
                    continue;
                }
                let index = segment.values(key)?;
                let info = index.terms().get(indexed_value(value)).map_err(IndexError::engine("looking a value up"))?;
                let Some(info) = info else { continue };
                Postings::default().each(&index, &info, &mut |doc| {
                    let when = segment.when(doc);
                    if window.contains(when) && segment.is_alive(doc) {
                        found.push((when, segment.id(doc), at, doc));
                    }
                })?;
            }
            found.sort_unstable();
            if order == Order::Newest {
                found.reverse();
            }
            found.truncate(limit);
            let hit = |(_, _, at, doc): (i64, _, usize, u32)| Some(self.inner.segments.get(at)?.hit(doc));
            Ok(found.into_iter().filter_map(hit).collect())
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

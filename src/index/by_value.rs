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

    /// Times of the first and the last event of a source; found once for each segment.
    pub fn source_span(&self, source: &str) -> Result<Option<(i64, i64)>, IndexError> {
        let fields = resolve("source").unwrap_or_default();
        let plan = Plan::Terms { fields, test: TermTest::Is(source.to_owned()) };
        self.guarded(|| {
            let mut all: Option<(i64, i64)> = None;
            for segment in &self.inner.segments {
                let Some((first, last)) = segment.span_of(source, &plan)? else { continue };
                all = Some(all.map_or((first, last), |(start, end)| (start.min(first), end.max(last))));
            }
            Ok(all)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::IndexStore;
    use super::super::tests::{HEAP, event, places};
    use crate::model::{Event, Source};
    use std::collections::HashMap;

    #[test]
    fn the_span_of_a_source_is_that_of_the_events_that_there_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = IndexStore::open(dir.path(), HEAP).unwrap();
        let mut known: HashMap<u64, (Source, i64)> = HashMap::new();
        let mut chance = 1u64;
        let mut dice = |below: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % below
        };
        assert_eq!(store.searcher().source_span("linux").unwrap(), None);
        for commit in 1..40u64 {
            for _ in 0..dice(1_000) {
                let id = dice(30_000);
                let source = if dice(300) == 0 { Source::Kubernetes } else { Source::Linux };
                let when = i64::try_from(commit * 1_000 + dice(1_500)).unwrap() - 20_000;
                if let Some((_, when)) = known.remove(&id) {
                    store.remove(event(u128::from(id), when, "a", &[]).id, when).unwrap();
                    continue;
                }
                let event = Event { source, ..event(u128::from(id), when, "a", &[]) };
                known.insert(id, (source, when));
                store.put(&event, &places(&[(id, 0)]), false).unwrap();
            }
            store.commit(commit).unwrap();
            for source in [Source::Linux, Source::Kubernetes, Source::Kubelet] {
                let times = || known.values().filter(|(of, _)| *of == source).map(|(_, when)| *when);
                let expected = times().min().zip(times().max());
                assert_eq!(store.searcher().source_span(source.name()).unwrap(), expected, "{commit} {source:?}");
            }
        }
    }
}

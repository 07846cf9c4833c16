//! Conditions on raw records, decided early: whole frames of the log are searched before any record is taken out of them, and records before
//! their event is made.
//!
//! A frame holds its records as they are, one behind the other, so what is in a record is in its frame; that is used only for conditions that do not look
//! beyond what they match (no `^`, `$`, `\b`). Not here: what a condition means (`matches`).

use super::answer::AnswerError;
use super::engine::View;
use super::plan::plan;
use super::{Filter, RawTest};
use crate::index::Hit;
use crate::query::load::Loaded;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Batches from which on it pays to search them on all processors before anything else.
const BATCHES_MIN: u64 = 64;
/// Events to look at for each batch of the log, below which most batches hold none of them: then each is searched when its turn comes. A batch of 1,000
/// records holds some 200.
const EVENTS_MIN: u64 = 32;

/// The conditions on raw records that every match satisfies.
#[derive(Debug, Default)]
pub struct Early {
    tests: Vec<RawTest>,
    /// Those that may be tried on a frame.
    on_frames: Vec<RawTest>,
    /// The index and these conditions decide the whole filter.
    pub decides: bool,
    /// What was found out about batches.
    known: Mutex<HashMap<u64, bool>>,
}

impl Early {
    /// Of a filter.
    pub fn of(filter: &Filter) -> Early {
        let parts = match filter {
            Filter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut early = Early { decides: true, ..Early::default() };
        for part in parts {
            match part {
                Filter::Raw(test) => {
                    early.on_frames.extend(looks_no_further(test).then(|| test.clone()));
                    early.tests.push(test.clone());
                }
                other => early.decides &= plan(other).exact,
            }
        }
        early.decides &= !early.tests.is_empty();
        early
    }

    /// Whether the records of an event leave it open that it matches.
    pub fn holds(&self, records: &[Loaded]) -> bool {
        self.tests.iter().all(|test| records.iter().any(|record| test.holds(&record.bytes)))
    }

    /// Whether the batches of an event leave it open.
    pub fn may_hold(&self, view: &View, hit: &Hit) -> Result<bool, AnswerError> {
        if self.on_frames.is_empty() {
            return Ok(true);
        }
        let mut last = None;
        for place in hit.places.iter() {
            if last != Some(place.leaf) {
                last = Some(place.leaf);
                if self.batch(view, place.leaf)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn batch(&self, view: &View, leaf: u64) -> Result<bool, AnswerError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&leaf).copied();
        if let Some(found) = before {
            return Ok(found);
        }
        let found = self.search(view, leaf)?;
        known().insert(leaf, found);
        Ok(found)
    }

    fn search(&self, view: &View, leaf: u64) -> Result<bool, AnswerError> {
        view.in_time()?;
        // Damage is told by whoever needs a record of it.
        let Ok(entry) = view.reader.entry(leaf) else { return Ok(true) };
        // A record in parts is whole in no frame.
        if entry.header.continues || entry.header.goes_on {
            return Ok(true);
        }
        // Two conditions may hold in two records of one event that lie in two batches: one of them is enough to look closer.
        let mut found = false;
        let searched = view.reader.frames(leaf, &mut |frame| {
            found = found || self.on_frames.iter().any(|test| test.holds(frame));
        });
        Ok(found || searched.is_err())
    }

    /// Searches all batches at once, on all processors, where so many events are to be looked at that nearly every batch has its turn anyway.
    pub fn prepare(&self, view: &View, events: u64) -> Result<(), AnswerError> {
        let size = view.searcher.covers();
        if self.on_frames.is_empty() || size < BATCHES_MIN || events / EVENTS_MIN < size {
            return Ok(());
        }
        let next = AtomicU64::new(0);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let work = || -> Result<(), AnswerError> {
            loop {
                let leaf = next.fetch_add(1, Ordering::Relaxed);
                if leaf >= size {
                    return Ok(());
                }
                self.batch(view, leaf)?;
            }
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(AnswerError::Limit("a search of raw records failed".to_owned())))
            })
        })
    }
}

/// Whether a condition that holds for a piece of bytes holds for all bytes that contain it.
fn looks_no_further(test: &RawTest) -> bool {
    match test {
        RawTest::Contains(_) => true,
        RawTest::Regex(regex) => {
            let parsed = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex.as_str());
            parsed.is_ok_and(|hir| hir.properties().look_set().is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_no_further_is_tried_on_frames() {
        let regex = |text: &str| RawTest::Regex(regex::bytes::Regex::new(text).unwrap());
        for text in ["a.*b", "[^a]b{3}", "(?i)x|\\x1d", "\\w+\\s"] {
            assert!(looks_no_further(&regex(text)), "{text}");
        }
        for text in ["^a", "a$", "\\ba", "a\\B", "\\Aa", "(?m)^a", "x|y\\z", "\\b{start}a"] {
            assert!(!looks_no_further(&regex(text)), "{text}");
        }
        assert!(looks_no_further(&RawTest::Contains(b"^".to_vec())));
    }
}

//! Conditions on raw records, decided early: whole frames of the log are searched before any record is taken out of them, and records before
//! their event is made.
//!
//! A frame holds its records as they are, one behind the other, so what is in a record is in its frame: conditions that do not look beyond what they
//! match (no `^`, `$`, `\b`) find their records from match to match, the others are tried on each record of it. Not here: what a condition means (`matches`).

use super::answer::AnswerError;
use super::engine::View;
use super::plan::plan;
use super::{Filter, RawTest};
use crate::evidence::{FrameRecords, RECORDS_MAX};
use crate::index::Hit;
use crate::query::load::Loaded;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Batches from which on it pays to search them on all processors before anything else.
const BATCHES_MIN: u64 = 64;
/// Events to look at for each batch of the log, below which most batches hold none of them: then each is searched when its turn comes. A batch of 1,000
/// records holds some 200.
const EVENTS_MIN: u64 = 32;

/// What the conditions say of a batch.
#[derive(Debug, Clone)]
enum Marks {
    /// Its records have to be looked at one by one.
    Open,
    /// None of them holds for any of its records: most batches of most questions.
    Nowhere,
    /// A bit for each record, condition after condition; as long as the batch, since a log of small batches has many.
    Records(Arc<[u64]>),
}

impl Marks {
    /// Whether the condition of that number, of so many, holds for a record.
    fn holds(&self, (test, tests): (usize, usize), record: u32) -> bool {
        let Marks::Records(words) = self else { return false };
        let record = usize::try_from(record).unwrap_or(usize::MAX);
        let width = words.len() / tests.max(1);
        let word = (record / 64 < width).then(|| words.get(test * width + record / 64)).flatten();
        word.is_some_and(|word| word >> (record % 64) & 1 == 1)
    }
}

/// What is known of an event before its records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Some condition holds for none of its records.
    No,
    /// Each condition holds for a record of it.
    Yes,
    /// Its records decide.
    Open,
}

/// The conditions on raw records that every match satisfies.
#[derive(Debug, Default)]
pub struct Early {
    tests: Vec<RawTest>,
    /// Which of them may be tried on a frame.
    on_frames: Vec<bool>,
    /// The index and these conditions decide the whole filter.
    pub decides: bool,
    /// What was found out about batches.
    known: Mutex<HashMap<u64, Marks>>,
    /// All batches have been searched.
    prepared: AtomicBool,
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
                    early.on_frames.push(looks_no_further(test));
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

    /// What the batches say of an event.
    pub fn verdict(&self, view: &View, hit: &Hit) -> Result<Verdict, AnswerError> {
        if self.tests.is_empty() {
            return Ok(Verdict::Yes);
        }
        // A batch is searched for the sake of one event only where its frames can be passed over.
        if !self.prepared.load(Ordering::Relaxed) && !self.on_frames.contains(&true) {
            return Ok(Verdict::Open);
        }
        let mut missing = vec![true; self.tests.len()];
        let mut last: Option<(u64, Marks)> = None;
        for place in hit.places.iter() {
            let marks = match &last {
                Some((leaf, marks)) if *leaf == place.leaf => marks,
                _ => &last.insert((place.leaf, self.batch(view, place.leaf)?)).1,
            };
            if let Marks::Open = marks {
                return Ok(Verdict::Open);
            }
            let tests = missing.len();
            for (test, missing) in missing.iter_mut().enumerate() {
                *missing &= !marks.holds((test, tests), place.record);
            }
        }
        Ok(if missing.contains(&true) { Verdict::No } else { Verdict::Yes })
    }

    fn batch(&self, view: &View, leaf: u64) -> Result<Marks, AnswerError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known().get(&leaf).cloned();
        if let Some(marks) = before {
            return Ok(marks);
        }
        let marks = self.search(view, leaf)?;
        known().insert(leaf, marks.clone());
        Ok(marks)
    }

    fn search(&self, view: &View, leaf: u64) -> Result<Marks, AnswerError> {
        view.in_time()?;
        // Damage is told by whoever needs a record of it.
        let Ok(entry) = view.reader.entry(leaf) else { return Ok(Marks::Open) };
        // A record in parts is whole in no batch.
        if entry.header.continues || entry.header.goes_on {
            return Ok(Marks::Open);
        }
        let width = usize::try_from(entry.header.records).unwrap_or(RECORDS_MAX).min(RECORDS_MAX).div_ceil(64);
        let mut words = vec![0u64; width * self.tests.len()];
        let searched = view.reader.frames(leaf, &mut |frame| {
            for ((test, &on_frames), words) in
                self.tests.iter().zip(&self.on_frames).zip(words.chunks_mut(width.max(1)))
            {
                let mut mark = |number| set(words, frame.first + number);
                if on_frames { in_frame(test, frame, &mut mark) } else { in_each(test, frame, &mut mark) }
            }
        });
        Ok(match searched {
            Err(_) => Marks::Open,
            Ok(()) if words.iter().all(|word| *word == 0) => Marks::Nowhere,
            Ok(()) => Marks::Records(words.into()),
        })
    }

    /// Searches all batches at once, on all processors, where so many events are to be looked at that nearly every batch has its turn anyway.
    pub fn prepare(&self, view: &View, events: u64) -> Result<(), AnswerError> {
        let size = view.searcher.covers();
        let is_done = self.prepared.load(Ordering::Relaxed);
        if is_done || self.tests.is_empty() || size < BATCHES_MIN || events / EVENTS_MIN < size {
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
        })?;
        self.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }
}

fn set(words: &mut [u64], number: usize) {
    if let Some(word) = words.get_mut(number / 64) {
        *word |= 1 << (number % 64);
    }
}

/// Tries each record of a frame.
fn in_each(test: &RawTest, frame: FrameRecords<'_>, mark: &mut dyn FnMut(usize)) {
    let FrameRecords { bytes, ends, .. } = frame;
    let mut start = 0;
    for (number, &end) in ends.iter().enumerate() {
        // A redacted record has no bytes, which say nothing.
        if start < end && test.holds(bytes.get(start..end).unwrap_or_default()) {
            mark(number);
        }
        start = end;
    }
}

/// The same for a condition that looks no further than its match: only records in which a match begins are tried, since one that lies within a record
/// begins in it.
fn in_frame(test: &RawTest, frame: FrameRecords<'_>, mark: &mut dyn FnMut(usize)) {
    let FrameRecords { bytes, ends, .. } = frame;
    let mut from = 0;
    while let Some(at) = test.find_at(bytes, from) {
        let number = ends.partition_point(|&end| end <= at);
        let Some(&end) = ends.get(number) else { return };
        let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
        if test.holds(bytes.get(start..end).unwrap_or_default()) {
            mark(number);
        }
        from = end;
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

    /// Either way of trying the records of a frame.
    type Way = fn(&RawTest, FrameRecords<'_>, &mut dyn FnMut(usize));

    #[test]
    fn a_frame_says_what_its_records_say() {
        let frame = FrameRecords { first: 0, bytes: b"one a\ntwo b\nab\n\nlast a", ends: &[6, 12, 15, 16, 22] };
        let found = |test: &RawTest, by: Way| {
            let mut found = Vec::new();
            by(test, frame, &mut |number| found.push(number));
            found
        };
        // Matches that begin in a record and end in the next, alone or before one that lies within.
        for text in ["a", "b", "a\\nt", "[^x]*b", "o(?s:.)*b", "b?\\n", "a|two", "z", "x*", "\\n\\n"] {
            let test = RawTest::Regex(regex::bytes::Regex::new(text).unwrap());
            assert!(looks_no_further(&test));
            assert_eq!(found(&test, in_frame), found(&test, in_each), "{text}");
        }
        let test = RawTest::Contains(b"b\n".to_vec());
        assert_eq!(found(&test, in_frame), [1, 2]);
        assert_eq!(found(&test, in_each), [1, 2]);
    }

    #[test]
    fn marks_of_two_conditions() {
        let mut words = vec![0u64; 4];
        words.chunks_mut(2).zip([3, 70]).for_each(|(words, number)| set(words, number));
        let marks = Marks::Records(words.into());
        let found = |test| (0..200).filter(|record| marks.holds((test, 2), *record)).collect::<Vec<_>>();
        assert_eq!((found(0), found(1)), (vec![3], vec![70]), "no record of one is taken for one of the other");
        assert!(!Marks::Nowhere.holds((0, 1), 3) && !Marks::Open.holds((0, 1), 3));
    }

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

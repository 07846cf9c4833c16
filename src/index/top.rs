//! The commonest values of a field: dictionaries walked side by side, postings counted against the selection.
//!
//! Memory is one term a dictionary and `limit` results, however many distinct values there are.

use super::bits::Docs;
use super::segment::Segment;
use super::selection::Selection;
use super::terms::{Postings, scan};
use super::{Field, IndexError};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use tantivy::index::InvertedIndexReader;
use tantivy::termdict::TermStreamer;

/// The commonest values of some fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Top {
    /// Value and number of events that have it, most first; equal counts by value. Values are cut at
    /// [`super::VALUE_BYTES_MAX`] bytes.
    pub values: Vec<(String, u64)>,
    /// Number of distinct values, listed or not.
    pub distinct: u64,
    /// Sum of the counts of those that are not listed. An event with several values counts at each.
    pub others: u64,
}

/// One dictionary: a field of a segment.
struct Source<'a> {
    segment: &'a Segment,
    part: &'a Docs,
    values: Arc<InvertedIndexReader>,
}

struct Best {
    limit: usize,
    /// The commonest so far, the least common of them on top.
    heap: BinaryHeap<(Reverse<u64>, Vec<u8>)>,
    top: Top,
}

impl Selection {
    /// The commonest values of the fields, together. An event that has one value in two of the fields counts once.
    pub fn top(&self, fields: &[&Field], limit: usize) -> Result<Top, IndexError> {
        self.searcher.guarded(|| self.top_of(fields, limit))
    }

    fn top_of(&self, fields: &[&Field], limit: usize) -> Result<Top, IndexError> {
        let mut sources = Vec::new();
        for (segment, part) in self.segments().filter(|(_, part)| **part != Docs::None) {
            for key in fields.iter().filter_map(|field| segment.keys.of(field)) {
                sources.push(Source { segment, part, values: segment.values(key)? });
            }
        }
        let mut best = Best { limit, heap: BinaryHeap::new(), top: Top::default() };
        merge(&sources, &mut |value, count| best.offer(value, count))?;
        Ok(best.done())
    }
}

/// Calls back with every value that some selected event has, ascending, and its number of events.
fn merge(sources: &[Source<'_>], each: &mut dyn FnMut(&[u8], u64)) -> Result<(), IndexError> {
    let mut streams: Vec<TermStreamer<'_>> =
        sources.iter().map(|source| scan(&source.values, "")).collect::<Result<_, _>>()?;
    let mut next: BinaryHeap<Reverse<(Vec<u8>, usize)>> = BinaryHeap::new();
    for (at, stream) in streams.iter_mut().enumerate() {
        if stream.advance() {
            next.push(Reverse((stream.key().to_vec(), at)));
        }
    }
    let mut postings = Postings::default();
    // The streams that stand at one value, and their copies of it, which are written over by the next.
    let (mut group, mut copies) = (Vec::new(), Vec::new());
    while let Some(Reverse((value, at))) = next.pop() {
        group.push(at);
        if next.peek().is_some_and(|Reverse((other, _))| *other == value) {
            copies.push(value);
            continue;
        }
        let count = count_group(sources, &streams, &group, &mut postings)?;
        if count > 0 {
            each(&value, count);
        }
        copies.push(value);
        for (at, mut copy) in group.drain(..).zip(copies.drain(..)) {
            if let Some(stream) = streams.get_mut(at)
                && stream.advance()
            {
                copy.clear();
                copy.extend_from_slice(stream.key());
                next.push(Reverse((copy, at)));
            }
        }
    }
    Ok(())
}

/// The number of events that have the value at which the streams of a group stand. Sources of one segment are neighbours.
fn count_group(
    sources: &[Source<'_>],
    streams: &[TermStreamer<'_>],
    group: &[usize],
    postings: &mut Postings,
) -> Result<u64, IndexError> {
    let mut count = 0;
    let of = |at: usize| sources.get(at).zip(streams.get(at));
    let same_segment = |left: &usize, right: &usize| {
        let segment = |at: usize| sources.get(at).map(|source| std::ptr::from_ref(source.segment));
        segment(*left) == segment(*right)
    };
    for of_segment in group.chunk_by(same_segment) {
        if let [only] = of_segment {
            let Some((source, stream)) = of(*only) else { continue };
            if *source.part == Docs::All && !source.segment.reader.has_deletes() {
                count += u64::from(stream.value().doc_freq);
            } else {
                postings.each(&source.values, stream.value(), &mut |doc| {
                    count += u64::from(source.part.contains(doc));
                })?;
            }
            continue;
        }
        let mut docs = Vec::new();
        for (source, stream) in of_segment.iter().filter_map(|at| of(*at)) {
            postings.each(&source.values, stream.value(), &mut |doc| {
                if source.part.contains(doc) {
                    docs.push(doc);
                }
            })?;
        }
        docs.sort_unstable();
        docs.dedup();
        count += u64::try_from(docs.len()).unwrap_or(0);
    }
    Ok(count)
}

impl Best {
    fn offer(&mut self, value: &[u8], count: u64) {
        self.top.distinct += 1;
        let worse_than_all = self.heap.peek().is_some_and(|(Reverse(least), _)| count <= *least);
        if self.heap.len() >= self.limit && worse_than_all {
            // Values come in ascending order, so an equal count stands behind those that are there.
            self.top.others = self.top.others.saturating_add(count);
            return;
        }
        self.heap.push((Reverse(count), value.to_vec()));
        if self.heap.len() > self.limit
            && let Some((Reverse(least), _)) = self.heap.pop()
        {
            self.top.others = self.top.others.saturating_add(least);
        }
    }

    fn done(mut self) -> Top {
        let listed = self.heap.into_sorted_vec().into_iter();
        self.top.values =
            listed.map(|(Reverse(count), value)| (String::from_utf8_lossy(&value).into_owned(), count)).collect();
        self.top
    }
}

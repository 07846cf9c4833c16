//! One segment of the index as it is read: its columns, its values, and bounds of time for every 1,024 documents.
//!
//! Documents lie in the order in which they were added, which is nearly the order of time. With the bounds, "newest
//! first" and spans of time touch only the blocks that can hold an answer, without the index being sorted.

use super::bits::{Bits, Docs};
use super::fields::FIELDS;
use super::filter::{Filter, Values};
use super::places::leaf_of;
use super::schema::{self, BUCKET_SHIFT, Keys, bucket, halves, id_of};
use super::terms::{Postings, scan};
use super::{Field, IndexError, Places, Plan, Window, eval};
use crate::model::{EventId, IdPrefix};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tantivy::SegmentReader;
use tantivy::columnar::{Column, ColumnValues};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;

/// Documents of a block.
const BLOCK: u32 = 1_024;

/// An event as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Its id.
    pub id: EventId,
    /// `when.event` in nanoseconds since 1970; with `id` the sort key.
    pub when: i64,
    /// Where its records are.
    pub places: Places,
}

/// A range of documents and the span of their times, both ends included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub start: u32,
    pub end: u32,
    pub first: i64,
    pub last: i64,
}

impl Block {
    pub fn docs(self) -> Range<u32> {
        self.start..self.end
    }
}

/// Scans of dictionaries that are kept, of each segment.
const SCANS_MAX: usize = 4_096;

/// Look-ups that are kept, of each segment.
const TERMS_MAX: usize = 1_024;

/// The field, the prefix and the limit of a scan.
type Scan = (tantivy::schema::Field, String, usize);

/// What was learnt of a segment's documents and dictionaries, when it was first needed; shared between the versions of a segment, whose deletions alone
/// differ.
pub(super) struct Learnt {
    blocks: OnceLock<Vec<Block>>,
    scans: Cache<Scan, Arc<[(String, i64)]>>,
    /// Terms that were looked up, found or not.
    terms: Cache<(tantivy::schema::Field, String), Option<TermInfo>>,
    /// The lower halves of all ids.
    ids: OnceLock<Filter>,
    /// Of each field, in the order of the schema.
    values: Vec<Values>,
}

impl Default for Learnt {
    fn default() -> Learnt {
        let values = FIELDS.iter().map(|_| Values::default()).collect();
        let (scans, terms) = (Cache::new(SCANS_MAX), Cache::new(TERMS_MAX));
        Learnt { blocks: OnceLock::new(), scans, terms, ids: OnceLock::new(), values }
    }
}

impl Learnt {
    fn of(&self, field: tantivy::schema::Field) -> Option<&Values> {
        usize::try_from(field.field_id()).ok().and_then(|at| self.values.get(at))
    }
}

pub(super) struct Segment {
    pub reader: SegmentReader,
    pub keys: Arc<Keys>,
    pub learnt: Arc<Learnt>,
    when: Arc<dyn ColumnValues<i64>>,
    id_high: Arc<dyn ColumnValues<u64>>,
    id_low: Arc<dyn ColumnValues<u64>>,
    place: Column<u64>,
    /// Of each source that was asked for: not among what is learnt, as deletions change it.
    sources: Mutex<HashMap<String, Option<(i64, i64)>>>,
}

impl Segment {
    pub fn open(reader: SegmentReader, keys: Arc<Keys>, learnt: Arc<Learnt>) -> tantivy::Result<Segment> {
        let columns = reader.fast_fields();
        Ok(Segment {
            when: columns.column_first_or_default::<i64>(schema::WHEN)?,
            id_high: columns.column_first_or_default::<u64>(schema::ID_HIGH)?,
            id_low: columns.column_first_or_default::<u64>(schema::ID_LOW)?,
            place: columns.u64(schema::PLACE)?,
            sources: Mutex::default(),
            reader,
            keys,
            learnt,
        })
    }

    /// Documents, deleted ones included.
    pub fn len(&self) -> u32 {
        self.reader.max_doc()
    }

    /// Terms and postings of a field.
    pub fn values(&self, field: tantivy::schema::Field) -> Result<Arc<InvertedIndexReader>, IndexError> {
        self.reader.inverted_index(field).map_err(IndexError::engine("opening a field"))
    }

    /// Where the postings of this very value of a field lie; `None` when the field does not have it.
    pub fn term(
        &self,
        field: tantivy::schema::Field,
        index: &InvertedIndexReader,
        value: &str,
    ) -> Result<Option<TermInfo>, IndexError> {
        if let Some(values) = self.learnt.of(field)
            && !values.may_hold(index, value)?
        {
            return Ok(None);
        }
        let asked = (field, value.to_owned());
        if let Some(known) = self.learnt.terms.get(&asked) {
            return Ok(known);
        }
        let found = index.terms().get(value).map_err(IndexError::engine("looking a value up"))?;
        self.learnt.terms.insert(asked, found.clone());
        Ok(found)
    }

    /// Learns ahead what the first look-ups of ids, times and these fields would have to.
    pub fn learn(&self, fields: &[&Field]) -> Result<(), IndexError> {
        self.blocks();
        self.ids();
        for key in fields.iter().filter_map(|field| self.keys.of(field)) {
            if let Some(values) = self.learnt.of(key) {
                values.learn(&*self.values(key)?)?;
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub fn has_learnt(&self, field: &Field) -> bool {
        let values = self.keys.of(field).and_then(|key| self.learnt.of(key));
        values.is_some_and(Values::is_learnt) && self.learnt.ids.get().is_some() && self.learnt.blocks.get().is_some()
    }

    /// Whether an id may be here; `false` is certain.
    fn may_hold_id(&self, low: u64) -> bool {
        self.ids().may_hold(low)
    }

    fn ids(&self) -> &Filter {
        self.learnt.ids.get_or_init(|| {
            let len = usize::try_from(self.len()).unwrap_or(0);
            let (mut filter, mut lows) = (Filter::of(len), Vec::new());
            for start in (0..self.len()).step_by(usize::try_from(BLOCK).unwrap_or(1)) {
                lows.resize(usize::try_from(BLOCK.min(self.len() - start)).unwrap_or(0), 0);
                self.id_low.get_range(u64::from(start), &mut lows);
                lows.iter().for_each(|&low| filter.insert(low));
            }
            filter
        })
    }

    pub fn when(&self, doc: u32) -> i64 {
        self.when.get_val(doc)
    }

    /// Times of consecutive documents; `range` lies within the segment.
    pub fn whens(&self, range: Range<u32>, into: &mut Vec<i64>) {
        into.clear();
        into.resize(range.len(), 0);
        self.when.get_range(u64::from(range.start), into);
    }

    pub fn id(&self, doc: u32) -> EventId {
        id_of(self.id_high.get_val(doc), self.id_low.get_val(doc))
    }

    pub fn leaf_first(&self, doc: u32) -> u64 {
        self.place.first(doc).map_or(0, leaf_of)
    }

    /// First run of a document: ascends with leaf and record.
    pub fn place_first(&self, doc: u32) -> u64 {
        self.place.first(doc).unwrap_or(0)
    }

    pub fn hit(&self, doc: u32) -> Hit {
        let places = Places::unpack(self.place.values_for_doc(doc));
        Hit { id: self.id(doc), when: self.when(doc), places }
    }

    pub fn blocks(&self) -> &[Block] {
        self.learnt.blocks.get_or_init(|| {
            let mut times = Vec::new();
            let starts = (0..self.len()).step_by(usize::try_from(BLOCK).unwrap_or(1));
            let block = |start: u32| {
                let end = start.saturating_add(BLOCK).min(self.len());
                self.whens(start..end, &mut times);
                let (first, last) = (times.iter().min(), times.iter().max());
                Block { start, end, first: *first.unwrap_or(&0), last: *last.unwrap_or(&0) }
            };
            starts.map(block).collect()
        })
    }

    fn block(&self, doc: u32) -> Option<&Block> {
        usize::try_from(doc / BLOCK).ok().and_then(|at| self.blocks().get(at))
    }

    /// Whether the block of a document meets a window: a look that costs less than the time of the document itself.
    pub fn may_lie_in(&self, doc: u32, window: Window) -> bool {
        window == Window::ALL || self.block(doc).is_some_and(|block| window.meets(block.first, block.last))
    }

    /// What follows `prefix` in the values of a field, in order, the first `limit`, each with the time of its first document.
    pub fn endings(&self, field: &Field, prefix: &str, limit: usize) -> Result<Arc<[(String, i64)]>, IndexError> {
        let Some(key) = self.keys.of(field) else { return Ok(Arc::default()) };
        let index = self.values(key)?;
        if let Some(values) = self.learnt.of(key)
            && !values.may_begin(&index, prefix)?
        {
            return Ok(Arc::default());
        }
        let asked = (key, prefix.to_owned(), limit);
        if let Some(found) = self.learnt.scans.get(&asked) {
            return Ok(found);
        }
        let mut terms = scan(&index, prefix)?;
        let (mut found, mut postings) = (Vec::new(), Postings::default());
        while found.len() < limit && terms.advance() {
            let ending = terms.key().get(prefix.len()..).unwrap_or_default();
            let mut first = i64::MAX;
            postings.each(&index, terms.value(), &mut |doc| first = first.min(self.when(doc)))?;
            found.push((String::from_utf8_lossy(ending).into_owned(), first));
        }
        let found: Arc<[(String, i64)]> = found.into();
        self.learnt.scans.insert(asked, Arc::clone(&found));
        Ok(found)
    }

    /// Times of the first and the last document of a source, which `plan` selects.
    pub fn span_of(&self, source: &str, plan: &Plan) -> Result<Option<(i64, i64)>, IndexError> {
        let known = || self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(span) = known().get(source) {
            return Ok(*span);
        }
        let found = self.alive(eval::docs(plan, self)?);
        // Backwards in time both are first ones; blocks that begin behind what was found have none before it.
        let first = |turn: fn(i64) -> i64| {
            let mut blocks: Vec<(i64, &Block)> =
                self.blocks().iter().map(|block| (turn(block.first).min(turn(block.last)), block)).collect();
            blocks.sort_unstable_by_key(|(begins, _)| *begins);
            let mut first: Option<i64> = None;
            for (begins, block) in blocks {
                if first.is_some_and(|first| first <= begins) {
                    break;
                }
                found.each(block.docs(), &mut |doc| {
                    let when = turn(self.when(doc));
                    first = Some(first.map_or(when, |first| first.min(when)));
                    true
                });
            }
            first
        };
        let span = first(|when| when).zip(first(|when| !when).map(|when| !when));
        known().insert(source.to_owned(), span);
        Ok(span)
    }

    /// Whether a time lies between the segment's earliest and latest.
    pub fn spans(&self, when: i64) -> bool {
        self.len() > 0 && (self.first()..=self.last()).contains(&when)
    }

    /// At least the time of the first document.
    pub fn first(&self) -> i64 {
        self.when.min_value()
    }

    /// At most the time of the last document.
    pub fn last(&self) -> i64 {
        self.when.max_value()
    }

    /// Whether a window may hold a document of it.
    pub fn meets(&self, window: Window) -> bool {
        self.len() > 0 && window.meets(self.first(), self.last())
    }

    /// Whether a document was not deleted.
    pub fn is_alive(&self, doc: u32) -> bool {
        self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc))
    }

    /// The documents within a window.
    pub fn within(&self, window: Window) -> Docs {
        if window == Window::ALL || self.len() == 0 {
            return Docs::All;
        }
        if window.contains(self.first()) && window.contains(self.last()) {
            return Docs::All;
        }
        if !self.meets(window) {
            return Docs::None;
        }
        let mut found = Bits::none(self.len());
        let mut times = Vec::new();
        for block in self.blocks() {
            if window.contains(block.first) && window.contains(block.last) {
                found.insert_range(block.docs());
                continue;
            }
            if !window.meets(block.first, block.last) {
                continue;
            }
            self.whens(block.docs(), &mut times);
            let inside = block.docs().zip(&times).filter(|(_, when)| window.contains(**when));
            inside.for_each(|(doc, _)| found.insert(doc));
        }
        Docs::of(found)
    }

    /// The documents whose first record lies in a range of leaves.
    pub fn of_leaves(&self, from: Option<u64>, below: Option<u64>, among: Docs) -> Docs {
        let (smallest, largest) = (leaf_of(self.place.min_value()), leaf_of(self.place.max_value()));
        // The column's bounds are those of all runs, so they settle the common cases without looking at documents.
        let from = from.filter(|&from| smallest < from);
        let below = below.filter(|&below| largest >= below);
        if from.is_none() && below.is_none() {
            return among;
        }
        if from.is_some_and(|from| largest < from) || below.is_some_and(|below| smallest >= below) {
            return Docs::None;
        }
        let mut found = Bits::none(self.len());
        among.each(0..self.len(), &mut |doc| {
            let leaf = self.leaf_first(doc);
            if from.is_none_or(|from| leaf >= from) && below.is_none_or(|below| leaf < below) {
                found.insert(doc);
            }
            true
        });
        Docs::of(found)
    }

    /// The documents that have a record in this leaf or a later one, whatever they had before.
    pub fn since_leaf(&self, from: u64, among: Docs) -> Docs {
        if leaf_of(self.place.min_value()) >= from {
            return among;
        }
        if leaf_of(self.place.max_value()) < from {
            return Docs::None;
        }
        let mut found = Bits::none(self.len());
        among.each(0..self.len(), &mut |doc| {
            if self.place.values_for_doc(doc).any(|run| leaf_of(run) >= from) {
                found.insert(doc);
            }
            true
        });
        Docs::of(found)
    }

    /// Only those of the documents that were not deleted.
    pub fn alive(&self, among: Docs) -> Docs {
        let Some(alive) = self.reader.alive_bitset() else { return among };
        let mut found = Bits::none(self.len());
        among.each(0..self.len(), &mut |doc| {
            if alive.is_alive(doc) {
                found.insert(doc);
            }
            true
        });
        Docs::of(found)
    }

    /// The document of an id.
    pub fn find(&self, id: EventId) -> Result<Option<u32>, IndexError> {
        let mut found = None;
        let (high, low) = halves(id);
        self.each_of_bucket(high, &mut |doc| {
            if self.id_high.get_val(doc) == high && self.id_low.get_val(doc) == low {
                found = Some(doc);
            }
        })?;
        Ok(found)
    }

    /// The document of an id that has this time: ids that are new cost nothing, and blocks that do not span the time are not looked into, so the cost
    /// hardly grows with the segment.
    pub fn find_at(&self, id: EventId, when: i64) -> Result<Option<u32>, IndexError> {
        if !self.may_hold_id(halves(id).1) {
            return Ok(None);
        }
        let spanned = |doc: u32| self.block(doc).is_some_and(|block| (block.first..=block.last).contains(&when));
        let mut found = None;
        let (high, low) = halves(id);
        self.each_of_bucket(high, &mut |doc| {
            if spanned(doc) && self.id_high.get_val(doc) == high && self.id_low.get_val(doc) == low {
                found = Some(doc);
            }
        })?;
        Ok(found)
    }

    /// Calls back with every document whose id starts with the prefix.
    pub fn find_prefix(&self, prefix: IdPrefix, each: &mut dyn FnMut(u32, EventId)) -> Result<(), IndexError> {
        let high = |number: u128| halves(EventId(number.to_be_bytes())).0;
        for bucket in high(prefix.low) >> BUCKET_SHIFT..=high(prefix.high) >> BUCKET_SHIFT {
            self.each_of_bucket(bucket << BUCKET_SHIFT, &mut |doc| {
                let id = self.id(doc);
                if prefix.contains(id) {
                    each(doc, id);
                }
            })?;
        }
        Ok(())
    }

    fn each_of_bucket(&self, high: u64, each: &mut dyn FnMut(u32)) -> Result<(), IndexError> {
        let values = self.values(self.keys.id_bucket)?;
        let info = values.terms().get(bucket(high)).map_err(IndexError::engine("looking an id up"))?;
        let Some(info) = info else { return Ok(()) };
        let alive = self.reader.alive_bitset();
        Postings::default().each(&values, &info, &mut |doc| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                each(doc);
            }
        })
    }
}

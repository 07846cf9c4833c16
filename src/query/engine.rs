//! Answers questions: plans over the index, reads the events again from evidence, decides there what the index cannot.
//!
//! Inside: `Engine`, the search without and with pipes. Not here: single events (`lookup`), sequences (`sequence`), gaps (`gaps`).

use super::answer::{AnswerError, Question, Search, Sink, Story, Trailer};
use super::cache::Events;
use super::computed::Computed;
use super::cursor::Cursor;
use super::json::{self, JsonOptions};
use super::matches::matches_with;
use super::plan::{Planned, plan};
use super::raw::{Early, Verdict};
use super::sight::Sight;
use super::sources::{self, Followed};
use super::{
    Filter, Pipe, asks_for_own, caused, findings, gaps, heard, linked, load, lookup, parse, readers, replay, sequence,
};
use crate::correlate::By;
use crate::evidence::{Checkpoint, EvidenceError, Reader};
use crate::index::{Field, Hit, Index, Order, Searcher, Selection, Window, resolve};
use crate::model::{Event, Moment};
use crate::time::Zone;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Events that a page asks the index for at once when each of them needs a second look.
const PAGE: usize = 512;
/// Distinct values that a count of values keeps.
const VALUES_MAX: usize = 1_000_000;
/// Buckets of a histogram.
const BUCKETS_MAX: usize = 100_000;

/// Answers questions about one store.
#[derive(Clone)]
pub struct Engine {
    /// The evidence.
    pub reader: Reader,
    /// What makes it findable.
    pub index: Index,
    events: Events,
    followed: Arc<Followed>,
    sight: Arc<Sight>,
    content: Option<Arc<AtomicU64>>,
    /// Every answer rests on this checkpoint, whatever was signed since.
    pinned: Option<Arc<str>>,
}

/// One state of the store, on which one answer rests from its first line to its trailer.
pub struct View {
    /// The evidence.
    pub reader: Reader,
    /// What can be found in it.
    pub searcher: Searcher,
    /// Events that were read before.
    pub events: Events,
    /// What is followed here.
    pub followed: Arc<Followed>,
    /// What the asker may see.
    pub sight: Arc<Sight>,
    content: Option<Arc<AtomicU64>>,
    pinned: Option<Arc<str>>,
    /// When the answer must be there, and how long it may take.
    deadline: Option<(Instant, Duration)>,
}

impl Engine {
    /// Answers from this evidence and this index of it.
    pub fn new(reader: Reader, index: Index) -> Engine {
        Engine {
            reader,
            index,
            events: Events::default(),
            followed: Arc::default(),
            sight: Arc::default(),
            content: None,
            pinned: None,
        }
    }

    /// The same, for one who follows these files: how they are doing is looked at.
    pub fn following(self, followed: Followed) -> Engine {
        Engine { followed: Arc::new(followed), ..self }
    }

    /// The same, where somebody knows how many log entries there are up to the last one that is more than the access log.
    pub fn with_content(self, content: Arc<AtomicU64>) -> Engine {
        Engine { content: Some(content), ..self }
    }

    /// What an answer rests on: as long as it is the same, so is the answer. Who asked what is a part of it only where that is asked for.
    pub fn state(&self, question: &Question, now: Moment) -> u64 {
        let covers = self.index.searcher().covers();
        let own =
            |search: &Search| parse(&search.q, now, &Zone::default()).is_ok_and(|query| asks_for_own(&query.filter));
        match question {
            Question::Search(search) if own(search) => covers,
            _ => covers.min(self.view(None).content()),
        }
    }

    /// The same, for one who may see so much.
    pub fn seen_by(self, sight: Arc<Sight>) -> Engine {
        Engine { sight, ..self }
    }

    /// The same, with every answer under the checkpoint that is the newest now, so that several answers rest on one.
    ///
    /// # Errors
    /// No checkpoint that can be read.
    pub fn under_one_checkpoint(self) -> Result<Engine, AnswerError> {
        let note = self.reader.checkpoint()?;
        Ok(Engine { pinned: Some(note.into()), ..self })
    }

    /// Learns ahead what the first `why` would otherwise have to (see [`crate::index::Searcher::learn`]). What is learnt already costs nothing.
    ///
    /// # Errors
    /// A file of the index is damaged; questions that meet it say so.
    pub fn learn(&self) -> Result<(), AnswerError> {
        let names = ["join.key"].into_iter().chain(By::EACH.map(By::field));
        let fields: Vec<&Field> = names.filter_map(resolve).flatten().collect();
        Ok(self.index.searcher().learn(&fields)?)
    }

    /// The store as it is now.
    pub(super) fn view(&self, within: Option<Duration>) -> View {
        let deadline = within.and_then(|within| Some((Instant::now().checked_add(within)?, within)));
        View {
            reader: self.reader.clone(),
            searcher: self.index.searcher(),
            events: self.events.clone(),
            followed: Arc::clone(&self.followed),
            sight: Arc::clone(&self.sight),
            content: self.content.clone(),
            pinned: self.pinned.clone(),
            deadline,
        }
    }

    /// What an answer rests on.
    pub fn trailer(&self) -> Trailer {
        self.view(None).trailer()
    }

    /// Answers; the sink gets every line but the trailer. `now` is for relative times in a query, and for rates.
    pub fn answer(&self, question: &Question, now: Moment, sink: &mut Sink<'_>) -> Result<Trailer, AnswerError> {
        self.answer_within(None, question, now, sink)
    }

    /// The same within a time. Events that were found until then are an answer with a `next`; of anything else there is none.
    pub fn answer_within(
        &self,
        within: Option<Duration>,
        question: &Question,
        now: Moment,
        sink: &mut Sink<'_>,
    ) -> Result<Trailer, AnswerError> {
        let mut count = 0u64;
        let mut counted = |line: Value| {
            count += 1;
            sink(line)
        };
        let view = self.view(within);
        view.sight.allows(question)?;
        let mut lost = 0;
        let next = match question {
            Question::Search(ask) => view.search(ask, now, &mut lost, &mut counted)?,
            Question::Show { names } => lookup::show(&view, names, &mut counted).map(|()| None)?,
            Question::Prove { name } => lookup::prove(&view, name, &mut counted).map(|()| None)?,
            Question::Linked { kind, name } => linked::answer(&view, *kind, name, &mut counted).map(|()| None)?,
            Question::Story(story) => view.story(story, &mut counted).map(|()| None)?,
            Question::Testify { name, proofs } => linked::testify(&view, name, *proofs, &mut counted).map(|()| None)?,
            Question::Findings { since, until } => {
                let window = Window { since: *since, until: *until };
                findings::findings(&view, window, now, &mut counted).map(|()| None)?
            }
            Question::Sources => sources::sources(&view, now, &mut counted).map(|()| None)?,
            Question::Gaps => gaps::gaps(&view, now, &mut counted).map(|()| None)?,
            Question::Head => lookup::head(&view, &mut counted).map(|()| None)?,
        };
        let trailer = view.trailer();
        let asked = match question {
            Question::Search(ask) => Some(Window { since: ask.since, until: ask.until }),
            Question::Findings { since, until } => Some(Window { since: *since, until: *until }),
            _ => None,
        };
        // Who sees a part only is not told how agents are.
        let asked = asked.filter(|_| !view.sight.is_limited());
        let (unheard, known) = match asked.map(|asked| heard::unheard(&view, asked, now)) {
            None => (Vec::new(), true),
            Some(Ok(unheard)) => (unheard, true),
            // What was found is an answer.
            Some(Err(AnswerError::Slow { .. })) => (Vec::new(), false),
            Some(Err(error)) => return Err(error),
        };
        let complete = next.is_none() && lost == 0 && view.is_indexed() && known && unheard.is_empty();
        Ok(Trailer { count, next, lost, complete, unheard, ..trailer })
    }
}

impl View {
    /// An error when the time for the answer is over.
    pub fn in_time(&self) -> Result<(), AnswerError> {
        match self.deadline {
            Some((end, allowed)) if Instant::now() > end => Err(AnswerError::Slow { seconds: allowed.as_secs() }),
            _ => Ok(()),
        }
    }

    /// The checkpoint that the answer is under: the newest, or the one that was chosen before.
    pub fn checkpoint(&self) -> Result<String, AnswerError> {
        match &self.pinned {
            Some(note) => Ok(note.to_string()),
            None => Ok(self.reader.checkpoint()?),
        }
    }

    /// The one that was chosen before.
    pub fn pinned(&self) -> Option<&str> {
        self.pinned.as_deref()
    }

    /// Origin, size and root of the checkpoint.
    pub fn checkpoint_line(&self) -> Option<String> {
        let note = self.checkpoint().ok()?;
        let checkpoint = Checkpoint::parse_unauthenticated(&note).ok()?;
        let root = data_encoding::BASE64.encode(&checkpoint.root);
        Some(format!("{} {} {root}", checkpoint.origin, checkpoint.size))
    }

    /// Log entries up to the last one that is more than the access log.
    fn content(&self) -> u64 {
        self.content.as_ref().map_or(self.reader.size(), |content| content.load(Ordering::Acquire))
    }

    /// Whether nothing that is durable is missing in the index but, perhaps, who asked what in the last moment.
    fn is_indexed(&self) -> bool {
        self.searcher.covers() >= self.content()
    }

    fn trailer(&self) -> Trailer {
        Trailer {
            count: 0,
            next: None,
            complete: false,
            lost: 0,
            unheard: Vec::new(),
            indexed: self.searcher.covers(),
            size: self.reader.size(),
            checkpoint: self.checkpoint_line(),
        }
    }

    fn story(&self, story: &Story, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        match story {
            Story::Caused { effect, cause } => caused::caused(self, effect, cause, sink),
            Story::Readers { object, since, until } => {
                readers::readers(self, object, Window { since: *since, until: *until }, sink)
            }
            Story::Replay { name } => replay::replay(self, name, sink),
        }
    }

    fn search(
        &self,
        ask: &Search,
        now: Moment,
        lost: &mut u64,
        sink: &mut Sink<'_>,
    ) -> Result<Option<String>, AnswerError> {
        let zone = match &ask.zone {
            Some(name) => Zone::parse(name).map_err(|error| AnswerError::Limit(error.to_string()))?,
            None => Zone::default(),
        };
        let query = parse(&ask.q, now, &zone)?;
        self.sight.allows_query(&query)?;
        let filtered = Filtered::new(self, query.filter, Window { since: ask.since, until: ask.until }, ask.leaf_from);
        match query.pipe {
            None => filtered.events(ask, lost, sink),
            Some(Pipe::Count) => sink(json!({ "count": filtered.count()? })).map(|()| None).map_err(AnswerError::from),
            Some(Pipe::Top { fields, limit, .. }) => filtered.top(&fields, limit, sink).map(|()| None),
            Some(Pipe::Hist { width_ns }) => filtered.hist(width_ns, sink).map(|()| None),
            Some(Pipe::Sequence { fields, name, within_ns, steps }) => {
                let asked = sequence::Asked { fields, name, within_ns, steps };
                sequence::sequences(self, &filtered, &asked, sink).map(|()| None)
            }
        }
    }
}

/// Matching events: the plan and, where it is not exact, the second look.
pub struct Filtered<'e> {
    view: &'e View,
    filter: Filter,
    planned: Planned,
    early: Early,
    window: Window,
    leaf_from: Option<u64>,
    own: bool,
    computed: Option<Computed<'e>>,
}

impl<'e> Filtered<'e> {
    /// Plans a filter.
    pub fn new(view: &'e View, filter: Filter, window: Window, leaf_from: Option<u64>) -> Filtered<'e> {
        let mut planned = plan(&filter);
        planned.plan = view.sight.plan(planned.plan);
        let own = asks_for_own(&filter);
        let early = Early::of(&filter);
        let computed = Computed::of(view, &filter);
        Filtered { view, filter, planned, early, window, leaf_from, own, computed }
    }

    /// The same with a further condition, which alone says whether own events are asked for.
    pub fn and(&self, more: &Filter) -> Filtered<'e> {
        let filter = Filter::And(vec![self.filter.clone(), more.clone()]);
        Filtered::new(self.view, filter, self.window, self.leaf_from)
    }

    /// What the index finds.
    fn select(&self) -> Result<Selection, AnswerError> {
        let selected = self.view.searcher.select(&self.planned.plan, self.window)?;
        Ok(match self.leaf_from {
            Some(from) => selected.since_leaf(from),
            None => selected,
        })
    }

    /// Whether an event really matches; read from evidence.
    fn holds(&self, event: &Event, records: &[load::Loaded]) -> Result<bool, AnswerError> {
        if event.source == crate::model::Source::Own && !self.own {
            return Ok(false);
        }
        let mut raws = || records.iter().map(|record| record.bytes.to_vec()).collect();
        let mut failed = None;
        let mut compute = |field: &'static Field, event: &Event| {
            let Some(computed) = &self.computed else { return Vec::new() };
            computed.values(field, event, &|| self.select()).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                Vec::new()
            })
        };
        let holds = matches_with(&self.filter, event, &mut raws, &mut compute);
        failed.map_or(Ok(holds), Err)
    }

    fn events(&self, ask: &Search, lost: &mut u64, sink: &mut Sink<'_>) -> Result<Option<String>, AnswerError> {
        let order = if ask.ascending { Order::Oldest } else { Order::Newest };
        let cursor = ask.after.as_deref().map(Cursor::parse).transpose()?;
        // Pages of one question rest on one size of the log: what came later is in none of them.
        let size = cursor.as_ref().map_or(self.view.searcher.covers(), |cursor| cursor.size);
        let mut after = cursor.map(|cursor| cursor.after);
        let mut left = ask.limit.unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(None);
        }
        let selection = self.select()?.of_leaves(None, Some(size));
        // However slow: each answer gets further than the one before.
        let mut moved = false;
        loop {
            // One more than wanted tells whether there are more.
            let page = if self.planned.exact { left.saturating_add(1).min(PAGE) } else { PAGE };
            let hits = selection.page(order, after, page)?;
            let full = hits.len() == page;
            for hit in hits {
                // What was found until now is an answer; the rest is asked for with `next`.
                if left == 0 || (moved && self.view.in_time().is_err()) {
                    return Ok(after.map(|after| Cursor { after, size }.to_text()));
                }
                after = Some((hit.when, hit.id));
                moved = true;
                match self.found(&hit, ask.records) {
                    Ok(Some((event, records))) => {
                        sink(event_line(&event, &records, ask.records))?;
                        left -= 1;
                    }
                    Ok(None) => {}
                    // One event that is not what the index says must not hide the others.
                    Err(error @ AnswerError::Lost { .. }) => {
                        *lost += 1;
                        sink(
                            json!({ "id": hit.id.to_string(), "issues": [{ "kind": "lost", "detail": error.to_string() }] }),
                        )?;
                    }
                    Err(error) => return Err(error),
                }
            }
            if !full {
                return Ok(None);
            }
            // So many were in vain that many more may be; what does not get done in time is cut above.
            match self.early.prepare(self.view, selection.count()) {
                Err(AnswerError::Slow { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The event of a hit, where it matches.
    fn found(&self, hit: &Hit, with_fields: bool) -> Result<Option<(Event, Vec<load::Loaded>)>, AnswerError> {
        let Some(records) = self.records(hit)? else { return Ok(None) };
        let event = load::event(&self.view.reader, hit.id, &records, with_fields)?;
        let holds = self.planned.exact || self.early.decides || self.holds(&event, &records)?;
        Ok(holds.then_some((event, records)))
    }

    /// The records of a hit, where they leave it open that it matches.
    fn records(&self, hit: &Hit) -> Result<Option<Vec<load::Loaded>>, AnswerError> {
        if let Some(computed) = &self.computed
            && !computed.may_match(hit, &|| self.select())?
        {
            return Ok(None);
        }
        let verdict = self.early.verdict(self.view, hit)?;
        if verdict == Verdict::No {
            return Ok(None);
        }
        let records = match load::records(&self.view.reader, &hit.places) {
            // They went since the index was asked.
            Err(AnswerError::Evidence(EvidenceError::Pruned { .. })) => return Ok(None),
            records => records?,
        };
        Ok((verdict == Verdict::Yes || self.early.holds(&records)).then_some(records))
    }

    /// Calls back with every match, in the order of the log.
    pub fn each(
        &self,
        mut each: impl FnMut(Hit, Event, &[load::Loaded]) -> Result<(), AnswerError>,
    ) -> Result<(), AnswerError> {
        self.each_hit(&mut |hit| match self.found(&hit, false)? {
            Some((event, records)) => each(hit, event, &records),
            None => Ok(()),
        })
    }

    /// Calls back with everything that the index finds, in the order of the log.
    fn each_hit(&self, each: &mut dyn FnMut(Hit) -> Result<(), AnswerError>) -> Result<(), AnswerError> {
        let selection = self.select()?;
        self.early.prepare(self.view, selection.count())?;
        let mut failed = None;
        selection.for_each(true, &mut |hit: Hit| {
            let one = self.view.in_time().and_then(|()| each(hit));
            match one {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn count(&self) -> Result<u64, AnswerError> {
        if self.planned.exact {
            return Ok(self.select()?.count());
        }
        let mut count = 0;
        self.each_hit(&mut |hit| {
            let holds = match self.early.decides {
                true if self.early.verdict(self.view, &hit)? == Verdict::Yes => true,
                true => self.records(&hit)?.is_some(),
                false => self.found(&hit, false)?.is_some(),
            };
            count += u64::from(holds);
            Ok(())
        })?;
        Ok(count)
    }

    fn top(&self, fields: &[&'static Field], limit: usize, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let rows: Vec<(String, u64)> = if self.planned.exact {
            self.select()?.top(fields, limit)?.values
        } else {
            self.top_by_reading(fields, limit)?
        };
        for (value, count) in rows {
            sink(json!({ "value": value, "count": count }))?;
        }
        Ok(())
    }

    fn top_by_reading(&self, fields: &[&'static Field], limit: usize) -> Result<Vec<(String, u64)>, AnswerError> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        self.each(|_, event, _| {
            for value in sequence::values(fields, &event) {
                if counts.len() >= VALUES_MAX && !counts.contains_key(&value) {
                    return Err(AnswerError::Limit(format!(
                        "more than {VALUES_MAX} distinct values; narrow the query"
                    )));
                }
                *counts.entry(value).or_insert(0) += 1;
            }
            Ok(())
        })?;
        let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rows.truncate(limit);
        Ok(rows)
    }

    fn hist(&self, width_ns: i64, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let buckets: Vec<(i64, u64)> = if self.planned.exact {
            self.select()?.hist(width_ns)?
        } else {
            let mut counts = std::collections::BTreeMap::new();
            self.each(|hit, _, _| {
                *counts.entry(hit.when.div_euclid(width_ns).saturating_mul(width_ns)).or_insert(0u64) += 1;
                if counts.len() > BUCKETS_MAX {
                    return Err(AnswerError::Limit(format!("more than {BUCKETS_MAX} buckets; take wider ones")));
                }
                Ok(())
            })?;
            counts.into_iter().collect()
        };
        for (from, count) in buckets {
            let moment = |nanos| {
                crate::time::rfc3339(Moment { nanos, digits: if width_ns % 1_000_000_000 == 0 { 0 } else { 9 } })
            };
            sink(json!({ "from": moment(from), "to": moment(from.saturating_add(width_ns)), "count": count }))?;
        }
        Ok(())
    }
}

/// The JSON of an event; with its records' fields and raw bytes when asked for.
pub fn event_line(event: &Event, records: &[load::Loaded], with_records: bool) -> Value {
    let mut value = json::event(event, &JsonOptions { fields: None, records: with_records });
    if with_records && let Some(list) = value.get_mut("records").and_then(Value::as_array_mut) {
        for (shown, record) in list.iter_mut().zip(records) {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("raw".to_owned(), Value::String(data_encoding::BASE64.encode(&record.bytes)));
            }
        }
    }
    value
}

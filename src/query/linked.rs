//! Answers about links: `links`, `why`, `effects`, `tree`, `testify`.
//!
//! Inside: where correlation gets its events from, and the answers' JSON (`docs/links.md`). Not here: the rules (`correlate`), how answers are shown (`cli`).

use super::again::Again;
use super::answer::{AnswerError, LinkedKind, Sink};
use super::ended::Ends;
use super::engine::{View, event_line};
use super::link_json::{self, Exhibits};
use super::{findings, load, lookup, processes, testimony};
use crate::correlate::{self, By, Case, Events, Failed};
use crate::evidence::EvidenceError;
use crate::index::{Field, Hit, Order, Plan, TermTest, Window, resolve};
use crate::model::{Event, EventId, Source};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Lines of one tree.
const LINES_MAX: usize = 10_000;
/// Depth of a tree.
const DEPTH_MAX: usize = 256;

/// Answers about the event, container or exec that is named.
pub fn answer(view: &View, kind: LinkedKind, name: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let case = Case::new(&store);
    let told = |error: Failed| failed(error);
    match (kind, name.split_once(':')) {
        (LinkedKind::Tree, Some(("container" | "exec", id))) => return container(&store, &case, id, sink),
        (LinkedKind::Tree, Some(("session", of))) => return processes::of_session(&store, &case, of, sink),
        (LinkedKind::Tree, Some(("pid", of))) => return processes::of_pid(&store, &case, of, sink),
        (_, Some(("container" | "exec" | "session" | "pid", _))) => {
            return Err(AnswerError::Limit(format!(
                "`{name}` is no event; `deponent tree {name}` shows its processes"
            )));
        }
        _ => {}
    }
    let event = store.event(&lookup::one(view, name)?)?;
    match kind {
        LinkedKind::Links => links(&store, &case, &event, sink),
        LinkedKind::Why => {
            let why = correlate::why(&case, &event).map_err(told)?;
            let mut answer = link_json::why(&store, &event, &why)?;
            if let Some(told) = answer.get_mut("findings").and_then(Value::as_array_mut) {
                told.extend(findings::about(view, &event)?);
            }
            sink(answer)?;
            Ok(())
        }
        LinkedKind::Effects | LinkedKind::Tree => {
            let mut walk = Walk::new(&store, &case);
            walk.line(&event, None, 0, None, sink)?;
            walk.below(&event, 1, sink)
        }
        LinkedKind::Testify => testify(view, name, false, sink),
    }
}

/// The testimony about the event that is named; with `proofs`, also that its records are in the log.
pub fn testify(view: &View, name: &str, proofs: bool, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let event = store.event(&lookup::one(view, name)?)?;
    let witnessed = Witnessed(&store);
    let why = correlate::why(&Case::new(&witnessed), &event).map_err(failed)?;
    let mut answer = testimony::testimony(&store, &event, &why, proofs)?;
    let noticed = findings::about(view, &event)?;
    if let (Some(told), false) = (answer.get_mut("testimony").and_then(Value::as_object_mut), noticed.is_empty()) {
        told.insert("noticed".to_owned(), Value::Array(noticed));
    }
    sink(answer)?;
    Ok(())
}

/// The error of a failed look-up: the answer's own, where it came from here.
pub fn failed(error: Failed) -> AnswerError {
    match error.downcast::<AnswerError>() {
        Ok(error) => *error,
        Err(error) => AnswerError::Limit(error.to_string()),
    }
}

/// Events as correlation asks for them.
pub struct Store<'v> {
    view: &'v View,
    join: &'static Field,
    known: RefCell<HashMap<EventId, (Hit, Arc<Event>)>>,
    /// What was read and hashed already: a chain names the same records again and again.
    evidence: RefCell<HashMap<EventId, Vec<Value>>>,
    again: Again,
}

impl<'v> Store<'v> {
    /// The events of a view.
    pub fn new(view: &'v View) -> Result<Store<'v>, AnswerError> {
        let join = resolve("join.key").and_then(|fields| fields.first().copied());
        let join = join.ok_or_else(|| AnswerError::Limit("this build has no join keys".to_owned()))?;
        Ok(Store { view, join, known: RefCell::default(), evidence: RefCell::default(), again: Again::default() })
    }

    /// The view that is asked.
    pub fn view(&self) -> &View {
        self.view
    }

    /// An event, read from evidence once.
    pub fn event(&self, hit: &Hit) -> Result<Arc<Event>, AnswerError> {
        if let Some((_, known)) = self.known.borrow().get(&hit.id) {
            return Ok(Arc::clone(known));
        }
        let event = self.view.events.event(&self.view.reader, hit)?;
        self.known.borrow_mut().insert(hit.id, (hit.clone(), Arc::clone(&event)));
        Ok(event)
    }

    /// The raw records of an event that was read.
    pub fn records(&self, id: EventId) -> Result<Vec<load::Loaded>, AnswerError> {
        let hit = self.known.borrow().get(&id).map(|(hit, _)| hit.clone());
        let hit = match hit {
            Some(hit) => hit,
            None => self.view.searcher.find(id)?.ok_or_else(|| AnswerError::Unknown { name: id.to_string() })?,
        };
        load::records(&self.view.reader, &hit.places)
    }

    /// Every event that was read.
    pub fn looked_at(&self) -> Vec<EventId> {
        let mut ids: Vec<EventId> = self.known.borrow().keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The first `limit` events, oldest first by their order on a node, that have each of these values.
    pub fn having(&self, all: &[(&str, &str)], window: Window, limit: usize) -> Result<Vec<Arc<Event>>, AnswerError> {
        let one = |(field, value): &(&str, &str)| Plan::Terms {
            fields: resolve(field).unwrap_or_default(),
            test: TermTest::Is((*value).to_owned()),
        };
        let plan = Plan::And(all.iter().map(one).collect());
        let hits = self.view.searcher.select(&plan, window)?.page(Order::Oldest, None, limit)?;
        self.view.in_time()?;
        self.events(&hits)
    }

    fn events(&self, hits: &[Hit]) -> Result<Vec<Arc<Event>>, AnswerError> {
        let mut events = Vec::with_capacity(hits.len());
        for hit in hits {
            match self.event(hit) {
                Ok(event) => events.push(event),
                // What the index says of one event must not stop an answer about others.
                Err(error @ AnswerError::Lost { .. }) => tracing::error!(%error, "left out of an answer"),
                Err(AnswerError::Evidence(EvidenceError::Pruned { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        events.sort_by_key(|event| correlate::order(event));
        Ok(events)
    }

    fn found(
        &self,
        field: &'static Field,
        value: &str,
        window: Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, Failed> {
        let hits = self.again.with_value(&self.view.searcher, field, value, window, order, limit);
        let hits = hits.map_err(AnswerError::from)?;
        let mut events = Vec::with_capacity(hits.len());
        for hit in &hits {
            match self.event(hit) {
                Ok(event) => events.push(event),
                // What the index says of one event must not stop an answer about others.
                Err(error @ AnswerError::Lost { .. }) => tracing::error!(%error, "left out of a link"),
                Err(AnswerError::Evidence(EvidenceError::Pruned { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(events)
    }
}

impl Exhibits for Store<'_> {
    fn evidence(&self, id: EventId) -> Result<Vec<Value>, AnswerError> {
        if let Some(known) = self.evidence.borrow().get(&id) {
            return Ok(known.clone());
        }
        let lines = link_json::evidence(&self.records(id)?, id);
        self.evidence.borrow_mut().insert(id, lines.clone());
        Ok(lines)
    }
}

impl Events for Store<'_> {
    fn with_key(&self, key: &str, since: i64, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.found(self.join, key, window(since, until), Order::Oldest, limit)
    }

    /// Without a look at any event.
    fn none(&self, key: &str, since: i64, until: i64) -> Result<bool, Failed> {
        let window = window(since, until);
        let hits = self.again.with_value(&self.view.searcher, self.join, key, window, Order::Oldest, 1);
        Ok(hits.map_err(AnswerError::from)?.is_empty())
    }

    fn latest(&self, key: &str, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.found(self.join, key, window(i64::MIN, until), Order::Newest, limit)
    }

    fn endings(&self, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, Failed> {
        Ok(self.view.searcher.endings(self.join, prefix, limit).map_err(AnswerError::from)?)
    }

    fn with_value(&self, by: By, value: &str, since: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        let Some(field) = resolve(by.field()).and_then(|fields| fields.first().copied()) else { return Ok(Vec::new()) };
        self.found(field, value, window(since, i64::MAX), Order::Oldest, limit)
    }

    fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed> {
        Ok(self.view.searcher.source_span(source.name()).map_err(AnswerError::from)?)
    }
}

/// A store of which everything is read that an answer rests on, so that these events alone give the same answer again: also the events behind the
/// values and times that the index tells without reading any.
struct Witnessed<'s, 'v>(&'s Store<'v>);

impl Events for Witnessed<'_, '_> {
    fn with_key(&self, key: &str, since: i64, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.0.with_key(key, since, until, limit)
    }

    fn none(&self, key: &str, since: i64, until: i64) -> Result<bool, Failed> {
        self.0.none(key, since, until)
    }

    fn latest(&self, key: &str, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.0.latest(key, until, limit)
    }

    fn endings(&self, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, Failed> {
        let endings = self.0.endings(prefix, limit)?;
        for (ending, first) in &endings {
            self.0.with_key(&format!("{prefix}{ending}"), *first, *first, 1)?;
        }
        Ok(endings)
    }

    fn with_value(&self, by: By, value: &str, since: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.0.with_value(by, value, since, limit)
    }

    fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed> {
        let span = self.0.span(source)?;
        let field = resolve("source").and_then(|fields| fields.first().copied());
        for (at, field) in span.into_iter().flat_map(|(first, last)| [first, last]).zip(std::iter::repeat(field)) {
            if let Some(field) = field {
                self.0.found(field, source.name(), window(at, at), Order::Oldest, 1)?;
            }
        }
        Ok(span)
    }
}

/// A window with both ends in it; the ends of time are open.
fn window(since: i64, until: i64) -> Window {
    Window { since: (since != i64::MIN).then_some(since), until: until.checked_add(1) }
}

fn links(store: &Store<'_>, case: &Case<'_>, event: &Arc<Event>, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let found = correlate::cause(case, event).map_err(failed)?;
    let mut all = Vec::new();
    if let Some(stages) = correlate::stages(event) {
        all.push((stages, Arc::clone(event), Arc::clone(event)));
    }
    if let (Some(link), Some(cause)) = (found.link.clone(), found.cause.clone()) {
        all.push((link, cause, Arc::clone(event)));
    }
    let claim = correlate::claim(case, event).map_err(failed)?;
    if let Some((link, told)) = claim.and_then(|found| Some((found.link?, found.cause?))) {
        all.push((link, told, Arc::clone(event)));
    }
    for (effect, link) in correlate::effects(case, event).map_err(failed)? {
        all.push((link, Arc::clone(event), effect));
    }
    all.sort_by_key(|(link, from, to)| (link.class, from.when.event.nanos, link.rule, to.id));
    for (link, from, to) in &all {
        let mut line = link_json::link(store, link)?;
        if let Some(line) = line.as_object_mut() {
            line.insert("from_event".to_owned(), event_line(from, &[], false));
            line.insert("to_event".to_owned(), event_line(to, &[], false));
        }
        sink(line)?;
    }
    let reused = correlate::reused(case, event).map_err(failed)?;
    for finding in correlate::unattributed(case, event, &found).map_err(failed)?.iter().chain(&reused) {
        sink(link_json::finding(store, finding)?)?;
    }
    for line in findings::about(store.view(), event)? {
        sink(line)?;
    }
    Ok(())
}

/// The processes of a container, or of one exec in it.
fn container(store: &Store<'_>, case: &Case<'_>, id: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let entries = correlate::entries(case, id).map_err(failed)?;
    if entries.is_empty() {
        return Err(AnswerError::Unknown { name: id.to_owned() });
    }
    let mut walk = Walk::new(store, case);
    for entry in entries {
        if walk.left == 0 {
            sink(json!({ "limit": format!("more than {LINES_MAX} lines; ask about one exec (exec:ID)") }))?;
            return Ok(());
        }
        walk.left -= 1;
        let about = if entry.exec {
            json!({ "root": link_json::root(&correlate::why(case, &entry.event).map_err(failed)?.root) })
        } else {
            json!({ "container": link_json::names(&entry.container, &entry.names) })
        };
        walk.line(&entry.event, None, 0, Some(about), sink)?;
        walk.below(&entry.event, 1, sink)?;
    }
    Ok(())
}

/// A tree on its way to whoever asked.
pub struct Walk<'a, 'v> {
    store: &'a Store<'v>,
    case: &'a Case<'a>,
    /// What was sent.
    pub seen: HashSet<EventId>,
    /// Lines that may still be sent.
    pub left: usize,
    /// Only what is of this login session, or of none.
    pub ses: Option<u32>,
    ends: Ends,
}

impl<'a, 'v> Walk<'a, 'v> {
    /// Nothing sent yet.
    pub fn new(store: &'a Store<'v>, case: &'a Case<'a>) -> Walk<'a, 'v> {
        Walk { store, case, seen: HashSet::new(), left: LINES_MAX, ses: None, ends: Ends::default() }
    }

    /// Sends one event, its link and its end, and more members of its line.
    pub fn line(
        &mut self,
        event: &Event,
        link: Option<&crate::model::Link>,
        depth: usize,
        more: Option<Value>,
        sink: &mut Sink<'_>,
    ) -> Result<(), AnswerError> {
        self.seen.insert(event.id);
        let mut line = json!({ "event": event_line(event, &[], false) });
        let Some(object) = line.as_object_mut() else { return Ok(()) };
        if let Some(link) = link {
            object.insert("link".to_owned(), link_json::link(self.store, link)?);
        }
        object.insert("depth".to_owned(), json!(depth));
        if let Some(end) = self.ends.of(self.store, self.case, event)? {
            object.insert("exit".to_owned(), end);
        }
        if let Some(Value::Object(more)) = more {
            object.extend(more);
        }
        sink(line)?;
        Ok(())
    }

    /// Everything below an event, depth first, without recursion.
    pub fn below(&mut self, event: &Arc<Event>, depth: usize, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let next = |walk: &Self, event: &Arc<Event>, depth: usize| -> Result<Vec<_>, AnswerError> {
            let mut effects = correlate::effects(walk.case, event).map_err(failed)?;
            let ses = |event: &Event| event.who.login.as_ref().and_then(|login| login.ses);
            effects.retain(|(effect, _)| walk.ses.is_none() || ses(effect).is_none_or(|other| walk.ses == Some(other)));
            effects.reverse();
            Ok(effects.into_iter().map(|(effect, link)| (effect, link, depth)).collect())
        };
        let mut open = next(self, event, depth)?;
        while let Some((effect, link, depth)) = open.pop() {
            if self.seen.contains(&effect.id) {
                continue;
            }
            if self.left == 0 {
                sink(json!({ "limit": format!("more than {LINES_MAX} lines; ask about an event further down") }))?;
                return Ok(());
            }
            self.left -= 1;
            self.line(&effect, Some(&link), depth, None, sink)?;
            if depth < DEPTH_MAX {
                open.extend(next(self, &effect, depth + 1)?);
            }
        }
        Ok(())
    }
}

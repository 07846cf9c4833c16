//! Findings about all events of a time: what `links` says about one of them, and what only many events together show.
//!
//! Inside: the two that correlation makes (`execs`, `ids`), and a module a detector. A detector asks the index for the few events that
//! it can be about, and reads those. Not here: what makes the findings of single events (`correlate`), the pages (`docs/rules/`).

mod audit_off;
mod back;
mod captures;
mod channels;
mod clock;
mod deleted;
mod logs;
mod places;
mod quiet;
mod records;
mod setting;
mod silent;
mod token;
mod told;
mod wiped;

use super::answer::{AnswerError, Sink};
use super::engine::{Filtered, View};
use super::linked::{Store, failed};
use super::{link_json, parse};
use crate::correlate::{self, Case};
use crate::index::{Hit, Order, Plan, Selection, TermTest, Window, resolve};
use crate::model::{Event, EventId, Moment};
use crate::time::Zone;
use serde_json::{Value, json};
use told::Told;

/// Executions that can be a runtime's `exec`; correlation looks closer.
const EXECUTIONS: &str = "source:linux action:executed argv:exec";
/// Audit-IDs of several requests that are looked at.
const IDS_MAX: usize = 1_000;
/// Findings of one answer.
const FINDINGS_MAX: usize = 10_000;
/// Events that a finding of logs names.
const NAMED_MAX: usize = 100;
/// Events looked up at once.
const PAGE: usize = 4_096;

/// Takes each finding.
pub type Send<'a> = dyn FnMut(Told) -> Result<(), AnswerError> + 'a;

/// What a detector asks.
struct Ask<'v> {
    view: &'v View,
    store: &'v Store<'v>,
    window: Window,
    now: Moment,
}

/// A detector.
type Detector = fn(&Ask<'_>, &mut Send<'_>) -> Result<(), AnswerError>;

/// All detectors, in the order of their findings in an answer.
const DETECTORS: &[Detector] = &[
    execs,
    captures::compare,
    channels::compare,
    ids,
    token::tokens,
    audit_off::audit_off,
    deleted::deleted,
    wiped::wiped,
    clock::steps,
    silent::silences,
    quiet::agents,
];

/// Sends each finding, with the event that it is about.
pub fn findings(view: &View, window: Window, now: Moment, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut left = FINDINGS_MAX;
    each(view, window, now, &mut |told| {
        left = left.saturating_sub(1);
        if left == 0 {
            let limit = format!("more than {FINDINGS_MAX} findings; narrow the time");
            sink(json!({ "limit": limit }))?;
            return Err(AnswerError::Limit(limit));
        }
        sink(told.line).map_err(AnswerError::from)
    })
}

/// The findings of many events that are about this one, as far as they can be had for one alone: tokens out of place.
pub fn about(view: &View, event: &Event) -> Result<Vec<Value>, AnswerError> {
    // A store of its own: what is read here is nothing that a link rests on.
    let store = Store::new(view)?;
    let ask = Ask { view, store: &store, window: Window::ALL, now: crate::time::now() };
    let mut lines = Vec::new();
    token::of_event(&ask, event, &mut |told| {
        lines.push(told.line);
        Ok(())
    })?;
    Ok(lines)
}

/// Calls back with each finding.
pub fn each(view: &View, window: Window, now: Moment, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let ask = Ask { view, store: &store, window, now };
    DETECTORS.iter().try_for_each(|detector| detector(&ask, send))
}

impl Ask<'_> {
    /// Events of the window that match a query.
    fn each(&self, query: &str, each: &mut dyn FnMut(Hit) -> Result<(), AnswerError>) -> Result<(), AnswerError> {
        let query = parse(query, self.now, &Zone::default())?;
        Filtered::new(self.view, query.filter, self.window, None).each(|hit, _, _| each(hit))
    }

    /// What the index has for these conditions together.
    fn select(&self, window: Window, conditions: &[(&str, &str)]) -> Result<Selection, AnswerError> {
        let plans = conditions.iter().map(|(field, value)| is(field, value)).collect();
        Ok(self.view.searcher.select(&Plan::And(plans), window)?)
    }

    /// Calls back with what was selected, in order of time.
    fn in_order(
        &self,
        selection: &Selection,
        each: &mut dyn FnMut(&Hit) -> Result<(), AnswerError>,
    ) -> Result<(), AnswerError> {
        let mut after = None;
        loop {
            self.view.in_time()?;
            let hits = selection.page(Order::Oldest, after, PAGE)?;
            hits.iter().try_for_each(&mut *each)?;
            match hits.last() {
                Some(last) if hits.len() == PAGE => after = Some((last.when, last.id)),
                _ => return Ok(()),
            }
        }
    }
}

/// The plan that a field has exactly this value.
fn is(field: &str, value: &str) -> Plan {
    Plan::Terms { fields: resolve(field).unwrap_or_default(), test: TermTest::Is(value.to_owned()) }
}

/// Ids as they are shown.
fn shown(ids: &[EventId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

/// Execs in containers that nobody asked the API server for.
fn execs(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let case = Case::new(ask.store);
    ask.each(EXECUTIONS, &mut |hit| {
        let event = ask.store.event(&hit)?;
        let found = correlate::cause(&case, &event).map_err(failed)?;
        match correlate::unattributed(&case, &event, &found).map_err(failed)? {
            Some(finding) => send(Told::of(link_json::finding(ask.store, &finding)?, &finding.events)),
            None => Ok(()),
        }
    })
}

/// Audit-IDs that several requests have.
fn ids(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let case = Case::new(ask.store);
    let fields = resolve("how.audit_id").unwrap_or_default();
    let top = ask.view.searcher.select(&Plan::Everything, ask.window)?.top(&fields, IDS_MAX)?;
    for (id, _) in top.values.into_iter().filter(|(_, count)| *count > 1) {
        ask.view.in_time()?;
        // One finding names the others: it is told once, of the first.
        for hit in ask.select(ask.window, &[("how.audit_id", &id)])?.page(Order::Oldest, None, 1)? {
            if let Some(finding) = correlate::reused(&case, &ask.store.event(&hit)?).map_err(failed)? {
                send(Told::of(link_json::finding(ask.store, &finding)?, &finding.events))?;
            }
        }
    }
    Ok(())
}

//! Findings about all events of a time: what `links` says about one of them.
//!
//! Only events that a finding can be about are looked at: executions by a container runtime, and requests whose Audit-ID others have.
//! Not here: what makes a finding (`correlate`).

use super::answer::{AnswerError, Sink};
use super::engine::{Filtered, View};
use super::linked::{Store, failed};
use super::{link_json, parse};
use crate::correlate::{self, Case};
use crate::index::{Order, Plan, TermTest, Window, resolve};
use crate::model::Moment;
use crate::time::Zone;
use serde_json::json;

/// Executions that can be a runtime's `exec`; correlation looks closer.
const EXECUTIONS: &str = "source:linux action:executed argv:exec";
/// Audit-IDs of several requests that are looked at.
const IDS_MAX: usize = 1_000;
/// Findings of one answer.
const FINDINGS_MAX: usize = 10_000;

/// Sends each finding, with the event that it is about.
pub fn findings(view: &View, window: Window, now: Moment, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let case = Case::new(&store);
    let mut left = FINDINGS_MAX;
    let mut send = |line| {
        left = left.saturating_sub(1);
        if left == 0 {
            let limit = format!("more than {FINDINGS_MAX} findings; narrow the time");
            sink(json!({ "limit": limit }))?;
            return Err(AnswerError::Limit(limit));
        }
        sink(line).map_err(AnswerError::from)
    };
    let executions = parse(EXECUTIONS, now, &Zone::default())?;
    Filtered::new(view, executions.filter, window, None).each(|hit, _, _| {
        let event = store.event(&hit)?;
        let found = correlate::cause(&case, &event).map_err(failed)?;
        match correlate::unattributed(&case, &event, &found).map_err(failed)? {
            Some(finding) => send(link_json::finding(&store, &finding)?),
            None => Ok(()),
        }
    })?;
    super::captures::compare(view, window, &mut send)?;
    for id in repeated(view, window)? {
        view.in_time()?;
        let fields = resolve("how.audit_id").unwrap_or_default();
        let plan = Plan::Terms { fields, test: TermTest::Is(id) };
        // One finding names the others: it is told once, of the first.
        for hit in view.searcher.select(&plan, window)?.page(Order::Oldest, None, 1)? {
            if let Some(finding) = correlate::reused(&case, &store.event(&hit)?).map_err(failed)? {
                send(link_json::finding(&store, &finding)?)?;
            }
        }
    }
    Ok(())
}

/// Audit-IDs that more than one event of the window has.
fn repeated(view: &View, window: Window) -> Result<Vec<String>, AnswerError> {
    let fields = resolve("how.audit_id").unwrap_or_default();
    let top = view.searcher.select(&Plan::Everything, window)?.top(&fields, IDS_MAX)?;
    Ok(top.values.into_iter().filter(|(_, count)| *count > 1).map(|(id, _)| id).collect())
}

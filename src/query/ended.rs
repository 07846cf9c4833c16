//! How and when a process ended, where something recorded it: a call of exit_group, a crash that the kernel reported, containerd's exit of a task.
//!
//! Never guessed: between the start of the program and its end no other program was started under its number. Not here: trees (`linked`, `processes`).

use super::answer::AnswerError;
use super::linked::{Store, failed};
use crate::correlate::{self, Case, order, started};
use crate::index::Window;
use crate::model::{Event, Source};
use crate::time::rfc3339;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What tells of an end: a field and its value.
const TOLD_BY: &[(&str, &str)] =
    &[("how.syscall", "exit_group"), ("what.action", "crashed"), ("what.action", "exited")];

/// Programs under one number that are looked at.
const PROGRAMS_MAX: usize = 64;

/// What tells of ends in a store.
#[derive(Debug, Default)]
pub struct Ends {
    /// Those of [`TOLD_BY`] that occur at all; looked at once.
    there: Option<Vec<(&'static str, &'static str)>>,
}

impl Ends {
    /// The end of the process that runs the program of `event`: `{"time", "code", "signal", "asserted_by", "events"}`.
    pub fn of(&mut self, store: &Store<'_>, case: &Case<'_>, event: &Event) -> Result<Option<Value>, AnswerError> {
        let Some(program) = started(event) else { return Ok(None) };
        if self.there.is_none() {
            let mut there = Vec::new();
            for (field, value) in TOLD_BY {
                if !store.having(&[(field, value)], Window::ALL, 1)?.is_empty() {
                    there.push((*field, *value));
                }
            }
            self.there = Some(there);
        }
        let (Some(there), Some(node)) = (self.there.as_ref(), event.r#where.node.as_deref()) else { return Ok(None) };
        let pid = program.pid.to_string();
        let since = Window { since: Some(event.when.event.nanos), until: None };
        let mut ends: Vec<Arc<Event>> = Vec::new();
        for told in there {
            let found = store.having(&[("where.node", node), ("how.pid", &pid), *told], since, 8)?;
            let own = |end: &Event| match end.source {
                Source::Linux => {
                    let same = end.how.exe == event.how.exe && end.who.login == event.who.login;
                    same && order(end) > order(event)
                }
                Source::Containerd => true,
                _ => false,
            };
            ends.extend(found.into_iter().find(|end| end.r#where.cluster == event.r#where.cluster && own(end)));
        }
        ends.sort_by_key(|end| order(end));
        let mut own = Vec::new();
        for end in ends {
            if !in_between(store, event, &end, (node, &pid))? && is_of_container(case, event, &end)? {
                own.push(end);
            }
        }
        Ok(json_of(&own))
    }
}

/// Whether another program was started under the number (of this node) before the end.
fn in_between(store: &Store<'_>, event: &Event, end: &Event, (node, pid): (&str, &str)) -> Result<bool, AnswerError> {
    let window = Window { since: Some(event.when.event.nanos), until: end.when.event.nanos.checked_add(1) };
    for call in ["execve", "execveat"] {
        let all = [("where.node", node), ("how.pid", pid), ("how.syscall", call)];
        let found = store.having(&all, window, PROGRAMS_MAX)?;
        let later = |other: &Arc<Event>| started(other).is_some() && order(other) > order(event);
        let there = |other: &Arc<Event>| later(other) && other.r#where.cluster == event.r#where.cluster;
        if found.len() >= PROGRAMS_MAX || found.iter().any(there) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a runtime says of a task is about a process of that container alone.
fn is_of_container(case: &Case<'_>, event: &Event, end: &Event) -> Result<bool, AnswerError> {
    if end.source != Source::Containerd {
        return Ok(true);
    }
    let why = correlate::why(case, &Arc::new(event.clone())).map_err(failed)?;
    let within = why.within.map(|within| within.id);
    Ok(within.is_some() && within == end.r#where.container_id)
}

/// One end, as all who tell of it say it: the first has the time, a crash the signal, another one perhaps the code.
fn json_of(ends: &[Arc<Event>]) -> Option<Value> {
    let first = ends.first()?;
    let mut value = Map::new();
    value.insert("time".to_owned(), json!(rfc3339(first.when.event)));
    let code = ends.iter().find_map(|end| code(end));
    value.extend(code.map(|code| ("code".to_owned(), json!(code))));
    let signal = ends.iter().find_map(|end| argument(end, "sig"));
    value.extend(signal.map(|signal| ("signal".to_owned(), json!(signal))));
    value.extend(first.who.asserted_by.map(|by| ("asserted_by".to_owned(), json!(by.name()))));
    let ids: Vec<String> = ends.iter().map(|end| end.id.to_string()).collect();
    value.insert("events".to_owned(), json!(ids));
    Some(Value::Object(value))
}

fn argument<'e>(end: &'e Event, name: &str) -> Option<&'e str> {
    end.how.args.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn code(end: &Event) -> Option<u64> {
    match end.source {
        // The kernel keeps the lowest byte.
        Source::Linux if end.how.syscall.is_some() => {
            argument(end, "a0").and_then(|code| u64::from_str_radix(code, 16).ok()).map(|code| code & 0xff)
        }
        Source::Linux => None,
        _ => end.what.code.as_deref().and_then(|code| code.parse().ok()),
    }
}

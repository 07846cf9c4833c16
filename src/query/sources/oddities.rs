//! What deponent's own events say of logs: records that could not be read, bytes that may be lost, files with an oddity.
//!
//! They are found by the index; each names its log by its batch or in its record. Not here: holes between batches (`gaps`).

use super::super::answer::AnswerError;
use super::super::engine::View;
use super::log::{Log, Name};
use crate::config::KERNEL_AUDIT;
use crate::evidence::Door;
use crate::index::{Hit, Plan, TermTest, Window, resolve};
use crate::source::source_id;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;

/// Adds them to the logs.
pub fn add(view: &View, logs: &mut BTreeMap<Name, Log>) -> Result<(), AnswerError> {
    // Bad records of one batch follow each other.
    let mut last: Option<(u64, Name)> = None;
    each(view, "bad-record", &mut |hit| {
        // The same bytes at the same place of files that begin alike are one event: it counts for each of their logs.
        let mut counted: Vec<Name> = Vec::new();
        for at in hit.places.iter() {
            if last.as_ref().is_none_or(|(leaf, _)| *leaf != at.leaf) {
                last = Some((at.leaf, Name::of(&view.reader.entry(at.leaf)?.header)));
            }
            if let Some((_, name)) = last.as_ref().filter(|(_, name)| !counted.contains(name)) {
                counted.push(name.clone());
                if let Some(log) = logs.get_mut(name) {
                    log.bad_records += 1;
                }
            }
        }
        Ok(())
    })?;
    let by_path = by_path(logs);
    each(view, "gap", &mut |hit| {
        let Some(own) = record(view, hit)? else { return Ok(()) };
        let number = |name: &str| own.get(name).and_then(Value::as_u64);
        if let Some(log) = named(logs, &by_path, &own) {
            log.gaps += 1;
            let range = number("from").zip(number("to_at_least"));
            let range = range.map(|(from, to)| format!(": bytes from {from} to {to} or more may be lost"));
            log.say(hit.when, || format!("{}{}", word(&own, "reason"), range.unwrap_or_default()));
        }
        Ok(())
    })?;
    each(view, "file-issue", &mut |hit| {
        let Some(own) = record(view, hit)? else { return Ok(()) };
        if let Some(log) = named(logs, &by_path, &own) {
            log.file_issues += 1;
            let at = own.get("at").and_then(Value::as_u64).unwrap_or(0);
            log.say(hit.when, || format!("{} at byte {at}: {}", word(&own, "kind"), word(&own, "detail")));
        }
        Ok(())
    })
}

/// Calls back with every own event of that action, in the order of the log.
fn each(view: &View, action: &str, each: &mut dyn FnMut(&Hit) -> Result<(), AnswerError>) -> Result<(), AnswerError> {
    let is = |name: &str, value: &str| Plan::Terms {
        fields: resolve(name).unwrap_or_default(),
        test: TermTest::Is(value.to_owned()),
    };
    let plan = Plan::And(vec![is("source", "self"), is("what.action", action)]);
    let mut failed = None;
    view.searcher.select(&plan, Window::ALL)?.for_each(
        true,
        &mut |hit| match view.in_time().and_then(|()| each(&hit)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
    );
    failed.map_or(Ok(()), Err)
}

/// The own record of an event.
fn record(view: &View, hit: &Hit) -> Result<Option<Value>, AnswerError> {
    let Some(at) = hit.places.iter().next() else { return Ok(None) };
    Ok(serde_json::from_slice(&view.reader.record(at)?).ok())
}

fn word<'v>(own: &'v Value, name: &str) -> &'v str {
    own.get(name).and_then(Value::as_str).unwrap_or("?")
}

/// Logs by their path as own records write it.
fn by_path(logs: &BTreeMap<Name, Log>) -> HashMap<String, Vec<Name>> {
    let mut found: HashMap<String, Vec<Name>> = HashMap::new();
    for name in logs.keys() {
        let path = match &name.path {
            Some(path) => String::from_utf8_lossy(path).into_owned(),
            None if name.source == source_id(&name.node, Path::new(KERNEL_AUDIT)) => KERNEL_AUDIT.to_owned(),
            None => continue,
        };
        found.entry(path).or_default().push(name.clone());
    }
    found
}

/// The log that an own record is about: of those with its path (and its source, where it names one) the one that was read last, no import.
fn named<'l>(
    logs: &'l mut BTreeMap<Name, Log>,
    by_path: &HashMap<String, Vec<Name>>,
    own: &Value,
) -> Option<&'l mut Log> {
    let source = own.get("source").and_then(Value::as_str);
    let names = by_path.get(word(own, "path"))?.iter().filter(|name| source.is_none_or(|source| source == name.source));
    let followed = |log: &Log| log.door != Some(Door::Ingest);
    let name = names
        .filter_map(|name| logs.get(name).filter(|log| followed(log)).map(|log| (log.leaf, name)))
        .max_by_key(|(leaf, _)| *leaf)?
        .1;
    logs.get_mut(name)
}

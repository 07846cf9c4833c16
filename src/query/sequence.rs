//! `| sequence by F within D [a] [b] …`: events that match one step after the other and have a value of F in common.
//!
//! Not here: the grammar (`parse`), single filters (`engine`).

use super::answer::{AnswerError, Sink};
use super::engine::{Filtered, View, event_line};
use super::{Filter, load};
use crate::index::{Field, Hit};
use crate::model::Event;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Events that a sequence looks at.
const EVENTS_MAX: usize = 200_000;

/// What a sequence was asked for with.
pub struct Asked {
    /// The fields of the common value.
    pub fields: Vec<&'static Field>,
    /// Their name as written.
    pub name: String,
    /// Longest time from the first to the last event.
    pub within_ns: i64,
    /// The steps, in order.
    pub steps: Vec<Filter>,
}

/// The distinct values of the fields in an event.
pub fn values(fields: &[&'static Field], event: &Event) -> Vec<String> {
    let mut found = Vec::new();
    for field in fields {
        (field.values)(event, &mut |value| {
            if !found.iter().any(|known| known == value) {
                found.push(value.to_owned());
            }
        });
    }
    found
}

struct Candidate {
    hit: Hit,
    values: Vec<String>,
    steps: u8,
}

/// Sends one line a sequence, in order of its last event. An event that completes a sequence starts no overlapping one with the same value.
pub fn sequences(view: &View, all: &Filtered<'_>, asked: &Asked, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut candidates: BTreeMap<(i64, crate::model::EventId), Candidate> = BTreeMap::new();
    for (number, step) in asked.steps.iter().enumerate() {
        all.and(step).each(|hit, event, _| {
            let found = values(&asked.fields, &event);
            let key = (hit.when, hit.id);
            let bit = 1u8.checked_shl(u32::try_from(number).unwrap_or(u32::MAX)).unwrap_or(0);
            candidates.entry(key).or_insert(Candidate { hit, values: found, steps: 0 }).steps |= bit;
            if candidates.len() > EVENTS_MAX {
                let message = format!(
                    "the steps of the sequence match more than {EVENTS_MAX} events; narrow the query or the time"
                );
                return Err(AnswerError::Limit(message));
            }
            Ok(())
        })?;
    }
    let candidates: Vec<Candidate> = candidates.into_values().collect();
    for (value, members) in complete(&candidates, asked) {
        let mut events = Vec::new();
        for hit in members {
            let (event, records) = load::hit(&view.reader, hit, false)?;
            events.push(event_line(&event, &records, false));
        }
        sink(json!({ "sequence": { "by": asked.name, "value": value, "events": events } }))?;
    }
    Ok(())
}

/// Every complete sequence: its value and its events.
fn complete<'c>(candidates: &'c [Candidate], asked: &Asked) -> Vec<(&'c str, Vec<&'c Hit>)> {
    let mut open: HashMap<&str, Vec<Vec<&Hit>>> = HashMap::new();
    let mut found = Vec::new();
    let last = asked.steps.len();
    for candidate in candidates {
        for value in &candidate.values {
            let partial = open.entry(value.as_str()).or_insert_with(|| vec![Vec::new(); last]);
            // From the last step to the first, so that one event does not take two steps at once.
            for step in (0..last).rev() {
                if candidate.steps >> step & 1 == 0 {
                    continue;
                }
                let mut members =
                    match step.checked_sub(1).map(|before| partial.get(before).cloned().unwrap_or_default()) {
                        None => Vec::new(),
                        Some(members) if members.is_empty() => continue,
                        Some(members) => members,
                    };
                let start = members.first().map_or(candidate.hit.when, |hit: &&Hit| hit.when);
                if candidate.hit.when.saturating_sub(start) > asked.within_ns {
                    continue;
                }
                members.push(&candidate.hit);
                if step + 1 == last {
                    found.push((value.as_str(), members));
                    partial.iter_mut().for_each(Vec::clear);
                    break;
                } else if let Some(slot) = partial.get_mut(step) {
                    *slot = members;
                }
            }
        }
    }
    found
}

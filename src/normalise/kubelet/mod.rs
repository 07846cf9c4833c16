//! The kubelet's log: pods, containers, exec sessions, its HTTP log lines.
//!
//! klog text has no year and no zone: the latest year that is not after the line's reception, and UTC, are assumed, and `show` says so.
//! Inside: `cgroup` (control groups), `place` (the pod and container that a line names), `http` (requests to the kubelet's server), `duration` (how long they took).
//! Not here: reading the line itself (`deponent_parsers::klog`), the identity of its event (`line`, `identity`), what belongs together (`correlate`).

mod cgroup;
mod duration;
mod http;
mod place;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

use deponent_parsers::klog::{self, NotALine, Reading};

use super::{Bad, Context, Key};
use super::{control, line};
use crate::model::{AssertedBy, Event, Object, Outcome, RecordFields, Source, Str};

pub(super) use http::{latency, request};
pub(super) use place::of as place;

/// A text that makes a longer action than this is no message of the kubelet.
const ACTION_BYTES_MAX: usize = 96;

/// The event of a line. Of a request it is the beginning, although the line is written at its end.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let text = klog::text(bytes);
    let reading = klog::read(&text).map_err(|error| {
        let kind = if matches!(error, NotALine::Time(_)) { "no-time" } else { "not-a-line" };
        Bad { kind, detail: error.to_string() }
    })?;
    let latency = latency(&reading.line);
    let mut key = line::key(Source::Kubelet, context, bytes, Some(reading.line))?;
    if let Some(latency) = latency {
        key.when.nanos = key.when.nanos.saturating_sub(latency);
    }
    Ok(key)
}

/// The fields of a line under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    line::fields(klog::parse(&klog::text(bytes)))
}

/// The event of a line.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = klog::text(bytes);
    let Ok(Reading { line, issues }) = klog::read(&text) else {
        return super::own::empty(context, key.id, key.when);
    };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Kubelet);
    event.issues.extend(line::not_utf8(bytes));
    place(&line, &mut event.r#where);
    let message = line.message.as_ref();
    match message {
        _ if control::is_flag(message, &mut event) => {}
        "Added Container" => {
            event.what.action = "added-container".into();
            event.what.object = Some(Object {
                kind: Some("container".into()),
                namespace: event.r#where.namespace.clone(),
                name: event.r#where.container_id.clone(),
                ..Object::default()
            });
        }
        "HTTP" => request(&line, &mut event),
        _ if is_probe(message) || line.field("probeType").is_some() => {
            event.what.action = "probed".into();
            match message {
                "Probe succeeded" => event.what.outcome = Outcome::Success,
                "Probe failed" | "Probe errored" => event.what.outcome = Outcome::Failure,
                _ => {}
            }
        }
        _ if message.starts_with("SyncLoop") || message.starts_with("Killing container") => {
            event.what.action = action(message).unwrap_or(event.what.action);
        }
        "Event occurred" => control::occurred(&line, &mut event),
        _ if message.starts_with("error while reading \"") => event.what.action = "failed-to-read".into(),
        _ => match line::action(message, &line.fields) {
            Some(action) => event.what.action = action,
            None => cgroup::read(message, &mut event),
        },
    }
    line::note(&mut event, &issues);
    event
}

/// What the kubelet says about its own probes: they come from nobody.
fn is_probe(message: &str) -> bool {
    ["Probe ", "Exec-Probe", "HTTP-Probe", "TCP-Probe", "GRPC-Probe"].iter().any(|start| message.starts_with(start))
}

/// A message as an action: `SyncLoop (PLEG): event for pod` → `syncloop-pleg-event-for-pod`. `None` when that is no name.
fn action(message: &str) -> Option<Str> {
    let words = message.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let action = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    (action.len() <= ACTION_BYTES_MAX).then(|| action.into())
}

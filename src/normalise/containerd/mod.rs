//! containerd's log and event stream: sandboxes, containers, tasks, execs.
//!
//! Inside: `log` and `stream` (the events of their lines), `message` (what the texts of the log mean), `klog` (lines of its streaming server).
//! `log` also reads the lines of CRI-O and dockerd. Not here: what those say (`crio`, `docker`), reading the line itself (`deponent_parsers::containerd`),
//! the identity of its event (`identity`), what belongs together (`correlate`).

mod klog;
mod log;
mod message;
mod stream;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

use deponent_parsers::containerd::NotALine;
use deponent_parsers::kubernetes::Stamp;
use deponent_parsers::linux;

use super::line::{note, some};
use super::{Bad, Context, Key, own};
use crate::model::{AssertedBy, Event, EventIssue, Source, Str};

pub use log::{log_event, log_fields, log_key};
pub use stream::{of_topic, stream_event, stream_fields, stream_key};

/// The key of a line of that time.
fn key_of(source: Source, context: Context<'_>, time: Stamp, line: &[u8]) -> Key {
    super::line::key_at(source, context, line, time)
}

fn bad(error: NotALine) -> Bad {
    let kind = if error == NotALine::Time { "no-time" } else { "not-a-line" };
    Bad { kind, detail: error.to_string() }
}

/// An event that says nothing but who recorded it.
fn empty(key: &Key, context: Context<'_>) -> Event {
    let mut event = own::empty(context, key.id, key.when);
    event.source = key.source;
    event.who.asserted_by = Some(AssertedBy::Runtime);
    event.what.action = "logged".into();
    event
}

fn unclean(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err()
}

fn not_utf8(what: &str) -> EventIssue {
    let detail = format!("{what} has bytes that are not UTF-8, shown as \\xNN").into();
    EventIssue { kind: "not-utf8".into(), detail }
}

/// The text of bytes; bytes that are not UTF-8 become `\xNN`.
fn text(bytes: &[u8]) -> Str {
    Str::from(linux::text(bytes).0)
}

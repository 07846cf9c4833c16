//! The event of a line of a container runtime's log: containerd, CRI-O and dockerd write theirs with one library.
//!
//! Not here: what its text means (`message`, `crio`, `docker`), lines of klog's form (`klog`).

use deponent_parsers::containerd::{self, NotALine};

use super::{Bad, Context, Key, bad, empty, key_of, klog, message, not_utf8, note, text, unclean};
use crate::model::{Event, Outcome, RecordFields, Source, Str};
use crate::normalise::{crio, docker};

/// Levels of a line that reports a failure.
const FAILURE_LEVELS: [&str; 3] = ["error", "fatal", "panic"];

/// The event of a line.
pub fn log_key(source: Source, context: Context<'_>, line: &[u8]) -> Result<Key, Bad> {
    match containerd::line(line) {
        Ok(read) => Ok(key_of(source, context, read.time, line)),
        Err(NotALine::Form) if source == Source::Containerd => klog::key(context, line),
        Err(error) => Err(bad(error)),
    }
}

/// The event of a line.
pub fn log_event(key: &Key, context: Context<'_>, line: &[u8]) -> Event {
    let Ok(read) = containerd::line(line) else {
        return klog::event(key, context, line);
    };
    let mut event = empty(key, context);
    let level = read.level.as_deref().map(text);
    event.how.args.extend(level.clone().map(|level| ("level".into(), level)));
    event.what.message = read.message.as_deref().map(text);
    // What the text says stands before the line's own fields, so that no field can stand in for it.
    if let Some(message) = event.what.message.clone() {
        match key.source {
            Source::Crio => crio::understand(&message, &read, &mut event),
            Source::Docker => docker::understand(&message, &read, &mut event),
            _ => message::understand(&message, &mut event),
        }
    }
    let others: Vec<(Str, Str)> = read.others().map(|(name, value)| (text(name), text(value))).collect();
    event.how.args.extend(others);
    let failed = level.is_some_and(|level| FAILURE_LEVELS.iter().any(|name| level.eq_ignore_ascii_case(name)));
    if failed && event.what.outcome == Outcome::Unknown {
        event.what.outcome = Outcome::Failure;
    }
    note(&mut event, &read.issues);
    for (name, _) in read.all.iter().filter(|(name, value)| unclean(name) || unclean(value)) {
        event.issues.push(not_utf8(&text(name)));
    }
    event
}

/// The fields of a line under their own names.
pub fn log_fields(line: &[u8]) -> RecordFields {
    let Ok(read) = containerd::line(line) else {
        return klog::fields(line);
    };
    let fields: Vec<(Str, Str)> = read.all.iter().map(|(name, value)| (text(name), text(value))).collect();
    RecordFields {
        at: None,
        record: read.level.as_deref().map(text).unwrap_or_default(),
        fields,
        ..RecordFields::default()
    }
}

//! containerd's log and event stream: sandboxes, containers, tasks, execs.
//!
//! Not here: reading the line itself (`deponent_parsers`), the identity of its event (`identity`).

use super::{Bad, Context, Key};
use crate::model::{Event, RecordFields};

/// The event of a line.
pub fn log_key(_context: Context<'_>, _line: &[u8]) -> Result<Key, Bad> {
    Err(Bad { kind: "not-a-line", detail: "not read".to_owned() })
}

/// The event of a line.
pub fn log_event(key: &Key, context: Context<'_>, _line: &[u8]) -> Event {
    super::own::empty(context, key.id, key.when)
}

/// The fields of a line under their own names.
pub fn log_fields(_line: &[u8]) -> RecordFields {
    RecordFields::default()
}

/// The event of a line.
pub fn stream_key(_context: Context<'_>, _line: &[u8]) -> Result<Key, Bad> {
    Err(Bad { kind: "not-a-line", detail: "not read".to_owned() })
}

/// The event of a line.
pub fn stream_event(key: &Key, context: Context<'_>, _line: &[u8]) -> Event {
    super::own::empty(context, key.id, key.when)
}

/// The fields of a line under their own names.
pub fn stream_fields(_line: &[u8]) -> RecordFields {
    RecordFields::default()
}

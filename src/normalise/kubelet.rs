//! The kubelet's log: pods, containers, exec sessions, its HTTP log lines.
//!
//! Not here: reading the line itself (`deponent_parsers`), the identity of its event (`identity`).

use super::{Bad, Context, Key};
use crate::model::{Event, RecordFields};

/// The event of a line.
pub fn key(_context: Context<'_>, _line: &[u8]) -> Result<Key, Bad> {
    Err(Bad { kind: "not-a-line", detail: "not read".to_owned() })
}

/// The event of a line.
pub fn event(key: &Key, context: Context<'_>, _line: &[u8]) -> Event {
    super::own::empty(context, key.id, key.when)
}

/// The fields of a line under their own names.
pub fn fields(_line: &[u8]) -> RecordFields {
    RecordFields::default()
}

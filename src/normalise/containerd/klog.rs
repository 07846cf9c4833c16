//! Lines of klog's form within containerd's log: its streaming server (exec, attach, port-forward) is a library of Kubernetes and writes as that does.
//!
//! They are not read yet, so each becomes a bad record: this is the place where the reader of klog's lines belongs.
//! Not here: the lines of the kubelet (`normalise::kubelet`).

use super::{Bad, Context, Key, bad, empty};
use crate::model::{Event, RecordFields};
use deponent_parsers::containerd::NotALine;

/// The event of a line.
pub fn key(_context: Context<'_>, _line: &[u8]) -> Result<Key, Bad> {
    Err(bad(NotALine::Form))
}

/// The event of a line that has a key.
pub fn event(key: &Key, context: Context<'_>, _line: &[u8]) -> Event {
    empty(key, context)
}

/// The fields of a line under their own names.
pub fn fields(_line: &[u8]) -> RecordFields {
    RecordFields::default()
}

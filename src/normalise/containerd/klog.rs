//! Lines of klog's form within containerd's log: its streaming server (exec, attach, port-forward) is a library of Kubernetes and writes as that does.
//!
//! Not here: reading the line itself (`deponent_parsers::klog`), the year that it does not have (`normalise::line`), the kubelet's lines (`kubelet`).

use deponent_parsers::containerd::NotALine;
use deponent_parsers::klog::{self, NotALine as NotKlog, Reading};

use super::{Bad, Context, Key, bad, empty, note, unclean};
use crate::model::{AssertedBy, Event, RecordFields, Source};
use crate::normalise::line;

/// The event of a line.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    match klog::read(&klog::text(bytes)) {
        Ok(reading) => line::key(Source::Containerd, context, bytes, Some(reading.line)),
        Err(NotKlog::Time(_)) => Err(bad(NotALine::Time)),
        Err(_) => Err(bad(NotALine::Form)),
    }
}

/// The event of a line that has a key.
pub fn event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = klog::text(bytes);
    let Ok(Reading { line, issues }) = klog::read(&text) else {
        return empty(key, context);
    };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Runtime);
    note(&mut event, &issues);
    if unclean(bytes) {
        event.issues.push(super::not_utf8("the line"));
    }
    event
}

/// The fields of a line under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    line::fields(klog::parse(&klog::text(bytes)))
}

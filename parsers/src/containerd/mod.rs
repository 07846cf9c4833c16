//! containerd: its log and its event stream, one line each.
//!
//! Inside: `log` (a line of the log, logfmt or JSON), `logfmt` (name and value), `stream` (a line of `ctr events`).
//! Not here: what a line means (`deponent::normalise`), klog's lines, which containerd's streaming server writes into the same log (`klog`).

mod log;
mod logfmt;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use log::{Line, NotALine, line};
pub use stream::{Member, StreamLine, stream_line};

/// Fields of one line at most; an issue says when a line has more.
pub const FIELDS_MAX: usize = 256;

/// Name and value of a field, decoded.
pub type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Whether a line is of containerd's log: logfmt that begins with a time and a level, or a JSON object with `time`, `level` and `msg`.
pub fn is_line(text: &[u8]) -> bool {
    match text.first() {
        Some(b'{') => line(text).is_ok_and(|line| line.level.is_some() && line.message.is_some()),
        _ => logfmt::begins(text),
    }
}

/// Whether a line is of `ctr events`.
pub fn is_stream_line(text: &[u8]) -> bool {
    stream_line(text).is_ok()
}

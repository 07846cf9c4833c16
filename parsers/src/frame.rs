//! Cuts bytes into frames, one a record; their concatenation is the input.
//!
//! However the bytes arrive, the records are the same, and a byte is looked at about once. Nothing is judged here: what is no record becomes a frame too.
//! Inside: `auditd` (folded lines), `joined` (lines that go on in the next), `json` (audit.k8s.io: lines, lists, pretty-printed objects). Not here: reading a record (`linux`, `kubernetes`).

mod auditd;
mod joined;
mod json;
#[cfg(test)]
mod tests;

use auditd::Auditd;
use joined::Joined;
use json::Json;

pub use joined::Joins;

/// The longest frame; a longer record is cut here and goes on in the next frame.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// How a format is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of auditd: a backslash before the line end folds, unless the next line starts a record.
    Auditd,
    /// audit.k8s.io: JSON lines, the items of a list, single or pretty-printed objects.
    KubernetesAudit,
    /// Plain lines.
    Lines,
    /// Lines that may go on in the next one.
    Joined(Joins),
}

/// A frame at the start of the unread bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the frame, 1 to `FRAME_BYTES_MAX`.
    pub len: usize,
    /// The record is longer than a frame and goes on in the next one.
    pub goes_on: bool,
}

/// Cuts a stream of bytes, remembering where it is within a record.
#[derive(Debug, Clone)]
pub struct Framer {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Auditd(Auditd),
    Json(Json),
    Joined(Joined),
    /// How many of the unread bytes are known to hold no line end.
    Lines(usize),
}

impl Framer {
    /// At the start of a stream.
    pub fn new(format: Format) -> Framer {
        let state = match format {
            Format::Auditd => State::Auditd(Auditd::default()),
            Format::KubernetesAudit => State::Json(Json::default()),
            Format::Lines => State::Lines(0),
            Format::Joined(joins) => State::Joined(Joined::new(joins)),
        };
        Framer { state }
    }

    /// The next frame at the start of `unread`, or `None` when more bytes are needed, which is never so for `FRAME_BYTES_MAX` bytes. The caller
    /// consumes `Cut::len` bytes and calls again; after `None` it calls with the same bytes and more behind them. `end`: nothing will ever come behind
    /// them, so a rest is a frame.
    ///
    /// Blank lines are no records. They belong to the frame before them when they are there as soon as it is, so that a file that ends in some has no
    /// frame of blanks; else, as a line is not held back for what may follow it, to the frame behind them. A stream of nothing else is one frame.
    /// A record that would need a look behind its 1,048,576th byte to know whether it goes on ends there.
    pub fn next(&mut self, unread: &[u8], end: bool) -> Option<Cut> {
        let window = unread.get(..FRAME_BYTES_MAX).unwrap_or(unread);
        let end = end && window.len() == unread.len();
        let cut = match &mut self.state {
            State::Auditd(auditd) => auditd.next(window, end),
            State::Json(json) => json.next(unread, window, end),
            State::Joined(joined) => return joined.next(window, end),
            State::Lines(scanned) => return lines(scanned, window, end),
        };
        cut.map(|cut| with_blank_lines(cut, window, end))
    }
}

/// A frame that ends with its line, and the blank lines behind it.
fn with_blank_lines(cut: Cut, window: &[u8], end: bool) -> Cut {
    let (frame, behind) = window.split_at_checked(cut.len).unwrap_or((window, &[]));
    if cut.goes_on || frame.last() != Some(&b'\n') {
        return cut;
    }
    let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
    let blanks = behind.get(..blanks).unwrap_or_default();
    let lines = if end && blanks.len() == behind.len() {
        blanks.len()
    } else {
        // The blanks of the last line may be those before a record.
        memchr::memrchr(b'\n', blanks).map_or(0, |newline| newline + 1)
    };
    Cut { len: cut.len + lines, goes_on: false }
}

fn lines(scanned: &mut usize, window: &[u8], end: bool) -> Option<Cut> {
    let found = memchr::memchr(b'\n', window.get(*scanned..).unwrap_or_default());
    let cut = match found {
        Some(at) => Cut { len: *scanned + at + 1, goes_on: false },
        None => rest(window, end).or_else(|| {
            *scanned = window.len();
            None
        })?,
    };
    *scanned = 0;
    Some(cut)
}

/// What to do with bytes in which no frame ends: a full window is cut, the end of the stream is a frame.
fn rest(window: &[u8], end: bool) -> Option<Cut> {
    if window.len() >= FRAME_BYTES_MAX {
        return Some(Cut { len: window.len(), goes_on: true });
    }
    (end && !window.is_empty()).then_some(Cut { len: window.len(), goes_on: false })
}

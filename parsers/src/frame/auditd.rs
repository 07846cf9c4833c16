//! Lines of auditd. A backslash before the line end folds: the next line belongs to the same record, unless it starts one itself, so that
//! no value that ends in a backslash can swallow the record behind it.
//!
//! Not here: joining the folded lines (`linux`).

use super::{Cut, FRAME_BYTES_MAX, rest};

/// Folds of one record at most; the line behind the last one is a record of its own.
const FOLDS_MAX: u32 = 1_000;
/// What a line starts with that is a record by itself.
const STARTS: [&[u8]; 2] = [b"type=", b"node="];

/// Where the framer is.
#[derive(Debug, Clone, Default)]
pub struct Auditd {
    /// Start of the current line in the unread bytes.
    line: usize,
    /// How many of the unread bytes were searched for a line end.
    scanned: usize,
    /// Folds of the record so far.
    folds: u32,
    /// The record has begun: a blank line now would end it.
    begun: bool,
}

enum Next {
    Folds,
    Starts,
    NotYet,
}

impl Auditd {
    /// See `Framer::next`; `window` holds at most a frame.
    pub fn next(&mut self, window: &[u8], end: bool) -> Option<Cut> {
        loop {
            let found = memchr::memchr(b'\n', window.get(self.scanned..).unwrap_or_default());
            let Some(newline) = found.map(|at| self.scanned + at) else {
                self.scanned = window.len();
                let cut = rest(window, end)?;
                return Some(self.cut(cut));
            };
            let behind = newline + 1;
            let line = window.get(self.line..newline).unwrap_or_default();
            if !self.begun && line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) {
                (self.line, self.scanned) = (behind, behind);
                continue;
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // A line that was cut at the limit may have lost its start, never its end.
            if line.last() == Some(&b'\\') && self.folds < FOLDS_MAX {
                match next(window.get(behind..).unwrap_or_default(), end || window.len() >= FRAME_BYTES_MAX) {
                    Next::Folds => {
                        self.begun = true;
                        self.folds += 1;
                        (self.line, self.scanned) = (behind, behind);
                        continue;
                    }
                    Next::NotYet => {
                        self.scanned = newline;
                        return None;
                    }
                    Next::Starts => {}
                }
            }
            return Some(self.cut(Cut { len: behind, goes_on: false }));
        }
    }

    fn cut(&mut self, cut: Cut) -> Cut {
        let folds = if cut.goes_on { self.folds } else { 0 };
        *self = Auditd { line: 0, scanned: 0, folds, begun: cut.goes_on };
        cut
    }
}

/// Whether the line behind a backslash is folded onto it. `last`: no more bytes can be waited for.
fn next(behind: &[u8], last: bool) -> Next {
    if behind.is_empty() {
        return if last { Next::Starts } else { Next::NotYet };
    }
    let mut possible = false;
    for start in STARTS {
        if behind.starts_with(start) {
            return Next::Starts;
        }
        possible |= start.starts_with(behind);
    }
    match (possible, last) {
        (true, false) => Next::NotYet,
        // At the limit of a frame it is not known, and a record that is cut short is better than two in one.
        (true, true) => Next::Starts,
        (false, _) => Next::Folds,
    }
}

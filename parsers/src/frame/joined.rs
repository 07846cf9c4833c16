//! Lines that may go on in the next one: klog's messages of several lines, sudo's wrapped lines, the parts of a container's line.
//!
//! What a line that goes on looks like is told by how the next line begins (klog, indentation) or by its own mark (a container's `P`). A record of a
//! container's log ends once each stream that it holds a part of has ended its line. Not here: joining the text (`klog`, `syslog`, `container`).

use super::{Cut, FRAME_BYTES_MAX, rest};
use crate::container::{Stream, stream_of};

/// Whole lines of the other stream that a record holds at most while it waits for the end of its own.
const OTHERS_MAX: u32 = 16;

/// What joins lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    /// A line that does not begin as one of klog, as a JSON object or with a date belongs to the one before.
    Klog,
    /// A line that begins with a blank, or is empty, belongs to the one before.
    Indented,
    /// A part marked `P` goes on in the next line of its stream.
    Container,
}

/// Where the framer is.
#[derive(Debug, Clone)]
pub struct Joined {
    joins: Joins,
    /// Start of the current line in the unread bytes.
    line: usize,
    /// How many of the unread bytes were searched for a line end.
    scanned: usize,
    /// Streams of a container that have begun a line in this record and not ended it: standard output, standard error.
    open: [bool; 2],
    /// Whole lines in between.
    others: u32,
    /// The line whose beginning was handed out with the part before.
    cut_line: Option<(Stream, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoesOn,
    Starts,
    NotYet,
}

impl Joined {
    /// At the start of a stream.
    pub fn new(joins: Joins) -> Joined {
        Joined { joins, line: 0, scanned: 0, open: [false; 2], others: 0, cut_line: None }
    }

    /// See `Framer::next`; `window` holds at most a frame.
    pub fn next(&mut self, window: &[u8], end: bool) -> Option<Cut> {
        loop {
            let found = memchr::memchr(b'\n', window.get(self.scanned..).unwrap_or_default());
            let Some(newline) = found.map(|at| self.scanned + at) else {
                self.scanned = window.len();
                let cut = rest(window, end)?;
                return Some(self.cut(cut, window));
            };
            let behind = newline + 1;
            let next = match self.joins {
                Joins::Container => self.part(window.get(self.line..newline).unwrap_or_default()),
                joins => {
                    let last = end || window.len() >= FRAME_BYTES_MAX;
                    begins(joins, window.get(behind..).unwrap_or_default(), last)
                }
            };
            match next {
                Next::GoesOn => (self.line, self.scanned) = (behind, behind),
                Next::NotYet => {
                    self.scanned = newline;
                    return None;
                }
                Next::Starts => return Some(self.cut(Cut { len: behind, goes_on: false }, window)),
            }
        }
    }

    /// Whether the record goes on behind this line of a container's log.
    fn part(&mut self, line: &[u8]) -> Next {
        let Some((stream, partial)) = self.cut_line.take().or_else(|| stream_of(line)) else { return Next::Starts };
        let [out, err] = &mut self.open;
        let (own, other) = if stream == Stream::Stdout { (out, err) } else { (err, out) };
        if !partial && !*own && *other {
            self.others += 1;
        }
        *own = partial;
        // Whoever leaves a line of one stream open must not gather all lines of the other one in one record.
        let waits = (*own || *other) && self.others < OTHERS_MAX;
        if waits { Next::GoesOn } else { Next::Starts }
    }

    fn cut(&mut self, cut: Cut, window: &[u8]) -> Cut {
        if cut.goes_on {
            // The end of a line tells nothing without its beginning.
            let of_line = window.get(self.line..).filter(|line| !line.is_empty());
            let known = self.cut_line.take().filter(|_| self.line == 0);
            self.cut_line = known.or_else(|| of_line.and_then(stream_of)).filter(|_| self.joins == Joins::Container);
        } else {
            (self.open, self.others, self.cut_line) = ([false; 2], 0, None);
        }
        (self.line, self.scanned) = (0, 0);
        cut
    }
}

/// Whether a record begins with the line behind a line end. `last`: no more bytes can be waited for.
fn begins(joins: Joins, behind: &[u8], last: bool) -> Next {
    let Some(first) = behind.first() else { return if last { Next::Starts } else { Next::NotYet } };
    if matches!(joins, Joins::Indented) {
        return if matches!(first, b' ' | b'\t' | b'\r' | b'\n') { Next::GoesOn } else { Next::Starts };
    }
    // `I1123 `, `{`, `2026-11-23T`: of each byte, whether it may stand there.
    let shapes: [&[u8]; 3] = [b"L0000 ", b"{", b"0000-00-00T"];
    let fits = |shape: &u8, byte: &u8| match shape {
        b'L' => b"IWEF".contains(byte),
        b'0' => byte.is_ascii_digit(),
        other => other == byte,
    };
    let mut possible = false;
    for shape in shapes {
        if shape.iter().zip(behind).all(|(shape, byte)| fits(shape, byte)) {
            if behind.len() >= shape.len() {
                return Next::Starts;
            }
            possible = true;
        }
    }
    match (possible, last) {
        (true, false) => Next::NotYet,
        (true, true) => Next::Starts,
        (false, _) => Next::GoesOn,
    }
}

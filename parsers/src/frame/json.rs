//! audit.k8s.io: JSON lines, the items of a list, single or pretty-printed objects, all by the same rules, line by line:
//!
//! * an object is a frame, with the rest of its line when that is blank; another object on the line starts the next frame;
//! * a line that ends within an object goes on when the next one begins as pretty-printed JSON does (blank, `}`, `]`, `"`, `,`);
//!   else, or when it ends within a string, it was torn, and the next line starts anew: one bad line never takes another with it;
//! * items of a top-level array, or of `items` (`records`, `logEvents`, `events`: what cloud providers deliver) of a top-level object that does not begin
//!   with `"kind":"Event"`, are a frame each: what stands before the first item belongs to it, a comma and blanks to the item behind them, the end of the list to the last item;
//! * anything else is a frame up to the end of its line.
//!
//! Not here: whether it is JSON at all, and an event (`kubernetes`).

use super::{Cut, FRAME_BYTES_MAX, rest};
use crate::kubernetes::LISTS;
use crate::kubernetes::json::{DEPTH_MAX, special};

/// How the API server begins a line.
const EVENT: &[u8] = b"{\"kind\":\"Event\",";

/// Where the framer is.
#[derive(Debug, Clone, Default)]
pub struct Json {
    place: Place,
    /// How many of the unread bytes were looked at.
    scanned: usize,
    /// Open brackets of the current object.
    depth: u32,
    /// The list whose items are being cut.
    list: List,
    /// What is being read is the rest of the list's own object.
    tail: bool,
    /// The object at the top may turn out to be a list.
    may_be_list: bool,
    /// Strings directly within the object at the top so far, up to 2.
    texts: u8,
    /// The first of them was `kind`.
    kind_first: bool,
    /// The last of them was `items`, or another name of a list.
    items_last: bool,
    /// Where the current string begins, or something larger than any text.
    text_at: usize,
    /// Byte behind the last item.
    item_end: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// At the top, nothing but blanks so far.
    #[default]
    Start,
    /// Within an object, outside of strings.
    Value,
    /// Within a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// Within an object, behind a line end: the next byte decides.
    Line,
    /// In a list, before an item.
    Item,
    /// In a list, behind an item.
    AfterItem,
    /// Behind an object, on its line.
    After,
    /// In a line that is nothing.
    Other,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum List {
    #[default]
    None,
    /// `[…]`
    Array,
    /// `{…"items":[…]…}`
    Object,
}

impl Json {
    /// See `Framer::next`; `window` is the first frame's worth of `unread`.
    pub fn next(&mut self, unread: &[u8], window: &[u8], end: bool) -> Option<Cut> {
        if self.scanned == 0
            && self.place == Place::Start
            && let Some(len) = event_line(unread, window)
        {
            return Some(Cut { len, goes_on: false });
        }
        if let Some(len) = self.scan(window) {
            self.scanned = 0;
            return Some(Cut { len, goes_on: false });
        }
        let mut cut = rest(window, end)?;
        if !cut.goes_on {
            *self = Json::default();
            return Some(cut);
        }
        match self.place {
            Place::Line | Place::After => {
                *self = Json::default();
                cut.goes_on = false;
            }
            Place::AfterItem => {
                self.place = Place::Item;
                cut.goes_on = false;
            }
            _ => {}
        }
        self.scanned = 0;
        self.text_at = usize::MAX;
        Some(cut)
    }

    /// Looks at the window from where it left off; the length of the frame when it ends here.
    fn scan(&mut self, window: &[u8]) -> Option<usize> {
        loop {
            let at = self.scanned;
            let byte = *window.get(at)?;
            match self.place {
                Place::Start => self.start(byte),
                Place::Value => self.value(window),
                Place::Text => {
                    if let Some(torn) = self.text(window) {
                        return Some(torn);
                    }
                }
                Place::Escape if byte == b'\n' => return self.torn(at + 1),
                Place::Escape => {
                    self.place = Place::Text;
                    self.scanned += 1;
                }
                Place::Line => match byte {
                    b' ' | b'\t' | b'\r' | b'\n' | b'}' | b']' | b'"' | b',' => self.place = Place::Value,
                    _ => return self.torn(at),
                },
                Place::Item => self.item(byte),
                Place::AfterItem => {
                    if let Some(cut) = self.after_item(byte) {
                        return Some(cut);
                    }
                }
                Place::After => match byte {
                    b' ' | b'\t' | b'\r' | 0 => self.scanned += 1,
                    b'\n' => return self.torn(at + 1),
                    b'{' => return self.torn(at),
                    _ => self.place = Place::Other,
                },
                Place::Other => {
                    let Some(newline) = memchr::memchr(b'\n', window.get(at..)?) else {
                        self.scanned = window.len();
                        return None;
                    };
                    return self.torn(at + newline + 1);
                }
            }
        }
    }

    /// A frame ends, and whatever comes next starts anew.
    fn torn(&mut self, len: usize) -> Option<usize> {
        *self = Json::default();
        Some(len)
    }

    fn start(&mut self, byte: u8) {
        self.scanned += 1;
        match byte {
            // Blanks, the zeros of a torn write, a byte order mark.
            b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf => {}
            b'{' => {
                *self =
                    Json { scanned: self.scanned, place: Place::Value, depth: 1, may_be_list: true, ..Json::default() };
            }
            // The rest of a list that was torn begins with a comma.
            b'[' | b',' => {
                self.place = Place::Item;
                self.list = List::Array;
            }
            _ => {
                // The line end, if this is one, is still to be found.
                self.scanned -= 1;
                self.place = Place::Other;
            }
        }
    }

    /// Within an object, up to a string, a line end, or the end of the object.
    fn value(&mut self, window: &[u8]) {
        let bytes = window.get(self.scanned..).unwrap_or_default();
        for byte in bytes {
            self.scanned += 1;
            match byte {
                b'"' => {
                    self.place = Place::Text;
                    self.text_at = self.scanned;
                    return;
                }
                b'{' | b'[' => {
                    if *byte == b'[' && self.depth == 1 && self.items_last && self.may_be_list {
                        self.list = List::Object;
                        self.may_be_list = false;
                        self.place = Place::Item;
                        return;
                    }
                    if self.depth >= DEPTH_MAX {
                        self.place = Place::Other;
                        return;
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 && *byte == b']' {
                        // An object that ends like an array is none.
                        self.place = Place::Other;
                        return;
                    }
                    if self.depth == 0 {
                        self.place = if self.list == List::None || self.tail { Place::After } else { Place::AfterItem };
                        self.item_end = self.scanned;
                        return;
                    }
                }
                b'\n' => {
                    self.place = Place::Line;
                    return;
                }
                _ => {}
            }
        }
    }

    /// Within a string, up to its end; the length of the frame when the line ends before.
    fn text(&mut self, window: &[u8]) -> Option<usize> {
        loop {
            self.scanned += special(window.get(self.scanned..)?);
            match window.get(self.scanned)? {
                b'"' => {
                    if self.depth == 1 && self.may_be_list {
                        self.top_text(window.get(self.text_at..self.scanned).unwrap_or_default());
                    }
                    self.scanned += 1;
                    self.place = Place::Value;
                    return None;
                }
                b'\\' => {
                    self.scanned += 1;
                    self.place = Place::Escape;
                    return None;
                }
                b'\n' => return self.torn(self.scanned + 1),
                // Other control characters are not JSON, but no reason to cut.
                _ => self.scanned += 1,
            }
        }
    }

    /// A string directly within the object at the top, which tells events and lists apart.
    fn top_text(&mut self, text: &[u8]) {
        match self.texts {
            0 => self.kind_first = text == b"kind",
            1 if self.kind_first && text == b"Event" => self.may_be_list = false,
            _ => {}
        }
        self.texts = self.texts.saturating_add(1).min(2);
        self.items_last = LISTS.iter().any(|name| name.as_bytes() == text);
    }

    /// In a list, before an item.
    fn item(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => self.scanned += 1,
            b'{' => {
                self.scanned += 1;
                self.depth = 1;
                self.place = Place::Value;
            }
            b']' => self.close_list(),
            _ => *self = Json { scanned: self.scanned, place: Place::Other, ..Json::default() },
        }
    }

    /// In a list, behind an item: the length of its frame once the byte behind it is known.
    fn after_item(&mut self, byte: u8) -> Option<usize> {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.scanned += 1,
            b']' => self.close_list(),
            b',' => {
                self.place = Place::Item;
                return Some(self.item_end);
            }
            _ => return self.torn(self.item_end),
        }
        None
    }

    fn close_list(&mut self) {
        self.scanned += 1;
        if self.list == List::Object {
            self.tail = true;
            self.depth = 1;
            self.place = Place::Value;
        } else {
            self.place = Place::After;
        }
    }
}

/// The length of a line as the API server writes it, at memory speed. Exactly where `scan` would cut: the line begins with an event, so it is no list; it
/// ends in `}` and the next one begins with `{`, so it ends there, whole or torn; and nothing within it can be the end of one object and the start of another.
fn event_line(unread: &[u8], window: &[u8]) -> Option<usize> {
    if !window.starts_with(EVENT) {
        return None;
    }
    let newline = memchr::memchr(b'\n', window)?;
    if unread.get(newline + 1) != Some(&b'{') || newline + 1 >= FRAME_BYTES_MAX {
        return None;
    }
    let line = window.get(..newline)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.last() != Some(&b'}') {
        return None;
    }
    let ends = |at: usize| matches!(line.get(at + 1), Some(b' ' | b'\t' | b'\r' | b'{' | 0));
    (!memchr::memchr_iter(b'}', line).any(ends)).then_some(newline + 1)
}

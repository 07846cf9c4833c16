//! From a frame to the event in it: what stands around it (the start and end of a list, commas, blanks) is taken away and checked.
//!
//! The rules are those by which `frame` cuts. Not here: the event's members (`parse`, `key`).

use std::borrow::Cow;

use super::json::{Cursor, JsonError};

/// Why a frame holds no audit event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnEvent {
    /// Nothing but blanks.
    #[error("nothing but blanks")]
    Blank,
    /// A list without items.
    #[error("a list without items")]
    EmptyList,
    /// Bytes that JSON cannot hold.
    #[error("not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// Offset of the first such byte.
        at: usize,
    },
    /// Not JSON: torn, or something else.
    #[error("not JSON at line {line}, column {column}: {what}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// JSON, but of something else.
    #[error("JSON, but no audit event: it has neither an auditID nor an apiVersion of audit.k8s.io")]
    Other,
    /// An event that does not say when.
    #[error("an audit event without a time that can be read (requestReceivedTimestamp: {met})")]
    NoTime {
        /// What stands there.
        met: String,
    },
}

impl NotAnEvent {
    /// A short fixed name, countable.
    pub fn kind(&self) -> &'static str {
        match self {
            NotAnEvent::Blank => "blank",
            NotAnEvent::EmptyList => "empty-list",
            NotAnEvent::NotUtf8 { .. } => "not-utf8",
            NotAnEvent::NotJson { .. } => "not-json",
            NotAnEvent::Other => "not-an-event",
            NotAnEvent::NoTime { .. } => "no-time",
        }
    }
}

/// Members of an object that is a list: of an EventList, of what Azure exports, of what CloudWatch delivers and prints.
pub(crate) const LISTS: [&str; 4] = ["items", "records", "logEvents", "events"];

/// An event's place in its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located<'a> {
    /// The whole frame.
    pub frame: &'a str,
    /// First byte of the event's object.
    pub start: usize,
    /// Byte behind it.
    pub end: usize,
    /// It is an item of a list.
    pub in_list: bool,
    /// Where bytes begin that belong neither to the event nor to the end of a list.
    pub trailing: Option<usize>,
}

impl<'a> Located<'a> {
    /// The event's object alone.
    pub fn json(&self) -> &'a str {
        self.frame.get(self.start..self.end).unwrap_or("")
    }
}

/// Finds the event's object in a frame, reading all of it as JSON.
///
/// # Errors
/// When there is none.
pub fn locate(frame: &[u8]) -> Result<Located<'_>, NotAnEvent> {
    struct Skip;
    impl<'a> Sink<'a> for Skip {
        fn restart(&mut self) {}
        fn member(&mut self, cursor: &mut Cursor<'a>, _: Cow<'a, str>, _: usize) -> Result<(), JsonError> {
            cursor.skip().map(drop)
        }
    }
    walk(frame, &mut Skip)
}

/// Takes the members of the event's object.
pub(crate) trait Sink<'a> {
    /// The members so far belonged to the envelope of a list.
    fn restart(&mut self);
    /// Reads or skips the value of the member `name`, which stands at `at`.
    fn member(&mut self, cursor: &mut Cursor<'a>, name: Cow<'a, str>, at: usize) -> Result<(), JsonError>;
}

enum Stop {
    Json(JsonError),
    /// The object is a list, whose items begin at this byte.
    List(usize),
}

impl From<JsonError> for Stop {
    fn from(error: JsonError) -> Stop {
        Stop::Json(error)
    }
}

/// Feeds every member of the event in `frame` to `sink`.
pub(crate) fn walk<'a>(frame: &'a [u8], sink: &mut impl Sink<'a>) -> Result<Located<'a>, NotAnEvent> {
    let text = std::str::from_utf8(frame).map_err(|error| NotAnEvent::NotUtf8 { at: error.valid_up_to() })?;
    let not_json = |error: JsonError| {
        let (line, column) = error.line_and_column(frame);
        NotAnEvent::NotJson { line, column, what: error.what }
    };
    let start = text.len() - text.trim_start_matches(outside).len();
    let mut in_list = text.as_bytes().iter().take(start).any(|&byte| byte == b',');
    let mut cursor = Cursor::at(text, start);
    match cursor.peek() {
        None => return Err(if in_list { not_json(cursor.error("a comma alone")) } else { NotAnEvent::Blank }),
        Some(b'[') if !in_list => {
            in_list = true;
            cursor = item(text, start)?;
        }
        _ => {}
    }
    let mut start = cursor.offset();
    match object(&mut cursor, sink, !in_list) {
        Ok(()) => {}
        Err(Stop::Json(error)) => return Err(not_json(error)),
        Err(Stop::List(at)) => {
            sink.restart();
            in_list = true;
            cursor = item(text, at)?;
            start = cursor.offset();
            if let Err(Stop::Json(error)) = object(&mut cursor, sink, false) {
                return Err(not_json(error));
            }
        }
    }
    let end = cursor.offset();
    let mut located = Located { frame: text, start, end, in_list, trailing: None };
    behind(&mut located);
    Ok(located)
}

/// What may stand before an event: blanks, the comma behind another item, a byte order mark, the zeros of a torn write.
fn outside(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n' | ',' | '\u{feff}' | '\0')
}

/// The first item of the list whose bracket is at `at`.
fn item(text: &str, at: usize) -> Result<Cursor<'_>, NotAnEvent> {
    let mut cursor = Cursor::at(text, at.saturating_add(1));
    match cursor.peek() {
        Some(b']') => Err(NotAnEvent::EmptyList),
        _ => Ok(cursor),
    }
}

fn object<'a>(cursor: &mut Cursor<'a>, sink: &mut impl Sink<'a>, may_be_list: bool) -> Result<(), Stop> {
    let mut may_be_list = may_be_list;
    let mut first = true;
    cursor.object(|cursor, name, at| {
        if may_be_list {
            if first && name == "kind" && cursor.peek() == Some(b'"') {
                may_be_list = cursor.clone().string()? != "Event";
            } else if LISTS.contains(&name.as_ref()) && cursor.peek() == Some(b'[') {
                return Err(Stop::List(cursor.offset()));
            }
            first = false;
        }
        sink.member(cursor, name, at).map_err(Stop::Json)
    })
}

/// Looks at what stands behind the event.
fn behind(located: &mut Located<'_>) {
    let mut cursor = Cursor::at(located.frame, located.end);
    let rest = cursor.rest().trim_matches(['\0', ' ', '\t', '\r', '\n']);
    match rest {
        "" => {}
        "," => located.in_list = true,
        _ if cursor.peek() == Some(b']') => {
            located.in_list = true;
            cursor = Cursor::at(located.frame, cursor.offset() + 1);
            if list_end(&mut cursor).is_err() || !cursor.rest().trim_matches(['\0', ' ', '\t', '\r', '\n']).is_empty() {
                located.trailing = Some(cursor.offset());
            }
        }
        _ => located.trailing = Some(cursor.offset()),
    }
}

/// Passes over the members that may follow the items of a list, and its end.
fn list_end(cursor: &mut Cursor<'_>) -> Result<(), JsonError> {
    loop {
        match cursor.peek() {
            None => return Ok(()),
            Some(b'}') => {
                *cursor = Cursor::at(cursor.text(), cursor.offset() + 1);
                return Ok(());
            }
            Some(b',') => {
                let at = cursor.offset();
                let mut ahead = Cursor::at(cursor.text(), at + 1);
                let name = ahead.string()?;
                ahead.expect(b':', "a colon is expected here")?;
                if LISTS.contains(&name.as_ref()) {
                    return Err(cursor.error("a second list of items"));
                }
                ahead.skip()?;
                *cursor = ahead;
            }
            Some(_) => return Err(cursor.error("the end of the list is expected here")),
        }
    }
}

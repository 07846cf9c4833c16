//! One line of `ctr events`: `2026-11-23 20:59:10.735496056 +0000 UTC k8s.io /tasks/exec-started {json}`.
//!
//! Not here: what a topic means (`deponent::normalise`).

use std::borrow::Cow;

use super::{FIELDS_MAX, NotALine};
use crate::issue::Issue;
use crate::kubernetes::Stamp;
use crate::kubernetes::json::{Cursor, JsonError, Shape};
use crate::linux::text;

/// Name and value of a member of an event.
pub type Member<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A line of the event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamLine<'a> {
    /// When containerd published the event.
    pub time: Stamp,
    /// The same as it stands.
    pub time_text: Cow<'a, str>,
    /// containerd's namespace: `k8s.io`, `moby`.
    pub namespace: Cow<'a, str>,
    /// `/tasks/exit` and the like.
    pub topic: Cow<'a, str>,
    /// The event's JSON as it stands; bytes that are not UTF-8 are shown as `\xNN`.
    pub json: Cow<'a, str>,
    /// What is odd about the line.
    pub issues: Vec<Issue>,
}

impl StreamLine<'_> {
    /// The members of the event, strings decoded, other values as compact JSON text. Of a cut object those before the cut, and an issue.
    pub fn members(&self) -> (Vec<Member<'_>>, Option<Issue>) {
        if self.json.is_empty() {
            return (Vec::new(), Some(Issue::new("no-payload", 0, "the event says nothing but its topic")));
        }
        let mut all = Vec::new();
        let mut cursor = Cursor::new(&self.json);
        let read = cursor.object(|cursor, name, _| -> Result<(), JsonError> {
            let value = match cursor.shape()? {
                Shape::Text => cursor.string()?,
                Shape::Object | Shape::Array => compact(cursor.skip()?),
                _ => Cow::Borrowed(cursor.skip()?),
            };
            all.push((name, value));
            Ok(())
        });
        let issue = match read {
            Err(error) => {
                Some(Issue::new("not-json", error.at, format!("the event is no JSON object: {}", error.what)))
            }
            Ok(()) if cursor.peek().is_some() => {
                Some(Issue::new("not-json", cursor.offset(), "bytes stand behind the JSON object"))
            }
            Ok(()) if all.len() > FIELDS_MAX => {
                let detail = format!("{} members; {FIELDS_MAX} are read", all.len());
                Some(Issue::new("too-many-fields", 0, detail))
            }
            Ok(()) => None,
        };
        all.truncate(FIELDS_MAX);
        (all, issue)
    }
}

/// Reads a line of `ctr events`.
///
/// # Errors
/// When it is none, or has no readable time.
pub fn stream_line(bytes: &[u8]) -> Result<StreamLine<'_>, NotALine> {
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return Err(NotALine::Blank);
    }
    let mut parts = bytes.splitn(7, |byte| *byte == b' ');
    let mut next = || parts.next();
    let (Some(date), Some(clock), Some(offset), Some(zone), Some(namespace), Some(topic)) =
        (next(), next(), next(), next(), next(), next())
    else {
        return Err(NotALine::Form);
    };
    let json = next().unwrap_or_default().trim_ascii();
    if !matches!(topic, [b'/', _, ..]) {
        return Err(NotALine::Form);
    }
    let time = time(date, clock, offset).ok_or(NotALine::Time)?;
    let time_len = [date, clock, offset, zone].iter().map(|part| part.len()).sum::<usize>() + 3;
    let mut issues = Vec::new();
    let mut shown = |bytes| {
        let (text, bad) = text(bytes);
        if bad {
            issues.push(Issue::new("not-utf8", 0, "bytes that are not UTF-8 are shown as \\xNN"));
        }
        text
    };
    let time_text = shown(bytes.get(..time_len).unwrap_or_default());
    let (namespace, topic) = (shown(namespace), shown(topic));
    // As in the log: an escape within a JSON string.
    let json = match shown(json) {
        Cow::Owned(_) => Cow::Owned(escaped(json)),
        borrowed => borrowed,
    };
    Ok(StreamLine { time, time_text, namespace, topic, json, issues })
}

/// JSON text whose bytes that are not UTF-8 read as `\xNN` once its strings are decoded.
fn escaped(json: &[u8]) -> String {
    let mut whole = String::with_capacity(json.len() + 16);
    for chunk in json.utf8_chunks() {
        whole.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| whole.push_str(&format!("\\\\x{byte:02X}")));
    }
    whole
}

/// Go's `2026-11-23 20:59:10.735496056 +0000`.
fn time(date: &[u8], clock: &[u8], offset: &[u8]) -> Option<Stamp> {
    let [sign, h1, h2, m1, m2] = offset else {
        return None;
    };
    let zone = [*sign, *h1, *h2, b':', *m1, *m2];
    let whole = [date, b"T", clock, &zone].concat();
    Stamp::parse(std::str::from_utf8(&whole).ok()?)
}

/// JSON text without blanks between its tokens.
fn compact(value: &str) -> Cow<'_, str> {
    if !value.contains([' ', '\t', '\n', '\r']) {
        return Cow::Borrowed(value);
    }
    let (mut out, mut inside, mut escape) = (String::with_capacity(value.len()), false, false);
    for character in value.chars() {
        if inside || !matches!(character, ' ' | '\t' | '\n' | '\r') {
            out.push(character);
        }
        inside = if escape { inside } else { inside != (character == '"') };
        escape = inside && !escape && character == '\\';
    }
    Cow::Owned(out)
}

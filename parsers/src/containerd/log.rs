//! One line of containerd's log, in either form that its configuration knows.
//!
//! Not here: what the text of a line means (`deponent::normalise`).

use std::borrow::Cow;

use super::{FIELDS_MAX, Field, logfmt};
use crate::issue::Issue;
use crate::kubernetes::{Stamp, members};
use crate::linux::text;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was written.
    pub time: Stamp,
    /// `debug`, `info`, `warning`, `error`, …
    pub level: Option<Cow<'a, [u8]>>,
    /// The text; logrus leaves out an empty one.
    pub message: Option<Cow<'a, [u8]>>,
    /// Every field in the line's order, those three included.
    pub all: Vec<Field<'a>>,
    /// What is odd about the line.
    pub issues: Vec<Issue>,
}

/// Why a line is none of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotALine {
    /// Nothing but blanks.
    #[error("nothing but blanks")]
    Blank,
    /// Another form.
    #[error("not in the form of such a line")]
    Form,
    /// JSON that is not well-formed.
    #[error("not JSON at byte {at}: {what}")]
    Json {
        /// Byte offset in the line.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A line without a readable time.
    #[error("no field holds a readable time between 1677 and 2262")]
    Time,
}

impl Line<'_> {
    /// The fields beside the first time, the first level and the first text, in the line's order.
    pub fn others(&self) -> impl Iterator<Item = &Field<'_>> {
        let mut met = [false; 3];
        self.all.iter().filter(move |(name, _)| {
            let which = NAMES.iter().position(|known| known.as_bytes() == name.as_ref());
            let first = which.and_then(|which| met.get_mut(which)).is_some_and(|met| !std::mem::replace(met, true));
            !first
        })
    }

    /// The first of these of that name, as text.
    pub fn other(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.others().find(|(known, _)| known.as_ref() == name.as_bytes())?;
        Some(text(value).0)
    }
}

const NAMES: [&str; 3] = ["time", "level", "msg"];

/// Reads a line of the log.
///
/// # Errors
/// When it is none, or has no readable time.
pub fn line(bytes: &[u8]) -> Result<Line<'_>, NotALine> {
    let bytes = bytes.trim_ascii();
    let mut issues = Vec::new();
    let all = match bytes.first() {
        None => return Err(NotALine::Blank),
        Some(b'{') => json(bytes, &mut issues)?,
        Some(_) => logfmt::fields(bytes, &mut issues),
    };
    let [time, level, message] = NAMES.map(|name| {
        let mut found = all.iter().filter(|(known, _)| known.as_ref() == name.as_bytes()).map(|(_, value)| value);
        let first = found.next();
        if found.next().is_some() {
            issues.push(Issue::new(
                "duplicate-field",
                0,
                format!("{name} is there more than once; the first one counts"),
            ));
        }
        first
    });
    if level.is_none() && message.is_none() {
        return Err(NotALine::Form);
    }
    let time = time.and_then(|time| Stamp::parse(std::str::from_utf8(time).ok()?)).ok_or(NotALine::Time)?;
    let (level, message) = (level.cloned(), message.cloned());
    Ok(Line { time, level, message, all, issues })
}

/// The members of an object; bytes that are not UTF-8 are shown as `\xNN`.
fn json<'a>(bytes: &'a [u8], issues: &mut Vec<Issue>) -> Result<Vec<Field<'a>>, NotALine> {
    let not = |error: crate::kubernetes::json::JsonError| NotALine::Json { at: error.at, what: error.what };
    let mut all: Vec<Field<'a>> = match std::str::from_utf8(bytes) {
        Ok(text) => members(text).map_err(not)?.into_iter().map(|(name, value)| (raw(name), raw(value))).collect(),
        Err(error) => {
            let at = error.valid_up_to();
            issues.push(Issue::new("not-utf8", at, "bytes that are not UTF-8 are shown as \\xNN"));
            // Within a JSON string a backslash has to be escaped; outside of one there is nothing to save.
            let mut whole = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                whole.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    whole.push_str(&text(chunk.invalid()).0.replace('\\', "\\\\"));
                }
            }
            let read = members(&whole).map_err(|error| NotALine::Json { at: at.min(error.at), what: error.what })?;
            read.into_iter().map(|(name, value)| (owned(&name), owned(&value))).collect()
        }
    };
    if all.len() > FIELDS_MAX {
        issues.push(Issue::new("too-many-fields", 0, format!("{} fields; {FIELDS_MAX} are read", all.len())));
        all.truncate(FIELDS_MAX);
    }
    Ok(all)
}

fn raw(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

fn owned<'a>(text: &str) -> Cow<'a, [u8]> {
    Cow::Owned(text.as_bytes().to_vec())
}

//! Reads members of the wrong type, unknown ones and repeated ones without giving up: what could be read, and an issue for the rest.
//!
//! Not here: which members there are (`parse`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::event::{Text, Time};
use super::json::{Cursor, JsonError, Shape};
use super::stamp::Stamp;
use crate::issue::Issue;

/// Issues of one record at most; the last one says that there are more.
const ISSUES_MAX: usize = 64;
/// Bytes of a value that an issue shows.
const SHOWN_BYTES: usize = 64;
/// Members from which on repeated names are looked up in a set.
const SET_MEMBERS_MIN: usize = 16;

/// Collects issues while members are read.
#[derive(Debug, Default)]
pub struct Reader {
    /// What could not be read.
    pub issues: Vec<Issue>,
}

impl Reader {
    /// Adds an issue.
    pub fn issue(&mut self, kind: &'static str, at: usize, detail: String) {
        match self.issues.len() {
            len if len < ISSUES_MAX => self.issues.push(Issue::new(kind, at, detail)),
            len if len == ISSUES_MAX => {
                self.issues.push(Issue::new("more-issues", at, "further issues are not listed"))
            }
            _ => {}
        }
    }

    /// Reads an object whose members are `names`: calls `each` with the name of every known one, met for the first time. False when it is no object.
    pub fn object<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &str,
        names: &'static [&'static str],
        mut each: impl FnMut(&mut Reader, &mut Cursor<'a>, &'static str) -> Result<(), JsonError>,
    ) -> Result<bool, JsonError> {
        if !self.is(cursor, path, Shape::Object, "an object")? {
            return Ok(false);
        }
        let mut known = Known::new(names);
        cursor.object(|cursor, name, at| match known.meet(&name) {
            Meeting::First(name) => each(self, cursor, name),
            other => self.pass(cursor, path, &name, at, &other),
        })?;
        Ok(true)
    }

    /// Passes over a member that is unknown or was there before.
    pub fn pass(
        &mut self,
        cursor: &mut Cursor<'_>,
        path: &str,
        name: &str,
        at: usize,
        meeting: &Meeting,
    ) -> Result<(), JsonError> {
        let value = cursor.skip()?;
        let dot = if path.is_empty() { "" } else { "." };
        let detail = format!("{path}{dot}{} = {}", shown(name), shown(value));
        let kind = if matches!(meeting, Meeting::Again) { "duplicate-field" } else { "unknown-field" };
        self.issue(kind, at, detail);
        Ok(())
    }

    /// Whether the value here has that shape; if not, it is passed over, with an issue unless it is null.
    fn is(&mut self, cursor: &mut Cursor<'_>, path: &str, shape: Shape, wanted: &str) -> Result<bool, JsonError> {
        let met = cursor.shape()?;
        if met == shape {
            return Ok(true);
        }
        let at = cursor.offset();
        let value = cursor.skip()?;
        if met != Shape::Null {
            self.issue("wrong-type", at, format!("{path} is {} where {wanted} belongs: {}", met.name(), shown(value)));
        }
        Ok(false)
    }

    /// A string.
    pub fn text<'a>(&mut self, cursor: &mut Cursor<'a>, path: &str) -> Result<Option<Text<'a>>, JsonError> {
        if self.is(cursor, path, Shape::Text, "a string")? { cursor.string().map(Some) } else { Ok(None) }
    }

    /// A string that is a time.
    pub fn time<'a>(&mut self, cursor: &mut Cursor<'a>, path: &str) -> Result<Option<Time<'a>>, JsonError> {
        cursor.peek();
        let at = cursor.offset();
        let Some(text) = self.text(cursor, path)? else {
            return Ok(None);
        };
        let stamp = Stamp::parse(&text);
        if stamp.is_none() {
            self.issue("unreadable-time", at, format!("{path} is no time between 1677 and 2262: {}", shown(&text)));
        }
        Ok(Some(Time { text, stamp }))
    }

    /// A whole number.
    pub fn number(&mut self, cursor: &mut Cursor<'_>, path: &str) -> Result<Option<i64>, JsonError> {
        if !self.is(cursor, path, Shape::Number, "a number")? {
            return Ok(None);
        }
        let at = cursor.offset();
        let text = cursor.skip()?;
        let number = text.parse().ok();
        if number.is_none() {
            self.issue("wrong-type", at, format!("{path} is no whole number: {}", shown(text)));
        }
        Ok(number)
    }

    /// A list of strings.
    pub fn texts<'a>(&mut self, cursor: &mut Cursor<'a>, path: &str) -> Result<Vec<Text<'a>>, JsonError> {
        let mut texts = Vec::new();
        if self.is(cursor, path, Shape::Array, "a list")? {
            cursor.array(|cursor| -> Result<(), JsonError> {
                texts.extend(self.text(cursor, path)?);
                Ok(())
            })?;
        }
        Ok(texts)
    }

    /// An object of any names, each once; `value` reads what stands behind a name.
    pub fn map<'a, T>(
        &mut self,
        cursor: &mut Cursor<'a>,
        path: &str,
        mut value: impl FnMut(&mut Reader, &mut Cursor<'a>, &str) -> Result<Option<T>, JsonError>,
    ) -> Result<Vec<(Text<'a>, T)>, JsonError> {
        let mut pairs: Vec<(Cow<'a, str>, T)> = Vec::new();
        let mut names: BTreeSet<Cow<'a, str>> = BTreeSet::new();
        if self.is(cursor, path, Shape::Object, "an object")? {
            cursor.object(|cursor, name, at| -> Result<(), JsonError> {
                // Most objects have a few members, and comparing those is faster than a set.
                let again = match pairs.len() {
                    0..SET_MEMBERS_MIN => pairs.iter().any(|(there, _)| *there == name),
                    _ => {
                        if names.is_empty() {
                            names.extend(pairs.iter().map(|(there, _)| there.clone()));
                        }
                        !names.insert(name.clone())
                    }
                };
                if again {
                    return self.pass(cursor, path, &name, at, &Meeting::Again);
                }
                if let Some(read) = value(self, cursor, path)? {
                    pairs.push((name, read));
                }
                Ok(())
            })?;
        }
        Ok(pairs)
    }
}

/// Which of the known members were met.
#[derive(Debug)]
pub struct Known {
    names: &'static [&'static str],
    met: u64,
    next: usize,
}

/// What meeting a name means.
#[derive(Debug)]
pub enum Meeting {
    /// Known, and not met before.
    First(&'static str),
    /// Known, and met before: the first one counts.
    Again,
    /// Not known.
    Unknown,
}

impl Known {
    /// None of at most 64 names met.
    pub fn new(names: &'static [&'static str]) -> Known {
        Known { names, met: 0, next: 0 }
    }

    /// Meets `name`. Members mostly come in the order of the table, so the search starts behind the last one.
    pub fn meet(&mut self, name: &str) -> Meeting {
        let all = self.names.iter().enumerate();
        let found = all.clone().skip(self.next).chain(all.take(self.next)).find(|(_, known)| **known == name);
        let Some((at, known)) = found else {
            return Meeting::Unknown;
        };
        self.next = at + 1;
        let bit = 1u64.checked_shl(u32::try_from(at).unwrap_or(u32::MAX)).unwrap_or(0);
        let again = self.met & bit != 0;
        self.met |= bit;
        if again { Meeting::Again } else { Meeting::First(known) }
    }
}

/// The start of a value, for an issue.
pub fn shown(value: &str) -> Cow<'_, str> {
    if value.len() <= SHOWN_BYTES {
        return Cow::Borrowed(value);
    }
    let end = (0..=SHOWN_BYTES).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    Cow::Owned(format!("{}… ({} bytes)", value.get(..end).unwrap_or(""), value.len()))
}

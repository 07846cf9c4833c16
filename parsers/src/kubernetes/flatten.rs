//! Every member of a record under its own path, for showing it whole: `user.groups[0]` → `system:masters`.
//!
//! Not here: what the members mean (`parse`).

use std::borrow::Cow;

use super::envelope::locate;
use super::event::Text;
use super::json::{Cursor, JsonError, Shape};

/// Levels that get a path of their own; deeper values stay JSON text, which bounds recursion.
const LEVELS_MAX: u32 = 6;
/// Members at most; the rest of a record of so many is in its bytes.
const MEMBERS_MAX: usize = 4_096;
/// Members that stay JSON text because they are whole objects of their own.
const WHOLE: &[&str] = &["requestObject", "responseObject"];

/// Path and value of every member of the event in `frame`, in the record's order; empty when it is none. Strings are decoded, other values are JSON text.
pub fn flatten(frame: &[u8]) -> Vec<(String, Text<'_>)> {
    let mut out = Vec::new();
    if let Ok(located) = locate(frame) {
        let mut cursor = Cursor::at(located.frame, located.start);
        // The text was read once, so that there is nothing left to fail here.
        let _ = value(&mut cursor, String::new(), 0, &mut out);
    }
    out
}

/// Name and value of every member of a JSON object, in its order, none taken apart.
///
/// # Errors
/// When it is no JSON object and nothing else.
pub fn members(text: &str) -> Result<Vec<(Text<'_>, Text<'_>)>, JsonError> {
    let mut out = Vec::new();
    let mut cursor = Cursor::new(text);
    cursor.object(|cursor, name, _| -> Result<(), JsonError> {
        let value = scalar(cursor)?;
        out.push((name, value));
        Ok(())
    })?;
    if cursor.peek().is_some() {
        return Err(cursor.error("bytes behind the object"));
    }
    Ok(out)
}

/// The strings of the members `names` of the object that is the member `object` of a JSON text; reads no further than to the last of them.
/// Nothing where the text, or the member, is no such object.
pub fn members_of<'a, const N: usize>(text: &'a str, object: &str, names: [&str; N]) -> [Option<Text<'a>>; N] {
    enum Stop {
        Done,
        NotJson,
    }
    impl From<JsonError> for Stop {
        fn from(_: JsonError) -> Stop {
            Stop::NotJson
        }
    }
    let mut found = [const { None }; N];
    let mut inner = |cursor: &mut Cursor<'a>| {
        cursor.object(|cursor, name, _| {
            match names.iter().position(|wanted| *wanted == name) {
                Some(at) if cursor.shape()? == Shape::Text => {
                    let value = cursor.string()?;
                    if let Some(slot) = found.get_mut(at) {
                        slot.get_or_insert(value);
                    }
                }
                _ => {
                    cursor.skip()?;
                }
            }
            if found.iter().all(Option::is_some) { Err(Stop::Done) } else { Ok(()) }
        })
    };
    let mut cursor = Cursor::new(text);
    // However it stops, what was found by then is what there is.
    let _ = if object.is_empty() {
        inner(&mut cursor)
    } else {
        cursor.object(|cursor, name, _| {
            if name == object && cursor.shape()? == Shape::Object {
                inner(cursor)?;
                return Err(Stop::Done);
            }
            cursor.skip()?;
            Ok(())
        })
    };
    found
}

fn scalar<'a>(cursor: &mut Cursor<'a>) -> Result<Text<'a>, JsonError> {
    if cursor.shape()? == Shape::Text { cursor.string() } else { cursor.skip().map(Cow::Borrowed) }
}

fn value<'a>(
    cursor: &mut Cursor<'a>,
    path: String,
    level: u32,
    out: &mut Vec<(String, Text<'a>)>,
) -> Result<(), JsonError> {
    let shape = cursor.shape()?;
    let whole = level >= LEVELS_MAX || out.len() >= MEMBERS_MAX || (level == 1 && WHOLE.contains(&path.as_str()));
    // What is empty is shown too.
    let empty = ["{}", "[]"].iter().any(|text| cursor.rest().starts_with(text));
    let whole = whole || empty;
    match shape {
        Shape::Object if !whole => cursor.object(|cursor, name, _| {
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") };
            value(cursor, path, level + 1, out)
        }),
        Shape::Array if !whole => {
            let mut number = 0usize;
            cursor.array(|cursor| {
                let path = format!("{path}[{number}]");
                number += 1;
                value(cursor, path, level + 1, out)
            })
        }
        _ => {
            let text = scalar(cursor)?;
            if out.len() < MEMBERS_MAX {
                out.push((path, text));
            }
            Ok(())
        }
    }
}

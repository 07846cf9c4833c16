//! logfmt as logrus writes it: `name=value name="quoted value" …`.
//!
//! Not here: which fields are time, level and text (`log`).

use std::borrow::Cow;

use super::{FIELDS_MAX, Field};
use crate::issue::Issue;
use crate::kubernetes::Stamp;
use crate::quoted::{quoted, unquoted};

/// Whether a line begins as every line of logrus does: with a readable time, and a level behind it.
pub fn begins(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"time=") else {
        return false;
    };
    // The time has no escapes, so a quote ends it.
    let (time, behind) = match rest.strip_prefix(b"\"") {
        Some(rest) => split(rest, b'"'),
        None => split(rest, b' '),
    };
    let time = std::str::from_utf8(time).ok().and_then(Stamp::parse);
    time.is_some() && behind.trim_ascii_start().starts_with(b"level=")
}

/// The fields of a line in its order. A name without `=` has an empty value. What stands right behind a closing quote is a field of its own.
pub fn fields<'a>(line: &'a [u8], issues: &mut Vec<Issue>) -> Vec<Field<'a>> {
    let mut out = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let at = line.len() - rest.len();
        if out.len() >= FIELDS_MAX {
            issues.push(Issue::new(
                "too-many-fields",
                at,
                format!("more than {FIELDS_MAX} fields; the rest is not read"),
            ));
            break;
        }
        let end = rest.iter().position(|byte| *byte == b'=' || is_blank(*byte)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        let (value, behind) = match behind.strip_prefix(b"=") {
            Some(value) => read_value(value, at, issues),
            None => (Cow::Borrowed(&[][..]), behind),
        };
        out.push((Cow::Borrowed(name), value));
        rest = behind.trim_ascii_start();
    }
    out
}

fn read_value<'a>(text: &'a [u8], at: usize, issues: &mut Vec<Issue>) -> (Cow<'a, [u8]>, &'a [u8]) {
    if let Some(inside) = text.strip_prefix(b"\"") {
        let Some((value, behind)) = quoted(text) else {
            issues.push(Issue::new("unterminated", at, "a quoted value has no end: the line is cut"));
            return (unquoted(inside), &[]);
        };
        if behind.first().is_some_and(|byte| !is_blank(*byte)) {
            issues.push(Issue::new("stray-text", at, "text stands right behind a closing quote"));
        }
        return (value, behind);
    }
    let end = text.iter().position(|byte| is_blank(*byte)).unwrap_or(text.len());
    let (value, behind) = text.split_at_checked(end).unwrap_or((text, &[]));
    (Cow::Borrowed(value), behind)
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let end = memchr::memchr(at, text).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

//! The text form: `Lmmdd hh:mm:ss.uuuuuu thread file:line] message`, the message free text or a quoted one with `name=value` pairs behind it.
//!
//! Not here: the JSON form (`json`).

use std::borrow::Cow;

use super::values::{bare_end, number, of_day};
use super::{NotALine, REST, Reading};
use crate::issue::Issue;
use crate::line::{FIELDS_MAX, Line, Time, quoted};

/// A value of several lines, each of which begins with a tab; the line behind the last one begins with [`LINES_END`].
const ON_NEXT_LINES: &str = "<";
/// See [`ON_NEXT_LINES`].
const LINES_END: &str = "\n >";

pub(super) fn read(line: &str) -> Result<Reading<'_>, NotALine> {
    let head = head(line).ok_or(NotALine::Shape)?;
    let time = time(&head)?;
    let mut reading = Reading {
        line: Line {
            time,
            level: head.level.into(),
            message: Cow::Borrowed(head.message),
            fields: vec![("thread".into(), head.thread.into()), ("caller".into(), head.caller.into())],
        },
        issues: Vec::new(),
    };
    if let Some((message, behind)) = quoted(head.message).filter(|(_, behind)| behind.is_empty() || is_pair(behind)) {
        reading.line.message = message;
        pairs(line, behind, &mut reading);
    }
    Ok(reading)
}

/// The parts of a line, unchecked but for their shape.
struct Head<'a> {
    level: &'a str,
    /// `1123`
    date: &'a str,
    /// `20:59:00.500415`
    clock: &'a str,
    thread: &'a str,
    caller: &'a str,
    message: &'a str,
}

fn head(line: &str) -> Option<Head<'_>> {
    let level = line.get(..1).filter(|level| "IWEF".contains(level))?;
    let date = line.get(1..5).filter(|date| number(date).is_some())?;
    let (clock, rest) = line.get(5..)?.strip_prefix(' ')?.split_once(' ')?;
    if clock.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b':' | b'.')) || !clock.contains(':') {
        return None;
    }
    let (thread, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    number(thread)?;
    let (caller, message) = rest.split_once(']')?;
    let (file, number_of_line) = caller.rsplit_once(':')?;
    if file.is_empty() || file.contains([' ', '"']) || number(number_of_line).is_none() {
        return None;
    }
    // The blank is missing where the line was trimmed and has no message.
    let message = if message.is_empty() { "" } else { message.strip_prefix(' ')? };
    Some(Head { level, date, clock, thread, caller, message })
}

fn time(head: &Head<'_>) -> Result<Time, NotALine> {
    let two = |from: usize| head.date.get(from..from + 2).and_then(|text| text.parse::<u8>().ok()).unwrap_or(0);
    let (month, day) = (two(0), two(2));
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(NotALine::Time("no such month")),
    };
    if !(1..=days).contains(&day) {
        return Err(NotALine::Time("no such day of that month"));
    }
    let (of_day, digits) = of_day(head.clock).ok_or(NotALine::Time("no such time of day"))?;
    Ok(Time::NoYear { month, day, of_day, digits })
}

/// Whether ` name=` begins here.
fn is_pair(text: &str) -> bool {
    text.strip_prefix(' ').is_some_and(|text| name(text).is_some())
}

/// The name before the first `=`, and what is behind that.
fn name(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.split_once('=')?;
    (!name.is_empty() && !name.contains([' ', '"'])).then_some((name, behind))
}

/// ` key="quoted" key=bare key={…}`, to the end; what is no pair becomes a field of its own.
fn pairs<'a>(line: &'a str, mut rest: &'a str, reading: &mut Reading<'a>) {
    loop {
        rest = rest.trim_start();
        let at = line.len().saturating_sub(rest.len());
        if rest.is_empty() {
            return;
        }
        // The last place is that of the rest.
        let room = reading.line.fields.len() < FIELDS_MAX - 1;
        let Some((name, behind)) = name(rest).filter(|_| room) else {
            let kind = if room { "unread-text" } else { "too-many-fields" };
            reading.issues.push(Issue::new(
                kind,
                at,
                format!("{} bytes are kept as `{REST}`, not taken apart", rest.len()),
            ));
            reading.line.fields.push((REST.into(), rest.into()));
            return;
        };
        let (value, behind) = quoted(behind).unwrap_or_else(|| {
            let (end, closed) = bare_end(behind);
            let (value, behind) = behind.split_at(end);
            if !closed {
                let detail = format!("the value of `{name}` does not end: the rest of the line is taken for it");
                reading.issues.push(Issue::new("unclosed-value", at, detail));
            } else if value == ON_NEXT_LINES {
                if let Some((value, behind)) = of_lines(behind) {
                    return (value.into(), behind);
                }
                let detail = format!("the value of `{name}` stands in the following lines, which are not all there");
                reading.issues.push(Issue::new("value-on-next-lines", at, detail));
            }
            (value.into(), behind)
        });
        reading.line.fields.push((name.into(), value));
        rest = behind;
    }
}

/// A value of several lines, without the tab before each, and what is behind it.
fn of_lines(behind: &str) -> Option<(String, &str)> {
    let (lines, rest) = behind.strip_prefix('\n')?.split_once(LINES_END)?;
    let mut value = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        value.push_str(line.strip_prefix('\t')?);
    }
    Some((value, rest))
}

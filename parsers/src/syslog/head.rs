//! The text forms: priority, stamp, host, program, process, text.
//!
//! Not here: the journal's JSON (`journal`).

use std::borrow::Cow;

use super::{FACILITIES, HOST, KERNEL, PID, PROGRAM, SEVERITIES};
use crate::klog::of_day;
use crate::kubernetes::Stamp;
use crate::line::{Line, Time};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// A longer tag is no program's name but text.
const TAG_BYTES_MAX: usize = 128;

pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let (priority, rest) = priority(line);
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let level = priority.and_then(|number| SEVERITIES.get(number % 8)).copied().unwrap_or("");
    if let Some(name) = priority.and_then(|number| FACILITIES.get(number / 8)) {
        fields.push(("facility".into(), (*name).into()));
    }
    let of = |time, message, fields| Some(Line { time, level: level.into(), message: Cow::Borrowed(message), fields });
    if let Some(rest) = priority.and_then(|_| rest.strip_prefix("1 ")) {
        let (time, message) = five(rest, &mut fields)?;
        return of(time, message, fields);
    }
    if let Some((time, rest)) = no_year(rest) {
        let message = origin(rest, &mut fields);
        return of(time, message, fields);
    }
    let (stamp, rest) = rest.split_once(' ')?;
    if let Some((day, fraction)) = stamp.split_once(',') {
        // util-linux writes the decimal sign of ISO 8601, and nothing of where a line comes from: it is the kernel's ring.
        let Stamp { nanos, digits } = Stamp::parse(&format!("{day}.{fraction}"))?;
        fields.push((PROGRAM.into(), KERNEL.into()));
        return of(Time::Moment { nanos, digits }, rest, fields);
    }
    let Stamp { nanos, digits } = Stamp::parse(stamp)?;
    let message = origin(rest, &mut fields);
    of(Time::Moment { nanos, digits }, message, fields)
}

/// `<86>`: facility times eight plus severity, below 192.
fn priority(line: &str) -> (Option<usize>, &str) {
    let read = || {
        let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
        let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        Some((number.parse::<usize>().ok().filter(|number| is_number && *number < 192)?, rest))
    };
    read().map_or((None, line), |(number, rest)| (Some(number), rest))
}

/// `Nov 23 20:59:36 `, the day padded with a blank or a zero.
fn no_year(text: &str) -> Option<(Time, &str)> {
    let month = MONTHS.iter().position(|month| text.starts_with(month))?;
    let rest = text.get(3..)?.strip_prefix(' ')?;
    let (day, rest) = rest.split_at_checked(2)?;
    let day: u8 = day.strip_prefix(' ').unwrap_or(day).parse().ok()?;
    let (clock, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let days = match month {
        1 => 29,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let (of_day, digits) = of_day(clock)?;
    Some((Time::NoYear { month: u8::try_from(month + 1).ok()?, day, of_day, digits }, rest))
}

/// `[host ]program[pid]: text`; the text.
fn origin<'a>(text: &'a str, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) -> &'a str {
    let (host, rest) = match tag(text) {
        // What looks like a tag at once has no host before it.
        Some(_) => (None, text),
        None => match text.split_once(' ') {
            Some((host, rest)) if !host.is_empty() && tag(rest).is_some() => (Some(host), rest),
            _ => (None, text),
        },
    };
    if let Some(host) = host {
        fields.push((HOST.into(), host.into()));
    }
    let Some((program, pid, message)) = tag(rest) else { return rest };
    if !program.is_empty() {
        fields.push((PROGRAM.into(), program.into()));
    }
    if let Some(pid) = pid {
        fields.push((PID.into(), pid.into()));
    }
    message
}

/// `program[pid]: text` or `program: text`; sudo's own file has an empty program.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let end = text.find(": ").or_else(|| text.ends_with(':').then(|| text.len().saturating_sub(1)))?;
    let name = text.get(..end).filter(|name| name.len() <= TAG_BYTES_MAX && !name.contains(' '))?;
    let message = text.get(end + 1..)?;
    let message = message.strip_prefix(' ').unwrap_or(message);
    let (program, pid) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((program, pid)) => (program, Some(pid)),
        None => (name, None),
    };
    Some((program, pid, message))
}

/// `TIMESTAMP HOST PROGRAM PID MSGID DATA TEXT` of RFC 5424, `-` for what is absent.
fn five<'a>(text: &'a str, fields: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>) -> Option<(Time, &'a str)> {
    let mut rest = text;
    let mut word = || {
        let (word, behind) = rest.split_once(' ')?;
        rest = behind;
        Some(word)
    };
    let stamp = Stamp::parse(word()?)?;
    for name in [HOST, PROGRAM, PID, "msgid"] {
        let value = word()?;
        if value != "-" {
            fields.push((name.into(), value.into()));
        }
    }
    let (data, message) = match rest.strip_prefix('-') {
        Some(behind) => ("", behind),
        None => rest.split_at_checked(data_end(rest)?)?,
    };
    if !data.is_empty() {
        fields.push(("data".into(), data.into()));
    }
    let message = message.strip_prefix(' ').unwrap_or(message);
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    Some((Time::Moment { nanos: stamp.nanos, digits: stamp.digits }, message))
}

/// Where `[id name="value"…][…]` ends; within a value `\"`, `\\` and `\]` are no ends.
fn data_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    let mut bytes = text.bytes().enumerate().peekable();
    if bytes.peek()?.1 != b'[' {
        return None;
    }
    while let Some((at, byte)) = bytes.next() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted && bytes.peek().is_none_or(|(_, next)| *next != b'[') => return Some(at + 1),
            _ => {}
        }
    }
    None
}

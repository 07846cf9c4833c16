//! The text forms: capnslog's, and that of the raft library's own logger.
//!
//! Neither says in which time zone it is: its times are taken for UTC, in which most nodes run. Not here: JSON (`etcd`).

use super::PACKAGE;
use crate::kubernetes::Stamp;
use crate::line::{Line, Time};

/// Bytes of `2026-11-23 20:57:38`.
const SECONDS_BYTES: usize = 19;
/// A longer word is no package's name but text.
const PACKAGE_BYTES_MAX: usize = 64;
/// What a line of raft begins with.
const RAFT: &str = "raft";

pub(super) fn read(line: &str) -> Option<Line<'_>> {
    match line.strip_prefix(RAFT) {
        Some(rest) => raft(rest),
        None => capnslog(line),
    }
}

/// `2026-11-23 20:57:38.781871 I | etcdmain: text`
fn capnslog(line: &str) -> Option<Line<'_>> {
    let (stamp, message) = line.split_once(" | ")?;
    let (stamp, level) = stamp.rsplit_once(' ')?;
    let level = match level {
        "C" => "critical",
        "E" => "error",
        "W" => "warning",
        "N" => "notice",
        "I" => "info",
        "D" => "debug",
        "T" => "trace",
        _ => return None,
    };
    let mut fields = Vec::new();
    let message = match message.split_once(": ") {
        Some((package, message)) if is_package(package) => {
            fields.push((PACKAGE.into(), package.into()));
            message
        }
        _ => message,
    };
    Some(Line { time: local(stamp)?, level: level.into(), message: message.into(), fields })
}

/// `2026/11/23 20:57:38 INFO: text`, behind `raft`.
fn raft(line: &str) -> Option<Line<'_>> {
    let (stamp, rest) = line.split_at_checked(SECONDS_BYTES)?;
    let (day, clock) = stamp.split_once(' ')?;
    let (level, message) = rest.strip_prefix(' ')?.split_once(": ")?;
    let level = match level {
        "DEBUG" => "debug",
        "INFO" => "info",
        "WARN" => "warning",
        "ERROR" => "error",
        "FATAL" => "critical",
        _ => return None,
    };
    let slashes = !day.contains('-');
    let time = slashes.then(|| local(&format!("{} {clock}", day.replace('/', "-"))))??;
    Some(Line { time, level: level.into(), message: message.into(), fields: vec![(PACKAGE.into(), RAFT.into())] })
}

fn is_package(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'/' | b'_' | b'-' | b'.');
    text.len() <= PACKAGE_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_part)
}

/// A date, a blank, a time of day, of a zone that is not said.
fn local(stamp: &str) -> Option<Time> {
    let right = stamp.len() >= SECONDS_BYTES && stamp.len() <= 30 && stamp.as_bytes().get(10) == Some(&b' ');
    let Stamp { nanos, digits } = right.then(|| Stamp::parse(&format!("{stamp}Z")))??;
    Some(Time::NoZone { nanos, digits })
}

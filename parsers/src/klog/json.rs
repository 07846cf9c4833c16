//! The JSON form: `{"ts":1795467465318.286,"caller":"…","msg":"…","v":0,…}`; an error has no `v`, and `err` where it has one.
//!
//! Not here: the reader of JSON (`kubernetes::json`), the text form (`text`).

use std::borrow::Cow;

use super::values::moment;
use super::{NotALine, Reading};
use crate::issue::Issue;
use crate::kubernetes::{Stamp, members};
use crate::line::{FIELDS_MAX, Line, Time};

pub(super) fn read(line: &str) -> Result<Reading<'_>, NotALine> {
    let mut members = members(line).map_err(|_| NotALine::Shape)?;
    let mut issues = Vec::new();
    let mut take = |name: &str| {
        let at = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(at).1)
    };
    let message = take("msg").ok_or(NotALine::Shape)?;
    let stamp = take("ts").ok_or(NotALine::Time("no member `ts`"))?;
    let level = take("level");
    let has = |name: &str| members.iter().any(|(key, _)| key == name);
    let level: Cow<'_, str> = level.unwrap_or_else(|| match (has("v"), has("err")) {
        (true, _) => "info".into(),
        (false, true) => "error".into(),
        // klog does not say it, so neither is it said here.
        (false, false) => "".into(),
    });
    let (time, seconds) = time(&stamp).ok_or(NotALine::Time("`ts` is no number of milliseconds since 1970"))?;
    if seconds {
        issues.push(Issue::new(
            "ts-in-seconds",
            0,
            format!("`ts` is taken for seconds, it is too small for milliseconds: {stamp}"),
        ));
    }
    for again in ["ts", "msg", "level"].into_iter().filter(|name| has(name)) {
        issues.push(Issue::new(
            "repeated-field",
            0,
            format!("`{again}` stands there more than once: the first one counts"),
        ));
    }
    let unread = members.len().saturating_sub(FIELDS_MAX);
    if unread > 0 {
        issues.push(Issue::new("too-many-fields", 0, format!("{unread} members are in the record only")));
        members.truncate(FIELDS_MAX);
    }
    Ok(Reading { line: Line { time, level, message, fields: members }, issues })
}

fn time(text: &str) -> Option<(Time, bool)> {
    let stamp = || Stamp::parse(text).map(|Stamp { nanos, digits }| (Time::Moment { nanos, digits }, false));
    moment(text).or_else(stamp)
}

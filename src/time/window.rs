//! The window of time that an answer is about: `-S` and `-U`, or `A..B`.
//!
//! Not here: its single bounds (`expression`).

use super::error::short;
use super::{TimeError, Zone, parse_duration, parse_instant, rfc3339};
use crate::model::Moment;

/// A half-open window of time; a bound that is absent is none.
///
/// Invariant of `window()`: `since_ns < until_ns` where both are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// First moment, nanoseconds since 1970 UTC.
    pub since_ns: Option<i64>,
    /// First moment behind it.
    pub until_ns: Option<i64>,
}

impl Window {
    /// Whether a moment, in nanoseconds since 1970 UTC, lies within.
    pub fn contains(&self, nanos: i64) -> bool {
        self.since_ns.is_none_or(|since_ns| since_ns <= nanos) && self.until_ns.is_none_or(|until_ns| nanos < until_ns)
    }
}

/// The window of `-S` and `-U`. Either may instead be a whole window `A..B`, `A..`, `..B` or `A..+30m`, then it stands alone.
///
/// A day or a month as the end is included whole; any other end is not part of the window.
pub fn window(since: Option<&str>, until: Option<&str>, now: Moment, zone: &Zone) -> Result<Window, TimeError> {
    let whole = [since, until].into_iter().flatten().find(|text| text.contains(".."));
    let window = match whole {
        Some(text) if since.is_some() && until.is_some() => return Err(TimeError::TwoWindows { text: short(text) }),
        Some(text) => range(text, now, zone)?,
        None => Window {
            since_ns: since.map(|text| parse_instant(text, now, zone)).transpose()?.map(|span| span.start_ns),
            until_ns: until.map(|text| parse_instant(text, now, zone)).transpose()?.map(|span| span.end_ns),
        },
    };
    if let (Some(since_ns), Some(until_ns)) = (window.since_ns, window.until_ns)
        && since_ns >= until_ns
    {
        let shown = |nanos| rfc3339(Moment { nanos, digits: if nanos % 1_000_000_000 == 0 { 0 } else { 9 } });
        return Err(TimeError::EmptyWindow { since: shown(since_ns), until: shown(until_ns) });
    }
    Ok(window)
}

fn range(text: &str, now: Moment, zone: &Zone) -> Result<Window, TimeError> {
    let (from, to) = text.split_once("..").unwrap_or((text, ""));
    let (from, to) = (from.trim(), to.trim());
    if from.is_empty() && to.is_empty() {
        return Err(TimeError::NotATime { text: short(text) });
    }
    let since = if from.is_empty() { None } else { Some(parse_instant(from, now, zone)?) };
    let until_ns = match (to.strip_prefix('+'), since) {
        _ if to.is_empty() => None,
        (Some(length), Some(since)) => {
            let end = since.start_ns.checked_add(parse_duration(length)?);
            Some(end.ok_or_else(|| TimeError::OutOfRange { text: short(text) })?)
        }
        _ => Some(parse_instant(to, now, zone)?.end_ns),
    };
    Ok(Window { since_ns: since.map(|span| span.start_ns), until_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(since: Option<&str>, until: Option<&str>, zone: &str) -> String {
        let now = Moment { nanos: 1_795_602_645_500_000_000, digits: 9 }; // 2026-11-25T10:30:45.5Z
        let bound = |nanos: Option<i64>| nanos.map(|nanos| rfc3339(Moment { nanos, digits: 0 })).unwrap_or_default();
        match window(since, until, now, &Zone::parse(zone).unwrap()) {
            Ok(window) => format!("{}..{}", bound(window.since_ns), bound(window.until_ns)),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn windows() {
        let check = |since: &str, until: &str, expected: &str| {
            let given = |text: &'static str| (text != "-").then_some(text);
            let (since, until) = (since.to_owned().leak(), until.to_owned().leak());
            assert_eq!(shown(given(since), given(until), "UTC"), expected, "-S {since} -U {until}");
        };
        check("-", "-", "..");
        check("2026-07-18", "-", "2026-07-18T00:00:00Z..");
        check("-", "2026-07-18", "..2026-07-19T00:00:00Z");
        check("2026-07-18", "2026-07-18", "2026-07-18T00:00:00Z..2026-07-19T00:00:00Z");
        check("2026-07", "2026-07", "2026-07-01T00:00:00Z..2026-08-01T00:00:00Z");
        check("yesterday", "today", "2026-11-24T00:00:00Z..2026-11-25T00:00:00Z");
        check("2026-07-18..2026-07-19", "-", "2026-07-18T00:00:00Z..2026-07-20T00:00:00Z");
        check("2026-07-18..", "-", "2026-07-18T00:00:00Z..");
        check("..2026-07-18", "-", "..2026-07-19T00:00:00Z");
        check("-", "2026-07-18T10:00Z..+30m", "2026-07-18T10:00:00Z..2026-07-18T10:30:00Z");
        check("2026-07-18 10:00 .. +30m", "-", "2026-07-18T10:00:00Z..2026-07-18T10:30:00Z");
        check("-2h..-1h", "-", "2026-11-25T08:30:45Z..2026-11-25T09:30:45Z");
        check("10:00..11:00", "-", "2026-11-25T10:00:00Z..2026-11-25T11:00:00Z");
        check("..-1h", "-", "..2026-11-25T09:30:45Z");
        check("..+1h", "-", "..2026-11-25T11:30:45Z");
        let empty = "the window is empty: it starts at 2026-07-18T00:00:00Z, which is not before its end at 2026-07-18T00:00:00Z";
        check("2026-07-18", "2026-07-18 00:00", empty);
        check("2026-07-18", "2026-07-01T00:00:00Z", &empty.replace("end at 2026-07-18", "end at 2026-07-01"));
        check("2026-07-18..", "now", "\"2026-07-18..\" is a whole window: give it alone, without another -S or -U");
        for bad in ["..", "...", "a..b", "2026-07-18..x", "2026-07-18..2026-07-19..2026-07-20", "..+", "1677..2262"] {
            assert!(!shown(Some(bad), None, "UTC").contains("Z..") && shown(Some(bad), None, "UTC") != "..", "{bad}");
        }
        assert_eq!(
            shown(Some("2026-07-18"), Some("2026-07-18"), "Europe/Berlin"),
            "2026-07-17T22:00:00Z..2026-07-18T22:00:00Z"
        );
    }

    #[test]
    fn half_open() {
        let window = Window { since_ns: Some(5), until_ns: Some(7) };
        assert_eq!([4, 5, 6, 7].map(|nanos| window.contains(nanos)), [false, true, true, false]);
        assert!(Window::default().contains(i64::MIN));
    }
}

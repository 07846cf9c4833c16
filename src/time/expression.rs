//! Points and periods of time as people write them: RFC 3339, `2026-07-18`, `10:00`, `-2h`, `yesterday`, `@1784368800`.
//!
//! Not here: the window that two of them make (`window`), durations (`duration`), zones (`zone`).

use super::error::short;
use super::zone::Occurs;
use super::{TimeError, Zone, format, parse_duration};
use crate::model::Moment;
use chrono::{NaiveDate, NaiveTime};

/// Longest text of an expression.
const TEXT_BYTES_MAX: usize = 128;

const SECOND_NS: i64 = 1_000_000_000;

/// A period, or a point where both ends are equal; nanoseconds since 1970 UTC, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub start_ns: i64,
    /// The first moment behind it.
    pub end_ns: i64,
}

impl Span {
    fn point(nanos: i64) -> Span {
        Span { start_ns: nanos, end_ns: nanos }
    }
}

/// Reads one time expression; `now` is what `-2h` and `today` count from, `zone` that of times which name none.
///
/// A date is its whole day, a month the whole month; everything else is a point: `today` and `yesterday` are midnights, as in
/// journalctl. A clock time that the zone shows twice or never is an error which names the choices; the start of a day never is.
pub fn parse_instant(text: &str, now: Moment, zone: &Zone) -> Result<Span, TimeError> {
    let text = text.trim();
    if text.len() > TEXT_BYTES_MAX {
        return Err(TimeError::NotATime { text: short(text) });
    }
    if let Some(point) = relative(text, now).or_else(|| epoch(text)) {
        return point.map(Span::point);
    }
    match text {
        "today" => return day_start(text, now, zone, 0).map(Span::point),
        "yesterday" => return day_start(text, now, zone, 1).map(Span::point),
        _ => {}
    }
    civil(text, now, zone)
}

/// `now`, `-2h`, `+30m`, `2h ago`, `now-2h`; `None` when the text is none of these forms.
fn relative(text: &str, now: Moment) -> Option<Result<i64, TimeError>> {
    let signed = text.strip_prefix("now").unwrap_or(text).trim_start();
    let (forward, duration) = if text == "now" {
        (true, "0s")
    } else if let Some(rest) = signed.strip_prefix('-') {
        (false, rest)
    } else if let Some(rest) = signed.strip_prefix('+') {
        (true, rest)
    } else {
        (false, text.strip_suffix("ago")?.trim_end())
    };
    let offset_ns = match parse_duration(duration) {
        Ok(offset_ns) => offset_ns,
        Err(error) => return Some(Err(error)),
    };
    let moved = if forward { now.nanos.checked_add(offset_ns) } else { now.nanos.checked_sub(offset_ns) };
    Some(moved.ok_or_else(|| TimeError::OutOfRange { text: short(text) }))
}

/// `@1784368800`, `@1784368800.123`, `@-1`; `None` when the text does not start with `@`.
fn epoch(text: &str) -> Option<Result<i64, TimeError>> {
    let number = text.strip_prefix('@')?;
    let not_a_time = || TimeError::NotATime { text: short(text) };
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (secs, fraction) = number.split_once('.').map_or((number, None), |(secs, fraction)| (secs, Some(fraction)));
    let fraction_ns = match fraction {
        Some(digits) => match nanos_of(digits) {
            Some(nanos) => nanos,
            None => return Some(Err(not_a_time())),
        },
        None => 0,
    };
    if secs.is_empty() || !secs.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Err(not_a_time()));
    }
    let nanos = secs.parse::<i128>().ok().and_then(|secs| secs.checked_mul(i128::from(SECOND_NS)));
    let nanos = nanos.and_then(|nanos| nanos.checked_add(i128::from(fraction_ns)));
    let nanos = nanos.map(|nanos| if negative { -nanos } else { nanos }).and_then(|nanos| i64::try_from(nanos).ok());
    Some(nanos.ok_or_else(|| TimeError::OutOfRange { text: short(text) }))
}

fn day_start(text: &str, now: Moment, zone: &Zone, days_back: u64) -> Result<i64, TimeError> {
    let out_of_range = || TimeError::OutOfRange { text: short(text) };
    let today = zone.date_at(now.nanos.div_euclid(SECOND_NS)).ok_or_else(out_of_range)?;
    let day = today.checked_sub_days(chrono::Days::new(days_back)).ok_or_else(out_of_range)?;
    zone.start_of(day).checked_mul(SECOND_NS).ok_or_else(out_of_range)
}

/// A date, a month, a date with a clock time, or a clock time of today; each with a zone or without.
fn civil(text: &str, now: Moment, zone: &Zone) -> Result<Span, TimeError> {
    let not_a_time = || TimeError::NotATime { text: short(text) };
    let Some((year, rest)) = digits(text, 4).and_then(|(year, rest)| Some((year, rest.strip_prefix('-')?))) else {
        let (clock, rest) = Clock::read(text).ok_or_else(not_a_time)?;
        let zone = &zone_of(text, rest, zone)?;
        let today = zone.date_at(now.nanos.div_euclid(SECOND_NS)).ok_or_else(not_a_time)?;
        return clock.on(today, text, zone).map(Span::point);
    };
    let (month, rest) = digits(rest, 2).ok_or_else(not_a_time)?;
    if rest.is_empty() {
        let next = if month == 12 { (year.saturating_add(1), 1) } else { (year, month.saturating_add(1)) };
        return period(text, zone, date(text, year, month, 1)?, date(text, next.0, next.1, 1)?);
    }
    let (day, rest) = rest.strip_prefix('-').and_then(|rest| digits(rest, 2)).ok_or_else(not_a_time)?;
    let date = date(text, year, month, day)?;
    let behind =
        rest.strip_prefix(['T', 't', ' ']).map(str::trim_start).filter(|r| r.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(behind) = behind {
        let (clock, rest) = Clock::read(behind).ok_or_else(not_a_time)?;
        return clock.on(date, text, &zone_of(text, rest, zone)?).map(Span::point);
    }
    let next = date.succ_opt().ok_or_else(|| TimeError::OutOfRange { text: short(text) })?;
    period(text, &zone_of(text, rest, zone)?, date, next)
}

fn date(text: &str, year: u32, month: u32, day: u32) -> Result<NaiveDate, TimeError> {
    let found = i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let what = || format!("date {year:04}-{month:02}-{day:02}");
    found.ok_or_else(|| TimeError::NoSuchTime { text: short(text), what: what() })
}

fn period(text: &str, zone: &Zone, first: NaiveDate, next: NaiveDate) -> Result<Span, TimeError> {
    let nanos =
        |date| zone.start_of(date).checked_mul(SECOND_NS).ok_or_else(|| TimeError::OutOfRange { text: short(text) });
    let (start_ns, end_ns) = (nanos(first)?, nanos(next)?);
    if start_ns >= end_ns {
        return Err(TimeError::NoSuchTime {
            text: short(text),
            what: format!("day {first} in {zone}: the calendar skips it"),
        });
    }
    Ok(Span { start_ns, end_ns })
}

/// The zone behind a time: `Z`, an offset, a name behind a space; the default where there is none.
fn zone_of(text: &str, rest: &str, default: &Zone) -> Result<Zone, TimeError> {
    if rest.trim().is_empty() {
        return Ok(*default);
    }
    if !rest.starts_with([' ', 'Z', 'z', '+', '-', '−']) {
        return Err(TimeError::NotATime { text: short(text) });
    }
    Zone::parse(rest)
}

/// A time of day: whole seconds, and the fraction in nanoseconds.
struct Clock {
    hour: u32,
    minute: u32,
    second: u32,
    fraction_ns: u32,
}

impl Clock {
    /// `HH:MM`, `HH:MM:SS`, `HH:MM:SS.f` with one to nine digits, and what follows it.
    fn read(text: &str) -> Option<(Clock, &str)> {
        let (hour, rest) = digits(text, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
        let mut clock = Clock { hour, minute, second: 0, fraction_ns: 0 };
        let Some(rest) = rest.strip_prefix(':') else { return Some((clock, rest)) };
        let (second, rest) = digits(rest, 2)?;
        clock.second = second;
        let Some(rest) = rest.strip_prefix('.') else { return Some((clock, rest)) };
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (fraction, rest) = rest.split_at(end);
        clock.fraction_ns = nanos_of(fraction)?;
        Some((clock, rest))
    }

    /// The moment at which a zone's clock shows this time on a day.
    fn on(&self, date: NaiveDate, text: &str, zone: &Zone) -> Result<i64, TimeError> {
        let Clock { hour, minute, second, fraction_ns } = *self;
        // A leap second is, in POSIX time, the first second of the next minute; it only ever ends an hour.
        let leap = second == 60 && minute == 59;
        let time = NaiveTime::from_hms_opt(hour, minute, if leap { 59 } else { second });
        let what = || format!("time of day {hour:02}:{minute:02}:{second:02}");
        let time = time.ok_or_else(|| TimeError::NoSuchTime { text: short(text), what: what() })?;
        let local = date.and_time(time);
        let secs = match zone.occurrences(local) {
            Occurs::Once(secs) => secs,
            Occurs::Twice(first, second) => {
                let shown = |secs| shown(secs, zone);
                let (first, second) = (shown(first), shown(second));
                return Err(TimeError::Ambiguous { text: short(text), zone: zone.to_string(), first, second });
            }
            Occurs::Never => {
                let next = shown(zone.first_at_or_after(local), zone);
                return Err(TimeError::Skipped { text: short(text), zone: zone.to_string(), next });
            }
        };
        let moment = secs.checked_add(i64::from(leap)).and_then(|secs| Moment::new(secs, fraction_ns, 9));
        moment.map(|moment| moment.nanos).ok_or_else(|| TimeError::OutOfRange { text: short(text) })
    }
}

fn shown(secs: i64, zone: &Zone) -> String {
    Moment::new(secs, 0, 0).map(|moment| format(moment, zone)).unwrap_or_else(|| format!("@{secs}"))
}

/// Exactly `count` ASCII digits as a number, and what follows them.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some((number.parse().ok()?, rest)))?
}

/// Nanoseconds of the digits behind the point: one to nine.
fn nanos_of(digits: &str) -> Option<u32> {
    let right = (1..=9).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    right.then(|| format!("{digits:0<9}").parse().ok())?
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;

//! Time zones: UTC, a fixed offset, a name of the tz database that the binary carries, or the machine's own.
//!
//! Inside: what the clock of a zone shows, and which moments a clock time stands for.
//! Not here: reading of whole expressions (`expression`).

use super::TimeError;
use super::error::short;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use std::fmt;

/// A time zone. UTC unless somebody asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// UTC.
    #[default]
    Utc,
    /// By its name in the tz database.
    Named(chrono_tz::Tz),
    /// A fixed distance to UTC.
    Fixed(FixedOffset),
    /// That of the machine (`TZ`, `/etc/localtime`).
    Local,
}

/// The moments, in seconds since 1970, at which a zone's clock shows some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurs {
    Once(i64),
    Twice(i64, i64),
    Never,
}

/// What a time of a zone's clock stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalTime {
    /// One moment.
    Once,
    /// The clock was set back and showed it twice; the first moment is taken.
    Twice,
    /// The clock was set forward and never showed it; the offset before the change is taken.
    Never,
}

impl Zone {
    /// The zone of a name that was checked when it was written down; UTC for an empty one, and for one that is none.
    pub fn of_name(name: &str) -> Zone {
        if name.is_empty() {
            return Zone::Utc;
        }
        // A name as it was written down is looked up at once; an offset is not among them.
        let named = name.parse().map(Zone::Named);
        named.unwrap_or_else(|_| Zone::parse(name).unwrap_or_default())
    }

    /// The moment at which the zone's clock shows a time, both in ns since 1970, and whether that is the only one. `None` beyond the calendar.
    pub fn moment(&self, local_nanos: i64) -> Option<(i64, LocalTime)> {
        let local = DateTime::from_timestamp_nanos(local_nanos).naive_utc();
        let fraction = local_nanos.rem_euclid(1_000_000_000);
        let (secs, found) = match self.occurrences(local) {
            Occurs::Once(secs) => (secs, LocalTime::Once),
            Occurs::Twice(first, _) => (first, LocalTime::Twice),
            Occurs::Never => {
                let secs = local.and_utc().timestamp();
                let before = self.offset_secs_at(self.end_of_gap(secs).saturating_sub(1));
                (secs.saturating_sub(i64::from(before)), LocalTime::Never)
            }
        };
        Some((secs.checked_mul(1_000_000_000)?.checked_add(fraction)?, found))
    }

    /// The zone of a text: `UTC`, `Z`, `local`, `+02:00`, `-0530`, `+02`, or a name of the tz database in any case.
    pub fn parse(text: &str) -> Result<Zone, TimeError> {
        let text = text.trim();
        if ["utc", "z", "gmt"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Ok(Zone::Utc);
        }
        if text.eq_ignore_ascii_case("local") {
            return Ok(Zone::Local);
        }
        if let Some(offset) = offset(text) {
            return Ok(Zone::Fixed(offset));
        }
        let named = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text));
        named
            .map(|zone| Zone::Named(*zone))
            .ok_or_else(|| TimeError::NotAZone { text: short(text), nearest: nearest(text) })
    }

    /// Seconds that the zone's clock is ahead of UTC at a moment, given in seconds since 1970.
    pub(super) fn offset_secs_at(&self, secs: i64) -> i32 {
        let Some(utc) = DateTime::from_timestamp(secs, 0).map(|at| at.naive_utc()) else { return 0 };
        match self {
            Zone::Utc => 0,
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
            Zone::Fixed(offset) => offset.local_minus_utc(),
            Zone::Local => chrono::Local.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
        }
    }

    /// When the zone's clock shows a time.
    pub(super) fn occurrences(&self, local: NaiveDateTime) -> Occurs {
        let secs = local.and_utc().timestamp();
        let at = |offset: FixedOffset| secs.saturating_sub(i64::from(offset.local_minus_utc()));
        let offsets = match self {
            Zone::Utc => return Occurs::Once(secs),
            Zone::Fixed(offset) => return Occurs::Once(at(*offset)),
            Zone::Named(zone) => zone.offset_from_local_datetime(&local).map(|offset| offset.fix()),
            Zone::Local => chrono::Local.offset_from_local_datetime(&local).map(|offset| offset.fix()),
        };
        match offsets {
            chrono::MappedLocalTime::Single(offset) => Occurs::Once(at(offset)),
            chrono::MappedLocalTime::Ambiguous(one, other) => {
                let (one, other) = (at(one), at(other));
                Occurs::Twice(one.min(other), one.max(other))
            }
            chrono::MappedLocalTime::None => Occurs::Never,
        }
    }

    /// The first moment, in seconds since 1970, at which the zone's clock shows this time or a later one.
    ///
    /// The start of a day, whatever happens to midnight: the first of two midnights, or the end of the gap that swallowed it.
    pub(super) fn first_at_or_after(&self, local: NaiveDateTime) -> i64 {
        match self.occurrences(local) {
            Occurs::Once(secs) | Occurs::Twice(secs, _) => secs,
            Occurs::Never => self.end_of_gap(local.and_utc().timestamp()),
        }
    }

    /// The calendar day that the zone's clock shows at a moment.
    pub(super) fn date_at(&self, secs: i64) -> Option<NaiveDate> {
        let local_secs = secs.checked_add(i64::from(self.offset_secs_at(secs)))?;
        DateTime::from_timestamp(local_secs, 0).map(|at| at.date_naive())
    }

    /// The first moment of a day.
    pub(super) fn start_of(&self, date: NaiveDate) -> i64 {
        self.first_at_or_after(date.and_time(NaiveTime::MIN))
    }

    /// Bisects for the jump of a clock time that never occurs. Offsets are below 24 hours, so the jump is within a day of it,
    /// and no zone had two within two days of each other.
    fn end_of_gap(&self, local_secs: i64) -> i64 {
        const DAY_SECS: i64 = 86_400;
        let (mut before, mut after) = (local_secs.saturating_sub(DAY_SECS), local_secs.saturating_add(DAY_SECS));
        while after.saturating_sub(before) > 1 {
            let middle = before.saturating_add(after.saturating_sub(before) / 2);
            if middle.saturating_add(i64::from(self.offset_secs_at(middle))) >= local_secs {
                after = middle;
            } else {
                before = middle;
            }
        }
        after
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Zone::Utc => f.write_str("UTC"),
            Zone::Named(zone) => f.write_str(zone.name()),
            Zone::Fixed(offset) => write!(f, "{offset}"),
            Zone::Local => f.write_str("local"),
        }
    }
}

/// `+02:00`, `-0530`, `+02`; hours up to 23.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-').or_else(|| text.strip_prefix('−'))?),
    };
    if !rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b':') {
        return None;
    }
    let (hours, minutes) = match rest.len() {
        2 => (rest, "0"),
        4 => rest.split_at_checked(2)?,
        5 => rest.split_once(':').filter(|(hours, _)| hours.len() == 2)?,
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

fn nearest(text: &str) -> Option<String> {
    if text.len() > 64 {
        return None;
    }
    let wanted = text.to_ascii_lowercase();
    let distance = |name: &str| {
        let name = name.to_ascii_lowercase();
        let city = name.rsplit('/').next().unwrap_or(&name);
        strsim::damerau_levenshtein(&name, &wanted).min(strsim::damerau_levenshtein(city, &wanted))
    };
    let found = chrono_tz::TZ_VARIANTS.iter().map(|zone| (distance(zone.name()), zone.name())).min()?;
    (found.0 <= wanted.chars().count() / 3).then(|| found.1.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        let check = |text: &str, shown: &str| {
            let zone = Zone::parse(text).map(|zone| zone.to_string()).unwrap_or_else(|error| error.to_string());
            assert_eq!(zone, shown, "{text:?}");
        };
        check("UTC", "UTC");
        check("z", "UTC");
        check("local", "local");
        check("+02:00", "+02:00");
        check("-0530", "-05:30");
        check("+02", "+02:00");
        check("Europe/Berlin", "Europe/Berlin");
        check("europe/berlin", "Europe/Berlin");
        for bad in ["", "+2", "+24:00", "+02:60", "+0:200", "++200", "+02:00:00", "-", "Moon", "\u{1b}[31m", "+٠٢"] {
            assert!(Zone::parse(bad).is_err(), "{bad:?}");
        }
        let nearest = |text: &str| match Zone::parse(text) {
            Err(TimeError::NotAZone { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("Europe/Berln").as_deref(), Some("Europe/Berlin"));
        assert_eq!(nearest("berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(nearest("xyzzyplugh"), None);
        assert!(Zone::parse("\u{1b}[31m").unwrap_err().to_string().contains("\\u{1b}"));
    }

    #[test]
    fn a_day_starts_whatever_happens_to_midnight() {
        let check = |zone: &str, date: &str, expected: &str| {
            let zone = Zone::parse(zone).unwrap();
            let start = zone.start_of(date.parse().unwrap());
            assert_eq!(DateTime::from_timestamp(start, 0).unwrap().to_rfc3339(), expected, "{date} in {zone}");
        };
        check("UTC", "2026-07-18", "2026-07-18T00:00:00+00:00");
        check("Europe/Berlin", "2026-07-18", "2026-07-17T22:00:00+00:00");
        // Midnight was skipped.
        check("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00+00:00");
        check("Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00+00:00");
        // Midnight came twice.
        check("America/Havana", "2025-11-02", "2025-11-02T04:00:00+00:00");
        // The whole day was skipped: it starts where the next one does.
        check("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00+00:00");
        check("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00+00:00");
    }
}

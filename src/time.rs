//! Clock and calendar: the only `now()` of the project, and times as people write and read them.
//!
//! Inside: the present, printing of a `Moment` in a zone, zones, durations, the expressions of `-S` and `-U`.
//! Nothing here depends on a locale, and nothing but `Zone::Local` on the machine's own zone.
//! Not here: times inside of records (`deponent-parsers`).

mod duration;
mod error;
mod expression;
mod window;
mod zone;

pub use duration::parse_duration;
pub use error::TimeError;
pub use expression::{Span, parse_instant};
pub use window::{Window, window};
pub use zone::{LocalTime, Zone};

use crate::model::Moment;
use chrono::{DateTime, FixedOffset};

/// The present, UTC.
pub fn now() -> Moment {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let nanos = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    Moment { nanos, digits: 9 }
}

/// The year, in UTC, of a moment in ns since 1970.
pub fn year(nanos: i64) -> i32 {
    use chrono::Datelike;
    chrono::DateTime::from_timestamp_nanos(nanos).year()
}

/// Midnight of a day, in UTC, in ns since 1970; `None` when the calendar has no such day, or 64 bits do not hold it.
pub fn midnight(year: i32, month: u8, day: u8) -> Option<i64> {
    let date = chrono::NaiveDate::from_ymd_opt(year, u32::from(month), u32::from(day))?;
    date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_nanos_opt()
}

/// RFC 3339 in UTC, with as many digits of the second as were recorded.
pub fn rfc3339(moment: Moment) -> String {
    let at = DateTime::from_timestamp_nanos(moment.nanos);
    let date = at.format("%Y-%m-%dT%H:%M:%S");
    let fraction = fraction(moment, at.timestamp_subsec_nanos());
    format!("{date}{fraction}Z")
}

/// RFC 3339 in a zone, with as many digits of the second as were recorded; the offset is always there.
///
/// Offsets of past centuries have seconds, which RFC 3339 cannot say: the offset is cut to whole minutes and the clock time
/// follows it, so that the text still names this moment.
pub fn format(moment: Moment, zone: &Zone) -> String {
    if *zone == Zone::Utc {
        return rfc3339(moment);
    }
    let at = DateTime::from_timestamp_nanos(moment.nanos);
    let offset_secs = zone.offset_secs_at(at.timestamp());
    let Some(offset) = FixedOffset::east_opt(offset_secs.saturating_sub(offset_secs % 60)) else {
        return rfc3339(moment);
    };
    let local = at.with_timezone(&offset);
    let fraction = fraction(moment, at.timestamp_subsec_nanos());
    format!("{}{fraction}{}", local.format("%Y-%m-%dT%H:%M:%S"), local.format("%:z"))
}

fn fraction(moment: Moment, subsec_nanos: u32) -> String {
    let digits = usize::from(moment.digits.min(9));
    if digits == 0 {
        return String::new();
    }
    let nanos = format!("{subsec_nanos:09}");
    format!(".{}", nanos.get(..digits).unwrap_or(&nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_was_recorded_in_a_zone() {
        let check = |nanos: i64, digits: u8, zone: &str, expected: &str| {
            let text = format(Moment { nanos, digits }, &Zone::parse(zone).unwrap());
            assert_eq!(text, expected, "{nanos} in {zone}");
        };
        let summer = 1_784_368_800_123_456_789; // 2026-07-18T10:00:00.123456789Z
        check(summer, 0, "UTC", "2026-07-18T10:00:00Z");
        check(summer, 3, "UTC", "2026-07-18T10:00:00.123Z");
        check(summer, 200, "UTC", "2026-07-18T10:00:00.123456789Z");
        check(summer, 3, "Europe/Berlin", "2026-07-18T12:00:00.123+02:00");
        check(summer, 0, "-03:30", "2026-07-18T06:30:00-03:30");
        check(summer, 0, "Europe/London", "2026-07-18T11:00:00+01:00");
        check(1_768_730_400_000_000_000, 0, "Europe/London", "2026-01-18T10:00:00+00:00");
        check(-1, 9, "UTC", "1969-12-31T23:59:59.999999999Z");
        check(-1, 3, "+01:00", "1970-01-01T00:59:59.999+01:00");
        check(i64::MAX, 9, "Asia/Tokyo", "2262-04-12T08:47:16.854775807+09:00");
        // New York's offset was -04:56:02 in 1880: cut to a minute, the text still names the same moment.
        check(-2_840_140_800_000_000_000, 0, "America/New_York", "1879-12-31T19:04:00-04:56");
        let back = chrono::DateTime::parse_from_rfc3339(&format(
            Moment { nanos: i64::MIN, digits: 9 },
            &Zone::parse("America/New_York").unwrap(),
        ));
        assert_eq!(back.unwrap().timestamp_nanos_opt(), Some(i64::MIN));
    }
}

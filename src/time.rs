//! Clock and calendar: the only `now()` of the project, and times as people write and read them.
//!
//! Inside: `Clock`, formatting of a `Moment` in a zone, parsing of `-S`/`-U` expressions.
//! Not here: times inside of records (`deponent-parsers`).

use crate::model::Moment;

/// The present, UTC.
pub fn now() -> Moment {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let nanos = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    Moment { nanos, digits: 9 }
}

/// RFC 3339 in UTC, with as many digits of the second as were recorded.
pub fn rfc3339(moment: Moment) -> String {
    let at = chrono::DateTime::from_timestamp_nanos(moment.nanos);
    let date = at.format("%Y-%m-%dT%H:%M:%S");
    let digits = usize::from(moment.digits.min(9));
    if digits == 0 {
        return format!("{date}Z");
    }
    let nanos = format!("{:09}", at.timestamp_subsec_nanos());
    format!("{date}.{}Z", nanos.get(..digits).unwrap_or(&nanos))
}

//! RFC 3339 times as Kubernetes writes them, checked: no time that does not exist, none outside of 1677 to 2262.
//!
//! Not here: times for people (`deponent::time`).

/// A time as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Digits of the second that were recorded, 0 to 9; further ones are cut off.
    pub digits: u8,
}

impl Stamp {
    /// Reads `2026-11-23T20:57:42.452334Z`; an offset (`+01:00`) is applied. `None` for anything else, and outside of the range of nanoseconds in 64 bits.
    pub fn parse(text: &str) -> Option<Stamp> {
        let (date, rest) = text.as_bytes().split_at_checked(19)?;
        let number = |from: usize, to: usize| -> Option<i64> {
            date.get(from..to)?
                .iter()
                .try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
        };
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if separators.iter().any(|&(at, byte)| date.get(at) != Some(&byte))
            || !matches!(date.get(10)?, b'T' | b't' | b' ')
        {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        // A leap second is the first second of the next minute, as everywhere else in Unix time.
        if !(1..=12).contains(&month)
            || day < 1
            || day > month_days(year, month)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let (nanos, digits, zone) = fraction(rest)?;
        let secs = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset_secs(zone)?;
        Some(Stamp { nanos: secs.checked_mul(1_000_000_000)?.checked_add(nanos)?, digits })
    }
}

fn fraction(rest: &[u8]) -> Option<(i64, u8, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else {
        return Some((0, 0, rest));
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (figures, zone) = rest.split_at_checked(count)?;
    let mut nanos = 0;
    for place in 0..9 {
        nanos = nanos * 10 + figures.get(place).map_or(0, |byte| i64::from(byte - b'0'));
    }
    (count > 0).then_some((nanos, u8::try_from(count.min(9)).unwrap_or(9), zone))
}

fn offset_secs(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) => {
            let two = |tens: &u8, ones: &u8| i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let (hours, minutes) = (two(h1, h2), two(m1, m2));
            let secs = hours * 3_600 + minutes * 60;
            (hours <= 23 && minutes <= 59).then_some(if *sign == b'-' { -secs } else { secs })
        }
        _ => None,
    }
}

fn month_days(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar; years 0 to 9999.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March have their leap day at their end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(i64, u8)>) {
        assert_eq!(Stamp::parse(text).map(|stamp| (stamp.nanos, stamp.digits)), expected, "{text:?}");
    }

    #[test]
    fn times() {
        check("1970-01-01T00:00:00Z", Some((0, 0)));
        check("2026-11-23T20:57:42.452334Z", Some((1_795_467_462_452_334_000, 6)));
        check("2000-02-29T23:59:60Z", Some((951_868_800_000_000_000, 0)));
        check("2026-11-23T21:57:42+01:00", Some((1_795_467_462_000_000_000, 0)));
        check("2026-11-23T20:27:42-00:30", Some((1_795_467_462_000_000_000, 0)));
        check("1969-12-31T23:59:59.5Z", Some((-500_000_000, 1)));
        check("2026-11-23T20:57:42.4523341239999Z", Some((1_795_467_462_452_334_123, 9)));
        check("2262-04-11T23:47:16.854775807Z", Some((i64::MAX, 9)));
        check("2262-04-11T23:47:16.854775808Z", None);
        check("1677-09-21T00:12:44Z", Some((-9_223_372_036_000_000_000, 0)));
        check("1677-09-21T00:12:43Z", None);
        check("9999-12-31T23:59:59Z", None);
        check("0000-01-01T00:00:00Z", None);
    }

    #[test]
    fn others() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T20:57:42",
            "2026-11-23T20:57:42.Z",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T20:57:42.1Zx",
            "2026-11-23T20:57:42+1:00",
            "+026-11-23T20:57:42Z",
            "2026-11-23T20:57:42.1234567é",
            "２０２６-11-23T20:57:42Z",
            "2026-11-23T20:57:42+24:00",
            "2026/11/23T20:57:42Z",
        ] {
            check(text, None);
        }
    }
}

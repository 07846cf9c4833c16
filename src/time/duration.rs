//! Durations as people write them: `5m`, `1h30m`, `250ms`.
//!
//! Not here: points in time (`expression`).

use super::TimeError;
use super::error::short;

/// Longest text of a duration.
const TEXT_BYTES_MAX: usize = 64;

/// Nanoseconds of a duration: whole numbers with `ns us ms s m h d w`, added up. A day is 24 hours, a week seven of them.
///
/// Never negative; zero is allowed. Months and years are refused: they have no fixed length.
pub fn parse_duration(text: &str) -> Result<i64, TimeError> {
    let wrong = |reason: String| TimeError::NotADuration { text: short(text), reason };
    if text.len() > TEXT_BYTES_MAX {
        return Err(wrong(format!("it has {} bytes, at most {TEXT_BYTES_MAX} are read", text.len())));
    }
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong("it is empty".to_owned()));
    }
    let mut total_ns: i64 = 0;
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(wrong("a whole number is expected before each unit".to_owned()));
        }
        let (unit, after) = split_while(after, char::is_alphabetic);
        let unit_ns = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            "w" => 604_800_000_000_000,
            "" => return Err(wrong(format!("{digits} has no unit"))),
            "M" | "y" | "mo" => return Err(wrong(format!("{unit} has no fixed length, use days"))),
            _ => return Err(wrong(format!("there is no unit {:?}, only ns us ms s m h d w", short(unit)))),
        };
        let part_ns = digits.parse::<i64>().ok().and_then(|count| count.checked_mul(unit_ns));
        total_ns = part_ns
            .and_then(|part_ns| total_ns.checked_add(part_ns))
            .ok_or_else(|| wrong("it is longer than 292 years".to_owned()))?;
        rest = after.trim_start();
    }
    Ok(total_ns)
}

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_duration(text).ok(), expected, "{text:?}");
        check("5m", Some(300_000_000_000));
        check("1h30m", Some(5_400_000_000_000));
        check("1h 30m", Some(5_400_000_000_000));
        check("250ms", Some(250_000_000));
        check("2d", Some(172_800_000_000_000));
        check("1w", Some(604_800_000_000_000));
        check("7us", Some(7_000));
        check("7µs", Some(7_000));
        check("0s", Some(0));
        check("9223372036854775807ns", Some(i64::MAX));
        for bad in [
            "",
            " ",
            "5",
            "m",
            "-5m",
            "+5m",
            "1.5h",
            "5 m",
            "5mm",
            "3M",
            "1y",
            "5m3",
            "9223372036854775808ns",
            "300y",
            "106752d",
            "9223372036854775807ns1ns",
            "99999999999999999999s",
            "٣m",
            &"1s".repeat(40),
        ] {
            check(bad, None);
        }
    }
}

//! Durations as Go prints them.
//!
//! Not here: moments (`model`).

/// Units of Go, those that begin like another one first, in nanoseconds.
const UNITS: &[(&str, i64)] = &[
    ("ns", 1),
    ("µs", 1_000),
    // The Greek letter instead of the sign; Go reads both.
    ("μs", 1_000),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];
/// What takes longer is no request: ten years, ns.
const NANOS_MAX: i64 = 10 * 366 * 86_400 * 1_000_000_000;

/// `274.229099ms`, `2m3.4s`, `57µs` in nanoseconds, without floating point; `None` when it is none, negative, or longer than ten years.
pub(super) fn nanos(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0i64;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, behind) = rest.split_at(end);
        let (unit, scale) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        rest = behind.strip_prefix(unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let mut part = whole.parse::<i64>().ok()?.checked_mul(*scale)?;
        let mut step = *scale;
        if fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        for digit in fraction.bytes() {
            // An hour is no power of ten, but what is lost there is less than a nanosecond a digit.
            step /= 10;
            part = part.checked_add(i64::from(digit - b'0').checked_mul(step)?)?;
        }
        total = total.checked_add(part)?;
    }
    (!text.is_empty() && total <= NANOS_MAX).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(nanos(text), expected, "{text}");
        check("274.229099ms", Some(274_229_099));
        check("1.059204541s", Some(1_059_204_541));
        check("1.05s", Some(1_050_000_000));
        check("2m3.4s", Some(123_400_000_000));
        check("57µs", Some(57_000));
        check("57μs", Some(57_000));
        check("986.58us", Some(986_580));
        check("12ns", Some(12));
        check("1h0m0s", Some(3_600_000_000_000));
        check("0s", Some(0));
        for bad in ["", "0", "5", "ms", "1.2.3s", ".5s", "1.s", "99999999999999h", "100000h", "-1s", "1 s", "1sx", "1d"]
        {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "([0-9.]{0,24}(h|m|s|ms|µs|us|ns|x)?){0,4}") {
            prop_assert!(nanos(&text).is_none_or(|nanos| nanos >= 0));
        }
    }
}

//! Times of klog, and where its values end.
//!
//! Not here: Go's strings (`line`).

use crate::line::Time;

/// JSON's `ts` below this is in seconds, as the documentation of Kubernetes shows it: in milliseconds it would be of before March 1973, in seconds it reaches to 5138.
const SECONDS_BELOW: i64 = 100_000_000_000;
/// Figures of a number that are read: more than any time has.
const FIGURES_MAX: usize = 64;

/// Decimal digits and nothing else.
pub(super) fn number(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// `20:59:00.500415` as nanoseconds since midnight and digits of the second. A leap second is the first one of the next minute.
pub(crate) fn of_day(text: &str) -> Option<(i64, u8)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hours, minutes, seconds) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 60 || clock.len() != 8 {
        return None;
    }
    let nanos = number(fraction)?.checked_mul(10i64.checked_pow(9u32.checked_sub(digits(fraction)?)?)?)?;
    let recorded = if clock.len() == text.len() { 0 } else { u8::try_from(fraction.len()).ok()? };
    Some((((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + nanos, recorded))
}

fn digits(text: &str) -> Option<u32> {
    u32::try_from(text.len()).ok()
}

/// A number of JSON as a moment, read without rounding: milliseconds since 1970, or, where they are so few, seconds; then `true`.
pub(crate) fn moment(text: &str) -> Option<(Time, bool)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix('+').unwrap_or(exponent).parse::<i8>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len().saturating_add(fraction.len()) > FIGURES_MAX {
        return None;
    }
    // All figures, and how many of them stand before the point.
    let figures = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()?.checked_add(i64::from(exponent))?;
    if figures.is_empty() || figures.bytes().any(|byte| !byte.is_ascii_digit()) || point > 19 {
        return None;
    }
    let point = usize::try_from(point).ok()?;
    let whole = format!("{:0<point$}", figures.get(..point).unwrap_or(&figures));
    let fraction = figures.get(point..).unwrap_or("");
    let whole = if whole.is_empty() { 0 } else { number(&whole)? };
    let seconds = whole < SECONDS_BELOW && whole > 0;
    // Digits of the second that the whole number holds, and those that its fraction may add.
    let (held, places) = if seconds { (0u8, 9usize) } else { (3, 6) };
    let kept = fraction.get(..places).unwrap_or(fraction);
    let rest = number(&format!("{kept:0<places$}"))?;
    let nanos = whole.checked_mul(if seconds { 1_000_000_000 } else { 1_000_000 })?.checked_add(rest)?;
    Some((Time::Moment { nanos, digits: held.saturating_add(u8::try_from(kept.len()).ok()?) }, seconds))
}

/// Where a value without quotes ends: at the first blank or line end outside of brackets and strings. `false` when a bracket or a string is not closed: then the
/// value is the rest of the line.
pub(super) fn bare_end(text: &str) -> (usize, bool) {
    let mut depth = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' | b'(' => depth = depth.saturating_add(1),
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b' ' | b'\n' if depth == 0 => return (at, true),
            _ => {}
        }
    }
    (text.len(), depth == 0 && !in_string)
}

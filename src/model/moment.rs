//! A moment as a record stated it: nanoseconds since 1970 UTC, and how many digits of the second were recorded.
//!
//! Not here: parsing and printing of times for people (`time`).

/// A point in time, UTC, with the precision it was recorded in.
///
/// Ordered by time alone first, so a moment is a sort key. The range is that of `i64` nanoseconds:
/// 1677-09-21 to 2262-04-11; a parser that meets a time outside of it reports an issue instead of wrapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub nanos: i64,
    /// Digits of the second that the record held (0 to 9): printing shows as many.
    pub digits: u8,
}

impl Moment {
    /// From whole seconds and a fraction in nanoseconds; `None` when it does not fit.
    pub fn new(secs: i64, nanos: u32, digits: u8) -> Option<Moment> {
        let nanos = secs.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos))?;
        Some(Moment { nanos, digits: digits.min(9) })
    }
}

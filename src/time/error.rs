//! What can be wrong with a time, a zone or a duration that somebody wrote.
//!
//! Not here: errors of the query language (`query::QueryError`).

/// A time expression that cannot be understood, or names no moment, or more than one.
///
/// Texts are cut to 64 characters and printed with control characters visible: they come from strangers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// No form of time that is known.
    #[error(
        "{text:?} is no time; write 2026-07-18T10:00:00Z, 2026-07-18, 2026-07, \"2026-07-18 10:00\", 10:00, -2h, \"2h ago\", now, today, yesterday, @1784368800 or A..B"
    )]
    NotATime {
        /// As written.
        text: String,
    },
    /// The form is right, the calendar or the clock has no such time.
    #[error("{text:?}: there is no {what}")]
    NoSuchTime {
        /// As written.
        text: String,
        /// What does not exist, with its value: `month 13`.
        what: String,
    },
    /// Not within the range of 64-bit nanoseconds.
    #[error("{text:?} is outside of 1677-09-21 to 2262-04-11, the times that can be stored")]
    OutOfRange {
        /// As written.
        text: String,
    },
    /// The clock of the zone shows this time twice.
    #[error("{text:?} occurs twice in {zone}, when the clock is set back: write {first} or {second}")]
    Ambiguous {
        /// As written.
        text: String,
        /// The zone it was read in.
        zone: String,
        /// The earlier moment, RFC 3339.
        first: String,
        /// The later moment, RFC 3339.
        second: String,
    },
    /// The clock of the zone never shows this time.
    #[error("{text:?} does not occur in {zone}, when the clock is set forward: the next time there is {next}")]
    Skipped {
        /// As written.
        text: String,
        /// The zone it was read in.
        zone: String,
        /// The first moment after the gap, RFC 3339.
        next: String,
    },
    /// No zone of that name.
    #[error(
        "{text:?} is no time zone{}; write UTC, local, an offset such as +02:00, or a name such as Europe/Berlin",
        did_you_mean(nearest)
    )]
    NotAZone {
        /// As written.
        text: String,
        /// The name of the tz database nearest to it.
        nearest: Option<String>,
    },
    /// No duration.
    #[error("{text:?} is no duration: {reason}; write 250ms, 90s, 5m, 1h30m, 2d or 1w")]
    NotADuration {
        /// As written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A window that contains no moment.
    #[error("the window is empty: it starts at {since}, which is not before its end at {until}")]
    EmptyWindow {
        /// Its start, RFC 3339.
        since: String,
        /// Its end, RFC 3339.
        until: String,
    },
    /// `A..B` beside another bound.
    #[error("{text:?} is a whole window: give it alone, without another -S or -U")]
    TwoWindows {
        /// As written.
        text: String,
    },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean {name}?)")).unwrap_or_default()
}

/// A text for an error: not longer than is readable.
pub(super) fn short(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut chars = text.chars();
    let mut cut: String = chars.by_ref().take(CHARS_MAX).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    cut
}

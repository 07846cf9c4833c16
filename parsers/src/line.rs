//! A line of a component's log: its time, level, text and fields, whatever the format it was written in.
//!
//! Not here: the formats (`containerd`, `klog` and so on).

use std::borrow::Cow;

use crate::kubernetes::Stamp;

/// Fields of a line that are read; the rest is in its bytes.
pub const FIELDS_MAX: usize = 256;

/// When a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// A moment, ns since 1970, with the digits of the second that were recorded.
    Moment {
        /// Nanoseconds since 1970-01-01T00:00:00Z.
        nanos: i64,
        /// Digits of the second, 0 to 9.
        digits: u8,
    },
    /// A clock time of a time zone that is not said.
    NoZone {
        /// Nanoseconds since 1970-01-01T00:00:00 of that zone.
        nanos: i64,
        /// Digits of the second, 0 to 9.
        digits: u8,
    },
    /// A day of a year that is not said, in a time zone that is not said either.
    NoYear {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
        /// Nanoseconds since midnight.
        of_day: i64,
        /// Digits of the second, 0 to 9.
        digits: u8,
    },
}

/// One line, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was written.
    pub time: Time,
    /// Its level as it was written; empty when it has none.
    pub level: Cow<'a, str>,
    /// Its text.
    pub message: Cow<'a, str>,
    /// Its further fields, in its order, at most [`FIELDS_MAX`].
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Line<'_> {
    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }
}

/// A time of RFC 3339, or one whose offset has no colon (`+0100`), as strftime and zap write it.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let stamp = Stamp::parse(text).or_else(|| {
        let (time, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
        let (hours, minutes) = offset.split_at_checked(3)?;
        hours.starts_with(['+', '-']).then(|| Stamp::parse(&format!("{time}{hours}:{minutes}")))?
    })?;
    Some(Time::Moment { nanos: stamp.nanos, digits: stamp.digits })
}

/// Text that starts with a string in Go's quotes: the string, and what is behind it. `None` when there is none, or it does not end. Bytes that are not
/// UTF-8 become `\xNN` again.
pub fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (string, behind) = crate::quoted::quoted(text.as_bytes())?;
    let behind = text.get(text.len() - behind.len()..)?;
    let string = match string {
        Cow::Borrowed(bytes) => crate::linux::text(bytes).0,
        Cow::Owned(bytes) => Cow::Owned(crate::linux::text(&bytes).0.into_owned()),
    };
    Some((string, behind))
}

/// The bytes of a line as text: what is no UTF-8 as `\xNN`.
pub fn text_of(line: &[u8]) -> Cow<'_, str> {
    crate::linux::text(line).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_strings() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = quoted(text);
            assert_eq!(found.as_ref().map(|(string, behind)| (string.as_ref(), *behind)), expected, "{text}");
        };
        check(r#""a b" c"#, Some(("a b", " c")));
        check(r#""a \"b\" \\ \n\t\x41\u00e4\U0001F600\101" x"#, Some(("a \"b\" \\ \n\tAä😀A", " x")));
        check(r#""\xff""#, Some(("\\xFF", "")));
        check(r#""\q \x4 \u12 \""#, None);
        check(r#""\q \x4 \u12""#, Some(("\\q \\x4 \\u12", "")));
        check(r#""ä\"#, None);
        check("a", None);
        check("\"", None);
    }

    #[test]
    fn offsets_without_a_colon() {
        let check = |text: &str, expected: Option<(i64, u8)>| {
            assert_eq!(moment(text), expected.map(|(nanos, digits)| Time::Moment { nanos, digits }), "{text}");
        };
        check("2026-11-23T20:57:38.781871Z", Some((1_795_467_458_781_871_000, 6)));
        check("2026-11-23T21:57:38.781871+01:00", Some((1_795_467_458_781_871_000, 6)));
        check("2026-11-23T21:57:38.781871+0100", Some((1_795_467_458_781_871_000, 6)));
        check("2026-11-23T20:27:38-0030", Some((1_795_467_458_000_000_000, 0)));
        for none in [
            "",
            "+0100",
            "2026-11-23T21:57:38",
            "2026-11-23T21:57:38+010",
            "2026-11-23T21:57:38+01x0",
            "2026-11-23T21:57:38 0100",
            "2026-11-23T21:57:38é00",
        ] {
            check(none, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\"[\\\\\"a-fx0-9u\u{e4}]{0,40}") {
            if let Some((_, behind)) = quoted(&text) {
                prop_assert!(text.ends_with(behind));
            }
        }
    }
}

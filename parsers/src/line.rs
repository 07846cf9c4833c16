//! A line of a component's log: its time, level, text and fields, whatever the format it was written in.
//!
//! Inside: the line, and Go's quoted strings. Not here: the formats (`containerd`, `klog`).

use std::borrow::Cow;

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

/// Text that starts with a string in Go's quotes: the string, and what is behind it. `None` when there is none, or it does not end.
pub fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut from = 0;
    let end = loop {
        let at = from + memchr::memchr2(b'"', b'\\', inner.as_bytes().get(from..)?)?;
        if inner.as_bytes().get(at) == Some(&b'"') {
            break at;
        }
        from = at + 2;
    };
    let (string, behind) = (inner.get(..end)?, inner.get(end + 1..)?);
    let string = if string.contains('\\') { Cow::Owned(unescaped(string)) } else { Cow::Borrowed(string) };
    Some((string, behind))
}

/// Go's escapes decoded; one that stands for nothing stays as it is. Bytes that are not UTF-8 become `\xNN` again.
fn unescaped(text: &str) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        bytes.extend_from_slice(rest.get(..at).unwrap_or("").as_bytes());
        rest = rest.get(at..).unwrap_or("");
        let mut characters = rest.chars().skip(1);
        let digits = |from: usize, count: usize, radix: u32| {
            rest.get(from..from + count)
                .filter(|text| text.is_ascii())
                .and_then(|text| u32::from_str_radix(text, radix).ok())
        };
        let plain = |byte: u8| Some((vec![byte], 2));
        let character = |value: Option<u32>, length: usize| {
            value.and_then(char::from_u32).map(|character| (character.to_string().into_bytes(), length))
        };
        let byte = |value: Option<u32>, length: usize| {
            value.and_then(|value| u8::try_from(value).ok()).map(|byte| (vec![byte], length))
        };
        let decoded = match characters.next() {
            Some('n') => plain(b'\n'),
            Some('t') => plain(b'\t'),
            Some('r') => plain(b'\r'),
            Some('a') => plain(7),
            Some('b') => plain(8),
            Some('f') => plain(12),
            Some('v') => plain(11),
            Some('"') => plain(b'"'),
            Some('\\') => plain(b'\\'),
            Some('\'') => plain(b'\''),
            Some('x') => byte(digits(2, 2, 16), 4),
            Some('u') => character(digits(2, 4, 16), 6),
            Some('U') => character(digits(2, 8, 16), 10),
            Some('0'..='7') => byte(digits(1, 3, 8), 4),
            _ => None,
        };
        let (decoded, length) = decoded.unwrap_or((vec![b'\\'], 1));
        bytes.extend_from_slice(&decoded);
        rest = rest.get(length..).unwrap_or("");
    }
    bytes.extend_from_slice(rest.as_bytes());
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => crate::linux::text(error.as_bytes()).0.into_owned(),
    }
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

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\"[\\\\\"a-fx0-9u\u{e4}]{0,40}") {
            if let Some((_, behind)) = quoted(&text) {
                prop_assert!(text.ends_with(behind));
            }
        }
    }
}

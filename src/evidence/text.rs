//! The text of headers and envelopes: lines `name value…`, values escaped.
//!
//! Not here: which lines there are (`header`, `entry`).

use super::draft::Hash;
use super::format_error::FormatError;
use super::note::shortened;
use crate::model::Moment;

/// Bytes of an escaped value at most: a path of 4,096 bytes fits even when each of them is escaped.
pub const VALUE_BYTES_MAX: usize = 12_288;

/// Writes a value: every byte outside of 0x21–0x7E, and `%`, as `%XX`; nothing as `-`, and what is really `-` as `%2D`.
pub(super) fn escape(value: &[u8], to: &mut String) {
    match value {
        b"" => to.push('-'),
        b"-" => to.push_str("%2D"),
        _ => {
            for &byte in value {
                if (0x21..=0x7E).contains(&byte) && byte != b'%' {
                    to.push(char::from(byte));
                } else {
                    to.push('%');
                    data_encoding::HEXUPPER.encode_append(&[byte], to);
                }
            }
        }
    }
}

/// Escapes a value of a header, and refuses one that is too long for it.
pub(super) fn escaped(name: &'static str, value: &[u8]) -> Result<String, FormatError> {
    let mut text = String::with_capacity(value.len());
    escape(value, &mut text);
    if text.len() > VALUE_BYTES_MAX {
        return Err(FormatError::ValueTooLong { name, length: text.len(), max: VALUE_BYTES_MAX });
    }
    Ok(text)
}

/// The bytes of an escaped value; nothing when it is not what `escape` writes.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    if text.len() > VALUE_BYTES_MAX || text.is_empty() {
        return None;
    }
    if text == "-" {
        return Some(Vec::new());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte == b'%' {
            let (digits, behind) = rest.split_first_chunk::<2>()?;
            bytes.push(*data_encoding::HEXUPPER.decode(digits).ok()?.first()?);
            rest = behind;
        } else {
            bytes.push(byte);
        }
    }
    let mut again = String::with_capacity(text.len());
    escape(&bytes, &mut again);
    (again == text).then_some(bytes)
}

/// Reads lines in their order.
pub(super) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The next line whole, without its LF.
    pub(super) fn line(&mut self, expected: &'static str) -> Result<&'a str, FormatError> {
        self.number += 1;
        let Some((line, rest)) = self.rest.split_once('\n') else { return Err(self.wrong(expected, self.rest)) };
        self.rest = rest;
        Ok(line)
    }

    /// The values of the next line, which has this name and as many values.
    pub(super) fn values<const N: usize>(&mut self, name: &'static str) -> Result<[&'a str; N], FormatError> {
        let line = self.line(name)?;
        let values = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        let values: Vec<&str> = values.unwrap_or_default().splitn(N + 1, ' ').collect();
        <[&str; N]>::try_from(values).map_err(|_| self.wrong(name, line))
    }

    /// The one value of the next line, as `read` understands it.
    pub(super) fn value<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, FormatError> {
        let [value] = self.values(name)?;
        read(value).ok_or_else(|| self.wrong(name, value))
    }

    /// The error for the line read last.
    pub(super) fn wrong(&self, expected: &'static str, found: &str) -> FormatError {
        FormatError::Line { line: self.number, expected, found: shortened(found) }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }
}

/// A value that is text.
pub(super) fn text(value: &str) -> Option<String> {
    String::from_utf8(unescape(value)?).ok()
}

/// 64 hex digits.
pub(super) fn hash(value: &str) -> Option<Hash> {
    hex::<32>(value)
}

/// Lower-case hex of so many bytes.
pub(super) fn hex<const N: usize>(value: &str) -> Option<[u8; N]> {
    if value.len() != N * 2 { None } else { data_encoding::HEXLOWER.decode(value.as_bytes()).ok()?.try_into().ok() }
}

/// The other way.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// `0` or `1`.
pub(super) fn bit(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// RFC 3339 in UTC with nine digits, and nothing else.
pub(super) fn moment(value: &str) -> Option<Moment> {
    let nanos = chrono::DateTime::parse_from_rfc3339(value).ok()?.timestamp_nanos_opt()?;
    let moment = Moment { nanos, digits: 9 };
    (crate::time::rfc3339(moment) == value).then_some(moment)
}

/// A moment with nine digits.
pub(super) fn of_moment(moment: Moment) -> String {
    crate::time::rfc3339(Moment { digits: 9, ..moment })
}

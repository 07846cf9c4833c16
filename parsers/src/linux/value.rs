//! A field's value: quoted, hex-encoded, absent or plain, and its text.
//!
//! Values are bytes until somebody asks for text. Not here: which fields are encoded (`dictionary`).

use std::borrow::Cow;

/// How a value was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Without quotes.
    Bare,
    /// In double quotes, which are not part of `bytes`.
    Quoted,
    /// In braces (auditd's enrichment of socket addresses), which are part of `bytes`.
    Braced,
}

/// A value as it stands in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// Its bytes, without quotes.
    pub bytes: &'a [u8],
    /// How it was written.
    pub form: Form,
}

impl<'a> Value<'a> {
    /// Whether the record says that there is no value: `(null)`, `(none)`, `?` or nothing at all. A quoted value is always one.
    pub fn is_absent(&self) -> bool {
        self.form == Form::Bare && matches!(self.bytes, b"" | b"?" | b"(null)" | b"(none)")
    }

    /// The value without its encoding. `encoded`: the dictionary says that this field is written in hex when it is not in quotes.
    pub fn decoded(&self, encoded: bool) -> Cow<'a, [u8]> {
        let hex = (encoded && self.form == Form::Bare).then(|| unhex(self.bytes)).flatten();
        hex.map_or(Cow::Borrowed(self.bytes), Cow::Owned)
    }

    /// As an unsigned decimal number.
    pub fn number(&self) -> Option<u64> {
        number(self.bytes)
    }
}

/// A decimal number without sign; `None` when it is none or does not fit.
pub fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 20 {
        return None;
    }
    bytes.iter().try_fold(0u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A hexadecimal number of at most 64 bits, `0x` in front or not.
pub fn hexadecimal(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.strip_prefix(b"0x").unwrap_or(bytes);
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &byte| {
        let digit = nibble(byte);
        (digit < 16).then(|| value << 4 | u64::from(digit))
    })
}

/// A uid, session or process number: decimal; `-1` and `unset` are 4294967295. `None` when it is none or does not fit 32 bits.
pub fn unsigned(bytes: &[u8]) -> Option<u32> {
    match bytes {
        b"-1" | b"unset" => Some(u32::MAX),
        _ => u32::try_from(number(bytes)?).ok(),
    }
}

/// The bytes of a hex string with an even number of digits.
pub(super) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    for pair in text.chunks_exact(2) {
        let &[high, low] = pair else { return None };
        let (high, low) = (nibble(high), nibble(low));
        if (high | low) > 15 {
            return None;
        }
        bytes.push(high << 4 | low);
    }
    Some(bytes)
}

const NIBBLES: [u8; 256] = {
    let mut table = [255u8; 256];
    let mut at = 0u8;
    while at < 10 {
        #[expect(clippy::indexing_slicing, reason = "constants below 256")]
        {
            table[(b'0' + at) as usize] = at;
        }
        at += 1;
    }
    at = 0;
    while at < 6 {
        #[expect(clippy::indexing_slicing, reason = "constants below 256")]
        {
            table[(b'a' + at) as usize] = 10 + at;
            table[(b'A' + at) as usize] = 10 + at;
        }
        at += 1;
    }
    table
};

fn nibble(byte: u8) -> u8 {
    NIBBLES.get(usize::from(byte)).copied().unwrap_or(255)
}

/// Text of bytes: each byte that is not UTF-8 becomes `\xNN`. The second value says whether there were such bytes.
pub fn text(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(text), false);
    }
    let mut whole = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        whole.push_str(chunk.valid());
        for byte in chunk.invalid() {
            whole.push_str(&format!("\\x{byte:02X}"));
        }
    }
    (Cow::Owned(whole), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_decode_by_dictionary_only() {
        for (bytes, form, encoded, expected) in [
            (&b"666F6F"[..], Form::Bare, true, &b"foo"[..]),
            (b"666f6f", Form::Bare, true, b"foo"),
            (b"666F6F", Form::Bare, false, b"666F6F"),
            (b"666F6F", Form::Quoted, true, b"666F6F"),
            (b"666F6", Form::Bare, true, b"666F6"),
            (b"(null)", Form::Bare, true, b"(null)"),
            (b"FF00", Form::Bare, true, b"\xff\x00"),
        ] {
            assert_eq!(&*Value { bytes, form }.decoded(encoded), expected);
        }
    }

    #[test]
    fn numbers_do_not_wrap() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"18446744073709551616"), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(unsigned(b"4294967295"), Some(u32::MAX));
        assert_eq!(unsigned(b"-1"), Some(u32::MAX));
        assert_eq!(unsigned(b"4294967296"), None);
    }

    #[test]
    fn bad_bytes_are_visible() {
        assert_eq!(text("é".as_bytes()), (Cow::Borrowed("é"), false));
        assert_eq!(text(b"a\xffb\xc3"), (Cow::Owned("a\\xFFb\\xC3".to_owned()), true));
    }
}

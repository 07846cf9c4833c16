//! Go's interpreted strings (`%q`): where one ends, and its text.
//!
//! Not here: what stands around it (`containerd`, `klog`).

use std::borrow::Cow;

/// The decoded string that `text` begins with, and what stands behind its closing quote. `None` when `text` begins with no quote or has no closing one.
/// Escapes that Go does not have stay as they are.
pub fn quoted(text: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let inside = text.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inside.get(at..)?)?;
        if inside.get(at) == Some(&b'"') {
            let (value, behind) = inside.split_at_checked(at)?;
            return Some((unquoted(value), behind.get(1..)?));
        }
        // A backslash protects the byte behind it.
        at += 2;
    }
}

/// The text between two quotes, decoded.
pub fn unquoted(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(before);
        let len = one(escape, &mut out).unwrap_or_else(|| {
            out.push(b'\\');
            1
        });
        rest = escape.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Decodes the escape at the start of `text`; its length, or `None` when it is none.
fn one(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let simple = match text.get(1)? {
        b'a' => 7,
        b'b' => 8,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 11,
        b'f' => 12,
        b'r' => b'\r',
        byte @ (b'\\' | b'"' | b'\'') => *byte,
        b'x' => {
            out.push(u8::try_from(hex(text.get(2..4)?)?).ok()?);
            return Some(4);
        }
        b'u' => return character(text.get(2..6)?, out).map(|()| 6),
        b'U' => return character(text.get(2..10)?, out).map(|()| 10),
        b'0'..=b'7' => {
            let digits = text.get(1..4)?;
            let octal = |sum: u32, byte: &u8| (b'0'..=b'7').contains(byte).then(|| sum * 8 + u32::from(byte - b'0'));
            out.push(u8::try_from(digits.iter().try_fold(0, octal)?).ok()?);
            return Some(4);
        }
        _ => return None,
    };
    out.push(simple);
    Some(2)
}

fn character(digits: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let found = char::from_u32(hex(digits)?)?;
    out.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
    Some(())
}

/// The number of at most eight hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, byte| Some(sum << 4 | char::from(*byte).to_digit(16)?))
}

//! Where values end: the inner loops of the reader, over bytes and an offset that stay in registers. No recursion, no allocation.
//!
//! Not here: reading values (`json`).

use super::{DEPTH_MAX, JsonError};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

fn error(at: usize, what: &'static str) -> JsonError {
    JsonError { at, what }
}

/// Bytes up to the first `"`, `\` or control character; eight at a time, because most strings are short and most texts long.
#[inline]
pub(crate) fn special(bytes: &[u8]) -> usize {
    let mut done = 0;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let zero = |x: u64| x.wrapping_sub(ONES) & !x;
        let quote = zero(word ^ (ONES * u64::from(b'"')));
        let backslash = zero(word ^ (ONES * u64::from(b'\\')));
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        // The lowest marked byte is exact; only bytes above a true hit can be marked by a borrow.
        let hits = (quote | backslash | control) & HIGHS;
        if hits != 0 {
            return done + (hits.trailing_zeros() / 8) as usize;
        }
        done += 8;
    }
    done + rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\').unwrap_or(rest.len())
}

/// The offset of the first byte from `at` on that is no blank, and that byte; 0 at the end, a byte that is never JSON.
#[inline(always)]
pub(super) fn next(bytes: &[u8], mut at: usize) -> (usize, u8) {
    loop {
        match bytes.get(at) {
            Some(b' ' | b'\n' | b'\r' | b'\t') => at += 1,
            Some(&byte) => return (at, byte),
            None => return (at, 0),
        }
    }
}

/// The offset of the quote that ends the string whose text begins at `at`, and whether it holds escapes.
#[inline]
pub(super) fn string_end(bytes: &[u8], mut at: usize) -> Result<(usize, bool), JsonError> {
    let mut escaped = false;
    loop {
        at += special(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            Some(b'"') => return Ok((at, escaped)),
            Some(b'\\') => {
                escaped = true;
                at = escape_end(bytes, at)?;
            }
            Some(_) => return Err(error(at, "a control character within a string")),
            None => return Err(error(at, "the text ends within a string")),
        }
    }
}

fn escape_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at + 1..).unwrap_or_default() {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(at + 2),
        [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => Ok(at + 6),
        _ => Err(error(at, "an escape that JSON does not have")),
    }
}

/// The offset behind the value that begins at or behind `at`, which lies `outer` levels deep. One bit a level: 1 an object, 0 an array.
pub(super) fn value_end(bytes: &[u8], mut at: usize, outer: u32) -> Result<usize, JsonError> {
    let mut kinds: u128 = 0;
    let mut depth: u32 = 0;
    loop {
        // A value begins here.
        let byte;
        (at, byte) = next(bytes, at);
        match byte {
            b'"' => at = string_end(bytes, at + 1)?.0 + 1,
            b'{' | b'[' => {
                if outer + depth >= DEPTH_MAX {
                    return Err(error(at, "nested deeper than 128 levels"));
                }
                let object = byte == b'{';
                let (inside, first) = next(bytes, at + 1);
                // `}` and `]` lie two behind `{` and `[`.
                if first == byte + 2 {
                    at = inside + 1;
                } else {
                    kinds = (kinds << 1) | u128::from(object);
                    depth += 1;
                    at = if object { name_end(bytes, inside)? } else { inside };
                    continue;
                }
            }
            _ => at = scalar_end(bytes, at)?,
        }
        // A value has ended.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            let object = kinds & 1 == 1;
            let (there, byte) = next(bytes, at);
            match (byte, object) {
                (b',', true) => {
                    at = name_end(bytes, there + 1)?;
                    break;
                }
                (b',', false) => {
                    at = there + 1;
                    break;
                }
                (b'}', true) | (b']', false) => {
                    at = there + 1;
                    kinds >>= 1;
                    depth -= 1;
                }
                (_, true) => return Err(error(there, "a comma or the end of the object is expected here")),
                (_, false) => return Err(error(there, "a comma or the end of the array is expected here")),
            }
        }
    }
}

/// The offset behind the colon of the member whose name begins at or behind `at`.
#[inline]
fn name_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let (at, byte) = next(bytes, at);
    if byte != b'"' {
        return Err(error(at, "a member's name is expected here"));
    }
    let (quote, _) = string_end(bytes, at + 1)?;
    let (at, byte) = next(bytes, quote + 1);
    if byte != b':' {
        return Err(error(at, "a colon is expected here"));
    }
    Ok(at + 1)
}

fn scalar_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let word = |word: &str| match bytes.get(at..).unwrap_or_default().starts_with(word.as_bytes()) {
        true => Ok(at + word.len()),
        false => Err(error(at, "a value is expected here")),
    };
    match bytes.get(at) {
        Some(b'-' | b'0'..=b'9') => number_end(bytes, at),
        Some(b't') => word("true"),
        Some(b'f') => word("false"),
        Some(b'n') => word("null"),
        Some(_) => Err(error(at, "a value is expected here")),
        None => Err(error(at, "the text ends where a value is expected")),
    }
}

fn number_end(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    let whole = at;
    at = digits_end(bytes, at)?;
    if bytes.get(whole) == Some(&b'0') && at > whole + 1 {
        return Err(error(whole, "a number that starts with 0"));
    }
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits_end(bytes, at)?;
    }
    Ok(at)
}

fn digits_end(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let count = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return Err(error(at, "a digit is expected here"));
    }
    Ok(at + count)
}

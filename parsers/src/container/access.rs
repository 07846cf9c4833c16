//! A line of a web server in the common or the combined log format: `1.2.3.4 - bob [23/Nov/2026:20:59:25 +0000] "GET /x HTTP/1.1" 200 12 "referer" "agent"`.
//!
//! User, request, referer and agent are a stranger's words. Servers escape quotes in them (Apache `\"`, nginx `\x22`), so that a quote without a backslash before it is the
//! server's own; everything is found from the left by those, and escapes stay as they are. Not here: other forms (`body`).

use crate::flat::{Field, REST};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Bytes of `[23/Nov/2026:20:59:25 +0000]`.
const TIME_BYTES: usize = 28;

/// The fields of a line: `remote`, `ident`, `user`, `time`, `method`, `uri`, `protocol`, `status`, `bytes`, `referer`, `user_agent`, and what is behind them as [`REST`].
/// What is `-` is absent. A request that is none of HTTP is `request`. `None` when it is no such line, or a quote of it does not end.
pub(super) fn read(line: &str) -> Option<Vec<Field<'_>>> {
    let (remote, rest) = line.split_once(' ')?;
    let (ident, rest) = rest.split_once(' ')?;
    if ![remote, ident].into_iter().all(is_word) {
        return None;
    }
    let (user, stamp, rest) = user(rest)?;
    let (request, rest) = string(rest)?;
    let (status, rest) = rest.strip_prefix(' ')?.split_once(' ')?;
    let (bytes, rest) = rest.split_at_checked(rest.find(' ').unwrap_or(rest.len()))?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if status.len() != 3 || !is_number(status) || !(bytes == "-" || is_number(bytes)) {
        return None;
    }
    let mut fields = Vec::with_capacity(12);
    let mut put = |name: &'static str, value| fields.push((name.into(), std::borrow::Cow::Borrowed(value)));
    let mut put_known = |name, value| {
        if value != "-" {
            put(name, value);
        }
    };
    put_known("remote", remote);
    put_known("ident", ident);
    put_known("user", user);
    put_known("time", stamp);
    match parts(request) {
        Some((method, uri, protocol)) => {
            put_known("method", method);
            put_known("uri", uri);
            put_known("protocol", protocol.unwrap_or("-"));
        }
        None => put_known("request", request),
    }
    put_known("status", status);
    put_known("bytes", bytes);
    let mut rest = rest;
    if let Some(((referer, agent), behind)) = two_strings(rest) {
        put_known("referer", referer);
        put_known("user_agent", agent);
        rest = behind;
    }
    if let Some(more) = rest.strip_prefix(' ') {
        if !quotes_come_out(more) {
            return None;
        }
        if !more.is_empty() {
            put(REST, more);
        }
    } else if !rest.is_empty() {
        return None;
    }
    Some(fields)
}

/// An address or a name.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'[' | b']' | b'='))
}

/// The user, who may have blanks and brackets in the name but no quote of the server's: it ends at the first ` [time] "`.
fn user(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let from = memchr::memmem::find_iter(bytes, b" [").find(|at| {
        bytes
            .get(at + 1..)
            .and_then(|rest| rest.split_at_checked(TIME_BYTES))
            .is_some_and(|(stamp, behind)| is_time(stamp) && behind.starts_with(b" \""))
    })?;
    let user = text.get(..from)?;
    let stamp = text.get(from + 2..from + TIME_BYTES)?;
    // Apache writes an empty name as two quotes.
    let right = !user.is_empty() && (user == "\"\"" || quotes(user) == 0);
    right.then_some((user, stamp, text.get(from + 2 + TIME_BYTES..)?))
}

/// `[23/Nov/2026:20:59:25 +0000]`
fn is_time(text: &[u8]) -> bool {
    let shape = text.iter().zip(b"[00/aaa/0000:00:00:00 +0000]").all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        b'a' => byte.is_ascii_alphabetic(),
        b'+' => matches!(byte, b'+' | b'-'),
        _ => byte == form,
    });
    text.len() == TIME_BYTES
        && shape
        && text.get(4..7).is_some_and(|month| MONTHS.iter().any(|known| known.as_bytes() == month))
}

/// The text between a quote and the next one that no backslash stands before, and what is behind that.
fn string(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', inside.as_bytes().get(at..)?)?;
        if inside.as_bytes().get(at) == Some(&b'"') {
            return Some((inside.get(..at)?, inside.get(at + 1..)?));
        }
        at += 2;
    }
}

/// ` "a" "b"`, and what is behind it.
fn two_strings(text: &str) -> Option<((&str, &str), &str)> {
    let (first, behind) = string(text.strip_prefix(' ')?)?;
    let (second, behind) = string(behind.strip_prefix(' ')?)?;
    Some(((first, second), behind))
}

/// Quotes that no backslash stands before.
fn quotes(text: &str) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = text.as_bytes().get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text.as_bytes().get(at) == Some(&b'"') {
            count += 1;
            at += 1;
        } else {
            at += 2;
        }
    }
    count
}

fn quotes_come_out(text: &str) -> bool {
    quotes(text).is_multiple_of(2)
}

/// Method, URI and protocol; before HTTP/1.0 there was none. What is between the first word and the protocol is the URI, blanks and all.
fn parts(request: &str) -> Option<(&str, &str, Option<&str>)> {
    let (method, rest) = request.split_once(' ')?;
    let is_method = (1..=32).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'));
    let (uri, protocol) = match rest.rsplit_once(' ') {
        Some((uri, protocol)) if is_protocol(protocol) => (uri, Some(protocol)),
        _ => (rest, None),
    };
    (is_method && !uri.is_empty() && (protocol.is_some() || !uri.contains(' '))).then_some((method, uri, protocol))
}

fn is_protocol(text: &str) -> bool {
    text.strip_prefix("HTTP/").is_some_and(|version| {
        let mut bytes = version.bytes();
        let shape = (bytes.next(), bytes.next(), bytes.next(), bytes.next());
        match shape {
            (Some(major), None, None, None) => major.is_ascii_digit(),
            (Some(major), Some(b'.'), Some(minor), None) => major.is_ascii_digit() && minor.is_ascii_digit(),
            _ => false,
        }
    })
}

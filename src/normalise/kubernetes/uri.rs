//! A request URI: its parameters, percent-decoded, and the object that its path names.
//!
//! Not here: the object of an audit event: the API server has named that itself (`objectRef`).

use crate::model::{Object, Str};

/// A decoded part of a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: Str,
    /// Some bytes were no UTF-8 and stand as U+FFFD.
    pub lossy: bool,
}

/// Name and still encoded value of every parameter, in the URI's order.
pub fn parameters(uri: &str) -> impl Iterator<Item = (Str, &str)> {
    let query = uri.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name).text, value)
    })
}

/// `%2F` and `+` decoded; what is no escape stays as it is.
pub fn decode(text: &str) -> Part {
    if !text.contains(['%', '+']) {
        return Part { text: text.into(), lossy: false };
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = (*first == b'%').then(|| behind.split_at_checked(2)).flatten();
        let value = escaped.and_then(|(digits, behind)| Some((hex(digits)?, behind)));
        match (value, first) {
            (Some((value, behind)), _) => {
                bytes.push(value);
                rest = behind;
            }
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Part { text: text.into(), lossy: false },
        Err(error) => Part { text: String::from_utf8_lossy(error.as_bytes()).into(), lossy: true },
    }
}

/// A parameter as the API server reads a boolean: anything but `0` and `false` is a yes, nothing at all included.
pub fn is_yes(value: &str) -> bool {
    let text = decode(value).text;
    text != "0" && !text.eq_ignore_ascii_case("false")
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0u8, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((value << 4) | u8::try_from(digit).ok()?)
    })
}

/// The object that the path of a request is about: `/api/v1/namespaces/shop/pods/web/log`, `/apis/apps/v1/deployments`. `None` for other paths.
pub fn object_of(uri: &str) -> Option<Object> {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    let mut parts = path.strip_prefix('/')?.split('/');
    // The group's version, or the group and its version.
    match parts.next()? {
        "api" => parts.next()?,
        "apis" => parts.nth(1)?,
        _ => return None,
    };
    let mut parts: Vec<Str> = parts.take(5).map(|part| decode(part).text).filter(|part| !part.is_empty()).collect();
    let mut object = Object::default();
    if parts.len() > 2 && parts.first().is_some_and(|first| first == "namespaces") {
        let rest = parts.split_off(2);
        // The status of a namespace is no kind of object in it.
        if matches!(rest.first().map(Str::as_str), Some("status" | "finalize")) {
            parts.extend(rest);
        } else {
            object.namespace = parts.pop();
            parts = rest;
        }
    }
    let mut parts = parts.into_iter();
    let kind = parts.next()?;
    object.name = parts.next();
    object.kind = Some(parts.next().map_or(kind.clone(), |below| format!("{kind}/{below}").into()));
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, expected: &[(&str, &str)]) {
        let found: Vec<(String, String)> =
            parameters(uri).map(|(name, value)| (name.to_string(), decode(value).text.to_string())).collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(found, expected, "{uri}");
    }

    #[test]
    fn decoded() {
        check("/x", &[]);
        check("/x?", &[]);
        check("/x?a", &[("a", "")]);
        check(
            "/exec?command=sh&command=-c&command=echo+%22a%26b%22&container=app",
            &[("command", "sh"), ("command", "-c"), ("command", "echo \"a&b\""), ("container", "app")],
        );
        check(
            "/x?a=%zz&b=%4&c=100%&d=%C3%A4&e=a=b&&#f=1",
            &[("a", "%zz"), ("b", "%4"), ("c", "100%"), ("d", "ä"), ("e", "a=b")],
        );
        for (value, yes) in
            [("1", true), ("true", true), ("", true), ("yes", true), ("0", false), ("FALSE", false), ("%30", false)]
        {
            assert_eq!(is_yes(value), yes, "{value}");
        }
        check("/x?a=%ff", &[("a", "\u{fffd}")]);
        assert!(parameters("/x?a=%ff").all(|(_, value)| decode(value).lossy));
    }
}

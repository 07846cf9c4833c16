//! Reads values out of an event's JSON by path: `who.login.auid`.
//!
//! The JSON may come from a remote server, so nothing about its shape is believed. Not here: which paths there are (`index::fields`).

use serde_json::Value;
use std::borrow::Cow;

/// The value at a path of object keys; `None` when a part of it is missing.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// The text at a path: a string as it is, a number or a boolean as JSON writes it; `None` for "", null, lists and objects.
pub fn text<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    scalar(at(value, path)?)
}

/// The number at a path.
pub fn number(value: &Value, path: &str) -> Option<u64> {
    at(value, path)?.as_u64()
}

/// Every text of the list at a path; of a single text, that one.
pub fn each_text<'a>(value: &'a Value, path: &str) -> Vec<Cow<'a, str>> {
    match at(value, path) {
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                // An empty argument is an argument.
                Value::String(text) => Cow::Borrowed(text.as_str()),
                other => scalar(other).unwrap_or_else(|| Cow::Owned(super::line(other))),
            })
            .collect(),
        Some(single) => scalar(single).into_iter().collect(),
        None => Vec::new(),
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(is) => Some(Cow::Borrowed(if *is { "true" } else { "false" })),
        _ => None,
    }
}

//! Builds a JSON object by paths, taking only what is there.
//!
//! Inside: `Out`; texts that schemas ask for in a certain shape (addresses, command lines). Not here: which fields there are (`ocsf`, `ecs`).

use serde_json::{Map, Value};
use std::borrow::Cow;

/// A JSON object under construction.
#[derive(Debug, Default)]
pub(super) struct Out(Map<String, Value>);

impl Out {
    /// Sets the value at a path of keys, making the objects on the way.
    pub fn set(&mut self, path: &str, value: impl Into<Value>) {
        set(&mut self.0, path, value.into());
    }

    /// As `set`, when there is a value.
    pub fn set_some<V: Into<Value>>(&mut self, path: &str, value: Option<V>) {
        if let Some(value) = value {
            self.set(path, value);
        }
    }

    /// As `set`, for text that may be absent.
    pub fn text(&mut self, path: &str, value: Option<Cow<'_, str>>) {
        self.set_some(path, value.map(Cow::into_owned));
    }

    /// Takes away what stands under a top-level name.
    pub fn remove(&mut self, name: &str) {
        self.0.shift_remove(name);
    }

    /// The object, when anything was set.
    pub fn some(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }

    /// The object.
    pub fn value(self) -> Value {
        Value::Object(self.0)
    }

    /// What stands under a top-level name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Whether something stands under this top-level name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

fn set(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let below = map.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                set(below, rest, value);
            }
        }
    }
}

/// The text, when it is an IP address that schemas accept.
pub(super) fn ip(text: &str) -> Option<&str> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    (text.len() <= 40 && address.parse::<std::net::IpAddr>().is_ok()).then_some(text)
}

/// A command line that a shell would split into the same arguments again.
pub(super) fn command_line(args: &[Cow<'_, str>]) -> Option<String> {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@=+,%".contains(c);
    let words = args.iter().map(|arg| match arg.as_ref() {
        plain_arg if !plain_arg.is_empty() && plain_arg.chars().all(plain) => plain_arg.to_owned(),
        other => format!("'{}'", other.replace('\'', r"'\''")),
    });
    (!args.is_empty()).then(|| words.collect::<Vec<_>>().join(" "))
}

/// The last part of a path; the path itself when it ends in none.
pub(super) fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (text, is) in [
            ("10.0.0.9", true),
            ("::ffff:10.0.0.9", true),
            ("fe80::1%eth0", true),
            ("?", false),
            ("10.0.0", false),
            ("", false),
            ("1.2.3.4\n", false),
        ] {
            assert_eq!(ip(text).is_some(), is, "{text:?}");
        }
        let args = ["sh", "-c", "id; echo 'x'", ""].map(Cow::Borrowed);
        assert_eq!(command_line(&args).unwrap(), r"sh -c 'id; echo '\''x'\''' ''");
        assert_eq!(command_line(&[]), None);
        for (path, name) in [("/usr/bin/id", "id"), ("/var/lib/", "lib"), ("/", "/"), ("x", "x")] {
            assert_eq!(base_name(path), name);
        }
        let mut out = Out::default();
        out.set("a.b", 1);
        out.set("a.c", 2);
        out.set("a.b.d", 3);
        assert_eq!(out.value().to_string(), r#"{"a":{"b":1,"c":2}}"#);
    }
}

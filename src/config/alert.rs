//! `[[alert]]`: what is told to whom when an event matches.
//!
//! Not here: whether the query is one, the telling itself (`serve::alerts`).

use super::{ConfigError, value_error};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Alerts of one collector: each asks its query again and again, on a thread of its own.
pub const ALERTS_MAX: usize = 32;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 64;

/// A table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    query: String,
    to: Option<String>,
    file: Option<PathBuf>,
    webhook: Option<String>,
}

/// Every new event that matches a query is told to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its name, unique: letters, digits, `-` and `_`, also a name of a file.
    pub name: String,
    /// The query, `docs/query.md`.
    pub query: String,
    /// Who is told.
    pub to: Receiver,
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// Standard output.
    Stdout,
    /// A file that grows.
    File(PathBuf),
    /// An address that takes a POST.
    Webhook(String),
}

pub(super) fn checked(path: &Path, written: Vec<Written>) -> Result<Vec<Alert>, ConfigError> {
    if written.len() > ALERTS_MAX {
        return Err(value_error(path, "alert", format!("{} tables; {ALERTS_MAX} at most", written.len())));
    }
    let mut alerts: Vec<Alert> = Vec::new();
    for one in written {
        if !is_name(&one.name) {
            let message = format!(
                "`{}` is no name of an alert: 1 to {NAME_CHARS_MAX} of a-z, A-Z, 0-9, `-`, `_`, not beginning with `-`",
                one.name
            );
            return Err(value_error(path, "alert.name", message));
        }
        // It names a file, and some file systems know no case.
        if alerts.iter().any(|other| other.name.eq_ignore_ascii_case(&one.name)) {
            return Err(value_error(path, "alert.name", format!("there are two alerts `{}`", one.name)));
        }
        let to = receiver(&one).map_err(|message| value_error(path, &format!("alert `{}`", one.name), message))?;
        alerts.push(Alert { name: one.name, query: one.query, to });
    }
    Ok(alerts)
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-')
}

fn receiver(one: &Written) -> Result<Receiver, String> {
    match (&one.to, &one.file, &one.webhook) {
        (Some(to), None, None) if to == "stdout" => Ok(Receiver::Stdout),
        (Some(to), None, None) => Err(format!(
            "to = \"{to}\" is not known: `to` is \"stdout\"; a file is `file = …`, an address `webhook = …`"
        )),
        (None, Some(file), None) if file.as_os_str().is_empty() => Err("`file` is empty".to_owned()),
        (None, Some(file), None) => Ok(Receiver::File(file.clone())),
        (None, None, Some(url)) if url.starts_with("http://") => Ok(Receiver::Webhook(url.clone())),
        (None, None, Some(url)) if url.starts_with("https://") => {
            Err("there is no TLS here: name a local proxy that speaks it, as http://127.0.0.1:PORT/PATH".to_owned())
        }
        (None, None, Some(_)) => Err("`webhook` is not of the form http://HOST:PORT/PATH".to_owned()),
        _ => Err("it takes one of `to = \"stdout\"`, `file = PATH`, `webhook = URL`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn parse(text: &str) -> Result<Vec<Alert>, String> {
        Config::parse(Path::new("c.toml"), text).map(|config| config.alert).map_err(|error| error.to_string())
    }

    #[test]
    fn an_alert_has_a_name_a_query_and_one_receiver() {
        let text = "[[alert]]\nname = 'a'\nquery = 'x'\nto = 'stdout'\n[[alert]]\nname = 'b_2'\nquery = 'y'\nfile = '/f'\n[[alert]]\nname = 'c-3'\nquery = 'z'\nwebhook = 'http://h/p'";
        let found = parse(text).unwrap();
        let to: Vec<_> = found.into_iter().map(|alert| (alert.name, alert.to)).collect();
        assert_eq!(
            to,
            [
                ("a".to_owned(), Receiver::Stdout),
                ("b_2".to_owned(), Receiver::File("/f".into())),
                ("c-3".to_owned(), Receiver::Webhook("http://h/p".to_owned())),
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_an_alert_is_said_with_its_name() {
        let table = |name: &str, more: &str| format!("[[alert]]\nname = '{name}'\nquery = 'x'\n{more}\n");
        for (text, wanted) in [
            (table("../a", "to = 'stdout'"), "is no name of an alert"),
            (table("", "to = 'stdout'"), "is no name of an alert"),
            (table("-a", "to = 'stdout'"), "is no name of an alert"),
            (table(&"a".repeat(65), "to = 'stdout'"), "is no name of an alert"),
            (table("a", "to = 'stdout'") + &table("A", "to = 'stdout'"), "two alerts `A`"),
            (table("a", ""), "alert `a`: it takes one of"),
            (table("a", "to = 'stdout'\nfile = 'f'"), "it takes one of"),
            (table("a", "to = 'stderr'"), "is not known"),
            (table("a", "webhook = 'https://h/'"), "no TLS"),
            (table("a", "webhook = 'ftp://h/'"), "not of the form"),
            (table("a", "webhok = 'http://h/'"), "did you mean `webhook`?"),
            ((0..33).map(|n| table(&format!("a{n}"), "to = 'stdout'")).collect(), "32 at most"),
        ] {
            let message = parse(&text).unwrap_err();
            assert!(message.contains(wanted), "{text:?}: {message}");
        }
    }
}

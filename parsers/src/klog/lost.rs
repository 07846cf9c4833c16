//! The legacy text of an audit event, which the API server writes into its own log for each event that a backend of its audit log lost.
//!
//! `2026-11-23T20:59:02.5Z AUDIT: id="…" stage="…" ip="…" method="…" user="…" groups="\"a\",\"b\"" as="<self>" asgroups="<lookup>" user-agent="…"
//! namespace="<none>" uri="…" response="200"`, behind `Error in audit plugin '…' affecting 2 audit events: …` and `Impacted events:`. Older servers leave
//! out the user agent. Not here: lines of klog (`text`, `json`), what such an event means (`deponent::normalise`).

use std::borrow::Cow;

use crate::kubernetes::Stamp;
use crate::line::quoted;

/// What stands before the fields.
const MARK: &str = " AUDIT: ";
/// The API server's word for a group list that it did not write out, and for other things that are absent.
const ABSENT: [&str; 5] = ["<none>", "<self>", "<lookup>", "<unknown>", "<deferred>"];

/// An audit event that was lost, as far as its text tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost<'a> {
    /// When the request was received.
    pub received: Stamp,
    fields: Vec<(&'a str, Cow<'a, str>)>,
}

impl Lost<'_> {
    /// A field by its name in the text; `None` also where the API server says that there is nothing.
    pub fn field(&self, name: &str) -> Option<&str> {
        let value = self.fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_ref())?;
        (!value.is_empty() && !ABSENT.contains(&value)).then_some(value)
    }

    /// `groups` or `asgroups`, each group.
    pub fn groups(&self, name: &str) -> Vec<String> {
        let mut rest = self.field(name).unwrap_or("");
        let mut groups = Vec::new();
        while let Some((group, behind)) = quoted(rest) {
            groups.push(group.into_owned());
            rest = behind.strip_prefix(',').unwrap_or("");
        }
        groups
    }

    /// All fields, as they were written.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_ref()))
    }
}

/// Reads such a line, from its first byte to its last: what does not fit makes it none.
pub fn read(line: &str) -> Option<Lost<'_>> {
    let (stamp, mut rest) = line.trim_end().split_once(MARK)?;
    let received = Stamp::parse(stamp)?;
    let mut fields: Vec<(&str, Cow<'_, str>)> = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let known = fields.iter().any(|(other, _)| *other == name);
        if known || name.is_empty() || name.contains(|byte: char| !byte.is_ascii_lowercase() && byte != '-') {
            return None;
        }
        let (value, behind) = quoted(behind)?;
        fields.push((name, value));
        rest = if behind.is_empty() { "" } else { behind.strip_prefix(' ')? };
    }
    let has = |name: &str| fields.iter().any(|(key, _)| *key == name);
    (has("id") && has("stage") && has("user") && has("uri")).then_some(Lost { received, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"2026-11-23T20:59:02.539064Z AUDIT: id="5c" stage="ResponseComplete" ip="10.0.0.9" method="delete" user="eve\n x" groups="\"dev\",\"a \\\"b\\\"\"" as="<self>" asgroups="<lookup>" user-agent="kubectl/v1" namespace="shop" uri="/api/v1/namespaces/shop/secrets/db?x=\"1\"" response="200""#;

    #[test]
    fn a_lost_event_is_read_whole() {
        let lost = read(LINE).unwrap();
        assert_eq!((lost.received.nanos, lost.received.digits), (1_795_467_542_539_064_000, 6));
        assert_eq!((lost.field("user"), lost.field("as")), (Some("eve\n x"), None));
        assert_eq!(lost.groups("groups"), ["dev", "a \"b\""]);
        assert!(lost.groups("asgroups").is_empty());
        assert_eq!(lost.field("uri"), Some("/api/v1/namespaces/shop/secrets/db?x=\"1\""));
        assert_eq!(lost.all().count(), 12);
    }

    #[test]
    fn what_is_not_all_of_one_is_none() {
        for line in [
            &LINE[..LINE.len() - 1],
            &LINE[..LINE.len() - 15],
            &LINE.replace(" stage=", " id="),
            &LINE.replace("id=\"5c\" ", ""),
            &LINE.replace("2026", "x"),
            &format!("{LINE} rest"),
            "",
            " AUDIT: ",
        ] {
            let whole = line.len() == LINE.len() - 15;
            assert_eq!(read(line).is_some(), whole, "{line}");
        }
    }
}

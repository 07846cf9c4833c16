//! Entities as queries: `user:jane`, `session:node-1/9`, `pod:shop/web-1` in the words of the query language, so that there is one language.
//!
//! Inside: the translation, and what it leaves out. Not here: the language (`parse`), processes that no field of an event ties to an entity (`processes`).

use serde_json::Value;
use std::net::IpAddr;

/// What `timeline` takes beside a query.
pub const ENTITIES: &[&str] = &[
    "user:NAME",
    "sa:NS/NAME",
    "credential:ID",
    "address:IP",
    "pod:NS/NAME",
    "pod:UID",
    "container:ID",
    "node:NAME",
    "session:NODE/SES",
    "file:PATH",
];

/// Hex digits of a container's id, at least: shorter ones are names.
const CONTAINER_DIGITS_MIN: usize = 12;

/// A text that begins with an entity, as a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translated {
    /// The whole text as a query.
    pub query: String,
    /// What the query does not find of the entity.
    pub left_out: Option<&'static str>,
}

/// Why a text that begins like an entity is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EntityError(String);

/// The query that a text stands for; `None` where it is no entity, and so a query already. What follows the entity is a query too, and both must hold.
pub fn translate(text: &str) -> Result<Option<Translated>, EntityError> {
    let text = text.trim();
    let Some((kind, value, rest)) = first(text)? else { return Ok(None) };
    let Some((query, left_out)) = condition(kind, &value)? else { return Ok(None) };
    let rest = rest.trim();
    let query = if rest.is_empty() { query } else { format!("({query}) ({rest})") };
    Ok(Some(Translated { query, left_out }))
}

/// Kind and value of the first word, and what is behind it.
fn first(text: &str) -> Result<Option<(&str, String, &str)>, EntityError> {
    let Some((kind, behind)) = text.split_once(':') else { return Ok(None) };
    if !ENTITIES.iter().any(|known| known.split(':').next() == Some(kind)) {
        return Ok(None);
    }
    let Some(quoted) = behind.strip_prefix('"') else {
        let end = behind.find(char::is_whitespace).unwrap_or(behind.len());
        let (value, rest) = behind.split_at(end);
        return Ok(Some((kind, value.to_owned(), rest)));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok(Some((kind, value, quoted.get(at + 1..).unwrap_or("")))),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            _ => value.push(letter),
        }
    }
    Err(EntityError(format!("the quotation mark of `{kind}:` is not closed")))
}

type Condition = Option<(String, Option<&'static str>)>;

fn condition(kind: &str, value: &str) -> Result<Condition, EntityError> {
    if value.is_empty() {
        return Ok(None);
    }
    let name = quote(value);
    let found = |query: String| Ok(Some((query, None)));
    match kind {
        "user" => found(format!("who:{name}")),
        "sa" => {
            let (namespace, account) = pair(kind, value, "NS/NAME")?;
            let user = quote(&format!("system:serviceaccount:{namespace}:{account}"));
            let (namespace, account) = (quote(namespace), quote(account));
            found(format!(
                "who:{user} OR (what.object.kind:(serviceaccounts OR serviceaccounts/*) what.object.namespace:{namespace} what.object.name:{account})"
            ))
        }
        "address" => {
            let address = value.split('/').next().unwrap_or("");
            if address.parse::<IpAddr>().is_err() {
                return Err(EntityError(format!("`{value}` is neither an address nor a network such as 10.0.0.0/8")));
            }
            found(format!("src:{value} OR dst:{value}"))
        }
        "pod" if is_uid(value) => found(format!("where.pod_uid:{name} OR what.object.uid:{name}")),
        "pod" => {
            let Some((namespace, pod)) = value.split_once('/') else { return Ok(None) };
            let (namespace, pod) = (quote(namespace), quote(pod));
            let query = format!(
                "(where.namespace:{namespace} where.pod:{pod}) OR (what.object.kind:(pods OR pods/*) what.object.namespace:{namespace} what.object.name:{pod})"
            );
            Ok(Some((query, Some("processes in it: `deponent tree container:ID`"))))
        }
        "container" if is_hex(value, CONTAINER_DIGITS_MIN) => {
            let keys: Vec<String> =
                ["container", "made", "exec-in", "request"].iter().map(|key| format!("\"{key}:{value}\"")).collect();
            let query = format!("where.container_id:{value}* OR join.key:({})", keys.join(" OR "));
            Ok(Some((query, Some("processes in it: `deponent tree container:ID`"))))
        }
        "session" => {
            let (node, ses) = session(value).ok_or_else(|| {
                EntityError(format!(
                    "`session:{value}` is not session:NODE/SES, such as session:node-1/9; for an API session: `deponent replay session:AUDIT-ID`"
                ))
            })?;
            let query = format!("source:linux node:{} ses:{ses}", quote(node));
            Ok(Some((query, Some("the kernel counts sessions anew at each boot: `deponent replay` names its logins"))))
        }
        "file" => found(format!("path:{name}")),
        // `node:NAME` and `credential:ID` are queries already.
        _ => Ok(None),
    }
}

/// The half-open window, ns, of what happened at most `width` before or after the first of the events, given as their JSON.
pub fn window_around(events: &[Value], width: i64) -> Option<(i64, i64)> {
    let time = events.first()?.pointer("/when/event")?.as_str()?;
    let when = chrono::DateTime::parse_from_rfc3339(time).ok()?.timestamp_nanos_opt()?;
    Some((when.saturating_sub(width), when.saturating_add(width).saturating_add(1)))
}

/// Node and number of a login session: `node-1/9`.
pub fn session(value: &str) -> Option<(&str, u32)> {
    let (node, ses) = value.rsplit_once('/')?;
    // Not set: no session.
    let ses = ses.parse().ok().filter(|ses| *ses != u32::MAX)?;
    (!node.is_empty()).then_some((node, ses))
}

fn pair<'v>(kind: &str, value: &'v str, form: &str) -> Result<(&'v str, &'v str), EntityError> {
    let parts = value.split_once('/').filter(|(one, other)| !one.is_empty() && !other.is_empty());
    parts.ok_or_else(|| EntityError(format!("`{kind}:{value}` is not {kind}:{form}")))
}

/// The uid of a pod: of the API, or of a static pod, which the kubelet makes without hyphens.
fn is_uid(value: &str) -> bool {
    let parts: Vec<usize> = value.split('-').map(str::len).collect();
    let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    hex && (parts == [8, 4, 4, 4, 12] || parts == [32])
}

fn is_hex(value: &str, digits_min: usize) -> bool {
    value.len() >= digits_min && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A value as the query language quotes it: itself, whatever is in it.
pub fn quote(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if super::json::is_hidden(letter) => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(letter))),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse;
    use crate::time::Zone;

    fn query(text: &str) -> String {
        let translated = translate(text).unwrap().unwrap_or_else(|| panic!("{text} is no entity"));
        let now = crate::model::Moment { nanos: 0, digits: 0 };
        assert!(parse(&translated.query, now, &Zone::default()).is_ok(), "{}", translated.query);
        translated.query
    }

    #[test]
    fn each_entity_is_a_query() {
        for (text, expected) in [
            ("user:jane", r#"who:"jane""#),
            (r#"user:"Jane \"J\" Doe" outcome:denied OR ns:a"#, r#"(who:"Jane \"J\" Doe") (outcome:denied OR ns:a)"#),
            ("address:10.0.0.9", "src:10.0.0.9 OR dst:10.0.0.9"),
            ("address:2001:db8::/32", "src:2001:db8::/32 OR dst:2001:db8::/32"),
            ("session:node-1/9", r#"source:linux node:"node-1" ses:9"#),
            ("file:/etc/a*", r#"path:"/etc/a*""#),
            ("file:/tmp/\u{202e}x", r#"path:"/tmp/\u{202e}x""#),
            (
                "pod:0f6d3a3e-0000-4000-8000-00000000000a",
                r#"where.pod_uid:"0f6d3a3e-0000-4000-8000-00000000000a" OR what.object.uid:"0f6d3a3e-0000-4000-8000-00000000000a""#,
            ),
        ] {
            assert_eq!(query(text), expected);
        }
        assert!(query("sa:shop/web").starts_with(r#"who:"system:serviceaccount:shop:web" OR "#));
        assert!(query("pod:shop/web-1").contains(r#"where.namespace:"shop" where.pod:"web-1""#));
        assert!(query("container:c769c925076b").starts_with("where.container_id:c769c925076b* OR join.key:("));
    }

    #[test]
    fn a_query_stays_a_query() {
        for text in [
            "",
            "who:jane",
            "pod:web-1",
            "container:app",
            "what:exec",
            "jane",
            "pod:web-* ns:shop",
            "user:",
            "node:node-*",
            "credential:JTI=0b1f",
        ] {
            assert_eq!(translate(text), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_entity_says_so() {
        for text in
            ["sa:web", "sa:/web", "address:here", "session:9", "session:node-1/x", "session:n/4294967295", "user:\"a"]
        {
            assert!(translate(text).is_err(), "{text}");
        }
    }
}

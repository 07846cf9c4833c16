//! Names in a query: the fields they stand for, and what was meant by those that stand for none.
//!
//! Not here: the table of fields and aliases (`index::fields`).

use super::computed;
use super::error::{QueryError, QueryErrorKind, visible};
use crate::index::{ALIASES, FIELDS, Field, resolve};
use crate::model::Moment;
use crate::time::{Zone, parse_instant, rfc3339, window};

/// The name of the condition on raw records; no field has it.
pub(super) const RAW: &str = "raw";

/// Names of pipes.
pub(super) const PIPES: &[&str] = &["count", "top", "hist", "sequence"];

/// Names that other tools use, and ours.
const FOREIGN: &[(&str, &str)] = &[
    ("user", "who"),
    ("username", "who"),
    ("user.name", "who"),
    ("user.username", "who"),
    ("actor", "who"),
    ("principal", "who"),
    ("subject", "who"),
    ("impersonateduser.username", "as"),
    ("groups", "group"),
    ("ip", "src"),
    ("addr", "src"),
    ("address", "src"),
    ("sourceip", "src"),
    ("sourceips", "src"),
    ("source.ip", "src"),
    ("client", "src"),
    ("destination.ip", "dst"),
    ("port", "dport"),
    ("host", "node"),
    ("hostname", "node"),
    ("host.name", "node"),
    ("session", "ses"),
    ("euid", "uid"),
    ("gid", "who.effective.gid"),
    ("operation", "action"),
    ("event.action", "action"),
    ("resource", "kind"),
    ("objectref.resource", "kind"),
    ("objectref.name", "name"),
    ("objectref.namespace", "ns"),
    ("file", "path"),
    ("file.path", "path"),
    ("inode", "what.object.inode"),
    ("res", "outcome"),
    ("result", "outcome"),
    ("success", "outcome"),
    ("status", "code"),
    ("errno", "code"),
    ("exit", "code"),
    ("responsestatus.code", "code"),
    ("cmd", "argv"),
    ("cmdline", "argv"),
    ("command", "argv"),
    ("args", "argv"),
    ("process.name", "comm"),
    ("process.pid", "pid"),
    ("executable", "exe"),
    ("useragent", "agent"),
    ("user_agent", "agent"),
    ("requesturi", "uri"),
    ("request_uri", "uri"),
    ("url", "uri"),
    ("auditid", "audit_id"),
    ("rule", "key"),
    ("keys", "key"),
    ("issues", "issue"),
    ("terminal", "tty"),
    ("detail", "raw"),
    ("text", "raw"),
];

/// Names under which people look for time.
const TIMES: &[&str] =
    &["time", "when", "when.event", "when.received", "when.end", "timestamp", "date", "since", "until"];

/// The fields a name stands for, or an error at its place that says what was probably meant.
pub(super) fn fields(name: &str, start: usize) -> Result<Vec<&'static Field>, QueryError> {
    let end = start.saturating_add(name.len());
    if let Some(fields) = resolve(name).or_else(|| computed::resolve(name).map(|field| vec![field])) {
        return Ok(fields);
    }
    let error = QueryError::new(QueryErrorKind::UnknownField { name: visible(name) }, start, end);
    let names = FIELDS.iter().map(|field| field.name).chain(ALIASES.iter().map(|(alias, _)| *alias));
    let names = names.chain(computed::COMPUTED.iter().map(|field| field.name)).chain([RAW]);
    Err(error.suggest(nearest(name, names)))
}

/// An error for a condition on time: it says which options would have been it.
pub(super) fn time_is_an_option(
    name: &str,
    operator: &str,
    value: &str,
    start: usize,
    now: Moment,
    zone: &Zone,
) -> Option<QueryError> {
    if !TIMES.contains(&name) {
        return None;
    }
    let error = QueryError::new(QueryErrorKind::TimeInQuery, start, start.saturating_add(name.len()));
    let given = options(operator, value, now, zone).unwrap_or_else(|| "-S 2026-07-18 -U 2026-07-19".to_owned());
    Some(error.help(format!("give it beside the query: {given}")))
}

fn options(operator: &str, value: &str, now: Moment, zone: &Zone) -> Option<String> {
    let shown = |nanos: i64| rfc3339(Moment { nanos, digits: if nanos % 1_000_000_000 == 0 { 0 } else { 9 } });
    if value.contains("..") {
        let window = window(Some(value), None, now, zone).ok()?;
        let since = window.since_ns.map(|nanos| format!("-S {}", shown(nanos)));
        let until = window.until_ns.map(|nanos| format!("-U {}", shown(nanos)));
        return Some([since, until].into_iter().flatten().collect::<Vec<_>>().join(" "));
    }
    let span = parse_instant(value, now, zone).ok()?;
    Some(match operator {
        ">" | ">=" => format!("-S {}", shown(span.start_ns)),
        "<" => format!("-U {}", shown(span.start_ns)),
        "<=" => format!("-U {}", shown(span.end_ns)),
        _ if span.start_ns == span.end_ns => format!("-S {}", shown(span.start_ns)),
        _ => format!("-S {} -U {}", shown(span.start_ns), shown(span.end_ns)),
    })
}

/// The names nearest to one that is none of them, at most three.
pub(super) fn nearest(name: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    const NAMES_MAX: usize = 3;
    const NAME_CHARS_MAX: usize = 64;
    if name.chars().count() > NAME_CHARS_MAX {
        return Vec::new();
    }
    let wanted = name.to_lowercase().replace('-', "_");
    if let Some((_, ours)) = FOREIGN.iter().find(|(foreign, _)| *foreign == wanted) {
        return vec![ours];
    }
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    for candidate in names {
        let last = candidate.rsplit('.').next().unwrap_or(candidate);
        let distance =
            if last == wanted && last != candidate { 1 } else { strsim::damerau_levenshtein(candidate, &wanted) };
        // A third of the letters may be wrong, but never all of a short name.
        let allowed = (wanted.chars().count() / 3).max(1);
        if distance <= allowed && distance < candidate.len() {
            found.push((distance, candidate));
        }
    }
    found.sort();
    let mut nearest: Vec<&'static str> = Vec::new();
    for (_, name) in found {
        if !nearest.contains(&name) && nearest.len() < NAMES_MAX {
            nearest.push(name);
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_name_what_exists() {
        for (foreign, ours) in FOREIGN {
            assert!(*ours == RAW || resolve(ours).is_some(), "{ours}");
            assert!(resolve(foreign).is_none(), "{foreign} is a name of ours");
            assert_eq!(*foreign, foreign.to_lowercase());
        }
        for time in TIMES {
            assert!(resolve(time).is_none(), "{time}");
        }
    }

    #[test]
    fn suggestions() {
        let check =
            |name: &str, expected: &[&str]| assert_eq!(fields(name, 0).unwrap_err().suggestions, expected, "{name}");
        check("whom", &["who"]);
        check("WHO", &["who"]);
        check("user", &["who"]);
        check("objectRef.name", &["name"]);
        check("audit-id", &["audit_id", "how.audit_id"]);
        check("namespce", &["namespace"]);
        check("who.nam", &["who.name", "who.as"]);
        check("how.exec", &["how.exe"]);
        check("inode", &["what.object.inode"]);
        check("zzzzzz", &[]);
        check(&"who".repeat(1000), &[]);
    }
}

//! A link for people: how sure it is and by which rule, each key with its values on both sides, and what was missing; who is named in the end, and findings.
//!
//! No word is stronger than the class: `did` for PROVEN and STRONG, `consistent with` for CONSISTENT, `one of` for AMBIGUOUS. Not here: chains (`why`), trees (`tree`).

use super::{Look, Paint, Safe, Word};
use crate::query::json::{at, each_text, text};
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, Write};

/// Ids of candidates that are shown; the rest is counted.
const CANDIDATES_SHOWN: usize = 16;
/// Characters of a compared value that are shown; the rest is counted.
const VALUE_CHARS: usize = 160;

/// The items of a list; of anything else none.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The colour of a class.
pub(super) fn paint_of_class(class: &str) -> Paint {
    match class {
        "PROVEN" | "STRONG" => Paint::Good,
        "CONTRADICTED" => Paint::Alarm,
        _ => Paint::Bad,
    }
}

/// `STRONG by rule session-exec (version 1), 48 ms after its cause`.
pub(super) fn head(link: &Value, look: &Look) -> String {
    let class = text(link, "class").unwrap_or("without a class".into());
    let shown = look.style.paint(paint_of_class(&class), Word(&class));
    let rule = text(link, "rule").unwrap_or("unnamed".into());
    let version = text(link, "version").map(|version| format!(" (version {})", Word(&version))).unwrap_or_default();
    let delta = at(link, "delta_ms").and_then(Value::as_i64).map(|delta| match delta {
        0.. => format!(", {delta} ms after its cause"),
        _ => format!(", {} ms before its cause: by clocks that differ", delta.unsigned_abs()),
    });
    format!("{shown} by rule {}{version}{}", Word(&rule), delta.unwrap_or_default())
}

/// Everything of a link behind its head, a line each.
pub(super) fn body(out: &mut dyn Write, look: &Look, link: &Value, indent: &str) -> io::Result<()> {
    for key in list(link, "keys") {
        writeln!(out, "{indent}{}", compared(key, look))?;
    }
    let candidates = each_text(link, "candidates");
    let count = at(link, "candidate_count").and_then(Value::as_u64).unwrap_or(0);
    let count = count.max(u64::try_from(candidates.len()).unwrap_or(u64::MAX));
    if count > 1 {
        let ids: Vec<String> = candidates.iter().take(CANDIDATES_SHOWN).map(|id| Word(id).to_string()).collect();
        let more = count.saturating_sub(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        writeln!(out, "{indent}{count} candidates, and it cannot be told which: {}{more}", ids.join(", "))?;
    } else if text(link, "class").as_deref() == Some("AMBIGUOUS") {
        writeln!(out, "{indent}{}", look.style.paint(Paint::Dim, "no other candidate, and it may be none"))?;
    } else {
        writeln!(out, "{indent}{}", look.style.paint(Paint::Dim, "no other candidate"))?;
    }
    for missing in each_text(link, "missing") {
        writeln!(out, "{indent}missing: {}", Safe(&missing))?;
    }
    Ok(())
}

/// `✓ argv "cat /etc/shadow"`, or both values where they differ.
fn compared(key: &Value, look: &Look) -> String {
    let agrees = at(key, "agrees").and_then(Value::as_bool).unwrap_or(false);
    let mark = if agrees { look.style.paint(Paint::Good, "✓") } else { look.style.paint(Paint::Alarm, "✗") };
    let value = |name: &str| at(key, name).and_then(Value::as_str).unwrap_or_default();
    let (from, to) = (value("from"), value("to"));
    let name = Safe(value("name"));
    match (from == to, agrees) {
        (true, _) => format!("{mark} {name}: {}", short(from)),
        (false, true) => format!("{mark} {name}: {} / {}", short(from), short(to)),
        // What differs only behind the cut is shown whole.
        (false, false) if short(from) == short(to) => format!("{mark} {name}: {} ≠ {}", Word(from), Word(to)),
        (false, false) => format!("{mark} {name}: {} ≠ {}", short(from), short(to)),
    }
}

/// A value as a word; the end of a long one is counted.
fn short(value: &str) -> String {
    let Some((end, _)) = value.char_indices().nth(VALUE_CHARS) else { return Word(value).to_string() };
    let (shown, rest) = value.split_at(end);
    format!("{}…(+{} characters)", Word(shown), rest.chars().count())
}

/// A finding: its name, how bad, and what it says.
pub(super) fn finding(out: &mut dyn Write, look: &Look, finding: &Value, indent: &str) -> io::Result<()> {
    let name = text(finding, "finding").unwrap_or("unnamed".into());
    let severity = text(finding, "severity").unwrap_or("unknown".into());
    let detail = text(finding, "detail").unwrap_or_default();
    let name = look.style.paint(Paint::Alarm, Word(&name));
    writeln!(out, "{indent}finding {name} (severity {}): {}", Word(&severity), Safe(&detail))?;
    let events: Vec<String> = each_text(finding, "events").iter().map(|id| Word(id).to_string()).collect();
    if !events.is_empty() {
        writeln!(out, "{indent}  about {}", look.style.paint(Paint::Dim, events.join(", ")))?;
    }
    Ok(())
}

/// A name, and the name that it acted as.
fn person(of: &Value) -> Option<String> {
    let name = text(of, "name")?;
    Some(match text(of, "as") {
        Some(acted) => format!("{} as {}", Word(&name), Word(&acted)),
        None => Word(&name).to_string(),
    })
}

/// The person at the end of a chain, with the credential that the chain's last entry shows.
fn rooted(root: &Value, chain: &[Value]) -> Option<String> {
    if text(root, "kind").as_deref() == Some("login") {
        return login(root, chain);
    }
    let person = person(root)?;
    let last = chain.last().filter(|last| last.get("link").is_none()).and_then(|last| last.get("event"));
    let same = last.filter(|event| text(event, "who.name") == text(root, "name"));
    let credential = same.and_then(|event| text(event, "who.credential"));
    Some(match credential {
        Some(credential) => format!("{person} ({})", Word(&credential)),
        None => person,
    })
}

fn login(root: &Value, chain: &[Value]) -> Option<String> {
    let name = text(root, "name")?;
    let kept = |event: &&Value| at(event, "who.login.auid").is_some();
    let event = chain.iter().filter_map(|step| step.get("event")).find(kept);
    let number = |path: &str| event.and_then(|event| at(event, path)).and_then(Value::as_u64);
    let ids: Vec<String> = [("auid", number("who.login.auid")), ("ses", number("who.login.ses"))]
        .iter()
        .filter_map(|(what, number)| number.map(|number| format!("{what} {number}")))
        .collect();
    let ids = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
    let unnamed = name.strip_prefix("auid ").is_some_and(|auid| auid.bytes().all(|byte| byte.is_ascii_digit()));
    Some(if unnamed { format!("login {name}") } else { format!("login {}{ids}", Word(&name)) })
}

/// Who did it, in one line and with no more certainty than the class, and what is missing for more; `chain` may be empty.
pub(super) fn verdict(root: &Value, chain: &[Value]) -> String {
    let verdict = verdict_alone(root, chain);
    let missing: Vec<String> = each_text(root, "missing").iter().map(|one| Safe(one).to_string()).collect();
    let class = text(root, "class").unwrap_or_default();
    if missing.is_empty() || (is_named(root) && matches!(class.as_ref(), "PROVEN" | "STRONG")) {
        return verdict;
    }
    format!("{verdict}; missing: {}", missing.join("; "))
}

fn is_named(root: &Value) -> bool {
    matches!(text(root, "kind").as_deref(), Some("credential" | "login")) && text(root, "name").is_some()
}

/// The same without what is missing.
fn verdict_alone(root: &Value, chain: &[Value]) -> String {
    let class = text(root, "class").unwrap_or_default();
    let named = is_named(root).then(|| rooted(root, chain)).flatten();
    match (named, class.as_ref()) {
        (Some(who), "PROVEN" | "STRONG") => format!("{who} did it: {class}"),
        (Some(who), "CONSISTENT") => format!("the records are consistent with {who} having done it: CONSISTENT"),
        (Some(who), "AMBIGUOUS") => format!("AMBIGUOUS: {who} is one of those who may have done it"),
        (Some(who), "CONTRADICTED") => format!("CONTRADICTED: a key disagrees with {who} having done it"),
        (None, _) if text(root, "kind").as_deref() == Some("ambiguous") => format!("AMBIGUOUS: {}", one_of(root)),
        _ => "UNKNOWN: nobody can be named".to_owned(),
    }
}

/// Who stands behind a ground; what is missing only where nobody is named.
pub(super) fn behind(root: &Value, chain: &[Value]) -> String {
    let class = text(root, "class").unwrap_or_default();
    match is_named(root).then(|| rooted(root, chain)).flatten() {
        Some(who) => format!("{who}: {class}"),
        None => verdict(root, chain),
    }
}

/// The verdict for one line of many: what is missing only where nobody is named, since that says why (a probe names nobody).
pub(super) fn verdict_in_short(root: &Value) -> String {
    let told = is_named(root) || text(root, "kind").as_deref() == Some("ambiguous");
    if told { verdict_alone(root, &[]) } else { verdict(root, &[]) }
}

/// The colour of a verdict.
pub(super) fn paint_of_root(root: &Value) -> Paint {
    paint_of_class(&text(root, "class").unwrap_or_default())
}

/// `one of alice@example.com, bob@example.com`, each person once.
fn one_of(root: &Value) -> String {
    let mut people: Vec<String> = Vec::new();
    for candidate in list(root, "candidates") {
        let one = person(candidate).unwrap_or_else(|| "somebody without a name".to_owned());
        if !people.contains(&one) {
            people.push(one);
        }
    }
    match people.as_slice() {
        [] => "nobody can be singled out".to_owned(),
        [one] => format!("it may have been {one}, or none of those that are known"),
        _ => format!("one of {}", people.join(", ")),
    }
}

/// The event with the runtime's own arguments cut down to its order and the container: the rest are paths. `show` has all of them.
pub(super) fn brief(event: &Value) -> Cow<'_, Value> {
    let is_runtime = text(event, "how.exe").is_some_and(|exe| exe.ends_with("/runc") || exe.ends_with("/crun"));
    let argv = list(event, "how.argv");
    let order = argv.iter().position(|word| matches!(word.as_str(), Some("exec" | "create" | "start")));
    let (true, Some(first), Some(order), Some(last)) = (is_runtime, argv.first(), order, argv.last()) else {
        return Cow::Borrowed(event);
    };
    if order < 2 || order + 2 >= argv.len() {
        return Cow::Borrowed(event);
    }
    let order = argv.get(order).cloned().unwrap_or_default();
    let dots = || Value::from("…");
    let short = Value::Array(vec![first.clone(), dots(), order, dots(), last.clone()]);
    let mut event = event.clone();
    if let Some(argv) = event.pointer_mut("/how/argv") {
        *argv = short;
    }
    Cow::Owned(event)
}

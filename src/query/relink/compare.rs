//! Two testimonies about one event, part by part: what a document says, and what came out of the rules now.
//!
//! Not here: where either comes from (`relink`).

use crate::correlate::rules;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Parts of a testimony that are compared as they are.
const PARTS: &[&str] = &["event", "root", "container", "findings", "not_proved"];
/// Parts that say nothing about the event, or are checked by hash and proof.
const OTHERS: &[&str] = &[
    "format",
    "program",
    "claims",
    "chain",
    "grounds",
    "records",
    "entries",
    "checkpoint",
    "signed_checkpoint",
    "proof",
    NOTICED,
];
/// The part that rests on more than the records of a testimony.
pub const NOTICED: &str = "noticed";
/// Characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// How a part came out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// As the document says.
    Same,
    /// Otherwise, and in what.
    Differs(String),
    /// These records do not decide, and why.
    Undecided(String),
}

/// A part of a testimony.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Which.
    pub part: String,
    /// How it came out.
    pub again: Again,
}

/// Compares what a document says with what came out now; `whole` says that nothing is lacking that may explain a difference.
pub fn compare(told: &Map<String, Value>, again: &Map<String, Value>, whole: bool) -> Vec<Compared> {
    let words_differ = told.get("program") != again.get("program");
    let mut parts = Vec::new();
    for name in PARTS {
        let words = words_differ && *name == "not_proved";
        parts.push(one(name, told.get(*name), again.get(*name), whole, words));
    }
    claims(told, again, whole, words_differ, &mut parts);
    chain("chain", told.get("chain"), again.get("chain"), (whole, words_differ), &mut parts);
    let grounds = |of: &Map<String, Value>| of.get("grounds").and_then(Value::as_array).cloned().unwrap_or_default();
    let (said, now) = (grounds(told), grounds(again));
    for number in 0..said.len().max(now.len()) {
        let (said, now) = (said.get(number), now.get(number));
        let name = format!("ground {}", number + 1);
        let member = |of: Option<&Value>, name: &str| of.and_then(|ground| ground.get(name)).cloned();
        for part in ["of", "root"] {
            let (said, now) = (member(said, part), member(now, part));
            parts.push(one(&format!("{name}: {part}"), said.as_ref(), now.as_ref(), whole, false));
        }
        let (said, now) = (member(said, "chain"), member(now, "chain"));
        chain(&name, said.as_ref(), now.as_ref(), (whole, words_differ), &mut parts);
    }
    if told.contains_key(NOTICED) || again.contains_key(NOTICED) {
        parts.push(one(NOTICED, told.get(NOTICED), again.get(NOTICED), whole, false));
    }
    for name in told.keys().filter(|name| !PARTS.contains(&name.as_str()) && !OTHERS.contains(&name.as_str())) {
        let again = Again::Differs("no testimony has this part".to_owned());
        parts.push(Compared { part: shown(&Value::from(name.as_str())), again });
    }
    parts
}

fn claims(told: &Map<String, Value>, again: &Map<String, Value>, whole: bool, words: bool, parts: &mut Vec<Compared>) {
    let list = |of: &Map<String, Value>| of.get("claims").and_then(Value::as_array).cloned().unwrap_or_default();
    let (said, now) = (list(told), list(again));
    for number in 0..said.len().max(now.len()) {
        let (said, now) = (said.get(number), now.get(number));
        let question =
            now.or(said).and_then(|claim| claim.get("question")).and_then(Value::as_str).unwrap_or("unnamed");
        let grade = |of: Option<&Value>| of.and_then(|claim| claim.get("grade")).cloned();
        // Another version of the program may word it otherwise, but not grade it otherwise.
        let words = words && grade(said) == grade(now);
        parts.push(one(&format!("claim {}", plain(question)), said, now, whole, words));
    }
}

/// Each step of a chain, and each link.
fn chain(name: &str, told: Option<&Value>, again: Option<&Value>, how: (bool, bool), parts: &mut Vec<Compared>) {
    let (whole, words) = how;
    let list = |of: Option<&Value>| of.and_then(Value::as_array).cloned().unwrap_or_default();
    let (said, now) = (list(told), list(again));
    for number in 0..said.len().max(now.len()) {
        let member = |of: &[Value], name: &str| of.get(number).and_then(|step| step.get(name)).cloned();
        let (before, after) = (member(&said, "event"), member(&now, "event"));
        parts.push(one(&format!("{name}: event {}", number + 1), before.as_ref(), after.as_ref(), whole, false));
        let (before, after) = (member(&said, "told"), member(&now, "told"));
        if before != after {
            let part = format!("{name}: sentence {}", number + 1);
            parts.push(one(&part, before.as_ref(), after.as_ref(), whole, words));
        }
        let (before, after) = (member(&said, "link"), member(&now, "link"));
        if before.is_some() || after.is_some() {
            parts.push(link(name, before.as_ref(), after.as_ref(), whole));
        }
        let known = ["event", "told", "link"];
        let others = said.get(number).and_then(Value::as_object).into_iter().flat_map(Map::keys);
        for other in others.filter(|other| !known.contains(&other.as_str())) {
            let again = Again::Differs(format!("no step has {}", shown(&Value::from(other.as_str()))));
            parts.push(Compared { part: format!("{name}: event {}", number + 1), again });
        }
    }
}

fn link(name: &str, told: Option<&Value>, again: Option<&Value>, whole: bool) -> Compared {
    let of = told.or(again);
    let text =
        |member: &str| of.and_then(|link| link.get(member)).and_then(Value::as_str).map(plain).unwrap_or_default();
    let part = format!("{name}: link {} from {} to {}", text("rule"), text("from"), text("to"));
    let version = told.and_then(|link| link.get("version")).and_then(Value::as_u64);
    let rule = rules::RULES.iter().find(|rule| rule.name == text("rule"));
    if let (Some(told), None) = (told, rule) {
        let again =
            Again::Undecided(format!("this program has no rule {}", shown(told.get("rule").unwrap_or(&Value::Null))));
        return Compared { part, again };
    }
    if let (Some(version), Some(rule)) = (version, rule)
        && version != u64::from(rule.version)
    {
        let again = Again::Undecided(format!(
            "it was made by version {version} of the rule, and this program has {}",
            rule.version
        ));
        return Compared { part, again };
    }
    Compared { part, ..one("", told, again, whole, false) }
}

fn one(part: &str, told: Option<&Value>, again: Option<&Value>, whole: bool, words: bool) -> Compared {
    let again = match (told, again) {
        (told, again) if told == again => Again::Same,
        (told, again) => {
            let what = differences(told, again);
            match (words, whole) {
                (true, _) => Again::Undecided(format!("another version of deponent worded it: {what}")),
                (false, true) => Again::Differs(what),
                (false, false) => Again::Undecided(format!("records are missing in it: {what}")),
            }
        }
    };
    Compared { part: part.to_owned(), again }
}

/// Which members differ, each with both values.
fn differences(told: Option<&Value>, again: Option<&Value>) -> String {
    match (told, again) {
        (Some(Value::Object(told)), Some(Value::Object(again))) => {
            let names: BTreeSet<&String> = told.keys().chain(again.keys()).collect();
            let differing = names.into_iter().filter(|name| told.get(*name) != again.get(*name));
            let lines: Vec<String> =
                differing.map(|name| format!("{}: {}", plain(name), both(told.get(name), again.get(name)))).collect();
            lines.join("; ")
        }
        (told, again) => both(told, again),
    }
}

fn both(told: Option<&Value>, again: Option<&Value>) -> String {
    let value = |of: Option<&Value>| of.map_or_else(|| "nothing".to_owned(), shown);
    format!("{} is said, {} comes out", value(told), value(again))
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A name as it is, where it is one.
fn plain(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.bytes().all(is_plain) { text.to_owned() } else { shown(&Value::from(text)) }
}

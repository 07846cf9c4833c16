//! What a list or a watch covered: its selectors, its pages, and the bodies of requests where they are recorded.
//!
//! Not here: whose requests they are (`readers`).

use super::answer::AnswerError;
use super::linked::Store;
use super::readers::Wanted;
use crate::model::Event;
use crate::normalise::{decode_uri, uri_parameters};
use deponent_parsers::kubernetes;
use serde_json::Value;
use std::sync::Arc;

/// Objects of a page that clients ask for by themselves: smaller ones were meant to be small.
const PAGE: u32 = 500;

/// Whether an object was among what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Covered {
    /// It was not.
    No,
    /// It was in what was asked for; what is not recorded about the answer.
    Yes(Vec<String>),
    /// It cannot be told, and why.
    Open(Vec<String>),
}

/// Whether a list or a watch of the object's namespace, or of all, covered it.
pub fn covered(store: &Store<'_>, wanted: &Wanted<'_>, event: &Arc<Event>) -> Result<Covered, AnswerError> {
    let covered = by_parameters(wanted, event);
    let (Covered::Yes(missing) | Covered::Open(missing)) = &covered else { return Ok(Covered::No) };
    if event.what.action != "list" || missing.is_empty() {
        return Ok(covered);
    }
    // The answer itself decides, where it is recorded.
    for body in bodies(store, event)? {
        let Some(items) = body.get("items").and_then(Value::as_array) else { continue };
        let is_it = |item: &&Value| {
            let meta = |member: &str| item.pointer(&format!("/metadata/{member}")).and_then(Value::as_str);
            meta("name") == Some(wanted.name) && (meta("namespace").is_none() || meta("namespace") == wanted.namespace)
        };
        return Ok(if items.iter().any(|item| is_it(&item)) { Covered::Yes(Vec::new()) } else { Covered::No });
    }
    Ok(covered)
}

/// The same by the request's parameters alone.
fn by_parameters(wanted: &Wanted<'_>, event: &Event) -> Covered {
    let Some(uri) = &event.how.request_uri else {
        return Covered::Open(vec![
            "the request's parameters are not recorded: a selector may have left it out".to_owned(),
        ]);
    };
    let (mut open, mut missing) = (false, Vec::new());
    let (mut version, mut initial, mut page) = (None, false, None);
    for (name, value) in uri_parameters(uri) {
        let value = decode_uri(value).text;
        match name.as_str() {
            "fieldSelector" => match by_fields(wanted, &value) {
                Some(false) => return Covered::No,
                Some(true) => {}
                None => {
                    open = true;
                    missing.push(format!("what the field selector {value} chose"));
                }
            },
            "labelSelector" if !value.is_empty() => {
                open = true;
                missing.push(format!("what the label selector {value} chose"));
            }
            "limit" if value != "0" => page = Some(value),
            "resourceVersion" => version = Some(value),
            "sendInitialEvents" => initial = value == "true",
            _ => {}
        }
    }
    // At version 0 the server answers from memory, all at once.
    if let Some(page) = page.filter(|_| version.as_deref() != Some("0")) {
        open |= page.parse::<u32>().is_ok_and(|limit| limit < PAGE);
        missing.push(format!("whether it was on this page of at most {page}"));
    }
    // A watch that begins at a version tells what changes from then on.
    let from_version = version.is_some_and(|version| !version.is_empty() && version != "0");
    if event.what.action == "watch" && from_version && !initial {
        missing.push("whether it changed while the watch was open: only then it was sent".to_owned());
    }
    if open { Covered::Open(missing) } else { Covered::Yes(missing) }
}

/// Whether a field selector chooses the object; `None` where its name and namespace do not decide that.
fn by_fields(wanted: &Wanted<'_>, selector: &str) -> Option<bool> {
    let mut decided = true;
    for term in selector.split(',').filter(|term| !term.is_empty()) {
        let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
            (field, value, false)
        } else if let Some((field, value)) = term.split_once("==") {
            (field, value, true)
        } else {
            let (field, value) = term.split_once('=')?;
            (field, value, true)
        };
        let own = match field {
            "metadata.name" => Some(wanted.name),
            "metadata.namespace" => wanted.namespace,
            _ => None,
        };
        match own {
            Some(own) if (own == value) != equal => return Some(false),
            Some(_) => {}
            None => decided = false,
        }
    }
    decided.then_some(true)
}

/// Whether a request only tried what would come of it.
pub fn is_dry_run(event: &Event) -> bool {
    let uri = event.how.request_uri.as_deref().unwrap_or("");
    uri_parameters(uri).any(|(name, value)| name == "dryRun" && !value.is_empty())
}

/// The bodies of a request's answers and of the request itself, answers first, where they are recorded.
pub fn bodies(store: &Store<'_>, event: &Event) -> Result<Vec<Value>, AnswerError> {
    let (mut answers, mut requests) = (Vec::new(), Vec::new());
    for record in store.records(event.id)? {
        let wrapped = match kubernetes::parse(&record.bytes) {
            Ok((read, _)) => {
                add(read.response_object, &mut answers);
                add(read.request_object, &mut requests);
                continue;
            }
            Err(_) => kubernetes::unwrap(&record.bytes).ok().flatten(),
        };
        let Some(inner) = wrapped else { continue };
        if let Ok((read, _)) = kubernetes::parse(inner.json.as_bytes()) {
            add(read.response_object, &mut answers);
            add(read.request_object, &mut requests);
        }
    }
    answers.extend(requests);
    Ok(answers)
}

fn add(body: Option<&str>, into: &mut Vec<Value>) {
    // serde_json stops at 128 levels; the record itself is bounded.
    into.extend(body.and_then(|body| serde_json::from_str::<Value>(body).ok()).filter(Value::is_object));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_selectors_that_name_the_object_decide() {
        let wanted = Wanted { resource: "secrets", namespace: Some("shop"), name: "db" };
        for (selector, expected) in [
            ("", Some(true)),
            ("metadata.name=db", Some(true)),
            ("metadata.name==db", Some(true)),
            ("metadata.name=other", Some(false)),
            ("metadata.name!=db", Some(false)),
            ("metadata.name!=other", Some(true)),
            ("metadata.namespace=shop,metadata.name=db", Some(true)),
            ("metadata.namespace=prod", Some(false)),
            ("type=Opaque", None),
            ("type=Opaque,metadata.name=other", Some(false)),
            ("nonsense", None),
        ] {
            assert_eq!(by_fields(&wanted, selector), expected, "{selector}");
        }
    }
}

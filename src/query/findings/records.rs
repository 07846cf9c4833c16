//! Single fields of the kernel's audit records, for detectors that need what an event does not carry.
//!
//! Not here: what records mean (`normalise::linux`).

use super::Ask;
use crate::index::Hit;
use crate::model::Event;
use crate::query::answer::AnswerError;
use crate::query::load;
use deponent_parsers::linux::Record;
use std::collections::BTreeMap;

/// The fields of an event's records of one type, each with the values that it has in them; several where two captures disagree.
pub fn fields(ask: &Ask<'_>, hit: &Hit, kind: &str) -> Result<BTreeMap<String, Vec<String>>, AnswerError> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for loaded in load::records(&ask.view.reader, &hit.places)? {
        let Ok(record) = Record::parse(&loaded.bytes) else { continue };
        if record.type_name() != kind {
            continue;
        }
        // What a program wrote into its message is nothing that the kernel says.
        for field in record.fields().filter(|field| !field.nested && !field.duplicate) {
            let values = all.entry(text(field.name)).or_default();
            let value = text(field.value.bytes);
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }
    Ok(all)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one value of a field.
pub fn only<'f>(fields: &'f BTreeMap<String, Vec<String>>, name: &str) -> Option<&'f str> {
    match fields.get(name).map(Vec::as_slice) {
        Some([one]) => Some(one),
        _ => None,
    }
}

/// Who did it, as far as the kernel says: the login and its session, or that there was none.
pub fn who(event: &Event) -> String {
    let Some(login) = &event.who.login else {
        let disagree = event.issues.iter().any(|issue| issue.kind == "conflict");
        let what = if disagree { "a login about which the records disagree" } else { "a login that no record names" };
        return what.to_owned();
    };
    match (login.auid, &login.name, login.ses) {
        (Some(auid), Some(name), Some(ses)) => format!("{name} (auid {auid}, session {ses})"),
        (Some(auid), None, Some(ses)) => format!("auid {auid}, session {ses}"),
        (Some(auid), ..) => format!("auid {auid}"),
        (None, ..) => "a process of no login".to_owned(),
    }
}

/// Whether somebody's login did it.
pub fn is_person(event: &Event) -> bool {
    event.who.login.as_ref().is_none_or(|login| login.auid.is_some())
}

/// Cluster and node.
pub type Name = (String, String);

/// The node of an event.
pub fn node(event: &Event) -> Name {
    let text = |text: &Option<crate::model::Str>| text.as_deref().unwrap_or_default().to_owned();
    (text(&event.r#where.cluster), text(&event.r#where.node))
}

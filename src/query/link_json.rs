//! Links, findings and chains as JSON: `docs/links.md`.
//!
//! Not here: which links there are (`correlate`), the JSON of an event (`json`).

use super::answer::AnswerError;
use super::engine::event_line;
use super::load::Loaded;
use crate::correlate::{Names, Root, Step, Why, Within};
use crate::model::{Class, Event, EventId, Finding, Link};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Where the records that an answer rests on are.
pub trait Exhibits {
    /// The records of an event: where they lie and what they hash to.
    fn evidence(&self, event: EventId) -> Result<Vec<Value>, AnswerError>;
}

/// The id of a link: the same for the same rule, cause and effect, in every store.
fn id(link: &Link) -> String {
    let mut hash = Sha256::new();
    hash.update(b"deponent-link/v1");
    hash.update(link.rule.as_bytes());
    hash.update([0]);
    hash.update(link.version.to_be_bytes());
    hash.update(link.from.0);
    hash.update(link.to.0);
    let digest: [u8; 32] = hash.finalize().into();
    let mut id = [0u8; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    EventId(id).to_string()
}

/// The records of an event: where they lie and what they hash to.
pub fn evidence(records: &[Loaded], event: EventId) -> Vec<Value> {
    let mut lines = Vec::new();
    for record in records {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&*record.bytes));
        for part in &record.parts {
            lines.push(
                json!({ "event": event.to_string(), "leaf": part.leaf, "record": part.record, "sha256": digest }),
            );
        }
    }
    lines
}

/// A link, with the records that it rests on.
pub fn link(store: &dyn Exhibits, link: &Link) -> Result<Value, AnswerError> {
    let keys: Vec<Value> = link
        .keys
        .iter()
        .map(|key| json!({ "name": key.name, "from": key.from, "to": key.to, "agrees": key.agrees }))
        .collect();
    let mut rests_on: Vec<EventId> = vec![link.from, link.to];
    rests_on.extend(link.support.iter().copied());
    if link.class == Class::Ambiguous {
        rests_on.extend(link.candidates.iter().copied());
    }
    rests_on.sort_unstable();
    rests_on.dedup();
    let mut records = Vec::new();
    for event in rests_on {
        records.extend(store.evidence(event)?);
    }
    let ids = |ids: &[EventId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut value = json!({
        "id": id(link),
        "rule": link.rule,
        "version": link.version,
        "class": link.class.name(),
        "from": link.from.to_string(),
        "to": link.to.to_string(),
        "keys": keys,
        "delta_ms": link.delta_ms,
        "clock_us": link.clock_us.map(|(low, high, pairs)| json!({ "low": low, "high": high, "pairs": pairs })),
        "candidates": ids(&link.candidates),
        "candidate_count": link.candidate_count,
    });
    if let Some(object) = value.as_object_mut() {
        if link.clock_us.is_none() {
            object.remove("clock_us");
        }
        if !link.support.is_empty() {
            object.insert("support".to_owned(), json!(ids(&link.support)));
        }
        if !link.missing.is_empty() {
            object.insert("missing".to_owned(), json!(link.missing));
        }
        object.insert("evidence".to_owned(), Value::Array(records));
    }
    Ok(value)
}

/// A finding, with the records that it rests on.
pub fn finding(store: &dyn Exhibits, finding: &Finding) -> Result<Value, AnswerError> {
    let mut records = Vec::new();
    for event in &finding.events {
        records.extend(store.evidence(*event)?);
    }
    let events: Vec<String> = finding.events.iter().map(ToString::to_string).collect();
    Ok(json!({
        "finding": finding.finding,
        "severity": finding.severity,
        "events": events,
        "detail": finding.detail,
        "evidence": records,
    }))
}

/// The end of a chain; what is absent is left out.
pub fn root(root: &Root) -> Value {
    let mut value = Map::new();
    value.insert("kind".to_owned(), json!(root.kind.name()));
    let mut text = |name: &str, text: Option<&str>| {
        if let Some(text) = text {
            value.insert(name.to_owned(), json!(text));
        }
    };
    text("name", root.name.as_deref());
    text("as", root.r#as.as_deref());
    text("class", root.class.map(Class::name));
    if !root.candidates.is_empty() {
        let one = |candidate: &crate::correlate::Candidate| {
            let mut one = Map::new();
            one.insert("name".to_owned(), json!(candidate.name));
            if let Some(r#as) = &candidate.r#as {
                one.insert("as".to_owned(), json!(r#as));
            }
            one.insert("event".to_owned(), json!(candidate.event.to_string()));
            Value::Object(one)
        };
        value.insert("candidates".to_owned(), Value::Array(root.candidates.iter().map(one).collect()));
    }
    if !root.missing.is_empty() {
        value.insert("missing".to_owned(), json!(root.missing));
    }
    Value::Object(value)
}

/// A chain of causes.
pub fn chain(store: &dyn Exhibits, chain: &[Step]) -> Result<Vec<Value>, AnswerError> {
    let mut steps = Vec::new();
    for step in chain {
        let mut one = Map::new();
        one.insert("event".to_owned(), event_line(&step.event, &[], false));
        if let Some(made) = &step.link {
            one.insert("link".to_owned(), link(store, made)?);
        }
        steps.push(Value::Object(one));
    }
    Ok(steps)
}

/// The answer to `why`.
pub fn why(store: &dyn Exhibits, event: &Event, why: &Why) -> Result<Value, AnswerError> {
    let findings: Result<Vec<Value>, AnswerError> = why.findings.iter().map(|one| finding(store, one)).collect();
    let mut answer = json!({
        "event": event.id.to_string(),
        "chain": chain(store, &why.chain)?,
        "root": root(&why.root),
        "findings": findings?,
    });
    if let (Some(answer), Some(within)) = (answer.as_object_mut(), &why.within) {
        answer.insert("container".to_owned(), self::within(store, within)?);
    }
    if let (Some(answer), false) = (answer.as_object_mut(), why.grounds.is_empty()) {
        answer.insert("grounds".to_owned(), grounds(store, why)?);
    }
    Ok(answer)
}

/// What the events of a chain rest on besides their causes.
pub fn grounds(store: &dyn Exhibits, why: &Why) -> Result<Value, AnswerError> {
    let mut lines = Vec::new();
    for ground in &why.grounds {
        lines.push(json!({
            "of": ground.of.to_string(),
            "chain": chain(store, &ground.chain)?,
            "root": root(&ground.root),
        }));
    }
    Ok(Value::Array(lines))
}

/// The container that something happened in; with the agent's claim, where that names it or another one.
pub fn within(store: &dyn Exhibits, within: &Within) -> Result<Value, AnswerError> {
    let mut value = names(&within.id, &within.container.names);
    if let (Some(value), Some(claim)) = (value.as_object_mut(), &within.claim) {
        value.insert("class".to_owned(), json!(within.class.name()));
        value.insert("claim".to_owned(), link(store, claim)?);
        if !within.others.is_empty() {
            value.insert("others".to_owned(), json!(within.others));
        }
    }
    Ok(value)
}

/// A container, and what it is called.
pub fn names(id: &str, names: &Names) -> Value {
    let mut value = Map::new();
    value.insert("id".to_owned(), json!(id));
    let mut text = |name: &str, text: &Option<crate::model::Str>| {
        if let Some(text) = text {
            value.insert(name.to_owned(), json!(text));
        }
    };
    text("name", &names.container);
    text("pod", &names.pod);
    text("namespace", &names.namespace);
    text("pod_uid", &names.pod_uid);
    Value::Object(value)
}

//! `testify`: the six answers about one event, each claim with its grade, who asserts it, and the records that it rests on.
//!
//! Inside: `claims` (the six answers), `words` (an event as a sentence for somebody who knows no Kubernetes), `limits` (what is not proved). All of it follows
//! from the event, its causes and the places of records, so that somebody else can make it again (`relink`). Not here: how it is printed (`render`), the links (`correlate`).

mod claims;
mod limits;
mod words;

use super::answer::AnswerError;
use super::engine::event_line;
use super::link_json::{self, Exhibits};
use super::linked::Store;
use super::lookup;
use crate::correlate::{Step, Why};
use crate::model::{Event, EventId, RecordRef};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashSet};
use words::Terms;

/// The name of the form, as the first member of the document.
pub const FORMAT: &str = "deponent-testimony/v1";
/// Records whose bytes a testimony holds; the others are named by place and hash.
const RAW_BYTES_MAX: usize = 8 << 20;

/// The testimony about an event, with the records that somebody else needs to come to the same; with `proofs`, also that they are in the log.
pub fn testimony(store: &Store<'_>, event: &Event, why: &Why, proofs: bool) -> Result<Value, AnswerError> {
    let mut testimony = told(store, event, why)?;
    let view = store.view();
    let (records, places) = records(store, event, why)?;
    let leaves: BTreeSet<u64> = places.iter().map(|at| at.leaf).collect();
    let mut entries = Vec::new();
    for leaf in leaves {
        let entry = view.reader.entry(leaf)?;
        entries.push(json!({ "leaf": leaf, "entry": data_encoding::BASE64.encode(entry.bytes()) }));
    }
    testimony.insert("records".to_owned(), Value::Array(records));
    testimony.insert("entries".to_owned(), Value::Array(entries));
    if let Some(checkpoint) = view.checkpoint_line() {
        testimony.insert("checkpoint".to_owned(), json!(checkpoint));
        testimony.insert("signed_checkpoint".to_owned(), json!(view.checkpoint()?));
    }
    if proofs {
        let proof = lookup::proof_of(view, event.id, &places)?;
        testimony.insert("proof".to_owned(), json!(proof.to_text()));
    }
    Ok(json!({ "testimony": testimony }))
}

/// What is said of an event; the records follow it.
pub fn told(exhibits: &dyn Exhibits, event: &Event, why: &Why) -> Result<Map<String, Value>, AnswerError> {
    let mut terms = Terms::default();
    let mut lines = Vec::new();
    for claim in claims::claims(event, why, &mut terms) {
        let mut evidence = Vec::new();
        for id in &claim.events {
            evidence.extend(exhibits.evidence(*id)?);
        }
        let mut line = json!({ "question": claim.question, "claim": claim.claim, "grade": claim.grade });
        if let Some(line) = line.as_object_mut() {
            if let Some(by) = claim.by {
                line.insert("asserted_by".to_owned(), json!(by.name()));
            }
            line.insert("evidence".to_owned(), Value::Array(evidence));
            if !claim.limits.is_empty() {
                line.insert("limits".to_owned(), json!(claim.limits));
            }
        }
        lines.push(line);
    }
    let findings: Result<Vec<Value>, AnswerError> =
        why.findings.iter().map(|one| link_json::finding(exhibits, one)).collect();
    let mut told = Map::new();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("format", json!(FORMAT));
    put("program", json!(env!("CARGO_PKG_VERSION")));
    put("event", event_line(event, &[], false));
    put("claims", Value::Array(lines));
    put("chain", Value::Array(steps(exhibits, &why.chain, &mut terms)?));
    put("root", link_json::root(&why.root));
    if let Some(within) = &why.within {
        put("container", link_json::within(exhibits, within)?);
    }
    put("findings", Value::Array(findings?));
    if !why.grounds.is_empty() {
        let mut grounds = Vec::new();
        for ground in &why.grounds {
            let chain = steps(exhibits, &ground.chain, &mut terms)?;
            grounds.push(json!({ "of": ground.of.to_string(), "chain": chain, "root": link_json::root(&ground.root) }));
        }
        put("grounds", Value::Array(grounds));
    }
    put("not_proved", json!(limits::not_proved(event, why)));
    Ok(told)
}

/// A chain, each event also as a sentence.
fn steps(exhibits: &dyn Exhibits, chain: &[Step], terms: &mut Terms) -> Result<Vec<Value>, AnswerError> {
    let mut lines = link_json::chain(exhibits, chain)?;
    // People read the cause first: there the words are explained.
    for (line, step) in lines.iter_mut().zip(chain).rev() {
        if let Some(line) = line.as_object_mut() {
            line.insert("told".to_owned(), json!(words::told(&step.event, terms)));
        }
    }
    Ok(lines)
}

/// All raw records that were looked at for it: those that the testimony names first, then those that were found not to matter. Without the latter nobody
/// could tell that they do not.
fn records(store: &Store<'_>, event: &Event, why: &Why) -> Result<(Vec<Value>, Vec<RecordRef>), AnswerError> {
    let mut ids = vec![event.id];
    for step in why.chain.iter().chain(why.grounds.iter().flat_map(|ground| &ground.chain)) {
        ids.push(step.event.id);
        if let Some(link) = &step.link {
            ids.extend(link.support.iter().chain(&link.candidates));
        }
    }
    ids.extend(why.findings.iter().flat_map(|finding| &finding.events));
    ids.extend(why.within.iter().flat_map(|within| &within.container.namers));
    ids.extend(why.within.iter().filter_map(|within| within.claim.as_ref()).flat_map(|claim| &claim.candidates));
    ids.extend(store.looked_at());
    let mut seen: HashSet<EventId> = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let mut left = RAW_BYTES_MAX;
    let (mut lines, mut places) = (Vec::new(), Vec::new());
    for id in ids {
        let evidence = store.evidence(id)?;
        let raw = store.records(id)?;
        let mut bytes = raw.iter().flat_map(|record| {
            // The bytes of a record of several parts stand at its first one.
            record.parts.iter().zip(std::iter::once(&*record.bytes).chain(std::iter::repeat(&[] as &[u8])))
        });
        let mut is_kept = true;
        for mut line in evidence {
            let Some((part, bytes)) = bytes.next() else { break };
            if !bytes.is_empty() {
                is_kept = bytes.len() <= left;
                left = left.saturating_sub(bytes.len());
            }
            if is_kept {
                places.push(*part);
            }
            if let Some(line) = line.as_object_mut().filter(|_| is_kept && !bytes.is_empty()) {
                line.insert("raw".to_owned(), json!(data_encoding::BASE64.encode(bytes)));
            }
            lines.push(line);
        }
    }
    Ok((lines, places))
}

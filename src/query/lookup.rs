//! Single events by name, their proofs, and the head of the log.
//!
//! Not here: searches (`engine`), the proof file's format (`evidence::proof`).

use super::answer::{AnswerError, Sink};
use super::engine::{View, event_line};
use super::load;
use crate::evidence::{self, Checkpoint, NoteError, ProofFile};
use crate::index::{Hit, Order, Plan, TermTest, Window, resolve};
use crate::model::{EventId, IdPrefix, RecordRef};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Events that one name may stand for before it must be made longer.
const NAMED_MAX: usize = 100;
/// Statements of retention that are looked at: one source may have said much since another one.
const STATEMENTS_MAX: usize = 1_000;
/// Events of one moment among which a serial is looked for.
const SAME_TIME_MAX: usize = 10_000;

/// Sends each named event with its records.
pub fn show(view: &View, names: &[String], sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    for name in names {
        for hit in named(view, name).map_err(|error| or_gone(view, error))? {
            let (event, records) = load::hit(&view.reader, &hit, true)?;
            let mut line = event_line(&event, &records, true);
            if view.sight.is_withheld() {
                withhold(&mut line);
            }
            sink(line)?;
        }
    }
    Ok(())
}

/// Takes the raw bytes out of the line of an event; what they say stays.
fn withhold(line: &mut Value) {
    let records = line.get_mut("records").and_then(Value::as_array_mut);
    for record in records.into_iter().flatten().filter_map(Value::as_object_mut) {
        if record.remove("raw").is_some() {
            record.insert("withheld".to_owned(), "raw bytes: for the role `auditor`".into());
        }
    }
}

/// Those of the hits that the asker may see.
fn seen(view: &View, hits: Vec<Hit>) -> Result<Vec<Hit>, AnswerError> {
    if view.sight.is_whole() {
        return Ok(hits);
    }
    let mut seen = Vec::new();
    for hit in hits {
        let (event, _) = load::hit(&view.reader, &hit, false)?;
        if view.sight.sees(&event) {
            seen.push(hit);
        }
    }
    Ok(seen)
}

/// An unknown name may be that of an event whose records are gone: then what is gone, and who says so.
pub fn or_gone(view: &View, error: AnswerError) -> AnswerError {
    // Who sees a part only is not told what else there was.
    if view.sight.is_limited() {
        return error;
    }
    let AnswerError::Unknown { name } = error else { return error };
    match gone(view) {
        Ok(gone) if gone.is_empty() => AnswerError::Unknown { name },
        Ok(gone) => AnswerError::Gone { name, gone: gone.join("; ") },
        Err(error) => error,
    }
}

/// What the newest statements of retention say, one a source.
fn gone(view: &View) -> Result<Vec<String>, AnswerError> {
    let plan =
        Plan::Terms { fields: resolve("action").unwrap_or_default(), test: TermTest::Is("retention".to_owned()) };
    let mut newest: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for hit in view.searcher.select(&plan, Window::ALL)?.page(Order::Newest, None, STATEMENTS_MAX)? {
        let Some(leaf) = hit.places.leaf_first() else { continue };
        if let Some(said) = view.reader.statement(leaf)? {
            newest.entry(said.source).or_insert((leaf, said.received_until));
        }
    }
    let text = |(source, (leaf, until))| format!("{source} received up to {until}, as log entry {leaf} says");
    Ok(newest.into_iter().map(text).collect())
}

/// The one event of a name.
pub fn one(view: &View, name: &str) -> Result<Hit, AnswerError> {
    let mut hits = named(view, name).map_err(|error| or_gone(view, error))?;
    match hits.pop() {
        Some(hit) if hits.is_empty() => Ok(hit),
        Some(hit) => {
            hits.push(hit);
            Err(too_many(name, &hits, "name one of them by its id"))
        }
        None => Err(AnswerError::Unknown { name: name.to_owned() }),
    }
}

/// The events of a name: an id, the beginning of one, an Audit-ID, or auditd's `s.ms:serial`.
fn named(view: &View, name: &str) -> Result<Vec<Hit>, AnswerError> {
    let name = name.trim();
    if let Some((time, serial)) = name.split_once(':')
        && let Some(hits) = by_serial(view, time, serial)?
    {
        return some(name, hits);
    }
    if let Some(id) = EventId::parse(name) {
        return some(name, seen(view, view.searcher.find(id)?.into_iter().collect())?);
    }
    if let Some(prefix) = IdPrefix::parse(name).filter(|_| name.len() >= 4) {
        let hits = seen(view, view.searcher.find_prefix(prefix, NAMED_MAX)?)?;
        match hits.len() {
            0 => {}
            1 => return Ok(hits),
            count => {
                let first: Vec<String> = hits.iter().take(5).map(|hit| hit.id.to_string()).collect();
                return Err(AnswerError::Ambiguous { name: name.to_owned(), count, first: first.join(" ") });
            }
        }
    }
    if name.len() < 4 {
        return Err(AnswerError::Limit(format!(
            "`{name}` is too short: the beginning of an id has at least 4 characters"
        )));
    }
    let fields = resolve("how.audit_id").unwrap_or_default();
    let plan = view.sight.plan(Plan::Terms { fields, test: TermTest::Is(name.to_owned()) });
    let hits = view.searcher.select(&plan, Window::ALL)?.page(Order::Oldest, None, NAMED_MAX + 1)?;
    if hits.len() > NAMED_MAX {
        return Err(too_many(name, &hits, "`deponent search 'audit_id:\"…\"'` shows all of them"));
    }
    some(name, hits)
}

fn too_many(name: &str, hits: &[Hit], instead: &str) -> AnswerError {
    let first: Vec<String> = hits.iter().take(3).map(|hit| hit.id.to_string()).collect();
    AnswerError::Ambiguous {
        name: name.to_owned(),
        count: hits.len(),
        first: format!("{}; {instead}", first.join(" ")),
    }
}

fn some(name: &str, hits: Vec<Hit>) -> Result<Vec<Hit>, AnswerError> {
    if hits.is_empty() { Err(AnswerError::Unknown { name: name.to_owned() }) } else { Ok(hits) }
}

/// `None` when the text is no `s.ms:serial`.
fn by_serial(view: &View, time: &str, serial: &str) -> Result<Option<Vec<Hit>>, AnswerError> {
    let Some((secs, millis)) = time.split_once('.') else { return Ok(None) };
    let (Ok(secs), Ok(serial)) = (secs.parse::<i64>(), serial.parse::<u64>()) else { return Ok(None) };
    let Some(nanos) = fraction_ns(millis) else { return Ok(None) };
    let Some(from) = secs.checked_mul(1_000_000_000).and_then(|ns| ns.checked_add(nanos)) else { return Ok(None) };
    let linux = TermTest::Is("linux".to_owned());
    let plan = view.sight.plan(Plan::Terms { fields: resolve("source").unwrap_or_default(), test: linux });
    let window = Window { since: Some(from), until: from.checked_add(1) };
    let mut found = Vec::new();
    let hits = view.searcher.select(&plan, window)?.page(Order::Oldest, None, SAME_TIME_MAX + 1)?;
    if hits.len() > SAME_TIME_MAX {
        return Err(too_many(time, &hits, "narrow it with `deponent search`"));
    }
    for hit in hits {
        let records = load::records(&view.reader, &hit.places)?;
        let of_serial =
            |bytes: &[u8]| deponent_parsers::linux::header(bytes).is_ok_and(|header| header.serial == serial);
        if records.first().is_some_and(|record| of_serial(&record.bytes)) {
            found.push(hit);
        }
    }
    Ok(Some(found))
}

fn fraction_ns(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<9}").parse().ok()
}

/// Sends the proof file of one event as `{"proof": text}`.
pub fn prove(view: &View, name: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let hits = named(view, name).map_err(|error| or_gone(view, error))?;
    let [hit] = hits.as_slice() else {
        let first: Vec<String> = hits.iter().take(5).map(|hit| hit.id.to_string()).collect();
        return Err(AnswerError::Ambiguous { name: name.to_owned(), count: hits.len(), first: first.join(" ") });
    };
    let places: Vec<RecordRef> = hit.places.iter().collect();
    let file = proof_of(view, hit.id, &places)?;
    sink(json!({ "event": hit.id.to_string(), "proof": file.to_text() }))?;
    Ok(())
}

/// A checkpoint that is none.
fn unreadable(view: &View, error: &NoteError) -> AnswerError {
    AnswerError::Limit(format!("the checkpoint of {}: {error}", view.reader.dir().display()))
}

/// The proof file of records.
pub fn proof_of(view: &View, id: EventId, places: &[RecordRef]) -> Result<ProofFile, AnswerError> {
    let note = view.checkpoint()?;
    let size = Checkpoint::parse_unauthenticated(&note).map_err(|error| unreadable(view, &error))?.size;
    match places.iter().map(|at| at.leaf).max() {
        Some(leaf) if leaf >= size => Err(AnswerError::Unsigned { id, leaf, size }),
        _ => Ok(evidence::prove(&view.reader, id, places, view.pinned())?),
    }
}

/// Sends the newest checkpoint and how far the index is.
pub fn head(view: &View, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let note = view.checkpoint()?;
    let checkpoint = Checkpoint::parse_unauthenticated(&note).map_err(|error| unreadable(view, &error))?;
    sink(json!({
        "origin": checkpoint.origin, "size": checkpoint.size, "root": data_encoding::BASE64.encode(&checkpoint.root),
        "durable": view.reader.size(), "indexed": view.searcher.covers(), "events": view.searcher.events(), "checkpoint": note,
    }))?;
    Ok(())
}

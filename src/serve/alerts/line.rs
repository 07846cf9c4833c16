//! What is told of an event: one line of JSON.
//!
//! Not here: the event's own JSON (`query::json`).

use crate::evidence::Reader;
use crate::model::{Moment, RecordRef};
use crate::query::json;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// From where to where a look reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// Its first log entry.
    pub from: u64,
    /// Log entries before its end.
    pub size: u64,
}

/// The line of an event that was found in a range of the log, its end included; `checkpoint` is `origin size root`.
pub(super) fn of(
    (name, now): (&str, Moment),
    event: &Value,
    reader: &Reader,
    range: Range,
    checkpoint: Option<&str>,
) -> String {
    let places = places(event);
    // Of the records that the range knows: what comes later changes no id, so that what is told twice has one.
    let last = places.iter().map(|at| at.leaf).filter(|leaf| *leaf < range.size).max();
    let newest = places.iter().map(|at| at.leaf).max();
    let signed: Option<u64> = checkpoint.and_then(|line| line.rsplit(' ').nth(1)?.parse().ok());
    let records: Vec<Value> = places.iter().map(|at| record(reader, *at)).collect();
    let id = json::text(event, "id").unwrap_or_default();
    let line = json!({
        "alert": name,
        "time": crate::time::rfc3339(now),
        "delivery": format!("{name}:{id}:{}", last.unwrap_or(range.from)),
        "amended": places.iter().any(|at| at.leaf < range.from),
        "event": event,
        "proof": {
            "records": records,
            "checkpoint": checkpoint,
            "signed": newest.is_some_and(|leaf| signed.is_some_and(|size| leaf < size)),
        },
    });
    let mut line = json::line(&line);
    line.push('\n');
    line
}

fn places(event: &Value) -> Vec<RecordRef> {
    let list = event.get("evidence").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let place = |at: &Value| {
        Some(RecordRef { leaf: at.get("leaf")?.as_u64()?, record: u32::try_from(at.get("record")?.as_u64()?).ok()? })
    };
    list.iter().filter_map(place).collect()
}

/// A record's place and hash; null where its bytes cannot be read, as when they were redacted.
fn record(reader: &Reader, at: RecordRef) -> Value {
    let hash = reader.record(at).ok().map(|bytes| data_encoding::HEXLOWER.encode(&Sha256::digest(&*bytes)));
    json!({ "leaf": at.leaf, "record": at.record, "sha256": hash })
}

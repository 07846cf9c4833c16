//! What was read: one line for each source, format and file, with how much of it and when.
//!
//! Everything here is found in the headers of batches; no record is read. Not here: what is missing (`gaps`).

use super::answer::{AnswerError, Sink};
use super::engine::View;
use crate::model::{Moment, RecordKind};
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lines of one answer; further files are counted together.
const LINES_MAX: usize = 10_000;

/// What a line is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    source: String,
    kind: &'static str,
    cluster: String,
    node: String,
    path: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Read {
    batches: u64,
    records: u64,
    bytes: u64,
    first: Option<Moment>,
    last: Option<Moment>,
}

/// Sends one line a source and file, by name.
pub fn sources(view: &View, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut all: BTreeMap<Name, Read> = BTreeMap::new();
    let mut more = 0u64;
    for leaf in 0..view.reader.size() {
        view.in_time()?;
        let entry = view.reader.entry(leaf)?;
        let header = &entry.header;
        if header.kind == RecordKind::Own {
            continue;
        }
        let name = Name {
            source: header.source.clone(),
            kind: header.kind.name(),
            cluster: header.cluster.clone(),
            node: header.node.clone(),
            path: header.file.as_ref().map(|file| file.path.clone()),
        };
        if all.len() >= LINES_MAX && !all.contains_key(&name) {
            more += 1;
            continue;
        }
        let read = all.entry(name).or_default();
        read.batches += 1;
        read.records += u64::from(header.records);
        read.bytes += header.end.saturating_sub(header.start);
        let wall = header.wall;
        read.first = read.first.filter(|first| first.nanos <= wall.nanos).or(Some(wall));
        read.last = read.last.filter(|last| last.nanos > wall.nanos).or(Some(wall));
    }
    for (name, read) in &all {
        sink(line(name, read))?;
    }
    if more > 0 {
        sink(json!({ "limit": format!("{more} batches of further files are not listed") }))?;
    }
    Ok(())
}

fn line(name: &Name, read: &Read) -> Value {
    let mut line = json!({ "source": name.source, "kind": name.kind });
    let mut put = |key: &str, value: Option<Value>| {
        if let (Some(line), Some(value)) = (line.as_object_mut(), value) {
            line.insert(key.to_owned(), value);
        }
    };
    let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
    put("cluster", text(&name.cluster));
    put("node", text(&name.node));
    put("path", name.path.as_deref().map(|path| deponent_parsers::linux::text(path).0.into_owned().into()));
    put("batches", Some(read.batches.into()));
    put("records", Some(read.records.into()));
    put("bytes", Some(read.bytes.into()));
    put("first_read", read.first.map(|moment| rfc3339(moment).into()));
    put("last_read", read.last.map(|moment| rfc3339(moment).into()));
    line
}

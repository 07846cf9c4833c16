//! The statement of retention (`docs/format.md` §13): which records are gone, said in the log before they go.
//!
//! Inside: the record, and what it covers. Not here: what is to go and its going (`retain`).

use serde_json::{Value, json};

use super::block::Parts;
use super::check::{check_block, decompressor};
use super::entry::{Door, Entry};
use super::error::EvidenceError;
use crate::model::RecordKind;

/// The source of statements of retention.
pub const RETENTION_SOURCE: &str = "deponent/retention";

/// Says that no batch of some kinds below a log index has its records any more: the signed minimum index of those kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// When it was said, RFC 3339.
    pub time: String,
    /// The policy's name for what it is about: `linux`, `all`, or the name of a kind.
    pub source: String,
    /// Kinds of batches.
    pub kinds: Vec<RecordKind>,
    /// Batches of these kinds with a smaller log index are gone.
    pub minimum_index: u64,
    /// The policy's age, as it was written.
    pub max_age: Option<String>,
    /// The policy's bytes.
    pub max_bytes: Option<u64>,
    /// Batches that went with this statement.
    pub batches: u64,
    /// Their records.
    pub records: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// When the newest of them was received, RFC 3339.
    pub received_until: String,
}

impl Statement {
    /// The record: one line of JSON, without its end.
    pub fn record(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        let mut record = json!({
            "deponent": "retention", "time": self.time, "source": self.source, "kinds": kinds, "minimum_index": self.minimum_index,
            "batches": self.batches, "records": self.records, "bytes": self.bytes, "received_until": self.received_until,
        });
        if let Value::Object(members) = &mut record {
            members.extend(self.max_age.as_ref().map(|age| ("max_age".to_owned(), json!(age))));
            members.extend(self.max_bytes.map(|bytes| ("max_bytes".to_owned(), json!(bytes))));
        }
        record.to_string()
    }

    /// Whether an entry is that of a statement: the collector's own word, and nobody else's.
    pub fn may_be(entry: &Entry) -> bool {
        let (header, envelope) = (&entry.header, &entry.envelope);
        header.source == RETENTION_SOURCE
            && header.kind == RecordKind::Own
            && header.records == 1
            && envelope.door == Door::Own
            && envelope.signer.is_none()
    }

    /// Reads the record; `None` when it is no statement.
    pub fn parse(record: &[u8]) -> Option<Statement> {
        let record: Value = serde_json::from_slice(record).ok()?;
        let text = |name: &str| Some(record.get(name)?.as_str()?.to_owned());
        let number = |name: &str| record.get(name)?.as_u64();
        if text("deponent")? != "retention" {
            return None;
        }
        // What the collector says of itself never goes, whatever stands there.
        let kinds: Option<Vec<RecordKind>> =
            record.get("kinds")?.as_array()?.iter().map(|kind| RecordKind::of_file(kind.as_str()?)).collect();
        Some(Statement {
            time: text("time")?,
            source: text("source")?,
            kinds: kinds.filter(|kinds| !kinds.is_empty())?,
            minimum_index: number("minimum_index")?,
            max_age: text("max_age"),
            max_bytes: number("max_bytes"),
            batches: number("batches")?,
            records: number("records")?,
            bytes: number("bytes")?,
            received_until: text("received_until")?,
        })
    }

    /// The statement that a whole block holds, if it is one.
    pub(super) fn of_block(block: &[u8]) -> Result<Option<Statement>, EvidenceError> {
        let entry = Parts::cut(block).and_then(|parts| Entry::parse(parts.entry));
        if !entry.is_ok_and(|entry| Statement::may_be(&entry)) {
            return Ok(None);
        }
        let Ok(checked) = check_block(block, &mut decompressor()?) else { return Ok(None) };
        Ok(checked.bytes.first().and_then(|bytes| Statement::parse(bytes)))
    }

    /// Whether it says that the records of this batch are gone.
    pub fn covers(&self, leaf: u64, kind: RecordKind) -> bool {
        leaf < self.minimum_index && self.kinds.contains(&kind)
    }
}

/// What is wrong with a block whose records are missing.
pub(super) fn unsaid(statement: u64) -> String {
    format!("its records are missing, and log entry {statement} is no signed statement of retention that covers it")
}

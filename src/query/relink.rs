//! A testimony checked by somebody who has nothing but the document and a public key: the rules run again on its raw records.
//!
//! Inside: the records of the document as events, the rules over them in memory, and what differs from what the document says (`compare`). Hashes, proofs and
//! signatures: `exhibits`. Not here: a whole store (`recheck`), how it is shown (`cli`).

mod compare;
mod exhibits;

pub use compare::{Again, Compared, compare};

use super::answer::AnswerError;
use super::link_json;
use super::memory::{Memory, Table};
use super::testimony::{self, FORMAT};
use crate::correlate::{Case, Failed, why};
use crate::evidence::VerifierKey;
use crate::model::{Event, EventId};
use exhibits::Book;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Bytes of a testimony that is read.
pub const TESTIMONY_BYTES_MAX: u64 = 256 << 20;

/// What checking a testimony gave.
#[derive(Debug)]
pub struct Retold {
    /// The event that it is about.
    pub event: String,
    /// Records whose bytes are there and hash to what is said.
    pub records: usize,
    /// How many of them are proved to be in the log.
    pub proved: usize,
    /// Whether a key was given, with which all signatures hold.
    pub authenticated: bool,
    /// The checkpoint that it leads to: origin, size, root.
    pub checkpoint: Option<String>,
    /// The signed checkpoints that it names, and that its proof leads to.
    pub notes: BTreeSet<String>,
    /// What is wrong with records, entries, proofs or signatures.
    pub wrong: Vec<String>,
    /// What could not be checked, and why.
    pub open: Vec<String>,
    /// Each part of the testimony, made again.
    pub parts: Vec<Compared>,
}

impl Retold {
    /// Something is not what it says.
    pub fn is_refuted(&self) -> bool {
        !self.wrong.is_empty() || self.parts.iter().any(|part| matches!(part.again, Again::Differs(_)))
    }
}

/// Whether a document says that it is a testimony: what else `verify` may be given begins otherwise.
pub fn is_testimony(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{')
}

/// Checks a testimony, and makes it again from its records.
///
/// # Errors
/// What is no testimony at all.
pub fn retell(bytes: &[u8], key: Option<&VerifierKey>) -> Result<Retold, String> {
    let told = document(bytes)?;
    let told = told.as_object().ok_or("it is no testimony: no object")?;
    let book = Book::read(told, key);
    let event = told.get("event").and_then(|event| event.get("id")).and_then(Value::as_str).unwrap_or_default();
    let mut retold = Retold {
        event: event.to_owned(),
        records: book.hashed,
        proved: book.proved,
        authenticated: key.is_some() && book.wrong.is_empty(),
        checkpoint: book.checkpoint.clone(),
        notes: book.notes.clone(),
        wrong: book.wrong.clone(),
        open: book.open.clone(),
        parts: Vec::new(),
    };
    let again = again(&book, event);
    match again {
        Ok(again) => {
            retold.parts = compare(told, &again, book.is_whole());
            for part in retold.parts.iter_mut().filter(|part| part.part == compare::NOTICED) {
                part.again =
                    Again::Undecided("findings of many events: more than these records is behind them".to_owned());
            }
        }
        Err(why) => retold.open.push(format!("the rules could not be run again: {why}")),
    }
    Ok(retold)
}

/// The document itself, out of what `testify -o json` or `-o ndjson` wrote.
///
/// # Errors
/// No JSON, or another document.
pub fn document(bytes: &[u8]) -> Result<Value, String> {
    let first = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next();
    let whole = first.ok_or("it is empty")?.map_err(|error| format!("it is no JSON: {error}"))?;
    let told = whole.get("testimony").cloned().unwrap_or(whole);
    match told.get("format").and_then(Value::as_str) {
        Some(FORMAT) => Ok(told),
        Some(other) => Err(format!("it is a {other:?}, and this program reads {FORMAT}")),
        None => Err("it is no testimony: it does not say its format".to_owned()),
    }
}

/// The testimony that the records give.
fn again(book: &Book, name: &str) -> Result<serde_json::Map<String, Value>, String> {
    let id = EventId::parse(name).ok_or("the event has no id")?;
    let mut events: HashMap<EventId, Arc<Event>> = HashMap::new();
    let mut table = Table::default();
    for event in book.events() {
        table.add(&event, None);
        events.insert(event.id, Arc::new(event));
    }
    table.order();
    let event = events.get(&id).ok_or("the records of the event itself are not in it, or give another event")?;
    let fetch = |id: EventId| -> Result<Arc<Event>, Failed> {
        events.get(&id).cloned().ok_or_else(|| AnswerError::Unknown { name: id.to_string() }.into())
    };
    let memory = Memory::new(&table, None, &fetch);
    let why = why(&Case::new(&memory), event).map_err(|error| error.to_string())?;
    testimony::told(book, event, &why).map_err(|error| error.to_string())
}

impl link_json::Exhibits for Book {
    fn evidence(&self, event: EventId) -> Result<Vec<Value>, AnswerError> {
        match self.loaded(event) {
            Some(loaded) => Ok(link_json::evidence(loaded, event)),
            None => Err(AnswerError::Unknown { name: event.to_string() }),
        }
    }
}

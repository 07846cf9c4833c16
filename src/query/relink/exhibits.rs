//! The records of a testimony: their hashes, their log entries, their proof, and the events that they make.
//!
//! Nothing of it is believed: what does not hold is noted, and what does not parse is left out. Not here: the rules (`relink`).

use crate::evidence::{Checkpoint, Entry, ProofFile, VerifierKey};
use crate::model::{Event, EventId, RecordRef};
use crate::query::load::{self, Bytes, Loaded};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Sentences about what is wrong; more are counted.
const WRONG_MAX: usize = 1_000;

/// The records of a testimony, by event.
#[derive(Debug, Default)]
pub struct Book {
    loaded: BTreeMap<EventId, Vec<Loaded>>,
    /// Events some of whose records are named without their bytes.
    partial: HashSet<EventId>,
    unreadable: HashSet<EventId>,
    entries: HashMap<u64, Arc<Entry>>,
    /// Records whose hash holds.
    pub hashed: usize,
    /// Records that the proof leads to a checkpoint.
    pub proved: usize,
    /// Origin, size, root.
    pub checkpoint: Option<String>,
    /// The signed checkpoint, and those that the proof leads to.
    pub notes: BTreeSet<String>,
    /// What does not hold.
    pub wrong: Vec<String>,
    /// What could not be looked at.
    pub open: Vec<String>,
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(told: &'v Map<String, Value>, name: &str) -> &'v [Value] {
    told.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}

impl Book {
    /// Reads the records, entries, checkpoint and proof of a testimony.
    pub fn read(told: &Map<String, Value>, key: Option<&VerifierKey>) -> Book {
        let mut book = Book::default();
        book.entries(list(told, "entries"), key);
        book.records(list(told, "records"));
        book.checkpoint(told, key);
        match told.get("proof").and_then(Value::as_str) {
            Some(proof) => book.proof(proof, key),
            None => book.open.push(
                "it holds no proof that its records are in the log (`testify --proofs` adds it): who made it may have made them up"
                    .to_owned(),
            ),
        }
        let of_own = told.get("event").filter(|event| text(event, "source") == "self").map(|event| text(event, "id"));
        book.readable(of_own);
        book
    }

    fn wrong(&mut self, what: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(what);
        }
    }

    fn entries(&mut self, entries: &[Value], key: Option<&VerifierKey>) {
        for one in entries {
            let leaf = one.get("leaf").and_then(Value::as_u64);
            let parsed = base64(text(one, "entry")).and_then(|bytes| Entry::parse(&bytes).ok());
            let (Some(leaf), Some(entry)) = (leaf, parsed) else {
                self.wrong("a log entry that is none".to_owned());
                continue;
            };
            if let Some(Err(error)) = key.map(|key| key.open(entry.note())) {
                self.wrong(format!("log entry {leaf}: {error}"));
            }
            if self.entries.insert(leaf, Arc::new(entry)).is_some() {
                self.wrong(format!("log entry {leaf} is there twice"));
            }
        }
    }

    fn records(&mut self, records: &[Value]) {
        let mut places: HashSet<(EventId, RecordRef)> = HashSet::new();
        let mut named: HashMap<RecordRef, String> = HashMap::new();
        // The event and hash of the record whose bytes came last: further parts of it follow.
        let mut last: Option<(EventId, String)> = None;
        for one in records {
            let number = |name: &str| one.get(name).and_then(Value::as_u64);
            let place = number("leaf").zip(number("record").and_then(|record| u32::try_from(record).ok()));
            let (Some(id), Some((leaf, record))) = (EventId::parse(text(one, "event")), place) else {
                self.wrong("a record without an event or a place".to_owned());
                continue;
            };
            let at = RecordRef { leaf, record };
            let hash = text(one, "sha256").to_owned();
            if !places.insert((id, at)) {
                self.wrong(format!("record {record} of log entry {leaf} is there twice"));
                continue;
            }
            if named.insert(at, hash.clone()).is_some_and(|other| other != hash) {
                self.wrong(format!("record {record} of log entry {leaf} is there with two hashes"));
            }
            let Some(raw) = one.get("raw") else {
                match (self.loaded.get_mut(&id).and_then(|all| all.last_mut()), &last) {
                    (Some(whole), Some((event, known))) if *event == id && *known == hash => whole.parts.push(at),
                    _ => {
                        self.partial.insert(id);
                    }
                }
                continue;
            };
            let Some(bytes) = raw.as_str().and_then(base64) else {
                self.wrong(format!("record {record} of log entry {leaf}: its bytes are no base64"));
                continue;
            };
            let is = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
            if is == hash {
                self.hashed += 1;
            } else {
                self.wrong(format!("record {record} of log entry {leaf}: its bytes hash to {is}, not to {hash}"));
            }
            let Some(entry) = self.entries.get(&leaf).map(Arc::clone) else {
                self.wrong(format!("log entry {leaf} of record {record} is not in it"));
                continue;
            };
            if record >= entry.header.records {
                self.wrong(format!("log entry {leaf} has no record {record}"));
            }
            last = Some((id, hash));
            self.loaded.entry(id).or_default().push(Loaded { parts: vec![at], bytes: Bytes::Joined(bytes), entry });
        }
    }

    fn checkpoint(&mut self, told: &Map<String, Value>, key: Option<&VerifierKey>) {
        let Some(note) = told.get("signed_checkpoint").and_then(Value::as_str) else {
            self.open.push("it names no signed checkpoint of a log".to_owned());
            return;
        };
        self.notes.insert(note.to_owned());
        let read = match key {
            Some(key) => Checkpoint::open(note, key),
            None => Checkpoint::parse_unauthenticated(note),
        };
        match read {
            Ok(read) => {
                let line = format!("{} {} {}", read.origin, read.size, data_encoding::BASE64.encode(&read.root));
                if told.get("checkpoint").and_then(Value::as_str) != Some(&line) {
                    self.wrong("its checkpoint is not the one that is signed".to_owned());
                }
                self.checkpoint = Some(line);
            }
            Err(error) => self.wrong(format!("its signed checkpoint: {error}")),
        }
    }

    fn proof(&mut self, text: &str, key: Option<&VerifierKey>) {
        let proof = match ProofFile::parse(text) {
            Ok(proof) => proof,
            Err(error) => return self.wrong(format!("its proof: {error}")),
        };
        if let Err(error) = proof.verify(key) {
            return self.wrong(format!("its proof: {error}"));
        }
        let proved: HashMap<RecordRef, &[u8]> = proof
            .records
            .iter()
            .map(|record| (RecordRef { leaf: record.leaf, record: record.number }, record.bytes.as_slice()))
            .collect();
        let mut wrong = Vec::new();
        for record in self.loaded.values().flatten() {
            let mut bytes = Vec::new();
            let all = record.parts.iter().all(|at| match proved.get(at) {
                Some(part) => {
                    bytes.extend_from_slice(part);
                    true
                }
                None => false,
            });
            let first = record.parts.first().copied().unwrap_or(RecordRef { leaf: 0, record: 0 });
            let place = format!("record {} of log entry {}", first.record, first.leaf);
            match all {
                true if bytes == *record.bytes => self.proved += 1,
                true => wrong.push(format!("{place} is not the one that the proof proves")),
                false => wrong.push(format!("the proof leaves out {place}")),
            }
        }
        for entry in &proof.entries {
            self.notes.insert(entry.tlog_proof.checkpoint.clone());
            if self.entries.get(&entry.leaf).is_some_and(|known| known.bytes() != entry.bytes) {
                wrong.push(format!("log entry {} is not the one that the proof proves", entry.leaf));
            }
        }
        wrong.into_iter().for_each(|one| self.wrong(one));
    }

    /// Notes the events that the records do not give; one about a record that could not be read is made from more than the record.
    fn readable(&mut self, of_own: Option<&str>) {
        let unreadable: Vec<EventId> = self
            .loaded
            .iter()
            .filter(|(id, loaded)| !self.partial.contains(id) && load::readable(**id, loaded).is_none())
            .map(|(id, _)| *id)
            .collect();
        for id in unreadable {
            self.unreadable.insert(id);
            match of_own {
                Some(own) if own == id.to_string() => {
                    self.open.push(format!("event {id} is about a record that could not be read"))
                }
                _ => self.wrong(format!("the records of event {id} do not make that event")),
            }
        }
        if !self.partial.is_empty() {
            self.open.push(format!("the bytes of the records of {} events are not in it", self.partial.len()));
        }
    }

    /// Whether all records are there that are named, and make their events.
    pub fn is_whole(&self) -> bool {
        self.partial.is_empty() && self.unreadable.is_empty()
    }

    /// The events whose records are all there.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let whole = |(id, _): &(&EventId, &Vec<Loaded>)| !self.partial.contains(*id);
        self.loaded.iter().filter(whole).filter_map(|(id, loaded)| load::readable(*id, loaded))
    }

    /// The records of an event.
    pub fn loaded(&self, id: EventId) -> Option<&[Loaded]> {
        self.loaded.get(&id).map(Vec::as_slice)
    }
}

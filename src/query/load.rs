//! From places in the log back to records and events: events are never stored, they are read again from evidence.
//!
//! Not here: which events (`engine`), what records mean (`normalise`).

use super::AnswerError;
use crate::evidence::{Entry, Hash, Header, Reader, Record};
use crate::index::{Hit, Places};
use crate::model::{Event, EventId, Moment, RecordKind, RecordRef};
use crate::normalise::{self, Bad, Context};
use crate::time::Zone;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

/// A record that goes on over several batches is put together up to this size; beyond it is a bad record.
pub const RECORD_BYTES_MAX: usize = 16 << 20;
/// Distinct records of one event; more are bad records. The kernel's most is some thirty, a request has four stages.
pub const EVENT_RECORDS_MAX: usize = 4_096;
/// Bytes of the distinct records of one event together; more are bad records.
pub const EVENT_BYTES_MAX: usize = 32 << 20;

/// The bytes of a record.
#[derive(Debug, Clone)]
pub enum Bytes {
    /// As they lie in their frame.
    Whole(Record),
    /// Put together from the parts of several batches.
    Joined(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Whole(record) => record,
            Bytes::Joined(bytes) => bytes,
        }
    }
}

/// A record of an event, read from evidence.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its parts; one, unless it went on over several batches.
    pub parts: Vec<RecordRef>,
    /// Its bytes.
    pub bytes: Bytes,
    /// The log entry of its first part.
    pub entry: Arc<Entry>,
}

impl Loaded {
    /// Adds the next part. Beyond the limit the rest adds nothing: it is a bad record already.
    fn join(&mut self, at: RecordRef, bytes: &[u8]) {
        self.parts.push(at);
        if let Bytes::Whole(record) = &self.bytes {
            self.bytes = Bytes::Joined(record.to_vec());
        }
        if let Bytes::Joined(whole) = &mut self.bytes
            && whole.len() <= RECORD_BYTES_MAX
        {
            whole.extend_from_slice(bytes);
        }
    }

    /// Names that its batch gave it.
    pub fn context(&self) -> Context<'_> {
        context(&self.entry)
    }
}

/// Names that a batch gives its records.
pub fn context(entry: &Entry) -> Context<'_> {
    let header = &entry.header;
    Context {
        cluster: &header.cluster,
        node: &header.node,
        received_ns: entry.envelope.received.nanos,
        path: header.file.as_ref().map(|file| file.path.as_slice()).unwrap_or_default(),
        zone: Zone::of_name(&header.reading.zone),
        fields: &header.reading.fields,
    }
}

/// Where one batch ends and another goes on: the same bytes of a file up to there, under the same names (`docs/format.md` §4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Joint {
    kind: RecordKind,
    cluster: String,
    node: String,
    at: u64,
    prefix: Hash,
}

impl Joint {
    /// Where a batch ends.
    pub fn end(header: &Header) -> Joint {
        Joint::of(header, header.end, header.prefix)
    }

    /// Where a batch starts.
    pub fn start(header: &Header) -> Joint {
        Joint::of(header, header.start, header.before)
    }

    fn of(header: &Header, at: u64, prefix: Hash) -> Joint {
        Joint { kind: header.kind, cluster: header.cluster.clone(), node: header.node.clone(), at, prefix }
    }
}

/// The records at `places`, in the order of the log; parts of one record are joined.
pub fn records(reader: &Reader, places: &Places) -> Result<Vec<Loaded>, AnswerError> {
    let mut found: Vec<Loaded> = Vec::new();
    // Records that end with their batch, by where they might go on.
    let mut ends: HashMap<Joint, usize> = HashMap::new();
    for at in places.iter() {
        let entry = reader.entry(at.leaf)?;
        let header = &entry.header;
        let bytes = reader.record(at)?;
        let is_last = at.record.checked_add(1) == Some(header.records);
        let end = is_last.then(|| Joint::end(header));
        let before = if at.record == 0 && header.continues { ends.remove(&Joint::start(header)) } else { None };
        let number = match before.and_then(|number| Some((number, found.get_mut(number)?))) {
            Some((number, record)) => {
                record.join(at, &bytes);
                number
            }
            None => {
                found.push(Loaded { parts: vec![at], bytes: Bytes::Whole(bytes), entry });
                found.len() - 1
            }
        };
        ends.extend(end.map(|end| (end, number)));
    }
    Ok(found)
}

/// Why a record that is readable in itself is not read: it is too long.
pub fn too_long(bytes: &[u8]) -> Option<Bad> {
    (bytes.len() > RECORD_BYTES_MAX).then(|| {
        let detail = format!("the record is longer than {RECORD_BYTES_MAX} bytes; it is kept, and not read");
        Bad { kind: "record-too-long", detail }
    })
}

/// Why a record that is readable is none of its event: the event is full.
pub fn too_many() -> Bad {
    let detail = format!(
        "its event has {EVENT_RECORDS_MAX} other records or {EVENT_BYTES_MAX} bytes of them; it is kept, and not part of the event"
    );
    Bad { kind: "too-many-records", detail }
}

/// The event of a bad record.
pub fn bad_event(reader: &Reader, record: &Loaded, bad: &Bad) -> Result<Event, AnswerError> {
    let header = &record.entry.header;
    let first = record.parts.first().copied().unwrap_or(RecordRef { leaf: 0, record: 0 });
    let number = usize::try_from(first.record).unwrap_or(usize::MAX);
    let before: u64 = reader.block(first.leaf)?.lengths().take(number).map(u64::from).sum();
    let offset = header.start.saturating_add(before);
    let event = normalise::bad(
        header.kind,
        record.context(),
        (&header.head, offset),
        record.entry.envelope.received,
        bad,
        &record.bytes,
    );
    Ok(finished(event, std::slice::from_ref(record)))
}

/// The event `id` that these records make by themselves; `None` where the first of them belongs to no event, or to another one.
pub fn readable(id: EventId, loaded: &[Loaded]) -> Option<Event> {
    let event = made(id, loaded)?;
    Some(finished(event, loaded))
}

fn made(id: EventId, loaded: &[Loaded]) -> Option<Event> {
    let first = loaded.first()?;
    let kind = first.entry.header.kind;
    let key = normalise::key(kind, first.context(), &first.bytes).ok()?;
    if key.id != id || first.bytes.len() > RECORD_BYTES_MAX {
        return None;
    }
    let records: Vec<&[u8]> = loaded.iter().map(|record| &*record.bytes).collect();
    Some(normalise::event(kind, &key, first.context(), &records))
}

/// The event `id` of these records; with `fields`, each record under its own names too.
pub fn event(reader: &Reader, id: EventId, loaded: &[Loaded], fields: bool) -> Result<Event, AnswerError> {
    let Some(first) = loaded.first() else {
        return Err(AnswerError::Lost { id, detail: "the index names no record for it".to_owned() });
    };
    let kind = first.entry.header.kind;
    let event = match made(id, loaded) {
        Some(event) => event,
        // Readable, but not as this event: it was refused there.
        None => {
            let bad = normalise::key(kind, first.context(), &first.bytes).err();
            bad_event(reader, first, &too_long(&first.bytes).or(bad).unwrap_or_else(too_many))?
        }
    };
    if event.id != id {
        // An index that somebody else wrote: it must not show a record under another id.
        return Err(AnswerError::Lost { id, detail: format!("its records are those of {}", event.id) });
    }
    let mut event = finished(event, loaded);
    if fields {
        for record in loaded {
            let mut named = normalise::fields(kind, &record.bytes);
            named.at = record.parts.first().copied();
            event.records.push(named);
        }
    }
    Ok(event)
}

/// The event of a hit.
pub fn hit(reader: &Reader, hit: &Hit, fields: bool) -> Result<(Event, Vec<Loaded>), AnswerError> {
    let loaded = records(reader, &hit.places)?;
    let event = event(reader, hit.id, &loaded, fields)?;
    Ok((event, loaded))
}

/// What the log knows of an event: where its records lie, and when the first of them came.
fn finished(mut event: Event, loaded: &[Loaded]) -> Event {
    event.evidence = loaded.iter().flat_map(|record| record.parts.iter().copied()).collect();
    event.evidence.sort_unstable();
    event.evidence.dedup();
    let received: Option<Moment> = loaded.iter().map(|record| record.entry.envelope.received).min();
    event.when.received = received;
    event
}

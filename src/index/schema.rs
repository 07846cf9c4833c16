//! How an event becomes a document: one field of bytes a searchable field, and four columns.
//!
//! Inside: the schema, the document, the version. Not here: which values an event has (`fields`).
//!
//! Each value is one term, as it is, cut after 1,024 bytes; no positions, no norms, nothing stored. Conditions are
//! evaluated on the terms themselves (`terms`). Columns: `when` (ns), `id_high`, `id_low`, `place` (packed runs, the
//! first one holding the smallest leaf). The id is found through the first 16 bits of it, which are a term: 65,536
//! terms, and the span of times of each block of documents, where a term an id would cost 15 bytes an event.

use super::fields::FIELDS;
use super::{Field, IndexError, Places};
use crate::model::{Event, EventId};
use tantivy::TantivyDocument;
use tantivy::schema::{self, BytesOptions, NumericOptions, Schema};

/// Raised whenever equal evidence gives other documents: by a change here, in `fields`, in `normalise` or in the
/// parsers. An index of another version is made anew.
pub const INDEX_VERSION: u32 = 9;

/// A longer value is indexed by its first bytes, cut at a character.
pub const VALUE_BYTES_MAX: usize = 1_024;

/// Names of the columns and of the id's term; no field of an event has a name without a dot but `source`.
pub(super) const WHEN: &str = "when";
pub(super) const ID_HIGH: &str = "id_high";
pub(super) const ID_LOW: &str = "id_low";
pub(super) const PLACE: &str = "place";
const ID_BUCKET: &str = "id_bucket";

/// What the index holds of a value: its first [`VALUE_BYTES_MAX`] bytes, cut at a character.
pub fn indexed_value(value: &str) -> &str {
    if value.len() <= VALUE_BYTES_MAX {
        return value;
    }
    // A character has at most four bytes, so one of the last four ends is a boundary.
    (0..4).find_map(|back| value.get(..VALUE_BYTES_MAX - back)).unwrap_or(value)
}

/// The schema's fields by what they are for.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// In the order of `FIELDS`.
    values: Vec<schema::Field>,
    pub id_bucket: schema::Field,
    when: schema::Field,
    id_high: schema::Field,
    id_low: schema::Field,
    place: schema::Field,
}

impl Keys {
    pub fn new() -> (Schema, Keys) {
        let mut builder = Schema::builder();
        // Bytes rather than text, which would pass through a tokenizer, value by value.
        let value = BytesOptions::default().set_indexed();
        let column = NumericOptions::default().set_fast();
        let keys = Keys {
            values: FIELDS.iter().map(|field| builder.add_bytes_field(field.name, value.clone())).collect(),
            id_bucket: builder.add_bytes_field(ID_BUCKET, value),
            when: builder.add_i64_field(WHEN, column.clone()),
            id_high: builder.add_u64_field(ID_HIGH, column.clone()),
            id_low: builder.add_u64_field(ID_LOW, column.clone()),
            place: builder.add_u64_field(PLACE, column),
        };
        (builder.build(), keys)
    }

    /// The schema's field of a searchable field; `None` for one that is not in `FIELDS`.
    pub fn of(&self, field: &Field) -> Option<schema::Field> {
        let at = FIELDS.iter().position(|known| known == field)?;
        self.values.get(at).copied()
    }

    pub fn document(&self, event: &Event, places: &Places) -> Result<TantivyDocument, IndexError> {
        if places.is_empty() {
            return Err(IndexError::NoRecords);
        }
        let mut document = TantivyDocument::with_capacity(512);
        for (field, &key) in FIELDS.iter().zip(&self.values) {
            (field.values)(event, &mut |value| document.add_bytes(key, indexed_value(value).as_bytes()));
        }
        let (high, low) = halves(event.id);
        document.add_bytes(self.id_bucket, &bucket(high));
        document.add_i64(self.when, event.when.event.nanos);
        document.add_u64(self.id_high, high);
        document.add_u64(self.id_low, low);
        for &run in places.packed() {
            document.add_u64(self.place, run);
        }
        Ok(document)
    }
}

/// An id as its two columns.
pub(super) fn halves(id: EventId) -> (u64, u64) {
    let number = id.to_u128();
    // Truncation is the point: the upper and the lower 64 bits.
    ((number >> 64) as u64, number as u64)
}

/// The id of two columns.
pub(super) fn id_of(high: u64, low: u64) -> EventId {
    EventId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// What is left of the upper half of an id below its bucket, bits.
pub(super) const BUCKET_SHIFT: u32 = 48;

/// The first 16 bits of an id: the term by which it is found. Ids are hashes, so buckets are even.
pub(super) fn bucket(high: u64) -> [u8; 2] {
    let [first, second, ..] = high.to_be_bytes();
    [first, second]
}

/// What is kept beside each commit.
pub(super) fn payload(covers: u64) -> String {
    format!("deponent-index/{INDEX_VERSION} covers {covers}")
}

/// The log entries that a commit covers; `None` for another version's.
pub(super) fn covers_of(payload: &str) -> Option<u64> {
    payload.strip_prefix(&format!("deponent-index/{INDEX_VERSION} covers "))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_a_character() {
        for (value, bytes) in [("", 0), ("a", 1), (&*"a".repeat(1_024), 1_024), (&*"a".repeat(1_025), 1_024)] {
            assert_eq!(indexed_value(value).len(), bytes);
        }
        assert_eq!(indexed_value(&format!("{}ä", "a".repeat(1_023))).len(), 1_023);
        assert_eq!(indexed_value(&"€".repeat(400)).len(), 1_023);
    }

    #[test]
    fn payload_round_trip() {
        assert_eq!(covers_of(&payload(12)), Some(12));
        for other in ["", "deponent-index/0 covers 12", "deponent-index/1 covers", "deponent-index/1 covers x"] {
            assert_eq!(covers_of(other), None, "{other:?}");
        }
    }

    #[test]
    fn id_in_two_columns() {
        let id = EventId(*b"0123456789abcdef");
        let (high, low) = halves(id);
        assert_eq!(id_of(high, low), id);
        assert_eq!(bucket(0xffff_0000_0000_0000), [0xff; 2]);
        assert_eq!(bucket(0x0010_0000_0000_0000), [0, 0x10]);
    }
}

//! The deletion of one event's document, in tantivy's terms: a query that matches exactly one id.

use super::schema::{self, bucket, halves};
use crate::model::EventId;
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

/// Matches the documents of one id. `when` is the event's time, which never changes: segments outside of it are not asked.
#[derive(Debug, Clone)]
pub(super) struct ById {
    pub id: EventId,
    pub when: i64,
    pub bucket: Field,
}

impl Query for ById {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl ById {
    fn docs(&self, reader: &SegmentReader) -> tantivy::Result<Vec<DocId>> {
        let columns = reader.fast_fields();
        let when = columns.i64(schema::WHEN)?;
        if self.when < when.min_value() || self.when > when.max_value() {
            return Ok(Vec::new());
        }
        let (high, low) = halves(self.id);
        let term = Term::from_field_bytes(self.bucket, &bucket(high));
        let values = reader.inverted_index(self.bucket)?;
        let Some(mut postings) = values.read_postings(&term, IndexRecordOption::Basic)? else { return Ok(Vec::new()) };
        let (highs, lows) = (columns.u64(schema::ID_HIGH)?, columns.u64(schema::ID_LOW)?);
        let mut found = Vec::new();
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            if highs.first(doc) == Some(high) && lows.first(doc) == Some(low) {
                found.push(doc);
            }
            postings.advance();
        }
        Ok(found)
    }
}

impl Weight for ById {
    fn scorer(&self, reader: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = self.docs(reader)?;
        if docs.is_empty() {
            return Ok(Box::new(EmptyScorer));
        }
        Ok(Box::new(ConstScorer::new(Few { docs, at: 0 }, 1.0)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("an id has no score".to_owned()))
    }
}

/// A few documents, ascending.
struct Few {
    docs: Vec<DocId>,
    at: usize,
}

impl DocSet for Few {
    fn advance(&mut self) -> DocId {
        self.at = self.at.saturating_add(1);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.docs.len()).unwrap_or(u32::MAX)
    }
}

//! Events that were read from evidence, kept for the next question about the same incident.
//!
//! Bounded by the bytes of their records. An event is kept together with the places it was read from: what is there never changes, and an event that got
//! more records has other places. Not here: decoded frames (`evidence`).

use super::answer::AnswerError;
use super::load;
use crate::evidence::Reader;
use crate::index::Hit;
use crate::model::{Event, EventId};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Raw bytes of the events that are kept; in memory they are a few times that.
const EVENT_CACHE_BYTES: u64 = 16 << 20;
/// What an event counts for besides its records, bytes.
const EVENT_BYTES: u64 = 1_024;
/// An event whose records are larger is read each time, bytes.
const KEPT_MAX: u64 = 256 << 10;

#[derive(Clone)]
struct Kept {
    hit: Hit,
    event: Arc<Event>,
    bytes: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<EventId, Kept> for Weight {
    fn weight(&self, _: &EventId, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// Events of one store. Clones share what is kept.
#[derive(Clone)]
pub struct Events(Arc<Cache<EventId, Kept, Weight>>);

impl Default for Events {
    fn default() -> Events {
        let items = usize::try_from(EVENT_CACHE_BYTES / (2 * EVENT_BYTES)).unwrap_or(usize::MAX);
        Events(Arc::new(Cache::with_weighter(items, EVENT_CACHE_BYTES, Weight)))
    }
}

impl Events {
    /// The event of a hit, without the fields of its records.
    pub fn event(&self, reader: &Reader, hit: &Hit) -> Result<Arc<Event>, AnswerError> {
        if let Some(kept) = self.0.get(&hit.id).filter(|kept| kept.hit.places == hit.places) {
            return Ok(kept.event);
        }
        let (event, records) = load::hit(reader, hit, false)?;
        let event = Arc::new(event);
        let raw: usize = records.iter().map(|record| record.bytes.len()).sum();
        let bytes = u64::try_from(raw).unwrap_or(u64::MAX).saturating_add(EVENT_BYTES);
        if bytes <= KEPT_MAX {
            self.0.insert(hit.id, Kept { hit: hit.clone(), event: Arc::clone(&event), bytes });
        }
        Ok(event)
    }
}

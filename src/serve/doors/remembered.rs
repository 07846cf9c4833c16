//! The last requests that were stored: whoever did not get the answer asks again, and what was stored is not stored twice.
//!
//! Not here: records that have a key of their own, which need none of this.

use crate::evidence::Hash;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Requests that are remembered.
const REQUESTS_MAX: usize = 4_096;

/// Whether a request is stored. Whoever sends it again while it is on its way waits for the first.
pub type Place = Arc<tokio::sync::Mutex<bool>>;

/// The last requests of a door.
#[derive(Default)]
pub struct Remembered {
    known: Mutex<(HashMap<Hash, Place>, VecDeque<Hash>)>,
}

impl Remembered {
    /// The place of a request; the oldest one is forgotten for it.
    pub fn place(&self, request: Hash) -> Place {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (places, order) = &mut *known;
        if let Some(place) = places.get(&request) {
            return Arc::clone(place);
        }
        if order.len() >= REQUESTS_MAX
            && let Some(oldest) = order.pop_front()
        {
            places.remove(&oldest);
        }
        order.push_back(request);
        let place = Place::default();
        places.insert(request, Arc::clone(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_requests_are_remembered() {
        let remembered = Remembered::default();
        let name = |number: u32| {
            let mut name = [0; 32];
            name[..4].copy_from_slice(&number.to_be_bytes());
            name
        };
        for number in 0..5_000 {
            *remembered.place(name(number)).try_lock().unwrap() = true;
        }
        assert!(*remembered.place(name(4_999)).try_lock().unwrap());
        assert!(*remembered.place(name(904)).try_lock().unwrap());
        assert!(!*remembered.place(name(5)).try_lock().unwrap());
        assert_eq!(remembered.known.lock().unwrap().0.len(), REQUESTS_MAX);
    }
}

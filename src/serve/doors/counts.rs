//! Numbers about one door.
//!
//! Not here: the page (`serve::metrics`).

use std::sync::atomic::{AtomicU64, Ordering};

/// Why something was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is not what is spoken here.
    Bad,
    /// It is larger than anything that is taken.
    TooLarge,
    /// It did not come whole in time, or at all.
    Unfinished,
    /// More comes in than becomes durable.
    Full,
    /// It was there already: its answer was given again.
    Again,
    /// Who sends it may not.
    Peer,
    /// There are too many connections.
    Connections,
    /// It sends faster than a client may.
    Rate,
}

impl Reason {
    const ALL: [Reason; 8] = [
        Reason::Bad,
        Reason::TooLarge,
        Reason::Unfinished,
        Reason::Full,
        Reason::Again,
        Reason::Peer,
        Reason::Connections,
        Reason::Rate,
    ];

    fn name(self) -> &'static str {
        match self {
            Reason::Bad => "bad",
            Reason::TooLarge => "too-large",
            Reason::Unfinished => "unfinished",
            Reason::Full => "full",
            Reason::Again => "again",
            Reason::Peer => "peer",
            Reason::Connections => "connections",
            Reason::Rate => "rate",
        }
    }
}

/// Counters since the start.
#[derive(Debug)]
pub struct DoorCounts {
    name: &'static str,
    records: AtomicU64,
    bytes: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
}

impl DoorCounts {
    /// All zero.
    pub fn new(name: &'static str) -> DoorCounts {
        let zero = || AtomicU64::new(0);
        DoorCounts { name, records: zero(), bytes: zero(), refused: [(); Reason::ALL.len()].map(|()| zero()) }
    }

    /// Records became durable.
    pub fn taken(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something was not taken.
    pub fn refused(&self, reason: Reason) {
        let counters = Reason::ALL.iter().zip(&self.refused);
        counters.filter(|(known, _)| **known == reason).for_each(|(_, count)| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// Lines of the page: records, bytes, refusals.
    pub(in crate::serve) fn rows(&self) -> [Vec<(String, u64)>; 3] {
        let label = format!("{{door=\"{}\"}}", self.name);
        let refused = Reason::ALL.iter().zip(&self.refused).map(|(reason, count)| {
            let label = format!("{{door=\"{}\",reason=\"{}\"}}", self.name, reason.name());
            (label, count.load(Ordering::Relaxed))
        });
        let one = |count: &AtomicU64| vec![(label.clone(), count.load(Ordering::Relaxed))];
        [one(&self.records), one(&self.bytes), refused.collect()]
    }
}

//! What to look for, in the index's own terms.
//!
//! Not here: the query language, which becomes a plan in `query`; how a plan is evaluated (`eval`).

use super::Field;
use std::fmt;
use std::sync::Arc;

/// Which events, over field values. Raw bytes and pipes are not the index's matter.
#[derive(Debug, Clone)]
pub enum Plan {
    /// All events.
    Everything,
    /// No event.
    Nothing,
    /// Events that match all of them; all events when empty.
    And(Vec<Plan>),
    /// Events that match any of them; none when empty.
    Or(Vec<Plan>),
    /// Events that do not match it.
    Not(Box<Plan>),
    /// Some value of one of the fields satisfies the test.
    Terms {
        /// The fields looked into.
        fields: Vec<&'static Field>,
        /// The condition on a value.
        test: TermTest,
    },
}

/// A condition on one value. Values are known to the index by their first [`super::VALUE_BYTES_MAX`] bytes.
#[derive(Clone)]
pub enum TermTest {
    /// The field has a value.
    Any,
    /// Exactly this text; two texts that agree up to the limit count as equal.
    Is(String),
    /// Every value that starts with `prefix` is shown to `holds`.
    Predicate {
        /// What all matching values start with; narrows the scan, may be empty.
        prefix: String,
        /// The rest of the condition; sees the whole value, prefix included, cut at the limit.
        holds: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    },
}

impl fmt::Debug for TermTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TermTest::Any => write!(f, "Any"),
            TermTest::Is(value) => write!(f, "Is({value:?})"),
            TermTest::Predicate { prefix, .. } => write!(f, "Predicate({prefix:?}…)"),
        }
    }
}

/// A span of event time: `since` belongs to it, `until` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// First nanosecond, since 1970.
    pub since: Option<i64>,
    /// Nanosecond behind the last one, since 1970.
    pub until: Option<i64>,
}

impl Window {
    /// All of time.
    pub const ALL: Window = Window { since: None, until: None };

    /// Whether something from `first` to `last`, both included, shares a moment with it.
    pub fn meets(self, first: i64, last: i64) -> bool {
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first < until)
    }

    /// Whether a moment belongs to it.
    pub fn contains(self, when: i64) -> bool {
        self.since.is_none_or(|since| when >= since) && self.until.is_none_or(|until| when < until)
    }
}

/// By time and then id, from which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Latest first; equal times by descending id.
    Newest,
    /// Earliest first; equal times by ascending id.
    Oldest,
}

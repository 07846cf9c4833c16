//! A link: two events, why they belong together, and how sure that is.
//!
//! Not here: the rules that make links (`correlate`), their JSON (`query::json`).

use super::{EventId, Str};

/// How sure a link is; from the strongest to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// An unforgeable identifier from a trusted recorder is equal on both sides.
    Proven,
    /// Two or more independent keys agree, the match is one-to-one, and both sources are complete over the interval.
    Strong,
    /// Unique by time and attributes, or strong without the completeness.
    Consistent,
    /// Several candidates fit; all are listed.
    Ambiguous,
    /// A key disagrees; kept and shown.
    Contradicted,
}

impl Class {
    /// The name in output and queries.
    pub fn name(self) -> &'static str {
        match self {
            Class::Proven => "PROVEN",
            Class::Strong => "STRONG",
            Class::Consistent => "CONSISTENT",
            Class::Ambiguous => "AMBIGUOUS",
            Class::Contradicted => "CONTRADICTED",
        }
    }
}

/// A key that was compared, and its values on both sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyMatch {
    /// What was compared.
    pub name: &'static str,
    /// Its value in the cause.
    pub from: Str,
    /// Its value in the effect.
    pub to: Str,
    /// Whether they agree.
    pub agrees: bool,
}

/// A cause and its effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The rule's name.
    pub rule: &'static str,
    /// The rule's version.
    pub version: u32,
    /// How sure it is.
    pub class: Class,
    /// The cause; of an ambiguous link the first of the candidates.
    pub from: EventId,
    /// The effect.
    pub to: EventId,
    /// What was compared.
    pub keys: Vec<KeyMatch>,
    /// Time from cause to effect, ms.
    pub delta_ms: i64,
    /// Bounds of (clock of the cause's recorder − clock of the effect's), µs, and the pairs of events they rest on; `None` where no time was compared.
    pub clock_us: Option<(i64, i64, usize)>,
    /// Everything that could be the cause, ascending by id, at most [`CANDIDATES_MAX`]; the cause alone when nothing else could be.
    pub candidates: Vec<EventId>,
    /// How many there are.
    pub candidate_count: usize,
    /// Further events that the link rests on (a container's name, a runtime's exec, …).
    pub support: Vec<EventId>,
    /// What would have decided, or made it stronger.
    pub missing: Vec<Str>,
}

/// Candidates that a link lists.
pub const CANDIDATES_MAX: usize = 256;

/// Something that should be there and is not, or a contradiction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name, such as `UNATTRIBUTED_EXEC`.
    pub finding: &'static str,
    /// `high`, `medium`, `low`.
    pub severity: &'static str,
    /// The events that it is about.
    pub events: Vec<EventId>,
    /// What is absent, and what that rests on.
    pub detail: Str,
}

//! The nouns of the project: events, ids, references into the evidence, claims and who asserted them.
//!
//! Inside: plain data. No logic beyond construction and display, no imports from other rooms.
//! Not here: how a record becomes an event (`normalise`), how an event is printed as JSON (`query::json`).

mod event;
mod id;
mod kind;
mod link;
mod mapping;
mod moment;
mod reading;
mod refs;

pub use event::{
    AssertedBy, Effective, Event, EventIssue, How, Login, Net, Object, Outcome, RecordFields, Source, What, When,
    Where, Who, WhoKind, Why,
};
pub use id::{EventId, IdPrefix};
pub use kind::RecordKind;
pub use link::{CANDIDATES_MAX, Class, Finding, KeyMatch, Link};
pub use mapping::{Mapping, Question};
pub use moment::Moment;
pub use reading::Reading;
pub use refs::RecordRef;

/// A string of an event: up to 24 bytes are stored without an allocation.
pub type Str = compact_str::CompactString;

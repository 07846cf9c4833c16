//! What an operator says of how a source is to be read: the zone of stamps that have none, the fields of an application's lines.
//!
//! It stands in the headers of batches (`docs/format.md` §4), so an event stays a function of evidence alone. Not here: the zone itself (`time`), what fields
//! mean (`normalise`).

/// How the records of a source are to be read, in the words of batch headers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reading {
    /// Zone of stamps without one: a name of the tz database or an offset; empty for UTC.
    pub zone: String,
    /// Fields of an application's lines, `actor=user,sub;action=event`; empty for the usual names.
    pub fields: String,
}

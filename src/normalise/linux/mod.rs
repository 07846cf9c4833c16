//! Linux audit records to events: all records of one (node, time, serial) are one action.
//!
//! Inside: `set` (which records count, and which contradict each other), `known` (the fields asked for), `names` (auditd's enrichment),
//! `who`, `action` with its tables `verbs` and `records`, `paths`, `objects`, `argv`, `net`, and `fields` (a record as it stands).
//! Not here: reading a line (`deponent_parsers::linux`), which records belong together (`normalise::identity`).

mod action;
mod argv;
mod event;
mod fields;
mod known;
mod names;
mod net;
mod notes;
mod objects;
mod paths;
mod records;
mod set;
mod verbs;
mod who;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub use event::event;
pub use fields::fields;

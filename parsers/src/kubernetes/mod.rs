//! Kubernetes API audit: from a frame to one `AuditEvent` of audit.k8s.io, v1 or v1beta1, borrowed from the frame's bytes.
//!
//! Inside: `json` reads JSON strictly, `envelope` takes list envelopes away, `parse` reads a whole event with its oddities, `key` only what identifies it,
//! `flatten` every member under its own path, `lists` and `reach` what lies within bodies, `stamp` times, `wrapped` takes events out of the records of cloud providers. Not here: cutting bytes into frames (`frame`), what an event means (`deponent::normalise`).

mod envelope;
mod event;
mod flatten;
pub mod json;
mod key;
mod lists;
mod parse;
mod reach;
mod reader;
mod stamp;
#[cfg(test)]
mod tests;
mod wrapped;

pub(crate) use envelope::LISTS;
pub use envelope::{Located, NotAnEvent, locate};
pub use event::{AuditEvent, ObjectRef, ResponseStatus, Time, User};
pub use flatten::{flatten, members, members_of};
pub use key::{KeyParts, key_of};
pub use lists::lists_of;
pub use parse::parse;
pub use reach::{items_at, text_at, tokens, value_at};
pub use stamp::Stamp;
pub use wrapped::{Unwrapped, unwrap};

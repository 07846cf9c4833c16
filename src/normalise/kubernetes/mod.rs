//! Kubernetes audit records to events: the stages of one request, put together.
//!
//! Inside: `claims` gathers what all records of a request say and leaves out what they disagree on; `assemble` answers the six questions from that;
//! `compare` tells a second witness from a contradiction; `uri`, `object`, `pods` and `bonds` read request URIs and bodies.
//! Not here: reading a record (`deponent_parsers::kubernetes`), correlation of requests with one another.

mod assemble;
mod bonds;
mod claims;
mod compare;
mod object;
mod pods;
#[cfg(test)]
mod tests;
pub(super) mod uri;

use deponent_parsers::kubernetes::{NotAnEvent, Stamp, Unwrapped, flatten, key_of, unwrap};

pub use assemble::event;
pub use compare::differences;
pub use uri::{decode, object_of, parameters};

use super::{Bad, Context, Key, identity};
use crate::model::{Moment, RecordFields, Source};

/// The request that a record belongs to.
pub fn key(context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
    let inner;
    let parts = match key_of(record) {
        Err(NotAnEvent::Other) => {
            inner = unwrap(record).map_err(|error| bad(&error))?.ok_or_else(|| bad(&NotAnEvent::Other))?;
            key_of(inner.json.as_bytes()).map_err(|error| within(&inner, &error))?
        }
        parts => parts.map_err(|error| bad(&error))?,
    };
    let parts_text = [&parts.audit_id, &parts.request_received, &parts.username, &parts.verb, &parts.request_uri]
        .map(|part| part.as_deref().unwrap_or(""));
    let id = identity::kubernetes(context, parts_text);
    let last = match parts.stage.as_deref() {
        Some("ResponseComplete" | "Panic") => true,
        // A request whose authentication failed ends here.
        Some("ResponseStarted") => parts.username.as_deref().unwrap_or("").is_empty(),
        _ => false,
    };
    Ok(Key { id, source: Source::Kubernetes, when: moment(parts.when), last })
}

/// Every member of a record under its own path.
pub fn fields(record: &[u8]) -> RecordFields {
    let flat = flatten(record);
    let stage = flat.iter().find(|(path, _)| path == "stage").map(|(_, stage)| stage.as_ref().into());
    let fields = flat.into_iter().map(|(path, value)| (path.into(), value.into())).collect();
    RecordFields { at: None, record: stage.unwrap_or_default(), fields, ..RecordFields::default() }
}

/// As `bad`, of an event within another record.
fn within(inner: &Unwrapped, error: &NotAnEvent) -> Bad {
    Bad { kind: error.kind(), detail: format!("in {}: {error}", inner.member) }
}

fn bad(error: &NotAnEvent) -> Bad {
    Bad { kind: error.kind(), detail: error.to_string() }
}

fn moment(stamp: Stamp) -> Moment {
    Moment { nanos: stamp.nanos, digits: stamp.digits }
}

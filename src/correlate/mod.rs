//! Which events belong together: rules as data and pure functions over events.
//!
//! Not here: where events come from (`index`, `query`), how links are shown (`cli`).

pub mod rules;

use crate::model::Event;

/// Calls back with each typed key by which links find an event.
pub fn keys(_event: &Event, _each: &mut dyn FnMut(&str)) {}

//! Events in other people's schemas: OCSF and ECS, from the JSON of an event.
//!
//! Inside: `deed` and `said` say once what sort of action an event is; each schema maps that. Both take the project's own JSON (`query::json`), so a remote
//! server's events export the same way. Raw records never leave here, only references to them; `prove` gives those out with their proofs.
//! Not here: NDJSON and files (`render`).

#[cfg(test)]
mod cases;
mod deed;
mod ecs;
mod ocsf;
mod out;
mod said;

pub use ecs::ecs;
pub use ocsf::{OCSF_VERSION, ocsf};

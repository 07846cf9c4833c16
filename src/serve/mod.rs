//! The HTTP endpoint of a collector, on a loopback address: what programs ask, and the command line while the store is being served.
//!
//! Inside: `routes` (each with its question), `params` and `form` (what comes in, how it goes out), `stream` and `tail` (long answers), `guard` and
//! `listen` (limits), `log` (tiles for third parties), `openapi` (all of it described), `metrics`, `alerts` (events that are told to others), `doors` (what programs of other people send). For people: `docs/api.md`. Not here: answers
//! (`query::engine`), who else may ask (there is no access control yet; see `docs/threat-model.md`).

mod alerts;
mod batches;
mod doors;
mod error;
mod form;
mod guard;
mod listen;
mod log;
mod metrics;
mod openapi;
mod params;
mod routes;
mod senders;
mod stream;
mod tail;
mod testimony;

pub use alerts::{AlertError, Alerts, Ground, Out, check as check_alerts};
pub use batches::AgentDoor;
pub use doors::{DoorError, Doors};
pub use form::END;
pub use listen::{Door, Peer, connections_max, serve};
pub use metrics::Metrics;
pub use openapi::document as openapi;
pub use routes::{ServeError, Shared, router};

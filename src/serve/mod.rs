//! The HTTP endpoint of a collector: what programs ask, and the command line while the store is being served.
//!
//! Inside: `routes` (each with its question), `params` and `form` (what comes in, how it goes out), `stream` and `tail` (long answers), `access`, `clients`, `record` and `session` (who asks, how much, what is
//! kept of it), `guard` and `listen` (limits), `log` (tiles for third parties), `openapi` (all of it described), `metrics`, `alerts` (events that are told to others), `doors` (what programs of other people send). For people: `docs/api.md`. Not here: answers
//! (`query::engine`), tokens (`access`).

mod access;
mod alerts;
mod batches;
mod clients;
mod doors;
mod error;
mod form;
mod guard;
mod hand;
mod listen;
mod log;
mod metrics;
mod openapi;
mod params;
mod peer;
mod record;
mod routes;
mod senders;
mod session;
mod shares;
mod stream;
mod tail;
mod testimony;

pub use access::{Access, Local, local_token};
pub use alerts::{AlertError, Alerts, Ground, Out, check as check_alerts};
pub use batches::AgentDoor;
pub use doors::{DoorError, Doors};
pub use form::END;
pub use listen::{Door, Peer, agents_max, connections_max, serve};
pub use metrics::Metrics;
pub use openapi::document as openapi;
pub use record::{Writing, recorder};
pub use routes::{ServeError, Shared, health, router};

//! The HTTP endpoint of a collector, on a loopback address: what the command line asks while the store is being served.
//!
//! Inside: the routes and their wire format. Not here: answers (`query::engine`), who else may ask (there is no access control yet; see `docs/threat-model.md`).
//!
//! | route | answer |
//! |---|---|
//! | `POST /v1/ask` | a `Question` as JSON → NDJSON lines and a trailer line `{"_end": …}` |
//! | `GET /v1/events?q=&since=&until=&limit=&after=&order=asc` | the same for events |
//! | `GET /v1/events/{id}` | one event with its records |
//! | `GET /v1/events/{id}/proof` | its proof file |
//! | `GET /v1/events/{id}/links`, `/effects` | its links, what it caused: NDJSON lines and a trailer line |
//! | `GET /v1/events/{id}/why`, `/testimony` | its causes, the six answers about it: one JSON document each |
//! | `GET /v1/rules` | the table of rules |
//! | `GET /v1/fields` | the table of fields |
//! | `GET /log/checkpoint` | the newest signed checkpoint |
//! | `GET /healthz` | `ok` |

mod error;
mod routes;
mod stream;

pub use routes::{ServeError, router, serve};
pub use stream::END;

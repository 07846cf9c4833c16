//! Which events belong together: rules as data and pure functions over events.
//!
//! Inside: `rules` (the table), `keys` (how events are found), `facts` (what one event says), `case` (a question in progress), `runtime`, `container`,
//! `claim` (what agents say of it), `session` with `matching`, `clock` and `verdict`, `stream`, `owner`, `permission` and `credential` on `writes`, `client`, `login`, `files`, `loaded`, `manifest`,
//! `sender` on `outline` and `kubectl`, `links` (one step back), `grounds` (what else an event rests on), `effects` (one step forward), `walk` (all the way), `within`
//! (the container that it happened in).
//! Not here: where events come from (`query`), how links are shown (`cli`). Nothing is stored: `docs/adr/0007`.

mod case;
mod claim;
mod client;
mod clock;
mod container;
mod credential;
mod effects;
mod facts;
mod files;
mod gaps_of;
mod grounds;
mod keys;
mod kubectl;
mod links;
mod loaded;
mod login;
mod manifest;
mod matching;
mod outline;
mod owner;
mod packet;
mod permission;
mod resources;
mod reuse;
mod review;
pub mod rules;
mod runtime;
mod sender;
mod session;
mod stream;
mod verdict;
mod walk;
mod within;
mod writes;

pub use case::{By, Case, Events, FOUND_MAX, Failed, order};
pub use claim::of as claim;
pub use container::{Container, Entry, entries};
pub use effects::effects;
pub use facts::{Names, session as api_session, started};
pub use grounds::{Ground, found as rests_on};
pub use keys::keys;
pub use links::{Found, cause, stages};
pub use reuse::reused;
pub use verdict::near_miss;
pub use walk::{Candidate, Root, RootKind, Step, Why, unattributed, why};
pub use within::Within;

//! Questions and answers: the query language, its plan, its answers as JSON.
//!
//! Inside: `parse` (text → `Query`), `matches` (what a filter means), `plan` and `engine` (how it is answered), `load` (events from
//! evidence), `json` and `export` (how an event leaves). Not here: what is indexed (`index`), HTTP (`serve`), the terminal (`cli`).

mod again;
mod answer;
mod ast;
mod cache;
mod caused;
mod computed;
mod cursor;
mod ended;
mod engine;
mod entity;
mod error;
mod explain;
pub mod export;
mod findings;
mod gaps;
mod heard;
pub mod json;
mod link_json;
mod linked;
pub mod load;
mod lookup;
mod matches;
mod memory;
mod parse;
mod parse_names;
mod parse_pipe;
mod parse_token;
mod parse_value;
mod plan;
mod processes;
mod raw;
mod readers;
mod readers_pods;
mod readers_scope;
mod recheck;
mod relink;
mod replay;
mod rules_json;
#[cfg(test)]
pub(crate) mod samples;
mod sequence;
mod sight;
mod sources;
mod testimony;

pub use answer::{AnswerError, LinkedKind, Question, Search, Sink, Stop, Story, Trailer, Unheard, fields_json};
pub use ast::{Filter, Pipe, Query, RawTest, Test};
pub use cursor::Cursor;
pub use engine::{Engine, event_line};
pub use entity::{EntityError, Translated, translate, window_around};
pub use error::{QueryError, QueryErrorKind};
pub use explain::{DecidedBy, Explained, explain};
pub use matches::{asks_for_own, matches, needs_raw, word_holds};
pub use parse::{DEPTH_MAX, QUERY_BYTES_MAX, TERMS_MAX, parse};
pub use parse_pipe::{STEPS_MAX, STEPS_MIN, TOP_DEFAULT, TOP_MAX, WIDTH_NS_MIN};
pub use parse_value::{GLOB_CHARS_MAX, GLOB_WILDCARDS_MAX, REGEX_BYTES_MAX, REGEX_DEPTH_MAX, REGEXES_MAX};
pub use recheck::{Rechecked, recheck};
pub use relink::{Again, Compared, Retold, TESTIMONY_BYTES_MAX, compare, document, is_testimony, retell};
pub use rules_json::rules_json;
pub use sight::Sight;
pub use sources::{Followed, State};

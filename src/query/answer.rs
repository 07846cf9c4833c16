//! What can be asked, and the shape of an answer: the one seam between the engine, the endpoint and the command line.
//!
//! Not here: how it is answered (`engine`), how it is shown (`cli`).

use super::QueryError;
use crate::evidence::EvidenceError;
use crate::index::{ALIASES, FIELDS, IndexError};
use crate::model::EventId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// Events, or what a pipe makes of them.
    Search(Search),
    /// Single events by id, prefix of an id, Audit-ID or `s.ms:serial`.
    Show {
        /// What names them.
        names: Vec<String>,
    },
    /// The proof file of one event.
    Prove {
        /// What names it.
        name: String,
    },
    /// Links, causes, effects, processes, testimony: what belongs together with one event, container or exec.
    Linked {
        /// Which answer.
        kind: LinkedKind,
        /// An event (as for `show`), `container:ID`, or `exec:ID`.
        name: String,
    },
    /// What leads from one thing to another, or happened one after the other.
    Story(Story),
    /// The testimony about an event.
    Testify {
        /// What names it, as for `show`.
        name: String,
        /// With the proof that its records are in the log.
        #[serde(default)]
        proofs: bool,
    },
    /// Findings: what should be there and is not, or is there twice.
    Findings {
        /// About events at this time or later, ns since 1970.
        since: Option<i64>,
        /// About events before this time, ns since 1970.
        until: Option<i64>,
    },
    /// How each log is doing: what was read of it, what is unread, what is wrong.
    Sources,
    /// What is missing.
    Gaps,
    /// The newest checkpoint and how far the index is.
    Head,
}

/// Answers that follow something through many events.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Story {
    /// Whether one event led to another.
    Caused {
        /// The event that is explained, as for `show`.
        effect: String,
        /// The one that is said to be its cause.
        cause: String,
    },
    /// A session step by step.
    Replay {
        /// `session:NODE/SES`, `session:AUDIT-ID` or `exec:ID`.
        name: String,
    },
    /// Who could have read an object of the API.
    Readers {
        /// `RESOURCE/NAMESPACE/NAME` or `RESOURCE/NAME`.
        object: String,
        /// By requests at this time or later, ns since 1970.
        since: Option<i64>,
        /// By requests before this time, ns since 1970.
        until: Option<i64>,
    },
}

/// Which answer about links.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LinkedKind {
    /// Every link of an event, and the findings about it.
    Links,
    /// Causes back to a credential, a login, or an unknown.
    Why,
    /// What it caused.
    Effects,
    /// The processes of a container, or below an event.
    Tree,
    /// The six answers, each claim with its grade.
    Testify,
}

/// Which events, in which order, how many.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// The query, `docs/query.md`.
    pub q: String,
    /// Events at this time or later, ns since 1970.
    pub since: Option<i64>,
    /// Events before this time, ns since 1970.
    pub until: Option<i64>,
    /// Oldest first; otherwise newest first.
    pub ascending: bool,
    /// At most so many events.
    pub limit: Option<usize>,
    /// Goes on behind this event: `<ns>.<id>`, as the trailer of the previous page said.
    pub after: Option<String>,
    /// Only events with a record in this log entry or a later one.
    pub leaf_from: Option<u64>,
    /// Each record under its own field names, and its raw bytes.
    pub records: bool,
    /// Offset of the asker's time zone for times in the query, as a name; UTC when absent.
    pub zone: Option<String>,
}

/// The last line of an answer.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Trailer {
    /// Lines before this one.
    pub count: u64,
    /// There are more: ask again with `after`.
    pub next: Option<String>,
    /// Nothing that was asked for is missing: no further page, no event that is lost, everything durable is indexed, no agent unheard.
    #[serde(default)]
    pub complete: bool,
    /// Events that are not what the index says of them: the index is damaged.
    #[serde(default)]
    pub lost: u64,
    /// Agents that are silent or late, where the time that was asked about reaches beyond their last word: what their logs have of it is not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unheard: Vec<Unheard>,
    /// Log entries that the index covers.
    pub indexed: u64,
    /// Log entries that are durable.
    pub size: u64,
    /// Origin, size and root of the newest checkpoint, `origin size root`.
    pub checkpoint: Option<String>,
}

/// An agent that is not heard.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Unheard {
    /// As in its certificate.
    pub cluster: String,
    /// Its node.
    pub node: String,
    /// `silent` or `late`.
    pub state: String,
    /// When it made its last heartbeat that came in.
    pub since: String,
}

/// Receives the lines of an answer, in order; an error stops the answer.
pub type Sink<'a> = dyn FnMut(Value) -> Result<(), Stop> + 'a;

/// Whoever asked does not want any more.
#[derive(Debug)]
pub struct Stop;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The query is none.
    #[error("{0}")]
    Query(#[from] QueryError),
    /// Evidence could not be read.
    #[error("evidence: {0}")]
    Evidence(#[from] EvidenceError),
    /// The index could not be read.
    #[error("index: {0}")]
    Index(#[from] IndexError),
    /// Nothing has that name.
    #[error("no event `{name}`; ids, their prefixes, Audit-IDs and `seconds.millis:serial` name events")]
    Unknown {
        /// As asked.
        name: String,
    },
    /// Nothing has that name, and records are gone by retention.
    #[error("no event `{name}` here; it may be one whose records are gone by retention: {gone}")]
    Gone {
        /// As asked.
        name: String,
        /// What is gone, and which log entries say so.
        gone: String,
    },
    /// Several events have that name.
    #[error("`{name}` names {count} events or more; the first are {first}")]
    Ambiguous {
        /// As asked.
        name: String,
        /// How many were found.
        count: usize,
        /// Some of their ids.
        first: String,
    },
    /// The index names records that are not those of the event.
    #[error("event {id}: {detail}; the index is damaged or behind: `deponent rebuild` makes it anew")]
    Lost {
        /// The event.
        id: EventId,
        /// What is wrong.
        detail: String,
    },
    /// A cursor that is none.
    #[error("`{text}` is no cursor; take `next` of the page before")]
    Cursor {
        /// As asked.
        text: String,
    },
    /// The asker may not be told.
    #[error("{what}: that takes {takes}")]
    Forbidden {
        /// What was asked for.
        what: &'static str,
        /// Who would be told.
        takes: &'static str,
    },
    /// A limit.
    #[error("{0}")]
    Limit(String),
    /// Records that no checkpoint covers yet.
    #[error(
        "event {id}: log entry {leaf} is not under a signed checkpoint of size {size} yet; a running collector signs one every second"
    )]
    Unsigned {
        /// The event.
        id: EventId,
        /// Its newest log entry.
        leaf: u64,
        /// Size of the newest checkpoint.
        size: u64,
    },
    /// It took longer than this server allows.
    #[error(
        "the answer took longer than {seconds} s; narrow the query or its time, or raise `limits.answer_s` where the collector is configured"
    )]
    Slow {
        /// What is allowed.
        seconds: u64,
    },
    /// The asker hung up.
    #[error("stopped")]
    Stopped,
}

impl From<Stop> for AnswerError {
    fn from(_: Stop) -> AnswerError {
        AnswerError::Stopped
    }
}

/// The table of fields as JSON.
pub fn fields_json() -> Value {
    let aliases = |name: &str| {
        ALIASES.iter().filter(|(_, targets)| targets.contains(&name)).map(|(alias, _)| *alias).collect::<Vec<_>>()
    };
    let rows = FIELDS.iter().chain(super::computed::COMPUTED).map(|field| {
        json!({
            "field": field.name, "kind": field.kind.name(), "aliases": aliases(field.name),
            "bare": field.bare, "help": field.help,
        })
    });
    Value::Array(rows.collect())
}

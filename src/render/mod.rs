//! Events for people and for other programs: from their JSON, so a local store and a remote server look the same.
//!
//! Inside: one `Renderer` a form; `safe`, through which every text for people goes; `counts` for what pipes make of events; `link`, `why`, `tree` and `testimony` for answers about links.
//! Not here: where the output goes and how wide it is (`main`), the JSON (`query::json`), OCSF and ECS (`query::export`).

mod caused;
mod counts;
mod csv;
mod detail;
#[cfg(test)]
mod document_tests;
mod json;
mod link;
#[cfg(test)]
mod linked_tests;
mod readers;
mod replay;
mod safe;
mod sentence;
mod sources;
mod style;
mod table;
mod testimony;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod why;

pub use counts::{Bucket, Counted, count, hist, top};
pub use detail::{Detail, RawRecord, raw};
pub use safe::{Quoted, SHOWN_BYTES_MAX, Safe, SafeBytes, Word, whole, whole_bytes};
pub use sentence::sentence;
pub use sources::sources;
pub use style::{Paint, Style};

use crate::model::Moment;
use crate::query::{LinkedKind, Story};
use crate::time::{Zone, format};
use serde_json::Value;
use std::io::{self, Write};

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Columns, one event a line.
    Table,
    /// One sentence an event.
    Text,
    /// One JSON value: a list.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a header.
    Csv,
    /// OCSF events, one a line.
    Ocsf,
    /// ECS documents, one a line.
    Ecs,
    /// Markdown; of `testify`.
    Md,
    /// One HTML file, to be printed; of `testify`.
    Html,
}

/// How output looks.
#[derive(Clone)]
pub struct Look {
    /// Colours.
    pub style: Style,
    /// Columns of the terminal; 0 where there is none: then nothing is shortened to fit.
    pub width: usize,
    /// Zone in which times are shown, with their offset. Data for programs (JSON, CSV, exports) stays in UTC.
    pub zone: Zone,
    /// Only these JSON paths, as columns of `table` and `csv`; `None` is the usual columns.
    pub fields: Option<Vec<String>>,
}

impl Look {
    /// A time for people. What is no RFC 3339 time (a server may say anything) is quoted, so that it cannot pass for a sentence.
    fn time(&self, text: &str) -> String {
        let at = chrono::DateTime::parse_from_rfc3339(text).ok().and_then(|time| time.timestamp_nanos_opt());
        let fraction = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
        match at {
            Some(nanos) => format(Moment { nanos, digits: u8::try_from(fraction).unwrap_or(9).min(9) }, &self.zone),
            None => Quoted(text).to_string(),
        }
    }
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Look({:?}, {} columns, {:?})", self.style, self.width, self.fields)
    }
}

/// Writes events in one form, as they come.
pub trait Renderer {
    /// Writes one event. Nothing is held back but what the form needs.
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()>;

    /// Writes what stands behind the last event; to be called once, also when there was none.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The renderer of a form.
pub fn renderer(form: Form, look: Look) -> Box<dyn Renderer> {
    match form {
        Form::Table => Box::new(table::Table::new(look)),
        // Whoever asks for a document of events gets sentences.
        Form::Text | Form::Md | Form::Html => Box::new(text::Text::new(look)),
        Form::Json => Box::new(json::Json::list()),
        Form::Ndjson => Box::new(json::Lines::own()),
        Form::Csv => Box::new(csv::Csv::new(look)),
        Form::Ocsf => Box::new(json::Lines::ocsf()),
        Form::Ecs => Box::new(json::Lines::ecs()),
    }
}

/// The renderer of `show`: a block an event; of one event as JSON, the object itself instead of a list.
pub fn renderer_of_show(form: Form, look: Look, events: usize) -> Box<dyn Renderer> {
    match form {
        Form::Table => Box::new(Detail::new(look)),
        Form::Json if events == 1 => Box::new(json::Json::single()),
        other => renderer(other, look),
    }
}

/// The renderer of an answer about links; `None` where that form makes no sense of it.
pub fn renderer_of_linked(kind: LinkedKind, form: Form, look: Look) -> Option<Box<dyn Renderer>> {
    let columns: &[&str] = if kind == LinkedKind::Links { LINK_COLUMNS } else { TREE_COLUMNS };
    let single = matches!(kind, LinkedKind::Why | LinkedKind::Testify);
    Some(match (form, kind) {
        (Form::Ndjson, _) => Box::new(json::Lines::own()),
        (Form::Json, _) if single => Box::new(json::Json::single()),
        (Form::Json, _) => Box::new(json::Json::list()),
        (Form::Text, LinkedKind::Links) => Box::new(why::Links::new(look)),
        (Form::Text, LinkedKind::Why) => Box::new(why::Why::new(look)),
        (Form::Text, LinkedKind::Effects | LinkedKind::Tree) => Box::new(tree::Tree::new(look)),
        (Form::Text, LinkedKind::Testify) => Box::new(testimony::Testimony::new(look, testimony::Shape::Text)),
        (Form::Md, LinkedKind::Testify) => Box::new(testimony::Testimony::new(look, testimony::Shape::Markdown)),
        (Form::Html, LinkedKind::Testify) => Box::new(testimony::Testimony::new(look, testimony::Shape::Html)),
        (Form::Csv, _) if !single => Box::new(csv::Csv::new(self::columns(look, columns))),
        _ => return None,
    })
}

fn columns(look: Look, names: &[&str]) -> Look {
    Look { fields: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..look }
}

/// The renderer of a story; `None` where that form makes no sense of it.
pub fn renderer_of_story(story: &Story, form: Form, look: Look) -> Option<Box<dyn Renderer>> {
    Some(match (form, story) {
        (Form::Ndjson, _) => Box::new(json::Lines::own()),
        (Form::Json, Story::Caused { .. }) => Box::new(json::Json::single()),
        (Form::Json, _) => Box::new(json::Json::list()),
        (Form::Text, Story::Caused { .. }) => Box::new(caused::Caused::new(look)),
        (Form::Text, Story::Replay { .. }) => Box::new(replay::Replay::new(look)),
        (Form::Text, Story::Readers { .. }) => Box::new(readers::Readers::new(look)),
        (Form::Csv, Story::Readers { .. }) => Box::new(csv::Csv::new(columns(look, READERS_COLUMNS))),
        (Form::Csv, Story::Replay { .. }) => Box::new(csv::Csv::new(columns(look, REPLAY_COLUMNS))),
        _ => return None,
    })
}

/// Columns of links and findings in CSV: JSON paths.
const LINK_COLUMNS: &[&str] = &[
    "id",
    "class",
    "rule",
    "version",
    "from",
    "to",
    "delta_ms",
    "candidate_count",
    "candidates",
    "keys",
    "support",
    "missing",
    "from_event.when.event",
    "from_event.source",
    "from_event.who.name",
    "from_event.who.as",
    "from_event.what.action",
    "to_event.when.event",
    "to_event.source",
    "to_event.what.action",
    "to_event.how.exe",
    "to_event.how.argv",
    "finding",
    "severity",
    "events",
    "detail",
    "evidence",
];

/// Columns of effects and trees in CSV: JSON paths.
const TREE_COLUMNS: &[&str] = &[
    "depth",
    "event.when.event",
    "event.id",
    "event.source",
    "event.who.name",
    "event.what.action",
    "event.what.outcome",
    "event.where.node",
    "event.how.exe",
    "event.how.argv",
    "event.how.pid",
    "event.how.ppid",
    "exit.time",
    "exit.code",
    "exit.signal",
    "link.class",
    "link.rule",
    "link.version",
    "link.from",
    "link.delta_ms",
    "link.candidate_count",
    "link.candidates",
    "root.kind",
    "root.name",
    "root.as",
    "root.class",
    "root.candidates",
    "root.missing",
    "container.namespace",
    "container.pod",
    "container.pod_uid",
    "container.name",
    "container.id",
    "session.node",
    "session.ses",
    "session.logins",
    "limit",
];

/// Columns of the readers of an object in CSV: JSON paths.
const READERS_COLUMNS: &[&str] = &[
    "grade",
    "who",
    "as",
    "credential",
    "address",
    "action",
    "count",
    "first",
    "last",
    "how",
    "missing",
    "root.kind",
    "root.name",
    "root.as",
    "root.class",
    "event.id",
    "event.how.request_uri",
    "event.how.user_agent",
    "note",
];

/// Columns of a transcript in CSV: JSON paths.
const REPLAY_COLUMNS: &[&str] = &[
    "step",
    "event.when.event",
    "event.id",
    "event.source",
    "event.who.login.name",
    "event.who.login.auid",
    "event.who.effective.uid",
    "event.what.action",
    "event.what.outcome",
    "event.what.code",
    "event.what.object.name",
    "event.what.object.path",
    "event.how.exe",
    "event.how.argv",
    "event.how.pid",
    "event.how.ppid",
    "event.how.net.dst",
    "event.how.net.dport",
    "event.why.keys",
    "typed",
    "class",
    "session.node",
    "session.ses",
    "session.logins",
    "exec.root.name",
    "exec.root.class",
    "ended.time",
    "ended.last",
    "ended.exit.code",
    "ended.missing",
    "limit",
];

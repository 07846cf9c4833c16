//! Events for people and for other programs: from their JSON, so a local store and a remote server look the same.
//!
//! Inside: one `Renderer` a form; `safe`, through which every text for people goes; `counts` for what pipes make of events.
//! Not here: where the output goes and how wide it is (`main`), the JSON (`query::json`), OCSF and ECS (`query::export`).

mod counts;
mod csv;
mod detail;
mod json;
mod safe;
mod sentence;
mod style;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use counts::{Bucket, Counted, count, hist, top};
pub use detail::{Detail, RawRecord, raw};
pub use safe::{Quoted, SHOWN_BYTES_MAX, Safe, SafeBytes, Word, whole, whole_bytes};
pub use sentence::sentence;
pub use style::{Paint, Style};

use crate::model::Moment;
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
        Form::Text => Box::new(text::Text::new(look)),
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

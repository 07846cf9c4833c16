//! JSON for programs: a list, an object, or a line an event; also of the other schemas.
//!
//! Not here: which characters are escaped (`query::json`), what an OCSF event is (`query::export`).

use super::Renderer;
use crate::query::{export, json};
use serde_json::Value;
use std::io::{self, Write};

/// One JSON value, indented.
pub(super) struct Json {
    list: bool,
    events: u64,
}

impl Json {
    /// A list of all events.
    pub(super) fn list() -> Json {
        Json { list: true, events: 0 }
    }

    /// The event itself.
    pub(super) fn single() -> Json {
        Json { list: false, events: 0 }
    }
}

impl Renderer for Json {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        let first = self.events == 0;
        self.events += 1;
        let text = json::pretty(event);
        if !self.list {
            return writeln!(out, "{text}");
        }
        out.write_all(if first { b"[\n  " } else { b",\n  " })?;
        // No string holds a line end, so these are the layout's own.
        out.write_all(text.replace('\n', "\n  ").as_bytes())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.list, self.events) {
            (false, _) => Ok(()),
            (true, 0) => out.write_all(b"[]\n"),
            (true, _) => out.write_all(b"\n]\n"),
        }
    }
}

/// One JSON value a line.
pub(super) struct Lines(Option<fn(&Value) -> Value>);

impl Lines {
    /// Each event as it is.
    pub(super) fn own() -> Lines {
        Lines(None)
    }

    /// Each event as an OCSF event.
    pub(super) fn ocsf() -> Lines {
        Lines(Some(export::ocsf))
    }

    /// Each event as an ECS document.
    pub(super) fn ecs() -> Lines {
        Lines(Some(export::ecs))
    }
}

impl Renderer for Lines {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        match self.0 {
            Some(schema) => writeln!(out, "{}", json::line(&schema(event))),
            None => writeln!(out, "{}", json::line(event)),
        }
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

//! The form `text`: one sentence a line.
//!
//! Not here: the sentence (`sentence`).

use super::{Look, Paint, Renderer, sentence};
use crate::query::json::text;
use serde_json::Value;
use std::io::{self, Write};

pub(super) struct Text {
    look: Look,
}

impl Text {
    pub(super) fn new(look: Look) -> Text {
        Text { look }
    }
}

impl Renderer for Text {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        let line = sentence(event, &self.look);
        // The whole line carries the colour of what went wrong; nothing inside of it is looked for, since a value could imitate it.
        let paint = text(event, "what.outcome").and_then(|outcome| Paint::of_outcome(&outcome));
        match paint {
            Some(paint) if paint != Paint::Good => writeln!(out, "{}", self.look.style.paint(paint, line)),
            _ => writeln!(out, "{line}"),
        }
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

//! `why F --to E` for people: the links from the one to the other, and what follows from them.
//!
//! No word is stronger than the class. Not here: the chain (`why`), a single link (`link`).

use super::link::{body, brief, head, list, paint_of_class};
use super::{Look, Renderer, Safe, Word, sentence, why};
use crate::query::json::{each_text, text};
use serde_json::Value;
use std::io::{self, Write};

/// Writes whether one event led to another.
pub(super) struct Caused {
    look: Look,
}

impl Caused {
    pub(super) fn new(look: Look) -> Caused {
        Caused { look }
    }
}

impl Renderer for Caused {
    fn event(&mut self, out: &mut dyn Write, answer: &Value) -> io::Result<()> {
        let steps = list(answer, "chain");
        why::chain(out, &self.look, steps)?;
        if !steps.is_empty() {
            writeln!(out)?;
        }
        if let Some(cause) = answer.get("cause_event") {
            writeln!(out, "asked for: {}", sentence(&brief(cause), &self.look))?;
        }
        if let Some(link) = answer.get("near_miss") {
            writeln!(out, "it is not the cause: {}", head(link, &self.look))?;
            body(out, &self.look, link, "  ")?;
        }
        let class = text(answer, "class").unwrap_or_default();
        writeln!(out, "{}", self.look.style.paint(paint_of_class(&class), verdict(answer, &class)))?;
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn verdict(answer: &Value, class: &str) -> String {
    let id = |name: &str| Word(&text(answer, name).unwrap_or("without an id".into())).to_string();
    let (event, cause) = (id("event"), id("cause"));
    let linked = text(answer, "linked").unwrap_or_default();
    let said = match (linked.as_ref(), class) {
        ("chain", "PROVEN" | "STRONG") => format!("{cause} led to {event}: {class}"),
        ("chain", "CONSISTENT") => format!("the records are consistent with {cause} having led to {event}: CONSISTENT"),
        ("chain" | "candidate", "AMBIGUOUS") => {
            format!("AMBIGUOUS: {cause} is one of those that may have led to {event}")
        }
        _ => format!("no link leads from {cause} to {event}"),
    };
    let missing: Vec<String> = each_text(answer, "missing").iter().map(|one| Safe(one).to_string()).collect();
    match missing.is_empty() || matches!(class, "PROVEN" | "STRONG") {
        true => said,
        false if class.is_empty() => format!("{said}: {}", missing.join("; ")),
        false => format!("{said}; missing: {}", missing.join("; ")),
    }
}

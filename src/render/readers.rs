//! `readers` for people: a block a grade, a line for each person.
//!
//! No word says more than the grade. Not here: sentences of events (`sentence`).

use super::link::verdict_in_short;
use super::{Look, Paint, Renderer, Safe, Word};
use crate::query::json::{each_text, number, text};
use serde_json::Value;
use std::io::{self, Write};

/// Characters of an id that are shown: a prefix that `show` takes.
const ID_CHARS: usize = 10;

/// Writes who could have read an object.
pub(super) struct Readers {
    look: Look,
    grade: Option<String>,
}

impl Readers {
    pub(super) fn new(look: Look) -> Readers {
        Readers { look, grade: None }
    }

    fn time(&self, line: &Value, name: &str) -> String {
        text(line, name).map_or_else(|| "an unknown time".to_owned(), |time| self.look.time(&time))
    }

    fn line(&self, line: &Value) -> String {
        let mut said = if is_pod(line) { self.pod(line) } else { self.asked(line) };
        if let Some(root) = line.get("root") {
            said.push_str(&format!("; behind it: {}", verdict_in_short(root)));
        }
        let missing: Vec<String> = each_text(line, "missing").iter().map(|one| Word(one).to_string()).collect();
        if !missing.is_empty() {
            said.push_str(&format!("; not known: {}", missing.join("; ")));
        }
        let id: String = text(line, "event.id").unwrap_or_default().chars().take(ID_CHARS).collect();
        format!("  {said}  {}", self.look.style.paint(Paint::Dim, Safe(&id)))
    }

    /// A pod that has it, and whose request shows that.
    fn pod(&self, line: &Value) -> String {
        let hows: Vec<String> = each_text(line, "how").iter().map(|how| Word(how).to_string()).collect();
        let who = text(line, "who").map_or_else(|| "nobody who is named".to_owned(), |who| Word(&who).to_string());
        let acting = text(line, "as").map(|name| format!(" as {}", Word(&name))).unwrap_or_default();
        let action = text(line, "action").unwrap_or_default();
        format!("{}; {} by {who}{acting} {}", hows.join(", "), Word(&action), self.time(line, "first"))
    }

    fn asked(&self, line: &Value) -> String {
        let word = |name: &str| text(line, name).map(|value| Word(&value).to_string());
        let mut said = word("who").unwrap_or_else(|| "nobody is named".to_owned());
        said.extend(word("as").map(|name| format!(" as {name}")));
        said.push_str(&format!(": {}", word("action").unwrap_or_else(|| "an unnamed action".to_owned())));
        let (first, last) = (self.time(line, "first"), self.time(line, "last"));
        match number(line, "count") {
            Some(count) if count > 1 => said.push_str(&format!(" {count} times, {first} to {last}")),
            _ => said.push_str(&format!(" {first}")),
        }
        said.extend(word("address").map(|address| format!(", from {address}")));
        for how in each_text(line, "how") {
            said.push_str(&format!(", {}", Word(&how)));
        }
        said
    }
}

/// Whether a line is about a pod that has the object.
fn is_pod(line: &Value) -> bool {
    matches!(text(line, "grade").as_deref(), Some("mounted" | "used by its node"))
}

impl Renderer for Readers {
    fn event(&mut self, out: &mut dyn Write, line: &Value) -> io::Result<()> {
        if let Some(note) = text(line, "note") {
            return writeln!(out, "… {}", Safe(&note));
        }
        let grade = text(line, "grade").unwrap_or("without a grade".into());
        if self.grade.as_deref() != Some(grade.as_ref()) {
            self.grade = Some(grade.to_string());
            writeln!(out, "{}", self.look.style.paint(Paint::Heading, Safe(&grade)))?;
        }
        writeln!(out, "{}", self.line(line))
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

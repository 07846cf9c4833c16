//! `why` and `links` for people: a chain of causes, read from the cause to the effect, and the links of one event.
//!
//! Not here: a single link (`link`), the event's sentence (`sentence`).

use super::link::{behind, body, brief, finding, head, list, paint_of_root, verdict};
use super::{Look, Paint, Renderer, Word, sentence};
use crate::query::json::text;
use serde_json::Value;
use std::io::{self, Write};

/// Columns of what is said about an event, under its sentence.
const INDENT: &str = "     ";

/// Writes a chain, and who stands at its end.
pub(super) struct Why {
    look: Look,
}

impl Why {
    pub(super) fn new(look: Look) -> Why {
        Why { look }
    }
}

impl Renderer for Why {
    fn event(&mut self, out: &mut dyn Write, answer: &Value) -> io::Result<()> {
        let steps = list(answer, "chain");
        chain(out, &self.look, steps)?;
        writeln!(out)?;
        let root = answer.get("root").unwrap_or(&Value::Null);
        writeln!(out, "{}", self.look.style.paint(paint_of_root(root), verdict(root, steps)))?;
        if let Some(container) = answer.get("container") {
            writeln!(out, "{}", self.look.style.paint(Paint::Dim, within(container)))?;
        }
        for one in list(answer, "findings") {
            finding(out, &self.look, one, "")?;
        }
        grounds(out, &self.look, list(answer, "grounds"), list(answer, "chain"))
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// What the chain's events rest on besides their causes: each told from its own beginning.
pub(super) fn grounds(out: &mut dyn Write, look: &Look, grounds: &[Value], chain: &[Value]) -> io::Result<()> {
    for ground in grounds {
        let steps = list(ground, "chain");
        let (Some(first), root) = (steps.first(), ground.get("root").unwrap_or(&Value::Null)) else { continue };
        let rule = first.get("link").and_then(|link| text(link, "rule")).unwrap_or_default();
        let of = text(ground, "of").unwrap_or_default();
        // The chain tells the effect first, and people read the cause first.
        let place = chain.iter().rev().position(|step| step.pointer("/event/id").and_then(Value::as_str) == Some(&*of));
        let of = place.map_or_else(|| format!("event {}", Word(&of)), |place| format!("step {}", place + 1));
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            sent_by(first, &of).unwrap_or_else(|| format!("What {of} rests on, {}:", ground_name(&rule)))
        )?;
        self::chain(out, look, steps)?;
        writeln!(out, "{INDENT}{}", look.style.paint(paint_of_root(root), behind(root, steps)))?;
    }
    Ok(())
}

/// How a process that may have sent a request is told, with no more certainty than its link has; `first` is the ground's first step.
pub(super) fn sent_by(first: &Value, of: &str) -> Option<String> {
    let is_sender = text(first, "link.rule").as_deref() == Some("client-request");
    is_sender.then(|| match text(first, "link.class").as_deref() {
        Some("CONSISTENT") => format!("The records are consistent with {of} having been sent by this process:"),
        _ => format!("It cannot be told which process sent {of}; these records fit:"),
    })
}

/// What a rule of grounds leads to.
pub(super) fn ground_name(rule: &str) -> &'static str {
    match rule {
        "binding-permission" => "the right",
        "token-use" | "certificate-use" => "the credential",
        "csr-approval" => "the request for the certificate",
        "file-executed" => "the program",
        "file-loaded" => "the file",
        _ => "another event",
    }
}

/// The container that it happened in.
fn within(container: &Value) -> String {
    let part = |name: &str| text(container, name).map(|value| Word(&value).to_string());
    let id = part("id").unwrap_or_default();
    let mut line = match part("name") {
        Some(name) => format!("in container {name} ({id})"),
        None => format!("in container {id}"),
    };
    if let (Some(namespace), Some(pod)) = (part("namespace"), part("pod")) {
        line.push_str(&format!(" of pod {namespace}/{pod}"));
    }
    if let Some(class) = part("class") {
        let others = container.get("others").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let others: String = others.map(|other| format!(", or in {}", Word(other))).collect();
        line.push_str(&format!("{others}: {class}, by the word of the node's agent (rule process-container)"));
    }
    line
}

/// A chain (effect first, as answers have it), told from the cause on.
pub(super) fn chain(out: &mut dyn Write, look: &Look, steps: &[Value]) -> io::Result<()> {
    for (number, step) in steps.iter().rev().enumerate() {
        let event = step.get("event").unwrap_or(&Value::Null);
        writeln!(out, "{:>2}. {}", number + 1, sentence(&brief(event), look))?;
        writeln!(out, "{INDENT}{}", look.style.paint(Paint::Dim, format!("event {}", id(event))))?;
        let Some(link) = step.get("link") else { continue };
        // The cause of an ambiguous link is none of the chain's entries.
        let from = if number == 0 { "linked to its possible causes" } else { "linked to what is above" };
        writeln!(out, "{INDENT}{from}: {}", head(link, look))?;
        body(out, look, link, &format!("{INDENT}  "))?;
    }
    Ok(())
}

fn id(event: &Value) -> String {
    Word(&text(event, "id").unwrap_or("without an id".into())).to_string()
}

/// Writes links, and findings behind them.
pub(super) struct Links {
    look: Look,
    lines: u64,
}

impl Links {
    pub(super) fn new(look: Look) -> Links {
        Links { look, lines: 0 }
    }
}

impl Renderer for Links {
    fn event(&mut self, out: &mut dyn Write, line: &Value) -> io::Result<()> {
        if self.lines > 0 {
            writeln!(out)?;
        }
        self.lines += 1;
        if line.get("finding").is_some() {
            return finding(out, &self.look, line, "");
        }
        writeln!(out, "{}", head(line, &self.look))?;
        for (name, path) in [("cause ", "from_event"), ("effect", "to_event")] {
            if let Some(event) = line.get(path) {
                writeln!(out, "  {name} {}", sentence(&brief(event), &self.look))?;
                writeln!(out, "         {}", self.look.style.paint(Paint::Dim, format!("event {}", id(event))))?;
            }
        }
        body(out, &self.look, line, "  ")
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

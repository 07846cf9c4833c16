//! The block of `show`: one event's six questions, each claim with who asserts it, then its records and its evidence.
//!
//! Inside: the block, the grades of claims, raw records for people. Not here: the evidence itself (`prove`), sentences (`sentence`).

use super::{Look, Paint, Quoted, Renderer, Safe, SafeBytes, Word, sentence};
use crate::query::json::{at, text};
use serde_json::Value;
use std::io::{self, Write};

/// Columns of a claim's name.
const NAME_COLUMNS: usize = 16;

/// Writes a block an event.
#[derive(Debug)]
pub struct Detail {
    look: Look,
    events: u64,
}

impl Detail {
    /// A renderer of blocks.
    pub fn new(look: Look) -> Detail {
        Detail { look, events: 0 }
    }
}

impl Renderer for Detail {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        if self.events > 0 {
            writeln!(out)?;
        }
        self.events += 1;
        let id = text(event, "id").unwrap_or("without an id".into());
        let source = text(event, "source").unwrap_or("unknown".into());
        let style = self.look.style;
        writeln!(out, "{} {}, recorded by {}", style.paint(Paint::Heading, "event"), Word(&id), Word(&source))?;
        writeln!(out, "  {}", sentence(event, &self.look))?;
        let daemon = is_a_daemons(event);
        for part in ["who", "what", "when", "where", "why", "how"] {
            writeln!(out, "{}", style.paint(Paint::Heading, part))?;
            let claims = claims(event, part, &self.look);
            if claims.is_empty() {
                writeln!(out, "  {}", style.paint(Paint::Dim, "the records do not say"))?;
            }
            for (path, shown) in claims {
                let name = path.split_once('.').map_or(path.as_str(), |(_, name)| name);
                let grade = grade(event, &source, &path, daemon);
                let grade = grade.map(|grade| style.paint(Paint::Dim, format!("  ({grade})"))).unwrap_or_default();
                writeln!(out, "  {:<NAME_COLUMNS$} {shown}{grade}", Word(name).to_string())?;
            }
        }
        self.issues(out, event)?;
        self.records(out, event)?;
        self.evidence(out, event)
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl Detail {
    fn issues(&self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        let issues = list(event, "issues");
        if !issues.is_empty() {
            writeln!(out, "{}", self.look.style.paint(Paint::Bad, "issues"))?;
        }
        for issue in issues {
            let kind = text(issue, "kind").unwrap_or("unnamed".into());
            let detail = text(issue, "detail").map(|detail| format!("  {}", Safe(&detail))).unwrap_or_default();
            writeln!(out, "  {}{detail}", Word(&kind))?;
        }
        Ok(())
    }

    fn records(&self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        let style = self.look.style;
        let records = list(event, "records");
        if !records.is_empty() {
            writeln!(out, "{}", style.paint(Paint::Heading, "records"))?;
        }
        for record in records {
            let kind = text(record, "type").unwrap_or("record".into());
            let place = place(record).map(|place| style.paint(Paint::Dim, format!("  ({place})"))).unwrap_or_default();
            writeln!(out, "  {}{place}", Word(&kind))?;
            pairs(out, at(record, "fields"), at(record, "meaning"), "    ", &self.look)?;
            if at(record, "enriched").is_some() {
                let by = match text(event, "source").as_deref() {
                    Some("linux") => "added by auditd when it wrote the record (daemon)",
                    _ => "not in the record, inferred by deponent",
                };
                writeln!(out, "    {}", style.paint(Paint::Dim, by))?;
                pairs(out, at(record, "enriched"), None, "      ", &self.look)?;
            }
        }
        Ok(())
    }

    fn evidence(&self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        let evidence = list(event, "evidence");
        if evidence.is_empty() {
            return Ok(());
        }
        let places: Vec<String> = evidence.iter().filter_map(place).collect();
        writeln!(out, "{}", self.look.style.paint(Paint::Heading, "evidence"))?;
        writeln!(out, "  {}", places.join("; "))
    }
}

/// A raw record for people.
#[derive(Debug, Clone, Copy)]
pub struct RawRecord<'a> {
    /// Log entry.
    pub leaf: u64,
    /// Number in its batch.
    pub record: u32,
    /// The bytes as they were read.
    pub bytes: &'a [u8],
}

/// Writes raw records, one a line, made visible and cut at 4 KiB; `prove` gives out the bytes.
pub fn raw(out: &mut dyn Write, look: &Look, records: &[RawRecord<'_>]) -> io::Result<()> {
    writeln!(out, "{}", look.style.paint(Paint::Heading, "raw"))?;
    for record in records {
        let bytes = record.bytes.len();
        let place = format!("leaf {}, record {}, {bytes} B", record.leaf, record.record);
        writeln!(out, "  {}", look.style.paint(Paint::Dim, place))?;
        writeln!(out, "    {}", SafeBytes(record.bytes))?;
    }
    Ok(())
}

fn list<'a>(event: &'a Value, path: &str) -> &'a [Value] {
    at(event, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn place(of: &Value) -> Option<String> {
    let leaf = at(of, "leaf")?.as_u64()?;
    let record = at(of, "record")?.as_u64()?;
    Some(format!("leaf {leaf}, record {record}"))
}

fn pairs(
    out: &mut dyn Write,
    fields: Option<&Value>,
    meaning: Option<&Value>,
    indent: &str,
    look: &Look,
) -> io::Result<()> {
    let shown = |value: &Value| value.as_str().map_or_else(|| compact(value), |text| Safe(text).to_string());
    for (name, value) in fields.and_then(Value::as_object).into_iter().flatten() {
        // A name that stands twice has a list; its meanings are then not told apart.
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let meaning = meaning.and_then(|all| all.get(name)).filter(|meaning| values.len() == 1 && meaning.is_string());
        let meaning = meaning.map(|text| format!("  {}", look.style.paint(Paint::Dim, shown(text))));
        for value in values {
            let meaning = meaning.as_deref().unwrap_or_default();
            writeln!(out, "{indent}{:<NAME_COLUMNS$} {}{meaning}", Word(name).to_string(), shown(value))?;
        }
    }
    Ok(())
}

/// The claims of one question, in the order of the JSON: path, value as it is shown.
fn claims(event: &Value, part: &str, look: &Look) -> Vec<(String, String)> {
    let mut claims = Vec::new();
    if let Some(value) = at(event, part) {
        walk(value, part, look, &mut claims);
    }
    // Who says so stands behind the claim.
    claims.retain(|(path, _)| path != "who.asserted_by");
    claims
}

fn walk(value: &Value, path: &str, look: &Look, claims: &mut Vec<(String, String)>) {
    match value {
        // `args` and `stages` are few and read better in a row of their own each; everything else is at most three levels deep by the contract.
        Value::Object(parts) if path.matches('.').count() < 3 => {
            for (name, part) in parts {
                walk(part, &format!("{path}.{name}"), look, claims);
            }
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let words: Vec<String> =
                items.iter().filter_map(Value::as_str).map(|text| Word(text).to_string()).collect();
            claims.push((path.to_owned(), words.join(" ")));
        }
        Value::Array(items) => claims.extend(items.iter().map(|item| (path.to_owned(), compact(item)))),
        Value::String(text) if path.starts_with("when.") || path.starts_with("how.stages.") => {
            claims.push((path.to_owned(), look.time(text)));
        }
        Value::String(text) => claims.push((path.to_owned(), Safe(text).to_string())),
        other => claims.push((path.to_owned(), compact(other))),
    }
}

/// `kind=file path="/a b"`: an object on one line.
fn compact(value: &Value) -> String {
    match value {
        Value::String(text) => Word(text).to_string(),
        Value::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| match part {
                Value::String(text) => format!("{}={}", Word(name), Word(text)),
                other => format!("{}={}", Word(name), Quoted(&crate::query::json::line(other))),
            });
            parts.collect::<Vec<_>>().join(" ")
        }
        other => crate::query::json::line(other),
    }
}

/// Whether a user-space program wrote what the event says (PAM, sshd, sudo): the kernel vouches then for pid, uid, auid and ses only.
fn is_a_daemons(event: &Value) -> bool {
    let starts = [
        "USER_", "CRED_", "ADD_", "DEL_", "GRP_", "ACCT_", "ROLE_", "CHGRP_", "CHUSER_", "SERVICE_", "SYSTEM_",
        "DAEMON_", "LABEL_", "VIRT_", "CRYPTO_",
    ];
    let by_type = list(event, "records")
        .iter()
        .filter_map(|record| text(record, "type"))
        .any(|kind| starts.iter().any(|start| kind.starts_with(start)));
    by_type || (text(event, "how.syscall").is_none() && text(event, "who.asserted_by").as_deref() == Some("daemon"))
}

/// Who asserts a claim; `None` where the claim is deponent's own sorting of others.
fn grade(event: &Value, source: &str, path: &str, daemon: bool) -> Option<String> {
    let by = match path {
        "when.received" => "collector",
        "who.kind" | "where.cluster" => return None,
        "who.name" => return text(event, "who.asserted_by").map(|by| Word(&by).to_string()),
        "how.comm" | "how.argv" | "how.user_agent" | "how.audit_id" | "how.request_uri" => "client",
        // The name of a number, as auditd wrote it beside the record on the node.
        "who.login.name" | "who.effective.name" => "daemon",
        "where.node" | "where.boot" if source == "linux" => "daemon or configuration",
        _ => match source {
            "kubernetes" => "apiserver",
            "self" => "collector",
            "linux" if daemon => match path {
                "who.login.auid" | "who.login.ses" | "who.login.unset" | "who.effective.uid" | "how.pid"
                | "when.event" => "kernel",
                _ => "daemon",
            },
            "linux" => "kernel",
            _ => return None,
        },
    };
    Some(by.to_owned())
}

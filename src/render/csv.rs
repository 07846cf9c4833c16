//! CSV for spreadsheets: RFC 4180, one line an event, nothing that a spreadsheet would compute.
//!
//! Inside: the columns; the guard. A cell that begins with `=`, `+`, `-`, `@` (also full-width), a tab or a carriage return gets a `'` before it. Invisible
//! characters are made visible, as everywhere; nothing is cut. Several values stand in one cell, separated by blanks, or as a JSON list
//! where one of them holds a blank or nothing. Times stay in UTC. Not here: quoting (crate csv).

use super::{Look, Renderer, whole};
use crate::query::json::{self, at, each_text};
use serde_json::Value;
use std::io::{self, Write};

/// The usual columns: JSON paths.
const COLUMNS: &[&str] = &[
    "when.event",
    "id",
    "source",
    "who.name",
    "who.kind",
    "who.asserted_by",
    "who.as",
    "who.address",
    "who.credential",
    "who.login.auid",
    "who.login.name",
    "who.login.ses",
    "who.effective.uid",
    "who.effective.name",
    "what.action",
    "what.object.kind",
    "what.object.namespace",
    "what.object.name",
    "what.object.path",
    "what.outcome",
    "what.code",
    "where.cluster",
    "where.node",
    "where.namespace",
    "where.pod",
    "where.container",
    "where.container_id",
    "where.cwd",
    "how.exe",
    "how.argv",
    "how.pid",
    "how.ppid",
    "how.comm",
    "how.tty",
    "how.syscall",
    "how.verb",
    "how.request_uri",
    "how.user_agent",
    "how.audit_id",
    "how.net.src",
    "how.net.sport",
    "how.net.dst",
    "how.net.dport",
    "why.keys",
    "why.reason",
    "issues",
    "evidence",
];

/// Writes a header and a line an event.
pub(super) struct Csv {
    columns: Vec<String>,
    headed: bool,
}

impl Csv {
    pub(super) fn new(look: Look) -> Csv {
        let columns = look.fields.unwrap_or_else(|| COLUMNS.iter().map(|name| (*name).to_owned()).collect());
        Csv { columns, headed: false }
    }

    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !std::mem::replace(&mut self.headed, true) {
            row(out, self.columns.iter().map(|name| guarded(name)))?;
        }
        Ok(())
    }
}

impl Renderer for Csv {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        self.head(out)?;
        row(out, self.columns.iter().map(|path| cell(event, path)))
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)
    }
}

/// One line of cells, which have been guarded.
pub(super) fn row(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(cells).map_err(io::Error::other)?;
    let line = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    out.write_all(&line)
}

/// The text so that no spreadsheet computes it and no terminal obeys it.
pub(super) fn guarded(text: &str) -> String {
    let starts = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    let guard = if text.starts_with(starts) { "'" } else { "" };
    format!("{guard}{}", whole(text))
}

fn cell(event: &Value, path: &str) -> String {
    match at(event, path) {
        Some(list @ Value::Array(items)) => {
            let texts = each_text(event, path);
            let scalars = items.iter().all(|item| !item.is_array() && !item.is_object());
            let plain = scalars && texts.iter().all(|text| !text.is_empty() && !text.contains(char::is_whitespace));
            // JSON begins with a bracket and holds nothing invisible: it needs neither guard nor `whole`, which would double its escapes.
            if plain { guarded(&texts.join(" ")) } else { json::line(list) }
        }
        Some(object @ Value::Object(_)) => json::line(object),
        _ => json::text(event, path).map(|text| guarded(&text)).unwrap_or_default(),
    }
}

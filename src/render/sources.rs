//! How logs are doing, for people: aligned columns, one log a line, and below it what is wrong with it.
//!
//! Nothing is cut: a path is what an operator copies. Not here: the order of the lines (`query::sources`), what is visible (`safe`).

use super::table::{dash, visible};
use super::{Look, Paint};
use serde_json::Value;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr as _;

const TITLES: [&str; COLUMNS] =
    ["STATE", "LAG BYTES", "RECORDS/S", "LAST EVENT", "RECORDS", "BAD", "GAPS", "KIND", "NODE", "PATH"];
const COLUMNS: usize = 10;

/// Writes the lines of the answer.
pub fn sources(out: &mut dyn Write, look: &Look, lines: &[Value]) -> io::Result<()> {
    let (logs, limits): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line.get("limit").is_none());
    let rows: Vec<[String; COLUMNS]> = logs.iter().map(|line| cells(look, line)).collect();
    let mut widths = TITLES.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    if !rows.is_empty() {
        let titles = TITLES.map(str::to_owned);
        writeln!(out, "{}", aligned(&titles, &widths, |title| look.style.paint(Paint::Heading, title)))?;
    }
    for (line, row) in logs.iter().zip(&rows) {
        let mut first = true;
        let painted = aligned(row, &widths, |cell| match std::mem::take(&mut first).then(|| paint(cell)).flatten() {
            Some(paint) => look.style.paint(paint, cell),
            None => cell.to_owned(),
        });
        writeln!(out, "{painted}")?;
        if matches!(line.get("state").and_then(Value::as_str), Some("silent" | "late" | "stopped"))
            && line.get("last_heartbeat").is_some()
        {
            writeln!(out, "  last heartbeat of its agent {}", time(look, line, "last_heartbeat"))?;
        }
        if let Some(error) = line.get("last_error").and_then(Value::as_str) {
            writeln!(out, "  last error {}: {}", time(look, line, "last_error_time"), visible(error))?;
        }
    }
    limits.iter().try_for_each(|line| writeln!(out, "{}", word(line, "limit")))
}

fn cells(look: &Look, line: &Value) -> [String; COLUMNS] {
    let place: Vec<&str> = ["cluster", "node"].iter().filter_map(|name| line.get(*name)?.as_str()).collect();
    [
        word(line, "state"),
        word(line, "lag_bytes"),
        word(line, "records_per_s"),
        time(look, line, "last_event"),
        word(line, "records"),
        word(line, "bad_records"),
        word(line, "gaps"),
        word(line, "kind"),
        if place.is_empty() { dash() } else { visible(&place.join("/")) },
        if line.get("path").is_some() { word(line, "path") } else { word(line, "source") },
    ]
}

/// Numbers to the right, in front of what follows; the last column is as long as it is.
fn aligned(cells: &[String; COLUMNS], widths: &[usize; COLUMNS], mut paint: impl FnMut(&str) -> String) -> String {
    let mut row = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let room = " ".repeat(width.saturating_sub(cell.width()));
        let is_number = matches!(at, 1 | 2 | 4 | 5 | 6);
        let parts = if is_number { [room, paint(cell)] } else { [paint(cell), room] };
        row.push_str(&parts.concat());
        row.push_str("  ");
    }
    row.trim_end().to_owned()
}

fn paint(state: &str) -> Option<Paint> {
    match state {
        "unreadable" | "missing" | "silent" => Some(Paint::Alarm),
        "behind" | "late" => Some(Paint::Bad),
        "following" | "alive" => Some(Paint::Good),
        _ => None,
    }
}

fn time(look: &Look, line: &Value, name: &str) -> String {
    line.get(name).and_then(Value::as_str).map_or_else(dash, |time| look.time(time))
}

fn word(line: &Value, name: &str) -> String {
    match line.get(name) {
        None | Some(Value::Null) => dash(),
        Some(Value::String(text)) => visible(text),
        Some(other) => visible(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Style;
    use serde_json::json;

    fn shown(lines: &[Value]) -> Vec<String> {
        let look = Look { style: Style { on: false }, width: 0, zone: crate::time::Zone::Utc, fields: None };
        let mut out = Vec::new();
        sources(&mut out, &look, lines).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_aligned_and_errors_stand_below() {
        let lines = shown(&[
            json!({"state": "unreadable", "path": "/a", "last_error": "no", "last_error_time": "2026-11-24T17:30:00Z"}),
            json!({"state": "following", "lag_bytes": 0, "records": 12_345_678, "cluster": "c", "node": "n", "source": "s"}),
            json!({"limit": "more"}),
        ]);
        assert_eq!(
            lines,
            [
                "STATE       LAG BYTES  RECORDS/S  LAST EVENT   RECORDS  BAD  GAPS  KIND  NODE  PATH",
                "unreadable          -          -  -                  -    -     -  -     -     /a",
                "  last error 2026-11-24T17:30:00Z: no",
                "following           0          -  -           12345678    -     -  -     c/n   s",
                "more",
            ]
        );
        assert!(shown(&[]).is_empty());
    }

    #[test]
    fn nothing_in_a_path_makes_a_line_or_a_column() {
        let path = "/x\n\u{1b}[31m  \u{202e}y";
        let lines = shown(&[json!({"state": path, "path": path, "node": path, "last_error": path, "records": [path]})]);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines.iter().all(|line| line.is_ascii() && !line.contains('\u{1b}')), "{lines:?}");
        assert!(lines[1].ends_with("/x\\n\\u{1b}[31m \\u{20}\\u{202e}y"), "{lines:?}");
    }
}

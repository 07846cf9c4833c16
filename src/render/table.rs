//! The form `table`: aligned columns, one event a line, written as the events come.
//!
//! Widths are in columns of the terminal, not in bytes or characters. TIME, OUTCOME and ID are never cut; the others share what the terminal has left, and
//! end in `…` where they are cut. Without a terminal nothing is cut. A second blank in a row is shown as `\u{20}`, so that no value can imitate a column.
//! Not here: what is visible (`safe`), sentences (`text`).

use super::{Look, Paint, Renderer, Safe, sentence};
use crate::query::json::{at, each_text, line, text};
use serde_json::Value;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Characters of an id that are shown: a prefix that `show` takes.
const ID_CHARS: usize = 10;
const GAP: usize = 2;

/// How wide a column is.
#[derive(Debug, Clone, Copy)]
enum Width {
    /// At least this; longer values push the rest of their line.
    Least(usize),
    /// Shares the rest: least width, weight.
    Share(usize, usize),
}

struct Column {
    title: String,
    width: Width,
    /// Columns of the terminal; never less than the title's.
    columns: usize,
    cell: Cell,
}

enum Cell {
    Time,
    Who,
    Action,
    Object,
    Outcome,
    Where,
    Id,
    Path(String),
}

pub(super) struct Table {
    look: Look,
    columns: Vec<Column>,
    headed: bool,
}

impl Table {
    pub(super) fn new(look: Look) -> Table {
        let mut columns = match &look.fields {
            None => usual(),
            Some(paths) => paths.iter().map(|path| chosen(path)).collect(),
        };
        share(&mut columns, look.width);
        Table { look, columns, headed: false }
    }

    fn row(&self, out: &mut dyn Write, cells: &[(String, Option<Paint>)]) -> io::Result<()> {
        let mut row = String::new();
        let last = cells.len().saturating_sub(1);
        for (at, (column, (text, paint))) in self.columns.iter().zip(cells).enumerate() {
            let shown = match column.width {
                Width::Share(..) if self.look.width > 0 => shortened(text, column.columns),
                _ => text.clone(),
            };
            let room = column.columns.saturating_sub(shown.width());
            match paint {
                Some(paint) => row.push_str(&self.look.style.paint(*paint, &shown)),
                None => row.push_str(&shown),
            }
            if at < last {
                row.push_str(&" ".repeat(room + GAP));
            }
        }
        writeln!(out, "{}", row.trim_end())
    }
}

impl Renderer for Table {
    fn event(&mut self, out: &mut dyn Write, event: &Value) -> io::Result<()> {
        if !std::mem::replace(&mut self.headed, true) {
            let titles: Vec<_> =
                self.columns.iter().map(|column| (column.title.clone(), Some(Paint::Heading))).collect();
            self.row(out, &titles)?;
        }
        let cells: Vec<_> = self.columns.iter().map(|column| cell(&column.cell, event, &self.look)).collect();
        self.row(out, &cells)
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn usual() -> Vec<Column> {
    let column = |title: &str, width, cell| Column { title: title.to_owned(), width, columns: 0, cell };
    vec![
        column("TIME", Width::Least(27), Cell::Time),
        column("WHO", Width::Share(16, 3), Cell::Who),
        column("ACTION", Width::Share(12, 2), Cell::Action),
        column("OBJECT", Width::Share(24, 5), Cell::Object),
        column("OUTCOME", Width::Least(7), Cell::Outcome),
        column("WHERE", Width::Share(12, 2), Cell::Where),
        column("ID", Width::Least(ID_CHARS), Cell::Id),
    ]
}

fn chosen(path: &str) -> Column {
    let title = visible(path);
    match path {
        "id" => Column { title, width: Width::Least(26), columns: 0, cell: Cell::Path(path.to_owned()) },
        _ if path.starts_with("when.") => {
            Column { title, width: Width::Least(27), columns: 0, cell: Cell::Path(path.to_owned()) }
        }
        _ => Column { title, width: Width::Share(16, 1), columns: 0, cell: Cell::Path(path.to_owned()) },
    }
}

/// Gives each column its width.
fn share(columns: &mut [Column], terminal: usize) {
    let least = |column: &Column| match column.width {
        Width::Least(least) | Width::Share(least, _) => least.max(column.title.width()),
    };
    let weight = |column: &Column| match column.width {
        Width::Least(_) => 0,
        Width::Share(_, weight) => weight,
    };
    let taken: usize = columns.iter().map(least).sum::<usize>() + GAP * columns.len().saturating_sub(1);
    let left = terminal.saturating_sub(taken);
    let weights: usize = columns.iter().map(weight).sum::<usize>().max(1);
    for column in columns {
        column.columns = least(column) + left * weight(column) / weights;
    }
}

fn cell(cell: &Cell, event: &Value, look: &Look) -> (String, Option<Paint>) {
    match cell {
        Cell::Time => (time(event, "when.event", look), None),
        Cell::Who => (who(event), None),
        Cell::Action => (text(event, "what.action").map_or_else(dash, |action| visible(&action)), None),
        Cell::Object => (object(event), None),
        Cell::Outcome => {
            let outcome = text(event, "what.outcome").unwrap_or("unknown".into());
            (visible(&outcome), Paint::of_outcome(&outcome))
        }
        Cell::Where => (place(event), None),
        Cell::Id => {
            let id: String = text(event, "id").unwrap_or_default().chars().take(ID_CHARS).collect();
            (visible(&id), Some(Paint::Dim))
        }
        Cell::Path(path) if path.starts_with("when.") => (time(event, path, look), None),
        Cell::Path(path) => (any(event, path), None),
    }
}

pub(super) fn dash() -> String {
    "-".to_owned()
}

/// Safe, and with no blanks that could pass for the room between columns.
pub(super) fn visible(text: &str) -> String {
    Safe(text).to_string().replace("  ", " \\u{20}")
}

fn time(event: &Value, path: &str, look: &Look) -> String {
    text(event, path).map_or_else(dash, |time| look.time(&time))
}

fn who(event: &Value) -> String {
    let named = text(event, "who.name").or_else(|| text(event, "who.login.name"));
    // A uid is not somebody: without a login nobody is named.
    let is_uid = text(event, "who.kind").as_deref() == Some("uid");
    let (name, uid_name) = if is_uid { (None, named) } else { (named, None) };
    let auid = text(event, "who.login.auid").map(|auid| format!("auid {auid}"));
    let kind = text(event, "who.kind").filter(|kind| kind != "unset" && kind != "uid").map(|kind| format!("({kind})"));
    let known = name.as_deref().map(visible).or(auid).or(kind.as_deref().map(visible));
    let mut out = known.unwrap_or_else(|| "(unset)".to_owned());
    let effective = text(event, "who.effective.name")
        .or_else(|| text(event, "who.effective.uid").map(|uid| format!("uid {uid}").into()));
    let acting = text(event, "who.as").or(effective).or(uid_name).filter(|acting| name.as_ref() != Some(acting));
    if let Some(acting) = acting {
        out.push_str(&format!(" as {}", visible(&acting)));
    }
    out
}

fn object(event: &Value) -> String {
    if let Some(path) = text(event, "what.object.path") {
        return visible(&path);
    }
    match sentence::object(event) {
        Some(object) => object.replace("  ", " \\u{20}"),
        None => text(event, "how.request_uri").map_or_else(dash, |uri| visible(&uri)),
    }
}

fn place(event: &Value) -> String {
    let pod: Vec<String> = ["where.namespace", "where.pod", "where.container"]
        .iter()
        .filter_map(|path| text(event, path))
        .map(|part| visible(&part))
        .collect();
    let node = text(event, "where.node").map(|node| visible(&node));
    match (pod.is_empty(), node) {
        (false, Some(node)) => format!("{}@{node}", pod.join("/")),
        (false, None) => pod.join("/"),
        (true, Some(node)) => node,
        (true, None) => text(event, "where.cluster").map_or_else(dash, |cluster| visible(&cluster)),
    }
}

fn any(event: &Value, path: &str) -> String {
    match at(event, path) {
        None | Some(Value::Null) => dash(),
        Some(Value::Array(items)) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
            let words: Vec<String> = each_text(event, path).iter().map(|item| super::Word(item).to_string()).collect();
            words.join(" ").replace("  ", " \\u{20}")
        }
        Some(other @ (Value::Array(_) | Value::Object(_))) => visible(&line(other)),
        Some(_) => text(event, path).map_or_else(dash, |text| visible(&text)),
    }
}

/// The text in at most so many columns.
fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

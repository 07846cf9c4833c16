//! What pipes make of events: a count, the commonest values, events a bucket of time.
//!
//! Inside: each in every form. Of the export schemas there is none for counts: those forms give NDJSON. Not here: the counting (`query`).

use super::csv::{guarded, row};
use super::{Form, Look, Paint, Safe};
use crate::query::json;
use serde_json::{Value, json};
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr as _;

/// Columns of the bars where there is no terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 80;
/// Columns of a bar at least.
const BAR_MIN: usize = 8;

/// A value and how many events have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The value.
    pub value: String,
    /// Events.
    pub count: u64,
}

/// A bucket of time and how many events lie in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its start, RFC 3339 in UTC; it ends where the next starts.
    pub start: String,
    /// Events.
    pub count: u64,
}

/// Writes how many events matched.
pub fn count(out: &mut dyn Write, form: Form, count: u64) -> io::Result<()> {
    match form {
        Form::Table | Form::Text | Form::Md | Form::Html => writeln!(out, "{count}"),
        Form::Csv => {
            row(out, ["count".to_owned()].into_iter())?;
            row(out, [count.to_string()].into_iter())
        }
        Form::Json | Form::Ndjson | Form::Ocsf | Form::Ecs => {
            writeln!(out, "{}", json::line(&json!({ "count": count })))
        }
    }
}

/// Writes the commonest values of a field, as they are ordered.
pub fn top(out: &mut dyn Write, form: Form, look: &Look, field: &str, rows: &[Counted]) -> io::Result<()> {
    match form {
        Form::Table | Form::Text => {
            let digits = rows.iter().map(|row| row.count.to_string().len()).max().unwrap_or(0).max(5);
            let heading = format!("{:>digits$}  {}", "COUNT", Safe(field));
            writeln!(out, "{}", look.style.paint(Paint::Heading, heading))?;
            for row in rows {
                writeln!(out, "{:>digits$}  {}", row.count, Safe(&row.value))?;
            }
            Ok(())
        }
        Form::Csv => {
            row(out, [guarded(field), "count".to_owned()].into_iter())?;
            rows.iter().try_for_each(|one| row(out, [guarded(&one.value), one.count.to_string()].into_iter()))
        }
        _ => values(out, form, rows.iter().map(|row| json!({"value": row.value, "count": row.count})).collect()),
    }
}

/// Writes the buckets, with bars that fill the terminal.
pub fn hist(out: &mut dyn Write, form: Form, look: &Look, buckets: &[Bucket]) -> io::Result<()> {
    match form {
        Form::Table | Form::Text => bars(out, look, buckets),
        Form::Csv => {
            row(out, ["start".to_owned(), "count".to_owned()].into_iter())?;
            buckets.iter().try_for_each(|one| row(out, [guarded(&one.start), one.count.to_string()].into_iter()))
        }
        _ => values(out, form, buckets.iter().map(|one| json!({"start": one.start, "count": one.count})).collect()),
    }
}

fn bars(out: &mut dyn Write, look: &Look, buckets: &[Bucket]) -> io::Result<()> {
    let times: Vec<String> = buckets.iter().map(|one| look.time(&one.start)).collect();
    let time_columns = times.iter().map(|time| time.width()).max().unwrap_or(0);
    let most = buckets.iter().map(|one| one.count).max().unwrap_or(0);
    let digits = most.to_string().len();
    let width = if look.width == 0 { WIDTH_WITHOUT_TERMINAL } else { look.width };
    let room = width.saturating_sub(time_columns + digits + 4).max(BAR_MIN);
    for (time, one) in times.iter().zip(buckets) {
        let pad = time_columns.saturating_sub(time.width());
        let line = format!("{time}{}  {:>digits$}  {}", " ".repeat(pad), one.count, bar(one.count, most, room));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A bar in eighths of a column; whatever is not zero shows.
fn bar(count: u64, most: u64, room: usize) -> String {
    let room = u128::try_from(room).unwrap_or(0);
    let eighths = (u128::from(count) * room * 8).checked_div(u128::from(most)).unwrap_or(0);
    let eighths = usize::try_from(eighths).unwrap_or(0).max(usize::from(count > 0));
    let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get(eighths % 8).copied().unwrap_or("");
    format!("{}{part}", "█".repeat(eighths / 8))
}

fn values(out: &mut dyn Write, form: Form, values: Vec<Value>) -> io::Result<()> {
    if form == Form::Json {
        return writeln!(out, "{}", json::pretty(&Value::Array(values)));
    }
    values.iter().try_for_each(|value| writeln!(out, "{}", json::line(value)))
}

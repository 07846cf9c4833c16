//! The checks, for people and as JSON.
//!
//! Not here: which checks (`super`).

use crate::cli::args::{Form, Global};
use crate::cli::exit::CliError;
use crate::cli::output::{look, say, stdout_error};
use crate::doctor::{Group, State};
use crate::query::json::line;
use crate::render::{Paint, Safe};
use serde_json::json;
use std::io::{self, Write};

const STATES: [State; 4] = [State::Ok, State::Warn, State::Fail, State::Unknown];

/// Writes all groups.
pub(super) fn show(global: &Global, groups: &[Group]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    let counts = STATES.map(|state| {
        (state, groups.iter().flat_map(|group| &group.checks).filter(|check| check.state == state).count())
    });
    let rows = groups.iter().flat_map(|group| group.checks.iter().map(|check| check.json(group.title)));
    let written = match global.output {
        Some(Form::Json) => {
            let summary: serde_json::Map<_, _> =
                counts.iter().map(|(state, count)| (state.name().to_owned(), (*count).into())).collect();
            writeln!(out, "{}", line(&json!({ "checks": rows.collect::<Vec<_>>(), "summary": summary })))
        }
        Some(Form::Ndjson) => rows.map(|row| line(&row)).try_for_each(|row| writeln!(out, "{row}")),
        None | Some(Form::Table | Form::Text) => table(&mut out, global, groups)?,
        Some(_) => return Err(CliError::usage("`doctor` has the forms table, json and ndjson")),
    };
    written.map_err(|error| stdout_error(&error))?;
    drop(out);
    if !global.quiet {
        let words: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {}", state.name())).collect();
        say(format_args!("{}", words.join(", ")));
    }
    Ok(())
}

fn table(out: &mut dyn Write, global: &Global, groups: &[Group]) -> Result<io::Result<()>, CliError> {
    let style = look(global)?.style;
    let width = groups.iter().flat_map(|group| &group.checks).map(|check| check.name.len()).max().unwrap_or(0);
    let write = |out: &mut dyn Write| -> io::Result<()> {
        for (number, group) in groups.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            writeln!(out, "{}", style.paint(Paint::Heading, group.title))?;
            for check in &group.checks {
                let paint = match check.state {
                    State::Ok => Paint::Good,
                    State::Unknown => Paint::Dim,
                    State::Warn => Paint::Bad,
                    State::Fail => Paint::Alarm,
                };
                let state = style.paint(paint, format_args!("{:<7}", check.state.name()));
                let mut lines = check.seen.lines();
                writeln!(out, "  {state}  {:<width$}  {}", check.name, Safe(lines.next().unwrap_or_default()))?;
                for more in lines {
                    writeln!(out, "  {:7}  {:width$}  {}", "", "", Safe(more))?;
                }
                for (number, advice) in check.advice.iter().flat_map(|advice| advice.lines()).enumerate() {
                    let arrow = if number == 0 { "->" } else { "  " };
                    writeln!(out, "  {:7}  {:width$}  {arrow} {}", "", "", Safe(advice))?;
                }
            }
        }
        Ok(())
    };
    Ok(write(out))
}

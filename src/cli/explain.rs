//! `fields`, `explain`, `completions`, `man`: what explains the program itself.

use super::args::{ExplainArgs, FieldsArgs, Form, Global, command};
use super::exit::{CliError, Exit};
use super::output::{Output, stdout_error};
use crate::query::{explain as explain_query, fields_json, parse, translate};
use crate::render::Safe;
use crate::time::Zone;
use serde_json::Value;
use std::io::Write;

/// `fields [NAME]`.
pub fn fields(global: &Global, args: &FieldsArgs) -> Result<Exit, CliError> {
    let table = fields_json();
    let empty = Vec::new();
    let wanted: Vec<&Value> = table
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .filter(|row| args.name.as_deref().is_none_or(|name| is_named(row, name)))
        .collect();
    if wanted.is_empty() {
        let name = args.name.as_deref().unwrap_or_default();
        // The query language says it best, with what was meant.
        let error = parse(&format!("{name}:x"), crate::time::now(), &Zone::default()).err();
        let message = error.map_or_else(|| format!("no field `{name}`"), |error| error.to_string());
        return Err(CliError::new(Exit::NoMatch, message));
    }
    if let Some(Form::Json | Form::Ndjson | Form::Csv) = global.output {
        let mut output = Output::new(global, global.output.unwrap_or(Form::Json))?;
        wanted.iter().try_for_each(|row| output.line(row))?;
        output.finish_quietly()?;
        return Ok(Exit::Match);
    }
    let mut out = std::io::stdout().lock();
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    for row in wanted {
        let aliases: Vec<&str> =
            row.get("aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let line = format!(
            "{:<24} {:<22} {:<8} {}",
            text(row, "field"),
            aliases.join(" "),
            text(row, "kind"),
            text(row, "help")
        );
        writeln!(out, "{}", line.trim_end()).map_err(|error| stdout_error(&error))?;
    }
    Ok(Exit::Match)
}

fn is_named(row: &Value, name: &str) -> bool {
    let aliases = row.get("aliases").and_then(Value::as_array);
    row.get("field").and_then(Value::as_str) == Some(name)
        || aliases.is_some_and(|aliases| aliases.iter().any(|alias| alias.as_str() == Some(name)))
}

/// `explain QUERY`.
pub fn explain(global: &Global, args: &ExplainArgs) -> Result<Exit, CliError> {
    let asked = args.query.join(" ");
    let translated = translate(&asked).map_err(CliError::usage)?.map(|translated| translated.query);
    let text = translated.clone().unwrap_or(asked);
    let zone = Zone::parse(&global.tz).map_err(CliError::usage)?;
    let query = parse(&text, crate::time::now(), &zone).map_err(|error| CliError::usage(error.render_caret(&text)))?;
    let mut out = std::io::stdout().lock();
    let explained = explain_query(&query);
    if let Some(Form::Json | Form::Ndjson) = global.output {
        let mut answer = explained.to_json();
        if let (Some(answer), Some(query)) = (answer.as_object_mut(), translated) {
            answer.insert("query".to_owned(), query.into());
        }
        let line = crate::query::json::line(&answer);
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
        return Ok(Exit::Match);
    }
    if let Some(query) = translated {
        writeln!(out, "as a query: {}", Safe(&query)).map_err(|error| stdout_error(&error))?;
    }
    for line in explained.to_string().lines() {
        writeln!(out, "{}", Safe(line)).map_err(|error| stdout_error(&error))?;
    }
    Ok(Exit::Match)
}

/// `completions SHELL`.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, CliError> {
    // Into memory first: clap panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "deponent", &mut script);
    std::io::stdout().lock().write_all(&script).map_err(|error| stdout_error(&error))?;
    Ok(Exit::Match)
}

/// `man [COMMAND]`.
pub fn man(name: Option<&str>) -> Result<Exit, CliError> {
    let mut all = command();
    all.build();
    let page = match name {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            found.ok_or_else(|| CliError::usage(format!("no command `{name}`; `deponent --help` lists them")))?
        }
    };
    clap_mangen::Man::new(page).render(&mut std::io::stdout()).map_err(|error| stdout_error(&error))?;
    Ok(Exit::Match)
}

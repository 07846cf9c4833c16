//! `sources`, `findings`: short lists, one line a thing.
//!
//! Not here: the answers (`query::{sources, findings}`).

use super::args::{FindingsArgs, Form, Global};
use super::ask::Asker;
use super::exit::{CliError, Exit};
use super::output::{Output, say, stdout_error};
use super::search::asked;
use crate::query::Question;
use crate::render::Safe;
use serde_json::Value;
use std::io::Write;

/// `sources`.
pub fn sources(global: &Global) -> Result<Exit, CliError> {
    list(global, &Asker::find(global)?, &Question::Sources, "sources", source_text)
}

/// `findings`.
pub fn findings(global: &Global, args: &FindingsArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let time = asked(global, &asker, String::new(), &args.time)?;
    let question = Question::Findings { since: time.since, until: time.until };
    list(global, &asker, &question, "findings", finding_text)
}

fn list(
    global: &Global,
    asker: &Asker,
    question: &Question,
    what: &str,
    text: fn(&Value) -> String,
) -> Result<Exit, CliError> {
    let form = global.output.unwrap_or(Form::Text);
    let mut output = match form {
        Form::Text | Form::Table => None,
        Form::Json | Form::Ndjson => Some(Output::new(global, form)?),
        _ => return Err(CliError::usage(format!("`{what}` answers as text, json or ndjson (-o)"))),
    };
    let mut found = 0u64;
    asker.ask(question, &mut |line| {
        found += 1;
        match &mut output {
            Some(output) => output.line(&line),
            None => writeln!(std::io::stdout().lock(), "{}", Safe(&text(&line))).map_err(|error| stdout_error(&error)),
        }
    })?;
    if let Some(output) = output {
        output.finish_quietly()?;
    }
    if !global.quiet {
        say(format_args!("{found} {what}"));
    }
    Ok(if found == 0 { Exit::NoMatch } else { Exit::Match })
}

fn word(line: &Value, name: &str) -> String {
    line.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
}

fn source_text(line: &Value) -> String {
    if let Some(limit) = line.get("limit").and_then(Value::as_str) {
        return limit.to_owned();
    }
    let place: Vec<String> =
        ["cluster", "node"].iter().map(|name| word(line, name)).filter(|w| !w.is_empty()).collect();
    format!(
        "{:<18} {:<20} {:>9} records {:>12} bytes  read {} to {}  {}",
        word(line, "kind"),
        place.join("/"),
        word(line, "records"),
        word(line, "bytes"),
        word(line, "first_read"),
        word(line, "last_read"),
        line.get("path").map_or_else(|| word(line, "source"), |_| word(line, "path"))
    )
}

fn finding_text(line: &Value) -> String {
    if let Some(limit) = line.get("limit").and_then(Value::as_str) {
        return limit.to_owned();
    }
    let event = line.pointer("/events/0").and_then(Value::as_str).unwrap_or("");
    format!("{event}  {:<6} {}: {}", word(line, "severity"), word(line, "finding"), word(line, "detail"))
}

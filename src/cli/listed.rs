//! `sources`, `findings`: short lists, one line a thing.
//!
//! Not here: the answers (`query::{sources, findings}`).

use super::args::{FindingsArgs, Form, Global};
use super::ask::Asker;
use super::exit::{CliError, Exit};
use super::output::{Output, Patience, look, say, stdout_error};
use super::search::asked;
use crate::query::Question;
use crate::render::Safe;
use serde_json::Value;
use std::io::Write;

/// `sources`.
pub fn sources(global: &Global) -> Result<Exit, CliError> {
    let form = form(global, "sources")?;
    let asker = Asker::find(global)?;
    let mut lines = Vec::new();
    let patience = Patience::new(global, "looking at every batch and every file");
    asker.ask(&Question::Sources, &mut |line| {
        lines.push(line);
        Ok(())
    })?;
    drop(patience);
    match form {
        Form::Json | Form::Ndjson => {
            let mut output = Output::new(global, form)?;
            lines.iter().try_for_each(|line| output.line(line))?;
            output.finish_quietly()?;
        }
        _ => {
            let mut out = std::io::BufWriter::new(std::io::stdout());
            let written = crate::render::sources(&mut out, &look(global)?, &lines).and_then(|()| out.flush());
            written.map_err(|error| stdout_error(&error))?;
        }
    }
    ended(global, lines.len(), "sources")
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
    let form = form(global, what)?;
    let mut output = match form {
        Form::Json | Form::Ndjson => Some(Output::new(global, form)?),
        _ => None,
    };
    let mut found = 0usize;
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
    ended(global, found, what)
}

fn form(global: &Global, what: &str) -> Result<Form, CliError> {
    match global.output.unwrap_or(Form::Text) {
        form @ (Form::Text | Form::Table | Form::Json | Form::Ndjson) => Ok(form),
        _ => Err(CliError::usage(format!("`{what}` answers as text, json or ndjson (-o)"))),
    }
}

fn ended(global: &Global, found: usize, what: &str) -> Result<Exit, CliError> {
    if !global.quiet {
        say(format_args!("{found} {what}"));
    }
    Ok(if found == 0 { Exit::NoMatch } else { Exit::Match })
}

fn word(line: &Value, name: &str) -> String {
    line.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
}

fn finding_text(line: &Value) -> String {
    if let Some(limit) = line.get("limit").and_then(Value::as_str) {
        return limit.to_owned();
    }
    let event = line.pointer("/events/0").and_then(Value::as_str).unwrap_or("");
    format!("{event}  {:<6} {}: {}", word(line, "severity"), word(line, "finding"), word(line, "detail"))
}

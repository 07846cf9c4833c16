//! `why --to`, `replay`, `readers`: answers that follow something through many events.
//!
//! Not here: the answers (`query`), how they look (`render::{caused, replay, readers}`), single links (`linked`).

use super::args::{Form, Global, ReadersArgs, ReplayArgs, WhyArgs};
use super::ask::Asker;
use super::exit::{CliError, Exit};
use super::linked::unknown;
use super::output::Output;
use super::search::asked;
use crate::query::{LinkedKind, Question, Search, Story};
use serde_json::Value;

/// `why`, and with `--to` whether one event led to the other.
pub fn why(global: &Global, args: &WhyArgs) -> Result<Exit, CliError> {
    match &args.to {
        None => super::linked::run(global, LinkedKind::Why, &args.name),
        Some(cause) => run(global, Story::Caused { effect: args.name.clone(), cause: cause.clone() }),
    }
}

/// `replay`.
pub fn replay(global: &Global, args: &ReplayArgs) -> Result<Exit, CliError> {
    run(global, Story::Replay { name: args.name.clone() })
}

/// `readers`.
pub fn readers(global: &Global, args: &ReadersArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let Search { since, until, .. } = asked(global, &asker, String::new(), &args.time)?;
    run(global, Story::Readers { object: args.object.clone(), since, until })
}

fn run(global: &Global, story: Story) -> Result<Exit, CliError> {
    let form = global.output.unwrap_or(Form::Text);
    let Some(mut output) = Output::story(global, form, &story)? else {
        return Err(CliError::usage(refused(&story)));
    };
    let asker = Asker::find(global)?;
    let mut found = false;
    let name = name(&story).to_owned();
    let trailer = asker.ask(&Question::Story(story), &mut |line| {
        found |= is_found(&line);
        output.line(&line)
    });
    let trailer = trailer.map_err(|error| unknown(error, &name))?;
    output.finish(&trailer)?;
    Ok(if found { Exit::Match } else { Exit::NoMatch })
}

/// What it is about.
fn name(story: &Story) -> &str {
    match story {
        Story::Caused { effect, .. } => effect,
        Story::Replay { name } => name,
        Story::Readers { object, .. } => object,
    }
}

/// Whether a line says that something was found, and not why nothing was.
fn is_found(line: &Value) -> bool {
    line.get("linked").and_then(Value::as_str) != Some("none") && line.get("note").is_none()
}

fn refused(story: &Story) -> String {
    let (command, forms) = match story {
        Story::Caused { .. } => ("why --to", "text, json or ndjson"),
        Story::Readers { .. } => ("readers", "text, json, ndjson or csv"),
        Story::Replay { .. } => ("replay", "text, json, ndjson or csv"),
    };
    format!("`{command}` answers as {forms} (-o); table, ocsf and ecs are for events: `deponent show ID -o ocsf`")
}

//! `links`, `why`, `effects`, `tree`, `testify`: questions about what belongs together.
//!
//! Not here: the answers (`query`), how they look (`render::{why, tree, testimony}`), the table of rules (`rules`).

use super::args::{Form, Global, TestifyArgs};
use super::ask::Asker;
use super::exit::{CliError, Exit};
use super::output::Output;
use crate::query::{LinkedKind, Question};
use serde_json::Value;

/// Asks one of them about the event, container or exec of that name.
pub fn run(global: &Global, kind: LinkedKind, name: &str) -> Result<Exit, CliError> {
    let form = global.output.unwrap_or(Form::Text);
    let Some(mut output) = Output::linked(global, form, kind)? else {
        return Err(CliError::usage(refused(kind)));
    };
    let asker = Asker::find(global)?;
    let mut found = matches!(kind, LinkedKind::Why | LinkedKind::Tree | LinkedKind::Testify);
    let trailer = asker.ask(&Question::Linked { kind, name: name.to_owned() }, &mut |line| {
        found |= is_found(kind, &line);
        output.line(&line)
    });
    let trailer = trailer.map_err(|error| unknown(error, name))?;
    output.finish(&trailer)?;
    Ok(if found { Exit::Match } else { Exit::NoMatch })
}

/// The testimony about an event.
pub fn testify(global: &Global, args: &TestifyArgs) -> Result<Exit, CliError> {
    let form = global.output.unwrap_or(Form::Text);
    let Some(mut output) = Output::linked(global, form, LinkedKind::Testify)? else {
        return Err(CliError::usage(refused(LinkedKind::Testify)));
    };
    let question = Question::Testify { name: args.name.clone(), proofs: args.proofs };
    let trailer = Asker::find(global)?.ask(&question, &mut |line| output.line(&line));
    output.finish(&trailer.map_err(|error| unknown(error, &args.name))?)?;
    Ok(Exit::Match)
}

/// No event is missing where a container or an exec was asked for.
pub(super) fn unknown(error: CliError, name: &str) -> CliError {
    match name.split_once(':') {
        Some((what @ ("container" | "exec"), id)) if error.exit == Exit::NoMatch => CliError::new(
            Exit::NoMatch,
            format!(
                "no record names {what} `{id}`; the whole id is needed, as in `where.container_id` or in containerd's log"
            ),
        ),
        Some(("session", of)) if error.exit == Exit::NoMatch => {
            CliError::new(Exit::NoMatch, format!("no record of the kernel names login session `{of}` (NODE/SES)"))
        }
        Some(("pid", of)) if error.exit == Exit::NoMatch => CliError::new(
            Exit::NoMatch,
            format!("no start of a program by process `{of}` (PID@NODE) was recorded then"),
        ),
        _ => error,
    }
}

/// Whether a line says more than that the event itself is there.
fn is_found(kind: LinkedKind, line: &Value) -> bool {
    match kind {
        LinkedKind::Effects => line.get("depth").and_then(Value::as_u64).is_some_and(|depth| depth > 0),
        _ => true,
    }
}

fn refused(kind: LinkedKind) -> String {
    let (command, forms) = match kind {
        LinkedKind::Links => ("links", "text, json, ndjson or csv"),
        LinkedKind::Effects => ("effects", "text, json, ndjson or csv"),
        LinkedKind::Tree => ("tree", "text, json, ndjson or csv"),
        LinkedKind::Why => ("why", "text, json or ndjson"),
        LinkedKind::Testify => ("testify", "text, md, html, json or ndjson"),
    };
    format!("`{command}` answers as {forms} (-o); table, ocsf and ecs are for events: `deponent show ID -o ocsf`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_is_named() {
        let check = |name: &str, exit, expected: &str| {
            let error = unknown(CliError::new(exit, "as it was"), name);
            assert_eq!((error.exit, error.message.starts_with(expected)), (exit, true), "{name}: {}", error.message);
        };
        check("container:c0ffee", Exit::NoMatch, "no record names container `c0ffee`");
        check("exec:c0ffee", Exit::NoMatch, "no record names exec `c0ffee`");
        check("session:node-1/9", Exit::NoMatch, "no record of the kernel names login session `node-1/9`");
        check("pid:7@node-1", Exit::NoMatch, "no start of a program by process `7@node-1`");
        check("pod:c0ffee", Exit::NoMatch, "as it was");
        check("c0ffee", Exit::NoMatch, "as it was");
        check("container:c0ffee", Exit::Integrity, "as it was");
    }

    #[test]
    fn the_event_itself_is_no_effect() {
        let check = |kind, line: Value, found| assert_eq!(is_found(kind, &line), found, "{kind:?} {line}");
        check(LinkedKind::Effects, json!({ "event": {}, "depth": 0 }), false);
        check(LinkedKind::Effects, json!({ "limit": "more" }), false);
        check(LinkedKind::Effects, json!({ "event": {}, "depth": 1 }), true);
        check(LinkedKind::Links, json!({ "finding": "UNATTRIBUTED_EXEC" }), true);
    }
}

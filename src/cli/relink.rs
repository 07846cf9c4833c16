//! `verify TESTIMONY.json` and `verify --links`: the rules, run again.
//!
//! Not here: how they are run again (`query::{retell, recheck}`), the bytes of the store (`evidence`).

use super::args::{Form, Global, VerifyArgs};
use super::ask::{Asker, store_dir};
use super::exit::{CliError, Exit};
use super::output::{Ticker, say, stdout_error};
use crate::evidence::{Reader, VerifierKey};
use crate::index::Index;
use crate::query::{
    Again, Compared, Engine, Question, Retold, TESTIMONY_BYTES_MAX, compare, document, recheck, retell,
};
use crate::render::Safe;
use crate::time::{Zone, now, window};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Differences that are printed; the rest is counted.
const DIFFERENCES_SHOWN: u64 = 10_000;

/// A testimony: its records, its proof, and its links made again; with a store that is named, also against that.
pub fn testimony(global: &Global, file: &Path, key: Option<&VerifierKey>) -> Result<Exit, CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::new(Exit::Integrity, format!("{}: {error}", file.display()));
    let length = std::fs::metadata(file).map_err(|error| CliError::io(file.display(), &error))?.len();
    if length > TESTIMONY_BYTES_MAX {
        return Err(wrong(&format!("{length} bytes are too many for a testimony")));
    }
    let bytes = std::fs::read(file).map_err(|error| CliError::io(file.display(), &error))?;
    let retold = retell(&bytes, key).map_err(|error| wrong(&error))?;
    let against = if global.store.is_some() || global.server.is_some() {
        Some(against_store(global, &bytes, &retold.event)?)
    } else {
        None
    };
    let lines = match global.output {
        Some(Form::Json | Form::Ndjson) => vec![crate::query::json::line(&as_json(&retold, against.as_deref()))],
        _ => as_text(&retold, against.as_deref()),
    };
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    let all = || retold.parts.iter().chain(against.iter().flatten());
    Ok(if retold.is_refuted() || all().any(|part| matches!(part.again, Again::Differs(_))) {
        Exit::Integrity
    } else if retold.parts.is_empty() || all().any(|part| part.again != Again::Same) {
        Exit::Incomplete
    } else {
        Exit::Match
    })
}

/// What the store says of the same event now.
pub(super) fn against_store(global: &Global, bytes: &[u8], event: &str) -> Result<Vec<Compared>, CliError> {
    let told = document(bytes).map_err(|error| CliError::new(Exit::Integrity, error))?;
    let mut now = Value::Null;
    let question = Question::Testify { name: event.to_owned(), proofs: false };
    let asked = Asker::find(global)?.ask(&question, &mut |line| {
        now = line.get("testimony").cloned().unwrap_or_default();
        Ok(())
    });
    match asked {
        Ok(_) => {}
        Err(error) if error.exit == Exit::NoMatch => {
            let again = Again::Differs("the store has no such event".to_owned());
            return Ok(vec![Compared { part: "event".to_owned(), again }]);
        }
        Err(error) => return Err(error),
    }
    let (Some(told), Some(now)) = (told.as_object(), now.as_object()) else { return Ok(Vec::new()) };
    Ok(compare(told, now, true))
}

fn name(again: &Again) -> String {
    match again {
        Again::Same => "again: same".to_owned(),
        Again::Differs(what) => format!("differs: {what}"),
        Again::Undecided(why) => format!("cannot be decided from these records: {why}"),
    }
}

fn as_text(retold: &Retold, against: Option<&[Compared]>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut put = |line: String| lines.push(Safe(&line).to_string());
    let trust = if retold.authenticated {
        "all signatures hold with the key you gave"
    } else {
        "not authenticated: give the log's key with --key"
    };
    put(format!(
        "testimony about event {}: {} records, {} of them proved to be in the log; {trust}",
        retold.event, retold.records, retold.proved
    ));
    if let Some(checkpoint) = &retold.checkpoint {
        put(format!("checkpoint {checkpoint}"));
    }
    retold.wrong.iter().for_each(|wrong| put(format!("wrong: {wrong}")));
    retold.open.iter().for_each(|open| put(format!("not checked: {open}")));
    retold.parts.iter().for_each(|part| put(format!("{}: {}", part.part, name(&part.again))));
    match against {
        None => put(
            "that nothing else fits rests on the whole log: these records alone cannot show it; --store DIR checks it against a store too"
                .to_owned(),
        ),
        Some(parts) => {
            for part in parts.iter().filter(|part| part.again != Again::Same) {
                put(format!("in the store: {}: {}", part.part, name(&part.again)));
            }
            let same = parts.iter().all(|part| part.again == Again::Same);
            put(if same {
                "in the store: the same, with all of its log considered".to_owned()
            } else {
                "the store may know more than when the testimony was made: what came later counts too".to_owned()
            });
        }
    }
    lines
}

fn as_json(retold: &Retold, against: Option<&[Compared]>) -> Value {
    let parts = |parts: &[Compared]| -> Vec<Value> {
        parts
            .iter()
            .map(|part| match &part.again {
                Again::Same => json!({ "part": part.part, "again": "same" }),
                Again::Differs(what) => json!({ "part": part.part, "again": "differs", "what": what }),
                Again::Undecided(why) => json!({ "part": part.part, "again": "undecided", "why": why }),
            })
            .collect()
    };
    let mut value = json!({
        "event": retold.event, "records": retold.records, "proved": retold.proved, "authenticated": retold.authenticated,
        "wrong": retold.wrong, "not_checked": retold.open, "parts": parts(&retold.parts),
    });
    if let Some(object) = value.as_object_mut() {
        object.extend(retold.checkpoint.as_ref().map(|line| ("checkpoint".to_owned(), json!(line))));
        object.extend(against.map(|against| ("in_store".to_owned(), parts(against).into())));
    }
    value
}

/// All links of a store, or of a time.
pub fn store(global: &Global, args: &VerifyArgs) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    let zone = Zone::parse(&global.tz).map_err(CliError::usage)?;
    let time = window(args.since.as_deref(), args.until.as_deref(), now(), &zone).map_err(CliError::usage)?;
    let (since, until) = (time.since_ns, time.until_ns);
    let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
    let behind = reader.size();
    let index = Index::open_read_only(&dir.join("index")).map_err(|error| CliError::new(Exit::InputOutput, error))?;
    let behind = behind.saturating_sub(index.searcher().covers());
    let engine = Engine::new(reader, index);
    let mut ticker = Ticker::new(global, "looks at events");
    let mut shown = 0u64;
    let mut failed = None;
    let mut print = |line: String| {
        shown += 1;
        if shown <= DIFFERENCES_SHOWN && failed.is_none() {
            failed = writeln!(std::io::stdout().lock(), "{}", Safe(&line)).err();
        }
    };
    let rechecked = recheck(&engine, (since, until), &mut |done, total| ticker.tick(done, total), &mut print);
    drop(ticker);
    let rechecked = rechecked.map_err(|error| CliError::of_answer(&error, ""))?;
    if let Some(error) = failed {
        return Err(stdout_error(&error));
    }
    let mut out = std::io::stdout().lock();
    let told = match global.output {
        Some(Form::Json | Form::Ndjson) => crate::query::json::line(&json!({
            "events": rechecked.events, "same": rechecked.same, "differences": rechecked.differences, "undecided": rechecked.undecided,
            "not_indexed": behind,
        })),
        _ => format!(
            "{} events: {} links and findings came out again from the raw records, {} differences, {} events undecided",
            rechecked.events, rechecked.same, rechecked.differences, rechecked.undecided
        ),
    };
    writeln!(out, "{told}").map_err(|error| stdout_error(&error))?;
    if behind > 0 && !global.quiet {
        say(format_args!("{behind} log entries are not indexed yet, and were not looked at"));
    }
    Ok(match (rechecked.differences, rechecked.undecided) {
        (0, 0) => Exit::Match,
        (0, _) => Exit::Incomplete,
        _ => Exit::Integrity,
    })
}

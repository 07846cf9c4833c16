//! `case export` and `verify CASE.tar.zst`: a case as a file.
//!
//! Not here: what is in one, and how it is checked (`case`).

use super::args::{CaseAction, CaseArgs, CaseExportArgs, Form, Global};
use super::ask::{Asker, store_dir};
use super::exit::{CliError, Exit};
use super::output::{Ticker, say, stdout_error};
use super::relink::against_store;
use super::search::asked;
use crate::case::{ArchiveError, Ask, CaseError, Checked, EVENTS_MAX, Exported, Manifest, check, export};
use crate::evidence::{self, Reader, StoreOptions, VerifierKey};
use crate::index::Index;
use crate::query::{Engine, parse};
use crate::render::Safe;
use crate::time::Zone;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 1_000;
/// How often it is looked whether a collector has signed what is indexed.
const SIGNED_EVERY: Duration = Duration::from_millis(200);
/// How many times: it signs once a second.
const SIGNED_TRIES: u32 = 50;

/// `case`.
pub fn run(global: &Global, args: &CaseArgs) -> Result<Exit, CliError> {
    match &args.action {
        CaseAction::Export(args) => export_to(global, args),
    }
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> CliError {
        match error {
            ArchiveError::Io(error) => CliError::new(Exit::InputOutput, error),
            other => CliError::new(Exit::Integrity, other),
        }
    }
}

fn failed(error: CaseError, query: &str) -> CliError {
    match error {
        CaseError::Answer(error) => CliError::of_answer(&error, query),
        CaseError::Archive(error) => CliError::new(Exit::InputOutput, error),
        CaseError::Nothing => CliError::new(Exit::NoMatch, CaseError::Nothing),
        CaseError::Lost { .. } => CliError::new(Exit::Integrity, error),
        CaseError::Events { .. } => CliError::usage(error),
    }
}

fn export_to(global: &Global, args: &CaseExportArgs) -> Result<Exit, CliError> {
    let dir = wanted(global, args)?;
    super::evidence::exists(&dir)?;
    let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
    let index = Index::open_read_only(&dir.join("index")).map_err(|error| CliError::new(Exit::InputOutput, error))?;
    let engine = signed(&dir, &Engine::new(reader, index))?;
    let asker = Asker::Local(Box::new(engine.clone()));
    let search = match &args.query {
        Some(query) => Some(asked(global, &asker, query.clone(), &args.time)?),
        None => None,
    };
    let query = args.query.clone().unwrap_or_default();
    let ask = Ask { names: args.names.clone(), search, limit: args.limit, title: args.title.clone() };
    let key = evidence::key_info(&StoreOptions::new(dir)).ok().and_then(|info| info.vkey);
    let (aside, file) = aside(&args.to)?;
    let mut ticker = Ticker::new(global, "testimonies");
    let made = export(&engine, &ask, key.as_ref(), BufWriter::new(file), &mut |done, all| ticker.tick(done, all));
    drop(ticker);
    let kept = made.map_err(|error| failed(error, &query)).and_then(|(file, made)| {
        keep(file, &aside, &args.to).map(|()| made).map_err(|error| CliError::io(args.to.display(), &error))
    });
    let made = kept.inspect_err(|_| {
        let _gone = std::fs::remove_file(&aside);
    })?;
    tell(global, args, &made, key.is_some())
}

/// The store as its index is now, under a checkpoint that covers that. What came in the last second, a collector has not signed yet.
fn signed(dir: &Path, engine: &Engine) -> Result<Engine, CliError> {
    let mut left = SIGNED_TRIES;
    loop {
        let under = engine.clone().under_one_checkpoint().map_err(|error| CliError::of_answer(&error, ""))?;
        let trailer = under.trailer();
        let size = trailer.checkpoint.as_deref().and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
        let holder = evidence::holder(dir).map_err(|error| CliError::of_evidence(&error))?;
        if size.is_some_and(|size| size >= trailer.indexed) || holder.is_none() || left == 0 {
            return Ok(under);
        }
        left -= 1;
        std::thread::sleep(SIGNED_EVERY);
    }
}

/// The store, where the arguments make sense.
fn wanted(global: &Global, args: &CaseExportArgs) -> Result<PathBuf, CliError> {
    if global.server.is_some() {
        return Err(CliError::usage(
            "`case export` reads the store's own files, beside its collector too: --store DIR",
        ));
    }
    if !matches!(global.output, None | Some(Form::Text | Form::Table | Form::Json | Form::Ndjson)) {
        return Err(CliError::usage(
            "`case export` says what it made as text or json (-o); the case goes to --to FILE",
        ));
    }
    let time = &args.time;
    if args.query.is_none() && (time.since.is_some() || time.until.is_some() || time.around.is_some()) {
        return Err(CliError::usage("--since, --until and --around are for --query; --query '*' takes all events"));
    }
    if args.names.is_empty() && args.query.is_none() {
        return Err(CliError::usage("which events? Name them (ID…), or give --query QUERY"));
    }
    if args.limit == 0 || args.limit > EVENTS_MAX {
        return Err(CliError::usage(format!("--limit is between 1 and {EVENTS_MAX}: a case has no more events")));
    }
    if args.title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARS_MAX) {
        return Err(CliError::usage(format!("--title has at most {TITLE_CHARS_MAX} characters")));
    }
    if let Some(query) = &args.query {
        let zone = Zone::parse(&global.tz).map_err(CliError::usage)?;
        let parsed = parse(query, crate::time::now(), &zone);
        if parsed.map_err(|error| CliError::usage(error.render_caret(query)))?.pipe.is_some() {
            return Err(CliError::usage("--query names events; a pipe makes something else of them"));
        }
    }
    if args.to.exists() && !args.force {
        return Err(CliError::usage(format!("{} is there already; --force replaces it", args.to.display())));
    }
    store_dir(global)
}

/// A new file beside the one that is wanted: under that name there is all of it, or nothing.
fn aside(to: &Path) -> Result<(PathBuf, File), CliError> {
    let name = to.file_name().ok_or_else(|| CliError::usage(format!("{} names no file", to.display())))?;
    let aside = to.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&aside);
    let file = file.map_err(|error| CliError::io(aside.display(), &error))?;
    Ok((aside, file))
}

fn keep(file: BufWriter<File>, aside: &Path, to: &Path) -> std::io::Result<()> {
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(aside, to)?;
    let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}

fn tell(global: &Global, args: &CaseExportArgs, made: &Exported, has_key: bool) -> Result<Exit, CliError> {
    let Manifest { counts, log, files, .. } = &made.manifest;
    let mut out = std::io::stdout().lock();
    let to = args.to.display().to_string();
    let lines = match global.output {
        Some(Form::Json | Form::Ndjson) => vec![crate::query::json::line(&json!({
            "file": to, "sha256": made.sha256, "events": counts.events, "matched": counts.matched, "left_out": counts.left_out,
            "gaps": counts.gaps, "findings": counts.findings, "files": files.len() + 2, "origin": log.origin, "size": log.size,
            "root": log.root, "indexed": log.indexed, "key": has_key,
        }))],
        _ => vec![
            format!(
                "{}: {} events, {} gaps, {} findings, under checkpoint {} {} {}",
                Safe(&to),
                counts.events,
                counts.gaps,
                counts.findings,
                Safe(&log.origin),
                log.size,
                Safe(&log.root)
            ),
            format!("sha256 {}", made.sha256),
        ],
    };
    for line in lines {
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    let behind = log.size.saturating_sub(log.indexed);
    let note = |wanted: bool, text: String| {
        if wanted && !global.quiet {
            say(format_args!("{text}"));
        }
    };
    note(
        counts.left_out > 0,
        format!(
            "the query matched {} events; the limit is {}, so that {} are left out (--limit)",
            counts.matched, args.limit, counts.left_out
        ),
    );
    note(behind > 0, format!("{behind} log entries are not indexed yet, and were not looked at"));
    note(!has_key, "this machine does not have the log's key, so that it is not in the case".to_owned());
    Ok(if counts.left_out > 0 || behind > 0 { Exit::Incomplete } else { Exit::Match })
}

/// `verify CASE.tar.zst`.
pub fn verify(global: &Global, file: &Path, key: Option<&VerifierKey>) -> Result<Exit, CliError> {
    let opened = File::open(file).map_err(|error| CliError::io(file.display(), &error))?;
    let has_store = global.store.is_some() || global.server.is_some();
    let mut ticker = Ticker::new(global, "testimonies checked");
    let mut against = |bytes: &[u8], event: &str| {
        if has_store { against_store(global, bytes, event) } else { Ok(Vec::new()) }
    };
    let checked: Result<Checked, CliError> = check(opened, key, &mut against, &mut |done| ticker.tick(done, done));
    drop(ticker);
    let checked =
        checked.map_err(|error| CliError { message: format!("{}: {}", file.display(), error.message), ..error })?;
    let lines = match global.output {
        Some(Form::Json | Form::Ndjson) => vec![crate::query::json::line(&as_json(&checked))],
        _ => as_text(&checked, key.is_some(), has_store),
    };
    let mut out = std::io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    Ok(match (checked.wrong.is_empty(), checked.undecided.is_empty()) {
        (false, _) => Exit::Integrity,
        (true, false) => Exit::Incomplete,
        (true, true) => Exit::Match,
    })
}

fn as_text(checked: &Checked, key_given: bool, has_store: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut put = |line: String| lines.push(Safe(&line).to_string());
    let trust = match (checked.authenticated, key_given, &checked.key) {
        (true, ..) => "all signatures hold with the key you gave",
        (false, true, _) => "not authenticated: see what is wrong",
        (false, false, Some(_)) => "not authenticated: the key in it may be anybody's; give the log's key with --key",
        (false, false, None) => "not authenticated: give the log's key with --key",
    };
    put(format!("case of {} events in {} files; {trust}", checked.told.len(), checked.files));
    put(format!("sha256 {}", checked.sha256));
    if let Some(checkpoint) = &checked.checkpoint {
        put(format!("checkpoint {checkpoint}"));
    }
    if let Some(manifest) = &checked.manifest {
        manifest.title.iter().for_each(|title| put(format!("title {title:?}, in the words of whoever made it")));
        let counts = &manifest.counts;
        if counts.left_out > 0 {
            put(format!("left out: {} of {} events that its query matched", counts.left_out, counts.matched));
        }
    }
    for told in &checked.told {
        let others = if told.others == 0 { String::new() } else { format!(", {} not", told.others) };
        put(format!(
            "event {}: {} records, {} of them proved to be in the log; {} parts made again: same{others}",
            told.event, told.records, told.proved, told.same
        ));
    }
    checked.wrong.iter().for_each(|wrong| put(format!("wrong: {wrong}")));
    checked.undecided.iter().for_each(|why| put(format!("cannot be decided: {why}")));
    checked.open.iter().for_each(|open| put(format!("not checked: {open}")));
    if checked.more > 0 {
        put(format!("{} further sentences are not shown", checked.more));
    }
    put("not checked: gaps.ndjson and findings.ndjson rest on the whole log; what was asked for is what the manifest says".to_owned());
    if !has_store {
        put("that nothing else fits rests on the whole log too: --store DIR checks the testimonies against a store"
            .to_owned());
    }
    let ends = match (checked.wrong.len(), checked.undecided.len()) {
        (0, 0) => "it holds".to_owned(),
        (0, open) => format!("nothing is wrong; {open} parts cannot be decided"),
        (wrong, _) => format!("IT DOES NOT HOLD: {wrong} things are wrong"),
    };
    put(ends);
    lines
}

fn as_json(checked: &Checked) -> Value {
    let told: Vec<Value> = checked
        .told
        .iter()
        .map(|told| {
            json!({
                "event": told.event, "records": told.records, "proved": told.proved, "same": told.same, "others": told.others,
            })
        })
        .collect();
    let manifest = checked.manifest.as_ref();
    json!({
        "authenticated": checked.authenticated, "sha256": checked.sha256, "checkpoint": checked.checkpoint, "key": checked.key,
        "title": manifest.and_then(|manifest| manifest.title.clone()), "left_out": manifest.map(|manifest| manifest.counts.left_out),
        "files": checked.files, "events": told, "wrong": checked.wrong, "undecided": checked.undecided, "not_checked": checked.open,
        "more": checked.more,
    })
}

//! `ingest`: files and folders into a store, with progress and an account of every record.

use super::args::{Form, Global, IngestArgs};
use super::ask::{config, store_dir};
use super::exit::{CliError, Exit};
use super::output::{say, stdout_error};
use crate::config::zone_name;
use crate::evidence::StoreOptions;
use crate::model::{Mapping, Reading, RecordKind};
use crate::pipeline::{IngestOptions, Ingested, PipelineError, Progress, Summary, ingest};
use crate::render::Safe;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Skipped files that are named one by one.
const SKIPPED_NAMED: usize = 50;

/// Reads everything, then says what came of it.
pub fn run(global: &Global, args: &IngestArgs) -> Result<Exit, CliError> {
    let config = config(global)?;
    let kind = match &args.kind {
        None => None,
        Some(name) => Some(
            RecordKind::of_file(name)
                .ok_or_else(|| CliError::usage(format!("--kind `{name}` is none of: {}", RecordKind::names())))?,
        ),
    };
    let options = IngestOptions {
        store: StoreOptions::new(store_dir(global)?),
        paths: args.paths.clone(),
        kind,
        node: args.node.clone().unwrap_or(config.node),
        cluster: args.cluster.clone().unwrap_or(config.cluster),
        reading: reading(args)?,
        limits: config.limits,
        clock: crate::time::now,
    };
    let progress = Arc::new(Progress::default());
    let started = Instant::now();
    let bar = (!global.quiet && std::io::stderr().is_terminal()).then(|| Bar::start(Arc::clone(&progress)));
    let result = ingest(&options, &progress);
    if let Some(bar) = bar {
        bar.stop();
    }
    let done = result.map_err(|error| pipeline_error(&error))?;
    report(global, &done, started.elapsed())?;
    let nothing = done.summary.records == 0;
    Ok(match (nothing, done.failed.is_empty() && done.broken_off.is_empty()) {
        (_, false) => Exit::InputOutput,
        (true, true) => Exit::NoMatch,
        (false, true) => Exit::Match,
    })
}

/// How the records are to be read, checked.
fn reading(args: &IngestArgs) -> Result<Reading, CliError> {
    let zone = match args.zone.as_deref() {
        None => String::new(),
        Some(text) => zone_name(text).map_err(|message| CliError::usage(format!("--zone: {message}")))?,
    };
    let fields = match args.fields.as_deref() {
        None => String::new(),
        Some(text) => {
            let mapping = Mapping::parse(text).map_err(|message| CliError::usage(format!("--fields: {message}")))?;
            mapping.to_string()
        }
    };
    Ok(Reading { zone, fields })
}

/// A pipeline error with its exit code.
pub fn pipeline_error(error: &PipelineError) -> CliError {
    match error {
        PipelineError::Evidence(error) => CliError::of_evidence(error),
        PipelineError::Answer(error) => CliError::of_answer(error, ""),
        _ => CliError::new(Exit::InputOutput, error),
    }
}

/// A bar that looks at the counters until it is stopped.
struct Bar {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Bar {
    fn start(progress: Arc<Progress>) -> Bar {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left, {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            let tick = Duration::from_millis(200);
            while stopped.recv_timeout(tick) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                bar.set_length(progress.bytes_total.load(Ordering::Relaxed));
                bar.set_position(progress.bytes_done.load(Ordering::Relaxed));
                bar.set_message(format!(
                    "{} records indexed",
                    HumanCount(progress.records_indexed.load(Ordering::Relaxed))
                ));
            }
            bar.finish_and_clear();
        });
        Bar { stop, thread }
    }

    fn stop(self) {
        drop(self.stop);
        // It only draws: a bar that panicked has cost nothing.
        let _drawn = self.thread.join();
    }
}

fn report(global: &Global, done: &Ingested, took: Duration) -> Result<(), CliError> {
    if let Some(Form::Json | Form::Ndjson) = global.output {
        let line = crate::query::json::line(&summary_json(&done.summary));
        writeln!(std::io::stdout().lock(), "{line}").map_err(|error| stdout_error(&error))?;
    }
    for (path, reason) in done.failed.iter().chain(done.skipped.iter().take(SKIPPED_NAMED)) {
        say(format_args!("not read: {}: {}", Safe(&path.to_string_lossy()), Safe(reason)));
    }
    for (path, reason) in &done.broken_off {
        say(format_args!("read in part: {}: {}", Safe(&path.to_string_lossy()), Safe(reason)));
    }
    if done.skipped.len() > SKIPPED_NAMED {
        say(format_args!("not read: {} files more", done.skipped.len() - SKIPPED_NAMED));
    }
    if global.quiet {
        return Ok(());
    }
    let summary = &done.summary;
    let secs = took.as_secs_f64().max(0.001);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people"
    )]
    let rate = (summary.bytes as f64 / secs) as u64;
    say(format_args!(
        "{} records, {} in {:.1} s ({}/s): {} new events, {} amended; {} records were there already, {} could not be read; {} log entries",
        HumanCount(summary.records),
        HumanBytes(summary.bytes),
        secs,
        HumanBytes(rate),
        HumanCount(summary.events),
        HumanCount(summary.amended),
        HumanCount(summary.duplicates),
        HumanCount(summary.bad_records),
        HumanCount(summary.batches)
    ));
    for (kind, count) in &summary.issues {
        say(format_args!("  issue {}: {}", Safe(kind), HumanCount(*count)));
    }
    if summary.bad_records > 0 {
        say(format_args!("  `deponent search 'source:self what:bad-record'` lists what could not be read"));
    }
    say(format_args!("head: {}", Safe(&done.head)));
    Ok(())
}

/// The account as the contract has it.
pub fn summary_json(summary: &Summary) -> serde_json::Value {
    json!({
        "bytes": summary.bytes, "records": summary.records, "events": summary.events, "amended": summary.amended,
        "duplicates": summary.duplicates, "bad_records": summary.bad_records, "issues": summary.issues,
        "batches": summary.batches, "links": {},
    })
}

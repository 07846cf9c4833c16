//! `retain`: what is older or more than the configuration allows, shown, or gone.
//!
//! Not here: what a policy is (`config`), how records go (`evidence`, `pipeline`).

use super::args::{Form, Global};
use super::ask::{config, store_dir};
use super::evidence::exists;
use super::exit::{CliError, Exit};
use super::output::{Ticker, say, stdout_error};
use crate::config::Policy;
use crate::evidence::{Reader, Statement, StoreOptions};
use crate::pipeline::{retain, retainable};
use crate::render::Safe;
use std::io::Write;

/// `retain`.
#[derive(Debug, clap::Args)]
pub struct RetainArgs {
    /// Let it go; without this it is only shown
    #[arg(long)]
    pub apply: bool,
    /// Instead of the configuration: all, linux, kubernetes, or a kind such as kubelet
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<String>,
    /// With --source: what was received longer ago, such as 90d
    #[arg(long, value_name = "AGE", requires = "source")]
    pub max_age: Option<String>,
    /// With --source: the oldest, while there are more bytes on the disk, such as 500GB
    #[arg(long, value_name = "BYTES", requires = "source")]
    pub max_bytes: Option<String>,
}

/// Shows what would go, or says it in the log and lets it go.
pub fn run(global: &Global, args: &RetainArgs) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let config = config(global)?;
    let policies = match &args.source {
        None => config.retention,
        Some(source) => {
            let policy = Policy::parse(source, args.max_age.as_deref(), args.max_bytes.as_deref());
            vec![policy.map_err(|message| CliError::usage(format!("--source: {message}")))?]
        }
    };
    if policies.is_empty() {
        return Err(CliError::usage(
            "everything is kept: no [[retention]] in the configuration, and no --source SOURCE --max-age AGE",
        ));
    }
    let now = crate::time::now();
    if !args.apply {
        let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
        let said = retainable(reader, &policies, now).map_err(|error| CliError::of_evidence(&error))?;
        show(global, &said, "would go")?;
        if !global.quiet && !said.is_empty() {
            say(format_args!("nothing has gone: --apply does it"));
        }
        return Ok(if said.is_empty() { Exit::NoMatch } else { Exit::Match });
    }
    let mut ticker = Ticker::new(global, "segments");
    let heap = config.limits.index_heap_bytes;
    let retained = retain(&StoreOptions::new(dir), &policies, heap, now, &mut |done, total| ticker.tick(done, total));
    drop(ticker);
    let retained = retained.map_err(|error| super::ingest::pipeline_error(&error))?;
    show(global, &retained.said, "are gone")?;
    let freed = retained.freed;
    if !global.quiet {
        let text = "batches written again without their records";
        say(format_args!(
            "{} {text}, {} segments, {} bytes of the disk free",
            freed.batches, freed.segments, freed.bytes
        ));
    }
    Ok(if retained.said.is_empty() && freed.batches == 0 { Exit::NoMatch } else { Exit::Match })
}

fn show(global: &Global, said: &[Statement], verb: &str) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    for said in said {
        let line = match global.output {
            Some(Form::Json | Form::Ndjson) => said.record(),
            _ => format!(
                "{}: {} records of {} batches ({} bytes), received up to {}, {verb}; kept from log entry {} on",
                Safe(&said.source),
                said.records,
                said.batches,
                said.bytes,
                said.received_until,
                said.minimum_index
            ),
        };
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    Ok(())
}

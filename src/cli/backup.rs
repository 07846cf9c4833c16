//! `backup`: a copy of a store that verifies, made while it is served or not.
//!
//! Not here: the copying (`evidence`), putting it back (`key adopt`, `rebuild`; docs/retention.md).

use super::args::{Form, Global};
use super::ask::store_dir;
use super::evidence::exists;
use super::exit::{CliError, Exit};
use super::output::{Ticker, stdout_error};
use crate::evidence;
use crate::render::Safe;
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// `backup`.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// Where the copy goes: a new folder, or an older copy of the same store
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
}

/// Copies.
pub fn run(global: &Global, args: &BackupArgs) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let mut ticker = Ticker::new(global, "log entries copied");
    let done = evidence::backup(&dir, &args.to, &mut |done, total| ticker.tick(done, total));
    drop(ticker);
    let done = done.map_err(|error| CliError::of_evidence(&error))?;
    let checkpoint = &done.checkpoint;
    let line = match global.output {
        Some(Form::Json | Form::Ndjson) => crate::query::json::line(&json!({
            "origin": checkpoint.origin, "size": checkpoint.size, "root": data_encoding::BASE64.encode(&checkpoint.root),
            "before": done.before, "bytes": done.bytes,
        })),
        _ => format!(
            "{} log entries of {}, {} of them new: {} bytes",
            checkpoint.size,
            Safe(&checkpoint.origin),
            checkpoint.size.saturating_sub(done.before),
            done.bytes
        ),
    };
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| stdout_error(&error))?;
    Ok(Exit::Match)
}

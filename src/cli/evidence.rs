//! `prove`, `verify`, `head`, `gaps`, `fsck`, `rebuild`, `key`: the evidence itself.

use super::args::{Form, FsckArgs, Global, KeyAction, KeyArgs, ProveArgs, VerifyArgs};
use super::ask::{Asker, config, store_dir};
use super::exit::{CliError, Exit};
use super::output::{Output, Ticker, say, stdout_error};
use crate::evidence::{
    self, Authenticated, ProofFile, Reader, StoreOptions, Verdict, VerifierKey, VerifyError, VerifyOptions,
};
use crate::query::Question;
use crate::render::{Safe, SafeBytes};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// Bytes of a file with a key or a checkpoint.
const SMALL_BYTES_MAX: u64 = 64 << 10;

/// `prove`.
pub fn prove(global: &Global, args: &ProveArgs) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let mut text = String::new();
    asker.ask(&Question::Prove { name: args.name.clone() }, &mut |line| {
        text = line.get("proof").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(())
    })?;
    match &args.to {
        None => std::io::stdout().lock().write_all(text.as_bytes()).map_err(|error| stdout_error(&error))?,
        Some(path) => std::fs::write(path, &text).map_err(|error| CliError::io(path.display(), &error))?,
    }
    Ok(Exit::Match)
}

/// `verify`.
pub fn verify(global: &Global, args: &VerifyArgs) -> Result<Exit, CliError> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    match &args.file {
        Some(_) if args.head.is_some() => Err(CliError::usage(
            "--head is for stores: a proof file holds the checkpoint that it leads to, which is printed",
        )),
        Some(_) if args.since.is_some() || args.until.is_some() => {
            Err(CliError::usage("--since and --until are for stores: a file is checked as a whole"))
        }
        Some(file) => verify_file(global, args, file, key.as_ref()),
        None => {
            let verified = verify_store(global, args, key)?;
            if args.links { super::relink::store(global, args) } else { Ok(verified) }
        }
    }
}

/// A proof file, a testimony, or a case: they begin differently.
fn verify_file(global: &Global, args: &VerifyArgs, file: &Path, key: Option<&VerifierKey>) -> Result<Exit, CliError> {
    let mut start = [0; 256];
    let read = std::fs::File::open(file).and_then(|mut file| std::io::Read::read(&mut file, &mut start));
    let read = read.map_err(|error| CliError::io(file.display(), &error))?;
    if crate::case::is_case(start.get(..read).unwrap_or_default()) {
        return super::case::verify(global, file, key);
    }
    if crate::query::is_testimony(start.get(..read).unwrap_or_default()) {
        return super::relink::testimony(global, file, key);
    }
    if args.links {
        return Err(CliError::usage("--links is for stores, testimonies and cases: a proof file holds no links"));
    }
    verify_proof(global, file, key)
}

/// A vkey, or a file that holds one.
fn read_key(text: &str) -> Result<VerifierKey, CliError> {
    let from_file = if Path::new(text).exists() { Some(small(Path::new(text))?) } else { None };
    let vkey = from_file.as_deref().unwrap_or(text).trim();
    VerifierKey::parse(vkey).map_err(|error| {
        CliError::usage(format!("--key: {error}; a vkey looks like name+hash+base64 and is printed by `deponent key`"))
    })
}

fn small(path: &Path) -> Result<String, CliError> {
    let length = std::fs::metadata(path).map_err(|error| CliError::io(path.display(), &error))?.len();
    if length > SMALL_BYTES_MAX {
        return Err(CliError::usage(format!(
            "{}: {length} bytes are too many for a key or a checkpoint",
            path.display()
        )));
    }
    std::fs::read_to_string(path).map_err(|error| CliError::io(path.display(), &error))
}

fn verify_proof(global: &Global, file: &Path, key: Option<&VerifierKey>) -> Result<Exit, CliError> {
    let length = std::fs::metadata(file).map_err(|error| CliError::io(file.display(), &error))?.len();
    if length > u64::try_from(evidence::PROOF_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(CliError::new(
            Exit::Integrity,
            format!("{}: {length} bytes are too many for a proof", file.display()),
        ));
    }
    let bytes = std::fs::read(file).map_err(|error| CliError::io(file.display(), &error))?;
    let wrong = |error: &dyn std::fmt::Display| CliError::new(Exit::Integrity, format!("{}: {error}", file.display()));
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
    let proof = ProofFile::parse(&text).map_err(|error| wrong(&error))?;
    let verdict = proof.verify(key).map_err(|error| wrong(&error))?;
    let mut out = std::io::stdout().lock();
    let lines = match global.output {
        Some(Form::Json | Form::Ndjson) => vec![crate::query::json::line(&proof_json(&proof, &verdict))],
        _ => proof_text(&proof, &verdict),
    };
    for line in lines {
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    Ok(Exit::Match)
}

fn proof_json(proof: &ProofFile, verdict: &Verdict) -> Value {
    let records: Vec<Value> = verdict
        .records
        .iter()
        .zip(&proof.records)
        .map(|(proven, record)| {
            json!({
                "leaf": proven.leaf, "record": proven.number, "size": proven.size,
                "received": crate::time::rfc3339(proven.entry.envelope.received), "source": proven.entry.header.source,
                "raw": data_encoding::BASE64.encode(&record.bytes),
            })
        })
        .collect();
    let checkpoints: Vec<Value> = verdict
        .checkpoints
        .iter()
        .map(|c| json!({ "origin": c.origin, "size": c.size, "root": data_encoding::BASE64.encode(&c.root) }))
        .collect();
    json!({ "authenticated": verdict.authenticated(), "event": verdict.event, "checkpoints": checkpoints, "records": records })
}

fn proof_text(proof: &ProofFile, verdict: &Verdict) -> Vec<String> {
    let how = if verdict.authenticated() {
        "authenticated by the key you gave"
    } else {
        "self-consistent, not authenticated: give the log's key with --key"
    };
    let mut lines = Vec::new();
    for checkpoint in &verdict.checkpoints {
        lines.push(format!(
            "{} records of event {} are in the log {} of size {}: {how}",
            proof.records.len(),
            Safe(&verdict.event),
            Safe(&checkpoint.origin),
            checkpoint.size
        ));
    }
    for (proven, record) in verdict.records.iter().zip(&proof.records) {
        let entry = &proven.entry;
        lines.push(format!(
            "entry {} record {}, received {}, read from {}",
            proven.leaf,
            proven.number,
            crate::time::rfc3339(entry.envelope.received),
            Safe(&entry.header.source)
        ));
        lines.push(format!("  {}", SafeBytes(&record.bytes)));
    }
    lines
}

fn verify_store(global: &Global, args: &VerifyArgs, key: Option<VerifierKey>) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let head = args.head.as_deref().map(small).transpose()?;
    let mut ticker = Ticker::new(global, "bytes verified");
    let options = VerifyOptions { key, head, ..VerifyOptions::default() };
    let verified = evidence::verify(&dir, &options, &mut |done, total| ticker.tick(done, total));
    drop(ticker);
    let report = match verified {
        Ok(report) => report,
        Err(VerifyError::Failed(error)) => return Err(CliError::of_evidence(&error)),
        Err(VerifyError::Refused(faults)) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            return Err(CliError::new(Exit::Integrity, lines.join("\n")));
        }
    };
    let (authenticated, how) = match report.authenticated {
        Authenticated::GivenKey => (true, "authenticated by the key you gave"),
        Authenticated::LocalKey => (true, "authenticated by the key that this machine keeps for it"),
        Authenticated::No => (false, "self-consistent, not authenticated: give the log's key with --key"),
    };
    let mut out = std::io::stdout().lock();
    let checkpoint = &report.checkpoint;
    if let Some(Form::Json | Form::Ndjson) = global.output {
        let value = json!({
            "authenticated": authenticated, "origin": checkpoint.origin, "size": checkpoint.size,
            "root": data_encoding::BASE64.encode(&checkpoint.root), "entries": report.entries,
            "unsigned_entries": report.unsigned_entries, "records": report.records, "bytes": report.bytes,
            "redacted": report.redacted, "pruned_batches": report.pruned_batches, "pruned_records": report.pruned_records, "torn_bytes": report.torn_bytes, "head": report.head, "last_signed": report.last_signed,
        });
        writeln!(out, "{}", crate::query::json::line(&value)).map_err(|error| stdout_error(&error))?;
        return Ok(Exit::Match);
    }
    let mut lines = vec![format!(
        "{} log entries, {} records, {} bytes of {}: every byte is as it was signed; {how}",
        report.entries,
        report.records,
        report.bytes,
        Safe(&checkpoint.origin)
    )];
    let mut note = |wanted: bool, text: String| lines.extend(wanted.then_some(text));
    note(report.unsigned_entries > 0, format!("  {} log entries are under no checkpoint yet", report.unsigned_entries));
    note(
        report.torn_bytes > 0,
        format!("  {} bytes of an unfinished block at the end, which was never acknowledged", report.torn_bytes),
    );
    note(report.redacted > 0, format!("  {} records were redacted", report.redacted));
    note(
        report.pruned_batches > 0,
        format!(
            "  {} records of {} batches are gone by retention, as the log says: their hashes and headers are kept",
            report.pruned_records, report.pruned_batches
        ),
    );
    note(report.head.is_some(), format!("  it extends the head you gave, of size {}", report.head.unwrap_or(0)));
    for line in lines {
        writeln!(out, "{line}").map_err(|error| stdout_error(&error))?;
    }
    Ok(Exit::Match)
}

pub(super) fn exists(dir: &Path) -> Result<(), CliError> {
    if dir.exists() {
        return Ok(());
    }
    Err(CliError::new(Exit::Unreachable, format!("there is no store at {}; --store DIR names one", dir.display())))
}

/// `head`.
pub fn head(global: &Global) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let mut head = Value::Null;
    asker.ask(&Question::Head, &mut |line| {
        head = line;
        Ok(())
    })?;
    let mut out = std::io::stdout().lock();
    if let Some(Form::Json | Form::Ndjson) = global.output {
        writeln!(out, "{}", crate::query::json::line(&head)).map_err(|error| stdout_error(&error))?;
    } else {
        let note = head.get("checkpoint").and_then(Value::as_str).unwrap_or_default();
        out.write_all(note.as_bytes()).map_err(|error| stdout_error(&error))?;
        if !global.quiet {
            let number = |name: &str| head.get(name).and_then(Value::as_u64).unwrap_or(0);
            say(format_args!(
                "{} log entries signed, {} durable, {} indexed, {} events",
                number("size"),
                number("durable"),
                number("indexed"),
                number("events")
            ));
        }
    }
    Ok(Exit::Match)
}

/// `gaps`.
pub fn gaps(global: &Global) -> Result<Exit, CliError> {
    let asker = Asker::find(global)?;
    let form = global.output.unwrap_or(Form::Text);
    let mut found = 0u64;
    let mut output = if matches!(form, Form::Text | Form::Table) { None } else { Some(Output::new(global, form)?) };
    asker.ask(&Question::Gaps, &mut |line| {
        found += 1;
        match &mut output {
            Some(output) => output.line(&line),
            None => writeln!(std::io::stdout().lock(), "{}", gap_text(&line)).map_err(|error| stdout_error(&error)),
        }
    })?;
    if let Some(output) = output {
        output.finish_quietly()?;
    }
    if !global.quiet {
        say(format_args!(
            "{}",
            if found == 0 { "nothing is known to be missing".to_owned() } else { format!("{found} gaps") }
        ));
    }
    Ok(if found == 0 { Exit::Match } else { Exit::Incomplete })
}

fn gap_text(gap: &Value) -> String {
    let text = |name: &str| {
        gap.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
    };
    let line = if text("gap") == "serials" && gap.get("missing").is_some() {
        format!(
            "serials: node {}: {} to {} ({} events) are missing, after {} and before {}",
            text("node"),
            text("first"),
            text("last"),
            text("missing"),
            text("after"),
            text("before")
        )
    } else if text("gap") == "agent-silent" {
        let until = gap.get("before").filter(|before| !before.is_null()).map(|_| format!(" to {}", text("before")));
        let until = until.unwrap_or_else(|| ", until now".to_owned());
        format!("agent-silent: node {}: {}, from {}{until}", text("node"), text("detail"), text("after"))
    } else {
        format!("{}: {} {}", text("gap"), text("source"), text("detail"))
    };
    Safe(&line).to_string()
}

/// `fsck`.
pub fn fsck(global: &Global, args: &FsckArgs) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let mut ticker = Ticker::new(global, "bytes checked");
    let report = evidence::fsck(&dir, args.repair, &mut |done, total| ticker.tick(done, total))
        .map_err(|error| CliError::of_evidence(&error))?;
    drop(ticker);
    let mut lines = vec![format!(
        "{} log entries, {} of them under no checkpoint yet; {} bytes of an unfinished block; {} files left aside by a crash",
        report.entries,
        report.unsigned_entries,
        report.torn_bytes,
        report.leftovers.len()
    )];
    if report.pruned_batches > 0 {
        lines.push(format!(
            "{} batches have no records any more: gone by retention, as the log says",
            report.pruned_batches
        ));
    }
    lines.extend(
        report.repairable.iter().map(|fault| {
            format!("{}: {fault}", if report.repaired { "repaired" } else { "can be repaired (--repair)" })
        }),
    );
    lines.extend(report.faults.iter().map(|fault| format!("damaged: {fault}")));
    let signed = evidence::key_info(&StoreOptions::new(dir)).ok().and_then(|info| info.last_signed);
    // A crash may come between signing and publishing: then the entries are there.
    let rolled_back = signed.as_ref().is_some_and(|signed| signed.size > report.entries);
    if let Some(signed) = signed.filter(|_| rolled_back) {
        lines.push(format!(
            "rolled back: this machine has signed a checkpoint of size {}, the store has {} log entries",
            signed.size, report.entries
        ));
    }
    let sound = report.is_sound() && !rolled_back;
    lines.push(if sound { "sound: the next start finds everything, or makes it so" } else { "not sound" }.to_owned());
    let mut out = std::io::stdout().lock();
    if let Some(Form::Json | Form::Ndjson) = global.output {
        let line = json!({ "sound": sound, "entries": report.entries, "findings": lines });
        writeln!(out, "{}", crate::query::json::line(&line)).map_err(|error| stdout_error(&error))?;
    } else {
        for line in &lines {
            writeln!(out, "{}", Safe(line)).map_err(|error| stdout_error(&error))?;
        }
    }
    Ok(if sound { Exit::Match } else { Exit::Integrity })
}

/// `rebuild`.
pub fn rebuild(global: &Global) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let config = config(global)?;
    let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
    let held = evidence::hold(&dir).map_err(|error| CliError::of_evidence(&error))?;
    let mut ticker = Ticker::new(global, "log entries indexed");
    let summary = crate::pipeline::rebuild(&dir, reader, config.limits.index_heap_bytes, &mut |done, total| {
        ticker.tick(done, total)
    })
    .map_err(|error| super::ingest::pipeline_error(&error))?;
    drop((ticker, held));
    if let Some(Form::Json | Form::Ndjson) = global.output {
        let line = crate::query::json::line(&super::ingest::summary_json(&summary));
        writeln!(std::io::stdout().lock(), "{line}").map_err(|error| stdout_error(&error))?;
    } else if !global.quiet {
        say(format_args!(
            "{} events of {} records in {} log entries",
            summary.events, summary.records, summary.batches
        ));
    }
    Ok(Exit::Match)
}

/// `key`.
pub fn key(global: &Global, args: &KeyArgs) -> Result<Exit, CliError> {
    let dir = store_dir(global)?;
    exists(&dir)?;
    let options = StoreOptions::new(dir);
    let info = match args.action.unwrap_or(KeyAction::Show) {
        KeyAction::Show => evidence::key_info(&options),
        KeyAction::Adopt => evidence::adopt_key(&options, None, crate::time::now()),
    };
    let info = info.map_err(|error| CliError::of_evidence(&error))?;
    let Some(vkey) = info.vkey else {
        let message = format!("this machine has no key for {}: {} would hold it", info.origin, info.dir.display());
        return Err(CliError::new(Exit::NoMatch, message));
    };
    let line = match global.output {
        Some(Form::Json | Form::Ndjson) => {
            crate::query::json::line(&json!({ "vkey": vkey.to_string(), "origin": info.origin }))
        }
        _ => vkey.to_string(),
    };
    writeln!(std::io::stdout().lock(), "{line}").map_err(|error| stdout_error(&error))?;
    if !global.quiet {
        say(format_args!("kept in {}", Safe(&info.dir.display().to_string())));
    }
    Ok(Exit::Match)
}

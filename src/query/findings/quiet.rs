//! SOURCE_SILENT of agents: one whose heartbeats stop without `agent-stops`, and one that says that it reads nothing more.
//!
//! A silence between two heartbeats is told by the agent's own clock: what it said while the collector was off comes in later. One that goes on is told where the
//! collector was there to hear. Not here: logs that fell silent (`silent`), how agents are now (`query::heard`).

use super::logs::{File, Spoke, files, id};
use super::silent::active;
use super::told::Told;
use super::{Ask, Send, is, shown};
use crate::correlate::rules::SOURCE_SILENT;
use crate::index::Plan;
use crate::model::{EventId, Moment};
use crate::query::answer::AnswerError;
use crate::query::heard::{self, Heard, Pulse, SILENCE_MIN_NS, word_at};
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::HashSet;

/// A time in which an agent was not heard, or read nothing.
struct Quiet<'a> {
    file: &'a File,
    from: i64,
    to: Option<i64>,
    /// The last heartbeat before, or the first that says so; and the first behind it.
    ends: [Option<Spoke>; 2],
    severity: &'static str,
    what: String,
}

/// Sends each.
pub fn agents(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut files = files(ask, &heard::words(), send)?;
    if files.is_empty() {
        return Ok(());
    }
    let behind = behind(ask, send)?;
    // A new epoch of the agent's spool is the same agent.
    files.sort_by(|one, other| (&one.name, &one.source).cmp(&(&other.name, &other.source)));
    let mut merged: Vec<File> = Vec::new();
    for file in files {
        match merged.last_mut().filter(|last| last.name == file.name && last.source == file.source) {
            Some(last) => last.spoke.extend(file.spoke),
            None => merged.push(file),
        }
    }
    for file in &mut merged {
        file.spoke.sort_by_key(|spoke| (spoke.when, spoke.place));
    }
    for file in &merged {
        ask.view.in_time()?;
        for (last, next) in file.spoke.iter().zip(file.spoke.iter().skip(1)) {
            if next.when.saturating_sub(last.when) >= SILENCE_MIN_NS {
                between(ask, file, *last, *next, send)?;
            }
        }
        reads_nothing(ask, file, &behind, send)?;
    }
    for ((cluster, node), heard) in heard::agents(ask.view)? {
        let name = (cluster, node);
        let file = merged
            .iter()
            .find(|file| file.name == name && file.spoke.iter().any(|spoke| spoke.place.leaf == heard.leaf));
        if let (Some(file), Pulse::Silent) = (file, heard.pulse(ask.view, ask.now)?) {
            goes_on(ask, file, &heard, send)?;
        }
    }
    Ok(())
}

/// Heartbeats that say that nothing more is read.
fn behind(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<HashSet<Spoke>, AnswerError> {
    let plan = Plan::And(vec![is("source", "self"), is("issues.kind", "agent-behind")]);
    Ok(files(ask, &plan, send)?.into_iter().flat_map(|file| file.spoke).collect())
}

fn between(ask: &Ask<'_>, file: &File, last: Spoke, next: Spoke, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let Some(before) = word_at(ask.view, last.place)? else { return Ok(()) };
    let silent = next.when.saturating_sub(last.when);
    if before.word.stops || silent < before.word.silent_ns() {
        return Ok(());
    }
    let what = format!("made no heartbeat, one is due every {} s, and had not said that it stops", before.word.every_s);
    let ends = [Some(last), Some(next)];
    tell(ask, &Quiet { file, from: last.when, to: Some(next.when), ends, severity: "high", what }, send)
}

fn goes_on(ask: &Ask<'_>, file: &File, heard: &Heard, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let word = &heard.word;
    let last = file.spoke.iter().rfind(|spoke| spoke.place.leaf == heard.leaf).copied();
    let what = format!(
        "is not heard, a heartbeat is due every {} s, and it had not said that it stops; the collector received other records meanwhile, or has run all the time",
        word.every_s
    );
    tell(ask, &Quiet { file, from: word.said.nanos, to: None, ends: [last, None], severity: "high", what }, send)
}

/// Runs of heartbeats that say that nothing more is read.
fn reads_nothing(ask: &Ask<'_>, file: &File, behind: &HashSet<Spoke>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut since: Option<Spoke> = None;
    let quiet = |first: Spoke, next: Option<Spoke>| Quiet {
        file,
        from: first.when,
        to: next.map(|next| next.when),
        ends: [Some(first), next],
        severity: "medium",
        what: "read nothing more: its spool was full".to_owned(),
    };
    for spoke in &file.spoke {
        match (since, behind.contains(spoke)) {
            (None, true) => since = Some(*spoke),
            (Some(first), false) => {
                tell(ask, &quiet(first, Some(*spoke)), send)?;
                since = None;
            }
            _ => {}
        }
    }
    since.map_or(Ok(()), |first| tell(ask, &quiet(first, None), send))
}

fn tell(ask: &Ask<'_>, quiet: &Quiet<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut ids: Vec<EventId> = Vec::new();
    for spoke in quiet.ends.iter().flatten() {
        ids.extend(id(ask, spoke.place)?);
    }
    let Quiet { file, from, to, severity, what, .. } = quiet;
    let (cluster, node) = &file.name;
    let active = active(ask, &file.name, *from, to.unwrap_or(ask.now.nanos))?;
    let until = to.map_or_else(|| "until now".to_owned(), |to| format!("to {}", time(to)));
    let who = match active.as_slice() {
        [] => "nobody is known to have been active in that time".to_owned(),
        some => format!("active in that time: {}", some.join(", ")),
    };
    let detail = format!("the agent of the node {what}: from {} {until}; {who}", time(*from));
    let evidence: Vec<Value> = ids.iter().filter_map(|id| ask.store.evidence(*id).ok()).flatten().collect();
    let line = json!({
        "finding": SOURCE_SILENT, "severity": severity, "cluster": cluster, "node": node, "kind": file.kind.name(),
        "log": file.source, "from": time(*from), "to": to.map(time), "active": active,
        "events": shown(&ids), "detail": detail, "evidence": evidence,
    });
    send(Told::of(line, &ids))
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

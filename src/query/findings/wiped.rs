//! TRACE_DELETED on a node: files of logs that a login's processes removed, renamed, cut or overwrote.
//!
//! Inside: what the kernel's watches recorded below `/var/log`, and commands of sudo that name such a file. Not here: what was deleted at the API server (`deleted`).

use super::records::{Name, node, who};
use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::TRACE_DELETED;
use crate::model::{Event, EventId, Moment, Outcome};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What changes a file below the folder of logs.
const CHANGED: &str = "source:linux AND outcome:success AND path:/var/log/* AND auid:* AND \
    (action:deleted OR action:renamed OR action:truncated-file OR action:opened-file)";
/// Commands that sudo ran.
const COMMANDS: &str = "source:linux AND outcome:success AND action:ran-command AND auid:* AND name:*/var/log/*";
/// Where what is written is evidence itself: writing other than at the end is overwriting.
const EVIDENCE: &[&str] = &["/var/log/audit/", "/var/log/containers/", "/var/log/pods/", "/var/log/kubernetes/"];
/// Programs that change a file that they are given.
const CHANGING: &[&str] = &["truncate", "rm", "unlink", "shred", "mv", "sed", "dd", "tee", "cp", "install", "ln"];
/// What takes away logs as a service: a login may have started it.
const ROTATING: &[&str] = &["/usr/sbin/logrotate", "/usr/bin/logrotate"];
/// Changes by one session, so close together, are one finding, ns.
const APART_NS: i64 = 60_000_000_000;
/// Changes that are kept.
const KEPT_MAX: usize = 100_000;
/// Events that one finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Files that a sentence names.
const SAID_MAX: usize = 8;

/// A change of a file of a log.
struct Change {
    event: Arc<Event>,
    what: String,
    severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Low,
    Medium,
    High,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

/// A node, and login and session on it.
type Session = (Name, Option<u32>, Option<u32>);

/// Sends what each session did to files of logs.
pub fn wiped(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut sessions: BTreeMap<Session, Vec<Change>> = BTreeMap::new();
    let mut left = KEPT_MAX;
    for query in [CHANGED, COMMANDS] {
        ask.each(query, &mut |hit| {
            let event = ask.store.event(&hit)?;
            if left > 0
                && let Some((what, severity)) = change(&event)
            {
                left -= 1;
                let login = event.who.login.clone().unwrap_or_default();
                let session = (node(&event), login.auid, login.ses);
                sessions.entry(session).or_default().push(Change { event, what, severity });
            }
            Ok(())
        })?;
    }
    for (session, mut changes) in sessions {
        changes.sort_by_key(|change| (change.event.when.event.nanos, change.event.id));
        let at = |change: &Change| change.event.when.event.nanos;
        for run in changes.chunk_by(|one, next| at(next).saturating_sub(at(one)) <= APART_NS) {
            tell(ask, &session, run, send)?;
        }
    }
    Ok(())
}

/// What an event did to a file of a log, in words.
fn change(event: &Event) -> Option<(String, Severity)> {
    if event.what.outcome != Outcome::Success {
        return None;
    }
    let objects = || event.what.object.iter().chain(&event.what.objects);
    if event.what.action == "ran-command" {
        let command = objects().find_map(|object| object.name.as_deref())?;
        let program = command.split_whitespace().next()?.rsplit('/').next()?;
        let changes = CHANGING.contains(&program) && (program != "sed" || command.contains(" -i"));
        return changes.then(|| (format!("told sudo to run `{command}`"), Severity::Medium));
    }
    let of_log = |role: &[&str]| {
        objects()
            .filter(|object| object.role.as_deref().is_none_or(|here| role.contains(&here)))
            .find_map(|object| object.path.as_deref().filter(|path| path.starts_with("/var/log/")))
    };
    let flags = event.how.args.iter().find(|(name, _)| name == "flags").map_or("", |(_, value)| value.as_str());
    let has = |flag: &str| flags.split('|').any(|one| one == flag);
    let (path, verb) = match event.what.action.as_str() {
        "deleted" => (of_log(&["DELETE"])?, "deleted"),
        // What is put in the place of another file is CREATE, or DELETE for what was there.
        "renamed" => (of_log(&["DELETE", "CREATE"])?, "renamed"),
        "truncated-file" => (of_log(&["NORMAL"])?, "cut"),
        "opened-file" => {
            let path = of_log(&["NORMAL", "UNKNOWN"])?;
            let writes = has("O_WRONLY") || has("O_RDWR");
            match (has("O_TRUNC"), writes && !has("O_APPEND")) {
                (true, _) => (path, "emptied"),
                (false, true) if EVIDENCE.iter().any(|folder| path.starts_with(folder)) => {
                    (path, "opened for overwriting")
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    let rotates = event.how.exe.as_deref().is_some_and(|exe| ROTATING.contains(&exe));
    let severity = match (rotates, EVIDENCE.iter().any(|folder| path.starts_with(folder)), verb) {
        (true, ..) => Severity::Low,
        (_, _, "opened for overwriting") => Severity::Medium,
        (_, true, _) => Severity::High,
        (_, false, _) => Severity::Medium,
    };
    Some((format!("{verb} {path}"), severity))
}

fn tell(ask: &Ask<'_>, (name, ..): &Session, run: &[Change], send: &mut Send<'_>) -> Result<(), AnswerError> {
    let Some(first) = run.first() else { return Ok(()) };
    let mut said: Vec<&str> = Vec::new();
    for change in run {
        if !said.contains(&change.what.as_str()) && said.len() <= SAID_MAX {
            said.push(&change.what);
        }
    }
    let more = if said.len() > SAID_MAX { said.split_off(SAID_MAX).len() } else { 0 };
    let more = if more > 0 { ", and more" } else { "" };
    let at = rfc3339(Moment { nanos: first.event.when.event.nanos, digits: 3 });
    let detail = format!("{}, from {at}: {}{more}", who(&first.event), said.join(", "));
    let ids: Vec<EventId> = run.iter().map(|change| change.event.id).collect();
    let named = ids.get(..NAMED_MAX).unwrap_or(&ids);
    let severity = run.iter().map(|change| change.severity).max().map_or("low", Severity::name);
    let evidence: Vec<_> = named.iter().filter_map(|id| ask.store.evidence(*id).ok()).flatten().collect();
    let (cluster, node) = name;
    let line = json!({
        "finding": TRACE_DELETED, "severity": severity, "cluster": cluster, "node": node, "events": shown(named),
        "detail": detail, "evidence": evidence,
    });
    send(Told::of(line, &ids))
}

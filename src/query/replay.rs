//! `replay`: what happened in a login session, or in an exec of the API or the runtime, step by step.
//!
//! Not here: trees of processes (`linked`, `processes`), how steps are shown (`render::replay`).

use super::answer::{AnswerError, Sink};
use super::ended::Ends;
use super::engine::{View, event_line};
use super::linked::{Store, failed};
use super::{entity, link_json, load, lookup, processes};
use crate::correlate::{self, Case, api_session, started};
use crate::index::Window;
use crate::model::{Class, Event, EventId, Source};
use crate::time::rfc3339;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// Steps of one transcript.
const STEPS_MAX: usize = 10_000;
/// Calls of one process that are looked at.
const CALLS_MAX: usize = 1_024;
/// How long calls of a process are looked for, ns: its number may be given away again.
const CALLS_NS: i64 = 3_600_000_000_000;
/// Bytes of what was typed, in one step.
const TYPED_BYTES_MAX: usize = 64 << 10;

/// Sends the transcript of `session:NODE/SES`, `session:AUDIT-ID` or `exec:ID`.
pub fn replay(view: &View, name: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let case = Case::new(&store);
    match name.split_once(':') {
        Some(("session", of)) if entity::session(of).is_some() => login(&store, of, sink),
        Some(("session", id)) => {
            let event = store.event(&lookup::one(view, id)?)?;
            if api_session(&event).is_none() {
                return Err(AnswerError::Limit(format!(
                    "`{id}` is no session into a pod that was opened; `deponent show {id}` shows what it is"
                )));
            }
            exec(&store, &case, &[event], sink)
        }
        Some(("exec", id)) => {
            let entries = correlate::entries(&case, id).map_err(failed)?;
            let orders: Vec<Arc<Event>> =
                entries.iter().filter(|entry| entry.exec).map(|entry| Arc::clone(&entry.event)).collect();
            match entries.is_empty() {
                true => Err(AnswerError::Unknown { name: name.to_owned() }),
                false => exec(&store, &case, &orders, sink),
            }
        }
        _ => Err(AnswerError::Limit(format!("`{name}` is neither session:NODE/SES nor session:AUDIT-ID nor exec:ID"))),
    }
}

/// What sort of step an event is; `None` where it says nothing that the others do not.
fn step(event: &Event) -> Option<&'static str> {
    let action = event.what.action.as_str();
    if matches!(event.how.syscall.as_deref(), Some("execve" | "execveat")) {
        return Some("program");
    }
    Some(match action {
        "ran-command" | "tried-to-run-command" => "command",
        "typed" => "typed",
        "changed-login-id" | "logged-in" | "tried-to-log-in" | "started-session" | "tried-to-start-session" => "login",
        "ended-session" | "logged-out" => "logout",
        "crashed" | "exited" => "exit",
        _ if event.how.syscall.as_deref() == Some("exit_group") => "exit",
        "was-authorized" | "acquired-credentials" | "refreshed-credentials" | "disposed-credentials" => return None,
        _ if event.how.net.is_some() => "network",
        _ if event.what.object.as_ref().is_some_and(|object| object.path.is_some()) => {
            return (is_change(event) || !event.why.keys.is_empty()).then_some("file");
        }
        _ if action.starts_with("syscall") && event.why.keys.is_empty() => return None,
        _ => "other",
    })
}

/// Whether a file was changed, or opened so that it could be.
fn is_change(event: &Event) -> bool {
    let action = event.what.action.as_str();
    let flags = event.how.args.iter().find(|(name, _)| name == "flags").map_or("", |(_, flags)| flags.as_str());
    let writes =
        flags.split('|').any(|flag| matches!(flag, "O_WRONLY" | "O_RDWR" | "O_CREAT" | "O_TRUNC" | "O_APPEND"));
    match action {
        "opened-file" | "tried-to-open-file" => writes,
        _ => !action.contains("check") && !action.contains("read"),
    }
}

/// A login session of the kernel.
fn login(store: &Store<'_>, of: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let session = processes::session(store, of)?;
    sink(json!({ "session": session.about }))?;
    // The process that the login was made in: what others open and close (sudo) is no login.
    let given = |event: &&Arc<Event>| event.what.action == "changed-login-id";
    let mut logins: Vec<Option<u32>> = session.events.iter().filter(given).map(|event| event.how.pid).collect();
    logins.retain(Option::is_some);
    let own = |event: &Event| logins.is_empty() || logins.contains(&event.how.pid);
    let (mut left_out, mut sent) = (0usize, 0usize);
    let mut ended: Option<&Arc<Event>> = None;
    for event in session.events.iter().take(processes::EVENTS_MAX) {
        store.view().in_time()?;
        let kind = step(event).filter(|kind| !matches!(*kind, "login" | "logout") || own(event));
        match kind {
            Some("login") => ended = None,
            Some("logout") => ended = Some(event),
            _ => {}
        }
        match kind {
            Some(kind) if sent < STEPS_MAX => {
                sent += 1;
                send(store, event, kind, None, sink)?;
            }
            Some(_) => {
                sink(json!({ "limit": format!("more than {STEPS_MAX} steps") }))?;
                return Ok(());
            }
            None => left_out += 1,
        }
    }
    let mut end = serde_json::Map::new();
    match (ended, session.events.last()) {
        (Some(event), _) => {
            end.insert("time".to_owned(), json!(rfc3339(event.when.event)));
            end.insert("event".to_owned(), json!(event.id.to_string()));
        }
        (None, Some(last)) => {
            end.insert("last".to_owned(), json!(rfc3339(last.when.event)));
            end.insert("missing".to_owned(), json!(["a record of the end of the session"]));
        }
        (None, None) => {}
    }
    sink(json!({ "ended": end, "left_out": left_out }))?;
    Ok(())
}

fn send(
    store: &Store<'_>,
    event: &Event,
    kind: &'static str,
    class: Option<Class>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let mut line = json!({ "step": kind, "event": event_line(event, &[], false) });
    if let Some(object) = line.as_object_mut() {
        if kind == "typed" {
            object.insert("typed".to_owned(), json!(typed(store, event)?));
        }
        object.extend(class.map(|class| ("class".to_owned(), json!(class.name()))));
    }
    sink(line)?;
    Ok(())
}

/// What pam_tty_audit or a shell recorded of the keys, decoded.
fn typed(store: &Store<'_>, event: &Event) -> Result<String, AnswerError> {
    let records = store.records(event.id)?;
    let read = load::event(&store.view().reader, event.id, &records, true)?;
    let mut typed = String::new();
    for (name, value) in read.records.iter().flat_map(|record| &record.fields) {
        if name.rsplit('.').next() == Some("data") && typed.len().saturating_add(value.len()) <= TYPED_BYTES_MAX {
            typed.push_str(value);
        }
    }
    Ok(typed)
}

/// What came of a session of the API, or of the runtime's orders for one exec.
fn exec(store: &Store<'_>, case: &Case<'_>, first: &[Arc<Event>], sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut steps: Vec<(Arc<Event>, &'static str, Class)> = Vec::new();
    let mut seen: HashSet<EventId> = HashSet::new();
    let mut ends = Ends::default();
    let mut limited = false;
    for order in first {
        let root = link_json::root(&correlate::why(case, order).map_err(failed)?.root);
        sink(json!({ "exec": { "event": event_line(order, &[], false), "root": root } }))?;
        limited |= below(store, case, order, &mut seen, &mut steps)?;
    }
    steps.sort_by_key(|(event, _, _)| correlate::order(event));
    for (event, kind, class) in &steps {
        send(store, event, kind, Some(*class), sink)?;
    }
    if limited {
        sink(json!({ "limit": format!("more than {STEPS_MAX} steps") }))?;
    }
    for order in first {
        let mut end = serde_json::Map::new();
        end.extend(order.when.end.map(|time| ("time".to_owned(), json!(rfc3339(time)))));
        end.insert("event".to_owned(), json!(order.id.to_string()));
        // The first process, also where it became another program.
        let programs = || steps.iter().filter(|(event, kind, _)| *kind == "program" && started(event).is_some());
        let pid = programs().next().and_then(|(event, _, _)| event.how.pid);
        for (program, _, _) in programs().filter(|(event, _, _)| event.how.pid == pid) {
            if let Some(exit) = ends.of(store, case, program)? {
                end.insert("exit".to_owned(), exit);
                break;
            }
        }
        if !end.contains_key("time") && !end.contains_key("exit") {
            end.insert("missing".to_owned(), json!(["a record of its end"]));
        }
        sink(json!({ "ended": end, "left_out": 0 }))?;
    }
    Ok(())
}

fn is_runtime(event: &Event) -> bool {
    started(event).is_some_and(|program| program.is_runtime())
}

/// Everything below an event, and the other calls of each process; whether there is more.
fn below(
    store: &Store<'_>,
    case: &Case<'_>,
    first: &Arc<Event>,
    seen: &mut HashSet<EventId>,
    into: &mut Vec<(Arc<Event>, &'static str, Class)>,
) -> Result<bool, AnswerError> {
    let mut open = vec![(Arc::clone(first), Class::Proven)];
    seen.insert(first.id);
    while let Some((event, class)) = open.pop() {
        if into.len() >= STEPS_MAX {
            return Ok(true);
        }
        if event.id != first.id && !is_runtime(&event) {
            let kind = step(&event).or((event.source != Source::Linux).then_some("other"));
            into.extend(kind.map(|kind| (Arc::clone(&event), kind, class)));
        }
        if started(&event).is_some() && !is_runtime(&event) {
            calls(store, case, &event, class, seen, into)?;
        }
        for (effect, link) in correlate::effects(case, &event).map_err(failed)? {
            if seen.insert(effect.id) {
                open.push((effect, class.max(link.class)));
            }
        }
    }
    Ok(false)
}

/// What the process of a program did besides starting programs.
fn calls(
    store: &Store<'_>,
    case: &Case<'_>,
    program: &Arc<Event>,
    class: Class,
    seen: &mut HashSet<EventId>,
    into: &mut Vec<(Arc<Event>, &'static str, Class)>,
) -> Result<(), AnswerError> {
    let (Some(pid), Some(node)) = (program.how.pid, program.r#where.node.as_deref()) else { return Ok(()) };
    let at = program.when.event.nanos;
    let window = Window { since: Some(at), until: Some(at.saturating_add(CALLS_NS)) };
    let pid = pid.to_string();
    let found = store.having(&[("where.node", node), ("how.pid", &pid), ("source", "linux")], window, CALLS_MAX)?;
    for call in found.iter().filter(|call| started(call).is_none()) {
        let Some(kind) = step(call) else { continue };
        if seen.contains(&call.id) || into.len() >= STEPS_MAX {
            continue;
        }
        let found = correlate::cause(case, call).map_err(failed)?;
        let own = found.cause.as_ref().is_some_and(|cause| cause.id == program.id);
        if let (true, Some(link)) = (own, found.link) {
            seen.insert(call.id);
            into.push((Arc::clone(call), kind, class.max(link.class)));
        }
    }
    Ok(())
}

//! The processes of a login session (`session:NODE/SES`) and of one process (`pid:PID@NODE[:TIME]`) as trees.
//!
//! Not here: trees of containers and events (`linked`), how a process ended (`ended`), the transcript of a session (`replay`).

use super::answer::{AnswerError, Sink};
use super::entity;
use super::linked::{Store, Walk, failed};
use crate::correlate::{self, Case, started};
use crate::index::Window;
use crate::model::{Event, EventId};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// Events of a session that are looked at.
pub const EVENTS_MAX: usize = 20_000;
/// Programs that one number ran, and that are looked at.
const PROGRAMS_MAX: usize = 1_024;
/// Logins that are named.
const LOGINS_MAX: usize = 16;

/// A login session of a node, as its records have it.
pub struct Session {
    /// Its events, oldest first.
    pub events: Vec<Arc<Event>>,
    /// Its number.
    pub ses: u32,
    /// What is known of it, as JSON.
    pub about: Value,
}

/// The login session of a node: `NODE/SES`.
pub fn session(store: &Store<'_>, of: &str) -> Result<Session, AnswerError> {
    let named = entity::session(of);
    let (node, ses) = named.ok_or_else(|| {
        AnswerError::Limit(format!("`session:{of}` is not session:NODE/SES, such as session:node-1/9"))
    })?;
    let number = ses.to_string();
    let all = [("where.node", node), ("who.login.ses", number.as_str()), ("source", "linux")];
    let events = store.having(&all, Window::ALL, EVENTS_MAX + 1)?;
    if events.is_empty() {
        return Err(AnswerError::Unknown { name: format!("session:{of}") });
    }
    let mut about = Map::new();
    about.insert("node".to_owned(), json!(node));
    about.insert("ses".to_owned(), json!(ses));
    let mut people: Vec<Value> = Vec::new();
    for login in events.iter().filter_map(|event| event.who.login.as_ref()) {
        let mut one = Map::new();
        one.extend(login.auid.map(|auid| ("auid".to_owned(), json!(auid))));
        one.extend(login.name.as_ref().map(|name| ("name".to_owned(), json!(name))));
        if people.len() < LOGINS_MAX && !people.contains(&Value::Object(one.clone())) {
            people.push(Value::Object(one));
        }
    }
    about.insert("logins".to_owned(), Value::Array(people));
    let mut from: Vec<&str> = Vec::new();
    for address in events.iter().filter_map(|event| event.who.address.as_deref()) {
        if from.len() < LOGINS_MAX && !from.contains(&address) {
            from.push(address);
        }
    }
    if !from.is_empty() {
        about.insert("from".to_owned(), json!(from));
    }
    // The kernel counts anew after a boot: then the number is that of several sessions.
    let given = events.iter().filter(|event| event.what.action == "changed-login-id").count();
    about.insert("given".to_owned(), json!(given));
    if events.len() > EVENTS_MAX {
        about.insert("limit".to_owned(), json!(format!("only the first {EVENTS_MAX} of its events are looked at")));
    }
    Ok(Session { events, ses, about: Value::Object(about) })
}

/// The processes of a login session.
pub fn of_session(store: &Store<'_>, case: &Case<'_>, of: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let session = session(store, of)?;
    let programs: Vec<&Arc<Event>> = session.events.iter().filter(|event| started(event).is_some()).collect();
    let mut about = Some(json!({ "session": session.about }));
    if programs.is_empty() {
        let mut line = about.take().unwrap_or_default();
        if let Some(line) = line.as_object_mut() {
            line.insert("depth".to_owned(), json!(0));
        }
        sink(line)?;
        return Ok(());
    }
    let own: HashSet<EventId> = programs.iter().map(|event| event.id).collect();
    let mut walk = Walk::new(store, case);
    walk.ses = Some(session.ses);
    let mut inner: Vec<&Arc<Event>> = Vec::new();
    for program in &programs {
        let causes = correlate::cause(case, program).map_err(failed)?.causes;
        if causes.iter().any(|cause| own.contains(&cause.id)) {
            inner.push(program);
            continue;
        }
        root(&mut walk, program, about.take(), sink)?;
    }
    // Whose parent is in the session and does not lead to them: nothing is left out.
    for program in inner {
        if !walk.seen.contains(&program.id) {
            root(&mut walk, program, about.take(), sink)?;
        }
    }
    Ok(())
}

fn root(
    walk: &mut Walk<'_, '_>,
    program: &Arc<Event>,
    about: Option<Value>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    if walk.left == 0 || walk.seen.contains(&program.id) {
        return Ok(());
    }
    walk.left -= 1;
    walk.line(program, None, 0, about, sink)?;
    walk.below(program, 1, sink)
}

/// The process with a number, and those below it: `PID@NODE`, or `PID@NODE:TIME` where the number was that of several.
pub fn of_pid(store: &Store<'_>, case: &Case<'_>, of: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (pid, node, at) = parse(of).ok_or_else(|| {
        AnswerError::Limit(format!(
            "`pid:{of}` is not pid:PID@NODE or pid:PID@NODE:TIME, where TIME is RFC 3339 or @seconds since 1970"
        ))
    })?;
    let number = pid.to_string();
    let mut programs = Vec::new();
    for call in ["execve", "execveat"] {
        let all = [("where.node", node), ("how.pid", number.as_str()), ("how.syscall", call)];
        programs.extend(store.having(&all, Window::ALL, PROGRAMS_MAX)?);
    }
    programs.retain(|event| started(event).is_some());
    programs.sort_by_key(|event| correlate::order(event));
    // The first program of each process.
    let mut firsts: Vec<Arc<Event>> = Vec::new();
    for program in &programs {
        let causes = correlate::cause(case, program).map_err(failed)?.causes;
        // A number that came to another login session is that of another process.
        let same = |cause: &Event| cause.who.login == program.who.login;
        if !causes.iter().any(|cause| same(cause) && programs.iter().any(|other| other.id == cause.id)) {
            firsts.push(Arc::clone(program));
        }
    }
    let first = match (at, firsts.as_slice()) {
        (Some(at), all) => all.iter().rev().find(|first| first.when.event.nanos <= at).cloned(),
        (None, [one]) => Some(Arc::clone(one)),
        (None, []) => None,
        (None, all) => {
            let time = |event: &Arc<Event>| format!("pid:{pid}@{node}:{}", crate::time::rfc3339(event.when.event));
            let first: Vec<String> = all.iter().take(5).map(time).collect();
            let name = format!("pid:{of}");
            return Err(AnswerError::Ambiguous { name, count: all.len(), first: first.join(" ") });
        }
    };
    let first = first.ok_or_else(|| AnswerError::Unknown { name: format!("pid:{of}") })?;
    let mut walk = Walk::new(store, case);
    root(&mut walk, &first, None, sink)
}

fn parse(of: &str) -> Option<(u32, &str, Option<i64>)> {
    let (pid, place) = of.split_once('@')?;
    let (node, time) = match place.split_once(':') {
        Some((node, time)) => (node, Some(time)),
        None => (place, None),
    };
    let instant = |time: &str| match time.strip_prefix('@') {
        Some(seconds) => seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000),
        None => chrono::DateTime::parse_from_rfc3339(time).ok()?.timestamp_nanos_opt(),
    };
    let at = match time {
        Some(time) => Some(instant(time)?),
        None => None,
    };
    (!node.is_empty()).then_some((pid.parse().ok()?, node, at))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_process_is_named_by_number_node_and_time() {
        assert_eq!(parse("7@node-1"), Some((7, "node-1", None)));
        assert_eq!(parse("7@node-1:@10"), Some((7, "node-1", Some(10_000_000_000))));
        assert_eq!(parse("7@node-1:1970-01-01T00:00:10Z"), Some((7, "node-1", Some(10_000_000_000))));
        for text in ["7", "x@node-1", "7@", "7@:@1", "7@node-1:noon", "-1@node-1", "7@node-1:@9999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

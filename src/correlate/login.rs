//! The session of a login: the kernel's beginning of it, and what the login program says of who was let in.
//!
//! The kernel writes a login's id into every process of its session, and nobody but root can change it. The login program's own line adds the key and
//! the port, and anybody on the node may forge it. Rules `login-session` and `login-line`. Not here: processes (`links`).

use super::case::{Case, Failed, order};
use super::facts;
use super::keys;
use super::links::{Found, key, link};
use super::rules::{LOGIN_LINE, LOGIN_LINE_NS, LOGIN_SESSION};
use crate::model::{Class, Event};
use std::sync::Arc;

/// Records of a session's beginning that are looked at.
const BEGINNINGS_MAX: usize = 64;

/// The kernel's beginning of the session that an event belongs to, where its process leads no further back.
pub fn session(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(login) = event.who.login.as_ref() else { return Ok(None) };
    let (Some(session), Some(auid)) = (login.ses, login.auid) else { return Ok(None) };
    let told = case.latest(keys::login_session(event, session), event.when.event.nanos, BEGINNINGS_MAX)?;
    // A number is given anew after the node started again: the kernel's own record of the last one is the beginning.
    let mut began: Vec<&Arc<Event>> = told
        .iter()
        .filter(|began| began.what.action == "changed-login-id" && order(began) < order(event))
        .filter(|began| facts::session_began(began) == Some((session, auid)))
        .collect();
    began.sort_by_key(|began| order(began));
    let Some(began) = began.last() else { return Ok(None) };
    let (since, until) = (began.when.event.nanos, event.when.event.nanos);
    // The kernel's serials ascend until it starts again, and then so do the numbers of sessions, from 1.
    let booted = case.with_key(keys::audit_changed(event), since, until)?;
    if began.how.serial > event.how.serial || booted.iter().any(|told| told.what.action == "booted-system") {
        return Ok(None);
    }
    let mut found = link(&LOGIN_SESSION, Class::Strong, began, event);
    if case.lost(since, until)? {
        found.class = Class::Consistent;
        found
            .missing
            .push("what was recorded in between: the node may have started again, and its numbers with it".into());
    }
    found.keys.push(key("session", session.to_string(), session.to_string()));
    found.keys.push(key("auid", auid.to_string(), auid.to_string()));
    found.support = told
        .iter()
        .filter(|told| told.what.action != "changed-login-id" && order(told) >= order(began))
        .filter(|told| told.how.pid == began.how.pid && told.who.address.is_some() && told.id != event.id)
        .map(|told| told.id)
        .collect();
    found.support.sort_unstable();
    found.support.dedup();
    Ok(Some(Found::one(began, found)))
}

/// The line of the login program that let somebody of that name in when a session began.
pub fn line(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let is_began = event.what.action == "changed-login-id" && facts::session_began(event).is_some();
    let Some(name) = event.who.name.as_deref().filter(|_| is_began) else { return Ok(None) };
    let at = event.when.event.nanos;
    let lines =
        case.with_key(keys::let_in(event, name), at.saturating_sub(LOGIN_LINE_NS), at.saturating_add(LOGIN_LINE_NS))?;
    let same = |line: &&Arc<Event>| line.how.pid.is_none() || line.how.pid == event.how.pid;
    // A line without a time stands at its reception, which tells nothing.
    let timed = |line: &&Arc<Event>| line.issues.iter().all(|issue| issue.kind != "no-time");
    let causes: Vec<Arc<Event>> = lines.iter().filter(same).filter(timed).cloned().collect();
    let Some(first) = causes.first() else { return Ok(None) };
    let class = if causes.len() == 1 { Class::Consistent } else { Class::Ambiguous };
    let mut found = link(&LOGIN_LINE, class, first, event);
    found.keys.push(key("account", name, name));
    if let (Some(one), Some(other)) = (first.how.pid, event.how.pid) {
        found.keys.push(key("pid", one.to_string(), other.to_string()));
    }
    found.missing.push("a recorder that only root can speak for: any program may write such a line to /dev/log".into());
    Ok(Some(Found::one_of(causes, found)))
}

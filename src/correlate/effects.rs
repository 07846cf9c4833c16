//! What an event caused: everything whose cause it may be, one step forward.
//!
//! Candidates are found by their keys, and each is then asked for its own cause: there is one judgement, in `links`. Not here: that judgement.

use super::case::{Case, FOUND_MAX, Failed};
use super::client::{self, Wish};
use super::clock::APART_NS;
use super::container::PodAt;
use super::facts::{self, SessionKind};
use super::links;
use super::rules::{CLIENT_HORIZON_NS, LOGIN_LINE_NS, MANIFEST_HORIZON_NS, PROCESS_HORIZON_NS, SESSION_HORIZON_NS};
use super::{claim, credential, files, grounds, keys, loaded, manifest, owner, packet, permission, sender};
use crate::model::{Event, EventId, Link, Source};
use std::collections::HashSet;
use std::sync::Arc;

/// The effects of an event, oldest first, each with its link.
pub fn effects(case: &Case<'_>, event: &Arc<Event>) -> Result<Vec<(Arc<Event>, Link)>, Failed> {
    let mut candidates: Vec<Arc<Event>> = Vec::new();
    match event.source {
        Source::Kubernetes => of_request(case, event, &mut candidates)?,
        Source::Linux => {
            of_process(case, event, &mut candidates)?;
            of_write(case, event, &mut candidates)?;
            of_login(case, event, &mut candidates)?;
            packet::packets(case, event, &mut candidates)?;
        }
        Source::Kubelet => manifest::effects(case, event, &mut candidates)?,
        Source::Syslog => of_line(case, event, &mut candidates)?,
        Source::Containerd => of_container(case, event, &mut candidates)?,
        _ => {}
    }
    let rested = rested(case, event)?;
    let mut seen: HashSet<EventId> = HashSet::from([event.id]);
    let mut effects = Vec::new();
    for candidate in candidates {
        if !seen.insert(candidate.id) {
            continue;
        }
        let found = links::cause(case, &candidate)?;
        if let Some(link) = found.link.filter(|_| found.causes.iter().any(|cause| cause.id == event.id)) {
            effects.push((candidate, Link { from: event.id, ..link }));
        }
    }
    effects.extend(rested);
    effects.sort_by_key(|(effect, link)| (super::case::order(effect), link.rule));
    Ok(effects)
}

/// The events that rest on an event without being caused by it, each with the link of its ground.
fn rested(case: &Case<'_>, event: &Arc<Event>) -> Result<Vec<(Arc<Event>, Link)>, Failed> {
    let mut candidates: Vec<Arc<Event>> = Vec::new();
    if event.source == Source::Kubernetes {
        permission::rested(case, event, &mut candidates)?;
        credential::used(case, event, &mut candidates)?;
        credential::follows(case, event, &mut candidates)?;
    }
    if event.source == Source::Linux {
        files::executed(case, event, &mut candidates)?;
        sender::sent(case, event, &mut candidates)?;
        loaded::loaded(case, event, &mut candidates)?;
    }
    let mut seen: HashSet<EventId> = HashSet::from([event.id]);
    let mut rested = Vec::new();
    let mut claimed: Vec<Arc<Event>> = Vec::new();
    claim::covered(case, event, &mut claimed)?;
    for candidate in claimed {
        let found = claim::of(case, &candidate)?.filter(|found| found.causes.iter().any(|told| told.id == event.id));
        rested.extend(found.and_then(|found| found.link).map(|link| (candidate, Link { from: event.id, ..link })));
    }
    for candidate in candidates {
        if !seen.insert(candidate.id) {
            continue;
        }
        for found in grounds::found(case, &candidate)? {
            if let Some(link) = found.link.filter(|_| found.causes.iter().any(|cause| cause.id == event.id)) {
                rested.push((Arc::clone(&candidate), Link { from: event.id, ..link }));
            }
        }
    }
    Ok(rested)
}

fn of_request(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    owner::follows(case, event, into)?;
    credential::follows(case, event, into)?;
    let place = &event.r#where;
    let (Some(namespace), Some(pod)) = (place.namespace.as_deref(), place.pod.as_deref()) else { return Ok(()) };
    if let Some(session) = facts::session(event) {
        let (since, until) = (
            session.start.saturating_sub(APART_NS),
            session.start.saturating_add(SESSION_HORIZON_NS).saturating_add(APART_NS),
        );
        into.extend(case.with_key(keys::served(event, namespace, pod), since, until)?.iter().cloned());
        let inside = PodAt { event, namespace, pod, since, until }.inside(case)?;
        for id in &inside.containers {
            let key = if session.kind == SessionKind::Exec { keys::exec_in(id) } else { keys::request(id) };
            into.extend(case.with_key(key, since, until)?.iter().cloned());
        }
        if session.kind == SessionKind::PortForward {
            for sandbox in &inside.sandboxes {
                into.extend(case.with_key(keys::request(sandbox), since, until)?.iter().cloned());
            }
        }
        return Ok(());
    }
    let adds = event.what.objects.iter().any(|object| object.kind.as_deref() == Some("ephemeral-container"));
    if adds || event.what.action == "create" {
        if let Some(uid) = &place.pod_uid {
            into.extend(case.all(keys::pod_uid(uid))?.iter().cloned());
            credential::tokens_of(case, uid, event, into)?;
        }
        let since = event.when.event.nanos;
        let inside = PodAt { event, namespace, pod, since, until: i64::MAX }.inside(case)?;
        for id in &inside.containers {
            into.extend(case.first(keys::container(id))?.iter().cloned());
            into.extend(case.all(keys::made(id))?.iter().cloned());
        }
    }
    Ok(())
}

fn of_process(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(started) = facts::started(event) else { return Ok(()) };
    of_client(case, event, into)?;
    let at = event.when.event.nanos;
    let horizon = at.saturating_add(PROCESS_HORIZON_NS);
    into.extend(case.with_key(keys::process(event, started.pid), at, i64::MAX)?.iter().cloned());
    into.extend(case.with_key(keys::child(event, started.pid), at, i64::MAX)?.iter().cloned());
    into.extend(case.with_key(keys::wrote(event, started.pid), at, i64::MAX)?.iter().cloned());
    if let Some(run) = facts::run(event) {
        // Where the runtime was gone, its process is the shim's child.
        into.extend(case.with_key(keys::child(event, started.ppid), at, horizon)?.iter().cloned());
        for started in case.all(keys::made(run.container))?.iter() {
            if let Some(pid) = started.how.pid {
                into.extend(case.with_key(keys::child(event, pid), at, horizon)?.iter().cloned());
            }
        }
        if let Some(id) = run.exec_id {
            into.extend(case.all(keys::exec(id))?.iter().cloned());
        }
    }
    Ok(())
}

fn of_container(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(id) = event.r#where.container_id.as_deref() else { return Ok(()) };
    into.extend(case.all(keys::made(id))?.iter().cloned());
    if event.what.action == "created-sandbox" {
        for (inside, _) in case.endings(keys::in_sandbox(id), FOUND_MAX)?.iter() {
            into.extend(case.first(keys::container(inside))?.iter().cloned());
        }
    }
    if event.what.action == "requested-exec-sync" {
        let at = event.when.event.nanos;
        into.extend(case.with_key(keys::exec_in(id), at, at.saturating_add(SESSION_HORIZON_NS))?.iter().cloned());
    }
    Ok(())
}

fn of_write(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    if facts::unlinked(event).next().is_some() {
        let at = event.when.event.nanos;
        let until = at.saturating_add(MANIFEST_HORIZON_NS);
        into.extend(case.with_key(keys::manifest_added(event), at, until)?.iter().cloned());
    }
    if facts::written(event).next().is_none() {
        return Ok(());
    }
    manifest::effects(case, event, into)
}

/// What was done in a session, as far as it has no nearer cause: the first programs of it.
fn of_login(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some((session, _)) = facts::session_began(event).filter(|_| event.what.action == "changed-login-id") else {
        return Ok(());
    };
    let at = event.when.event.nanos;
    into.extend(case.with_key(keys::in_session(event, session), at, i64::MAX)?.iter().cloned());
    Ok(())
}

/// The session that began when somebody was let in.
fn of_line(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(name) = facts::let_in(event) else { return Ok(()) };
    let at = event.when.event.nanos;
    let (since, until) = (at.saturating_sub(LOGIN_LINE_NS), at.saturating_add(LOGIN_LINE_NS));
    into.extend(case.with_key(keys::began(event, name), since, until)?.iter().cloned());
    Ok(())
}

/// What a client may have made its daemon's runtime do.
fn of_client(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(asked) = client::client(event) else { return Ok(()) };
    let at = event.when.event.nanos;
    let (key, horizon) = match asked.wish {
        Wish::Run => (keys::foreign_made(event), CLIENT_HORIZON_NS),
        Wish::Exec => (keys::foreign_exec(event), SESSION_HORIZON_NS),
    };
    into.extend(case.with_key(key, at, at.saturating_add(horizon))?.iter().cloned());
    Ok(())
}

//! From a contest to a link: which class it gets, which keys were compared, what was missing.
//!
//! Not here: the contest itself (`session`).

use super::case::{Case, Failed};
use super::facts::{self, SessionKind};
use super::links::{Found, key, link};
use super::rules::{SESSION_EXEC, SESSION_HORIZON_NS};
use super::runtime::Trust;
use super::session::{Contest, joined, same_command};
use crate::model::{Class, Event, EventId, Link, Str};
use std::rc::Rc;
use std::sync::Arc;

/// The link that a contest gives.
pub fn found(contest: Contest, event: &Arc<Event>) -> Found {
    let mut missing: Vec<Str> = Vec::new();
    if !contest.exec.is_of_cri() {
        missing.push(
            "a session: the exec id is not of the form that the CRI makes, so a client of the runtime on the node (ctr, nerdctl, runc) asked for it".into(),
        );
    }
    let Some(cause) = contest.causes.iter().min_by_key(|cause| cause.id) else {
        if contest.container.names.pod.is_none() {
            missing.push(
                "the pod of the container: containerd's log, the kubelet's, or pods/status at level Request names it"
                    .into(),
            );
        }
        return Found {
            cause: None,
            causes: Vec::new(),
            link: None,
            missing,
            open: false,
            contest: Some(Rc::new(contest)),
        };
    };
    let mut made = link(&SESSION_EXEC, class(&contest, &mut missing), cause, event);
    compare(&mut made, &contest, cause);
    made.clock_us = Some(contest.offset.microseconds());
    made.support = support(&contest);
    made.missing = missing;
    let found = Found::one_of(contest.causes.clone(), made);
    Found { contest: Some(Rc::new(contest)), ..found }
}

fn class(contest: &Contest, missing: &mut Vec<Str>) -> Class {
    let solved = &contest.solved;
    if contest.limited {
        missing.push("a complete view: more sessions or execs compete than are looked at".into());
        return Class::Ambiguous;
    }
    if contest.causes.len() > 1 || solved.or_none {
        if solved.or_none {
            missing
                .push("a cause for every exec: another exec fits the same session, so this one may be of none".into());
        }
        if contest.exec.end.is_none() {
            missing.push("the end of the process: containerd's events or its log at level debug".into());
        }
        return Class::Ambiguous;
    }
    if contest.exec.first.process.is_none() {
        missing.push("the first process: without its arguments every command fits".into());
        return Class::Ambiguous;
    }
    let mut strong = !solved.by_ends;
    if solved.by_ends {
        missing.push("a difference in keys or starts: only the ends decide".into());
    }
    let mut need = |there: bool, what: &str| {
        if !there {
            strong = false;
            missing.push(what.into());
        }
    };
    need(contest.container.names.container.is_some(), "the container's name on the node's side");
    need(
        contest.exec.trust == Trust::Full,
        "the start of the shim or the daemon above the runtime, or the daemon's own events",
    );
    need(
        solved.whole,
        "a partner for everything that competes: a session without an exec, or an exec without a session",
    );
    need(contest.covered, "records of both sources from before the session's beginning until after it");
    need(contest.offset.pairs > 0, "the difference of the clocks: no pair of events shows it");
    let opened = contest.causes.iter().all(|cause| facts::session(cause).is_none_or(|session| session.opened));
    need(opened, "the stage at which the API server opened the session");
    let told = contest.causes.iter().all(|cause| facts::session(cause).is_none_or(|session| session.argv.is_some()));
    need(told, "the command that the session asked for");
    match strong {
        true if contest.by_uid => Class::Proven,
        true => Class::Strong,
        false => Class::Consistent,
    }
}

fn compare(made: &mut Link, contest: &Contest, cause: &Event) {
    let exec = &contest.exec;
    let names = &contest.container.names;
    let argv = exec.first.process.as_deref().and_then(facts::started).map(|started| started.argv);
    let Some(session) = facts::session(cause) else {
        let asked = cause.r#where.container_id.clone().unwrap_or_default();
        made.keys.push(key("container id", asked, exec.container.clone()));
        if let Some(argv) = argv {
            made.keys.push(key("argv", facts::argument(cause, "command").unwrap_or(""), joined(argv)));
        }
        return;
    };
    let pod = |namespace: Option<&str>, pod: Option<&str>| format!("{}/{}", namespace.unwrap_or(""), pod.unwrap_or(""));
    made.keys.push(key(
        "pod",
        pod(Some(session.namespace), Some(session.pod)),
        pod(names.namespace.as_deref(), names.pod.as_deref()),
    ));
    if let (Some(asked), Some(name)) = (session.container, &names.container) {
        made.keys.push(key("container", asked, name.clone()));
    }
    if let (Some(argv), Some(asked)) = (argv, session.argv) {
        let how = same_command(argv, asked);
        let mut compared = key(how.unwrap_or("argv"), joined(asked), joined(argv));
        compared.agrees = how.is_some();
        made.keys.push(compared);
    }
    if let (Some(asked), Some(uid)) = (session.uid, argv.and_then(facts::exec_uid)) {
        made.keys.push(key("request uid", asked, uid));
    }
    if let Some(tty) = session.tty {
        made.keys.push(key("tty", tty.to_string(), exec.tty.to_string()));
    }
    let after = exec.start.saturating_sub(session.start) / 1_000_000;
    let mut start = key("start", "session begins", format!("exec {after} ms later"));
    start.agrees = contest.offset.follows(session.start, exec.start, SESSION_HORIZON_NS);
    made.keys.push(start);
    if let (Some(session), Some(exec)) = (session.end, exec.end) {
        let agree = contest.offset.ends_agree(session, exec);
        let after = session.saturating_sub(exec) / 1_000_000;
        let mut end = key("end", format!("session ends {after} ms after the process"), "process ends");
        end.agrees = agree;
        made.keys.push(end);
    }
}

/// Why a session is not the cause of an exec: what of it disagrees. `None` where it is one of the causes, or no session of an exec.
pub fn near_miss(case: &Case<'_>, event: &Arc<Event>, session: &Event) -> Result<Option<Link>, Failed> {
    let is_exec = facts::session(session).is_some_and(|session| session.kind == SessionKind::Exec);
    let Some(contest) = super::session::contest(case, event)?.filter(|_| is_exec) else { return Ok(None) };
    if contest.causes.iter().any(|cause| cause.id == session.id) {
        return Ok(None);
    }
    let mut made = link(&SESSION_EXEC, Class::Contradicted, session, event);
    compare(&mut made, &contest, session);
    made.clock_us = Some(contest.offset.microseconds());
    if made.keys.iter().all(|key| key.agrees) {
        made.missing
            .push("no key disagrees: each session has one exec, and taken together this one belongs to another".into());
    }
    Ok(Some(made))
}

fn support(contest: &Contest) -> Vec<EventId> {
    let told = &contest.exec.told;
    let mut ids: Vec<EventId> = [&told.named, &told.started, &told.exited]
        .into_iter()
        .flatten()
        .map(|event| event.id)
        .chain(contest.exec.first.process.iter().map(|event| event.id))
        .chain(contest.container.namers.iter().copied())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Whether nobody can be named for an exec because the kubelet asked for it itself.
pub fn is_probe(found: &Found) -> bool {
    found.contest.as_ref().is_some_and(|contest| {
        let session = |cause: &Arc<Event>| facts::session(cause).is_some();
        !contest.causes.is_empty() && !contest.causes.iter().any(session) && !contest.solved.or_none
    })
}

//! From a contest to a link: which class it gets, which keys were compared, what was missing.
//!
//! Not here: the contest itself (`session`).

use super::facts;
use super::links::{self, Found, key, link};
use super::rules::SESSION_EXEC;
use super::runtime::Trust;
use super::session::{Cause, Contest, ids, joined, same_command};
use crate::model::{CANDIDATES_MAX, Class, Event, EventId, Link, Str};
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
    let causes: Vec<Arc<Event>> = contest.causes.iter().map(|cause| Arc::clone(cause.event())).collect();
    let Some(first) = contest.causes.first() else {
        if contest.container.names.pod.is_none() {
            missing.push(
                "the pod of the container: containerd's log, the kubelet's, or pods/status at level Request names it"
                    .into(),
            );
        }
        return Found { cause: None, causes, link: None, missing, contest: Some(Rc::new(contest)) };
    };
    let cause = Arc::clone(first.event());
    let mut made = link(&SESSION_EXEC, class(&contest, &mut missing), &cause, event);
    compare(&mut made, &contest, first);
    made.clock_us = Some(contest.offset.microseconds());
    let mut candidates = ids(&contest.causes);
    made.candidate_count = candidates.len();
    candidates.truncate(CANDIDATES_MAX);
    made.candidates = candidates;
    made.support = support(&contest);
    made.missing.clone_from(&missing);
    let (cause, causes) = (Some(cause), causes);
    Found { cause, causes, link: Some(made), missing, contest: Some(Rc::new(contest)) }
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
    let opened = contest.causes.iter().all(|cause| match cause {
        Cause::Session(event) => facts::session(event).is_some_and(|session| session.opened),
        Cause::Sync(_) => true,
    });
    need(opened, "the stage at which the API server opened the session");
    if strong { Class::Strong } else { Class::Consistent }
}

fn compare(made: &mut Link, contest: &Contest, cause: &Cause) {
    let exec = &contest.exec;
    let names = &contest.container.names;
    let argv = exec.first.process.as_deref().and_then(facts::started).map(|started| started.argv);
    let Cause::Session(event) = cause else {
        let event = cause.event();
        let asked = event.r#where.container_id.clone().unwrap_or_default();
        made.keys.push(key("container id", asked, exec.container.clone()));
        if let Some(argv) = argv {
            made.keys.push(key("argv", facts::argument(event, "command").unwrap_or(""), joined(argv)));
        }
        return;
    };
    let Some(session) = facts::session(event) else { return };
    let pod = |namespace: Option<&str>, pod: Option<&str>| format!("{}/{}", namespace.unwrap_or(""), pod.unwrap_or(""));
    made.keys.push(key(
        "pod",
        pod(Some(session.namespace), Some(session.pod)),
        pod(names.namespace.as_deref(), names.pod.as_deref()),
    ));
    if let (Some(asked), Some(name)) = (session.container, &names.container) {
        made.keys.push(key("container", asked, name.clone()));
    }
    if let (Some(argv), Some(asked)) = (argv, session.argv)
        && let Some(how) = same_command(argv, asked)
    {
        let mut compared = key(how, joined(asked), joined(argv));
        compared.agrees = true;
        made.keys.push(compared);
    }
    made.keys.push(key("tty", session.tty.to_string(), exec.tty.to_string()));
    let after = exec.start.saturating_sub(session.start) / 1_000_000;
    let mut start = key("start", "session begins", format!("exec {after} ms later"));
    start.agrees = true;
    made.keys.push(start);
    if let (Some(session), Some(exec)) = (session.end, exec.end) {
        let after = session.saturating_sub(exec) / 1_000_000;
        let mut end = key("end", format!("session ends {after} ms after the process"), "process ends");
        end.agrees = (-1_000..=250).contains(&after);
        made.keys.push(end);
    }
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
        !contest.causes.is_empty() && links::sessions(&contest.causes).is_empty() && !contest.solved.or_none
    })
}

//! The node's side of a session: the kubelet's line about it, the runtime's attach and port-forward.
//!
//! Not here: execs, which start a process (`session`).

use super::case::{Case, Failed};
use super::clock::{self, Offset};
use super::container;
use super::facts::{self, Session, SessionKind};
use super::keys;
use super::links::{Found, key, link};
use super::matching::{Edge, solve};
use super::rules::{SESSION_HORIZON_NS, SESSION_STREAM};
use crate::model::{Class, Event, Source, Str};
use std::sync::Arc;

/// How far around sessions are looked for, ns.
const AROUND_NS: i64 = 6 * SESSION_HORIZON_NS;

/// The session behind a line of the kubelet or of the runtime that is about one.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(side) = Side::of(case, event)? else {
        return Ok(Found::none("no rule leads further back from such a line"));
    };
    let start = event.when.event.nanos;
    let (since, until) = (start.saturating_sub(AROUND_NS), start.saturating_add(AROUND_NS));
    let sessions = case.with_key(keys::session(event, &side.namespace, &side.pod), since, until)?;
    let served = case.with_key(keys::served(event, &side.namespace, &side.pod), since, until)?;
    let offset = clock::offset(case, &sessions, &served, || Ok(Vec::new()))?;
    let mut effects: Vec<Side> = Vec::new();
    let others = match event.source {
        Source::Kubelet => served,
        _ => case.with_key(keys::request(event.r#where.container_id.as_deref().unwrap_or("")), since, until)?,
    };
    for other in others.iter() {
        effects.extend(Side::of(case, other)?.filter(|other| other.kind == side.kind));
    }
    let Some(asked) = effects.iter().position(|other| other.event.id == event.id) else {
        return Ok(Found::none("more sessions than are looked at"));
    };
    let mut edges = Vec::new();
    for (cause, opened) in sessions.iter().enumerate() {
        let Some(session) = facts::session(opened) else { continue };
        for (effect, side) in effects.iter().enumerate() {
            edges.extend(side.edge(&session, offset).map(|ends_agree| Edge { cause, effect, ends_agree }));
        }
    }
    let solved = solve(sessions.len(), effects.len(), &edges, asked);
    let causes: Vec<Arc<Event>> = solved.causes.iter().filter_map(|number| sessions.get(*number)).cloned().collect();
    let Some(first) = causes.iter().min_by_key(|event| event.id).cloned() else {
        return Ok(Found::none("no API session of the pod agrees with it"));
    };
    let class = match (causes.len(), solved.or_none) {
        (1, false) if solved.by_ends || !solved.whole || offset.pairs == 0 => Class::Consistent,
        (1, false) => Class::Strong,
        _ => Class::Ambiguous,
    };
    let mut made = link(&SESSION_STREAM, class, &first, event);
    made.clock_us = Some(offset.microseconds());
    if let Some(session) = facts::session(&first) {
        side.compare(&session, &mut made.keys);
    }
    if solved.by_ends {
        made.missing.push("a difference in keys or starts: only the ends decide".into());
    }
    Ok(Found::one_of(causes, made))
}

/// What a line of the node says of a session.
struct Side {
    event: Arc<Event>,
    kind: SessionKind,
    namespace: Str,
    pod: Str,
    container: Option<Str>,
    tty: Option<bool>,
    stdin: Option<bool>,
}

impl Side {
    fn of(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Side>, Failed> {
        if event.source == Source::Kubelet {
            let Some(session) = facts::session(event) else { return Ok(None) };
            return Ok(Some(Side {
                event: Arc::clone(event),
                kind: session.kind,
                namespace: session.namespace.into(),
                pod: session.pod.into(),
                container: session.container.map(Str::from),
                tty: session.tty,
                stdin: session.stdin,
            }));
        }
        let kind = match event.what.action.as_str() {
            "requested-attach" => SessionKind::Attach,
            "requested-port-forward" => SessionKind::PortForward,
            _ => return Ok(None),
        };
        let Some(id) = event.r#where.container_id.as_deref() else { return Ok(None) };
        let names = container::container(case, id)?.names;
        let (Some(namespace), Some(pod)) = (names.namespace, names.pod) else { return Ok(None) };
        let flag = |name| facts::argument(event, name).map(|value| value == "true");
        let (tty, stdin) = (flag("tty"), flag("stdin"));
        Ok(Some(Side { event: Arc::clone(event), kind, namespace, pod, container: names.container, tty, stdin }))
    }

    fn edge(&self, session: &Session<'_>, offset: Offset) -> Option<bool> {
        let other = |one: Option<bool>, other: Option<bool>| one.zip(other).is_some_and(|(one, other)| one != other);
        if self.kind != session.kind || other(self.tty, session.tty) || other(self.stdin, session.stdin) {
            return None;
        }
        if session.container.zip(self.container.as_deref()).is_some_and(|(asked, name)| asked != name) {
            return None;
        }
        let mine = facts::session(&self.event);
        if let Some((mine, asked)) = mine.and_then(|mine| mine.argv).zip(session.argv)
            && mine != asked
        {
            return None;
        }
        if !offset.follows(session.start, self.event.when.event.nanos, SESSION_HORIZON_NS) {
            return None;
        }
        let ends = session.end.zip(mine.and_then(|mine| mine.end));
        Some(ends.is_some_and(|(session, mine)| offset.ends_agree(session, mine)))
    }

    fn compare(&self, session: &Session<'_>, keys: &mut Vec<crate::model::KeyMatch>) {
        keys.push(key(
            "pod",
            format!("{}/{}", session.namespace, session.pod),
            format!("{}/{}", self.namespace, self.pod),
        ));
        if let (Some(asked), Some(name)) = (session.container, &self.container) {
            keys.push(key("container", asked, name.clone()));
        }
        for (name, mine, asked) in [("tty", self.tty, session.tty), ("stdin", self.stdin, session.stdin)] {
            if let Some((mine, asked)) = mine.zip(asked) {
                keys.push(key(name, asked.to_string(), mine.to_string()));
            }
        }
    }
}

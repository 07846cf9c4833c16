//! In which container a process ran, as the agent of its node saw it: rule `process-container`.
//!
//! The kernel's records name no container. The agent looks the process up when it reads a record of it, and says when that process started: from then until
//! it was looked up the number was this process's. Its word is an agent's, not the kernel's. Not here: how the agent looks (`agent::stamp`), what the runtime says (`container`).

use super::case::{Case, Failed};
use super::facts;
use super::keys;
use super::links::{Found, key, link};
use super::rules::{CLAIM_AFTER_NS, CLAIM_HORIZON_NS, PROCESS_CONTAINER};
use crate::model::{Class, Event, KeyMatch, Link, Source, Str};
use std::sync::Arc;

/// Hex digits of a container's id.
const ID_DIGITS: usize = 64;

/// What a claim says.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'e> {
    /// The container, by its whole id.
    pub container: &'e str,
    /// The pod's uid, where the control group names it.
    pub pod_uid: Option<&'e str>,
    /// When the process started, ns: at the latest.
    started: Option<i64>,
    /// The stamp of the record that was read.
    audit: Option<&'e str>,
}

/// The claim that an event is.
pub fn read(event: &Event) -> Option<Claim<'_>> {
    if event.source != Source::Own || event.what.action != "process-container" {
        return None;
    }
    let container = event.r#where.container_id.as_deref()?;
    let is_id = container.len() == ID_DIGITS && container.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| Claim {
        container,
        pod_uid: event.r#where.pod_uid.as_deref(),
        started: facts::argument(event, "started_ns").and_then(|started| started.parse().ok()),
        audit: facts::argument(event, "audit"),
    })
}

/// How a claim is about an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    /// The process lived from before it until after it.
    Lived,
    /// It lived before, and nothing says that its number was given away.
    After,
    /// It is about this very record; when the process started is not said.
    Record,
}

/// The container of the process of an event; several, where claims differ.
pub fn of(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let started = facts::started(event);
    let (Source::Linux, Some(pid)) = (event.source, event.how.pid) else { return Ok(None) };
    // A stage of the runtime is on its way into the container.
    if started.is_some_and(|started| started.is_runtime()) {
        return Ok(None);
    }
    let at = event.when.event.nanos;
    let (since, until) = (at.saturating_sub(CLAIM_AFTER_NS), at.saturating_add(CLAIM_HORIZON_NS));
    let claims = case.with_key(keys::claimed(event, pid), since, until)?;
    let mut fitting: Vec<(Fits, &Arc<Event>, Claim<'_>)> = Vec::new();
    for told in claims.iter() {
        let Some(claim) = read(told) else { continue };
        fitting.extend(fits(case, event, pid, told, claim)?.map(|fits| (fits, told, claim)));
    }
    let Some(best) = fitting.iter().map(|(fits, ..)| *fits).min() else { return Ok(None) };
    fitting.retain(|(fits, ..)| *fits == best);
    let Some((_, told, claim)) = fitting.first().copied() else { return Ok(None) };
    let (class, missing): (Class, Option<&str>) = match best {
        Fits::Lived => (Class::Strong, None),
        Fits::After => (
            Class::Consistent,
            Some("a claim that was made later: the number of the process may have been given away in between"),
        ),
        Fits::Record => {
            (Class::Consistent, Some("when the process started: its number may have been another's by then"))
        }
    };
    let differ = fitting.iter().any(|(.., other)| other.container != claim.container);
    let mut found = link(&PROCESS_CONTAINER, if differ { Class::Ambiguous } else { class }, told, event);
    found.missing.extend(missing.map(Str::from));
    keys_of(&mut found, event, pid, told, claim);
    if differ {
        found.missing.push(
            "claims that agree: the process was in several containers, or its number was several processes'".into(),
        );
        let causes = fitting.iter().map(|(_, told, _)| Arc::clone(told)).collect();
        return Ok(Some(Found::one_of(causes, found)));
    }
    Ok(Some(Found::one(told, found)))
}

/// Whether a claim of the event's node about a process of this number is about the process of the event.
fn fits(case: &Case<'_>, event: &Event, pid: u32, told: &Event, claim: Claim<'_>) -> Result<Option<Fits>, Failed> {
    let (at, seen) = (event.when.event.nanos, told.when.event.nanos);
    let Some(started) = claim.started else {
        let same = claim.audit.is_some() && claim.audit == stamp(event).as_deref() && seen >= at;
        return Ok(same.then_some(Fits::Record));
    };
    if started > seen || started > at {
        return Ok(None);
    }
    if seen >= at {
        return Ok(Some(Fits::Lived));
    }
    // A program that was started since may be another process's.
    let since = case.with_key(keys::process(event, pid), seen, at)?;
    let ended = case.with_key(keys::task(event, pid), seen, at)?;
    let given_away = !since.is_empty() || ended.iter().any(|told| told.what.action == "exited");
    Ok((!given_away && facts::started(event).is_none()).then_some(Fits::After))
}

fn keys_of(found: &mut Link, event: &Event, pid: u32, told: &Event, claim: Claim<'_>) {
    let claimed = told.how.pid.map_or_else(String::new, |pid| pid.to_string());
    found.keys.push(key("pid", claimed, pid.to_string()));
    if let Some(started) = claim.started {
        let (at, seen) = (event.when.event.nanos, told.when.event.nanos);
        let apart = |one: i64, other: i64| other.saturating_sub(one) / 1_000_000;
        let seen_ms = apart(at, seen);
        let side = if seen >= at { "after" } else { "before" };
        found.keys.push(KeyMatch {
            name: "lifetime",
            from: format!("the process began {} ms before", apart(started, at)).into(),
            to: format!("it was seen {} ms {side}", seen_ms.abs()).into(),
            agrees: seen >= at,
        });
    }
    if let (Some(audit), Some(stamp)) = (claim.audit, stamp(event))
        && audit == stamp
    {
        found.keys.push(key("audit record", audit, stamp));
    }
}

/// The stamp of an audit record as the kernel writes it.
fn stamp(event: &Event) -> Option<String> {
    let millis = event.when.event.nanos.div_euclid(1_000_000);
    Some(format!("{}.{:03}:{}", millis.div_euclid(1_000), millis.rem_euclid(1_000), event.how.serial?))
}

/// What the process of this event did, as far as a claim reaches: candidates, oldest first.
pub fn covered(case: &Case<'_>, told: &Event, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let (Some(claim), Some(pid)) = (read(told), told.how.pid) else { return Ok(()) };
    let seen = told.when.event.nanos;
    let since = claim.started.unwrap_or(seen).max(seen.saturating_sub(CLAIM_HORIZON_NS));
    into.extend(case.with_key(keys::process(told, pid), since, seen)?.iter().cloned());
    Ok(())
}

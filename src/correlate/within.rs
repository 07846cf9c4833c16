//! The container that something happened in: by the runtime's order that started the process, or else by the claim of the node's agent.
//!
//! Where the two name different containers, neither is chosen. Not here: who orders (`links`), what a claim is worth (`claim`), what a container is called (`container`).

use super::case::{Case, Failed};
use super::claim;
use super::container::{self, Container};
use super::facts;
use super::keys;
use super::links::Found;
use super::rules::{CONTAINER_PROCESS, EXEC_PROCESS, PROCESS_CHILD};
use super::walk::Step;
use crate::model::{Class, Event, EventId, Link, Source, Str};
use std::sync::Arc;

/// A container that a process was started in.
#[derive(Debug, Clone)]
pub struct Within {
    /// Container id.
    pub id: Str,
    /// What is known of it.
    pub container: Container,
    /// The weakest link from the event to the runtime's order, or to the agent's claim.
    pub class: Class,
    /// The agent's claim, where it names the container, or another one.
    pub claim: Option<Link>,
    /// Containers that it may be besides; then it is AMBIGUOUS.
    pub others: Vec<Str>,
}

/// The container of the event that a chain begins with.
pub fn within(case: &Case<'_>, chain: &[Step]) -> Result<Option<Within>, Failed> {
    let ordered = ordered(case, chain)?;
    let Some((found, class)) = claimed(case, chain)? else { return Ok(ordered) };
    let (Some(link), Some(told)) = (found.link.clone(), found.cause.clone()) else { return Ok(ordered) };
    let ids = || found.causes.iter().filter_map(|told| claim::read(told)).map(|claim| Str::from(claim.container));
    match ordered {
        Some(ordered) => Ok(Some(both(ordered, link, ids().collect()))),
        None => by_claim(case, &told, link, class, ids().collect()),
    }
}

/// The container of the runtime's order that started the process, or the one before it.
fn ordered(case: &Case<'_>, chain: &[Step]) -> Result<Option<Within>, Failed> {
    let mut class = Class::Proven;
    for (step, next) in chain.iter().zip(chain.iter().skip(1)) {
        let Some(link) = &step.link else { return Ok(None) };
        class = class.max(link.class);
        if link.rule != EXEC_PROCESS.name && link.rule != CONTAINER_PROCESS.name {
            continue;
        }
        let Some(id) = facts::run(&next.event).map(|run| Str::from(run.container)) else { return Ok(None) };
        if step.event.source != Source::Linux {
            return Ok(None);
        }
        let container = container::container(case, &id)?;
        return Ok(Some(Within { id, container, class, claim: None, others: Vec::new() }));
    }
    Ok(None)
}

/// The claim about the process, or about the nearest one that it descends from: children are born into the control group of their parent.
fn claimed(case: &Case<'_>, chain: &[Step]) -> Result<Option<(Found, Class)>, Failed> {
    let mut class = Class::Proven;
    for step in chain {
        if let Some(found) = claim::of(case, &step.event)? {
            let claimed = found.link.as_ref().map_or(Class::Ambiguous, |link| link.class);
            return Ok(Some((found, class.max(claimed))));
        }
        match &step.link {
            Some(link) if link.rule == PROCESS_CHILD.name => class = class.max(link.class),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// What the runtime ordered, beside what an agent claims: the runtime's container stands where they agree.
fn both(mut within: Within, mut claim: Link, mut ids: Vec<Str>) -> Within {
    ids.retain(|id| *id != within.id);
    if !ids.is_empty() {
        within.class = Class::Ambiguous;
        claim.class = within.class;
        within.claim = Some(claim);
        within.others = sorted(ids);
    }
    within
}

fn sorted(mut ids: Vec<Str>) -> Vec<Str> {
    ids.sort();
    ids.dedup();
    ids
}

fn by_claim(
    case: &Case<'_>,
    told: &Arc<Event>,
    mut claim: Link,
    class: Class,
    ids: Vec<Str>,
) -> Result<Option<Within>, Failed> {
    let Some(said) = claim::read(told) else { return Ok(None) };
    let id = Str::from(said.container);
    let mut others = sorted(ids);
    others.retain(|other| *other != id);
    let mut container = container::container(case, &id)?;
    let mut class = class;
    let uid = said.pod_uid.map(Str::from);
    let others_say = disagrees(&container, told, uid.as_ref());
    if let Some(what) = others_say {
        class = Class::Ambiguous;
        claim.class = class;
        claim.missing.push(format!("records that agree: {what}").into());
        container = Container { contradicted: true, namers: container.namers, ..Container::default() };
    } else if others.is_empty() {
        container.names.pod_uid = container.names.pod_uid.or(uid);
        named_by_api(case, told, &mut container)?;
    } else {
        container = Container { namers: container.namers, ..Container::default() };
    }
    add_namer(&mut container, told.id);
    Ok(Some(Within { id, container, class, claim: Some(claim), others }))
}

/// In what the runtime's or the kubelet's records of the container contradict the claim.
fn disagrees(container: &Container, told: &Event, uid: Option<&Str>) -> Option<&'static str> {
    if matches!((&container.names.pod_uid, uid), (Some(one), Some(other)) if one != other) {
        return Some("the container is said to be another pod's");
    }
    let made = container.made.as_ref().or(container.sandbox.as_ref())?;
    if made.r#where.node != told.r#where.node || made.r#where.cluster != told.r#where.cluster {
        return Some("the container was made on another node");
    }
    let later = made.when.event.nanos > told.when.event.nanos;
    later.then_some("the container was made after the process was seen in it")
}

/// The pod's name, by the request that made the pod of that uid.
fn named_by_api(case: &Case<'_>, told: &Event, container: &mut Container) -> Result<(), Failed> {
    let Some(uid) = container.names.pod_uid.clone().filter(|_| container.names.pod.is_none()) else { return Ok(()) };
    let made = case.all(keys::pod_uid(&uid))?;
    let names = |event: &Event| Some((event.r#where.namespace.clone()?, event.r#where.pod.clone()?));
    let here = |event: &&Arc<Event>| event.r#where.cluster == told.r#where.cluster;
    let mut named = made.iter().filter(here).filter_map(|event| Some((names(event)?, event.id)));
    let Some((first, by)) = named.next() else { return Ok(()) };
    if named.any(|(other, _)| other != first) {
        container.contradicted = true;
        return Ok(());
    }
    (container.names.namespace, container.names.pod) = (Some(first.0), Some(first.1));
    add_namer(container, by);
    Ok(())
}

fn add_namer(container: &mut Container, by: EventId) {
    if !container.namers.contains(&by) {
        container.namers.push(by);
    }
}

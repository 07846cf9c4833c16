//! Requests that made, changed or deleted an object, in the order in which they came.
//!
//! Inside: which objects' writes are found by name, what one write says, the life of a name that an event fell into. Not here: what follows from them (`owner`, `permission`, `credential`).

use super::case::{Case, FOUND_MAX, Failed, order};
use super::facts;
use super::keys;
use crate::model::{Event, Object, Outcome, Source, Str};
use std::sync::Arc;

/// Writes that are looked at first: mostly the making is among them.
const FEW: usize = 64;
/// Objects whose writes are found by their names.
const KEPT: &[&str] = &[
    "deployments",
    "replicasets",
    "replicationcontrollers",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "rolebindings",
    "clusterrolebindings",
    "certificatesigningrequests",
];

/// What a request did to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It made it.
    Made,
    /// It changed it, or may have.
    Changed,
    /// It deleted it.
    Deleted,
}

/// A successful write.
#[derive(Debug, Clone, Copy)]
pub struct Write<'e> {
    /// What it did.
    pub did: Did,
    /// The resource, in the plural.
    pub resource: &'e str,
    /// `scale`, `approval`, `status` or nothing.
    pub subresource: &'e str,
    /// The object.
    pub object: &'e Object,
    /// Its name.
    pub name: &'e str,
}

/// The write that an event is, of any object.
pub fn written(event: &Event) -> Option<Write<'_>> {
    if event.source != Source::Kubernetes || event.what.outcome != Outcome::Success {
        return None;
    }
    if is_dry(event) {
        return None;
    }
    let object = event.what.object.as_ref()?;
    let kind = object.kind.as_deref()?;
    let (resource, subresource) = kind.split_once('/').unwrap_or((kind, ""));
    let did = match event.how.verb.as_deref()? {
        "create" if subresource.is_empty() => Did::Made,
        "update" | "patch" => Did::Changed,
        "delete" if subresource.is_empty() => Did::Deleted,
        _ => return None,
    };
    Some(Write { did, resource, subresource, object, name: object.name.as_deref()? })
}

/// Whether a request only tried what it would do.
pub fn is_dry(event: &Event) -> bool {
    facts::argument(event, "dry-run").is_some()
}

/// As [`written`], of what is found by its name.
pub fn kept(event: &Event) -> Option<Write<'_>> {
    let write = written(event)?;
    let approves = write.resource == "certificatesigningrequests" && matches!(write.subresource, "approval" | "status");
    let sizes = matches!(write.subresource, "" | "scale");
    (KEPT.contains(&write.resource) && (sizes || approves)).then_some(write)
}

/// The number that an argument of a request is.
pub fn number(event: &Event, name: &str) -> Option<u64> {
    facts::argument(event, name)?.parse().ok()
}

/// The first object of a role.
pub fn of_role<'e>(event: &'e Event, role: &str) -> Option<&'e Object> {
    event.what.objects.iter().find(|object| object.role.as_deref() == Some(role))
}

/// Where an object is found: the resource in the plural, its namespace and its name.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// `deployments`
    pub resource: &'a str,
    /// Its namespace; empty where it has none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Writes of an object before an event.
#[derive(Debug, Clone, Default)]
pub struct Before {
    /// The writes of the last life of the name, without its end.
    pub life: Vec<Arc<Event>>,
    /// Whether the making is among them.
    pub made: bool,
    /// When that life was ended, where it was, ns.
    pub deleted: Option<i64>,
    /// Whether there were more than are looked at.
    pub limited: bool,
}

/// The writes of the life of a name that an event falls into. Where the uid is known, writes of any other uid are of another life.
pub fn before(case: &Case<'_>, event: &Event, named: Named<'_>, uid: Option<&str>) -> Result<Before, Failed> {
    let few = before_of(case, event, named, uid, FEW)?;
    if few.made || !few.limited { Ok(few) } else { before_of(case, event, named, uid, FOUND_MAX) }
}

fn before_of(
    case: &Case<'_>,
    event: &Event,
    named: Named<'_>,
    uid: Option<&str>,
    limit: usize,
) -> Result<Before, Failed> {
    let at = event.when.event.nanos;
    let mut all: Vec<Arc<Event>> = case.latest(keys::write(event, named), at, limit)?.to_vec();
    all.sort_by_key(|other| order(other));
    let mut found = Before { limited: all.len() >= limit, ..Before::default() };
    for other in all.iter().filter(|other| other.id != event.id && other.when.event.nanos <= at) {
        let Some(write) = kept(other) else { continue };
        if uid.zip(write.object.uid.as_deref()).is_some_and(|(wanted, there)| wanted != there) {
            continue;
        }
        match write.did {
            Did::Made => found = Before { life: vec![Arc::clone(other)], made: true, deleted: None, ..found },
            Did::Deleted => found.deleted = Some(other.when.event.nanos),
            Did::Changed => {
                if found.deleted.take().is_some() && uid.is_none() {
                    found.life.clear();
                    found.made = false;
                }
                found.life.push(Arc::clone(other));
            }
        }
    }
    // What is before the making is of no interest.
    found.limited &= !found.made;
    Ok(found)
}

/// Whether an event may have come before another one ended: which of them came into force first is then not told.
pub fn overlap(one: &Event, other: &Event) -> bool {
    let end = |event: &Event| event.when.end.map(|end| end.nanos);
    let (first, second) = if one.when.event <= other.when.event { (one, other) } else { (other, one) };
    end(first).is_none_or(|end| end >= second.when.event.nanos)
}

/// The account in the cluster's own namespace that a built-in controller has, or the manager's that all have where they share one.
pub fn is_controller(event: &Event, account: &str) -> bool {
    let Some(name) = event.who.name.as_deref().filter(|_| event.who.r#as.is_none()) else { return false };
    let own = name.strip_prefix("system:serviceaccount:kube-system:");
    own == Some(account) || name == "system:kube-controller-manager"
}

/// What an object is called in a sentence.
pub fn called(named: Named<'_>) -> Str {
    match named.namespace {
        "" => format!("{} {}", named.resource, named.name).into(),
        namespace => format!("{} {namespace}/{}", named.resource, named.name).into(),
    }
}

//! How many pods an owner lacked, and by whom: what was asked for, what was made, what was deleted.
//!
//! Not here: which of the reasons a link names (`owner`).

use super::case::{Case, FOUND_MAX, Failed, order};
use super::keys;
use super::writes::{self, Named};
use crate::model::{Event, EventId, Outcome, Str};
use std::collections::HashSet;
use std::sync::Arc;

/// A longer name of an owner is cut in the names of its pods.
const OWNER_BYTES_MAX: usize = 57;

/// The name of the owner in that of a pod: all before its last part.
pub fn owner_in(pod: &str) -> Option<&str> {
    pod.rsplit_once('-').map(|(owner, _)| owner).filter(|owner| !owner.is_empty())
}

/// Whether a request deletes a pod, or evicts it.
pub fn removes(event: &Event) -> bool {
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref());
    let verb = event.how.verb.as_deref();
    event.what.outcome == Outcome::Success
        && !writes::is_dry(event)
        && matches!((kind, verb), (Some("pods"), Some("delete")) | (Some("pods/eviction"), Some("create")))
}

/// Deletions of an owner's pods.
#[derive(Debug, Default)]
pub struct Deletions {
    /// The first of each pod, oldest first; those of whole namespaces too.
    pub events: Vec<Arc<Event>>,
    /// Whether there may be some that cannot be found: the owner's name is cut in the names of its pods.
    pub untold: bool,
    /// Whether there were more than are looked at.
    pub limited: bool,
}

/// The deletions of an owner's pods since its making, before an event, but for those that its own controller made: those leave no gap.
pub fn deletions(
    case: &Case<'_>,
    event: &Event,
    owner: Named<'_>,
    life: &[Arc<Event>],
    account: &str,
) -> Result<Deletions, Failed> {
    let since = life.first().map_or(i64::MIN, |first| first.when.event.nanos);
    let until = event.when.event.nanos;
    let one = case.with_key(keys::gone(event, owner.namespace, owner.name), since, until)?;
    let all = case.with_key(keys::gone_all(event, owner.namespace), since, until)?;
    let mut found = Deletions {
        untold: owner.name.len() > OWNER_BYTES_MAX,
        limited: one.len() >= FOUND_MAX || all.len() >= FOUND_MAX,
        ..Deletions::default()
    };
    let mut seen: HashSet<Str> = HashSet::new();
    for gone in one.iter().filter(|gone| removes(gone)) {
        let object = gone.what.object.as_ref();
        let pod = object.and_then(|object| object.uid.clone().or_else(|| object.name.clone()));
        // A node deletes again, in the end, what somebody deleted.
        let again = pod.is_some_and(|pod| !seen.insert(pod));
        if !again && !writes::is_controller(gone, account) {
            found.events.push(Arc::clone(gone));
        }
    }
    found.events.extend(all.iter().filter(|gone| !writes::is_dry(gone)).cloned());
    found.events.sort_by_key(|gone| order(gone));
    Ok(found)
}

/// What an owner lacked when a pod was made for it.
#[derive(Debug, Default)]
pub struct Gaps {
    /// Whose doing the lack was.
    pub open: Vec<Arc<Event>>,
    /// The writes that asked for more pods than the one before.
    pub raised: Vec<Arc<Event>>,
}

impl Gaps {
    /// Counts, from the owner's making until the event. Where it cannot be told which of several reasons a pod filled, all of them stay until every one must be filled.
    pub fn before(event: &Event, sizes: &[(Arc<Event>, u64)], gone: &Deletions, pods: &[Arc<Event>]) -> Gaps {
        let mut all: Vec<(&Arc<Event>, Option<u64>)> = sizes.iter().map(|(write, size)| (write, Some(*size))).collect();
        all.extend(gone.events.iter().chain(pods).map(|other| (other, None)));
        all.sort_by_key(|(other, _)| order(other));
        let made: HashSet<EventId> = pods.iter().map(|pod| pod.id).collect();
        let (mut gaps, mut asked, mut lacks) = (Gaps::default(), 0_u64, 0_u64);
        for (other, size) in all.iter().take_while(|(other, _)| order(other) <= order(event)) {
            match size {
                Some(size) if *size > asked => {
                    lacks = lacks.saturating_add(size - asked);
                    gaps.open.push(Arc::clone(other));
                    gaps.raised.push(Arc::clone(other));
                }
                Some(size) => lacks = lacks.saturating_sub(asked.saturating_sub(*size)),
                None if made.contains(&other.id) => lacks = lacks.saturating_sub(1),
                // Nobody says how many pods it was.
                None if !removes(other) => {
                    lacks = u64::MAX;
                    gaps.open.push(Arc::clone(other));
                }
                None => {
                    lacks = lacks.saturating_add(1);
                    gaps.open.push(Arc::clone(other));
                }
            }
            if let Some(size) = size {
                asked = *size;
            }
            if lacks == 0 {
                gaps.open.clear();
            }
        }
        gaps
    }
}

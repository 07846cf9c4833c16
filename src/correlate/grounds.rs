//! What an event rests on besides its cause: the right, the credential, the program that was run, the file that was read.
//!
//! A request is caused by whoever held a credential; that the credential was there, and that it was allowed, has causes of its own. Each is a chain as
//! any other, told beside it. Inside: which grounds an event has, and their chains. Not here: the rules (`permission`, `credential`, `sender`, `files`, `loaded`).

use super::case::{Case, Failed};
use super::credential;
use super::files;
use super::links::Found;
use super::loaded;
use super::permission;
use super::rules::CLIENT_REQUEST;
use super::sender;
use super::walk::{Root, Step, follow};
use crate::model::{Event, EventId, Source};
use std::collections::HashSet;
use std::sync::Arc;

/// Grounds of one answer.
const GROUNDS_MAX: usize = 16;
/// Grounds of grounds of grounds …
const DEPTH_MAX: usize = 4;

/// What an event of a chain rests on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The event that rests on it; the chain begins with it.
    pub of: EventId,
    /// Effect first, cause last; the first link is the ground's, whose rule names it.
    pub chain: Vec<Step>,
    /// The end of it.
    pub root: Root,
}

/// What an event rests on: a link each, with what it leads to.
pub fn found(case: &Case<'_>, event: &Arc<Event>) -> Result<Vec<Found>, Failed> {
    let mut all = Vec::new();
    if event.source == Source::Kubernetes {
        all.extend(permission::ground(case, event)?);
        all.extend(credential::ground(case, event)?);
        all.extend(credential::asked(case, event)?);
        all.extend(sender::ground(case, event)?);
    }
    all.extend(files::of_program(case, event)?);
    all.extend(loaded::ground(case, event)?);
    Ok(all)
}

/// Whether a component of the cluster acted: its node, its controllers, its scheduler, the API server itself.
fn is_component(event: &Event) -> bool {
    const COMPONENTS: [&str; 4] =
        ["system:node:", "system:kube-", "system:apiserver", "system:serviceaccount:kube-system:"];
    let name = event.who.name.as_deref().unwrap_or("");
    event.source == Source::Kubernetes && COMPONENTS.iter().any(|component| name.starts_with(component))
}

/// The grounds of a chain's events, nearest to the effect first, and what those rest on themselves.
pub fn of_chain(case: &Case<'_>, chain: &[Step]) -> Result<Vec<Ground>, Failed> {
    let mut grounds: Vec<Ground> = Vec::new();
    let mut seen: HashSet<EventId> = HashSet::new();
    let mut level: Vec<Arc<Event>> = chain.iter().map(|step| Arc::clone(&step.event)).collect();
    let asked = chain.first().map(|step| step.event.id);
    for depth in 0..DEPTH_MAX {
        let mut next = Vec::new();
        for event in level {
            // What a component of the cluster may do was there before, and says nothing of anybody.
            if !seen.insert(event.id) || (is_component(&event) && asked != Some(event.id)) {
                continue;
            }
            for found in found(case, &event)? {
                let Some(link) = &found.link else { continue };
                // Which process may have sent what a ground rests on says nothing more of the event.
                if depth > 0 && link.rule == CLIENT_REQUEST.name {
                    continue;
                }
                if grounds.len() >= GROUNDS_MAX {
                    return Ok(grounds);
                }
                let (chain, root) = follow(case, &event, found)?;
                next.extend(chain.iter().skip(1).map(|step| Arc::clone(&step.event)));
                grounds.push(Ground { of: event.id, chain, root });
            }
        }
        level = next;
    }
    Ok(grounds)
}

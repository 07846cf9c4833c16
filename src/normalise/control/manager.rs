//! What the controller manager and the scheduler say: leases, bindings, what controllers made and deleted.
//!
//! Not here: the API server's log (`apiserver`).

use deponent_parsers::line::Line;

use super::{act, object};
use crate::model::{Event, Object, Outcome};
use crate::normalise::line::some;

/// Messages that do something, what they do, the field that names the object, and its kind.
const MESSAGES: &[(&str, &str, Outcome, &str, &str)] = &[
    ("Attempting to acquire leader lease", "acquiring-lease", Outcome::Unknown, "lock", "leases"),
    ("Successfully acquired lease", "acquired-lease", Outcome::Success, "lock", "leases"),
    ("Failed to acquire lease", "acquiring-lease", Outcome::Failure, "lock", "leases"),
    ("Failed to renew lease", "lost-lease", Outcome::Failure, "lock", "leases"),
    ("Failed to update lease", "lost-lease", Outcome::Failure, "lock", "leases"),
    ("Successfully bound pod to node", "bound-pod", Outcome::Success, "pod", "pods"),
    ("Unable to schedule pod; no fit; waiting", "scheduling-pod", Outcome::Failure, "pod", "pods"),
    ("Unable to schedule pod", "scheduling-pod", Outcome::Failure, "pod", "pods"),
    ("Attempting to schedule pod", "scheduling-pod", Outcome::Unknown, "pod", "pods"),
    ("Too few replicas", "creating-pods", Outcome::Unknown, "replicaSet", "replicasets"),
    ("Too many replicas", "deleting-pods", Outcome::Unknown, "replicaSet", "replicasets"),
    ("Deleting item", "deleting", Outcome::Unknown, "item", ""),
    ("Deleting pod", "deleting-pod", Outcome::Unknown, "pod", "pods"),
    ("Added node to NodeTree", "added-node", Outcome::Success, "node", "nodes"),
    ("Removed node from NodeTree", "removed-node", Outcome::Success, "node", "nodes"),
    ("Approving CSR", "approving", Outcome::Unknown, "csr", "certificatesigningrequests"),
];

/// Reads a line; one that it does not know stays as it is.
pub(super) fn read(line: &Line<'_>, event: &mut Event) {
    let message = line.message.trim_end_matches('.');
    if let Some((_, action, outcome, field, kind)) = MESSAGES.iter().find(|(text, ..)| *text == message) {
        act(event, action, *outcome);
        let place = &event.r#where;
        event.what.object = match *field {
            // In JSON a pod is an object, which has been read already.
            "pod" => place.pod.clone().map(|name| Object {
                kind: some(kind),
                namespace: place.namespace.clone(),
                name: Some(name),
                ..Object::default()
            }),
            field => line.field(field).map(|name| object(kind, name)),
        };
        return;
    }
    occurred(line, event);
}

/// An Event of the API in the making: its reason is what happened.
pub(in crate::normalise) fn occurred(line: &Line<'_>, event: &mut Event) {
    if line.message == "Event occurred" {
        let field = |name: &str| line.field(name).unwrap_or("");
        act(event, &format!("event-{}", kebab(field("reason"))), Outcome::Unknown);
        event.what.object = Some(object(field("kind"), field("object")));
        event.why.reason = some(field("message"));
    }
}

/// `SuccessfulCreate` → `successful-create`; what is no such word is left out.
fn kebab(word: &str) -> String {
    let mut out = String::with_capacity(word.len().saturating_add(4));
    for character in word.chars().filter(char::is_ascii_alphanumeric).take(64) {
        if character.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

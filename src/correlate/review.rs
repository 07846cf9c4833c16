//! Whom a kubelet asked the API server about: it does so for whoever calls its own port, past the API server.
//!
//! The API server itself calls kubelets too, as its own user. Not here: the finding that this adds to (`walk::unattributed`).

use super::case::{Case, Failed};
use super::{facts, keys};
use crate::model::{Event, EventId, Outcome, Source, Str};
use std::collections::BTreeMap;

/// A kubelet asks again about one caller after so long, where the answer was yes, ns.
pub const REMEMBERED_NS: i64 = 5 * 60 * 1_000_000_000;
/// Clocks of node and API server, ns.
const SLACK_NS: i64 = 2_000_000_000;
/// Callers that are named.
const CALLERS_MAX: usize = 4;
/// The user that API servers call kubelets as.
const OWN: &str = "kube-apiserver-kubelet-client";

/// The node whose kubelet asked whether somebody may use `nodes/proxy` of it, and who that is; where the answer was yes.
pub fn asked(event: &Event) -> Option<(&str, &Str)> {
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref());
    let mine = event.source == Source::Kubernetes && event.what.outcome == Outcome::Success && event.who.r#as.is_none();
    if !mine || kind != Some("subjectaccessreviews") {
        return None;
    }
    let node = event.who.name.as_deref()?.strip_prefix("system:node:")?;
    let is = |name: &str, wanted: &str| facts::argument(event, name) == Some(wanted);
    if !is("asked-resource", "nodes/proxy") || !is("asked-name", node) || !is("allowed", "true") {
        return None;
    }
    let user = super::writes::of_role(event, "reviewed")?.name.as_ref()?;
    (user.as_str() != OWN).then_some((node, user))
}

/// Who may have called the kubelet of the event's node directly, no longer than `back` before the event: by name, with the first question about each.
pub fn callers(case: &Case<'_>, event: &Event, back: i64) -> Result<Vec<(Str, EventId)>, Failed> {
    let Some(node) = event.r#where.node.as_deref() else { return Ok(Vec::new()) };
    let at = event.when.event.nanos;
    let (since, until) = (at.saturating_sub(back.saturating_add(SLACK_NS)), at.saturating_add(SLACK_NS));
    let mut callers: BTreeMap<Str, EventId> = BTreeMap::new();
    for review in case.with_key(keys::review(event, node), since, until)?.iter() {
        if let Some((_, user)) = asked(review) {
            callers.entry(user.clone()).or_insert(review.id);
        }
    }
    Ok(callers.into_iter().take(CALLERS_MAX).collect())
}

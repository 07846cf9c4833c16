//! The finding that one Audit-ID stands for several requests: a client may choose it, so it identifies nothing.
//!
//! Not here: the identity of a request, which is more than that id (`normalise::identity`).

use super::case::{Case, Failed};
use super::rules::AUDIT_ID_REUSE;
use crate::model::{Event, Finding, Source};
use std::sync::Arc;

/// One request that two API servers log (aggregation) has the same id, user, verb and URI at nearly the same time: no reuse, ns.
const SAME_NS: u64 = 5_000_000_000;
/// Events that a finding names.
const EVENTS_MAX: usize = 16;

/// The finding about a request whose Audit-ID others have too.
pub fn reused(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Finding>, Failed> {
    let Some(id) = event.how.audit_id.as_deref().filter(|_| event.source == Source::Kubernetes) else {
        return Ok(None);
    };
    let all = case.with_audit_id(id)?;
    let others: Vec<&Arc<Event>> = all.iter().filter(|other| is_other(event, other)).collect();
    let Some(first) = others.first() else { return Ok(None) };
    let names = others.iter().any(|other| other.who.name != event.who.name);
    let name = |event: &Event| event.who.name.as_deref().unwrap_or("nobody").to_owned();
    let verb = |event: &Event| event.how.verb.as_deref().unwrap_or("").to_owned();
    let detail = format!(
        "{} other requests carry its Audit-ID, which a client may choose: {} {} {} is one",
        others.len(),
        name(first),
        verb(first),
        first.how.request_uri.as_deref().unwrap_or("")
    );
    let events = std::iter::once(event.id).chain(others.iter().map(|other| other.id)).take(EVENTS_MAX).collect();
    let severity = if names { "high" } else { "medium" };
    Ok(Some(Finding { finding: AUDIT_ID_REUSE, severity, events, detail: detail.into() }))
}

fn is_other(event: &Event, other: &Event) -> bool {
    // Long ids are looked up by their beginning.
    let shares = other.how.audit_id == event.how.audit_id && other.r#where.cluster == event.r#where.cluster;
    if other.id == event.id || other.source != Source::Kubernetes || !shares {
        return false;
    }
    let same = other.who.name == event.who.name
        && other.how.verb == event.how.verb
        && other.how.request_uri == event.how.request_uri;
    !same || other.when.event.nanos.abs_diff(event.when.event.nanos) > SAME_NS
}

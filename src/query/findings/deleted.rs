//! TRACE_DELETED at the API server: requests that deleted what told of earlier ones.
//!
//! Inside: Kubernetes' own events, certificate requests and role bindings soon after their use, what configures auditing, pods that a session was in.
//! Not here: files of logs on a node (`wiped`).

use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::TRACE_DELETED;
use crate::index::{Hit, Order, Plan, TermTest, Window, resolve};
use crate::model::{Event, EventId, Moment};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Deletions that are looked at.
const DELETED: &str = "source:kubernetes AND outcome:success AND (action:delete OR action:deletecollection) AND \
    (kind:events OR kind:certificatesigningrequests OR kind:rolebindings OR kind:clusterrolebindings OR kind:auditsinks OR kind:configmaps OR kind:pods)";
/// Deletions of Kubernetes' events by one person, so close together, are one finding, ns.
const APART_NS: i64 = 60_000_000_000;
/// How soon behind its making the deletion of a binding or a certificate request is told, ns.
const SOON_NS: i64 = 3_600_000_000_000;
/// How soon behind a session's beginning the deletion of its pod is told, ns.
const SESSION_NS: i64 = 600_000_000_000;
/// So many deleted events at once are more than a slip.
const MANY: usize = 10;
/// Events that one finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Earlier requests about one object that are looked at.
const EARLIER_MAX: usize = 256;
/// Objects that a sentence names.
const SAID_MAX: usize = 8;
/// Deletions of Kubernetes' events that are kept.
const KEPT_MAX: usize = 100_000;

/// Sends each deletion of a trace by somebody who is no part of the control plane.
pub fn deleted(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut events: BTreeMap<Place, Vec<Arc<Event>>> = BTreeMap::new();
    let mut kept = 0;
    ask.each(DELETED, &mut |hit| {
        let event = ask.store.event(&hit)?;
        if is_control_plane(&event) {
            return Ok(());
        }
        match kind(&event) {
            "events" if kept < KEPT_MAX => {
                kept += 1;
                events.entry(place(&event)).or_default().push(event);
                Ok(())
            }
            "certificatesigningrequests" | "rolebindings" | "clusterrolebindings" => soon(ask, &event, send),
            "auditsinks" => auditing(ask, &event, "high", send),
            "configmaps" if name(&event).contains("audit-policy") => auditing(ask, &event, "medium", send),
            "pods" => pod(ask, &event, send),
            _ => Ok(()),
        }
    })?;
    for mut events in events.into_values() {
        events.sort_by_key(|event| (event.when.event.nanos, event.id));
        let near = |one: &Arc<Event>, next: &Arc<Event>| next.when.event.nanos - one.when.event.nanos <= APART_NS;
        for run in events.chunk_by(near) {
            kubernetes_events(ask, run, send)?;
        }
    }
    Ok(())
}

/// Cluster, user, user acted as, namespace.
type Place = (String, String, String, String);

fn place(event: &Event) -> Place {
    let text = |text: Option<&crate::model::Str>| text.map(ToString::to_string).unwrap_or_default();
    (
        text(event.r#where.cluster.as_ref()),
        text(event.who.name.as_ref()),
        text(event.who.r#as.as_ref()),
        text(event.what.object.as_ref().and_then(|object| object.namespace.as_ref())),
    )
}

fn kind(event: &Event) -> &str {
    event.what.object.as_ref().and_then(|object| object.kind.as_deref()).unwrap_or_default()
}

fn name(event: &Event) -> &str {
    event.what.object.as_ref().and_then(|object| object.name.as_deref()).unwrap_or_default()
}

fn uid(event: &Event) -> Option<&str> {
    event.what.object.as_ref().and_then(|object| object.uid.as_deref())
}

/// Nodes, components and controllers take away what is not needed any more. Service accounts of other namespaces may be anybody's.
fn is_control_plane(event: &Event) -> bool {
    let name = event.who.name.as_deref().unwrap_or_default();
    match name.strip_prefix("system:serviceaccount:") {
        Some(account) => account.starts_with("kube-system:"),
        None => name.starts_with("system:") && name != "system:anonymous",
    }
}

fn who(event: &Event) -> String {
    let name = event.who.name.as_deref().unwrap_or("nobody who is named");
    match &event.who.r#as {
        Some(other) => format!("{name} as {other}"),
        None => name.to_owned(),
    }
}

/// Whether two requests have a name in common, authenticated or acted as.
fn same_person(one: &Event, other: &Event) -> bool {
    let names = |event: &Event| [event.who.name.clone(), event.who.r#as.clone()];
    names(one).iter().flatten().any(|name| names(other).iter().flatten().any(|other| other == name))
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

/// Earlier requests of the cluster that meet a plan, newest first.
fn earlier(ask: &Ask<'_>, event: &Event, within: i64, mut plans: Vec<Plan>) -> Result<Vec<Arc<Event>>, AnswerError> {
    let at = event.when.event.nanos;
    plans.push(super::is("source", "kubernetes"));
    plans.extend(event.r#where.cluster.as_deref().map(|cluster| super::is("where.cluster", cluster)));
    let window = Window { since: at.checked_sub(within), until: Some(at) };
    let selection = ask.view.searcher.select(&Plan::And(plans), window)?;
    selection.page(Order::Newest, None, EARLIER_MAX)?.iter().map(|hit: &Hit| ask.store.event(hit)).collect()
}

/// Kubernetes' own events, by one person in one namespace.
fn kubernetes_events(ask: &Ask<'_>, run: &[Arc<Event>], send: &mut Send<'_>) -> Result<(), AnswerError> {
    let Some(first) = run.first() else { return Ok(()) };
    let whole = run.iter().any(|event| event.what.action == "deletecollection");
    let mut objects: BTreeSet<&str> = BTreeSet::new();
    let mut traces: Vec<EventId> = Vec::new();
    for event in run.iter().filter(|event| !name(event).is_empty()) {
        // An event is named after its object, and a number in hex.
        objects.insert(name(event).rsplit_once('.').map_or(name(event), |(object, _)| object));
        if traces.len() < NAMED_MAX {
            let plans = ["create", "patch"].map(|action| super::is("what.action", action)).to_vec();
            let named = vec![
                Plan::Or(plans),
                super::is("what.object.kind", "events"),
                super::is("what.object.name", name(event)),
            ];
            traces.extend(earlier(ask, event, SOON_NS, named)?.iter().take(1).map(|trace| trace.id));
        }
    }
    let (.., namespace) = place(first);
    let more =
        if objects.len() > SAID_MAX { format!(" and {} others", objects.len() - SAID_MAX) } else { String::new() };
    let said: Vec<&str> = objects.iter().take(SAID_MAX).copied().collect();
    let what = if whole { "all events".to_owned() } else { format!("{} events", run.len()) };
    let about = if said.is_empty() { String::new() } else { format!(", about {}{more}", said.join(", ")) };
    let detail =
        format!("{} deleted {what} of namespace {namespace}{about}, from {}", who(first), time(first.when.event.nanos));
    let severity = if whole || run.len() >= MANY { "high" } else { "medium" };
    let ids: Vec<EventId> = run.iter().map(|event| event.id).collect();
    send(told(ask, first, severity, &ids, &traces, detail))
}

/// A certificate request or a binding that was used, and deleted soon.
fn soon(ask: &Ask<'_>, event: &Event, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let request = kind(event) == "certificatesigningrequests";
    if name(event).is_empty() {
        return Ok(());
    }
    let (.., namespace) = place(event);
    let mut about = vec![super::is("what.object.name", name(event))];
    if !namespace.is_empty() {
        about.push(super::is("what.object.namespace", &namespace));
    }
    let mut about = earlier(ask, event, SOON_NS, about)?;
    about
        .retain(|other| kind(other).split('/').next() == Some(kind(event)) && other.what.outcome == event.what.outcome);
    // An object of the same name that was there before has another uid.
    let is_it = |other: &Event| matches!((uid(other), uid(event)), (Some(one), Some(two)) if one == two);
    let Some(made) = about.iter().find(|other| other.what.action == "create" && is_it(other)).cloned() else {
        return Ok(());
    };
    let since = made.when.event.nanos;
    let used: Vec<Arc<Event>> = if request {
        let of_approval = |other: &&Arc<Event>| kind(other).ends_with("/approval") && other.when.event.nanos >= since;
        about.iter().filter(of_approval).cloned().collect()
    } else {
        uses(ask, event, &namespace, since)?
    };
    if used.is_empty() {
        return Ok(());
    }
    let own = same_person(event, &made) || used.iter().any(|other| same_person(event, other));
    let machine = event.who.name.as_deref().is_some_and(|name| name.starts_with("system:serviceaccount:"));
    let severity = match (own, machine) {
        (true, false) => "high",
        (false, _) => "medium",
        (true, true) => "low",
    };
    let use_is = if request { "approved by" } else { "used by" };
    let users: BTreeSet<String> = used.iter().map(|other| who(other)).collect();
    let users: Vec<String> = users.into_iter().take(SAID_MAX).collect();
    let detail = format!(
        "{} deleted {} {} ({}), {} s after {} made it; in between it was {use_is} {}",
        who(event),
        kind(event),
        name(event),
        uid(event).unwrap_or("no uid"),
        (event.when.event.nanos - since) / 1_000_000_000,
        who(&made),
        users.join(", ")
    );
    let traces: Vec<EventId> = std::iter::once(made.id).chain(used.iter().map(|other| other.id)).collect();
    send(told(ask, event, severity, &[event.id], &traces, detail))
}

/// Requests that the authorizer allowed by a binding.
fn uses(ask: &Ask<'_>, event: &Event, namespace: &str, since: i64) -> Result<Vec<Arc<Event>>, AnswerError> {
    let quoted = match namespace {
        "" => format!("ClusterRoleBinding \"{}\"", name(event)),
        _ => format!("RoleBinding \"{}/{namespace}\"", name(event)),
    };
    let holds = move |reason: &str| reason.contains(&quoted);
    let test = TermTest::Predicate { prefix: "RBAC: allowed by ".to_owned(), holds: Arc::new(holds) };
    let reason = Plan::Terms { fields: resolve("why.reason").unwrap_or_default(), test };
    let mut found = earlier(ask, event, event.when.event.nanos.saturating_sub(since), vec![reason])?;
    // The deletion itself may rest on it, and is no earlier use.
    found.retain(|other| other.id != event.id);
    Ok(found)
}

/// What configures auditing.
fn auditing(ask: &Ask<'_>, event: &Event, severity: &str, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let detail = format!(
        "{} deleted {} {}, by which auditing is configured",
        who(event),
        kind(event),
        if name(event).is_empty() { "of all names" } else { name(event) }
    );
    send(told(ask, event, severity, &[event.id], &[], detail))
}

/// A pod that a session was in: its files and processes go with it.
fn pod(ask: &Ask<'_>, event: &Event, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let (Some(namespace), Some(pod)) = (event.r#where.namespace.as_deref(), event.r#where.pod.as_deref()) else {
        return Ok(());
    };
    let sessions = Plan::Or(["exec", "attach"].map(|action| super::is("what.action", action)).to_vec());
    let plans = vec![sessions, super::is("where.namespace", namespace), super::is("where.pod", pod)];
    let mut sessions = earlier(ask, event, SESSION_NS, plans)?;
    sessions.retain(|other| other.what.outcome == event.what.outcome);
    if sessions.is_empty() {
        return Ok(());
    }
    let own = sessions.iter().any(|other| same_person(event, other));
    let open = |other: &&Arc<Event>| other.when.end.is_some_and(|end| end.nanos > event.when.event.nanos);
    let open = sessions.iter().filter(open).count();
    let persons: BTreeSet<String> = sessions.iter().map(|other| who(other)).collect();
    let persons: Vec<String> = persons.into_iter().take(SAID_MAX).collect();
    let open = if open > 0 { format!("; {open} of them went on then") } else { String::new() };
    let detail = format!(
        "{} deleted pod {namespace}/{pod} ({}), in which there were {} sessions within ten minutes before, of {}{open}",
        who(event),
        uid(event).unwrap_or("no uid"),
        sessions.len(),
        persons.join(", ")
    );
    let traces: Vec<EventId> = sessions.iter().map(|other| other.id).collect();
    send(told(ask, event, if own { "medium" } else { "low" }, &[event.id], &traces, detail))
}

fn told(ask: &Ask<'_>, of: &Event, severity: &str, ids: &[EventId], traces: &[EventId], detail: String) -> Told {
    let named = ids.get(..NAMED_MAX).unwrap_or(ids);
    let traces = traces.get(..NAMED_MAX).unwrap_or(traces);
    let evidence: Vec<_> = named.iter().chain(traces).filter_map(|id| ask.store.evidence(*id).ok()).flatten().collect();
    let (cluster, user, acting, _) = place(of);
    let mut line = json!({
        "finding": TRACE_DELETED, "severity": severity, "cluster": cluster, "user": user, "events": shown(named),
        "trace_of": shown(traces), "detail": detail, "evidence": evidence,
    });
    if let Some(line) = line.as_object_mut().filter(|_| !acting.is_empty()) {
        line.insert("as".to_owned(), json!(acting));
    }
    Told::of(line, ids)
}

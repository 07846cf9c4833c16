//! What the API server's own log says of people: who could not be authenticated, who acted as another, and which audit events are lost.
//!
//! Not here: its audit log (`normalise::kubernetes`).

use deponent_parsers::klog::Lost;
use deponent_parsers::line::Line;

use super::{act, object};
use crate::model::{AssertedBy, Event, EventIssue, How, Moment, Object, Outcome, RecordFields, Source, Str, WhoKind};
use crate::normalise::line::some;
use crate::normalise::{Context, Key, kubernetes, own};

/// What stands between the two names of an impersonation.
const IMPERSONATES: &str = " is impersonating ";
/// How the message begins that names lost events.
const LOST: &str = "Error in audit plugin '";

/// Reads a line; one that it does not know stays as it is.
pub(super) fn read(line: &Line<'_>, event: &mut Event) {
    let message = line.message.as_ref();
    let file = line.field("caller").unwrap_or("");
    let by = |name: &str| file.starts_with(name);
    if by("httplog.go") && message.contains(IMPERSONATES) {
        impersonation(message, event);
    } else if by("authentication.go") && message == "Unable to authenticate the request" {
        act(event, "failed-authentication", Outcome::Denied);
        event.why.reason = line.field("err").and_then(some);
    } else if let Some(rest) = message.strip_prefix(LOST) {
        lost_some(rest, event);
    } else if by("storage_rbac.go") {
        reconciled(message, event);
    } else if let Some(rest) = message.strip_prefix("writing updated authentication info to ") {
        let (namespace, name) = rest.trim().split_once(' ').unwrap_or(("", rest));
        let (kind, name) = name.trim().split_once('/').unwrap_or(("", name));
        act(event, "updated", Outcome::Unknown);
        event.what.object = Some(Object { namespace: some(namespace), ..object(kind, name) });
    } else if message == "Deleting old lease on startup" {
        act(event, "deleting", Outcome::Unknown);
        event.what.object = line.field("lease").map(|lease| object("leases", lease));
    } else if message.starts_with("Using audit backend: ") {
        act(event, "uses-audit-backend", Outcome::Unknown);
    } else if by("healthz.go") {
        act(event, "checked-health", Outcome::Failure);
    }
}

/// `mallory@example.com[a,b] is impersonating alice@example.com[c]`: names may hold anything, so it must be clear where each ends.
fn impersonation(message: &str, event: &mut Event) {
    let mut halves = message.split(IMPERSONATES);
    let (Some(user), Some(other), None) = (halves.next(), halves.next(), halves.next()) else {
        return ambiguous(event);
    };
    let (Some((user, groups)), Some((other, _))) = (with_groups(user), with_groups(other)) else {
        return ambiguous(event);
    };
    act(event, "impersonated", Outcome::Unknown);
    named(event, user, groups.split(',').filter_map(some).collect());
    event.who.r#as = some(other);
}

/// Nobody is named by a line of which nobody can tell where a name ends.
fn ambiguous(event: &mut Event) {
    let detail = "a name or a group holds what stands between names, so nobody is taken from the line";
    event.issues.push(EventIssue { kind: "ambiguous-line".into(), detail: detail.into() });
}

/// `name[group,group]`; `None` where more than one bracket opens: names and groups may hold them too.
fn with_groups(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(']')?.split_once('[').filter(|(_, groups)| !groups.contains('['))
}

fn named(event: &mut Event, user: &str, groups: Vec<Str>) {
    event.who.name = some(user);
    event.who.kind = if user == "system:anonymous" {
        WhoKind::Anonymous
    } else if user.starts_with("system:serviceaccount:") {
        WhoKind::ServiceAccount
    } else {
        WhoKind::User
    };
    event.who.groups = groups;
    event.who.asserted_by = Some(AssertedBy::Apiserver);
}

/// `log' affecting 3 audit events: no space left on device`, and the events in records of their own.
fn lost_some(rest: &str, event: &mut Event) {
    let Some((plugin, rest)) = rest.split_once("' affecting ") else { return };
    let (count, error) = rest.split_once(" audit events: ").unwrap_or((rest, ""));
    act(event, "lost-audit-events", Outcome::Failure);
    event.what.object = Some(object("audit-backend", plugin));
    event.how.args.push(("events".into(), count.into()));
    event.why.reason = error.lines().next().and_then(some);
    let detail = format!(
        "the API server says that its audit backend `{plugin}` lost {count} events; those that it names are events of their own"
    );
    event.issues.push(EventIssue { kind: "lost-audit-events".into(), detail: detail.into() });
}

/// `created clusterrole.rbac.authorization.k8s.io/x`, `updated rolebinding.rbac.authorization.k8s.io/x in kube-system with …`: what the server itself
/// changes of the default roles.
fn reconciled(message: &str, event: &mut Event) {
    let Some((deed, rest)) = message.split_once(' ') else { return };
    let action = match deed {
        "created" => "created",
        "updated" => "updated",
        "recreated" => "recreated",
        "removed" => "removed",
        _ => return,
    };
    let Some((kind, rest)) = rest.split_once('/') else { return };
    let mut words = rest.split(' ');
    let name = words.next().unwrap_or("");
    let namespace = match (words.next(), words.next()) {
        (Some("in"), Some(namespace)) => some(namespace),
        _ => None,
    };
    act(event, action, Outcome::Success);
    event.what.object = Some(Object { namespace, kind: some(kind), name: some(name), ..Object::default() });
}

/// The event that a backend lost, from its legacy text.
pub(super) fn lost(key: &Key, context: Context<'_>, lost: &Lost<'_>) -> Event {
    let mut event = own::empty(context, key.id, key.when);
    event.source = Source::ControlPlane;
    let field = |name: &str| lost.field(name).and_then(some);
    named(&mut event, lost.field("user").unwrap_or(""), lost.groups("groups").into_iter().map(Str::from).collect());
    if event.who.name.is_none() {
        event.who.kind = WhoKind::Unset;
    }
    (event.who.r#as, event.who.address) = (field("as"), field("ip"));
    event.what.action = field("method").unwrap_or_else(|| "requested".into());
    event.what.code = field("response");
    let status = lost.field("response").and_then(|code| code.parse().ok());
    event.what.outcome = status.map_or(Outcome::Unknown, Outcome::of_http);
    event.how = How {
        comm: Some("kube-apiserver".into()),
        user_agent: field("user-agent"),
        verb: field("method"),
        request_uri: field("uri"),
        audit_id: field("id"),
        ..How::default()
    };
    event.how.stages.extend(field("stage").map(|stage| {
        let at = Moment { nanos: lost.received.nanos, digits: lost.received.digits };
        (stage, at)
    }));
    if let Some(found) = lost.field("uri").and_then(kubernetes::object_of) {
        event.r#where.namespace = found.namespace.clone();
        event.what.object = Some(found);
    }
    event.r#where.namespace = event.r#where.namespace.take().or_else(|| field("namespace"));
    let detail = "a backend of the API server's audit log lost this event; it is recovered from the API server's own log, which has neither its \
                  annotations nor its bodies, and the time of its reception for that of its stage";
    event.issues.push(EventIssue { kind: "recovered".into(), detail: detail.into() });
    event
}

/// The fields of such a text.
pub(super) fn lost_fields(lost: &Lost<'_>) -> RecordFields {
    let fields = lost.all().map(|(name, value)| (Str::from(name), Str::from(value))).collect();
    RecordFields { record: "AUDIT".into(), fields, ..RecordFields::default() }
}

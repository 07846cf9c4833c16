//! The six questions, answered from the claims of a request.
//!
//! Not here: how claims are gathered (`claims`).

use deponent_parsers::kubernetes::{AuditEvent, NotAnEvent, Unwrapped, parse, unwrap};

use super::claims::{Claims, Slot};
use super::compare::differences;
use super::moment;
use crate::model::{
    AssertedBy, Event, EventIssue, How, Moment, Object, Outcome, Source, Str, What, When, Where, Who, WhoKind, Why,
};
use crate::normalise::{Context, Key};

/// Subresources that are an action of their own: WebSocket clients come with `get`, SPDY clients with `create`, and both do the same.
const ACTIONS: &[&str] = &["exec", "attach", "portforward", "proxy", "log"];
/// Stages in their order.
const STAGES: &[&str] = &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];

/// The event of a request from the set of its records.
pub fn event(key: &Key, context: Context<'_>, records: &[&[u8]]) -> Event {
    let mut issues = Vec::new();
    let mut events = Vec::new();
    let mut claims = Claims::default();
    let mut read: Vec<_> = records.iter().map(|record| parse(record)).collect();
    // Events within the records of a cloud provider; the records stay as they are.
    let other = |(read, record): (&Result<_, NotAnEvent>, &&[u8])| match read {
        Err(NotAnEvent::Other) => unwrap(record).ok().flatten(),
        _ => None,
    };
    let inner: Vec<Option<Unwrapped>> = read.iter().zip(records).map(other).collect();
    for (slot, inner) in read.iter_mut().zip(&inner) {
        if let Some(inner) = inner {
            *slot = parse(inner.json.as_bytes());
        }
    }
    let cluster = inner.iter().flatten().filter_map(|inner| inner.cluster.as_deref()).min();
    for read in read {
        match read {
            Ok((event, found)) => {
                issues.extend(
                    found.into_iter().map(|issue| EventIssue { kind: issue.kind.into(), detail: issue.detail.into() }),
                );
                claims.add(&event);
                events.push(event);
            }
            Err(error) => issues.push(EventIssue { kind: error.kind().into(), detail: error.to_string().into() }),
        }
    }
    conflicts(&events, &claims, &mut issues);
    let (outcome, code) = outcome(&claims);
    let stages = stages(&claims);
    let end = stages.iter().rev().find(|(stage, _)| matches!(stage.as_str(), "ResponseComplete" | "Panic"));
    let event = Event {
        id: key.id,
        source: Source::Kubernetes,
        when: When { event: claims.when.map_or(key.when, moment), received: None, end: end.map(|(_, time)| *time) },
        who: who(&mut claims, code),
        r#where: place(&claims, context, cluster, &mut issues),
        what: what(&mut claims, outcome, code),
        how: how(&mut claims, stages, &mut issues),
        why: Why { keys: Vec::new(), reason: claims.reason.take() },
        issues: Vec::new(),
        evidence: Vec::new(),
        records: Vec::new(),
    };
    issues.sort_unstable();
    issues.dedup();
    Event { issues, ..event }
}

/// Records of one stage that differ, and claims that are left out because of it.
fn conflicts(events: &[AuditEvent<'_>], claims: &Claims, issues: &mut Vec<EventIssue>) {
    let mut push = |detail: String| issues.push(EventIssue { kind: "conflict".into(), detail: detail.into() });
    for stage in claims.stages.keys() {
        let mut same = events.iter().filter(|event| event.stage.as_deref() == Some(stage.as_str()));
        let Some(first) = same.next() else {
            continue;
        };
        let mut names: Vec<&str> = same.flat_map(|other| differences(first, other)).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            push(format!("records of stage {stage} differ in {}", names.join(", ")));
        }
    }
    let left_out = claims.contradictions();
    if !left_out.is_empty() {
        push(format!("left out because records disagree: {}", left_out.join(", ")));
    }
}

fn rank(stage: &str) -> usize {
    STAGES.iter().position(|known| *known == stage).map_or(0, |at| at + 1)
}

/// Stages in the order of their times, those of one time in the order in which a request passes them.
fn stages(claims: &Claims) -> Vec<(Str, Moment)> {
    let timed = claims.stages.iter().filter_map(|(stage, slot)| Some((stage.clone(), moment(*slot.get()?))));
    let mut stages: Vec<(Str, Moment)> = timed.collect();
    stages.sort_by(|(one, at), (other, then)| (at, rank(one), one).cmp(&(then, rank(other), other)));
    stages
}

/// The last stage that tells how it ended; else a refusal by the authorizer. That it allowed a request says nothing about how that ended.
fn outcome(claims: &Claims) -> (Outcome, Option<i64>) {
    let told = claims.verdicts.iter().filter(|(_, slot)| **slot != Slot::Empty);
    match told.max_by_key(|(stage, _)| (rank(stage), *stage)) {
        Some((_, slot)) => slot.get().copied().unwrap_or_default(),
        None if claims.decision.get().is_some_and(|decision| decision == "forbid") => (Outcome::Denied, None),
        None => (Outcome::Unknown, None),
    }
}

fn who(claims: &mut Claims, code: Option<i64>) -> Who {
    let name = claims.username.take();
    let kind = match name.as_deref() {
        Some("system:anonymous") => WhoKind::Anonymous,
        Some(name) if is_service_account(name) => WhoKind::ServiceAccount,
        Some(_) => WhoKind::User,
        // Authentication failed: the API server says that it knows nobody.
        None if code == Some(401) => WhoKind::Anonymous,
        None => WhoKind::Unset,
    };
    Who {
        name,
        kind,
        asserted_by: (kind != WhoKind::Unset).then_some(AssertedBy::Apiserver),
        r#as: claims.impersonated.take(),
        groups: claims.groups.take().unwrap_or_default(),
        credential: claims.credential.take(),
        address: claims.address.take(),
        login: None,
        effective: None,
    }
}

fn is_service_account(name: &str) -> bool {
    let parts = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    parts.is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty() && !name.contains(':'))
}

/// Name and uid: those of the request, else those that the response gave. The uid in what a client creates is the client's word; the server gives its own.
fn name_and_uid(claims: &Claims) -> (Option<Str>, Option<Str>) {
    let first = |one: &Slot<Str>, other: &Slot<Str>| match one {
        Slot::Empty => other.get().cloned(),
        slot => slot.get().cloned(),
    };
    let creates = claims.verb.get().is_some_and(|verb| verb == "create") && claims.subresource == Slot::Empty;
    let uid = if creates { claims.response_uid.get().cloned() } else { first(&claims.uid, &claims.response_uid) };
    (first(&claims.name, &claims.response_name), uid)
}

fn what(claims: &mut Claims, outcome: Outcome, code: Option<i64>) -> What {
    let subresource = claims.subresource.get();
    let own = subresource.filter(|name| ACTIONS.contains(&name.as_str()));
    let (name, uid) = name_and_uid(claims);
    let action = own.or(claims.verb.get()).cloned().unwrap_or_default();
    let object = claims.resource.get().map(|resource| Object {
        kind: Some(match subresource {
            Some(subresource) => Str::from(format!("{resource}/{subresource}")),
            None => resource.clone(),
        }),
        namespace: claims.namespace.get().cloned(),
        name,
        uid,
        ..Object::default()
    });
    let mut objects = std::mem::take(&mut claims.objects);
    objects.sort();
    What { action, object, objects, outcome, code: code.map(|code| Str::from(code.to_string())), message: None }
}

fn place(claims: &Claims, context: Context<'_>, named: Option<&str>, issues: &mut Vec<EventIssue>) -> Where {
    let mut place = Where {
        // What the operator configured goes before what a wrapper names.
        cluster: Some(context.cluster).filter(|name| !name.is_empty()).or(named).map(Str::from),
        namespace: claims.namespace.get().cloned(),
        ..Where::default()
    };
    let pods = claims.resource.get().is_some_and(|resource| resource == "pods");
    if pods && claims.api_group == Slot::Empty {
        (place.pod, place.pod_uid) = name_and_uid(claims);
        if place.pod_uid.is_none() {
            place.pod_uid = claims.pod_uid.get().cloned();
        }
        let mut containers = claims.containers.iter();
        match (containers.next(), containers.next()) {
            (Some(one), None) if !one.is_empty() => place.container = Some(one.clone()),
            (Some(_), Some(_)) => {
                let all: Vec<&str> = claims.containers.iter().map(Str::as_str).collect();
                let detail = format!("requestURI names several containers: {}", all.join(", "));
                issues.push(EventIssue { kind: "several-containers".into(), detail: detail.into() });
            }
            _ => {}
        }
    }
    place
}

fn how(claims: &mut Claims, stages: Vec<(Str, Moment)>, issues: &mut Vec<EventIssue>) -> How {
    if claims.uri_lossy {
        let detail = "a command in requestURI holds bytes that are not UTF-8".into();
        issues.push(EventIssue { kind: "argv-not-utf8".into(), detail });
    }
    How {
        argv: claims.argv.take().unwrap_or_default(),
        user_agent: claims.user_agent.take(),
        verb: claims.verb.take(),
        request_uri: claims.request_uri.take(),
        audit_id: claims.audit_id.take(),
        stages,
        tty: (claims.tty.get() == Some(&true)).then(|| "true".into()),
        args: arguments(claims),
        ..How::default()
    }
}

fn arguments(claims: &Claims) -> Vec<(Str, Str)> {
    let stdin = claims.stdin.get().map(|stdin| ("stdin".into(), stdin.to_string().into()));
    let told = claims.arguments.iter().filter_map(|(name, slot)| Some((Str::from(*name), slot.get()?.clone())));
    stdin.into_iter().chain(told).collect()
}

//! The credential that a request was made with, and where it came from: `token-use`, `token-pod`, `certificate-use`, `csr-approval`.
//!
//! Inside: the issue of a token, the pod that its node asked for it on behalf of, the signing request behind a certificate. Not here: rights (`permission`).

use super::case::{Case, FOUND_MAX, Failed};
use super::keys;
use super::links::{Found, key, link};
use super::rules::{self, Rule};
use super::writes::{self, Did, Named};
use crate::model::{Class, Event, Object, Outcome, Source, Str};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The account that signs, and approves what nodes ask for themselves.
const SIGNER: &str = "certificate-controller";
/// Uses of a token that are asked for the pod that it is bound to.
const USES_MAX: usize = 16;

fn kind(event: &Event) -> &str {
    event.what.object.as_ref().and_then(|object| object.kind.as_deref()).unwrap_or("")
}

fn account(event: &Event) -> Option<String> {
    let object = event.what.object.as_ref()?;
    Some(format!("system:serviceaccount:{}:{}", object.namespace.as_deref()?, object.name.as_deref()?))
}

/// The credentials that a request issued.
pub fn issued(event: &Event) -> impl Iterator<Item = &str> {
    let token = kind(event) == "serviceaccounts/token" && event.what.action == "create";
    let signed = kind(event) == "certificatesigningrequests/status";
    let done = event.source == Source::Kubernetes && event.what.outcome == Outcome::Success && (token || signed);
    let of_role = move |object: &&Object| done && object.role.as_deref() == Some("issued");
    event.what.objects.iter().filter(of_role).filter_map(|object| object.name.as_deref())
}

/// Where the credential of a request came from.
pub fn ground(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(credential) = event.who.credential.as_deref().filter(|_| event.source == Source::Kubernetes) else {
        return Ok(None);
    };
    let is_token = credential.starts_with("JTI=");
    let all = case.all(keys::issued(event, credential))?;
    let fits = |issue: &&Arc<Event>| {
        let token = kind(issue) == "serviceaccounts/token";
        issue.id != event.id && token == is_token && (!token || account(issue).as_deref() == event.who.name.as_deref())
    };
    let mut issues: Vec<Arc<Event>> = all.iter().filter(fits).cloned().collect();
    if !is_token {
        // Whoever changes the status of a signing request later writes the same certificate again.
        issues.truncate(1);
    }
    let Some(first) = issues.first() else { return Ok(None) };
    let rule: &'static Rule = if is_token { &rules::TOKEN_USE } else { &rules::CERTIFICATE_USE };
    let class = if issues.len() == 1 { Class::Proven } else { Class::Ambiguous };
    let mut made = link(rule, class, first, event);
    made.keys.push(key("credential-id", credential, credential));
    if is_token {
        let name = event.who.name.clone().unwrap_or_default();
        made.keys.push(key("service account", account(first).unwrap_or_default(), name));
    }
    Ok(Some(Found::one_of(issues, made)))
}

/// The requests that may have been made with what a request issued.
pub fn used(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    for credential in issued(event) {
        into.extend(case.with_credential(credential, FOUND_MAX)?);
    }
    Ok(())
}

/// Whether the signer did something for somebody else: without that somebody, nobody can be named.
pub fn on_behalf(event: &Event) -> bool {
    let about = matches!(kind(event), "certificatesigningrequests/status" | "certificatesigningrequests/approval");
    about && event.what.outcome == Outcome::Success && writes::is_controller(event, SIGNER)
}

/// The cause of a request about credentials that a component made for somebody; `None` where it is no such request.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    if event.who.r#as.is_some() || event.what.outcome != Outcome::Success {
        return Ok(None);
    }
    let node = event.who.name.as_deref().is_some_and(|name| name.starts_with("system:node:"));
    match kind(event) {
        "serviceaccounts/token" if node && event.what.action == "create" => of_token(case, event).map(Some),
        "certificatesigningrequests/status" if writes::is_controller(event, SIGNER) => of_issue(case, event).map(Some),
        "certificatesigningrequests/approval" if writes::is_controller(event, SIGNER) => {
            let found = of_approval(case, event)?;
            Ok(Some(found.unwrap_or_else(|| Found::none("the request that made the signing request was not recorded"))))
        }
        _ => Ok(None),
    }
}

/// What else an approval rests on: whoever approves does so of their own will, and somebody had asked.
pub fn asked(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let approves = kind(event) == "certificatesigningrequests/approval" && event.what.outcome == Outcome::Success;
    // What the controller approved has the asking as its cause.
    let own = event.who.r#as.is_none() && writes::is_controller(event, SIGNER);
    if approves && !own { of_approval(case, event) } else { Ok(None) }
}

/// A node asks for the token of a pod that runs on it.
fn of_token(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let mut uids: BTreeSet<Str> = BTreeSet::new();
    let mut support = Vec::new();
    let bound = writes::of_role(event, "bound").filter(|object| object.kind.as_deref() == Some("pod"));
    uids.extend(bound.and_then(|object| object.uid.clone()));
    if uids.is_empty() {
        for credential in issued(event) {
            for used in case.with_credential(credential, USES_MAX)? {
                let same = account(event).as_deref() == used.who.name.as_deref();
                let uid = writes::of_role(&used, "caller").and_then(|object| object.uid.clone());
                if let (true, Some(uid)) = (same, uid) {
                    uids.insert(uid);
                    support.push(used.id);
                }
            }
        }
    }
    let Some(uid) = uids.pop_first().filter(|_| uids.is_empty()) else {
        return Ok(Found::none(
            "the pod that the token is bound to: serviceaccounts/token at level Request, or a use of the token",
        ));
    };
    let made = case.all(keys::pod_uid(&uid))?;
    let here = &event.r#where.cluster;
    let makes = |other: &&Arc<Event>| {
        other.source == Source::Kubernetes && kind(other) == "pods" && other.r#where.cluster == *here
    };
    let made: Vec<Arc<Event>> = made.iter().filter(makes).cloned().collect();
    let Some(first) = made.first() else {
        return Ok(Found::none(format!(
            "the request that made pod {uid}: a static pod, an older log, or a policy that does not record it"
        )));
    };
    let class = if made.len() == 1 { Class::Proven } else { Class::Ambiguous };
    let mut found = link(&rules::TOKEN_POD, class, first, event);
    found.keys.push(key("pod uid", first.r#where.pod_uid.clone().unwrap_or_default(), uid));
    found.support = support;
    Ok(Found::one_of(made, found))
}

/// The issues of tokens that may be a pod's.
pub fn tokens_of(case: &Case<'_>, uid: &str, event: &Event, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    into.extend(case.all(keys::bound_to(uid))?.iter().cloned());
    let mut seen: BTreeSet<Str> = BTreeSet::new();
    for used in case.all(keys::caller(uid))?.iter() {
        let Some(credential) = used.who.credential.clone() else { continue };
        if seen.insert(credential.clone()) {
            into.extend(case.all(keys::issued(event, &credential))?.iter().cloned());
        }
    }
    Ok(())
}

/// The signing request of an event, by its name.
fn signing(event: &Event) -> Option<(Named<'_>, Option<&str>)> {
    let object = event.what.object.as_ref()?;
    let named = Named { resource: "certificatesigningrequests", namespace: "", name: object.name.as_deref()? };
    Some((named, object.uid.as_deref()))
}

/// The signer's writing of a certificate: whoever approved it.
fn of_issue(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some((named, uid)) = signing(event) else { return Ok(Found::none("it names no signing request")) };
    let before = writes::before(case, event, named, uid)?;
    let approves = |other: &&Arc<Event>| writes::kept(other).is_some_and(|write| write.subresource == "approval");
    let approvals: Vec<Arc<Event>> = before.life.iter().filter(approves).cloned().collect();
    let Some(first) = approvals.first() else {
        return Ok(Found::none("the approval of the signing request was not recorded"));
    };
    Ok(about(event, first, approvals.clone(), uid, before.limited))
}

/// An approval: whoever asked.
fn of_approval(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some((named, uid)) = signing(event) else { return Ok(None) };
    let before = writes::before(case, event, named, uid)?;
    let makes = |other: &&Arc<Event>| writes::kept(other).is_some_and(|write| write.did == Did::Made);
    let made: Vec<Arc<Event>> = before.life.iter().filter(makes).cloned().collect();
    Ok(made.first().map(|first| about(event, first, made.clone(), uid, before.limited)))
}

fn about(event: &Event, first: &Arc<Event>, all: Vec<Arc<Event>>, uid: Option<&str>, limited: bool) -> Found {
    let there = first.what.object.as_ref().and_then(|object| object.uid.as_deref());
    let class = match (all.len(), there.zip(uid)) {
        _ if limited => Class::Ambiguous,
        (1, Some((there, uid))) if there == uid => Class::Proven,
        (1, _) => Class::Consistent,
        _ => Class::Ambiguous,
    };
    let mut found = link(&rules::CSR_APPROVAL, class, first, event);
    let name = |event: &Event| event.what.object.as_ref().and_then(|object| object.name.clone()).unwrap_or_default();
    found.keys.push(key("name", name(first), name(event)));
    match there.zip(uid) {
        Some((there, uid)) => found.keys.push(key("uid", there, uid)),
        None => found.missing.push("the uid of the signing request on both sides: level RequestResponse".into()),
    }
    let mut found = Found::one_of(all, found);
    found.open = limited;
    found
}

/// What may follow from a write of a signing request.
pub fn follows(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(write) = writes::kept(event).filter(|write| write.resource == "certificatesigningrequests") else {
        return Ok(());
    };
    let named = Named { resource: write.resource, namespace: "", name: write.name };
    into.extend(case.with_key(keys::write(event, named), event.when.event.nanos, i64::MAX)?.iter().cloned());
    Ok(())
}

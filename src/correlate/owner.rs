//! What a controller made for an owner, and the request behind it: `owner-request`; and the scheduler's binding of a pod: `pod-binding`.
//!
//! Inside: for whom a built-in controller acts, which writes of the owner may be the reason. Not here: the writes themselves (`writes`), gaps that deletions leave (`gaps_of`).

use super::case::{Case, FOUND_MAX, Failed};
use super::gaps_of::{self, Gaps};
use super::keys;
use super::links::{Found, key, link};
use super::rules;
use super::writes::{self, Before, Did, Named};
use crate::model::{Class, Event, Object, Outcome, Source, Str};
use std::collections::HashSet;
use std::sync::Arc;

/// A built-in controller: its account, what it makes, and for what, in the singular and in the plural.
struct Controller {
    account: &'static str,
    makes: &'static str,
    owner: &'static str,
    owners: &'static str,
}

const fn controller(
    account: &'static str,
    makes: &'static str,
    owner: &'static str,
    owners: &'static str,
) -> Controller {
    Controller { account, makes, owner, owners }
}

static CONTROLLERS: [Controller; 7] = [
    controller("deployment-controller", "replicasets", "deployment", "deployments"),
    controller("replicaset-controller", "pods", "replicaset", "replicasets"),
    controller("replication-controller", "pods", "replicationcontroller", "replicationcontrollers"),
    controller("statefulset-controller", "pods", "statefulset", "statefulsets"),
    controller("daemon-set-controller", "pods", "daemonset", "daemonsets"),
    controller("job-controller", "pods", "job", "jobs"),
    controller("cronjob-controller", "jobs", "cronjob", "cronjobs"),
];

/// For whom a controller did something.
#[derive(Clone, Copy)]
pub struct For<'e> {
    controller: &'static Controller,
    object: &'e Object,
}

/// The owner for which a built-in controller made something, or changed the set that it keeps. Others may name an owner that knows nothing of it.
pub fn acts_for(event: &Event) -> Option<For<'_>> {
    let write = writes::written(event)?;
    let makes = write.did == Did::Made || (write.did == Did::Changed && write.resource == "replicasets");
    if !makes || !write.subresource.is_empty() {
        return None;
    }
    let object = writes::of_role(event, "controller")?;
    let is = |known: &&Controller| {
        known.makes == write.resource
            && object.kind.as_deref() == Some(known.owner)
            && writes::is_controller(event, known.account)
    };
    CONTROLLERS.iter().find(is).map(|controller| For { controller, object })
}

/// Whether a component did something for somebody else: without that somebody, nobody can be named.
pub fn on_behalf(event: &Event) -> bool {
    acts_for(event).is_some() || binds(event)
}

/// Whether the scheduler bound a pod to a node.
fn binds(event: &Event) -> bool {
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref());
    let by_scheduler = event.who.name.as_deref() == Some("system:kube-scheduler") && event.who.r#as.is_none();
    kind == Some("pods/binding") && by_scheduler && event.what.outcome == Outcome::Success
}

/// The keys of what this module looks for: pods of an owner, deletions of such, bindings to nodes.
pub fn join_keys(event: &Event, each: &mut dyn FnMut(&str)) {
    if event.what.outcome != Outcome::Success {
        return;
    }
    let Some(object) = &event.what.object else { return };
    let (name, namespace) = (object.name.as_deref(), object.namespace.as_deref().unwrap_or(""));
    match (object.kind.as_deref().unwrap_or(""), event.how.verb.as_deref().unwrap_or(""), name) {
        ("pods", "create", _) => {
            let owner = writes::of_role(event, "controller").and_then(|owner| owner.name.as_deref());
            owner.into_iter().for_each(|owner| each(&keys::pods_of(event, namespace, owner)));
        }
        ("pods", "delete", Some(name)) | ("pods/eviction", "create", Some(name)) => {
            gaps_of::owner_in(name).into_iter().for_each(|owner| each(&keys::gone(event, namespace, owner)));
        }
        ("pods", "deletecollection", _) => each(&keys::gone_all(event, namespace)),
        ("pods/binding", "create", _) => object.uid.iter().for_each(|uid| each(&keys::bound(uid))),
        _ => {}
    }
}

/// The cause of what a component made; `None` where it is no such request.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    if let Some(acts) = acts_for(event) {
        return of_owned(case, event, acts).map(Some);
    }
    if binds(event) { of_binding(case, event).map(Some) } else { Ok(None) }
}

fn of_binding(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let object = event.what.object.as_ref();
    let Some(uid) = object.and_then(|object| object.uid.clone()) else {
        return Ok(Found::none("the pod's uid in the scheduler's request: pods/binding at level Request"));
    };
    let here = &event.r#where.cluster;
    let all = case.all(keys::pod_uid(&uid))?;
    let makes = |other: &&Arc<Event>| {
        other.source == Source::Kubernetes && other.what.action == "create" && other.r#where.cluster == *here
    };
    let made: Vec<Arc<Event>> = all.iter().filter(makes).cloned().collect();
    let Some(first) = made.first() else {
        return Ok(Found::none(format!(
            "the request that made pod {uid}: an older log, or a policy that does not record it"
        )));
    };
    let class = if made.len() == 1 { Class::Proven } else { Class::Ambiguous };
    let mut found = link(&rules::POD_BINDING, class, first, event);
    found.keys.push(key("pod uid", first.r#where.pod_uid.clone().unwrap_or_default(), uid));
    Ok(Found::one_of(made, found))
}

/// What may be the reason, among the writes of an owner and what happened to its children.
#[derive(Default)]
struct Choice {
    causes: Vec<Arc<Event>>,
    /// It may be none of them.
    open: bool,
    missing: Vec<Str>,
}

impl Choice {
    fn of(causes: Vec<Arc<Event>>) -> Choice {
        Choice { causes, ..Choice::default() }
    }
}

fn of_owned(case: &Case<'_>, event: &Arc<Event>, acts: For<'_>) -> Result<Found, Failed> {
    let (Some(name), Some(uid)) = (acts.object.name.as_deref(), acts.object.uid.as_deref()) else {
        return Ok(Found::none("the owner's name and uid"));
    };
    let namespace = event.what.object.as_ref().and_then(|object| object.namespace.as_deref()).unwrap_or("");
    let named = Named { resource: acts.controller.owners, namespace, name };
    let before = writes::before(case, event, named, Some(uid))?;
    let Some(first) = before.life.first() else {
        return Ok(Found::none(format!(
            "who made {}: an older log, or a policy that does not record it",
            writes::called(named)
        )));
    };
    let changing = changing(&before.life);
    let mut choice = match (acts.controller.makes, acts.controller.owners) {
        ("replicasets", _) => of_set(case, event, &changing)?,
        ("pods", "replicasets" | "replicationcontrollers") => {
            of_pod(case, event, named, uid, &before, &changing, acts)?
        }
        ("pods", _) => of_other_pod(case, event, named, uid, &before, &changing, acts)?,
        _ => Choice::of(changing),
    };
    if !before.made {
        choice.open = true;
        choice.missing.push(format!("the making of {}", writes::called(named)).into());
    }
    if before.limited {
        choice.open = true;
        choice.missing.push(format!("more writes than the {FOUND_MAX} that are looked at").into());
    }
    let there = writes::kept(first).and_then(|write| write.object.uid.as_deref());
    let is_made = before.made && there == Some(uid);
    Ok(told(event, choice, named, uid, is_made, &before))
}

/// The link that a choice makes.
fn told(event: &Event, choice: Choice, named: Named<'_>, uid: &str, is_made: bool, before: &Before) -> Found {
    let Choice { mut causes, open, missing } = choice;
    causes.sort_by_key(|cause| cause.id);
    causes.dedup_by_key(|cause| cause.id);
    let Some(cause) = causes.first() else { return Found::none("what made its controller do so") };
    let alone = causes.len() == 1 && !open;
    let only = before.life.len() == 1 && before.life.iter().any(|write| write.id == cause.id);
    let class = match alone {
        true if only && is_made => Class::Proven,
        true => Class::Consistent,
        false => Class::Ambiguous,
    };
    let mut made = link(&rules::OWNER_REQUEST, class, cause, event);
    let name = writes::called(named);
    made.keys.push(key("owner", name.clone(), name));
    if is_made {
        made.keys.push(key("owner uid", uid, uid));
        let making = before.life.iter().map(|write| write.id).take(1);
        made.support.extend(making.filter(|id| *id != cause.id));
    } else {
        made.missing.push("the owner's uid in the response to its making: level RequestResponse".into());
    }
    made.missing.extend(missing);
    let mut found = Found::one_of(causes, made);
    found.open = open;
    found
}

/// The writes without those that the server says changed nothing: the generation after them is that of an earlier one.
fn changing(life: &[Arc<Event>]) -> Vec<Arc<Event>> {
    let mut kept: Vec<Arc<Event>> = Vec::new();
    for event in life {
        let generation = writes::number(event, "generation");
        let same = |other: &Arc<Event>| {
            generation.is_some() && writes::number(other, "generation") == generation && !writes::overlap(other, event)
        };
        if !kept.iter().rev().any(same) {
            kept.push(Arc::clone(event));
        }
    }
    kept
}

/// A write of a deployment, and what is new in it.
struct Step<'w> {
    write: &'w Arc<Event>,
    template: &'w str,
    replicas: u64,
    new_template: bool,
    new_replicas: bool,
}

/// The writes, with what each changed; `None` where one does not say what it left behind.
fn steps(writes: &[Arc<Event>]) -> Option<Vec<Step<'_>>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for write in writes {
        let last = steps.last().map(|step| (step.template, step.replicas));
        let scales = writes::kept(write)?.subresource == "scale";
        let template = if scales { last?.0 } else { super::facts::argument(write, "template")? };
        let replicas = writes::number(write, "replicas")?;
        steps.push(Step {
            write,
            template,
            replicas,
            new_template: last.is_none_or(|last| last.0 != template),
            new_replicas: last.is_none_or(|last| last.1 != replicas),
        });
    }
    Some(steps)
}

/// Which writes of a deployment its controller made or changed a set for.
fn of_set(case: &Case<'_>, event: &Arc<Event>, writes: &[Arc<Event>]) -> Result<Choice, Failed> {
    let made = event.what.action == "create";
    let mut choice = decided(event, writes, made).unwrap_or_else(|| Choice::of(writes.to_vec()));
    if !made {
        return Ok(choice);
    }
    // A set that was there before with this very name was deleted in between.
    let (Some(object), Some(first)) = (&event.what.object, writes.first()) else { return Ok(choice) };
    let namespace = object.namespace.as_deref().unwrap_or("");
    let named = Named { resource: "replicasets", namespace, name: object.name.as_deref().unwrap_or("") };
    let (since, until) = (first.when.event.nanos, event.when.event.nanos);
    for other in case.with_key(keys::write(event, named), since, until)?.iter() {
        let between = (first.when.event..=event.when.event).contains(&other.when.event);
        let deleted = writes::kept(other).is_some_and(|write| write.did == Did::Deleted);
        if between && deleted && !writes::is_controller(other, "deployment-controller") {
            choice.causes.push(Arc::clone(other));
            choice.missing.push("whether it replaces the set of this name that was deleted".into());
        }
    }
    Ok(choice)
}

/// By what the writes left behind: the template of the set, and its size.
fn decided(event: &Event, writes: &[Arc<Event>], made: bool) -> Option<Choice> {
    let steps = steps(writes)?;
    let template = super::facts::argument(event, "template")?;
    let with_template: Vec<&Step<'_>> =
        steps.iter().filter(|step| step.new_template && step.template == template).collect();
    if made {
        let causes: Vec<Arc<Event>> = with_template.iter().map(|step| Arc::clone(step.write)).collect();
        return (!causes.is_empty()).then(|| Choice::of(causes));
    }
    let replicas = writes::number(event, "replicas")?;
    let sizes = steps.iter().rfind(|step| step.new_replicas)?;
    if steps.iter().all(|step| step.template == template) {
        let other = steps.iter().rfind(|step| !step.new_replicas && !step.new_template);
        let mut causes = vec![Arc::clone(sizes.write)];
        causes.extend(other.map(|step| Arc::clone(step.write)));
        return (sizes.replicas == replicas).then(|| Choice::of(causes));
    }
    // While a new template is rolled out, sets grow and shrink for it as well as for the size.
    let templates = steps.iter().rfind(|step| step.new_template);
    let others = steps.iter().rfind(|step| !step.new_replicas && !step.new_template);
    let all = with_template.last().copied().into_iter().chain(templates).chain(others).chain([sizes]);
    Some(Choice::of(all.map(|step| Arc::clone(step.write)).collect()))
}

/// Pods made for an owner before an event, the oldest first.
fn siblings(case: &Case<'_>, event: &Event, uid: &str) -> Result<(Vec<Arc<Event>>, bool), Failed> {
    let all = case.all(keys::owned(uid))?;
    let is_pod = |other: &&Arc<Event>| {
        let made = writes::written(other).is_some_and(|write| write.did == Did::Made && write.resource == "pods");
        made && other.id != event.id && super::case::order(other) < super::case::order(event)
    };
    Ok((all.iter().filter(is_pod).cloned().collect(), all.len() >= FOUND_MAX))
}

/// Which writes of a set, or which deletions, its controller made a pod for: by counting what was asked for and what was made.
fn of_pod(
    case: &Case<'_>,
    event: &Arc<Event>,
    named: Named<'_>,
    uid: &str,
    before: &Before,
    changing: &[Arc<Event>],
    acts: For<'_>,
) -> Result<Choice, Failed> {
    let (siblings, limited) = siblings(case, event, uid)?;
    let gone = gaps_of::deletions(case, event, named, &before.life, acts.controller.account)?;
    let sizes: Option<Vec<(Arc<Event>, u64)>> =
        changing.iter().map(|write| Some((Arc::clone(write), writes::number(write, "replicas")?))).collect();
    let template = |write: &Arc<Event>| super::facts::argument(write, "template").map(str::to_owned);
    let templates: HashSet<String> = changing.iter().filter_map(template).collect();
    let (Some(sizes), false, true) = (sizes, limited || gone.limited, templates.len() <= 1) else {
        let mut choice = Choice::of(changing.iter().chain(&gone.events).cloned().collect());
        choice.open = limited || gone.limited;
        choice.missing.push("how many pods each write of the owner asked for: level RequestResponse".into());
        return Ok(choice);
    };
    let gaps = Gaps::before(event, &sizes, &gone, &siblings);
    let mut choice = Choice { open: gone.untold, ..Choice::default() };
    let replaces = gaps.open.iter().any(|cause| gone.events.iter().any(|gone| gone.id == cause.id));
    if gaps.open.is_empty() || replaces {
        // What it is, the owner's writes say; why it was made then, the deletion does.
        choice.causes.extend(gaps.raised);
        choice.missing.push(match replaces {
            true => "which of two: it may replace a pod that was deleted; what it is, the owner's writes say".into(),
            false => "what it replaces: a pod that failed, or whose deletion was not recorded".into(),
        });
        choice.open |= !replaces;
    }
    choice.causes.extend(gaps.open);
    Ok(choice)
}

/// As [`of_pod`], of owners whose number of pods does not follow from one number: each write that changed something may be the reason.
fn of_other_pod(
    case: &Case<'_>,
    event: &Arc<Event>,
    named: Named<'_>,
    uid: &str,
    before: &Before,
    changing: &[Arc<Event>],
    acts: For<'_>,
) -> Result<Choice, Failed> {
    let (siblings, limited) = siblings(case, event, uid)?;
    let gone = gaps_of::deletions(case, event, named, &before.life, acts.controller.account)?;
    let gaps = Gaps::before(event, &[], &gone, &siblings);
    let mut choice = Choice::of(changing.to_vec());
    choice.open = limited || gone.limited || gone.untold;
    if !gaps.open.is_empty() {
        choice.missing.push("whether it replaces a pod that was deleted".into());
        choice.causes.extend(gaps.open);
    }
    Ok(choice)
}

/// What may follow from a request: what a controller made for what it wrote, or in place of what it deleted.
pub fn follows(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(object) = event.what.object.as_ref().filter(|_| event.what.outcome == Outcome::Success) else {
        return Ok(());
    };
    let since = event.when.event.nanos;
    let namespace = object.namespace.as_deref().unwrap_or("");
    let mut later = |key: String| -> Result<(), Failed> {
        into.extend(case.with_key(key, since, i64::MAX)?.iter().cloned());
        Ok(())
    };
    match object.kind.as_deref().unwrap_or("") {
        "pods" | "pods/eviction" => {
            let owner = object.name.as_deref().and_then(gaps_of::owner_in);
            if let (Some(owner), true) = (owner, gaps_of::removes(event)) {
                later(keys::pods_of(event, namespace, owner))?;
            }
            if let Some(uid) = object.uid.as_deref().filter(|_| event.what.action == "create") {
                later(keys::bound(uid))?;
            }
        }
        _ => {
            let Some(write) = writes::kept(event) else { return Ok(()) };
            if write.did == Did::Deleted {
                later(keys::write(event, Named { resource: write.resource, namespace, name: write.name }))?;
            } else if let Some(uid) = object.uid.as_deref() {
                later(keys::owned(uid))?;
            }
        }
    }
    Ok(())
}

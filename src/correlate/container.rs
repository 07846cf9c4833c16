//! A container: its names, and the API request that asked for it.
//!
//! Not here: the processes in it (`process`).

use super::case::{Case, FOUND_MAX, Failed};
use super::facts::{self, Names, Order};
use super::{keys, runtime};
use crate::model::{Event, EventId, Outcome, Source, Str};
use std::sync::Arc;

/// Execs of a container that are listed, and one more.
const ENTRIES_MAX: usize = 10_001;

/// What is known of a container.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// Its names; what its namers disagree in is left out.
    pub names: Names,
    /// The events that say so.
    pub namers: Vec<EventId>,
    /// Whether two of them disagree.
    pub contradicted: bool,
    /// The event of its making, and that of its sandbox's.
    pub made: Option<Arc<Event>>,
    /// As `made`, of the sandbox.
    pub sandbox: Option<Arc<Event>>,
}

/// The container with an id.
pub fn container(case: &Case<'_>, id: &str) -> Result<Container, Failed> {
    let mut all = Container::default();
    for event in case.first(keys::container(id))?.iter() {
        add(&mut all, event, id);
    }
    if let Some(sandbox) = all.names.sandbox.clone() {
        for event in case.first(keys::container(&sandbox))?.iter() {
            if event.what.action == "created-sandbox" {
                if let Some(names) = facts::names(event, &sandbox) {
                    // A container's name is not that of its sandbox.
                    let names = Names { container: None, sandbox: None, ..names };
                    merge(&mut all, names, event.id);
                }
                all.sandbox = Some(Arc::clone(event));
            }
        }
    }
    Ok(all)
}

fn add(all: &mut Container, event: &Arc<Event>, id: &str) {
    let Some(names) = facts::names(event, id) else { return };
    let sandbox_itself = event.what.action == "created-sandbox";
    let names = if sandbox_itself { Names { container: None, ..names } } else { names };
    merge(all, names, event.id);
    match event.what.action.as_str() {
        "created-container" => all.made = Some(Arc::clone(event)),
        "created-sandbox" => all.sandbox = Some(Arc::clone(event)),
        _ => {}
    }
}

fn merge(all: &mut Container, names: Names, by: EventId) {
    let mut wrong = false;
    let mut one = |slot: &mut Option<Str>, value: Option<Str>| match (&*slot, value) {
        (Some(there), Some(value)) if *there != value => wrong = true,
        (None, Some(value)) => *slot = Some(value),
        _ => {}
    };
    one(&mut all.names.namespace, names.namespace);
    one(&mut all.names.pod, names.pod);
    one(&mut all.names.pod_uid, names.pod_uid);
    one(&mut all.names.container, names.container);
    one(&mut all.names.sandbox, names.sandbox);
    all.contradicted |= wrong;
    if all.namers.len() < 8 && !all.namers.contains(&by) {
        all.namers.push(by);
    }
}

/// The ids of all containers of a pod that anybody names, and whether there may be more.
pub fn of_pod(case: &Case<'_>, event: &Event, namespace: &str, pod: &str) -> Result<(Vec<Str>, bool), Failed> {
    let mut ids: Vec<Str> = Vec::new();
    let mut add = |prefix: String| -> Result<bool, Failed> {
        let found = case.endings(prefix)?;
        ids.extend(found.iter().map(|id| Str::from(id.as_str())));
        Ok(found.len() >= FOUND_MAX)
    };
    let mut limited = add(keys::in_pod(event, namespace, pod))?;
    let sandboxes = case.endings(keys::sandbox_of(event, namespace, pod))?;
    limited |= sandboxes.len() >= FOUND_MAX;
    for sandbox in sandboxes.iter() {
        limited |= add(keys::in_sandbox(sandbox))?;
    }
    ids.sort();
    ids.dedup();
    Ok((ids, limited))
}

/// The API requests that asked for a container: those that added it to its pod by name, else the one that made the pod.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The requests; more than one: any of them.
    pub requests: Vec<Arc<Event>>,
    /// Whether it was added to a pod that was there already.
    pub ephemeral: bool,
}

/// Who asked for a container.
pub fn asked(case: &Case<'_>, event: &Event, container: &Container) -> Result<Asked, Failed> {
    let names = &container.names;
    let mut asked = Asked::default();
    if container.contradicted {
        return Ok(asked);
    }
    if let (Some(namespace), Some(pod), Some(name)) = (&names.namespace, &names.pod, &names.container) {
        for request in case.all(keys::added(event, namespace, pod))?.iter() {
            let adds = request.what.objects.iter().any(|object| {
                object.kind.as_deref() == Some("ephemeral-container") && object.name.as_ref() == Some(name)
            });
            // A pod of the same name that came later has another uid.
            let same = match (&request.r#where.pod_uid, &names.pod_uid) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            };
            if adds && same && request.what.outcome == Outcome::Success {
                asked.requests.push(Arc::clone(request));
            }
        }
    }
    if !asked.requests.is_empty() {
        asked.ephemeral = true;
        // An update repeats what is there: the first one added it.
        asked.requests.truncate(1);
        return Ok(asked);
    }
    if let Some(uid) = &names.pod_uid {
        let made = case.all(keys::pod_uid(uid))?;
        let requests = made.iter().filter(|event| event.source == Source::Kubernetes && event.what.action == "create");
        asked.requests.extend(requests.cloned());
    }
    Ok(asked)
}

/// Whether a pod was made by a controller on behalf of something else.
pub fn owner(request: &Event) -> Option<String> {
    let owner = request.what.objects.iter().find(|object| object.role.as_deref() == Some("owner"))?;
    Some(format!("{} {}", owner.kind.as_deref().unwrap_or("owner"), owner.name.as_deref().unwrap_or("without a name")))
}

/// Where a tree of processes begins: a container's making, or an exec in it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The runtime's order, or the making where no order was recorded.
    pub event: Arc<Event>,
    /// Whether it is an exec.
    pub exec: bool,
    /// The container.
    pub container: Str,
    /// What it is called.
    pub names: Names,
}

/// The beginnings of the processes of a container, or of the container that has an exec of this id; of an exec id, that exec alone.
pub fn entries(case: &Case<'_>, id: &str) -> Result<Vec<Entry>, Failed> {
    let mut entries = Vec::new();
    let mut execs = Vec::new();
    for order in case.every(&keys::exec_in(id), ENTRIES_MAX)? {
        if runtime::ordered(case, &order, id)? {
            execs.push(order);
        }
    }
    let made = runtime::orders(case, id, Order::Create)?.into_iter().next();
    if !execs.is_empty() || made.is_some() || !case.first(keys::container(id))?.is_empty() {
        let known = container(case, id)?;
        let entry = |event: &Arc<Event>, exec| Entry {
            event: Arc::clone(event),
            exec,
            container: id.into(),
            names: known.names.clone(),
        };
        entries.extend(made.or_else(|| known.made.clone()).map(|made| entry(&made, false)));
        entries.extend(execs.iter().map(|event| entry(event, true)));
        return Ok(entries);
    }
    for order in case.all(keys::ordered_exec(id))?.iter() {
        let Some(container) = facts::run(order).map(|run| Str::from(run.container)) else { continue };
        if runtime::ordered(case, order, &container)? {
            let names = self::container(case, &container)?.names;
            entries.push(Entry { event: Arc::clone(order), exec: true, container, names });
        }
    }
    Ok(entries)
}

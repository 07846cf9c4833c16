//! A container: its names, and the API request that asked for it.
//!
//! Not here: the processes in it (`process`).

use super::case::{Case, Failed};
use super::facts::{self, Names, Order};
use super::{keys, runtime};
use crate::model::{Event, EventId, Outcome, Source, Str};
use std::sync::Arc;

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
    for event in case.all(keys::container(id))?.iter() {
        add(&mut all, event, id);
    }
    if let Some(sandbox) = all.names.sandbox.clone() {
        for event in case.all(keys::container(&sandbox))?.iter() {
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

/// The ids of all containers of a pod that anybody names.
pub fn of_pod(case: &Case<'_>, event: &Event, namespace: &str, pod: &str) -> Result<Vec<Str>, Failed> {
    let mut ids: Vec<Str> = Vec::new();
    for named in case.all(keys::pod(event, namespace, pod))?.iter() {
        match named.source {
            Source::Containerd => {
                let Some(sandbox) = named.r#where.container_id.as_deref() else { continue };
                for made in case.all(format!("sandbox:{sandbox}"))?.iter() {
                    ids.extend(made.r#where.container_id.clone());
                }
            }
            Source::Kubelet => ids.extend(named.r#where.container_id.clone()),
            _ => ids.extend(facts::status_containers(named).filter_map(|object| object.uid.clone())),
        }
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
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
        for request in case.all(keys::pod(event, namespace, pod))?.iter() {
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
    let orders = case.all(keys::run(id))?;
    if !orders.is_empty() || !case.all(keys::container(id))?.is_empty() {
        let known = container(case, id)?;
        let entry = |event: &Arc<Event>, exec| Entry {
            event: Arc::clone(event),
            exec,
            container: id.into(),
            names: known.names.clone(),
        };
        let made = runtime::orders(case, id, Order::Create)?.into_iter().next();
        entries.extend(made.or_else(|| known.made.clone()).map(|made| entry(&made, false)));
        entries.extend(runtime::orders(case, id, Order::Exec)?.iter().map(|event| entry(event, true)));
        return Ok(entries);
    }
    for told in case.all(keys::exec(id))?.iter() {
        let Some(container) = told.r#where.container_id.clone() else { continue };
        for order in runtime::orders(case, &container, Order::Exec)? {
            let same = facts::run(&order).and_then(|run| run.exec_id) == Some(id);
            if same && !entries.iter().any(|entry: &Entry| entry.event.id == order.id) {
                let names = self::container(case, &container)?.names;
                entries.push(Entry { event: order, exec: true, container: container.clone(), names });
            }
        }
    }
    Ok(entries)
}

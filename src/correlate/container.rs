//! A container: its names, and the API request that asked for it.
//!
//! Not here: the processes in it (`process`).

use super::case::{Case, FOUND_MAX, Failed};
use super::clock::APART_NS;
use super::facts::{self, Names, Order};
use super::{keys, runtime};
use crate::model::{Event, EventId, Outcome, Source, Str};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Execs of a container that are listed, and one more.
const ENTRIES_MAX: usize = 10_001;
/// Pods that had a name before and after the time that is asked about, and of which something may have run then.
const LIVES_AROUND: usize = 8;
/// Pods that had a name, that are looked at.
const LIVES_MAX: usize = 16_384;
/// Time is cut into blocks of this length, of each of which it is asked once whether anything happened in a container, ns.
const BUSY_NS: i64 = 640_000_000_000;

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

/// A pod's name, while something may have happened in it.
#[derive(Debug, Clone, Copy)]
pub struct PodAt<'a> {
    /// An event of the same cluster.
    pub event: &'a Event,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub pod: &'a str,
    /// From when on, ns.
    pub since: i64,
    /// Until when, ns.
    pub until: i64,
}

type Ids = Rc<[Str]>;

/// What lay in the pods that had a name.
#[derive(Debug, Clone, Default)]
pub struct InPod {
    /// The ids of all containers that anybody names.
    pub containers: Vec<Str>,
    /// The ids of their sandboxes.
    pub sandboxes: Vec<Str>,
    /// Whether there may be more.
    pub limited: bool,
    /// By the first and the last block of time: those of the containers that were busy then.
    busy: RefCell<HashMap<(i64, i64), Ids>>,
}

impl InPod {
    /// Containers with an exec, or a request of the CRI, from `since` to `until`, and some with one shortly before or after: all others have none. What
    /// competes with one another lies near one another, and most containers of a pod's former lives were gone by then.
    pub fn busy(&self, case: &Case<'_>, since: i64, until: i64) -> Result<Ids, Failed> {
        let blocks = (since.div_euclid(BUSY_NS), until.div_euclid(BUSY_NS));
        if let Some(known) = self.busy.borrow().get(&blocks) {
            return Ok(Rc::clone(known));
        }
        let from = blocks.0.saturating_mul(BUSY_NS);
        let to = blocks.1.saturating_mul(BUSY_NS).saturating_add(BUSY_NS - 1);
        let mut busy = Vec::new();
        for id in &self.containers {
            if !case.none(&keys::exec_in(id), from, to)? || !case.none(&keys::request(id), from, to)? {
                busy.push(id.clone());
            }
        }
        let busy: Ids = busy.into();
        self.busy.borrow_mut().insert(blocks, Rc::clone(&busy));
        Ok(busy)
    }
}

impl PodAt<'_> {
    /// The lives of the name: pods that were first named in the time, and [`LIVES_AROUND`] before and after. A name belongs to one pod at a time, so an older
    /// one would have had to outlive all of its successors; a later one would have gone unnamed while they were.
    fn lives(&self, case: &Case<'_>) -> Result<(Vec<String>, bool), Failed> {
        let (from, to) = (self.since.saturating_sub(APART_NS), self.until.saturating_add(APART_NS));
        let all = case.endings(keys::life_of(self.event, self.namespace, self.pod), LIVES_MAX)?;
        let limited = all.len() >= LIVES_MAX;
        let mut lives: Vec<(i64, &str)> = all.iter().map(|(uid, first)| (*first, uid.as_str())).collect();
        lives.sort_unstable();
        let before = lives.partition_point(|(first, _)| *first < from).saturating_sub(LIVES_AROUND);
        let after = lives.partition_point(|(first, _)| *first <= to).saturating_add(LIVES_AROUND).min(lives.len());
        let near = lives.get(before..after).unwrap_or_default();
        let mut lives: Vec<String> = near.iter().map(|(_, uid)| (*uid).to_owned()).collect();
        lives.push(keys::life_without_uid(self.event, self.namespace, self.pod));
        Ok((lives, limited))
    }

    /// The containers and sandboxes of the name's lives, looked for once.
    pub fn inside(&self, case: &Case<'_>) -> Result<Rc<InPod>, Failed> {
        let (lives, limited) = self.lives(case)?;
        if let Some(known) = case.pods.borrow().get(&lives) {
            return Ok(Rc::clone(known));
        }
        let mut found = InPod { limited, ..InPod::default() };
        for life in &lives {
            found.limited |= add_all(case, keys::in_pod(life), &mut found.containers)?;
            found.limited |= add_all(case, keys::sandbox_of(life), &mut found.sandboxes)?;
        }
        sort(&mut found.sandboxes);
        for sandbox in &found.sandboxes {
            found.limited |= add_all(case, keys::in_sandbox(sandbox), &mut found.containers)?;
        }
        sort(&mut found.containers);
        let found = Rc::new(found);
        case.pods.borrow_mut().insert(lives, Rc::clone(&found));
        Ok(found)
    }
}

fn add_all(case: &Case<'_>, prefix: String, into: &mut Vec<Str>) -> Result<bool, Failed> {
    let found = case.endings(prefix, FOUND_MAX)?;
    into.extend(found.iter().map(|(id, _)| Str::from(id.as_str())));
    Ok(found.len() >= FOUND_MAX)
}

fn sort(ids: &mut Vec<Str>) {
    ids.sort();
    ids.dedup();
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
    let mut made: Vec<Arc<Event>> = Vec::new();
    if let Some(uid) = &names.pod_uid {
        let all = case.all(keys::pod_uid(uid))?;
        let creates = all.iter().filter(|event| event.source == Source::Kubernetes && event.what.action == "create");
        made.extend(creates.cloned());
    }
    if let (Some(namespace), Some(pod), Some(name)) = (&names.namespace, &names.pod, &names.container) {
        // Nothing is added to a pod before it is made; its name may have been another's.
        let since = made.iter().map(|request| request.when.event.nanos).min().unwrap_or(i64::MIN);
        for request in case.with_key(keys::added(event, namespace, pod), since, i64::MAX)?.iter() {
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
    asked.requests.extend(made);
    Ok(asked)
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

#[cfg(test)]
mod tests {
    use super::super::case::stub::Times;
    use super::*;

    #[test]
    fn containers_that_were_idle_are_asked_for_once() {
        let block = 10 * BUSY_NS;
        let at = vec![
            (keys::exec_in("one"), block),
            (keys::request("two"), block + BUSY_NS - 1),
            (keys::exec_in("three"), block + BUSY_NS),
            (keys::exec_in("last"), i64::MAX),
        ];
        let times = Times { at, asked: RefCell::default() };
        let case = Case::new(&times);
        let containers = ["idle", "last", "one", "three", "two"].map(Str::from).to_vec();
        let pod = InPod { containers, ..InPod::default() };
        let check = |since: i64, until: i64, expected: &[&str], asked: usize| {
            let found = pod.busy(&case, since, until).unwrap();
            assert_eq!(found.iter().map(Str::as_str).collect::<Vec<_>>(), expected, "{since} to {until}");
            assert_eq!(times.asked.take(), asked, "{since} to {until}");
        };
        // Five for execs; of the four without, for requests too.
        check(block + 7, block + 9, &["one", "two"], 9);
        check(block, block + BUSY_NS - 1, &["one", "two"], 0);
        check(block - 1, block, &["one", "two"], 9);
        check(block + 7, block + BUSY_NS, &["one", "three", "two"], 8);
        check(block + BUSY_NS, block + BUSY_NS, &["three"], 9);
        check(i64::MIN, i64::MIN, &[], 10);
        check(i64::MAX, i64::MAX, &["last"], 9);
    }
}

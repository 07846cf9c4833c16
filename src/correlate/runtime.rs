//! The runtime's exec or create: whether it really was the runtime, what the runtime says of it, and the first process of it.
//!
//! A process in a container may call itself runc and copy its arguments; what it cannot have is a parent chain that leads to the daemon without
//! a process of a container in it. Not here: whose exec it was (`session`).

use super::case::{Case, Failed};
use super::facts::{self, Order, is_daemon, is_shim};
use super::keys;
use super::rules::PROCESS_HORIZON_NS;
use crate::model::{Event, Outcome, Source};
use std::rc::Rc;
use std::sync::Arc;

/// Processes between the runtime and the daemon that are looked at.
const CHAIN_MAX: usize = 12;
/// The runtime tells of a process about when the kernel records it; measured −27 to +48 ms.
const TELLS_WITHIN_NS: i64 = 5_000_000_000;

/// How far a process that looks like the runtime is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Its parent is something else, or a process of a container: it is not the runtime.
    Not,
    /// Nothing contradicts it, but its chain of parents was not recorded up to the daemon.
    Unseen,
    /// The chain of parents leads to the daemon, or the daemon itself names the exec.
    Full,
}

/// How far the kernel's records make the process of `event` the runtime.
///
/// Paths are seen from a process's own root, so a container may hold files of the same names: a chain that has a runtime above its daemon, or
/// executables on different devices, is none of the node. `docs/rules/container-runtime.md` says what remains.
pub fn trust(case: &Case<'_>, event: &Arc<Event>) -> Result<Trust, Failed> {
    let Some(started) = facts::started(event) else { return Ok(Trust::Not) };
    let mut ppid = started.ppid;
    let mut child = Arc::clone(event);
    let mut trust = Trust::Unseen;
    for _ in 0..CHAIN_MAX {
        let Some(parent) = case.program(&child, ppid)? else { return Ok(trust) };
        let Some(program) = facts::started(&parent) else { return Ok(Trust::Not) };
        let inside = is_daemon(program.exe) || is_shim(program.exe);
        if trust == Trust::Full {
            // Above the daemon stands what started it, never a process of a container.
            if program.is_runtime() || is_shim(program.exe) {
                return Ok(Trust::Not);
            }
        } else if !inside || program.device != started.device {
            return Ok(Trust::Not);
        } else if is_daemon(program.exe) {
            trust = Trust::Full;
        }
        ppid = program.ppid;
        child = Arc::clone(&parent);
    }
    Ok(trust)
}

/// What the runtime says of an exec, by its id.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// It made this exec id for the container.
    pub named: Option<Arc<Event>>,
    /// It started it, with a process.
    pub started: Option<Arc<Event>>,
    /// It ended.
    pub exited: Option<Arc<Event>>,
}

/// What the runtime says of exec `id` in `container` on the node of `event`.
pub fn told(case: &Case<'_>, event: &Event, container: &str, id: &str) -> Result<Told, Failed> {
    let mut told = Told::default();
    for found in case.all(keys::exec(id))?.iter() {
        let same_node = found.r#where.node == event.r#where.node && found.r#where.cluster == event.r#where.cluster;
        let here = found.r#where.container_id.as_deref().is_none_or(|other| other == container);
        if found.source != Source::Containerd || !same_node || !here {
            continue;
        }
        let slot = match found.what.action.as_str() {
            "generated-exec-id" => &mut told.named,
            "started-exec" => &mut told.started,
            "exited" => &mut told.exited,
            // Its own log says the same without a process; the event stream is preferred.
            "exec-exited" if told.exited.is_none() => &mut told.exited,
            _ => continue,
        };
        if slot.is_none() || found.what.action == "exited" {
            *slot = Some(Arc::clone(found));
        }
    }
    Ok(told)
}

/// The programs that children of the runtime's exec `event` became, as long as its number may be its own: its first process is most likely among them.
pub fn programs(case: &Case<'_>, event: &Event) -> Result<Rc<Vec<Arc<Event>>>, Failed> {
    let since = event.when.event.nanos;
    case.with_key(keys::program_of(event, event.how.pid.unwrap_or(0)), since, since.saturating_add(PROCESS_HORIZON_NS))
}

/// The first process that the runtime's exec `event` started: a child of the runtime that is no stage of the runtime itself, or the process that the daemon names.
pub fn first_process(case: &Case<'_>, event: &Event, told: &Told) -> Result<First, Failed> {
    let Some(started) = facts::started(event) else { return Ok(First::default()) };
    let since = event.when.event.nanos;
    let until = since.saturating_add(PROCESS_HORIZON_NS);
    let mut first = First::default();
    let named = told.started.as_ref().and_then(|told| told.how.pid);
    // The runtime is alive until its own pid starts something else.
    let reused = case
        .with_key(keys::process(event, started.pid), since.saturating_add(1), until)?
        .iter()
        .find(|next| facts::started(next).is_some_and(|next| !next.is_runtime()))
        .map_or(until, |next| next.when.event.nanos);
    for child in case.with_key(keys::program_of(event, started.pid), since, reused)?.iter() {
        let Some(program) = facts::started(child).filter(|program| !program.is_runtime()) else { continue };
        if named.is_none_or(|named| named == program.pid) {
            first.process = Some(Arc::clone(child));
            first.by_parent = true;
            break;
        }
    }
    let (Some(pid), Some(says)) = (named, &told.started) else { return Ok(first) };
    if first.process.is_some() {
        first.by_daemon = true;
        return Ok(first);
    }
    // Its parent is another one where the runtime was gone already.
    let around = says.when.event.nanos.saturating_add(TELLS_WITHIN_NS);
    for found in case.with_key(keys::process(event, pid), since, around)?.iter() {
        if facts::started(found).is_some_and(|program| !program.is_runtime()) {
            first.process = Some(Arc::clone(found));
            first.by_daemon = true;
            break;
        }
    }
    Ok(first)
}

/// A first process, and what makes it one.
#[derive(Debug, Clone, Default)]
pub struct First {
    /// Its first program.
    pub process: Option<Arc<Event>>,
    /// The kernel says that the runtime is its parent.
    pub by_parent: bool,
    /// The daemon says that the exec has this process.
    pub by_daemon: bool,
}

/// Orders of the runtime to make or to start a container that were really the runtime's.
pub fn orders(case: &Case<'_>, container: &str, order: Order) -> Result<Vec<Arc<Event>>, Failed> {
    let mut found = Vec::new();
    for event in case.all(keys::made(container))?.iter() {
        if facts::run(event).is_some_and(|run| run.order == order) && ordered(case, event, container)? {
            found.push(Arc::clone(event));
        }
    }
    Ok(found)
}

/// The runtime's orders for an exec of this id in a container, that were really the runtime's.
pub fn exec_orders(case: &Case<'_>, container: &str, id: &str) -> Result<Vec<Arc<Event>>, Failed> {
    let mut found = Vec::new();
    for event in case.all(keys::ordered_exec(id))?.iter() {
        if ordered(case, event, container)? {
            found.push(Arc::clone(event));
        }
    }
    Ok(found)
}

/// Whether the runtime, and nobody else, was told something about a container by `event`.
pub fn ordered(case: &Case<'_>, event: &Arc<Event>, container: &str) -> Result<bool, Failed> {
    let same = facts::run(event).is_some_and(|run| run.container == container);
    Ok(same && event.what.outcome == Outcome::Success && trust(case, event)? > Trust::Not)
}

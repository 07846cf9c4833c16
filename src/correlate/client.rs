//! Programs that ask a container's daemon past the API server: docker, podman, nerdctl, ctr, crictl; and what the daemon's runtime then did.
//!
//! A daemon hides its client: the runtime's order names the container, the client's arguments name what was wished, and nothing carries both but the
//! arguments and the time. Inside: what a client wished, and the rule `client-runtime`. Not here: sessions of the API server (`session`).

use super::case::{Case, FOUND_MAX, Failed, order};
use super::facts::{self, Order};
use super::keys;
use super::links::{Found, key, link};
use super::rules::{CLIENT_HORIZON_NS, CLIENT_RUNTIME, SESSION_HORIZON_NS};
use super::runtime::{self, Trust};
use super::session::{Exec, joined};
use crate::model::{Class, Event, EventId, Str};
use std::collections::HashSet;
use std::sync::Arc;

/// What a client asks a daemon for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A container, made or started.
    Run,
    /// A process in one that is there.
    Exec,
}

/// A program that was started to ask a daemon for something.
#[derive(Debug, Clone, Copy)]
pub struct Client<'e> {
    /// What for.
    pub wish: Wish,
    /// The namespaces of containerd that its daemon works in: `moby` for Docker; `None`: any but the kubelet's.
    pub namespace: Option<&'static str>,
    /// Its arguments.
    pub argv: &'e [Str],
}

/// Why nobody is named where look-ups met their limit: the real client may be beyond it.
const TOO_MANY: &str = "more clients or containers at that time than are looked at";
/// Namespaces of containerd that are the kubelet's.
const OF_KUBELET: &str = "k8s.io";

/// What a program was started to ask for.
pub fn client(event: &Event) -> Option<Client<'_>> {
    let started = facts::started(event)?;
    let tool = started.exe.rsplit('/').next()?;
    let namespace = match tool {
        "docker" | "docker-compose" => Some("moby"),
        "podman" | "nerdctl" | "ctr" | "crictl" => None,
        _ => return None,
    };
    let mut words = started.argv.iter().skip(1).map(Str::as_str).filter(|word| !word.starts_with('-'));
    // Options of the program itself may have values, so that the command is one of the first words.
    let wish = words.by_ref().take(8).find_map(|word| match word {
        "run" | "create" | "start" | "restart" | "up" | "compose" | "play" | "runp" => Some(Wish::Run),
        "exec" => Some(Wish::Exec),
        _ => None,
    })?;
    Some(Client { wish, namespace, argv: started.argv })
}

/// The namespace of containerd in a runtime's order: the folder above the container's, in the path of its bundle. Other daemons have none.
pub fn daemon_namespace(event: &Event) -> Option<&str> {
    let run = facts::run(event)?;
    facts::started(event)?.argv.iter().find_map(|word| {
        let (_, below) = word.as_str().split_once("/io.containerd.runtime.")?;
        let mut parts = below.split('/').skip(1);
        let namespace = parts.next().filter(|name| !name.is_empty())?;
        (parts.next() == Some(run.container)).then_some(namespace)
    })
}

/// Whether the order is of no CRI: by the daemon's namespace where it has one, else by the form of the exec's id.
pub fn is_foreign(event: &Event) -> bool {
    match daemon_namespace(event) {
        Some(namespace) if namespace != OF_KUBELET => true,
        _ => facts::run(event)
            .is_some_and(|run| run.order == Order::Exec && !run.exec_id.is_some_and(facts::is_cri_exec_id)),
    }
}

/// Who asked the daemon for what the runtime did, where no API request did.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(run) = facts::run(event) else { return Ok(Found::none("it is no order of the runtime")) };
    if runtime::trust(case, event)? == Trust::Not {
        return Ok(Found::none("it is not the runtime of the node"));
    }
    match run.order {
        Order::Exec => of_exec(case, event, run.container, run.exec_id),
        Order::Create | Order::Start => of_making(case, event, run.container),
    }
}

fn fits(client: &Client<'_>, namespace: Option<&str>) -> bool {
    client.namespace.is_none() || namespace.is_none() || client.namespace == namespace
}

/// Whether the process' arguments are the last ones of the client's.
fn is_tail(argv: &[Str], process: &[Str]) -> bool {
    !process.is_empty() && argv.len() > process.len() && argv.ends_with(process)
}

fn none() -> Found {
    Found::none(
        "who asked the runtime's daemon: neither an API session nor a client on the node (docker, podman, nerdctl, ctr, crictl) agrees with it; a program that spoke to the daemon's socket itself leaves no arguments",
    )
}

fn of_exec(case: &Case<'_>, event: &Arc<Event>, container: &str, exec_id: Option<&str>) -> Result<Found, Failed> {
    let at = event.when.event.nanos;
    let clients = case.with_key(keys::client_exec(event), at.saturating_sub(SESSION_HORIZON_NS), at)?;
    if clients.len() >= FOUND_MAX {
        return Ok(Found::none(TOO_MANY));
    }
    let process = Exec::of(case, event)?.and_then(|exec| exec.first.process.clone());
    let namespace = daemon_namespace(event);
    let foreign = is_foreign(event);
    let mut named: Vec<Arc<Event>> = Vec::new();
    let mut fitting: Vec<Arc<Event>> = Vec::new();
    for asked in clients.iter().filter(|asked| order(asked) < order(event)) {
        let Some(client) = client(asked).filter(|client| fits(client, namespace)) else { continue };
        // Of all clients, only crictl speaks to the CRI.
        let is_crictl = asked.how.exe.as_deref().is_some_and(|exe| exe.ends_with("/crictl"));
        if is_crictl == foreign {
            continue;
        }
        // Many id forms are a beginning of the whole; twelve digits are what the tools print.
        let names = |word: &Str| word.len() >= 12 && container.starts_with(word.as_str());
        let says_container = client.argv.iter().any(names);
        let says_exec = exec_id.is_some_and(|id| client.argv.iter().any(|word| word == id));
        let argv = process.as_deref().map(|process| process.how.argv.as_slice());
        if argv.is_some_and(|argv| !is_tail(client.argv, argv)) {
            continue;
        }
        if says_container && says_exec {
            named.push(Arc::clone(asked));
        }
        fitting.push(Arc::clone(asked));
    }
    let by_name = !named.is_empty();
    let mut causes = if by_name { named } else { fitting };
    last_of_each(&mut causes);
    let Some(first) = causes.first() else { return Ok(none()) };
    let steady = case.steady(event, first.when.event.nanos, at)?;
    let class = match causes.len() {
        1 if by_name && process.is_some() && steady => Class::Strong,
        1 => Class::Consistent,
        _ => Class::Ambiguous,
    };
    let mut found = link(&CLIENT_RUNTIME, class, first, event);
    if by_name {
        found.keys.push(key("container id", container, container));
        found.keys.push(key("exec id", exec_id.unwrap_or(""), exec_id.unwrap_or("")));
    }
    if let Some(process) = &process {
        let argv = joined(&process.how.argv);
        found.keys.push(key("argv", argv.clone(), argv));
        found.support.push(process.id);
    }
    if class != Class::Strong {
        found
            .missing
            .push("an id that both the client and the runtime name: the daemon does not say who asked it".into());
    }
    Ok(Found::one_of(causes, found))
}

/// A program that runs itself again (a wrapper of the same name) asks once: the last of one process stands for it.
fn last_of_each(causes: &mut Vec<Arc<Event>>) {
    causes.sort_by_key(|cause| order(cause));
    let mut seen: HashSet<u32> = HashSet::new();
    causes.reverse();
    causes.retain(|cause| cause.how.pid.is_none_or(|pid| seen.insert(pid)));
    causes.reverse();
}

fn of_making(case: &Case<'_>, event: &Arc<Event>, container: &str) -> Result<Found, Failed> {
    let namespace = daemon_namespace(event);
    if namespace == Some(OF_KUBELET) {
        return Ok(none());
    }
    let at = event.when.event.nanos;
    let since = at.saturating_sub(CLIENT_HORIZON_NS);
    let clients = case.with_key(keys::client_run(event), since, at)?;
    let made = case.with_key(keys::foreign_made(event), since, at)?;
    if clients.len() >= FOUND_MAX || made.len() >= FOUND_MAX {
        return Ok(Found::none(TOO_MANY));
    }
    // One client makes one container: those that can only have made an earlier one did so.
    let mut taken: HashSet<EventId> = HashSet::new();
    let mut causes: Vec<Arc<Event>> = Vec::new();
    let mut done: HashSet<&str> = HashSet::new();
    for other in made.iter() {
        let (Some(run), before) = (facts::run(other), order(other)) else { continue };
        if before > order(event) || !done.insert(run.container) {
            continue;
        }
        let process = first_of(case, other)?;
        let here = daemon_namespace(other);
        let mut open: Vec<Arc<Event>> = Vec::new();
        for asked in clients.iter().filter(|asked| order(asked) < before && !taken.contains(&asked.id)) {
            let Some(client) = client(asked).filter(|client| fits(client, here)) else { continue };
            // An image may put words before the command, so that only a command that is there can disagree.
            let disagrees = process.as_ref().is_some_and(|process| {
                let last = process.how.argv.last();
                last.is_some() && client.argv.last() != last && !is_tail(client.argv, &process.how.argv)
            });
            if !disagrees {
                open.push(Arc::clone(asked));
            }
        }
        last_of_each(&mut open);
        if run.container == container {
            causes = open;
            break;
        }
        if let [only] = open.as_slice() {
            let several =
                client(only).is_some_and(|client| client.argv.iter().any(|word| word == "compose" || word == "up"));
            if !several {
                taken.insert(only.id);
            }
        }
    }
    let Some(first) = causes.first() else { return Ok(none()) };
    let class = if causes.len() == 1 { Class::Consistent } else { Class::Ambiguous };
    let mut found = link(&CLIENT_RUNTIME, class, first, event);
    if let Some(process) = first_of(case, event)? {
        let last = |argv: &[Str]| argv.last().cloned().unwrap_or_default();
        found.keys.push(key("last argument", last(&first.how.argv), last(&process.how.argv)));
        found.support.push(process.id);
    }
    found.missing.push("an id that both the client and the runtime name: the daemon does not say who asked it".into());
    Ok(Found::one_of(causes, found))
}

/// The first program of a container: the shim's first child after the runtime was told to start it. Hooks run before, as the runtime's own.
fn first_of(case: &Case<'_>, made: &Event) -> Result<Option<Arc<Event>>, Failed> {
    let Some(run) = facts::run(made) else { return Ok(None) };
    let starts = runtime::orders(case, run.container, Order::Start)?;
    let Some((start, shim)) = starts.first().and_then(|start| Some((start, start.how.ppid?))) else { return Ok(None) };
    let at = start.when.event.nanos;
    let programs = case.with_key(keys::program_of(made, shim), at, at.saturating_add(SESSION_HORIZON_NS))?;
    Ok(programs.iter().find(|program| order(program) > order(start)).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_end_of_the_clients() {
        let words = |text: &str| text.split(' ').map(Str::from).collect::<Vec<Str>>();
        let client = words("docker exec web sh -c ls");
        assert!(is_tail(&client, &words("sh -c ls")));
        assert!(!is_tail(&client, &words("sh -c")) && !is_tail(&client, &[]) && !is_tail(&client, &client));
    }
}

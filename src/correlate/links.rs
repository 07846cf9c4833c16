//! The link from an event to its cause, and the making of links.
//!
//! Inside: one function a step: process to parent, first process to runtime, runtime to session or container, container to request.
//! Not here: following causes to their end (`walk`).

use super::case::{Case, Failed, order};
use super::client;
use super::container::{self, Container};
use super::credential;
use super::facts::{self, Order, Started};
use super::keys;
use super::login;
use super::manifest;
use super::owner;
use super::packet;
use super::rules::{self, PROCESS_HORIZON_NS, Rule};
use super::runtime::{self, Trust};
use super::session::{self, Contest, Exec};
use super::stream;
use crate::model::{CANDIDATES_MAX, Class, Event, KeyMatch, Link, Source, Str};
use std::sync::Arc;

/// Where no rule leads further back.
const BEGINNING: &str = "it is the beginning: no rule leads further back";
/// A process that lives longer than this without an exit record may have passed its number on, ns.
const PID_STABLE_NS: i64 = 60_000_000_000;
/// An exit may be told so much before the last call of the process was stamped, ns.
const EXIT_SLACK_NS: i64 = 100_000_000;

/// What is known of the cause of an event.
#[derive(Debug, Clone)]
pub struct Found {
    /// The cause; of several the first by id.
    pub cause: Option<Arc<Event>>,
    /// All that it could be.
    pub causes: Vec<Arc<Event>>,
    /// How the event is linked to it.
    pub link: Option<Link>,
    /// Why there is none, or not a better one.
    pub missing: Vec<Str>,
    /// Whether it may be none of them.
    pub open: bool,
    /// The contest that decided, for an exec.
    pub contest: Option<std::rc::Rc<Contest>>,
}

impl Found {
    /// Nothing, and why.
    pub fn none(missing: impl Into<Str>) -> Found {
        Found { cause: None, causes: Vec::new(), link: None, missing: vec![missing.into()], open: false, contest: None }
    }

    /// One cause.
    pub fn one(cause: &Arc<Event>, link: Link) -> Found {
        Found::one_of(vec![Arc::clone(cause)], link)
    }

    /// One of these; the link is from any of them, and names all.
    pub fn one_of(mut causes: Vec<Arc<Event>>, mut link: Link) -> Found {
        causes.sort_by_key(|event| event.id);
        causes.dedup_by_key(|event| event.id);
        link.candidate_count = causes.len();
        link.candidates = causes.iter().take(CANDIDATES_MAX).map(|event| event.id).collect();
        let missing = link.missing.clone();
        Found { cause: causes.first().cloned(), causes, link: Some(link), missing, open: false, contest: None }
    }
}

/// A link that a rule makes from `from` to `to`.
pub fn link(rule: &'static Rule, class: Class, from: &Event, to: &Event) -> Link {
    Link {
        rule: rule.name,
        version: rule.version,
        class,
        from: from.id,
        to: to.id,
        keys: Vec::new(),
        delta_ms: to.when.event.nanos.saturating_sub(from.when.event.nanos) / 1_000_000,
        clock_us: None,
        candidates: vec![from.id],
        candidate_count: 1,
        support: Vec::new(),
        missing: Vec::new(),
    }
}

/// A key and its values.
pub fn key(name: &'static str, from: impl Into<Str>, to: impl Into<Str>) -> KeyMatch {
    let (from, to) = (from.into(), to.into());
    KeyMatch { name, agrees: from == to, from, to }
}

/// The cause of an event, one step back.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    match event.source {
        Source::Linux => match facts::started(event) {
            Some(started) if started.is_runtime() => of_runtime(case, event),
            Some(started) => of_process(case, event, &started),
            None => of_call(case, event),
        },
        Source::Containerd if matches!(event.what.action.as_str(), "requested-attach" | "requested-port-forward") => {
            stream::cause(case, event)
        }
        Source::Containerd => of_containerd(case, event),
        Source::Kubelet if facts::manifest_pod(event).is_some() => manifest::of_added(case, event),
        Source::Kubelet if facts::manifest_gone(event).is_some() => manifest::of_removed(case, event),
        Source::Kubelet => stream::cause(case, event),
        Source::Kubernetes if facts::mirrored_by(event).is_some() => manifest::of_mirror(case, event),
        Source::Kubernetes => of_request(case, event),
        Source::Syslog => Ok(packet::cause(case, event)?.unwrap_or_else(|| {
            Found::none("whoever may write to /dev/log of that node can write such a line: it names nobody for certain")
        })),
        Source::Application => {
            Ok(Found::none("a program says what it likes, of itself and of its users: it names nobody for certain"))
        }
        Source::ControlPlane => Ok(Found::none("no rule leads back from the log of a component of the control plane")),
        Source::Crio | Source::Docker => {
            Ok(Found::none("no rule leads back from the records of this container runtime"))
        }
        _ => Ok(Found::none(BEGINNING)),
    }
}

/// A request that a component of the cluster made for somebody; all others are the beginning.
fn of_request(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    if let Some(found) = owner::cause(case, event)? {
        return Ok(found);
    }
    Ok(credential::cause(case, event)?.unwrap_or_else(|| Found::none(BEGINNING)))
}

/// Any other call: the program that its process runs.
fn of_call(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(pid) = event.how.pid else { return Ok(Found::none("its records name no process")) };
    let at = event.when.event.nanos;
    if let Some(found) = login::line(case, event)? {
        return Ok(found);
    }
    let Some(program) = case.program(event, pid)? else {
        let found = login::session(case, event)?;
        return Ok(found.unwrap_or_else(|| Found::none(format!("no execve of process {pid} was recorded"))));
    };
    let mut found = link(&rules::PROCESS_CHILD, Class::Consistent, &program, event);
    found.keys.push(key("pid", pid.to_string(), pid.to_string()));
    let exe = |event: &Event| event.how.exe.clone().unwrap_or_default();
    found.keys.push(key("exe", exe(&program), exe(event)));
    if dead_before(case, &program, pid, at)? || exe(&program) != exe(event) || other_login(case, &program, event)? {
        return Ok(Found::none(format!(
            "process {pid} is not the one whose execve was recorded: its number was given away again"
        )));
    }
    if at.saturating_sub(program.when.event.nanos) <= PID_STABLE_NS {
        found.class = Class::Strong;
    } else {
        found.missing.push("the exit of the process: its number may have been given away in between".into());
    }
    Ok(Found::one(&program, found))
}

/// Whether a container runtime says that process `pid` ended between its program's start and `at`.
fn dead_before(case: &Case<'_>, program: &Event, pid: u32, at: i64) -> Result<bool, Failed> {
    let since = program.when.event.nanos;
    let until = at.saturating_sub(EXIT_SLACK_NS);
    if until <= since {
        return Ok(false);
    }
    let ended = case.with_key(keys::task(program, pid), since, until)?;
    Ok(ended.iter().any(|event| event.what.action == "exited"))
}

fn of_process(case: &Case<'_>, event: &Arc<Event>, started: &Started<'_>) -> Result<Found, Failed> {
    let at = event.when.event.nanos;
    // The same process, before it became this program.
    if let Some(before) = earlier(case, event, started)? {
        let mut found = link(&rules::PROCESS_CHILD, Class::Strong, &before, event);
        found.keys.push(key("pid", started.pid.to_string(), started.pid.to_string()));
        device_key(&mut found, &before, started);
        if facts::started(&before).is_some_and(|program| program.ppid != started.ppid) {
            found.class = Class::Consistent;
            found.missing.push("the end of its first parent: it has another one now".into());
        }
        if at.saturating_sub(before.when.event.nanos) > PID_STABLE_NS {
            found.class = Class::Consistent;
            found.missing.push("the exit of the process: its number may have been given away in between".into());
        }
        return Ok(Found::one(&before, found));
    }
    if let Some(found) = named_by_daemon(case, event, started)? {
        return Ok(found);
    }
    let Some(parent) = case.program(event, started.ppid)? else {
        if let Some(found) = login::session(case, event)? {
            return Ok(found);
        }
        return Ok(Found::none(format!(
            "no execve of the parent {} was recorded: it began before the records do, or only forked; a rule for clone and fork would show it",
            started.ppid
        )));
    };
    let Some(program) = facts::started(&parent) else { return Ok(Found::none("its parent started no program")) };
    if program.is_runtime() && runtime::trust(case, &parent)? > Trust::Not {
        return of_first_process(case, event, &parent, started);
    }
    if facts::is_shim(program.exe) {
        return of_reparented(case, event, &parent, started);
    }
    if dead_before(case, &parent, started.ppid, at)? || other_login(case, &parent, event)? {
        return Ok(Found::none(format!("process {} had ended before: its number was given away again", started.ppid)));
    }
    let mut found = link(&rules::PROCESS_CHILD, Class::Strong, &parent, event);
    found.keys.push(key("ppid", program.pid.to_string(), started.ppid.to_string()));
    device_key(&mut found, &parent, started);
    if at.saturating_sub(parent.when.event.nanos) > PID_STABLE_NS {
        found.class = Class::Consistent;
        found.missing.push("the exit of the parent: its number may have been given away in between".into());
    }
    Ok(Found::one(&parent, found))
}

/// A different device is no contradiction (a volume, a file of the host), but then the kernel's parent stands alone.
fn device_key(found: &mut Link, cause: &Event, started: &Started<'_>) {
    let before = facts::started(cause).and_then(|cause| cause.device);
    let (Some(before), Some(now)) = (before, started.device) else { return };
    let compared = key("device of the executable", before, now);
    if !compared.agrees {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("a second key: the executables lie on different devices".into());
    }
    found.keys.push(compared);
}

/// The program that the process ran before, where it is the same process.
fn earlier(case: &Case<'_>, event: &Arc<Event>, started: &Started<'_>) -> Result<Option<Arc<Event>>, Failed> {
    let at = event.when.event.nanos;
    let around = case.with_key(keys::process(event, started.pid), at.saturating_sub(PID_STABLE_NS * 60), at)?;
    for before in around.iter().rev() {
        if order(before) >= order(event) {
            continue;
        }
        let Some(program) = facts::started(before) else { continue };
        // Another parent: the one before is gone, and the process was given to the shim or to its container's first process.
        let near = program.ppid == started.ppid || at.saturating_sub(before.when.event.nanos) <= PID_STABLE_NS;
        // The number of a process that ended may be given to one of another login; sudo and su keep the login.
        let login = |event: &Event| event.who.login.as_ref().map(|login| (login.auid, login.ses));
        let near = near && (login(before) == login(event) || is_login(case, before, event)?);
        let same = near && !program.is_runtime() && !dead_before(case, before, started.pid, at)?;
        return Ok(same.then(|| Arc::clone(before)));
    }
    Ok(None)
}

/// Whether `before` belongs to another login's session than `event`, which began no session in between: a child keeps its parent's, a process its own.
fn other_login(case: &Case<'_>, before: &Event, event: &Event) -> Result<bool, Failed> {
    let kept = |event: &Event| event.who.login.as_ref().and_then(|login| Some((login.auid?, login.ses)));
    let differ = matches!((kept(before), kept(event)), (Some(one), Some(other)) if one != other);
    Ok(differ && !is_login(case, before, event)?)
}

/// Whether the process got its login between the two events: only a login program's does.
fn is_login(case: &Case<'_>, before: &Event, event: &Event) -> Result<bool, Failed> {
    let Some(login) = event.who.login.as_ref() else { return Ok(false) };
    let (Some(session), Some(auid)) = (login.ses, login.auid) else { return Ok(false) };
    let (since, until) = (before.when.event.nanos, event.when.event.nanos);
    let began = case.with_key(keys::login_session(event, session), since, until)?;
    Ok(began.iter().any(|began| began.how.pid == event.how.pid && facts::session_began(began) == Some((session, auid))))
}

/// A first process whose runtime's daemon says which exec, or which container, it is of.
fn named_by_daemon(case: &Case<'_>, event: &Arc<Event>, started: &Started<'_>) -> Result<Option<Found>, Failed> {
    let at = event.when.event.nanos;
    let near = 5_000_000_000;
    let told = case.with_key(keys::task(event, started.pid), at.saturating_sub(near), at.saturating_add(near))?;
    let told = told.iter().find(|told| matches!(told.what.action.as_str(), "started-exec" | "started-task"));
    let Some(told) = told else { return Ok(None) };
    let Some(container) = told.r#where.container_id.as_deref() else { return Ok(None) };
    let exec_id = told.how.exec_id.as_deref();
    let orders = match exec_id {
        Some(id) => runtime::exec_orders(case, container, id)?,
        None => runtime::orders(case, container, Order::Create)?,
    };
    for order in orders.iter().rev() {
        let Some(run) = facts::run(order) else { continue };
        let same_node = order.r#where.node == event.r#where.node;
        if run.exec_id != exec_id || !same_node || order.when.event.nanos > at {
            continue;
        }
        let rule = if exec_id.is_some() { &rules::EXEC_PROCESS } else { &rules::CONTAINER_PROCESS };
        let mut found = link(rule, Class::Proven, order, event);
        found.keys.push(key(
            "pid",
            told.how.pid.map_or_else(String::new, |pid| pid.to_string()),
            started.pid.to_string(),
        ));
        found.keys.push(key("container id", run.container, container));
        if let Some(id) = exec_id {
            found.keys.push(key("exec id", run.exec_id.unwrap_or(""), id));
        }
        found.support.push(told.id);
        parent_key(&mut found, order, started);
        return Ok(Some(Found::one(order, found)));
    }
    Ok(None)
}

fn parent_key(found: &mut Link, order: &Event, started: &Started<'_>) {
    let pid = order.how.pid.unwrap_or(0);
    if pid == started.ppid {
        found.keys.push(key("ppid", pid.to_string(), started.ppid.to_string()));
    }
}

/// A child of the runtime that is no stage of it.
fn of_first_process(
    case: &Case<'_>,
    event: &Arc<Event>,
    order: &Arc<Event>,
    started: &Started<'_>,
) -> Result<Found, Failed> {
    let delta = event.when.event.nanos.saturating_sub(order.when.event.nanos);
    let Some(run) = facts::run(order) else {
        return Ok(Found::none("its parent is the runtime, but not one that starts a process in a container"));
    };
    if delta > PROCESS_HORIZON_NS {
        return Ok(Found::none(format!(
            "the runtime that had its parent's number started {} s before",
            delta / 1_000_000_000
        )));
    }
    let (rule, from) = match run.order {
        Order::Exec => (&rules::EXEC_PROCESS, Arc::clone(order)),
        Order::Create => (&rules::CONTAINER_PROCESS, Arc::clone(order)),
        Order::Start => {
            let made = runtime::orders(case, run.container, Order::Create)?;
            (&rules::CONTAINER_PROCESS, made.first().cloned().unwrap_or_else(|| Arc::clone(order)))
        }
    };
    let mut found = link(rule, Class::Strong, &from, event);
    found.keys.push(key("ppid", order.how.pid.unwrap_or(0).to_string(), started.ppid.to_string()));
    if runtime::trust(case, order)? < Trust::Full {
        found.class = Class::Consistent;
        found.missing.push("the start of the shim or the daemon above the runtime, or the daemon's own events".into());
    }
    Ok(Found::one(&from, found))
}

/// A child of the shim: of a runtime that was gone already, or of `runtime start`.
fn of_reparented(
    case: &Case<'_>,
    event: &Arc<Event>,
    shim: &Arc<Event>,
    started: &Started<'_>,
) -> Result<Found, Failed> {
    let at = event.when.event.nanos;
    let since = at.saturating_sub(PROCESS_HORIZON_NS);
    let children = case.with_key(keys::child(event, started.ppid), since, at)?;
    let before = |other: &&Arc<Event>| order(other) < order(event);
    let mut open: Vec<&Arc<Event>> = Vec::new();
    for child in children.iter().filter(before) {
        if facts::run(child).is_some_and(|run| matches!(run.order, Order::Exec | Order::Start)) {
            open.push(child);
        }
    }
    let mut orders = Vec::new();
    for order in open {
        let Some(run) = facts::run(order) else { continue };
        let own = match run.order {
            Order::Exec => Exec::of(case, order)?.is_some_and(|exec| exec.first.process.is_some()),
            _ => case
                .with_key(keys::child(order, order.how.pid.unwrap_or(0)), order.when.event.nanos, at)?
                .iter()
                .any(|child| facts::started(child).is_some_and(|program| !program.is_runtime())),
        };
        if own {
            continue;
        }
        match run.order {
            Order::Exec => orders.push(Arc::clone(order)),
            _ => orders.extend(runtime::orders(case, run.container, Order::Create)?.first().cloned()),
        }
    }
    orders.sort_by_key(|order| order.id);
    orders.dedup_by_key(|order| order.id);
    let Some(first) = orders.first() else {
        return Ok(Found::none(format!(
            "a child of the shim ({}), and no order of the runtime is open for it",
            shim.id
        )));
    };
    let is_exec = facts::run(first).is_some_and(|run| run.order == Order::Exec);
    let rule = if is_exec { &rules::EXEC_PROCESS } else { &rules::CONTAINER_PROCESS };
    let class = if orders.len() == 1 { Class::Consistent } else { Class::Ambiguous };
    let mut found = link(rule, class, first, event);
    found.keys.push(key("ppid (the shim)", shim.how.pid.unwrap_or(0).to_string(), started.ppid.to_string()));
    found.missing.push("the daemon's events, which name the process".into());
    Ok(Found::one_of(orders, found))
}

/// The runtime's own process: an exec's session, a container's making.
fn of_runtime(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(run) = facts::run(event) else {
        let started = facts::started(event);
        let parent = started.map(|started| case.program(event, started.ppid)).transpose()?;
        return match parent.flatten() {
            Some(parent) => Ok(Found::one(&parent, plain(&parent, event))),
            None => Ok(Found::none("a stage of the runtime whose parent was not recorded")),
        };
    };
    if runtime::trust(case, event)? == Trust::Not {
        // Something that calls itself the runtime.
        let Some(parent) = case.program(event, event.how.ppid.unwrap_or(0))? else {
            return Ok(Found::none("it is not the runtime of the node, and its parent was not recorded"));
        };
        return Ok(Found::one(&parent, plain(&parent, event)));
    }
    match run.order {
        Order::Exec => of_exec(case, event),
        Order::Create | Order::Start => of_create(case, event, run.container),
    }
}

fn plain(parent: &Event, event: &Event) -> Link {
    let mut found = link(&rules::PROCESS_CHILD, Class::Strong, parent, event);
    let pid = |pid: Option<u32>| pid.map_or_else(String::new, |pid| pid.to_string());
    found.keys.push(key("ppid", pid(parent.how.pid), pid(event.how.ppid)));
    found
}

/// The runtime's create: the container, and who asked for it.
fn of_create(case: &Case<'_>, event: &Arc<Event>, id: &str) -> Result<Found, Failed> {
    let known = container::container(case, id)?;
    // The sandbox's own container is made before the daemon says so, as any container is: the making is one, whoever told first.
    let made = known.made.as_ref().or(known.sandbox.as_ref().filter(|_| known.names.container.is_none()));
    if let Some(made) = made {
        let mut found = link(&rules::CONTAINER_RUNTIME, Class::Proven, made, event);
        let told = made.r#where.container_id.as_deref().unwrap_or("");
        found.keys.push(key("container id", told, id));
        if runtime::trust(case, event)? < Trust::Full {
            found.class = Class::Strong;
            found.missing.push("the start of the shim or the daemon above the runtime".into());
        }
        return Ok(Found::one(made, found));
    }
    let asked = container::asked(case, event, &known)?;
    if asked.requests.is_empty() {
        if let Some(found) = manifest::of_container(case, event, &known)? {
            return Ok(found);
        }
        if client::is_foreign(event) {
            return client::cause(case, event);
        }
    }
    Ok(of_asked(event, &known, &asked))
}

fn of_asked(event: &Event, known: &Container, asked: &container::Asked) -> Found {
    let Some(first) = asked.requests.iter().min_by_key(|request| request.id) else {
        let what = match &known.names.pod_uid {
            _ if known.contradicted => "who names the container disagrees".to_owned(),
            Some(uid) => format!(
                "the API request that made pod {uid}: a static pod, an older log, or a policy that does not record it"
            ),
            None => {
                "the pod of the container: containerd's log, the kubelet's, or pods/status at level Request names it"
                    .to_owned()
            }
        };
        return Found::none(what);
    };
    let class = if asked.requests.len() == 1 { Class::Proven } else { Class::Ambiguous };
    let mut found = link(&rules::REQUEST_CONTAINER, class, first, event);
    let names = &known.names;
    if let (Some(uid), Some(asked)) = (&names.pod_uid, &first.r#where.pod_uid) {
        found.keys.push(key("pod uid", asked.clone(), uid.clone()));
    }
    if asked.ephemeral {
        let name = names.container.clone().unwrap_or_default();
        found.keys.push(key("container name", name.clone(), name));
        if !found.keys.iter().any(|key| key.name == "pod uid") {
            found.class = found.class.max(Class::Strong);
            found.missing.push("the pod's uid on both sides".into());
        }
    }
    found.support = known.namers.clone();
    Found::one_of(asked.requests.clone(), found)
}

/// What containerd made: a container in its sandbox, a sandbox for its pod.
fn of_containerd(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(id) = event.r#where.container_id.as_deref() else { return Ok(Found::none("it names no container")) };
    match event.what.action.as_str() {
        "created-container" => {
            let known = container::container(case, id)?;
            let asked = container::asked(case, event, &known)?;
            if asked.ephemeral {
                return Ok(of_asked(event, &known, &asked));
            }
            let Some(sandbox) = &known.sandbox else {
                return Ok(Found::none("the making of its sandbox was not recorded"));
            };
            let mut found = link(&rules::SANDBOX_CONTAINER, Class::Proven, sandbox, event);
            let (made, inside) = (sandbox.r#where.container_id.as_deref(), facts::argument(event, "sandbox"));
            found.keys.push(key("sandbox id", made.unwrap_or(""), inside.unwrap_or("")));
            Ok(Found::one(sandbox, found))
        }
        "created-sandbox" => {
            let known = container::container(case, id)?;
            let asked = container::asked(case, event, &known)?;
            if asked.requests.is_empty()
                && let Some(found) = manifest::of_container(case, event, &known)?
            {
                return Ok(found);
            }
            Ok(of_asked(event, &known, &asked))
        }
        // The id is made before the runtime is called: that line is no effect of it, and supports the link to the session.
        "started-exec" | "exited" | "exec-exited" => {
            let Some(exec_id) = event.how.exec_id.as_deref() else { return Ok(Found::none("it is about no exec")) };
            let orders = runtime::exec_orders(case, id, exec_id)?;
            let Some(order) = orders.first() else {
                return Ok(Found::none("no execve of the runtime with this exec id was recorded"));
            };
            let mut found = link(&rules::EXEC_PROCESS, Class::Proven, order, event);
            found.keys.push(key("exec id", exec_id, exec_id));
            found.keys.push(key("container id", id, id));
            Ok(Found::one(order, found))
        }
        _ => Ok(Found::none("no rule leads further back from such a line")),
    }
}

fn of_exec(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some(contest) = session::contest(case, event)? else { return Ok(Found::none("it is no exec")) };
    let found = super::verdict::found(contest, event);
    if found.link.is_none() {
        let asked = client::cause(case, event)?;
        let missing = match asked.link {
            Some(_) => asked.missing.clone(),
            None => found.missing.iter().chain(&asked.missing).cloned().collect(),
        };
        return Ok(Found { missing, contest: found.contest, ..asked });
    }
    Ok(found)
}

/// The link of an API request's stages with one another: they are one event, since all of their identity agrees.
pub fn stages(event: &Event) -> Option<Link> {
    if event.source != Source::Kubernetes || event.how.stages.len() < 2 {
        return None;
    }
    let mut found = link(&rules::REQUEST_STAGES, Class::Proven, event, event);
    let mut both = |name, value: &Option<Str>| {
        if let Some(value) = value {
            found.keys.push(key(name, value.clone(), value.clone()));
        }
    };
    both("auditID", &event.how.audit_id);
    both("user", &event.who.name);
    both("verb", &event.how.verb);
    both("requestURI", &event.how.request_uri);
    let stages: Vec<&str> = event.how.stages.iter().map(|(stage, _)| stage.as_str()).collect();
    found.keys.push(key("stages", stages.join(" "), stages.join(" ")));
    let first = event.how.stages.first().map_or(0, |(_, at)| at.nanos);
    let last = event.how.stages.last().map_or(0, |(_, at)| at.nanos);
    found.delta_ms = last.saturating_sub(first) / 1_000_000;
    Some(found)
}

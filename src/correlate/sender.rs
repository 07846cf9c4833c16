//! The process that sent a request to the API server, as far as records of both sides are consistent with it: `client-request`.
//!
//! The API server records no port and no process; what a client calls itself and its arguments are its own word. So what is found here is a ground, told beside the
//! credential, and never more than CONSISTENT. Inside: the addresses of nodes, the processes that fit, the requests that a process may have sent.
//! Not here: what arguments say (`kubectl`).

use super::case::{Case, FOUND_MAX, Failed, order};
use super::clock::COARSE_NS;
use super::facts::{self, Started};
use super::keys::{self, MINUTE_NS};
use super::kubectl::{self, Fit};
use super::links::{Found, key, link};
use super::outline::Outline;
use super::rules::{CLIENT_REQUEST, REQUEST_HORIZON_NS, REQUEST_LONG_NS};
use crate::model::{Class, Event, Source, Str};
use std::net::IpAddr;
use std::sync::Arc;

/// Programs that take kubectl's arguments.
const KUBECTLS: &[&str] = &["kubectl", "oc"];
/// Programs that take URLs, and call themselves what they are told to.
const FETCHERS: &[&str] = &["curl", "wget"];
/// The tool that asks once.
const NEVER_LONG: &str = "curl";
/// What stands for every loopback address.
const LOOPBACK: &str = "loopback";
/// Nodes of one address, addresses of one node.
const PLACES_MAX: usize = 16;
/// Processes that fit whose ends are looked for; of more, nobody is named.
const FITTING_MAX: usize = 32;
/// Requests of other users that a process fits too, for which others are looked for; of more, it is open whose it was.
const OTHERS_MAX: usize = 32;
/// Connections of a process that are named with it.
const CONNECTS_MAX: usize = 4;
/// Clocks of two machines are taken to be within this of one another, ns.
const APART_NS: i64 = 2_000_000_000;
/// Before the name of a node, in that of its kubelet.
const KUBELET: &str = "system:node:";

/// The tool that a process is started as: by its file, or by the name that it gives itself.
pub fn tool(started: &Started<'_>) -> Option<&'static str> {
    let own = started.argv.first().map_or("", Str::as_str);
    [own, started.exe].iter().find_map(|path| {
        let name = path.rsplit('/').next().unwrap_or("");
        KUBECTLS.iter().chain(FETCHERS).copied().find(|tool| *tool == name)
    })
}

/// An address as it is compared: all of loopback is one.
pub fn place(address: &str) -> Option<String> {
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    Some(if address.is_loopback() { LOOPBACK.to_owned() } else { address.to_string() })
}

/// The node whose kubelet made a request, and where it came from.
pub fn kubelet_at(event: &Event) -> Option<(&str, String)> {
    let node = event.who.name.as_deref()?.strip_prefix(KUBELET).filter(|node| !node.is_empty())?;
    let is_own = event.source == Source::Kubernetes && event.who.r#as.is_none();
    Some((node, place(event.who.address.as_deref().filter(|_| is_own)?)?))
}

/// Where a request came from that somebody may have sent with a tool: no component of the cluster's.
pub fn sent_from(event: &Event) -> Option<String> {
    const COMPONENTS: [&str; 4] = [KUBELET, "system:kube-", "system:apiserver", "system:serviceaccount:kube-system:"];
    let name = event.who.name.as_deref().unwrap_or("");
    if event.source != Source::Kubernetes || COMPONENTS.iter().any(|component| name.starts_with(component)) {
        return None;
    }
    place(event.who.address.as_deref()?)
}

/// Whether the request may be what the process was started for, by what each says.
fn fits(process: &Event, request: &Event) -> Fit {
    let Some(started) = facts::started(process) else { return Fit::Not };
    let Some(tool) = tool(&started) else { return Fit::Not };
    if FETCHERS.contains(&tool) {
        return kubectl::fetches(started.argv, request);
    }
    let agent = kubectl::program(request.how.user_agent.as_deref().unwrap_or(""));
    match kubectl::command(started.argv) {
        Some(command) if agent == tool => command.fits(request),
        _ => Fit::Not,
    }
}

/// Whether a request came within the horizon of the process; `slack` is how far the clocks may be apart, ns.
fn in_time(process: &Event, request: &Event, slack: i64) -> bool {
    let age = request.when.event.nanos.saturating_sub(process.when.event.nanos);
    let within = |horizon: i64| age <= horizon.saturating_add(slack);
    // Arguments are read only where they decide.
    age >= slack.saturating_neg()
        && (within(REQUEST_HORIZON_NS) || (within(REQUEST_LONG_NS) && horizon(process) == REQUEST_LONG_NS))
}

/// How long after its start a process may send a request.
fn horizon(process: &Event) -> i64 {
    if is_long(process) { REQUEST_LONG_NS } else { REQUEST_HORIZON_NS }
}

/// Whether a process may go on, and ask, for long after its start.
pub fn is_long(process: &Event) -> bool {
    facts::started(process)
        .and_then(|started| kubectl::command(started.argv).filter(|_| tool(&started) != Some(NEVER_LONG)))
        .is_some_and(|command| command.is_long())
}

fn slack(place: &str) -> i64 {
    if place == LOOPBACK { 0 } else { APART_NS }
}

/// A process that fits, and how well.
type Fitting = (Arc<Event>, Fit);

/// The process that may have sent a request.
pub fn ground(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(from) = sent_from(event) else { return Ok(None) };
    let Some(fitting) = fitting(case, event, &from)? else { return Ok(None) };
    found(case, event, &from, fitting)
}

/// The processes that may have sent a request: those whose arguments name its object, where they decide, else all; `None` where not all were looked at.
fn fitting(case: &Case<'_>, event: &Event, from: &str) -> Result<Option<Vec<Fitting>>, Failed> {
    let nodes = case.endings(keys::node_at(event, from), PLACES_MAX)?;
    if nodes.len() >= PLACES_MAX {
        return Ok(None);
    }
    let (at, slack) = (event.when.event.nanos, slack(from));
    let agent = kubectl::program(event.how.user_agent.as_deref().unwrap_or(""));
    let mut fitting: Vec<Fitting> = Vec::new();
    for (node, _) in nodes.iter() {
        let own = KUBECTLS.iter().filter(|tool| **tool == agent);
        for tool in own.chain(FETCHERS) {
            let started = clients(case, event, node, tool, slack)?;
            if started.len() >= FOUND_MAX {
                return Ok(None);
            }
            for process in started.iter().filter(|process| in_time(process, event, slack)) {
                let fit = fits(process, event);
                if fit == Fit::Not {
                    continue;
                }
                if fitting.len() >= FITTING_MAX {
                    return Ok(None);
                }
                if !is_over(case, process, at, slack)? {
                    fitting.push((Arc::clone(process), fit));
                }
            }
        }
    }
    prefer(case, event, from, &mut fitting)?;
    Ok(Some(fitting))
}

/// The processes of a tool on a node that may have sent a request, by their age alone; as many as `FOUND_MAX`, or more: not all of them.
fn clients(case: &Case<'_>, event: &Event, node: &str, tool: &str, slack: i64) -> Result<Vec<Arc<Event>>, Failed> {
    let at = event.when.event.nanos;
    let near = at.saturating_sub(REQUEST_HORIZON_NS).saturating_sub(slack);
    let mut started = Vec::new();
    if tool != NEVER_LONG {
        let far = at.saturating_sub(REQUEST_LONG_NS).saturating_sub(slack);
        let long = |at| keys::long_client_of(event, node, tool, at);
        started = case.in_minutes(&long, far, near.saturating_sub(1))?;
    }
    let all = |at| keys::client_of(event, node, tool, at);
    started.extend(case.in_minutes(&all, near, at.saturating_add(slack))?);
    Ok(started)
}

/// A command that names the object goes before those that read it from a file, unless there is another such request for them to have sent.
fn prefer(case: &Case<'_>, event: &Event, from: &str, fitting: &mut Vec<Fitting>) -> Result<(), Failed> {
    let named: Vec<&Fitting> = fitting.iter().filter(|(_, fit)| *fit == Fit::Named).collect();
    let Some((first, _)) = named.first().filter(|_| named.len() < fitting.len()) else { return Ok(()) };
    let object = |event: &Event| {
        event.what.object.as_ref().map(|object| (object.kind.clone(), object.namespace.clone(), object.name.clone()))
    };
    let what = |event: &Event| (event.how.verb.clone(), object(event));
    let outline = Outline::of(event);
    let around = about(case, event, from, first, &|other| other.is_about(&outline))?;
    let again = around.found.iter().any(|other| other.id != event.id && what(other) == what(event));
    if !again && around.whole {
        fitting.retain(|(_, fit)| *fit == Fit::Named);
    }
    Ok(())
}

/// Whether another program was started under the process's number before the request came.
fn is_over(case: &Case<'_>, process: &Event, at: i64, slack: i64) -> Result<bool, Failed> {
    let Some(pid) = process.how.pid else { return Ok(true) };
    let until = at.saturating_sub(slack).saturating_sub(COARSE_NS);
    let later = case.latest(keys::process(process, pid), until, 1)?;
    Ok(later.first().is_some_and(|later| later.id != process.id && order(later) > order(process)))
}

fn found(
    case: &Case<'_>,
    event: &Arc<Event>,
    from: &str,
    fitting: Vec<(Arc<Event>, Fit)>,
) -> Result<Option<Found>, Failed> {
    let Some((first, fit)) = fitting.iter().min_by_key(|(process, _)| process.id) else { return Ok(None) };
    let (first, fit, several) = (Arc::clone(first), *fit, fitting.len() > 1);
    // One process has one user: it cannot have sent what several did.
    let shared = !several && others_fit(case, event, from, &first)?;
    // Whoever was not recorded at the time may have sent it as well.
    let (since, at) = (first.when.event.nanos, event.when.event.nanos);
    let whole = case.steady(&first, since, at)? && case.covers(Source::Linux, since, at)?;
    let open = shared || !whole;
    let class = if several || open { Class::Ambiguous } else { Class::Consistent };
    let mut made = link(&CLIENT_REQUEST, class, &first, event);
    let text = |text: &Option<Str>| text.clone().unwrap_or_default();
    let started = facts::started(&first);
    let tool = started.and_then(|started| tool(&started)).unwrap_or("");
    if KUBECTLS.contains(&tool) {
        made.keys.push(key("program", tool, kubectl::program(&text(&event.how.user_agent))));
    }
    if fit == Fit::Named {
        let object = event.what.object.as_ref();
        let named = object.and_then(|object| object.name.clone().or_else(|| object.kind.clone())).unwrap_or_default();
        let uri = text(&event.how.request_uri);
        let by_url = FETCHERS.contains(&tool) || object.is_none();
        made.keys.push(if by_url { key("url", uri.clone(), uri) } else { key("arguments", named.clone(), named) });
    } else {
        made.missing.push("the object in the arguments: a file, a selector or the configuration names it".into());
    }
    made.keys.push(key("address", from, from));
    if let Some(pid) = first.how.pid.filter(|_| !several) {
        let (since, until) = (first.when.event.nanos, event.when.event.nanos.saturating_add(slack(from)));
        let connects = case.with_key(keys::connects_of(&first, pid), since, until)?;
        made.support.extend(connects.iter().take(CONNECTS_MAX).map(|connect| connect.id));
    }
    made.missing.push(
        "the port of the connection: the API server does not record it; the client's name and its arguments are its own word".into(),
    );
    if !whole {
        made.missing
            .push("what was recorded until then: audit rules were changed, records were lost, or end before".into());
    }
    if shared {
        made.missing.push("whose request it was: those of several users fit this one process".into());
    }
    let mut found = Found::one_of(fitting.into_iter().map(|(process, _)| process).collect(), made);
    found.open = open;
    Ok(Some(found))
}

/// Whether requests of another user can have been sent by this process alone as well; also where there are too many to say.
fn others_fit(case: &Case<'_>, event: &Event, from: &str, process: &Event) -> Result<bool, Failed> {
    let (outline, may) = (Outline::of(event), asks(process));
    let mut others = about(case, event, from, process, &|other| other.is_of_another(&outline) && may(other))?;
    let is_other = |other: &Event| Outline::of(other).is_of_another(&outline) && fits(process, other) != Fit::Not;
    others.found.retain(|other| is_other(other));
    if !others.whole || others.found.len() > OTHERS_MAX {
        return Ok(true);
    }
    for other in &others.found {
        let all = fitting(case, other, from)?;
        if all.is_none_or(|all| matches!(all.as_slice(), [(only, _)] if only.id == process.id)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a request may be what the process was started for, as far as its outline tells: never no where [`fits`] says yes.
fn asks(process: &Event) -> impl Fn(&Outline<'_>) -> bool {
    let started = facts::started(process);
    let tool = started.as_ref().and_then(tool).unwrap_or("");
    let argv = started.map(|started| started.argv).unwrap_or_default();
    let command = kubectl::command(argv);
    move |outline| {
        if FETCHERS.contains(&tool) {
            return kubectl::may_be_called(argv, outline.program());
        }
        outline.program() == tool && command.as_ref().is_some_and(|command| command.asks(outline) != Fit::Not)
    }
}

/// Requests, and whether they are all.
#[derive(Default)]
struct Requests {
    found: Vec<Arc<Event>>,
    whole: bool,
}

/// The requests from an address while a process may have sent them, of those whose outline may be wanted: the others are not read.
fn about(
    case: &Case<'_>,
    event: &Event,
    from: &str,
    process: &Event,
    wanted: &dyn Fn(&Outline<'_>) -> bool,
) -> Result<Requests, Failed> {
    let (slack, start) = (slack(from), process.when.event.nanos);
    let (since, until) = (start.saturating_sub(slack), start.saturating_add(horizon(process)).saturating_add(slack));
    let mut requests = Requests::default();
    for minute in since.div_euclid(MINUTE_NS)..=until.div_euclid(MINUTE_NS) {
        let at = minute.saturating_mul(MINUTE_NS);
        let prefix = keys::sent_from(event, from, at);
        let outlines = case.endings(prefix.clone(), FOUND_MAX)?;
        let mut cut = outlines.len() >= FOUND_MAX;
        for (ending, _) in outlines.iter().filter(|(ending, _)| Outline::parse(ending).is_none_or(|one| wanted(&one))) {
            let all = case.with_key(format!("{prefix}{ending}"), at, at.saturating_add(MINUTE_NS - 1))?;
            cut |= all.len() >= FOUND_MAX;
            requests.found.extend(all.iter().filter(|request| in_time(process, request, slack)).cloned());
        }
        // What was not looked at is none the fewer.
        if cut || requests.found.len() >= FOUND_MAX {
            return Ok(requests);
        }
    }
    requests.found.sort_by_key(|request| order(request));
    requests.whole = true;
    Ok(requests)
}

/// The requests that a process may have sent.
pub fn sent(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(node) = event.r#where.node.as_deref() else { return Ok(()) };
    if facts::started(event).and_then(|started| tool(&started)).is_none() {
        return Ok(());
    }
    for (place, _) in case.endings(keys::places_of(event, node), PLACES_MAX)?.iter() {
        let requests = about(case, event, place, event, &asks(event))?;
        into.extend(requests.found.into_iter().filter(|request| fits(event, request) != Fit::Not));
    }
    Ok(())
}

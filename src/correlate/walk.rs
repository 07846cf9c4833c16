//! Causes, followed back until a credential, a login, or an unknown that is stated as such.
//!
//! Not here: a single step (`links`), the other direction (`effects`).

use super::case::{Case, FOUND_MAX, Failed};
use super::clock::APART_NS;
use super::container;
use super::credential;
use super::facts::{self, Names, SessionKind};
use super::grounds::{self, Ground};
use super::keys;
use super::links::{self, Found};
use super::owner;
use super::review;
use super::rules::{CLIENT_RUNTIME, CONTAINER_PROCESS, SESSION_HORIZON_NS, UNATTRIBUTED_EXEC};
use super::runtime;
use super::verdict::is_probe;
use super::within::{self, Within};
use crate::model::{CANDIDATES_MAX, Class, Event, EventId, Finding, Link, Source, Str};
use std::sync::Arc;

/// What an answer says of its candidates where they may not be all.
const NONE_OF_THEM: &str = "it may be none of them";
/// Steps that are followed.
const STEPS_MAX: usize = 64;
/// Execs in a container that are looked at for whose orphan a process may be; beyond that, the persons of its sessions.
const ORPHANS_MAX: usize = 16;

/// An event of a chain, and how it is linked to its cause, the next one.
#[derive(Debug, Clone)]
pub struct Step {
    /// The event.
    pub event: Arc<Event>,
    /// Its link to the next; the last has none.
    pub link: Option<Link>,
}

/// What sort of end a chain has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// A request that the API server authenticated.
    Credential,
    /// A login that the kernel kept.
    Login,
    /// It cannot be said.
    Unknown,
    /// One of several.
    Ambiguous,
}

impl RootKind {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            RootKind::Credential => "credential",
            RootKind::Login => "login",
            RootKind::Unknown => "unknown",
            RootKind::Ambiguous => "ambiguous",
        }
    }
}

/// Somebody who may have done it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The name that the API server authenticated.
    pub name: Str,
    /// The name acted as.
    pub r#as: Option<Str>,
    /// The request.
    pub event: EventId,
}

/// The end of a chain.
#[derive(Debug, Clone)]
pub struct Root {
    /// What sort of end it is.
    pub kind: RootKind,
    /// Who, where that can be said.
    pub name: Option<Str>,
    /// The name acted as.
    pub r#as: Option<Str>,
    /// The weakest class on the way; `None` where nobody is named.
    pub class: Option<Class>,
    /// Who it may have been, when it is one of several.
    pub candidates: Vec<Candidate>,
    /// What would have told more.
    pub missing: Vec<Str>,
}

/// An event's causes.
#[derive(Debug, Clone)]
pub struct Why {
    /// Effect first, cause last.
    pub chain: Vec<Step>,
    /// The end of it.
    pub root: Root,
    /// Absences met on the way.
    pub findings: Vec<Finding>,
    /// The container that the process of the event was started in.
    pub within: Option<Within>,
    /// What its events rest on besides their causes.
    pub grounds: Vec<Ground>,
}

/// Follows the causes of an event, and finds the container that it happened in.
pub fn why(case: &Case<'_>, event: &Arc<Event>) -> Result<Why, Failed> {
    let mut why = causes(case, event)?;
    why.within = within::within(case, &why.chain)?;
    why.grounds = grounds::of_chain(case, &why.chain)?;
    Ok(why)
}

fn causes(case: &Case<'_>, event: &Arc<Event>) -> Result<Why, Failed> {
    causes_from(case, event, None)
}

/// The chain of an event whose own cause, or ground, is known already.
pub fn follow(case: &Case<'_>, event: &Arc<Event>, first: Found) -> Result<(Vec<Step>, Root), Failed> {
    let why = causes_from(case, event, Some(first))?;
    Ok((why.chain, why.root))
}

fn causes_from(case: &Case<'_>, event: &Arc<Event>, first: Option<Found>) -> Result<Why, Failed> {
    let root = unknown(Vec::new());
    let mut why = Why { chain: Vec::new(), root, findings: Vec::new(), within: None, grounds: Vec::new() };
    let mut missing: Vec<Str> = Vec::new();
    let mut weakest = Class::Proven;
    let mut here = Arc::clone(event);
    let mut first = first;
    // A ground's chain is no chain of the event itself: its own login does not end it.
    let is_ground = first.is_some();
    for _ in 0..STEPS_MAX {
        let found = match first.take() {
            Some(found) => found,
            None => links::cause(case, &here)?,
        };
        for reason in found.missing.iter().filter(|_| found.link.is_some()) {
            if !missing.contains(reason) {
                missing.push(reason.clone());
            }
        }
        why.findings.extend(unattributed(case, &here, &found)?);
        why.findings.extend(super::reuse::reused(case, &here)?);
        let (Some(link), Some(cause)) = (found.link.clone(), found.cause.clone()) else {
            why.chain.push(Step { event: Arc::clone(&here), link: None });
            why.root = end(&why.chain, usize::from(is_ground), &found, weakest);
            for reason in missing {
                if !why.root.missing.contains(&reason) {
                    why.root.missing.push(reason);
                }
            }
            asked_kubelet(case, &mut why)?;
            typed(case, event, &mut why)?;
            return Ok(why);
        };
        let class = link.class;
        why.chain.push(Step { event: Arc::clone(&here), link: Some(link) });
        if class == Class::Ambiguous {
            // A login that the kernel kept stands, whatever is doubtful of what came before it: a line of syslog, which anybody may forge.
            match login(&why.chain, usize::from(is_ground)) {
                Some(root) => {
                    why.root = root;
                    typed(case, event, &mut why)?;
                }
                None => why.root = one_of(case, &found, weakest, missing)?,
            }
            return Ok(why);
        }
        weakest = weakest.max(class);
        if why.chain.iter().any(|step| step.event.id == cause.id) {
            why.root = unknown(vec!["the chain leads back into itself".into()]);
            return Ok(why);
        }
        here = cause;
    }
    why.root = unknown(vec!["the chain has more steps than are followed".into()]);
    Ok(why)
}

/// A command that the kubelet ran and waited for: a probe, or whoever it had just asked the API server about.
fn asked_kubelet(case: &Case<'_>, why: &mut Why) -> Result<(), Failed> {
    let last = why.chain.last().map(|step| Arc::clone(&step.event));
    let Some(last) = last.filter(|last| last.what.action == "requested-exec-sync") else { return Ok(()) };
    for (name, _) in review::callers(case, &last, 0)? {
        let text = format!(
            "within 2 s of it the kubelet asked the API server whether {name} may use it directly, and was told yes: it may have been {name}, or a probe"
        );
        why.root.missing.push(text.into());
    }
    Ok(())
}

fn unknown(missing: Vec<Str>) -> Root {
    Root { kind: RootKind::Unknown, name: None, r#as: None, class: None, candidates: Vec::new(), missing }
}

/// The end of a chain, told of the steps from `first` on.
fn end(chain: &[Step], first: usize, found: &Found, weakest: Class) -> Root {
    if let Some(root) = login(chain, first) {
        return root;
    }
    let Some(Step { event: last, .. }) = chain.last() else { return unknown(found.missing.clone()) };
    let is_own = chain.len() == 1;
    match (last.source, &last.who.name) {
        (Source::Kubernetes, Some(name)) => {
            if owner::on_behalf(last) || credential::on_behalf(last) {
                return unknown(found.missing.clone());
            }
            let for_file = facts::mirrored_by(last).is_some();
            if for_file {
                return unknown(found.missing.clone());
            }
            if name.starts_with("system:node:") && !is_own {
                return unknown(vec![format!("{name} acted on its own, or for a manifest on the node").into()]);
            }
            let root = unknown(Vec::new());
            Root {
                kind: RootKind::Credential,
                name: Some(name.clone()),
                r#as: last.who.r#as.clone(),
                class: Some(weakest),
                ..root
            }
        }
        (Source::Containerd, _) if last.what.action == "requested-exec-sync" => unknown(vec![
            "a person: the kubelet asked for this command itself (a probe or a hook), or was asked at its own port"
                .into(),
        ]),
        _ => unknown(found.missing.clone()),
    }
}

/// The login that the kernel kept for the nearest of the steps that has one: what happened before it, a session of that login did.
fn login(chain: &[Step], first: usize) -> Option<Root> {
    let mut class = Class::Proven;
    for (number, step) in chain.iter().enumerate() {
        let login = step.event.who.login.as_ref().filter(|login| login.auid.is_some() && number >= first);
        if let (Source::Linux, Some(login)) = (step.event.source, login) {
            let auid = login.auid.map(|auid| format!("auid {auid}").into());
            let root = unknown(Vec::new());
            return Some(Root { kind: RootKind::Login, name: login.name.clone().or(auid), class: Some(class), ..root });
        }
        class = class.max(step.link.as_ref()?.class);
    }
    None
}

/// The end of a chain that leads to several causes.
fn one_of(case: &Case<'_>, found: &Found, weakest: Class, mut missing: Vec<Str>) -> Result<Root, Failed> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut open = found.contest.as_ref().is_some_and(|contest| contest.solved.or_none || contest.limited);
    let mut none = found.open || found.contest.as_ref().is_some_and(|contest| contest.solved.or_none);
    let mut kind = RootKind::Credential;
    let link = found.link.as_ref();
    open |= found.open || link.is_some_and(|link| link.candidate_count > CANDIDATES_MAX);
    for cause in found.causes.iter().take(CANDIDATES_MAX) {
        // Controllers and nodes act for somebody; all others act for themselves.
        let person = cause.who.name.as_ref().filter(|name| !name.starts_with("system:"));
        if let (Source::Kubernetes, Some(name)) = (cause.source, person) {
            candidates.push(Candidate { name: name.clone(), r#as: cause.who.r#as.clone(), event: cause.id });
            continue;
        }
        let root = causes(case, cause)?.root;
        open |= matches!(root.kind, RootKind::Unknown | RootKind::Ambiguous);
        none |= root.kind == RootKind::Unknown || root.missing.iter().any(|reason| reason == NONE_OF_THEM);
        if root.kind == RootKind::Login {
            kind = RootKind::Login;
        }
        match root.name {
            Some(name) => candidates.push(Candidate { name, r#as: root.r#as, event: cause.id }),
            None => candidates.extend(root.candidates),
        }
    }
    candidates.sort_by(|one, other| (&one.name, one.event).cmp(&(&other.name, other.event)));
    candidates.dedup();
    if candidates.len().max(found.causes.len()) > CANDIDATES_MAX {
        missing.push(format!("more candidates than the {CANDIDATES_MAX} that are listed").into());
    }
    candidates.truncate(CANDIDATES_MAX);
    if none {
        missing.push(NONE_OF_THEM.into());
    }
    if candidates.is_empty() {
        return Ok(unknown(missing));
    }
    let person = |one: &Candidate| (one.name.clone(), one.r#as.clone());
    let first = candidates.first().map(person);
    if !open && candidates.iter().all(|other| Some(person(other)) == first) {
        // Which of the sessions cannot be said, but all are one person's.
        let (name, r#as) = first.map_or((None, None), |(name, r#as)| (Some(name), r#as));
        missing.push("which of several acts of the same person".into());
        let class = Some(weakest.max(Class::Consistent));
        return Ok(Root { kind, name, r#as, class, candidates: Vec::new(), missing });
    }
    Ok(Root { kind: RootKind::Ambiguous, name: None, r#as: None, class: Some(Class::Ambiguous), candidates, missing })
}

/// A process that an interactive container started was typed by whoever was attached to it.
fn typed(case: &Case<'_>, event: &Arc<Event>, why: &mut Why) -> Result<(), Failed> {
    let init =
        why.chain.iter().position(|step| step.link.as_ref().is_some_and(|link| link.rule == CONTAINER_PROCESS.name));
    let below = init.is_some_and(|init| init > 0);
    let own_login = event.who.login.as_ref().is_some_and(|login| login.auid.is_some());
    if !below || own_login || !matches!(why.root.kind, RootKind::Credential | RootKind::Login) {
        return Ok(());
    }
    let order = init.and_then(|init| why.chain.get(init + 1)).map(|step| Arc::clone(&step.event));
    let Some(id) = order.as_deref().and_then(facts::run).map(|run| Str::from(run.container)) else { return Ok(()) };
    let names = container::container(case, &id)?.names;
    let at = event.when.event.nanos;
    let slack = 2_000_000_000;
    let mut others: Vec<Candidate> = Vec::new();
    // A container of no pod can only be attached to past the API server; and none before the request behind it, which the same clock tells.
    let behind = init.and_then(|init| why.chain.get(init + 1..)).unwrap_or_default();
    let asked = behind.iter().find(|step| step.event.source == Source::Kubernetes);
    let since = asked.map_or(i64::MIN, |step| step.event.when.event.nanos.saturating_sub(APART_NS));
    let attached = match (&names.namespace, &names.pod) {
        (Some(namespace), Some(pod)) => {
            let until = at.saturating_add(slack);
            let found = case.with_key(keys::attached(event, namespace, pod), since, until)?;
            match found.len() {
                0..FOUND_MAX => found,
                _ => case.latest(keys::attached(event, namespace, pod), until, FOUND_MAX)?,
            }
        }
        _ => std::rc::Rc::default(),
    };
    for opened in attached.iter() {
        let Some(session) = facts::session(opened) else { continue };
        let here = session.container.is_none_or(|asked| names.container.as_deref() == Some(asked));
        let then = session.end.is_none_or(|end| end.saturating_add(slack) >= at);
        if session.kind != SessionKind::Attach || session.stdin == Some(false) || !here || !then {
            continue;
        }
        let Some(name) = opened.who.name.clone() else { continue };
        let same = why.root.name.as_ref() == Some(&name) && why.root.r#as == opened.who.r#as;
        if !same {
            others.push(Candidate { name, r#as: opened.who.r#as.clone(), event: opened.id });
        }
    }
    let attached = !others.is_empty();
    let child =
        init.and_then(|init| why.chain.get(init - 1)).map_or_else(|| Arc::clone(event), |step| Arc::clone(&step.event));
    let orphan = orphan_of(case, &child, &id, &names)?;
    let root = &why.root;
    others.extend(orphan.of.into_iter().filter(|one| root.name.as_ref() != Some(&one.name) || root.r#as != one.r#as));
    others.dedup();
    if orphan.unexplained {
        why.root.class = why.root.class.map(|class| class.max(Class::Consistent));
        why.root.missing.push(
            "what made some of the execs in this container before: containerd's log at level debug names probes".into(),
        );
    }
    if others.is_empty() && !orphan.open {
        return Ok(());
    }
    let maker = why.chain.last().map(|step| step.event.id);
    if let (Some(name), Some(maker)) = (why.root.name.take(), maker) {
        others.push(Candidate { name, r#as: why.root.r#as.take(), event: maker });
    }
    others.sort_by(|one, other| (&one.name, one.event).cmp(&(&other.name, other.event)));
    others.truncate(CANDIDATES_MAX);
    why.root.kind = RootKind::Ambiguous;
    why.root.class = Some(Class::Ambiguous);
    why.root.candidates = others;
    if attached {
        why.root.missing.push("who typed it: somebody else was attached to the container".into());
    }
    if orphan.open {
        why.root.missing.push(NONE_OF_THEM.into());
    }
    if !attached {
        let text = "its first parent: a process whose parent is gone is given to the container's first process, and there were execs in this container before";
        why.root.missing.push(text.into());
    }
    Ok(())
}

/// Whose orphan the child of a container's first process may be.
#[derive(Debug, Default)]
struct Orphan {
    of: Vec<Candidate>,
    /// Also of somebody whom no record names.
    open: bool,
    /// There were execs of the CRI with nothing behind them: probes, as far as the records go.
    unexplained: bool,
}

/// Whose execs began in a container before a child of its first process did.
fn orphan_of(case: &Case<'_>, child: &Event, id: &str, names: &Names) -> Result<Orphan, Failed> {
    let at = child.when.event.nanos;
    let mut orphan = Orphan::default();
    let latest = case.latest(keys::exec_in(id), at, ORPHANS_MAX + 1)?;
    let foreign = case.latest(keys::foreign_exec_in(id), at, ORPHANS_MAX + 1)?;
    orphan.open |= foreign.len() > ORPHANS_MAX;
    if latest.len() > ORPHANS_MAX {
        orphan.sessions(case, child, id, names)?;
    }
    for order in latest.iter().take(ORPHANS_MAX).chain(foreign.iter().take(ORPHANS_MAX)) {
        if !runtime::ordered(case, order, id)? {
            continue;
        }
        let why = causes(case, order)?;
        let probe = why.chain.last().is_some_and(|step| step.event.what.action == "requested-exec-sync");
        let of_cri = !super::client::is_foreign(order);
        match why.root.kind {
            RootKind::Unknown if of_cri => orphan.unexplained |= !probe,
            RootKind::Unknown => orphan.open = true,
            _ => {
                let root = why.root;
                orphan.add(root.name.map(|name| Candidate { name, r#as: root.r#as, event: order.id }));
                root.candidates.into_iter().for_each(|candidate| orphan.add(Some(candidate)));
            }
        }
    }
    Ok(orphan)
}

impl Orphan {
    fn add(&mut self, candidate: Option<Candidate>) {
        let Some(candidate) = candidate else { return };
        let same = |other: &Candidate| other.name == candidate.name && other.r#as == candidate.r#as;
        if !self.of.iter().any(same) {
            self.of.push(candidate);
        }
    }

    /// Everybody who had a session in the container: there were more execs than are looked at, most of them probes.
    fn sessions(&mut self, case: &Case<'_>, child: &Event, id: &str, names: &Names) -> Result<(), Failed> {
        let (Some(namespace), Some(pod)) = (&names.namespace, &names.pod) else {
            self.open = true;
            return Ok(());
        };
        self.unexplained = true;
        let until = child.when.event.nanos.saturating_add(APART_NS);
        // A pod of that name may have been there before; sessions in this container are not older than its first exec.
        let first = case.first(keys::exec_in(id))?.iter().map(|exec| exec.when.event.nanos).min().unwrap_or(until);
        let since = first.saturating_sub(SESSION_HORIZON_NS).saturating_sub(APART_NS);
        let sessions = case.with_key(keys::session(child, namespace, pod), since, until)?;
        self.open |= sessions.len() >= FOUND_MAX;
        for opened in sessions.iter() {
            let Some(session) = facts::session(opened).filter(|session| session.kind == SessionKind::Exec) else {
                continue;
            };
            let here =
                session.container.is_none_or(|asked| names.container.as_deref().is_none_or(|name| name == asked));
            match &opened.who.name {
                _ if !here => {}
                Some(name) => {
                    self.add(Some(Candidate { name: name.clone(), r#as: opened.who.r#as.clone(), event: opened.id }))
                }
                None => self.open = true,
            }
        }
        Ok(())
    }
}

/// The finding that an exec has no session behind it, once what was recorded of the API goes beyond its horizon.
pub fn unattributed(case: &Case<'_>, event: &Arc<Event>, found: &Found) -> Result<Option<Finding>, Failed> {
    let Some(contest) = &found.contest else { return Ok(None) };
    // Where nobody names the pod, no session was looked for; where records are known to be lost, one may be among them.
    // Somebody on the node who went past the API server is behind it, whoever that is.
    let past = found.link.as_ref().is_some_and(|link| link.rule == CLIENT_RUNTIME.name);
    if (found.link.is_some() && !past)
        || is_probe(found)
        || contest.container.names.pod.is_none()
        || contest.limited
        || !contest.covered
    {
        return Ok(None);
    }
    let horizon = contest.exec.start.saturating_add(contest.offset.high).saturating_add(SESSION_HORIZON_NS);
    let Some((first, last)) = case.span(Source::Kubernetes)? else { return Ok(None) };
    if last < horizon || first > contest.exec.start.saturating_add(contest.offset.low) {
        return Ok(None);
    }
    let logged = contest.exec.told.named.is_some();
    let (severity, detail) = if !contest.exec.is_of_cri() {
        (
            "high",
            "its exec id is not of the CRI's form: a client of the runtime on the node started it, past the API server",
        )
    } else if logged {
        (
            "high",
            "the runtime was asked for it by the CRI, no probe and no session of the API server agrees with it: the kubelet was asked directly, or the API server's log lacks a session",
        )
    } else {
        (
            "medium",
            "no session of the API server agrees with it; a probe of the kubelet looks the same where containerd's log at level debug is missing",
        )
    };
    let mut finding = Finding { finding: UNATTRIBUTED_EXEC, severity, events: vec![event.id], detail: detail.into() };
    let callers = review::callers(case, event, review::REMEMBERED_NS)?;
    if let (true, false) = (contest.exec.is_of_cri(), callers.is_empty()) {
        let names: Vec<&str> = callers.iter().map(|(name, _)| name.as_str()).collect();
        let text = "the kubelet had asked the API server whether these may use it directly, and they may: the records are consistent with one of them";
        finding.detail = format!("{detail}; {text}: {}", names.join(", ")).into();
        finding.events.extend(callers.iter().map(|(_, id)| *id));
    }
    Ok(Some(finding))
}

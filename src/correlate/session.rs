//! Whose exec it was: API exec sessions on one side, the runtime's execs on the other.
//!
//! Keys first (container, arguments, terminal), starts second, ends third; what all of them leave open stays open. `docs/rules/session-exec.md` says what
//! that proves. Not here: the first process (`runtime`), the graph (`matching`).

use super::case::{Case, FOUND_MAX, Failed};
use super::clock::{self, COARSE_NS, Offset};
use super::container::{self, Container, PodAt};
use super::facts::{self, Order, Session, SessionKind};
use super::keys;
use super::matching::{Edge, Solved, part, solve};
use super::rules::SESSION_HORIZON_NS;
use super::runtime::{self, First, Told, Trust};
use crate::model::{Event, Source, Str};
use std::rc::Rc;
use std::sync::Arc;

/// How far around an exec its competitors are looked for; twice as far until none is left out, ns.
const AROUND_NS: i64 = 2 * SESSION_HORIZON_NS;
/// The farthest that is looked, ns.
const AROUND_MAX_NS: i64 = 16 * AROUND_NS;
/// The runtime logs a request before it starts an exec, up to this much later by its own clock, ns.
const REQUEST_SLACK_NS: i64 = 50_000_000;

/// The runtime's exec in a container, and what is known of it.
#[derive(Debug)]
pub struct Exec {
    /// The runtime's start.
    pub event: Arc<Event>,
    /// When, by the kernel's clock, ns.
    pub start: i64,
    /// When its first process ended, as the daemon says, ns.
    pub end: Option<i64>,
    /// Container id.
    pub container: Str,
    /// Exec id.
    pub id: Option<Str>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it was really the runtime.
    pub trust: Trust,
    /// What the daemon says of it.
    pub told: Told,
    /// Its first process.
    pub first: First,
}

impl Exec {
    /// Reads what is known of the runtime's exec `event`; `None` when it is none.
    pub fn of(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Rc<Exec>>, Failed> {
        if let Some(known) = case.execs.borrow().get(&event.id) {
            return Ok(Some(Rc::clone(known)));
        }
        let Some(run) = facts::run(event).filter(|run| run.order == Order::Exec) else { return Ok(None) };
        let mut trust = runtime::trust(case, event)?;
        let told = match run.exec_id {
            Some(id) => runtime::told(case, event, run.container, id)?,
            None => Told::default(),
        };
        let first = runtime::first_process(case, event, &told)?;
        // The daemon's own word: an exec of this id, in this container, with a process that the kernel says is this runtime's child.
        if trust == Trust::Unseen && (first.by_daemon || told.named.is_some()) {
            trust = Trust::Full;
        }
        let exec = Rc::new(Exec {
            start: event.when.event.nanos,
            end: told.exited.as_ref().map(|exited| exited.when.event.nanos),
            container: run.container.into(),
            id: run.exec_id.map(Str::from),
            tty: run.tty,
            trust,
            told,
            first,
            event: Arc::clone(event),
        });
        case.execs.borrow_mut().insert(event.id, Rc::clone(&exec));
        Ok(Some(exec))
    }

    /// The arguments of its first process, without what the exec webhook of the Security Profiles Operator puts before them.
    fn argv(&self) -> Option<&[Str]> {
        self.first.process.as_deref().and_then(facts::started).map(|started| started.argv)
    }

    /// Whether the CRI made it: other clients of the runtime choose the id themselves.
    pub fn is_of_cri(&self) -> bool {
        !super::client::is_foreign(&self.event)
    }

    /// Whether arguments and terminal are those of a session. A first process that was not recorded fits every command.
    pub fn fits(&self, session: &Session<'_>) -> bool {
        session.tty.is_none_or(|tty| tty == self.tty)
            && match (self.argv(), session.argv) {
                (Some(mine), Some(asked)) => {
                    let same = same_command(mine, asked);
                    same.is_some() && (same == Some("argv") || !self.is_of_another(session))
                }
                _ => true,
            }
    }

    /// Whether the uid that was put before its command is another than the session's.
    fn is_of_another(&self, session: &Session<'_>) -> bool {
        self.argv().and_then(facts::exec_uid).zip(session.uid).is_some_and(|(mine, asked)| mine != asked)
    }
}

/// How a process's arguments agree with a command: as they are, or behind the variable that an exec webhook puts before them.
pub fn same_command(process: &[Str], asked: &[Str]) -> Option<&'static str> {
    if process == asked {
        return Some("argv");
    }
    match process {
        [env, variable, rest @ ..]
            if env == "env" && variable.starts_with("SPO_EXEC_REQUEST_UID=") && rest == asked =>
        {
            Some("argv behind env SPO_EXEC_REQUEST_UID")
        }
        _ => None,
    }
}

/// All that competes around one exec.
#[derive(Debug)]
pub struct Contest {
    /// The exec that was asked about.
    pub exec: Rc<Exec>,
    /// Its container.
    pub container: Container,
    /// What it could be the effect of, in the end: API sessions, or commands that the kubelet asked for and waited for (probes).
    pub causes: Vec<Arc<Event>>,
    /// What the graph says; `causes` are those of it.
    pub solved: Solved,
    /// The clocks.
    pub offset: Offset,
    /// Whether both sources were recorded all the time.
    pub covered: bool,
    /// Whether some look-up met its limit.
    pub limited: bool,
    /// Whether the one cause and the exec have a uid in common that nothing else has.
    pub by_uid: bool,
}

/// Whether a session and an exec have the uid that a webhook gave the session's request, and no other session and no other process has it. The client may
/// write the same words into its own command: then they stand behind those of the webhook, or the uid is another session's as well.
fn by_uid(case: &Case<'_>, exec: &Exec, causes: &[Arc<Event>]) -> Result<bool, Failed> {
    let [cause] = causes else { return Ok(false) };
    let Some(session) = facts::session(cause) else { return Ok(false) };
    let (Some(uid), Some(asked), Some(process)) = (session.uid, session.argv, exec.first.process.as_deref()) else {
        return Ok(false);
    };
    let Some(started) = facts::started(process) else { return Ok(false) };
    let put_before = started.argv.get(2..) == Some(asked) && facts::exec_uid(started.argv) == Some(uid);
    if !put_before || !exec.first.by_parent {
        return Ok(false);
    }
    // Of two or more, one is another.
    let sessions = case.latest(keys::exec_uid(cause, uid), i64::MAX, 2)?;
    let processes = case.latest(keys::marked(&exec.event, uid), i64::MAX, 2)?;
    Ok(sessions.iter().all(|other| other.id == cause.id) && processes.iter().all(|other| other.id == process.id))
}

/// Finds what an exec could be the effect of.
pub fn contest(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Contest>, Failed> {
    let Some(exec) = Exec::of(case, event)? else { return Ok(None) };
    let container = container::container(case, &exec.container)?;
    let mut around = AROUND_NS;
    loop {
        let field = Field::gather(case, &exec, &container, around)?;
        let edges = field.edges();
        let asked = field.execs.iter().position(|other| other.event.id == exec.event.id);
        let touches = asked.is_some_and(|asked| field.touches_border(&edges, asked, exec.start, around));
        if touches && around < AROUND_MAX_NS {
            around = around.saturating_mul(2);
            continue;
        }
        let solved = match asked {
            Some(asked) => solve(field.causes.len(), field.execs.len(), &edges, asked),
            None => Solved { causes: Vec::new(), or_none: true, by_ends: false, whole: false, too_large: false },
        };
        let causes: Vec<Arc<Event>> =
            solved.causes.iter().filter_map(|number| field.causes.get(*number).cloned()).collect();
        let since = exec.start.saturating_sub(SESSION_HORIZON_NS);
        let until = exec.start.saturating_add(COARSE_NS);
        let covered = case.covers(
            Source::Kubernetes,
            since.saturating_add(field.offset.low),
            until.saturating_add(field.offset.high),
        )? && !case.lost(since, until)?;
        let limited = field.limited || touches || solved.too_large;
        let by_uid = by_uid(case, &exec, &causes)?;
        return Ok(Some(Contest { exec, container, causes, solved, offset: field.offset, covered, limited, by_uid }));
    }
}

/// Sessions and execs around a time, in one pod: those alone that an exec competes with.
struct Field {
    causes: Vec<Arc<Event>>,
    execs: Vec<Rc<Exec>>,
    /// The name of each exec's container.
    names: Vec<Option<Str>>,
    offset: Offset,
    limited: bool,
}

/// An order of the runtime for an exec that may compete.
struct Open {
    order: Arc<Event>,
    container: Str,
    /// Name of the container.
    name: Option<Str>,
    /// Whether it has a terminal; `None`: it is no order for this container.
    tty: Option<bool>,
}

impl Open {
    fn of(order: &Arc<Event>, container: &Str, name: Option<Str>) -> Open {
        let tty = facts::run(order).filter(|run| run.container == container).map(|run| run.tty);
        Open { order: Arc::clone(order), container: container.clone(), name, tty }
    }

    /// The exec, where the runtime and the CRI made it.
    fn exec(&self, case: &Case<'_>) -> Result<Option<Rc<Exec>>, Failed> {
        let exec = Exec::of(case, &self.order)?;
        Ok(exec.filter(|exec| exec.trust > Trust::Not && exec.is_of_cri() && exec.container == self.container))
    }
}

impl Field {
    fn gather(case: &Case<'_>, exec: &Rc<Exec>, container: &Container, around: i64) -> Result<Field, Failed> {
        let (since, until) = (exec.start.saturating_sub(around), exec.start.saturating_add(around));
        let mut limited = false;
        let names = &container.names;
        let pod = names.namespace.as_deref().zip(names.pod.as_deref()).filter(|_| !container.contradicted);
        let mut ids = vec![exec.container.clone()];
        let (mut sessions, mut served) = (Vec::new(), Rc::default());
        if let Some((namespace, pod)) = pod {
            let inside = PodAt { event: &exec.event, namespace, pod, since, until }.inside(case)?;
            ids.extend(inside.busy(case, since, until)?.iter().cloned());
            limited |= inside.limited;
            // Clocks may be apart: sessions are looked for wider than execs.
            let wide = around.max(clock::APART_NS);
            let (from, to) = (exec.start.saturating_sub(wide), exec.start.saturating_add(wide));
            let found = case.with_key(keys::session(&exec.event, namespace, pod), from, to)?;
            limited |= found.len() >= FOUND_MAX;
            let is_exec =
                |event: &&Arc<Event>| facts::session(event).is_some_and(|session| session.kind == SessionKind::Exec);
            sessions = found.iter().filter(is_exec).cloned().collect();
            served = case.with_key(keys::served(&exec.event, namespace, pod), from, to)?;
        }
        ids.sort();
        ids.dedup();
        let (mut open, mut causes) = (Vec::new(), Vec::new());
        for id in &ids {
            let found = case.with_key(keys::exec_in(id), since, until)?;
            let name = match () {
                () if found.is_empty() => None,
                () if *id == exec.container => names.container.clone(),
                () => container::container(case, id)?.names.container,
            };
            open.extend(found.iter().map(|order| Open::of(order, id, name.clone())));
            let asked = case.with_key(keys::request(id), since, until)?;
            causes.extend(asked.iter().filter(|event| event.what.action == "requested-exec-sync").cloned());
            limited |= found.len() >= FOUND_MAX || asked.len() >= FOUND_MAX;
        }
        let offset = clock::offset(case, &sessions, &served, || {
            let mut execs = Vec::new();
            for open in &open {
                execs.extend(open.exec(case)?);
            }
            Ok(execs)
        })?;
        let (from, to) = (since.saturating_add(offset.low), until.saturating_add(offset.high));
        let near = |session: &Arc<Event>| (from..=to).contains(&session.when.event.nanos);
        causes.extend(sessions.into_iter().filter(near));
        let mut field = Field { causes: Vec::new(), execs: Vec::new(), names: Vec::new(), offset, limited };
        field.compete(case, exec, open, causes)?;
        Ok(field)
    }

    /// From an exec to the causes that fit it, to the execs that fit those, until nothing new is found: what does not hang together with it decides nothing.
    fn compete(
        &mut self,
        case: &Case<'_>,
        asked: &Exec,
        mut open: Vec<Open>,
        mut causes: Vec<Arc<Event>>,
    ) -> Result<(), Failed> {
        let mut next: Vec<Open> = Vec::new();
        let asked = open.iter().position(|open| open.order.id == asked.event.id);
        next.extend(asked.map(|at| open.swap_remove(at)));
        while let Some(one) = next.pop() {
            let Some(exec) = one.exec(case)? else { continue };
            let fits = |cause: &Arc<Event>| self.link(cause, &exec, one.name.as_deref()).is_some();
            let (found, rest): (Vec<_>, Vec<_>) = causes.into_iter().partition(fits);
            causes = rest;
            for cause in &found {
                let session = facts::session(cause);
                let mut far = Vec::new();
                for other in open {
                    let near = self.may_compete(case, cause, session.as_ref(), &other)?;
                    if near { &mut next } else { &mut far }.push(other);
                }
                open = far;
            }
            self.causes.extend(found);
            self.execs.push(exec);
            self.names.push(one.name);
        }
        Ok(())
    }

    /// Whether a cause may fit an exec, as far as its order and the programs of the runtime's children tell: never no where [`Self::link`] says yes.
    fn may_compete(
        &self,
        case: &Case<'_>,
        cause: &Event,
        session: Option<&Session<'_>>,
        open: &Open,
    ) -> Result<bool, Failed> {
        let Some(has_tty) = open.tty else { return Ok(false) };
        let start = open.order.when.event.nanos;
        let may = match session {
            Some(session) => {
                session.tty.is_none_or(|tty| tty == has_tty)
                    && session.container.zip(open.name.as_deref()).is_none_or(|(asked, name)| asked == name)
                    && self.in_time(session, start)
            }
            None => {
                !has_tty
                    && cause.r#where.container_id.as_deref() == Some(open.container.as_str())
                    && start.saturating_add(REQUEST_SLACK_NS + COARSE_NS) >= cause.when.event.nanos
            }
        };
        if !may {
            return Ok(false);
        }
        let programs = runtime::programs(case, &open.order)?;
        let fits = |argv: &[Str]| match session {
            Some(session) => session.argv.is_none_or(|asked| same_command(argv, asked).is_some()),
            None => joined(argv) == facts::argument(cause, "command").unwrap_or(""),
        };
        let mut pids: Vec<u32> = programs.iter().filter_map(|program| program.how.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        // Nothing, or more than one process: which of them it was is for the whole look to say.
        Ok(pids.len() != 1 || programs.iter().filter_map(|program| facts::started(program)).any(|one| fits(one.argv)))
    }

    fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (cause, from) in self.causes.iter().enumerate() {
            for (effect, (exec, name)) in self.execs.iter().zip(&self.names).enumerate() {
                let ends_agree = self.link(from, exec, name.as_deref());
                edges.extend(ends_agree.map(|ends_agree| Edge { cause, effect, ends_agree }));
            }
        }
        edges
    }

    /// Whether something may have caused an exec; `Some(true)` when their ends agree too.
    fn link(&self, cause: &Event, exec: &Exec, name: Option<&str>) -> Option<bool> {
        match facts::session(cause) {
            Some(session) => self.edge(&session, exec, name),
            None => sync_edge(cause, exec).then_some(false),
        }
    }

    /// Whether an exec that began at `start` lies within a session, as far as its beginning tells.
    fn in_time(&self, session: &Session<'_>, start: i64) -> bool {
        self.offset.follows(session.start, start, SESSION_HORIZON_NS)
            && session.end.is_none_or(|end| self.offset.earliest(start) <= end)
    }

    fn edge(&self, session: &Session<'_>, exec: &Exec, name: Option<&str>) -> Option<bool> {
        if !exec.fits(session) || session.container.zip(name).is_some_and(|(asked, name)| asked != name) {
            return None;
        }
        if !self.in_time(session, exec.start) {
            return None;
        }
        Some(session.end.zip(exec.end).is_some_and(|(session, exec)| self.offset.ends_agree(session, exec)))
    }

    /// Whether the part of the graph that the exec lies in comes so near to the border of what was gathered that something beyond it may belong to it.
    fn touches_border(&self, edges: &[Edge], asked: usize, middle: i64, around: i64) -> bool {
        let safe = around.saturating_sub(SESSION_HORIZON_NS);
        let far = |exec: &Rc<Exec>| exec.start.abs_diff(middle) > safe.unsigned_abs();
        part(edges, asked).iter().any(|edge| self.execs.get(edge.effect).is_some_and(far))
    }
}

/// Whether a request for a command that is waited for (a probe) may have caused an exec: by the daemon's own clock.
fn sync_edge(request: &Event, exec: &Exec) -> bool {
    let here = request.r#where.container_id.as_deref() == Some(exec.container.as_str())
        && request.r#where.node == exec.event.r#where.node;
    let command = facts::argument(request, "command").unwrap_or("");
    let same = exec.argv().is_none_or(|argv| joined(argv) == command);
    let asked = request.when.event.nanos;
    // Where the daemon says when it named the exec, that is by the same clock.
    let start = exec.told.named.as_ref().map_or(exec.start, |named| named.when.event.nanos);
    let in_time = start.saturating_add(REQUEST_SLACK_NS) >= asked && start <= asked.saturating_add(SESSION_HORIZON_NS);
    here && same && in_time && !exec.tty
}

/// Arguments as Go prints a list of them.
pub fn joined(argv: &[Str]) -> String {
    argv.iter().map(Str::as_str).collect::<Vec<_>>().join(" ")
}

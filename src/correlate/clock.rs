//! How far the API server's clock is from a node's, as pairs of events show that belong together by their keys alone.
//!
//! Not here: the use of it (`session`).

use super::case::{Case, Failed};
use super::facts::{self, Order};
use super::keys;
use super::session::{Exec, Opened};
use crate::model::{Event, Source};
use std::sync::Arc;

/// Nothing is known: clocks are taken to be within this of one another, ns.
const UNKNOWN_NS: i64 = 2_000_000_000;
/// The kernel stamps records with a coarse clock: true time is up to this later, ns (250 ticks a second: 4 ms; 100: 10 ms).
pub const COARSE_NS: i64 = 10_000_000;
/// What is added on both sides where few pairs were found, ns.
const FEW_NS: i64 = 200_000_000;
/// Pairs that are few.
const FEW: usize = 3;
/// What is always added on both sides, ns.
const ALWAYS_NS: i64 = 2_000_000;
/// Containers whose making is looked at.
const CONTAINERS_MAX: usize = 8;

/// Bounds of (API server's clock − node's clock), ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// At least.
    pub low: i64,
    /// At most.
    pub high: i64,
    /// Pairs that it rests on; 0: assumed.
    pub pairs: usize,
}

#[derive(Debug, Default)]
struct Bounds {
    /// One pair each: at least, at most.
    both: Vec<(i64, i64)>,
    low: Vec<i64>,
    high: Vec<i64>,
}

impl Bounds {
    fn offset(&self) -> Offset {
        let lows = || self.both.iter().map(|(low, _)| *low).chain(self.low.iter().copied());
        let highs = || self.both.iter().map(|(_, high)| *high).chain(self.high.iter().copied());
        let pairs = self.both.len().max(self.low.len().min(self.high.len()));
        let (Some(low), Some(high)) = (lows().max(), highs().min()) else {
            return Offset { low: -UNKNOWN_NS, high: UNKNOWN_NS, pairs: 0 };
        };
        // Pairs that contradict one another (a clock was set in between, a pair was none): only the widest bounds are safe.
        let (low, high) =
            if low <= high { (low, high) } else { (lows().min().unwrap_or(low), highs().max().unwrap_or(high)) };
        let margin = if pairs < FEW { FEW_NS } else { ALWAYS_NS };
        Offset { low: low.saturating_sub(margin), high: high.saturating_add(margin), pairs }
    }
}

/// The offset between the API server and the node of `execs`, from sessions into one pod.
pub fn offset(case: &Case<'_>, sessions: &[Opened], execs: &[&Exec], served: &[Arc<Event>]) -> Result<Offset, Failed> {
    let mut bounds = Bounds::default();
    by_kubelet(sessions, served, &mut bounds);
    by_exec(sessions, execs, &mut bounds);
    by_container(case, execs, &mut bounds)?;
    Ok(bounds.offset())
}

/// The kubelet's side of a session lies within the API server's.
fn by_kubelet(sessions: &[Opened], served: &[Arc<Event>], bounds: &mut Bounds) {
    let agent = |event: &Event| event.how.user_agent.clone();
    for one in sessions {
        let Some(session) = facts::session(&one.event) else { continue };
        let same = |event: &Arc<Event>| {
            facts::session(event).is_some_and(|other| {
                other.kind == session.kind
                    && other.argv == session.argv
                    && other.tty == session.tty
                    && other.stdin == session.stdin
                    && agent(event) == agent(&one.event)
                    && session.container.is_none_or(|name| other.container == Some(name))
            })
        };
        let mut matching = served.iter().filter(|event| same(event));
        let (Some(only), None) = (matching.next(), matching.next()) else { continue };
        if sessions.iter().filter(|other| same(&other.event)).count() > 1 {
            continue;
        }
        let Some(node) = facts::session(only) else { continue };
        if let (Some(api_end), Some(node_end)) = (session.end, node.end) {
            let (low, high) = (session.start.saturating_sub(node.start), api_end.saturating_sub(node_end));
            if low <= high {
                bounds.both.push((low, high));
            }
        }
    }
}

/// A command that only one session and only one exec have: the exec lies within the session.
fn by_exec(sessions: &[Opened], execs: &[&Exec], bounds: &mut Bounds) {
    for one in sessions {
        let Some(session) = facts::session(&one.event) else { continue };
        if session.argv.is_none() {
            continue;
        }
        let like = |other: &Opened| {
            facts::session(&other.event).is_some_and(|other| {
                other.argv == session.argv && other.tty == session.tty && other.container == session.container
            })
        };
        if sessions.iter().filter(|other| like(other)).count() > 1 {
            continue;
        }
        let fits = |exec: &&&Exec| exec.fits(&session);
        let mut matching = execs.iter().filter(fits);
        let (Some(exec), None) = (matching.next(), matching.next()) else { continue };
        let low = session.start.saturating_sub(exec.start).saturating_sub(COARSE_NS);
        // Where the process lives on after its session, its end says nothing.
        let Some(high) = session.end.map(|end| end.saturating_sub(exec.start)) else { continue };
        if low <= high {
            bounds.both.push((low, high));
        }
    }
}

/// A container is made after its pod was asked for, and before the kubelet tells the API server its id.
fn by_container(case: &Case<'_>, execs: &[&Exec], bounds: &mut Bounds) -> Result<(), Failed> {
    let mut ids: Vec<&str> = execs.iter().map(|exec| exec.container.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids.into_iter().take(CONTAINERS_MAX) {
        let orders = super::runtime::orders(case, id, Order::Create)?;
        let Some(made) = orders.first().map(|event| event.when.event.nanos) else { continue };
        let told = case.all(keys::container(id))?;
        let mut told = told.iter().filter(|event| event.source == Source::Kubernetes);
        let Some(first) = told.next() else { continue };
        bounds.high.push(first.when.event.nanos.saturating_sub(made));
        if let Some(uid) = &first.r#where.pod_uid {
            for asked in case.all(keys::pod_uid(uid))?.iter().filter(|event| event.source == Source::Kubernetes) {
                bounds.low.push(asked.when.event.nanos.saturating_sub(made).saturating_sub(COARSE_NS));
            }
        }
    }
    Ok(())
}

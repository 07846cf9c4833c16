//! How far the API server's clock is from a node's, as pairs of events show that belong together by their keys alone.
//!
//! Not here: the use of it (`session`).

use super::case::{Case, Failed};
use super::facts::{self, Order, Session};
use super::keys;
use super::session::Exec;
use crate::model::{Event, Source};
use std::rc::Rc;
use std::sync::Arc;

/// Nothing is known: clocks are taken to be within this of one another, ns.
const UNKNOWN_NS: i64 = 2_000_000_000;
/// The kernel stamps records with a coarse clock: true time is up to this later, ns (250 ticks a second: 4 ms; 100: 10 ms).
pub const COARSE_NS: i64 = 10_000_000;
/// Clocks that are farther apart than this are not looked for: events of the other side are looked up so much wider, ns.
pub const APART_NS: i64 = 120_000_000_000;
/// An end on the node and the end of its session are as close as this; measured 4 to 10 ms, ns.
const ENDS_WITHIN_NS: i64 = 250_000_000;
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

impl Offset {
    /// The earliest moment, by the API server's clock, of what the node stamped.
    pub fn earliest(self, node: i64) -> i64 {
        node.saturating_add(self.low)
    }

    /// The latest such moment.
    fn latest(self, node: i64) -> i64 {
        node.saturating_add(self.high).saturating_add(COARSE_NS)
    }

    /// Whether what the node stamped may have come after what the API server stamped, within `horizon_ns`.
    pub fn follows(self, api: i64, node: i64, horizon_ns: i64) -> bool {
        self.latest(node) >= api && self.earliest(node) <= api.saturating_add(horizon_ns)
    }

    /// Whether a session ended when the node says that its process, or its stream, did.
    pub fn ends_agree(self, api: i64, node: i64) -> bool {
        api >= self.earliest(node).saturating_sub(COARSE_NS) && api <= self.latest(node).saturating_add(ENDS_WITHIN_NS)
    }

    /// Its bounds in µs, and its pairs.
    pub fn microseconds(self) -> (i64, i64, usize) {
        (self.low.div_euclid(1_000), self.high.saturating_add(999).div_euclid(1_000), self.pairs)
    }
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
        let unknown = Offset { low: -UNKNOWN_NS, high: UNKNOWN_NS, pairs: 0 };
        let all: Vec<(i64, i64)> = self
            .both
            .iter()
            .copied()
            .chain(self.low.iter().map(|low| (*low, i64::MAX)))
            .chain(self.high.iter().map(|high| (i64::MIN, *high)))
            .collect();
        let pairs = self.both.len().max(self.low.len().min(self.high.len()));
        let Some((low, high)) = agreed(&all) else { return unknown };
        if low == i64::MIN || high == i64::MAX {
            return unknown;
        }
        let margin = if pairs < FEW { FEW_NS } else { ALWAYS_NS };
        Offset { low: low.saturating_sub(margin), high: high.saturating_add(margin), pairs }
    }
}

/// What nearly all bounds have in common. Where they contradict one another more than that (a clock was set in between), only their widest is safe.
fn agreed(all: &[(i64, i64)]) -> Option<(i64, i64)> {
    let count = |at: i64| all.iter().filter(|(low, high)| (*low..=*high).contains(&at)).count();
    let best = all.iter().flat_map(|(low, high)| [*low, *high]).map(count).max()?;
    if best * 4 < all.len() * 3 {
        let finite = |value: &i64| *value != i64::MIN && *value != i64::MAX;
        let low = all.iter().map(|(low, _)| *low).filter(finite).min().unwrap_or(i64::MIN);
        let high = all.iter().map(|(_, high)| *high).filter(finite).max().unwrap_or(i64::MAX);
        return Some((low, high));
    }
    // Every place where so many agree, from the first to the last: there may be several.
    let low = all.iter().map(|(low, _)| *low).filter(|low| count(*low) == best).min()?;
    let high = all.iter().map(|(_, high)| *high).filter(|high| count(*high) == best).max()?;
    Some((low, high))
}

/// The offset between the API server and a node, from sessions into one pod; the execs in it are asked for where the kubelet's log does not tell. What
/// sessions alone tell is computed once: execs that are near one another have the same ones around them.
pub fn offset(
    case: &Case<'_>,
    sessions: &[Arc<Event>],
    served: &[Arc<Event>],
    execs: impl FnOnce() -> Result<Vec<Rc<Exec>>, Failed>,
) -> Result<Offset, Failed> {
    let ids = |events: &[Arc<Event>]| events.iter().map(|event| event.id).collect::<Vec<_>>();
    let of = (ids(sessions), ids(served));
    if let Some(known) = case.offsets.borrow().get(&of) {
        return Ok(*known);
    }
    let mut bounds = Bounds::default();
    by_kubelet(sessions, served, &mut bounds);
    if bounds.both.len() >= FEW {
        let offset = bounds.offset();
        case.offsets.borrow_mut().insert(of, offset);
        return Ok(offset);
    }
    let execs = execs()?;
    let execs: Vec<&Exec> = execs.iter().map(Rc::as_ref).collect();
    by_exec(sessions, &execs, &mut bounds);
    by_container(case, &execs, &mut bounds)?;
    Ok(bounds.offset())
}

/// The sessions that events are about, and the clients of them.
fn read(events: &[Arc<Event>]) -> Vec<(Session<'_>, Option<&str>)> {
    events.iter().filter_map(|event| Some((facts::session(event)?, event.how.user_agent.as_deref()))).collect()
}

/// The kubelet's side of a session lies within the API server's.
fn by_kubelet(sessions: &[Arc<Event>], served: &[Arc<Event>], bounds: &mut Bounds) {
    // Each is compared with each: they are read once.
    let (sessions, served) = (read(sessions), read(served));
    for (session, agent) in &sessions {
        let same = |(other, other_agent): &&(Session<'_>, Option<&str>)| {
            other.kind == session.kind
                && other.argv == session.argv
                && other.tty == session.tty
                && other.stdin == session.stdin
                && other_agent == agent
                && session.container.is_none_or(|name| other.container == Some(name))
        };
        let mut matching = served.iter().filter(same);
        let (Some((node, _)), None) = (matching.next(), matching.next()) else { continue };
        if sessions.iter().filter(same).count() > 1 {
            continue;
        }
        if let (Some(api_end), Some(node_end)) = (session.end, node.end) {
            let (low, high) = (session.start.saturating_sub(node.start), api_end.saturating_sub(node_end));
            if low <= high {
                bounds.both.push((low, high));
            }
        }
    }
}

/// A command that only one session and only one exec have: the exec lies within the session.
fn by_exec(sessions: &[Arc<Event>], execs: &[&Exec], bounds: &mut Bounds) {
    // What lies beyond the execs that were looked up has its exec there too.
    let (first, last) = (execs.iter().map(|exec| exec.start).min(), execs.iter().map(|exec| exec.start).max());
    let within = (first.unwrap_or(0).saturating_add(UNKNOWN_NS), last.unwrap_or(0).saturating_sub(UNKNOWN_NS));
    for one in sessions {
        let Some(session) = facts::session(one) else { continue };
        if session.argv.is_none() || session.start < within.0 || session.start > within.1 {
            continue;
        }
        let like = |other: &Arc<Event>| {
            facts::session(other).is_some_and(|other| {
                other.argv == session.argv && other.tty == session.tty && other.container == session.container
            })
        };
        if sessions.iter().filter(|other| like(other)).count() > 1 {
            continue;
        }
        let fits = |exec: &&&Exec| exec.first.process.is_some() && exec.fits(&session);
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
        let told = case.first(keys::container(id))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nearly_all_agree_on() {
        let check = |all: &[(i64, i64)], expected: Option<(i64, i64)>| assert_eq!(agreed(all), expected, "{all:?}");
        check(&[], None);
        check(&[(-5, 10)], Some((-5, 10)));
        check(&[(-5, 10), (0, 20), (-9, 3)], Some((0, 3)));
        // One of four is no pair.
        check(&[(-5, 10), (0, 20), (-9, 3), (500, 600)], Some((0, 3)));
        // Two and two: the clock was set.
        check(&[(-5, 10), (0, 20), (500, 600), (510, 530)], Some((-5, 600)));
        check(&[(0, i64::MAX), (i64::MIN, 7)], Some((0, 7)));
    }

    /// A session, as the API server and as the kubelet saw it, five apart.
    fn seen_by_both(number: u8) -> [Arc<Event>; 2] {
        [(Source::Kubernetes, "exec", 5), (Source::Kubelet, "http-exec", 0)].map(|(source, action, later)| {
            let mut event = crate::query::samples::bare(source);
            event.id.0 = [number; 16];
            let at = i64::from(number) * 1_000_000_000 + later;
            event.when.event.nanos = at;
            event.when.end = Some(crate::model::Moment { nanos: at + 1_000, digits: 9 });
            event.what.action = action.into();
            event.what.outcome = crate::model::Outcome::Success;
            event.what.object =
                Some(crate::model::Object { kind: Some("pods/exec".into()), ..crate::model::Object::default() });
            event.r#where.namespace = Some("lab".into());
            event.r#where.pod = Some("web".into());
            event.how.argv = vec![number.to_string().into()];
            event.how.request_uri = Some("/".into());
            Arc::new(event)
        })
    }

    #[test]
    fn sessions_that_tell_the_offset_are_compared_once() {
        let nothing = super::super::case::stub::Times::default();
        let case = Case::new(&nothing);
        let both: Vec<_> = (1..=4).map(seen_by_both).collect();
        let of = |numbers: std::ops::Range<usize>, execs_asked: bool| {
            let mut asked = false;
            let side = |at: usize| both[numbers.clone()].iter().map(|pair| Arc::clone(&pair[at])).collect::<Vec<_>>();
            let execs = || {
                asked = true;
                Ok(Vec::new())
            };
            let offset = offset(&case, &side(0), &side(1), execs).unwrap();
            assert_eq!(asked, execs_asked, "{numbers:?}");
            offset
        };
        let three = of(0..3, false);
        assert_eq!((three.low, three.high, three.pairs), (5 - ALWAYS_NS, 5 + ALWAYS_NS, 3));
        assert_eq!(case.offsets.borrow().len(), 1);
        // What is known is not computed again.
        let other = Offset { pairs: 77, ..three };
        case.offsets.borrow_mut().values_mut().for_each(|known| *known = other);
        assert_eq!(of(0..3, false), other);
        // Other sessions are other pairs, however many; few do not tell it alone.
        assert_eq!(of(1..4, false).pairs, 3);
        assert_eq!(of(0..4, false).pairs, 4);
        assert_eq!(of(0..2, true).pairs, 2);
        assert_eq!(of(0..2, true).pairs, 2);
    }
}

//! Two captures of one kernel's audit records, compared: what auditd wrote, and what the kernel's multicast group gave to everybody who listened.
//!
//! Whoever alters auditd's log, stops auditd, or has it write into a deleted file does not alter the other one. Events that only one of the two has, and records
//! that both have with different bytes, are findings. The captures are told apart by the form of their lines (`type=1300 len=324: audit(…` is a message as it
//! came from the kernel). Not here: a hole that both have (`gaps`), which records an event is made of (`normalise::linux`).

use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::{ONE_SIDED, RECORDS_DISAGREE};
use crate::index::Hit;
use crate::model::{EventId, Moment, RecordRef, Source};
use crate::query::answer::AnswerError;
use crate::query::engine::View;
use crate::query::link_json;
use crate::query::load::{self, Loaded};
use crate::time::rfc3339;
use deponent_parsers::linux::Record;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Records of a batch that are looked at to find out what it is of.
const LOOKED_AT: u32 = 64;
/// Events that one finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Events of one finding that are kept, named or not.
const KEPT_MAX: usize = 100_000;
/// Batches whose capture is remembered.
const KNOWN_MAX: usize = 1 << 20;

/// Cluster and node.
type Name = (String, String);

/// Who wrote a record down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Capture {
    Auditd,
    Multicast,
}

impl Capture {
    const ALL: [Capture; 2] = [Capture::Auditd, Capture::Multicast];

    fn name(self) -> &'static str {
        match self {
            Capture::Auditd => "auditd's log",
            Capture::Multicast => "the kernel's multicast group",
        }
    }

    fn other(self) -> Capture {
        match self {
            Capture::Auditd => Capture::Multicast,
            Capture::Multicast => Capture::Auditd,
        }
    }
}

/// Something of each capture.
#[derive(Debug, Default, PartialEq, Eq)]
struct Both<T> {
    auditd: T,
    multicast: T,
}

impl<T> Both<T> {
    fn of(&mut self, capture: Capture) -> &mut T {
        match capture {
            Capture::Auditd => &mut self.auditd,
            Capture::Multicast => &mut self.multicast,
        }
    }
}

/// Sends what the two captures of each node do not agree in; nothing where there is only one.
pub fn compare(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let selection = ask.select(ask.window, &[("source", Source::Linux.name())])?;
    let mut batches = Batches { view: ask.view, known: HashMap::new() };
    let mut nodes: BTreeMap<Name, Node> = BTreeMap::new();
    ask.in_order(&selection, &mut |hit| {
        let Some((name, has)) = batches.captures(hit)? else { return Ok(()) };
        let node = nodes.entry(name.clone()).or_default();
        node.event(ask.view, &name, hit, has, send)
    })?;
    nodes.iter_mut().try_for_each(|(name, node)| node.flush(name, true, send))
}

/// Which capture each batch is of, and of which node.
struct Batches<'v> {
    view: &'v View,
    known: HashMap<u64, Option<(String, String, Capture)>>,
}

impl Batches<'_> {
    /// The node of an event, and which captures have it: auditd's log, the multicast group.
    fn captures(&mut self, hit: &Hit) -> Result<Option<(Name, Both<bool>)>, AnswerError> {
        let mut name = None;
        let mut has = Both::default();
        for at in hit.places.iter() {
            let Some((cluster, node, capture)) = self.of(at.leaf)? else { continue };
            *has.of(*capture) = true;
            name.get_or_insert_with(|| (cluster.clone(), node.clone()));
        }
        Ok(name.map(|name| (name, has)))
    }

    fn of(&mut self, leaf: u64) -> Result<Option<&(String, String, Capture)>, AnswerError> {
        if !self.known.contains_key(&leaf) {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            let found = self.look(leaf)?;
            self.known.insert(leaf, found);
        }
        Ok(self.known.get(&leaf).and_then(Option::as_ref))
    }

    fn look(&self, leaf: u64) -> Result<Option<(String, String, Capture)>, AnswerError> {
        let entry = self.view.reader.entry(leaf)?;
        let header = &entry.header;
        for record in 0..header.records.min(LOOKED_AT) {
            let bytes = self.view.reader.record(RecordRef { leaf, record })?;
            if let Ok(parsed) = deponent_parsers::linux::header(&bytes) {
                let node =
                    parsed.node.map_or_else(|| header.node.clone(), |node| String::from_utf8_lossy(&node).into_owned());
                return Ok(Some((header.cluster.clone(), node, capture_of(&bytes))));
            }
        }
        Ok(None)
    }
}

/// `type=1300 len=324: audit(…` is as it came from the kernel; auditd names the type.
fn capture_of(record: &[u8]) -> Capture {
    let text = record.trim_ascii_start();
    let kind = text.strip_prefix(b"type=").unwrap_or_default();
    let digits = kind.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_message = digits > 0 && kind.get(digits..).is_some_and(|rest| rest.starts_with(b" len="));
    if is_message { Capture::Multicast } else { Capture::Auditd }
}

/// What one node's captures have shown so far.
#[derive(Default)]
struct Node {
    seen: Both<bool>,
    /// Events that only one capture has, since the other one was last seen: by which one lacks them.
    lacking: Both<Run>,
}

/// Events in a row that one capture lacks.
#[derive(Default)]
struct Run {
    count: u64,
    first: i64,
    last: i64,
    kept: Vec<EventId>,
}

impl Node {
    fn event(
        &mut self,
        view: &View,
        name: &Name,
        hit: &Hit,
        has: Both<bool>,
        send: &mut Send<'_>,
    ) -> Result<(), AnswerError> {
        if has.auditd && has.multicast {
            self.seen = has;
            if let Some(line) = disagreement(view, name, hit)? {
                send(line)?;
            }
            return self.flush(name, false, send);
        }
        let (has_it, lacks_it) =
            if has.auditd { (Capture::Auditd, Capture::Multicast) } else { (Capture::Multicast, Capture::Auditd) };
        if has_it == Capture::Auditd && is_of_daemon(view, hit)? {
            // auditd writes of itself what no kernel has seen.
            return Ok(());
        }
        *self.seen.of(has_it) = true;
        if !*self.seen.of(lacks_it) {
            // Before the other one began nothing can be missing of it.
            return Ok(());
        }
        let run = self.lacking.of(lacks_it);
        if run.count == 0 {
            run.first = hit.when;
        }
        (run.count, run.last) = (run.count + 1, hit.when);
        if run.kept.len() < KEPT_MAX {
            run.kept.push(hit.id);
        }
        Ok(())
    }

    /// Says what is lacking. `open`: the capture that lacks it was not seen again.
    fn flush(&mut self, name: &Name, open: bool, send: &mut Send<'_>) -> Result<(), AnswerError> {
        for lacks in Capture::ALL {
            let run = std::mem::take(self.lacking.of(lacks));
            if run.count > 0 {
                send(missing(name, lacks, &run, open))?;
            }
        }
        Ok(())
    }
}

fn missing((cluster, node): &Name, lacks: Capture, run: &Run, open: bool) -> Told {
    let time = |nanos: i64| rfc3339(Moment { nanos, digits: 3 });
    let more = if open { ", and it has none later: it may only be late" } else { "" };
    let named = run.kept.get(..NAMED_MAX).unwrap_or(&run.kept);
    let further = run.count.saturating_sub(u64::try_from(named.len()).unwrap_or(u64::MAX));
    let further = if further > 0 { format!("; {further} more are not named") } else { String::new() };
    let detail = format!(
        "{} lacks {} events that {} has, from {} to {}{more}{further}",
        lacks.name(),
        run.count,
        lacks.other().name(),
        time(run.first),
        time(run.last)
    );
    // What auditd's log lacks somebody may have taken out; a listener may simply not have kept up.
    let severity = if lacks == Capture::Auditd { "high" } else { "medium" };
    let line = json!({
        "finding": ONE_SIDED, "severity": severity, "cluster": cluster, "node": node, "lacking": run.count,
        "from": time(run.first), "to": time(run.last), "open": open, "events": shown(named), "detail": detail,
    });
    Told::of(line, &run.kept)
}

/// Whether an event is one that auditd wrote of itself.
fn is_of_daemon(view: &View, hit: &Hit) -> Result<bool, AnswerError> {
    let Some(at) = hit.places.iter().next() else { return Ok(false) };
    let bytes = view.reader.record(at)?;
    Ok(deponent_parsers::linux::header(&bytes).is_ok_and(|header| header.daemon))
}

/// What both captures have of an event, compared: the kernel's own bytes of each record.
fn disagreement(view: &View, name: &Name, hit: &Hit) -> Result<Option<Told>, AnswerError> {
    let loaded = load::records(&view.reader, &hit.places)?;
    let mut said: Both<Vec<(String, Vec<u8>)>> = Both::default();
    for Loaded { bytes, .. } in &loaded {
        let Ok(record) = Record::parse(bytes) else { continue };
        // The end of an event is nothing that auditd writes down.
        if record.type_name() == "EOE" {
            continue;
        }
        said.of(capture_of(bytes)).push((record.type_name().to_owned(), record.kernel.to_vec()));
    }
    for capture in Capture::ALL {
        said.of(capture).sort_unstable();
        said.of(capture).dedup();
    }
    let Both { auditd, multicast } = &said;
    if auditd == multicast {
        return Ok(None);
    }
    let only = |these: &[(String, Vec<u8>)], those: &[(String, Vec<u8>)]| -> Vec<String> {
        let mut names: Vec<String> =
            these.iter().filter(|one| !those.contains(one)).map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    };
    let (here, there) = (only(auditd, multicast), only(multicast, auditd));
    // The kernel tells of a listener while it is being let in: it may not hear that of itself.
    if there.is_empty() && here == ["EVENT_LISTENER"] {
        return Ok(None);
    }
    let say = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let detail = format!(
        "records that only {} has: {}; that only {} has: {}; one of them was altered, or lost",
        Capture::Auditd.name(),
        say(&here),
        Capture::Multicast.name(),
        say(&there)
    );
    let (cluster, node) = name;
    let line = json!({
        "finding": RECORDS_DISAGREE, "severity": "high", "cluster": cluster, "node": node, "events": [hit.id.to_string()],
        "detail": detail, "evidence": link_json::evidence(&loaded, hit.id),
    });
    Ok(Some(Told::of(line, &[hit.id])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_told_by_the_form_of_their_lines() {
        for (line, expected) in [
            (&b"type=1300 len=324: audit(1.1:1): arch=c000003e"[..], Capture::Multicast),
            (b"type=SYSCALL msg=audit(1.1:1): arch=c000003e", Capture::Auditd),
            (b"type=1300 msg=audit(1.1:1): x", Capture::Auditd),
            (b"node=n type=SYSCALL msg=audit(1.1:1): x", Capture::Auditd),
            (b"", Capture::Auditd),
        ] {
            assert_eq!(capture_of(line), expected);
        }
    }
}

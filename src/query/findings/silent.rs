//! SOURCE_SILENT: a log of a node that spoke regularly, and then did not for far longer than ever before, while other logs of the node went on.
//!
//! A silence with a recorded reason is none: a gap that the collector tells, an end of auditd, auditing turned off (AUDIT_OFF), a node that was off. Not here: agents that
//! fell silent (`quiet`), how far logs were read (`query::sources`), what is missing between batches (`query::gaps`).

use super::logs::{File, files, id};
use super::records::Name;
use super::told::Told;
use super::{Ask, Send, audit_off, is, shown};
use crate::correlate::rules::SOURCE_SILENT;
use crate::index::{Plan, Window, resolve};
use crate::model::{EventId, Moment, RecordKind};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A silence is so many times as long as the longest before.
const TIMES: i64 = 10;
/// And at least this, ns.
const SILENCE_MIN_NS: i64 = 300_000_000_000;
/// Events before it, so that there is a habit.
const BEFORE_MIN: usize = 20;
/// And so long a time, ns.
const HABIT_MIN_NS: i64 = 1_800_000_000_000;
/// A habit that has seen a whole day, ns.
const DAY_NS: i64 = 86_400_000_000_000;
/// A reason is recorded so close to the last event, ns.
const REASON_NS: i64 = 60_000_000_000;
/// Who was active: at most so many are named.
const ACTIVE_MAX: usize = 10;

/// A log of a node, put together from its files.
struct Log<'f> {
    kind: RecordKind,
    /// Who read it.
    sources: BTreeSet<&'f str>,
    /// Stamp, file, number of the event in it; ascending.
    spoke: Vec<(i64, usize, usize)>,
}

/// A node, and the format and the path of a log.
type Key<'f> = (&'f Name, RecordKind, &'f str);

struct Silence {
    from: i64,
    to: Option<i64>,
    /// How long at least it would have to be.
    longest: i64,
    habit: i64,
    before: usize,
    /// File and number of the event before.
    last: (usize, usize),
    next: Option<(usize, usize)>,
}

/// Sends each silence.
pub fn silences(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    // What has no time stands at that of its reception.
    let told_time = Plan::Not(Box::new(is("issues.kind", "no-time")));
    let plan = Plan::And(vec![Plan::Not(Box::new(is("source", "self"))), told_time]);
    let files = files(ask, &plan, send)?;
    let mut nodes: BTreeMap<&Name, BTreeMap<Key<'_>, Log<'_>>> = BTreeMap::new();
    // Logs of no node that is named may be of several.
    let of_a_node = |file: &File| !file.name.1.is_empty();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| of_a_node(file)) {
        let key = (&file.name, file.kind, file.log.as_str());
        let logs = nodes.entry(&file.name).or_default();
        let empty = || Log { kind: file.kind, sources: BTreeSet::new(), spoke: Vec::new() };
        let log = logs.entry(key).or_insert_with(empty);
        log.sources.insert(&file.source);
        log.spoke.extend(file.spoke.iter().enumerate().map(|(at, spoke)| (spoke.when, number, at)));
    }
    let mut reasons = Reasons { ask, off: None };
    for (name, logs) in &mut nodes {
        logs.values_mut().for_each(|log| log.spoke.sort_unstable());
        let last = logs.values().filter_map(|log| log.spoke.last()).map(|spoke| spoke.0).max();
        let end = last.unwrap_or(0).min(ask.now.nanos);
        let node = Node { ask, name, logs, files: &files };
        for (key, log) in logs.iter() {
            // What a container wrote ends with it.
            if log.kind == RecordKind::Container {
                continue;
            }
            for silence in node.silences(log, end) {
                if node.others_spoke(key, &silence, end) && !reasons.has(name, log, &silence)? {
                    node.tell(key, &silence, end, send)?;
                }
            }
        }
    }
    Ok(())
}

struct Node<'a> {
    ask: &'a Ask<'a>,
    name: &'a Name,
    logs: &'a BTreeMap<Key<'a>, Log<'a>>,
    files: &'a [File],
}

impl Node<'_> {
    fn silences(&self, log: &Log<'_>, end: i64) -> Vec<Silence> {
        let mut found = Vec::new();
        let Some(&(first, ..)) = log.spoke.first() else { return found };
        let mut longest = 0;
        let nexts = log.spoke.iter().skip(1).map(Some).chain([None]);
        for (number, (last, next)) in log.spoke.iter().zip(nexts).enumerate() {
            let to = next.map(|next| next.0);
            let silent = to.unwrap_or(end).saturating_sub(last.0);
            let habit = last.0.saturating_sub(first);
            let least = SILENCE_MIN_NS.max(longest_times(longest));
            let (before, known) = (number + 1, self.is_read_through(last.1, next.map(|next| next.1)));
            if before >= BEFORE_MIN && habit >= HABIT_MIN_NS && silent > least && known {
                let next = next.map(|next| (next.1, next.2));
                found.push(Silence { from: last.0, to, longest, habit, before, last: (last.1, last.2), next });
            }
            longest = longest.max(silent);
        }
        found
    }

    /// Whether the log was read all the time: within one file, or by a collector that follows it. Files that were imported once may have others between them, and
    /// behind them.
    fn is_read_through(&self, last: usize, next: Option<usize>) -> bool {
        let followed = |file: usize| self.files.get(file).is_some_and(|file| file.followed);
        match next {
            Some(next) => last == next || (followed(last) && followed(next)),
            None => followed(last),
        }
    }

    /// Whether another log of the node has an event in the middle of the silence, and one behind it. A node that is off is silent in the middle.
    fn others_spoke(&self, key: &Key<'_>, silence: &Silence, end: i64) -> bool {
        let to = silence.to.unwrap_or(end);
        let quarter = to.saturating_sub(silence.from) / 4;
        let (low, high) = (silence.from.saturating_add(quarter), to.saturating_sub(quarter));
        let spoke = |low: i64, high: i64| {
            let others = self.logs.iter().filter(|(other, _)| *other != key);
            others.into_iter().any(|(_, log)| {
                let at = log.spoke.partition_point(|spoke| spoke.0 < low);
                log.spoke.get(at).is_some_and(|spoke| spoke.0 <= high)
            })
        };
        spoke(low, high) && spoke(if silence.to.is_some() { to } else { high }, i64::MAX)
    }

    fn tell(&self, key: &Key<'_>, silence: &Silence, end: i64, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let ids = self.events(silence)?;
        let (whole_day, audit) =
            (silence.habit >= DAY_NS, matches!(key.1, RecordKind::Auditd | RecordKind::KubernetesAudit));
        let severity = match (audit, whole_day) {
            (true, true) => "high",
            (true, false) | (false, true) => "medium",
            (false, false) => "low",
        };
        let active = active(self.ask, self.name, silence.from, silence.to.unwrap_or(end))?;
        let until = silence.to.map_or_else(|| "until now".to_owned(), |to| format!("to {}", time(to)));
        let who = match active.as_slice() {
            [] => "nobody is known to have been active in that time".to_owned(),
            some => format!("active in that time: {}", some.join(", ")),
        };
        let detail = format!(
            "{} ({}) was silent from {} {until}, {} s, while other logs of the node went on; of {} events before, in {} s, none was more than {} s behind the one before it; {who}",
            key.2,
            key.1.name(),
            time(silence.from),
            silence.to.unwrap_or(end).saturating_sub(silence.from) / 1_000_000_000,
            silence.before,
            silence.habit / 1_000_000_000,
            silence.longest.saturating_add(999_999_999) / 1_000_000_000,
        );
        let evidence: Vec<Value> = ids.iter().filter_map(|id| self.ask.store.evidence(*id).ok()).flatten().collect();
        let (cluster, node) = self.name;
        let line = json!({
            "finding": SOURCE_SILENT, "severity": severity, "cluster": cluster, "node": node, "kind": key.1.name(),
            "log": key.2, "from": time(silence.from), "to": silence.to.map(time), "active": active,
            "events": shown(&ids), "detail": detail, "evidence": evidence,
        });
        send(Told::of(line, &ids))
    }

    /// The last event before, and the first behind it.
    fn events(&self, silence: &Silence) -> Result<Vec<EventId>, AnswerError> {
        let mut ids = Vec::new();
        for (file, at) in [Some(silence.last), silence.next].into_iter().flatten() {
            if let Some(spoke) = self.files.get(file).and_then(|file| file.spoke.get(at)) {
                ids.extend(id(self.ask, spoke.place)?);
            }
        }
        Ok(ids)
    }
}

/// Logins with events on the node in that time, and users of its cluster's API: whose events are no node's. People first.
pub(super) fn active(ask: &Ask<'_>, name: &Name, from: i64, to: i64) -> Result<Vec<String>, AnswerError> {
    let window = Window { since: from.checked_add(1), until: Some(to) };
    let (cluster, node) = (("where.cluster", &name.0), ("where.node", &name.1));
    let top = |source: &str, field: &str, place: &[(&str, &String)]| -> Result<Vec<String>, AnswerError> {
        let mut all = vec![is("source", source)];
        all.extend(place.iter().filter(|(_, value)| !value.is_empty()).map(|(field, value)| is(field, value)));
        let selection = ask.view.searcher.select(&Plan::And(all), window)?;
        let top = selection.top(&resolve(field).unwrap_or_default(), ACTIVE_MAX.saturating_mul(4))?;
        Ok(top.values.into_iter().map(|(value, _)| value).collect())
    };
    let logins = top("linux", "who.login.auid", &[cluster, node])?.into_iter().map(|auid| format!("auid {auid}"));
    let users = top("kubernetes", "who.name", &[cluster])?;
    let (machines, people): (Vec<String>, Vec<String>) =
        users.into_iter().partition(|user| user.starts_with("system:"));
    Ok(logins.chain(people).chain(machines).take(ACTIVE_MAX).collect())
}

/// The longest silence before, as many times as a silence must be longer.
fn longest_times(longest: i64) -> i64 {
    longest.saturating_mul(TIMES)
}

/// Recorded reasons of silences.
struct Reasons<'a> {
    ask: &'a Ask<'a>,
    /// Nodes whose auditing was off, and since when; looked for when it is needed.
    off: Option<Vec<(Name, i64)>>,
}

impl Reasons<'_> {
    fn has(&mut self, name: &Name, log: &Log<'_>, silence: &Silence) -> Result<bool, AnswerError> {
        if self.gap(log, silence)? {
            return Ok(true);
        }
        if log.kind != RecordKind::Auditd {
            return Ok(false);
        }
        let near = |when: i64| when.abs_diff(silence.from) <= REASON_NS.unsigned_abs();
        Ok(self.ended(name, silence)? || self.off()?.iter().any(|(off, since)| off == name && near(*since)))
    }

    /// The collector says that it could not read.
    fn gap(&self, log: &Log<'_>, silence: &Silence) -> Result<bool, AnswerError> {
        let (from, to) = (silence.from, silence.to.unwrap_or(i64::MAX));
        let window = Window { since: Some(from), until: to.checked_add(REASON_NS) };
        let selection = self.ask.select(window, &[("source", "self"), ("what.action", "gap")])?;
        let mut found = false;
        self.ask.in_order(&selection, &mut |hit| {
            for place in hit.places.iter() {
                let bytes = self.ask.view.reader.record(place)?;
                let own: Option<Value> = serde_json::from_slice(&bytes).ok();
                let source = own.as_ref().and_then(|own| own.get("source")).and_then(Value::as_str);
                found |= source.is_some_and(|source| log.sources.contains(source));
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// auditd says that it ends.
    fn ended(&self, (cluster, node): &Name, silence: &Silence) -> Result<bool, AnswerError> {
        let window = Window { since: silence.from.checked_sub(REASON_NS), until: silence.from.checked_add(REASON_NS) };
        for action in ["stopped-audit", "aborted-audit"] {
            let mut conditions = vec![("source", "linux"), ("what.action", action)];
            for (field, value) in [("where.cluster", cluster), ("where.node", node)] {
                if !value.is_empty() {
                    conditions.push((field, value));
                }
            }
            if self.ask.select(window, &conditions)?.count() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn off(&mut self) -> Result<&[(Name, i64)], AnswerError> {
        if self.off.is_none() {
            let mut found = Vec::new();
            audit_off::audit_off(self.ask, &mut |told| {
                let text = |name: &str| told.line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let since = deponent_parsers::kubernetes::Stamp::parse(&text("from"));
                found.extend(since.map(|since| ((text("cluster"), text("node")), since.nanos)));
                Ok(())
            })?;
            self.off = Some(found);
        }
        Ok(self.off.as_deref().unwrap_or_default())
    }
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

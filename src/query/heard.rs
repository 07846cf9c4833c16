//! Whether agents are heard: what each said of itself last, and what its silence means.
//!
//! An agent speaks once in a while (`heartbeat`) and when it ends (`agent-stops`). Silence is judged by what the collector received meanwhile, not by the clock of
//! whoever asks: while the collector was off, nobody could be heard. Not here: the logs that an agent reads (`sources`), silences of the past (`findings`).

use super::answer::{AnswerError, Unheard};
use super::engine::View;
use crate::evidence::Door;
use crate::index::{Order, Plan, TermTest, Window, resolve};
use crate::model::{Moment, RecordKind, RecordRef};
use crate::time::rfc3339;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

/// Agents that are looked at.
const AGENTS_MAX: usize = 10_000;
/// An agent of this interval or a shorter one is known to be alive by its heartbeats alone, ns.
const RECENT_NS: i64 = 150_000_000_000;
/// Agents that an answer names as not heard: one is enough to be incomplete.
const NAMED_MAX: usize = 100;
/// How often an agent speaks that does not say it.
const EVERY_S: i64 = 60;
/// An agent that cannot reach the collector tries again after so long at most; shorter intervals make no difference, s.
const EVERY_MIN_S: i64 = 30;
const SECOND_NS: i64 = 1_000_000_000;
/// Entries that came in further apart than this do not show that the collector was there in between, ns.
const APART_NS: i64 = 60 * SECOND_NS;
/// Entries that are looked at for how long the collector was there; more are enough.
const ENTRIES_MAX: u64 = 100_000;

/// Cluster and node.
pub type Name = (String, String);

/// How an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// It speaks.
    Alive,
    /// It should have spoken, or what it says is old.
    Late,
    /// It did not speak for long, while the collector was there.
    Silent,
    /// It said that it ends.
    Stopped,
    /// Nobody was there to hear it.
    Unknown,
}

/// What an agent said of itself: a heartbeat, or that it ends.
#[derive(Debug, Clone)]
pub struct Word {
    /// By its own clock.
    pub said: Moment,
    /// Whether it said that it ends.
    pub stops: bool,
    /// How often it speaks, s.
    pub every_s: i64,
    /// The whole record.
    pub own: Value,
}

impl Word {
    /// Reads an own record; `None`: another one.
    pub fn read(bytes: &[u8]) -> Option<Word> {
        let own: Value = serde_json::from_slice(bytes).ok()?;
        let stops = match own.get("deponent")?.as_str()? {
            "heartbeat" => false,
            "agent-stops" => true,
            _ => return None,
        };
        let said = deponent_parsers::kubernetes::Stamp::parse(own.get("time")?.as_str()?)?;
        let every_s = own.get("every_s").and_then(Value::as_i64).filter(|every| (1..=86_400).contains(every));
        let said = Moment { nanos: said.nanos, digits: said.digits };
        Some(Word { said, stops, every_s: every_s.unwrap_or(EVERY_S), own })
    }

    fn step_ns(&self) -> i64 {
        self.every_s.max(EVERY_MIN_S).saturating_mul(SECOND_NS)
    }

    fn late_ns(&self) -> i64 {
        self.step_ns().saturating_mul(2).saturating_add(15 * SECOND_NS)
    }

    /// After so long without another word it is silent, ns.
    pub fn silent_ns(&self) -> i64 {
        self.step_ns().saturating_mul(3).saturating_add(30 * SECOND_NS)
    }

    /// Why it reads nothing more at present.
    pub fn behind(&self) -> Option<&str> {
        self.own.get("behind").and_then(Value::as_str)
    }

    /// What is wrong at present.
    pub fn trouble(&self) -> Option<&str> {
        self.behind().or_else(|| self.own.get("trouble").and_then(Value::as_str))
    }
}

/// The shortest time that any agent's silence has, ns.
pub const SILENCE_MIN_NS: i64 = (3 * EVERY_MIN_S + 30) * SECOND_NS;

/// The newest word of an agent.
#[derive(Debug, Clone)]
pub struct Heard {
    pub word: Word,
    /// When it came in, by the collector's clock.
    pub received: Moment,
    /// The log entry that it came in.
    pub leaf: u64,
}

impl Heard {
    /// How the agent is now.
    pub fn pulse(&self, view: &View, now: Moment) -> Result<Pulse, AnswerError> {
        if self.word.stops {
            return Ok(Pulse::Stopped);
        }
        let running = view.followed.running;
        let end = match running {
            Some(_) => now,
            None => last_received(view)?.unwrap_or(self.received),
        };
        let age = end.nanos.saturating_sub(self.received.nanos);
        if age >= self.word.silent_ns() {
            let there = self.there(view, self.word.silent_ns(), running.map(|since| (since, now)))?;
            return Ok(if there { Pulse::Silent } else { Pulse::Unknown });
        }
        if running.is_none() && now.nanos.saturating_sub(end.nanos) >= self.word.late_ns() {
            return Ok(Pulse::Unknown);
        }
        let lag = end.nanos.saturating_sub(self.word.said.nanos);
        let late = age >= self.word.late_ns() || lag >= self.word.silent_ns();
        Ok(if late { Pulse::Late } else { Pulse::Alive })
    }

    /// Whether the collector was there for so long since the word came in: by what it received from others, and by how long it has run now.
    fn there(&self, view: &View, needed: i64, running: Option<(Moment, Moment)>) -> Result<bool, AnswerError> {
        let (mut there, mut last) = (0i64, self.received.nanos);
        let first = self.leaf.saturating_add(1);
        for leaf in first..view.reader.size() {
            view.in_time()?;
            let received = view.reader.entry(leaf)?.envelope.received.nanos;
            let step = received.saturating_sub(last);
            if (0..=APART_NS).contains(&step) {
                there = there.saturating_add(step);
            }
            last = last.max(received);
            if there >= needed || leaf.saturating_sub(first) >= ENTRIES_MAX {
                return Ok(true);
            }
        }
        let since = running.map_or(0, |(since, now)| now.nanos.saturating_sub(since.nanos.max(last)).max(0));
        Ok(there.saturating_add(since) >= needed)
    }
}

fn last_received(view: &View) -> Result<Option<Moment>, AnswerError> {
    let Some(last) = view.reader.size().checked_sub(1) else { return Ok(None) };
    Ok(Some(view.reader.entry(last)?.envelope.received))
}

fn is(field: &str, value: &str) -> Plan {
    Plan::Terms { fields: resolve(field).unwrap_or_default(), test: TermTest::Is(value.to_owned()) }
}

/// The plan that finds what agents say of themselves.
pub fn words() -> Plan {
    let either = Plan::Or(vec![is("what.action", "heartbeat"), is("what.action", "agent-stops")]);
    Plan::And(vec![is("source", "self"), either])
}

/// The agents that the collector has met.
fn met(view: &View) -> Result<Vec<Name>, AnswerError> {
    let mut names: Vec<Name> = Vec::new();
    let mut seen: HashSet<Name> = HashSet::new();
    let mut failed = None;
    let plan = Plan::And(vec![is("source", "self"), is("what.action", "agent-key")]);
    view.searcher.select(&plan, Window::ALL)?.for_each(true, &mut |hit| {
        let leaf = hit.places.iter().next().map(|place| place.leaf);
        match leaf.map(|leaf| view.in_time().and_then(|()| Ok(view.reader.entry(leaf)?))) {
            Some(Ok(entry)) => {
                let name = (entry.header.cluster.clone(), entry.header.node.clone());
                if seen.insert(name.clone()) {
                    names.push(name);
                }
            }
            Some(Err(error)) => failed = Some(error),
            None => {}
        }
        if failed.is_some() || names.len() >= AGENTS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    failed.map_or(Ok(names), Err)
}

/// The newest word of an agent.
fn newest(view: &View, (cluster, node): &Name) -> Result<Option<Heard>, AnswerError> {
    view.in_time()?;
    let mut all = vec![words(), is("where.node", node)];
    if !cluster.is_empty() {
        all.push(is("where.cluster", cluster));
    }
    let selection = view.searcher.select(&Plan::And(all), Window::ALL)?;
    // By the agent's clock, which may have been set back: of the newest few the one that came in last.
    let mut best: Option<Heard> = None;
    for hit in selection.page(Order::Newest, None, 8)? {
        for place in hit.places.iter() {
            let found = word_at(view, place)?;
            best = match (best, found) {
                (Some(best), Some(found)) if found.leaf >= best.leaf => Some(found),
                (None, found) => found,
                (best, _) => best,
            };
        }
    }
    Ok(best)
}

/// The word of an agent at a place of the log.
pub fn word_at(view: &View, place: RecordRef) -> Result<Option<Heard>, AnswerError> {
    let entry = view.reader.entry(place.leaf)?;
    if entry.header.kind != RecordKind::Own || entry.envelope.door != Door::Agent {
        return Ok(None);
    }
    let word = Word::read(&view.reader.record(place)?);
    Ok(word.map(|word| Heard { word, received: entry.envelope.received, leaf: place.leaf }))
}

/// All agents, with the newest word of each.
pub fn agents(view: &View) -> Result<BTreeMap<Name, Heard>, AnswerError> {
    let mut all = BTreeMap::new();
    for name in met(view)? {
        if let Some(heard) = newest(view, &name)? {
            all.insert(name, heard);
        }
    }
    Ok(all)
}

/// Agents that a question about a time cannot count on, as they are silent or late: what their logs have of it is not here. Those that spoke a moment ago are known
/// by one look into the index.
pub fn unheard(view: &View, window: Window, now: Moment) -> Result<Vec<Unheard>, AnswerError> {
    let met = met(view)?;
    let mut found = Vec::new();
    if met.is_empty() {
        return Ok(found);
    }
    let end = if view.followed.running.is_some() { Some(now) } else { last_received(view)? };
    let since = end.map(|end| end.nanos.saturating_sub(RECENT_NS));
    let plan = Plan::And(vec![is("source", "self"), is("what.action", "heartbeat")]);
    let recent = view.searcher.select(&plan, Window { since, until: None })?;
    let recent = recent.top(&resolve("where.node").unwrap_or_default(), AGENTS_MAX)?;
    let recent: HashSet<String> = recent.values.into_iter().map(|(node, _)| node).collect();
    for name in &met {
        let is_only = || met.iter().filter(|other| other.1 == name.1).count() == 1;
        if recent.contains(&name.1) && is_only() {
            continue;
        }
        if found.len() >= NAMED_MAX {
            break;
        }
        let Some(heard) = newest(view, name)? else { continue };
        let reaches = window.until.is_none_or(|until| until > heard.word.said.nanos);
        let state = match heard.pulse(view, now)? {
            Pulse::Silent if reaches => "silent",
            Pulse::Late if reaches => "late",
            _ => continue,
        };
        let (cluster, node) = name.clone();
        found.push(Unheard { cluster, node, state: state.to_owned(), since: rfc3339(heard.word.said) });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_how_long_silence_takes() {
        let read = |text: &str| Word::read(text.as_bytes());
        let beat =
            |every: &str| read(&format!("{{\"deponent\":\"heartbeat\",\"time\":\"2026-11-24T17:30:00Z\"{every}}}"));
        let seconds = |word: Option<Word>| word.map(|word| word.silent_ns() / SECOND_NS);
        assert_eq!(seconds(beat("")), Some(210), "an older agent does not say it");
        assert_eq!(seconds(beat(",\"every_s\":1")), Some(SILENCE_MIN_NS / SECOND_NS));
        assert_eq!(seconds(beat(",\"every_s\":600")), Some(1_830));
        for strange in [",\"every_s\":-5", ",\"every_s\":\"x\"", ",\"every_s\":99999999999"] {
            assert_eq!(seconds(beat(strange)), Some(210), "{strange}");
        }
        assert!(read("{\"deponent\":\"gap\",\"time\":\"2026-11-24T17:30:00Z\"}").is_none());
        assert!(read("{\"deponent\":\"heartbeat\",\"time\":\"now\"}").is_none() && read("x").is_none());
    }
}

//! How each log is doing: what was read of it and when, how much is unread, what is wrong; the troubled ones first.
//!
//! Inside: the rows and their order. `log` sums over batch headers, `verdict` looks at the files, `oddities` asks for deponent's own events.
//! Not here: what is missing between batches (`gaps`).

mod log;
mod oddities;
mod verdict;

pub use verdict::State;

use super::answer::{AnswerError, Sink};
use super::engine::View;
use super::heard::Pulse;
use super::load;
use crate::config::{KERNEL_AUDIT, Tail};
use crate::evidence::Door;
use crate::model::{Moment, RecordKind, RecordRef};
use crate::normalise;
use crate::source::{Listed, is_pattern, is_rotated, listed, source_id};
use crate::time::rfc3339;
use log::{LINES_MAX, Log, Name};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use verdict::{Asked, Verdict};

/// Records from the end of a batch that are asked for their time until one has one.
const LAST_MAX: usize = 16;

/// What is followed by whoever answers.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// As configured.
    pub tails: Vec<Tail>,
    /// A collector answers, and follows them since then.
    pub running: Option<Moment>,
}

/// Sends one line a log; also of what is configured and was never read.
pub fn sources(view: &View, now: Moment, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let (logs, more) = log::all(view, now)?;
    let mut rows = Rows { logs, verdicts: BTreeMap::new(), taken: HashSet::new(), left_out: 0, now };
    for tail in &view.followed.tails {
        for pattern in &tail.paths {
            rows.judge(view, tail, Path::new(pattern))?;
        }
    }
    oddities::add(view, &mut rows.logs)?;
    // Trouble by its kind, then logs with an oddity, then the rest; each by name.
    let mut order: Vec<(State, bool, &Name)> = Vec::new();
    for (name, log) in &rows.logs {
        let state = rows.state(name, log);
        let has_oddity = log.said.is_some() || log.bad_records > 0;
        order.push((if state.is_trouble() { state } else { State::Unknown }, !has_oddity, name));
    }
    order.sort();
    for (.., name) in order {
        view.in_time()?;
        if let Some(log) = rows.logs.get(name) {
            sink(rows.line(view, name, log))?;
        }
    }
    if more > 0 {
        sink(json!({ "limit": format!("{more} batches of further files are not listed") }))?;
    }
    if rows.left_out > 0 {
        sink(json!({ "limit": format!("{} files of which nothing was read are not listed", rows.left_out) }))?;
    }
    Ok(())
}

struct Rows {
    logs: BTreeMap<Name, Log>,
    /// Of the logs that were looked at.
    verdicts: BTreeMap<Name, Verdict>,
    /// Logs that an earlier path names too: they are that one's.
    taken: HashSet<PathBuf>,
    left_out: u64,
    now: Moment,
}

impl Rows {
    /// Looks at all logs of a configured path.
    fn judge(&mut self, view: &View, tail: &Tail, pattern: &Path) -> Result<(), AnswerError> {
        let source = source_id(&tail.node, pattern);
        if pattern == Path::new(KERNEL_AUDIT) {
            self.judge_stream(source, tail, view.followed.running.is_some());
            return Ok(());
        }
        let Listed { logs, troubles } = listed(pattern);
        let by_name = !is_pattern(pattern);
        let mut known = self.known(&source, tail);
        let found_any = !logs.is_empty();
        for (path, siblings) in logs {
            view.in_time()?;
            let names = known.remove(path.as_os_str().as_bytes()).unwrap_or_default();
            if !self.taken.insert(path.clone()) {
                continue;
            }
            let newest = names.into_iter().max_by_key(|name| self.logs.get(name).map(|log| log.leaf));
            let name = newest.unwrap_or_else(|| Name {
                source: source.clone(),
                kind: tail.kind.map(RecordKind::name),
                cluster: tail.cluster.clone(),
                node: tail.node.clone(),
                path: Some(path.as_os_str().as_bytes().to_vec()),
            });
            let nothing = Log::default();
            let log = self.logs.get(&name).unwrap_or(&nothing);
            let of_sibling = |path: &PathBuf| known.get(path.as_os_str().as_bytes()).into_iter().flatten();
            let mut all: Vec<&Log> = siblings.iter().flat_map(of_sibling).filter_map(|n| self.logs.get(n)).collect();
            all.push(log);
            let older = verdict::older(&siblings, &all);
            let (running, now) = (view.followed.running.is_some(), self.now);
            let asked = Asked { path: &path, by_name, has_kind: tail.kind.is_some(), older, running, now };
            let verdict = match troubles.first().filter(|_| by_name) {
                Some(trouble) => Some(Verdict::unreadable(trouble.clone())),
                None => verdict::verdict(&asked, log),
            };
            if let Some(verdict) = verdict {
                self.put(name, verdict);
            }
        }
        for (path, names) in known {
            let rotated = is_rotated(pattern, Path::new(OsStr::from_bytes(&path)));
            for name in names {
                self.put(name, Verdict::of(if rotated { State::Rotated } else { State::Gone }));
            }
        }
        if by_name {
            return Ok(());
        }
        let whole = Name {
            source,
            kind: tail.kind.map(RecordKind::name),
            cluster: tail.cluster.clone(),
            node: tail.node.clone(),
            path: Some(pattern.to_owned().into_os_string().into_vec()),
        };
        match troubles.as_slice() {
            [] if found_any => {}
            [] => self.put(whole, Verdict { error: Some(NOTHING.to_owned()), ..Verdict::of(State::Missing) }),
            [one] => self.put(whole, Verdict::unreadable(one.clone())),
            [one, more @ ..] => {
                self.put(whole, Verdict::unreadable(format!("{one}; and {} further folders", more.len())));
            }
        }
        Ok(())
    }

    /// The kernel is no file: whether it was heard is all there is to say.
    fn judge_stream(&mut self, source: String, tail: &Tail, running: bool) {
        let kind = Some(RecordKind::Auditd.name());
        let name = Name { source, kind, cluster: tail.cluster.clone(), node: tail.node.clone(), path: None };
        let state = match self.logs.get(&name).is_some_and(|log| log.batches > 0) {
            false => State::Empty,
            true if running => State::Following,
            true => State::Stopped,
        };
        self.put(name, Verdict::of(state));
    }

    /// The logs that were read under a configured path, by their own paths.
    fn known(&self, source: &str, tail: &Tail) -> HashMap<Vec<u8>, Vec<Name>> {
        let (kind, path) = (None, None);
        let first = Name { source: source.to_owned(), kind, cluster: String::new(), node: String::new(), path };
        let mut known: HashMap<Vec<u8>, Vec<Name>> = HashMap::new();
        for (name, _) in self.logs.range(first..).take_while(|(name, _)| name.source == source) {
            if let Some(path) = name.path.as_ref().filter(|_| name.cluster == tail.cluster && name.node == tail.node) {
                known.entry(path.clone()).or_default().push(name.clone());
            }
        }
        known
    }

    fn put(&mut self, name: Name, verdict: Verdict) {
        if !self.logs.contains_key(&name) {
            if self.logs.len() >= LINES_MAX.saturating_mul(2) {
                self.left_out += 1;
                return;
            }
            self.logs.insert(name.clone(), Log::default());
        }
        self.verdicts.insert(name, verdict);
    }

    fn state(&self, name: &Name, log: &Log) -> State {
        match self.verdicts.get(name) {
            Some(verdict) => verdict.state,
            None if log.door == Some(Door::Ingest) => State::Imported,
            None => log.agent.as_ref().map_or(State::Unknown, |agent| match agent.pulse {
                Pulse::Silent => State::Silent,
                Pulse::Late => State::Late,
                Pulse::Stopped => State::Stopped,
                Pulse::Unknown => State::Unknown,
                Pulse::Alive if agent.heard.word.behind().is_some() => State::Behind,
                Pulse::Alive => State::Alive,
            }),
        }
    }

    fn line(&self, view: &View, name: &Name, log: &Log) -> Value {
        let state = self.state(name, log);
        let verdict = self.verdicts.get(name);
        let mut line = json!({ "state": state.name(), "source": name.source });
        let mut put = |key: &str, value: Option<Value>| {
            if let (Some(line), Some(value)) = (line.as_object_mut(), value) {
                line.insert(key.to_owned(), value);
            }
        };
        let text = |text: &str| (!text.is_empty()).then(|| Value::from(text));
        let time = |moment: Moment| Value::from(rfc3339(moment));
        put("kind", name.kind.map(Value::from));
        put("cluster", text(&name.cluster));
        put("node", text(&name.node));
        put("path", name.path.as_deref().map(|path| deponent_parsers::linux::text(path).0.into_owned().into()));
        let position = verdict.and_then(|verdict| verdict.position).or_else(|| log.position());
        put("position", position.map(Value::from));
        put("lag_bytes", verdict.and_then(|verdict| verdict.lag).map(Value::from));
        if state != State::Imported {
            let (records, bytes) = log.rate();
            put("records_per_s", Some(records.into()));
            put("bytes_per_s", Some(bytes.into()));
        }
        put("last_event", log.leaf.and_then(|leaf| last_event(view, leaf)).map(time));
        put("first_read", log.first.map(time));
        put("last_read", log.last.map(time));
        for (key, count) in [
            ("batches", log.batches),
            ("records", log.records),
            ("bytes", log.bytes),
            ("bad_records", log.bad_records),
            ("gaps", log.gaps),
            ("file_issues", log.file_issues),
        ] {
            put(key, Some(count.into()));
        }
        put("gone_records", (log.gone_records > 0).then(|| log.gone_records.into()));
        let mut of_now = verdict.and_then(|verdict| verdict.error.as_deref()).map(|error| (self.now, error));
        if let Some(agent) = &log.agent {
            let word = &agent.heard.word;
            put("last_heartbeat", Some(time(word.said)));
            put("heartbeat_s", Some(word.every_s.into()));
            put("spool_bytes", word.own.get("spool_bytes").filter(|bytes| bytes.is_u64()).cloned());
            of_now = of_now.or_else(|| word.trouble().map(|trouble| (word.said, trouble)));
        }
        let said = log.said.as_ref().map(|(nanos, said)| (Moment { nanos: *nanos, digits: 9 }, said.as_str()));
        if let Some((when, error)) = of_now.or(said) {
            put("last_error", Some(error.into()));
            put("last_error_time", Some(time(when)));
        }
        line
    }
}

/// What is said of a pattern that names nothing.
const NOTHING: &str = "no file on this machine has such a path";

/// The time of the newest record of a batch that has one. What cannot be read has none.
fn last_event(view: &View, leaf: u64) -> Option<Moment> {
    let entry = view.reader.entry(leaf).ok()?;
    (0..entry.header.records).rev().take(LAST_MAX).find_map(|record| {
        let bytes = view.reader.record(RecordRef { leaf, record }).ok()?;
        normalise::key(entry.header.kind, load::context(&entry), &bytes).ok().map(|key| key.when)
    })
}

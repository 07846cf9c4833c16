//! The access log: who asked what, from where, and how much was shown, as records of deponent itself in the same log as everything else.
//!
//! A record is handed over before the last byte of its answer, and is durable with the next group that the ledger writes. None is left out: where they come faster than they become
//! durable, answers wait. Whoever looks for new events again and again (`deponent tail`) is told of when it begins and when it ends. Not here: what an answer is (`session`).

use super::access::Caller;
use super::clients::Clients;
use crate::evidence::Door;
use crate::model::Moment;
use crate::pipeline::{ACCESS, Delivered, Item, own_records};
use crate::query::json;
use crate::time::rfc3339;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// What needs no record, unless it is refused.
pub const NOTHING: &str = "";
/// Records on their way.
const RECORDS: usize = 4_096;
/// Records of one batch.
const BATCH: usize = 500;
/// How often it is looked whether somebody has ceased to follow.
const EVERY: Duration = Duration::from_secs(5);
/// Who has not asked for so long does not follow any more.
const SILENT: Duration = Duration::from_secs(60);
/// Followers that are kept; of further ones, each question is a record.
const FOLLOWERS_MAX: usize = 1_024;
/// Pause after the ledger had no room.
const PAUSE: Duration = Duration::from_millis(20);

/// Keeps what was asked.
#[derive(Clone)]
pub struct Recorder {
    sender: mpsc::Sender<Value>,
    following: Arc<Mutex<HashMap<[u8; 32], Following>>>,
    clock: fn() -> Moment,
}

/// Somebody who asks for new events again and again.
struct Following {
    line: Map<String, Value>,
    polls: u64,
    shown: u64,
    last: Instant,
}

/// What writes the records; ends when nobody can ask any more.
pub struct Writing {
    receiver: mpsc::Receiver<Value>,
    following: Arc<Mutex<HashMap<[u8; 32], Following>>>,
    items: SyncSender<Item>,
    cluster: String,
    node: String,
    clock: fn() -> Moment,
}

/// A recorder, and what must run for it.
pub fn recorder(items: SyncSender<Item>, cluster: &str, node: &str, clock: fn() -> Moment) -> (Recorder, Writing) {
    let (sender, receiver) = mpsc::channel(RECORDS);
    let following = Arc::default();
    let writing = Writing {
        receiver,
        following: Arc::clone(&following),
        items,
        cluster: cluster.to_owned(),
        node: node.to_owned(),
        clock,
    };
    (Recorder { sender, following, clock }, writing)
}

impl Recorder {
    fn line(&self, action: &str, rest: Map<String, Value>) -> Value {
        let mut line = Map::new();
        line.insert("deponent".to_owned(), action.into());
        line.insert("time".to_owned(), rfc3339((self.clock)()).into());
        line.extend(rest);
        Value::Object(line)
    }

    /// Keeps something that happened; waits for room.
    pub async fn say(&self, action: &str, rest: Map<String, Value>) {
        let line = self.line(action, rest);
        if self.sender.send(line).await.is_err() {
            tracing::error!("an access was not recorded: the collector is stopping");
        }
    }

    /// Begins to keep a question.
    pub fn note(&self, caller: &Caller, action: &'static str, question: Value, route: &str) -> Note {
        let mut line = caller.told();
        line.insert("route".to_owned(), route.into());
        line.insert("question".to_owned(), question);
        Note { recorder: self.clone(), action, line, begun: Instant::now(), follows: None, ended: false }
    }

    /// A poll of somebody who follows: whether it needs no record of its own.
    fn follows(&self, key: [u8; 32], line: &Map<String, Value>, shown: u64) -> bool {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = following.get_mut(&key) {
            (one.polls, one.shown, one.last) = (one.polls + 1, one.shown.saturating_add(shown), Instant::now());
            return true;
        }
        if following.len() < FOLLOWERS_MAX {
            following.insert(key, Following { line: line.clone(), polls: 0, shown: 0, last: Instant::now() });
        }
        false
    }
}

/// A question whose record is still to be written; it is, whatever becomes of the answer.
pub struct Note {
    recorder: Recorder,
    action: &'static str,
    line: Map<String, Value>,
    begun: Instant,
    follows: Option<[u8; 32]>,
    ended: bool,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy)]
pub enum Ended {
    /// It was given: so many lines, and whether that was all.
    Shown(u64, bool),
    /// The client has it already.
    Same,
    /// It failed: the status that the client was told.
    Failed(u16),
    /// The client went away, or something broke: so many lines had been sent.
    Broken(u64),
}

impl Note {
    /// It is one of many questions of somebody who follows; `what` tells them from others' questions.
    pub fn following(mut self, caller: &Caller, what: &Value) -> Note {
        let text = format!("{}\n{what}", caller.client());
        self.follows = Some(Sha256::digest(text.as_bytes()).into());
        self
    }

    fn finish(&mut self, how: Ended) -> Option<Value> {
        self.ended = true;
        let mut line = std::mem::take(&mut self.line);
        let mut action = self.action;
        let (outcome, shown) = match how {
            Ended::Shown(shown, complete) => {
                line.insert("shown".to_owned(), shown.into());
                line.insert("complete".to_owned(), complete.into());
                ("success", shown)
            }
            Ended::Same => {
                line.insert("shown".to_owned(), 0.into());
                line.insert("same".to_owned(), true.into());
                ("success", 0)
            }
            Ended::Failed(status) => {
                line.insert("status".to_owned(), status.into());
                if matches!(status, 401 | 403) {
                    action = "access-denied";
                }
                (if action == "access-denied" { "denied" } else { "failure" }, 0)
            }
            Ended::Broken(shown) => {
                line.insert("shown".to_owned(), shown.into());
                line.insert("complete".to_owned(), false.into());
                ("failure", shown)
            }
        };
        if action == NOTHING {
            return None;
        }
        line.insert("outcome".to_owned(), outcome.into());
        if let (Some(key), Ended::Shown(..)) = (self.follows, how)
            && self.recorder.follows(key, &line, shown)
        {
            return None;
        }
        let ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        line.insert("ms".to_owned(), ms.into());
        Some(self.recorder.line(action, line))
    }

    /// Keeps it.
    pub async fn end(mut self, how: Ended) {
        if let Some(line) = self.finish(how)
            && self.recorder.sender.send(line).await.is_err()
        {
            tracing::error!("an access was not recorded: the collector is stopping");
        }
    }

    /// The same, from a thread that may wait.
    pub fn end_blocking(mut self, how: Ended) {
        if let Some(line) = self.finish(how)
            && self.recorder.sender.blocking_send(line).is_err()
        {
            tracing::error!("an access was not recorded: the collector is stopping");
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let Some(line) = self.finish(Ended::Broken(0)) else { return };
        match self.recorder.sender.try_send(line) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(line)) => {
                let sender = self.recorder.sender.clone();
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        let _stopping = sender.send(line).await;
                    });
                }
            }
        }
    }
}

impl Writing {
    /// Writes what comes, until nobody is left who could ask.
    pub async fn run(mut self, clients: Clients) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            let mut lines = Vec::new();
            let open = tokio::select! {
                count = self.receiver.recv_many(&mut lines, BATCH) => count > 0,
                _ = ticks.tick() => true,
            };
            lines.extend(self.over(!open));
            lines.extend(self.untold(&clients, !open));
            if !lines.is_empty() && !self.write(&lines).await {
                tracing::error!(records = lines.len(), "accesses were not recorded: the ledger is gone");
                return;
            }
            if !open {
                return;
            }
        }
    }

    /// Records of those who follow no longer.
    fn over(&self, all: bool) -> Vec<Value> {
        let mut following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let mut over = Vec::new();
        following.retain(|_, one| {
            let silent = all || one.last.elapsed() >= SILENT;
            if silent && one.polls > 0 {
                let mut line = Map::new();
                line.insert("deponent".to_owned(), "access-tail".into());
                line.insert("time".to_owned(), rfc3339((self.clock)()).into());
                line.extend(std::mem::take(&mut one.line));
                line.insert("shown".to_owned(), one.shown.into());
                line.insert("polls".to_owned(), one.polls.into());
                line.insert("ended".to_owned(), true.into());
                over.push(Value::Object(line));
            }
            !silent
        });
        over
    }

    /// Records of refusals that were only counted.
    fn untold(&self, clients: &Clients, all: bool) -> Vec<Value> {
        let told = |(from, times): (std::net::IpAddr, u64)| {
            json!({
                "deponent": "access-denied", "time": rfc3339((self.clock)()), "from": from.to_canonical().to_string(),
                "outcome": "denied", "times": times, "reason": "as before",
            })
        };
        clients.untold(all).into_iter().map(told).collect()
    }

    /// Whether it was taken.
    async fn write(&self, lines: &[Value]) -> bool {
        let mut text = String::new();
        for line in lines {
            text.push_str(&json::line(line));
            text.push('\n');
        }
        loop {
            let draft = own_records(&text, ACCESS, &self.cluster, &self.node);
            let (reply, durable) = oneshot::channel();
            let item = Item::Delivered(Box::new(Delivered { drafts: vec![draft], door: Door::Own, peer: None, reply }));
            match self.items.try_send(item) {
                // What comes meanwhile is the next batch.
                Ok(()) => return durable.await.is_ok(),
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(_)) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

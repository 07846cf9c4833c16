//! One alert: looks for what is new, tells it, remembers how far it is.
//!
//! What waits is in the log, not in memory: a page of events is held, and the next is looked for when all of it was taken. Not here: who is told (`receiver`), how the
//! place is kept (`place`).

use super::backoff::Backoff;
use super::line::{self, Range};
use super::place::Kept;
use super::receiver::Told;
use crate::model::Moment;
use crate::query::{Cursor, Engine, Question, Search, Trailer};
use crate::serve::metrics::AlertCounts;
use crate::serve::tail::Place;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often new events are looked for.
const EVERY: Duration = Duration::from_millis(400);
/// A query that takes long is asked less often: it rests for so many times as long as it took.
const REST_FACTOR: u32 = 4;
/// At most so long.
const REST_MAX: Duration = Duration::from_secs(60);
/// Events of one look.
const PAGE: usize = 64;
/// How often a place is kept when nothing matches: a crash costs looking through what came since.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// One alert.
pub(super) struct Follower {
    pub name: String,
    pub query: String,
    pub engine: Engine,
    pub clock: fn() -> Moment,
    pub within: Duration,
    pub told: Told,
    pub counts: Arc<AlertCounts>,
    pub stopped: watch::Receiver<bool>,
    pub runtime: tokio::runtime::Runtime,
    pub kept: Kept,
    pub place: Place,
}

/// The end was asked for.
#[derive(Debug)]
struct Stopped;

/// Events that match, each with the place behind it.
type Page = (Vec<(Value, Place)>, Trailer);

impl Follower {
    /// Goes on until told to stop.
    pub fn run(mut self) {
        let mut kept = (self.place, Instant::now());
        let mut backoff = Backoff::default();
        loop {
            let looked = self.look();
            let pause = match looked {
                Err(Stopped) => break,
                Ok(Ok(pause)) => {
                    backoff = Backoff::default();
                    pause
                }
                Ok(Err(error)) => {
                    let pause = backoff.next();
                    self.failed("its query was not answered", &error, backoff.failed(), pause);
                    pause
                }
            };
            if self.place != kept.0 && kept.1.elapsed() >= KEEP_EVERY {
                if self.keep().is_err() {
                    break;
                }
                kept = (self.place, Instant::now());
            }
            if self.pause(pause).is_err() {
                break;
            }
        }
        // What nobody was told of is only looked through again.
        let _lost = self.kept.keep(self.place);
    }

    /// Looks once, and tells what it found; gives how long to wait.
    fn look(&mut self) -> Result<Result<Duration, String>, Stopped> {
        let trailer = self.engine.trailer();
        self.behind(trailer.size);
        let cursor = self.place.after.unwrap_or_else(|| Cursor::start(trailer.indexed));
        // After a crash the index may still be behind what it was: it would not have all of the range.
        let reached = cursor.size <= trailer.indexed;
        if !reached || (self.place.after.is_none() && cursor.size <= self.place.from) {
            return Ok(Ok(EVERY));
        }
        let started = Instant::now();
        let (events, trailer) = match self.page(cursor) {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        let took = started.elapsed();
        if !events.is_empty() && self.place.after.is_none() {
            // A crash from here on finds the same range, and so the same ids.
            self.place.after = Some(cursor);
            self.keep()?;
        }
        self.tell_all(&events, &trailer, cursor.size)?;
        let next = trailer.next.as_deref().and_then(|next| Cursor::parse(next).ok());
        self.place = match next {
            Some(_) => Place { after: next, ..self.place },
            None => Place { from: cursor.size, after: None },
        };
        self.behind(self.engine.reader.size());
        let rest = took.saturating_mul(REST_FACTOR).min(REST_MAX);
        Ok(Ok(if next.is_some() { rest } else { rest.max(EVERY) }))
    }

    /// The events behind the place, from a range that ends at the cursor's size.
    fn page(&self, cursor: Cursor) -> Result<Page, String> {
        let question = Question::Search(Search {
            q: self.query.clone(),
            ascending: true,
            limit: Some(PAGE),
            leaf_from: Some(self.place.from),
            after: Some(cursor.to_text()),
            ..Search::default()
        });
        let mut events = Vec::new();
        let mut place = Place { after: Some(cursor), ..self.place };
        let answered = self.engine.answer_within(Some(self.within), &question, (self.clock)(), &mut |event: Value| {
            // An event that is lost has no time: the place behind it is that of the one before.
            place.after = Cursor::behind(&event, cursor.size).or(place.after);
            events.push((event, place));
            Ok(())
        });
        answered.map(|trailer| (events, trailer)).map_err(|error| error.to_string())
    }

    fn tell_all(&mut self, events: &[(Value, Place)], trailer: &Trailer, size: u64) -> Result<(), Stopped> {
        let range = Range { from: self.place.from, size };
        for group in events.chunks(self.told.lines_max()) {
            let lines: Vec<String> = group
                .iter()
                .map(|(event, _)| {
                    let said = (self.name.as_str(), (self.clock)());
                    line::of(said, event, &self.engine.reader, range, trailer.checkpoint.as_deref())
                })
                .collect();
            self.tell(&lines)?;
            self.counts.delivered(u64::try_from(lines.len()).unwrap_or(u64::MAX));
            if let Some((_, behind)) = group.last() {
                self.place = *behind;
                // A crash before this: the group is told again, under the same ids.
                self.keep()?;
            }
        }
        Ok(())
    }

    /// Tells some lines until they are taken.
    fn tell(&mut self, lines: &[String]) -> Result<(), Stopped> {
        let mut backoff = Backoff::default();
        loop {
            let Follower { runtime, told, stopped, .. } = self;
            let told = runtime.block_on(async {
                tokio::select! {
                    told = told.tell(lines) => Ok(told),
                    _ = stopped.wait_for(|stop| *stop) => Err(Stopped),
                }
            })?;
            let Err(error) = told else {
                if backoff.failed() > 0 {
                    tracing::info!(alert = self.name, to = %self.told, "what failed was taken");
                }
                return Ok(());
            };
            let pause = backoff.next();
            self.failed("it was not taken, and is told again", &error, backoff.failed(), pause);
            self.pause(pause)?;
        }
    }

    /// Remembers the place; the disk may refuse for a while.
    fn keep(&self) -> Result<(), Stopped> {
        let mut backoff = Backoff::default();
        while let Err(error) = self.kept.keep(self.place) {
            let pause = backoff.next();
            self.failed("how far it is cannot be kept", &error.to_string(), backoff.failed(), pause);
            self.pause(pause)?;
        }
        Ok(())
    }

    fn failed(&self, what: &str, error: &str, attempt: u32, pause: Duration) {
        self.counts.failed();
        self.behind(self.engine.reader.size());
        let again_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(alert = self.name, to = %self.told, error, attempt, again_ms, "an alert: {what}");
    }

    fn behind(&self, size: u64) {
        self.counts.behind(size.saturating_sub(self.place.from));
    }

    fn pause(&self, pause: Duration) -> Result<(), Stopped> {
        let mut stopped = self.stopped.clone();
        // The clone is dropped at once: only the value counts.
        let asked = self.runtime.block_on(async {
            tokio::time::timeout(pause, async { stopped.wait_for(|stop| *stop).await.map(drop) }).await
        });
        // In time means that the end was asked for, or that nobody is there who could.
        if asked.is_ok() { Err(Stopped) } else { Ok(()) }
    }
}

//! `/v1/tail`: new events as they come, as server-sent events.
//!
//! The id of each is where to go on (`Last-Event-ID`): the log entry that the search began at, and the place in its answer, so that a client that comes
//! back gets every event once. Not here: the search (`query::engine`).

use super::error::{Problem, of_answer};
use super::params::{Asked, Params};
use super::record::Ended;
use super::session::Session;
use crate::query::{AnswerError, Cursor, Question, Search, Trailer, json};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use serde_json::{Value, json as value};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Clients that follow at once.
pub const TAILS_MAX: usize = 64;
/// How often new events are looked for.
const EVERY: Duration = Duration::from_millis(400);
/// Events of one look.
const PAGE: usize = 1_000;
/// Events on their way to a client.
const EVENTS: usize = 64;
/// How long a client may take for one of them.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a client is: it has all events of the log entries before `from`, and of those up to the cursor's size what stands before the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub from: u64,
    pub after: Option<Cursor>,
}

impl Place {
    pub fn parse(text: &str) -> Option<Place> {
        let (from, after) = match text.split_once('~') {
            Some((from, after)) => (from, Some(Cursor::parse(after).ok()?)),
            None => (text, None),
        };
        Some(Place { from: from.parse().ok()?, after })
    }

    pub fn text(&self) -> String {
        self.after.as_ref().map_or_else(|| self.from.to_string(), |after| format!("{}~{}", self.from, after.to_text()))
    }
}

/// Follows.
pub async fn tail(
    shared: Session,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<impl IntoResponse, Problem> {
    asked.only(&["cursor"])?;
    let permit = Arc::clone(&shared.tails).try_acquire_owned().map_err(|_| {
        shared.metrics.busy();
        Problem::busy()
    })?;
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("-").to_owned()).or(asked.cursor.clone());
    let place = match last {
        Some(text) => Place::parse(&text)
            .ok_or_else(|| Problem::request(format!("`{text}` is no id of an event of this stream")))?,
        None => Place { from: shared.engine.trailer().indexed, after: None },
    };
    let now = (shared.clock)();
    let search = Search { ascending: true, limit: Some(PAGE), after: None, ..asked.search(now)? };
    // A query that is none, or not for this client, is refused here, before the stream begins; that it begins is kept.
    let begun = Question::Search(Search { limit: Some(0), leaf_from: Some(place.from), ..search.clone() });
    shared.question(begun).await?;
    let own = shared.place(true)?;
    let note = shared.note("access-tail", value!({ "q": search.q, "ended": true }));
    let (sender, receiver) = mpsc::channel(EVENTS);
    tokio::spawn(async move {
        let shown = follow(&shared, search, place, &sender).await;
        note.end(Ended::Shown(shown, false)).await;
        drop((permit, own));
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(15)).text("still here");
    Ok(Sse::new(Events(receiver)).keep_alive(alive))
}

/// The events of a stream.
struct Events(mpsc::Receiver<Event>);

impl futures_core::Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|event| event.map(Ok))
    }
}

/// Sends events until the client goes or may not follow any more; gives how many.
async fn follow(shared: &Session, search: Search, mut place: Place, sender: &mpsc::Sender<Event>) -> u64 {
    let mut shown = 0;
    loop {
        if !shared.access.still(&shared.caller, (shared.clock)()) {
            let problem =
                Problem::unauthorized("the token is expired or revoked, or the configuration names its holder no more");
            let _gone = send(sender, Event::default().event("error").data(problem.text())).await;
            return shown;
        }
        let indexed = shared.engine.trailer().indexed;
        let cursor = place.after.unwrap_or_else(|| Cursor::start(indexed));
        if place.after.is_some() || cursor.size > place.from {
            match page(shared, &search, place.from, cursor).await {
                Ok((lines, trailer)) => {
                    for (line, after) in lines {
                        place.after = Some(after);
                        let event = Event::default().event("event").id(place.text()).data(json::line(&line));
                        if !send(sender, event).await {
                            return shown;
                        }
                        shown += 1;
                    }
                    if let Some(next) = trailer.next.as_deref().and_then(|next| Cursor::parse(next).ok()) {
                        place.after = Some(next);
                        continue;
                    }
                    place = Place { from: cursor.size, after: None };
                }
                Err(problem) => {
                    let said = Event::default().event("error").data(problem.text());
                    let _gone = send(sender, said).await;
                    return shown;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = sender.closed() => return shown,
        }
    }
}

async fn send(sender: &mpsc::Sender<Event>, event: Event) -> bool {
    let sent = tokio::time::timeout(CLIENT_TIMEOUT, sender.send(event)).await;
    if sent.is_err() {
        tracing::warn!(seconds = CLIENT_TIMEOUT.as_secs(), "a client of /v1/tail that does not read was cut off");
    }
    matches!(sent, Ok(Ok(())))
}

type Page = (Vec<(Value, Cursor)>, Trailer);

/// The events behind a place, each with the place behind it.
async fn page(shared: &Session, search: &Search, from: u64, cursor: Cursor) -> Result<Page, Problem> {
    let (engine, now, within) = (shared.engine(), (shared.clock)(), shared.within);
    let after = Some(cursor.to_text());
    let question = Question::Search(Search { leaf_from: Some(from), after, ..search.clone() });
    let answer = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        let mut after = cursor;
        let answered = engine.answer_within(Some(within), &question, now, &mut |line: Value| {
            // A line about an event that is lost has no time.
            after = Cursor::behind(&line, cursor.size).unwrap_or(after);
            lines.push((line, after));
            Ok(())
        });
        answered.map(|trailer| (lines, trailer))
    });
    let answer =
        answer.await.unwrap_or_else(|_| Err(AnswerError::Limit("the answer failed; the log says why".to_owned())));
    answer.map_err(|error| of_answer(&error, &search.q))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for place in [Place { from: 0, after: None }, Place { from: 7, after: Some(Cursor::start(9)) }] {
            assert_eq!(Place::parse(&place.text()), Some(place));
        }
        for text in ["", "~", "x", "-1", "1.5", "1~", "1~2", "99999999999999999999"] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}

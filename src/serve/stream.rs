//! An answer as a stream of bytes from a blocking thread.
//!
//! NDJSON ends in a trailer line, JSON in a closed document; whatever breaks off also ends the connection without a proper end, so that no form passes
//! for whole. Not here: which answer (`routes`), how an item is written (`form`).

use super::error::{Problem, of_answer};
use super::form::{Form, Writer};
use super::metrics::Metrics;
use super::record::{Ended, Note};
use super::session::Places;
use crate::model::Moment;
use crate::query::{AnswerError, Engine, Question, Stop};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Chunks on their way to a client.
const CHUNKS: usize = 8;
/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 32 << 10;
/// How long a client may take for `CHUNKS` of them before its answer is cut.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked, and how the answer is written.
pub struct Task {
    /// Whom to ask.
    pub engine: Engine,
    /// What.
    pub question: Question,
    /// For relative times in a query.
    pub now: Moment,
    /// How long it may take.
    pub within: Duration,
    /// The form.
    pub form: Form,
    /// Only these JSON paths.
    pub fields: Option<Vec<String>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What the answering thread sends.
enum Sent {
    /// There is no answer; only ever the first.
    Refused(Problem),
    Chunk(Bytes),
    /// The answer is whole, or says itself that it is not.
    End,
}

/// Answers a question. Errors before the first chunk are a problem with its status.
pub async fn answer(task: Task, note: Note, places: Places) -> Result<Response<Body>, Problem> {
    let (sender, mut receiver) = mpsc::channel::<Sent>(CHUNKS);
    let form = task.form;
    tokio::task::spawn_blocking(move || {
        run(&task, note, &sender);
        // Held to the last chunk, so that slow readers count.
        drop(places);
    });
    let first = match receiver.recv().await {
        Some(Sent::Refused(problem)) => return Err(problem),
        Some(Sent::Chunk(bytes)) => bytes,
        Some(Sent::End) | None => Bytes::new(),
    };
    let stream = Chunks { first: Some(first), receiver, ended: false };
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    Ok(response)
}

struct Chunks {
    first: Option<Bytes>,
    receiver: mpsc::Receiver<Sent>,
    ended: bool,
}

impl futures_core::Stream for Chunks {
    type Item = std::io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return std::task::Poll::Ready(Some(Ok(first)));
        }
        if self.ended {
            return std::task::Poll::Ready(None);
        }
        self.receiver.poll_recv(context).map(|sent| match sent {
            Some(Sent::Chunk(bytes)) => Some(Ok(bytes)),
            Some(Sent::End) => None,
            _ => {
                self.ended = true;
                Some(Err(std::io::Error::other("the answer broke off")))
            }
        })
    }
}

/// Sends, but not for ever.
fn send(sender: &mpsc::Sender<Sent>, sent: Sent) -> Result<(), Stop> {
    match Handle::current().block_on(tokio::time::timeout(CLIENT_TIMEOUT, sender.send(sent))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Stop),
        Err(_) => {
            tracing::warn!(seconds = CLIENT_TIMEOUT.as_secs(), "a client that does not read was cut off");
            Err(Stop)
        }
    }
}

fn run(task: &Task, note: Note, sender: &mpsc::Sender<Sent>) {
    let mut shown = 0u64;
    let mut buffer = Vec::new();
    let mut started = false;
    let mut writer = Writer::new(task.form, task.fields.clone());
    let answered = task.engine.answer_within(Some(task.within), &task.question, task.now, &mut |line: Value| {
        writer.item(&mut buffer, &line).map_err(|_| Stop)?;
        shown += 1;
        if buffer.len() >= CHUNK_BYTES {
            started = true;
            send(sender, Sent::Chunk(Bytes::from(std::mem::take(&mut buffer))))?;
        }
        Ok(())
    });
    // Who does not take the last chunks does not need them.
    let _gone = match answered.and_then(|trailer| {
        let written = writer.end(&mut buffer, &trailer);
        written.map(|()| trailer.complete).map_err(|error| AnswerError::Limit(error.to_string()))
    }) {
        Ok(complete) => {
            // Kept before the client has all of it.
            note.end_blocking(Ended::Shown(shown, complete));
            task.metrics.answered();
            send(sender, Sent::Chunk(Bytes::from(buffer))).and_then(|()| send(sender, Sent::End))
        }
        Err(AnswerError::Stopped) => {
            note.end_blocking(Ended::Broken(shown));
            task.metrics.cut();
            Ok(())
        }
        Err(error) => {
            tracing::warn!(%error, "a question was not answered");
            let query = if let Question::Search(ask) = &task.question { ask.q.as_str() } else { "" };
            let problem = of_answer(&error, query);
            note.end_blocking(if shown == 0 { Ended::Failed(problem.status()) } else { Ended::Broken(shown) });
            if !started && buffer.is_empty() {
                task.metrics.refused();
                send(sender, Sent::Refused(problem))
            } else {
                task.metrics.cut();
                writer.broken(&mut buffer, &problem);
                let sent = send(sender, Sent::Chunk(Bytes::from(buffer)));
                if writer.says_when_broken() { sent.and_then(|()| send(sender, Sent::End)) } else { sent }
            }
        }
    };
}

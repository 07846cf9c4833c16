//! An answer as a stream of NDJSON lines from a blocking thread, ended by a trailer line.
//!
//! A stream without trailer was cut: whoever reads it knows. Not here: which answer (`routes`).

use super::error::{Problem, of_answer};
use crate::model::Moment;
use crate::query::{Engine, Question, Stop, json};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use serde_json::{Value, json as value};
use std::convert::Infallible;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// The member that makes a line the trailer.
pub const END: &str = "_end";
/// Chunks on their way to a client; a slow client slows its own answer.
const CHUNKS: usize = 8;
/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 32 << 10;

/// What the answering thread sends first: whether there is an answer at all.
enum Sent {
    Refused(Problem),
    Chunk(Bytes),
}

/// Answers a question. Errors before the first line are a problem with its status; later ones are the last line.
pub async fn answer(
    engine: Engine,
    question: Question,
    now: Moment,
    permit: OwnedSemaphorePermit,
) -> Result<Response<Body>, Problem> {
    let (sender, mut receiver) = mpsc::channel::<Sent>(CHUNKS);
    tokio::task::spawn_blocking(move || {
        run(&engine, &question, now, &sender);
        // Held to the last line, so that slow readers count.
        drop(permit);
    });
    let first = match receiver.recv().await {
        Some(Sent::Refused(problem)) => return Err(problem),
        Some(Sent::Chunk(bytes)) => bytes,
        None => Bytes::new(),
    };
    let stream = Chunks { first: Some(first), receiver };
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

struct Chunks {
    first: Option<Bytes>,
    receiver: mpsc::Receiver<Sent>,
}

impl futures_core::Stream for Chunks {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return std::task::Poll::Ready(Some(Ok(first)));
        }
        self.receiver.poll_recv(context).map(|sent| match sent {
            Some(Sent::Chunk(bytes)) => Some(Ok(bytes)),
            _ => None,
        })
    }
}

fn run(engine: &Engine, question: &Question, now: Moment, sender: &mpsc::Sender<Sent>) {
    let mut buffer = String::new();
    let mut started = false;
    let answered = engine.answer(question, now, &mut |line: Value| {
        push(&mut buffer, &line);
        if buffer.len() >= CHUNK_BYTES {
            started = true;
            let chunk = Bytes::from(std::mem::take(&mut buffer));
            sender.blocking_send(Sent::Chunk(chunk)).map_err(|_| Stop)?;
        }
        Ok(())
    });
    let last = match answered {
        Ok(trailer) => {
            push(&mut buffer, &value!({ END: trailer }));
            Sent::Chunk(Bytes::from(buffer))
        }
        Err(error) => {
            tracing::warn!(%error, "a question was not answered");
            let query = if let Question::Search(ask) = question { ask.q.as_str() } else { "" };
            let problem = of_answer(&error, query);
            if started || !buffer.is_empty() {
                push(&mut buffer, &problem.line());
                Sent::Chunk(Bytes::from(buffer))
            } else {
                Sent::Refused(problem)
            }
        }
    };
    // A client that is gone needs no answer.
    let _gone = sender.blocking_send(last);
}

fn push(buffer: &mut String, line: &Value) {
    buffer.push_str(&json::line(line));
    buffer.push('\n');
}

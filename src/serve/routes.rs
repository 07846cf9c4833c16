//! Routes, limits on requests, and the server's life.

use super::error::{Problem, of_answer};
use super::stream;
use crate::model::Moment;
use crate::query::{AnswerError, Engine, LinkedKind, Question, Search, fields_json, json, rules_json};
use crate::time::{Zone, window};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use serde::Deserialize;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Questions that are answered at once; further ones are told to come back.
const QUESTIONS_MAX: usize = 16;
/// Events of a page that names no limit.
const PAGE_DEFAULT: usize = 100;

/// Why the endpoint stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken, or not ours.
    #[error("listening on {address}: {error}; `listen` in config.toml chooses another address")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// While serving.
    #[error("serving: {0}")]
    Serve(std::io::Error),
}

#[derive(Clone)]
struct Shared {
    engine: Engine,
    clock: fn() -> Moment,
    questions: Arc<Semaphore>,
    address: SocketAddr,
}

/// The routes, for a server that is known as `address`.
pub fn router(engine: Engine, clock: fn() -> Moment, address: SocketAddr) -> Router {
    let shared = Shared { engine, clock, questions: Arc::new(Semaphore::new(QUESTIONS_MAX)), address };
    Router::new()
        .route("/v1/ask", post(ask))
        .route("/v1/events", get(events))
        .route("/v1/events/{id}", get(event))
        .route("/v1/events/{id}/proof", get(proof))
        .route("/v1/events/{id}/links", get(links))
        .route("/v1/events/{id}/why", get(why))
        .route("/v1/events/{id}/effects", get(effects))
        .route("/v1/events/{id}/testimony", get(testimony))
        .route("/v1/fields", get(fields))
        .route("/v1/rules", get(|| async { json_response(&rules_json()) }))
        .route("/log/checkpoint", get(checkpoint))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async { Problem::not_found("no such route; src/serve/mod.rs lists them") })
        .layer(from_fn_with_state(shared.clone(), guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(shared)
}

/// Serves until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    // An answer is written in small pieces: none of them waits for the client to acknowledge the one before. A socket that refuses is only slower.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).with_graceful_shutdown(stop).await.map_err(ServeError::Serve)
}

/// A page of somebody else in a browser on this machine must not be able to ask: it cannot set `Host` to a loopback name, and it sends its `Origin`.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Result<Response<Body>, Problem> {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let ours =
        name == "localhost" || name == shared.address.ip().to_string() || name == format!("[{}]", shared.address.ip());
    if !ours {
        return Err(Problem::foreign(format!("Host `{host}` is not this server; use its loopback address")));
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(Problem::foreign("requests from web pages are refused"));
    }
    Ok(next.run(request).await)
}

async fn answered(shared: &Shared, question: Question) -> Result<Response<Body>, Problem> {
    let permit = Arc::clone(&shared.questions).try_acquire_owned().map_err(|_| Problem::busy())?;
    stream::answer(shared.engine.clone(), question, (shared.clock)(), permit).await
}

async fn ask(State(shared): State<Shared>, body: Bytes) -> Result<Response<Body>, Problem> {
    let question: Question =
        serde_json::from_slice(&body).map_err(|error| Problem::request(format!("the body is no question: {error}")))?;
    answered(&shared, question).await
}

/// The query string of `/v1/events`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Asked {
    q: String,
    since: Option<String>,
    until: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
    order: Option<String>,
    tz: Option<String>,
}

async fn events(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::request(error.body_text()))?;
    let now = (shared.clock)();
    let zone = match &asked.tz {
        Some(name) => Zone::parse(name).map_err(|error| Problem::request(error.to_string()))?,
        None => Zone::default(),
    };
    let window = window(asked.since.as_deref(), asked.until.as_deref(), now, &zone)
        .map_err(|error| Problem::request(error.to_string()))?;
    let ascending = match asked.order.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => return Err(Problem::request(format!("order `{other}` is neither asc nor desc"))),
    };
    let search = Search {
        q: asked.q,
        since: window.since_ns,
        until: window.until_ns,
        ascending,
        limit: Some(asked.limit.unwrap_or(PAGE_DEFAULT)),
        after: asked.after,
        zone: asked.tz,
        ..Search::default()
    };
    answered(&shared, Question::Search(search)).await
}

/// The lines of an answer that is small.
async fn lines(shared: &Shared, question: Question) -> Result<Vec<Value>, Problem> {
    let permit = Arc::clone(&shared.questions).try_acquire_owned().map_err(|_| Problem::busy())?;
    let (engine, now) = (shared.engine.clone(), (shared.clock)());
    let answer = tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        let answered = engine.answer(&question, now, &mut |line| {
            lines.push(line);
            Ok(())
        });
        answered.map(|_| lines)
    });
    let answer =
        answer.await.unwrap_or_else(|_| Err(AnswerError::Limit("the answer failed; the log says why".to_owned())));
    drop(permit);
    answer.map_err(|error| of_answer(&error, ""))
}

fn json_response(line: &Value) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json")], json::line(line) + "\n").into_response()
}

async fn event(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let lines = lines(&shared, Question::Show { names: vec![id] }).await?;
    Ok(match lines.as_slice() {
        [one] => json_response(one),
        many => json_response(&Value::Array(many.to_vec())),
    })
}

async fn proof(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let lines = lines(&shared, Question::Prove { name: id }).await?;
    let text = lines.first().and_then(|line| line.get("proof")).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn links(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    answered(&shared, Question::Linked { kind: LinkedKind::Links, name }).await
}

async fn effects(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    answered(&shared, Question::Linked { kind: LinkedKind::Effects, name }).await
}

async fn why(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    single(&shared, Question::Linked { kind: LinkedKind::Why, name }).await
}

async fn testimony(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    single(&shared, Question::Linked { kind: LinkedKind::Testify, name }).await
}

/// The one line of an answer, as a document.
async fn single(shared: &Shared, question: Question) -> Result<Response<Body>, Problem> {
    let lines = lines(shared, question).await?;
    lines.first().map(json_response).ok_or_else(|| Problem::not_found("there is no answer"))
}

async fn checkpoint(State(shared): State<Shared>) -> Result<Response<Body>, Problem> {
    let note = shared.engine.reader.checkpoint().map_err(|error| of_answer(&error.into(), ""))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}

async fn fields(_headers: HeaderMap) -> Response<Body> {
    json_response(&fields_json())
}

//! The routes: each turns a request into a question and chooses the form of its answer. `openapi` describes them.
//!
//! Not here: answers (`query`), parameters (`params`), how an answer gets to the client (`stream`).

use super::access::Access;
use super::error::{Problem, of_answer};
use super::form::{Form, said};
use super::guard::guard;
use super::metrics::Metrics;
use super::params::{Asked, Params, WhyAsked, around, body};
use super::session::{AUDITORS, Session};
use super::{log, openapi, senders, tail};
use crate::config::Role;
use crate::model::Moment;
use crate::pipeline::Item;
use crate::query::{
    Engine, LinkedKind, Question, Search, Story, Trailer, explain, fields_json, json, parse, rules_json, translate,
    window_around,
};
use crate::time::Zone;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, header};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json as value};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Questions that are answered at once; further ones are told to come back.
const QUESTIONS_MAX: usize = 16;
/// The forms of lists of events, the default first.
const EVENT_FORMS: &[Form] = &[Form::Json, Form::Ndjson, Form::Csv];
/// The forms of other lists.
const LIST_FORMS: &[Form] = &[Form::Json, Form::Ndjson];

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
}

/// What all routes share.
#[derive(Clone)]
pub struct Shared {
    /// Whom to ask.
    pub engine: Engine,
    /// The time.
    pub clock: fn() -> Moment,
    /// How the server is known where it has no certificate: on a loopback address.
    pub plain: Option<SocketAddr>,
    /// Who may ask.
    pub access: Arc<Access>,
    /// How long an answer may take.
    pub within: Duration,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Places for clients of `/v1/tail`.
    pub tails: Arc<Semaphore>,
    /// The ledger, where one runs.
    pub items: Option<SyncSender<Item>>,
    questions: Arc<Semaphore>,
    /// Log entries that were durable at the start: ready is who can answer about them.
    at_start: u64,
}

impl Shared {
    /// For a server without a certificate on a loopback address; an answer may take `within`.
    pub fn new(
        engine: Engine,
        clock: fn() -> Moment,
        address: SocketAddr,
        within: Duration,
        access: Arc<Access>,
    ) -> Shared {
        Shared {
            at_start: engine.reader.size(),
            engine,
            clock,
            plain: Some(address),
            access,
            within,
            metrics: Arc::default(),
            tails: Arc::new(Semaphore::new(tail::TAILS_MAX)),
            items: None,
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        }
    }

    /// The same for a door with certificates.
    pub fn with_certificates(&self) -> Shared {
        Shared { plain: None, ..self.clone() }
    }

    pub(super) fn permit(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.questions).try_acquire_owned().map_err(|_| {
            self.metrics.busy();
            Problem::busy()
        })
    }
}

/// The routes.
pub fn router(shared: Shared) -> Router {
    Router::new()
        .route("/v1/ask", post(ask))
        .route("/v1/events", get(events))
        .route("/v1/search", post(search))
        .route("/v1/timeline", get(timeline))
        .route("/v1/events/{id}", get(event))
        .route("/v1/events/{id}/raw", get(raw))
        .route("/v1/events/{id}/proof", get(proof))
        .route("/v1/events/{id}/links", get(|shared, headers, name| linked(shared, headers, name, LinkedKind::Links)))
        .route(
            "/v1/events/{id}/effects",
            get(|shared, headers, name| linked(shared, headers, name, LinkedKind::Effects)),
        )
        .route("/v1/events/{id}/tree", get(|shared, headers, name| linked(shared, headers, name, LinkedKind::Tree)))
        .route("/v1/events/{id}/why", get(why))
        .route("/v1/events/{id}/testimony", get(super::testimony::testimony))
        .route("/v1/replay/{name}", get(replay))
        .route("/v1/readers/{object}", get(readers))
        .route("/v1/tail", get(tail::tail))
        .route("/v1/stats/count", get(count))
        .route("/v1/stats/top", get(top))
        .route("/v1/stats/hist", get(hist))
        .route("/v1/facets", get(facets))
        .route("/v1/findings", get(findings))
        .route("/v1/sources", get(sources))
        .route("/v1/gaps", get(|shared, headers| listed(shared, headers, Question::Gaps)))
        .route("/v1/agents", get(senders::list))
        .route("/v1/agents/accept", post(senders::accept))
        .route("/v1/head", get(head))
        .route("/v1/me", get(me))
        .route("/v1/explain", get(explained))
        .route("/v1/fields", get(|| async { document(&fields_json()) }))
        .route("/v1/rules", get(|| async { document(&rules_json()) }))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/tile/{*path}", get(log::tile))
        .route("/openapi.json", get(|| async { document(&openapi::document()) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(|| async { Problem::not_found("no such route; /openapi.json lists them") })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

fn document(line: &Value) -> Response<Body> {
    ([(header::CONTENT_TYPE, Form::Json.media_type())], json::line(line) + "\n").into_response()
}

/// The protocol of the command line: a question, NDJSON, a trailer line.
async fn ask(shared: Session, bytes: Bytes) -> Result<Response<Body>, Problem> {
    shared.stream(body(&bytes, "question")?, Form::Ndjson, None).await
}

async fn events(shared: Session, headers: HeaderMap, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    let (question, form, fields) = found(&shared, &headers, &asked)?;
    shared.conditional(&headers, question, form, fields).await
}

async fn search(shared: Session, headers: HeaderMap, bytes: Bytes) -> Result<Response<Body>, Problem> {
    let (question, form, fields) = found(&shared, &headers, &body(&bytes, "search")?)?;
    shared.stream(question, form, fields).await
}

/// Events oldest first, of a query or of an entity, which becomes one.
async fn timeline(
    shared: Session,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<Response<Body>, Problem> {
    let around = asked.around.as_deref().map(around).transpose()?;
    if around.is_some() && (asked.since.is_some() || asked.until.is_some()) {
        return Err(Problem::request("`around` is a time of its own: it goes with neither `since` nor `until`"));
    }
    let translated = translate(&asked.q).map_err(|error| Problem::request(error.to_string()))?;
    let q = translated.map_or_else(|| asked.q.clone(), |translated| translated.query);
    let order = asked.order.clone().or_else(|| Some("asc".to_owned()));
    let (question, form, fields) = found(&shared, &headers, &Asked { q, order, around: None, ..asked })?;
    let question = match (question, around) {
        (Question::Search(search), Some((name, width))) => {
            let (lines, _) = shared.question(Question::Show { names: vec![name.to_owned()] }).await?;
            let window = window_around(&lines, width).ok_or_else(|| Problem::not_found("it has no time"))?;
            Question::Search(Search { since: Some(window.0), until: Some(window.1), ..search })
        }
        (question, _) => question,
    };
    shared.conditional(&headers, question, form, fields).await
}

/// The events that are asked for, the form of the answer, and its fields.
fn found(
    shared: &Session,
    headers: &HeaderMap,
    asked: &Asked,
) -> Result<(Question, Form, Option<Vec<String>>), Problem> {
    asked.only(&["limit", "cursor", "order", "fields"])?;
    let form = Form::accepted(headers, EVENT_FORMS)?;
    let search = asked.search((shared.clock)())?;
    let now = (shared.clock)();
    let has_pipe = || parse(&search.q, now, &Zone::default()).is_ok_and(|query| query.pipe.is_some());
    if form == Form::Csv && has_pipe() {
        return Err(Problem::not_acceptable("CSV is for events; a pipe makes something else of them"));
    }
    Ok((Question::Search(search), form, asked.paths()?))
}

async fn event(shared: Session, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let (lines, _) = shared.question(Question::Show { names: vec![id] }).await?;
    Ok(match lines.as_slice() {
        [one] => document(one),
        many => document(&Value::Array(many.to_vec())),
    })
}

async fn raw(shared: Session, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    shared.needs(AUDITORS, "raw records").await?;
    let (lines, _) = shared.question(Question::Show { names: vec![id] }).await?;
    let mut bytes = Vec::new();
    for record in lines.iter().filter_map(|event| event.get("records")?.as_array()).flatten() {
        let text = record.get("raw").and_then(Value::as_str).unwrap_or_default();
        bytes.extend(data_encoding::BASE64.decode(text.as_bytes()).unwrap_or_default());
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
    }
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

async fn proof(shared: Session, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    let (lines, _) = shared.question(Question::Prove { name }).await?;
    let text = lines.first().and_then(|line| line.get("proof")).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Lines about an event, a container or an exec.
async fn linked(
    shared: Session,
    headers: HeaderMap,
    Path(name): Path<String>,
    kind: LinkedKind,
) -> Result<Response<Body>, Problem> {
    let form = Form::accepted(&headers, LIST_FORMS)?;
    shared.stream(Question::Linked { kind, name }, form, None).await
}

/// Who is behind an event, or whether another one led to it.
async fn why(
    shared: Session,
    Path(name): Path<String>,
    Params(asked): Params<WhyAsked>,
) -> Result<Response<Body>, Problem> {
    let question = match asked.to {
        Some(cause) => Question::Story(Story::Caused { effect: name, cause }),
        None => Question::Linked { kind: LinkedKind::Why, name },
    };
    single(&shared, question).await
}

/// A session step by step.
async fn replay(shared: Session, headers: HeaderMap, Path(name): Path<String>) -> Result<Response<Body>, Problem> {
    let form = Form::accepted(&headers, LIST_FORMS)?;
    shared.stream(Question::Story(Story::Replay { name }), form, None).await
}

/// Who could have read an object of the API.
async fn readers(
    shared: Session,
    headers: HeaderMap,
    Path(object): Path<String>,
    Params(asked): Params<Asked>,
) -> Result<Response<Body>, Problem> {
    asked.only(&[])?;
    if !asked.q.is_empty() {
        return Err(Problem::request("this route has no parameter `q`; readers are looked for in a time"));
    }
    let Search { since, until, .. } = asked.search((shared.clock)())?;
    let form = Form::accepted(&headers, LIST_FORMS)?;
    shared.conditional(&headers, Question::Story(Story::Readers { object, since, until }), form, None).await
}

/// The one line of an answer, as a document.
async fn single(shared: &Session, question: Question) -> Result<Response<Body>, Problem> {
    let (lines, _) = shared.question(question).await?;
    lines.first().map(document).ok_or_else(|| Problem::not_found("there is no answer"))
}

async fn count(shared: Session, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    asked.only(&[])?;
    let (lines, trailer) = shared.question(Question::Search(asked.piped("count", (shared.clock)())?)).await?;
    let mut answer = said(&trailer);
    if let Some(answer) = answer.as_object_mut() {
        let count = lines.first().and_then(|line| line.get("count")).cloned().unwrap_or_default();
        answer.insert("count".to_owned(), count);
    }
    Ok(document(&answer))
}

async fn top(shared: Session, headers: HeaderMap, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    asked.only(&["limit", "field"])?;
    let field = asked.field.as_deref().ok_or_else(|| Problem::request("`field` says whose values to count"))?;
    let search = asked.top(field, (shared.clock)())?;
    shared.conditional(&headers, Question::Search(search), Form::accepted(&headers, LIST_FORMS)?, None).await
}

async fn hist(shared: Session, headers: HeaderMap, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    asked.only(&["width"])?;
    let width = asked.width.as_deref().ok_or_else(|| Problem::request("`width` says how long a bucket is: 5m, 1h"))?;
    if !width.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Problem::request(format!("width `{width}` is no duration such as 5m or 1h")));
    }
    let search = asked.piped(&format!("hist {width}"), (shared.clock)())?;
    shared.conditional(&headers, Question::Search(search), Form::accepted(&headers, LIST_FORMS)?, None).await
}

async fn facets(shared: Session, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    asked.only(&["fields", "limit"])?;
    let mut items = Vec::new();
    let mut last = Trailer::default();
    for field in asked.facets()? {
        let (values, trailer) = shared.question(Question::Search(asked.top(&field, (shared.clock)())?)).await?;
        items.push(value!({ "field": field, "values": values }));
        last = trailer;
    }
    let mut answer = value!({ "items": items });
    if let (Some(answer), Value::Object(trailer)) = (answer.as_object_mut(), said(&last)) {
        answer.extend(trailer.into_iter().filter(|(name, _)| name != "count"));
    }
    Ok(document(&answer))
}

async fn findings(
    shared: Session,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<Response<Body>, Problem> {
    asked.only(&[])?;
    if !asked.q.is_empty() {
        return Err(Problem::request("this route has no parameter `q`; findings are looked for in a time"));
    }
    let Search { since, until, .. } = asked.search((shared.clock)())?;
    let form = Form::accepted(&headers, LIST_FORMS)?;
    shared.conditional(&headers, Question::Findings { since, until }, form, None).await
}

/// How the logs are doing: the files say that too, so that no state of the store stands for an answer.
async fn sources(shared: Session, headers: HeaderMap) -> Result<Response<Body>, Problem> {
    shared.stream(Question::Sources, Form::accepted(&headers, LIST_FORMS)?, None).await
}

/// A list without parameters.
async fn listed(shared: Session, headers: HeaderMap, question: Question) -> Result<Response<Body>, Problem> {
    shared.conditional(&headers, question, Form::accepted(&headers, LIST_FORMS)?, None).await
}

async fn head(shared: Session) -> Result<Response<Body>, Problem> {
    single(&shared, Question::Head).await
}

/// Who asks, and what they may do.
async fn me(shared: Session) -> Response<Body> {
    let mut told = shared.caller.told();
    let grant = &shared.caller.grant;
    let limits = [("clusters", &grant.clusters), ("namespaces", &grant.namespaces), ("sources", &grant.sources)];
    told.insert("roles".to_owned(), value!(grant.roles));
    told.extend(limits.iter().filter(|(_, of)| !of.is_empty()).map(|(name, of)| ((*name).to_owned(), value!(of))));
    document(&Value::Object(told))
}

async fn explained(shared: Session, Params(asked): Params<Asked>) -> Result<Response<Body>, Problem> {
    asked.only(&[])?;
    let search = asked.search((shared.clock)())?;
    let zone = search.zone.as_deref().map_or(Ok(Zone::default()), Zone::parse);
    let zone = zone.map_err(|error| Problem::request(error.to_string()))?;
    let translated = translate(&search.q).map_err(|error| Problem::request(error.to_string()))?;
    let translated = translated.map(|translated| translated.query);
    let q = translated.as_ref().unwrap_or(&search.q);
    let query = parse(q, (shared.clock)(), &zone).map_err(|error| of_answer(&error.into(), q))?;
    let mut answer = explain(&query).to_json();
    if let (Some(answer), Some(query)) = (answer.as_object_mut(), translated) {
        answer.insert("query".to_owned(), query.into());
    }
    Ok(document(&answer))
}

async fn ready(State(shared): State<Shared>) -> Result<&'static str, Problem> {
    let trailer = shared.engine.trailer();
    if trailer.indexed < shared.at_start {
        let detail = format!("{} of {} log entries are indexed", trailer.indexed, shared.at_start);
        return Err(Problem::not_ready(detail));
    }
    Ok("ready\n")
}

async fn metrics(shared: Session) -> Result<Response<Body>, Problem> {
    shared.needs(&[Role::Operator, Role::Auditor], "metrics").await?;
    Ok(page(&shared))
}

/// What is told to everybody, where that is configured: metrics and health, nothing else.
pub fn health(shared: Shared) -> Router {
    Router::new()
        .route("/metrics", get(|State(shared): State<Shared>| async move { page(&shared) }))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async { Problem::not_found("here are /metrics, /healthz and /readyz alone") })
        .with_state(shared)
}

fn page(shared: &Shared) -> Response<Body> {
    let page = shared.metrics.page(&shared.engine.trailer(), shared.engine.index.searcher().events());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

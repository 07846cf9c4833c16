//! The door of agents: `POST /v1/batches` over mutual TLS (`docs/format.md` §12).
//!
//! Inside: what a request must be before the ledger sees it: an agent's certificate, whole blocks, signatures, a node that it may speak for.
//! Not here: the order of batches (`pipeline::senders`), connections (`listen`).

use super::error::Problem;
use super::hand::{QUEUE_TIMEOUT, hand};
use super::listen::Peer;
use super::log;
use super::metrics::Metrics;
use super::shares::Shares;
use crate::agent::{HOLE, SIGNER};
use crate::evidence::{Reader, Sealed, TileName, VerifierKey, block_length};
use crate::pipeline::{Answer, Item, Refusal, Room, Sent};
use crate::tls::AgentName;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Bytes of a request's body: what an agent sends at once, and one block more.
pub const BODY_BYTES_MAX: usize = 12 << 20;
/// Bytes of bodies that are held at once.
const HELD_BYTES_MAX: usize = 96 << 20;
/// How long an agent may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to make durable what it was handed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// What the routes of agents share.
#[derive(Clone)]
pub struct AgentDoor {
    items: SyncSender<Item>,
    vkey: VerifierKey,
    metrics: Arc<Metrics>,
    room: Arc<Semaphore>,
    shares: Shares,
    disk: Arc<Room>,
    log: Reader,
}

impl AgentDoor {
    /// Hands what comes to the ledger whose store signs with `vkey`.
    pub fn new(
        items: SyncSender<Item>,
        vkey: VerifierKey,
        metrics: Arc<Metrics>,
        disk: Arc<Room>,
        log: Reader,
    ) -> AgentDoor {
        let room = Arc::new(Semaphore::new(HELD_BYTES_MAX >> 10));
        let shares = Shares::new(BODY_BYTES_MAX, HELD_BYTES_MAX);
        AgentDoor { items, vkey, metrics, room, shares, disk, log }
    }

    /// The routes.
    pub fn router(self) -> Router {
        Router::new()
            .route("/v1/batches", post(take))
            .route("/v1/collector", get(collector))
            .route("/log/checkpoint", get(checkpoint))
            .route("/log/tile/{*path}", get(tile))
            .with_state(self)
    }
}

/// What an agent compares its receipts with.
async fn checkpoint(State(door): State<AgentDoor>) -> Result<Response<Body>, Problem> {
    log::newest(&door.log)
}

/// Hashes only: entries name other nodes and their files.
async fn tile(State(door): State<AgentDoor>, Path(path): Path<String>) -> Result<Response<Body>, Problem> {
    log::bytes(door.log, TileName::parse(&path).filter(|name| name.level.is_some())).await
}

/// Whose receipts an agent will get.
async fn collector(State(door): State<AgentDoor>) -> Response<Body> {
    Json(json!({ "vkey": door.vkey.to_string(), "version": env!("CARGO_PKG_VERSION") })).into_response()
}

async fn take(
    State(door): State<AgentDoor>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let name = peer.name.as_deref().unwrap_or_default();
    let Some(agent) = AgentName::parse(name) else {
        door.metrics.agent_refused("not-an-agent");
        return Err(Problem::foreign(format!(
            "the certificate names `{name}`; an agent's names spiffe://CLUSTER/agent/NODE, or spiffe://CLUSTER/agent for all nodes of a cluster"
        )));
    };
    let (parts, body) = request.into_parts();
    let signer = signer(&parts.headers)?;
    let accepts_hole = parts.headers.contains_key(HOLE);
    if door.disk.is_full() {
        door.metrics.agent_refused("full");
        return Err(Problem::disk_full());
    }
    // Held from here on until the ledger has it: bytes as the client announces them, or as many as may come.
    let expected = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(BODY_BYTES_MAX);
    if expected > BODY_BYTES_MAX {
        return Err(Problem::too_large(format!("a request has {BODY_BYTES_MAX} bytes at most")));
    }
    // An agent sends one at a time.
    let Some(part) = door.shares.take(&peer, expected) else { return Err(door.full()) };
    let permits = u32::try_from(expected.div_ceil(1 << 10).max(1)).unwrap_or(u32::MAX);
    let room = tokio::time::timeout(QUEUE_TIMEOUT, Arc::clone(&door.room).acquire_many_owned(permits)).await;
    let Ok(Ok(room)) = room else { return Err(door.full()) };
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await;
    let body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return Err(Problem::request(format!("the body did not come whole: {error}"))),
        Err(_) => return Err(Problem::timeout(format!("the body did not come within {} s", BODY_TIMEOUT.as_secs()))),
    };
    let metrics = Arc::clone(&door.metrics);
    let checked = tokio::task::spawn_blocking(move || -> Result<_, Problem> {
        let batches = batches(&body, &agent, &signer).inspect_err(|_| metrics.agent_refused("bad-batch"))?;
        metrics.agent_bytes(body.len());
        Ok((batches, signer))
    });
    let checked = checked.await.map_err(|_| Problem::internal("the request failed; the collector's log says why"))?;
    let ((batches, signer), (reply, answer)) = (checked?, oneshot::channel());
    let sent = Sent { batches, peer: name.to_owned(), signer, accepts_hole, reply };
    hand(&door.items, Item::Sent(Box::new(sent))).await?;
    drop((room, part));
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(door.answer(&answer)),
        // What was appended is durable or not; an agent that sends it again is told.
        _ => Err(door.full()),
    }
}

fn signer(headers: &HeaderMap) -> Result<VerifierKey, Problem> {
    let value = headers.get(SIGNER).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(|| Problem::request(format!("no header `{SIGNER}` names the key that has signed")))?;
    VerifierKey::parse(value).map_err(|error| Problem::request(format!("`{SIGNER}`: {error}")))
}

/// The batches of a body: whole, consistent, signed, and about nodes that the agent speaks for.
fn batches(body: &Bytes, agent: &AgentName, signer: &VerifierKey) -> Result<Vec<Sealed>, Problem> {
    let mut batches = Vec::new();
    let mut rest: &[u8] = body;
    while !rest.is_empty() {
        let number = batches.len();
        let wrong = |what: &dyn std::fmt::Display| Problem::request(format!("batch {number} of the request: {what}"));
        let length = block_length(rest).map_err(|error| wrong(&error))?;
        let cut = length.and_then(|length| rest.split_at_checked(length));
        let (block, behind) = cut.ok_or_else(|| wrong(&"it is cut off"))?;
        rest = behind;
        let batch = Sealed::check(block.to_vec()).map_err(|error| wrong(&error))?;
        batch.open(signer).map_err(|error| Problem::foreign(format!("batch {number} of the request: {error}")))?;
        let header = &batch.header;
        if !agent.speaks_for(&header.cluster, &header.node) {
            return Err(Problem::foreign(format!(
                "batch {number} of the request is of node `{}` in cluster `{}`, for which {agent} does not speak",
                header.node, header.cluster
            )));
        }
        if header.source.starts_with("deponent/") {
            return Err(Problem::foreign(format!(
                "batch {number} of the request: only the collector writes `{}`",
                header.source
            )));
        }
        batches.push(batch);
    }
    Ok(batches)
}

impl AgentDoor {
    fn full(&self) -> Problem {
        self.metrics.agent_refused("full");
        Problem::full()
    }

    fn answer(&self, answer: &Answer) -> Response<Body> {
        self.metrics.agent_batches(answer.taken);
        let (status, refused) = match &answer.refused {
            None => (StatusCode::OK, None),
            Some(Refusal::Hole { source, epoch, expected }) => {
                self.metrics.agent_refused("hole");
                let epoch = data_encoding::HEXLOWER.encode(epoch);
                let detail = format!("batch {expected} of this source is expected");
                let hole =
                    json!({ "kind": "hole", "source": source, "epoch": epoch, "expected": expected, "detail": detail });
                (StatusCode::CONFLICT, Some(hole))
            }
            Some(Refusal::Fork(reason)) => {
                self.metrics.agent_refused("fork");
                (StatusCode::CONFLICT, Some(json!({ "kind": "fork", "detail": reason })))
            }
            Some(Refusal::Quarantined(reason)) => {
                self.metrics.agent_refused("quarantined");
                let detail =
                    format!("{reason}; `deponent agents accept CLUSTER/NODE` on the collector lets it in again");
                (StatusCode::FORBIDDEN, Some(json!({ "kind": "quarantined", "detail": detail })))
            }
        };
        let mut body = json!({ "receipts": answer.receipts });
        if let (Some(refused), Some(members)) = (refused, body.as_object_mut()) {
            members.insert("refused".to_owned(), refused);
        }
        let mut response = Json(body).into_response();
        *response.status_mut() = status;
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        response
    }
}

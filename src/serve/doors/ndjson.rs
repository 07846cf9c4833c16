//! Lines over HTTP: `POST /ingest/KIND`; beside it on the same address what Elasticsearch (`bulk`) and OpenTelemetry's collector (`otlp`) take.
//!
//! Not here: bodies (`http`), lines (`lines`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::counts::Reason;
use super::http::{body, name_of, problem};
use super::intake::Intake;
use super::remembered::Remembered;
use super::{bulk, lines, otlp};
use crate::config::kind_of_door;
use crate::evidence::{Door, Draft, Hash};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What the routes share.
#[derive(Clone)]
pub struct Http {
    intake: Arc<Intake>,
    remembered: Arc<Remembered>,
}

/// The routes.
pub fn router(intake: Arc<Intake>) -> Router {
    let nothing =
        || async { Problem::not_found("lines go to /ingest/KIND, documents to /_bulk, log records to /v1/logs") };
    Router::new()
        .route("/ingest/{kind}", post(take))
        .route("/_bulk", post(bulk::take).put(bulk::take))
        .route("/{index}/_bulk", post(bulk::take_into).put(bulk::take_into))
        .route("/", get(bulk::root))
        .route("/_license", get(bulk::license))
        .route("/_cat/health", get(bulk::health))
        .route("/_cluster/health", get(bulk::health))
        .route("/v1/logs", post(otlp::take))
        .fallback(nothing)
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(Http { intake, remembered: Arc::default() })
}

async fn take(
    State(http): State<Http>,
    Extension(peer): Extension<Peer>,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let Some(kind) = kind_of_door(&kind) else {
        http.intake.counts.refused(Reason::Bad);
        return Err(Problem::not_found(format!("`{kind}` is no kind of records")));
    };
    let make = move |intake: &Intake, peer: &str, _: &Hash, _: &Parts, bytes: &Bytes| {
        Ok((lines::text(intake, Door::Ndjson, peer, kind, bytes).map_err(problem)?, ()))
    };
    http.store(Door::Ndjson, &peer, request, make).await?;
    Ok(StatusCode::OK.into_response())
}

impl Http {
    /// Stores what `make` makes of a request, once, and gives what else it makes of it. `make` gets whose request it is, its name, its head and its body.
    pub(super) async fn store<A: Send + 'static>(
        &self,
        door: Door,
        peer: &Peer,
        request: Request,
        make: impl FnOnce(&Intake, &str, &Hash, &Parts, &Bytes) -> Result<(Vec<Draft>, A), Problem> + Send + 'static,
    ) -> Result<A, Problem> {
        let (parts, bytes) = request.into_parts();
        let (bytes, room) = body(&self.intake, &parts.headers, bytes).await?;
        let Http { intake, remembered } = self.clone();
        let peer = name_of(peer);
        // Goes on when the client does not wait any more: then it asks again, and must find what became of it.
        let stored = tokio::spawn(async move {
            let (shared, named) = (Arc::clone(&intake), peer.clone());
            let made = tokio::task::spawn_blocking(move || {
                let request = name(door, &named, parts.uri.path(), &bytes);
                make(&shared, &named, &request, &parts, &bytes).map(|(drafts, answer)| (request, drafts, answer))
            });
            let made = made.await.map_err(|_| failed())?;
            let (request, drafts, answer) = made.inspect_err(|_| intake.counts.refused(Reason::Bad))?;
            let place = remembered.place(request);
            let mut is_stored = place.lock().await;
            if *is_stored {
                intake.counts.refused(Reason::Again);
            } else {
                intake.deliver(door, &peer, drafts).await.map_err(problem)?;
                *is_stored = true;
            }
            drop(room);
            Ok(answer)
        });
        stored.await.map_err(|_| failed())?
    }
}

fn failed() -> Problem {
    Problem::internal("the request failed; the collector's log says why")
}

/// Tells a request from others: it is the same only of the same sender, to the same place, with the same bytes.
fn name(door: Door, peer: &str, path: &str, bytes: &[u8]) -> Hash {
    let mut hash = Sha256::new();
    for field in [door.name().as_bytes(), peer.as_bytes(), path.as_bytes(), bytes] {
        hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

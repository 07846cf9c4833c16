//! The API server's audit webhook: lists of events; each becomes one record, byte for byte as it stands in the request, and a line end.
//!
//! Batches come late, twice and out of order; that is harmless, since an event has its own key. The items of a list have no kind of their own, by which they are told from
//! the lines of the API server's log (`query::findings`). Not here: bodies (`http`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::counts::Reason;
use super::http::{body, name_of, problem};
use super::intake::{Intake, messages};
use crate::evidence::{Door, Draft};
use crate::model::RecordKind;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What the API server sends.
#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, rename = "apiVersion")]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// The route: any path under `/webhook`.
pub fn router(intake: Arc<Intake>) -> Router {
    let foreign = || async { Problem::not_found("the audit webhook is at /webhook") };
    Router::new()
        .route("/webhook", post(take))
        .route("/webhook/{*rest}", post(take))
        .fallback(foreign)
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(intake)
}

async fn take(
    State(intake): State<Arc<Intake>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    let (parts, bytes) = request.into_parts();
    let (bytes, _room) = body(&intake, &parts.headers, bytes).await?;
    let peer = name_of(&peer);
    let (named, shared) = (peer.clone(), Arc::clone(&intake));
    let drafts = tokio::task::spawn_blocking(move || drafts(&shared, &named, &bytes)).await;
    let drafts = drafts.map_err(|_| Problem::internal("the request failed; the collector's log says why"))?;
    let drafts = drafts.inspect_err(|_| intake.counts.refused(Reason::Bad))?;
    intake.deliver(Door::Webhook, &peer, drafts).await.map_err(problem)?;
    Ok(StatusCode::OK.into_response())
}

fn drafts(intake: &Intake, peer: &str, bytes: &[u8]) -> Result<Vec<Draft>, Problem> {
    let list: List<'_> =
        serde_json::from_slice(bytes).map_err(|error| Problem::request(format!("the body is no list: {error}")))?;
    if list.kind != "EventList" || !list.api_version.starts_with("audit.k8s.io/") {
        return Err(Problem::request("the body is not an EventList of audit.k8s.io"));
    }
    let label = intake.label(Door::Webhook, RecordKind::KubernetesAudit, peer, None);
    let mut messages = messages(label).map_err(problem)?;
    for item in list.items.unwrap_or_default() {
        messages.push(&[item.get().as_bytes(), b"\n"]);
    }
    Ok(messages.take())
}

//! Elasticsearch's `_bulk`, and as much of the rest as its clients ask before they send: documents become records.
//!
//! An index has a kind by its name or by the configuration (`kinds`), else that of the door. There is nothing to change or to delete. Not here: bodies (`http`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::http::problem;
use super::intake::Intake;
use super::lines::Lines;
use super::ndjson::Http;
use crate::config::kind_of_door;
use crate::evidence::{Door, Draft, Hash};
use crate::model::RecordKind;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Documents of a request: each has an item in the answer.
const ITEMS_MAX: usize = 100_000;
/// Bytes of the name of an index.
const INDEX_BYTES_MAX: usize = 255;
/// The version that clients are told, for which they choose their requests.
const VERSION: &str = "8.17.0";

fn elastic(body: Value) -> Response<Body> {
    let mut response = Json(body).into_response();
    // Clients of Elastic's own refuse servers without it.
    let name = HeaderName::from_static("x-elastic-product");
    response.headers_mut().insert(name, HeaderValue::from_static("Elasticsearch"));
    response
}

/// What is asked first.
pub async fn root() -> Response<Body> {
    elastic(json!({
        "name": "deponent", "cluster_name": "deponent", "cluster_uuid": "deponent",
        "version": {
            "number": VERSION, "build_flavor": "default", "build_type": "deponent", "build_hash": env!("CARGO_PKG_VERSION"),
            "build_date": "2026-01-01T00:00:00.000Z", "build_snapshot": false, "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

/// Likewise.
pub async fn license() -> Response<Body> {
    elastic(json!({ "license": { "status": "active", "uid": "deponent", "type": "basic" } }))
}

/// Likewise.
pub async fn health() -> Response<Body> {
    elastic(json!({ "cluster_name": "deponent", "status": "green", "timed_out": false, "number_of_nodes": 1 }))
}

/// Documents, each with its index.
pub async fn take(
    State(http): State<Http>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    store(http, &peer, String::new(), request).await
}

/// Documents of one index, where they do not name another one.
pub async fn take_into(
    State(http): State<Http>,
    Extension(peer): Extension<Peer>,
    Path(index): Path<String>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    store(http, &peer, index, request).await
}

async fn store(http: Http, peer: &Peer, index: String, request: Request) -> Result<Response<Body>, Problem> {
    let make = move |intake: &Intake, peer: &str, request: &Hash, _: &_, bytes: &Bytes| {
        read(intake, peer, request, &index, bytes)
    };
    Ok(elastic(http.store(Door::Bulk, peer, request, make).await?))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Target {
    _index: Option<String>,
    _id: Option<Value>,
}

/// The records of a body, and the answer once they are stored.
fn read(
    intake: &Intake,
    peer: &str,
    request: &Hash,
    index: &str,
    bytes: &[u8],
) -> Result<(Vec<Draft>, Value), Problem> {
    let mut records = Lines::new(intake, Door::Bulk, peer);
    let (mut items, mut errors) = (Vec::new(), false);
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    while let Some(line) = lines.next() {
        let number = items.len();
        if number >= ITEMS_MAX {
            return Err(Problem::too_large(format!("a request has {ITEMS_MAX} documents at most")));
        }
        let wrong = |what: &dyn std::fmt::Display| Problem::request(format!("action {number} of the request: {what}"));
        let action: BTreeMap<String, Target> = serde_json::from_slice(line).map_err(|error| wrong(&error))?;
        let mut actions = action.into_iter();
        let (Some((action, target)), None) = (actions.next(), actions.next()) else {
            return Err(wrong(&"one action is needed"));
        };
        let index = target._index.as_deref().unwrap_or(index);
        let document = if action == "delete" { None } else { lines.next() };
        let refusal = match (action.as_str(), document) {
            ("index" | "create", Some(document)) if !index.is_empty() && index.len() <= INDEX_BYTES_MAX => {
                let document = document.strip_suffix(b"\r").unwrap_or(document);
                records.push(kind(intake, index), document).map_err(problem)?;
                None
            }
            ("index" | "create", Some(_)) => Some("the document names no index"),
            ("index" | "create", None) => return Err(wrong(&"its document is missing")),
            ("update" | "delete", _) => Some("evidence is not changed"),
            _ => return Err(wrong(&"it is none of index, create, update, delete")),
        };
        let id = target._id.unwrap_or_else(|| id(request, number).into());
        let item = match refusal {
            None => json!({
                "_index": index, "_id": id, "_version": 1, "result": "created", "_seq_no": number, "_primary_term": 1, "status": 201,
                "_shards": { "total": 1, "successful": 1, "failed": 0 },
            }),
            Some(reason) => {
                errors = true;
                let error = json!({ "type": "illegal_argument_exception", "reason": reason });
                json!({ "_index": index, "_id": id, "status": 400, "error": error })
            }
        };
        items.push(json!({ action: item }));
    }
    Ok((records.drafts(), json!({ "took": 0, "errors": errors, "items": items })))
}

fn kind(intake: &Intake, index: &str) -> Option<RecordKind> {
    let config = &intake.config;
    config.kinds.get(index).copied().or_else(|| kind_of_door(index)).unwrap_or(config.kind)
}

/// An id as Elasticsearch makes one where the client does not: the same for the same request.
fn id(request: &Hash, number: usize) -> String {
    let number = u64::try_from(number).unwrap_or(u64::MAX).to_be_bytes();
    let digest: Hash = Sha256::new_with_prefix(request).chain_update(number).finalize().into();
    data_encoding::BASE64URL_NOPAD.encode(digest.get(..15).unwrap_or_default())
}

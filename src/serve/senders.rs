//! The nodes that send: who they are, whether anything is taken from them, and letting one in again.
//!
//! Not here: what they send (`batches`), the judgement (`pipeline::senders`).

use super::batches::hand;
use super::error::Problem;
use super::params::body;
use super::routes::Shared;
use crate::pipeline::Item;
use crate::time::rfc3339;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// A node, as a request names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    cluster: String,
    node: String,
}

/// All of them.
pub async fn list(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let senders = ask(shared, Item::Senders).await?;
    let lines = senders.iter().map(|sender| {
        let mut line = json!(sender);
        if let Some(members) = line.as_object_mut() {
            members.insert("last".to_owned(), rfc3339(sender.last).into());
        }
        line
    });
    Ok(Json(Value::Array(lines.collect())))
}

/// Lets one in again.
pub async fn accept(State(shared): State<Shared>, bytes: Bytes) -> Result<Json<Value>, Problem> {
    let Node { cluster, node } = body(&bytes, "node")?;
    let item = |reply| Item::Accept { cluster: cluster.clone(), node: node.clone(), reply };
    if ask(shared, item).await? {
        Ok(Json(json!({ "cluster": cluster, "node": node, "accepted": true })))
    } else {
        Err(Problem::not_found(format!("no node `{node}` of cluster `{cluster}` has sent anything")))
    }
}

async fn ask<T: Send + 'static>(shared: Shared, item: impl FnOnce(oneshot::Sender<T>) -> Item) -> Result<T, Problem> {
    let items = shared.items.ok_or_else(|| Problem::not_ready("nothing is written here"))?;
    let (reply, answer) = oneshot::channel();
    let item = item(reply);
    let handed = tokio::task::spawn_blocking(move || hand(&items, item)).await;
    handed.map_err(|_| Problem::internal("the request failed; the log says why"))??;
    answer.await.map_err(|_| Problem::not_ready("the collector is stopping"))
}

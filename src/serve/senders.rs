//! The nodes that send: who they are, whether anything is taken from them, and letting one in again.
//!
//! Not here: what they send (`batches`), the judgement (`pipeline::senders`).

use super::error::Problem;
use super::hand::hand;
use super::params::body;
use super::record::Ended;
use super::session::{OPERATORS, Session};
use crate::config::Role;
use crate::pipeline::Item;
use crate::time::rfc3339;
use axum::Json;
use axum::body::Bytes;
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
pub async fn list(shared: Session) -> Result<Json<Value>, Problem> {
    shared.needs(&[Role::Operator, Role::Auditor], "agents").await?;
    let note = shared.note("access-query", "agents".into());
    let senders = ask(&shared, Item::Senders).await?;
    note.end(Ended::Shown(u64::try_from(senders.len()).unwrap_or(u64::MAX), true)).await;
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
pub async fn accept(shared: Session, bytes: Bytes) -> Result<Json<Value>, Problem> {
    let Node { cluster, node } = body(&bytes, "node")?;
    let asked = json!({ "accept": format!("{cluster}/{node}") });
    shared.needs(OPERATORS, "accepting an agent").await?;
    let note = shared.note("access-operate", asked);
    let item = |reply| Item::Accept { cluster: cluster.clone(), node: node.clone(), reply };
    let known = ask(&shared, item).await?;
    note.end(if known { Ended::Shown(1, true) } else { Ended::Failed(404) }).await;
    if known {
        Ok(Json(json!({ "cluster": cluster, "node": node, "accepted": true })))
    } else {
        Err(Problem::not_found(format!("no node `{node}` of cluster `{cluster}` has sent anything")))
    }
}

async fn ask<T: Send + 'static>(shared: &Session, item: impl FnOnce(oneshot::Sender<T>) -> Item) -> Result<T, Problem> {
    let items = shared.items.clone().ok_or_else(|| Problem::not_ready("nothing is written here"))?;
    let (reply, answer) = oneshot::channel();
    let item = item(reply);
    hand(&items, item).await?;
    answer.await.map_err(|_| Problem::not_ready("the collector is stopping"))
}

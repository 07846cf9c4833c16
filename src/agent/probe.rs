//! One question to the collector, for whoever looks after an agent: who answers there, and what its clock says.
//!
//! Not here: sending (`send`); what is made of the answer (`doctor`).

use super::wire::Wire;
use crate::config::AgentConfig;
use crate::model::Moment;
use crate::tls::ClientTls;
use axum::http::Method;
use hyper::body::Bytes;
use serde_json::Value;
use std::time::Duration;

/// What a collector answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The status.
    pub status: u16,
    /// The key that signs its receipts.
    pub vkey: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its clock (`Date`).
    pub date: Option<String>,
    /// This clock, before it was asked.
    pub before: Moment,
    /// This clock, when it had answered.
    pub after: Moment,
}

/// Asks the collector of a configuration.
///
/// # Errors
/// What failed: certificates, connection, TLS; no answer in time.
pub fn ask_collector(config: &AgentConfig, within: Duration, clock: fn() -> Moment) -> Result<Greeting, String> {
    let tls = ClientTls::open(config.tls.clone(), &[b"h2"]).map_err(|error| error.to_string())?;
    let mut wire = Wire::new(config.host.clone(), config.port, tls);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let before = clock();
    let asked = runtime.block_on(async {
        let answer = wire.ask(Method::GET, "/v1/collector", &[], Bytes::new());
        tokio::time::timeout(within, answer).await.map_err(|_| format!("no answer within {} s", within.as_secs()))?
    });
    let (reply, after) = (asked?, clock());
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Greeting {
        status: reply.status.as_u16(),
        vkey: text("vkey"),
        version: text("version"),
        date: reply.date,
        before,
        after,
    })
}

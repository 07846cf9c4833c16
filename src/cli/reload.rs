//! SIGHUP: the configuration is read again and checked. Who may ask a collector is as it says from then on; of the rest the log says what only a restart brings.
//!
//! Certificates are read again when they change, without being asked (`tls`). Not here: signals that end the program (`serve`).

use crate::config::{AgentConfig, Config};
use std::convert::Infallible;

/// Waits for hangups, for ever. `again`: reads the configuration, and names the keys that are not as they were at the start.
pub(super) async fn on_hangup(again: impl Fn() -> Result<Vec<&'static str>, String>) -> Infallible {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        // It ends the process as it does by default.
        return std::future::pending().await;
    };
    while hangups.recv().await.is_some() {
        match again() {
            Ok(changed) if changed.is_empty() => {
                tracing::info!(
                    "hangup: the configuration is valid, and nothing of it needs a restart; certificates are read by themselves when they change"
                );
            }
            Ok(changed) => {
                tracing::warn!(
                    keys = changed.join(", "),
                    "hangup: the configuration is valid, and other than at the start: these keys need a restart, until then the old ones hold"
                );
            }
            Err(error) => {
                tracing::error!(
                    error,
                    "hangup: the configuration cannot be used: the old one holds, and a restart would fail"
                );
            }
        }
    }
    std::future::pending().await
}

/// What of a collector's configuration differs.
pub(super) fn of_collector(old: &Config, new: &Config) -> Vec<&'static str> {
    differing(&[
        ("store", old.store != new.store),
        ("listen", old.listen != new.listen),
        ("cluster", old.cluster != new.cluster),
        ("node", old.node != new.node),
        ("[[tail]]", old.tail != new.tail),
        ("access.cert, access.key, access.ca", old.access.tls != new.access.tls),
        ("[metrics]", old.metrics != new.metrics),
        ("[[retention]]", old.retention != new.retention),
        ("[disk]", old.disk != new.disk),
        ("[[alert]]", old.alert != new.alert),
        ("[agents]", old.agents != new.agents),
        ("[webhook], [ndjson], [syslog], [relp], [audisp]", old.doors != new.doors),
        ("[limits]", old.limits != new.limits),
    ])
}

/// What of an agent's configuration differs.
pub(super) fn of_agent(old: &AgentConfig, new: &AgentConfig) -> Vec<&'static str> {
    let limits = (old.spool_bytes, old.heartbeat_s, old.limits) != (new.spool_bytes, new.heartbeat_s, new.limits);
    differing(&[
        ("collector", (&old.host, old.port) != (&new.host, new.port)),
        ("collector_key", old.collector_key != new.collector_key),
        ("state", old.state != new.state),
        ("cluster", old.cluster != new.cluster),
        ("node", old.node != new.node),
        ("cert, key, ca", old.tls != new.tls),
        ("metrics", old.metrics != new.metrics),
        ("[[tail]]", old.tail != new.tail),
        ("[limits]", limits),
    ])
}

fn differing(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    keys.iter().filter_map(|(key, differs)| differs.then_some(*key)).collect()
}

//! Doors of third parties: what other people's programs send becomes evidence, and is acknowledged once it is durable.
//!
//! Inside: `gate` (tokens), `intake` (the way to the ledger, bounded), `http` (bodies), `webhook`, `ndjson`, `bulk` and `otlp` (over HTTP), `stream` (connections), `syslog`, `relp` and
//! `audisp` (over TCP), `counts`. For people: `docs/doors.md`. Not here: the door of agents (`serve::batches`), their configuration (`config::doors`), what records mean (`normalise`).

mod audisp;
mod bulk;
mod counts;
mod gate;
mod http;
mod intake;
mod lines;
mod ndjson;
mod otlp;
mod otlp_wire;
mod rate;
mod relp;
mod remembered;
mod stream;
mod syslog;
mod webhook;

pub use counts::DoorCounts;

use super::listen::{Door, serve};
use super::metrics::Metrics;
use super::routes::ServeError;
use crate::access::Tokens;
use crate::config::{Protocol, ThirdDoor};
use crate::model::Moment;
use crate::pipeline::{Item, Room};
use crate::tls::{Clients, ServerTls, TlsError};
use axum::middleware::from_fn_with_state;
use gate::Gate;
use intake::Intake;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Why a door was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// Its certificates.
    #[error("[{name}]: {error}")]
    Tls {
        /// The door.
        name: &'static str,
        /// What is wrong with them.
        error: TlsError,
    },
    /// Its address.
    #[error("[{name}]: {error}")]
    Listen {
        /// The door.
        name: &'static str,
        /// The address, and what the operating system said.
        error: ServeError,
    },
}

struct Open {
    config: ThirdDoor,
    listener: TcpListener,
    tls: Option<ServerTls>,
}

/// Doors that are open, and at which nothing is taken yet.
pub struct Doors(Vec<Open>);

impl Doors {
    /// Reads certificates and listens.
    ///
    /// # Errors
    /// Certificates that cannot be used, addresses that are not free.
    pub async fn open(configured: &[ThirdDoor]) -> Result<Doors, DoorError> {
        let mut doors = Vec::new();
        for config in configured {
            let name = config.protocol.name();
            let clients = if config.tokens { Clients::Optional } else { Clients::Required };
            let tls = config.tls.clone().map(|files| ServerTls::open(files, clients)).transpose();
            let tls = tls.map_err(|error| DoorError::Tls { name, error })?;
            let listener = TcpListener::bind(config.listen).await;
            let address = config.listen;
            let listener =
                listener.map_err(|error| DoorError::Listen { name, error: ServeError::Listen { address, error } })?;
            doors.push(Open { config: config.clone(), listener, tls });
        }
        Ok(Doors(doors))
    }

    /// What is taken where.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.0
            .iter()
            .map(|door| (door.config.protocol.name(), door.listener.local_addr().unwrap_or(door.config.listen)))
    }

    /// Takes what comes until `stop` says so.
    pub fn start(
        self,
        (items, disk): (&SyncSender<Item>, &Arc<Room>),
        store: &Path,
        clock: fn() -> Moment,
        metrics: &Arc<Metrics>,
        servers: &mut JoinSet<Result<(), ServeError>>,
        stop: &watch::Receiver<bool>,
    ) {
        let mut all = Vec::new();
        for Open { config, listener, tls } in self.0 {
            let (protocol, connections_max) = (config.protocol, config.limits.connections);
            let counts = Arc::new(DoorCounts::new(protocol.name()));
            all.push(Arc::clone(&counts));
            let gate = config.tokens.then(|| {
                let (tokens, cluster) = (Tokens::of(store), config.cluster.clone());
                Arc::new(Gate { tokens, cluster, clock, counts: Arc::clone(&counts) })
            });
            let intake = Arc::new(Intake::new(config, items.clone(), store, clock, counts, Arc::clone(disk)));
            let (metrics, mut stop) = (Arc::clone(metrics), stop.clone());
            let router = match protocol {
                Protocol::Webhook => webhook::router(Arc::clone(&intake)),
                Protocol::Ndjson => ndjson::router(Arc::clone(&intake)),
                Protocol::Syslog | Protocol::Relp | Protocol::Audisp => {
                    servers.spawn(stream::take(intake, listener, tls, metrics, stop));
                    continue;
                }
            };
            let router = match gate {
                Some(gate) => router.layer(from_fn_with_state(gate, gate::gate)),
                None => router,
            };
            servers.spawn(serve(
                Door { listener, tls, router, connections_max, is_of_agents: false },
                metrics,
                async move {
                    // An error means that the sender is gone: stop too.
                    let _closed = stop.wait_for(|stop| *stop).await;
                },
            ));
        }
        metrics.doors(all);
    }
}

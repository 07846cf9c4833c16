//! Connections, plain or with TLS: so many at once, each with a time for its handshake and its headers; and the end of all of them.
//!
//! Who has not finished a handshake takes no place from those who have: of these, the oldest goes when there are too many.
//! Not here: requests (`guard`, `routes`), certificates (`tls`).

use super::error::Problem;
use super::metrics::Metrics;
use super::peer::uid;
use super::routes::ServeError;
use super::shares::{Part, Shares};
use crate::tls::{ServerTls, peer_name};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections at once, at most.
const CONNECTIONS_MAX: usize = 1_024;
/// Connections of agents at once, at most.
const AGENTS_MAX: usize = 16_384;
/// Connections of one node at once, at most: its agent has one, and one that breaks may take a while to end.
const NODE_MAX: usize = 16;
/// Connections at once that have not finished their handshake, at most.
const HANDSHAKES_MAX: usize = 4_096;
/// Connections beyond, which are told so at once.
const REFUSALS_MAX: usize = 256;
/// How long a client may take for the head of its first request, and with HTTP/1 of the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 16;
/// Bytes that a client may send before it is told to go on: held for each of thousands of agents that come back at once.
const WINDOW_BYTES: u32 = 128 << 10;
/// How often a silent HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted, as when no descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// From where.
    pub address: SocketAddr,
    /// The name in its verified certificate.
    pub name: Option<String>,
    /// The user, where they are on this machine and the connection is a plain one.
    pub uid: Option<u32>,
}

/// A socket and what is spoken on it.
pub struct Door {
    /// Where it listens.
    pub listener: TcpListener,
    /// Certificates; none on a loopback address.
    pub tls: Option<ServerTls>,
    /// What is served; each request has a `Peer` among its extensions.
    pub router: Router,
    /// Connections at once.
    pub connections_max: usize,
    /// Whether they are shared out among agents.
    pub is_of_agents: bool,
}

/// Serves until `stop` resolves; then open answers are finished.
///
/// # Errors
/// None at present; the type is that of the caller.
pub async fn serve(
    door: Door,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let Door { listener, tls, router, connections_max, is_of_agents } = door;
    let shares = is_of_agents.then(|| Shares::new(NODE_MAX, connections_max));
    let places = Arc::new(Semaphore::new(connections_max));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let graceful = GracefulShutdown::new();
    let builder = builder();
    let mut handshakes = Handshakes::new(share(16, HANDSHAKES_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        // An answer is written in small pieces: none of them waits for the client to acknowledge the one before. A socket that refuses is only slower.
        drop(stream.set_nodelay(true));
        let (builder, router, watcher) = (builder.clone(), router.clone(), graceful.watcher());
        let metrics = Arc::clone(&metrics);
        let Some(config) = tls.as_ref().map(ServerTls::config) else {
            let Ok(permit) = Arc::clone(&places).try_acquire_owned() else {
                metrics.connection_refused();
                // Beyond that they are closed without a word.
                if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                    tokio::spawn(async move {
                        let _slow = tokio::time::timeout(Duration::from_secs(1), refuse(stream)).await;
                        drop(permit);
                    });
                }
                continue;
            };
            tokio::spawn(async move {
                let _place = Place::new(permit, None, metrics);
                let own = stream.local_addr();
                let uid = own.ok().and_then(|own| uid(Path::new("/proc"), address, own));
                let service = service(router, Peer { address, name: None, uid }, Arc::default());
                // On a loopback address no browser speaks HTTP/2 without TLS.
                let builder = builder.http1_only();
                let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
                ended(watcher.watch(connection).await);
            });
            continue;
        };
        let (places, shares) = (Arc::clone(&places), shares.clone());
        let counts = Arc::clone(&metrics);
        let handshake = tokio::spawn(async move {
            let (stream, peer) = match handshake(config, stream, address).await {
                Ok(shaken) => shaken,
                Err(what) => {
                    metrics.handshake_failed();
                    tracing::debug!(%address, what, "no TLS connection came about");
                    return;
                }
            };
            let part = match shares.map(|shares| shares.take(&peer, 1)) {
                Some(None) => {
                    tracing::warn!(%address, name = peer.name, "an agent has too many connections");
                    return metrics.connection_refused();
                }
                part => part.flatten(),
            };
            let Ok(permit) = places.try_acquire_owned() else { return metrics.connection_refused() };
            let place = Place::new(permit, part, metrics);
            // A task of its own: that of the handshake may be ended.
            tokio::spawn(async move {
                let _place = place;
                let asked = Arc::new(AtomicBool::new(false));
                let service = service(router, peer, Arc::clone(&asked));
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                // By what was agreed on in the handshake: no time is spent on finding it out.
                let builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
                let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
                tokio::select! {
                    over = watcher.watch(connection) => ended(over),
                    () = unasked(&asked) => tracing::debug!(%address, "a connection without a request was closed"),
                }
            });
        });
        handshakes.begin(handshake.abort_handle(), &counts);
    }
    graceful.shutdown().await;
    Ok(())
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(Some(PING_EVERY))
        .keep_alive_timeout(HEAD_TIMEOUT);
    builder
}

/// A place among the connections, counted as long as it is taken.
struct Place {
    _permit: OwnedSemaphorePermit,
    _part: Option<Part>,
    metrics: Arc<Metrics>,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, part: Option<Part>, metrics: Arc<Metrics>) -> Place {
        metrics.connections(1);
        Place { _permit: permit, _part: part, metrics }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metrics.connections(-1);
    }
}

/// Handshakes that go on, oldest first. Whoever means well is done before as many others have come.
struct Handshakes {
    tasks: VecDeque<AbortHandle>,
    max: usize,
}

impl Handshakes {
    fn new(max: usize) -> Handshakes {
        Handshakes { tasks: VecDeque::new(), max }
    }

    fn begin(&mut self, task: AbortHandle, metrics: &Metrics) {
        if self.tasks.len() >= self.max {
            self.tasks.retain(|task| !task.is_finished());
        }
        if self.tasks.len() >= self.max
            && let Some(oldest) = self.tasks.pop_front()
        {
            oldest.abort();
            metrics.handshake_failed();
        }
        self.tasks.push_back(task);
    }
}

/// Resolves when no request has come in the time for one.
async fn unasked(asked: &AtomicBool) {
    tokio::time::sleep(HEAD_TIMEOUT).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

fn ended(over: Result<(), Box<dyn Error + Send + Sync>>) {
    if let Err(error) = over {
        tracing::debug!(%error, "a connection ended");
    }
}

/// A layer of the router would be made anew for each connection, and is large.
fn service(
    router: Router,
    peer: Peer,
    asked: Arc<AtomicBool>,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send> {
    let router = TowerToHyperService::new(router);
    service_fn(move |mut request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer.clone());
        router.call(request)
    })
}

/// Speaks TLS, and finds out who that is.
pub(super) async fn handshake(
    config: Arc<rustls::ServerConfig>,
    stream: TcpStream,
    address: SocketAddr,
) -> Result<(TlsStream<TcpStream>, Peer), String> {
    let shaken = tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await;
    let stream = shaken.map_err(|_| "it took too long".to_owned())?.map_err(|error| error.to_string())?;
    let certificates = stream.get_ref().1.peer_certificates();
    let name = certificates.and_then(|certificates| certificates.first()).and_then(peer_name);
    Ok((stream, Peer { address, name, uid: None }))
}

/// A quarter of the files that the process may have open: evidence goes before answers.
pub fn connections_max() -> usize {
    share(4, CONNECTIONS_MAX)
}

/// A third of these files.
pub fn agents_max() -> usize {
    share(3, AGENTS_MAX)
}

/// So many connections that they take one part of the files that the process may have open, and not more than `most`.
fn share(parts: usize, most: usize) -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()).map_or(Some(1_024), |soft| match soft {
        "unlimited" => None,
        number => Some(number.parse::<usize>().unwrap_or(1_024)),
    });
    files.map_or(most, |files| (files / parts.max(1)).clamp(16, most))
}

async fn refuse(mut stream: TcpStream) {
    let body = Problem::busy().text();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // Whoever is refused may be gone.
    let _gone = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _gone = stream.shutdown().await;
}

//! Connections: so many at once, each with a time for its headers; and the end of all of them.
//!
//! Not here: requests (`guard`, `routes`).

use super::error::Problem;
use super::metrics::Metrics;
use super::routes::ServeError;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once, at most.
const CONNECTIONS_MAX: usize = 1_024;
/// Connections beyond, which are told so at once.
const REFUSALS_MAX: usize = 256;
/// How long a client may take for the head of a request, also of the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// Pause after a connection could not be accepted, as when no descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` resolves; then open answers are finished.
///
/// # Errors
/// None at present; the type is that of the caller.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let places = Arc::new(Semaphore::new(connections_max()));
    let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
    let graceful = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let mut stop = std::pin::pin!(stop);
    loop {
        let stream = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
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
        // An answer is written in small pieces: none of them waits for the client to acknowledge the one before. A socket that refuses is only slower.
        drop(stream.set_nodelay(true));
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            metrics.connections(1);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            metrics.connections(-1);
            drop(place);
        });
    }
    graceful.shutdown().await;
    Ok(())
}

/// A quarter of the files that the process may have open: evidence goes before answers.
fn connections_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().next()).map_or(Some(1_024), |soft| match soft {
        "unlimited" => None,
        number => Some(number.parse::<usize>().unwrap_or(1_024)),
    });
    files.map_or(CONNECTIONS_MAX, |files| (files / 4).clamp(16, CONNECTIONS_MAX))
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

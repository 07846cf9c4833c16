//! Connections of protocols that are not HTTP: so many at once, with TLS or without, read up to a bound.
//!
//! Not here: what is spoken on them (`syslog`, `relp`, `audisp`).

use super::super::listen::{Peer, handshake};
use super::super::metrics::Metrics;
use super::super::routes::ServeError;
use super::counts::Reason;
use super::http::name_of;
use super::intake::Intake;
use super::{audisp, relp, syslog};
use crate::config::Protocol;
use crate::tls::ServerTls;
use rustix::net::sockopt::set_socket_keepalive;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Pause after a connection could not be accepted, as when no descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;
/// Bytes that a connection may hold without asking for room.
const SHORT_BYTES: usize = 128 << 10;

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// Takes connections until `stop` says so.
///
/// # Errors
/// None at present; the type is that of the caller.
pub async fn take(
    intake: Arc<Intake>,
    listener: TcpListener,
    tls: Option<ServerTls>,
    metrics: Arc<Metrics>,
    stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let places = Arc::new(Semaphore::new(intake.config.limits.connections));
    let mut open = JoinSet::new();
    let mut stopped = stop.clone();
    loop {
        while open.try_join_next().is_some() {}
        let (socket, address) = tokio::select! {
            () = told(&mut stopped) => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let ip = address.ip().to_canonical();
        let peers = &intake.config.peers;
        if !peers.is_empty() && !peers.iter().any(|net| net.contains(&ip)) {
            intake.counts.refused(Reason::Peer);
            tracing::warn!(door = intake.config.protocol.name(), %ip, "not among those who may send");
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            intake.counts.refused(Reason::Connections);
            continue;
        };
        // A socket that refuses is only slower, or stays when its other end is gone.
        let _slower = socket.set_nodelay(true);
        let _stays = set_socket_keepalive(&socket, true);
        let config = tls.as_ref().map(ServerTls::config);
        let (intake, stop, metrics) = (Arc::clone(&intake), stop.clone(), Arc::clone(&metrics));
        open.spawn(async move {
            let (socket, peer): (Box<dyn Socket>, Peer) = match config {
                None => (Box::new(socket), Peer { address, name: None, uid: None }),
                Some(config) => match handshake(config, socket, address).await {
                    Ok((socket, peer)) => (Box::new(socket), peer),
                    Err(what) => {
                        metrics.handshake_failed();
                        tracing::debug!(%address, what, "no TLS connection came about");
                        return;
                    }
                },
            };
            metrics.connections(1);
            let wire = Wire { socket, buffer: Vec::new(), at: 0, since: None, room: None, stop };
            let protocol = intake.config.protocol;
            let peer = name_of(&Peer { address: (ip, address.port()).into(), ..peer });
            speak(protocol, wire, &intake, &peer, ip).await;
            metrics.connections(-1);
            drop(place);
        });
    }
    // What has not been acknowledged is sent again.
    while open.join_next().await.is_some() {}
    Ok(())
}

/// Resolves when the collector ends.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: stop too.
    let _closed = stop.wait_for(|stop| *stop).await;
}

async fn speak(protocol: Protocol, wire: Wire, intake: &Intake, peer: &str, ip: IpAddr) {
    match protocol {
        Protocol::Relp => relp::speak(wire, intake, peer).await,
        Protocol::Audisp => audisp::speak(wire, intake, peer, ip).await,
        Protocol::Syslog | Protocol::Webhook | Protocol::Ndjson => syslog::speak(wire, intake, peer).await,
    }
}

/// Why nothing more was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// There is more.
    More,
    /// The other end has finished in good order.
    End,
    /// The connection broke.
    Broken,
    /// Nothing came in time.
    Late,
    /// The collector ends.
    Stop,
}

/// A connection, and what was read of it and not taken yet.
pub struct Wire {
    socket: Box<dyn Socket>,
    buffer: Vec<u8>,
    at: usize,
    /// Since when it is waited for the rest of a message.
    since: Option<Instant>,
    /// The room that a long message takes.
    room: Option<OwnedSemaphorePermit>,
    stop: watch::Receiver<bool>,
}

impl Wire {
    /// What was read and not taken yet.
    pub fn unread(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// So many bytes were taken.
    pub fn taken(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.buffer.len());
        self.since = None;
    }

    /// Tells whether the collector ends.
    pub fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// How long it is waited yet for the rest of a message; for a new one there is no hurry.
    pub fn rest(&mut self, intake: &Intake) -> Option<Duration> {
        if self.unread().is_empty() {
            return None;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        Some(intake.timeout().saturating_sub(since.elapsed()))
    }

    /// Reads what there is; waits for it, but no longer than `within`, and for room.
    pub async fn read(&mut self, intake: &Intake, within: Option<Duration>) -> Read {
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.buffer.len() <= SHORT_BYTES {
            // A long message leaves no memory behind.
            self.buffer.shrink_to(SHORT_BYTES);
            self.room = None;
        }
        while self.buffer.len() > SHORT_BYTES && self.room.is_none() {
            if *self.stop.borrow() {
                return Read::Stop;
            }
            self.room = intake.hold(intake.config.limits.message_bytes).await.ok();
        }
        self.buffer.reserve(READ_BYTES);
        let Wire { socket, buffer, stop, .. } = self;
        let mut limited = socket.take(u64::try_from(READ_BYTES).unwrap_or(u64::MAX));
        let read = limited.read_buf(buffer);
        let late = async {
            match within {
                Some(within) => tokio::time::sleep(within).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = told(stop) => Read::Stop,
            read = read => match read {
                Ok(0) => Read::End,
                Ok(_) => Read::More,
                Err(_) => Read::Broken,
            },
            () = late => Read::Late,
        }
    }

    /// Writes; whether that went well.
    pub async fn write(&mut self, bytes: &[u8], within: Duration) -> bool {
        let written = async {
            self.socket.write_all(bytes).await?;
            self.socket.flush().await
        };
        matches!(tokio::time::timeout(within, written).await, Ok(Ok(())))
    }

    /// Says that nothing more comes.
    pub async fn close(&mut self) {
        let _gone = tokio::time::timeout(Duration::from_secs(1), self.socket.shutdown()).await;
    }
}

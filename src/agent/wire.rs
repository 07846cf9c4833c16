//! One HTTP/2 connection to the collector, over mutual TLS; made again when it breaks, and when the certificates change.
//!
//! Not here: what is sent, and when it is tried again (`send`).

use crate::tls::ClientTls;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take: the collector says no by itself after 60 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// How often a silent connection is asked whether the other side is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes that the other side may send before it is told to go on.
const WINDOW_BYTES: u32 = 256 << 10;

/// The collector, as far as a connection knows it.
pub struct Wire {
    host: String,
    port: u16,
    tls: ClientTls,
    open: Option<(SendRequest<Full<Bytes>>, Arc<ClientConfig>)>,
}

/// What came back.
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// How long the collector wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The collector's clock (`Date`), in whole seconds.
    pub date: Option<String>,
    /// The body, whole.
    pub body: Bytes,
}

impl Wire {
    /// No connection yet; the first question makes one.
    pub fn new(host: String, port: u16, tls: ClientTls) -> Wire {
        Wire { host, port, tls, open: None }
    }

    /// Asks once.
    ///
    /// # Errors
    /// What failed; whether the request came through is then not known.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Reply, String> {
        let asked = tokio::time::timeout(ANSWER_TIMEOUT, self.ask_once(method, path, headers, body)).await;
        let asked = asked.unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())));
        if asked.is_err() {
            self.open = None;
        }
        asked
    }

    async fn ask_once(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
    ) -> Result<Reply, String> {
        let authority = self.authority();
        let sender = self.sender().await?;
        let mut request = Request::builder().method(method).uri(format!("https://{authority}{path}"));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body)).map_err(|error| said(&"the request", &error))?;
        let response = sender.send_request(request).await.map_err(|error| said(&"the request", &error))?;
        let (parts, body) = response.into_parts();
        let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let date = parts.headers.get(header::DATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| said(&"the answer", &error))?;
        let retry_after = retry_after.map(Duration::from_secs);
        Ok(Reply { status: parts.status, retry_after, date, body: body.to_bytes() })
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let config = self.tls.config();
        let usable = |(sender, made): &(SendRequest<Full<Bytes>>, Arc<ClientConfig>)| {
            !sender.is_closed() && Arc::ptr_eq(made, &config)
        };
        if !self.open.as_ref().is_some_and(usable) {
            let connected = tokio::time::timeout(CONNECT_TIMEOUT, self.connect(Arc::clone(&config))).await;
            let sender = connected.map_err(|_| format!("no connection to {} within 10 s", self.authority()))??;
            self.open = Some((sender, config));
        }
        let (sender, _) = self.open.as_mut().ok_or("no connection")?;
        sender.ready().await.map_err(|error| said(&"the connection", &error))?;
        Ok(sender)
    }

    async fn connect(&self, config: Arc<ClientConfig>) -> Result<SendRequest<Full<Bytes>>, String> {
        let to = self.authority();
        let failed = |error: &dyn Display| said(&format!("connecting to {to}"), error);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|error| failed(&error))?;
        // Requests are large: a socket that refuses is only slower.
        drop(stream.set_nodelay(true));
        let name = ServerName::try_from(self.host.clone()).map_err(|error| failed(&error))?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(|error| failed(&error))?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .keep_alive_interval(Some(PING_EVERY))
            .keep_alive_timeout(CONNECT_TIMEOUT);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the collector ended");
            }
        });
        Ok(sender)
    }
}

fn said(what: &dyn Display, error: &dyn Display) -> String {
    format!("{what}: {error}")
}

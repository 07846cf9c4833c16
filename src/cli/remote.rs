//! A collector as the command line asks it: over HTTP or TLS, with a token, a certificate, or as one who can read the store.
//!
//! Not here: whom to ask (`ask`), the other end (`serve`).

use super::args::Global;
use super::ask::Asker;
use super::exit::{CliError, Exit};
use crate::query::{Question, Trailer};
use crate::tls::{ClientTls, Files};
use clap::Args;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::io::Read;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of one line of an answer; a server that sends a longer one is none of ours.
const LINE_BYTES_MAX: usize = 256 << 20;
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a token's file.
const TOKEN_BYTES_MAX: u64 = 4_096;
/// Where systems keep the authorities that they trust.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How to get into a collector.
#[derive(Debug, Default, Args)]
pub struct Entry {
    /// File that holds the token for --server
    #[arg(long, global = true, value_name = "FILE", env = "DEPONENT_TOKEN_FILE", help_heading = "Global")]
    pub token_file: Option<PathBuf>,
    /// Authorities of the collector's certificate (PEM) [default: those of the system]
    #[arg(long, global = true, value_name = "FILE", env = "DEPONENT_CA", help_heading = "Global")]
    pub ca: Option<PathBuf>,
    /// Certificate to show, instead of a token (PEM)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "DEPONENT_CERT",
        requires = "cert_key",
        help_heading = "Global"
    )]
    pub cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, global = true, value_name = "FILE", env = "DEPONENT_CERT_KEY", help_heading = "Global")]
    pub cert_key: Option<PathBuf>,
}

impl Entry {
    /// The token, where a file is named.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn token(&self) -> Result<Option<String>, CliError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let mut text = String::new();
        let read = std::fs::File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
        read.map_err(|error| CliError::io(path.display().to_string(), &error))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(CliError::usage(format!("{} holds no token", path.display())));
        }
        Ok(Some(token.to_owned()))
    }

    fn tls(&self, encrypted: bool) -> Result<rustls::ClientConfig, CliError> {
        let system = || AUTHORITIES.iter().map(PathBuf::from).find(|path| path.exists()).unwrap_or_default();
        if !encrypted {
            // Nothing is verified with it; the connector wants one.
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let builder = rustls::ClientConfig::builder_with_provider(provider);
            let builder = builder.with_safe_default_protocol_versions().map_err(CliError::usage)?;
            return Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth());
        }
        let files = Files {
            cert: self.cert.clone().unwrap_or_default(),
            key: self.cert_key.clone().unwrap_or_default(),
            ca: self.ca.clone().unwrap_or_else(system),
        };
        let tls = ClientTls::open(files, &[]).map_err(CliError::usage)?;
        Ok(Arc::unwrap_or_clone(tls.config()))
    }
}

/// A collector's endpoint.
pub struct Remote {
    uri: Uri,
    token: Option<HeaderValue>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    /// The collector at a URL, for one who has this token, or this certificate, or neither.
    ///
    /// # Errors
    /// It is no such URL, the files of the certificate cannot be used, a token would go over the net for everybody to read.
    pub fn new(url: &str, token: Option<String>, entry: &Entry) -> Result<Remote, CliError> {
        let url = url.trim_end_matches('/');
        let uri: Uri = format!("{url}/v1/ask").parse().map_err(|error| CliError::usage(format!("`{url}`: {error}")))?;
        let host = uri.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']').to_owned();
        let encrypted = match uri.scheme_str() {
            Some("https") if !host.is_empty() => true,
            Some("http") if !host.is_empty() => false,
            _ => return Err(CliError::usage(format!("`{url}` is not of the form https://HOST:PORT"))),
        };
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if !encrypted && token.is_some() && !is_here {
            let message = format!("`{url}` has no TLS: the token could be read on its way; use https://");
            return Err(CliError::usage(message));
        }
        let token = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let mut token =
            token.transpose().map_err(|_| CliError::usage("the token holds characters that no token has"))?;
        token.iter_mut().for_each(|token| token.set_sensitive(true));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::io("starting the HTTP client", &error))?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let https = HttpsConnectorBuilder::new().with_tls_config(entry.tls(encrypted)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(https.wrap_connector(http));
        Ok(Remote { uri, token, client, runtime })
    }

    /// A running collector: the one that is named, or the one that holds the store.
    pub fn find(global: &Global) -> Result<Remote, CliError> {
        match Asker::find(global)? {
            Asker::Remote(remote) => Ok(*remote),
            Asker::Local(_) => {
                Err(CliError::new(Exit::Unreachable, "no collector runs on this store; `deponent serve` starts one"))
            }
        }
    }

    /// A small document: of a GET, or of a POST where there is a body.
    pub fn json(&self, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let uri = self.uri.to_string().replacen("/v1/ask", path, 1);
        let request = self.authorized(if body.is_some() { Request::post(uri) } else { Request::get(uri) });
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(body)));
        let request = request.map_err(CliError::usage)?;
        self.runtime.block_on(async {
            let response = self.client.request(request).await.map_err(|error| self.unreachable(error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LINE_BYTES_MAX).collect().await;
            let body = body.map_err(|error| CliError::new(Exit::Unreachable, error))?.to_bytes();
            if status != 200 {
                return Err(refusal(status, &body));
            }
            serde_json::from_slice(&body).map_err(|error| CliError::new(Exit::Unreachable, error))
        })
    }

    fn authorized(&self, request: Builder) -> Builder {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        }
    }

    fn unreachable(&self, error: impl std::error::Error) -> CliError {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let mut message = format!("the collector at {authority} does not answer: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        CliError::new(Exit::Unreachable, message)
    }

    /// Asks, and goes on where a collector cut a long answer by its own limit of time.
    pub fn ask_on(
        &self,
        question: &Question,
        sink: &mut dyn FnMut(Value) -> Result<(), CliError>,
    ) -> Result<Trailer, CliError> {
        let mut question = question.clone();
        let (mut count, mut lost) = (0u64, 0u64);
        loop {
            let trailer = self.ask(&question, sink)?;
            count = count.saturating_add(trailer.count);
            lost = lost.saturating_add(trailer.lost);
            if let (Some(next), Question::Search(search)) = (&trailer.next, &mut question) {
                let got = usize::try_from(trailer.count).unwrap_or(usize::MAX);
                let left = search.limit.map(|limit| limit.saturating_sub(got));
                if left != Some(0) {
                    (search.after, search.limit) = (Some(next.clone()), left);
                    continue;
                }
            }
            return Ok(Trailer { count, lost, ..trailer });
        }
    }

    fn ask(
        &self,
        question: &Question,
        sink: &mut dyn FnMut(Value) -> Result<(), CliError>,
    ) -> Result<Trailer, CliError> {
        let body = serde_json::to_vec(question).map_err(CliError::usage)?;
        let request = self
            .authorized(Request::post(self.uri.clone()))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(CliError::usage)?;
        self.runtime.block_on(async {
            let response = self.client.request(request).await.map_err(|error| self.unreachable(error))?;
            let status = response.status().as_u16();
            let mut body = response.into_body();
            let mut lines = Lines::default();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| self.unreachable(error))?;
                let Ok(data) = frame.into_data() else { continue };
                lines.push(&data)?;
                if status == 200 {
                    while let Some(line) = lines.next()? {
                        if let Some(trailer) = lines.take(line, sink)? {
                            return Ok(trailer);
                        }
                    }
                }
            }
            if status == 200 {
                let message = "the answer was cut off: what was printed is incomplete";
                return Err(CliError::new(Exit::Unreachable, message));
            }
            Err(refusal(status, &lines.buffer))
        })
    }
}

/// The bytes of an answer, cut into lines.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    /// So many of them hold no line end.
    searched: usize,
}

impl Lines {
    fn push(&mut self, data: &[u8]) -> Result<(), CliError> {
        if self.buffer.len().saturating_add(data.len()) > LINE_BYTES_MAX {
            return Err(CliError::new(Exit::Unreachable, "the server sends a line without end"));
        }
        self.buffer.extend_from_slice(data);
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Value>, CliError> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unsearched).map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        self.searched = 0;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        let parsed = serde_json::from_slice(&line);
        parsed
            .map(Some)
            .map_err(|error| CliError::new(Exit::Unreachable, format!("the server does not speak JSON: {error}")))
    }

    /// The trailer, if that is what the line is.
    fn take(
        &self,
        line: Value,
        sink: &mut dyn FnMut(Value) -> Result<(), CliError>,
    ) -> Result<Option<Trailer>, CliError> {
        if let Some(end) = line.get(crate::serve::END) {
            let trailer = serde_json::from_value(end.clone());
            return trailer.map(Some).map_err(|error| CliError::new(Exit::Unreachable, error));
        }
        if let Some(error) = line.get("_error") {
            let status = error.get("status").and_then(Value::as_u64).and_then(|s| u16::try_from(s).ok()).unwrap_or(500);
            return Err(refusal(status, error.to_string().as_bytes()));
        }
        sink(line).map(|()| None)
    }
}

/// A problem document as an error of the command line.
fn refusal(status: u16, body: &[u8]) -> CliError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let exit = match (status, text("title").as_str()) {
        (404, _) => Exit::NoMatch,
        (409, "not signed yet") => Exit::InputOutput,
        (400 | 401 | 403 | 409 | 422, _) => Exit::Usage,
        (_, "integrity") => Exit::Integrity,
        (429 | 503, _) => Exit::Unreachable,
        _ => Exit::InputOutput,
    };
    let detail = text("detail");
    CliError::new(exit, if detail.is_empty() { format!("the server answered {status}") } else { detail })
}

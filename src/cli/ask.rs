//! Whom to ask: the store's own files, or the collector that is serving it.
//!
//! Not here: the answers (`query`), their wire format (`serve`).

use super::args::Global;
use super::exit::{CliError, Exit};
use crate::config::{Config, Tail};
use crate::evidence::{Reader, holder};
use crate::index::Index;
use crate::query::{AnswerError, Engine, Followed, Question, Stop, Trailer};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes of one line of an answer; a server that sends a longer one is none of ours.
const LINE_BYTES_MAX: usize = 256 << 20;
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Somebody who answers questions.
pub enum Asker {
    /// The store's files, read here.
    Local(Box<Engine>),
    /// A collector.
    Remote(Box<Remote>),
}

/// Reads the configuration that applies: `--config`, else ./config.toml where there is one, else the defaults.
pub fn config(global: &Global) -> Result<Config, CliError> {
    let default = Path::new("config.toml");
    match &global.config {
        Some(path) => Config::read(path).map_err(CliError::usage),
        None if default.exists() => Config::read(default).map_err(CliError::usage),
        None => Ok(Config::default()),
    }
}

/// The store's folder that applies.
pub fn store_dir(global: &Global) -> Result<PathBuf, CliError> {
    match &global.store {
        Some(dir) => Ok(dir.clone()),
        None => Ok(config(global)?.store),
    }
}

/// What a collector of this store would follow: nothing is known of that where the configuration is about another store.
fn followed(global: &Global, dir: &Path) -> Vec<Tail> {
    let same = |other: &Path| matches!((other.canonicalize(), dir.canonicalize()), (Ok(a), Ok(b)) if a == b);
    match config(global) {
        Ok(config) if global.config.is_some() || same(&config.store) => config.tail,
        _ => Vec::new(),
    }
}

impl Asker {
    /// Finds whom to ask.
    pub fn find(global: &Global) -> Result<Asker, CliError> {
        if global.config.is_some() {
            config(global)?;
        }
        if let Some(url) = &global.server {
            return Remote::new(url).map(|remote| Asker::Remote(Box::new(remote)));
        }
        let dir = store_dir(global)?;
        if !dir.exists() {
            let message = format!(
                "there is no store at {}; `deponent ingest PATH… --store DIR` or `deponent serve` makes one, --store DIR names another",
                dir.display()
            );
            return Err(CliError::new(Exit::Unreachable, message));
        }
        let holder = holder(&dir).map_err(|error| CliError::of_evidence(&error))?;
        if let Some(address) = holder.and_then(|holder| holder.address) {
            return Remote::new(&format!("http://{address}")).map(|remote| Asker::Remote(Box::new(remote)));
        }
        let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
        let index =
            Index::open_read_only(&dir.join("index")).map_err(|error| CliError::new(Exit::InputOutput, error))?;
        let followed = Followed { tails: followed(global, &dir), running: false };
        Ok(Asker::Local(Box::new(Engine::new(reader, index).following(followed))))
    }

    /// Asks; each line goes to `sink`, whose error ends the answer quietly.
    pub fn ask(
        &self,
        question: &Question,
        sink: &mut dyn FnMut(Value) -> Result<(), CliError>,
    ) -> Result<Trailer, CliError> {
        match self {
            Asker::Remote(remote) => remote.ask_on(question, sink),
            Asker::Local(engine) => {
                let mut failed = None;
                let answered = engine.answer(question, crate::time::now(), &mut |line| {
                    sink(line).map_err(|error| {
                        failed = Some(error);
                        Stop
                    })
                });
                match (failed, answered) {
                    (Some(error), _) => Err(error),
                    (None, Ok(trailer)) => Ok(trailer),
                    (None, Err(AnswerError::Stopped)) => Ok(engine.trailer()),
                    (None, Err(error)) => Err(CliError::of_answer(&error, query_text(question))),
                }
            }
        }
    }
}

fn query_text(question: &Question) -> &str {
    if let Question::Search(search) = question { &search.q } else { "" }
}

/// A collector's endpoint.
pub struct Remote {
    uri: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    fn new(url: &str) -> Result<Remote, CliError> {
        let url = url.trim_end_matches('/');
        let uri: Uri = format!("{url}/v1/ask").parse().map_err(|error| CliError::usage(format!("`{url}`: {error}")))?;
        if uri.scheme_str() != Some("http") || uri.host().is_none() {
            return Err(CliError::usage(format!("`{url}` is not of the form http://ADDRESS:PORT")));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::io("starting the HTTP client", &error))?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Remote { uri, client, runtime })
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
        let request = if body.is_some() { Request::post(uri) } else { Request::get(uri) };
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
    fn ask_on(
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
        let request = Request::post(self.uri.clone())
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
        (400 | 403 | 409 | 422, _) => Exit::Usage,
        (_, "integrity") => Exit::Integrity,
        (503, _) => Exit::Unreachable,
        _ => Exit::InputOutput,
    };
    let detail = text("detail");
    CliError::new(exit, if detail.is_empty() { format!("the server answered {status}") } else { detail })
}

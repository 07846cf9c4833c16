//! Who is told: a file, standard output, a webhook.
//!
//! A line counts as taken when it is on disk, was written to standard output, or was answered with 2xx. Not here: when it is told again (`follow`).

use crate::config::Receiver;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a webhook may take for the head of its answer, the connection included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long for the rest of it, which nobody needs: it is read so that the connection can be kept.
const REST_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of that rest.
const REST_BYTES_MAX: usize = 64 << 10;
/// Bytes of the head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Headers in it.
const HEADERS_MAX: usize = 64;

/// Standard output, shared by all alerts that write there.
pub type Out = Arc<Mutex<dyn Write + Send>>;

/// Whether a receiver can be one. `store`: the store's folder, where nothing else may be written.
pub(super) fn check(to: &Receiver, store: &Path) -> Result<(), String> {
    match to {
        Receiver::Stdout => Ok(()),
        Receiver::File(path) => check_file(path, store),
        Receiver::Webhook(url) => uri(url).map(drop),
    }
}

fn check_file(path: &Path, store: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    if store.canonicalize().is_ok_and(|store| folder.starts_with(store)) {
        return Err(format!("{} is in the store, which holds nothing else", path.display()));
    }
    regular(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Opening a FIFO would wait for a reader.
fn regular(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if meta.is_file() => Ok(()),
        Ok(_) => Err(io::Error::other("it is no file")),
    }
}

fn uri(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error| format!("`webhook` is no URL: {error}"))?;
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Err("`webhook` is not of the form http://HOST:PORT/PATH".to_owned());
    }
    if authority.contains('@') {
        return Err("`webhook` holds a user's name: it would not be sent; put a secret into the path".to_owned());
    }
    Ok(uri)
}

/// A receiver that is ready.
pub(super) enum Told {
    Stdout { out: Out, torn: bool },
    File { path: PathBuf, pen: Arc<Mutex<()>> },
    Webhook { uri: Uri, client: Box<Client<HttpConnector, Full<Bytes>>> },
}

/// As the log may say it: the path of a URL can hold a secret.
impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Stdout { .. } => write!(f, "stdout"),
            Told::File { path, .. } => write!(f, "{}", path.display()),
            Told::Webhook { uri, .. } => write!(f, "http://{}", uri.authority().map_or("", |a| a.as_str())),
        }
    }
}

impl Told {
    /// Makes ready. `pen` is held by whoever writes into a file.
    pub fn new(to: &Receiver, out: &Out, pen: &Arc<Mutex<()>>) -> Result<Told, String> {
        Ok(match to {
            Receiver::Stdout => Told::Stdout { out: Arc::clone(out), torn: false },
            Receiver::File(path) => Told::File { path: path.clone(), pen: Arc::clone(pen) },
            Receiver::Webhook(url) => {
                let mut connector = HttpConnector::new();
                connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
                connector.set_nodelay(true);
                let client = Client::builder(TokioExecutor::new())
                    .pool_max_idle_per_host(1)
                    .http1_max_buf_size(HEAD_BYTES_MAX)
                    .http1_max_headers(HEADERS_MAX)
                    .build(connector);
                Told::Webhook { uri: uri(url)?, client: Box::new(client) }
            }
        })
    }

    /// Lines that are told at once: a webhook takes one.
    pub fn lines_max(&self) -> usize {
        if matches!(self, Told::Webhook { .. }) { 1 } else { usize::MAX }
    }

    /// Tells some lines, all or none of which count as taken.
    ///
    /// # Errors
    /// Why they were not.
    pub async fn tell(&mut self, lines: &[String]) -> Result<(), String> {
        let text = lines.concat();
        match self {
            Told::Stdout { out, torn } => {
                let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
                // What was written in vain may have ended within a line.
                let begin = if *torn { "\n" } else { "" };
                let written = out.write_all(format!("{begin}{text}").as_bytes()).and_then(|()| out.flush());
                *torn = written.is_err();
                written.map_err(|error| error.to_string())
            }
            Told::File { path, pen } => {
                let _held = pen.lock().unwrap_or_else(PoisonError::into_inner);
                append(path, &text).map_err(|error| error.to_string())
            }
            Told::Webhook { uri, client } => post(client, uri, text).await,
        }
    }
}

/// Opened each time, so that whoever rotates the file may take it away.
fn append(path: &Path, text: &str) -> io::Result<()> {
    regular(path)?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    // A crash can leave the beginning of a line; it is no line of JSON, and what it began comes again.
    let begin = if last == *b"\n" { "" } else { "\n" };
    let written = file.write_all(format!("{begin}{text}").as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // A full disk: each further attempt would add its own piece. Where this fails too, the pieces are doubled lines at worst.
        let _kept = file.set_len(length);
    }
    written
}

async fn post(client: &Client<HttpConnector, Full<Bytes>>, uri: &Uri, text: String) -> Result<(), String> {
    let request = Request::post(uri.clone())
        .header("content-type", "application/json")
        .header("user-agent", concat!("deponent/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| error.to_string())?;
    let asked = tokio::time::timeout(ANSWER_TIMEOUT, client.request(request)).await;
    let answer = asked.map_err(|_| format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))?;
    let answer = answer.map_err(|error| causes(&error))?;
    let status = answer.status();
    // The answer's head decides. Redirects are not followed: what is told goes where the configuration says.
    let _rest = tokio::time::timeout(REST_TIMEOUT, skip(answer.into_body())).await;
    if status.is_success() { Ok(()) } else { Err(format!("it answered {}", status.as_u16())) }
}

/// Reads a body up to a limit; beyond it the connection is closed.
async fn skip(mut body: impl Body<Data = Bytes> + Unpin) {
    let mut left = REST_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message.push_str(&format!(": {error}"));
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.jsonl");
        append(&path, "{}\n").unwrap();
        append(&path, "{}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{}\n");
        std::fs::write(&path, "{}\n{\"torn").unwrap();
        append(&path, "{}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n{\"torn\n{}\n");
        assert!(append(dir.path(), "{}\n").is_err(), "a folder is no file");
    }

    #[test]
    fn only_plain_http_to_a_host() {
        for url in ["http://h/p", "http://127.0.0.1:9/", "http://[::1]:9", "http://h:1/p?q=1"] {
            uri(url).unwrap();
        }
        for url in ["https://h/", "http://", "http:///p", "http://u:p@h/", "http://h h/", "h", "file:///p", ""] {
            assert!(uri(url).is_err(), "{url}");
        }
    }

    #[test]
    fn nothing_is_written_into_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        std::fs::create_dir(&store).unwrap();
        let check = |path: &Path| check_file(path, &store);
        check(&dir.path().join("a")).unwrap();
        assert!(check(&store.join("a")).unwrap_err().contains("in the store"));
        assert!(check(&dir.path().join("x/../store/a")).is_err());
        assert!(check(&dir.path().join("none/a")).unwrap_err().contains("none"));
        assert!(check(&store).unwrap_err().contains("no file"));
    }
}

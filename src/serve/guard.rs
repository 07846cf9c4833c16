//! What happens to a request before its route sees it: who may ask, how long and how much a client may send.
//!
//! Not here: connections (`listen`).

use super::error::Problem;
use super::routes::Shared;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use std::time::Duration;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a client may take to send one.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A page of somebody else in a browser on this machine must not be able to ask: it cannot set `Host` to a loopback name, and it sends its `Origin`.
pub async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Result<Response<Body>, Problem> {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let ip = shared.address.ip();
    let ours = name == "localhost" || name == ip.to_string() || name == format!("[{ip}]");
    if !ours || hosts.next().is_some() {
        return Err(Problem::foreign(format!("Host `{host}` is not this server; use its loopback address")));
    }
    // A request in absolute form names its host once more.
    if request.uri().authority().is_some_and(|authority| authority.as_str() != host) {
        return Err(Problem::foreign("the request is for another host than its Host header says"));
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(Problem::foreign("requests from web pages are refused"));
    }
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await;
    let body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Problem::too_large(format!("a body has {BODY_BYTES_MAX} bytes at most"))),
        Err(_) => return Err(Problem::timeout(format!("the body did not come within {} s", BODY_TIMEOUT.as_secs()))),
    };
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // What is shown holds text of attackers: no browser may guess that it is a page.
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

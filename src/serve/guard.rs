//! What happens to a request before its route sees it: who may ask, how long and how much a client may send.
//!
//! Not here: connections (`listen`).

use super::access::{Access, Caller, from};
use super::error::Problem;
use super::listen::Peer;
use super::routes::Shared;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 << 10;
/// How long a client may take to send one.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What everybody may ask: whether it runs, and how to ask.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/openapi.json"];

/// A page of somebody else in a browser on this machine must not be able to ask: it cannot set `Host` to a loopback name, and it sends its `Origin`.
fn local(request: &Parts, address: SocketAddr) -> Result<(), Problem> {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let ip = address.ip();
    let ours = name == "localhost" || name == ip.to_string() || name == format!("[{ip}]");
    if !ours || hosts.next().is_some() {
        return Err(Problem::foreign(format!("Host `{host}` is not this server; use its loopback address")));
    }
    // A request in absolute form names its host once more.
    if request.uri.authority().is_some_and(|authority| authority.as_str() != host) {
        return Err(Problem::foreign("the request is for another host than its Host header says"));
    }
    Ok(())
}

/// Finds out who asks; keeps who comes, and who is refused.
async fn caller(shared: &Shared, request: &Parts) -> Result<Arc<Caller>, Problem> {
    let Access { recorder, clients, .. } = &*shared.access;
    let peer = request.extensions.get::<Peer>();
    let peer = peer.ok_or_else(|| Problem::internal("nobody knows where the request is from"))?;
    match shared.access.caller(&request.headers, peer, shared.plain.is_some(), (shared.clock)()) {
        Ok(caller) => {
            if clients.comes(&caller.client()) {
                recorder.say("access-login", caller.told()).await;
            }
            Ok(Arc::new(caller))
        }
        Err(denied) => {
            if clients.refused(peer.address.ip()) {
                let mut told = from(peer);
                if let Some((name, id)) = denied.whose {
                    told.insert("shown".to_owned(), name.into());
                    told.insert("credential".to_owned(), id.into());
                }
                told.insert("route".to_owned(), request.uri.path().into());
                told.insert("reason".to_owned(), denied.what.into());
                told.insert("outcome".to_owned(), "denied".into());
                recorder.say("access-denied", told).await;
            }
            // Whoever guesses learns nothing of what is there.
            let detail = "who are you? Send a valid token (`Authorization: Bearer …`, with deponent: --token-file FILE) or a client certificate; `deponent token add` makes tokens";
            Err(Problem::unauthorized(detail))
        }
    }
}

/// What comes before each route.
pub async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Result<Response<Body>, Problem> {
    let (mut parts, body) = request.into_parts();
    if let Some(address) = shared.plain {
        local(&parts, address)?;
    }
    if parts.headers.contains_key(header::ORIGIN) {
        return Err(Problem::foreign("requests from web pages are refused"));
    }
    if !OPEN.contains(&parts.uri.path()) {
        let caller = caller(&shared, &parts).await?;
        parts.extensions.insert(caller);
    }
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

//! Who sends at a door that takes tokens: what HTTP clients can be told to send, `Bearer`, `Basic` (the token as the password) or Elasticsearch's `ApiKey`.
//!
//! Not here: what they send, tokens of those who ask (`serve::access`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::counts::{DoorCounts, Reason};
use crate::access::{Standing, Tokens};
use crate::config::Role;
use crate::model::Moment;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::middleware::Next;
use std::sync::Arc;

/// What a door knows of who may send.
pub struct Gate {
    /// The store's tokens.
    pub tokens: Tokens,
    /// The cluster of what comes.
    pub cluster: String,
    /// The present.
    pub clock: fn() -> Moment,
    /// The door's numbers.
    pub counts: Arc<DoorCounts>,
}

/// Lets in who shows a token of the role `agent` for the door's cluster; who has shown a certificate of the authority is in already.
pub async fn gate(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Result<Response<Body>, Problem> {
    let token = token(request.headers());
    let peer = request.extensions().get::<Peer>().cloned();
    let mut peer = peer.ok_or_else(|| Problem::internal("nobody knows where the request is from"))?;
    let known = token.and_then(|token| gate.tokens.find(&token, (gate.clock)()));
    match known {
        Some((known, Standing::Valid)) if known.grant.has(Role::Agent) => {
            let clusters = &known.grant.clusters;
            if !clusters.is_empty() && !clusters.contains(&gate.cluster) {
                gate.counts.refused(Reason::Peer);
                let detail = format!("this door is of cluster `{}`, for which the token is not", gate.cluster);
                return Err(Problem::foreign(detail));
            }
            peer.name = Some(format!("token:{}", known.name));
            request.extensions_mut().insert(peer);
            Ok(next.run(request).await)
        }
        None if peer.name.is_some() && !request.headers().contains_key(header::AUTHORIZATION) => {
            Ok(next.run(request).await)
        }
        _ => {
            gate.counts.refused(Reason::Peer);
            Err(Problem::unauthorized("send a valid token of the role `agent`: `deponent token add NAME --role agent`"))
        }
    }
}

/// The token of a request.
fn token(headers: &HeaderMap) -> Option<String> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (scheme, value) = given.next()?.to_str().ok()?.split_once(' ')?;
    if given.next().is_some() {
        return None;
    }
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") && !scheme.eq_ignore_ascii_case("apikey") {
        return None;
    }
    let decoded = String::from_utf8(data_encoding::BASE64.decode(value.as_bytes()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, token)| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_in_any_of_the_ways_of_clients() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            token(&headers)
        };
        let basic = data_encoding::BASE64.encode(b"anybody:dpn_a_b");
        for value in [
            "Bearer dpn_a_b".to_owned(),
            "bearer  dpn_a_b ".to_owned(),
            format!("Basic {basic}"),
            format!("ApiKey {basic}"),
        ] {
            assert_eq!(of(&[&value]).as_deref(), Some("dpn_a_b"), "{value}");
        }
        assert_eq!(of(&[]), None);
        for value in ["dpn_a_b", "Digest dpn_a_b", "Basic dpn_a_b", "Basic ////", "Basic ZHBu"] {
            assert_eq!(of(&[value]), None, "{value}");
        }
        assert_eq!(of(&["Bearer dpn_a_b", "Bearer dpn_a_b"]), None);
    }
}

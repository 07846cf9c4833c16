//! The log for third parties: its checkpoint and tiles, as C2SP tlog-tiles names them.
//!
//! A path is taken apart and written anew from its numbers before any file is opened. Not here: what is behind a name (`evidence::TileName`).

use super::error::{Problem, of_answer};
use super::record::Ended;
use super::session::{AUDITORS, Session};
use crate::evidence::{Reader, TileName};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse;

/// `/log/checkpoint`.
pub async fn checkpoint(shared: Session) -> Result<Response<Body>, Problem> {
    newest(&shared.engine.reader)
}

/// `/log/tile/…`.
pub async fn tile(shared: Session, Path(path): Path<String>) -> Result<Response<Body>, Problem> {
    if path.starts_with("entries/") {
        // Headers of batches name nodes and files; hashes do not.
        shared.needs(AUDITORS, "entries of the log").await?;
        shared.note("access-read", path.as_str().into()).end(Ended::Shown(1, true)).await;
    }
    bytes(shared.engine.reader.clone(), TileName::parse(&path)).await
}

/// The newest checkpoint.
pub(super) fn newest(reader: &Reader) -> Result<Response<Body>, Problem> {
    let note = reader.checkpoint().map_err(|error| of_answer(&error.into(), ""))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], note)
        .into_response())
}

/// The bytes of a tile.
pub(super) async fn bytes(reader: Reader, name: Option<TileName>) -> Result<Response<Body>, Problem> {
    let none = || Problem::not_found("no such tile: the log does not reach so far");
    let name = name.ok_or_else(none)?;
    let read = tokio::task::spawn_blocking(move || reader.tile(name)).await;
    let read = read.map_err(|_| Problem::internal("the request failed; the collector's log says why"))?;
    let bytes = read.map_err(|error| of_answer(&error.into(), ""))?.ok_or_else(none)?;
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // A tile of a width never changes.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable"));
    Ok(response)
}

//! The log for third parties: its checkpoint and tiles, as C2SP tlog-tiles names them.
//!
//! A path is taken apart and written anew from its numbers before any file is opened. Not here: what the bytes are (`evidence::tiles`).

use super::error::{Problem, of_answer};
use super::record::Ended;
use super::session::{AUDITORS, Session};
use crate::evidence::{TILE_WIDTH, bundle_path, decode_index, tile_path};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, Response, header};
use axum::response::IntoResponse;

/// `/log/checkpoint`.
pub async fn checkpoint(shared: Session) -> Result<Response<Body>, Problem> {
    let note = shared.engine.reader.checkpoint().map_err(|error| of_answer(&error.into(), ""))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")], note)
        .into_response())
}

/// `/log/tile/…`.
pub async fn tile(shared: Session, Path(path): Path<String>) -> Result<Response<Body>, Problem> {
    if path.starts_with("entries/") {
        // Headers of batches name nodes and files; hashes do not.
        shared.needs(AUDITORS, "entries of the log").await?;
        shared.note("access-read", path.as_str().into()).end(Ended::Shown(1, true)).await;
    }
    let none = || Problem::not_found("no such tile; a partial one goes when it is full");
    let path = shared.engine.reader.dir().join("log").join(canonical(&path).ok_or_else(none)?);
    let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
    let bytes = read.ok().and_then(Result::ok).ok_or_else(none)?;
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // A tile of a width never changes.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable"));
    Ok(response)
}

/// The path below `log/` that this one stands for; nothing for any other text.
fn canonical(path: &str) -> Option<String> {
    let (level, rest) = path.split_once('/')?;
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => {
            let number = width.parse::<u16>().ok().filter(|number| (1..TILE_WIDTH).contains(number))?;
            (index, Some(number).filter(|number| number.to_string() == width)?)
        }
        None => (rest, TILE_WIDTH),
    };
    let index = decode_index(index)?;
    if level == "entries" {
        return Some(bundle_path(index, width));
    }
    let number = level.parse::<u8>().ok().filter(|number| *number < 64 && number.to_string() == level)?;
    Some(tile_path(number, index, width))
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn only_tiles_have_paths() {
        for path in ["0/000", "0/x001/234", "entries/000", "entries/x001/234.p/5", "5/000.p/255"] {
            assert_eq!(canonical(path).as_deref(), Some(format!("tile/{path}").as_str()));
        }
        for path in [
            "",
            "0",
            "0/",
            "0/../../secret",
            "../000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/07",
            "00/000",
            "64/000",
            "entries/1",
            "entries/000.p/1/..",
            "0/000/000",
            "0//000",
            "0/000\0",
            "/etc/passwd",
        ] {
            assert_eq!(canonical(path), None, "{path:?}");
        }
    }
}

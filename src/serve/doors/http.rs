//! Bodies of requests: bounded, in time, unpacked up to a limit.
//!
//! Not here: what is in them (`webhook`, `ndjson`, `bulk`, `otlp`), connections (`serve::listen`).

use super::super::error::Problem;
use super::super::listen::Peer;
use super::counts::Reason;
use super::intake::{Intake, Undelivered, permits};
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use http_body_util::LengthLimitError;
use std::io::Read;
use tokio::sync::OwnedSemaphorePermit;

/// The largest window a zstd frame may ask for, as a power of two.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// What is said of a sender: the name in its certificate, else its address.
pub fn name_of(peer: &Peer) -> String {
    peer.name.clone().unwrap_or_else(|| peer.address.ip().to_string())
}

/// What a client is told of what is not durable.
pub fn problem(undelivered: Undelivered) -> Problem {
    match undelivered {
        Undelivered::Full => Problem::full(),
        Undelivered::Disk => Problem::disk_full(),
        Undelivered::Stopping => Problem::not_ready("the collector is stopping"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    Gzip,
    Zstd,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Coding, Problem> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let coding = codings.next().map(|value| value.as_bytes().to_ascii_lowercase());
        let known = match coding.as_deref() {
            None | Some(b"" | b"identity") => Some(Coding::Plain),
            Some(b"gzip" | b"x-gzip") => Some(Coding::Gzip),
            Some(b"zstd") => Some(Coding::Zstd),
            Some(_) => None,
        };
        known
            .filter(|_| codings.next().is_none())
            .ok_or_else(|| Problem::unsupported("a body may come as it is, or packed once with gzip or zstd"))
    }
}

/// The body of a request, and the room that it takes until it is durable.
///
/// # Errors
/// Larger than it may be, too slow, badly packed, from a page of somebody else; no room.
pub async fn body(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<(Bytes, OwnedSemaphorePermit), Problem> {
    let refused = |reason: Reason, problem: Problem| {
        intake.counts.refused(reason);
        problem
    };
    // A page in a browser on this machine must not be able to write evidence.
    if headers.contains_key(header::ORIGIN) {
        return Err(refused(Reason::Peer, Problem::foreign("requests from web pages are refused")));
    }
    let coding = Coding::of(headers).map_err(|problem| refused(Reason::Bad, problem))?;
    let max = intake.config.limits.message_bytes;
    let too_large = || Problem::too_large(format!("the body of a request has {max} bytes at most, unpacked"));
    let announced = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    if announced.is_some_and(|bytes| bytes > max) {
        return Err(refused(Reason::TooLarge, too_large()));
    }
    // What is of unknown length may become as large as it may be.
    let room = intake.hold(announced.unwrap_or(max)).await.map_err(problem)?;
    let bytes = match tokio::time::timeout(intake.timeout(), to_bytes(body, max)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) if is_limit(&error) => return Err(refused(Reason::TooLarge, too_large())),
        Ok(Err(error)) => {
            let problem = Problem::request(format!("the body did not come whole: {error}"));
            return Err(refused(Reason::Unfinished, problem));
        }
        Err(_) => {
            let problem =
                Problem::timeout(format!("the body did not come within {} s", intake.config.limits.timeout_s));
            return Err(refused(Reason::Unfinished, problem));
        }
    };
    if coding == Coding::Plain {
        return Ok((bytes, room));
    }
    // So may what is packed; once it is unpacked, it takes as much as it is. Nobody waits for a client here.
    let mut more = intake.hold(max).await.map_err(problem)?;
    let unpacked = tokio::task::spawn_blocking(move || unpack(coding, &bytes, max)).await;
    match unpacked.map_err(|_| Problem::internal("the request failed; the collector's log says why"))? {
        Ok(Some(bytes)) => {
            let room = more.split(permits(bytes.len())).unwrap_or(more);
            Ok((bytes.into(), room))
        }
        Ok(None) => Err(refused(Reason::TooLarge, too_large())),
        Err(error) => Err(refused(Reason::Bad, Problem::request(format!("the body cannot be unpacked: {error}")))),
    }
}

fn is_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<LengthLimitError>())
}

/// Unpacks a body; nothing where it is larger than `max`.
fn unpack(coding: Coding, bytes: &[u8], max: usize) -> std::io::Result<Option<Vec<u8>>> {
    let most = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut unpacked = Vec::new();
    match coding {
        Coding::Plain => unpacked.extend_from_slice(bytes),
        Coding::Gzip => {
            MultiGzDecoder::new(bytes).take(most).read_to_end(&mut unpacked)?;
        }
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            decoder.take(most).read_to_end(&mut unpacked)?;
        }
    }
    Ok(Some(unpacked).filter(|unpacked| unpacked.len() <= max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![0; 1 << 20];
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&zeros).unwrap();
        let packed = [(Coding::Gzip, gzip.finish().unwrap()), (Coding::Zstd, zstd::encode_all(&zeros[..], 3).unwrap())];
        for (coding, bytes) in packed {
            assert_eq!(unpack(coding, &bytes, 1 << 20).unwrap().map(|bytes| bytes.len()), Some(1 << 20));
            assert_eq!(unpack(coding, &bytes, (1 << 20) - 1).unwrap(), None);
            assert!(unpack(coding, &bytes[..bytes.len() / 2], 1 << 21).is_err(), "{coding:?}: it breaks off");
            assert!(unpack(coding, b"neither", 1 << 20).is_err());
        }
    }
}

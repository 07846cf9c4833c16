//! Errors on the wire: problem+json (RFC 9457), and the exit code that the command line makes of it.
//!
//! Only this file knows status codes of errors.

use crate::evidence::EvidenceError;
use crate::query::AnswerError;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

/// Title of the refusal that lasts.
const DISK_FULL: &str = "disk full";

/// What a client is told.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    /// Byte of the query, and what belongs there.
    place: Option<(usize, Option<String>)>,
}

impl Problem {
    fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, title, detail: detail.into(), place: None }
    }

    /// The request itself makes no sense.
    pub fn request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad request", detail)
    }

    /// There is no such thing here.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not found", detail)
    }

    /// The request is addressed to somebody else, or comes from a page of somebody else.
    pub fn foreign(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Nobody who may ask.
    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// A form that is not there.
    pub fn not_acceptable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not acceptable", detail)
    }

    /// A method that the route does not have.
    pub fn method() -> Problem {
        let detail = "this route has another method; /openapi.json names it";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", detail)
    }

    /// More bytes than are read.
    pub fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too large", detail)
    }

    /// A coding or a form of body that is not read.
    pub fn unsupported(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported", detail)
    }

    /// The client was too slow.
    pub fn timeout(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too slow", detail)
    }

    /// Not yet.
    pub fn not_ready(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not ready", detail)
    }

    /// Too many questions at once.
    pub fn busy() -> Problem {
        let detail = "too many questions are being answered; ask again in a second";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
    }

    /// More questions than one client may ask.
    pub fn too_many() -> Problem {
        let detail = "you ask more than one client may at once, or a second; ask again in a second";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many", detail)
    }

    /// More comes in than becomes durable.
    pub fn full() -> Problem {
        let detail = "more comes in than can be made durable; send it again in a second";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "full", detail)
    }

    /// The disk of the store is full.
    pub fn disk_full() -> Problem {
        let detail = "the disk of the collector's store is full: nothing new is taken until there is room again";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, DISK_FULL, detail)
    }

    /// Something failed that is not the client's fault.
    pub fn internal(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", detail)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The status as a number, and the text, for an answer whose first line has been sent already.
    pub fn line(&self) -> serde_json::Value {
        json!({ "_error": { "status": self.status.as_u16(), "title": self.title, "detail": self.detail } })
    }
}

/// An answer that failed; `query` is the text of the query, for the caret.
pub fn of_answer(error: &AnswerError, query: &str) -> Problem {
    let (status, title) = match error {
        AnswerError::Query(_) => (StatusCode::BAD_REQUEST, "bad query"),
        AnswerError::Cursor { .. } => (StatusCode::BAD_REQUEST, "bad cursor"),
        AnswerError::Unknown { .. } => (StatusCode::NOT_FOUND, "not found"),
        AnswerError::Gone { .. } | AnswerError::Evidence(EvidenceError::Pruned { .. }) => {
            (StatusCode::NOT_FOUND, "gone by retention")
        }
        AnswerError::Ambiguous { .. } => (StatusCode::CONFLICT, "ambiguous name"),
        AnswerError::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
        AnswerError::Slow { .. } => (StatusCode::SERVICE_UNAVAILABLE, "too slow"),
        AnswerError::Limit(_) => (StatusCode::UNPROCESSABLE_ENTITY, "limit"),
        AnswerError::Unsigned { .. } => (StatusCode::CONFLICT, "not signed yet"),
        AnswerError::Lost { .. } | AnswerError::Evidence(_) => (StatusCode::INTERNAL_SERVER_ERROR, "integrity"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "store"),
    };
    let detail = match error {
        AnswerError::Query(error) => error.render_caret(query),
        other => other.to_string(),
    };
    let place = match error {
        AnswerError::Query(error) => Some((error.start, error.expected().map(str::to_owned))),
        _ => None,
    };
    Problem { status, title, detail, place }
}

impl Problem {
    /// The document.
    pub fn text(&self) -> String {
        let mut body = json!({ "title": self.title, "status": self.status.as_u16(), "detail": self.detail });
        if let (Some((position, expected)), Some(body)) = (&self.place, body.as_object_mut()) {
            body.insert("position".to_owned(), (*position).into());
            body.extend(expected.as_deref().map(|expected| ("expected".to_owned(), expected.into())));
        }
        crate::query::json::line(&body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.text()));
        *response.status_mut() = self.status;
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            let seconds = if self.title == DISK_FULL { "30" } else { "1" };
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        let value = header::HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, value);
        response
    }
}

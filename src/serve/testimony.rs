//! `/v1/events/{id}/testimony`: the testimony about an event, as data or as a document.
//!
//! Not here: what it says (`query`), how a document looks (`render`).

use super::error::Problem;
use super::form::preferred;
use super::params::Params;
use super::session::Session;
use crate::query::{LinkedKind, Question, json};
use crate::render::{self, Look, Style, renderer_of_linked};
use crate::time::Zone;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::response::IntoResponse;
use serde::Deserialize;

/// The forms by name and media type, the default first.
const FORMS: &[(&str, &str, render::Form)] = &[
    ("json", "application/json", render::Form::Json),
    ("ndjson", "application/x-ndjson", render::Form::Ndjson),
    ("text", "text/plain; charset=utf-8", render::Form::Text),
    ("md", "text/markdown; charset=utf-8", render::Form::Md),
    ("html", "text/html; charset=utf-8", render::Form::Html),
];

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// The form, by its name.
    format: Option<String>,
    /// With the proof that its records are in the log.
    proofs: bool,
    /// Zone in which a document tells times too.
    tz: Option<String>,
}

/// Answers.
pub async fn testimony(
    shared: Session,
    headers: HeaderMap,
    Path(name): Path<String>,
    Params(asked): Params<Asked>,
) -> Result<Response<Body>, Problem> {
    let form = match asked.format.as_deref() {
        Some(name) => FORMS.iter().find(|(known, ..)| *known == name).ok_or_else(|| {
            let names: Vec<&str> = FORMS.iter().map(|(name, ..)| *name).collect();
            Problem::request(format!("there is no such format; here are: {}", names.join(", ")))
        })?,
        None => {
            let media: Vec<&str> = FORMS.iter().map(|(_, media, _)| *media).collect();
            FORMS.get(preferred(&headers, &media)?).ok_or_else(|| Problem::not_acceptable("there is no such form"))?
        }
    };
    let zone = asked
        .tz
        .as_deref()
        .map_or(Ok(Zone::default()), Zone::parse)
        .map_err(|error| Problem::request(error.to_string()))?;
    let (lines, _) = shared.question(Question::Testify { name, proofs: asked.proofs }).await?;
    let told = lines.first().ok_or_else(|| Problem::not_found("there is no answer"))?;
    let (_, media, form) = form;
    let mut bytes = Vec::new();
    let look = Look { style: Style { on: false }, width: 0, zone, fields: None };
    match renderer_of_linked(LinkedKind::Testify, *form, look) {
        Some(mut renderer) if !matches!(form, render::Form::Json | render::Form::Ndjson) => {
            let written = renderer.event(&mut bytes, told).and_then(|()| renderer.finish(&mut bytes));
            written.map_err(|error| Problem::request(error.to_string()))?;
        }
        _ => bytes = (json::line(told) + "\n").into_bytes(),
    }
    let mut response = ([(header::CONTENT_TYPE, *media)], bytes).into_response();
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    if media.starts_with("text/html") {
        // Beside the policy in the document itself: no scripts, no forms, an origin of its own.
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    Ok(response)
}

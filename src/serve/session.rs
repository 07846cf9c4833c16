//! One request of somebody who was let in: their questions, what they may be told, and what is kept of it.
//!
//! Not here: who they are (`access`), routes (`routes`), how a long answer gets to them (`stream`).

use super::access::Caller;
use super::clients::Place;
use super::error::{Problem, of_answer};
use super::form::Form;
use super::record::{Ended, NOTHING, Note};
use super::routes::Shared;
use super::stream::{self, Task};
use crate::config::Role;
use crate::query::{AnswerError, Engine, Question, Search, Trailer};
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::ops::Deref;
use std::sync::Arc;

/// Who reads events.
pub const READERS: &[Role] = &[Role::Reader, Role::Auditor];
/// Who reads evidence.
pub const AUDITORS: &[Role] = &[Role::Auditor];
/// Who runs the collector.
pub const OPERATORS: &[Role] = &[Role::Operator];
/// Who is told how sources are.
const EVERYBODY: &[Role] = &[Role::Reader, Role::Auditor, Role::Operator];

/// A request of somebody who was let in.
#[derive(Clone)]
pub struct Session {
    shared: Shared,
    /// Who asks.
    pub caller: Arc<Caller>,
    route: String,
}

impl Deref for Session {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl FromRequestParts<Shared> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Session, Problem> {
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        let caller = caller.ok_or_else(|| Problem::internal("nobody knows who asks"))?;
        Ok(Session { shared: shared.clone(), caller, route: parts.uri.path().to_owned() })
    }
}

/// What kind of access a question is, as the access log names it.
fn action(question: &Question, form: Form) -> &'static str {
    match question {
        Question::Prove { .. } | Question::Testify { proofs: true, .. } => "access-prove",
        Question::Search(Search { records: true, .. }) => "access-export",
        Question::Search(_) if form == Form::Csv => "access-export",
        Question::Search(Search { leaf_from: Some(_), .. }) => "access-tail",
        Question::Show { .. } => "access-read",
        // A checkpoint tells of no event; it is made to be shown.
        Question::Head => NOTHING,
        _ => "access-query",
    }
}

/// A question as the access log has it: without what was not said.
fn said(question: Value) -> Value {
    match question {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null() && *value != Value::Bool(false));
            Value::Object(members.map(|(name, value)| (name, said(value))).collect())
        }
        other => other,
    }
}

/// Who may ask it at all.
fn roles(question: &Question) -> &'static [Role] {
    match question {
        Question::Sources | Question::Gaps | Question::Head => EVERYBODY,
        _ => READERS,
    }
}

impl Session {
    /// The engine, as far as the caller may see.
    pub fn engine(&self) -> Engine {
        self.shared.engine.clone().seen_by(Arc::clone(&self.caller.sight))
    }

    /// Begins to keep what is asked.
    pub fn note(&self, action: &'static str, question: Value) -> Note {
        self.access.recorder.note(&self.caller, action, question, &self.route)
    }

    fn note_of(&self, question: &Question, form: Form) -> Note {
        let note = self.note(action(question, form), said(json!(question)));
        match question {
            Question::Search(search) if search.leaf_from.is_some() => {
                let what = Question::Search(Search { leaf_from: None, after: None, limit: None, ..search.clone() });
                note.following(&self.caller, &json!(what))
            }
            _ => note,
        }
    }

    /// Refuses who has none of these roles, and keeps that.
    pub async fn needs(&self, roles: &[Role], what: &str) -> Result<(), Problem> {
        let Err(problem) = self.caller.needs(roles) else { return Ok(()) };
        self.note("access-denied", what.into()).end(Ended::Failed(problem.status())).await;
        Err(problem)
    }

    /// A place among the client's own questions, or its streams.
    pub fn place(&self, tail: bool) -> Result<Place, Problem> {
        self.access.clients.place(&self.caller.client(), tail, self.caller.credential.is_some()).ok_or_else(|| {
            self.metrics.busy();
            Problem::too_many()
        })
    }

    /// Refuses a question that the caller may not ask; else its note and its places.
    async fn begin(&self, question: &Question, form: Form) -> Result<(Note, Places), Problem> {
        let note = self.note_of(question, form);
        let allowed = self.caller.needs(roles(question));
        let places = allowed.and_then(|()| Ok(Places { _client: self.place(false)?, _all: self.permit()? }));
        match places {
            Ok(places) => Ok((note, places)),
            Err(problem) => {
                note.end(Ended::Failed(problem.status())).await;
                Err(problem)
            }
        }
    }

    /// A small answer, whole.
    pub async fn question(&self, question: Question) -> Result<(Vec<Value>, Trailer), Problem> {
        let (note, places) = self.begin(&question, Form::Json).await?;
        let (engine, now, within) = (self.engine(), (self.clock)(), self.within);
        let answer = tokio::task::spawn_blocking(move || {
            let mut lines = Vec::new();
            let answered = engine.answer_within(Some(within), &question, now, &mut |line| {
                lines.push(line);
                Ok(())
            });
            answered.map(|trailer| (lines, trailer)).map_err(|error| {
                let query = if let Question::Search(ask) = &question { ask.q.as_str() } else { "" };
                of_answer(&error, query)
            })
        });
        let failed = || of_answer(&AnswerError::Limit("the answer failed; the log says why".to_owned()), "");
        let answer = answer.await.unwrap_or_else(|_| Err(failed()));
        drop(places);
        match &answer {
            Ok((lines, trailer)) => {
                let shown = u64::try_from(lines.len()).unwrap_or(u64::MAX);
                note.end(Ended::Shown(shown, trailer.complete)).await;
                self.metrics.answered();
            }
            Err(problem) => {
                note.end(Ended::Failed(problem.status())).await;
                self.metrics.refused();
            }
        }
        answer
    }

    /// An answer of any length, in a form.
    pub async fn stream(
        &self,
        question: Question,
        form: Form,
        fields: Option<Vec<String>>,
    ) -> Result<Response<Body>, Problem> {
        let (note, places) = self.begin(&question, form).await?;
        let task = Task {
            engine: self.engine(),
            question,
            now: (self.clock)(),
            within: self.within,
            form,
            fields,
            metrics: Arc::clone(&self.metrics),
        };
        stream::answer(task, note, places).await
    }

    /// The same, unless the client has it already: the same question in the same form about the same state of the store.
    pub async fn conditional(
        &self,
        headers: &HeaderMap,
        question: Question,
        form: Form,
        fields: Option<Vec<String>>,
    ) -> Result<Response<Body>, Problem> {
        let tag = self.tag(&question, form, fields.as_deref());
        let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let same = known.flat_map(|known| known.split(',')).any(|one| {
            let one = one.trim();
            one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
        });
        let mut response = if same {
            let (note, _places) = self.begin(&question, form).await?;
            note.end(Ended::Same).await;
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.stream(question, form, fields).await?
        };
        let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
        response.headers_mut().insert(header::ETAG, tag);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept, authorization"));
        Ok(response)
    }

    /// What stands for an answer: who may see what belongs to it.
    fn tag(&self, question: &Question, form: Form, fields: Option<&[String]>) -> String {
        let rests_on = self.engine.state(question, (self.clock)());
        let state =
            json!([env!("CARGO_PKG_VERSION"), question, form.media_type(), fields, *self.caller.grant, rests_on]);
        let hash = Sha256::digest(state.to_string().as_bytes());
        format!("\"{}\"", data_encoding::HEXLOWER.encode(hash.get(..16).unwrap_or_default()))
    }
}

/// What an answer takes until it is whole: a place among all, and one among the client's own.
pub struct Places {
    _client: Place,
    _all: tokio::sync::OwnedSemaphorePermit,
}

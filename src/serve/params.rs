//! The parameters of a request, of its query string and of its body alike, as questions.
//!
//! Not here: what is done with them (`routes`), the language of `q` (`query::parse`).

use super::error::Problem;
use crate::index::resolve;
use crate::model::Moment;
use crate::query::Search;
use crate::time::{Zone, parse_duration, window};
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Events of a page that names no limit.
const PAGE_DEFAULT: usize = 100;
/// Values of a `top` that names no limit.
const TOP_DEFAULT: u32 = 10;
/// Fields of one request for facets.
const FACETS_MAX: usize = 16;

/// Which events, in which time.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// The query; all events without one.
    pub q: String,
    /// RFC 3339, a date, `-2h`, `yesterday`, `@epoch`, `A..B`.
    pub since: Option<String>,
    /// The same.
    pub until: Option<String>,
    /// At most so many events; 0 is all.
    pub limit: Option<u32>,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// `desc` or `asc`.
    pub order: Option<String>,
    /// JSON paths or short names, separated by commas.
    pub fields: Option<String>,
    /// Time zone of times without one.
    pub tz: Option<String>,
    /// Of `/v1/stats/top`: the field; several, joined by commas, count together.
    pub field: Option<String>,
    /// Of `/v1/stats/hist`: the width of a bucket.
    pub width: Option<String>,
    /// Of `/v1/timeline`: `ID:5m`.
    pub around: Option<String>,
}

/// Which answer of `/v1/events/{id}/why`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WhyAsked {
    /// Only whether this event led to it.
    pub to: Option<String>,
}

/// A query string. Unknown names, and names that occur twice, are refused.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params<T>, Problem> {
        let Query(asked) =
            Query::from_request_parts(parts, state).await.map_err(|error| Problem::request(error.body_text()))?;
        Ok(Params(asked))
    }
}

/// The value of a JSON body.
pub fn body<T: DeserializeOwned>(bytes: &Bytes, what: &str) -> Result<T, Problem> {
    // serde would also take the members' values in a list.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::request(format!("the body is no {what}: a list")));
    }
    serde_json::from_slice(bytes).map_err(|error| Problem::request(format!("the body is no {what}: {error}")))
}

/// Name and width, ns, of `ID:5m`.
pub fn around(text: &str) -> Result<(&str, i64), Problem> {
    let (name, width) =
        text.rsplit_once(':').ok_or_else(|| Problem::request("`around` is ID:TIME, such as abcdefgh:5m"))?;
    Ok((name, parse_duration(width).map_err(|error| Problem::request(error.to_string()))?))
}

impl Asked {
    /// Refuses what a route does not know: these parameters are named, the others are absent.
    pub fn only(&self, known: &[&str]) -> Result<(), Problem> {
        let given = [
            ("limit", self.limit.is_some()),
            ("cursor", self.cursor.is_some()),
            ("order", self.order.is_some()),
            ("fields", self.fields.is_some()),
            ("field", self.field.is_some()),
            ("width", self.width.is_some()),
            ("around", self.around.is_some()),
        ];
        match given.iter().find(|(name, given)| *given && !known.contains(name)) {
            Some((name, _)) => Err(Problem::request(format!("this route has no parameter `{name}`"))),
            None => Ok(()),
        }
    }

    /// The search that is asked for.
    pub fn search(&self, now: Moment) -> Result<Search, Problem> {
        let zone = match &self.tz {
            Some(name) => Zone::parse(name).map_err(|error| Problem::request(error.to_string()))?,
            None => Zone::default(),
        };
        let window = window(self.since.as_deref(), self.until.as_deref(), now, &zone)
            .map_err(|error| Problem::request(error.to_string()))?;
        let ascending = match self.order.as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(other) => return Err(Problem::request(format!("order `{other}` is neither asc nor desc"))),
        };
        let limit = match self.limit {
            Some(0) => None,
            limit => Some(limit.map_or(PAGE_DEFAULT, |limit| usize::try_from(limit).unwrap_or(usize::MAX))),
        };
        Ok(Search {
            q: self.q.clone(),
            since: window.since_ns,
            until: window.until_ns,
            ascending,
            limit,
            after: self.cursor.clone(),
            zone: self.tz.clone(),
            ..Search::default()
        })
    }

    /// The same with a pipe behind its query.
    pub fn piped(&self, pipe: &str, now: Moment) -> Result<Search, Problem> {
        let q = if self.q.trim().is_empty() { "*" } else { &self.q };
        let piped = Asked { q: format!("{q} | {pipe}"), limit: Some(0), ..Asked::default() };
        Ok(Search { q: piped.q, limit: None, ..self.search(now)? })
    }

    /// `| top` of one of its fields.
    pub fn top(&self, field: &str, now: Moment) -> Result<Search, Problem> {
        // Names only: nothing in it may become another part of the query.
        if let Some(name) = field.split(',').map(str::trim).find(|name| resolve(name).is_none()) {
            return Err(Problem::request(format!("there is no field `{name}`; /v1/fields lists them")));
        }
        self.piped(&format!("top {field} {}", self.limit.unwrap_or(TOP_DEFAULT)), now)
    }

    /// The JSON paths that `fields` names.
    pub fn paths(&self) -> Result<Option<Vec<String>>, Problem> {
        self.fields.as_deref().map(paths).transpose()
    }

    /// The fields to count, each alone.
    pub fn facets(&self) -> Result<Vec<String>, Problem> {
        let fields = self.fields.as_deref().unwrap_or("who,action,outcome,source");
        let names: Vec<String> = fields.split(',').map(|name| name.trim().to_owned()).collect();
        if names.len() > FACETS_MAX {
            return Err(Problem::request(format!("{} fields; {FACETS_MAX} at most", names.len())));
        }
        Ok(names)
    }
}

/// The JSON paths of names: paths below a part of an event (`who`, `when.event`), and what short names of fields stand for.
fn paths(names: &str) -> Result<Vec<String>, Problem> {
    const PARTS: &[&str] =
        &["id", "when", "who", "what", "where", "how", "why", "source", "issues", "evidence", "records"];
    let mut paths = Vec::new();
    for name in names.split(',').map(str::trim) {
        let mut parts = name.split('.');
        let is_path = parts.next().is_some_and(|first| PARTS.contains(&first))
            && parts
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        match resolve(name) {
            _ if is_path => paths.push(name.to_owned()),
            Some(fields) => paths.extend(fields.iter().map(|field| field.name.to_owned())),
            None => return Err(Problem::request(format!("there is no field `{name}`; /v1/fields lists them"))),
        }
    }
    Ok(paths)
}

//! What identifies the request that a frame belongs to, and nothing else of it; all of the frame is checked to be JSON, bodies are passed over.
//!
//! Not here: the hash made of it (`deponent::normalise::identity`).

use std::borrow::Cow;

use super::Stamp;
use super::envelope::{NotAnEvent, Sink, walk};
use super::event::Text;
use super::json::{Cursor, JsonError, Shape};
use super::reader::{Known, Meeting, shown};

const NAMES: &[&str] = &[
    "apiVersion",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "metadata",
    "timestamp",
];

/// The identity of a request, each part decoded as it stands in the record; what is missing or no string is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyParts<'a> {
    /// `auditID`
    pub audit_id: Option<Text<'a>>,
    /// `requestReceivedTimestamp`
    pub request_received: Option<Text<'a>>,
    /// `user.username`
    pub username: Option<Text<'a>>,
    /// `verb`
    pub verb: Option<Text<'a>>,
    /// `requestURI`
    pub request_uri: Option<Text<'a>>,
    /// `stage`; no part of the identity
    pub stage: Option<Text<'a>>,
    /// When the request was received: `requestReceivedTimestamp`, or where that cannot be read `timestamp`, `metadata.creationTimestamp`, `stageTimestamp`.
    pub when: Stamp,
}

/// Reads the identity.
///
/// # Errors
/// When the frame holds no audit event, or one that does not say when.
pub fn key_of(frame: &[u8]) -> Result<KeyParts<'_>, NotAnEvent> {
    let mut sink = Finder::new();
    walk(frame, &mut sink)?;
    let Finder { parts, ours, times, .. } = sink;
    if parts.audit_id.is_none() && !ours {
        return Err(NotAnEvent::Other);
    }
    let [legacy, created, stage] = &times;
    let all = [&parts.request_received, legacy, created, stage];
    let when = all.into_iter().flatten().find_map(|text| Stamp::parse(text)).ok_or_else(|| NotAnEvent::NoTime {
        met: parts.request_received.as_deref().map_or_else(|| "missing".to_owned(), |text| shown(text).into_owned()),
    })?;
    Ok(KeyParts { when, ..parts })
}

struct Finder<'a> {
    parts: KeyParts<'a>,
    ours: bool,
    times: [Option<Text<'a>>; 3],
    known: Known,
}

impl Finder<'_> {
    fn new<'a>() -> Finder<'a> {
        Finder { parts: KeyParts::default(), ours: false, times: [None, None, None], known: Known::new(NAMES) }
    }
}

impl<'a> Sink<'a> for Finder<'a> {
    fn restart(&mut self) {
        *self = Finder::new();
    }

    fn member(&mut self, cursor: &mut Cursor<'a>, name: Cow<'a, str>, _: usize) -> Result<(), JsonError> {
        let Meeting::First(name) = self.known.meet(&name) else {
            return cursor.skip().map(drop);
        };
        let (parts, [legacy, created, stage_time]) = (&mut self.parts, &mut self.times);
        match name {
            "apiVersion" => self.ours = text(cursor)?.is_some_and(|version| version.starts_with("audit.k8s.io/")),
            "auditID" => parts.audit_id = text(cursor)?,
            "stage" => parts.stage = text(cursor)?,
            "requestURI" => parts.request_uri = text(cursor)?,
            "verb" => parts.verb = text(cursor)?,
            "user" => parts.username = inner(cursor, &["username"])?,
            "requestReceivedTimestamp" => parts.request_received = text(cursor)?,
            "stageTimestamp" => *stage_time = text(cursor)?,
            "metadata" => *created = inner(cursor, &["creationTimestamp"])?,
            _ => *legacy = text(cursor)?,
        }
        Ok(())
    }
}

fn text<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Text<'a>>, JsonError> {
    if cursor.shape()? == Shape::Text {
        return cursor.string().map(Some);
    }
    cursor.skip().map(|_| None)
}

/// The string member of an object.
fn inner<'a>(cursor: &mut Cursor<'a>, name: &'static [&'static str]) -> Result<Option<Text<'a>>, JsonError> {
    if cursor.shape()? != Shape::Object {
        return cursor.skip().map(|_| None);
    }
    let mut found = None;
    let mut known = Known::new(name);
    cursor.object(|cursor, name, _| -> Result<(), JsonError> {
        match known.meet(&name) {
            Meeting::First(_) => found = text(cursor)?,
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(found)
}

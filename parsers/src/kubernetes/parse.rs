//! A frame to a whole `AuditEvent`, with an issue for everything that is unknown, repeated, of the wrong type or contradicts itself.
//!
//! Not here: the tolerant reading of single members (`reader`), identity alone (`key`).

use std::borrow::Cow;

use super::envelope::{Located, NotAnEvent, Sink, walk};
use super::event::{AuditEvent, ObjectRef, ResponseStatus, Time, User};
use super::json::{Cursor, JsonError};
use super::reader::{Known, Meeting, Reader, shown};
use crate::issue::Issue;

/// Members of an event, in the order in which the API server writes them; the last two are of v1beta1.
const EVENT: &[&str] = &[
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "authenticationMetadata",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
    "requestObject",
    "responseObject",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "annotations",
    "metadata",
    "timestamp",
];
const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];
const STAGES: &[&str] = &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
const VERSIONS: &[&str] = &["audit.k8s.io/v1", "audit.k8s.io/v1beta1", "audit.k8s.io/v1alpha1"];

/// Reads a frame. Offsets of issues are those of the frame.
///
/// # Errors
/// When it holds no audit event at all.
pub fn parse(frame: &[u8]) -> Result<(AuditEvent<'_>, Vec<Issue>), NotAnEvent> {
    let mut sink = Parser::new();
    let located = walk(frame, &mut sink)?;
    let Parser { mut event, mut reader, .. } = sink;
    event.in_list = located.in_list;
    let ours = event.api_version.as_deref().is_some_and(|version| version.starts_with("audit.k8s.io/"));
    if event.audit_id.is_none() && !ours {
        return Err(NotAnEvent::Other);
    }
    check(&event, &located, &mut reader);
    Ok((event, reader.issues))
}

struct Parser<'a> {
    event: AuditEvent<'a>,
    reader: Reader,
    known: Known,
}

impl Parser<'_> {
    fn new<'a>() -> Parser<'a> {
        Parser { event: AuditEvent::default(), reader: Reader::default(), known: Known::new(EVENT) }
    }
}

impl<'a> Sink<'a> for Parser<'a> {
    fn restart(&mut self) {
        *self = Parser::new();
    }

    fn member(&mut self, cursor: &mut Cursor<'a>, name: Cow<'a, str>, at: usize) -> Result<(), JsonError> {
        let (event, reader) = (&mut self.event, &mut self.reader);
        let path = match self.known.meet(&name) {
            Meeting::First(known) => known,
            other => return reader.pass(cursor, "", &name, at, &other),
        };
        match path {
            "kind" => event.kind = reader.text(cursor, path)?,
            "apiVersion" => event.api_version = reader.text(cursor, path)?,
            "level" => event.level = reader.text(cursor, path)?,
            "auditID" => event.audit_id = reader.text(cursor, path)?,
            "stage" => event.stage = reader.text(cursor, path)?,
            "requestURI" => event.request_uri = reader.text(cursor, path)?,
            "verb" => event.verb = reader.text(cursor, path)?,
            "user" => event.user = user(reader, cursor, path)?.unwrap_or_default(),
            "impersonatedUser" => event.impersonated_user = user(reader, cursor, path)?,
            "authenticationMetadata" => {
                reader.object(cursor, path, &["impersonationConstraint"], |reader, cursor, name| {
                    event.impersonation_constraint = reader.text(cursor, name)?;
                    Ok(())
                })?;
            }
            "sourceIPs" => event.source_ips = reader.texts(cursor, path)?,
            "userAgent" => event.user_agent = reader.text(cursor, path)?,
            "objectRef" => event.object_ref = object_ref(reader, cursor, path)?,
            "responseStatus" => event.response_status = response_status(reader, cursor, path)?,
            "requestObject" => event.request_object = body(cursor)?,
            "responseObject" => event.response_object = body(cursor)?,
            "requestReceivedTimestamp" => event.request_received = reader.time(cursor, path)?,
            "stageTimestamp" => event.stage_time = reader.time(cursor, path)?,
            "annotations" => {
                event.annotations = reader.map(cursor, path, |reader, cursor, path| reader.text(cursor, path))?
            }
            "metadata" => event.created = metadata(reader, cursor, path, at)?,
            "timestamp" => {
                event.timestamp = reader.time(cursor, path)?;
                let met = event.timestamp.as_ref().map_or(Cow::Borrowed("-"), |time| shown(&time.text));
                reader.issue("legacy-field", at, format!("timestamp = {met} (v1beta1)"));
            }
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    }
}

fn body<'a>(cursor: &mut Cursor<'a>) -> Result<Option<&'a str>, JsonError> {
    cursor.skip().map(|text| (text != "null").then_some(text))
}

fn user<'a>(reader: &mut Reader, cursor: &mut Cursor<'a>, path: &str) -> Result<Option<User<'a>>, JsonError> {
    let mut user = User::default();
    let names = &["username", "uid", "groups", "extra"];
    let there = reader.object(cursor, path, names, |reader, cursor, name| {
        match name {
            "username" => user.username = reader.text(cursor, "user.username")?,
            "uid" => user.uid = reader.text(cursor, "user.uid")?,
            "groups" => user.groups = reader.texts(cursor, "user.groups")?,
            _ => {
                user.extra =
                    reader.map(cursor, "user.extra", |reader, cursor, path| reader.texts(cursor, path).map(Some))?
            }
        }
        Ok(())
    })?;
    Ok(there.then_some(user))
}

fn object_ref<'a>(
    reader: &mut Reader,
    cursor: &mut Cursor<'a>,
    path: &str,
) -> Result<Option<ObjectRef<'a>>, JsonError> {
    let mut object = ObjectRef::default();
    let names = &["resource", "namespace", "name", "uid", "apiGroup", "apiVersion", "resourceVersion", "subresource"];
    let there = reader.object(cursor, path, names, |reader, cursor, name| {
        let value = reader.text(cursor, name)?;
        match name {
            "resource" => object.resource = value,
            "namespace" => object.namespace = value,
            "name" => object.name = value,
            "uid" => object.uid = value,
            "apiGroup" => object.api_group = value,
            "apiVersion" => object.api_version = value,
            "resourceVersion" => object.resource_version = value,
            _ => object.subresource = value,
        }
        Ok(())
    })?;
    Ok(there.then_some(object))
}

fn response_status<'a>(
    reader: &mut Reader,
    cursor: &mut Cursor<'a>,
    path: &str,
) -> Result<Option<ResponseStatus<'a>>, JsonError> {
    let mut status = ResponseStatus::default();
    // kind and apiVersion: some recorders keep those of the Status object.
    let names = &["metadata", "status", "message", "reason", "details", "code", "kind", "apiVersion"];
    let there = reader.object(cursor, path, names, |reader, cursor, name| {
        match name {
            "status" => status.status = reader.text(cursor, "responseStatus.status")?,
            "message" => status.message = reader.text(cursor, "responseStatus.message")?,
            "reason" => status.reason = reader.text(cursor, "responseStatus.reason")?,
            "code" => status.code = reader.number(cursor, "responseStatus.code")?,
            "details" => status.details = body(cursor)?,
            _ => {
                cursor.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(there.then_some(status))
}

fn metadata<'a>(
    reader: &mut Reader,
    cursor: &mut Cursor<'a>,
    path: &str,
    at: usize,
) -> Result<Option<Time<'a>>, JsonError> {
    let mut created = None;
    let text = cursor.clone().skip()?;
    reader.issue("legacy-field", at, format!("metadata = {} (v1beta1)", shown(text)));
    // Other members of ObjectMeta were never filled; they are in the raw record.
    let names = &["creationTimestamp", "name", "namespace", "uid", "resourceVersion", "labels", "annotations"];
    reader.object(cursor, path, names, |reader, cursor, name| {
        if name == "creationTimestamp" {
            created = reader.time(cursor, "metadata.creationTimestamp")?;
        } else {
            cursor.skip()?;
        }
        Ok(())
    })?;
    Ok(created)
}

/// What is missing, unknown or contradicts itself in an event that was read whole.
fn check(event: &AuditEvent<'_>, located: &Located<'_>, reader: &mut Reader) {
    let start = located.start;
    match event.kind.as_deref() {
        None if !event.in_list => reader.issue("missing-kind", start, "kind is missing outside of a list".to_owned()),
        None | Some("Event") => {}
        Some(kind) => reader.issue("unknown-kind", start, format!("kind is {}", shown(kind))),
    }
    match event.api_version.as_deref() {
        None if !event.in_list => {
            reader.issue("missing-api-version", start, "apiVersion is missing outside of a list".to_owned());
        }
        Some(version) if !VERSIONS.contains(&version) => {
            reader.issue("unknown-api-version", start, format!("apiVersion is {}", shown(version)));
        }
        _ => {}
    }
    if event.audit_id.as_deref().unwrap_or("").is_empty() {
        reader.issue("missing-audit-id", start, "auditID is missing or empty".to_owned());
    }
    match event.level.as_deref() {
        Some(level) if !LEVELS.contains(&level) => {
            reader.issue("unknown-level", start, format!("level is {}", shown(level)));
        }
        _ => {}
    }
    match event.stage.as_deref() {
        None => reader.issue("missing-stage", start, "stage is missing".to_owned()),
        Some(stage) if !STAGES.contains(&stage) => {
            reader.issue("unknown-stage", start, format!("stage is {}", shown(stage)));
        }
        _ => {}
    }
    if event.request_received.is_none() {
        reader.issue("missing-time", start, "requestReceivedTimestamp is missing".to_owned());
    }
    check_times(event, start, reader);
    if let Some(at) = located.trailing {
        let rest = located.frame.get(at..).unwrap_or("").trim_end();
        reader.issue("trailing-bytes", at, format!("bytes behind the event: {}", shown(rest)));
    }
}

/// A request is received at the moment its first stage is recorded, and before every other stage.
fn check_times(event: &AuditEvent<'_>, at: usize, reader: &mut Reader) {
    let (Some(received), Some(stage)) = (&event.request_received, &event.stage_time) else {
        return;
    };
    let (Some(from), Some(to)) = (received.stamp, stage.stamp) else {
        return;
    };
    let first = event.stage.as_deref() == Some("RequestReceived");
    let kind = match (first, to.nanos < from.nanos) {
        (true, _) if to.nanos != from.nanos => "stage-time-differs",
        (false, true) => "stage-before-request",
        _ => return,
    };
    let apart = i128::from(to.nanos) - i128::from(from.nanos);
    reader.issue(
        kind,
        at,
        format!(
            "stageTimestamp {} is {} requestReceivedTimestamp {}",
            shown(&stage.text),
            apart_text(apart),
            shown(&received.text)
        ),
    );
}

/// A difference of times in the largest unit and in seconds: `9.0 years (283996800 s) after`.
fn apart_text(nanos: i128) -> String {
    let side = if nanos < 0 { "before" } else { "after" };
    let nanos = nanos.unsigned_abs();
    let (whole, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let secs = if part == 0 {
        format!("{whole} s")
    } else {
        format!("{whole}.{}", format!("{part:09}").trim_end_matches('0')) + " s"
    };
    let tenths = |unit: u128| {
        let tenths = (whole * 10 + unit / 2) / unit;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    match whole {
        31_557_600.. => format!("{} years ({secs}) {side}", tenths(31_557_600)),
        86_400.. => format!("{} days ({secs}) {side}", tenths(86_400)),
        3_600.. => format!("{} hours ({secs}) {side}", tenths(3_600)),
        _ => format!("{secs} {side}"),
    }
}

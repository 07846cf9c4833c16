//! deponent's own records (gaps, rotations) and the events of records that could not be read.
//!
//! Not here: when such a record is written (`source`, `pipeline`).

use super::{Bad, Context, Key, identity, line};
use crate::model::{
    Effective, Event, EventId, EventIssue, How, Moment, Outcome, RecordFields, Source, What, When, Where, Who, Why,
};
use deponent_parsers::kubernetes::{Stamp, members};
use sha2::{Digest, Sha256};

/// Records of the ordinary course of things: what they say is no issue.
const ROUTINE: [&str; 6] =
    ["agent-accepted", "agent-key", "agent-stops", "heartbeat", "process-container", "retention"];
/// What the names of records that say who asked what begin with.
pub const ACCESS: &str = "access-";
/// Members of theirs that are fields of the event.
const SAID_ELSEWHERE: [&str; 6] = ["who", "credential", "from", "port", "route", "outcome"];
/// Bytes of a bad record that its event shows; the whole of it is its evidence.
const EXCERPT_BYTES: usize = 96;
/// Bytes of it that are its event's text.
const MESSAGE_BYTES: usize = 4_096;

/// The event of an own record: its bytes without the line end are its identity.
pub fn key(context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
    let own = read(record)?;
    let id = identity::own(context, &[record.trim_ascii_end()]);
    Ok(Key { id, source: Source::Own, when: own.when, last: true })
}

/// The event of an own record.
pub fn event(key: &Key, context: Context<'_>, records: &[&[u8]]) -> Event {
    let mut event = empty(context, key.id, key.when);
    let read = records.iter().find_map(|record| read(record).ok());
    let Some(own) = read else {
        return event;
    };
    event.what.action = own.action.as_str().into();
    let is_access = own.action.starts_with(ACCESS);
    let told = |name: &str| !(is_access && SAID_ELSEWHERE.contains(&name));
    let members = own.members.iter().filter(|(name, _)| told(name));
    let detail: Vec<String> = members.map(|(name, value)| format!("{name}={value}")).collect();
    let detail = detail.join(", ");
    if is_access || ROUTINE.contains(&own.action.as_str()) {
        event.what.message = line::some(&detail);
    } else {
        event.issues.push(EventIssue { kind: own.action.as_str().into(), detail: detail.into() });
    }
    let behind = own.members.iter().find(|(name, _)| own.action == "heartbeat" && name == "behind");
    event
        .issues
        .extend(behind.map(|(_, what)| EventIssue { kind: "agent-behind".into(), detail: what.as_str().into() }));
    let member = |name: &str| own.members.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if is_access {
        event.who.name = member("who").and_then(line::some);
        event.who.credential = member("credential").and_then(line::some);
        event.who.address = member("from").and_then(line::some);
        let uid = member("uid").and_then(|uid| uid.parse().ok());
        event.who.effective = uid.map(|uid| Effective { uid: Some(uid), ..Effective::default() });
        event.how.request_uri = member("route").and_then(line::some);
        event.what.outcome = match member("outcome") {
            Some("denied") => Outcome::Denied,
            Some("failure") => Outcome::Failure,
            Some("success") => Outcome::Success,
            _ => event.what.outcome,
        };
    }
    if own.action == "process-container" {
        event.r#where.container_id = member("container_id").and_then(line::some);
        event.r#where.pod_uid = member("pod_uid").and_then(line::some);
        event.how.pid = member("pid").and_then(|pid| pid.parse().ok());
        let started = member("started").and_then(Stamp::parse).map(|started| started.nanos.to_string());
        let mut put = |name: &str, value: Option<&str>| {
            event.how.args.extend(value.map(|value| (name.into(), value.into())));
        };
        put("audit", member("audit"));
        put("start_ticks", member("start_ticks"));
        put("started_ns", started.as_deref());
    }
    event
}

/// All members, in the record's order.
pub fn fields(record: &[u8]) -> RecordFields {
    let Ok(own) = read(record) else {
        return RecordFields::default();
    };
    let fields = own.all.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    RecordFields { at: None, record: own.action.into(), fields, ..RecordFields::default() }
}

/// The event that says that a record could not be read.
pub fn bad(context: Context<'_>, place: (&[u8; 32], u64), received: Moment, bad: &Bad, record: &[u8]) -> Event {
    let (head, offset) = place;
    let head = data_encoding::HEXLOWER.encode(head);
    // Two files may begin alike: the bytes themselves tell their bad records apart.
    let bytes: [u8; 32] = Sha256::digest(record).into();
    let id = identity::own(context, &[b"bad", head.as_bytes(), offset.to_string().as_bytes(), &bytes]);
    let mut event = empty(context, id, received);
    event.what.action = "bad-record".into();
    event.what.message = line::some(text(record.get(..MESSAGE_BYTES).unwrap_or(record)).trim_end());
    let shown = record.get(..EXCERPT_BYTES).unwrap_or(record);
    let more = if shown.len() < record.len() { " …" } else { "" };
    let excerpt = text(shown);
    let detail = format!("{}; {} bytes at {offset}: {}{more}", bad.detail, record.len(), excerpt.trim_end());
    event.issues.push(EventIssue { kind: bad.kind.into(), detail: detail.into() });
    event
}

/// The bytes as text; what is no UTF-8 as `\xNN`.
fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

pub(super) fn empty(context: Context<'_>, id: EventId, when: Moment) -> Event {
    let configured = |value: &str| (!value.is_empty()).then(|| value.into());
    Event {
        id,
        source: Source::Own,
        when: When { event: when, received: None, end: None },
        who: Who::default(),
        what: What::default(),
        r#where: Where { cluster: configured(context.cluster), node: configured(context.node), ..Where::default() },
        how: How::default(),
        why: Why::default(),
        issues: Vec::new(),
        evidence: Vec::new(),
        records: Vec::new(),
    }
}

/// An own record, read.
struct Own {
    /// The value of `deponent`.
    action: String,
    /// `time`
    when: Moment,
    /// All members but those two, strings decoded, other values as JSON text.
    members: Vec<(String, String)>,
    /// All members.
    all: Vec<(String, String)>,
}

fn read(record: &[u8]) -> Result<Own, Bad> {
    let not = |kind: &'static str, detail: String| Bad { kind, detail };
    let text = std::str::from_utf8(record)
        .map_err(|error| not("not-utf8", format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    let all: Vec<(String, String)> = members(text)
        .map_err(|error| {
            let (line, column) = error.line_and_column(record);
            not("not-json", format!("not JSON at line {line}, column {column}: {}", error.what))
        })?
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let member = |name: &str| all.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let action = member("deponent").filter(|action| !action.is_empty());
    let action =
        action.ok_or_else(|| not("not-an-event", "no member `deponent` names what it is".to_owned()))?.to_owned();
    let time = member("time").unwrap_or("");
    let stamp = Stamp::parse(time).ok_or_else(|| not("no-time", format!("`time` is no time: {time:?}")))?;
    let rest = all.iter().filter(|(name, _)| name != "deponent" && name != "time").cloned().collect();
    Ok(Own { action, when: Moment { nanos: stamp.nanos, digits: stamp.digits }, members: rest, all })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: Context<'_> = Context { cluster: "c1", node: "n1", received_ns: 0, ..Context::NOWHERE };

    #[test]
    fn a_gap_is_an_event() {
        let line =
            b"{\"deponent\":\"gap\",\"time\":\"2026-11-24T17:30:00.5Z\",\"file\":\"/var/log/a b\",\"bytes\":12}\n";
        let found = key(CONTEXT, line).unwrap();
        assert_eq!(found.id, key(CONTEXT, line.trim_ascii_end()).unwrap().id, "the line end is no part of it");
        assert_ne!(found.id, key(Context::default(), line).unwrap().id);
        let event = event(&found, CONTEXT, &[line]);
        assert_eq!((event.source, event.what.action.as_str()), (Source::Own, "gap"));
        assert_eq!(event.when.event, Moment { nanos: 1_795_541_400_500_000_000, digits: 1 });
        assert_eq!(event.issues[0].detail, "file=/var/log/a b, bytes=12");
        let names: Vec<_> = fields(line).fields.into_iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["deponent", "time", "file", "bytes"]);
    }

    #[test]
    fn others_are_bad() {
        for (line, kind) in [
            (&b"{}"[..], "not-an-event"),
            (b"{\"deponent\":\"gap\"}", "no-time"),
            (b"x", "not-json"),
            (b"{\"deponent\":\"gap\",\"time\":\"now\"}", "no-time"),
            (b"\xff", "not-utf8"),
            (b"", "not-json"),
        ] {
            assert_eq!(key(CONTEXT, line).unwrap_err().kind, kind);
        }
    }

    #[test]
    fn a_bad_record_is_an_event_of_its_place() {
        let received = Moment { nanos: 7, digits: 9 };
        let why = Bad { kind: "not-json", detail: "torn".to_owned() };
        let one = bad(CONTEXT, (&[1; 32], 5), received, &why, b"{\"a\":\xff\n");
        let other = bad(CONTEXT, (&[1; 32], 6), received, &why, b"{\"a\":\xff\n");
        assert_ne!(one.id, other.id);
        assert_eq!((one.what.action.as_str(), one.when.event), ("bad-record", received));
        assert_eq!(one.issues[0].kind, "not-json");
        assert_eq!(one.issues[0].detail, "torn; 7 bytes at 5: {\"a\":\\xFF");
        let long = bad(CONTEXT, (&[1; 32], 5), received, &why, &[b'x'; 1000]);
        assert!(long.issues[0].detail.len() < 200);
    }
}

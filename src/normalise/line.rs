//! What events of log lines have in common: their key, their time, their text and their fields.
//!
//! Not here: what a line says (`containerd`, `kubelet`).

use std::borrow::Cow;

use deponent_parsers::issue::Issue;
use deponent_parsers::kubernetes::Stamp;
use deponent_parsers::line::{Line, Time};

use super::{Bad, Context, Key, identity, own};
use crate::model::{Event, EventIssue, Moment, Outcome, RecordFields, Source, Str, Where};
use crate::time::{self, LocalTime};

/// What is said of bytes that are no line of their format.
pub const NOT_A_LINE: &str = "not-a-line";
/// A longer text is no message of a component but something that it was given.
const ACTION_BYTES_MAX: usize = 64;
/// Fields that every line of klog and of logrus has.
const OF_EVERY_LINE: [&str; 3] = ["thread", "caller", "level"];
/// A stamp without a year is taken to be no more than this after its reception: clocks and zones differ, ns.
const AHEAD_NS: i64 = 25 * 3_600_000_000_000;

/// The key of the event of a line.
pub fn key(source: Source, context: Context<'_>, bytes: &[u8], line: Option<Line<'_>>) -> Result<Key, Bad> {
    let Some(line) = line else {
        let detail = format!("no line of {}: it has no time, or another shape", source.name());
        return Err(Bad { kind: NOT_A_LINE, detail });
    };
    let found = when(line.time, context)
        .ok_or_else(|| Bad { kind: "no-time", detail: "its time is none of the calendar".to_owned() })?;
    let id = identity::line(source, context, found.year, bytes);
    Ok(Key { id, source, when: found.moment, last: true })
}

/// The key of the event of a line whose time is known.
pub fn key_at(source: Source, context: Context<'_>, bytes: &[u8], time: Stamp) -> Key {
    let when = Moment { nanos: time.nanos, digits: time.digits };
    Key { id: identity::line(source, context, None, bytes), source, when, last: true }
}

/// When a line was written.
struct Written {
    moment: Moment,
    /// The year that was inferred, where the stamp has none.
    year: Option<i32>,
    /// Whether the zone's clock showed that time once.
    local: LocalTime,
}

fn when(time: Time, context: Context<'_>) -> Option<Written> {
    match time {
        Time::Moment { nanos, digits } => {
            Some(Written { moment: Moment { nanos, digits }, year: None, local: LocalTime::Once })
        }
        Time::NoZone { nanos, digits } => {
            let (nanos, local) = context.zone.moment(nanos)?;
            Some(Written { moment: Moment { nanos, digits }, year: None, local })
        }
        Time::NoYear { month, day, of_day, digits } => {
            let latest = context.received_ns.saturating_add(AHEAD_NS);
            let newest = time::year(latest);
            // Eight years hold a 29 February.
            for year in (newest - 8..=newest).rev() {
                let Some(midnight) = time::midnight(year, month, day) else { continue };
                let (nanos, local) = context.zone.moment(midnight.checked_add(of_day)?)?;
                if nanos <= latest {
                    return Some(Written { moment: Moment { nanos, digits }, year: Some(year), local });
                }
            }
            None
        }
    }
}

/// The event of a line, with nothing said yet but its time, text, fields and level.
pub fn event(key: &Key, context: Context<'_>, line: &Line<'_>) -> Event {
    let mut event = own::empty(context, key.id, key.when);
    event.source = key.source;
    event.what.action = "logged".into();
    event.what.message = Some(line.message.as_ref().into());
    let local = when(line.time, context).map_or(LocalTime::Once, |found| found.local);
    let zone = context.zone;
    match local {
        LocalTime::Once => {}
        LocalTime::Twice => event.issues.push(EventIssue {
            kind: "ambiguous-time".into(),
            detail: format!("the clock of {zone} showed this time twice; the first is taken").into(),
        }),
        LocalTime::Never => event.issues.push(EventIssue {
            kind: "no-such-time".into(),
            detail: format!("the clock of {zone} never showed this time; it is taken as before the change").into(),
        }),
    }
    if matches!(line.level.as_ref(), "error" | "fatal" | "panic" | "E" | "F") {
        event.what.outcome = Outcome::Failure;
    }
    if !line.level.is_empty() {
        event.how.args.push(("level".into(), line.level.as_ref().into()));
    }
    event
        .how
        .args
        .extend(line.fields.iter().map(|(name, value)| (Str::from(name.as_ref()), Str::from(value.as_ref()))));
    event
}

/// The fields of a line under their own names.
pub fn fields(line: Option<Line<'_>>) -> RecordFields {
    let Some(line) = line else { return RecordFields::default() };
    let mut fields = RecordFields { record: line.level.as_ref().into(), ..RecordFields::default() };
    match line.time {
        Time::Moment { nanos, digits } => {
            fields.fields.push(("time".into(), time::rfc3339(Moment { nanos, digits }).into()));
        }
        Time::NoZone { nanos, digits } => {
            let time = time::rfc3339(Moment { nanos, digits });
            fields.fields.push(("time".into(), time.trim_end_matches('Z').into()));
            let said = "the line has none; that of its source (UTC unless it has one) is assumed";
            fields.enriched.push(("zone".into(), said.into()));
        }
        Time::NoYear { month, day, of_day, digits } => {
            let seconds = of_day / 1_000_000_000;
            let fraction = format!("{:09}", of_day % 1_000_000_000);
            let fraction = fraction.get(..usize::from(digits)).unwrap_or(&fraction);
            let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            let point = if fraction.is_empty() { "" } else { "." };
            let time = format!("{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}{point}{fraction}");
            fields.fields.push(("time".into(), time.into()));
            let said = "the line has none; the latest year that is not after its reception, and the zone of its source (UTC unless it has one), are assumed";
            fields.enriched.push(("year".into(), said.into()));
        }
    }
    fields.fields.push(("msg".into(), line.message.as_ref().into()));
    fields.fields.extend(line.fields.iter().map(|(name, value)| (Str::from(name.as_ref()), Str::from(value.as_ref()))));
    fields
}

/// A structured message as an action: `Successfully bound pod to node` → `successfully-bound-pod-to-node`. A message without fields may hold anything, and so
/// may one of other characters: then there is none, and none of a single word.
pub fn action(message: &str, fields: &[(Cow<'_, str>, Cow<'_, str>)]) -> Option<Str> {
    let structured = fields.iter().any(|(name, _)| !OF_EVERY_LINE.contains(&name.as_ref()));
    let message = message.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    let plain = |byte: u8| {
        byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'-' | b',' | b'\'' | b'(' | b')' | b':' | b'.' | b';')
    };
    if !structured || !message.contains(' ') || message.len() > ACTION_BYTES_MAX || !message.bytes().all(plain) {
        return None;
    }
    let words = message.split(|character: char| !character.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    Some(words.collect::<Vec<_>>().join("-").to_ascii_lowercase().into())
}

/// Notes what could not be read of a line, each thing once.
pub fn note(event: &mut Event, issues: &[Issue]) {
    let found = issues.iter().map(|issue| EventIssue {
        kind: issue.kind.into(),
        detail: format!("{} (byte {} of the line)", issue.detail, issue.at).into(),
    });
    event.issues.extend(found);
    event.issues.sort_unstable();
    event.issues.dedup();
}

/// That bytes are no text, where they are none.
pub fn not_utf8(bytes: &[u8]) -> Option<EventIssue> {
    let detail = "bytes that are not UTF-8 are shown as \\xNN".into();
    std::str::from_utf8(bytes).is_err().then(|| EventIssue { kind: "not-utf8".into(), detail })
}

/// Whether a text is the id of a container: 64 digits of hex.
pub fn is_container_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Sets the container that a file is the log of, as its path names it; how often it was restarted.
pub fn place_of_file(context: Context<'_>, place: &mut Where) -> Option<u32> {
    let found = deponent_parsers::container::place(context.path)?;
    place.namespace = found.namespace.map(Str::from);
    place.pod = found.pod.map(Str::from);
    place.pod_uid = found.pod_uid.map(Str::from);
    place.container = found.container.map(Str::from);
    place.container_id = found.container_id.map(Str::from);
    found.restart
}

/// A text, unless it is empty.
pub fn some(text: &str) -> Option<Str> {
    (!text.is_empty()).then(|| text.into())
}

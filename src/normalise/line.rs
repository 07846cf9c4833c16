//! What events of log lines have in common: their key, their time, their text and their fields.
//!
//! Not here: what a line says (`containerd`, `kubelet`).

use deponent_parsers::line::{Line, Time};

use super::{Bad, Context, Key, identity, own};
use crate::model::{Event, Moment, Outcome, RecordFields, Source, Str};
use crate::time;

/// A stamp without a year is taken to be no more than this after its reception: clocks and zones differ, ns.
const AHEAD_NS: i64 = 25 * 3_600_000_000_000;

/// The key of the event of a line.
pub fn key(source: Source, context: Context<'_>, bytes: &[u8], line: Option<Line<'_>>) -> Result<Key, Bad> {
    let Some(line) = line else {
        let detail = format!("no line of {}: it has no time, or another shape", source.name());
        return Err(Bad { kind: "not-a-line", detail });
    };
    let (when, year) = when(line.time, context)
        .ok_or_else(|| Bad { kind: "no-time", detail: "its time is none of the calendar".to_owned() })?;
    let id = identity::line(source, context, year, bytes);
    Ok(Key { id, source, when, last: true })
}

/// When a line was written, and the year that was inferred where it has none.
fn when(time: Time, context: Context<'_>) -> Option<(Moment, Option<i32>)> {
    match time {
        Time::Moment { nanos, digits } => Some((Moment { nanos, digits }, None)),
        Time::NoYear { month, day, of_day, digits } => {
            let latest = context.received_ns.saturating_add(AHEAD_NS);
            let newest = time::year(latest);
            // Eight years hold a 29 February.
            for year in (newest - 8..=newest).rev() {
                let Some(midnight) = time::midnight(year, month, day) else { continue };
                let nanos = midnight.checked_add(of_day)?;
                if nanos <= latest {
                    return Some((Moment { nanos, digits }, Some(year)));
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
        Time::NoYear { month, day, of_day, digits } => {
            let seconds = of_day / 1_000_000_000;
            let fraction = format!("{:09}", of_day % 1_000_000_000);
            let fraction = fraction.get(..usize::from(digits)).unwrap_or(&fraction);
            let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            let point = if fraction.is_empty() { "" } else { "." };
            let time = format!("{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}{point}{fraction}");
            fields.fields.push(("time".into(), time.into()));
            let said = "the line has none; the latest year that is not after its reception, and UTC, are assumed";
            fields.enriched.push(("year".into(), said.into()));
        }
    }
    fields.fields.push(("msg".into(), line.message.as_ref().into()));
    fields.fields.extend(line.fields.iter().map(|(name, value)| (Str::from(name.as_ref()), Str::from(value.as_ref()))));
    fields
}

/// A text, unless it is empty.
pub fn some(text: &str) -> Option<Str> {
    (!text.is_empty()).then(|| text.into())
}

//! One packet or connection as ulogd2 writes it with its JSON output: `{"timestamp":"2026-11-23T20:59:02.539064+0000","dvc":"…","oob.prefix":"…","oob.in":"eth0",…}`.
//!
//! A rule of the firewall sends it there (NFLOG), or the kernel's table of connections (`ct.event`). Not here: what the members mean (`deponent::normalise`).

use super::{PROGRAM, ULOGD};
use crate::flat::take;
use crate::kubernetes::members;
use crate::line::{FIELDS_MAX, Line, Time, moment};

/// What the rule's author wrote; the text of a line.
const PREFIX: &str = "oob.prefix";
/// Members of which ulogd writes at least one, beside the time.
const OWN: [&str; 4] = ["oob.family", "raw.pktlen", "ct.event", "ct.id"];

pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let mut members = members(line).ok()?;
    let has = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
    let own = OWN.iter().any(|name| has(name).is_some()) || has(PREFIX).is_some();
    let stamp = has("timestamp").filter(|_| own)?;
    // Before 2.0.6 the stamp had no zone: the packet's own time is in UTC, the stamp itself may not be.
    let time = moment(stamp).or_else(|| {
        let local = moment(&format!("{stamp}Z"))?;
        Some(epoch(has("oob.time.sec"), has("oob.time.usec")).unwrap_or(local))
    })?;
    take(&mut members, "timestamp");
    let message = take(&mut members, PREFIX).unwrap_or_default();
    let mut fields = Vec::with_capacity(members.len().saturating_add(1).min(FIELDS_MAX));
    fields.push((PROGRAM.into(), ULOGD.into()));
    fields.extend(members.into_iter().take(FIELDS_MAX - 1));
    Some(Line { time, level: "".into(), message, fields })
}

/// Seconds and microseconds since 1970.
fn epoch(seconds: Option<&str>, micros: Option<&str>) -> Option<Time> {
    let (seconds, micros): (i64, i64) = (seconds?.parse().ok()?, micros?.parse().ok()?);
    let in_range = seconds > 0 && (0..1_000_000).contains(&micros);
    let nanos = seconds.checked_mul(1_000_000_000)?.checked_add(micros.checked_mul(1_000)?)?;
    in_range.then_some(Time::Moment { nanos, digits: 6 })
}

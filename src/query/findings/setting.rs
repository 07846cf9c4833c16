//! The kernel's records of a clock that was set: by whom, and by how much where they say it.
//!
//! `TIME_INJOFFSET` has the amount that was added. Older kernels have the system call only, and its new time lies in memory that is not recorded.
//! `TIME_ADJNTPVAL` is what every NTP daemon does all day: told of a login only. Not here: what stamps show (`back`).

use super::Ask;
use super::records::{Name, fields, is_person, node, only, who};
use crate::index::Hit;
use crate::model::{Event, EventId, Outcome};
use crate::query::answer::AnswerError;

/// Calls that set the clock by themselves, and whatever a login did.
const CALLS: &str = "source:linux AND outcome:success AND action:changed-system-time AND \
    (auid:* OR syscall:settimeofday OR syscall:clock_settime OR syscall:clock_settime64)";
/// The clock was set, by whatever call.
const SET: &str = "source:linux AND action:changed-system-time AND raw:\"TIME_INJOFFSET\"";
/// Events that are looked at.
const LOOKED_AT_MAX: usize = 100_000;
/// Programs that keep the time: a correction by them, without a login, is what they are for.
const KEEPERS: &[&str] = &[
    "/usr/sbin/chronyd",
    "/usr/sbin/ntpd",
    "/usr/lib/systemd/systemd-timesyncd",
    "/lib/systemd/systemd-timesyncd",
    "/usr/sbin/ptp4l",
    "/usr/sbin/phc2sys",
    "/usr/sbin/openntpd",
];
/// So little is no step, ns.
const LITTLE_NS: i64 = 1_000_000_000;

/// A clock that was set.
#[derive(Debug)]
pub struct Setting {
    pub name: Name,
    pub event: EventId,
    /// By the clock before.
    pub when: i64,
    /// What was added to it, ns; `None` where no record says it.
    pub by: Option<i64>,
    pub severity: &'static str,
    pub what: String,
    /// What the records do not say.
    pub unsaid: &'static str,
}

/// All of the time that is asked for, once each, oldest first.
pub fn settings(ask: &Ask<'_>) -> Result<Vec<Setting>, AnswerError> {
    let mut found: Vec<Setting> = Vec::new();
    let mut left = LOOKED_AT_MAX;
    for query in [CALLS, SET] {
        ask.each(query, &mut |hit| {
            if left > 0 {
                left -= 1;
                let event = ask.store.event(&hit)?;
                found.extend(setting(ask, &hit, &event)?);
            }
            Ok(())
        })?;
    }
    found.sort_by_key(|setting| (setting.when, setting.event));
    found.dedup_by_key(|setting| setting.event);
    Ok(found)
}

fn setting(ask: &Ask<'_>, hit: &Hit, event: &Event) -> Result<Option<Setting>, AnswerError> {
    let offset = fields(ask, hit, "TIME_INJOFFSET")?;
    let of = |severity, by, what: String, unsaid| {
        Some(Setting { name: node(event), event: event.id, when: event.when.event.nanos, by, severity, what, unsaid })
    };
    if event.what.outcome != Outcome::Success && offset.is_empty() {
        return Ok(None);
    }
    let number = |name: &str| only(&offset, name).and_then(|value| value.parse::<i64>().ok());
    let set = format!("{} set the clock", doer(event));
    if !offset.is_empty() {
        let by = number("sec").zip(number("nsec"));
        let by = by.map(|(sec, nsec)| sec.saturating_mul(1_000_000_000).saturating_add(nsec));
        let little = by.is_some_and(|by| by.unsigned_abs() <= LITTLE_NS.unsigned_abs());
        return Ok(match (is_person(event), little) {
            (true, true) => of("low", by, set, ""),
            (true, false) => of("high", by, set, ""),
            (false, true) => None,
            (false, false) => of(if is_keeper(event) { "low" } else { "medium" }, by, set, ""),
        });
    }
    let call = fields(ask, hit, "SYSCALL")?;
    let first = only(&call, "a0").unwrap_or_default();
    let sets = match event.how.syscall.as_deref() {
        // The realtime clock; others are none of the machine's.
        Some("clock_settime" | "clock_settime64") => first == "0",
        // Without a time it sets the zone.
        Some("settimeofday") => !first.is_empty() && first != "0",
        _ => false,
    };
    if sets {
        let severity = if is_keeper(event) && !is_person(event) { "low" } else { "medium" };
        return Ok(of(severity, None, set, "; no record says to what"));
    }
    let values = fields(ask, hit, "TIME_ADJNTPVAL")?;
    if values.is_empty() || !is_person(event) {
        return Ok(None);
    }
    let said = |name: &str| only(&values, name).unwrap_or("?").to_owned();
    let what = format!(
        "{} changed how the clock is corrected: {} from {} to {}",
        doer(event),
        said("op"),
        said("old"),
        said("new")
    );
    Ok(of("low", Some(0), what, ""))
}

fn doer(event: &Event) -> String {
    match &event.how.exe {
        Some(exe) => format!("{}, with {exe},", who(event)),
        None => who(event),
    }
}

fn is_keeper(event: &Event) -> bool {
    event.how.exe.as_deref().is_some_and(|exe| KEEPERS.contains(&exe))
}

//! One entry of the systemd journal as `journalctl -o json` writes it.
//!
//! Trusted fields begin with `_`: journald took them from the kernel; the others the program chose. Not here: the text forms (`head`).

use std::borrow::Cow;

use super::{FACILITIES, HOST, KERNEL, PID, PROGRAM, SEVERITIES};
use crate::kubernetes::members;
use crate::line::{FIELDS_MAX, Line, Time};

pub(super) fn read(line: &str) -> Option<Line<'_>> {
    let mut members = members(line).ok()?;
    let mut take = |name: &str| {
        let at = members.iter().position(|(key, _)| key == name)?;
        Some(members.remove(at).1)
    };
    let micros: i64 = take("__REALTIME_TIMESTAMP")?.parse().ok()?;
    let message = take("MESSAGE")?;
    let kernel = take("_TRANSPORT").filter(|transport| transport == KERNEL);
    let program = kernel.or_else(|| take("SYSLOG_IDENTIFIER")).or_else(|| take("_COMM"));
    let place = |names: &[&str], number: Option<Cow<'_, str>>| -> Option<usize> {
        number?.parse().ok().filter(|number| *number < names.len())
    };
    let level = place(&SEVERITIES, take("PRIORITY")).and_then(|at| SEVERITIES.get(at)).copied().unwrap_or("");
    let facility = place(&FACILITIES, take("SYSLOG_FACILITY")).and_then(|at| FACILITIES.get(at)).copied();
    let mut fields: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    fields.extend(facility.map(|name| ("facility".into(), name.into())));
    fields.extend(take("_HOSTNAME").map(|host| (HOST.into(), host)));
    fields.extend(program.map(|program| (PROGRAM.into(), program)));
    let pid = take("_PID").or_else(|| take("SYSLOG_PID"));
    fields.extend(pid.map(|pid| (PID.into(), pid)));
    let room = FIELDS_MAX.saturating_sub(fields.len());
    fields.extend(members.into_iter().take(room));
    let time = Time::Moment { nanos: micros.checked_mul(1_000)?, digits: 6 };
    Some(Line { time, level: level.into(), message, fields })
}

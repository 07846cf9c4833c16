//! The clock: whether it follows others, how far the collector's is away, and the zone of stamps that have none.
//!
//! The kernel's own word (adjtimex) needs unsafe code; `timedatectl` and `chronyc` pass it on. Not here: clocks of records (`correlate`).

use super::Check;
use super::host::Host;
use crate::config::Tail;
use crate::model::{Moment, RecordKind};
use chrono::DateTime;

/// Beyond this a clock is said to be wrong, ns.
const ERROR_NS_MAX: f64 = 0.1;
const SECOND: i64 = 1_000_000_000;
/// Beyond this the order of events between two machines cannot be told any more.
const SKEW_NS_MAX: i64 = 60 * SECOND;

/// What `timedatectl show -p NTPSynchronized --value` and `chronyc -c tracking` answered, or why they did not.
pub fn synchronised(timedatectl: &Result<String, String>, chronyc: &Result<String, String>) -> Check {
    let name = "clock";
    let advice = "timedatectl set-ntp true   (or install chrony)";
    if let Ok(line) = chronyc
        && let Some((error, normal)) = tracking(line)
    {
        return if !normal {
            Check::fail(name, "chronyd runs, and is not synchronised", "chronyc sources -v")
        } else if error > ERROR_NS_MAX {
            Check::warn(
                name,
                format!("synchronised by chronyd, but for an error of up to {error:.3} s"),
                "chronyc sources -v",
            )
        } else {
            Check::ok(name, format!("synchronised by chronyd, error at most {error:.6} s"))
        };
    }
    match timedatectl.as_deref().map(str::trim) {
        Ok("yes") => Check::ok(name, "synchronised (timedatectl: NTPSynchronized)"),
        Ok("no") => {
            Check::fail(name, "not synchronised: times of events of different machines cannot be compared", advice)
        }
        Ok(other) => Check::unknown(
            name,
            format!("timedatectl answered `{other}`"),
            "chronyc tracking, or timedatectl, on the node",
        ),
        Err(why) => Check::unknown(name, why.clone(), "chronyc tracking, or timedatectl, on the node"),
    }
}

/// The greatest error in seconds, and whether the clock is synchronised.
fn tracking(line: &str) -> Option<(f64, bool)> {
    let fields: Vec<&str> = line.trim().split(',').collect();
    let number = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    let (offset, delay, dispersion) = (number(4)?, number(10)?, number(11)?);
    Some((offset.abs() + delay / 2.0 + dispersion, *fields.get(13)? != "Not synchronised"))
}

/// The collector's `Date`, which was written between two moments of this clock.
pub fn skew(date: Option<&str>, before: Moment, after: Moment) -> Check {
    let name = "clock of the collector";
    let Some(date) =
        date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()).and_then(|date| date.timestamp_nanos_opt())
    else {
        return Check::unknown(name, "its answer has no date", "date -u on both");
    };
    // It has whole seconds: the moment was within the second that it names.
    let least = date.saturating_sub(after.nanos);
    let most = date.saturating_add(SECOND).saturating_sub(before.nanos);
    let away = if least > 0 { least } else { most.min(0).saturating_neg() };
    let side = if least > 0 { "ahead of" } else { "behind" };
    let said = format!("it is at least {} ms {side} this one", away / 1_000_000);
    if away == 0 {
        Check::ok(name, "no difference that its answer could show (whole seconds)")
    } else if away > SKEW_NS_MAX {
        Check::fail(name, said, "timedatectl set-ntp true   (on both)")
    } else {
        Check::warn(name, said, "timedatectl set-ntp true   (on both)")
    }
}

/// The machine's zone, and logs whose stamps have none.
pub fn zone(host: &Host, tails: &[Tail]) -> Check {
    let name = "time zone";
    let link = host.at("/etc/localtime");
    let target = match std::fs::read_link(&link) {
        Ok(target) => target.to_string_lossy().into_owned(),
        // Without the file it is UTC.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "zoneinfo/UTC".to_owned(),
        Err(error) => return Check::unknown(name, format!("{}: {error}", link.display()), "timedatectl"),
    };
    let zone = target.split_once("zoneinfo/").map_or(target.as_str(), |(_, zone)| zone);
    let is_utc =
        matches!(zone, "UTC" | "Etc/UTC" | "Universal" | "Etc/Universal" | "Zulu" | "Etc/UCT" | "GMT" | "Etc/GMT");
    let unzoned = tails.iter().filter(|tail| tail.kind == Some(RecordKind::Syslog) && tail.reading.zone.is_empty());
    let paths: Vec<String> = unzoned.flat_map(|tail| tail.paths.clone()).collect();
    if is_utc || paths.is_empty() {
        return Check::ok(name, zone);
    }
    let seen = format!("{zone}; stamps without a zone in {} are read as UTC", super::some_of(&paths, 3));
    Check::warn(name, seen, format!("zone = \"{zone}\" in that [[tail]]"))
}

//! Stamps that go back in the order in which a log was written.
//!
//! Of the kernel's records only those count whose stamp is the time at which they were made: the record of a system call has the time at which the call began, and a
//! call may block for long. Their serials must go on. Of other logs, those that are in order otherwise. A jump forward shows nothing: nobody may have spoken.
//! Not here: who set the clock (`setting`).

use super::logs::{File, Spoke, files, id, record};
use super::records::Name;
use super::{Ask, Send, is};
use crate::index::{Plan, TermTest, resolve};
use crate::model::{EventId, RecordKind};
use crate::query::answer::AnswerError;
use std::collections::BTreeSet;

/// Events on either side that must all lie before, or all behind: one that is late, or ahead, is no step.
const KERNEL_SIDE: usize = 3;
const LINES_SIDE: usize = 5;
/// The kernel's records are out of order by less than this, ns.
const KERNEL_SLACK_NS: i64 = 1_000_000_000;
/// Lines of one log are out of order by less than this, ns.
const LINES_SLACK_NS: i64 = 5_000_000_000;
/// Lines before a step, so that it is known whether the log is in order.
const BEFORE_MIN: usize = 20;
/// Of so many lines one may be late in a log that is in order.
const LATE: usize = 100;
/// More steps than this, and a log is in no order.
const STEPS_MAX: usize = 3;
/// A zone is a multiple of this, ns.
const QUARTER_NS: i64 = 900_000_000_000;
/// Lines without a zone count only where they lie so close, ns.
const DENSE_NS: i64 = 60_000_000_000;
/// The beginning of a line in which its stamp is.
const STAMP_BYTES: usize = 160;

/// A step back.
#[derive(Debug)]
pub struct Step {
    pub name: Name,
    pub log: String,
    /// The last stamp before, and the first behind it.
    pub before: i64,
    pub after: i64,
    /// The kernel's serials say in which order they were made.
    pub by_serial: bool,
    /// The last event before, and the first behind it.
    pub events: Vec<EventId>,
}

impl Step {
    /// By how much the clock went back at least, ns.
    pub fn back(&self) -> i64 {
        self.before.saturating_sub(self.after)
    }
}

/// What is looked at: the kernel's records that no blocked call delays, and logs whose order is that of time. Not the API server's audit log, which is written
/// when requests end, nor what containers wrote, whose stamps are their own.
fn plan() -> Plan {
    let any = |field: &str| Plan::Terms { fields: resolve(field).unwrap_or_default(), test: TermTest::Any };
    let prompt = Plan::Or(vec![
        Plan::Not(Box::new(any("how.syscall"))),
        Plan::And(vec![is("what.action", "executed"), is("what.outcome", "success")]),
    ]);
    let not = |field: &str, value: &str| Plan::Not(Box::new(is(field, value)));
    let lines = ["linux", "kubernetes", "application", "self"].map(|source| not("source", source)).to_vec();
    let mut lines = lines;
    // These stand at the time of their reception.
    lines.push(not("issues.kind", "no-time"));
    Plan::Or(vec![Plan::And(vec![is("source", "linux"), prompt]), Plan::And(lines)])
}

/// All steps back of the time that is asked for.
pub fn steps(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<Vec<Step>, AnswerError> {
    let mut found = Vec::new();
    for file in files(ask, &plan(), send)? {
        let kernel = file.kind == RecordKind::Auditd;
        let mut of_file = Vec::new();
        for part in parts(ask, &file)? {
            look(ask, &file, part, kernel, &mut of_file)?;
        }
        if kernel || of_file.len() <= STEPS_MAX {
            found.extend(of_file);
        }
    }
    Ok(found)
}

/// The file in parts, each of which was read from its front to its end: a file that was truncated begins anew.
fn parts<'f>(ask: &Ask<'_>, file: &'f File) -> Result<Vec<&'f [Spoke]>, AnswerError> {
    let mut parts = Vec::new();
    let (mut rest, mut end) = (file.spoke.as_slice(), 0);
    let mut at = 0;
    let mut last = None;
    while let Some(spoke) = rest.get(at) {
        if last != Some(spoke.place.leaf) {
            last = Some(spoke.place.leaf);
            ask.view.in_time()?;
            let entry = ask.view.reader.entry(spoke.place.leaf)?;
            if entry.header.start < end
                && let Some((part, behind)) = rest.split_at_checked(at)
            {
                parts.push(part);
                (rest, at) = (behind, 0);
            }
            end = entry.header.end;
        }
        at += 1;
    }
    parts.push(rest);
    Ok(parts)
}

fn look(ask: &Ask<'_>, file: &File, part: &[Spoke], kernel: bool, into: &mut Vec<Step>) -> Result<(), AnswerError> {
    let (side, slack) = if kernel { (KERNEL_SIDE, KERNEL_SLACK_NS) } else { (LINES_SIDE, LINES_SLACK_NS) };
    if !kernel && !is_ordered(part, slack) {
        return Ok(());
    }
    let mut at = 0;
    while let Some(window) = part.get(at..).and_then(|rest| rest.get(..side.saturating_mul(2))) {
        let (before, after) = window.split_at(side);
        let least = before.iter().map(|spoke| spoke.when).min().unwrap_or(i64::MIN);
        let most = after.iter().map(|spoke| spoke.when).max().unwrap_or(i64::MAX);
        let enough = kernel || at.saturating_add(side) >= BEFORE_MIN;
        if least.saturating_sub(most) > slack && enough {
            let fits = if kernel { serials_go_on(ask, before, after)? } else { is_no_zone(ask, window)? };
            if fits && let Some(step) = step(ask, file, before, after, kernel)? {
                into.push(step);
            }
            at += side;
        } else {
            at += 1;
        }
    }
    Ok(())
}

fn step(
    ask: &Ask<'_>,
    file: &File,
    before: &[Spoke],
    after: &[Spoke],
    by_serial: bool,
) -> Result<Option<Step>, AnswerError> {
    let (Some(last), Some(first)) = (before.last(), after.first()) else { return Ok(None) };
    let events: Vec<EventId> = [id(ask, last.place)?, id(ask, first.place)?].into_iter().flatten().collect();
    let (name, log) = (file.name.clone(), file.log.clone());
    Ok(Some(Step { name, log, before: last.when, after: first.when, by_serial, events }))
}

/// Whether few lines of it are late.
fn is_ordered(part: &[Spoke], slack: i64) -> bool {
    let stamps = || part.iter().map(|spoke| spoke.when);
    let late = stamps().zip(stamps().skip(1)).filter(|(one, next)| one.saturating_sub(*next) > slack).count();
    late <= STEPS_MAX.saturating_add(part.len() / LATE)
}

/// Whether the kernel made all of `after` behind all of `before`, in one count of one node.
fn serials_go_on(ask: &Ask<'_>, before: &[Spoke], after: &[Spoke]) -> Result<bool, AnswerError> {
    let mut nodes = BTreeSet::new();
    let mut serials = |side: &[Spoke]| -> Result<Option<Vec<u64>>, AnswerError> {
        let mut found = Vec::new();
        for spoke in side {
            let (_, bytes) = record(ask, spoke.place)?;
            let Ok(header) = deponent_parsers::linux::header(&bytes) else { return Ok(None) };
            if header.daemon {
                return Ok(None);
            }
            nodes.insert(header.node.map(|node| node.into_owned()));
            found.push(header.serial);
        }
        Ok(Some(found))
    };
    let (Some(before), Some(after)) = (serials(before)?, serials(after)?) else { return Ok(false) };
    Ok(nodes.len() == 1 && before.iter().max() < after.iter().min())
}

/// Whether another zone, or the end of summer time, does not explain it: stamps say their zone, or the step is no multiple of a quarter of an hour.
fn is_no_zone(ask: &Ask<'_>, window: &[Spoke]) -> Result<bool, AnswerError> {
    let mut zoned = true;
    for spoke in window {
        let (_, bytes) = record(ask, spoke.place)?;
        zoned &= says_zone(bytes.get(..STAMP_BYTES).unwrap_or(&bytes));
    }
    if zoned {
        return Ok(true);
    }
    let (before, after) = window.split_at(window.len() / 2);
    let dense = |side: &[Spoke]| {
        side.iter().zip(side.iter().skip(1)).all(|(one, next)| next.when.saturating_sub(one.when) <= DENSE_NS)
    };
    let (Some(last), Some(first)) = (before.last(), after.first()) else { return Ok(false) };
    let back = last.when.saturating_sub(first.when);
    // Time went on between the two lines: a zone took as much away, and at most this more.
    let until_quarter = QUARTER_NS.saturating_sub(back.rem_euclid(QUARTER_NS));
    let behind_quarter = back.rem_euclid(QUARTER_NS);
    let by_zone =
        until_quarter <= DENSE_NS.saturating_mul(2) || (back >= QUARTER_NS && behind_quarter <= LINES_SLACK_NS);
    Ok(dense(before) && dense(after) && !by_zone)
}

/// Whether a stamp as of RFC 3339 with a zone stands there.
fn says_zone(bytes: &[u8]) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |window: &[u8]| {
        window.iter().zip(shape).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
    };
    bytes.windows(shape.len()).position(fits).is_some_and(|at| {
        let behind = bytes.get(at.saturating_add(shape.len())..).unwrap_or_default();
        let fraction =
            behind.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.' || **byte == b',').count();
        matches!(behind.get(fraction), Some(b'Z' | b'+' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_with_a_zone() {
        for (line, wanted) in [
            ("2026-11-23T21:00:00+00:00 n1 sshd: x", true),
            ("time=\"2026-11-23T21:00:00.123456789Z\" level=info", true),
            ("{\"ts\":\"2026-11-23T21:00:00.123-0500\"}", true),
            ("I1123 21:00:00.123456    7 x.go:1] x", false),
            ("Nov 23 21:00:00 n1 sshd: x", false),
            ("2026-11-23T21:00:00.123 n1", false),
            ("", false),
        ] {
            assert_eq!(says_zone(line.as_bytes()), wanted, "{line}");
        }
    }
}

//! CLOCK_STEP: a node's clock was set, as the kernel records it, or as the stamps of a log show that go back.
//!
//! Inside: what is made of both, told once for each time. `setting` reads the kernel's records about it, `back` looks at stamps in the order of a log.
//! Not here: how far apart two recorders' clocks are (`correlate::clock`).

use super::back::{self, Step};
use super::setting::{self, Setting};
use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::CLOCK_STEP;
use crate::model::{EventId, Moment};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::{Value, json};

/// A record that says that the clock was set, and stamps that show it, are this close together, by the clock before, ns.
const SAME_NS: i64 = 120_000_000_000;
/// Stamps that go back by so much less than the clock was set: time went on in between, ns.
const SLACK_NS: i64 = 1_000_000_000;

/// Sends each time that a clock was set.
pub fn steps(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let settings = setting::settings(ask)?;
    let mut steps = back::steps(ask, send)?;
    for setting in &settings {
        let (shows, others) = steps.into_iter().partition(|step| fits(setting, step));
        steps = others;
        tell_setting(ask, setting, &shows, send)?;
    }
    // The kernel's serials say more than stamps alone; both may show one step.
    steps.sort_by_key(|step| (!step.by_serial, step.before));
    while !steps.is_empty() {
        let first = steps.remove(0);
        let (shows, others) = steps.into_iter().partition(|step| same(&first, step));
        steps = others;
        tell_step(ask, &first, &shows, send)?;
    }
    Ok(())
}

fn fits(setting: &Setting, step: &Step) -> bool {
    let near = setting.when.abs_diff(step.before) <= SAME_NS.unsigned_abs();
    let far_enough = setting.by.is_none_or(|by| by < 0 && by.saturating_neg() >= step.back().saturating_sub(SLACK_NS));
    setting.name == step.name && near && far_enough
}

/// Whether two logs show one step: the times that each shows twice overlap.
fn same(one: &Step, other: &Step) -> bool {
    one.name == other.name && one.after < other.before && other.after < one.before
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

/// An amount of time as people read it.
fn seconds(nanos: i64) -> String {
    let millis = nanos.unsigned_abs() / 1_000_000;
    format!("{}.{:03} s", millis / 1_000, millis % 1_000)
}

fn in_logs(shows: &[Step]) -> String {
    let said = |step: &Step| format!("{} (by {})", step.log, seconds(step.back()));
    let all: Vec<String> = shows.iter().take(8).map(said).collect();
    all.join(", ")
}

fn tell_setting(ask: &Ask<'_>, setting: &Setting, shows: &[Step], send: &mut Send<'_>) -> Result<(), AnswerError> {
    let to = setting.by.map(|by| setting.when.saturating_add(by));
    let amount = match (setting.by, to) {
        (Some(by), Some(to)) => {
            let way = if by < 0 { "back" } else { "forward" };
            format!(", {way} by {}, from {} to {}", seconds(by), time(setting.when), time(to))
        }
        _ => format!(", at {}", time(setting.when)),
    };
    let seen = if shows.is_empty() { String::new() } else { format!("; stamps go back in {}", in_logs(shows)) };
    let detail = format!("{}{amount}{}{seen}", setting.what, setting.unsaid);
    let mut ids = vec![setting.event];
    ids.extend(shows.iter().flat_map(|step| step.events.iter().copied()));
    let told = Line { severity: setting.severity, from: setting.when, to, by: setting.by, detail, ids };
    send(told.of(ask, &setting.name))
}

fn tell_step(ask: &Ask<'_>, step: &Step, shows: &[Step], send: &mut Send<'_>) -> Result<(), AnswerError> {
    let what = if step.by_serial {
        "the kernel's serials go on while its stamps go back: the clock was set, and no record says by whom"
    } else {
        "stamps go back in the order of the log: the clock was set, or lines were added late"
    };
    let also = if shows.is_empty() { String::new() } else { format!("; so in {}", in_logs(shows)) };
    let detail = format!(
        "{what}; in {} by {} at least, from {} to {}{also}",
        step.log,
        seconds(step.back()),
        time(step.before),
        time(step.after)
    );
    let mut ids = step.events.clone();
    ids.extend(shows.iter().flat_map(|step| step.events.iter().copied()));
    let severity = if step.by_serial { "medium" } else { "low" };
    let by = Some(step.back().saturating_neg());
    let told = Line { severity, from: step.before, to: Some(step.after), by, detail, ids };
    send(told.of(ask, &step.name))
}

struct Line {
    severity: &'static str,
    /// The clock before, and behind.
    from: i64,
    to: Option<i64>,
    by: Option<i64>,
    detail: String,
    ids: Vec<EventId>,
}

impl Line {
    fn of(mut self, ask: &Ask<'_>, (cluster, node): &super::records::Name) -> Told {
        self.ids.truncate(super::NAMED_MAX);
        let evidence: Vec<Value> = self.ids.iter().filter_map(|id| ask.store.evidence(*id).ok()).flatten().collect();
        let line = json!({
            "finding": CLOCK_STEP, "severity": self.severity, "cluster": cluster, "node": node,
            "from": time(self.from), "to": self.to.map(time), "by_ms": self.by.map(|by| by / 1_000_000),
            "events": shown(&self.ids), "detail": self.detail, "evidence": evidence,
        });
        Told::of(line, &self.ids)
    }
}

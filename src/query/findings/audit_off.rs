//! AUDIT_OFF: a node's auditing was turned off, its rules were deleted, auditd ended, or the kernel lost records.
//!
//! Inside: the changes of a node's auditing in order, and what each that turns something off comes to. The first sign that it is on again is looked for beyond the
//! time that was asked for. Not here: events that one of two captures lacks (`captures`), holes in the serials (`query::gaps`).

use super::records::{Name, fields, is_person, node, only, who};
use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::AUDIT_OFF;
use crate::index::{Hit, Order, Plan, TermTest, Window, resolve};
use crate::model::{Event, EventId, Moment, Outcome};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What changes auditing.
const CHANGES: &str = "source:linux AND (action:changed-audit-configuration OR action:stopped-audit OR action:aborted-audit OR action:started-audit)";
/// The kernel's line about messages that it could not keep.
const LOST: &str = "source:syslog AND message:*audit_lost=*";
/// Changes that are looked at.
const CHANGES_MAX: usize = 100_000;
/// Rules that are deleted by one command are so close together, and rules that replace them come so soon, ns.
const APART_NS: i64 = 10_000_000_000;
/// auditd that is started again within this time was restarted, or the node was, ns.
const RESTART_NS: i64 = 300_000_000_000;
/// Events in between that a finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Events behind a moment among which the first sign of auditing is looked for.
const SIGNS_MAX: usize = 256;

/// A change of a node's auditing.
struct Change {
    event: Arc<Event>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Disabled,
    Removed(String),
    Added,
    /// So many messages were lost until the count was set back.
    Reset(u64),
    Ended,
    Aborted,
    Started,
}

/// Sends each time that auditing was off.
pub fn audit_off(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    // What turns it on again may come behind the time that is asked for.
    let all = Ask { window: Window { until: None, ..ask.window }, view: ask.view, store: ask.store, now: ask.now };
    let mut nodes: BTreeMap<Name, Vec<Change>> = BTreeMap::new();
    let mut left = CHANGES_MAX;
    all.each(CHANGES, &mut |hit| {
        let event = ask.store.event(&hit)?;
        if left > 0
            && let Some(kind) = kind(ask, &hit, &event)?
        {
            left -= 1;
            nodes.entry(node(&event)).or_default().push(Change { event, kind });
        }
        Ok(())
    })?;
    for (name, changes) in &mut nodes {
        changes.sort_by_key(|change| order(&change.event));
        Node { ask, name, changes }.look(send)?;
    }
    ask.each(LOST, &mut |hit| lost(ask, &hit, send))
}

fn order(event: &Event) -> (i64, u64, EventId) {
    (event.when.event.nanos, event.how.serial.unwrap_or(0), event.id)
}

fn kind(ask: &Ask<'_>, hit: &Hit, event: &Event) -> Result<Option<Kind>, AnswerError> {
    match event.what.action.as_str() {
        "stopped-audit" => return Ok(Some(Kind::Ended)),
        "aborted-audit" => return Ok(Some(Kind::Aborted)),
        "started-audit" => return Ok(Some(Kind::Started)),
        _ => {}
    }
    let fields = fields(ask, hit, "CONFIG_CHANGE")?;
    if only(&fields, "res") != Some("1") {
        return Ok(None);
    }
    let number = |name: &str| only(&fields, name).and_then(|value| value.parse::<u64>().ok());
    Ok(match only(&fields, "op") {
        Some("remove_rule") => Some(Kind::Removed(only(&fields, "key").unwrap_or_default().to_owned())),
        Some("add_rule") => Some(Kind::Added),
        Some("set") if number("audit_enabled") == Some(0) && number("old") != Some(0) => Some(Kind::Disabled),
        Some("set") if number("lost") == Some(0) => number("old").filter(|old| *old > 0).map(Kind::Reset),
        _ => None,
    })
}

/// One node.
struct Node<'a> {
    ask: &'a Ask<'a>,
    name: &'a Name,
    changes: &'a [Change],
}

/// A time without auditing.
struct Off<'a> {
    severity: &'static str,
    /// What turned it off, and what of it else.
    causes: Vec<&'a Event>,
    what: String,
    since: i64,
    /// The sign that it is on again.
    on: Option<Arc<Event>>,
    on_is: &'static str,
}

impl Node<'_> {
    fn look(&self, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let mut done = 0;
        for (number, change) in self.changes.iter().enumerate() {
            let here = self.ask.window.contains(change.event.when.event.nanos);
            if !here || number < done {
                continue;
            }
            match &change.kind {
                Kind::Disabled => self.disabled(change, send)?,
                Kind::Removed(_) => done = self.removed(number, send)?,
                Kind::Ended | Kind::Aborted => self.ended(number, change, send)?,
                Kind::Reset(lost) => self.reset(change, *lost, send)?,
                Kind::Added | Kind::Started => {}
            }
        }
        Ok(())
    }

    fn disabled(&self, change: &Change, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let event = &change.event;
        let off = Off {
            severity: "high",
            causes: vec![event],
            what: format!("{} turned the kernel's auditing off", who(event)),
            since: event.when.event.nanos,
            on: self.sign(event)?,
            on_is: "the first system call or change of the rules that the kernel recorded again",
        };
        self.send(&off, send)
    }

    /// Rules deleted in a row by one session; gives the number of the change behind them.
    fn removed(&self, first: usize, send: &mut Send<'_>) -> Result<usize, AnswerError> {
        let mut causes: Vec<&Event> = Vec::new();
        let mut keys: Vec<&str> = Vec::new();
        let mut next = first;
        for change in self.changes.iter().skip(first) {
            let Kind::Removed(key) = &change.kind else { break };
            let goes_on = causes.last().is_none_or(|last: &&Event| {
                let apart = change.event.when.event.nanos.saturating_sub(last.when.event.nanos);
                apart <= APART_NS && same_login(&change.event, last)
            });
            if !goes_on {
                break;
            }
            causes.push(&change.event);
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
            next += 1;
        }
        let Some(last) = causes.last().copied() else { return Ok(next.max(first + 1)) };
        let added: Vec<&Change> = self
            .changes
            .iter()
            .skip(next)
            .take_while(|change| change.event.when.event.nanos.saturating_sub(last.when.event.nanos) <= APART_NS)
            .filter(|change| change.kind == Kind::Added && same_login(&change.event, last))
            .collect();
        // Rules are loaded anew by deleting all and adding those of a file; at a start no login does it.
        let replaced = added.len() >= causes.len();
        if replaced && !is_person(last) {
            return Ok(next);
        }
        let on = self.changes.iter().skip(next).find(|change| change.kind == Kind::Added);
        let count = causes.len();
        let rules = if count == 1 { "an audit rule" } else { "audit rules" };
        let more = if replaced { ", and loaded as many again" } else { "" };
        let off = Off {
            severity: if replaced { "low" } else { "high" },
            what: format!("{} deleted {rules} ({count}; keys: {}){more}", who(last), keys.join(", ")),
            since: causes.first().map_or(0, |event| event.when.event.nanos),
            causes,
            on: on.map(|change| Arc::clone(&change.event)),
            on_is: "the first rule that was added again",
        };
        self.send(&off, send)?;
        Ok(next)
    }

    fn ended(&self, number: usize, change: &Change, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let event = &change.event;
        let since = event.when.event.nanos;
        let on = self.changes.iter().skip(number + 1).find(|change| change.kind == Kind::Started);
        let again = on.is_some_and(|on| on.event.when.event.nanos.saturating_sub(since) <= RESTART_NS);
        let aborted = change.kind == Kind::Aborted;
        // A node that is shut down ends auditd too, and then all of it is silent.
        let goes_on = self.select(&Plan::Everything, Window { since: since.checked_add(RESTART_NS), until: None })?;
        if !aborted && !is_person(event) && (again || (on.is_none() && goes_on.count() == 0)) {
            return Ok(());
        }
        let severity = match (aborted, again, is_person(event)) {
            (true, ..) | (false, false, true) => "high",
            (false, true, true) => "low",
            (false, _, false) => "medium",
        };
        let verb = if aborted { "auditd gave up" } else { "auditd was ended" };
        let off = Off {
            severity,
            causes: vec![event],
            what: format!("{verb}, by {}", who(event)),
            since,
            on: on.map(|change| Arc::clone(&change.event)),
            on_is: "auditd's next start",
        };
        self.send(&off, send)
    }

    fn reset(&self, change: &Change, lost: u64, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let event = &change.event;
        let detail = format!("the kernel had lost {lost} audit messages when {} set the count back", who(event));
        send(self.told("medium", &[event.id], detail, &[]))
    }

    /// Events of the node that meet a plan.
    fn select(&self, plan: &Plan, window: Window) -> Result<crate::index::Selection, AnswerError> {
        let (cluster, node) = self.name;
        let mut all = vec![plan.clone()];
        for (field, value) in [("where.cluster", cluster), ("where.node", node)] {
            if !value.is_empty() {
                all.push(super::is(field, value));
            }
        }
        all.push(Plan::Not(Box::new(super::is("source", "self"))));
        Ok(self.ask.view.searcher.select(&Plan::And(all), window)?)
    }

    /// The first event behind `off` that only a kernel makes whose auditing is on. Messages of programs come all the same.
    fn sign(&self, off: &Event) -> Result<Option<Arc<Event>>, AnswerError> {
        let calls = Plan::Terms { fields: resolve("how.syscall").unwrap_or_default(), test: TermTest::Any };
        let changes = super::is("what.action", "changed-audit-configuration");
        let plan = Plan::And(vec![super::is("source", "linux"), Plan::Or(vec![calls, changes])]);
        let selection = self.select(&plan, Window { since: Some(off.when.event.nanos), until: None })?;
        for hit in selection.page(Order::Oldest, None, SIGNS_MAX)? {
            let event = self.ask.store.event(&hit)?;
            if order(&event) > order(off) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn send(&self, off: &Off<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let until = off.on.as_ref().map(|on| on.when.event.nanos);
        let (between, named) = self.between(off, until)?;
        let on = match &off.on {
            Some(on) => format!("on again at {}: {}, by {}", time(on.when.event.nanos), off.on_is, who(on)),
            None => "no sign since that it is on again".to_owned(),
        };
        let detail = format!("{} at {}; {on}{between}", off.what, time(off.since));
        let mut ids: Vec<EventId> = off.causes.iter().map(|event| event.id).collect();
        ids.extend(off.on.iter().map(|on| on.id));
        let until = until.map_or(Value::Null, |until| json!(time(until)));
        let more = [("from", json!(time(off.since))), ("to", until), ("between", json!(shown(&named)))];
        send(self.told(off.severity, &ids, detail, &more))
    }

    /// What the node's recorders have of the time in between, but for system calls and changes of the rules: how much, and which commands.
    fn between(&self, off: &Off<'_>, until: Option<i64>) -> Result<(String, Vec<EventId>), AnswerError> {
        let since = off.causes.last().map_or(off.since, |event| event.when.event.nanos);
        let fields = resolve("what.action").unwrap_or_default();
        let changes = Plan::Not(Box::new(super::is("what.action", "changed-audit-configuration")));
        let selection = self.select(&changes, Window { since: since.checked_add(1), until })?;
        let count = selection.count();
        if count == 0 {
            return Ok((String::new(), Vec::new()));
        }
        let top = selection.top(&fields, 5)?;
        let actions: Vec<String> = top.values.iter().map(|(action, count)| format!("{action} {count}")).collect();
        let commands = Plan::Or(
            ["ran-command", "executed", "started-exec", "exec"].map(|one| super::is("what.action", one)).to_vec(),
        );
        let commands = self.select(&commands, Window { since: since.checked_add(1), until })?;
        let named = commands.page(Order::Oldest, None, NAMED_MAX)?.iter().map(|hit| hit.id).collect();
        Ok((format!("; in between the node's records show {count} events: {}", actions.join(", ")), named))
    }

    fn told(&self, severity: &str, ids: &[EventId], detail: String, more: &[(&str, Value)]) -> Told {
        let (cluster, node) = self.name;
        let named = ids.get(..NAMED_MAX).unwrap_or(ids);
        let evidence: Vec<_> = named.iter().filter_map(|id| self.ask.store.evidence(*id).ok()).flatten().collect();
        let mut line = json!({
            "finding": AUDIT_OFF, "severity": severity, "cluster": cluster, "node": node, "events": shown(named),
            "detail": detail, "evidence": evidence,
        });
        if let Some(line) = line.as_object_mut() {
            line.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        Told::of(line, ids)
    }
}

fn same_login(one: &Event, other: &Event) -> bool {
    let login = |event: &Event| event.who.login.as_ref().map(|login| (login.auid, login.ses));
    login(one) == login(other)
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

/// The kernel says that it lost messages: its count, which only grows.
fn lost(ask: &Ask<'_>, hit: &Hit, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let event = ask.store.event(hit)?;
    let message = event.what.message.as_deref().unwrap_or_default();
    let behind = message.split("audit_lost=").nth(1).unwrap_or_default();
    let digits: String = behind.chars().take_while(char::is_ascii_digit).take(20).collect();
    let of_kernel = message.trim_start().starts_with("audit:") || message.contains("] audit:");
    let lost: u64 = digits.parse().unwrap_or(0);
    if lost == 0 || !of_kernel || event.what.outcome == Outcome::Denied {
        return Ok(());
    }
    let name = node(&event);
    let node = Node { ask, name: &name, changes: &[] };
    let detail = format!("the kernel says that it lost {lost} audit messages since its start");
    send(node.told("medium", &[event.id], detail, &[]))
}

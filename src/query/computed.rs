//! Conditions on what is computed: findings about an event, its links, its time of day. `finding:*`, `link.class:AMBIGUOUS`, `clock:22:00..23:00`.
//!
//! The index knows nothing of them. They are decided last, for the events that everything else of a query leaves over: links one event at a time, findings by the
//! detectors, once, over the time that these events span. Not here: the detectors (`findings`), the rules (`correlate`).

use super::answer::AnswerError;
use super::engine::View;
use super::linked::{Store, failed};
use super::{Filter, Test, findings};
use crate::correlate::{self, Case};
use crate::index::{Field, FieldKind, Hit, Order, Selection, Window};
use crate::model::{Event, EventId, Link, Moment};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The time of day of an event.
const CLOCK: &str = "clock";
/// Findings about an event.
const FINDING: &str = "finding";
/// Classes of its links.
const CLASS: &str = "link.class";
/// Rules of its links.
const RULE: &str = "link.rule";
/// Findings that are computed for one question.
const FINDINGS_MAX: usize = 100_000;

/// Fields that no event has: their values are computed when somebody asks.
pub static COMPUTED: &[Field] = &[
    Field {
        name: CLOCK,
        kind: FieldKind::Text,
        bare: false,
        help: "computed: the event's time of day, UTC, as HH:MM:SS; clock:22:00..23:00",
        values: |_, _| {},
    },
    Field {
        name: FINDING,
        kind: FieldKind::Text,
        bare: false,
        help: "computed: names of the findings about the event (`deponent rules`)",
        values: |_, _| {},
    },
    Field {
        name: CLASS,
        kind: FieldKind::Text,
        bare: false,
        help: "computed: classes of the event's links: PROVEN, STRONG, CONSISTENT, AMBIGUOUS",
        values: |_, _| {},
    },
    Field {
        name: RULE,
        kind: FieldKind::Text,
        bare: false,
        help: "computed: rules of the event's links (`deponent rules`)",
        values: |_, _| {},
    },
];

/// The time of day, UTC, of an instant in ns since 1970.
fn clock(nanos: i64) -> String {
    let second = nanos.div_euclid(1_000_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// The computed field of a name.
pub fn resolve(name: &str) -> Option<&'static Field> {
    COMPUTED.iter().find(|field| field.name == name)
}

/// Whether a filter cannot be decided without computing.
pub fn needs_computing(filter: &Filter) -> bool {
    match filter {
        Filter::Field { fields, .. } => fields.iter().any(|field| resolve(field.name).is_some()),
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(needs_computing),
        Filter::Not(part) => needs_computing(part),
        Filter::Everything | Filter::Word(_) | Filter::Raw(_) => false,
    }
}

/// Whether a filter tells something of links or findings, which are drawn over all events.
pub fn needs_links(filter: &Filter) -> bool {
    match filter {
        Filter::Field { fields, .. } => fields.iter().any(|field| [FINDING, CLASS, RULE].contains(&field.name)),
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(needs_links),
        Filter::Not(part) => needs_links(part),
        Filter::Everything | Filter::Word(_) | Filter::Raw(_) => false,
    }
}

/// The computed values of one question's events.
pub struct Computed<'v> {
    view: &'v View,
    /// The conditions on findings that every match satisfies.
    findings: Vec<Test>,
    found: OnceCell<HashMap<EventId, Vec<&'static str>>>,
}

impl<'v> Computed<'v> {
    /// Of a filter; `None` where nothing is to be computed for it.
    pub fn of(view: &'v View, filter: &Filter) -> Option<Computed<'v>> {
        if !needs_computing(filter) {
            return None;
        }
        let parts = match filter {
            Filter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut findings = Vec::new();
        for part in parts {
            if let Filter::Field { fields, test, .. } = part
                && fields.iter().any(|field| field.name == FINDING)
            {
                findings.push(test.clone());
            }
        }
        Some(Computed { view, findings, found: OnceCell::new() })
    }

    /// Whether an event can match, before it is read.
    pub fn may_match(
        &self,
        hit: &Hit,
        selected: &dyn Fn() -> Result<Selection, AnswerError>,
    ) -> Result<bool, AnswerError> {
        if self.findings.is_empty() {
            return Ok(true);
        }
        let names = self.found(selected)?.get(&hit.id).map_or(&[][..], Vec::as_slice);
        Ok(self.findings.iter().all(|test| names.iter().any(|name| test.holds(name))))
    }

    /// The values that a computed field has for an event.
    pub fn values(
        &self,
        field: &Field,
        event: &Event,
        selected: &dyn Fn() -> Result<Selection, AnswerError>,
    ) -> Result<Vec<Cow<'static, str>>, AnswerError> {
        let names = |names: Vec<&'static str>| names.into_iter().map(Cow::Borrowed).collect();
        match field.name {
            CLOCK => Ok(vec![Cow::Owned(clock(event.when.event.nanos))]),
            FINDING => Ok(names(self.found(selected)?.get(&event.id).cloned().unwrap_or_default())),
            CLASS => Ok(names(self.links(event)?.iter().map(|link| link.class.name()).collect())),
            RULE => Ok(names(self.links(event)?.iter().map(|link| link.rule).collect())),
            _ => Ok(Vec::new()),
        }
    }

    fn links(&self, event: &Event) -> Result<Vec<Link>, AnswerError> {
        self.view.in_time()?;
        let store = Store::new(self.view)?;
        let case = Case::new(&store);
        let event = Arc::new(event.clone());
        let mut links: Vec<Link> = correlate::stages(&event).into_iter().collect();
        links.extend(correlate::cause(&case, &event).map_err(failed)?.link);
        links.extend(correlate::effects(&case, &event).map_err(failed)?.into_iter().map(|(_, link)| link));
        Ok(links)
    }

    /// All findings in the time that the selected events span, by event.
    fn found(
        &self,
        selected: &dyn Fn() -> Result<Selection, AnswerError>,
    ) -> Result<&HashMap<EventId, Vec<&'static str>>, AnswerError> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let selection = selected()?;
        let end = |order| Ok::<_, AnswerError>(selection.page(order, None, 1)?.first().map(|hit| hit.when));
        let window =
            Window { since: end(Order::Oldest)?, until: end(Order::Newest)?.and_then(|last| last.checked_add(1)) };
        let mut found: HashMap<EventId, Vec<&'static str>> = HashMap::new();
        let mut left = FINDINGS_MAX;
        let now = Moment { nanos: 0, digits: 0 };
        findings::each(self.view, window, now, &mut |told| {
            left = left.saturating_sub(1);
            if left == 0 {
                return Err(AnswerError::Limit(format!(
                    "more than {FINDINGS_MAX} findings; narrow the query or its time"
                )));
            }
            let Some(name) = told.name() else { return Ok(()) };
            for id in told.events {
                let names = found.entry(id).or_default();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            Ok(())
        })?;
        Ok(self.found.get_or_init(|| found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day() {
        assert_eq!(clock(0), "00:00:00");
        assert_eq!(clock(1_795_467_640_999_999_999), "21:00:40");
        assert_eq!(clock(-1), "23:59:59");
    }
}

//! From a filter to what the index can decide: a plan that finds at least all matches, and whether it finds nothing else.
//!
//! Not here: how the index decides (`index`), the reference semantics (`matches`).

use super::computed::needs_computing;
use super::{Filter, Test, asks_for_own, word_holds};
use crate::index::{FIELDS, Field, Plan, TermTest, resolve};
use std::sync::Arc;

/// A plan, and whether its result needs no second look at the events.
#[derive(Debug)]
pub struct Planned {
    /// Finds at least every match.
    pub plan: Plan,
    /// Finds nothing else.
    pub exact: bool,
}

/// The plan of a filter. deponent's own events are found only when they are asked for.
pub fn plan(filter: &Filter) -> Planned {
    let mut planned = lower(filter);
    if !asks_for_own(filter)
        && let Some(fields) = resolve("source")
    {
        let own = Plan::Terms { fields, test: TermTest::Is("self".to_owned()) };
        planned.plan = Plan::And(vec![planned.plan, Plan::Not(Box::new(own))]);
    }
    planned
}

/// The plan of a filter that the index decides, as it stands.
pub(super) fn of(filter: &Filter) -> Plan {
    lower(filter).plan
}

fn lower(filter: &Filter) -> Planned {
    let exactly = |plan| Planned { plan, exact: true };
    match filter {
        Filter::Everything => exactly(Plan::Everything),
        Filter::And(parts) => many(parts, Plan::And),
        Filter::Or(parts) => many(parts, Plan::Or),
        Filter::Not(part) => {
            let part = lower(part);
            // The complement of too much would be too little.
            if part.exact {
                exactly(Plan::Not(Box::new(part.plan)))
            } else {
                Planned { plan: Plan::Everything, exact: false }
            }
        }
        Filter::Field { .. } if needs_computing(filter) => Planned { plan: Plan::Everything, exact: false },
        Filter::Field { fields, test, .. } => exactly(Plan::Terms { fields: fields.clone(), test: term_test(test) }),
        Filter::Word(word) => exactly(Plan::Terms { fields: bare_fields(), test: word_test(word) }),
        Filter::Raw(_) => Planned { plan: Plan::Everything, exact: false },
    }
}

fn many(parts: &[Filter], join: fn(Vec<Plan>) -> Plan) -> Planned {
    let parts: Vec<Planned> = parts.iter().map(lower).collect();
    let exact = parts.iter().all(|part| part.exact);
    Planned { plan: join(parts.into_iter().map(|part| part.plan).collect()), exact }
}

fn bare_fields() -> Vec<&'static Field> {
    FIELDS.iter().filter(|field| field.bare).collect()
}

fn word_test(word: &str) -> TermTest {
    let word = word.to_owned();
    TermTest::Predicate { prefix: String::new(), holds: Arc::new(move |value| word_holds(&word, value)) }
}

fn term_test(test: &Test) -> TermTest {
    match test {
        Test::Any => TermTest::Any,
        Test::Is(text) => TermTest::Is(text.clone()),
        Test::Glob(source, _) => {
            let test = test.clone();
            TermTest::Predicate { prefix: literal_prefix(source), holds: Arc::new(move |value| test.holds(value)) }
        }
        Test::NoneOf(_) | Test::Cidr(_) | Test::Range { .. } | Test::Regex(_) => {
            let test = test.clone();
            TermTest::Predicate { prefix: String::new(), holds: Arc::new(move |value| test.holds(value)) }
        }
    }
}

/// What every match of a glob starts with.
fn literal_prefix(glob: &str) -> String {
    glob.chars().take_while(|c| !matches!(c, '*' | '?' | '\\')).collect()
}

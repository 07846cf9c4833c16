//! What somebody may see: limits of clusters, namespaces and sources, raw bytes or not.
//!
//! A limit is a condition that the index decides, beside that of every query: what is beyond it is in no list, count, page or name. Links are drawn over everything, so
//! whoever sees a part only is not told of any. Not here: who somebody is (`access`).

use super::answer::{AnswerError, Question, Search};
use super::computed::needs_links;
use super::{Filter, Pipe, Query, Test, matches, needs_raw};
use crate::index::{Plan, resolve};
use crate::model::{Event, Source};
use crate::normalise::ACCESS;

/// What somebody may see.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Every event that is seen satisfies it; `None`: all are.
    only: Option<Filter>,
    /// It is a limit of clusters, namespaces or sources.
    limited: bool,
    /// No raw bytes, no proofs.
    withheld: bool,
}

impl Sight {
    /// Events that have, in each of these fields, one of its values and no other; where it has none, any. With `evidence` also raw bytes and who asked what.
    pub fn of(limits: &[(&str, &Vec<String>)], evidence: bool) -> Sight {
        let mut all = Vec::new();
        for (name, values) in limits {
            if !values.is_empty() {
                // What is also about something else would tell of that.
                let other = field(name, Test::NoneOf(values.to_vec()));
                all.push(Filter::Or(values.iter().map(|value| is(name, value.clone())).collect()));
                all.push(Filter::Not(Box::new(other)));
            }
        }
        let limited = !all.is_empty();
        if !evidence {
            let access = Filter::And(vec![is("source", Source::Own.name().to_owned()), starts("what.action", ACCESS)]);
            all.push(Filter::Not(Box::new(access)));
        }
        let only = Some(Filter::And(all)).filter(|_| limited || !evidence);
        Sight { only, limited, withheld: !evidence }
    }

    /// Whether nothing is hidden from them.
    pub(super) fn is_whole(&self) -> bool {
        self.only.is_none()
    }

    /// Whether raw bytes are kept from them.
    pub fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// Whether they see a part of the events only.
    pub fn is_limited(&self) -> bool {
        self.limited
    }

    /// A plan that finds nothing that they may not see.
    pub(super) fn plan(&self, asked: Plan) -> Plan {
        match &self.only {
            None => asked,
            // They are own events that are hidden by default, and those only, about which another rule decides.
            Some(only) => Plan::And(vec![asked, super::plan::of(only)]),
        }
    }

    /// Whether an event may be seen.
    pub(super) fn sees(&self, event: &Event) -> bool {
        self.only.as_ref().is_none_or(|only| matches(only, event, &mut Vec::new))
    }

    /// Whether a question may be answered at all.
    ///
    /// # Errors
    /// It may not; which role it takes.
    pub(super) fn allows(&self, question: &Question) -> Result<(), AnswerError> {
        let evidence = |what| self.evidence(what);
        match question {
            Question::Prove { .. } => evidence("proofs"),
            Question::Search(Search { records: true, .. }) => evidence("raw records"),
            Question::Testify { proofs: true, .. } => evidence("proofs").and_then(|()| self.whole("links")),
            Question::Linked { .. } | Question::Story(_) | Question::Testify { .. } => self.whole("links"),
            Question::Findings { .. } => self.whole("findings"),
            Question::Sources | Question::Gaps => self.whole("the state of sources"),
            Question::Search(_) | Question::Show { .. } | Question::Head => Ok(()),
        }
    }

    /// Whether a query may be answered: its conditions tell something, too.
    ///
    /// # Errors
    /// It may not.
    pub(super) fn allows_query(&self, query: &Query) -> Result<(), AnswerError> {
        let steps = match &query.pipe {
            Some(Pipe::Sequence { steps, .. }) => steps.as_slice(),
            _ => &[],
        };
        for filter in std::iter::once(&query.filter).chain(steps) {
            if needs_raw(filter) {
                self.evidence("`raw`")?;
            }
            if needs_links(filter) {
                self.whole("`finding` and `link.*`")?;
            }
        }
        Ok(())
    }

    fn evidence(&self, what: &'static str) -> Result<(), AnswerError> {
        if self.withheld { Err(AnswerError::Forbidden { what, takes: "the role `auditor`" }) } else { Ok(()) }
    }

    fn whole(&self, what: &'static str) -> Result<(), AnswerError> {
        let takes = "a token without limits of clusters, namespaces or sources";
        if self.limited { Err(AnswerError::Forbidden { what, takes }) } else { Ok(()) }
    }
}

fn is(name: &str, value: String) -> Filter {
    field(name, Test::Is(value))
}

fn starts(name: &str, with: &str) -> Filter {
    field(name, Test::Range { low: Some((with.to_owned(), true)), high: Some((format!("{with}\u{7F}"), false)) })
}

fn field(name: &str, test: Test) -> Filter {
    Filter::Field { name: name.to_owned(), fields: resolve(name).unwrap_or_default(), test }
}

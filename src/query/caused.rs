//! `why F --to E`: whether one event led to another, along the links of `why`, and where the chain stops when it did not.
//!
//! Not here: the links (`correlate`), how the answer is shown (`render::caused`).

use super::answer::{AnswerError, Sink};
use super::engine::View;
use super::linked::{Store, failed};
use super::{link_json, lookup};
use crate::correlate::rules::CONTAINER_PROCESS;
use crate::correlate::{self, Case, RootKind, Step, Why};
use crate::model::{Class, Event, EventId, Str};
use serde_json::json;
use std::sync::Arc;

/// Chains of possible causes that are followed.
const CHAINS_MAX: usize = 64;
/// Ambiguous links, one behind the other, that are followed.
const TURNS_MAX: usize = 4;

/// How an event is linked to one that is said to be its cause.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Linked {
    /// It stands on the chain.
    Chain,
    /// It is one of several possible causes, or behind one.
    Candidate,
    /// No link leads there.
    None,
}

impl Linked {
    fn name(self) -> &'static str {
        match self {
            Linked::Chain => "chain",
            Linked::Candidate => "candidate",
            Linked::None => "none",
        }
    }
}

struct Judged {
    linked: Linked,
    class: Option<Class>,
    /// Effect first; as far as the cause where it is linked, else to the end.
    chain: Vec<Step>,
    missing: Vec<Str>,
}

/// Sends one line: whether the event `cause` led to the event `effect`.
pub fn caused(view: &View, effect: &str, cause: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let store = Store::new(view)?;
    let case = Case::new(&store);
    let effect = store.event(&lookup::one(view, effect)?)?;
    let cause = store.event(&lookup::one(view, cause)?)?;
    let judged = judge(&case, &effect, &cause)?;
    let mut line = json!({
        "event": effect.id.to_string(),
        "cause": cause.id.to_string(),
        "linked": judged.linked.name(),
        "chain": link_json::chain(&store, &judged.chain)?,
    });
    if let Some(line) = line.as_object_mut() {
        line.extend(judged.class.map(|class| ("class".to_owned(), json!(class.name()))));
        if judged.linked == Linked::None {
            line.insert("cause_event".to_owned(), super::event_line(&cause, &[], false));
            for step in &judged.chain {
                if let Some(link) = correlate::near_miss(&case, &step.event, &cause).map_err(failed)? {
                    line.insert("near_miss".to_owned(), link_json::link(&store, &link)?);
                    break;
                }
            }
        }
        if !judged.missing.is_empty() {
            line.insert("missing".to_owned(), json!(judged.missing));
        }
    }
    sink(line)?;
    Ok(())
}

fn judge(case: &Case<'_>, effect: &Arc<Event>, cause: &Arc<Event>) -> Result<Judged, AnswerError> {
    let why = correlate::why(case, effect).map_err(failed)?;
    match why.chain.iter().position(|step| step.event.id == cause.id) {
        Some(0) => {
            let missing = vec!["it is the event itself".into()];
            return Ok(Judged { linked: Linked::None, class: None, chain: Vec::new(), missing });
        }
        Some(at) => return Ok(on_chain(why, at)),
        None => {}
    }
    let mut search = Search { case, wanted: cause.id, left: CHAINS_MAX };
    let whole = why.chain.last().and_then(|step| step.link.as_ref());
    if whole.is_some_and(|link| link.class == Class::Ambiguous)
        && let Some(chain) = search.behind(&why, TURNS_MAX)?
    {
        let missing = why.root.missing;
        return Ok(Judged { linked: Linked::Candidate, class: Some(Class::Ambiguous), chain, missing });
    }
    if why.root.candidates.iter().any(|candidate| candidate.event == cause.id) {
        let (chain, missing) = (why.chain, why.root.missing);
        return Ok(Judged { linked: Linked::Candidate, class: Some(Class::Ambiguous), chain, missing });
    }
    let mut missing = stopped(case, &why)?;
    if search.left == 0 {
        missing.push(format!("more possible causes than the {CHAINS_MAX} that were followed").into());
    }
    let back = correlate::why(case, cause).map_err(failed)?;
    if back.chain.iter().any(|step| step.event.id == effect.id) {
        missing.push("it is the other way round: the chain of causes of the one that was named as the cause leads to the one that was named as its effect".into());
    }
    Ok(Judged { linked: Linked::None, class: None, chain: why.chain, missing })
}

/// The cause is the entry `at` of the chain: as sure as the weakest link before it.
fn on_chain(why: Why, at: usize) -> Judged {
    let links = why.chain.iter().take(at).filter_map(|step| step.link.as_ref());
    let mut class = links.map(|link| link.class).max().unwrap_or(Class::Proven);
    let mut missing: Vec<Str> = Vec::new();
    // Whether what a container's first process started is its own is weighed for the end of the chain; the same doubt is about all above it.
    let is_init = |step: &Step| step.link.as_ref().is_some_and(|link| link.rule == CONTAINER_PROCESS.name);
    let init = why.chain.iter().position(is_init).filter(|init| *init > 0 && at >= *init);
    let ends = why.chain.last().is_some_and(|step| step.link.is_none());
    if init.is_some() && ends && why.root.kind != RootKind::Login {
        class = class.max(why.root.class.unwrap_or(Class::Proven));
        missing = why.root.missing;
    } else {
        let links = why.chain.iter().take(at).filter_map(|step| step.link.as_ref());
        for reason in links.flat_map(|link| &link.missing) {
            if !missing.contains(reason) {
                missing.push(reason.clone());
            }
        }
    }
    let mut chain = why.chain;
    chain.truncate(at + 1);
    if let Some(last) = chain.last_mut() {
        last.link = None;
    }
    Judged { linked: Linked::Chain, class: Some(class), chain, missing }
}

/// Why a chain goes no further than it does.
fn stopped(case: &Case<'_>, why: &Why) -> Result<Vec<Str>, AnswerError> {
    let mut reasons: Vec<Str> = Vec::new();
    let Some(last) = why.chain.last() else { return Ok(reasons) };
    match &last.link {
        Some(link) => {
            let count = link.candidate_count;
            let text = match count {
                1 => "the chain stops at a link with one possible cause, which is another event".to_owned(),
                _ => {
                    format!("the chain stops at {count} possible causes, and it is neither one of them nor behind one")
                }
            };
            reasons.push(text.into());
        }
        None => reasons.extend(correlate::cause(case, &last.event).map_err(failed)?.missing),
    }
    for reason in &why.root.missing {
        if !reasons.contains(reason) {
            reasons.push(reason.clone());
        }
    }
    Ok(reasons)
}

struct Search<'a, 'e> {
    case: &'a Case<'e>,
    wanted: EventId,
    left: usize,
}

impl Search<'_, '_> {
    /// The chain by one of the possible causes at the end of `why`, where the wanted event is one or stands behind one.
    fn behind(&mut self, why: &Why, turns: usize) -> Result<Option<Vec<Step>>, AnswerError> {
        let Some(last) = why.chain.last() else { return Ok(None) };
        let found = correlate::cause(self.case, &last.event).map_err(failed)?;
        let with = |rest: Vec<Step>| why.chain.iter().cloned().chain(rest).collect::<Vec<Step>>();
        if let Some(cause) = found.causes.iter().find(|cause| cause.id == self.wanted) {
            return Ok(Some(with(vec![Step { event: Arc::clone(cause), link: None }])));
        }
        for cause in &found.causes {
            if self.left == 0 {
                return Ok(None);
            }
            self.left -= 1;
            let next = correlate::why(self.case, cause).map_err(failed)?;
            if let Some(at) = next.chain.iter().position(|step| step.event.id == self.wanted) {
                return Ok(Some(with(on_chain(next, at).chain)));
            }
            let open = next.chain.last().is_some_and(|step| step.link.is_some());
            if open
                && turns > 1
                && let Some(rest) = self.behind(&next, turns - 1)?
            {
                return Ok(Some(with(rest)));
            }
        }
        Ok(None)
    }
}

//! TOKEN_OUT_OF_PLACE: the token of a pod, used from an address that is neither the pod's nor its node's.
//!
//! A bound token names its pod and node in the user's extra. Each credential is asked for its addresses, which the index knows; only an address that the node's kubelet
//! never came from is looked at further. Inside: the credentials and the decision. Not here: what addresses a pod and its node have (`places`).

use super::places::{Addresses, Bound, Places, bound, has};
use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::TOKEN_OUT_OF_PLACE;
use crate::index::{Hit, Order, Window, resolve};
use crate::model::{Event, EventId, Moment, Source, WhoKind};
use crate::query::answer::AnswerError;
use crate::query::link_json::Exhibits;
use crate::time::rfc3339;
use serde_json::json;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Credentials of service accounts that are looked at.
const CREDENTIALS_MAX: usize = 100_000;
/// Addresses of one credential that are looked at.
const ADDRESSES_MAX: usize = 64;
/// Uses that one finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Uses of one credential from one address that are looked at.
const USES_MAX: usize = 10_000;
/// What a client says of itself, of one address: so many are told.
const AGENTS_MAX: usize = 4;
/// A pod's own request may be under way while the kubelet takes the pod away, ns.
const LATE_NS: i64 = 5_000_000_000;
/// One request that two API servers log has nearly the same time in both, ns.
const RELAYED_NS: u64 = 5_000_000_000;

/// Sends each token that was used where its pod is not.
pub fn tokens(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let fields = resolve("who.credential").unwrap_or_default();
    let all = ask.select(ask.window, &[("source", "kubernetes"), ("who.kind", "service_account")])?;
    let top = all.top(&fields, CREDENTIALS_MAX)?;
    if top.others > 0 {
        let line = json!({ "limit": format!("tokens beyond the first {CREDENTIALS_MAX} were not looked at") });
        send(Told::of(line, &[]))?;
    }
    let places = Places { ask };
    for (credential, _) in &top.values {
        ask.view.in_time()?;
        Token { ask, credential }.look(&places, send)?;
    }
    Ok(())
}

/// What tokens out of place an event is one of.
pub fn of_event(ask: &Ask<'_>, event: &Event, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let is_one = event.source == Source::Kubernetes && event.who.kind == WhoKind::ServiceAccount;
    let Some(credential) = event.who.credential.as_deref().filter(|_| is_one) else { return Ok(()) };
    Token { ask, credential }.look(&Places { ask }, &mut |told| match told.events.contains(&event.id) {
        true => send(told),
        false => Ok(()),
    })
}

/// One credential.
struct Token<'a> {
    ask: &'a Ask<'a>,
    credential: &'a str,
}

impl Token<'_> {
    fn look(&self, places: &Places<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
        let uses = self.uses(self.ask.window, None)?;
        let Some(first) = uses.page(Order::Oldest, None, 1)?.pop() else { return Ok(()) };
        let Some(bound) = bound(self.ask, &first)? else { return Ok(()) };
        let fields = resolve("who.address").unwrap_or_default();
        let used: Vec<String> =
            uses.top(&fields, ADDRESSES_MAX)?.values.into_iter().map(|(address, _)| address).collect();
        let kubelet = places.kubelet(&bound)?;
        let deleted = places.deleted(&bound)?;
        if used.iter().any(|address| !has(&kubelet, address)) {
            let known = places.of(&bound)?;
            let mut strange = Vec::new();
            for address in used.iter().filter(|address| !known.has(address)) {
                if !places.is_shared(&bound, address)? {
                    strange.push(address.as_str());
                }
            }
            if !known.decides() {
                return self.several(&bound, &used, &strange, send);
            }
            for address in strange {
                self.elsewhere(&bound, &known, address, deleted.as_deref(), send)?;
            }
        }
        match deleted {
            Some(deleted) => self.after_deletion(&bound, places, &deleted, send),
            None => Ok(()),
        }
    }

    /// Uses of the credential, from one address where it is named.
    fn uses(&self, window: Window, address: Option<&str>) -> Result<crate::index::Selection, AnswerError> {
        let mut conditions = vec![("source", "kubernetes"), ("who.credential", self.credential)];
        conditions.extend(address.map(|address| ("who.address", address)));
        self.ask.select(window, &conditions)
    }

    /// The uses from an address that is not the pod's place.
    fn elsewhere(
        &self,
        bound: &Bound,
        known: &Addresses,
        address: &str,
        deleted: Option<&Event>,
        send: &mut Send<'_>,
    ) -> Result<(), AnswerError> {
        let mut found = Uses::default();
        for hit in self.uses(self.ask.window, Some(address))?.page(Order::Oldest, None, USES_MAX)? {
            let event = self.ask.store.event(&hit)?;
            if !self.is_relayed(&event, known)? {
                found.add(&hit, &event);
            }
        }
        if found.ids.is_empty() {
            return Ok(());
        }
        let mut detail = format!(
            "the token of pod {} was used {} from {address}, which is none of its addresses ({}) and none of its node's ({})",
            bound.named(),
            found.times(),
            listed(&known.pod),
            listed(&known.node)
        );
        if let Some(deleted) = deleted {
            let at = deleted.when.event.nanos;
            let after = found.times.iter().filter(|time| **time > at).count();
            if after > 0 {
                detail.push_str(&format!("; {after} of these after the kubelet deleted the pod at {}", time(at)));
            }
        }
        detail.push_str(&self.agents(known, &found)?);
        if !known.seen {
            detail
                .push_str("; no request of the node's own kubelet is recorded, so the node may have further addresses");
        }
        let severity = if known.seen { "high" } else { "medium" };
        send(self.told(bound, severity, &[address], &found.ids, detail))
    }

    /// What the clients say of themselves, here and where the pod is. It decides nothing.
    fn agents(&self, known: &Addresses, found: &Uses) -> Result<String, AnswerError> {
        let fields = resolve("how.user_agent").unwrap_or_default();
        let mut usual = BTreeSet::new();
        for address in known.pod.iter().chain(&known.node) {
            let top = self.uses(Window::ALL, Some(address))?.top(&fields, AGENTS_MAX)?;
            usual.extend(top.values.into_iter().map(|(agent, _)| agent));
        }
        let here = listed(&found.agents);
        Ok(match usual.is_empty() {
            true => format!("; the clients call themselves {here}"),
            false => format!("; the clients call themselves {here}, those at the pod's place {}", listed(&usual)),
        })
    }

    /// Uses from the pod's own place that come when there is no such pod any more.
    fn after_deletion(
        &self,
        bound: &Bound,
        places: &Places<'_>,
        deleted: &Event,
        send: &mut Send<'_>,
    ) -> Result<(), AnswerError> {
        let known = places.of(bound)?;
        let since = deleted.when.event.nanos.saturating_add(LATE_NS);
        let window = Window { since: self.ask.window.since.max(Some(since)), until: self.ask.window.until };
        let mut found = Uses::default();
        let mut from = BTreeSet::new();
        for hit in self.uses(window, None)?.page(Order::Oldest, None, USES_MAX)? {
            let event = self.ask.store.event(&hit)?;
            // What came from elsewhere is told above.
            if let Some(address) = event.who.address.as_deref().filter(|address| known.has(address)) {
                from.insert(address.to_owned());
                found.add(&hit, &event);
            }
        }
        if found.ids.is_empty() {
            return Ok(());
        }
        let detail = format!(
            "the token of pod {} was used {} from {}, a place that was the pod's, after the kubelet deleted it at {}",
            bound.named(),
            found.times(),
            listed(&from),
            time(deleted.when.event.nanos)
        );
        let from: Vec<&str> = from.iter().map(String::as_str).collect();
        send(self.told(bound, "high", &from, &found.ids, detail))
    }

    /// Where the pod is cannot be said: that the token came from several addresses can.
    fn several(
        &self,
        bound: &Bound,
        used: &[String],
        elsewhere: &[&str],
        send: &mut Send<'_>,
    ) -> Result<(), AnswerError> {
        // A pod with an address of each family is one place.
        let families: BTreeSet<Option<bool>> =
            used.iter().map(|address| address.parse().ok().map(|address: IpAddr| address.is_ipv4())).collect();
        if elsewhere.is_empty() || used.len() < 2 || (used.len() == 2 && families.len() == 2) {
            return Ok(());
        }
        let mut found = Uses::default();
        for hit in self.uses(self.ask.window, None)?.page(Order::Oldest, None, NAMED_MAX)? {
            found.add(&hit, &*self.ask.store.event(&hit)?);
        }
        let used: BTreeSet<String> = used.iter().cloned().collect();
        let detail = format!(
            "the token of pod {} was used from several addresses ({}); which of them are the pod's is not recorded",
            bound.named(),
            listed(&used)
        );
        let from: Vec<&str> = used.iter().map(String::as_str).collect();
        send(self.told(bound, "low", &from, &found.ids, detail))
    }

    /// Whether a second API server (aggregation) logged a request that the first one had from the pod's place.
    fn is_relayed(&self, event: &Event, known: &Addresses) -> Result<bool, AnswerError> {
        let Some(id) = event.how.audit_id.as_deref() else { return Ok(false) };
        for hit in self.ask.select(Window::ALL, &[("how.audit_id", id)])?.page(Order::Oldest, None, ADDRESSES_MAX)? {
            let other = self.ask.store.event(&hit)?;
            let same = other.id != event.id
                && other.who.name == event.who.name
                && other.who.credential == event.who.credential
                && other.how.verb == event.how.verb
                && other.how.request_uri == event.how.request_uri
                && other.when.event.nanos.abs_diff(event.when.event.nanos) <= RELAYED_NS;
            if same && other.who.address.as_deref().is_some_and(|address| known.has(address)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn told(&self, bound: &Bound, severity: &str, addresses: &[&str], ids: &[EventId], detail: String) -> Told {
        let named = ids.get(..NAMED_MAX).unwrap_or(ids);
        let evidence: Vec<_> = named.iter().filter_map(|id| self.ask.store.evidence(*id).ok()).flatten().collect();
        let line = json!({
            "finding": TOKEN_OUT_OF_PLACE, "severity": severity, "cluster": bound.cluster, "node": bound.node,
            "user": bound.user, "pod": bound.pod, "namespace": bound.namespace, "pod_uid": bound.pod_uid,
            "credential": self.credential, "addresses": addresses, "uses": ids.len(),
            "events": shown(named), "detail": detail, "evidence": evidence,
        });
        Told::of(line, ids)
    }
}

/// Uses of a credential.
#[derive(Default)]
struct Uses {
    ids: Vec<EventId>,
    times: Vec<i64>,
    agents: BTreeSet<String>,
}

impl Uses {
    fn add(&mut self, hit: &Hit, event: &Event) {
        self.ids.push(hit.id);
        self.times.push(hit.when);
        if let Some(agent) = event.how.user_agent.as_deref().filter(|_| self.agents.len() < AGENTS_MAX) {
            self.agents.insert(agent.to_owned());
        }
    }

    fn times(&self) -> String {
        match (self.times.first(), self.times.last()) {
            (Some(first), Some(last)) if self.ids.len() > 1 => {
                format!("{} times, {} to {},", self.ids.len(), time(*first), time(*last))
            }
            (Some(first), _) => format!("once, at {},", time(*first)),
            _ => String::new(),
        }
    }
}

fn time(nanos: i64) -> String {
    rfc3339(Moment { nanos, digits: 3 })
}

fn listed(these: &BTreeSet<String>) -> String {
    if these.is_empty() {
        return "none known".to_owned();
    }
    let mut text = these.iter().take(ADDRESSES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if these.len() > ADDRESSES_MAX {
        text.push_str(", …");
    }
    text
}

//! Where a pod is: its addresses and those of its node, as the kubelet of the node says and shows them.
//!
//! Trusted are the statuses that the kubelet writes, and the address that the API server saw the kubelet come from. Not here: what is made of it (`token`).

use super::Ask;
use crate::index::{Hit, Order, Selection, Window, resolve};
use crate::model::{Event, Outcome};
use crate::query::answer::AnswerError;
use crate::query::load;
use deponent_parsers::kubernetes::{AuditEvent, lists_of, members_of, parse, unwrap};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Statuses of one pod or node that are read; of more, nothing is decided.
const STATUSES_MAX: usize = 1_024;
/// Addresses of one kubelet.
const ADDRESSES_MAX: usize = 1_024;
/// Names of users that came from one address.
const USERS_MAX: usize = 1_024;
/// Before the name of a node, in the name of its kubelet.
const KUBELET: &str = "system:node:";
/// Before namespace and name of a service account.
const ACCOUNT: &str = "system:serviceaccount:";

/// What a token is bound to.
#[derive(Debug)]
pub struct Bound {
    /// As configured; may be empty.
    pub cluster: String,
    /// The node's name; empty where the token does not say it.
    pub node: String,
    /// The service account.
    pub user: String,
    /// The pod's namespace: that of the service account.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Its uid.
    pub pod_uid: String,
}

impl Bound {
    /// The pod by name and uid.
    pub fn named(&self) -> String {
        format!("{}/{} ({})", self.namespace, self.pod, self.pod_uid)
    }
}

/// What the credential of a request is bound to; `None` where it is bound to no pod.
pub fn bound(ask: &Ask<'_>, hit: &Hit) -> Result<Option<Bound>, AnswerError> {
    let event = ask.store.event(hit)?;
    let mut found = None;
    each_record(ask, hit, &mut |record| {
        let extra = |name: &str| match record.user.extra(name) {
            [only] if !only.is_empty() => Some(only.to_string()),
            _ => None,
        };
        let user = record.user.username.as_deref().unwrap_or_default();
        let namespace =
            user.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':')).map(|(namespace, _)| namespace);
        let pod = extra("authentication.kubernetes.io/pod-name");
        let uid = extra("authentication.kubernetes.io/pod-uid");
        if let (Some(namespace), Some(pod), Some(pod_uid)) = (namespace, pod, uid) {
            found.get_or_insert_with(|| Bound {
                cluster: event.r#where.cluster.as_deref().unwrap_or_default().to_owned(),
                node: extra("authentication.kubernetes.io/node-name").unwrap_or_default(),
                user: user.to_owned(),
                namespace: namespace.to_owned(),
                pod,
                pod_uid,
            });
        }
    })?;
    Ok(found)
}

/// Calls back with each record of an event that is one of an API server.
fn each_record(ask: &Ask<'_>, hit: &Hit, each: &mut dyn FnMut(&AuditEvent<'_>)) -> Result<(), AnswerError> {
    for record in load::records(&ask.view.reader, &hit.places)? {
        if load::too_long(&record.bytes).is_some() {
            continue;
        }
        if let Ok((event, _)) = parse(&record.bytes) {
            each(&event);
        } else if let Ok(Some(inner)) = unwrap(&record.bytes)
            && let Ok((event, _)) = parse(inner.json.as_bytes())
        {
            each(&event);
        }
    }
    Ok(())
}

/// The addresses of a pod and its node.
#[derive(Debug, Default)]
pub struct Addresses {
    /// The pod's.
    pub pod: BTreeSet<String>,
    /// Its node's.
    pub node: BTreeSet<String>,
    /// The node's kubelet was seen by the API server: the way from the node to it is known.
    pub seen: bool,
    /// There are more statuses than were read.
    cut: bool,
}

impl Addresses {
    /// Whether an address is the pod's or its node's.
    pub fn has(&self, address: &str) -> bool {
        has(&self.pod, address) || has(&self.node, address)
    }

    /// Whether an address that is none of these is elsewhere. Without the pod's own it may be the pod's.
    pub fn decides(&self) -> bool {
        !self.pod.is_empty() && !self.node.is_empty() && !self.cut
    }
}

/// Whether an address is among these, in whatever spelling.
pub fn has(these: &BTreeSet<String>, address: &str) -> bool {
    let canonical = |text: &str| text.parse().ok().map(|address: IpAddr| address.to_canonical());
    let wanted = canonical(address);
    these.contains(address) || (wanted.is_some() && these.iter().any(|one| canonical(one) == wanted))
}

/// Where pods and nodes are looked for.
pub struct Places<'a> {
    /// What is asked.
    pub ask: &'a Ask<'a>,
}

impl Places<'_> {
    fn select(&self, bound: &Bound, conditions: &[(&str, &str)]) -> Result<Selection, AnswerError> {
        let mut all = vec![("source", "kubernetes")];
        all.extend(conditions);
        if !bound.cluster.is_empty() {
            all.push(("where.cluster", &bound.cluster));
        }
        self.ask.select(Window::ALL, &all)
    }

    /// The addresses that the kubelet of the node came from.
    pub fn kubelet(&self, bound: &Bound) -> Result<BTreeSet<String>, AnswerError> {
        if bound.node.is_empty() {
            return Ok(BTreeSet::new());
        }
        let fields = resolve("who.address").unwrap_or_default();
        let name = format!("{KUBELET}{}", bound.node);
        let top = self.select(bound, &[("who.name", &name)])?.top(&fields, ADDRESSES_MAX)?;
        Ok(top.values.into_iter().map(|(address, _)| address).collect())
    }

    /// Whether kubelets of several nodes came from an address: it is that of a balancer or a translator of addresses, and tells nothing.
    pub fn is_shared(&self, bound: &Bound, address: &str) -> Result<bool, AnswerError> {
        let fields = resolve("who.name").unwrap_or_default();
        let conditions = [("who.address", address), ("who.groups", "system:nodes")];
        let top = self.select(bound, &conditions)?.top(&fields, USERS_MAX)?;
        Ok(top.values.iter().filter(|(name, _)| name.starts_with(KUBELET)).count() > 1)
    }

    /// What is known of where a pod and its node are.
    pub fn of(&self, bound: &Bound) -> Result<Addresses, AnswerError> {
        let mut known = Addresses { node: self.kubelet(bound)?, ..Addresses::default() };
        known.seen = !known.node.is_empty();
        self.pod(bound, &mut known)?;
        self.node(bound, &mut known)?;
        Ok(known)
    }

    fn pod(&self, bound: &Bound, known: &mut Addresses) -> Result<(), AnswerError> {
        let conditions =
            [("what.object.kind", "pods/status"), ("where.namespace", &bound.namespace), ("where.pod", &bound.pod)];
        let hits = self.select(bound, &conditions)?.page(Order::Oldest, None, STATUSES_MAX)?;
        known.cut |= hits.len() >= STATUSES_MAX;
        for hit in &hits {
            let event = self.ask.store.event(hit)?;
            if !is_of_kubelet(&event, bound) {
                continue;
            }
            each_record(self.ask, hit, &mut |record| {
                for body in [record.request_object, record.response_object].into_iter().flatten() {
                    let [uid] = members_of(body, "metadata", ["uid"]);
                    if uid.as_deref() == Some(&bound.pod_uid) {
                        pod_addresses(body, known);
                    }
                }
            })?;
        }
        Ok(())
    }

    fn node(&self, bound: &Bound, known: &mut Addresses) -> Result<(), AnswerError> {
        if bound.node.is_empty() {
            return Ok(());
        }
        for kind in ["nodes", "nodes/status"] {
            let conditions = [("what.object.kind", kind), ("what.object.name", bound.node.as_str())];
            for hit in self.select(bound, &conditions)?.page(Order::Newest, None, STATUSES_MAX)? {
                let event = self.ask.store.event(&hit)?;
                if !is_of_kubelet(&event, bound) {
                    continue;
                }
                each_record(self.ask, &hit, &mut |record| {
                    for body in [record.request_object, record.response_object].into_iter().flatten() {
                        lists_of(body, "status", &["addresses"], ["type", "address"], &mut |_, [kind, address]| {
                            if kind.as_deref().is_some_and(|kind| kind.ends_with("IP")) {
                                known.node.extend(address.map(|address| address.to_string()));
                            }
                        });
                    }
                })?;
            }
        }
        Ok(())
    }

    /// The request by which the kubelet took the pod away for good: nothing of the pod runs any more.
    pub fn deleted(&self, bound: &Bound) -> Result<Option<Arc<Event>>, AnswerError> {
        let conditions = [
            ("what.object.kind", "pods"),
            ("what.action", "delete"),
            ("where.namespace", &bound.namespace),
            ("where.pod", &bound.pod),
        ];
        for hit in self.select(bound, &conditions)?.page(Order::Oldest, None, STATUSES_MAX)? {
            let event = self.ask.store.event(&hit)?;
            let mut same = false;
            each_record(self.ask, &hit, &mut |record| {
                let bodies = [(record.request_object, "preconditions"), (record.response_object, "metadata")];
                for (body, object) in bodies {
                    let [uid] = body.map(|body| members_of(body, object, ["uid"])).unwrap_or_default();
                    same |= uid.as_deref() == Some(&bound.pod_uid);
                }
            })?;
            if same && is_of_kubelet(&event, bound) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

/// Whether the kubelet of the pod's node asked for it itself, and got it.
fn is_of_kubelet(event: &Event, bound: &Bound) -> bool {
    let node = event.who.name.as_deref().and_then(|name| name.strip_prefix(KUBELET));
    let right = if bound.node.is_empty() { node.is_some() } else { node == Some(&bound.node) };
    right && event.who.r#as.is_none() && event.what.outcome == Outcome::Success
}

/// The addresses that a pod's status gives the pod and its node.
fn pod_addresses(body: &str, known: &mut Addresses) {
    let [pod, host] = members_of(body, "status", ["podIP", "hostIP"]);
    known.pod.extend(pod.map(|address| address.to_string()).filter(|address| !address.is_empty()));
    known.node.extend(host.map(|address| address.to_string()).filter(|address| !address.is_empty()));
    lists_of(body, "status", &["podIPs", "hostIPs"], ["ip"], &mut |list, [address]| {
        let these = if list == "podIPs" { &mut known.pod } else { &mut known.node };
        these.extend(address.map(|address| address.to_string()).filter(|address| !address.is_empty()));
    });
}

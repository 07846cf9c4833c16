//! What the records of one request say together. Every claim is a slot: empty, one value, or contradicted and so left out.
//!
//! Filling slots is commutative, associative and idempotent, so that neither order nor repetition of records can change an event.
//! Not here: what the claims mean (`assemble`).

use std::collections::{BTreeMap, BTreeSet};

use deponent_parsers::kubernetes::{AuditEvent, Stamp};

use super::{bonds, object, pods, uri};
use crate::model::{Object, Outcome, Str};

/// One claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Slot<T> {
    /// No record says anything.
    #[default]
    Empty,
    /// Every record that says something says this.
    One(T),
    /// Records disagree.
    Contradicted,
}

impl<T: PartialEq> Slot<T> {
    /// One more record says `value`, or nothing.
    pub fn put(&mut self, value: Option<T>) {
        let Some(value) = value else {
            return;
        };
        match self {
            Slot::Empty => *self = Slot::One(value),
            Slot::One(there) if *there != value => *self = Slot::Contradicted,
            Slot::One(_) | Slot::Contradicted => {}
        }
    }

    /// The value that nobody contradicts.
    pub fn get(&self) -> Option<&T> {
        if let Slot::One(value) = self { Some(value) } else { None }
    }

    /// The same, taken out.
    pub fn take(&mut self) -> Option<T> {
        if let Slot::One(value) = std::mem::take(self) { Some(value) } else { None }
    }

    /// Whether records disagree.
    pub fn contradicted(&self) -> bool {
        matches!(self, Slot::Contradicted)
    }
}

impl Slot<Str> {
    /// A string that says something.
    pub fn text(&mut self, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return;
        };
        // Most stages repeat what the first one said, which needs no copy.
        if self.get().is_none_or(|there| there != value) {
            self.put(Some(value.into()));
        }
    }
}

/// All claims of a request, under Kubernetes' names.
#[derive(Debug, Default)]
pub struct Claims {
    pub audit_id: Slot<Str>,
    pub verb: Slot<Str>,
    pub request_uri: Slot<Str>,
    pub username: Slot<Str>,
    pub impersonated: Slot<Str>,
    pub groups: Slot<Vec<Str>>,
    pub credential: Slot<Str>,
    pub address: Slot<Str>,
    pub user_agent: Slot<Str>,
    pub resource: Slot<Str>,
    pub subresource: Slot<Str>,
    pub api_group: Slot<Str>,
    pub namespace: Slot<Str>,
    pub name: Slot<Str>,
    pub uid: Slot<Str>,
    /// Name and uid that the response gives, where the request has none.
    pub response_name: Slot<Str>,
    pub response_uid: Slot<Str>,
    /// The uid of the pod that a request about its status or its ephemeral containers is about, as the response gives it.
    pub pod_uid: Slot<Str>,
    /// Containers and owners that bodies name.
    pub objects: Vec<Object>,
    /// Arguments by name that bodies give.
    pub arguments: BTreeMap<&'static str, Slot<Str>>,
    pub decision: Slot<Str>,
    pub reason: Slot<Str>,
    pub containers: BTreeSet<Str>,
    pub argv: Slot<Vec<Str>>,
    /// Whether a session asks for a terminal, and for standard input.
    pub tty: Slot<bool>,
    pub stdin: Slot<bool>,
    /// Whether the URI holds percent-encoded bytes that are no UTF-8.
    pub uri_lossy: bool,
    /// Stage → its time.
    pub stages: BTreeMap<Str, Slot<Stamp>>,
    /// Stage → how it ended.
    pub verdicts: BTreeMap<Str, Slot<(Outcome, Option<i64>)>>,
    /// The earliest time that a record gives for the request.
    pub when: Option<Stamp>,
}

impl Claims {
    /// Takes in what one record says.
    pub fn add(&mut self, event: &AuditEvent<'_>) {
        self.audit_id.text(event.audit_id.as_deref());
        self.verb.text(event.verb.as_deref());
        self.user_agent.text(event.user_agent.as_deref());
        self.username.text(event.user.username.as_deref());
        self.impersonated.text(event.impersonated_user.as_ref().and_then(|user| user.username.as_deref()));
        let same = self.groups.get().is_some_and(|there| there.iter().eq(event.user.groups.iter().map(AsRef::as_ref)));
        if !event.user.groups.is_empty() && !same {
            self.groups.put(Some(event.user.groups.iter().map(|group| Str::from(group.as_ref())).collect()));
        }
        let credential = event.user.extra("authentication.kubernetes.io/credential-id");
        self.credential.text(credential.first().map(AsRef::as_ref));
        // All others may be what the client says about itself.
        self.address.text(event.source_ips.last().map(AsRef::as_ref));
        self.decision.text(event.annotation("authorization.k8s.io/decision"));
        self.reason.text(event.annotation("authorization.k8s.io/reason"));
        self.add_object(event);
        self.add_uri(event);
        self.add_stage(event);
    }

    fn add_object(&mut self, event: &AuditEvent<'_>) {
        let Some(object) = &event.object_ref else {
            return;
        };
        self.resource.text(object.resource.as_deref());
        self.subresource.text(object.subresource.as_deref());
        self.api_group.text(object.api_group.as_deref());
        self.namespace.text(object.namespace.as_deref());
        self.name.text(object.name.as_deref());
        self.uid.text(object.uid.as_deref());
        let core = object.api_group.as_deref().is_none_or(str::is_empty);
        if core && object.resource.as_deref() == Some("pods") {
            self.pod_uid.put(pods::uid(event, object));
            pods::objects(event, object, &mut |found| {
                if !self.objects.contains(&found) {
                    self.objects.push(found);
                }
            });
        }
        bonds::of(event, object, &mut |said| match said {
            bonds::Said::Object(found) if !self.objects.contains(&found) => self.objects.push(found),
            bonds::Said::Object(_) => {}
            bonds::Said::Argument(name, value) => self.arguments.entry(name).or_default().put(Some(value)),
        });
        let (name, uid) = object::of_response(event, object);
        self.response_name.text(name.as_deref());
        self.response_uid.text(uid.as_deref());
    }

    fn add_uri(&mut self, event: &AuditEvent<'_>) {
        let Some(text) = event.request_uri.as_deref() else {
            return;
        };
        self.request_uri.text(Some(text));
        let subresource = event.object_ref.as_ref().and_then(|object| object.subresource.as_deref());
        let exec = subresource == Some("exec");
        let session = exec || subresource == Some("attach");
        let (mut tty, mut stdin) = (None, None);
        let mut argv = Vec::new();
        for (name, value) in uri::parameters(text) {
            match name.as_str() {
                "container" => {
                    let value = uri::decode(value);
                    self.containers.insert(value.text);
                }
                "command" if exec => {
                    let value = uri::decode(value);
                    self.uri_lossy |= value.lossy;
                    argv.push(value.text);
                }
                // Of a repeated parameter the first counts.
                "tty" if session => tty = tty.or(Some(uri::is_yes(value))),
                "stdin" if session => stdin = stdin.or(Some(uri::is_yes(value))),
                _ => {}
            }
        }
        self.tty.put(tty);
        self.stdin.put(stdin);
        self.argv.put((!argv.is_empty()).then_some(argv));
    }

    fn add_stage(&mut self, event: &AuditEvent<'_>) {
        let stamp = |time: &Option<deponent_parsers::kubernetes::Time<'_>>| time.as_ref().and_then(|time| time.stamp);
        let stage_time = stamp(&event.stage_time);
        let when = stamp(&event.request_received)
            .or_else(|| stamp(&event.timestamp))
            .or_else(|| stamp(&event.created))
            .or(stage_time);
        self.when = self.when.into_iter().chain(when).min();
        // A piece of a record may lack its stage; how it ended counts all the same.
        let stage = event.stage.as_deref().unwrap_or("");
        self.verdicts.entry(stage.into()).or_default().put(verdict(event));
        if !stage.is_empty() {
            // v1beta1 events of old have the time of the stage nowhere else.
            self.stages.entry(stage.into()).or_default().put(stage_time);
        }
    }

    /// The contract's names of all claims on which records disagree.
    pub fn contradictions(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = [
            ("who.as", self.impersonated.contradicted()),
            ("who.groups", self.groups.contradicted()),
            ("who.credential", self.credential.contradicted()),
            ("who.address", self.address.contradicted()),
            ("what.object.kind", self.resource.contradicted() || self.subresource.contradicted()),
            ("what.object.namespace", self.namespace.contradicted()),
            ("what.object.name", self.name.contradicted() || self.response_name.contradicted()),
            ("what.object.uid", self.uid.contradicted() || self.response_uid.contradicted()),
            ("what.outcome", self.verdicts.values().any(Slot::contradicted) || self.decision.contradicted()),
            ("how.user_agent", self.user_agent.contradicted()),
            ("how.stages", self.stages.values().any(Slot::contradicted)),
            ("why.reason", self.reason.contradicted()),
        ]
        .into_iter()
        .filter_map(|(name, contradicted)| contradicted.then_some(name))
        .collect();
        all.sort_unstable();
        all
    }
}

/// How a stage ended, as its code says, else its status.
fn verdict(event: &AuditEvent<'_>) -> Option<(Outcome, Option<i64>)> {
    let response = event.response_status.as_ref()?;
    let outcome = match (response.code, response.status.as_deref()) {
        (Some(401 | 403), _) => Outcome::Denied,
        (Some(100..400), _) => Outcome::Success,
        (Some(400..600), _) => Outcome::Failure,
        (_, Some("Success")) => Outcome::Success,
        (_, Some("Failure")) => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let code = response.code.filter(|code| *code != 0);
    (outcome != Outcome::Unknown || code.is_some()).then_some((outcome, code))
}

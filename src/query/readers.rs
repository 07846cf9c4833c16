//! `readers`: who could have read an object of the API: by asking for it, by a list or a watch, in a pod that has it, by an exec into one.
//!
//! Not here: specifications of pods (`readers_pods`), what a list or a watch covered (`readers_scope`).

use super::answer::{AnswerError, Sink};
use super::engine::{View, event_line};
use super::link_json;
use super::linked::{Store, failed};
use super::readers_pods::{Use, is_used_by_pods, uses};
use super::readers_scope::{Covered, bodies, covered, is_dry_run};
use crate::correlate::{self, Case, api_session};
use crate::index::Window;
use crate::model::{Event, EventId, Outcome, Str};
use crate::time::rfc3339;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Requests about one resource that are looked at.
const REQUESTS_MAX: usize = 50_000;
/// Pods that have the object, and that are listed.
const PODS_MAX: usize = 1_000;
/// Sessions into one pod that are looked at.
const SESSIONS_MAX: usize = 1_024;
/// Resources whose objects are in namespaces: their names alone name none.
const IN_NAMESPACES: &[&str] = &["secrets", "configmaps", "pods", "persistentvolumeclaims", "serviceaccounts"];

/// An object of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its resource: `secrets`.
    pub resource: &'a str,
    /// Its namespace; `None` for what is in none.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

impl Wanted<'_> {
    /// Whether an event's main object is it.
    fn is(&self, event: &Event) -> bool {
        let object = event.what.object.as_ref();
        object.is_some_and(|object| {
            object.kind.as_deref() == Some(self.resource)
                && object.namespace.as_deref() == self.namespace
                && object.name.as_deref() == Some(self.name)
        })
    }

    /// `secrets/shop/db`, `nodes/node-1`.
    fn parse(text: &str) -> Result<Wanted<'_>, AnswerError> {
        let parts: Vec<&str> = text.split('/').collect();
        let wanted = match parts.as_slice() {
            [resource, namespace, name] => Some(Wanted { resource, namespace: Some(namespace), name }),
            [resource, name] if !IN_NAMESPACES.contains(resource) => Some(Wanted { resource, namespace: None, name }),
            _ => None,
        };
        let whole = wanted.filter(|_| parts.iter().all(|part| !part.is_empty()));
        whole.ok_or_else(|| {
            AnswerError::Limit(format!(
                "`{text}` is not RESOURCE/NAMESPACE/NAME, such as secrets/shop/db, or RESOURCE/NAME of what is in no namespace"
            ))
        })
    }
}

/// What stands on one line: requests of one person that say the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Place in the answer.
    rank: usize,
    grade: &'static str,
    action: Str,
    who: Option<Str>,
    r#as: Option<Str>,
    credential: Option<Str>,
    address: Option<Str>,
    how: Vec<String>,
    missing: Vec<String>,
}

/// Grades in the order of the answer.
const GRADES: &[&str] = &[
    "read",
    "wrote",
    "listed",
    "may have listed",
    "asked, answer not recorded",
    "mounted",
    "used by its node",
    "could read (exec)",
    "could read (attach)",
    "denied",
];

struct Line {
    event: Arc<Event>,
    last: Arc<Event>,
    count: usize,
    more: Map<String, Value>,
}

#[derive(Default)]
struct Found {
    lines: BTreeMap<(Kind, EventId), Line>,
    /// The first event of each kind.
    first: BTreeMap<Kind, EventId>,
    notes: Vec<String>,
}

impl Found {
    fn add(&mut self, grade: &'static str, event: &Arc<Event>, how: Vec<String>, missing: Vec<String>) {
        let kind = Kind {
            rank: GRADES.iter().position(|known| *known == grade).unwrap_or(GRADES.len()),
            grade,
            action: event.what.action.clone(),
            who: event.who.name.clone(),
            r#as: event.who.r#as.clone(),
            credential: event.who.credential.clone(),
            address: event.who.address.clone(),
            how,
            missing,
        };
        let id = *self.first.entry(kind.clone()).or_insert(event.id);
        let line = self.lines.entry((kind, id)).or_insert_with(|| Line {
            event: Arc::clone(event),
            last: Arc::clone(event),
            count: 0,
            more: Map::new(),
        });
        line.count += 1;
        line.last = Arc::clone(event);
    }
}

/// Sends a line for each way in which somebody could have read the object `object`.
pub fn readers(view: &View, object: &str, window: Window, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let wanted = Wanted::parse(object)?;
    let store = Store::new(view)?;
    let case = Case::new(&store);
    let mut found = Found::default();
    let all = [("source", "kubernetes"), ("what.object.kind", wanted.resource)];
    let requests = store.having(&all, window, REQUESTS_MAX + 1)?;
    if requests.len() > REQUESTS_MAX {
        found.notes.push(format!(
            "only the first {REQUESTS_MAX} requests about {} were looked at; narrow the time",
            wanted.resource
        ));
    }
    let lives = Lives::of(&wanted, &requests);
    for event in requests.iter().take(REQUESTS_MAX) {
        view.in_time()?;
        request(&store, &wanted, &lives, event, &mut found)?;
    }
    if let (true, Some(namespace)) = (is_used_by_pods(wanted.resource), wanted.namespace) {
        pods(&store, &case, &wanted, namespace, window, &mut found)?;
    }
    let mut lines: Vec<(Kind, Line)> = found.lines.into_iter().map(|((kind, _), line)| (kind, line)).collect();
    lines.sort_by_key(|(kind, line)| (kind.rank, correlate::order(&line.event)));
    for (kind, line) in lines {
        sink(json_of(kind, line))?;
    }
    for note in found.notes {
        sink(json!({ "note": note }))?;
    }
    Ok(())
}

fn json_of(kind: Kind, line: Line) -> Value {
    let mut value = Map::new();
    value.insert("grade".to_owned(), json!(kind.grade));
    let mut text = |name: &str, text: Option<Str>| value.extend(text.map(|text| (name.to_owned(), json!(text))));
    text("who", kind.who);
    text("as", kind.r#as);
    text("credential", kind.credential);
    text("address", kind.address);
    text("action", Some(kind.action));
    value.insert("count".to_owned(), json!(line.count));
    value.insert("first".to_owned(), json!(rfc3339(line.event.when.event)));
    value.insert("last".to_owned(), json!(rfc3339(line.last.when.event)));
    if !kind.how.is_empty() {
        value.insert("how".to_owned(), json!(kind.how));
    }
    if !kind.missing.is_empty() {
        value.insert("missing".to_owned(), json!(kind.missing));
    }
    value.extend(line.more);
    value.insert("event".to_owned(), event_line(&line.event, &[], false));
    Value::Object(value)
}

/// When the object was made and deleted, ns, as far as that is recorded.
struct Lives {
    made: Vec<i64>,
    deleted: Vec<i64>,
}

impl Lives {
    fn of(wanted: &Wanted<'_>, requests: &[Arc<Event>]) -> Lives {
        let times = |action: &str| {
            let own = |event: &&Arc<Event>| {
                event.what.action == action
                    && event.what.outcome == Outcome::Success
                    && !is_dry_run(event)
                    && wanted.is(event)
            };
            requests.iter().filter(own).map(|event| event.when.event.nanos).collect()
        };
        Lives { made: times("create"), deleted: times("delete") }
    }

    /// When it was made after a request had its answer, where nothing shows that it was there before.
    fn later(&self, event: &Event) -> Option<i64> {
        let at = event.when.event.nanos;
        // A watch tells of what is made while it is open.
        let end = match (event.what.action.as_str(), event.when.end) {
            ("watch", end) => end?.nanos,
            _ => at,
        };
        let made = self.made.iter().copied().find(|made| *made > at)?;
        (made > end && !self.deleted.iter().any(|deleted| (at..made).contains(deleted))).then_some(made)
    }
}

/// A request about the resource.
fn request(
    store: &Store<'_>,
    wanted: &Wanted<'_>,
    lives: &Lives,
    event: &Arc<Event>,
    found: &mut Found,
) -> Result<(), AnswerError> {
    let Some(object) = &event.what.object else { return Ok(()) };
    let same_namespace = object.namespace.as_deref() == wanted.namespace;
    let same = wanted.is(event);
    let action = event.what.action.as_str();
    let (grade, missing) = match action {
        "get" if same => ("read", Vec::new()),
        "create" | "update" | "patch" if same => ("wrote", Vec::new()),
        "list" | "watch" => {
            if object.namespace.is_some() && !same_namespace {
                return Ok(());
            }
            if object.name.as_deref().is_some_and(|name| name != wanted.name) {
                return Ok(());
            }
            let (grade, mut missing) = match covered(store, wanted, event)? {
                Covered::No => return Ok(()),
                Covered::Yes(missing) => ("listed", missing),
                Covered::Open(missing) => ("may have listed", missing),
            };
            match lives.later(event) {
                Some(made) => {
                    let made = rfc3339(crate::model::Moment { nanos: made, digits: 3 });
                    missing.push(format!("whether it was there then: it was made at {made}"));
                    ("may have listed", missing)
                }
                None => (grade, missing),
            }
        }
        _ => return Ok(()),
    };
    match event.what.outcome {
        Outcome::Success => found.add(grade, event, Vec::new(), missing),
        Outcome::Denied => found.add("denied", event, Vec::new(), Vec::new()),
        Outcome::Unknown => found.add("asked, answer not recorded", event, Vec::new(), missing),
        // Not there, not valid, a conflict: nothing was told.
        Outcome::Failure => {}
    }
    Ok(())
}

/// A pod that has the object.
struct Pod {
    name: String,
    uid: Option<String>,
    /// The request that made it, or the first one that shows it.
    event: Arc<Event>,
    /// Whether that request made it.
    made: bool,
    uses: Vec<Use>,
    /// Whether processes of one container see those of the others.
    shared: bool,
}

/// Pods of the namespace that have the object, and sessions into them.
fn pods(
    store: &Store<'_>,
    case: &Case<'_>,
    wanted: &Wanted<'_>,
    namespace: &str,
    window: Window,
    found: &mut Found,
) -> Result<(), AnswerError> {
    // A pod that was made before the time may live in it.
    let until = Window { since: None, until: window.until };
    let mut pods: Vec<Pod> = Vec::new();
    let (mut without, mut seen) = (0usize, HashSet::new());
    for kind in ["pods", "pods/ephemeralcontainers"] {
        let all = [("source", "kubernetes"), ("what.object.kind", kind), ("what.object.namespace", namespace)];
        let requests = store.having(&all, until, REQUESTS_MAX + 1)?;
        if requests.len() > REQUESTS_MAX {
            found
                .notes
                .push(format!("only the first {REQUESTS_MAX} requests about {kind} of the namespace were looked at"));
        }
        for event in requests.iter().take(REQUESTS_MAX) {
            store.view().in_time()?;
            let verb = event.what.action.as_str();
            if event.what.outcome != Outcome::Success
                || !matches!(verb, "create" | "get" | "update" | "patch" | "delete")
                || is_dry_run(event)
                || !seen.insert(event.id)
            {
                continue;
            }
            let made = verb == "create" && kind == "pods";
            let Some(body) = bodies(store, event)?.into_iter().find(is_pod) else {
                without += usize::from(made);
                continue;
            };
            let uses = uses(&body, wanted.resource, wanted.name);
            let meta = |member: &str| body.pointer(&format!("/metadata/{member}")).and_then(Value::as_str);
            let recorded = event.what.object.as_ref().and_then(|object| object.name.as_deref());
            let (Some(name), uid) = (meta("name").or(recorded), meta("uid")) else { continue };
            let same = |pod: &&mut Pod| pod.name == name && pod.uid.as_deref() == uid;
            if let Some(pod) = pods.iter_mut().find(same) {
                uses.into_iter()
                    .filter(|one| !pod.uses.contains(one))
                    .collect::<Vec<_>>()
                    .into_iter()
                    .for_each(|one| pod.uses.push(one));
            } else if !uses.is_empty() && pods.len() < PODS_MAX {
                let shared = body.pointer("/spec/shareProcessNamespace").and_then(Value::as_bool) == Some(true);
                let (name, uid) = (name.to_owned(), uid.map(str::to_owned));
                pods.push(Pod { name, uid, event: Arc::clone(event), made, uses, shared });
            } else if !uses.is_empty() {
                found.notes.push(format!("more than {PODS_MAX} pods have it; the others are not listed"));
                break;
            }
        }
    }
    if without > 0 {
        found.notes.push(format!(
            "{without} pods of the namespace were made by requests whose bodies are not recorded (level RequestResponse or Request has them): whether they have it is not known"
        ));
    }
    for pod in &pods {
        mounted(case, pod, namespace, found)?;
        sessions(store, pod, namespace, window, found)?;
    }
    Ok(())
}

fn is_pod(body: &Value) -> bool {
    // A body of a request need not name its kind; a Status does.
    body.get("spec").is_some_and(|spec| spec.get("containers").is_some() || spec.get("ephemeralContainers").is_some())
        && body.get("kind").and_then(Value::as_str).is_none_or(|kind| kind == "Pod")
}

fn mounted(case: &Case<'_>, pod: &Pod, namespace: &str, found: &mut Found) -> Result<(), AnswerError> {
    let inside = pod.uses.iter().any(|one| one.container.is_some());
    let grade = if inside { "mounted" } else { "used by its node" };
    let mut how: Vec<String> = vec![format!("pod {namespace}/{}", pod.name)];
    how.extend(pod.uid.iter().map(|uid| format!("pod uid {uid}")));
    how.extend(pod.uses.iter().map(|one| one.way.clone()));
    let mut missing = Vec::new();
    if !pod.made {
        missing.push("the request that made the pod: this one shows it".to_owned());
    }
    found.add(grade, &pod.event, how, missing);
    let root = correlate::why(case, &pod.event).map_err(failed)?.root;
    if let Some((_, line)) = found.lines.iter_mut().find(|((kind, id), _)| *id == pod.event.id && kind.grade == grade)
        && pod.made
    {
        line.more.insert("root".to_owned(), link_json::root(&root));
    }
    Ok(())
}

/// Sessions into a pod that has the object, while it lived.
fn sessions(
    store: &Store<'_>,
    pod: &Pod,
    namespace: &str,
    window: Window,
    found: &mut Found,
) -> Result<(), AnswerError> {
    let with_it: Vec<&str> = pod.uses.iter().filter_map(|one| one.container.as_deref()).collect();
    if with_it.is_empty() {
        return Ok(());
    }
    let (from, to, open) = life(store, pod, namespace)?;
    let window = Window {
        since: [window.since, from].into_iter().flatten().max(),
        until: [window.until, to].into_iter().flatten().min(),
    };
    for kind in ["pods/exec", "pods/attach"] {
        let all = [
            ("source", "kubernetes"),
            ("what.object.kind", kind),
            ("what.object.namespace", namespace),
            ("what.object.name", pod.name.as_str()),
        ];
        let opened = store.having(&all, window, SESSIONS_MAX + 1)?;
        if opened.len() > SESSIONS_MAX {
            found.notes.push(format!("only the first {SESSIONS_MAX} sessions into pod {} were looked at", pod.name));
        }
        for event in opened.iter().take(SESSIONS_MAX) {
            let mut how = vec![format!("{} into pod {namespace}/{}", event.what.action, pod.name)];
            how.extend(event.r#where.container.iter().map(|name| format!("container {name}")));
            let container = event.r#where.container.as_deref();
            let mut missing = Vec::new();
            match container {
                Some(name) if !with_it.contains(&name) && !pod.shared => continue,
                Some(_) => {}
                None => missing.push("which container: the request names none".to_owned()),
            }
            if open {
                missing.push("the end of the pod: the session may have been into a later one of this name".to_owned());
            }
            if event.what.outcome == Outcome::Denied {
                found.add("denied", event, how, Vec::new());
            } else if api_session(event).is_some() {
                let grade = if kind == "pods/exec" { "could read (exec)" } else { "could read (attach)" };
                found.add(grade, event, how, missing);
            }
        }
    }
    Ok(())
}

/// From when until when a pod lived, ns, as far as requests tell; whether its end is open though its name came again.
fn life(store: &Store<'_>, pod: &Pod, namespace: &str) -> Result<(Option<i64>, Option<i64>, bool), AnswerError> {
    let from = pod.made.then_some(pod.event.when.event.nanos);
    let all = [
        ("source", "kubernetes"),
        ("what.object.kind", "pods"),
        ("what.object.namespace", namespace),
        ("what.object.name", pod.name.as_str()),
        ("what.action", "create"),
    ];
    let since = Window { since: pod.event.when.event.nanos.checked_add(1), until: None };
    let again = store.having(&all, since, 16)?;
    let next = again.iter().find(|event| event.what.outcome == Outcome::Success && event.id != pod.event.id);
    // A pod keeps its name until it is gone, which is after its deletion was asked for: the next one of the name ends it for certain.
    Ok((from, next.map(|next| next.when.event.nanos), !pod.made && next.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_by_resource_namespace_and_name() {
        let check = |text: &str, expected: Option<(&str, Option<&str>, &str)>| {
            let parsed = Wanted::parse(text).ok().map(|wanted| (wanted.resource, wanted.namespace, wanted.name));
            assert_eq!(parsed, expected, "{text}");
        };
        check("secrets/shop/db", Some(("secrets", Some("shop"), "db")));
        check("nodes/node-1", Some(("nodes", None, "node-1")));
        for text in ["secrets/db", "secrets", "secrets//db", "a/b/c/d", "", "nodes/"] {
            check(text, None);
        }
    }
}

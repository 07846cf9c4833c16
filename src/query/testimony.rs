//! `testify`: the six answers about one event, each claim with its grade, who asserts it, and the records that it rests on.
//!
//! Words are chosen by the grade, never stronger. Not here: how it is printed (`cli`), the links (`correlate`).

use super::answer::AnswerError;
use super::engine::event_line;
use super::link_json;
use super::linked::Store;
use crate::correlate::{RootKind, Why};
use crate::model::{AssertedBy, Class, Event, EventId, Source};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Records whose bytes a testimony holds; the others are named by place and hash.
const RAW_BYTES_MAX: usize = 8 << 20;

struct Claim {
    question: &'static str,
    claim: String,
    grade: &'static str,
    by: Option<AssertedBy>,
    events: Vec<EventId>,
    limits: Vec<String>,
}

/// The testimony about an event.
pub fn testimony(store: &Store<'_>, event: &Event, why: &Why) -> Result<Value, AnswerError> {
    let claims = [who(event, why), what(event), when(event), place(event, why), reason(why), how(event)];
    let mut lines = Vec::new();
    for claim in claims {
        let mut evidence = Vec::new();
        for id in &claim.events {
            evidence.extend(store.evidence(*id)?);
        }
        let mut line = json!({ "question": claim.question, "claim": claim.claim, "grade": claim.grade });
        if let Some(line) = line.as_object_mut() {
            if let Some(by) = claim.by {
                line.insert("asserted_by".to_owned(), json!(by.name()));
            }
            line.insert("evidence".to_owned(), Value::Array(evidence));
            if !claim.limits.is_empty() {
                line.insert("limits".to_owned(), json!(claim.limits));
            }
        }
        lines.push(line);
    }
    let findings: Result<Vec<Value>, AnswerError> =
        why.findings.iter().map(|one| link_json::finding(store, one)).collect();
    let mut testimony = json!({
        "event": event_line(event, &[], false),
        "claims": lines,
        "chain": link_json::chain(store, &why.chain)?,
        "root": link_json::root(&why.root),
        "findings": findings?,
        "records": records(store, event, why)?,
    });
    if let (Some(object), Some(checkpoint)) = (testimony.as_object_mut(), store.view().checkpoint_line()) {
        object.insert("checkpoint".to_owned(), json!(checkpoint));
    }
    if let (Some(object), false) = (testimony.as_object_mut(), why.grounds.is_empty()) {
        object.insert("grounds".to_owned(), link_json::grounds(store, why)?);
    }
    Ok(json!({ "testimony": testimony }))
}

/// All raw records that the chain rests on, candidates and support included, so that somebody else can run the rules again.
fn records(store: &Store<'_>, event: &Event, why: &Why) -> Result<Vec<Value>, AnswerError> {
    let mut ids: BTreeSet<EventId> = BTreeSet::from([event.id]);
    for step in why.chain.iter().chain(why.grounds.iter().flat_map(|ground| &ground.chain)) {
        ids.insert(step.event.id);
        if let Some(link) = &step.link {
            ids.extend(link.support.iter().chain(&link.candidates));
        }
    }
    let mut left = RAW_BYTES_MAX;
    let mut lines = Vec::new();
    for id in ids {
        let evidence = store.evidence(id)?;
        let raw = store.records(id)?;
        let mut bytes = raw.iter().flat_map(|record| {
            let parts = record.parts.len();
            // The bytes of a record of several parts stand at its first one.
            (0..parts).map(move |part| if part == 0 { &*record.bytes } else { &[] as &[u8] })
        });
        for mut line in evidence {
            let bytes = bytes.next().unwrap_or_default();
            if let Some(line) = line.as_object_mut().filter(|_| !bytes.is_empty() && bytes.len() <= left) {
                left -= bytes.len();
                line.insert("raw".to_owned(), json!(data_encoding::BASE64.encode(bytes)));
            }
            lines.push(line);
        }
    }
    Ok(lines)
}

/// A value within a sentence: as it is where it can be nothing else, else quoted, so that no value ends the sentence and begins another.
fn word(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/:@+=%~.".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) && !value.ends_with('.') {
        return value.to_owned();
    }
    json!(value).to_string()
}

fn person(name: &str, r#as: Option<&str>) -> String {
    match r#as {
        Some(r#as) => format!("{}, acting as {},", word(name), word(r#as)),
        None => word(name),
    }
}

fn who(event: &Event, why: &Why) -> Claim {
    let root = &why.root;
    let mut limits = Vec::new();
    let name = person(root.name.as_deref().unwrap_or(""), root.r#as.as_deref());
    let ids: Vec<EventId> = why.chain.iter().map(|step| step.event.id).collect();
    let credential = why.chain.last().and_then(|step| step.event.who.credential.as_deref());
    let (claim, grade) = match root.kind {
        RootKind::Credential => {
            limits.push("the proof ends at the credential: whoever held it".to_owned());
            let with =
                credential.map_or(String::new(), |credential| format!(" with the credential {}", word(credential)));
            let class = root.class.unwrap_or(Class::Consistent);
            let claim = match class {
                Class::Proven | Class::Strong => format!("{name} did it{with}."),
                Class::Consistent => format!("The records are consistent with {name} having done it{with}."),
                _ => format!("{name} is one of those who may have done it{with}."),
            };
            (claim, class.name())
        }
        RootKind::Login => {
            limits.push("the proof ends at the login: whoever logged in under that name".to_owned());
            (format!("The login {name} did it: the kernel has kept the login since it began."), Class::Proven.name())
        }
        RootKind::Ambiguous => {
            let names: BTreeSet<String> =
                root.candidates.iter().map(|one| person(&one.name, one.r#as.as_deref())).collect();
            let names: Vec<String> = names.into_iter().collect();
            (format!("One of {} may have done it; the records do not tell which.", names.join("; ")), "AMBIGUOUS")
        }
        RootKind::Unknown => ("Nobody can be named.".to_owned(), "UNKNOWN"),
    };
    limits.extend(root.missing.iter().map(|missing| format!("not shown: {missing}")));
    let by = why.chain.last().and_then(|step| step.event.who.asserted_by).or(event.who.asserted_by);
    Claim { question: "who", claim, grade, by, events: ids, limits }
}

fn recorder(event: &Event) -> (Option<AssertedBy>, &'static str) {
    match event.source {
        Source::Linux => (Some(AssertedBy::Kernel), "PROVEN"),
        Source::Kubernetes => (Some(AssertedBy::Apiserver), "PROVEN"),
        Source::Containerd | Source::Crio | Source::Docker => (Some(AssertedBy::Runtime), "PROVEN"),
        // Texts that others gave them stand in their lines.
        Source::ControlPlane => (event.who.asserted_by, "CONSISTENT"),
        // A program says of itself and its users what it likes.
        Source::Application => (Some(AssertedBy::Application), "CONSISTENT"),
        Source::Kubelet => (Some(AssertedBy::Kubelet), "PROVEN"),
        // Whoever may write to /dev/log can write such a line.
        Source::Syslog => (Some(AssertedBy::Daemon), "CONSISTENT"),
        Source::Own => (None, "PROVEN"),
    }
}

fn what(event: &Event) -> Claim {
    let object = event.what.object.as_ref();
    let named = object.map_or(String::new(), |object| {
        let name = object.path.as_deref().or(object.name.as_deref()).unwrap_or("");
        let words = [object.kind.as_deref().unwrap_or(""), name]
            .map(|part| if part.is_empty() { String::new() } else { format!(" {}", word(part)) });
        words.concat()
    });
    let code = event.what.code.as_deref().map_or(String::new(), |code| format!(" ({})", word(code)));
    let (by, grade) = recorder(event);
    let limits = event.issues.iter().map(|issue| format!("{}: {}", issue.kind, issue.detail)).collect();
    Claim {
        question: "what",
        claim: format!("{}{named}; outcome: {}{code}.", word(&event.what.action), event.what.outcome.name()),
        grade,
        by,
        events: vec![event.id],
        limits,
    }
}

fn when(event: &Event) -> Claim {
    let (by, grade) = recorder(event);
    let end = event.when.end.map_or(String::new(), |end| format!(", until {}", crate::time::rfc3339(end)));
    Claim {
        question: "when",
        claim: format!("{}{end}, by the clock of who recorded it.", crate::time::rfc3339(event.when.event)),
        grade,
        by,
        events: vec![event.id],
        limits: vec!["a clock can be wrong; the log proves only when the record was received".to_owned()],
    }
}

fn place(event: &Event, why: &Why) -> Claim {
    let mut place = event.r#where.clone();
    let (mut by, mut grade) = recorder(event);
    let mut events = vec![event.id];
    let mut limits = vec!["cluster and node are the names that the collector was configured with".to_owned()];
    if let Some(within) = &why.within {
        let container = &within.container;
        place.container_id = Some(within.id.clone());
        place.namespace.clone_from(&container.names.namespace);
        place.pod.clone_from(&container.names.pod);
        place.container.clone_from(&container.names.container);
        // The kernel names no container: the runtime, the kubelet or the pod's status do.
        by = None;
        grade = within.class.name();
        events.extend(&container.namers);
        limits.push(
            "pod and container are named by the runtime, the kubelet or the pod's status, not by the kernel".to_owned(),
        );
        limits.push("the container that the process was started in; a process can leave it".to_owned());
        if container.contradicted {
            limits.push("who names the container disagrees; what they disagree in is left out".to_owned());
        }
    }
    let mut parts = Vec::new();
    for (name, value) in [
        ("cluster", &place.cluster),
        ("node", &place.node),
        ("namespace", &place.namespace),
        ("pod", &place.pod),
        ("container", &place.container),
        ("container id", &place.container_id),
        ("directory", &place.cwd),
    ] {
        parts.extend(value.as_ref().map(|value| format!("{name} {}", word(value))));
    }
    let claim =
        if parts.is_empty() { "The records name no place.".to_owned() } else { format!("{}.", parts.join(", ")) };
    Claim { question: "where", claim, grade, by, events, limits }
}

fn reason(why: &Why) -> Claim {
    let steps: Vec<String> = why
        .chain
        .iter()
        .filter_map(|step| step.link.as_ref())
        .map(|link| format!("{} ({})", link.rule, link.class.name()))
        .collect();
    let allowed = why.chain.last().and_then(|step| step.event.why.reason.as_deref());
    let mut claim = if steps.is_empty() {
        "No earlier event is known to have caused it.".to_owned()
    } else {
        format!("It follows from an earlier event, in {} steps back: {}.", steps.len(), steps.join(", "))
    };
    if let Some(allowed) = allowed {
        claim.push_str(&format!(" The API server allowed that: {}.", json!(allowed)));
    }
    let weakest = why.chain.iter().filter_map(|step| step.link.as_ref()).map(|link| link.class).max();
    Claim {
        question: "why",
        claim,
        grade: weakest.map_or("UNKNOWN", Class::name),
        by: allowed.map(|_| AssertedBy::Apiserver),
        events: why.chain.iter().map(|step| step.event.id).collect(),
        limits: vec!["a cause is not an intention".to_owned()],
    }
}

fn how(event: &Event) -> Claim {
    let how = &event.how;
    let mut parts = Vec::new();
    parts.extend(how.exe.as_ref().map(|exe| format!("executable {}", word(exe))));
    if !how.argv.is_empty() {
        let argv: Vec<String> = how.argv.iter().map(|argument| json!(argument).to_string()).collect();
        parts.push(format!("arguments {}", argv.join(" ")));
    }
    parts.extend(how.pid.map(|pid| format!("process {pid}")));
    parts.extend(how.verb.as_ref().map(|verb| format!("verb {}", word(verb))));
    parts.extend(how.request_uri.as_ref().map(|uri| format!("request {}", json!(uri))));
    let claim = if parts.is_empty() { "The records do not say.".to_owned() } else { format!("{}.", parts.join(", ")) };
    let (by, grade) = recorder(event);
    let limits = if how.argv.is_empty() {
        Vec::new()
    } else {
        vec!["arguments are chosen by who starts a program; they do not say what it did".to_owned()]
    };
    Claim { question: "how", claim, grade, by, events: vec![event.id], limits }
}

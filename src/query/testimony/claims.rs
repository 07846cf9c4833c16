//! The six claims about an event: who, what, when, where, why, how; each with its grade and its limits.
//!
//! Words are chosen by the grade, never stronger. Not here: the sentences about single events (`words`), what is not proved at all (`limits`).

use super::words::{self, Terms, arguments, deed, kind_of_name, person, word};
use crate::correlate::{RootKind, Why};
use crate::model::{AssertedBy, Class, Event, EventId, Link, Outcome, Source};
use crate::time::rfc3339;
use serde_json::json;
use std::collections::BTreeSet;

/// A claim.
pub struct Claim {
    /// Which of the six.
    pub question: &'static str,
    /// The answer, in sentences.
    pub claim: String,
    /// How sure.
    pub grade: &'static str,
    /// Who says so.
    pub by: Option<AssertedBy>,
    /// What it rests on.
    pub events: Vec<EventId>,
    /// What it does not say.
    pub limits: Vec<String>,
}

/// The six claims, in their order.
pub fn claims(event: &Event, why: &Why, terms: &mut Terms) -> Vec<Claim> {
    vec![
        who(event, why, terms),
        what(event, terms),
        when(event, terms),
        place(event, why, terms),
        reason(why, terms),
        how(event, terms),
    ]
}

fn who(event: &Event, why: &Why, terms: &mut Terms) -> Claim {
    let root = &why.root;
    let mut limits = Vec::new();
    let name = person(root.name.as_deref().unwrap_or(""), root.r#as.as_deref());
    let ids: Vec<EventId> = why.chain.iter().map(|step| step.event.id).collect();
    let last = why.chain.last().filter(|step| step.link.is_none()).map(|step| &step.event);
    let (claim, grade) = match root.kind {
        RootKind::Credential => {
            limits.push("the proof ends at the credential: whoever held it".to_owned());
            let class = root.class.unwrap_or(Class::Consistent);
            // Of a request that is asked about itself, no more is known than that it was made.
            let is_request = why.chain.len() == 1 && event.source == Source::Kubernetes && class == Class::Proven;
            let mut claim = if is_request { format!("{name} made this request.") } else { did(&name, class) };
            let shown = last.filter(|last| last.who.name == root.name).and_then(|last| last.who.credential.as_deref());
            match shown {
                Some(shown) => claim.push_str(&format!(
                    " The name is the one that the {} gave to the {} shown with the request: {}.",
                    terms.word("API server"),
                    terms.word("credential"),
                    word(shown)
                )),
                None => claim.push_str(&format!(
                    " The name is the one that the {} gave to whoever sent the request; which {} was shown is not recorded.",
                    terms.word("API server"),
                    terms.word("credential")
                )),
            }
            for name in [root.name.as_deref(), root.r#as.as_deref()].into_iter().flatten() {
                claim.extend(kind_of_name(name, terms).map(|what| format!(" {what}")));
            }
            (claim, class.name())
        }
        RootKind::Login => {
            limits.push("the proof ends at the login: whoever logged in under that name".to_owned());
            let class = root.class.unwrap_or(Class::Consistent);
            let claim = format!(
                "{} The name is that of the {} which the {} kept for what was run.",
                did(&name, class),
                terms.word("login"),
                terms.word("kernel")
            );
            (claim, class.name())
        }
        RootKind::Ambiguous => {
            let names: BTreeSet<String> =
                root.candidates.iter().map(|one| person(&one.name, one.r#as.as_deref())).collect();
            let none = root.missing.iter().any(|missing| missing == "it may be none of them");
            let names: Vec<String> = names.into_iter().map(|name| name.trim_end_matches(',').to_owned()).collect();
            let none = if none || names.len() < 2 { ", or somebody else" } else { "" };
            let claim = match names.as_slice() {
                [one] => format!("It may have been {one}{none}; the records do not tell."),
                _ => {
                    format!("It may have been one of these{none}: {}. The records do not tell which.", names.join("; "))
                }
            };
            (claim, Class::Ambiguous.name())
        }
        RootKind::Unknown => ("The records name nobody.".to_owned(), "UNKNOWN"),
    };
    limits.extend(root.missing.iter().map(|missing| format!("not shown: {missing}")));
    let by = match root.kind {
        RootKind::Credential => Some(AssertedBy::Apiserver),
        RootKind::Login => Some(AssertedBy::Kernel),
        RootKind::Ambiguous | RootKind::Unknown => None,
    };
    Claim { question: "who", claim, grade, by, events: ids, limits }
}

fn did(name: &str, class: Class) -> String {
    match class {
        Class::Proven | Class::Strong => format!("{name} did it."),
        Class::Consistent => format!("The records are consistent with {name} having done it."),
        Class::Ambiguous => format!("{name} is one of those who may have done it."),
        Class::Contradicted => format!("Something speaks against {name} having done it."),
    }
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

fn what(event: &Event, terms: &mut Terms) -> Claim {
    let (by, grade) = recorder(event);
    let mut limits: Vec<String> =
        event.issues.iter().map(|issue| format!("{}: {}", issue.kind, issue.detail)).collect();
    if !event.how.argv.is_empty() {
        limits.push(
            "the words that a program was started with are chosen by whoever starts it; they do not say what it did"
                .to_owned(),
        );
    }
    let deed = deed(event, terms);
    let claim = match (event.source, grade) {
        // The request names somebody: that is said under "who", with its grade.
        (_, "PROVEN") => format!("Recorded by {}: {deed}", words::recorder(event.source, terms)),
        _ => format!("In the words of {}, which can be made up: {deed}", words::recorder(event.source, terms)),
    };
    Claim { question: "what", claim, grade, by, events: vec![event.id], limits }
}

fn when(event: &Event, terms: &mut Terms) -> Claim {
    let (by, grade) = recorder(event);
    let end = event.when.end.map_or(String::new(), |end| format!(", until {}", rfc3339(end)));
    let received = event.when.received;
    let received =
        received.map_or(String::new(), |at| format!(" deponent received the first record of it at {}.", rfc3339(at)));
    if event.issues.iter().any(|issue| issue.kind == "no-time") {
        return Claim {
            question: "when",
            claim: format!("The record tells no time that could be read.{received}"),
            grade: "UNKNOWN",
            by: None,
            events: vec![event.id],
            limits: Vec::new(),
        };
    }
    Claim {
        question: "when",
        claim: format!(
            "At {}{end}, by the clock of {} (times end in Z: UTC).{received}",
            rfc3339(event.when.event),
            words::recorder(event.source, terms)
        ),
        grade,
        by,
        events: vec![event.id],
        limits: vec![
            "a clock can be wrong; the log proves the order in which records were received, not the hour".to_owned(),
        ],
    }
}

fn place(event: &Event, why: &Why, terms: &mut Terms) -> Claim {
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
        events.extend(within.claim.iter().flat_map(|claim| &claim.candidates));
        limits.push(match &within.claim {
            None => "pod and container are named by the runtime, the kubelet or the pod's status, not by the kernel"
                .to_owned(),
            Some(_) if within.class == Class::Ambiguous => {
                // Which one it is stands nowhere: none is named.
                (place.container_id, place.namespace, place.pod, place.container) = (None, None, None, None);
                let ids: Vec<&str> = [&within.id].into_iter().chain(&within.others).map(|id| id.as_str()).collect();
                format!("the records do not agree in which container it was; named are: {}", ids.join(", "))
            }
            Some(_) => "the container is named by the agent on the machine, which looked the process up when it read the record; neither the kernel nor the runtime names it".to_owned(),
        });
        limits.push("the container that the process was started in; a process can leave it".to_owned());
        if container.contradicted {
            limits.push("who names the container disagrees; what they disagree in is left out".to_owned());
        }
    }
    let mut parts = Vec::new();
    for (name, value) in [
        ("container", &place.container),
        ("container id", &place.container_id),
        ("pod", &place.pod),
        ("namespace", &place.namespace),
        ("node", &place.node),
        ("cluster", &place.cluster),
        ("directory", &place.cwd),
    ] {
        parts.extend(value.as_ref().map(|value| format!("{} {}", terms.word(name), word(value))));
    }
    let mut claim = match (parts.is_empty(), &why.within, grade) {
        (true, ..) => "The records name no place.".to_owned(),
        (false, Some(_), "CONSISTENT") => format!("The records are consistent with: {}.", parts.join(", ")),
        (false, Some(_), "AMBIGUOUS" | "CONTRADICTED") => format!("It may have been: {}.", parts.join(", ")),
        _ => format!("{}.", first_upper(&parts.join(", "))),
    };
    if let Some(address) = &event.who.address {
        claim.push_str(&format!(" It came from the network address {}, as the recorder saw it.", word(address)));
    }
    Claim { question: "where", claim, grade, by, events, limits }
}

fn first_upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A link as a part of a sentence, from cause to effect.
fn step(link: &Link, cause: &Event, effect: &Event) -> String {
    let started = effect.what.action == "executed";
    let told = match link.rule {
        "request-stages" => "the request was logged at several stages",
        "sandbox-container" => "a container was made in the sandbox of its pod",
        "request-container" => "the request had a container made",
        "container-runtime" => "the container was made by the container runtime",
        "container-process" => "the runtime started the container's first program",
        "session-exec" => "the request had the container runtime run a command",
        "exec-process" => "the runtime started that command as a program",
        "process-child" if started && cause.how.pid == effect.how.pid => "that process went on as another program",
        "process-child" if started => "that program started another one",
        "process-child" => "that program did it",
        "owner-request" => "a controller of the cluster made it, because of what the request had asked for",
        "pod-binding" => "the scheduler put the pod on a machine",
        "token-pod" => "the machine asked for a token on behalf of the pod",
        "csr-approval" => "the approval had the certificate issued",
        "login-line" => "the login program let somebody in",
        "login-session" => "it happened in the session of that login",
        "client-runtime" => "a command on the machine asked the container runtime for it, past the API server",
        "firewall-connection" => "a packet fits the connection, or the command, of that program",
        "manifest-pod" => "the machine took the pod from a file that somebody had written there",
        "kubelet-pod" => "the machine made what belongs to that pod",
        "session-stream" => "the request was carried out by a program of the machine",
        _ => "one led to the other",
    };
    format!("{told} (rule {}, {})", link.rule, link.class.name())
}

/// The steps of a chain, cause first; equal ones that follow each other, once.
fn steps(why: &Why) -> Vec<String> {
    let pairs = why.chain.iter().zip(why.chain.iter().skip(1).map(Some).chain(std::iter::once(None)));
    let mut steps: Vec<String> = pairs
        .filter_map(|(effect, cause)| {
            let cause = cause.map_or(&effect.event, |cause| &cause.event);
            effect.link.as_ref().map(|link| step(link, cause, &effect.event))
        })
        .collect();
    steps.reverse();
    let runs = steps.chunk_by(|one, next| one == next);
    let times = |run: &[String]| match run {
        [one] => one.clone(),
        [one, ..] => format!("{one}, {} times", run.len()),
        [] => String::new(),
    };
    runs.map(times).collect()
}

fn reason(why: &Why, terms: &mut Terms) -> Claim {
    let links: Vec<&Link> = why.chain.iter().filter_map(|step| step.link.as_ref()).collect();
    let steps = steps(why);
    let allowed = why.chain.last().and_then(|step| step.event.why.reason.as_deref());
    let is_denied = why.chain.last().is_some_and(|step| step.event.what.outcome == Outcome::Denied);
    let weakest = links.iter().map(|link| link.class).max();
    let mut claim = match (weakest, links.len()) {
        (None, _) => "No earlier event is known to have caused it.".to_owned(),
        (Some(Class::Proven | Class::Strong), 1) => format!("It follows from an earlier event: {}.", steps.join("; ")),
        (Some(Class::Proven | Class::Strong), count) => {
            format!("It follows from an earlier event, in {count} steps: {}.", steps.join("; "))
        }
        (Some(Class::Consistent), _) => {
            format!("The records are consistent with it following from an earlier event: {}.", steps.join("; "))
        }
        (Some(_), _) => format!("It may follow from one of several earlier events: {}.", steps.join("; ")),
    };
    if let Some(allowed) = allowed {
        claim.push_str(&format!(
            " The {} {} and noted why: {}.",
            terms.word("API server"),
            if is_denied { "refused the request" } else { "let the request pass" },
            json!(allowed)
        ));
    }
    let keys: BTreeSet<&str> =
        why.chain.first().into_iter().flat_map(|step| &step.event.why.keys).map(|key| key.as_str()).collect();
    if !keys.is_empty() {
        let keys: Vec<String> = keys.into_iter().map(word).collect();
        claim.push_str(&format!(" It was recorded because of the audit rule {}.", keys.join(", ")));
    }
    Claim {
        question: "why",
        claim,
        grade: weakest.map_or("UNKNOWN", Class::name),
        by: allowed.map(|_| AssertedBy::Apiserver),
        events: why.chain.iter().map(|step| step.event.id).collect(),
        limits: vec!["a cause is not an intention".to_owned()],
    }
}

fn how(event: &Event, terms: &mut Terms) -> Claim {
    let how = &event.how;
    let mut parts = Vec::new();
    parts.extend(how.exe.as_ref().map(|exe| format!("with the program {}", word(exe))));
    parts.extend(arguments(event).map(|words| format!("with the words {words}")));
    parts.extend(how.pid.map(|pid| format!("as process {pid}")));
    parts.extend(how.ppid.map(|pid| format!("started by process {pid}")));
    parts.extend(how.tty.as_ref().filter(|tty| *tty != "(none)").map(|tty| format!("at the terminal {}", word(tty))));
    parts.extend(how.verb.as_ref().map(|verb| format!("by a request with the verb {}", word(verb))));
    parts.extend(how.request_uri.as_ref().map(|uri| format!("to the address {}", json!(uri))));
    parts.extend(how.audit_id.as_ref().map(|id| format!("with the {} {}", terms.word("Audit-ID"), word(id))));
    let claim = if parts.is_empty() {
        "The records do not say.".to_owned()
    } else {
        format!("{}.", first_upper(&parts.join(", ")))
    };
    let claim = match &how.user_agent {
        Some(agent) => format!("{claim} The client calls itself {}.", json!(agent)),
        None => claim,
    };
    let (by, grade) = match recorder(event) {
        _ if parts.is_empty() && how.user_agent.is_none() => (None, "UNKNOWN"),
        recorder => recorder,
    };
    let mut limits = Vec::new();
    if how.user_agent.is_some() {
        limits.push("what a client calls itself is its own word".to_owned());
    }
    Claim { question: "how", claim, grade, by, events: vec![event.id], limits }
}

//! An event as a sentence for somebody who knows no Kubernetes: each word of the field is explained where it first occurs.
//!
//! A value stands as it is where it can be nothing else, and quoted otherwise, so that none ends the sentence and begins another. Not here: who did it (`claims`), which is a conclusion.

use crate::model::{Event, Object, Outcome, Source};
use crate::time::rfc3339;
use serde_json::json;
use std::collections::HashSet;

/// Characters of an argument list that are told; the raw record has all.
const ARGUMENTS_CHARS_MAX: usize = 400;

/// The words of the field, and what they mean in one clause.
const TERMS: &[(&str, &str)] = &[
    ("API server", "the program that every order to the cluster goes through"),
    ("Audit-ID", "the number under which the API server logs a request; a client may choose it"),
    ("cluster", "a group of machines that run programs together"),
    ("container", "a set of programs that is kept apart from the others on its machine"),
    ("credential", "what a program shows to be let in: a certificate, a token or a password"),
    ("kernel", "the core of a machine's operating system, which all programs depend on"),
    ("kubelet", "the program that runs the cluster's orders on a machine"),
    ("login", "the kernel's mark on a session of somebody who logged in, kept by everything started in it"),
    ("namespace", "a named part of the cluster"),
    ("node", "a machine of the cluster"),
    ("pod", "a group of containers that belong together"),
    ("runtime", "the program that starts containers on a machine"),
    ("service account", "a name under which programs in the cluster act, not a person"),
];

/// Which words have been explained.
#[derive(Debug, Default)]
pub struct Terms(HashSet<&'static str>);

impl Terms {
    /// The word; the first time with what it means.
    pub fn word(&mut self, word: &'static str) -> String {
        match TERMS.iter().find(|(term, _)| *term == word) {
            Some((_, means)) if self.0.insert(word) => format!("{word} ({means})"),
            _ => word.to_owned(),
        }
    }
}

/// A value within a sentence: as it is where it can be nothing else, else quoted, so that no value ends the sentence and begins another.
pub fn word(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/:@+=%~.".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) && !value.ends_with('.') {
        return value.to_owned();
    }
    json!(value).to_string()
}

/// A name, and the name that it acted under.
pub fn person(name: &str, r#as: Option<&str>) -> String {
    match r#as {
        Some(r#as) => format!("{}, acting under the name {},", word(name), word(r#as)),
        None => word(name),
    }
}

/// What a name of the cluster is, where it is none of a person.
pub fn kind_of_name(name: &str, terms: &mut Terms) -> Option<String> {
    if name.starts_with("system:serviceaccount:") {
        return Some(format!("{} is a {}.", word(name), terms.word("service account")));
    }
    if name.starts_with("system:node:") {
        return Some(format!(
            "{} is the name of a {} and of its {}.",
            word(name),
            terms.word("node"),
            terms.word("kubelet")
        ));
    }
    (name == "system:anonymous")
        .then(|| "system:anonymous is the name of everybody who shows no credential.".to_owned())
}

/// Who keeps the records of a source.
pub fn recorder(source: Source, terms: &mut Terms) -> String {
    match source {
        Source::Linux => format!("the {}", terms.word("kernel")),
        Source::Kubernetes => format!("the {}", terms.word("API server")),
        Source::Containerd | Source::Crio | Source::Docker => format!("the container {}", terms.word("runtime")),
        Source::Kubelet => format!("the {}", terms.word("kubelet")),
        Source::ControlPlane => "a program that runs the cluster".to_owned(),
        Source::Application => "a program in a container, of itself".to_owned(),
        Source::Syslog => "a program on the machine".to_owned(),
        Source::Own => "deponent itself".to_owned(),
    }
}

/// When, who recorded it, what.
pub fn told(event: &Event, terms: &mut Terms) -> String {
    let by = recorder(event.source, terms);
    let node = event.r#where.node.as_deref().filter(|_| event.source != Source::Kubernetes);
    let on = node.map(|node| format!(" of {} {}", terms.word("node"), word(node))).unwrap_or_default();
    format!("At {}, {by}{on} recorded: {}", rfc3339(event.when.event), deed(event, terms))
}

/// What was done, by whose word, and how it came out.
pub fn deed(event: &Event, terms: &mut Terms) -> String {
    let deed = match event.source {
        Source::Kubernetes => request(event, terms),
        Source::Linux => call(event),
        _ => line(event),
    };
    format!("{deed} {}", outcome(event))
}

fn request(event: &Event, terms: &mut Terms) -> String {
    let who = match event.who.name.as_deref() {
        Some(name) => person(name, event.who.r#as.as_deref()),
        None => "somebody without a name".to_owned(),
    };
    let object = event.what.object.as_ref();
    let kind = object.and_then(|object| object.kind.as_deref()).unwrap_or("");
    let whole = object.map(|object| named(object, terms)).unwrap_or_default();
    let arguments = arguments(event).map(|words| format!(" {words}")).unwrap_or_default();
    let container = match event.r#where.container.as_deref() {
        Some(name) => format!("{} {}", terms.word("container"), word(name)),
        None => format!("a {}", terms.word("container")),
    };
    match (event.what.action.as_str(), kind) {
        ("exec", "pods/exec") => format!("{who} asked to run a command in {container} of {whole}:{arguments}."),
        ("attach", "pods/attach") => format!("{who} asked to be connected to the running {container} of {whole}."),
        ("portforward" | "port-forward", _) => format!("{who} asked for a network connection into {whole}."),
        ("get" | "list" | "watch", _) => format!("{who} asked to read {}.", or_uri(event, &whole)),
        (action, _) => format!("{who} asked to {} {}.", word(action), or_uri(event, &whole)),
    }
}

fn or_uri(event: &Event, whole: &str) -> String {
    match event.how.request_uri.as_deref() {
        Some(uri) if whole.is_empty() => json!(uri).to_string(),
        None if whole.is_empty() => "what is not named".to_owned(),
        _ => whole.to_owned(),
    }
}

/// `pod shop/web-1`: an object of the cluster.
fn named(object: &Object, terms: &mut Terms) -> String {
    let kind = object.kind.as_deref().unwrap_or("");
    let kind = match kind.split('/').next() {
        Some("pods") => terms.word("pod"),
        _ => word(kind),
    };
    let name = object.name.as_deref().map(|name| format!(" {}", word(name))).unwrap_or_default();
    let place = object.namespace.as_deref();
    let place = place.map(|name| format!(" in {} {}", terms.word("namespace"), word(name))).unwrap_or_default();
    format!("{kind}{name}{place}")
}

/// Quoted arguments, as far as they are told.
pub fn arguments(event: &Event) -> Option<String> {
    let argv = &event.how.argv;
    if argv.is_empty() {
        return None;
    }
    let mut text = String::new();
    for (number, argument) in argv.iter().enumerate() {
        let quoted = json!(argument).to_string();
        if number > 0 && text.chars().count().saturating_add(quoted.chars().count()) > ARGUMENTS_CHARS_MAX {
            text.push_str(&format!(" and {} more", argv.len().saturating_sub(number)));
            break;
        }
        if number > 0 {
            text.push(' ');
        }
        text.push_str(&quoted);
    }
    Some(text)
}

/// The order and the container of a program by which the container runtime acts: its other arguments are paths.
fn ordered(event: &Event) -> Option<String> {
    let exe = event.how.exe.as_deref()?;
    let argv = &event.how.argv;
    let order = argv.iter().position(|word| matches!(word.as_str(), "exec" | "create" | "start"))?;
    let is_runtime = exe.ends_with("/runc") || exe.ends_with("/crun");
    let (order, last) = (argv.get(order)?, argv.last().filter(|_| is_runtime && order.saturating_add(1) < argv.len())?);
    Some(format!("{} … {} (in full in its record)", json!(order), json!(last)))
}

fn call(event: &Event) -> String {
    let how = &event.how;
    let pid = how.pid.map(|pid| format!("process {pid}"));
    if event.what.action == "executed" {
        let exe = how
            .exe
            .as_deref()
            .map_or("a program that is not named".to_owned(), |exe| format!("the program {}", word(exe)));
        let arguments = ordered(event).or_else(|| arguments(event)).map(|words| format!(" with the words {words}"));
        let arguments = arguments.unwrap_or_default();
        let pid = pid.map(|pid| format!(" as {pid}")).unwrap_or_default();
        return format!("{exe} was started{pid}{arguments}.");
    }
    let exe = how.exe.as_deref().map(|exe| format!("the program {}", word(exe)));
    let who = match (exe, pid) {
        (Some(exe), Some(pid)) => format!("{exe} ({pid}): "),
        (Some(one), None) | (None, Some(one)) => format!("{one}: "),
        (None, None) => String::new(),
    };
    format!("{who}{}.", action(event))
}

fn line(event: &Event) -> String {
    let who = event.who.name.as_deref().map(|name| format!(", naming {}", word(name))).unwrap_or_default();
    let arguments = arguments(event).map(|words| format!(", command {words}")).unwrap_or_default();
    let place = &event.r#where;
    let mut parts = Vec::new();
    for (what, value) in [("container", &place.container), ("container", &place.container_id), ("pod", &place.pod)] {
        parts.extend(
            value
                .as_deref()
                .filter(|_| !parts.iter().any(|part: &String| part.starts_with(what)))
                .map(|value| format!("{what} {}", word(value))),
        );
    }
    let about = if parts.is_empty() { String::new() } else { format!(", about {}", parts.join(" of ")) };
    format!("{}{arguments}{about}{who}.", action(event))
}

/// `opened-file "/etc/shadow"`: as the record is read, with its objects.
fn action(event: &Event) -> String {
    let mut text = word(&event.what.action).replace('-', " ");
    if let Some(object) = &event.what.object {
        let name = object.path.as_deref().or(object.name.as_deref());
        let kind = object.kind.as_deref().filter(|kind| !text.contains(*kind));
        for part in [kind, name].into_iter().flatten() {
            text.push_str(&format!(" {}", word(part)));
        }
    }
    text
}

fn outcome(event: &Event) -> String {
    let code = event.what.code.as_deref().map_or(String::new(), |code| format!(" (code {})", word(code)));
    match event.what.outcome {
        Outcome::Success => format!("It succeeded{code}."),
        Outcome::Failure => format!("It failed{code}."),
        Outcome::Denied => format!("It was refused{code}."),
        Outcome::Unknown => format!("Whether it succeeded is not recorded{code}."),
    }
}

//! What the texts of containerd's log say: its CRI service prints every request and every answer.
//!
//! A text is understood whole or not at all: commands, names and errors within it are other people's words, and must never be taken for containerd's own.
//! Not here: the line around the text (`log`).

use deponent_parsers::quoted::quoted;

use super::{some, text};
use crate::model::{Event, Object, Outcome, Str};
use crate::normalise::line::is_container_id;

/// Request, what it is called while it is asked for, and once it was done.
const STEPS: [(&str, &str, &str); 6] = [
    ("StartContainer for ", "starting-container", "started-container"),
    ("StopContainer for ", "stopping-container", "stopped-container"),
    ("RemoveContainer for ", "removing-container", "removed-container"),
    ("StopPodSandbox for ", "stopping-sandbox", "stopped-sandbox"),
    ("RemovePodSandbox for ", "removing-sandbox", "removed-sandbox"),
    // Its answer has no "for".
    ("RemovePodSandbox ", "removing-sandbox", "removed-sandbox"),
];
/// Requests for a stream: what is asked for, what is answered.
const STREAMS: [(&str, &str, &str); 4] = [
    ("Exec for ", "requested-exec", "answered-exec"),
    ("ExecSync for ", "requested-exec-sync", "answered-exec-sync"),
    ("Attach for ", "requested-attach", "answered-attach"),
    ("Portforward for ", "requested-port-forward", "answered-port-forward"),
];

/// Sets what a text says; a text that is not understood leaves the event as it is, but for a container that it names.
pub fn understand(message: &str, event: &mut Event) {
    let done = sandbox(message, event)
        .or_else(|| container(message, event))
        .or_else(|| step(message, event))
        .or_else(|| stream(message, event))
        .or_else(|| exec(message, event));
    match done {
        Some(action) => event.what.action = action.into(),
        None => {
            event.r#where.container_id = named_container(message);
            received_exit(message, event);
            if let Some(exec) = ["exec process \"", "container exec \"", "Container exec \""].iter().find_map(|words| {
                message.split_once(words)?.1.split_once('"').map(|(id, _)| id).filter(|id| is_container_id(id))
            }) {
                event.how.exec_id = some(exec);
            }
        }
    }
}

/// `received exit event &TaskExit{ContainerID:…,ID:…,Pid:1,ExitStatus:0,…}`: what the event stream says too.
fn received_exit(message: &str, event: &mut Event) {
    let Some(rest) = message.strip_prefix("received exit event &TaskExit{") else { return };
    let value = |name: &str| rest.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(':'));
    let (container, id) = (value("ContainerID").and_then(some), value("ID").and_then(some));
    event.what.action = "received-exit".into();
    event.how.exec_id = id.filter(|id| container.as_ref() != Some(id));
    event.r#where.container_id = container;
    event.how.pid = value("Pid").and_then(|pid| pid.parse().ok());
    if let Some(code) = value("ExitStatus").and_then(digits) {
        event.what.outcome = if code == "0" { Outcome::Success } else { Outcome::Failure };
        event.what.code = some(code);
    }
}

fn sandbox(message: &str, event: &mut Event) -> Option<&'static str> {
    let (metadata, rest) = metadata(message.strip_prefix("RunPodSandbox for ")?)?;
    let member =
        |name: &str| metadata.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let returned = match rest.strip_prefix("returns sandbox id ") {
        Some(id) => Some(only(id)?),
        None => ending(rest, event)?,
    };
    let set = |name: &str| member(name).and_then(|value| some(value));
    event.r#where.pod = set("name");
    event.r#where.pod_uid = set("uid");
    event.r#where.namespace = set("namespace");
    add(event, "attempt", member("attempt").map_or("0", Str::as_str));
    let Some(id) = returned else {
        return Some("creating-sandbox");
    };
    add(event, "sandbox", &id);
    let namespace = event.r#where.namespace.clone();
    let object = Object { kind: Some("sandbox".into()), name: Some(id.clone()), namespace, ..Object::default() };
    event.what.object = Some(object);
    event.r#where.container_id = Some(id);
    event.what.outcome = Outcome::Success;
    Some("created-sandbox")
}

fn container(message: &str, event: &mut Event) -> Option<&'static str> {
    let (sandbox, rest) = id(message.strip_prefix("CreateContainer within sandbox ")?)?;
    let rest = rest.strip_prefix(" for ")?;
    let (metadata, rest) = metadata(rest.strip_prefix("container ").unwrap_or(rest))?;
    let returned = match rest.strip_prefix("returns container id ") {
        Some(id) => Some(only(id)?),
        None => ending(rest, event)?,
    };
    let member =
        |name: &str| metadata.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    event.r#where.container = member("name").and_then(|name| some(name));
    add(event, "sandbox", &sandbox);
    add(event, "attempt", member("attempt").map_or("0", Str::as_str));
    let Some(id) = returned else {
        return Some("creating-container");
    };
    event.what.object = Some(Object { kind: Some("container".into()), name: Some(id.clone()), ..Object::default() });
    event.r#where.container_id = Some(id);
    event.what.outcome = Outcome::Success;
    Some("created-container")
}

/// The end of a request that returned nothing: asked for, or failed. `Some(None)` when it is one of these.
fn ending(rest: &str, event: &mut Event) -> Option<Option<Str>> {
    if rest.starts_with("failed") {
        event.what.outcome = Outcome::Failure;
        return Some(None);
    }
    rest.is_empty().then_some(None)
}

fn step(message: &str, event: &mut Event) -> Option<&'static str> {
    if let Some(rest) = message.strip_prefix("Kill container ") {
        event.r#where.container_id = Some(only(rest)?);
        return Some("killing-container");
    }
    let (id, rest, asked, done) = STEPS.iter().find_map(|(prefix, asked, done)| {
        let (id, rest) = id(message.strip_prefix(prefix)?)?;
        Some((id, rest, *asked, *done))
    })?;
    let action = match rest {
        " returns successfully" => {
            event.what.outcome = Outcome::Success;
            done
        }
        "" => asked,
        _ if rest.starts_with(" failed") => {
            event.what.outcome = Outcome::Failure;
            asked
        }
        _ => {
            add(event, "timeout", digits(rest.strip_prefix(" with timeout ")?.strip_suffix(" (s)")?)?);
            asked
        }
    };
    event.r#where.container_id = Some(id);
    Some(action)
}

fn stream(message: &str, event: &mut Event) -> Option<&'static str> {
    let (which, asked, answered) = STREAMS.iter().find(|(prefix, ..)| message.starts_with(prefix))?;
    let (id, rest) = id(message.strip_prefix(which)?)?;
    let action = if let Some(url) = rest.strip_prefix(" returns URL ") {
        add(event, "url", &only(url)?);
        event.what.outcome = Outcome::Success;
        answered
    } else if let Some(code) = rest.strip_prefix(" returns with exit code ") {
        exit(digits(code)?, event);
        answered
    } else if rest.starts_with(" failed") {
        event.what.outcome = Outcome::Failure;
        answered
    } else {
        match *asked {
            "requested-exec" => {
                let (command, flags) = command(rest, "], tty ")?;
                let flags = terminal(flags)?;
                add(event, "command", command);
                add_terminal(event, flags);
            }
            "requested-exec-sync" => {
                let (command, timeout) = command(rest, "] and timeout ")?;
                let timeout = digits(timeout.strip_suffix(" (s)")?)?;
                add(event, "command", command);
                add(event, "timeout", timeout);
            }
            "requested-attach" => add_terminal(event, terminal(rest.strip_prefix(" with tty ")?)?),
            _ => {
                add(event, "sandbox", &id);
                if let Some(ports) = rest.strip_prefix(" port ") {
                    add(event, "port", ports.trim_start_matches('[').trim_end_matches(']'));
                }
            }
        }
        asked
    };
    event.r#where.container_id = Some(id);
    Some(action)
}

fn exec(message: &str, event: &mut Event) -> Option<&'static str> {
    if let Some(rest) = message.strip_prefix("Generated exec id ") {
        let (exec, rest) = id(rest)?;
        event.r#where.container_id = Some(only(rest.strip_prefix(" for container ")?)?);
        event.how.exec_id = Some(exec);
        return Some("generated-exec-id");
    }
    let (exec, rest) = id(message.strip_prefix("Exec process ")?)?;
    let (code, error) = rest.strip_prefix(" exits with exit code ")?.split_once(" and error ")?;
    exit(digits(code)?, event);
    if error != "<nil>" {
        add(event, "exit_error", error);
        event.what.outcome = Outcome::Failure;
    }
    event.how.exec_id = Some(exec);
    Some("exec-exited")
}

/// What a command ended with.
fn exit(code: &str, event: &mut Event) {
    event.what.code = Some(code.into());
    event.what.outcome = if code == "0" { Outcome::Success } else { Outcome::Failure };
}

/// The text of a command, and what stands behind the last `end`: the command may hold the same words.
fn command<'a>(rest: &'a str, end: &str) -> Option<(&'a str, &'a str)> {
    rest.strip_prefix(" with command [")?.rsplit_once(end)
}

/// tty and stdin of `false and stdin true`, to the end of the text.
fn terminal(flags: &str) -> Option<(&str, &str)> {
    let flag = |text: &str| matches!(text, "true" | "false");
    flags.split_once(" and stdin ").filter(|(tty, stdin)| flag(tty) && flag(stdin))
}

fn add_terminal(event: &mut Event, (tty, stdin): (&str, &str)) {
    add(event, "tty", tty);
    add(event, "stdin", stdin);
}

/// Name and value of the members of a message of CRI, and the text behind it: `&PodSandboxMetadata{Name:a,Attempt:0,}`, or, of containerd built on the
/// newer library for such messages, `name:"a" attempt:1`.
fn metadata(text: &str) -> Option<(Vec<(&str, Str)>, &str)> {
    if text.starts_with('&') {
        let (pairs, rest) = text.split_once('{')?.1.split_once('}')?;
        let pairs = pairs.split(',').filter_map(|pair| pair.split_once(':'));
        return Some((pairs.map(|(name, value)| (name, value.into())).collect(), rest.trim_start()));
    }
    let (mut pairs, mut rest) = (Vec::new(), text);
    while let Some((name, behind)) = rest.split_once(':') {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            break;
        }
        let (value, behind) = id(behind).or_else(|| {
            let end = behind.find(' ').unwrap_or(behind.len());
            Some((behind.get(..end)?.into(), behind.get(end..)?))
        })?;
        pairs.push((name, value));
        rest = behind.trim_start();
    }
    (!pairs.is_empty()).then_some((pairs, rest))
}

/// A quoted text, and what stands behind it.
fn id(rest: &str) -> Option<(Str, &str)> {
    let (value, behind) = quoted(rest.as_bytes())?;
    let at = rest.len().checked_sub(behind.len())?;
    Some((text(&value), rest.get(at..)?))
}

/// A quoted text with nothing behind it.
fn only(rest: &str) -> Option<Str> {
    id(rest).filter(|(_, behind)| behind.is_empty()).map(|(value, _)| value)
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

fn add(event: &mut Event, name: &str, value: &str) {
    event.how.args.push((name.into(), value.into()));
}

/// The one container or sandbox that a text names as `container "…"`.
fn named_container(message: &str) -> Option<Str> {
    let mut found = ["container \"", "Container \"", "sandbox \"", "Container to stop \""]
        .into_iter()
        .flat_map(|words| message.match_indices(words))
        .filter_map(|(at, words)| {
            let before = message.get(..at)?.chars().next_back();
            let (id, _) = message.get(at + words.len()..)?.split_once('"')?;
            Some(id).filter(|id| is_container_id(id)).filter(|_| !before.is_some_and(char::is_alphanumeric))
        });
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.into())
}

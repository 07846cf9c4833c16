//! containerd's log and event stream: sandboxes, containers, tasks, execs.
//!
//! Not here: reading the line itself (`deponent_parsers`), the identity of its event (`identity`).

use deponent_parsers::containerd::{parse, parse_stream};
use deponent_parsers::kubernetes::members;
use deponent_parsers::line::text_of;

use super::line::{self, between, some};
use super::{Bad, Context, Key};
use crate::model::{AssertedBy, Event, Object, Outcome, RecordFields, Source, Str};

/// The event of a line of the log.
pub fn log_key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    line::key(Source::Containerd, context, bytes, parse(text_of(bytes).trim()))
}

/// The event of a line of the stream.
pub fn stream_key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    line::key(Source::Containerd, context, bytes, parse_stream(text_of(bytes).trim()))
}

/// The fields of a line of the log under their own names.
pub fn log_fields(bytes: &[u8]) -> RecordFields {
    line::fields(parse(text_of(bytes).trim()))
}

/// The fields of a line of the stream under their own names.
pub fn stream_fields(bytes: &[u8]) -> RecordFields {
    line::fields(parse_stream(text_of(bytes).trim()))
}

/// The event of a line of the log.
pub fn log_event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = text_of(bytes);
    let Some(line) = parse(text.trim()) else { return super::own::empty(context, key.id, key.when) };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Runtime);
    let message = line.message.as_ref();
    let known = sandbox(&mut event, message)
        || container(&mut event, message)
        || exec(&mut event, message)
        || ended(&mut event, message);
    if !known && let Some(id) = between(message, "container \"", "\"") {
        event.r#where.container_id = some(id);
    }
    event
}

/// What is quoted at the beginning of the rest behind a text.
fn quoted_after<'a>(message: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(start)?.strip_prefix('"')?.split_once('"')
}

fn object(kind: &str, name: &str, namespace: Option<Str>) -> Option<Object> {
    Some(Object { kind: Some(kind.into()), name: some(name), namespace, ..Object::default() })
}

fn argument(event: &mut Event, name: &str, value: &str) {
    event.how.args.push((name.into(), value.into()));
}

/// `RunPodSandbox for &PodSandboxMetadata{Name:N,Uid:U,Namespace:S,Attempt:A,} returns sandbox id "X"`
fn sandbox(event: &mut Event, message: &str) -> bool {
    let Some(rest) = message.strip_prefix("RunPodSandbox for &PodSandboxMetadata{") else { return false };
    let Some((inner, rest)) = rest.split_once('}') else { return false };
    for pair in inner.split(',') {
        match pair.split_once(':') {
            Some(("Name", value)) => event.r#where.pod = some(value),
            Some(("Uid", value)) => event.r#where.pod_uid = some(value),
            Some(("Namespace", value)) => event.r#where.namespace = some(value),
            Some(("Attempt", value)) => argument(event, "attempt", value),
            _ => {}
        }
    }
    event.what.action = "creating-sandbox".into();
    if let Some((id, _)) = quoted_after(rest, " returns sandbox id ") {
        event.what.action = "created-sandbox".into();
        event.what.outcome = Outcome::Success;
        event.what.object = object("sandbox", id, event.r#where.namespace.clone());
        event.r#where.container_id = some(id);
        argument(event, "sandbox", id);
    }
    true
}

/// `CreateContainer within sandbox "X" for [container ]&ContainerMetadata{Name:N,Attempt:A,} returns container id "C"`
fn container(event: &mut Event, message: &str) -> bool {
    let Some((sandbox, rest)) = quoted_after(message, "CreateContainer within sandbox ") else { return false };
    let Some((inner, rest)) = rest.split_once("&ContainerMetadata{").and_then(|(_, rest)| rest.split_once('}')) else {
        return false;
    };
    for pair in inner.split(',') {
        match pair.split_once(':') {
            Some(("Name", value)) => event.r#where.container = some(value),
            Some(("Attempt", value)) => argument(event, "attempt", value),
            _ => {}
        }
    }
    argument(event, "sandbox", sandbox);
    event.what.action = "creating-container".into();
    if let Some((id, _)) = quoted_after(rest, " returns container id ") {
        event.what.action = "created-container".into();
        event.what.outcome = Outcome::Success;
        event.what.object = object("container", id, None);
        event.r#where.container_id = some(id);
    }
    true
}

fn exec(event: &mut Event, message: &str) -> bool {
    if let Some((id, rest)) = quoted_after(message, "Exec for ") {
        event.r#where.container_id = some(id);
        event.what.action = "answered-exec".into();
        // The command may hold anything, so what follows it is looked for from the end.
        let command = rest.strip_prefix(" with command [").and_then(|rest| rest.rsplit_once("], tty "));
        if let Some((command, flags)) = command {
            event.what.action = "requested-exec".into();
            argument(event, "command", command);
            flags_of(event, flags);
        }
        return true;
    }
    if let Some((id, rest)) = quoted_after(message, "ExecSync for ") {
        event.r#where.container_id = some(id);
        event.what.action = "answered-exec-sync".into();
        let command = rest.strip_prefix(" with command [").and_then(|rest| rest.rsplit_once("] and timeout "));
        if let Some((command, timeout)) = command {
            event.what.action = "requested-exec-sync".into();
            argument(event, "command", command);
            argument(event, "timeout", timeout);
        } else if let Some(code) = rest.strip_prefix(" returns with exit code ") {
            exit(event, code);
        }
        return true;
    }
    if let Some((id, rest)) = quoted_after(message, "Generated exec id ") {
        event.what.action = "generated-exec-id".into();
        event.how.exec_id = some(id);
        event.r#where.container_id = quoted_after(rest, " for container ").and_then(|(id, _)| some(id));
        return true;
    }
    if let Some((id, rest)) = quoted_after(message, "Exec process ") {
        if let Some(code) = rest.strip_prefix(" exits with exit code ") {
            event.what.action = "exec-exited".into();
            event.how.exec_id = some(id);
            exit(event, code.split(' ').next().unwrap_or(""));
        }
        return true;
    }
    if let Some((id, rest)) = quoted_after(message, "Attach for ") {
        event.r#where.container_id = some(id);
        event.what.action = "answered-attach".into();
        if let Some(flags) = rest.strip_prefix(" with tty ") {
            event.what.action = "requested-attach".into();
            flags_of(event, flags);
        }
        return true;
    }
    if let Some((id, _)) = quoted_after(message, "Portforward for ") {
        event.r#where.container_id = some(id);
        event.what.action = "requested-port-forward".into();
        argument(event, "sandbox", id);
        return true;
    }
    false
}

/// `false and stdin true`
fn flags_of(event: &mut Event, flags: &str) {
    if let Some((tty, stdin)) = flags.split_once(" and stdin ") {
        argument(event, "tty", tty);
        argument(event, "stdin", stdin);
    }
}

fn exit(event: &mut Event, code: &str) {
    event.what.code = some(code);
    event.what.outcome = if code == "0" { Outcome::Success } else { Outcome::Failure };
}

/// `StopContainer for "C" returns successfully` and its like.
fn ended(event: &mut Event, message: &str) -> bool {
    const STEPS: &[(&str, &str, &str)] = &[
        ("StartContainer for ", "starting-container", "started-container"),
        ("StopContainer for ", "stopping-container", "stopped-container"),
        ("RemoveContainer for ", "removing-container", "removed-container"),
        ("StopPodSandbox for ", "stopping-sandbox", "stopped-sandbox"),
        ("RemovePodSandbox for ", "removing-sandbox", "removed-sandbox"),
        ("RemovePodSandbox ", "removing-sandbox", "removed-sandbox"),
    ];
    for (start, doing, done) in STEPS {
        let Some((id, rest)) = quoted_after(message, start) else { continue };
        let finished = rest.contains("returns successfully");
        event.what.action = if finished { (*done).into() } else { (*doing).into() };
        if finished {
            event.what.outcome = Outcome::Success;
        }
        event.r#where.container_id = some(id);
        return true;
    }
    false
}

/// The event of a line of the stream.
pub fn stream_event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = text_of(bytes);
    let Some(line) = parse_stream(text.trim()) else { return super::own::empty(context, key.id, key.when) };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Runtime);
    if let Some(first) = event.how.args.first_mut() {
        first.0 = "containerd_namespace".into();
    }
    let field = |name: &str| line.field(name).and_then(some);
    let topic = line.message.as_ref();
    event.what.action = match topic {
        "/tasks/exec-added" => "added-exec".into(),
        "/tasks/exec-started" => "started-exec".into(),
        "/tasks/create" => "created-task".into(),
        "/tasks/start" => "started-task".into(),
        "/tasks/exit" => "exited".into(),
        "/tasks/delete" => "deleted-task".into(),
        "/containers/create" => "created-container-record".into(),
        "/containers/update" => "updated-container-record".into(),
        "/containers/delete" => "deleted-container-record".into(),
        other => other.trim_start_matches('/').replace('/', "-").into(),
    };
    event.how.pid = line.field("pid").and_then(|pid| pid.parse().ok());
    let place = &mut event.r#where;
    if topic.starts_with("/containers/") {
        place.container_id = field("id");
        place.image = field("image");
        for (name, value) in line.field("labels").and_then(|labels| members(labels).ok()).unwrap_or_default() {
            match name.as_ref() {
                "io.kubernetes.pod.name" => place.pod = some(&value),
                "io.kubernetes.pod.namespace" => place.namespace = some(&value),
                "io.kubernetes.pod.uid" => place.pod_uid = some(&value),
                "io.kubernetes.container.name" => place.container = some(&value),
                _ => {}
            }
        }
        return event;
    }
    place.container_id = field("container_id");
    event.how.exec_id = field("exec_id").or_else(|| field("id").filter(|id| Some(id) != place.container_id.as_ref()));
    if topic == "/tasks/exit" {
        // protobuf leaves out what is zero.
        exit(&mut event, line.field("exit_status").unwrap_or("0"));
    }
    event
}

#[cfg(test)]
mod tests {
    use crate::model::RecordKind;
    use crate::normalise::{self, Context};

    const CONTEXT: Context<'_> = Context { cluster: "c", node: "n", received_ns: 1_795_467_600_000_000_000 };

    fn shown(kind: RecordKind, text: &str) -> String {
        let bytes = text.as_bytes();
        let key = normalise::key(kind, CONTEXT, bytes).unwrap();
        let event = normalise::event(kind, &key, CONTEXT, &[bytes]);
        let place = &event.r#where;
        let args: Vec<String> = event.how.args.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let parts = [
            &place.namespace,
            &place.pod,
            &place.pod_uid,
            &place.container,
            &place.container_id,
            &event.how.exec_id,
            &event.what.code,
        ];
        let parts: Vec<&str> = parts.into_iter().map(|part| part.as_deref().unwrap_or("-")).collect();
        format!("{} {} {:?} {}", event.what.action, parts.join(" "), event.how.pid, args.join(" "))
    }

    #[test]
    fn lines_of_the_log() {
        let check = |message: &str, expected: &str| {
            let quoted = format!("{message:?}");
            let line = format!("time=\"2026-11-23T20:59:10.5Z\" level=info msg={quoted}\n");
            assert_eq!(shown(RecordKind::Containerd, &line), expected, "{line}");
        };
        check(
            r#"RunPodSandbox for &PodSandboxMetadata{Name:web-1,Uid:u,Namespace:shop,Attempt:0,} returns sandbox id "s""#,
            "created-sandbox shop web-1 u - s - - None level=info attempt=0 sandbox=s",
        );
        check(
            r#"RunPodSandbox for &PodSandboxMetadata{Name:web-1,Uid:u,Namespace:shop,Attempt:0,}"#,
            "creating-sandbox shop web-1 u - - - - None level=info attempt=0",
        );
        check(
            r#"CreateContainer within sandbox "s" for &ContainerMetadata{Name:app,Attempt:1,} returns container id "c""#,
            "created-container - - - app c - - None level=info attempt=1 sandbox=s",
        );
        check(
            r#"Exec for "c" with command [sh -c echo "], tty true and stdin true"], tty false and stdin true"#,
            r#"requested-exec - - - - c - - None level=info command=sh -c echo "], tty true and stdin true" tty=false stdin=true"#,
        );
        check(r#"Exec for "c" returns URL "http://x""#, "answered-exec - - - - c - - None level=info");
        check(
            r#"ExecSync for "c" with command [cat /x] and timeout 1 (s)"#,
            "requested-exec-sync - - - - c - - None level=info command=cat /x timeout=1 (s)",
        );
        check(r#"Generated exec id "e" for container "c""#, "generated-exec-id - - - - c e - None level=info");
        check(
            r#"Exec process "e" exits with exit code 139 and error <nil>"#,
            "exec-exited - - - - - e 139 None level=info",
        );
        check(
            r#"Attach for "c" with tty false and stdin true"#,
            "requested-attach - - - - c - - None level=info tty=false stdin=true",
        );
        check(
            r#"Portforward for "s" returns URL "x""#,
            "requested-port-forward - - - - s - - None level=info sandbox=s",
        );
        check(r#"StopContainer for "c" returns successfully"#, "stopped-container - - - - c - - None level=info");
        check(r#"something about container "c" here"#, "logged - - - - c - - None level=info");
    }

    #[test]
    fn lines_of_the_stream() {
        let check = |rest: &str, expected: &str| {
            let line = format!("2026-11-23 20:59:10.5 +0000 UTC k8s.io {rest}\n");
            assert_eq!(shown(RecordKind::ContainerdEvents, &line), expected, "{line}");
        };
        check(
            r#"/tasks/exec-started {"container_id":"c","exec_id":"e","pid":7}"#,
            "started-exec - - - - c e - Some(7) containerd_namespace=k8s.io container_id=c exec_id=e pid=7",
        );
        check(
            r#"/tasks/exit {"container_id":"c","id":"e","pid":7}"#,
            "exited - - - - c e 0 Some(7) containerd_namespace=k8s.io container_id=c id=e pid=7",
        );
        check(
            r#"/tasks/exit {"container_id":"c","id":"c","pid":7,"exit_status":3}"#,
            "exited - - - - c - 3 Some(7) containerd_namespace=k8s.io container_id=c id=c pid=7 exit_status=3",
        );
        check(
            r#"/containers/update {"id":"c","labels":{"io.kubernetes.pod.name":"p","io.kubernetes.pod.uid":"u"}}"#,
            r#"updated-container-record - p u - c - - None containerd_namespace=k8s.io id=c labels={"io.kubernetes.pod.name":"p","io.kubernetes.pod.uid":"u"}"#,
        );
    }
}

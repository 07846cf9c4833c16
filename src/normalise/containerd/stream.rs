//! The event of a line of `ctr events`.
//!
//! Not here: reading the line (`deponent_parsers::containerd`).

use deponent_parsers::containerd::{StreamLine, stream_line};
use deponent_parsers::kubernetes::members_of;

use super::{Bad, Context, Key, bad, empty, key_of, note, some};
use crate::model::{Event, EventIssue, Outcome, RecordFields, Source, Str};

/// Topic → action; of any other topic its own words.
const ACTIONS: [(&str, &str); 13] = [
    ("/tasks/exec-added", "added-exec"),
    ("/tasks/exec-started", "started-exec"),
    ("/tasks/create", "created-task"),
    ("/tasks/start", "started-task"),
    ("/tasks/exit", "exited"),
    ("/tasks/delete", "deleted-task"),
    ("/tasks/oom", "oom"),
    ("/tasks/paused", "paused"),
    ("/tasks/resumed", "resumed"),
    ("/tasks/checkpointed", "checkpointed"),
    ("/containers/create", "created-container-record"),
    ("/containers/update", "updated-container-record"),
    ("/containers/delete", "deleted-container-record"),
];
/// Labels that the CRI service gives a container, and the kubelet before it.
const LABELS: [&str; 5] = [
    "io.kubernetes.pod.name",
    "io.kubernetes.pod.namespace",
    "io.kubernetes.pod.uid",
    "io.kubernetes.container.name",
    "io.cri-containerd.kind",
];

/// The event of a line.
pub fn stream_key(context: Context<'_>, line: &[u8]) -> Result<Key, Bad> {
    stream_line(line).map(|read| key_of(Source::Containerd, context, read.time, line)).map_err(bad)
}

/// The event of a line.
pub fn stream_event(key: &Key, context: Context<'_>, line: &[u8]) -> Event {
    let mut event = empty(key, context);
    let Ok(read) = stream_line(line) else {
        return event;
    };
    event.what.action = of_topic(&read.topic);
    event.what.message = Some(read.topic.as_ref().into());
    event.how.args.push(("containerd_namespace".into(), read.namespace.as_ref().into()));
    let (members, issue) = read.members();
    let member = |name: &str| {
        members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
            .filter(|value| !value.is_empty())
    };
    if read.topic.starts_with("/tasks/") {
        task(&read, &member, issue.is_none(), &mut event);
    } else if read.topic.starts_with("/containers/") {
        record(&read, &member, &mut event);
    }
    event.how.args.extend(members.iter().map(|(name, value)| (name.as_ref().into(), value.as_ref().into())));
    note(&mut event, &read.issues);
    note(&mut event, issue.as_slice());
    event
}

/// The fields of a line under their own names.
pub fn stream_fields(line: &[u8]) -> RecordFields {
    let Ok(read) = stream_line(line) else {
        return RecordFields::default();
    };
    let head = [("time", &read.time_text), ("namespace", &read.namespace), ("topic", &read.topic)];
    let mut fields: Vec<(Str, Str)> = head.map(|(name, value)| (name.into(), value.as_ref().into())).into();
    let (members, _) = read.members();
    fields.extend(members.iter().map(|(name, value)| (name.as_ref().into(), value.as_ref().into())));
    RecordFields { at: None, record: read.topic.as_ref().into(), fields, ..RecordFields::default() }
}

/// A topic as an action.
pub fn of_topic(topic: &str) -> Str {
    match ACTIONS.iter().find(|(known, _)| *known == topic) {
        Some((_, action)) => (*action).into(),
        None => topic.strip_prefix('/').unwrap_or(topic).replace('/', "-").into(),
    }
}

/// `whole`: all members were read, so that one that is not there has its zero value.
fn task<'m>(read: &StreamLine<'_>, member: &impl Fn(&str) -> Option<&'m str>, whole: bool, event: &mut Event) {
    let container = member("container_id");
    event.r#where.container_id = container.and_then(some);
    // An exit or a deletion names its process: the container's own by the container's id.
    let exec =
        member("exec_id").or_else(|| member("id").filter(|id| container.is_some_and(|container| container != *id)));
    event.how.exec_id = exec.and_then(some);
    if let Some(pid) = member("pid") {
        event.how.pid = pid.parse().ok();
        if event.how.pid.is_none() {
            event
                .issues
                .push(EventIssue { kind: "unreadable-pid".into(), detail: format!("pid is no process: {pid}").into() });
        }
    }
    if read.topic == "/tasks/exit" {
        let code = member("exit_status").or(whole.then_some("0"));
        event.what.outcome = match code {
            Some("0") => Outcome::Success,
            Some(_) => Outcome::Failure,
            None => Outcome::Unknown,
        };
        event.what.code = code.map(Str::from);
    }
}

fn record<'m>(read: &StreamLine<'_>, member: &impl Fn(&str) -> Option<&'m str>, event: &mut Event) {
    event.r#where.container_id = member("id").and_then(some);
    event.r#where.image = member("image").and_then(some);
    let labels = members_of(&read.json, "labels", LABELS).map(|label| label.and_then(|label| some(&label)));
    let [pod, namespace, pod_uid, container, kind] = labels;
    event.r#where.pod = pod;
    event.r#where.namespace = namespace;
    event.r#where.pod_uid = pod_uid;
    event.r#where.container = container;
    event.how.args.extend(kind.map(|kind| ("io.cri-containerd.kind".into(), kind)));
}

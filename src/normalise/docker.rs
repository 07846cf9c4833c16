//! Docker: its daemon's log and its event stream.
//!
//! Not here: reading a line (`deponent_parsers::docker`, `deponent_parsers::containerd`), what dockerd's log has in common with others (`containerd::log`).

use deponent_parsers::containerd;
use deponent_parsers::docker;
use deponent_parsers::kubernetes::members;
use deponent_parsers::line::text_of;

use super::line::{self, is_container_id, some};
use super::{Bad, Context, Key, own};
use crate::model::{AssertedBy, Event, Object, Outcome, RecordFields, Source, Str};

/// Before the names of an event's attributes.
const ATTRIBUTE: &str = "Actor.Attributes.";
/// What is done to a container, as the event stream calls it and as we do; an `exec_create: sh -c id` has the command behind its name.
const OF_CONTAINER: &[(&str, &str)] = &[
    ("create", "created-container"),
    ("start", "started-container"),
    ("die", "exited"),
    ("stop", "stopped-container"),
    ("kill", "killing-container"),
    ("destroy", "removed-container"),
    ("pause", "paused"),
    ("unpause", "resumed"),
    ("restart", "restarted-container"),
    ("rename", "renamed-container"),
    ("update", "updated-container"),
    ("attach", "requested-attach"),
    ("detach", "detached"),
    ("commit", "committed-container"),
    ("export", "exported-container"),
    ("copy", "copied-from-container"),
    ("archive-path", "copied-from-container"),
    ("extract-to-dir", "copied-into-container"),
    ("exec_create", "added-exec"),
    ("exec_start", "started-exec"),
    ("exec_die", "exec-exited"),
    ("exec_detach", "detached-exec"),
    ("oom", "oom"),
    ("top", "listed-processes"),
    ("resize", "resized"),
    ("health_status", "checked-health"),
];

/// The event of a line of the event stream.
pub fn stream_key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    line::key(Source::Docker, context, bytes, docker::event(&text_of(bytes)))
}

/// The fields of such a line under their own names.
pub fn stream_fields(bytes: &[u8]) -> RecordFields {
    line::fields(docker::event(&text_of(bytes)))
}

/// The event of such a line.
pub fn stream_event(key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let text = text_of(bytes);
    let Some(line) = docker::event(&text) else {
        return own::empty(context, key.id, key.when);
    };
    let mut event = line::event(key, context, &line);
    event.who.asserted_by = Some(AssertedBy::Runtime);
    event.issues.extend(line::not_utf8(bytes));
    let field = |name: &str| line.field(name).filter(|value| !value.is_empty());
    let attribute = |name: &str| field(&format!("{ATTRIBUTE}{name}"));
    let (kind, action) = (field("Type").unwrap_or("container"), field("Action").or_else(|| field("status")));
    let action = action.unwrap_or("");
    let (deed, command) = action.split_once(": ").map_or((action, None), |(deed, command)| (deed, Some(command)));
    let id = field("Actor.ID").or_else(|| field("id"));
    if kind == "container" {
        let known = OF_CONTAINER.iter().find(|(name, _)| *name == deed).map(|(_, action)| *action);
        event.what.action = known.map_or_else(|| verb(kind, deed), Str::from);
        of_container(&mut event, deed, command, id, &attribute);
    } else {
        event.what.action = verb(kind, deed);
        event.r#where.container_id = attribute("container").and_then(some);
    }
    event.what.object = id.map(|id| Object { kind: some(kind), name: some(id), ..Object::default() });
    event
}

/// What an event says of a container.
fn of_container<'l>(
    event: &mut Event,
    deed: &str,
    command: Option<&str>,
    id: Option<&str>,
    attribute: &impl Fn(&str) -> Option<&'l str>,
) {
    let place = &mut event.r#where;
    place.container_id = id.and_then(some);
    place.image = attribute("image").and_then(some);
    place.pod = attribute("io.kubernetes.pod.name").and_then(some);
    place.namespace = attribute("io.kubernetes.pod.namespace").and_then(some);
    place.pod_uid = attribute("io.kubernetes.pod.uid").and_then(some);
    place.container = attribute("io.kubernetes.container.name").or_else(|| attribute("name")).and_then(some);
    event.how.exec_id = attribute("execID").and_then(some);
    event.how.args.extend(command.map(|command| ("command".into(), command.into())));
    let code = attribute("exitCode");
    event.what.code = code.map(Str::from);
    event.what.outcome = match (deed, code, command) {
        ("die" | "exec_die", Some("0"), _) | ("health_status", _, Some("healthy")) => Outcome::Success,
        ("die" | "exec_die", Some(_), _) | ("health_status", _, Some(_)) | ("oom", ..) => Outcome::Failure,
        ("die" | "exec_die", None, _) | ("kill" | "health_status", ..) => Outcome::Unknown,
        _ => Outcome::Success,
    };
}

/// A verb for what is not in the table: `image` and `pull` → `image-pull`.
fn verb(kind: &str, deed: &str) -> Str {
    let word = |text: &str| {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(32).collect::<String>()
    };
    format!("{}-{}", word(kind), word(deed).replace('_', "-")).to_ascii_lowercase().into()
}

/// What the text of a line of dockerd's log says: requests at its API, and what it heard of containerd.
pub fn understand(message: &str, line: &containerd::Line<'_>, event: &mut Event) {
    event.r#where.container_id = line.other("container").and_then(|id| some(&id));
    if let Some((verb, path, _)) = request(message, "Calling ") {
        event.what.action = "requested".into();
        of_request(event, verb, path);
    } else if let Some((verb, path, rest)) = request(message, "Handler for ") {
        event.what.action = "requested".into();
        event.what.outcome = Outcome::Failure;
        event.why.reason = rest.strip_prefix("returned error: ").and_then(some);
        of_request(event, verb, path);
    } else if message == "ignoring event" {
        if let Some(topic) = line.other("topic") {
            event.what.action = super::containerd::of_topic(&topic);
        }
    } else if let Some((id, rest)) = message.split_once(' ').filter(|(id, _)| is_container_id(id)) {
        event.r#where.container_id = some(id);
        if rest.starts_with("cleanup: ") {
            event.what.action = "cleaning-up-container".into();
        }
    } else if matches!(message, "Docker daemon" | "Starting up" | "Daemon has completed initialization") {
        event.what.action = "started-daemon".into();
    } else if let Some(socket) = message.strip_prefix("API listen on ") {
        event.what.action = "listens".into();
        event.what.object = Some(Object { kind: Some("listener".into()), name: some(socket), ..Object::default() });
    } else if let Some(members) = message.strip_prefix("form data: ").and_then(|form| members(form).ok()) {
        event.what.action = "request-body".into();
        let image = members.iter().find(|(name, _)| name == "Image").map(|(_, value)| value.as_ref());
        event.r#where.image = image.and_then(some);
    }
}

/// `POST /v1.41/containers/…/start returned error: …` behind a prefix: the method, the path, and what is behind it.
fn request<'m>(message: &'m str, prefix: &str) -> Option<(&'m str, &'m str, &'m str)> {
    let (method, rest) = message.strip_prefix(prefix)?.split_once(' ')?;
    let (path, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let is_method = matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS");
    (is_method && path.starts_with('/')).then_some((method, path, rest))
}

fn of_request(event: &mut Event, verb: &str, path: &str) {
    event.how.verb = some(verb);
    event.how.request_uri = some(path);
    // What stands behind the path anybody may have chosen.
    let mut parts = path.split('?').next().unwrap_or("").split('/');
    if parts.any(|part| part == "containers") {
        event.r#where.container_id = parts.next().filter(|id| is_container_id(id)).and_then(some);
    }
}

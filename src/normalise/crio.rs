//! CRI-O: its log, which says each step of a sandbox and a container.
//!
//! `Created container <id>: <namespace>/<pod>/<container>`. Not here: reading a line (`deponent_parsers::containerd`), what it has in common with the logs of
//! other runtimes (`containerd::log`).

use deponent_parsers::containerd::Line;

use super::line::{is_container_id, some};
use crate::model::{Event, Object, Outcome, Str};

/// What stands between an id and the name of what it is of.
const INFRA: &str = " with infra container: ";
/// The name of the container that holds a sandbox.
const SANDBOX: &str = "POD";
/// Beginnings of texts: what they say, whether it was done, whether an id stands before the name.
const STEPS: &[(&str, &str, bool, bool)] = &[
    ("Running pod sandbox: ", "creating-sandbox", false, false),
    ("Ran pod sandbox ", "created-sandbox", true, true),
    ("Stopping pod sandbox: ", "stopping-sandbox", false, true),
    ("Stopped pod sandbox (already stopped): ", "stopped-sandbox", true, true),
    ("Stopped pod sandbox: ", "stopped-sandbox", true, true),
    ("Removing pod sandbox: ", "removing-sandbox", false, true),
    ("Removed pod sandbox: ", "removed-sandbox", true, true),
    ("Creating container: ", "creating-container", false, false),
    ("Created container ", "created-container", true, true),
    ("Starting container: ", "starting-container", false, true),
    ("Stopping container: ", "stopping-container", false, true),
    ("Stopped container ", "stopped-container", true, true),
    ("Removing container: ", "removing-container", false, true),
    ("Removed container ", "removed-container", true, true),
];
/// Texts about images.
const IMAGES: &[(&str, &str, Outcome)] = &[
    ("Checking image status: ", "checked-image", Outcome::Unknown),
    ("Pulling image: ", "pulling-image", Outcome::Unknown),
    ("Pulled image: ", "pulled-image", Outcome::Success),
    ("Removing image: ", "removing-image", Outcome::Unknown),
    ("Removed image: ", "removed-image", Outcome::Success),
];
/// Requests for a stream, by the name of the method.
const STREAMS: &[(&str, &str)] = &[
    ("/ExecSync", "requested-exec-sync"),
    ("/Exec", "requested-exec"),
    ("/Attach", "requested-attach"),
    ("/PortForward", "requested-port-forward"),
];

/// Sets what a text says; one that is not understood leaves the event as it is.
pub fn understand(message: &str, line: &Line<'_>, event: &mut Event) {
    let field = |name: &str| line.other(name).and_then(|value| some(&value));
    let step = STEPS.iter().find_map(|step| Some((step, message.strip_prefix(step.0)?)));
    if let Some(((_, action, done, has_id), rest)) = step {
        if !step_of(rest, *has_id, event) {
            return;
        }
        event.what.action = (*action).into();
        if *done {
            event.what.outcome = Outcome::Success;
        }
        let is_sandbox = action.ends_with("sandbox");
        let id = event.r#where.container_id.clone();
        event.what.object = id.map(|id| Object {
            kind: Some(if is_sandbox { "sandbox" } else { "container" }.into()),
            namespace: event.r#where.namespace.clone(),
            name: Some(id),
            ..Object::default()
        });
    } else if message == "Started container" {
        event.what.action = "started-container".into();
        event.what.outcome = Outcome::Success;
        event.r#where.container_id = field("containerID");
        event.how.pid = field("PID").and_then(|pid| pid.parse().ok());
        if let Some(description) = field("description") {
            described(&description, event);
        }
    } else if let Some((image, (_, action, outcome))) =
        IMAGES.iter().find_map(|image| Some((message.strip_prefix(image.0)?, image)))
    {
        event.what.action = (*action).into();
        event.what.outcome = *outcome;
        event.r#where.image = some(image);
    } else if let Some((_, action)) =
        STREAMS.iter().find(|(method, _)| field("name").is_some_and(|name| name.ends_with(method)))
        && message.starts_with("Request: ")
    {
        event.what.action = (*action).into();
        event.r#where.container_id = requested_container(message);
    }
}

/// `<id>: <namespace>/<pod>/<container>`, `<id> with infra container: …`, `<id> (timeout: 30s)`, or the name alone. `false` when it is none of these.
fn step_of(rest: &str, has_id: bool, event: &mut Event) -> bool {
    if !has_id {
        return described(rest, event);
    }
    let (id, behind) = rest.split_at_checked(64).unwrap_or((rest, ""));
    if !is_container_id(id) {
        return false;
    }
    event.r#where.container_id = some(id);
    let name = behind.strip_prefix(INFRA).or_else(|| behind.strip_prefix(": "));
    match name {
        Some(name) => described(name, event),
        None => behind.is_empty() || behind.starts_with(" ("),
    }
}

/// `shop/web-1/app`: none of the three can hold a slash.
fn described(name: &str, event: &mut Event) -> bool {
    let mut parts = name.split('/');
    let (Some(namespace), Some(pod), Some(container), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    event.r#where.namespace = some(namespace);
    event.r#where.pod = some(pod);
    event.r#where.container = some(container).filter(|container| container != SANDBOX);
    true
}

/// `Request: &ExecRequest{ContainerId:<id>,Cmd:[sh],…}`: the id stands first, where nobody else's words can come before it.
fn requested_container(message: &str) -> Option<Str> {
    let (request, rest) = message.strip_prefix("Request: &")?.split_once('{')?;
    let (id, _) = rest.strip_prefix("ContainerId:")?.split_once(',')?;
    (request.ends_with("Request") && is_container_id(id)).then(|| id.into())
}

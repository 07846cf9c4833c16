//! Docker: an event of its API's stream, one JSON object each (`GET /events`, `docker events --format '{{json .}}'`), and which logs are dockerd's.
//!
//! Inside: `event`. dockerd logs as containerd does, so its lines are read there (`containerd::line`). Not here: logs of containers (`container`), what an event means
//! (`deponent::normalise`).

mod event;
#[cfg(test)]
mod tests;

use crate::containerd;

pub use event::event;

/// Kinds of things that Docker has events of.
const TYPES: &[&str] =
    &["builder", "config", "container", "daemon", "image", "network", "node", "plugin", "secret", "service", "volume"];
/// Fields of the line with which dockerd tells its version; the names of the storage changed with the versions.
const STORES: &[&str] = &["graphdriver(s)", "graphdriver", "storage-driver", "containerd-snapshotter"];
/// Lines that only dockerd writes.
const MESSAGES: &[&str] =
    &["Loading containers: start.", "Loading containers: done.", "Daemon has completed initialization"];

/// Whether a line is an event of Docker: of a kind that it has, with an actor.
pub fn is_event(line: &[u8]) -> bool {
    let line = crate::line::text_of(line);
    event(&line).is_some_and(|event| {
        let kind = event.field("Type").unwrap_or("");
        let actor = event.fields.iter().any(|(name, _)| name.starts_with("Actor."));
        TYPES.contains(&kind) && actor
    })
}

/// Whether a line is surely of dockerd's own log: containerd, the kubelet's shim and others write the same form.
pub fn is_log(line: &[u8]) -> bool {
    let Ok(line) = containerd::line(line) else { return false };
    let field = |wanted: &str| {
        line.all.iter().find(|(name, _)| name.as_ref() == wanted.as_bytes()).map(|(_, value)| value.as_ref())
    };
    let message = line.message.as_deref().unwrap_or_default();
    let version =
        || message == b"Docker daemon" && field("commit").is_some() && STORES.iter().any(|name| field(name).is_some());
    field("module") == Some(b"libcontainerd")
        || message.starts_with(b"API listen on ")
        || MESSAGES.iter().any(|known| known.as_bytes() == message)
        || version()
        || is_refusal(message)
}

/// `Handler for POST /v1.41/containers/…/start returned error: …`
fn is_refusal(message: &[u8]) -> bool {
    let request = || {
        let rest = message.strip_prefix(b"Handler for ")?;
        let (method, rest) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
        let version = rest.strip_prefix(b" /v1.")?;
        let path = version.split_at_checked(memchr::memchr(b' ', version)?)?.1;
        Some(method.iter().all(u8::is_ascii_uppercase) && path.starts_with(b" returned error: "))
    };
    request() == Some(true)
}

//! CRI-O: which logs are its own. Its lines are logrus' (`containerd::line` reads them).
//!
//! `time="2026-11-23 20:57:50.933547097Z" level=info msg="Ran pod sandbox 337b… with infra container: shop/web/POD" id=0be9… name=/runtime.v1.RuntimeService/RunPodSandbox`;
//! newer versions write a `T` into the time, and not always a request's `id` and `name`. Not here: reading a line, what it means (`deponent::normalise`).

#[cfg(test)]
mod tests;

use crate::containerd;

/// What the name of a request that CRI-O serves begins with.
const SERVICES: &[&str] = &["/runtime.v1.", "/runtime.v1alpha2.", "/runtime.v1beta1."];
/// How the text of a line begins that names a container or a sandbox by its whole id, and what stands behind that.
const NAMED: &[(&str, &str)] = &[
    ("Ran pod sandbox ", " with infra container: "),
    ("Created container ", ": "),
    ("Started container ", ": "),
    ("Stopped container ", ": "),
    ("Removed container ", ": "),
    ("Stopping pod sandbox: ", ""),
    ("Stopped pod sandbox: ", ""),
    ("Removing pod sandbox: ", ""),
    ("Removed pod sandbox: ", ""),
];
/// Fields with which CRI-O says that it started a container.
const STARTED: &[&str] = &["PID", "containerID", "description", "sandboxID"];
/// The first line after a start.
const VERSION: &str = "Starting CRI-O, version: ";

/// Whether a line is surely of CRI-O's log: containerd, Docker and others write the same form.
pub fn is_log(line: &[u8]) -> bool {
    let Ok(line) = containerd::line(line) else { return false };
    let field = |wanted: &str| {
        line.all.iter().find(|(name, _)| name.as_ref() == wanted.as_bytes()).map(|(_, value)| value.as_ref())
    };
    let request = || {
        field("id").is_some_and(is_uuid)
            && field("name").is_some_and(|name| SERVICES.iter().any(|service| name.starts_with(service.as_bytes())))
    };
    let message = line.message.as_deref().unwrap_or_default();
    let started = || message == b"Started container" && STARTED.iter().all(|name| field(name).is_some());
    request() || started() || names(message) || message.starts_with(VERSION.as_bytes())
}

/// Whether a text names a container or a sandbox as CRI-O does.
fn names(message: &[u8]) -> bool {
    NAMED.iter().any(|(before, behind)| {
        let id = message.strip_prefix(before.as_bytes()).and_then(|rest| rest.split_at_checked(64));
        id.is_some_and(|(id, rest)| {
            let ends = if behind.is_empty() { rest.is_empty() } else { rest.starts_with(behind.as_bytes()) };
            ends && id.iter().all(is_hex)
        })
    })
}

fn is_uuid(text: &[u8]) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36 && text.iter().enumerate().all(|(at, byte)| if dash(at) { *byte == b'-' } else { is_hex(byte) })
}

fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

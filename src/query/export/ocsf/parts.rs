//! Objects of the OCSF schema: user, process, device, endpoint, file.
//!
//! An object whose required attributes the event does not hold is `None`. Not here: which class holds which (`class`).

use super::super::out::{Out, base_name, command_line, ip};
use super::super::said;
use crate::query::json::{each_text, number, text};
use serde_json::{Value, json};

/// Whether the profile of Linux users is needed: for a process with an auid or an effective identity.
pub(super) fn uses_linux_users(event: &Value) -> bool {
    !said::is_line(event)
        && ["who.login.auid", "who.effective.uid", "who.effective.gid"].iter().any(|path| number(event, path).is_some())
}

/// Whether the container profile is needed.
pub(super) fn uses_container(event: &Value) -> bool {
    container(event).is_some()
}

/// The container that a Linux event's process runs in, or that a runtime's or an application's line is about.
pub(super) fn container(event: &Value) -> Option<Value> {
    if matches!(text(event, "source").as_deref(), Some("kubernetes" | "control-plane")) {
        return None;
    }
    let mut out = Out::default();
    out.text("uid", text(event, "where.container_id"));
    out.text("name", text(event, "where.container"));
    if !out.has("uid") && !out.has("name") {
        return None;
    }
    out.text("pod_uuid", text(event, "where.pod_uid").filter(|uid| is_uuid(uid)));
    if let Some(image) = text(event, "where.image") {
        out.set("image", json!({"uid": image, "name": image}));
    }
    out.some()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Who did it, where somebody is named.
pub(super) fn user(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    let is_uid = text(event, "who.kind").is_some_and(|kind| kind == "uid");
    if is_uid && said::is_line(event) {
        // Its number is all that a line says of a caller; the other uid there is not theirs.
        out.text("uid", text(event, "who.name"));
    } else {
        out.text("name", text(event, "who.name"));
        // A uid without a login is the process's own.
        let uid = text(event, "who.effective.uid").filter(|_| is_uid);
        out.text("uid", text(event, "who.login.auid").or(uid));
    }
    if !out.has("name") && !out.has("uid") {
        return None;
    }
    out.set(
        "type_id",
        match text(event, "who.kind").as_deref() {
            Some("user" | "login") => 1,
            Some("service_account") => 4,
            _ => 0,
        },
    );
    let groups: Vec<Value> = each_text(event, "who.groups").into_iter().map(|name| json!({ "name": name })).collect();
    out.set_some("groups", (!groups.is_empty()).then_some(groups));
    out.text("credential_uid", text(event, "who.credential"));
    out.some()
}

/// The identity that the process acted with.
pub(super) fn effective(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.text("name", text(event, "who.effective.name"));
    out.text("uid", text(event, "who.effective.uid"));
    out.some()
}

/// The login session.
pub(super) fn session(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.text("uid", text(event, "who.login.ses"));
    out.text("terminal", text(event, "how.tty"));
    out.text("credential_uid", text(event, "who.credential"));
    out.some()
}

/// The process that acted, with the identities that the kernel kept for it; its program is `exe`.
pub(super) fn process(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.set("pid", number(event, "how.pid")?);
    out.text("name", text(event, "how.comm"));
    if said::is_line(event) {
        // The program and the identities that a line names are not those of the process that wrote it.
        out.set_some("container", container(event));
        return out.some();
    }
    if let Some(exe) = text(event, "how.exe") {
        out.set("file", file_of(&exe));
    }
    identities(event, &mut out);
    if let Some(parent) = number(event, "how.ppid") {
        out.set("parent_process.pid", parent);
    }
    out.some()
}

/// The process that an execution makes of the one that acted.
pub(super) fn launched(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.set("pid", number(event, "how.pid")?);
    out.text("name", text(event, "how.comm"));
    if let Some(path) = text(event, "what.object.path").or_else(|| text(event, "how.exe")) {
        out.set("file", file_of(&path));
    }
    // Of sudo the command is the object.
    let command =
        text(event, "what.object.name").filter(|_| text(event, "what.object.kind").as_deref() == Some("command"));
    let command = command_line(&each_text(event, "how.argv")).or(command.map(std::borrow::Cow::into_owned));
    out.set_some("cmd_line", command);
    identities(event, &mut out);
    out.some()
}

fn identities(event: &Value, out: &mut Out) {
    out.set_some("auid", number(event, "who.login.auid"));
    out.set_some("euid", number(event, "who.effective.uid"));
    out.set_some("egid", number(event, "who.effective.gid"));
    out.set_some("user", effective(event));
    out.set_some("session", session(event));
    out.text("working_directory", text(event, "where.cwd"));
    out.set_some("container", container(event));
}

/// Who acted: a named user, a process, or both.
pub(super) fn actor(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.set_some("user", user(event));
    out.set_some("process", process(event));
    out.some()
}

/// The node. The schema requires one of some classes, and a name of it.
pub(super) fn device(event: &Value) -> Value {
    let mut out = Out::default();
    match text(event, "where.node") {
        Some(node) => out.set("hostname", node.into_owned()),
        None => out.set("name", "unknown"),
    }
    out.set("type_id", 0);
    out.text("boot_uid", text(event, "where.boot"));
    out.value()
}

/// An endpoint by address and port; an address that is none goes by name.
pub(super) fn endpoint(event: &Value, address: &str, port: &str) -> Option<Value> {
    let mut out = Out::default();
    let text = text(event, address)?;
    match ip(&text) {
        Some(ip) => out.set("ip", ip),
        None => out.set("name", text.clone().into_owned()),
    }
    out.set_some("port", number(event, port).filter(|port| *port <= 65_535));
    out.some()
}

/// The object of the action as a file.
pub(super) fn file(event: &Value) -> Option<Value> {
    object_file(event.get("what")?.get("object")?)
}

/// An object as a file; by its inode where no path was recorded.
pub(super) fn object_file(object: &Value) -> Option<Value> {
    let path = text(object, "path").or_else(|| text(object, "name"));
    let inode = text(object, "inode");
    let mut out = Out::default();
    let name = path.as_deref().map(base_name).or(inode.as_deref())?;
    out.set("name", name);
    out.text("path", path.clone());
    out.text("uid", inode.clone());
    out.set("type_id", 0);
    out.some()
}

fn file_of(path: &str) -> Value {
    json!({"name": base_name(path), "path": path, "type_id": 0})
}

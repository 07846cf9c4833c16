//! What the kubelet's cAdvisor says of control groups: those of containers come and go with them.
//!
//! `Added container: "/kubepods/besteffort/pod<uid>/<id>" (aliases: …)`, `Added event &{/kubepods/… containerDeletion …}`. Not here: structured messages (`mod`).

use crate::model::{Event, Object, Where};
use crate::normalise::line::{is_container_id, some};

/// Beginnings of texts, and what they say; the path of the control group follows.
const TEXTS: &[(&str, &str)] = &[
    ("Added container: \"", "added-control-group"),
    ("Destroyed container: \"", "removed-control-group"),
    ("Start housekeeping for container \"", "watching-control-group"),
    ("ignoring container \"", "ignoring-control-group"),
];

/// Reads a text; one that it does not know stays as it is.
pub(super) fn read(message: &str, event: &mut Event) {
    if let Some((rest, action)) = TEXTS.iter().find_map(|(text, action)| Some((message.strip_prefix(text)?, action)))
        && let Some((path, _)) = rest.split_once('"')
    {
        about(path, action, event);
    } else if let Some(rest) = message.strip_prefix("Added event &{") {
        let action = if rest.contains(" containerCreation ") {
            "added-control-group"
        } else if rest.contains(" containerDeletion ") {
            "removed-control-group"
        } else if rest.contains(" oom") {
            "oom"
        } else {
            return;
        };
        about(rest.split(' ').next().unwrap_or(""), action, event);
    } else if (message.starts_with("Factory \"") || message.starts_with("Using factory \""))
        && let Some((_, rest)) = message.split_once(" container \"")
        && let Some((path, _)) = rest.split_once('"')
    {
        about(path, "asked-factory", event);
    }
}

fn about(path: &str, action: &str, event: &mut Event) {
    event.what.action = action.into();
    event.what.object = Some(Object { kind: Some("control-group".into()), path: some(path), ..Object::default() });
    place(path, &mut event.r#where);
}

/// `/kubepods/besteffort/pod<uid>/<id>`, or as systemd names them `…/kubepods-pod<uid with _>.slice/cri-containerd-<id>.scope`.
fn place(path: &str, place: &mut Where) {
    let mut parts = path.rsplit('/');
    let (Some(last), above) = (parts.next(), parts.next().unwrap_or("")) else { return };
    let id = last.strip_suffix(".scope").and_then(|name| name.rsplit('-').next()).unwrap_or(last);
    if is_container_id(id) {
        place.container_id = some(id);
        place.pod_uid = place.pod_uid.take().or_else(|| pod_uid(above).as_deref().and_then(some));
    } else {
        place.pod_uid = place.pod_uid.take().or_else(|| pod_uid(last).as_deref().and_then(some));
    }
}

fn pod_uid(part: &str) -> Option<String> {
    let name = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match name.strip_prefix("pod") {
        Some(uid) => uid.to_owned(),
        None => name.rsplit_once("-pod")?.1.replace('_', "-"),
    };
    let is_uid = uid.len() >= 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_drivers() {
        let id = "a".repeat(64);
        for (path, pod, container) in [
            (format!("/kubepods/besteffort/pod2ba5094e-4bdc-40ef-b1d0-b4362359d66d/{id}"), true, true),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2ba5094e_4bdc_40ef_b1d0_b4362359d66d.slice/cri-containerd-{id}.scope"
                ),
                true,
                true,
            ),
            ("/kubepods/besteffort/pod2ba5094e-4bdc-40ef-b1d0-b4362359d66d".to_owned(), true, false),
            ("/kubepods/podx/y".to_owned(), false, false),
            (format!("/docker/{id}"), false, true),
            (String::new(), false, false),
        ] {
            let mut found = Where::default();
            place(&path, &mut found);
            let uid = pod.then_some("2ba5094e-4bdc-40ef-b1d0-b4362359d66d");
            assert_eq!((found.pod_uid.as_deref(), found.container_id.is_some()), (uid, container), "{path}");
        }
    }
}

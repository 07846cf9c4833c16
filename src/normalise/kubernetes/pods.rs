//! What bodies of requests about pods say of containers and the pod's uid.
//!
//! Not here: any other reading of bodies (`object`, `bonds`).

use deponent_parsers::kubernetes::{AuditEvent, ObjectRef, lists_of, members_of};

use crate::model::{Object, Str};

/// The objects that the bodies of a request about a pod name: containers with their ids (of a status), ephemeral containers.
pub fn objects(event: &AuditEvent<'_>, object: &ObjectRef<'_>, each: &mut dyn FnMut(Object)) {
    let Some(body) = event.request_object else { return };
    let namespace = object.namespace.as_deref().map(Str::from);
    let named = |kind: &str, name: Option<&str>, uid: Option<&str>| Object {
        kind: Some(kind.into()),
        namespace: namespace.clone(),
        name: name.map(Str::from),
        uid: uid.map(Str::from),
        ..Object::default()
    };
    match object.subresource.as_deref().unwrap_or("") {
        "status" => {
            let lists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"];
            lists_of(body, "status", &lists, ["name", "containerID"], &mut |_, [name, id]| {
                let id = id.as_deref().map(|id| id.split_once("://").map_or(id, |(_, id)| id));
                if let (Some(name), Some(id)) = (name, id.filter(|id| !id.is_empty())) {
                    each(named("container", Some(&name), Some(id)));
                }
            });
        }
        "ephemeralcontainers" => {
            lists_of(body, "spec", &["ephemeralContainers"], ["name"], &mut |_, [name]| {
                each(named("ephemeral-container", name.as_deref(), None));
            });
        }
        _ => {}
    }
}

/// The pod's uid, as the response to a request about one of its subresources gives it.
pub fn uid(event: &AuditEvent<'_>, object: &ObjectRef<'_>) -> Option<Str> {
    let subresource = object.subresource.as_deref().unwrap_or("");
    if !matches!(subresource, "status" | "ephemeralcontainers") {
        return None;
    }
    let [name, uid] = members_of(event.response_object?, "metadata", ["name", "uid"]);
    (name.as_deref() == object.name.as_deref()).then(|| uid.map(Str::from)).flatten()
}

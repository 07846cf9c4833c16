//! Typed join keys: by them an event is found when another one asks for it.
//!
//! A key never decides anything: what it finds is looked at again by the rule. Not here: what is compared (`facts`).

use super::facts;
use crate::model::{Event, Outcome, Source};

/// What is known to have been lost.
pub const GAP: &str = "gap";

/// A program started by process `pid` of the event's node.
pub fn process(event: &Event, pid: u32) -> String {
    format!("process:{pid}@{}/{}", cluster(event), node(event))
}

/// A program started by a child of process `pid` of the event's node.
pub fn child(event: &Event, pid: u32) -> String {
    format!("child:{pid}@{}/{}", cluster(event), node(event))
}

/// What a container runtime says of process `pid` of the event's node.
pub fn task(event: &Event, pid: u32) -> String {
    format!("task:{pid}@{}/{}", cluster(event), node(event))
}

/// The runtime's orders about a container.
pub fn run(container: &str) -> String {
    format!("run:{container}")
}

/// Who names a container.
pub fn container(id: &str) -> String {
    format!("container:{id}")
}

/// Requests of the CRI about a container.
pub fn request(container: &str) -> String {
    format!("request:{container}")
}

/// What the runtime says of an exec.
pub fn exec(id: &str) -> String {
    format!("exec:{id}")
}

/// API requests that made a pod, and the sandboxes made for it.
pub fn pod_uid(uid: &str) -> String {
    format!("pod-uid:{uid}")
}

/// Sessions into a pod, as the API server saw them.
pub fn session(event: &Event, namespace: &str, pod: &str) -> String {
    format!("session:{}/{namespace}/{pod}", cluster(event))
}

/// Sessions into a pod, as the kubelet saw them.
pub fn served(event: &Event, namespace: &str, pod: &str) -> String {
    format!("served:{}/{namespace}/{pod}", cluster(event))
}

/// Who names the containers of a pod.
pub fn pod(event: &Event, namespace: &str, pod: &str) -> String {
    format!("pod:{}/{namespace}/{pod}", cluster(event))
}

fn cluster(event: &Event) -> &str {
    event.r#where.cluster.as_deref().unwrap_or("")
}

fn node(event: &Event) -> &str {
    event.r#where.node.as_deref().unwrap_or("")
}

/// Calls back with each key under which an event is found.
pub fn keys(event: &Event, each: &mut dyn FnMut(&str)) {
    match event.source {
        Source::Linux => linux(event, each),
        Source::Kubernetes => kubernetes(event, each),
        Source::Containerd => containerd(event, each),
        Source::Kubelet => kubelet(event, each),
        Source::Own if event.what.action == "gap" => each(GAP),
        Source::Own => {}
    }
}

fn linux(event: &Event, each: &mut dyn FnMut(&str)) {
    let Some(started) = facts::started(event) else { return };
    each(&process(event, started.pid));
    each(&child(event, started.ppid));
    if let Some(order) = facts::run(event) {
        each(&run(order.container));
    }
}

fn kubernetes(event: &Event, each: &mut dyn FnMut(&str)) {
    let place = &event.r#where;
    let (Some(namespace), Some(name)) = (place.namespace.as_deref(), place.pod.as_deref()) else { return };
    if facts::session(event).is_some() {
        each(&session(event, namespace, name));
    }
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref()).unwrap_or("");
    let done = event.what.outcome == Outcome::Success;
    match (kind, event.what.action.as_str()) {
        ("pods", "create") if done => {
            place.pod_uid.iter().for_each(|uid| each(&pod_uid(uid)));
        }
        ("pods/ephemeralcontainers", "patch" | "update") if done => each(&pod(event, namespace, name)),
        ("pods/status", _) => {
            let mut any = false;
            facts::status_containers(event).filter_map(|object| object.uid.as_deref()).for_each(|id| {
                any = true;
                each(&container(id));
            });
            if any {
                each(&pod(event, namespace, name));
            }
        }
        _ => {}
    }
}

fn containerd(event: &Event, each: &mut dyn FnMut(&str)) {
    let place = &event.r#where;
    let id = place.container_id.as_deref();
    match event.what.action.as_str() {
        "created-sandbox" => {
            id.iter().for_each(|id| each(&container(id)));
            place.pod_uid.iter().for_each(|uid| each(&pod_uid(uid)));
            if let (Some(namespace), Some(name)) = (&place.namespace, &place.pod) {
                each(&pod(event, namespace, name));
            }
        }
        "created-container" => {
            id.iter().for_each(|id| each(&container(id)));
            if let Some(sandbox) = facts::argument(event, "sandbox") {
                each(&format!("sandbox:{sandbox}"));
            }
        }
        "requested-exec" | "requested-exec-sync" | "requested-attach" | "requested-port-forward" => {
            id.iter().for_each(|id| each(&request(id)));
        }
        "started-task" | "generated-exec-id" | "started-exec" | "exited" | "exec-exited" => {
            if let Some(exec_id) = &event.how.exec_id {
                each(&exec(exec_id));
            }
            if let Some(pid) = event.how.pid {
                each(&task(event, pid));
            }
        }
        _ => {}
    }
}

fn kubelet(event: &Event, each: &mut dyn FnMut(&str)) {
    let place = &event.r#where;
    if event.what.action == "added-container" {
        place.container_id.iter().for_each(|id| each(&container(id)));
    }
    let (Some(namespace), Some(name)) = (place.namespace.as_deref(), place.pod.as_deref()) else { return };
    if event.what.action == "added-container" {
        each(&pod(event, namespace, name));
    }
    if facts::session(event).is_some() {
        each(&served(event, namespace, name));
    }
}

//! Typed join keys: by them an event is found when another one asks for it.
//!
//! A key never decides anything: what it finds is looked at again by the rule. Not here: what is compared (`facts`).

use super::claim;
use super::client::{self, Wish};
use super::facts::{self, Order, SessionKind};
use super::outline::Outline;
use super::writes::{self, Named};
use super::{credential, loaded, owner, packet, permission, review, sender};
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

/// A program that is no stage of the runtime, started by a child of process `pid` of the event's node.
pub fn program_of(event: &Event, pid: u32) -> String {
    format!("program-of:{pid}@{}/{}", cluster(event), node(event))
}

/// What a container runtime says of process `pid` of the event's node.
pub fn task(event: &Event, pid: u32) -> String {
    format!("task:{pid}@{}/{}", cluster(event), node(event))
}

/// What the agent of the event's node claims of process `pid`.
pub fn claimed(event: &Event, pid: u32) -> String {
    format!("claimed:{pid}@{}/{}", cluster(event), node(event))
}

/// The runtime's orders that make or start a container.
pub fn made(container: &str) -> String {
    format!("made:{container}")
}

/// The runtime's orders for execs in a container.
pub fn exec_in(container: &str) -> String {
    format!("exec-in:{container}")
}

/// As [`exec_in`], of those alone whose id the CRI did not make.
pub fn foreign_exec_in(container: &str) -> String {
    format!("foreign-exec-in:{container}")
}

/// The runtime's orders for an exec of this id.
pub fn ordered_exec(id: &str) -> String {
    format!("ordered-exec:{id}")
}

/// API sessions into whose record a webhook put this uid.
pub fn exec_uid(event: &Event, uid: &str) -> String {
    format!("exec-uid:{}/{uid}", cluster(event))
}

/// Programs whose arguments begin with this uid of a request, on any node.
pub fn marked(event: &Event, uid: &str) -> String {
    format!("marked:{}/{uid}", cluster(event))
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

/// Sessions of those who attached themselves to a container of a pod.
pub fn attached(event: &Event, namespace: &str, pod: &str) -> String {
    format!("attached:{}/{namespace}/{pod}", cluster(event))
}

/// Requests that added containers to a pod that was there.
pub fn added(event: &Event, namespace: &str, pod: &str) -> String {
    format!("added:{}/{namespace}/{pod}", cluster(event))
}

/// Before each life of a pod's name: the uid of each pod that had it.
pub fn life_of(event: &Event, namespace: &str, pod: &str) -> String {
    format!("life-of:{}/{namespace}/{pod} ", cluster(event))
}

/// The life of those that name a pod without its uid.
pub fn life_without_uid(event: &Event, namespace: &str, pod: &str) -> String {
    format!("{}/{namespace}/{pod}", cluster(event))
}

/// Before the id of each container that somebody says is in the pod of a life.
pub fn in_pod(life: &str) -> String {
    format!("in-pod:{life} ")
}

/// Before the id of each sandbox of the pod of a life.
pub fn sandbox_of(life: &str) -> String {
    format!("sandbox-of:{life} ")
}

/// Before the id of each container in a sandbox.
pub fn in_sandbox(sandbox: &str) -> String {
    format!("in-sandbox:{sandbox} ")
}

/// The life that an event names, as a key of its own where it knows the uid.
fn life(event: &Event, namespace: &str, pod: &str, each: &mut dyn FnMut(&str)) -> String {
    match event.r#where.pod_uid.as_deref() {
        Some(uid) => {
            each(&(life_of(event, namespace, pod) + uid));
            uid.to_owned()
        }
        None => life_without_uid(event, namespace, pod),
    }
}

/// Calls that wrote the file with this inode, or took its name away, on the event's node.
pub fn inode(event: &Event, inode: &str) -> String {
    format!("inode:{inode}@{}/{}", cluster(event), node(event))
}

/// Calls that wrote the file of this path, or gave or took the name away, on the event's node.
pub fn path(event: &Event, path: &str) -> String {
    format!("path:{path}@{}/{}", cluster(event), node(event))
}

/// As [`path`], of any file of a folder that is read as a whole.
pub fn folder(event: &Event, folder: &str) -> String {
    format!("folder:{folder}@{}/{}", cluster(event), node(event))
}

/// Components of the event's node that were started with this path, and units that consist of it.
pub fn loads(event: &Event, path: &str) -> String {
    format!("loads:{path}@{}/{}", cluster(event), node(event))
}

/// Pods that the kubelet of the event's node got from files, or lost with them.
pub fn manifest_added(event: &Event) -> String {
    format!("manifest-added@{}/{}", cluster(event), node(event))
}

/// Calls of process `pid` of the event's node that wrote files.
pub fn wrote(event: &Event, pid: u32) -> String {
    format!("wrote:{pid}@{}/{}", cluster(event), node(event))
}

/// Files that the kubelet of the event's node opened.
pub fn kubelet_read(event: &Event) -> String {
    format!("kubelet-read@{}/{}", cluster(event), node(event))
}

/// A pod that the kubelet of a node got from a file.
pub fn manifest_pod(event: &Event, node: &str, namespace: &str, pod: &str) -> String {
    format!("manifest-pod:{namespace}/{pod}@{}/{node}", cluster(event))
}

/// The pod that the kubelet of a node made at the API server for one from a file.
pub fn mirror(event: &Event, node: &str, namespace: &str, pod: &str) -> String {
    format!("mirror:{namespace}/{pod}@{}/{node}", cluster(event))
}

/// The beginning of a login's session on the event's node.
pub fn login_session(event: &Event, session: u32) -> String {
    format!("login-session:{session}@{}/{}", cluster(event), node(event))
}

/// Where what the kernel records may have changed on the event's node: audit rules, auditing itself, a new boot.
pub fn audit_changed(event: &Event) -> String {
    format!("audit-changed@{}/{}", cluster(event), node(event))
}

/// Programs that were started in a login's session on the event's node.
pub fn in_session(event: &Event, session: u32) -> String {
    format!("in-session:{session}@{}/{}", cluster(event), node(event))
}

/// Lines of login programs that let somebody of this name in, on the event's node.
pub fn let_in(event: &Event, name: &str) -> String {
    format!("let-in:{name}@{}/{}", cluster(event), node(event))
}

/// The beginnings of sessions of somebody of this name, on the event's node.
pub fn began(event: &Event, name: &str) -> String {
    format!("began:{name}@{}/{}", cluster(event), node(event))
}

/// The runtime's orders for execs whose id no CRI made, on the event's node.
pub fn foreign_exec(event: &Event) -> String {
    format!("foreign-exec@{}/{}", cluster(event), node(event))
}

/// Programs that ask a container's daemon to make a container, on the event's node.
pub fn client_run(event: &Event) -> String {
    format!("client-run@{}/{}", cluster(event), node(event))
}

/// Programs that ask a container's daemon for an exec, on the event's node.
pub fn client_exec(event: &Event) -> String {
    format!("client-exec@{}/{}", cluster(event), node(event))
}

/// The runtime's orders that make a container which no CRI asked for, on the event's node.
pub fn foreign_made(event: &Event) -> String {
    format!("foreign-made@{}/{}", cluster(event), node(event))
}

/// Writes of an object.
pub fn write(event: &Event, named: Named<'_>) -> String {
    format!("write:{}/{}/{}/{}", cluster(event), named.resource, named.namespace, named.name)
}

/// Requests that were allowed by a binding.
pub fn allowed(event: &Event, named: Named<'_>) -> String {
    format!("allowed:{}/{}/{}/{}", cluster(event), named.resource, named.namespace, named.name)
}

/// Who issued a credential.
pub fn issued(event: &Event, credential: &str) -> String {
    format!("issued:{}/{credential}", cluster(event))
}

/// Requests that were made with a token of the pod of this uid.
pub fn caller(uid: &str) -> String {
    format!("caller:{uid}")
}

/// Issues of tokens that say that they are for the pod of this uid.
pub fn bound_to(uid: &str) -> String {
    format!("bound-to:{uid}")
}

/// Bindings of the pod of this uid to a node.
pub fn bound(uid: &str) -> String {
    format!("bound:{uid}")
}

/// Requests that made or changed what the object of this uid manages.
pub fn owned(uid: &str) -> String {
    format!("owned:{uid}")
}

/// Pods that were made for the owner of this name.
pub fn pods_of(event: &Event, namespace: &str, owner: &str) -> String {
    format!("pods-of:{}/{namespace}/{owner}", cluster(event))
}

/// Deletions of pods whose names begin with that of their owner.
pub fn gone(event: &Event, namespace: &str, owner: &str) -> String {
    format!("gone:{}/{namespace}/{owner}", cluster(event))
}

/// Deletions of all pods of a namespace, or of those with some labels.
pub fn gone_all(event: &Event, namespace: &str) -> String {
    format!("gone-all:{}/{namespace}", cluster(event))
}

/// What the kubelet of a node asked about the rights of those who called it.
pub fn review(event: &Event, node: &str) -> String {
    format!("review:{}/{node}", cluster(event))
}

/// A minute: what is found by a common value is found by its minute too, so that a look-up costs the same in a store of any age.
pub const MINUTE_NS: i64 = 60_000_000_000;

/// Programs that ask API servers, by the tool that they were started as, on a node, in the minute of a time.
pub fn client_of(event: &Event, node: &str, tool: &str, at: i64) -> String {
    format!("client:{tool}@{}/{node} {}", cluster(event), at.div_euclid(MINUTE_NS))
}

/// As [`client_of`], of those alone that may go on for long.
pub fn long_client_of(event: &Event, node: &str, tool: &str, at: i64) -> String {
    format!("long-client:{tool}@{}/{node} {}", cluster(event), at.div_euclid(MINUTE_NS))
}

/// Before the name of each node whose kubelet came from an address.
pub fn node_at(event: &Event, place: &str) -> String {
    format!("node-at:{}/{place} ", cluster(event))
}

/// Before each address that the kubelet of a node came from.
pub fn places_of(event: &Event, node: &str) -> String {
    format!("places-of:{}/{node} ", cluster(event))
}

/// Before the outline of each request that came from an address and that no component of the cluster made, in the minute of a time.
pub fn sent_from(event: &Event, place: &str, at: i64) -> String {
    format!("sent-from:{}/{place} {} ", cluster(event), at.div_euclid(MINUTE_NS))
}

/// Calls of connect() of process `pid` of the event's node.
pub fn connects_of(event: &Event, pid: u32) -> String {
    format!("connects-of:{pid}@{}/{}", cluster(event), node(event))
}

/// Calls of connect() to an address and port, on the event's node.
pub fn connect_to(event: &Event, side: &str) -> String {
    format!("connect-to:{side}@{}/{}", cluster(event), node(event))
}

/// Programs whose URL names an address and port, on the event's node.
pub fn fetch_of(event: &Event, side: &str) -> String {
    format!("fetch-of:{side}@{}/{}", cluster(event), node(event))
}

/// Packets to an address and port that a rule of the event's node logged.
pub fn packet_to(event: &Event, side: &str) -> String {
    format!("packet-to:{side}@{}/{}", cluster(event), node(event))
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
        Source::Syslog => {
            if let Some(name) = facts::let_in(event) {
                each(&let_in(event, name));
            }
            if let Some(side) = packet::logged(event) {
                each(&packet_to(event, &side));
            }
        }
        Source::Crio | Source::Docker | Source::ControlPlane | Source::Application => {}
        Source::Own if event.what.action == "gap" => each(GAP),
        Source::Own => {
            if let (Some(_), Some(pid)) = (claim::read(event), event.how.pid) {
                each(&claimed(event, pid));
            }
        }
    }
}

fn linux(event: &Event, each: &mut dyn FnMut(&str)) {
    facts::written(event).chain(facts::unlinked(event)).for_each(|file| each(&inode(event, file.inode)));
    for (_, path, _) in loaded::touched(event) {
        each(&self::path(event, path));
        if let Some(folder) = loaded::folder_of(path) {
            each(&self::folder(event, folder));
        }
    }
    loaded::named(event).iter().for_each(|path| each(&loads(event, path)));
    if let (Some(pid), true) = (event.how.pid, facts::written(event).next().is_some()) {
        each(&wrote(event, pid));
    }
    if matches!(event.what.action.as_str(), "changed-audit-configuration" | "started-audit" | "booted-system") {
        each(&audit_changed(event));
    }
    if facts::read_by_kubelet(event).is_some() {
        each(&kubelet_read(event));
    }
    if let Some((session, _)) = facts::session_began(event) {
        each(&login_session(event, session));
        if let (Some(name), "changed-login-id") = (&event.who.name, event.what.action.as_str()) {
            each(&began(event, name));
        }
    }
    if let Some(side) = packet::connected(event) {
        each(&connect_to(event, &side));
        event.how.pid.iter().for_each(|pid| each(&connects_of(event, *pid)));
    }
    let Some(started) = facts::started(event) else { return };
    if let Some(tool) = sender::tool(&started) {
        each(&client_of(event, node(event), tool, event.when.event.nanos));
        if sender::is_long(event) {
            each(&long_client_of(event, node(event), tool, event.when.event.nanos));
        }
        packet::fetched(event).iter().for_each(|side| each(&fetch_of(event, side)));
    }
    if let Some(session) = event.who.login.as_ref().filter(|login| login.auid.is_some()).and_then(|login| login.ses) {
        each(&in_session(event, session));
    }
    match client::client(event).map(|client| client.wish) {
        Some(Wish::Run) => each(&client_run(event)),
        Some(Wish::Exec) => each(&client_exec(event)),
        None => {}
    }
    if let Some(uid) = facts::exec_uid(started.argv) {
        each(&marked(event, uid));
    }
    each(&process(event, started.pid));
    each(&child(event, started.ppid));
    if !started.is_runtime() {
        each(&program_of(event, started.ppid));
    }
    let Some(run) = facts::run(event) else { return };
    if run.order != Order::Exec {
        each(&made(run.container));
        if run.order == Order::Create && client::is_foreign(event) {
            each(&foreign_made(event));
        }
        return;
    }
    each(&exec_in(run.container));
    if let Some(id) = run.exec_id {
        each(&ordered_exec(id));
    }
    if client::is_foreign(event) {
        each(&foreign_exec_in(run.container));
        each(&foreign_exec(event));
    }
}

/// What ties requests to one another.
fn requests(event: &Event, each: &mut dyn FnMut(&str)) {
    if let Some(right) = permission::right(event) {
        each(&allowed(event, right.named()));
    }
    credential::issued(event).for_each(|credential| each(&issued(event, credential)));
    if let Some((node, place)) = sender::kubelet_at(event) {
        each(&(node_at(event, &place) + node));
        each(&(places_of(event, node) + &place));
    }
    if let Some(place) = sender::sent_from(event) {
        each(&(sent_from(event, &place, event.when.event.nanos) + &Outline::of(event).ending()));
    }
    let done = event.what.outcome == Outcome::Success;
    for object in event.what.objects.iter().filter(|_| done) {
        match (object.role.as_deref(), object.uid.as_deref()) {
            (Some("caller"), Some(uid)) => each(&caller(uid)),
            (Some("bound"), Some(uid)) => each(&bound_to(uid)),
            (Some("controller"), Some(uid)) => each(&owned(uid)),
            _ => {}
        }
    }
    if let Some(write) = writes::kept(event) {
        let namespace = write.object.namespace.as_deref().unwrap_or("");
        each(&self::write(event, Named { resource: write.resource, namespace, name: write.name }));
    }
    owner::join_keys(event, each);
    if let Some((node, _)) = review::asked(event) {
        each(&self::review(event, node));
    }
}

fn kubernetes(event: &Event, each: &mut dyn FnMut(&str)) {
    requests(event, each);
    let place = &event.r#where;
    let (Some(namespace), Some(name)) = (place.namespace.as_deref(), place.pod.as_deref()) else { return };
    if let Some(opened) = facts::session(event) {
        each(&session(event, namespace, name));
        opened.uid.iter().for_each(|uid| each(&exec_uid(event, uid)));
        if opened.kind == SessionKind::Attach {
            each(&attached(event, namespace, name));
        }
    }
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref()).unwrap_or("");
    let done = event.what.outcome == Outcome::Success;
    match (kind, event.what.action.as_str()) {
        ("pods", "create") if done => {
            if let Some(node) = facts::mirrored_by(event) {
                each(&mirror(event, node, namespace, name));
            }
            place.pod_uid.iter().for_each(|uid| each(&pod_uid(uid)));
        }
        ("pods/ephemeralcontainers", "patch" | "update") if done => each(&added(event, namespace, name)),
        ("pods/status", _) => {
            facts::status_containers(event).filter_map(|object| object.uid.as_deref()).for_each(|id| {
                each(&container(id));
                let life = life(event, namespace, name, each);
                each(&(in_pod(&life) + id));
            });
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
            if let (Some(namespace), Some(name), Some(id)) = (&place.namespace, &place.pod, id) {
                let life = life(event, namespace, name, each);
                each(&(sandbox_of(&life) + id));
            }
        }
        "created-container" => {
            id.iter().for_each(|id| each(&container(id)));
            if let Some(sandbox) = facts::argument(event, "sandbox") {
                id.iter().for_each(|id| each(&(in_sandbox(sandbox) + id)));
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
    if let ("added-container", Some(id)) = (event.what.action.as_str(), &place.container_id) {
        let life = life(event, namespace, name, each);
        each(&(in_pod(&life) + id));
    }
    if facts::manifest_pod(event).is_some() {
        each(&manifest_pod(event, node(event), namespace, name));
        each(&manifest_added(event));
    }
    if facts::manifest_gone(event).is_some() {
        each(&manifest_added(event));
    }
    if facts::session(event).is_some() {
        each(&served(event, namespace, name));
    }
}

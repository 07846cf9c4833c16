//! Events of lines for the tests of both schemas: one of each family, and the same with hostile text in every place.
//!
//! Not here: what must come of them (`ocsf::line_tests`, `ecs`).

use crate::model::{Event, Source};
use crate::query::samples;
use serde_json::{Value, json};

/// One of each family by name: as the normalisers make them of real lines (`samples/expected`), without what no export looks at.
pub(super) fn lines() -> Vec<(&'static str, Value)> {
    let bob = || json!({"name": "bob", "kind": "login", "asserted_by": "daemon", "address": "10.0.0.9", "credential": "SHA256:abc"});
    let from = || json!({"src": "10.0.0.9", "sport": 4242});
    let sudo = || json!({"name": "bob", "kind": "login", "asserted_by": "daemon", "as": "root"});
    let command = || json!({"kind": "command", "name": "/usr/bin/id -u"});
    let of = |source: &str, action: &str, outcome: &str, parts: Value| {
        let mut event = json!({"id": "a4dqobyha4dqobyha4dqobyha4", "source": source, "when": {"event": "2026-11-23T20:57:42.452Z"},
            "where": {"node": "node-1"}});
        for (name, value) in parts.as_object().unwrap() {
            event[name] = value.clone();
        }
        event["what"]["action"] = action.into();
        event["what"]["outcome"] = outcome.into();
        event
    };
    let object = |kind: &str, name: &str| json!({"object": {"kind": kind, "name": name}});
    let component = |name: &str| json!({"comm": name, "args": {"level": "info"}});
    let packet = |verdict: Value| {
        json!({"net": {"src": "198.51.100.77", "sport": 44012, "dst": "192.0.2.2", "dport": 22, "proto": "tcp",
        "interface": "eth0", "verdict": verdict}, "comm": "kernel"})
    };
    let container = || json!({"node": "node-1", "namespace": "shop", "pod": "web-1", "pod_uid": "1d333f63-8385-49f8-bed6-b9f1c7fb55f0", "container": "proxy"});
    vec![
        (
            "login",
            of(
                "syslog",
                "logged-in",
                "success",
                json!({"who": bob(), "how": {"comm": "sshd", "pid": 900, "net": from(), "args": {"method": "publickey"}}}),
            ),
        ),
        (
            "failed_login",
            of(
                "syslog",
                "tried-to-log-in",
                "failure",
                json!({"who": bob(), "how": {"comm": "sshd-session", "net": from(), "args": {"method": "password"}}}),
            ),
        ),
        (
            "failed_nobody",
            of(
                "syslog",
                "tried-to-authenticate",
                "failure",
                json!({"who": {"kind": "unset", "address": "10.0.0.9"}, "how": {"comm": "sshd", "args": {"service": "sshd"}}}),
            ),
        ),
        (
            "session",
            of(
                "syslog",
                "started-session",
                "success",
                json!({"who": {"name": "bob", "kind": "login", "effective": {"uid": 1502}}, "what": object("session", "bob"), "how": {"comm": "sshd", "pid": 900, "args": {"service": "sshd"}}}),
            ),
        ),
        (
            "shell",
            of(
                "syslog",
                "started-session",
                "success",
                json!({"who": bob(), "what": object("session", "shell"), "how": {"comm": "sshd", "tty": "pts/0", "net": from()}}),
            ),
        ),
        (
            "session_end",
            of(
                "syslog",
                "ended-session",
                "success",
                json!({"who": {"as": "root", "kind": "unset"}, "what": object("session", "root"), "how": {"comm": "sudo", "args": {"service": "sudo"}}}),
            ),
        ),
        (
            "sudo",
            of(
                "syslog",
                "ran-command",
                "success",
                json!({"who": sudo(), "what": object("command", "/usr/bin/id -u"), "how": {"comm": "sudo", "pid": 77, "exe": "/usr/bin/id", "tty": "pts/0"}, "where": {"cwd": "/home/bob"}}),
            ),
        ),
        (
            "sudo_refused",
            of(
                "syslog",
                "tried-to-run-command",
                "denied",
                json!({"who": sudo(), "what": {"object": command()}, "how": {"exe": "/usr/bin/id"}, "why": {"reason": "a password is required"}}),
            ),
        ),
        (
            "sudo_ambiguous",
            of(
                "syslog",
                "ran-command",
                "unknown",
                json!({"who": {"name": "bob", "kind": "login"}, "how": {"comm": "sudo"}}),
            ),
        ),
        (
            "sudo_session",
            of(
                "syslog",
                "started-session",
                "success",
                json!({"who": {"name": "1502", "kind": "uid", "as": "root", "effective": {"uid": 0}}, "what": object("session", "root"), "how": {"comm": "sudo", "pid": 77, "args": {"service": "sudo"}}}),
            ),
        ),
        (
            "su",
            of(
                "syslog",
                "tried-to-change-identity",
                "failure",
                json!({"who": sudo(), "how": {"comm": "su", "tty": "pts/0"}}),
            ),
        ),
        (
            "user_added",
            of(
                "syslog",
                "added-user",
                "success",
                json!({"what": object("user", "eve"), "how": {"comm": "useradd", "pid": 5}}),
            ),
        ),
        (
            "password",
            of(
                "syslog",
                "changed-password",
                "success",
                json!({"what": object("user", "eve"), "how": {"comm": "passwd"}}),
            ),
        ),
        (
            "group_deleted",
            of(
                "syslog",
                "deleted-group",
                "success",
                json!({"what": object("group", "ops"), "how": {"comm": "groupdel"}}),
            ),
        ),
        (
            "packet",
            of(
                "syslog",
                "logged-packet",
                "unknown",
                json!({"how": packet(Value::Null), "why": {"keys": ["ssh-in"]}, "what": {"message": "ssh-in IN= OUT=eth0 SRC=…"}}),
            ),
        ),
        (
            "packet_dropped",
            of(
                "syslog",
                "logged-packet",
                "denied",
                json!({"how": packet("drop".into()), "why": {"keys": ["drop-ssh"]}}),
            ),
        ),
        (
            "packet_accepted",
            of("syslog", "logged-packet", "success", json!({"how": packet("accept".into()), "why": {"keys": ["ssh"]}})),
        ),
        (
            "connected",
            of(
                "syslog",
                "connected",
                "unknown",
                json!({"who": {"address": "10.0.0.9"}, "how": {"comm": "sshd", "net": from()}}),
            ),
        ),
        (
            "listens",
            of(
                "syslog",
                "listens",
                "unknown",
                json!({"what": object("listener", "0.0.0.0 port 22."), "how": {"comm": "sshd"}}),
            ),
        ),
        ("socket", of("docker", "listens", "unknown", json!({"what": object("listener", "/run/docker.sock")}))),
        ("line", of("syslog", "logged", "unknown", json!({"how": component("cron")}))),
        (
            "recovered",
            of(
                "control-plane",
                "delete",
                "denied",
                json!({"who": {"name": "mallory", "kind": "user", "as": "alice", "address": "198.51.100.77"},
            "what": {"object": {"kind": "secrets", "namespace": "shop", "name": "db"}, "code": "403"},
            "how": {"comm": "kube-apiserver", "verb": "delete", "request_uri": "/api/v1/namespaces/shop/secrets/db", "audit_id": "7a0c1b52-7a3e-4c25-9a35-2f0d9f3a6f10"}}),
            ),
        ),
        (
            "httplog_exec",
            of(
                "control-plane",
                "http",
                "success",
                json!({"what": {"code": "101"}, "who": {"address": "10.0.0.9"},
            "how": {"comm": "kube-apiserver", "verb": "CONNECT", "request_uri": "/api/v1/namespaces/shop/pods/web-1/exec?command=id"}}),
            ),
        ),
        (
            "httplog_list",
            of(
                "control-plane",
                "http",
                "success",
                json!({"what": {"code": "200"}, "how": {"comm": "kube-apiserver", "verb": "LIST", "request_uri": "/api/v1/nodes"}}),
            ),
        ),
        (
            "own_role",
            of(
                "control-plane",
                "created",
                "success",
                json!({"what": object("clusterrole.rbac.authorization.k8s.io", "admin"), "how": component("kube-apiserver")}),
            ),
        ),
        (
            "impersonated",
            of(
                "control-plane",
                "impersonated",
                "unknown",
                json!({"who": {"name": "mallory", "kind": "user", "as": "system:serviceaccount:ci:x", "groups": ["dev"]}, "how": component("kube-apiserver")}),
            ),
        ),
        (
            "unauthenticated",
            of(
                "control-plane",
                "failed-authentication",
                "denied",
                json!({"how": component("kube-apiserver"), "why": {"reason": "invalid bearer token"}}),
            ),
        ),
        (
            "lost",
            of(
                "control-plane",
                "lost-audit-events",
                "failure",
                json!({"what": object("audit-backend", "webhook"), "how": component("kube-apiserver")}),
            ),
        ),
        (
            "bound",
            of(
                "control-plane",
                "bound-pod",
                "success",
                json!({"what": object("pods", "web-1"), "how": component("kube-scheduler")}),
            ),
        ),
        (
            "etcd_login",
            of(
                "control-plane",
                "authenticated",
                "success",
                json!({"who": {"name": "root", "kind": "user"}, "how": component("etcd")}),
            ),
        ),
        (
            "etcd_user",
            of(
                "control-plane",
                "added-user",
                "success",
                json!({"what": object("user", "backup"), "how": component("etcd")}),
            ),
        ),
        (
            "etcd_role",
            of(
                "control-plane",
                "created-role",
                "success",
                json!({"what": object("role", "readers"), "how": component("etcd")}),
            ),
        ),
        (
            "etcd_grant",
            of(
                "control-plane",
                "granted-role",
                "success",
                json!({"what": object("user", "backup"), "how": {"comm": "etcd", "args": {"added-role-name": "root"}}}),
            ),
        ),
        (
            "etcd_grant_text",
            of(
                "control-plane",
                "granted-role",
                "success",
                json!({"what": object("user", "backup"), "how": component("etcd")}),
            ),
        ),
        (
            "etcd_refused",
            of(
                "control-plane",
                "refused-connection",
                "denied",
                json!({"who": {"address": "198.51.100.77"}, "how": component("etcd")}),
            ),
        ),
        (
            "access",
            of(
                "application",
                "http",
                "denied",
                json!({"who": {"name": "alice", "kind": "user", "address": "198.51.100.77"}, "what": {"code": "403"}, "where": container(),
            "how": {"verb": "DELETE", "request_uri": "/orders/17?x=1", "user_agent": "curl/8.5.0",
                "args": {"protocol": "HTTP/1.1", "bytes": "9", "referer": "-", "level": "info"}}}),
            ),
        ),
        (
            "propfind",
            of(
                "application",
                "http",
                "success",
                json!({"where": container(), "how": {"verb": "PROPFIND", "request_uri": "/"}}),
            ),
        ),
        (
            "app_login",
            of(
                "application",
                "login",
                "success",
                json!({"who": {"name": "alice", "kind": "user", "address": "198.51.100.77"}, "where": container()}),
            ),
        ),
        (
            "app_deed",
            of(
                "application",
                "export",
                "success",
                json!({"who": {"name": "alice", "kind": "user"}, "what": object("object", "/reports/4"), "where": container()}),
            ),
        ),
        (
            "docker_request",
            of(
                "docker",
                "requested",
                "failure",
                json!({"how": {"verb": "POST", "request_uri": "/v1.41/containers/x/start"}}),
            ),
        ),
        (
            "kubelet_exec",
            of(
                "kubelet",
                "http-exec",
                "unknown",
                json!({"who": {"address": "127.0.0.1"}, "how": {"verb": "GET", "request_uri": "/exec/shop/web-1/app?command=id"}}),
            ),
        ),
        (
            "container",
            of(
                "cri-o",
                "created-container",
                "success",
                json!({"what": object("container", "c1"), "where": container()}),
            ),
        ),
        (
            "docker_container",
            of(
                "docker",
                "started-container",
                "success",
                json!({"what": object("container", "c1"), "where": container()}),
            ),
        ),
    ]
}

/// Events of each source with the text everywhere, also where an action that is sorted makes more of it.
pub(super) fn hostile(text: &str) -> Vec<Event> {
    let sources = Source::ALL;
    let mut all: Vec<Event> = sources.map(|source| samples::hostile(text, source)).into();
    let names = ["service", "method", "level", "protocol", "bytes", "referer", "added-role-name", "oob.in"];
    let args = names.map(|name| (samples::s(name), samples::s(text)));
    for source in sources {
        for (_, event) in lines().iter().filter(|(_, event)| event["source"] == source.name()) {
            let told = |path: &str| crate::query::json::text(event, path).map(|value| samples::s(&value));
            let mut made = samples::hostile(text, source);
            made.what.action = told("what.action").unwrap();
            // What sorts an event is a daemon's own word.
            made.how.comm = told("how.comm").or(made.how.comm);
            made.how.verb = told("how.verb");
            made.what.object.as_mut().unwrap().kind = told("what.object.kind").or_else(|| Some(samples::s(text)));
            made.how.args = args.clone().into();
            all.push(made);
        }
    }
    all
}

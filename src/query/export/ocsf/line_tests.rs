//! Tests of the OCSF mapping of lines: logins, accounts, packets, HTTP, the control plane's logs.
//!
//! Not here: the kernel's and the API's events (`tests`), the schema itself (`tests/ocsf/validate.py`).

use super::super::cases;
use super::*;
use crate::query::json::line;
use crate::query::samples::{HOSTILE, has_hidden};

fn of(name: &str) -> Value {
    let found = cases::lines().into_iter().find(|(known, _)| *known == name);
    ocsf(&found.unwrap_or_else(|| panic!("no case {name}")).1)
}

fn check(out: &Value, expected: &[(&str, &str)]) {
    for (path, value) in expected {
        assert_eq!(text(out, path).as_deref(), Some(*value), "{path} of {out}");
    }
}

fn without(out: &Value, paths: &[&str]) {
    for path in paths {
        assert_eq!(at(out, path), None, "{path} of {out}");
    }
}

#[test]
fn classes_and_activities_of_lines() {
    let expected = [
        ("login", 300_201),
        ("failed_login", 300_201),
        ("failed_nobody", 300_201),
        ("session", 300_201),
        ("shell", 300_201),
        ("session_end", 300_202),
        ("sudo", 300_207),
        ("sudo_refused", 300_207),
        ("sudo_ambiguous", 99),
        ("sudo_session", 300_207),
        ("su", 300_207),
        ("user_added", 300_101),
        ("password", 300_103),
        ("group_deleted", 300_605),
        ("packet", 400_106),
        ("packet_dropped", 400_106),
        ("packet_accepted", 400_106),
        ("connected", 400_101),
        ("listens", 400_107),
        ("socket", 400_107),
        ("line", 99),
        ("recovered", 600_304),
        ("httplog_exec", 600_399),
        ("httplog_list", 600_302),
        ("own_role", 600_301),
        ("impersonated", 300_207),
        ("unauthenticated", 300_201),
        ("lost", 100_899),
        ("bound", 99),
        ("etcd_login", 300_201),
        ("etcd_user", 300_101),
        ("etcd_role", 300_101),
        ("etcd_grant", 300_501),
        ("etcd_grant_text", 300_199),
        ("etcd_refused", 400_105),
        ("access", 400_202),
        ("propfind", 400_299),
        ("app_login", 300_201),
        ("app_deed", 99),
        ("docker_request", 400_206),
        ("kubelet_exec", 400_203),
        ("container", 99),
        ("docker_container", 99),
    ];
    let cases = cases::lines();
    assert_eq!(cases.len(), expected.len());
    for ((name, event), (expected_name, type_uid)) in cases.iter().zip(expected) {
        assert_eq!((*name, &ocsf(event)["type_uid"]), (expected_name, &Value::from(type_uid)));
    }
}

#[test]
fn logins() {
    let login = of("login");
    check(&login, &[("user.name", "bob"), ("user.credential_uid", "SHA256:abc"), ("src_endpoint.ip", "10.0.0.9")]);
    check(&login, &[("src_endpoint.port", "4242"), ("dst_endpoint.hostname", "node-1"), ("service.name", "sshd")]);
    check(&login, &[("auth_protocol", "publickey"), ("auth_protocol_id", "99"), ("logon_type_id", "10")]);
    check(&login, &[("actor.process.pid", "900"), ("actor.process.name", "sshd"), ("status_id", "1")]);
    // Who was let in is not who knocked.
    without(&login, &["actor.user"]);
    assert_eq!(login["is_remote"], json!(true));
    let failed = of("failed_nobody");
    check(
        &failed,
        &[("user.name", "unknown"), ("user.type_id", "0"), ("status_id", "2"), ("src_endpoint.ip", "10.0.0.9")],
    );
    check(&of("failed_login"), &[("user.name", "bob"), ("user.type_id", "1"), ("status_id", "2")]);
    // The uid of a session is its user's, not that of the daemon that wrote the line.
    let session = of("session");
    check(&session, &[("user.name", "bob"), ("user.uid", "1502"), ("actor.process.pid", "900")]);
    without(&session, &["actor.process.euid", "actor.process.user"]);
    // A session's name is not a user's.
    check(&of("shell"), &[("user.name", "bob"), ("session.terminal", "pts/0")]);
    check(&of("app_login"), &[("user.name", "alice"), ("service.name", "proxy"), ("src_endpoint.ip", "198.51.100.77")]);
    without(&of("app_login"), &["logon_type_id"]);
}

#[test]
fn switches_of_accounts() {
    let sudo = of("sudo");
    check(
        &sudo,
        &[("actor.user.name", "bob"), ("user.name", "root"), ("account_switch_type_id", "1"), ("service.name", "sudo")],
    );
    check(
        &sudo,
        &[
            ("actor.process.pid", "77"),
            ("unmapped.what.object.name", "/usr/bin/id -u"),
            ("unmapped.how.exe", "/usr/bin/id"),
        ],
    );
    // The process is sudo's, not the command's.
    without(&sudo, &["actor.process.file", "is_remote"]);
    check(&of("sudo_refused"), &[("service.name", "sudo"), ("action_id", "2"), ("status_id", "2")]);
    let session = of("sudo_session");
    check(&session, &[("actor.user.uid", "1502"), ("user.name", "root"), ("user.uid", "0")]);
    without(&session, &["actor.user.name"]);
    let impersonated = of("impersonated");
    check(
        &impersonated,
        &[("actor.user.name", "mallory"), ("user.name", "system:serviceaccount:ci:x"), ("user.type_id", "4")],
    );
    check(
        &impersonated,
        &[
            ("account_switch_type_id", "2"),
            ("service.name", "kube-apiserver"),
            ("metadata.log_provider", "kube-apiserver"),
        ],
    );
    check(&of("unauthenticated"), &[("user.name", "unknown"), ("status_id", "2"), ("service.name", "kube-apiserver")]);
}

#[test]
fn accounts_and_privileges() {
    check(&of("user_added"), &[("user.name", "eve"), ("actor.process.name", "useradd")]);
    check(&of("group_deleted"), &[("group.name", "ops")]);
    check(&of("etcd_user"), &[("user.name", "backup"), ("metadata.log_provider", "etcd")]);
    check(&of("etcd_role"), &[("user.name", "readers"), ("user.type", "role"), ("user.type_id", "99")]);
    let granted = of("etcd_grant");
    check(&granted, &[("user.name", "backup"), ("activity_name", "Assign Privileges")]);
    assert_eq!(granted["privileges"], json!(["root"]));
}

#[test]
fn packets_and_connections() {
    let dropped = of("packet_dropped");
    check(
        &dropped,
        &[("src_endpoint.ip", "198.51.100.77"), ("dst_endpoint.port", "22"), ("connection_info.protocol_name", "tcp")],
    );
    check(
        &dropped,
        &[("firewall_rule.name", "drop-ssh"), ("action_id", "2"), ("disposition_id", "2"), ("status_id", "2")],
    );
    check(&of("packet_accepted"), &[("action_id", "1"), ("disposition_id", "1"), ("status_id", "1")]);
    // A rule that only logs says nothing of what became of the packet.
    check(&of("packet"), &[("firewall_rule.name", "ssh-in"), ("status_id", "0")]);
    without(&of("packet"), &["action_id", "disposition_id"]);
    check(&of("listens"), &[("dst_endpoint.ip", "0.0.0.0"), ("dst_endpoint.port", "22")]);
    check(&of("socket"), &[("dst_endpoint.name", "/run/docker.sock")]);
    check(&of("etcd_refused"), &[("src_endpoint.ip", "198.51.100.77"), ("connection_info.direction_id", "1")]);
}

#[test]
fn requests_of_http() {
    let access = of("access");
    check(
        &access,
        &[
            ("http_request.http_method", "DELETE"),
            ("http_request.url.path", "/orders/17"),
            ("http_request.version", "1.1"),
        ],
    );
    check(
        &access,
        &[("http_request.url.query_string", "x=1"), ("http_response.code", "403"), ("http_response.body_length", "9")],
    );
    check(
        &access,
        &[("actor.user.name", "alice"), ("src_endpoint.ip", "198.51.100.77"), ("dst_endpoint.container.name", "proxy")],
    );
    check(&access, &[("status_id", "2"), ("action_id", "2")]);
    without(&access, &["http_request.referrer"]);
    let other = of("propfind");
    check(&other, &[("activity_name", "PROPFIND")]);
    without(&other, &["http_request.http_method", "http_response", "action_id"]);
    check(&of("kubelet_exec"), &[("dst_endpoint.hostname", "node-1"), ("src_endpoint.ip", "127.0.0.1")]);
}

#[test]
fn lines_of_the_api_server() {
    let recovered = of("recovered");
    check(
        &recovered,
        &[
            ("actor.user.name", "mallory"),
            ("api.operation", "delete"),
            ("api.response.code", "403"),
            ("action_id", "2"),
        ],
    );
    check(&recovered, &[("metadata.original_event_uid", "7a0c1b52-7a3e-4c25-9a35-2f0d9f3a6f10")]);
    assert_eq!(line(&recovered["resources"]), r#"[{"name":"db","type":"secrets","namespace":"shop","role_id":1}]"#);
    check(&of("httplog_list"), &[("action_id", "1"), ("api.operation", "LIST")]);
    let own = of("own_role");
    check(&own, &[("actor.app_name", "kube-apiserver"), ("src_endpoint.name", "unknown")]);
    // Nobody authorizes what the server does itself.
    without(&own, &["action_id", "actor.user"]);
    check(&of("lost"), &[("severity_id", "3"), ("log_provider", "kube-apiserver"), ("log_type_id", "2")]);
}

#[test]
fn what_no_class_fits_keeps_who_and_what() {
    check(
        &of("app_deed"),
        &[("actor.user.name", "alice"), ("unmapped.what.object.name", "/reports/4"), ("class_uid", "0")],
    );
    check(&of("sudo_ambiguous"), &[("actor.user.name", "bob"), ("class_uid", "0")]);
    check(&of("container"), &[("unmapped.where.container", "proxy"), ("metadata.log_provider", "crio")]);
}

#[test]
fn nothing_invisible_leaves_of_lines() {
    for (name, text) in HOSTILE {
        for event in cases::hostile(text) {
            let event = crate::query::json::event(&event, &crate::query::json::JsonOptions::default());
            assert!(!has_hidden(&line(&ocsf(&event))), "{name}");
        }
    }
}

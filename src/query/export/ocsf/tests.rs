//! Tests of the OCSF mapping. The schema itself is asked by `tests/ocsf/validate.py`, which `tests/run` feeds with these same events.

use super::*;
use crate::model::Source;
use crate::query::json::{JsonOptions, line};
use crate::query::samples::{self, HOSTILE, has_hidden};

fn export(event: &crate::model::Event) -> Value {
    ocsf(&crate::query::json::event(event, &JsonOptions::default()))
}

#[test]
fn classes_and_activities() {
    let expected = [
        ("k8s_exec", 600_399),
        ("k8s_denied", 600_301),
        ("k8s_list", 600_302),
        ("execve", 100_701),
        ("open_denied", 100_114),
        ("rename_by_root", 100_105),
        ("user_login", 300_201),
        ("avc", 100_199),
        ("connect", 400_104),
        ("gap", 100_899),
        ("bare_linux", 99),
        ("bare_kubernetes", 600_399),
        ("bare_self", 100_899),
    ];
    for ((name, event), (expected_name, type_uid)) in samples::all().iter().zip(expected) {
        let out = export(event);
        assert_eq!((*name, &out["type_uid"]), (expected_name, &Value::from(type_uid)));
        assert_eq!(out["unmapped"]["evidence"], json!([{"leaf": 12, "record": 3}]), "{name}");
        assert_eq!(out.get("raw_data"), None, "{name}");
    }
}

#[test]
fn a_request() {
    let out = export(&samples::k8s_exec());
    let check = |path: &str, expected: &str| assert_eq!(text(&out, path).as_deref(), Some(expected), "{path}");
    check("actor.user.name", "alice@example.com");
    check("unmapped.who.as", "bob");
    check("src_endpoint.ip", "10.0.0.9");
    check("api.operation", "get");
    check("api.response.code", "101");
    check("activity_name", "exec");
    check("time", "1795467462452");
    check("time_dt", "2026-11-23T20:57:42.452334Z");
    check("action_id", "1");
    check("metadata.original_event_uid", "bdcf39dd-dc50-4c5c-a641-51dc187b19d2");
    assert_eq!(line(&out["resources"]), r#"[{"name":"web-1","type":"pods/exec","namespace":"shop","role_id":1}]"#);
    let denied = export(&samples::k8s_denied());
    assert_eq!((&denied["action_id"], &denied["status_id"]), (&Value::from(2), &Value::from(2)));
}

#[test]
fn a_failed_execution_is_the_callers() {
    let mut event = samples::execve();
    event.what.outcome = crate::model::Outcome::Failure;
    event.what.object.as_mut().unwrap().path = Some("/opt/missing".into());
    let out = export(&event);
    assert_eq!(text(&out, "process.file.path").as_deref(), Some("/opt/missing"));
    assert_eq!(text(&out, "actor.process.file.path").as_deref(), Some("/usr/bin/docker"));
    assert_eq!(text(&out, "process.cmd_line").as_deref(), Some("docker run --name 'a b' ''"));
}

#[test]
fn an_address_that_is_none_is_no_ip() {
    let mut event = samples::k8s_exec();
    event.who.address = Some("not an address".into());
    assert_eq!(line(&export(&event)["src_endpoint"]), r#"{"name":"not an address"}"#);
    event.who.address = None;
    assert_eq!(line(&export(&event)["src_endpoint"]), r#"{"name":"unknown"}"#);
}

#[test]
fn nothing_invisible_leaves() {
    for (name, text) in HOSTILE {
        for source in [Source::Linux, Source::Kubernetes, Source::Own] {
            assert!(!has_hidden(&line(&export(&samples::hostile(text, source)))), "{name}");
        }
    }
}

/// Writes one event of each kind where `tests/ocsf/validate.py` will look for them.
#[test]
fn samples_for_the_schema() {
    let mut lines = String::new();
    let hostile = ["a\u{202e}\n", "", "-1", "10.0.0.9"].map(super::super::cases::hostile);
    let hostile = hostile.into_iter().flatten().map(|event| ("hostile", event));
    let deeds = [
        "connect",
        "accept4",
        "bind",
        "renameat2",
        "chmod",
        "mount",
        "setuid",
        "kill",
        "finit_module",
        "delete_module",
    ];
    let by_syscall = deeds.map(|name| {
        let mut event = samples::execve();
        event.what.action = samples::s("did");
        event.how.syscall = Some(name.into());
        (name, event)
    });
    let actions = [
        "logged-out",
        "acquired-credentials",
        "added-user-account",
        "changed-password",
        "added-group-account-using",
        "ran-command",
        "started-audit",
        "tried-to-log-in",
        "changed-login-id",
        "changed-user",
        "locked-account",
        "changed-firewall",
        "tried-to-change-audit-configuration",
        "rotated-audit-logs",
        "filtered-packet",
        "crashed-program",
    ];
    let by_action = actions.map(|name| {
        let mut event = samples::user_login();
        event.what.action = samples::s(name);
        (name, event)
    });
    let all = samples::all().into_iter().chain(hostile).chain(by_syscall).chain(by_action);
    let all = all.map(|(name, event)| (name, export(&event)));
    let of_lines = super::super::cases::lines().into_iter().map(|(name, event)| (name, ocsf(&event)));
    for (name, event) in all.chain(of_lines) {
        let text = line(&event);
        assert!(!text.contains('\n'), "{name}");
        lines.push_str(&text);
        lines.push('\n');
    }
    if let Some(path) = std::env::var_os("DEPONENT_OCSF_SAMPLES") {
        std::fs::write(path, lines).unwrap();
    }
}

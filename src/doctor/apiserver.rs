//! The options of kube-apiserver that say where audit events go, from its static pod's manifest.
//!
//! Not here: which events it records (`policy`).

use super::host::Host;
use super::{Check, yaml};
use crate::config::Tail;
use serde_json::Value;
use std::collections::BTreeMap;

/// Where kubeadm puts it.
const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
/// MiB of rotated logs: the buffer while the collector is away.
const LOGS_MIB: u64 = 500;

/// Options of an API server, and where its paths are on the node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apiserver {
    flags: BTreeMap<String, String>,
    /// Paths in the container, and on the node.
    mounts: Vec<(String, String)>,
}

/// Reads the manifest of this node, if it has one.
///
/// # Errors
/// What is wrong with it.
pub fn manifest(host: &Host) -> Result<Option<Apiserver>, String> {
    let text = match host.text(MANIFEST) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{MANIFEST}: {error}")),
    };
    let pod = yaml::parse(&text).map_err(|error| format!("{MANIFEST}: {error}"))?;
    let list =
        |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let containers = list(&pod, "/spec/containers");
    let container =
        containers.iter().find(|one| text(one, "/name").as_deref() == Some("kube-apiserver")).or(containers.first());
    let Some(container) = container else { return Err(format!("{MANIFEST}: no container in it")) };
    let mut flags = BTreeMap::new();
    for word in list(container, "/command").iter().chain(&list(container, "/args")).filter_map(Value::as_str) {
        if let Some((name, value)) = word.trim_start_matches('-').split_once('=') {
            flags.insert(name.to_owned(), value.to_owned());
        } else if let Some(name) = word.strip_prefix("--") {
            flags.insert(name.to_owned(), "true".to_owned());
        }
    }
    let volumes = list(&pod, "/spec/volumes");
    let mut mounts = Vec::new();
    for mount in list(container, "/volumeMounts") {
        let volume = volumes.iter().find(|volume| volume.get("name") == mount.get("name"));
        let on_node = volume.and_then(|volume| text(volume, "/hostPath/path"));
        mounts.extend(text(&mount, "/mountPath").zip(on_node));
    }
    Ok(Some(Apiserver { flags, mounts }))
}

impl Apiserver {
    fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.flag(name)?.parse().ok()
    }

    /// A path of the container on the node; nothing where it is in the container alone.
    fn on_node(&self, path: &str) -> Option<String> {
        let inside = |mount: &str| {
            path.strip_prefix(mount.trim_end_matches('/')).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let best = self.mounts.iter().filter(|(mount, _)| inside(mount).is_some()).max_by_key(|(mount, _)| mount.len());
        best.map(|(mount, node)| format!("{}{}", node.trim_end_matches('/'), inside(mount).unwrap_or_default()))
    }
}

/// The policy that the manifest names, or why there is none.
///
/// # Errors
/// A check that says what is missing.
pub fn policy_of_manifest(host: &Host, server: &Apiserver) -> Result<String, Check> {
    let name = "audit policy";
    let fail = |seen: String| {
        Check::fail(
            name,
            seen,
            "--audit-policy-file=/etc/kubernetes/audit-policy.yaml, and the file as a volume (deploy/audit/audit-policy.yaml)",
        )
    };
    let Some(path) = server.flag("audit-policy-file") else {
        return Err(fail("kube-apiserver has no --audit-policy-file: nothing is recorded".to_owned()));
    };
    let Some(on_node) = server.on_node(path) else {
        return Err(fail(format!("{path} is in no volume of kube-apiserver")));
    };
    host.text(&on_node).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => fail(format!("{on_node}: {error}")),
        _ => Check::unknown(name, format!("{on_node}: {error}"), "as root, or --policy FILE"),
    })
}

/// Checks the options.
pub fn of_flags(server: &Apiserver, tails: &[Tail]) -> Vec<Check> {
    let mut checks = vec![log_path(server, tails)];
    if server.flag("audit-log-path").is_some_and(|path| path != "-") {
        checks.push(kept(server));
        checks.push(written(server));
    }
    if server.flag("audit-webhook-config-file").is_some() {
        checks.push(webhook(server));
    }
    checks
}

fn log_path(server: &Apiserver, tails: &[Tail]) -> Check {
    let name = "audit log of the API server";
    let advice = "--audit-log-path=/var/log/kubernetes/audit/audit.log, and its folder as a volume of hostPath";
    let hook = server.flag("audit-webhook-config-file").is_some();
    match server.flag("audit-log-path") {
        None if hook => Check::warn(
            name,
            "no --audit-log-path: the webhook alone, which drops batches when nobody takes them",
            advice,
        ),
        None => Check::fail(name, "no --audit-log-path: nothing is written", advice),
        Some("-") => Check::warn(
            name,
            "--audit-log-path=-: events are lines among those of the API server, and rotated as such",
            advice,
        ),
        Some(path) => {
            let Some(node) = server.on_node(path) else {
                return Check::fail(name, format!("{path} is in no volume: it goes with the container"), advice);
            };
            if tails.iter().flat_map(|tail| &tail.paths).any(|pattern| super::logs::fits(pattern, &node)) {
                Check::ok(name, format!("{node}, and followed"))
            } else {
                let advice = format!("[[tail]]\npaths = [\"{node}\"]\nkind = \"kubernetes-audit\"");
                Check::warn(name, format!("{node} is not followed here"), advice)
            }
        }
    }
}

/// How long rotated files are kept. Nothing set: for ever.
fn kept(server: &Apiserver) -> Check {
    let name = "rotation of the audit log";
    let (size, backups) =
        (server.number("audit-log-maxsize").unwrap_or(100), server.number("audit-log-maxbackup").unwrap_or(0));
    let age = server.number("audit-log-maxage").unwrap_or(0);
    let room = size.saturating_mul(backups);
    let seen = format!("maxsize {size} MiB, maxbackup {backups}, maxage {age} days (0: no bound)");
    if (backups > 0 && room < LOGS_MIB) || (age > 0 && age < 3) {
        let advice = "--audit-log-maxsize=100 --audit-log-maxbackup=20 --audit-log-maxage=30";
        return Check::warn(name, format!("{seen}: what is not read by then is lost"), advice);
    }
    Check::ok(name, seen)
}

fn written(server: &Apiserver) -> Check {
    let name = "writing of the audit log";
    if server.flag("audit-log-format").is_some_and(|format| format != "json") {
        return Check::fail(name, "--audit-log-format is not json: it is not read here", "--audit-log-format=json");
    }
    let mode = server.flag("audit-log-mode").unwrap_or("blocking");
    if server.flag("audit-log-truncate-enabled") == Some("true") {
        let seen = "--audit-log-truncate-enabled: bodies of large events are left out, whole events perhaps";
        return Check::warn(name, seen, "--audit-log-truncate-enabled=false");
    }
    match mode {
        "batch" => Check::warn(
            name,
            "batch: what is in memory goes with the process, and what is too much is dropped",
            "--audit-log-mode=blocking-strict",
        ),
        "blocking-strict" => Check::ok(name, "blocking-strict: a request whose beginning cannot be written is refused"),
        mode => Check::ok(name, format!("{mode}; blocking-strict would refuse what cannot be written")),
    }
}

fn webhook(server: &Apiserver) -> Check {
    let name = "audit webhook";
    let (mut seen, mut advice) = (Vec::new(), Vec::new());
    let mode = server.flag("audit-webhook-mode").unwrap_or("batch");
    if mode != "batch" {
        seen.push(format!("mode {mode}: the API server waits for the collector"));
        advice.push("--audit-webhook-mode=batch");
    } else {
        let number = |name: &str, default| server.number(name).unwrap_or(default);
        let qps: f64 =
            server.flag("audit-webhook-batch-throttle-qps").and_then(|text| text.parse().ok()).unwrap_or(10.0);
        if server.flag("audit-webhook-batch-throttle-enable") != Some("false") && qps < 50.0 {
            seen.push(format!("{qps} batches a second at most"));
            advice.push("--audit-webhook-batch-throttle-qps=50");
        }
        let buffer = number("audit-webhook-batch-buffer-size", 10_000);
        if buffer < 10_000 {
            seen.push(format!("room for {buffer} events: what is more is dropped"));
            advice.push("--audit-webhook-batch-buffer-size=10000");
        }
        let wait = server.flag("audit-webhook-batch-max-wait").unwrap_or("30s");
        if crate::time::parse_duration(wait).is_ok_and(|nanos| nanos > 5_000_000_000) {
            seen.push(format!("an event waits up to {wait}"));
            advice.push("--audit-webhook-batch-max-wait=1s");
        }
    }
    if server.flag("audit-webhook-truncate-enabled") == Some("true") {
        seen.push("bodies of large events are left out".to_owned());
        advice.push("--audit-webhook-truncate-enabled=false");
    }
    if seen.is_empty() {
        return Check::ok(name, "batch");
    }
    Check::warn(name, seen.join("; "), advice.join(" "))
}

//! What else decides which logs there are: logrotate, containerd, the kubelet.
//!
//! Not here: auditd (`auditd`), the API server (`apiserver`).

use super::host::{Host, read};
use super::{Check, some_of, yaml};
use crate::config::Tail;
use crate::source::glob_matches;
use serde_json::Value;
use std::io::ErrorKind;

/// Files of logrotate that are read.
const FILES_MAX: usize = 1_000;

/// Whether a path with `*` names another one, part for part.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), path.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if glob_matches(pattern.as_bytes(), part.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// logrotate with `copytruncate` over files that are followed: lines between its copy and its cut are lost.
pub fn rotation(host: &Host, tails: &[Tail]) -> Check {
    let name = "logrotate";
    let mut texts = Vec::new();
    for path in ["/etc/logrotate.conf", "/etc/logrotate.d"] {
        let path = host.at(path);
        let entries = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
        let files: Vec<_> = if path.is_dir() { entries.take(FILES_MAX).collect() } else { vec![path] };
        for file in files {
            match read(&file) {
                Ok(text) => texts.push(text),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Check::unknown(name, format!("{}: {error}", file.display()), "as root on the node");
                }
            }
        }
    }
    if texts.is_empty() {
        return Check::unknown(
            name,
            "no configuration of it is seen here",
            "on the node: grep -r copytruncate /etc/logrotate*",
        );
    }
    // What stands in logrotate.conf outside of braces holds for all.
    let everywhere = texts.iter().any(|text| blocks(text).1);
    let mut cut: Vec<String> = Vec::new();
    for (patterns, own) in texts.iter().flat_map(|text| blocks(text).0) {
        let one = |pattern: &String| {
            let followed = tails.iter().flat_map(|tail| &tail.paths);
            let mut followed = followed.filter(|path| fits(pattern, path) || fits(path, pattern));
            followed.next().is_some().then(|| pattern.clone())
        };
        if own.unwrap_or(everywhere) {
            cut.extend(patterns.iter().filter_map(one));
        }
    }
    cut.sort();
    cut.dedup();
    if cut.is_empty() {
        return Check::ok(name, "no copytruncate over what is followed");
    }
    let seen = format!("copytruncate over {}: lines between the copy and the cut are lost", some_of(&cut, 3));
    Check::warn(name, seen, "nocopytruncate and create in that block, and a postrotate that tells the program")
}

/// Patterns, and what is said of copytruncate.
type Block = (Vec<String>, Option<bool>);

/// Patterns of each block and what it says of copytruncate; whether it is said outside of all.
fn blocks(text: &str) -> (Vec<Block>, bool) {
    let (mut found, mut paths, mut own, mut inside, mut script, mut everywhere) =
        (Vec::new(), Vec::new(), None, false, false, false);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if script {
            script = line != "endscript";
            continue;
        }
        match line {
            "copytruncate" if inside => own = Some(true),
            "nocopytruncate" if inside => own = Some(false),
            "copytruncate" => everywhere = true,
            "prerotate" | "postrotate" | "firstaction" | "lastaction" | "preremove" => script = true,
            _ if inside && line.starts_with('}') => {
                found.push((std::mem::take(&mut paths), own.take()));
                inside = false;
            }
            _ if !inside => {
                let words = line.split(|c: char| c.is_whitespace() || matches!(c, '{' | '"' | '\''));
                paths.extend(words.filter(|word| word.starts_with('/')).map(str::to_owned));
                inside = line.contains('{');
                if !inside && !line.starts_with(['/', '"', '\'']) {
                    paths.clear();
                }
            }
            _ => {}
        }
    }
    (found, everywhere)
}

/// Whether containerd names the containers of execs: at level debug.
pub fn containerd(host: &Host) -> Check {
    let (name, path) = ("containerd", "/etc/containerd/config.toml");
    let text = match host.text(path) {
        Ok(text) => text,
        Err(error) => return Check::unknown(name, format!("{path}: {error}"), "on the node, where it runs containerd"),
    };
    let level = match text.parse::<toml::Table>() {
        Ok(table) => table.get("debug").and_then(|debug| debug.get("level")?.as_str()).unwrap_or("info").to_owned(),
        Err(error) => return Check::unknown(name, format!("{path}: {}", error.message()), "containerd config dump"),
    };
    if matches!(level.as_str(), "debug" | "trace") {
        return Check::ok(name, format!("level {level}"));
    }
    let seen = format!("level {level}: execs are not named, and fewer links are STRONG");
    Check::warn(name, seen, "[debug]\nlevel = \"debug\"   # then: systemctl restart containerd")
}

/// Whether the kubelet names requests and containers, and how much of a container's log it keeps.
pub fn kubelet(host: &Host) -> Vec<Check> {
    let (name, path) = ("kubelet", "/var/lib/kubelet/config.yaml");
    let config = match host.text(path) {
        Ok(text) => text,
        Err(error) => {
            return vec![Check::unknown(name, format!("{path}: {error}"), "on the node, where it has a kubelet")];
        }
    };
    let config = match yaml::parse(&config) {
        Ok(config) => config,
        Err(error) => return vec![Check::unknown(name, format!("{path}: {error}"), "look at that file")],
    };
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let flags: String = ["/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet"]
        .iter()
        .filter_map(|path| host.text(path).ok())
        .collect();
    let flag = flags
        .split(|c: char| c.is_whitespace() || c == '"')
        .find_map(|word| word.strip_prefix("--v=").or(word.strip_prefix("-v=")));
    let verbosity = flag.or(text("/logging/verbosity")).and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    let mut checks = vec![if verbosity >= 4 {
        Check::ok(name, format!("verbosity {verbosity}"))
    } else {
        let seen = format!("verbosity {verbosity}: requests and containers are not named");
        Check::warn(name, seen, "logging: {verbosity: 4} in /var/lib/kubelet/config.yaml, systemctl restart kubelet")
    }];
    let files = text("/containerLogMaxFiles").and_then(|number| number.parse::<u64>().ok()).unwrap_or(5);
    let size = text("/containerLogMaxSize").unwrap_or("10Mi");
    let mib = size.strip_suffix("Mi").map(|number| number.parse::<u64>().unwrap_or(0));
    let mib = mib.or_else(|| Some(size.strip_suffix("Gi")?.parse::<u64>().ok()?.saturating_mul(1_024)));
    let seen = format!("containerLogMaxSize {size}, containerLogMaxFiles {files}");
    checks.push(match mib {
        Some(mib) if mib.saturating_mul(files) < 50 => Check::warn(
            "container logs",
            format!("{seen}: what is not read by then is lost"),
            "containerLogMaxSize: 50Mi, containerLogMaxFiles: 5",
        ),
        Some(_) => Check::ok("container logs", seen),
        None => Check::unknown("container logs", seen, "write it in Mi"),
    });
    checks
}

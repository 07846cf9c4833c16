//! The kernel's audit rules against those of `deploy/audit/audit.rules`: which are missing, and which take away what others record.
//!
//! Inside: rules as auditctl writes and prints them. Not here: running auditctl (`cli::doctor`).

use super::host::Host;
use super::{Check, some_of};
use std::collections::BTreeSet;
use std::path::Path;

/// What a node is compared with.
const WANTED: &str = include_str!("../../deploy/audit/audit.rules");
/// Rules that are read at most.
const RULES_MAX: usize = 10_000;
/// Record types that links rest on.
const NEEDED: &[&str] = &[
    "SYSCALL",
    "EXECVE",
    "CWD",
    "PATH",
    "PROCTITLE",
    "SOCKADDR",
    "USER_LOGIN",
    "USER_START",
    "LOGIN",
    "USER_CMD",
    "CONFIG_CHANGE",
];

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    /// `never`, `task` or `exclude`, where it stands.
    words: BTreeSet<String>,
    /// Path of a watch.
    path: Option<String>,
    /// What a watch is about: `rwxa`.
    perms: BTreeSet<char>,
    arch: Option<String>,
    calls: BTreeSet<String>,
    /// Everything else that it asks for.
    filters: BTreeSet<String>,
    key: String,
}

impl Rule {
    /// Reads a line; nothing where it is no rule.
    fn parse(line: &str) -> Option<Rule> {
        let mut rule = Rule::default();
        let mut words = line.split_whitespace();
        match words.next()? {
            "-w" => rule.path = Some(words.next()?.trim_end_matches('/').to_owned()),
            "-a" | "-A" => rule.words = words.next()?.split(',').map(str::to_owned).collect(),
            _ => return None,
        }
        if rule.path.is_some() {
            rule.perms = "rwxa".chars().collect();
        }
        while let (Some(flag), Some(value)) = (words.next(), words.next()) {
            match flag {
                "-p" => rule.perms = value.chars().collect(),
                "-k" => value.clone_into(&mut rule.key),
                "-S" if value != "all" => rule.calls.extend(value.split(',').map(str::to_owned)),
                "-F" => rule.filter(value),
                _ => {}
            }
        }
        Some(rule)
    }

    fn filter(&mut self, text: &str) {
        match text.split_once('=') {
            Some(("arch", arch)) => self.arch = Some(arch.to_owned()),
            Some(("key", key)) => key.clone_into(&mut self.key),
            Some(("path" | "dir", path)) => {
                // `-F path=… -S connect` is a filter of a call; without a call it is a watch.
                self.path = Some(path.trim_end_matches('/').to_owned());
                if self.perms.is_empty() {
                    self.perms = "rwxa".chars().collect();
                }
            }
            Some(("perm", perms)) => self.perms = perms.chars().collect(),
            // Both are how auditctl prints a login that is not set.
            _ => {
                let unset = text.replace("4294967295", "unset").replace("!=-1", "!=unset");
                self.filters.insert(unset);
            }
        }
    }

    fn records(&self) -> bool {
        !self.words.contains("never") && !self.words.contains("exclude")
    }

    /// Whether it records what a watch of `wanted` would.
    fn covers_watch(&self, wanted: &Rule) -> bool {
        let (Some(own), Some(path)) = (&self.path, &wanted.path) else { return false };
        let inside = own == path || path.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.records()
            && self.calls.is_empty()
            && self.filters.is_empty()
            && inside
            && self.perms.is_superset(&wanted.perms)
    }

    /// Whether it records a call of `wanted`.
    fn covers_call(&self, wanted: &Rule, call: &str) -> bool {
        let arch = self.arch.is_none() || self.arch == wanted.arch;
        let all = self.calls.is_empty() && self.path.is_none() && self.perms.is_empty();
        let path = self.path.is_none() || self.path == wanted.path;
        self.records() && arch && path && (all || self.calls.contains(call)) && self.filters.is_subset(&wanted.filters)
    }
}

fn parse(text: &str) -> Vec<Rule> {
    text.lines().take(RULES_MAX).filter_map(|line| Rule::parse(line.trim())).collect()
}

/// Compares what `auditctl -l` printed, or why it did not. Rules about paths that are not on this machine are not wanted.
pub fn loaded(host: &Host, listed: &Result<String, String>) -> Vec<Check> {
    let name = "audit rules";
    let text = match listed {
        Ok(text) => text,
        Err(why) => {
            let advice = "as root on the node: deponent doctor, or auditctl -l";
            return vec![Check::unknown(name, why.clone(), advice)];
        }
    };
    let load = "install -m 640 deploy/audit/audit.rules /etc/audit/rules.d/50-deponent.rules && augenrules --load";
    let rules = parse(text);
    if rules.is_empty() {
        return vec![Check::fail(name, "none is loaded", load)];
    }
    let mut checks = Vec::new();
    if rules.iter().any(|rule| rule.words.contains("never") && rule.words.contains("task")) {
        let advice = "take `-a task,never` out of /etc/audit/rules.d (often 10-no-audit.rules), augenrules --load, and restart services";
        checks.push(Check::fail(name, "`-a task,never`: no call of any process is recorded", advice));
    }
    let taken = taken_away(&rules);
    if !taken.is_empty() {
        let advice = "auditctl -d with the same words, and out of /etc/audit/rules.d, or know why it is there";
        checks.push(Check::warn(name, format!("left out by a rule: {}", some_of(&taken, 5)), advice));
    }
    let (mut missing, mut exec) = (Vec::new(), false);
    let mut keys = BTreeSet::new();
    let wanted = parse(WANTED);
    for want in &wanted {
        if want.path.as_deref().is_some_and(|path| !is_here(host, path)) {
            continue;
        }
        let covered = if want.calls.is_empty() {
            rules.iter().any(|rule| rule.covers_watch(want))
        } else {
            want.calls.iter().all(|call| rules.iter().any(|rule| rule.covers_call(want, call)))
        };
        if !covered {
            exec |= want.key == "exec";
            let what = want.path.clone().unwrap_or_else(|| {
                format!(
                    "{} {}",
                    want.arch.as_deref().unwrap_or(""),
                    want.calls.iter().cloned().collect::<Vec<_>>().join(",")
                )
            });
            missing.push(format!("{} ({})", want.key, what.trim()));
        } else if !rules.iter().any(|rule| rule.key == want.key) {
            keys.insert(want.key.clone());
        }
    }
    if exec {
        let seen = format!("execve is not recorded for all ({} loaded): no link leads to a process", rules.len());
        checks.push(Check::fail(
            "audit rules: exec",
            seen,
            "-a always,exit -F arch=b64 -S execve,execveat -F key=exec   (and arch=b32)",
        ));
    }
    if !missing.is_empty() {
        checks.push(Check::warn(
            "audit rules: coverage",
            format!("{} missing: {}", missing.len(), some_of(&missing, 12)),
            load,
        ));
    }
    if !keys.is_empty() {
        let keys: Vec<String> = keys.into_iter().collect();
        let seen = format!("recorded under another key than here: {}", some_of(&keys, 12));
        checks.push(Check::warn(
            "audit rules: keys",
            seen,
            "queries and rules that ask by key find nothing; load deploy/audit/audit.rules, or ask by your own keys",
        ));
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            name,
            format!("{} loaded, all of deploy/audit/audit.rules that this machine has paths for", rules.len()),
        ));
    }
    checks
}

/// What rules keep from being recorded, of what is needed.
fn taken_away(rules: &[Rule]) -> Vec<String> {
    let mut taken = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.records() && !rule.words.contains("task")) {
        let calls = rule.calls.iter().map(String::as_str).filter(|call| call.starts_with("execve"));
        taken.extend(
            calls.map(|call| format!("{call} ({})", rule.filters.iter().cloned().collect::<Vec<_>>().join(" "))),
        );
        for filter in &rule.filters {
            let kind = filter.strip_prefix("msgtype=");
            taken.extend(kind.filter(|kind| NEEDED.contains(kind)).map(|kind| format!("msgtype {kind}")));
        }
    }
    taken
}

/// A watch needs the folder that its path is in.
fn is_here(host: &Host, path: &str) -> bool {
    Path::new(path).parent().is_none_or(|parent| host.at(&parent.to_string_lossy()).is_dir())
}

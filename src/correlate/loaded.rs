//! Who wrote a file that a component of the node or of the cluster then read: its configuration, its rules, its unit.
//!
//! Three effects: a component opened a file to read it (by inode), a component was started with arguments that name a file (by path), the service
//! manager says that it started a unit (by path). Rule `file-loaded`. Not here: who wrote an inode (`files`), the pods of the kubelet's files
//! (`manifest`), programs that were run (`files`).

use super::case::{Case, Failed, order};
use super::facts::{self, Written};
use super::files;
use super::keys;
use super::links::{Found, key, link};
use super::rules::FILE_LOADED;
use crate::model::{Class, Event, Object, Outcome, Source, Str};
use std::sync::Arc;

/// Writes of one path that are looked at, the newest.
const WRITES_MAX: usize = 64;
/// Files of one folder that are told of, those that were written last.
const FILES_MAX: usize = 8;
/// Files that one event names, at most.
const NAMED_MAX: usize = 16;
/// Between two opens of a file less than this apart nobody can say which of the two processes read or wrote first, ns.
const RACE_NS: i64 = 1_000_000_000;

/// Components, by the file names of their programs.
const COMPONENTS: &[&str] = &[
    "kubelet",
    "containerd",
    "dockerd",
    "crio",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "etcd",
    "auditd",
    "auditctl",
    "systemd",
    "sshd",
    "sshd-session",
];
/// Options of the components of Kubernetes that name a file which is read.
const OPTIONS: &[&str] = &[
    "--admission-control-config-file",
    "--audit-policy-file",
    "--audit-webhook-config-file",
    "--authentication-config",
    "--authentication-kubeconfig",
    "--authentication-token-webhook-config-file",
    "--authorization-config",
    "--authorization-kubeconfig",
    "--authorization-policy-file",
    "--authorization-webhook-config-file",
    "--bootstrap-kubeconfig",
    "--client-ca-file",
    "--config",
    "--egress-selector-config-file",
    "--encryption-provider-config",
    "--kubeconfig",
    "--service-account-key-file",
    "--token-auth-file",
];
/// Where the service manager looks for a unit.
const UNIT_FOLDERS: &[&str] = &["/etc/systemd/system/", "/run/systemd/system/", "/usr/lib/systemd/system/"];
/// What augenrules makes the rules of auditing from.
const AUDIT_RULES: &str = "/etc/audit/rules.d/";
/// Files of the kernel that hold no configuration.
const NO_FILES: &[&str] = &["/proc/", "/sys/", "/dev/"];

/// The component that an executable is, as the kernel names it.
fn component(event: &Event) -> Option<&str> {
    let exe = event.how.exe.as_deref()?;
    let installed = facts::is_installed(exe, COMPONENTS) || exe == "/lib/systemd/systemd";
    exe.rsplit('/').next().filter(|_| installed)
}

/// The file that a component opened to read it.
fn read(event: &Event) -> Option<Written<'_>> {
    component(event)?;
    let file = facts::opened_to_read(event)?;
    let is_file = file.path.is_some_and(|path| !NO_FILES.iter().any(|folder| path.starts_with(folder)));
    Some(file).filter(|_| is_file)
}

/// The options by which a component is told of files.
fn options(component: &str) -> &'static [&'static str] {
    match component {
        "auditctl" => &["-R"],
        "sshd" | "sshd-session" => &["-f"],
        "containerd" | "crio" => &["--config", "-c"],
        "dockerd" | "etcd" => &["--config-file"],
        "auditd" | "systemd" => &[],
        _ => OPTIONS,
    }
}

/// The files that an event says are read, by their paths: those that the arguments of a component name, those that a unit is made of. A folder ends with `/`.
pub fn named(event: &Event) -> Vec<Str> {
    let mut paths: Vec<Str> = Vec::new();
    if let Some(unit) = unit(event) {
        for folder in UNIT_FOLDERS {
            paths.push(format!("{folder}{unit}.service").into());
            paths.push(format!("{folder}{unit}.service.d/").into());
        }
        return paths;
    }
    let Some(started) = facts::started(event) else { return paths };
    // What lies on an overlay is seen from the root of a container: a path says nothing there.
    if started.device.is_none_or(|device| device.starts_with("00:")) {
        return paths;
    }
    let words: Vec<&str> = started.argv.iter().map(Str::as_str).collect();
    if let [_, script, rest @ ..] = &*words
        && matches!(*script, "/sbin/augenrules" | "/usr/sbin/augenrules")
        && facts::is_installed(started.exe, &["sh", "dash", "bash"])
        && rest.contains(&"--load")
    {
        return vec![AUDIT_RULES.into()];
    }
    let Some(options) = component(event).map(options) else { return paths };
    for (at, word) in words.iter().enumerate().skip(1) {
        let path = match word.split_once('=') {
            Some((option, path)) => Some(path).filter(|_| option.starts_with("--") && options.contains(&option)),
            None => words.get(at + 1).copied().filter(|_| options.contains(word)),
        };
        paths.extend(path.filter(|path| is_plain(path)).map(Str::from));
    }
    paths.sort();
    paths.dedup();
    paths.truncate(NAMED_MAX);
    paths
}

/// A path that is one file's, whoever looks from the same root.
fn is_plain(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.split('/').any(|part| matches!(part, "." | ".."))
}

/// The unit that the service manager says it started.
fn unit(event: &Event) -> Option<&str> {
    let is_start = event.source == Source::Linux && event.what.action == "started-service";
    let object = event.what.object.as_ref().filter(|object| object.kind.as_deref() == Some("service"))?;
    let name = object.name.as_deref().filter(|name| !name.is_empty() && !name.contains('/'))?;
    (is_start && event.what.outcome == Outcome::Success && component(event) == Some("systemd")).then_some(name)
}

/// The folder of a path, where one of those is asked for as a whole.
pub fn folder_of(path: &str) -> Option<&str> {
    let folder = path.get(..=path.rfind('/')?)?;
    let of_units = UNIT_FOLDERS.iter().any(|units| folder.starts_with(units)) && folder.ends_with(".service.d/");
    (folder == AUDIT_RULES || of_units).then_some(folder)
}

/// The names of files that a call gave, took away, or wrote under.
pub fn touched(event: &Event) -> impl Iterator<Item = (&Object, &str, &str)> {
    let is_write = facts::written(event).next().is_some() || facts::unlinked(event).next().is_some();
    event.what.object.iter().chain(&event.what.objects).filter_map(move |object| {
        let role = object.role.as_deref().unwrap_or("");
        let is_file = is_write && object.kind.as_deref() == Some("file") && !matches!(role, "PARENT" | "UNKNOWN");
        let path = object.path.as_deref().filter(|path| is_file && path.starts_with('/'))?;
        Some((object, path, object.inode.as_deref()?))
    })
}

/// What a component's event rests on: the last write of each file that it read or names.
pub fn ground(case: &Case<'_>, event: &Arc<Event>) -> Result<Vec<Found>, Failed> {
    if let Some(file) = read(event) {
        return Ok(of_read(case, event, file)?.into_iter().collect());
    }
    let mut all = Vec::new();
    for path in named(event) {
        if path.ends_with('/') {
            for file in files_of(case, event, &path)? {
                all.extend(of_named(case, event, &file)?);
            }
        } else {
            all.extend(of_named(case, event, &path)?);
        }
    }
    Ok(all)
}

fn of_read(case: &Case<'_>, event: &Arc<Event>, file: Written<'_>) -> Result<Option<Found>, Failed> {
    let writers = files::writers(case, event, file.inode)?;
    let Some(last) = writers.last.clone() else { return Ok(None) };
    // What a process wrote itself and reads again says nothing of anybody.
    if last.how.pid == event.how.pid && last.how.exe == event.how.exe && writers.others.is_empty() {
        return Ok(None);
    }
    let at = event.when.event.nanos;
    let mut found = link(&FILE_LOADED, Class::Strong, &last, event);
    files::keys_of(&mut found, event, &last);
    files::weigh(case, &mut found, &writers, &last, at)?;
    let opened = matches!(last.how.syscall.as_deref(), Some("open" | "openat" | "openat2" | "creat"));
    if opened && at.saturating_sub(last.when.event.nanos) < RACE_NS {
        found.class = found.class.max(Class::Consistent);
        found
            .missing
            .push("whether it was written before it was read: no record of the kernel says when it was closed".into());
    }
    let after = case.with_key(keys::inode(event, file.inode), at, at.saturating_add(RACE_NS))?;
    let next = after
        .iter()
        .find(|next| order(next) > order(event) && facts::written(next).any(|other| other.inode == file.inode));
    if let Some(next) = next {
        found.class = found.class.max(Class::Consistent);
        found.support.push(next.id);
        found.missing.push("whether it was read before somebody opened it for writing again, at once".into());
    }
    Ok(Some(Found::one(&last, found)))
}

/// The files of a folder that were written or put there, the last ones first.
fn files_of(case: &Case<'_>, event: &Event, folder: &str) -> Result<Vec<Str>, Failed> {
    let mut paths: Vec<Str> = Vec::new();
    for write in case.latest(keys::folder(event, folder), event.when.event.nanos, WRITES_MAX)?.iter() {
        for (_, path, _) in touched(write).filter(|(_, path, _)| folder_of(path) == Some(folder)) {
            if paths.len() < FILES_MAX && !paths.iter().any(|known| known == path) {
                paths.push(path.into());
            }
        }
    }
    Ok(paths)
}

/// The last write of what stood at a path. Files that may both stand there are both candidates.
fn of_named(case: &Case<'_>, event: &Arc<Event>, path: &str) -> Result<Option<Found>, Failed> {
    let latest = case.latest(keys::path(event, path), event.when.event.nanos, WRITES_MAX)?;
    let mut before: Vec<&Arc<Event>> = latest.iter().filter(|write| order(write) < order(event)).collect();
    before.sort_by_key(|write| std::cmp::Reverse(order(write)));
    let (mut gone, mut there): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut causes: Vec<Arc<Event>> = Vec::new();
    let mut made = None;
    for write in before {
        let here = || touched(write).filter(|(_, other, _)| *other == path);
        let is_gone = |object: &Object| object.role.as_deref() == Some("DELETE");
        for (_, _, inode) in here().filter(|(object, ..)| !is_gone(object)) {
            if gone.contains(&inode) || there.contains(&inode) {
                continue;
            }
            there.push(inode);
            // Where a device's numbers are given anew, the path is that of a container.
            let writers = if inode.starts_with("00:") { None } else { Some(files::writers(case, event, inode)?) };
            let Some((writers, last)) = writers.and_then(|writers| writers.last.clone().map(|last| (writers, last)))
            else {
                continue;
            };
            if made.is_none() {
                let mut found = link(&FILE_LOADED, Class::Consistent, &last, event);
                found.keys.push(key("path", path, path));
                found.missing.push("the inode: it is told which file was named, not which was read".into());
                found.support.extend(Some(write.id).filter(|id| *id != last.id));
                files::weigh(case, &mut found, &writers, &last, event.when.event.nanos)?;
                made = Some(found);
            }
            causes.push(last);
        }
        gone.extend(here().filter(|(object, ..)| is_gone(object)).map(|(_, _, inode)| inode));
    }
    let Some(mut found) = made else { return Ok(None) };
    causes.sort_by_key(|cause| cause.id);
    causes.dedup_by_key(|cause| cause.id);
    if causes.len() > 1 {
        found.class = Class::Ambiguous;
        found.missing.push("which of several files stood at the path: none is known to have been taken away".into());
    }
    if latest.len() >= WRITES_MAX {
        found.class = Class::Ambiguous;
        found.missing.push(format!("older writes of the path: the newest {WRITES_MAX} are looked at").into());
    }
    Ok(Some(Found::one_of(causes, found)))
}

/// What components read of what an event wrote, for those that are asked for their own grounds.
pub fn loaded(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let at = event.when.event.nanos;
    for written in facts::written(event) {
        let there = case.with_inode(written.inode, at)?;
        let here = |other: &&Arc<Event>| {
            other.r#where.node == event.r#where.node && other.r#where.cluster == event.r#where.cluster
        };
        into.extend(there.iter().filter(here).filter(|other| read(other).is_some()).cloned());
        let paths = written.path.into_iter().chain(written.path.and_then(folder_of));
        for path in paths {
            into.extend(case.with_key(keys::loads(event, path), at, i64::MAX)?.iter().cloned());
        }
    }
    Ok(())
}

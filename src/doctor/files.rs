//! What is followed: whether it is there, and whether this user may read it; `/proc/PID/cgroup` of others.
//!
//! Not here: how far it was read (`deponent sources`).

use super::host::{AUDIT_READ, DAC_READ_SEARCH, Host};
use super::{Check, some_of};
use crate::config::{KERNEL_AUDIT, Tail};
use crate::source::listed;
use std::io::ErrorKind;

/// Paths that a line names at most.
const SHOWN: usize = 3;
/// Logs that are opened at most.
const LOGS_MAX: usize = 10_000;

/// One check for each table `[[tail]]`.
pub fn followed(host: &Host, tails: &[Tail]) -> Vec<Check> {
    if tails.is_empty() {
        let advice = "[[tail]]\npaths = [\"/var/log/audit/audit.log\"]";
        return vec![Check::warn("followed files", "no [[tail]]: nothing is read here", advice)];
    }
    let mut checks: Vec<Check> = tails.iter().filter_map(|tail| table(host, tail)).collect();
    if tails.iter().any(|tail| tail.paths.iter().any(|path| path == KERNEL_AUDIT)) {
        checks.push(audit_group(host));
    }
    checks
}

fn table(host: &Host, tail: &Tail) -> Option<Check> {
    let name = "followed files";
    let paths: Vec<String> = tail.paths.iter().filter(|path| *path != KERNEL_AUDIT).cloned().collect();
    if paths.is_empty() {
        return None;
    }
    let (mut good, mut refused, mut troubles) = (0usize, Vec::new(), Vec::new());
    for path in &paths {
        let found = listed(&host.at(path));
        for trouble in found.troubles {
            if trouble.contains("denied") { refused.push(trouble) } else { troubles.push(trouble) }
        }
        for log in found.logs.keys().take(LOGS_MAX) {
            match (host.opens)(log) {
                Ok(()) => good += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => refused.push(log.display().to_string()),
                Err(error) => troubles.push(format!("{}: {error}", log.display())),
            }
        }
    }
    let named = some_of(&paths, SHOWN);
    Some(if !refused.is_empty() {
        let missing = if host.may(DAC_READ_SEARCH) {
            "this process has CAP_DAC_READ_SEARCH: look for SELinux, AppArmor or a user namespace (`ausearch -m avc`)"
        } else {
            "AmbientCapabilities=CAP_DAC_READ_SEARCH in the unit, or capabilities.add: [DAC_READ_SEARCH] in the pod"
        };
        Check::fail(name, format!("this user may not read {}", some_of(&refused, SHOWN)), missing)
    } else if !troubles.is_empty() {
        Check::fail(name, some_of(&troubles, SHOWN), "mount or repair it, or take it out of the table")
    } else if good == 0 {
        let advice = "let the node write it (docs/deploying.md, step 4), or take the table out of the configuration";
        Check::warn(name, format!("nothing there: {named}"), advice)
    } else {
        Check::ok(name, format!("{good} readable: {named}"))
    })
}

/// The kernel's audit group.
fn audit_group(host: &Host) -> Check {
    let name = "netlink:audit";
    if host.may(AUDIT_READ) {
        return Check::ok(name, "CAP_AUDIT_READ is there; the group speaks in the first network namespace only");
    }
    let advice = "AmbientCapabilities=CAP_AUDIT_READ in the unit, or capabilities.add: [AUDIT_READ] and hostNetwork: true in the pod";
    Check::fail(name, "this process has no CAP_AUDIT_READ: the kernel's audit group cannot be joined", advice)
}

/// Whether the control groups of other processes can be read: an agent writes from them in which container a process ran.
pub fn cgroups(host: &Host) -> Check {
    let name = "/proc/PID/cgroup";
    let first = host.at("/proc/1/cgroup");
    match (host.opens)(&first) {
        Err(error) => Check::fail(
            name,
            format!("{}: {error}", first.display()),
            "mount /proc without hidepid for this user (gid=), and ProtectProc=default in the unit",
        ),
        // The thread that makes all threads of the kernel is number 2, and in no other namespace.
        Ok(()) if host.text("/proc/2/comm").is_ok_and(|comm| comm.trim() == "kthreadd") => {
            Check::ok(name, "processes of the whole machine are seen")
        }
        Ok(()) => Check::warn(
            name,
            "only the processes of this container are seen: records of audit get no container",
            "hostPID: true in the pod",
        ),
    }
}

//! The kernel's limits for this user: inotify, open files.
//!
//! Not here: room on disks (`disk`).

use super::Check;
use super::host::{Host, read};
use crate::config::{KERNEL_AUDIT, Tail};
use crate::source::listed;
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries of `/proc/PID/fd` that are looked at.
const HANDLES_MAX: usize = 200_000;

/// inotify: one instance, one watch a folder. Without it files are polled.
pub fn inotify(host: &Host, tails: &[Tail]) -> Check {
    let name = "inotify";
    let limits = ["/proc/sys/fs/inotify/max_user_watches", "/proc/sys/fs/inotify/max_user_instances"];
    let (watches, instances) = match limits.map(|path| host.number(path)) {
        [Ok(watches), Ok(instances)] => (watches, instances),
        [Err(why), _] | [_, Err(why)] => return Check::unknown(name, why, "mount /proc"),
    };
    let folders = u64::try_from(folders(host, tails)).unwrap_or(u64::MAX);
    let used = instances_of(host);
    let seen = format!(
        "{folders} folders to watch, max_user_watches {watches}; this user has {used} instances, max_user_instances {instances}"
    );
    if folders.saturating_mul(2) > watches || used.saturating_add(1) > instances {
        let advice = format!(
            "sysctl -w fs.inotify.max_user_watches={} fs.inotify.max_user_instances={}   (and in /etc/sysctl.d)",
            watches.max(folders.saturating_mul(4)).max(65_536),
            instances.max(used.saturating_mul(2)).max(512),
        );
        return Check::warn(name, format!("{seen}; what cannot be watched is polled"), advice);
    }
    Check::ok(name, seen)
}

fn folders(host: &Host, tails: &[Tail]) -> usize {
    let logs = logs(host, tails);
    let folders: BTreeSet<&Path> = logs.iter().filter_map(|path| path.parent()).collect();
    folders.len()
}

fn logs(host: &Host, tails: &[Tail]) -> Vec<PathBuf> {
    let paths = tails.iter().flat_map(|tail| &tail.paths).filter(|path| *path != KERNEL_AUDIT);
    paths.flat_map(|path| listed(&host.at(path)).logs.into_keys()).collect()
}

/// Instances of inotify that this user's processes have, as far as they can be seen.
fn instances_of(host: &Host) -> u64 {
    let Ok(processes) = std::fs::read_dir(host.at("/proc")) else { return 0 };
    let (mut looked, mut found) = (0usize, 0u64);
    for process in processes.flatten() {
        let is_process = process.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
        if !is_process || process.metadata().map_or(true, |data| data.uid() != host.uid) {
            continue;
        }
        for handle in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            looked += 1;
            if looked > HANDLES_MAX {
                return found;
            }
            if std::fs::read_link(handle.path()).is_ok_and(|target| target.as_os_str() == "anon_inode:inotify") {
                found = found.saturating_add(1);
            }
        }
    }
    found
}

/// Open files: of the process `pid` that runs, else of this one. `connections`: that may be open at once.
pub fn open_files(host: &Host, tails: &[Tail], connections: u64, pid: Option<u32>) -> Check {
    let name = "open files";
    let who = pid.map_or("self".to_owned(), |pid| pid.to_string());
    let whose = pid.map_or("this shell".to_owned(), |pid| format!("process {pid}"));
    let path = host.at(&format!("/proc/{who}/limits"));
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) => return Check::unknown(name, format!("{}: {error}", path.display()), "run it as the same user"),
    };
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next());
    let limit = match soft {
        Some("unlimited") => u64::MAX,
        Some(number) => number.parse().unwrap_or(0),
        None => return Check::unknown(name, format!("{}: no line `Max open files`", path.display()), "ulimit -n"),
    };
    let logs = u64::try_from(logs(host, tails).len()).unwrap_or(u64::MAX);
    // What stands open besides: segments, the index, sockets.
    let needed = logs.saturating_add(connections).saturating_add(256);
    let seen = format!("RLIMIT_NOFILE of {whose} is {limit}; up to {needed} may be needed");
    if needed > limit {
        return Check::warn(name, seen, format!("LimitNOFILE={} in the unit", needed.max(65_536)));
    }
    Check::ok(name, seen)
}

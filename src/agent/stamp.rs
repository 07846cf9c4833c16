//! In which container a process runs: the agent's own claim beside the kernel's record, read from `/proc/PID/cgroup` when the record is.
//!
//! The kernel's audit records name no container; seconds later the process may be gone. What is read then may already be another process of that number: the
//! start time is part of the claim, and the claim is the agent's, not the kernel's. Inside: which processes were seen, bounded. Not here: what is made of a claim (`correlate`).

use crate::evidence::Draft;
use crate::model::{Moment, RecordKind};
use crate::pipeline::own_records;
use crate::time::rfc3339;
use serde_json::json;
use std::collections::HashMap;

/// Processes that are remembered; with more, all are forgotten and looked up again.
const KNOWN_MAX: usize = 16_384;
/// Claims of one draft at most: a batch has 1,000 records.
const CLAIMS_MAX: usize = 1_000;
/// A process is claimed again when it acts so long after the last claim, ns: a claim speaks for the time up to it.
const AGAIN_NS: i64 = 60_000_000_000;
/// Ticks of a second in `/proc/PID/stat`: USER_HZ, on all machines that containers run on.
const TICK_NS: i64 = 10_000_000;
/// What is subtracted from a start, as ticks and uptime are both cut to 10 ms: it is never later than the true one.
const EARLY_NS: i64 = 20_000_000;
/// Bytes of `/proc/PID/cgroup` that are looked at.
const CGROUP_BYTES_MAX: u64 = 16 << 10;

/// Looks processes up.
pub(super) struct Stamper {
    /// Processes that were looked up by their number: start, and when that was.
    known: HashMap<u32, (u64, i64)>,
}

impl Stamper {
    pub(super) fn new() -> Stamper {
        Stamper { known: HashMap::new() }
    }

    /// The claims about the processes of a batch of the kernel's records.
    pub(super) fn stamp(&mut self, draft: &Draft, now: Moment) -> Option<Draft> {
        if draft.kind != RecordKind::Auditd {
            return None;
        }
        let mut lines = String::new();
        for line in draft.bytes.split(|byte| *byte == b'\n') {
            if lines.len() >= CLAIMS_MAX {
                break;
            }
            let Some((serial, pid)) = process(line) else { continue };
            let Some((start, cgroup)) = of_process(pid) else { continue };
            let told = |(before, when): &&(u64, i64)| *before == start && now.nanos.saturating_sub(*when) < AGAIN_NS;
            if self.known.get(&pid).filter(told).is_some() {
                continue;
            }
            self.known.insert(pid, (start, now.nanos));
            if self.known.len() > KNOWN_MAX {
                self.known.clear();
            }
            let Some(container) = container(&cgroup) else { continue };
            let mut record = json!({
                "deponent": "process-container", "time": rfc3339(now), "audit": serial, "pid": pid, "start_ticks": start,
                "container_id": container.id, "cgroup": cgroup,
            });
            if let Some(record) = record.as_object_mut() {
                container.pod_uid.map(|uid| record.insert("pod_uid".to_owned(), uid.into()));
                started(start, now).map(|started| record.insert("started".to_owned(), rfc3339(started).into()));
            }
            lines.push_str(&crate::query::json::line(&record));
            lines.push('\n');
        }
        if lines.is_empty() {
            return None;
        }
        let source = format!("{}:containers", draft.node);
        Some(own_records(&lines, &source, &draft.cluster, &draft.node))
    }
}

/// The stamp and the process number of a record about one that runs.
fn process(line: &[u8]) -> Option<(String, u32)> {
    let line = line.strip_prefix(b"type=")?;
    if !(line.starts_with(b"SYSCALL ") || line.starts_with(b"1300 ")) {
        return None;
    }
    let text = std::str::from_utf8(line.get(..line.len().min(512))?).ok()?;
    let serial = text.split_once("audit(")?.1.split_once(')')?.0;
    let pid = text.split_once(" pid=")?.1.split(' ').next()?.parse().ok()?;
    Some((serial.to_owned(), pid))
}

/// Start time in clock ticks and control group of a process that is there.
fn of_process(pid: u32) -> Option<(u64, String)> {
    let start = start_of(pid)?;
    let mut cgroup = String::new();
    let file = std::fs::File::open(format!("/proc/{pid}/cgroup")).ok()?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, CGROUP_BYTES_MAX), &mut cgroup).ok()?;
    // Another process may have got the number between.
    (start_of(pid)? == start).then_some(())?;
    let unified = cgroup.lines().find_map(|line| line.strip_prefix("0::"));
    let named = || cgroup.lines().find_map(|line| line.split_once(":name=systemd:").map(|(_, path)| path));
    Some((start, unified.filter(|path| *path != "/").or_else(named)?.to_owned()))
}

fn start_of(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, also parentheses.
    let behind = stat.get(stat.iter().rposition(|byte| *byte == b')')?..)?;
    std::str::from_utf8(behind).ok()?.split(' ').nth(20)?.parse().ok()
}

/// When a process started, by the clock of now, at the latest.
fn started(ticks: u64, now: Moment) -> Option<Moment> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    started_at(ticks, &uptime, now)
}

fn started_at(ticks: u64, uptime: &str, now: Moment) -> Option<Moment> {
    let (seconds, hundredths) = uptime.split(' ').next()?.split_once('.')?;
    let up = seconds.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths.parse().ok()?)?;
    let ago = up.checked_sub(i64::try_from(ticks).ok()?)?.checked_mul(TICK_NS)?;
    Some(Moment { nanos: now.nanos.checked_sub(ago)?.checked_sub(EARLY_NS)?, digits: 9 })
}

struct Container<'a> {
    id: &'a str,
    pod_uid: Option<String>,
}

/// The container whose control group this is: the last part that holds 64 hex digits; the pod as the kubelet names its groups.
fn container(cgroup: &str) -> Option<Container<'_>> {
    let is_id = |text: &&str| text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let id_of = |part| -> Option<&str> {
        let part: &str = part;
        let part = part.strip_suffix(".scope").unwrap_or(part);
        let (what, id) = part.rsplit_once(['-', ':']).unwrap_or(("", part));
        // The monitor of a container is a process of the node.
        Some(id).filter(is_id).filter(|_| !what.ends_with("conmon"))
    };
    let id = cgroup.split('/').rev().find_map(id_of)?;
    let pod = cgroup.split('/').rev().find_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let uid = part.rsplit_once("-pod").map(|(_, uid)| uid).or(part.strip_prefix("pod"))?;
        let uid = uid.replace('_', "-");
        (uid.len() >= 32 && uid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())).then_some(uid)
    });
    Some(Container { id, pod_uid: pod })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "e1cbf0a3e5d5cd0e6a5e4c5b5a9f1d2c3b4a59687766554433221100ffeeddcc";

    #[test]
    fn the_container_is_named_however_the_runtime_writes_it() {
        for (cgroup, pod) in [
            (
                format!(
                    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0d1c4d4e_3f0a_4d52_a1a8_0a4e5e6f7a8b.slice/cri-containerd-{ID}.scope"
                ),
                Some("0d1c4d4e-3f0a-4d52-a1a8-0a4e5e6f7a8b"),
            ),
            (
                format!("/kubepods/burstable/pod0d1c4d4e-3f0a-4d52-a1a8-0a4e5e6f7a8b/{ID}"),
                Some("0d1c4d4e-3f0a-4d52-a1a8-0a4e5e6f7a8b"),
            ),
            (format!("/kubepods/pod7f0e2c2b8b0c2b0f8a7c1a0d4e5f6a7b/{ID}"), Some("7f0e2c2b8b0c2b0f8a7c1a0d4e5f6a7b")),
            (format!("/system.slice/docker-{ID}.scope"), None),
            (format!("/machine.slice/libpod-{ID}.scope/container"), None),
            (format!("/k8s.io/{ID}"), None),
            (format!("kubepods-besteffort.slice:cri-containerd:{ID}"), None),
        ] {
            let found = container(&cgroup).unwrap_or_else(|| panic!("{cgroup}"));
            assert_eq!((found.id, found.pod_uid.as_deref()), (ID, pod), "{cgroup}");
        }
        for cgroup in [
            "/",
            "/user.slice/user-0.slice/session-3.scope",
            "/system.slice/sshd.service",
            &format!("/x/{}", &ID[1..]),
            &format!("/kubepods.slice/crio-conmon-{ID}.scope"),
            &format!("/machine.slice/libpod-conmon-{ID}.scope"),
        ] {
            assert!(container(cgroup).is_none(), "{cgroup}");
        }
    }

    #[test]
    fn only_records_about_a_process_are_looked_at() {
        let line =
            b"type=SYSCALL msg=audit(1795467538.268:316212): arch=c000003e syscall=59 success=yes ppid=1 pid=77 auid=1";
        assert_eq!(process(line), Some(("1795467538.268:316212".to_owned(), 77)));
        let line = b"type=1300 len=9: audit(1795467538.268:316212): arch=c000003e ppid=1 pid=77 auid=1";
        assert_eq!(process(line).unwrap().1, 77);
        for other in [
            &b"type=PATH msg=audit(1.1:1): item=0 pid=7"[..],
            b"",
            b"type=SYSCALL",
            b"type=SYSCALL msg=audit(1.1:1): pid=x ",
        ] {
            assert_eq!(process(other), None);
        }
    }

    #[test]
    fn a_start_is_never_told_later_than_it_was() {
        let now = Moment { nanos: 1_795_467_576_000_000_000, digits: 9 };
        let at = |ticks, uptime: &str| started_at(ticks, uptime, now).map(|at| now.nanos - at.nanos);
        assert_eq!(at(9_000, "100.00 3.00\n"), Some(10_020_000_000), "10 s ago");
        for (ticks, uptime) in [(u64::MAX, "100.00 3"), (1, ""), (1, "x.y"), (1, "5"), (1, "9223372036854775807.00 1")]
        {
            assert_eq!(at(ticks, uptime), None, "{ticks} {uptime}");
        }
    }

    #[test]
    fn this_process_is_found() {
        let (start, cgroup) = of_process(std::process::id()).unwrap();
        let now = crate::time::now();
        let started = started(start, now).unwrap();
        assert!(started.nanos < now.nanos && now.nanos - started.nanos < 3_600_000_000_000, "{started:?}");
        assert!(start > 0 && cgroup.starts_with('/'), "{cgroup}");
        assert!(of_process(u32::MAX).is_none());
    }
}

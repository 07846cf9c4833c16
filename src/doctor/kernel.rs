//! The kernel's auditing: whether it is on, and what it does when it cannot keep up.
//!
//! Not here: its rules (`rules`), auditd (`auditd`).

use super::Check;
use crate::source::AuditStatus;
use std::io;

/// What deploy/audit/audit.rules asks for.
const BACKLOG: u32 = 8_192;

/// What the kernel answered (AUDIT_GET), and its command line.
pub fn kernel(status: &io::Result<AuditStatus>, cmdline: &str) -> Vec<Check> {
    let name = "kernel audit";
    let status = match status {
        Ok(status) => status,
        Err(error) => return vec![refused(name, error)],
    };
    let off = cmdline.split_whitespace().any(|word| matches!(word, "audit=0" | "audit=off"));
    let mut checks = vec![match status.enabled {
        0 if off => Check::fail(
            name,
            "off: audit=0 on the kernel's command line",
            "audit=1 in GRUB_CMDLINE_LINUX, update-grub, reboot",
        ),
        0 => Check::fail(name, "off", "auditctl -e 1"),
        2 => Check::ok(name, "on and locked (-e 2): rules can be changed only by a reboot"),
        _ => Check::ok(name, "on"),
    }];
    checks.push(match status.failure {
        0 => Check::warn(
            "audit failure mode",
            "0: records are lost without a word",
            "auditctl -f 1   (-f 1 in /etc/audit/rules.d)",
        ),
        2 => Check::ok("audit failure mode", "2: the machine halts when a record is lost"),
        _ => Check::ok("audit failure mode", "1: a lost record is written to the kernel's log"),
    });
    let backlog = format!("backlog_limit {}, {} waiting", status.backlog_limit, status.backlog);
    checks.push(if status.backlog_limit < BACKLOG && status.backlog_limit != 0 {
        let advice = format!("auditctl -b {BACKLOG}   (-b {BACKLOG} in /etc/audit/rules.d; audit_backlog_limit={BACKLOG} for the time of booting)");
        Check::warn("audit backlog", backlog, advice)
    } else {
        Check::ok("audit backlog", backlog)
    });
    checks.push(match status.lost {
        0 => Check::ok("audit lost", "no record was lost since boot"),
        lost => Check::warn(
            "audit lost",
            format!("{lost} records were lost since boot"),
            format!("auditctl -b {} --backlog_wait_time 60000; then auditctl --reset-lost", BACKLOG.saturating_mul(4)),
        ),
    });
    checks.push(match status.rate_limit {
        0 => Check::ok("audit rate limit", "none"),
        rate => {
            Check::warn("audit rate limit", format!("{rate} records a second: what is more is lost"), "auditctl -r 0")
        }
    });
    checks
}

fn refused(name: &'static str, error: &io::Error) -> Check {
    const EPROTONOSUPPORT: i32 = 93;
    const ECONNREFUSED: i32 = 111;
    match error.raw_os_error() {
        Some(EPROTONOSUPPORT) => {
            Check::fail(name, "this kernel has no auditing", "a kernel with CONFIG_AUDIT and CONFIG_AUDITSYSCALL")
        }
        Some(ECONNREFUSED) => Check::unknown(
            name,
            "it does not answer in this network namespace",
            "on the node itself, or with hostNetwork: true",
        ),
        _ => Check::unknown(
            name,
            format!("{error}: it answers CAP_AUDIT_CONTROL in the first user namespace"),
            "as root on the node: deponent doctor, or auditctl -s",
        ),
    }
}

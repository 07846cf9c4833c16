//! `/etc/audit/auditd.conf`: whether auditd keeps what it writes long enough.
//!
//! Not here: what the kernel records (`rules`).

use super::Check;
use super::host::Host;

/// MiB of rotated logs: the buffer while an agent is away.
const LOGS_MIB: u64 = 100;

/// Checks auditd's configuration.
pub fn auditd_conf(host: &Host) -> Check {
    let name = "auditd.conf";
    let path = "/etc/audit/auditd.conf";
    let text = match host.text(path) {
        Ok(text) => text,
        Err(error) => {
            return Check::unknown(
                name,
                format!("{path}: {error}"),
                "as root on the node; nothing to do where netlink:audit is followed instead",
            );
        }
    };
    let value = |key: &str| {
        let pairs =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| line.split_once('='));
        let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(key));
        values.next_back().map(|(_, value)| value.trim().to_ascii_uppercase())
    };
    let number = |key: &str, default: u64| value(key).and_then(|text| text.parse().ok()).unwrap_or(default);
    let action = value("max_log_file_action").unwrap_or("ROTATE".to_owned());
    if value("write_logs").is_some_and(|value| value == "NO") {
        return Check::fail(
            name,
            "write_logs = no: there is no audit.log",
            "write_logs = yes   (then: service auditd restart)",
        );
    }
    if action == "SUSPEND" {
        return Check::fail(
            name,
            "max_log_file_action = SUSPEND: nothing is written once the log is full",
            "max_log_file_action = ROTATE",
        );
    }
    let (size, logs) = (number("max_log_file", 8), number("num_logs", 5));
    let (mut seen, mut advice) = (Vec::new(), Vec::new());
    if action == "ROTATE" && size.saturating_mul(logs) < LOGS_MIB {
        seen.push(format!("{logs} logs of {size} MiB: what is not read by then is lost"));
        advice.push("max_log_file = 50, num_logs = 10");
    }
    if matches!(action.as_str(), "IGNORE" | "SYSLOG") {
        seen.push(format!("max_log_file_action = {action}: the log grows without end"));
        advice.push("max_log_file_action = ROTATE");
    }
    if value("log_format").is_none_or(|format| format != "ENRICHED") {
        seen.push("log_format is not ENRICHED: users and calls are numbers".to_owned());
        advice.push("log_format = ENRICHED");
    }
    if advice.is_empty() {
        return Check::ok(name, format!("{action}, {logs} logs of {size} MiB, ENRICHED"));
    }
    Check::warn(name, seen.join("; "), format!("{}   (then: service auditd restart)", advice.join(", ")))
}

//! Packets that a netfilter rule logged: iptables' LOG, nftables' `log`, ufw, firewalld; and those that a rule sent to ulogd.
//!
//! `[UFW BLOCK] IN=eth0 OUT= MAC=… SRC=10.0.0.9 DST=10.0.0.2 LEN=60 … PROTO=TCP SPT=4242 DPT=22 … SYN`. The rule's prefix stands before `IN=`; a packet can
//! write neither it nor a pair. Not here: NETFILTER_PKT and NETFILTER_CFG of the audit system (`linux`).

use deponent_parsers::line::Line;

use crate::model::{Event, Object, Outcome};
use crate::normalise::line::some;

/// Reads a text of the kernel; one that is no packet stays a text.
pub(super) fn read(message: &str, event: &mut Event) {
    let Some(at) = message.find("IN=").filter(|at| {
        *at == 0 || message.get(..*at).is_some_and(|before| before.ends_with([' ', ':', ']', '"', '_', '-']))
    }) else {
        return;
    };
    let (prefix, pairs) = message.split_at(at);
    let pairs_of = pairs.split(' ').filter_map(|word| word.split_once('='));
    // ICMP errors quote the packet that they are about: the first value of a name is this packet's.
    let value = |name: &str| {
        pairs_of.clone().find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    let (Some(src), Some(dst)) = (value("SRC"), value("DST")) else { return };
    if !pairs_of.clone().any(|(name, _)| name == "OUT") {
        return;
    }
    let prefix = kernel_time(prefix).trim().trim_end_matches(':');
    let net = event.how.net.get_or_insert_default();
    (net.src, net.dst) = (some(src), some(dst));
    (net.sport, net.dport) =
        (value("SPT").and_then(|port| port.parse().ok()), value("DPT").and_then(|port| port.parse().ok()));
    net.proto = value("PROTO").map(|proto| proto.to_ascii_lowercase().into());
    net.interface = value("IN").or_else(|| value("OUT")).and_then(some);
    net.verdict = verdict(prefix).map(|(verdict, _)| verdict.into());
    event.what.action = "logged-packet".into();
    event.what.outcome = verdict(prefix).map_or(Outcome::Unknown, |(_, outcome)| outcome);
    event.who.address = some(src);
    event.why.keys.extend(some(prefix));
}

/// Reads what the kernel says of network devices and of processes that it ended; everything else stays a text.
pub(super) fn device_or_crash(message: &str, event: &mut Event) {
    let message = kernel_time(message).trim();
    let mut about = |action: &str, kind: &str, name: &str| {
        event.what.action = action.into();
        event.what.object = Some(Object { kind: Some(kind.into()), name: some(name), ..Object::default() });
    };
    if let Some((bridge, rest)) = message.split_once(": port ")
        && let Some((port, state)) = rest.split_once(") entered ")
        && state.ends_with(" state")
        && is_device(bridge)
    {
        let port = port.split_once('(').map_or(port, |(_, device)| device);
        about("changed-bridge-port", "network-device", port);
        event.how.args.push(("bridge".into(), bridge.into()));
        event.how.args.push(("state".into(), state.trim_end_matches(" state").into()));
    } else if let Some((device, mode)) = message.split_once(": ")
        && let Some(device) = Some(device.trim_end_matches(" (unregistering)")).filter(|device| is_device(device))
        && (mode.starts_with("entered ") || mode.starts_with("left "))
        && mode.ends_with("mode")
    {
        about("changed-device-mode", "network-device", device);
        event.how.args.push(("mode".into(), mode.into()));
    } else if let Some((process, rest)) = message.split_once("]: ")
        && let Some((name, pid)) = process.rsplit_once('[')
        && let Ok(pid) = pid.parse()
        && (rest.starts_with("segfault at ") || rest.starts_with("traps: "))
    {
        // The name is the process's own.
        event.what.action = "crashed".into();
        event.what.outcome = Outcome::Failure;
        event.how.pid = Some(pid);
        event.how.comm = some(name);
    }
}

/// Names of network devices have at most 15 bytes, and no blanks.
fn is_device(name: &str) -> bool {
    (1..=15).contains(&name.len()) && !name.contains([' ', '/', ':'])
}

/// Reads what ulogd wrote of a packet or of a connection.
pub(super) fn of_ulogd(line: &Line<'_>, event: &mut Event) {
    let value = |name: &str| line.field(name).filter(|value| !value.is_empty());
    let (Some(src), Some(dst)) = (value("src_ip"), value("dest_ip")) else { return };
    let net = event.how.net.get_or_insert_default();
    (net.src, net.dst) = (some(src), some(dst));
    let port = |name: &str| value(name).and_then(|port| port.parse().ok());
    (net.sport, net.dport) = (port("src_port"), port("dest_port"));
    net.proto = value("ip.protocol").map(|number| match number {
        "1" => "icmp".into(),
        "6" => "tcp".into(),
        "17" => "udp".into(),
        "58" => "icmpv6".into(),
        other => other.into(),
    });
    net.interface = value("oob.in").or_else(|| value("oob.out")).and_then(some);
    // What is configured for all packets of that ulogd, as its operator names it.
    let verdict = value("action").map(|action| match action {
        "allowed" => ("accept", Outcome::Success),
        "blocked" => ("block", Outcome::Denied),
        _ => ("unknown", Outcome::Unknown),
    });
    net.verdict = verdict.filter(|(word, _)| *word != "unknown").map(|(word, _)| word.into());
    event.what.action = if value("ct.event").is_some() { "tracked-connection" } else { "logged-packet" }.into();
    event.what.outcome = verdict.map_or(Outcome::Unknown, |(_, outcome)| outcome);
    event.who.address = some(src);
    event.why.keys.extend(some(line.message.trim()));
}

/// `[12345.678901] ` before the text of a kern.log.
fn kernel_time(prefix: &str) -> &str {
    let behind = prefix.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("] "));
    match behind {
        Some((time, rest)) if time.trim().bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => rest,
        _ => prefix,
    }
}

/// What the rule did, where its maker put it into the prefix in a form that means nothing else: ufw's and firewalld's. A rule that logs need do nothing more.
fn verdict(prefix: &str) -> Option<(&'static str, Outcome)> {
    let ufw = prefix.strip_prefix("[UFW ").and_then(|rest| rest.split([']', ' ']).next());
    let firewalld = || prefix.strip_prefix("filter_").and_then(|rest| rest.rsplit('_').next());
    match ufw.or_else(firewalld)? {
        "BLOCK" => Some(("block", Outcome::Denied)),
        "DROP" => Some(("drop", Outcome::Denied)),
        "REJECT" => Some(("reject", Outcome::Denied)),
        "ALLOW" | "ACCEPT" => Some(("accept", Outcome::Success)),
        _ => None,
    }
}

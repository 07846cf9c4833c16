//! The process behind a packet that a firewall rule logged: `firewall-connection`.
//!
//! A line of the firewall names addresses and ports and no process; the kernel's record of connect() names the process and the other side alone. Inside: both, and a
//! client whose URL names the other side, where no connect() was recorded. Not here: requests of the API server (`sender`).

use super::case::{Case, FOUND_MAX, Failed};
use super::facts;
use super::keys;
use super::kubectl;
use super::links::{Found, key, link};
use super::rules::{FIREWALL_CONNECTION, PACKET_EARLY_NS, PACKET_HORIZON_NS};
use crate::model::{Class, Event, Net, Outcome, Source, Str};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// The other side of a connection: address and port, in one form.
pub fn other_side(net: &Net) -> Option<String> {
    let address = net.dst.as_deref()?.parse::<IpAddr>().ok()?.to_canonical();
    Some(format!("{address}:{}", net.dport?))
}

/// The other side of a packet that a rule logged.
pub fn logged(event: &Event) -> Option<String> {
    let net = event.how.net.as_deref()?;
    let is_packet = event.source == Source::Syslog && event.what.action == "logged-packet";
    is_packet.then(|| other_side(net)).flatten()
}

/// The other side of a connect() over IP that did not fail at once; one that is not waited for ends with EINPROGRESS.
pub fn connected(event: &Event) -> Option<String> {
    let is_call = event.source == Source::Linux && event.how.syscall.as_deref() == Some("connect");
    let under_way = event.what.code.as_deref().is_some_and(|code| code.contains("EINPROGRESS") || code == "-115");
    let done = event.what.outcome == Outcome::Success || under_way;
    is_call.then_some(event).filter(|_| done)?.how.net.as_deref().and_then(other_side)
}

/// The other sides that the URLs of curl or wget name by their addresses.
pub fn fetched(event: &Event) -> BTreeSet<String> {
    let Some(started) = facts::started(event) else { return BTreeSet::new() };
    let name = started.argv.first().map_or("", Str::as_str).rsplit('/').next().unwrap_or("");
    if !matches!(name, "curl" | "wget") {
        return BTreeSet::new();
    }
    let side = |word: &Str| {
        let (host, _) = kubectl::url(word)?;
        let default = if word.starts_with("https") { 443 } else { 80 };
        let (address, port) = match host.parse::<std::net::SocketAddr>() {
            Ok(both) => (both.ip(), both.port()),
            Err(_) => (host.trim_matches(['[', ']']).parse::<IpAddr>().ok()?, default),
        };
        Some(format!("{}:{port}", address.to_canonical()))
    };
    started.argv.iter().skip(1).take(64).filter_map(side).take(8).collect()
}

/// Who made the connection that a packet is of; `None` where the event is no such packet.
pub fn cause(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(side) = logged(event) else { return Ok(None) };
    let Some(net) = event.how.net.as_deref() else { return Ok(None) };
    if net.proto.as_deref() != Some("tcp") {
        return Ok(Some(Found::none(
            "whose packet it is: only connections of TCP are compared with the kernel's record of connect()",
        )));
    }
    let at = event.when.event.nanos;
    let (since, until) = (at.saturating_sub(PACKET_HORIZON_NS), at.saturating_add(PACKET_EARLY_NS));
    let connects = case.with_key(keys::connect_to(event, &side), since, until)?;
    let by_call = !connects.is_empty();
    let found = if by_call { connects } else { case.with_key(keys::fetch_of(event, &side), since, until)? };
    if found.len() >= FOUND_MAX {
        return Ok(Some(Found::none("more processes at that time than are looked at")));
    }
    let Some(first) = found.first() else {
        return Ok(Some(Found::none(
            "the connect() of the process, or a client whose URL names the other side: a rule for connect would show it; a packet from another machine has none here",
        )));
    };
    // Another connection to the same place at the time, and no further process: either may be somebody's who was not recorded.
    let more = connections(case, event, first, &side)? > found.len();
    let class = if found.len() > 1 || more { Class::Ambiguous } else { Class::Consistent };
    let mut made = link(&FIREWALL_CONNECTION, class, first, event);
    made.keys.push(key(if by_call { "remote address and port" } else { "url" }, side.clone(), side.clone()));
    if by_call {
        made.keys.push(key("protocol", "tcp", "tcp"));
    } else {
        made.missing
            .push("the connect() of the process: it was not recorded, and its arguments are its own word".into());
    }
    made.missing.push(
        "the port of this side: the record of connect() has none; whoever may write to the log can write such a line"
            .into(),
    );
    let mut one_of = Found::one_of(found.to_vec(), made);
    one_of.open = more;
    Ok(Some(one_of))
}

/// The connections to one place that were logged while this one may have been the process's.
fn connections(case: &Case<'_>, event: &Event, process: &Event, side: &str) -> Result<usize, Failed> {
    let start = process.when.event.nanos;
    let (since, until) = (start.saturating_sub(PACKET_EARLY_NS), start.saturating_add(PACKET_HORIZON_NS));
    let lines = case.with_key(keys::packet_to(event, side), since, until)?;
    let sides: BTreeSet<(Option<&Str>, Option<u16>)> =
        lines.iter().filter_map(|line| line.how.net.as_deref()).map(|net| (net.src.as_ref(), net.sport)).collect();
    Ok(sides.len())
}

/// The packets of a connection, or of a client.
pub fn packets(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let at = event.when.event.nanos;
    for side in connected(event).into_iter().chain(fetched(event)) {
        let (since, until) = (at.saturating_sub(PACKET_EARLY_NS), at.saturating_add(PACKET_HORIZON_NS));
        into.extend(case.with_key(keys::packet_to(event, &side), since, until)?.iter().cloned());
    }
    Ok(())
}

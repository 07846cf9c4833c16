//! The network: whether the collector answers and is the one that is known, and whether a collector's ports are free.
//!
//! Not here: the question itself (`agent::ask_collector`).

use super::Check;
use crate::agent::Greeting;
use crate::evidence::Holder;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

/// The collector's answer. `known`: the key that must sign its receipts, as configured or kept.
pub fn collector(to: &str, answer: &Result<Greeting, String>, known: Option<&str>) -> Check {
    let name = "collector";
    let greeting = match answer {
        Ok(greeting) => greeting,
        Err(why) => {
            let lower = why.to_ascii_lowercase();
            let advice = if lower.contains("certificate") || lower.contains("tls") || lower.contains("unknownissuer") {
                "`ca` must be the authority of the collector's certificate, which must name the host in `collector`; and the other way round for [agents]"
            } else {
                "is it running, and do firewall and NetworkPolicy let TCP through to that port?"
            };
            return Check::fail(name, format!("{to}: {why}"), advice);
        }
    };
    let version = greeting.version.as_deref().unwrap_or("of unknown version");
    match (greeting.status, greeting.vkey.as_deref()) {
        (200, Some(vkey)) if known.is_some_and(|known| known.trim() != vkey) => Check::fail(
            name,
            format!("{to} signs with {vkey}, not with the key that is known: {}", known.unwrap_or_default().trim()),
            "is it the right collector? After `deponent key adopt` there: collector_key = \"VKEY\" in agent.toml",
        ),
        (200, Some(vkey)) if known.is_none() => Check::warn(
            name,
            format!("{to} answers, deponent {version}; any key would be taken at the first start"),
            format!("collector_key = \"{vkey}\"   (compare it with `deponent key` on the collector)"),
        ),
        (200, Some(_)) => Check::ok(name, format!("{to} answers, deponent {version}, with the key that is known")),
        (status, _) => Check::fail(name, format!("{to} answers {status}, and no key"), "is that the port of [agents]?"),
    }
}

/// A port that this program listens on: free, or of the running one (`holder`).
pub fn door(name: &'static str, address: SocketAddr, holder: Option<Holder>) -> Check {
    match TcpListener::bind(address) {
        Ok(_) if holder.is_some() => {
            let advice = "journalctl -u deponent: why does the running collector not listen there? A new configuration needs a restart";
            Check::warn(name, format!("{address}: nobody listens, but a collector runs"), advice)
        }
        Ok(_) => Check::ok(name, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => match holder {
            Some(holder) => Check::ok(name, format!("{address} is taken; process {} runs this collector", holder.pid)),
            None => Check::fail(
                name,
                format!("{address} is taken by another program"),
                format!("ss -ltnp 'sport = :{}'   then another `listen`", address.port()),
            ),
        },
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Check::fail(
            name,
            format!("{address}: {error}"),
            "a port above 1023, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit",
        ),
        Err(error) => {
            Check::fail(name, format!("{address}: {error}"), "an address of this machine (ip -br address), or 0.0.0.0")
        }
    }
}

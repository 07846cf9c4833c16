//! Certificates: whether they can be used, for whom they speak, and how long.
//!
//! Not here: what the other side says of them (`reach`).

use super::Check;
use crate::model::Moment;
use crate::tls::{AgentName, ClientTls, Clients, Described, Files, ServerTls, comes_from_authority, describe};

const DAY_NS: i64 = 86_400 * 1_000_000_000;
/// So long before its end a certificate is said to end; a short one in its last third.
const LEFT_NS: i64 = 30 * DAY_NS;

/// Whose certificate it is.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// An agent's, which speaks for a node.
    Agent {
        /// Its cluster.
        cluster: &'a str,
        /// Its node.
        node: &'a str,
    },
    /// A server's.
    Server,
}

/// Checks certificate, key and authority.
pub fn certificates(files: &Files, side: Side<'_>, now: Moment) -> Vec<Check> {
    let name = "certificate and key";
    // As the program itself opens them: readable, private, of each other.
    let opened = match side {
        Side::Agent { .. } => ClientTls::open(files.clone(), &[b"h2"]).map(drop),
        Side::Server => ServerTls::open(files.clone(), Clients::Required).map(drop),
    };
    if let Err(error) = opened {
        let advice = format!(
            "ls -l {} {} {}   and whose they are; a new pair from your authority (or deponent init pki)",
            files.cert.display(),
            files.key.display(),
            files.ca.display()
        );
        return vec![Check::fail(name, error.to_string(), advice)];
    }
    let mut checks = vec![Check::ok(name, format!("{} and its key belong together", files.cert.display()))];
    let (own, authority) = match (describe(&files.cert), describe(&files.ca)) {
        (Ok(own), Ok(authority)) => (own, authority),
        (Err(error), _) | (_, Err(error)) => return vec![Check::fail(name, error.to_string(), "a certificate in PEM")],
    };
    let first = own.first();
    checks.extend(first.map(|own| whom(own, side)));
    let host = match side {
        Side::Agent { .. } => None,
        Side::Server => Some(first.and_then(|own| own.hosts.first()).map_or("localhost", String::as_str)),
    };
    checks.push(chain(files, side, host, now));
    checks.extend(own.first().map(|own| lasting("validity of the certificate", own, now)));
    checks.extend(authority.first().map(|authority| lasting("validity of the authority", authority, now)));
    checks
}

fn whom(own: &Described, side: Side<'_>) -> Check {
    let name = "name in the certificate";
    match side {
        Side::Agent { cluster, node } => {
            let said = own.name.as_deref().unwrap_or("nobody");
            let wanted = AgentName { cluster: cluster.to_owned(), node: Some(node.to_owned()) };
            if AgentName::parse(said).is_some_and(|agent| agent.speaks_for(cluster, node)) {
                Check::ok(name, said)
            } else {
                let advice = format!("a certificate with the URI {wanted}, or `cluster` and `node` as in this one");
                Check::fail(name, format!("{said} does not speak for {cluster}/{node}"), advice)
            }
        }
        Side::Server if own.hosts.is_empty() => Check::fail(
            name,
            "it names no host: no agent takes it",
            "a certificate with the collector's DNS name (deponent init pki --collector NAME)",
        ),
        Side::Server => Check::ok(name, format!("{}: agents must use one of these", own.hosts.join(", "))),
    }
}

fn chain(files: &Files, side: Side<'_>, host: Option<&str>, now: Moment) -> Check {
    let name = "chain of the certificate";
    match comes_from_authority(files, host, now) {
        Ok(()) => Check::ok(name, format!("from the authority in {}", files.ca.display())),
        // One that has ended is said below.
        Err(why) if why.contains("Expired") || why.contains("NotValidYet") || why.contains("expired") => {
            Check::unknown(name, why, "see its validity")
        }
        Err(why) => {
            let other = match side {
                Side::Agent { .. } => "the collector must know its authority (`ca` of [agents])",
                Side::Server => "agents must know its authority (their `ca`)",
            };
            Check::warn(name, format!("not from {}: {why}", files.ca.display()), other)
        }
    }
}

fn lasting(name: &'static str, one: &Described, now: Moment) -> Check {
    let until = crate::time::rfc3339(one.not_after);
    let left = one.not_after.nanos.saturating_sub(now.nanos);
    let life = one.not_after.nanos.saturating_sub(one.not_before.nanos);
    let renew = "a new one from your authority, to the same path: it is read within 5 s, without a restart";
    if one.not_before.nanos > now.nanos {
        let from = crate::time::rfc3339(one.not_before);
        return Check::fail(name, format!("not valid before {from}: is this clock right?"), "timedatectl");
    }
    if left <= 0 {
        return Check::fail(name, format!("it ended {until}"), renew);
    }
    let seen = format!("until {until}, {} days", left / DAY_NS);
    if left < LEFT_NS.min(life / 3) { Check::warn(name, seen, renew) } else { Check::ok(name, seen) }
}

//! What sshd says: connections, keys, logins, sessions.
//!
//! Names that a stranger chose stand within these texts, so each is cut from the end at which only the daemon writes. Not here: PAM's lines (`login`).

use super::login::act;
use super::named;
use crate::model::{Event, Object, Outcome, Str};
use crate::normalise::line::some;

/// `Accepted publickey for bob from 10.0.0.9 port 4242 ssh2: ED25519 SHA256:…`, `Failed password for invalid user x from …`, and ends of connections.
pub(super) fn read(message: &str, event: &mut Event) {
    let mut words = message.splitn(2, ' ');
    let (first, rest) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match first {
        "Accepted" if rest.starts_with("key ") => accepted_key(rest, event),
        "Starting" => session(rest, event),
        "Server" => {
            if let Some(at) = rest.strip_prefix("listening on ") {
                act(event, "listens", Outcome::Unknown);
                event.what.object = Some(Object { kind: Some("listener".into()), name: some(at), ..Object::default() });
            }
        }
        "User" => {
            if let Some(pid) = rest.strip_prefix("child is on pid ") {
                act(event, "started-child", Outcome::Unknown);
                event.how.args.push(("child".into(), pid.into()));
            }
        }
        "Close" => {
            // `session: user bob from 10.0.0.9 port 4242 id 0`
            let found = rest.strip_prefix("session: user ").and_then(|rest| rest.rsplit_once(" from "));
            if let Some((user, peer)) = found
                && peer_of(peer, event).is_some()
            {
                act(event, "ended-session", Outcome::Unknown);
                named(event, user);
            }
        }
        "PAM:" => {
            // `Authentication failure for illegal user x from 10.0.0.9`
            let found = rest.split_once(" for ").and_then(|(what, rest)| Some((what, rest.rsplit_once(" from ")?)));
            if let Some((what, (user, address))) = found
                && what.starts_with("Authentication ")
                && address.parse::<std::net::IpAddr>().is_ok()
            {
                act(event, "tried-to-log-in", Outcome::Failure);
                named(event, user.strip_prefix("illegal user ").unwrap_or(user));
                event.who.address = some(address);
            }
        }
        "Accepted" | "Failed" | "Postponed" => {
            let Some((method, rest)) = rest.split_once(" for ") else { return };
            // A user's name may hold anything, ` from ` too: the address is what stands last.
            let Some((user, peer)) = rest.rsplit_once(" from ") else { return };
            let Some(peer) = peer_of(peer, event) else { return };
            let user = user.strip_prefix("invalid user ").unwrap_or(user);
            let (action, outcome) = match first {
                "Accepted" => ("logged-in", Outcome::Success),
                "Failed" => ("tried-to-log-in", Outcome::Failure),
                _ => ("tried-to-log-in", Outcome::Unknown),
            };
            act(event, action, outcome);
            named(event, user);
            event.how.args.push(("method".into(), method.into()));
            // `ssh2: ED25519 SHA256:…`
            let fingerprint = peer.split(' ').find(|word| word.starts_with("SHA256:") || word.starts_with("MD5:"));
            event.who.credential = fingerprint.map(Str::from);
        }
        "Invalid" => {
            let Some((user, peer)) = rest.strip_prefix("user ").and_then(|rest| rest.rsplit_once(" from ")) else {
                return;
            };
            if peer_of(peer, event).is_some() {
                act(event, "tried-to-log-in", Outcome::Failure);
                named(event, user);
            }
        }
        "Connection" | "Disconnected" | "Received" => {
            let (action, at) = match first {
                "Connection" if rest.starts_with("from ") => ("connected", rest.strip_prefix("from ")),
                "Disconnected" => ("disconnected", rest.strip_prefix("from ")),
                "Connection" => ("disconnected", rest.split_once(" by ").map(|(_, at)| at)),
                _ => ("disconnected", rest.split_once("disconnect from ").map(|(_, at)| at)),
            };
            let Some(at) = at else { return };
            // `user bob 10.0.0.9 port …`, `authenticating user root …`, `invalid user x …`.
            let (user, at) = match at.strip_prefix("user ").or_else(|| at.split_once(" user ").map(|(_, at)| at)) {
                Some(at) => at.split_once(' ').map_or((None, at), |(user, at)| (Some(user), at)),
                None => (None, at),
            };
            if peer_of(at, event).is_some() {
                act(event, action, Outcome::Unknown);
                if let Some(user) = user {
                    named(event, user);
                }
            }
        }
        _ => {}
    }
}

/// `10.0.0.9 port 4242 …`: takes the address, returns what is behind the port.
fn peer_of<'t>(text: &'t str, event: &mut Event) -> Option<&'t str> {
    let (address, rest) = text.split_once(' ')?;
    let (port, rest) = rest.strip_prefix("port ").map(|rest| rest.split_once(' ').unwrap_or((rest, "")))?;
    address.parse::<std::net::IpAddr>().ok()?;
    event.who.address = Some(address.into());
    let net = event.how.net.get_or_insert_default();
    net.src = Some(address.into());
    net.sport = port.trim_end_matches(':').parse().ok();
    Some(rest)
}

/// `key ED25519 SHA256:… found at /home/bob/.ssh/authorized_keys:1`
fn accepted_key(rest: &str, event: &mut Event) {
    let Some((key, at)) = rest.split_once(" found at ") else { return };
    act(event, "accepted-key", Outcome::Success);
    event.who.credential =
        key.split(' ').find(|word| word.starts_with("SHA256:") || word.starts_with("MD5:")).map(Str::from);
    let path = at.rsplit_once(':').map_or(at, |(path, _)| path);
    event.what.object = Some(Object { kind: Some("file".into()), path: some(path), ..Object::default() });
}

/// `session: command on pts/0 for bob from 10.0.0.9 port 4242 id 0`, `session: shell …`, `session: subsystem 'sftp' …`.
fn session(rest: &str, event: &mut Event) {
    let found = rest.strip_prefix("session: ").and_then(|rest| rest.split_once(" for "));
    let Some((what, rest)) = found else { return };
    let Some((user, peer)) = rest.rsplit_once(" from ") else { return };
    if peer_of(peer, event).is_none() {
        return;
    }
    act(event, "started-session", Outcome::Success);
    named(event, user);
    let (what, tty) = what.split_once(" on ").map_or((what, None), |(what, tty)| (what, Some(tty)));
    event.how.tty = tty.and_then(some);
    event.what.object = Some(Object { kind: Some("session".into()), name: some(what), ..Object::default() });
}

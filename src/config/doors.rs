//! `[webhook]`, `[ndjson]`, `[syslog]`, `[relp]`, `[audisp]`: where a collector takes what programs of other people send. Each is closed until it is configured.
//!
//! Not here: what they speak (`serve::doors`), the door of agents (`door`).

use super::{ConfigError, value_error, zone_name};
use crate::model::{Mapping, Reading, RecordKind};
use crate::tls::Files;
use ipnet::IpNet;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What bare lines of an application are called where the name of a kind stands.
const APPLICATION: &str = "application";

/// What is spoken at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The API server's audit webhook.
    Webhook,
    /// HTTP: lines, Elasticsearch's `_bulk`, OTLP.
    Ndjson,
    /// syslog over TCP.
    Syslog,
    /// RELP.
    Relp,
    /// What audisp-remote speaks.
    Audisp,
}

impl Protocol {
    /// The name of its table.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Webhook => "webhook",
            Protocol::Ndjson => "ndjson",
            Protocol::Syslog => "syslog",
            Protocol::Relp => "relp",
            Protocol::Audisp => "audisp",
        }
    }

    /// Bytes of a message where nothing is configured, in MiB.
    fn message_mib(self) -> u64 {
        match self {
            Protocol::Webhook | Protocol::Ndjson => 32,
            Protocol::Syslog | Protocol::Relp | Protocol::Audisp => 4,
        }
    }
}

/// All keys of all doors: which of them a door has is checked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    listen: String,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    cluster: Option<String>,
    node: Option<String>,
    kind: Option<String>,
    kinds: Option<BTreeMap<String, String>>,
    zone: Option<String>,
    fields: Option<BTreeMap<String, Vec<String>>>,
    relp: Option<bool>,
    tokens: Option<bool>,
    peers: Option<Vec<String>>,
    nodes: Option<BTreeMap<String, String>>,
    connections: Option<u64>,
    message_mib: Option<u64>,
    held_mib: Option<u64>,
    rate_mib: Option<u64>,
    timeout_s: Option<u64>,
}

/// A door of third parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdDoor {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificates; without any it is plain, and on a loopback address, but for audisp-remote, which knows no TLS.
    pub tls: Option<Files>,
    /// Cluster of what comes.
    pub cluster: String,
    /// Node of what comes.
    pub node: String,
    /// The format of records; `None`: lines of an application.
    pub kind: Option<RecordKind>,
    /// Likewise, of an index of Elasticsearch.
    pub kinds: BTreeMap<String, Option<RecordKind>>,
    /// How records are to be read.
    pub reading: Reading,
    /// Whether it takes a token of the role `agent`, or a certificate of the authority where one is named.
    pub tokens: bool,
    /// Who may send without a certificate; none: everybody on this machine.
    pub peers: Vec<IpNet>,
    /// Nodes by their addresses.
    pub nodes: BTreeMap<IpAddr, String>,
    /// Bounds.
    pub limits: DoorLimits,
}

/// Bounds of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoorLimits {
    /// Connections at once.
    pub connections: usize,
    /// Bytes of a message, or of the body of a request after decompression.
    pub message_bytes: usize,
    /// Bytes of messages that are held at once until they are durable.
    pub held_bytes: usize,
    /// How long a message may take to come whole, s.
    pub timeout_s: u64,
    /// Bytes a second of one client; 0: as many as come.
    pub bytes_per_second: u64,
}

/// The name of a kind, or of an application's lines (`None`).
pub fn kind_of_door(name: &str) -> Option<Option<RecordKind>> {
    if name == APPLICATION { Some(None) } else { RecordKind::of_file(name).map(Some) }
}

impl Written {
    /// Checks the table of a door; `cluster` and `node` are the collector's.
    pub(super) fn checked(
        self,
        path: &Path,
        protocol: Protocol,
        cluster: &str,
        node: &str,
    ) -> Result<ThirdDoor, ConfigError> {
        let table = protocol.name();
        let wrong = |key: &str, message: String| value_error(path, &format!("{table}.{key}"), message);
        let foreign = self.foreign(protocol);
        if let Some(key) = foreign {
            return Err(wrong(key, "this door has no such key".to_owned()));
        }
        let limits = self.limits(protocol).map_err(|(key, message)| wrong(key, message))?;
        let listen: SocketAddr = self.listen.parse().map_err(|_| {
            wrong("listen", format!("`{}` is not an address with a port, such as 127.0.0.1:7365", self.listen))
        })?;
        let tokens = self.tokens == Some(true);
        let tls = match (self.cert, self.key, self.ca) {
            (None, None, None) => None,
            (Some(cert), Some(key), Some(ca)) => Some(Files { cert, key, ca }),
            (Some(cert), Some(key), None) if tokens => Some(Files { cert, key, ca: PathBuf::new() }),
            _ => {
                let message = "`cert`, `key` and `ca` are needed together; with `tokens = true` not the last";
                return Err(wrong("cert", message.to_owned()));
            }
        };
        let mut peers = Vec::new();
        for text in self.peers.unwrap_or_default() {
            let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            peers.push(net.map_err(|_| wrong("peers", format!("`{text}` is neither an address nor a network")))?);
        }
        if !listen.ip().is_loopback() {
            if protocol == Protocol::Audisp && peers.is_empty() {
                let message = "audisp-remote knows no TLS: on other than a loopback address, list who may send";
                return Err(wrong("peers", message.to_owned()));
            }
            if protocol != Protocol::Audisp && tls.is_none() {
                let message = format!("`{listen}` is not a loopback address: there it takes `cert`, `key` and `ca`");
                return Err(wrong("listen", message));
            }
        }
        let mut nodes = BTreeMap::new();
        for (address, name) in self.nodes.unwrap_or_default() {
            let ip = address.parse().map_err(|_| wrong("nodes", format!("`{address}` is no address")))?;
            nodes.insert(ip, name);
        }
        let of = |key: &str, name: &str| {
            kind_of_door(name)
                .ok_or_else(|| wrong(key, format!("`{name}` is none of: {}, {APPLICATION}", RecordKind::names())))
        };
        let kind = match (protocol, self.kind.as_deref()) {
            (Protocol::Webhook, _) => Some(RecordKind::KubernetesAudit),
            (Protocol::Audisp, _) => Some(RecordKind::Auditd),
            (Protocol::Ndjson, None) => None,
            (_, None) => Some(RecordKind::Syslog),
            (_, Some(name)) => of("kind", name)?,
        };
        let mut kinds = BTreeMap::new();
        for (index, name) in self.kinds.unwrap_or_default() {
            kinds.insert(index, of("kinds", &name)?);
        }
        let zone = self.zone.as_deref().map(zone_name).transpose().map_err(|message| wrong("zone", message))?;
        let mut mapping = Mapping::default();
        for (question, names) in self.fields.iter().flatten() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            mapping.set(question, &names).map_err(|message| wrong("fields", message))?;
        }
        let protocol = if self.relp == Some(true) { Protocol::Relp } else { protocol };
        Ok(ThirdDoor {
            protocol,
            listen,
            tls,
            tokens,
            cluster: self.cluster.unwrap_or_else(|| cluster.to_owned()),
            node: self.node.unwrap_or_else(|| node.to_owned()),
            kind,
            kinds,
            reading: Reading { zone: zone.unwrap_or_default(), fields: mapping.to_string() },
            peers,
            nodes,
            limits,
        })
    }

    /// A key that this door does not have.
    fn foreign(&self, protocol: Protocol) -> Option<&'static str> {
        let fixed = matches!(protocol, Protocol::Webhook | Protocol::Audisp);
        let audisp = protocol == Protocol::Audisp;
        let certificates = self.cert.is_some() || self.key.is_some() || self.ca.is_some();
        [
            ("kind", self.kind.is_some() && fixed),
            ("fields", self.fields.is_some() && fixed),
            ("zone", self.zone.is_some() && fixed),
            ("kinds", self.kinds.is_some() && protocol != Protocol::Ndjson),
            ("relp", self.relp.is_some() && protocol != Protocol::Syslog),
            ("tokens", self.tokens.is_some() && !matches!(protocol, Protocol::Webhook | Protocol::Ndjson)),
            ("peers", self.peers.is_some() && !audisp),
            ("nodes", self.nodes.is_some() && !audisp),
            ("cert", certificates && audisp),
        ]
        .into_iter()
        .find_map(|(key, is)| is.then_some(key))
    }

    fn limits(&self, protocol: Protocol) -> Result<DoorLimits, (&'static str, String)> {
        let within = |key, value: Option<u64>, default: u64, low: u64, high: u64| match value.unwrap_or(default) {
            value if (low..=high).contains(&value) => Ok(value),
            value => Err((key, format!("{value} is not within {low} to {high}"))),
        };
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let message = within("message_mib", self.message_mib, protocol.message_mib(), 1, 256)?;
        let held = within("held_mib", self.held_mib, 64.max(message), message, 4_096)?;
        Ok(DoorLimits {
            connections: size(within("connections", self.connections, 256, 1, 65_536)?),
            message_bytes: size(message << 20),
            held_bytes: size(held << 20),
            timeout_s: within("timeout_s", self.timeout_s, 60, 1, 3_600)?,
            bytes_per_second: within("rate_mib", self.rate_mib, 64, 0, 65_536)? << 20,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("c.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_door_has_the_collectors_names_and_its_own() {
        let text = "cluster = 'c'\nnode = 'n'\n[webhook]\nlisten = '127.0.0.1:1'\n[syslog]\nlisten = '[::1]:2'\nrelp = true\nnode = 'm'\n\
                    [audisp]\nlisten = '0.0.0.0:60'\npeers = ['10.0.0.0/8', '::1']\nnodes = { '10.0.0.5' = 'node-5' }\n\
                    [ndjson]\nlisten = '0.0.0.0:3'\ncert = 'a'\nkey = 'b'\nca = 'c'\nkinds = { audit = 'kubernetes-audit', app = 'application' }";
        let doors = parse(text).unwrap().doors;
        let names: Vec<_> =
            doors.iter().map(|door| (door.protocol, door.cluster.as_str(), door.node.as_str())).collect();
        let expected = [
            (Protocol::Webhook, "c", "n"),
            (Protocol::Ndjson, "c", "n"),
            (Protocol::Relp, "c", "m"),
            (Protocol::Audisp, "c", "n"),
        ];
        assert_eq!(names, expected);
        assert_eq!(doors[1].kinds["audit"], Some(RecordKind::KubernetesAudit));
        assert_eq!((doors[1].kinds["app"], doors[1].kind), (None, None));
        assert_eq!((doors[3].peers.len(), doors[3].nodes.len(), doors[3].kind), (2, 1, Some(RecordKind::Auditd)));
    }

    #[test]
    fn a_door_that_everybody_could_use_is_refused() {
        for (text, wanted) in [
            ("[webhook]\nlisten = '0.0.0.0:1'", "not a loopback address"),
            ("[syslog]\nlisten = '10.0.0.1:1'\ncert = 'x'", "needed together"),
            ("[audisp]\nlisten = '0.0.0.0:60'", "list who may send"),
            ("[audisp]\nlisten = '127.0.0.1:60'\ncert = 'x'\nkey = 'y'\nca = 'z'", "no such key"),
            ("[audisp]\nlisten = '127.0.0.1:60'\npeers = ['node-5']", "neither an address nor a network"),
            ("[webhook]\nlisten = '127.0.0.1:1'\nkind = 'auditd'", "no such key"),
            ("[syslog]\nlisten = '127.0.0.1:1'\nkind = 'csv'", "none of: auditd"),
            ("[ndjson]\nlisten = '127.0.0.1:1'\nmessage_mib = 0", "not within 1 to 256"),
            ("[ndjson]\nlisten = '127.0.0.1:1'\nrate = 0", "unknown field"),
            ("[syslog]\nlisten = '127.0.0.1:1'\ntokens = true", "no such key"),
            ("[ndjson]\nlisten = '0.0.0.0:1'\ntokens = true", "not a loopback address"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(wanted), "{text:?}: {message}");
        }
    }
}

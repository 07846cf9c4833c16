//! `agent.toml`: what an agent follows, where it sends it, and how much it may hold.
//!
//! Not here: what is done with it (`agent`).

use super::{ConfigError, Limits, Tail, WrittenTail, checked_tail, shape_message, value_error};
use crate::tls::{AgentName, Files};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    collector: String,
    collector_key: Option<String>,
    state: Option<PathBuf>,
    cluster: String,
    node: Option<String>,
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    metrics: Option<String>,
    #[serde(default)]
    tail: Vec<WrittenTail>,
    #[serde(default)]
    limits: WrittenLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    spool_mib: Option<u64>,
    batch_age_ms: Option<u64>,
    poll_ms: Option<u64>,
    heartbeat_s: Option<u64>,
}

/// A checked configuration of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// The collector's name or address, and its port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The key that must sign receipts; the first one that does is kept where none is configured.
    pub collector_key: Option<String>,
    /// The folder of spool, key and cursors.
    pub state: PathBuf,
    /// Name of the cluster: part of the identity of events, and of the certificate.
    pub cluster: String,
    /// Name of the node; likewise.
    pub node: String,
    /// Certificate, key and authority.
    pub tls: Files,
    /// Where `/metrics` and `/healthz` are; a loopback address or a pod's own.
    pub metrics: Option<SocketAddr>,
    /// What is followed.
    pub tail: Vec<Tail>,
    /// Bytes of the spool.
    pub spool_bytes: u64,
    /// How often it is said that all is well, s.
    pub heartbeat_s: u64,
    /// Ages and polls.
    pub limits: Limits,
}

impl AgentConfig {
    /// Reads and checks a file. `node`: the node's name where the file has none.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML of this shape, or makes no sense.
    pub fn read(path: &Path, node: Option<&str>) -> Result<AgentConfig, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        AgentConfig::parse(path, &text, node)
    }

    /// Checks the text of a file; `path` is for messages only.
    ///
    /// # Errors
    /// As `read`.
    pub fn parse(path: &Path, text: &str, node: Option<&str>) -> Result<AgentConfig, ConfigError> {
        let written: Written = toml::from_str(text)
            .map_err(|error| ConfigError::Shape { path: path.to_owned(), message: shape_message(&error) })?;
        let wrong = |key: &str, message: String| value_error(path, key, message);
        let (host, port) = collector(&written.collector).ok_or_else(|| {
            let message = format!("`{}` is not https://HOST:PORT, such as https://deponent:7364", written.collector);
            wrong("collector", message)
        })?;
        let node = written.node.or(node.map(str::to_owned)).unwrap_or_default();
        if node.is_empty() {
            let message = "this node has no name: `node` here, --node, or NODE_NAME in the environment";
            return Err(wrong("node", message.to_owned()));
        }
        let name = AgentName { cluster: written.cluster.clone(), node: Some(node.clone()) };
        if AgentName::parse(&name.to_string()).is_none() {
            let message =
                format!("`{}` and `{node}`: both must be names of letters, digits, `-`, `.` and `_`", written.cluster);
            return Err(wrong("cluster, node", message));
        }
        let metrics = written
            .metrics
            .map(|text| text.parse().map_err(|_| wrong("metrics", format!("`{text}` is not an address with a port"))));
        let within = |key: &str, value: Option<u64>, default: u64, low: u64, high: u64| match value {
            None => Ok(default),
            Some(value) if (low..=high).contains(&value) => Ok(value),
            Some(value) => Err(wrong(key, format!("{value} is not within {low} to {high}"))),
        };
        let limits = written.limits;
        let mut tail = Vec::new();
        for one in written.tail {
            if one.cluster.is_some() || one.node.is_some() {
                return Err(wrong(
                    "tail",
                    "an agent reads its own node: `cluster` and `node` stand at the top".to_owned(),
                ));
            }
            tail.push(checked_tail(path, one, &written.cluster, &node)?);
        }
        Ok(AgentConfig {
            host,
            port,
            collector_key: written.collector_key,
            state: written.state.unwrap_or_else(|| PathBuf::from("/var/lib/deponent-agent")),
            cluster: written.cluster,
            node,
            tls: Files { cert: written.cert, key: written.key, ca: written.ca },
            metrics: metrics.transpose()?,
            tail,
            spool_bytes: within("limits.spool_mib", limits.spool_mib, 1_024, 64, 1 << 20)? << 20,
            heartbeat_s: within("limits.heartbeat_s", limits.heartbeat_s, 60, 1, 3_600)?,
            limits: Limits {
                batch_age_ms: within("limits.batch_age_ms", limits.batch_age_ms, 1_000, 10, 10_000)?,
                poll_ms: within("limits.poll_ms", limits.poll_ms, 250, 10, 60_000)?,
                ..Limits::default()
            },
        })
    }
}

/// Host and port of `https://HOST:PORT`.
fn collector(text: &str) -> Option<(String, u16)> {
    let rest = text.strip_prefix("https://")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_'));
    (plain && !host.is_empty()).then(|| Some((host.to_owned(), port.parse().ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "collector = 'https://c:7364'\ncluster = 'lab'\ncert = 'a'\nkey = 'b'\nca = 'c'\n";

    fn parse(text: &str) -> Result<AgentConfig, ConfigError> {
        AgentConfig::parse(Path::new("agent.toml"), text, Some("node-1"))
    }

    #[test]
    fn a_small_file_is_enough() {
        let config = parse(&format!("{HEAD}[[tail]]\npaths = ['/var/log/audit/audit.log']")).unwrap();
        assert_eq!((config.host.as_str(), config.port), ("c", 7364));
        assert_eq!((config.tail[0].cluster.as_str(), config.tail[0].node.as_str()), ("lab", "node-1"));
        assert_eq!(config.spool_bytes, 1 << 30);
        let ip = HEAD.replace("https://c:7364", "https://[::1]:1/");
        assert_eq!(parse(&ip).unwrap().host, "::1");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, wanted) in [
            (HEAD.replace("https", "http"), "not https://HOST:PORT"),
            (HEAD.replace(":7364", ""), "not https://HOST:PORT"),
            (HEAD.replace("'lab'", "'l ab'"), "both must be names"),
            (format!("{HEAD}[limits]\nspool_mib = 1"), "not within 64"),
            (format!("{HEAD}spol = 1"), "unknown field"),
            (format!("{HEAD}[[tail]]\npaths = ['/a']\nnode = 'x'"), "reads its own node"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}

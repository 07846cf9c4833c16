//! `config.toml`: typed, unknown keys refused with the nearest valid one, checked into `Config`.
//!
//! Not here: command-line options (`cli`), which override it.

mod access;
mod agent;
mod alert;
mod disk;
mod door;
mod doors;
mod retention;

pub use access::{AccessConfig, Certificate, Grant, Role};
pub use agent::AgentConfig;
pub use alert::{ALERTS_MAX, Alert, Receiver};
pub use disk::Disk;
pub use door::AgentsDoor;
pub use doors::{DoorLimits, Protocol, ThirdDoor, kind_of_door};
pub use retention::Policy;

use crate::model::{Mapping, Reading, RecordKind};
use crate::time::Zone;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What stands in the place of a path for the kernel's audit group.
pub const KERNEL_AUDIT: &str = "netlink:audit";

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It could not be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// It is not TOML of this shape.
    #[error("{}: {message}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where and what, for people.
        message: String,
    },
    /// A value makes no sense.
    #[error("{}: {key}: {message}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong and what to do.
        message: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    store: Option<PathBuf>,
    listen: Option<String>,
    cluster: Option<String>,
    node: Option<String>,
    #[serde(default)]
    tail: Vec<WrittenTail>,
    #[serde(default)]
    alert: Vec<alert::Written>,
    #[serde(default)]
    access: access::Written,
    metrics: Option<WrittenMetrics>,
    agents: Option<door::Written>,
    webhook: Option<doors::Written>,
    ndjson: Option<doors::Written>,
    syslog: Option<doors::Written>,
    relp: Option<doors::Written>,
    audisp: Option<doors::Written>,
    #[serde(default)]
    limits: WrittenLimits,
    #[serde(default)]
    retention: Vec<retention::Written>,
    #[serde(default)]
    disk: disk::Written,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMetrics {
    listen: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTail {
    paths: Vec<String>,
    kind: Option<String>,
    cluster: Option<String>,
    node: Option<String>,
    zone: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    index_heap_mib: Option<usize>,
    show_after_ms: Option<u64>,
    batch_age_ms: Option<u64>,
    poll_ms: Option<u64>,
    answer_s: Option<u64>,
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The store's folder.
    pub store: PathBuf,
    /// Where the endpoint listens; a loopback address where it has no certificate.
    pub listen: SocketAddr,
    /// Who may ask there.
    pub access: AccessConfig,
    /// Where metrics and health are told to everybody; nowhere until it is configured.
    pub metrics: Option<SocketAddr>,
    /// Name of the cluster, or empty: part of the identity of events.
    pub cluster: String,
    /// Name of this node, or empty: part of the identity of events.
    pub node: String,
    /// What is followed.
    pub tail: Vec<Tail>,
    /// Who is told of what.
    pub alert: Vec<Alert>,
    /// Where agents send; nowhere until it is configured.
    pub agents: Option<AgentsDoor>,
    /// Where programs of other people send; likewise.
    pub doors: Vec<ThirdDoor>,
    /// Bounds.
    pub limits: Limits,
    /// What is kept; everything where there is none.
    pub retention: Vec<Policy>,
    /// How full the disk may be.
    pub disk: Disk,
}

/// Files to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Paths; each part may hold `*`. None needs to exist.
    pub paths: Vec<String>,
    /// The format; found by looking when absent.
    pub kind: Option<RecordKind>,
    /// Cluster of these files.
    pub cluster: String,
    /// Node of these files.
    pub node: String,
    /// How their records are to be read.
    pub reading: Reading,
}

/// Bounds on memory and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the index writer, bytes.
    pub index_heap_bytes: usize,
    /// How long a durable record waits at most until it can be found, ms.
    pub show_after_ms: u64,
    /// Age at which a batch is sealed, ms.
    pub batch_age_ms: u64,
    /// How often files are looked at, ms.
    pub poll_ms: u64,
    /// How long an answer of the endpoint may take, s.
    pub answer_s: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { index_heap_bytes: 48 << 20, show_after_ms: 400, batch_age_ms: 200, poll_ms: 250, answer_s: 60 }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            store: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 7363)),
            access: AccessConfig::default(),
            metrics: None,
            cluster: String::new(),
            node: String::new(),
            tail: Vec::new(),
            alert: Vec::new(),
            agents: None,
            doors: Vec::new(),
            limits: Limits::default(),
            retention: Vec::new(),
            disk: Disk::default(),
        }
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
        Config::parse(path, &text)
    }

    /// Checks the text of a file; `path` is for messages only.
    pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
        let written: Written = toml::from_str(text)
            .map_err(|error| ConfigError::Shape { path: path.to_owned(), message: shape_message(&error) })?;
        let default = Config::default();
        let listen = match written.listen {
            Some(text) => listen(path, "listen", &text)?,
            None => default.listen,
        };
        let metrics =
            written.metrics.map(|metrics| self::listen(path, "metrics.listen", &metrics.listen)).transpose()?;
        let cluster = written.cluster.unwrap_or_default();
        let node = written.node.unwrap_or_default();
        let mut tail = Vec::new();
        for one in written.tail {
            tail.push(checked_tail(path, one, &cluster, &node)?);
        }
        let doors = [
            (doors::Protocol::Webhook, written.webhook),
            (doors::Protocol::Ndjson, written.ndjson),
            (doors::Protocol::Syslog, written.syslog),
            (doors::Protocol::Relp, written.relp),
            (doors::Protocol::Audisp, written.audisp),
        ];
        let doors = doors.into_iter().filter_map(|(protocol, door)| Some((protocol, door?)));
        let doors = doors.map(|(protocol, door)| door.checked(path, protocol, &cluster, &node));
        let doors = doors.collect::<Result<Vec<_>, _>>()?;
        Ok(Config {
            store: written.store.unwrap_or(default.store),
            listen,
            access: written.access.checked(path, listen)?,
            metrics,
            cluster,
            node,
            tail,
            alert: alert::checked(path, written.alert)?,
            agents: written.agents.map(|door| door.checked(path)).transpose()?,
            doors,
            limits: checked_limits(path, &written.limits)?,
            retention: retention::checked(path, written.retention)?,
            disk: disk::checked(path, &written.disk)?,
        })
    }
}

fn value_error(path: &Path, key: &str, message: String) -> ConfigError {
    ConfigError::Value { path: path.to_owned(), key: key.to_owned(), message }
}

fn listen(path: &Path, key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse()
        .map_err(|_| value_error(path, key, format!("`{text}` is not an address with a port, such as 127.0.0.1:7363")))
}

fn checked_tail(path: &Path, one: WrittenTail, cluster: &str, node: &str) -> Result<Tail, ConfigError> {
    if one.paths.is_empty() {
        return Err(value_error(path, "tail.paths", "names no file".to_owned()));
    }
    let kind = match one.kind {
        None => None,
        Some(name) => Some(RecordKind::of_file(&name).ok_or_else(|| {
            let kinds = RecordKind::names();
            value_error(path, "tail.kind", format!("`{name}` is none of: {kinds} (leave it out to detect it)"))
        })?),
    };
    if one.paths.iter().any(|path| path == KERNEL_AUDIT) && kind.is_some_and(|kind| kind != RecordKind::Auditd) {
        return Err(value_error(path, "tail.kind", format!("`{KERNEL_AUDIT}` has records of kind `auditd` alone")));
    }
    let zone = match one.zone.as_deref() {
        None => String::new(),
        Some(text) => zone_name(text).map_err(|message| value_error(path, "tail.zone", message))?,
    };
    let mut mapping = Mapping::default();
    for (question, names) in &one.fields {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        mapping.set(question, &names).map_err(|message| value_error(path, "tail.fields", message))?;
    }
    Ok(Tail {
        paths: one.paths,
        reading: Reading { zone, fields: mapping.to_string() },
        kind,
        cluster: one.cluster.unwrap_or_else(|| cluster.to_owned()),
        node: one.node.unwrap_or_else(|| node.to_owned()),
    })
}

/// The zone of stamps that have none, as batch headers name it; empty for UTC.
///
/// # Errors
/// What is wrong with it, for people.
pub fn zone_name(text: &str) -> Result<String, String> {
    match Zone::parse(text) {
        Ok(Zone::Utc) => Ok(String::new()),
        Ok(Zone::Local) => {
            Err("`local` is another zone on every machine: give its name, such as Europe/Berlin".to_owned())
        }
        Ok(zone) => Ok(zone.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn checked_limits(path: &Path, written: &WrittenLimits) -> Result<Limits, ConfigError> {
    let default = Limits::default();
    let within = |key: &str, value: Option<u64>, default: u64, low: u64, high: u64| match value {
        None => Ok(default),
        Some(value) if (low..=high).contains(&value) => Ok(value),
        Some(value) => Err(value_error(path, key, format!("{value} is not within {low} to {high}"))),
    };
    let mib = |key: &str, value: Option<usize>, default: usize, low: u64, high: u64| {
        let value = value.map(|mib| u64::try_from(mib).unwrap_or(u64::MAX));
        let mib = within(key, value, u64::try_from(default >> 20).unwrap_or(0), low, high)?;
        Ok(usize::try_from(mib).unwrap_or(0) << 20)
    };
    Ok(Limits {
        index_heap_bytes: mib("limits.index_heap_mib", written.index_heap_mib, default.index_heap_bytes, 16, 4096)?,
        show_after_ms: within("limits.show_after_ms", written.show_after_ms, default.show_after_ms, 50, 60_000)?,
        batch_age_ms: within("limits.batch_age_ms", written.batch_age_ms, default.batch_age_ms, 10, 10_000)?,
        poll_ms: within("limits.poll_ms", written.poll_ms, default.poll_ms, 10, 60_000)?,
        answer_s: within("limits.answer_s", written.answer_s, default.answer_s, 1, 86_400)?,
    })
}

/// toml's message, with the nearest valid key when a key is unknown.
fn shape_message(error: &toml::de::Error) -> String {
    let mut message = error.to_string().trim_end().to_owned();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    if error.message().starts_with("unknown field")
        && let Some(unknown) = quoted.next()
    {
        let nearest =
            quoted.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b)));
        if let Some(nearest) = nearest {
            message.push_str(&format!("\ndid you mean `{nearest}`?"));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(Path::new("c.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse(Path::new("c.toml"), "").unwrap(), Config::default());
    }

    #[test]
    fn names_of_a_tail_override_the_general_ones() {
        let text = "cluster = 'c'\nnode = 'n'\n[[tail]]\npaths = ['/a']\n[[tail]]\npaths = ['/b']\nnode = 'm'\nkind = 'auditd'";
        let config = Config::parse(Path::new("c.toml"), text).unwrap();
        assert_eq!((config.tail[0].node.as_str(), config.tail[0].kind), ("n", None));
        assert_eq!((config.tail[1].node.as_str(), config.tail[1].cluster.as_str()), ("m", "c"));
        assert_eq!(config.tail[1].kind, Some(RecordKind::Auditd));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        for (text, wanted) in [
            ("stroe = 'x'", "did you mean `store`?"),
            ("[[tail]]\npathes = ['x']", "did you mean `paths`?"),
            ("listen = '0.0.0.0:80'", "not a loopback address"),
            ("listen = 'here'", "not an address with a port"),
            ("[[tail]]\npaths = []", "names no file"),
            ("[[tail]]\npaths = ['x']\nkind = 'csv'", "none of: auditd"),
            ("[[tail]]\npaths = ['netlink:audit']\nkind = 'syslog'", "`auditd` alone"),
            ("[[tail]]\npaths = ['x']\nzone = 'local'", "another zone on every machine"),
            ("[[tail]]\npaths = ['x']\nzone = 'Europe/Berlim'", "Europe/Berlin"),
            ("[[tail]]\npaths = ['x']\nfields = { who = ['x'] }", "none of: actor"),
            ("[limits]\nindex_heap_mib = 1", "not within 16 to 4096"),
            ("store = ", "line 1"),
        ] {
            let message = refused(text);
            assert!(message.contains(wanted), "{text:?}: {message}");
        }
    }
}

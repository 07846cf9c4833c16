//! `[access]`: who may ask what at the search API, and its certificates; roles and limits as tokens have them too.
//!
//! Not here: tokens (`access`), who a request comes from (`serve`).

use super::{ConfigError, value_error};
use crate::model::Source;
use crate::tls::Files;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What somebody is there for. Roles add up; none includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Events, links, testimonies; neither raw bytes nor who asked what
    Reader,
    /// What a reader may, and raw bytes, proofs, the access log
    Auditor,
    /// Sources, gaps, agents, metrics; no evidence
    Operator,
    /// Sends records to a door that takes tokens; asks nothing
    Agent,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Auditor => "auditor",
            Role::Operator => "operator",
            Role::Agent => "agent",
        }
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What for.
    pub roles: Vec<Role>,
    /// Events of these clusters alone; all where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Events about these namespaces alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Events of these sources alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

impl Grant {
    /// Everything.
    pub fn all() -> Grant {
        Grant { roles: vec![Role::Auditor, Role::Operator], ..Grant::default() }
    }

    /// Whether a role is among its roles.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it is of any use at the search API.
    pub fn reads(&self) -> bool {
        self.has(Role::Reader) || self.has(Role::Auditor)
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// What does not, for people.
    pub fn check(&self) -> Result<(), String> {
        if self.roles.is_empty() {
            return Err("no role: reader, auditor, operator or agent".to_owned());
        }
        if self.has(Role::Agent) && (self.roles.len() > 1 || !self.namespaces.is_empty() || !self.sources.is_empty()) {
            return Err("who sends as `agent` asks nothing: no other role, no limits but clusters".to_owned());
        }
        if [&self.clusters, &self.namespaces, &self.sources].into_iter().flatten().any(String::is_empty) {
            return Err("a cluster, namespace or source without a name".to_owned());
        }
        let unknown = self.sources.iter().find(|name| Source::ALL.iter().all(|source| source.name() != name.as_str()));
        match unknown {
            None => Ok(()),
            Some(name) => {
                let names: Vec<&str> = Source::ALL.iter().map(|source| source.name()).collect();
                Err(format!("`{name}` is no source; there are {}", names.join(", ")))
            }
        }
    }

    /// The roles, for people and for the access log.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        names.join(",")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    #[serde(default)]
    anonymous: Vec<Role>,
    #[serde(default)]
    certificate: Vec<Certificate>,
}

/// Whoever shows a certificate with this name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The URI among its subject alternative names, else its common name.
    pub name: String,
    /// What for.
    pub roles: Vec<Role>,
    /// As in `Grant`.
    #[serde(default)]
    pub clusters: Vec<String>,
    /// As in `Grant`.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// As in `Grant`.
    #[serde(default)]
    pub sources: Vec<String>,
}

impl Certificate {
    /// What its holder may do.
    pub fn grant(&self) -> Grant {
        Grant {
            roles: self.roles.clone(),
            clusters: self.clusters.clone(),
            namespaces: self.namespaces.clone(),
            sources: self.sources.clone(),
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessConfig {
    /// The server's certificate; without one it answers on a loopback address only.
    pub tls: Option<Files>,
    /// What whoever shows nothing may do, on a loopback address only.
    pub anonymous: Vec<Role>,
    /// Whoever shows a certificate.
    pub certificates: Vec<Certificate>,
}

impl Written {
    pub(super) fn checked(self, path: &Path, listen: SocketAddr) -> Result<AccessConfig, ConfigError> {
        let wrong = |key: &str, message: String| Err(value_error(path, &format!("access.{key}"), message));
        let tls = match (self.cert, self.key, self.ca) {
            (None, None, None) => None,
            (Some(cert), Some(key), ca) => Some(Files { cert, key, ca: ca.unwrap_or_default() }),
            _ => return wrong("cert", "`cert` and `key` are needed together".to_owned()),
        };
        if tls.is_none() && !listen.ip().is_loopback() {
            let message = format!(
                "`listen` is {listen}, not a loopback address: there it takes `cert` and `key` (docs/access.md; `deponent init pki` makes some)"
            );
            return wrong("cert", message);
        }
        if tls.is_some() && !self.anonymous.is_empty() {
            return wrong("anonymous", "with a certificate everybody says who they are; leave it out".to_owned());
        }
        let has_ca = tls.as_ref().is_some_and(|files| files.ca != PathBuf::new());
        if !self.certificate.is_empty() && !has_ca {
            return wrong("ca", "the authority of clients' certificates is needed for `access.certificate`".to_owned());
        }
        if self.anonymous.contains(&Role::Agent) || self.certificate.iter().any(|one| one.roles.contains(&Role::Agent))
        {
            return wrong("roles", "`agent` is for tokens at doors (docs/doors.md); here one asks".to_owned());
        }
        for (at, one) in self.certificate.iter().enumerate() {
            if let Err(message) = one.grant().check() {
                return wrong(&format!("certificate: {}", one.name), message);
            }
            if one.name.is_empty() || self.certificate.iter().take(at).any(|other| other.name == one.name) {
                return wrong("certificate", format!("`{}` is no name, or there twice", one.name));
            }
        }
        Ok(AccessConfig { tls, anonymous: self.anonymous, certificates: self.certificate })
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
    fn who_may_ask_is_read() {
        let text = "listen = '0.0.0.0:7363'\n[access]\ncert = 'a'\nkey = 'b'\nca = 'c'\n[[access.certificate]]\nname = 'jane'\nroles = ['reader', 'operator']\nnamespaces = ['shop']";
        let access = parse(text).unwrap().access;
        assert_eq!(access.certificates[0].grant().names(), "reader,operator");
        assert_eq!(access.certificates[0].namespaces, ["shop"]);
        assert!(access.anonymous.is_empty(), "nobody gets in who was not named");
        assert!(parse("").unwrap().access.anonymous.is_empty());
        assert_eq!(parse("[access]\nanonymous = ['auditor']").unwrap().access.anonymous, [Role::Auditor]);
    }

    #[test]
    fn a_server_that_is_open_to_others_is_refused() {
        let tls = "listen = '10.0.0.1:1'\n[access]\ncert = 'a'\nkey = 'b'\n";
        for (text, wanted) in [
            ("listen = '0.0.0.0:1'", "not a loopback address"),
            ("listen = '0.0.0.0:1'\n[access]\nanonymous = ['reader']", "not a loopback address"),
            ("[access]\ncert = 'a'", "needed together"),
            ("[access]\nanonymous = ['root']", "unknown variant"),
            (&format!("{tls}anonymous = ['reader']"), "everybody says who they are"),
            (&format!("{tls}[[access.certificate]]\nname = 'jane'\nroles = ['reader']"), "access.ca"),
            (&format!("{tls}ca = 'c'\n[[access.certificate]]\nname = 'jane'\nroles = []"), "no role"),
            (
                &format!("{tls}ca = 'c'\n[[access.certificate]]\nname = 'jane'\nroles = ['reader']\nsources = ['k8s']"),
                "no source",
            ),
            (&format!("{tls}ca = 'c'\n[[access.certificate]]\nname = ''\nroles = ['reader']"), "no name"),
            ("[access]\nanonymous = ['agent']", "tokens at doors"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(wanted), "{text:?}: {message}");
        }
    }
}

//! The name of a peer: the URI among its certificate's subject alternative names, as SPIFFE has it; else its common name.
//!
//! Inside: the names of agents. Not here: whether the certificate is the authority's (rustls has verified that before).

use super::files::{TlsError, certificates};
use crate::model::Moment;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::path::Path;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Bytes of a name at most.
const NAME_BYTES_MAX: usize = 512;

/// Who a verified certificate says its holder is; nothing where it names nobody, or more than one.
pub fn peer_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()?.map(|names| names.value.general_names.as_slice());
    let mut uris = names.unwrap_or_default().iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let name = match (uris.next(), uris.next()) {
        (Some(uri), None) => uri,
        (Some(_), Some(_)) => return None,
        (None, _) => certificate.subject().iter_common_name().next()?.as_str().ok()?,
    };
    // Also a key's name, and a value of log entries.
    let plain = name.bytes().all(|byte| (0x21..=0x7E).contains(&byte) && byte != b'+');
    (plain && !name.is_empty() && name.len() <= NAME_BYTES_MAX).then(|| name.to_owned())
}

/// When the first certificate in a file ceases to be valid.
///
/// # Errors
/// A file without one.
pub fn expiry(path: &Path) -> Result<Moment, TlsError> {
    let certificates = certificates(path)?;
    let parsed = certificates.first().and_then(|certificate| X509Certificate::from_der(certificate).ok());
    let Some((_, certificate)) = parsed else { return Err(TlsError::unfit(path, &"no certificate that can be read")) };
    let seconds = certificate.validity().not_after.timestamp();
    Ok(Moment { nanos: seconds.saturating_mul(1_000_000_000), digits: 0 })
}

/// The name of an agent: `spiffe://CLUSTER/agent/NODE`, or `spiffe://CLUSTER/agent` for all nodes of a cluster that share one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentName {
    /// The cluster for whose nodes it speaks.
    pub cluster: String,
    /// The only node for which it speaks.
    pub node: Option<String>,
}

impl AgentName {
    /// Reads a name; nothing where it is not an agent's.
    pub fn parse(uri: &str) -> Option<AgentName> {
        let (cluster, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
        let node = match path.split_once('/') {
            None if path == "agent" => None,
            Some(("agent", node)) => Some(node.to_owned()),
            _ => return None,
        };
        let is_name = |name: &str| {
            let byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            !name.is_empty() && name.len() <= 253 && name.bytes().all(byte)
        };
        let fits = is_name(cluster) && node.as_deref().is_none_or(is_name);
        fits.then(|| AgentName { cluster: cluster.to_owned(), node })
    }

    /// Whether it may say what happened on a node.
    pub fn speaks_for(&self, cluster: &str, node: &str) -> bool {
        self.cluster == cluster && !node.is_empty() && self.node.as_deref().is_none_or(|own| own == node)
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/agent", self.cluster)?;
        self.node.iter().try_for_each(|node| write!(f, "/{node}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_speaks_for_its_node_alone() {
        let one = AgentName::parse("spiffe://lab/agent/node-1").unwrap();
        assert!(one.speaks_for("lab", "node-1"));
        assert!(!one.speaks_for("lab", "node-2") && !one.speaks_for("prod", "node-1") && !one.speaks_for("lab", ""));
        let all = AgentName::parse("spiffe://lab/agent").unwrap();
        assert!(all.speaks_for("lab", "node-2") && !all.speaks_for("prod", "node-2") && !all.speaks_for("lab", ""));
        assert_eq!(
            (one.to_string(), all.to_string()),
            ("spiffe://lab/agent/node-1".into(), "spiffe://lab/agent".into())
        );
    }

    #[test]
    fn other_names_are_no_agents() {
        for uri in [
            "spiffe://lab/agents",
            "spiffe://lab/agent/",
            "spiffe://lab/agent/a/b",
            "spiffe:///agent/a",
            "spiffe://lab/reader/a",
            "https://lab/agent/a",
            "spiffe://la b/agent/a",
            "",
        ] {
            assert_eq!(AgentName::parse(uri), None, "{uri}");
        }
    }
}

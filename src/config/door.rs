//! `[agents]`: where a collector takes what agents send.
//!
//! Not here: what it does with it (`serve::batches`).

use super::{ConfigError, value_error};
use crate::tls::Files;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    listen: String,
    cert: PathBuf,
    key: PathBuf,
    ca: PathBuf,
}

/// The door of agents: mutual TLS, always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentsDoor {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The collector's certificate and key, and the authority of agents.
    pub tls: Files,
}

impl Written {
    pub(super) fn checked(self, path: &Path) -> Result<AgentsDoor, ConfigError> {
        let listen = self.listen.parse().map_err(|_| {
            let message = format!("`{}` is not an address with a port, such as 0.0.0.0:7364", self.listen);
            value_error(path, "agents.listen", message)
        })?;
        Ok(AgentsDoor { listen, tls: Files { cert: self.cert, key: self.key, ca: self.ca } })
    }
}

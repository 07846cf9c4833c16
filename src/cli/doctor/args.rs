//! Arguments of `doctor`.
//!
//! Not here: those of every command (`cli::args`).

use clap::Args;
use std::path::PathBuf;

/// What `--help` says below.
pub const HELP: &str = "EXAMPLES:\n  deponent doctor -c /etc/deponent/agent.toml --node \"$NODE_NAME\"    a node\n  deponent doctor -c /etc/deponent/config.toml                         a collector\n  deponent doctor --store /var/lib/deponent/store\n  deponent doctor --policy audit-policy.yaml                           also what that policy leaves out\n  deponent doctor -o json\n\nA configuration with `collector` is an agent's. Nothing is changed. Run it as the user of the service, with its capabilities, and as root for what only root may see.\n\nSTATES:\n  ok       as it should be\n  warn     something will be missing, or is weaker than it could be\n  fail     something is missing now, or does not work (exit 4; 3 where a store is not what it should be)\n  unknown  it could not be looked at, and why\n\ndocs/doctor.md.";

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check this machine as a node [default configuration: ./agent.toml]
    #[arg(long)]
    pub agent: bool,
    /// Name of this node, where the configuration has none [default: the host's name]
    #[arg(long, value_name = "NODE", env = "NODE_NAME")]
    pub node: Option<String>,
    /// Audit policy of the API server [default: the one in /etc/kubernetes/manifests/kube-apiserver.yaml]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// How long the collector may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=60))]
    pub timeout: u16,
}

//! The machine that is looked at: where its files are, and what this process may do there.
//!
//! Not here: what is looked at.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that is read whole.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A machine, or a folder that looks like one.
#[derive(Debug, Clone)]
pub struct Host {
    /// What stands in the place of `/`.
    pub root: PathBuf,
    /// Effective capabilities of this process, as bits.
    pub capabilities: u64,
    /// Its effective user.
    pub uid: u32,
    /// Whether a file can be opened for reading.
    pub opens: fn(&Path) -> io::Result<()>,
}

/// CAP_DAC_READ_SEARCH.
pub(super) const DAC_READ_SEARCH: u32 = 2;
/// CAP_AUDIT_READ.
pub(super) const AUDIT_READ: u32 = 37;

impl Host {
    /// This machine.
    pub fn this() -> Host {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let uid = field("Uid:").split_whitespace().nth(1).and_then(|uid| uid.parse().ok());
        Host {
            root: PathBuf::from("/"),
            capabilities: u64::from_str_radix(field("CapEff:"), 16).unwrap_or(0),
            uid: uid.unwrap_or(u32::MAX),
            opens: |path| File::open(path).map(drop),
        }
    }

    /// Where a path of that machine is; one that is not absolute is of the working directory.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        path.strip_prefix('/').map_or_else(|| PathBuf::from(path), |inside| self.root.join(inside))
    }

    /// The text of a file, the first MiB.
    pub(super) fn text(&self, path: &str) -> io::Result<String> {
        read(&self.at(path))
    }

    /// The number that a file of `/proc/sys` holds.
    pub(super) fn number(&self, path: &str) -> Result<u64, String> {
        let text = self.text(path).map_err(|error| format!("{path}: {error}"))?;
        text.trim().parse().map_err(|_| format!("{path} holds no number"))
    }

    pub(super) fn may(&self, capability: u32) -> bool {
        self.capabilities.checked_shr(capability).unwrap_or(0) & 1 == 1
    }
}

/// The text of a file, the first MiB.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

//! `[disk]`: how full the file system of the store may be.
//!
//! Not here: who looks, and what is refused (`pipeline::room`).

use super::{ConfigError, value_error};
use serde::Deserialize;
use std::path::Path;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    warn: Option<u8>,
    refuse: Option<u8>,
}

/// Percent of the store's file system that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// From here on it is said.
    pub warn: u8,
    /// From here on nothing new is taken.
    pub refuse: u8,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { warn: 80, refuse: 90 }
    }
}

pub(super) fn checked(path: &Path, written: &Written) -> Result<Disk, ConfigError> {
    let default = Disk::default();
    let disk = Disk { warn: written.warn.unwrap_or(default.warn), refuse: written.refuse.unwrap_or(default.refuse) };
    if disk.warn == 0 || disk.warn > disk.refuse || disk.refuse > 100 {
        let message = format!("{} and {} are not percents, the first one the smaller", disk.warn, disk.refuse);
        return Err(value_error(path, "disk.warn, disk.refuse", message));
    }
    Ok(disk)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Disk};
    use std::path::Path;

    #[test]
    fn percents_are_checked() {
        let disk = |text: &str| Config::parse(Path::new("c.toml"), text).map(|config| config.disk);
        assert_eq!(disk("").unwrap(), Disk { warn: 80, refuse: 90 });
        assert_eq!(disk("[disk]\nwarn = 50\nrefuse = 100").unwrap(), Disk { warn: 50, refuse: 100 });
        for text in ["[disk]\nwarn = 95", "[disk]\nwarn = 0", "[disk]\nrefuse = 101"] {
            assert!(disk(text).unwrap_err().to_string().contains("not percents"), "{text}");
        }
    }
}

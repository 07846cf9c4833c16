//! `manifest.json` of a case: what was asked, of which log, and every file with its hash; and `sha256sums.txt`, the same for a shell.
//!
//! Its text follows from its values: another text of the same values is none. Not here: the files themselves (`export`, `check`).

use crate::query::json;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the form.
pub const FORMAT: &str = "deponent-case/v1";

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `deponent-case/v1`.
    pub format: String,
    /// Version of the program that made it.
    pub program: String,
    /// What the exporter calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What was asked.
    pub asked: Asked,
    /// Of which log.
    pub log: LogState,
    /// The time that `findings.ndjson` is about.
    pub covered: Covered,
    /// How much of each.
    pub counts: Counts,
    /// Every file but this one and the sums.
    pub files: Vec<Member>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Events by name.
    pub ids: Vec<String>,
    /// Events by query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// At this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Time zone of times in the query.
    pub zone: String,
    /// At most so many events of the query, the oldest.
    pub limit: usize,
}

/// The log, as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    /// Of the checkpoint.
    pub origin: String,
    /// Of the checkpoint: log entries.
    pub size: u64,
    /// Of the checkpoint: root of the tree, base64.
    pub root: String,
    /// Log entries that were searched.
    pub indexed: u64,
}

/// A time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covered {
    /// At this time or later.
    pub from: String,
    /// Before this time.
    pub to: String,
}

/// How much of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Testimonies.
    pub events: u64,
    /// Events that the query matched.
    pub matched: u64,
    /// How many of those are not here, because of the limit.
    pub left_out: u64,
    /// Gaps of the log.
    pub gaps: u64,
    /// Findings of the time.
    pub findings: u64,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name in the archive.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
}

impl Member {
    /// Of these bytes.
    pub fn of(name: &str, bytes: &[u8]) -> Member {
        let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(bytes));
        Member { name: name.to_owned(), size: u64::try_from(bytes.len()).unwrap_or(u64::MAX), sha256 }
    }
}

impl Manifest {
    /// Its text.
    pub fn to_text(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        format!("{}\n", json::pretty(&value))
    }

    /// Reads one.
    ///
    /// # Errors
    /// No manifest, another version of it, or another text than its values give.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no manifest: {error}"))?;
        if manifest.format != FORMAT {
            return Err(format!("it is a {:?}, and this program reads {FORMAT}", manifest.format));
        }
        if manifest.to_text().as_bytes() != bytes {
            return Err("it is not written as its values are".to_owned());
        }
        Ok(manifest)
    }
}

/// What `sha256sum -c` reads: the files, and the manifest behind them.
pub fn sums(files: &[Member], manifest: &Member) -> String {
    files.iter().chain([manifest]).map(|file| format!("{}  {}\n", file.sha256, file.name)).collect()
}

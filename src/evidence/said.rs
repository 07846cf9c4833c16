//! What a store says of itself that its verification needs: keys that took over, records that are gone.
//!
//! Not here: what such a record means (`keyring`, `retention`), the verification (`verify`, `survey`).

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use super::entry::Entry;
use super::error::EvidenceError;
use super::inspect::find_blocks;
use super::inventory::Inventory;
use super::keyring::{KEY_SOURCE, Takeover, takeover};
use super::layout::{Layout, SEGMENT_BLOCKS};
use super::retention::{RETENTION_SOURCE, Statement};

/// Such a record has its source in the first bytes of its block.
const BEGINNING: u64 = 512;

/// The store's own words, in the order of the log; whether they are signed is not looked at here.
#[derive(Default)]
pub(super) struct Said {
    /// The records by which new keys took over.
    pub(super) takeovers: Vec<(u64, Entry, Takeover)>,
    /// The statements of retention, by their log entries.
    pub(super) statements: BTreeMap<u64, Statement>,
}

/// Reads the beginning of every block, and those blocks whole that may be such a record.
pub(super) fn said(layout: &Layout, inventory: &Inventory) -> Result<Said, EvidenceError> {
    let mut said = Said::default();
    let batches = inventory.batches.keys().map(|index| (*index, layout.batch(*index)));
    let wal = inventory.wal.keys().map(|index| (*index, layout.wal(*index)));
    for (index, path) in batches.chain(wal) {
        // It may have moved; then it has been read before, or is read by whoever comes next.
        let Ok(file) = std::fs::File::open(&path) else { continue };
        let length = file.metadata().map_err(EvidenceError::io("look at", &path))?.len();
        let (blocks, ..) = find_blocks(&file, &path, length, index.saturating_mul(SEGMENT_BLOCKS))?;
        for at in blocks {
            let mut bytes = vec![0; usize::try_from(at.length.min(BEGINNING)).unwrap_or(0)];
            file.read_exact_at(&mut bytes, at.start).map_err(EvidenceError::io("read", &path))?;
            let [key, retention] = [KEY_SOURCE, RETENTION_SOURCE].map(|source| may_be(&bytes, source));
            if !key && !retention {
                continue;
            }
            bytes.resize(usize::try_from(at.length).unwrap_or(0), 0);
            file.read_exact_at(&mut bytes, at.start).map_err(EvidenceError::io("read", &path))?;
            if key {
                said.takeovers.extend(takeover(&bytes)?.map(|(entry, takeover)| (at.leaf, entry, takeover)));
            }
            if retention {
                said.statements.extend(Statement::of_block(&bytes)?.map(|statement| (at.leaf, statement)));
            }
        }
    }
    Ok(said)
}

fn may_be(beginning: &[u8], source: &str) -> bool {
    memchr::memmem::find(beginning, format!("\nsource {source}\n").as_bytes()).is_some()
}

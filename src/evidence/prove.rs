//! Making the proof file of an event's records from a store.
//!
//! Not here: which records an event has (`normalise`, `index`), the file's text (`proof`), its verification (`proof_verify`).

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::checkpoint::Checkpoint;
use super::draft::Hash;
use super::error::EvidenceError;
use super::proof::{EntryProof, ProofFile, RecordProof};
use super::proof_error::ProofError;
use super::reader::Reader;
use super::tlog_proof::TlogProof;
use super::tree::inclusion_path;
use crate::model::{EventId, RecordRef};

/// How often a proof is begun again because a newer checkpoint was published while it was made.
const ATTEMPTS_MAX: usize = 8;

/// The proof of records, each once and in the order of the log, under the newest checkpoint, or under `note`, an earlier one of this store.
///
/// # Errors
/// No record; one that the checkpoint does not cover yet; a redacted one; damage; the disk's.
pub fn prove(
    reader: &Reader,
    event: EventId,
    records: &[RecordRef],
    note: Option<&str>,
) -> Result<ProofFile, EvidenceError> {
    let records: BTreeSet<RecordRef> = records.iter().copied().collect();
    if records.is_empty() {
        return Err(ProofError::NoRecords.into());
    }
    let mut leaves: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
    for leaf in records.iter().map(|at| at.leaf) {
        if let Entry::Vacant(place) = leaves.entry(leaf) {
            place.insert(reader.leaf_hashes(leaf)?);
        }
    }
    let mut file = ProofFile { event: event.to_string(), records: Vec::new(), entries: Vec::new() };
    for at in &records {
        let hashes = leaves.get(&at.leaf).map(Vec::as_slice).unwrap_or_default();
        file.records.push(RecordProof {
            leaf: at.leaf,
            number: at.record,
            salt: reader.salt(*at)?,
            path: inclusion_path(hashes, usize::try_from(at.record).unwrap_or(usize::MAX)),
            bytes: reader.record(*at)?.to_vec(),
        });
    }
    file.entries = entries(reader, leaves.keys().copied(), note)?;
    Ok(file)
}

/// The tiles of a checkpoint may be replaced by those of a newer one while they are read: then again, under that one.
fn entries(
    reader: &Reader,
    leaves: impl Iterator<Item = u64> + Clone,
    under: Option<&str>,
) -> Result<Vec<EntryProof>, EvidenceError> {
    let mut note = reader.checkpoint()?;
    for _ in 1..ATTEMPTS_MAX {
        let result = entries_under(reader, leaves.clone(), &note, under.unwrap_or(&note));
        let newest = reader.checkpoint()?;
        if result.is_ok() || newest == note {
            return result;
        }
        note = newest;
    }
    entries_under(reader, leaves, &note, under.unwrap_or(&note))
}

fn entries_under(
    reader: &Reader,
    leaves: impl Iterator<Item = u64>,
    newest: &str,
    note: &str,
) -> Result<Vec<EntryProof>, EvidenceError> {
    let newest = Checkpoint::parse_unauthenticated(newest).map_err(ProofError::from)?;
    let checkpoint = Checkpoint::parse_unauthenticated(note).map_err(ProofError::from)?;
    // The tree of an earlier checkpoint is the beginning of the newest one's, whose tiles are there.
    let mut tiles = reader.tiles(&newest)?;
    let mut entries = Vec::new();
    for leaf in leaves {
        let hashes = tiles.inclusion_proof(leaf, checkpoint.size)?;
        let tlog_proof = TlogProof { index: leaf, hashes, checkpoint: note.to_owned() };
        entries.push(EntryProof { leaf, bytes: reader.entry(leaf)?.bytes().to_vec(), tlog_proof });
    }
    Ok(entries)
}

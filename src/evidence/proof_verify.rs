//! Verifying a proof file, with nothing but the file and a public key.
//!
//! Every record is followed to its batch's root, the batch header's signature is checked, the log entry is followed to its checkpoint, and the
//! checkpoint's signature is checked. Not here: the file's text (`proof`), whether the event's id follows from its records (`normalise`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checkpoint::Checkpoint;
use super::entry::Entry;
use super::note::VerifierKey;
use super::proof::{EntryProof, ProofFile, RecordProof};
use super::proof_error::ProofError;
use super::tree::{check_inclusion, salted_leaf_hash};

/// What a proof file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The id that the proof was asked for; not evidence.
    pub event: String,
    /// The key that everything was checked with; `None`: self-consistent, not authenticated.
    pub key: Option<VerifierKey>,
    /// One a record, in the order of the file.
    pub records: Vec<RecordVerdict>,
    /// The different checkpoints that the entries lead to, by size.
    pub checkpoints: Vec<Checkpoint>,
}

/// What is proven about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordVerdict {
    /// The log entry of its batch.
    pub leaf: u64,
    /// Its number in the batch, from 0.
    pub number: u32,
    /// Its length, bytes.
    pub length: usize,
    /// Entries of the log at the checkpoint that it is in.
    pub size: u64,
    /// The entry: who read it from where (header), when and how it came in (envelope).
    pub entry: Arc<Entry>,
}

impl Verdict {
    /// Whether a key that the verifier trusts has signed what the records lead to.
    pub fn authenticated(&self) -> bool {
        self.key.is_some()
    }

    /// How far the proof goes, in words.
    pub fn grade(&self) -> &'static str {
        if self.authenticated() { "authenticated" } else { "self-consistent, not authenticated" }
    }
}

impl ProofFile {
    /// Verifies all of the file. Without a key nobody has vouched for it: it can only be self-consistent.
    ///
    /// # Errors
    /// The first record, entry or checkpoint that does not hold.
    pub fn verify(&self, key: Option<&VerifierKey>) -> Result<Verdict, ProofError> {
        let mut entries = BTreeMap::new();
        let mut checkpoints: BTreeMap<u64, Checkpoint> = BTreeMap::new();
        for proof in &self.entries {
            let in_entry = |source| ProofError::InEntry { leaf: proof.leaf, source: Box::new(source) };
            let (entry, checkpoint) = verify_entry(proof, key).map_err(in_entry)?;
            entries.insert(proof.leaf, (Arc::new(entry), checkpoint.size));
            add_checkpoint(&mut checkpoints, checkpoint)?;
        }
        let mut records = Vec::with_capacity(self.records.len());
        for record in &self.records {
            let leaf = record.leaf;
            let (entry, size) = entries.get(&leaf).ok_or(ProofError::NoEntry { leaf })?;
            verify_record(record, entry).map_err(|source| ProofError::InRecord {
                leaf,
                number: record.number,
                source: Box::new(source),
            })?;
            records.push(RecordVerdict {
                leaf,
                number: record.number,
                length: record.bytes.len(),
                size: *size,
                entry: Arc::clone(entry),
            });
        }
        let checkpoints = checkpoints.into_values().collect();
        Ok(Verdict { event: self.event.clone(), key: key.cloned(), records, checkpoints })
    }
}

fn verify_entry(proof: &EntryProof, key: Option<&VerifierKey>) -> Result<(Entry, Checkpoint), ProofError> {
    let entry = Entry::parse(&proof.bytes).map_err(|error| ProofError::Entry { detail: error.to_string() })?;
    if let Some(key) = key {
        entry.open(key)?;
    }
    if proof.tlog_proof.index != proof.leaf {
        return Err(ProofError::OtherIndex { index: proof.tlog_proof.index });
    }
    let checkpoint = proof.tlog_proof.verify(&proof.bytes, key)?;
    Ok((entry, checkpoint))
}

/// One log has one history: of two checkpoints of the same size, one is a lie. That a larger one extends a smaller one is not in the file.
fn add_checkpoint(known: &mut BTreeMap<u64, Checkpoint>, new: Checkpoint) -> Result<(), ProofError> {
    if let Some(first) = known.values().find(|other| other.origin != new.origin) {
        return Err(ProofError::TwoLogs { first: first.origin.clone(), second: new.origin });
    }
    let (origin, size) = (new.origin.clone(), new.size);
    match known.insert(size, new.clone()) {
        Some(old) if old != new => Err(ProofError::Fork { origin, size }),
        _ => Ok(()),
    }
}

fn verify_record(record: &RecordProof, entry: &Entry) -> Result<(), ProofError> {
    let header = &entry.header;
    let leaf = salted_leaf_hash(&record.salt, &record.bytes);
    check_inclusion(&leaf, u64::from(record.number), u64::from(header.records), &record.path, &header.root)
}

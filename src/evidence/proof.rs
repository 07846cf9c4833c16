//! `deponent-proof/v1` (`docs/format.md` §7): the text form of a proof file.
//!
//! Inside: its parts, writing, strict reading. Not here: verification (`proof_verify`), where the parts come from (the store).

use std::collections::BTreeSet;
use std::fmt::Write;

use data_encoding::{BASE64, HEXLOWER};

use super::checkpoint::{decimal, decode_hash};
use super::draft::{BATCH_BYTES_MAX, Hash, RECORDS_MAX};
use super::proof_error::ProofError;
use super::proof_lines::Lines;
use super::tiles::ENTRY_BYTES_MAX;
use super::tlog_proof::{PATH_MAX, TlogProof};
use crate::model::EventId;

/// Bytes of a proof file at most; whoever reads one from a disk looks at its length first.
pub const PROOF_BYTES_MAX: usize = 256 << 20;
const FIRST_LINE: &str = "deponent-proof/v1";

/// A record and its way to the root of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordProof {
    /// The log entry of its batch.
    pub leaf: u64,
    /// Its number in the batch, from 0.
    pub number: u32,
    /// Its salt; no other record's salt follows from it.
    pub salt: [u8; 16],
    /// From its sibling to the child of the batch's root.
    pub path: Vec<Hash>,
    /// The record itself.
    pub bytes: Vec<u8>,
}

/// A log entry and its way to a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// Its place in the log.
    pub leaf: u64,
    /// The entry (`docs/format.md` §3).
    pub bytes: Vec<u8>,
    /// Where it leads.
    pub tlog_proof: TlogProof,
}

/// The proof of an event's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// The id that it was asked for; not evidence.
    pub event: String,
    /// One a record, each (leaf, number) once.
    pub records: Vec<RecordProof>,
    /// One for each entry that the records name, and no other.
    pub entries: Vec<EntryProof>,
}

impl ProofFile {
    /// The bytes of the file.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nevent {}\n\n", self.event);
        // Writing to a String does not fail.
        for record in &self.records {
            let _ = write!(text, "record {} {}\nsalt ", record.leaf, record.number);
            HEXLOWER.encode_append(&record.salt, &mut text);
            text.push_str("\npath");
            for hash in &record.path {
                text.push(' ');
                BASE64.encode_append(hash, &mut text);
            }
            text.push_str(if record.path.is_empty() { " -\nbytes " } else { "\nbytes " });
            BASE64.encode_append(&record.bytes, &mut text);
            text.push_str("\n\n");
        }
        for entry in &self.entries {
            let _ = write!(text, "entry {}\nbytes ", entry.leaf);
            BASE64.encode_append(&entry.bytes, &mut text);
            let _ = write!(text, "\nproof\n{}end\n", entry.tlog_proof.to_text());
        }
        text
    }

    /// Reads a file; nothing is verified. `to_text` of the result is what was read.
    ///
    /// # Errors
    /// Any line that is not the one the format has there; a record twice, a record without its entry, an entry twice or without a record.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.len() > PROOF_BYTES_MAX {
            return Err(ProofError::FileTooLong { length: text.len(), length_max: PROOF_BYTES_MAX });
        }
        let mut lines = Lines::new(text);
        lines.exactly(FIRST_LINE)?;
        let event = lines.field("event", "`event <id>`, 26 characters of base32", event_id)?;
        lines.exactly("")?;
        let mut file = Self { event, records: Vec::new(), entries: Vec::new() };
        let mut seen = BTreeSet::new();
        while file.records.is_empty() || lines.peek().is_some_and(|line| line.starts_with("record ")) {
            let unread = lines.wrong_next("a record that is not in the file already");
            let record = read_record(&mut lines)?;
            if !seen.insert((record.leaf, record.number)) {
                return Err(unread);
            }
            file.records.push(record);
        }
        let mut without_entry: BTreeSet<u64> = file.records.iter().map(|record| record.leaf).collect();
        while file.entries.is_empty() || !lines.rest().is_empty() {
            let unread = lines.wrong_next("`entry <leaf>` of a record above, once, or the end of the file");
            let entry = read_entry(&mut lines)?;
            if !without_entry.remove(&entry.leaf) {
                return Err(unread);
            }
            file.entries.push(entry);
        }
        match without_entry.first() {
            Some(leaf) => Err(ProofError::NoEntry { leaf: *leaf }),
            // Each line above is canonical by itself; this holds it for the whole.
            None if file.to_text() != text => Err(ProofError::NotCanonical),
            None => Ok(file),
        }
    }
}

fn event_id(text: &str) -> Option<String> {
    EventId::parse(text).map(|id| id.to_string()).filter(|id| id == text)
}

fn read_record(lines: &mut Lines<'_>) -> Result<RecordProof, ProofError> {
    let (leaf, number) = lines.field("record", "`record <leaf> <number>`, decimal, number below 1,000", |text| {
        let (leaf, number) = text.split_once(' ')?;
        let number = decimal(number).and_then(|number| u32::try_from(number).ok())?;
        let fits = usize::try_from(number).is_ok_and(|number| number < RECORDS_MAX);
        if fits { Some((decimal(leaf)?, number)) } else { None }
    })?;
    let salt = lines.field("salt", "`salt` and 32 lower-case hex digits", |text| {
        if text.len() != 32 { None } else { HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok() }
    })?;
    let path = lines.field("path", "`path` and SHA-256 hashes in base64, or `path -`", |text| {
        if text == "-" {
            return Some(Vec::new());
        }
        // 44 characters a hash, and the space behind it.
        if text.len() / 45 > PATH_MAX { None } else { text.split(' ').map(decode_hash).collect() }
    })?;
    let bytes = lines.bytes("`bytes <base64>` of 1 to 1,048,576 bytes", BATCH_BYTES_MAX)?;
    lines.exactly("")?;
    Ok(RecordProof { leaf, number, salt, path, bytes })
}

fn read_entry(lines: &mut Lines<'_>) -> Result<EntryProof, ProofError> {
    let leaf = lines.field("entry", "`entry <leaf>` in decimal", decimal)?;
    let bytes = lines.bytes("`bytes <base64>` of 1 to 65,535 bytes", ENTRY_BYTES_MAX)?;
    lines.exactly("proof")?;
    let tlog_proof = TlogProof::read(lines, Some(leaf))?;
    lines.exactly("end")?;
    Ok(EntryProof { leaf, bytes, tlog_proof })
}

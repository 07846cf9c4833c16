//! `c2sp.org/tlog-proof@v1`: that an entry is in a log, checked without the log.
//!
//! Inside: the text form, without the optional `extra` line, which is not authenticated and not used here.
//! Not here: `deponent-proof/v1`, in which these texts are embedded byte for byte (`proof`).

use std::fmt::Write;

use data_encoding::BASE64;

use super::checkpoint::{decimal, decode_hash};
use super::draft::Hash;
use super::proof_error::ProofError;
use super::proof_lines::Lines;
use super::tree::{check_inclusion, leaf_hash};
use super::{Checkpoint, VerifierKey};

/// Hashes of a path at most: no tree of 64-bit size has a longer one.
pub(super) const PATH_MAX: usize = 64;
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// An inclusion proof with the checkpoint that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's place in the log, from 0.
    pub index: u64,
    /// From the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl TlogProof {
    /// The bytes of a `.tlog-proof` file.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nindex {}\n", self.index);
        for hash in &self.hashes {
            BASE64.encode_append(hash, &mut text);
            text.push('\n');
        }
        // Writing to a String does not fail.
        let _ = write!(text, "\n{}", self.checkpoint);
        text
    }

    /// Reads what `to_text` writes; nothing is verified.
    ///
    /// # Errors
    /// Any other text; an `extra` line.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let mut lines = Lines::new(text);
        let proof = Self::read(&mut lines, None)?;
        if lines.rest().is_empty() { Ok(proof) } else { Err(lines.wrong_next("the end of the file")) }
    }

    /// Reads up to the line behind the last signature; with a `leaf`, the proof of that entry only.
    pub(super) fn read(lines: &mut Lines<'_>, leaf: Option<u64>) -> Result<Self, ProofError> {
        lines.exactly(FIRST_LINE)?;
        let index = lines.field("index", "`index <leaf>`, decimal, of the entry that is proven", |text| {
            decimal(text).filter(|index| leaf.is_none_or(|leaf| leaf == *index))
        })?;
        let mut hashes = Vec::new();
        loop {
            let line = lines.peek().unwrap_or_default();
            if line.is_empty() || hashes.len() >= PATH_MAX {
                break;
            }
            let expected = "a SHA-256 hash in base64, or an empty line";
            let hash = decode_hash(line).ok_or_else(|| lines.wrong_next(expected))?;
            hashes.push(hash);
            lines.line(expected)?;
        }
        lines.exactly("")?;
        let from = lines.rest();
        for expected in ["the checkpoint's origin", "the checkpoint's size", "the checkpoint's root"] {
            lines.line(expected)?;
        }
        lines.exactly("")?;
        let signature = "a signature line of the checkpoint, `— <name> <base64>`";
        if !lines.peek().is_some_and(|line| line.starts_with("— ")) {
            return Err(lines.wrong_next(signature));
        }
        while lines.peek().is_some_and(|line| line.starts_with("— ")) {
            lines.line(signature)?;
        }
        let checkpoint = from.strip_suffix(lines.rest()).unwrap_or(from).to_owned();
        Checkpoint::parse_unauthenticated(&checkpoint)?;
        Ok(Self { index, hashes, checkpoint })
    }

    /// Checks that `entry` is in the log, and with a key that the key has signed the checkpoint, which is returned.
    ///
    /// # Errors
    /// A checkpoint that is not of this key, a path that does not lead from the entry to its root.
    pub fn verify(&self, entry: &[u8], key: Option<&VerifierKey>) -> Result<Checkpoint, ProofError> {
        let checkpoint = match key {
            Some(key) => Checkpoint::open(&self.checkpoint, key)?,
            None => Checkpoint::parse_unauthenticated(&self.checkpoint)?,
        };
        check_inclusion(&leaf_hash(entry), self.index, checkpoint.size, &self.hashes, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

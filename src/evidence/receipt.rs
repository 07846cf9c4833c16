//! The collector's receipt (`docs/format.md` §12): so far a source's batches are durable in this log.
//!
//! Inside: its text, read strictly. Not here: when one is given (`pipeline::ledger`), what an agent deletes on its word (`agent::spool`).

use super::checkpoint::decimal;
use super::draft::Hash;
use super::format_error::FormatError;
use super::note::{NoteError, SigningKey, VerifierKey};
use super::text::{Lines, escaped, hash, hex, moment, of_moment, text, to_hex};
use crate::model::Moment;

const FORMAT: &str = "deponent-receipt/v1";

/// What is acknowledged: this batch, and as each header names the one before it, all before it in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The batch's source.
    pub source: String,
    /// Its epoch.
    pub epoch: [u8; 16],
    /// Its number.
    pub seq: u64,
    /// H(its header).
    pub header: Hash,
    /// The index of its log entry.
    pub leaf: u64,
    /// The log's leaf hash of that entry.
    pub entry: Hash,
    /// When it came in, by the collector's clock.
    pub received: Moment,
}

impl Receipt {
    /// The signed note.
    ///
    /// # Errors
    /// A value that is too long.
    pub fn sign(&self, key: &SigningKey) -> Result<String, FormatError> {
        Ok(key.sign(&format!(
            "{FORMAT}\nsource {}\nepoch {}\nseq {}\nheader {}\nleaf {}\nentry {}\nreceived {}\n",
            escaped("the source", self.source.as_bytes())?,
            to_hex(&self.epoch),
            self.seq,
            to_hex(&self.header),
            self.leaf,
            to_hex(&self.entry),
            of_moment(self.received),
        )))
    }

    /// Reads one that `key` has signed.
    ///
    /// # Errors
    /// A signature that does not hold or is not there; a text that is not one.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Receipt, ReceiptError> {
        Ok(Receipt::parse(key.open(note)?)?)
    }

    fn parse(receipt: &str) -> Result<Receipt, FormatError> {
        let mut lines = Lines::new(receipt);
        let first = lines.line(FORMAT)?;
        if first != FORMAT {
            return Err(lines.wrong(FORMAT, first));
        }
        let receipt = Receipt {
            source: lines.value("source", text)?,
            epoch: lines.value("epoch", hex)?,
            seq: lines.value("seq", decimal)?,
            header: lines.value("header", hash)?,
            leaf: lines.value("leaf", decimal)?,
            entry: lines.value("entry", hash)?,
            received: lines.value("received", moment)?,
        };
        if !lines.rest().is_empty() {
            lines.line("nothing")?;
            return Err(lines.wrong("nothing more", lines.rest()));
        }
        Ok(receipt)
    }
}

/// Why a receipt is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Its signature.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// Its text.
    #[error("{0}")]
    Format(#[from] FormatError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let key = SigningKey::generate("log").unwrap();
        let receipt = Receipt {
            source: "node-1:/var/log/a b".to_owned(),
            epoch: [3; 16],
            seq: 7,
            header: [1; 32],
            leaf: 9,
            entry: [2; 32],
            received: Moment { nanos: 1_795_455_000_123_456_789, digits: 9 },
        };
        let note = receipt.sign(&key).unwrap();
        assert_eq!(Receipt::open(&note, &key.vkey()).unwrap(), receipt);
        let stranger = SigningKey::generate("log").unwrap();
        assert!(matches!(Receipt::open(&note, &stranger.vkey()), Err(ReceiptError::Note(_))));
        assert!(matches!(Receipt::open(&note.replace("seq 7", "seq 8"), &key.vkey()), Err(ReceiptError::Note(_))));
        let other = key.sign("deponent-receipt/v1\nsource a\n");
        assert!(matches!(Receipt::open(&other, &key.vkey()), Err(ReceiptError::Format(_))));
        let more = key.sign(&format!("{}more\n", key.vkey().open(&note).unwrap()));
        assert!(matches!(Receipt::open(&more, &key.vkey()), Err(ReceiptError::Format(_))));
    }
}

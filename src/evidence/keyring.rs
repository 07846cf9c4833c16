//! The keys that a store's entries may be signed with: the one that is trusted, and those that it says came before it.
//!
//! Inside: the record by which a new key takes over (`docs/format.md` §6).
//! Not here: the taking over (`adopt`).

use serde_json::{Value, json};

use super::block::Parts;
use super::check::{check_block, decompressor};
use super::checkpoint::Checkpoint;
use super::entry::Entry;
use super::error::EvidenceError;
use super::note::{NoteError, VerifierKey, shortened};
use crate::model::RecordKind;

/// The source of the records by which keys take over.
pub(super) const KEY_SOURCE: &str = "deponent/key";

/// Says, in a log, that another key signs from here on.
#[derive(Debug, Clone)]
pub(super) struct Takeover {
    /// The key that signs from here on.
    pub(super) vkey: VerifierKey,
    /// Keys that signed up to here.
    pub(super) previous: Vec<VerifierKey>,
    /// The key that signed the checkpoint before is not among them: nobody has it any more.
    pub(super) lost: bool,
}

impl Takeover {
    /// The record: one line of JSON. The last checkpoint of the previous key stands in it, so that its signature is kept.
    pub(super) fn record(&self, time: &str, checkpoint_note: &str) -> String {
        let previous: Vec<String> = self.previous.iter().map(ToString::to_string).collect();
        let record = json!({
            "deponent": "key-adopted",
            "time": time,
            "vkey": self.vkey.to_string(),
            "previous_vkeys": previous,
            "previous_lost": self.lost,
            "previous_checkpoint": checkpoint_note,
        });
        format!("{record}\n")
    }

    fn parse(record: &[u8]) -> Option<Takeover> {
        let record: Value = serde_json::from_slice(record).ok()?;
        if record.get("deponent")?.as_str()? != "key-adopted" {
            return None;
        }
        let key = |value: &Value| VerifierKey::parse(value.as_str()?).ok();
        let previous: Option<Vec<VerifierKey>> = record.get("previous_vkeys")?.as_array()?.iter().map(key).collect();
        let lost = record.get("previous_lost")?.as_bool()?;
        Some(Takeover { vkey: key(record.get("vkey")?)?, previous: previous?, lost })
    }
}

/// Keys, each good up to some log entry.
#[derive(Debug, Default)]
pub(super) struct Keyring {
    keys: Vec<(VerifierKey, u64)>,
    /// Entries before this one may be signed by a key that nobody knows any more.
    unknown_before: u64,
}

impl Keyring {
    /// With the key that is trusted, if any.
    pub(super) fn new(trusted: Option<VerifierKey>) -> Keyring {
        Keyring { keys: trusted.into_iter().map(|key| (key, u64::MAX)).collect(), unknown_before: 0 }
    }

    /// Learns from the takeovers of a log, given in order, which keys came before the one that is trusted.
    pub(super) fn learn(&mut self, takeovers: &[(u64, Entry, Takeover)]) {
        for (leaf, entry, takeover) in takeovers.iter().rev() {
            // It must be signed by the key that it announces, and that one must be trusted up to here already.
            let known = self.keys.iter().any(|(key, until)| *key == takeover.vkey && leaf < until);
            if !known || entry.open(&takeover.vkey).is_err() {
                continue;
            }
            self.keys.extend(takeover.previous.iter().map(|previous| (previous.clone(), *leaf)));
            if takeover.lost {
                self.unknown_before = self.unknown_before.max(*leaf);
            }
        }
    }

    /// Whether the signature of an entry was checked and holds; not checked when there is no key for it, and that is explained.
    pub(super) fn check(&self, entry: &Entry, leaf: u64) -> Result<bool, String> {
        if self.keys.is_empty() {
            return Ok(false);
        }
        for (key, until) in &self.keys {
            match entry.open(key) {
                Ok(()) if leaf < *until => return Ok(true),
                Ok(()) => return Err("its header is signed by a key that had been replaced before".to_owned()),
                Err(NoteError::NotSigned { .. }) => {}
                Err(error) => return Err(format!("its header: {error}")),
            }
        }
        if leaf < self.unknown_before {
            return Ok(false);
        }
        Err(format!("its header is signed by an unknown key: {}", shortened(entry.signature_line())))
    }

    /// Opens a checkpoint that any of the keys has signed.
    pub(super) fn open_checkpoint(&self, note: &str) -> Result<Checkpoint, NoteError> {
        let mut first = None;
        for (key, _) in &self.keys {
            match Checkpoint::open(note, key) {
                Ok(checkpoint) => return Ok(checkpoint),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or_else(|| Checkpoint::parse_unauthenticated(note), Err)
    }
}

/// The takeover that a block holds, if it is of that source; a block that is wrong holds none, and is found to be so elsewhere.
pub(super) fn takeover(block: &[u8]) -> Result<Option<(Entry, Takeover)>, EvidenceError> {
    let entry = Parts::cut(block).and_then(|parts| Entry::parse(parts.entry));
    // What somebody else has signed is that one's word, not the store's.
    let is_takeover = |entry: &Entry| {
        let header = &entry.header;
        header.source == KEY_SOURCE && header.kind == RecordKind::Own && entry.envelope.signer.is_none()
    };
    if !entry.is_ok_and(|entry| is_takeover(&entry)) {
        return Ok(None);
    }
    let Ok(checked) = check_block(block, &mut decompressor()?) else { return Ok(None) };
    let takeover = checked.bytes.first().and_then(|bytes| Takeover::parse(bytes));
    Ok(takeover.map(|takeover| (checked.entry, takeover)))
}

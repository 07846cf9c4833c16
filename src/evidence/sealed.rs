//! A block that was sealed elsewhere (`docs/format.md` §12): made by an agent, checked and taken in by a collector.
//!
//! Inside: `Origin`, which seals and signs; `Sealed`, one block on its way; a request's blocks one behind the other.
//! Not here: the way (`agent`, `serve::batches`), whose keys are to be trusted and the order of numbers (`pipeline::senders`).

use std::path::Path;

use super::block::{HEAD_BYTES, Head, Parts, trailer_fits};
use super::check::{check_payload, decompressor};
use super::disk;
use super::draft::{Draft, Hash};
use super::error::EvidenceError;
use super::format_error::FormatError;
use super::header::{Header, header_hash};
use super::note::{NoteError, SigningKey, VerifierKey, split_note};
use super::seal::Sealer;
use crate::model::Moment;

const KEY_BYTES_MAX: u64 = 64 * 1024;

/// Whoever reads, seals and signs before a collector sees it.
pub struct Origin {
    sealer: Sealer,
    key: SigningKey,
}

impl Origin {
    /// With the key in a file, which is made where it is missing: a key of this name.
    ///
    /// # Errors
    /// A file that others can read, or that is no key; the disk's.
    pub fn open(path: &Path, name: &str) -> Result<Origin, EvidenceError> {
        if let Some(mut text) = disk::read_small(path, KEY_BYTES_MAX)? {
            super::keys::check_private(path, "600")?;
            let key = std::str::from_utf8(&text).unwrap_or_default();
            let key = SigningKey::parse(key.strip_suffix('\n').unwrap_or(key));
            text.fill(0);
            return Ok(Origin { sealer: Sealer::new()?, key: key.map_err(EvidenceError::note(path))? });
        }
        let key = SigningKey::generate(name).map_err(EvidenceError::note(path))?;
        let mut secret = format!("{}\n", key.to_text()).into_bytes();
        // A crash before the rename: a file that is never read; the next start makes another key.
        let written = disk::replace(path, &secret, 0o600);
        secret.fill(0);
        written?;
        Ok(Origin { sealer: Sealer::new()?, key })
    }

    /// The key that checks what this one signs.
    pub fn vkey(&self) -> VerifierKey {
        self.key.vkey()
    }

    /// The chain of a source goes on behind a header that was sealed before.
    ///
    /// # Errors
    /// A header that cannot be written.
    pub fn go_on(&mut self, header: &Header) -> Result<(), EvidenceError> {
        self.sealer.go_on(header)
    }

    /// Appends the sealed block of a draft to `out` and gives its header. Nothing is appended when it fails.
    ///
    /// # Errors
    /// A draft that breaks its invariants, or a value too long for a header.
    pub fn seal(&mut self, draft: &Draft, wall: Moment, out: &mut Vec<u8>) -> Result<Header, EvidenceError> {
        self.sealer.seal_note(draft, wall, &self.key, out)
    }
}

/// The length of the block at the front of `bytes`, which need not be there whole; `None` while its lengths are not.
///
/// # Errors
/// No block starts here, or one whose parts are longer than any.
pub fn block_length(bytes: &[u8]) -> Result<Option<usize>, FormatError> {
    match bytes.first_chunk::<HEAD_BYTES>() {
        Some(head) => Ok(Some(Head::parse(head)?.total())),
        None => Ok(None),
    }
}

/// The header in a sealed block, unchecked but for the block's own hash.
///
/// # Errors
/// A block that is torn, or whose header is malformed.
pub fn sealed_header(block: &[u8]) -> Result<Header, FormatError> {
    if !trailer_fits(block) {
        return Err(FormatError::block("its hash does not fit its bytes"));
    }
    let (header, _) = read_note(Parts::cut(block)?.entry)?;
    Ok(header)
}

/// A sealed block that is consistent in itself.
#[derive(Debug, Clone)]
pub struct Sealed {
    block: Vec<u8>,
    /// The batch header.
    pub header: Header,
    /// What the header behind it must name as `previous`.
    pub hash: Hash,
    /// Bytes of its records.
    pub raw: u64,
}

impl Sealed {
    /// Reads one block whole: its hash, its header, its records and their root. Redacted blocks are not taken.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(block: Vec<u8>) -> Result<Sealed, FormatError> {
        if !trailer_fits(&block) {
            return Err(FormatError::block("its hash does not fit its bytes: it was damaged on the way"));
        }
        let parts = Parts::cut(&block)?;
        let (header, hash) = read_note(parts.entry)?;
        let mut zstd = decompressor().map_err(|error| FormatError::block(error.to_string()))?;
        let payload = check_payload(&parts, &header, &mut zstd)?;
        if payload.redacted > 0 {
            return Err(FormatError::block("records are redacted in it"));
        }
        Ok(Sealed { raw: payload.raw, header, hash, block })
    }

    /// Whether this key has signed the header.
    ///
    /// # Errors
    /// It has not, or its signature does not hold.
    pub fn open(&self, key: &VerifierKey) -> Result<(), NoteError> {
        key.open(self.note()).map(|_| ())
    }

    /// The signed note.
    pub(super) fn note(&self) -> &str {
        Parts::cut(&self.block).ok().and_then(|parts| std::str::from_utf8(parts.entry).ok()).unwrap_or_default()
    }

    pub(super) fn parts(&self) -> Result<Parts<'_>, FormatError> {
        Parts::cut(&self.block)
    }

    /// Bytes of the block.
    pub fn length(&self) -> usize {
        self.block.len()
    }
}

fn read_note(bytes: &[u8]) -> Result<(Header, Hash), FormatError> {
    let note = std::str::from_utf8(bytes).map_err(|_| FormatError::entry("not UTF-8"))?;
    let (text, signatures) = split_note(note).map_err(|error| FormatError::entry(error.to_string()))?;
    if signatures.lines().count() != 1 {
        return Err(FormatError::entry("not exactly one signature"));
    }
    Ok((Header::parse(text)?, header_hash(text)))
}

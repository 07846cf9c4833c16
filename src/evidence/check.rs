//! One block against itself: everything in it is what its header says.
//!
//! Not here: signatures, the chain of a source, the tree (`verify`, `store`).

use super::block::{Keys, Parts, Table, decode_frame, leaf_hashes};
use super::draft::Hash;
use super::entry::Entry;
use super::format_error::FormatError;
use super::header::Header;
use super::tree::{leaf_hash, root};

/// What is known of a block that is consistent in itself.
pub(super) struct Checked {
    pub(super) entry: Entry,
    /// Its leaf hash in the log.
    pub(super) leaf: Hash,
    /// Bytes of its records.
    pub(super) raw: u64,
    /// Records that were redacted.
    pub(super) redacted: u64,
    /// The only or first frame, as a record of deponent's own may be asked for.
    pub(super) bytes: Vec<Vec<u8>>,
}

/// Decompresses a block's records, hashes them, and compares with its header.
pub(super) fn check_block(block: &[u8], zstd: &mut zstd::bulk::Decompressor<'static>) -> Result<Checked, FormatError> {
    let parts = Parts::cut(block)?;
    let entry = Entry::parse(parts.entry)?;
    let payload = check_payload(&parts, &entry.header, zstd)?;
    let Payload { raw, redacted, bytes } = payload;
    Ok(Checked { leaf: leaf_hash(parts.entry), entry, raw, redacted, bytes })
}

/// The records of a block that fit its header.
pub(super) struct Payload {
    /// Bytes of its records.
    pub(super) raw: u64,
    /// Records that were redacted.
    pub(super) redacted: u64,
    /// The decompressed frames.
    pub(super) bytes: Vec<Vec<u8>>,
}

/// Decompresses and hashes the records of a block whose header was read already.
pub(super) fn check_payload(
    parts: &Parts<'_>,
    header: &Header,
    zstd: &mut zstd::bulk::Decompressor<'static>,
) -> Result<Payload, FormatError> {
    if parts.pruned.is_some() {
        return Err(FormatError::block("its records are gone by retention"));
    }
    let records = usize::try_from(header.records).unwrap_or(usize::MAX);
    let keys = Keys::parse(parts.keys, records)?;
    let table = Table::parse(parts.table, records, parts.frames.len())?;
    let mut frames = Vec::with_capacity(table.frames.len());
    let (mut rest, mut raw) = (parts.frames, 0_u64);
    for frame in &table.frames {
        let length = usize::try_from(frame.compressed).unwrap_or(usize::MAX);
        let (bytes, behind) =
            rest.split_at_checked(length).ok_or_else(|| FormatError::block("its frames are cut off"))?;
        rest = behind;
        frames.push(decode_frame(zstd, bytes, frame.raw)?);
        raw = raw.saturating_add(u64::from(frame.raw));
    }
    let leaves = leaf_hashes(&keys, &table, &frames)?;
    if root(&leaves) != header.root {
        return Err(FormatError::block("its records do not give the root that its header states"));
    }
    let redacted = table.records.iter().filter(|record| record.length == 0).count();
    let redacted = u64::try_from(redacted).unwrap_or(u64::MAX);
    let range = header.end.saturating_sub(header.start);
    if raw > range || (redacted == 0 && raw != range) {
        return Err(FormatError::block(format!("its records have {raw} bytes, the range of its header {range}")));
    }
    Ok(Payload { raw, redacted, bytes: frames })
}

/// A decompressor, or why there is none.
pub(super) fn decompressor() -> Result<zstd::bulk::Decompressor<'static>, super::error::EvidenceError> {
    zstd::bulk::Decompressor::new().map_err(super::error::EvidenceError::io("set up", "zstd".as_ref()))
}

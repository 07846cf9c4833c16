//! How far a file has been read, and the bytes under which the state keeps that.
//!
//! Key: version, whether the head is final, kind, cluster, node, head, hash of the file's identity, MiB of the end. So
//! a file has one entry a MiB of it, the newest (and one more for each content that it had before a truncation), and copies and rotated files are found by their first bytes.
//! Not here: the database (`state`), how a file is compared with its cursors (`source`).

use super::IndexError;
use crate::evidence::{FileId, Hash};
use crate::model::RecordKind;
use sha2::{Digest, Sha256};

/// Version of the encoding of keys and values.
const VERSION: u8 = 1;
/// Bytes that the head of a file covers: a cursor that ends before has a head that will change.
const HEAD_BYTES: u64 = 256;
/// Bytes of a cluster's or node's name, and of a path, at most.
const NAME_BYTES_MAX: usize = 4_096;

const HAS_FILE: u8 = 1;
const GOES_ON: u8 = 2;

/// A prefix of a file that is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorEntry {
    /// Format of the records.
    pub kind: RecordKind,
    /// Cluster as configured, or empty.
    pub cluster: String,
    /// Node as configured, or empty.
    pub node: String,
    /// H(first 256 bytes, or all up to `end` when fewer).
    pub head: Hash,
    /// The file; `None` for a stream.
    pub file: Option<FileId>,
    /// Byte behind the last one read, after decompression.
    pub end: u64,
    /// H(bytes [0, end)).
    pub prefix: Hash,
    /// The last record goes on behind `end`.
    pub goes_on: bool,
    /// The log entry that ends there.
    pub leaf: u64,
}

/// Start of the keys of one kind, cluster and node; of those that end within the head, or behind it.
pub(super) fn group(short: bool, kind: RecordKind, cluster: &str, node: &str) -> Result<Vec<u8>, IndexError> {
    let mut key = vec![VERSION, u8::from(short)];
    for (what, text) in [("kind", kind.name()), ("cluster", cluster), ("node", node)] {
        let too_long = IndexError::TooLong { what, bytes: text.len(), max: NAME_BYTES_MAX };
        let len = u16::try_from(text.len()).ok().filter(|_| text.len() <= NAME_BYTES_MAX).ok_or(too_long)?;
        key.extend_from_slice(&len.to_be_bytes());
        key.extend_from_slice(text.as_bytes());
    }
    Ok(key)
}

/// The key under which the newest cursor of a path lies.
pub(super) fn of_path(path: &[u8]) -> Vec<u8> {
    let mut key = vec![VERSION, 2];
    key.extend_from_slice(Sha256::digest(path).get(..16).unwrap_or_default());
    key
}

impl CursorEntry {
    /// Key and value.
    pub(super) fn encode(&self) -> Result<(Vec<u8>, Vec<u8>), IndexError> {
        self.encode_with(&[])
    }

    /// Key and value of what a file held before it was truncated: the key is another one, and the file's next content does not come to lie there.
    pub(super) fn encode_apart(&self) -> Result<(Vec<u8>, Vec<u8>), IndexError> {
        self.encode_with(&self.leaf.to_be_bytes())
    }

    fn encode_with(&self, apart: &[u8]) -> Result<(Vec<u8>, Vec<u8>), IndexError> {
        let mut value = vec![VERSION, (u8::from(self.file.is_some()) * HAS_FILE) | (u8::from(self.goes_on) * GOES_ON)];
        value.extend_from_slice(&self.end.to_be_bytes());
        value.extend_from_slice(&self.leaf.to_be_bytes());
        value.extend_from_slice(&self.prefix);
        if let Some(file) = &self.file {
            if file.path.len() > NAME_BYTES_MAX {
                return Err(IndexError::TooLong { what: "path", bytes: file.path.len(), max: NAME_BYTES_MAX });
            }
            for number in [file.dev, file.ino, file.birth] {
                value.extend_from_slice(&number.to_be_bytes());
            }
            value.extend_from_slice(&file.path);
        }
        let mut key = group(self.end < HEAD_BYTES, self.kind, &self.cluster, &self.node)?;
        key.extend_from_slice(&self.head);
        let file = Sha256::new().chain_update(value.get(50..).unwrap_or_default()).chain_update(apart).finalize();
        key.extend_from_slice(file.get(..8).unwrap_or_default());
        key.extend_from_slice(&u32::try_from(self.end >> 20).unwrap_or(u32::MAX).to_be_bytes());
        Ok((key, value))
    }

    /// From key and value; `None` when they are not of this version.
    pub(super) fn decode(key: &[u8], value: &[u8]) -> Option<CursorEntry> {
        let mut key = Bytes(key);
        let (VERSION, short) = (key.u8()?, key.u8()?) else { return None };
        let kind = RecordKind::of_name(&key.text()?)?;
        let (cluster, node) = (key.text()?, key.text()?);
        let head: Hash = key.array()?;
        let (_, _): ([u8; 8], [u8; 4]) = (key.array()?, key.array()?);
        let mut value = Bytes(value);
        let (VERSION, flags) = (value.u8()?, value.u8()?) else { return None };
        let (end, leaf) = (value.u64()?, value.u64()?);
        let prefix: Hash = value.array()?;
        let file = if flags & HAS_FILE == 0 {
            None
        } else {
            let (dev, ino, birth) = (value.u64()?, value.u64()?, value.u64()?);
            Some(FileId { dev, ino, birth, path: std::mem::take(&mut value.0).to_vec() })
        };
        let whole = key.0.is_empty() && value.0.is_empty() && short == u8::from(end < HEAD_BYTES);
        let goes_on = flags & GOES_ON != 0;
        whole.then_some(CursorEntry { kind, cluster, node, head, file, end, prefix, goes_on, leaf })
    }
}

/// Bytes read from the front.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(end: u64, file: Option<FileId>) -> CursorEntry {
        CursorEntry {
            kind: RecordKind::Auditd,
            cluster: "c-ä".to_owned(),
            node: String::new(),
            head: [3; 32],
            file,
            end,
            prefix: [4; 32],
            goes_on: end % 2 == 1,
            leaf: end / 7,
        }
    }

    #[test]
    fn round_trip() {
        let file = FileId { dev: 1, ino: u64::MAX, birth: 3, path: b"/var/log/\xff".to_vec() };
        for end in [0, 1, 255, 256, 1 << 20, u64::MAX] {
            for file in [None, Some(file.clone())] {
                let entry = entry(end, file);
                let (key, value) = entry.encode().unwrap();
                assert_eq!(CursorEntry::decode(&key, &value), Some(entry));
                for cut in 0..key.len() {
                    assert_eq!(CursorEntry::decode(&key[..cut], &value), None, "key cut at {cut}");
                }
                for cut in 0..50 {
                    assert_eq!(CursorEntry::decode(&key, &value[..cut]), None, "value cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn one_key_a_file_and_mebibyte() {
        let key = |end, ino| {
            let file = FileId { dev: 1, ino, birth: 3, path: b"/a".to_vec() };
            entry(end, Some(file)).encode().unwrap().0
        };
        assert_eq!(key(300, 7), key(1_000_000, 7));
        assert_ne!(key(300, 7), key(2_000_000, 7), "another MiB");
        assert_ne!(key(300, 7), key(300, 8), "another file");
        assert_ne!(key(255, 7), key(256, 7), "its head changes yet");
    }

    #[test]
    fn long_names_are_refused() {
        let mut entry = entry(1, None);
        entry.node = "n".repeat(NAME_BYTES_MAX + 1);
        assert!(matches!(entry.encode(), Err(IndexError::TooLong { what: "node", .. })));
    }
}

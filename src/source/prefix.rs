//! The running hash of a file's bytes from its start, and of its first 256 bytes.
//!
//! Not here: what is compared with it (`scan`).

use crate::evidence::Hash;
use sha2::{Digest, Sha256};

/// Bytes of a file's head (`docs/format.md` §4).
pub const HEAD_BYTES: usize = 256;

/// H(bytes so far) and H(first 256 of them).
#[derive(Debug, Clone, Default)]
pub struct Prefix {
    hasher: Sha256,
    len: u64,
    head: Vec<u8>,
}

impl Prefix {
    /// More bytes behind the ones so far.
    pub fn update(&mut self, bytes: &[u8]) {
        let lacking = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.get(..lacking).unwrap_or_default());
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(bytes.len() as u64);
    }

    /// How many bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// H(all bytes so far).
    pub fn hash(&self) -> Hash {
        self.hasher.clone().finalize().into()
    }

    /// H(first 256 bytes, or all so far when fewer).
    pub fn head(&self) -> Hash {
        Sha256::digest(&self.head).into()
    }
}

/// H(first n bytes) for n = 1 … min(256, length): any of them may be the head of a cursor.
pub fn heads(bytes: &[u8]) -> Vec<Hash> {
    let mut hasher = Sha256::new();
    let one_more = |byte: &u8| {
        hasher.update([*byte]);
        hasher.clone().finalize().into()
    };
    bytes.iter().take(HEAD_BYTES).map(one_more).collect()
}

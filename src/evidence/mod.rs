//! The evidence log: raw records in signed batches, the batches in an append-only Merkle log.
//!
//! Inside: the formats of `docs/format.md` (pure), the store that holds them (I/O), its verification.
//! Not here: where the bytes come from (`source`), what they mean (`normalise`).

mod draft;

pub use draft::{BATCH_BYTES_MAX, Draft, FileId, Hash, Position, RECORDS_MAX};

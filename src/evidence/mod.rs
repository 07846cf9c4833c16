//! The evidence log: raw records in signed batches, the batches in an append-only Merkle log.
//!
//! Inside: the formats of `docs/format.md` (pure), the store that holds them (I/O), its verification.
//! Not here: where the bytes come from (`source`), what they mean (`normalise`).

mod adopt;
#[cfg(test)]
mod adopt_tests;
mod backup;
#[cfg(test)]
mod backup_tests;
mod block;
mod check;
mod checkpoint;
#[cfg(test)]
mod crash_tests;
mod disk;
mod draft;
mod entry;
mod error;
mod fault;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture_tests;
mod format_error;
#[cfg(test)]
mod format_tests;
mod fsck;
mod header;
mod inspect;
mod inventory;
mod keyring;
mod keys;
mod layout;
mod live;
mod lock;
mod note;
mod note_error;
mod proof;
mod proof_error;
mod proof_lines;
#[cfg(test)]
mod proof_tests;
mod proof_verify;
mod prove;
mod published;
mod reader;
mod receipt;
mod record;
mod retain;
#[cfg(test)]
mod retain_tests;
mod retention;
mod said;
mod seal;
mod sealed;
mod segment;
mod spool;
#[cfg(test)]
mod spool_tests;
mod stage;
mod store;
#[cfg(test)]
mod store_tests;
mod survey;
#[cfg(test)]
mod tamper_tests;
mod text;
mod tile_reader;
#[cfg(test)]
mod tile_tests;
mod tiles;
mod tlog_proof;
mod tree;
mod tree_builder;
mod verify;
mod writer;

pub use adopt::{KeyInfo, adopt_key, key_info};
pub use backup::{Backup, backup};
pub use checkpoint::Checkpoint;
pub use draft::{BATCH_BYTES_MAX, Draft, FileId, Hash, Position, RECORDS_MAX};
pub use entry::{Door, Entry, Envelope};
pub use error::EvidenceError;
pub use fault::Fault;
pub use format_error::FormatError;
pub use fsck::{FsckReport, fsck};
pub use header::Header;
pub use lock::{Held, Holder, hold, holder};
pub use note::{SigningKey, VerifierKey, split_note};
pub use note_error::NoteError;
pub use proof::{EntryProof, PROOF_BYTES_MAX, ProofFile, RecordProof};
pub use proof_error::ProofError;
pub use proof_verify::{RecordVerdict, Verdict};
pub use prove::prove;
pub use published::TileName;
pub use reader::{FRAME_CACHE_BYTES, Reader, StoreTiles};
pub use receipt::{Receipt, ReceiptError};
pub use record::{Block, FrameRecords, Record};
pub use retain::{Freed, Retention};
pub use retention::{RETENTION_SOURCE, Statement};
pub use sealed::{Origin, Sealed, block_length, sealed_header};
pub use spool::{Spool, SpoolReader, SpoolRecovery};
pub use store::StoreOptions;
pub use text::VALUE_BYTES_MAX;
pub use tile_reader::TileReader;
pub use tiles::{
    ENTRY_BYTES_MAX, TILE_WIDTH, bundle_entries, bundle_path, bundle_push, decode_index, encode_index, tile_path,
    tile_width,
};
pub use tlog_proof::TlogProof;
pub use tree::{
    check_consistency, check_inclusion, empty_root, inclusion_path, leaf_hash, node_hash, root, salted_leaf_hash,
};
pub use tree_builder::{DirtyTile, TreeBuilder};
pub use verify::{Authenticated, VerifyError, VerifyOptions, VerifyReport, verify};
pub use writer::{Recovery, Writer};

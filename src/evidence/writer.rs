//! The one writer of a store: append, sync, publish, in the order of durability of `docs/format.md` §6.
//!
//! Not here: opening, creating and recovering (`store`), sealing (`seal`), reading (`reader`).

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::adopt::own_draft;
use super::checkpoint::Checkpoint;
use super::disk;
use super::draft::{Draft, Hash};
use super::entry::{Door, Entry, Envelope};
use super::error::EvidenceError;
use super::keys::KeyDir;
use super::layout::{Layout, SEGMENT_BLOCKS};
use super::live::Live;
use super::lock::Lock;
use super::note::VerifierKey;
use super::reader::Reader;
use super::receipt::Receipt;
use super::retention::{RETENTION_SOURCE, Statement};
use super::seal::{Sealer, push_block};
use super::sealed::Sealed;
use super::stage::Stage;
use super::tiles::{TILE_WIDTH, bundle_path, bundle_push};
use super::tree::leaf_hash;
use super::tree_builder::TreeBuilder;
use crate::model::Moment;

/// Bytes of blocks that wait for a sync at most; with more, one happens by itself.
const BUFFER_BYTES_MAX: usize = 8 << 20;

/// What an opening had to repair.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// The store was made.
    pub created: bool,
    /// Bytes of a torn block that were cut off: nothing of it had been acknowledged.
    pub cut_bytes: u64,
    /// Log entries that were durable, but not covered by a checkpoint; they are now.
    pub signed_entries: u64,
    /// Tiles or the bundle at the right edge were missing, and were made again from the segments.
    pub rebuilt_tiles: bool,
}

/// The writer of a store. There is one at a time: it holds `DIR/lock`.
///
/// After an error of `sync` or `publish`, or one of `append` that is not about the draft, it refuses to go on: what reached the disk is known only
/// to the next opening.
pub struct Writer {
    pub(super) layout: Layout,
    pub(super) lock: Lock,
    pub(super) keys: KeyDir,
    pub(super) sealer: Sealer,
    /// The right edge, with everything that was appended.
    pub(super) tree: TreeBuilder,
    /// The published checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// What `last-signed` holds.
    pub(super) signed: Option<String>,
    /// Something must be published although the tree has not grown.
    pub(super) stale: bool,
    /// The growing segment, when it has a file.
    pub(super) wal: Option<(File, PathBuf)>,
    /// Blocks that are not in the file.
    pub(super) buffer: Vec<u8>,
    /// The file has bytes that may not be durable.
    pub(super) unsynced: bool,
    /// The growing bundle.
    pub(super) bundle: Vec<u8>,
    /// Width of its partial form on disk, 0 for none.
    pub(super) bundle_width: u16,
    /// Partial tiles and bundles to be removed once what replaces them is published.
    pub(super) superseded: Vec<PathBuf>,
    pub(super) live: Arc<Live>,
    pub(super) reader: Reader,
    pub(super) recovery: Recovery,
    pub(super) poisoned: Option<String>,
}

impl Writer {
    /// What the opening had to repair.
    pub fn recovered(&self) -> &Recovery {
        &self.recovery
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        &self.checkpoint.origin
    }

    /// Log entries, those included that are not durable yet.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The newest published checkpoint.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// A reader of what is durable; it sees more after each `sync`.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Seals a batch and appends it; gives the index of its log entry. It is durable, and may be acknowledged, after the next `sync`.
    ///
    /// # Errors
    /// A draft that breaks its invariants, or a value too long for a header: nothing was appended, and the writer goes on. Everything else ends it.
    pub fn append(&mut self, draft: Draft, envelope: &Envelope) -> Result<u64, EvidenceError> {
        self.check()?;
        let leaf = self.tree.size();
        let before = self.buffer.len();
        let entry = self.sealer.seal(&draft, envelope, &self.keys.key, &mut self.buffer)?;
        drop(draft);
        let length = self.buffer.len().saturating_sub(before);
        self.guard(|writer| {
            writer.admit(entry.bytes(), length)?;
            if writer.buffer.len() >= BUFFER_BYTES_MAX { writer.flush() } else { Ok(()) }
        })?;
        Ok(leaf)
    }

    /// Appends a batch that its origin has sealed and signed, and signs its header too; gives the index of its log entry and that entry's leaf hash. Who has
    /// signed it must stand in the envelope. It is durable, and may be acknowledged, after the next `sync`.
    ///
    /// # Errors
    /// An entry that is too long: nothing was appended, and the writer goes on. Everything else ends it.
    pub fn append_sealed(&mut self, sealed: &Sealed, envelope: &Envelope) -> Result<(u64, Hash), EvidenceError> {
        self.check()?;
        let leaf = self.tree.size();
        let before = self.buffer.len();
        let entry = Entry::admit(envelope, sealed.header.clone(), sealed.note(), &self.keys.key)?;
        let parts = sealed.parts()?;
        push_block(entry.bytes(), &[parts.keys], parts.table, parts.frames, &mut self.buffer);
        let length = self.buffer.len().saturating_sub(before);
        self.guard(|writer| {
            writer.admit(entry.bytes(), length)?;
            if writer.buffer.len() >= BUFFER_BYTES_MAX { writer.flush() } else { Ok(()) }
        })?;
        Ok((leaf, leaf_hash(entry.bytes())))
    }

    /// Signs a receipt. It may be handed out once what it is about is durable.
    ///
    /// # Errors
    /// A value that is too long.
    pub fn sign_receipt(&self, receipt: &Receipt) -> Result<String, EvidenceError> {
        Ok(receipt.sign(&self.keys.key)?)
    }

    /// The key that checks what this writer signs.
    pub fn vkey(&self) -> VerifierKey {
        self.keys.key.vkey()
    }

    /// Makes everything that was appended durable, with one fdatasync; gives the durable size.
    ///
    /// # Errors
    /// The disk's; the writer ends: after a failed sync nobody knows what is on disk, and a second one may lie.
    pub fn sync(&mut self) -> Result<u64, EvidenceError> {
        self.check()?;
        self.guard(Writer::flush)?;
        Ok(self.tree.size())
    }

    /// Extends the tiles, signs and publishes a checkpoint over everything that was appended.
    ///
    /// # Errors
    /// The disk's; somebody else signed with this key. The writer ends.
    pub fn publish(&mut self) -> Result<Checkpoint, EvidenceError> {
        self.check()?;
        self.guard(Writer::publish_all)?;
        Ok(self.checkpoint.clone())
    }

    /// Says in the log which records are gone, and publishes that; gives the index of the log entry. Only behind this call anything may go.
    ///
    /// # Errors
    /// As `append` and `publish`.
    pub fn retain(&mut self, statement: &Statement, now: Moment) -> Result<u64, EvidenceError> {
        let draft = own_draft(RETENTION_SOURCE, format!("{}\n", statement.record()).into_bytes());
        let leaf = self.append(draft, &Envelope::witnessed(now, Door::Own, None))?;
        self.publish()?;
        Ok(leaf)
    }

    /// Writes into `DIR/lock` where this process answers.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_address(&mut self, address: Option<SocketAddr>) -> Result<(), EvidenceError> {
        self.lock.set(address)
    }

    /// Publishes and gives the store free.
    ///
    /// # Errors
    /// As `publish`.
    pub fn close(mut self) -> Result<Checkpoint, EvidenceError> {
        let checkpoint = self.publish()?;
        self.lock.release()?;
        Ok(checkpoint)
    }

    fn check(&self) -> Result<(), EvidenceError> {
        match &self.poisoned {
            Some(reason) => Err(EvidenceError::Poisoned { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Runs a change of the store; an error ends the writer.
    pub(super) fn guard(
        &mut self,
        change: impl FnOnce(&mut Writer) -> Result<(), EvidenceError>,
    ) -> Result<(), EvidenceError> {
        let done = change(self);
        if let Err(error) = &done {
            self.poisoned = Some(error.to_string());
        }
        done
    }

    /// Takes a block into tree, bundle and offsets; its bytes are in the buffer, or, when an opening recovers it, in the file.
    pub(super) fn admit(&mut self, entry: &[u8], block_length: usize) -> Result<(), EvidenceError> {
        self.tree.append(leaf_hash(entry));
        self.note_block(entry, block_length)?;
        if self.tree.size().is_multiple_of(SEGMENT_BLOCKS) { self.roll_over() } else { Ok(()) }
    }

    /// The part of `admit` that is not about the tree, for blocks that it covers already.
    pub(super) fn note_block(&mut self, entry: &[u8], block_length: usize) -> Result<(), EvidenceError> {
        self.live.push(block_length);
        Ok(bundle_push(&mut self.bundle, entry)?)
    }

    /// The growing segment.
    pub(super) fn segment(&self) -> u64 {
        self.live.end().0
    }

    /// Writes what is buffered and makes it durable.
    fn flush(&mut self) -> Result<(), EvidenceError> {
        if !self.buffer.is_empty() {
            if self.wal.is_none() {
                self.wal = Some(self.new_segment()?);
            }
            if let Some((file, path)) = &self.wal {
                self.unsynced = true;
                // A crash here: a torn block at the end, or blocks that nobody was told of; the next opening cuts the one and signs the others.
                disk::write(file, path, &self.buffer)?;
            }
            self.buffer.clear();
        }
        if let Some((file, path)) = &self.wal
            && self.unsynced
        {
            // A crash here: as above. Behind it: what was appended may be acknowledged.
            disk::sync(file, path)?;
            self.unsynced = false;
        }
        self.live.set_durable(self.tree.size());
        Ok(())
    }

    fn new_segment(&self) -> Result<(File, PathBuf), EvidenceError> {
        let path = self.layout.wal(self.segment());
        let folder = parent(&path);
        disk::create_dirs(folder, 0o755)?;
        // A crash here: an empty segment, or none.
        let file = disk::create(&path, &[], 0o644)?;
        disk::sync_dir(folder)?;
        Ok((file, path))
    }

    /// Moves the growing segment, which is full, to its place, and begins the next one.
    fn roll_over(&mut self) -> Result<(), EvidenceError> {
        self.flush()?;
        let segment = self.segment();
        // A crash here: a full segment in wal/; the next opening comes here again.
        let mut stage = Stage::new(&self.layout);
        stage.put(self.layout.tile(&bundle_path(segment, TILE_WIDTH)), &self.bundle)?;
        stage.commit()?;
        if self.bundle_width > 0 {
            self.superseded.push(self.layout.tile(&bundle_path(segment, self.bundle_width)));
        }
        let (from, to) = (self.layout.wal(segment), self.layout.batch(segment));
        if from.exists() {
            if to.exists() {
                return Err(EvidenceError::Exists { path: to });
            }
            disk::create_dirs(parent(&to), 0o755)?;
            // A crash here: it is in one place or the other, with the same bytes.
            disk::rename(&from, &to)?;
            disk::sync_dir(parent(&to))?;
            disk::sync_dir(parent(&from))?;
        }
        let starts = self.live.next_segment();
        self.reader.remember_segment(segment, starts);
        (self.wal, self.bundle_width) = (None, 0);
        self.bundle.clear();
        Ok(())
    }

    pub(super) fn publish_all(&mut self) -> Result<(), EvidenceError> {
        // Durable before signed: a checkpoint must never cover what a crash can take away.
        self.flush()?;
        let size = self.tree.size();
        if size == self.checkpoint.size && !self.stale {
            return Ok(());
        }
        self.write_tiles(size)?;
        self.sign()?;
        // A crash here: narrower partial tiles stay beside the wider ones; they are true, and cost only room.
        for path in std::mem::take(&mut self.superseded) {
            disk::remove(&path)?;
            disk::remove_empty_dir(parent(&path))?;
        }
        Ok(())
    }

    /// Tiles and bundles over everything that was appended, durable. A crash in here: files that no checkpoint covers, and the same bytes again later.
    fn write_tiles(&mut self, size: u64) -> Result<(), EvidenceError> {
        let mut stage = Stage::new(&self.layout);
        for tile in self.tree.dirty_tiles() {
            self.superseded.extend(tile.replaced_path().map(|path| self.layout.tile(&path)));
            stage.put(self.layout.tile(&tile.path()), &tile.bytes)?;
        }
        let segment = size / SEGMENT_BLOCKS;
        let width = u16::try_from(size % SEGMENT_BLOCKS).unwrap_or(0);
        if width != self.bundle_width && width > 0 {
            stage.put(self.layout.tile(&bundle_path(segment, width)), &self.bundle)?;
            if self.bundle_width > 0 {
                self.superseded.push(self.layout.tile(&bundle_path(segment, self.bundle_width)));
            }
            self.bundle_width = width;
        }
        stage.commit()
    }

    /// Signs the tree as it is, remembers that outside of the store, and publishes it.
    pub(super) fn sign(&mut self) -> Result<(), EvidenceError> {
        let new = Checkpoint { origin: self.checkpoint.origin.clone(), size: self.tree.size(), root: self.tree.root() };
        // The tree in memory began as the one that `last-signed` covers and only grows. That it is still what `last-signed` holds is
        // checked by the swap: so nothing is signed that does not extend it.
        let note = new.sign(&self.keys.key);
        // A crash in here: a checkpoint was signed that nobody has seen.
        self.keys.swap_last_signed(self.signed.as_deref(), &note)?;
        // A crash here: `last-signed` is ahead of the store's checkpoint, and the segments have all that it covers.
        let mut stage = Stage::new(&self.layout);
        stage.put(self.layout.checkpoint(), note.as_bytes())?;
        stage.commit()?;
        (self.checkpoint, self.signed, self.stale) = (new, Some(note), false);
        Ok(())
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

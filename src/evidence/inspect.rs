//! Reading every block of a store, on two threads, handed on in order.
//!
//! Not here: what the facts about the blocks must add up to (`verify`).

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use sha2::{Digest, Sha256};

use super::block::{HEAD_BYTES, Head, Parts, trailer_fits};
use super::check::{check_block, decompressor};
use super::draft::Hash;
use super::entry::Entry;
use super::error::EvidenceError;
use super::fault::Fault;
use super::header::header_hash;
use super::keyring::Keyring;
use super::tree::leaf_hash;
use crate::model::RecordKind;

const THREADS: usize = 2;
/// Blocks that a thread takes at once.
const BLOCKS_TAKEN: usize = 8;
/// Results that wait to be handed on.
const RESULTS_MAX: usize = 64;

/// Where a block lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) leaf: u64,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// A segment and its blocks, found by their lengths.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) blocks: Vec<At>,
}

/// What is known of a sound block.
pub(super) struct Facts {
    pub(super) entry: Vec<u8>,
    pub(super) leaf: Hash,
    /// Identifies (source, epoch).
    pub(super) chain: [u8; 16],
    pub(super) seq: u64,
    pub(super) previous: Hash,
    pub(super) header: Hash,
    pub(super) records: u64,
    pub(super) raw: u64,
    pub(super) redacted: u64,
    pub(super) kind: RecordKind,
    /// Its records are gone, as this log entry says.
    pub(super) pruned: Option<u64>,
    /// Its signature is one of a key that nobody knows any more.
    pub(super) unchecked: bool,
}

/// How much of each block is looked at.
#[derive(Clone, Copy)]
pub(super) enum Depth<'a> {
    /// Everything, and the signature if there are keys.
    Full(&'a Keyring),
    /// Its hash and its entry.
    Structure,
}

/// Checks all blocks of a segment and hands them to `each` in order. `each` says whether to go on.
pub(super) fn inspect(
    segment: &Segment,
    depth: Depth<'_>,
    each: &mut dyn FnMut(At, Result<Facts, Fault>) -> bool,
) -> Result<(), EvidenceError> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, receive) = sync_channel(RESULTS_MAX);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (send, next, stop) = (send.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let first = next.fetch_add(BLOCKS_TAKEN, Ordering::Relaxed);
                    let taken = segment.blocks.iter().enumerate().skip(first).take(BLOCKS_TAKEN);
                    if taken.len() == 0 {
                        return;
                    }
                    let mut worker = match Worker::new(depth) {
                        Ok(worker) => worker,
                        Err(error) => return drop(send.send((usize::MAX, Err(error)))),
                    };
                    for (number, at) in taken {
                        let facts = worker.block(segment, *at);
                        if send.send((number, facts)).is_err() {
                            return;
                        }
                    }
                }
            });
        }
        drop(send);
        let (mut waiting, mut expected, mut done) = (BTreeMap::new(), 0, Ok(()));
        for (number, facts) in receive {
            match facts {
                Ok(facts) => drop(waiting.insert(number, facts)),
                // Whatever comes behind is taken and thrown away, so that nobody waits for ever to hand it on.
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    done = Err(error);
                }
            }
            while let Some(facts) = waiting.remove(&expected) {
                let at = segment.blocks.get(expected).copied();
                expected += 1;
                if stop.load(Ordering::Relaxed) || at.is_none_or(|at| !each(at, facts)) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        done
    })
}

struct Worker<'a> {
    depth: Depth<'a>,
    zstd: zstd::bulk::Decompressor<'static>,
    block: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(depth: Depth<'a>) -> Result<Worker<'a>, EvidenceError> {
        Ok(Worker { depth, zstd: decompressor()?, block: Vec::new() })
    }

    fn block(&mut self, segment: &Segment, at: At) -> Result<Result<Facts, Fault>, EvidenceError> {
        self.block.resize(usize::try_from(at.length).unwrap_or(usize::MAX), 0);
        let read = segment.file.read_exact_at(&mut self.block, at.start);
        read.map_err(EvidenceError::io("read", &segment.path))?;
        let fault = |what: &str| Fault::entry(&segment.path, at.start, at.leaf, what);
        // Looked at first: what bit rot did is named as what it is.
        if !trailer_fits(&self.block) {
            return Ok(Err(fault("the block's bytes are not those that were written (its hash does not fit)")));
        }
        Ok(match self.depth {
            Depth::Full(keys) => self.full(keys, at.leaf),
            Depth::Structure => self.structure(),
        }
        .map_err(|what| fault(&what)))
    }

    fn full(&mut self, keys: &Keyring, leaf: u64) -> Result<Facts, String> {
        let parts = Parts::cut(&self.block).map_err(|error| error.to_string())?;
        if parts.pruned.is_some() {
            let entry = Entry::parse(parts.entry).map_err(|error| error.to_string())?;
            let unchecked = !keys.check(&entry, leaf)?;
            return Ok(Facts { pruned: parts.pruned, unchecked, ..facts(&entry, leaf_hash(parts.entry)) });
        }
        let checked = check_block(&self.block, &mut self.zstd).map_err(|error| error.to_string())?;
        let unchecked = !keys.check(&checked.entry, leaf)?;
        let facts = facts(&checked.entry, checked.leaf);
        Ok(Facts { raw: checked.raw, redacted: checked.redacted, unchecked, ..facts })
    }

    fn structure(&self) -> Result<Facts, String> {
        let parts = Parts::cut(&self.block).map_err(|error| error.to_string())?;
        let entry = Entry::parse(parts.entry).map_err(|error| error.to_string())?;
        Ok(Facts { pruned: parts.pruned, ..facts(&entry, leaf_hash(parts.entry)) })
    }
}

fn facts(entry: &Entry, leaf: Hash) -> Facts {
    let header = &entry.header;
    let chain: Hash = Sha256::new_with_prefix(header.epoch).chain_update(header.source.as_bytes()).finalize().into();
    Facts {
        entry: entry.bytes().to_vec(),
        leaf,
        chain: chain.first_chunk().copied().unwrap_or_default(),
        seq: header.seq,
        previous: header.previous,
        header: header_hash(entry.header_text()),
        records: u64::from(header.records),
        raw: header.end.saturating_sub(header.start),
        redacted: 0,
        kind: header.kind,
        pruned: None,
        unchecked: false,
    }
}

/// Finds the blocks of a segment by their lengths, 256 at most, and where they end. A block whose lengths cannot be is a fault there; one that the
/// file ends within is not listed.
pub(super) fn find_blocks(
    file: &File,
    path: &Path,
    length: u64,
    first_leaf: u64,
) -> Result<(Vec<At>, u64, Option<Fault>), EvidenceError> {
    let (mut blocks, mut at) = (Vec::new(), 0_u64);
    while at < length && blocks.len() < 256 {
        let leaf = first_leaf.saturating_add(u64::try_from(blocks.len()).unwrap_or(0));
        let mut head = [0; HEAD_BYTES];
        if length - at < 20 {
            break;
        }
        file.read_exact_at(&mut head, at).map_err(EvidenceError::io("read", path))?;
        let total = match Head::parse(&head) {
            Ok(head) => u64::try_from(head.total()).unwrap_or(u64::MAX),
            Err(error) => return Ok((blocks, at, Some(Fault::entry(path, at, leaf, error.to_string())))),
        };
        if total > length - at {
            break;
        }
        blocks.push(At { leaf, start: at, length: total });
        at += total;
    }
    Ok((blocks, at, None))
}

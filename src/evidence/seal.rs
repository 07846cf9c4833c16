//! Sealing: a draft becomes a block, hashed, signed and compressed.
//!
//! Inside: the chain of headers of each source, the clock hints, the frames.
//! Not here: where the block goes (`writer`).

use std::collections::HashMap;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::block::{Frame, Head, Place, Table, salt};
use super::draft::{BATCH_BYTES_MAX, Draft, Hash, RECORDS_MAX};
use super::entry::{Entry, Envelope};
use super::error::EvidenceError;
use super::header::{Header, header_hash};
use super::note::SigningKey;
use super::tree::{root, salted_leaf_hash};
use crate::model::Moment;

/// Raw bytes of a frame, about: one record is read by decompressing so many.
const FRAME_BYTES: usize = 128 * 1024;
/// In frames of 64 KiB, level 3 is a third to half slower and saves 0.1 % (auditd) to 0.5 % (Kubernetes) of raw.
const ZSTD_LEVEL: i32 = 1;
/// Sources whose chains are kept at once; with more, each begins a new epoch.
const CHAINS_MAX: usize = 65_536;

/// Where the chain of one source stands.
struct Chain {
    epoch: [u8; 16],
    seq: u64,
    previous: Hash,
}

/// Makes blocks of drafts.
pub(super) struct Sealer {
    chains: HashMap<String, Chain>,
    zstd: zstd::bulk::Compressor<'static>,
    boot: String,
    /// Nanoseconds since boot when `started` was.
    uptime: u64,
    started: Instant,
    frames: Vec<u8>,
}

impl Sealer {
    pub(super) fn new() -> Result<Sealer, EvidenceError> {
        let compressor = || {
            let mut zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
            zstd.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true))?;
            Ok(zstd)
        };
        let zstd = compressor().map_err(EvidenceError::io("set up", "zstd".as_ref()))?;
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        Ok(Sealer {
            chains: HashMap::new(),
            zstd,
            boot,
            uptime: uptime_nanos(),
            started: Instant::now(),
            frames: Vec::new(),
        })
    }

    /// Appends the block of a draft to `out` and gives its entry. Nothing is appended when it fails.
    pub(super) fn seal(
        &mut self,
        draft: &Draft,
        envelope: &Envelope,
        key: &SigningKey,
        out: &mut Vec<u8>,
    ) -> Result<Entry, EvidenceError> {
        let (header, secret, table) = self.prepare(draft, envelope.received)?;
        let entry = Entry::seal(envelope, header, key)?;
        push_block(entry.bytes(), &[&[0], &secret], &table.bytes(), &self.frames, out);
        self.advance(&draft.source, entry.header_text());
        Ok(entry)
    }

    /// Likewise, of a block that is on its way to a collector: the signed note stands in the place of the log entry. Gives the header.
    pub(super) fn seal_note(
        &mut self,
        draft: &Draft,
        wall: Moment,
        key: &SigningKey,
        out: &mut Vec<u8>,
    ) -> Result<Header, EvidenceError> {
        let (header, secret, table) = self.prepare(draft, wall)?;
        let text = header.text()?;
        push_block(key.sign(&text).as_bytes(), &[&[0], &secret], &table.bytes(), &self.frames, out);
        self.advance(&draft.source, &text);
        Ok(header)
    }

    /// The chain of a source goes on behind a header that was sealed before.
    pub(super) fn go_on(&mut self, header: &Header) -> Result<(), EvidenceError> {
        let chain =
            Chain { epoch: header.epoch, seq: header.seq.saturating_add(1), previous: header_hash(&header.text()?) };
        self.chains.insert(header.source.clone(), chain);
        Ok(())
    }

    fn prepare(&mut self, draft: &Draft, wall: Moment) -> Result<(Header, [u8; 32], Table), EvidenceError> {
        check(draft)?;
        let secret: [u8; 32] = random()?;
        let (leaves, table) = self.pack(draft, &secret)?;
        Ok((self.header(draft, wall, leaves)?, secret, table))
    }

    /// Leaf hashes, and the frames into `self.frames`.
    fn pack(&mut self, draft: &Draft, secret: &[u8; 32]) -> Result<(Vec<Hash>, Table), EvidenceError> {
        self.frames.clear();
        let mut leaves = Vec::with_capacity(draft.lengths.len());
        let mut table = Table::default();
        let mut open = Frame { at: 0, compressed: 0, raw: 0, first: 0, records: 0 };
        let (mut frame, mut rest) = (draft.bytes.as_slice(), draft.bytes.as_slice());
        for (number, &length) in (0_u32..).zip(&draft.lengths) {
            let bytes = usize_of(length);
            if open.records > 0 && usize_of(open.raw).saturating_add(bytes) > FRAME_BYTES {
                frame = self.close_frame(frame, &mut open, &mut table)?;
            }
            let (record, behind) = rest.split_at_checked(bytes).unwrap_or((rest, &[]));
            rest = behind;
            leaves.push(salted_leaf_hash(&salt(secret, number), record));
            let index = u32::try_from(table.frames.len()).unwrap_or(u32::MAX);
            table.records.push(Place { frame: index, start: open.raw, length });
            open.raw = open.raw.saturating_add(length);
            open.records += 1;
        }
        self.close_frame(frame, &mut open, &mut table)?;
        Ok((leaves, table))
    }

    /// Compresses the open frame, which lies at the front of `bytes`, and gives what lies behind it.
    fn close_frame<'a>(
        &mut self,
        bytes: &'a [u8],
        open: &mut Frame,
        table: &mut Table,
    ) -> Result<&'a [u8], EvidenceError> {
        let (raw, rest) = bytes.split_at_checked(usize_of(open.raw)).unwrap_or((bytes, &[]));
        let packed = self.zstd.compress(raw).map_err(EvidenceError::io("compress", "a frame".as_ref()))?;
        open.compressed = u32::try_from(packed.len()).unwrap_or(u32::MAX);
        self.frames.extend_from_slice(&packed);
        table.frames.push(*open);
        *open = Frame {
            at: open.at.saturating_add(open.compressed),
            compressed: 0,
            raw: 0,
            first: open.first.saturating_add(open.records),
            records: 0,
        };
        Ok(rest)
    }

    fn header(&mut self, draft: &Draft, wall: Moment, leaves: Vec<Hash>) -> Result<Header, EvidenceError> {
        if !self.chains.contains_key(&draft.source) {
            if self.chains.len() >= CHAINS_MAX {
                self.chains.clear();
            }
            self.chains.insert(draft.source.clone(), Chain { epoch: random()?, seq: 0, previous: [0; 32] });
        }
        let chain = self.chains.get(&draft.source).ok_or_else(|| broken("its source has no chain"))?;
        let position = &draft.position;
        let elapsed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Header {
            source: draft.source.clone(),
            epoch: chain.epoch,
            seq: chain.seq,
            previous: chain.previous,
            kind: draft.kind,
            cluster: draft.cluster.clone(),
            node: draft.node.clone(),
            reading: crate::model::Reading::clone(&draft.reading),
            file: position.file.clone(),
            start: position.start,
            end: position.end,
            head: position.head,
            before: position.before,
            prefix: position.prefix,
            continues: draft.continues,
            goes_on: draft.goes_on,
            boot: self.boot.clone(),
            wall,
            monotonic: self.uptime.saturating_add(elapsed),
            records: u32::try_from(leaves.len()).unwrap_or(u32::MAX),
            root: root(&leaves),
        })
    }

    fn advance(&mut self, source: &str, header: &str) {
        if let Some(chain) = self.chains.get_mut(source) {
            chain.seq = chain.seq.saturating_add(1);
            chain.previous = header_hash(header);
        }
    }
}

/// Appends a block of its parts; the keys may lie in pieces.
pub(super) fn push_block(entry: &[u8], keys: &[&[u8]], table: &[u8], frames: &[u8], out: &mut Vec<u8>) {
    let keys_length = keys.iter().map(|piece| piece.len()).sum();
    let head = Head { entry: entry.len(), keys: keys_length, table: table.len(), frames: frames.len(), pruned: None };
    let start = out.len();
    out.reserve(head.total());
    out.extend_from_slice(&head.bytes());
    out.extend_from_slice(entry);
    keys.iter().for_each(|piece| out.extend_from_slice(piece));
    out.extend_from_slice(table);
    out.extend_from_slice(frames);
    let trailer = Sha256::digest(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&trailer);
}

/// What a draft promises (`Draft`), checked before it becomes evidence.
fn check(draft: &Draft) -> Result<(), EvidenceError> {
    let sum: u64 = draft.lengths.iter().map(|length| u64::from(*length)).sum();
    let bytes = u64::try_from(draft.bytes.len()).unwrap_or(u64::MAX);
    let range = draft.position.end.checked_sub(draft.position.start);
    if draft.lengths.is_empty() || draft.lengths.len() > RECORDS_MAX {
        return Err(broken(format!("{} records; 1 to {RECORDS_MAX} fit", draft.lengths.len())));
    }
    if draft.bytes.len() > BATCH_BYTES_MAX {
        return Err(broken(format!("{bytes} bytes; at most {BATCH_BYTES_MAX} fit")));
    }
    if draft.lengths.contains(&0) {
        return Err(broken("a record without bytes"));
    }
    if sum != bytes || range != Some(bytes) {
        return Err(broken(format!(
            "{bytes} bytes, but records of {sum} and a range of {} to {}",
            draft.position.start, draft.position.end
        )));
    }
    Ok(())
}

fn broken(what: impl Into<String>) -> EvidenceError {
    EvidenceError::Draft { what: what.into() }
}

fn usize_of(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], EvidenceError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| EvidenceError::NoRandom { error: error.to_string() })?;
    Ok(bytes)
}

/// Nanoseconds since boot, as precise as the system says; 0 where it does not.
fn uptime_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let parts = text.split(' ').next().and_then(|uptime| uptime.split_once('.'));
    let number = |text: &str| text.parse::<u64>().ok();
    parts
        .and_then(|(secs, hundredths)| {
            number(secs)?.checked_mul(1_000_000_000)?.checked_add(number(hundredths)?.checked_mul(10_000_000)?)
        })
        .unwrap_or(0)
}

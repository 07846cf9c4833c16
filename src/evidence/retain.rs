//! Retention: which batches are older or more than a policy allows, and the going of their records.
//!
//! What goes is said in the log first (`retention`), under a published checkpoint; then the segments are written again without those records. Entries,
//! hashes, tiles and checkpoints stay, so that the whole log still verifies. Not here: who appends the statement (`pipeline`), the index.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::block::{HEAD_BYTES, Head, Parts, pruned_block, trailer_fits};
use super::checkpoint::Checkpoint;
use super::disk;
use super::draft::Hash;
use super::entry::Entry;
use super::error::EvidenceError;
use super::format_error::FormatError;
use super::header::Header;
use super::layout::SEGMENT_BLOCKS;
use super::reader::Reader;
use super::retention::Statement;
use super::segment::open_segment;
use super::writer::parent;
use crate::config::Policy;
use crate::model::{Moment, RecordKind};
use crate::time::rfc3339;

/// Segments on both sides of a minimum index in which the parts of one record are looked for.
const JOINED_SEGMENTS: u64 = 16;
/// Bytes that wait to be written.
const BUFFER_BYTES: usize = 4 << 20;
/// Names of segments that are being written, in `log/new/`: beyond all that a writer uses there.
const STAGED: u64 = 1 << 32;

/// What the pruning of segments did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freed {
    /// Segments that were written again.
    pub segments: u64,
    /// Batches whose records went.
    pub batches: u64,
    /// Bytes of the disk that are free now.
    pub bytes: u64,
}

impl Freed {
    /// With what went from another segment.
    pub fn add(&mut self, other: Freed) {
        self.segments = self.segments.saturating_add(other.segments);
        self.batches = self.batches.saturating_add(other.batches);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Batches of one kind in one segment that have their records.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    batches: u64,
    records: u64,
    raw: u64,
    disk: u64,
    received_max: i64,
}

/// What a store holds of each kind, segment by segment; kept from one look to the next.
pub struct Retention {
    reader: Reader,
    /// Full segments.
    segments: Vec<BTreeMap<RecordKind, Held>>,
    statements: BTreeMap<u64, Statement>,
    /// Log entries in which statements were looked for.
    looked: u64,
}

impl Retention {
    /// Reads what there is: all entries, once.
    ///
    /// # Errors
    /// The disk's; damage.
    pub fn open(reader: Reader) -> Result<Retention, EvidenceError> {
        let mut retention = Retention { reader, segments: Vec::new(), statements: BTreeMap::new(), looked: 0 };
        retention.refresh()?;
        Ok(retention)
    }

    /// Reads what has come since.
    ///
    /// # Errors
    /// As `open`.
    pub fn refresh(&mut self) -> Result<(), EvidenceError> {
        let size = self.reader.refresh()?;
        for segment in self.looked / SEGMENT_BLOCKS..size.div_ceil(SEGMENT_BLOCKS) {
            let first = segment.saturating_mul(SEGMENT_BLOCKS);
            let (mut held, mut statements) = (BTreeMap::new(), Vec::new());
            let end = size.min(first.saturating_add(SEGMENT_BLOCKS));
            scan(&self.reader, segment, end - first, &mut |leaf, one| {
                if Statement::may_be(&one.entry) {
                    statements.push(leaf);
                }
                if one.pruned.is_none() {
                    count(&mut held, &one);
                }
                Ok(())
            })?;
            for leaf in statements {
                self.statements.extend(self.reader.statement(leaf)?.map(|statement| (leaf, statement)));
            }
            if end - first == SEGMENT_BLOCKS && u64::try_from(self.segments.len()) == Ok(segment) {
                self.segments.push(held);
            }
        }
        self.looked = size;
        Ok(())
    }

    /// The statements of the log, by their log entries.
    pub fn statements(&self) -> &BTreeMap<u64, Statement> {
        &self.statements
    }

    /// Batches of a kind below this log index are gone, or about to.
    fn minimum(&self, kind: RecordKind) -> u64 {
        let of_kind = self.statements.values().filter(|said| said.kinds.contains(&kind));
        of_kind.map(|said| said.minimum_index).max().unwrap_or(0)
    }

    /// What would have to be said for these policies now. Only of full segments, whole: the growing one never loses anything.
    ///
    /// # Errors
    /// The disk's; damage.
    pub fn plan(&self, policies: &[Policy], now: Moment) -> Result<Vec<Statement>, EvidenceError> {
        let mut statements = Vec::new();
        for policy in policies {
            let kinds: Vec<RecordKind> = policy.kinds.iter().copied().filter(|kind| *kind != RecordKind::Own).collect();
            let segments: Vec<Held> = (0..).zip(&self.segments).map(|(at, held)| self.sum(at, held, &kinds)).collect();
            let mut minimum = self.minimum_of(policy, &segments, now);
            minimum = self.whole_records(&kinds, minimum)?;
            let gone = segments.get(..usize::try_from(minimum).unwrap_or(0)).unwrap_or_default();
            let mut sum = Held::default();
            gone.iter().for_each(|held| sum.add(held));
            if sum.batches == 0 {
                continue;
            }
            statements.push(Statement {
                time: rfc3339(now),
                source: policy.source.clone(),
                kinds,
                minimum_index: minimum.saturating_mul(SEGMENT_BLOCKS),
                max_age: policy.max_age.as_ref().map(|(text, _)| text.clone()),
                max_bytes: policy.max_bytes,
                batches: sum.batches,
                records: sum.records,
                bytes: sum.raw,
                received_until: rfc3339(Moment { nanos: sum.received_max, digits: 9 }),
            });
        }
        Ok(statements)
    }

    /// What a segment holds of some kinds that no statement covers yet.
    fn sum(&self, segment: u64, held: &BTreeMap<RecordKind, Held>, kinds: &[RecordKind]) -> Held {
        let mut sum = Held::default();
        for (kind, held) in held.iter().filter(|(kind, _)| kinds.contains(kind)) {
            if self.minimum(*kind) <= segment.saturating_mul(SEGMENT_BLOCKS) {
                sum.add(held);
            }
        }
        sum
    }

    /// The first segment that a policy lets stay as it is.
    fn minimum_of(&self, policy: &Policy, segments: &[Held], now: Moment) -> u64 {
        let (mut by_age, mut by_bytes) = (0, 0);
        if let Some((_, age)) = &policy.max_age {
            let since = now.nanos.saturating_sub(*age);
            by_age = segments.iter().take_while(|held| held.batches == 0 || held.received_max < since).count();
        }
        if let Some(max) = policy.max_bytes {
            let mut left = segments.iter().fold(0_u64, |sum, held| sum.saturating_add(held.disk));
            let goes = |held: &&Held| {
                let goes = left > max;
                left = left.saturating_sub(held.disk);
                goes
            };
            by_bytes = segments.iter().take_while(goes).count();
        }
        u64::try_from(by_age.max(by_bytes)).unwrap_or(0)
    }

    /// Goes back until no record has its beginning below the minimum and its rest above.
    fn whole_records(&self, kinds: &[RecordKind], mut minimum: u64) -> Result<u64, EvidenceError> {
        let full = u64::try_from(self.segments.len()).unwrap_or(0);
        while minimum > 0 {
            let mut ends: HashMap<Joint, u64> = HashMap::new();
            for segment in minimum.saturating_sub(JOINED_SEGMENTS)..minimum {
                scan(&self.reader, segment, SEGMENT_BLOCKS, &mut |_, one| {
                    let header = &one.entry.header;
                    if one.pruned.is_none() && kinds.contains(&header.kind) {
                        ends.insert(joint(header, header.end, header.prefix), segment);
                    }
                    Ok(())
                })?;
            }
            let mut begins = minimum;
            for segment in minimum..minimum.saturating_add(JOINED_SEGMENTS).min(full.saturating_add(1)) {
                let blocks = self.looked.saturating_sub(segment.saturating_mul(SEGMENT_BLOCKS)).min(SEGMENT_BLOCKS);
                if blocks == 0 {
                    break;
                }
                scan(&self.reader, segment, blocks, &mut |_, one| {
                    let header = &one.entry.header;
                    if header.continues {
                        let before = ends.get(&joint(header, header.start, header.before));
                        begins = begins.min(before.copied().unwrap_or(begins));
                    }
                    Ok(())
                })?;
            }
            if begins == minimum {
                break;
            }
            minimum = begins;
        }
        Ok(minimum)
    }

    /// Segments that still hold records which a statement covers, and the checkpoint covers that statement.
    ///
    /// # Errors
    /// The checkpoint cannot be read.
    pub fn pending(&self) -> Result<Vec<u64>, EvidenceError> {
        let said = self.said()?;
        let covered = |kind: RecordKind, last: u64| said.iter().any(|(_, said)| said.covers(last, kind));
        let pending = (0..).zip(&self.segments).filter(|(segment, held)| {
            let last = u64::saturating_mul(*segment, SEGMENT_BLOCKS).saturating_add(SEGMENT_BLOCKS - 1);
            held.iter().any(|(kind, held)| held.batches > 0 && covered(*kind, last))
        });
        Ok(pending.map(|(segment, _)| segment).collect())
    }

    /// Statements that a published checkpoint covers. None other lets anything go: it could be lost again.
    fn said(&self) -> Result<Vec<(u64, &Statement)>, EvidenceError> {
        let note = self.reader.checkpoint()?;
        let path = self.reader.layout().checkpoint();
        let size = Checkpoint::parse_unauthenticated(&note).map_err(EvidenceError::note(&path))?.size;
        Ok(self.statements.range(..size).map(|(leaf, said)| (*leaf, said)).collect())
    }

    /// Writes one segment again, without the records that are gone as the log says; whoever writes the store must be the one who asks. A crash at any
    /// moment leaves the old file or the new one, whole: both are sound.
    ///
    /// # Errors
    /// The disk's; a block that is damaged: nothing of its segment goes.
    pub fn prune(&mut self, segment: u64) -> Result<Freed, EvidenceError> {
        let said = self.said()?;
        let layout = self.reader.layout().clone();
        let path = layout.batch(segment);
        let file = File::open(&path).map_err(EvidenceError::io("open", &path))?;
        let before = file.metadata().map_err(EvidenceError::io("look at", &path))?.len();
        let staged = layout.staging().join(STAGED.saturating_add(segment).to_string());
        // What a crash left here is no part of the log.
        disk::remove(&staged)?;
        let new = disk::create(&staged, &[], 0o644)?;
        let (mut held, mut freed) = (BTreeMap::new(), Freed { segments: 1, ..Freed::default() });
        let (mut buffer, mut length) = (Vec::new(), 0_u64);
        let first = segment.saturating_mul(SEGMENT_BLOCKS);
        each_block(file, &path, first, &mut |leaf, block| {
            let damaged = |what: &str| damaged(&path, length, what);
            if !trailer_fits(block) {
                return Err(damaged("the block's hash does not fit its bytes"));
            }
            let wrong = |error: FormatError| damaged(&error.to_string());
            let parts = Parts::cut(block).map_err(wrong)?;
            let entry = Entry::parse(parts.entry).map_err(wrong)?;
            let statement = said.iter().find(|(at, said)| *at > leaf && said.covers(leaf, entry.header.kind));
            match (parts.pruned, statement) {
                (None, Some((at, _))) => {
                    buffer.extend_from_slice(&pruned_block(parts.entry, *at));
                    freed.batches += 1;
                }
                (pruned, _) => {
                    buffer.extend_from_slice(block);
                    if pruned.is_none() {
                        count(&mut held, &Scanned { entry, pruned, length: u64::try_from(block.len()).unwrap_or(0) });
                    }
                }
            }
            length = length.saturating_add(u64::try_from(block.len()).unwrap_or(0));
            if buffer.len() >= BUFFER_BYTES {
                disk::write(&new, &staged, &buffer)?;
                buffer.clear();
            }
            Ok(())
        })?;
        disk::write(&new, &staged, &buffer)?;
        // A crash up to here: a file in log/new/, which the next opening removes.
        disk::sync(&new, &staged)?;
        let after = new.metadata().map_err(EvidenceError::io("look at", &staged))?.len();
        // A crash here: the old file, or the new one.
        disk::rename(&staged, &path)?;
        self.reader.forget_segment(segment);
        disk::sync_dir(parent(&path))?;
        // Once more: somebody may have opened the old one just before.
        self.reader.forget_segment(segment);
        freed.bytes = before.saturating_sub(after);
        if let Some(place) = usize::try_from(segment).ok().and_then(|at| self.segments.get_mut(at)) {
            *place = held;
        }
        Ok(freed)
    }
}

impl Held {
    fn add(&mut self, other: &Held) {
        self.batches = self.batches.saturating_add(other.batches);
        self.records = self.records.saturating_add(other.records);
        self.raw = self.raw.saturating_add(other.raw);
        self.disk = self.disk.saturating_add(other.disk);
        self.received_max = self.received_max.max(other.received_max);
    }
}

/// One block of a segment, as far as its entry says.
struct Scanned {
    entry: Entry,
    pruned: Option<u64>,
    length: u64,
}

fn count(held: &mut BTreeMap<RecordKind, Held>, one: &Scanned) {
    let header = &one.entry.header;
    held.entry(header.kind).or_default().add(&Held {
        batches: 1,
        records: u64::from(header.records),
        raw: header.end.saturating_sub(header.start),
        disk: one.length,
        received_max: one.entry.envelope.received.nanos,
    });
}

/// Where a batch ends or starts: the same bytes under the same names.
type Joint = (RecordKind, String, String, u64, Hash);

fn joint(header: &Header, at: u64, prefix: Hash) -> Joint {
    (header.kind, header.cluster.clone(), header.node.clone(), at, prefix)
}

fn damaged(path: &Path, offset: u64, what: &str) -> EvidenceError {
    EvidenceError::Damaged { path: path.to_owned(), offset, what: what.to_owned() }
}

/// Reads the entries of the first blocks of a segment; payloads are not read.
fn scan(
    reader: &Reader,
    segment: u64,
    blocks: u64,
    each: &mut dyn FnMut(u64, Scanned) -> Result<(), EvidenceError>,
) -> Result<(), EvidenceError> {
    let layout = reader.layout();
    let missing = || damaged(&layout.batch(segment), 0, "it is missing");
    let (file, path) = open_segment(layout, segment)?.ok_or_else(missing)?;
    let (first, mut at, mut bytes) = (segment.saturating_mul(SEGMENT_BLOCKS), 0_u64, Vec::new());
    for leaf in (first..).take(usize::try_from(blocks.min(SEGMENT_BLOCKS)).unwrap_or(256)) {
        let read = |bytes: &mut [u8], at| file.read_exact_at(bytes, at).map_err(EvidenceError::io("read", &path));
        let wrong = |error: FormatError| damaged(&path, at, &error.to_string());
        let mut head = [0; HEAD_BYTES];
        read(&mut head, at)?;
        let head = Head::parse(&head).map_err(wrong)?;
        bytes.resize(head.entry, 0);
        let entry_at = u64::try_from(HEAD_BYTES).unwrap_or(0).saturating_add(at);
        read(&mut bytes, entry_at)?;
        let entry = Entry::parse(&bytes).map_err(wrong)?;
        let length = u64::try_from(head.total()).unwrap_or(u64::MAX);
        each(leaf, Scanned { entry, pruned: head.pruned, length })?;
        at = at.saturating_add(length);
    }
    Ok(())
}

/// Takes a block with the number of its log entry.
type EachBlock<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), EvidenceError>;

/// Reads all blocks of a full segment.
fn each_block(file: File, path: &Path, first: u64, each: EachBlock<'_>) -> Result<(), EvidenceError> {
    use std::io::Read;
    let mut file = BufReader::with_capacity(256 * 1024, file);
    let mut block = Vec::new();
    let mut at = 0_u64;
    for leaf in (first..).take(usize::try_from(SEGMENT_BLOCKS).unwrap_or(256)) {
        block.resize(HEAD_BYTES, 0);
        file.read_exact(&mut block).map_err(EvidenceError::io("read", path))?;
        let head = block.first_chunk::<HEAD_BYTES>().copied().unwrap_or([0; HEAD_BYTES]);
        let total = Head::parse(&head).map_err(|error| damaged(path, at, &error.to_string()))?.total();
        block.resize(total, 0);
        file.read_exact(block.get_mut(HEAD_BYTES..).unwrap_or_default()).map_err(EvidenceError::io("read", path))?;
        each(leaf, &block)?;
        at = at.saturating_add(u64::try_from(total).unwrap_or(u64::MAX));
    }
    let mut rest = [0];
    match file.read(&mut rest).map_err(EvidenceError::io("read", path))? {
        0 => Ok(()),
        _ => Err(damaged(path, at, "more than 256 blocks")),
    }
}

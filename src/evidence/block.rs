//! A block (`docs/format.md` §5): a log entry with its payload, as bytes of a segment.
//!
//! Inside: lengths, keys, table, frames, each read strictly and within its limits. Pure.
//! Not here: the making of a block (`seal`), files (`segment`, `reader`).

use sha2::{Digest, Sha256};
use zstd::zstd_safe;

use super::draft::{BATCH_BYTES_MAX, Hash, RECORDS_MAX};
use super::format_error::FormatError;
use super::tiles::ENTRY_BYTES_MAX;
use super::tree::salted_leaf_hash;

/// The first bytes of a block.
pub(super) const MAGIC: &[u8; 4] = b"DPB1";
/// The first bytes of a block whose records are gone by retention.
const MAGIC_PRUNED: &[u8; 4] = b"DPP1";
/// Bytes of the magic and the four lengths.
pub(super) const HEAD_BYTES: usize = 20;
/// Bytes of the hash at the end.
pub(super) const TRAILER_BYTES: usize = 32;
/// One key item a record, each at most a kind and a hash.
const KEYS_BYTES_MAX: usize = 1 + RECORDS_MAX * 33;
/// Per frame two numbers of at most four bytes, per record one.
const TABLE_BYTES_MAX: usize = 4 + RECORDS_MAX * 12;
/// What zstd can make of 1 MiB in 1,000 frames, all incompressible.
const FRAMES_BYTES_MAX: usize = BATCH_BYTES_MAX + BATCH_BYTES_MAX / 128 + RECORDS_MAX * 128;
const SALT_LABEL: &[u8] = b"deponent-salt/v1";

/// The lengths of a block's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) entry: usize,
    pub(super) keys: usize,
    pub(super) table: usize,
    pub(super) frames: usize,
    /// The records are gone, as this log entry says; then the block is its entry alone.
    pub(super) pruned: Option<u64>,
}

impl Head {
    pub(super) fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Head, FormatError> {
        let (words, _) = bytes.as_chunks::<4>();
        let &[magic, entry, keys, table, frames] = words else { return Err(FormatError::block("cut off")) };
        if &magic == MAGIC_PRUNED {
            return Head::parse_pruned(entry, [keys, table], frames);
        }
        if &magic != MAGIC {
            return Err(FormatError::block("it does not start with DPB1"));
        }
        Ok(Head {
            entry: part(entry, "entry", ENTRY_BYTES_MAX)?,
            keys: part(keys, "keys", KEYS_BYTES_MAX)?,
            table: part(table, "table", TABLE_BYTES_MAX)?,
            frames: part(frames, "frames", FRAMES_BYTES_MAX)?,
            pruned: None,
        })
    }

    fn parse_pruned(entry: [u8; 4], statement: [[u8; 4]; 2], rest: [u8; 4]) -> Result<Head, FormatError> {
        if rest != [0; 4] {
            return Err(FormatError::block("zeros belong behind the number of the statement of retention"));
        }
        let statement = statement.iter().fold(0, |number, word| number << 32 | u64::from(u32::from_be_bytes(*word)));
        let entry = part(entry, "entry", ENTRY_BYTES_MAX)?;
        Ok(Head { entry, keys: 0, table: 0, frames: 0, pruned: Some(statement) })
    }

    pub(super) fn bytes(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        let parts = [self.entry, self.keys, self.table, self.frames];
        let (words, _) = bytes.as_chunks_mut::<4>();
        let mut values = parts.map(|part| u32::try_from(part).unwrap_or(u32::MAX).to_be_bytes());
        let mut magic = *MAGIC;
        if let Some(statement) = self.pruned {
            magic = *MAGIC_PRUNED;
            let number = statement.to_be_bytes();
            for (value, word) in values.iter_mut().skip(1).zip(number.as_chunks::<4>().0) {
                *value = *word;
            }
        }
        for (word, value) in words.iter_mut().zip(std::iter::once(magic).chain(values)) {
            *word = value;
        }
        bytes
    }

    /// Where the frames start, from the start of the block.
    pub(super) fn frames_at(self) -> usize {
        HEAD_BYTES + self.entry + self.keys + self.table
    }

    /// Bytes of the whole block.
    pub(super) fn total(self) -> usize {
        self.frames_at() + self.frames + TRAILER_BYTES
    }
}

/// The length of a part, within its bounds.
fn part(word: [u8; 4], name: &str, max: usize) -> Result<usize, FormatError> {
    let length = usize::try_from(u32::from_be_bytes(word)).unwrap_or(usize::MAX);
    if length == 0 || length > max {
        return Err(FormatError::block(format!("{name}_length {length} is not 1 to {max}")));
    }
    Ok(length)
}

/// The parts of a block that lie in one piece of memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) entry: &'a [u8],
    pub(super) keys: &'a [u8],
    pub(super) table: &'a [u8],
    /// Empty when only the beginning was read.
    pub(super) frames: &'a [u8],
    /// Keys, table and frames are gone, as this log entry says.
    pub(super) pruned: Option<u64>,
}

impl<'a> Parts<'a> {
    /// Cuts a block, or its beginning up to the frames.
    pub(super) fn cut(block: &'a [u8]) -> Result<Parts<'a>, FormatError> {
        let short = || FormatError::block("cut off");
        let (head, rest) = block.split_first_chunk::<HEAD_BYTES>().ok_or_else(short)?;
        let head = Head::parse(head)?;
        let (entry, rest) = rest.split_at_checked(head.entry).ok_or_else(short)?;
        let (keys, rest) = rest.split_at_checked(head.keys).ok_or_else(short)?;
        let (table, rest) = rest.split_at_checked(head.table).ok_or_else(short)?;
        Ok(Parts { entry, keys, table, frames: rest.get(..head.frames).unwrap_or_default(), pruned: head.pruned })
    }
}

/// The block of a log entry whose records are gone, as the log entry `statement` says.
pub(super) fn pruned_block(entry: &[u8], statement: u64) -> Vec<u8> {
    let head = Head { entry: entry.len(), keys: 0, table: 0, frames: 0, pruned: Some(statement) };
    let mut block = [&head.bytes(), entry].concat();
    let trailer = Sha256::digest(&block);
    block.extend_from_slice(&trailer);
    block
}

/// Whether the hash at the end of a whole block is the one of its other bytes.
pub(super) fn trailer_fits(block: &[u8]) -> bool {
    match block.split_last_chunk::<TRAILER_BYTES>() {
        Some((body, trailer)) => <[u8; 32]>::from(Sha256::digest(body)) == *trailer,
        None => false,
    }
}

/// What the salts of a batch come from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Keys {
    /// All of them from one secret.
    Secret([u8; 32]),
    /// One a record, since one was redacted.
    Each(Vec<Key>),
}

/// What is kept of a record once one of its batch was redacted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Salt([u8; 16]),
    Redacted(Hash),
}

impl Keys {
    pub(super) fn parse(bytes: &[u8], records: usize) -> Result<Keys, FormatError> {
        let wrong = || FormatError::block("its keys are malformed");
        match bytes.split_first() {
            Some((0, secret)) => Ok(Keys::Secret(secret.try_into().map_err(|_| wrong())?)),
            Some((1, mut rest)) => {
                let mut keys = Vec::with_capacity(records.min(RECORDS_MAX));
                while let Some((kind, behind)) = rest.split_first() {
                    rest = match kind {
                        0 => {
                            let (salt, behind) = behind.split_first_chunk::<16>().ok_or_else(wrong)?;
                            keys.push(Key::Salt(*salt));
                            behind
                        }
                        1 => {
                            let (hash, behind) = behind.split_first_chunk::<32>().ok_or_else(wrong)?;
                            keys.push(Key::Redacted(*hash));
                            behind
                        }
                        _ => return Err(wrong()),
                    };
                }
                if keys.len() == records { Ok(Keys::Each(keys)) } else { Err(wrong()) }
            }
            _ => Err(wrong()),
        }
    }

    pub(super) fn of(&self, record: usize) -> Option<Key> {
        match self {
            Keys::Secret(secret) => Some(Key::Salt(salt(secret, u32::try_from(record).ok()?))),
            Keys::Each(keys) => keys.get(record).copied(),
        }
    }
}

/// The salt of a record.
pub(super) fn salt(secret: &[u8; 32], record: u32) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update(SALT_LABEL);
    hasher.update(secret);
    hasher.update(record.to_be_bytes());
    let hash: Hash = hasher.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// One frame of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it starts, from the first frame.
    pub(super) at: u32,
    pub(super) compressed: u32,
    /// Bytes it decompresses to.
    pub(super) raw: u32,
    /// Number of its first record.
    pub(super) first: u32,
    pub(super) records: u32,
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) frame: u32,
    /// Within the decompressed frame.
    pub(super) start: u32,
    pub(super) length: u32,
}

/// Frames and records of a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Table {
    pub(super) frames: Vec<Frame>,
    pub(super) records: Vec<Place>,
}

impl Table {
    /// Reads the table of a block of so many records, whose frames have so many bytes together.
    pub(super) fn parse(mut bytes: &[u8], records: usize, frames_length: usize) -> Result<Table, FormatError> {
        let wrong = |what: &str| FormatError::block(format!("its table: {what}"));
        let mut number = || leb128(&mut bytes).ok_or_else(|| wrong("a number is malformed"));
        let count = number()?;
        if count == 0 || count > u32::try_from(records).unwrap_or(u32::MAX) {
            return Err(wrong("the count of frames is not 1 to the count of records"));
        }
        let mut frames: Vec<Frame> = Vec::new();
        let (mut at, mut first) = (0_u32, 0_u32);
        for _ in 0..count {
            let (compressed, held) = (number()?, number()?);
            frames.push(Frame { at, compressed, raw: 0, first, records: held });
            at = at.checked_add(compressed).ok_or_else(|| wrong("the frames are too long"))?;
            first = first.checked_add(held).ok_or_else(|| wrong("too many records"))?;
        }
        if usize::try_from(at) != Ok(frames_length) {
            return Err(wrong("the lengths of the frames are not frames_length together"));
        }
        if usize::try_from(first) != Ok(records) {
            return Err(wrong("the frames do not hold as many records as the header says"));
        }
        let mut places = Vec::with_capacity(records);
        let mut sum = 0_usize;
        for (frame, info) in (0_u32..).zip(&mut frames) {
            for _ in 0..info.records {
                let length = number()?;
                places.push(Place { frame, start: info.raw, length });
                sum = sum.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                if sum > BATCH_BYTES_MAX {
                    return Err(wrong("the records are longer than 1 MiB together"));
                }
                info.raw = info.raw.checked_add(length).ok_or_else(|| wrong("a frame is too long"))?;
            }
        }
        if !bytes.is_empty() {
            return Err(wrong("something follows it"));
        }
        Ok(Table { frames, records: places })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + self.frames.len() * 6 + self.records.len() * 2);
        push_leb128(u32::try_from(self.frames.len()).unwrap_or(u32::MAX), &mut bytes);
        for frame in &self.frames {
            push_leb128(frame.compressed, &mut bytes);
            push_leb128(frame.records, &mut bytes);
        }
        for record in &self.records {
            push_leb128(record.length, &mut bytes);
        }
        bytes
    }
}

/// The shortest form of a number below 2^28, and no other.
fn leb128(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0_u32;
    for shift in [0, 7, 14, 21] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return (byte != 0 || shift == 0).then_some(value);
        }
    }
    None
}

fn push_leb128(mut value: u32, to: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            return to.push(low);
        }
        to.push(low | 0x80);
    }
}

/// Decompresses one frame to exactly `raw` bytes.
pub(super) fn decode_frame(
    zstd: &mut zstd::bulk::Decompressor<'static>,
    frame: &[u8],
    raw: u32,
) -> Result<Vec<u8>, FormatError> {
    let raw = usize::try_from(raw).unwrap_or(usize::MAX);
    // The descriptor's bit for a content checksum; without it a flipped bit would not be found.
    if frame.get(4).is_none_or(|descriptor| descriptor & 0b100 == 0) {
        return Err(FormatError::block("a frame has no content checksum"));
    }
    // More than one frame, or bytes behind it, would be a second way to write the same records.
    if zstd_safe::find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err(FormatError::block("a frame is not exactly one zstd frame"));
    }
    // One byte of room more, so that a frame that is longer than the table says is seen.
    let bytes = zstd.decompress(frame, raw.saturating_add(1));
    match bytes {
        Ok(bytes) if bytes.len() == raw => Ok(bytes),
        Ok(_) => Err(FormatError::block("a frame is not as long as its records")),
        Err(error) => Err(FormatError::block(format!("a frame cannot be decompressed: {error}"))),
    }
}

/// The records' leaf hashes, from the decompressed frames in order; kept hashes stand for redacted records.
pub(super) fn leaf_hashes(keys: &Keys, table: &Table, frames: &[Vec<u8>]) -> Result<Vec<Hash>, FormatError> {
    let mut leaves = Vec::with_capacity(table.records.len());
    for (number, place) in table.records.iter().enumerate() {
        let wrong = |what: &str| FormatError::Record { record: number, what: what.to_owned() };
        match keys.of(number) {
            Some(Key::Salt(salt)) => {
                let frame = usize::try_from(place.frame).ok().and_then(|frame| frames.get(frame));
                let bytes = frame.and_then(|frame| place.within(frame)).ok_or_else(|| wrong("outside of its frame"))?;
                if bytes.is_empty() {
                    return Err(wrong("it is empty, and not redacted"));
                }
                leaves.push(salted_leaf_hash(&salt, bytes));
            }
            Some(Key::Redacted(hash)) if place.length == 0 => leaves.push(hash),
            Some(Key::Redacted(_)) => return Err(wrong("redacted, and still there")),
            None => return Err(wrong("it has no salt")),
        }
    }
    Ok(leaves)
}

impl Place {
    /// The record's bytes within its decompressed frame.
    pub(super) fn within(self, frame: &[u8]) -> Option<&[u8]> {
        let start = usize::try_from(self.start).ok()?;
        frame.get(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }
}

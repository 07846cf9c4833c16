//! The batch header (`docs/format.md` §4): who read which bytes where, as lines of text.
//!
//! Inside: the header as a struct, its text, its strict parser (what it accepts is exactly what it writes).
//! Not here: its signature and envelope (`entry`), the making of one (`seal`).

use sha2::{Digest, Sha256};

use super::checkpoint::decimal;
use super::draft::{FileId, Hash, RECORDS_MAX};
use super::format_error::FormatError;
use super::text::{Lines, bit, escaped, hash, hex, moment, of_moment, text, to_hex, unescape};
use crate::model::{Moment, Reading, RecordKind};

const FORMAT: &str = "deponent-batch/v1";

/// What is signed about a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Who read it.
    pub source: String,
    /// Random, new with each writer and source.
    pub epoch: [u8; 16],
    /// Number within (source, epoch), from 0, gapless.
    pub seq: u64,
    /// Hash of the header before this one in (source, epoch); zeros for the first.
    pub previous: Hash,
    /// The format of the records.
    pub kind: RecordKind,
    /// Cluster as configured, or empty.
    pub cluster: String,
    /// Node as configured, or empty.
    pub node: String,
    /// How the records are to be read.
    pub reading: Reading,
    /// The file; `None` for a stream.
    pub file: Option<FileId>,
    /// First byte, after decompression.
    pub start: u64,
    /// Byte behind the last one.
    pub end: u64,
    /// Hash of the file's first 256 bytes.
    pub head: Hash,
    /// Hash of the file's bytes up to `start`.
    pub before: Hash,
    /// Hash of the file's bytes up to `end`.
    pub prefix: Hash,
    /// The first record continues the last one of the batch before.
    pub continues: bool,
    /// The last record goes on in the batch behind.
    pub goes_on: bool,
    /// The kernel's boot id, or empty.
    pub boot: String,
    /// The clock of whoever sealed it: a hint.
    pub wall: Moment,
    /// Nanoseconds since boot: a hint.
    pub monotonic: u64,
    /// Records: 1 to 1,000.
    pub records: u32,
    /// Merkle root over the records' salted leaves.
    pub root: Hash,
}

impl Header {
    /// The lines that are signed.
    ///
    /// # Errors
    /// A value that is too long.
    pub fn text(&self) -> Result<String, FormatError> {
        let file = match &self.file {
            Some(file) => format!("{} {} {} {}", file.dev, file.ino, file.birth, escaped("the path", &file.path)?),
            None => "- - - -".to_owned(),
        };
        let reading =
            [("zone", "the zone", &self.reading.zone), ("fields", "the names of fields", &self.reading.fields)];
        let mut optional = String::new();
        for (name, what, value) in reading.into_iter().filter(|(.., value)| !value.is_empty()) {
            optional.push_str(&format!("{name} {}\n", escaped(what, value.as_bytes())?));
        }
        Ok(format!(
            "{FORMAT}\nsource {}\nepoch {}\nseq {}\nprevious {}\nkind {}\ncluster {}\nnode {}\n{optional}file {file}\nrange {} {}\n\
             head {}\nbefore {}\nprefix {}\njoin {} {}\nboot {}\nclock {} {}\nrecords {}\nroot {}\n",
            escaped("the source", self.source.as_bytes())?,
            to_hex(&self.epoch),
            self.seq,
            to_hex(&self.previous),
            self.kind.name(),
            escaped("the cluster", self.cluster.as_bytes())?,
            escaped("the node", self.node.as_bytes())?,
            self.start,
            self.end,
            to_hex(&self.head),
            to_hex(&self.before),
            to_hex(&self.prefix),
            u8::from(self.continues),
            u8::from(self.goes_on),
            escaped("the boot id", self.boot.as_bytes())?,
            of_moment(self.wall),
            self.monotonic,
            self.records,
            to_hex(&self.root),
        ))
    }

    /// Reads the lines; `text` of the result is exactly what was read.
    ///
    /// # Errors
    /// The first line that is not what it must be.
    pub fn parse(header: &str) -> Result<Header, FormatError> {
        let mut lines = Lines::new(header);
        let first = lines.line(FORMAT)?;
        if first != FORMAT {
            return Err(lines.wrong(FORMAT, first));
        }
        let source = lines.value("source", text)?;
        let epoch = lines.value("epoch", hex)?;
        let seq = lines.value("seq", decimal)?;
        let previous = lines.value("previous", hash)?;
        let kind = lines.value("kind", RecordKind::of_name)?;
        let cluster = lines.value("cluster", text)?;
        let node = lines.value("node", text)?;
        let mut reading = Reading::default();
        // Written only where there is something to say: an empty one would be a second way of saying nothing.
        for (name, value) in [("zone", &mut reading.zone), ("fields", &mut reading.fields)] {
            if lines.rest().strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')) {
                *value = lines.value(name, |value| text(value).filter(|value| !value.is_empty()))?;
            }
        }
        let values = lines.values::<4>("file")?;
        let file = read_file(values).ok_or_else(|| lines.wrong("a file", &values.join(" ")))?;
        let [start, end] = lines.values("range")?;
        let range = decimal(start).zip(decimal(end)).filter(|(start, end)| start < end);
        let (start, end) = range.ok_or_else(|| lines.wrong("a range", end))?;
        let head = lines.value("head", hash)?;
        let before = lines.value("before", hash)?;
        let prefix = lines.value("prefix", hash)?;
        let [continues, goes_on] = lines.values("join")?;
        let join = bit(continues).zip(bit(goes_on));
        let (continues, goes_on) = join.ok_or_else(|| lines.wrong("0 or 1, twice", goes_on))?;
        let boot = lines.value("boot", text)?;
        let [wall, monotonic] = lines.values("clock")?;
        let clock = moment(wall).zip(decimal(monotonic));
        let (wall, monotonic) = clock.ok_or_else(|| lines.wrong("a time and nanoseconds", wall))?;
        let records = lines.value("records", records)?;
        let root = lines.value("root", hash)?;
        if !lines.rest().is_empty() {
            lines.line("nothing")?;
            return Err(lines.wrong("nothing more", lines.rest()));
        }
        Ok(Header {
            source,
            epoch,
            seq,
            previous,
            kind,
            cluster,
            node,
            reading,
            file,
            start,
            end,
            head,
            before,
            prefix,
            continues,
            goes_on,
            boot,
            wall,
            monotonic,
            records,
            root,
        })
    }
}

/// What the next header's `previous` is: the hash of a header's text.
pub(super) fn header_hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn records(value: &str) -> Option<u32> {
    let records = u32::try_from(decimal(value)?).ok()?;
    let max = u32::try_from(RECORDS_MAX).unwrap_or(u32::MAX);
    (1..=max).contains(&records).then_some(records)
}

/// `Some(None)` for a stream.
fn read_file(values: [&str; 4]) -> Option<Option<FileId>> {
    let [dev, ino, birth, path] = values;
    if values == ["-"; 4] {
        return Some(None);
    }
    let file = FileId { dev: decimal(dev)?, ino: decimal(ino)?, birth: decimal(birth)?, path: unescape(path)? };
    Some(Some(file))
}

//! Reads one file once, from where it was left to its end.
//!
//! Inside: `read_file`, used by offline ingest and, for compressed rotated files, by `tail`.
//! Not here: which files (`walk`), how one is followed while it grows (`tail`).

use super::batch::{Batcher, Label};
use super::cursor::{Lookup, ResumeQuery};
use super::decode::Decoder;
use super::detect::{DETECT_BYTES, kind_of, unrecognised};
use super::error::{Issue, Skipped, SourceError, Stop};
use super::open::{Opened, open};
use super::resume::{Resumed, resume};
use super::scan::Snapshot;
use crate::evidence::{Draft, Hash};
use crate::model::{Reading, RecordKind};
use std::path::Path;
use std::sync::Arc;

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// How a file is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Who reads: the `source` of every draft.
    pub source: String,
    /// Format of the records; `None`: found by looking.
    pub kind: Option<RecordKind>,
    /// Cluster as configured, or empty.
    pub cluster: String,
    /// Node as configured, or empty.
    pub node: String,
    /// How the records are to be read.
    pub reading: Arc<Reading>,
}

impl ReadOptions {
    /// What drafts of a file of this kind have in common.
    pub(super) fn label(&self, kind: RecordKind) -> Label {
        Label {
            source: self.source.clone(),
            kind,
            cluster: self.cluster.clone(),
            node: self.node.clone(),
            reading: Arc::clone(&self.reading),
        }
    }
}

/// Who reads a file: the node, where it is known, and the path.
pub fn source_id(node: &str, path: &Path) -> String {
    let path = path.to_string_lossy();
    if node.is_empty() { path.into_owned() } else { format!("{node}:{path}") }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileReport {
    /// Format of its records, once known.
    pub kind: Option<RecordKind>,
    /// Bytes handed out, after decompression.
    pub bytes: u64,
    /// Records handed out.
    pub records: u64,
    /// Bytes that had been consumed before: duplicates.
    pub skipped_bytes: u64,
    /// Records in them.
    pub skipped_records: u64,
    /// What could not be read of it.
    pub issues: Vec<Issue>,
    /// It was not read at all.
    pub skipped: Option<Skipped>,
    /// Consumed prefixes that this file has, as (end, hash).
    pub matched: Vec<(u64, Hash)>,
}

/// Reads a file from where it was left, whatever its name was then, to its end; an unfinished record at the end is handed out too.
///
/// `lookup` must know every draft that `emit` has taken. `progress` is told the bytes of the file itself that were read since it was told last.
/// Errors: `Stop` from `emit` only; whatever is wrong with the file is in the report.
pub fn read_file(
    path: &Path,
    options: &ReadOptions,
    lookup: &mut Lookup<'_>,
    emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    progress: &mut dyn FnMut(u64),
) -> Result<FileReport, Stop> {
    match open(path) {
        Ok(opened) => read_opened(path, opened, options, lookup, emit, progress),
        Err(error) => Ok(FileReport { skipped: Some(Skipped::new(path, &error)), ..FileReport::default() }),
    }
}

/// Likewise, of a file that is open.
pub(super) fn read_opened(
    path: &Path,
    opened: Opened,
    options: &ReadOptions,
    lookup: &mut Lookup<'_>,
    emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    progress: &mut dyn FnMut(u64),
) -> Result<FileReport, Stop> {
    let mut report = FileReport::default();
    let mut decoder = match Decoder::new(opened.file) {
        Ok(decoder) => decoder,
        Err(error) => {
            report.skipped = Some(Skipped::new(path, &SourceError::from(error)));
            return Ok(report);
        }
    };
    let head = head(&mut decoder, &mut report);
    if head.is_empty() {
        // Empty, or broken from its first byte, which is an issue by now.
        return Ok(report);
    }
    let Some(kind) = options.kind.or_else(|| kind_of(&head)) else {
        report.skipped = Some(Skipped::new(path, &unrecognised(&head)));
        return Ok(report);
    };
    report.kind = Some(kind);
    // What is wrong with the head is found again, in its place, by the reading proper.
    report.issues.clear();
    let query = ResumeQuery::content(kind, &options.cluster, &options.node, &head);
    let mut steps = Steps { progress, told: 0 };
    let resumed = resume_decoded(&mut decoder, kind, &query, lookup, &mut report, &mut steps);
    report.matched = resumed.matched;
    let label = options.label(kind);
    let mut batcher = match resumed.snapshot {
        Some(snapshot) => {
            report.skipped_bytes = snapshot.end();
            report.skipped_records = snapshot.records();
            Batcher::resume(label, Some(opened.id), snapshot)
        }
        None => Batcher::new(label, Some(opened.id)),
    };
    let read = if resumed.is_within {
        // What grows now is compared next time; what ends it early is said.
        report.issues.extend(decoder.read(&mut [0]).err());
        steps.at(decoder.packed());
        Ok(())
    } else {
        read_on(&mut decoder, &mut batcher, &mut report, emit, &mut steps)
    };
    report.records = batcher.records();
    report.bytes = batcher.sealed().saturating_sub(report.skipped_bytes);
    read.map(|()| report)
}

/// Tells progress in steps, however often a compressed file is started anew.
struct Steps<'a> {
    progress: &'a mut dyn FnMut(u64),
    told: u64,
}

impl Steps<'_> {
    fn at(&mut self, packed: u64) {
        let more = packed.saturating_sub(self.told);
        if more > 0 {
            (self.progress)(more);
            self.told = packed;
        }
    }
}

fn head(decoder: &mut Decoder, report: &mut FileReport) -> Vec<u8> {
    let mut head = vec![0; DETECT_BYTES];
    let mut len = 0usize;
    while let Some(room) = head.get_mut(len..).filter(|room| !room.is_empty()) {
        match decoder.read(room) {
            Ok(0) => break,
            Ok(read) => len = len.saturating_add(read),
            Err(issue) => {
                report.issues.push(issue);
                break;
            }
        }
    }
    head.truncate(len);
    head
}

/// Leaves the decoder at the end of what was consumed before, or at the start.
fn resume_decoded(
    decoder: &mut Decoder,
    kind: RecordKind,
    query: &ResumeQuery,
    lookup: &mut Lookup<'_>,
    report: &mut FileReport,
    steps: &mut Steps<'_>,
) -> Resumed {
    let mut is_broken = decoder.seek_to(0).is_err();
    let mut content = |at: u64, buffer: &mut [u8]| {
        let mut len = 0usize;
        if decoder.position() != at && decoder.seek_to(at).is_err() {
            is_broken = true;
            return Ok(0);
        }
        while let Some(room) = buffer.get_mut(len..).filter(|room| !room.is_empty()) {
            match decoder.read(room) {
                Ok(0) => break,
                Ok(read) => len = len.saturating_add(read),
                // A bad tail ends the comparison; the reading proper meets it again and reports it.
                Err(_) => {
                    is_broken = true;
                    break;
                }
            }
        }
        steps.at(decoder.packed());
        Ok(len)
    };
    // Whatever is wrong with the file has been turned into its end.
    let resumed = resume(&mut content, kind, query, lookup).unwrap_or_default();
    let end = resumed.snapshot.as_ref().map_or(0, Snapshot::end);
    if is_broken || decoder.position() != end {
        report.issues.extend(decoder.seek_to(end).err());
    }
    resumed
}

fn read_on(
    decoder: &mut Decoder,
    batcher: &mut Batcher,
    report: &mut FileReport,
    emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
    steps: &mut Steps<'_>,
) -> Result<(), Stop> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => batcher.push(buffer.get(..read).unwrap_or_default(), emit)?,
            Err(issue) => {
                report.issues.push(issue);
                break;
            }
        }
        steps.at(decoder.packed());
    }
    steps.at(decoder.packed());
    batcher.rest(emit)
}

//! Fills drafts of batches with records, as bytes come in.
//!
//! Inside: `Batcher`, pure. Not here: reading (`reader`, `tail`), finding where to go on in a file (`scan`), sealing with a secret and a signature (`evidence`).

use super::error::Stop;
use super::prefix::Prefix;
use super::scan::Snapshot;
use crate::evidence::{BATCH_BYTES_MAX, Draft, FileId, Hash, Position, RECORDS_MAX};
use crate::model::{Reading, RecordKind};
use deponent_parsers::frame::{Cut, Format, Framer, Joins};
use std::sync::Arc;

/// What all drafts of one file have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Who reads.
    pub source: String,
    /// Format of the records.
    pub kind: RecordKind,
    /// Cluster as configured, or empty.
    pub cluster: String,
    /// Node as configured, or empty.
    pub node: String,
    /// How the records are to be read.
    pub reading: Arc<Reading>,
}

/// How a kind of records is cut.
pub fn format_of(kind: RecordKind) -> Format {
    match kind {
        RecordKind::Auditd => Format::Auditd,
        RecordKind::KubernetesAudit => Format::KubernetesAudit,
        RecordKind::Kubelet | RecordKind::Apiserver | RecordKind::ControllerManager | RecordKind::Scheduler => {
            Format::Joined(Joins::Klog)
        }
        RecordKind::Container => Format::Joined(Joins::Container),
        RecordKind::Syslog => Format::Joined(Joins::Indented),
        RecordKind::Containerd
        | RecordKind::ContainerdEvents
        | RecordKind::Crio
        | RecordKind::Dockerd
        | RecordKind::DockerEvents
        | RecordKind::Etcd
        | RecordKind::Own => Format::Lines,
    }
}

/// Takes a file's bytes in any pieces and hands out drafts. Their bytes, concatenated, are what was pushed, but for an unfinished record at the end.
///
/// Invariant: pushed = sealed (`prefix`) + open records + unfinished bytes; memory stays below 2 MiB plus the largest piece pushed.
#[derive(Debug)]
pub struct Batcher {
    label: Label,
    file: Option<FileId>,
    framer: Framer,
    /// Bytes from `at` on are not yet cut into records.
    unread: Vec<u8>,
    at: usize,
    /// So many of them were consumed before, as an unfinished record: the record that they begin is handed out without them.
    already: usize,
    bytes: Vec<u8>,
    lengths: Vec<u32>,
    goes_on: bool,
    continues: bool,
    prefix: Prefix,
    records: u64,
}

impl Batcher {
    /// At the start of a file, or of a stream.
    pub fn new(label: Label, file: Option<FileId>) -> Batcher {
        let framer = Framer::new(format_of(label.kind));
        Batcher::resume(label, file, Snapshot::of_nothing(framer))
    }

    /// Behind what was consumed before.
    pub fn resume(label: Label, file: Option<FileId>, snapshot: Snapshot) -> Batcher {
        Batcher {
            label,
            file,
            framer: snapshot.framer,
            at: 0,
            already: snapshot.unfinished.len(),
            unread: snapshot.unfinished,
            bytes: Vec::new(),
            lengths: Vec::new(),
            goes_on: false,
            continues: snapshot.continues,
            prefix: snapshot.prefix,
            records: 0,
        }
    }

    /// More bytes of the file. Drafts are handed out as they fill up.
    pub fn push(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<(), Stop> {
        self.unread.drain(..self.at);
        self.at = 0;
        self.unread.extend_from_slice(bytes);
        loop {
            let unread = self.unread.get(self.at..).unwrap_or_default();
            if unread.is_empty() {
                return Ok(());
            }
            let Some(cut) = self.framer.next(unread, false) else { return Ok(()) };
            self.at = self.place(self.at, cut, emit)?;
        }
    }

    /// Hands out the records that are complete.
    pub fn seal(&mut self, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<(), Stop> {
        if self.lengths.is_empty() {
            return Ok(());
        }
        let (start, before) = (self.prefix.len(), self.prefix.hash());
        self.prefix.update(&self.bytes);
        let position = Position {
            file: self.file.clone(),
            start,
            end: self.prefix.len(),
            head: self.prefix.head(),
            before,
            prefix: self.prefix.hash(),
        };
        // The next draft will be about as large as this one.
        let room = self.bytes.len().min(BATCH_BYTES_MAX);
        let draft = Draft {
            source: self.label.source.clone(),
            kind: self.label.kind,
            cluster: self.label.cluster.clone(),
            node: self.label.node.clone(),
            reading: Arc::clone(&self.label.reading),
            position,
            continues: self.continues,
            goes_on: self.goes_on,
            bytes: std::mem::replace(&mut self.bytes, Vec::with_capacity(room)),
            lengths: std::mem::take(&mut self.lengths),
        };
        self.continues = self.goes_on;
        self.goes_on = false;
        emit(draft)
    }

    /// Nothing more is expected: hands out everything, the unfinished record too. Should more come after all, it is handed out as that record's continuation.
    pub fn rest(&mut self, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<(), Stop> {
        // The framer itself does not learn of this end, so that it cuts what may follow as if there had been none.
        let mut framer = self.framer.clone();
        let mut at = self.at;
        while at < self.unread.len() {
            let unread = self.unread.get(at..).unwrap_or_default();
            let all = Cut { len: unread.len(), goes_on: false };
            let cut = framer.next(unread, true).unwrap_or(all);
            at = self.place(at, cut, emit)?;
        }
        self.seal(emit)?;
        self.already = self.unread.len().saturating_sub(self.at);
        Ok(())
    }

    /// Whether a draft is being filled.
    pub fn is_open(&self) -> bool {
        !self.lengths.is_empty()
    }

    /// Bytes of the draft that is being filled.
    pub fn open_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of the file that were handed out, before or now.
    pub fn sealed(&self) -> u64 {
        self.prefix.len()
    }

    /// H(bytes of the file that were handed out).
    pub fn sealed_hash(&self) -> Hash {
        self.prefix.hash()
    }

    /// The unfinished bytes at the end that were not handed out.
    pub fn unfinished(&self) -> &[u8] {
        self.unread.get(self.at.saturating_add(self.already)..).unwrap_or_default()
    }

    /// Whether what is unfinished ends with a line: it is held back only because the next one may belong to it.
    pub fn holds_whole_line(&self) -> bool {
        self.unfinished().last() == Some(&b'\n')
    }

    /// Records placed in drafts since this batcher was made.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// What all drafts have in common.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Puts the record at `at` into the draft; returns where the next one starts.
    fn place(&mut self, at: usize, cut: Cut, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>) -> Result<usize, Stop> {
        let end = at.saturating_add(cut.len.max(1)).min(self.unread.len());
        let start = at.saturating_add(self.already);
        if end <= start {
            // Consumed before, all of it.
            self.already = start.saturating_sub(end);
            self.continues = cut.goes_on;
            return Ok(end);
        }
        let len = end.saturating_sub(start);
        if self.bytes.len().saturating_add(len) > BATCH_BYTES_MAX || self.lengths.len() >= RECORDS_MAX {
            self.seal(emit)?;
        }
        if self.already > 0 {
            self.continues = true;
            self.already = 0;
        }
        self.bytes.extend_from_slice(self.unread.get(start..end).unwrap_or_default());
        self.lengths.push(u32::try_from(len).unwrap_or(u32::MAX));
        self.records = self.records.saturating_add(1);
        self.goes_on = cut.goes_on;
        if cut.goes_on || self.lengths.len() >= RECORDS_MAX || self.bytes.len() >= BATCH_BYTES_MAX {
            self.seal(emit)?;
        }
        Ok(end)
    }
}

//! The agent's numbers, and what its sender has to say as a record.
//!
//! Not here: the page that shows them (`page`).

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Sources that are counted each for itself.
const SOURCES_MAX: usize = 256;
/// Records that wait to be sealed.
const SAID_MAX: usize = 64;

/// Numbers since the start.
#[derive(Debug)]
pub struct Counts {
    spool_max: u64,
    spool: AtomicU64,
    sent_batches: AtomicU64,
    sent_bytes: AtomicU64,
    failed: AtomicU64,
    receipts: AtomicU64,
    gaps: AtomicU64,
    /// When the last receipt came, ns since 1970; 0 before the first.
    last_receipt: AtomicI64,
    /// Entries of the log when it was last compared with what it had promised, and when that was.
    log_size: AtomicU64,
    log_checked: AtomicI64,
    contradictions: AtomicU64,
    /// Records that wait to be sealed; none once nothing more is.
    said: Mutex<Option<Vec<Value>>>,
    sources: Mutex<BTreeMap<String, Read>>,
    /// What the collector refuses, or why it cannot be reached.
    trouble: Mutex<Option<String>>,
}

/// What was read of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Records.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the last one was made durable, ns since 1970.
    pub last: i64,
}

/// All numbers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes that the spool may have.
    pub spool_max: u64,
    /// Bytes that it has.
    pub spool: u64,
    /// Batches that were acknowledged.
    pub sent_batches: u64,
    /// Their bytes, compressed.
    pub sent_bytes: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Receipts.
    pub receipts: u64,
    /// Gaps that were found while reading.
    pub gaps: u64,
    /// When the last receipt came, ns since 1970; 0 before the first.
    pub last_receipt: i64,
    /// Entries of the log when it was last compared with what it had promised.
    pub log_size: u64,
    /// When that was, ns since 1970; 0 before the first time.
    pub log_checked: i64,
    /// Contradictions that were found.
    pub contradictions: u64,
    /// What was read, by source.
    pub sources: BTreeMap<String, Read>,
    /// What is wrong at present.
    pub trouble: Option<String>,
}

impl Counts {
    /// All zero.
    pub fn new(spool_max: u64) -> Counts {
        Counts {
            spool_max,
            spool: AtomicU64::new(0),
            sent_batches: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            receipts: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            last_receipt: AtomicI64::new(0),
            log_size: AtomicU64::new(0),
            log_checked: AtomicI64::new(0),
            contradictions: AtomicU64::new(0),
            said: Mutex::new(Some(Vec::new())),
            sources: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// The spool has so many bytes.
    pub fn spool(&self, bytes: u64) {
        self.spool.store(bytes, Ordering::Relaxed);
    }

    /// So much of a source is durable.
    pub fn read(&self, source: &str, records: u64, bytes: u64, now: i64) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= SOURCES_MAX && !sources.contains_key(source) {
            return;
        }
        let read = sources.entry(source.to_owned()).or_default();
        read.records += records;
        read.bytes += bytes;
        read.last = now;
    }

    /// A gap was found.
    pub fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    /// Batches were acknowledged.
    pub fn sent(&self, batches: u64, bytes: u64, receipts: u64, now: i64) {
        self.sent_batches.fetch_add(batches, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.receipts.fetch_add(receipts, Ordering::Relaxed);
        self.last_receipt.store(now, Ordering::Relaxed);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A request failed.
    pub fn failed(&self, what: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.to_owned());
    }

    /// The log of so many entries was compared, with these contradictions; whether they will be sealed.
    pub(super) fn compared(&self, size: u64, now: i64, contradictions: &[Value]) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = said.as_mut() else { return false };
        if said.len().saturating_add(contradictions.len()) > SAID_MAX.max(contradictions.len()) {
            return false;
        }
        said.extend_from_slice(contradictions);
        self.contradictions.fetch_add(u64::try_from(contradictions.len()).unwrap_or(0), Ordering::Relaxed);
        self.log_size.store(size, Ordering::Relaxed);
        self.log_checked.store(now, Ordering::Relaxed);
        true
    }

    /// Records that wait to be sealed: nobody else gets them again. `last`: none is taken in any more.
    pub(super) fn take_said(&self, last: bool) -> Vec<Value> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = said.take().unwrap_or_default();
        *said = (!last).then(Vec::new);
        taken
    }

    /// All of them.
    pub fn snapshot(&self) -> Snapshot {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            spool_max: self.spool_max,
            spool: count(&self.spool),
            sent_batches: count(&self.sent_batches),
            sent_bytes: count(&self.sent_bytes),
            failed: count(&self.failed),
            receipts: count(&self.receipts),
            gaps: count(&self.gaps),
            last_receipt: self.last_receipt.load(Ordering::Relaxed),
            log_size: count(&self.log_size),
            log_checked: self.log_checked.load(Ordering::Relaxed),
            contradictions: count(&self.contradictions),
            sources: self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            trouble: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

//! Offline import: files once, to their end, durable, signed and findable when it returns.
//!
//! Three threads: reading (here), the ledger, the indexer. Channels between them are bounded by batches, so memory is, whatever the input's size.
//! Not here: progress on a terminal (`cli`), files that are being written (`live`).

use super::cursors::Cursors;
use super::indexer::Indexer;
use super::ledger::{Item, Ledger};
use super::summary::Summary;
use super::{PipelineError, spawn};
use crate::config::Limits;
use crate::evidence::{Door, Draft, StoreOptions, Writer};
use crate::model::{Moment, Reading, RecordKind};
use crate::source::{FileReport, ReadOptions, Skipped, Stop, read_file, source_id, walk};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

/// Batches between reading and the ledger.
const DRAFTS: usize = 8;

/// What to import, into which store.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The store; made when it does not exist.
    pub store: StoreOptions,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Format; found by looking when absent.
    pub kind: Option<RecordKind>,
    /// Node of the files, or empty.
    pub node: String,
    /// Cluster of the files, or empty.
    pub cluster: String,
    /// How the records are to be read.
    pub reading: Reading,
    /// Bounds.
    pub limits: Limits,
    /// The present.
    pub clock: fn() -> Moment,
}

/// Counters to look at while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all files.
    pub bytes_total: AtomicU64,
    /// Bytes of files that have been read.
    pub bytes_done: AtomicU64,
    /// Records that have been indexed.
    pub records_indexed: AtomicU64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Ingested {
    /// The account.
    pub summary: Summary,
    /// Files that are no logs of a known format, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// Files that were named and could not be read, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// Files that were read up to some point only, and why.
    pub broken_off: Vec<(PathBuf, String)>,
    /// Origin, size and root of the log now.
    pub head: String,
}

impl Ingested {
    /// Counts a path that was not read. What was named, or may be a log, has failed; what merely lay there was left out.
    fn leave_out(&mut self, options: &IngestOptions, skipped: Skipped) {
        self.summary.issue(skipped.kind, 1);
        let failed = skipped.is_loss || options.paths.contains(&skipped.path);
        if failed { &mut self.failed } else { &mut self.skipped }.push((skipped.path, skipped.reason));
    }
}

/// Imports.
pub fn ingest(options: &IngestOptions, progress: &Progress) -> Result<Ingested, PipelineError> {
    let walked = walk(&options.paths);
    let total = walked.files.iter().map(|file| file.bytes).sum();
    progress.bytes_total.store(total, Ordering::Relaxed);
    let mut done = Ingested::default();
    for skipped in walked.skipped {
        done.leave_out(options, skipped);
    }
    if walked.files.is_empty() && !options.store.dir.exists() {
        return Ok(done);
    }
    let writer = Writer::open(&options.store)?;
    let reader = writer.reader();
    let (cursors, senders) = Cursors::open(&options.store.dir, &reader)?;
    let mut indexer = Indexer::open(&options.store.dir, reader, options.limits.index_heap_bytes)?;
    // What a crash left undone is done first and counts for nobody.
    indexer.advance(writer.size(), &mut |_| ())?;
    indexer.commit()?;
    let before = indexer.summary().clone();
    let (items, received) = sync_channel(DRAFTS);
    let (durable, sizes) = channel();
    let ledger = Ledger {
        writer,
        cursors: cursors.clone(),
        senders,
        door: Door::Ingest,
        clock: options.clock,
        content: Arc::default(),
    };
    let (writer, reports) = std::thread::scope(|scope| {
        let written = spawn(scope, "ledger", move || {
            let written = ledger.run(&received, &mut |size| {
                // The indexer is gone only when it failed, and says so itself.
                let _gone = durable.send(size);
            });
            drop(durable);
            written
        })?;
        let (indexer, records) = (&mut indexer, &progress.records_indexed);
        let indexed = spawn(scope, "indexer", move || index(indexer, &sizes, records))?;
        let reports = read_all(options, &walked.files, &cursors, &items, progress);
        drop(items);
        let gone = |what| move |_| PipelineError::Gone { what };
        let writer = written.join().map_err(gone("the writer of evidence"))??;
        indexed.join().map_err(gone("the indexer"))??;
        Ok::<_, PipelineError>((writer, reports))
    })?;
    let mut summary = indexer.summary().clone();
    summary.subtract(&before);
    for (path, report) in reports {
        account(&mut summary, &mut done, options, path, report);
    }
    done.summary.add(&summary);
    let checkpoint = writer.close()?;
    done.head = format!("{} {} {}", checkpoint.origin, checkpoint.size, data_encoding::BASE64.encode(&checkpoint.root));
    Ok(done)
}

fn account(summary: &mut Summary, done: &mut Ingested, options: &IngestOptions, path: PathBuf, report: FileReport) {
    summary.bytes += report.skipped_bytes;
    summary.records += report.skipped_records;
    summary.duplicates += report.skipped_records;
    report.issues.iter().for_each(|issue| summary.issue(issue.kind, 1));
    let issues = report.issues.iter().map(|issue| format!("{} at byte {}: {}", issue.kind, issue.at, issue.detail));
    done.broken_off.extend(issues.map(|issue| (path.clone(), issue)));
    if let Some(skipped) = report.skipped {
        done.leave_out(options, skipped);
    }
}

fn read_all(
    options: &IngestOptions,
    files: &[crate::source::Found],
    cursors: &Cursors,
    items: &SyncSender<Item>,
    progress: &Progress,
) -> Vec<(PathBuf, FileReport)> {
    let mut reports = Vec::new();
    let mut keeper = cursors.clone();
    for file in files {
        // The place of everything before must be known: the next file may be a copy of the last.
        let (reply, answered) = sync_channel(1);
        if items.send(Item::Barrier(reply)).is_err() || answered.recv().is_err() {
            break;
        }
        let read_options = ReadOptions {
            source: source_id(&options.node, &file.path),
            kind: options.kind,
            cluster: options.cluster.clone(),
            node: options.node.clone(),
            reading: Arc::new(options.reading.clone()),
        };
        let report = read_file(
            &file.path,
            &read_options,
            &mut keeper,
            &mut |draft: Draft| items.send(Item::Draft(Box::new(draft))).map_err(|_| Stop),
            &mut |bytes| {
                progress.bytes_done.fetch_add(bytes, Ordering::Relaxed);
            },
        );
        match report {
            Ok(report) => reports.push((file.path.clone(), report)),
            // The ledger has stopped and says why.
            Err(Stop) => break,
        }
    }
    reports
}

fn index(indexer: &mut Indexer, sizes: &Receiver<u64>, records: &AtomicU64) -> Result<(), PipelineError> {
    while let Ok(size) = sizes.recv() {
        let size = sizes.try_iter().last().unwrap_or(size);
        indexer.advance(size, &mut |summary| records.store(summary.records, Ordering::Relaxed))?;
    }
    indexer.commit()
}

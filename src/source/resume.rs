//! Goes over a file that is met anew and finds where to go on in it.
//!
//! First with the cursors that are known of such files. Those are few (one a MiB): a copy that is shorter than what was read ends between two of them. So then
//! with the batches between them, and last with the bytes of the batch in which the file ends or differs.
//! BUG: what is not found is read again, twice in the log: a copy of less than 256 bytes that ends within a batch (a head of that length is no key), one whose
//! batch is not durable yet, and one whose batch lies further back in the log than the keeper looks.
//! Not here: the comparison with one cursor after another (`scan`), where cursors and batches come from (`cursor::Keep`), how a file's bytes are read.

use super::cursor::{Batch, Lookup, NEAR_BYTES, ResumeQuery};
use super::scan::{Joint, Scan, Snapshot};
use crate::evidence::Hash;
use crate::model::RecordKind;
use std::io;

/// Bytes compared at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Bytes behind the last known cursor that are compared more closely; one more than `NEAR_BYTES`, to see whether the file ends there.
const WINDOW_BYTES: usize = (2 << 20) + 1;
/// Batches whose bytes are compared with those of one file.
const BATCHES_MAX: usize = 8;

/// Fills a buffer with the bytes of a file from an offset on, as far as the file goes.
pub type Content<'a> = dyn FnMut(u64, &mut [u8]) -> io::Result<usize> + 'a;

/// Where to go on.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Behind the bytes that were consumed before; `None`: there are none.
    pub snapshot: Option<Snapshot>,
    /// Consumed prefixes that the file has, as (end, hash).
    pub matched: Vec<(u64, Hash)>,
    /// The file ends within what was consumed before. Should it grow, what comes may be known as well: it has to be gone over again.
    pub is_within: bool,
}

impl Resumed {
    fn end(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, Snapshot::end)
    }
}

/// Goes over a file. `query`: the one about its content. Errors: the file's.
pub fn resume(
    content: &mut Content<'_>,
    kind: RecordKind,
    query: &ResumeQuery,
    lookup: &mut Lookup<'_>,
) -> io::Result<Resumed> {
    let candidates = lookup.cursors(query);
    let furthest = candidates.iter().map(|cursor| cursor.end).max().unwrap_or(0);
    let mut scan = Scan::new(kind, candidates);
    let mut buffer = vec![0; if scan.is_done() { 0 } else { CHUNK_BYTES }];
    while !scan.is_done() {
        let read = content(scan.end(), &mut buffer)?;
        if read == 0 {
            break;
        }
        scan.feed(buffer.get(..read).unwrap_or_default());
    }
    let len = (!scan.is_done()).then(|| scan.end());
    let (snapshot, matched) = scan.finish();
    let mut resumed = Resumed { snapshot, matched, is_within: false };
    let end = resumed.end();
    if furthest <= end {
        return Ok(resumed);
    }
    // A copy ends within the batch that was read where it ends, mostly; one that differs anywhere else needs all batches from the last cursor on.
    let near_end = len.filter(|len| *len > end && len.saturating_sub(end) <= NEAR_BYTES);
    let mut window = None;
    for from in near_end.into_iter().chain([end]) {
        let batches = lookup.batches(query, from);
        if batches.is_empty() {
            continue;
        }
        let window = match &window {
            Some(window) => window,
            None => {
                let mut bytes = vec![0; WINDOW_BYTES];
                let read = content(end, &mut bytes)?;
                bytes.truncate(read);
                window.insert(bytes)
            }
        };
        if look_closer(&mut resumed, kind, window, &batches, lookup) {
            break;
        }
    }
    Ok(resumed)
}

/// Compares with batches the bytes `window`, which lie behind the file's consumed prefix; shorter than `WINDOW_BYTES` it is the file's end. Returns whether
/// one of the batches goes on where the file still has what was consumed.
fn look_closer(
    resumed: &mut Resumed,
    kind: RecordKind,
    window: &[u8],
    batches: &[Batch],
    lookup: &mut Lookup<'_>,
) -> bool {
    let from = resumed.end();
    // What the file itself has there is compared, so a joint that is no end of a batch would be harmless.
    let starts = batches.iter().map(|batch| Joint { end: batch.start, prefix: batch.before, goes_on: batch.continues });
    let ends = batches.iter().map(|batch| Joint { end: batch.end, prefix: batch.prefix, goes_on: batch.goes_on });
    let mut scan = Scan::behind(kind, resumed.snapshot.as_ref(), starts.chain(ends));
    scan.feed(window);
    let (snapshot, matched) = scan.finish();
    resumed.matched.extend(matched);
    resumed.snapshot = snapshot.or(resumed.snapshot.take());
    let end = resumed.end();
    let behind = |at: u64| at.checked_sub(from).and_then(|at| window.get(usize::try_from(at).ok()?..));
    let Some(rest) = behind(end) else { return false };
    let is_end = window.len() < WINDOW_BYTES;
    let goes_on = |batch: &&Batch| {
        let is_consumed = batch.start == 0 || resumed.matched.contains(&(batch.start, batch.before));
        batch.start == end && batch.end > end && is_consumed
    };
    let batches: Vec<&Batch> = batches.iter().filter(goes_on).take(BATCHES_MAX).collect();
    let mut alike = 0;
    for batch in &batches {
        // Bytes that are gone (redacted) cannot be compared: then the file is read from this batch on.
        let Some(bytes) = lookup.bytes(batch) else { continue };
        let common = rest.iter().zip(&bytes).take_while(|(here, there)| here == there).count();
        alike = alike.max(common);
        resumed.is_within |= is_end && common == rest.len();
    }
    let mut scan = Scan::behind(kind, resumed.snapshot.as_ref(), []);
    scan.cut(rest.get(..alike).unwrap_or_default());
    if !resumed.is_within {
        // Its record differs, so all of that is new.
        let whole = alike.saturating_sub(scan.unfinished().len());
        scan = Scan::behind(kind, resumed.snapshot.as_ref(), []);
        scan.cut(rest.get(..whole).unwrap_or_default());
    }
    if scan.end() > end {
        resumed.snapshot = Some(scan.snapshot(false));
    }
    !batches.is_empty()
}

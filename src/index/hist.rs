//! Events a bucket of time.

use super::IndexError;
use super::selection::Selection;
use std::collections::BTreeMap;

/// Buckets of a histogram at most.
const BUCKETS_MAX: usize = 10_000;

impl Selection {
    /// Start of each bucket that is not empty, and its number of events, ascending. Buckets start at multiples of the
    /// width since 1970.
    pub fn hist(&self, width_ns: i64) -> Result<Vec<(i64, u64)>, IndexError> {
        if width_ns <= 0 {
            return Err(IndexError::Width { width_ns });
        }
        self.searcher.guarded(|| self.hist_of(width_ns))
    }

    fn hist_of(&self, width_ns: i64) -> Result<Vec<(i64, u64)>, IndexError> {
        let start = |when: i64| when.div_euclid(width_ns).saturating_mul(width_ns);
        let mut counts = Counts { buckets: BTreeMap::new(), last: None, width_ns };
        for (segment, part) in self.segments() {
            for block in segment.blocks() {
                let bucket = start(block.first);
                if bucket == start(block.last) {
                    counts.add(bucket, part.count_range(block.docs()))?;
                    continue;
                }
                let mut failed = None;
                part.each(block.docs(), &mut |doc| {
                    failed = counts.add(start(segment.when(doc)), 1).err();
                    failed.is_none()
                });
                failed.map_or(Ok(()), Err)?;
            }
        }
        counts.flush()?;
        Ok(counts.buckets.into_iter().collect())
    }
}

struct Counts {
    buckets: BTreeMap<i64, u64>,
    /// The bucket counted last: neighbours in the index are neighbours in time.
    last: Option<(i64, u64)>,
    width_ns: i64,
}

impl Counts {
    fn add(&mut self, bucket: i64, events: u64) -> Result<(), IndexError> {
        if events == 0 {
            return Ok(());
        }
        if let Some((last, count)) = &mut self.last
            && *last == bucket
        {
            *count = count.saturating_add(events);
            return Ok(());
        }
        self.flush()?;
        self.last = Some((bucket, events));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), IndexError> {
        if let Some((bucket, events)) = self.last.take() {
            let count = self.buckets.entry(bucket).or_default();
            *count = count.saturating_add(events);
        }
        if self.buckets.len() > BUCKETS_MAX {
            return Err(IndexError::Buckets { max: BUCKETS_MAX, width_ns: self.width_ns });
        }
        Ok(())
    }
}

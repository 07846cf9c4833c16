//! What a writer and its readers share: how much is durable, and where the blocks of the growing segment start.

use std::sync::{PoisonError, RwLock};

use super::layout::SEGMENT_BLOCKS;

/// The growing end of the log.
#[derive(Debug, Default)]
pub(super) struct Live(RwLock<State>);

#[derive(Debug, Default, Clone)]
struct State {
    /// Log entries that are durable.
    durable: u64,
    segment: u64,
    /// Where its blocks start, and last where they end.
    starts: Vec<u64>,
}

impl Live {
    pub(super) fn new(segment: u64) -> Live {
        Live(RwLock::new(State { durable: 0, segment, starts: vec![0] }))
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// A block of so many bytes was added to the growing segment.
    pub(super) fn push(&self, length: usize) {
        self.write(|state| {
            let end = state.starts.last().copied().unwrap_or(0);
            state.starts.push(end.saturating_add(u64::try_from(length).unwrap_or(u64::MAX)));
        });
    }

    /// The growing segment is full; gives where its blocks start.
    pub(super) fn next_segment(&self) -> Vec<u64> {
        let mut full = Vec::new();
        self.write(|state| {
            full = std::mem::replace(&mut state.starts, vec![0]);
            state.segment = state.segment.saturating_add(1);
        });
        full
    }

    pub(super) fn set_durable(&self, size: u64) {
        self.write(|state| state.durable = size);
    }

    /// Replaces all of it, for a reader that has looked at the files again.
    pub(super) fn replace(&self, segment: u64, starts: Vec<u64>) {
        self.write(|state| {
            let blocks = u64::try_from(starts.len().saturating_sub(1)).unwrap_or(0);
            let durable = segment.saturating_mul(SEGMENT_BLOCKS).saturating_add(blocks);
            *state = State { durable, segment, starts };
        });
    }

    pub(super) fn durable(&self) -> u64 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).durable
    }

    /// The growing segment, and where its last block ends.
    pub(super) fn end(&self) -> (u64, Vec<u64>) {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (state.segment, state.starts.clone())
    }

    /// Where a block of the growing segment starts and ends; nothing for another segment.
    pub(super) fn place(&self, segment: u64, block: usize) -> Option<(u64, u64)> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if state.segment != segment {
            return None;
        }
        Some((*state.starts.get(block)?, *state.starts.get(block.checked_add(1)?)?))
    }
}

//! How long to wait before the next attempt: twice as long each time up to a bound, half of it by chance.
//!
//! Not here: what is attempted (`follow`).

use std::time::Duration;

/// The first wait, at most.
const FIRST: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);

/// Attempts in a row that failed.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failed: u32,
}

impl Backoff {
    /// One more failed: how long to wait.
    pub fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(1u32.checked_shl(self.failed).unwrap_or(u32::MAX)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        let mut byte = [u8::MAX];
        // Without chance it is the longest wait.
        let _none = getrandom::fill(&mut byte);
        let half = doubled / 2;
        half + half.mul_f64(f64::from(byte.first().copied().unwrap_or(u8::MAX)) / 255.0)
    }

    /// Attempts that failed.
    pub fn failed(&self) -> u32 {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound() {
        let mut backoff = Backoff::default();
        for attempt in 0..100u32 {
            let bound = FIRST.saturating_mul(1u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(LONGEST);
            let wait = backoff.next();
            assert!(wait >= bound / 2 && wait <= bound, "{attempt}: {wait:?}");
        }
        assert_eq!(backoff.failed(), 100);
    }
}

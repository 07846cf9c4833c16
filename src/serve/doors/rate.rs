//! How many bytes a second each client of a door may send. Who sends more waits: nothing is lost by that.
//!
//! By the generic cell rate algorithm (ITU-T I.371), with a burst of one second: a client has one number, the time at which it has paid for what it sent.
//! A message of any size passes once what came before is paid for. Not here: who that is (`http`, `syslog`, `audisp`).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a client may send at once, as time.
const BURST: Duration = Duration::from_secs(1);
/// Clients after which those that owe nothing are forgotten.
const CLIENTS_MAX: usize = 4_096;

/// The clients of one door.
#[derive(Debug)]
pub struct Rate {
    per_second: u64,
    /// When each has paid for what it sent.
    paid: Mutex<HashMap<String, Instant>>,
}

impl Rate {
    /// So many bytes a second for each; 0: as many as come.
    pub fn new(per_second: u64) -> Rate {
        Rate { per_second, paid: Mutex::default() }
    }

    /// How long a client has to wait before it may send so many bytes; what it has to wait longer for than `most` does not count as sent.
    ///
    /// # Errors
    /// The time that is missing.
    pub fn take(&self, client: &str, bytes: usize, now: Instant, most: Duration) -> Result<Duration, Duration> {
        if self.per_second == 0 {
            return Ok(Duration::ZERO);
        }
        let mut all = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CLIENTS_MAX {
            all.retain(|_, paid| *paid > now);
        }
        // Since then it could have sent a burst.
        let paid = all.get(client).copied().unwrap_or(now);
        let wait = paid.saturating_duration_since(now + BURST);
        if wait > most {
            return Err(wait);
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let cost = Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
        all.insert(client.to_owned(), paid.max(now) + cost);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(5);

    #[test]
    fn what_is_sent_is_paid_for_in_time_and_others_do_not_wait() {
        let (rate, start) = (Rate::new(1_000), Instant::now());
        let take = |client: &str, bytes, ms| rate.take(client, bytes, start + Duration::from_millis(ms), MOST);
        let ms = Duration::from_millis;
        // A burst; then as fast as it is paid for.
        assert_eq!(take("a", 1_000, 0), Ok(ms(0)));
        assert_eq!(take("a", 500, 0), Ok(ms(0)));
        assert_eq!(take("a", 500, 0), Ok(ms(500)));
        assert_eq!(take("b", 500, 0), Ok(ms(0)));
        assert_eq!(take("a", 500, 1_000), Ok(ms(0)));
        // One message of any size, and the next when it is paid for.
        assert_eq!(take("b", 20_000, 10_000), Ok(ms(0)));
        assert_eq!(take("b", 1, 10_000), Err(ms(19_000)));
        assert_eq!(take("b", 1, 24_001), Ok(ms(4_999)));
        assert_eq!(take("b", 1, 60_000), Ok(ms(0)));
    }

    #[test]
    fn clients_that_owe_nothing_are_forgotten_and_nothing_is_no_bound() {
        let (rate, start) = (Rate::new(1_000), Instant::now());
        for number in 0..20_000 {
            let now = start + Duration::from_secs(number);
            assert_eq!(rate.take(&number.to_string(), 10, now, MOST), Ok(Duration::ZERO));
        }
        assert!(rate.paid.lock().unwrap().len() <= CLIENTS_MAX + 1);
        assert_eq!(Rate::new(0).take("a", usize::MAX, start, MOST), Ok(Duration::ZERO));
    }
}

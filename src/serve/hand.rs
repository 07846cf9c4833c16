//! From a door to the ledger.
//!
//! Not here: what is handed over (`batches`, `doors`, `senders`), what the ledger does with it (`pipeline`).

use super::error::Problem;
use crate::pipeline::Item;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

/// How long the ledger may take before whoever sends is told to come again.
pub(super) const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(2);

/// Why nothing was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unhanded {
    /// The ledger has too much to do.
    Full,
    /// It takes nothing more.
    Stopping,
}

impl From<Unhanded> for Problem {
    fn from(why: Unhanded) -> Problem {
        match why {
            Unhanded::Full => Problem::full(),
            Unhanded::Stopping => Problem::not_ready("the collector is stopping"),
        }
    }
}

/// Hands an item to the ledger, within [`QUEUE_TIMEOUT`].
pub(super) async fn hand(items: &SyncSender<Item>, mut item: Item) -> Result<(), Unhanded> {
    let since = Instant::now();
    loop {
        item = match items.try_send(item) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(Unhanded::Stopping),
            Err(TrySendError::Full(back)) => back,
        };
        if since.elapsed() >= QUEUE_TIMEOUT {
            return Err(Unhanded::Full);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

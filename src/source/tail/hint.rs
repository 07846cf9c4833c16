//! Wakes the tailer's owner early. A hint, never relied on: polling finds everything without it.
//!
//! Not here: polling (`super::Tailer`).

use notify::{RecursiveMode, Watcher};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Writers write in bursts: so long is waited after a hint for the rest of one.
const BURST: Duration = Duration::from_millis(10);

/// Waits for changes in folders.
pub struct Hint {
    woken: Receiver<()>,
    waker: Waker,
    watcher: Option<notify::RecommendedWatcher>,
    unwatched: Vec<PathBuf>,
}

/// Ends a wait from another thread.
#[derive(Debug, Clone)]
pub struct Waker(SyncSender<()>);

impl Waker {
    /// Ends the current wait, or the next one.
    pub fn wake(&self) {
        // Full: it is being woken already. Disconnected: nobody waits any more.
        let _ = self.0.try_send(());
    }
}

impl Hint {
    /// Watches these folders; those that cannot be watched (yet) are tried again at each wait, and polled like all others.
    pub fn new(folders: Vec<PathBuf>) -> Hint {
        let (sender, woken) = sync_channel(1);
        let waker = Waker(sender);
        let wake = waker.clone();
        let changed = move |event: notify::Result<notify::Event>| {
            // Reading a log is no reason to read it; errors and overflows are.
            if !event.is_ok_and(|event| event.kind.is_access()) {
                wake.wake();
            }
        };
        let watcher = notify::recommended_watcher(changed).ok();
        let mut hint = Hint { woken, waker, watcher, unwatched: folders };
        hint.watch();
        hint
    }

    /// For others to end a wait.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits until something changes, at most `timeout`; whether something did.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        self.watch();
        match self.woken.recv_timeout(timeout) {
            Ok(()) => {
                std::thread::sleep(BURST.min(timeout));
                while self.woken.try_recv().is_ok() {}
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn watch(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        self.unwatched.retain(|folder| watcher.watch(folder, RecursiveMode::NonRecursive).is_err());
    }
}

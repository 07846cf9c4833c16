//! Room on the disk of the store: who looks, what is said when it gets scarce, and whether anything new is taken.
//!
//! Not here: the answers to those who are refused (`serve`).

use super::ledger::{Delivered, Item};
use super::live::{Failure, own_draft};
use crate::config::Disk;
use crate::evidence::Door;
use crate::model::Moment;
use crate::time::rfc3339;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the disk is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Bytes of a file system: used ones and all; nothing where it cannot be known.
pub type Probe = Box<dyn Fn() -> Option<(u64, u64)> + Send>;

/// How full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fill {
    /// There is room.
    Roomy,
    /// It gets scarce.
    Scarce,
    /// Nothing new is taken.
    Full,
}

/// What is known of the disk; shared by all who take something in.
#[derive(Debug, Default)]
pub struct Room {
    fill: AtomicU8,
    used: AtomicU64,
    total: AtomicU64,
}

impl Room {
    /// Whether nothing new may be taken.
    pub fn is_full(&self) -> bool {
        self.fill() == Fill::Full
    }

    /// How full it was at the last look.
    pub fn fill(&self) -> Fill {
        match self.fill.load(Ordering::Relaxed) {
            0 => Fill::Roomy,
            1 => Fill::Scarce,
            _ => Fill::Full,
        }
    }

    /// Used bytes and all, at the last look; 0 before the first.
    pub fn bytes(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Takes in what a look gave; says which bound was crossed, if any.
    pub fn look(&self, disk: Disk, used: u64, total: u64) -> Option<Fill> {
        self.used.store(used, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let reached = |percent: u8| total > 0 && u128::from(used) * 100 >= u128::from(total) * u128::from(percent);
        let (fill, code) = match (reached(disk.refuse), reached(disk.warn)) {
            (true, _) => (Fill::Full, 2),
            (false, true) => (Fill::Scarce, 1),
            (false, false) => (Fill::Roomy, 0),
        };
        (self.fill.swap(code, Ordering::Relaxed) != code).then_some(fill)
    }
}

/// Asks the operating system about the file system that a folder is on.
pub fn probe(store: &Path) -> Probe {
    let store = store.to_owned();
    Box::new(move || {
        let stat = rustix::fs::statvfs(&store).ok()?;
        // As `df` has it: what only root could still fill is neither free nor part of the whole.
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        let total = used.saturating_add(stat.f_bavail);
        Some((used.saturating_mul(stat.f_frsize), total.saturating_mul(stat.f_frsize)))
    })
}

/// Watches the disk until the collector stops. What it says is written whatever the disk is like: a record a crossing.
pub(super) fn watch(
    room: Arc<Room>,
    disk: Disk,
    probe: Probe,
    items: SyncSender<Item>,
    clock: fn() -> Moment,
    failure: Arc<Failure<super::PipelineError>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while !failure.stop.load(Ordering::Relaxed) {
            if let Some((used, total)) = probe()
                && let Some(fill) = room.look(disk, used, total)
            {
                let (action, percent) = said(fill, disk);
                match fill {
                    Fill::Roomy => tracing::info!(used, total, "there is room on the disk again"),
                    _ => tracing::warn!(used, total, percent, "{action}: the disk of the store gets full"),
                }
                let record = json!({
                    "deponent": action, "time": rfc3339(clock()), "used_bytes": used, "total_bytes": total, "percent": percent,
                });
                let draft = own_draft(&crate::query::json::line(&record), String::new(), String::new());
                let (reply, _) = tokio::sync::oneshot::channel();
                let item = Delivered { drafts: vec![draft], door: Door::Own, peer: None, reply };
                if items.send(Item::Delivered(Box::new(item))).is_err() {
                    return;
                }
            }
            std::thread::park_timeout(LOOK);
        }
    })
}

fn said(fill: Fill, disk: Disk) -> (&'static str, u8) {
    match fill {
        Fill::Roomy => ("disk-roomy", disk.warn),
        Fill::Scarce => ("disk-scarce", disk.warn),
        Fill::Full => ("disk-full", disk.refuse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crossing_is_said_once() {
        let (room, disk) = (Room::default(), Disk { warn: 80, refuse: 90 });
        let looks = [
            (79, None, false),
            (80, Some(Fill::Scarce), false),
            (89, None, false),
            (90, Some(Fill::Full), true),
            (100, None, true),
            (85, Some(Fill::Scarce), false),
            (10, Some(Fill::Roomy), false),
        ];
        for (used, crossed, full) in looks {
            assert_eq!((room.look(disk, used, 100), room.is_full()), (crossed, full), "{used}");
        }
        assert_eq!(room.bytes(), (10, 100));
        // A file system without a size says nothing.
        assert_eq!(room.look(disk, 0, 0), None);
    }

    #[test]
    fn the_disk_of_a_folder_is_known() {
        let (used, total) = probe(Path::new("/"))().unwrap();
        assert!(total > 0 && used <= total);
        assert_eq!(probe(Path::new("/no/such/folder"))(), None);
    }
}

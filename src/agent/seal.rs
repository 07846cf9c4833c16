//! Drafts become signed blocks in the spool: one fdatasync a group.
//!
//! What the spool has synced counts as read: after a crash, reading goes on behind it. Not here: the spool (`evidence::Spool`), sending (`send`).

use super::AgentError;
use super::counts::Counts;
use super::stamp::Stamper;
use crate::evidence::{Draft, Header, Origin, Spool};
use crate::model::Moment;
use crate::pipeline::Cursors;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Raw bytes of one group at most, about.
const GROUP_BYTES: usize = 2 << 20;
/// How often it is said that the spool is full.
const FULL_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked whether the agent is to stop, while it is.
const LOOK: Duration = Duration::from_millis(200);

/// The sealer.
pub(super) struct Sealing {
    pub(super) origin: Origin,
    pub(super) spool: Spool,
    pub(super) cursors: Cursors,
    pub(super) clock: fn() -> Moment,
    pub(super) counts: Arc<Counts>,
}

impl Sealing {
    /// Seals until the readers are gone.
    pub(super) fn run(mut self, drafts: &Receiver<Draft>, stop: &AtomicBool) -> Result<(), AgentError> {
        let mut stamper = Stamper::new();
        while let Ok(first) = drafts.recv() {
            if !self.wait_for_room(stop) {
                break;
            }
            let (mut bytes, mut next) = (0_usize, Some(first));
            let mut sealed: Vec<(u64, Header)> = Vec::new();
            let mut number = self.spool.next();
            while let Some(draft) = next.take() {
                let stamps = stamper.stamp(&draft, (self.clock)());
                for draft in std::iter::once(draft).chain(stamps) {
                    bytes = bytes.saturating_add(draft.bytes.len());
                    let Sealing { origin, spool, clock, .. } = &mut self;
                    let header = spool.append(|out| origin.seal(&draft, clock(), out))?;
                    sealed.push((number, header));
                    number = number.saturating_add(1);
                }
                if bytes < GROUP_BYTES {
                    next = drafts.try_recv().ok();
                }
            }
            self.spool.sync()?;
            let now = (self.clock)().nanos;
            for (number, header) in &sealed {
                // Behind the sync: a crash between leaves it to the next opening, which reads the spool.
                self.cursors.learn(header, *number)?;
                let bytes = header.end.saturating_sub(header.start);
                self.counts.read(&header.source, u64::from(header.records), bytes, now);
            }
            self.counts.spool(self.spool.bytes());
        }
        self.spool.close();
        Ok(())
    }

    /// A full spool stops everything before it: nothing is dropped. Whether there is room; not, once the agent is to stop: what was not sealed is read again.
    fn wait_for_room(&self, stop: &AtomicBool) -> bool {
        let mut said: Option<Instant> = None;
        while !self.spool.wait_for_room(LOOK) {
            if said.is_none_or(|said| said.elapsed() >= FULL_EVERY) {
                let bytes = self.spool.bytes();
                tracing::warn!(
                    bytes,
                    "the spool is full: nothing more is read until the collector has taken some of it; the files keep what is not read as long as they are there"
                );
                said = Some(Instant::now());
            }
            if stop.load(Ordering::Relaxed) {
                return false;
            }
        }
        true
    }
}

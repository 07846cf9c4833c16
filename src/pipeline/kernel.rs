//! Threads that listen to the kernel itself: what they hear goes the way of what is read from files.
//!
//! Not here: the socket (`source::Listener`).

use super::PipelineError;
use super::ledger::Item;
use super::live::{Failure, LiveOptions, own_draft};
use crate::config::{KERNEL_AUDIT, Tail};
use crate::evidence::Draft;
use crate::model::{Moment, RecordKind};
use crate::source::{Heard, Label, Listener, Stop, source_id};
use crate::time::rfc3339;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// Starts a thread for each table that names the kernel's audit group.
pub fn spawn(
    options: &LiveOptions,
    items: &SyncSender<Item>,
    failure: &Arc<Failure<PipelineError>>,
) -> Vec<JoinHandle<()>> {
    let named = options.config.tail.iter().filter(|tail| tail.paths.iter().any(|path| path == KERNEL_AUDIT));
    let spawn = |tail: &Tail| {
        let (options, tail, items, failure) = (options.clone(), tail.clone(), items.clone(), Arc::clone(failure));
        std::thread::spawn(move || {
            let mut emit = |draft: Draft| items.send(Item::Draft(Box::new(draft))).map_err(|_| Stop);
            let age_ms = u32::try_from(options.config.limits.batch_age_ms).unwrap_or(u32::MAX);
            let listening = Listening { tail: &tail, clock: options.clock, age_ms, stop: &failure.stop };
            // The ledger is gone, and says why.
            let _stopped = listen_to_kernel(&listening, &mut emit);
        })
    };
    named.map(spawn).collect()
}

/// Where and until when it is listened.
pub struct Listening<'a> {
    /// The table that asks for it.
    pub tail: &'a Tail,
    /// The present.
    pub clock: fn() -> Moment,
    /// Age at which a batch is handed out, ms.
    pub age_ms: u32,
    /// Ends it.
    pub stop: &'a AtomicBool,
}

/// Listens to the kernel's audit group until it is told to stop; what could not be heard is handed out as a record that says so.
pub fn listen_to_kernel(
    listening: &Listening<'_>,
    emit: &mut dyn FnMut(Draft) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let Listening { tail, clock, age_ms, stop } = listening;
    let label = Label {
        source: source_id(&tail.node, Path::new(KERNEL_AUDIT)),
        kind: RecordKind::Auditd,
        cluster: tail.cluster.clone(),
        node: tail.node.clone(),
        reading: Arc::new(tail.reading.clone()),
    };
    let say = |reason: &str, emit: &mut dyn FnMut(Draft) -> Result<(), Stop>| {
        let record = json!({
            "deponent": "gap", "time": rfc3339(clock()), "source": label.source, "path": KERNEL_AUDIT, "reason": reason,
        });
        emit(own_draft(&crate::query::json::line(&record), tail.cluster.clone(), tail.node.clone()))
    };
    let mut listener = match Listener::open(label.clone()) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, "the kernel's audit group cannot be listened to: it takes CAP_AUDIT_READ in the machine's own namespaces");
            return say(&format!("not listening: {error}"), emit);
        }
    };
    tracing::info!("listening to the kernel's audit group");
    while !stop.load(Ordering::Relaxed) {
        let Moment { nanos: now, .. } = clock();
        match listener.turn(now, *age_ms, emit)? {
            Ok(Heard { overruns, strange, .. }) => {
                if overruns > 0 {
                    tracing::warn!("the kernel dropped audit messages because they were not read fast enough");
                    say("overrun: the kernel dropped messages that were not read in time", emit)?;
                }
                if strange > 0 {
                    let reason = format!(
                        "{strange} messages are not kept: they were not the kernel's, or longer than any of its"
                    );
                    say(&reason, emit)?;
                }
            }
            Err(error) => {
                tracing::error!(%error, "the kernel's audit group is lost");
                say(&format!("not listening any more: {error}"), emit)?;
                break;
            }
        }
    }
    listener.finish(emit)
}

//! That all is well, said again and again as a record of the agent's own: so silence of a source can be told from silence of the agent; and the kernel's own
//! counters of what it has lost.
//!
//! Not here: what follows from a missing one (`query`).

use super::AgentError;
use super::counts::{Counts, Read};
use crate::config::AgentConfig;
use crate::evidence::Draft;
use crate::model::Moment;
use crate::pipeline::{Failure, own_record};
use crate::source::audit_status;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(100);

/// Starts the thread.
pub(super) fn start(
    config: &AgentConfig,
    clock: fn() -> Moment,
    drafts: SyncSender<Draft>,
    failure: &Arc<Failure<AgentError>>,
    counts: &Arc<Counts>,
) -> JoinHandle<()> {
    let (cluster, node) = (config.cluster.clone(), config.node.clone());
    let every = Duration::from_secs(config.heartbeat_s);
    let (failure, counts) = (Arc::clone(failure), Arc::clone(counts));
    std::thread::spawn(move || {
        let source = format!("{node}:agent");
        let mut before = BTreeMap::new();
        // The first one says that the agent is there.
        let mut due = Instant::now();
        loop {
            let stop = failure.stop.load(Ordering::Relaxed);
            for record in counts.take_said(stop) {
                if drafts.send(own_record(&crate::query::json::line(&record), &source, &cluster, &node)).is_err() {
                    return;
                }
            }
            if stop || Instant::now() >= due {
                let record = beat(&counts, &mut before, clock(), every, stop);
                let draft = own_record(&crate::query::json::line(&record), &source, &cluster, &node);
                if drafts.send(draft).is_err() || stop {
                    return;
                }
                due = Instant::now() + every;
            }
            std::thread::sleep(STEP);
        }
    })
}

/// One record: what was read of each source since the last one.
fn beat(counts: &Counts, before: &mut BTreeMap<String, Read>, now: Moment, every: Duration, stop: bool) -> Value {
    let numbers = counts.snapshot();
    let mut sources = serde_json::Map::new();
    for (source, read) in &numbers.sources {
        let last = before.insert(source.clone(), *read).unwrap_or_default();
        let records = read.records.saturating_sub(last.records);
        let bytes = read.bytes.saturating_sub(last.bytes);
        let last = rfc3339(Moment { nanos: read.last, digits: 3 });
        sources.insert(source.clone(), json!({ "records": records, "bytes": bytes, "last": last }));
    }
    let mut record = json!({
        "deponent": if stop { "agent-stops" } else { "heartbeat" }, "time": rfc3339(now), "version": env!("CARGO_PKG_VERSION"),
        "every_s": every.as_secs(), "spool_bytes": numbers.spool, "spool_max_bytes": numbers.spool_max, "gaps": numbers.gaps, "sources": sources,
    });
    let mut put = |name: &str, value: Value| {
        if let Some(record) = record.as_object_mut() {
            record.insert(name.to_owned(), value);
        }
    };
    if numbers.spool >= numbers.spool_max {
        put("behind", "the spool is full: nothing more is read".into());
    }
    if let Some(trouble) = numbers.trouble {
        put("trouble", trouble.into());
    }
    if numbers.log_checked > 0 {
        let checked = rfc3339(Moment { nanos: numbers.log_checked, digits: 3 });
        put("log", json!({ "size": numbers.log_size, "checked": checked }));
    }
    // The kernel's counters, where it may be asked (CAP_AUDIT_CONTROL, which a pod should not have): records that it could not keep.
    if let Ok(status) = audit_status() {
        put("audit_lost", status.lost.into());
        put("audit_backlog", status.backlog.into());
        put("audit_enabled", status.enabled.into());
    }
    record
}

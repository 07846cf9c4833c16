//! Numbers about the endpoint and the store, in the text format of Prometheus (version 0.0.4).
//!
//! Not here: the log of the program itself (`tracing`).

use crate::query::Trailer;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    answered: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    busy: AtomicU64,
    connections: AtomicI64,
    connections_refused: AtomicU64,
}

impl Metrics {
    /// A question was answered whole.
    pub fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// A question had no answer.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer broke off.
    pub fn cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// A question came while too many were being answered.
    pub fn busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection begins or ends.
    pub fn connections(&self, by: i64) {
        self.connections.fetch_add(by, Ordering::Relaxed);
    }

    /// A connection was turned away.
    pub fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The page.
    pub fn page(&self, trailer: &Trailer, events: u64) -> String {
        let signed = trailer.checkpoint.as_deref().and_then(|line| line.rsplit(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let mut page = String::new();
        let mut put = |name: &str, kind: &str, help: &str, values: &[(&str, u64)]| {
            // Writing into a String cannot fail.
            let _infallible = writeln!(page, "# HELP deponent_{name} {help}\n# TYPE deponent_{name} {kind}");
            for (labels, value) in values {
                let _infallible = writeln!(page, "deponent_{name}{labels} {value}");
            }
        };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        put(
            "build_info",
            "gauge",
            "Version of the program.",
            &[(concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1)],
        );
        put("log_entries", "gauge", "Log entries that are durable.", &[("", trailer.size)]);
        put("signed_entries", "gauge", "Log entries under the newest signed checkpoint.", &[("", signed)]);
        put("indexed_entries", "gauge", "Log entries that can be found.", &[("", trailer.indexed)]);
        put("indexed_events", "gauge", "Events that can be found.", &[("", events)]);
        let questions = [
            ("{outcome=\"answered\"}", count(&self.answered)),
            ("{outcome=\"refused\"}", count(&self.refused)),
            ("{outcome=\"cut\"}", count(&self.cut)),
            ("{outcome=\"busy\"}", count(&self.busy)),
        ];
        put("questions_total", "counter", "Questions, by what became of them.", &questions);
        let open = u64::try_from(self.connections.load(Ordering::Relaxed)).unwrap_or(0);
        put("connections", "gauge", "Open connections.", &[("", open)]);
        put(
            "connections_refused_total",
            "counter",
            "Connections turned away.",
            &[("", count(&self.connections_refused))],
        );
        page
    }
}

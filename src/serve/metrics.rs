//! Numbers about the endpoint and the store, in the text format of Prometheus (version 0.0.4).
//!
//! Not here: the log of the program itself (`tracing`).

use super::doors::DoorCounts;
use crate::pipeline::{Fill, Room};
use crate::query::Trailer;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Why an agent's request was refused.
const REASONS: [&str; 6] = ["not-an-agent", "bad-batch", "full", "hole", "fork", "quarantined"];

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    answered: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    busy: AtomicU64,
    connections: AtomicI64,
    connections_refused: AtomicU64,
    handshakes_failed: AtomicU64,
    agent_batches: AtomicU64,
    agent_bytes: AtomicU64,
    agents_refused: [AtomicU64; REASONS.len()],
    alerts: OnceLock<Vec<Arc<AlertCounts>>>,
    doors: OnceLock<Vec<Arc<DoorCounts>>>,
    room: OnceLock<Arc<Room>>,
}

/// Numbers about one alert.
#[derive(Debug)]
pub struct AlertCounts {
    /// `{alert="NAME"}`; a name holds nothing that a label must escape.
    labels: String,
    delivered: AtomicU64,
    failed: AtomicU64,
    behind: AtomicU64,
}

impl AlertCounts {
    /// All zero.
    pub fn new(name: &str) -> AlertCounts {
        let labels = format!("{{alert=\"{name}\"}}");
        AlertCounts { labels, delivered: AtomicU64::new(0), failed: AtomicU64::new(0), behind: AtomicU64::new(0) }
    }

    /// So many events were taken.
    pub fn delivered(&self, events: u64) {
        self.delivered.fetch_add(events, Ordering::Relaxed);
    }

    /// An attempt failed.
    pub fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// So many log entries were not looked through, or not all that they hold was taken.
    pub fn behind(&self, entries: u64) {
        self.behind.store(entries, Ordering::Relaxed);
    }
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

    /// A client did not get through the TLS handshake.
    pub fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// An agent's batches became durable.
    pub fn agent_batches(&self, batches: usize) {
        self.agent_batches.fetch_add(u64::try_from(batches).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// So many bytes came from an agent, compressed.
    pub fn agent_bytes(&self, bytes: usize) {
        self.agent_bytes.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// An agent's request was refused; the reason is one of `REASONS`.
    pub fn agent_refused(&self, reason: &str) {
        let counters = REASONS.iter().zip(&self.agents_refused);
        counters.filter(|(name, _)| **name == reason).for_each(|(_, count)| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }

    /// There are alerts; said once.
    pub fn alerts(&self, counts: Vec<Arc<AlertCounts>>) {
        let _again = self.alerts.set(counts);
    }

    /// There are doors of third parties; said once.
    pub fn doors(&self, counts: Vec<Arc<DoorCounts>>) {
        let _again = self.doors.set(counts);
    }

    /// The store's disk is watched; said once.
    pub fn room(&self, room: Arc<Room>) {
        let _again = self.room.set(room);
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
        if let Some(room) = self.room.get() {
            let ((used, total), fill) = (room.bytes(), room.fill());
            put("disk_used_bytes", "gauge", "Used bytes of the store's file system.", &[("", used)]);
            put("disk_bytes", "gauge", "Bytes of the store's file system.", &[("", total)]);
            let level = [(Fill::Scarce, "{level=\"warn\"}"), (Fill::Full, "{level=\"refuse\"}")];
            let level = level.map(|(from, label)| (label, u64::from(fill >= from)));
            put("disk_reached", "gauge", "Whether that much of it is used.", &level);
        }
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
        put(
            "handshakes_failed_total",
            "counter",
            "TLS handshakes that failed.",
            &[("", count(&self.handshakes_failed))],
        );
        put("agent_batches_total", "counter", "Batches of agents taken.", &[("", count(&self.agent_batches))]);
        put("agent_bytes_total", "counter", "Bytes of agents' requests.", &[("", count(&self.agent_bytes))]);
        let labels = REASONS.map(|reason| format!("{{reason=\"{reason}\"}}"));
        let refused: Vec<(&str, u64)> =
            labels.iter().zip(&self.agents_refused).map(|(label, counter)| (label.as_str(), count(counter))).collect();
        put("agents_refused_total", "counter", "Requests of agents refused, by reason.", &refused);
        let doors = self.doors.get().map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<_> = doors.iter().map(|door| door.rows()).collect();
        let mut of_doors = |name, help, values: Vec<&(String, u64)>| {
            let values: Vec<(&str, u64)> = values.iter().map(|(label, value)| (label.as_str(), *value)).collect();
            if !values.is_empty() {
                put(name, "counter", help, &values);
            }
        };
        of_doors(
            "door_records_total",
            "Records that came by a door.",
            rows.iter().flat_map(|[records, ..]| records).collect(),
        );
        of_doors("door_bytes_total", "Their bytes.", rows.iter().flat_map(|[_, bytes, _]| bytes).collect());
        let refused = rows.iter().flat_map(|[.., refused]| refused).collect();
        of_doors("door_refused_total", "What a door did not take, by reason.", refused);
        let alerts = self.alerts.get().map(Vec::as_slice).unwrap_or_default();
        let mut each = |name, kind, help, of: fn(&AlertCounts) -> &AtomicU64| {
            let values: Vec<(&str, u64)> =
                alerts.iter().map(|alert| (alert.labels.as_str(), count(of(alert)))).collect();
            if !values.is_empty() {
                put(name, kind, help, &values);
            }
        };
        each("alert_delivered_total", "counter", "Events that an alert's receiver took.", |alert| &alert.delivered);
        each("alert_failed_total", "counter", "Attempts of an alert that failed.", |alert| &alert.failed);
        each("alert_behind_entries", "gauge", "Log entries that an alert is behind.", |alert| &alert.behind);
        page
    }
}

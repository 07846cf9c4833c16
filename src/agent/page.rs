//! The agent's numbers in the text format of Prometheus (version 0.0.4), and whether it is well.
//!
//! Not here: the socket (`cli::agent`).

use super::counts::{Counts, Snapshot};
use std::fmt::Write;

/// The page.
pub fn page(counts: &Counts) -> String {
    let numbers = counts.snapshot();
    let mut page = String::new();
    let mut put = |name: &str, kind: &str, help: &str, value: u64| {
        // Writing into a String cannot fail.
        let _infallible = writeln!(
            page,
            "# HELP deponent_agent_{name} {help}\n# TYPE deponent_agent_{name} {kind}\ndeponent_agent_{name} {value}"
        );
    };
    put("spool_bytes", "gauge", "Bytes that wait for the collector, on disk.", numbers.spool);
    put("spool_max_bytes", "gauge", "Bytes at which nothing more is read.", numbers.spool_max);
    put("batches_sent_total", "counter", "Batches that were acknowledged.", numbers.sent_batches);
    put("bytes_sent_total", "counter", "Their bytes, compressed.", numbers.sent_bytes);
    put("requests_failed_total", "counter", "Requests that failed or were refused.", numbers.failed);
    put("receipts_total", "counter", "Signed receipts that came back.", numbers.receipts);
    put("gaps_total", "counter", "Gaps that were found while reading.", numbers.gaps);
    let last = u64::try_from(numbers.last_receipt / 1_000_000_000).unwrap_or(0);
    put("last_receipt_seconds", "gauge", "When the last receipt came, seconds since 1970; 0 before the first.", last);
    let checked = u64::try_from(numbers.log_checked / 1_000_000_000).unwrap_or(0);
    let help = "When the collector's log was last compared with its receipts and earlier checkpoints, seconds since 1970; 0 before the first time.";
    put("log_checked_seconds", "gauge", help, checked);
    put("log_contradictions_total", "counter", "Contradictions that the collector has signed.", numbers.contradictions);
    let _infallible = writeln!(
        page,
        "# HELP deponent_agent_records_total Records that were made durable, by source.\n# TYPE deponent_agent_records_total counter"
    );
    for (source, read) in &numbers.sources {
        let source = source.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _infallible = writeln!(page, "deponent_agent_records_total{{source=\"{source}\"}} {}", read.records);
    }
    page
}

/// Whether the agent is well: there is room, and nothing is refused. What is wrong otherwise.
pub fn healthy(counts: &Counts) -> Result<(), String> {
    let Snapshot { spool, spool_max, trouble, .. } = counts.snapshot();
    if spool >= spool_max {
        return Err(format!("the spool is full ({spool} bytes): nothing more is read"));
    }
    trouble.map_or(Ok(()), Err)
}

//! Which records an event consists of: sorted, each once, and those left out that contradict each other.
//!
//! Order and repetition of the records given do not matter. Two copies of one record (RAW and ENRICHED, or from two channels) are one: what
//! the kernel wrote is equal. Two different records where the kernel writes one are a conflict: neither is believed.

use std::borrow::Cow;
use std::cmp::Ordering;

use deponent_parsers::linux::{Headers, Record, is_user_type};

use super::notes::Notes;
use crate::normalise::bare;

/// The most lines that one event is made of; the kernel writes a few dozen, and an EXECVE record for each 7,500 bytes of arguments.
const LINES_MAX: usize = 16_384;

/// The records of one event.
#[derive(Debug, Default)]
pub(super) struct Set<'a> {
    /// Those whose claims count, by type and content.
    pub records: Vec<Record<'a>>,
    /// The node that they name.
    pub node: Option<Cow<'a, [u8]>>,
    /// Their serial number.
    pub serial: Option<u64>,
    /// Types of records that were left out.
    pub left_out: Vec<String>,
}

impl<'a> Set<'a> {
    /// The set of these lines.
    pub fn of(lines: &[&'a [u8]], notes: &mut Notes) -> Set<'a> {
        let bounded = bounded(lines, notes);
        let mut headers = Headers::default();
        let mut all = Vec::with_capacity(bounded.len());
        for line in bounded.iter() {
            match Record::parse_next(&mut headers, bare(line)) {
                Ok(record) => all.push(record),
                Err(error) => notes.add("not-a-record", error.to_string()),
            }
        }
        for record in &all {
            if record.is_odd() {
                for issue in record.issues() {
                    notes.add(issue.kind, issue.detail);
                }
            }
        }
        let node = all.iter().filter_map(|record| record.header.node.as_ref()).min().cloned();
        all.sort_unstable_by(|a, b| by_content(a, b).then_with(|| a.enriched.cmp(&b.enriched)));
        let serial = all.first().map(|record| record.header.serial);
        once(&mut all, notes);
        let mut set = Set { records: all, node, serial, left_out: Vec::new() };
        set.leave_out_conflicts(notes);
        set
    }

    fn leave_out_conflicts(&mut self, notes: &mut Notes) {
        let has_syscall = self.records.iter().any(|record| record.type_name() == "SYSCALL");
        let mut alone: Vec<&str> = Vec::new();
        let mut left_out: Vec<String> = Vec::new();
        let mut before = "";
        for record in &self.records {
            let name = record.type_name();
            if name == before && is_single(name) {
                left_out.push(name.to_owned());
            }
            if stands_alone(name) {
                alone.push(name);
            }
            before = name;
        }
        left_out.dedup();
        for name in &left_out {
            notes.add(
                "conflict",
                format!("{name}: different records under one serial, where the kernel writes one; none is believed"),
            );
        }
        // Each message of a program has a serial of its own: beside anything else one of them is not genuine.
        if alone.len() > 1 || (has_syscall && !alone.is_empty()) {
            let detail = format!(
                "{}: messages that have a serial of their own share this one; none is believed",
                alone.join(", ")
            );
            notes.add("conflict", detail);
            left_out.extend(alone.iter().map(|&name| name.to_owned()));
        }
        if !left_out.is_empty() {
            self.records.retain(|record| !left_out.iter().any(|name| name == record.type_name()));
        }
        self.left_out = left_out;
    }
}

/// The lines themselves, or where there are too many the first in the order of their bytes: whatever the order they came in.
fn bounded<'s, 'a>(lines: &'s [&'a [u8]], notes: &mut Notes) -> Cow<'s, [&'a [u8]]> {
    if lines.len() <= LINES_MAX {
        return Cow::Borrowed(lines);
    }
    let mut lines: Vec<&[u8]> = lines.iter().map(|line| bare(line)).collect();
    lines.sort_unstable();
    lines.dedup();
    if lines.len() > LINES_MAX {
        notes.add(
            "too-many-records",
            format!("{} records under one serial; the event is made of {LINES_MAX}", lines.len()),
        );
        lines.truncate(LINES_MAX);
    }
    Cow::Owned(lines)
}

fn by_content(a: &Record<'_>, b: &Record<'_>) -> Ordering {
    a.type_name().cmp(b.type_name()).then_with(|| a.kernel.cmp(&b.kernel))
}

/// Each record once, with the enrichment that its copies have; copies with different enrichments have none.
fn once(sorted: &mut Vec<Record<'_>>, notes: &mut Notes) {
    let mut disputed = false;
    sorted.dedup_by(|record, last| {
        if by_content(last, record) != Ordering::Equal {
            disputed = false;
            return false;
        }
        if record.enriched == last.enriched || disputed {
            return true;
        }
        if last.enriched.is_empty() {
            std::mem::swap(last, record);
        } else {
            let detail = format!(
                "{}: two copies of one record differ in what auditd added; no name is believed",
                last.type_name()
            );
            notes.add("conflict", detail);
            last.enriched = Cow::Borrowed(&[]);
            disputed = true;
        }
        true
    });
}

/// The kernel writes at most one of these in an event.
fn is_single(type_name: &str) -> bool {
    matches!(
        type_name,
        "SYSCALL"
            | "CWD"
            | "PROCTITLE"
            | "SOCKADDR"
            | "LOGIN"
            | "EVENT_LISTENER"
            | "OPENAT2"
            | "MMAP"
            | "NETFILTER_PKT"
    ) || stands_alone(type_name)
}

/// Messages of programs and of auditd itself have a serial of their own.
fn stands_alone(type_name: &str) -> bool {
    type_name.starts_with("DAEMON_") || is_user_type(type_name)
}

//! Accounts for every record that came in.
//!
//! Invariant: records = records that are part of an event + `duplicates` + `bad_records`.

use std::collections::BTreeMap;

/// What an import or a running collector took in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes read, after decompression, those already known included.
    pub bytes: u64,
    /// Records read, those already known included.
    pub records: u64,
    /// New events.
    pub events: u64,
    /// Events that were there and got further records.
    pub amended: u64,
    /// Records that were there already, byte for byte.
    pub duplicates: u64,
    /// Records that could not be read.
    pub bad_records: u64,
    /// Issues of new events and of files, by kind.
    pub issues: BTreeMap<String, u64>,
    /// Log entries.
    pub batches: u64,
}

impl Summary {
    /// Counts an issue `count` times.
    pub fn issue(&mut self, kind: &str, count: u64) {
        if count > 0 {
            *self.issues.entry(kind.to_owned()).or_insert(0) += count;
        }
    }

    /// Adds another account.
    pub fn add(&mut self, other: &Summary) {
        let pairs = [
            (&mut self.bytes, other.bytes),
            (&mut self.records, other.records),
            (&mut self.events, other.events),
            (&mut self.amended, other.amended),
            (&mut self.duplicates, other.duplicates),
            (&mut self.bad_records, other.bad_records),
            (&mut self.batches, other.batches),
        ];
        for (all, more) in pairs {
            *all = all.saturating_add(more);
        }
        for (kind, count) in &other.issues {
            self.issue(kind, *count);
        }
    }

    /// Takes back an issue that is none any more, `count` times.
    pub fn take_back(&mut self, kind: &str, count: u64) {
        if let Some(all) = self.issues.get_mut(kind) {
            *all = all.saturating_sub(count);
        }
        self.issues.retain(|_, count| *count > 0);
    }

    /// Takes away what had been counted before.
    pub fn subtract(&mut self, before: &Summary) {
        let pairs = [
            (&mut self.bytes, before.bytes),
            (&mut self.records, before.records),
            (&mut self.events, before.events),
            (&mut self.amended, before.amended),
            (&mut self.duplicates, before.duplicates),
            (&mut self.bad_records, before.bad_records),
            (&mut self.batches, before.batches),
        ];
        for (all, before) in pairs {
            *all = all.saturating_sub(before);
        }
        for (kind, count) in &before.issues {
            if let Some(all) = self.issues.get_mut(kind) {
                *all = all.saturating_sub(*count);
            }
        }
        self.issues.retain(|_, count| *count > 0);
    }
}

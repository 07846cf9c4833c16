//! What is missing: holes in the chains of batches, bytes lost before they could be read, serials that the kernel gave and nobody has.
//!
//! Everything here is found by reading evidence from the first log entry to the last; the index is not asked.
//! Not here: damage to the store itself (`evidence::verify`).

use super::answer::{AnswerError, Sink};
use super::engine::View;
use super::heard::{Heard, Pulse, word_at};
use super::load;
use crate::evidence::{Door, Hash, Reader, Statement};
use crate::model::{Moment, RecordKind, RecordRef};
use crate::time::rfc3339;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Serials further apart than this are taken for another count of the kernel (a reboot), until proven near.
const NEAR: u64 = 100_000;
/// How far the time of a serial may be out of step with its neighbours', ms: clocks are set, records arrive late.
const STEP_MS: i64 = 60_000;
/// Gaps of one node that are listed; further ones are counted.
const LISTED_MAX: usize = 1_000;

/// Sends one line a gap.
pub fn gaps(view: &View, now: Moment, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
    let mut chains = Chains::default();
    let mut serials: BTreeMap<(String, String), Counts> = BTreeMap::new();
    let mut beats = Beats::default();
    let mut retained = Retained::default();
    for leaf in 0..view.reader.size() {
        view.in_time()?;
        chains.entry(&view.reader, leaf, sink)?;
        retained.entry(&view.reader, leaf)?;
        read_serials(&view.reader, leaf, &mut serials, sink)?;
        beats.entry(view, leaf, sink)?;
    }
    beats.end(view, now, sink)?;
    retained.send(sink)?;
    for ((cluster, node), counts) in serials {
        counts.send(&cluster, &node, sink)?;
    }
    Ok(())
}

/// What is gone by retention: by source of the policy, the newest statement with its log entry, and the sums of all of them.
#[derive(Default)]
struct Retained(BTreeMap<String, (u64, Statement)>);

impl Retained {
    fn entry(&mut self, reader: &Reader, leaf: u64) -> Result<(), AnswerError> {
        if !Statement::may_be(&*reader.entry(leaf)?) {
            return Ok(());
        }
        let Some(mut said) = reader.statement(leaf)? else { return Ok(()) };
        if let Some((_, before)) = self.0.get(&said.source) {
            said.batches = said.batches.saturating_add(before.batches);
            said.records = said.records.saturating_add(before.records);
            said.bytes = said.bytes.saturating_add(before.bytes);
        }
        self.0.insert(said.source.clone(), (leaf, said));
        Ok(())
    }

    fn send(self, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        for (source, (leaf, said)) in self.0 {
            let kinds: Vec<&str> = said.kinds.iter().map(|kind| kind.name()).collect();
            let detail = format!(
                "gone by retention, as log entry {leaf} says: {} records of {} batches ({}) received up to {}",
                said.records,
                said.batches,
                kinds.join(", "),
                said.received_until
            );
            sink(json!({
                "gap": "retention", "source": source, "leaf": leaf, "kinds": kinds, "minimum_index": said.minimum_index,
                "batches": said.batches, "records": said.records, "bytes": said.bytes, "received_until": said.received_until,
                "detail": detail,
            }))?;
        }
        Ok(())
    }
}

/// The batches of each (source, epoch) must be numbered without a hole, name their predecessor, and lie end to end in their file.
#[derive(Default)]
struct Chains {
    /// Number and hash of the last header, by source and epoch.
    last: HashMap<(String, String), (u64, Hash)>,
    /// How far each file has been read, by source, epoch and file.
    ends: HashMap<(String, String, u64, u64, u64), u64>,
}

impl Chains {
    fn entry(&mut self, reader: &Reader, leaf: u64, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let entry = reader.entry(leaf)?;
        let header = &entry.header;
        let epoch = data_encoding::HEXLOWER.encode(&header.epoch);
        let key = (header.source.clone(), epoch.clone());
        let last = self.last.insert(key, (header.seq, Sha256::digest(entry.header_text()).into()));
        let mut say = |what: &str, detail: String| {
            sink(json!({ "gap": what, "source": header.source, "epoch": epoch, "leaf": leaf, "detail": detail }))
        };
        let expected = last.map_or(0, |(seq, _)| seq.saturating_add(1));
        if header.seq != expected {
            say("sequence", format!("batch {} follows where {expected} was expected", header.seq))?;
        } else if last.is_some_and(|(_, hash)| hash != header.previous) {
            say("chain", "the batch names another predecessor than the one before it".to_owned())?;
        }
        if let Some(file) = &header.file {
            let key = (header.source.clone(), epoch.clone(), file.dev, file.ino, file.birth);
            let end = self.ends.insert(key, header.end);
            if let Some(end) = end.filter(|end| header.start > *end) {
                say("bytes", format!("bytes {end} to {} of the file are in no batch", header.start))?;
            }
        }
        Ok(())
    }
}

/// The newest word of each agent, in the order of the log.
#[derive(Default)]
struct Beats {
    last: BTreeMap<(String, String), Heard>,
}

impl Beats {
    /// A silence between two heartbeats, by the agent's clock, is one unless the first says that the agent ends.
    fn entry(&mut self, view: &View, leaf: u64, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let entry = view.reader.entry(leaf)?;
        let header = &entry.header;
        if header.kind != RecordKind::Own || entry.envelope.door != Door::Agent {
            return Ok(());
        }
        for record in 0..header.records {
            let Some(heard) = word_at(view, RecordRef { leaf, record })? else { continue };
            let name = (header.cluster.clone(), header.node.clone());
            let said = heard.word.said;
            if let Some(last) = self.last.insert(name.clone(), heard)
                && !last.word.stops
                && said.nanos.saturating_sub(last.word.said.nanos) >= last.word.silent_ns()
            {
                silent(&name, &last, Some(said), sink)?;
            }
        }
        Ok(())
    }

    fn end(self, view: &View, now: Moment, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        for (name, last) in self.last {
            if last.pulse(view, now)? == Pulse::Silent {
                silent(&name, &last, None, sink)?;
            }
        }
        Ok(())
    }
}

fn silent(
    (cluster, node): &(String, String),
    last: &Heard,
    next: Option<Moment>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let detail =
        format!("no heartbeat of the agent, one is due every {} s, and no word that it stops", last.word.every_s);
    sink(json!({
        "gap": "agent-silent", "cluster": cluster, "node": node, "leaf": last.leaf, "detail": detail,
        "after": rfc3339(last.word.said), "before": next.map(rfc3339),
    }))?;
    Ok(())
}

fn read_serials(
    reader: &Reader,
    leaf: u64,
    serials: &mut BTreeMap<(String, String), Counts>,
    sink: &mut Sink<'_>,
) -> Result<(), AnswerError> {
    let block = reader.block(leaf)?;
    let entry = block.entry();
    let header = &entry.header;
    if block.pruned().is_some() {
        return Ok(());
    }
    for record in 0..header.records {
        let at = RecordRef { leaf, record };
        match header.kind {
            RecordKind::KubernetesAudit
            | RecordKind::Containerd
            | RecordKind::ContainerdEvents
            | RecordKind::Crio
            | RecordKind::Dockerd
            | RecordKind::DockerEvents
            | RecordKind::Kubelet
            | RecordKind::Apiserver
            | RecordKind::ControllerManager
            | RecordKind::Scheduler
            | RecordKind::Etcd
            | RecordKind::Container
            | RecordKind::Syslog => return Ok(()),
            RecordKind::Own => {
                let bytes = reader.record(at)?;
                if let Ok(Value::Object(mut own)) = serde_json::from_slice::<Value>(&bytes)
                    && own.get("deponent").and_then(Value::as_str) == Some("gap")
                {
                    own.remove("deponent");
                    sink(json!({ "gap": "lost", "source": header.source, "leaf": leaf, "detail": own }))?;
                }
            }
            RecordKind::Auditd => {
                let bytes = reader.record(at)?;
                if let Ok(parsed) = deponent_parsers::linux::header(&bytes)
                    && !parsed.daemon
                {
                    let context = load::context(entry);
                    let node = parsed
                        .node
                        .map_or_else(|| context.node.to_owned(), |node| String::from_utf8_lossy(&node).into_owned());
                    let counts = serials.entry((context.cluster.to_owned(), node)).or_default();
                    let millis = parsed.nanos / 1_000_000;
                    counts.add(millis, parsed.serial);
                }
            }
        }
    }
    Ok(())
}

/// The serials of one node, by counts of its kernel (each boot counts anew).
#[derive(Default)]
struct Counts {
    counts: Vec<Count>,
    last: usize,
}

/// One count: ranges of serials that are there, with the times at their ends.
#[derive(Default)]
struct Count {
    /// First serial → (last serial, time of the first, time of the last), ms.
    ranges: BTreeMap<u64, (u64, i64, i64)>,
}

impl Count {
    fn bounds(&self) -> Option<(u64, u64)> {
        Some((*self.ranges.first_key_value()?.0, self.ranges.last_key_value()?.1.0))
    }

    /// Whether a serial at that time belongs here: near the others, and in step with the times around it. After a reboot the serials
    /// start anew at a later time, so they are not.
    fn takes(&self, millis: i64, serial: u64) -> bool {
        let near = self
            .bounds()
            .is_some_and(|(low, high)| serial.saturating_add(NEAR) >= low && serial <= high.saturating_add(NEAR));
        let before = self.ranges.range(..=serial).next_back();
        let later_than_before = before.is_none_or(|(_, (end, first, last))| {
            let since = if serial > *end { last } else { first };
            millis.saturating_add(STEP_MS) >= *since && (serial > *end || millis <= last.saturating_add(STEP_MS))
        });
        let behind = self.ranges.range(serial..).next();
        let earlier_than_behind = behind.is_none_or(|(_, (_, first, _))| millis <= first.saturating_add(STEP_MS));
        near && later_than_before && earlier_than_behind
    }

    fn add(&mut self, millis: i64, serial: u64) {
        if let Some((_, (end, _, last))) = self.ranges.range_mut(..=serial).next_back() {
            if serial <= *end {
                return;
            }
            if serial == *end + 1 {
                (*end, *last) = (serial, millis);
                self.close_up(serial);
                return;
            }
        }
        self.ranges.insert(serial, (serial, millis, millis));
        self.close_up(serial);
    }

    /// Joins the range that ends at `serial` with one that starts behind it.
    fn close_up(&mut self, serial: u64) {
        let Some(next) = serial.checked_add(1).and_then(|behind| self.ranges.remove(&behind)) else { return };
        if let Some((_, range)) = self.ranges.range_mut(..=serial).next_back() {
            (range.0, range.2) = (next.0, next.2);
        }
    }
}

impl Counts {
    fn add(&mut self, millis: i64, serial: u64) {
        if !self.counts.get(self.last).is_some_and(|count| count.takes(millis, serial)) {
            self.last = match self.counts.iter().position(|count| count.takes(millis, serial)) {
                Some(at) => at,
                None => {
                    self.counts.push(Count::default());
                    self.counts.len() - 1
                }
            };
        }
        if let Some(count) = self.counts.get_mut(self.last) {
            count.add(millis, serial);
        }
    }

    fn send(&self, cluster: &str, node: &str, sink: &mut Sink<'_>) -> Result<(), AnswerError> {
        let mut listed = 0usize;
        let mut unlisted = 0u64;
        for count in &self.counts {
            for ((_, before), (start, after)) in count.ranges.iter().zip(count.ranges.iter().skip(1)) {
                if listed >= LISTED_MAX {
                    unlisted += 1;
                    continue;
                }
                listed += 1;
                let time = |millis: i64| rfc3339(Moment { nanos: millis.saturating_mul(1_000_000), digits: 3 });
                sink(json!({
                    "gap": "serials", "cluster": cluster, "node": node, "first": before.0 + 1, "last": start - 1,
                    "missing": start - before.0 - 1, "after": time(before.2), "before": time(after.1),
                }))?;
            }
        }
        if unlisted > 0 {
            sink(
                json!({ "gap": "serials", "cluster": cluster, "node": node, "detail": format!("{unlisted} further gaps are not listed") }),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(serials: &[(i64, u64)]) -> Vec<(u64, u64)> {
        let mut counts = Counts::default();
        for &(secs, serial) in serials {
            counts.add(secs * 1_000, serial);
        }
        let mut found = Vec::new();
        counts
            .send("", "", &mut |line| {
                found.push((line["first"].as_u64().unwrap(), line["last"].as_u64().unwrap()));
                Ok(())
            })
            .unwrap();
        found
    }

    #[test]
    fn holes_are_found_whatever_the_order() {
        for (serials, wanted) in [
            (vec![5, 6, 7], vec![]),
            (vec![7, 5, 6, 6], vec![]),
            (vec![5, 7, 10], vec![(6, 6), (8, 9)]),
            (vec![10, 5, 7, 6], vec![(8, 9)]),
            (vec![10, 5, 9, 8, 7, 6], vec![]),
        ] {
            let timed: Vec<(i64, u64)> = serials.iter().map(|&serial| (0, serial)).collect();
            assert_eq!(missing(&timed), wanted, "{serials:?}");
        }
    }

    #[test]
    fn a_reboot_is_no_gap_and_hides_none() {
        assert_eq!(missing(&[(0, 500_000), (0, 500_001), (300, 6), (300, 7), (0, 500_002), (301, 9)]), [(8, 8)]);
        // The second count starts below the end of the first one and would fill its hole.
        assert_eq!(missing(&[(0, 5), (1, 6), (2, 9), (600, 7), (600, 8)]), [(7, 8)]);
    }
}

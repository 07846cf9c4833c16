//! The API server's two channels compared: what it wrote into its audit log, and what it sent to a webhook.
//!
//! Whoever alters the log on the API server's node does not reach what was delivered to the webhook. A request's stage that one of the two lacks, and a stage that
//! both have with another content, are findings. An item of a webhook's list is told by its form: it has no kind of its own. Batches come late, twice and
//! out of order; only the times of the stages are compared, with room for that. Not here: the kernel's two captures (`captures`), what counts as another
//! content (`normalise`).

use super::told::Told;
use super::{Ask, Send, shown};
use crate::correlate::rules::{ONE_SIDED, RECORDS_DISAGREE};
use crate::index::Hit;
use crate::model::{EventId, Moment, RecordKind, RecordRef};
use crate::normalise::differences;
use crate::query::answer::AnswerError;
use crate::query::link_json;
use crate::query::load::{self, Loaded};
use crate::time::rfc3339;
use deponent_parsers::kubernetes::{AuditEvent, parse};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The log is written as requests go: what is not there when it is this much further is not late, ns.
const LOG_LATE_NS: i64 = 60_000_000_000;
/// A webhook is tried five times, with longer and longer pauses: some 110 s, and 30 s for each that hangs, ns.
const WEBHOOK_LATE_NS: i64 = 300_000_000_000;
/// How far the records at a channel's beginning may be out of order, ns.
const BEGINNING_NS: i64 = 5_000_000_000;
/// Stages closer together than this, which one channel lacks, are one finding, ns.
const APART_NS: i64 = 60_000_000_000;
/// Stages of a channel that are kept as lacking; more are counted.
const KEPT_MAX: usize = 100_000;
/// Events that one finding names; the others are counted.
const NAMED_MAX: usize = 100;
/// Batches whose channel is remembered.
const KNOWN_MAX: usize = 1 << 20;
/// From this share on it is no hole but another set of servers, or most of the log: one in so many.
const SHARE: u64 = 10;

/// How the API server hands out an audit event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Channel {
    Log,
    Webhook,
}

impl Channel {
    const ALL: [Channel; 2] = [Channel::Log, Channel::Webhook];

    fn name(self) -> &'static str {
        match self {
            Channel::Log => "the API server's log",
            Channel::Webhook => "its webhook",
        }
    }

    fn other(self) -> Channel {
        match self {
            Channel::Log => Channel::Webhook,
            Channel::Webhook => Channel::Log,
        }
    }

    fn late_ns(self) -> i64 {
        match self {
            Channel::Log => LOG_LATE_NS,
            Channel::Webhook => WEBHOOK_LATE_NS,
        }
    }

    /// The channel of a record: the items of a list have no kind of their own.
    fn of(record: &AuditEvent<'_>) -> Channel {
        if record.in_list || record.kind.is_none() { Channel::Webhook } else { Channel::Log }
    }
}

/// Times of the first and the last stage of a channel, ns.
type Span = (i64, i64);

/// One cluster.
#[derive(Default)]
struct Cluster {
    spans: BTreeMap<Channel, Span>,
    requests: u64,
    /// Requests of which the channels have not the same number of records.
    uneven: Vec<Hit>,
    cut: bool,
}

/// Sends what the two channels of each cluster do not agree in; nothing where there is only one.
pub fn compare(ask: &Ask<'_>, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let mut clusters: BTreeMap<String, Cluster> = BTreeMap::new();
    let mut batches = Batches { ask, known: HashMap::new() };
    let selection = ask.select(ask.window, &[("source", "kubernetes")])?;
    ask.in_order(&selection, &mut |hit| batches.count(hit, &mut clusters))?;
    for (name, cluster) in clusters.iter().filter(|(_, cluster)| cluster.spans.len() > 1) {
        one_sided(ask, name, cluster, send)?;
    }
    if clusters.values().any(|cluster| cluster.spans.len() > 1) {
        ask.each("source:kubernetes issue:conflict", &mut |hit| disagreement(ask, &hit, send))?;
    }
    Ok(())
}

/// A batch: its cluster, its channel, and the times of its first and its last record.
type Batch = (String, Channel, Span);

/// Which channel each batch is of.
struct Batches<'a> {
    ask: &'a Ask<'a>,
    known: HashMap<u64, Option<Batch>>,
}

impl Batches<'_> {
    /// Takes in one request.
    fn count(&mut self, hit: &Hit, clusters: &mut BTreeMap<String, Cluster>) -> Result<(), AnswerError> {
        let mut places: BTreeMap<Channel, u32> = BTreeMap::new();
        let mut name = None;
        for at in hit.places.iter() {
            let Some((cluster, channel, span)) = self.of(at.leaf)? else { continue };
            *places.entry(*channel).or_default() += 1;
            let spans = &mut clusters.entry(cluster.clone()).or_default().spans;
            let known = spans.entry(*channel).or_insert(*span);
            *known = (known.0.min(span.0), known.1.max(span.1));
            name.get_or_insert_with(|| cluster.clone());
        }
        let Some(cluster) = name.and_then(|name| clusters.get_mut(&name)) else { return Ok(()) };
        cluster.requests += 1;
        let [log, webhook] = Channel::ALL.map(|channel| places.get(&channel).copied().unwrap_or_default());
        // Before the second channel began nothing is missing of it.
        if log != webhook && cluster.spans.len() > 1 {
            match cluster.uneven.len() < KEPT_MAX {
                true => cluster.uneven.push(hit.clone()),
                false => cluster.cut = true,
            }
        }
        Ok(())
    }

    fn of(&mut self, leaf: u64) -> Result<Option<&Batch>, AnswerError> {
        if !self.known.contains_key(&leaf) {
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            let found = self.look(leaf)?;
            self.known.insert(leaf, found);
        }
        Ok(self.known.get(&leaf).and_then(Option::as_ref))
    }

    /// A batch is of one file or stream, whose records have one form; where its ends differ it is of neither channel.
    fn look(&self, leaf: u64) -> Result<Option<Batch>, AnswerError> {
        let reader = &self.ask.view.reader;
        let entry = reader.entry(leaf)?;
        if entry.header.kind != RecordKind::KubernetesAudit {
            return Ok(None);
        }
        let mut found: Option<Batch> = None;
        for record in [0, entry.header.records.saturating_sub(1)] {
            let bytes = reader.record(RecordRef { leaf, record })?;
            // The first record may be the rest of one, and the last the beginning of one.
            let Ok((event, _)) = parse(&bytes) else { continue };
            let (channel, Some(time)) = (Channel::of(&event), stage_time(&event)) else { continue };
            match &mut found {
                None => found = Some((entry.header.cluster.clone(), channel, (time, time))),
                Some((_, known, _)) if *known != channel => return Ok(None),
                Some((.., span)) => *span = (span.0.min(time), span.1.max(time)),
            }
        }
        Ok(found)
    }
}

fn stage_time(event: &AuditEvent<'_>) -> Option<i64> {
    let time = event.stage_time.as_ref().or(event.timestamp.as_ref())?;
    time.stamp.map(|stamp| stamp.nanos)
}

/// A stage that one channel lacks.
struct Lack {
    at: i64,
    event: EventId,
    open: bool,
}

fn one_sided(ask: &Ask<'_>, name: &str, cluster: &Cluster, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let end = cluster.spans.values().map(|span| span.1).max().unwrap_or(i64::MIN);
    let mut lacking: BTreeMap<Channel, Vec<Lack>> = BTreeMap::new();
    for hit in &cluster.uneven {
        ask.view.in_time()?;
        let mut stages: BTreeMap<Channel, BTreeMap<String, i64>> = BTreeMap::new();
        let records = load::records(&ask.view.reader, &hit.places)?;
        for event in records.iter().filter_map(|record| parse(&record.bytes).ok()).map(|(event, _)| event) {
            let (Some(stage), Some(at)) = (event.stage.as_deref(), stage_time(&event)) else { continue };
            stages.entry(Channel::of(&event)).or_default().insert(stage.to_owned(), at);
        }
        for channel in Channel::ALL {
            let (Some(span), Some(there)) = (cluster.spans.get(&channel), stages.get(&channel.other())) else {
                continue;
            };
            let here = stages.get(&channel);
            let missing = there.iter().filter(|(stage, _)| here.is_none_or(|here| !here.contains_key(*stage)));
            for (_, at) in missing {
                let begun = *at >= span.0.saturating_add(BEGINNING_NS);
                if begun && at.saturating_add(channel.late_ns()) <= end {
                    lacking.entry(channel).or_default().push(Lack { at: *at, event: hit.id, open: *at > span.1 });
                }
            }
        }
    }
    for (channel, mut lacking) in lacking {
        lacking.sort_by_key(|lack| (lack.at, lack.event));
        let near = |one: &Lack, next: &Lack| next.at.saturating_sub(one.at) <= APART_NS && one.open == next.open;
        for run in lacking.chunk_by(near) {
            send(missing(name, channel, run, cluster))?;
        }
    }
    Ok(())
}

fn missing(name: &str, lacks: Channel, run: &[Lack], cluster: &Cluster) -> Told {
    let time = |nanos: i64| rfc3339(Moment { nanos, digits: 3 });
    let [first, last] = [run.first(), run.last()].map(|lack| time(lack.map_or(0, |lack| lack.at)));
    let ids: BTreeSet<EventId> = run.iter().map(|lack| lack.event).collect();
    let ids: Vec<EventId> = ids.into_iter().collect();
    let open = run.last().is_some_and(|lack| lack.open);
    let mut detail = format!(
        "{} lacks {} stages of {} requests that {} has, from {first} to {last}",
        lacks.name(),
        run.len(),
        ids.len(),
        lacks.other().name()
    );
    if open {
        detail.push_str(", and it has none later: it may only be late");
    }
    let named = ids.get(..NAMED_MAX).unwrap_or(&ids);
    if ids.len() > named.len() {
        detail.push_str(&format!("; {} more are not named", ids.len() - named.len()));
    }
    if cluster.cut {
        detail.push_str("; there are more than were looked at");
    }
    let many =
        u64::try_from(ids.len()).unwrap_or(u64::MAX).saturating_mul(SHARE) >= cluster.requests && ids.len() > NAMED_MAX;
    if many {
        detail.push_str("; so many that the log may be that of one API server, and the webhook that of several");
    }
    // What the log lacks somebody may have taken out; a webhook loses what its server's buffer had no room for.
    let severity = if lacks == Channel::Log && !many { "high" } else { "medium" };
    let line = json!({
        "finding": ONE_SIDED, "severity": severity, "cluster": name, "lacking": run.len(), "from": first, "to": last,
        "open": open, "events": shown(named), "detail": detail,
    });
    Told::of(line, &ids)
}

/// What the channels have of a request, compared stage by stage.
fn disagreement(ask: &Ask<'_>, hit: &Hit, send: &mut Send<'_>) -> Result<(), AnswerError> {
    let loaded = load::records(&ask.view.reader, &hit.places)?;
    let events: Vec<AuditEvent<'_>> =
        loaded.iter().filter_map(|Loaded { bytes, .. }| parse(bytes).ok()).map(|(event, _)| event).collect();
    let of = |channel: Channel| events.iter().filter(move |event| Channel::of(event) == channel);
    let mut said: BTreeSet<String> = BTreeSet::new();
    for one in of(Channel::Log) {
        for other in of(Channel::Webhook).filter(|other| other.stage == one.stage) {
            let names = differences(one, other);
            if !names.is_empty() {
                said.insert(format!("{} in {}", one.stage.as_deref().unwrap_or("a stage"), names.join(", ")));
            }
        }
    }
    if said.is_empty() {
        return Ok(());
    }
    let said: Vec<String> = said.into_iter().collect();
    let detail = format!(
        "{} and {} have it with another content: {}; one of them was altered",
        Channel::Log.name(),
        Channel::Webhook.name(),
        said.join("; ")
    );
    let cluster = loaded.first().map(|record| record.entry.header.cluster.clone()).unwrap_or_default();
    let line = json!({
        "finding": RECORDS_DISAGREE, "severity": "high", "cluster": cluster, "events": [hit.id.to_string()],
        "detail": detail, "evidence": link_json::evidence(&loaded, hit.id),
    });
    send(Told::of(line, &[hit.id]))
}

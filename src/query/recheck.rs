//! All links of a store made again from the raw records, without the index, and compared with those that the index's look-ups give.
//!
//! The log is read from its first entry to its last, records are put together to events by what they say of themselves, and the rules ask a table of keys in
//! memory (`memory`). A window of events is looked at at a time, and of the log only what their rules ask for is kept, so that memory is bounded. Inside: both ways,
//! and the comparison. Not here: whether the bytes are those that were signed (`evidence::verify`), a single testimony (`relink`).

use super::answer::AnswerError;
use super::cache;
use super::engine::{Engine, View};
use super::linked::{Store, failed};
use super::load::{self, Joint, RECORD_BYTES_MAX};
use super::memory::{Asked, Memory, Table};
use crate::correlate::{self, By, Case, Events, Failed};
use crate::evidence::{EvidenceError, Reader};
use crate::index::{Hit, Places};
use crate::model::{Event, EventId, Finding, Link, RecordRef, Source};
use crate::normalise::Keys;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

/// Events whose links are compared at a time.
const WINDOW_EVENTS: usize = 100_000;
/// Records whose places are held at a time; of a larger log the events are put together in several readings.
const GROUPED_RECORDS_MAX: u64 = 8_000_000;
/// Events that share one question's memory of look-ups.
const CASE_EVENTS: usize = 256;
/// Readings of the log for keys that nobody had asked for before; the links of what asks for more are left undecided.
const ROUNDS_MAX: usize = 8;

/// What looking again gave.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Rechecked {
    /// Events that were looked at.
    pub events: u64,
    /// Links and findings that came out both ways the same.
    pub same: u64,
    /// Differences.
    pub differences: u64,
    /// Events about which nothing could be said.
    pub undecided: u64,
}

/// What the rules say of an event: its links and findings.
#[derive(Debug, Default, PartialEq)]
struct Told {
    links: Vec<Link>,
    findings: Vec<Finding>,
}

type Fingerprint = [u8; 32];

impl Told {
    fn of(case: &Case<'_>, event: &Arc<Event>) -> Result<Told, Failed> {
        let mut told = Told::default();
        let found = correlate::cause(case, event)?;
        told.findings.extend(correlate::unattributed(case, event, &found)?);
        told.findings.extend(correlate::reused(case, event)?);
        told.links.extend(correlate::stages(event));
        told.links.extend(found.link);
        told.links.extend(correlate::rests_on(case, event)?.into_iter().filter_map(|ground| ground.link));
        told.links.extend(correlate::effects(case, event)?.into_iter().map(|(_, link)| link));
        Ok(told)
    }

    /// Links by what they connect, findings by what they are.
    fn lines(&self) -> BTreeMap<String, Vec<String>> {
        let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for link in &self.links {
            let what = format!("link {} (version {}) from {} to {}", link.rule, link.version, link.from, link.to);
            lines.entry(what).or_default().push(said(link));
        }
        for finding in &self.findings {
            lines.entry(format!("finding {}", finding.finding)).or_default().push(format!("{finding:?}"));
        }
        lines
    }

    fn len(&self) -> u64 {
        u64::try_from(self.links.len().saturating_add(self.findings.len())).unwrap_or(u64::MAX)
    }

    fn fingerprint(&self) -> Fingerprint {
        Sha256::digest(format!("{self:?}").as_bytes()).into()
    }
}

fn said(link: &Link) -> String {
    let ids = |ids: &[EventId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let keys: Vec<String> =
        link.keys.iter().map(|key| format!("{}: {:?}/{:?} {}", key.name, key.from, key.to, key.agrees)).collect();
    format!(
        "{}, keys {keys:?}, {} ms, clocks {:?}, {} candidates {:?}, support {:?}, missing {:?}",
        link.class.name(),
        link.delta_ms,
        link.clock_us,
        link.candidate_count,
        ids(&link.candidates),
        ids(&link.support),
        link.missing
    )
}

/// Makes the links of all events of a time again, and compares. `progress` gets how many events of how many are done, `sink` a sentence for each difference.
pub fn recheck(
    engine: &Engine,
    (since, until): (Option<i64>, Option<i64>),
    progress: &mut dyn FnMut(u64, u64),
    sink: &mut dyn FnMut(String),
) -> Result<Rechecked, AnswerError> {
    let view = engine.view(None);
    let log = Log::read(&view.reader, view.searcher.covers().min(view.reader.size()))?;
    let asked_for =
        |hit: &Hit| since.is_none_or(|since| hit.when >= since) && until.is_none_or(|until| hit.when < until);
    let mut total = 0u64;
    log.each(&mut |hit| {
        total += u64::from(asked_for(&hit));
        Ok(())
    })?;
    let mut rechecked = Rechecked::default();
    let mut after: Option<(i64, EventId)> = None;
    loop {
        let mut window: BinaryHeap<(i64, EventId)> = BinaryHeap::new();
        log.each(&mut |hit| {
            let place = (hit.when, hit.id);
            let is_full = window.len() >= WINDOW_EVENTS;
            if asked_for(&hit)
                && after.is_none_or(|after| place > after)
                && !(is_full && window.peek().is_some_and(|last| place >= *last))
            {
                if is_full {
                    window.pop();
                }
                window.push(place);
            }
            Ok(())
        })?;
        let window = window.into_sorted_vec();
        after = window.last().copied();
        if window.is_empty() {
            return Ok(rechecked);
        }
        let ids: Vec<EventId> = window.into_iter().map(|(_, id)| id).collect();
        let mut tick = |done: u64| progress(done, total.saturating_mul(2));
        Window { view: &view, log: &log }.compare(&ids, &mut rechecked, &mut tick, sink)?;
    }
}

/// Some of the events, both ways.
struct Window<'w> {
    view: &'w View,
    log: &'w Log,
}

impl Window<'_> {
    fn compare(
        &self,
        ids: &[EventId],
        rechecked: &mut Rechecked,
        tick: &mut dyn FnMut(u64),
        sink: &mut dyn FnMut(String),
    ) -> Result<(), AnswerError> {
        let before = rechecked.events.saturating_mul(2);
        let mut by_index: HashMap<EventId, Option<(Fingerprint, u64)>> = HashMap::new();
        let mut asked = Asked::default();
        for chunk in ids.chunks(CASE_EVENTS) {
            by_index.extend(
                self.by_index(chunk, &mut asked)?
                    .into_iter()
                    .map(|(id, told)| (id, told.map(|told| (told.fingerprint(), told.len())))),
            );
            tick(before.saturating_add(u64::try_from(by_index.len()).unwrap_or(0)));
        }
        let mut left: Vec<EventId> = ids.to_vec();
        for _ in 0..ROUNDS_MAX {
            let (table, hits) = self.log.table(&asked)?;
            let mut beyond = Asked::default();
            let mut again = Vec::new();
            for chunk in left.chunks(CASE_EVENTS) {
                let (told, more) = self.by_records(chunk, &table, &hits, &asked)?;
                if !more.is_empty() {
                    beyond.merge(more);
                    again.extend_from_slice(chunk);
                    continue;
                }
                for (id, told) in told {
                    rechecked.events += 1;
                    match by_index.get(&id).copied().flatten() {
                        Some((fingerprint, _)) if fingerprint == told.fingerprint() => rechecked.same += told.len(),
                        Some(_) => {
                            let mut ignored = Asked::default();
                            let other = self.by_index(&[id], &mut ignored)?.pop().and_then(|(_, told)| told);
                            rechecked.differences += differences(id, &other.unwrap_or_default(), &told, sink);
                        }
                        None => {
                            rechecked.differences += 1;
                            sink(format!("event {id}: its records are in the log, and the index does not find them"));
                        }
                    }
                }
                tick(before.saturating_add(u64::try_from(ids.len()).unwrap_or(0)).saturating_add(rechecked.events));
            }
            left = again;
            if left.is_empty() {
                return Ok(());
            }
            asked.merge(beyond);
        }
        let count = u64::try_from(left.len()).unwrap_or(u64::MAX);
        rechecked.events += count;
        rechecked.undecided += count;
        Ok(())
    }

    /// What the rules say with the index's look-ups; `None` for an event that it does not find.
    fn by_index(&self, ids: &[EventId], asked: &mut Asked) -> Result<Vec<(EventId, Option<Told>)>, AnswerError> {
        let store = Store::new(self.view)?;
        let heard = Heard { events: &store, asked: RefCell::new(std::mem::take(asked)) };
        let case = Case::new(&heard);
        let mut all = Vec::new();
        for id in ids {
            let told = match self.view.searcher.find(*id)? {
                Some(hit) => match store.event(&hit) {
                    Ok(event) => Some(Told::of(&case, &event).map_err(failed)?),
                    Err(AnswerError::Lost { .. } | AnswerError::Evidence(EvidenceError::Pruned { .. })) => None,
                    Err(error) => return Err(error),
                },
                None => None,
            };
            all.push((*id, told));
        }
        drop(case);
        *asked = heard.asked.into_inner();
        Ok(all)
    }

    /// What they say with a table of the records alone, and what the table lacks for it.
    fn by_records(
        &self,
        ids: &[EventId],
        table: &Table,
        hits: &HashMap<EventId, Hit>,
        asked: &Asked,
    ) -> Result<(Vec<(EventId, Told)>, Asked), AnswerError> {
        let fetch = |id: EventId| -> Result<Arc<Event>, Failed> {
            let hit = match hits.get(&id) {
                Some(hit) => hit.clone(),
                None => self.log.hit(id)?.ok_or_else(|| AnswerError::Unknown { name: id.to_string() })?,
            };
            Ok(self.log.events.event(&self.log.reader, &hit)?)
        };
        let memory = Memory::new(table, Some(asked), &fetch);
        let case = Case::new(&memory);
        let mut all = Vec::new();
        for id in ids {
            let event = fetch(*id).map_err(failed)?;
            all.push((*id, Told::of(&case, &event).map_err(failed)?));
        }
        drop(case);
        let beyond = memory.beyond();
        Ok((all, beyond))
    }
}

/// Says each difference; gives how many there are.
fn differences(id: EventId, by_index: &Told, by_records: &Told, sink: &mut dyn FnMut(String)) -> u64 {
    let (index, records) = (by_index.lines(), by_records.lines());
    let mut count = 0;
    let mut say = |line: String| {
        count += 1;
        sink(format!("event {id}: {line}"));
    };
    for (what, said) in &index {
        match records.get(what) {
            None => say(format!("{what}: the index's look-ups give it, the records do not: {}", said.join("; "))),
            Some(other) if other != said => {
                say(format!("{what}: by the index {}; by the records {}", said.join("; "), other.join("; ")));
            }
            Some(_) => {}
        }
    }
    for (what, said) in records.iter().filter(|(what, _)| !index.contains_key(*what)) {
        say(format!("{what}: the records give it, the index's look-ups do not: {}", said.join("; ")));
    }
    if count == 0 {
        sink(format!("event {id}: the same links in another order"));
        count = 1;
    }
    count
}

/// Look-ups that note what is asked for.
struct Heard<'s, 'v> {
    events: &'s Store<'v>,
    asked: RefCell<Asked>,
}

impl Events for Heard<'_, '_> {
    fn with_key(&self, key: &str, since: i64, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.asked.borrow_mut().key(key);
        self.events.with_key(key, since, until, limit)
    }

    fn latest(&self, key: &str, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.asked.borrow_mut().key(key);
        self.events.latest(key, until, limit)
    }

    fn endings(&self, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, Failed> {
        self.asked.borrow_mut().prefix(prefix);
        self.events.endings(prefix, limit)
    }

    fn with_value(&self, by: By, value: &str, since: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.asked.borrow_mut().value(by, value);
        self.events.with_value(by, value, since, limit)
    }

    fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed> {
        self.events.span(source)
    }
}

type Groups = HashMap<EventId, (i64, Places)>;

/// The events of a log, put together from its records alone.
struct Log {
    reader: Reader,
    size: u64,
    parts: u64,
    /// All of them, where they are few enough.
    kept: Option<Groups>,
    events: cache::Events,
}

impl Log {
    fn read(reader: &Reader, size: u64) -> Result<Log, AnswerError> {
        let mut records = 0u64;
        for leaf in 0..size {
            records = records.saturating_add(u64::from(reader.entry(leaf)?.header.records));
        }
        let parts = records / GROUPED_RECORDS_MAX + 1;
        let mut log = Log { reader: reader.clone(), size, parts, kept: None, events: cache::Events::default() };
        if parts == 1 {
            log.kept = Some(log.group(0)?);
        }
        Ok(log)
    }

    /// Calls back with each event, in no order.
    fn each(&self, each: &mut dyn FnMut(Hit) -> Result<(), AnswerError>) -> Result<(), AnswerError> {
        let mut tell = |groups: &Groups| {
            groups
                .iter()
                .try_for_each(|(id, (when, places))| each(Hit { id: *id, when: *when, places: places.clone() }))
        };
        match &self.kept {
            Some(groups) => tell(groups),
            None => (0..self.parts).try_for_each(|part| tell(&self.group(part)?)),
        }
    }

    /// One event.
    fn hit(&self, id: EventId) -> Result<Option<Hit>, AnswerError> {
        let of =
            |groups: &Groups| groups.get(&id).map(|(when, places)| Hit { id, when: *when, places: places.clone() });
        match &self.kept {
            Some(groups) => Ok(of(groups)),
            None => Ok(of(&self.group(self.part(id))?)),
        }
    }

    /// The events that are asked for, under their keys.
    fn table(&self, asked: &Asked) -> Result<(Table, HashMap<EventId, Hit>), AnswerError> {
        let (mut table, mut hits) = (Table::default(), HashMap::new());
        self.each(&mut |hit| {
            let event = self.events.event(&self.reader, &hit)?;
            if table.add(&event, Some(asked)) {
                hits.insert(hit.id, hit);
            }
            Ok(())
        })?;
        table.order();
        Ok((table, hits))
    }

    fn part(&self, id: EventId) -> u64 {
        u64::try_from(u128::from_be_bytes(id.0) % u128::from(self.parts.max(1))).unwrap_or(0)
    }

    /// The events of one part of all ids.
    fn group(&self, part: u64) -> Result<Groups, AnswerError> {
        let mut groups = Groups::new();
        let mut ends: HashMap<Joint, Ended> = HashMap::new();
        let mut keys = Keys::default();
        for leaf in 0..self.size {
            let entry = self.reader.entry(leaf)?;
            let header = &entry.header;
            for record in 0..header.records {
                let at = RecordRef { leaf, record };
                let bytes = match self.reader.record(at) {
                    Ok(bytes) => bytes,
                    Err(EvidenceError::Redacted { .. } | EvidenceError::Pruned { .. }) => continue,
                    Err(error) => return Err(error.into()),
                };
                let is_last = record.checked_add(1) == Some(header.records);
                let before = if record == 0 && header.continues { ends.remove(&Joint::start(header)) } else { None };
                let continues_nothing = record == 0 && header.continues && before.is_none();
                let mut ended = before.unwrap_or_default();
                // It was taken for finished, and is not.
                if let Some(id) = ended.id.take() {
                    self.forget(&mut groups, id, &ended.parts)?;
                }
                ended.parts.push(at);
                let goes_on = is_last && header.goes_on;
                if !goes_on && !continues_nothing {
                    let key = match ended.parts.as_slice() {
                        [_] => keys.key(header.kind, load::context(&entry), &bytes),
                        parts => {
                            let whole = load::records(&self.reader, &Places::of(parts)?)?;
                            let Some(whole) = whole.first() else { continue };
                            keys.key(header.kind, whole.context(), &whole.bytes)
                        }
                    };
                    // A record that cannot be read has no links.
                    if let Some(key) = key.ok().filter(|_| bytes.len() <= RECORD_BYTES_MAX)
                        && self.part(key.id) == part
                    {
                        let group = groups.entry(key.id).or_insert((key.when.nanos, Places::new()));
                        for part in &ended.parts {
                            group.1.push(*part)?;
                        }
                        ended.id = Some(key.id);
                    }
                }
                if is_last {
                    ends.insert(Joint::end(header), ended);
                }
            }
        }
        Ok(groups)
    }

    fn forget(&self, groups: &mut Groups, id: EventId, parts: &[RecordRef]) -> Result<(), AnswerError> {
        let Some((_, places)) = groups.get(&id) else { return Ok(()) };
        let left: Vec<RecordRef> = places.iter().filter(|at| !parts.contains(at)).collect();
        if left.is_empty() {
            groups.remove(&id);
        } else if let Some(group) = groups.get_mut(&id) {
            group.1 = Places::of(&left)?;
        }
        Ok(())
    }
}

/// The last record of a batch, which another batch may go on with.
#[derive(Default)]
struct Ended {
    parts: Vec<RecordRef>,
    /// The event that it was taken for.
    id: Option<EventId>,
}

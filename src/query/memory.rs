//! Events in memory, as correlation asks for them: the second way to every look-up, without the index.
//!
//! Inside: their keys, in order, and which of the keys are kept. Not here: where the events come from (`relink`, `recheck`), what the keys are (`correlate`).

use crate::correlate::{By, Events, Failed, keys};
use crate::model::{Event, EventId, Source};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

type Row = (i64, EventId);

/// Gives an event that was kept.
pub type Fetch<'f> = dyn Fn(EventId) -> Result<Arc<Event>, Failed> + 'f;

/// What was asked for: which keys, whose endings, which values of fields.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Asked {
    keys: HashSet<String>,
    prefixes: HashSet<String>,
    lengths: BTreeSet<usize>,
    values: HashSet<(By, String)>,
}

impl Asked {
    /// Notes a key; false when it was there.
    pub fn key(&mut self, key: &str) -> bool {
        !self.keys.contains(key) && self.keys.insert(key.to_owned())
    }

    /// Notes a prefix; false when it was there.
    pub fn prefix(&mut self, prefix: &str) -> bool {
        self.lengths.insert(prefix.len());
        !self.prefixes.contains(prefix) && self.prefixes.insert(prefix.to_owned())
    }

    /// Notes a value of a field; false when it was there.
    pub fn value(&mut self, by: By, value: &str) -> bool {
        self.values.insert((by, value.to_owned()))
    }

    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty() && self.values.is_empty()
    }

    /// Adds what else was asked for.
    pub fn merge(&mut self, other: Asked) {
        self.keys.extend(other.keys);
        self.prefixes.extend(other.prefixes);
        self.lengths.extend(other.lengths);
        self.values.extend(other.values);
    }

    fn holds(&self, key: &str) -> bool {
        let prefixed =
            || self.lengths.iter().any(|length| key.get(..*length).is_some_and(|start| self.prefixes.contains(start)));
        self.keys.contains(key) || prefixed()
    }
}

/// The keys of events, in the order in which the index would tell them.
#[derive(Debug, Default)]
pub struct Table {
    by_key: BTreeMap<String, Vec<Row>>,
    by_value: HashMap<(By, String), Vec<Row>>,
    spans: HashMap<Source, (i64, i64)>,
}

impl Table {
    /// Adds an event; with `asked`, only under what is asked for. Says whether it is kept under anything.
    pub fn add(&mut self, event: &Event, asked: Option<&Asked>) -> bool {
        let at = event.when.event.nanos;
        let span = self.spans.entry(event.source).or_insert((at, at));
        *span = (span.0.min(at), span.1.max(at));
        let row = (at, event.id);
        let mut kept = false;
        keys(event, &mut |key| {
            if asked.is_none_or(|asked| asked.holds(key)) {
                self.by_key.entry(key.to_owned()).or_default().push(row);
                kept = true;
            }
        });
        for by in By::EACH {
            by.values(event, &mut |value| {
                let value = (by, value.to_owned());
                if asked.is_none_or(|asked| asked.values.contains(&value)) {
                    self.by_value.entry(value).or_default().push(row);
                    kept = true;
                }
            });
        }
        kept
    }

    /// Puts everything in order; to be called when all events are there.
    pub fn order(&mut self) {
        for rows in self.by_key.values_mut().chain(self.by_value.values_mut()) {
            rows.sort_unstable();
            rows.dedup();
        }
    }
}

/// A table with its events.
pub struct Memory<'f> {
    table: &'f Table,
    fetch: &'f Fetch<'f>,
    /// What the table was made for; `None`: everything.
    asked: Option<&'f Asked>,
    beyond: RefCell<Asked>,
}

impl<'f> Memory<'f> {
    /// A table; `asked` says what it was made for.
    pub fn new(table: &'f Table, asked: Option<&'f Asked>, fetch: &'f Fetch<'f>) -> Memory<'f> {
        Memory { table, fetch, asked, beyond: RefCell::default() }
    }

    /// What was asked for and was not made for.
    pub fn beyond(&self) -> Asked {
        self.beyond.borrow().clone()
    }

    fn rows(&self, key: &str) -> &[Row] {
        if self.asked.is_some_and(|asked| !asked.holds(key)) {
            self.beyond.borrow_mut().key(key);
        }
        self.table.by_key.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    fn events<'r>(&self, rows: impl Iterator<Item = &'r Row>, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        rows.take(limit).map(|(_, id)| (self.fetch)(*id)).collect()
    }
}

impl Events for Memory<'_> {
    fn with_key(&self, key: &str, since: i64, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.events(self.rows(key).iter().filter(|(at, _)| (since..=until).contains(at)), limit)
    }

    fn latest(&self, key: &str, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.events(self.rows(key).iter().rev().filter(|(at, _)| *at <= until), limit)
    }

    fn endings(&self, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, Failed> {
        if self.asked.is_some_and(|asked| !asked.prefixes.contains(prefix)) {
            self.beyond.borrow_mut().prefix(prefix);
        }
        let behind = self.table.by_key.range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        let found = behind.map_while(|(key, rows)| Some((key.strip_prefix(prefix)?.to_owned(), rows.first()?.0)));
        Ok(found.take(limit).collect())
    }

    fn with_value(&self, by: By, value: &str, since: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        let asked = (by, value.to_owned());
        if self.asked.is_some_and(|made_for| !made_for.values.contains(&asked)) {
            self.beyond.borrow_mut().value(by, value);
        }
        let rows = self.table.by_value.get(&asked).into_iter().flatten();
        self.events(rows.filter(|(at, _)| *at >= since), limit)
    }

    fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed> {
        Ok(self.table.spans.get(&source).copied())
    }
}

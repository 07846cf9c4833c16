//! One question about links: the events it may ask for, and what it has been told already.
//!
//! Links are computed when somebody asks, from the events as they are then, and never stored (`docs/adr/0007`). Not here: the rules.

use super::clock::Offset;
use super::container::InPod;
use super::keys::MINUTE_NS;
use super::session::Exec;
use crate::model::{Event, EventId, Source};
use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

/// Events that one look-up returns at most; a rule that meets the limit knows that it has not seen all.
pub const FOUND_MAX: usize = 1_024;
/// Events that are asked for what a thing is called: it is named again and again as long as it lives, and the first to do so decide.
pub const NAMERS_MAX: usize = 16;

/// Why a look-up failed: the index or the evidence could not be read.
pub type Failed = Box<dyn Error + Send + Sync>;

/// The fields by whose values events are looked up without a join key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// `how.audit_id`
    AuditId,
    /// `who.credential`
    Credential,
    /// `what.object.inode`
    Inode,
}

impl By {
    /// All of them.
    pub const EACH: [By; 3] = [By::AuditId, By::Credential, By::Inode];

    /// The field's name.
    pub fn field(self) -> &'static str {
        match self {
            By::AuditId => "how.audit_id",
            By::Credential => "who.credential",
            By::Inode => "what.object.inode",
        }
    }

    /// Calls back with each value that an event has.
    pub fn values(self, event: &Event, each: &mut dyn FnMut(&str)) {
        match self {
            By::AuditId => event.how.audit_id.iter().for_each(|id| each(id)),
            By::Credential => event.who.credential.iter().for_each(|credential| each(credential)),
            By::Inode => {
                let all = event.what.object.iter().chain(&event.what.objects);
                all.filter_map(|object| object.inode.as_deref()).for_each(each);
            }
        }
    }
}

/// Where events are looked up. Every answer depends on the set of records alone.
pub trait Events {
    /// Events with a join key, from `since` to `until` (ns, both included), oldest first and by id, the first `limit`.
    fn with_key(&self, key: &str, since: i64, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed>;
    /// Whether no event has a join key from `since` to `until` (ns, both included).
    fn none(&self, key: &str, since: i64, until: i64) -> Result<bool, Failed> {
        Ok(self.with_key(key, since, until, 1)?.is_empty())
    }
    /// Events with a join key at or before `until`, newest first, the first `limit`.
    fn latest(&self, key: &str, until: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed>;
    /// What follows `prefix` in the join keys that there are, and the time (ns) of the first event of each; the first `limit`.
    fn endings(&self, prefix: &str, limit: usize) -> Result<Vec<(String, i64)>, Failed>;
    /// Events with a value in one of the fields that are looked up as they are, from `since` (ns) on, oldest first, the first `limit`.
    fn with_value(&self, by: By, value: &str, since: i64, limit: usize) -> Result<Vec<Arc<Event>>, Failed>;
    /// Times of the first and the last event of a source.
    fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed>;
}

type Several = Rc<Vec<Arc<Event>>>;
/// The sessions of the API server, and those of the kubelet.
type BothSides = (Vec<EventId>, Vec<EventId>);
type Endings = Rc<Vec<(String, i64)>>;

/// A question in progress.
pub struct Case<'e> {
    events: &'e dyn Events,
    found: RefCell<HashMap<(String, i64, i64, usize), Several>>,
    last: RefCell<HashMap<(String, i64, usize), Several>>,
    endings: RefCell<HashMap<String, Endings>>,
    spans: RefCell<HashMap<Source, Option<(i64, i64)>>>,
    pub(super) execs: RefCell<HashMap<EventId, Rc<Exec>>>,
    /// By the lives that they were looked for in.
    pub(super) pods: RefCell<HashMap<Vec<String>, Rc<InPod>>>,
    /// By the sessions that tell it: the API server's and the kubelet's.
    pub(super) offsets: RefCell<HashMap<BothSides, Offset>>,
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({} look-ups)", self.found.borrow().len() + self.last.borrow().len())
    }
}

impl<'e> Case<'e> {
    /// A question to these events.
    pub fn new(events: &'e dyn Events) -> Case<'e> {
        Case {
            events,
            found: RefCell::default(),
            last: RefCell::default(),
            endings: RefCell::default(),
            spans: RefCell::default(),
            execs: RefCell::default(),
            pods: RefCell::default(),
            offsets: RefCell::default(),
        }
    }

    /// As [`Events::with_key`], asked once.
    pub fn with_key(&self, key: String, since: i64, until: i64) -> Result<Rc<Vec<Arc<Event>>>, Failed> {
        self.some(key, since, until, FOUND_MAX)
    }

    /// As [`Events::none`].
    pub fn none(&self, key: &str, since: i64, until: i64) -> Result<bool, Failed> {
        self.events.none(key, since, until)
    }

    fn some(&self, key: String, since: i64, until: i64, limit: usize) -> Result<Several, Failed> {
        let asked = (key, since, until, limit);
        if let Some(found) = self.found.borrow().get(&asked) {
            return Ok(Rc::clone(found));
        }
        let mut found = self.events.with_key(&asked.0, since, until, limit)?;
        found.sort_by_key(|event| order(event));
        let found = Rc::new(found);
        self.found.borrow_mut().insert(asked, Rc::clone(&found));
        Ok(found)
    }

    /// Events whose join key names their minute: those of a window, from the whole of its minutes, which are asked once. As many as `FOUND_MAX`, or more: not
    /// all of them.
    pub fn in_minutes(&self, key: &dyn Fn(i64) -> String, since: i64, until: i64) -> Result<Vec<Arc<Event>>, Failed> {
        let mut found = Vec::new();
        for minute in since.div_euclid(MINUTE_NS)..=until.div_euclid(MINUTE_NS) {
            let start = minute.saturating_mul(MINUTE_NS);
            let all = self.with_key(key(start), start, start.saturating_add(MINUTE_NS - 1))?;
            let within = |event: &&Arc<Event>| (since..=until).contains(&event.when.event.nanos);
            // What was cut off may lie in the window.
            let cut = all.len() >= FOUND_MAX;
            found.extend(all.iter().filter(|event| cut || within(event)).cloned());
        }
        Ok(found)
    }

    /// All events with a join key, whenever.
    pub fn all(&self, key: String) -> Result<Rc<Vec<Arc<Event>>>, Failed> {
        self.with_key(key, i64::MIN, i64::MAX)
    }

    /// The first few events with a join key ([`NAMERS_MAX`]).
    pub fn first(&self, key: String) -> Result<Rc<Vec<Arc<Event>>>, Failed> {
        self.some(key, i64::MIN, i64::MAX, NAMERS_MAX)
    }

    /// As [`Events::latest`], asked once.
    pub fn latest(&self, key: String, until: i64, limit: usize) -> Result<Rc<Vec<Arc<Event>>>, Failed> {
        let asked = (key, until, limit);
        if let Some(found) = self.last.borrow().get(&asked) {
            return Ok(Rc::clone(found));
        }
        let found = Rc::new(self.events.latest(&asked.0, until, limit)?);
        self.last.borrow_mut().insert(asked, Rc::clone(&found));
        Ok(found)
    }

    /// All events with a join key, oldest first, a page at a time: for what is listed, not for what is decided.
    pub fn every(&self, key: &str, max: usize) -> Result<Vec<Arc<Event>>, Failed> {
        let mut all: Vec<Arc<Event>> = Vec::new();
        let mut since = i64::MIN;
        loop {
            let page = self.events.with_key(key, since, i64::MAX, FOUND_MAX)?;
            let whole = page.len() < FOUND_MAX;
            let last = page.last().map_or(i64::MAX, |event| event.when.event.nanos);
            let known = all.len();
            for event in page {
                if !all.iter().rev().take(FOUND_MAX).any(|other| other.id == event.id) {
                    all.push(event);
                }
            }
            if whole || all.len() >= max || all.len() == known {
                return Ok(all);
            }
            since = last;
        }
    }

    /// As [`Events::endings`], asked once; a prefix has one limit.
    pub fn endings(&self, prefix: String, limit: usize) -> Result<Endings, Failed> {
        if let Some(found) = self.endings.borrow().get(&prefix) {
            return Ok(Rc::clone(found));
        }
        let found = Rc::new(self.events.endings(&prefix, limit)?);
        self.endings.borrow_mut().insert(prefix, Rc::clone(&found));
        Ok(found)
    }

    /// Requests with an Audit-ID, the first [`FOUND_MAX`].
    pub fn with_audit_id(&self, id: &str) -> Result<Vec<Arc<Event>>, Failed> {
        self.events.with_value(By::AuditId, id, i64::MIN, FOUND_MAX)
    }

    /// Events about the file with this inode, on any node, from `since` (ns) on, the first [`FOUND_MAX`].
    pub fn with_inode(&self, inode: &str, since: i64) -> Result<Vec<Arc<Event>>, Failed> {
        self.events.with_value(By::Inode, inode, since, FOUND_MAX)
    }

    /// Requests that were made with a credential, the first `limit`.
    pub fn with_credential(&self, credential: &str, limit: usize) -> Result<Vec<Arc<Event>>, Failed> {
        self.events.with_value(By::Credential, credential, i64::MIN, limit)
    }

    /// The last program that process `pid` of the event's node started before the event.
    pub fn program(&self, event: &Event, pid: u32) -> Result<Option<Arc<Event>>, Failed> {
        let at = event.when.event.nanos;
        let mut until = at;
        loop {
            let last = self.latest(super::keys::process(event, pid), until, 1)?;
            let Some(last) = last.first() else { return Ok(None) };
            // The kernel gives many events one stamp: within it, its serial orders them.
            let stamp = last.when.event.nanos;
            let same = self.with_key(super::keys::process(event, pid), stamp, stamp)?;
            let before = same.iter().rev().find(|other| other.id != event.id && order(other) < order(event));
            match before {
                Some(before) => return Ok(Some(Arc::clone(before))),
                None if stamp == i64::MIN => return Ok(None),
                None => until = stamp - 1,
            }
        }
    }

    /// Whether a source was recorded from before `since` until after `until`.
    pub fn covers(&self, source: Source, since: i64, until: i64) -> Result<bool, Failed> {
        Ok(self.span(source)?.is_some_and(|(first, last)| first <= since && last >= until))
    }

    /// Whether something is known to have been lost between two times.
    pub fn lost(&self, since: i64, until: i64) -> Result<bool, Failed> {
        Ok(!self.with_key(super::keys::GAP.to_owned(), since, until)?.is_empty())
    }

    /// Whether the kernel of the event's node recorded the same things all the time, as far as it says so itself: its audit rules were not changed,
    /// auditing was not switched, nothing is known to be lost.
    pub fn steady(&self, event: &Event, since: i64, until: i64) -> Result<bool, Failed> {
        let changed = self.some(super::keys::audit_changed(event), since, until, 1)?;
        Ok(changed.is_empty() && !self.lost(since, until)?)
    }

    /// Times of the first and the last event of a source.
    pub fn span(&self, source: Source) -> Result<Option<(i64, i64)>, Failed> {
        if let Some(span) = self.spans.borrow().get(&source) {
            return Ok(*span);
        }
        let span = self.events.span(source)?;
        self.spans.borrow_mut().insert(source, span);
        Ok(span)
    }
}

/// The order of events on a node: by stamp, and by the kernel's serial within one.
pub fn order(event: &Event) -> (i64, u64, EventId) {
    (event.when.event.nanos, event.how.serial.unwrap_or(0), event.id)
}

#[cfg(test)]
pub mod stub {
    use super::*;

    /// No event that can be read; keys and times of some, and how often it was asked whether there is none.
    #[derive(Default)]
    pub struct Times {
        pub at: Vec<(String, i64)>,
        pub asked: RefCell<usize>,
    }

    impl Events for Times {
        fn with_key(&self, _: &str, _: i64, _: i64, _: usize) -> Result<Vec<Arc<Event>>, Failed> {
            Ok(Vec::new())
        }

        fn none(&self, key: &str, since: i64, until: i64) -> Result<bool, Failed> {
            *self.asked.borrow_mut() += 1;
            Ok(!self.at.iter().any(|(other, at)| other == key && (since..=until).contains(at)))
        }

        fn latest(&self, _: &str, _: i64, _: usize) -> Result<Vec<Arc<Event>>, Failed> {
            Ok(Vec::new())
        }

        fn endings(&self, _: &str, _: usize) -> Result<Vec<(String, i64)>, Failed> {
            Ok(Vec::new())
        }

        fn with_value(&self, _: By, _: &str, _: i64, _: usize) -> Result<Vec<Arc<Event>>, Failed> {
            Ok(Vec::new())
        }

        fn span(&self, _: Source) -> Result<Option<(i64, i64)>, Failed> {
            Ok(None)
        }
    }
}

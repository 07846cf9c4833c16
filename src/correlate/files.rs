//! Who wrote a file before it was read or run: by its inode, on one node.
//!
//! The kernel records that a file was opened for writing, not when it was written to, nor when it was closed: whoever had it open may have written
//! last. Rule `file-executed`. Not here: what a call wrote (`facts`), the kubelet's files (`manifest`).

use super::case::{Case, Failed, order};
use super::facts;
use super::keys;
use super::links::{Found, key, link};
use super::rules::FILE_EXECUTED;
use crate::model::{Class, Event, EventId, Link};
use std::sync::Arc;

/// Writes of one inode that are looked at, the newest.
const WRITES_MAX: usize = 64;

/// Who wrote a file.
#[derive(Debug, Default)]
pub struct Writers {
    /// The last to open it for writing, or to put it in its place.
    pub last: Option<Arc<Event>>,
    /// A write by each other login or process before, the newest first.
    pub others: Vec<EventId>,
    /// There were more than are looked at.
    pub limited: bool,
}

/// One session of a login, or one process that belongs to none.
fn actor(event: &Event) -> (Option<u32>, Option<u32>, Option<u32>) {
    match event.who.login.as_ref().filter(|login| login.auid.is_some()) {
        Some(login) => (login.auid, login.ses, None),
        None => (None, None, event.how.pid),
    }
}

/// Who wrote the file `inode` of the node of `event`, before it.
pub fn writers(case: &Case<'_>, event: &Event, inode: &str) -> Result<Writers, Failed> {
    let mut writers = Writers::default();
    let latest = case.latest(keys::inode(event, inode), event.when.event.nanos, WRITES_MAX)?;
    writers.limited = latest.len() >= WRITES_MAX;
    let mut before: Vec<&Arc<Event>> = latest.iter().filter(|write| order(write) < order(event)).collect();
    before.sort_by_key(|write| std::cmp::Reverse(order(write)));
    // An inode whose file was removed is another file's afterwards.
    let alive = before.iter().take_while(|write| facts::written(write).any(|file| file.inode == inode)).count();
    before.truncate(alive);
    let Some(last) = before.first() else { return Ok(writers) };
    let mut seen = vec![actor(last)];
    for write in before.iter().skip(1) {
        if !seen.contains(&actor(write)) {
            seen.push(actor(write));
            writers.others.push(write.id);
        }
    }
    writers.last = Some(Arc::clone(last));
    Ok(writers)
}

/// The keys of a file that `opened` names and `last` wrote.
pub fn keys_of(found: &mut Link, opened: &Event, last: &Event) {
    let object = |event: &Event| {
        event
            .what
            .object
            .as_ref()
            .map(|object| (object.inode.clone().unwrap_or_default(), object.path.clone().unwrap_or_default()))
    };
    let Some((inode, path)) = object(opened) else { return };
    let Some(written) = facts::written(last).find(|file| file.inode == inode) else { return };
    found.keys.push(key("inode", written.inode, inode.clone()));
    let as_written = written.path.unwrap_or("");
    found.keys.push(key("path", as_written, path.clone()));
    if as_written != path {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("a second key: it was written under another path".into());
    }
}

/// What other writers, and what was not recorded between the last write and `at` (ns), make of a link to the last one.
pub fn weigh(case: &Case<'_>, found: &mut Link, writers: &Writers, last: &Event, at: i64) -> Result<(), Failed> {
    if !case.steady(last, last.when.event.nanos, at)? {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("what was recorded in between: audit rules were changed, or records were lost".into());
    }
    // Numbers of devices that are no disks (overlays of containers, tmpfs) are given anew.
    if facts::written(last).next().is_some_and(|file| file.inode.starts_with("00:")) {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("a device whose number is not given anew: it is an overlay or lies in memory".into());
    }
    if !writers.others.is_empty() {
        found.class = found.class.max(Class::Consistent);
        found.support.extend(writers.others.iter().take(WRITES_MAX));
        found.missing.push(
            "when the others who had opened the file for writing before closed it: no record of the kernel says so"
                .into(),
        );
    }
    if writers.limited {
        found.class = found.class.max(Class::Consistent);
        found.missing.push(format!("older writes of the file: the newest {WRITES_MAX} are looked at").into());
    }
    Ok(())
}

/// The last write of the program that was started.
pub fn of_program(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(object) = facts::started(event).and(event.what.object.as_ref()) else { return Ok(None) };
    let Some(inode) = object.inode.as_deref() else { return Ok(None) };
    let writers = writers(case, event, inode)?;
    let Some(last) = writers.last.clone() else { return Ok(None) };
    let mut found = link(&FILE_EXECUTED, Class::Strong, &last, event);
    keys_of(&mut found, event, &last);
    weigh(case, &mut found, &writers, &last, event.when.event.nanos)?;
    Ok(Some(Found::one(&last, found)))
}

/// Programs that were started from what an event wrote.
pub fn executed(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    for written in facts::written(event) {
        let there = case.with_inode(written.inode, event.when.event.nanos)?;
        let here = |other: &&Arc<Event>| {
            other.r#where.node == event.r#where.node && other.r#where.cluster == event.r#where.cluster
        };
        into.extend(there.iter().filter(here).filter(|other| facts::started(other).is_some()).cloned());
    }
    Ok(())
}

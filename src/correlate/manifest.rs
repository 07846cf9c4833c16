//! Pods that the kubelet makes from files on its node's disk: who wrote the file, and what became of it.
//!
//! A static pod has no request of the API server at its beginning: whoever may write into the kubelet's folder runs a pod there. Rules `manifest-pod`
//! and `kubelet-pod`. Not here: who wrote a file (`files`), pods of the API server (`container`).

use super::case::{Case, FOUND_MAX, Failed, order};
use super::container::Container;
use super::facts;
use super::files::{self, Writers};
use super::keys;
use super::links::{Found, key, link};
use super::rules::{KUBELET_POD, MANIFEST_HORIZON_NS, MANIFEST_POD};
use crate::model::{Class, Event, Link, Source};
use std::sync::Arc;

/// The kubelet's line and the kernel's record of one act may be stamped so far apart, ns: the kernel's stamps are those of the last tick.
const APART_NS: i64 = 100_000_000;
/// A pod is added so long after its file was read at most, ns.
const READ_WITHIN_NS: i64 = 1_000_000_000;
/// From the kubelet's line to the runtime's or the API server's part of it, ns: images may have to come first.
const MADE_WITHIN_NS: i64 = 600_000_000_000;

/// The write of the file that a kubelet's pod came from.
pub fn of_added(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let at = event.when.event.nanos;
    let (since, until) = (at.saturating_sub(READ_WITHIN_NS), at.saturating_add(APART_NS));
    let mut read: Vec<Arc<Event>> = Vec::new();
    for opened in case.with_key(keys::kubelet_read(event), since, until)?.iter() {
        let Some(file) = facts::read_by_kubelet(opened) else { continue };
        let process =
            facts::argument(event, "thread").map(|pid| opened.how.pid.is_some_and(|own| own.to_string() == pid));
        let known = read.iter().any(|other| facts::read_by_kubelet(other).is_some_and(|one| one.inode == file.inode));
        if process != Some(false) && !known {
            read.push(Arc::clone(opened));
        }
    }
    if read.is_empty() {
        return Ok(Found::none(
            "which file the kubelet read: an audit watch with `r` on its folder of manifests shows it",
        ));
    }
    let mut causes = Vec::new();
    let mut made = None;
    for opened in &read {
        let Some(file) = facts::read_by_kubelet(opened) else { continue };
        let writers = files::writers(case, opened, file.inode)?;
        let Some(last) = writers.last.clone() else { continue };
        if made.is_none() {
            made = Some(linked(case, event, opened, &last, &writers)?);
        }
        causes.push(last);
    }
    let Some(mut found) = made else {
        return Ok(Found::none(
            "who wrote the file: no write of it was recorded; an audit watch with `w` on its folder shows it",
        ));
    };
    if read.len() > 1 {
        found.class = Class::Ambiguous;
        found.missing.push("which of several files the pod came from: they were read at the same time".into());
    }
    Ok(Found::one_of(causes, found))
}

fn linked(case: &Case<'_>, event: &Event, opened: &Event, last: &Event, writers: &Writers) -> Result<Link, Failed> {
    let mut found = link(&MANIFEST_POD, Class::Strong, last, event);
    files::keys_of(&mut found, opened, last);
    match facts::argument(event, "thread") {
        Some(process) => {
            let pid = opened.how.pid.map_or_else(String::new, |pid| pid.to_string());
            found.keys.push(key("pid of the kubelet", pid, process));
        }
        None => {
            found.class = Class::Consistent;
            found.missing.push("the number of the kubelet's process in its own line".into());
        }
    }
    if opened.when.event.nanos.saturating_sub(last.when.event.nanos) > MANIFEST_HORIZON_NS {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("what made the kubelet read the file then: it was written long before".into());
    }
    found.support.push(opened.id);
    files::weigh(case, &mut found, writers, last, opened.when.event.nanos)?;
    Ok(found)
}

/// The removal of the file that a kubelet's pod had come from.
pub fn of_removed(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let Some((namespace, pod)) = facts::manifest_gone(event) else { return Ok(Found::none("it names no pod")) };
    let node = event.r#where.node.clone().unwrap_or_default();
    let at = event.when.event.nanos;
    let told = case.latest(keys::manifest_pod(event, &node, namespace, pod), at, 1)?;
    let Some(added) = told.first() else { return Ok(Found::none("the kubelet's own line of when it got the pod")) };
    let came = of_added(case, added)?;
    let (Some(write), Some(came)) = (&came.cause, &came.link) else { return Ok(Found::none(came.missing.join("; "))) };
    let Some(file) = facts::written(write).next() else { return Ok(Found::none("the file that the pod came from")) };
    let until = at.saturating_add(APART_NS);
    let mut gone: Vec<Arc<Event>> = case
        .latest(keys::inode(event, file.inode), until, FOUND_MAX)?
        .iter()
        .filter(|gone| order(gone) > order(write) && facts::unlinked(gone).any(|other| other.inode == file.inode))
        .cloned()
        .collect();
    gone.sort_by_key(|gone| order(gone));
    let Some(last) = gone.pop() else {
        return Ok(Found::none("who removed the file: an audit watch with `w` on its folder shows it"));
    };
    let mut found = link(&MANIFEST_POD, came.class.max(Class::Strong), &last, event);
    found.keys.push(key("inode", file.inode, file.inode));
    found.support = vec![added.id, write.id];
    found.missing.clone_from(&came.missing);
    if at.saturating_sub(last.when.event.nanos) > MANIFEST_HORIZON_NS {
        found.class = found.class.max(Class::Consistent);
        found.missing.push("what made the kubelet look then: the file was removed long before".into());
    }
    Ok(Found::one(&last, found))
}

/// What a kubelet did for a pod of its own: the sandbox, as the runtime tells, or the pod at the API server.
pub fn of_made(
    case: &Case<'_>,
    event: &Arc<Event>,
    node: &str,
    namespace: &str,
    pod: &str,
) -> Result<Option<Found>, Failed> {
    let at = event.when.event.nanos;
    let until = at.saturating_add(APART_NS);
    let told = case.latest(keys::manifest_pod(event, node, namespace, pod), until, 2)?;
    let Some(added) = told.first().filter(|added| at.saturating_sub(added.when.event.nanos) <= MADE_WITHIN_NS) else {
        return Ok(None);
    };
    let mut found = link(&KUBELET_POD, Class::Strong, added, event);
    found.keys.push(key("node", added.r#where.node.clone().unwrap_or_default(), node));
    found.keys.push(key("pod", format!("{namespace}/{pod}"), format!("{namespace}/{pod}")));
    Ok(Some(Found::one(added, found)))
}

/// The kubelet's line behind a container of a pod that no API server made.
pub fn of_container(case: &Case<'_>, event: &Arc<Event>, known: &Container) -> Result<Option<Found>, Failed> {
    let names = &known.names;
    let from_file = names.pod_uid.as_deref().is_some_and(facts::is_manifest_uid) && !known.contradicted;
    let (Some(namespace), Some(pod), true) = (&names.namespace, &names.pod, from_file) else { return Ok(None) };
    let Some(node) = event.r#where.node.clone() else { return Ok(None) };
    of_made(case, event, &node, namespace, pod)
}

/// The cause of the pod that a kubelet made at the API server for one of its own files.
pub fn of_mirror(case: &Case<'_>, event: &Arc<Event>) -> Result<Found, Failed> {
    let place = &event.r#where;
    let parts = (facts::mirrored_by(event), place.namespace.as_deref(), place.pod.as_deref());
    let (Some(node), Some(namespace), Some(pod)) = parts else { return Ok(Found::none("it names no pod")) };
    let found = of_made(case, event, node, namespace, pod)?;
    Ok(found.unwrap_or_else(|| {
        Found::none("the kubelet's own line of the pod: its log at level 2 says from which source a pod came")
    }))
}

/// What the kubelet may have made of a file, for those that are asked for their own cause.
pub fn effects(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let at = event.when.event.nanos;
    if event.source == Source::Kubelet {
        let place = &event.r#where;
        let (Some(namespace), Some(pod)) = (&place.namespace, &place.pod) else { return Ok(()) };
        let node = place.node.clone().unwrap_or_default();
        let until = at.saturating_add(MADE_WITHIN_NS);
        let mirrored = case.with_key(keys::mirror(event, &node, namespace, pod), at.saturating_sub(APART_NS), until)?;
        into.extend(mirrored.iter().cloned());
        for (life, _) in case.endings(keys::life_of(event, namespace, pod), FOUND_MAX)?.iter() {
            for (sandbox, _) in case.endings(keys::sandbox_of(life), FOUND_MAX)?.iter() {
                into.extend(case.first(keys::container(sandbox))?.iter().cloned());
            }
        }
        return Ok(());
    }
    // The kubelet looks into its folder again and again.
    for opened in case.with_key(keys::kubelet_read(event), at, at.saturating_add(MANIFEST_HORIZON_NS))?.iter() {
        let is_of = |file: facts::Written<'_>| facts::written(event).any(|written| written.inode == file.inode);
        if !facts::read_by_kubelet(opened).is_some_and(is_of) {
            continue;
        }
        let read = opened.when.event.nanos;
        let (since, until) = (read.saturating_sub(APART_NS), read.saturating_add(READ_WITHIN_NS));
        into.extend(case.with_key(keys::manifest_added(event), since, until)?.iter().cloned());
    }
    Ok(())
}

//! The right that a request was allowed by, and who gave it: `binding-permission`.
//!
//! Inside: the authorizer's reason, read; the writes of the binding that it names. Not here: the rights of roles, other grounds (`credential`).

use super::case::{Case, FOUND_MAX, Failed};
use super::keys;
use super::links::{Found, key, link};
use super::rules;
use super::writes::{self, Did, Named};
use crate::model::{Class, Event, Object, Source, Str};
use std::sync::Arc;

/// An authorizer may go by a binding for so long after it was deleted: it reads from a cache, ns.
const CACHE_NS: i64 = 10_000_000_000;

/// What the authorizer says that it went by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// `rolebindings` or `clusterrolebindings`.
    resource: &'static str,
    namespace: String,
    name: String,
    /// To whom it gives the right: kind in small letters, namespace, name.
    subject: (String, String, String),
}

impl Right {
    /// The binding.
    pub fn named(&self) -> Named<'_> {
        Named { resource: self.resource, namespace: &self.namespace, name: &self.name }
    }

    fn subject_text(&self) -> String {
        let (kind, namespace, name) = &self.subject;
        if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
    }

    fn is_to(&self, object: &Object) -> bool {
        let (kind, namespace, name) = &self.subject;
        let is = |there: &Option<Str>, wanted: &String| there.as_deref().unwrap_or("") == wanted;
        // A user's or a group's namespace means nothing.
        let same = kind != "serviceaccount" || is(&object.namespace, namespace);
        is(&object.kind, kind) && is(&object.name, name) && same
    }
}

/// The right that a request was allowed by, as `authorization.k8s.io/reason` says it.
pub fn right(event: &Event) -> Option<Right> {
    let reason = event.why.reason.as_deref().filter(|_| event.source == Source::Kubernetes)?;
    let rest = reason.strip_prefix("RBAC: allowed by ")?;
    let (resource, rest) = match rest.strip_prefix("ClusterRoleBinding ") {
        Some(rest) => ("clusterrolebindings", rest),
        None => ("rolebindings", rest.strip_prefix("RoleBinding ")?),
    };
    let (binding, rest) = quoted(rest)?;
    let (_, rest) = rest.strip_prefix(" of ")?.split_once(' ')?;
    let (_, rest) = quoted(rest)?;
    let (kind, rest) = rest.strip_prefix(" to ")?.split_once(' ')?;
    let (subject, rest) = quoted(rest)?;
    let (name, namespace) = match resource {
        "rolebindings" => binding.rsplit_once('/').map(|(name, namespace)| (name.to_owned(), namespace.to_owned()))?,
        _ => (binding, String::new()),
    };
    let kind = kind.to_lowercase();
    let subject = match kind.as_str() {
        "serviceaccount" => {
            let (name, namespace) = subject.rsplit_once('/')?;
            (kind, namespace.to_owned(), name.to_owned())
        }
        _ => (kind, String::new(), subject),
    };
    rest.is_empty().then_some(Right { resource, namespace, name, subject })
}

/// A text between quotes, as Go writes it, and what follows. Escapes of anything but quotes and backslashes are in no name.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut letters = text.strip_prefix('"')?.chars();
    loop {
        match letters.next()? {
            '"' => return Some((found, letters.as_str())),
            '\\' => match letters.next()? {
                letter @ ('"' | '\\') => found.push(letter),
                _ => return None,
            },
            letter => found.push(letter),
        }
    }
}

/// Who gave the right that a request was allowed by.
pub fn ground(case: &Case<'_>, event: &Arc<Event>) -> Result<Option<Found>, Failed> {
    let Some(right) = right(event) else { return Ok(None) };
    let before = writes::before(case, event, right.named(), None)?;
    let late = before.deleted.map(|deleted| event.when.event.nanos.saturating_sub(deleted));
    if before.life.is_empty() || late.is_some_and(|late| late > CACHE_NS) {
        return Ok(None);
    }
    let givers = givers(&before.life, before.made, &right);
    let Some(first) = givers.events.first() else { return Ok(None) };
    let decided = givers.events.len() == 1 && !givers.open && !before.limited;
    let class = match decided {
        false => Class::Ambiguous,
        true if givers.told && late.is_none() => Class::Strong,
        true => Class::Consistent,
    };
    let mut made = link(&rules::BINDING_PERMISSION, class, first, event);
    let name = writes::called(right.named());
    made.keys.push(key("binding", name.clone(), name));
    if givers.told {
        made.keys.push(key("subject", right.subject_text(), right.subject_text()));
    } else {
        made.missing.push("the subjects of each write of the binding: level RequestResponse".into());
    }
    if late.is_some() {
        made.missing.push("the binding was deleted a moment before: an authorizer reads from a cache".into());
    }
    if givers.open {
        made.missing.push("the making of the binding: it may have had this subject from its beginning".into());
    }
    if before.limited {
        made.missing.push(format!("more writes of the binding than the {FOUND_MAX} that are looked at").into());
    }
    let mut found = Found::one_of(givers.events, made);
    found.open = givers.open || before.limited;
    Ok(Some(found))
}

/// The writes by which the subject may have come into a binding.
struct Givers {
    events: Vec<Arc<Event>>,
    /// It may also have been there before the first of them.
    open: bool,
    /// Whether each of them says which subjects there were after it.
    told: bool,
}

fn givers(life: &[Arc<Event>], made: bool, right: &Right) -> Givers {
    let mut found = Givers { events: Vec::new(), open: false, told: true };
    // Whether the subject was in it before the write; a making begins with nothing.
    let mut had = made.then_some(false);
    for event in life {
        let told = writes::number(event, "subjects").is_some() && complete(event);
        let of_role = |object: &&Object| object.role.as_deref() == Some("subject");
        let has = event.what.objects.iter().filter(of_role).any(|object| right.is_to(object));
        let has = (told || has).then_some(has);
        match (had, has) {
            (_, Some(false)) => found = Givers { events: Vec::new(), open: false, told: true },
            (Some(true), Some(true)) => {}
            (Some(false), _) => found = Givers { events: vec![Arc::clone(event)], open: false, told: has.is_some() },
            (_, _) => {
                found.open |= found.events.is_empty() && !made;
                found.told &= has.is_some();
                found.events.push(Arc::clone(event));
            }
        }
        had = has;
    }
    found
}

/// Whether all subjects of a binding are among a write's objects.
fn complete(event: &Event) -> bool {
    let told = event.what.objects.iter().filter(|object| object.role.as_deref() == Some("subject")).count();
    writes::number(event, "subjects").is_some_and(|count| u64::try_from(told).is_ok_and(|told| told == count))
}

/// The requests that may rest on a write of a binding, from it on.
pub fn rested(case: &Case<'_>, event: &Arc<Event>, into: &mut Vec<Arc<Event>>) -> Result<(), Failed> {
    let Some(write) = writes::kept(event).filter(|write| write.did != Did::Deleted) else { return Ok(()) };
    if matches!(write.resource, "rolebindings" | "clusterrolebindings") {
        let namespace = write.object.namespace.as_deref().unwrap_or("");
        let named = Named { resource: write.resource, namespace, name: write.name };
        into.extend(case.with_key(keys::allowed(event, named), event.when.event.nanos, i64::MAX)?.iter().cloned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reason: &str) -> Option<(String, String, String, String)> {
        let mut event = crate::query::samples::bare(Source::Kubernetes);
        event.why.reason = Some(reason.into());
        let right = right(&event)?;
        let subject = right.subject_text();
        Some((right.resource.to_owned(), right.namespace, right.name, subject))
    }

    #[test]
    fn reasons_of_the_authorizer() {
        let told = |reason: &str| read(reason).map(|(one, two, three, four)| [one, two, three, four].join("|"));
        let reason = r#"RBAC: allowed by ClusterRoleBinding "ops" of ClusterRole "ops" to Group "ops""#;
        assert_eq!(told(reason).as_deref(), Some("clusterrolebindings||ops|group ops"));
        let reason = r#"RBAC: allowed by RoleBinding "a:b/shop" of Role "x" to ServiceAccount "web/shop""#;
        assert_eq!(told(reason).as_deref(), Some("rolebindings|shop|a:b|serviceaccount shop/web"));
        let reason = r#"RBAC: allowed by ClusterRoleBinding "a\"b" of ClusterRole "\\" to User "c\" to User \"d""#;
        assert_eq!(told(reason).as_deref(), Some("clusterrolebindings||a\"b|user c\" to User \"d"));
        for reason in [
            "",
            "RBAC: allowed by ClusterRoleBinding",
            r#"RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b""#,
            r#"RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "c" and more"#,
            r#"RBAC: allowed by RoleBinding "without" of ClusterRole "b" to User "c""#,
            r#"RBAC: allowed by ClusterRoleBinding "\x41" of ClusterRole "b" to User "c""#,
            r#"allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "c""#,
        ] {
            assert_eq!(told(reason), None, "{reason}");
        }
    }
}

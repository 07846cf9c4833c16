//! Logs of the control plane: the API server's own, the controller manager's, the scheduler's, etcd's.
//!
//! Inside: `apiserver` (audit events that it lost, failed authentication, impersonation), `manager` (leases, bindings, what controllers made), `etcd` (members,
//! users and roles). A structured message of klog is its action (`"Caches are synced"` → `caches-are-synced`) where nothing here knows it better.
//! Where a component runs in a pod, its lines are those of a container's log: `wrapped` takes them out. A continuation of a message is then a record of its own.
//! Not here: reading lines (`deponent_parsers::klog`, `deponent_parsers::etcd`), the kubelet's log (`kubelet`).

mod apiserver;
mod etcd;
mod manager;
mod wrapped;

#[cfg(test)]
mod tests;

use deponent_parsers::klog::{self, Lost, NotALine, Reading};

use super::{Bad, Context, Key, kubelet, line};
use crate::model::{AssertedBy, Event, Object, Outcome, RecordFields, RecordKind, Source};

use wrapped::Wrapped;

pub(super) use manager::occurred;

pub use etcd::{event as etcd_event, fields as etcd_fields, key as etcd_key};

/// What a record says.
enum Said<'t> {
    /// A line of klog.
    Line(Reading<'t>),
    /// An audit event that the API server lost.
    Lost(Lost<'t>),
    /// Neither.
    Other(NotALine),
}

fn read(text: &str) -> Said<'_> {
    match klog::read(text) {
        Ok(reading) => Said::Line(reading),
        Err(NotALine::Shape) => klog::lost(text).map_or(Said::Other(NotALine::Shape), Said::Lost),
        Err(error) => Said::Other(error),
    }
}

/// The event of a record. Of a request it is the beginning, although the line is written at its end.
pub fn key(context: Context<'_>, bytes: &[u8]) -> Result<Key, Bad> {
    let wrapped = Wrapped::of(bytes);
    let text = klog::text(wrapped.inner());
    match read(&text) {
        Said::Line(Reading { line, .. }) => {
            let latency = kubelet::latency(&line);
            let mut key = line::key(Source::ControlPlane, context, bytes, Some(line))?;
            key.when.nanos = key.when.nanos.saturating_sub(latency.unwrap_or(0));
            Ok(key)
        }
        Said::Lost(lost) => Ok(line::key_at(Source::ControlPlane, context, bytes, lost.received)),
        Said::Other(error) => wrapped.key(context, bytes).ok_or_else(|| Bad {
            kind: if matches!(error, NotALine::Time(_)) { "no-time" } else { line::NOT_A_LINE },
            detail: error.to_string(),
        }),
    }
}

/// The fields of a record under their own names.
pub fn fields(bytes: &[u8]) -> RecordFields {
    let wrapped = Wrapped::of(bytes);
    let text = klog::text(wrapped.inner());
    match read(&text) {
        Said::Line(Reading { line, .. }) => line::fields(Some(line)),
        Said::Lost(lost) => apiserver::lost_fields(&lost),
        Said::Other(_) => wrapped.fields(),
    }
}

/// The event of a record.
pub fn event(kind: RecordKind, key: &Key, context: Context<'_>, bytes: &[u8]) -> Event {
    let wrapped = Wrapped::of(bytes);
    let text = klog::text(wrapped.inner());
    let mut event = match read(&text) {
        Said::Line(reading) => of_line(kind, key, context, &reading),
        Said::Lost(lost) => apiserver::lost(key, context, &lost),
        Said::Other(_) => wrapped.event(key, context),
    };
    event.how.comm = Some(kind.name().into());
    finish(&wrapped, context, bytes, &mut event);
    event
}

/// What all records of a component have in common.
fn finish(wrapped: &Wrapped<'_>, context: Context<'_>, bytes: &[u8], event: &mut Event) {
    wrapped.place(context, event);
    event.issues.extend(line::not_utf8(bytes));
    event.issues.sort_unstable();
}

fn of_line(kind: RecordKind, key: &Key, context: Context<'_>, reading: &Reading<'_>) -> Event {
    let Reading { line, issues } = reading;
    let mut event = line::event(key, context, line);
    event.who.asserted_by =
        Some(if kind == RecordKind::Apiserver { AssertedBy::Apiserver } else { AssertedBy::Daemon });
    line::note(&mut event, issues);
    if let Some(action) = line::action(&line.message, &line.fields) {
        event.what.action = action;
    }
    kubelet::place(line, &mut event.r#where);
    if is_flag(&line.message, &mut event) {
        return event;
    }
    if line.message == "HTTP" {
        kubelet::request(line, &mut event);
        event.how.audit_id = line.field("audit-ID").and_then(line::some);
    } else if kind == RecordKind::Apiserver {
        apiserver::read(line, &mut event);
    } else {
        manager::read(line, &mut event);
    }
    event
}

/// `FLAG: --name="value"`: what a component was started with. Whether a message is one, which the event then says.
pub(super) fn is_flag(message: &str, event: &mut Event) -> bool {
    let Some(flag) = message.strip_prefix("FLAG: ") else { return false };
    let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
    act(event, "set-flag", Outcome::Unknown);
    event.what.object = Some(Object { kind: line::some("flag"), name: line::some(name), ..Object::default() });
    event.how.args.push(("value".into(), value.into()));
    true
}

fn act(event: &mut Event, action: &str, outcome: Outcome) {
    event.what.action = action.into();
    event.what.outcome = outcome;
}

/// `shop/web-1`, or a name without a namespace.
fn object(kind: &str, name: &str) -> Object {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (line::some(namespace), name),
        None => (None, name),
    };
    Object { kind: line::some(kind), namespace, name: line::some(name), ..Object::default() }
}

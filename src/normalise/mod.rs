//! Records to events: who, what, when, where, how, why, and the identity of each.
//!
//! Inside: the front that tells the kinds of records apart; `identity` hashes ids (`docs/format.md` §9); `kubernetes`, `linux` and `own` read their
//! records. Everything here is a pure function of its arguments. Not here: cutting and parsing bytes (`deponent-parsers`), which records belong to an event
//! (`index`), how an event is printed (`query`).

mod application;
mod containerd;
mod control;
mod crio;
mod docker;
mod identity;
mod kubelet;
mod kubernetes;
mod line;
mod linux;
mod own;
#[cfg(test)]
mod runtime_tests;
mod syslog;

pub use kubernetes::{decode as decode_uri, differences, parameters as uri_parameters};
pub use own::ACCESS;

use deponent_parsers::linux::{Headers, NotARecord, is_user_type};

use crate::model::{Event, EventId, Moment, RecordFields, RecordKind, Source};
use crate::time::Zone;

/// What a batch header says about where its records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// Cluster as configured; empty when it is not.
    pub cluster: &'a str,
    /// Node as configured; empty when it is not.
    pub node: &'a str,
    /// When the collector received the record, ns since 1970; settles the year of stamps that have none, and nothing else.
    pub received_ns: i64,
    /// Path of the file, as it was opened; empty for a stream. It names the container of a container's log.
    pub path: &'a [u8],
    /// Zone of stamps that have none.
    pub zone: Zone,
    /// Which fields of an application's lines answer which question (`Mapping`).
    pub fields: &'a str,
}

impl Context<'static> {
    /// Of no cluster, node or file.
    pub const NOWHERE: Context<'static> =
        Context { cluster: "", node: "", received_ns: 0, path: b"", zone: Zone::Utc, fields: "" };
}

/// To which event a record belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The event's identity.
    pub id: EventId,
    /// The layer that recorded it.
    pub source: Source,
    /// When the event happened, as this record says.
    pub when: Moment,
    /// This record usually completes its event: a hint for showing it, never a promise that no further record comes.
    pub last: bool,
}

/// Why a record belongs to no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// A short fixed name, countable.
    pub kind: &'static str,
    /// What exactly, with the place in the record.
    pub detail: String,
}

/// The keys of many records, one after another: what was found out about one is used for the next, and changes no answer.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    headers: Headers,
    last: identity::Last,
}

impl Keys {
    /// The event that a record belongs to, from as little of its bytes as possible.
    ///
    /// # Errors
    /// When the bytes are no record of that kind; then `bad` makes an event that says so.
    pub fn key(&mut self, kind: RecordKind, context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
        match kind {
            RecordKind::Auditd => self.linux(context, record),
            RecordKind::KubernetesAudit => kubernetes::key(context, record),
            RecordKind::Containerd => containerd::log_key(Source::Containerd, context, bare(record)),
            RecordKind::Crio => containerd::log_key(Source::Crio, context, bare(record)),
            RecordKind::Dockerd => containerd::log_key(Source::Docker, context, bare(record)),
            RecordKind::DockerEvents => docker::stream_key(context, bare(record)),
            RecordKind::ContainerdEvents => containerd::stream_key(context, bare(record)),
            RecordKind::Kubelet => kubelet::key(context, bare(record)),
            RecordKind::Apiserver | RecordKind::ControllerManager | RecordKind::Scheduler => {
                control::key(context, bare(record))
            }
            RecordKind::Etcd => control::etcd_key(context, bare(record)),
            RecordKind::Container => application::key(context, bare(record)),
            RecordKind::Syslog => syslog::key(context, bare(record)),
            RecordKind::Own => own::key(context, record),
        }
    }

    /// The event of a line of auditd.
    fn linux(&mut self, context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
        let line = bare(record);
        if line.is_empty() {
            return Err(Bad { kind: "blank", detail: "nothing but blanks".to_owned() });
        }
        let header = self.headers.read(line).map_err(|error| {
            let kind = match error {
                NotARecord::TimeRange { .. } => "no-time",
                NotARecord::SerialRange { .. } => "no-serial",
                _ => "not-a-record",
            };
            Bad { kind, detail: error.to_string() }
        })?;
        let id = self.last.linux(context, &header);
        // All other types may come in company.
        let last = header.daemon
            || matches!(header.record_type.as_ref(), "PROCTITLE" | "EOE" | "1327" | "1320" | "UNKNOWN[1327]")
            || is_user_type(&header.record_type);
        Ok(Key { id, source: Source::Linux, when: Moment { nanos: header.nanos, digits: header.digits }, last })
    }
}

/// As `Keys::key`, of one record.
///
/// # Errors
/// As `Keys::key`.
pub fn key(kind: RecordKind, context: Context<'_>, record: &[u8]) -> Result<Key, Bad> {
    Keys::default().key(kind, context, record)
}

/// The event of a set of records that share a key. Their order and repetition change nothing. `evidence` and `records` are left empty.
pub fn event(kind: RecordKind, key: &Key, context: Context<'_>, records: &[&[u8]]) -> Event {
    match kind {
        RecordKind::Auditd => linux::event(key.id, key.when, context, records),
        RecordKind::KubernetesAudit => kubernetes::event(key, context, records),
        RecordKind::Containerd | RecordKind::Crio | RecordKind::Dockerd => {
            containerd::log_event(key, context, first_bare(records))
        }
        RecordKind::DockerEvents => docker::stream_event(key, context, first_bare(records)),
        RecordKind::ContainerdEvents => containerd::stream_event(key, context, first_bare(records)),
        RecordKind::Kubelet => kubelet::event(key, context, first_bare(records)),
        RecordKind::Apiserver | RecordKind::ControllerManager | RecordKind::Scheduler => {
            control::event(kind, key, context, first_bare(records))
        }
        RecordKind::Etcd => control::etcd_event(key, context, first_bare(records)),
        RecordKind::Container => application::event(key, context, first_bare(records)),
        RecordKind::Syslog => syslog::event(key, context, first_bare(records)),
        RecordKind::Own => own::event(key, context, records),
    }
}

/// The fields of one record under their own names, decoded, in the record's order.
pub fn fields(kind: RecordKind, record: &[u8]) -> RecordFields {
    match kind {
        RecordKind::Auditd => linux::fields(bare(record)),
        RecordKind::KubernetesAudit => kubernetes::fields(record),
        RecordKind::Containerd | RecordKind::Crio | RecordKind::Dockerd => containerd::log_fields(bare(record)),
        RecordKind::DockerEvents => docker::stream_fields(bare(record)),
        RecordKind::ContainerdEvents => containerd::stream_fields(bare(record)),
        RecordKind::Kubelet => kubelet::fields(bare(record)),
        RecordKind::Apiserver | RecordKind::ControllerManager | RecordKind::Scheduler => control::fields(bare(record)),
        RecordKind::Etcd => control::etcd_fields(bare(record)),
        RecordKind::Container => application::fields(bare(record)),
        RecordKind::Syslog => syslog::fields(bare(record)),
        RecordKind::Own => own::fields(record),
    }
}

/// The event that says that a record could not be read: `head` and `offset` say where the record lies (`docs/format.md` §4), `received` when it came.
pub fn bad(
    kind: RecordKind,
    context: Context<'_>,
    place: (&[u8; 32], u64),
    received: Moment,
    bad: &Bad,
    record: &[u8],
) -> Event {
    let event = own::bad(context, place, received, bad, record);
    if kind == RecordKind::Syslog && bad.kind == line::NOT_A_LINE { syslog::undated(event, record) } else { event }
}

/// The line of an event that is one line: all records of such an event are equal but for blanks around them.
fn first_bare<'r>(records: &[&'r [u8]]) -> &'r [u8] {
    bare(records.iter().min().copied().unwrap_or_default()).trim_ascii_end()
}

/// A line without what a frame may have before it: blank lines, a byte order mark, the zeros of a torn write.
fn bare(record: &[u8]) -> &[u8] {
    let outside = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | 0xef | 0xbb | 0xbf);
    let start = record.iter().position(|byte| !outside(byte)).unwrap_or(record.len());
    record.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nanoseconds of a time in RFC 3339.
    pub fn nanos(text: &str) -> i64 {
        deponent_parsers::kubernetes::Stamp::parse(text).unwrap().nanos
    }
    use crate::model::RecordKind::Auditd;

    const CONTEXT: Context<'_> = Context { cluster: "c1", node: "n1", received_ns: 0, ..Context::NOWHERE };

    #[test]
    fn lines_of_auditd() {
        let line = b"type=CWD msg=audit(1234567890.123:12345):  cwd=\"/home\"\n";
        let found = key(Auditd, CONTEXT, line).unwrap();
        assert_eq!(found.when, Moment { nanos: 1_234_567_890_123_000_000, digits: 3 });
        assert!(!found.last);
        let blanks = [b"\xef\xbb\xbf\r\n \n\0".as_slice(), line].concat();
        assert_eq!(key(Auditd, CONTEXT, &blanks).unwrap(), found);
        let event = event(Auditd, &found, CONTEXT, &[&blanks]);
        assert_eq!((event.id, event.r#where.cwd.as_deref()), (found.id, Some("/home")));
        assert_eq!(fields(Auditd, &blanks).record, "CWD");
        let own_node = b"node=n1 type=EOE msg=audit(1234567890.123:12345): ";
        let eoe = key(Auditd, CONTEXT, own_node).unwrap();
        assert!(eoe.last && eoe.id == found.id, "the configured node is that of the record");
        assert_ne!(key(Auditd, Context { node: "n2", ..CONTEXT }, line).unwrap().id, found.id);
        let daemon = b"type=DAEMON_START msg=audit(1234567890.123:12345): op=start";
        let daemon = key(Auditd, CONTEXT, daemon).unwrap();
        assert!(daemon.last && daemon.id != found.id, "auditd counts on its own");
    }

    #[test]
    fn what_is_no_line_of_auditd() {
        let check = |line: &[u8], kind: &str| assert_eq!(key(Auditd, CONTEXT, line).unwrap_err().kind, kind);
        check(b"\n \r\n", "blank");
        check(b"text\n", "not-a-record");
        check(b"type=CWD msg=audit(18446745773709551.616:42): x", "no-time");
        check(b"type=CWD msg=audit(1.616:99999999999999999999): x", "no-serial");
    }
}

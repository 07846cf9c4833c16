//! One event: the six questions, as far as its records answer them.
//!
//! Inside: the project's contract of `docs/query.md` as Rust types. What a record does not say is `None` or empty.
//! Not here: serialisation (`query::json`); parsing (`deponent-parsers`); derivation (`normalise`).

use super::{EventId, Moment, RecordRef, Str};

/// One action, put together from all of its records.
///
/// Invariant: a pure function of the set of its records. The order of their arrival and the time of reading change nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Immutable identity.
    pub id: EventId,
    /// The layer that recorded it.
    pub source: Source,
    /// When it happened.
    pub when: When,
    /// Who did it.
    pub who: Who,
    /// What was done, to what, with what outcome.
    pub what: What,
    /// Where it happened.
    pub r#where: Where,
    /// By which means.
    pub how: How,
    /// What made it be recorded, and what allowed it.
    pub why: Why,
    /// What could not be read, or contradicts itself.
    pub issues: Vec<EventIssue>,
    /// The raw records, ascending and without repetition.
    pub evidence: Vec<RecordRef>,
    /// The fields of each record under their own names; filled only when asked for.
    pub records: Vec<RecordFields>,
}

/// The layer that recorded an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The kernel's audit records.
    Linux,
    /// The API server's audit events.
    Kubernetes,
    /// containerd: its log and its event stream.
    Containerd,
    /// CRI-O's log.
    Crio,
    /// Docker: dockerd's log and its event stream.
    Docker,
    /// The kubelet's log.
    Kubelet,
    /// Logs of the API server, the controller manager, the scheduler and etcd.
    ControlPlane,
    /// What programs in containers wrote.
    Application,
    /// syslog: logins, sessions, sudo, packets that a firewall rule logged.
    Syslog,
    /// deponent itself: gaps, rotations.
    Own,
}

impl Source {
    /// Every one.
    pub const ALL: [Source; 10] = [
        Source::Linux,
        Source::Kubernetes,
        Source::Containerd,
        Source::Crio,
        Source::Docker,
        Source::Kubelet,
        Source::ControlPlane,
        Source::Application,
        Source::Syslog,
        Source::Own,
    ];

    /// The name in output and queries.
    pub fn name(self) -> &'static str {
        match self {
            Source::Linux => "linux",
            Source::Kubernetes => "kubernetes",
            Source::Containerd => "containerd",
            Source::Crio => "cri-o",
            Source::Docker => "docker",
            Source::Kubelet => "kubelet",
            Source::ControlPlane => "control-plane",
            Source::Application => "application",
            Source::Syslog => "syslog",
            Source::Own => "self",
        }
    }
}

/// When an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// As precise as recorded; for Kubernetes `requestReceivedTimestamp`. With `id` the sort key: it never changes.
    pub event: Moment,
    /// When the collector received the first of its records; filled by `query` from the log.
    pub received: Option<Moment>,
    /// When it ended, where the records say so.
    pub end: Option<Moment>,
}

/// Who asserted a claim, from the one hardest to forge to the one easiest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssertedBy {
    /// Fields of kernel records.
    Kernel,
    /// Authenticated by the API server.
    Apiserver,
    /// The container runtime.
    Runtime,
    /// The kubelet.
    Kubelet,
    /// A user-space daemon: auditd's enrichment, PAM, sshd, sudo.
    Daemon,
    /// A program in a container, about its own users.
    Application,
    /// The client itself: never trusted alone.
    Client,
}

impl AssertedBy {
    /// The name in output and queries.
    pub fn name(self) -> &'static str {
        match self {
            AssertedBy::Kernel => "kernel",
            AssertedBy::Apiserver => "apiserver",
            AssertedBy::Runtime => "runtime",
            AssertedBy::Kubelet => "kubelet",
            AssertedBy::Daemon => "daemon",
            AssertedBy::Application => "application",
            AssertedBy::Client => "client",
        }
    }
}

/// What sort of identity `who.name` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum WhoKind {
    /// A Kubernetes user.
    User,
    /// A Kubernetes service account.
    ServiceAccount,
    /// The login (auid) that the kernel kept.
    Login,
    /// A numeric uid, where there was no login.
    Uid,
    /// An unauthenticated client.
    Anonymous,
    /// Nobody is named. Never "system".
    #[default]
    Unset,
}

impl WhoKind {
    /// The name in output and queries.
    pub fn name(self) -> &'static str {
        match self {
            WhoKind::User => "user",
            WhoKind::ServiceAccount => "service_account",
            WhoKind::Login => "login",
            WhoKind::Uid => "uid",
            WhoKind::Anonymous => "anonymous",
            WhoKind::Unset => "unset",
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// The name as recorded; resolved on the node that recorded it, never on the machine that reads it.
    pub name: Option<Str>,
    /// What sort of identity that is.
    pub kind: WhoKind,
    /// Who says so.
    pub asserted_by: Option<AssertedBy>,
    /// The name acted as (impersonation).
    pub r#as: Option<Str>,
    /// Groups of the identity.
    pub groups: Vec<Str>,
    /// `JTI=…` or `X509SHA256=…`.
    pub credential: Option<Str>,
    /// Address of the peer: for Kubernetes the last of `sourceIPs`.
    pub address: Option<Str>,
    /// The login session of Linux; `None` where the records have no auid at all.
    pub login: Option<Login>,
    /// The effective identity of Linux.
    pub effective: Option<Effective>,
}

/// The login session: auid and ses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The login uid; `None` when the kernel says it is unset (4294967295).
    pub auid: Option<u32>,
    /// Its name, as enriched on the node.
    pub name: Option<Str>,
    /// The audit session; `None` when unset.
    pub ses: Option<u32>,
}

/// The effective uid and gid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effective {
    /// euid, or uid in records without euid.
    pub uid: Option<u32>,
    /// Its name, as enriched on the node.
    pub name: Option<Str>,
    /// egid, or gid.
    pub gid: Option<u32>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct What {
    /// A verb: Kubernetes' own, or of the normalisation tables; `syscall 59` where nothing names it.
    pub action: Str,
    /// The main object.
    pub object: Option<Object>,
    /// Every further object (the other name of a rename, all PATH items).
    pub objects: Vec<Object>,
    /// How it ended.
    pub outcome: Outcome,
    /// Status code (`101`), errno (`-2 ENOENT`), or exit status of a process.
    pub code: Option<Str>,
    /// The text of a log line.
    pub message: Option<Str>,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and failed.
    Failure,
    /// 401, 403, EACCES, EPERM, an AVC denial.
    Denied,
    /// The records do not say.
    #[default]
    Unknown,
}

impl Outcome {
    /// What a status of HTTP says.
    pub fn of_http(status: u16) -> Outcome {
        match status {
            401 | 403 => Outcome::Denied,
            100..=399 => Outcome::Success,
            400..=599 => Outcome::Failure,
            _ => Outcome::Unknown,
        }
    }

    /// The name in output and queries.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Denied => "denied",
            Outcome::Unknown => "unknown",
        }
    }
}

/// An object of an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Object {
    /// `pods/exec`, `file`, `socket`, …
    pub kind: Option<Str>,
    /// Kubernetes namespace.
    pub namespace: Option<Str>,
    /// Kubernetes name, or account, or rule.
    pub name: Option<Str>,
    /// Absolute path, or as recorded where the working directory is unknown.
    pub path: Option<Str>,
    /// Kubernetes uid.
    pub uid: Option<Str>,
    /// Inode of a file with its device, `fe:00/1234`.
    pub inode: Option<Str>,
    /// auditd's `nametype` (`CREATE`, `DELETE`, `PARENT`, …).
    pub role: Option<Str>,
}

/// Where it happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Where {
    /// The cluster, as configured for the source.
    pub cluster: Option<Str>,
    /// The node, from the record (`node=`) or as configured for the source.
    pub node: Option<Str>,
    /// Boot id.
    pub boot: Option<Str>,
    /// Kubernetes namespace.
    pub namespace: Option<Str>,
    /// Pod name.
    pub pod: Option<Str>,
    /// Pod uid.
    pub pod_uid: Option<Str>,
    /// Container name.
    pub container: Option<Str>,
    /// Container id.
    pub container_id: Option<Str>,
    /// Image.
    pub image: Option<Str>,
    /// Working directory.
    pub cwd: Option<Str>,
}

/// By which means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct How {
    /// Executable of the process (of the caller, for a failed execve).
    pub exe: Option<Str>,
    /// Arguments, as the kernel copied them (client-asserted).
    pub argv: Vec<Str>,
    /// Process.
    pub pid: Option<u32>,
    /// Parent.
    pub ppid: Option<u32>,
    /// Command name (client-asserted).
    pub comm: Option<Str>,
    /// Terminal.
    pub tty: Option<Str>,
    /// The id that a container runtime gave an exec.
    pub exec_id: Option<Str>,
    /// The kernel's number of the event: orders events of one stamp. Not shown; it is in the records.
    pub serial: Option<u64>,
    /// System call by name, or its number as text where the architecture is unknown.
    pub syscall: Option<Str>,
    /// Arguments by name: `a0` to `a3` as the kernel wrote them, and those that say something by their own names (`flags` → `O_WRONLY|O_CREAT`).
    pub args: Vec<(Str, Str)>,
    /// HTTP client's claim about itself.
    pub user_agent: Option<Str>,
    /// Kubernetes verb.
    pub verb: Option<Str>,
    /// Request URI.
    pub request_uri: Option<Str>,
    /// Audit-ID (client-asserted).
    pub audit_id: Option<Str>,
    /// Stage → its time, in order of time.
    pub stages: Vec<(Str, Moment)>,
    /// The network side.
    pub net: Option<Box<Net>>,
}

/// The network side of an action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Net {
    /// Source address.
    pub src: Option<Str>,
    /// Source port.
    pub sport: Option<u16>,
    /// Destination address.
    pub dst: Option<Str>,
    /// Destination port.
    pub dport: Option<u16>,
    /// Protocol or address family.
    pub proto: Option<Str>,
    /// Interface.
    pub interface: Option<Str>,
    /// Verdict of a firewall.
    pub verdict: Option<Str>,
}

/// What made it be recorded, and what allowed it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Why {
    /// Keys of the audit rules that fired.
    pub keys: Vec<Str>,
    /// `authorization.k8s.io/reason`.
    pub reason: Option<Str>,
}

/// Something about an event that could not be read, or contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventIssue {
    /// A short fixed name, countable.
    pub kind: Str,
    /// What exactly, with the value met.
    pub detail: Str,
}

/// The fields of one record under their own names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFields {
    /// Which record.
    pub at: Option<RecordRef>,
    /// auditd's record type, or the Kubernetes stage.
    pub record: Str,
    /// Name → value, decoded, in the record's order.
    pub fields: Vec<(Str, Str)>,
    /// What numbers among them stand for (`exit` → `ENOENT`): deponent's reading, in the record's order.
    pub meaning: Vec<(Str, Str)>,
    /// auditd's enrichment, kept apart: a daemon's claim.
    pub enriched: Vec<(Str, Str)>,
}

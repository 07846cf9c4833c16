//! The rules, as data: what each compares, how far it reaches, and what it can prove at best.
//!
//! A page a rule lies in `docs/rules/`. Not here: the functions that apply them (`session`, `process`, `container`).

use crate::model::Class;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, as in links and as the name of its page.
    pub name: &'static str,
    /// Raised when equal records may give another link.
    pub version: u32,
    /// Cause and effect in one line.
    pub title: &'static str,
    /// The sources of cause and effect, and those that support it.
    pub sources: &'static [&'static str],
    /// What is compared.
    pub keys: &'static [&'static str],
    /// Longest time from cause to effect, ms; `None`: keys alone decide.
    pub horizon_ms: Option<i64>,
    /// The best class that it gives.
    pub best: Class,
}

/// Longest time from an API session's beginning to the runtime's exec, ns.
pub const SESSION_HORIZON_NS: i64 = 10_000_000_000;
/// Longest time from the runtime's exec to the first process, ns; measured 0.1 to 2.8 s.
pub const PROCESS_HORIZON_NS: i64 = 60_000_000_000;

/// Longest time from a client's start to the container that it asked for, ns: an image may have to come first.
pub const CLIENT_HORIZON_NS: i64 = 600_000_000_000;
/// A file that was written longer before the kubelet read it did not make it do so, ns: it looks every 20 s.
pub const MANIFEST_HORIZON_NS: i64 = 60_000_000_000;
/// The login program's line and the kernel's beginning of a session lie so far apart at most, ns.
pub const LOGIN_LINE_NS: i64 = 5_000_000_000;

/// Longest time from a client's start to a request that it sent, ns.
pub const REQUEST_HORIZON_NS: i64 = 60_000_000_000;
/// The same for commands that go on: edit, wait, apply, a watch, ns.
pub const REQUEST_LONG_NS: i64 = 600_000_000_000;
/// Longest time from a connect(), or the start of its client, to a packet that a rule logged, ns: a first packet is sent again after 1 and 3 s.
pub const PACKET_HORIZON_NS: i64 = 5_000_000_000;
/// The kernel's log may be so much before the audit records, ns: its stamps are made of another clock.
pub const PACKET_EARLY_NS: i64 = 1_000_000_000;
/// A claim of an agent is looked for so long after what it is about, ns: it is made when the record is read, which an agent that was away does late.
pub const CLAIM_HORIZON_NS: i64 = 3_600_000_000_000;
/// A process that was seen so shortly before is still taken for the same, ns, and not surely.
pub const CLAIM_AFTER_NS: i64 = 60_000_000_000;

/// An API request's stages.
pub static REQUEST_STAGES: Rule = Rule {
    name: "request-stages",
    version: 1,
    title: "the stages of one API request",
    sources: &["kubernetes"],
    keys: &["auditID", "requestReceivedTimestamp", "user", "verb", "requestURI"],
    horizon_ms: None,
    best: Class::Proven,
};
/// Sandbox to container.
pub static SANDBOX_CONTAINER: Rule = Rule {
    name: "sandbox-container",
    version: 1,
    title: "a pod's sandbox, and a container that was made in it",
    sources: &["containerd"],
    keys: &["sandbox id"],
    horizon_ms: None,
    best: Class::Proven,
};
/// The request that asked for a container.
pub static REQUEST_CONTAINER: Rule = Rule {
    name: "request-container",
    version: 1,
    title: "the API request that made a pod or added a container, and what the runtime made of it",
    sources: &["kubernetes", "containerd", "kubelet", "linux"],
    keys: &["pod uid", "container name", "container id"],
    horizon_ms: None,
    best: Class::Proven,
};
/// A container to what the runtime started for it.
pub static CONTAINER_RUNTIME: Rule = Rule {
    name: "container-runtime",
    version: 1,
    title: "a container, and the runtime's create for it",
    sources: &["containerd", "linux"],
    keys: &["container id"],
    horizon_ms: None,
    best: Class::Proven,
};
/// The runtime's create to the container's first process.
pub static CONTAINER_PROCESS: Rule = Rule {
    name: "container-process",
    version: 1,
    title: "the runtime's create, and the container's first process",
    sources: &["linux", "containerd"],
    keys: &["container id", "ppid", "pid"],
    horizon_ms: Some(PROCESS_HORIZON_NS / 1_000_000),
    best: Class::Proven,
};
/// An exec session to the runtime's exec.
pub static SESSION_EXEC: Rule = Rule {
    name: "session-exec",
    version: 2,
    title: "an API exec session, and the runtime's exec in the container",
    sources: &["kubernetes", "linux", "containerd", "kubelet"],
    keys: &["pod", "container", "argv", "request uid", "tty", "start", "end"],
    horizon_ms: Some(SESSION_HORIZON_NS / 1_000_000),
    best: Class::Proven,
};
/// The runtime's exec to the first process.
pub static EXEC_PROCESS: Rule = Rule {
    name: "exec-process",
    version: 1,
    title: "the runtime's exec, and the first process of it",
    sources: &["linux", "containerd"],
    keys: &["ppid", "pid", "exec id"],
    horizon_ms: Some(PROCESS_HORIZON_NS / 1_000_000),
    best: Class::Proven,
};
/// A process to its children.
pub static PROCESS_CHILD: Rule = Rule {
    name: "process-child",
    version: 1,
    title: "a process, and a process that it started",
    sources: &["linux"],
    keys: &["ppid", "device of the executable"],
    horizon_ms: None,
    best: Class::Strong,
};
/// An attach or port-forward session to the node's side of it.
pub static SESSION_STREAM: Rule = Rule {
    name: "session-stream",
    version: 1,
    title: "an API attach or port-forward session, and the runtime's and the kubelet's side of it",
    sources: &["kubernetes", "containerd", "kubelet"],
    keys: &["pod", "container", "tty", "stdin", "start", "end"],
    horizon_ms: Some(SESSION_HORIZON_NS / 1_000_000),
    best: Class::Strong,
};

/// A client on the node to what the daemon's runtime did.
pub static CLIENT_RUNTIME: Rule = Rule {
    name: "client-runtime",
    version: 1,
    title: "a client of a container's daemon on the node (docker, ctr, …), and what the daemon's runtime did",
    sources: &["linux", "containerd"],
    keys: &["container id", "exec id", "argv", "last argument"],
    horizon_ms: Some(CLIENT_HORIZON_NS / 1_000_000),
    best: Class::Strong,
};
/// A file to the pod that the kubelet made of it.
pub static MANIFEST_POD: Rule = Rule {
    name: "manifest-pod",
    version: 1,
    title: "a file in the kubelet's folder, as somebody wrote it, and the pod that the kubelet got from it",
    sources: &["linux", "kubelet"],
    keys: &["inode", "path", "pid of the kubelet"],
    horizon_ms: None,
    best: Class::Strong,
};
/// The kubelet's own pod to what became of it.
pub static KUBELET_POD: Rule = Rule {
    name: "kubelet-pod",
    version: 1,
    title: "a pod that the kubelet got from a file, and its sandbox or its mirror at the API server",
    sources: &["kubelet", "containerd", "kubernetes"],
    keys: &["node", "pod"],
    horizon_ms: Some(600_000),
    best: Class::Strong,
};
/// A file to the program that was run from it.
pub static FILE_EXECUTED: Rule = Rule {
    name: "file-executed",
    version: 1,
    title: "a program, as somebody last wrote its file, and a process that ran it",
    sources: &["linux"],
    keys: &["inode", "path"],
    horizon_ms: None,
    best: Class::Strong,
};
/// A file to the component that then read it.
pub static FILE_LOADED: Rule = Rule {
    name: "file-loaded",
    version: 1,
    title: "a file, as somebody last wrote it, and a component that then read it or was started with it",
    sources: &["linux"],
    keys: &["inode", "path"],
    horizon_ms: None,
    best: Class::Strong,
};
/// The beginning of a login's session to what was done in it.
pub static LOGIN_SESSION: Rule = Rule {
    name: "login-session",
    version: 1,
    title: "the kernel's beginning of a login's session, and a process of it",
    sources: &["linux"],
    keys: &["session", "auid"],
    horizon_ms: None,
    best: Class::Strong,
};
/// The login program's line to the kernel's beginning.
pub static LOGIN_LINE: Rule = Rule {
    name: "login-line",
    version: 1,
    title: "the login program's line of who was let in, and the kernel's beginning of the session",
    sources: &["syslog", "linux"],
    keys: &["account", "pid"],
    horizon_ms: Some(LOGIN_LINE_NS / 1_000_000),
    best: Class::Consistent,
};
/// The binding that allowed a request.
pub static BINDING_PERMISSION: Rule = Rule {
    name: "binding-permission",
    version: 1,
    title: "the request that gave a right, and a request that was allowed by it",
    sources: &["kubernetes"],
    keys: &["binding", "subject"],
    horizon_ms: None,
    best: Class::Strong,
};
/// The issue of a token to its use.
pub static TOKEN_USE: Rule = Rule {
    name: "token-use",
    version: 1,
    title: "the issue of a service account's token, and a request that was made with it",
    sources: &["kubernetes"],
    keys: &["credential-id", "service account"],
    horizon_ms: None,
    best: Class::Proven,
};
/// A pod to the token that its node asked for.
pub static TOKEN_POD: Rule = Rule {
    name: "token-pod",
    version: 1,
    title: "the request that made a pod, and the token that its node asked for on its behalf",
    sources: &["kubernetes"],
    keys: &["pod uid"],
    horizon_ms: None,
    best: Class::Proven,
};
/// The issue of a certificate to its use.
pub static CERTIFICATE_USE: Rule = Rule {
    name: "certificate-use",
    version: 1,
    title: "the issue of a client certificate, and a request that was made with it",
    sources: &["kubernetes"],
    keys: &["credential-id"],
    horizon_ms: None,
    best: Class::Proven,
};
/// A signing request, its approval, its certificate.
pub static CSR_APPROVAL: Rule = Rule {
    name: "csr-approval",
    version: 1,
    title: "a certificate signing request and its approval, and the approval and the certificate",
    sources: &["kubernetes"],
    keys: &["name", "uid"],
    horizon_ms: None,
    best: Class::Proven,
};
/// A write of an owner to what its controller made of it.
pub static OWNER_REQUEST: Rule = Rule {
    name: "owner-request",
    version: 1,
    title: "the request that made or changed an owner, and what its controller made for it",
    sources: &["kubernetes"],
    keys: &["owner", "owner uid"],
    horizon_ms: None,
    best: Class::Proven,
};
/// A pod to its binding to a node.
pub static POD_BINDING: Rule = Rule {
    name: "pod-binding",
    version: 1,
    title: "the request that made a pod, and the scheduler's binding of it to a node",
    sources: &["kubernetes"],
    keys: &["pod uid"],
    horizon_ms: None,
    best: Class::Proven,
};
/// The process that sent a request.
pub static CLIENT_REQUEST: Rule = Rule {
    name: "client-request",
    version: 1,
    title: "a client's process on a node, and a request that the API server had from there",
    sources: &["linux", "kubernetes"],
    keys: &["program", "arguments", "url", "address"],
    horizon_ms: Some(REQUEST_LONG_NS / 1_000_000),
    best: Class::Consistent,
};
/// The connection of a packet.
pub static FIREWALL_CONNECTION: Rule = Rule {
    name: "firewall-connection",
    version: 1,
    title: "a connection that a process made, and a packet of it that a firewall rule logged",
    sources: &["linux", "syslog"],
    keys: &["remote address and port", "protocol", "url"],
    horizon_ms: Some(PACKET_HORIZON_NS / 1_000_000),
    best: Class::Consistent,
};
/// The container of a process, as the agent saw it.
pub static PROCESS_CONTAINER: Rule = Rule {
    name: "process-container",
    version: 1,
    title: "an agent's claim of the container that a process runs in, and what that process did",
    sources: &["self", "linux"],
    keys: &["pid", "lifetime", "audit record"],
    horizon_ms: Some(CLAIM_HORIZON_NS / 1_000_000),
    best: Class::Strong,
};

/// All rules, from the request to the process.
pub static RULES: &[&Rule] = &[
    &REQUEST_STAGES,
    &SANDBOX_CONTAINER,
    &REQUEST_CONTAINER,
    &CONTAINER_RUNTIME,
    &CONTAINER_PROCESS,
    &SESSION_EXEC,
    &EXEC_PROCESS,
    &PROCESS_CHILD,
    &PROCESS_CONTAINER,
    &SESSION_STREAM,
    &LOGIN_LINE,
    &LOGIN_SESSION,
    &CLIENT_RUNTIME,
    &MANIFEST_POD,
    &KUBELET_POD,
    &FILE_EXECUTED,
    &FILE_LOADED,
    &OWNER_REQUEST,
    &POD_BINDING,
    &BINDING_PERMISSION,
    &TOKEN_USE,
    &TOKEN_POD,
    &CERTIFICATE_USE,
    &CSR_APPROVAL,
    &CLIENT_REQUEST,
    &FIREWALL_CONNECTION,
];

/// An exec that nobody asked the API server for.
pub const UNATTRIBUTED_EXEC: &str = "UNATTRIBUTED_EXEC";
/// An Audit-ID that several requests have.
pub const AUDIT_ID_REUSE: &str = "AUDIT_ID_REUSE";

/// Events that one of two recordings of the same lacks.
pub const ONE_SIDED: &str = "ONE_SIDED";
/// Records that two recordings of the same have with another content.
pub const RECORDS_DISAGREE: &str = "RECORDS_DISAGREE";

/// A pod's token that was used where its pod is not.
pub const TOKEN_OUT_OF_PLACE: &str = "TOKEN_OUT_OF_PLACE";

/// Auditing that was turned off.
pub const AUDIT_OFF: &str = "AUDIT_OFF";

/// What told of an earlier deed, and was deleted.
pub const TRACE_DELETED: &str = "TRACE_DELETED";

/// A clock that was set.
pub const CLOCK_STEP: &str = "CLOCK_STEP";

/// A log that fell silent.
pub const SOURCE_SILENT: &str = "SOURCE_SILENT";

/// What can be found besides links: its name, and one line for people.
pub static FINDINGS: &[(&str, &str)] = &[
    (UNATTRIBUTED_EXEC, "an exec in a container with no API session behind it, once the horizon has passed"),
    (AUDIT_ID_REUSE, "an Audit-ID, which a client may choose, that several requests have"),
    (
        ONE_SIDED,
        "events that one of two recordings lacks: auditd's log and the kernel's multicast group, or the API server's log and its webhook",
    ),
    (RECORDS_DISAGREE, "records that two such recordings have with another content"),
    (TOKEN_OUT_OF_PLACE, "a pod's token, used from an address that is neither the pod's nor its node's"),
    (
        AUDIT_OFF,
        "a node's auditing that was turned off, audit rules deleted, auditd ended, or records lost by the kernel",
    ),
    (
        TRACE_DELETED,
        "events, certificate requests, bindings, pods or files of logs that told of something, deleted by somebody",
    ),
    (CLOCK_STEP, "a node's clock that was set, as the kernel records it or as stamps show that go back"),
    (
        SOURCE_SILENT,
        "a log of a node that spoke regularly and fell silent while others went on, or an agent that is not heard",
    ),
];

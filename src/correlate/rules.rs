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
    version: 1,
    title: "an API exec session, and the runtime's exec in the container",
    sources: &["kubernetes", "linux", "containerd", "kubelet"],
    keys: &["pod", "container", "argv", "tty", "start", "end"],
    horizon_ms: Some(SESSION_HORIZON_NS / 1_000_000),
    best: Class::Strong,
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
    &SESSION_STREAM,
];

/// An exec that nobody asked the API server for.
pub const UNATTRIBUTED_EXEC: &str = "UNATTRIBUTED_EXEC";
/// An Audit-ID that several requests have.
pub const AUDIT_ID_REUSE: &str = "AUDIT_ID_REUSE";

/// Events of the kernel that one of two captures lacks.
pub const CAPTURE_MISSES_EVENTS: &str = "CAPTURE_MISSES_EVENTS";
/// Records of the kernel that two captures have with different bytes.
pub const CAPTURES_DISAGREE: &str = "CAPTURES_DISAGREE";

/// What can be found besides links: its name, and one line for people.
pub static FINDINGS: &[(&str, &str)] = &[
    (UNATTRIBUTED_EXEC, "an exec in a container with no API session behind it, once the horizon has passed"),
    (AUDIT_ID_REUSE, "an Audit-ID, which a client may choose, that several requests have"),
    (
        CAPTURE_MISSES_EVENTS,
        "kernel audit events that auditd's log lacks and the multicast group has, or the other way round",
    ),
    (CAPTURES_DISAGREE, "kernel audit records that auditd's log and the multicast group have with different bytes"),
];

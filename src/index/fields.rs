//! The one table of fields: what can be searched, counted and explained, and the value of each in an event.
//!
//! Names are the JSON paths of an event; `ALIASES` are the short ones. Not here: how values are indexed (`search`).

use crate::model::{Event, Object, Source};

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A number, indexed as its decimal text.
    Number,
    /// An IP address.
    Address,
}

impl FieldKind {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Text => "text",
            FieldKind::Number => "number",
            FieldKind::Address => "address",
        }
    }
}

/// Calls back with each value of a field that an event has.
pub type ValuesOf = fn(&Event, &mut dyn FnMut(&str));

/// One searchable field.
pub struct Field {
    /// Its JSON path.
    pub name: &'static str,
    /// What its values are.
    pub kind: FieldKind,
    /// Whether a bare word looks into it.
    pub bare: bool,
    /// One line for people.
    pub help: &'static str,
    /// Calls back with each value that an event has.
    pub values: ValuesOf,
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Field({})", self.name)
    }
}

impl PartialEq for Field {
    fn eq(&self, other: &Field) -> bool {
        self.name == other.name
    }
}

fn opt(value: Option<&crate::model::Str>, each: &mut dyn FnMut(&str)) {
    if let Some(value) = value {
        each(value);
    }
}

fn num(value: Option<impl Into<u64>>, each: &mut dyn FnMut(&str)) {
    if let Some(value) = value {
        let mut buffer = [0u8; 20];
        each(decimal(value.into(), &mut buffer));
    }
}

/// Decimal text without an allocation.
fn decimal(mut value: u64, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        if let Some(slot) = buffer.get_mut(at) {
            *slot = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 || at == 0 {
            break;
        }
    }
    buffer.get(at..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("")
}

fn objects(event: &Event, each: &mut dyn FnMut(&Object)) {
    event.what.object.iter().chain(&event.what.objects).for_each(each);
}

/// The kernel's constants among the arguments, each by itself.
fn arguments(event: &Event, each: &mut dyn FnMut(&str)) {
    let constant = |word: &&str| word.starts_with(|first: char| first.is_ascii_uppercase());
    let named = event.how.args.iter().filter(|(name, _)| !matches!(name.as_str(), "a0" | "a1" | "a2" | "a3"));
    named
        .filter(|_| event.source == Source::Linux)
        .flat_map(|(_, text)| text.split('|').filter(constant))
        .for_each(each);
}

macro_rules! field {
    ($name:literal, $kind:ident, $bare:literal, $help:literal, |$event:ident, $each:ident| $body:expr) => {
        Field {
            name: $name,
            kind: FieldKind::$kind,
            bare: $bare,
            help: $help,
            values: |$event, $each| {
                $body;
            },
        }
    };
}

/// All fields, in the order of an event's JSON.
pub static FIELDS: &[Field] = &[
    field!(
        "source",
        Text,
        false,
        "layer that recorded it: linux, kubernetes, containerd, cri-o, docker, kubelet, control-plane, application, syslog, self",
        |e, each| { each(e.source.name()) }
    ),
    field!("who.name", Text, true, "the person, service account or login", |e, each| opt(e.who.name.as_ref(), each)),
    field!("who.kind", Text, false, "user, service_account, login, uid, anonymous, unset", |e, each| each(
        e.who.kind.name()
    )),
    field!("who.asserted_by", Text, false, "who says so: kernel, apiserver, …, client", |e, each| if let Some(by) =
        e.who.asserted_by
    {
        each(by.name())
    }),
    field!("who.as", Text, true, "the name acted as (impersonation)", |e, each| opt(e.who.r#as.as_ref(), each)),
    field!("who.groups", Text, true, "groups of the identity", |e, each| e.who.groups.iter().for_each(|g| each(g))),
    field!("who.credential", Text, true, "JTI=… or X509SHA256=…", |e, each| opt(e.who.credential.as_ref(), each)),
    field!("who.address", Address, true, "address of the peer (the last source IP)", |e, each| opt(
        e.who.address.as_ref(),
        each
    )),
    field!("who.login.auid", Number, false, "login uid; absent when unset", |e, each| num(
        e.who.login.as_ref().and_then(|l| l.auid),
        each
    )),
    field!("who.login.name", Text, true, "name of the login uid, as enriched on the node", |e, each| opt(
        e.who.login.as_ref().and_then(|l| l.name.as_ref()),
        each
    )),
    field!("who.login.ses", Number, false, "audit session", |e, each| num(
        e.who.login.as_ref().and_then(|l| l.ses),
        each
    )),
    field!("who.effective.uid", Number, false, "effective uid", |e, each| num(
        e.who.effective.as_ref().and_then(|x| x.uid),
        each
    )),
    field!("who.effective.name", Text, true, "name of the effective uid, as enriched on the node", |e, each| opt(
        e.who.effective.as_ref().and_then(|x| x.name.as_ref()),
        each
    )),
    field!("who.effective.gid", Number, false, "effective gid", |e, each| num(
        e.who.effective.as_ref().and_then(|x| x.gid),
        each
    )),
    field!("what.action", Text, true, "verb: exec, create, opened-file, …", |e, each| each(&e.what.action)),
    field!("what.object.kind", Text, true, "kind of the objects: pods/exec, file, socket, …", |e, each| objects(
        e,
        &mut |o| opt(o.kind.as_ref(), each)
    )),
    field!("what.object.namespace", Text, true, "namespace of the objects", |e, each| objects(e, &mut |o| opt(
        o.namespace.as_ref(),
        each
    ))),
    field!("what.object.name", Text, true, "name of the objects", |e, each| objects(e, &mut |o| opt(
        o.name.as_ref(),
        each
    ))),
    field!("what.object.path", Text, true, "path of the objects", |e, each| objects(e, &mut |o| opt(
        o.path.as_ref(),
        each
    ))),
    field!("what.object.uid", Text, true, "Kubernetes uid of the objects", |e, each| objects(e, &mut |o| opt(
        o.uid.as_ref(),
        each
    ))),
    field!("what.object.inode", Text, false, "device and inode of files", |e, each| objects(e, &mut |o| opt(
        o.inode.as_ref(),
        each
    ))),
    field!("what.object.role", Text, false, "nametype of files: CREATE, DELETE, PARENT, NORMAL", |e, each| objects(
        e,
        &mut |o| opt(o.role.as_ref(), each)
    )),
    field!("what.outcome", Text, true, "success, failure, denied, unknown", |e, each| each(e.what.outcome.name())),
    field!("what.code", Text, false, "status code, or errno: `-13 EACCES`", |e, each| opt(e.what.code.as_ref(), each)),
    field!("what.message", Text, true, "text of a log line", |e, each| opt(e.what.message.as_ref(), each)),
    field!("where.cluster", Text, true, "cluster", |e, each| opt(e.r#where.cluster.as_ref(), each)),
    field!("where.node", Text, true, "node", |e, each| opt(e.r#where.node.as_ref(), each)),
    field!("where.boot", Text, false, "boot id of the node", |e, each| opt(e.r#where.boot.as_ref(), each)),
    field!("where.namespace", Text, true, "Kubernetes namespace", |e, each| opt(e.r#where.namespace.as_ref(), each)),
    field!("where.pod", Text, true, "pod", |e, each| opt(e.r#where.pod.as_ref(), each)),
    field!("where.pod_uid", Text, true, "uid of the pod", |e, each| opt(e.r#where.pod_uid.as_ref(), each)),
    field!("where.container", Text, true, "container's name", |e, each| opt(e.r#where.container.as_ref(), each)),
    field!("where.container_id", Text, true, "container's id", |e, each| opt(e.r#where.container_id.as_ref(), each)),
    field!("where.image", Text, true, "image", |e, each| opt(e.r#where.image.as_ref(), each)),
    field!("where.cwd", Text, true, "working directory", |e, each| opt(e.r#where.cwd.as_ref(), each)),
    field!("how.exe", Text, false, "executable", |e, each| opt(e.how.exe.as_ref(), each)),
    field!("how.argv", Text, false, "each argument (asserted by the client)", |e, each| e
        .how
        .argv
        .iter()
        .for_each(|a| each(a))),
    field!("how.pid", Number, false, "process", |e, each| num(e.how.pid, each)),
    field!("how.ppid", Number, false, "parent process", |e, each| num(e.how.ppid, each)),
    field!("how.comm", Text, false, "command name (asserted by the client)", |e, each| opt(e.how.comm.as_ref(), each)),
    field!("how.tty", Text, false, "terminal", |e, each| opt(e.how.tty.as_ref(), each)),
    field!("how.exec_id", Text, false, "id that a container runtime gave an exec", |e, each| opt(
        e.how.exec_id.as_ref(),
        each
    )),
    field!("how.syscall", Text, false, "system call", |e, each| opt(e.how.syscall.as_ref(), each)),
    field!("how.user_agent", Text, false, "HTTP client (asserted by the client)", |e, each| opt(
        e.how.user_agent.as_ref(),
        each
    )),
    field!(
        "how.args",
        Text,
        false,
        "constants among arguments: O_CREAT, CLONE_NEWUSER, PTRACE_ATTACH, SIGKILL",
        |e, each| { arguments(e, each) }
    ),
    field!("how.verb", Text, false, "Kubernetes verb", |e, each| opt(e.how.verb.as_ref(), each)),
    field!("how.request_uri", Text, false, "request URI", |e, each| opt(e.how.request_uri.as_ref(), each)),
    field!("how.audit_id", Text, false, "Audit-ID (asserted by the client)", |e, each| opt(
        e.how.audit_id.as_ref(),
        each
    )),
    field!("how.stages", Text, false, "stages recorded", |e, each| e
        .how
        .stages
        .iter()
        .for_each(|(stage, _)| each(stage))),
    field!("how.net.src", Address, false, "source address", |e, each| opt(
        e.how.net.as_ref().and_then(|n| n.src.as_ref()),
        each
    )),
    field!("how.net.sport", Number, false, "source port", |e, each| num(
        e.how.net.as_ref().and_then(|n| n.sport),
        each
    )),
    field!("how.net.dst", Address, false, "destination address", |e, each| opt(
        e.how.net.as_ref().and_then(|n| n.dst.as_ref()),
        each
    )),
    field!("how.net.dport", Number, false, "destination port", |e, each| num(
        e.how.net.as_ref().and_then(|n| n.dport),
        each
    )),
    field!("how.net.proto", Text, false, "protocol or address family", |e, each| opt(
        e.how.net.as_ref().and_then(|n| n.proto.as_ref()),
        each
    )),
    field!("why.keys", Text, false, "keys of the audit rules that fired", |e, each| e
        .why
        .keys
        .iter()
        .for_each(|k| each(k))),
    field!("why.reason", Text, false, "the authorizer's reason", |e, each| opt(e.why.reason.as_ref(), each)),
    field!("issues.kind", Text, false, "what could not be read, or contradicts itself", |e, each| e
        .issues
        .iter()
        .for_each(|i| each(&i.kind))),
    field!(
        "join.key",
        Text,
        false,
        "typed keys by which links are found: container:…, exec:…, session:…",
        |e, each| { crate::correlate::keys(e, each) }
    ),
];

/// Short names, each for one field or several: a value of any of them counts.
pub static ALIASES: &[(&str, &[&str])] = &[
    ("who", &["who.name", "who.as", "who.login.name"]),
    ("as", &["who.as"]),
    ("group", &["who.groups"]),
    ("credential", &["who.credential"]),
    ("src", &["who.address", "how.net.src"]),
    ("dst", &["how.net.dst"]),
    ("dport", &["how.net.dport"]),
    ("auid", &["who.login.auid"]),
    ("login", &["who.login.name"]),
    ("ses", &["who.login.ses"]),
    ("uid", &["who.effective.uid"]),
    ("what", &["what.action", "what.object.kind"]),
    ("action", &["what.action"]),
    ("kind", &["what.object.kind"]),
    ("object", &["what.object.name", "what.object.path"]),
    ("name", &["what.object.name"]),
    ("path", &["what.object.path"]),
    ("outcome", &["what.outcome"]),
    ("code", &["what.code"]),
    ("cluster", &["where.cluster"]),
    ("node", &["where.node"]),
    ("ns", &["where.namespace", "what.object.namespace"]),
    ("namespace", &["where.namespace", "what.object.namespace"]),
    ("pod", &["where.pod"]),
    ("container", &["where.container", "where.container_id"]),
    ("image", &["where.image"]),
    ("cwd", &["where.cwd"]),
    ("message", &["what.message"]),
    ("exec_id", &["how.exec_id"]),
    ("exe", &["how.exe"]),
    ("argv", &["how.argv"]),
    ("pid", &["how.pid"]),
    ("ppid", &["how.ppid"]),
    ("comm", &["how.comm"]),
    ("tty", &["how.tty"]),
    ("syscall", &["how.syscall"]),
    ("agent", &["how.user_agent"]),
    ("arg", &["how.args"]),
    ("verb", &["how.verb"]),
    ("uri", &["how.request_uri"]),
    ("audit_id", &["how.audit_id"]),
    ("stage", &["how.stages"]),
    ("key", &["why.keys"]),
    ("reason", &["why.reason"]),
    ("issue", &["issues.kind"]),
];

/// The fields that a name or an alias stands for; `None` when there is no such name.
pub fn resolve(name: &str) -> Option<Vec<&'static Field>> {
    let exact = |name: &str| FIELDS.iter().find(|field| field.name == name);
    if let Some(field) = exact(name) {
        return Some(vec![field]);
    }
    let (_, targets) = ALIASES.iter().find(|(alias, _)| *alias == name)?;
    Some(targets.iter().filter_map(|target| exact(target)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_stand_for_fields() {
        for (alias, targets) in ALIASES {
            assert_eq!(resolve(alias).unwrap().len(), targets.len(), "{alias}");
        }
        assert!(resolve("whom").is_none());
    }

    #[test]
    fn decimal_text() {
        for n in [0u64, 7, 10, 4_294_967_295, u64::MAX] {
            assert_eq!(decimal(n, &mut [0; 20]), n.to_string());
        }
    }
}

//! What an event says that links are made of: a program started, the runtime's exec or create, a session, a container's name.
//!
//! Everything here is read from one event. Not here: what two events say together (`process`, `session`, `container`).

use crate::model::{Event, Object, Outcome, Source, Str};

/// File names of programs that run containers.
const RUNTIMES: &[&str] = &["runc", "crun"];
/// File names of programs that stand between the daemon and the runtime.
const SHIMS: &[&str] = &["containerd-shim-runc-v2", "containerd-shim-runc-v1", "containerd-shim", "conmon"];
/// File names of daemons that start shims.
const DAEMONS: &[&str] = &["containerd", "crio", "dockerd", "k3s"];
/// Folders below which distributions install them: packages, snaps (MicroK8s), Nix, k3s and RKE2, k0s, images of GKE.
const FOLDERS: &[&str] = &[
    "/usr/",
    "/bin/",
    "/sbin/",
    "/opt/",
    "/snap/",
    "/nix/store/",
    "/var/lib/rancher/",
    "/var/lib/k0s/",
    "/home/kubernetes/",
    "/home/containerd/",
];

/// Whether an executable has one of these file names, and lies where distributions install programs.
pub fn is_installed(exe: &str, names: &[&str]) -> bool {
    let name = exe.rsplit('/').next().unwrap_or("");
    names.contains(&name) && FOLDERS.iter().any(|folder| exe.starts_with(folder)) && !exe.contains("/../")
}

/// Whether an executable, as the kernel names it, stands between the daemon and the runtime.
pub fn is_shim(exe: &str) -> bool {
    is_installed(exe, SHIMS)
}

/// Whether it is a daemon that starts shims.
pub fn is_daemon(exe: &str) -> bool {
    is_installed(exe, DAEMONS)
}

fn is_runtime(exe: &str) -> bool {
    is_installed(exe, RUNTIMES)
}

/// Hex digits of an exec id that the CRI plugin makes.
const EXEC_ID_DIGITS: usize = 64;

/// A program that was started successfully: a successful execve or execveat.
#[derive(Debug, Clone, Copy)]
pub struct Started<'e> {
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Executable after the call.
    pub exe: &'e str,
    /// Arguments.
    pub argv: &'e [Str],
    /// Device that the executable lies on, `fe:00`.
    pub device: Option<&'e str>,
}

/// The program that an event says was started.
pub fn started(event: &Event) -> Option<Started<'_>> {
    let call = event.how.syscall.as_deref()?;
    if event.source != Source::Linux || !matches!(call, "execve" | "execveat") || event.what.outcome != Outcome::Success
    {
        return None;
    }
    let device = event.what.object.as_ref().and_then(|object| object.inode.as_deref());
    Some(Started {
        pid: event.how.pid?,
        ppid: event.how.ppid?,
        exe: event.how.exe.as_deref().unwrap_or(""),
        argv: &event.how.argv,
        device: device.and_then(|inode| inode.split_once('/')).map(|(device, _)| device),
    })
}

impl Started<'_> {
    /// A stage of the runtime itself: its own executable, or the copy of it that becomes the container's process.
    pub fn is_runtime(&self) -> bool {
        let init = matches!(self.argv, [_, second] if second == "init");
        is_runtime(self.exe) || (init && matches!(self.exe, "/" | "/memfd:runc_cloned:/proc/self/exe (deleted)"))
    }
}

/// What the runtime was told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `runc exec`
    Exec,
    /// `runc create`
    Create,
    /// `runc start`
    Start,
}

/// The runtime's own arguments, as far as links need them.
#[derive(Debug, Clone, Copy)]
pub struct Run<'e> {
    /// What it was told to do.
    pub order: Order,
    /// Container id.
    pub container: &'e str,
    /// Exec id, from the name of the pid file.
    pub exec_id: Option<&'e str>,
    /// Whether it has a terminal (`--console-socket`).
    pub tty: bool,
}

/// The runtime's order, by the shape of the arguments alone; whether it really was the runtime is for `runtime` to say.
pub fn run(event: &Event) -> Option<Run<'_>> {
    let started = started(event)?;
    let effective = event.who.effective.as_ref().and_then(|effective| effective.uid);
    if !is_runtime(started.exe) || effective != Some(0) {
        return None;
    }
    let mut rest = started.argv.iter().map(Str::as_str).skip(1);
    let order = loop {
        match rest.next()? {
            "exec" => break Order::Exec,
            "create" => break Order::Create,
            "start" => break Order::Start,
            "--debug" | "--systemd-cgroup" => {}
            option if option.starts_with("--") => {
                if !option.contains('=') {
                    rest.next()?;
                }
            }
            _ => return None,
        }
    };
    let arguments: Vec<&str> = rest.collect();
    let behind = |name: &str| {
        let at = arguments.iter().position(|argument| *argument == name)?;
        arguments.get(at + 1).copied()
    };
    let file = behind("--pid-file").and_then(|path| path.rsplit('/').next()).and_then(|name| name.strip_suffix(".pid"));
    Some(Run {
        order,
        container: arguments.last()?,
        exec_id: file.filter(|_| order == Order::Exec),
        tty: behind("--console-socket").is_some(),
    })
}

/// Whether an exec id is of the form that the CRI plugin makes; `ctr exec` takes what the caller says.
pub fn is_cri_exec_id(id: &str) -> bool {
    id.len() == EXEC_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What kind of session an API request opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// `pods/exec`
    Exec,
    /// `pods/attach`
    Attach,
    /// `pods/portforward`
    PortForward,
}

/// A session, as the API server or the kubelet recorded it.
#[derive(Debug, Clone, Copy)]
pub struct Session<'e> {
    /// Its kind.
    pub kind: SessionKind,
    /// Namespace of the pod.
    pub namespace: &'e str,
    /// Name of the pod.
    pub pod: &'e str,
    /// Container, where it was named.
    pub container: Option<&'e str>,
    /// The command; `None` where it cannot be read without loss, or was not recorded.
    pub argv: Option<&'e [Str]>,
    /// Whether a terminal was asked for, as far as the request's parameters were recorded.
    pub tty: Option<bool>,
    /// Whether standard input was asked for.
    pub stdin: Option<bool>,
    /// The uid that an exec webhook put before the command, as the API server says.
    pub uid: Option<&'e str>,
    /// When it began, ns.
    pub start: i64,
    /// When it ended, ns.
    pub end: Option<i64>,
    /// Whether the recorder says that it was opened (`false`: nothing is said).
    pub opened: bool,
}

/// The session that an event is about; `None` for a request that was refused.
pub fn session(event: &Event) -> Option<Session<'_>> {
    let place = &event.r#where;
    let kind = match (event.source, event.what.action.as_str()) {
        (Source::Kubernetes, "exec") | (Source::Kubelet, "http-exec") => SessionKind::Exec,
        (Source::Kubernetes, "attach") | (Source::Kubelet, "http-attach") => SessionKind::Attach,
        (Source::Kubernetes, "portforward") | (Source::Kubelet, "http-port-forward") => SessionKind::PortForward,
        _ => return None,
    };
    let api = event.source == Source::Kubernetes;
    if api && event.what.object.as_ref().and_then(|object| object.kind.as_deref())?.split('/').next() != Some("pods") {
        return None;
    }
    if matches!(event.what.outcome, Outcome::Denied | Outcome::Failure) {
        return None;
    }
    // Google's log has no parameters of a request, and so neither command nor terminal; nothing runs without a command.
    let told = !api || event.how.request_uri.is_some();
    let unreadable = event.how.argv.is_empty()
        || event.issues.iter().any(|issue| matches!(issue.kind.as_str(), "argv-not-utf8" | "conflict"));
    Some(Session {
        kind,
        namespace: place.namespace.as_deref()?,
        pod: place.pod.as_deref()?,
        container: place.container.as_deref(),
        argv: (!unreadable && kind == SessionKind::Exec).then_some(event.how.argv.as_slice()),
        tty: told.then(|| event.how.tty.as_deref() == Some("true")),
        stdin: told.then(|| argument(event, "stdin") == Some("true")),
        uid: argument(event, "exec-uid").filter(|uid| api && kind == SessionKind::Exec && is_uid(uid)),
        start: event.when.event.nanos,
        end: event.when.end.map(|end| end.nanos),
        opened: !api || event.what.code.as_deref() == Some("101") || event.what.outcome == Outcome::Success,
    })
}

/// Whether a text is a uid as the API server makes them.
fn is_uid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The uid of a request that an exec webhook put before a command, as the arguments of a process begin.
pub fn exec_uid(argv: &[Str]) -> Option<&str> {
    match argv {
        [env, variable, ..] if env == "env" => variable.strip_prefix("SPO_EXEC_REQUEST_UID=").filter(|uid| is_uid(uid)),
        _ => None,
    }
}

/// The names of a container, as one event says them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Namespace of its pod.
    pub namespace: Option<Str>,
    /// Its pod.
    pub pod: Option<Str>,
    /// Uid of the pod.
    pub pod_uid: Option<Str>,
    /// Its own name.
    pub container: Option<Str>,
    /// The sandbox that it lies in.
    pub sandbox: Option<Str>,
}

/// The names that an event, made by somebody who is to be trusted with them, gives the container `id`.
pub fn names(event: &Event, id: &str) -> Option<Names> {
    let place = &event.r#where;
    let here = place.container_id.as_deref() == Some(id);
    let all = || Names {
        namespace: place.namespace.clone(),
        pod: place.pod.clone(),
        pod_uid: place.pod_uid.clone(),
        container: place.container.clone(),
        sandbox: argument(event, "sandbox").map(Str::from),
    };
    match (event.source, event.what.action.as_str()) {
        (Source::Containerd, "created-container" | "created-sandbox" | "updated-container-record") if here => {
            Some(all())
        }
        (Source::Kubelet, "added-container") if here => Some(all()),
        (Source::Kubernetes, _) if is_status_of_kubelet(event) => {
            let object = event.what.objects.iter().find(|object| object.uid.as_deref() == Some(id))?;
            Some(Names { container: object.name.clone(), sandbox: None, ..all() })
        }
        _ => None,
    }
}

/// A pod's status, written by the kubelet of a node: the only one who knows the ids of its containers.
pub fn is_status_of_kubelet(event: &Event) -> bool {
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref());
    event.source == Source::Kubernetes
        && kind == Some("pods/status")
        && event.what.outcome == Outcome::Success
        && event.who.r#as.is_none()
        && event.who.name.as_deref().is_some_and(|name| name.starts_with("system:node:"))
}

/// The containers that a pod's status names.
pub fn status_containers(event: &Event) -> impl Iterator<Item = &Object> {
    let told = is_status_of_kubelet(event);
    event.what.objects.iter().filter(move |object| told && object.kind.as_deref() == Some("container"))
}

/// The value of an argument of an event.
pub fn argument<'e>(event: &'e Event, name: &str) -> Option<&'e str> {
    event.how.args.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A file that a call wrote, made or put in the place of another, as far as its inode was recorded.
#[derive(Debug, Clone, Copy)]
pub struct Written<'e> {
    /// Device and inode, `fe:00/1048588`.
    pub inode: &'e str,
    /// Its path, as the call named it.
    pub path: Option<&'e str>,
}

/// Calls that give a name to a file, or change what stands in it, whatever their flags.
const WRITING_CALLS: &[&str] = &["creat", "truncate", "rename", "renameat", "renameat2", "link", "linkat"];

/// The files that an event says were written: opened for writing, truncated, or put in their place. Of an open file it is not recorded when it is
/// written, nor when it is closed.
pub fn written(event: &Event) -> impl Iterator<Item = Written<'_>> {
    let call = event.how.syscall.as_deref().unwrap_or("");
    let for_writing = || {
        let flags = argument(event, "flags").unwrap_or("");
        flags.split('|').any(|flag| matches!(flag, "O_WRONLY" | "O_RDWR" | "O_TRUNC"))
    };
    let is_write = event.source == Source::Linux
        && event.what.outcome == Outcome::Success
        && (WRITING_CALLS.contains(&call) || (matches!(call, "open" | "openat" | "openat2") && for_writing()));
    let all = event.what.object.iter().chain(&event.what.objects);
    all.filter(move |object| {
        is_write
            && object.kind.as_deref() == Some("file")
            && !matches!(object.role.as_deref(), Some("PARENT" | "DELETE" | "UNKNOWN"))
    })
    .filter_map(|object| Some(Written { inode: object.inode.as_deref()?, path: object.path.as_deref() }))
}

/// The files whose name a call took away: removed, or replaced by another.
pub fn unlinked(event: &Event) -> impl Iterator<Item = Written<'_>> {
    let is_call = event.source == Source::Linux && event.what.outcome == Outcome::Success;
    let all = || event.what.object.iter().chain(&event.what.objects);
    let gone = move |object: &&Object| is_call && object.role.as_deref() == Some("DELETE");
    all()
        .filter(gone)
        .filter_map(|object| Some(Written { inode: object.inode.as_deref()?, path: object.path.as_deref() }))
        // A file that is renamed has two names in one event, and lives on.
        .filter(move |file| !written(event).any(|other| other.inode == file.inode))
}

/// A file that a call opened to read it, and for nothing else: path and inode.
pub fn opened_to_read(event: &Event) -> Option<Written<'_>> {
    let call = event.how.syscall.as_deref()?;
    let flags = argument(event, "flags")?;
    let other = |flag: &str| matches!(flag, "O_WRONLY" | "O_RDWR" | "O_TRUNC" | "O_DIRECTORY" | "O_PATH");
    if event.source != Source::Linux
        || event.what.outcome != Outcome::Success
        || !matches!(call, "open" | "openat" | "openat2")
        || flags.split('|').any(other)
    {
        return None;
    }
    let object = event.what.object.as_ref().filter(|object| object.kind.as_deref() == Some("file"))?;
    let inode = object.inode.as_deref().filter(|_| object.role.as_deref() == Some("NORMAL"))?;
    Some(Written { inode, path: Some(object.path.as_deref()?) })
}

/// A file that the kubelet of the node opened to read it: path and inode.
pub fn read_by_kubelet(event: &Event) -> Option<Written<'_>> {
    let call = event.how.syscall.as_deref()?;
    let who = &event.who;
    let is_daemon = who.login.as_ref().is_none_or(|login| login.auid.is_none())
        && who.effective.as_ref().and_then(|effective| effective.uid) == Some(0);
    let exe = event.how.exe.as_deref()?;
    let reads = matches!(call, "open" | "openat" | "openat2") && written(event).next().is_none();
    if event.source != Source::Linux
        || event.what.outcome != Outcome::Success
        || !is_daemon
        || !reads
        || exe.rsplit('/').next() != Some("kubelet")
        || argument(event, "flags").is_some_and(|flags| flags.contains("O_DIRECTORY"))
    {
        return None;
    }
    let object = event.what.object.as_ref().filter(|object| object.kind.as_deref() == Some("file"))?;
    let path = object.path.as_deref()?;
    let is_other = [".crt", ".key", ".pem", ".conf", ".kubeconfig"].iter().any(|end| path.ends_with(end));
    let inode = object.inode.as_deref().filter(|_| !is_other)?;
    Some(Written { inode, path: Some(path) })
}

/// The pod that the kubelet says it got from a file: namespace and name.
pub fn manifest_pod(event: &Event) -> Option<(&str, &str)> {
    let told = matches!(event.what.action.as_str(), "syncloop-add" | "syncloop-update");
    of_file(event).filter(|_| told)
}

/// The pod whose file is gone, as the kubelet says.
pub fn manifest_gone(event: &Event) -> Option<(&str, &str)> {
    of_file(event).filter(|_| event.what.action == "syncloop-remove")
}

fn of_file(event: &Event) -> Option<(&str, &str)> {
    if event.source != Source::Kubelet || argument(event, "source") != Some("file") {
        return None;
    }
    Some((event.r#where.namespace.as_deref()?, event.r#where.pod.as_deref()?))
}

/// The node whose kubelet made a pod: only that of a manifest on its own disk.
pub fn mirrored_by(event: &Event) -> Option<&str> {
    let kind = event.what.object.as_ref().and_then(|object| object.kind.as_deref());
    let made = event.source == Source::Kubernetes
        && kind == Some("pods")
        && event.what.action == "create"
        && event.what.outcome == Outcome::Success
        && event.who.r#as.is_none();
    event.who.name.as_deref()?.strip_prefix("system:node:").filter(|_| made)
}

/// A pod's uid that no API server gave: the hash of a manifest.
pub fn is_manifest_uid(uid: &str) -> bool {
    uid.len() == 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A session of a login that began: its number, as the kernel keeps it, and the login's id.
pub fn session_began(event: &Event) -> Option<(u32, u32)> {
    let login = event.who.login.as_ref()?;
    let began = matches!(event.what.action.as_str(), "changed-login-id" | "logged-in" | "started-session");
    if event.source != Source::Linux || !began || event.what.outcome != Outcome::Success {
        return None;
    }
    Some((login.ses?, login.auid?))
}

/// The name that a login program says was let in, at its own place in the node's log.
pub fn let_in(event: &Event) -> Option<&str> {
    let is_login = event.source == Source::Syslog && event.what.action == "logged-in";
    event.who.name.as_deref().filter(|_| is_login && event.what.outcome == Outcome::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_where_distributions_install_them() {
        for exe in [
            "/usr/sbin/runc",
            "/usr/local/sbin/runc",
            "/usr/bin/crun",
            "/snap/microk8s/7394/bin/runc",
            "/var/lib/rancher/k3s/data/5f3a/bin/runc",
            "/nix/store/0c1a-runc-1.2.3/bin/runc",
        ] {
            assert!(is_runtime(exe), "{exe}");
        }
        for exe in
            ["/tmp/runc", "/dev/shm/usr/bin/runc", "runc", "/", "", "/usr/../tmp/runc", "/usr/bin/runc (deleted)"]
        {
            assert!(!is_runtime(exe), "{exe}");
        }
        assert!(is_shim("/usr/libexec/crio/conmon") && is_shim("/var/lib/k0s/bin/containerd-shim-runc-v2"));
        assert!(is_daemon("/usr/bin/containerd") && !is_daemon("/usr/bin/containerd-shim"));
    }
}

//! What sort of action an event is, for schemas that sort events into classes.
//!
//! Inside: one table of actions and one of system calls. Not here: what logs of daemons and applications tell (`said`), the classes of a schema (`ocsf`,
//! `ecs`), how an action gets its name (`normalise`).

use super::said;
use crate::query::json::text;
use serde_json::Value;

/// The sort of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// A request to the Kubernetes API.
    Api,
    /// A program was executed in the process.
    Exec,
    /// A command was run for somebody (sudo).
    Command,
    /// A process took another identity.
    SetUser,
    /// A process ended, or was ended.
    End,
    /// Something else was done to a process: a signal, a trace, a fork.
    Process,
    /// Something was done to a file.
    File(File),
    /// Somebody logged in or was authenticated.
    Logon,
    /// A session ended.
    Logoff,
    /// Another part of a login (accounting, credentials).
    Session,
    /// Somebody goes on as another user: sudo, su, impersonation.
    Switch,
    /// A user account was changed.
    Account(Change),
    /// A group was changed.
    Group(Change),
    /// A user or a role was given a privilege, or lost it.
    Access {
        /// Given, else taken away.
        grant: bool,
    },
    /// A request of HTTP.
    Http,
    /// Something was done with a network socket, or to a packet.
    Net(Net),
    /// A kernel module.
    Module {
        /// Loaded, else unloaded.
        load: bool,
    },
    /// The log itself.
    Log(Log),
    /// None of these.
    Other,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Create,
    Read,
    Update,
    Delete,
    Rename,
    Attributes,
    Security,
    ReadAttributes,
    ReadSecurity,
    Mount,
    Unmount,
    Open,
    Other,
}

/// What was done to an account or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Create,
    Delete,
    Password,
    Lock,
    Unlock,
    Other,
}

/// What was done with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Net {
    Connect,
    Accept,
    Listen,
    Traffic,
    Refuse,
    Close,
}

/// What happened to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    Start,
    Stop,
    Rotate,
    Clear,
    Disable,
    Enable,
    Gap,
    Change,
}

/// The sort of an event's action.
pub(super) fn deed(event: &Value) -> Deed {
    let action = text(event, "what.action").unwrap_or_default().to_ascii_lowercase();
    match text(event, "source").as_deref() {
        Some("kubernetes") => Deed::Api,
        Some("self") => own(&action),
        Some("linux") => linux(event, &action),
        Some(source) => said::deed(event, source, &action),
        None => Deed::Other,
    }
}

fn own(action: &str) -> Deed {
    Deed::Log(match action {
        _ if action.contains("rotat") || action.contains("replace") => Log::Rotate,
        _ if action.contains("truncat") || action.contains("clear") => Log::Clear,
        _ if action.contains("start") => Log::Start,
        _ if action.contains("stop") => Log::Stop,
        _ if action.contains("gap") || action.contains("lost") => Log::Gap,
        _ => Log::Change,
    })
}

fn linux(event: &Value, action: &str) -> Deed {
    let named = ACTIONS.iter().find(|(words, _)| words.iter().all(|word| action.contains(word))).map(|(_, deed)| *deed);
    if let Some(deed) = named {
        return match (deed, text(event, "what.object.name").as_deref()) {
            (Deed::Log(Log::Change), Some("audit_enabled=0")) => Deed::Log(Log::Disable),
            (Deed::Log(Log::Change), Some("audit_enabled=1" | "audit_enabled=2")) => Deed::Log(Log::Enable),
            _ => deed,
        };
    }
    if let Some(deed) = text(event, "how.syscall").and_then(|name| syscall(&name)) {
        return match deed {
            Deed::File(File::Open) if text(event, "what.object.role").as_deref() == Some("CREATE") => {
                Deed::File(File::Create)
            }
            other => other,
        };
    }
    if text(event, "what.object.path").is_some() {
        return Deed::File(by_words(action));
    }
    let net = text(event, "how.net.src").or_else(|| text(event, "how.net.dst"));
    if net.is_some() { Deed::Net(Net::Traffic) } else { Deed::Other }
}

/// Actions that say more than the system call they came by: every word is in the name. The first that fits.
const ACTIONS: &[(&[&str], Deed)] = &[
    (&["rotat", "audit"], Deed::Log(Log::Rotate)),
    (&["start", "audit"], Deed::Log(Log::Start)),
    (&["initialised", "audit"], Deed::Log(Log::Start)),
    (&["resum", "audit"], Deed::Log(Log::Start)),
    (&["shut", "audit"], Deed::Log(Log::Stop)),
    (&["stop", "audit"], Deed::Log(Log::Stop)),
    (&["abort", "audit"], Deed::Log(Log::Stop)),
    (&["audit"], Deed::Log(Log::Change)),
    (&["group", "password"], Deed::Group(Change::Password)),
    (&["password"], Deed::Account(Change::Password)),
    (&["authenticat"], Deed::Logon),
    (&["add", "group"], Deed::Group(Change::Create)),
    (&["delete", "group"], Deed::Group(Change::Delete)),
    (&["chang", "group"], Deed::Group(Change::Other)),
    (&["modif", "group"], Deed::Group(Change::Other)),
    (&["add", "user"], Deed::Account(Change::Create)),
    (&["delete", "user"], Deed::Account(Change::Delete)),
    (&["chang", "user"], Deed::Account(Change::Other)),
    (&["modif", "user"], Deed::Account(Change::Other)),
    (&["unlock", "account"], Deed::Account(Change::Unlock)),
    (&["lock", "account"], Deed::Account(Change::Lock)),
    (&["add", "account"], Deed::Account(Change::Create)),
    (&["delete", "account"], Deed::Account(Change::Delete)),
    (&["chang", "account"], Deed::Account(Change::Other)),
    (&["log-in"], Deed::Logon),
    (&["logged-in"], Deed::Logon),
    (&["start", "session"], Deed::Logon),
    (&["log-out"], Deed::Logoff),
    (&["logged-out"], Deed::Logoff),
    (&["end", "session"], Deed::Logoff),
    (&["credential"], Deed::Session),
    (&["authorized"], Deed::Session),
    (&["account-error"], Deed::Session),
    (&["login"], Deed::Session),
    (&["command"], Deed::Command),
    (&["unload", "module"], Deed::Module { load: false }),
    (&["remove", "module"], Deed::Module { load: false }),
    (&["load", "module"], Deed::Module { load: true }),
    (&["packet"], Deed::Net(Net::Traffic)),
    (&["crashed"], Deed::End),
    // Beside a system call that is only how they were asked for (sendto, setsockopt, write).
    (&["firewall"], Deed::Other),
    (&["netfilter"], Deed::Other),
    (&["promiscuous"], Deed::Other),
    (&["network-labels"], Deed::Other),
    (&["ipsec"], Deed::Other),
    (&["bpf"], Deed::Other),
    (&["integrity"], Deed::Other),
    (&["device-mapper"], Deed::Other),
    (&["chang", "apparmor"], Deed::Other),
    (&["chang", "selinux"], Deed::Other),
    (&["load", "selinux"], Deed::Other),
    (&["typed"], Deed::Other),
    (&["service"], Deed::Other),
    (&["system-time"], Deed::Other),
];

fn by_words(action: &str) -> File {
    let words: [(&str, File); 10] = [
        ("open", File::Open),
        ("creat", File::Create),
        ("delet", File::Delete),
        ("remov", File::Delete),
        ("renam", File::Rename),
        ("unmount", File::Unmount),
        ("mount", File::Mount),
        ("permission", File::Security),
        ("owner", File::Security),
        ("attribute", File::Attributes),
    ];
    words.iter().find(|(word, _)| action.contains(word)).map_or(File::Other, |(_, file)| *file)
}

fn syscall(name: &str) -> Option<Deed> {
    Some(match name {
        "execve" | "execveat" => Deed::Exec,
        "open" | "openat" | "openat2" | "open_by_handle_at" => Deed::File(File::Open),
        "creat" | "mkdir" | "mkdirat" | "mknod" | "mknodat" | "link" | "linkat" | "symlink" | "symlinkat" => {
            Deed::File(File::Create)
        }
        "read" | "pread64" | "readv" | "readlink" | "readlinkat" | "getdents" | "getdents64" => Deed::File(File::Read),
        "write" | "pwrite64" | "writev" | "truncate" | "ftruncate" | "fallocate" => Deed::File(File::Update),
        "unlink" | "unlinkat" | "rmdir" => Deed::File(File::Delete),
        "rename" | "renameat" | "renameat2" => Deed::File(File::Rename),
        "utime" | "utimes" | "utimensat" | "utimensat_time64" | "futimesat" | "file_setattr" => {
            Deed::File(File::Attributes)
        }
        "chmod" | "fchmod" | "fchmodat" | "fchmodat2" | "chown" | "chown32" | "fchown" | "fchown32" | "lchown"
        | "lchown32" | "fchownat" | "setxattr" | "lsetxattr" | "fsetxattr" | "setxattrat" | "removexattr"
        | "lremovexattr" | "fremovexattr" | "removexattrat" => Deed::File(File::Security),
        "stat" | "lstat" | "fstat" | "stat64" | "lstat64" | "newfstatat" | "statx" | "access" | "faccessat"
        | "faccessat2" => Deed::File(File::ReadAttributes),
        "getxattr" | "lgetxattr" | "fgetxattr" | "getxattrat" => Deed::File(File::ReadSecurity),
        "mount" | "move_mount" | "fsmount" | "mount_setattr" => Deed::File(File::Mount),
        "umount" | "umount2" => Deed::File(File::Unmount),
        "setuid" | "setuid32" | "setreuid" | "setreuid32" | "setresuid" | "setresuid32" | "setfsuid" | "setfsuid32"
        | "setgid" | "setgid32" | "setregid" | "setregid32" | "setresgid" | "setresgid32" | "setfsgid"
        | "setfsgid32" | "setgroups" | "setgroups32" => Deed::SetUser,
        "exit" | "exit_group" => Deed::End,
        // A signal need not end anything, and of a fork the records do not name the child.
        "kill" | "tkill" | "tgkill" | "rt_sigqueueinfo" | "rt_tgsigqueueinfo" | "pidfd_send_signal" | "ptrace"
        | "process_vm_readv" | "process_vm_writev" | "clone" | "clone3" | "fork" | "vfork" => Deed::Process,
        "connect" => Deed::Net(Net::Connect),
        "accept" | "accept4" => Deed::Net(Net::Accept),
        "bind" | "listen" => Deed::Net(Net::Listen),
        "sendto" | "sendmsg" | "sendmmsg" | "recvfrom" | "recvmsg" | "recvmmsg" => Deed::Net(Net::Traffic),
        "shutdown" => Deed::Net(Net::Close),
        "init_module" | "finit_module" => Deed::Module { load: true },
        "delete_module" => Deed::Module { load: false },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn deeds() {
        let check = |source: &str, action: &str, syscall: Option<&str>, role: Option<&str>, expected: Deed| {
            let event = json!({"source": source, "what": {"action": action, "object": {"role": role}}, "how": {"syscall": syscall}});
            assert_eq!(deed(&event), expected, "{source} {action} {syscall:?}");
        };
        check("kubernetes", "delete", None, None, Deed::Api);
        check("linux", "executed", Some("execve"), None, Deed::Exec);
        check("linux", "opened-file", Some("openat"), None, Deed::File(File::Open));
        check("linux", "opened-file", Some("openat"), Some("CREATE"), Deed::File(File::Create));
        check("linux", "changed-audit-configuration", Some("sendto"), None, Deed::Log(Log::Change));
        check("linux", "started-audit", None, None, Deed::Log(Log::Start));
        check("linux", "deleted-user-account", None, None, Deed::Account(Change::Delete));
        check("linux", "tried-to-log-in", None, None, Deed::Logon);
        check("linux", "changed-login-id", None, None, Deed::Session);
        check("linux", "tried-to-change-user", None, None, Deed::Account(Change::Other));
        check("linux", "tried-to-lock-account", None, None, Deed::Account(Change::Lock));
        check("linux", "removed-kernel-module", Some("delete_module"), None, Deed::Module { load: false });
        check("linux", "changed-firewall", Some("sendto"), None, Deed::Other);
        check("linux", "violated-apparmor-policy", Some("execve"), None, Deed::Exec);
        check("linux", "sent-signal", Some("kill"), None, Deed::Process);
        check("linux", "tried-to-rotate-audit-logs", None, None, Deed::Log(Log::Rotate));
        check("linux", "changed-password", None, None, Deed::Account(Change::Password));
        check("linux", "added-group-account-using", None, None, Deed::Group(Change::Create));
        check("linux", "logged-in", None, None, Deed::Logon);
        check("linux", "ended-session", None, None, Deed::Logoff);
        check("linux", "acquired-credentials", None, None, Deed::Session);
        check("linux", "loaded-firewall-rule-to", Some("setsockopt"), None, Deed::Other);
        check("linux", "unloaded-kernel-module", Some("delete_module"), None, Deed::Module { load: false });
        check("linux", "syscall 59", Some("59"), None, Deed::Other);
        check("self", "gap", None, None, Deed::Log(Log::Gap));
        check("self", "bad-record", None, None, Deed::Log(Log::Change));
        check("kubelet", "x", None, None, Deed::Other);
    }
}

//! Actions of system calls, by name: what was done, what was only tried, and what it is done to.
//!
//! A system call that failed, or of which the records do not say whether it succeeded, was tried. A call that is not in here has the
//! action `syscall NAME`. Not here: actions of record types (`records`).

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a system call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verb {
    /// The action when it succeeded.
    pub done: &'static str,
    /// The action when it did not.
    pub tried: &'static str,
    /// What it is done to.
    pub object: ObjectOf,
}

/// Where the object of an action is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectOf {
    /// The file that is executed: the first PATH item.
    Exec,
    /// The file itself, not its directory.
    File,
    /// The file that came to be.
    New,
    /// The file that ceased to be.
    Gone,
    /// The old name; the new one follows.
    Rename,
    /// The socket's peer or own address.
    Socket,
    /// The other process.
    Process,
    /// None in its records.
    Nothing,
}

/// The verb of a system call.
pub(super) fn verb(syscall: &str) -> Option<Verb> {
    BY_NAME.get(syscall).copied()
}

static BY_NAME: LazyLock<HashMap<&str, Verb, foldhash::fast::RandomState>> =
    LazyLock::new(|| VERBS.iter().copied().collect());

/// Sorted by name.
#[rustfmt::skip]
static VERBS: &[(&str, Verb)] = &[
    ("accept", Verb { done: "accepted-connection", tried: "tried-to-accept-connection", object: ObjectOf::Socket }),
    ("accept4", Verb { done: "accepted-connection", tried: "tried-to-accept-connection", object: ObjectOf::Socket }),
    ("access", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("acct", Verb { done: "changed-process-accounting", tried: "tried-to-change-process-accounting", object: ObjectOf::File }),
    ("adjtimex", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("bind", Verb { done: "bound", tried: "tried-to-bind", object: ObjectOf::Socket }),
    ("bpf", Verb { done: "called-bpf", tried: "tried-to-call-bpf", object: ObjectOf::Nothing }),
    ("capset", Verb { done: "changed-capabilities", tried: "tried-to-change-capabilities", object: ObjectOf::Nothing }),
    ("chdir", Verb { done: "changed-working-directory", tried: "tried-to-change-working-directory", object: ObjectOf::File }),
    ("chmod", Verb { done: "changed-permissions", tried: "tried-to-change-permissions", object: ObjectOf::File }),
    ("chown", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("chown32", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("chroot", Verb { done: "changed-root", tried: "tried-to-change-root", object: ObjectOf::File }),
    ("clock_adjtime", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("clock_adjtime64", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("clock_settime", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("clock_settime64", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("clone", Verb { done: "created-process", tried: "tried-to-create-process", object: ObjectOf::Nothing }),
    ("clone3", Verb { done: "created-process", tried: "tried-to-create-process", object: ObjectOf::Nothing }),
    ("connect", Verb { done: "connected", tried: "tried-to-connect", object: ObjectOf::Socket }),
    ("creat", Verb { done: "created-file", tried: "tried-to-create-file", object: ObjectOf::New }),
    ("delete_module", Verb { done: "removed-kernel-module", tried: "tried-to-remove-kernel-module", object: ObjectOf::Nothing }),
    ("execve", Verb { done: "executed", tried: "tried-to-execute", object: ObjectOf::Exec }),
    ("execveat", Verb { done: "executed", tried: "tried-to-execute", object: ObjectOf::Exec }),
    ("faccessat", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("faccessat2", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("fchdir", Verb { done: "changed-working-directory", tried: "tried-to-change-working-directory", object: ObjectOf::File }),
    ("fchmod", Verb { done: "changed-permissions", tried: "tried-to-change-permissions", object: ObjectOf::File }),
    ("fchmodat", Verb { done: "changed-permissions", tried: "tried-to-change-permissions", object: ObjectOf::File }),
    ("fchmodat2", Verb { done: "changed-permissions", tried: "tried-to-change-permissions", object: ObjectOf::File }),
    ("fchown", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("fchown32", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("fchownat", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("fgetxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("file_getattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("file_setattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("finit_module", Verb { done: "loaded-kernel-module", tried: "tried-to-load-kernel-module", object: ObjectOf::File }),
    ("flistxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("fork", Verb { done: "created-process", tried: "tried-to-create-process", object: ObjectOf::Nothing }),
    ("fremovexattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("fsetxattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("fsmount", Verb { done: "mounted", tried: "tried-to-mount", object: ObjectOf::File }),
    ("fstat", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("fstat64", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("fstatat64", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("ftruncate", Verb { done: "truncated-file", tried: "tried-to-truncate-file", object: ObjectOf::File }),
    ("futimesat", Verb { done: "changed-times", tried: "tried-to-change-times", object: ObjectOf::File }),
    ("getxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("getxattrat", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("init_module", Verb { done: "loaded-kernel-module", tried: "tried-to-load-kernel-module", object: ObjectOf::File }),
    ("ioperm", Verb { done: "gained-port-access", tried: "tried-to-gain-port-access", object: ObjectOf::Nothing }),
    ("iopl", Verb { done: "gained-port-access", tried: "tried-to-gain-port-access", object: ObjectOf::Nothing }),
    ("kexec_file_load", Verb { done: "loaded-kernel", tried: "tried-to-load-kernel", object: ObjectOf::Nothing }),
    ("kexec_load", Verb { done: "loaded-kernel", tried: "tried-to-load-kernel", object: ObjectOf::Nothing }),
    ("kill", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("lchown", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("lchown32", Verb { done: "changed-owner", tried: "tried-to-change-owner", object: ObjectOf::File }),
    ("lgetxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("link", Verb { done: "linked", tried: "tried-to-link", object: ObjectOf::New }),
    ("linkat", Verb { done: "linked", tried: "tried-to-link", object: ObjectOf::New }),
    ("listen", Verb { done: "listened", tried: "tried-to-listen", object: ObjectOf::Socket }),
    ("listxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("listxattrat", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("llistxattr", Verb { done: "read-attributes", tried: "tried-to-read-attributes", object: ObjectOf::File }),
    ("lremovexattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("lsetxattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("lstat", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("lstat64", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("memfd_create", Verb { done: "created-anonymous-file", tried: "tried-to-create-anonymous-file", object: ObjectOf::Nothing }),
    ("mkdir", Verb { done: "created-directory", tried: "tried-to-create-directory", object: ObjectOf::New }),
    ("mkdirat", Verb { done: "created-directory", tried: "tried-to-create-directory", object: ObjectOf::New }),
    ("mknod", Verb { done: "created-node", tried: "tried-to-create-node", object: ObjectOf::New }),
    ("mknodat", Verb { done: "created-node", tried: "tried-to-create-node", object: ObjectOf::New }),
    ("mount", Verb { done: "mounted", tried: "tried-to-mount", object: ObjectOf::File }),
    ("mount_setattr", Verb { done: "mounted", tried: "tried-to-mount", object: ObjectOf::File }),
    ("move_mount", Verb { done: "mounted", tried: "tried-to-mount", object: ObjectOf::File }),
    ("newfstatat", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("open", Verb { done: "opened-file", tried: "tried-to-open-file", object: ObjectOf::File }),
    ("open_by_handle_at", Verb { done: "opened-file", tried: "tried-to-open-file", object: ObjectOf::File }),
    ("open_tree", Verb { done: "mounted", tried: "tried-to-mount", object: ObjectOf::File }),
    ("openat", Verb { done: "opened-file", tried: "tried-to-open-file", object: ObjectOf::File }),
    ("openat2", Verb { done: "opened-file", tried: "tried-to-open-file", object: ObjectOf::File }),
    ("perf_event_open", Verb { done: "opened-performance-counter", tried: "tried-to-open-performance-counter", object: ObjectOf::Nothing }),
    ("pidfd_send_signal", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("pivot_root", Verb { done: "changed-root", tried: "tried-to-change-root", object: ObjectOf::File }),
    ("process_vm_readv", Verb { done: "read-process-memory", tried: "tried-to-read-process-memory", object: ObjectOf::Process }),
    ("process_vm_writev", Verb { done: "wrote-process-memory", tried: "tried-to-write-process-memory", object: ObjectOf::Process }),
    ("ptrace", Verb { done: "traced-process", tried: "tried-to-trace-process", object: ObjectOf::Process }),
    ("quotactl", Verb { done: "changed-quota", tried: "tried-to-change-quota", object: ObjectOf::File }),
    ("quotactl_fd", Verb { done: "changed-quota", tried: "tried-to-change-quota", object: ObjectOf::File }),
    ("readlink", Verb { done: "read-link", tried: "tried-to-read-link", object: ObjectOf::File }),
    ("readlinkat", Verb { done: "read-link", tried: "tried-to-read-link", object: ObjectOf::File }),
    ("reboot", Verb { done: "rebooted", tried: "tried-to-reboot", object: ObjectOf::Nothing }),
    ("recvfrom", Verb { done: "received", tried: "tried-to-receive", object: ObjectOf::Socket }),
    ("recvmmsg", Verb { done: "received", tried: "tried-to-receive", object: ObjectOf::Socket }),
    ("recvmmsg_time64", Verb { done: "received", tried: "tried-to-receive", object: ObjectOf::Socket }),
    ("recvmsg", Verb { done: "received", tried: "tried-to-receive", object: ObjectOf::Socket }),
    ("removexattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("removexattrat", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("rename", Verb { done: "renamed", tried: "tried-to-rename", object: ObjectOf::Rename }),
    ("renameat", Verb { done: "renamed", tried: "tried-to-rename", object: ObjectOf::Rename }),
    ("renameat2", Verb { done: "renamed", tried: "tried-to-rename", object: ObjectOf::Rename }),
    ("rmdir", Verb { done: "deleted", tried: "tried-to-delete", object: ObjectOf::Gone }),
    ("rt_sigqueueinfo", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("rt_tgsigqueueinfo", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("sendmmsg", Verb { done: "sent", tried: "tried-to-send", object: ObjectOf::Socket }),
    ("sendmsg", Verb { done: "sent", tried: "tried-to-send", object: ObjectOf::Socket }),
    ("sendto", Verb { done: "sent", tried: "tried-to-send", object: ObjectOf::Socket }),
    ("setdomainname", Verb { done: "changed-hostname", tried: "tried-to-change-hostname", object: ObjectOf::Nothing }),
    ("setfsgid", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setfsgid32", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setfsuid", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setfsuid32", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setgid", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setgid32", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setgroups", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setgroups32", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("sethostname", Verb { done: "changed-hostname", tried: "tried-to-change-hostname", object: ObjectOf::Nothing }),
    ("setns", Verb { done: "entered-namespace", tried: "tried-to-enter-namespace", object: ObjectOf::Nothing }),
    ("setregid", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setregid32", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setresgid", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setresgid32", Verb { done: "changed-gid", tried: "tried-to-change-gid", object: ObjectOf::Nothing }),
    ("setresuid", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setresuid32", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setreuid", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setreuid32", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("settimeofday", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("setuid", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setuid32", Verb { done: "changed-uid", tried: "tried-to-change-uid", object: ObjectOf::Nothing }),
    ("setxattr", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("setxattrat", Verb { done: "changed-attributes", tried: "tried-to-change-attributes", object: ObjectOf::File }),
    ("socket", Verb { done: "created-socket", tried: "tried-to-create-socket", object: ObjectOf::Socket }),
    ("socketpair", Verb { done: "created-socket", tried: "tried-to-create-socket", object: ObjectOf::Socket }),
    ("stat", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("stat64", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("statx", Verb { done: "checked-file", tried: "tried-to-check-file", object: ObjectOf::File }),
    ("stime", Verb { done: "changed-system-time", tried: "tried-to-change-system-time", object: ObjectOf::Nothing }),
    ("swapoff", Verb { done: "disabled-swap", tried: "tried-to-disable-swap", object: ObjectOf::File }),
    ("swapon", Verb { done: "enabled-swap", tried: "tried-to-enable-swap", object: ObjectOf::File }),
    ("symlink", Verb { done: "created-symbolic-link", tried: "tried-to-create-symbolic-link", object: ObjectOf::New }),
    ("symlinkat", Verb { done: "created-symbolic-link", tried: "tried-to-create-symbolic-link", object: ObjectOf::New }),
    ("tgkill", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("tkill", Verb { done: "sent-signal", tried: "tried-to-send-signal", object: ObjectOf::Process }),
    ("truncate", Verb { done: "truncated-file", tried: "tried-to-truncate-file", object: ObjectOf::File }),
    ("umount", Verb { done: "unmounted", tried: "tried-to-unmount", object: ObjectOf::File }),
    ("umount2", Verb { done: "unmounted", tried: "tried-to-unmount", object: ObjectOf::File }),
    ("unlink", Verb { done: "deleted", tried: "tried-to-delete", object: ObjectOf::Gone }),
    ("unlinkat", Verb { done: "deleted", tried: "tried-to-delete", object: ObjectOf::Gone }),
    ("unshare", Verb { done: "created-namespace", tried: "tried-to-create-namespace", object: ObjectOf::Nothing }),
    ("utime", Verb { done: "changed-times", tried: "tried-to-change-times", object: ObjectOf::File }),
    ("utimensat", Verb { done: "changed-times", tried: "tried-to-change-times", object: ObjectOf::File }),
    ("utimensat_time64", Verb { done: "changed-times", tried: "tried-to-change-times", object: ObjectOf::File }),
    ("utimes", Verb { done: "changed-times", tried: "tried-to-change-times", object: ObjectOf::File }),
    ("vfork", Verb { done: "created-process", tried: "tried-to-create-process", object: ObjectOf::Nothing }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(VERBS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, expected) in VERBS {
            assert_eq!(verb(name), Some(*expected));
        }
        assert_eq!(verb("read"), None);
    }
}

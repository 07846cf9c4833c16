//! The arguments of system calls, by name: `a1=241` of `open` is `flags=O_WRONLY|O_CREAT|O_TRUNC`.
//!
//! Names are the kernel's own (its `SYSCALL_DEFINE`s). The kernel records four arguments; pointers say nothing and are left out, as the memory that they
//! point to is not in the record.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::arch::Arch;
use super::super::tables::{self, Set};
use super::words;

/// One argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The field that holds it: `a0` to `a3`.
    pub field: &'static str,
    /// Its name in the kernel.
    pub name: &'static str,
    /// What it stands for.
    pub text: String,
}

/// What a SYSCALL record holds of its arguments: `a0` to `a3`, as numbers.
pub type Arguments = [Option<u64>; 4];

/// What one argument is.
#[derive(Clone, Copy)]
enum Kind {
    /// Says nothing: a pointer, or a size that nobody asks for.
    Skip,
    /// A descriptor, a count, a process: decimal, with its sign.
    Number,
    /// The directory that a path begins at.
    At,
    Size,
    Octal,
    /// Type and permissions.
    FileMode,
    /// Permissions, where the flags of `open` (this argument) make a file.
    OctalOfOpen(usize),
    Id,
    Flags(&'static Set),
    One(&'static Set),
    Open,
    Prot,
    Map,
    Process,
    Namespaces,
    /// Flags of calls that take a directory, `access` among them.
    Access,
    SocketType,
    /// By the family, which is the first argument.
    SocketProtocol,
    SocketOption,
    Signal,
    /// By the option, which is the first argument.
    PrctlValue,
    FcntlValue,
    OpenTree,
    Personality,
    Device,
}

use Kind::{
    Access, At, Device, FcntlValue, FileMode, Flags, Id, Map, Namespaces, Number, Octal, OctalOfOpen, One, Open,
    OpenTree, Personality, PrctlValue, Process, Prot, Signal, Size, Skip, SocketOption, SocketProtocol, SocketType,
};

/// A system call's arguments, the first four at most.
type Call = (&'static str, Kinds);
type Kinds = &'static [(&'static str, Kind)];

const PATH: (&str, Kind) = ("", Skip);

static BY_NAME: LazyLock<HashMap<&str, Kinds, foldhash::fast::RandomState>> =
    LazyLock::new(|| CALLS.iter().copied().collect());

/// Sorted by name.
#[rustfmt::skip]
static CALLS: &[Call] = &[
    ("accept", &[("fd", Number)]),
    ("accept4", &[("fd", Number), PATH, PATH, ("flags", Flags(&tables::SOCK_FLAG))]),
    ("access", &[PATH, ("mode", Access)]),
    ("bind", &[("fd", Number)]),
    ("bpf", &[("cmd", One(&tables::BPF)), PATH, ("size", Size)]),
    ("chmod", &[PATH, ("mode", Octal)]),
    ("chown", &[PATH, ("user", Id), ("group", Id)]),
    ("chown32", &[PATH, ("user", Id), ("group", Id)]),
    ("clone", &[("flags", Process)]),
    ("connect", &[("fd", Number)]),
    ("creat", &[PATH, ("mode", Octal)]),
    ("delete_module", &[PATH, ("flags", Open)]),
    ("dup2", &[("oldfd", Number), ("newfd", Number)]),
    ("dup3", &[("oldfd", Number), ("newfd", Number), ("flags", Open)]),
    ("execveat", &[("fd", At), PATH, PATH, PATH]),
    ("faccessat", &[("dfd", At), PATH, ("mode", Access)]),
    ("faccessat2", &[("dfd", At), PATH, ("mode", Access), ("flags", Flags(&tables::AT))]),
    ("fchdir", &[("fd", Number)]),
    ("fchmod", &[("fd", Number), ("mode", Octal)]),
    ("fchmodat", &[("dfd", At), PATH, ("mode", Octal)]),
    ("fchmodat2", &[("dfd", At), PATH, ("mode", Octal), ("flags", Flags(&tables::AT))]),
    ("fchown", &[("fd", Number), ("user", Id), ("group", Id)]),
    ("fchown32", &[("fd", Number), ("user", Id), ("group", Id)]),
    ("fchownat", &[("dfd", At), PATH, ("user", Id), ("group", Id)]),
    ("fcntl", &[("fd", Number), ("cmd", One(&tables::FCNTL)), ("arg", FcntlValue)]),
    ("fcntl64", &[("fd", Number), ("cmd", One(&tables::FCNTL)), ("arg", FcntlValue)]),
    ("finit_module", &[("fd", Number), PATH, ("flags", Flags(&tables::MODULE))]),
    ("fsetxattr", &[("fd", Number), PATH, PATH, ("size", Size)]),
    ("fsmount", &[("fs_fd", Number), ("flags", Skip), ("attr_flags", Flags(&tables::MOUNT_ATTR))]),
    ("fstatat64", &[("dfd", At), PATH, PATH, ("flag", Flags(&tables::AT))]),
    ("ftruncate", &[("fd", Number), ("length", Size)]),
    ("init_module", &[PATH, ("len", Size)]),
    ("ioctl", &[("fd", Number), ("cmd", Skip)]),
    ("ipc", &[("call", One(&tables::IPC))]),
    ("kexec_file_load", &[("kernel_fd", Number), ("initrd_fd", Number)]),
    ("kexec_load", &[PATH, ("nr_segments", Size), PATH, ("flags", Flags(&tables::KEXEC))]),
    ("keyctl", &[("option", One(&tables::KEYCTL))]),
    ("kill", &[("pid", Number), ("sig", Signal)]),
    ("lchown", &[PATH, ("user", Id), ("group", Id)]),
    ("lchown32", &[PATH, ("user", Id), ("group", Id)]),
    ("linkat", &[("olddfd", At), PATH, ("newdfd", At)]),
    ("listen", &[("fd", Number), ("backlog", Number)]),
    ("memfd_create", &[PATH, ("flags", Flags(&tables::MEMFD))]),
    ("mkdir", &[PATH, ("mode", Octal)]),
    ("mkdirat", &[("dfd", At), PATH, ("mode", Octal)]),
    ("mknod", &[PATH, ("mode", FileMode), ("dev", Device)]),
    ("mknodat", &[("dfd", At), PATH, ("mode", FileMode), ("dev", Device)]),
    ("mmap", &[PATH, ("len", Size), ("prot", Prot), ("flags", Map)]),
    ("mmap2", &[PATH, ("len", Size), ("prot", Prot), ("flags", Map)]),
    ("mount", &[PATH, PATH, PATH, ("flags", Flags(&tables::MOUNT))]),
    ("mount_setattr", &[("dfd", At), PATH, ("flags", Flags(&tables::AT))]),
    ("move_mount", &[("from_dfd", At), PATH, ("to_dfd", At)]),
    ("mprotect", &[PATH, ("len", Size), ("prot", Prot)]),
    ("newfstatat", &[("dfd", At), PATH, PATH, ("flag", Flags(&tables::AT))]),
    ("open", &[PATH, ("flags", Open), ("mode", OctalOfOpen(1))]),
    ("open_by_handle_at", &[("mountdirfd", At), PATH, ("flags", Open)]),
    ("open_tree", &[("dfd", At), PATH, ("flags", OpenTree)]),
    ("openat", &[("dfd", At), PATH, ("flags", Open), ("mode", OctalOfOpen(2))]),
    ("openat2", &[("dfd", At), PATH, PATH, ("usize", Size)]),
    ("perf_event_open", &[PATH, ("pid", Number), ("cpu", Number), ("group_fd", Number)]),
    ("personality", &[("personality", Personality)]),
    ("pidfd_getfd", &[("pidfd", Number), ("fd", Number)]),
    ("pidfd_open", &[("pid", Number)]),
    ("pidfd_send_signal", &[("pidfd", Number), ("sig", Signal)]),
    ("pkey_mprotect", &[PATH, ("len", Size), ("prot", Prot), ("pkey", Number)]),
    ("prctl", &[("option", One(&tables::PRCTL)), ("arg2", PrctlValue)]),
    ("prlimit64", &[("pid", Number), ("resource", One(&tables::RLIMIT))]),
    ("process_vm_readv", &[("pid", Number)]),
    ("process_vm_writev", &[("pid", Number)]),
    ("ptrace", &[("request", One(&tables::PTRACE)), ("pid", Number)]),
    ("readlinkat", &[("dfd", At)]),
    ("reboot", &[PATH, PATH, ("cmd", One(&tables::REBOOT))]),
    ("recvfrom", &[("fd", Number), PATH, ("size", Size), ("flags", Flags(&tables::MESSAGE))]),
    ("recvmsg", &[("fd", Number), PATH, ("flags", Flags(&tables::MESSAGE))]),
    ("renameat", &[("olddfd", At), PATH, ("newdfd", At)]),
    ("renameat2", &[("olddfd", At), PATH, ("newdfd", At), ("flags", Flags(&tables::RENAME))]),
    ("rt_sigqueueinfo", &[("pid", Number), ("sig", Signal)]),
    ("rt_tgsigqueueinfo", &[("tgid", Number), ("pid", Number), ("sig", Signal)]),
    ("sched_setscheduler", &[("pid", Number), ("policy", One(&tables::SCHEDULER))]),
    ("seccomp", &[("op", One(&tables::SECCOMP)), ("flags", Flags(&tables::SECCOMP_FLAG))]),
    ("sendmsg", &[("fd", Number), PATH, ("flags", Flags(&tables::MESSAGE))]),
    ("sendto", &[("fd", Number), PATH, ("len", Size), ("flags", Flags(&tables::MESSAGE))]),
    ("setfsgid", &[("gid", Id)]),
    ("setfsuid", &[("uid", Id)]),
    ("setgid", &[("gid", Id)]),
    ("setgid32", &[("gid", Id)]),
    ("setns", &[("fd", Number), ("nstype", Namespaces)]),
    ("setpriority", &[PATH, ("who", Number), ("niceval", Number)]),
    ("setregid", &[("rgid", Id), ("egid", Id)]),
    ("setregid32", &[("rgid", Id), ("egid", Id)]),
    ("setresgid", &[("rgid", Id), ("egid", Id), ("sgid", Id)]),
    ("setresgid32", &[("rgid", Id), ("egid", Id), ("sgid", Id)]),
    ("setresuid", &[("ruid", Id), ("euid", Id), ("suid", Id)]),
    ("setresuid32", &[("ruid", Id), ("euid", Id), ("suid", Id)]),
    ("setreuid", &[("ruid", Id), ("euid", Id)]),
    ("setreuid32", &[("ruid", Id), ("euid", Id)]),
    ("setrlimit", &[("resource", One(&tables::RLIMIT))]),
    ("setsockopt", &[("fd", Number), ("level", One(&tables::SOCKET_LEVEL)), ("optname", SocketOption)]),
    ("setuid", &[("uid", Id)]),
    ("setuid32", &[("uid", Id)]),
    ("setxattr", &[PATH, PATH, PATH, ("size", Size)]),
    ("socket", &[("family", One(&tables::FAMILY)), ("type", SocketType), ("protocol", SocketProtocol)]),
    ("socketcall", &[("call", One(&tables::SOCKETCALL))]),
    ("socketpair", &[("family", One(&tables::FAMILY)), ("type", SocketType), ("protocol", SocketProtocol)]),
    ("statx", &[("dfd", At), PATH, ("flags", Flags(&tables::AT))]),
    ("symlinkat", &[PATH, ("newdfd", At)]),
    ("tgkill", &[("tgid", Number), ("pid", Number), ("sig", Signal)]),
    ("tkill", &[("pid", Number), ("sig", Signal)]),
    ("truncate", &[PATH, ("length", Size)]),
    ("umask", &[("mask", Octal)]),
    ("umount2", &[PATH, ("flags", Flags(&tables::UMOUNT))]),
    ("unlinkat", &[("dfd", At), PATH, ("flag", Flags(&tables::AT))]),
    ("unshare", &[("flags", Namespaces)]),
    ("utimensat", &[("dfd", At), PATH, PATH, ("flags", Flags(&tables::AT))]),
];

/// The arguments of a system call that say something, in their order.
pub fn arguments(arch: Arch, syscall: &str, values: &Arguments) -> Vec<Argument> {
    let Some(&kinds) = BY_NAME.get(syscall) else { return Vec::new() };
    // s390 passes the stack first; and the old mmap has one pointer to all of its arguments.
    let kinds = match (syscall, arch.name) {
        ("clone", "s390x" | "s390") => &[PATH, ("flags", Process)],
        ("mmap", "i386" | "s390x" | "s390" | "m68k") => return Vec::new(),
        _ => kinds,
    };
    let mut all = Vec::with_capacity(4);
    for ((&(name, kind), value), field) in kinds.iter().zip(values).zip(["a0", "a1", "a2", "a3"]) {
        let Some(value) = *value else { continue };
        all.extend(one(arch.name, kind, value, values).map(|text| Argument { field, name, text }));
    }
    all
}

/// The descriptor that stands for the working directory.
const AT_FDCWD: i32 = -100;

/// An `int` of the call: the kernel passes it in a register whose upper half is not part of it.
fn int(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

fn unsigned(value: u64) -> u64 {
    value & 0xffff_ffff
}

fn one(arch: &str, kind: Kind, value: u64, all: &Arguments) -> Option<String> {
    let first = all.first().copied().flatten().map(unsigned);
    Some(match kind {
        Skip => return None,
        Number => int(value).to_string(),
        At if int(value) == AT_FDCWD => "AT_FDCWD".to_owned(),
        At => int(value).to_string(),
        Size => value.to_string(),
        Octal => words::octal(value & 0o177_777),
        FileMode => words::file_mode(value & 0o177_777).unwrap_or_else(|| words::octal(value & 0o177_777)),
        // Without a file that is made, it is whatever the register held.
        OctalOfOpen(flags) => {
            let flags = all.get(flags).copied().flatten()?;
            return words::makes_a_file(arch, unsigned(flags)).then(|| words::octal(value & 0o177_777));
        }
        Id if int(value) == -1 => "unset".to_owned(),
        Id => unsigned(value).to_string(),
        Flags(set) => words::flags(set, arch, unsigned(value)),
        One(set) => constant(set, arch, value),
        Open => words::open(arch, unsigned(value)),
        Prot if unsigned(value) == 0 => "PROT_NONE".to_owned(),
        Prot => words::flags(&tables::PROT, arch, unsigned(value)),
        Map => words::map(arch, unsigned(value)),
        Process => words::clone(arch, value),
        Namespaces => words::namespaces(arch, unsigned(value)),
        Access if unsigned(value) == 0 => "F_OK".to_owned(),
        Access => words::flags(&tables::ACCESS, arch, unsigned(value)),
        SocketType => words::socket_type(arch, unsigned(value)),
        SocketProtocol => protocol(arch, first, unsigned(value)),
        SocketOption
            if all.get(1).copied().flatten().and_then(|level| tables::SOCKET_LEVEL.name(arch, level))
                == Some("SOL_SOCKET") =>
        {
            constant(&tables::SOCKET_OPTION, arch, value)
        }
        SocketOption => int(value).to_string(),
        Signal => tables::SIGNAL.name(arch, unsigned(value)).map_or_else(|| real_time(int(value)), str::to_owned),
        PrctlValue => return prctl(arch, first?, value),
        FcntlValue => return fcntl(arch, unsigned(all.get(1).copied().flatten()?), value),
        OpenTree => {
            let mut names = Vec::new();
            let rest = tables::OPEN_TREE.flags(arch, unsigned(value), &mut names);
            let rest = tables::AT.flags(arch, rest, &mut names);
            words::sum(&names, rest)
        }
        Personality if unsigned(value) == 0xffff_ffff => "query".to_owned(),
        Personality => words::personality(unsigned(value)),
        Device => format!("{}:{}", value >> 8 & 0xfff, value & 0xff | value >> 12 & 0xf_ff00),
    })
}

/// The constant of a value, or the value.
fn constant(set: &Set, arch: &str, value: u64) -> String {
    set.name(arch, unsigned(value)).map_or_else(|| int(value).to_string(), str::to_owned)
}

/// A signal without a name of its own.
fn real_time(number: i32) -> String {
    // 32 and 33 are the C library's own.
    if (34..=64).contains(&number) { format!("SIGRTMIN+{}", number - 34) } else { number.to_string() }
}

/// The protocol of a socket, whose numbers belong to its family.
fn protocol(arch: &str, family: Option<u64>, value: u64) -> String {
    let set = match family.and_then(|family| tables::FAMILY.name(arch, family)) {
        Some("AF_INET" | "AF_INET6") => Some(&tables::PROTOCOL),
        Some("AF_NETLINK") => Some(&tables::NETLINK),
        // Which frames a packet socket gets, in network order.
        Some("AF_PACKET") => return format!("{:#06x}", value.swap_bytes() >> 48),
        _ => None,
    };
    set.and_then(|set| set.name(arch, value)).map_or_else(|| value.to_string(), str::to_owned)
}

/// The second argument of `prctl`.
fn prctl(arch: &str, option: u64, value: u64) -> Option<String> {
    Some(match tables::PRCTL.name(arch, option)? {
        "PR_CAPBSET_READ" | "PR_CAPBSET_DROP" => constant(&tables::CAPABILITY, arch, value),
        "PR_SET_PDEATHSIG" => tables::SIGNAL.name(arch, unsigned(value))?.to_owned(),
        "PR_CAP_AMBIENT" => match value {
            1 => "PR_CAP_AMBIENT_IS_SET".to_owned(),
            2 => "PR_CAP_AMBIENT_RAISE".to_owned(),
            3 => "PR_CAP_AMBIENT_LOWER".to_owned(),
            4 => "PR_CAP_AMBIENT_CLEAR_ALL".to_owned(),
            _ => value.to_string(),
        },
        "PR_SET_SECCOMP" => match value {
            1 => "SECCOMP_MODE_STRICT".to_owned(),
            2 => "SECCOMP_MODE_FILTER".to_owned(),
            _ => value.to_string(),
        },
        "PR_SET_PTRACER" if int(value) == -1 => "PR_SET_PTRACER_ANY".to_owned(),
        "PR_SET_PTRACER"
        | "PR_SET_DUMPABLE"
        | "PR_SET_KEEPCAPS"
        | "PR_SET_NO_NEW_PRIVS"
        | "PR_SET_CHILD_SUBREAPER"
        | "PR_SET_THP_DISABLE"
        | "PR_SET_TIMERSLACK" => value.to_string(),
        "PR_SET_SECUREBITS" => format!("{value:#x}"),
        _ => return None,
    })
}

/// The third argument of `fcntl`.
fn fcntl(arch: &str, command: u64, value: u64) -> Option<String> {
    Some(match tables::FCNTL.name(arch, command)? {
        "F_SETFD" if value == 0 => "0".to_owned(),
        "F_SETFD" if value == 1 => "FD_CLOEXEC".to_owned(),
        "F_SETFL" => words::open(arch, unsigned(value)),
        "F_DUPFD" | "F_DUPFD_CLOEXEC" | "F_SETOWN" | "F_SETPIPE_SZ" => int(value).to_string(),
        "F_SETSIG" => constant(&tables::SIGNAL, arch, value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(arch: &str, syscall: &str, values: [u64; 4]) -> String {
        let arch = Arch::of(arch.as_bytes()).unwrap();
        let all = arguments(arch, syscall, &values.map(Some));
        all.iter().map(|argument| format!("{}={}", argument.name, argument.text)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(CALLS.is_sorted_by(|(a, _), (b, _)| a < b));
        for (name, kinds) in CALLS {
            assert!(kinds.len() <= 4, "{name}");
        }
    }

    #[test]
    fn arguments_of_calls() {
        for (syscall, values, expected) in [
            ("openat", [0xffff_ff9c, 0x7ff0, 0x241, 0o644], "dfd=AT_FDCWD flags=O_WRONLY|O_CREAT|O_TRUNC mode=0644"),
            ("openat", [0xffff_ffff_ffff_ff9c, 0x7ff0, 0x80000, 0x1234], "dfd=AT_FDCWD flags=O_RDONLY|O_CLOEXEC"),
            ("openat", [5, 0x7ff0, 0x410002, 0o600], "dfd=5 flags=O_RDWR|O_DIRECTORY|O_TMPFILE mode=0600"),
            ("open", [0x7ff0, 0x41, 0o4755, 0], "flags=O_WRONLY|O_CREAT mode=4755"),
            ("execve", [1, 2, 3, 4], ""),
            (
                "mmap",
                [0, 4096, 7, 0x22],
                "len=4096 prot=PROT_READ|PROT_WRITE|PROT_EXEC flags=MAP_PRIVATE|MAP_ANONYMOUS",
            ),
            ("mprotect", [0x7f00, 4096, 0, 0], "len=4096 prot=PROT_NONE"),
            ("clone", [0x1200011, 0, 0, 0], "flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"),
            ("unshare", [0x1002_0000, 0, 0, 0], "flags=CLONE_NEWNS|CLONE_NEWUSER"),
            ("setns", [7, 0x4000_0000, 0, 0], "fd=7 nstype=CLONE_NEWNET"),
            ("mount", [1, 2, 3, 0x1000], "flags=MS_BIND"),
            ("umount2", [1, 2, 0, 0], "flags=MNT_DETACH"),
            ("ptrace", [16, 4242, 0, 0], "request=PTRACE_ATTACH pid=4242"),
            ("ptrace", [0x4206, 4242, 0, 0], "request=PTRACE_SEIZE pid=4242"),
            ("prctl", [38, 1, 0, 0], "option=PR_SET_NO_NEW_PRIVS arg2=1"),
            ("prctl", [24, 21, 0, 0], "option=PR_CAPBSET_DROP arg2=CAP_SYS_ADMIN"),
            ("prctl", [15, 0x7ff0, 0, 0], "option=PR_SET_NAME"),
            ("bpf", [5, 0x7ff0, 144, 0], "cmd=BPF_PROG_LOAD size=144"),
            ("seccomp", [1, 8, 0x7ff0, 0], "op=SECCOMP_SET_MODE_FILTER flags=SECCOMP_FILTER_FLAG_NEW_LISTENER"),
            (
                "socket",
                [2, 0x80801, 6, 0],
                "family=AF_INET type=SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC protocol=IPPROTO_TCP",
            ),
            ("socket", [16, 3, 9, 0], "family=AF_NETLINK type=SOCK_RAW protocol=NETLINK_AUDIT"),
            ("socket", [17, 3, 0x0300, 0], "family=AF_PACKET type=SOCK_RAW protocol=0x0003"),
            ("setsockopt", [3, 1, 25, 0], "fd=3 level=SOL_SOCKET optname=SO_BINDTODEVICE"),
            ("setsockopt", [3, 6, 1, 0], "fd=3 level=SOL_TCP optname=1"),
            ("kill", [0xffff_ffff, 9, 0, 0], "pid=-1 sig=SIGKILL"),
            ("kill", [42, 34, 0, 0], "pid=42 sig=SIGRTMIN+0"),
            ("setresuid", [0, 0xffff_ffff, 1000, 0], "ruid=0 euid=unset suid=1000"),
            ("fchmodat", [0xffff_ff9c, 1, 0o4755, 0], "dfd=AT_FDCWD mode=4755"),
            ("mknod", [1, 0o020_666, 0x103, 0], "mode=character,666 dev=1:3"),
            ("renameat2", [0xffff_ff9c, 1, 0xffff_ff9c, 1], "olddfd=AT_FDCWD newdfd=AT_FDCWD flags=RENAME_NOREPLACE"),
            ("faccessat", [0xffff_ff9c, 1, 6, 0], "dfd=AT_FDCWD mode=W_OK|R_OK"),
            ("unlinkat", [4, 1, 512, 0], "dfd=4 flag=AT_REMOVEDIR"),
            ("fcntl", [3, 4, 0x802, 0], "fd=3 cmd=F_SETFL arg=O_RDWR|O_NONBLOCK"),
            ("memfd_create", [1, 3, 0, 0], "flags=MFD_CLOEXEC|MFD_ALLOW_SEALING"),
            ("kexec_load", [1, 2, 3, 1], "nr_segments=2 flags=KEXEC_ON_CRASH"),
            ("finit_module", [3, 1, 2, 0], "fd=3 flags=MODULE_INIT_IGNORE_VERMAGIC"),
            ("reboot", [0xfee1_dead, 0x2812_1969, 0x0123_4567, 0], "cmd=LINUX_REBOOT_CMD_RESTART"),
            ("personality", [0x0004_0000, 0, 0, 0], "personality=PER_LINUX|ADDR_NO_RANDOMIZE"),
            ("personality", [0xffff_ffff, 0, 0, 0], "personality=query"),
        ] {
            assert_eq!(call("c000003e", syscall, values), expected, "{syscall}");
        }
        assert_eq!(
            call("80000016", "clone", [0x3ff0, 0x1200011, 0, 0]),
            "flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"
        );
        assert_eq!(call("40000003", "mmap", [0xbf00, 0, 0, 0]), "");
        assert_eq!(call("80000016", "mmap", [0x3ff00, 0, 0, 0]), "");
        assert_eq!(call("40000003", "socketcall", [3, 0xbf00, 0, 0]), "call=SYS_CONNECT");
        assert_eq!(call("c00000b7", "openat", [0xffff_ff9c, 1, 0x4000, 0]), "dfd=AT_FDCWD flags=O_RDONLY|O_DIRECTORY");
    }

    #[test]
    fn what_was_not_recorded_has_no_meaning() {
        let arch = Arch::of(b"c000003e").unwrap();
        assert_eq!(
            arguments(arch, "openat", &[None, None, Some(0x241), None]),
            vec![Argument { field: "a2", name: "flags", text: "O_WRONLY|O_CREAT|O_TRUNC".to_owned() }]
        );
        assert_eq!(arguments(arch, "no_such_call", &[Some(1); 4]), vec![]);
    }
}

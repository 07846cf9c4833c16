#!/usr/bin/env python3
"""Writes the tables of numbers in parsers/src/linux from the kernel's own headers.

    parsers/tables/generate.py [--check]        --check: writes nothing, fails when a table is not what it would write

Two sources, both named on the first line of what is written: crate `linux-raw-sys` (the kernel's UAPI headers through bindgen, for every architecture;
cargo has it, as a dependency of others), and for the few headers that it leaves out `parsers/tables/uapi.txt`."""
import json
import os
import re
import subprocess
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(HERE, "..", "src", "linux", "tables")
# Ours, and the crate's folder; x86_64 first: the others say only what differs.
ARCHITECTURES = {"x86_64": "x86_64", "i386": "x86", "aarch64": "aarch64", "arm": "arm", "riscv64": "riscv64", "riscv32": "riscv32", "ppc": "powerpc",
                 "ppc64": "powerpc64", "s390x": "s390x", "loongarch64": "loongarch64", "x32": "x32"}

# Name of the set: what it is, and its constants: names, or patterns with what is left out behind `-`. Of two names for one number the first stands.
SETS = {
    "OPEN": ("flags of open; the two lowest bits are the access mode", "O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_DSYNC __O_SYNC O_DIRECT O_LARGEFILE O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH __O_TMPFILE FASYNC"),
    "RESOLVE": ("resolve of openat2", "RESOLVE_*"),
    "AT": ("flags of calls that take a directory", "AT_SYMLINK_NOFOLLOW AT_REMOVEDIR AT_SYMLINK_FOLLOW AT_NO_AUTOMOUNT AT_EMPTY_PATH AT_STATX_FORCE_SYNC AT_STATX_DONT_SYNC AT_RECURSIVE"),
    "PROT": ("protection of memory", "PROT_READ PROT_WRITE PROT_EXEC PROT_SEM PROT_GROWSDOWN PROT_GROWSUP"),
    "MAP": ("flags of mmap; the two lowest bits are the kind of sharing", "MAP_FIXED MAP_ANONYMOUS MAP_32BIT MAP_ABOVE4G MAP_GROWSDOWN MAP_DENYWRITE MAP_EXECUTABLE MAP_LOCKED MAP_NORESERVE MAP_POPULATE MAP_NONBLOCK MAP_STACK MAP_HUGETLB MAP_SYNC MAP_FIXED_NOREPLACE MAP_UNINITIALIZED"),
    "CLONE": ("flags of clone, unshare and setns; the lowest byte is a signal", "CLONE_VM CLONE_FS CLONE_FILES CLONE_SIGHAND CLONE_PIDFD CLONE_PTRACE CLONE_VFORK CLONE_PARENT CLONE_THREAD CLONE_NEWNS CLONE_SYSVSEM CLONE_SETTLS CLONE_PARENT_SETTID CLONE_CHILD_CLEARTID CLONE_DETACHED CLONE_UNTRACED CLONE_CHILD_SETTID CLONE_NEWCGROUP CLONE_NEWUTS CLONE_NEWIPC CLONE_NEWUSER CLONE_NEWPID CLONE_NEWNET CLONE_IO CLONE_CLEAR_SIGHAND CLONE_INTO_CGROUP"),
    "NEW_TIME": ("unshare and setns: a bit that means a signal in clone", "CLONE_NEWTIME"),
    "MOUNT": ("flags of mount", "MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_SYNCHRONOUS MS_REMOUNT MS_MANDLOCK MS_DIRSYNC MS_NOSYMFOLLOW MS_NOATIME MS_NODIRATIME MS_BIND MS_MOVE MS_REC MS_SILENT MS_POSIXACL MS_UNBINDABLE MS_PRIVATE MS_SLAVE MS_SHARED MS_RELATIME MS_KERNMOUNT MS_I_VERSION MS_STRICTATIME MS_LAZYTIME"),
    "UMOUNT": ("flags of umount2", "MNT_FORCE MNT_DETACH MNT_EXPIRE UMOUNT_NOFOLLOW"),
    "OPEN_TREE": ("flags of open_tree beside those of AT", "OPEN_TREE_*"),
    "MOUNT_ATTR": ("attributes of fsmount", "MOUNT_ATTR_RDONLY MOUNT_ATTR_NOSUID MOUNT_ATTR_NODEV MOUNT_ATTR_NOEXEC MOUNT_ATTR_NOATIME MOUNT_ATTR_STRICTATIME MOUNT_ATTR_NODIRATIME MOUNT_ATTR_IDMAP MOUNT_ATTR_NOSYMFOLLOW"),
    "RENAME": ("flags of renameat2", "RENAME_NOREPLACE RENAME_EXCHANGE RENAME_WHITEOUT"),
    "MEMFD": ("flags of memfd_create", "MFD_CLOEXEC MFD_ALLOW_SEALING MFD_HUGETLB MFD_NOEXEC_SEAL MFD_EXEC"),
    "ACCESS": ("mode of access", "R_OK W_OK X_OK"),
    "SIGNAL": ("signals", "SIGHUP SIGINT SIGQUIT SIGILL SIGTRAP SIGABRT SIGBUS SIGFPE SIGKILL SIGUSR1 SIGSEGV SIGUSR2 SIGPIPE SIGALRM SIGTERM SIGSTKFLT SIGCHLD SIGCONT SIGSTOP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGXCPU SIGXFSZ SIGVTALRM SIGPROF SIGWINCH SIGIO SIGPWR SIGSYS"),
    "CAPABILITY": ("capabilities", "CAP_* -CAP_LAST_CAP"),
    "PTRACE": ("requests of ptrace", "PTRACE_* -PTRACE_EVENT_* -PTRACE_EVENTMSG_* -PTRACE_O_* -PTRACE_SYSCALL_INFO_* -PTRACE_PEEKSIGINFO_SHARED"),
    "PRCTL": ("options of prctl", "PR_SET_* PR_GET_* PR_CAPBSET_* PR_CAP_AMBIENT PR_TASK_* PR_MCE_KILL PR_MCE_KILL_GET PR_MPX_* PR_SVE_* PR_SME_* PR_PAC_* PR_SCHED_CORE PR_RISCV_* PR_PPC_* PR_FUTEX_HASH -PR_SET_MM_* -PR_SET_PTRACER_ANY -PR_SET_VMA_* -PR_SET_FP_* -PR_SCHED_CORE_* -PR_*_MASK -PR_RISCV_CTX_* -PR_*_CTRL_* -PR_*_VL_* -PR_RISCV_V_VSTATE_CTRL_* -PR_FUTEX_HASH_*"),
    "SECCOMP": ("operations of seccomp", "SECCOMP_SET_MODE_STRICT SECCOMP_SET_MODE_FILTER SECCOMP_GET_ACTION_AVAIL SECCOMP_GET_NOTIF_SIZES"),
    "SECCOMP_FLAG": ("flags of seccomp", "SECCOMP_FILTER_FLAG_*"),
    "SECCOMP_RETURN": ("what a filter decided", "SECCOMP_RET_KILL_PROCESS SECCOMP_RET_KILL_THREAD SECCOMP_RET_TRAP SECCOMP_RET_ERRNO SECCOMP_RET_USER_NOTIF SECCOMP_RET_TRACE SECCOMP_RET_LOG SECCOMP_RET_ALLOW"),
    "FCNTL": ("commands of fcntl", "F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG F_GETSIG F_SETOWN_EX F_GETOWN_EX F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETLEASE F_GETLEASE F_NOTIFY F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS F_GET_RW_HINT F_SET_RW_HINT F_GETLK64 F_SETLK64 F_SETLKW64"),
    "RLIMIT": ("limits of a process", "RLIMIT_*"),
    "FAMILY": ("families of sockets", "AF_* -AF_MAX"),
    "SOCK": ("types of sockets", "SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET"),
    "PROTOCOL": ("protocols of IP", "IPPROTO_IP IPPROTO_* -IPPROTO_MAX -IPPROTO_MH"),
    "SOCKET_LEVEL": ("levels of socket options", "SOL_* -SOL_IP"),
    "SOCKET_OPTION": ("options of SOL_SOCKET", "SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE SO_NO_CHECK SO_PRIORITY SO_LINGER SO_BSDCOMPAT SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT SO_RCVTIMEO_OLD SO_SNDTIMEO_OLD SO_BINDTODEVICE SO_ATTACH_FILTER SO_DETACH_FILTER SO_PEERNAME SO_ACCEPTCONN SO_PEERSEC SO_SNDBUFFORCE SO_RCVBUFFORCE SO_PASSSEC SO_MARK SO_PROTOCOL SO_DOMAIN SO_PEEK_OFF SO_LOCK_FILTER SO_ATTACH_BPF SO_ATTACH_REUSEPORT_CBPF SO_ATTACH_REUSEPORT_EBPF SO_MEMINFO SO_COOKIE SO_PEERGROUPS SO_ZEROCOPY SO_TXTIME SO_BINDTOIFINDEX"),
    "NETFILTER": ("families of netfilter", "NFPROTO_* -NFPROTO_NUMPROTO"),
    "NETLINK": ("protocols of netlink", "NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR NETLINK_NETFILTER NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC NETLINK_SCSITRANSPORT NETLINK_ECRYPTFS NETLINK_RDMA NETLINK_CRYPTO NETLINK_SMC"),
    "SOCKETCALL": ("calls of socketcall", "SYS_SOCKET SYS_BIND SYS_CONNECT SYS_LISTEN SYS_ACCEPT SYS_GETSOCKNAME SYS_GETPEERNAME SYS_SOCKETPAIR SYS_SEND SYS_RECV SYS_SENDTO SYS_RECVFROM SYS_SHUTDOWN SYS_SETSOCKOPT SYS_GETSOCKOPT SYS_SENDMSG SYS_RECVMSG SYS_ACCEPT4 SYS_RECVMMSG SYS_SENDMMSG"),
    "REBOOT": ("commands of reboot", "LINUX_REBOOT_CMD_*"),
    "MESSAGE": ("flags of send and receive", "MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_CTRUNC MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL MSG_FIN MSG_SYN MSG_CONFIRM MSG_RST MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE MSG_WAITFORONE MSG_ZEROCOPY MSG_FASTOPEN MSG_CMSG_CLOEXEC"),
    "SCHEDULER": ("policies of the scheduler", "SCHED_NORMAL SCHED_FIFO SCHED_RR SCHED_BATCH SCHED_IDLE SCHED_DEADLINE SCHED_EXT"),
    "URING": ("operations of io_uring", "IORING_OP_* -IORING_OP_LAST"),
    "BPF": ("commands of bpf", "BPF_MAP_* BPF_PROG_* BPF_OBJ_* BPF_RAW_TRACEPOINT_OPEN BPF_BTF_* BPF_TASK_FD_QUERY BPF_LINK_* BPF_ENABLE_STATS BPF_ITER_CREATE BPF_TOKEN_CREATE"),
    "PERSONALITY": ("flags of personality; the lowest byte is a domain", "UNAME26 ADDR_NO_RANDOMIZE FDPIC_FUNCPTRS MMAP_PAGE_ZERO ADDR_COMPAT_LAYOUT READ_IMPLIES_EXEC ADDR_LIMIT_32BIT SHORT_INODE WHOLE_SECONDS STICKY_TIMEOUTS ADDR_LIMIT_3GB"),
    "DOMAIN": ("domains of personality", "PER_LINUX PER_BSD PER_LINUX32 PER_RISCOS PER_OSF4 PER_HPUX"),
    "KEYCTL": ("operations of keyctl", "KEYCTL_*"),
    "KEXEC": ("flags of kexec_load", "KEXEC_ON_CRASH KEXEC_PRESERVE_CONTEXT KEXEC_UPDATE_ELFCOREHDR"),
    "IPC": ("calls of ipc", "SEMOP SEMGET SEMCTL SEMTIMEDOP MSGSND MSGRCV MSGGET MSGCTL SHMAT SHMDT SHMGET SHMCTL"),
    "FANOTIFY_RESPONSE": ("what a watcher answered", "FAN_ALLOW FAN_DENY"),
    "MODULE": ("flags of finit_module", "MODULE_INIT_*"),
}
# Not in the UAPI: kernel-internal aliases that the ABI promises, by the constant that they are equal to.
EQUAL = {"SOCK_FLAG": ("flags of a socket's type", {"SOCK_NONBLOCK": "O_NONBLOCK", "SOCK_CLOEXEC": "O_CLOEXEC"})}


def crate():
    found = json.loads(subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked"], cwd=HERE, check=True, capture_output=True, text=True).stdout)
    package = max((p for p in found["packages"] if p["name"] == "linux-raw-sys"), key=lambda p: [int(n) for n in p["version"].split(".")])
    return package["version"], os.path.join(os.path.dirname(package["manifest_path"]), "src")


def constants(folder):
    """Every constant and enumerator of an architecture; and the names of bindgen's enumerations, without their type."""
    found = {}
    for file in sorted(os.listdir(folder)):
        text = open(os.path.join(folder, file)).read()
        for name, value in re.findall(r"pub const (\w+): \w+ = (-?\w+);", text):
            if re.fullmatch(r"-?\d+", value):
                found.setdefault(name, int(value))
        for name, value in re.findall(r"^([A-Z][A-Z0-9_]+) = (\d+),", text, re.M):
            found.setdefault(name, int(value))
    return found


def uapi():
    """The numbers of uapi.txt."""
    lines = (line.split("#")[0].split() for line in open(os.path.join(HERE, "uapi.txt")))
    return {line[0]: int(line[1], 0) for line in lines if line}


def members(all_constants, words):
    """(value, name) of a set, ascending."""
    take, leave = [], []
    for word in words.split():
        pattern = re.compile(re.escape(word.lstrip("-")).replace(r"\*", ".*") + "$")
        (leave if word.startswith("-") else take).append(pattern)
    names = []
    for pattern in take:
        names += [n for n in all_constants if pattern.match(n) and n not in names]
    chosen = {}
    for name in names:
        if not any(pattern.match(name) for pattern in leave):
            chosen.setdefault(all_constants[name] & (1 << 64) - 1, name.lstrip("_"))
    return sorted(chosen.items())


def rows(pairs):
    hexadecimal = any(value > 0xffff for value, _ in pairs)
    entries = [f'({value:#x},\u00a0"{name}"),' if hexadecimal else f'({value},\u00a0"{name}"),' for value, name in pairs]
    lines = [line.replace("\u00a0", " ") for line in textwrap.wrap(" ".join(entries), 150)]
    return f"&[{lines[0].rstrip(',')}]" if len(lines) == 1 else "&[\n        " + "\n        ".join(lines) + "\n    ]"


def words(numbered):
    out, expected = [], None
    for value, name in numbered:
        if value != expected:
            out.append(str(value))
        out.append(name)
        expected = value + 1
    lines = textwrap.wrap(" ".join(out), 104, break_long_words=False, break_on_hyphens=False)
    return '"\\\n    ' + " \\\n    ".join(lines) + '"'


def syscalls(found, arch):
    numbers = {}
    for name, value in found.items():
        if name.startswith("__NR_") and name[5:] not in ("SYSCALL_BASE", "OABI_SYSCALL_BASE", "arch_specific_syscall", "syscalls"):
            numbers.setdefault(value & ~0x40000000 if arch == "x32" else value, name[5:])
        elif name.startswith("__ARM_NR_") and name != "__ARM_NR_BASE":
            numbers.setdefault(value, name[9:])
    return sorted(numbers.items())


def main(check):
    version, source = crate()
    extra = uapi()
    by_arch = {ours: {**constants(os.path.join(source, theirs)), **extra} for ours, theirs in ARCHITECTURES.items()}
    named = f"crate `linux-raw-sys` {version} (Apache-2.0 or MIT; the kernel's UAPI headers)"
    head = f"//! Written by `parsers/tables/generate.py` from {named}"
    calls = f"{head}.\n//!\n//! System call names by architecture, as words: a number sets the count, a name takes it and adds one. Not here: looking a name up (`syscalls`).\n"
    for arch, found in by_arch.items():
        numbered = syscalls(found, arch)
        if arch == "x32":
            numbered = [(value, name) for value, name in numbered if value >= 512]
        calls += f"\npub(in crate::linux) const {arch.upper()}: &str = {words(numbered)};\n"
    sets = (f"{head}\n//! and from `parsers/tables/uapi.txt` (headers of Linux that the crate leaves out).\n//!\n//! Sets of constants, ascending: those of x86_64, and whole ones for architectures that number them otherwise.\n\n"
            "use super::Set;\n")
    errno = re.findall(r"pub const (E[A-Z0-9]+): u32 = (\d+);", open(os.path.join(source, "x86_64", "errno.rs")).read())
    errors = sorted((int(value), name) for name, value in errno if name not in ("EWOULDBLOCK", "EDEADLOCK"))
    kernels = sorted((v, n) for n, v in extra.items() if n.startswith(("ERESTART", "ENOTSUPP")))
    calls += f"\n/// Error numbers; those from 512 on are the kernel's own and show where a call was interrupted.\npub(in crate::linux) const ERRORS: &str = {words(errors + kernels)};\n"
    lists = {name: (what, {arch: members(found, chosen) for arch, found in by_arch.items()}) for name, (what, chosen) in SETS.items()}
    for name, (what, equal) in EQUAL.items():
        lists[name] = (what, {arch: sorted((found[of], alias) for alias, of in equal.items()) for arch, found in by_arch.items()})
    for name, (what, by) in lists.items():
        base = by.pop("x86_64")
        if not base:
            sys.exit(f"no constants for {name}")
        differ = {}
        for arch, pairs in by.items():
            # A constant that an architecture does not have has no number there that could mislead.
            numbers = {constant: value for value, constant in base}
            if any(numbers.get(constant, value) != value or constant not in numbers for value, constant in pairs):
                differ.setdefault(tuple(pairs), []).append(arch)
        others = "".join(f"\n    (&[{', '.join(chr(34) + a + chr(34) for a in archs)}], {rows(pairs)})," for pairs, archs in differ.items())
        sets += f"\n/// {what[0].upper() + what[1:]}.\n#[rustfmt::skip]\npub static {name}: Set = Set {{\n    base: {rows(base)},\n    others: &[{others}],\n}};\n"
    wrong = []
    for file, text in {"syscalls.rs": calls, "constants.rs": sets}.items():
        path = os.path.join(TARGET, file)
        text = subprocess.run(["rustfmt", "--edition", "2024", "--config-path", os.path.join(HERE, "..", "..", "rustfmt.toml")], input=text, check=True, capture_output=True, text=True).stdout
        if check and (not os.path.exists(path) or open(path).read() != text):
            wrong.append(path)
        elif not check:
            os.makedirs(TARGET, exist_ok=True)
            open(path, "w").write(text)
    if wrong:
        sys.exit("not what generate.py writes: " + ", ".join(wrong))


main("--check" in sys.argv[1:])

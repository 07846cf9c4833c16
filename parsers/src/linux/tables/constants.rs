//! Written by `parsers/tables/generate.py` from crate `linux-raw-sys` 0.12.1 (Apache-2.0 or MIT; the kernel's UAPI headers)
//! and from `parsers/tables/uapi.txt` (headers of Linux that the crate leaves out).
//!
//! Sets of constants, ascending: those of x86_64, and whole ones for architectures that number them otherwise.

use super::Set;

/// Flags of open; the two lowest bits are the access mode.
#[rustfmt::skip]
pub static OPEN: Set = Set {
    base: &[
        (0x40, "O_CREAT"), (0x80, "O_EXCL"), (0x100, "O_NOCTTY"), (0x200, "O_TRUNC"), (0x400, "O_APPEND"), (0x800, "O_NONBLOCK"), (0x1000, "O_DSYNC"),
        (0x2000, "FASYNC"), (0x4000, "O_DIRECT"), (0x8000, "O_LARGEFILE"), (0x10000, "O_DIRECTORY"), (0x20000, "O_NOFOLLOW"), (0x40000, "O_NOATIME"),
        (0x80000, "O_CLOEXEC"), (0x100000, "O_SYNC"), (0x200000, "O_PATH"), (0x400000, "O_TMPFILE"),
    ],
    others: &[
    (&["aarch64", "arm"], &[
        (0x40, "O_CREAT"), (0x80, "O_EXCL"), (0x100, "O_NOCTTY"), (0x200, "O_TRUNC"), (0x400, "O_APPEND"), (0x800, "O_NONBLOCK"), (0x1000, "O_DSYNC"),
        (0x2000, "FASYNC"), (0x4000, "O_DIRECTORY"), (0x8000, "O_NOFOLLOW"), (0x10000, "O_DIRECT"), (0x20000, "O_LARGEFILE"), (0x40000, "O_NOATIME"),
        (0x80000, "O_CLOEXEC"), (0x100000, "O_SYNC"), (0x200000, "O_PATH"), (0x400000, "O_TMPFILE"),
    ]),
    (&["ppc", "ppc64"], &[
        (0x40, "O_CREAT"), (0x80, "O_EXCL"), (0x100, "O_NOCTTY"), (0x200, "O_TRUNC"), (0x400, "O_APPEND"), (0x800, "O_NONBLOCK"), (0x1000, "O_DSYNC"),
        (0x2000, "FASYNC"), (0x4000, "O_DIRECTORY"), (0x8000, "O_NOFOLLOW"), (0x10000, "O_LARGEFILE"), (0x20000, "O_DIRECT"), (0x40000, "O_NOATIME"),
        (0x80000, "O_CLOEXEC"), (0x100000, "O_SYNC"), (0x200000, "O_PATH"), (0x400000, "O_TMPFILE"),
    ]),],
};

/// Resolve of openat2.
#[rustfmt::skip]
pub static RESOLVE: Set = Set {
    base: &[
        (1, "RESOLVE_NO_XDEV"), (2, "RESOLVE_NO_MAGICLINKS"), (4, "RESOLVE_NO_SYMLINKS"), (8, "RESOLVE_BENEATH"), (16, "RESOLVE_IN_ROOT"),
        (32, "RESOLVE_CACHED"),
    ],
    others: &[],
};

/// Flags of calls that take a directory.
#[rustfmt::skip]
pub static AT: Set = Set {
    base: &[
        (256, "AT_SYMLINK_NOFOLLOW"), (512, "AT_REMOVEDIR"), (1024, "AT_SYMLINK_FOLLOW"), (2048, "AT_NO_AUTOMOUNT"), (4096, "AT_EMPTY_PATH"),
        (8192, "AT_STATX_FORCE_SYNC"), (16384, "AT_STATX_DONT_SYNC"), (32768, "AT_RECURSIVE"),
    ],
    others: &[],
};

/// Protection of memory.
#[rustfmt::skip]
pub static PROT: Set = Set {
    base: &[(0x1, "PROT_READ"), (0x2, "PROT_WRITE"), (0x4, "PROT_EXEC"), (0x8, "PROT_SEM"), (0x1000000, "PROT_GROWSDOWN"), (0x2000000, "PROT_GROWSUP")],
    others: &[],
};

/// Flags of mmap; the two lowest bits are the kind of sharing.
#[rustfmt::skip]
pub static MAP: Set = Set {
    base: &[
        (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"), (0x40, "MAP_32BIT"), (0x80, "MAP_ABOVE4G"), (0x100, "MAP_GROWSDOWN"), (0x800, "MAP_DENYWRITE"),
        (0x1000, "MAP_EXECUTABLE"), (0x2000, "MAP_LOCKED"), (0x4000, "MAP_NORESERVE"), (0x8000, "MAP_POPULATE"), (0x10000, "MAP_NONBLOCK"),
        (0x20000, "MAP_STACK"), (0x40000, "MAP_HUGETLB"), (0x80000, "MAP_SYNC"), (0x100000, "MAP_FIXED_NOREPLACE"), (0x4000000, "MAP_UNINITIALIZED"),
    ],
    others: &[
    (&["ppc", "ppc64"], &[
        (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"), (0x40, "MAP_NORESERVE"), (0x80, "MAP_LOCKED"), (0x100, "MAP_GROWSDOWN"), (0x800, "MAP_DENYWRITE"),
        (0x1000, "MAP_EXECUTABLE"), (0x8000, "MAP_POPULATE"), (0x10000, "MAP_NONBLOCK"), (0x20000, "MAP_STACK"), (0x40000, "MAP_HUGETLB"),
        (0x80000, "MAP_SYNC"), (0x100000, "MAP_FIXED_NOREPLACE"), (0x4000000, "MAP_UNINITIALIZED"),
    ]),],
};

/// Flags of clone, unshare and setns; the lowest byte is a signal.
#[rustfmt::skip]
pub static CLONE: Set = Set {
    base: &[
        (0x100, "CLONE_VM"), (0x200, "CLONE_FS"), (0x400, "CLONE_FILES"), (0x800, "CLONE_SIGHAND"), (0x1000, "CLONE_PIDFD"), (0x2000, "CLONE_PTRACE"),
        (0x4000, "CLONE_VFORK"), (0x8000, "CLONE_PARENT"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"), (0x40000, "CLONE_SYSVSEM"),
        (0x80000, "CLONE_SETTLS"), (0x100000, "CLONE_PARENT_SETTID"), (0x200000, "CLONE_CHILD_CLEARTID"), (0x400000, "CLONE_DETACHED"),
        (0x800000, "CLONE_UNTRACED"), (0x1000000, "CLONE_CHILD_SETTID"), (0x2000000, "CLONE_NEWCGROUP"), (0x4000000, "CLONE_NEWUTS"),
        (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"), (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"), (0x80000000, "CLONE_IO"),
        (0x100000000, "CLONE_CLEAR_SIGHAND"), (0x200000000, "CLONE_INTO_CGROUP"),
    ],
    others: &[],
};

/// Unshare and setns: a bit that means a signal in clone.
#[rustfmt::skip]
pub static NEW_TIME: Set = Set {
    base: &[(128, "CLONE_NEWTIME")],
    others: &[],
};

/// Flags of mount.
#[rustfmt::skip]
pub static MOUNT: Set = Set {
    base: &[
        (0x1, "MS_RDONLY"), (0x2, "MS_NOSUID"), (0x4, "MS_NODEV"), (0x8, "MS_NOEXEC"), (0x10, "MS_SYNCHRONOUS"), (0x20, "MS_REMOUNT"), (0x40, "MS_MANDLOCK"),
        (0x80, "MS_DIRSYNC"), (0x100, "MS_NOSYMFOLLOW"), (0x400, "MS_NOATIME"), (0x800, "MS_NODIRATIME"), (0x1000, "MS_BIND"), (0x2000, "MS_MOVE"),
        (0x4000, "MS_REC"), (0x8000, "MS_SILENT"), (0x10000, "MS_POSIXACL"), (0x20000, "MS_UNBINDABLE"), (0x40000, "MS_PRIVATE"), (0x80000, "MS_SLAVE"),
        (0x100000, "MS_SHARED"), (0x200000, "MS_RELATIME"), (0x400000, "MS_KERNMOUNT"), (0x800000, "MS_I_VERSION"), (0x1000000, "MS_STRICTATIME"),
        (0x2000000, "MS_LAZYTIME"),
    ],
    others: &[],
};

/// Flags of umount2.
#[rustfmt::skip]
pub static UMOUNT: Set = Set {
    base: &[(1, "MNT_FORCE"), (2, "MNT_DETACH"), (4, "MNT_EXPIRE"), (8, "UMOUNT_NOFOLLOW")],
    others: &[],
};

/// Flags of open_tree beside those of AT.
#[rustfmt::skip]
pub static OPEN_TREE: Set = Set {
    base: &[(0x1, "OPEN_TREE_CLONE"), (0x80000, "OPEN_TREE_CLOEXEC")],
    others: &[],
};

/// Attributes of fsmount.
#[rustfmt::skip]
pub static MOUNT_ATTR: Set = Set {
    base: &[
        (0x1, "MOUNT_ATTR_RDONLY"), (0x2, "MOUNT_ATTR_NOSUID"), (0x4, "MOUNT_ATTR_NODEV"), (0x8, "MOUNT_ATTR_NOEXEC"), (0x10, "MOUNT_ATTR_NOATIME"),
        (0x20, "MOUNT_ATTR_STRICTATIME"), (0x80, "MOUNT_ATTR_NODIRATIME"), (0x100000, "MOUNT_ATTR_IDMAP"), (0x200000, "MOUNT_ATTR_NOSYMFOLLOW"),
    ],
    others: &[],
};

/// Flags of renameat2.
#[rustfmt::skip]
pub static RENAME: Set = Set {
    base: &[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")],
    others: &[],
};

/// Flags of memfd_create.
#[rustfmt::skip]
pub static MEMFD: Set = Set {
    base: &[(1, "MFD_CLOEXEC"), (2, "MFD_ALLOW_SEALING"), (4, "MFD_HUGETLB"), (8, "MFD_NOEXEC_SEAL"), (16, "MFD_EXEC")],
    others: &[],
};

/// Mode of access.
#[rustfmt::skip]
pub static ACCESS: Set = Set {
    base: &[(1, "X_OK"), (2, "W_OK"), (4, "R_OK")],
    others: &[],
};

/// Signals.
#[rustfmt::skip]
pub static SIGNAL: Set = Set {
    base: &[
        (1, "SIGHUP"), (2, "SIGINT"), (3, "SIGQUIT"), (4, "SIGILL"), (5, "SIGTRAP"), (6, "SIGABRT"), (7, "SIGBUS"), (8, "SIGFPE"), (9, "SIGKILL"),
        (10, "SIGUSR1"), (11, "SIGSEGV"), (12, "SIGUSR2"), (13, "SIGPIPE"), (14, "SIGALRM"), (15, "SIGTERM"), (16, "SIGSTKFLT"), (17, "SIGCHLD"),
        (18, "SIGCONT"), (19, "SIGSTOP"), (20, "SIGTSTP"), (21, "SIGTTIN"), (22, "SIGTTOU"), (23, "SIGURG"), (24, "SIGXCPU"), (25, "SIGXFSZ"),
        (26, "SIGVTALRM"), (27, "SIGPROF"), (28, "SIGWINCH"), (29, "SIGIO"), (30, "SIGPWR"), (31, "SIGSYS"),
    ],
    others: &[],
};

/// Capabilities.
#[rustfmt::skip]
pub static CAPABILITY: Set = Set {
    base: &[
        (0, "CAP_CHOWN"), (1, "CAP_DAC_OVERRIDE"), (2, "CAP_DAC_READ_SEARCH"), (3, "CAP_FOWNER"), (4, "CAP_FSETID"), (5, "CAP_KILL"), (6, "CAP_SETGID"),
        (7, "CAP_SETUID"), (8, "CAP_SETPCAP"), (9, "CAP_LINUX_IMMUTABLE"), (10, "CAP_NET_BIND_SERVICE"), (11, "CAP_NET_BROADCAST"), (12, "CAP_NET_ADMIN"),
        (13, "CAP_NET_RAW"), (14, "CAP_IPC_LOCK"), (15, "CAP_IPC_OWNER"), (16, "CAP_SYS_MODULE"), (17, "CAP_SYS_RAWIO"), (18, "CAP_SYS_CHROOT"),
        (19, "CAP_SYS_PTRACE"), (20, "CAP_SYS_PACCT"), (21, "CAP_SYS_ADMIN"), (22, "CAP_SYS_BOOT"), (23, "CAP_SYS_NICE"), (24, "CAP_SYS_RESOURCE"),
        (25, "CAP_SYS_TIME"), (26, "CAP_SYS_TTY_CONFIG"), (27, "CAP_MKNOD"), (28, "CAP_LEASE"), (29, "CAP_AUDIT_WRITE"), (30, "CAP_AUDIT_CONTROL"),
        (31, "CAP_SETFCAP"), (32, "CAP_MAC_OVERRIDE"), (33, "CAP_MAC_ADMIN"), (34, "CAP_SYSLOG"), (35, "CAP_WAKE_ALARM"), (36, "CAP_BLOCK_SUSPEND"),
        (37, "CAP_AUDIT_READ"), (38, "CAP_PERFMON"), (39, "CAP_BPF"), (40, "CAP_CHECKPOINT_RESTORE"),
    ],
    others: &[],
};

/// Requests of ptrace.
#[rustfmt::skip]
pub static PTRACE: Set = Set {
    base: &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (12, "PTRACE_GETREGS"), (13, "PTRACE_SETREGS"),
        (14, "PTRACE_GETFPREGS"), (15, "PTRACE_SETFPREGS"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"), (18, "PTRACE_GETFPXREGS"),
        (19, "PTRACE_SETFPXREGS"), (21, "PTRACE_OLDSETOPTIONS"), (24, "PTRACE_SYSCALL"), (25, "PTRACE_GET_THREAD_AREA"), (26, "PTRACE_SET_THREAD_AREA"),
        (30, "PTRACE_ARCH_PRCTL"), (31, "PTRACE_SYSEMU"), (32, "PTRACE_SYSEMU_SINGLESTEP"), (33, "PTRACE_SINGLEBLOCK"), (16896, "PTRACE_SETOPTIONS"),
        (16897, "PTRACE_GETEVENTMSG"), (16898, "PTRACE_GETSIGINFO"), (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"), (16901, "PTRACE_SETREGSET"),
        (16902, "PTRACE_SEIZE"), (16903, "PTRACE_INTERRUPT"), (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"), (16906, "PTRACE_GETSIGMASK"),
        (16907, "PTRACE_SETSIGMASK"), (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"), (16910, "PTRACE_GET_SYSCALL_INFO"),
        (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"), (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16914, "PTRACE_SET_SYSCALL_INFO"),
    ],
    others: &[
    (&["aarch64"], &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"),
        (24, "PTRACE_SYSCALL"), (31, "PTRACE_SYSEMU"), (32, "PTRACE_SYSEMU_SINGLESTEP"), (33, "PTRACE_PEEKMTETAGS"), (34, "PTRACE_POKEMTETAGS"),
        (16896, "PTRACE_SETOPTIONS"), (16897, "PTRACE_GETEVENTMSG"), (16898, "PTRACE_GETSIGINFO"), (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"),
        (16901, "PTRACE_SETREGSET"), (16902, "PTRACE_SEIZE"), (16903, "PTRACE_INTERRUPT"), (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"),
        (16906, "PTRACE_GETSIGMASK"), (16907, "PTRACE_SETSIGMASK"), (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"),
        (16910, "PTRACE_GET_SYSCALL_INFO"), (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"), (16914, "PTRACE_SET_SYSCALL_INFO"),
    ]),
    (&["arm"], &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (12, "PTRACE_GETREGS"), (13, "PTRACE_SETREGS"),
        (14, "PTRACE_GETFPREGS"), (15, "PTRACE_SETFPREGS"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"), (18, "PTRACE_GETWMMXREGS"),
        (19, "PTRACE_SETWMMXREGS"), (21, "PTRACE_OLDSETOPTIONS"), (22, "PTRACE_GET_THREAD_AREA"), (23, "PTRACE_SET_SYSCALL"), (24, "PTRACE_SYSCALL"),
        (25, "PTRACE_GETCRUNCHREGS"), (26, "PTRACE_SETCRUNCHREGS"), (27, "PTRACE_GETVFPREGS"), (28, "PTRACE_SETVFPREGS"), (29, "PTRACE_GETHBPREGS"),
        (30, "PTRACE_SETHBPREGS"), (31, "PTRACE_GETFDPIC"), (16896, "PTRACE_SETOPTIONS"), (16897, "PTRACE_GETEVENTMSG"), (16898, "PTRACE_GETSIGINFO"),
        (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"), (16901, "PTRACE_SETREGSET"), (16902, "PTRACE_SEIZE"), (16903, "PTRACE_INTERRUPT"),
        (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"), (16906, "PTRACE_GETSIGMASK"), (16907, "PTRACE_SETSIGMASK"),
        (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"), (16910, "PTRACE_GET_SYSCALL_INFO"),
        (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"), (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16914, "PTRACE_SET_SYSCALL_INFO"),
    ]),
    (&["riscv64", "riscv32"], &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"),
        (24, "PTRACE_SYSCALL"), (33, "PTRACE_GETFDPIC"), (16896, "PTRACE_SETOPTIONS"), (16897, "PTRACE_GETEVENTMSG"), (16898, "PTRACE_GETSIGINFO"),
        (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"), (16901, "PTRACE_SETREGSET"), (16902, "PTRACE_SEIZE"), (16903, "PTRACE_INTERRUPT"),
        (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"), (16906, "PTRACE_GETSIGMASK"), (16907, "PTRACE_SETSIGMASK"),
        (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"), (16910, "PTRACE_GET_SYSCALL_INFO"),
        (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"), (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16914, "PTRACE_SET_SYSCALL_INFO"),
    ]),
    (&["ppc", "ppc64"], &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (12, "PTRACE_GETREGS"), (13, "PTRACE_SETREGS"),
        (14, "PTRACE_GETFPREGS"), (15, "PTRACE_SETFPREGS"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"), (18, "PTRACE_GETVRREGS"), (19, "PTRACE_SETVRREGS"),
        (20, "PTRACE_GETEVRREGS"), (21, "PTRACE_SETEVRREGS"), (22, "PTRACE_GETREGS64"), (23, "PTRACE_SETREGS64"), (24, "PTRACE_SYSCALL"),
        (25, "PTRACE_GET_DEBUGREG"), (26, "PTRACE_SET_DEBUGREG"), (27, "PTRACE_GETVSRREGS"), (28, "PTRACE_SETVSRREGS"), (29, "PTRACE_SYSEMU"),
        (30, "PTRACE_SYSEMU_SINGLESTEP"), (256, "PTRACE_SINGLEBLOCK"), (16896, "PTRACE_SETOPTIONS"), (16897, "PTRACE_GETEVENTMSG"),
        (16898, "PTRACE_GETSIGINFO"), (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"), (16901, "PTRACE_SETREGSET"), (16902, "PTRACE_SEIZE"),
        (16903, "PTRACE_INTERRUPT"), (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"), (16906, "PTRACE_GETSIGMASK"), (16907, "PTRACE_SETSIGMASK"),
        (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"), (16910, "PTRACE_GET_SYSCALL_INFO"),
        (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"), (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16914, "PTRACE_SET_SYSCALL_INFO"),
    ]),
    (&["s390x"], &[
        (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"), (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"),
        (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"), (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (12, "PTRACE_SINGLEBLOCK"), (16, "PTRACE_ATTACH"),
        (17, "PTRACE_DETACH"), (21, "PTRACE_OLDSETOPTIONS"), (24, "PTRACE_SYSCALL"), (31, "PTRACE_SYSEMU"), (32, "PTRACE_SYSEMU_SINGLESTEP"),
        (16896, "PTRACE_SETOPTIONS"), (16897, "PTRACE_GETEVENTMSG"), (16898, "PTRACE_GETSIGINFO"), (16899, "PTRACE_SETSIGINFO"), (16900, "PTRACE_GETREGSET"),
        (16901, "PTRACE_SETREGSET"), (16902, "PTRACE_SEIZE"), (16903, "PTRACE_INTERRUPT"), (16904, "PTRACE_LISTEN"), (16905, "PTRACE_PEEKSIGINFO"),
        (16906, "PTRACE_GETSIGMASK"), (16907, "PTRACE_SETSIGMASK"), (16908, "PTRACE_SECCOMP_GET_FILTER"), (16909, "PTRACE_SECCOMP_GET_METADATA"),
        (16910, "PTRACE_GET_SYSCALL_INFO"), (16911, "PTRACE_GET_RSEQ_CONFIGURATION"), (16912, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"),
        (16913, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"), (16914, "PTRACE_SET_SYSCALL_INFO"), (20480, "PTRACE_PEEKUSR_AREA"),
        (20481, "PTRACE_POKEUSR_AREA"), (20482, "PTRACE_PEEKTEXT_AREA"), (20483, "PTRACE_PEEKDATA_AREA"), (20484, "PTRACE_POKETEXT_AREA"),
        (20485, "PTRACE_POKEDATA_AREA"), (20486, "PTRACE_GET_LAST_BREAK"), (20487, "PTRACE_PEEK_SYSTEM_CALL"), (20488, "PTRACE_POKE_SYSTEM_CALL"),
        (20489, "PTRACE_ENABLE_TE"), (20496, "PTRACE_DISABLE_TE"), (20497, "PTRACE_TE_ABORT_RAND"),
    ]),],
};

/// Options of prctl.
#[rustfmt::skip]
pub static PRCTL: Set = Set {
    base: &[
        (0x0, "PR_RISCV_SCOPE_PER_PROCESS"), (0x1, "PR_SET_PDEATHSIG"), (0x2, "PR_GET_PDEATHSIG"), (0x3, "PR_GET_DUMPABLE"), (0x4, "PR_SET_DUMPABLE"),
        (0x5, "PR_GET_UNALIGN"), (0x6, "PR_SET_UNALIGN"), (0x7, "PR_GET_KEEPCAPS"), (0x8, "PR_SET_KEEPCAPS"), (0x9, "PR_GET_FPEMU"), (0xa, "PR_SET_FPEMU"),
        (0xb, "PR_GET_FPEXC"), (0xc, "PR_SET_FPEXC"), (0xd, "PR_GET_TIMING"), (0xe, "PR_SET_TIMING"), (0xf, "PR_SET_NAME"), (0x10, "PR_GET_NAME"),
        (0x13, "PR_GET_ENDIAN"), (0x14, "PR_SET_ENDIAN"), (0x15, "PR_GET_SECCOMP"), (0x16, "PR_SET_SECCOMP"), (0x17, "PR_CAPBSET_READ"),
        (0x18, "PR_CAPBSET_DROP"), (0x19, "PR_GET_TSC"), (0x1a, "PR_SET_TSC"), (0x1b, "PR_GET_SECUREBITS"), (0x1c, "PR_SET_SECUREBITS"),
        (0x1d, "PR_SET_TIMERSLACK"), (0x1e, "PR_GET_TIMERSLACK"), (0x1f, "PR_TASK_PERF_EVENTS_DISABLE"), (0x20, "PR_TASK_PERF_EVENTS_ENABLE"),
        (0x21, "PR_MCE_KILL"), (0x22, "PR_MCE_KILL_GET"), (0x23, "PR_SET_MM"), (0x24, "PR_SET_CHILD_SUBREAPER"), (0x25, "PR_GET_CHILD_SUBREAPER"),
        (0x26, "PR_SET_NO_NEW_PRIVS"), (0x27, "PR_GET_NO_NEW_PRIVS"), (0x28, "PR_GET_TID_ADDRESS"), (0x29, "PR_SET_THP_DISABLE"),
        (0x2a, "PR_GET_THP_DISABLE"), (0x2b, "PR_MPX_ENABLE_MANAGEMENT"), (0x2c, "PR_MPX_DISABLE_MANAGEMENT"), (0x2e, "PR_GET_FP_MODE"),
        (0x2f, "PR_CAP_AMBIENT"), (0x32, "PR_SVE_SET_VL"), (0x33, "PR_SVE_GET_VL"), (0x34, "PR_GET_SPECULATION_CTRL"), (0x35, "PR_SET_SPECULATION_CTRL"),
        (0x36, "PR_PAC_RESET_KEYS"), (0x37, "PR_SET_TAGGED_ADDR_CTRL"), (0x38, "PR_GET_TAGGED_ADDR_CTRL"), (0x39, "PR_SET_IO_FLUSHER"),
        (0x3a, "PR_GET_IO_FLUSHER"), (0x3b, "PR_SET_SYSCALL_USER_DISPATCH"), (0x3c, "PR_PAC_SET_ENABLED_KEYS"), (0x3d, "PR_PAC_GET_ENABLED_KEYS"),
        (0x3e, "PR_SCHED_CORE"), (0x3f, "PR_SME_SET_VL"), (0x40, "PR_SME_GET_VL"), (0x41, "PR_SET_MDWE"), (0x42, "PR_GET_MDWE"),
        (0x43, "PR_SET_MEMORY_MERGE"), (0x44, "PR_GET_MEMORY_MERGE"), (0x45, "PR_RISCV_V_SET_CONTROL"), (0x46, "PR_RISCV_V_GET_CONTROL"),
        (0x47, "PR_RISCV_SET_ICACHE_FLUSH_CTX"), (0x48, "PR_PPC_GET_DEXCR"), (0x49, "PR_PPC_SET_DEXCR"), (0x4a, "PR_GET_SHADOW_STACK_STATUS"),
        (0x4b, "PR_SET_SHADOW_STACK_STATUS"), (0x4e, "PR_FUTEX_HASH"), (0x41555856, "PR_GET_AUXV"), (0x53564d41, "PR_SET_VMA"),
        (0x59616d61, "PR_SET_PTRACER"),
    ],
    others: &[],
};

/// Operations of seccomp.
#[rustfmt::skip]
pub static SECCOMP: Set = Set {
    base: &[(0, "SECCOMP_SET_MODE_STRICT"), (1, "SECCOMP_SET_MODE_FILTER"), (2, "SECCOMP_GET_ACTION_AVAIL"), (3, "SECCOMP_GET_NOTIF_SIZES")],
    others: &[],
};

/// Flags of seccomp.
#[rustfmt::skip]
pub static SECCOMP_FLAG: Set = Set {
    base: &[
        (1, "SECCOMP_FILTER_FLAG_TSYNC"), (2, "SECCOMP_FILTER_FLAG_LOG"), (4, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"), (8, "SECCOMP_FILTER_FLAG_NEW_LISTENER"),
        (16, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"), (32, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"),
    ],
    others: &[],
};

/// What a filter decided.
#[rustfmt::skip]
pub static SECCOMP_RETURN: Set = Set {
    base: &[
        (0x0, "SECCOMP_RET_KILL_THREAD"), (0x30000, "SECCOMP_RET_TRAP"), (0x50000, "SECCOMP_RET_ERRNO"), (0x7fc00000, "SECCOMP_RET_USER_NOTIF"),
        (0x7ff00000, "SECCOMP_RET_TRACE"), (0x7ffc0000, "SECCOMP_RET_LOG"), (0x7fff0000, "SECCOMP_RET_ALLOW"), (0x80000000, "SECCOMP_RET_KILL_PROCESS"),
    ],
    others: &[],
};

/// Commands of fcntl.
#[rustfmt::skip]
pub static FCNTL: Set = Set {
    base: &[
        (0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL"), (5, "F_GETLK"), (6, "F_SETLK"), (7, "F_SETLKW"), (8, "F_SETOWN"),
        (9, "F_GETOWN"), (10, "F_SETSIG"), (11, "F_GETSIG"), (15, "F_SETOWN_EX"), (16, "F_GETOWN_EX"), (36, "F_OFD_GETLK"), (37, "F_OFD_SETLK"),
        (38, "F_OFD_SETLKW"), (1024, "F_SETLEASE"), (1025, "F_GETLEASE"), (1026, "F_NOTIFY"), (1030, "F_DUPFD_CLOEXEC"), (1031, "F_SETPIPE_SZ"),
        (1032, "F_GETPIPE_SZ"), (1033, "F_ADD_SEALS"), (1034, "F_GET_SEALS"), (1035, "F_GET_RW_HINT"), (1036, "F_SET_RW_HINT"),
    ],
    others: &[
    (&["i386", "arm", "riscv32", "ppc", "x32"], &[
        (0, "F_DUPFD"), (1, "F_GETFD"), (2, "F_SETFD"), (3, "F_GETFL"), (4, "F_SETFL"), (5, "F_GETLK"), (6, "F_SETLK"), (7, "F_SETLKW"), (8, "F_SETOWN"),
        (9, "F_GETOWN"), (10, "F_SETSIG"), (11, "F_GETSIG"), (12, "F_GETLK64"), (13, "F_SETLK64"), (14, "F_SETLKW64"), (15, "F_SETOWN_EX"),
        (16, "F_GETOWN_EX"), (36, "F_OFD_GETLK"), (37, "F_OFD_SETLK"), (38, "F_OFD_SETLKW"), (1024, "F_SETLEASE"), (1025, "F_GETLEASE"), (1026, "F_NOTIFY"),
        (1030, "F_DUPFD_CLOEXEC"), (1031, "F_SETPIPE_SZ"), (1032, "F_GETPIPE_SZ"), (1033, "F_ADD_SEALS"), (1034, "F_GET_SEALS"), (1035, "F_GET_RW_HINT"),
        (1036, "F_SET_RW_HINT"),
    ]),],
};

/// Limits of a process.
#[rustfmt::skip]
pub static RLIMIT: Set = Set {
    base: &[
        (0, "RLIMIT_CPU"), (1, "RLIMIT_FSIZE"), (2, "RLIMIT_DATA"), (3, "RLIMIT_STACK"), (4, "RLIMIT_CORE"), (5, "RLIMIT_RSS"), (6, "RLIMIT_NPROC"),
        (7, "RLIMIT_NOFILE"), (8, "RLIMIT_MEMLOCK"), (9, "RLIMIT_AS"), (10, "RLIMIT_LOCKS"), (11, "RLIMIT_SIGPENDING"), (12, "RLIMIT_MSGQUEUE"),
        (13, "RLIMIT_NICE"), (14, "RLIMIT_RTPRIO"), (15, "RLIMIT_RTTIME"),
    ],
    others: &[],
};

/// Families of sockets.
#[rustfmt::skip]
pub static FAMILY: Set = Set {
    base: &[
        (0, "AF_UNSPEC"), (1, "AF_UNIX"), (2, "AF_INET"), (3, "AF_AX25"), (4, "AF_IPX"), (5, "AF_APPLETALK"), (6, "AF_NETROM"), (7, "AF_BRIDGE"),
        (8, "AF_ATMPVC"), (9, "AF_X25"), (10, "AF_INET6"), (11, "AF_ROSE"), (12, "AF_DECnet"), (13, "AF_NETBEUI"), (14, "AF_SECURITY"), (15, "AF_KEY"),
        (16, "AF_NETLINK"), (17, "AF_PACKET"), (18, "AF_ASH"), (19, "AF_ECONET"), (20, "AF_ATMSVC"), (21, "AF_RDS"), (22, "AF_SNA"), (23, "AF_IRDA"),
        (24, "AF_PPPOX"), (25, "AF_WANPIPE"), (26, "AF_LLC"), (29, "AF_CAN"), (30, "AF_TIPC"), (31, "AF_BLUETOOTH"), (32, "AF_IUCV"), (33, "AF_RXRPC"),
        (34, "AF_ISDN"), (35, "AF_PHONET"), (36, "AF_IEEE802154"), (37, "AF_CAIF"), (38, "AF_ALG"), (39, "AF_NFC"), (40, "AF_VSOCK"), (41, "AF_KCM"),
        (42, "AF_QIPCRTR"), (43, "AF_SMC"), (44, "AF_XDP"), (45, "AF_MCTP"),
    ],
    others: &[],
};

/// Types of sockets.
#[rustfmt::skip]
pub static SOCK: Set = Set {
    base: &[(1, "SOCK_STREAM"), (2, "SOCK_DGRAM"), (3, "SOCK_RAW"), (4, "SOCK_RDM"), (5, "SOCK_SEQPACKET")],
    others: &[],
};

/// Protocols of IP.
#[rustfmt::skip]
pub static PROTOCOL: Set = Set {
    base: &[
        (0, "IPPROTO_IP"), (1, "IPPROTO_ICMP"), (2, "IPPROTO_IGMP"), (4, "IPPROTO_IPIP"), (6, "IPPROTO_TCP"), (8, "IPPROTO_EGP"), (12, "IPPROTO_PUP"),
        (17, "IPPROTO_UDP"), (22, "IPPROTO_IDP"), (29, "IPPROTO_TP"), (33, "IPPROTO_DCCP"), (41, "IPPROTO_IPV6"), (43, "IPPROTO_ROUTING"),
        (44, "IPPROTO_FRAGMENT"), (46, "IPPROTO_RSVP"), (47, "IPPROTO_GRE"), (50, "IPPROTO_ESP"), (51, "IPPROTO_AH"), (58, "IPPROTO_ICMPV6"),
        (59, "IPPROTO_NONE"), (60, "IPPROTO_DSTOPTS"), (92, "IPPROTO_MTP"), (94, "IPPROTO_BEETPH"), (98, "IPPROTO_ENCAP"), (103, "IPPROTO_PIM"),
        (108, "IPPROTO_COMP"), (115, "IPPROTO_L2TP"), (132, "IPPROTO_SCTP"), (136, "IPPROTO_UDPLITE"), (137, "IPPROTO_MPLS"), (143, "IPPROTO_ETHERNET"),
        (144, "IPPROTO_AGGFRAG"), (255, "IPPROTO_RAW"), (256, "IPPROTO_SMC"), (262, "IPPROTO_MPTCP"),
    ],
    others: &[],
};

/// Levels of socket options.
#[rustfmt::skip]
pub static SOCKET_LEVEL: Set = Set {
    base: &[
        (1, "SOL_SOCKET"), (6, "SOL_TCP"), (17, "SOL_UDP"), (41, "SOL_IPV6"), (58, "SOL_ICMPV6"), (132, "SOL_SCTP"), (136, "SOL_UDPLITE"), (255, "SOL_RAW"),
        (256, "SOL_IPX"), (257, "SOL_AX25"), (258, "SOL_ATALK"), (259, "SOL_NETROM"), (260, "SOL_ROSE"), (261, "SOL_DECNET"), (262, "SOL_X25"),
        (263, "SOL_PACKET"), (264, "SOL_ATM"), (265, "SOL_AAL"), (266, "SOL_IRDA"), (267, "SOL_NETBEUI"), (268, "SOL_LLC"), (269, "SOL_DCCP"),
        (270, "SOL_NETLINK"), (271, "SOL_TIPC"), (272, "SOL_RXRPC"), (273, "SOL_PPPOL2TP"), (274, "SOL_BLUETOOTH"), (275, "SOL_PNPIPE"), (276, "SOL_RDS"),
        (277, "SOL_IUCV"), (278, "SOL_CAIF"), (279, "SOL_ALG"), (280, "SOL_NFC"), (281, "SOL_KCM"), (282, "SOL_TLS"), (283, "SOL_XDP"), (284, "SOL_MPTCP"),
        (285, "SOL_MCTP"), (286, "SOL_SMC"), (287, "SOL_VSOCK"),
    ],
    others: &[],
};

/// Options of SOL_SOCKET.
#[rustfmt::skip]
pub static SOCKET_OPTION: Set = Set {
    base: &[
        (1, "SO_DEBUG"), (2, "SO_REUSEADDR"), (3, "SO_TYPE"), (4, "SO_ERROR"), (5, "SO_DONTROUTE"), (6, "SO_BROADCAST"), (7, "SO_SNDBUF"), (8, "SO_RCVBUF"),
        (9, "SO_KEEPALIVE"), (10, "SO_OOBINLINE"), (11, "SO_NO_CHECK"), (12, "SO_PRIORITY"), (13, "SO_LINGER"), (14, "SO_BSDCOMPAT"), (15, "SO_REUSEPORT"),
        (16, "SO_PASSCRED"), (17, "SO_PEERCRED"), (18, "SO_RCVLOWAT"), (19, "SO_SNDLOWAT"), (20, "SO_RCVTIMEO_OLD"), (21, "SO_SNDTIMEO_OLD"),
        (25, "SO_BINDTODEVICE"), (26, "SO_ATTACH_FILTER"), (27, "SO_DETACH_FILTER"), (28, "SO_PEERNAME"), (30, "SO_ACCEPTCONN"), (31, "SO_PEERSEC"),
        (32, "SO_SNDBUFFORCE"), (33, "SO_RCVBUFFORCE"), (34, "SO_PASSSEC"), (36, "SO_MARK"), (38, "SO_PROTOCOL"), (39, "SO_DOMAIN"), (42, "SO_PEEK_OFF"),
        (44, "SO_LOCK_FILTER"), (50, "SO_ATTACH_BPF"), (51, "SO_ATTACH_REUSEPORT_CBPF"), (52, "SO_ATTACH_REUSEPORT_EBPF"), (55, "SO_MEMINFO"),
        (57, "SO_COOKIE"), (59, "SO_PEERGROUPS"), (60, "SO_ZEROCOPY"), (61, "SO_TXTIME"), (62, "SO_BINDTOIFINDEX"),
    ],
    others: &[
    (&["ppc", "ppc64"], &[
        (1, "SO_DEBUG"), (2, "SO_REUSEADDR"), (3, "SO_TYPE"), (4, "SO_ERROR"), (5, "SO_DONTROUTE"), (6, "SO_BROADCAST"), (7, "SO_SNDBUF"), (8, "SO_RCVBUF"),
        (9, "SO_KEEPALIVE"), (10, "SO_OOBINLINE"), (11, "SO_NO_CHECK"), (12, "SO_PRIORITY"), (13, "SO_LINGER"), (14, "SO_BSDCOMPAT"), (15, "SO_REUSEPORT"),
        (16, "SO_RCVLOWAT"), (17, "SO_SNDLOWAT"), (18, "SO_RCVTIMEO_OLD"), (19, "SO_SNDTIMEO_OLD"), (20, "SO_PASSCRED"), (21, "SO_PEERCRED"),
        (25, "SO_BINDTODEVICE"), (26, "SO_ATTACH_FILTER"), (27, "SO_DETACH_FILTER"), (28, "SO_PEERNAME"), (30, "SO_ACCEPTCONN"), (31, "SO_PEERSEC"),
        (32, "SO_SNDBUFFORCE"), (33, "SO_RCVBUFFORCE"), (34, "SO_PASSSEC"), (36, "SO_MARK"), (38, "SO_PROTOCOL"), (39, "SO_DOMAIN"), (42, "SO_PEEK_OFF"),
        (44, "SO_LOCK_FILTER"), (50, "SO_ATTACH_BPF"), (51, "SO_ATTACH_REUSEPORT_CBPF"), (52, "SO_ATTACH_REUSEPORT_EBPF"), (55, "SO_MEMINFO"),
        (57, "SO_COOKIE"), (59, "SO_PEERGROUPS"), (60, "SO_ZEROCOPY"), (61, "SO_TXTIME"), (62, "SO_BINDTOIFINDEX"),
    ]),],
};

/// Families of netfilter.
#[rustfmt::skip]
pub static NETFILTER: Set = Set {
    base: &[
        (0, "NFPROTO_UNSPEC"), (1, "NFPROTO_INET"), (2, "NFPROTO_IPV4"), (3, "NFPROTO_ARP"), (5, "NFPROTO_NETDEV"), (7, "NFPROTO_BRIDGE"),
        (10, "NFPROTO_IPV6"), (12, "NFPROTO_DECNET"),
    ],
    others: &[],
};

/// Protocols of netlink.
#[rustfmt::skip]
pub static NETLINK: Set = Set {
    base: &[
        (0, "NETLINK_ROUTE"), (1, "NETLINK_UNUSED"), (2, "NETLINK_USERSOCK"), (3, "NETLINK_FIREWALL"), (4, "NETLINK_SOCK_DIAG"), (5, "NETLINK_NFLOG"),
        (6, "NETLINK_XFRM"), (7, "NETLINK_SELINUX"), (8, "NETLINK_ISCSI"), (9, "NETLINK_AUDIT"), (10, "NETLINK_FIB_LOOKUP"), (11, "NETLINK_CONNECTOR"),
        (12, "NETLINK_NETFILTER"), (13, "NETLINK_IP6_FW"), (14, "NETLINK_DNRTMSG"), (15, "NETLINK_KOBJECT_UEVENT"), (16, "NETLINK_GENERIC"),
        (18, "NETLINK_SCSITRANSPORT"), (19, "NETLINK_ECRYPTFS"), (20, "NETLINK_RDMA"), (21, "NETLINK_CRYPTO"), (22, "NETLINK_SMC"),
    ],
    others: &[],
};

/// Calls of socketcall.
#[rustfmt::skip]
pub static SOCKETCALL: Set = Set {
    base: &[
        (1, "SYS_SOCKET"), (2, "SYS_BIND"), (3, "SYS_CONNECT"), (4, "SYS_LISTEN"), (5, "SYS_ACCEPT"), (6, "SYS_GETSOCKNAME"), (7, "SYS_GETPEERNAME"),
        (8, "SYS_SOCKETPAIR"), (9, "SYS_SEND"), (10, "SYS_RECV"), (11, "SYS_SENDTO"), (12, "SYS_RECVFROM"), (13, "SYS_SHUTDOWN"), (14, "SYS_SETSOCKOPT"),
        (15, "SYS_GETSOCKOPT"), (16, "SYS_SENDMSG"), (17, "SYS_RECVMSG"), (18, "SYS_ACCEPT4"), (19, "SYS_RECVMMSG"), (20, "SYS_SENDMMSG"),
    ],
    others: &[],
};

/// Commands of reboot.
#[rustfmt::skip]
pub static REBOOT: Set = Set {
    base: &[
        (0x0, "LINUX_REBOOT_CMD_CAD_OFF"), (0x1234567, "LINUX_REBOOT_CMD_RESTART"), (0x4321fedc, "LINUX_REBOOT_CMD_POWER_OFF"),
        (0x45584543, "LINUX_REBOOT_CMD_KEXEC"), (0x89abcdef, "LINUX_REBOOT_CMD_CAD_ON"), (0xa1b2c3d4, "LINUX_REBOOT_CMD_RESTART2"),
        (0xcdef0123, "LINUX_REBOOT_CMD_HALT"), (0xd000fce2, "LINUX_REBOOT_CMD_SW_SUSPEND"),
    ],
    others: &[],
};

/// Flags of send and receive.
#[rustfmt::skip]
pub static MESSAGE: Set = Set {
    base: &[
        (0x1, "MSG_OOB"), (0x2, "MSG_PEEK"), (0x4, "MSG_DONTROUTE"), (0x8, "MSG_CTRUNC"), (0x20, "MSG_TRUNC"), (0x40, "MSG_DONTWAIT"), (0x80, "MSG_EOR"),
        (0x100, "MSG_WAITALL"), (0x200, "MSG_FIN"), (0x400, "MSG_SYN"), (0x800, "MSG_CONFIRM"), (0x1000, "MSG_RST"), (0x2000, "MSG_ERRQUEUE"),
        (0x4000, "MSG_NOSIGNAL"), (0x8000, "MSG_MORE"), (0x40000000, "MSG_CMSG_CLOEXEC"),
    ],
    others: &[],
};

/// Policies of the scheduler.
#[rustfmt::skip]
pub static SCHEDULER: Set = Set {
    base: &[(0, "SCHED_NORMAL"), (1, "SCHED_FIFO"), (2, "SCHED_RR"), (3, "SCHED_BATCH"), (5, "SCHED_IDLE"), (6, "SCHED_DEADLINE"), (7, "SCHED_EXT")],
    others: &[],
};

/// Operations of io_uring.
#[rustfmt::skip]
pub static URING: Set = Set {
    base: &[
        (0, "IORING_OP_NOP"), (1, "IORING_OP_READV"), (2, "IORING_OP_WRITEV"), (3, "IORING_OP_FSYNC"), (4, "IORING_OP_READ_FIXED"),
        (5, "IORING_OP_WRITE_FIXED"), (6, "IORING_OP_POLL_ADD"), (7, "IORING_OP_POLL_REMOVE"), (8, "IORING_OP_SYNC_FILE_RANGE"), (9, "IORING_OP_SENDMSG"),
        (10, "IORING_OP_RECVMSG"), (11, "IORING_OP_TIMEOUT"), (12, "IORING_OP_TIMEOUT_REMOVE"), (13, "IORING_OP_ACCEPT"), (14, "IORING_OP_ASYNC_CANCEL"),
        (15, "IORING_OP_LINK_TIMEOUT"), (16, "IORING_OP_CONNECT"), (17, "IORING_OP_FALLOCATE"), (18, "IORING_OP_OPENAT"), (19, "IORING_OP_CLOSE"),
        (20, "IORING_OP_FILES_UPDATE"), (21, "IORING_OP_STATX"), (22, "IORING_OP_READ"), (23, "IORING_OP_WRITE"), (24, "IORING_OP_FADVISE"),
        (25, "IORING_OP_MADVISE"), (26, "IORING_OP_SEND"), (27, "IORING_OP_RECV"), (28, "IORING_OP_OPENAT2"), (29, "IORING_OP_EPOLL_CTL"),
        (30, "IORING_OP_SPLICE"), (31, "IORING_OP_PROVIDE_BUFFERS"), (32, "IORING_OP_REMOVE_BUFFERS"), (33, "IORING_OP_TEE"), (34, "IORING_OP_SHUTDOWN"),
        (35, "IORING_OP_RENAMEAT"), (36, "IORING_OP_UNLINKAT"), (37, "IORING_OP_MKDIRAT"), (38, "IORING_OP_SYMLINKAT"), (39, "IORING_OP_LINKAT"),
        (40, "IORING_OP_MSG_RING"), (41, "IORING_OP_FSETXATTR"), (42, "IORING_OP_SETXATTR"), (43, "IORING_OP_FGETXATTR"), (44, "IORING_OP_GETXATTR"),
        (45, "IORING_OP_SOCKET"), (46, "IORING_OP_URING_CMD"), (47, "IORING_OP_SEND_ZC"), (48, "IORING_OP_SENDMSG_ZC"), (49, "IORING_OP_READ_MULTISHOT"),
        (50, "IORING_OP_WAITID"), (51, "IORING_OP_FUTEX_WAIT"), (52, "IORING_OP_FUTEX_WAKE"), (53, "IORING_OP_FUTEX_WAITV"),
        (54, "IORING_OP_FIXED_FD_INSTALL"), (55, "IORING_OP_FTRUNCATE"), (56, "IORING_OP_BIND"), (57, "IORING_OP_LISTEN"), (58, "IORING_OP_RECV_ZC"),
        (59, "IORING_OP_EPOLL_WAIT"), (60, "IORING_OP_READV_FIXED"), (61, "IORING_OP_WRITEV_FIXED"), (62, "IORING_OP_PIPE"),
    ],
    others: &[],
};

/// Commands of bpf.
#[rustfmt::skip]
pub static BPF: Set = Set {
    base: &[
        (0, "BPF_MAP_CREATE"), (1, "BPF_MAP_LOOKUP_ELEM"), (2, "BPF_MAP_UPDATE_ELEM"), (3, "BPF_MAP_DELETE_ELEM"), (4, "BPF_MAP_GET_NEXT_KEY"),
        (5, "BPF_PROG_LOAD"), (6, "BPF_OBJ_PIN"), (7, "BPF_OBJ_GET"), (8, "BPF_PROG_ATTACH"), (9, "BPF_PROG_DETACH"), (10, "BPF_PROG_TEST_RUN"),
        (11, "BPF_PROG_GET_NEXT_ID"), (12, "BPF_MAP_GET_NEXT_ID"), (13, "BPF_PROG_GET_FD_BY_ID"), (14, "BPF_MAP_GET_FD_BY_ID"),
        (15, "BPF_OBJ_GET_INFO_BY_FD"), (16, "BPF_PROG_QUERY"), (17, "BPF_RAW_TRACEPOINT_OPEN"), (18, "BPF_BTF_LOAD"), (19, "BPF_BTF_GET_FD_BY_ID"),
        (20, "BPF_TASK_FD_QUERY"), (21, "BPF_MAP_LOOKUP_AND_DELETE_ELEM"), (22, "BPF_MAP_FREEZE"), (23, "BPF_BTF_GET_NEXT_ID"), (24, "BPF_MAP_LOOKUP_BATCH"),
        (25, "BPF_MAP_LOOKUP_AND_DELETE_BATCH"), (26, "BPF_MAP_UPDATE_BATCH"), (27, "BPF_MAP_DELETE_BATCH"), (28, "BPF_LINK_CREATE"), (29, "BPF_LINK_UPDATE"),
        (30, "BPF_LINK_GET_FD_BY_ID"), (31, "BPF_LINK_GET_NEXT_ID"), (32, "BPF_ENABLE_STATS"), (33, "BPF_ITER_CREATE"), (34, "BPF_LINK_DETACH"),
        (35, "BPF_PROG_BIND_MAP"), (36, "BPF_TOKEN_CREATE"), (37, "BPF_PROG_STREAM_READ_BY_FD"),
    ],
    others: &[],
};

/// Flags of personality; the lowest byte is a domain.
#[rustfmt::skip]
pub static PERSONALITY: Set = Set {
    base: &[
        (0x20000, "UNAME26"), (0x40000, "ADDR_NO_RANDOMIZE"), (0x80000, "FDPIC_FUNCPTRS"), (0x100000, "MMAP_PAGE_ZERO"), (0x200000, "ADDR_COMPAT_LAYOUT"),
        (0x400000, "READ_IMPLIES_EXEC"), (0x800000, "ADDR_LIMIT_32BIT"), (0x1000000, "SHORT_INODE"), (0x2000000, "WHOLE_SECONDS"),
        (0x4000000, "STICKY_TIMEOUTS"), (0x8000000, "ADDR_LIMIT_3GB"),
    ],
    others: &[],
};

/// Domains of personality.
#[rustfmt::skip]
pub static DOMAIN: Set = Set {
    base: &[(0, "PER_LINUX"), (6, "PER_BSD"), (8, "PER_LINUX32"), (12, "PER_RISCOS"), (15, "PER_OSF4"), (16, "PER_HPUX")],
    others: &[],
};

/// Operations of keyctl.
#[rustfmt::skip]
pub static KEYCTL: Set = Set {
    base: &[
        (0, "KEYCTL_GET_KEYRING_ID"), (1, "KEYCTL_JOIN_SESSION_KEYRING"), (2, "KEYCTL_UPDATE"), (3, "KEYCTL_REVOKE"), (4, "KEYCTL_CHOWN"),
        (5, "KEYCTL_SETPERM"), (6, "KEYCTL_DESCRIBE"), (7, "KEYCTL_CLEAR"), (8, "KEYCTL_LINK"), (9, "KEYCTL_UNLINK"), (10, "KEYCTL_SEARCH"),
        (11, "KEYCTL_READ"), (12, "KEYCTL_INSTANTIATE"), (13, "KEYCTL_NEGATE"), (14, "KEYCTL_SET_REQKEY_KEYRING"), (15, "KEYCTL_SET_TIMEOUT"),
        (16, "KEYCTL_ASSUME_AUTHORITY"), (17, "KEYCTL_GET_SECURITY"), (18, "KEYCTL_SESSION_TO_PARENT"), (19, "KEYCTL_REJECT"), (20, "KEYCTL_INSTANTIATE_IOV"),
        (21, "KEYCTL_INVALIDATE"), (22, "KEYCTL_GET_PERSISTENT"), (23, "KEYCTL_DH_COMPUTE"), (24, "KEYCTL_PKEY_QUERY"), (25, "KEYCTL_PKEY_ENCRYPT"),
        (26, "KEYCTL_PKEY_DECRYPT"), (27, "KEYCTL_PKEY_SIGN"), (28, "KEYCTL_PKEY_VERIFY"), (29, "KEYCTL_RESTRICT_KEYRING"), (30, "KEYCTL_MOVE"),
        (31, "KEYCTL_CAPABILITIES"), (32, "KEYCTL_WATCH_KEY"),
    ],
    others: &[],
};

/// Flags of kexec_load.
#[rustfmt::skip]
pub static KEXEC: Set = Set {
    base: &[(1, "KEXEC_ON_CRASH"), (2, "KEXEC_PRESERVE_CONTEXT"), (4, "KEXEC_UPDATE_ELFCOREHDR")],
    others: &[],
};

/// Calls of ipc.
#[rustfmt::skip]
pub static IPC: Set = Set {
    base: &[
        (1, "SEMOP"), (2, "SEMGET"), (3, "SEMCTL"), (4, "SEMTIMEDOP"), (11, "MSGSND"), (12, "MSGRCV"), (13, "MSGGET"), (14, "MSGCTL"), (21, "SHMAT"),
        (22, "SHMDT"), (23, "SHMGET"), (24, "SHMCTL"),
    ],
    others: &[],
};

/// What a watcher answered.
#[rustfmt::skip]
pub static FANOTIFY_RESPONSE: Set = Set {
    base: &[(1, "FAN_ALLOW"), (2, "FAN_DENY")],
    others: &[],
};

/// Flags of finit_module.
#[rustfmt::skip]
pub static MODULE: Set = Set {
    base: &[(1, "MODULE_INIT_IGNORE_MODVERSIONS"), (2, "MODULE_INIT_IGNORE_VERMAGIC"), (4, "MODULE_INIT_COMPRESSED_FILE")],
    others: &[],
};

/// Flags of a socket's type.
#[rustfmt::skip]
pub static SOCK_FLAG: Set = Set {
    base: &[(0x800, "SOCK_NONBLOCK"), (0x80000, "SOCK_CLOEXEC")],
    others: &[],
};

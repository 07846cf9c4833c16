//! The names of fields that the normalisation looks at, so that a name is compared once and not once per question.
//!
//! Not here: names that nothing asks for; they stay text (`Key::Other`).

/// A known field name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "each is the field of that name; the four that are not have their own comment")]
pub enum Key {
    /// A name that nothing asks for.
    Other,
    /// Words without a name.
    Words,
    /// `a4`, `a10`, `a1_len`, `a1[0]`: arguments beyond the four of a system call.
    Arg,
    A0,
    A1,
    A2,
    A3,
    Arch,
    Syscall,
    Success,
    Exit,
    Items,
    Ppid,
    Pid,
    Auid,
    Uid,
    Gid,
    Euid,
    Suid,
    Fsuid,
    Egid,
    Sgid,
    Fsgid,
    Tty,
    Ses,
    Comm,
    Exe,
    Subj,
    Key,
    Cwd,
    Item,
    Name,
    Inode,
    Dev,
    Mode,
    Ouid,
    Ogid,
    Rdev,
    Obj,
    Nametype,
    Proctitle,
    Argc,
    Saddr,
    Daddr,
    Sport,
    Dport,
    Proto,
    Op,
    Acct,
    Id,
    Hostname,
    Addr,
    Terminal,
    Res,
    Result,
    Cmd,
    /// `old-auid`, and `old auid` of old kernels.
    OldAuid,
    /// `new auid` of old kernels.
    NewAuid,
    Sig,
    Apparmor,
    Operation,
    Profile,
    Path,
    Permissive,
    Unit,
    Table,
    Msg,
    Opid,
    Oauid,
    Ocomm,
    Info,
    Grp,
    Vm,
    Ioctlcmd,
    Code,
    // From here on only looked at for repetition: frequent names that nothing asks for.
    CapFp,
    CapFi,
    CapFe,
    CapFver,
    CapFrootid,
    Fver,
    Fp,
    Fi,
    Fe,
    OldPp,
    OldPi,
    OldPe,
    OldPa,
    Pp,
    Pi,
    Pe,
    Pa,
    Frootid,
}

impl Key {
    /// The key of a field name.
    #[inline]
    pub fn of(name: &[u8]) -> Key {
        match name.len() {
            2 => of_two(name),
            3 => of_three(name),
            4 => of_four(name),
            5 => of_five(name),
            6 => of_six(name),
            7 => of_seven(name),
            _ => of_long(name),
        }
    }

    /// The key of a name in auditd's enrichment, where names are in capitals.
    pub fn of_enriched(name: &[u8]) -> Key {
        match name {
            b"ARCH" => Key::Arch,
            b"SYSCALL" => Key::Syscall,
            b"AUID" => Key::Auid,
            b"UID" => Key::Uid,
            b"GID" => Key::Gid,
            b"EUID" => Key::Euid,
            b"SUID" => Key::Suid,
            b"FSUID" => Key::Fsuid,
            b"EGID" => Key::Egid,
            b"SGID" => Key::Sgid,
            b"FSGID" => Key::Fsgid,
            b"OUID" => Key::Ouid,
            b"OGID" => Key::Ogid,
            b"OAUID" => Key::Oauid,
            b"OLD-AUID" => Key::OldAuid,
            b"ID" => Key::Id,
            b"SADDR" => Key::Saddr,
            _ => Key::Other,
        }
    }

    /// Its bit in a set of keys, and in which half that is.
    #[inline]
    pub(super) fn bit(self) -> (usize, u64) {
        let number = self as usize;
        (number >> 6 & 1, 1 << (number & 63))
    }
}

fn arg(name: &[u8]) -> Key {
    match name {
        [b'a', digit, ..] if digit.is_ascii_digit() => Key::Arg,
        _ => Key::Other,
    }
}

fn of_two(name: &[u8]) -> Key {
    match name {
        b"a0" => Key::A0,
        b"a1" => Key::A1,
        b"a2" => Key::A2,
        b"a3" => Key::A3,
        b"op" => Key::Op,
        b"id" => Key::Id,
        b"vm" => Key::Vm,
        b"fp" => Key::Fp,
        b"fi" => Key::Fi,
        b"fe" => Key::Fe,
        b"pp" => Key::Pp,
        b"pi" => Key::Pi,
        b"pe" => Key::Pe,
        b"pa" => Key::Pa,
        _ => arg(name),
    }
}

fn of_three(name: &[u8]) -> Key {
    match name {
        b"pid" => Key::Pid,
        b"uid" => Key::Uid,
        b"gid" => Key::Gid,
        b"tty" => Key::Tty,
        b"ses" => Key::Ses,
        b"exe" => Key::Exe,
        b"key" => Key::Key,
        b"cwd" => Key::Cwd,
        b"dev" => Key::Dev,
        b"obj" => Key::Obj,
        b"res" => Key::Res,
        b"cmd" => Key::Cmd,
        b"sig" => Key::Sig,
        b"msg" => Key::Msg,
        b"grp" => Key::Grp,
        _ => arg(name),
    }
}

fn of_four(name: &[u8]) -> Key {
    match name {
        b"auid" => Key::Auid,
        b"euid" => Key::Euid,
        b"suid" => Key::Suid,
        b"egid" => Key::Egid,
        b"sgid" => Key::Sgid,
        b"ppid" => Key::Ppid,
        b"comm" => Key::Comm,
        b"subj" => Key::Subj,
        b"exit" => Key::Exit,
        b"arch" => Key::Arch,
        b"item" => Key::Item,
        b"name" => Key::Name,
        b"mode" => Key::Mode,
        b"ouid" => Key::Ouid,
        b"ogid" => Key::Ogid,
        b"rdev" => Key::Rdev,
        b"argc" => Key::Argc,
        b"acct" => Key::Acct,
        b"addr" => Key::Addr,
        b"path" => Key::Path,
        b"unit" => Key::Unit,
        b"opid" => Key::Opid,
        b"info" => Key::Info,
        b"code" => Key::Code,
        b"fver" => Key::Fver,
        _ => arg(name),
    }
}

fn of_five(name: &[u8]) -> Key {
    match name {
        b"items" => Key::Items,
        b"fsuid" => Key::Fsuid,
        b"fsgid" => Key::Fsgid,
        b"inode" => Key::Inode,
        b"saddr" => Key::Saddr,
        b"daddr" => Key::Daddr,
        b"sport" => Key::Sport,
        b"dport" => Key::Dport,
        b"proto" => Key::Proto,
        b"table" => Key::Table,
        b"oauid" => Key::Oauid,
        b"ocomm" => Key::Ocomm,
        _ => arg(name),
    }
}

fn of_six(name: &[u8]) -> Key {
    match name {
        b"result" => Key::Result,
        b"cap_fp" => Key::CapFp,
        b"cap_fi" => Key::CapFi,
        b"cap_fe" => Key::CapFe,
        b"old_pp" => Key::OldPp,
        b"old_pi" => Key::OldPi,
        b"old_pe" => Key::OldPe,
        b"old_pa" => Key::OldPa,
        _ => arg(name),
    }
}

fn of_seven(name: &[u8]) -> Key {
    match name {
        b"syscall" => Key::Syscall,
        b"success" => Key::Success,
        b"profile" => Key::Profile,
        b"frootid" => Key::Frootid,
        // Before Linux 4.1 the kernel wrote this for `nametype`.
        b"objtype" => Key::Nametype,
        _ => arg(name),
    }
}

fn of_long(name: &[u8]) -> Key {
    match name {
        b"nametype" => Key::Nametype,
        b"hostname" => Key::Hostname,
        b"terminal" => Key::Terminal,
        b"apparmor" => Key::Apparmor,
        b"old-auid" | b"old auid" => Key::OldAuid,
        b"new auid" => Key::NewAuid,
        b"ioctlcmd" => Key::Ioctlcmd,
        b"proctitle" => Key::Proctitle,
        b"operation" => Key::Operation,
        b"permissive" => Key::Permissive,
        b"cap_fver" => Key::CapFver,
        b"cap_frootid" => Key::CapFrootid,
        _ => arg(name),
    }
}

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
    pub fn of(name: &[u8]) -> Key {
        KERNEL.find(name).unwrap_or_else(|| unlisted(name))
    }

    /// The key of a name in auditd's enrichment, where names are in capitals.
    pub fn of_enriched(name: &[u8]) -> Key {
        ENRICHED.find(name).unwrap_or(Key::Other)
    }
}

/// Up to eight bytes as one number, the first one lowest: what a name is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    /// The bytes that one holds.
    pub const BYTES_MAX: usize = 8;

    /// The first bytes of a text; zeros where it is shorter.
    #[inline]
    pub fn of(bytes: &[u8]) -> Word {
        match bytes.first_chunk() {
            Some(chunk) => Word(u64::from_le_bytes(*chunk)),
            None => Word::of_short(bytes),
        }
    }

    fn of_short(bytes: &[u8]) -> Word {
        let mut chunk = [0; Self::BYTES_MAX];
        chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Word(u64::from_le_bytes(chunk))
    }

    const fn of_name(name: &[u8]) -> Word {
        let mut word = 0u64;
        let mut rest = name;
        while let [before @ .., last] = rest {
            word = word << 8 | *last as u64;
            rest = before;
        }
        Word(word)
    }

    /// The first `len` bytes.
    #[inline]
    pub fn first(self, len: usize) -> Word {
        if len >= Self::BYTES_MAX { self } else { Word(self.0 & ((1 << (len * 8)) - 1)) }
    }

    /// Where one of two bytes stands first.
    #[inline]
    pub fn position(self, one: u8, other: u8) -> Option<usize> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // The lowest high bit is that of the first byte that is zero; above it the subtraction may have borrowed.
        let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
        let found = zeros(self.0 ^ (ONES * u64::from(one))) | zeros(self.0 ^ (ONES * u64::from(other)));
        (found != 0).then(|| found.trailing_zeros() as usize / 8)
    }

    /// Its place in a table: the highest bits of a product. The number was searched until no two names of a table shared a place.
    #[inline]
    const fn slot(self) -> usize {
        (self.0.wrapping_mul(0x2513_4680_10b6_fb75) >> (64 - TABLE_BITS)) as usize
    }
}

const TABLE_BITS: u32 = 9;
const TABLE_LEN: usize = 1 << TABLE_BITS;

#[derive(Debug, Clone, Copy)]
struct Slot {
    word: Word,
    len: u8,
    key: Key,
}

impl Slot {
    const EMPTY: Slot = Slot { word: Word(u64::MAX), len: 0, key: Key::Other };
}

/// Names of at most eight bytes, found by one multiplication and one comparison.
#[derive(Debug)]
pub(super) struct Table([Slot; TABLE_LEN]);

impl Table {
    const fn new(names: &[(&[u8], Key)]) -> Table {
        let mut table = [Slot::EMPTY; TABLE_LEN];
        let mut rest = names;
        #[expect(
            clippy::indexing_slicing,
            reason = "the compiler evaluates this: outside of the table it does not build"
        )]
        while let [(name, key), behind @ ..] = rest {
            let word = Word::of_name(name);
            let free = table[word.slot()].len == 0;
            assert!(free, "two names share a place: search another number for Word::slot");
            table[word.slot()] = Slot { word, len: name.len() as u8, key: *key };
            rest = behind;
        }
        Table(table)
    }

    /// The key of a name of `len` bytes; `word` begins with it.
    #[inline(always)]
    pub fn find_word(&self, word: Word, len: usize) -> Option<Key> {
        let word = word.first(len);
        let slot = self.0.get(word.slot()).copied()?;
        (slot.word.0 == word.0 && usize::from(slot.len) == len).then_some(slot.key)
    }

    fn find(&self, name: &[u8]) -> Option<Key> {
        self.find_word(Word::of(name), name.len())
    }
}

/// The kernel's and the programs' names.
pub(super) static KERNEL: Table = Table::new(NAMES);
/// auditd's names.
pub(super) static ENRICHED: Table = Table::new(ENRICHED_NAMES);

#[rustfmt::skip]
const ENRICHED_NAMES: &[(&[u8], Key)] = &[
    (b"ARCH", Key::Arch), (b"SYSCALL", Key::Syscall), (b"AUID", Key::Auid), (b"UID", Key::Uid), (b"GID", Key::Gid), (b"EUID", Key::Euid),
    (b"SUID", Key::Suid), (b"FSUID", Key::Fsuid), (b"EGID", Key::Egid), (b"SGID", Key::Sgid), (b"FSGID", Key::Fsgid), (b"OUID", Key::Ouid),
    (b"OGID", Key::Ogid), (b"OAUID", Key::Oauid), (b"OLD-AUID", Key::OldAuid), (b"ID", Key::Id), (b"SADDR", Key::Saddr),
];

/// Names of at most eight bytes. Before Linux 4.1 the kernel wrote `objtype` for `nametype`.
#[rustfmt::skip]
const NAMES: &[(&[u8], Key)] = &[
    (b"a0", Key::A0),
    (b"a1", Key::A1),
    (b"a2", Key::A2),
    (b"a3", Key::A3),
    (b"op", Key::Op),
    (b"id", Key::Id),
    (b"vm", Key::Vm),
    (b"fp", Key::Fp),
    (b"fi", Key::Fi),
    (b"fe", Key::Fe),
    (b"pp", Key::Pp),
    (b"pi", Key::Pi),
    (b"pe", Key::Pe),
    (b"pa", Key::Pa),
    (b"pid", Key::Pid),
    (b"uid", Key::Uid),
    (b"gid", Key::Gid),
    (b"tty", Key::Tty),
    (b"ses", Key::Ses),
    (b"exe", Key::Exe),
    (b"key", Key::Key),
    (b"cwd", Key::Cwd),
    (b"dev", Key::Dev),
    (b"obj", Key::Obj),
    (b"res", Key::Res),
    (b"cmd", Key::Cmd),
    (b"sig", Key::Sig),
    (b"msg", Key::Msg),
    (b"grp", Key::Grp),
    (b"auid", Key::Auid),
    (b"euid", Key::Euid),
    (b"suid", Key::Suid),
    (b"egid", Key::Egid),
    (b"sgid", Key::Sgid),
    (b"ppid", Key::Ppid),
    (b"comm", Key::Comm),
    (b"subj", Key::Subj),
    (b"exit", Key::Exit),
    (b"arch", Key::Arch),
    (b"item", Key::Item),
    (b"name", Key::Name),
    (b"mode", Key::Mode),
    (b"ouid", Key::Ouid),
    (b"ogid", Key::Ogid),
    (b"rdev", Key::Rdev),
    (b"argc", Key::Argc),
    (b"acct", Key::Acct),
    (b"addr", Key::Addr),
    (b"path", Key::Path),
    (b"unit", Key::Unit),
    (b"opid", Key::Opid),
    (b"info", Key::Info),
    (b"code", Key::Code),
    (b"fver", Key::Fver),
    (b"items", Key::Items),
    (b"fsuid", Key::Fsuid),
    (b"fsgid", Key::Fsgid),
    (b"inode", Key::Inode),
    (b"saddr", Key::Saddr),
    (b"daddr", Key::Daddr),
    (b"sport", Key::Sport),
    (b"dport", Key::Dport),
    (b"proto", Key::Proto),
    (b"table", Key::Table),
    (b"oauid", Key::Oauid),
    (b"ocomm", Key::Ocomm),
    (b"result", Key::Result),
    (b"cap_fp", Key::CapFp),
    (b"cap_fi", Key::CapFi),
    (b"cap_fe", Key::CapFe),
    (b"old_pp", Key::OldPp),
    (b"old_pi", Key::OldPi),
    (b"old_pe", Key::OldPe),
    (b"old_pa", Key::OldPa),
    (b"syscall", Key::Syscall),
    (b"success", Key::Success),
    (b"profile", Key::Profile),
    (b"frootid", Key::Frootid),
    (b"objtype", Key::Nametype),
    (b"nametype", Key::Nametype),
    (b"hostname", Key::Hostname),
    (b"terminal", Key::Terminal),
    (b"apparmor", Key::Apparmor),
    (b"old-auid", Key::OldAuid),
    (b"old auid", Key::OldAuid),
    (b"new auid", Key::NewAuid),
    (b"ioctlcmd", Key::Ioctlcmd),
    (b"cap_fver", Key::CapFver),
];

/// The key of a name that is in no table.
#[inline]
pub(super) fn unlisted(name: &[u8]) -> Key {
    match name {
        b"proctitle" => Key::Proctitle,
        b"operation" => Key::Operation,
        b"permissive" => Key::Permissive,
        b"cap_frootid" => Key::CapFrootid,
        [b'a', digit, ..] if digit.is_ascii_digit() => Key::Arg,
        _ => Key::Other,
    }
}

const _: () = assert!((Key::Frootid as u8) < 128, "Fields keeps a bit for each key");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_keys() {
        for (name, key) in NAMES {
            assert_eq!(Key::of(name), *key);
            let mut longer = name.to_vec();
            longer.push(0);
            assert!(matches!(Key::of(&longer), Key::Other | Key::Arg), "a NUL behind a name makes another one");
        }
        for (name, key) in [
            (&b"proctitle"[..], Key::Proctitle),
            (b"a4", Key::Arg),
            (b"a1[0]", Key::Arg),
            (b"a10_len", Key::Arg),
            (b"a100000000", Key::Arg),
            (b"PID", Key::Other),
            (b"", Key::Other),
            (b"b0", Key::Other),
        ] {
            assert_eq!(Key::of(name), key);
        }
    }

    #[test]
    fn the_first_of_two_bytes() {
        for text in [
            &b"pid=1 ab"[..],
            b"=",
            b"",
            b"a b=c d=",
            b"nametype",
            b"\x3c\x3e=\x1f \xbd\xa0",
            b"\xbd\xa0\x3c\x21 ==",
            b"\x01\x00=\xff",
        ] {
            let expected = text.iter().take(8).position(|byte| matches!(byte, b'=' | b' '));
            assert_eq!(Word::of(text).position(b'=', b' '), expected, "{text:?}");
        }
        assert_eq!(Word::of(b"pid=1 ab").first(3), Word::of(b"pid"));
        assert_eq!(Word::of(b"nametype=").first(8), Word::of(b"nametype"));
    }
}

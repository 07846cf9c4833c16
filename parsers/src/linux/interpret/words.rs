//! Numbers to words, by kind: a constant, a sum of flags, a mode, a set of capabilities.

use super::super::tables::{self, Set};

/// A sum of flags: `O_WRONLY|O_CREAT`; what has no name is a number at the end. Nothing at all is `0`.
pub(super) fn sum(names: &[&str], rest: u64) -> String {
    let mut text = names.join("|");
    if rest != 0 {
        let bar = if text.is_empty() { "" } else { "|" };
        text.push_str(&format!("{bar}{rest:#x}"));
    }
    if text.is_empty() {
        text.push('0');
    }
    text
}

/// Flags of one set.
pub(super) fn flags(set: &Set, arch: &str, value: u64) -> String {
    let mut names = Vec::new();
    let rest = set.flags(arch, value, &mut names);
    sum(&names, rest)
}

/// Flags of `open`: the access mode first.
pub(super) fn open(arch: &str, value: u64) -> String {
    let (mode, rest) = match value & 3 {
        0 => ("O_RDONLY", value),
        1 => ("O_WRONLY", value & !3),
        2 => ("O_RDWR", value & !3),
        // Neither reading nor writing: for calls that only want the descriptor.
        _ => ("O_ACCMODE", value & !3),
    };
    let mut names = vec![mode];
    let rest = tables::OPEN.flags(arch, rest, &mut names);
    sum(&names, rest)
}

/// Whether a call of `open` with these flags makes a file where there is none.
pub(super) fn makes_a_file(arch: &str, value: u64) -> bool {
    let mut names = Vec::with_capacity(8);
    tables::OPEN.flags(arch, value, &mut names);
    names.iter().any(|flag| matches!(*flag, "O_CREAT" | "O_TMPFILE"))
}

/// Flags of `mmap`: the kind of sharing first.
pub(super) fn map(arch: &str, value: u64) -> String {
    let mut names = Vec::new();
    let kind = match value & 3 {
        1 => Some("MAP_SHARED"),
        2 => Some("MAP_PRIVATE"),
        3 => Some("MAP_SHARED_VALIDATE"),
        _ => None,
    };
    names.extend(kind);
    let rest = tables::MAP.flags(arch, value & !3, &mut names);
    sum(&names, rest)
}

/// Flags of `clone`: the lowest byte is the signal that the parent gets.
pub(super) fn clone(arch: &str, value: u64) -> String {
    let mut names = Vec::new();
    let rest = tables::CLONE.flags(arch, value & !0xff, &mut names);
    let signal = value & 0xff;
    let named = tables::SIGNAL.name(arch, signal);
    names.extend(named);
    sum(&names, if named.is_some() { rest } else { rest | signal })
}

/// Flags of `unshare` and `setns`.
pub(super) fn namespaces(arch: &str, value: u64) -> String {
    let mut names = Vec::new();
    let rest = tables::CLONE.flags(arch, value, &mut names);
    let rest = tables::NEW_TIME.flags(arch, rest, &mut names);
    sum(&names, rest)
}

/// The type of a socket and its flags.
pub(super) fn socket_type(arch: &str, value: u64) -> String {
    let kind = value & 0xf;
    let named = tables::SOCK.name(arch, kind);
    let mut names = Vec::from_iter(named);
    let rest = tables::SOCK_FLAG.flags(arch, value & !0xf, &mut names);
    sum(&names, if named.is_some() { rest } else { rest | kind })
}

/// Permissions, in octal as everybody writes them.
pub(super) fn octal(value: u64) -> String {
    format!("{value:04o}")
}

/// A file's type and permissions, as `ausearch -i` writes them: `file,suid,755`.
pub(super) fn file_mode(value: u64) -> Option<String> {
    let kind = match value & 0o170_000 {
        0o010_000 => "fifo",
        0o020_000 => "character",
        0o040_000 => "dir",
        0o060_000 => "block",
        0o100_000 => "file",
        0o120_000 => "link",
        0o140_000 => "socket",
        _ => return None,
    };
    let special: String = [(0o4000, ",suid"), (0o2000, ",sgid"), (0o1000, ",sticky")]
        .iter()
        .filter(|(bit, _)| value & bit != 0)
        .map(|(_, name)| *name)
        .collect();
    (value < 1 << 16).then(|| format!("{kind}{special},{:03o}", value & 0o777))
}

/// A set of capabilities as bits.
pub(super) fn capabilities(value: u64) -> String {
    let names: Vec<&str> =
        tables::CAPABILITY.of("").iter().filter(|(bit, _)| value >> bit & 1 == 1).map(|(_, name)| *name).collect();
    let known = tables::CAPABILITY.of("").iter().fold(0u64, |all, (bit, _)| all | 1 << bit);
    if value == 0 { "none".to_owned() } else { sum(&names, value & !known) }
}

/// A personality: its domain and its flags.
pub(super) fn personality(value: u64) -> String {
    let mut names = Vec::new();
    let domain = tables::DOMAIN.name("", value & 0xff);
    names.extend(domain);
    let rest = tables::PERSONALITY.flags("", value & !0xff, &mut names);
    sum(&names, if domain.is_some() { rest } else { rest | value & 0xff })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_numbers() {
        for (got, expected) in [
            (open("x86_64", 0x80241), "O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC"),
            (open("x86_64", 0), "O_RDONLY"),
            (open("x86_64", 0x410000), "O_RDONLY|O_DIRECTORY|O_TMPFILE"),
            (open("x86_64", 1 << 40), "O_RDONLY|0x10000000000"),
            (map("x86_64", 0x22), "MAP_PRIVATE|MAP_ANONYMOUS"),
            (map("ppc64", 0x22), "MAP_PRIVATE|MAP_ANONYMOUS"),
            (clone("x86_64", 0x1200011), "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"),
            (clone("x86_64", 0x6002_0000), "CLONE_NEWNS|CLONE_NEWPID|CLONE_NEWNET"),
            (namespaces("x86_64", 0x1000_0080), "CLONE_NEWUSER|CLONE_NEWTIME"),
            (socket_type("x86_64", 0x80801), "SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC"),
            (octal(0o600), "0600"),
            (file_mode(0o104755).unwrap(), "file,suid,755"),
            (file_mode(0o041777).unwrap(), "dir,sticky,777"),
            (file_mode(0o020666).unwrap(), "character,666"),
            (capabilities(0), "none"),
            (capabilities(1 << 21 | 1), "CAP_CHOWN|CAP_SYS_ADMIN"),
            (capabilities(1 << 63), "0x8000000000000000"),
            (personality(0x0040_0000), "PER_LINUX|READ_IMPLIES_EXEC"),
            (personality(8), "PER_LINUX32"),
        ] {
            assert_eq!(got, expected);
        }
        assert_eq!(file_mode(0), None);
        assert_eq!(file_mode(u64::MAX), None);
    }
}

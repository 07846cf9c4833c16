//! Names of numbers, as auditd looked them up on its node: a daemon's claim beside the kernel's number.
//!
//! A number with two names, or a name with two numbers, within one event cannot be right: such names are not used, and that is noted.

use deponent_parsers::linux::{self, Form, Key, Record, SockAddr, Value};

use super::known::Known;
use super::notes::Notes;
use crate::model::Str;

/// The most pairs that are compared; a genuine event has a dozen.
const PAIRS_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Uid,
    Gid,
}

#[derive(Debug)]
struct Pair<'a> {
    space: Space,
    number: u32,
    name: &'a [u8],
    doubtful: bool,
}

/// The names of one event.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    pairs: Vec<Pair<'a>>,
}

impl<'a> Names<'a> {
    /// The names that the enrichments of these records give.
    pub fn of(records: &'a [Record<'a>], known: &[Known<'a>], notes: &mut Notes) -> Names<'a> {
        let mut names = Names::default();
        for (record, known) in records.iter().zip(known) {
            if record.enriched.is_empty() {
                continue;
            }
            let mut fields = record.enriched_fields();
            for field in fields.by_ref() {
                names.add(known, field.key, field.value, notes);
            }
            for issue in fields.into_issues() {
                let at = record.enriched_offset(issue.at);
                notes.add(issue.kind, format!("{} record, byte {at}: {}", record.type_name(), issue.detail));
            }
        }
        names.doubt(notes);
        names
    }

    /// The name of a uid; `Err` when the event contradicts itself about it.
    pub fn uid(&self, number: u32, notes: &mut Notes) -> Result<Option<Str>, Doubtful> {
        let mut found = None;
        for pair in self.pairs.iter().filter(|pair| pair.space == Space::Uid && pair.number == number) {
            if pair.doubtful {
                return Err(Doubtful);
            }
            found = Some(pair.name);
        }
        Ok(found.filter(|name| !name.starts_with(b"unknown(")).map(|name| notes.text("an enriched name", name)))
    }

    fn add(&mut self, known: &Known<'a>, key: Key, value: Value<'a>, notes: &mut Notes) {
        let (space, inner) = match key {
            Key::Auid | Key::Uid | Key::Euid | Key::Suid | Key::Fsuid => (Space::Uid, false),
            Key::Ouid | Key::Oauid | Key::OldAuid => (Space::Uid, false),
            Key::Id => (Space::Uid, true),
            Key::Gid | Key::Egid | Key::Sgid | Key::Fsgid | Key::Ogid => (Space::Gid, false),
            Key::Syscall => return check_syscall(known, value, notes),
            Key::Arch => return check_arch(known, value, notes),
            Key::Saddr => return check_address(known, value, notes),
            _ => return,
        };
        // The id of a message may be a group's, but only of messages about groups.
        if inner && known.type_name.contains("GRP") | known.type_name.contains("GROUP") {
            return;
        }
        let number = if inner { known.inner(key) } else { known.outer(key) };
        let Some(number) = number.and_then(|value| linux::unsigned(value.bytes)) else { return };
        let name = value.bytes;
        if self.pairs.iter().any(|pair| pair.space == space && pair.number == number && pair.name == name) {
            return;
        }
        if self.pairs.len() < PAIRS_MAX {
            self.pairs.push(Pair { space, number, name, doubtful: false });
        } else {
            notes.add("too-many-names", format!("more than {PAIRS_MAX} enriched names in one event"));
        }
    }

    fn doubt(&mut self, notes: &mut Notes) {
        let mut doubtful = Vec::new();
        for (at, pair) in self.pairs.iter().enumerate() {
            if !fits(pair) {
                doubtful.push(at);
                notes.add("contradiction", format!("{} {} is named {}", space(pair), pair.number, shown(pair.name)));
            }
            for (other_at, other) in self.pairs.iter().enumerate().skip(at + 1).filter(|(_, o)| o.space == pair.space) {
                if other.number == pair.number
                    || (other.name == pair.name && pair.number != u32::MAX && other.number != u32::MAX)
                {
                    doubtful.extend([at, other_at]);
                    let [first, second] = if (other.number, other.name) < (pair.number, pair.name) {
                        [other, pair]
                    } else {
                        [pair, other]
                    };
                    let detail = format!(
                        "{} {} is named {}, and {} is named {}: both cannot be right",
                        space(pair),
                        first.number,
                        shown(first.name),
                        second.number,
                        shown(second.name)
                    );
                    notes.add("contradiction", detail);
                }
            }
        }
        for at in doubtful {
            if let Some(pair) = self.pairs.get_mut(at) {
                pair.doubtful = true;
            }
        }
    }
}

/// The event contradicts itself about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubtful;

fn space(pair: &Pair<'_>) -> &'static str {
    match pair.space {
        Space::Uid => "uid",
        Space::Gid => "gid",
    }
}

fn shown(name: &[u8]) -> String {
    linux::text(name).0.into_owned()
}

/// Whether a name can belong to its number, by the form of the name alone.
fn fits(pair: &Pair<'_>) -> bool {
    let says_unset = matches!(pair.name, b"unset" | b"-1" | b"4294967295" | b"unknown(4294967295)" | b"?");
    if pair.number == u32::MAX || says_unset {
        return pair.number == u32::MAX && says_unset;
    }
    match pair.name.strip_prefix(b"unknown(") {
        Some(rest) => rest.strip_suffix(b")").and_then(linux::number) == Some(u64::from(pair.number)),
        None => true,
    }
}

/// auditd's name of the architecture, where it names another one.
fn check_arch(known: &Known<'_>, value: Value<'_>, notes: &mut Notes) {
    let Some(number) = known.outer(Key::Arch) else { return };
    let Some(arch) = linux::Arch::of(number.bytes) else { return };
    // Big- and little-endian ones go by one name there (`ppc64` for `ppc64le` in some versions).
    let alike = arch.name.as_bytes().starts_with(value.bytes) || value.bytes.starts_with(arch.name.as_bytes());
    if !alike && linux::is_arch_name(value.bytes) {
        let detail = format!("arch={} is {}; auditd named it {}", shown(number.bytes), arch.name, shown(value.bytes));
        notes.add("contradiction", detail);
    }
}

/// auditd's name of the system call, where it names another one of the same architecture.
fn check_syscall(known: &Known<'_>, value: Value<'_>, notes: &mut Notes) {
    let Some(arch) = known.outer(Key::Arch).and_then(|value| linux::Arch::of(value.bytes)) else { return };
    let Some(number) = known.outer(Key::Syscall).and_then(|value| value.number()) else { return };
    let Some(name) = linux::syscall_name(arch, number) else { return };
    if value.form == Form::Braced || name.as_bytes() == value.bytes {
        return;
    }
    // Names differ between tables of different age; another call's name does not.
    let other = (0..600).find(|&n| linux::syscall_name(arch, n).is_some_and(|other| other.as_bytes() == value.bytes));
    if let Some(other) = other {
        let detail =
            format!("system call {number} is {name}; auditd named it {}, which is {other}", shown(value.bytes));
        notes.add("contradiction", detail);
    }
}

/// auditd's reading of a socket address, `{ saddr_fam=inet laddr=192.0.2.1 lport=443 }`, where a part of it differs from the kernel's bytes.
fn check_address(known: &Known<'_>, value: Value<'_>, notes: &mut Notes) {
    let Some(bytes) = known.outer(Key::Saddr) else { return };
    let Some(address) = SockAddr::parse(bytes.bytes, None) else { return };
    let said = |name: &str| {
        value.bytes.split(|&byte| byte == b' ').find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    let (family, parts) = match &address {
        SockAddr::Inet { address, port } => ("inet", vec![("laddr", address.to_string()), ("lport", port.to_string())]),
        SockAddr::Inet6 { address, port, .. } => {
            ("inet6", vec![("laddr", address.to_string()), ("lport", port.to_string())])
        }
        SockAddr::Netlink { pid, .. } => ("netlink", vec![("nlnk-pid", pid.to_string())]),
        SockAddr::Unix(path) if !path.is_empty() && path.iter().all(u8::is_ascii_graphic) => {
            ("local", vec![("path", shown(path))])
        }
        SockAddr::Unix(_) | SockAddr::UnixAbstract(_) => ("local", Vec::new()),
        _ => return,
    };
    let family = ["saddr_fam", "fam"].into_iter().find_map(|name| Some((name, said(name)?, family.to_owned())));
    let parts = parts.into_iter().filter_map(|(name, is)| Some((name, said(name)?, is)));
    for (name, said, is) in family.into_iter().chain(parts) {
        // auditd may write an address of IPv6 in another of its forms.
        let same = said == is.as_bytes()
            || (name == "laddr" && shown(said).parse::<std::net::IpAddr>().ok() == is.parse::<std::net::IpAddr>().ok());
        if !same {
            let detail = format!("saddr={} has {name}={is}; auditd wrote {name}={}", shown(bytes.bytes), shown(said));
            notes.add("contradiction", detail);
        }
    }
}

//! A record as it stands: all its fields under their own names, decoded, and auditd's enrichment apart.
//!
//! Not here: which of two equal names counts (`known`), what is odd about the record (`event`).

use deponent_parsers::linux::{self, Field, Form, Key, Record, SockAddr};

use crate::model::{RecordFields, Str};

/// The fields of one record. A line that is no record has one field, `raw`.
pub fn fields(record: &[u8]) -> RecordFields {
    let Ok(parsed) = Record::parse(record) else {
        let raw = (Str::const_new("raw"), text(record.trim_ascii_end()));
        return RecordFields { fields: vec![raw], ..RecordFields::default() };
    };
    let header = &parsed.header;
    let mut fields = Vec::with_capacity(32);
    if let Some(node) = &header.node {
        fields.push((Str::const_new("node"), text(node)));
    }
    // The stamp as it was written, so that it can be compared with other tools.
    let stamp = record.get(..header.body).and_then(|start| {
        let at = memchr::memmem::rfind(start, b"audit(")?;
        start.get(at..)
    });
    fields.extend(stamp.map(|stamp| (Str::const_new("msg"), text(stamp))));
    let arch =
        parsed.fields().find(|field| field.key == Key::Arch).and_then(|field| linux::Arch::of(field.value.bytes));
    fields.extend(parsed.fields().map(|field| shown(&parsed, &field, arch)));
    let meaning = meanings(&parsed, arch);
    let enriched = parsed.enriched_fields().map(|field| (text(field.name), text(field.value.bytes))).collect();
    // The type as it stands in the record, whatever its number means.
    let record_type = if header.record_type.is_empty() { "UNKNOWN" } else { &header.record_type };
    RecordFields { at: None, record: Str::new(record_type), fields, meaning, enriched }
}

/// What the numbers of a record stand for; the arguments of a system call in the places of theirs.
fn meanings(record: &Record<'_>, arch: Option<linux::Arch>) -> Vec<(Str, Str)> {
    let mut call = None;
    let mut values: linux::Arguments = [None; 4];
    let mut meaning = Vec::new();
    for field in record.fields() {
        meaning.extend(linux::meaning(record, &field, arch).map(|text| (field.name, Str::from(text))));
        if record.type_name() != "SYSCALL" || field.nested || field.duplicate {
            continue;
        }
        match field.key {
            Key::Syscall => {
                call = arch
                    .zip(linux::number(field.value.bytes))
                    .and_then(|(arch, number)| Some((arch, linux::syscall_name(arch, number)?)));
            }
            Key::A0 | Key::A1 | Key::A2 | Key::A3 => {
                let place = field.name.last().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
                if let Some(slot) = values.get_mut(place) {
                    *slot = linux::hexadecimal(field.value.bytes);
                }
            }
            _ => {}
        }
    }
    let mut meaning: Vec<(Str, Str)> = meaning.into_iter().map(|(name, text)| (self::text(name), text)).collect();
    if let Some((arch, call)) = call {
        let said = linux::arguments(arch, call, &values);
        let line = |argument: linux::Argument| {
            (Str::const_new(argument.field), Str::from(format!("{}={}", argument.name, argument.text)))
        };
        meaning.extend(said.into_iter().map(line));
    }
    meaning
}

fn shown(record: &Record<'_>, field: &Field<'_>, arch: Option<linux::Arch>) -> (Str, Str) {
    if field.key == Key::Words {
        return (Str::const_new("text"), text(field.value.bytes));
    }
    let name = text(field.name);
    if field.value.is_absent() || field.value.form != Form::Bare {
        return (name, text(field.value.bytes));
    }
    if field.key == Key::Saddr && record.type_name() == "SOCKADDR" {
        return (name, socket(field.value.bytes, arch));
    }
    let decoded = field.value.decoded(linux::is_encoded(record.type_name(), field.name));
    if field.key == Key::Proctitle {
        // Arguments are separated by NUL.
        let spaced: Vec<u8> = decoded.iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
        return (name, text(spaced.trim_ascii_end()));
    }
    (name, text(&decoded))
}

/// A socket address as text, where it is one; else as it stands.
fn socket(hex: &[u8], arch: Option<linux::Arch>) -> Str {
    match SockAddr::parse(hex, arch.map(|arch| arch.big_endian)) {
        Some(SockAddr::Inet { address, port }) => Str::from(format!("inet {address}:{port}")),
        Some(SockAddr::Inet6 { address, port, .. }) => Str::from(format!("inet6 [{address}]:{port}")),
        Some(SockAddr::Unix(path)) => Str::from(format!("unix {}", text(&path))),
        Some(SockAddr::UnixAbstract(name)) => Str::from(format!("unix @{}", text(&name))),
        Some(SockAddr::Netlink { pid, groups }) => Str::from(format!("netlink pid {pid} groups {groups}")),
        Some(SockAddr::Vsock { cid, port }) => Str::from(format!("vsock {cid}:{port}")),
        _ => text(hex),
    }
}

fn text(bytes: &[u8]) -> Str {
    Str::from(linux::text(bytes).0)
}

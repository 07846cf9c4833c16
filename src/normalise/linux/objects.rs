//! Objects that are no PATH items: accounts, services, audit rules, tables, interfaces, processes.
//!
//! Not here: files (`paths`), sockets (`net`).

use deponent_parsers::linux::{self, Key, Record};

use super::known::{Known, Type};
use super::names::Names;
use super::notes::Notes;
use crate::model::{Object, Str};

/// The objects that one record names.
pub(super) fn objects(record: &Record<'_>, known: &Known<'_>, names: &Names<'_>, notes: &mut Notes) -> Option<Object> {
    if known.of != Type::Other {
        return None;
    }
    match known.type_name {
        "CONFIG_CHANGE" => named(known, "audit-rule", &[Key::Key], notes).or_else(|| setting(record, notes)),
        "NETFILTER_CFG" => named(known, "firewall-table", &[Key::Table], notes),
        "ANOM_PROMISCUOUS" => named(known, "interface", &[Key::Dev], notes),
        "KERN_MODULE" => named(known, "kernel-module", &[Key::Name], notes),
        "SERVICE_START" | "SERVICE_STOP" => named(known, "service", &[Key::Unit], notes),
        "USER_CMD" => named(known, "command", &[Key::Cmd], notes),
        "ADD_GROUP" | "DEL_GROUP" | "GRP_MGMT" | "GRP_AUTH" | "CHGRP_ID" | "GRP_CHAUTHTOK" => {
            named(known, "group", &[Key::Grp, Key::Acct, Key::Id], notes)
        }
        "OBJ_PID" => process(known, notes),
        "AVC" | "USER_AVC" => avc(known, notes),
        name if name.starts_with("APPARMOR") => avc(known, notes),
        name if name.starts_with("VIRT_") => named(known, "virtual-machine", &[Key::Vm], notes),
        name if has_account(name) => account(known, names, notes),
        _ => None,
    }
}

fn has_account(name: &str) -> bool {
    name.starts_with("USER_")
        || name.starts_with("CRED_")
        || name.starts_with("ACCT_")
        || name.starts_with("RESP_ACCT")
        || name.starts_with("ANOM_LOGIN")
        || matches!(name, "ADD_USER" | "DEL_USER" | "CHUSER_ID" | "ROLE_ASSIGN" | "ROLE_REMOVE")
}

fn named(known: &Known<'_>, kind: &'static str, keys: &[Key], notes: &mut Notes) -> Option<Object> {
    let name = keys.iter().find_map(|&key| known.text(key, known.inner(key).or_else(|| known.outer(key)), notes))?;
    Some(Object { kind: Some(Str::const_new(kind)), name: Some(name), ..Object::default() })
}

/// An account by name, or by the number of a message (`id=`) with the name that auditd found for it.
fn account(known: &Known<'_>, names: &Names<'_>, notes: &mut Notes) -> Option<Object> {
    if let Some(object) =
        named(known, "account", &[Key::Acct], notes).filter(|object| object.name.as_deref() != Some("?"))
    {
        return Some(object);
    }
    let id = known.any(Key::Id).and_then(|value| linux::unsigned(value.bytes)).filter(|&id| id != u32::MAX)?;
    let name = names.uid(id, notes).ok().flatten().unwrap_or_else(|| Str::from(id.to_string()));
    Some(Object { kind: Some(Str::const_new("account")), name: Some(name), ..Object::default() })
}

/// `op=set audit_enabled=0 old=1`: the setting with its new value.
fn setting(record: &Record<'_>, notes: &mut Notes) -> Option<Object> {
    let field = record.fields().find(|field| field.name.starts_with(b"audit_") || field.name == b"lost")?;
    let name = format!("{}={}", linux::text(field.name).0, notes.text("CONFIG_CHANGE setting", field.value.bytes));
    Some(Object { kind: Some(Str::const_new("audit-setting")), name: Some(Str::from(name)), ..Object::default() })
}

/// The other process of a signal or a trace.
fn process(known: &Known<'_>, notes: &mut Notes) -> Option<Object> {
    let pid = known.number(Key::Opid, notes)?;
    let name = match known.text(Key::Ocomm, known.outer(Key::Ocomm), notes) {
        Some(comm) => format!("{pid} {comm}"),
        None => pid.to_string(),
    };
    Some(Object { kind: Some(Str::const_new("process")), name: Some(Str::from(name)), ..Object::default() })
}

/// What an access control record is about: a path, or a name, or a profile.
fn avc(known: &Known<'_>, notes: &mut Notes) -> Option<Object> {
    let path = known
        .text(Key::Path, known.any(Key::Path), notes)
        .or_else(|| known.text(Key::Name, known.any(Key::Name), notes));
    if let Some(path) = path {
        let (path, name) = if path.starts_with('/') { (Some(path), None) } else { (None, Some(path)) };
        let kind = Some(Str::const_new("file"));
        return Some(Object { kind, path, name, ..Object::default() });
    }
    named(known, "profile", &[Key::Profile], notes)
}

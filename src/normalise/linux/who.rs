//! Who did it: the login that the kernel kept, else the account that a daemon named, else the uid. Never "system".
//!
//! `asserted_by`: numbers are the kernel's. A name is auditd's, looked up on its node, so a `who.name` that is a name is asserted by the
//! daemon, and one that is the number itself by the kernel; records that auditd writes about itself (`DAEMON_*`) are its own.

use deponent_parsers::linux::{self, Key};

use super::known::{Known, Type};
use super::names::Names;
use super::notes::Notes;
use crate::model::{AssertedBy, Effective, Login, Str, Who, WhoKind};

/// The identity of the event's process, as the records agree on it.
#[derive(Debug)]
pub(super) struct Asker<'e, 'a> {
    /// The records that speak about the process: SYSCALL, or all others where there is none.
    pub subjects: &'e [&'e Known<'a>],
    /// All records.
    pub all: &'e [Known<'a>],
    /// Names of numbers.
    pub names: &'e Names<'a>,
}

/// What the records say about one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Disputed,
    Number(u32),
}

impl Asker<'_, '_> {
    /// Who did it.
    pub fn who(&self, notes: &mut Notes) -> Who {
        let by_daemon = self.subjects.first().is_some_and(|known| known.type_name.starts_with("DAEMON_"));
        let mut who = Who { effective: self.effective(notes), address: self.address(notes), ..Who::default() };
        let auid = match self.said(Key::NewAuid, notes) {
            Said::Nothing => self.said(Key::Auid, notes),
            said => said,
        };
        let ses = match self.said(Key::Ses, notes) {
            Said::Number(ses) if ses != u32::MAX => Some(ses),
            _ => None,
        };
        match auid {
            Said::Disputed => return who,
            Said::Number(u32::MAX) => who.login = Some(Login { auid: None, name: None, ses }),
            Said::Number(auid) => {
                let name = self.names.uid(auid, notes);
                let login_name = name.clone().ok().flatten();
                who.login = Some(Login { auid: Some(auid), name: login_name.clone(), ses });
                who.kind = WhoKind::Login;
                let named = login_name.is_some() || by_daemon;
                who.asserted_by = Some(if named { AssertedBy::Daemon } else { AssertedBy::Kernel });
                who.name = login_name.or_else(|| name.is_ok().then(|| number_text(auid)));
                return who;
            }
            Said::Nothing => {}
        }
        if !self.account(&mut who, notes) {
            self.process_uid(&mut who, by_daemon, notes);
        }
        who
    }

    /// A number that the subjects agree on, and that no other kernel record contradicts.
    fn said(&self, key: Key, notes: &mut Notes) -> Said {
        let mut said = Said::Nothing;
        for known in self.subjects {
            let Some(number) = known.number(key, notes) else { continue };
            match said {
                Said::Nothing => said = Said::Number(number),
                Said::Number(before) if before != number => {
                    notes.add(
                        "conflict",
                        format!("{key:?} is {} and {} in records of one event", before.min(number), before.max(number)),
                    );
                    return Said::Disputed;
                }
                _ => {}
            }
        }
        if let Said::Number(number) = said {
            for other in self.all.iter().filter(|other| other.of != Type::Syscall) {
                let Some(value) = other.outer(key).filter(|value| !value.is_absent()) else { continue };
                if linux::unsigned(value.bytes).is_some_and(|other| other != number) {
                    let (text, _) = linux::text(value.bytes);
                    let detail =
                        format!("{key:?} is {number} in one record and {text} in the {} record", other.type_name);
                    notes.add("contradiction", detail);
                    return Said::Disputed;
                }
            }
        }
        said
    }

    fn effective(&self, notes: &mut Notes) -> Option<Effective> {
        let first = |key: Key, or: Key, notes: &mut Notes| match self.said(key, notes) {
            Said::Nothing => self.said(or, notes),
            said => said,
        };
        let number = |said| match said {
            Said::Number(number) if number != u32::MAX => Some(number),
            _ => None,
        };
        let uid = number(first(Key::Euid, Key::Uid, notes));
        let gid = number(first(Key::Egid, Key::Gid, notes));
        if uid.is_none() && gid.is_none() {
            return None;
        }
        let name = uid.and_then(|uid| self.names.uid(uid, notes).ok().flatten());
        Some(Effective { uid, name, gid })
    }

    /// The peer of a login: `addr=`, else `hostname=`.
    fn address(&self, notes: &mut Notes) -> Option<Str> {
        for key in [Key::Addr, Key::Hostname] {
            for known in self.subjects {
                if let Some(text) = known.text(key, known.any(key), notes) {
                    let text = text.trim_end_matches([',', ')']);
                    if !text.is_empty() && text != "?" && text != "UNKNOWN" {
                        return Some(Str::new(text));
                    }
                }
            }
        }
        None
    }

    /// The account that a daemon running as root authenticates, where there is no login yet. A program that somebody runs to become another
    /// (su, sudo) names whom they want to become: that is no answer to who.
    fn account(&self, who: &mut Who, notes: &mut Notes) -> bool {
        let Some(known) =
            self.subjects.iter().find(|known| known.of == Type::Other && names_the_actor(known.type_name))
        else {
            return false;
        };
        let exe = known.text(Key::Exe, known.any(Key::Exe), notes).unwrap_or_default();
        let program = exe.rsplit('/').next().unwrap_or("");
        let becomes_another = matches!(program, "su" | "sudo" | "sudoedit" | "runuser" | "doas" | "pkexec" | "newgrp");
        if becomes_another || known.number(Key::Uid, notes) != Some(0) {
            return false;
        }
        let acct = known.text(Key::Acct, known.any(Key::Acct), notes).filter(|acct| acct != "?");
        let (name, kind) = match acct {
            Some(acct) => (acct, WhoKind::Login),
            None => {
                let Some(id) = known.any(Key::Id).and_then(|value| linux::unsigned(value.bytes)) else { return false };
                if id == u32::MAX {
                    return false;
                }
                let Ok(name) = self.names.uid(id, notes) else { return false };
                (name.unwrap_or_else(|| number_text(id)), WhoKind::Uid)
            }
        };
        (who.name, who.kind, who.asserted_by) = (Some(name), kind, Some(AssertedBy::Daemon));
        true
    }

    fn process_uid(&self, who: &mut Who, by_daemon: bool, notes: &mut Notes) {
        let Some(effective) = &who.effective else { return };
        let Some(uid) = effective.uid else { return };
        let named = effective.name.is_some() || by_daemon;
        who.kind = WhoKind::Uid;
        who.asserted_by = Some(if named { AssertedBy::Daemon } else { AssertedBy::Kernel });
        let doubtful = self.names.uid(uid, notes).is_err();
        who.name = effective.name.clone().or_else(|| (!doubtful).then(|| number_text(uid)));
    }
}

/// Messages whose `acct` is the one who acts, not one acted upon.
fn names_the_actor(type_name: &str) -> bool {
    matches!(
        type_name,
        "USER_AUTH"
            | "USER_ACCT"
            | "USER_LOGIN"
            | "USER_LOGOUT"
            | "USER_START"
            | "USER_END"
            | "USER_ERR"
            | "CRED_ACQ"
            | "CRED_REFR"
            | "CRED_DISP"
            | "CRYPTO_LOGIN"
            | "CRYPTO_LOGOUT"
    )
}

fn number_text(number: u32) -> Str {
    Str::from(number.to_string())
}

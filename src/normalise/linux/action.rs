//! What was done and how it ended: the action, the outcome, the code.
//!
//! Not here: the tables (`verbs`, `records`), objects (`objects`, `paths`).

use deponent_parsers::linux::{self, Key, Value};

use super::known::{Known, Type};
use super::notes::Notes;
use super::records::{RecordVerb, record_verb};
use super::verbs::{ObjectOf, Verb, verb};
use crate::model::{Outcome, Str};

/// The system call of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// Its name, where architecture and number are known.
    pub name: Option<&'static str>,
    /// Its number as it stands in the record.
    pub number: Option<&'a [u8]>,
    /// The architecture.
    pub arch: Option<linux::Arch>,
}

impl<'a> Call<'a> {
    /// The system call that a SYSCALL or SECCOMP record names. Without a known architecture a number has no name.
    pub fn of(record: Option<&Known<'a>>, notes: &mut Notes) -> Call<'a> {
        let arch_value = record.and_then(|record| record.outer(Key::Arch));
        let number = record.and_then(|record| record.outer(Key::Syscall)).map(|value| value.bytes);
        let arch = arch_value.and_then(|value| linux::Arch::of(value.bytes));
        let shown = |bytes: &[u8]| linux::text(bytes).0.into_owned();
        if let (Some(value), None) = (arch_value, arch) {
            let call =
                number.map_or_else(String::new, |number| format!(", so system call {} has no name", shown(number)));
            notes.add("unknown-arch", format!("arch={} is no known architecture{call}", shown(value.bytes)));
        }
        let name =
            arch.zip(number.and_then(linux::number)).and_then(|(arch, number)| linux::syscall_name(arch, number));
        if let (Some(arch), Some(number), None) = (arch, number, name) {
            notes.add(
                "unknown-syscall",
                format!("system call {} of {} has no name in the table", shown(number), arch.name),
            );
        }
        Call { name, number, arch }
    }

    /// The name, or else the number, as text.
    pub fn text(&self, notes: &mut Notes) -> Option<Str> {
        match (self.name, self.number) {
            (Some(name), _) => Some(Str::const_new(name)),
            (None, Some(number)) => Some(notes.text("SYSCALL.syscall", number)),
            (None, None) => None,
        }
    }
}

/// What an access control said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Denied,
    Granted,
    Reported,
}

/// The action, and where its object is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    /// The action.
    pub text: Str,
    /// Where its object is found.
    pub object: ObjectOf,
    /// The record type that gave it, where it is not the system call.
    pub record: Option<usize>,
}

/// The action of an event.
pub(super) fn action(all: &[Known<'_>], call: Call<'_>, outcome: Outcome, notes: &mut Notes) -> Action {
    let has_call = all.iter().any(|known| known.of == Type::Syscall);
    let call_verb = call.name.and_then(verb);
    let object = call_verb.map_or(ObjectOf::File, |verb| verb.object);
    if let Some((at, verb)) = record_action(all, has_call) {
        let text = if matches!(outcome, Outcome::Failure | Outcome::Denied) { verb.tried } else { verb.done };
        return Action { text: Str::const_new(text), object, record: Some(at) };
    }
    if has_call {
        let text = match (call_verb, call.text(notes)) {
            (Some(Verb { done, tried, .. }), _) => {
                Str::const_new(if outcome == Outcome::Success { done } else { tried })
            }
            (None, Some(name)) => Str::from(format!("syscall {name}")),
            (None, None) => Str::const_new("syscall"),
        };
        return Action { text, object, record: None };
    }
    let Some(type_name) = most_telling(all) else {
        return Action { text: Str::const_new("unknown"), object, record: None };
    };
    Action { text: Str::from(type_name.to_ascii_lowercase()), object, record: None }
}

/// The record whose type gives the action, by its place among all.
fn record_action(all: &[Known<'_>], has_call: bool) -> Option<(usize, RecordVerb)> {
    let mut best: Option<(usize, usize, RecordVerb)> = None;
    for (at, known) in all.iter().enumerate().filter(|(_, known)| known.of == Type::Other) {
        let found = match avc_verb(known) {
            Some(verb) => Some((0, verb)),
            None => record_verb(known.type_name).map(|(rank, verb)| (rank + 1, verb)),
        };
        let Some((rank, verb)) = found.filter(|(_, verb)| verb.special || !has_call) else { continue };
        if best.is_none_or(|(_, lowest, _)| rank < lowest) {
            best = Some((at, rank, verb));
        }
    }
    best.map(|(at, _, verb)| (at, verb))
}

fn avc_verb(known: &Known<'_>) -> Option<RecordVerb> {
    let verdict = verdict(known)?;
    let (done, tried) = match (known.any(Key::Apparmor).is_some(), verdict) {
        (true, Verdict::Denied | Verdict::Granted) => ("violated-apparmor-policy", "violated-apparmor-policy"),
        (true, Verdict::Reported) => match known.any(Key::Apparmor).map(|value| value.bytes) {
            Some(b"STATUS") => ("changed-apparmor-policy", "tried-to-change-apparmor-policy"),
            _ => ("reported-by-apparmor", "reported-by-apparmor"),
        },
        (false, Verdict::Denied) => ("violated-selinux-policy", "violated-selinux-policy"),
        (false, _) => ("allowed-by-selinux-policy", "allowed-by-selinux-policy"),
    };
    Some(RecordVerb { done, tried, special: true })
}

/// What an AVC record says, SELinux's and AppArmor's (which has no `avc:`) alike.
fn verdict(known: &Known<'_>) -> Option<Verdict> {
    if known.of != Type::Other {
        return None;
    }
    if !matches!(known.type_name, "AVC" | "USER_AVC") && !known.type_name.starts_with("APPARMOR") {
        return None;
    }
    if let Some(value) = known.any(Key::Apparmor) {
        return Some(match value.bytes {
            b"DENIED" | b"KILLED" => Verdict::Denied,
            b"ALLOWED" => Verdict::Granted,
            _ => Verdict::Reported,
        });
    }
    let says = |word: &[u8]| known.lead.split(|&byte| byte == b' ').any(|part| part == word);
    if says(b"denied") {
        return Some(Verdict::Denied);
    }
    says(b"granted").then_some(Verdict::Granted)
}

/// Of records that stand in no table, the one that says most.
fn most_telling<'a>(all: &[Known<'a>]) -> Option<&'a str> {
    let rank = |name: &str| match name {
        "EOE" => 6,
        "PROCTITLE" => 5,
        "CWD" => 4,
        "PATH" => 3,
        "SOCKADDR" => 2,
        "EXECVE" | "BPRM_FCAPS" => 1,
        _ => 0,
    };
    all.iter().map(|known| known.type_name).min_by_key(|name| rank(name))
}

/// How it ended, and the code.
pub(super) fn outcome(subjects: &[&Known<'_>], all: &[Known<'_>], notes: &mut Notes) -> (Outcome, Option<Str>) {
    let exit = subjects.iter().find_map(|known| known.outer(Key::Exit));
    let errno = exit.and_then(|value| errno(value.bytes));
    let result = results(subjects, notes).or_else(|| results(&all.iter().collect::<Vec<_>>(), notes));
    let denied = all.iter().any(|known| verdict(known) == Some(Verdict::Denied));
    let outcome = match result {
        Some(true) => Outcome::Success,
        Some(false) if denied || matches!(errno, Some(1 | 13)) => Outcome::Denied,
        Some(false) => Outcome::Failure,
        None => by_verdict(all),
    };
    let code = exit.filter(|value| !value.is_absent()).map(|value| {
        let mut text = notes.text("SYSCALL.exit", value.bytes);
        if outcome != Outcome::Success
            && let Some(name) = errno.and_then(linux::errno_name)
        {
            text.push(' ');
            text.push_str(name);
        }
        text
    });
    (outcome, code)
}

/// Without a result: what the access control decided. A permissive one denied nothing.
fn by_verdict(all: &[Known<'_>]) -> Outcome {
    let mut outcome = Outcome::Unknown;
    for known in all {
        let permissive = known.any(Key::Permissive).is_some_and(|value| value.bytes == b"1");
        match verdict(known) {
            Some(Verdict::Denied) if permissive => outcome = Outcome::Success,
            Some(Verdict::Denied) => return Outcome::Denied,
            Some(Verdict::Granted) => outcome = Outcome::Success,
            _ => {}
        }
    }
    outcome
}

/// What these records agree on: `success=` of system calls, `res=` or `result=` of others.
fn results(records: &[&Known<'_>], notes: &mut Notes) -> Option<bool> {
    let mut agreed = None;
    for known in records {
        let value = [Key::Success, Key::Res, Key::Result].into_iter().find_map(|key| known.any(key));
        let Some(value) = value.filter(|value| !value.is_absent()) else { continue };
        let Some(result) = truth(value) else {
            let (text, _) = linux::text(value.bytes);
            notes.add(
                "bad-result",
                format!("{} record: result {text} is none of yes, no, 1, 0, success, failed", known.type_name),
            );
            continue;
        };
        if agreed.is_some_and(|agreed| agreed != result) {
            notes.add("conflict", "records of one event disagree on success; none is believed");
            return None;
        }
        agreed = Some(result);
    }
    agreed
}

fn truth(value: Value<'_>) -> Option<bool> {
    // Old programs closed a parenthesis behind it.
    let bytes = value.bytes.strip_suffix(b")").unwrap_or(value.bytes);
    match bytes {
        b"yes" | b"1" | b"success" | b"Success" => Some(true),
        b"no" | b"0" | b"failed" | b"Failed" | b"fail" | b"failure" => Some(false),
        _ => None,
    }
}

/// The error number of an exit value: -1 to -4095.
fn errno(bytes: &[u8]) -> Option<u64> {
    linux::number(bytes.strip_prefix(b"-")?).filter(|number| (1..=4095).contains(number))
}

//! One event from the set of its records.

use deponent_parsers::linux::{self, Key, Record};

use super::action::{Action, Call, action, outcome};
use super::argv::Pieces;
use super::known::{Known, Type};
use super::names::Names;
use super::notes::Notes;
use super::set::Set;
use super::verbs::ObjectOf;
use super::who::Asker;
use super::{net, objects, paths};
use crate::model::{Event, EventId, How, Moment, Object, Source, Str, What, When, Where, Why};
use crate::normalise::Context;

/// The most objects of an event that are shown, beside those that the action is about.
const OBJECTS_MAX: usize = 1024;
/// The most rule keys of an event that are shown.
const KEYS_MAX: usize = 64;

/// The event of these records: lines of one (node, time, serial), in any order and any number of copies. `evidence` and `records` stay
/// empty: only who stores the records knows them.
pub fn event(id: EventId, when: Moment, context: Context<'_>, records: &[&[u8]]) -> Event {
    let mut notes = Notes::default();
    let set = Set::of(records, &mut notes);
    let mut arguments = Pieces::default();
    let mut all: Vec<Known<'_>> = Vec::with_capacity(set.records.len());
    for record in &set.records {
        all.push(Known::empty(record));
        if let Some(known) = all.last_mut() {
            known.read(record, &mut arguments, &mut notes);
        }
    }
    let names = Names::of(&set.records, &all, &mut notes);
    let seen = Seen::of(&set, &all, &names, &mut notes);
    let (ending, code) = outcome(&seen.subjects, &all, &mut notes);
    let action = action(&all, seen.call, ending, &mut notes);
    let asker = Asker { subjects: &seen.subjects, all: &all, names: &names };
    let who = asker.who(&mut notes);
    let cwd = seen.cwd(&mut notes);
    let syscall = seen.call.text(&mut notes);
    let (net, socket) = net::net(&all, syscall.as_deref().unwrap_or(""), seen.call.arch, &mut notes);
    let mut objects = seen.objects(&action, cwd.as_deref(), socket, &mut notes).into_iter();
    let what = What {
        action: action.text,
        object: objects.next(),
        objects: objects.collect(),
        outcome: ending,
        code,
        message: None,
    };
    let text = |key, notes: &mut Notes| seen.text(key, notes);
    let how = How {
        exe: text(Key::Exe, &mut notes),
        argv: arguments.argv(&mut notes),
        pid: seen.number(Key::Pid, &mut notes),
        ppid: seen.number(Key::Ppid, &mut notes),
        comm: text(Key::Comm, &mut notes),
        tty: text(Key::Tty, &mut notes).or_else(|| text(Key::Terminal, &mut notes)),
        syscall,
        args: seen.args(&mut notes),
        net,
        serial: set.serial,
        ..How::default()
    };
    let node = set.node.as_ref().map(|node| notes.text("node", node)).or_else(|| configured(context.node));
    Event {
        id,
        source: Source::Linux,
        when: When { event: when, received: None, end: None },
        who,
        what,
        r#where: Where { cluster: configured(context.cluster), node, cwd, ..Where::default() },
        how,
        why: Why { keys: seen.keys(&mut notes), reason: None },
        issues: notes.into_issues(),
        evidence: Vec::new(),
        records: Vec::new(),
    }
}

/// Fields of a record as they were written.
fn plain(record: &Record<'_>, names: &[&[u8]]) -> Vec<(Str, Str)> {
    let fields = record.fields().filter(|field| !field.nested && !field.duplicate && names.contains(&field.name));
    fields.map(|field| (Str::from(linux::text(field.name).0), Str::from(linux::text(field.value.bytes).0))).collect()
}

fn configured(name: &str) -> Option<Str> {
    (!name.is_empty()).then(|| Str::new(name))
}

/// The records of an event with what they are asked for.
struct Seen<'e, 'a> {
    records: &'a [Record<'a>],
    all: &'e [Known<'a>],
    names: &'e Names<'a>,
    /// The records that speak about the process: SYSCALL, or all others where there is none.
    subjects: Vec<&'e Known<'a>>,
    call: Call<'a>,
}

impl<'e, 'a> Seen<'e, 'a> {
    fn of(set: &'a Set<'a>, all: &'e [Known<'a>], names: &'e Names<'a>, notes: &mut Notes) -> Seen<'e, 'a> {
        let syscall = all.iter().find(|known| known.of == Type::Syscall);
        let subjects: Vec<&Known<'a>> = match syscall {
            Some(syscall) => vec![syscall],
            None => all.iter().filter(|known| !is_part(known)).collect(),
        };
        if syscall.is_none()
            && !set.left_out.iter().any(|name| name == "SYSCALL")
            && let Some(part) = all.iter().find(|known| is_part(known))
        {
            let detail = format!("a {} record without the SYSCALL record that it belongs to", part.type_name);
            notes.add("missing-syscall", detail);
        }
        let caller = syscall.or_else(|| all.iter().find(|known| known.outer(Key::Syscall).is_some()));
        Seen { records: &set.records, all, names, subjects, call: Call::of(caller, notes) }
    }

    /// A text of the process; where there is no SYSCALL record and others disagree, none.
    fn text(&self, key: Key, notes: &mut Notes) -> Option<Str> {
        let mut agreed: Option<Str> = None;
        for known in &self.subjects {
            let Some(text) = known.text(key, known.any(key), notes) else { continue };
            if agreed.as_ref().is_some_and(|agreed| *agreed != text) {
                notes.add("conflict", format!("{key:?} differs between records of one event; none is believed"));
                return None;
            }
            agreed = Some(text);
        }
        agreed
    }

    fn number(&self, key: Key, notes: &mut Notes) -> Option<u32> {
        let mut agreed = None;
        for known in &self.subjects {
            let Some(number) = known.number(key, notes) else { continue };
            if agreed.is_some_and(|agreed| agreed != number) {
                notes.add("conflict", format!("{key:?} differs between records of one event; none is believed"));
                return None;
            }
            agreed = Some(number);
        }
        agreed
    }

    fn cwd(&self, notes: &mut Notes) -> Option<Str> {
        if let Some(known) = self.all.iter().find(|known| known.of == Type::Cwd) {
            return known.text(Key::Cwd, known.outer(Key::Cwd), notes);
        }
        self.text(Key::Cwd, notes)
    }

    fn args(&self, notes: &mut Notes) -> Vec<(Str, Str)> {
        let mut args = Vec::with_capacity(8);
        for (record, known) in self.records.iter().zip(self.all) {
            match known.type_name {
                "SECCOMP" | "ANOM_ABEND" | "URINGOP" => args.extend(self.constants(record)),
                // What was done to the table: `op=nft_register_rule`.
                "NETFILTER_CFG" => args.extend(plain(record, &[b"op", b"family", b"entries"])),
                "AVC" | "USER_AVC" => args.extend(permissions(known, notes)),
                _ => {}
            }
        }
        let Some(known) = self.all.iter().find(|known| known.of == Type::Syscall) else { return args };
        for (key, name) in [(Key::A0, "a0"), (Key::A1, "a1"), (Key::A2, "a2"), (Key::A3, "a3")] {
            if let Some(text) = known.text(key, known.outer(key), notes) {
                args.push((Str::const_new(name), text));
            }
        }
        if let (Some(arch), Some(call)) = (self.call.arch, self.call.name) {
            let number = |key| known.outer(key).and_then(|value| linux::hexadecimal(value.bytes));
            let said = linux::arguments(arch, call, &[Key::A0, Key::A1, Key::A2, Key::A3].map(number));
            args.extend(said.into_iter().map(|argument| (Str::const_new(argument.name), Str::from(argument.text))));
        }
        args
    }

    /// The signal, the verdict or the operation of a record that has one.
    fn constants(&self, record: &Record<'_>) -> Vec<(Str, Str)> {
        let mut found = Vec::new();
        for field in record.fields().filter(|field| !field.nested && !field.duplicate) {
            if matches!(field.name, b"sig" | b"code" | b"uring_op")
                && let Some(text) = linux::meaning(record, &field, self.call.arch)
            {
                found.push((Str::from(linux::text(field.name).0), Str::from(text)));
            }
        }
        found
    }

    /// The keys of the rules that fired; several are written as one value with 0x01 between them.
    fn keys(&self, notes: &mut Notes) -> Vec<Str> {
        let Some(known) = self.all.iter().find(|known| known.of == Type::Syscall) else { return Vec::new() };
        let value = known.outer(Key::Key);
        // Some senders lose the byte between `key=(null)` and the enrichment that follows.
        if value.is_some_and(|value| value.form == linux::Form::Bare && value.bytes.starts_with(b"(null)ARCH=")) {
            notes.add(
                "lost-separator",
                "SYSCALL record: key=(null) runs into the enrichment; the byte 0x1d between them is missing",
            );
            return Vec::new();
        }
        let Some(whole) = known.text(Key::Key, value, notes) else { return Vec::new() };
        if !whole.contains('\u{1}') {
            return vec![whole];
        }
        let mut keys: Vec<Str> = Vec::new();
        for key in whole.split('\u{1}').filter(|key| !key.is_empty()) {
            if keys.len() >= KEYS_MAX {
                notes.add("too-many-keys", format!("more than {KEYS_MAX} rule keys in one event"));
                break;
            }
            if !keys.iter().any(|other| other == key) {
                keys.push(Str::new(key));
            }
        }
        keys
    }

    /// All objects, the one that the action was done to in front.
    fn objects(&self, action: &Action, cwd: Option<&str>, socket: Option<Object>, notes: &mut Notes) -> Vec<Object> {
        let arg = |key| {
            let known = self.all.iter().find(|known| known.of == Type::Syscall)?;
            known.outer(key).map(|value| value.bytes)
        };
        let args = [arg(Key::A0), arg(Key::A1), arg(Key::A2)];
        let from_cwd = paths::resolves_from_cwd(self.call.name.unwrap_or(""), args);
        let files = paths::main_first(paths::files(self.all, cwd, from_cwd, notes), action.object);
        let mut objects = Vec::with_capacity(files.len() + 1);
        let mut further = Vec::new();
        for (at, (record, known)) in self.records.iter().zip(self.all).enumerate() {
            let Some(object) = objects::objects(record, known, self.names, notes) else { continue };
            let is_main = action.record == Some(at) || (action.object == ObjectOf::Process && action.record.is_none());
            if is_main { objects.push(object) } else { further.push(object) }
        }
        if action.object == ObjectOf::Socket {
            objects.extend(socket);
            objects.extend(files);
        } else {
            objects.extend(files);
            objects.extend(socket);
        }
        further.dedup();
        for object in further {
            if objects.len() >= OBJECTS_MAX {
                notes.add("too-many-objects", format!("more than {OBJECTS_MAX} objects in one event"));
                break;
            }
            if !objects.contains(&object) {
                objects.push(object);
            }
        }
        objects
    }
}

/// What SELinux was asked for: `{ read write }` of `avc:  denied  { read write } for`.
fn permissions(known: &Known<'_>, notes: &mut Notes) -> Option<(Str, Str)> {
    let asked = known.lead.split(|&byte| byte == b'{').nth(1)?.split(|&byte| byte == b'}').next()?;
    Some((Str::const_new("permissions"), notes.text("AVC permissions", asked.trim_ascii())))
}

/// Records that only belong to a SYSCALL record and say nothing about the process.
fn is_part(known: &Known<'_>) -> bool {
    match known.of {
        Type::Syscall => false,
        Type::Other => matches!(known.type_name, "OPENAT2" | "MMAP" | "FD_PAIR" | "CAPSET" | "OBJ_PID"),
        _ => true,
    }
}

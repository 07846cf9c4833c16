//! The fields of one record that questions are asked about, found in one pass.
//!
//! Not here: what the answers mean. A field that occurs twice on one level is here once, as it stood first.

use deponent_parsers::linux::{self, Form, Key, Record, Value};

use super::argv::Pieces;
use super::notes::Notes;
use crate::model::Str;

/// Room for all keys that are asked for; those behind are only watched for repetition.
const KEYS: usize = Key::CapFp as usize;

/// Offset and length of a value; the two highest bits of the length say how it was written.
type Slot = (u32, u32);

const EMPTY: Slot = (u32::MAX, 0);
const QUOTED: u32 = 1 << 31;
const BRACED: u32 = 1 << 30;

/// The types that nine of ten records are of, so that a type is compared once and not once per question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Syscall,
    Cwd,
    Path,
    Execve,
    Proctitle,
    Sockaddr,
    BprmFcaps,
    /// Any other.
    Other,
}

impl Type {
    fn of(name: &str) -> Type {
        match name {
            "SYSCALL" => Type::Syscall,
            "CWD" => Type::Cwd,
            "PATH" => Type::Path,
            "EXECVE" => Type::Execve,
            "PROCTITLE" => Type::Proctitle,
            "SOCKADDR" => Type::Sockaddr,
            "BPRM_FCAPS" => Type::BprmFcaps,
            _ => Type::Other,
        }
    }
}

/// The known fields of a record: outside and inside of `msg='…'` apart.
#[derive(Debug)]
pub(super) struct Known<'a> {
    bytes: &'a [u8],
    /// The record's type.
    pub type_name: &'a str,
    /// The same, where it is a frequent one.
    pub of: Type,
    outer: [Slot; KEYS],
    inner: Option<Box<[Slot; KEYS]>>,
    /// Words in front of the first field: `avc:  denied  { read } for`.
    pub lead: &'a [u8],
}

impl<'a> Known<'a> {
    /// A record without its fields.
    #[inline]
    pub fn empty(record: &'a Record<'a>) -> Known<'a> {
        let bytes: &'a [u8] = &record.kernel;
        let type_name = record.type_name();
        Known { bytes, type_name, of: Type::of(type_name), outer: [EMPTY; KEYS], inner: None, lead: b"" }
    }

    /// Reads the fields of the record, and the arguments of an EXECVE record; what is odd about them is noted.
    pub fn read(&mut self, record: &'a Record<'a>, arguments: &mut Pieces<'a>, notes: &mut Notes) {
        let known = self;
        let bytes = known.bytes;
        let mut fields = record.fields();
        for field in fields.by_ref() {
            if field.duplicate {
                continue;
            }
            if field.key == Key::Words {
                if known.lead.is_empty() || field.value.bytes.starts_with(b"avc:") {
                    known.lead = field.value.bytes;
                }
                continue;
            }
            if known.of == Type::Execve {
                arguments.read(&field, notes);
            }
            let Some(slot) = known.slot(field.key, field.nested) else { continue };
            *slot = place(bytes, field.value);
        }
        for issue in fields.into_issues() {
            let at = record.kernel_offset(issue.at);
            notes.add(issue.kind, format!("{} record, byte {at}: {}", record.type_name(), issue.detail));
        }
    }

    fn slot(&mut self, key: Key, nested: bool) -> Option<&mut Slot> {
        if matches!(key, Key::Other | Key::Arg) {
            return None;
        }
        let slots = if nested { self.inner.get_or_insert_with(|| Box::new([EMPTY; KEYS])) } else { &mut self.outer };
        slots.get_mut(key as usize)
    }

    /// A field outside of `msg='…'`.
    pub fn outer(&self, key: Key) -> Option<Value<'a>> {
        self.value(self.outer.get(key as usize))
    }

    /// A field inside of `msg='…'`.
    pub fn inner(&self, key: Key) -> Option<Value<'a>> {
        self.value(self.inner.as_ref().and_then(|slots| slots.get(key as usize)))
    }

    /// A field outside, or else inside of `msg='…'`.
    pub fn any(&self, key: Key) -> Option<Value<'a>> {
        self.outer(key).or_else(|| self.inner(key))
    }

    fn value(&self, slot: Option<&Slot>) -> Option<Value<'a>> {
        let &(at, marked) = slot.filter(|slot| slot.0 != u32::MAX)?;
        let form = match marked & (QUOTED | BRACED) {
            QUOTED => Form::Quoted,
            BRACED => Form::Braced,
            _ => Form::Bare,
        };
        let from = usize::try_from(at).ok()?;
        let len = usize::try_from(marked & !(QUOTED | BRACED)).ok()?;
        Some(Value { bytes: self.bytes.get(from..from.checked_add(len)?)?, form })
    }

    /// The text of a value by its key's encoding; `None` when it is absent.
    pub fn text(&self, key: Key, value: Option<Value<'a>>, notes: &mut Notes) -> Option<Str> {
        let value = value.filter(|value| !value.is_absent())?;
        if value.form == Form::Bare && is_encoded(key) {
            let decoded = value.decoded(true);
            return Some(notes.text_of(|| format!("{}.{key:?}", self.type_name), &decoded));
        }
        match std::str::from_utf8(value.bytes) {
            Ok(text) => Some(Str::new(text)),
            Err(_) => Some(notes.text_of(|| format!("{}.{key:?}", self.type_name), value.bytes)),
        }
    }

    /// A uid, session or process number outside of `msg='…'`; 4294967295 stands for unset.
    pub fn number(&self, key: Key, notes: &mut Notes) -> Option<u32> {
        let value = self.outer(key).filter(|value| !value.is_absent())?;
        let number = linux::unsigned(value.bytes);
        if number.is_none() {
            let (text, _) = linux::text(value.bytes);
            notes.add("bad-number", format!("{} record: {key:?}={text} is no 32-bit number", self.type_name));
        }
        number
    }
}

fn place(bytes: &[u8], value: Value<'_>) -> Slot {
    let mark = match value.form {
        Form::Bare => 0,
        Form::Quoted => QUOTED,
        Form::Braced => BRACED,
    };
    // Values are slices of `bytes`, so the distance of their addresses is their offset.
    let at = (value.bytes.as_ptr() as usize).wrapping_sub(bytes.as_ptr() as usize);
    match (u32::try_from(at), u32::try_from(value.bytes.len())) {
        (Ok(at), Ok(len)) if len < BRACED => (at, len | mark),
        _ => EMPTY,
    }
}

fn is_encoded(key: Key) -> bool {
    matches!(
        key,
        Key::Comm
            | Key::Exe
            | Key::Name
            | Key::Cwd
            | Key::Key
            | Key::Cmd
            | Key::Acct
            | Key::Path
            | Key::Ocomm
            | Key::Grp
            | Key::Vm
            | Key::Profile
            | Key::Operation
            | Key::Info
            | Key::Proctitle
    )
}

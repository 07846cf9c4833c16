//! The arguments of an executed program, from all EXECVE records of the event: whole, in parts, or with gaps.
//!
//! `a1_len=40000 a1[0]=… a1[1]=…` is one argument in parts; a long command line goes on in further EXECVE records. What is missing
//! stays an empty argument, and is noted. Arguments are what the process passed: the client's claim.

use deponent_parsers::linux::{Key, Record, Value};

use super::known::{Known, Type};
use super::notes::Notes;
use crate::model::Str;

/// The most arguments that are shown, and the highest number that one can have.
const ARGS_MAX: u64 = 65_536;
/// The most arguments missing in an event that are shown as empty ones.
const GAPS_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Piece<'a> {
    arg: u64,
    part: u64,
    bytes: &'a [u8],
    bare: bool,
}

/// What the EXECVE records of an event say.
#[derive(Debug, Default)]
struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
    lengths: Vec<(u64, u64)>,
    argc: Vec<u64>,
}

/// The arguments.
pub(super) fn argv(records: &[Record<'_>], known: &[Known<'_>], notes: &mut Notes) -> Vec<Str> {
    let mut all = Pieces::default();
    for (record, _) in records.iter().zip(known).filter(|(_, known)| known.of == Type::Execve) {
        all.read(record, notes);
    }
    if all.pieces.is_empty() && all.argc.is_empty() {
        return Vec::new();
    }
    all.pieces.sort_unstable();
    all.pieces.dedup();
    all.lengths.sort_unstable();
    all.argc.sort_unstable();
    all.argc.dedup();
    if all.pieces.windows(2).any(|pair| matches!(pair, [a, b] if a.arg == b.arg && a.part == b.part))
        || all.argc.len() > 1
    {
        notes.add("conflict", "EXECVE: different values of one argument under one serial; no argument is believed");
        return Vec::new();
    }
    all.joined(notes)
}

impl<'a> Pieces<'a> {
    fn read(&mut self, record: &'a Record<'_>, notes: &mut Notes) {
        let mut beyond = 0u64;
        for field in record.fields().filter(|field| !field.duplicate) {
            match field.key {
                Key::Argc => match field.value.number() {
                    Some(argc) => self.argc.push(argc),
                    None => notes.add("bad-number", "EXECVE record: argc is no number"),
                },
                Key::A0 | Key::A1 | Key::A2 | Key::A3 | Key::Arg => {
                    let Some(name) = Name::of(field.name) else { continue };
                    if name.arg >= ARGS_MAX {
                        beyond += 1;
                        continue;
                    }
                    self.take(name, field.value);
                }
                _ => {}
            }
        }
        if beyond > 0 {
            notes.add("too-many-arguments", format!("{beyond} arguments numbered {ARGS_MAX} or more are not shown"));
        }
    }

    fn take(&mut self, name: Name, value: Value<'a>) {
        let bare = value.form == deponent_parsers::linux::Form::Bare;
        match name.what {
            What::Length => self.lengths.extend(value.number().map(|length| (name.arg, length))),
            What::Part(part) => self.pieces.push(Piece { arg: name.arg, part, bytes: value.bytes, bare }),
        }
    }

    fn joined(&self, notes: &mut Notes) -> Vec<Str> {
        let mut argv: Vec<Str> = Vec::with_capacity(self.pieces.len());
        let mut gaps = 0usize;
        let mut at = 0usize;
        while let Some(first) = self.pieces.get(at) {
            let rest = self.pieces.get(at..).unwrap_or_default();
            let parts = rest.get(..rest.partition_point(|piece| piece.arg == first.arg)).unwrap_or_default();
            at += parts.len().max(1);
            let missing = usize::try_from(first.arg).unwrap_or(usize::MAX).saturating_sub(argv.len());
            gaps = gaps.saturating_add(missing);
            if gaps > GAPS_MAX {
                break;
            }
            argv.extend(std::iter::repeat_n(Str::default(), missing));
            argv.push(self.argument(parts, notes));
        }
        self.compare(&argv, gaps, notes);
        argv
    }

    fn argument(&self, parts: &[Piece<'_>], notes: &mut Notes) -> Str {
        let Some(first) = parts.first() else { return Str::default() };
        let text = |notes: &mut Notes, bytes: &[u8]| notes.text("EXECVE argument", bytes);
        if let [only] = parts
            && only.part == 0
            && self.lengths.is_empty()
        {
            return text(notes, &decoded(only));
        }
        let mut whole = Vec::new();
        let mut complete = true;
        for (expected, piece) in (0u64..).zip(parts) {
            if piece.part != expected {
                complete = false;
                break;
            }
            whole.extend_from_slice(&decoded(piece));
        }
        let written: usize = parts.iter().map(|piece| piece.bytes.len()).sum();
        let announced = self.lengths.iter().find(|(arg, _)| *arg == first.arg).map(|(_, length)| *length);
        if !complete || announced.is_some_and(|length| u64::try_from(written) != Ok(length)) {
            let announced = announced.map_or_else(String::new, |length| format!(" of {length}"));
            let detail = format!(
                "argument {}: {written}{announced} characters in {} parts, so it is cut",
                first.arg,
                parts.len()
            );
            notes.add("argument-incomplete", detail);
        }
        text(notes, &whole)
    }

    fn compare(&self, argv: &[Str], gaps: usize, notes: &mut Notes) {
        if gaps > 0 {
            notes.add("argument-missing", format!("{gaps} arguments are in none of the EXECVE records"));
        }
        match self.argc.first() {
            Some(&argc) if u64::try_from(argv.len()) != Ok(argc) => {
                notes.add("argc-mismatch", format!("argc={argc}, but {} arguments are recorded", argv.len()));
            }
            None => notes.add("argc-mismatch", "no EXECVE record says how many arguments there are"),
            _ => {}
        }
    }
}

fn decoded<'a>(piece: &Piece<'a>) -> std::borrow::Cow<'a, [u8]> {
    let form = if piece.bare { deponent_parsers::linux::Form::Bare } else { deponent_parsers::linux::Form::Quoted };
    Value { bytes: piece.bytes, form }.decoded(true)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Length,
    Part(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    arg: u64,
    what: What,
}

impl Name {
    /// `a3`, `a3_len` or `a3[7]`.
    fn of(name: &[u8]) -> Option<Name> {
        use deponent_parsers::linux::number;
        let rest = name.strip_prefix(b"a")?;
        if let Some(arg) = rest.strip_suffix(b"_len") {
            return Some(Name { arg: number(arg)?, what: What::Length });
        }
        if let Some(rest) = rest.strip_suffix(b"]") {
            let bracket = rest.iter().position(|&byte| byte == b'[')?;
            let part = number(rest.get(bracket + 1..)?)?;
            return Some(Name { arg: number(rest.get(..bracket)?)?, what: What::Part(part) });
        }
        Some(Name { arg: number(rest)?, what: What::Part(0) })
    }
}

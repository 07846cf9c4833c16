//! The arguments of an executed program, from all EXECVE records of the event: whole, in parts, or with gaps.
//!
//! `a1_len=40000 a1[0]=… a1[1]=…` is one argument in parts; a long command line goes on in further EXECVE records. What is missing
//! stays an empty argument, and is noted. Arguments are what the process passed: the client's claim.

use deponent_parsers::linux::{Field, Key, Value};

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
pub(super) struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
    lengths: Vec<(u64, u64)>,
    argc: Vec<u64>,
    beyond: u64,
}

impl<'a> Pieces<'a> {
    /// Takes a field of an EXECVE record, one that is no repetition.
    pub fn read(&mut self, field: &Field<'a>, notes: &mut Notes) {
        match field.key {
            Key::Argc => match field.value.number() {
                Some(argc) => self.argc.push(argc),
                None => notes.add("bad-number", "EXECVE record: argc is no number"),
            },
            Key::A0 | Key::A1 | Key::A2 | Key::A3 | Key::Arg => match Name::of(field.name) {
                Some(name) if name.arg >= ARGS_MAX => self.beyond += 1,
                Some(name) => self.take(name, field.value),
                None => {}
            },
            _ => {}
        }
    }

    /// The arguments.
    pub fn argv(mut self, notes: &mut Notes) -> Vec<Str> {
        if self.beyond > 0 {
            let detail = format!("{} arguments numbered {ARGS_MAX} or more are not shown", self.beyond);
            notes.add("too-many-arguments", detail);
        }
        if self.pieces.is_empty() && self.argc.is_empty() {
            return Vec::new();
        }
        self.pieces.sort_unstable();
        self.pieces.dedup();
        self.lengths.sort_unstable();
        self.argc.sort_unstable();
        self.argc.dedup();
        if self.pieces.windows(2).any(|pair| matches!(pair, [a, b] if a.arg == b.arg && a.part == b.part))
            || self.argc.len() > 1
        {
            notes.add("conflict", "EXECVE: different values of one argument under one serial; no argument is believed");
            return Vec::new();
        }
        self.joined(notes)
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

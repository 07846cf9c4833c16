//! The fields of a record, one after another: `name=value`, quoted values, words without a name, and the inner fields of `msg='…'`.
//!
//! Fields in `msg='…'` are marked `nested`: a program wrote them, the kernel those outside. The quote that closes is the last one of
//! the record, so nothing inside can pretend to stand outside. Of a name that occurs twice on one level the first stands, and the
//! others are marked. Not here: decoding (`value`).

use super::key::{ENRICHED, KERNEL, Key, Table, Word, unlisted};
use super::value::{Form, Value};
use crate::issue::Issue;

/// The most fields of a record that are read. A kernel record has at most 8,970 bytes, so at most half as many fields.
pub const FIELDS_MAX: usize = 8192;
/// Names without a key that are compared for repetition, on both levels.
const OTHERS_MAX: usize = 32;

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Which known name it is.
    pub key: Key,
    /// The name as it stands there; empty for words without a name.
    pub name: &'a [u8],
    /// The value.
    pub value: Value<'a>,
    /// Offset of the name.
    pub at: usize,
    /// It stood in `msg='…'`.
    pub nested: bool,
    /// A field of this name stood before it on the same level: that one counts.
    pub duplicate: bool,
}

/// Iterates the fields of one part of a record; keeps what was odd about them.
#[derive(Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    enriched: bool,
    names: &'static Table,
    at: usize,
    /// Where the fields of the present level end: the whole, or the inner ones of `msg='…'`.
    limit: usize,
    nested: bool,
    count: usize,
    /// The keys that stood outside and inside of `msg='…'`, a bit each.
    seen: [u128; 2],
    others: Vec<u64>,
    issues: Vec<Issue>,
}

impl<'a> Fields<'a> {
    /// The fields of the kernel's part.
    pub fn new(bytes: &'a [u8]) -> Fields<'a> {
        Fields::of(bytes, false)
    }

    /// The fields of auditd's enrichment: `AUID=` has the key of `auid=`.
    pub fn enriched(bytes: &'a [u8]) -> Fields<'a> {
        Fields::of(bytes, true)
    }

    fn of(bytes: &'a [u8], enriched: bool) -> Fields<'a> {
        Fields {
            bytes,
            enriched,
            names: if enriched { &ENRICHED } else { &KERNEL },
            at: 0,
            limit: bytes.len(),
            nested: false,
            count: 0,
            seen: [0; 2],
            others: Vec::new(),
            issues: Vec::new(),
        }
    }

    /// What was odd so far. Offsets are into the bytes given to `new`.
    #[inline]
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }

    #[inline]
    fn end(&self) -> usize {
        self.limit
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        if at < self.limit { self.bytes.get(at).copied() } else { None }
    }

    #[inline]
    fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Where the word at `from` ends, and its first `=` if that stands behind at least one byte.
    #[inline]
    fn word(&self, from: usize) -> (usize, Option<usize>) {
        let word = self.slice(from, self.end());
        let Some(len) = word.iter().skip(1).position(|&byte| byte == b'=' || byte == b' ') else {
            return if word.first() == Some(&b' ') { (from, None) } else { (self.end(), None) };
        };
        let end = from + 1 + len;
        if word.get(len + 1) == Some(&b'=') { (end, Some(end)) } else { (end, None) }
    }

    #[inline]
    fn skip_spaces(&self, from: usize) -> usize {
        let mut at = from;
        while self.byte(at) == Some(b' ') {
            at += 1;
        }
        at
    }

    /// From a word without `=`: the end of the words up to the next name, and where that begins. `old auid=` is one name.
    fn words(&self, from: usize, first_end: usize) -> (usize, usize) {
        let (mut start, mut end) = (from, first_end);
        let mut before_end = from;
        loop {
            let next = self.skip_spaces(end);
            if next >= self.end() {
                return (end, next);
            }
            let (next_end, equals) = self.word(next);
            if equals.is_some() {
                let last = self.slice(start, end);
                let belongs = matches!(last, b"old" | b"new") && next == end + 1;
                return if belongs { (before_end, start) } else { (end, next) };
            }
            before_end = end;
            (start, end) = (next, next_end);
        }
    }

    /// The value behind `=`, and where it ends.
    fn value(&mut self, key: Key, from: usize) -> (Value<'a>, usize) {
        match self.byte(from) {
            Some(b'"') => {
                let inner = self.slice(from + 1, self.end());
                if let Some(len) = memchr::memchr(b'"', inner) {
                    let bytes = self.slice(from + 1, from + 1 + len);
                    return (Value { bytes, form: Form::Quoted }, from + len + 2);
                }
                self.issues.push(Issue::new(
                    "unterminated-quote",
                    from,
                    "a value that begins with a quote and has no end",
                ));
                (Value { bytes: inner, form: Form::Quoted }, self.end())
            }
            Some(b'{') if self.byte(from + 1) == Some(b' ') => {
                let rest = self.slice(from, self.end());
                let len = rest.windows(2).position(|pair| pair == b" }").map_or(rest.len(), |at| at + 2);
                (Value { bytes: self.slice(from, from + len), form: Form::Braced }, from + len)
            }
            _ => {
                let rest = self.slice(from, self.end());
                let mut end = from + space(rest);
                if key == Key::Op {
                    end = self.operation_end(end);
                }
                (Value { bytes: self.slice(from, end), form: Form::Bare }, end)
            }
        }
    }

    /// `op=adding user id=0`: an operation goes on up to the next name.
    fn operation_end(&self, end: usize) -> usize {
        let next = self.skip_spaces(end);
        if next >= self.end() {
            return end;
        }
        match self.word(next) {
            (_, Some(_)) => end,
            (word_end, None) => self.words(next, word_end).0.max(end),
        }
    }

    #[inline(always)]
    fn is_duplicate(&mut self, key: Key, name: &[u8], at: usize) -> bool {
        let bit = 1u128 << (key as u8);
        let [outer, inner] = &mut self.seen;
        let seen = if self.nested { inner } else { outer };
        if *seen & bit == 0 {
            *seen |= bit;
            // Of these the bit says only that there was one.
            return key == Key::Other && self.is_other_duplicate(name);
        }
        self.is_again(key, name, at)
    }

    /// Whether a field whose key has been seen is a repetition.
    #[cold]
    fn is_again(&mut self, key: Key, name: &[u8], at: usize) -> bool {
        let again = match key {
            Key::Words | Key::Arg => false,
            Key::Other => self.is_other_duplicate(name),
            _ => true,
        };
        if again {
            self.note_duplicate(name, at);
        }
        again
    }

    #[cold]
    fn note_duplicate(&mut self, name: &[u8], at: usize) {
        let detail = format!("{}= occurs twice in one record; the first counts", super::value::text(name).0);
        self.issues.push(Issue::new("duplicate-field", at, detail));
    }

    /// By a 64-bit hash of the name: two names of one hash would be a false issue, never a false value.
    fn is_other_duplicate(&mut self, name: &[u8]) -> bool {
        let seed = 0xcbf2_9ce4_8422_2325 ^ u64::from(self.nested);
        let hash = name.iter().fold(seed, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        if self.others.contains(&hash) {
            return true;
        }
        if self.others.is_empty() {
            self.others.reserve(OTHERS_MAX);
        }
        if self.others.len() < OTHERS_MAX {
            self.others.push(hash);
        }
        false
    }

    /// `msg='`: goes into the inner fields. The kernel closes them at the very end, so they end at the last quote.
    fn enter(&mut self, from: usize) {
        let inner = self.slice(from + 1, self.bytes.len());
        let len = memchr::memrchr(b'\'', inner).unwrap_or_else(|| {
            self.issues.push(Issue::new("unterminated-quote", from, "msg=' has no closing quote"));
            inner.len()
        });
        self.at = from + 1;
        self.limit = from + 1 + len;
        self.nested = true;
    }

    fn field(&mut self, key: Key, name: (usize, usize), value: Value<'a>, end: usize) -> Field<'a> {
        self.at = end;
        self.count += 1;
        let bytes = self.slice(name.0, name.1);
        let duplicate = self.is_duplicate(key, bytes, name.0);
        Field { key, name: bytes, value, at: name.0, nested: self.nested, duplicate }
    }

    fn stop_at_limit(&mut self) {
        let rest = self.slice(self.at, self.bytes.len());
        let left = memchr::memchr_iter(b'=', rest).count();
        let detail = format!("more than {FIELDS_MAX} fields; about {left} further ones were not read");
        self.issues.push(Issue::new("too-many-fields", self.at, detail));
        self.at = self.bytes.len();
        self.limit = self.at;
        self.nested = false;
    }
}

/// Where the first space is. Most values are short, so a few bytes are looked at before the search for long ones begins.
#[inline]
fn space(bytes: &[u8]) -> usize {
    if let Some(at) = Word::of(bytes).position(b' ', b' ') {
        return at;
    }
    memchr::memchr(b' ', bytes).unwrap_or(bytes.len())
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        match self.plain() {
            Some(field) => Some(field),
            None => self.any(),
        }
    }
}

impl<'a> Fields<'a> {
    /// The next field where it is `name=value` or `name="value"`, as nearly all are; else `any` looks at it.
    #[inline(always)]
    fn plain(&mut self) -> Option<Field<'a>> {
        let level = self.bytes.get(..self.limit)?;
        let mut rest = level.get(self.at..)?;
        while let Some((b' ', after)) = rest.split_first() {
            rest = after;
        }
        let at = level.len() - rest.len();
        let word = Word::of(rest);
        let len = match word.position(b'=', b' ') {
            Some(len) => len,
            None => rest.iter().position(|&byte| byte == b'=' || byte == b' ')?,
        };
        let (name, value) = rest.split_at_checked(len)?;
        let (&sign, value) = value.split_first()?;
        if sign != b'=' || matches!(name.first(), None | Some(b'(')) || self.count >= FIELDS_MAX {
            return None;
        }
        let key = match self.names.find_word(word, len) {
            Some(key) => key,
            None if self.enriched => Key::Other,
            None => unlisted(name),
        };
        let (value, written) = match value.first() {
            Some(b'"') => {
                let inner = value.get(1..)?;
                let bytes = inner.get(..memchr::memchr(b'"', inner)?)?;
                (Value { bytes, form: Form::Quoted }, bytes.len() + 2)
            }
            Some(b'{' | b'\'') => return None,
            _ if key == Key::Op => return None,
            _ => {
                let bytes = value.get(..space(value))?;
                (Value { bytes, form: Form::Bare }, bytes.len())
            }
        };
        self.at = at + len + 1 + written;
        self.count += 1;
        let duplicate = self.is_duplicate(key, name, at);
        Some(Field { key, name, value, at, nested: self.nested, duplicate })
    }

    /// The next field, whatever it looks like.
    fn any(&mut self) -> Option<Field<'a>> {
        loop {
            let mut start = self.skip_spaces(self.at);
            if start >= self.end() {
                // The level ends here; behind a nested one its quote is skipped.
                if !self.nested {
                    return None;
                }
                self.at = self.limit + 1;
                self.limit = self.bytes.len();
                self.nested = false;
                continue;
            }
            if self.count >= FIELDS_MAX {
                self.stop_at_limit();
                return None;
            }
            let (word_end, mut equals) = self.word(start);
            let mut name_start = start;
            if equals.is_none() {
                let (words_end, next) = self.words(start, word_end);
                if words_end > start {
                    let value = Value { bytes: self.slice(start, words_end), form: Form::Bare };
                    return Some(self.field(Key::Words, (start, start), value, words_end));
                }
                // `old auid=`: the word belongs to the name behind it.
                name_start = next;
                start = self.skip_spaces(word_end);
                equals = self.word(start).1;
            }
            let Some(equals) = equals else {
                self.at = self.end();
                continue;
            };
            // Programs of old wrote `(hostname=…, addr=…)`.
            if self.byte(name_start) == Some(b'(') && name_start + 1 < equals {
                name_start += 1;
            }
            let name = self.slice(name_start, equals);
            let key = if self.enriched { Key::of_enriched(name) } else { Key::of(name) };
            if key == Key::Msg && !self.nested && self.byte(equals + 1) == Some(b'\'') {
                self.enter(equals + 1);
                continue;
            }
            let (value, end) = self.value(key, equals + 1);
            return Some(self.field(key, (name_start, equals), value, end));
        }
    }
}

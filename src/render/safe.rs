//! Hostile text made visible: the one way of every text for people, to a terminal or to a pipe.
//!
//! Inside: `Safe` for text, `SafeBytes` for raw records, `Quoted` and `Word` for text inside of a sentence.
//!
//! * Control characters, escapes, bidi controls, zero-width and other invisible characters, and blanks other than the common one, become `\u{1b}`, a line end `\n`, a tab `\t`; bytes that are not
//!   UTF-8 become `\xFF`. A combining mark with nothing to combine with (at the start, behind a blank), or the fifth and later on one character, becomes `\u{301}`.
//! * It can be undone: a backslash of the text itself stays one (`C:\dir`), except where what follows would read as an escape, and at the end; there it is
//!   doubled. A reader takes `\\` for a backslash, `\n`, `\t`, `\u{…}` (of bytes also `\xNN`) for escapes, and any other backslash for itself. `Safe` writes no
//!   `\xNN` of its own: it stands in the text, where the parser met bytes that are not UTF-8.
//! * Text over 4 KiB is cut, and says by how much and what the whole hashes to: `…(+1234 B, sha256 0123456789abcdef)`. `whole` does not cut.
//!
//! Right-to-left letters stay as they are; a terminal may show them in another order. Not here: JSON (`query::json::line`), columns (`table`).

use crate::query::json::is_hidden;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write};
use unicode_width::UnicodeWidthChar as _;

/// Bytes of one text that are shown.
pub const SHOWN_BYTES_MAX: usize = 4096;
/// Combining marks on one character that are shown as they are.
const MARKS_MAX: usize = 4;

/// Text, for people.
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

/// Bytes, for people.
#[derive(Debug, Clone, Copy)]
pub struct SafeBytes<'a>(pub &'a [u8]);

/// Text in double quotes: every backslash is doubled, and a quote is `\"`.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

/// Text inside of a sentence: quoted, unless it is one word that could not be taken for the sentence's own.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a>(pub &'a str);

/// The whole text made visible, however long: for files of data that people open.
pub fn whole(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // A String takes everything.
    let _ = Writer { out: &mut out, mode: Mode::Text, state: State::default() }.bytes(text.as_bytes());
    out
}

/// All the bytes made visible, however many.
pub fn whole_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let _ = Writer { out: &mut out, mode: Mode::Bytes, state: State::default() }.bytes(bytes);
    out
}

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cut(f, self.0.as_bytes(), Mode::Text)
    }
}

impl fmt::Display for SafeBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        cut(f, self.0, Mode::Bytes)
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        cut(f, self.0.as_bytes(), Mode::Quoted)?;
        f.write_char('"')
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alone = |c: char| !c.is_whitespace() && !"\"'()[]{}<>,;".contains(c);
        if !self.0.is_empty() && self.0.chars().all(alone) { Safe(self.0).fmt(f) } else { Quoted(self.0).fmt(f) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Text,
    Bytes,
    Quoted,
}

/// The beginning, and what is missing behind it.
fn cut(out: &mut dyn Write, bytes: &[u8], mode: Mode) -> fmt::Result {
    let shown = bytes.get(..boundary(bytes)).unwrap_or(bytes);
    Writer { out, mode, state: State::default() }.bytes(shown)?;
    let missing = bytes.len() - shown.len();
    if missing == 0 {
        return Ok(());
    }
    let hash = Sha256::digest(bytes);
    let hash = data_encoding::HEXLOWER.encode(&hash);
    write!(out, "…(+{missing} B, sha256 {})", hash.get(..16).unwrap_or(&hash))
}

/// Where a text is cut: not inside of a character.
fn boundary(bytes: &[u8]) -> usize {
    if bytes.len() <= SHOWN_BYTES_MAX {
        return bytes.len();
    }
    let starts = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 != 0x80);
    (SHOWN_BYTES_MAX - 3..=SHOWN_BYTES_MAX).rev().find(starts).unwrap_or(SHOWN_BYTES_MAX)
}

/// Whether a character looks like a blank and is none: it could part words, or imitate columns.
fn is_blank(c: char) -> bool {
    (c.is_whitespace() && !c.is_ascii()) || c == '\u{2800}'
}

#[derive(Default)]
struct State {
    /// A backslash of the text, not yet written: what follows decides.
    backslash: bool,
    /// The last character shows and can carry marks.
    base: bool,
    marks: usize,
}

struct Writer<'w> {
    out: &'w mut dyn Write,
    mode: Mode,
    state: State,
}

impl Writer<'_> {
    fn bytes(mut self, bytes: &[u8]) -> fmt::Result {
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.one(c)?;
            }
            for byte in chunk.invalid() {
                self.settle(true)?;
                self.state.base = false;
                write!(self.out, "\\x{byte:02X}")?;
            }
        }
        self.settle(true)
    }

    fn one(&mut self, c: char) -> fmt::Result {
        if c == '\\' {
            self.settle(true)?;
            self.state = State { backslash: true, base: true, marks: 0 };
            return Ok(());
        }
        if is_hidden(c) || is_blank(c) || (c.width() == Some(0) && !self.mark()) {
            self.settle(true)?;
            self.state.base = false;
            return match c {
                '\n' => self.out.write_str("\\n"),
                '\t' => self.out.write_str("\\t"),
                other => write!(self.out, "\\u{{{:x}}}", u32::from(other)),
            };
        }
        self.settle(matches!(c, 'u' | 'n' | 't') || (c == 'x' && self.mode != Mode::Text))?;
        if c.width() != Some(0) {
            self.state.base = !c.is_whitespace();
            self.state.marks = 0;
        }
        if c == '"' && self.mode == Mode::Quoted {
            self.out.write_char('\\')?;
        }
        self.out.write_char(c)
    }

    /// Whether a combining mark may stand here as it is.
    fn mark(&mut self) -> bool {
        self.state.marks += 1;
        self.state.base && self.state.marks <= MARKS_MAX
    }

    /// Writes the backslash that was waiting, doubled when what follows would read as an escape.
    fn settle(&mut self, ambiguous: bool) -> fmt::Result {
        if std::mem::take(&mut self.state.backslash) {
            let doubled = ambiguous || self.mode == Mode::Quoted;
            self.out.write_str(if doubled { "\\\\" } else { "\\" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::samples::{HOSTILE, has_hidden};
    use proptest::prelude::*;

    /// Undoes `Safe`, by the rule of the module's text.
    fn undo(shown: &str) -> String {
        let mut out = String::new();
        let mut rest = shown;
        while let Some(c) = rest.chars().next() {
            let behind = &rest[c.len_utf8()..];
            rest = match (c, behind.chars().next()) {
                ('\\', Some('\\')) => {
                    out.push('\\');
                    &behind[1..]
                }
                ('\\', Some('n')) => {
                    out.push('\n');
                    &behind[1..]
                }
                ('\\', Some('t')) => {
                    out.push('\t');
                    &behind[1..]
                }
                ('\\', Some('u')) => {
                    let end = behind.find('}').unwrap();
                    out.push(char::from_u32(u32::from_str_radix(&behind[2..end], 16).unwrap()).unwrap());
                    &behind[end + 1..]
                }
                _ => {
                    out.push(c);
                    behind
                }
            };
        }
        out
    }

    #[test]
    fn texts() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Safe(text).to_string(), expected, "{text:?}");
            assert_eq!(undo(expected), text);
        };
        check("alice@example.com é 漢 😀", "alice@example.com é 漢 😀");
        check("\x1b[31m", r"\u{1b}[31m");
        check("a\nb\tc\r", r"a\nb\tc\u{d}");
        check(
            "\u{202e}x\u{200b}\u{2028}\u{feff}\u{9b}\u{7f}\u{e0041}\0",
            r"\u{202e}x\u{200b}\u{2028}\u{feff}\u{9b}\u{7f}\u{e0041}\u{0}",
        );
        check(r"C:\dir\", r"C:\dir\\");
        check(r"C:\new\table\user", r"C:\\new\\table\\user");
        check(r"\\server\a", r"\\\server\a");
        check("\\\n", r"\\\n");
        check(r"\u{202e}", r"\\u{202e}");
        check(r"a\xFF", r"a\xFF");
        check("\u{301}a\u{301} \u{301}", "\\u{301}a\u{301} \\u{301}");
        check("e\u{300}\u{300}\u{300}\u{300}\u{300}", "e\u{300}\u{300}\u{300}\u{300}\\u{300}");
    }

    #[test]
    fn bytes_and_words() {
        assert_eq!(SafeBytes(b"a\xff\xc3\n\\x41\\").to_string(), r"a\xFF\xC3\n\\x41\\");
        assert_eq!(SafeBytes(b"\\\xff").to_string(), r"\\\xFF");
        assert_eq!(Quoted("a\"b\\c\n").to_string(), r#""a\"b\\c\n""#);
        for (text, expected) in [
            ("alice@example.com", "alice@example.com"),
            ("system:serviceaccount:ci:builder", "system:serviceaccount:ci:builder"),
            ("a b", "\"a b\""),
            ("", "\"\""),
            ("x)", "\"x)\""),
            ("a\u{3000}b", "\"a\\u{3000}b\""),
            ("a\u{202e}", r"a\u{202e}"),
        ] {
            assert_eq!(Word(text).to_string(), expected);
        }
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let fits = "a".repeat(4096);
        assert_eq!(Safe(&fits).to_string(), fits);
        let long = format!("{}é{}", "a".repeat(4095), "b".repeat(9));
        let shown = Safe(&long).to_string();
        let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(long.as_bytes()));
        assert_eq!(shown, format!("{}…(+11 B, sha256 {})", "a".repeat(4095), &hash[..16]));
        assert_eq!(whole(&long), long);
        let continuation = vec![0x80; 5000];
        assert!(SafeBytes(&continuation).to_string().contains("…(+904 B, sha256 "));
        assert_eq!(whole_bytes(&continuation), r"\x80".repeat(5000));
    }

    #[test]
    fn hostile_texts() {
        for (name, text) in HOSTILE {
            let shown = Safe(text).to_string();
            assert!(!has_hidden(&shown), "{name}: {shown}");
            assert_eq!(undo(&shown), *text, "{name}");
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            any::<char>(),
            Just('\\'),
            Just('u'),
            Just('n'),
            Just('"'),
            Just('\u{301}'),
            (0u32..0x300).prop_filter_map("a character", char::from_u32)
        ];
        proptest::collection::vec(c, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn nothing_hidden_and_all_there(text in any_text()) {
            let shown = Safe(&text).to_string();
            prop_assert!(!has_hidden(&shown));
            prop_assert_eq!(undo(&shown), text.clone());
            prop_assert!(!has_hidden(&Quoted(&text).to_string()));
            prop_assert!(!has_hidden(&Word(&text).to_string()));
        }

        #[test]
        fn nothing_hidden_in_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!has_hidden(&SafeBytes(&bytes).to_string()));
        }
    }
}

//! A strict JSON reader over borrowed text that knows where it is: offsets for issues, line and column for errors.
//!
//! Inside: `Cursor`, which walks objects and arrays member by member and skips whole values quickly without recursion; `same`, equality of two texts.
//! Why not serde here: an audit record with a repeated key, a number where a string belongs or an unknown member must still be read, each oddity
//! reported with its offset, and a body of a megabyte be passed over at memory speed. serde_json is the oracle of the tests.
//! Not here: what the members mean (`parse`).

mod scan;

use std::borrow::Cow;

pub(crate) use scan::special;

/// Levels of nesting at most; a level costs one bit of state.
pub const DEPTH_MAX: u32 = 128;

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl JsonError {
    /// Line and column of the error in its text, both counted from 1; columns are bytes.
    pub fn line_and_column(self, text: &[u8]) -> (usize, usize) {
        let before = text.get(..self.at).unwrap_or(text);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (line, before.len() - start + 1)
    }
}

/// What a value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    Text,
    /// `-1.5e3`
    Number,
    /// `true`, `false`
    Bool,
    /// `null`
    Null,
}

impl Shape {
    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Object => "an object",
            Shape::Array => "an array",
            Shape::Text => "a string",
            Shape::Number => "a number",
            Shape::Bool => "a boolean",
            Shape::Null => "null",
        }
    }
}

/// A place in a JSON text.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// At the start of `text`.
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, at: 0, depth: 0 }
    }

    /// At byte `at` of `text`.
    pub fn at(text: &'a str, at: usize) -> Cursor<'a> {
        Cursor { text, at, depth: 0 }
    }

    /// Byte offset in the text.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The text behind this place.
    pub fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    /// The whole text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// An error at this place.
    pub fn error(&self, what: &'static str) -> JsonError {
        JsonError { at: self.at, what }
    }

    /// Passes over whitespace and returns the byte there; `None` at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        let (at, byte) = scan::next(self.text.as_bytes(), self.at);
        self.at = at;
        // A zero byte may also stand there; it is never JSON, so whoever asks then says so.
        (at < self.text.len()).then_some(byte)
    }

    pub(crate) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(byte) {
            return Err(self.error(what));
        }
        self.at += 1;
        Ok(())
    }

    /// What value begins here.
    ///
    /// # Errors
    /// When none does.
    pub fn shape(&mut self) -> Result<Shape, JsonError> {
        match self.peek() {
            Some(b'{') => Ok(Shape::Object),
            Some(b'[') => Ok(Shape::Array),
            Some(b'"') => Ok(Shape::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Shape::Number),
            Some(b't' | b'f') => Ok(Shape::Bool),
            Some(b'n') => Ok(Shape::Null),
            Some(_) => Err(self.error("a value is expected here")),
            None => Err(self.error("the text ends where a value is expected")),
        }
    }

    /// Calls `each` with the name of every member of the object here and where the name stands; `each` reads or skips the value.
    ///
    /// # Errors
    /// When the text is not an object of JSON, and with what `each` returns.
    pub fn object<E: From<JsonError>>(
        &mut self,
        mut each: impl FnMut(&mut Cursor<'a>, Cow<'a, str>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'{', "an object is expected here")?;
        self.deeper()?;
        let mut first = true;
        loop {
            match self.peek() {
                Some(b'}') if first => break,
                Some(b'"') => {}
                _ => return Err(self.error("a member's name is expected here").into()),
            }
            first = false;
            let name_at = self.at;
            let name = self.string()?;
            self.expect(b':', "a colon is expected here")?;
            each(self, name, name_at)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.error("a comma or the end of the object is expected here").into()),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Calls `each` at every value of the array here; `each` reads or skips it.
    ///
    /// # Errors
    /// When the text is not an array of JSON, and with what `each` returns.
    pub fn array<E: From<JsonError>>(
        &mut self,
        mut each: impl FnMut(&mut Cursor<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.expect(b'[', "an array is expected here")?;
        self.deeper()?;
        if self.peek() != Some(b']') {
            loop {
                each(self)?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.error("a comma or the end of the array is expected here").into()),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), JsonError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.error("nested deeper than 128 levels"));
        }
        self.depth += 1;
        Ok(())
    }

    /// The string here, decoded; borrowed when it holds no escapes.
    ///
    /// # Errors
    /// When there is none, or an escape stands for no character.
    pub fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.error("a string is expected here"));
        }
        let start = self.at + 1;
        let (quote, escaped) = scan::string_end(self.text.as_bytes(), start)?;
        self.at = quote + 1;
        let inner = self.text.get(start..quote).unwrap_or("");
        if !escaped {
            return Ok(Cow::Borrowed(inner));
        }
        unescape(inner)
            .map(Cow::Owned)
            .map_err(|at| JsonError { at: start + at, what: "an escape that stands for no character" })
    }

    /// Passes over the value here, whatever it is, and returns its text.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn skip(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        self.at = scan::value_end(self.text.as_bytes(), start, self.depth)?;
        Ok(self.text.get(start..self.at).unwrap_or(""))
    }
}

/// A string's text without its escapes, all of which are of JSON's form; the offset of one that stands for no character.
fn unescape(inner: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    loop {
        let at = inner.len() - rest.len();
        let Some(backslash) = memchr::memchr(b'\\', rest.as_bytes()) else {
            out.push_str(rest);
            return Ok(out);
        };
        let (plain, escape) = rest.split_at(backslash);
        out.push_str(plain);
        let (letter, used) = decode(escape.as_bytes()).ok_or(at + backslash)?;
        out.push(letter);
        rest = escape.get(used..).ok_or(at + backslash)?;
    }
}

fn decode(escape: &[u8]) -> Option<(char, usize)> {
    let letter = match escape.get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(escape.get(2..6)?)?;
            if !(0xd800..0xe000).contains(&high) {
                return Some((char::from_u32(high)?, 6));
            }
            let [b'\\', b'u', digits @ ..] = escape.get(6..12)? else {
                return None;
            };
            let low = unit(digits)?;
            if high >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
                return None;
            }
            return Some((char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))?, 12));
        }
        other => char::from(*other),
    };
    Some((letter, 2))
}

fn unit(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skipped(text: &str) -> Result<(), JsonError> {
        let mut cursor = Cursor::new(text);
        cursor.skip()?;
        if cursor.peek().is_some() { Err(cursor.error("more")) } else { Ok(()) }
    }

    #[test]
    fn strict_as_serde_json() {
        let texts = [
            "{}",
            "[]",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "-",
            "1.",
            "1.e3",
            "1e",
            "-0",
            "0.5e-3",
            "tru",
            "true",
            "nul",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\u{1f600}\"",
            "\"a\nb\"",
            "\"a\u{7f}b\"",
            "[[[]]]",
            "[}",
            "{]",
            "",
            " ",
            "\"",
            "\"\\",
            "\"\\u00e9\"",
            "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"e\"}",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "[true,false,null]",
            "+1",
            "\u{feff}{}",
            "1 ",
        ];
        for text in texts {
            let oracle = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            assert_eq!(skipped(text).is_ok(), oracle, "{text:?}: {:?}", skipped(text));
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(skipped(&nested(128)).is_ok());
        assert_eq!(skipped(&nested(129)).unwrap_err().at, 128);
        let objects = format!("{}1{}", "{\"a\":".repeat(129), "}".repeat(129));
        assert!(skipped(&objects).is_err());
    }

    #[test]
    fn line_and_column_count_from_one() {
        let text = "{\n \"a\": x}";
        let error = skipped(text).unwrap_err();
        assert_eq!(error.line_and_column(text.as_bytes()), (2, 7));
    }

    #[test]
    fn strings_are_decoded() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Cursor::new(text).string().ok().as_deref(), expected, "{text}");
        };
        check(r#""a\u0026b""#, Some("a&b"));
        check(r#""\ud83d\ude00""#, Some("\u{1f600}"));
        check(r#""\ud83d""#, None);
        check(r#""\ude00\ud83d""#, None);
        check(r#""\ud83d\u0041""#, None);
        check(r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t"));
        assert!(matches!(Cursor::new("\"plain\"").string(), Ok(Cow::Borrowed("plain"))));
    }

    proptest! {
        #[test]
        fn any_text_as_serde_json(text in "[\\[\\]{},:\"\\\\ntu0-9aé \n.-]{0,24}") {
            let oracle = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(skipped(&text).is_ok(), oracle, "{:?}", text);
        }

        #[test]
        fn any_string_comes_back(value in any::<String>()) {
            let text = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(Cursor::new(&text).string().unwrap(), value);
        }

        #[test]
        fn special_bytes_are_found(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let naive = bytes.iter().position(|&b| b < 0x20 || b == b'"' || b == b'\\').unwrap_or(bytes.len());
            prop_assert_eq!(special(&bytes), naive);
        }
    }
}

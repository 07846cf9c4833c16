//! JSON text in which nothing is invisible: control, bidi, zero-width and tag characters are written as `\uXXXX`.
//!
//! Inside: which characters those are (also asked by `render::safe`), and the writers. Reading the text gives the same value again.
//! Not here: what is written (`json`), text for people (`render`).

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

/// Whether a character shows nothing, or changes how others show: C0, DEL, C1, bidi controls, zero-width and other
/// default-ignorable characters, line and paragraph separators, annotations, variation selectors, tags, noncharacters.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The value on one line, without the line end.
pub fn line(value: &Value) -> String {
    write(value, CompactFormatter)
}

/// The value over several lines, indented by two, without the last line end.
pub fn pretty(value: &Value) -> String {
    write(value, PrettyFormatter::with_indent(b"  "))
}

fn write(value: &Value, layout: impl Formatter) -> String {
    let mut bytes = Vec::with_capacity(256);
    // Writing into memory does not fail, and a `Value` has no keys but strings; an empty text is no JSON, so nobody could take it for one.
    match value.serialize(&mut Serializer::with_formatter(&mut bytes, Visible(layout))) {
        Ok(()) => String::from_utf8(bytes).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// A layout with nothing invisible in its strings.
struct Visible<F>(F);

macro_rules! same {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $arg: $kind)*) -> io::Result<()> {
            self.0.$name(writer $(, $arg)*)
        })*
    };
}

impl<F: Formatter> Formatter for Visible<F> {
    same! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Most of what is written is plain ASCII.
        if fragment.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|(_, c)| is_hidden(*c)) {
            let (plain, behind) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = behind.get(hidden.len_utf8()..).unwrap_or("");
        }
        writer.write_all(rest.as_bytes())
    }
}

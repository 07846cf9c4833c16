//! Letters of a query: bare text with its escapes and wildcards, quoted text with its escapes.
//!
//! Not here: what the text then means for a field (`parse_value`).

use super::error::{QueryError, QueryErrorKind, visible};
use super::parse::{Input, Parsed, fail, first, position, remaining, skip};
use winnow::Parser;
use winnow::combinator::repeat;
use winnow::error::{ErrMode, ParserError};
use winnow::token::any;

/// Characters that end bare text.
pub(super) fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"' | '|' | '[' | ']')
}

/// Control characters, marks of direction, and characters without width or shape.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Quotation marks that are none here, though they look like it.
pub(super) fn is_foreign_quote(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’' | '‚' | '“' | '”' | '„' | '«' | '»')
}

/// Characters of a field's name; the first is a letter.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// One character of bare text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) c: char,
    /// Behind a backslash, or from quotes: never a wildcard, never part of `..`.
    pub(super) literal: bool,
}

/// Text without quotes, not yet interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bare(pub(super) Vec<Letter>);

impl Bare {
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|letter| letter.c).collect()
    }

    pub(super) fn has_wildcards(&self) -> bool {
        self.0.iter().any(|letter| letter.is_wildcard())
    }

    pub(super) fn is_only_stars(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|letter| letter.c == '*' && !letter.literal)
    }

    /// The texts left and right of `..`, if there is exactly one and it is not part of a path (`/../`) or an ellipsis.
    pub(super) fn range(&self) -> Option<(Bare, Bare)> {
        let dot = |at: usize| self.0.get(at).is_some_and(|letter| letter.c == '.' && !letter.literal);
        let apart =
            |at: Option<usize>| at.and_then(|at| self.0.get(at)).is_none_or(|letter| !matches!(letter.c, '.' | '/'));
        let places: Vec<usize> = (0..self.0.len()).filter(|&at| dot(at) && dot(at.saturating_add(1))).collect();
        let [at] = places.as_slice() else { return None };
        let behind = at.saturating_add(2);
        if self.0.len() == 2 || !apart(at.checked_sub(1)) || !apart(Some(behind)) {
            return None;
        }
        let (low, rest) = self.0.split_at_checked(*at)?;
        Some((Bare(low.to_vec()), Bare(rest.get(2..)?.to_vec())))
    }
}

impl Letter {
    pub(super) fn is_wildcard(self) -> bool {
        !self.literal && matches!(self.c, '*' | '?')
    }
}

/// Bare text of at least one character.
pub(super) fn bare(input: &mut Input<'_>) -> Parsed<Bare> {
    repeat(1.., letter).map(Bare).parse_next(input)
}

fn letter(input: &mut Input<'_>) -> Parsed<Letter> {
    let start = position(input);
    match first(input) {
        None => Err(ErrMode::Backtrack(QueryError::from_input(input))),
        Some(c) if is_delimiter(c) => Err(ErrMode::Backtrack(QueryError::from_input(input))),
        Some('\\') => {
            skip(input, 1)?;
            match first(input) {
                // Before a letter or a digit it could be meant as a control character, or as itself.
                Some(c) if !c.is_alphanumeric() && !is_invisible(c) => {
                    any.map(|c| Letter { c, literal: true }).parse_next(input)
                }
                _ => bad_escape(input, start, "write \\\\ for a backslash"),
            }
        }
        Some(c) if is_invisible(c) => {
            let kind = QueryErrorKind::Invisible { character: visible(c.encode_utf8(&mut [0; 4])) };
            let error = QueryError::new(kind, start, start.saturating_add(c.len_utf8()));
            fail(error.help("delete it, or write it in quotes"))
        }
        Some(_) => any.map(|c| Letter { c, literal: false }).parse_next(input),
    }
}

/// Text from quotes; bytes, because `\xNN` can name any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quoted {
    pub(super) bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Quoted {
    /// The text, where it has to be text: values of fields are.
    pub(super) fn text(&self) -> Parsed<String> {
        String::from_utf8(self.bytes.clone()).or_else(|_| {
            let kind = QueryErrorKind::BadEscape { escape: "a byte that is not UTF-8".to_owned() };
            fail(
                QueryError::new(kind, self.start, self.end)
                    .help("fields hold text; bytes can be searched for with raw:"),
            )
        })
    }
}

/// `"…"` with the escapes `\" \\ \n \r \t \xNN \u{N}` and any punctuation behind a backslash.
pub(super) fn quoted(input: &mut Input<'_>) -> Parsed<Quoted> {
    let start = position(input);
    skip(input, 1)?;
    let mut bytes = Vec::new();
    loop {
        match first(input) {
            None => return unclosed(start),
            Some('"') => break,
            Some('\\') => escape(input, &mut bytes)?,
            Some(c) => {
                skip(input, c.len_utf8())?;
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    skip(input, 1)?;
    Ok(Quoted { bytes, start, end: position(input) })
}

/// `"…"` for a regular expression: only `\"` is special here, every backslash stays for the expression.
pub(super) fn quoted_verbatim<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    let start = position(input);
    skip(input, 1)?;
    let text = remaining(input);
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => {
                skip(input, at.saturating_add(1))?;
                return Ok(text.get(..at).unwrap_or_default());
            }
            _ => escaped = c == '\\' && !escaped,
        }
    }
    unclosed(start)
}

fn unclosed<T>(start: usize) -> Parsed<T> {
    fail(QueryError::new(QueryErrorKind::Unclosed { opening: '"' }, start, start.saturating_add(1)))
}

fn escape(input: &mut Input<'_>, bytes: &mut Vec<u8>) -> Parsed<()> {
    const HELP: &str = "in quotes there are \\\" \\\\ \\n \\r \\t \\xNN \\u{N}; write \\\\ for a backslash";
    let start = position(input);
    skip(input, 1)?;
    let behind = remaining(input);
    match behind.chars().next() {
        Some('n') => bytes.push(b'\n'),
        Some('r') => bytes.push(b'\r'),
        Some('t') => bytes.push(b'\t'),
        Some('x') => {
            let byte = behind.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let Some(byte) = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) else {
                return bad_escape(input, start, HELP);
            };
            bytes.push(byte);
            return skip(input, 3);
        }
        Some('u') => {
            let digits = behind.strip_prefix("u{").and_then(|rest| rest.split_once('}')).map(|(digits, _)| digits);
            let digits = digits.filter(|digits| digits.len() <= 6 && digits.bytes().all(|d| d.is_ascii_hexdigit()));
            let named =
                digits.and_then(|digits| Some((digits, char::from_u32(u32::from_str_radix(digits, 16).ok()?)?)));
            let Some((digits, c)) = named else { return bad_escape(input, start, HELP) };
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return skip(input, digits.len().saturating_add(3));
        }
        Some(c) if c.is_ascii_punctuation() => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        _ => return bad_escape(input, start, HELP),
    }
    skip(input, 1)
}

fn bad_escape<T>(input: &Input<'_>, start: usize, help: &'static str) -> Parsed<T> {
    let c = first(input);
    let end = position(input).saturating_add(c.map_or(0, char::len_utf8));
    let escape = format!("\\{}", c.map(|c| visible(c.encode_utf8(&mut [0; 4]))).unwrap_or_default());
    fail(QueryError::new(QueryErrorKind::BadEscape { escape }, start, end).help(help))
}

//! What is wrong with a query, where, and what was probably meant.
//!
//! Inside: `QueryError` with its position, and its rendering under the text with a caret.
//! Not here: time expressions outside of a query (`time::TimeError`).

use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// A query that was refused. The first fault only: what follows it cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}{}{}", after(&self.suggestion()), after(&self.help.as_deref().map(str::to_owned)))]
pub struct QueryError {
    /// What is wrong.
    pub kind: QueryErrorKind,
    /// First byte of the fault in the text; the text's length where something is missing at its end.
    pub start: usize,
    /// The byte behind the fault; never below `start`.
    pub end: usize,
    /// Names that were probably meant, nearest first.
    pub suggestions: Vec<&'static str>,
    /// What to do about it.
    pub help: Option<Box<str>>,
}

/// What is wrong with a query. Texts from the query are cut to a readable length and their control characters made visible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryErrorKind {
    /// Longer than a query may be.
    #[error("the query has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Nested too deeply: parentheses and negations.
    #[error("parentheses and negations are nested more than {depth_max} deep")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// Too many conditions.
    #[error("the query has more than {terms_max} terms")]
    TooManyTerms {
        /// The limit.
        terms_max: usize,
    },
    /// Too many regular expressions.
    #[error("the query has more than {regexes_max} regular expressions")]
    TooManyRegexes {
        /// The limit.
        regexes_max: usize,
    },
    /// A pattern of `*` and `?` that is too long.
    #[error("the pattern has {chars} characters, at most {chars_max} are allowed")]
    GlobTooLong {
        /// Its length.
        chars: usize,
        /// The limit.
        chars_max: usize,
    },
    /// A pattern with too many `*` and `?`.
    #[error("the pattern has {wildcards} wildcards, at most {wildcards_max} are allowed")]
    TooManyWildcards {
        /// How many it has.
        wildcards: usize,
        /// The limit.
        wildcards_max: usize,
    },
    /// No field and no alias.
    #[error("there is no field {name}")]
    UnknownField {
        /// As written.
        name: String,
    },
    /// No pipe of that name.
    #[error("there is no pipe {name}")]
    UnknownPipe {
        /// As written.
        name: String,
    },
    /// Something else belongs here.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What belongs here.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An opening character whose counterpart is missing.
    #[error("{opening} is never closed")]
    Unclosed {
        /// `(`, `[` or `"`.
        opening: char,
    },
    /// A backslash with something behind it that it cannot stand before.
    #[error("{escape} is no escape")]
    BadEscape {
        /// As written.
        escape: String,
    },
    /// A character outside of quotes that nobody can see: pasted by accident, or to deceive.
    #[error("the query holds the invisible character {character}")]
    Invisible {
        /// Its escape.
        character: String,
    },
    /// A field of numbers, compared with something else.
    #[error("{field} is a number, and {value} is none")]
    NotANumber {
        /// The field's name as written.
        field: String,
        /// The value as written.
        value: String,
    },
    /// A field of addresses, compared with something else.
    #[error("{field} is an IP address, and {value} is neither an address nor a network")]
    NotAnAddress {
        /// The field's name as written.
        field: String,
        /// The value as written.
        value: String,
    },
    /// The field is left out where the kernel says that it is unset, so this value never occurs.
    #[error("{field} is absent where it is unset, so it never is {value}")]
    NeverSet {
        /// The field's name as written.
        field: String,
        /// The value as written.
        value: String,
    },
    /// A range whose lower end lies above its upper end.
    #[error("the range is empty: {low} lies above {high}")]
    EmptyRange {
        /// Its lower end.
        low: String,
        /// Its upper end.
        high: String,
    },
    /// A regular expression that does not compile.
    #[error("the regular expression is not valid: {message}")]
    BadRegex {
        /// What the compiler says.
        message: String,
    },
    /// A regular expression that needs too much memory.
    #[error("the regular expression needs more than {bytes_max} bytes when compiled")]
    RegexTooBig {
        /// The limit.
        bytes_max: usize,
    },
    /// A condition on raw records that is none of the two there are.
    #[error("raw records are searched for text or with =~, nothing else")]
    BadRaw,
    /// A duration that cannot be read, or is too short.
    #[error("{message}")]
    BadDuration {
        /// What is wrong with it.
        message: String,
    },
    /// A number outside of its limits.
    #[error("{value} is outside of {min} to {max}")]
    OutOfRange {
        /// As written.
        value: String,
        /// Smallest value allowed.
        min: usize,
        /// Largest value allowed.
        max: usize,
    },
    /// Too few or too many steps of a sequence.
    #[error("a sequence has {min} to {max} steps, this one has {steps}")]
    BadSteps {
        /// How many there are; one above the limit when there are more.
        steps: usize,
        /// Fewest allowed.
        min: usize,
        /// Most allowed.
        max: usize,
    },
    /// A condition on time, which is not part of a query.
    #[error("time is no field of a query")]
    TimeInQuery,
}

impl QueryError {
    pub(super) fn new(kind: QueryErrorKind, start: usize, end: usize) -> QueryError {
        QueryError { kind, start, end: end.max(start), suggestions: Vec::new(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<Box<str>>) -> QueryError {
        self.help = Some(help.into());
        self
    }

    pub(super) fn suggest(mut self, names: Vec<&'static str>) -> QueryError {
        self.suggestions = names;
        self
    }

    /// What belongs at the position, where the fault is that something else is there.
    pub fn expected(&self) -> Option<&str> {
        match &self.kind {
            QueryErrorKind::Expected { expected, .. } => Some(expected),
            _ => None,
        }
    }

    /// The message, the line of the text that is at fault, a caret below it, and what to do; several lines, the last ended.
    ///
    /// `text` is the query as given to `parse`. Columns are those of a terminal; what is invisible there is made visible.
    pub fn render_caret(&self, text: &str) -> String {
        let start = floor_boundary(text, self.start);
        let end = floor_boundary(text, self.end).max(start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line_number = before.matches('\n').count().saturating_add(1);
        let line = text.get(line_start..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
        let excerpt = Excerpt::of(line, start.saturating_sub(line_start), end.saturating_sub(line_start));

        let number = line_number.to_string();
        let margin = " ".repeat(number.len());
        let mut out = format!("{}\n", self.kind);
        // Writing to a String cannot fail.
        let _ = writeln!(out, " {number} | {}", excerpt.line);
        let _ = writeln!(out, " {margin} | {}{}", " ".repeat(excerpt.column), "^".repeat(excerpt.width));
        for note in [self.suggestion(), self.help.as_deref().map(str::to_owned)].into_iter().flatten() {
            let _ = writeln!(out, " {margin} = {note}");
        }
        out
    }

    fn suggestion(&self) -> Option<String> {
        let (last, others) = self.suggestions.split_last()?;
        if others.is_empty() {
            return Some(format!("did you mean {last}?"));
        }
        Some(format!("did you mean {} or {last}?", others.join(", ")))
    }
}

fn after(note: &Option<String>) -> String {
    note.as_ref().map(|note| format!("; {note}")).unwrap_or_default()
}

/// The part of a line around a fault, as it is shown.
struct Excerpt {
    line: String,
    /// Columns before the caret.
    column: usize,
    /// Columns of the carets, at least one.
    width: usize,
}

impl Excerpt {
    /// Characters of a line that are shown before and from the fault on.
    const BEFORE_CHARS_MAX: usize = 60;
    const FROM_CHARS_MAX: usize = 60;

    fn of(line: &str, start: usize, end: usize) -> Excerpt {
        let before = line.get(..start).unwrap_or(line);
        let fault_on = line.get(start..).unwrap_or_default();
        let hidden = before.chars().count().saturating_sub(Excerpt::BEFORE_CHARS_MAX);
        let mut excerpt = Excerpt { line: String::new(), column: 0, width: 0 };
        if hidden > 0 {
            excerpt.line.push('…');
            excerpt.column = 1;
        }
        for c in before.chars().skip(hidden) {
            excerpt.column = excerpt.column.saturating_add(push_visible(&mut excerpt.line, c));
        }
        let fault_bytes = end.saturating_sub(start);
        for (shown, (at, c)) in fault_on.char_indices().enumerate() {
            if shown == Excerpt::FROM_CHARS_MAX {
                excerpt.line.push('…');
                break;
            }
            let width = push_visible(&mut excerpt.line, c);
            if at < fault_bytes {
                excerpt.width = excerpt.width.saturating_add(width);
            }
        }
        excerpt.width = excerpt.width.max(1);
        excerpt
    }
}

/// Appends a character, escaped where a terminal would not show it; returns the columns it takes.
fn push_visible(out: &mut String, c: char) -> usize {
    if matches!(c, '"' | '\'' | '\\') {
        out.push(c);
        return 1;
    }
    let mut columns = 0usize;
    for shown in c.escape_debug() {
        out.push(shown);
        columns = columns.saturating_add(shown.width().unwrap_or(0));
    }
    columns
}

/// A text of a query for a message: invisible characters visible, not longer than is readable.
pub(super) fn visible(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == CHARS_MAX {
            out.push('…');
            break;
        }
        push_visible(&mut out, c);
    }
    out
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at = at.saturating_sub(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_fault() {
        let check = |text: &str, start: usize, end: usize, expected: &str| {
            let kind = QueryErrorKind::Unclosed { opening: '(' };
            let shown = QueryError::new(kind, start, end).render_caret(text);
            assert_eq!(shown, format!("( is never closed\n{expected}"), "{text:?}");
        };
        check("abc", 1, 2, " 1 | abc\n   |  ^\n");
        check("abc", 3, 3, " 1 | abc\n   |    ^\n");
        check("", 0, 0, " 1 | \n   | ^\n");
        check("ab\ncdef\ng", 4, 6, " 2 | cdef\n   |  ^^\n");
        check("ab\ncd", 1, 5, " 1 | ab\n   |  ^\n");
        // Wide, combining and invisible characters.
        check("日本(x", 6, 7, " 1 | 日本(x\n   |     ^\n");
        check("e\u{301}(", 3, 4, " 1 | e\\u{301}(\n   |         ^\n");
        check("\u{1b}[2J(", 4, 5, " 1 | \\u{1b}[2J(\n   |          ^\n");
        let hidden = "\\u{202e}\\t\\u{7f}\\u{85}";
        let expected = format!(" 1 | {hidden}(\n   | {}^\n", " ".repeat(hidden.len()));
        check("\u{202e}\t\u{7f}\u{85}(", 7, 8, &expected);
        check("'\"\\(", 3, 4, " 1 | '\"\\(\n   |    ^\n");
        // Positions that do not belong to the text do no harm.
        check("é", 1, 9, " 1 | é\n   | ^\n");
        check("ab", 70, 90, " 1 | ab\n   |   ^\n");
    }

    #[test]
    fn long_lines_are_cut_around_the_fault() {
        let text = format!("{}({}", "a".repeat(4000), "b".repeat(4000));
        let shown = QueryError::new(QueryErrorKind::Unclosed { opening: '(' }, 4000, 4001).render_caret(&text);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[1], format!(" 1 | …{}({}…", "a".repeat(60), "b".repeat(59)));
        assert_eq!(lines[2], format!("   | {}^", " ".repeat(61)));
    }

    #[test]
    fn notes_follow() {
        let error = QueryError::new(QueryErrorKind::UnknownField { name: "whom".to_owned() }, 0, 4);
        let error = error.suggest(vec!["who", "how.comm"]).help("quote it");
        assert_eq!(error.to_string(), "there is no field whom; did you mean who or how.comm?; quote it");
        let shown = error.render_caret("whom:x");
        assert_eq!(
            shown,
            "there is no field whom\n 1 | whom:x\n   | ^^^^\n   = did you mean who or how.comm?\n   = quote it\n"
        );
    }
}

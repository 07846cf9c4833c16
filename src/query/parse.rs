//! The grammar of the query language: text → `Query`, or the first fault with its place.
//!
//! Inside: conditions joined by AND, OR, NOT and parentheses; the limits.
//! Not here: names (`parse_names`), what stands right of an operator (`parse_value`), letters and quotes (`parse_token`),
//! pipes (`parse_pipe`), the meaning of it all (`matches`).

use super::error::{QueryError, QueryErrorKind, visible};
use super::parse_names::{RAW, fields, time_is_an_option};
use super::parse_pipe::pipe;
use super::parse_token::{bare, is_delimiter, is_foreign_quote, is_name_char, quoted};
use super::parse_value::{Target, comparison, glob_word, regex_of, value};
use super::{Filter, Query};
use crate::model::Moment;
use crate::time::Zone;
use winnow::Parser;
use winnow::error::{ErrMode, ModalResult, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::take_while;

/// Longest query.
pub const QUERY_BYTES_MAX: usize = 4096;
/// Deepest nesting of parentheses and negations.
pub const DEPTH_MAX: usize = 32;
/// Most conditions and words.
pub const TERMS_MAX: usize = 256;

/// Reads a query. Its positions are bytes of `text`.
///
/// `now` and `zone` serve the explanation that an error about a condition on time gives; a query itself holds no time.
pub fn parse(text: &str, now: Moment, zone: &Zone) -> Result<Query, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        let kind = QueryErrorKind::TooLong { bytes: text.len(), bytes_max: QUERY_BYTES_MAX };
        return Err(QueryError::new(kind, QUERY_BYTES_MAX, text.len()));
    }
    let state = State { depth: 0, terms: 0, regexes: 0, now, zone: *zone };
    let mut input = Stateful { input: LocatingSlice::new(text), state };
    query.parse_next(&mut input).map_err(|error| match error {
        ErrMode::Cut(error) | ErrMode::Backtrack(error) => error,
        // Only partial input yields this, and ours is whole.
        ErrMode::Incomplete(_) => QueryError::from_input(&input),
    })
}

/// What is counted while reading.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Parentheses and negations that are open.
    depth: usize,
    terms: usize,
    pub(super) regexes: usize,
    now: Moment,
    zone: Zone,
}

pub(super) type Input<'t> = Stateful<LocatingSlice<&'t str>, State>;
pub(super) type Parsed<T> = ModalResult<T, QueryError>;

impl ParserError<Input<'_>> for QueryError {
    type Inner = QueryError;

    fn from_input(input: &Input<'_>) -> QueryError {
        unexpected(input, "something else")
    }

    fn into_inner(self) -> Result<QueryError, QueryError> {
        Ok(self)
    }
}

/// What stands at the leaves of an expression.
#[derive(Clone, Copy)]
pub(super) enum Leaf<'a> {
    /// Conditions and words.
    Condition,
    /// Values of one field: `field:(a OR b)`.
    Value(&'a Target),
}

impl Leaf<'_> {
    fn name(&self) -> String {
        match self {
            Leaf::Condition => "a condition".to_owned(),
            Leaf::Value(target) => format!("a value for {}", visible(target.name())),
        }
    }
}

fn query(input: &mut Input<'_>) -> Parsed<Query> {
    blank(input)?;
    let filter = match first(input) {
        None | Some('|') => Filter::Everything,
        Some(_) => any_of(input, Leaf::Condition)?,
    };
    blank(input)?;
    let pipe = if first(input) == Some('|') { Some(pipe(input)?) } else { None };
    blank(input)?;
    match (first(input), &pipe) {
        (None, _) => Ok(Query { filter, pipe }),
        (Some('|'), Some(_)) => fail(unexpected(input, "the end of the query").help("a query has one pipe")),
        (Some(')'), None) => fail(
            unexpected(input, "the end of the query")
                .help("this parenthesis was never opened; quote it to search for it"),
        ),
        (Some('[' | ']'), None) => fail(brackets(unexpected(input, "the end of the query"))),
        _ => fail(unexpected(input, "the end of the query")),
    }
}

/// `a OR b`
pub(super) fn any_of(input: &mut Input<'_>, leaf: Leaf<'_>) -> Parsed<Filter> {
    let mut parts = vec![all_of(input, leaf)?];
    while keyword(input, "OR")? {
        parts.push(all_of(input, leaf)?);
    }
    Ok(one_or(parts, Filter::Or))
}

/// `a AND b`, `a b`, and on several lines.
fn all_of(input: &mut Input<'_>, leaf: Leaf<'_>) -> Parsed<Filter> {
    let mut parts = vec![negated(input, leaf)?];
    loop {
        if !keyword(input, "AND")? && (ends(input) || peek_keyword(input, "OR")) {
            return Ok(one_or(parts, Filter::And));
        }
        parts.push(negated(input, leaf)?);
    }
}

/// `NOT a`, `-a`, `!a`: any number of times, and each counts as a level of nesting.
fn negated(input: &mut Input<'_>, leaf: Leaf<'_>) -> Parsed<Filter> {
    let outside = input.state.depth;
    let mut negative = false;
    loop {
        blank(input)?;
        let start = position(input);
        if !keyword(input, "NOT")? {
            let sign = matches!(leaf, Leaf::Condition) && matches!(first(input), Some('-' | '!'));
            if !sign {
                break;
            }
            skip(input, 1)?;
            if first(input).is_none_or(char::is_whitespace) {
                let error = unexpected(input, "a condition directly behind the sign");
                return fail(error.help("quote the sign to search for it"));
            }
        }
        deeper(input, start)?;
        negative = !negative;
    }
    let filter = primary(input, leaf)?;
    input.state.depth = outside;
    Ok(if negative { Filter::Not(Box::new(filter)) } else { filter })
}

/// `( … )` or a leaf.
pub(super) fn primary(input: &mut Input<'_>, leaf: Leaf<'_>) -> Parsed<Filter> {
    blank(input)?;
    if peek_keyword(input, "AND") || peek_keyword(input, "OR") || peek_keyword(input, "NOT") {
        return fail(unexpected(input, leaf.name()).help("quote AND, OR and NOT to search for these words"));
    }
    let start = position(input);
    match (first(input), leaf) {
        (Some('('), _) => {
            skip(input, 1)?;
            deeper(input, start)?;
            let filter = any_of(input, leaf)?;
            close(input, ')', '(', start)?;
            input.state.depth = input.state.depth.saturating_sub(1);
            Ok(filter)
        }
        (Some('[' | ']'), _) => fail(brackets(unexpected(input, leaf.name()))),
        (None | Some(')' | '|'), _) => fail(unexpected(input, leaf.name())),
        (_, Leaf::Value(target)) => {
            count_term(input)?;
            value(input, target)
        }
        (Some('"'), Leaf::Condition) => {
            count_term(input)?;
            let phrase = quoted(input)?;
            let end = position(input);
            ends_here(input)?;
            let text = phrase.text()?;
            if text.is_empty() {
                return fail(QueryError::new(expected("text between the quotes", "nothing"), start, end));
            }
            Ok(Filter::Word(text))
        }
        (Some(_), Leaf::Condition) => {
            count_term(input)?;
            condition_or_word(input)
        }
    }
}

/// The operator behind a field's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Regex,
    NotRegex,
    Compare,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("=~", Operator::Regex),
    ("!~", Operator::NotRegex),
    ("!=", Operator::IsNot),
    (">=", Operator::Compare),
    ("<=", Operator::Compare),
    (">", Operator::Compare),
    ("<", Operator::Compare),
    (":", Operator::Is),
    ("=", Operator::Is),
];

fn condition_or_word(input: &mut Input<'_>) -> Parsed<Filter> {
    let text = remaining(input);
    let start = position(input);
    let Some((name, spaces, symbol, operator)) = head(text) else { return word(input) };
    if name.is_empty() {
        let error = unexpected(input, format!("a field's name before {symbol}"));
        return fail(error.help("quote the text to search for it"));
    }
    let before_value = name.len().saturating_add(spaces).saturating_add(symbol.len());
    let written = text.get(before_value..).unwrap_or_default().trim_start();
    let written = written.split(is_delimiter).next().unwrap_or_default();
    if let Some(error) = time_is_an_option(name, symbol, written, start, input.state.now, &input.state.zone) {
        return fail(error);
    }
    let target = if name == RAW {
        Target::Raw
    } else {
        let fields = fields(name, start).map_err(|error| {
            let end = name.len().saturating_add(spaces).saturating_add(symbol.len()).saturating_add(written.len());
            let shown = visible(text.get(..end).unwrap_or_default().trim_end());
            ErrMode::Cut(error.help(format!("to search for the text, quote it: \"{shown}\"")))
        })?;
        Target::Fields { name: name.to_owned(), fields }
    };
    skip(input, before_value)?;
    take_while(0.., [' ', '\t']).void().parse_next(input)?;
    let filter = match operator {
        Operator::Is | Operator::IsNot => {
            if symbol == "=" && first(input) == Some('=') {
                return fail(
                    unexpected(input, Leaf::Value(&target).name())
                        .help("one = is enough; quote the value if it starts with ="),
                );
            }
            value_or_group(input, &target)?
        }
        Operator::Regex | Operator::NotRegex => regex_of(input, &target)?,
        Operator::Compare => comparison(input, &target, symbol)?,
    };
    let negative = matches!(operator, Operator::IsNot | Operator::NotRegex);
    Ok(if negative { Filter::Not(Box::new(filter)) } else { filter })
}

/// The value right of `:`; its term is already counted, those within parentheses are counted one by one.
fn value_or_group(input: &mut Input<'_>, target: &Target) -> Parsed<Filter> {
    if first(input).is_none_or(|c| c == '\n' || c == '\r') {
        return fail(unexpected(input, Leaf::Value(target).name()));
    }
    input.state.terms = input.state.terms.saturating_sub(1);
    primary(input, Leaf::Value(target))
}

/// Splits `name op` off a text: the name, the spaces behind it, the operator. `None` where the text starts with a word.
fn head(text: &str) -> Option<(&str, usize, &'static str, Operator)> {
    let token = text.split(is_delimiter).next().unwrap_or_default();
    if token.parse::<std::net::IpAddr>().is_ok() || token.parse::<ipnet::IpNet>().is_ok() {
        return None;
    }
    let name_end = text.find(|c| !is_name_char(c)).unwrap_or(text.len());
    let (name, after) = text.split_at_checked(name_end)?;
    if name.starts_with(|c: char| !c.is_ascii_alphabetic()) {
        return None;
    }
    let behind = after.trim_start_matches([' ', '\t']);
    let spaces = after.len().saturating_sub(behind.len());
    // `https://…` is a word, and so is an address that follows a word.
    if after.starts_with("://") || (spaces > 0 && behind.starts_with("::")) {
        return None;
    }
    let (symbol, operator) = OPERATORS.iter().find(|(symbol, _)| behind.starts_with(symbol))?;
    Some((name, spaces, symbol, *operator))
}

/// A bare word: `alice`, `kube-system`, `web-*`, `*`.
fn word(input: &mut Input<'_>) -> Parsed<Filter> {
    let start = position(input);
    if first(input).is_some_and(is_foreign_quote) {
        return fail(unexpected(input, Leaf::Condition.name()).help("use double quotes: \""));
    }
    if remaining(input).starts_with("&&") {
        return fail(unexpected(input, Leaf::Condition.name()).help("use AND"));
    }
    let token = bare(input)?;
    ends_here(input)?;
    if token.is_only_stars() {
        return Ok(Filter::Everything);
    }
    if token.has_wildcards() {
        return glob_word(&token, start, position(input)).map_err(ErrMode::Cut);
    }
    Ok(Filter::Word(token.text()))
}

fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            join(parts)
        }
        (_, None) => Filter::Everything,
    }
}

pub(super) fn fail<T>(error: QueryError) -> Parsed<T> {
    Err(ErrMode::Cut(error))
}

pub(super) fn expected(expected: impl Into<String>, found: impl Into<String>) -> QueryErrorKind {
    QueryErrorKind::Expected { expected: expected.into(), found: found.into() }
}

/// An error that names what stands at the position instead of what belongs there.
pub(super) fn unexpected(input: &Input<'_>, wanted: impl Into<String>) -> QueryError {
    let text = remaining(input);
    let start = position(input);
    let token = match text.chars().next() {
        None => return QueryError::new(expected(wanted, "the end of the query"), start, start),
        Some('\n' | '\r') => return QueryError::new(expected(wanted, "the end of the line"), start, start),
        Some(c) if c.is_whitespace() => {
            return QueryError::new(expected(wanted, "a space"), start, start.saturating_add(c.len_utf8()));
        }
        Some(c) if is_delimiter(c) => text.get(..c.len_utf8()).unwrap_or_default(),
        Some(_) => text.split(is_delimiter).next().unwrap_or_default(),
    };
    QueryError::new(expected(wanted, visible(token)), start, start.saturating_add(token.len()))
}

fn brackets(error: QueryError) -> QueryError {
    error.help("square brackets hold the steps of `| sequence`; quote them to search for them")
}

/// A bracket's end, and an error at its beginning when the query ends before it.
pub(super) fn close(input: &mut Input<'_>, closing: char, opening: char, opened_at: usize) -> Parsed<()> {
    blank(input)?;
    match first(input) {
        Some(c) if c == closing => skip(input, closing.len_utf8()),
        None => {
            let kind = QueryErrorKind::Unclosed { opening };
            fail(QueryError::new(kind, opened_at, opened_at.saturating_add(opening.len_utf8())))
        }
        Some(_) => fail(unexpected(input, format!("{closing} or another condition"))),
    }
}

/// After a word or a value: something must set it apart from what follows.
pub(super) fn ends_here(input: &Input<'_>) -> Parsed<()> {
    match first(input) {
        Some(c) if !is_delimiter(c) || matches!(c, '(' | '"' | '[') => {
            let error = unexpected(input, "a space or an operator");
            fail(error.help("to search for this character, quote the whole text"))
        }
        _ => Ok(()),
    }
}

/// Whether an expression ends here: nothing that could be a further part of it follows.
fn ends(input: &Input<'_>) -> bool {
    matches!(first(input), None | Some(')' | ']' | '[' | '|'))
}

fn deeper(input: &mut Input<'_>, start: usize) -> Parsed<()> {
    if input.state.depth >= DEPTH_MAX {
        return fail(QueryError::new(QueryErrorKind::TooDeep { depth_max: DEPTH_MAX }, start, position(input)));
    }
    input.state.depth = input.state.depth.saturating_add(1);
    Ok(())
}

fn count_term(input: &mut Input<'_>) -> Parsed<()> {
    if input.state.terms >= TERMS_MAX {
        let start = position(input);
        let token = remaining(input).split(is_delimiter).next().unwrap_or_default();
        let kind = QueryErrorKind::TooManyTerms { terms_max: TERMS_MAX };
        return fail(QueryError::new(kind, start, start.saturating_add(token.len())));
    }
    input.state.terms = input.state.terms.saturating_add(1);
    Ok(())
}

/// Takes an upper-case word that stands alone, if it is next.
pub(super) fn keyword(input: &mut Input<'_>, word: &'static str) -> Parsed<bool> {
    blank(input)?;
    let found = peek_keyword(input, word);
    if found {
        word.void().parse_next(input)?;
    }
    Ok(found)
}

fn peek_keyword(input: &Input<'_>, word: &str) -> bool {
    remaining(input).strip_prefix(word).is_some_and(|rest| rest.chars().next().is_none_or(is_delimiter))
}

pub(super) fn blank(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

pub(super) fn remaining<'t>(input: &Input<'t>) -> &'t str {
    input.input.as_ref()
}

pub(super) fn first(input: &Input<'_>) -> Option<char> {
    remaining(input).chars().next()
}

pub(super) fn position(input: &Input<'_>) -> usize {
    input.current_token_start()
}

/// Moves on by bytes that were just looked at.
pub(super) fn skip(input: &mut Input<'_>, bytes: usize) -> Parsed<()> {
    if !remaining(input).is_char_boundary(bytes) {
        return fail(QueryError::from_input(input));
    }
    input.next_slice(bytes);
    Ok(())
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;

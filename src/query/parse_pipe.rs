//! Pipes: `| count`, `| top F [n]`, `| hist 5m`, `| sequence by F within 10m [a] [b]`.
//!
//! Not here: the filter before them (`parse`), how they are computed (`engine`).

use super::Pipe;
use super::computed;
use super::error::{QueryError, QueryErrorKind, visible};
use super::parse::{
    Input, Leaf, Parsed, any_of, blank, close, expected, fail, first, keyword, position, remaining, skip, unexpected,
};
use super::parse_names::{PIPES, RAW, fields, nearest};
use super::parse_token::{is_delimiter, is_name_char};
use crate::index::Field;
use crate::time::parse_duration;
use winnow::Parser;
use winnow::error::ErrMode;
use winnow::token::take_while;

/// Values of `| top` unless a number is given.
pub const TOP_DEFAULT: usize = 10;
/// Most values of `| top`.
pub const TOP_MAX: usize = 1000;
/// Fewest and most steps of `| sequence`.
pub const STEPS_MIN: usize = 2;
/// Most steps of `| sequence`.
pub const STEPS_MAX: usize = 8;
/// Shortest bucket of `| hist` and shortest time of `| sequence`, in nanoseconds.
pub const WIDTH_NS_MIN: i64 = 1_000_000;

/// The position is at `|`.
pub(super) fn pipe(input: &mut Input<'_>) -> Parsed<Pipe> {
    skip(input, 1)?;
    blank(input)?;
    let start = position(input);
    let name = take_while(0.., is_name_char).parse_next(input)?;
    match name {
        "count" => Ok(Pipe::Count),
        "top" => top(input),
        "hist" => duration(input, "the width of a bucket, such as 5m").map(|width_ns| Pipe::Hist { width_ns }),
        "sequence" => sequence(input),
        "" => {
            let error = unexpected(input, "a pipe: count, top, hist or sequence");
            fail(if first(input) == Some('|') { error.help("use OR; a query has one pipe") } else { error })
        }
        _ => {
            let kind = QueryErrorKind::UnknownPipe { name: visible(name) };
            let error = QueryError::new(kind, start, position(input)).suggest(nearest(name, PIPES.iter().copied()));
            fail(error.help("there are count, top, hist and sequence; quote | to search for it"))
        }
    }
}

fn top(input: &mut Input<'_>) -> Parsed<Pipe> {
    let (name, fields) = field(input)?;
    blank(input)?;
    let start = position(input);
    let digits = take_while(0.., |c: char| !is_delimiter(c)).parse_next(input)?;
    if digits.is_empty() {
        return Ok(Pipe::Top { fields, name, limit: TOP_DEFAULT });
    }
    let number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !number {
        let kind = expected("how many values, or the end of the query", visible(digits));
        return fail(QueryError::new(kind, start, position(input)));
    }
    match digits.parse() {
        Ok(limit) if (1..=TOP_MAX).contains(&limit) => Ok(Pipe::Top { fields, name, limit }),
        _ => {
            let kind = QueryErrorKind::OutOfRange { value: visible(digits), min: 1, max: TOP_MAX };
            fail(QueryError::new(kind, start, position(input)))
        }
    }
}

fn sequence(input: &mut Input<'_>) -> Parsed<Pipe> {
    const FORM: &str = "write | sequence by src within 10m [first] [second]";
    if !keyword(input, "by")? {
        return fail(unexpected(input, "by").help(FORM));
    }
    let (name, fields) = field(input)?;
    if !keyword(input, "within")? {
        return fail(unexpected(input, "within").help(FORM));
    }
    let within_ns = duration(input, "the longest time from the first step to the last, such as 10m")?;
    blank(input)?;
    let first_step = position(input);
    let mut steps = Vec::new();
    while first(input) == Some('[') {
        let start = position(input);
        if steps.len() == STEPS_MAX {
            return bad_steps(steps.len().saturating_add(1), start, start.saturating_add(1));
        }
        skip(input, 1)?;
        steps.push(any_of(input, Leaf::Condition)?);
        close(input, ']', '[', start)?;
        blank(input)?;
    }
    if let Some(c) = first(input)
        && c != '|'
    {
        return fail(unexpected(input, "[ and a step").help(FORM));
    }
    if steps.len() < STEPS_MIN {
        return bad_steps(steps.len(), first_step, position(input));
    }
    Ok(Pipe::Sequence { fields, name, within_ns, steps })
}

fn bad_steps<T>(steps: usize, start: usize, end: usize) -> Parsed<T> {
    fail(QueryError::new(QueryErrorKind::BadSteps { steps, min: STEPS_MIN, max: STEPS_MAX }, start, end))
}

fn field(input: &mut Input<'_>) -> Parsed<(String, Vec<&'static Field>)> {
    blank(input)?;
    let start = position(input);
    let name = take_while(0.., is_name_char).parse_next(input)?;
    if name.is_empty() {
        return fail(unexpected(input, "the name of a field"));
    }
    if name == RAW {
        let error = QueryError::new(QueryErrorKind::UnknownField { name: RAW.to_owned() }, start, position(input));
        return fail(error.help("raw records have no values to count or to compare"));
    }
    if computed::resolve(name).is_some() {
        let error = QueryError::new(QueryErrorKind::UnknownField { name: name.to_owned() }, start, position(input));
        return fail(
            error.help(
                "it is computed for events that a query has left: a condition, not a value to count or to compare",
            ),
        );
    }
    let fields = fields(name, start).map_err(ErrMode::Cut)?;
    if first(input).is_some_and(|c| !is_delimiter(c)) {
        return fail(unexpected(input, "a space behind the name of the field"));
    }
    Ok((name.to_owned(), fields))
}

fn duration(input: &mut Input<'_>, wanted: &str) -> Parsed<i64> {
    blank(input)?;
    let start = position(input);
    let text = remaining(input).split(is_delimiter).next().unwrap_or_default();
    if text.is_empty() {
        return fail(unexpected(input, wanted));
    }
    skip(input, text.len())?;
    let refused = |message: String| QueryError::new(QueryErrorKind::BadDuration { message }, start, position(input));
    match parse_duration(text) {
        Ok(nanos) if nanos >= WIDTH_NS_MIN => Ok(nanos),
        Ok(_) => fail(refused(format!("{} is shorter than 1ms, the shortest allowed", visible(text)))),
        Err(error) => fail(refused(error.to_string())),
    }
}

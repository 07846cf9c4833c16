//! What stands right of an operator: text, pattern, network, range, regular expression, each as its field allows.
//!
//! Not here: names (`parse_names`), letters and quotes (`parse_token`), what a test means (`matches`).

use super::error::{QueryError, QueryErrorKind, visible};
use super::matches::{number, order};
use super::parse::{Input, Parsed, ends_here, expected, fail, first, position, remaining, skip, unexpected};
use super::parse_token::{Bare, Letter, bare, is_delimiter, is_foreign_quote, quoted, quoted_verbatim};
use super::{Filter, RawTest, Test};
use crate::index::{FIELDS, Field, FieldKind};
use ipnet::IpNet;
use regex::RegexBuilder;
use std::cmp::Ordering;
use std::net::IpAddr;
use winnow::Parser;
use winnow::error::ErrMode;
use winnow::token::take_till;

/// Longest pattern of `*` and `?`, in characters.
pub const GLOB_CHARS_MAX: usize = 1024;
/// Most wildcards of a pattern.
pub const GLOB_WILDCARDS_MAX: usize = 64;
/// Most regular expressions of a query.
pub const REGEXES_MAX: usize = 16;
/// Memory of a compiled regular expression.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting within a regular expression.
pub const REGEX_DEPTH_MAX: u32 = 64;

/// What a condition is about.
pub(super) enum Target {
    /// Fields, under the name written.
    Fields { name: String, fields: Vec<&'static Field> },
    /// The raw records.
    Raw,
}

impl Target {
    pub(super) fn name(&self) -> &str {
        match self {
            Target::Fields { name, .. } => name,
            Target::Raw => "raw",
        }
    }

    /// The kind that all of the fields share; text where they differ.
    fn kind(&self) -> FieldKind {
        let Target::Fields { fields, .. } = self else { return FieldKind::Text };
        match fields.first() {
            Some(first) if fields.iter().all(|field| field.kind == first.kind) => first.kind,
            _ => FieldKind::Text,
        }
    }

    fn filter(&self, test: Test) -> Parsed<Filter> {
        match self {
            Target::Fields { name, fields } => Ok(Filter::Field { name: name.clone(), fields: fields.clone(), test }),
            // Callers take raw records apart first; a condition must never turn into none.
            Target::Raw => fail(QueryError::new(QueryErrorKind::BadRaw, 0, 0)),
        }
    }

    fn wanted(&self) -> String {
        format!("a value for {}", visible(self.name()))
    }
}

/// A value as written: text that stands for itself, or bare text.
enum Written {
    Exact(String),
    Bare(Bare),
}

/// One value behind `:` or `=`.
pub(super) fn value(input: &mut Input<'_>, target: &Target) -> Parsed<Filter> {
    if matches!(target, Target::Raw) {
        return raw_text(input);
    }
    let start = position(input);
    if first(input) == Some('"') {
        let text = quoted(input)?.text()?;
        if remaining(input).starts_with("..") {
            skip(input, 2)?;
            return range(input, target, Some(Written::Exact(text)), start);
        }
        ends_here(input)?;
        return target.filter(exact(target, text, start, position(input)).map_err(ErrMode::Cut)?);
    }
    if first(input).is_some_and(is_foreign_quote) {
        return fail(unexpected(input, target.wanted()).help("use double quotes: \""));
    }
    let token = bare(input)?;
    let end = position(input);
    if first(input) == Some('"') && token.text() == ".." {
        return range(input, target, None, start);
    }
    if let Some((low, high)) = token.range() {
        let low = (!low.0.is_empty()).then_some(Written::Bare(low));
        if high.0.is_empty() {
            return range(input, target, low, start);
        }
        ends_here(input)?;
        return between(target, low, Some(Written::Bare(high)), start, end);
    }
    ends_here(input)?;
    if token.is_only_stars() {
        return target.filter(Test::Any);
    }
    if token.has_wildcards() {
        return target.filter(glob(&token, start, end).map_err(ErrMode::Cut)?);
    }
    let text = token.text();
    if target.kind() == FieldKind::Address {
        return target.filter(Test::Cidr(network(target, &text, start, end).map_err(ErrMode::Cut)?));
    }
    target.filter(exact(target, text, start, end).map_err(ErrMode::Cut)?)
}

/// The upper end of a range behind `..`, quoted or absent; a bare one was read with the lower end.
fn range(input: &mut Input<'_>, target: &Target, low: Option<Written>, start: usize) -> Parsed<Filter> {
    let high = match first(input) {
        Some('"') => Some(Written::Exact(quoted(input)?.text()?)),
        Some(c) if !is_delimiter(c) => Some(Written::Bare(bare(input)?)),
        _ => None,
    };
    ends_here(input)?;
    if low.is_none() && high.is_none() {
        let kind = expected("an end of the range", "..");
        return fail(QueryError::new(kind, start, position(input)));
    }
    between(target, low, high, start, position(input))
}

fn between(target: &Target, low: Option<Written>, high: Option<Written>, start: usize, end: usize) -> Parsed<Filter> {
    let bound = |written: Option<Written>| written.map(|written| end_of_range(target, written, start, end)).transpose();
    let low = bound(low).map_err(ErrMode::Cut)?;
    let high = bound(high).map_err(ErrMode::Cut)?;
    if let (Some(low), Some(high)) = (&low, &high)
        && order(low, high) == Ordering::Greater
    {
        let kind = QueryErrorKind::EmptyRange { low: visible(low), high: visible(high) };
        return fail(QueryError::new(kind, start, end));
    }
    target.filter(Test::Range { low: low.map(|low| (low, true)), high: high.map(|high| (high, true)) })
}

/// `>=`, `>`, `<=`, `<`
pub(super) fn comparison(input: &mut Input<'_>, target: &Target, symbol: &str) -> Parsed<Filter> {
    let start = position(input);
    if matches!(target, Target::Raw) {
        return fail(QueryError::new(QueryErrorKind::BadRaw, start, start));
    }
    let written = match first(input) {
        Some('"') => Written::Exact(quoted(input)?.text()?),
        Some(c) if !is_delimiter(c) => Written::Bare(bare(input)?),
        _ => return fail(unexpected(input, target.wanted())),
    };
    ends_here(input)?;
    let text = end_of_range(target, written, start, position(input)).map_err(ErrMode::Cut)?;
    let end = Some((text, symbol.ends_with('=')));
    let test = if symbol.starts_with('>') {
        Test::Range { low: end, high: None }
    } else {
        Test::Range { low: None, high: end }
    };
    target.filter(test)
}

/// `=~`
pub(super) fn regex_of(input: &mut Input<'_>, target: &Target) -> Parsed<Filter> {
    const REGEX: &str = "a regular expression in double quotes";
    let start = position(input);
    let source = match first(input) {
        Some('"') => quoted_verbatim(input)?,
        Some(c) if !is_delimiter(c) => take_till(1.., is_delimiter).parse_next(input)?,
        _ => return fail(unexpected(input, REGEX)),
    };
    let end = position(input);
    ends_here(input)?;
    if source.is_empty() {
        return fail(QueryError::new(expected(REGEX, "nothing"), start, end));
    }
    if input.state.regexes >= REGEXES_MAX {
        return fail(QueryError::new(QueryErrorKind::TooManyRegexes { regexes_max: REGEXES_MAX }, start, end));
    }
    input.state.regexes = input.state.regexes.saturating_add(1);
    let refused = |error: regex::Error| ErrMode::Cut(QueryError::new(regex_error(error), start, end));
    if matches!(target, Target::Raw) {
        let mut builder = regex::bytes::RegexBuilder::new(source);
        builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).nest_limit(REGEX_DEPTH_MAX);
        return Ok(Filter::Raw(RawTest::Regex(builder.build().map_err(refused)?)));
    }
    target.filter(Test::Regex(compile(source).map_err(refused)?))
}

/// `raw:"text"`
fn raw_text(input: &mut Input<'_>) -> Parsed<Filter> {
    let start = position(input);
    let bytes = if first(input) == Some('"') {
        quoted(input)?.bytes
    } else {
        let token = bare(input)?;
        if token.has_wildcards() {
            let error = QueryError::new(QueryErrorKind::BadRaw, start, position(input));
            return fail(error.help("quote the text if it contains * or ?; for patterns there is raw =~ \"re\""));
        }
        token.text().into_bytes()
    };
    ends_here(input)?;
    if bytes.is_empty() {
        return fail(QueryError::new(expected("text between the quotes", "nothing"), start, position(input)));
    }
    Ok(Filter::Raw(RawTest::Contains(bytes)))
}

/// A bare word with wildcards: found anywhere in a who, what or where field, like any bare word.
pub(super) fn glob_word(token: &Bare, start: usize, end: usize) -> Result<Filter, QueryError> {
    let star = |letter: &Letter| letter.c == '*' && !letter.literal;
    let inner: Vec<Letter> = token.0.iter().copied().skip_while(star).collect();
    let kept = inner.iter().rposition(|letter| !star(letter)).map_or(0, |last| last.saturating_add(1));
    let inner = Bare(inner.into_iter().take(kept).collect());
    if !inner.has_wildcards() {
        return Ok(Filter::Word(inner.text()));
    }
    check_glob(&inner, start, end)?;
    let source = format!("(?is){}", pattern(&inner));
    let regex = compile(&source).map_err(|error| QueryError::new(regex_error(error), start, end))?;
    let fields = FIELDS.iter().filter(|field| field.bare).collect();
    Ok(Filter::Field { name: "*".to_owned(), fields, test: Test::Regex(regex) })
}

fn glob(token: &Bare, start: usize, end: usize) -> Result<Test, QueryError> {
    check_glob(token, start, end)?;
    let mut source = String::new();
    for letter in &token.0 {
        if matches!(letter.c, '*' | '?' | '\\') && letter.literal {
            source.push('\\');
        }
        source.push(letter.c);
    }
    let regex = compile(&format!("(?s)\\A{}\\z", pattern(token)));
    Ok(Test::Glob(source, regex.map_err(|error| QueryError::new(regex_error(error), start, end))?))
}

fn check_glob(token: &Bare, start: usize, end: usize) -> Result<(), QueryError> {
    let chars = token.0.len();
    if chars > GLOB_CHARS_MAX {
        return Err(QueryError::new(QueryErrorKind::GlobTooLong { chars, chars_max: GLOB_CHARS_MAX }, start, end));
    }
    let wildcards = token.0.iter().filter(|letter| letter.is_wildcard()).count();
    if wildcards > GLOB_WILDCARDS_MAX {
        let kind = QueryErrorKind::TooManyWildcards { wildcards, wildcards_max: GLOB_WILDCARDS_MAX };
        return Err(QueryError::new(kind, start, end));
    }
    Ok(())
}

/// The regular expression of a pattern, without anchors.
fn pattern(token: &Bare) -> String {
    let mut out = String::new();
    for letter in &token.0 {
        match (letter.c, letter.literal) {
            ('*', false) => out.push_str(".*"),
            ('?', false) => out.push('.'),
            (c, _) => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out
}

/// Quoted or plain text as the field's kind reads it.
fn exact(target: &Target, text: String, start: usize, end: usize) -> Result<Test, QueryError> {
    match target.kind() {
        FieldKind::Text => Ok(Test::Is(text)),
        FieldKind::Number => number_text(target, &text, start, end).map(Test::Is),
        // In quotes anything may be asked for: recorders write other things than addresses into these fields.
        FieldKind::Address => Ok(network(target, &text, start, end).map_or(Test::Is(text), Test::Cidr)),
    }
}

fn end_of_range(target: &Target, written: Written, start: usize, end: usize) -> Result<String, QueryError> {
    let text = match written {
        Written::Bare(token) if token.has_wildcards() => {
            let kind = expected("a value without wildcards", visible(&token.text()));
            return Err(QueryError::new(kind, start, end)
                .help("an end of a range is one value; quote it if it contains * or ?"));
        }
        Written::Bare(token) => token.text(),
        Written::Exact(text) => text,
    };
    match target.kind() {
        FieldKind::Text => Ok(text),
        FieldKind::Number => number_text(target, &text, start, end),
        FieldKind::Address => match text.parse::<IpAddr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err(not_an_address(target, &text, start, end)),
        },
    }
}

/// A number as it is indexed: decimal, without leading zeros.
fn number_text(target: &Target, text: &str, start: usize, end: usize) -> Result<String, QueryError> {
    let field = || visible(target.name());
    let Target::Fields { fields, .. } = target else { return Ok(text.to_owned()) };
    let unset = fields.iter().all(|field| matches!(field.name, "who.login.auid" | "who.login.ses"));
    if unset && matches!(text, "-1" | "4294967295" | "unset") {
        let kind = QueryErrorKind::NeverSet { field: field(), value: text.to_owned() };
        return Err(QueryError::new(kind, start, end).help(format!("write NOT {}:*", field())));
    }
    match number(text) {
        Some(number) => Ok(number.to_string()),
        None => Err(QueryError::new(QueryErrorKind::NotANumber { field: field(), value: visible(text) }, start, end)),
    }
}

fn network(target: &Target, text: &str, start: usize, end: usize) -> Result<IpNet, QueryError> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.trunc()).map_err(|_| not_an_address(target, text, start, end))
}

fn not_an_address(target: &Target, text: &str, start: usize, end: usize) -> QueryError {
    let kind = QueryErrorKind::NotAnAddress { field: visible(target.name()), value: visible(text) };
    QueryError::new(kind, start, end)
        .help("write 10.0.0.9, 10.0.0.0/8, 2001:db8::/32 or 10.0.*; quote it to compare it as text")
}

fn compile(source: &str) -> Result<regex::Regex, regex::Error> {
    let mut builder = RegexBuilder::new(source);
    builder.size_limit(REGEX_BYTES_MAX).dfa_size_limit(REGEX_BYTES_MAX).nest_limit(REGEX_DEPTH_MAX).build()
}

fn regex_error(error: regex::Error) -> QueryErrorKind {
    match error {
        regex::Error::CompiledTooBig(_) => QueryErrorKind::RegexTooBig { bytes_max: REGEX_BYTES_MAX },
        // The first lines repeat the expression; the last says what is wrong.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            QueryErrorKind::BadRegex { message: last.trim().trim_start_matches("error: ").to_owned() }
        }
    }
}

//! What a line of a container looks like: a JSON object, logfmt, a line of a web server, klog, or plain text.
//!
//! The container's programs, and who talks to them, choose every byte here: a body is told by its form alone, and read strictly from the left. Not here: lines of web servers
//! (`access`), objects (`flat`), klog (`klog`), what the runtime says of the line (`part`).

use std::borrow::Cow;

use super::access;
use crate::flat::{FIELDS_MAX, Field, REST, flat, repeated, take};
use crate::issue::Issue;
use crate::klog;
use crate::line::quoted;

/// What a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// A JSON object.
    Json,
    /// `name=value name="quoted value"`
    Logfmt,
    /// A web server's common or combined log format.
    Access,
    /// klog's text form.
    Klog,
    /// None of these.
    Plain,
}

/// A text, taken apart as far as its form tells how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body<'a> {
    /// What it looks like.
    pub form: Form,
    /// Its fields in its order, without those that are `level` and `message`; at most 128, and what was not taken apart as [`REST`].
    pub fields: Vec<Field<'a>>,
    /// Its message, of JSON, logfmt and klog.
    pub message: Option<Cow<'a, str>>,
    /// Its level as it stands, of JSON, logfmt and klog.
    pub level: Option<Cow<'a, str>>,
    /// Its oddities.
    pub issues: Vec<Issue>,
}

/// Names of a level; the first that is there counts.
const LEVELS: &[&str] = &["level", "lvl", "severity", "log.level"];
/// Names of a message.
const MESSAGES: &[&str] = &["msg", "message"];

/// Takes the text of a container's line apart.
pub fn body(text: &str) -> Body<'_> {
    let text = text.trim_ascii();
    let found = match text.as_bytes().first() {
        Some(b'{') => json(text),
        Some(b'I' | b'W' | b'E' | b'F') if text.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => klog(text),
        _ => access(text),
    };
    found.or_else(|| logfmt(text)).unwrap_or_else(|| Body {
        form: Form::Plain,
        fields: Vec::new(),
        message: None,
        level: None,
        issues: Vec::new(),
    })
}

fn json(text: &str) -> Option<Body<'_>> {
    let flat = flat(text).ok()?;
    Some(named(Form::Json, flat.fields, flat.issues))
}

/// With its level and message taken out.
fn named<'a>(form: Form, mut fields: Vec<Field<'a>>, issues: Vec<Issue>) -> Body<'a> {
    let level = LEVELS.iter().find_map(|name| take(&mut fields, name));
    let message = MESSAGES.iter().find_map(|name| take(&mut fields, name));
    Body { form, fields, message, level, issues }
}

fn klog(text: &str) -> Option<Body<'_>> {
    let klog::Reading { line, mut issues } = klog::read(text).ok()?;
    let mut fields = line.fields;
    if let Some(last) = fields.len().checked_sub(FIELDS_MAX) {
        let detail = format!("{last} fields are in the record only");
        issues.extend((last > 0).then(|| Issue::new("too-many-fields", 0, detail)));
        fields.truncate(FIELDS_MAX);
    }
    Some(Body { form: Form::Klog, fields, message: Some(line.message), level: Some(line.level), issues })
}

fn access(text: &str) -> Option<Body<'_>> {
    let fields = access::read(text)?;
    Some(Body { form: Form::Access, fields, message: None, level: None, issues: Vec::new() })
}

/// At least two pairs, with which the text begins; what stands behind the last pair that is one is [`REST`].
fn logfmt(text: &str) -> Option<Body<'_>> {
    let (mut fields, mut issues) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len().saturating_sub(rest.len());
        // The last place is that of the rest.
        let room = fields.len() < FIELDS_MAX - 1;
        let Some((name, value, behind)) = pair(rest).filter(|_| room) else {
            if fields.len() < 2 {
                return None;
            }
            let kind = if room { "unread-text" } else { "too-many-fields" };
            issues.push(Issue::new(kind, at, format!("{} bytes are kept as `{REST}`, not taken apart", rest.len())));
            fields.push((REST.into(), rest.into()));
            break;
        };
        fields.push((Cow::Borrowed(name), value));
        rest = behind.trim_ascii_start();
    }
    if fields.len() < 2 {
        return None;
    }
    issues.extend(repeated(&fields));
    Some(named(Form::Logfmt, fields, issues))
}

/// `name=value` with a blank or nothing behind it. A quoted value that does not end is none.
fn pair(text: &str) -> Option<(&str, Cow<'_, str>, &str)> {
    if !text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return None;
    }
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let end = text.bytes().position(|byte| !is_name(&byte))?;
    let (name, behind) = text.split_at_checked(end)?;
    let behind = behind.strip_prefix('=')?;
    let (value, behind) = if behind.starts_with('"') {
        quoted(behind)?
    } else {
        let end = behind.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(behind.len());
        let (value, behind) = behind.split_at_checked(end)?;
        (value.into(), behind)
    };
    let ends = behind.bytes().next().is_none_or(|byte| byte.is_ascii_whitespace());
    ends.then_some((name, value, behind))
}

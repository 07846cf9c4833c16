//! A JSON object as a list of fields: members of members under their path, `user.name`.
//!
//! Bounded: what is deeper than [`LEVELS_MAX`] stays JSON text, and what is more than [`FIELDS_MAX`] fields is one field of JSON text, [`REST`]. Nothing is lost.
//! Not here: audit events, whose lists have paths of their own too (`kubernetes::flatten`), the reader of JSON (`kubernetes::json`).

use std::borrow::Cow;

use crate::issue::Issue;
use crate::kubernetes::json::{Cursor, JsonError, Shape};

/// Fields of one object at most, [`REST`] included.
pub const FIELDS_MAX: usize = 128;
/// Levels of objects that are taken apart.
pub const LEVELS_MAX: u32 = 8;
/// Bytes of a path at most that is put before the names of further members: else a long one would be repeated for each.
const PATH_BYTES_MAX: usize = 1 << 10;
/// The field that holds what was not taken apart.
pub const REST: &str = "x-rest";

/// Name and value of a field.
pub type Field<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Fields in their order, and what is odd about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Flat<'a> {
    pub fields: Vec<Field<'a>>,
    pub issues: Vec<Issue>,
}

/// Takes the first field of that name out.
pub(crate) fn take<'a>(fields: &mut Vec<Field<'a>>, name: &str) -> Option<Cow<'a, str>> {
    let at = fields.iter().position(|(key, _)| key == name)?;
    Some(fields.remove(at).1)
}

/// The fields of the object that `text` is: strings decoded, anything else as its JSON text. A name that is there again stays, and is an issue.
///
/// # Errors
/// When `text` is not a JSON object and nothing else.
pub(crate) fn flat(text: &str) -> Result<Flat<'_>, JsonError> {
    let mut fields = Vec::with_capacity(16);
    let mut cursor = Cursor::new(text);
    let rest = members(&mut cursor, None, 1, &mut fields)?;
    if cursor.peek().is_some() {
        return Err(cursor.error("bytes behind the object"));
    }
    let mut issues = Vec::new();
    if let Some(rest) = rest {
        let detail = format!("{} bytes are kept as `{REST}`, not taken apart", rest.len());
        issues.push(Issue::new("too-many-fields", 0, detail));
        fields.push((REST.into(), rest.into()));
    }
    issues.extend(repeated(&fields));
    Ok(Flat { fields, issues })
}

/// Where in an object the members begin that had no room.
enum Unread {
    /// With the name here.
    From(usize),
    /// Within the value of the member whose name begins at `at`: `rest` instead of the text from `from` to `to`.
    Within { at: usize, from: usize, to: usize, rest: String },
}

/// Takes the object here apart. What had no room as JSON text: an object of the members that were not read.
fn members<'a>(
    cursor: &mut Cursor<'a>,
    path: Option<&str>,
    level: u32,
    fields: &mut Vec<Field<'a>>,
) -> Result<Option<String>, JsonError> {
    let mut unread = None;
    cursor.object(|cursor, name, at| {
        // The last place is that of the rest.
        if unread.is_some() || fields.len() >= FIELDS_MAX - 1 {
            unread.get_or_insert(Unread::From(at));
            cursor.skip()?;
            return Ok(());
        }
        let path = match path {
            Some(path) => format!("{path}.{name}").into(),
            None => name,
        };
        let (from, rest) = value(cursor, path, level, fields)?;
        if let Some(rest) = rest {
            unread = Some(Unread::Within { at, from, to: cursor.offset(), rest });
        }
        Ok::<(), JsonError>(())
    })?;
    let end = cursor.offset();
    let piece = |from: usize, to: usize| cursor.text().get(from..to).unwrap_or("");
    Ok(unread.map(|unread| match unread {
        Unread::From(at) => format!("{{{}", piece(at, end)),
        Unread::Within { at, from, to, rest } => format!("{{{}{rest}{}", piece(at, from), piece(to, end)),
    }))
}

/// Reads the value here: where it begins, and what of it had no room.
fn value<'a>(
    cursor: &mut Cursor<'a>,
    path: Cow<'a, str>,
    level: u32,
    fields: &mut Vec<Field<'a>>,
) -> Result<(usize, Option<String>), JsonError> {
    let shape = cursor.shape()?;
    let (start, before) = (cursor.offset(), fields.len());
    match shape {
        Shape::Object if level < LEVELS_MAX && path.len() <= PATH_BYTES_MAX => {
            let rest = members(cursor, Some(&path), level + 1, fields)?;
            if fields.len() == before && rest.is_none() {
                // What is empty is shown too.
                let empty = cursor.text().get(start..cursor.offset()).unwrap_or("{}");
                fields.push((path, empty.into()));
            }
            return Ok((start, rest));
        }
        Shape::Text => fields.push((path, cursor.string()?)),
        _ => fields.push((path, cursor.skip()?.into())),
    }
    Ok((start, None))
}

/// Names that stand there more than once: the first counts.
pub(crate) fn repeated(fields: &[Field<'_>]) -> Option<Issue> {
    let twice = |at: usize, name: &str| fields.iter().take(at).any(|(other, _)| other == name);
    let (_, (name, _)) = fields.iter().enumerate().find(|(at, (name, _))| twice(*at, name))?;
    Some(Issue::new("repeated-field", 0, format!("`{name}` stands there more than once: the first one counts")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let Ok(flat) = flat(text) else { return "none".to_owned() };
        let fields: Vec<String> = flat.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let issues: String = flat.issues.iter().map(|issue| format!(" !{}", issue.kind)).collect();
        format!("{}{issues}", fields.join("|"))
    }

    #[test]
    fn members_of_members() {
        let check = |text: &str, expected: &str| assert_eq!(shown(text), expected, "{text}");
        check(
            r#" {"a":"x\ny","b":{"c":1.50,"d":{"e":null,"f":true}},"g":[1, {"h":2}]} "#,
            "a=x\ny|b.c=1.50|b.d.e=null|b.d.f=true|g=[1, {\"h\":2}]",
        );
        check(r#"{"a":{},"b":{ },"c":[],"":"n","d":{"":1}}"#, "a={}|b={ }|c=[]|=n|d.=1");
        check(r#"{"a":1,"a":2}"#, "a=1|a=2 !repeated-field");
        // Two ways to the same name.
        check(r#"{"a":{"b":1},"a.b":2}"#, "a.b=1|a.b=2 !repeated-field");
        check("{}", "");
        for other in ["", "[]", "1", "{", "{\"a\":1}x", "{\"a\":1}{}", "{\"a\":}", "{\"a\":\"\\ud800\"}", "\u{feff}{}"]
        {
            check(other, "none");
        }
    }

    #[test]
    fn it_is_bounded_and_nothing_is_lost() {
        let deep = format!("{}1{}", "{\"a\":".repeat(10), "}".repeat(10));
        assert_eq!(shown(&deep), "a.a.a.a.a.a.a.a={\"a\":{\"a\":1}}");
        let members =
            |from: usize, to: usize| (from..to).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
        let text = format!("{{{}}}", members(0, 127));
        let all = flat(&text).unwrap();
        assert_eq!((all.fields.len(), all.issues.len()), (127, 0));
        let text = format!("{{{}}}", members(0, 300));
        let many = flat(&text).unwrap();
        assert_eq!((many.fields.len(), many.issues.len()), (FIELDS_MAX, 1));
        assert_eq!(many.fields.last().unwrap(), &(REST.into(), format!("{{{}}}", members(127, 300)).into()));
        // The rest keeps its place in the object.
        let text = format!("{{\"a\":1,\"b\":{{{}}},\"c\":2}}", members(0, 300));
        let wide = flat(&text).unwrap();
        assert_eq!((wide.fields.len(), wide.issues.len()), (FIELDS_MAX, 1));
        let expected = format!("{{\"b\":{{{}}},\"c\":2}}", members(126, 300));
        assert_eq!(wide.fields.last().unwrap(), &(REST.into(), expected.into()));
        // A long name is not repeated for each member.
        let text = format!("{{\"{}\":{{{}}}}}", "n".repeat(100_000), members(0, 100));
        assert_eq!(flat(&text).unwrap().fields.len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\{[\\[\\]{},:\"\\\\ntu0-9aé \n.-]{0,40}\\}") {
            let oracle = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            // The oracle takes lone surrogates no more than this does.
            prop_assert_eq!(flat(&text).is_ok(), oracle, "{}", text);
        }
    }
}

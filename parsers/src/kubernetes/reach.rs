//! A single value somewhere within a body, such as `spec.replicas`, without reading the rest of it; and a body's tokens one by one, to hash them.
//!
//! Not here: the event around the body (`parse`), strings of objects in lists (`lists`).

use super::event::Text;
use super::json::{Cursor, JsonError, Shape};

/// Items of an array that are called back with at most.
const ITEMS_MAX: usize = 1_024;

/// Ends a reading early.
enum Stop {
    Done,
    NotJson,
}

impl From<JsonError> for Stop {
    fn from(_: JsonError) -> Stop {
        Stop::NotJson
    }
}

/// The JSON text of the member that lies at `path` within an object. Of members of one name the first counts.
pub fn value_at<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    let mut here = text;
    for wanted in path {
        let mut found = None;
        let mut cursor = Cursor::new(here);
        // However it stops, what was found by then is what there is.
        let _: Result<(), Stop> = cursor.object(|cursor, name, _| {
            let value = cursor.skip()?;
            if name != *wanted {
                return Ok(());
            }
            found = Some(value);
            Err(Stop::Done)
        });
        here = found?;
    }
    Some(here)
}

/// As [`value_at`], of a string: decoded.
pub fn text_at<'a>(text: &'a str, path: &[&str]) -> Option<Text<'a>> {
    Cursor::new(value_at(text, path)?).string().ok()
}

/// Calls back with the JSON text of each item of the array at `path`, the first 1,024.
pub fn items_at<'a>(text: &'a str, path: &[&str], each: &mut dyn FnMut(&'a str)) {
    let Some(list) = value_at(text, path) else { return };
    let mut left = ITEMS_MAX;
    let mut cursor = Cursor::new(list);
    let _: Result<(), Stop> = cursor.array(|cursor| {
        each(cursor.skip()?);
        left -= 1;
        if left == 0 { Err(Stop::Done) } else { Ok(()) }
    });
}

/// Calls back with every token of a JSON text, in its order, without the members of the names in `without`, at whatever depth. `false` where it is no JSON.
pub fn tokens(text: &str, without: &[&str], each: &mut dyn FnMut(&str)) -> bool {
    token(&mut Cursor::new(text), without, each).is_ok()
}

/// One value; the cursor bounds the depth.
fn token(cursor: &mut Cursor<'_>, without: &[&str], each: &mut dyn FnMut(&str)) -> Result<(), JsonError> {
    match cursor.shape()? {
        Shape::Object => {
            each("{");
            cursor.object(|cursor, name, _| -> Result<(), JsonError> {
                if without.contains(&name.as_ref()) {
                    return cursor.skip().map(drop);
                }
                each(&name);
                token(cursor, without, each)
            })?;
            each("}");
        }
        Shape::Array => {
            each("[");
            cursor.array(|cursor| token(cursor, without, each))?;
            each("]");
        }
        Shape::Text | Shape::Number | Shape::Bool | Shape::Null => each(cursor.skip()?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str =
        r#"{"metadata":{"name":"w\u0065b","labels":{"pod-template-hash":"1"}},"spec":{"replicas":3,"a":[1,{"b":2}]}}"#;

    #[test]
    fn values_by_their_path() {
        assert_eq!(value_at(BODY, &["spec", "replicas"]), Some("3"));
        assert_eq!(text_at(BODY, &["metadata", "name"]).as_deref(), Some("web"));
        assert_eq!(text_at(BODY, &["spec", "replicas"]), None);
        for (text, path) in
            [(BODY, ["spec", "none"]), ("{", ["spec", "a"]), ("[]", ["a", "b"]), ("{\"a\":1", ["a", "b"])]
        {
            assert_eq!(value_at(text, &path), None, "{text} {path:?}");
        }
        let mut items = Vec::new();
        items_at(BODY, &["spec", "a"], &mut |item| items.push(item));
        assert_eq!(items, ["1", "{\"b\":2}"]);
    }

    #[test]
    fn tokens_without_what_is_left_out() {
        let told = |text: &str, without: &[&str]| {
            let mut told = String::new();
            let whole = tokens(text, without, &mut |token| {
                told.push_str(token);
                told.push(' ');
            });
            (told, whole)
        };
        assert_eq!(told(r#"{"a":[1,"x"],"b":null}"#, &["b"]), ("{ a [ 1 \"x\" ] } ".to_owned(), true));
        assert!(!told("[[[", &[]).1);
        assert!(!told(&"[".repeat(100_000), &[]).1, "depth is bounded");
    }
}

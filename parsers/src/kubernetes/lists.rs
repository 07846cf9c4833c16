//! Strings of the objects in lists of a body, such as `status.containerStatuses[].containerID`.
//!
//! Not here: the event around the body (`parse`).

use super::event::Text;
use super::json::{Cursor, JsonError, Shape};

/// Objects that are called back with at most.
const ITEMS_MAX: usize = 1_024;

/// Calls back with the name of the list and the strings of the members `names`, for each object in each of the lists `lists` of the object that is the member
/// `object` of a JSON text. Stops silently where the text is not of that shape, and after 1,024 objects.
pub fn lists_of<'a, const N: usize>(
    text: &'a str,
    object: &str,
    lists: &[&'static str],
    names: [&str; N],
    each: &mut dyn FnMut(&'static str, [Option<Text<'a>>; N]),
) {
    let mut cursor = Cursor::new(text);
    let mut left = ITEMS_MAX;
    // What was found before a text turned out not to be JSON is what there is.
    let _: Result<(), JsonError> = cursor.object(|cursor, name, _| {
        if name != object || cursor.shape()? != Shape::Object {
            return cursor.skip().map(drop);
        }
        cursor.object(|cursor, name, _| {
            let list = lists.iter().find(|list| **list == name);
            let Some(list) = list.filter(|_| matches!(cursor.shape(), Ok(Shape::Array))) else {
                return cursor.skip().map(drop);
            };
            cursor.array(|cursor| {
                if left == 0 || cursor.shape()? != Shape::Object {
                    return cursor.skip().map(drop);
                }
                left -= 1;
                let found = strings(cursor, names)?;
                each(list, found);
                Ok(())
            })
        })
    });
}

fn strings<'a, const N: usize>(cursor: &mut Cursor<'a>, names: [&str; N]) -> Result<[Option<Text<'a>>; N], JsonError> {
    let mut found = [const { None }; N];
    cursor.object(|cursor, name, _| -> Result<(), JsonError> {
        let slot = names.iter().position(|wanted| *wanted == name).and_then(|at| found.get_mut(at));
        match slot {
            Some(slot) if cursor.shape()? == Shape::Text => {
                let value = cursor.string()?;
                slot.get_or_insert(value);
            }
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &str)]) {
        let mut found = Vec::new();
        lists_of(text, "status", &["a", "b"], ["name", "id"], &mut |list, [name, id]| {
            found.push((list, name.unwrap_or_default().into_owned(), id.unwrap_or_default().into_owned()));
        });
        let found: Vec<(&str, &str, &str)> = found.iter().map(|(list, name, id)| (*list, &**name, &**id)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn objects_in_lists() {
        check(
            r#"{"x":{"a":[{"name":"no"}]},"status":{"a":[{"name":"app","state":{"id":"no"},"id":"c1"},7,{"id":"c2"}],"c":[{"name":"no"}],"b":[{"name":"i"}]}}"#,
            &[("a", "app", "c1"), ("a", "", "c2"), ("b", "i", "")],
        );
        for text in ["", "[]", "{", r#"{"status":[]}"#, r#"{"status":{"a":{}}}"#, r#"{"status":{"a":[{"name":1"#] {
            check(text, &[]);
        }
        check(r#"{"status":{"a":[{"name":"app"},{"#, &[("a", "app", "")]);
    }

    #[test]
    fn no_more_than_the_limit() {
        let items = vec![r#"{"name":"x"}"#; 3_000].join(",");
        let mut count = 0;
        lists_of(&format!(r#"{{"status":{{"a":[{items}]}}}}"#), "status", &["a"], ["name"], &mut |_, _| count += 1);
        assert_eq!(count, ITEMS_MAX);
    }
}

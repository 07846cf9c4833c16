//! YAML as far as Kubernetes' own files need it: one document of lists, maps and text, bounded.
//!
//! Anchors and aliases are refused, so that no few bytes become many. Not here: what the files mean (`policy`, `apiserver`, `logs`).

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Lists and maps within each other.
const DEPTH_MAX: usize = 64;
/// Values of a document.
const NODES_MAX: usize = 100_000;

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

impl Open {
    fn take(&mut self, value: Value) -> Result<(), String> {
        match self {
            Open::List(list) => list.push(value),
            Open::Map(map, key) => match (key.take(), value) {
                (None, Value::String(name)) => *key = Some(name),
                (None, _) => return Err("a key is not text".to_owned()),
                (Some(name), value) => {
                    if map.insert(name.clone(), value).is_some() {
                        return Err(format!("`{name}` stands there twice"));
                    }
                }
            },
        }
        Ok(())
    }
}

/// Reads the first document. All scalars are text, but for null.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    for (nodes, event) in Parser::new_from_str(text).enumerate() {
        if nodes > NODES_MAX || open.len() > DEPTH_MAX {
            return Err(format!("more than {NODES_MAX} values, or {DEPTH_MAX} of them within each other"));
        }
        let (event, span) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                return Err(format!("line {}: anchors (&) are not read", span.start.line()));
            }
            Event::Alias(_) => return Err(format!("line {}: aliases (*) are not read", span.start.line())),
            Event::Scalar(text, style, ..) => {
                let null = style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                if null { Value::Null } else { Value::String(text.into_owned()) }
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Value::Array(list),
                Some(Open::Map(map, _)) => Value::Object(map),
                None => continue,
            },
            Event::DocumentEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.take(done).map_err(|error| format!("line {}: {error}", span.start.line()))?,
            None => return Ok(done),
        }
    }
    Ok(Value::Null)
}

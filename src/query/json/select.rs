//! Keeps some fields of an event's JSON (`| fields a,b`), in the order of the contract.
//!
//! Not here: short names of fields (`index::fields`), which the caller has resolved.

use serde_json::{Map, Value};

/// A copy of the value with only the given paths. A path to an object or a list keeps all of it; a path goes into every item of a list
/// (`issues.kind`). What nothing is left of is left out.
pub fn keep(value: &Value, paths: &[String]) -> Value {
    let paths: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    some(value, &paths).unwrap_or_else(|| Value::Object(Map::new()))
}

fn some(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(parts) => {
            let mut kept = Map::new();
            for (name, part) in parts {
                let below: Vec<&[&str]> = paths
                    .iter()
                    .filter_map(|path| path.split_first().and_then(|(first, rest)| (first == name).then_some(rest)))
                    .collect();
                if !below.is_empty()
                    && let Some(part) = some(part, &below)
                {
                    kept.insert(name.clone(), part);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(|item| some(item, paths)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        _ => None,
    }
}

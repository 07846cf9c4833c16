//! The table of rules as JSON, for `rules` and for the endpoint.
//!
//! Not here: the table (`correlate::rules`), the pages (`docs/rules/`).

use crate::correlate::rules::{FINDINGS, RULES};
use serde_json::{Value, json};

/// One object a rule, from the request to the process, and one a finding.
pub fn rules_json() -> Value {
    let mut rows: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            let mut row = json!({
                "rule": rule.name, "version": rule.version, "title": rule.title, "sources": rule.sources,
                "keys": rule.keys, "best": rule.best.name(),
            });
            if let (Some(row), Some(horizon)) = (row.as_object_mut(), rule.horizon_ms) {
                row.insert("horizon_ms".to_owned(), horizon.into());
            }
            row
        })
        .collect();
    rows.extend(FINDINGS.iter().map(|(name, title)| json!({ "finding": name, "title": title })));
    Value::Array(rows)
}

//! A finding as it is told: its line, and every event that it is about.
//!
//! Not here: what is found (`captures`, `token` and the others), findings of single events (`correlate`).

use crate::correlate::rules::FINDINGS;
use crate::model::EventId;
use serde_json::Value;

/// A finding. The line names the first events that it is about; `events` are more of them, for questions about events with a finding.
#[derive(Debug)]
pub struct Told {
    /// As JSON, `docs/links.md`.
    pub line: Value,
    /// All events that it is about, as far as they are kept.
    pub events: Vec<EventId>,
}

impl Told {
    /// With its events.
    pub fn of(line: Value, events: &[EventId]) -> Told {
        Told { line, events: events.to_vec() }
    }

    /// Its name; `None` for a line that says a limit.
    pub fn name(&self) -> Option<&'static str> {
        let name = self.line.get("finding").and_then(Value::as_str)?;
        FINDINGS.iter().map(|(known, _)| *known).find(|known| *known == name)
    }
}

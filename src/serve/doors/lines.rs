//! Lines and documents on their way into drafts, each under its kind; a line of an application gets the head that a container's runtime would give it.
//!
//! `{"user":"alice"}` becomes `2026-11-24T17:30:00Z stdout F {"user":"alice"}`: its own bytes behind a time, which is its own where it has one of the usual names, else that of its
//! reception. So `normalise` reads it as it reads every application's. Not here: bodies (`http`).

use super::intake::{Intake, Undelivered, cut, messages};
use crate::evidence::{Door, Draft};
use crate::model::{Moment, RecordKind};
use crate::source::Messages;
use crate::time::rfc3339;
use deponent_parsers::kubernetes::Stamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Times as lines name them, the best first.
#[derive(Deserialize)]
struct Times<'a> {
    #[serde(borrow, rename = "@timestamp")]
    elastic: Option<&'a RawValue>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    ts: Option<&'a RawValue>,
    #[serde(borrow)]
    timereported: Option<&'a RawValue>,
}

/// When a line says that it was written.
fn time_of(line: &[u8]) -> Option<Moment> {
    let times: Times<'_> = serde_json::from_slice(line).ok()?;
    let all = [times.elastic, times.time, times.timestamp, times.ts, times.timereported];
    all.into_iter().flatten().find_map(|raw| {
        let text: String = serde_json::from_str(raw.get()).ok()?;
        let Stamp { nanos, digits } = Stamp::parse(&text)?;
        Some(Moment { nanos, digits })
    })
}

/// Records of one request.
pub struct Lines<'a> {
    intake: &'a Intake,
    door: Door,
    peer: &'a str,
    kinds: Vec<(Option<RecordKind>, Messages)>,
}

impl Lines<'_> {
    /// None yet.
    pub fn new<'a>(intake: &'a Intake, door: Door, peer: &'a str) -> Lines<'a> {
        Lines { intake, door, peer, kinds: Vec::new() }
    }

    /// Adds a line without its end. `kind`: `None` for an application's.
    pub fn push(&mut self, kind: Option<RecordKind>, line: &[u8]) -> Result<(), Undelivered> {
        self.push_at(kind, if kind.is_none() { time_of(line) } else { None }, line)
    }

    /// Likewise, of a line whose time is known, or is that of its reception.
    pub fn push_at(&mut self, kind: Option<RecordKind>, time: Option<Moment>, line: &[u8]) -> Result<(), Undelivered> {
        let time = || time.unwrap_or_else(|| (self.intake.clock)());
        let head = kind.is_none().then(|| format!("{} stdout F ", rfc3339(time())));
        let at = match self.kinds.iter().position(|(known, _)| *known == kind) {
            Some(at) => at,
            None => {
                let label = self.intake.label(self.door, kind.unwrap_or(RecordKind::Container), self.peer, None);
                self.kinds.push((kind, messages(label)?));
                self.kinds.len() - 1
            }
        };
        if let Some((_, messages)) = self.kinds.get_mut(at) {
            messages.push(&[head.as_deref().unwrap_or_default().as_bytes(), line, b"\n"]);
        }
        Ok(())
    }

    /// All of them.
    pub fn drafts(self) -> Vec<Draft> {
        self.kinds.into_iter().flat_map(|(_, mut messages)| messages.take()).collect()
    }
}

/// The records of a text of one kind: cut as a file of that kind is.
pub fn text(
    intake: &Intake,
    door: Door,
    peer: &str,
    kind: Option<RecordKind>,
    text: &[u8],
) -> Result<Vec<Draft>, Undelivered> {
    if let Some(kind) = kind {
        return cut(intake.label(door, kind, peer, None), text);
    }
    let mut lines = Lines::new(intake, door, peer);
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.trim_ascii().is_empty() {
            lines.push(None, line)?;
        }
    }
    Ok(lines.drafts())
}

#[cfg(test)]
mod tests {
    use super::time_of;

    #[test]
    fn a_line_has_its_own_time() {
        for (line, nanos) in [
            (r#"{"ts":"1970-01-01T00:00:02Z","@timestamp":"1970-01-01T00:00:01.5+00:00"}"#, Some(1_500_000_000)),
            (r#"{"ts":3,"time":"x","timereported":"1970-01-01T01:00:02+01:00"}"#, Some(2_000_000_000)),
            (r#"{"a":{"time":"1970-01-01T00:00:02Z"}}"#, None),
            (r#"{"time":"1970-01-01T00:00:02Z","time":"1970-01-01T00:00:03Z"}"#, None),
            ("text", None),
        ] {
            assert_eq!(time_of(line.as_bytes()).map(|time| time.nanos), nanos, "{line}");
        }
    }
}

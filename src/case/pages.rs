//! What people read in a case: the page of a testimony, the list of the events.
//!
//! Both follow from the testimonies and the manifest, so that whoever checks a case makes them again. Not here: the words (`render`).

use super::manifest::Manifest;
use crate::query::LinkedKind;
use crate::render::{Form, Look, Safe, Style, renderer_of_linked, sentence};
use crate::time::{Zone, rfc3339};
use serde_json::Value;
use std::fmt::Write;
use std::io;

fn look() -> Look {
    Look { style: Style { on: false }, width: 0, zone: Zone::default(), fields: None }
}

/// A testimony in a form, as `testify` writes it.
///
/// # Errors
/// A renderer's.
pub fn testimony(form: Form, line: &Value) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(mut renderer) = renderer_of_linked(LinkedKind::Testify, form, look()) {
        renderer.event(&mut out, line)?;
        renderer.finish(&mut out)?;
    }
    Ok(out)
}

/// A line about an event, with what it is ordered by.
pub type Line = (i64, String, String);

/// The line about an event.
pub fn line(event: &Value) -> Line {
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
    let when = crate::query::window_around(std::slice::from_ref(event), 0).map_or(i64::MIN, |(from, _)| from);
    (when, id.to_owned(), format!("{}  {}", Safe(id), sentence(event, &look())))
}

/// `events.txt`.
pub fn events(manifest: &Manifest, mut lines: Vec<Line>) -> String {
    lines.sort();
    let (asked, counts, log) = (&manifest.asked, &manifest.counts, &manifest.log);
    let mut text = String::new();
    let mut put = |line: String| {
        let _never = writeln!(text, "{line}");
    };
    put(format!("Case: {}", Safe(manifest.title.as_deref().unwrap_or("(no title)"))));
    for id in &asked.ids {
        put(format!("Asked for: event {}", Safe(id)));
    }
    if let Some(query) = &asked.query {
        let end = |word: &str, end: &Option<String>| end.as_ref().map_or(String::new(), |at| format!(", {word} {at}"));
        let (since, until) = (end("since", &asked.since), end("until", &asked.until));
        put(format!("Asked for: what the query {} finds{since}{until} (zone {})", Safe(query), Safe(&asked.zone)));
        put(match counts.left_out {
            0 => format!("It matched {} events: all are here.", counts.matched),
            left_out => format!(
                "It matched {} events. The limit was {}: the oldest are here, and {left_out} ARE LEFT OUT.",
                counts.matched, asked.limit
            ),
        });
    }
    put(format!("Log: {} of {} entries, root {}", Safe(&log.origin), log.size, Safe(&log.root)));
    if log.indexed < log.size {
        put(format!("Only its first {} entries were searched.", log.indexed));
    }
    put(format!(
        "{} gaps of the log are known; {} findings in the time from {} to {}.",
        counts.gaps, counts.findings, manifest.covered.from, manifest.covered.to
    ));
    put(String::new());
    lines.into_iter().for_each(|(_, _, line)| put(line));
    text
}

/// A time in ns, as it is written.
pub fn time(nanos: i64) -> String {
    rfc3339(crate::model::Moment { nanos, digits: 9 })
}

//! etcd's log, in each form that it had: zap's JSON (3.5 and later), capnslog's text (before), and the lines that its raft library wrote into the latter.
//!
//! `{"level":"info","ts":"2026-11-23T20:57:38.781871Z","caller":"etcdmain/etcd.go:73","msg":"…",…}`, `2026-11-23 20:57:38.781871 I | etcdmain: …`,
//! `raft2026/11/23 20:57:38 INFO: …`.
//! Inside: `text` (the two text forms), `origin` (which lines are surely etcd's). Not here: what a line means (`deponent::normalise`).

mod origin;
#[cfg(test)]
mod tests;
mod text;

use crate::flat::{flat, take};
use crate::klog;
use crate::line::{Line, moment};

pub use origin::is_line;

/// Name of the field with the package that wrote a line of text.
pub const PACKAGE: &str = "package";

/// What a line says; `None` when it is none, or has no readable time. Members of members are fields under their path.
pub fn parse(line: &str) -> Option<Line<'_>> {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.starts_with('{') { json(line) } else { text::read(line) }
}

fn json(line: &str) -> Option<Line<'_>> {
    let mut fields = flat(line).ok()?.fields;
    let message = take(&mut fields, "msg")?;
    let stamp = take(&mut fields, "ts")?;
    // The first versions with zap wrote seconds since 1970.
    let time = moment(&stamp).or_else(|| klog::moment(&stamp).map(|(time, _)| time))?;
    let level = take(&mut fields, "level").unwrap_or_default();
    Some(Line { time, level, message, fields })
}

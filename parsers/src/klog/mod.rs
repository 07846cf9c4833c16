//! klog: the log format of the kubelet and of the control plane, as text or JSON; a message of several lines is one record.
//!
//! `I1123 20:59:00.500415   22147 cpu_manager.go:313] "Added Container" pod="shop/web-1" …` or `{"ts":1795467465318.286,"caller":"…","msg":"…",…}`.
//! Inside: `text` and `json` read the two forms, `values` times and the ends of values, `component` tells whose line it is,
//! `lost` reads the audit events that the API server says it lost.
//! Not here: Go's strings (`line`), what a line means (`deponent::normalise`).

mod component;
mod json;
mod lost;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::borrow::Cow;

use crate::issue::Issue;
use crate::line::{Line, text_of};

pub use component::{Component, component};
pub use lost::{Lost, read as lost};
pub(crate) use values::{moment, of_day};

/// Name of the field that holds what of a line could not be taken apart.
pub const REST: &str = "text";

/// A line, and what of it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What it says.
    pub line: Line<'a>,
    /// Its oddities, by place in the line.
    pub issues: Vec<Issue>,
}

/// Why a text is no line of klog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotALine {
    /// It does not begin as one: it may go on with a message of several lines.
    #[error(
        "no line of klog: it begins with neither a level, a time, a thread and a source file, nor is it a JSON object with `ts` and `msg`"
    )]
    Shape,
    /// It begins as one, with a time that does not exist.
    #[error("a line of klog whose time cannot be read: {0}")]
    Time(&'static str),
}

/// Reads a line; blanks around it do not matter.
///
/// # Errors
/// When it is none, or has no readable time.
pub fn read(line: &str) -> Result<Reading<'_>, NotALine> {
    let line = line.trim();
    let mut reading = if line.starts_with('{') { json::read(line)? } else { text::read(line)? };
    reading.issues.extend(repeated(&reading.line));
    Ok(reading)
}

/// What a line says; `None` when it is none, or has no readable time.
pub fn parse(line: &str) -> Option<Line<'_>> {
    read(line).ok().map(|reading| reading.line)
}

/// The bytes of a line as text: what is no UTF-8 as `\xNN`, within JSON so that it is that after decoding.
pub fn text(line: &[u8]) -> Cow<'_, str> {
    if !line.starts_with(b"{") || std::str::from_utf8(line).is_ok() {
        return text_of(line);
    }
    let mut whole = String::with_capacity(line.len().saturating_add(16));
    for chunk in line.utf8_chunks() {
        whole.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| whole.push_str(&format!("\\\\x{byte:02X}")));
    }
    Cow::Owned(whole)
}

/// Names that stand in a line more than once: the first counts.
fn repeated(line: &Line<'_>) -> Option<Issue> {
    let names = line.fields.iter().enumerate();
    let twice = |at: usize, name: &str| line.fields.iter().take(at).any(|(other, _)| other == name);
    let (_, (name, _)) = names.into_iter().find(|(at, (name, _))| name != REST && twice(*at, name))?;
    Some(Issue::new("repeated-field", 0, format!("`{name}` stands there more than once: the first one counts")))
}

//! A testimony as a document: its blocks in order, the same for every form.
//!
//! Every text in a block has been made visible (`safe`): control characters, bidi controls and the like are spelled out. What a form takes for markup, it
//! escapes itself (`text`, `markdown`, `html`). Not here: what is said (`mod`).

use crate::render::Paint;

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// The title of the document.
    Title(String),
    /// A section begins.
    Heading(String),
    /// A paragraph.
    Say(String),
    /// A paragraph that the eye should meet first.
    Verdict(Paint, String),
    /// A labelled line under a paragraph; the paint is that of its first word.
    Note(&'static str, Option<Paint>, String),
    /// One of a list.
    Item(String),
    /// One of a numbered list, with lines under it.
    Step(usize, String, Vec<String>),
    /// A line to be typed, or with hashes.
    Code(String),
    /// Text to be copied as it is, line by line.
    Copy(String),
}

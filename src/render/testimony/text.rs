//! A testimony as plain text.
//!
//! Not here: what is said (`mod`).

use super::document::Block;
use crate::render::{Paint, Style};
use std::io::{self, Write};

/// Writes the blocks.
pub(super) fn write(out: &mut dyn Write, blocks: &[Block], style: &Style) -> io::Result<()> {
    for block in blocks {
        match block {
            Block::Title(text) => writeln!(out, "{}", style.paint(Paint::Heading, text))?,
            Block::Heading(text) => writeln!(out, "\n{}", style.paint(Paint::Heading, text))?,
            Block::Say(text) => writeln!(out, "  {text}")?,
            Block::Verdict(paint, text) => writeln!(out, "\nIn one line: {}", style.paint(*paint, text))?,
            Block::Note(label, None, text) => writeln!(out, "  {label}: {text}")?,
            Block::Note(label, Some(paint), text) => {
                let (first, rest) = text.split_at(text.find([',', '.', ' ']).unwrap_or(text.len()));
                writeln!(out, "  {label}: {}{rest}", style.paint(*paint, first))?;
            }
            Block::Item(text) => writeln!(out, "  - {text}")?,
            Block::Step(number, text, lines) => {
                writeln!(out, "{number:>3}. {text}")?;
                for line in lines {
                    writeln!(out, "     {line}")?;
                }
            }
            Block::Code(text) => writeln!(out, "    {text}")?,
            Block::Copy(text) => {
                for line in text.lines() {
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    Ok(())
}

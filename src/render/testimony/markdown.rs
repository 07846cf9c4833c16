//! A testimony as Markdown (CommonMark, and GitHub's).
//!
//! A word of which a reader of Markdown could make anything but a word stands in a code span, in which nothing has a meaning: markup, HTML, and the links that
//! some readers make of addresses, domains and mail addresses. Not here: what is said (`mod`).

use super::document::Block;
use std::io::{self, Write};

/// Writes the blocks.
pub(super) fn write(out: &mut dyn Write, blocks: &[Block]) -> io::Result<()> {
    for block in blocks {
        match block {
            Block::Title(text) => writeln!(out, "# {}\n", escaped(text))?,
            Block::Heading(text) => writeln!(out, "\n## {}\n", escaped(text))?,
            Block::Say(text) => writeln!(out, "{}\n", escaped(text))?,
            Block::Verdict(_, text) => writeln!(out, "**In one line:** {}\n", escaped(text))?,
            Block::Note(label, _, text) => writeln!(out, "* *{label}:* {}", escaped(text))?,
            Block::Item(text) => writeln!(out, "* {}", escaped(text))?,
            Block::Step(number, text, lines) => {
                writeln!(out, "{number}. {}", escaped(text))?;
                for line in lines {
                    writeln!(out, "    * {}", escaped(line))?;
                }
            }
            Block::Code(text) => writeln!(out, "* {}", span(text))?,
            Block::Copy(text) => {
                let fence = "`".repeat(longest_ticks(text).max(2) + 1);
                writeln!(out, "\n{fence}text")?;
                for line in text.lines() {
                    writeln!(out, "{line}")?;
                }
                writeln!(out, "{fence}\n")?;
            }
        }
    }
    Ok(())
}

/// A text in which no word is more than a word.
fn escaped(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .enumerate()
        .map(|(number, word)| if is_plain(word, number == 0) { word.to_owned() } else { span(word) })
        .collect();
    // A paragraph of nothing would end its list.
    if words.is_empty() { "—".to_owned() } else { words.join(" ") }
}

/// Whether nobody makes anything of a word.
fn is_plain(word: &str, first: bool) -> bool {
    let bare = word.trim_end_matches([',', ';', '.', ':', '?', ')']).trim_start_matches('(');
    let letters = |c: char| c.is_alphanumeric() || c == '-' || c == '\'';
    let is_rule = !bare.is_empty() && bare.chars().all(|c| c == '-');
    // `1.` and `1)` begin a list.
    let is_number = first && bare != word && !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit());
    bare.chars().all(letters) && !bare.is_empty() && !is_rule && !is_number
}

/// The longest run of backticks.
fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A code span: one backtick more than any run within it.
fn span(text: &str) -> String {
    let ticks = "`".repeat(longest_ticks(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_no_more_than_a_word() {
        for (text, expected) in [
            ("The name is told (STRONG), here.", "The name is told (STRONG), here."),
            ("by rule session-exec", "by rule session-exec"),
            ("alice@example.com did it", "`alice@example.com` did it"),
            ("www.evil.com http://evil.com evil.com", "`www.evil.com` `http://evil.com` `evil.com`"),
            ("[a](b) <b>x</b> *x* _x_ ![i](j)", "`[a](b)` `<b>x</b>` `*x*` `_x_` `![i](j)`"),
            ("1. first", "`1.` first"),
            ("- x", "`-` x"),
            ("--- x", "`---` x"),
            ("# x > y | z", "`#` x `>` y `|` z"),
            ("a`b ``c", "``a`b`` ``` ``c ```"),
            ("", "—"),
            ("&lt;script&gt; mailto:a", "`&lt;script&gt;` `mailto:a`"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }

    #[test]
    fn a_block_to_copy_ends_where_it_ends() {
        let mut out = Vec::new();
        write(&mut out, &[Block::Copy("````\n# x".to_owned())]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "\n`````text\n````\n# x\n`````\n\n");
    }
}

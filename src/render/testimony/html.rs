//! A testimony as one HTML file: no scripts, nothing from elsewhere, ready to be printed.
//!
//! Every text is escaped, and the policy in the head allows nothing but the one style sheet, named by its hash. Not here: what is said (`mod`).

use super::document::Block;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

const STYLE: &str = "\
:root{color-scheme:light}\
body{font:16px/1.5 Georgia,'Times New Roman',serif;max-width:46em;margin:2em auto;padding:0 1em;color:#111;background:#fff}\
h1,h2{line-height:1.2;break-after:avoid}\
p,li,dd,pre{unicode-bidi:isolate;overflow-wrap:anywhere}\
.verdict{border:1px solid #111;padding:.6em 1em;font-weight:bold}\
.note{margin:.1em 0 .1em 1.5em;font-size:90%}\
ol.under,ul.under{font-size:90%}\
code,pre{font:13px/1.4 monospace;white-space:pre-wrap;overflow-wrap:anywhere}\
@media print{body{margin:0;max-width:none;font-size:11pt}code,pre{font-size:8pt}}\
@page{margin:2cm}";

/// Writes the blocks.
pub(super) fn write(out: &mut dyn Write, blocks: &[Block]) -> io::Result<()> {
    let title = blocks.iter().find_map(|block| if let Block::Title(text) = block { Some(text.as_str()) } else { None });
    let hash = data_encoding::BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        escaped(title.unwrap_or("Testimony"))
    )?;
    let mut open = None;
    for block in blocks {
        let list = match block {
            Block::Item(_) | Block::Code(_) => Some("ul"),
            Block::Step(..) => Some("ol"),
            _ => None,
        };
        if open != list {
            if let Some(open) = open {
                writeln!(out, "</{open}>")?;
            }
            if let Some(list) = list {
                writeln!(out, "<{list}>")?;
            }
            open = list;
        }
        one(out, block)?;
    }
    if let Some(open) = open {
        writeln!(out, "</{open}>")?;
    }
    writeln!(out, "</body>\n</html>")
}

fn one(out: &mut dyn Write, block: &Block) -> io::Result<()> {
    match block {
        Block::Title(text) => writeln!(out, "<h1>{}</h1>", escaped(text)),
        Block::Heading(text) => writeln!(out, "<h2>{}</h2>", escaped(text)),
        Block::Say(text) => writeln!(out, "<p>{}</p>", escaped(text)),
        Block::Verdict(_, text) => writeln!(out, "<p class=\"verdict\">{}</p>", escaped(text)),
        Block::Note(label, _, text) => writeln!(out, "<p class=\"note\"><em>{label}:</em> {}</p>", escaped(text)),
        Block::Item(text) => writeln!(out, "<li>{}</li>", escaped(text)),
        Block::Step(number, text, lines) => {
            writeln!(out, "<li value=\"{number}\">{}", escaped(text))?;
            if !lines.is_empty() {
                writeln!(out, "<ul class=\"under\">")?;
                for line in lines {
                    writeln!(out, "<li>{}</li>", escaped(line))?;
                }
                writeln!(out, "</ul>")?;
            }
            writeln!(out, "</li>")
        }
        Block::Code(text) => writeln!(out, "<li><code>{}</code></li>", escaped(text)),
        Block::Copy(text) => writeln!(out, "<pre>{}</pre>", escaped(text)),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup() {
        let evil = "</pre><script>alert(1)</script>\" onload='x' &amp;";
        let blocks = [
            Block::Title(evil.to_owned()),
            Block::Heading(evil.to_owned()),
            Block::Say(evil.to_owned()),
            Block::Verdict(crate::render::Paint::Good, evil.to_owned()),
            Block::Note("Grade", None, evil.to_owned()),
            Block::Item(evil.to_owned()),
            Block::Step(1, evil.to_owned(), vec![evil.to_owned()]),
            Block::Code(evil.to_owned()),
            Block::Copy(evil.to_owned()),
        ];
        let mut out = Vec::new();
        write(&mut out, &blocks).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("<script") && !text.contains("</pre><"), "{text}");
        assert_eq!(
            text.matches("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;amp;").count(),
            11
        );
        assert_eq!(text.matches("<ul").count(), text.matches("</ul>").count());
        assert_eq!(text.matches("<ol").count(), text.matches("</ol>").count());
    }
}

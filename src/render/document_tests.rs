//! Hostile text in testimonies as documents: Markdown and HTML.
//!
//! Not here: testimonies as text, and the samples (`linked_tests`).

use super::linked_tests::{ambiguous, credential, infected, render, testimony};
use super::*;
use serde_json::json;

/// No text of a testimony, whatever it is, is anything but text in a document.
#[test]
fn hostile_text_stays_text_in_documents() {
    let evils = [
        "</pre></p><script>alert(1)</script><img src=x onerror=y>",
        "[x](javascript:alert)![i](http://evil.example/a.png) www.evil.example <http://evil.example>",
        "a\n\n# Heading\n\n* item\n\n```\n</script>",
        "\u{1b}[31mred\u{1b}[0m\u{202e}gnp\u{2066}\u{200b}\r\n",
        "` `` ``` | **bold** _em_ ~~s~~ &lt;b&gt;",
    ];
    for evil in evils {
        for chain in [credential("STRONG"), ambiguous(&["a", "b"])] {
            let mut told = infected(&testimony("STRONG", chain), evil);
            told["testimony"]["grounds"] =
                json!([{ "of": evil, "chain": told["testimony"]["chain"], "root": told["testimony"]["root"] }]);
            let html = render(LinkedKind::Testify, Form::Html, std::slice::from_ref(&told));
            let ours = html.split("</head>").nth(1).unwrap();
            for tag in ours.split('<').skip(1) {
                let name = tag.split(['>', ' ']).next().unwrap();
                let known = [
                    "body", "/body", "/html", "h1", "/h1", "h2", "/h2", "p", "/p", "em", "/em", "ol", "/ol", "ul",
                    "/ul", "li", "/li", "code", "/code", "pre", "/pre",
                ];
                assert!(known.contains(&name), "<{name} in {ours}");
            }
            assert!(!ours.contains("onerror=y>"), "{ours}");
            let markdown = render(LinkedKind::Testify, Form::Md, std::slice::from_ref(&told));
            for (text, form) in [(&html, "html"), (&markdown, "md")] {
                assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{2066}', '\u{200b}', '\r']), "{form}: {text}");
            }
            // Outside of code spans and of what is fenced, nothing that Markdown or a reader of it makes anything of.
            let mut fence: Option<String> = None;
            for line in markdown.lines() {
                let ticks: String = line.chars().take_while(|c| *c == '`').collect();
                match &fence {
                    Some(open) if *open == line => fence = None,
                    Some(_) => {}
                    None if ticks.len() >= 3 && line.strip_prefix(&ticks) == Some("text") => fence = Some(ticks),
                    None => {
                        let outside = without_code(line);
                        assert!(!outside.contains(['<', '>', '[', ']', '`', '|', '~', '&', '_']), "{line}");
                        assert!(!outside.contains("www.") && !outside.contains("://"), "{line}");
                        assert!(
                            !outside.starts_with('#') || line.starts_with("# Testimony") || line.starts_with("## "),
                            "{line}"
                        );
                    }
                }
            }
            assert_eq!(fence, None);
        }
    }
}

/// A line of Markdown without its code spans.
fn without_code(line: &str) -> String {
    let (mut rest, mut outside) = (line, String::new());
    while let Some(at) = rest.find('`') {
        let (before, behind) = rest.split_at(at);
        outside.push_str(before);
        let ticks: String = behind.chars().take_while(|c| *c == '`').collect();
        let inside = &behind[ticks.len()..];
        let end = inside
            .match_indices(&ticks)
            .find(|(at, _)| !inside[at + ticks.len()..].starts_with('`') && !inside[..*at].ends_with('`'));
        let Some((end, _)) = end else { return outside + behind };
        rest = &inside[end + ticks.len()..];
    }
    outside + rest
}

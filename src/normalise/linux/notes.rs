//! What is odd about an event, collected on the way; and the text of values, where bytes that are not UTF-8 are noted.

use deponent_parsers::linux;

use crate::model::{EventIssue, Str};

/// The most issues that one event carries; the rest is counted.
const ISSUES_MAX: usize = 256;
/// The longest detail, in bytes.
const DETAIL_BYTES_MAX: usize = 512;

/// The issues of one event.
#[derive(Debug, Default)]
pub(super) struct Notes {
    issues: Vec<EventIssue>,
    dropped: usize,
}

impl Notes {
    /// Notes one issue.
    pub fn add(&mut self, kind: &str, detail: impl Into<String>) {
        // More than the limit are kept while collecting, so that the limit does not depend on the order.
        let mut detail: String = detail.into();
        if detail.len() > DETAIL_BYTES_MAX {
            let cut = (0..=DETAIL_BYTES_MAX).rev().find(|&at| detail.is_char_boundary(at)).unwrap_or(0);
            detail.truncate(cut);
            detail.push('…');
        }
        if self.issues.len() >= ISSUES_MAX * 64 {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.issues.push(EventIssue { kind: Str::new(kind), detail: Str::from(detail) });
    }

    /// The text of bytes; bytes that are not UTF-8 become `\xNN`, and are noted.
    pub fn text(&mut self, of: &str, bytes: &[u8]) -> Str {
        self.text_of(|| of.to_owned(), bytes)
    }

    /// The same, where what it is the text of has to be written first.
    pub fn text_of(&mut self, of: impl FnOnce() -> String, bytes: &[u8]) -> Str {
        let (text, bad) = linux::text(bytes);
        if bad {
            let of = of();
            self.add("not-utf8", format!("{of} has bytes that are not UTF-8, shown as \\xNN: {text}"));
        }
        Str::from(text)
    }

    /// All issues, sorted, each once.
    pub fn into_issues(mut self) -> Vec<EventIssue> {
        self.issues.sort_unstable();
        self.issues.dedup();
        let more = self.issues.len().saturating_sub(ISSUES_MAX).saturating_add(self.dropped);
        if more > 0 {
            self.issues.truncate(ISSUES_MAX);
            let detail = Str::from(format!("{more} further issues are not listed"));
            self.issues.push(EventIssue { kind: Str::new("more-issues"), detail });
        }
        self.issues
    }
}

//! What of a record could not be read, or contradicts itself.

/// One oddity of a record. Parsing never fails as a whole: it returns what could be read, and these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// A short fixed name, countable: `folded-line`, `unknown-arch`, …
    pub kind: &'static str,
    /// Byte offset in the record.
    pub at: usize,
    /// What exactly, with the value met.
    pub detail: String,
}

impl Issue {
    /// An issue of `kind` at byte `at`.
    pub fn new(kind: &'static str, at: usize, detail: impl Into<String>) -> Issue {
        Issue { kind, at, detail: detail.into() }
    }
}

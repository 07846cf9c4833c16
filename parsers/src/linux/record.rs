//! One record: its header, the kernel's fields, and auditd's enrichment behind the first 0x1d, kept apart.
//!
//! Not here: the fields one by one (`fields`), records of one event (`deponent::normalise::linux`).

use std::borrow::Cow;
use std::ops::Range;

use super::fields::Fields;
use super::fold::{Folds, unfold};
use super::header::{Header, Headers, NotARecord};
use super::types::canonical_type;
use crate::issue::Issue;

/// The byte between the kernel's part of a record and what auditd adds to it.
const ENRICHMENT: u8 = 0x1d;

/// One line of the audit log, read without copying unless it was folded.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// What identifies it.
    pub header: Header<'a>,
    /// The fields as the kernel (for `DAEMON_*`: auditd) wrote them, without line end and outer spaces.
    pub kernel: Cow<'a, [u8]>,
    /// auditd's enrichment: names that it looked up on its node. Empty in RAW logs.
    pub enriched: Cow<'a, [u8]>,
    /// Offset of the body in the line.
    body_at: usize,
    /// Offsets of the two parts in the unfolded body.
    kernel_at: usize,
    enriched_at: usize,
    folds: Folds,
}

impl<'a> Record<'a> {
    /// Reads one line, its line end included or not.
    ///
    /// # Errors
    /// `NotARecord` when the line does not identify itself. Anything else that cannot be read is an issue.
    pub fn parse(bytes: &'a [u8]) -> Result<Record<'a>, NotARecord> {
        Record::parse_next(&mut Headers::default(), bytes)
    }

    /// The same, of one line of many.
    ///
    /// # Errors
    /// As `parse`.
    pub fn parse_next(headers: &mut Headers, bytes: &'a [u8]) -> Result<Record<'a>, NotARecord> {
        let header = headers.read(bytes)?;
        let body_at = header.body;
        let (body, folds) = unfold(bytes.get(body_at..).unwrap_or_default().trim_ascii_end());
        let split = memchr::memchr(ENRICHMENT, &body);
        let kernel = trim(&body, 0, split.unwrap_or(body.len()));
        let enriched = split.map_or(body.len()..body.len(), |at| trim(&body, at + 1, body.len()));
        let (kernel_at, enriched_at) = (kernel.start, enriched.start);
        let part = |range: Range<usize>| match &body {
            Cow::Borrowed(body) => Cow::Borrowed(body.get(range).unwrap_or_default()),
            Cow::Owned(body) => Cow::Owned(body.get(range).unwrap_or_default().to_vec()),
        };
        let (kernel, enriched) = (part(kernel), part(enriched));
        Ok(Record { header, kernel, enriched, body_at, kernel_at, enriched_at, folds })
    }

    /// The name of the record's type: `PROCTITLE` also for `UNKNOWN[1327]`; `UNKNOWN` where the line has none.
    #[inline]
    pub fn type_name(&self) -> &str {
        match canonical_type(&self.header.record_type) {
            "" => "UNKNOWN",
            name => name,
        }
    }

    /// The kernel's fields in their order, those of `msg='…'` included.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(&self.kernel)
    }

    /// auditd's fields in their order.
    pub fn enriched_fields(&self) -> Fields<'_> {
        Fields::enriched(&self.enriched)
    }

    /// Whether `issues` has anything to say.
    pub fn is_odd(&self) -> bool {
        self.header.digits != 3
            || self.header.record_type.is_empty()
            || self.header.is_folded()
            || self.folds.count() > 0
    }

    /// What is odd about the line itself: folds, an unusual time.
    pub fn issues(&self) -> Vec<Issue> {
        let mut issues = Vec::new();
        let in_header = self.header.is_folded();
        let folds = self.folds.count();
        if folds > 0 || in_header {
            let place = if in_header { ", the header among them" } else { "" };
            let detail = format!("{}: {folds} folds with backslash and line end removed{place}", self.type_name());
            issues.push(Issue::new("folded-line", self.header.body, detail));
        }
        if self.header.digits != 3 {
            let digits = self.header.millis / 10_000_000_000;
            let detail = format!("{}: {digits} digits of the second, where the kernel writes 3", self.type_name());
            issues.push(Issue::new("unusual-time", 0, detail));
        }
        if self.header.record_type.is_empty() {
            issues.push(Issue::new("no-type", 0, "the line begins with audit(, without a record type"));
        }
        issues
    }

    /// The offset in the line of an offset in `kernel`.
    pub fn kernel_offset(&self, at: usize) -> usize {
        self.body_at + self.folds.raw(self.kernel_at + at)
    }

    /// The offset in the line of an offset in `enriched`.
    pub fn enriched_offset(&self, at: usize) -> usize {
        self.body_at + self.folds.raw(self.enriched_at + at)
    }
}

/// Reads one line whole: the record and all that is odd about it and its fields, with offsets into the line.
///
/// # Errors
/// As `Record::parse`.
pub fn parse(bytes: &[u8]) -> Result<(Record<'_>, Vec<Issue>), NotARecord> {
    let record = Record::parse(bytes)?;
    let mut issues = record.issues();
    let mut fields = record.fields();
    fields.by_ref().for_each(drop);
    issues.extend(fields.into_issues().into_iter().map(|i| Issue { at: record.kernel_offset(i.at), ..i }));
    let mut enriched = record.enriched_fields();
    enriched.by_ref().for_each(drop);
    issues.extend(enriched.into_issues().into_iter().map(|i| Issue { at: record.enriched_offset(i.at), ..i }));
    Ok((record, issues))
}

/// Where a part of the body is, without outer spaces; the colon behind `audit(…)` goes too.
fn trim(body: &[u8], from: usize, to: usize) -> Range<usize> {
    let part = body.get(from..to).unwrap_or_default();
    let part = if from == 0 { part.strip_prefix(b":").unwrap_or(part) } else { part };
    let inner = part.trim_ascii_start();
    let start = to - inner.len();
    start..start + inner.trim_ascii_end().len()
}

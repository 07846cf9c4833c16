//! The lines of a proof file, one after the other, each refused with its number and what was expected there.
//!
//! Not here: which lines there are (`proof`, `tlog_proof`).

use data_encoding::BASE64;

use super::note::shortened;
use super::proof_error::ProofError;

/// A place in the text.
pub(super) struct Lines<'a> {
    rest: &'a str,
    /// Number of the line that was read last, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    /// The text not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// The next line without its LF; nothing at the end, and where the last line is not ended.
    pub(super) fn peek(&self) -> Option<&'a str> {
        self.rest.split_once('\n').map(|(line, _)| line)
    }

    fn wrong(&self, expected: &'static str, found: &str) -> ProofError {
        ProofError::Line { line: self.number, expected, found: shortened(found) }
    }

    /// What is wrong with the next line.
    pub(super) fn wrong_next(&self, expected: &'static str) -> ProofError {
        let found = self.peek().unwrap_or(self.rest);
        let found = if found.is_empty() && self.rest.is_empty() { "end of the file" } else { found };
        ProofError::Line { line: self.number.saturating_add(1), expected, found: shortened(found) }
    }

    /// The next line.
    pub(super) fn line(&mut self, expected: &'static str) -> Result<&'a str, ProofError> {
        let Some((line, rest)) = self.rest.split_once('\n') else { return Err(self.wrong_next(expected)) };
        self.rest = rest;
        self.number = self.number.saturating_add(1);
        Ok(line)
    }

    /// The next line, which must be this one.
    pub(super) fn exactly(&mut self, line: &'static str) -> Result<(), ProofError> {
        let expected = if line.is_empty() { "an empty line" } else { line };
        let found = self.line(expected)?;
        if found == line { Ok(()) } else { Err(self.wrong(expected, found)) }
    }

    /// The next line, `name` and a space taken off, read by `value`.
    pub(super) fn field<T>(
        &mut self,
        name: &str,
        expected: &'static str,
        value: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, ProofError> {
        let line = self.line(expected)?;
        let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        rest.and_then(value).ok_or_else(|| self.wrong(expected, line))
    }

    /// `bytes <base64>`, of 1 to `bytes_max` bytes.
    pub(super) fn bytes(&mut self, expected: &'static str, bytes_max: usize) -> Result<Vec<u8>, ProofError> {
        self.field("bytes", expected, |text| {
            // Four characters hold three bytes: the limit is looked at before anything is decoded.
            if text.is_empty() || text.len() / 4 > bytes_max.div_ceil(3) {
                return None;
            }
            BASE64.decode(text.as_bytes()).ok().filter(|bytes| bytes.len() <= bytes_max)
        })
    }
}

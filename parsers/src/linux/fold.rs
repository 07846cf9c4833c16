//! Lines that were folded: a backslash and a line end in the middle of a record, as people paste them.
//!
//! Not here: deciding which lines belong together (`frame`).

use std::borrow::Cow;

/// A record's bytes with the folds taken out, and where they were: offsets into the unfolded bytes, with the bytes dropped there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Folds(Vec<(usize, usize)>);

impl Folds {
    /// How many folds there were.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The raw offset of an offset in the unfolded bytes.
    pub fn raw(&self, at: usize) -> usize {
        let dropped: usize = self.0.iter().take_while(|(fold, _)| *fold <= at).map(|(_, bytes)| bytes).sum();
        at.saturating_add(dropped)
    }
}

/// Drops each backslash with the line end behind it. Borrowed when there is none.
pub(super) fn unfold(bytes: &[u8]) -> (Cow<'_, [u8]>, Folds) {
    let mut folds = Folds::default();
    if memchr::memchr(b'\n', bytes).is_none() {
        return (Cow::Borrowed(bytes), folds);
    }
    let mut whole = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for line_end in memchr::memchr_iter(b'\n', bytes) {
        let before = bytes.get(start..line_end).unwrap_or_default();
        let (before, carriage) = match before.strip_suffix(b"\r") {
            Some(before) if before.ends_with(b"\\") => (before, 1),
            _ => (before, 0),
        };
        if let Some(line) = before.strip_suffix(b"\\") {
            whole.extend_from_slice(line);
            folds.0.push((whole.len(), 2 + carriage));
            start = line_end + 1;
        }
    }
    if folds.0.is_empty() {
        return (Cow::Borrowed(bytes), folds);
    }
    whole.extend_from_slice(bytes.get(start..).unwrap_or_default());
    (Cow::Owned(whole), folds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_dropped_and_offsets_kept() {
        for (raw, whole, count) in [
            (&b"a=1 b=2"[..], &b"a=1 b=2"[..], 0),
            (b"a=1\\\n b=2", b"a=1 b=2", 1),
            (b"euid\\\n=0 s\\\r\ngid=0\\\n", b"euid=0 sgid=0", 3),
            (b"a=1\nb=2", b"a=1\nb=2", 0),
            (b"\\\n\\\n", b"", 2),
        ] {
            let (got, folds) = unfold(raw);
            assert_eq!((&*got, folds.count()), (whole, count));
            for (at, byte) in got.iter().enumerate() {
                assert_eq!(raw.get(folds.raw(at)), Some(byte), "{raw:?} at {at}");
            }
        }
    }
}

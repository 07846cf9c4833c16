//! From values to documents: dictionaries read, postings united.

use super::bits::Bits;
use super::segment::Segment;
use super::{IndexError, TermTest, indexed_value};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::termdict::TermStreamer;

/// Adds the documents that have a value satisfying the test.
pub(super) fn unite(segment: &Segment, field: Field, test: &TermTest, into: &mut Bits) -> Result<(), IndexError> {
    let index = &*segment.values(field)?;
    let mut postings = Postings::default();
    match test {
        TermTest::Is(value) => {
            if let Some(info) = segment.term(field, index, indexed_value(value))? {
                postings.each(index, &info, &mut |doc| into.insert(doc))?;
            }
        }
        TermTest::Any => {
            let mut terms = scan(index, "")?;
            while terms.advance() {
                postings.each(index, terms.value(), &mut |doc| into.insert(doc))?;
            }
        }
        TermTest::Predicate { prefix, holds } => {
            let mut terms = scan(index, indexed_value(prefix))?;
            while terms.advance() {
                if holds(&String::from_utf8_lossy(terms.key())) {
                    postings.each(index, terms.value(), &mut |doc| into.insert(doc))?;
                }
            }
        }
    }
    Ok(())
}

/// Streams the terms that start with a prefix, ascending.
pub(super) fn scan<'a>(index: &'a InvertedIndexReader, prefix: &str) -> Result<TermStreamer<'a>, IndexError> {
    let mut range = index.terms().range().ge(prefix);
    if let Some(end) = prefix_end(prefix.as_bytes()) {
        range = range.lt(end);
    }
    range.into_stream().map_err(IndexError::engine("reading the values of a field"))
}

/// The smallest key above all keys with this prefix; `None` when there is none.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// Reads postings one after the other with one buffer.
#[derive(Default)]
pub(super) struct Postings(Option<BlockSegmentPostings>);

impl Postings {
    pub fn each(
        &mut self,
        index: &InvertedIndexReader,
        info: &TermInfo,
        each: &mut dyn FnMut(u32),
    ) -> Result<(), IndexError> {
        let failed = IndexError::engine("reading postings");
        let mut postings = match self.0.take() {
            Some(mut postings) => {
                index.reset_block_postings_from_terminfo(info, &mut postings).map_err(&failed)?;
                postings
            }
            None => index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic).map_err(&failed)?,
        };
        loop {
            let docs = postings.docs();
            if docs.is_empty() {
                break;
            }
            docs.iter().for_each(|&doc| each(doc));
            postings.advance();
        }
        self.0 = Some(postings);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_prefix() {
        for (prefix, end) in [
            (&b""[..], None),
            (b"a", Some(&b"b"[..])),
            (b"a\xff", Some(b"b")),
            (b"\xff\xff", None),
            (b"/usr/", Some(b"/usr0")),
        ] {
            assert_eq!(prefix_end(prefix).as_deref(), end, "{prefix:?}");
        }
    }
}

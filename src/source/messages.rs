//! Fills drafts with messages that came whole, each in a frame of its own: each is one record, whatever it holds.
//!
//! Inside: `Messages`, pure. Not here: bytes that must be cut into records (`batch`), the protocols (`serve::doors`).

use super::batch::Label;
use super::prefix::Prefix;
use crate::evidence::{BATCH_BYTES_MAX, Draft, Hash, Position, RECORDS_MAX};
use std::sync::Arc;

/// A stream of messages. The bytes of its drafts, concatenated, are those of the messages.
#[derive(Debug)]
pub struct Messages {
    label: Label,
    stream: Hash,
    prefix: Prefix,
    bytes: Vec<u8>,
    lengths: Vec<u32>,
    continues: bool,
    drafts: Vec<Draft>,
}

impl Messages {
    /// A new stream. `stream`: random; it tells its records that cannot be read from those of other streams.
    pub fn new(label: Label, stream: Hash) -> Messages {
        let (prefix, bytes, lengths, drafts) = Default::default();
        Messages { label, stream, prefix, bytes, lengths, continues: false, drafts }
    }

    /// One message, in pieces; one of more than 1 MiB goes on in further drafts. An empty one is none.
    pub fn push(&mut self, pieces: &[&[u8]]) {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if self.bytes.len().saturating_add(length) > BATCH_BYTES_MAX || self.lengths.len() >= RECORDS_MAX {
            self.seal(false);
        }
        let mut written = 0usize;
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                if self.bytes.len() >= BATCH_BYTES_MAX {
                    self.close(written);
                    self.seal(true);
                    written = 0;
                }
                let (now, later) = rest.split_at(rest.len().min(BATCH_BYTES_MAX.saturating_sub(self.bytes.len())));
                self.bytes.extend_from_slice(now);
                written = written.saturating_add(now.len());
                rest = later;
            }
        }
        self.close(written);
    }

    /// Bytes that wait.
    pub fn waiting_bytes(&self) -> usize {
        let sealed: usize = self.drafts.iter().map(|draft| draft.bytes.len()).sum();
        sealed.saturating_add(self.bytes.len())
    }

    /// Everything so far.
    pub fn take(&mut self) -> Vec<Draft> {
        self.seal(false);
        std::mem::take(&mut self.drafts)
    }

    fn close(&mut self, length: usize) {
        if length > 0 {
            self.lengths.push(u32::try_from(length).unwrap_or(u32::MAX));
        }
    }

    fn seal(&mut self, goes_on: bool) {
        if self.lengths.is_empty() {
            return;
        }
        let (start, before) = (self.prefix.len(), self.prefix.hash());
        self.prefix.update(&self.bytes);
        let (end, prefix) = (self.prefix.len(), self.prefix.hash());
        self.drafts.push(Draft {
            source: self.label.source.clone(),
            kind: self.label.kind,
            cluster: self.label.cluster.clone(),
            node: self.label.node.clone(),
            reading: Arc::clone(&self.label.reading),
            position: Position { file: None, start, end, head: self.stream, before, prefix },
            continues: self.continues,
            goes_on,
            bytes: std::mem::take(&mut self.bytes),
            lengths: std::mem::take(&mut self.lengths),
        });
        self.continues = goes_on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RecordKind;

    fn drafts(messages: &[&[&[u8]]]) -> Vec<Draft> {
        let label = Label {
            source: "s".into(),
            kind: RecordKind::Syslog,
            cluster: String::new(),
            node: String::new(),
            reading: Arc::default(),
        };
        let mut stream = Messages::new(label, [7; 32]);
        messages.iter().for_each(|message| stream.push(message));
        let waiting = stream.waiting_bytes();
        let drafts = stream.take();
        assert_eq!(waiting, drafts.iter().map(|draft| draft.bytes.len()).sum::<usize>());
        assert!(stream.take().is_empty());
        let mut at = 0;
        for draft in &drafts {
            assert_eq!(draft.bytes.len(), draft.lengths.iter().sum::<u32>() as usize);
            assert_eq!((draft.position.start, draft.position.head), (at, [7; 32]));
            at = draft.position.end;
        }
        drafts
    }

    #[test]
    fn a_message_is_a_record_whatever_it_holds() {
        let found = drafts(&[&[b"a\nb", b"\n"], &[], &[b""], &[b"c"]]);
        assert_eq!(
            (found.len(), found[0].lengths.clone(), found[0].bytes.as_slice()),
            (1, vec![4, 1], &b"a\nb\nc"[..])
        );
        assert_eq!(drafts(&vec![&[&b"x"[..]][..]; 2_500]).len(), 3);
    }

    #[test]
    fn a_long_message_goes_on() {
        let long = vec![b'x'; (2 << 20) + 5];
        let found = drafts(&[&[b"a"], &[&long, b"\n"], &[b"b"]]);
        let shape: Vec<_> = found.iter().map(|draft| (draft.continues, draft.goes_on, draft.lengths.clone())).collect();
        let mib = 1 << 20;
        let expected =
            [(false, false, vec![1]), (false, true, vec![mib]), (true, true, vec![mib]), (true, false, vec![6, 1])];
        assert_eq!(shape, expected);
        let exact = vec![b'x'; 1 << 20];
        assert_eq!(drafts(&[&[&exact], &[b"b"]]).len(), 2);
    }
}

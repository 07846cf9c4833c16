//! Tests of `resume`: copies that end within what was read, or differ from it, whatever batches it was read in.
//!
//! Inside: `Thin`, a keeper that keeps of cursors what the state of a store does. Not here: what is asked of files (`reader_tests`, `tail`).

use super::batch::{Batcher, Label, format_of};
use super::batch_tests::{drafts, file_id};
use super::cursor::{Batch, Cursor, Keep, NEAR_BYTES, ResumeQuery};
use super::resume::{Resumed, resume};
use crate::evidence::{Draft, Hash};
use crate::model::RecordKind;
use deponent_parsers::frame::Framer;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};

/// Keeps drafts, and answers with one cursor a MiB of a file.
#[derive(Clone, Default)]
pub struct Thin {
    pub drafts: Arc<Mutex<Vec<Draft>>>,
    /// The bytes of all batches are gone.
    pub redacted: bool,
}

impl Thin {
    fn newest(&self) -> Vec<(usize, Cursor)> {
        let mut newest: Vec<(usize, Cursor)> = Vec::new();
        for (leaf, draft) in self.drafts.lock().unwrap().iter().enumerate() {
            let Some(cursor) = Cursor::of(draft) else { continue };
            let is_under_it = |(_, other): &(usize, Cursor)| {
                let place = |cursor: &Cursor| (cursor.file.clone(), cursor.head, cursor.end >> 20);
                place(other) == place(&cursor) && other.prefix == draft.position.before
            };
            newest.retain(|other| !is_under_it(other));
            newest.push((leaf, cursor));
        }
        newest
    }
}

impl Keep for Thin {
    fn cursors(&mut self, query: &ResumeQuery) -> Vec<Cursor> {
        if let ResumeQuery::Path { .. } = query {
            let drafts = self.drafts.lock().unwrap();
            return drafts.iter().rev().filter_map(Cursor::of).find(|cursor| query.fits(cursor)).into_iter().collect();
        }
        self.newest().into_iter().map(|(_, cursor)| cursor).filter(|cursor| query.fits(cursor)).collect()
    }

    fn batches(&mut self, query: &ResumeQuery, from: u64) -> Vec<Batch> {
        let drafts = self.drafts.lock().unwrap().clone();
        let mut found = Vec::new();
        for (leaf, cursor) in self.newest() {
            if !query.fits(&cursor) || cursor.end <= from || cursor.end - from > NEAR_BYTES {
                continue;
            }
            let mut wanted = (cursor.end, cursor.prefix);
            for leaf in (0..=leaf).rev() {
                let Draft { position, continues, goes_on, .. } = drafts[leaf].clone();
                if (position.end, position.prefix) != wanted {
                    continue;
                }
                wanted = (position.start, position.before);
                found.push(Batch {
                    start: position.start,
                    before: position.before,
                    end: position.end,
                    prefix: position.prefix,
                    continues,
                    goes_on,
                    leaf: leaf as u64,
                });
                if position.start <= from {
                    break;
                }
            }
        }
        found
    }

    fn bytes(&mut self, batch: &Batch) -> Option<Vec<u8>> {
        let leaf = usize::try_from(batch.leaf).unwrap();
        (!self.redacted).then(|| self.drafts.lock().unwrap()[leaf].bytes.clone())
    }
}

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn read(kind: RecordKind, input: &[u8], sizes: &[usize]) -> Vec<Draft> {
    let label = Label { source: "s".into(), kind, cluster: "c".into(), node: "n".into(), reading: Arc::default() };
    drafts(input, sizes, Batcher::new(label, Some(file_id())))
}

fn met(kind: RecordKind, file: &[u8], keeper: &mut Thin) -> Resumed {
    let mut content = |at: u64, buffer: &mut [u8]| {
        let rest = file.get(usize::try_from(at).unwrap()..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    };
    let query = ResumeQuery::content(kind, "c", "n", &file[..file.len().min(2_048)]);
    resume(&mut content, kind, &query, keeper).unwrap()
}

fn end(resumed: &Resumed) -> usize {
    resumed.snapshot.as_ref().map_or(0, |snapshot| usize::try_from(snapshot.end()).unwrap())
}

/// Where the last record starts that is not known to end in these bytes.
fn last_start(kind: RecordKind, bytes: &[u8]) -> usize {
    let (mut framer, mut at) = (Framer::new(format_of(kind)), 0);
    while let Some(cut) = (at < bytes.len()).then(|| framer.next(&bytes[at..], false)).flatten() {
        at += cut.len;
    }
    at
}

/// `known` was read in pieces of these sizes; then a file is met that has its first `same` bytes and `other` behind them.
fn check(kind: RecordKind, known: &[u8], sizes: &[usize], same: usize, other: &[u8]) {
    let read = read(kind, known, sizes);
    let ends: Vec<usize> = read.iter().map(|draft| usize::try_from(draft.position.end).unwrap()).collect();
    let mut keeper = Thin { drafts: Arc::new(Mutex::new(read)), redacted: false };
    let file = [&known[..same], other].concat();
    let alike = file.iter().zip(known).take_while(|(here, there)| here == there).count();
    let joint = ends.iter().copied().filter(|end| *end <= alike).max().unwrap_or(0);
    let resumed = met(kind, &file, &mut keeper);
    if alike == file.len() {
        assert_eq!(end(&resumed), alike, "nothing of it is new");
        assert_eq!(resumed.is_within, alike < known.len());
    } else {
        assert_eq!(end(&resumed), joint.max(last_start(kind, &file[..alike])), "read from the record that differs");
        assert!(!resumed.is_within);
    }
    let snapshot = resumed.snapshot.unwrap();
    assert_eq!(snapshot.prefix.hash(), hash(&file[..usize::try_from(snapshot.end()).unwrap()]));
    for (end, prefix) in resumed.matched {
        assert_eq!(prefix, hash(&file[..usize::try_from(end).unwrap()]));
    }
    // Without their bytes the batches still say where they end.
    keeper.redacted = true;
    let resumed = met(kind, &file, &mut keeper);
    assert_eq!(end(&resumed), joint);
    assert!(!resumed.is_within);
}

fn text(range: std::ops::Range<usize>) -> Vec<u8> {
    let line = |n| format!("{}line {n:05} of a log\n", if n % 3 == 2 { " and more: " } else { "" });
    range.map(line).collect::<String>().into_bytes()
}

#[test]
fn a_copy_that_ends_within_a_batch_is_known() {
    let known = text(0..110);
    for kind in [RecordKind::Own, RecordKind::Syslog] {
        for same in [300, 1_000, 2_000, known.len() - 1] {
            check(kind, &known, &[known.len()], same, b"");
            check(kind, &known, &[known.len()], same, b"other\nand more\n");
            check(kind, &known, &[101], same, b"");
            check(kind, &known, &[101], same, b"other\n");
        }
    }
}

/// Over more than one MiB; the file goes on behind everything that is known.
#[test]
fn a_long_copy_is_read_from_the_record_that_differs() {
    let known = text(0..150_000);
    let other = text(200_000..400_000);
    for same in [300, (1 << 20) - 5, (1 << 20) + 70_000, (2 << 20) + 1_000_000] {
        check(RecordKind::Own, &known, &[70_003], same, b"");
        check(RecordKind::Own, &known, &[70_003], same, &other);
    }
}

#[test]
fn of_several_contents_with_one_head_the_right_one_is_found() {
    let head = text(0..20);
    let mut all = Vec::new();
    for content in 1..6 {
        let known = [head.clone(), text(content * 100..content * 100 + 50)].concat();
        all.extend(read(RecordKind::Own, &known, &[known.len()]));
    }
    let mut keeper = Thin { drafts: Arc::new(Mutex::new(all)), redacted: false };
    let file = [head.clone(), text(300..340)].concat();
    let resumed = met(RecordKind::Own, &file, &mut keeper);
    assert!(resumed.is_within);
    assert_eq!(end(&resumed), file.len());
    let file = [head.clone(), text(900..910)].concat();
    let resumed = met(RecordKind::Own, &file, &mut keeper);
    assert!(!resumed.is_within);
    assert_eq!(end(&resumed), head.len());
}

/// Two contents with a batch that starts at the same byte: bytes that are known behind one of them are new behind the other.
#[test]
fn a_batch_counts_only_behind_the_bytes_that_it_was_read_behind() {
    let mut one = text(0..30);
    while one.len() % 7 != 3 {
        // Sealed behind such a number of bytes (`drafts`).
        one.insert(0, b'x');
    }
    let (joint, mut two) = (one.len(), one.clone());
    two[joint - 3] = b'?';
    let all = [[one.clone(), text(100..110)].concat(), [two, text(200..210)].concat()];
    let all: Vec<Draft> = all.iter().flat_map(|known| read(RecordKind::Own, known, &[joint])).collect();
    assert!(all.len() == 4 && all[1].position.start == all[3].position.start);
    let mut keeper = Thin { drafts: Arc::new(Mutex::new(all)), redacted: false };
    let resumed = met(RecordKind::Own, &[one, text(200..205)].concat(), &mut keeper);
    assert!(!resumed.is_within);
    assert_eq!(end(&resumed), joint);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_is_not_read_again(
        lines in 20usize..400,
        sizes in proptest::collection::vec(1usize..9_000, 1..6),
        same in any::<prop::sample::Index>(),
        other in prop_oneof![Just(Vec::new()), proptest::collection::vec(any::<u8>(), 1..300)],
        joined in any::<bool>(),
    ) {
        let known = text(0..lines);
        // A file that is shorter than its head is found by whole batches only.
        let same = 256 + same.index(known.len() - 255);
        check(if joined { RecordKind::Syslog } else { RecordKind::Own }, &known, &sizes, same, &other);
    }
}

//! Tests of `batch`, `scan` and `prefix`: nothing is lost or doubled, however the bytes come and wherever reading was broken off.

use super::batch::{Batcher, Label};
use super::cursor::{Cursor, ResumeQuery};
use super::scan::{Scan, Snapshot};
use crate::evidence::{BATCH_BYTES_MAX, Draft, FileId, RECORDS_MAX};
use crate::model::RecordKind;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::sync::Arc;

pub fn file_id() -> FileId {
    FileId { dev: 1, ino: 2, birth: 3, path: b"/x".to_vec() }
}

fn label() -> Label {
    Label { source: "s".into(), kind: RecordKind::Own, cluster: "c".into(), node: "n".into(), reading: Arc::default() }
}

/// Everything in pieces of these sizes, then the rest.
pub fn drafts(input: &[u8], sizes: &[usize], mut batcher: Batcher) -> Vec<Draft> {
    let mut found = Vec::new();
    let mut emit = |draft| {
        found.push(draft);
        Ok(())
    };
    let mut at = 0;
    for size in sizes.iter().cycle() {
        if at >= input.len() {
            break;
        }
        let end = (at + size).min(input.len());
        batcher.push(&input[at..end], &mut emit).unwrap();
        at = end;
        if size % 7 == 3 {
            batcher.seal(&mut emit).unwrap();
        }
    }
    batcher.rest(&mut emit).unwrap();
    found
}

pub fn records(drafts: &[Draft]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for draft in drafts {
        let mut at = 0;
        for len in &draft.lengths {
            let end = at + usize::try_from(*len).unwrap();
            found.push(draft.bytes[at..end].to_vec());
            at = end;
        }
    }
    found
}

/// Everything that holds for the drafts of one file from `from` on.
pub fn check(input: &[u8], from: usize, drafts: &[Draft]) {
    let mut at = from;
    let mut goes_on = None;
    for draft in drafts {
        let position = &draft.position;
        assert_eq!(position.start, at as u64);
        at += draft.bytes.len();
        assert_eq!(position.end, at as u64);
        assert_eq!(draft.bytes, &input[usize::try_from(position.start).unwrap()..at]);
        assert_eq!(draft.lengths.iter().map(|len| *len as usize).sum::<usize>(), draft.bytes.len());
        assert!((1..=RECORDS_MAX).contains(&draft.lengths.len()));
        assert!(draft.bytes.len() <= BATCH_BYTES_MAX);
        assert!(draft.lengths.iter().all(|len| *len > 0));
        assert_eq!(position.prefix, <[u8; 32]>::from(Sha256::digest(&input[..at])));
        assert_eq!(position.head, <[u8; 32]>::from(Sha256::digest(&input[..at.min(256)])));
        if let Some(before) = goes_on {
            assert_eq!(draft.continues, before);
        }
        goes_on = Some(draft.goes_on);
    }
    assert_eq!(at, input.len(), "everything was handed out");
    assert_ne!(goes_on, Some(true), "the last record is whole");
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => "[a-z]{0,30}\n".prop_map(String::into_bytes),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"windows\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (0usize..2_500_000).prop_map(|len| vec![b'x'; len]),
        1 => Just(b"many\n".repeat(1_500)),
    ];
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pieces_give_the_same_records(input in lines(), sizes in proptest::collection::vec(1usize..400_000, 1..8)) {
        let whole = drafts(&input, &[input.len().max(1)], Batcher::new(label(), Some(file_id())));
        check(&input, 0, &whole);
        let pieces = drafts(&input, &sizes, Batcher::new(label(), Some(file_id())));
        check(&input, 0, &pieces);
        prop_assert_eq!(records(&whole), records(&pieces));
    }

    #[test]
    fn reading_goes_on_where_any_batch_ended(input in lines(), more in lines(), size in 1usize..50_000, pick in any::<prop::sample::Index>()) {
        // Consumed: some of the drafts of `input`, whose last record may be unfinished; then the file has grown.
        let first = drafts(&input, &[size], Batcher::new(label(), Some(file_id())));
        let grown = [input, more].concat();
        let consumed = if first.is_empty() { 0 } else { pick.index(first.len() + 1) };
        let cursors: Vec<Cursor> = first[..consumed].iter().filter_map(Cursor::of).collect();
        let query = ResumeQuery::content(RecordKind::Own, "c", "n", &grown);
        prop_assert!(cursors.iter().all(|cursor| query.fits(cursor)));
        let mut scan = Scan::new(RecordKind::Own, cursors);
        for piece in grown.chunks(size) {
            scan.feed(piece);
        }
        prop_assert!(scan.is_done());
        let (snapshot, matched) = scan.finish();
        prop_assert_eq!(matched.len(), consumed);
        let end = snapshot.as_ref().map_or(0, |snapshot| usize::try_from(snapshot.end()).unwrap());
        prop_assert_eq!(end, first[..consumed].iter().map(|draft| draft.bytes.len()).sum::<usize>());
        let batcher = match snapshot {
            Some(snapshot) => Batcher::resume(label(), Some(file_id()), snapshot),
            None => Batcher::new(label(), Some(file_id())),
        };
        let second = drafts(&grown[end..], &[size], batcher);
        check(&grown, end, &second);
        // Joined where they continue, the records are those of the file read at once.
        let mut joined: Vec<Vec<u8>> = Vec::new();
        for draft in first[..consumed].iter().chain(&second) {
            let mut own = records(std::slice::from_ref(draft)).into_iter();
            if draft.continues {
                joined.last_mut().unwrap().extend(own.next().unwrap());
            }
            joined.extend(own);
        }
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for draft in drafts(&grown, &[grown.len().max(1)], Batcher::new(label(), None)) {
            let mut own = records(std::slice::from_ref(&draft)).into_iter();
            if draft.continues {
                expected.last_mut().unwrap().extend(own.next().unwrap());
            }
            expected.extend(own);
        }
        prop_assert_eq!(joined, expected);
    }
}

/// Cursors of a file that was consumed in batches of one line each.
fn line_cursors(content: &[u8]) -> Vec<Cursor> {
    let mut found = Vec::new();
    let mut batcher = Batcher::new(label(), Some(file_id()));
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let mut emit = |draft: Draft| {
            found.extend(Cursor::of(&draft));
            Ok(())
        };
        batcher.push(line, &mut emit).unwrap();
        batcher.seal(&mut emit).unwrap();
    }
    found
}

#[test]
fn the_longest_matching_prefix_wins_and_no_other_counts() {
    let header = b"# header\n".repeat(300);
    let with = |rest: &[u8]| [header.as_slice(), rest].concat();
    for (name, consumed, file, expected) in [
        ("same", b"a\nb\n".to_vec(), b"a\nb\n".to_vec(), 4),
        ("grown", b"a\nb\n".to_vec(), b"a\nb\nc\n".to_vec(), 4),
        ("shorter", b"a\nb\nc\n".to_vec(), b"a\nb\n".to_vec(), 4),
        ("same first line", b"a\nb\n".to_vec(), b"a\nc\nd\n".to_vec(), 2),
        ("other", b"a\nb\n".to_vec(), b"b\na\n".to_vec(), 0),
        ("empty", b"a\n".to_vec(), Vec::new(), 0),
        ("longer line", b"a\n".to_vec(), b"ab\n".to_vec(), 0),
        ("identical header", with(b"a\nb\n"), with(b"c\nd\n"), header.len()),
        ("changed in its middle", with(b"a\nb\n"), [&header[..1000], b"!", &header[1001..], b"a\nb\n"].concat(), 999),
    ] {
        let query = ResumeQuery::content(RecordKind::Own, "c", "n", &file);
        let cursors = line_cursors(&consumed).into_iter().filter(|cursor| query.fits(cursor)).collect();
        let mut scan = Scan::new(RecordKind::Own, cursors);
        scan.feed(&file);
        let end = scan.finish().0.map_or(0, |snapshot: Snapshot| snapshot.end());
        assert_eq!(end, expected as u64, "{name}");
    }
}

#[test]
fn cursors_hold_for_the_same_cluster_and_node_only() {
    let cursors = line_cursors(b"a\n");
    for (kind, cluster, node, expected) in [
        (RecordKind::Own, "c", "n", true),
        (RecordKind::Own, "c", "m", false),
        (RecordKind::Own, "d", "n", false),
        (RecordKind::Auditd, "c", "n", false),
    ] {
        assert_eq!(ResumeQuery::content(kind, cluster, node, b"a\nb\n").fits(&cursors[0]), expected);
    }
}

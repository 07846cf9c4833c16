//! The store as its users see it: what goes in comes out, who may write, what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;

use super::fixture_tests::{Scratch, draft, envelope, files, numbered, small, wal};
use super::{
    Authenticated, Checkpoint, Entry, EvidenceError, Reader, VerifierKey, VerifyOptions, Writer, check_consistency,
    check_inclusion, fsck, holder, leaf_hash, salted_leaf_hash, verify,
};
use crate::model::RecordRef;

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let record = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 1..200),
        1 => (1_usize..150_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ];
    proptest::collection::vec(record, 1..8)
}

#[derive(Debug, Clone)]
enum Step {
    Append(bool, Vec<Vec<u8>>),
    Sync,
    Publish,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (any::<bool>(), records()).prop_map(|(source, records)| Step::Append(source, records)),
        1 => Just(Step::Sync),
        1 => Just(Step::Publish),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..16)
}

/// Every record of the store is one of those that were given, in order, byte for byte.
fn check_contents(reader: &Reader, expected: &[Vec<Vec<u8>>]) {
    assert_eq!(reader.size(), expected.len() as u64);
    for (leaf, records) in (0_u64..).zip(expected) {
        let block = reader.block(leaf).unwrap();
        assert_eq!(block.records() as usize, records.len());
        let hashes = reader.leaf_hashes(leaf).unwrap();
        for (record, bytes) in (0_u32..).zip(records) {
            let at = RecordRef { leaf, record };
            assert_eq!(&*reader.record(at).unwrap(), bytes.as_slice());
            assert_eq!(salted_leaf_hash(&reader.salt(at).unwrap(), bytes), hashes[record as usize]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(steps in steps()) {
        let scratch = Scratch::new();
        let mut writer = scratch.open();
        let mut expected = Vec::new();
        let mut durable = 0;
        for step in steps {
            match step {
                Step::Append(source, records) => {
                    let draft = draft(if source { "a" } else { "b" }, &records);
                    prop_assert_eq!(writer.append(draft, &envelope()).unwrap(), expected.len() as u64);
                    expected.push(records);
                }
                Step::Sync => durable = writer.sync().unwrap() as usize,
                Step::Publish => durable = writer.publish().unwrap().size as usize,
                Step::Reopen => {
                    writer.close().unwrap();
                    scratch.verify().unwrap();
                    writer = scratch.open();
                    durable = expected.len();
                }
            }
            prop_assert_eq!(writer.reader().size() as usize, durable);
            check_contents(&writer.reader(), &expected[..durable]);
        }
        let checkpoint = writer.close().unwrap();
        prop_assert_eq!(checkpoint.size as usize, expected.len());
        check_contents(&Reader::open(&scratch.dir()).unwrap(), &expected);
        let report = scratch.verify().unwrap();
        prop_assert_eq!(report.bytes as usize, expected.iter().flatten().map(Vec::len).sum::<usize>());
        prop_assert_eq!(report.authenticated, Authenticated::LocalKey);
    }
}

#[test]
fn segments_roll_over() {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    let reader = writer.reader();
    for number in 0..600 {
        writer.append(numbered(number), &envelope()).unwrap();
        if number % 100 == 99 {
            writer.publish().unwrap();
            scratch.verify().unwrap();
        }
    }
    let checkpoint = writer.close().unwrap();
    let alone = Reader::open(&scratch.dir()).unwrap();
    for (leaf, number) in (0_u64..).zip(0..600_usize) {
        let expected = &numbered(number).bytes[..];
        for reader in [&reader, &alone] {
            let records: Vec<u8> =
                (0..3).flat_map(|record| reader.record(RecordRef { leaf, record }).unwrap().to_vec()).collect();
            assert_eq!(records, expected);
        }
    }
    let root_at = |size| Checkpoint::parse_unauthenticated(&alone.checkpoint().unwrap()).map(|_| size).unwrap();
    let leaf = leaf_hash(alone.entry(300).unwrap().bytes());
    let path = alone.inclusion(300, 600).unwrap();
    check_inclusion(&leaf, 300, root_at(600), &path, &checkpoint.root).unwrap();
    let path = alone.consistency(0, 600).unwrap();
    check_consistency(0, 600, &path, &super::empty_root(), &checkpoint.root).unwrap();
    let names: Vec<String> = files(&scratch.dir())
        .iter()
        .map(|path| path.strip_prefix(scratch.dir()).unwrap().display().to_string())
        .collect();
    let expected = [
        "batches/000",
        "batches/001",
        "lock",
        "log/checkpoint",
        "log/tile/0/000",
        "log/tile/0/001",
        "log/tile/0/002.p/88",
        "log/tile/1/000.p/2",
        "log/tile/entries/000",
        "log/tile/entries/001",
        "log/tile/entries/002.p/88",
        "wal/002",
    ];
    assert_eq!(names, expected, "no partial tile is left behind");
}

#[test]
fn a_second_writer_is_refused_and_told_who_writes() {
    let scratch = small(2);
    let mut writer = scratch.open();
    let address = "127.0.0.1:4317".parse().unwrap();
    writer.set_address(Some(address)).unwrap();
    let Err(error) = Writer::open(&scratch.options()) else { panic!("two writers") };
    let message = error.to_string();
    assert!(message.contains(&std::process::id().to_string()) && message.contains("127.0.0.1:4317"), "{message}");
    let found = holder(&scratch.dir()).unwrap().unwrap();
    assert_eq!((found.pid, found.address), (std::process::id(), Some(address)));
    writer.close().unwrap();
    assert_eq!(holder(&scratch.dir()).unwrap(), None);
}

#[test]
fn a_reader_sees_only_what_is_durable() {
    let scratch = small(2);
    let mut writer = scratch.open();
    writer.append(numbered(2), &envelope()).unwrap();
    let alone = Reader::open(&scratch.dir()).unwrap();
    assert_eq!((alone.size(), writer.reader().size()), (2, 2));
    assert!(matches!(alone.entry(2), Err(EvidenceError::NoLeaf { leaf: 2, size: 2 })));
    writer.sync().unwrap();
    assert_eq!((alone.size(), writer.reader().size()), (2, 3));
    assert_eq!(alone.refresh().unwrap(), 3);
    alone.entry(2).unwrap();
    assert_eq!(scratch.verify().unwrap().unsigned_entries, 1, "verified while it is being written");
}

#[test]
fn a_copy_verifies_elsewhere_with_the_public_key_only() {
    let scratch = small(5);
    let key = fs::read_to_string(scratch.key_dir().join("key.pub")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut options = VerifyOptions {
        key: Some(VerifierKey::parse(key.trim_end()).unwrap()),
        state_home: Some(elsewhere.path().to_owned()),
        ..VerifyOptions::default()
    };
    let report = verify(&scratch.dir(), &options, &mut |_, _| ()).unwrap();
    assert_eq!((report.authenticated, report.entries, report.last_signed), (Authenticated::GivenKey, 5, None));
    options.key = None;
    let report = verify(&scratch.dir(), &options, &mut |_, _| ()).unwrap();
    assert_eq!(report.authenticated, Authenticated::No);
}

/// Opens a store after `change`, and looks for a part of the message of what refuses it.
fn check_refused(batches: usize, change: impl FnOnce(&Scratch), message: &str) {
    let scratch = small(batches);
    change(&scratch);
    let Err(error) = Writer::open(&scratch.options()) else { panic!("opened; expected: {message}") };
    assert!(error.to_string().contains(message), "{error}");
}

#[test]
fn what_cannot_be_opened_for_writing() {
    let mode = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    check_refused(1, |s| mode(&s.key_dir().join("key"), 0o640), "can be read or written by others (mode 640)");
    check_refused(1, |s| mode(&s.key_dir(), 0o755), "chmod 700");
    check_refused(1, |s| mode(&s.key_dir().join("last-signed"), 0o604), "chmod 600");
    check_refused(1, |s| fs::remove_dir_all(s.key_dir()).unwrap(), "deponent key adopt");
    check_refused(1, |s| fs::remove_file(s.key_dir().join("last-signed")).unwrap(), "deponent key adopt");
    check_refused(1, |s| fs::remove_file(s.dir().join("log/checkpoint")).unwrap(), "no log/checkpoint");
    check_refused(1, |s| fs::write(s.dir().join("notes.txt"), "x").unwrap(), "notes.txt");
    check_refused(1, |s| fs::write(s.dir().join("wal/001"), "x").unwrap(), "wal/001");
    check_refused(1, |s| fs::remove_file(wal(s)).unwrap(), "it is missing");
    check_refused(3, |s| fs::write(wal(s), &fs::read(wal(s)).unwrap()[..2_000]).unwrap(), "is damaged at byte");
    check_refused(1, |s| fs::write(wal(s), [fs::read(wal(s)).unwrap(), b"x".to_vec()].concat()).unwrap(), "is damaged");
}

#[test]
fn a_key_inside_of_the_store_is_refused() {
    let scratch = Scratch::new();
    let mut options = scratch.options();
    options.state_home = Some(scratch.dir().join("state"));
    assert!(matches!(Writer::open(&options), Err(EvidenceError::KeyInsideStore { .. })));
}

#[test]
fn a_deleted_store_begins_anew() {
    let scratch = small(3);
    fs::remove_dir_all(scratch.dir()).unwrap();
    let writer = scratch.open();
    assert_eq!(writer.size(), 0);
    assert!(writer.recovered().created);
}

#[test]
fn two_copies_cannot_be_written_with_one_key() {
    let scratch = small(2);
    let copy = scratch.tmp.path().join("copy");
    super::fixture_tests::copy_dir(&scratch.dir(), &copy);
    let mut writer = scratch.open();
    let mut options = scratch.options();
    options.dir = copy;
    assert!(matches!(Writer::open(&options), Err(EvidenceError::KeyInUse { .. })));
    writer.append(numbered(2), &envelope()).unwrap();
    writer.close().unwrap();
    assert!(matches!(Writer::open(&options), Err(EvidenceError::Rollback { signed: 3, found: 2, .. })));
}

#[test]
fn drafts_that_break_their_promise_are_refused_and_nothing_is_written() {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    let good = numbered(0);
    let bad = [
        super::Draft { lengths: vec![], ..good.clone() },
        super::Draft { lengths: vec![1], ..good.clone() },
        super::Draft { lengths: vec![0, good.bytes.len() as u32], ..good.clone() },
        super::Draft { source: "é".repeat(3_000), ..good.clone() },
        super::Draft { bytes: vec![0; (1 << 20) + 1], lengths: vec![(1 << 20) + 1], ..good.clone() },
    ];
    for draft in bad {
        assert!(writer.append(draft.clone(), &envelope()).is_err(), "{:?}", draft.lengths);
    }
    assert_eq!(writer.append(good, &envelope()).unwrap(), 0);
    writer.close().unwrap();
    scratch.verify().unwrap();
}

#[test]
fn the_largest_batches_and_longest_values_fit() {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    let mut noise = vec![0_u8; 1 << 20];
    getrandom::fill(&mut noise).unwrap();
    let mut longest = draft("s", &[noise.clone()]);
    longest.position.file.as_mut().unwrap().path = vec![0xff; 4_096];
    writer.append(longest, &envelope()).unwrap();
    let many: Vec<Vec<u8>> = noise.chunks(1_048).take(1_000).map(<[u8]>::to_vec).collect();
    writer.append(draft("s", &many), &envelope()).unwrap();
    writer.close().unwrap();
    let report = scratch.verify().unwrap();
    assert_eq!((report.entries, report.records), (2, 1_001));
    assert!(fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap().is_sound());
}

#[test]
fn an_entry_is_small() {
    let scratch = small(1);
    let entry: std::sync::Arc<Entry> = Reader::open(&scratch.dir()).unwrap().entry(0).unwrap();
    assert!(entry.bytes().len() < 1_300, "{} bytes", entry.bytes().len());
    assert!(entry.note().starts_with("deponent-batch/v1\nsource a\n"));
    assert!(entry.header_text().contains("\ncluster -\nnode %2D\nfile 1 2 3 /var/log/au%20dit%25%FF.log\n"));
}

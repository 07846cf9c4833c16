//! Crashes: at every step on disk, and with a block torn at every byte.

use std::fs;

use super::faults;
use super::fixture_tests::{Scratch, copy_dir, envelope, numbered, small, wal};
use super::{EvidenceError, Reader, Writer, fsck};
use crate::model::RecordRef;

/// The number of the batch that is log entry `leaf`.
fn number_of(reader: &Reader, leaf: u64) -> usize {
    let record = reader.record(RecordRef { leaf, record: 0 }).unwrap();
    let text = String::from_utf8(record.to_vec()).unwrap();
    text.split(['.', ':']).nth(1).unwrap().parse().unwrap()
}

/// Appends batches up to `end`, two a group, from where the store stands; gives how many were acknowledged.
fn work(scratch: &Scratch, end: usize, acknowledged: &mut u64) -> Result<(), EvidenceError> {
    let mut writer = Writer::open(&scratch.options())?;
    // What the store holds may be more than what was acknowledged, never less.
    assert!(writer.size() >= *acknowledged, "{} of {acknowledged}", writer.size());
    for number in usize::try_from(writer.size()).unwrap()..end {
        writer.append(numbered(number), &envelope())?;
        if number % 2 == 1 {
            *acknowledged = writer.sync()?;
        }
        if number % 3 == 2 {
            writer.publish()?;
        }
    }
    writer.close()?;
    *acknowledged = end as u64;
    Ok(())
}

/// Fails every step of the work in turn, opens again, and checks that all that was acknowledged is there once.
fn check_every_step(before: usize, end: usize) {
    let prepared = if before == 0 { Scratch::new() } else { small(before) };
    for done in [false, true] {
        let mut at = 0;
        loop {
            let scratch = Scratch::new();
            if before > 0 {
                copy_dir(&prepared.dir(), &scratch.dir());
                copy_dir(&prepared.home(), &scratch.home());
            }
            let mut acknowledged = before as u64;
            faults::arm(at, done);
            let worked = work(&scratch, end, &mut acknowledged);
            let struck = faults::struck();
            faults::disarm();
            let context = format!("step {at}, {}", if done { "done" } else { "not done" });
            if !struck {
                worked.unwrap();
                break;
            }
            assert!(worked.is_err(), "{context}: an error was lost");
            if scratch.dir().join("log/checkpoint").exists() {
                let report = fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap();
                assert!(report.is_sound(), "{context}: {report:?}");
                scratch.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
            }
            // A crash during the recovery, at every step of it, is no other.
            for again in [at % 7, at % 3] {
                faults::arm(again, done);
                let _ = Writer::open(&scratch.options());
                faults::disarm();
            }
            work(&scratch, end, &mut acknowledged).unwrap_or_else(|error| panic!("{context}: {error}"));
            let reader = Reader::open(&scratch.dir()).unwrap();
            let numbers: Vec<usize> = (0..reader.size()).map(|leaf| number_of(&reader, leaf)).collect();
            assert_eq!(numbers, (0..end).collect::<Vec<_>>(), "{context}");
            let report = scratch.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!((report.unsigned_entries, report.leftovers.len()), (0, 0), "{context}");
            at += 1;
        }
        assert!(at > 30, "only {at} steps");
    }
}

#[test]
fn a_crash_at_every_step_of_a_new_store() {
    check_every_step(0, 5);
}

#[test]
fn a_crash_at_every_step_around_a_full_segment() {
    check_every_step(253, 259);
}

#[test]
fn a_failed_write_ends_the_writer() {
    let scratch = small(2);
    let mut writer = scratch.open();
    writer.append(numbered(2), &envelope()).unwrap();
    faults::arm(0, false);
    assert!(writer.sync().is_err());
    faults::disarm();
    let error = writer.sync().unwrap_err().to_string();
    assert!(error.contains("closed for writing after an error"), "{error}");
    assert!(writer.append(numbered(3), &envelope()).is_err() && writer.publish().is_err());
    assert_eq!(writer.reader().size(), 2);
}

#[test]
fn a_block_torn_at_every_byte_is_cut() {
    let scratch = small(3);
    let (sound, before) = (fs::read(wal(&scratch)).unwrap(), scratch.tmp.path().join("before"));
    copy_dir(&scratch.dir(), &before);
    let keys = scratch.tmp.path().join("keys-before");
    copy_dir(&scratch.home(), &keys);
    let mut writer = scratch.open();
    writer.append(numbered(3), &envelope()).unwrap();
    writer.close().unwrap();
    let longer = fs::read(wal(&scratch)).unwrap();
    for length in sound.len()..=longer.len() {
        let torn = Scratch::new();
        copy_dir(&before, &torn.dir());
        copy_dir(&keys, &torn.home());
        fs::write(wal(&torn), &longer[..length]).unwrap();
        let cut = length - sound.len();
        let whole = length == longer.len();
        let report = torn.verify().unwrap();
        assert_eq!(report.torn_bytes as usize, if whole { 0 } else { cut });
        assert_eq!(Reader::open(&torn.dir()).unwrap().size(), if whole { 4 } else { 3 });
        let writer = torn.open();
        assert_eq!(writer.size(), if whole { 4 } else { 3 });
        assert_eq!(writer.recovered().cut_bytes as usize, if whole { 0 } else { cut });
        drop(writer);
        assert_eq!(fs::read(wal(&torn)).unwrap(), if whole { &longer[..] } else { &sound[..] });
        torn.verify().unwrap();
    }
}

#[test]
fn zeros_where_a_power_loss_left_them_are_cut_and_other_bytes_are_not() {
    let scratch = small(3);
    let (path, sound) = (wal(&scratch), fs::read(wal(&scratch)).unwrap());
    fs::write(&path, [sound.clone(), vec![0; 3_000]].concat()).unwrap();
    assert_eq!(scratch.open().recovered().cut_bytes, 3_000);
    fs::write(&path, [sound.clone(), vec![7; 3_000]].concat()).unwrap();
    assert!(matches!(Writer::open(&scratch.options()), Err(EvidenceError::Damaged { .. })));
    assert!(scratch.verify().is_err());
}

#[test]
fn blocks_beyond_the_checkpoint_are_signed_only_when_the_key_has_signed_them() {
    let (scratch, other) = (small(3), small(4));
    // A whole block of another store, appended by somebody who has no key.
    let theirs = fs::read(wal(&other)).unwrap();
    let mut scan = super::segment::Blocks::over(fs::File::open(wal(&other)).unwrap(), wal(&other), 0).unwrap();
    let mut block = Vec::new();
    scan.next(&mut block).unwrap();
    assert!(theirs.starts_with(&block));
    fs::write(wal(&scratch), [fs::read(wal(&scratch)).unwrap(), block].concat()).unwrap();
    let Err(error) = Writer::open(&scratch.options()) else { panic!("signed") };
    assert!(error.to_string().contains("not signed by the store's key"), "{error}");
}

#[test]
fn tiles_lost_at_the_edge_are_made_again() {
    for lost in ["log/tile/0/001.p/44", "log/tile/1/000.p/1", "log/tile/entries/001.p/44"] {
        let scratch = small(300);
        fs::remove_file(scratch.dir().join(lost)).unwrap();
        assert!(scratch.verify().is_err());
        assert!(scratch.open().recovered().rebuilt_tiles, "{lost}");
        scratch.verify().unwrap();
    }
}

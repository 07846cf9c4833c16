//! Backups: complete, of what is new, of a store that is written, cut at every step.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture_tests::{Scratch, copy_dir, envelope, files, numbered, small};
use super::{
    EvidenceError, Reader, StoreOptions, VerifyError, VerifyOptions, VerifyReport, Writer, adopt_key, backup, faults,
    fsck, verify,
};
use crate::model::Moment;

fn target(scratch: &Scratch) -> PathBuf {
    scratch.tmp.path().join("copies/copy")
}

fn checked(scratch: &Scratch, dir: &Path) -> Result<VerifyReport, VerifyError> {
    // What was signed last is on this machine: a copy is older, and rightly so.
    let options = VerifyOptions { state_home: Some(scratch.tmp.path().join("elsewhere")), ..VerifyOptions::default() };
    verify(dir, &options, &mut |_, _| ())
}

fn grow(scratch: &Scratch, end: usize) {
    let mut writer = scratch.open();
    for number in usize::try_from(writer.size()).unwrap()..end {
        writer.append(numbered(number), &envelope()).unwrap();
    }
    writer.close().unwrap();
}

#[test]
fn a_copy_verifies_and_only_what_is_new_is_copied() {
    let scratch = small(3);
    let to = target(&scratch);
    for size in [3, 3, 5, 256, 257, 700] {
        grow(&scratch, size);
        let before = if to.exists() { Reader::open(&to).unwrap().size() } else { 0 };
        let done = backup(&scratch.dir(), &to, &mut |_, _| ()).unwrap();
        let report = checked(&scratch, &to).unwrap();
        assert_eq!((done.before, done.checkpoint.size, report.entries), (before, size as u64, size as u64));
        assert_eq!(done.bytes == 0, before == size as u64);
        // The same files with the same bytes, but for the keys and the lock.
        let names = |dir: &Path| {
            let mut all: Vec<_> =
                files(dir).into_iter().map(|file| file.strip_prefix(dir).unwrap().to_owned()).collect();
            all.retain(|file| file != Path::new("lock"));
            all
        };
        assert_eq!(names(&to), names(&scratch.dir()), "{size}");
        for name in names(&to) {
            assert_eq!(fs::read(to.join(&name)).unwrap(), fs::read(scratch.dir().join(&name)).unwrap(), "{name:?}");
        }
    }
}

#[test]
fn a_store_that_is_written_is_copied_up_to_its_checkpoint() {
    let scratch = small(300);
    let mut writer = scratch.open();
    writer.append(numbered(300), &envelope()).unwrap();
    writer.sync().unwrap();
    backup(&scratch.dir(), &target(&scratch), &mut |_, _| ()).unwrap();
    let report = checked(&scratch, &target(&scratch)).unwrap();
    assert_eq!((report.entries, report.unsigned_entries), (300, 0));
    writer.close().unwrap();
}

#[test]
fn what_is_no_older_copy_is_refused() {
    let (scratch, other) = (small(300), small(3));
    let to = target(&scratch);
    backup(&scratch.dir(), &to, &mut |_, _| ()).unwrap();
    let refused = |dir: &Path, to: &Path, wanted: &str| {
        let error = backup(dir, to, &mut |_, _| ()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    refused(&other.dir(), &to, "a copy of");
    // The store that the copy is older than: rolled back, and gone on differently.
    let old = scratch.tmp.path().join("old");
    copy_dir(&scratch.dir(), &old);
    grow(&scratch, 310);
    backup(&scratch.dir(), &to, &mut |_, _| ()).unwrap();
    refused(&old, &to, "rolled back");
    let options = StoreOptions { dir: old.clone(), ..scratch.options() };
    adopt_key(&options, None, Moment { nanos: 0, digits: 9 }).unwrap();
    let mut writer = Writer::open(&options).unwrap();
    for number in 500..520 {
        writer.append(numbered(number), &envelope()).unwrap();
    }
    writer.close().unwrap();
    refused(&old, &to, "not the first ones");
    refused(&old, &old.join("inside"), "inside of the store");
    let strange = scratch.tmp.path().join("strange");
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("letter.txt"), "dear").unwrap();
    refused(&old, &strange, "not part of a store");
    checked(&scratch, &to).unwrap();
}

#[test]
fn a_copy_that_is_put_back_is_a_rollback_until_a_new_key_says_so() {
    let scratch = small(300);
    let to = target(&scratch);
    backup(&scratch.dir(), &to, &mut |_, _| ()).unwrap();
    grow(&scratch, 305);
    let head = Reader::open(&scratch.dir()).unwrap().checkpoint().unwrap();
    fs::remove_dir_all(scratch.dir()).unwrap();
    copy_dir(&to, &scratch.dir());
    let options = VerifyOptions { head: Some(head), state_home: Some(scratch.home()), ..VerifyOptions::default() };
    let Err(VerifyError::Refused(faults)) = verify(&scratch.dir(), &options, &mut |_, _| ()) else {
        panic!("accepted")
    };
    assert!(faults[0].to_string().contains("was rolled back: 305 log entries were signed, it has 300"), "{faults:?}");
    assert!(matches!(Writer::open(&scratch.options()), Err(EvidenceError::Rollback { signed: 305, found: 300, .. })));
    adopt_key(&scratch.options(), None, Moment { nanos: 0, digits: 9 }).unwrap();
    grow(&scratch, 310);
    scratch.verify().unwrap();
    // Whoever kept the head still sees it.
    assert!(matches!(verify(&scratch.dir(), &options, &mut |_, _| ()), Err(VerifyError::Refused(_))));
}

#[test]
fn a_backup_that_is_cut_at_any_step_is_gone_on_with() {
    for (before, end) in [(0, 259), (250, 515)] {
        let prepared = small(if before == 0 { end } else { before });
        let older = prepared.tmp.path().join("older");
        if before > 0 {
            backup(&prepared.dir(), &older, &mut |_, _| ()).unwrap();
            grow(&prepared, end);
        }
        for done in [false, true] {
            let mut step = 0;
            loop {
                let scratch = Scratch::new();
                let to = target(&scratch);
                if before > 0 {
                    copy_dir(&older, &to);
                }
                faults::arm(step, done);
                let worked = backup(&prepared.dir(), &to, &mut |_, _| ());
                let struck = faults::struck();
                faults::disarm();
                let context = format!("{before}, step {step}, {}", if done { "done" } else { "not done" });
                if !struck {
                    worked.unwrap();
                    break;
                }
                assert!(worked.is_err(), "{context}: an error was lost");
                if to.join("log/checkpoint").exists() {
                    checked(&scratch, &to).unwrap_or_else(|error| panic!("{context}: {error}"));
                    assert!(fsck(&to, false, &mut |_, _| ()).unwrap().is_sound(), "{context}");
                } else {
                    assert!(before == 0 && Reader::open(&to).is_err(), "{context}: a part is taken for the whole");
                }
                backup(&prepared.dir(), &to, &mut |_, _| ()).unwrap_or_else(|error| panic!("{context}: {error}"));
                let report = checked(&scratch, &to).unwrap_or_else(|error| panic!("{context}: {error}"));
                assert_eq!((report.entries, report.leftovers.len()), (end as u64, 0), "{context}");
                step += 1;
            }
            assert!(step > 20, "only {step} steps");
        }
    }
}

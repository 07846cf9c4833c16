//! A new key in the place of one that was lost, or that has signed more than a restored store has.

use std::fs;

use super::fixture_tests::{Scratch, copy_dir, envelope, numbered, small};
use super::{Reader, VerifierKey, VerifyError, VerifyOptions, Writer, adopt_key, verify};
use crate::model::Moment;

const NOW: Moment = Moment { nanos: 1_795_455_100_000_000_000, digits: 9 };

fn public(scratch: &Scratch) -> VerifierKey {
    VerifierKey::parse(fs::read_to_string(scratch.key_dir().join("key.pub")).unwrap().trim_end()).unwrap()
}

fn with_key(key: &VerifierKey, head: Option<String>) -> VerifyOptions {
    VerifyOptions { key: Some(key.clone()), head, state_home: Some("/nonexistent".into()), last_signed: None }
}

#[test]
fn a_restored_store_goes_on_under_a_new_key() {
    let scratch = small(3);
    let old = public(&scratch);
    let head = Reader::open(&scratch.dir()).unwrap().checkpoint().unwrap();
    let backup = scratch.tmp.path().join("backup");
    copy_dir(&scratch.dir(), &backup);
    let mut writer = scratch.open();
    writer.append(numbered(3), &envelope()).unwrap();
    writer.close().unwrap();
    fs::remove_dir_all(scratch.dir()).unwrap();
    copy_dir(&backup, &scratch.dir());
    assert!(Writer::open(&scratch.options()).is_err());
    let info = adopt_key(&scratch.options(), None, NOW).unwrap();
    assert_eq!(info.last_signed.unwrap().size, 4);
    let mut writer = scratch.open();
    writer.append(numbered(4), &envelope()).unwrap();
    writer.close().unwrap();
    let report = scratch.verify().unwrap();
    assert_eq!((report.entries, report.unchecked_signatures), (5, 0), "the old key's signatures are checked");
    let new = public(&scratch);
    assert_ne!(old, new);
    // What the old key had signed is still extended; the old key alone no longer opens the store.
    let report = verify(&scratch.dir(), &with_key(&new, Some(head)), &mut |_, _| ()).unwrap();
    assert_eq!(report.head, Some(3));
    let found = verify(&scratch.dir(), &with_key(&old, None), &mut |_, _| ());
    assert!(matches!(found, Err(VerifyError::Refused(_))), "{found:?}");
}

#[test]
fn a_lost_key_is_replaced() {
    let scratch = small(3);
    let old = public(&scratch);
    let backup = scratch.tmp.path().join("backup");
    copy_dir(&scratch.dir(), &backup);
    fs::remove_dir_all(scratch.home()).unwrap();
    adopt_key(&scratch.options(), None, NOW).unwrap();
    assert_eq!(scratch.verify().unwrap().unchecked_signatures, 3, "nobody has the old public key");
    // Somebody has it.
    fs::remove_dir_all(scratch.dir()).unwrap();
    fs::remove_dir_all(scratch.home()).unwrap();
    copy_dir(&backup, &scratch.dir());
    assert!(adopt_key(&scratch.options(), Some(&public_of_another()), NOW).is_err());
    adopt_key(&scratch.options(), Some(&old), NOW).unwrap();
    assert_eq!(scratch.verify().unwrap().unchecked_signatures, 0);
    // And once more: two takeovers in one log.
    adopt_key(&scratch.options(), None, NOW).unwrap();
    let report = scratch.verify().unwrap();
    assert_eq!((report.entries, report.unchecked_signatures), (5, 0));
    scratch.open().close().unwrap();
}

fn public_of_another() -> VerifierKey {
    public(&small(1))
}

#[test]
fn an_adoption_that_crashes_is_done_again() {
    use super::faults;
    for done in [false, true] {
        for at in 0.. {
            let scratch = small(2);
            faults::arm(at, done);
            let adopted = adopt_key(&scratch.options(), None, NOW);
            let struck = faults::struck();
            faults::disarm();
            if !struck {
                adopted.unwrap();
                assert!(at > 10);
                break;
            }
            if Writer::open(&scratch.options()).is_err() {
                adopt_key(&scratch.options(), None, NOW).unwrap_or_else(|error| panic!("step {at}: {error}"));
            }
            scratch.open().close().unwrap();
            scratch.verify().unwrap_or_else(|error| panic!("step {at}: {error}"));
        }
    }
}

//! Retention: what goes, what stays, what is said, and crashes at every step of it.

use std::fs;

use super::fixture_tests::{Scratch, copy_dir, draft, files, numbered};
use super::retention::Statement;
use super::{Door, Envelope, EvidenceError, Freed, Reader, Retention, VerifyError, Writer, faults, fsck, prove};
use crate::config::Policy;
use crate::model::{EventId, Moment, RecordKind, RecordRef};

const HOUR: i64 = 3_600_000_000_000;

fn at(hour: usize) -> Moment {
    Moment { nanos: 1_795_455_000_000_000_000 + hour as i64 * HOUR, digits: 9 }
}

/// A store of `batches` batches, one an hour; every third is of the API server's audit log.
fn hourly(batches: usize) -> Scratch {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    for number in 0..batches {
        let mut one = numbered(number);
        if number % 3 == 0 {
            one.kind = RecordKind::KubernetesAudit;
        }
        writer.append(one, &Envelope::witnessed(at(number), Door::Tail, None)).unwrap();
    }
    writer.close().unwrap();
    scratch
}

fn policy(max_age_hours: Option<i64>, max_bytes: Option<u64>) -> Policy {
    let max_age = max_age_hours.map(|hours| (format!("{hours}h"), hours * HOUR));
    Policy { source: "linux".to_owned(), kinds: vec![RecordKind::Auditd], max_age, max_bytes }
}

/// Says and does what a policy wants, as the command does.
fn retain(scratch: &Scratch, policy: &Policy, now: Moment) -> Result<(Vec<Statement>, Freed), EvidenceError> {
    let mut writer = Writer::open(&scratch.options())?;
    let mut retention = Retention::open(writer.reader())?;
    let said = retention.plan(std::slice::from_ref(policy), now)?;
    for statement in &said {
        writer.retain(statement, now)?;
    }
    retention.refresh()?;
    let mut freed = Freed::default();
    for segment in retention.pending()? {
        let one = retention.prune(segment)?;
        freed.segments += one.segments;
        freed.batches += one.batches;
        freed.bytes += one.bytes;
    }
    writer.close()?;
    Ok((said, freed))
}

fn record(reader: &Reader, leaf: u64) -> Result<Vec<u8>, EvidenceError> {
    reader.record(RecordRef { leaf, record: 0 }).map(|record| record.to_vec())
}

/// Every batch is there, or gone as the log says: its kind and place alone decide.
fn check_kept(reader: &Reader, batches: u64, minimum: u64, context: &str) {
    for leaf in 0..batches {
        match record(reader, leaf) {
            Ok(bytes) => {
                assert!(bytes.starts_with(format!("type=SYSCALL msg=audit(1.{leaf}:").as_bytes()), "{context}")
            }
            Err(EvidenceError::Pruned { statement, .. }) => {
                assert!(leaf < minimum && leaf % 3 != 0 && statement >= batches, "{context}: {leaf}");
            }
            Err(error) => panic!("{context}: {leaf}: {error}"),
        }
        assert_eq!(reader.entry(leaf).unwrap().header.records, 3);
    }
}

#[test]
fn what_is_old_goes_and_the_log_still_verifies_and_proves() {
    let scratch = hourly(600);
    let before = Reader::open(&scratch.dir()).unwrap();
    let head = before.checkpoint().unwrap();
    let (gone, kept) = (RecordRef { leaf: 1, record: 0 }, RecordRef { leaf: 3, record: 0 });
    let old = prove(&before, EventId([0; 16]), &[gone], None).unwrap();
    let disk = |scratch: &Scratch| {
        files(&scratch.dir().join("batches")).iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>()
    };
    let held = disk(&scratch);
    // Batch 511 is 88 hours old, 255 is 344: the first segment is older than 10 days, the second is not.
    let (said, freed) = retain(&scratch, &policy(Some(240), None), at(599)).unwrap();
    assert_eq!((said.len(), said[0].minimum_index, said[0].batches, said[0].records), (1, 256, 170, 510));
    assert_eq!((freed.segments, freed.batches, freed.bytes), (1, 170, held - disk(&scratch)));
    assert!(freed.bytes > 10_000, "{freed:?}");
    let report = scratch.verify().unwrap();
    assert_eq!((report.entries, report.pruned_batches, report.pruned_records), (601, 170, 510));
    assert_eq!(report.records, 600 * 3 - 510 + 1);
    let checked = fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap();
    assert!(checked.is_sound() && checked.pruned_batches == 170, "{checked:?}");
    // What was proven stays proven, and the tree extends the old head.
    assert!(!old.verify(None).unwrap().records.is_empty());
    let options = super::VerifyOptions { head: Some(head), state_home: Some(scratch.home()), ..Default::default() };
    assert_eq!(super::verify(&scratch.dir(), &options, &mut |_, _| ()).unwrap().head, Some(600));
    let reader = Reader::open(&scratch.dir()).unwrap();
    check_kept(&reader, 600, 256, "after");
    assert!(matches!(record(&reader, 1), Err(EvidenceError::Pruned { leaf: 1, statement: 600 })));
    assert!(matches!(prove(&reader, EventId([0; 16]), &[gone], None), Err(EvidenceError::Pruned { .. })));
    prove(&reader, EventId([0; 16]), &[kept], None).unwrap().verify(None).unwrap();
    // A reader that was open all the while finds what is there, wherever it stands now.
    check_kept(&before, 600, 256, "opened before");
    // Once more there is nothing to say.
    let (said, freed) = retain(&scratch, &policy(Some(240), None), at(599)).unwrap();
    assert!(said.is_empty() && freed == Freed::default());
    drop(scratch.open());
    scratch.verify().unwrap();
}

#[test]
fn the_oldest_go_while_there_are_too_many_bytes() {
    let scratch = hourly(600);
    let (said, _) = retain(&scratch, &policy(None, Some(1 << 30)), at(599)).unwrap();
    assert!(said.is_empty());
    // Two full segments hold 341 such batches of more than 600 bytes; one segment's worth may stay.
    let mut retention = Retention::open(Reader::open(&scratch.dir()).unwrap()).unwrap();
    let all = |max| Retention::plan(&retention, &[policy(None, Some(max))], at(599)).unwrap();
    assert_eq!(all(0)[0].minimum_index, 512);
    let most = (170 * 600..300 * 1_500)
        .step_by(1_000)
        .find(|max| all(*max).first().is_some_and(|said| said.minimum_index == 256));
    assert!(most.is_some(), "no bound between one segment and two");
    retention.refresh().unwrap();
}

#[test]
fn a_log_that_ends_with_a_segment_has_none_that_grows() {
    let scratch = hourly(512);
    let (said, freed) = retain(&scratch, &policy(None, Some(1)), at(512)).unwrap();
    assert_eq!((said[0].minimum_index, freed.segments), (512, 2));
    check_kept(&Reader::open(&scratch.dir()).unwrap(), 512, 512, "all");
    scratch.verify().unwrap();
}

#[test]
fn a_record_that_goes_on_keeps_its_beginning() {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    for number in 0..520 {
        let mut one = numbered(number);
        // 255 ends where 256 begins, 511 where 512 does: of each pair the second continues the first.
        if number == 255 {
            (one.position.end, one.position.start) = (1_000, 1_000 - one.bytes.len() as u64);
            one.position.prefix = [7; 32];
        }
        one.continues = number == 256;
        writer.append(one, &Envelope::witnessed(at(number), Door::Tail, None)).unwrap();
    }
    writer.close().unwrap();
    let retention = Retention::open(Reader::open(&scratch.dir()).unwrap()).unwrap();
    let plan = |max_age| retention.plan(&[policy(Some(max_age), None)], at(519)).unwrap();
    assert!(plan(200).is_empty(), "the first segment alone would tear a record");
    assert_eq!(plan(1)[0].minimum_index, 512);
}

#[test]
fn what_is_missing_without_a_statement_is_damage() {
    let scratch = hourly(600);
    retain(&scratch, &policy(Some(240), None), at(599)).unwrap();
    let path = scratch.dir().join("batches/000");
    let sound = fs::read(&path).unwrap();
    // Batch 0 is of another kind than the statement names: somebody takes its records away in the same way.
    let head = super::block::Head::parse(sound[..20].try_into().unwrap()).unwrap();
    let forged = super::block::pruned_block(&sound[20..20 + head.entry], 600);
    fs::write(&path, [&forged, &sound[head.total()..]].concat()).unwrap();
    let Err(VerifyError::Refused(faults)) = scratch.verify() else { panic!("accepted") };
    assert!(faults[0].what.contains("no signed statement of retention"), "{faults:?}");
    assert_eq!((faults[0].leaf, faults.len()), (Some(0), 1));
    assert!(!fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap().is_sound());
    let reader = Reader::open(&scratch.dir()).unwrap();
    assert!(matches!(record(&reader, 0), Err(EvidenceError::Damaged { .. })));
    // As does a number that names no statement.
    let forged = super::block::pruned_block(&sound[20..20 + head.entry], 7);
    fs::write(&path, [&forged, &sound[head.total()..]].concat()).unwrap();
    assert!(matches!(scratch.verify(), Err(VerifyError::Refused(_))));
    assert!(matches!(record(&Reader::open(&scratch.dir()).unwrap(), 0), Err(EvidenceError::Damaged { .. })));
}

#[test]
fn only_the_collector_itself_says_what_is_gone() {
    let said = Statement {
        time: "2026-11-24T17:30:00Z".to_owned(),
        source: "linux".to_owned(),
        kinds: vec![RecordKind::Auditd],
        minimum_index: 256,
        max_age: Some("90d".to_owned()),
        max_bytes: None,
        batches: 1,
        records: 2,
        bytes: 3,
        received_until: "2026-08-24T17:30:00Z".to_owned(),
    };
    assert_eq!(Statement::parse(said.record().as_bytes()), Some(said.clone()));
    let own = said.record().replace("\"auditd\"", "\"deponent\"");
    assert_eq!(Statement::parse(own.as_bytes()), None, "deponent's own records never go");
    for bytes in ["", "{}", "[]", "{\"deponent\":\"retention\"}"] {
        assert_eq!(Statement::parse(bytes.as_bytes()), None, "{bytes}");
    }
    // By another door the same record says nothing.
    let scratch = hourly(300);
    let mut writer = scratch.open();
    let mut one = draft(super::RETENTION_SOURCE, &[format!("{}\n", said.record()).into_bytes()]);
    one.kind = RecordKind::Own;
    writer.append(one, &Envelope::witnessed(at(300), Door::Ndjson, None)).unwrap();
    writer.publish().unwrap();
    let retention = Retention::open(writer.reader()).unwrap();
    assert!(retention.statements().is_empty() && retention.pending().unwrap().is_empty());
    let leaf = writer.retain(&said, at(300)).unwrap();
    assert_eq!(writer.reader().statement(leaf).unwrap(), Some(said));
    assert_eq!(writer.reader().statement(leaf - 1).unwrap(), None);
}

#[test]
fn a_damaged_segment_loses_nothing() {
    let scratch = hourly(600);
    let path = scratch.dir().join("batches/000");
    let mut bytes = fs::read(&path).unwrap();
    let at_byte = bytes.len() / 2;
    bytes[at_byte] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(retain(&scratch, &policy(Some(240), None), at(599)).is_err());
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_crash_at_every_step_of_retention() {
    let prepared = hourly(513);
    for done in [false, true] {
        let mut step = 0;
        loop {
            let scratch = Scratch::new();
            copy_dir(&prepared.dir(), &scratch.dir());
            copy_dir(&prepared.home(), &scratch.home());
            faults::arm(step, done);
            let worked = retain(&scratch, &policy(Some(1), None), at(514));
            let struck = faults::struck();
            faults::disarm();
            let context = format!("step {step}, {}", if done { "done" } else { "not done" });
            if !struck {
                worked.unwrap();
                break;
            }
            assert!(worked.is_err(), "{context}: an error was lost");
            let report = fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap();
            assert!(report.is_sound(), "{context}: {report:?}");
            scratch.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
            check_kept(&Reader::open(&scratch.dir()).unwrap(), 513, 512, &context);
            // Whatever was left undone is done by the next one, and said once.
            retain(&scratch, &policy(Some(1), None), at(514)).unwrap_or_else(|error| panic!("{context}: {error}"));
            let report = scratch.verify().unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!((report.entries, report.pruned_batches, report.leftovers.len()), (514, 341, 0), "{context}");
            step += 1;
        }
        assert!(step > 20, "only {step} steps");
    }
}

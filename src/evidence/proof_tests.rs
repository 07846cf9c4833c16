//! Tests of proof files: written, read, verified, and altered in every place.

use super::entry::{Door, Entry, Envelope};
use super::*;
use crate::model::{Moment, Reading, RecordKind};

const ORIGIN: &str = "node-1/deponent/0123456789abcdef";
const EVENT: &str = "abcdefghijklmnopqrstuvwxya";

/// A log of some batches, as far as proofs of it go.
struct Log {
    key: SigningKey,
    batches: Vec<Vec<Vec<u8>>>,
    entries: Vec<Vec<u8>>,
}

fn salt(leaf: usize, number: usize) -> [u8; 16] {
    let mut salt = [0x5a; 16];
    salt[0] = u8::try_from(leaf).unwrap();
    salt[1] = u8::try_from(number % 251).unwrap();
    salt
}

fn batch_leaves(leaf: usize, records: &[Vec<u8>]) -> Vec<Hash> {
    records.iter().enumerate().map(|(number, record)| salted_leaf_hash(&salt(leaf, number), record)).collect()
}

impl Log {
    fn new(records_of_batches: &[usize]) -> Self {
        let key = SigningKey::generate(ORIGIN).unwrap();
        let mut log = Self { key, batches: Vec::new(), entries: Vec::new() };
        for (leaf, count) in records_of_batches.iter().enumerate() {
            let records: Vec<Vec<u8>> =
                (0..*count).map(|number| format!("type=SYSCALL record={leaf}:{number}\n").into_bytes()).collect();
            let header = header(&records, root(&batch_leaves(leaf, &records)));
            let received = Moment { nanos: 1_800_000_000_000_000_000, digits: 9 };
            let envelope = Envelope::witnessed(received, Door::Ingest, None);
            log.entries.push(Entry::seal(&envelope, header, &log.key).unwrap().bytes().to_vec());
            log.batches.push(records);
        }
        log
    }

    fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|entry| leaf_hash(entry)).collect()
    }

    fn entry(&self, leaf: usize, size: usize) -> EntryProof {
        let leaves = &self.leaves()[..size];
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: size as u64, root: root(leaves) };
        EntryProof {
            leaf: leaf as u64,
            bytes: self.entries[leaf].clone(),
            tlog_proof: TlogProof {
                index: leaf as u64,
                hashes: inclusion_path(leaves, leaf),
                checkpoint: checkpoint.sign(&self.key),
            },
        }
    }

    fn record(&self, leaf: usize, number: usize) -> RecordProof {
        let records = &self.batches[leaf];
        RecordProof {
            leaf: leaf as u64,
            number: u32::try_from(number).unwrap(),
            salt: salt(leaf, number),
            path: inclusion_path(&batch_leaves(leaf, records), number),
            bytes: records[number].clone(),
        }
    }

    fn proof(&self, places: &[(usize, usize)]) -> ProofFile {
        let mut entries: Vec<usize> = places.iter().map(|(leaf, _)| *leaf).collect();
        entries.dedup();
        ProofFile {
            event: EVENT.to_owned(),
            records: places.iter().map(|(leaf, number)| self.record(*leaf, *number)).collect(),
            entries: entries.into_iter().map(|leaf| self.entry(leaf, self.entries.len())).collect(),
        }
    }
}

fn header(records: &[Vec<u8>], root: Hash) -> Header {
    Header {
        reading: Reading::default(),
        source: "node-1:/var/log/audit/audit.log".to_owned(),
        epoch: [7; 16],
        seq: 0,
        previous: [0; 32],
        kind: RecordKind::Auditd,
        cluster: String::new(),
        node: "node-1".to_owned(),
        file: None,
        start: 0,
        end: records.iter().map(|record| record.len() as u64).sum(),
        head: [1; 32],
        before: [3; 32],
        prefix: [2; 32],
        continues: false,
        goes_on: false,
        boot: String::new(),
        wall: Moment { nanos: 0, digits: 9 },
        monotonic: 0,
        records: u32::try_from(records.len()).unwrap(),
        root,
    }
}

fn verify(text: &str, key: Option<&VerifierKey>) -> Result<Verdict, ProofError> {
    ProofFile::parse(text)?.verify(key)
}

#[test]
fn goes_round_and_holds() {
    let log = Log::new(&[1, 3, 1_000, 7, 2]);
    let vkey = log.key.vkey();
    for places in [vec![(0, 0)], vec![(1, 0), (1, 2), (2, 999), (4, 1)], vec![(2, 512)]] {
        let proof = log.proof(&places);
        let text = proof.to_text();
        assert_eq!(ProofFile::parse(&text).unwrap(), proof);
        let verdict = verify(&text, Some(&vkey)).unwrap();
        assert_eq!(verdict.grade(), "authenticated");
        assert_eq!(verdict.checkpoints.len(), 1);
        let found: Vec<_> = verdict.records.iter().map(|record| (record.leaf, record.number)).collect();
        let expected: Vec<_> = proof.records.iter().map(|record| (record.leaf, record.number)).collect();
        assert_eq!(found, expected);
        assert_eq!(verdict.records[0].entry.header.node, "node-1");
        assert_eq!(verdict.records[0].size, 5);
        let alone = verify(&text, None).unwrap();
        assert_eq!(alone.grade(), "self-consistent, not authenticated");
        let stranger = SigningKey::generate(ORIGIN).unwrap().vkey();
        assert!(matches!(verify(&text, Some(&stranger)), Err(ProofError::InEntry { .. })));
    }
}

#[test]
fn the_text_is_the_one_of_the_format() {
    let log = Log::new(&[1]);
    let text = log.proof(&[(0, 0)]).to_text();
    let lines: Vec<&str> = text.lines().collect();
    let shape = [
        "deponent-proof/v1",
        "event abcdefghijklmnopqrstuvwxya",
        "",
        "record 0 0",
        "salt 00005a5a5a5a5a5a5a5a5a5a5a5a5a5a",
        "path -",
        "bytes dHlwZT1TWVNDQUxMIHJlY29yZD0wOjAK",
        "",
        "entry 0",
        "bytes ",
        "proof",
        "c2sp.org/tlog-proof@v1",
        "index 0",
        "",
        ORIGIN,
        "1",
        "",
        "",
        "— node-1/deponent/0123456789abcdef ",
        "end",
    ];
    assert_eq!(lines.len(), shape.len());
    for (line, start) in lines.iter().zip(shape) {
        assert!(line.starts_with(start) && line.is_empty() == (start.is_empty() && !line.ends_with('=')), "{line:?}");
    }
    // What is embedded is a .tlog-proof file to the byte.
    let start = text.find("c2sp.org").unwrap();
    let embedded = &text[start..text.len() - "end\n".len()];
    assert_eq!(TlogProof::parse(embedded).unwrap().to_text(), embedded);
}

/// The id of the event is not evidence, and so not covered: `event …` is its place.
fn every_altered_byte(text: &str, key: Option<&VerifierKey>, covered: impl Fn(usize) -> bool) {
    let event = text.find(EVENT).unwrap();
    for at in (0..text.len()).filter(|at| !(event..event + EVENT.len()).contains(at) && covered(*at)) {
        for bit in 0..8 {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            if let Ok(altered) = std::str::from_utf8(&bytes) {
                assert!(verify(altered, key).is_err(), "byte {at}, bit {bit}:\n{altered}");
            }
        }
        if text.is_char_boundary(at) {
            assert!(verify(&text[..at], key).is_err(), "cut at {at}");
            let without: String = text.char_indices().filter(|(other, _)| *other != at).map(|(_, c)| c).collect();
            assert!(verify(&without, key).is_err(), "without {at}");
        }
    }
}

#[test]
fn every_altered_byte_is_refused() {
    let log = Log::new(&[2, 3, 1]);
    let text = log.proof(&[(0, 1), (1, 0), (1, 2)]).to_text();
    let vkey = log.key.vkey();
    verify(&text, Some(&vkey)).unwrap();
    every_altered_byte(&text, Some(&vkey), |_| true);
    // Without a key the signatures of checkpoints are beyond judging; the rest is not.
    let signatures: Vec<_> = text.match_indices("— ").map(|(at, _)| at..at + text[at..].find('\n').unwrap()).collect();
    assert_eq!(signatures.len(), 2);
    every_altered_byte(&text, None, |at| !signatures.iter().any(|line| line.contains(&at)));
}

/// Every line left out, doubled, or swapped with the next one.
#[test]
fn every_altered_line_is_refused() {
    let log = Log::new(&[2, 3, 1]);
    let text = log.proof(&[(0, 1), (1, 0), (1, 2)]).to_text();
    let vkey = log.key.vkey();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        let mut extra = lines.clone();
        extra.insert(at, "extra YQ==\n");
        let mut altered = vec![without, extra];
        // A second signature line of the same key says nothing new, and C2SP allows it.
        if !lines[at].starts_with('—') {
            altered.push(doubled);
        }
        if at + 1 < lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, at + 1);
            altered.push(swapped);
        }
        for lines in altered {
            let lines = lines.concat();
            assert!(lines == text || verify(&lines, Some(&vkey)).is_err(), "line {}:\n{lines}", at + 1);
        }
    }
    assert!(verify(&format!("{text}\n"), Some(&vkey)).is_err());
    assert!(verify(&text.replace('\n', "\r\n"), Some(&vkey)).is_err());
}

#[test]
fn errors_name_line_and_expectation() {
    let log = Log::new(&[2, 3]);
    let text = log.proof(&[(0, 1), (1, 0)]).to_text();
    let check = |from: &str, to: &str, line: usize, expected: &str| {
        assert!(text.contains(from), "{from:?} is not in the text");
        let altered = text.replacen(from, to, 1);
        let message = ProofFile::parse(&altered).unwrap_err().to_string();
        assert!(message.starts_with(&format!("line {line}: expected {expected}")), "{from:?} → {to:?}: {message}");
    };
    check("deponent-proof/v1", "deponent-proof/v2", 1, "deponent-proof/v1");
    check(EVENT, "ABCDEFGHIJKLMNOPQRSTUVWXYA", 2, "`event");
    check(EVENT, "-", 2, "`event");
    check("record 0 1", "record 00 1", 4, "`record");
    check("record 0 1", "record 0 1000", 4, "`record");
    check("record 0 1", "record 0 4294967296", 4, "`record");
    check("record 0 1", "record 0", 4, "`record");
    check("record 1 0", "record 0 1", 9, "a record that is not");
    check("salt 00", "salt 0", 5, "`salt`");
    check("salt 00", "salt 0A", 5, "`salt`");
    check("path ", "path - ", 6, "`path`");
    check("path ", "path  ", 6, "`path`");
    check("path ", &format!("path {}", "A".repeat(10_000)), 6, "`path`");
    check("\nbytes ", "\nbytes =", 7, "`bytes");
    check("\nbytes ", "\nbytes\t", 7, "`bytes");
    check("record 0 1", "record 2 1", 14, "`entry <leaf>` of a record above");
    check("entry 0", "entry 1", 18, "`index <leaf>`");
    check("index 0", "index 1", 18, "`index <leaf>`");
    check("index 0", "index 18446744073709551616", 18, "`index");
    check("end\n", "End\n", 26, "end");
    let error = ProofFile::parse("").unwrap_err().to_string();
    assert_eq!(error, "line 1: expected deponent-proof/v1, found `end of the file`");
    // Hostile text is escaped and cut in messages.
    let error = ProofFile::parse(&format!("\x1b[2J{}\n", "x".repeat(1 << 20))).unwrap_err().to_string();
    assert!(error.len() < 300 && !error.contains('\x1b'), "{error}");
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let log = Log::new(&[2, 3, 1]);
    let vkey = log.key.vkey();
    let places = [(0, 1), (1, 0)];
    let check = |alter: &dyn Fn(&mut ProofFile), expected: &str| {
        let mut proof = log.proof(&places);
        alter(&mut proof);
        let error = verify(&proof.to_text(), Some(&vkey)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&|proof| proof.records[0].bytes[0] ^= 1, "record 1 of log entry 0: the hashes lead to root");
    check(&|proof| proof.records[0].salt[0] ^= 1, "record 1 of log entry 0");
    check(&|proof| proof.records[0].number = 0, "record 0 of log entry 0");
    check(&|proof| proof.records[0].number = 2, "leaf 2 does not exist in a tree of 2 leaves");
    check(&|proof| proof.records[0].leaf = 1, "`entry <leaf>` of a record above");
    check(&|proof| proof.entries[0].bytes[20] ^= 1, "log entry 0");
    check(&|proof| proof.entries[0].bytes = log.entries[2].clone(), "log entry 0: the hashes lead to root");
    check(&|proof| proof.entries[0].tlog_proof.hashes.clear(), "has 0 hashes instead of 2");
    check(&|proof| proof.entries.truncate(1), "records of log entry 1, but not the entry");
    check(&|proof| proof.entries.push(log.entry(2, 3)), "`entry <leaf>` of a record above");
    check(&|proof| proof.records.clear(), "`record");
    // Older checkpoints are as good; two of one size that differ are two histories.
    let mut proof = log.proof(&places);
    proof.entries[0] = log.entry(0, 2);
    assert_eq!(verify(&proof.to_text(), Some(&vkey)).unwrap().checkpoints.len(), 2);
}

/// A store whose key signs two histories, each consistent in itself.
#[test]
fn two_histories_are_refused() {
    let log = Log::new(&[2, 3, 1]);
    let mut fork = Log { key: SigningKey::parse(&log.key.to_text()).unwrap(), ..Log::new(&[2, 3, 1]) };
    fork.entries[0].clone_from(&log.entries[0]);
    let mut proof = log.proof(&[(0, 1), (1, 0)]);
    proof.entries[0] = fork.entry(0, 3);
    let found = verify(&proof.to_text(), Some(&log.key.vkey()));
    assert!(matches!(found, Err(ProofError::Fork { size: 3, .. })), "{found:?}");
}

/// A log that publishes a batch which another key has signed: in the tree, but nobody trusted says what it is.
#[test]
fn a_header_of_another_key_is_refused() {
    let (log, stranger) = (Log::new(&[2, 3]), Log::new(&[2, 3]));
    let mut mixed = Log { key: SigningKey::parse(&log.key.to_text()).unwrap(), ..Log::new(&[2, 3]) };
    mixed.entries = vec![log.entries[0].clone(), stranger.entries[1].clone()];
    let vkey = log.key.vkey();
    mixed.proof(&[(0, 0)]).verify(Some(&vkey)).unwrap();
    let proof = mixed.proof(&[(1, 0)]);
    proof.verify(None).unwrap();
    let error = proof.verify(Some(&vkey)).unwrap_err().to_string();
    assert!(error.starts_with("log entry 1: not signed by node-1/deponent/"), "{error}");
}

/// What `parse` would refuse already, put together by hand.
#[test]
fn parts_of_two_proofs_are_refused() {
    let log = Log::new(&[2, 3]);
    let mut proof = log.proof(&[(0, 0), (1, 0)]);
    proof.entries[0].tlog_proof.index = 1;
    assert!(proof.verify(None).unwrap_err().to_string().contains("its tlog-proof is of entry 1"));
    let mut proof = log.proof(&[(0, 0), (1, 0)]);
    proof.entries.remove(0);
    assert_eq!(proof.verify(None), Err(ProofError::NoEntry { leaf: 0 }));
    let mut proof = log.proof(&[(0, 0), (1, 0)]);
    let other = SigningKey::generate("node-2/deponent/0123456789abcdef").unwrap();
    let checkpoint = Checkpoint { origin: other.vkey().name().to_owned(), size: 2, root: root(&log.leaves()) };
    proof.entries[1].tlog_proof.checkpoint = checkpoint.sign(&other);
    assert!(matches!(proof.verify(None), Err(ProofError::TwoLogs { .. })));
}

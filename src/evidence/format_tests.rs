//! Headers, entries and blocks: what is written is read, and nothing else is.

use proptest::prelude::*;

use super::block::{Head, Key, Keys, Parts, Table};
use super::check::{check_block, decompressor};
use super::fixture_tests::{draft, envelope, numbered, small, wal};
use super::seal::Sealer;
use super::text::{escape, unescape};
use super::{Entry, Envelope, FileId, Header, Reader, SigningKey};
use crate::model::RecordRef;

fn key() -> SigningKey {
    SigningKey::generate("host/deponent/0123456789abcdef").unwrap()
}

fn sealed(records: &[Vec<u8>]) -> (Entry, Vec<u8>) {
    let mut block = Vec::new();
    let entry = Sealer::new().unwrap().seal(&draft("s", records), &envelope(), &key(), &mut block).unwrap();
    (entry, block)
}

proptest! {
    #[test]
    fn every_value_survives_its_escaping(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut text = String::new();
        escape(&bytes, &mut text);
        prop_assert!(text.bytes().all(|byte| (0x21..0x7f).contains(&byte)));
        prop_assert_eq!(unescape(&text), Some(bytes));
    }

    #[test]
    fn only_what_is_written_is_read(at in any::<prop::sample::Index>(), byte in any::<u8>(), path in proptest::collection::vec(any::<u8>(), 0..9)) {
        let (entry, _) = sealed(&[b"x\n".to_vec()]);
        let mut header = entry.header.clone();
        header.file = Some(FileId { dev: 0, ino: u64::MAX, birth: 7, path });
        let text = header.text().unwrap();
        prop_assert_eq!(&Header::parse(&text).unwrap(), &header);
        let mut bytes = text.into_bytes();
        *at.get_mut(&mut bytes) = byte;
        // Another header, or none: never the same one in another writing.
        if let Ok(text) = String::from_utf8(bytes) && let Ok(other) = Header::parse(&text) {
            prop_assert_eq!(other.text().unwrap(), text);
        }
    }

    #[test]
    fn an_altered_entry_is_another_or_none(at in any::<prop::sample::Index>(), byte in any::<u8>(), peer in "[ -~]{0,20}") {
        let (entry, _) = sealed(&[b"x\n".to_vec()]);
        let with_peer = Envelope { peer: Some(peer).filter(|peer| !peer.is_empty()), ..envelope() };
        let entry = Entry::seal(&with_peer, entry.header, &key()).unwrap();
        prop_assert_eq!(&Entry::parse(entry.bytes()).unwrap(), &entry);
        let mut bytes = entry.bytes().to_vec();
        *at.get_mut(&mut bytes) = byte;
        if let Ok(other) = Entry::parse(&bytes) {
            prop_assert_eq!(other.bytes(), &bytes[..]);
            prop_assert_eq!(other == entry, bytes == entry.bytes());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), records in 0_usize..5) {
        let _ = Entry::parse(&bytes);
        let _ = Parts::cut(&bytes);
        let _ = Keys::parse(&bytes, records);
        let _ = Table::parse(&bytes, records, bytes.len());
        let _ = check_block(&bytes, &mut decompressor().unwrap());
    }

    #[test]
    fn an_altered_block_is_read_without_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let (_, mut block) = sealed(&[b"one\n".to_vec(), vec![b'x'; 70_000], b"three\n".to_vec()]);
        *at.get_mut(&mut block) = byte;
        let _ = check_block(&block, &mut decompressor().unwrap());
    }
}

/// A block in which one record was redacted, as `docs/format.md` §5 has it.
fn redact(block: &[u8], record: usize) -> Vec<u8> {
    use sha2::Digest;
    let parts = Parts::cut(block).unwrap();
    let entry = Entry::parse(parts.entry).unwrap();
    let count = entry.header.records as usize;
    let keys = Keys::parse(parts.keys, count).unwrap();
    let table = Table::parse(parts.table, count, parts.frames.len()).unwrap();
    let raw = zstd::bulk::decompress(parts.frames, 1 << 20).unwrap();
    let mut bytes = vec![1];
    let mut kept = Vec::new();
    let mut changed = table.clone();
    for (number, place) in table.records.iter().enumerate() {
        let Some(Key::Salt(salt)) = keys.of(number) else { panic!("already redacted") };
        let text = place.within(&raw).unwrap();
        if number == record {
            bytes.push(1);
            bytes.extend(super::salted_leaf_hash(&salt, text));
            changed.records[number].length = 0;
        } else {
            bytes.push(0);
            bytes.extend(salt);
            kept.extend_from_slice(text);
        }
    }
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    let frames = compressor.compress(&kept).unwrap();
    changed.frames[0].compressed = frames.len() as u32;
    let table = changed.bytes();
    let head =
        Head { entry: parts.entry.len(), keys: bytes.len(), table: table.len(), frames: frames.len(), pruned: None };
    let mut block = [&head.bytes()[..], parts.entry, &bytes, &table, &frames].concat();
    let hash = sha2::Sha256::digest(&block);
    block.extend_from_slice(&hash);
    block
}

#[test]
fn a_redacted_record_leaves_everything_else_as_it_was() {
    let scratch = small(1);
    let path = wal(&scratch);
    let block = std::fs::read(&path).unwrap();
    let before = Reader::open(&scratch.dir()).unwrap().leaf_hashes(0).unwrap();
    std::fs::write(&path, redact(&block, 1)).unwrap();
    let reader = Reader::open(&scratch.dir()).unwrap();
    assert_eq!(reader.leaf_hashes(0).unwrap(), before);
    let records = numbered(0).bytes;
    let third = records.len() / 3;
    assert_eq!(&*reader.record(RecordRef { leaf: 0, record: 2 }).unwrap(), &records[2 * third..]);
    assert!(reader.record(RecordRef { leaf: 0, record: 1 }).unwrap_err().to_string().contains("was redacted"));
    assert!(reader.salt(RecordRef { leaf: 0, record: 1 }).is_err());
    assert_eq!(scratch.verify().unwrap().redacted, 1);
}

//! The spool under restarts, torn ends, damage and refused writes.

use super::draft::Draft;
use super::fixture_tests::draft;
use super::header::Header;
use super::sealed::{Origin, Sealed, block_length};
use super::spool::{Spool, SpoolReader, SpoolRecovery};
use crate::model::Moment;
use std::path::Path;
use std::time::Duration;

const NOW: Moment = Moment { nanos: 1_795_455_000_000_000_000, digits: 9 };
const AT_ONCE: Duration = Duration::from_millis(1);
const MAX: usize = 64 << 20;

struct Node {
    origin: Origin,
    spool: Spool,
    reader: SpoolReader,
    recovery: SpoolRecovery,
}

fn open(dir: &Path) -> Node {
    let mut origin = Origin::open(&dir.join("key"), "spiffe://lab/agent/node-1").unwrap();
    let (spool, reader, recovery) =
        Spool::open(&dir.join("spool"), MAX as u64, &mut |_, header| origin.go_on(header)).unwrap();
    Node { origin, spool, reader, recovery }
}

impl Node {
    fn take(&mut self, source: &str, text: &str) {
        let draft: Draft = draft(source, &[text.as_bytes().to_vec()]);
        let Node { origin, spool, .. } = self;
        spool.append(|out| origin.seal(&draft, NOW, out)).unwrap();
    }

    fn read(&mut self) -> Vec<Sealed> {
        let bytes = self.reader.read(MAX, AT_ONCE).unwrap().unwrap();
        let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
        while let Some(length) = block_length(rest).unwrap() {
            let (block, behind) = rest.split_at(length);
            found.push(Sealed::check(block.to_vec()).unwrap());
            rest = behind;
        }
        found
    }
}

fn seqs(blocks: &[Sealed]) -> Vec<(String, u64)> {
    blocks.iter().map(|block| (block.header.source.clone(), block.header.seq)).collect()
}

fn pairs(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(source, seq)| ((*source).to_owned(), *seq)).collect()
}

#[test]
fn blocks_come_in_order_and_chains_go_on_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path());
    node.take("a", "1\n");
    node.take("b", "2\n");
    assert!(node.read().is_empty(), "not durable, so not sent");
    node.spool.sync().unwrap();
    let first = node.read();
    assert_eq!(seqs(&first), pairs(&[("a", 0), ("b", 0)]));
    for block in &first {
        block.open(&node.origin.vkey()).unwrap();
    }
    drop(node);
    // Nothing was confirmed: the same blocks are sent again, and the chains go on.
    let mut node = open(dir.path());
    node.take("a", "3\n");
    node.spool.sync().unwrap();
    let again = node.read();
    assert_eq!(
        again.iter().map(|block| block.hash).collect::<Vec<_>>(),
        first.iter().map(|block| block.hash).collect::<Vec<_>>()
    );
    let third = node.read();
    assert_eq!(seqs(&third), pairs(&[("a", 1)]));
    assert_eq!(third[0].header.previous, first[0].hash);
    assert_eq!(third[0].header.epoch, first[0].header.epoch);
}

#[test]
fn what_is_confirmed_is_removed_and_the_chain_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path());
    let mut last: Option<Header> = None;
    // Each run begins a segment.
    for round in 0..3 {
        node.take("a", &format!("{round}\n"));
        node.spool.sync().unwrap();
        let blocks = node.read();
        assert_eq!(seqs(&blocks), pairs(&[("a", round)]));
        assert!(node.reader.is_drained());
        last = Some(blocks[0].header.clone());
        assert!(node.spool.bytes() > 0);
        node.reader.confirm(&[blocks[0].header.clone()]).unwrap();
        assert_eq!(node.spool.bytes(), 0, "nothing waits");
        node.reader.save_position().unwrap();
        drop(node);
        node = open(dir.path());
        assert_eq!((node.spool.bytes(), node.recovery.blocks), (0, 0));
        assert!(node.read().is_empty(), "confirmed, so not sent again");
    }
    let segments = std::fs::read_dir(dir.path().join("spool")).unwrap();
    let segments = segments.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().len() == 20).count();
    assert_eq!(segments, 1, "only the newest is kept");
    // Even when no block is left, the chain is not begun again.
    for entry in std::fs::read_dir(dir.path().join("spool")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().len() == 20 {
            std::fs::remove_file(path).unwrap();
        }
    }
    let mut node = open(dir.path());
    node.take("a", "more\n");
    node.spool.sync().unwrap();
    let blocks = node.read();
    assert_eq!(blocks[0].header.epoch, last.unwrap().epoch);
    assert_eq!(seqs(&blocks), pairs(&[("a", 3)]));
}

#[test]
fn a_torn_end_is_cut_and_damage_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path());
    for text in ["1\n", "2\n", "3\n"] {
        node.take("a", text);
        node.spool.sync().unwrap();
    }
    drop(node);
    let segment = dir.path().join("spool").join(format!("{:020}", 0));
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
    let mut node = open(dir.path());
    assert_eq!(seqs(&node.read()), pairs(&[("a", 0), ("a", 1)]));
    drop(node);
    let mut bytes = whole.clone();
    let second = block_length(&bytes).unwrap().unwrap() + 40;
    bytes[second] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    let (_, _, recovery) = Spool::open(&dir.path().join("spool"), MAX as u64, &mut |_, _| Ok(())).unwrap();
    assert_eq!((recovery.blocks, recovery.damaged.len()), (1, 1));
    assert!(segment.with_extension("damaged").exists());
    let mut node = open(dir.path());
    assert_eq!(seqs(&node.read()), pairs(&[("a", 0)]));
}

#[test]
fn a_full_spool_says_so_and_room_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut origin = Origin::open(&dir.path().join("key"), "n").unwrap();
    let (mut spool, mut reader, _) =
        Spool::open(&dir.path().join("spool"), 9 << 20, &mut |_, header| origin.go_on(header)).unwrap();
    let mut noise = 88_172_645_463_325_252_u64;
    let mut taken = 0;
    while spool.wait_for_room(Duration::ZERO) {
        let bytes: Vec<u8> = (0..131_072)
            .flat_map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_ne_bytes()
            })
            .map(|byte| if byte == b'\n' { b'n' } else { byte })
            .collect();
        let draft = draft("a", &[bytes[..1 << 20].to_vec()]);
        spool.append(|out| origin.seal(&draft, NOW, out)).unwrap();
        spool.sync().unwrap();
        taken += 1;
        assert!(taken < 100, "it never fills up");
    }
    let mut last = None;
    while !reader.is_drained() {
        let bytes = reader.read(1, AT_ONCE).unwrap().unwrap();
        assert_eq!(block_length(&bytes).unwrap(), Some(bytes.len()), "one at least, and one only");
        last = Some(super::sealed::sealed_header(&bytes).unwrap());
    }
    reader.confirm(&[last.unwrap()]).unwrap();
    assert!(spool.wait_for_room(Duration::ZERO));
}

/// A crash at any step of the disk: what `sync` had returned for is there, in order, and nothing twice.
#[test]
fn a_crash_at_any_step_loses_nothing_that_was_synced() {
    for step in 0..40 {
        for after in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut node = open(dir.path());
            let (mut synced, mut confirmed) = (Vec::new(), 0);
            super::faults::arm(step, after);
            for round in 0..6_u64 {
                let text = format!("{round}\n");
                let draft = draft("a", &[text.as_bytes().to_vec()]);
                let Node { origin, spool, reader, .. } = &mut node;
                let Ok(header) = spool.append(|out| origin.seal(&draft, NOW, out)) else { break };
                if spool.sync().is_err() {
                    break;
                }
                synced.push(header.seq);
                if round % 2 == 1 {
                    let Ok(Some(_)) = reader.read(MAX, AT_ONCE) else { break };
                    // The collector has it, whether that is noted here or not.
                    confirmed = header.seq + 1;
                    if reader.confirm(std::slice::from_ref(&header)).is_err() || reader.save_position().is_err() {
                        break;
                    }
                }
            }
            super::faults::disarm();
            drop(node);
            let mut node = open(dir.path());
            let mut sent: Vec<u64> = Vec::new();
            while !node.reader.is_drained() {
                sent.extend(node.read().iter().map(|block| block.header.seq));
            }
            let expected: Vec<u64> = synced.iter().copied().filter(|seq| *seq >= confirmed).collect();
            assert!(sent.windows(2).all(|pair| pair[0] + 1 == pair[1]), "step {step}: {sent:?}");
            for seq in expected {
                assert!(sent.contains(&seq), "step {step}: {seq} was synced and is gone; {sent:?} are there");
            }
        }
    }
}

//! Whatever is altered in a store is refused, and named.

use std::fs;
use std::path::{Path, PathBuf};

use super::fixture_tests::{Scratch, copy_dir, envelope, files, numbered, small, wal};
use super::{Checkpoint, Fault, Reader, VerifyError, VerifyOptions, fsck, verify};

/// The faults of a store that must have some.
fn faults(scratch: &Scratch, change: &str) -> Vec<Fault> {
    match scratch.verify() {
        Err(VerifyError::Refused(faults)) => faults,
        other => panic!("{change}: {other:?}"),
    }
}

/// A store of `batches` is altered, and the first bad place that is named is this file.
fn check(batches: usize, what: &str, first: &str, change: impl FnOnce(&Scratch)) {
    let scratch = small(batches);
    scratch.verify().unwrap();
    change(&scratch);
    let faults = faults(&scratch, what);
    assert_eq!(faults[0].path, scratch.dir().join(first), "{what}: {faults:?}");
}

#[test]
fn a_flipped_bit_in_every_byte_is_found_and_named() {
    let scratch = small(4);
    // The writer is dropped as by a crash, so that the lock has its line.
    drop(scratch.open());
    let mut flipped = 0;
    for path in files(&scratch.dir()) {
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let faults = faults(&scratch, &format!("byte {at} of {}", path.display()));
            assert_eq!(faults[0].path, path, "byte {at}: {faults:?}");
            flipped += 1;
        }
        fs::write(&path, &sound).unwrap();
    }
    assert!(flipped > 7_000, "{flipped} bytes");
    scratch.verify().unwrap();
}

#[test]
fn every_truncation_is_found() {
    let scratch = small(3);
    for path in files(&scratch.dir()) {
        let sound = fs::read(&path).unwrap();
        for length in (0..sound.len()).step_by(7) {
            fs::write(&path, &sound[..length]).unwrap();
            let faults = faults(&scratch, &format!("{} cut to {length}", path.display()));
            assert_eq!(faults[0].path, path, "cut to {length}: {faults:?}");
        }
        fs::remove_file(&path).unwrap();
        if path.ends_with("lock") {
            scratch.verify().unwrap();
        } else {
            let faults = faults(&scratch, &format!("{} removed", path.display()));
            assert_eq!(faults[0].path, path, "removed: {faults:?}");
        }
        fs::write(&path, &sound).unwrap();
    }
}

/// The blocks of a segment.
fn blocks(path: &Path) -> Vec<Vec<u8>> {
    let file = fs::File::open(path).unwrap();
    let mut scan = super::segment::Blocks::over(file, path.to_owned(), 0).unwrap();
    let (mut blocks, mut block) = (Vec::new(), Vec::new());
    while let super::segment::Next::Block = scan.next(&mut block).unwrap() {
        blocks.push(block.clone());
    }
    blocks
}

#[test]
fn swapped_repeated_and_removed_blocks_are_found() {
    check(4, "swapped blocks", "wal/000", |scratch| {
        let mut blocks = blocks(&wal(scratch));
        blocks.swap(1, 3);
        fs::write(wal(scratch), blocks.concat()).unwrap();
    });
    check(4, "a block twice, in the place of another", "wal/000", |scratch| {
        let mut blocks = blocks(&wal(scratch));
        blocks[2] = blocks[0].clone();
        fs::write(wal(scratch), blocks.concat()).unwrap();
    });
    check(4, "a block appended again", "wal/000", |scratch| {
        let mut blocks = blocks(&wal(scratch));
        blocks.push(blocks[0].clone());
        fs::write(wal(scratch), blocks.concat()).unwrap();
    });
    check(4, "a block removed", "wal/000", |scratch| {
        let mut blocks = blocks(&wal(scratch));
        blocks.remove(1);
        fs::write(wal(scratch), blocks.concat()).unwrap();
    });
    check(513, "swapped segments", "batches/000", |scratch| {
        let (a, b) = (scratch.dir().join("batches/000"), scratch.dir().join("batches/001"));
        let aside = scratch.tmp.path().join("aside");
        fs::rename(&a, &aside).unwrap();
        fs::rename(&b, &a).unwrap();
        fs::rename(&aside, &b).unwrap();
    });
    check(513, "a segment removed", "batches/001", |scratch| {
        fs::remove_file(scratch.dir().join("batches/000")).unwrap();
    });
}

/// A block with another payload, its own hash made to fit.
fn reseal(block: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    use sha2::Digest;
    let mut body = block[..block.len() - 32].to_vec();
    change(&mut body);
    let hash = sha2::Sha256::digest(&body);
    body.extend_from_slice(&hash);
    body
}

#[test]
fn a_careful_forger_is_found() {
    for (what, from, to) in [
        ("another secret", None, None),
        ("another time of receipt", Some("\nreceived 2026"), Some("\nreceived 2025")),
        ("another node", Some("\nnode %2D"), Some("\nnode %2C")),
        ("another root", Some("\nroot "), Some("\nroot 0")),
    ] {
        check(3, what, "wal/000", |scratch| {
            let mut blocks = blocks(&wal(scratch));
            blocks[1] = reseal(&blocks[1], |body| match from.zip(to) {
                Some((from, to)) => {
                    let at = memchr::memmem::find(body, from.as_bytes()).unwrap();
                    let before = body.clone();
                    body[at..at + to.len()].copy_from_slice(to.as_bytes());
                    // A root may begin with that digit.
                    if *body == before {
                        body[at + to.len() - 1] ^= 1;
                    }
                }
                None => {
                    let entry = u32::from_be_bytes(body[4..8].try_into().unwrap()) as usize;
                    body[20 + entry + 1] ^= 1;
                }
            });
            fs::write(wal(scratch), blocks.concat()).unwrap();
        });
    }
    check(3, "swapped records", "wal/000", |scratch| {
        let mut blocks = blocks(&wal(scratch));
        blocks[1] = reseal(&blocks[1], |body| {
            let lengths: Vec<usize> = (0..4)
                .map(|at| u32::from_be_bytes(body[4 + 4 * at..8 + 4 * at].try_into().unwrap()) as usize)
                .collect();
            let frames_at = 20 + lengths[0] + lengths[1] + lengths[2];
            let raw = zstd::bulk::decompress(&body[frames_at..], 1 << 20).unwrap();
            let third = raw.len() / 3;
            let swapped = [&raw[third..2 * third], &raw[..third], &raw[2 * third..]].concat();
            let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
            compressor.set_parameter(zstd::zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
            let frame = compressor.compress(&swapped).unwrap();
            assert_ne!(raw, swapped);
            body.truncate(frames_at);
            // A new table: one frame of three records.
            let table_at = frames_at - lengths[2];
            body.truncate(table_at);
            assert!((128..16_384).contains(&frame.len()) || frame.len() < 128);
            let mut table = vec![1];
            if frame.len() < 128 {
                table.push(frame.len() as u8);
            } else {
                table.extend([(frame.len() & 127) as u8 | 128, (frame.len() >> 7) as u8]);
            }
            table.extend([3, third as u8, third as u8, third as u8]);
            body.extend_from_slice(&table);
            body.extend_from_slice(&frame);
            body[12..16].copy_from_slice(&(table.len() as u32).to_be_bytes());
            body[16..20].copy_from_slice(&(frame.len() as u32).to_be_bytes());
        });
        fs::write(wal(scratch), blocks.concat()).unwrap();
    });
}

#[test]
fn edited_checkpoints_and_forged_tiles_are_found() {
    check(4, "an edited size", "log/checkpoint", |scratch| {
        let path = scratch.dir().join("log/checkpoint");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("\n4\n", "\n3\n")).unwrap();
    });
    check(4, "a second signature", "log/checkpoint", |scratch| {
        let path = scratch.dir().join("log/checkpoint");
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().last().unwrap().replace("node", "mode");
        fs::write(&path, format!("{text}{line}\n")).unwrap();
    });
    check(300, "a forged full tile", "log/tile/0/000", |scratch| {
        let path = scratch.dir().join("log/tile/0/000");
        let mut bytes = fs::read(&path).unwrap();
        bytes[77] ^= 4;
        fs::write(&path, bytes).unwrap();
    });
    check(300, "a tile beyond the log", "log/tile/0/002.p/3", |scratch| {
        fs::create_dir(scratch.dir().join("log/tile/0/002.p")).unwrap();
        fs::write(scratch.dir().join("log/tile/0/002.p/3"), [0; 96]).unwrap();
    });
}

#[test]
fn what_does_not_belong_is_found() {
    for name in ["x", "log/x", "log/tile/x", "log/tile/0/1", "batches/x", "batches/001", "wal/001"] {
        check(2, name, name, |scratch| {
            let path = scratch.dir().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        });
    }
    for name in ["x", "log/x", "log/tile/8", "log/tile/0/x12", "log/tile/0/0001.p", "batches/x", "lock.d", "wal/000.p"]
    {
        check(2, name, name, |scratch| fs::create_dir_all(scratch.dir().join(name)).unwrap());
    }
    check(2, "a link", "log/link", |scratch| {
        std::os::unix::fs::symlink("/etc/passwd", scratch.dir().join("log/link")).unwrap();
    });
    let scratch = small(2);
    for name in ["index/any/thing", "state/some"] {
        let path = scratch.dir().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    scratch.verify().unwrap();
}

#[test]
fn a_rollback_of_the_whole_folder_is_found() {
    let scratch = small(3);
    let old = scratch.tmp.path().join("old");
    copy_dir(&scratch.dir(), &old);
    let mut writer = scratch.open();
    writer.append(numbered(3), &envelope()).unwrap();
    writer.close().unwrap();
    let head = Reader::open(&scratch.dir()).unwrap().checkpoint().unwrap();
    fs::remove_dir_all(scratch.dir()).unwrap();
    copy_dir(&old, &scratch.dir());
    let found = faults(&scratch, "rolled back");
    assert_eq!(found[0].path, scratch.key_dir().join("last-signed"), "{found:?}");
    assert!(found[0].what.contains("rolled back: 4 log entries were signed, it has 3"), "{found:?}");
    assert!(super::Writer::open(&scratch.options()).is_err());
    // Elsewhere, a saved head says so.
    let options =
        VerifyOptions { head: Some(head), state_home: Some(PathBuf::from("/nonexistent")), ..VerifyOptions::default() };
    let Err(VerifyError::Refused(found)) = verify(&scratch.dir(), &options, &mut |_, _| ()) else { panic!("passed") };
    assert!(found[0].what.contains("rolled back"), "{found:?}");
}

#[test]
fn another_history_of_the_same_length_is_found() {
    let scratch = small(3);
    let copies = [scratch.tmp.path().join("copy"), scratch.tmp.path().join("copied-keys")];
    copy_dir(&scratch.dir(), &copies[0]);
    copy_dir(&scratch.home(), &copies[1]);
    let mut writer = scratch.open();
    writer.append(numbered(3), &envelope()).unwrap();
    writer.close().unwrap();
    let head = Reader::open(&scratch.dir()).unwrap().checkpoint().unwrap();
    fs::remove_dir_all(scratch.dir()).unwrap();
    fs::remove_dir_all(scratch.home()).unwrap();
    fs::rename(&copies[0], scratch.dir()).unwrap();
    fs::rename(&copies[1], scratch.home()).unwrap();
    let mut writer = scratch.open();
    writer.append(numbered(5), &envelope()).unwrap();
    let other = writer.close().unwrap();
    assert_eq!(other.size, Checkpoint::parse_unauthenticated(&head).unwrap().size);
    scratch.verify().unwrap();
    let options = VerifyOptions { head: Some(head), state_home: Some(scratch.home()), ..VerifyOptions::default() };
    let Err(VerifyError::Refused(found)) = verify(&scratch.dir(), &options, &mut |_, _| ()) else { panic!("passed") };
    assert!(found[0].what.contains("does not extend it"), "{found:?}");
}

#[test]
fn fsck_repairs_what_follows_from_the_segments_and_nothing_else() {
    let scratch = small(300);
    for (name, cut) in [("log/tile/0/000", true), ("log/tile/entries/000", false), ("log/tile/0/001.p/44", false)] {
        let path = scratch.dir().join(name);
        if cut { fs::write(&path, "x").unwrap() } else { fs::remove_file(&path).unwrap() }
    }
    let report = fsck(&scratch.dir(), false, &mut |_, _| ()).unwrap();
    assert_eq!((report.repairable.len(), report.faults.len(), report.is_sound()), (3, 0, false), "{report:?}");
    assert!(scratch.verify().is_err());
    assert!(fsck(&scratch.dir(), true, &mut |_, _| ()).unwrap().is_sound());
    scratch.verify().unwrap();
    let path = scratch.dir().join("batches/000");
    let mut bytes = fs::read(&path).unwrap();
    bytes[5_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = fsck(&scratch.dir(), true, &mut |_, _| ()).unwrap();
    assert!(!report.is_sound() && !report.repaired && report.faults[0].path == path, "{report:?}");
}

//! Tests of `reader`, `decode`, `open` and `walk` on real files.

use super::batch_tests::{check, records};
use super::*;
use crate::evidence::Draft;
use crate::model::RecordKind;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What was read so far, and what it was read with.
#[derive(Default)]
struct Kept {
    drafts: Vec<Draft>,
}

impl Kept {
    fn read(&mut self, path: &Path) -> FileReport {
        self.read_as(path, None)
    }

    fn read_as(&mut self, path: &Path, kind: Option<RecordKind>) -> FileReport {
        let cursors: Vec<Cursor> = self.drafts.iter().filter_map(Cursor::of).collect();
        let options = ReadOptions { source: "test".into(), kind, ..ReadOptions::default() };
        let mut emit = |draft| {
            self.drafts.push(draft);
            Ok(())
        };
        let mut lookup =
            |query: &ResumeQuery| cursors.iter().filter(|cursor| query.fits(cursor)).cloned().collect::<Vec<_>>();
        let mut packed = 0;
        let report = read_file(path, &options, &mut lookup, &mut emit, &mut |more| packed += more).unwrap();
        if report.issues.is_empty() && report.skipped.is_none() && report.kind.is_some() {
            assert!(
                packed >= fs::metadata(path).unwrap().len().min(report.bytes),
                "progress reaches the end: {packed}"
            );
        }
        report
    }
}

fn line(serial: usize) -> Vec<u8> {
    format!("type=SYSCALL msg=audit(1700000000.{:03}:{serial}): arch=c000003e syscall=59 a0={serial}\n", serial % 1000)
        .into_bytes()
}

fn log(from: usize, to: usize) -> Vec<u8> {
    (from..to).flat_map(line).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_file_is_read_once_under_any_name_and_packing() {
    let dir = tempfile::tempdir().unwrap();
    let content = log(0, 5_000);
    let mut kept = Kept::default();
    let report = kept.read(&write(dir.path(), "a.log", &content));
    assert_eq!((report.bytes, report.records, report.skipped_bytes), (content.len() as u64, 5_000, 0));
    assert_eq!(report.kind, Some(RecordKind::Auditd));
    check(&content, 0, &kept.drafts);
    let halves = [gz(&content[..70_000]), gz(&content[70_000..])].concat();
    let frames = [zst(&content[..1]), zst(&content[1..])].concat();
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], zst(&content).as_slice()].concat();
    for (name, bytes) in [
        ("b.log", content.clone()),
        ("a.log.1.gz", gz(&content)),
        ("named-wrong.gz", zst(&content)),
        ("two-members.gz", halves),
        ("two-frames.zst", frames),
        ("skippable.zst", skippable),
    ] {
        let again = kept.read(&write(dir.path(), name, &bytes));
        let expected = (0, 0, content.len() as u64, 5_000);
        assert_eq!((again.bytes, again.records, again.skipped_bytes, again.skipped_records), expected, "{name}");
        assert!(again.issues.is_empty(), "{name}: {:?}", again.issues);
    }
    // Grown since, and compressed: only what is new.
    let more = [content.as_slice(), &log(5_000, 6_000)].concat();
    let before = kept.drafts.len();
    let report = kept.read(&write(dir.path(), "c.zst", &zst(&more)));
    assert_eq!((report.records, report.skipped_records), (1_000, 5_000));
    check(&more, content.len(), &kept.drafts[before..]);
}

#[test]
fn an_unfinished_line_is_completed_once() {
    let dir = tempfile::tempdir().unwrap();
    let whole = log(0, 3);
    for cut in [whole.len() - 1, whole.len() - 20, whole.len() - line(2).len() + 1] {
        let mut kept = Kept::default();
        let first = kept.read_as(&write(dir.path(), "a", &whole[..cut]), Some(RecordKind::Auditd));
        assert_eq!(first.records, 3);
        let second = kept.read_as(&write(dir.path(), "a", &whole), Some(RecordKind::Auditd));
        assert_eq!((second.records, second.skipped_bytes), (1, cut as u64));
        assert!(kept.drafts.last().unwrap().continues, "it goes on in the middle of a record");
        assert_eq!(kept.drafts.iter().flat_map(|draft| draft.bytes.clone()).collect::<Vec<_>>(), whole);
        let third = kept.read_as(&dir.path().join("a"), Some(RecordKind::Auditd));
        assert_eq!((third.records, third.skipped_records), (0, 3));
    }
}

#[test]
fn a_bad_tail_keeps_what_lies_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let content = log(0, 20_000);
    let packed = gz(&content);
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    let garbage = [packed.as_slice(), b"garbage"].concat();
    let zpacked = zst(&content);
    for (name, bytes, all) in [
        ("cut.gz", &packed[..packed.len() - 1_000], false),
        ("cut-in-its-trailer.gz", &packed[..packed.len() - 3], true),
        ("sum.gz", &wrong_sum, true),
        ("garbage.gz", &garbage, true),
        ("cut.zst", &zpacked[..zpacked.len() - 1_000], false),
    ] {
        let mut kept = Kept::default();
        let path = write(dir.path(), name, bytes);
        let report = kept.read(&path);
        let kinds: Vec<&str> = report.issues.iter().map(|issue| issue.kind).collect();
        assert_eq!(kinds, ["bad-compressed-tail"], "{name}");
        assert_eq!(report.issues[0].at, report.bytes, "{name}: the offset is where reading ended");
        assert_eq!(report.bytes == content.len() as u64, all, "{name}: {} of {}", report.bytes, content.len());
        assert!(report.bytes > 100_000, "{name}");
        check(&content[..usize::try_from(report.bytes).unwrap()], 0, &kept.drafts);
        let again = kept.read(&path);
        assert_eq!((again.records, again.skipped_bytes), (0, report.bytes), "{name}");
        assert_eq!(again.issues, report.issues, "{name}");
        // The whole file comes after all.
        let whole = kept.read(&write(dir.path(), "whole", &content));
        assert_eq!(whole.skipped_bytes + whole.bytes, content.len() as u64, "{name}");
        assert_eq!(whole.skipped_bytes, report.bytes, "{name}");
    }
    let report = Kept::default().read(&write(dir.path(), "nothing.gz", &packed[..12]));
    assert_eq!((report.bytes, report.issues.len()), (0, 1));
}

#[test]
fn odd_bytes_come_through_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let huge = [line(0), vec![b'x'; 2_500_000], b"\n".to_vec(), line(1)].concat();
    let cases: [(&str, Vec<u8>, usize); 8] = [
        ("crlf", log(0, 2).iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect(), 2),
        ("empty lines", [b"\n\n".to_vec(), line(0), b"\n".to_vec(), line(1), b"\n".to_vec()].concat(), 6),
        ("bom", [b"\xef\xbb\xbf".to_vec(), log(0, 2)].concat(), 2),
        ("not utf-8", [line(0), b"type=\xff\xfe msg=audit(1.000:1): \x00\n".to_vec()].concat(), 2),
        ("no line end", line(0)[..20].to_vec(), 1),
        ("huge line", huge, 5),
        ("one byte", b"x".to_vec(), 1),
        ("empty", Vec::new(), 0),
    ];
    for (name, content, count) in cases {
        let mut kept = Kept::default();
        let report = kept.read_as(&write(dir.path(), name, &content), Some(RecordKind::Own));
        assert_eq!(report.bytes, content.len() as u64, "{name}");
        assert_eq!(records(&kept.drafts).len(), count, "{name}");
        assert_eq!(report.records, count as u64, "{name}");
        check(&content, 0, &kept.drafts);
    }
}

#[test]
fn a_bomb_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "bomb.zst", &zst(&vec![b'a'; 40 << 20]));
    let mut decoder = decode::Decoder::new(File::open(&path).unwrap()).unwrap().with_bomb_bytes(4 << 20);
    assert_eq!(decoder.packing(), decode::Packing::Zstd);
    let mut buffer = vec![0; 1 << 20];
    let issue = loop {
        match decoder.read(&mut buffer) {
            Ok(0) => panic!("all of it was unpacked"),
            Ok(_) => {}
            Err(issue) => break issue,
        }
    };
    assert_eq!(issue.kind, "decompression-limit");
    assert!((4 << 20..6 << 20).contains(&issue.at), "{}", issue.at);
}

#[test]
fn what_is_no_file_is_skipped_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let fifo = root.join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    symlink(root.join("loop-a"), root.join("loop-b")).unwrap();
    symlink(root.join("loop-b"), root.join("loop-a")).unwrap();
    symlink(root.join("nothing"), root.join("dangling")).unwrap();
    write(root, "text", b"just some text\n");
    write(root, "packed.xz", b"\xfd7zXZ\0\0\0\0");
    write(root, "text.gz", &gz(b"just some text\n"));
    for (name, reason) in [
        ("fifo", "named pipe"),
        ("socket", "socket"),
        (".", "folder"),
        ("loop-a", "loop of symbolic links"),
        ("dangling", "does not exist"),
        ("nothing", "does not exist"),
        ("text", "not recognised: it starts with"),
        ("text.gz", "not recognised: it starts with"),
        ("packed.xz", "xz"),
        ("text/below", "cannot be read"),
    ] {
        let report = Kept::default().read(&root.join(name));
        let skipped = report.skipped.unwrap_or_else(|| panic!("{name} was read"));
        assert!(skipped.reason.contains(reason), "{name}: {}", skipped.reason);
    }
    let report = Kept::default().read(Path::new("/dev/null"));
    assert!(report.skipped.unwrap().reason.contains("character device"));
}

#[test]
fn folders_are_walked_in_a_stable_order_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("b/empty")).unwrap();
    for name in
        ["a.log", "a.log.10", "a.log.2.gz", "a.log.1", "b/audit.log", "b/audit-2026-11-24T00-00-00.000.log", "c"]
    {
        write(root, name, b"x");
    }
    symlink(root, root.join("b/up")).unwrap();
    symlink(root.join("c"), root.join("b/link")).unwrap();
    symlink(root.join("nothing"), root.join("b/dangling")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("b/fifo")).status().unwrap().success());
    let found = walk(&[root.to_owned(), root.join("missing"), root.join("c")]);
    let name = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
    let files: Vec<String> = found.files.iter().map(|file| name(&file.path)).collect();
    let expected = [
        "a.log.10",
        "a.log.2.gz",
        "a.log.1",
        "a.log",
        "c",
        "b/audit-2026-11-24T00-00-00.000.log",
        "b/audit.log",
        "b/link",
        "c",
    ];
    assert_eq!(files, expected);
    assert!(found.files.iter().all(|file| file.bytes == 1));
    let mut skipped: Vec<(String, &str)> =
        found.skipped.iter().map(|skipped| (name(&skipped.path), skipped.reason.as_str())).collect();
    skipped.sort();
    let names: Vec<&str> = skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["b/dangling", "b/fifo", "b/up", "missing"]);
    assert!(skipped[1].1.contains("FIFO") && skipped[2].1.contains("loop"), "{skipped:?}");
}

#[test]
fn reading_stops_when_its_consumer_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "a.log", &log(0, 5_000));
    let mut taken = 0;
    let mut emit = |_| {
        taken += 1;
        if taken == 2 { Err(Stop) } else { Ok(()) }
    };
    let options = ReadOptions::default();
    assert_eq!(read_file(&path, &options, &mut |_: &ResumeQuery| Vec::new(), &mut emit, &mut |_| {}), Err(Stop));
    assert_eq!(taken, 2);
}

#[test]
fn paths_are_kept_as_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(std::ffi::OsStr::from_bytes(b"odd-\xff\n.log"));
    fs::write(&path, log(0, 1)).unwrap();
    let mut kept = Kept::default();
    kept.read(&path);
    let id = kept.drafts[0].position.file.clone().unwrap();
    assert_eq!(id.path, path.as_os_str().as_bytes());
    assert!(id.ino > 0 && id.dev > 0);
}

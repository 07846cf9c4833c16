//! What the tests of this room build stores from.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{
    Door, Draft, Envelope, FileId, Position, StoreOptions, VerifyError, VerifyOptions, VerifyReport, Writer, verify,
};
use crate::model::{Moment, RecordKind};
use std::sync::Arc;

/// A store and its keys in a folder of their own.
pub(super) struct Scratch {
    pub(super) tmp: tempfile::TempDir,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        // Thousands of syncs: in memory where there is such a folder.
        let memory = Path::new("/dev/shm");
        let tmp = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Scratch { tmp: tmp.unwrap() }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.tmp.path().join("store")
    }

    pub(super) fn home(&self) -> PathBuf {
        self.tmp.path().join("keys")
    }

    pub(super) fn options(&self) -> StoreOptions {
        StoreOptions { dir: self.dir(), state_home: Some(self.home()), host: "Node_1.example".to_owned() }
    }

    pub(super) fn open(&self) -> Writer {
        Writer::open(&self.options()).unwrap()
    }

    pub(super) fn verify(&self) -> Result<VerifyReport, VerifyError> {
        let options = VerifyOptions { state_home: Some(self.home()), ..VerifyOptions::default() };
        verify(&self.dir(), &options, &mut |_, _| ())
    }

    pub(super) fn key_dir(&self) -> PathBuf {
        let mut dirs: Vec<PathBuf> = fs::read_dir(self.home()).unwrap().map(|entry| entry.unwrap().path()).collect();
        dirs.sort();
        dirs.into_iter().find(|dir| dir.extension().is_none()).unwrap()
    }
}

/// A sound store of `batches` batches of two sources, published, closed.
pub(super) fn small(batches: usize) -> Scratch {
    let scratch = Scratch::new();
    let mut writer = scratch.open();
    for number in 0..batches {
        writer.append(numbered(number), &envelope()).unwrap();
    }
    writer.close().unwrap();
    scratch
}

/// The batch of that number: a few records, of one of two sources.
pub(super) fn numbered(number: usize) -> Draft {
    let records: Vec<Vec<u8>> =
        (0..3).map(|record| format!("type=SYSCALL msg=audit(1.{number}:{record}): a0=1\n").into_bytes()).collect();
    draft(["a", "b"][number % 2], &records)
}

pub(super) fn draft(source: &str, records: &[Vec<u8>]) -> Draft {
    let bytes = records.concat();
    let end = 1_000 + bytes.len() as u64;
    Draft {
        source: source.to_owned(),
        kind: RecordKind::Auditd,
        reading: Arc::default(),
        cluster: String::new(),
        node: "-".to_owned(),
        position: Position {
            file: Some(FileId { dev: 1, ino: 2, birth: 3, path: b"/var/log/au dit%\xff.log".to_vec() }),
            start: 1_000,
            end,
            head: Sha256::digest(b"head").into(),
            before: [7; 32],
            prefix: Sha256::digest(&bytes).into(),
        },
        continues: false,
        goes_on: false,
        lengths: records.iter().map(|record| record.len() as u32).collect(),
        bytes,
    }
}

pub(super) fn envelope() -> Envelope {
    Envelope::witnessed(Moment { nanos: 1_795_455_000_123_456_789, digits: 9 }, Door::Tail, None)
}

/// Copies a folder with all that is in it.
pub(super) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
}

/// All files below a folder.
pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    super::layout::files_below(dir).unwrap().into_iter().map(|path| dir.join(path)).collect()
}

/// The growing segment.
pub(super) fn wal(scratch: &Scratch) -> PathBuf {
    files(&scratch.dir().join("wal")).remove(0)
}

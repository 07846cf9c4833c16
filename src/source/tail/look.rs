//! What is at a configured path now: for whoever says how its logs are doing. Opens, reads a little, remembers nothing.
//!
//! Not here: following (`file`), how far a file was read (`evidence` knows).

use super::follow::read_full;
use super::listing;
use crate::evidence::{FileId, Hash};
use crate::model::RecordKind;
use crate::source::decode::Packing;
use crate::source::detect::{DETECT_BYTES, kind_of, unrecognised};
use crate::source::error::SourceError;
use crate::source::names::{Family, glob_matches};
use crate::source::open::open;
use crate::source::prefix::HEAD_BYTES;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The logs of a configured path.
#[derive(Debug, Default)]
pub struct Listed {
    /// Path of each log, and the paths of its rotated files. The log itself need not exist.
    pub logs: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// Folders that could not be listed, and why.
    pub troubles: Vec<String>,
}

/// Lists what a configured path names now. A path without `*` is a log, whether it exists or not.
pub fn listed(pattern: &Path) -> Listed {
    let mut troubles = HashMap::new();
    let mut logs: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    if !is_pattern(pattern) {
        let (folder, name) = listing::folder_and_pattern(pattern);
        logs.insert(folder.join(name), Vec::new());
    }
    for (folder, family, name) in listing::files_of(pattern, &mut troubles) {
        let base = folder.join(OsStr::from_bytes(&family.base));
        let rotated = logs.entry(base).or_default();
        if name.as_bytes() != family.base {
            rotated.push(folder.join(name));
        }
    }
    let mut troubles: Vec<String> =
        troubles.into_iter().map(|(folder, reason)| format!("{}: {reason}", folder.display())).collect();
    troubles.sort();
    Listed { logs, troubles }
}

/// Whether a configured path may name several logs.
pub fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_bytes().contains(&b'*')
}

/// Whether a path has the name of a rotated file of a log that a configured path names.
pub fn is_rotated(pattern: &Path, path: &Path) -> bool {
    let (Some(pattern), Some(name)) = (pattern.file_name(), path.file_name()) else { return false };
    let base = Family::of(name.as_bytes()).base;
    base != name.as_bytes() && glob_matches(pattern.as_bytes(), &base)
}

/// The path of the log that a file belongs to by its name: that of a rotated file without what rotation added.
pub fn log_of(path: &Path) -> PathBuf {
    let base = path.file_name().map(|name| Family::of(name.as_bytes()).base);
    base.map_or_else(|| path.to_owned(), |base| path.with_file_name(OsStr::from_bytes(&base)))
}

/// A regular file that can be read.
#[derive(Debug)]
pub struct Look {
    /// Who it is.
    pub id: FileId,
    /// Bytes, as they lie there.
    pub size: u64,
    /// It is compressed: its size says nothing about how far it was read.
    pub packed: bool,
    file: File,
    head: Vec<u8>,
}

/// Looks at a file.
///
/// # Errors
/// As `open`; what the operating system says to reading its first bytes.
pub fn look(path: &Path) -> Result<Look, SourceError> {
    let opened = open(path)?;
    let head = head(&opened.file, HEAD_BYTES)?;
    let packed = Packing::of(&head) != Packing::Plain;
    Ok(Look { id: opened.id, size: opened.size, packed, file: opened.file, head })
}

impl Look {
    /// Whether its first bytes are those of a file that was read up to `end`; `head` is the hash that its batch names.
    pub fn begins_with(&self, head: &Hash, end: u64) -> bool {
        let bytes = usize::try_from(end).unwrap_or(usize::MAX).min(HEAD_BYTES);
        self.head.get(..bytes).is_some_and(|found| Hash::from(Sha256::digest(found)) == *head)
    }

    /// The kind of its records, found by looking.
    ///
    /// # Errors
    /// None that is known; what the operating system says.
    pub fn kind(&self) -> Result<RecordKind, SourceError> {
        let head = head(&self.file, DETECT_BYTES)?;
        kind_of(&head).ok_or_else(|| unrecognised(&head))
    }
}

fn head(file: &File, bytes: usize) -> Result<Vec<u8>, SourceError> {
    let mut head = vec![0; bytes];
    let read = read_full(file, &mut head, 0)?;
    head.truncate(read);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_configured_path_names_logs_and_their_rotated_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["a.log", "a.log.1", "a.log.2.gz", "b.log.1", "c.txt"] {
            fs::write(path(name), "x").unwrap();
        }
        let all = listed(&path("*.log"));
        assert_eq!(all.logs[&path("a.log")], [path("a.log.2.gz"), path("a.log.1")], "the oldest first");
        assert_eq!(all.logs[&path("b.log")], [path("b.log.1")], "just rotated, no new one yet");
        assert_eq!((all.logs.len(), all.troubles.len()), (2, 0));
        assert_eq!(listed(&path("none.log")).logs.len(), 1, "a log that is not there is one");
        assert!(listed(&path("none*.log")).logs.is_empty());
        assert!(is_rotated(&path("*.log"), &path("a.log.1")));
        assert!(!is_rotated(&path("*.log"), &path("a.log")) && !is_rotated(&path("*.log"), &path("c.txt.1")));
        let bad = listed(&path("c.txt/x.log"));
        assert_eq!((bad.logs.len(), bad.troubles.len()), (1, 1), "a file where a folder should be");
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(&path, "0123456789").unwrap();
        let seen = look(&path).unwrap();
        let hash = |bytes: &[u8]| Hash::from(Sha256::digest(bytes));
        assert_eq!((seen.size, seen.packed), (10, false));
        assert!(seen.begins_with(&hash(b"01234"), 5));
        assert!(!seen.begins_with(&hash(b"01234"), 6) && !seen.begins_with(&hash(b"x1234"), 5));
        assert!(!seen.begins_with(&hash(b"0123456789"), 11), "shorter than what was read");
        assert!(seen.kind().unwrap_err().to_string().contains("it starts with `0123456789`"));
        assert!(look(dir.path()).unwrap_err().to_string().contains("is a folder"));
    }
}

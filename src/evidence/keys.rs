//! The folder of a store's key (`docs/format.md` §1): `key`, `key.pub`, `last-signed`; outside of the store.
//!
//! Not here: the form of keys (`note`), what is signed when (`writer`), a new key for an old store (`adopt`).

use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::disk;
use super::error::EvidenceError;
use super::note::{SigningKey, VerifierKey};
use super::text::hex;

const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The key of a store, ready to sign, and the memory of what it signed last.
pub(super) struct KeyDir {
    dir: PathBuf,
    pub(super) key: SigningKey,
    /// Held, so that no second copy of the store is written with this key at the same time.
    _lock: File,
}

impl KeyDir {
    /// Makes a key in a folder that must not exist.
    pub(super) fn create(dir: &Path, origin: &str) -> Result<KeyDir, EvidenceError> {
        if dir.exists() {
            return Err(EvidenceError::Exists { path: dir.to_owned() });
        }
        let key = SigningKey::generate(origin).map_err(EvidenceError::note(dir))?;
        // A crash up to the first checkpoint: a folder with a key that nothing was signed with; it may be deleted.
        disk::create_dirs(dir, 0o700)?;
        let mut secret = format!("{}\n", key.to_text()).into_bytes();
        for (name, bytes) in [("key", secret.as_slice()), ("key.pub", format!("{}\n", key.vkey()).as_bytes())] {
            let path = dir.join(name);
            disk::sync(&disk::create(&path, bytes, 0o600)?, &path)?;
        }
        secret.fill(0);
        disk::sync_dir(dir)?;
        Ok(KeyDir { dir: dir.to_owned(), key, _lock: lock(dir)? })
    }

    /// Reads a key that must exist, and be nobody else's to read.
    pub(super) fn load(dir: &Path) -> Result<KeyDir, EvidenceError> {
        let path = dir.join("key");
        let Some(mut text) = disk::read_small(&path, FILE_BYTES_MAX)? else {
            return Err(EvidenceError::KeyMissing { path: path.clone() });
        };
        check_private(dir, "700")?;
        for name in ["key", "key.pub", "last-signed"] {
            let path = dir.join(name);
            if path.exists() {
                check_private(&path, "600")?;
            }
        }
        let key = std::str::from_utf8(&text).unwrap_or_default();
        let key = SigningKey::parse(key.strip_suffix('\n').unwrap_or(key));
        text.fill(0);
        let key = key.map_err(EvidenceError::note(&path))?;
        Ok(KeyDir { dir: dir.to_owned(), key, _lock: lock(dir)? })
    }

    pub(super) fn last_signed_path(&self) -> PathBuf {
        self.dir.join("last-signed")
    }

    /// The newest checkpoint that was signed, as a note and read, its signature checked.
    pub(super) fn last_signed(&self) -> Result<Option<(String, Checkpoint)>, EvidenceError> {
        let path = self.last_signed_path();
        let Some(note) = read_note(&path)? else { return Ok(None) };
        let checkpoint = Checkpoint::open(&note, &self.key.vkey()).map_err(EvidenceError::note(&path))?;
        Ok(Some((note, checkpoint)))
    }

    /// Replaces `last-signed`, when it still holds what it is believed to hold.
    pub(super) fn swap_last_signed(&self, expected: Option<&str>, new: &str) -> Result<(), EvidenceError> {
        let path = self.last_signed_path();
        if read_note(&path)?.as_deref() != expected {
            return Err(EvidenceError::SignedElsewhere { path });
        }
        // A crash in here: the old one holds, and the tree of the store extends it.
        disk::replace(&path, new.as_bytes(), 0o600)
    }
}

/// The folder of all keys: the given one, `$XDG_STATE_HOME/deponent`, for root `/var/lib/deponent`, else `~/.local/state/deponent`.
pub(super) fn state_home(given: Option<&Path>) -> Result<PathBuf, EvidenceError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(home) = absolute("XDG_STATE_HOME") {
        return Ok(home.join("deponent"));
    }
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        return Ok(PathBuf::from("/var/lib/deponent"));
    }
    absolute("HOME").map(|home| home.join(".local/state/deponent")).ok_or(EvidenceError::NoStateHome)
}

/// The folder of one store's key, which must not lie in the store.
pub(super) fn key_dir(home: &Path, origin: &str, store: &Path) -> Result<PathBuf, EvidenceError> {
    let id = store_id(origin).unwrap_or_default();
    let dir = home.join(id);
    // Of a folder that does not exist yet, the part that does decides.
    let real = dir.ancestors().find_map(|part| part.canonicalize().ok());
    if real.zip(store.canonicalize().ok()).is_some_and(|(real, store)| real.starts_with(store)) {
        return Err(EvidenceError::KeyInsideStore { path: dir });
    }
    Ok(dir)
}

/// The store id at the end of an origin; nothing for an origin that no store has, so that no path is made of it.
pub(super) fn store_id(origin: &str) -> Option<&str> {
    let (_, id) = origin.rsplit_once("/deponent/")?;
    hex::<8>(id).map(|_| id)
}

/// The public key that lies in a key's folder; nothing when there is none that this user may read.
pub(super) fn public_key(dir: &Path) -> Result<Option<VerifierKey>, EvidenceError> {
    let path = dir.join("key.pub");
    let Some(text) = readable(read_note(&path))? else { return Ok(None) };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    VerifierKey::parse(text).map(Some).map_err(EvidenceError::note(&path))
}

/// The newest checkpoint that was signed, unverified; nothing when there is none that this user may read.
pub(super) fn last_signed_note(dir: &Path) -> Result<Option<String>, EvidenceError> {
    readable(read_note(&dir.join("last-signed")))
}

fn readable<T>(read: Result<Option<T>, EvidenceError>) -> Result<Option<T>, EvidenceError> {
    match read {
        Err(EvidenceError::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => Ok(None),
        other => other,
    }
}

pub(super) fn read_note(path: &Path) -> Result<Option<String>, EvidenceError> {
    let Some(bytes) = disk::read_small(path, FILE_BYTES_MAX)? else { return Ok(None) };
    let invalid = |_| EvidenceError::Damaged { path: path.to_owned(), offset: 0, what: "not UTF-8".to_owned() };
    String::from_utf8(bytes).map(Some).map_err(invalid)
}

pub(super) fn check_private(path: &Path, wanted: &'static str) -> Result<(), EvidenceError> {
    let mode = std::fs::metadata(path).map_err(EvidenceError::io("look at", path))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(EvidenceError::KeyExposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

pub(super) fn lock(dir: &Path) -> Result<File, EvidenceError> {
    let path = dir.join("key");
    let file = File::open(&path).map_err(EvidenceError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(EvidenceError::KeyInUse { path }),
        Err(TryLockError::Error(error)) => Err(EvidenceError::io("lock", &path)(error)),
    }
}

//! The key of a store from outside: what is known of it, and a new one in its place.
//!
//! Not here: the folder of the key (`keys`), what a takeover's record says (`keyring`).

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::checkpoint::Checkpoint;
use super::disk;
use super::draft::{Draft, Position};
use super::entry::{Door, Envelope};
use super::error::EvidenceError;
use super::keyring::{KEY_SOURCE, Takeover};
use super::keys::{self, KeyDir, key_dir, last_signed_note, public_key, read_note, state_home};
use super::layout::Layout;
use super::lock::Lock;
use super::note::VerifierKey;
use super::store::{StoreOptions, Trust, check_top, recover, unverified};
use super::writer::Writer;
use crate::model::{Moment, RecordKind};
use std::sync::Arc;

/// Public facts about a store's key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The log's origin, which is the key's name.
    pub origin: String,
    /// The public key, where this machine has it.
    pub vkey: Option<VerifierKey>,
    /// The folder of the key.
    pub dir: PathBuf,
    /// The newest checkpoint that was signed with it.
    pub last_signed: Option<Checkpoint>,
}

/// What is known of the key of a store, without reading its secret.
///
/// # Errors
/// No store; a malformed public key or note.
pub fn key_info(options: &StoreOptions) -> Result<KeyInfo, EvidenceError> {
    let layout = Layout::new(&options.dir);
    let note = read_note(&layout.checkpoint())?;
    let note = note.ok_or_else(|| EvidenceError::NotAStore { dir: options.dir.clone() })?;
    let origin = unverified(&layout, &note)?.origin;
    let dir = key_dir(&state_home(options.state_home.as_deref())?, &origin, layout.dir())?;
    let path = dir.join("last-signed");
    let last_signed = last_signed_note(&dir)?.map(|note| Checkpoint::parse_unauthenticated(&note)).transpose();
    Ok(KeyInfo { origin, vkey: public_key(&dir)?, last_signed: last_signed.map_err(EvidenceError::note(&path))?, dir })
}

/// Gives a store a new key, under the same origin: after the old one was lost, or when the store was restored from a backup and is older than what
/// its key has signed. What the old key signed stays verifiable with the old public key; that the new one took over, and its last checkpoint,
/// become a record of the log.
///
/// Nothing old is read again: `verify` first what the new key is to vouch for. `previous` is the old public key, where this machine does not have it.
///
/// # Errors
/// As `Writer::open`; a `previous` that has not signed the store's checkpoint.
pub fn adopt_key(
    options: &StoreOptions,
    previous: Option<&VerifierKey>,
    now: Moment,
) -> Result<KeyInfo, EvidenceError> {
    let layout = Layout::new(&options.dir);
    check_top(&layout)?;
    let path = layout.checkpoint();
    let no_store = || EvidenceError::NotAStore { dir: options.dir.clone() };
    let note = read_note(&path)?.ok_or_else(no_store)?;
    let lock = Lock::take(&layout)?;
    let checkpoint = unverified(&layout, &note)?;
    let home = state_home(options.state_home.as_deref())?;
    let dir = key_dir(&home, &checkpoint.origin, layout.dir())?;
    if let Some(previous) = previous {
        Checkpoint::open(&note, previous).map_err(EvidenceError::note(&path))?;
    }
    let mut earlier: Vec<VerifierKey> = previous.cloned().into_iter().collect();
    for old in std::iter::once(dir.clone()).chain(set_aside(&dir)) {
        // A crash may have left a key that is not written whole: nothing was signed with it.
        let key = public_key(&old).or_else(|error| match error {
            EvidenceError::Note { .. } => Ok(None),
            error => Err(error),
        })?;
        earlier.extend(key.filter(|key| key.name() == checkpoint.origin));
    }
    let lost = !earlier.iter().any(|key| key.open(&note).is_ok());
    move_aside(&dir, &home)?;
    // A crash from here to the end: `Writer::open` refuses, as the checkpoint is not of the new key; done again, this starts from here.
    let keys = KeyDir::create(&dir, &checkpoint.origin)?;
    let takeover = Takeover { vkey: keys.key.vkey(), previous: earlier, lost };
    let trusted = if lost { Vec::new() } else { takeover.previous.clone() };
    let mut writer = recover(layout, lock, keys, Trust { checkpoint, signed: None, keys: trusted })?;
    let record = takeover.record(&crate::time::rfc3339(now), &note);
    writer.append(own_draft(KEY_SOURCE, record.into_bytes()), &Envelope::witnessed(now, Door::Ingest, None))?;
    writer.guard(Writer::publish_all)?;
    writer.close()?;
    key_info(options)
}

/// A batch of one record of deponent's own, which lies in no file.
pub(super) fn own_draft(source: &str, bytes: Vec<u8>) -> Draft {
    let head = Sha256::digest(bytes.get(..256).unwrap_or(&bytes)).into();
    let length = bytes.len();
    let position = Position {
        file: None,
        start: 0,
        end: u64::try_from(length).unwrap_or(u64::MAX),
        head,
        before: Sha256::digest(b"").into(),
        prefix: Sha256::digest(&bytes).into(),
    };
    Draft {
        reading: Arc::default(),
        source: source.to_owned(),
        kind: RecordKind::Own,
        cluster: String::new(),
        node: String::new(),
        position,
        continues: false,
        goes_on: false,
        lengths: vec![u32::try_from(length).unwrap_or(u32::MAX)],
        bytes,
    }
}

/// Folders of keys that were replaced, oldest first.
fn set_aside(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let base = dir.to_owned();
    (1_u32..10_000).map(move |number| numbered(&base, number)).take_while(|path| path.exists())
}

fn numbered(dir: &Path, number: u32) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(format!(".old-{number}"));
    PathBuf::from(name)
}

/// Keeps the old key's folder under another name: whether it is destroyed is for its owner to decide.
fn move_aside(dir: &Path, home: &Path) -> Result<(), EvidenceError> {
    if !dir.exists() {
        return Ok(());
    }
    // Another copy of the store may be being written with it.
    let held = if dir.join("key").exists() { Some(keys::lock(dir)?) } else { None };
    let number = u32::try_from(set_aside(dir).count()).unwrap_or(u32::MAX).saturating_add(1);
    disk::rename(dir, &numbered(dir, number))?;
    disk::sync_dir(home)?;
    drop(held);
    Ok(())
}

//! Verification of a whole store: every byte outside of `index/` and `state/`.
//!
//! Every hash is made again from the records themselves; nothing that the store says about itself is believed but what a key has signed.
//! Not here: one proof file (`proof`), repairs (`fsck`).

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::error::EvidenceError;
use super::fault::Fault;
use super::inspect::Depth;
use super::inventory::Inventory;
use super::keyring::Keyring;
use super::keys::{key_dir, last_signed_note, public_key, read_note, state_home};
use super::layout::Layout;
use super::lock;
use super::note::{NoteError, VerifierKey, split_note};
use super::said::said;
use super::store::unverified;
use super::survey::{FAULTS_MAX, Survey};

/// Against what a store is verified.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The key that is trusted. Without one, the `key.pub` of this machine is taken; without that too, nothing is authenticated.
    pub key: Option<VerifierKey>,
    /// A checkpoint note that was saved elsewhere.
    pub head: Option<String>,
    /// The newest checkpoint note that was signed. Without one, the `last-signed` of this machine is taken, if there is one.
    pub last_signed: Option<String>,
    /// The folder of all keys, as in `StoreOptions`.
    pub state_home: Option<PathBuf>,
}

/// On whose word a store was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authenticated {
    /// The given key.
    GivenKey,
    /// The public key beside this machine's signing key.
    LocalKey,
    /// Nobody's: self-consistent, not authenticated.
    No,
}

/// A store in which everything is as it must be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The store's checkpoint.
    pub checkpoint: Checkpoint,
    /// On whose word.
    pub authenticated: Authenticated,
    /// Log entries, those beyond the checkpoint included.
    pub entries: u64,
    /// Log entries that no checkpoint covers yet; the next opening signs them.
    pub unsigned_entries: u64,
    /// Records.
    pub records: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// Records whose bytes were redacted.
    pub redacted: u64,
    /// Batches whose records are gone by retention, as the log says.
    pub pruned_batches: u64,
    /// Records of those batches.
    pub pruned_records: u64,
    /// Log entries whose own signature is one of a key that nobody knows any more; the tree covers them all the same.
    pub unchecked_signatures: u64,
    /// Bytes of a torn block at the end, which the next opening cuts off.
    pub torn_bytes: u64,
    /// Files that a crash left aside in `log/new/`: no part of the log.
    pub leftovers: Vec<PathBuf>,
    /// Size of the given head, which the store extends.
    pub head: Option<u64>,
    /// Size of the newest checkpoint that was signed, which the store extends.
    pub last_signed: Option<u64>,
}

/// A store that did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It is not what was signed; the first bad place comes first.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Refused(Vec<Fault>),
    /// It could not be read.
    #[error(transparent)]
    Failed(#[from] EvidenceError),
}

/// Verifications of a store that is being written, before what they find is believed.
const ATTEMPTS_MAX: u32 = 3;

/// A checkpoint that the store must extend.
struct Anchor {
    path: PathBuf,
    checkpoint: Checkpoint,
    is_head: bool,
}

/// Verifies a store; works on a read-only copy, and while it is being written. `progress` is told bytes done and bytes in all.
///
/// # Errors
/// The places that are wrong, the first one first, 20 at most; or why the store could not be read.
pub fn verify(
    dir: &Path,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, VerifyError> {
    let layout = Layout::new(dir);
    let mut attempt = 0;
    loop {
        let note = read_note(&layout.checkpoint()).map_err(refused)?;
        let verdict = verify_once(&layout, note.as_deref(), options, progress);
        // A writer that published meanwhile has replaced what was being looked at: looked at again, as that is no fault.
        attempt += 1;
        let refused = matches!(verdict, Err(VerifyError::Refused(_)));
        if !refused || attempt >= ATTEMPTS_MAX || read_note(&layout.checkpoint()).ok() == Some(note) {
            return verdict;
        }
    }
}

fn verify_once(
    layout: &Layout,
    note: Option<&str>,
    options: &VerifyOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport, VerifyError> {
    // Notes first: what a running writer adds meanwhile lies beyond them.
    let saved = saved_notes(layout, note.unwrap_or_default(), options).map_err(refused)?;
    let inventory = Inventory::take(layout)?;
    let mut faults = inventory.faults.clone();
    let Some(note) = note else {
        if inventory.batches.is_empty() && inventory.wal.is_empty() && inventory.tiles.is_empty() {
            return Err(EvidenceError::NotAStore { dir: layout.dir().to_owned() }.into());
        }
        faults.push(Fault::new(layout.checkpoint(), "it is missing"));
        return Err(VerifyError::Refused(faults));
    };
    if !lock_is_sound(layout) {
        faults.push(Fault::new(layout.lock(), "it is neither empty nor a line with a fitting hash"));
    }
    let local = local_key(layout, note, options);
    let (trusted, authenticated) = match (&options.key, local) {
        (Some(key), _) => (Some(key.clone()), Authenticated::GivenKey),
        (None, Ok(Some(key))) => (Some(key), Authenticated::LocalKey),
        (None, Ok(None)) => (None, Authenticated::No),
        (None, Err(error)) => return Err(refused(error)),
    };
    let checkpoint = match open_checkpoint(layout, note, trusted.as_ref()) {
        Ok(checkpoint) => checkpoint,
        Err(fault) => {
            faults.push(fault);
            return Err(VerifyError::Refused(faults));
        }
    };
    let mut keys = Keyring::new(trusted);
    let said = said(layout, &inventory)?;
    keys.learn(&said.takeovers);
    let anchors = anchors(saved, &checkpoint, &keys).map_err(|fault| {
        faults.push(fault);
        VerifyError::Refused(std::mem::take(&mut faults))
    })?;
    let sizes: Vec<u64> =
        anchors.iter().map(|anchor| anchor.checkpoint.size).chain(std::iter::once(checkpoint.size)).collect();
    let mut survey = Survey::new(layout, inventory, checkpoint.size, &sizes).with(said.statements);
    survey.run(Depth::Full(&keys), progress)?;
    judge(layout, &mut survey, &checkpoint, &anchors)?;
    faults.append(&mut survey.faults);
    faults.extend(survey.derived.iter().map(|derived| derived.fault.clone()));
    faults.truncate(FAULTS_MAX);
    if !faults.is_empty() {
        return Err(VerifyError::Refused(faults));
    }
    let size_of = |head| anchors.iter().find(|anchor| anchor.is_head == head).map(|anchor| anchor.checkpoint.size);
    let totals = survey.totals;
    Ok(VerifyReport {
        authenticated,
        entries: survey.tree.size(),
        unsigned_entries: survey.tree.size().saturating_sub(checkpoint.size),
        records: totals.records,
        bytes: totals.raw,
        redacted: totals.redacted,
        pruned_batches: totals.pruned.0,
        pruned_records: totals.pruned.1,
        unchecked_signatures: totals.unchecked,
        torn_bytes: totals.torn_bytes,
        leftovers: survey.inventory.leftovers,
        head: size_of(true),
        last_signed: size_of(false),
        checkpoint,
    })
}

/// What an error says about the evidence is a fault; all else is a failure to read it.
fn refused(error: EvidenceError) -> VerifyError {
    match error {
        EvidenceError::Note { path, source } => VerifyError::Refused(vec![Fault::new(path, source.to_string())]),
        EvidenceError::Damaged { path, what, .. } => VerifyError::Refused(vec![Fault::new(path, what)]),
        error => VerifyError::Failed(error),
    }
}

/// Looked at twice: a writer may just be writing it.
fn lock_is_sound(layout: &Layout) -> bool {
    (0..2).any(|_| lock::is_well_formed(layout).unwrap_or(false))
}

fn local_key(layout: &Layout, note: &str, options: &VerifyOptions) -> Result<Option<VerifierKey>, EvidenceError> {
    match local_key_dir(layout, note, options) {
        Some(dir) => public_key(&dir),
        None => Ok(None),
    }
}

/// The folder of the store's key on this machine, if that can be known.
fn local_key_dir(layout: &Layout, note: &str, options: &VerifyOptions) -> Option<PathBuf> {
    let origin = unverified(layout, note).ok()?.origin;
    key_dir(&state_home(options.state_home.as_deref()).ok()?, &origin, layout.dir()).ok()
}

fn open_checkpoint(layout: &Layout, note: &str, key: Option<&VerifierKey>) -> Result<Checkpoint, Fault> {
    let path = layout.checkpoint();
    let fault = |error: &dyn ToString| Fault::new(&path, error.to_string());
    let (_, lines) = split_note(note).map_err(|error| fault(&error))?;
    if lines.lines().count() != 1 {
        return Err(fault(&"it has more than one signature"));
    }
    let checkpoint = match key {
        Some(key) => Checkpoint::open(note, key).map_err(|error| match error {
            NoteError::NotSigned { .. } => fault(&format!("{error}; if a new key has taken over, that one is needed")),
            error => fault(&error),
        })?,
        None => unverified(layout, note).map_err(|error| fault(&error))?,
    };
    Ok(checkpoint)
}

/// The notes that were kept elsewhere: where, what, and whether it is the given head.
fn saved_notes(
    layout: &Layout,
    note: &str,
    options: &VerifyOptions,
) -> Result<Vec<(PathBuf, String, bool)>, EvidenceError> {
    let mut notes = Vec::new();
    notes.extend(options.head.as_ref().map(|note| (PathBuf::from("the saved head"), note.clone(), true)));
    if let Some(note) = &options.last_signed {
        notes.push((PathBuf::from("last-signed"), note.clone(), false));
    } else if let Some(dir) = local_key_dir(layout, note, options) {
        notes.extend(last_signed_note(&dir)?.map(|note| (dir.join("last-signed"), note, false)));
    }
    Ok(notes)
}

/// The checkpoints that were kept elsewhere, each opened with a key of this store.
fn anchors(saved: Vec<(PathBuf, String, bool)>, checkpoint: &Checkpoint, keys: &Keyring) -> Result<Vec<Anchor>, Fault> {
    let mut anchors = Vec::new();
    for (path, note, is_head) in saved {
        let opened = keys.open_checkpoint(&note).map_err(|error| Fault::new(&path, error.to_string()))?;
        if opened.origin != checkpoint.origin {
            let what = format!("it is of {}, the store is {}", opened.origin, checkpoint.origin);
            return Err(Fault::new(&path, what));
        }
        anchors.push(Anchor { path, checkpoint: opened, is_head });
    }
    Ok(anchors)
}

/// The tree against what was signed.
fn judge(
    layout: &Layout,
    survey: &mut Survey<'_>,
    checkpoint: &Checkpoint,
    anchors: &[Anchor],
) -> Result<(), EvidenceError> {
    // A block that cannot be read is the first bad place; what the tree would be is unknown.
    if survey.broken || survey.tree.size() < checkpoint.size {
        return Ok(());
    }
    let is_own = survey.roots.get(&checkpoint.size).copied().flatten() == Some(checkpoint.root);
    if !is_own {
        let elsewhere = || {
            Fault::new(
                layout.checkpoint(),
                format!("its root is not that of the first {} log entries", checkpoint.size),
            )
        };
        let fault = survey.first_other_entry(checkpoint.root).unwrap_or_else(elsewhere);
        survey.faults.push(fault);
    }
    for anchor in anchors {
        let signed = &anchor.checkpoint;
        let what = match survey.roots.get(&signed.size).copied().flatten() {
            Some(root) if root == signed.root => continue,
            Some(_) => format!(
                "{} does not extend it: its first {} log entries are others",
                layout.dir().display(),
                signed.size
            ),
            None => format!(
                "{} was rolled back: {} log entries were signed, it has {}",
                layout.dir().display(),
                signed.size,
                survey.tree.size()
            ),
        };
        survey.faults.push(Fault::new(&anchor.path, what));
    }
    if is_own { survey.compare_tiles() } else { Ok(()) }
}

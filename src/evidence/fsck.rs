//! The structure of a store after a crash: what the next opening would do, and what only a repair can do. No key is needed.
//!
//! Not here: whether the evidence is what was signed (`verify`).

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::error::EvidenceError;
use super::fault::Fault;
use super::inspect::Depth;
use super::inventory::Inventory;
use super::keys::read_note;
use super::layout::Layout;
use super::lock::Lock;
use super::said::said;
use super::stage::{self, Stage};
use super::store::unverified;
use super::survey::Survey;

/// What `fsck` found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FsckReport {
    /// The store's checkpoint, unverified.
    pub checkpoint: Checkpoint,
    /// Log entries that are there, whole.
    pub entries: u64,
    /// Those of them beyond the checkpoint: the next opening signs them.
    pub unsigned_entries: u64,
    /// Bytes of a torn block at the end: the next opening cuts them off.
    pub torn_bytes: u64,
    /// Batches whose records are gone by retention, as the log says.
    pub pruned_batches: u64,
    /// Files that a crash left aside: the next opening removes them.
    pub leftovers: Vec<PathBuf>,
    /// Tiles and bundles that are missing or wrong, but follow from the segments, as those give the checkpoint's root: a repair writes them again.
    pub repairable: Vec<Fault>,
    /// Whether that was done.
    pub repaired: bool,
    /// Damage that nothing in the store can repair.
    pub faults: Vec<Fault>,
}

impl FsckReport {
    /// Whether the next opening finds everything as it must be, or can make it so.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && (self.repaired || self.repairable.is_empty())
    }
}

/// Checks the structure of a store; with `repair`, writes again what follows from the segments, for which nobody else may write the store.
///
/// # Errors
/// No store; the disk's; with `repair`, another writer.
pub fn fsck(dir: &Path, repair: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<FsckReport, EvidenceError> {
    let layout = Layout::new(dir);
    let note = read_note(&layout.checkpoint())?;
    let note = note.ok_or_else(|| EvidenceError::NotAStore { dir: dir.to_owned() })?;
    let checkpoint = unverified(&layout, &note)?;
    let lock = if repair { Some(Lock::take(&layout)?) } else { None };
    let inventory = Inventory::take(&layout)?;
    let mut faults = inventory.faults.clone();
    let statements = said(&layout, &inventory)?.statements;
    let mut survey = Survey::new(&layout, inventory, checkpoint.size, &[checkpoint.size]).with(statements);
    survey.run(Depth::Structure, progress)?;
    // Only of a tree that was signed anything may be derived.
    let provable = !survey.broken && survey.roots.get(&checkpoint.size).copied().flatten() == Some(checkpoint.root);
    if provable {
        survey.compare_tiles()?;
    } else if !survey.broken && survey.faults.is_empty() {
        let what = format!("its root is not that of the first {} log entries", checkpoint.size);
        let fault = survey.first_other_entry(checkpoint.root);
        faults.push(fault.unwrap_or_else(|| Fault::new(layout.checkpoint(), what)));
    }
    faults.append(&mut survey.faults);
    let mut repairable = Vec::new();
    for derived in &survey.derived {
        if provable { &mut repairable } else { &mut faults }.push(derived.fault.clone());
    }
    let repaired = repair && provable && !repairable.is_empty();
    if repaired {
        stage::clear(&layout)?;
        let mut stage = Stage::new(&layout);
        for derived in &survey.derived {
            stage.put(derived.path.clone(), &derived.bytes)?;
        }
        stage.commit()?;
    }
    if let Some(lock) = lock {
        lock.release()?;
    }
    Ok(FsckReport {
        entries: survey.tree.size(),
        unsigned_entries: survey.tree.size().saturating_sub(checkpoint.size),
        torn_bytes: survey.totals.torn_bytes,
        pruned_batches: survey.totals.pruned.0,
        leftovers: survey.inventory.leftovers,
        checkpoint,
        repairable,
        repaired,
        faults,
    })
}

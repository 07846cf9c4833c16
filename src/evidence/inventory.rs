//! The files of a store by name: what belongs there, and what does not.
//!
//! Not here: what is in them (`inspect`, `derived`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::checkpoint::decimal;
use super::error::EvidenceError;
use super::fault::Fault;
use super::layout::{Layout, TOP};
use super::tiles::{TILE_WIDTH, decode_index};

/// Which tiles, bundles and segments there are.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Widths on disk by level and index.
    pub(super) tiles: BTreeMap<(u8, u64), Vec<u16>>,
    /// Widths on disk by index.
    pub(super) bundles: BTreeMap<u64, Vec<u16>>,
    /// Segments in `batches/`, with their bytes.
    pub(super) batches: BTreeMap<u64, u64>,
    /// Segments in `wal/`, with their bytes; one at most in a sound store.
    pub(super) wal: BTreeMap<u64, u64>,
    /// What a crash left in `log/new/`: no part of the log.
    pub(super) leftovers: Vec<PathBuf>,
    /// What does not belong there, in order of path.
    pub(super) faults: Vec<Fault>,
}

impl Inventory {
    /// Walks all of a store but `index/`, `state/` and `alerts/`.
    pub(super) fn take(layout: &Layout) -> Result<Inventory, EvidenceError> {
        let mut inventory = Inventory::default();
        let derived = |depth: usize, path: &Path| {
            depth == 1 && ["index", "state", "alerts", "access", "lost+found"].iter().any(|name| path.ends_with(name))
        };
        let walk = walkdir::WalkDir::new(layout.dir()).min_depth(1).sort_by_file_name();
        let walk = walk.into_iter().filter_entry(|entry| !derived(entry.depth(), entry.path()));
        for entry in walk {
            let entry = entry.map_err(|error| EvidenceError::Io {
                action: "list",
                path: error.path().unwrap_or(layout.dir()).to_owned(),
                source: error.into(),
            })?;
            let inside = entry.path().strip_prefix(layout.dir()).unwrap_or(entry.path());
            let known = match (inside.to_str(), entry.file_type()) {
                (Some(name), kind) if kind.is_dir() => is_folder(name),
                (Some(name), kind) if kind.is_file() => {
                    // It may move from wal/ to batches/ meanwhile; then it is found there, or missed below.
                    let length = entry.metadata().map(|data| data.len()).unwrap_or(0);
                    inventory.file(name, length, entry.path())
                }
                _ => false,
            };
            if !known {
                inventory.faults.push(Fault::new(entry.path(), "it is no part of a store"));
            }
        }
        if let Some((index, _)) = inventory.wal.iter().nth(1) {
            inventory.faults.push(Fault::new(layout.wal(*index), "a second growing segment"));
        }
        Ok(inventory)
    }

    fn file(&mut self, name: &str, length: u64, path: &Path) -> bool {
        if name == "lock" || name == "log/checkpoint" {
            return true;
        }
        if let Some(number) = name.strip_prefix("log/new/") {
            self.leftovers.push(path.to_owned());
            return decimal(number).is_some();
        }
        for (folder, segments) in [("batches/", &mut self.batches), ("wal/", &mut self.wal)] {
            if let Some(index) = name.strip_prefix(folder) {
                return decode_index(index).is_some_and(|index| segments.insert(index, length).is_none());
            }
        }
        match name.strip_prefix("log/tile/").and_then(|rest| rest.split_once('/')) {
            Some(("entries", tile)) => match tile_place(tile) {
                Some((index, width)) => self.bundles.entry(index).or_default().push(width),
                None => return false,
            },
            Some((level, tile)) => {
                let level = decimal(level).and_then(|level| u8::try_from(level).ok()).filter(|level| *level < 8);
                match level.zip(tile_place(tile)) {
                    Some((level, (index, width))) => self.tiles.entry((level, index)).or_default().push(width),
                    None => return false,
                }
            }
            None => return false,
        }
        true
    }
}

/// Index and width of `x001/234` or `x001/234.p/56`.
fn tile_place(name: &str) -> Option<(u64, u16)> {
    match name.split_once(".p/") {
        None => Some((decode_index(name)?, TILE_WIDTH)),
        Some((index, width)) => {
            let width = u16::try_from(decimal(width)?).ok().filter(|width| (1..TILE_WIDTH).contains(width))?;
            Some((decode_index(index)?, width))
        }
    }
}

fn is_folder(name: &str) -> bool {
    let mut parts = name.split('/');
    let top = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let rest = match (top, rest.as_slice()) {
        ("log", ["new" | "tile"]) => return true,
        ("log", ["tile", level, rest @ ..]) => {
            if *level != "entries" && decimal(level).is_none_or(|level| level >= 8) {
                return false;
            }
            rest
        }
        ("batches" | "wal", rest) => rest,
        (top, rest) => return rest.is_empty() && TOP.contains(&top) && top != "lock",
    };
    // All but the last are `x` and three digits; the last may be the folder of partial tiles.
    let digits = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.iter().enumerate().all(|(at, part)| {
        let thousands = part.strip_prefix('x').is_some_and(digits);
        let partial = top == "log" && at + 1 == rest.len() && part.strip_suffix(".p").is_some_and(digits);
        thousands || partial
    })
}

//! Looks at folders: which files belong to which log, under which name now, which are gone.
//!
//! Not here: reading them (`file`).

use super::file::{Seen, Tailed};
use super::group::Group;
use super::{TailItem, Tailer};
use crate::source::cursor::ResumeQuery;
use crate::source::error::{Skipped, SourceError, Stop};
use crate::source::names::{Family, glob_matches};
use crate::source::open::{open, regular};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

impl Tailer {
    /// Brings files and groups up to what the folders hold now.
    pub(super) fn list(&mut self, now: i64, emit: &mut dyn FnMut(TailItem) -> Result<(), Stop>) -> Result<(), Stop> {
        let mut troubles = HashMap::new();
        self.files.values_mut().for_each(Tailed::unlist);
        self.groups.iter_mut().for_each(|group| group.troubled = false);
        for at in 0..self.paths.len() {
            let Some(pattern) = self.paths.get(at).map(|path| path.pattern.clone()) else { continue };
            for (folder, family, name) in files_of(&pattern, &mut troubles) {
                self.meet(at, &folder, family, &name, now, &mut troubles);
            }
        }
        self.forget_groups();
        self.regroup();
        for (path, reason) in &troubles {
            if self.troubles.get(path) != Some(reason) {
                emit(TailItem::Skipped(Skipped {
                    path: path.clone(),
                    kind: "not-followed",
                    is_loss: true,
                    reason: reason.clone(),
                }))?;
            }
        }
        self.troubles = troubles;
        Ok(())
    }

    /// A name that belongs to a log.
    fn meet(
        &mut self,
        path: usize,
        folder: &Path,
        family: Family,
        name: &OsStr,
        now: i64,
        troubles: &mut HashMap<PathBuf, String>,
    ) {
        let full = folder.join(name);
        let group = self.group(path, folder.join(OsStr::from_bytes(&family.base)));
        let result = fs::metadata(&full).map_err(SourceError::from).and_then(|metadata| {
            regular(&metadata)?;
            let seen = Seen::of(&metadata);
            let known = self.files.get_mut(&seen.key());
            if let Some(file) = known
                && !file.needs_opening(&seen)
            {
                file.list(group, full.clone(), family);
                return Ok(());
            }
            // Between the look and the opening the name may have come to mean another file: what was opened counts.
            let opened = open(&full)?;
            let key = (opened.id.dev, opened.id.ino);
            match self.files.get_mut(&key) {
                Some(file) if !file.needs_opening(&Seen::of(&opened.file.metadata()?)) => {
                    file.list(group, full.clone(), family)
                }
                _ => {
                    self.files.insert(key, Tailed::new(opened, group, full.clone(), family, now));
                }
            }
            Ok(())
        });
        match result {
            // Gone between listing and look, or a link to nothing: there may be something later.
            Ok(()) | Err(SourceError::Missing) => {}
            Err(error) => {
                troubles.insert(full, error.to_string());
                if let Some(group) = self.groups.get_mut(group) {
                    group.troubled = true;
                }
            }
        }
    }

    /// The group of a log; a new one asks what earlier processes read under its name.
    fn group(&mut self, path: usize, base: PathBuf) -> usize {
        if let Some(at) = self.by_base.get(&base) {
            return *at;
        }
        let found = self.lookup.cursors(&ResumeQuery::Path { path: base.as_os_str().as_bytes().to_vec() });
        let read = self.paths.get(path).map(|path| path.read.clone()).unwrap_or_default();
        let same = |cursor: &crate::source::Cursor| cursor.cluster == read.cluster && cursor.node == read.node;
        let unaccounted = found.into_iter().next().filter(same);
        self.by_base.insert(base.clone(), self.groups.len());
        self.groups.push(Group { path, base, files: Vec::new(), troubled: false, unaccounted, orphans: Vec::new() });
        self.groups.len().saturating_sub(1)
    }

    /// Lets go of logs whose folder is gone, as that of a deleted pod: of such a folder nothing comes back under the same name.
    fn forget_groups(&mut self) {
        let mut used = vec![false; self.groups.len()];
        for file in self.files.values() {
            used.get_mut(file.group()).into_iter().for_each(|used| *used = true);
        }
        let is_gone =
            |group: &Group| group.orphans.is_empty() && group.base.parent().is_some_and(|folder| !folder.exists());
        let gone: Vec<bool> = self.groups.iter().zip(used).map(|(group, used)| !used && is_gone(group)).collect();
        if !gone.contains(&true) {
            return;
        }
        let mut places = Vec::with_capacity(gone.len());
        let mut kept = Vec::new();
        for (group, gone) in std::mem::take(&mut self.groups).into_iter().zip(gone) {
            places.push(kept.len());
            if !gone {
                kept.push(group);
            }
        }
        self.groups = kept;
        self.by_base = self.groups.iter().enumerate().map(|(at, group)| (group.base.clone(), at)).collect();
        for file in self.files.values_mut() {
            if let Some(place) = places.get(file.group()) {
                file.move_to(*place);
            }
        }
    }

    /// Orders each group's files and finds the one that is being written.
    fn regroup(&mut self) {
        self.files.retain(|_, file| !file.is_forgotten());
        self.groups.iter_mut().for_each(|group| group.files.clear());
        let mut order: Vec<_> = self.files.iter().map(|(key, file)| (file.order(), *key)).collect();
        order.sort();
        for (_, key) in order {
            let Some(file) = self.files.get_mut(&key) else { continue };
            file.set_active(false);
            if let Some(group) = self.groups.get_mut(file.group()) {
                group.files.push(key);
            }
        }
        for group in &self.groups {
            // The newest: the log itself, unless it has just been renamed and no new one exists.
            if let Some(file) = group.files.last().and_then(|key| self.files.get_mut(key)) {
                file.set_active(true);
            }
        }
    }
}

/// The files that a configured path names now, each with its folder, which log it belongs to, and its name.
pub fn files_of(pattern: &Path, troubles: &mut HashMap<PathBuf, String>) -> Vec<(PathBuf, Family, OsString)> {
    let (folder, pattern) = folder_and_pattern(pattern);
    let mut found = Vec::new();
    for folder in folders(&folder, troubles) {
        match names(&folder, &pattern) {
            Ok(names) => found.extend(names.into_iter().map(|(family, name)| (folder.clone(), family, name))),
            // A folder that is not there may come.
            Err(SourceError::Missing) => {}
            Err(error) => {
                troubles.insert(folder, error.to_string());
            }
        }
    }
    found
}

/// A configured path's folder, and the pattern of names in it.
pub fn folder_and_pattern(path: &Path) -> (PathBuf, OsString) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (folder.to_owned(), path.file_name().unwrap_or_default().to_owned())
}

/// The folders of a path whose components may hold `*`, in order.
fn folders(pattern: &Path, troubles: &mut HashMap<PathBuf, String>) -> Vec<PathBuf> {
    if !has_star(pattern.as_os_str()) {
        return vec![pattern.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        if !has_star(part) {
            found.iter_mut().for_each(|folder| folder.push(part));
            continue;
        }
        let mut below = Vec::new();
        for folder in found {
            // An empty path is the working directory.
            let listed = if folder.as_os_str().is_empty() { fs::read_dir(".") } else { fs::read_dir(&folder) };
            match listed {
                Ok(entries) => {
                    let fits = |entry: &fs::DirEntry| glob_matches(part.as_bytes(), entry.file_name().as_bytes());
                    let entries =
                        entries.filter_map(Result::ok).filter(fits).map(|entry| folder.join(entry.file_name()));
                    below.extend(entries.filter(|path| path.is_dir()));
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(error) => {
                    troubles.insert(folder, error.to_string());
                }
            }
        }
        below.sort();
        found = below;
    }
    found
}

fn has_star(text: &OsStr) -> bool {
    text.as_bytes().contains(&b'*')
}

/// Names in a folder that match the pattern, or belong to a log whose name does.
fn names(folder: &Path, pattern: &OsStr) -> Result<Vec<(Family, OsString)>, SourceError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let mut family = Family::of(name.as_bytes());
        if !glob_matches(pattern.as_bytes(), &family.base) {
            if !glob_matches(pattern.as_bytes(), name.as_bytes()) {
                continue;
            }
            family = Family { base: name.as_bytes().to_vec(), age: crate::source::names::Age::Base, ..family };
        }
        found.push((family, name));
    }
    found.sort();
    Ok(found)
}

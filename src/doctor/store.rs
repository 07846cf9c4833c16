//! A quick look at a store: its newest checkpoint, whether its key signed it, who writes it.
//!
//! Not here: every byte of it (`deponent verify`, `deponent fsck`).

use super::{Check, disk};
use crate::evidence::{Checkpoint, Holder, Reader, StoreOptions, holder, key_info};
use std::path::Path;

/// What is known of a store.
#[derive(Debug)]
pub struct Found {
    /// The checks.
    pub checks: Vec<Check>,
    /// Who writes it now.
    pub holder: Option<Holder>,
    /// It is not what it should be.
    pub broken: bool,
}

/// Looks at the store in a folder.
pub fn own_check(options: &StoreOptions, uid: u32) -> Found {
    let dir = &options.dir;
    let name = "store";
    let verify = format!("deponent verify --store {} --key VKEY", dir.display());
    if !dir.exists() {
        let check = Check::ok(name, format!("{} is not there yet: it is made at the first start", dir.display()));
        return Found { checks: vec![check], holder: None, broken: false };
    }
    let mut checks = vec![disk::private("folder of the store", dir, uid)];
    let holder = match holder(dir) {
        Ok(holder) => {
            checks.push(Check::ok(
                "writer",
                holder.map_or("nobody writes it now".to_owned(), |holder| format!("process {} writes it", holder.pid)),
            ));
            holder
        }
        Err(error) => {
            checks.push(Check::unknown("writer", error.to_string(), "as the user of the service"));
            None
        }
    };
    let info = match key_info(options) {
        Ok(info) => info,
        Err(error) => {
            let broken = error.is_integrity();
            checks.push(refused(name, &error, dir));
            return Found { checks, holder, broken };
        }
    };
    checks.push(match &info.vkey {
        Some(_) => disk::private("folder of the key", &info.dir, uid),
        None => Check::warn(
            "folder of the key",
            format!("{}: no key here that this user may read", info.dir.display()),
            "XDG_STATE_HOME as in the unit, as the user of the service; or, when it is lost: deponent key adopt",
        ),
    });
    let (check, broken) = match Reader::open(dir).and_then(|reader| reader.checkpoint()) {
        Err(error) => (refused(name, &error, dir), error.is_integrity()),
        Ok(note) => match (&info.vkey, Checkpoint::parse_unauthenticated(&note)) {
            (_, Err(error)) => (Check::fail(name, format!("its checkpoint: {error}"), verify), true),
            (None, Ok(head)) => {
                let seen = format!("{} entries; its signature cannot be checked without the key", head.size);
                (Check::unknown(name, seen, verify), false)
            }
            (Some(vkey), Ok(head)) => match Checkpoint::open(&note, vkey) {
                Err(error) => {
                    (Check::fail(name, format!("its checkpoint is not signed by its key: {error}"), verify), true)
                }
                Ok(_) if info.last_signed.as_ref().is_some_and(|last| last.size > head.size) => {
                    let last = info.last_signed.as_ref().map_or(0, |last| last.size);
                    let seen =
                        format!("{} entries, but its key signed {last}: it was rolled back, or is a copy", head.size);
                    (Check::fail(name, seen, "deponent fsck; after a backup was restored: deponent key adopt"), true)
                }
                Ok(_) => {
                    let seen =
                        format!("{} entries, checkpoint signed by its key; `{verify}` checks every byte", head.size);
                    (Check::ok(name, seen), false)
                }
            },
        },
    };
    checks.push(check);
    Found { checks, holder, broken }
}

fn refused(name: &'static str, error: &crate::evidence::EvidenceError, dir: &Path) -> Check {
    if error.is_integrity() {
        return Check::fail(name, error.to_string(), format!("deponent fsck --store {}", dir.display()));
    }
    if matches!(error, crate::evidence::EvidenceError::NotAStore { .. }) {
        return Check::fail(
            name,
            error.to_string(),
            "--store DIR, or `store` in config.toml; an empty folder becomes one at the first start",
        );
    }
    Check::unknown(name, error.to_string(), "as the user of the service")
}

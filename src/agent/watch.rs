//! Whether the collector keeps its word: each receipt in a later checkpoint, each checkpoint an extension of the one before.
//!
//! A receipt is a signed promise, a checkpoint a signed statement about the whole log: with both, somebody who shows other people another log, or takes back what
//! it took, has signed the proof of it. That goes as a record of this node's own into the spool. Agents are many, and none of them can be told apart from another by
//! what it asks: whoever wants to show one of them another log has to show it to that one for ever.
//!
//! Here: what was promised, what was seen last, the comparison. Not here: requests (`send`), tiles that nobody vouches for (`evidence::TileReader`).

use crate::evidence::{Checkpoint, Hash, NoteError, ProofError, Receipt, TileReader, VerifierKey};
use crate::model::Moment;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How long the log may take until a checkpoint covers what was promised, ns: it is signed every second.
const COVER_NS: i64 = 600_000_000_000;
/// Chains whose promises are remembered.
const PROMISES_MAX: usize = 1_024;

/// Why it was not compared; next time it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unchecked {
    /// The collector cannot be asked, or answers something else.
    #[error("{0}")]
    Answer(String),
    /// It has signed no checkpoint that can be read.
    #[error("the checkpoint: {0}")]
    Note(#[from] NoteError),
    /// Tiles that do not give what the checkpoint states.
    #[error("{0}")]
    Tiles(#[from] ProofError),
    /// What was seen cannot be kept.
    #[error("{}: {error}", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
}

/// Reads a file of the log, nothing where there is none.
pub(super) type Get<'a> = dyn FnMut(&str) -> Result<Option<Vec<u8>>, String> + 'a;

/// A receipt that no checkpoint has been seen to keep.
#[derive(Clone)]
struct Promise {
    note: String,
    leaf: u64,
    entry: Hash,
    since: i64,
}

/// What a comparison gave.
pub(super) struct Compared {
    /// A record of each contradiction.
    pub contradictions: Vec<Value>,
    /// Entries of the log.
    pub size: u64,
    new: (Checkpoint, String),
    /// Promises that the log does not reach yet.
    left: BTreeMap<(String, [u8; 16]), Open>,
}

/// What was promised, and the newest checkpoint that was seen.
pub(super) struct Watch {
    path: PathBuf,
    /// The last checkpoint, as it was signed.
    seen: Option<(Checkpoint, String)>,
    /// Of each chain the oldest that is open, which says how long the log keeps its readers waiting, and where there are more the newest, which names all before it.
    promises: BTreeMap<(String, [u8; 16]), Open>,
}

struct Open {
    oldest: Promise,
    newest: Option<Promise>,
}

impl Watch {
    /// Goes on from what an earlier run has seen; a checkpoint that another key has signed is of another log.
    pub fn open(state: &Path) -> Watch {
        Watch { path: state.join("checkpoint"), seen: None, promises: BTreeMap::new() }
    }

    /// Remembers what a receipt promises.
    pub fn promised(&mut self, note: &str, receipt: &Receipt, now: Moment) {
        let chain = (receipt.source.clone(), receipt.epoch);
        let promise = Promise { note: note.to_owned(), leaf: receipt.leaf, entry: receipt.entry, since: now.nanos };
        if let Some(open) = self.promises.get_mut(&chain) {
            open.newest = Some(promise);
        } else if self.promises.len() < PROMISES_MAX {
            self.promises.insert(chain, Open { oldest: promise, newest: None });
        }
    }

    /// Compares with what the log says now. `get` reads `/log/…`.
    ///
    /// # Errors
    /// It could not be compared.
    pub fn compare(&mut self, key: &VerifierKey, now: Moment, get: &mut Get<'_>) -> Result<Compared, Unchecked> {
        let note = get("/log/checkpoint").map_err(Unchecked::Answer)?;
        let note = note.and_then(|bytes| String::from_utf8(bytes).ok());
        let note = note.ok_or_else(|| Unchecked::Answer("it shows no checkpoint".to_owned()))?;
        let new = Checkpoint::open(&note, key)?;
        if self.seen.is_none() {
            self.seen = self.kept(key);
        }
        let said = |reason: &str, member: &str, other: &str| json!({ "deponent": "log-contradiction", "time": rfc3339(now), "reason": reason, "checkpoint": note, member: other });
        let mut found = Vec::new();
        let mut tiles = TileReader::new(new.size, new.root, |level, index, width| tile(get, level, index, width))?;
        if let Some((old, earlier)) = &self.seen {
            if new.size < old.size {
                found.push(said("the log is shorter than it was", "earlier", earlier));
            } else if tiles.root_at(old.size)? != old.root {
                found.push(said("the log is no extension of what it was", "earlier", earlier));
            }
        }
        let mut left = BTreeMap::new();
        for (chain, open) in &self.promises {
            let mut still: Option<Open> = None;
            for promise in std::iter::once(&open.oldest).chain(&open.newest) {
                if promise.leaf < new.size {
                    if tiles.leaf(promise.leaf)? != promise.entry {
                        let reason = "the log holds something else than what was acknowledged";
                        found.push(said(reason, "receipt", &promise.note));
                    }
                } else if now.nanos.saturating_sub(promise.since) > COVER_NS {
                    found.push(said("the log does not reach what was acknowledged", "receipt", &promise.note));
                } else if let Some(still) = &mut still {
                    still.newest = Some(promise.clone());
                } else {
                    still = Some(Open { oldest: promise.clone(), newest: None });
                }
            }
            left.extend(still.map(|open| (chain.clone(), open)));
        }
        Ok(Compared { contradictions: found, size: new.size, new: (new, note), left })
    }

    /// What was found is on its way, and not found again: what follows is compared with what the log is now.
    ///
    /// # Errors
    /// The disk's: after a restart an older checkpoint is compared with.
    pub fn settle(&mut self, compared: Compared) -> Result<(), Unchecked> {
        let Compared { new, left, .. } = compared;
        self.promises = left;
        let kept = self.keep(&new.1);
        self.seen = Some(new);
        kept
    }

    fn kept(&self, key: &VerifierKey) -> Option<(Checkpoint, String)> {
        let note = std::fs::read_to_string(&self.path).ok()?;
        Some((Checkpoint::open(&note, key).ok()?, note))
    }

    fn keep(&self, note: &str) -> Result<(), Unchecked> {
        let kept = |error| Unchecked::Kept { path: self.path.clone(), error };
        let new = self.path.with_extension("new");
        std::fs::write(&new, note).map_err(kept)?;
        std::fs::rename(&new, &self.path).map_err(kept)
    }
}

fn tile(get: &mut Get<'_>, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Unchecked> {
    let path = format!("/log/{}", crate::evidence::tile_path(level, index, width));
    let bytes = get(&path).map_err(Unchecked::Answer)?;
    bytes.ok_or_else(|| Unchecked::Answer(format!("there is no `{path}`")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{SigningKey, TreeBuilder, leaf_hash};
    use std::collections::HashMap;

    const NOW: Moment = Moment { nanos: 1_795_467_576_000_000_000, digits: 9 };

    /// A log that says what it is told to say.
    struct Log {
        key: SigningKey,
        tree: TreeBuilder,
        files: HashMap<String, Vec<u8>>,
    }

    impl Log {
        fn new(key: SigningKey, entries: &[&str]) -> Log {
            let mut log = Log { key, tree: TreeBuilder::new(), files: HashMap::new() };
            log.publish(entries);
            log
        }

        fn publish(&mut self, entries: &[&str]) {
            entries.iter().for_each(|entry| self.tree.append(leaf_hash(entry.as_bytes())));
            for tile in self.tree.dirty_tiles() {
                self.files.insert(format!("/log/{}", tile.path()), tile.bytes);
            }
            let checkpoint = Checkpoint { origin: "log".to_owned(), size: self.tree.size(), root: self.tree.root() };
            self.files.insert("/log/checkpoint".to_owned(), checkpoint.sign(&self.key).into_bytes());
        }

        fn receipt(&self, leaf: u64, entry: &str) -> (String, Receipt) {
            let entry = leaf_hash(entry.as_bytes());
            let (source, epoch, header) = (format!("of {leaf}"), [1; 16], [2; 32]);
            let receipt = Receipt { source, epoch, seq: 0, header, leaf, entry, received: NOW };
            (receipt.sign(&self.key).unwrap(), receipt)
        }

        fn compare(&self, watch: &mut Watch, seconds: i64) -> Result<Compared, Unchecked> {
            let now = Moment { nanos: NOW.nanos + seconds * 1_000_000_000, digits: 9 };
            watch.compare(&self.key.vkey(), now, &mut |path| Ok(self.files.get(path).cloned()))
        }

        /// What is found, once.
        fn found(&self, watch: &mut Watch, seconds: i64) -> Vec<String> {
            let compared = self.compare(watch, seconds).unwrap();
            let reasons = compared.contradictions.iter().map(|one| one["reason"].as_str().unwrap().to_owned());
            let reasons = reasons.collect();
            watch.settle(compared).unwrap();
            reasons
        }
    }

    fn key() -> SigningKey {
        SigningKey::generate("log").unwrap()
    }

    /// The same key again.
    fn copy(key: &SigningKey) -> SigningKey {
        SigningKey::parse(&key.to_text()).unwrap()
    }

    #[test]
    fn a_log_that_keeps_its_word_contradicts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (mut watch, mut log) = (Watch::open(dir.path()), Log::new(key(), &["0", "1", "2"]));
        for (leaf, entry) in [(1, "1"), (2, "2"), (5, "5")] {
            let (note, receipt) = log.receipt(leaf, entry);
            watch.promised(&note, &receipt, NOW);
        }
        assert_eq!(log.found(&mut watch, 0), [""; 0]);
        assert_eq!(watch.promises.len(), 1, "the log does not reach the third yet");
        let entries: Vec<String> = (3..700).map(|number| number.to_string()).collect();
        for some in entries.chunks(100) {
            log.publish(&some.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(log.found(&mut watch, 1), [""; 0]);
        }
        assert_eq!(watch.promises.len(), 0);
    }

    #[test]
    fn what_contradicts_is_said_once_with_both_notes() {
        let one = key();
        let check = |other: Log, seconds: i64, reason: &str, member: &str| {
            let dir = tempfile::tempdir().unwrap();
            let log = Log::new(copy(&one), &["0", "1", "2"]);
            let mut watch = Watch::open(dir.path());
            assert_eq!(log.found(&mut watch, 0), [""; 0]);
            let (note, receipt) = log.receipt(3, "3");
            watch.promised(&note, &receipt, NOW);
            // Also after a restart, when what was promised is forgotten, and what was seen is not.
            if member == "earlier" {
                watch = Watch::open(dir.path());
            }
            let compared = other.compare(&mut watch, seconds).unwrap();
            let [found] = compared.contradictions.as_slice() else { panic!("{:?}", compared.contradictions) };
            assert_eq!((&found["reason"], &found["deponent"]), (&reason.into(), &"log-contradiction".into()));
            let (newer, older) = (found["checkpoint"].as_str().unwrap(), found[member].as_str().unwrap());
            assert_eq!(Checkpoint::open(newer, &one.vkey()).unwrap().size, compared.size);
            assert!(one.vkey().open(older).is_ok(), "{older}");
            // Not said: found again. Said: not.
            assert_eq!(other.found(&mut watch, seconds), [reason]);
            assert_eq!(other.found(&mut watch, seconds), [""; 0]);
        };
        let log = |entries: &[&str]| Log::new(copy(&one), entries);
        check(log(&["0", "x", "2", "3"]), 0, "the log is no extension of what it was", "earlier");
        check(log(&["0", "1", "x"]), 0, "the log is no extension of what it was", "earlier");
        check(log(&["0", "1"]), 0, "the log is shorter than it was", "earlier");
        check(log(&["0", "1", "2", "x"]), 0, "the log holds something else than what was acknowledged", "receipt");
        check(log(&["0", "1", "2"]), 601, "the log does not reach what was acknowledged", "receipt");
    }

    #[test]
    fn a_log_that_stands_still_while_it_acknowledges_is_found_and_one_that_is_only_late_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (mut watch, mut log) = (Watch::open(dir.path()), Log::new(key(), &["0"]));
        let at = |seconds: i64| Moment { nanos: NOW.nanos + seconds * 1_000_000_000, digits: 9 };
        let acknowledge = |watch: &mut Watch, log: &Log, leaf: u64, seconds: i64| {
            let (note, receipt) = log.receipt(leaf, &leaf.to_string());
            watch.promised(&note, &Receipt { source: "one".to_owned(), ..receipt }, at(seconds));
        };
        // At each look the newest is not covered yet, and those before it are.
        for minute in 1..60_u64 {
            let seconds = i64::try_from(minute * 60).unwrap();
            acknowledge(&mut watch, &log, minute, seconds);
            if minute > 1 {
                log.publish(&[&(minute - 1).to_string()]);
            }
            assert_eq!(log.found(&mut watch, seconds), [""; 0], "{minute}");
        }
        let mut said = Vec::new();
        for minute in 60..75_u64 {
            let seconds = i64::try_from(minute * 60).unwrap();
            acknowledge(&mut watch, &log, minute, seconds);
            said.extend(log.found(&mut watch, seconds));
        }
        assert_eq!(said.first().map(String::as_str), Some("the log does not reach what was acknowledged"));
        assert!(said.len() < 7, "{said:?}");
    }

    #[test]
    fn what_nobody_signed_is_no_contradiction_and_is_compared_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut watch, mut log) = (Watch::open(dir.path()), Log::new(key(), &["0", "1", "2"]));
        let (note, receipt) = log.receipt(1, "x");
        watch.promised(&note, &receipt, NOW);
        let whole = log.files.clone();
        let tile = "/log/tile/0/000.p/3";
        log.files.get_mut(tile).unwrap()[40] ^= 1;
        assert!(matches!(log.compare(&mut watch, 0), Err(Unchecked::Tiles(_))));
        log.files.remove(tile);
        assert!(matches!(log.compare(&mut watch, 0), Err(Unchecked::Answer(_))));
        log.files.remove("/log/checkpoint");
        assert!(matches!(log.compare(&mut watch, 0), Err(Unchecked::Answer(_))));
        let stranger = Log::new(key(), &["0"]);
        log.files.clone_from(&stranger.files);
        assert!(matches!(log.compare(&mut watch, 0), Err(Unchecked::Note(_))));
        log.files = whole;
        assert_eq!(log.found(&mut watch, 0), ["the log holds something else than what was acknowledged"]);
    }

    #[test]
    fn a_checkpoint_of_another_key_is_of_another_log() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Log::new(key(), &["0", "1", "2"]).found(&mut Watch::open(dir.path()), 0), [""; 0]);
        let other = Log::new(key(), &["x"]);
        let mut watch = Watch::open(dir.path());
        assert_eq!(other.found(&mut watch, 0), [""; 0]);
        assert_eq!(watch.seen.as_ref().map(|(seen, _)| seen.size), Some(1));
    }
}

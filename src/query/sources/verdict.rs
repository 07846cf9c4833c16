//! How a log is doing, as the file system of the machine that answers shows it.
//!
//! Only what a `[[tail]]` here names is looked at: of a log that another machine read, or that is no longer configured, the files here say nothing.
//! Not here: what the store knows of it (`log`).

use super::log::Log;
use crate::model::Moment;
use crate::source::{SourceError, look};
use std::path::{Path, PathBuf};

/// A collector that read a log so shortly ago is at it: what it has not read yet is on its way.
const AT_IT_NS: i64 = 5_000_000_000;
/// Unless it is more than this: a batch.
const AT_IT_BYTES: u64 = 1 << 20;

/// How a log is doing. In the order in which an operator wants to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is there and cannot be read, or its format is not known.
    Unreadable,
    /// It is configured by its name, and not there.
    Missing,
    /// Its agent did not speak for long, without having said that it ends.
    Silent,
    /// Bytes of it are unread; or its agent says that it reads nothing more.
    Behind,
    /// Its agent should have spoken, or what it says is old.
    Late,
    /// Its agent speaks.
    Alive,
    /// All of it was read, and a collector goes on reading.
    Following,
    /// All of it was read; no collector runs. Or its agent said that it ends.
    Stopped,
    /// Nothing was ever written to it.
    Empty,
    /// It has the name of a rotated file; what of it is unread counts as that of its log.
    Rotated,
    /// It was found by a pattern, and is not there any more.
    Gone,
    /// It was read once, by `ingest`.
    Imported,
    /// No `[[tail]]` here names it; or whether its agent lives cannot be said.
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [State; 13] = [
        State::Unreadable,
        State::Missing,
        State::Silent,
        State::Behind,
        State::Late,
        State::Alive,
        State::Following,
        State::Stopped,
        State::Empty,
        State::Rotated,
        State::Gone,
        State::Imported,
        State::Unknown,
    ];

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            State::Unreadable => "unreadable",
            State::Missing => "missing",
            State::Silent => "silent",
            State::Behind => "behind",
            State::Late => "late",
            State::Alive => "alive",
            State::Following => "following",
            State::Stopped => "stopped",
            State::Empty => "empty",
            State::Rotated => "rotated",
            State::Gone => "gone",
            State::Imported => "imported",
            State::Unknown => "unknown",
        }
    }

    /// Whether somebody has to do something.
    pub fn is_trouble(self) -> bool {
        self <= State::Late
    }
}

/// What a look at a log came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub state: State,
    /// How far the file that is there was read.
    pub position: Option<u64>,
    /// Bytes that are there and were not read.
    pub lag: Option<u64>,
    /// What is wrong now.
    pub error: Option<String>,
}

impl Verdict {
    pub fn of(state: State) -> Verdict {
        Verdict { state, position: None, lag: None, error: None }
    }

    pub fn unreadable(error: String) -> Verdict {
        Verdict { error: Some(error), ..Verdict::of(State::Unreadable) }
    }
}

/// A log as a configuration names it.
pub struct Asked<'a> {
    pub path: &'a Path,
    /// It is configured by this very name.
    pub by_name: bool,
    /// The configuration says which format it has.
    pub has_kind: bool,
    /// Bytes of its rotated files that were not read.
    pub older: u64,
    /// A collector answers.
    pub running: bool,
    pub now: Moment,
}

/// Looks at a log. `None`: it is not there, nobody named it, and nothing was read of it.
pub fn verdict(asked: &Asked<'_>, log: &Log) -> Option<Verdict> {
    let look = match look(asked.path) {
        Ok(look) => look,
        Err(SourceError::Missing) if asked.by_name => {
            let error = Some("does not exist on this machine".to_owned());
            let lag = (asked.older > 0).then_some(asked.older);
            return Some(Verdict { error, lag, ..Verdict::of(State::Missing) });
        }
        // Rotated a moment ago, and its successor is not there yet.
        Err(SourceError::Missing) if asked.older > 0 => {
            return Some(Verdict { lag: Some(asked.older), ..Verdict::of(State::Behind) });
        }
        Err(SourceError::Missing) => return (log.batches > 0).then(|| Verdict::of(State::Gone)),
        Err(error) => return Some(Verdict::unreadable(error.to_string())),
    };
    let end = log.end_of(&look);
    let unread = match end {
        Some(_) if look.packed => 0,
        Some(end) => look.size.saturating_sub(end),
        None => look.size,
    };
    if log.batches == 0
        && unread > 0
        && !look.packed
        && !asked.has_kind
        && let Err(error) = look.kind()
    {
        let found = Verdict::unreadable(error.to_string());
        return Some(Verdict { position: Some(0), lag: Some(unread), ..found });
    }
    let lag = unread.saturating_add(asked.older);
    let age = log.last.map(|last| asked.now.nanos.saturating_sub(last.nanos));
    let at_it = asked.running && lag <= AT_IT_BYTES && age.is_some_and(|age| (0..AT_IT_NS).contains(&age));
    let state = match lag {
        0 if log.batches == 0 => State::Empty,
        1.. if !at_it => State::Behind,
        _ if asked.running => State::Following,
        _ => State::Stopped,
    };
    Some(Verdict { state, position: Some(end.unwrap_or(0)), lag: Some(lag), error: None })
}

/// Bytes of rotated files that were not read, of those whose beginning was: the rest of what was not, of a copy of what was read, or of neither, only reading can tell.
pub fn older(siblings: &[PathBuf], logs: &[&Log]) -> u64 {
    let unread = |path: &PathBuf| {
        let look = look(path).ok().filter(|look| !look.packed)?;
        let end = logs.iter().filter_map(|log| log.end_of(&look)).max()?;
        look.size.checked_sub(end)
    };
    siblings.iter().filter_map(unread).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path, by_name: bool, running: bool) -> Option<Verdict> {
        let asked = Asked { path, by_name, has_kind: false, older: 0, running, now: Moment { nanos: 0, digits: 9 } };
        verdict(&asked, &Log::default())
    }

    #[test]
    fn what_was_never_read() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            dir.path().join(name)
        };
        let empty = write("empty.log", "");
        let state = |path: &Path, by_name| at(path, by_name, true).map(|found| found.state);
        assert_eq!(state(&empty, true), Some(State::Empty));
        assert_eq!(state(&dir.path().join("none.log"), true), Some(State::Missing));
        assert_eq!(state(&dir.path().join("none.log"), false), None);
        assert_eq!(state(dir.path(), false), Some(State::Unreadable));
        let known = write("known.log", "type=USER_LOGIN msg=audit(1795467576.448:1): pid=1 uid=0\n");
        let found = at(&known, true, true).unwrap();
        assert_eq!((found.state, found.position, found.lag), (State::Behind, Some(0), Some(57)));
        let strange = at(&write("strange.log", "\u{1b}[31mred\n"), true, true).unwrap();
        assert_eq!((strange.state, strange.lag), (State::Unreadable, Some(9)));
        assert!(strange.error.unwrap().contains("not recognised"));
    }

    #[test]
    fn troubles_come_first() {
        assert!(State::ALL.is_sorted());
        let troubles: Vec<&str> = State::ALL.into_iter().filter(|s| s.is_trouble()).map(State::name).collect();
        assert_eq!(troubles, ["unreadable", "missing", "silent", "behind", "late"]);
    }
}

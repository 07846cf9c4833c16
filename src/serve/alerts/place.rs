//! How far an alert is, in DIR/alerts/NAME: one small file, replaced as a whole.
//!
//! It lies beside `state/` because that may be deleted: a place can be made again from nothing. Lost: the alert begins anew, at the log's end. Who may write it can
//! silence an alert, or repeat it. Not here: what a place means (`serve::tail::Place`).

use super::AlertError;
use crate::serve::tail::Place;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The first line.
const VERSION: &str = "deponent-alert/v1";
/// Bytes of the file.
const BYTES_MAX: u64 = 1_024;

/// The keeper of one place.
#[derive(Debug)]
pub(super) struct Kept {
    dir: PathBuf,
    path: PathBuf,
}

impl Kept {
    /// The place of an alert; a new one is at `begin` and is kept at once. `size`: entries of the log.
    pub fn open(dir: &Path, name: &str, begin: u64, size: u64) -> Result<(Kept, Place), AlertError> {
        let kept = Kept { dir: dir.to_owned(), path: dir.join(name) };
        let error = |message| AlertError::Place { name: name.to_owned(), path: kept.path.clone(), message };
        let refused = |refusal: io::Error| error(refusal.to_string());
        fs::create_dir_all(dir).map_err(refused)?;
        let place = match kept.read() {
            Ok(Some(place)) if place.after.map_or(0, |after| after.size).max(place.from) <= size => {
                return Ok((kept, place));
            }
            // A store put back from a backup: from where both logs may differ nothing was told.
            Ok(Some(place)) => {
                tracing::warn!(alert = name, at = place.from, size, "the log is shorter than where an alert was");
                Place { from: place.from.min(size), after: None }
            }
            Ok(None) => Place { from: begin, after: None },
            Err(refusal) if refusal.kind() == io::ErrorKind::InvalidData => {
                return Err(error("it is no place of an alert; deleted, the alert begins at the log's end".to_owned()));
            }
            Err(refusal) => return Err(refused(refusal)),
        };
        kept.keep(place).map_err(refused)?;
        Ok((kept, place))
    }

    fn read(&self) -> io::Result<Option<Place>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut text = String::new();
        file.take(BYTES_MAX).read_to_string(&mut text)?;
        let place = text.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'));
        let place = place.and_then(Place::parse);
        place.map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Remembers a place. When this returns it is durable; a crash before leaves the one before.
    pub fn keep(&self, place: Place) -> io::Result<()> {
        // No alert's name holds a dot.
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(format!("{VERSION}\n{}\n", place.text()).as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(&self.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Cursor;

    #[test]
    fn a_place_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("alerts");
        let (kept, place) = Kept::open(&dir, "a", 7, 9).unwrap();
        assert_eq!(place, Place { from: 7, after: None });
        let (_, place) = Kept::open(&dir, "a", 9, 9).unwrap();
        assert_eq!(place.from, 7, "a new alert's begin is kept before anything is told");
        let within = Place { from: 7, after: Some(Cursor::start(9)) };
        kept.keep(within).unwrap();
        assert_eq!(Kept::open(&dir, "a", 0, 9).unwrap().1, within);
        let shorter = Kept::open(&dir, "a", 0, 8).unwrap().1;
        assert_eq!(shorter, Place { from: 7, after: None }, "what the log does not reach is looked at again");
        assert_eq!(Kept::open(&dir, "a", 0, 3).unwrap().1, Place { from: 3, after: None });
        assert_eq!(Kept::open(&dir, "b", 2, 3).unwrap().1.from, 2);
    }

    #[test]
    fn what_is_no_place_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        for text in [
            &b""[..],
            b"deponent-alert/v1\n",
            b"deponent-alert/v2\n7\n",
            b"deponent-alert/v1\n7",
            b"\xff\n7\n",
            &[b'7'; 5_000],
        ] {
            fs::write(dir.path().join("a"), text).unwrap();
            let error = Kept::open(dir.path(), "a", 0, 9).unwrap_err().to_string();
            assert!(error.contains("it is no place of an alert"), "{error}");
            assert_eq!(fs::read(dir.path().join("a")).unwrap(), text);
        }
    }
}

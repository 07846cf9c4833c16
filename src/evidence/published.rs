//! What the log publishes, by the names of C2SP tlog-tiles.
//!
//! The store keeps one width of a tile that grows. Whoever has an older checkpoint asks for a narrower one: it is the beginning of the wider.
//! Not here: what the bytes are (`tiles`), who may read them (`serve`).

use super::disk;
use super::error::EvidenceError;
use super::reader::Reader;
use super::tiles::{TILE_WIDTH, bundle_entries, bundle_path, bundle_push, decode_index, tile_path};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// Bytes of a bundle of entries at most.
const TILE_BYTES_MAX: u64 = 256 * (2 + 65_535);
/// How often a tile is looked for that goes while it is looked for, because a wider one is there.
const ATTEMPTS: usize = 4;

/// The name of a tile of hashes or a bundle of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileName {
    /// Of hashes; none for entries.
    pub level: Option<u8>,
    /// Its index at that level.
    pub index: u64,
    /// Its hashes or entries, 1 to 256.
    pub width: u16,
}

impl TileName {
    /// The name that a path behind `/log/tile/` stands for; nothing for a path that is written in another way.
    pub fn parse(path: &str) -> Option<TileName> {
        let (level, rest) = path.split_once('/')?;
        let (index, width) = match rest.split_once(".p/") {
            Some((index, width)) => {
                let number = width.parse::<u16>().ok().filter(|number| (1..TILE_WIDTH).contains(number))?;
                (index, Some(number).filter(|number| number.to_string() == width)?)
            }
            None => (rest, TILE_WIDTH),
        };
        let index = decode_index(index)?;
        if level == "entries" {
            return Some(TileName { level: None, index, width });
        }
        let number = level.parse::<u8>().ok().filter(|number| *number < 64 && number.to_string() == level)?;
        Some(TileName { level: Some(number), index, width })
    }

    /// Its path below `log/`.
    pub fn path(self) -> String {
        match self.level {
            Some(level) => tile_path(level, self.index, self.width),
            None => bundle_path(self.index, self.width),
        }
    }

    /// The beginning of a wider one.
    fn cut(self, wider: &[u8]) -> Option<Vec<u8>> {
        if self.level.is_some() {
            return Some(wider.get(..usize::from(self.width) * 32)?.to_vec());
        }
        let entries = bundle_entries(wider).ok()?;
        let mut bundle = Vec::new();
        for entry in entries.get(..usize::from(self.width))? {
            bundle_push(&mut bundle, entry).ok()?;
        }
        Some(bundle)
    }
}

impl Reader {
    /// The bytes of a tile; nothing when the log does not reach so far.
    ///
    /// # Errors
    /// The disk's; a wider tile that is too short.
    pub fn tile(&self, name: TileName) -> Result<Option<Vec<u8>>, EvidenceError> {
        let log = self.dir().join("log");
        let path = log.join(name.path());
        let full = log.join(TileName { width: TILE_WIDTH, ..name }.path());
        for _ in 0..ATTEMPTS {
            if let Some(bytes) = disk::read_small(&path, TILE_BYTES_MAX)? {
                return Ok(Some(bytes));
            }
            let Some(wider) = wider(&full, name.width) else { return Ok(None) };
            if let Some(bytes) = disk::read_small(&wider, TILE_BYTES_MAX)? {
                let short = || EvidenceError::io("cut", &wider)(Error::new(ErrorKind::InvalidData, "it is too short"));
                return name.cut(&bytes).map(Some).ok_or_else(short);
            }
        }
        Ok(None)
    }
}

/// The narrowest tile on disk that is wider.
fn wider(full: &Path, width: u16) -> Option<PathBuf> {
    let mut folder = full.as_os_str().to_owned();
    folder.push(".p");
    let widths = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let widths = widths.filter_map(|entry| entry.file_name().to_str()?.parse::<u16>().ok());
    let wider = widths.filter(|&other| other > width).min();
    let partial = wider.map(|wider| Path::new(&folder).join(wider.to_string()));
    partial.or_else(|| full.exists().then(|| full.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture_tests::{Scratch, envelope, numbered};
    use super::super::{Checkpoint, TileReader, proof_error::ProofError};
    use super::*;

    #[test]
    fn only_tiles_have_paths() {
        for path in ["0/000", "0/x001/234", "entries/000", "entries/x001/234.p/5", "5/000.p/255"] {
            assert_eq!(TileName::parse(path).map(TileName::path), Some(format!("tile/{path}")));
        }
        for path in [
            "",
            "0",
            "0/",
            "0/../../secret",
            "../000",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/07",
            "00/000",
            "64/000",
            "entries/1",
            "entries/000.p/1/..",
            "0/000/000",
            "0//000",
            "0/000\0",
            "/etc/passwd",
        ] {
            assert_eq!(TileName::parse(path), None, "{path:?}");
        }
    }

    #[derive(Debug)]
    struct Failed;

    impl From<ProofError> for Failed {
        fn from(_: ProofError) -> Failed {
            Failed
        }
    }

    #[test]
    fn whoever_has_an_older_checkpoint_still_reads_its_tiles() {
        let scratch = Scratch::new();
        let mut writer = scratch.open();
        let reader = writer.reader();
        let mut published: Vec<Checkpoint> = Vec::new();
        for size in [3, 5, 6, 255, 256, 257, 300, 520] {
            while writer.size() < size {
                let number = usize::try_from(writer.size()).unwrap();
                writer.append(numbered(number), &envelope()).unwrap();
            }
            writer.sync().unwrap();
            published.push(writer.publish().unwrap());
            for old in &published {
                let read = |level, index, width| {
                    reader.tile(TileName { level: Some(level), index, width }).unwrap().ok_or(Failed)
                };
                let mut tiles = TileReader::new(old.size, old.root, read).unwrap();
                for leaf in [0, old.size - 1] {
                    let entry = TileName {
                        level: None,
                        index: leaf / 256,
                        width: (old.size - leaf / 256 * 256).min(256) as u16,
                    };
                    let bundle = reader.tile(entry).unwrap().unwrap();
                    let entries = bundle_entries(&bundle).unwrap();
                    assert_eq!(entries.len(), usize::from(entry.width));
                    let entry = entries[usize::try_from(leaf % 256).unwrap()];
                    assert_eq!(tiles.leaf(leaf).unwrap(), super::super::leaf_hash(entry));
                }
            }
        }
        let beyond = TileName { level: Some(0), index: 2, width: 9 };
        assert_eq!(reader.tile(beyond).unwrap(), None);
        assert_eq!(reader.tile(TileName { index: 3, ..beyond }).unwrap(), None);
    }
}

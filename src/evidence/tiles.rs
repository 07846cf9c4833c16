//! C2SP tlog-tiles, height 8: names and bytes of hash tiles and entry bundles.
//!
//! Not here: how a growing tree makes tiles (`tree_builder`), how they are read and authenticated (`tile_reader`), files (the store).

use super::draft::Hash;
use super::proof_error::ProofError;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of tiles that a tree of 2^64 leaves can have.
pub(super) const LEVELS: u8 = 8;
/// Bytes of a log entry at most.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// A tile's index as a path: three digits an element, all but the last behind an `x`; 1,234,067 is `x001/x234/067`.
pub fn encode_index(index: u64) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    path
}

/// The index that `encode_index` makes this path of; nothing for any other text.
pub fn decode_index(path: &str) -> Option<u64> {
    let digits: String = path.chars().filter(char::is_ascii_digit).collect();
    let index = digits.parse().ok()?;
    (encode_index(index) == path).then_some(index)
}

/// Path below `log/` of a hash tile; `width` 256 is a full one, below it is partial, 0 is none.
pub fn tile_path(level: u8, index: u64, width: u16) -> String {
    format!("tile/{level}/{}{}", encode_index(index), suffix(width))
}

/// Path below `log/` of an entry bundle; `width` as in `tile_path`.
pub fn bundle_path(index: u64, width: u16) -> String {
    format!("tile/entries/{}{}", encode_index(index), suffix(width))
}

fn suffix(width: u16) -> String {
    if width >= TILE_WIDTH { String::new() } else { format!(".p/{width}") }
}

/// Number of nodes of `256^level` leaves that a tree of `size` leaves has whole.
pub(super) fn nodes(size: u64, level: u8) -> u64 {
    size.checked_shr(u32::from(level) * 8).unwrap_or(0)
}

/// Hashes that the tile has in a tree of `size` leaves: 0 to 256.
pub fn tile_width(size: u64, level: u8, index: u64) -> u16 {
    let nodes = nodes(size, level);
    match index.cmp(&(nodes / 256)) {
        std::cmp::Ordering::Less => TILE_WIDTH,
        std::cmp::Ordering::Equal => u16::try_from(nodes % 256).unwrap_or(0),
        std::cmp::Ordering::Greater => 0,
    }
}

/// The hashes of a tile's bytes.
pub(super) fn tile_hashes(level: u8, index: u64, width: u16, bytes: &[u8]) -> Result<Vec<Hash>, ProofError> {
    let expected = usize::from(width) * 32;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if bytes.len() != expected || !rest.is_empty() {
        return Err(ProofError::TileLength { path: tile_path(level, index, width), found: bytes.len(), expected });
    }
    Ok(hashes.to_vec())
}

/// Appends an entry to a bundle, behind its length in two bytes.
///
/// # Errors
/// An entry of more than 65,535 bytes; nothing is appended then.
pub fn bundle_push(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), ProofError> {
    let length = u16::try_from(entry.len()).map_err(|_| ProofError::EntryTooLong { length: entry.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle.
///
/// # Errors
/// A bundle that is cut off, or of more than 256 entries.
pub fn bundle_entries(bundle: &[u8]) -> Result<Vec<&[u8]>, ProofError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let wrong = |what| ProofError::Bundle { at: bundle.len() - rest.len(), what };
        if entries.len() >= usize::from(TILE_WIDTH) {
            return Err(wrong("more than 256 entries"));
        }
        let (length, behind) = rest.split_first_chunk::<2>().ok_or_else(|| wrong("cut off in a length"))?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, behind) = behind.split_at_checked(length).ok_or_else(|| wrong("cut off in an entry"))?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (index, path) in [
            (0, "000"),
            (999, "999"),
            (1_000, "x001/000"),
            (1_234, "x001/234"),
            (1_234_067, "x001/x234/067"),
            (u64::MAX, "x018/x446/x744/x073/x709/x551/615"),
        ] {
            assert_eq!(encode_index(index), path);
            assert_eq!(decode_index(path), Some(index));
        }
        for path in [
            "",
            "0",
            "00",
            "1000",
            "x000/001",
            "001/234",
            "x001/x234",
            "x001/234/",
            "x018/x446/x744/x073/x709/x551/616",
            "00a",
        ] {
            assert_eq!(decode_index(path), None, "{path}");
        }
        assert_eq!(tile_path(0, 1_234, 256), "tile/0/x001/234");
        assert_eq!(tile_path(2, 1, 5), "tile/2/001.p/5");
        assert_eq!(bundle_path(1_234_067, 256), "tile/entries/x001/x234/067");
        assert_eq!(bundle_path(0, 255), "tile/entries/000.p/255");
    }

    /// The example of the specification: 70,000 entries.
    #[test]
    fn widths() {
        for (level, index, width) in [
            (0, 0, 256),
            (0, 272, 256),
            (0, 273, 112),
            (0, 274, 0),
            (1, 0, 256),
            (1, 1, 17),
            (2, 0, 1),
            (3, 0, 0),
            (9, 0, 0),
        ] {
            assert_eq!(tile_width(70_000, level, index), width, "level {level}, tile {index}");
        }
        assert_eq!([tile_width(256, 0, 0), tile_width(256, 0, 1), tile_width(256, 1, 0)], [256, 0, 1]);
    }

    #[test]
    fn bundles() {
        let entries: Vec<Vec<u8>> = vec![b"one".to_vec(), Vec::new(), vec![7; 65_535]];
        let mut bundle = Vec::new();
        for entry in &entries {
            bundle_push(&mut bundle, entry).unwrap();
        }
        assert_eq!(bundle[..7], *b"\0\x03one\0\0");
        assert_eq!(bundle_entries(&bundle).unwrap(), entries);
        assert_eq!(bundle_entries(&[]), Ok(Vec::new()));
        let before = bundle.clone();
        assert_eq!(bundle_push(&mut bundle, &[0; 65_536]), Err(ProofError::EntryTooLong { length: 65_536 }));
        assert_eq!(bundle, before);
        for cut in [1, 3, 4, 6, 8, bundle.len() - 1] {
            assert!(matches!(bundle_entries(&bundle[..cut]), Err(ProofError::Bundle { .. })), "cut at {cut}");
        }
        assert_eq!(bundle_entries(&[0; 512]).unwrap().len(), 256);
        assert!(matches!(bundle_entries(&[0; 514]), Err(ProofError::Bundle { at: 512, .. })));
    }
}

//! Checkpoints: the signed size and root of the log (C2SP tlog-checkpoint, without extension lines).
//!
//! Not here: the signature format (`note`), where checkpoints are kept (the store).

use data_encoding::BASE64;

use super::draft::Hash;
use super::note::{NoteError, SigningKey, VerifierKey, check_name, shortened, signature_names, split_note};
use super::tree::empty_root;

/// The head of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log: the name of its key.
    pub origin: String,
    /// Entries of the log.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The three lines that are signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root))
    }

    /// Reads the three lines; `text` of the result is what was read.
    ///
    /// # Errors
    /// Any other line, extension lines included.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let wrong = |line, expected, found| NoteError::Checkpoint { line, expected, found: shortened(found) };
        let origin = line();
        check_name(origin).map_err(|_| wrong(1, "the log's origin", origin))?;
        let digits = line();
        let size = decimal(digits).ok_or_else(|| wrong(2, "the tree's size in decimal", digits))?;
        let encoded = line();
        let root = decode_hash(encoded).ok_or_else(|| wrong(3, "a SHA-256 hash in base64", encoded))?;
        if size == 0 && root != empty_root() {
            return Err(wrong(3, "the hash of nothing, as the tree is empty", encoded));
        }
        match (line(), lines.next()) {
            ("", None) if text.ends_with('\n') => Ok(Self { origin: origin.to_owned(), size, root }),
            (found, _) => Err(wrong(4, "nothing more than three lines", found)),
        }
    }

    /// The whole note.
    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.text())
    }

    /// Reads a note that the key has signed and whose origin is the key's name.
    ///
    /// # Errors
    /// A note that this key has not signed, or that is no checkpoint of it.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(key.open(note)?)?;
        if checkpoint.origin == key.name() {
            Ok(checkpoint)
        } else {
            Err(NoteError::Origin { found: checkpoint.origin, expected: key.name().to_owned() })
        }
    }

    /// Reads a note without checking its signature, only that there is one in the name of the origin: whoever has no key cannot know more.
    ///
    /// # Errors
    /// A malformed note or checkpoint; no signature line in the name of the origin.
    pub fn parse_unauthenticated(note: &str) -> Result<Self, NoteError> {
        let (text, lines) = split_note(note)?;
        let checkpoint = Self::parse(text)?;
        if signature_names(lines).any(|name| name == checkpoint.origin) {
            Ok(checkpoint)
        } else {
            Err(NoteError::NotSigned { key: checkpoint.origin })
        }
    }
}

/// A number in decimal without leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

/// 32 bytes in canonical base64.
pub(super) fn decode_hash(text: &str) -> Option<Hash> {
    // Looked at first, so that a line of megabytes is not decoded to find out that it is too long.
    if text.len() != 44 { None } else { BASE64.decode(text.as_bytes()).ok()?.try_into().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_round() {
        let key = SigningKey::generate("node-1/deponent/0123456789abcdef").unwrap();
        let checkpoint = Checkpoint { origin: key.vkey().name().to_owned(), size: 20_852_163, root: [0xa5; 32] };
        let note = checkpoint.sign(&key);
        assert!(note.starts_with("node-1/deponent/0123456789abcdef\n20852163\npaWl"));
        assert_eq!(Checkpoint::open(&note, &key.vkey()), Ok(checkpoint.clone()));
        assert_eq!(Checkpoint::parse_unauthenticated(&note), Ok(checkpoint.clone()));
        // The same key, another log's checkpoint.
        let foreign = Checkpoint { origin: "elsewhere".to_owned(), ..checkpoint }.sign(&key);
        assert!(matches!(Checkpoint::open(&foreign, &key.vkey()), Err(NoteError::Origin { .. })));
        assert!(matches!(Checkpoint::parse_unauthenticated(&foreign), Err(NoteError::NotSigned { .. })));
        // The same name, another key.
        let stranger = SigningKey::generate(key.vkey().name()).unwrap().vkey();
        assert!(matches!(Checkpoint::open(&note, &stranger), Err(NoteError::NotSigned { .. })));
    }

    #[test]
    fn what_is_refused() {
        let root = BASE64.encode(&[1; 32]);
        let fine = format!("a.example/log\n7\n{root}\n");
        assert_eq!(Checkpoint::parse(&fine).unwrap().text(), fine);
        let empty = format!("a\n0\n{}\n", BASE64.encode(&empty_root()));
        assert_eq!(Checkpoint::parse(&empty).unwrap().size, 0);
        let largest = format!("a\n18446744073709551615\n{root}\n");
        assert_eq!(Checkpoint::parse(&largest).unwrap().size, u64::MAX);
        for (text, line) in [
            (String::new(), 1),
            (format!("\n7\n{root}\n"), 1),
            (format!("a b\n7\n{root}\n"), 1),
            (format!("a\n\n{root}\n"), 2),
            (format!("a\n07\n{root}\n"), 2),
            (format!("a\n+7\n{root}\n"), 2),
            (format!("a\n-7\n{root}\n"), 2),
            (format!("a\n7 \n{root}\n"), 2),
            (format!("a\n18446744073709551616\n{root}\n"), 2),
            ("a\n7\n".to_owned(), 3),
            (format!("a\n7\n{}\n", &root[..43]), 3),
            (format!("a\n7\n{root}A\n"), 3),
            (format!("a\n7\n{}\n", root.replace("E=", "F=")), 3),
            (format!("a\n0\n{root}\n"), 3),
            (format!("a\n7\n{root}"), 4),
            (format!("a\n7\n{root}\nextension\n"), 4),
            (format!("a\n7\n{root}\n\n"), 4),
        ] {
            let Err(NoteError::Checkpoint { line: found, .. }) = Checkpoint::parse(&text) else {
                panic!("{text:?} is accepted, or refused without a line");
            };
            assert_eq!(found, line, "{text:?}");
        }
    }
}

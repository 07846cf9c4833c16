//! C2SP signed notes, with Ed25519 keys (signature type 0x01).
//!
//! Inside: keys and their text forms (those of Go's `golang.org/x/mod/sumdb/note`), signing, opening.
//! Not here: what a note says (`checkpoint`, `entry`), where keys are kept (the store).
//!
//! Our own code and not crate `signed_note`: it verifies leniently, needs a trait object a key, and copies every text.

use std::fmt;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer};
use sha2::{Digest, Sha256};

pub use super::note_error::NoteError;

/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = 1_000_000;
/// Signature lines of a note at most.
pub const SIGNATURES_MAX: usize = 100;
/// Bytes of a key's name at most.
const NAME_BYTES_MAX: usize = 4_096;
/// The one signature type that is made and accepted here.
const ED25519: u8 = 0x01;
const PRIVATE: &str = "PRIVATE+KEY+";

/// A key that signs; wiped from memory when dropped.
pub struct SigningKey {
    name: String,
    hash: [u8; 4],
    key: ed25519_dalek::SigningKey,
}

/// A key that signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    hash: [u8; 4],
    key: ed25519_dalek::VerifyingKey,
}

impl SigningKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// A name that is empty or has spaces, `+` or control characters; no random numbers.
    pub fn generate(name: &str) -> Result<Self, NoteError> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|error| NoteError::NoRandom { error: error.to_string() })?;
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        seed.fill(0);
        Self::with(name, key)
    }

    fn with(name: &str, key: ed25519_dalek::SigningKey) -> Result<Self, NoteError> {
        check_name(name)?;
        let hash = key_hash(name, key.verifying_key().as_bytes());
        Ok(Self { name: name.to_owned(), hash, key })
    }

    /// Reads `PRIVATE+KEY+<name>+<hash>+<base64>`.
    ///
    /// # Errors
    /// Anything else; a hash that is not the one of the name and the key. The text is never repeated in the error.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = |what| NoteError::SigningKey { what };
        let rest = text.strip_prefix(PRIVATE).ok_or(malformed("it does not start with PRIVATE+KEY+"))?;
        let (name, hash, seed) = key_parts(rest).map_err(malformed)?;
        let key = Self::with(name, ed25519_dalek::SigningKey::from_bytes(&seed))?;
        if key.hash == hash { Ok(key) } else { Err(malformed("its hash is not the one of its name and key")) }
    }

    /// The secret, as `parse` reads it. One allocation, so that the caller can wipe it.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(PRIVATE.len() + self.name.len() + 64);
        text.push_str(PRIVATE);
        push_key(&mut text, &self.name, self.hash, self.key.as_bytes());
        text
    }

    /// The key that checks what this one signs.
    pub fn vkey(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), hash: self.hash, key: self.key.verifying_key() }
    }

    /// The whole note: the text, an empty line, the signature line. The text ends with LF and has no other control character.
    pub fn sign(&self, text: &str) -> String {
        format!("{text}\n{}", self.signature_line(text))
    }

    /// The signature line alone, its LF included: one more behind those that a note has.
    pub fn signature_line(&self, text: &str) -> String {
        debug_assert!(check_text(text).is_ok(), "a text that cannot be a note: {text:?}");
        let mut signature = self.hash.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("— {} {}\n", self.name, BASE64.encode(&signature))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

impl VerifierKey {
    /// Reads `<name>+<hash>+<base64>`.
    ///
    /// # Errors
    /// Anything else; another key type than Ed25519; a hash that is not the one of the name and the key.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = |what| NoteError::VerifierKey { text: shortened(text), what };
        if text.starts_with(PRIVATE) {
            // Not repeated in the error: it would land in a terminal or a log.
            return Err(NoteError::SecretGiven);
        }
        let (name, hash, bytes) = key_parts(text).map_err(malformed)?;
        check_name(name)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| malformed("it is no Ed25519 key"))?;
        if key.is_weak() {
            return Err(malformed("it is a weak Ed25519 key, under which one signature fits many texts"));
        }
        if hash != key_hash(name, &bytes) {
            return Err(malformed("its hash is not the one of its name and key: a character is wrong"));
        }
        Ok(Self { name: name.to_owned(), hash, key })
    }

    /// The name, which is the origin of the store's checkpoints.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text of a note, final LF included, when this key has signed it. Lines of other keys are ignored.
    ///
    /// # Errors
    /// A malformed note; no signature of this key; one that does not fit the text.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        let (text, lines) = split_note(note)?;
        let mut signed = false;
        for (name, hash, signature) in lines.lines().map_while(signature_parts) {
            if name != self.name || hash != self.hash {
                continue;
            }
            let refused = || NoteError::BadSignature { key: self.name.clone() };
            let signature = Signature::from_slice(&signature).map_err(|_| refused())?;
            self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| refused())?;
            signed = true;
        }
        if signed { Ok(text) } else { Err(NoteError::NotSigned { key: self.to_string() }) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        push_key(&mut text, &self.name, self.hash, self.key.as_bytes());
        f.write_str(&text)
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

/// Text (final LF included) and signature lines of a note, both well-formed, nothing verified.
///
/// # Errors
/// A note that is too long, has control characters, or does not end in an empty line and signature lines.
pub fn split_note(note: &str) -> Result<(&str, &str), NoteError> {
    let malformed = |what| NoteError::Note { what };
    if note.len() > NOTE_BYTES_MAX {
        return Err(malformed("it is longer than 1,000,000 bytes"));
    }
    let end = note.rfind("\n\n").ok_or(malformed("it has no empty line before its signatures"))?;
    let (text, lines) = note.split_at(end + 1);
    let lines = lines.strip_prefix('\n').unwrap_or(lines);
    check_text(text).map_err(malformed)?;
    if lines.is_empty() {
        return Err(malformed("it has no signature line"));
    }
    if !lines.ends_with('\n') {
        return Err(malformed("its last line is not ended by LF"));
    }
    for (number, line) in lines.split_terminator('\n').enumerate() {
        if number >= SIGNATURES_MAX {
            return Err(malformed("it has more than 100 signature lines"));
        }
        if signature_parts(line).is_none() {
            return Err(malformed("a signature line is not `— <name> <base64>`"));
        }
    }
    Ok((text, lines))
}

/// The names of the keys that a well-formed note claims to be signed by.
pub(super) fn signature_names(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().map_while(signature_parts).map(|(name, ..)| name)
}

fn signature_parts(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    let (hash, signature) = bytes.split_first_chunk::<4>()?;
    (!signature.is_empty()).then(|| (name, *hash, signature.to_vec()))
}

/// Name, hash and 32 bytes of a key's text.
fn key_parts(text: &str) -> Result<(&str, [u8; 4], [u8; 32]), &'static str> {
    let (name, rest) = text.split_once('+').ok_or("it is not <name>+<hash>+<base64>")?;
    let (hash, encoded) = rest.split_once('+').ok_or("it is not <name>+<hash>+<base64>")?;
    let hash =
        data_encoding::HEXLOWER.decode(hash.as_bytes()).map_err(|_| "its hash is not 8 lower-case hex digits")?;
    let hash = <[u8; 4]>::try_from(hash).map_err(|_| "its hash is not 8 lower-case hex digits")?;
    let key = BASE64.decode(encoded.as_bytes()).map_err(|_| "its last part is not base64")?;
    match key.split_first() {
        Some((&ED25519, key)) => {
            Ok((name, hash, <[u8; 32]>::try_from(key).map_err(|_| "an Ed25519 key has 32 bytes")?))
        }
        _ => Err("its key type is not Ed25519 (0x01)"),
    }
}

fn push_key(text: &mut String, name: &str, hash: [u8; 4], key: &[u8; 32]) {
    let mut typed = [ED25519; 33];
    for (to, from) in typed.iter_mut().skip(1).zip(key) {
        *to = *from;
    }
    text.push_str(name);
    text.push('+');
    data_encoding::HEXLOWER.encode_append(&hash, text);
    text.push('+');
    BASE64.encode_append(&typed, text);
    typed.fill(0);
}

/// First four bytes of H(name ‖ LF ‖ type ‖ public key).
fn key_hash(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(key);
    let hash: [u8; 32] = hasher.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// A key's name, as C2SP allows it; control characters cannot stand in a note at all.
pub(super) fn check_name(name: &str) -> Result<(), NoteError> {
    let fine = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control());
    if fine { Ok(()) } else { Err(NoteError::Name { name: shortened(name) }) }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if !text.ends_with('\n') {
        return Err("its text does not end with LF");
    }
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err("its text has control characters");
    }
    Ok(())
}

/// What of a hostile text goes into an error: escaped, and no more than a line of it.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(120).flat_map(char::escape_debug).collect();
    if text.chars().nth(120).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Go's package note.
    const SKEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    /// A second, foreign signature over the same text, from the same documentation.
    const ENOCH: &str =
        "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

    #[test]
    fn as_go_signs() {
        let key = SigningKey::parse(SKEY).unwrap();
        assert_eq!(key.to_text(), SKEY);
        assert_eq!(key.vkey().to_string(), VKEY);
        assert_eq!(key.vkey().name(), "PeterNeumann");
        let note = key.sign(TEXT);
        assert_eq!(note, format!("{TEXT}\n{SIGNATURE}"));
        let vkey = VerifierKey::parse(VKEY).unwrap();
        assert_eq!(vkey, key.vkey());
        assert_eq!(vkey.open(&note), Ok(TEXT));
        for lines in [format!("{SIGNATURE}{ENOCH}"), format!("{ENOCH}{SIGNATURE}"), format!("{SIGNATURE}{SIGNATURE}")] {
            assert_eq!(vkey.open(&format!("{TEXT}\n{lines}")), Ok(TEXT));
        }
        // The text may hold empty lines: the last one separates.
        let folded = key.sign("a\n\nb\n");
        assert_eq!(vkey.open(&folded), Ok("a\n\nb\n"));
    }

    /// The example of the specification.
    #[test]
    fn as_the_specification_signs() {
        let note = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n\
            — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
        let (text, lines) = split_note(note).unwrap();
        assert!(text.ends_with("\n\ned è subito sera.\n"));
        assert_eq!(signature_names(lines).collect::<Vec<_>>(), ["quasimodo.example/salvatore"]);
    }

    #[test]
    fn generated_keys_go_round() {
        let key = SigningKey::generate("node-1/deponent/0123456789abcdef").unwrap();
        let again = SigningKey::parse(&key.to_text()).unwrap();
        assert_eq!(again.vkey(), key.vkey());
        assert_eq!(VerifierKey::parse(&key.vkey().to_string()).unwrap(), key.vkey());
        assert_eq!(key.vkey().open(&again.sign("x\n")), Ok("x\n"));
        assert_ne!(SigningKey::generate("node-1").unwrap().vkey(), SigningKey::generate("node-1").unwrap().vkey());
        // PRIVATE+KEY+name+hash+secret; the secret is base64 and may hold a plus itself.
        let text = key.to_text();
        let secret = text.trim_end().splitn(5, '+').nth(4).unwrap();
        assert!(secret.len() > 40 && !format!("{key:?}").contains(secret));
        for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb", "a\u{7}b", &"a".repeat(5_000)] {
            assert!(matches!(SigningKey::generate(name), Err(NoteError::Name { .. })), "{name:?}");
        }
    }

    #[test]
    fn every_altered_byte_is_refused() {
        let vkey = VerifierKey::parse(VKEY).unwrap();
        let note = format!("{TEXT}\n{SIGNATURE}");
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                // What is not UTF-8 cannot even be asked about.
                if let Ok(text) = std::str::from_utf8(&bytes) {
                    assert!(vkey.open(text).is_err(), "byte {at}, bit {bit}: {text:?}");
                }
            }
            if note.is_char_boundary(at) {
                assert!(vkey.open(&note[..at]).is_err(), "cut at {at}");
            }
        }
        for text in [SKEY, VKEY] {
            for at in 0..text.len() {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] ^= 1;
                let text = std::str::from_utf8(&bytes).unwrap();
                assert!(VerifierKey::parse(text).is_err() && SigningKey::parse(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_refused() {
        let vkey = VerifierKey::parse(VKEY).unwrap();
        let bad = SIGNATURE.replace("x08go/ZJ", "x08go/ZK");
        let check = |note: &str, expected: fn(&NoteError) -> bool| {
            let error = vkey.open(note).unwrap_err();
            assert!(expected(&error), "{note:?}: {error}");
        };
        let malformed = |error: &NoteError| matches!(error, NoteError::Note { .. });
        check("", malformed);
        check("\n", malformed);
        check(TEXT, malformed);
        check(&format!("{TEXT}\n"), malformed);
        check(&format!("{TEXT}\n{}", SIGNATURE.trim_end()), malformed);
        check(&format!("{TEXT}\n{SIGNATURE}- x\n"), malformed);
        check(&format!("{TEXT}\r\n\n{SIGNATURE}"), malformed);
        check(&format!("{TEXT}\n{}", SIGNATURE.repeat(101)), malformed);
        check(&format!("{}\n\n{SIGNATURE}", "x".repeat(1_000_000)), malformed);
        check(&format!("{TEXT}\n— PeterNeumann x08g\n"), malformed);
        check(&format!("{TEXT}\n{ENOCH}"), |error| matches!(error, NoteError::NotSigned { .. }));
        check(&format!("{TEXT}\n{bad}"), |error| matches!(error, NoteError::BadSignature { .. }));
        check(&format!("{TEXT}\n{SIGNATURE}{bad}"), |error| matches!(error, NoteError::BadSignature { .. }));
        // The right name with another key hash is another key.
        let other = SigningKey::generate("PeterNeumann").unwrap();
        check(&other.sign(TEXT), |error| matches!(error, NoteError::NotSigned { .. }));
        assert_eq!(VerifierKey::parse(SKEY), Err(NoteError::SecretGiven));
        let secret = SKEY.rsplit('+').next().unwrap();
        assert!(!SigningKey::parse(&SKEY.replace("c74f20a3", "c74f20a4")).unwrap_err().to_string().contains(secret));
        // A key of small order, with the right hash.
        let mut weak = String::new();
        push_key(&mut weak, "weak", key_hash("weak", &[0; 32]), &[0; 32]);
        assert!(matches!(VerifierKey::parse(&weak), Err(NoteError::VerifierKey { .. })));
    }
}

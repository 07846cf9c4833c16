//! The tokens of a store: a file that has their hashes, never themselves.
//!
//! A token is 32 random bytes, so its plain SHA-256 tells nothing of it. Inside: adding, revoking, listing (what `deponent token` does), and `Tokens`, which a collector
//! asks. Not here: what a token's holder may do (`Grant`).

use crate::config::Grant;
use crate::model::Moment;
use crate::time::rfc3339;
use deponent_parsers::kubernetes::Stamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The folder of a store, and the file in it.
const FILE: &str = "access/tokens.json";
const FORMAT: &str = "deponent-tokens/v1";
/// What every token begins with, so that scanners of source code find those that were lost.
const PREFIX: &str = "dpn_";
/// Bytes of the file.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// Tokens of a store, revoked ones too.
const TOKENS_MAX: usize = 10_000;
/// Bytes of a token's name.
const NAME_BYTES_MAX: usize = 128;
/// How soon a change of the file counts, at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a token was not added, revoked or listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file or its folder.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// It is not such a file.
    #[error("{}: {detail}; `deponent token list` must be able to read it before tokens work again", path.display())]
    Shape {
        /// Which.
        path: PathBuf,
        /// Where and what.
        detail: String,
    },
    /// There is no such token.
    #[error("no token `{name}` that is not revoked; `deponent token list` shows them")]
    Unknown {
        /// As asked.
        name: String,
    },
    /// Several have that name.
    #[error("`{name}` names {count} tokens; name one by its id, or give --all")]
    Several {
        /// As asked.
        name: String,
        /// So many.
        count: usize,
    },
    /// Too many, too long, not allowed, no random bytes.
    #[error("{0}")]
    Limit(String),
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What names it: eight characters that its text has too.
    pub id: String,
    /// Whose it is.
    pub name: String,
    /// SHA-256 of its text, hexadecimal.
    sha256: String,
    /// What its holder may do.
    pub grant: Grant,
    /// When it was made, RFC 3339.
    pub added: String,
    /// From when on it is none, RFC 3339; never where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Since when it is none, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
}

/// Whether a token counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Valid,
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl Standing {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Valid => "valid",
            Standing::Expired => "expired",
            Standing::Revoked => "revoked",
        }
    }
}

impl Token {
    /// Whether it counts at a time. A time that cannot be read is over.
    pub fn standing(&self, now: Moment) -> Standing {
        let over = |text: &String| Stamp::parse(text).is_none_or(|stamp| stamp.nanos <= now.nanos);
        if self.revoked.is_some() {
            Standing::Revoked
        } else if self.expires.as_ref().is_some_and(over) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }
}

/// A token that was just made.
pub struct Added {
    /// What is kept of it.
    pub token: Token,
    /// Itself: it is in no file.
    pub secret: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    tokens: Vec<Token>,
}

/// Makes a token.
///
/// # Errors
/// What it would be allowed makes no sense; the file cannot be read or written.
pub fn add(store: &Path, name: &str, grant: Grant, expires: Option<Moment>, now: Moment) -> Result<Added, TokenError> {
    grant.check().map_err(TokenError::Limit)?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let message = format!("a token's name has 1 to {NAME_BYTES_MAX} bytes, without spaces: who will use it");
        return Err(TokenError::Limit(message));
    }
    let (id, secret) = fresh()?;
    let token = Token {
        id,
        name: name.to_owned(),
        sha256: hash(&secret),
        grant,
        added: rfc3339(now),
        expires: expires.map(rfc3339),
        revoked: None,
    };
    change(store, |tokens| {
        if tokens.len() >= TOKENS_MAX {
            return Err(TokenError::Limit(format!("a store has {TOKENS_MAX} tokens at most, revoked ones too")));
        }
        tokens.push(token.clone());
        Ok(())
    })?;
    Ok(Added { token, secret })
}

/// Takes tokens back: the one of an id, or that of a name; with `all`, every one of that name. Gives their ids.
///
/// # Errors
/// None or several of that name; the file cannot be read or written.
pub fn revoke(store: &Path, name: &str, all: bool, now: Moment) -> Result<Vec<String>, TokenError> {
    let mut ids = Vec::new();
    change(store, |tokens| {
        let mut named: Vec<&mut Token> =
            tokens.iter_mut().filter(|one| one.revoked.is_none() && (one.id == name || one.name == name)).collect();
        match named.len() {
            0 => return Err(TokenError::Unknown { name: name.to_owned() }),
            1 => {}
            _ if all => {}
            count => return Err(TokenError::Several { name: name.to_owned(), count }),
        }
        for token in &mut named {
            token.revoked = Some(rfc3339(now));
            ids.push(token.id.clone());
        }
        Ok(())
    })?;
    Ok(ids)
}

/// All of them, the oldest first.
///
/// # Errors
/// A file that cannot be read.
pub fn list(store: &Path) -> Result<Vec<Token>, TokenError> {
    read(&store.join(FILE))
}

/// An id and a token.
fn fresh() -> Result<(String, String), TokenError> {
    let (mut name, mut secret) = ([0; 5], [0; 32]);
    let random = getrandom::fill(&mut name).and_then(|()| getrandom::fill(&mut secret));
    random.map_err(|error| TokenError::Limit(format!("no random bytes: {error}")))?;
    let text = |bytes: &[u8]| data_encoding::BASE32_NOPAD.encode(bytes).to_ascii_lowercase();
    let id = text(&name);
    let token = format!("{PREFIX}{id}_{}", text(&secret));
    Ok((id, token))
}

fn hash(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn read(path: &Path) -> Result<Vec<Token>, TokenError> {
    let io = |error| TokenError::Io { path: path.to_owned(), error };
    let shape = |detail: String| TokenError::Shape { path: path.to_owned(), detail };
    let mut text = String::new();
    match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
        Ok(file) => file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?,
    };
    if text.len() > usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX) {
        return Err(shape(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    let written: Written = serde_json::from_str(&text).map_err(|error| shape(error.to_string()))?;
    if written.format != FORMAT || written.tokens.len() > TOKENS_MAX {
        return Err(shape(format!("not of format {FORMAT}, or more than {TOKENS_MAX} tokens")));
    }
    Ok(written.tokens)
}

/// Changes the file as a whole; two who do it at once take turns.
fn change(store: &Path, change: impl FnOnce(&mut Vec<Token>) -> Result<(), TokenError>) -> Result<(), TokenError> {
    let path = store.join(FILE);
    let dir = path.parent().unwrap_or(store);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| TokenError::Io { path, error }
    };
    std::fs::create_dir_all(dir).map_err(io(dir))?;
    let turn = dir.join("lock");
    let lock =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&turn).map_err(io(&turn))?;
    lock.lock().map_err(io(&turn))?;
    let mut tokens = read(&path)?;
    change(&mut tokens)?;
    let written = Written { format: FORMAT.to_owned(), tokens };
    let mut text = serde_json::to_string_pretty(&written).map_err(|error| TokenError::Limit(error.to_string()))?;
    text.push('\n');
    let new = dir.join("tokens.new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new).map_err(io(&new))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io(&new))?;
    std::fs::rename(&new, &path).map_err(io(&path))?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
}

/// The tokens of a store, as a collector asks for them: a change of the file counts within a second.
pub struct Tokens {
    path: PathBuf,
    now: Mutex<Known>,
}

struct Known {
    tokens: Arc<Vec<Token>>,
    stamp: Option<(u64, i64, i64, u64)>,
    looked: Option<Instant>,
}

impl Tokens {
    /// Those of a store; there may be none yet.
    pub fn of(store: &Path) -> Tokens {
        let known = Known { tokens: Arc::default(), stamp: None, looked: None };
        Tokens { path: store.join(FILE), now: Mutex::new(known) }
    }

    /// All of them now. A file that cannot be read means none: nobody gets in by what is broken.
    pub fn all(&self) -> Arc<Vec<Token>> {
        let mut known = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Arc::clone(&known.tokens);
        }
        known.looked = Some(Instant::now());
        let stamp = std::fs::metadata(&self.path).ok();
        let stamp = stamp.map(|of| (of.ino(), of.mtime(), of.mtime_nsec(), of.len()));
        if stamp != known.stamp {
            known.tokens = Arc::new(read(&self.path).unwrap_or_else(|error| {
                tracing::error!(%error, "the tokens cannot be read: nobody gets in by a token");
                Vec::new()
            }));
            known.stamp = stamp;
        }
        Arc::clone(&known.tokens)
    }

    /// The token whose text this is, and whether it counts.
    pub fn find(&self, secret: &str, now: Moment) -> Option<(Token, Standing)> {
        let (id, _) = secret.strip_prefix(PREFIX)?.split_once('_')?;
        let hash = hash(secret);
        // What the comparison takes says something of the hash, which says nothing of the token.
        let token = self.all().iter().find(|one| one.id == id && one.sha256 == hash).cloned()?;
        let standing = token.standing(now);
        Some((token, standing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    const DAY_NS: i64 = 86_400_000_000_000;

    fn at(nanos: i64) -> Moment {
        Moment { nanos, digits: 9 }
    }

    fn reader() -> Grant {
        Grant { roles: vec![Role::Reader], ..Grant::default() }
    }

    #[test]
    fn a_token_is_shown_once_expires_and_is_revoked() {
        let store = tempfile::tempdir().unwrap();
        let added = add(store.path(), "jane", reader(), Some(at(2 * DAY_NS)), at(DAY_NS)).unwrap();
        let text = std::fs::read_to_string(store.path().join(FILE)).unwrap();
        let (_, random) = added.secret.rsplit_once('_').unwrap();
        assert!(!text.contains(random) && text.contains(&added.token.id));
        let mode = std::fs::metadata(store.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);

        let tokens = Tokens::of(store.path());
        let standing = |now| tokens.find(&added.secret, at(now)).map(|(_, standing)| standing);
        assert_eq!(standing(2 * DAY_NS - 1), Some(Standing::Valid));
        assert_eq!(standing(2 * DAY_NS), Some(Standing::Expired));
        for other in
            [added.secret.to_uppercase(), added.secret.replacen('_', "", 1), added.token.id.clone(), String::new()]
        {
            assert_eq!(tokens.find(&other, at(DAY_NS)), None, "{other}");
        }
        let mut other = added.secret.clone();
        let last = if other.pop() == Some('a') { 'b' } else { 'a' };
        other.push(last);
        assert_eq!(tokens.find(&other, at(DAY_NS)), None);

        revoke(store.path(), "jane", false, at(DAY_NS)).unwrap();
        let again = Tokens::of(store.path()).find(&added.secret, at(DAY_NS));
        assert_eq!(again.map(|(_, standing)| standing), Some(Standing::Revoked));
        assert!(matches!(revoke(store.path(), "jane", false, at(DAY_NS)), Err(TokenError::Unknown { .. })));
    }

    #[test]
    fn several_tokens_of_a_name_are_told_apart() {
        let store = tempfile::tempdir().unwrap();
        let first = add(store.path(), "ci", reader(), None, at(0)).unwrap();
        add(store.path(), "ci", reader(), None, at(0)).unwrap();
        assert!(matches!(revoke(store.path(), "ci", false, at(1)), Err(TokenError::Several { count: 2, .. })));
        let id = &first.token.id;
        assert_eq!(revoke(store.path(), id, false, at(1)).unwrap(), std::slice::from_ref(id));
        assert_eq!(revoke(store.path(), "ci", true, at(1)).unwrap().len(), 1);
        assert_eq!(list(store.path()).unwrap().len(), 2);
    }

    #[test]
    fn a_broken_file_lets_nobody_in() {
        let store = tempfile::tempdir().unwrap();
        let added = add(store.path(), "jane", reader(), None, at(0)).unwrap();
        let path = store.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        for broken in [&text[..text.len() / 2], "", "[]", &text.replace("reader", "root"), &text.replace("/v1", "/v2")]
        {
            std::fs::write(&path, broken).unwrap();
            assert!(list(store.path()).is_err(), "{broken}");
            assert_eq!(Tokens::of(store.path()).find(&added.secret, at(1)), None);
            assert!(add(store.path(), "eve", reader(), None, at(0)).is_err(), "nor is it written over");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let store = tempfile::tempdir().unwrap();
        let odd = Grant { sources: vec!["kernel".to_owned()], ..reader() };
        assert!(add(store.path(), "jane", odd, None, at(0)).is_err());
        for name in ["", "a b", "a\n", &"x".repeat(129)] {
            assert!(add(store.path(), name, reader(), None, at(0)).is_err(), "{name:?}");
        }
        assert!(list(store.path()).unwrap().is_empty());
    }
}

//! The archive of a case: a tar of plain files in a zstd frame, of one form only, so that the same files give the same bytes.
//!
//! Inside: writing, and reading within bounds. Whoever hands one over may have made it to harm: nothing is unpacked to a disk, one member is in memory at a
//! time, and what is not byte for byte what `Packer` makes of the members is refused. Not here: what the members are (`export`, `check`).

use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};

/// Members of a case at most.
pub const ENTRIES_MAX: usize = 4_096;
/// Bytes of a member at most.
pub const ENTRY_BYTES_MAX: u64 = 64 << 20;
/// Bytes of all of it, unpacked.
pub const TOTAL_BYTES_MAX: u64 = 4 << 30;
/// Bytes of a name: what fits into the one field of a tar header.
const NAME_BYTES_MAX: usize = 100;
/// Every member has this time: 1980-01-01, as reproducible archives have it.
const MTIME_S: u64 = 315_532_800;
const LEVEL: i32 = 9;
/// What the zstd command unpacks without being asked: testimonies of one case share records, which lie far apart.
const WINDOW_LOG: u32 = 27;
const BLOCK: usize = 512;
const PADDING: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Why an archive is none, or cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bytes are no zstd, or no tar.
    #[error("it cannot be unpacked behind {behind}: {error}")]
    Packed {
        /// The last member that was read.
        behind: String,
        /// What the decoder says.
        error: io::Error,
    },
    /// A bound.
    #[error("{0}")]
    Bound(String),
    /// A name that a case does not have.
    #[error("a member is named {name:?}: names are plain, relative, and have no `..`")]
    Name {
        /// As it stands in the header.
        name: String,
    },
    /// Names are in order, each once.
    #[error("{name} stands behind {last}: members are in order, each once")]
    Order {
        /// The one before.
        last: String,
        /// The one that is out of order.
        name: String,
    },
    /// A link, a device, an owner, a time, an extension.
    #[error("{name} is no plain file of the form that a case has (type, owner, mode, time)")]
    Form {
        /// Its name.
        name: String,
    },
    /// It ends too soon.
    #[error("{name} is cut off")]
    Cut {
        /// Its name.
        name: String,
    },
    /// Bytes that are in no member.
    #[error("it has bytes that are in no file: between the files or behind them")]
    Beside,
}

/// Whether a name is plain: relative, no `..`, no character that a shell or a terminal would take for something else.
pub fn is_plain(name: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && !part.starts_with(['.', '-']) && part.bytes().all(plain)
    };
    name.len() < NAME_BYTES_MAX && name.split('/').all(part)
}

/// The one header that a member of this name and size has.
fn header(name: &str, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    if let Some(field) = header.as_ustar_mut() {
        for (place, byte) in field.name.iter_mut().zip(name.bytes()) {
            *place = byte;
        }
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME_S);
    header.set_size(size);
    header.set_cksum();
    header
}

fn padding(size: u64) -> &'static [u8] {
    let over = usize::try_from(size).unwrap_or(0) % BLOCK;
    PADDING.get(..(BLOCK - over) % BLOCK).unwrap_or_default()
}

/// A writer that hashes what goes through.
pub struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes members in order.
pub struct Packer<W: Write> {
    tar: tar::Builder<zstd::stream::write::Encoder<'static, Hashed<W>>>,
    last: String,
    entries: usize,
    bytes: u64,
}

impl<W: Write> Packer<W> {
    /// An archive that is written there.
    ///
    /// # Errors
    /// zstd's.
    pub fn new(out: W) -> Result<Packer<W>, ArchiveError> {
        let mut zstd = zstd::stream::write::Encoder::new(Hashed { out, hash: Sha256::new() }, LEVEL)?;
        zstd.include_checksum(true)?;
        zstd.window_log(WINDOW_LOG)?;
        zstd.long_distance_matching(true)?;
        Ok(Packer { tar: tar::Builder::new(zstd), last: String::new(), entries: 0, bytes: 0 })
    }

    /// Appends one.
    ///
    /// # Errors
    /// A name that is not plain or out of order, a bound, the disk's.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        allowed(&self.last, name, size)?;
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(size).saturating_add(2 * 512);
        // Of the end of the archive, two blocks.
        if self.entries > ENTRIES_MAX || self.bytes.saturating_add(2 * 512) > TOTAL_BYTES_MAX {
            return Err(too_much());
        }
        name.clone_into(&mut self.last);
        Ok(self.tar.append(&header(name, size), bytes)?)
    }

    /// Ends it; gives where it was written, and the SHA-256 of what was.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish(self) -> Result<(W, String), ArchiveError> {
        let Hashed { out, hash } = self.tar.into_inner()?.finish()?;
        Ok((out, data_encoding::HEXLOWER.encode(&hash.finalize())))
    }
}

fn allowed(last: &str, name: &str, size: u64) -> Result<(), ArchiveError> {
    if !is_plain(name) {
        return Err(ArchiveError::Name { name: name.chars().take(NAME_BYTES_MAX).collect() });
    }
    if name <= last {
        return Err(ArchiveError::Order { last: last.to_owned(), name: name.to_owned() });
    }
    if size > ENTRY_BYTES_MAX {
        return Err(ArchiveError::Bound(format!(
            "{name} has {size} bytes, and a file of a case at most {ENTRY_BYTES_MAX}"
        )));
    }
    Ok(())
}

fn too_much() -> ArchiveError {
    ArchiveError::Bound(format!("a case has at most {ENTRIES_MAX} files and {TOTAL_BYTES_MAX} bytes unpacked"))
}

/// Unpacked bytes, counted up to the bound, and hashed.
struct Unpacked<R> {
    inner: R,
    left: u64,
    hash: Sha256,
    exhausted: bool,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.hash.update(into.get(..read).unwrap_or_default());
        match self.left.checked_sub(u64::try_from(read).unwrap_or(u64::MAX)) {
            Some(left) => self.left = left,
            None => {
                self.exhausted = true;
                return Err(io::Error::other("too many bytes"));
            }
        }
        Ok(read)
    }
}

/// Takes a member: its name and its bytes.
pub type Each<'a, E> = dyn FnMut(&str, Vec<u8>) -> Result<(), E> + 'a;

/// Calls back with each member, in order.
///
/// # Errors
/// What is no archive of this form, as soon as that shows; what the callback says.
pub fn unpack<E: From<ArchiveError>>(packed: impl Read, each: &mut Each<'_, E>) -> Result<(), E> {
    let mut zstd = zstd::stream::read::Decoder::new(packed).map_err(ArchiveError::from)?;
    zstd.window_log_max(WINDOW_LOG).map_err(ArchiveError::from)?;
    let inner = Unpacked { inner: zstd, left: TOTAL_BYTES_MAX, hash: Sha256::new(), exhausted: false };
    let mut tar = tar::Archive::new(inner);
    let mut is = Sha256::new();
    let mut last = String::new();
    let walked = walk(&mut tar, &mut is, &mut last, each);
    let mut rest = tar.into_inner();
    // What the tar reader met is an error of the decoder's, or the bound's.
    let packed = |rest: &Unpacked<_>, error: io::Error, last: &str| match (rest.exhausted, error.raw_os_error()) {
        (true, _) => too_much(),
        (false, Some(_)) => ArchiveError::Io(error),
        (false, None) => {
            ArchiveError::Packed { behind: if last.is_empty() { "its beginning" } else { last }.to_owned(), error }
        }
    };
    match walked {
        Ok(()) => {}
        Err(Walked::Callback(error)) => return Err(error),
        Err(Walked::Refused(error)) => return Err(error.into()),
        Err(Walked::Io(error)) => return Err(packed(&rest, error, &last).into()),
    }
    let read_rest = io::copy(&mut rest, &mut io::sink());
    read_rest.map_err(|error| packed(&rest, error, &last))?;
    is.update(PADDING);
    if is.finalize() != rest.hash.finalize() { Err(ArchiveError::Beside.into()) } else { Ok(()) }
}

enum Walked<E> {
    Callback(E),
    Refused(ArchiveError),
    Io(io::Error),
}

fn walk<R: Read, E>(
    tar: &mut tar::Archive<R>,
    is: &mut Sha256,
    last: &mut String,
    each: &mut Each<'_, E>,
) -> Result<(), Walked<E>> {
    let mut count = 0usize;
    // Raw: no long names, no extensions, which may be of any size; they are no form that a case has.
    for entry in tar.entries().map_err(Walked::Io)?.raw(true) {
        let entry = entry.map_err(Walked::Io)?;
        count += 1;
        if count > ENTRIES_MAX {
            return Err(Walked::Refused(too_much()));
        }
        let bytes = entry.header().as_bytes();
        let field = bytes.get(..NAME_BYTES_MAX).unwrap_or_default();
        let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(field).into_owned();
        let size = entry.header().entry_size().map_err(Walked::Io)?;
        allowed(last, &name, size).map_err(Walked::Refused)?;
        let expected = header(&name, size);
        if expected.as_bytes() != bytes {
            return Err(Walked::Refused(ArchiveError::Form { name }));
        }
        is.update(bytes);
        let mut content = Vec::new();
        entry.take(ENTRY_BYTES_MAX).read_to_end(&mut content).map_err(Walked::Io)?;
        if u64::try_from(content.len()).ok() != Some(size) {
            return Err(Walked::Refused(ArchiveError::Cut { name }));
        }
        is.update(&content);
        is.update(padding(size));
        each(&name, content).map_err(Walked::Callback)?;
        *last = name;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut packer = Packer::new(Vec::new()).unwrap();
        members.iter().for_each(|(name, bytes)| packer.add(name, bytes).unwrap());
        packer.finish().unwrap().0
    }

    fn names(packed: &[u8]) -> Result<Vec<String>, String> {
        let mut names = Vec::new();
        let read = unpack::<ArchiveError>(packed, &mut |name, bytes| {
            names.push(format!("{name} {}", bytes.len()));
            Ok(())
        });
        read.map(|()| names).map_err(|error| error.to_string())
    }

    #[test]
    fn goes_round() {
        let members: [(&str, &[u8]); 4] = [("A", b""), ("b", &[7; 512]), ("c/d.txt", &[7; 513]), ("c/e", b"x")];
        let bytes = packed(&members);
        assert_eq!(bytes, packed(&members));
        assert_eq!(names(&bytes).unwrap(), ["A 0", "b 512", "c/d.txt 513", "c/e 1"]);
        let mut packer = Packer::new(Vec::new()).unwrap();
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//b",
            "./a",
            "a/",
            ".a",
            "-a",
            "a\\b",
            "a\u{202e}b",
            &"a".repeat(100),
        ] {
            assert!(matches!(packer.add(name, b""), Err(ArchiveError::Name { .. })), "{name:?}");
        }
        packer.add("b", b"").unwrap();
        assert!(matches!(packer.add("b", b""), Err(ArchiveError::Order { .. })));
        assert!(matches!(packer.add("a", b""), Err(ArchiveError::Order { .. })));
    }

    #[test]
    fn nothing_but_that_form_is_read() {
        let tar = zstd::decode_all(&*packed(&[("a", b"one"), ("b", b"two")])).unwrap();
        let check = |what: &str, says: &str, change: &dyn Fn(&mut Vec<u8>)| {
            let mut tar = tar.clone();
            change(&mut tar);
            let error = names(&zstd::encode_all(&*tar, 1).unwrap()).expect_err(what);
            assert!(error.contains(says), "{what}: {error}");
        };
        let put = |tar: &mut Vec<u8>, change: &dyn Fn(&mut tar::Header)| {
            let mut header = header("b", 3);
            change(&mut header);
            header.set_cksum();
            tar[1024..1536].copy_from_slice(header.as_bytes());
        };
        check("a byte of padding", "in no file", &|tar| tar[600] = 1);
        check("bytes behind the end", "in no file", &|tar| tar.extend([0; 512]));
        check("no end", "in no file", &|tar| tar.truncate(2048));
        check("half a header", "cannot be unpacked behind a", &|tar| tar.truncate(1100));
        check("half a member", "cut off", &|tar| tar.truncate(1537));
        for kind in [
            tar::EntryType::Symlink,
            tar::EntryType::Link,
            tar::EntryType::Char,
            tar::EntryType::Directory,
            tar::EntryType::GNULongName,
            tar::EntryType::XHeader,
            tar::EntryType::GNUSparse,
        ] {
            check("a type", "no plain file", &|tar| put(tar, &|header| header.set_entry_type(kind)));
        }
        check("an owner", "no plain file", &|tar| put(tar, &|header| header.set_uid(1)));
        check("a time", "no plain file", &|tar| put(tar, &|header| header.set_mtime(1)));
        check("a mode", "no plain file", &|tar| put(tar, &|header| header.set_mode(0o4755)));
        check("a huge member", "at most", &|tar| put(tar, &|header| header.set_size(1 << 40)));
        for name in ["../../x", "/x", "a/../b", "c\u{1b}"] {
            check(name, "names are plain", &|tar| {
                put(tar, &|header| {
                    header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
                })
            });
        }
        check("twice the same", "each once", &|tar| put(tar, &|header| header.as_ustar_mut().unwrap().name[0] = b'a'));
        // Not even the crate that reads it is sure of these.
        for at in 0..tar.len() {
            let mut tar = tar.clone();
            tar[at] ^= 0x20;
            let read = names(&zstd::encode_all(&*tar, 1).unwrap());
            assert!(read.is_err() || (512..515).contains(&at) || (1536..1539).contains(&at), "{at}: {read:?}");
        }
        assert!(names(b"").is_err() && names(b"x").is_err());
    }

    #[test]
    fn a_bomb_is_stopped() {
        // Zeros are the end of a tar, so that it is what stands behind the end.
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![0; 16 << 20];
        (0..=(TOTAL_BYTES_MAX >> 24)).for_each(|_| encoder.write_all(&zeros).unwrap());
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        assert!(names(&bomb).unwrap_err().contains("bytes unpacked"));
        let many: Vec<u8> =
            (0..=ENTRIES_MAX).flat_map(|number| header(&format!("{number:06}"), 0).as_bytes().to_vec()).collect();
        assert!(names(&zstd::encode_all(&*many, 1).unwrap()).unwrap_err().contains("4096 files"));
    }
}

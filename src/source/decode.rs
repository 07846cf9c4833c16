//! Plain, gzip and zstd files as one stream of bytes; which of them is told by content, never by name.
//!
//! Inside: `Decoder`, with bounded buffers and a limit on what a small file may unpack to. A bad tail loses nothing of what lies before it.
//! Not here: opening (`open`).

use super::error::Issue;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Unpacked bytes up to which no ratio is suspicious.
pub const BOMB_BYTES: u64 = 1 << 30;
/// Unpacked bytes a packed one beyond which a file is taken for a decompression bomb.
pub const BOMB_RATIO: u64 = 1_000;

/// The largest window a zstd frame may ask for, as a power of two: what the zstd command accepts without `--long` (128 MiB).
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const BUFFER_BYTES: usize = 128 << 10;

type Buffered = BufReader<Counted>;

enum Inner {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<Buffered>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Buffered>>),
}

/// How a file's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several.
    Zstd,
}

impl Packing {
    /// The packing of a file that starts with `magic`.
    pub fn of(magic: &[u8]) -> Packing {
        match magic {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// A file's bytes after decompression.
pub struct Decoder {
    file: File,
    packing: Packing,
    inner: Inner,
    unpacked: u64,
    bomb_bytes: u64,
}

impl Decoder {
    /// Of an open file, from its start.
    pub fn new(mut file: File) -> io::Result<Decoder> {
        let mut magic = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        (&mut file).take(4).read_to_end(&mut magic)?;
        let packing = Packing::of(&magic);
        let inner = inner(&mut file, packing)?;
        Ok(Decoder { file, packing, inner, unpacked: 0, bomb_bytes: BOMB_BYTES })
    }

    /// How the file is packed.
    #[cfg(test)]
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// With another number of bytes that may be unpacked at any ratio.
    #[cfg(test)]
    pub fn with_bomb_bytes(mut self, bomb_bytes: u64) -> Decoder {
        self.bomb_bytes = bomb_bytes;
        self
    }

    /// Where it is, after decompression.
    pub fn position(&self) -> u64 {
        self.unpacked
    }

    /// Bytes of the file itself that were read.
    pub fn packed(&self) -> u64 {
        match &self.inner {
            Inner::Plain(file) => file.read,
            Inner::Gzip(decoder) => decoder.get_ref().get_ref().read,
            Inner::Zstd(decoder) => decoder.get_ref().get_ref().read,
        }
    }

    /// Fills `buffer` as far as it goes; 0 at the end. Errors: an `Issue` at the offset after decompression; what was returned before stands.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Issue> {
        let result = loop {
            let result = match &mut self.inner {
                Inner::Plain(file) => file.read(buffer),
                Inner::Gzip(decoder) => decoder.read(buffer),
                Inner::Zstd(decoder) => decoder.read(buffer),
            };
            if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
                break result;
            }
        };
        match result {
            Ok(read) => {
                self.unpacked = self.unpacked.saturating_add(read as u64);
                self.check_ratio().map(|()| read)
            }
            Err(error) => Err(self.issue(&error)),
        }
    }

    /// Goes to a byte, counted after decompression.
    pub fn seek_to(&mut self, at: u64) -> Result<(), Issue> {
        if let Inner::Plain(counted) = &mut self.inner {
            let sought = counted.file.seek(SeekFrom::Start(at));
            self.unpacked = at;
            counted.read = at;
            return sought.map(|_| ()).map_err(|error| self.issue(&error));
        }
        self.inner = inner(&mut self.file, self.packing).map_err(|error| self.issue(&error))?;
        self.unpacked = 0;
        let mut buffer = vec![0; BUFFER_BYTES];
        while self.unpacked < at {
            let lacking = usize::try_from(at.saturating_sub(self.unpacked)).unwrap_or(usize::MAX);
            let room = buffer.len().min(lacking);
            if self.read(buffer.get_mut(..room).unwrap_or_default())? == 0 {
                break;
            }
        }
        Ok(())
    }

    fn check_ratio(&self) -> Result<(), Issue> {
        let packed = self.packed().max(1);
        if self.packing == Packing::Plain || self.unpacked <= self.bomb_bytes || self.unpacked / packed <= BOMB_RATIO {
            return Ok(());
        }
        let detail = format!("{} bytes unpacked from {packed}: taken for a decompression bomb", self.unpacked);
        Err(Issue { kind: "decompression-limit", at: self.unpacked, detail })
    }

    fn issue(&self, error: &io::Error) -> Issue {
        // An error of the operating system has a number; what the decompressors find has none.
        let bad_data = self.packing != Packing::Plain && error.raw_os_error().is_none();
        let kind = if bad_data { "bad-compressed-tail" } else { "read-error" };
        Issue { kind, at: self.unpacked, detail: error.to_string() }
    }
}

fn inner(file: &mut File, packing: Packing) -> io::Result<Inner> {
    file.seek(SeekFrom::Start(0))?;
    // The clone shares the offset; only one of the two is read at a time.
    let counted = Counted { file: file.try_clone()?, read: 0 };
    Ok(match packing {
        Packing::Plain => Inner::Plain(counted),
        Packing::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, counted)))),
        Packing::Zstd => {
            let buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Inner::Zstd(Box::new(decoder))
        }
    })
}

/// A file that counts what is read of it.
struct Counted {
    file: File,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read = self.read.saturating_add(read as u64);
        Ok(read)
    }
}

//! Cuts bytes into frames, one a record; their concatenation is the input.

/// The longest frame; a longer record is cut here and goes on in the next frame.
pub const FRAME_BYTES_MAX: usize = 1 << 20;

/// How a format is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of auditd: a backslash before the line end folds, unless the next line starts a record.
    Auditd,
    /// audit.k8s.io: JSON lines, the items of a list, single or pretty-printed objects.
    KubernetesAudit,
    /// Plain lines.
    Lines,
}

/// A frame at the start of the unread bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the frame, 1 to `FRAME_BYTES_MAX`.
    pub len: usize,
    /// The record is longer than a frame and goes on in the next one.
    pub goes_on: bool,
}

/// Cuts a stream of bytes, remembering where it is within a record.
#[derive(Debug, Clone)]
pub struct Framer {
    #[expect(dead_code, reason = "skeleton")]
    format: Format,
}

impl Framer {
    /// At the start of a stream.
    pub fn new(format: Format) -> Framer {
        Framer { format }
    }

    /// The next frame at the start of `unread`, or `None` when more bytes are needed. The caller consumes `Cut::len` bytes and calls again;
    /// after `None` it calls with the same bytes and more behind them. `end`: nothing will ever come behind them, so a rest is a frame.
    pub fn next(&mut self, unread: &[u8], end: bool) -> Option<Cut> {
        let line = memchr::memchr(b'\n', unread).map(|at| at + 1);
        let len = line.or((end && !unread.is_empty()).then_some(unread.len()));
        match len {
            Some(len) if len <= FRAME_BYTES_MAX => Some(Cut { len, goes_on: false }),
            _ if unread.len() >= FRAME_BYTES_MAX => Some(Cut { len: FRAME_BYTES_MAX, goes_on: true }),
            _ => None,
        }
    }
}

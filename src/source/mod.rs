//! Where bytes come from: files, folders, compression, rotation; filled into drafts of batches.
//!
//! Inside: `batch` fills drafts and `cursor`/`scan`/`resume` say where reading goes on (pure); `open`, `decode`, `walk` and `reader` read files once;
//! `tail` follows them while they are written, rotated, truncated and replaced; `kernel` listens to the kernel's audit group;
//! `messages` takes what comes in frames of its own.
//! Not here: how records are cut (`deponent_parsers::frame`), how drafts are kept (`evidence`), who remembers cursors (the caller's `Lookup`).

mod batch;
mod cursor;
mod decode;
mod detect;
mod error;
mod kernel;
mod messages;
mod names;
mod open;
mod prefix;
mod reader;
mod resume;
mod scan;
mod tail;
mod walk;

pub use batch::{Batcher, Label};
pub use cursor::{Batch, Cursor, Keep, Lookup, NEAR_BYTES, ResumeQuery};
pub use decode::{BOMB_BYTES, BOMB_RATIO};
pub use error::{Issue, Skipped, SourceError, Stop};
pub use kernel::{AuditStatus, Heard, Listener, audit_status};
pub use messages::Messages;
pub use names::glob_matches;
pub use open::{Opened, open};
pub use reader::{FileReport, ReadOptions, read_file, source_id};
pub use scan::{Scan, Snapshot};
pub use tail::{
    Control, Hint, Keeper, Listed, Look, TailItem, TailOptions, TailPath, Tailer, Turn, Waker, is_pattern, is_rotated,
    listed, log_of, look,
};
pub use walk::{Found, Walk, walk};

#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod reader_tests;
#[cfg(test)]
mod resume_tests;

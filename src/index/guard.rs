//! Where damage to derived files stops: the engines panic on some damaged files instead of returning an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs what reads files of an engine; `None` when it panicked.
///
/// That `AssertUnwindSafe` claims: what was half made is dropped by the unwinding and not used again, and what was
/// there before is only read. Nothing here is evidence; the answer to damage is to make the files anew.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

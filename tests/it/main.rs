//! The one integration test binary; a module a subject.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod tidy;

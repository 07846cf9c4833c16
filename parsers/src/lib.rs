//! Bytes to records. No I/O, no unsafe, no panics.

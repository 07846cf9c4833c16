//! containerd: its log and its event stream, one line each.
//!
//! Not here: what a line means (`deponent::normalise`).

/// Whether a line is of containerd's log (logfmt or JSON).
pub fn is_line(_line: &[u8]) -> bool {
    false
}

/// Whether a line is of `ctr events`.
pub fn is_stream_line(_line: &[u8]) -> bool {
    false
}

//! Logs of containers: what runtimes wrap around a line of a container, whose container a file is of, and what the line itself looks like.
//!
//! Inside: `part` (the wrapping: CRI's, Docker's), `place` (the path of a file), `body` (the text: JSON, logfmt, klog, or none of these), `access` (lines of web servers).
//! Who runs in a container chooses the body; time and stream are the runtime's, the path is the kubelet's. Not here: putting parts together (`frame`), what a body means (`deponent::normalise`).

mod access;
mod body;
mod part;
mod place;
#[cfg(test)]
mod tests;

pub use crate::flat::REST;
pub use body::{Body, Form, body};
pub use part::{Part, Stream, part, stream_of};
pub use place::{Place, place};

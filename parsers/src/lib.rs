//! Bytes to records: Linux audit and the Kubernetes API audit log.
//!
//! Inside: `frame` cuts bytes into records, `detect` tells formats apart, `linux` and `kubernetes` read one record, `issue` is what could not be read.
//! Not here: any I/O, what a record means (`deponent::normalise`), where it is kept (`deponent::evidence`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod containerd;
pub mod detect;
pub mod frame;
pub mod issue;
pub mod klog;
pub mod kubernetes;
pub mod linux;

//! Bytes to records: Linux audit, the Kubernetes API audit log, the logs of containerd and of the kubelet, syslog.
//!
//! Inside: `frame` cuts bytes into records, `detect` tells formats apart, `linux`, `kubernetes`, `containerd`, `klog` and `syslog` read one record, `line` and `quoted` are what their formats share, `issue` is what could not be read.
//! Not here: any I/O, what a record means (`deponent::normalise`), where it is kept (`deponent::evidence`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod containerd;
pub mod detect;
pub mod frame;
pub mod issue;
pub mod klog;
pub mod kubernetes;
pub mod line;
pub mod linux;
pub mod quoted;
pub mod syslog;

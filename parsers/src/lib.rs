//! Bytes to records: Linux audit, the Kubernetes API audit log, the logs of containers, of runtimes, of etcd and of the kubelet, syslog.
//!
//! Inside: `frame` cuts bytes into records, `detect` tells formats apart, `linux`, `kubernetes`, `container`, `containerd`, `crio`, `docker`, `etcd`, `klog` and `syslog` read one record,
//! `line`, `flat` and `quoted` are what their formats share, `issue` is what could not be read.
//! Not here: any I/O, what a record means (`deponent::normalise`), where it is kept (`deponent::evidence`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod container;
pub mod containerd;
pub mod crio;
pub mod detect;
pub mod docker;
pub mod etcd;
pub(crate) mod flat;
pub mod frame;
pub mod issue;
pub mod klog;
pub mod kubernetes;
pub mod line;
pub mod linux;
pub mod quoted;
pub mod syslog;

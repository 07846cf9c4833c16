//! Which kind of records a file holds, and why it may hold none that is known.
//!
//! Not here: telling formats apart (`deponent_parsers::detect`).

use super::error::SourceError;
use crate::model::RecordKind;
use deponent_parsers::detect::{Found, HEAD_BYTES_MAX, detect};

/// Bytes of a file that are looked at.
pub const DETECT_BYTES: usize = HEAD_BYTES_MAX;

/// The kind of records in a file that starts with `head`.
pub fn kind_of(head: &[u8]) -> Option<RecordKind> {
    match detect(head)? {
        Found::Auditd => Some(RecordKind::Auditd),
        Found::KubernetesAudit => Some(RecordKind::KubernetesAudit),
        Found::Containerd => Some(RecordKind::Containerd),
        Found::ContainerdEvents => Some(RecordKind::ContainerdEvents),
        Found::Crio => Some(RecordKind::Crio),
        Found::Dockerd => Some(RecordKind::Dockerd),
        Found::DockerEvents => Some(RecordKind::DockerEvents),
        Found::Kubelet => Some(RecordKind::Kubelet),
        Found::Apiserver => Some(RecordKind::Apiserver),
        Found::ControllerManager => Some(RecordKind::ControllerManager),
        Found::Scheduler => Some(RecordKind::Scheduler),
        Found::Etcd => Some(RecordKind::Etcd),
        Found::Container => Some(RecordKind::Container),
        Found::Syslog => Some(RecordKind::Syslog),
    }
}

/// The error for a file whose kind is not known.
pub fn unrecognised(head: &[u8]) -> SourceError {
    const PACKED: [(&[u8], &str); 5] = [
        (b"\xfd7zXZ\0", "xz"),
        (b"BZh", "bzip2"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"PK\x03\x04", "zip"),
        (b"LPKSHHRH", "a systemd journal"),
    ];
    let packed = PACKED.iter().find(|(magic, _)| head.starts_with(magic));
    let mut text = String::new();
    for chunk in head.get(..48).unwrap_or(head).utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    let found = match packed {
        Some((_, name)) => format!("it is {name}, which is not read; unpack it first"),
        None => format!("it starts with `{text}`"),
    };
    SourceError::Unrecognised { found }
}

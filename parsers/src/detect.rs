//! Tells formats apart by looking at the start of a stream.
//!
//! A format is recognised by how lines begin, never by words within them: a record may quote a record of the other kind. Not here: cutting (`frame`).

use crate::{container, containerd, crio, docker, etcd, klog, syslog};

/// What a stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Linux audit records.
    Auditd,
    /// audit.k8s.io events.
    KubernetesAudit,
    /// containerd's log.
    Containerd,
    /// containerd's event stream.
    ContainerdEvents,
    /// CRI-O's log.
    Crio,
    /// dockerd's log.
    Dockerd,
    /// Docker's event stream.
    DockerEvents,
    /// The kubelet's log.
    Kubelet,
    /// The API server's own log.
    Apiserver,
    /// The controller manager's log.
    ControllerManager,
    /// The scheduler's log.
    Scheduler,
    /// etcd's log.
    Etcd,
    /// What a container wrote, as its runtime keeps it.
    Container,
    /// syslog: auth.log, kern.log, the journal as JSON.
    Syslog,
}

/// Bytes of the start that are looked at.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// Lines that are looked at: the first ones may be the rest of a record that was cut by a rotation.
const LINES_MAX: usize = 64;

/// The format of a stream that begins with `head`; `None` when it is not recognised.
pub fn detect(head: &[u8]) -> Option<Found> {
    let head = head.get(..HEAD_BYTES_MAX).unwrap_or(head);
    let mut rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut runtimes = None;
    for _ in 0..LINES_MAX {
        rest = trim_start(rest);
        let Some(first) = rest.first() else { return runtimes };
        match first {
            _ if runtimes.is_some() => {
                if let Some(found) = runtime(line(rest), &mut runtimes) {
                    return Some(found);
                }
            }
            // An object may be spread over lines, so all that follows counts.
            b'{' | b'[' if is_audit_json(rest) => return Some(Found::KubernetesAudit),
            b'{' => {
                if let Some(found) = json(line(rest)).or_else(|| runtime(line(rest), &mut runtimes)) {
                    return Some(found);
                }
            }
            b'[' | b',' => {}
            _ if containerd::is_stream_line(line(rest)) => return Some(Found::ContainerdEvents),
            _ if container::part(line(rest)).is_some() => return Some(Found::Container),
            _ if is_auditd(rest) => return Some(Found::Auditd),
            _ => {
                let found = klog::component(line(rest)).map(of_component);
                let found = found.or_else(|| etcd::is_line(line(rest)).then_some(Found::Etcd));
                if let Some(found) = found.or_else(|| runtime(line(rest), &mut runtimes)) {
                    return Some(found);
                }
                if syslog::is_line(line(rest)) {
                    return Some(Found::Syslog);
                }
            }
        }
        let Some(next) = memchr::memchr(b'\n', rest).and_then(|end| rest.get(end + 1..)) else { return runtimes };
        rest = next;
    }
    runtimes
}

/// A line that is one JSON object.
fn json(line: &[u8]) -> Option<Found> {
    if docker::is_event(line) {
        Some(Found::DockerEvents)
    } else if container::part(line).is_some() {
        Some(Found::Container)
    } else if etcd::is_line(line) {
        Some(Found::Etcd)
    } else if let Some(component) = klog::component(line) {
        Some(of_component(component))
    } else {
        syslog::is_line(line).then_some(Found::Syslog)
    }
}

/// A line that a container runtime wrote. They all write in one format: that of a line which could be anybody's counts as containerd's, unless a
/// later one tells.
fn runtime(line: &[u8], so_far: &mut Option<Found>) -> Option<Found> {
    if crio::is_log(line) {
        return Some(Found::Crio);
    }
    if docker::is_log(line) {
        return Some(Found::Dockerd);
    }
    if containerd::is_line(line) {
        *so_far = Some(Found::Containerd);
    }
    None
}

fn of_component(component: klog::Component) -> Found {
    match component {
        klog::Component::Kubelet => Found::Kubelet,
        klog::Component::Apiserver => Found::Apiserver,
        klog::Component::ControllerManager => Found::ControllerManager,
        klog::Component::Scheduler => Found::Scheduler,
    }
}

/// The first line.
fn line(text: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', text).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// Blanks, blank lines, and the zeros that a crash leaves in a file.
fn trim_start(bytes: &[u8]) -> &[u8] {
    let at = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)).unwrap_or(bytes.len());
    bytes.get(at..).unwrap_or_default()
}

/// `[node=… ][type=… ][msg=]audit(1…`.
fn is_auditd(line: &[u8]) -> bool {
    let line = memchr::memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line);
    let line = value(line, b"node=").unwrap_or(line);
    let line = value(line, b"type=").unwrap_or(line);
    let line = value(line, b"len=").unwrap_or(line);
    let line = line.strip_prefix(b"msg=").unwrap_or(line);
    matches!(line.strip_prefix(b"audit("), Some([b'0'..=b'9', ..]))
}

/// What stands behind `name=value `.
fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let behind = line.strip_prefix(name)?;
    let end = memchr::memchr(b' ', behind)?;
    if end == 0 {
        return None;
    }
    let behind = behind.get(end..)?;
    Some(behind.trim_ascii_start())
}

/// Whether the text names an audit event in its own strings, not quoted within another.
fn is_audit_json(text: &[u8]) -> bool {
    let named =
        |word: &[u8]| memchr::memmem::find_iter(text, word).any(|at| at > 0 && text.get(at - 1) != Some(&b'\\'));
    let quoted = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    // As cloud providers hand them out: Azure, Google, CloudWatch.
    let azure = || named(b"\"kube-audit\"") || named(b"\"kube-audit-admin\"");
    let google = || named(b"\"protoPayload\"") && named(b"\"k8s.io\"");
    let delivered = || named(b"\"logEvents\"") || named(b"\"ingestionTime\"");
    let cloudwatch = || delivered() && (quoted(b"\\\"auditID\\\"") || quoted(b"\\\"audit.k8s.io/"));
    named(b"\"auditID\"") || named(b"\"audit.k8s.io/") || azure() || google() || cloudwatch()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expected: Option<Found>) {
        assert_eq!(detect(head.as_bytes()), expected, "{head:?}");
    }

    #[test]
    fn logs_of_components() {
        let check = |head: &str, expected: Option<Found>| assert_eq!(detect(head.as_bytes()), expected, "{head}");
        check("time=\"2026-11-23T20:59:10Z\" level=info msg=x\n", Some(Found::Containerd));
        check("{\"level\":\"info\",\"msg\":\"x\",\"time\":\"2026-11-23T20:59:10Z\"}\n", Some(Found::Containerd));
        check("2026-11-23 20:59:10 +0000 UTC k8s.io /tasks/oom {}\n", Some(Found::ContainerdEvents));
        check(
            "I1123 20:59:00.5 7 flags.go:64] x\nI1123 20:59:00.5 7 kubelet.go:1] \"SyncLoop ADD\"\n",
            Some(Found::Kubelet),
        );
        check("{\"ts\":1795467465318.2,\"caller\":\"kubelet/kubelet.go:1\",\"msg\":\"x\"}\n", Some(Found::Kubelet));
        check("I1123 20:59:00.5 7 storage_rbac.go:1] created x\n", Some(Found::Apiserver));
        check("I1123 20:59:00.5 7 replica_set.go:1] \"x\"\n", Some(Found::ControllerManager));
        check("I1123 20:59:00.5 7 schedule_one.go:1] \"x\"\n", Some(Found::Scheduler));
        check("2026-11-23 20:57:38.781871 I | etcdmain: etcd Version: 3.4.23\n", Some(Found::Etcd));
        let daemon = "time=\"2026-11-23T20:59:10Z\" level=info msg=\"Starting up\"\n";
        check(
            &format!("{daemon}time=\"2026-11-23T20:59:11Z\" level=info msg=\"Loading containers: start.\"\n"),
            Some(Found::Dockerd),
        );
        // What others wrote into containerd's log does not make it theirs.
        check(
            &format!("{daemon}type=CWD msg=audit(1.1:1): x\nI1123 20:59:00.5 7 kubelet.go:1] \"x\"\n"),
            Some(Found::Containerd),
        );
        check(r#"{"log":"x\n","stream":"stdout","time":"2026-11-23T20:59:10Z"}"#, Some(Found::Container));
        check(
            r#"{"status":"start","id":"a","from":"i","Type":"container","Action":"start","Actor":{"ID":"a","Attributes":{}},"scope":"local","time":1795467576,"timeNano":1795467576123456789}"#,
            Some(Found::DockerEvents),
        );
        // klog is the format of other components too.
        check("I1123 20:59:00.5 7 scheduler.go:1] \"x\"\n", None);
        check("time=\"2026-11-23T20:59:10Z\" x\n", None);
    }

    #[test]
    fn by_how_lines_begin() {
        let (linux, kubernetes) = (Some(Found::Auditd), Some(Found::KubernetesAudit));
        check("", None);
        check("\n\n \n", None);
        check("type=SYSCALL msg=audit(1234567890.123:12345): arch=abc123", linux);
        check("\u{feff}\r\n\ntype=CWD msg=audit(1.1:1): cwd=\"/\"\n", linux);
        check("node=n1 type=CWD msg=audit(1.1:1): cwd=\"/\"\n", linux);
        check("audit(1.1:1): cwd=\"/\"\n", linux);
        check("type=1300 audit(1795467448.980:315819): arch=c000003e", linux);
        // A dump of the kernel's multicast group: not what auditd writes.
        check("type=1300 len=324: audit(1795467448.980:315819): arch=c000003e", linux);
        check("\0\0\0type=CWD msg=audit(1.1:1): cwd=\"/\"\n", linux);
        check("ct=res success=yes\ntype=CWD msg=audit(1.1:1): cwd=\"/\"\n", linux);
        check("type=USER_CMD msg=audit(1.1:1): cmd='{\"auditID\":\"x\",\"apiVersion\":\"audit.k8s.io/v1\"}'\n", linux);
        check("type=PARTIAL\n", None);
        check("type= msg=audit(1.1:1)\n", None);
        check("type=X msg=audit(now)\n", None);
        check("{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\"}\n", kubernetes);
        check("\n{\n  \"kind\" : \"Event\",\n  \"auditID\" : \"a\"\n}\n", kubernetes);
        check("[\n{\"auditID\":\"a\"}]", kubernetes);
        check("{\"auditID\":\"a\",\"userAgent\":\"\ntype=SYSCALL msg=audit(1.1:1): x\"}", kubernetes);
        check("er\":\"x\"}\n{\"auditID\":\"a\"}\n", kubernetes);
        check("{\"log\":\"{\\\"auditID\\\":\\\"a\\\",\\\"apiVersion\\\":\\\"audit.k8s.io/v1\\\"}\"}\n", None);
        check("{\"kind\":\"Event\",\"apiVersion\":\"v1\"}\n", None);
        check("Nov 23 host sshd[1]: {\"auditID\":\"a\"} type=X msg=audit(1.1:1)\n", None);
        let syslog = Some(Found::Syslog);
        check("Nov 23 20:59:36 host sshd[1]: {\"auditID\":\"a\"} type=X msg=audit(1.1:1)\n", syslog);
        check("<86>Nov 23 20:59:36 sshd: pam_unix(sshd:session): session closed for user bob\n", syslog);
        check("2026-11-23T20:59:02,539064+00:00 kubelet-conn IN=lo OUT= SRC=127.0.0.1\n", syslog);
        check(
            "{\"__REALTIME_TIMESTAMP\":\"1795467602539064\",\"MESSAGE\":\"x\",\"SYSLOG_IDENTIFIER\":\"sshd\"}\n",
            syslog,
        );
        // The log of a pod, as the kubelet keeps it.
        check(
            "2026-11-23T20:59:25.760739505Z stdout F sshd: Accepted password for root from 10.0.0.9 port 1 ssh2\n",
            Some(Found::Container),
        );
        check("2026-11-23T20:59:25Z a text without a program\n", None);
    }

    #[test]
    fn only_the_head_counts() {
        let late = format!("{}type=CWD msg=audit(1.1:1): x\n", "x".repeat(HEAD_BYTES_MAX));
        check(&late, None);
        check(&format!("{}type=CWD msg=audit(1.1:1): x\n", "x\n".repeat(LINES_MAX)), None);
    }
}

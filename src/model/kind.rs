//! What the records of a batch are: their format, as found by looking at the bytes.

/// The format of a batch's records. Written into batch headers (`docs/format.md`), so a name never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Linux audit records as auditd writes them, one a line.
    Auditd,
    /// audit.k8s.io events: JSON lines, lists or single objects.
    KubernetesAudit,
    /// containerd's own log: logfmt or JSON, one line each.
    Containerd,
    /// containerd's event stream as `ctr events` prints it, one line each.
    ContainerdEvents,
    /// CRI-O's own log: logfmt, one line each.
    Crio,
    /// dockerd's own log: logfmt, one line each.
    Dockerd,
    /// Docker's event stream: one JSON object a line.
    DockerEvents,
    /// The kubelet's log: klog as text or JSON.
    Kubelet,
    /// The API server's own log (not its audit log): klog.
    Apiserver,
    /// The controller manager's log: klog.
    ControllerManager,
    /// The scheduler's log: klog.
    Scheduler,
    /// etcd's log: JSON, or the older text forms, one line each.
    Etcd,
    /// What a container wrote, as the container runtime keeps it: CRI or Docker's json-file.
    Container,
    /// syslog: auth.log, kern.log and their like, the journal as JSON; wrapped lines are one record.
    Syslog,
    /// deponent's own records (gaps, rotations), one JSON object a line.
    Own,
}

impl RecordKind {
    /// All kinds.
    pub const ALL: [RecordKind; 15] = [
        RecordKind::Auditd,
        RecordKind::KubernetesAudit,
        RecordKind::Containerd,
        RecordKind::ContainerdEvents,
        RecordKind::Crio,
        RecordKind::Dockerd,
        RecordKind::DockerEvents,
        RecordKind::Kubelet,
        RecordKind::Apiserver,
        RecordKind::ControllerManager,
        RecordKind::Scheduler,
        RecordKind::Etcd,
        RecordKind::Container,
        RecordKind::Syslog,
        RecordKind::Own,
    ];

    /// The name in batch headers, configuration and output.
    pub fn name(self) -> &'static str {
        match self {
            RecordKind::Auditd => "auditd",
            RecordKind::KubernetesAudit => "kubernetes-audit",
            RecordKind::Containerd => "containerd",
            RecordKind::ContainerdEvents => "containerd-events",
            RecordKind::Crio => "cri-o",
            RecordKind::Dockerd => "dockerd",
            RecordKind::DockerEvents => "docker-events",
            RecordKind::Kubelet => "kubelet",
            RecordKind::Apiserver => "kube-apiserver",
            RecordKind::ControllerManager => "kube-controller-manager",
            RecordKind::Scheduler => "kube-scheduler",
            RecordKind::Etcd => "etcd",
            RecordKind::Container => "container",
            RecordKind::Syslog => "syslog",
            RecordKind::Own => "deponent",
        }
    }

    /// The kinds that a person may give to a file, for messages.
    pub fn names() -> String {
        let of_files = RecordKind::ALL.iter().filter(|kind| **kind != RecordKind::Own);
        of_files.map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    }

    /// The kind of a file that a person gives by its name; deponent's own records are in no file.
    pub fn of_file(name: &str) -> Option<RecordKind> {
        RecordKind::of_name(name).filter(|kind| *kind != RecordKind::Own)
    }

    /// The kind of that name.
    pub fn of_name(name: &str) -> Option<RecordKind> {
        RecordKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

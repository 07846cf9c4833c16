//! Which component wrote a line of klog: they all write the same format.
//!
//! A line is told by the source file that wrote it, never by what somebody else can make a component write. Not here: detection of a stream (`detect`).

use super::{parse, text};

/// Who writes klog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The kubelet.
    Kubelet,
    /// kube-apiserver.
    Apiserver,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
}

/// Beginnings of names of source files that only the kubelet has.
const KUBELET: &[&str] = &[
    "kubelet",
    "kuberuntime",
    "pod_workers.go",
    "pod_startup_latency_tracker.go",
    "pod_container_deletor.go",
    "cpu_manager.go",
    "memory_manager.go",
    "topology_manager.go",
    "status_manager.go",
    "container_manager_linux.go",
    "container_log_manager.go",
    "eviction_manager.go",
    "reconciler_common.go",
    "desired_state_of_world",
    "prober",
    "generic.go",
];
/// As [`KUBELET`], of the API server.
const APISERVER: &[&str] = &[
    "storage_rbac.go",
    "storage_scheduling.go",
    "apf_controller.go",
    "genericapiserver.go",
    "cacher.go",
    "cidrallocator.go",
];
/// As [`KUBELET`], of the controller manager.
const CONTROLLER_MANAGER: &[&str] = &[
    "controllermanager.go",
    "controller_descriptor.go",
    "replica_set.go",
    "deployment_controller.go",
    "garbagecollector.go",
    "resource_quota_monitor.go",
    "node_lifecycle_controller.go",
];
/// As [`KUBELET`], of the scheduler.
const SCHEDULER: &[&str] = &["schedule_one.go"];
/// Flags that only one of them takes, as each writes them when it starts.
const FLAGS: &[(&str, Component)] = &[
    ("FLAG: --cgroup", Component::Kubelet),
    ("FLAG: --etcd-servers=", Component::Apiserver),
    ("FLAG: --apiserver-count=", Component::Apiserver),
    ("FLAG: --allocate-node-cidrs=", Component::ControllerManager),
    ("FLAG: --attach-detach-reconcile-sync-period=", Component::ControllerManager),
    ("FLAG: --pod-max-in-unschedulable-pods-duration=", Component::Scheduler),
];
/// What the kubelet's server answers by handing the connection over to a stream. Other components know none of these paths, so they never do that.
const STREAMS: &[&str] = &["/exec/", "/attach/", "/portForward/"];

/// Whose line it is, where it tells; most lines do not.
pub fn component(line: &[u8]) -> Option<Component> {
    let line = text(line);
    let line = parse(&line)?;
    let file = line.field("caller").map_or("", |caller| caller.rsplit('/').next().unwrap_or(caller));
    let served = || {
        file.starts_with("httplog.go")
            && line.message == "HTTP"
            && line.field("hijacked") == Some("true")
            && line.field("URI").is_some_and(|uri| STREAMS.iter().any(|path| uri.starts_with(path)))
    };
    let by_file = [
        (KUBELET, Component::Kubelet),
        (APISERVER, Component::Apiserver),
        (CONTROLLER_MANAGER, Component::ControllerManager),
        (SCHEDULER, Component::Scheduler),
    ];
    let of_file = by_file.iter().find(|(files, _)| files.iter().any(|known| file.starts_with(known)));
    let of_flag = || FLAGS.iter().find(|(flag, _)| line.message.starts_with(flag)).map(|(_, component)| *component);
    of_file.map(|(_, component)| *component).or_else(of_flag).or_else(|| served().then_some(Component::Kubelet))
}

//! Which lines of klog are the kubelet's: the API server, the scheduler and others write the same format.
//!
//! A line is told by the source file that wrote it, never by what somebody else can make a component write. Not here: detection of a stream (`detect`).

use super::{parse, text};

/// Beginnings of names of source files that only the kubelet has.
const FILES: &[&str] = &[
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
/// A flag that only the kubelet takes.
const FLAG: &str = "FLAG: --cgroup";
/// What the kubelet's server answers by handing the connection over to a stream. Other components know none of these paths, so they never do that.
const STREAMS: &[&str] = &["/exec/", "/attach/", "/portForward/"];

/// Whether a line is the kubelet's.
pub fn is_kubelet(line: &[u8]) -> bool {
    let line = text(line);
    let Some(line) = parse(&line) else { return false };
    let file = line.field("caller").map_or("", |caller| caller.rsplit('/').next().unwrap_or(caller));
    let served = || {
        file.starts_with("httplog.go")
            && line.message == "HTTP"
            && line.field("hijacked") == Some("true")
            && line.field("URI").is_some_and(|uri| STREAMS.iter().any(|path| uri.starts_with(path)))
    };
    FILES.iter().any(|known| file.starts_with(known)) || line.message.starts_with(FLAG) || served()
}

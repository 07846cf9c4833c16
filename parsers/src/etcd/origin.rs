//! Which lines are surely etcd's: zap and capnslog are the forms of other programs too.
//!
//! A line is told by the source file or the package that wrote it, never by its text; lines of raft are not, as others use that library. Not here: detection of a stream (`detect`).

use super::{PACKAGE, parse};

/// Folders of etcd's source files whose names nothing else has.
const FOLDERS: &[&str] =
    &["etcdhttp", "etcdmain", "etcdserver", "leasehttp", "rafthttp", "v3alarm", "v3compactor", "v3discovery", "v3rpc"];
/// Source files of etcd in folders with names that others have too.
const FILES: &[&str] = &[
    "api/capability.go",
    "apply/uber_apply.go",
    "auth/range_perm_cache.go",
    "auth/simple_token.go",
    "embed/config.go",
    "embed/config_logging.go",
    "embed/etcd.go",
    "embed/serve.go",
    "lease/lessor.go",
    "membership/cluster.go",
    "membership/store.go",
    "membership/storev2.go",
    "mvcc/hash.go",
    "mvcc/index.go",
    "mvcc/kvstore.go",
    "mvcc/kvstore_compaction.go",
    "mvcc/watchable_store.go",
    "raft/raft.go",
    "schema/cindex.go",
    "schema/membership.go",
    "schema/migration.go",
    "snap/db.go",
    "snap/message.go",
    "snap/snapshotter.go",
    "storage/hooks.go",
    "traceutil/trace.go",
    "version/manager.go",
    "version/monitor.go",
    "wal/decoder.go",
    "wal/file_pipeline.go",
    "wal/repair.go",
    "wal/wal.go",
];
/// Packages that log through capnslog; those of `etcdserver/…`, `mvcc/…` and the like too.
const PACKAGES: &[&str] =
    &["auth", "embed", "etcdhttp", "etcdmain", "etcdserver", "lease", "mvcc", "raft", "rafthttp", "snap", "wal"];
/// Packages of etcd's own that have longer names.
const PACKAGES_WHOLE: &[&str] = &["pkg/fileutil", "pkg/flags", "pkg/netutil", "pkg/osutil", "pkg/transport"];

/// Whether a line is surely of etcd's log.
pub fn is_line(line: &[u8]) -> bool {
    let line = crate::line::text_of(line);
    let is_json = line.starts_with('{');
    let Some(line) = parse(&line) else { return false };
    if is_json {
        let of_zap = !line.level.is_empty();
        return of_zap && line.field("caller").is_some_and(is_source);
    }
    // A line of raft has no fraction.
    let crate::line::Time::NoZone { digits: 6, .. } = line.time else { return false };
    line.field(PACKAGE).is_some_and(|package| {
        let first = package.split('/').next().unwrap_or(package);
        PACKAGES.contains(&first) || PACKAGES_WHOLE.contains(&package)
    })
}

/// `etcdmain/etcd.go:73`
fn is_source(caller: &str) -> bool {
    let Some((file, line)) = caller.rsplit_once(':') else { return false };
    let Some((folder, name)) = file.split_once('/') else { return false };
    let right = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) && name.ends_with(".go");
    right && (FOLDERS.contains(&folder) || FILES.contains(&file))
}

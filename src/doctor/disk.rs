//! Disks: room and inodes, who may read what lies there, and what waits in an agent's spool.
//!
//! Not here: what a store holds (`store`).

use super::Check;
use crate::model::Moment;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes that are free for this user.
    pub free_bytes: u64,
    /// Inodes in all; 0 where the file system counts none.
    pub total_inodes: u64,
    /// Inodes that are free.
    pub free_inodes: u64,
}

/// The room where a path is, or would be.
///
/// # Errors
/// What the operating system says.
pub fn room_of(path: &Path) -> std::io::Result<Room> {
    let absolute = std::path::absolute(path)?;
    let there = absolute.ancestors().find(|path| path.exists()).map_or(PathBuf::from("/"), Path::to_owned);
    let stat = rustix::fs::statvfs(&there)?;
    Ok(Room {
        total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
        total_inodes: stat.f_files,
        free_inodes: stat.f_favail,
    })
}

/// Whether there is room: `needed` bytes that may still be written, and a twentieth of the disk.
pub fn room(name: &'static str, path: &Path, room: &std::io::Result<Room>, needed: u64) -> Check {
    let room = match room {
        Ok(room) => room,
        Err(error) => {
            return Check::unknown(name, format!("{}: {error}", path.display()), format!("df -h {}", path.display()));
        }
    };
    let seen = format!(
        "{}: {} MiB of {} free, {} of {} inodes",
        path.display(),
        room.free_bytes / MIB,
        room.total_bytes / MIB,
        room.free_inodes,
        room.total_inodes
    );
    let no_inodes = room.total_inodes > 0 && room.free_inodes < 1_000;
    if room.free_bytes < 64 * MIB || no_inodes && room.free_inodes < 10 {
        return Check::fail(
            name,
            format!("{seen}: nothing can be written any more"),
            format!("df -h -i {}   then make room, or move it", path.display()),
        );
    }
    if room.free_bytes < needed {
        let seen = format!("{seen}; up to {} MiB may be needed", needed / MIB);
        return Check::warn(name, seen, "make room, or a lower limits.spool_mib");
    }
    if room.free_bytes < room.total_bytes / 20 || no_inodes {
        return Check::warn(name, seen, format!("df -h -i {}   then make room, or move it", path.display()));
    }
    Check::ok(name, seen)
}

/// Whether others are kept out of a folder that must be private.
pub fn private(name: &'static str, path: &Path, uid: u32) -> Check {
    let data = match std::fs::metadata(path) {
        Ok(data) => data,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::unknown(
                name,
                format!("{} is not there yet: it is made at the first start", path.display()),
                "nothing, before the first start",
            );
        }
        Err(error) => {
            return Check::unknown(
                name,
                format!("{}: {error}", path.display()),
                "as root, or as the user of the service",
            );
        }
    };
    let mode = data.mode() & 0o777;
    let seen = format!("{}: mode {mode:o}, of user {}", path.display(), data.uid());
    if mode & 0o022 != 0 {
        return Check::fail(name, format!("{seen}: others may write into it"), format!("chmod 700 {}", path.display()));
    }
    if mode & 0o055 != 0 {
        return Check::warn(name, format!("{seen}: others may look into it"), format!("chmod 700 {}", path.display()));
    }
    if data.uid() != uid && uid != 0 {
        return Check::warn(name, format!("{seen}, not of this user ({uid})"), "run it as the user of the service");
    }
    Check::ok(name, seen)
}

/// What waits in an agent's spool. `bytes_max`: at so many nothing more is read.
pub fn spool(dir: &Path, bytes_max: u64, now: Moment) -> Check {
    let name = "spool";
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Check::ok(name, format!("{} is not there yet: this agent never ran", dir.display()));
        }
        Err(error) => {
            return Check::unknown(
                name,
                format!("{}: {error}", dir.display()),
                "as root, or as the user of the service",
            );
        }
    };
    let (mut segments, mut damaged) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.ends_with(".damaged") {
            damaged.push(file);
        } else if file.len() == 20
            && let Ok(first) = file.parse::<u64>()
        {
            segments.push((first, entry.metadata().map_or(0, |data| data.len())));
        }
    }
    if !damaged.is_empty() {
        let advice =
            "look at the disk (dmesg, smartctl); what the files still have is read again, the rest is a gap record";
        return Check::warn(name, format!("damaged segments: {}", super::some_of(&damaged, 3)), advice);
    }
    let position = std::fs::read_to_string(dir.join("position")).unwrap_or_default();
    let position =
        position.trim().split_once(' ').and_then(|(first, offset)| Some((first.parse().ok()?, offset.parse().ok()?)));
    let (at, offset): (u64, u64) = position.unwrap_or((0, 0));
    let waiting: u64 = segments
        .iter()
        .filter(|(first, _)| *first >= at)
        .map(|(first, bytes)| if *first == at { bytes.saturating_sub(offset) } else { *bytes })
        .fold(0, u64::saturating_add);
    let confirmed = std::fs::metadata(dir.join("position")).map(|data| data.mtime()).ok();
    let since = confirmed.map(|seconds| (now.nanos / 1_000_000_000).saturating_sub(seconds).max(0));
    let last = since
        .map_or("nothing was ever acknowledged".to_owned(), |seconds| format!("last acknowledged {seconds} s ago"));
    let seen = format!("{waiting} bytes wait of {bytes_max}, {last}");
    let advice = "see the connection to the collector, and the agent's log; nothing is lost until the spool is full and the node rotates its logs away";
    if waiting >= bytes_max.saturating_sub(bytes_max / 50) {
        Check::fail(name, format!("{seen}: it is full, nothing is read"), advice)
    } else if waiting > bytes_max / 2 || (waiting > 0 && since.is_none_or(|seconds| seconds > 300)) {
        Check::warn(name, seen, advice)
    } else {
        Check::ok(name, seen)
    }
}

//! The files of an event: PATH items, joined with the working directory, and which of them the action was done to.
//!
//! A relative name is joined with CWD only where the kernel resolved it from there: not for a call that was given a directory's file
//! descriptor. `..` is not resolved, since the directory may be a symbolic link. Not here: PATH items that say nothing of files.

use deponent_parsers::linux::Key;

use super::known::{Known, Type};
use super::notes::Notes;
use super::verbs::ObjectOf;
use crate::model::{Object, Str};

/// The most PATH items of an event that are shown; the kernel writes a few dozen at most.
const ITEMS_MAX: usize = 1024;

/// The files of an event by item number.
pub(super) fn files(known: &[Known<'_>], cwd: Option<&str>, from_cwd: bool, notes: &mut Notes) -> Vec<Object> {
    let mut items: Vec<(u64, &Known<'_>)> = Vec::new();
    for path in known.iter().filter(|known| known.of == Type::Path) {
        let item = path.outer(Key::Item).and_then(|value| value.number());
        // Old kernels and copies by hand may have none; such items follow in order of their content.
        items.push((item.unwrap_or(u64::MAX), path));
    }
    items.sort_by_key(|(item, _)| *item);
    let disputed = |item: u64, items: &[(u64, &Known<'_>)]| {
        item != u64::MAX && items.iter().filter(|(other, _)| *other == item).count() > 1
    };
    let mut files = Vec::with_capacity(items.len());
    for (at, (item, path)) in items.iter().enumerate() {
        if at >= ITEMS_MAX {
            notes.add("too-many-paths", format!("{} PATH records, {ITEMS_MAX} are shown", items.len()));
            break;
        }
        let around = items.get(at.saturating_sub(1)..(at + 2).min(items.len())).unwrap_or_default();
        if disputed(*item, around) {
            notes.add("conflict", format!("PATH item {item}: different records under one serial; none is believed"));
            continue;
        }
        files.push(file(path, cwd, from_cwd, notes));
    }
    files
}

/// The files with the one that the action was done to in front.
pub(super) fn main_first(mut files: Vec<Object>, of: ObjectOf) -> Vec<Object> {
    let wanted: &[&str] = match of {
        ObjectOf::Exec => return files,
        ObjectOf::New => &["CREATE", "NORMAL", "UNKNOWN", "DELETE"],
        ObjectOf::Gone | ObjectOf::Rename => &["DELETE", "NORMAL", "UNKNOWN", "CREATE"],
        _ => &["CREATE", "NORMAL", "UNKNOWN", "DELETE"],
    };
    let role = |file: &Object, role: &str| file.role.as_deref() == Some(role);
    let main = wanted.iter().find_map(|wanted| files.iter().position(|file| role(file, wanted)));
    let main = main.or_else(|| files.iter().position(|file| file.role.is_none()));
    if let Some(main) = main {
        files.get_mut(..=main).unwrap_or_default().rotate_right(1);
    }
    if of == ObjectOf::Rename
        && let Some(new) = files.iter().skip(1).position(|file| role(file, "CREATE"))
    {
        files.get_mut(1..=new + 1).unwrap_or_default().rotate_right(1);
    }
    files
}

/// Whether a system call resolves relative names from the working directory, by its arguments `a0` to `a2`.
pub(super) fn resolves_from_cwd(syscall: &str, args: [Option<&[u8]>; 3]) -> bool {
    let is_cwd = |arg: Option<&[u8]>| {
        // AT_FDCWD is -100; the upper half of the register does not count.
        arg.is_some_and(|hex| hex.to_ascii_lowercase().ends_with(b"ffffff9c"))
    };
    let [a0, a1, a2] = args;
    match syscall {
        "openat" | "openat2" | "unlinkat" | "mkdirat" | "mknodat" | "fchownat" | "fchmodat" | "fchmodat2"
        | "faccessat" | "faccessat2" | "newfstatat" | "fstatat64" | "statx" | "readlinkat" | "utimensat"
        | "utimensat_time64" | "futimesat" | "execveat" | "name_to_handle_at" | "open_tree" | "mount_setattr"
        | "setxattrat" | "getxattrat" | "listxattrat" | "removexattrat" | "file_setattr" | "file_getattr" => is_cwd(a0),
        "renameat" | "renameat2" | "linkat" | "move_mount" => is_cwd(a0) && is_cwd(a2),
        "symlinkat" => is_cwd(a1),
        "open_by_handle_at" | "fanotify_mark" => false,
        _ => true,
    }
}

fn file(path: &Known<'_>, cwd: Option<&str>, from_cwd: bool, notes: &mut Notes) -> Object {
    let name = path.text(Key::Name, path.outer(Key::Name), notes);
    let mode = path.outer(Key::Mode).map_or(&b""[..], |value| value.bytes);
    let inode = path.outer(Key::Inode).map(|value| value.bytes).filter(|bytes| !bytes.is_empty());
    let device = path.outer(Key::Dev).map(|value| value.bytes);
    let inode = inode.map(|inode| {
        let mut whole = Str::default();
        if let Some(device) = device {
            whole.push_str(&notes.text("PATH.dev", device));
            whole.push('/');
        }
        whole.push_str(&notes.text("PATH.inode", inode));
        whole
    });
    Object {
        kind: Some(Str::const_new(kind_of(mode))),
        path: name.map(|name| joined(name, cwd.filter(|_| from_cwd))),
        inode,
        role: path.text(Key::Nametype, path.outer(Key::Nametype), notes),
        ..Object::default()
    }
}

/// A name as an absolute path, where that can be said.
pub(super) fn joined(name: Str, cwd: Option<&str>) -> Str {
    let Some(cwd) = cwd.filter(|cwd| cwd.starts_with('/')) else { return name };
    if name.starts_with('/') || name.is_empty() {
        return name;
    }
    let mut rest = name.as_str();
    while let Some(shorter) = rest.strip_prefix("./") {
        rest = shorter.trim_start_matches('/');
    }
    let cwd = cwd.trim_end_matches('/');
    if rest.is_empty() || rest == "." {
        return if cwd.is_empty() { Str::const_new("/") } else { Str::new(cwd) };
    }
    let mut whole = Str::with_capacity(cwd.len() + 1 + rest.len());
    whole.push_str(cwd);
    whole.push('/');
    whole.push_str(rest);
    whole
}

/// What sort of file an octal mode says it is.
fn kind_of(mode: &[u8]) -> &'static str {
    let number = mode.iter().try_fold(0u32, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 8).then_some(())?;
        value.checked_mul(8)?.checked_add(u32::from(digit))
    });
    match number.unwrap_or(0) & 0o170_000 {
        0o040_000 => "directory",
        0o120_000 => "symbolic-link",
        0o020_000 => "character-device",
        0o060_000 => "block-device",
        0o010_000 => "fifo",
        0o140_000 => "socket",
        _ => "file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_only_where_that_is_right() {
        for (name, cwd, expected) in [
            ("/etc/passwd", Some("/root"), "/etc/passwd"),
            ("passwd", Some("/etc"), "/etc/passwd"),
            ("./x", Some("/a/"), "/a/x"),
            (".", Some("/a"), "/a"),
            (".", Some("/"), "/"),
            ("x", Some("/"), "/x"),
            ("../x", Some("/a/b"), "/a/b/../x"),
            ("x", None, "x"),
            ("x", Some("relative"), "x"),
            ("", Some("/a"), ""),
        ] {
            assert_eq!(joined(Str::new(name), cwd), expected, "{name} in {cwd:?}");
        }
    }

    #[test]
    fn a_directory_descriptor_is_not_the_working_directory() {
        let cwd = Some(&b"ffffffffffffff9c"[..]);
        let short = Some(&b"FFFFFF9C"[..]);
        let descriptor = Some(&b"3"[..]);
        assert!(resolves_from_cwd("openat", [cwd, descriptor, descriptor]));
        assert!(resolves_from_cwd("openat", [short, None, None]));
        assert!(!resolves_from_cwd("openat", [descriptor, cwd, cwd]));
        assert!(!resolves_from_cwd("openat", [None, None, None]));
        assert!(!resolves_from_cwd("renameat", [cwd, cwd, descriptor]));
        assert!(resolves_from_cwd("symlinkat", [descriptor, cwd, descriptor]));
        assert!(resolves_from_cwd("open", [descriptor, None, None]));
    }
}

//! Which fields are written in hex when they are not in quotes: decided by name, never by look (`uid=10` is no line feed).
//!
//! The names are those that audit-userspace's `auparse/typetab.h` calls escaped, and AppArmor's. Not here: decoding (`value`).

/// Whether a field of a record type (by its name) is encoded: quoted when harmless, hex otherwise.
pub fn is_encoded(record_type: &str, name: &[u8]) -> bool {
    if matches!(name, [b'a', b'0'..=b'9', ..]) {
        return record_type == "EXECVE" && !name.ends_with(b"_len");
    }
    match name {
        b"comm" | b"exe" | b"name" | b"cwd" | b"proctitle" | b"key" | b"cmd" | b"acct" | b"path" | b"data" => true,
        b"ocomm" | b"file" | b"watch" | b"dir" | b"grp" | b"new_group" | b"vm" | b"device" | b"cgroup" | b"sw" => true,
        b"old-disk" | b"new-disk" | b"old-fs" | b"new-fs" | b"old-chardev" | b"new-chardev" | b"root_dir" => true,
        b"old-net" | b"new-net" | b"old-rng" | b"new-rng" | b"banner" | b"bus" => true,
        b"profile" | b"operation" | b"info" | b"peer" | b"peer_profile" | b"label" | b"peer_label" => true,
        b"target" | b"name2" | b"srcname" | b"namespace" | b"fs_type" | b"fstype" | b"flags" => {
            matches!(record_type, "AVC" | "USER_AVC") || record_type.starts_with("APPARMOR")
        }
        b"invalid_context" | b"old-log_passwd" | b"new-log_passwd" | b"ifname" | b"policy_name" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_type() {
        for (record_type, name, encoded) in [
            ("SYSCALL", "comm", true),
            ("SYSCALL", "a0", false),
            ("EXECVE", "a0", true),
            ("EXECVE", "a1[12]", true),
            ("EXECVE", "a1_len", false),
            ("SYSCALL", "auid", false),
            ("SYSCALL", "arch", false),
            ("USER_LOGIN", "acct", true),
            ("USER_LOGIN", "id", false),
            ("PATH", "inode", false),
            ("AVC", "flags", true),
            ("CONFIG_CHANGE", "flags", false),
        ] {
            assert_eq!(is_encoded(record_type, name.as_bytes()), encoded, "{record_type} {name}");
        }
    }
}

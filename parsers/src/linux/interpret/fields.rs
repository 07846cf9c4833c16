//! What one field of a record stands for, by its name and the record's type.

use std::borrow::Cow;

use super::super::arch::Arch;
use super::super::fields::Field;
use super::super::key::Key;
use super::super::record::Record;
use super::super::syscalls::syscall_name;
use super::super::tables::{self, errno::errno_name};
use super::super::value::{Form, hexadecimal, number};
use super::words;

/// What a field stands for; `None` where the value speaks for itself, or nothing is known of it. The record's own architecture, or that of its event's
/// SYSCALL record, is needed for numbers that architectures number differently.
///
/// Values of programs (inside of `msg='…'`) have no meaning but what they say: the kernel did not number them.
pub fn meaning(record: &Record<'_>, field: &Field<'_>, arch: Option<Arch>) -> Option<Cow<'static, str>> {
    if field.value.form != Form::Bare || field.value.is_absent() || field.key == Key::Words {
        return None;
    }
    let bytes = field.value.bytes;
    // Ids mean the same wherever they stand.
    if is_id(field.name) && matches!(bytes, b"4294967295" | b"-1") {
        return Some(Cow::Borrowed("unset"));
    }
    if field.nested {
        return None;
    }
    let type_name = record.type_name();
    let word = |text: &'static str| Some(Cow::Borrowed(text));
    let on = arch.map_or("", |arch| arch.name);
    match (type_name, field.name) {
        (_, b"arch") => word(Arch::of(bytes)?.name),
        ("SYSCALL" | "SECCOMP", b"syscall") => word(syscall_name(arch?, number(bytes)?)?),
        ("SYSCALL" | "URINGOP", b"exit") => word(errno_name(number(bytes.strip_prefix(b"-")?)?)?),
        (_, b"errno") => word(errno_name(number(bytes.strip_prefix(b"-").unwrap_or(bytes))?)?),
        ("SYSCALL", b"per") => Some(words::personality(hexadecimal(bytes)?).into()),
        ("URINGOP", b"uring_op") => word(tables::URING.name(on, number(bytes)?)?),
        ("SECCOMP" | "ANOM_ABEND", b"sig") => word(tables::SIGNAL.name(on, number(bytes)?)?),
        ("SECCOMP", b"code") => {
            let code = hexadecimal(bytes)?;
            word(tables::SECCOMP_RETURN.name("", code & 0xffff_0000)?)
        }
        ("MQ_NOTIFY", b"sigev_signo") => word(tables::SIGNAL.name(on, number(bytes)?)?),
        ("PATH", b"mode") => Some(words::file_mode(octal(bytes)?)?.into()),
        ("PATH", b"cap_fp" | b"cap_fi")
        | (
            "BPRM_FCAPS",
            b"new_pp" | b"new_pi" | b"new_pe" | b"new_pa" | b"fp" | b"fi" | b"old_pp" | b"old_pi" | b"old_pe"
            | b"old_pa" | b"pp" | b"pi" | b"pe" | b"pa",
        )
        | ("CAPSET", b"cap_pi" | b"cap_pp" | b"cap_pe" | b"cap_pa") => {
            Some(words::capabilities(hexadecimal(bytes)?).into())
        }
        ("AVC", b"capability") => word(tables::CAPABILITY.name("", number(bytes)?)?),
        ("MMAP", b"flags") => Some(words::map(arch?.name, hexadecimal(bytes)?).into()),
        ("MQ_OPEN", b"oflag") => Some(words::open(arch?.name, hexadecimal(bytes)?).into()),
        ("OPENAT2", b"oflag") => Some(words::open(arch?.name, octal(bytes)?).into()),
        ("OPENAT2", b"resolve") => Some(words::flags(&tables::RESOLVE, "", hexadecimal(bytes)?).into()),
        ("NETFILTER_CFG", b"family") => word(tables::NETFILTER.name("", number(bytes)?)?),
        ("NETFILTER_PKT", b"proto") => {
            let name = tables::PROTOCOL.name("", number(bytes)?)?;
            Some(name.trim_start_matches("IPPROTO_").to_ascii_lowercase().into())
        }
        ("CONFIG_CHANGE", b"list") => word(FILTERS.get(usize::try_from(number(bytes)?).ok()?)?),
        ("CONFIG_CHANGE", b"audit_failure") => {
            word(["silent", "printk", "panic"].get(usize::try_from(number(bytes)?).ok()?)?)
        }
        ("CONFIG_CHANGE", b"audit_enabled") => {
            word(["disabled", "enabled", "enabled and locked"].get(usize::try_from(number(bytes)?).ok()?)?)
        }
        ("ANOM_PROMISCUOUS", b"prom" | b"old_prom") => {
            word(if number(bytes)? & 0x100 != 0 { "promiscuous" } else { "not promiscuous" })
        }
        ("FANOTIFY", b"resp") => word(tables::FANOTIFY_RESPONSE.name("", number(bytes)? & 3)?),
        _ if type_name != "SYSCALL" && matches!(field.key, Key::Res) => match bytes {
            b"1" => word("success"),
            b"0" => word("failed"),
            _ => None,
        },
        _ => None,
    }
}

/// Rule lists of the kernel, by number.
const FILTERS: [&str; 8] = ["user", "task", "entry", "watch", "exit", "exclude", "filesystem", "io_uring"];

/// Whether a field holds a user, group or session number.
fn is_id(name: &[u8]) -> bool {
    matches!(
        name,
        b"auid"
            | b"uid"
            | b"gid"
            | b"euid"
            | b"egid"
            | b"suid"
            | b"sgid"
            | b"fsuid"
            | b"fsgid"
            | b"ouid"
            | b"ogid"
            | b"oauid"
            | b"sauid"
            | b"iuid"
            | b"igid"
            | b"ses"
            | b"oses"
            | b"old-auid"
            | b"old-ses"
            | b"old auid"
            | b"new auid"
            | b"new ses"
            | b"old ses"
            | b"obj_uid"
            | b"obj_gid"
            | b"inode_uid"
            | b"inode_gid"
            | b"id"
    )
}

/// An octal number.
fn octal(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 22 || !bytes.iter().all(|byte| (b'0'..=b'7').contains(byte)) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(bytes).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_of_fields() {
        let arch = Arch::of(b"c000003e");
        for (line, name, expected) in [
            (
                "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 success=no exit=-13 auid=4294967295",
                "arch",
                Some("x86_64"),
            ),
            (
                "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 success=no exit=-13 auid=4294967295",
                "syscall",
                Some("openat"),
            ),
            (
                "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 success=no exit=-13 auid=4294967295",
                "exit",
                Some("EACCES"),
            ),
            ("type=SYSCALL msg=audit(1.000:1): exit=13 auid=4294967295", "exit", None),
            ("type=SYSCALL msg=audit(1.000:1): exit=13 auid=4294967295", "auid", Some("unset")),
            ("type=PATH msg=audit(1.000:1): mode=0104755 cap_fp=0000000000200000", "mode", Some("file,suid,755")),
            ("type=PATH msg=audit(1.000:1): mode=0104755 cap_fp=0000000000200000", "cap_fp", Some("CAP_SYS_ADMIN")),
            ("type=PATH msg=audit(1.000:1): cap_fp=0", "cap_fp", Some("none")),
            (
                "type=AVC msg=audit(1.000:1): avc:  denied  { sys_admin } for capability=21",
                "capability",
                Some("CAP_SYS_ADMIN"),
            ),
            (
                "type=SECCOMP msg=audit(1.000:1): sig=31 arch=c000003e syscall=101 code=0x7ffc0000",
                "sig",
                Some("SIGSYS"),
            ),
            (
                "type=SECCOMP msg=audit(1.000:1): sig=31 arch=c000003e syscall=101 code=0x50001",
                "code",
                Some("SECCOMP_RET_ERRNO"),
            ),
            (
                "type=SECCOMP msg=audit(1.000:1): sig=31 arch=c000003e syscall=101 code=0x80000000",
                "code",
                Some("SECCOMP_RET_KILL_PROCESS"),
            ),
            ("type=MMAP msg=audit(1.000:1): fd=3 flags=0x2", "flags", Some("MAP_PRIVATE")),
            (
                "type=OPENAT2 msg=audit(1.000:1): oflag=0100101 mode=0644 resolve=0x8",
                "oflag",
                Some("O_WRONLY|O_CREAT|O_LARGEFILE"),
            ),
            (
                "type=OPENAT2 msg=audit(1.000:1): oflag=0100101 mode=0644 resolve=0x8",
                "resolve",
                Some("RESOLVE_BENEATH"),
            ),
            ("type=URINGOP msg=audit(1.000:1): uring_op=18 success=yes exit=0", "uring_op", Some("IORING_OP_OPENAT")),
            ("type=NETFILTER_CFG msg=audit(1.000:1): table=filter family=2 entries=0", "family", Some("NFPROTO_IPV4")),
            ("type=CONFIG_CHANGE msg=audit(1.000:1): op=add_rule list=4 res=1", "list", Some("exit")),
            ("type=CONFIG_CHANGE msg=audit(1.000:1): op=add_rule list=4 res=1", "res", Some("success")),
            ("type=USER_CMD msg=audit(1.000:1): pid=1 msg='exit=-13 mode=0104755 res=1'", "mode", None),
            ("type=BPRM_FCAPS msg=audit(1.000:1): fp=0000000000003000 fe=1", "fp", Some("CAP_NET_ADMIN|CAP_NET_RAW")),
            ("type=SYSCALL msg=audit(1.000:1): per=400000", "per", Some("PER_LINUX|READ_IMPLIES_EXEC")),
            ("type=SYSCALL msg=audit(1.000:1): exit=-18446744073709551616", "exit", None),
        ] {
            let record = Record::parse(line.as_bytes()).unwrap();
            let field = record.fields().find(|field| field.name == name.as_bytes()).unwrap();
            assert_eq!(meaning(&record, &field, arch).as_deref(), expected, "{line} {name}");
        }
    }
}

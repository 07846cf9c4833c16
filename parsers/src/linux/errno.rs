//! Names of error numbers: `-2` is `ENOENT`.
//!
//! From the kernel's `include/uapi/asm-generic/errno*.h` (through crate `linux-raw-sys` 0.12.1); 512 and above are the kernel's own
//! (`include/linux/errno.h`), which audit records show where a call was interrupted. MIPS, SPARC, Alpha and PA-RISC number some differently.

use std::sync::LazyLock;

use super::syscalls::numbered_words;

/// The name of an error number (positive).
pub fn errno_name(number: u64) -> Option<&'static str> {
    let at = usize::try_from(number).ok()?;
    NAMES.get(at).copied().filter(|name| !name.is_empty())
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names = Vec::new();
    for (number, name) in numbered_words(WORDS) {
        if let Ok(at) = usize::try_from(number) {
            names.resize(at, "");
            names.push(name);
        }
    }
    names
});

static WORDS: &str = "\
    1 EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY \
    EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK \
    EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP 42 ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT \
    EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT 59 EBFONT ENOSTR ENODATA ETIME \
    ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ \
    EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK \
    EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT \
    EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN \
    ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE \
    EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED \
    EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON 512 ERESTARTSYS ERESTARTNOINTR \
    ERESTARTNOHAND 516 ERESTART_RESTARTBLOCK 524 ENOTSUPP";
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (number, name) in [
            (1, Some("EPERM")),
            (2, Some("ENOENT")),
            (11, Some("EAGAIN")),
            (13, Some("EACCES")),
            (110, Some("ETIMEDOUT")),
            (115, Some("EINPROGRESS")),
            (512, Some("ERESTARTSYS")),
            (0, None),
            (41, None),
            (4095, None),
            (u64::MAX, None),
        ] {
            assert_eq!(errno_name(number), name, "{number}");
        }
    }
}

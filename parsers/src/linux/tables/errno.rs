//! Names of error numbers: `-2` is `ENOENT`.
//!
//! 512 and above are the kernel's own (`include/linux/errno.h`), which audit records show where a call was interrupted. MIPS, SPARC, Alpha and PA-RISC number some differently.

use std::sync::LazyLock;

use super::syscalls::ERRORS;
use crate::linux::syscalls::numbered_words;

/// The name of an error number (positive).
pub fn errno_name(number: u64) -> Option<&'static str> {
    let at = usize::try_from(number).ok()?;
    NAMES.get(at).copied().filter(|name| !name.is_empty())
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut names = Vec::new();
    for (number, name) in numbered_words(ERRORS) {
        if let Ok(at) = usize::try_from(number) {
            names.resize(at, "");
            names.push(name);
        }
    }
    names
});

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

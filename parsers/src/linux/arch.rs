//! Architectures as the kernel's audit records name them: `arch=c000003e`.
//!
//! Numbers are the `AUDIT_ARCH_*` constants of the kernel's `include/uapi/linux/audit.h` (ELF machine, 64-bit and little-endian bits).
//! Not here: system call names (`syscalls`).

/// A known architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arch {
    /// Its name, as auditd's enrichment writes it.
    pub name: &'static str,
    /// Whether numbers in memory (socket addresses) have their high byte first.
    pub big_endian: bool,
}

impl Arch {
    /// The architecture of a value of `arch=`; `None` when there is no such architecture.
    pub fn of(value: &[u8]) -> Option<Arch> {
        if value == b"c000003e" {
            return Some(Arch { name: "x86_64", big_endian: false });
        }
        let text = std::str::from_utf8(value).ok()?;
        if value.is_empty() || value.len() > 8 || !value.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let number = u32::from_str_radix(text, 16).ok()?;
        let (_, name) = ARCHITECTURES.iter().find(|(arch, _)| *arch == number)?;
        Some(Arch { name, big_endian: number & LITTLE_ENDIAN == 0 })
    }
}

/// Whether an architecture has this name.
pub fn is_arch_name(name: &[u8]) -> bool {
    ARCHITECTURES.iter().any(|(_, known)| known.as_bytes() == name)
}

const LITTLE_ENDIAN: u32 = 0x4000_0000;

static ARCHITECTURES: &[(u32, &str)] = &[
    (0xc000_003e, "x86_64"),
    (0x4000_0003, "i386"),
    (0xc000_00b7, "aarch64"),
    (0x4000_0028, "arm"),
    (0x0000_0028, "armeb"),
    (0xc000_00f3, "riscv64"),
    (0x4000_00f3, "riscv32"),
    (0xc000_0102, "loongarch64"),
    (0x4000_0102, "loongarch32"),
    (0x0000_0014, "ppc"),
    (0x8000_0015, "ppc64"),
    (0xc000_0015, "ppc64le"),
    (0x0000_0016, "s390"),
    (0x8000_0016, "s390x"),
    (0x0000_0008, "mips"),
    (0x4000_0008, "mipsel"),
    (0x8000_0008, "mips64"),
    (0xa000_0008, "mips64n32"),
    (0xc000_0008, "mipsel64"),
    (0xe000_0008, "mipsel64n32"),
    (0x0000_0002, "sparc"),
    (0x8000_002b, "sparc64"),
    (0xc000_9026, "alpha"),
    (0xc000_0032, "ia64"),
    (0x0000_0004, "m68k"),
    (0x0000_000f, "parisc"),
    (0x8000_000f, "parisc64"),
    (0x0000_002a, "sh"),
    (0x4000_002a, "shel"),
    (0x4000_005c, "openrisc"),
    (0x4000_00bd, "microblaze"),
    (0x4000_00fc, "csky"),
    (0x4000_005e, "xtensa"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_architectures() {
        for (value, expected) in [
            ("c000003e", Some(("x86_64", false))),
            ("40000003", Some(("i386", false))),
            ("C00000B7", Some(("aarch64", false))),
            ("80000016", Some(("s390x", true))),
            ("abc123", None),
            ("", None),
            ("c000003e0", None),
            ("+000003e", None),
            ("x86_64", None),
        ] {
            let got = Arch::of(value.as_bytes()).map(|arch| (arch.name, arch.big_endian));
            assert_eq!(got, expected, "{value}");
        }
    }
}

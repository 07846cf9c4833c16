//! System call numbers to names, by architecture.
//!
//! Not here: the names themselves (`tables`), what a call does (`deponent::normalise::linux`).

use std::sync::LazyLock;

use super::arch::Arch;
use super::tables::syscalls as table;

/// x86_64 calls of the x32 ABI have this bit set.
const X32_BIT: u64 = 0x4000_0000;
/// Numbers above are looked up in `Names::far`.
const NEAR_MAX: usize = 1024;

/// The name of a system call on an architecture; `None` where the tables have none.
pub fn syscall_name(arch: Arch, number: u64) -> Option<&'static str> {
    let names = match arch.name {
        "x86_64" => return x86_64(number),
        "i386" => &I386,
        "aarch64" => &AARCH64,
        "arm" | "armeb" => &ARM,
        "riscv64" => &RISCV64,
        "riscv32" => &RISCV32,
        "ppc" => &PPC,
        "ppc64" | "ppc64le" => &PPC64,
        "s390x" => &S390X,
        "loongarch64" => &LOONGARCH64,
        _ => return None,
    };
    names.find(number)
}

fn x86_64(number: u64) -> Option<&'static str> {
    if number & X32_BIT == 0 {
        return X86_64.find(number);
    }
    // Below 512 the x32 ABI has the numbers of x86_64.
    let number = number & !X32_BIT;
    if number < 512 { X86_64.find(number) } else { X32.find(number) }
}

/// Names by number: dense near zero, a list of the few far ones (ARM's private calls).
struct Names {
    near: Vec<&'static str>,
    far: Vec<(u32, &'static str)>,
}

impl Names {
    fn new(words: &'static str) -> Names {
        let mut names = Names { near: Vec::new(), far: Vec::new() };
        for (number, name) in numbered_words(words) {
            match usize::try_from(number) {
                Ok(near) if near < NEAR_MAX => {
                    names.near.resize(near + 1, "");
                    if let Some(slot) = names.near.last_mut() {
                        *slot = name;
                    }
                }
                _ => names.far.push((number, name)),
            }
        }
        names
    }

    fn find(&self, number: u64) -> Option<&'static str> {
        let near = usize::try_from(number).ok().and_then(|near| self.near.get(near)).copied();
        let found = near.or_else(|| self.far.iter().find(|(n, _)| u64::from(*n) == number).map(|(_, name)| *name));
        found.filter(|name| !name.is_empty())
    }
}

/// The words of a table with their numbers: a number sets the count, a name takes it and adds one. Numbers ascend.
pub(super) fn numbered_words(words: &'static str) -> impl Iterator<Item = (u32, &'static str)> {
    let mut next = 0u32;
    words.split_ascii_whitespace().filter_map(move |word| {
        if let Ok(number) = word.parse() {
            next = number;
            return None;
        }
        let number = next;
        next = next.saturating_add(1);
        Some((number, word))
    })
}

static X86_64: LazyLock<Names> = LazyLock::new(|| Names::new(table::X86_64));
static X32: LazyLock<Names> = LazyLock::new(|| Names::new(table::X32));
static I386: LazyLock<Names> = LazyLock::new(|| Names::new(table::I386));
static AARCH64: LazyLock<Names> = LazyLock::new(|| Names::new(table::AARCH64));
static ARM: LazyLock<Names> = LazyLock::new(|| Names::new(table::ARM));
static RISCV64: LazyLock<Names> = LazyLock::new(|| Names::new(table::RISCV64));
static RISCV32: LazyLock<Names> = LazyLock::new(|| Names::new(table::RISCV32));
static PPC: LazyLock<Names> = LazyLock::new(|| Names::new(table::PPC));
static PPC64: LazyLock<Names> = LazyLock::new(|| Names::new(table::PPC64));
static S390X: LazyLock<Names> = LazyLock::new(|| Names::new(table::S390X));
static LOONGARCH64: LazyLock<Names> = LazyLock::new(|| Names::new(table::LOONGARCH64));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_architecture() {
        for (arch, number, name) in [
            ("c000003e", 59, Some("execve")),
            ("c000003e", 0, Some("read")),
            ("c000003e", 322, Some("execveat")),
            ("c000003e", 437, Some("openat2")),
            ("c000003e", 0x4000_0000 + 1, Some("write")),
            ("c000003e", 0x4000_0000 + 520, Some("execve")),
            ("c000003e", 400, None),
            ("c000003e", u64::MAX, None),
            ("40000003", 11, Some("execve")),
            ("c00000b7", 221, Some("execve")),
            ("40000028", 11, Some("execve")),
            ("40000028", 0xf0002, Some("cacheflush")),
            ("80000016", 11, Some("execve")),
            ("c0000015", 11, Some("execve")),
            ("c00000f3", 221, Some("execve")),
        ] {
            let arch = Arch::of(arch.as_bytes()).unwrap();
            assert_eq!(syscall_name(arch, number), name, "{} {number}", arch.name);
        }
    }
}

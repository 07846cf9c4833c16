//! Numbers of the kernel's interface and their names, as `parsers/tables/generate.py` writes them.
//!
//! Not here: which set a value belongs to (`interpret`).

mod constants;
pub(super) mod errno;
pub(super) mod syscalls;

pub(super) use constants::*;

/// Numbers with names, ascending.
type Names = &'static [(u64, &'static str)];

/// A set of constants: flags that are added up, or values of which one is meant.
#[derive(Debug)]
pub(super) struct Set {
    base: Names,
    others: &'static [(&'static [&'static str], Names)],
}

impl Set {
    /// The constants on an architecture, by its name.
    pub fn of(&self, arch: &str) -> Names {
        let arch = match arch {
            "ppc64le" => "ppc64",
            "armeb" => "arm",
            arch => arch,
        };
        self.others.iter().find(|(names, _)| names.contains(&arch)).map_or(self.base, |(_, names)| names)
    }

    /// The constant of a value.
    pub fn name(&self, arch: &str, value: u64) -> Option<&'static str> {
        let names = self.of(arch);
        let at = names.binary_search_by_key(&value, |(number, _)| *number).ok()?;
        names.get(at).map(|(_, name)| *name)
    }

    /// Adds the constants that are in a sum of flags, ascending, and gives what no constant stands for.
    pub fn flags(&self, arch: &str, value: u64, into: &mut Vec<&'static str>) -> u64 {
        let mut left = value;
        for (number, name) in self.of(arch) {
            if *number != 0 && left & number == *number {
                into.push(name);
                left &= !number;
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_number_some_otherwise() {
        let flags = |arch, value| {
            let mut names = Vec::new();
            let left = OPEN.flags(arch, value, &mut names);
            (names, left)
        };
        assert_eq!(flags("x86_64", 0x10241), (vec!["O_CREAT", "O_TRUNC", "O_DIRECTORY"], 1));
        assert_eq!(flags("aarch64", 0x4041), (vec!["O_CREAT", "O_DIRECTORY"], 1));
        assert_eq!(flags("ppc64le", 0x4040), (vec!["O_CREAT", "O_DIRECTORY"], 0));
        assert_eq!(flags("riscv64", 0x10000), (vec!["O_DIRECTORY"], 0));
        assert_eq!(SIGNAL.name("x86_64", 9), Some("SIGKILL"));
        assert_eq!(CAPABILITY.name("aarch64", 21), Some("CAP_SYS_ADMIN"));
        assert_eq!(BPF.name("x86_64", 5), Some("BPF_PROG_LOAD"));
        assert_eq!(URING.name("x86_64", 18), Some("IORING_OP_OPENAT"));
        assert_eq!(SIGNAL.name("x86_64", 0), None);
    }
}

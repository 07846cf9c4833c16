//! What rotated files are called: which log a name belongs to, and which of two is older.
//!
//! Inside: names only, pure. Not here: what decides where reading goes on, which is content (`scan`); names only give an order.

use std::cmp::Reverse;

/// How old a rotated file is; the oldest comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// `audit.log-20261124`, `audit-2026-11-24T17-30-00.000.log`: the digits.
    Stamp(Vec<u8>),
    /// `audit.log.3`.
    Number(Reverse<u64>),
    /// The log itself.
    Base,
}

/// The log that a file name belongs to, and its place among the rotated ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Family {
    /// Name of the log itself.
    pub base: Vec<u8>,
    /// Its age.
    pub age: Age,
    /// The name says that it is compressed.
    pub packed: bool,
}

impl Family {
    /// Of a file name. Known: `name.N`, `name.old`, `name-STAMP`, `name.STAMP`, `stem-STAMP.ext`, each also with `.gz` or `.zst` behind it.
    pub fn of(name: &[u8]) -> Family {
        let unpacked = [b".gz".as_slice(), b".zst"].iter().find_map(|end| name.strip_suffix(*end));
        let packed = unpacked.is_some();
        let plain = unpacked.unwrap_or(name);
        let (base, age) = rotated(plain).unwrap_or_else(|| (plain.to_vec(), Age::Base));
        if base.is_empty() {
            return Family { base: name.to_vec(), age: Age::Base, packed };
        }
        Family { base, age, packed }
    }
}

fn rotated(name: &[u8]) -> Option<(Vec<u8>, Age)> {
    if let Some(base) = name.strip_suffix(b".old") {
        return Some((base.to_vec(), Age::Number(Reverse(1))));
    }
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let (stem, extension) = (name.get(..dot)?, name.get(dot.saturating_add(1)..)?);
    if (1..=6).contains(&extension.len()) && extension.iter().all(u8::is_ascii_digit) && !stem.is_empty() {
        // Six digits at the end of a stamp (`-17-30-00.000`) are no rotation number.
        if let Some((base, digits)) = stamp_behind(name) {
            return Some((base.to_vec(), Age::Stamp(digits)));
        }
        let number = std::str::from_utf8(extension).ok()?.parse().ok()?;
        return Some((stem.to_vec(), Age::Number(Reverse(number))));
    }
    if let Some((base, digits)) = stamp_behind(name) {
        return Some((base.to_vec(), Age::Stamp(digits)));
    }
    let (base, digits) = stamp_behind(stem)?;
    Some(([base, b".", extension].concat(), Age::Stamp(digits)))
}

/// A name that ends in a separator and a date, perhaps with a time; the part before it, and the digits.
fn stamp_behind(name: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let in_stamp = |byte: &u8| byte.is_ascii_digit() || b"-_.:TZ+".contains(byte);
    let from = name.len().checked_sub(name.iter().rev().take_while(|byte| in_stamp(byte)).count())?;
    let starts = |at: &usize| {
        let (Some(separator), Some(rest)) = (name.get(*at), name.get(at.saturating_add(1)..)) else { return false };
        b"-_.".contains(separator) && starts_with_date(rest)
    };
    let at = (from..name.len()).find(starts)?;
    let stamp = name.get(at..)?;
    Some((name.get(..at)?, stamp.iter().copied().filter(u8::is_ascii_digit).collect()))
}

/// `20261124…` or `2026-11-24…`.
fn starts_with_date(text: &[u8]) -> bool {
    let digits = |from: usize, to: usize| text.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let dash = |at: usize| text.get(at).is_some_and(|byte| b"-_.".contains(byte));
    digits(0, 8) || (digits(0, 4) && dash(4) && digits(5, 7) && dash(7) && digits(8, 10))
}

/// Whether a file name matches a pattern in which `*` stands for any bytes.
pub fn glob_matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0usize, 0usize);
    // Where the last star was, and how much of the name it has taken: on a mismatch it takes one byte more.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, in_name));
                at = at.saturating_add(1);
            }
            (Some(byte), _) if name.get(in_name) == Some(byte) => {
                at = at.saturating_add(1);
                in_name = in_name.saturating_add(1);
            }
            (_, Some((star_at, taken))) => {
                let taken = taken.saturating_add(1);
                star = Some((star_at, taken));
                at = star_at.saturating_add(1);
                in_name = taken;
            }
            (_, None) => return false,
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_names_belong_to_their_log_and_are_ordered() {
        let families: &[&[&str]] = &[
            &["audit.log.3.zst", "audit.log.2.gz", "audit.log.1", "audit.log"],
            &["audit.log-20251231.gz", "audit.log-20261124", "audit.log.1", "audit.log"],
            &[
                "audit-2026-11-23T17-30-00.000.log.gz",
                "audit-2026-11-24T17-30-00.000.log",
                "audit-2026-11-24T17-30-00.001.log",
                "audit.log",
            ],
            &["0.log.20261124-173000.gz", "0.log.20261124-173001", "0.log"],
            &["node-1-2026-11-24T01-00-00.000.log", "node-1.log"],
            &["a.log-2026112401", "a.log-2026112402", "a.log.old", "a.log"],
        ];
        for names in families {
            let base = names[names.len() - 1].as_bytes();
            let families: Vec<Family> = names.iter().map(|name| Family::of(name.as_bytes())).collect();
            assert!(families.iter().all(|family| family.base == base), "{families:?}");
            assert!(families.is_sorted_by(|a, b| a < b), "{families:?}");
        }
        for alone in ["audit.log", "messages", "a.b.c", ".1", "20261124.log", "-20261124", "12", "audit.json", ""] {
            assert_eq!(Family::of(alone.as_bytes()).age, Age::Base, "{alone}");
            assert_eq!(Family::of(alone.as_bytes()).base, alone.as_bytes(), "{alone}");
        }
    }

    #[test]
    fn star_stands_for_any_bytes() {
        for (pattern, name, expected) in [
            ("*.log", "audit.log", true),
            ("*.log", "audit.log.1", false),
            ("audit.log", "audit.log", true),
            ("audit.log", "audit-log", false),
            ("a*b*c", "aXbbYc", true),
            ("a*b*c", "aXbbY", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("**a", "ba", true),
        ] {
            assert_eq!(glob_matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}

//! `[[retention]]`: how long and how much of each kind of batch is kept.
//!
//! Not here: what goes, and how (`evidence`).

use super::{ConfigError, value_error};
use crate::model::RecordKind;
use serde::Deserialize;
use std::path::Path;

const SECOND: i64 = 1_000_000_000;

/// A table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    source: String,
    max_age: Option<String>,
    max_bytes: Option<String>,
}

/// What is kept of some kinds of batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// As it is named: `all`, `linux`, `kubernetes`, or a kind.
    pub source: String,
    /// The kinds it is about; never deponent's own.
    pub kinds: Vec<RecordKind>,
    /// Batches that were received longer ago go: as written, and in ns.
    pub max_age: Option<(String, i64)>,
    /// While the batches take more bytes of the disk, the oldest go.
    pub max_bytes: Option<u64>,
}

impl Policy {
    /// Of one source, as a person names it, its age and its bytes.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(source: &str, max_age: Option<&str>, max_bytes: Option<&str>) -> Result<Policy, String> {
        let kinds = kinds(source).ok_or_else(|| {
            format!(
                "`{source}` is none of: all, linux, kubernetes, {} (deponent's own records stay)",
                RecordKind::names()
            )
        })?;
        if max_age.is_none() && max_bytes.is_none() {
            return Err(format!("`{source}` has neither max_age nor max_bytes: without a table everything is kept"));
        }
        let age = |text: &str| {
            let nanos = measured(text, &[("h", 3_600), ("d", 86_400), ("w", 7 * 86_400), ("y", 365 * 86_400)]);
            let nanos = nanos.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(SECOND));
            let nanos = nanos.ok_or_else(|| format!("`{text}` is no age: a number of h, d, w or y, such as 90d"))?;
            Ok::<_, String>((text.to_owned(), nanos))
        };
        let bytes = |text: &str| {
            measured(text, UNITS)
                .ok_or_else(|| format!("`{text}` is no size: a number of GB, GiB, TB …, such as 500GB"))
        };
        Ok(Policy {
            source: source.to_owned(),
            kinds,
            max_age: max_age.map(age).transpose()?,
            max_bytes: max_bytes.map(bytes).transpose()?,
        })
    }
}

const UNITS: &[(&str, u64)] = &[
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("B", 1),
];

/// A whole number, 1 or more, and its unit.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor).filter(|value| *value > 0)
}

fn kinds(source: &str) -> Option<Vec<RecordKind>> {
    match source {
        "all" => Some(RecordKind::ALL.into_iter().filter(|kind| *kind != RecordKind::Own).collect()),
        "linux" => Some(vec![RecordKind::Auditd]),
        "kubernetes" => Some(vec![RecordKind::KubernetesAudit]),
        name => RecordKind::of_file(name).map(|kind| vec![kind]),
    }
}

/// Each kind follows one table: `all` is about those that no other table names.
pub(super) fn checked(path: &Path, written: Vec<Written>) -> Result<Vec<Policy>, ConfigError> {
    let mut policies: Vec<Policy> = Vec::new();
    for one in written {
        let policy = Policy::parse(&one.source, one.max_age.as_deref(), one.max_bytes.as_deref());
        let policy = policy.map_err(|message| value_error(path, "retention", message))?;
        let twice = |other: &Policy| {
            (other.source == "all") == (policy.source == "all")
                && other.kinds.iter().any(|kind| policy.kinds.contains(kind))
        };
        if policies.iter().any(twice) {
            let message = format!("two tables are about `{}`", policy.source);
            return Err(value_error(path, "retention.source", message));
        }
        policies.push(policy);
    }
    let named: Vec<RecordKind> =
        policies.iter().filter(|policy| policy.source != "all").flat_map(|policy| policy.kinds.clone()).collect();
    for policy in policies.iter_mut().filter(|policy| policy.source == "all") {
        policy.kinds.retain(|kind| !named.contains(kind));
    }
    Ok(policies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_kind_follows_one_table() {
        let text = "[[retention]]\nsource = 'all'\nmax_age = '90d'\n[[retention]]\nsource = 'kubernetes'\nmax_age = '2y'\nmax_bytes = '1GiB'";
        let policies = Config::parse(Path::new("c.toml"), text).unwrap().retention;
        assert_eq!(policies[0].max_age, Some(("90d".to_owned(), 90 * 86_400 * SECOND)));
        assert!(policies[0].kinds.contains(&RecordKind::Auditd));
        assert!(!policies[0].kinds.contains(&RecordKind::KubernetesAudit));
        assert!(!policies[0].kinds.contains(&RecordKind::Own), "deponent's own records stay");
        assert_eq!(
            (policies[1].kinds.as_slice(), policies[1].max_bytes),
            (&[RecordKind::KubernetesAudit][..], Some(1 << 30))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, wanted) in [
            ("source = 'lunix'\nmax_age = '1d'", "none of: all, linux"),
            ("source = 'deponent'\nmax_age = '1d'", "own records stay"),
            ("source = 'all'", "neither max_age nor max_bytes"),
            ("source = 'all'\nmax_age = '90'", "no age"),
            ("source = 'all'\nmax_age = '0d'", "no age"),
            ("source = 'all'\nmax_age = '99999999999y'", "no age"),
            ("source = 'all'\nmax_bytes = '5 gigs'", "no size"),
            ("source = 'linux'\nmax_age = '1d'\n[[retention]]\nsource = 'auditd'\nmax_age = '2d'", "two tables"),
        ] {
            let text = format!("[[retention]]\n{text}");
            let message = Config::parse(Path::new("c.toml"), &text).unwrap_err().to_string();
            assert!(message.contains(wanted), "{text:?}: {message}");
        }
    }
}

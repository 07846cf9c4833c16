//! `ausearch -i` of Debian's auditd reads the same records field by field; where it reads something else, `docs/conformance.md` says why.
//!
//! Skipped where ausearch is missing; tests/run unpacks it. Not here: expected readings of other projects (`conformance`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::Command;

use deponent::model::{RecordFields, RecordKind};
use deponent::normalise;

use crate::harness::{corpus, root, sample};

/// Type, milliseconds and serial: ausearch prints the records of an event together, in an order of its own.
type Place = (String, String, String);

fn place(line: &str) -> Option<(Place, &str)> {
    let rest = &line[line.find("type=")? + 5..];
    let (kind, rest) = rest.split_once(" msg=audit(")?;
    let (stamp, body) = rest.split_once(')')?;
    let (time, serial) = stamp.rsplit_once(':')?;
    let millis = time.rsplit_once('.')?.1;
    let body = body.trim_start_matches([' ', ':']);
    Some(((kind.to_owned(), millis.to_owned(), serial.to_owned()), body))
}

/// ausearch as tests/run unpacked it: another version may say other things.
fn ausearch_command() -> Option<Command> {
    let unpacked = root().join("target/auditd");
    let program = ["sbin/ausearch", "usr/sbin/ausearch"].iter().map(|at| unpacked.join(at)).find(|at| at.exists())?;
    let mut command = Command::new(program);
    let folders = ["lib", "usr/lib"].iter().filter_map(|at| std::fs::read_dir(unpacked.join(at)).ok()).flatten();
    let libraries: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
    command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap());
    Some(command)
}

/// How ausearch reads a file: bodies of records by their place. Bytes that are no UTF-8 are compared as replaced.
fn ausearch(file: &Path) -> Option<HashMap<Place, Vec<String>>> {
    let output =
        ausearch_command()?.args(["-i", "-if"]).arg(file).envs([("TZ", "UTC"), ("LC_ALL", "C")]).output().ok()?;
    let mut all: HashMap<Place, Vec<String>> = HashMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some((place, body)) = place(line) {
            all.entry(place).or_default().push(body.to_owned());
        }
    }
    Some(all)
}

/// One of ausearch's records, cut at the names that we found: `name=value ` up to the next name.
fn cut<'a>(body: &'a str, names: &[&str]) -> Vec<&'a str> {
    let mut rest = body;
    let mut values = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let Some(start) = rest.find(&format!("{name}=")) else {
            values.push("");
            continue;
        };
        rest = &rest[start + name.len() + 1..];
        let next = names[at + 1..].iter().find_map(|next| {
            let inner = rest.find(&format!(" msg='{next}="));
            inner.or_else(|| rest.find(&format!(" {next}=")))
        });
        let (value, after) = rest.split_at(next.unwrap_or(rest.len()));
        values.push(value.trim_end());
        rest = after;
    }
    values
}

/// Why two readings of one field say the same in other words, or differ with a reason; a heading of docs/conformance.md. `None`: nobody knows why.
fn reason(
    kind: &str,
    name: &str,
    raw: &str,
    ours: &str,
    theirs: &str,
    enriched: &[(String, String)],
) -> Option<&'static str> {
    let lower = |prefix: &str| {
        ours.split('|').map(|word| word.trim_start_matches(prefix).to_ascii_lowercase()).collect::<Vec<_>>().join(",")
    };
    let is_id = name.ends_with("uid") || name.ends_with("gid") || matches!(name, "id" | "ses" | "old-ses" | "new ses");
    if is_id && raw == ours {
        let claimed = enriched.iter().any(|(_, claim)| claim == theirs);
        let local = ["root", "daemon", "bin", "sys"].contains(&theirs);
        return (claimed || local || theirs.starts_with("unknown(")).then_some("names of users");
    }
    if ours.contains("\\x") && theirs.contains('\u{fffd}') {
        return Some("bytes that are no UTF-8");
    }
    match (kind, name) {
        // What stands behind a quote in a command name looks like fields to whoever reads ausearch's line.
        ("SYSCALL", "comm" | "exe") if theirs.contains("/bin/x\\012") || ours.starts_with("a\" exe=") => {
            Some("forged fields")
        }
        (_, "exit") if theirs.starts_with(&format!("{ours}(")) => Some("errors"),
        ("SYSCALL", "a1" | "a2")
            if ours.starts_with("mode=block,")
                || ours.starts_with("mode=character,")
                || ours.starts_with("mode=fifo,") =>
        {
            Some("modes of mknod")
        }
        ("SYSCALL", "a0" | "a1" | "a2" | "a3") => {
            let ours = ours.split_once('=').map_or(ours, |(_, text)| text);
            let hex = theirs.strip_prefix("0x").is_some_and(|hex| hex == raw);
            let special = [("suid,", 0o4000), ("sgid,", 0o2000), ("sticky,", 0o1000)];
            let same = ours == theirs
                || special.iter().any(|(word, bit)| {
                    theirs.strip_prefix(word).is_some_and(|mode| {
                        u32::from_str_radix(mode, 8).ok().map(|mode| format!("{:04o}", mode | bit)).as_deref()
                            == Some(ours)
                    })
                })
                || ours
                    .split('|')
                    .map(|w| w.trim_start_matches("__"))
                    .eq(theirs.split('|').map(|w| w.trim_start_matches("__")));
            (hex || same || u64::from_str_radix(raw, 16).ok().is_some_and(|n| theirs == n.to_string()))
                .then_some("arguments")
        }
        ("BPRM_FCAPS" | "PATH" | "CAPSET", _) if ours == "none" => (theirs == "none").then_some("capabilities"),
        ("BPRM_FCAPS" | "PATH" | "CAPSET", _) if ours.starts_with("CAP_") => {
            (lower("CAP_") == theirs).then_some("capabilities")
        }
        ("PATH", "cap_fp" | "cap_fi" | "cap_fe" | "cap_fver" | "cap_frootid") if raw == "?" => Some("capabilities"),
        (_, "res") => matches!((ours, theirs), ("success", "yes") | ("failed", "no") | ("success", "success"))
            .then_some("results"),
        ("SOCKADDR", "saddr") => theirs.starts_with("{ saddr_fam=").then_some("socket addresses"),
        ("OPENAT2", _) => Some("openat2"),
        ("ANOM_PROMISCUOUS", _) => {
            matches!((ours, theirs), ("promiscuous", "yes") | ("not promiscuous", "no")).then_some("promiscuous mode")
        }
        ("NETFILTER_CFG", "family") => (lower("NFPROTO_") == theirs).then_some("names of constants"),
        ("EVENT_LISTENER", "nl-mcgrp") => (theirs == "audit-netlink-multicast").then_some("names of constants"),
        _ => None,
    }
}

/// Compares one file; readings that differ without a reason are printed.
fn compare(file: &Path, reasons: &mut BTreeMap<&'static str, usize>) -> Option<(usize, Vec<String>)> {
    let mut theirs = ausearch(file)?;
    let (mut fields, mut unknown) = (0, Vec::new());
    for line in std::fs::read(file).unwrap().split(|&byte| byte == b'\n') {
        let text = String::from_utf8_lossy(line).into_owned();
        let Some((place, _)) = place(&text) else { continue };
        let read = normalise::fields(RecordKind::Auditd, line);
        let bodies = theirs.get_mut(&place).unwrap_or_else(|| panic!("ausearch lacks {place:?}"));
        let names: Vec<&str> = read.fields.iter().skip(1).map(|(name, _)| name.as_str()).collect();
        // PATH records are told apart by their number, parts of a long EXECVE by the argument that they begin with.
        let first = match value(&read, "item") {
            Some(item) => format!("item={item} "),
            None => format!("{}=", names.first().copied().unwrap_or_default()),
        };
        let at = bodies.iter().position(|body| body.starts_with(&first)).unwrap_or(0);
        let body = bodies.remove(at);
        let enriched: Vec<(String, String)> =
            read.enriched.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        for ((name, raw), theirs) in read.fields.iter().skip(1).zip(cut(&body, &names)) {
            fields += 1;
            let ours = read.meaning.iter().find(|(meant, _)| meant == name).map_or(raw.as_str(), |(_, text)| text);
            // Spaces at the ends are cut with the field; quotes stand where the record has them.
            let unquoted =
                |text: &'_ str| text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).map(str::to_owned);
            let inner = theirs.strip_suffix('\'').unwrap_or(theirs);
            let said = [Some(theirs.to_owned()), Some(inner.to_owned()), unquoted(theirs), unquoted(inner)];
            if said.iter().flatten().any(|said| ours.trim() == said.trim() || escaped(raw).trim() == said.trim()) {
                continue;
            }
            let theirs = inner;
            match reason(&place.0, name, raw, ours, theirs, &enriched) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => unknown.push(format!("{} {name}: raw {raw}, ours {ours}, ausearch {theirs}", place.0)),
            }
        }
    }
    Some((fields, unknown))
}

fn value<'a>(read: &'a RecordFields, name: &str) -> Option<&'a str> {
    read.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
}

/// ausearch writes control characters in octal, and bytes that are no UTF-8 as they are; we write those as `\\xNN`.
fn escaped(text: &str) -> String {
    let mut all = String::new();
    for part in text.chars() {
        if part.is_ascii_control() {
            all.push_str(&format!("\\{:03o}", u32::from(part)));
        } else {
            all.push(part);
        }
    }
    all
}

#[test]
fn ausearch_reads_the_same_fields() {
    let mut files = vec![sample("auditd/exec.log"), sample("auditd/odd.log"), sample("auditd/trojan.log")];
    files.extend(corpus().map(|corpus| corpus.join("lab/audit.log")));
    let mut reasons = BTreeMap::new();
    let mut unknown = Vec::new();
    let mut fields = 0;
    for file in &files {
        let Some((compared, differ)) = compare(file, &mut reasons) else { return };
        fields += compared;
        unknown.extend(differ);
    }
    let mut groups: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for line in &unknown {
        groups.entry(line.split(':').next().unwrap().to_owned()).or_default().push(line);
    }
    let shown: Vec<String> =
        groups.iter().map(|(group, lines)| format!("{group} ({}): {}", lines.len(), lines[0])).collect();
    assert!(unknown.is_empty(), "{} of {fields} fields differ without a reason:\n{}", unknown.len(), shown.join("\n"));
    let doc = std::fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    for reason in reasons.keys() {
        assert!(doc.contains(&format!("| {reason} |")), "docs/conformance.md does not explain: {reason}");
    }
}

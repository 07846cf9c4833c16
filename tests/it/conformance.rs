//! What other projects expect of the same records, over their own test data where the corpus is there. What differs has its reason in docs/conformance.md.
//!
//! Not here: ausearch as an oracle (`ausearch`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deponent::model::{Event, Object, Outcome, RecordFields, RecordKind};
use deponent::normalise::{self, Context};
use serde_json::Value;

use crate::harness::{corpus, root};

fn third_party(name: &str) -> Option<PathBuf> {
    Some(corpus()?.join("third-party").join(name))
}

/// The files of a folder and its folders with this ending, sorted.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.to_string_lossy().ends_with(ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// Fails with all that differs; each difference that has a reason must stand in the page.
fn settle(differ: &[String], reasons: &BTreeSet<&str>) {
    assert!(
        differ.is_empty(),
        "{} differ without a reason:\n{}",
        differ.len(),
        differ[..differ.len().min(60)].join("\n")
    );
    let page = std::fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    for reason in reasons {
        assert!(page.contains(&format!("| {reason} |")), "docs/conformance.md does not explain: {reason}");
    }
}

/// A string as YAML writes it in double quotes.
fn unquoted(yaml: &str) -> Vec<u8> {
    let inner = yaml.trim().trim_matches('"');
    let mut out = Vec::new();
    let mut chars = inner.chars();
    while let Some(next) = chars.next() {
        let mut push = |char: char| out.extend(char.to_string().bytes());
        match next {
            '\\' => match chars.next() {
                Some('x') => {
                    let hex: String = chars.by_ref().take(2).collect();
                    push(char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap());
                }
                Some('u') => {
                    let hex: String = chars.by_ref().take(4).collect();
                    push(char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap());
                }
                Some('n') => push('\n'),
                Some('t') => push('\t'),
                Some(other) => push(other),
                None => {}
            },
            other => push(other),
        }
    }
    out
}

/// A value of auditd-parser in our words.
fn words(value: &Value) -> String {
    let list = |value: &Value| {
        let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.iter().map(|word| word.chars().next().unwrap_or('-')).collect::<String>()
    };
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join("|"),
        Value::Object(all) if all.contains_key("file_type") => {
            let bits = |who: &str| {
                list(&all[who])
                    .chars()
                    .map(|c| match c {
                        'r' => 4,
                        'w' => 2,
                        'e' => 1,
                        _ => 0,
                    })
                    .sum::<u32>()
            };
            let kind = match all["file_type"].as_str().unwrap() {
                "regular-file" => "file",
                "directory" => "dir",
                other => other,
            };
            format!("{kind},{}{}{}", bits("user"), bits("group"), bits("other"))
        }
        Value::Object(all) if all.contains_key("module") => {
            let level = all["level"]["category"].as_str().map_or_else(String::new, |category| format!(":{category}"));
            let part = |name: &str| all[name].as_str().unwrap_or("").to_owned();
            format!(
                "{}:{}:{}:{}{level}",
                part("user"),
                part("role"),
                part("type"),
                all["level"]["sensitivity"].as_str().unwrap_or("")
            )
        }
        Value::Object(all) if all.contains_key("address") => {
            format!(
                "{} {}",
                all["family"].as_str().unwrap().trim_start_matches("AF_").to_lowercase(),
                all["address"].as_str().unwrap()
            )
        }
        Value::Object(all) => all.get("value").map_or_else(|| value.to_string(), words),
        other => other.to_string(),
    }
}

fn decoded(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    String::from_utf8_lossy(&(0..hex.len()).step_by(2).map_while(byte).collect::<Vec<u8>>()).into_owned()
}

/// Why a field of auditd-parser's reads otherwise.
fn parser_reason(
    read: &RecordFields,
    name: &str,
    ours: &[&str],
    meaning: Option<&str>,
    theirs: &str,
) -> Option<&'static str> {
    let is = |text: &str| ours.contains(&text) || meaning == Some(text);
    if is(theirs) {
        return Some("");
    }
    let absent =
        ours.iter().all(|ours| matches!(*ours, "?" | "(null)" | "(none)" | "" | "4294967295" | "-1" | "unset"));
    if theirs.is_empty() && absent {
        return Some("absent values");
    }
    let caps =
        meaning.map(|text| text.split('|').map(|word| word.trim_start_matches("CAP_")).collect::<Vec<_>>().join("|"));
    if caps.as_deref() == Some(theirs) || (theirs.is_empty() && meaning == Some("none")) {
        return Some("capabilities");
    }
    match (name, theirs) {
        (_, "root") if is("0") => Some("names of users"),
        ("msg", _) if read.fields.len() > 6 => Some("messages"),
        (_, hex) if hex.len() > 1_000 && ours.iter().any(|ours| decoded(hex).starts_with(*ours)) => {
            Some("long arguments")
        }
        ("grantors", _) if is(&theirs.replace('|', ",")) => Some("lists"),
        ("success", "true") if is("yes") => Some("results"),
        ("success", "false") if is("no") => Some("results"),
        ("perm", _) => Some("permissions of rules"),
        ("proctitle", _)
            if ours.first().is_some_and(|ours| ours.replace(' ', "") == theirs.replace([' ', '\u{0}'], "")) =>
        {
            Some("titles")
        }
        _ => None,
    }
}

#[test]
fn records_of_auditd_parser() {
    let Some(dir) = third_party("auditd-parser") else { return };
    let (mut differ, mut reasons, mut fields) = (Vec::new(), BTreeSet::new(), 0);
    for file in files(&dir, ".snap") {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut parts = text.splitn(3, "---\n").skip(1);
        let (head, body) = (parts.next().unwrap(), parts.next().unwrap());
        let info = head.lines().find_map(|line| line.strip_prefix("info: ")).unwrap();
        let line = unquoted(info);
        let theirs: Value = serde_json::from_str(body).unwrap();
        let read = normalise::fields(RecordKind::Auditd, &line);
        let id = file.file_stem().unwrap().to_string_lossy()[29..37].to_owned();
        if theirs.get("Err").is_some() {
            reasons.insert("lines that are no record");
            continue;
        }
        if read.record != theirs["record_type"].as_str().unwrap_or("") {
            differ.push(format!("{id} type {} / {}", theirs["record_type"], read.record));
        }
        let mut one = |prefix: &str, name: &str, value: &Value| {
            fields += 1;
            let from = if prefix == "enrichment" { &read.enriched } else { &read.fields };
            let ours: Vec<&str> = from
                .iter()
                .filter(|(field, _)| field.replace(' ', "-") == name.replace(' ', "-"))
                .map(|(_, text)| text.as_str())
                .collect();
            let meaning = read.meaning.iter().find(|(field, _)| field == name).map(|(_, text)| text.as_str());
            let theirs = words(value);
            match parser_reason(&read, name, &ours, meaning, &theirs) {
                Some("") => {}
                Some(reason) => {
                    reasons.insert(reason);
                }
                None => {
                    differ.push(format!("{id} {} {name}: theirs {theirs:?}, ours {ours:?} {meaning:?}", read.record))
                }
            }
        };
        for (name, value) in theirs["fields"].as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("msg", Value::Object(inner)) => inner.iter().for_each(|(name, value)| one("fields", name, value)),
                _ => one("fields", name, value),
            }
        }
        for (name, value) in theirs["enrichment"].as_object().into_iter().flatten() {
            one("enrichment", name, value);
        }
    }
    assert!(fields > 1_000, "{fields} fields");
    settle(&differ, &reasons);
}

const CONTEXT: Context<'static> =
    Context { cluster: "", node: "", received_ns: 1_795_700_000_000_000_000, ..Context::NOWHERE };

/// The one event of a file of auditd's records.
fn event(file: &Path) -> Event {
    let bytes = std::fs::read(file).unwrap();
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    let keys: Vec<_> = lines.iter().map(|line| normalise::key(RecordKind::Auditd, CONTEXT, line).unwrap()).collect();
    assert!(keys.iter().all(|key| key.id == keys[0].id), "{} is one event", file.display());
    normalise::event(RecordKind::Auditd, &keys[0], CONTEXT, &lines)
}

/// go-libaudit's words for actions where ours are others: theirs name what follows (`connected-to ADDRESS`), or less.
const ACTIONS: &[(&str, &str)] = &[
    ("crashed-program", "crashed"),
    ("negotiated-crypto-key", "handled-crypto-key"),
    ("started-crypto-session", "negotiated-crypto-session"),
    ("changed-login-id-to", "changed-login-id"),
    ("changed-promiscuous-mode-on-device", "changed-promiscuous-mode"),
    ("accepted-connection-from", "accepted-connection"),
    ("connected-to", "connected"),
    ("listen-for-connections", "listened"),
    ("error", "caused-account-error"),
];

#[test]
fn events_of_go_libaudit() {
    let Some(dir) = third_party("go-libaudit/events") else { return };
    let (mut differ, mut reasons, mut cases) = (Vec::new(), BTreeSet::new(), 0);
    for golden in files(&dir, ".golden.json") {
        cases += 1;
        let theirs: Value = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap()).unwrap();
        let log = PathBuf::from(golden.to_string_lossy().replace(".golden.json", ".log"));
        let ours = event(&log);
        let name = log.file_stem().unwrap().to_string_lossy().into_owned();
        let mut same = |what: &str, theirs: Option<String>, ours: Option<String>, reason: Option<&'static str>| {
            if theirs == ours {
                return;
            }
            match reason {
                Some(reason) => {
                    reasons.insert(reason);
                }
                None => differ.push(format!("{name} {what}: theirs {theirs:?}, ours {ours:?}")),
            }
        };
        let text = |path: &str| theirs.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let time = chrono::DateTime::parse_from_rfc3339(&text("/@timestamp").unwrap()).unwrap();
        same("time", time.timestamp_nanos_opt().map(|n| n.to_string()), Some(ours.when.event.nanos.to_string()), None);
        same(
            "serial",
            theirs["sequence"].as_u64().map(|n| n.to_string()),
            ours.how.serial.map(|n| n.to_string()),
            None,
        );
        let result = match ours.what.outcome {
            Outcome::Success => "success",
            Outcome::Failure | Outcome::Denied => "fail",
            Outcome::Unknown => "unknown",
        };
        same(
            "result",
            text("/result"),
            Some(result.to_owned()).filter(|result| text("/result").is_some() || result != "unknown"),
            None,
        );
        let login = ours.who.login.clone().unwrap_or_default();
        same("session", text("/session"), Some(login.ses.map_or("unset".to_owned(), |ses| ses.to_string())), None);
        same(
            "auid",
            text("/user/ids/auid"),
            Some(login.auid.map_or("unset".to_owned(), |auid| auid.to_string())),
            None,
        );
        let tags: Vec<String> =
            theirs["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let keys: Vec<String> = ours.why.keys.iter().map(ToString::to_string).collect();
        let reason = match (keys.as_slice(), tags.as_slice()) {
            ([ours], [theirs]) if *ours == format!("key={theirs}") => Some("keys"),
            ([], [tag])
                if ours.what.action.contains("audit-")
                    || ours.what.object.as_ref().is_some_and(|object| {
                        object.name.as_deref().is_some_and(|name| name.ends_with(tag.as_str()))
                    }) =>
            {
                Some("keys of rules")
            }
            ([], [_]) if ours.issues.iter().any(|issue| issue.kind == "lost-separator") => {
                Some("a separator that was lost")
            }
            _ => None,
        };
        same("tags", Some(tags.join(" ")), Some(keys.join(" ")), reason);
        let action = text("/summary/action");
        let done = ours.what.action.replace("tried-to-", "");
        let known =
            ACTIONS.iter().any(|(a, b)| Some(*a) == action.as_deref() && (done == *b || b.starts_with(done.as_str())));
        // What failed was tried; they say it as if it had been done.
        let tried = ours.what.action.starts_with("tried-to-")
            && action.as_deref().is_some_and(|action| action.starts_with(done.as_str()));
        let reason = if known {
            Some("words for actions")
        } else if tried {
            Some("what was only tried")
        } else if action.is_none() {
            Some("calls without an action")
        } else {
            None
        };
        same("action", action, Some(done), reason);
        for (what, ours) in [("pid", ours.how.pid), ("ppid", ours.how.ppid)] {
            same(what, text(&format!("/process/{what}")), ours.map(|pid| pid.to_string()), None);
        }
        same("comm", text("/process/name"), ours.how.comm.as_ref().map(ToString::to_string), None);
        same("exe", text("/process/exe"), ours.how.exe.as_ref().map(ToString::to_string), None);
        same("cwd", text("/process/cwd"), ours.r#where.cwd.as_ref().map(ToString::to_string), None);
        let list = |value: &Value| {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        };
        let argv = Some(ours.how.argv.join(" ")).filter(|argv| !argv.is_empty());
        same("argv", theirs.pointer("/process/args").map(list), argv, None);
        let address = |side: &str| text(&format!("/{side}/ip"));
        let net = ours.how.net.as_deref();
        let ours_from = net.and_then(|net| net.src.clone()).or(ours.who.address.clone()).map(|a| a.to_string());
        same("source", address("source"), ours_from.filter(|_| address("source").is_some()), None);
        same(
            "destination",
            address("destination"),
            net.and_then(|net| net.dst.clone()).map(|a| a.to_string()),
            Some("addresses of the other end").filter(|_| address("destination").is_none()),
        );
        let file = text("/file/path");
        let objects: Vec<&Object> = ours.what.object.iter().chain(&ours.what.objects).collect();
        same(
            "file",
            file.clone(),
            objects.iter().find_map(|object| object.path.clone()).map(|p| p.to_string()).filter(|_| file.is_some()),
            None,
        );
        let paths = theirs["paths"].as_array().map_or(0, Vec::len);
        let ours_paths =
            objects.iter().filter(|object| object.role.is_some() && object.kind.as_deref() != Some("rule")).count();
        same(
            "paths",
            Some(paths.to_string()),
            Some(ours_paths.to_string()).filter(|_| paths > 0 || ours_paths > 0).or(Some("0".to_owned())),
            None,
        );
    }
    assert!(cases >= 30, "{cases} cases");
    settle(&differ, &reasons);
}

#[test]
fn records_of_go_libaudit() {
    let Some(dir) = third_party("go-libaudit/auparse") else { return };
    let (mut differ, mut reasons, mut fields) = (Vec::new(), BTreeSet::new(), 0);
    for golden in files(&dir, ".golden") {
        let theirs: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&golden).unwrap()).unwrap();
        for theirs in &theirs {
            let kind = theirs["record_type"].as_str().unwrap().to_uppercase();
            let line = format!("type={kind} msg={}", theirs["raw_msg"].as_str().unwrap());
            let read = normalise::fields(RecordKind::Auditd, line.as_bytes());
            for (name, value) in theirs["data"].as_object().unwrap() {
                fields += 1;
                let ours_name = |field: &str| field.replace([' ', '-'], "_") == name.replace([' ', '-'], "_");
                let ours: Vec<&str> =
                    read.fields.iter().filter(|(field, _)| ours_name(field)).map(|(_, text)| text.as_str()).collect();
                let meaning = read.meaning.iter().find(|(field, _)| ours_name(field)).map(|(_, text)| text.as_str());
                let theirs = words(value);
                if ours.contains(&theirs.as_str()) || meaning == Some(theirs.as_str()) {
                    continue;
                }
                let field = |wanted: &str| {
                    read.fields.iter().find(|(field, _)| field == wanted).map_or("", |(_, text)| text.as_str())
                };
                let in_brackets = |text: &str| text.strip_suffix(')').unwrap_or(text).to_owned();
                let said = match name.as_str() {
                    "seperms" | "seresult" => field("text").contains(&theirs).then_some("access vectors"),
                    "result" => matches!(
                        (theirs.as_str(), in_brackets(field("res")).as_str(), field("success"), field("result")),
                        ("success", "success" | "1" | "yes", ..)
                            | ("success", _, "yes", _)
                            | ("success", .., "success")
                            | ("fail", "failed" | "0" | "no", ..)
                            | ("fail", _, "no", _)
                            | ("fail", .., "failed")
                    )
                    .then_some("results"),
                    "subj_user" | "subj_role" | "subj_domain" | "subj_level" | "subj_category" => {
                        field("subj").contains(&theirs).then_some("contexts")
                    }
                    "obj_user" | "obj_role" | "obj_domain" | "obj_level" | "obj_category" => {
                        field("obj").contains(&theirs).then_some("contexts")
                    }
                    "addr" | "port" | "socket_addr" | "socket_port" | "family" | "socket_family" | "path" => read
                        .fields
                        .iter()
                        .any(|(name, text)| name == "saddr" && (text.contains(&theirs) || theirs.starts_with("ipv")))
                        .then_some("socket addresses"),
                    _ => None,
                };
                match said {
                    Some(reason) => {
                        reasons.insert(reason);
                    }
                    None => differ.push(format!("{kind} {name}: theirs {theirs:?}, ours {ours:?} {meaning:?}")),
                }
            }
        }
    }
    assert!(fields > 100, "{fields} fields");
    settle(&differ, &reasons);
}

#[test]
fn fields_that_crowdsec_asserts() {
    let Some(dir) = third_party("crowdsec-hub") else { return };
    let log = std::fs::read_to_string(dir.join("auditd-logs__auditd-logs.log")).unwrap();
    let read: Vec<RecordFields> =
        log.lines().map(|line| normalise::fields(RecordKind::Auditd, line.as_bytes())).collect();
    let (mut differ, mut fields) = (Vec::new(), 0);
    for line in std::fs::read_to_string(dir.join("auditd-logs__parser.assert")).unwrap().lines() {
        let Some((at, rest)) =
            line.split_once(r#"["crowdsecurity/auditd-logs"]["#).and_then(|(_, rest)| rest.split_once(']'))
        else {
            continue;
        };
        let Some((name, value)) =
            rest.strip_prefix(r#".Evt.Unmarshaled["auditd"][""#).and_then(|rest| rest.split_once(r#""] == "#))
        else {
            continue;
        };
        // Its record type and stamp are no fields here.
        if matches!(name, "type" | "msg") {
            continue;
        }
        fields += 1;
        let theirs = value.trim_matches('"');
        let ours = read[at.parse::<usize>().unwrap()]
            .fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, text)| text.as_str());
        // Quotes that it keeps are no part of a value.
        if ours != Some(theirs.trim_matches(['\\', '"'])) {
            differ.push(format!("{at} {name}: theirs {theirs:?}, ours {ours:?}"));
        }
    }
    assert!(fields > 60, "{fields} fields");
    settle(&differ, &BTreeSet::new());
}

#[test]
fn fragments_of_oms() {
    let Some(dir) = third_party("oms-auditd-plugin") else { return };
    let bytes = std::fs::read(dir.join("TestEventData.cpp.raw_events.log")).unwrap();
    let mut events: std::collections::BTreeMap<String, Vec<&[u8]>> = std::collections::BTreeMap::new();
    // The last line is what that program sends on, no record.
    for line in bytes.split(|&byte| byte == b'\n').filter(|line| !matches!(line.first(), None | Some(b'['))) {
        let key = normalise::key(RecordKind::Auditd, CONTEXT, line).unwrap();
        events.entry(key.id.to_string()).or_default().push(line);
    }
    assert_eq!(events.len(), 15, "one stamp is there with a node and without");
    for lines in events.values() {
        let key = normalise::key(RecordKind::Auditd, CONTEXT, lines[0]).unwrap();
        let event = normalise::event(RecordKind::Auditd, &key, CONTEXT, lines);
        let count = lines.iter().find_map(|line| {
            let read = normalise::fields(RecordKind::Auditd, line);
            let count = read.fields.iter().find(|(name, _)| name == "argc")?.1.parse::<usize>().ok();
            count.filter(|_| read.record == "EXECVE")
        });
        let told = event.issues.iter().any(|issue| issue.kind.contains("arg"));
        assert!(
            count.is_none_or(|count| count == event.how.argv.len()) || told,
            "{count:?} arguments: {:?} {:?}",
            event.how.argv,
            event.issues
        );
    }
}

#[test]
fn node_logs_of_khi() {
    let Some(dir) = third_party("khi") else { return };
    let mut seen = Vec::new();
    for file in files(&dir, ".yaml").into_iter().filter(|file| file.to_string_lossy().contains("k8s_node")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let message = text.lines().find_map(|line| line.trim_start().strip_prefix("MESSAGE: ")).unwrap();
        let message = message.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')).unwrap_or(message);
        let kind =
            if text.contains("SYSLOG_IDENTIFIER: kubelet") { RecordKind::Kubelet } else { RecordKind::Containerd };
        let key = normalise::key(kind, CONTEXT, message.as_bytes())
            .unwrap_or_else(|bad| panic!("{}: {}", bad.kind, bad.detail));
        let event = normalise::event(kind, &key, CONTEXT, &[message.as_bytes()]);
        let place = &event.r#where;
        let there = [&place.namespace, &place.pod, &place.container_id]
            .map(|part| part.as_deref().unwrap_or("-").chars().take(16).collect::<String>());
        seen.push(format!("{} {}", event.what.action, there.join(" ")));
    }
    assert_eq!(
        seen,
        [
            "created-container - - eea48bce362bdf29",
            "logged - - eea48bce362bdf29",
            "created-sandbox kube-system kube-dns-58f547f e4b03e280958b847",
            "logged kube-system kube-dns-58f547f -",
            "killing-container-with-a-grace-period kube-system kube-dns-58f547f 5e0d5f0eab7a1ee2",
        ]
    );
}

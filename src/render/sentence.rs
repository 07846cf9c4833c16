//! One event as one English sentence: when, who (and who says so), what, with what outcome, where.
//!
//! Nobody is invented: where no login and no user is recorded, the sentence says so. Every value goes through `Word`, so that none can pass for a part of the
//! sentence. Not here: the block of `show` (`detail`), columns (`table`).

use super::{Look, Word};
use crate::normalise::ACCESS;
use crate::query::json::{at, each_text, number, text};
use serde_json::Value;

/// Arguments shown; the rest is counted.
const ARGS_MAX: usize = 32;

/// The sentence, without a line end.
pub fn sentence(event: &Value, look: &Look) -> String {
    let time = text(event, "when.event").map(|time| look.time(&time));
    let time = time.unwrap_or_else(|| "at an unknown time".to_owned());
    let body = match text(event, "source").as_deref() {
        Some("linux") => linux(event),
        Some("self") => own(event),
        Some(source @ ("containerd" | "cri-o" | "docker" | "kubelet")) => daemon(event, source),
        Some("syslog" | "control-plane" | "application") => line(event),
        _ => request(event),
    };
    format!("{time} {body}{}", issues(event))
}

fn word(event: &Value, path: &str) -> Option<String> {
    text(event, path).map(|text| Word(&text).to_string())
}

fn request(event: &Value) -> String {
    let mut out = requester(event);
    if let Some(name) = word(event, "who.as") {
        out.push_str(&format!(" as {name}"));
    }
    out.push_str(": ");
    out.push_str(&word(event, "what.action").unwrap_or_else(|| "an unnamed action".to_owned()));
    match object(event) {
        Some(object) => out.push_str(&format!(" {object}")),
        None => out.extend(word(event, "how.request_uri").map(|uri| format!(" {uri}"))),
    }
    out.push_str(&arguments(event));
    out.push_str(&outcome(event));
    let mut ends = Vec::new();
    ends.extend(word(event, "who.address").map(|address| format!("from {address}")));
    ends.extend(word(event, "where.container").map(|name| format!("container {name}")));
    ends.extend(word(event, "where.cluster").map(|name| format!("cluster {name}")));
    ends.extend(text(event, "why.reason").filter(|_| is_denied(event)).map(|why| format!("reason {}", Word(&why))));
    with_ends(out, &ends)
}

fn requester(event: &Value) -> String {
    let by = word(event, "who.asserted_by").map(|by| format!(", asserted by {by}")).unwrap_or_default();
    let kind = text(event, "who.kind").unwrap_or_default();
    match (word(event, "who.name"), kind.as_ref()) {
        (Some(name), "unset" | "") => format!("{name} (of no known kind{by})"),
        (Some(name), "service_account") => format!("{name} (service account{by})"),
        (Some(name), kind) => format!("{name} ({}{by})", Word(kind)),
        (None, "anonymous") => format!("an anonymous client{by}"),
        (None, _) => "nobody is named".to_owned(),
    }
}

fn linux(event: &Value) -> String {
    let mut out = word(event, "where.node").map(|node| format!("{node}: ")).unwrap_or_default();
    let (who, named) = login(event);
    out.push_str(&who);
    if let Some(acting) = acting(event, named.as_deref()) {
        out.push_str(&format!(" acting as {acting}"));
    }
    out.push_str(if named.is_some() { " " } else { ": " });
    let object = linux_object(event, named.as_deref());
    let deed = deed(event);
    // Without an object there is nothing for the preposition to stand before.
    let bare = ["on", "to", "from", "of", "at", "for"].iter().find_map(|end| deed.strip_suffix(end)?.strip_suffix(' '));
    out.push_str(if object.is_empty() { bare.unwrap_or(&deed) } else { &deed });
    out.push_str(&object);
    out.push_str(&arguments(event));
    out.push_str(&outcome(event));
    let mut ends = Vec::new();
    ends.extend(word(event, "who.address").map(|address| format!("from {address}")));
    // The program that acted, where it is not itself the object.
    let exe = text(event, "how.exe").filter(|exe| text(event, "what.object.path").as_ref() != Some(exe));
    ends.extend(exe.map(|exe| format!("by {}", Word(&exe))));
    ends.extend(number(event, "how.pid").map(|pid| format!("pid {pid}")));
    ends.extend(word(event, "how.tty").filter(|tty| tty != "\"(none)\"").map(|tty| format!("tty {tty}")));
    ends.extend(
        word(event, "where.container").or_else(|| word(event, "where.container_id")).map(|c| format!("container {c}")),
    );
    let keys: Vec<String> = each_text(event, "why.keys").iter().map(|key| Word(key).to_string()).collect();
    if !keys.is_empty() {
        ends.push(format!("key {}", keys.join(" ")));
    }
    with_ends(out, &ends)
}

/// Who stands behind it, and the name if there is one. A uid is not somebody: without a login nobody is named.
fn login(event: &Value) -> (String, Option<String>) {
    let name = text(event, "who.login.name").or_else(|| text(event, "who.name"));
    let by =
        |what: &str| word(event, "who.asserted_by").map(|by| format!("; {what}asserted by {by}")).unwrap_or_default();
    if let Some(auid) = number(event, "who.login.auid") {
        let ses = number(event, "who.login.ses").map(|ses| format!(", ses {ses}")).unwrap_or_default();
        return match name.filter(|name| *name != auid.to_string()) {
            Some(name) => {
                // The number is the kernel's, the name was looked up by auditd.
                let daemon = text(event, "who.asserted_by").as_deref() == Some("daemon");
                let by = by(if daemon { "name " } else { "" });
                (format!("login {} (auid {auid}{ses}{by})", Word(&name)), Some(name.into_owned()))
            }
            None => (format!("login {auid} (auid {auid}{ses}, no name recorded{})", by("")), Some(auid.to_string())),
        };
    }
    let unset = if at(event, "who.login").is_some() { "login unset" } else { "no login recorded" };
    let effective = ["who.effective.name", "who.effective.uid"].iter().any(|path| text(event, path) == name);
    match (name, text(event, "who.kind").as_deref()) {
        (Some(name), Some("login")) => {
            (format!("account {} ({unset}{})", Word(&name), by("")), Some(name.into_owned()))
        }
        (Some(name), Some("uid")) if !effective => {
            (format!("uid {} ({unset}{})", Word(&name), by("")), Some(name.into_owned()))
        }
        (Some(name), kind) if kind != Some("uid") => {
            (format!("{} ({unset}{})", Word(&name), by("")), Some(name.into_owned()))
        }
        _ => (format!("nobody is named ({unset})"), None),
    }
}

/// The effective identity, where it is another than the one just named.
fn acting(event: &Value, named: Option<&str>) -> Option<String> {
    let name = text(event, "who.effective.name");
    let uid = number(event, "who.effective.uid");
    let same_name = name.is_some() && name.as_deref() == named;
    let same_uid = name.is_none() && uid.is_some() && uid == number(event, "who.login.auid");
    if same_name || same_uid {
        return None;
    }
    name.map(|name| Word(&name).to_string()).or_else(|| uid.map(|uid| format!("uid {uid}")))
}

/// What was done, in the words of the action (`executed`, `tried-to-open-file`), with the preposition that its object needs.
fn deed(event: &Value) -> String {
    let action = text(event, "what.action").unwrap_or_default();
    let ours = !action.is_empty() && action.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c));
    if !ours {
        return if action.is_empty() { "did something unnamed to".to_owned() } else { Word(&action).to_string() };
    }
    let words = action.replace(['-', '_'], " ");
    if words.starts_with("syscall ") {
        return format!("made {words} on");
    }
    let preposition = PREPOSITIONS.iter().find(|(ends, _)| ends.iter().any(|end| words.ends_with(end)));
    format!("{words}{}", preposition.map(|(_, preposition)| *preposition).unwrap_or_default())
}

const PREPOSITIONS: &[(&[&str], &str)] = &[
    (&["connected", "connect", "sent", "send", "signal", "bound", "bind"], " to"),
    (&["connection", "received", "receive"], " from"),
    (&["listened", "listen", "mode"], " on"),
    (&["permissions", "owner", "times", "attributes"], " of"),
    (&["policy"], " at"),
    (&["session", "credentials"], " for"),
];

/// What it was done to; an account that has just been named is not named again.
fn linux_object(event: &Value, named: Option<&str>) -> String {
    let net = peer(event);
    let main = word(event, "what.object.path").or_else(|| net.clone()).or_else(|| {
        text(event, "what.object.name").filter(|name| Some(name.as_ref()) != named).map(|name| Word(&name).to_string())
    });
    let main = main.or_else(|| word(event, "what.object.inode").map(|inode| format!("inode {inode}")));
    let mut out = main.map(|main| format!(" {main}")).unwrap_or_default();
    let others = at(event, "what.objects").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let renamed = text(event, "what.action").is_some_and(|action| action.contains("renam"));
    let new = others.iter().find(|object| text(object, "role").as_deref() == Some("CREATE"));
    if renamed && let Some(new) = new.and_then(|object| word(object, "path")) {
        out.push_str(&format!(" to {new}"));
    }
    out
}

fn peer(event: &Value) -> Option<String> {
    let end = |address: &str, port: &str| {
        let address = text(event, address)?;
        let shown = Word(&address).to_string();
        Some(match number(event, port) {
            Some(port) if address.contains(':') => format!("[{shown}]:{port}"),
            Some(port) => format!("{shown}:{port}"),
            None => shown,
        })
    };
    match (end("how.net.src", "how.net.sport"), end("how.net.dst", "how.net.dport")) {
        (Some(src), Some(dst)) => Some(format!("{src} -> {dst}")),
        (None, dst) => dst,
        (src, None) => src,
    }
}

fn own(event: &Value) -> String {
    let action = word(event, "what.action").unwrap_or_else(|| "an unnamed event".to_owned());
    if let Some(access) = text(event, "what.action").as_deref().and_then(|action| action.strip_prefix(ACCESS)) {
        return asked(event, access);
    }
    let mut out = format!("deponent recorded: {action}");
    out.extend(object(event).map(|object| format!(" {object}")));
    out.extend(word(event, "where.node").map(|node| format!(", node {node}")));
    out
}

/// Who asked deponent what.
fn asked(event: &Value, access: &str) -> String {
    let who = word(event, "who.name").unwrap_or_else(|| "somebody without a name".to_owned());
    let did = match access {
        "login" => "came",
        "query" => "asked",
        "read" => "read",
        "export" => "exported",
        "prove" => "took proofs of",
        "tail" => "follows",
        "operate" => "changed",
        "denied" => "was refused",
        _ => "did something of a kind that this version does not know",
    };
    let mut out = format!("{who} {did}: {}", word(event, "what.message").unwrap_or_default());
    out.extend(word(event, "who.address").map(|address| format!(", from {address}")));
    out.extend(word(event, "how.request_uri").map(|route| format!(", by {route}")));
    out
}

/// A line of a daemon of the node: it names nobody, and tells of containers, execs and sessions.
fn daemon(event: &Value, source: &str) -> String {
    let node = word(event, "where.node").map(|node| format!("{node}: ")).unwrap_or_default();
    let action = text(event, "what.action").unwrap_or("an unnamed event".into());
    let ours = action.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c));
    let action = if ours { action.replace(['-', '_'], " ") } else { Word(&action).to_string() };
    let mut out = format!("{node}{source} recorded: {action}");
    out.extend(object(event).map(|object| format!(" {object}")));
    out.push_str(&arguments(event));
    if text(event, "what.outcome").is_some_and(|outcome| outcome != "unknown") {
        out.push_str(&outcome(event));
    }
    let mut ends = Vec::new();
    let pod = (word(event, "where.namespace"), word(event, "where.pod"));
    ends.extend(pod.0.zip(pod.1).map(|(namespace, pod)| format!("pod {namespace}/{pod}")));
    for (name, path) in [
        ("container", "where.container"),
        ("container id", "where.container_id"),
        ("exec id", "how.exec_id"),
        ("pid", "how.pid"),
        ("uri", "how.request_uri"),
    ] {
        ends.extend(word(event, path).map(|value| format!("{name} {value}")));
    }
    with_ends(out, &ends)
}

/// A line of a program: what it said that somebody did, a packet that a rule logged, or its text.
fn line(event: &Value) -> String {
    let node = word(event, "where.node").map(|node| format!("{node}: ")).unwrap_or_default();
    let program = word(event, "how.comm").or_else(|| container(event));
    let program = program.unwrap_or_else(|| "an unnamed program".to_owned());
    match text(event, "what.action").as_deref() {
        Some("logged") => {
            let said = word(event, "what.message").unwrap_or_default();
            format!("{node}{program} said: {said}")
        }
        Some("logged-packet") => {
            let rule =
                at(event, "why.keys").and_then(Value::as_array).and_then(|keys| keys.first()).and_then(Value::as_str);
            let rule = rule.map_or("a rule without a name".to_owned(), |rule| format!("rule {}", Word(rule)));
            let mut out = format!("{node}{rule} logged a packet {}", peer(event).unwrap_or_default());
            out.push_str(&word(event, "how.net.proto").map(|proto| format!(" ({proto})")).unwrap_or_default());
            if text(event, "what.outcome").is_some_and(|outcome| outcome != "unknown") {
                out.push_str(&outcome(event));
            }
            out
        }
        _ => format!("{node}{program} recorded: {}", request(event)),
    }
}

/// `container app of pod shop/web-1`, as far as it is known.
fn container(event: &Value) -> Option<String> {
    let name = word(event, "where.container").or_else(|| word(event, "where.container_id"))?;
    let pod = word(event, "where.namespace").zip(word(event, "where.pod"));
    let pod = pod.map(|(namespace, pod)| format!(" of pod {namespace}/{pod}")).unwrap_or_default();
    Some(format!("container {name}{pod}"))
}

/// The object of a request: kind, namespace/name or path.
pub(super) fn object(event: &Value) -> Option<String> {
    let kind = word(event, "what.object.kind");
    let name = word(event, "what.object.name");
    let namespace = word(event, "what.object.namespace");
    let named = match (namespace, name) {
        (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
        (Some(namespace), None) => Some(format!("in namespace {namespace}")),
        (None, name) => name,
    };
    let named = named.or_else(|| word(event, "what.object.path"));
    let parts: Vec<String> = kind.into_iter().chain(named).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// ` [sh -c id]`, or nothing.
fn arguments(event: &Value) -> String {
    let args = each_text(event, "how.argv");
    if args.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = args.iter().take(ARGS_MAX).map(|arg| Word(arg).to_string()).collect();
    let more = match args.len().saturating_sub(ARGS_MAX) {
        0 => String::new(),
        more => format!(" …(+{more} arguments)"),
    };
    format!(" [{}{more}]", shown.join(" "))
}

fn is_denied(event: &Value) -> bool {
    text(event, "what.outcome").as_deref() == Some("denied")
}

fn outcome(event: &Value) -> String {
    let outcome = word(event, "what.outcome").unwrap_or_else(|| "unknown".to_owned());
    // An errno is shown as the kernel gave it: `-13 EACCES`, two words that are ours.
    let code = text(event, "what.code").map(|code| {
        let errno = code.split_once(' ').is_some_and(|(number, name)| {
            number.parse::<i64>().is_ok() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        });
        if errno { format!(" {code}") } else { format!(" {}", Word(&code)) }
    });
    format!(" -> {outcome}{}", code.unwrap_or_default())
}

fn with_ends(mut out: String, ends: &[String]) -> String {
    for end in ends {
        out.push_str(", ");
        out.push_str(end);
    }
    out
}

fn issues(event: &Value) -> String {
    let items = at(event, "issues").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut kinds: Vec<String> = items.iter().filter_map(|issue| word(issue, "kind")).collect();
    kinds.dedup();
    if kinds.is_empty() { String::new() } else { format!("; issues: {}", kinds.join(", ")) }
}

//! Events as ECS (Elastic Common Schema) documents.
//!
//! Every field but those under `deponent.` is one of ECS. Impersonation: `user` is who was authenticated, `user.effective` whom they acted as.
//! Not here: the events' own JSON (`query::json`), OCSF (`ocsf`).

use super::deed::{Change, Deed, File, Log, Net, deed};
use super::out::{Out, base_name, command_line, ip};
use super::said;
use crate::query::json::{at, each_text, number, text};
use serde_json::Value;

const ECS_VERSION: &str = "9.0.0";

/// Parts of our own JSON without a place in ECS, kept under `deponent.`.
const OWN: &[&str] = &[
    "who.kind",
    "who.asserted_by",
    "who.as",
    "who.credential",
    "who.login",
    "what.object",
    "what.objects",
    "what.outcome",
    "what.code",
    "where.boot",
    "how.syscall",
    "how.args",
    "how.exec_id",
    "how.tty",
    "how.verb",
    "how.audit_id",
    "how.stages",
    "why.keys",
    "issues",
    "evidence",
];

/// The event as an ECS document.
pub fn ecs(event: &Value) -> Value {
    let deed = deed(event);
    let mut out = Out::default();
    out.text("@timestamp", text(event, "when.event"));
    out.set("ecs.version", ECS_VERSION);
    about(event, deed, &mut out);
    user(event, &mut out);
    place(event, &mut out);
    process(event, &mut out);
    match deed {
        Deed::Api => request(event, &mut out),
        Deed::Http => http(event, &mut out),
        Deed::Net(_) => {}
        _ => file(event, &mut out),
    }
    target(event, deed, &mut out);
    network(event, &mut out);
    related(event, deed, &mut out);
    for path in OWN {
        out.set_some(&format!("deponent.{path}"), at(event, path).cloned());
    }
    if is_sudo(event) {
        // The command is `process`; who wrote the line is sudo.
        out.set_some("deponent.how.pid", number(event, "how.pid"));
        out.text("deponent.how.comm", text(event, "how.comm"));
    }
    out.value()
}

fn about(event: &Value, deed: Deed, out: &mut Out) {
    out.text("event.id", text(event, "id"));
    out.set("event.kind", "event");
    let (category, kind) = sort(event, deed);
    out.set_some("event.category", category.map(|category| vec![category]));
    let denied = text(event, "what.outcome").as_deref() == Some("denied");
    let allowed = matches!(deed, Deed::Net(_)) && text(event, "how.net.verdict").as_deref() == Some("accept");
    let of_whom = match deed {
        Deed::Account(_) | Deed::Access { .. } => Some("user"),
        Deed::Group(_) => Some("group"),
        _ => None,
    };
    let verdict = denied.then_some("denied").or(allowed.then_some("allowed"));
    let kinds: Vec<&str> = std::iter::once(kind).chain(of_whom).chain(verdict).collect();
    out.set("event.type", kinds);
    out.text("event.action", text(event, "what.action"));
    // ECS knows no `denied` outcome.
    out.set(
        "event.outcome",
        match text(event, "what.outcome").as_deref() {
            Some("success") => "success",
            Some("failure" | "denied") => "failure",
            _ => "unknown",
        },
    );
    out.text("event.code", text(event, "what.code"));
    out.text("event.reason", text(event, "why.reason"));
    out.text("event.ingested", text(event, "when.received"));
    if text(event, "when.end").is_some() {
        out.text("event.start", text(event, "when.event"));
        out.text("event.end", text(event, "when.end"));
    }
    out.set("event.module", "deponent");
    out.text("event.provider", text(event, "source"));
    let keys: Vec<String> = each_text(event, "why.keys").into_iter().map(std::borrow::Cow::into_owned).collect();
    if said::is_line(event) {
        out.text("log.level", said::field(event, "level"));
    }
    out.set_some("rule.name", (!keys.is_empty()).then_some(keys));
}

/// Category and type; only values that ECS allows together.
fn sort(event: &Value, deed: Deed) -> (Option<&'static str>, &'static str) {
    match deed {
        Deed::Api => {
            let verb = text(event, "how.verb").or_else(|| text(event, "what.action")).unwrap_or_default();
            let kind = match verb.to_ascii_lowercase().as_str() {
                "create" | "created" | "post" => "creation",
                "update" | "updated" | "recreated" | "patch" | "put" | "apply" => "change",
                "delete" | "deletecollection" | "removed" | "deleting" => "deletion",
                _ => "access",
            };
            (Some("configuration"), kind)
        }
        Deed::Exec | Deed::Command => (Some("process"), "start"),
        Deed::End => (Some("process"), "end"),
        Deed::SetUser => (Some("process"), "change"),
        Deed::Process => (Some("process"), "info"),
        Deed::File(File::Create) => (Some("file"), "creation"),
        Deed::File(File::Delete) => (Some("file"), "deletion"),
        Deed::File(File::Open | File::Read | File::ReadAttributes | File::ReadSecurity) => (Some("file"), "access"),
        Deed::File(File::Other) => (Some("file"), "info"),
        Deed::File(_) => (Some("file"), "change"),
        Deed::Logon => (Some("authentication"), "start"),
        Deed::Logoff => (Some("authentication"), "end"),
        Deed::Session => (Some("authentication"), "info"),
        Deed::Switch if is_sudo(event) => (Some("process"), "start"),
        Deed::Switch => (Some("authentication"), "start"),
        Deed::Http => (Some("web"), "access"),
        Deed::Account(Change::Create) | Deed::Group(Change::Create) => (Some("iam"), "creation"),
        Deed::Account(Change::Delete) | Deed::Group(Change::Delete) => (Some("iam"), "deletion"),
        Deed::Account(_) | Deed::Group(_) | Deed::Access { .. } => (Some("iam"), "change"),
        Deed::Net(Net::Connect | Net::Accept) => (Some("network"), "connection"),
        // The type is that of what was tried; that it was denied stands beside it.
        Deed::Net(Net::Refuse) => (Some("network"), "connection"),
        Deed::Net(Net::Listen | Net::Traffic) => (Some("network"), "info"),
        Deed::Net(Net::Close) => (Some("network"), "end"),
        Deed::Module { load: true } => (Some("driver"), "start"),
        Deed::Module { load: false } => (Some("driver"), "end"),
        Deed::Log(Log::Change | Log::Disable | Log::Enable) => (Some("configuration"), "change"),
        Deed::Log(_) | Deed::Other => (None, "info"),
    }
}

fn user(event: &Value, out: &mut Out) {
    let is_uid = text(event, "who.kind").is_some_and(|kind| kind == "uid");
    if is_uid && said::is_line(event) {
        // Its number is all that a line says of a caller; the other uid there is not theirs.
        out.text("user.id", text(event, "who.name"));
    } else {
        out.text("user.name", text(event, "who.name"));
        // A uid without a login is the process's own.
        let uid = text(event, "who.effective.uid").filter(|_| is_uid);
        out.text("user.id", text(event, "who.login.auid").or(uid));
    }
    let groups: Vec<String> = each_text(event, "who.groups").into_iter().map(std::borrow::Cow::into_owned).collect();
    out.set_some("user.group.name", (!groups.is_empty()).then_some(groups));
    out.text("user.effective.name", text(event, "who.as").or_else(|| text(event, "who.effective.name")));
    out.text("user.effective.id", text(event, "who.effective.uid"));
    out.text("user.effective.group.id", text(event, "who.effective.gid"));
}

fn place(event: &Value, out: &mut Out) {
    out.text("host.name", text(event, "where.node"));
    out.text("host.boot.id", text(event, "where.boot"));
    out.text("orchestrator.cluster.name", text(event, "where.cluster"));
    out.text("orchestrator.namespace", text(event, "where.namespace"));
    out.text("container.name", text(event, "where.container"));
    out.text("container.id", text(event, "where.container_id"));
    out.text("container.image.name", text(event, "where.image"));
    if let Some(pod) = text(event, "where.pod").filter(|_| said::is_line(event)) {
        out.set("orchestrator.type", "kubernetes");
        out.set("orchestrator.resource.type", "pod");
        out.set("orchestrator.resource.name", pod.as_ref());
        out.text("orchestrator.resource.id", text(event, "where.pod_uid"));
    }
}

/// Whether the event is a line of sudo, of the command that it ran.
fn is_sudo(event: &Value) -> bool {
    text(event, "source").as_deref() == Some("syslog") && text(event, "what.object.kind").as_deref() == Some("command")
}

/// Who an account or a group is that was changed.
fn target(event: &Value, deed: Deed, out: &mut Out) {
    let path = match deed {
        Deed::Account(_) | Deed::Access { .. } => "user.target",
        Deed::Group(_) => "group",
        _ => return,
    };
    out.text(&format!("{path}.name"), text(event, "what.object.name"));
    out.text(&format!("{path}.id"), text(event, "what.object.uid"));
}

fn process(event: &Value, out: &mut Out) {
    if is_sudo(event) {
        let exe = text(event, "how.exe");
        out.text("process.executable", exe.clone());
        out.set_some("process.name", exe.as_deref().map(base_name));
        out.text("process.command_line", text(event, "what.object.name"));
        out.text("process.working_directory", text(event, "where.cwd"));
        return;
    }
    out.set_some("process.pid", number(event, "how.pid"));
    out.set_some("process.parent.pid", number(event, "how.ppid"));
    out.text("process.executable", text(event, "how.exe"));
    out.text("process.name", text(event, "how.comm"));
    let args = each_text(event, "how.argv");
    out.set_some("process.command_line", command_line(&args));
    if !args.is_empty() {
        out.set("process.args_count", args.len());
        out.set("process.args", args.into_iter().map(std::borrow::Cow::into_owned).collect::<Vec<_>>());
    }
    out.text("process.working_directory", text(event, "where.cwd"));
}

fn request(event: &Value, out: &mut Out) {
    out.set("orchestrator.type", "kubernetes");
    out.text("orchestrator.resource.type", text(event, "what.object.kind"));
    out.text("orchestrator.resource.name", text(event, "what.object.name"));
    out.text("orchestrator.resource.id", text(event, "what.object.uid"));
    if text(event, "where.namespace").is_none() {
        out.text("orchestrator.namespace", text(event, "what.object.namespace"));
    }
    url(event, out);
}

/// A request of HTTP; the verbs of the Kubernetes API are not its methods.
fn http(event: &Value, out: &mut Out) {
    out.text("http.request.method", text(event, "how.verb"));
    url(event, out);
    if text(event, "source").as_deref() == Some("application") {
        let field = |name: &str| said::field(event, name).filter(|value| value != "-");
        out.text("http.request.referrer", field("referer"));
        out.set_some("http.response.body.bytes", field("bytes").and_then(|bytes| bytes.parse::<u32>().ok()));
        let version = field("protocol").and_then(|protocol| Some(protocol.strip_prefix("HTTP/")?.to_owned()));
        out.set_some("http.version", version);
    }
}

fn url(event: &Value, out: &mut Out) {
    out.text("user_agent.original", text(event, "how.user_agent"));
    if let Some(uri) = text(event, "how.request_uri") {
        let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
        out.set("url.original", uri.as_ref());
        out.set("url.path", path);
        out.set_some("url.query", (!query.is_empty()).then_some(query));
    }
    let status = text(event, "what.code").and_then(|code| code.parse::<u32>().ok());
    out.set_some("http.response.status_code", status);
}

fn file(event: &Value, out: &mut Out) {
    let Some(path) = text(event, "what.object.path") else { return };
    out.set("file.path", path.as_ref());
    out.set("file.name", base_name(&path));
    out.text(
        "file.inode",
        text(event, "what.object.inode").and_then(|inode| Some(inode.rsplit('/').next()?.to_owned().into())),
    );
}

fn network(event: &Value, out: &mut Out) {
    let mut side = |name: &str, addresses: [&str; 2], port: &str| {
        if let Some(address) = addresses.iter().find_map(|path| text(event, path)) {
            out.set(&format!("{name}.address"), address.as_ref());
            out.set_some(&format!("{name}.ip"), ip(&address));
        }
        out.set_some(&format!("{name}.port"), number(event, port));
    };
    side("source", ["how.net.src", "who.address"], "how.net.sport");
    side("destination", ["how.net.dst", "how.net.dst"], "how.net.dport");
    let proto = text(event, "how.net.proto");
    let transport = proto.as_deref().and_then(transport);
    match transport {
        Some(transport) => out.set("network.transport", transport),
        None => out.text("network.protocol", proto),
    }
    let side = if leaves(event) { "egress" } else { "ingress" };
    out.text(&format!("observer.{side}.interface.name"), text(event, "how.net.interface"));
}

/// The transport of that name, in the names that ECS asks for (IANA's).
fn transport(proto: &str) -> Option<&'static str> {
    let known = [
        ("tcp", "tcp"),
        ("udp", "udp"),
        ("udplite", "udplite"),
        ("sctp", "sctp"),
        ("dccp", "dccp"),
        ("icmp", "icmp"),
        ("icmpv6", "ipv6-icmp"),
        ("igmp", "igmp"),
        ("gre", "gre"),
        ("esp", "esp"),
        ("ah", "ah"),
    ];
    known.iter().find(|(name, _)| *name == proto).map(|(_, name)| *name)
}

/// Whether the interface of a packet that a firewall logged is the one that it leaves by: it came in by none.
fn leaves(event: &Value) -> bool {
    if text(event, "source").as_deref() != Some("syslog") {
        return false;
    }
    let of_ulogd = said::field(event, "oob.out").is_some() && said::field(event, "oob.in").is_none();
    of_ulogd || text(event, "what.message").is_some_and(|message| message.contains("IN= OUT="))
}

fn related(event: &Value, deed: Deed, out: &mut Out) {
    let all = |paths: &[&str], keep: fn(&str) -> bool| {
        let mut found: Vec<String> = Vec::new();
        for value in paths.iter().filter_map(|path| text(event, path)).filter(|value| keep(value)) {
            if !found.iter().any(|other| *other == *value) {
                found.push(value.into_owned());
            }
        }
        (!found.is_empty()).then_some(found)
    };
    let users = ["who.name", "who.as", "who.login.name", "who.effective.name", "what.object.name"];
    let of_object = matches!(deed, Deed::Account(_) | Deed::Access { .. });
    let users = users.get(..if of_object { 5 } else { 4 }).unwrap_or_default();
    out.set_some("related.user", all(users, |_| true));
    out.set_some("related.ip", all(&["who.address", "how.net.src", "how.net.dst"], |value| ip(value).is_some()));
}

#[cfg(test)]
mod tests {
    use super::super::cases;
    use super::*;
    use crate::model::Event;
    use crate::query::json::{JsonOptions, line};
    use crate::query::samples::{self, HOSTILE, has_hidden};

    fn export(event: &Event) -> Value {
        ecs(&crate::query::json::event(event, &JsonOptions::default()))
    }

    #[test]
    fn an_execution_word_for_word() {
        let expected = r#"{"@timestamp":"2026-11-23T20:57:42.452Z","ecs":{"version":"9.0.0"},"event":{"id":"a4dqobyha4dqobyha4dqobyha4","kind":"event","category":["process"],"type":["start"],"action":"executed","outcome":"success","code":"0","module":"deponent","provider":"linux"},"rule":{"name":["audit-docker"]},"user":{"name":"bob","id":"1502","effective":{"name":"root","id":"0","group":{"id":"0"}}},"host":{"name":"node-1","boot":{"id":"9a3e9c2a-0000-4000-8000-0123456789ab"}},"process":{"pid":24100,"parent":{"pid":24089},"executable":"/usr/bin/docker","name":"docker","command_line":"docker run --name 'a b' ''","args_count":5,"args":["docker","run","--name","a b",""],"working_directory":"/home/bob"},"file":{"path":"/usr/bin/docker","name":"docker","inode":"1234"},"related":{"user":["bob","root"]},"deponent":{"who":{"kind":"login","asserted_by":"kernel","login":{"auid":1502,"name":"bob","ses":5}},"what":{"object":{"kind":"file","path":"/usr/bin/docker","inode":"fe:00/1234","role":"NORMAL"},"objects":[{"kind":"file","path":"/lib64/ld-linux-x86-64.so.2"}],"outcome":"success","code":"0"},"where":{"boot":"9a3e9c2a-0000-4000-8000-0123456789ab"},"how":{"syscall":"execve","args":{"a0":"5581","a1":"0"},"tty":"pts0"},"why":{"keys":["audit-docker"]},"evidence":[{"leaf":12,"record":3}]}}"#;
        assert_eq!(line(&export(&samples::execve())), expected);
    }

    #[test]
    fn requests_and_outcomes() {
        let out = export(&samples::k8s_denied());
        let check = |path: &str, expected: &str| assert_eq!(text(&out, path).as_deref(), Some(expected), "{path}");
        check("event.outcome", "failure");
        check("deponent.what.outcome", "denied");
        check("http.response.status_code", "403");
        check("source.ip", "2001:db8::7");
        check("orchestrator.resource.type", "clusterrolebindings");
        assert_eq!(line(&out["event"]["type"]), r#"["creation","denied"]"#);
        let exec = export(&samples::k8s_exec());
        assert_eq!(line(&exec["related"]), r#"{"user":["alice@example.com","bob"],"ip":["10.0.0.9"]}"#);
        assert_eq!(text(&exec, "user.effective.name").as_deref(), Some("bob"));
    }

    #[test]
    fn lines_of_daemons_and_applications() {
        let cases = cases::lines();
        let check = |name: &str, sort: &str, expected: &[(&str, &str)]| {
            let (_, event) = cases.iter().find(|(known, _)| *known == name).unwrap();
            let out = ecs(event);
            let of = |part: &str| out["event"].get(part).map_or(String::new(), line);
            assert_eq!(format!("{} {}", of("category"), of("type")), sort, "{name}");
            for (path, value) in expected {
                let found = text(&out, path);
                assert_eq!(found.as_deref().unwrap_or(""), *value, "{path} of {name}");
            }
        };
        let source = ("source.ip", "198.51.100.77");
        check("login", r#"["authentication"] ["start"]"#, &[("user.name", "bob"), ("source.port", "4242")]);
        check("session_end", r#"["authentication"] ["end"]"#, &[("user.effective.name", "root")]);
        let command = [("process.name", "id"), ("process.command_line", "/usr/bin/id -u"), ("process.pid", "")];
        check("sudo", r#"["process"] ["start"]"#, &command);
        check("sudo", r#"["process"] ["start"]"#, &[("deponent.how.pid", "77"), ("deponent.how.comm", "sudo")]);
        let refused = [("user.name", "bob"), ("user.effective.name", "root"), ("event.outcome", "failure")];
        check("sudo_refused", r#"["process"] ["start","denied"]"#, &refused);
        let session = [("user.id", "1502"), ("user.name", ""), ("user.effective.id", "0")];
        check("sudo_session", r#"["authentication"] ["start"]"#, &session);
        check("user_added", r#"["iam"] ["creation","user"]"#, &[("user.target.name", "eve"), ("user.name", "")]);
        check("group_deleted", r#"["iam"] ["deletion","group"]"#, &[("group.name", "ops")]);
        check("etcd_grant", r#"["iam"] ["change","user"]"#, &[("user.target.name", "backup"), ("log.level", "")]);
        let packet = [source, ("destination.port", "22"), ("network.transport", "tcp"), ("network.protocol", "")];
        check("packet_dropped", r#"["network"] ["info","denied"]"#, &packet);
        check("packet_dropped", r#"["network"] ["info","denied"]"#, &[("observer.ingress.interface.name", "eth0")]);
        check("packet", r#"["network"] ["info"]"#, &[("observer.egress.interface.name", "eth0")]);
        check("packet_accepted", r#"["network"] ["info","allowed"]"#, &[("event.outcome", "success")]);
        check("etcd_refused", r#"["network"] ["connection","denied"]"#, &[source]);
        let access = [("http.request.method", "DELETE"), ("http.version", "1.1"), ("http.response.body.bytes", "9")];
        check("access", r#"["web"] ["access","denied"]"#, &access);
        let access = [("url.path", "/orders/17"), ("url.query", "x=1"), ("http.response.status_code", "403")];
        check("access", r#"["web"] ["access","denied"]"#, &access);
        let pod =
            [("orchestrator.resource.type", "pod"), ("orchestrator.resource.name", "web-1"), ("log.level", "info")];
        check("access", r#"["web"] ["access","denied"]"#, &pod);
        check("recovered", r#"["configuration"] ["deletion","denied"]"#, &[("http.request.method", "")]);
        check("httplog_list", r#"["configuration"] ["access"]"#, &[("http.response.status_code", "200")]);
        check("own_role", r#"["configuration"] ["creation"]"#, &[("orchestrator.resource.name", "admin")]);
        check("lost", r#" ["info"]"#, &[]);
        check("container", r#" ["info"]"#, &[("container.name", "proxy")]);
    }

    #[test]
    fn nothing_invisible_leaves() {
        for (name, text) in HOSTILE {
            for event in cases::hostile(text) {
                assert!(!has_hidden(&line(&export(&event))), "{name}");
            }
        }
    }
}

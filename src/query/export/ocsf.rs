//! Events as OCSF: one class for each sort of action, checked against the published schema by `tests/ocsf/validate.py`.
//!
//! Inside: the class and activity of each deed, the attributes that all classes share; `class`, `iam` and `net` fill in each class, `parts` the objects.
//! What a class requires and an event does not hold makes it a base event (class 0), never an invention; where the schema leaves no such choice, and where
//! a failed authentication names nobody, the text is `unknown`. `src_endpoint.ip` is the last of a request's source addresses, the only one that the client cannot choose.
//! What has no place in the schema stands under `unmapped`, by its path in our own JSON; the raw record does not leave here.
//! Not here: the events' own JSON (`query::json`).

mod class;
mod iam;
#[cfg(test)]
mod line_tests;
mod net;
mod parts;
#[cfg(test)]
mod tests;

use super::deed::{Change, Deed, File, Log, Net, deed};
use super::out::Out;
use super::said;
use crate::query::json::{at, each_text, text};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The version of the schema that events are written for.
pub const OCSF_VERSION: &str = "1.8.0";

/// The event as an OCSF event.
pub fn ocsf(event: &Value) -> Value {
    let deed = deed(event);
    let shape = shape(event, deed);
    let filled = class::fill(event, deed, shape.class);
    // The class asks for something that the records do not say.
    match filled {
        Some(filled) => finish(event, shape, filled),
        None => finish(event, BASE, class::base(event)),
    }
}

/// Class and activity.
#[derive(Debug, Clone, Copy)]
struct Shape {
    class: Class,
    activity: u64,
    activity_name: &'static str,
}

/// The classes that events are sorted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Base = 0,
    File = 1001,
    Module = 1005,
    Process = 1007,
    Log = 1008,
    Account = 3001,
    Authentication = 3002,
    Access = 3005,
    Group = 3006,
    Network = 4001,
    Http = 4002,
    Api = 6003,
}

impl Class {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Class::Base => ("Base Event", "Uncategorized"),
            Class::File => ("File System Activity", "System Activity"),
            Class::Module => ("Module Activity", "System Activity"),
            Class::Process => ("Process Activity", "System Activity"),
            Class::Log => ("Event Log Activity", "System Activity"),
            Class::Account => ("Account Change", "Identity & Access Management"),
            Class::Authentication => ("Authentication", "Identity & Access Management"),
            Class::Access => ("User Access Management", "Identity & Access Management"),
            Class::Group => ("Group Management", "Identity & Access Management"),
            Class::Network => ("Network Activity", "Network Activity"),
            Class::Http => ("HTTP Activity", "Network Activity"),
            Class::Api => ("API Activity", "Application Activity"),
        }
    }
}

const BASE: Shape = Shape { class: Class::Base, activity: 99, activity_name: OTHER };
/// Stands for the event's own action: OCSF asks for the source's own name of an activity that it has none for.
const OTHER: &str = "";

fn shape(event: &Value, deed: Deed) -> Shape {
    let of = |class, activity, activity_name| Shape { class, activity, activity_name };
    match deed {
        Deed::Api => {
            let (activity, name) = api_activity(event);
            of(Class::Api, activity, name)
        }
        Deed::Http => {
            let (activity, name) = net::http_activity(event);
            of(Class::Http, activity, name.unwrap_or(OTHER))
        }
        Deed::Exec | Deed::Command => of(Class::Process, 1, "Launch"),
        Deed::SetUser => of(Class::Process, 5, "Set User ID"),
        Deed::End => of(Class::Process, 2, "Terminate"),
        Deed::Process => of(Class::Process, 99, OTHER),
        Deed::File(file) => {
            let (activity, name) = file_activity(file);
            of(Class::File, activity, name)
        }
        Deed::Logon => of(Class::Authentication, 1, "Logon"),
        Deed::Logoff => of(Class::Authentication, 2, "Logoff"),
        Deed::Session => of(Class::Authentication, 99, OTHER),
        Deed::Switch => of(Class::Authentication, 7, "Account Switch"),
        Deed::Access { grant: true } => of(Class::Access, 1, "Assign Privileges"),
        Deed::Access { grant: false } => of(Class::Access, 2, "Revoke Privileges"),
        Deed::Account(change) => match change {
            Change::Create => of(Class::Account, 1, "Create"),
            Change::Password => of(Class::Account, 3, "Password Change"),
            Change::Delete => of(Class::Account, 6, "Delete"),
            Change::Lock => of(Class::Account, 9, "Lock"),
            Change::Unlock => of(Class::Account, 12, "Unlock"),
            Change::Other => of(Class::Account, 99, OTHER),
        },
        Deed::Group(change) => match change {
            Change::Create => of(Class::Group, 6, "Create"),
            Change::Delete => of(Class::Group, 5, "Delete"),
            _ => of(Class::Group, 99, OTHER),
        },
        Deed::Net(net) => match (net, text(event, "what.outcome").as_deref()) {
            (Net::Connect, Some("denied")) => of(Class::Network, 5, "Refuse"),
            (Net::Connect, Some("failure")) => of(Class::Network, 4, "Fail"),
            (Net::Connect | Net::Accept, _) => of(Class::Network, 1, "Open"),
            (Net::Listen, _) => of(Class::Network, 7, "Listen"),
            (Net::Traffic, _) => of(Class::Network, 6, "Traffic"),
            (Net::Refuse, _) => of(Class::Network, 5, "Refuse"),
            (Net::Close, _) => of(Class::Network, 2, "Close"),
        },
        Deed::Module { load: true } => of(Class::Module, 1, "Load"),
        Deed::Module { load: false } => of(Class::Module, 2, "Unload"),
        Deed::Log(log) => match log {
            Log::Clear => of(Class::Log, 1, "Clear"),
            Log::Rotate => of(Class::Log, 5, "Rotate"),
            Log::Start => of(Class::Log, 6, "Start"),
            Log::Stop => of(Class::Log, 7, "Stop"),
            Log::Enable => of(Class::Log, 9, "Enable"),
            Log::Disable => of(Class::Log, 10, "Disable"),
            Log::Gap | Log::Change => of(Class::Log, 99, OTHER),
        },
        Deed::Other => BASE,
    }
}

fn api_activity(event: &Value) -> (u64, &'static str) {
    let verb = text(event, "how.verb").or_else(|| text(event, "what.action")).unwrap_or_default().to_ascii_lowercase();
    // exec, attach, port-forward and proxy arrive as get or create and are neither.
    let kind = text(event, "what.object.kind").unwrap_or_default();
    // A line of the API server's HTTP log names no object.
    let uri = text(event, "how.request_uri").filter(|_| kind.is_empty()).unwrap_or_default();
    let path = uri.split_once('?').map_or(uri.as_ref(), |(path, _)| path);
    let subs = ["/exec", "/attach", "/portforward", "/proxy"];
    let session = subs.iter().any(|sub| kind.ends_with(sub) || path.ends_with(sub)) || path.contains("/proxy/");
    match verb.as_str() {
        _ if session => (99, OTHER),
        "create" | "created" | "post" => (1, "Create"),
        "get" | "list" | "watch" => (2, "Read"),
        "update" | "updated" | "patch" | "put" | "apply" => (3, "Update"),
        "delete" | "deletecollection" | "removed" | "deleting" => (4, "Delete"),
        _ => (99, OTHER),
    }
}

fn file_activity(file: File) -> (u64, &'static str) {
    match file {
        File::Create => (1, "Create"),
        File::Read => (2, "Read"),
        File::Update => (3, "Update"),
        File::Delete => (4, "Delete"),
        File::Rename => (5, "Rename"),
        File::Attributes => (6, "Set Attributes"),
        File::Security => (7, "Set Security"),
        File::ReadAttributes => (8, "Get Attributes"),
        File::ReadSecurity => (9, "Get Security"),
        File::Mount => (12, "Mount"),
        File::Unmount => (13, "Unmount"),
        File::Open => (14, "Open"),
        File::Other => (99, OTHER),
    }
}

/// Parts of our own JSON without a place in the schema, or without one that says as much.
const UNMAPPED: &[&str] = &[
    "source",
    "who.kind",
    "who.asserted_by",
    "who.as",
    "who.address",
    "who.login",
    "who.effective",
    "what.action",
    "what.object",
    "what.objects",
    "what.outcome",
    "where",
    "how.exe",
    "how.syscall",
    "how.args",
    "how.exec_id",
    "how.stages",
    "how.net",
    "why.reason",
    "issues",
    "evidence",
];

/// The attributes that every class has.
fn finish(event: &Value, shape: Shape, mut out: Out) -> Value {
    let class = shape.class as u64;
    let (class_name, category_name) = shape.class.names();
    let action = text(event, "what.action");
    out.set("activity_id", shape.activity);
    match (shape.activity_name, action) {
        (OTHER, _) if shape.class == Class::Http => out.text("activity_name", text(event, "how.verb")),
        (OTHER, action) => out.text("activity_name", action),
        (name, _) => out.set("activity_name", name),
    }
    out.set("category_uid", class / 1000);
    out.set("category_name", category_name);
    out.set("class_uid", class);
    out.set("class_name", class_name);
    out.set("type_uid", class * 100 + shape.activity);
    times(event, &mut out);
    let source = text(event, "source");
    let gap = shape.class == Class::Log && matches!(source.as_deref(), Some("self" | "control-plane"));
    out.set("severity_id", if gap { 3 } else { 1 });
    outcome(event, shape.class, &mut out);
    out.set("metadata", metadata(event, &out));
    for path in UNMAPPED {
        out.set_some(&format!("unmapped.{path}"), at(event, path).cloned());
    }
    out.value()
}

fn times(event: &Value, out: &mut Out) {
    let when = |path: &str| {
        let text = text(event, path)?;
        let moment = chrono::DateTime::parse_from_rfc3339(&text).ok()?;
        Some((moment.timestamp_millis(), text.into_owned()))
    };
    // A time is required and every event of ours has one; JSON of somebody else that has none gets the one that nobody takes for real.
    let (time, text) = when("when.event").unwrap_or((0, "1970-01-01T00:00:00Z".to_owned()));
    out.set("time", time);
    out.set("time_dt", text.clone());
    if let Some((end, end_text)) = when("when.end") {
        out.set("start_time", time);
        out.set("start_time_dt", text);
        out.set("end_time", end);
        out.set("end_time_dt", end_text);
        out.set_some("duration", end.checked_sub(time).filter(|ms| *ms >= 0));
    }
    if let Some((received, received_text)) = when("when.received") {
        out.set("metadata.logged_time", received);
        out.set("metadata.logged_time_dt", received_text);
    }
}

fn outcome(event: &Value, class: Class, out: &mut Out) {
    let outcome = text(event, "what.outcome").unwrap_or_default();
    out.set(
        "status_id",
        match outcome.as_ref() {
            "success" => 1,
            "failure" | "denied" => 2,
            _ => 0,
        },
    );
    out.text("status_code", text(event, "what.code"));
    let api = class == Class::Api && !said::is_own_request(event);
    let accepted = class == Class::Network && text(event, "how.net.verdict").as_deref() == Some("accept");
    match outcome.as_ref() {
        "denied" => {
            out.set("status_detail", "denied");
            out.set("action_id", 2);
            out.set("disposition_id", 2);
        }
        // Authorization comes before anything that could succeed; of a failure the event does not tell.
        "success" if api => out.set("action_id", 1),
        "success" if accepted => {
            out.set("action_id", 1);
            out.set("disposition_id", 1);
        }
        _ => {}
    }
}

fn metadata(event: &Value, sofar: &Out) -> Value {
    let mut out = Out::default();
    out.set("version", OCSF_VERSION);
    out.set("product", json!({"name": "deponent", "vendor_name": "deponent", "version": env!("CARGO_PKG_VERSION")}));
    let mut profiles = vec!["datetime", "host"];
    profiles.extend((sofar.has("action_id") || sofar.has("firewall_rule")).then_some("security_control"));
    profiles.extend(parts::uses_linux_users(event).then_some("linux/linux_users"));
    profiles.extend(parts::uses_container(event).then_some("container"));
    out.set("profiles", profiles);
    out.text("uid", text(event, "id"));
    out.text("original_event_uid", text(event, "how.audit_id"));
    out.text("original_time", text(event, "when.event"));
    out.text("log_provider", Some(log_provider(event)));
    let keys: Vec<Value> = each_text(event, "why.keys").into_iter().map(|key| Value::from(key.into_owned())).collect();
    out.set_some("labels", (!keys.is_empty()).then_some(keys));
    let metadata = sofar.get("metadata").and_then(Value::as_object);
    for (name, value) in metadata.into_iter().flatten() {
        out.set(name, value.clone());
    }
    out.value()
}

/// The program whose log it is.
fn log_provider(event: &Value) -> Cow<'_, str> {
    let source = text(event, "source").unwrap_or_default();
    match source.as_ref() {
        "linux" => "auditd".into(),
        "kubernetes" => "kube-apiserver".into(),
        "control-plane" => text(event, "how.comm").unwrap_or(source),
        "cri-o" => "crio".into(),
        "docker" => "dockerd".into(),
        "containerd" | "kubelet" | "syslog" | "application" => source,
        _ => "deponent".into(),
    }
}

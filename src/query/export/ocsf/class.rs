//! What is special to each OCSF class. `None`: the event does not hold what the class requires.
//!
//! Inside: API, processes, files, modules, logs. Not here: identities (`iam`), networks and HTTP (`net`), what all classes share (`ocsf`), the objects (`parts`).

use super::super::deed::Deed;
use super::super::out::{Out, base_name};
use super::super::said;
use super::{Class, iam, net, parts};
use crate::query::json::{at, number, text};
use serde_json::{Value, json};

/// The class's own attributes.
pub(super) fn fill(event: &Value, deed: Deed, class: Class) -> Option<Out> {
    match class {
        Class::Base => Some(base(event)),
        Class::Api => Some(api(event)),
        Class::Process => process(event, deed),
        Class::File => file(event),
        Class::Module => module(event),
        Class::Log => Some(log(event)),
        Class::Authentication => iam::authentication(event, deed),
        Class::Account => iam::account(event),
        Class::Access => iam::access(event),
        Class::Group => iam::group(event),
        Class::Network => net::network(event, deed),
        Class::Http => Some(net::http(event)),
    }
}

/// An event of no class: who and where.
pub(super) fn base(event: &Value) -> Out {
    let mut out = Out::default();
    out.set_some("actor", parts::actor(event));
    if text(event, "where.node").is_some() {
        out.set("device", parts::device(event));
    }
    out
}

fn api(event: &Value) -> Out {
    let mut out = Out::default();
    out.set_some("actor.user", parts::user(event));
    out.text("actor.app_name", text(event, "how.user_agent"));
    if said::is_own_request(event) {
        out.text("actor.app_name", text(event, "how.comm"));
    }
    if !out.has("actor") {
        out.set("actor.app_name", "unknown");
    }
    if let Some(session) = parts::session(event) {
        out.set("actor.session", session);
    }
    let action = text(event, "what.action");
    let operation = text(event, "how.verb").or(action).unwrap_or_else(|| "unknown".into());
    out.set("api.operation", operation.into_owned());
    out.text("api.request.uid", text(event, "how.audit_id"));
    out.set_some("api.response.code", text(event, "what.code").and_then(|code| code.parse::<u32>().ok()));
    let unknown = || json!({"name": "unknown"});
    out.set("src_endpoint", parts::endpoint(event, "who.address", "how.net.sport").unwrap_or_else(unknown));
    out.text("http_request.user_agent", text(event, "how.user_agent"));
    net::url(event, &mut out);
    out.set_some("resources", resource(event).map(|resource| vec![resource]));
    if text(event, "where.node").is_some() {
        out.set("device", parts::device(event));
    }
    out
}

fn resource(event: &Value) -> Option<Value> {
    let object = at(event, "what.object")?;
    let mut out = Out::default();
    out.text("name", text(object, "name"));
    out.text("uid", text(object, "uid"));
    if !out.has("name") && !out.has("uid") {
        // A collection has no name of its own; the schema wants one. A create without a name has not got it yet.
        let verb = text(event, "how.verb")?;
        if !["list", "watch", "deletecollection"].contains(&verb.as_ref()) {
            return None;
        }
        out.set("name", "*");
    }
    out.text("type", text(object, "kind"));
    out.text("namespace", text(object, "namespace"));
    out.set("role_id", 1);
    out.some()
}

fn process(event: &Value, deed: Deed) -> Option<Out> {
    let mut out = Out::default();
    out.set("device", parts::device(event));
    match deed {
        Deed::Exec | Deed::Command => {
            out.set("process", parts::launched(event)?);
            out.set_some("actor.user", parts::user(event));
            // Of a failed execution the program is the caller's; of a successful one only the parent is another process.
            let failed = !matches!(text(event, "what.outcome").as_deref(), Some("success"));
            match number(event, "how.ppid") {
                Some(parent) if !failed => out.set("actor.process.pid", parent),
                _ => out.set("actor.process", parts::process(event)?),
            }
            if deed == Deed::Exec {
                out.set("launch_type_id", 3);
                out.set("launch_type", "Exec");
            }
        }
        _ => {
            out.set("process", parts::process(event)?);
            out.set("actor", parts::actor(event)?);
        }
    }
    Some(out)
}

fn file(event: &Value) -> Option<Out> {
    let mut out = Out::default();
    out.set("device", parts::device(event));
    out.set("actor", parts::actor(event)?);
    out.set("file", parts::file(event)?);
    let others = at(event, "what.objects").and_then(Value::as_array);
    let new = others.into_iter().flatten().find(|object| text(object, "role").as_deref() == Some("CREATE"));
    if text(event, "what.action").is_some_and(|action| action.contains("renam")) {
        out.set_some("file_result", new.and_then(parts::object_file));
    }
    Some(out)
}

fn module(event: &Value) -> Option<Out> {
    let mut out = Out::default();
    out.set("device", parts::device(event));
    out.set("actor", parts::actor(event)?);
    out.set("module.load_type_id", 0);
    out.set_some("module.file", parts::file(event));
    Some(out)
}

fn log(event: &Value) -> Out {
    let mut out = base(event);
    let path = text(event, "what.object.path");
    let provider = super::log_provider(event);
    // Of an application, of the system.
    out.set("log_type_id", if provider == "auditd" { 1 } else { 2 });
    out.set("log_provider", provider.into_owned());
    out.set("log_name", path.as_deref().map_or("audit", base_name));
    if path.is_some() {
        out.set_some("file", parts::file(event));
    }
    out
}

//! The OCSF classes about identities: authentication, changes of accounts, of their privileges, of groups.
//!
//! An `Account Switch` is sudo, su and impersonation: `actor.user` is who asked, `user` whom they went on as. Of other authentications `user` is who was
//! authenticated, and a line of a log says nothing of who stood behind that name. Not here: the other classes (`class`, `net`), the objects (`parts`).

use super::super::deed::Deed;
use super::super::out::{Out, base_name};
use super::super::said;
use super::class::base;
use super::parts;
use crate::query::json::text;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The account that an authentication or an account change is about: the object where it is named, else who acted.
fn account_user(event: &Value) -> Option<Value> {
    let mut out = Out::default();
    out.text("name", text(event, "what.object.name"));
    out.text("uid", text(event, "what.object.uid"));
    out.some().or_else(|| parts::user(event)).or_else(|| parts::effective(event))
}

/// The same of a line: there the object may be a session or a command.
fn subject(event: &Value, deed: Deed) -> Option<Value> {
    let named = || text(event, "who.name").filter(|_| deed != Deed::Switch);
    let name = text(event, "who.as").or_else(named)?;
    let mut out = Out::default();
    out.set("name", name.as_ref());
    if text(event, "what.object.kind").as_deref() == Some("session") {
        out.text("uid", text(event, "who.effective.uid"));
    }
    out.set("type_id", if name.starts_with("system:serviceaccount:") { 4 } else { 1 });
    if deed != Deed::Switch {
        out.text("credential_uid", text(event, "who.credential"));
    }
    out.some()
}

pub(super) fn authentication(event: &Value, deed: Deed) -> Option<Out> {
    let line = said::is_line(event);
    let mut out = base(event);
    let user = if line { subject(event, deed) } else { account_user(event) };
    // A failure that names nobody is still one; a user who is called that has another type.
    let failed = matches!(text(event, "what.outcome").as_deref(), Some("failure" | "denied"));
    let nobody = || (failed && deed == Deed::Logon).then(|| json!({"name": "unknown", "type_id": 0}));
    out.set("user", user.or_else(nobody)?);
    if deed == Deed::Switch {
        let (id, name) = match text(event, "source").as_deref() {
            Some("syslog") => (1, "Substitute User"),
            _ => (2, "Impersonate"),
        };
        out.set("account_switch_type_id", id);
        out.set("account_switch_type", name);
    } else if line {
        out.remove("actor");
        out.set_some("actor.process", parts::process(event));
    }
    let program = if line { service(event) } else { text(event, "how.exe").or_else(|| text(event, "how.comm")) };
    if let Some(program) = &program {
        out.set("service.name", base_name(program));
    }
    match text(event, "where.node") {
        Some(node) => out.set("dst_endpoint.hostname", node.into_owned()),
        None if program.is_none() => out.set("service.name", "unknown"),
        None => {}
    }
    out.set_some("session", parts::session(event));
    let source = parts::endpoint(event, "who.address", "how.net.sport")
        .or_else(|| parts::endpoint(event, "how.net.src", "how.net.sport"));
    let ssh = program.is_some_and(|program| base_name(&program).starts_with("sshd"));
    if ssh || source.is_some() {
        out.set("is_remote", true);
        if ssh || !line {
            out.set("logon_type_id", 10);
        }
    }
    out.set_some("src_endpoint", source);
    // sshd's methods are none of the schema's protocols.
    if let Some(method) = said::field(event, "method").filter(|_| ssh && line) {
        out.set("auth_protocol_id", 99);
        out.set("auth_protocol", method.into_owned());
    }
    Some(out)
}

/// What authenticates, as a line tells it.
fn service(event: &Value) -> Option<Cow<'_, str>> {
    let of_pam = || said::field(event, "service").filter(|_| text(event, "source").as_deref() == Some("syslog"));
    // sudo's own file does not name it.
    let of_sudo = || (text(event, "what.object.kind").as_deref() == Some("command")).then_some(Cow::Borrowed("sudo"));
    of_pam().or_else(|| text(event, "how.comm")).or_else(of_sudo).or_else(|| text(event, "where.container"))
}

pub(super) fn account(event: &Value) -> Option<Out> {
    let mut out = base(event);
    out.set("user", account_user(event)?);
    if text(event, "what.object.kind").as_deref() == Some("role") {
        out.set("user.type_id", 99);
        out.set("user.type", "role");
    }
    Some(out)
}

pub(super) fn access(event: &Value) -> Option<Out> {
    let mut out = account(event)?;
    out.set("privileges", vec![said::privilege(event)?.into_owned()]);
    Some(out)
}

pub(super) fn group(event: &Value) -> Option<Out> {
    let mut out = base(event);
    let mut group = Out::default();
    group.text("name", text(event, "what.object.name"));
    group.text("uid", text(event, "what.object.uid"));
    out.set("group", group.some()?);
    Some(out)
}
